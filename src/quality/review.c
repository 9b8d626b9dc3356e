#include "quality/review.h"

#include "stats/random.h"

#include <math.h>

#define RESAMPLES 1000

static const char *const scale_names[] = {"binary", "1-5", "pairwise"};

const char *review_scale_name(enum review_scale s) { return scale_names[s]; }

bool review_scale_from(struct slice name, enum review_scale *ret) {
    for (enum review_scale s = REVIEW_BINARY; s <= REVIEW_PAIRWISE; s++)
        if (slice_is(name, scale_names[s])) {
            *ret = s;
            return true;
        }
    return false;
}

/* ---- labels ---- */

bool review_label_read(enum review_scale s, bool flipped, struct slice word, int32_t *ret) {
    int32_t turn = flipped ? 1 : -1; /* the first shown is the baseline unless flipped */
    switch (s) {
    case REVIEW_BINARY:
        if (!slice_is(word, "pass") && !slice_is(word, "fail")) return false;
        *ret = slice_is(word, "pass");
        return true;
    case REVIEW_1_TO_5:
        if (word.len != 1 || word.at[0] < '1' || word.at[0] > '5') return false;
        *ret = word.at[0] - '0';
        return true;
    case REVIEW_PAIRWISE:
        if (!slice_is(word, "first") && !slice_is(word, "second") && !slice_is(word, "tie")) return false;
        *ret = slice_is(word, "tie") ? 0 : slice_is(word, "first") ? turn : -turn;
        return true;
    }
    return false;
}

const char *review_label_name(enum review_scale s, int32_t label) {
    static const char *const grades[] = {"1", "2", "3", "4", "5"};
    switch (s) {
    case REVIEW_BINARY: return label != 0 ? "pass" : "fail";
    case REVIEW_1_TO_5: return label >= 1 && label <= 5 ? grades[label - 1] : "";
    case REVIEW_PAIRWISE: return label < 0 ? "baseline" : label > 0 ? "candidate" : "tie";
    }
    return "";
}

const char *review_label_words(enum review_scale s) {
    static const char *const words[] = {"pass or fail", "1, 2, 3, 4 or 5", "first, second or tie"};
    return words[s];
}

/* ---- who gets what ---- */

static void shuffle(uint32_t *at, uint32_t n, struct random *chance) {
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = (uint32_t)random_below(chance, i), kept = at[i - 1];
        at[i - 1] = at[j];
        at[j] = kept;
    }
}

/* Of those that have least, any but those that have this item. */
static uint32_t draw(const uint32_t *load, const bool *has, uint32_t n, struct random *chance) {
    uint32_t least = UINT32_MAX, ties = 0, drawn = 0;
    for (uint32_t r = 0; r < n; r++) {
        if (has[r] || load[r] > least) continue;
        ties = load[r] < least ? 1 : ties + 1;
        least = load[r];
        if (random_below(chance, ties) == 0) drawn = r;
    }
    return drawn;
}

struct review_assignment *review_assign(uint32_t n_items, uint32_t n_reviewers, uint32_t per_item, uint64_t seed, struct arena *arena) {
    struct random chance = {seed};
    uint32_t *order = arena_new_array(arena, uint32_t, n_items), *load = arena_new_array(arena, uint32_t, n_reviewers);
    uint32_t *who = arena_new_array(arena, uint32_t, (size_t)n_items * per_item), *next = arena_new_array(arena, uint32_t, n_reviewers);
    bool *has = arena_new_array(arena, bool, n_reviewers);
    struct review_assignment *all = arena_new_array(arena, struct review_assignment, (size_t)n_items * per_item);
    if (!order || !load || !who || !next || !has || !all) return NULL;
    for (uint32_t i = 0; i < n_items; i++) order[i] = i;
    memset(load, 0, n_reviewers * sizeof *load);
    shuffle(order, n_items, &chance);
    for (uint32_t i = 0; i < n_items; i++) {
        memset(has, 0, n_reviewers * sizeof *has);
        for (uint32_t k = 0; k < per_item; k++) {
            uint32_t r = draw(load, has, n_reviewers, &chance);
            has[r] = true;
            load[r]++;
            who[(size_t)i * per_item + k] = r;
        }
    }
    for (uint32_t r = 0, from = 0; r < n_reviewers; from += load[r++]) next[r] = from;
    for (uint32_t i = 0; i < n_items; i++)
        for (uint32_t k = 0; k < per_item; k++) {
            uint32_t r = who[(size_t)i * per_item + k];
            all[next[r]++] = (struct review_assignment){.item = order[i], .reviewer = r, .flipped = random_below(&chance, 2) == 1};
        }
    for (uint32_t r = 0, from = 0; r < n_reviewers; from += load[r++]) { /* an order of their own: nobody's is another's */
        for (uint32_t i = load[r]; i > 1; i--) {
            uint32_t j = (uint32_t)random_below(&chance, i);
            struct review_assignment kept = all[from + i - 1];
            all[from + i - 1] = all[from + j];
            all[from + j] = kept;
        }
        for (uint32_t i = 0; i < load[r]; i++) all[from + i].position = i;
    }
    return all;
}

uint32_t *review_draw(uint32_t n, uint32_t wanted, uint64_t seed, struct arena *arena) {
    struct random chance = {seed};
    uint32_t *drawn = arena_new_array(arena, uint32_t, (size_t)wanted + 1), taken = 0;
    for (uint32_t i = 0; drawn && i < n && taken < wanted; i++)
        if (random_below(&chance, n - i) < wanted - taken) drawn[taken++] = i;
    return drawn;
}

/* ---- what they said ---- */

enum review_state review_settle(const int32_t *labels, size_t n, size_t expected, int32_t *ret) {
    for (size_t i = 1; i < n; i++)
        if (labels[i] != labels[0]) return REVIEW_DISPUTED;
    if (n == 0 || n < expected) return REVIEW_WAITING;
    *ret = labels[0];
    return REVIEW_SETTLED;
}

enum fault review_agree(const int32_t *labels, size_t n_reviewers, size_t n_items, enum review_scale s, uint64_t seed,
                        struct arena *arena, struct review_agreement *ret) {
    struct review_agreement a = {0};
    double *values = arena_new_array(arena, double, n_reviewers * n_items + 1);
    if (!values) return FAULT_TOO_LARGE;
    for (size_t i = 0; i < n_items; i++) {
        int32_t first = REVIEW_NONE;
        size_t n = 0;
        bool same = true;
        for (size_t r = 0; r < n_reviewers; r++) {
            int32_t label = labels[r * n_items + i];
            values[r * n_items + i] = label == REVIEW_NONE ? NAN : label;
            if (label == REVIEW_NONE) continue;
            if (n++ == 0) first = label;
            same = same && label == first;
        }
        a.items += n > 1;
        a.agreed += n > 1 && same;
    }
    a.alpha = krippendorff_alpha(values, n_reviewers, n_items, s == REVIEW_BINARY ? KRIPPENDORFF_NOMINAL : KRIPPENDORFF_ORDINAL, RESAMPLES,
                                 seed, 0.95);
    *ret = a;
    return FAULT_NONE;
}
