/* rollout.c - see rollout.h. */
#include "change/rollout.h"

#include <stdio.h>

#define ALL_PPM 1000000u
#define HALF_PPM 500000u

/* ---- words ---- */

/* "19 h 4 min", "12 s": to two places, never rounded up. */
static void say_time(int64_t us, char out[32]) {
    int64_t s = us / 1000000;
    if (s >= 48 * 3600) snprintf(out, 32, "%lld d %lld h", (long long)(s / 86400), (long long)(s % 86400 / 3600));
    else if (s >= 3600) snprintf(out, 32, "%lld h %lld min", (long long)(s / 3600), (long long)(s % 3600 / 60));
    else if (s >= 60) snprintf(out, 32, "%lld min %lld s", (long long)(s / 60), (long long)(s % 60));
    else snprintf(out, 32, "%lld s", (long long)s);
}

static void say_weight(uint32_t ppm, char out[16]) { snprintf(out, 16, "%g %%", ppm / 1e4); }

/* ---- steps ---- */

static bool is_weight(const struct rollout_plan *p, unsigned i) { return i < p->n_steps && p->steps[i].kind == STEP_WEIGHT; }
static bool is_pause(const struct rollout_plan *p, unsigned i) { return i < p->n_steps && p->steps[i].kind == STEP_PAUSE; }

/* Standing where step `i` leads to. */
static void enter(const struct rollout_plan *p, unsigned i, uint32_t weight_ppm, unsigned *ret_step, uint32_t *ret_weight_ppm) {
    *ret_weight_ppm = is_weight(p, i) ? p->steps[i].weight_ppm : i < p->n_steps ? weight_ppm : ALL_PPM;
    *ret_step = is_weight(p, i) && *ret_weight_ppm < ALL_PPM && is_pause(p, i + 1) ? i + 1 : i;
}

void rollout_begin(const struct rollout_plan *p, enum rollout_stage stage, unsigned *ret_step, uint32_t *ret_weight_ppm) {
    *ret_step = 0;
    *ret_weight_ppm = stage == STAGE_AB ? HALF_PPM : stage == STAGE_DIRECT ? ALL_PPM : 0;
    if (stage == STAGE_CANARY) enter(p, 0, 0, ret_step, ret_weight_ppm);
}

uint32_t rollout_weight_of(const struct rollout_plan *p, enum rollout_stage stage, unsigned epoch) {
    unsigned seen = 0;
    if (stage == STAGE_AB) return HALF_PPM;
    for (unsigned i = 0; i < p->n_steps; i++)
        if (p->steps[i].kind == STEP_WEIGHT && ++seen == epoch) return p->steps[i].weight_ppm;
    return 0;
}

/* ---- what it does by itself ---- */

static void wait_for(struct rollout_decision *d, struct slice why, bool for_person) {
    d->act = ROLLOUT_WAITS;
    d->why = why;
    d->for_person = for_person;
}

static void decide_shadow(const struct rollout_plan *p, const struct rollout_evidence *e, struct rollout_decision *d) {
    int64_t missing = p->shadow.min_samples - (int64_t)e->candidates;
    if (e->shadow_done) {
        d->act = ROLLOUT_TO_CANARY;
        d->why = SLICE("the shadow has its pairs, and the candidate is not surely worse");
        enter(p, 0, 0, &d->step, &d->weight_ppm);
    } else if (e->budget_ended) {
        wait_for(d, e->why, true);
    } else {
        d->needed = missing > 0 ? missing : 0;
        wait_for(d, e->why, false);
    }
}

/* True when the step's time, or its exchanges, are still missing. */
static bool step_holds(const struct rollout_plan *p, const struct rollout_row *r, const struct rollout_evidence *e, struct arena *arena,
                       struct rollout_decision *d) {
    char weight[16], held[32], all[32];
    say_weight(r->weight_ppm, weight);
    const struct rollout_step *s = is_pause(p, r->step) ? &p->steps[r->step] : NULL;
    int64_t missing = r->weight_ppm > 0 ? p->min_samples - (int64_t)e->candidates : 0;
    if (s && s->duration_us < 0) {
        d->act = ROLLOUT_PAUSES;
        d->why = arena_printf(arena, "the step at %s lasts until somebody promotes", weight);
        return true;
    }
    d->needed = missing > 0 ? missing : 0;
    if (missing > 0) {
        wait_for(d, arena_printf(arena, "%lld more exchange%s of the candidate at %s", (long long)missing, missing == 1 ? "" : "s", weight), false);
        return true;
    }
    if (!s || r->step_held_us >= s->duration_us) return false;
    say_time(r->step_held_us, held);
    say_time(s->duration_us, all);
    wait_for(d, arena_printf(arena, "%s of %s at %s", held, all, weight), false);
    return true;
}

static void decide_canary(const struct rollout_plan *p, const struct rollout_row *r, const struct rollout_evidence *e, struct arena *arena,
                          struct rollout_decision *d) {
    bool acknowledged = slice_is(r->verdict, guard_verdict_name(GUARD_FAILED)); /* a person had it go on after it was paused for this */
    if (!slice_is_null(e->pause_why)) {
        d->act = acknowledged ? ROLLOUT_WAITS : ROLLOUT_PAUSES;
        d->why = e->pause_why;
        d->for_person = acknowledged;
        return;
    }
    if (step_holds(p, r, e, arena, d)) return;
    enter(p, r->step + 1, r->weight_ppm, &d->step, &d->weight_ppm);
    if (d->weight_ppm < ALL_PPM) {
        char weight[16];
        say_weight(d->weight_ppm, weight);
        d->act = ROLLOUT_GOES_ON;
        d->why = arena_printf(arena, "its time and its exchanges are there, and nothing is Failed: on at %s", weight);
    } else if (e->verdict != GUARD_SUCCESSFUL) {
        wait_for(d, arena_printf(arena, "for production all guardrails must be Successful: " SLICE_FMT, SLICE_ARG(e->why)), false);
    } else if (e->person_promotes) {
        wait_for(d, SLICE("all guardrails are Successful; its class wants a person to promote it"), true);
    } else {
        d->act = ROLLOUT_PROMOTES;
        d->why = SLICE("all guardrails are Successful");
    }
}

void rollout_decide(const struct rollout_plan *p, const struct rollout_row *r, const struct rollout_evidence *e, struct arena *arena,
                    struct rollout_decision *ret) {
    struct rollout_decision d = {.act = ROLLOUT_WAITS, .step = r->step, .weight_ppm = r->weight_ppm};
    if (!rollout_under_way(r->state)) {
        wait_for(&d, SLICE("it is over"), false);
    } else if (e->verdict == GUARD_FAILED || (r->stage == STAGE_SHADOW && e->shadow_worse)) {
        d.act = ROLLOUT_ROLLS_BACK;
        d.why = e->why;
    } else if (e->verdict == GUARD_ERROR) {
        wait_for(&d, e->why, true);
    } else if (r->state == ROLLOUT_PAUSED) {
        wait_for(&d, arena_printf(arena, "paused: " SLICE_FMT, SLICE_ARG(r->why)), true);
    } else if (r->stage == STAGE_SHADOW) {
        decide_shadow(p, e, &d);
    } else if (r->stage == STAGE_CANARY) {
        decide_canary(p, r, e, arena, &d);
    } else {
        bool tells = !slice_is_null(e->pause_why); /* it has no step to pause at: a person is asked */
        wait_for(&d, tells ? e->pause_why : e->why, tells); /* an A/B test ends by a person */
    }
    *ret = d;
}

/* ---- what a person may ---- */

static enum fault too_few(const char *of, uint64_t have, int64_t want, struct error *error) {
    return error_set(error, FAULT_CONFLICT, "%llu of %lld %s are there: too few to promote it", (unsigned long long)have, (long long)want, of);
}

enum fault rollout_promote(const struct rollout_plan *p, const struct rollout_row *r, const struct rollout_evidence *e,
                           struct rollout_decision *ret, struct error *error) {
    struct rollout_decision d = {.act = ROLLOUT_PROMOTES, .why = SLICE("a person promotes it"), .step = r->step, .weight_ppm = ALL_PPM};
    if (!rollout_under_way(r->state)) return error_set(error, FAULT_CONFLICT, "it is over: %s; `quarterdeck rollout status " SLICE_FMT "` shows how it went", rollout_state_name(r->state), SLICE_ARG(r->name));
    if (e->verdict == GUARD_FAILED || (r->stage == STAGE_SHADOW && e->shadow_worse))
        return error_set(error, FAULT_CONFLICT, "its verdict is Failed: " SLICE_FMT, SLICE_ARG(e->why));
    if (e->verdict == GUARD_ERROR) return error_set(error, FAULT_CONFLICT, "its verdict is Error: " SLICE_FMT, SLICE_ARG(e->why));
    if (r->stage == STAGE_SHADOW) {
        if (!e->shadow_done && !e->budget_ended && (int64_t)e->candidates < p->shadow.min_samples)
            return too_few("pairs of the shadow", e->candidates, p->shadow.min_samples, error);
        d.act = ROLLOUT_TO_CANARY;
        enter(p, 0, 0, &d.step, &d.weight_ppm);
    } else if (r->stage == STAGE_CANARY) {
        if (r->weight_ppm > 0 && (int64_t)e->candidates < p->min_samples)
            return too_few("exchanges of the candidate at this weight", e->candidates, p->min_samples, error);
        enter(p, r->step + 1, r->weight_ppm, &d.step, &d.weight_ppm);
        if (d.weight_ppm < ALL_PPM) d.act = ROLLOUT_GOES_ON;
    }
    *ret = d;
    return FAULT_NONE;
}
