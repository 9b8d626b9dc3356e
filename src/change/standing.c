#include "change/standing.h"

#include "base/mem.h"

#include <pthread.h>

struct standing {
    int64_t number;              /* 0: free */
    enum rollout_stage stage;
    unsigned step, epoch;
    struct arena arena;          /* of the judging's texts */
    struct judging judging;
};
struct standings {
    pthread_mutex_t lock;
    struct standing *all[ROLLOUTS_AT_ONCE];
};

struct standings *standings_new(void) {
    struct standings *s = mem_new(struct standings);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void forget(struct standing **x) {
    if (!*x) return;
    arena_deinit(&(*x)->arena);
    mem_free(*x);
    *x = NULL;
}

void standings_free(struct standings *s) {
    if (!s) return;
    for (unsigned i = 0; i < ROLLOUTS_AT_ONCE; i++) forget(&s->all[i]);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static void copy(const struct judging *j, struct arena *arena, struct judging *ret) {
    *ret = *j;
    for (unsigned i = 0; i < j->n; i++) ret->answers[i].metric = arena_slice(arena, j->answers[i].metric);
    ret->evidence.why = arena_slice(arena, j->evidence.why);
    ret->evidence.pause_why = arena_slice(arena, j->evidence.pause_why);
    ret->report.metric.metric = arena_slice(arena, j->report.metric.metric);
}

static struct standing *find(struct standings *s, int64_t number) {
    for (unsigned i = 0; i < ROLLOUTS_AT_ONCE; i++)
        if (s->all[i] && s->all[i]->number == number) return s->all[i];
    return NULL;
}

static struct standing *make(struct standings *s, int64_t number) {
    for (unsigned i = 0; i < ROLLOUTS_AT_ONCE; i++) {
        if (s->all[i]) continue;
        s->all[i] = mem_new(struct standing);
        s->all[i]->number = number;
        arena_init(&s->all[i]->arena, 1 << 10, 64 << 10);
        return s->all[i];
    }
    return NULL;
}

void standings_put(struct standings *s, const struct rollout_row *row, const struct judging *j) {
    pthread_mutex_lock(&s->lock);
    struct standing *x = find(s, row->number);
    if (!x) x = make(s, row->number);
    if (x) {
        arena_reset(&x->arena);
        copy(j, &x->arena, &x->judging);
        x->stage = row->stage;
        x->step = row->step;
        x->epoch = row->epoch;
    }
    pthread_mutex_unlock(&s->lock);
}

void standings_keep(struct standings *s, const struct rollout_row *rows, unsigned n) {
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < ROLLOUTS_AT_ONCE; i++) {
        unsigned k = 0;
        while (s->all[i] && k < n && rows[k].number != s->all[i]->number) k++;
        if (k == n) forget(&s->all[i]);
    }
    pthread_mutex_unlock(&s->lock);
}

bool standings_get(struct standings *s, const struct rollout_row *row, struct arena *arena, struct judging *ret) {
    pthread_mutex_lock(&s->lock);
    const struct standing *x = find(s, row->number);
    bool known = x && x->stage == row->stage && x->step == row->step && x->epoch == row->epoch;
    if (known) copy(&x->judging, arena, ret);
    pthread_mutex_unlock(&s->lock);
    return known;
}
