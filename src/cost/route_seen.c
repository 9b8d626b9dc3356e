#include "cost/route_seen.h"

int route_tier_of(const struct model_route *m, const struct record *r) {
    const struct tiering *t = m->tiering;
    for (unsigned i = 0; i < t->n_tiers; i++)
        for (unsigned k = t->tiers[i].first; k < t->tiers[i].first + t->tiers[i].n; k++)
            if (slice_is(r->provider, m->targets[k].provider->name) && slice_is(r->target_model, m->targets[k].model)) return (int)i;
    return -1;
}

enum fault route_each_record(struct ledger *l, const struct record_filter *f, bool (*each)(void *ctx, const struct record *r),
                             void *ctx, struct error *error) {
    struct record_filter page = *f;
    struct arena arena;
    char cursor[256];
    enum fault fault;
    page.limit = LIMIT_PAGE;
    page.oldest_first = true;
    page.cursor = SLICE_NULL;
    arena_init(&arena, 64 << 10, 64 << 20);
    do {
        struct slice next = SLICE_NULL;
        fault = ledger_list(l, &page, &arena, each, ctx, &next, error);
        size_t n = next.len < sizeof cursor ? next.len : 0;
        memcpy(cursor, next.at ? next.at : "", n);
        page.cursor = n > 0 ? slice_make(cursor, n) : SLICE_NULL;
        arena_reset(&arena);
    } while (fault == FAULT_NONE && page.cursor.len > 0);
    arena_deinit(&arena);
    return fault;
}

struct seeing {
    const struct model_route *m;
    struct route_seen *ret;
};

static int chosen_of(const struct tiering *t, struct slice name) {
    for (unsigned i = 0; i < t->n_tiers; i++)
        if (slice_is(name, t->tiers[i].name)) return (int)i;
    return -1;
}

static bool see(void *ctx, const struct record *r) {
    const struct seeing *s = ctx;
    struct route_seen *n = s->ret;
    if (r->difficulty_ppm < 0 || r->cache.len > 0 || !slice_is(r->model, s->m->name)) return true;
    int chosen = chosen_of(s->m->tiering, r->tier), answered = route_tier_of(s->m, r);
    n->records++;
    n->applied += r->tier_applied;
    if (money_is_known(r->cost_nano)) n->cost_nano += r->cost_nano;
    else n->unpriced++;
    if (chosen < 0) {
        n->other++;
        return true;
    }
    n->chosen[chosen]++;
    n->agreed += chosen == answered;
    if (answered <= chosen || !money_is_known(r->cost_nano)) return true;
    const struct target *first = &s->m->targets[s->m->tiering->tiers[chosen].first];
    int64_t there = price_cost(first->price, &r->usage, r->time_us);
    if (!money_is_known(there)) return true;
    n->would_save_nano += r->cost_nano - there;
    n->would_save_records++;
    return true;
}

enum fault route_seen_read(struct ledger *l, const struct model_route *m, int64_t from_us, int64_t to_us, struct route_seen *ret,
                           struct error *error) {
    struct record_filter f = {.from_us = from_us, .to_us = to_us, .model = slice_of(m->name), .status = RECORD_OK};
    struct seeing s = {m, ret};
    *ret = (struct route_seen){.records = 0};
    return route_each_record(l, &f, see, &s, error);
}
