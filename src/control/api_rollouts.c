/* Rollouts and rollback: begun, shown, moved by a person. */
#include "control/api_change.h"

#include "base/clock.h"
#include "change/judging.h"

/* ---- how one stands ---- */

static void put_version(struct json_writer *w, const char *key, int64_t version) {
    json_key(w, key);
    if (version != 0) json_put_i64(w, version);
    else json_put_null(w);
}

static struct judging_sources sources(struct api_call *c, const struct act *a) {
    return (struct judging_sources){.registry = c->s->registry, .ledger = c->s->ledger, .policy = a->policy};
}

struct standing {
    struct rollout_row row;
    struct judged_plan plan;
    struct judging judging;
    struct rollout_decision decision; /* what it does next by itself */
    bool judged;
};

#define NOW (-1) /* the newest, judged now; else as it was judged last: of `number`, or (0) of the newest */
static enum fault stand(struct api_call *c, const struct act *a, int64_t number, struct standing *ret, struct error *error) {
    struct judging_sources from = sources(c, a);
    struct slice counted = SLICE_NULL;
    struct rollout_row *r = &ret->row;
    enum fault fault = number > 0 ? rollout_numbered(c->s->registry, a->kind, a->name, number, c->arena, r, error)
                                  : rollout_find(c->s->registry, a->kind, a->name, c->arena, r, error);
    if (fault == FAULT_NONE) fault = rollout_sums_find(c->s->registry, r->number, c->arena, &counted, error);
    if (fault != FAULT_NONE || r->stage == STAGE_DIRECT) return fault;
    fault = judging_plan(r, c->arena, &ret->plan, error);
    if (!rollout_under_way(r->state) && r->evidence.len > 0) from.ledger = NULL; /* what its guardrails said then is kept: no score is read again */
    bool seen = fault == FAULT_NONE && number >= 0 && rollout_under_way(r->state) && c->s->standing && c->s->standing(c->s->change_ctx, r, c->arena, &ret->judging);
    if (fault == FAULT_NONE && !seen) fault = judging_of(&from, r, &ret->plan, counted, c->arena, &ret->judging, error);
    if (fault != FAULT_NONE) return fault;
    rollout_decide(&ret->plan.plan, r, &ret->judging.evidence, c->arena, &ret->decision);
    ret->judged = true;
    return FAULT_NONE;
}

static void put_history(struct api_call *c, const struct rollout_row *r, enum fault *fault, struct error *error) {
    struct slice *lines = NULL;
    unsigned n = 0;
    *fault = rollout_history(c->s->registry, r->number, c->arena, &lines, &n, error);
    json_key(&c->json, "history");
    json_array(&c->json);
    for (unsigned i = 0; *fault == FAULT_NONE && i < n; i++) json_put_raw(&c->json, lines[i]);
    json_array_end(&c->json);
}

/* The members that the list has, too. */
static void put_row(struct api_call *c, const struct rollout_row *r, const char *verdict) {
    struct json_writer *w = &c->json;
    json_member_i64(w, "rollout", r->number);
    json_member_string(w, "kind", r->kind);
    json_member_string(w, "prompt", r->name);
    put_version(w, "candidate", r->candidate);
    put_version(w, "control", r->control);
    json_member_text(w, "stage", rollout_stage_name(r->stage));
    json_member_text(w, "state", rollout_state_name(r->state));
    json_member_i64(w, "step", r->step);
    json_member_double(w, "weight", r->weight_ppm / 1e4);
    json_member_text(w, "verdict", verdict);
    json_member_string(w, "why", r->why);
    json_member_string(w, "started_by", r->started_by);
    api_put_time(w, "started", r->started_us);
    api_put_time(w, "ended", r->ended_us);
}

static const char *verdict_of(struct api_call *c, const struct rollout_row *r) { return r->verdict.len > 0 ? arena_text(c->arena, r->verdict) : NULL; }

static void put_standing(struct api_call *c, const struct standing *s) {
    struct json_writer *w = &c->json;
    bool open = rollout_under_way(s->row.state);
    const struct judging *j = &s->judging;
    const struct rollout_plan *p = &s->plan.plan;
    put_row(c, &s->row, open && s->judged ? guard_verdict_name(j->evidence.verdict) : verdict_of(c, &s->row));
    json_key(w, "guardrails");
    if (!open && s->row.evidence.len > 0) json_put_raw(w, s->row.evidence); /* as they were when it ended */
    else guardrails_write(j->answers, j->n, w);
    json_member_string(w, "waits_for", open && s->judged ? s->decision.why : SLICE_NULL);
    json_member_bool(w, "for_person", open && s->decision.for_person);
    json_key(w, "step_of");
    if (p->n_steps > 0) json_put_i64(w, p->n_steps);
    else json_put_null(w);
    json_member_i64(w, "exchanges", (int64_t)j->evidence.candidates);
    json_member_i64(w, "exchanges_needed", p->min_samples);
    json_member_double(w, "held_s", (double)s->row.step_held_us / 1e6);
    json_key(w, "hold_s");
    if (s->row.stage == STAGE_CANARY && s->row.step < p->n_steps && p->steps[s->row.step].kind == STEP_PAUSE && p->steps[s->row.step].duration_us >= 0)
        json_put_double(w, (double)p->steps[s->row.step].duration_us / 1e6);
    else json_put_null(w);
    json_member_raw(w, "plan", s->row.plan.len > 0 ? s->row.plan : SLICE("null"));
    json_key(w, "ab");
    if (s->plan.is_ab) {
        json_object(w);
        ab_report_write(&j->report, w);
        json_key(w, "needed_an_arm");
        if (s->plan.test.needed_an_arm >= 0) json_put_i64(w, s->plan.test.needed_an_arm);
        else json_put_null(w);
        json_object_end(w);
    } else {
        json_put_null(w);
    }
}

void api_rollout_show(struct api_call *c) {
    struct act a;
    struct standing *s = arena_new(c->arena, struct standing);
    struct change_subject subject;
    struct error error = {.fault = FAULT_NONE};
    enum fault history = FAULT_NONE;
    if (!s || !api_change_act(c, &a)) return;
    if (slice_is(api_text(c, "kind"), "knowledge")) a.kind = SLICE("knowledge");
    if (c->s->writer) ledger_writer_drain(c->s->writer);
    if (!api_check(c, changes_subject(a.registry, a.kind, a.name, c->arena, &subject, &error), &error) || !api_check(c, stand(c, &a, api_number(c, "rollout", 0), s, &error), &error)) return;
    json_object(&c->json);
    put_standing(c, s);
    json_member_i64(&c->json, "revision", (int64_t)subject.revision);
    put_version(&c->json, "production", subject.production);
    put_history(c, &s->row, &history, &error);
    json_object_end(&c->json);
    (void)api_check(c, history, &error);
}

void api_rollouts_list(struct api_call *c) {
    struct rollout_row *rows;
    unsigned n;
    struct error error;
    if (!api_need_registry(c) ||
        !api_check(c, rollouts_list(c->s->registry, SLICE_NULL, api_text(c, "prompt"), api_has_choice(c, "under_way", "true", false), (unsigned)api_number(c, "limit", 100),
                                    c->arena, &rows, &n, &error), &error))
        return;
    json_object(&c->json);
    json_key(&c->json, "rollouts");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        json_object(&c->json);
        put_row(c, &rows[i], verdict_of(c, &rows[i]));
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* ---- what people do ---- */

static void done(struct api_call *c, const struct act *a, enum fault fault, const struct act_outcome *o, const struct error *error) {
    if (api_change_answer(c, a, fault, o, true, error) && !o->already && c->s->gates_wanted) c->s->gates_wanted(c->s->change_ctx);
}

/* `ab` and what it says over the policy's; false: it was answered. */
static bool read_test(struct api_call *c, const struct act *a, struct ab_test *ret) {
    const struct judging_sources from = sources(c, a);
    struct ab_test t = {.plan = a->policy->ab, .needed_an_arm = -1, .beside = a->policy->canary};
    struct change_subject subject;
    struct error error;
    struct slice metric = api_text(c, "metric"), effect = api_text(c, "min_effect");
    int64_t longest = api_number(c, "longest", 0);
    if (metric.len > 0 && !api_check(c, guardrail_metric(metric, &t.plan.metric, &error), &error)) return false;
    if (t.plan.metric.metric.len == 0) {
        api_fail(c, FAULT_BAD_REQUEST, "metric: expected what the two are compared by, such as score:helpful or error_rate; rollouts.ab.metric has none");
        return false;
    }
    if (effect.len > 0 && (!slice_to_double(effect, &t.plan.min_effect) || !(t.plan.min_effect > 0))) {
        api_fail(c, FAULT_BAD_REQUEST, "min_effect: expected a number above 0, found '" SLICE_FMT "'", SLICE_ARG(effect));
        return false;
    }
    if (!(t.plan.min_effect > 0)) {
        api_fail(c, FAULT_BAD_REQUEST, "min_effect: expected the smallest difference that matters, such as 0.05");
        return false;
    }
    if (longest > 0) t.plan.longest_us = longest;
    t.plan.metric.alpha = t.plan.alpha;
    if (c->s->writer) ledger_writer_drain(c->s->writer);
    if (!api_check(c, changes_subject(a->registry, a->kind, a->name, c->arena, &subject, &error), &error)) return false;
    if (judging_needed(&from, a->name, subject.production, &t.plan, a->at_us, &t.needed_an_arm, &error) != FAULT_NONE)
        t.needed_an_arm = -1; /* a ledger that cannot be read keeps nobody from testing */
    *ret = t;
    return true;
}

void api_rollout_start(struct api_call *c) {
    struct act a;
    struct ab_test t;
    struct act_outcome o = {.already = false};
    struct error error = {.fault = FAULT_NONE};
    if (!api_change_act(c, &a)) return;
    if (slice_is(api_text(c, "kind"), "knowledge")) a.kind = SLICE("knowledge");
    if (a.which.len == 0) {
        api_fail(c, FAULT_BAD_REQUEST, "version: expected which one: a number, 8 hex digits or more of the hash, or what people call it");
        return;
    }
    if (!api_has_choice(c, "ab", "true", false)) done(c, &a, act_start(&a, &o, &error), &o, &error);
    else if (read_test(c, &a, &t)) done(c, &a, act_start_ab(&a, &t, &o, &error), &o, &error);
}

/* As the guardrails stand: what a person saw when saying so. */
static struct slice evidence_of(struct api_call *c, const struct standing *s) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 256 << 10);
    json_start(&w, &out);
    guardrails_write(s->judging.answers, s->judging.n, &w);
    struct slice text = out.overflow || !s->judged ? SLICE_NULL : arena_slice(c->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

enum person_says { SAYS_PROMOTE, SAYS_PAUSE, SAYS_RESUME, SAYS_ABORT };

static void say(struct api_call *c, enum person_says what) {
    struct act a;
    struct standing *s = arena_new(c->arena, struct standing);
    struct act_outcome o = {.already = false};
    struct rollout_decision d;
    struct error error = {.fault = FAULT_NONE}, unjudged;
    if (!s || !api_change_act(c, &a)) return;
    if (c->s->writer && what == SAYS_PROMOTE) ledger_writer_drain(c->s->writer);
    enum fault fault = stand(c, &a, NOW, s, what == SAYS_PROMOTE ? &error : &unjudged);
    if (what == SAYS_RESUME) fault = act_resume(&a, &o, &error);
    else if (what == SAYS_PAUSE) fault = act_pause(&a, evidence_of(c, s), &o, &error);
    else if (what == SAYS_ABORT) fault = act_abort(&a, evidence_of(c, s), &o, &error); /* also when nothing can be judged */
    else if (fault == FAULT_NONE && (fault = rollout_promote(&s->plan.plan, &s->row, &s->judging.evidence, &d, &error)) == FAULT_NONE) {
        s->row.verdict = slice_of(guard_verdict_name(s->judging.evidence.verdict));
        fault = act_step(&a, &s->row, &d, evidence_of(c, s), &o, &error);
    }
    done(c, &a, fault, &o, &error);
}

void api_rollout_promote(struct api_call *c) { say(c, SAYS_PROMOTE); }
void api_rollout_pause(struct api_call *c) { say(c, SAYS_PAUSE); }
void api_rollout_resume(struct api_call *c) { say(c, SAYS_RESUME); }
void api_rollout_abort(struct api_call *c) { say(c, SAYS_ABORT); }

/* ---- back ---- */

static int severity_of(const struct api_call *c) {
    struct slice s = api_text(c, "severity");
    return s.len == 5 ? s.at[4] - '0' : 0;
}

void api_roll_back(struct api_call *c) {
    struct act a;
    struct act_outcome o = {.already = false};
    struct emergency_entry e;
    struct error error = {.fault = FAULT_NONE};
    if (!api_change_act(c, &a)) return;
    a.which = api_text(c, "to");
    if (c->s->serves) a.serves = c->s->serves(c->s->change_ctx, a.kind, a.name);
    enum fault fault = act_roll_back(&a, severity_of(c), &o, &e, &error);
    if (fault != FAULT_NO_SPACE || !c->s->emergency) {
        done(c, &a, fault, &o, &error);
        return;
    }
    /* in force and on the disk when it returns; the registry has it when there is room */
    fault = c->s->emergency(c->s->change_ctx, &e, &error);
    o.subject.production = e.to;
    o.version.version = 0;
    o.words = arena_printf(c->arena, SLICE_FMT ". The disk is full: it is in the emergency file, in force, and goes into the registry and its audit log when there is room",
                           SLICE_ARG(o.words));
    (void)api_change_answer(c, &a, fault, &o, false, &error);
}
