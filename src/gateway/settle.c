#include "gateway/exchange.h"

#include "base/clock.h"

#include <stdio.h>

/* Text is about four bytes a token in the common encodings; an image about 800 tokens. Used only for what a
 * provider did not get to count, and marked. */
#define BYTES_PER_TOKEN 4
#define TOKENS_PER_IMAGE 800

/* An attempt was under way when it ended: the provider was working, and will bill for it. */
static bool was_consumed(const struct exchange *x, enum record_status status) {
    const struct record *r = &x->record;
    if (status == RECORD_TRUNCATED) return true;
    return status == RECORD_CANCELLED && r->n_attempts > 0 && r->attempts[r->n_attempts - 1].error == FAULT_CANCELLED;
}

/* The provider never said what it counted: our estimate, marked as one. */
static void estimate(struct exchange *x, struct usage *u) {
    if (u->input == USAGE_NULL) {
        u->input = (int64_t)(x->call.text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN + (int64_t)x->call.n_images_total * TOKENS_PER_IMAGE;
        u->estimated = true;
    }
    /* counts sent before the end are placeholders or out of date */
    int64_t output = (int64_t)(x->output_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    if (u->output < output || !x->reader.finished) {
        u->output = u->output > output ? u->output : output;
        u->estimated = true;
    }
}

static void settle_money(struct exchange *x, enum record_status status) {
    struct record *r = &x->record;
    bool answered = status == RECORD_OK || was_consumed(x, status);
    if (answered && x->target) {
        r->provider = slice_of(x->target->provider->name);
        r->target_model = slice_of(x->target->model);
        r->usage = x->reader.usage;
        if (status != RECORD_OK) estimate(x, &r->usage);
        struct price_quote quote;
        price_quote(x->target->price, &r->usage, r->time_us, false, &quote);
        r->cost_nano = quote.cost_nano;
        charge_of_quote(&quote, &r->charge);
        if (x->call.endpoint == ENDPOINT_COUNT_TOKENS) { /* a question about tokens uses none */
            usage_init(&r->usage);
            r->cost_nano = 0;
            r->charge = (struct charge){0};
        }
    } else {
        r->cost_nano = 0; /* no provider gave anything to pay for */
    }
}

static void count_tokens(struct metric_shard *s, const struct record *r, const char *application, const char *model) {
    const struct {
        const char *kind;
        int64_t n;
    } kinds[] = {{"input", r->usage.input},
                 {"cache_read", r->usage.cache_read},
                 {"cache_write", r->usage.cache_write},
                 {"output", r->usage.output},
                 {"reasoning", r->usage.reasoning}};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].n > 0)
            metric_add(metric_cell(s, METRIC_TOKENS, (const char *[METRIC_LABELS]){application, model, kinds[i].kind}), kinds[i].n);
}

static void count(struct exchange *x, enum record_status status) {
    struct metric_shard *s = x->gateway->metrics;
    const struct record *r = &x->record;
    const char *application = x->key->application->name;
    /* only configured names may become labels */
    const char *model = x->model ? x->model->name : "";
    const char *labels[METRIC_LABELS] = {application, model, NULL};
    metric_add(metric_cell(s, METRIC_EXCHANGES, (const char *[METRIC_LABELS]){application, model, record_status_name(status)}), 1);
    metric_observe_us(metric_cell(s, METRIC_DURATION, labels), r->duration_us);
    metric_observe_us(x->gateway->overhead_cell, r->overhead_us);
    if (r->stream && r->ttft_us >= 0) metric_observe_us(metric_cell(s, METRIC_FIRST_TOKEN, labels), r->ttft_us);
    if (!money_is_known(r->cost_nano))
        metric_add(metric_cell(s, METRIC_UNPRICED, labels), 1);
    else if (r->cost_nano > 0)
        metric_add(metric_cell(s, METRIC_COST, labels), r->cost_nano);
    count_tokens(s, r, application, model);
    if (r->dropped_events > 0 && x->target)
        metric_add(metric_cell(s, METRIC_DROPPED_EVENTS, (const char *[METRIC_LABELS]){x->target->provider->name, x->target->model}),
                   r->dropped_events);
}

static void keep_payloads(struct exchange *x, enum record_status status) {
    struct gateway *g = x->gateway;
    if (x->key->application->payloads.capture == CAPTURE_FULL && g->sinks.payload)
        (void)g->sinks.payload(g->sinks.ctx, g->lane, &x->record, x->body, buffer_slice(&x->copy), slice_is_null(x->record.prompt_name) ? SLICE_NULL : x->request->body);
    if (status == RECORD_OK && x->model && x->model->degraded == DEGRADED_CACHE && !x->no_store) {
        struct answer_key key;
        answers_key(x->record.application, x->call.endpoint, x->client->id, x->body, &key);
        struct answer a = {.content_type = x->answer_type, .body = buffer_slice(&x->copy), .kept_us = clock_us()};
        cache_origin(x, &a.from);
        answers_keep(g->shared->answers, &key, &a);
    }
    cache_keep(x);
}

/* capture: none means that nothing about people or content is kept. */
static void strip(struct record *r, bool pseudonymous) {
    if (!pseudonymous) r->user = r->tags = SLICE_NULL;
    r->session = SLICE_NULL;
    r->has_system_prompt = false;
}

void settle(struct exchange *x, enum record_status status, int http_status, enum fault fault, const char *text) {
    struct gateway *g = x->gateway;
    struct record *r = &x->record;
    r->status = status;
    r->http_status = http_status;
    r->error = fault;
    if (fault != FAULT_NONE) r->error_text = slice_of(text ? text : fault_text(fault));
    settle_money(x, status);
    exchange_woke(x);
    r->overhead_us = exchange_overhead_us(x);
    r->duration_us = clock_us() - x->begin_us;
    reserve_settle(x, (status == RECORD_OK && !r->cache.len) || was_consumed(x, status));
    if (x->key->application->payloads.capture == CAPTURE_NONE) strip(r, x->pseudonymous);
    exchange_enter(x, EXCHANGE_DONE);
    keep_payloads(x, status);
    (void)g->sinks.record(g->sinks.ctx, g->lane, r); /* a lost record is counted by the recorder */
    count(x, status);
    once_settle(x);
    prompt_settle(x);
}

static const char *text_of(struct exchange *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *text_of(struct exchange *x, const char *format, ...) {
    char text[LIMIT_LABEL * 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return arena_text(&x->arena, slice_of(text));
}

struct header_list {
    struct http_header *at;
    unsigned n;
};

static void put(struct header_list *l, const char *name, const char *value) {
    if (l->n < SETTLE_HEADERS && value) l->at[l->n++] = (struct http_header){slice_of(name), slice_of(value)};
}

/* The upstream's request id and the rate limits that it told of; one look-up when it told of none. */
static void pass_upstream(struct exchange *x, struct header_list *l, bool id_alone) {
    static const char *const openai[] = {"x-request-id", "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens",
                                         "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens",
                                         "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", NULL};
    static const char *const anthropic[] = {"request-id", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-tokens-limit",
                                            "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-tokens-remaining",
                                            "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-tokens-reset", NULL};
    if (!x->transfer) return;
    const char *const *names = x->upstream->wire == WIRE_OPENAI ? openai : anthropic;
    for (unsigned i = 0; names[i]; i++) {
        struct slice v = http_transfer_header(x->transfer, names[i]);
        if (v.len)
            put(l, names[i], arena_text(&x->arena, v));
        else if (i == 1)
            return;
        if (id_alone) return;
    }
}

static void put_rate(struct exchange *x, struct header_list *l, const char *what, const struct rate_state *s) {
    if (s->limit < 0) return;
    int64_t ms = (s->reset_us + 999) / 1000;
    if (x->client->wire == WIRE_OPENAI) {
        put(l, text_of(x, "x-ratelimit-limit-%s", what), text_of(x, "%lld", (long long)s->limit));
        put(l, text_of(x, "x-ratelimit-remaining-%s", what), text_of(x, "%lld", (long long)s->remaining));
        put(l, text_of(x, "x-ratelimit-reset-%s", what), text_of(x, "%lld.%03llds", (long long)ms / 1000, (long long)ms % 1000));
    } else {
        char when[CLOCK_TEXT];
        clock_format(clock_wall_us() + s->reset_us, when);
        put(l, text_of(x, "anthropic-ratelimit-%s-limit", what), text_of(x, "%lld", (long long)s->limit));
        put(l, text_of(x, "anthropic-ratelimit-%s-remaining", what), text_of(x, "%lld", (long long)s->remaining));
        put(l, text_of(x, "anthropic-ratelimit-%s-reset", what), text_of(x, "%s", when));
    }
}

/* Waiting does not help: the client's library shall not try again by itself. */
static bool is_final(const struct exchange *x) {
    const struct record *r = &x->record;
    return r->error == FAULT_BUDGET_EXCEEDED || r->error == FAULT_APPROVAL_REQUIRED || r->error == FAULT_UNKNOWN_PRICE ||
           r->error == FAULT_KEY_FROZEN || (r->error == FAULT_CONFLICT && x->retry_after_us < 0);
}

/* What is known of the answer that is given again. */
static void put_once(struct exchange *x, struct header_list *l) {
    char money[MONEY_TEXT];
    if (x->once_target[0]) put(l, "x-quarterdeck-model", x->once_target);
    put(l, "x-quarterdeck-once-us", text_of(x, "%lld", (long long)x->once_us));
    if (!money_is_known(x->record.saved_nano)) return;
    money_format(x->record.saved_nano, money);
    put(l, "x-quarterdeck-once-usd", text_of(x, "%s", money));
}

unsigned settle_headers(struct exchange *x, const char *content_type, struct http_header out[SETTLE_HEADERS]) {
    struct record *r = &x->record;
    struct header_list l = {out, 0};
    char id[RECORD_ID_TEXT], money[MONEY_TEXT];
    record_id_format(&r->id, id);
    put(&l, "content-type", content_type);
    put(&l, "x-quarterdeck-id", text_of(x, "%s", id));
    if (!slice_is_null(r->prompt_name)) put(&l, "x-quarterdeck-prompt", text_of(x, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(r->prompt_name), SLICE_ARG(r->prompt_version)));
    put(&l, "x-quarterdeck-attempts", text_of(x, "%u", r->n_attempts + (x->admission != ADMIT_NO)));
    bool answered = x->state == EXCHANGE_STREAM || r->status == RECORD_OK;
    bool own_words = r->status == RECORD_ERROR && r->http_status == x->upstream_status; /* the provider's refusal as it is */
    if (answered && x->target) put(&l, "x-quarterdeck-model", x->target->health_key);
    if (x->tier && r->tier_applied) put(&l, "x-quarterdeck-tier", x->tier->name);
    bool own_rates = x->requests_left.limit >= 0 || x->tokens_left.limit >= 0;
    if ((answered || own_words) && x->target) pass_upstream(x, &l, own_rates);
    put_rate(x, &l, "requests", &x->requests_left);
    put_rate(x, &l, "tokens", &x->tokens_left);
    if (r->cache.len || x->cache_missed) put(&l, "x-quarterdeck-cache", r->cache.len ? text_of(x, SLICE_FMT, SLICE_ARG(r->cache)) : "miss");
    if (r->cache_similarity_ppm >= 0)
        put(&l, "x-quarterdeck-cache-similarity", text_of(x, "%d.%06d", r->cache_similarity_ppm / 1000000, r->cache_similarity_ppm % 1000000));
    if (x->state == EXCHANGE_DONE) {
        if (r->status == RECORD_DEGRADED) put(&l, "x-quarterdeck-degraded", r->cache.len ? "cache" : "message");
        if (money_is_known(r->cost_nano)) {
            money_format(r->cost_nano, money);
            put(&l, "x-quarterdeck-cost-usd", text_of(x, "%s", money));
        }
        if (x->once_target) put_once(x, &l);
        if (r->error == FAULT_NO_TARGET && r->n_attempts > 0) put(&l, "x-quarterdeck-last-error", fault_name(x->last.fault));
        if ((r->http_status >= 429 || r->error == FAULT_CONFLICT) && x->retry_after_us >= 0)
            put(&l, "retry-after", text_of(x, "%lld", (long long)((x->retry_after_us + 999999) / 1000000)));
        if (is_final(x) || (r->status == RECORD_ERROR && r->n_attempts > 0 && r->error != FAULT_SHUTTING_DOWN))
            put(&l, "x-should-retry", "false"); /* our own retries are used up */
    }
    put(&l, "x-quarterdeck-overhead-us", text_of(x, "%lld", (long long)exchange_overhead_us(x)));
    if (x->call.stream) put(&l, "cache-control", "no-cache");
    return l.n;
}
