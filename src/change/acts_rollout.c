/* acts_rollout.c - rollouts, one act each: see acts.h. */
#include "change/ab.h"
#include "change/acts_ground.h"

#include <stdio.h>

#define ALL_PPM 1000000u

static struct slice of_version(const struct act *a, int64_t version) {
    return arena_printf(a->arena, SLICE_FMT "@%lld", SLICE_ARG(a->name), (long long)version);
}

/* What is under way, in words. */
static struct slice under_way(const struct act *a, const struct rollout_row *r) {
    return arena_printf(a->arena, SLICE_FMT " is being rolled out since " SLICE_FMT " (%s%s, at " SLICE_FMT ", by " SLICE_FMT ")",
                        SLICE_ARG(of_version(a, r->candidate)), SLICE_ARG(ground_when(a, r->started_us)), rollout_stage_name(r->stage),
                        r->state == ROLLOUT_PAUSED ? ", paused" : "", SLICE_ARG(ground_weight(a, r->weight_ppm)), SLICE_ARG(r->started_by));
}

static enum fault already(const struct act *a, const struct ground *g, int64_t version, struct slice words, struct act_outcome *ret,
                          struct error *error) {
    struct act_outcome o = {.subject = g->subject, .rollout = g->last, .already = true, .words = words};
    enum fault fault = ground_version(a, version, &o.version, error);
    if (fault == FAULT_NONE) *ret = o;
    return fault;
}

/* ---- start ---- */

static enum version_state state_of(enum rollout_stage s) {
    return s == STAGE_SHADOW ? VERSION_SHADOW : s == STAGE_DIRECT ? VERSION_PRODUCTION : VERSION_CANARY;
}

/* A knowledge base is not drawn for an exchange, and a first version has nothing beside it: both serve at once. */
static enum rollout_stage stage_of(const struct act *a, const struct change_version *v, const struct change_subject *s, struct rollout_plan *plan) {
    plan->way = slice_is(a->kind, "prompt") && s->production != 0 ? lifecycle_way(v, s, a->policy) : ROLLOUT_DIRECT;
    return plan->way == ROLLOUT_DIRECT ? STAGE_DIRECT : plan->way == ROLLOUT_CANARY ? STAGE_CANARY : STAGE_SHADOW;
}

static enum fault begin(const struct act *a, const struct ground *g, const struct change_version *v, const struct rollout_plan *plan,
                        enum rollout_stage stage, struct slice json, struct act_outcome *ret, struct error *error) {
    struct rollout_row row = {.kind = a->kind, .name = a->name, .candidate = v->version, .control = g->subject.production, .plan = json,
                              .stage = stage, .started_us = a->at_us, .started_by = a->who.name, .verdict = SLICE("Inconclusive"), .why = a->why};
    rollout_begin(plan, stage, &row.step, &row.weight_ppm);
    if (row.weight_ppm == ALL_PPM && stage == STAGE_CANARY) row.stage = stage = STAGE_DIRECT; /* its first step is all of it */
    row.epoch = stage == STAGE_SHADOW || row.weight_ppm == 0 ? 0 : 1;
    digest_random(&row.salt, sizeof row.salt);
    bool direct = stage == STAGE_DIRECT;
    row.state = direct ? ROLLOUT_PROMOTED : ROLLOUT_PROGRESSING;
    if (direct) row.ended_us = a->at_us, row.verdict = SLICE("Successful");
    struct slice how = direct ? arena_printf(a->arena, "put @%lld into production", (long long)v->version)
                              : arena_printf(a->arena, "began the rollout of @%lld", (long long)v->version);
    struct change c = ground_change(a, g, "rollout.start", how, SLICE_NULL);
    ground_move(&c, v->version, v->state, state_of(stage));
    if (direct) {
        ground_move(&c, g->subject.production, VERSION_PRODUCTION, VERSION_SUPERSEDED);
        c.production = v->version;
    }
    c.rollout = &row;
    enum fault fault = ground_commit(a, &c, v->version, ret, error);
    if (fault != FAULT_NONE) return fault;
    ret->words = direct ? arena_printf(a->arena, SLICE_FMT " is in production", SLICE_ARG(of_version(a, v->version)))
                        : arena_printf(a->arena, SLICE_FMT "; `quarterdeck rollout status " SLICE_FMT "` shows how it is", SLICE_ARG(under_way(a, &row)), SLICE_ARG(a->name));
    return FAULT_NONE;
}

/* True when there is nothing to begin: *ret_fault and *ret say why. */
static bool nothing_to_start(const struct act *a, const struct ground *g, const struct change_version *v, struct act_outcome *ret,
                             enum fault *ret_fault, struct error *error) {
    if (v->version == g->subject.production) {
        *ret_fault = already(a, g, v->version, arena_printf(a->arena, SLICE_FMT " is in production already. The last change: " SLICE_FMT,
                                                            SLICE_ARG(of_version(a, v->version)), SLICE_ARG(ground_last(a, &g->subject))), ret, error);
        return true;
    }
    if (!ground_under_way(g)) return false;
    struct slice words = under_way(a, &g->last);
    if (g->last.candidate == v->version) *ret_fault = already(a, g, v->version, words, ret, error);
    else
        *ret_fault = error_set(error, FAULT_CONFLICT, SLICE_FMT ": promote or abort it first: `quarterdeck rollout abort " SLICE_FMT "`", SLICE_ARG(words), SLICE_ARG(a->name));
    return true;
}

/* What is not watched is not guarded. */
static enum fault is_watched(const struct act *a, struct error *error) {
    struct rollout_row *rows;
    unsigned n;
    enum fault fault = rollouts_list(a->registry, a->kind, SLICE_NULL, true, ROLLOUTS_AT_ONCE, a->arena, &rows, &n, error);
    if (fault != FAULT_NONE || n < ROLLOUTS_AT_ONCE) return fault;
    return error_set(error, FAULT_CONFLICT, "%u rollouts are under way, the most that are watched at once: end one first (`quarterdeck rollout list --under-way`)", n);
}

/* What a test takes, before any of it is there. */
static struct slice takes(const struct act *a, const struct ab_test *t) {
    struct slice metric = t->plan.metric.metric;
    if (t->needed_an_arm < 0)
        return arena_printf(a->arena, "How many exchanges it needs is not known: " SLICE_FMT " %s", SLICE_ARG(metric),
                            t->plan.metric.kind == GUARD_QUANTILE ? "is a quantile" : "has too few values of production's, of the last seven days");
    return arena_printf(a->arena, "It needs about %lld exchanges an arm with a value of " SLICE_FMT " to see %g with a chance of %.0f %%; it ends after %.1f days at the latest",
                        (long long)t->needed_an_arm, SLICE_ARG(metric), t->plan.min_effect, t->plan.power * 100, (double)t->plan.longest_us / 86400e6);
}

static enum fault start(const struct act *a, const struct ab_test *t, struct act_outcome *ret, struct error *error) {
    struct ground g;
    struct change_version v;
    enum version_state next;
    struct slice warning;
    struct error why = {.fault = FAULT_NONE};
    enum fault fault = ground_find(a, &g, error);
    if (fault == FAULT_NONE) fault = changes_version(a->registry, a->kind, a->name, a->which, a->arena, &v, error);
    if (fault != FAULT_NONE || nothing_to_start(a, &g, &v, ret, &fault, error)) return fault;
    if ((fault = lifecycle_next(v.state, ACT_START, &next, &why)) != FAULT_NONE)
        return error_set(error, fault, SLICE_FMT ": %s; `quarterdeck " SLICE_FMT " show " SLICE_FMT "` shows what it lacks", SLICE_ARG(of_version(a, v.version)), why.text, SLICE_ARG(a->kind), SLICE_ARG(of_version(a, v.version)));
    struct rollout_plan plan = a->policy->canary;
    if (t && t->beside.n_guardrails == GUARDRAILS)
        return error_set(error, FAULT_CONFLICT, "an A/B test has room for its metric and %d guardrails: rollouts.canary has %d", GUARDRAILS - 1, GUARDRAILS);
    enum rollout_stage stage = t ? STAGE_AB : stage_of(a, &v, &g.subject, &plan);
    if (t && !slice_is(a->kind, "prompt")) return error_set(error, FAULT_CONFLICT, "a knowledge base is not drawn for an exchange: there is no A/B test of two");
    if (t && g.subject.production == 0)
        return error_set(error, FAULT_CONFLICT, "nothing of " SLICE_FMT " is in production yet: there is nothing to compare with", SLICE_ARG(a->name));
    if ((fault = ground_ready(a, &g, &v, stage != STAGE_DIRECT, &warning, error)) != FAULT_NONE) return fault;
    if (stage != STAGE_DIRECT && (fault = is_watched(a, error)) != FAULT_NONE) return fault;
    struct buffer json;
    struct json_writer w;
    buffer_init(&json, 256 << 10);
    json_start(&w, &json);
    if (t) ab_write(t, &w);
    else plan_write(&plan, &w);
    fault = json.overflow ? error_set(error, FAULT_TOO_LARGE, "the plan of the rollout is too long") : FAULT_NONE;
    struct slice text = arena_slice(a->arena, buffer_slice(&json));
    buffer_deinit(&json);
    if (fault == FAULT_NONE) fault = begin(a, &g, &v, &plan, stage, text, ret, error);
    if (fault == FAULT_NONE) ret->words = arena_printf(a->arena, SLICE_FMT SLICE_FMT, SLICE_ARG(ret->words), SLICE_ARG(warning));
    if (fault == FAULT_NONE && t) ret->words = arena_printf(a->arena, SLICE_FMT ". " SLICE_FMT, SLICE_ARG(ret->words), SLICE_ARG(takes(a, t)));
    return fault;
}

enum fault act_start(const struct act *a, struct act_outcome *ret, struct error *error) { return start(a, NULL, ret, error); }
enum fault act_start_ab(const struct act *a, const struct ab_test *t, struct act_outcome *ret, struct error *error) { return start(a, t, ret, error); }

/* ---- on, and to its end ---- */

static const char *action_of(const struct rollout_decision *d, const struct act *a) {
    switch (d->act) {
    case ROLLOUT_GOES_ON: return "rollout.step";
    case ROLLOUT_TO_CANARY: return "rollout.canary";
    case ROLLOUT_PAUSES: return "rollout.pause";
    case ROLLOUT_PROMOTES: return "rollout.promote";
    case ROLLOUT_ROLLS_BACK: return a->who.automatic ? "rollout.fail" : "rollout.abort";
    case ROLLOUT_WAITS: break;
    }
    return "rollout.wait";
}

static bool same_place(const struct rollout_row *x, const struct rollout_row *y) {
    return x->number == y->number && x->state == y->state && x->stage == y->stage && x->step == y->step && x->epoch == y->epoch;
}

/* The state of the candidate while its rollout is under way. */
static enum version_state trying(const struct rollout_row *r) { return state_of(r->stage); }

/* The row and the versions as the decision has them. */
static struct slice carry_out(const struct act *a, const struct rollout_decision *d, struct rollout_row *row, struct change *c) {
    struct slice weight = ground_weight(a, d->weight_ppm);
    switch (d->act) {
    case ROLLOUT_GOES_ON:
    case ROLLOUT_TO_CANARY:
        if (d->act == ROLLOUT_TO_CANARY) {
            ground_move(c, row->candidate, VERSION_SHADOW, VERSION_CANARY);
            row->stage = STAGE_CANARY;
            row->epoch = 0;
        }
        if (d->weight_ppm != row->weight_ppm || d->act == ROLLOUT_TO_CANARY) row->epoch++;
        row->step = d->step;
        row->weight_ppm = d->weight_ppm;
        row->step_held_us = 0;
        row->state = ROLLOUT_PROGRESSING;
        return arena_printf(a->arena, "took @%lld to " SLICE_FMT, (long long)row->candidate, SLICE_ARG(weight));
    case ROLLOUT_PAUSES:
        row->state = ROLLOUT_PAUSED;
        return arena_printf(a->arena, "paused the rollout of @%lld", (long long)row->candidate);
    case ROLLOUT_PROMOTES:
        ground_move(c, row->candidate, trying(row), VERSION_PRODUCTION);
        ground_move(c, row->control, VERSION_PRODUCTION, VERSION_SUPERSEDED);
        c->production = row->candidate;
        row->state = ROLLOUT_PROMOTED;
        row->weight_ppm = ALL_PPM;
        row->ended_us = a->at_us;
        return arena_printf(a->arena, "put @%lld into production", (long long)row->candidate);
    case ROLLOUT_ROLLS_BACK:
        ground_move(c, row->candidate, trying(row), VERSION_ROLLED_BACK);
        row->state = a->who.automatic ? ROLLOUT_ROLLED_BACK : ROLLOUT_ABORTED;
        row->weight_ppm = 0;
        row->ended_us = a->at_us;
        return arena_printf(a->arena, "%s the rollout of @%lld", a->who.automatic ? "rolled back" : "aborted", (long long)row->candidate);
    case ROLLOUT_WAITS: break;
    }
    return SLICE_NULL;
}

enum fault act_step(const struct act *a, const struct rollout_row *r, const struct rollout_decision *d, struct slice evidence,
                    struct act_outcome *ret, struct error *error) {
    struct ground g;
    enum fault fault = ground_find(a, &g, error);
    if (fault != FAULT_NONE) return fault;
    if (!same_place(&g.last, r)) {
        struct slice last = ground_last(a, &g.subject);
        return error_set(error, FAULT_CONFLICT, "the rollout of " SLICE_FMT " was changed meanwhile. The last change: " SLICE_FMT, SLICE_ARG(of_version(a, r->candidate)), SLICE_ARG(last));
    }
    if (d->act == ROLLOUT_WAITS) return already(a, &g, r->candidate, d->why, ret, error);
    struct rollout_row row = *r;
    struct change c = ground_change(a, &g, action_of(d, a), SLICE_NULL, evidence);
    c.how = carry_out(a, d, &row, &c);
    row.why = a->why.len > 0 ? a->why : d->why;
    if (slice_is_null(c.audit.reason) || c.audit.reason.len == 0) c.audit.reason = d->why;
    if (!slice_is_null(evidence)) row.evidence = evidence;
    c.rollout = &row;
    fault = ground_commit(a, &c, row.candidate, ret, error);
    if (fault == FAULT_NONE)
        ret->words = arena_printf(a->arena, SLICE_FMT " " SLICE_FMT ": " SLICE_FMT, SLICE_ARG(a->who.name), SLICE_ARG(c.how), SLICE_ARG(row.why));
    return fault;
}

/* FAULT_NOT_FOUND, FAULT_CONFLICT unless one is under way. */
static enum fault need_rollout(const struct act *a, struct ground *g, struct error *error) {
    enum fault fault = ground_find(a, g, error);
    if (fault != FAULT_NONE || ground_under_way(g)) return fault;
    if (g->last.number == 0) return error_set(error, FAULT_CONFLICT, "no rollout of " SLICE_FMT " is under way: `quarterdeck rollout start " SLICE_FMT "@V` begins one",
                                              SLICE_ARG(a->name), SLICE_ARG(a->name));
    struct slice last = ground_last(a, &g->subject), when = ground_when(a, g->last.ended_us);
    return error_set(error, FAULT_CONFLICT, "the rollout of " SLICE_FMT " is over: %s at " SLICE_FMT " (" SLICE_FMT "). The last change: " SLICE_FMT,
                     SLICE_ARG(of_version(a, g->last.candidate)), rollout_state_name(g->last.state), SLICE_ARG(when), SLICE_ARG(g->last.why), SLICE_ARG(last));
}

enum fault act_pause(const struct act *a, struct slice evidence, struct act_outcome *ret, struct error *error) {
    struct ground g;
    const struct rollout_decision d = {.act = ROLLOUT_PAUSES, .why = SLICE("a person paused it")};
    enum fault fault = need_rollout(a, &g, error);
    if (fault != FAULT_NONE) return fault;
    if (g.last.state == ROLLOUT_PAUSED)
        return already(a, &g, g.last.candidate, arena_printf(a->arena, "it is paused already: " SLICE_FMT, SLICE_ARG(g.last.why)), ret, error);
    return act_step(a, &g.last, &d, evidence, ret, error);
}

/* A pause without an end ends with a promotion, not with going on. */
static bool is_endless(const struct act *a, const struct rollout_row *r) {
    struct rollout_plan p;
    return r->stage == STAGE_CANARY && plan_read(r->plan, a->arena, &p, NULL) == FAULT_NONE && r->step < p.n_steps &&
           p.steps[r->step].kind == STEP_PAUSE && p.steps[r->step].duration_us < 0;
}

enum fault act_resume(const struct act *a, struct act_outcome *ret, struct error *error) {
    struct ground g;
    enum fault fault = need_rollout(a, &g, error);
    if (fault != FAULT_NONE) return fault;
    if (g.last.state == ROLLOUT_PROGRESSING) return already(a, &g, g.last.candidate, SLICE("it is not paused"), ret, error);
    if (is_endless(a, &g.last))
        return error_set(error, FAULT_CONFLICT, "this step lasts until somebody promotes: `quarterdeck rollout promote " SLICE_FMT "`", SLICE_ARG(a->name));
    struct rollout_row row = g.last;
    struct change c = ground_change(a, &g, "rollout.resume", arena_printf(a->arena, "had the rollout of @%lld go on", (long long)row.candidate), SLICE_NULL);
    row.state = ROLLOUT_PROGRESSING;
    row.why = a->why.len > 0 ? a->why : SLICE("a person had it go on");
    c.rollout = &row;
    fault = ground_commit(a, &c, row.candidate, ret, error);
    if (fault == FAULT_NONE) ret->words = under_way(a, &row);
    return fault;
}

enum fault act_abort(const struct act *a, struct slice evidence, struct act_outcome *ret, struct error *error) {
    struct ground g;
    const struct rollout_decision d = {.act = ROLLOUT_ROLLS_BACK, .why = SLICE("a person aborted it")};
    enum fault fault = ground_find(a, &g, error);
    if (fault != FAULT_NONE) return fault;
    if (g.last.number != 0 && (g.last.state == ROLLOUT_ABORTED || (g.last.state == ROLLOUT_ROLLED_BACK && g.last.weight_ppm == 0)))
        return already(a, &g, g.last.candidate, arena_printf(a->arena, "it is over already: %s at " SLICE_FMT " (" SLICE_FMT "); @%lld serves", rollout_state_name(g.last.state),
                                                             SLICE_ARG(ground_when(a, g.last.ended_us)), SLICE_ARG(g.last.why), (long long)g.subject.production), ret, error);
    if (g.last.state == ROLLOUT_PROMOTED && g.last.number != 0 && g.last.candidate == g.subject.production) {
        struct slice last = ground_last(a, &g.subject);
        return error_set(error, FAULT_CONFLICT, SLICE_FMT " was promoted and serves (" SLICE_FMT "): `quarterdeck rollback " SLICE_FMT "` takes it back",
                         SLICE_ARG(of_version(a, g.last.candidate)), SLICE_ARG(last), SLICE_ARG(a->name));
    }
    fault = need_rollout(a, &g, error);
    return fault == FAULT_NONE ? act_step(a, &g.last, &d, evidence, ret, error) : fault;
}
