/* A load test's result as JSON, and as a table with what a former run had. */
#include "base/json.h"
#include "base/money.h"
#include "sim/load.h"

#include <math.h>
#include <stdio.h>

static const char *const context_names[LOAD_CONTEXT_BUCKETS] = {"<256", "<1k", "<4k", "<16k", "<64k", "64k+"};

/* QUANTILE(JSON name, rank) */
#define QUANTILE_TABLE(QUANTILE)                                                                             \
    QUANTILE("p50", 0.5)                                                                                     \
    QUANTILE("p90", 0.9)                                                                                     \
    QUANTILE("p95", 0.95)                                                                                    \
    QUANTILE("p99", 0.99)

static const struct {
    const char *name;
    double rank;
} quantiles[] = {
#define QUANTILE(name, rank) {name, rank},
    QUANTILE_TABLE(QUANTILE)
#undef QUANTILE
};
enum { N_QUANTILES = sizeof quantiles / sizeof quantiles[0] };

/* ---- JSON ---- */

/* Milliseconds to three digits: more is not in the buckets. */
static double ms(double us) {
    return us < 0 ? NAN : round(us) / 1000;
}

static void write_histogram(struct json_writer *w, const char *key, const struct histogram *h) {
    json_key(w, key);
    json_object(w);
    json_member_i64(w, "count", (int64_t)h->count);
    for (unsigned i = 0; i < N_QUANTILES; i++)
        json_member_double(w, quantiles[i].name, ms(histogram_quantile(h, quantiles[i].rank)));
    json_member_double(w, "max", h->count > 0 ? ms((double)h->max) : NAN);
    json_member_double(w, "mean", h->count > 0 ? ms((double)h->sum / (double)h->count) : NAN);
    json_object_end(w);
}

static void write_bucket(struct json_writer *w, const struct load_bucket *b) {
    char cost[MONEY_TEXT];
    money_format(b->requests > b->unpriced ? b->cost_nano : MONEY_UNKNOWN, cost);
    json_member_i64(w, "requests", (int64_t)b->requests);
    json_member_i64(w, "errors", (int64_t)b->errors);
    json_member_i64(w, "input_tokens", b->input_tokens);
    json_member_i64(w, "output_tokens", b->output_tokens);
    json_member_raw(w, "cost_usd", slice_of(cost));
    json_member_i64(w, "unpriced", (int64_t)b->unpriced);
    write_histogram(w, "total_ms", &b->total);
    write_histogram(w, "first_token_ms", &b->first_token);
    write_histogram(w, "per_token_ms", &b->per_token);
}

static void write_options(struct json_writer *w, const struct load_options *o) {
    json_key(w, "options");
    json_object(w);
    json_member_text(w, "url", o->url);
    json_member_text(w, "model", o->model);
    json_member_text(w, "dialect", o->anthropic ? "anthropic" : "openai");
    json_member_bool(w, "stream", o->stream);
    json_member_text(w, "trace", slice_is_null(o->trace) ? NULL : o->trace_name);
    json_member_double(w, "rate", o->rate);
    json_member_double(w, "speed", o->speed);
    json_member_double(w, "context_growth", o->context_growth);
    json_member_bool(w, "exact", o->exact);
    json_key(w, "seed");
    json_put_u64(w, o->seed);
    json_object_end(w);
}

void load_write_json(const struct load_options *o, const struct load_result *r, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    write_options(&w, o);
    json_member_i64(&w, "planned", (int64_t)r->planned);
    json_member_i64(&w, "sent", (int64_t)r->sent);
    json_member_i64(&w, "ok", (int64_t)r->ok);
    json_member_i64(&w, "failed", (int64_t)r->failed);
    json_member_i64(&w, "not_sent", (int64_t)r->not_sent);
    json_member_double(&w, "seconds", r->seconds);
    json_member_i64(&w, "expected_input_tokens", r->expected_input_tokens);
    json_member_i64(&w, "expected_output_tokens", r->expected_output_tokens);
    json_member_double(&w, "late_ms_max", ms((double)r->late_us_max));
    json_key(&w, "errors");
    json_object(&w);
    for (unsigned i = 0; i < r->n_errors; i++)
        json_member_i64(&w, r->errors[i].name, (int64_t)r->errors[i].count);
    json_object_end(&w);
    json_key(&w, "all");
    json_object(&w);
    write_bucket(&w, &r->all);
    json_object_end(&w);
    json_key(&w, "by_context");
    json_array(&w);
    for (unsigned i = 0; i < LOAD_CONTEXT_BUCKETS; i++) {
        json_object(&w);
        json_member_text(&w, "context", context_names[i]);
        write_bucket(&w, &r->by_context[i]);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

/* ---- the table ---- */

struct table_writer {
    struct buffer *out;
    struct json_doc before;
    bool compares;
};

/* A value, and behind it how many times the former run's it is. */
static void put_value(struct table_writer *t, double now, uint32_t before, int decimals) {
    double then;
    if (isnan(now)) {
        buffer_printf(t->out, "%11s", "-");
    } else {
        buffer_printf(t->out, "%11.*f", decimals, now);
    }
    if (!t->compares) return;
    if (isnan(now) || !json_get_double(&t->before, before, &then) || then == 0)
        buffer_printf(t->out, " %-8s", "");
    else buffer_printf(t->out, " x%-7.2f", now / then);
}

static void put_latency(struct table_writer *t, const char *label, const struct histogram *h,
                        uint32_t before) {
    buffer_printf(t->out, "%-14s", label);
    for (unsigned i = 0; i < N_QUANTILES; i++)
        put_value(t, ms(histogram_quantile(h, quantiles[i].rank)),
                  json_get(&t->before, before, quantiles[i].name), 1);
    put_value(t, h->count > 0 ? ms((double)h->max) : NAN, json_get(&t->before, before, "max"), 1);
    buffer_byte(t->out, '\n');
}

static void put_titles(struct table_writer *t, const char *first, const char *const *titles, unsigned n) {
    buffer_printf(t->out, "\n%-14s", first);
    for (unsigned i = 0; i < n; i++) buffer_printf(t->out, t->compares ? "%11s %-8s" : "%11s", titles[i], "");
    buffer_byte(t->out, '\n');
}

/* Unknown unless every request that succeeded has a price: a mean over some of them would mislead. */
static double cost_per_thousand(double usd, double requests, double errors, double unpriced) {
    return requests > unpriced && unpriced <= errors ? usd / (requests - unpriced) * 1000 : NAN;
}

static void put_cost(struct table_writer *t, const struct load_bucket *b, uint32_t before) {
    const struct json_doc *d = &t->before;
    double requests, errors, unpriced, usd, was = NAN;
    double now = cost_per_thousand((double)b->cost_nano / (double)MONEY_USD, (double)b->requests,
                                   (double)b->errors, (double)b->unpriced);
    if (json_get_double(d, json_get(d, before, "requests"), &requests) &&
        json_get_double(d, json_get(d, before, "errors"), &errors) &&
        json_get_double(d, json_get(d, before, "unpriced"), &unpriced) &&
        json_get_double(d, json_get(d, before, "cost_usd"), &usd))
        was = cost_per_thousand(usd, requests, errors, unpriced);
    if (isnan(now)) buffer_printf(t->out, "%11s", "-");
    else buffer_printf(t->out, "%11.4f", now);
    if (t->compares && !isnan(now) && was > 0) buffer_printf(t->out, " x%-7.2f", now / was);
}

static void put_context(struct table_writer *t, const char *label, const struct load_bucket *b,
                        uint32_t before) {
    const struct json_doc *d = &t->before;
    if (b->requests == 0) return;
    buffer_printf(t->out, "%-14s", label);
    put_value(t, (double)b->requests, json_get(d, before, "requests"), 0);
    put_value(t, ms(histogram_quantile(&b->total, 0.5)), json_get(d, json_get(d, before, "total_ms"), "p50"),
              1);
    put_value(t, ms(histogram_quantile(&b->total, 0.95)), json_get(d, json_get(d, before, "total_ms"), "p95"),
              1);
    put_value(t, ms(histogram_quantile(&b->first_token, 0.5)),
              json_get(d, json_get(d, before, "first_token_ms"), "p50"), 1);
    put_value(t, (double)b->input_tokens, json_get(d, before, "input_tokens"), 0);
    put_value(t, (double)b->output_tokens, json_get(d, before, "output_tokens"), 0);
    put_cost(t, b, before);
    buffer_byte(t->out, '\n');
}

static void put_summary(struct table_writer *t, const struct load_result *r) {
    double seconds = r->seconds > 0 ? r->seconds : 1;
    buffer_printf(
        t->out, "sent %llu of %llu in %.1f s (%.1f a second): %llu ok, %llu failed, %llu not sent\n",
        (unsigned long long)r->sent, (unsigned long long)r->planned, r->seconds, (double)r->sent / seconds,
        (unsigned long long)r->ok, (unsigned long long)r->failed, (unsigned long long)r->not_sent);
    for (unsigned i = 0; i < r->n_errors; i++)
        buffer_printf(t->out, "  %-40s %10llu\n", r->errors[i].name, (unsigned long long)r->errors[i].count);
    if (r->late_us_max > 100000)
        buffer_printf(t->out, "the generator fell %.0f ms behind its own plan: these numbers are suspect\n",
                      (double)r->late_us_max / 1000);
}

enum fault load_write_table(const struct load_result *r, struct slice before, struct buffer *out,
                            struct error *error) {
    static const char *const latency[] = {"p50", "p90", "p95", "p99", "max"};
    static const char *const context[] = {"requests",  "p50 ms",     "p95 ms",  "first p50",
                                          "tokens in", "tokens out", "USD/1000"};
    struct table_writer t = {.out = out, .compares = !slice_is_null(before)};
    struct arena arena;
    arena_init(&arena, 16384, 16 << 20);
    enum fault f = t.compares ? json_read(before, &arena, UINT16_MAX, &t.before, error) : FAULT_NONE;
    if (f == FAULT_NONE) {
        uint32_t all = json_get(&t.before, 0, "all"), buckets = json_get(&t.before, 0, "by_context");
        put_summary(&t, r);
        put_titles(&t, "milliseconds", latency, sizeof latency / sizeof latency[0]);
        put_latency(&t, "total", &r->all.total, json_get(&t.before, all, "total_ms"));
        put_latency(&t, "first token", &r->all.first_token, json_get(&t.before, all, "first_token_ms"));
        put_latency(&t, "per token", &r->all.per_token, json_get(&t.before, all, "per_token_ms"));
        put_titles(&t, "context", context, sizeof context / sizeof context[0]);
        for (unsigned i = 0; i < LOAD_CONTEXT_BUCKETS; i++)
            put_context(&t, context_names[i], &r->by_context[i], json_item(&t.before, buckets, i));
        put_context(&t, "all", &r->all, all);
    }
    arena_deinit(&arena);
    return f;
}
