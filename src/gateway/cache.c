/* cache.c - the exact cache: the same question of one application gets the answer that it got before; and the
 * semantic one, in which a question in other words gets it too.
 *
 * Two requests are the same question when these are equal: application, endpoint, client dialect, prompt and
 * its version, the beta headers that are passed on, the targets that the model stands for and its tier,
 * what the request's type says of history and output, and the body (dialect/question.h). With `per_user` the user must be the same
 * too, and no member of the body is left out.
 *
 * A question in other words is equal in all of that and in its request type, but for the text of its last
 * message (question_wording); of that the literals (model/literals.h) must be equal, and the rest alike to the
 * least similarity that is in force. Answers lie in the exact cache's store, each once, under the question they were
 * given to; the exact one is looked for first. */
#include "gateway/exchange.h"

#include "base/clock.h"
#include "base/digest.h"
#include "dialect/question.h"
#include "model/literals.h"

enum { MOST_GONE = 4 }; /* answers that a look-up finds to be gone before it gives up */

_Static_assert(LIMIT_CACHE_ENTRY <= LIMIT_UNSENT,
               "an answer is handed over at once, however slow its client is");

static bool is_question(const struct exchange *x) {
    if (x->body.len > LIMIT_CACHE_QUESTION) return false;
    switch (x->call.endpoint) {
    case ENDPOINT_CHAT:
    case ENDPOINT_EMBEDDINGS: return true;
    case ENDPOINT_RESPONSES: return !question_has_state(&x->call);
    default: return false; /* nothing is saved */
    }
}

static bool has_exact(const struct request_policy *asked) {
    return asked->cache.ttl > 0;
}

static bool has_semantic(const struct request_policy *asked) {
    return asked->cache.semantic.ttl > 0 && asked->cache.semantic.least_ppm > 0;
}

/* As the caller named it, whole: the record's is cut, and is nobody where nothing about people is kept. One that the body names is
 * among the body's members. */
static bool put_user(void *out, struct http_header h) {
    if (slice_eq_nocase(h.name, SLICE("x-quarterdeck-user"))) question_put(out, h.value);
    return true;
}

/* All of it, or with `without` its class. */
static void write_question(const struct exchange *x, const struct request_policy *asked, bool per_user,
                           uint32_t without, struct buffer *out) {
    const struct record *r = &x->record;
    const struct model_route *m = x->model;
    const int64_t numbers[] = {x->call.endpoint,          x->client->id,
                               asked->max_output_tokens,  asked->history.keep_last,
                               asked->history.max_tokens, asked->history.keep_system,
                               asked->history.keep_first, per_user,
                               x->n_passed_headers,       m->n_targets};
    question_put(out, slice_make((const char *)numbers, sizeof numbers));
    question_put(out, r->prompt_name);
    question_put(out, r->prompt_version);
    question_put(out, slice_of(x->tier ? x->tier->name : NULL));
    if (per_user) (void)http_request_each_header(x->request, put_user, out);
    for (unsigned i = 0; i < x->n_passed_headers; i++) question_put(out, x->passed_headers[i]);
    for (unsigned i = 0; i < m->n_targets; i++) question_put(out, slice_of(m->targets[i].health_key));
    question_write(x->client, &x->call, per_user, without, out);
}

static void digest_question(struct exchange *x, struct answer_key *ret) {
    digest_secret128(buffer_slice(&x->request_body), x->gateway->shared->question_key, ret->bytes);
    ret->application = x->record.application;
    buffer_clear(&x->request_body);
}

/* Sets `wording` and `question_class`, where the question may be answered in other words. */
static void read_wording(struct exchange *x, const struct request_policy *asked) {
    uint32_t node = question_wording(&x->call);
    if (node == JSON_NONE) return;
    struct slice text = json_string(&x->call.doc, node, &x->arena);
    struct embedding *wording = arena_new(&x->arena, struct embedding);
    if (!wording || text.len > LIMIT_CACHE_WORDING || !embedding_of(text, wording)) return;
    write_question(x, asked, cache_semantic_per_user(&asked->cache), node, &x->request_body);
    question_put(&x->request_body, x->record.request_type);
    literals_of(text, &x->request_body);
    digest_question(x, &x->question_class);
    x->wording = wording;
}

static void count(struct exchange *x, enum metric lookups, const struct answer *a) {
    struct metric_shard *s = x->gateway->metrics;
    const char *application = x->key->application->name, *model = x->model->name;
    metric_add(metric_cell(s, lookups, (const char *[METRIC_LABELS]){application, model, a ? "hit" : "miss"}), 1);
    if (a && money_is_known(a->cost_nano))
        metric_add(
            metric_cell(s, METRIC_CACHE_SAVED, (const char *[METRIC_LABELS]){application, model, NULL}),
            a->cost_nano);
}

void cache_replay(struct exchange *x, const struct answer *a, struct slice how) {
    struct record *r = &x->record;
    const char *type = arena_text(&x->arena, a->content_type);
    bool stream = slice_starts(a->content_type, SLICE("text/event-stream"));
    r->cache = how;
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

void cache_origin(const struct exchange *x, struct answer_origin *ret) {
    const struct record *r = &x->record;
    *ret = (struct answer_origin){.record = r->id, .asked_us = x->begin_us, .model = answer_name(r->model),
                                  .served_by = answer_name(slice_of(x->model->name)), .prompt = answer_name(r->prompt_name),
                                  .version = answer_version(r->prompt_name, r->prompt_version)};
}

bool cache_may_give(const struct exchange *x, const struct answer *a) {
    return !gateway_intervenes(x->gateway) || !intervene_quarantined(x->gateway, slice_of(x->key->application->name), &a->from);
}

static const struct answer *find(struct exchange *x, const struct answer_key *key, int64_t since_us) {
    const struct answer *a = answers_find(x->gateway->shared->exact, key, since_us);
    if (!a || cache_may_give(x, a)) return a;
    answers_release(a); /* the next one takes its place */
    return NULL;
}

static const struct answer *find_exact(struct exchange *x, const struct request_policy *asked) {
    if (!has_exact(asked)) return NULL;
    const struct answer *a = find(x, &x->question, clock_us() - asked->cache.ttl);
    count(x, METRIC_CACHE_LOOKUPS, a);
    return a;
}

/* Whose answer is gone, because memory was short, shall not stand in the way of the next best. */
static const struct answer *find_alike(struct exchange *x, const struct request_policy *asked) {
    struct gateway_shared *shared = x->gateway->shared;
    int64_t since_us = clock_us() - asked->cache.semantic.ttl;
    const struct answer *a = NULL;
    struct answer_key key;
    int32_t similarity = -1;
    if (!x->wording) return NULL;
    for (unsigned i = 0; i < MOST_GONE && !a; i++) {
        if (!alike_find(shared->alike, &x->question_class, x->wording, since_us, asked->cache.semantic.least_ppm, &key,
                        &similarity))
            break;
        a = find(x, &key, since_us);
        if (!a) alike_forget(shared->alike, &x->question_class, &key);
    }
    count(x, METRIC_CACHE_ALIKE, a);
    if (a) x->record.cache_similarity_ppm = similarity;
    return a;
}

bool cache_serve(struct exchange *x) {
    const struct request_policy *asked = policy_requests(x->key->application, x->record.request_type);
    const struct answer *a = NULL;
    if ((!has_exact(asked) && !has_semantic(asked)) || x->no_store || !is_question(x)) return false;
    buffer_clear(&x->request_body); /* nothing is there before the first attempt */
    write_question(x, asked, has_exact(asked) ? asked->cache.per_user : asked->cache.semantic.per_user, JSON_NONE,
                   &x->request_body);
    digest_question(x, &x->question);
    if (!x->no_cache) a = find_exact(x, asked);
    if (!a && has_semantic(asked)) read_wording(x, asked);
    if (!a && !x->no_cache) a = find_alike(x, asked);
    x->to_cache = !a && (has_exact(asked) || x->wording);
    x->cache_missed = !x->no_cache && x->to_cache;
    x->keep_copy |= x->to_cache;
    if (!a) return false;
    cache_replay(x, a, SLICE("hit"));
    answers_release(a);
    return true;
}

/* What a tool is called with comes from the very words of the question. */
static bool is_for_other_words(const struct exchange *x) {
    return x->wording && !slice_is(x->record.finish_reason, "tool_calls");
}

void cache_keep(struct exchange *x) {
    const struct record *r = &x->record;
    struct gateway_shared *shared = x->gateway->shared;
    if (!x->to_cache || r->status != RECORD_OK || x->cheapest_first || r->dropped_events > 0) return;
    if (slice_is(r->finish_reason, "refusal") || slice_is(r->finish_reason, "pause")) return;
    struct answer a = {.content_type = x->answer_type,
                       .body = buffer_slice(&x->copy),
                       .finish_reason = r->finish_reason,
                       .upstream_model = r->upstream_model,
                       .cost_nano = r->cost_nano,
                       .kept_us = clock_us()};
    cache_origin(x, &a.from);
    answers_keep(shared->exact, &x->question, &a);
    if (is_for_other_words(x)) alike_keep(shared->alike, &x->question_class, x->wording, &x->question, a.kept_us);
}
