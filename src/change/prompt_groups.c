/* prompt_groups.c - see prompt_groups.h. */
#include "change/prompt_groups.h"

#include "base/mem.h"

#include <stdio.h>

#define ROOM_FIRST (16u << 10)
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

static struct prompt_group *most_alike(const struct prompt_groups *g, const struct fingerprint *f, struct arena *scratch) {
    struct prompt_group *best = NULL, *loose = NULL;
    double best_share = 0;
    unsigned most_common = 0, words = fingerprint_words(f);
    for (unsigned i = 0; i < g->n; i++) {
        struct prompt_group *x = g->at[i];
        unsigned common = 0;
        if (x->same_as != NULL || x->template == NULL) continue;
        arena_reset(scratch);
        double share = fingerprint_alike(x->template, f, scratch, &common);
        if (share >= best_share) best = x, best_share = share; /* of equals the newest: that is what is edited */
        unsigned least = fingerprint_words(x->template) < words ? fingerprint_words(x->template) : words;
        if (common >= FINGERPRINT_LOOSE && 10 * common >= least && common > most_common) loose = x, most_common = common;
    }
    return best_share >= FINGERPRINT_ALIKE ? best : loose;
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
    if (x->first_us < into->first_us) into->first_us = x->first_us;
    if (x->last_us > into->last_us) into->last_us = x->last_us;
    if (into->registered[0] == 0) memcpy(into->registered, x->registered, sizeof into->registered);
    for (unsigned i = 0; i < g->n; i++)
        if (g->at[i]->before == x) g->at[i]->before = g->at[i] == into ? NULL : into;
    if (into->before == x) into->before = NULL;
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

static struct prompt_group *taken_by(struct prompt_groups *g, struct slice text, struct arena *scratch) {
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
    struct prompt_group *x = taken_by(g, text, scratch);
    enum fault fault = FAULT_NONE;
    arena_init(&arena, ROOM_FIRST, ROOM_MOST);
    if (x == NULL) fault = fingerprint_of(text, &arena, &own);
    if (own != NULL && fault == FAULT_NONE) {
        struct prompt_group *alike = most_alike(g, own, scratch), *root = alike != NULL ? root_of(alike) : NULL;
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
