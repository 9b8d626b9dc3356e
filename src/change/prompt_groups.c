/* prompt_groups.c - see prompt_groups.h. */
#include "change/prompt_groups.h"

#include "base/mem.h"

#include <stdio.h>

#define ROOM_FIRST (16u << 10)
enum { ALIGNED = 8 };
#define ROOM_MOST (64u << 20)

static void group_free(struct prompt_group *x) {
    arena_deinit(&x->arena);
    mem_free(x);
}

struct prompt_group *prompt_groups_add(struct prompt_groups *g, int64_t number) {
    struct prompt_group *x = mem_new(struct prompt_group);
    arena_init(&x->arena, ROOM_FIRST, ROOM_MOST);
    x->number = number;
    g->at[g->n++] = x;
    return x;
}

struct prompt_group *prompt_groups_find(const struct prompt_groups *g, int64_t number) {
    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i]->number == number) return prompt_group_now(g->at[i]);
    return NULL;
}

static void remove_at(struct prompt_groups *g, unsigned i) {
    struct prompt_group *gone = g->at[i];
    for (unsigned k = 0; k < g->n; k++)
        if (g->at[k]->before == gone) g->at[k]->before = gone->before;
    memmove(&g->at[i], &g->at[i + 1], (g->n - i - 1) * sizeof *g->at);
    g->n--;
    gone->gone = gone->same_as == NULL;
    gone->next_gone = g->gone;
    g->gone = gone;
}

/* Groups that turned out to be another's stay until they were kept as that: there is room for as many. */
static void make_room(struct prompt_groups *g) {
    unsigned live = 0, oldest = UINT32_MAX;
    for (unsigned i = 0; i < g->n; i++) {
        if (g->at[i]->same_as != NULL) continue;
        live++;
        if (oldest == UINT32_MAX || g->at[i]->last_us < g->at[oldest]->last_us) oldest = i;
    }
    if (live < PROMPT_GROUPS && g->n < 2 * PROMPT_GROUPS) return;
    for (unsigned i = 0; i < g->n && live < PROMPT_GROUPS; i++)
        if (g->at[i]->same_as != NULL) {
            remove_at(g, i);
            return;
        }
    remove_at(g, oldest);
}

/* Up the changes to one that is there for good: who teaches it does not hold a person's edit for a value. */
static struct prompt_group *root_of(struct prompt_group *x) {
    while (x->before != NULL && x->before->template != NULL && x->answers < PROMPT_ANSWERS) x = x->before;
    return x;
}

static bool is_loose(const struct fingerprint *template, unsigned words, unsigned common) {
    unsigned own = fingerprint_words(template), least = own < words ? own : words;
    return common >= FINGERPRINT_LOOSE && 10 * common >= least;
}

/* Could a template that has so many words in common at most be alike? Words that its gaps take are none of the text's own. */
static bool may_be_alike(const struct fingerprint *template, unsigned words, unsigned most) {
    unsigned own = fingerprint_words(template), other = fingerprint_gaps(template) > 0 && most < words ? most : words;
    return 2.0 * most >= FINGERPRINT_ALIKE * (own + other) || is_loose(template, words, most);
}

/* Those that may be alike, at most ALIGNED of them: who may have most in common, of equals the newest; in the order of `g`. A text that is like
 * none costs a look at each, and no more than ALIGNED alignments come of any. */
static unsigned candidates(const struct prompt_groups *g, const struct fingerprint *f, const struct fingerprint_runs *runs, struct prompt_group *ret[ALIGNED]) {
    unsigned n = 0, most[ALIGNED], words = fingerprint_words(f);
    for (unsigned i = 0; i < g->n; i++) {
        struct prompt_group *x = g->at[i];
        if (x->same_as != NULL || x->template == NULL) continue;
        unsigned common = fingerprint_common_most(x->template, runs), out = 0;
        if (!may_be_alike(x->template, words, common)) continue;
        if (n == ALIGNED) {
            for (unsigned k = 1; k < n; k++)
                if (most[k] < most[out]) out = k;
            if (most[out] > common) continue;
            n--;
            memmove(&ret[out], &ret[out + 1], (n - out) * sizeof *ret);
            memmove(&most[out], &most[out + 1], (n - out) * sizeof *most);
        }
        ret[n] = x;
        most[n++] = common;
    }
    return n;
}

static enum fault most_alike(const struct prompt_groups *g, const struct fingerprint *f, struct arena *arena, struct arena *scratch, struct prompt_group **ret) {
    struct prompt_group *best = NULL, *loose = NULL, *all[ALIGNED];
    struct fingerprint_runs *runs;
    double best_share = 0;
    unsigned most_common = 0, words = fingerprint_words(f);
    enum fault fault = fingerprint_runs_of(f, arena, &runs);
    if (fault != FAULT_NONE) return fault;
    for (unsigned i = 0, n = candidates(g, f, runs, all); i < n; i++) {
        unsigned common = 0;
        arena_reset(scratch);
        double share = fingerprint_alike(all[i]->template, f, scratch, &common);
        if (share >= best_share) best = all[i], best_share = share; /* of equals the newest: that is what is edited */
        if (is_loose(all[i]->template, words, common) && common > most_common) loose = all[i], most_common = common;
    }
    *ret = best_share >= FINGERPRINT_ALIKE ? best : loose;
    return FAULT_NONE;
}

static enum fault give(struct prompt_group *x, struct slice text, struct arena *scratch, struct fingerprint **ret_other) {
    struct arena arena;
    struct fingerprint *learned;
    arena_init(&arena, ROOM_FIRST, ROOM_MOST);
    arena_reset(scratch);
    *ret_other = NULL;
    enum fault fault = fingerprint_meet(x->template, text, &arena, scratch, &learned, ret_other);
    if (fault != FAULT_NONE) {
        arena_deinit(&arena);
        return fault;
    }
    arena_deinit(&x->arena);
    x->arena = arena;
    x->template = learned;
    x->changed = true;
    return FAULT_NONE;
}

static bool is_above(const struct prompt_group *x, const struct prompt_group *of) {
    while (of != NULL && of != x) of = of->before;
    return of != NULL;
}

static void merge(struct prompt_groups *g, struct prompt_group *into, struct prompt_group *x) {
    x->same_as = into;
    x->changed = into->changed = true;
    into->answers += x->answers;
    into->texts += x->texts;
    for (unsigned i = 0; i < 60; i++) {
        if (into->minutes[i].minute < x->minutes[i].minute) into->minutes[i] = x->minutes[i];
        else if (into->minutes[i].minute == x->minutes[i].minute) into->minutes[i].answers += x->minutes[i].answers;
    }
    if (x->others_before < into->others_before) into->others_before = x->others_before;
    if (x->first_us < into->first_us) into->first_us = x->first_us, into->later = x->later; /* it is as new as the first of them */
    if (x->last_us > into->last_us) into->last_us = x->last_us;
    if (into->registered[0] == 0) memcpy(into->registered, x->registered, sizeof into->registered);
    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i]->before == x) g->at[i]->before = is_above(g->at[i], into) ? x->before : into; /* nothing comes before itself */
}

static void merge_covered(struct prompt_groups *g, struct prompt_group *into, struct arena *scratch) {
    for (unsigned i = 0; i < g->n; i++) {
        struct prompt_group *x = g->at[i];
        if (x == into || x->same_as != NULL || x->template == NULL) continue;
        arena_reset(scratch);
        if (fingerprint_covers(into->template, x->template, scratch)) merge(g, into, x);
    }
}

static enum fault make_group(struct prompt_groups *g, const struct fingerprint *own, struct prompt_group *before, struct slice request_type,
                             int64_t now_us, struct prompt_group **ret) {
    struct prompt_group *x = mem_new(struct prompt_group);
    arena_init(&x->arena, ROOM_FIRST, ROOM_MOST);
    enum fault fault = fingerprint_copy(own, &x->arena, &x->template);
    if (fault != FAULT_NONE) {
        group_free(x);
        return fault;
    }
    make_room(g);
    (void)snprintf(x->request_type, sizeof x->request_type, SLICE_FMT, SLICE_ARG(request_type));
    x->others_before = prompt_groups_answers(g);
    for (unsigned i = 0; i < g->n; i++)
        x->later |= g->at[i]->answers >= PROMPT_ANSWERS && (before != NULL || strcmp(g->at[i]->request_type, x->request_type) == 0);
    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i] == before) x->before = before; /* else it had to make room */
    x->first_us = x->last_us = now_us;
    x->changed = true;
    g->at[g->n++] = x;
    *ret = x;
    return FAULT_NONE;
}

static struct prompt_group *taken_by(struct prompt_groups *g, struct fingerprint *text, struct arena *scratch) {
    for (unsigned i = g->n; i-- > 0;) { /* the newest first: an edit is more often met than what it replaced */
        struct prompt_group *x = g->at[i];
        bool news;
        if (x->same_as != NULL || x->template == NULL) continue;
        arena_reset(scratch);
        if (!fingerprint_take(x->template, text, scratch, &news)) continue;
        x->changed |= news;
        return x;
    }
    return NULL;
}

enum fault prompt_groups_meet(struct prompt_groups *g, struct slice text, struct slice request_type, int64_t now_us, struct arena *scratch,
                              struct prompt_group **ret) {
    struct fingerprint *own = NULL, *other;
    struct arena arena;
    struct prompt_group *x = NULL, *alike = NULL;
    arena_init(&arena, ROOM_FIRST, ROOM_MOST);
    enum fault fault = fingerprint_of(text, &arena, &own);
    if (fault == FAULT_NONE) x = taken_by(g, own, scratch);
    if (fault == FAULT_NONE && x == NULL) fault = most_alike(g, own, &arena, scratch, &alike);
    if (fault == FAULT_NONE && x == NULL) {
        struct prompt_group *root = alike != NULL ? root_of(alike) : NULL;
        other = own;
        if (root != NULL) fault = give(root, text, scratch, &other);
        if (fault == FAULT_NONE && root != NULL) merge_covered(g, root, scratch);
        if (fault == FAULT_NONE && other == NULL) x = root;
        else if (fault == FAULT_NONE) fault = make_group(g, root != NULL ? other : own, root, request_type, now_us, &x);
        if (fault == FAULT_NONE && x != root) merge_covered(g, x, scratch); /* with the gaps that it has, it may take what came before it */
    }
    arena_deinit(&arena);
    if (fault != FAULT_NONE || x == NULL) return fault != FAULT_NONE ? fault : FAULT_INTERNAL;
    x->texts++;
    x->changed = true;
    *ret = x;
    return FAULT_NONE;
}

bool prompt_group_is_news(const struct prompt_group *x) { return x->same_as == NULL && x->later && x->answers >= PROMPT_ANSWERS; }

void prompt_groups_drop(struct prompt_groups *g) {
    for (unsigned i = g->n; i-- > 0;)
        if (g->at[i]->same_as != NULL) remove_at(g, i);
    while (g->gone != NULL) {
        struct prompt_group *x = g->gone;
        g->gone = x->next_gone;
        group_free(x);
    }
}

#define MINUTE_US 60000000LL

void prompt_group_answered(struct prompt_group *x, int64_t at_us) {
    int64_t minute = at_us / MINUTE_US;
    unsigned i = (unsigned)(minute % 60);
    if (x->minutes[i].minute != minute) x->minutes[i].minute = minute, x->minutes[i].answers = 0;
    x->minutes[i].answers++;
    x->answers++;
    if (at_us > x->last_us) x->last_us = at_us;
    x->changed = true;
}

uint32_t prompt_group_last_hour(const struct prompt_group *x, int64_t now_us) {
    uint32_t n = 0;
    for (unsigned i = 0; i < 60; i++)
        if (x->minutes[i].minute > now_us / MINUTE_US - 60 && x->minutes[i].minute <= now_us / MINUTE_US) n += x->minutes[i].answers;
    return n;
}

int64_t prompt_groups_answers(const struct prompt_groups *g) {
    int64_t n = 0;
    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i]->same_as == NULL) n += g->at[i]->answers;
    return n;
}

void prompt_groups_deinit(struct prompt_groups *g) {
    while (g->n > 0) group_free(g->at[--g->n]);
    prompt_groups_drop(g);
}
