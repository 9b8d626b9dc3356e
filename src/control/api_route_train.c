/* Routing by difficulty: training its weights, and keeping what a downgrade test found. */
#include "control/api_route.h"

#include "base/clock.h"
#include "cost/route_train.h"

#include <math.h>

#define DAY_US (86400 * 1000000LL)
#define TRAIN_SPAN (90 * DAY_US)

/* A number of 0..1, or the fallback; false: it was refused. */
static bool read_share(struct api_call *c, const char *name, double fallback, double *ret) {
    struct slice text = api_text(c, name);
    *ret = fallback;
    if (slice_is_null(text) || (slice_to_double(text, ret) && *ret >= 0 && *ret <= 1)) return true;
    api_fail(c, FAULT_BAD_REQUEST, "%s: expected a number from 0 to 1, found '" SLICE_FMT "'", name, SLICE_ARG(text));
    return false;
}

static void write_result(struct json_writer *w, const struct route_query *q, const struct route_wish *wish, const struct route_examples *e,
                         const struct route_fit *f) {
    json_object(w);
    json_member_text(w, "model", q->m->name);
    api_route_put_tiers(w, q->m->tiering);
    api_put_time(w, "from", q->from_us);
    api_put_time(w, "to", q->to_us);
    json_member_string(w, "quality", q->quality);
    json_member_i64(w, "scored", (int64_t)e->scored);
    json_member_i64(w, "left_off", (int64_t)e->left_off);
    json_member_i64(w, "others", (int64_t)e->others);
    json_member_i64(w, "without_request", (int64_t)e->without_request);
    route_fit_write_json(f, wish, w);
    json_object_end(w);
}

/* False after the failure was answered. */
static bool keep(struct api_call *c, const struct model_route *m, struct slice json) {
    struct error error;
    struct buffer problems;
    bool in_force;
    enum fault fault = registry_tiering_train(c->s->registry, slice_of(m->name), json, slice_of(c->actor), clock_wall_us(), &error);
    if (!api_check(c, fault, &error)) return false;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    bool good = api_route_apply(c, "route.train", slice_of(m->name), json, &problems, &in_force);
    buffer_deinit(&problems);
    return good;
}

void api_route_train(struct api_call *c) {
    struct route_query q = {.m = api_route_model(c), .quality = api_text(c, "quality")};
    struct route_wish wish;
    struct route_examples examples;
    struct route_fit fit;
    struct error error;
    struct buffer text;
    struct json_writer w;
    if (!q.m || !api_window(c, TRAIN_SPAN, &q.from_us, &q.to_us)) return;
    if (slice_is_null(q.quality)) q.quality = SLICE("quality");
    if (!read_share(c, "good", 0.7, &wish.good) || !read_share(c, "most_loss", 0.02, &wish.most_loss) ||
        !read_share(c, "least_quality", NAN, &wish.least_quality))
        return;
    if (!c->s->ledger) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
        return;
    }
    if (!api_check(c, route_examples_read(c->s->ledger, &q, c->arena, &examples, &error), &error)) return;
    if (!api_check(c, route_fit_run(examples.at, examples.n, &wish, c->arena, &fit, &error), &error)) return;
    buffer_init(&text, 1 << 20);
    json_start(&w, &text);
    write_result(&w, &q, &wish, &examples, &fit);
    if (fit.answer != ROUTE_TRAINED || keep(c, q.m, buffer_slice(&text))) json_put_raw(&c->json, buffer_slice(&text));
    buffer_deinit(&text);
}
