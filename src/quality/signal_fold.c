/* Signals: what they may take. Series whose traffic is least join "(other)" with all that they hold: detail goes, no sum does. */
#include "quality/signals_private.h"

#include "base/mem.h"

#include <stdlib.h>

static bool may_fold(const struct signal_base *b) {
    if (b->family == FAMILY_READINGS) return false;
    for (unsigned i = 0; i < SIGNAL_BYS; i++)
        if ((CLIENTS_WORDS >> i & 1) && !slice_is_null(b->is[i]) && !slice_eq(b->is[i], SIGNAL_OTHER)) return true;
    return false;
}

static int by_traffic(const void *a, const void *b) {
    double x = (*(struct signal_base *const *)a)->busy, y = (*(struct signal_base *const *)b)->busy;
    return (x > y) - (x < y);
}

/* How many bytes that gave back. */
static size_t fold_one(struct signals *s, struct signal_base *b) {
    struct slice is[SIGNAL_BYS];
    memcpy(is, b->is, sizeof is);
    for (unsigned i = 0; i < SIGNAL_BYS; i++)
        if ((CLIENTS_WORDS >> i & 1) && !slice_is_null(is[i])) is[i] = signals_label(s, i, SIGNAL_OTHER);
    struct signal_base *into = signals_base(s, b->family, is, signals_of_bounded(b->family, b->of));
    size_t before = signal_base_bytes(b) + signal_base_bytes(into);
    rings_merge(&into->rings, &b->rings, b->family, s->work);
    into->busy += b->busy;
    signals_drop(s, b);
    size_t after = signal_base_bytes(into);
    return before > after ? before - after : 0;
}

bool signals_fold(struct signals *s) {
    struct signal_base **all = mem_new_array(struct signal_base *, s->series.count + 1);
    size_t cursor = 0, n = 0, bytes = 0;
    uint64_t folded = s->stats.folded;
    void *value;
    while (table_next(&s->series, &cursor, NULL, &value)) {
        bytes += signal_base_bytes(value);
        if (may_fold(value)) all[n++] = value;
    }
    if (bytes > s->most_bytes) {
        qsort(all, n, sizeof *all, by_traffic);
        for (size_t i = 0; i < n && bytes > s->most_bytes / 8 * 7; i++, s->stats.folded++) {
            size_t less = fold_one(s, all[i]);
            bytes -= less < bytes ? less : bytes;
        }
    }
    s->crowded = bytes > s->most_bytes / 4 * 3;
    mem_free(all);
    return s->stats.folded != folded;
}
