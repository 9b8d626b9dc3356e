/* What people would have said of a whole run, from what they said of a sample of its answers and what its checks said of all. */
#include "control/api_reviews.h"

#include "base/table.h"
#include "control/eval_runs.h"
#include "quality/check.h"
#include "stats/corrected.h"

#define CONFIDENCE 0.95

struct people_rate {
    struct api_call *c;
    const struct review_view *v;
    struct table verdicts;       /* case -> struct seen_verdict */
    double *label, *judged, *rest;
    size_t n, n_rest, room;
};

struct seen_verdict {
    double value; /* 1 passed, 0 failed */
    bool labelled;
};

static bool see_result(void *ctx, const struct run_result *r) {
    struct people_rate *x = ctx;
    struct json_doc d;
    struct seen_verdict *v = r->verdict == CHECK_ERROR ? NULL : arena_new(x->c->arena, struct seen_verdict);
    if (v == NULL || json_read(r->body, x->c->arena, 1, &d, NULL) != FAULT_NONE) return true; /* what has no verdict takes no part */
    *v = (struct seen_verdict){.value = r->verdict == CHECK_PASS};
    (void)table_put(&x->verdicts, arena_slice(x->c->arena, json_string(&d, json_get(&d, 0, "case"), x->c->arena)), v);
    return true;
}

static bool see_item(void *ctx, const struct review_item *i) {
    struct people_rate *x = ctx;
    struct json_doc d;
    int32_t label = 0;
    bool adjudicated;
    if (api_review_state(x->v, (size_t)i->at, &label, &adjudicated) != REVIEW_SETTLED) return true;
    if (json_read(i->body, x->c->arena, 1, &d, NULL) != FAULT_NONE) return true;
    struct seen_verdict *v = table_get(&x->verdicts, json_string(&d, json_get(&d, 0, "case"), x->c->arena));
    if (v == NULL || v->labelled || x->n == x->room) return true;
    v->labelled = true;
    x->label[x->n] = label;
    x->judged[x->n++] = v->value;
    return true;
}

static void put(struct json_writer *w, const struct people_rate *x, const char *why_not) {
    struct corrected_sample s = {.label = x->label, .judged = x->judged, .n = x->n, .unlabelled = x->rest, .n_unlabelled = x->n_rest, .least = 0, .most = 1};
    struct corrected_mean m = {.lambda = 0};
    if (why_not == NULL && (x->n < 2 || x->n_rest < 2)) why_not = "two settled labels at least, and two answers without one, are needed";
    if (why_not == NULL) m = corrected_mean(&s, __builtin_nan(""), CONFIDENCE);
    json_key(w, "people_would_say");
    json_object(w);
    json_key(w, "pass_rate");
    if (why_not == NULL) json_put_double(w, m.estimate.value);
    else json_put_null(w);
    json_key(w, "interval");
    if (why_not == NULL) {
        json_array(w);
        json_put_double(w, m.estimate.interval.low);
        json_put_double(w, m.estimate.interval.high);
        json_array_end(w);
    } else {
        json_put_null(w);
    }
    json_member_double(w, "confidence", CONFIDENCE);
    json_member_i64(w, "labelled", (int64_t)x->n);
    json_member_i64(w, "unlabelled", (int64_t)x->n_rest);
    json_key(w, "lambda");
    if (why_not == NULL) json_put_double(w, m.lambda);
    else json_put_null(w);
    json_member_bool(w, "few_labels", x->n < CORRECTED_LABELS);
    json_member_text(w, "why_not", why_not);
    json_object_end(w);
}

static bool read_all(struct people_rate *x, const struct run_row *run) {
    struct api_call *c = x->c;
    struct error error;
    size_t cursor = 0;
    struct slice key;
    void *value;
    x->room = (size_t)run->done;
    x->label = arena_new_array(c->arena, double, x->room + 1);
    x->judged = arena_new_array(c->arena, double, x->room + 1);
    x->rest = arena_new_array(c->arena, double, x->room + 1);
    if (!x->label || !x->judged || !x->rest) return api_check(c, FAULT_TOO_LARGE, NULL);
    if (!api_check(c, run_results(c->s->evaluations, run->number, -1, -1, -1, c->arena, see_result, x, &error), &error) ||
        !api_check(c, reviews_items(c->s->evaluations, x->v->number, true, see_item, x, &error), &error))
        return false;
    while (table_next(&x->verdicts, &cursor, &key, &value))
        if (!((struct seen_verdict *)value)->labelled && x->n_rest < x->room) x->rest[x->n_rest++] = ((struct seen_verdict *)value)->value;
    return true;
}

bool api_review_put_rate(struct api_call *c, const struct review_view *v) {
    struct people_rate x = {.c = c, .v = v};
    struct run_row run;
    struct error error;
    int64_t number;
    const char *why_not = NULL;
    bool good = true;
    if (v->scale != REVIEW_BINARY || !eval_run_number(v->row.source, &number)) {
        json_key(&c->json, "people_would_say");
        json_put_null(&c->json);
        return true;
    }
    if (!api_check(c, run_find(c->s->evaluations, number, c->arena, &run, &error), &error)) return false;
    if (run.repeat > 1) why_not = "its cases were asked several times: answers to one case hang together";
    table_init(&x.verdicts);
    if (why_not == NULL) good = read_all(&x, &run);
    if (good) put(&c->json, &x, why_not);
    table_deinit(&x.verdicts);
    return good;
}
