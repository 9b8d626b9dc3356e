/* once.c - a request that its client named is run once: by whoever comes first, and to its end though that client goes away. */
#include "gateway/once.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/table.h"
#include "dialect/question.h"
#include "gateway/exchange.h"

#include <pthread.h>

#define SHARDS 16

/* ---- the table ---- */

struct under_way {
    uint8_t asked[ANSWER_KEY_BYTES];
};

struct once {
    pthread_mutex_t lock;
    struct table names; /* to struct under_way */
    struct answers *answers;
};

struct once *once_new(void) {
    struct once *o = mem_new(struct once);
    pthread_mutex_init(&o->lock, NULL);
    table_init(&o->names);
    o->answers = answers_new(LIMIT_CACHE_BYTES, SHARDS);
    return o;
}

void once_free(struct once *o) {
    if (!o) return;
    size_t cursor = 0;
    struct slice key;
    void *value;
    while (table_next(&o->names, &cursor, &key, &value)) mem_free(value);
    table_deinit(&o->names);
    answers_free(o->answers);
    pthread_mutex_destroy(&o->lock);
    mem_free(o);
}

static struct slice name_of(const struct answer_key *name) {
    return slice_make((const char *)name->bytes, sizeof name->bytes);
}

enum once_found once_begin(struct once *o, const struct answer_key *name, const uint8_t asked[ANSWER_KEY_BYTES], int64_t now_us,
                           bool (*may_give)(const void *ctx, const struct answer *a), const void *ctx, const struct answer **ret) {
    enum once_found found = ONCE_FIRST;
    struct under_way *mine = mem_new(struct under_way);
    memcpy(mine->asked, asked, sizeof mine->asked);
    pthread_mutex_lock(&o->lock); /* answers are kept before their name is taken out: no gap between the two */
    const struct under_way *other = table_get(&o->names, name_of(name));
    const struct answer *a = other ? NULL : answers_find(o->answers, name, now_us - ONCE_KEPT_US), *barred = NULL;
    if (a && may_give && !may_give(ctx, a)) barred = a, a = NULL;
    const uint8_t *of = other ? other->asked : a ? a->asked : NULL;
    if (of && memcmp(of, asked, ANSWER_KEY_BYTES) != 0) found = ONCE_OTHER_REQUEST;
    else if (other) found = ONCE_UNDER_WAY;
    else if (a) found = ONCE_ANSWERED;
    else (void)table_put(&o->names, name_of(name), mine);
    pthread_mutex_unlock(&o->lock);
    answers_release(barred);
    if (found != ONCE_FIRST) mem_free(mine);
    if (found == ONCE_ANSWERED) *ret = a;
    else answers_release(a);
    return found;
}

void once_end(struct once *o, const struct answer_key *name, const struct answer *answer) {
    if (answer) answers_keep(o->answers, name, answer);
    pthread_mutex_lock(&o->lock);
    void *mine = table_remove(&o->names, name_of(name));
    pthread_mutex_unlock(&o->lock);
    mem_free(mine);
}

/* ---- the stage ---- */

/* Of this key, whatever bytes it chose, and of the version of the prompt that serves it: what one arm answered is not another's. And the
 * request as it was sent, so that a name does not stand for two. */
static void digest_name(struct exchange *x, uint8_t asked[ANSWER_KEY_BYTES]) {
    struct answer_key whole;
    answers_key(x->record.application, x->call.endpoint, x->client->id, x->request->body, &whole);
    memcpy(asked, whole.bytes, ANSWER_KEY_BYTES);
    buffer_clear(&x->request_body); /* nothing is there before the first attempt */
    question_put(&x->request_body, slice_make((const char *)x->key->digest.bytes, DIGEST_BYTES));
    question_put(&x->request_body, x->once);
    question_put(&x->request_body, x->record.prompt_name);
    question_put(&x->request_body, x->record.prompt_version);
    digest_secret128(buffer_slice(&x->request_body), x->gateway->shared->question_key, x->once_name.bytes);
    x->once_name.application = x->record.application;
    buffer_clear(&x->request_body);
}

static bool may_give(const void *ctx, const struct answer *a) { return cache_may_give(ctx, a); }

bool once_serve(struct exchange *x) {
    const struct answer *a = NULL;
    if (slice_is_null(x->once)) return false;
    if (x->call.stream) {
        exchange_refuse(x, RECORD_REFUSED, FAULT_BAD_REQUEST, "header x-quarterdeck-once: a stream cannot be given twice; ask without `stream`");
        return true;
    }
    digest_name(x, x->once_asked);
    switch (once_begin(x->gateway->shared->once, &x->once_name, x->once_asked, clock_us(), may_give, x, &a)) {
    case ONCE_FIRST:
        x->once_runs = x->keep_copy = true;
        return false;
    case ONCE_UNDER_WAY:
        x->retry_after_us = 1000000;
        exchange_refuse(x, RECORD_REFUSED, FAULT_CONFLICT, "the first request of this x-quarterdeck-once is still under way");
        return true;
    case ONCE_OTHER_REQUEST:
        exchange_refuse(x, RECORD_REFUSED, FAULT_CONFLICT, "this x-quarterdeck-once is the name of another request");
        return true;
    case ONCE_ANSWERED:
        x->once_us = a->took_us;
        x->once_target = arena_text(&x->arena, a->target);
        cache_replay(x, a, SLICE("once"));
        answers_release(a);
        return true;
    }
    return false;
}

/* The body as it came, and as it is sent; a buffer may hold twice what is in it. */
static size_t held_bytes(const struct exchange *x) { return 4 * x->body.len; }

/* Its owner waits for it though it is gone: it comes back and asks for it by its name. */
bool once_goes_on(struct exchange *x) {
    struct gateway *g = x->gateway;
    size_t bytes = held_bytes(x);
    if (!x->once_runs || (x->state != EXCHANGE_ATTEMPT && x->state != EXCHANGE_BACKOFF)) return false;
    if (g->n_alone >= LIMIT_ONCE_ALONE || g->alone_bytes + bytes > LIMIT_ONCE_ALONE_BYTES) return false;
    x->once_alone = true;
    g->n_alone++;
    g->alone_bytes += bytes;
    return true;
}

static void come_to_an_end(struct exchange *x) {
    struct gateway *g = x->gateway;
    if (!x->once_alone) return;
    x->once_alone = false;
    g->n_alone--;
    g->alone_bytes -= held_bytes(x);
}

void once_settle(struct exchange *x) {
    const struct record *r = &x->record;
    if (!x->once_runs) return;
    x->once_runs = false;
    come_to_an_end(x);
    struct answer a = {.content_type = x->answer_type,
                       .body = buffer_slice(&x->copy),
                       .finish_reason = r->finish_reason,
                       .upstream_model = r->upstream_model,
                       .target = x->target ? slice_of(x->target->health_key) : SLICE_NULL,
                       .cost_nano = r->cost_nano,
                       .took_us = r->duration_us,
                       .kept_us = clock_us()};
    memcpy(a.asked, x->once_asked, sizeof a.asked);
    cache_origin(x, &a.from);
    once_end(x->gateway->shared->once, &x->once_name, r->status == RECORD_OK && r->http_status == 200 ? &a : NULL);
}
