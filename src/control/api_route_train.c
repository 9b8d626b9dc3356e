/* Routing by difficulty: training its weights, and keeping what a downgrade test found. */
#include "control/api_route.h"

#include "base/clock.h"
#include "cost/downgrade_draw.h"
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

/* ---- downgrade tests ---- */

#define SAMPLE_SPAN (7 * DAY_US)
#define RESULT_MOST (64u << 10)

static bool write_sample(struct json_writer *w, const struct model_route *m, const struct downgrade_draw *draw) {
    json_object(w);
    json_member_text(w, "model", m->name);
    json_member_text(w, "cheapest", m->tiering->tiers[0].name);
    json_member_text(w, "best", m->tiering->tiers[m->tiering->n_tiers - 1].name);
    json_member_i64(w, "candidates", (int64_t)draw->candidates);
    json_member_i64(w, "without_bodies", (int64_t)draw->without_bodies);
    json_key(w, "sample");
    json_array(w);
    for (size_t i = 0; i < draw->n; i++) {
        const struct downgrade_case *d = &draw->cases[i];
        json_object(w);
        json_member_string(w, "record", d->id);
        json_member_text(w, "dialect", dialect_name(d->dialect));
        json_member_string(w, "request", d->request);
        json_member_string(w, "answer", d->answer);
        api_put_cost(w, d->cost_nano);
        json_member_double(w, "duration_ms", (double)d->duration_us / 1000);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
    return !w->out->overflow;
}

void api_route_sample(struct api_call *c) {
    const struct model_route *m = api_route_model(c);
    struct downgrade_draw draw;
    struct error error;
    int64_t from, to;
    if (!m || !api_window(c, SAMPLE_SPAN, &from, &to)) return;
    if (!c->s->ledger) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
        return;
    }
    struct slice application = api_text(c, "application");
    if (slice_is_null(application) && c->policy && c->policy->n_applications == 1) application = slice_of(c->policy->applications[0].name);
    if (slice_is_null(application)) {
        api_fail(c, FAULT_BAD_REQUEST, "application: expected the one whose exchanges may be asked again");
        return;
    }
    size_t want = (size_t)api_number(c, "sample", 50);
    uint64_t seed = (uint64_t)api_number(c, "seed", 1);
    if (api_check(c, downgrade_draw(c->s->ledger, m, application, from, to, want, seed, c->arena, &draw, &error), &error))
        (void)write_sample(&c->json, m, &draw); /* what overflows is told by the dispatch */
}

void api_route_downgrade(struct api_call *c) {
    const struct model_route *m = api_route_model(c);
    struct json_doc doc;
    struct error error;
    if (!m || !api_check(c, json_read(c->q->body, c->arena, UINT16_MAX, &doc, &error), &error)) return;
    if (json_type(&doc, 0) != JSON_OBJECT || json_type(&doc, json_get(&doc, 0, "answer")) != JSON_STRING || c->q->body.len > RESULT_MOST) {
        api_fail(c, FAULT_BAD_REQUEST, "expected the result of a downgrade test, with an `answer`, of at most %u bytes", RESULT_MOST);
        return;
    }
    struct slice model = slice_of(m->name), json = json_raw(&doc, 0);
    enum fault fault = registry_tiering_downgrade(c->s->registry, model, json, slice_of(c->actor), clock_wall_us(), &error);
    if (!api_check(c, fault, &error) || !api_check(c, api_audit(c, "route.downgrade_test", model, json, &error), &error)) return;
    json_object(&c->json);
    json_member_text(&c->json, "model", m->name);
    json_object_end(&c->json);
}
