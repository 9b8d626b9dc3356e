#include "gateway/answers.h"

#include "base/digest.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/table.h"

#include <pthread.h>

struct answer {
    struct list by_use; /* least recently used first */
    uint8_t hash[16];
    size_t application_len, type_len, body_len;
    char bytes[]; /* application, content type, body */
};

struct answers {
    pthread_mutex_t lock;
    struct table by_hash;
    struct list by_use;
    size_t bytes, max_bytes;
};

static size_t answer_size(const struct answer *a) {
    return sizeof *a + a->application_len + a->type_len + a->body_len;
}

static struct slice answer_hash(const struct answer *a) { return slice_make((const char *)a->hash, sizeof a->hash); }

struct answers *answers_new(size_t max_bytes) {
    struct answers *a = mem_new(struct answers);
    pthread_mutex_init(&a->lock, NULL);
    table_init(&a->by_hash);
    list_init(&a->by_use);
    a->max_bytes = max_bytes;
    return a;
}

static void drop(struct answers *a, struct answer *e) {
    table_remove(&a->by_hash, answer_hash(e));
    list_remove(&e->by_use);
    a->bytes -= answer_size(e);
    mem_free(e);
}

void answers_free(struct answers *a) {
    if (!a) return;
    while (!list_empty(&a->by_use)) drop(a, list_item(a->by_use.next, struct answer, by_use));
    table_deinit(&a->by_hash);
    pthread_mutex_destroy(&a->lock);
    mem_free(a);
}

void answers_key(struct slice application, unsigned endpoint, unsigned dialect, struct slice body, struct answer_key *ret) {
    struct {
        uint8_t body[16], application[16];
        uint32_t endpoint, dialect;
    } whole = {.endpoint = endpoint, .dialect = dialect};
    digest_fast128(body, whole.body);
    digest_fast128(application, whole.application);
    digest_fast128(slice_make((const char *)&whole, sizeof whole), ret->bytes);
    ret->application = application;
}

static struct answer *answer_new(const struct answer_key *key, struct slice content_type, struct slice body) {
    struct answer *e = mem_alloc(sizeof *e + key->application.len + content_type.len + body.len);
    memcpy(e->hash, key->bytes, sizeof e->hash);
    e->application_len = key->application.len;
    e->type_len = content_type.len;
    e->body_len = body.len;
    char *at = e->bytes;
    memcpy(at, key->application.at, e->application_len);
    memcpy(at + e->application_len, content_type.at, e->type_len);
    memcpy(at + e->application_len + e->type_len, body.at, e->body_len);
    list_init(&e->by_use);
    return e;
}

void answers_keep(struct answers *a, const struct answer_key *key, struct slice content_type, struct slice body) {
    if (content_type.len == 0 || body.len == 0 || content_type.len + body.len > LIMIT_CACHE_ENTRY) return;
    struct answer *e = answer_new(key, content_type, body);
    pthread_mutex_lock(&a->lock);
    struct answer *old = table_get(&a->by_hash, answer_hash(e));
    if (old) drop(a, old);
    while (a->bytes + answer_size(e) > a->max_bytes && !list_empty(&a->by_use))
        drop(a, list_item(a->by_use.next, struct answer, by_use));
    table_put(&a->by_hash, answer_hash(e), e);
    list_push(&a->by_use, &e->by_use);
    a->bytes += answer_size(e);
    pthread_mutex_unlock(&a->lock);
}

bool answers_find(struct answers *a, const struct answer_key *key, struct buffer *ret_content_type, struct buffer *ret_body) {
    bool found = false;
    pthread_mutex_lock(&a->lock);
    struct answer *e = table_get(&a->by_hash, slice_make((const char *)key->bytes, sizeof key->bytes));
    if (e && slice_eq(slice_make(e->bytes, e->application_len), key->application)) {
        const char *type = e->bytes + e->application_len;
        found = buffer_append(ret_content_type, slice_make(type, e->type_len)) &&
                buffer_append(ret_body, slice_make(type + e->type_len, e->body_len));
        list_remove(&e->by_use);
        list_push(&a->by_use, &e->by_use);
    }
    pthread_mutex_unlock(&a->lock);
    return found;
}
