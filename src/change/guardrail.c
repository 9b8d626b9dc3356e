#include "change/guardrail_private.h"

#include "base/digest.h"
#include "base/mem.h"

#include <math.h>

/* ---- units ---- */

static bool is_kept(const struct unit_set *s, uint32_t hash) { return (hash & ((UINT32_C(1) << s->level) - 1)) == 0; }

static uint32_t *slot_of(uint32_t *slots, uint32_t hash) {
    uint32_t i = (hash * UINT32_C(2654435769)) % (2 * GUARD_UNITS);
    while (slots[i] != 0 && slots[i] != hash) i = (i + 1) % (2 * GUARD_UNITS);
    return &slots[i];
}

static void halve(struct unit_set *s) {
    uint32_t *old = s->slots;
    s->slots = mem_new_array(uint32_t, 2 * GUARD_UNITS);
    s->n = 0;
    s->level++;
    for (uint32_t i = 0; i < 2 * GUARD_UNITS; i++) {
        if (old[i] == 0 || !is_kept(s, old[i])) continue;
        *slot_of(s->slots, old[i]) = old[i];
        s->n++;
    }
    mem_free(old);
}

bool unit_set_add(struct unit_set *s, uint64_t unit) {
    uint32_t hash = (uint32_t)(unit >> 32);
    if (hash == 0) hash = UINT32_C(1) << 31;
    if (!is_kept(s, hash)) return false;
    if (s->slots == NULL) s->slots = mem_new_array(uint32_t, 2 * GUARD_UNITS);
    uint32_t *slot = slot_of(s->slots, hash);
    if (*slot == hash) return false;
    while (s->n == GUARD_UNITS && s->level < 31) {
        halve(s);
        if (!is_kept(s, hash)) return false;
        slot = slot_of(s->slots, hash);
    }
    *slot = hash;
    s->n++;
    return true;
}

static struct slice unit_text(const struct record *r, enum sticky sticky) {
    if (sticky == STICKY_USER && r->user.len > 0) return r->user;
    if (sticky != STICKY_REQUEST && r->session.len > 0) return r->session;
    return SLICE_NULL;
}

uint64_t guard_unit(const struct record *r, enum sticky sticky) {
    struct slice text = unit_text(r, sticky);
    if (text.len == 0) text = slice_make((const char *)r->id.bytes, sizeof r->id.bytes);
    return digest_fast(text, digest_fast(r->application, 1));
}

/* ---- a rollout's sums ---- */

static uint64_t plan_hash(const struct guardrails *g) {
    uint64_t hash = 2;
    for (unsigned i = 0; i < g->n; i++) hash = digest_fast(g->rails[i].metric, hash);
    return digest_fast(slice_make((const char *)&g->sticky, sizeof g->sticky), hash);
}

struct guardrails *guardrails_new(const struct rollout_plan *plan) {
    struct guardrails *g = mem_new(struct guardrails);
    arena_init(&g->arena, 512, SIZE_MAX / 2);
    g->n = plan->n_guardrails < GUARDRAILS ? plan->n_guardrails : GUARDRAILS;
    for (unsigned i = 0; i < g->n; i++) {
        g->rails[i] = plan->guardrails[i];
        g->rails[i].metric = arena_slice(&g->arena, plan->guardrails[i].metric);
        g->rails[i].name = arena_slice(&g->arena, plan->guardrails[i].name);
    }
    g->alpha = plan->alpha;
    g->min_samples = plan->min_samples > 0 ? (uint64_t)plan->min_samples : 0;
    g->sticky = plan->sticky;
    g->plan = plan_hash(g);
    g->sums = mem_new_array(struct guard_sums, g->n + 1);
    return g;
}

void guardrails_free(struct guardrails *g) {
    if (g == NULL) return;
    for (unsigned i = 0; i < g->n; i++) {
        struct guard_sums *s = &g->sums[i];
        mem_free(s->failed.slots);
        histogram_deinit(&s->of[0]);
        histogram_deinit(&s->of[1]);
        histogram_deinit(&s->reference);
    }
    mem_free(g->units.slots);
    mem_free(g->sums);
    arena_deinit(&g->arena);
    mem_free(g);
}

double guard_alpha(const struct guardrails *g, unsigned i) {
    double own = g->rails[i].alpha;
    return own > 0 && own < 1 ? own : g->alpha / g->n;
}

/* ---- what a record says ---- */

enum outcome { OUTCOME_NONE, OUTCOME_GOOD, OUTCOME_BAD };

/* What the version may be blamed for. Not: what the client did wrong or gave up, what a budget or limit refused, what this server
 * was too full or too late for. A version whose request no target can take (UNTRANSLATABLE) is to blame for that. */
static bool is_blamed(enum fault f) {
    switch (f) {
    case FAULT_UNTRANSLATABLE: return true;
    case FAULT_CANCELLED: case FAULT_APPROVAL_REQUIRED: case FAULT_UNKNOWN_PRICE: case FAULT_BUDGET_EXCEEDED: case FAULT_RATE_LIMITED:
    case FAULT_KEY_THROTTLED: case FAULT_KEY_FROZEN: case FAULT_OVERLOADED: case FAULT_RECORDER_FULL: case FAULT_SHUTTING_DOWN: return false;
    default: return f == FAULT_NONE || f > FAULT_NOT_PERMITTED;
    }
}

static enum outcome outcome_of(const struct record *r) {
    switch (r->status) {
    case RECORD_OK: return OUTCOME_GOOD;
    case RECORD_TRUNCATED: case RECORD_DEGRADED: return OUTCOME_BAD;
    case RECORD_ERROR: return is_blamed(r->error) ? OUTCOME_BAD : OUTCOME_NONE;
    case RECORD_REFUSED: return r->error == FAULT_UNTRANSLATABLE ? OUTCOME_BAD : OUTCOME_NONE;
    case RECORD_CANCELLED: case RECORD_STATUS_COUNT: break;
    }
    return OUTCOME_NONE;
}

static bool is_refusal(const struct record *r) {
    return r->error == FAULT_UP_CONTENT_POLICY || slice_is(r->finish_reason, "refusal") || slice_is(r->finish_reason, "content_filter");
}

/* -1: the record has none. Only of whole answers: what broke off early was quick and cheap. */
static int64_t quantity_of(const struct guardrail *rail, const struct record *r) {
    bool from_stream = r->stream && r->ttft_us >= 0;
    int64_t output = r->usage.output;
    if (r->status != RECORD_OK) return -1;
    if (slice_starts(rail->metric, SLICE("latency_"))) return r->duration_us;
    if (slice_starts(rail->metric, SLICE("first_token_"))) return from_stream ? r->ttft_us : -1;
    if (slice_starts(rail->metric, SLICE("per_token_"))) {
        if (from_stream) return output > 1 && r->duration_us >= r->ttft_us ? (r->duration_us - r->ttft_us) / (output - 1) : -1;
        return output > 0 ? r->duration_us / output : -1;
    }
    if (slice_is(rail->metric, "cost_per_request")) return r->cost_nano == MONEY_UNKNOWN ? -1 : r->cost_nano;
    if (slice_is(rail->metric, "output_tokens")) return output;
    return -1;
}

/* ---- taking ---- */

struct seen { /* one observation */
    enum arm arm;
    unsigned cell;
    uint64_t unit;
    bool own_unit;  /* no other observation is of this unit */
    int side;       /* in the comparison of equals; -1: not in it */
};

/* Above one half, control is what is left, and of the candidate's units as many are compared. */
static int side_of(enum arm arm, uint32_t weight_ppm, uint64_t unit) {
    if (arm == ARM_CONTROL) return SIDE_CONTROL;
    if (arm != ARM_CANDIDATE) return -1;
    double w = weight_ppm / 1e6;
    if (w <= 0.5) return SIDE_CANDIDATE;
    uint64_t hash = digest_fast(slice_make((const char *)&unit, sizeof unit), 3);
    return (double)(hash >> 11) * 0x1p-53 < (1 - w) / w ? SIDE_CANDIDATE : -1;
}

static void group_add(struct guard_sums *s, const struct seen *o, double y) {
    struct guard_group *group = &s->groups[o->side][o->unit % GUARD_GROUPS];
    group->n++;
    group->y += y;
}

static void take_failure(struct guard_sums *s, const struct seen *o, bool bad) {
    s->n[o->arm]++;
    s->failures[o->arm] += bad;
    if (o->side >= 0) group_add(s, o, bad);
    if (!bad || !(o->own_unit || unit_set_add(&s->failed, o->unit))) return;
    if (o->arm == ARM_CANDIDATE) s->cells[o->cell].candidate++;
    else s->cells[o->cell].control++;
}

static void take_quantile(struct guard_sums *s, const struct guardrail *rail, const struct seen *o, int64_t value) {
    enum { FIRST = 50 }; /* control's values, before its quantile is known well enough to tell who is above it */
    if (o->side < 0) return;
    s->n[o->arm]++;
    if (s->of[SIDE_CONTROL].count >= FIRST)
        group_add(s, o, (double)value > histogram_quantile(&s->of[SIDE_CONTROL], rail->quantile));
    histogram_add(&s->of[o->side], value);
}

static void add_value(struct guard_sums *s, const struct seen *o, double value) {
    struct mean_sums *m = &s->sums[o->side];
    s->n[o->arm]++;
    m->n++;
    m->sum += value;
    m->squares += value * value;
    group_add(s, o, value);
}

/* Winsorised at four times what 99.9 % of the current version's values up to here do not pass: nothing that is still to come, and nothing of
 * the candidate's, moves it. Four times, so that a candidate that is dearer throughout is not taken for one with outliers. Before there
 * are 100 values nothing is compared. */
static void take_mean(struct guard_sums *s, const struct seen *o, int64_t value) {
    enum { FIRST = 100, TIMES = 4 };
    if (o->side >= 0 && s->reference.count >= FIRST) add_value(s, o, fmin((double)value, TIMES * histogram_quantile(&s->reference, 0.999)));
    if (o->arm != ARM_CANDIDATE) histogram_add(&s->reference, value);
}

static void take_one(struct guardrails *g, unsigned i, const struct record *r, enum outcome outcome, const struct seen *o) {
    const struct guardrail *rail = &g->rails[i];
    int64_t value;
    switch (rail->kind) {
    case GUARD_FAILURES:
        if (slice_is(rail->metric, "error_rate")) take_failure(&g->sums[i], o, outcome == OUTCOME_BAD);
        else if (slice_is(rail->metric, "refusal_rate") && (outcome == OUTCOME_GOOD || is_refusal(r)))
            take_failure(&g->sums[i], o, is_refusal(r));
        break;
    case GUARD_QUANTILE:
        if ((value = quantity_of(rail, r)) >= 0) take_quantile(&g->sums[i], rail, o, value);
        break;
    case GUARD_MEAN:
        if ((value = quantity_of(rail, r)) >= 0) take_mean(&g->sums[i], o, value);
        break;
    case GUARD_SCORE: break;
    }
}

/* NULL: more weights than a plan has. */
static struct guard_cell *cell_of(struct guardrails *g, uint32_t weight_ppm) {
    for (unsigned i = 0; i < g->n_cells; i++)
        if (g->cells[i].weight_ppm == weight_ppm) return &g->cells[i];
    if (g->n_cells == GUARD_CELLS) return NULL;
    for (unsigned i = 0; i < g->n; i++) g->sums[i].cells[g->n_cells].weight = weight_ppm / 1e6;
    g->cells[g->n_cells].weight_ppm = weight_ppm;
    return &g->cells[g->n_cells++];
}

void guardrails_take(struct guardrails *g, const struct record *r, uint32_t weight_ppm) {
    struct guard_cell *cell = r->arm == ARM_NONE || weight_ppm == 0 ? NULL : cell_of(g, weight_ppm);
    if (cell == NULL) return;
    uint64_t unit = guard_unit(r, g->sticky);
    bool own = unit_text(r, g->sticky).len == 0;
    struct seen o = {r->arm, (unsigned)(cell - g->cells), unit, own, side_of(r->arm, weight_ppm, unit)};
    enum outcome outcome = outcome_of(r);
    g->weight_ppm = weight_ppm;
    if (own || unit_set_add(&g->units, unit)) cell->units[r->arm]++;
    if (outcome == OUTCOME_NONE) return;
    cell->exchanges[r->arm]++;
    if (r->cache.len > 0 && r->status == RECORD_OK) return; /* an earlier answer: not this version's doing */
    for (unsigned i = 0; i < g->n; i++) take_one(g, i, r, outcome, &o);
}

/* `name` as the metric is written, or as it is behind the colon; feedback also by that name. */
static bool is_score_of(const struct guardrail *rail, struct slice name) {
    if (slice_is(rail->metric, "negative_feedback"))
        return slice_is(name, "feedback") || slice_is(name, "negative_feedback") || slice_is(name, "score:feedback");
    return rail->name.len > 0 && (slice_eq(rail->metric, name) || slice_eq(rail->name, name));
}

void guardrails_score(struct guardrails *g, struct slice name, double value, enum arm arm, uint32_t weight_ppm, uint64_t unit) {
    struct guard_cell *cell = arm == ARM_NONE || weight_ppm == 0 || !isfinite(value) ? NULL : cell_of(g, weight_ppm);
    if (cell == NULL) return;
    struct seen o = {arm, (unsigned)(cell - g->cells), unit, false, side_of(arm, weight_ppm, unit)};
    for (unsigned i = 0; i < g->n; i++) {
        const struct guardrail *rail = &g->rails[i];
        if (!is_score_of(rail, name)) continue;
        if (rail->kind == GUARD_FAILURES) take_failure(&g->sums[i], &o, value < 0.5);
        else if (rail->kind == GUARD_SCORE && o.side >= 0) add_value(&g->sums[i], &o, fmax(0, fmin(1, value)));
    }
}

uint64_t guardrails_candidates(const struct guardrails *g, uint32_t weight_ppm) {
    for (unsigned i = 0; i < g->n_cells; i++)
        if (g->cells[i].weight_ppm == weight_ppm) return g->cells[i].exchanges[ARM_CANDIDATE];
    return 0;
}
