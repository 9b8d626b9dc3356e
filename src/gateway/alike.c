#include "gateway/alike.h"

#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/table.h"

#include <pthread.h>
#include <stdatomic.h>

#define BOOKKEEPING 96 /* of one class, in its holder's table */

struct entry {
    struct embedding wording;
    uint8_t answer[ANSWER_KEY_BYTES];
    int64_t kept_us;
};

struct class {
    struct list by_use; /* of its holder; or the list of what is to be let go */
    uint8_t key[ANSWER_KEY_BYTES];
    atomic_bool used; /* found since it was last looked at by evict */
    size_t n, room;
    struct entry *entries;
};

/* One application's classes in one shard; there while there are any. */
struct holder {
    struct list link;
    struct table by_key;
    struct list by_use; /* who has waited longest first */
    size_t bytes;
    size_t name_len;
    char name[];
};

struct shard {
    char apart[64]; /* a cache line of its own */
    pthread_rwlock_t lock;
    struct table by_application;
    struct list holders;
    size_t bytes;
};

struct alike {
    atomic_size_t max_bytes;
    unsigned n_shards;
    struct shard *shards;
};

/* What becomes free under the lock, and is given back when it is not held. */
struct leavings {
    struct list classes;
    struct entry *entries;
};

static struct slice key_of(const uint8_t bytes[ANSWER_KEY_BYTES]) {
    return slice_make((const char *)bytes, ANSWER_KEY_BYTES);
}

static size_t shard_bound(struct alike *a) {
    return atomic_load_explicit(&a->max_bytes, memory_order_relaxed) / a->n_shards;
}

static struct shard *shard_of(struct alike *a, const struct answer_key *class) {
    return &a->shards[class->bytes[0] % a->n_shards];
}

static size_t size_of(const struct class *c) {
    return sizeof *c + BOOKKEEPING + c->room * sizeof *c->entries;
}

/* ---- holders and classes; the shard is locked for writing ---- */

static void count(struct shard *s, struct holder *h, size_t more, size_t less) {
    h->bytes += more - less;
    s->bytes += more - less;
}

static struct holder *holder_of(struct shard *s, struct slice application) {
    struct holder *h = table_get(&s->by_application, application);
    if (h) return h;
    h = mem_alloc(sizeof *h + application.len);
    h->name_len = application.len;
    if (application.len > 0) memcpy(h->name, application.at, application.len);
    table_init(&h->by_key);
    list_init(&h->by_use);
    list_init(&h->link);
    list_push(&s->holders, &h->link);
    table_put(&s->by_application, application, h);
    return h;
}

static struct class *class_of(struct shard *s, struct holder *h, const uint8_t key[ANSWER_KEY_BYTES]) {
    struct class *c = table_get(&h->by_key, key_of(key));
    if (c) return c;
    c = mem_new(struct class);
    memcpy(c->key, key, sizeof c->key);
    list_init(&c->by_use);
    list_push(&h->by_use, &c->by_use);
    table_put(&h->by_key, key_of(key), c);
    count(s, h, size_of(c), 0);
    return c;
}

static void take_out(struct shard *s, struct holder *h, struct class *c, struct leavings *dead) {
    table_remove(&h->by_key, key_of(c->key));
    list_remove(&c->by_use);
    list_push(&dead->classes, &c->by_use);
    count(s, h, 0, size_of(c));
    if (!list_empty(&h->by_use)) return;
    table_remove(&s->by_application, slice_make(h->name, h->name_len));
    list_remove(&h->link);
    table_deinit(&h->by_key);
    mem_free(h);
}

/* Who was used since it was last looked at gets a second round, so that finding need not move anything. */
static struct class *least_used(struct holder *h) {
    for (;;) {
        struct class *c = list_item(h->by_use.next, struct class, by_use);
        if (!atomic_exchange_explicit(&c->used, false, memory_order_relaxed)) return c;
        list_remove(&c->by_use);
        list_push(&h->by_use, &c->by_use);
    }
}

static void evict(struct shard *s, size_t bound, struct leavings *dead) {
    while (s->bytes > bound) {
        struct holder *most = NULL;
        for (struct list *node = s->holders.next; node != &s->holders; node = node->next) {
            struct holder *h = list_item(node, struct holder, link);
            if (!most || h->bytes > most->bytes) most = h;
        }
        if (!most) return; /* bytes are only in classes */
        take_out(s, most, least_used(most), dead);
    }
}

static void let_go(struct leavings *dead) {
    for (struct list *node; (node = list_shift(&dead->classes));) {
        struct class *c = list_item(node, struct class, by_use);
        mem_free(c->entries);
        mem_free(c);
    }
    mem_free(dead->entries);
}

static void leavings_init(struct leavings *l) {
    list_init(&l->classes);
    l->entries = NULL;
}

/* ---- the store ---- */

struct alike *alike_new(size_t max_bytes, unsigned shards) {
    struct alike *a = mem_new(struct alike);
    atomic_init(&a->max_bytes, max_bytes);
    a->n_shards = shards;
    a->shards = mem_alloc(shards * sizeof *a->shards);
    for (unsigned i = 0; i < shards; i++) {
        struct shard *s = &a->shards[i];
        pthread_rwlock_init(&s->lock, NULL);
        table_init(&s->by_application);
        list_init(&s->holders);
    }
    return a;
}

static void shrink(struct alike *a, size_t bound) {
    for (unsigned i = 0; i < a->n_shards; i++) {
        struct shard *s = &a->shards[i];
        struct leavings dead;
        leavings_init(&dead);
        pthread_rwlock_wrlock(&s->lock);
        evict(s, bound, &dead);
        pthread_rwlock_unlock(&s->lock);
        let_go(&dead);
    }
}

void alike_free(struct alike *a) {
    if (!a) return;
    shrink(a, 0);
    for (unsigned i = 0; i < a->n_shards; i++) {
        table_deinit(&a->shards[i].by_application);
        pthread_rwlock_destroy(&a->shards[i].lock);
    }
    mem_free(a->shards);
    mem_free(a);
}

void alike_bound(struct alike *a, size_t max_bytes) {
    size_t former = atomic_exchange_explicit(&a->max_bytes, max_bytes, memory_order_relaxed);
    if (max_bytes < former) shrink(a, max_bytes / a->n_shards);
}

size_t alike_bytes(struct alike *a) {
    size_t bytes = 0;
    for (unsigned i = 0; i < a->n_shards; i++) {
        pthread_rwlock_rdlock(&a->shards[i].lock);
        bytes += a->shards[i].bytes;
        pthread_rwlock_unlock(&a->shards[i].lock);
    }
    return bytes;
}

/* The entry of this answer, else a free one, else the oldest; NULL: `room` has to be made first. */
static struct entry *place_for(struct class *c, const struct answer_key *answer) {
    struct entry *oldest = NULL;
    for (size_t i = 0; i < c->n; i++) {
        struct entry *e = &c->entries[i];
        if (memcmp(e->answer, answer->bytes, sizeof e->answer) == 0) return e;
        if (!oldest || e->kept_us < oldest->kept_us) oldest = e;
    }
    if (c->n < c->room) return &c->entries[c->n++];
    return c->n == LIMIT_CACHE_ALIKE ? oldest : NULL;
}

/* Takes `larger`, of 2^n entries, where it is the next size. */
static void grow(struct shard *s, struct holder *h, struct class *c, struct entry **larger, size_t room,
                 struct leavings *dead) {
    if (!*larger || room <= c->room) return;
    if (c->n > 0) memcpy(*larger, c->entries, c->n * sizeof *c->entries);
    dead->entries = c->entries;
    c->entries = *larger;
    *larger = NULL;
    count(s, h, (room - c->room) * sizeof *c->entries, 0);
    c->room = room;
}

void alike_keep(struct alike *a, const struct answer_key *class, const struct embedding *wording,
                const struct answer_key *answer, int64_t kept_us) {
    struct shard *s = shard_of(a, class);
    struct entry *place = NULL, *larger = NULL;
    size_t room = 0;
    struct leavings dead;
    leavings_init(&dead);
    while (!place) {
        if (room > 0) larger = mem_new_array(struct entry, room); /* not while others wait */
        pthread_rwlock_wrlock(&s->lock);
        struct holder *h = holder_of(s, class->application);
        struct class *c = class_of(s, h, class->bytes);
        grow(s, h, c, &larger, room, &dead);
        place = place_for(c, answer);
        if (place) {
            *place = (struct entry){.wording = *wording, .kept_us = kept_us};
            memcpy(place->answer, answer->bytes, sizeof place->answer);
        }
        room = c->room > 0 ? 2 * c->room : 1;
        if (place) evict(s, shard_bound(a), &dead);
        pthread_rwlock_unlock(&s->lock);
        mem_free(larger); /* another thread was faster */
        larger = NULL;
        let_go(&dead);
        leavings_init(&dead);
    }
}

bool alike_find(struct alike *a, const struct answer_key *class, const struct embedding *wording,
                int64_t since_us, int32_t least, struct answer_key *ret_answer, int32_t *ret_similarity) {
    struct shard *s = shard_of(a, class);
    const struct entry *nearest = NULL;
    struct embedding_probe probe;
    float most = -1;
    embedding_probe(wording, &probe);
    pthread_rwlock_rdlock(&s->lock);
    struct holder *h = table_get(&s->by_application, class->application);
    struct class *c = h ? table_get(&h->by_key, key_of(class->bytes)) : NULL;
    for (size_t i = 0; c && i < c->n; i++) {
        if (embedding_is_reordered(wording, &c->entries[i].wording)) continue;
        float cosine = embedding_cosine(&probe, &c->entries[i].wording);
        if (cosine > most && c->entries[i].kept_us >= since_us) most = cosine, nearest = &c->entries[i];
    }
    int32_t similarity = nearest ? embedding_similarity(wording, &nearest->wording) : 0;
    bool found = nearest && similarity >= least;
    if (found) {
        atomic_store_explicit(&c->used, true, memory_order_relaxed);
        ret_answer->application = class->application;
        memcpy(ret_answer->bytes, nearest->answer, sizeof ret_answer->bytes);
        *ret_similarity = similarity;
    }
    pthread_rwlock_unlock(&s->lock);
    return found;
}

void alike_forget(struct alike *a, const struct answer_key *class, const struct answer_key *answer) {
    struct shard *s = shard_of(a, class);
    pthread_rwlock_wrlock(&s->lock);
    struct holder *h = table_get(&s->by_application, class->application);
    struct class *c = h ? table_get(&h->by_key, key_of(class->bytes)) : NULL;
    for (size_t i = 0; c && i < c->n; i++)
        if (memcmp(c->entries[i].answer, answer->bytes, sizeof c->entries[i].answer) == 0) {
            c->entries[i] = c->entries[--c->n];
            break;
        }
    pthread_rwlock_unlock(&s->lock);
}
