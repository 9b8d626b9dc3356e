#include "gateway/answers.h"

#include "base/digest.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/table.h"

#include <pthread.h>
#include <stdatomic.h>

#define BOOKKEEPING 96 /* of one answer, in its partition's table */

struct kept {
    struct answer answer;   /* points into `bytes` */
    atomic_uint references; /* the store's own, and one for each finder */
    struct list by_use;     /* of its partition; or the list of what is to be let go */
    uint8_t key[ANSWER_KEY_BYTES];
    size_t size;
    char bytes[];
};

/* One application's answers in one shard; there while there are any. */
struct partition {
    struct list link;
    struct table by_key;
    struct list by_use; /* least recently used first */
    size_t bytes;
    size_t name_len;
    char name[];
};

struct shard {
    char apart[64]; /* a cache line of its own */
    pthread_mutex_t lock;
    struct table by_application;
    struct list partitions;
    size_t bytes;
};

struct answers {
    atomic_size_t max_bytes;
    unsigned n_shards;
    struct shard *shards;
};

static struct slice kept_key(const struct kept *e) {
    return slice_make((const char *)e->key, sizeof e->key);
}

static size_t shard_bound(struct answers *a) {
    return atomic_load_explicit(&a->max_bytes, memory_order_relaxed) / a->n_shards;
}

/* ---- partitions and their answers; the shard's lock is held ---- */

static struct partition *partition_of(struct shard *s, struct slice application) {
    struct partition *p = table_get(&s->by_application, application);
    if (p) return p;
    p = mem_alloc(sizeof *p + application.len);
    p->bytes = 0;
    p->name_len = application.len;
    if (application.len > 0) memcpy(p->name, application.at, application.len);
    table_init(&p->by_key);
    list_init(&p->by_use);
    list_init(&p->link);
    list_push(&s->partitions, &p->link);
    table_put(&s->by_application, application, p);
    return p;
}

/* To `dead`, so that memory is given back when the lock is not held. */
static void take_out(struct shard *s, struct partition *p, struct kept *e, struct list *dead) {
    table_remove(&p->by_key, kept_key(e));
    list_remove(&e->by_use);
    list_push(dead, &e->by_use);
    p->bytes -= e->size;
    s->bytes -= e->size;
}

static void drop_if_empty(struct shard *s, struct partition *p) {
    if (!list_empty(&p->by_use)) return;
    table_remove(&s->by_application, slice_make(p->name, p->name_len));
    list_remove(&p->link);
    table_deinit(&p->by_key);
    mem_free(p);
}

/* Until `bound` is kept, the partition that holds most gives up what it has not used for longest. */
static void evict(struct shard *s, size_t bound, struct list *dead) {
    while (s->bytes > bound) {
        struct partition *most = NULL;
        for (struct list *node = s->partitions.next; node != &s->partitions; node = node->next) {
            struct partition *p = list_item(node, struct partition, link);
            if (!most || p->bytes > most->bytes) most = p;
        }
        if (!most) return; /* bytes are only in partitions */
        take_out(s, most, list_item(most->by_use.next, struct kept, by_use), dead);
        drop_if_empty(s, most);
    }
}

static void let_go(struct list *dead) {
    struct list *node;
    while ((node = list_shift(dead))) answers_release(&list_item(node, struct kept, by_use)->answer);
}

/* ---- the store ---- */

struct answers *answers_new(size_t max_bytes, unsigned shards) {
    struct answers *a = mem_new(struct answers);
    atomic_init(&a->max_bytes, max_bytes);
    a->n_shards = shards;
    a->shards = mem_alloc(shards * sizeof *a->shards);
    for (unsigned i = 0; i < shards; i++) {
        struct shard *s = &a->shards[i];
        pthread_mutex_init(&s->lock, NULL);
        table_init(&s->by_application);
        list_init(&s->partitions);
        s->bytes = 0;
    }
    return a;
}

static void shrink(struct answers *a, size_t bound) {
    for (unsigned i = 0; i < a->n_shards; i++) {
        struct shard *s = &a->shards[i];
        struct list dead;
        list_init(&dead);
        pthread_mutex_lock(&s->lock);
        evict(s, bound, &dead);
        pthread_mutex_unlock(&s->lock);
        let_go(&dead);
    }
}

void answers_free(struct answers *a) {
    if (!a) return;
    shrink(a, 0);
    for (unsigned i = 0; i < a->n_shards; i++) {
        table_deinit(&a->shards[i].by_application);
        pthread_mutex_destroy(&a->shards[i].lock);
    }
    mem_free(a->shards);
    mem_free(a);
}

void answers_bound(struct answers *a, size_t max_bytes) {
    size_t former = atomic_exchange_explicit(&a->max_bytes, max_bytes, memory_order_relaxed);
    if (max_bytes < former) shrink(a, max_bytes / a->n_shards);
}

size_t answers_bytes(struct answers *a) {
    size_t bytes = 0;
    for (unsigned i = 0; i < a->n_shards; i++) {
        pthread_mutex_lock(&a->shards[i].lock);
        bytes += a->shards[i].bytes;
        pthread_mutex_unlock(&a->shards[i].lock);
    }
    return bytes;
}

void answers_key(struct slice application, unsigned endpoint, unsigned dialect, struct slice body,
                 struct answer_key *ret) {
    struct {
        uint8_t body[16];
        uint32_t endpoint, dialect;
    } whole = {.endpoint = endpoint, .dialect = dialect};
    digest_fast128(body, whole.body);
    digest_fast128(slice_make((const char *)&whole, sizeof whole), ret->bytes);
    ret->application = application;
}

static struct shard *shard_of(struct answers *a, const struct answer_key *key) {
    return &a->shards[key->bytes[0] % a->n_shards];
}

static struct slice copy_to(char **at, struct slice s) {
    if (slice_is_null(s)) return SLICE_NULL;
    char *begin = *at;
    if (s.len > 0) memcpy(begin, s.at, s.len);
    *at += s.len;
    return slice_make(begin, s.len);
}

static struct kept *kept_new(const struct answer_key *key, const struct answer *answer) {
    size_t text =
        answer->content_type.len + answer->body.len + answer->finish_reason.len + answer->upstream_model.len +
        answer->target.len;
    struct kept *e = mem_alloc(sizeof *e + text);
    char *at = e->bytes;
    e->answer = *answer;
    e->answer.content_type = copy_to(&at, answer->content_type);
    e->answer.body = copy_to(&at, answer->body);
    e->answer.finish_reason = copy_to(&at, answer->finish_reason);
    e->answer.upstream_model = copy_to(&at, answer->upstream_model);
    e->answer.target = copy_to(&at, answer->target);
    e->size = sizeof *e + text + BOOKKEEPING;
    atomic_init(&e->references, 1);
    list_init(&e->by_use);
    memcpy(e->key, key->bytes, sizeof e->key);
    return e;
}

void answers_keep(struct answers *a, const struct answer_key *key, const struct answer *answer) {
    if (answer->content_type.len == 0 || answer->body.len == 0) return;
    if (answer->content_type.len + answer->body.len > LIMIT_CACHE_ENTRY) return;
    struct kept *e = kept_new(key, answer);
    struct shard *s = shard_of(a, key);
    struct list dead;
    list_init(&dead);
    if (e->size > shard_bound(a)) {
        mem_free(e);
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct partition *p = partition_of(s, key->application);
    struct kept *old = table_get(&p->by_key, kept_key(e));
    if (old) take_out(s, p, old, &dead);
    table_put(&p->by_key, kept_key(e), e);
    list_push(&p->by_use, &e->by_use);
    p->bytes += e->size;
    s->bytes += e->size;
    evict(s, shard_bound(a),
          &dead); /* read under the lock: after answers_bound has been here it is the new one */
    pthread_mutex_unlock(&s->lock);
    let_go(&dead);
}

const struct answer *answers_find(struct answers *a, const struct answer_key *key, int64_t since_us) {
    struct shard *s = shard_of(a, key);
    pthread_mutex_lock(&s->lock);
    struct partition *p = table_get(&s->by_application, key->application);
    struct kept *e =
        p ? table_get(&p->by_key, slice_make((const char *)key->bytes, sizeof key->bytes)) : NULL;
    if (e && e->answer.kept_us < since_us) e = NULL; /* left to its successor, or to eviction */
    if (e) {
        atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
        list_remove(&e->by_use);
        list_push(&p->by_use, &e->by_use);
    }
    pthread_mutex_unlock(&s->lock);
    return e ? &e->answer : NULL;
}

void answers_release(const struct answer *answer) {
    if (!answer) return;
    struct kept *e = list_item(answer, struct kept, answer);
    if (atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) == 1) mem_free(e);
}
