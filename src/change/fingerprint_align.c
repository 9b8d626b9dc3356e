/* How two lists of words run along each other; see fingerprint_parts.h. */
#include "change/fingerprint_parts.h"

#define RUN 3 /* words of an anchor */
#define ISLAND 4 /* a run below this between two differences is chance, */
#define ISLAND_MOST 9 /* and up to this when both are as long as ISLAND_SIDES such runs */
#define ISLAND_SIDES 4

struct anchor_slot {
    uint64_t hash;
    uint32_t a, b;      /* where */
    uint8_t in_a, in_b; /* how often: 2 is more than once */
};
struct anchors {
    struct anchor_slot *slots;
    size_t mask;
};

static uint64_t run_hash(const struct words *w, unsigned at) {
    uint64_t h = 0;
    for (unsigned i = at; i < at + RUN; i++) {
        if (w->at[i].hash == 0) return 0; /* a gap */
        h = (h ^ w->at[i].hash) * 0x9E3779B97F4A7C15ULL;
        h ^= h >> 29;
    }
    return h | 1;
}

static struct anchor_slot *slot_of(struct anchors *t, uint64_t hash) {
    size_t i = (size_t)(hash >> 17) & t->mask;
    while (t->slots[i].hash != 0 && t->slots[i].hash != hash) i = (i + 1) & t->mask;
    t->slots[i].hash = hash;
    return &t->slots[i];
}

/* The longest list of anchors that ascends in both (Fredman 1975): last[k] ends the best of k + 1 so far. */
static unsigned ascending(struct anchor_slot **c, unsigned n, struct arena *arena, struct anchor_slot ***ret) {
    unsigned *last = arena_new_array(arena, unsigned, n + 1), *before = arena_new_array(arena, unsigned, n + 1), k = 0;
    *ret = arena_new_array(arena, struct anchor_slot *, n + 1);
    if (last == NULL || before == NULL || *ret == NULL) return 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned low = 0, high = k;
        while (low < high) {
            unsigned middle = (low + high) / 2;
            if (c[last[middle]]->b < c[i]->b) low = middle + 1;
            else high = middle;
        }
        before[i] = low > 0 ? last[low - 1] : UINT32_MAX;
        last[low] = i;
        if (low == k) k++;
    }
    for (unsigned i = k > 0 ? last[k - 1] : 0, at = k; at-- > 0; i = before[i]) (*ret)[at] = c[i];
    return k;
}

static bool find_anchors(const struct words *a, const struct words *b, struct hunk in, struct arena *arena, struct anchor_slot ***ret, unsigned *ret_n) {
    unsigned n_a = in.a_to - in.a_from, n_b = in.b_to - in.b_from, n = 0;
    struct anchors t = {.mask = 16};
    *ret_n = 0;
    *ret = NULL;
    if (n_a < RUN || n_b < RUN) return true;
    while (t.mask < 2 * ((size_t)n_a + n_b)) t.mask *= 2;
    t.slots = arena_new_array(arena, struct anchor_slot, t.mask);
    struct anchor_slot **unique = arena_new_array(arena, struct anchor_slot *, n_a);
    if (t.slots == NULL || unique == NULL) return false;
    t.mask--;
    for (unsigned i = in.a_from; i + RUN <= in.a_to; i++) {
        uint64_t h = run_hash(a, i);
        struct anchor_slot *s = h != 0 ? slot_of(&t, h) : NULL;
        if (s == NULL) continue;
        s->a = i;
        if (s->in_a < 2) s->in_a++;
    }
    for (unsigned i = in.b_from; i + RUN <= in.b_to; i++) {
        uint64_t h = run_hash(b, i);
        struct anchor_slot *s = h != 0 ? slot_of(&t, h) : NULL;
        if (s == NULL) continue;
        s->b = i;
        if (s->in_b < 2) s->in_b++;
    }
    for (unsigned i = in.a_from; i + RUN <= in.a_to; i++) {
        uint64_t h = run_hash(a, i);
        struct anchor_slot *s = h != 0 ? slot_of(&t, h) : NULL;
        if (s != NULL && s->in_a == 1 && s->in_b == 1) unique[n++] = s;
    }
    *ret_n = ascending(unique, n, arena, ret);
    return *ret != NULL && !arena_is_full(arena);
}

/* ---- runs of one, to look those of others up ---- */

struct fingerprint_runs {
    uint64_t *slots;
    size_t mask;
};

static uint64_t *run_slot(const struct fingerprint_runs *r, uint64_t hash) {
    size_t i = (size_t)(hash >> 17) & r->mask;
    while (r->slots[i] != 0 && r->slots[i] != hash) i = (i + 1) & r->mask;
    return &r->slots[i];
}

enum fault words_runs(const struct words *w, struct arena *arena, struct fingerprint_runs **ret) {
    struct fingerprint_runs *r = arena_new(arena, struct fingerprint_runs);
    size_t mask = 16;
    while (mask < 2 * (size_t)w->n) mask *= 2;
    uint64_t *slots = arena_new_array(arena, uint64_t, mask);
    if (r == NULL || slots == NULL) return FAULT_TOO_LARGE;
    *r = (struct fingerprint_runs){slots, mask - 1};
    for (unsigned i = 0; i + RUN <= w->n; i++) {
        uint64_t h = run_hash(w, i);
        if (h != 0) *run_slot(r, h) = h;
    }
    *ret = r;
    return FAULT_NONE;
}

/* What is equal at both ends may be shorter than a run. */
unsigned words_common_most(const struct words *w, const struct fingerprint_runs *r) {
    unsigned n = 2 * (RUN - 1), to = 0;
    for (unsigned i = 0; i + RUN <= w->n; i++) {
        uint64_t h = run_hash(w, i);
        if (h == 0 || *run_slot(r, h) == 0) continue;
        n += i + RUN - (i > to ? i : to);
        to = i + RUN;
    }
    return n;
}

static bool same(const struct words *a, const struct words *b, unsigned i, unsigned k) { return a->at[i].hash != 0 && a->at[i].hash == b->at[k].hash; }

static unsigned smaller(unsigned x, unsigned y) { return x < y ? x : y; }
static unsigned length(const struct hunk *h) {
    unsigned n_a = h->a_to - h->a_from, n_b = h->b_to - h->b_from;
    return n_a > n_b ? n_a : n_b;
}

static bool is_value(const struct words *a, const struct words *b, const struct hunk *h) {
    return h->a_to - h->a_from == 1 && a->at[h->a_from].kind == WORD_GAP && gap_takes(&a->at[h->a_from], b, h->b_from, h->b_to);
}

/* Puts together what only a short run of equal words keeps apart. */
static void join_islands(const struct words *a, const struct words *b, struct alignment *d) {
    unsigned kept = 0;
    for (unsigned i = 0; i < d->n; i++) {
        struct hunk *last = kept > 0 ? &d->hunks[kept - 1] : NULL;
        unsigned island = last != NULL ? d->hunks[i].a_from - last->a_to : 0;
        unsigned sides = last != NULL ? smaller(length(last), length(&d->hunks[i])) : 0;
        if (last == NULL || is_value(a, b, last) || is_value(a, b, &d->hunks[i]) ||
            !(island < ISLAND_MOST && sides >= ISLAND && (island < ISLAND || sides >= ISLAND_SIDES * island))) {
            d->hunks[kept++] = d->hunks[i];
            continue;
        }
        last->a_to = d->hunks[i].a_to;
        last->b_to = d->hunks[i].b_to;
        d->common -= island;
    }
    d->n = kept;
}

bool words_align(const struct words *a, const struct words *b, struct arena *arena, struct alignment *ret) {
    struct hunk rest = {0, a->n, 0, b->n};
    struct anchor_slot **anchors;
    unsigned n;
    while (rest.a_from < rest.a_to && rest.b_from < rest.b_to && same(a, b, rest.a_from, rest.b_from)) rest.a_from++, rest.b_from++;
    while (rest.a_from < rest.a_to && rest.b_from < rest.b_to && same(a, b, rest.a_to - 1, rest.b_to - 1)) rest.a_to--, rest.b_to--;
    if (!find_anchors(a, b, rest, arena, &anchors, &n)) return false;
    struct alignment d = {arena_new_array(arena, struct hunk, n + 1), 0, rest.a_from + (a->n - rest.a_to)};
    if (d.hunks == NULL) return false;
    for (unsigned i = 0; i < n; i++) {
        unsigned x = anchors[i]->a, y = anchors[i]->b, x_to = x + RUN, y_to = y + RUN;
        if (x < rest.a_from || y < rest.b_from) continue; /* of a run that was taken */
        while (x > rest.a_from && y > rest.b_from && same(a, b, x - 1, y - 1)) x--, y--;
        while (x_to < rest.a_to && y_to < rest.b_to && same(a, b, x_to, y_to)) x_to++, y_to++;
        d.hunks[d.n++] = (struct hunk){rest.a_from, x, rest.b_from, y};
        d.common += x_to - x;
        rest.a_from = x_to;
        rest.b_from = y_to;
    }
    if (rest.a_from < rest.a_to || rest.b_from < rest.b_to) d.hunks[d.n++] = rest;
    join_islands(a, b, &d);
    *ret = d;
    return true;
}
