/* cache.c - the exact cache: the same question of one application gets the answer that it got before.
 *
 * Two requests are the same question when these are equal: application, endpoint, client dialect, prompt and
 * its version, the beta headers that are passed on, the targets that the model stands for and its tier, what the request's
 * type says of history and output, and the body. Of bodies, the members of the outermost object may come in
 * any order with any white space between them, and those that only say whose request it is are left out; all
 * other bytes count. With `per_user` the user must be the same too, and no member is left out. */
#include "gateway/exchange.h"

#include "base/clock.h"
#include "base/digest.h"

#include <stdlib.h>

enum { MOST_MEMBERS = 64 };

_Static_assert(LIMIT_CACHE_ENTRY <= LIMIT_UNSENT,
               "an answer is handed over at once, however slow its client is");

struct member {
    struct slice key, value; /* as they are written */
};

/* Members that no model sees. OpenAI: who asks, and which of the provider's prompt caches is tried first.
 * Anthropic's metadata has nothing but user_id. */
static bool is_about_caller(const struct exchange *x, const struct json_doc *d, uint32_t key) {
    if (x->client->wire == WIRE_ANTHROPIC) return json_is(d, key, "metadata");
    return json_is(d, key, "user") || json_is(d, key, "safety_identifier") ||
           json_is(d, key, "prompt_cache_key");
}

/* What a Responses request refers to may have changed since, or its answer may only say that it was begun. */
static bool has_state(const struct json_doc *d) {
    return json_get(d, 0, "conversation") != JSON_NONE ||
           json_get(d, 0, "previous_response_id") != JSON_NONE || json_get(d, 0, "background") != JSON_NONE;
}

static bool is_question(const struct exchange *x) {
    if (x->request->body.len > LIMIT_CACHE_QUESTION) return false;
    switch (x->call.endpoint) {
    case ENDPOINT_CHAT:
    case ENDPOINT_EMBEDDINGS: return true;
    case ENDPOINT_RESPONSES: return !has_state(&x->call.doc);
    default: return false; /* nothing is saved */
    }
}

/* Repeated keys stay in their order: which of them counts is the provider's business. */
static int by_key(const void *a, const void *b) {
    const struct member *l = a, *r = b;
    size_t common = l->key.len < r->key.len ? l->key.len : r->key.len;
    int order = memcmp(l->key.at, r->key.at, common);
    if (order == 0 && l->key.len != r->key.len) order = l->key.len < r->key.len ? -1 : 1;
    return order != 0 ? order : l->key.at < r->key.at ? -1 : l->key.at > r->key.at;
}

/* With its length in front, so that no two lists of texts look alike. */
static void put(struct buffer *out, struct slice s) {
    (void)buffer_append(out, slice_make((const char *)&(uint64_t){s.len}, sizeof(uint64_t)));
    (void)buffer_append(out, s);
}

static void put_body(const struct exchange *x, bool per_user, struct buffer *out) {
    const struct json_doc *d = &x->call.doc;
    struct member members[MOST_MEMBERS];
    unsigned n = 0;
    for (uint32_t cursor = JSON_NONE, key, value; json_each_member(d, 0, &cursor, &key, &value);) {
        if (!per_user && is_about_caller(x, d, key)) continue;
        if (n == MOST_MEMBERS) { /* no API has so many: as it is */
            put(out, x->request->body);
            return;
        }
        members[n++] = (struct member){json_raw(d, key), json_raw(d, value)};
    }
    if (n > 1) qsort(members, n, sizeof members[0], by_key);
    for (unsigned i = 0; i < n; i++) {
        put(out, members[i].key);
        put(out, members[i].value);
    }
}

static void write_question(const struct exchange *x, const struct request_policy *asked, struct buffer *out) {
    const struct record *r = &x->record;
    const struct model_route *m = x->model;
    const int64_t numbers[] = {x->call.endpoint,          x->client->id,
                               asked->max_output_tokens,  asked->history.keep_last,
                               asked->history.max_tokens, asked->history.keep_system,
                               asked->history.keep_first, asked->cache.per_user,
                               x->n_passed_headers,       m->n_targets};
    put(out, slice_make((const char *)numbers, sizeof numbers));
    put(out, r->prompt_name);
    put(out, r->prompt_version);
    put(out, slice_of(x->tier ? x->tier->name : NULL));
    if (asked->cache.per_user) put(out, r->user);
    for (unsigned i = 0; i < x->n_passed_headers; i++) put(out, x->passed_headers[i]);
    for (unsigned i = 0; i < m->n_targets; i++) put(out, slice_of(m->targets[i].health_key));
    put_body(x, asked->cache.per_user, out);
}

static void count(struct exchange *x, const struct answer *a) {
    struct metric_shard *s = x->gateway->metrics;
    const char *application = x->key->application->name, *model = x->model->name;
    metric_add(metric_cell(s, METRIC_CACHE_LOOKUPS,
                           (const char *[METRIC_LABELS]){application, model, a ? "hit" : "miss"}),
               1);
    if (a && money_is_known(a->cost_nano))
        metric_add(
            metric_cell(s, METRIC_CACHE_SAVED, (const char *[METRIC_LABELS]){application, model, NULL}),
            a->cost_nano);
}

static void replay(struct exchange *x, const struct answer *a) {
    struct record *r = &x->record;
    const char *type = arena_text(&x->arena, a->content_type);
    bool stream = slice_starts(a->content_type, SLICE("text/event-stream"));
    r->cache = SLICE("hit");
    r->saved_nano = a->cost_nano;
    r->finish_reason = arena_slice(&x->arena, a->finish_reason);
    r->upstream_model = arena_slice(&x->arena, a->upstream_model);
    if (stream) r->ttft_us = clock_us() - x->begin_us;
    relay_keep_whole(x, type, a->body);
    settle(x, RECORD_OK, 200, FAULT_NONE, NULL);
    struct http_header headers[SETTLE_HEADERS];
    unsigned n = settle_headers(x, type, headers);
    if (stream) {
        x->committed = true;
        http_stream_begin(x->request, 200, headers, n);
        http_stream_write(x->request, a->body);
        http_stream_end(x->request);
    } else {
        http_respond(x->request, 200, headers, n, a->body);
    }
    x->concluded = true;
}

bool cache_serve(struct exchange *x) {
    const struct request_policy *asked = policy_requests(x->key->application, x->record.request_type);
    struct answers *exact = x->gateway->shared->exact;
    if (asked->cache.ttl <= 0 || x->no_store || !is_question(x)) return false;
    buffer_clear(&x->request_body); /* nothing is there before the first attempt */
    write_question(x, asked, &x->request_body);
    digest_secret128(buffer_slice(&x->request_body), x->gateway->shared->question_key, x->question.bytes);
    x->question.application = x->record.application;
    buffer_clear(&x->request_body);
    const struct answer *a =
        x->no_cache ? NULL : answers_find(exact, &x->question, clock_us() - asked->cache.ttl);
    if (!x->no_cache) count(x, a);
    x->cache_missed = !x->no_cache && !a;
    x->to_cache = !a;
    x->keep_copy |= x->to_cache;
    if (!a) return false;
    replay(x, a);
    answers_release(a);
    return true;
}

void cache_keep(struct exchange *x) {
    const struct record *r = &x->record;
    if (!x->to_cache || r->status != RECORD_OK || x->cheapest_first || r->dropped_events > 0) return;
    if (slice_is(r->finish_reason, "refusal") || slice_is(r->finish_reason, "pause")) return;
    struct answer a = {.content_type = x->answer_type,
                       .body = buffer_slice(&x->copy),
                       .finish_reason = r->finish_reason,
                       .upstream_model = r->upstream_model,
                       .cost_nano = r->cost_nano,
                       .kept_us = clock_us()};
    answers_keep(x->gateway->shared->exact, &x->question, &a);
}
