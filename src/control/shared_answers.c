#include "control/shared_answers.h"

#include "base/digest.h"
#include "base/list.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>

struct shared_entry {
    struct list link;
    uint64_t hash, generation; /* generation: of the time it was begun in */
    unsigned readers;          /* copy its body without the lock */
    bool done;
    int64_t done_us;
    struct slice key;
    struct api_response answer;
    struct shared_waiter *waiting;
};

struct shared_answers {
    pthread_mutex_t lock; /* held for list operations alone */
    struct list entries;
    unsigned n;
    size_t bytes;
    uint64_t generation;
    struct shared_stats stats;
};

struct shared_answers *shared_answers_new(void) {
    struct shared_answers *s = mem_new(struct shared_answers);
    pthread_mutex_init(&s->lock, NULL);
    list_init(&s->entries);
    return s;
}

static void entry_free(struct shared_answers *s, struct shared_entry *e) {
    list_remove(&e->link);
    s->n--;
    s->bytes -= e->answer.body.len;
    buffer_deinit(&e->answer.body);
    mem_free((char *)e->key.at);
    mem_free(e);
}

void shared_answers_free(struct shared_answers *s) {
    if (s == NULL) return;
    while (!list_empty(&s->entries)) entry_free(s, list_item(s->entries.next, struct shared_entry, link));
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static void copy_answer(struct api_response *to, const struct api_response *from) {
    to->status = from->status;
    to->content_type = from->content_type;
    snprintf(to->etag, sizeof to->etag, "%s", from->etag);
    buffer_clear(&to->body);
    buffer_append(&to->body, buffer_slice(&from->body));
}

static struct shared_entry *find(struct shared_answers *s, uint64_t hash, struct slice key, int64_t now_us) {
    struct shared_entry *found = NULL;
    for (struct list *at = s->entries.next, *next; at != &s->entries; at = next) {
        struct shared_entry *e = list_item(at, struct shared_entry, link);
        next = at->next;
        bool over = e->generation != s->generation || (e->done && now_us - e->done_us >= LIMIT_SHARED_US);
        if (!over && e->hash == hash && slice_eq(e->key, key)) found = e;
        if (over && e->done && e->readers == 0) entry_free(s, e);
    }
    return found;
}

static struct shared_entry *begin(struct shared_answers *s, uint64_t hash, struct slice key) {
    if (s->n >= LIMIT_SHARED_ANSWERS) return NULL;
    struct shared_entry *e = mem_new(struct shared_entry);
    e->hash = hash;
    e->generation = s->generation;
    e->key = slice_make(mem_copy(key.at, key.len), key.len);
    buffer_init(&e->answer.body, LIMIT_SHARED_ANSWER);
    list_push(&s->entries, &e->link);
    s->n++;
    return e;
}

uint64_t shared_answers_change(struct shared_answers *s) {
    if (s == NULL) return 0;
    pthread_mutex_lock(&s->lock);
    uint64_t change = s->generation;
    pthread_mutex_unlock(&s->lock);
    return change;
}

enum shared_result shared_answers_ask(struct shared_answers *s, uint64_t change, struct slice key, int64_t now_us, struct shared_waiter *waiter,
                                      struct api_response *ret, struct shared_entry **ret_entry) {
    enum shared_result result = SHARED_ALONE;
    uint64_t hash = digest_fast(key, 0);
    pthread_mutex_lock(&s->lock);
    struct shared_entry *e = find(s, hash, key, now_us);
    if (e != NULL && e->done) {
        result = SHARED_GIVEN;
        e->readers++;
        s->stats.given++;
    } else if (e != NULL && waiter != NULL) {
        result = SHARED_WAITS;
        waiter->next = e->waiting;
        e->waiting = waiter;
        s->stats.waited++;
    } else {
        if (e == NULL && change == s->generation && (*ret_entry = begin(s, hash, key)) != NULL) result = SHARED_COMPUTE;
        s->stats.computed++;
    }
    pthread_mutex_unlock(&s->lock);
    if (result != SHARED_GIVEN) return result; /* a waiter may be gone */
    copy_answer(ret, &e->answer);
    pthread_mutex_lock(&s->lock);
    e->readers--;
    pthread_mutex_unlock(&s->lock);
    return result;
}

void shared_answers_done(struct shared_answers *s, struct shared_entry *e, const struct api_response *answer, int64_t now_us) {
    enum { OK = 200 };
    bool keep = answer->status == OK && answer->body.len <= LIMIT_SHARED_ANSWER && !answer->body.overflow;
    if (keep) copy_answer(&e->answer, answer); /* nobody reads it before it is done */
    pthread_mutex_lock(&s->lock);
    struct shared_waiter *waiting = e->waiting;
    e->waiting = NULL;
    e->done = true;
    e->done_us = now_us;
    s->bytes += e->answer.body.len;
    if (!keep || e->generation != s->generation || s->bytes > LIMIT_SHARED_BYTES) entry_free(s, e);
    pthread_mutex_unlock(&s->lock);
    while (waiting != NULL) {
        struct shared_waiter *w = waiting;
        waiting = w->next; /* it is gone when it was given */
        w->give(w, answer);
    }
}

void shared_answers_drop(struct shared_answers *s) {
    if (s == NULL) return;
    pthread_mutex_lock(&s->lock);
    s->generation++;
    pthread_mutex_unlock(&s->lock);
}

void shared_answers_stats(struct shared_answers *s, struct shared_stats *ret) {
    pthread_mutex_lock(&s->lock);
    *ret = s->stats;
    pthread_mutex_unlock(&s->lock);
}
