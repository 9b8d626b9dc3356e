/* wire_review.c - see wire_review.h. */
#include "wire_review.h"

#include "store/reviews.h"

#define SEEN 256 /* of one look: more are told as these are done */

struct looking {
    struct arena *arena;
    int64_t now_us;
    struct finding seen[SEEN];
    unsigned n;
};

static bool see(void *ctx, const struct review_row *r) {
    struct looking *l = ctx;
    if (r->due_us == 0 || r->due_us > l->now_us || r->given >= r->labels) return true;
    long long number = (long long)r->number, missing = (long long)(r->labels - r->given);
    l->seen[l->n++] = (struct finding){
        .kind = FINDING_REVIEW_OVERDUE,
        .key = arena_printf(l->arena, "[\"review_overdue\",%lld]", number),
        .title = arena_printf(l->arena, "review-%lld is overdue: %lld of %lld labels are missing", number, missing, (long long)r->labels),
        .evidence = arena_printf(l->arena, "{\"review\":\"review-%lld\",\"labels\":%lld,\"expected\":%lld,\"items\":%lld,\"reviewers\":" SLICE_FMT "}",
                                 number, (long long)r->given, (long long)r->labels, (long long)r->items, SLICE_ARG(r->reviewers)),
        .command = arena_printf(l->arena, "quarterdeck review show review-%lld", number)};
    return l->n < SEEN;
}

enum fault review_wire_look(struct evaluations *e, struct registry *r, int64_t now_us, void (*opened)(void *ctx, const struct finding *f), void *ctx,
                            struct error *error) {
    struct arena arena;
    struct findings_change change;
    int64_t ids[SEEN] = {0};
    arena_init(&arena, 16 << 10, 4 << 20);
    struct looking *l = arena_new(&arena, struct looking);
    enum fault fault = l != NULL ? FAULT_NONE : error_set(error, FAULT_TOO_LARGE, "no room for reviews that are overdue");
    if (fault == FAULT_NONE) {
        *l = (struct looking){.arena = &arena, .now_us = now_us};
        fault = reviews_list(e, true, &arena, see, l, error);
    }
    if (fault == FAULT_NONE && arena_is_full(&arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for reviews that are overdue");
    if (fault == FAULT_NONE)
        fault = findings_put(r, &(struct findings_look){.kinds = FINDING_BIT(REVIEW_OVERDUE), .seen = l->seen, .n_seen = l->n}, now_us, ids, &change, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < l->n; i++) {
        l->seen[i].id = ids[i];
        if (ids[i] != 0) opened(ctx, &l->seen[i]);
    }
    arena_deinit(&arena);
    return fault;
}
