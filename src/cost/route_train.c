#include "cost/route_train.h"

#include "base/digest.h"
#include "cost/route_seen.h"
#include "dialect/dialect.h"
#include "store/score.h"

/* ---- the scores ---- */

struct scored {
    struct record_id id;
    int64_t sum_ppm;
    unsigned n;
};

/* The newest; the oldest is overwritten. */
struct scores {
    struct scored *ring;
    size_t n;
};

static bool add(void *ctx, const struct score *s) {
    struct scores *all = ctx;
    bool same = all->n > 0 && memcmp(&all->ring[(all->n - 1) % ROUTE_EXAMPLES].id, &s->record, sizeof s->record) == 0;
    if (!same) all->ring[all->n++ % ROUTE_EXAMPLES] = (struct scored){.id = s->record};
    struct scored *last = &all->ring[(all->n - 1) % ROUTE_EXAMPLES];
    last->sum_ppm += s->value_ppm;
    last->n++;
    return true;
}

/* ---- one exchange ---- */

static bool is_asked(const struct model_route *m, const struct record *r) {
    if (slice_is(r->model, m->name)) return true;
    for (unsigned i = 0; i < m->tiering->n_tiers; i++)
        if (slice_is(r->model, m->tiering->tiers[i].name)) return true;
    return false;
}

/* False: its request cannot be read as it was asked. */
static bool read_request(struct ledger *l, const struct record *r, struct arena *scratch, struct difficulty *ret, enum fault *fault,
                         struct error *error) {
    struct payload payload;
    struct call call = {.endpoint = r->endpoint};
    enum dialect_id id;
    *fault = ledger_payload(l, &r->id, scratch, &payload, error);
    if (*fault == FAULT_NOT_FOUND) *fault = FAULT_NONE;
    else if (*fault == FAULT_NONE && !slice_is_null(payload.request) && !payload.request_cut && dialect_from_name(r->dialect, &id) &&
             dialect_of(id)->read_head(payload.request, scratch, &call, error) == FAULT_NONE) {
        difficulty_read(&call, ret);
        return true;
    }
    return false;
}

static bool rules_say_cheap(const struct tiering *t, const struct difficulty *d, const struct record *r) {
    struct tiering rules = *t;
    rules.weights = NULL;
    return tiers_choose(&rules, d, r->request_type, r->feature).tier == 0;
}

static enum fault read_one(struct ledger *l, const struct route_query *q, const struct scored *s, struct arena *scratch,
                           struct route_examples *ret, struct error *error) {
    struct record r;
    struct route_example e = {.score = (double)s->sum_ppm / s->n / SCORE_PPM};
    enum fault fault = ledger_find(l, &s->id, scratch, &r, error);
    if (fault == FAULT_NOT_FOUND) return FAULT_NONE; /* its day has just gone */
    if (fault != FAULT_NONE) return fault;
    int tier = route_tier_of(q->m, &r), last = (int)q->m->tiering->n_tiers - 1;
    if (!is_asked(q->m, &r) || r.status != RECORD_OK || r.cache.len > 0 || (tier != 0 && tier != last)) {
        ret->others++;
        return FAULT_NONE;
    }
    if (!read_request(l, &r, scratch, &e.d, &fault, error)) {
        ret->without_request++;
        return fault;
    }
    e.cheap = tier == 0;
    e.own = slice_is(r.model, q->m->name);
    e.by_rules = rules_say_cheap(q->m->tiering, &e.d, &r);
    e.cost_nano = r.cost_nano;
    struct slice one = r.session.len > 0 ? r.session : slice_make((const char *)r.id.bytes, sizeof r.id.bytes);
    e.fold = (unsigned)(digest_fast(one, 0) % ROUTE_FOLDS);
    ret->at[ret->n++] = e;
    return FAULT_NONE;
}

enum fault route_examples_read(struct ledger *l, const struct route_query *q, struct arena *arena, struct route_examples *ret,
                               struct error *error) {
    struct scores all = {.ring = arena_new_array(arena, struct scored, ROUTE_EXAMPLES)};
    struct arena scratch;
    *ret = (struct route_examples){.at = arena_new_array(arena, struct route_example, ROUTE_EXAMPLES)};
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room for %d exchanges", ROUTE_EXAMPLES);
    enum fault fault = ledger_scores(l, q->from_us, q->to_us, NULL, q->quality, add, &all, error);
    size_t kept = all.n < ROUTE_EXAMPLES ? all.n : ROUTE_EXAMPLES;
    ret->scored = all.n;
    ret->left_off = all.n - kept;
    arena_init(&scratch, 64 << 10, 16 * (size_t)LIMIT_PAYLOAD);
    for (size_t i = all.n - kept; i < all.n && fault == FAULT_NONE; i++) {
        arena_reset(&scratch);
        fault = read_one(l, q, &all.ring[i % ROUTE_EXAMPLES], &scratch, ret, error);
    }
    arena_deinit(&scratch);
    return fault;
}
