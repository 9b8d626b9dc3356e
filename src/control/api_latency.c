/* Latencies and totals, read off the rollups: whole minutes, or hours where the window is long. */
#include "control/api.h"

#include <stdio.h>

#define MINUTE_US 60000000LL
#define HOUR_US (60 * MINUTE_US)
#define SERIES_MOST 1500 /* points of one time series: a day of minutes, two months of hours */

static const struct dimension {
    const char *name;
    enum rollup_dimension bit;
    size_t offset;
} dimensions[] = {
    {"application", BY_APPLICATION, offsetof(struct rollup, application)},
    {"request_type", BY_REQUEST_TYPE, offsetof(struct rollup, request_type)},
    {"model", BY_MODEL, offsetof(struct rollup, model)},
    {"prompt", BY_PROMPT, offsetof(struct rollup, prompt)},
    {"feature", BY_FEATURE, offsetof(struct rollup, feature)},
    {"team", BY_TEAM, offsetof(struct rollup, team)},
};
#define DIMENSIONS (sizeof dimensions / sizeof *dimensions)

static bool need_ledger(struct api_call *c) {
    if (c->s->ledger) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
    return false;
}

/* The window in whole minutes (or steps), as it is answered and stated. */
static bool query_of(struct api_call *c, int64_t step_us, struct rollup_query *ret) {
    int64_t from, to;
    if (!api_window(c, HOUR_US, &from, &to)) return false;
    if (from < 0) from = 0;
    from -= from % step_us;
    to += (step_us - to % step_us) % step_us;
    *ret = (struct rollup_query){.from_us = from, .to_us = to,
                                 .application = api_text(c, "application"),
                                 .request_type = api_text(c, "request_type"),
                                 .model = api_text(c, "model")};
    return true;
}

static void put_window(struct json_writer *w, const struct rollup_query *q) {
    api_put_time(w, "from", q->from_us);
    api_put_time(w, "to", q->to_us);
}

/* ---- latency ---- */

struct latency {
    struct json_writer *w;
    unsigned by;
};

static void put_ms(struct json_writer *w, const char *key, double us) {
    char text[48];
    int n = snprintf(text, sizeof text, "%.3f", us / 1000);
    json_member_raw(w, key, slice_make(text, (size_t)n));
}

static void put_distribution(struct json_writer *w, const char *key, const struct histogram *h) {
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.50}, {"p90", 0.90}, {"p95", 0.95}, {"p99", 0.99}};
    json_key(w, key);
    if (h->count == 0) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_i64(w, "n", (int64_t)h->count);
    for (unsigned i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        put_ms(w, quantiles[i].name, histogram_quantile(h, quantiles[i].q));
    json_object_end(w);
}

static bool put_latency(void *ctx, const struct rollup *r) {
    struct latency *l = ctx;
    json_object(l->w);
    for (unsigned i = 0; i < DIMENSIONS; i++) {
        struct slice name;
        memcpy(&name, (const char *)r + dimensions[i].offset, sizeof name);
        if (l->by & dimensions[i].bit) json_member_string(l->w, dimensions[i].name, name);
    }
    json_member_i64(l->w, "n", (int64_t)r->count);
    put_distribution(l->w, "total_ms", &r->histograms[ROLLUP_DURATION]);
    put_distribution(l->w, "first_token_ms", &r->histograms[ROLLUP_FIRST_TOKEN]);
    put_distribution(l->w, "per_token_ms", &r->histograms[ROLLUP_PER_TOKEN]);
    json_object_end(l->w);
    return !l->w->out->overflow;
}

static void put_budget(struct json_writer *w, const struct application *a, const struct request_policy *t, const char *of, const char *quantile, int64_t us) {
    if (us <= 0) return;
    json_object(w);
    json_member_text(w, "application", a->name);
    json_member_text(w, "request_type", t->request_type);
    json_member_text(w, "of", of);
    json_member_text(w, "quantile", quantile);
    put_ms(w, "ms", (double)us);
    json_object_end(w);
}

/* What the configuration declares for the request types that were asked for. */
static void put_budgets(struct api_call *c, const struct rollup_query *q) {
    json_key(&c->json, "budgets");
    json_array(&c->json);
    for (unsigned i = 0; c->policy && i < c->policy->n_applications; i++) {
        const struct application *a = &c->policy->applications[i];
        if (!slice_is_null(q->application) && !slice_is(q->application, a->name)) continue;
        for (unsigned k = 0; k < a->n_request_types; k++) {
            const struct request_policy *t = &a->request_types[k];
            const struct latency_budget *b = &t->latency;
            if (!slice_is_null(q->request_type) && !slice_is(q->request_type, t->request_type)) continue;
            put_budget(&c->json, a, t, "total", "p50", b->p50);
            put_budget(&c->json, a, t, "total", "p90", b->p90);
            put_budget(&c->json, a, t, "total", "p95", b->p95);
            put_budget(&c->json, a, t, "total", "p99", b->p99);
            put_budget(&c->json, a, t, "first_token", "p95", b->ttft_p95);
            put_budget(&c->json, a, t, "per_token", "p95", b->per_token_p95);
        }
    }
    json_array_end(&c->json);
}

void api_latency(struct api_call *c) {
    struct rollup_query q;
    struct error error;
    struct latency latency = {.w = &c->json};
    if (!need_ledger(c) || !query_of(c, MINUTE_US, &q)) return;
    for (unsigned i = 0; i < DIMENSIONS; i++)
        if (api_has_choice(c, "by", dimensions[i].name, dimensions[i].bit == BY_MODEL)) q.by |= dimensions[i].bit;
    latency.by = q.by;
    json_object(&c->json);
    put_window(&c->json, &q);
    json_key(&c->json, "by");
    json_array(&c->json);
    for (unsigned i = 0; i < DIMENSIONS; i++)
        if (q.by & dimensions[i].bit) json_put_text(&c->json, dimensions[i].name);
    json_array_end(&c->json);
    json_key(&c->json, "rows");
    json_array(&c->json);
    if (!api_check(c, ledger_rollup(c->s->ledger, &q, put_latency, &latency, &error), &error)) return;
    json_array_end(&c->json);
    put_budgets(c, &q);
    json_object_end(&c->json);
}

/* ---- totals ---- */

struct series {
    struct json_writer *w;
    int64_t next_us, step_us; /* start of the next point to be written */
};

static const struct rollup nothing; /* what a step without exchanges adds up to */

static void put_totals(struct json_writer *w, const struct rollup *r) {
    json_member_i64(w, "count", (int64_t)r->count);
    json_key(w, "by_status");
    json_object(w);
    for (unsigned i = 0; i < RECORD_STATUS_COUNT; i++)
        json_member_i64(w, record_status_name((enum record_status)i), (int64_t)r->by_status[i]);
    json_object_end(w);
    json_member_i64(w, "input", r->input);
    json_member_i64(w, "cache_read", r->cache_read);
    json_member_i64(w, "cache_write", r->cache_write);
    json_member_i64(w, "output", r->output);
    json_member_i64(w, "reasoning", r->reasoning);
    /* when nothing has a price, the sum is not zero but unknown */
    bool unknown = r->count > 0 && r->unpriced >= r->count;
    api_put_cost(w, unknown ? MONEY_UNKNOWN : r->cost_nano);
    json_member_i64(w, "unpriced", (int64_t)r->unpriced);
}

static void put_point(struct series *s, const struct rollup *r) {
    json_object(s->w);
    api_put_time(s->w, "start", s->next_us);
    put_totals(s->w, r);
    json_object_end(s->w);
    s->next_us += s->step_us;
}

static bool put_bucket(void *ctx, const struct rollup *r) {
    struct series *s = ctx;
    while (s->next_us < r->start_us) put_point(s, &nothing);
    if (s->next_us == r->start_us) put_point(s, r);
    return !s->w->out->overflow;
}

static bool put_sum(void *ctx, const struct rollup *r) {
    struct series *s = ctx;
    put_totals(s->w, r);
    s->next_us = 1; /* there was one */
    return true;
}

static bool put_series(struct api_call *c, struct rollup_query q, int64_t step_us) {
    struct error error;
    struct series s = {.w = &c->json, .next_us = q.from_us, .step_us = step_us};
    q.by = BY_TIME;
    q.step_us = step_us;
    json_key(&c->json, "series");
    json_array(&c->json);
    if (!api_check(c, ledger_rollup(c->s->ledger, &q, put_bucket, &s, &error), &error)) return false;
    while (s.next_us < q.to_us) put_point(&s, &nothing);
    json_array_end(&c->json);
    return true;
}

void api_totals(struct api_call *c) {
    struct rollup_query q;
    struct error error;
    struct series sum = {.w = &c->json};
    int64_t step = api_number(c, "step", 0);
    if (!need_ledger(c) || !query_of(c, step > 0 ? step : MINUTE_US, &q)) return;
    if (step > 0 && (q.to_us - q.from_us) / step > SERIES_MOST) {
        api_fail(c, FAULT_BAD_REQUEST, "step: expected at most %d steps in the window, found %lld: take a longer step",
                 SERIES_MOST, (long long)((q.to_us - q.from_us) / step));
        return;
    }
    json_object(&c->json);
    put_window(&c->json, &q);
    q.without = ROLLUP_WITHOUT_ALL;
    if (!api_check(c, ledger_rollup(c->s->ledger, &q, put_sum, &sum, &error), &error)) return;
    if (sum.next_us == 0) put_totals(&c->json, &nothing);
    if (step > 0 && !put_series(c, q, step)) return;
    json_object_end(&c->json);
}
