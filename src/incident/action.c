/* action.c - see action.h. */
#include "incident/action.h"

#include "base/clock.h"
#include "base/json.h"
#include "incident/recovery.h"
#include "store/emergency.h"

#include <stdio.h>

#define EVIDENCE_TEXT (256u << 10)
#define SAME_STEP_US (15 * 60000000LL) /* a rule's rollback that was made so shortly before is the same one: a kill came between it and its row */

struct taking {
    const struct action_call *c;
    struct intervention_spec spec;   /* checked, the primary filled in */
    struct slice scope, about;
    const struct alert_grant *grant; /* NULL: a person's, or none */
};

static struct slice command(struct taking *t) { return intervention_command(&t->spec, t->c->arena); }

/* ---- grants ---- */

static bool grant_covers(const struct alert_grant *g, const struct intervention_spec *s) {
    static const struct {
        enum signal_by by;
        size_t at;
    } same[] = {{SIGNAL_BY_APPLICATION, offsetof(struct intervention_spec, application)}, {SIGNAL_BY_MODEL, offsetof(struct intervention_spec, model)},
                {SIGNAL_BY_PROVIDER, offsetof(struct intervention_spec, provider)},       {SIGNAL_BY_UPSTREAM_MODEL, offsetof(struct intervention_spec, upstream_model)},
                {SIGNAL_BY_PROMPT, offsetof(struct intervention_spec, prompt)}};
    unsigned known = 0;
    for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
        const struct slice *is = (const struct slice *)((const char *)s + same[i].at);
        known |= 1u << same[i].by;
        if ((g->scope.by >> same[i].by & 1) && g->scope.is[same[i].by].len > 0 && !slice_eq(g->scope.is[same[i].by], *is)) return false;
    }
    for (unsigned b = 0; b < SIGNAL_BYS; b++)
        if ((g->scope.by & ~known) >> b & 1 && g->scope.is[b].len > 0) return false; /* no action is about a request type */
    return slice_is_null(g->key) || g->key.len == 0 || slice_eq(g->key, s->key);
}

const struct alert_grant *grant_for(const struct alert_policy *p, const struct alert_rule *rule, const struct intervention_spec *spec) {
    const struct alert_grant *dry = NULL;
    for (unsigned i = 0; i < p->n_grants; i++) {
        const struct alert_grant *g = &p->grants[i];
        if (g->action != spec->kind || (g->rule.len > 0 && !slice_eq(g->rule, rule->name)) || !grant_covers(g, spec)) continue;
        if (!g->dry_run) return g;
        if (dry == NULL) dry = g;
    }
    return dry;
}

/* ---- rows ---- */

static struct slice text_of(struct buffer *b, struct arena *arena) {
    struct slice text = b->overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(b));
    buffer_deinit(b);
    return text;
}

struct slice action_return_evidence(struct slice before, unsigned relapses, struct slice step, struct arena *arena) {
    struct json_doc d;
    struct buffer out;
    struct json_writer w;
    uint32_t steps = JSON_NONE, cursor = JSON_NONE, item;
    struct slice alert = before;
    if (before.len > 0 && json_read(before, arena, 2, &d, NULL) == FAULT_NONE && json_type(&d, json_get(&d, 0, "coming_back")) == JSON_ARRAY) {
        steps = json_get(&d, 0, "coming_back");
        alert = json_raw(&d, json_get(&d, 0, "alert"));
    }
    buffer_init(&out, EVIDENCE_TEXT);
    json_start(&w, &out);
    json_object(&w);
    json_member_raw(&w, "alert", alert.len > 0 ? alert : SLICE("null"));
    json_member_i64(&w, "relapses", relapses);
    json_key(&w, "coming_back");
    json_array(&w);
    uint32_t n = json_size(&d, steps), at = 0;
    while (steps != JSON_NONE && json_each_item(&d, steps, &cursor, &item))
        if (n - at++ < 100) json_put_raw(&w, json_raw(&d, item)); /* the newest: the audit log has them all */
    if (step.len > 0) json_put_raw(&w, step);
    json_array_end(&w);
    json_object_end(&w);
    return text_of(&out, arena);
}

unsigned action_relapses(struct slice evidence, struct arena *arena) {
    struct json_doc d;
    int64_t n;
    if (evidence.len == 0 || json_read(evidence, arena, 1, &d, NULL) != FAULT_NONE || !json_get_i64(&d, json_get(&d, 0, "relapses"), &n) || n < 0) return 0;
    return n > 30 ? 30 : (unsigned)n;
}

static struct slice detail_of(struct taking *t, const struct action_row *row) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, EVIDENCE_TEXT);
    json_start(&w, &out);
    json_object(&w);
    json_member_text(&w, "action", intervention_name(t->spec.kind));
    json_member_raw(&w, "scope", t->scope);
    json_member_text(&w, "state", action_state_name(row->state));
    json_member_string(&w, "rule", row->rule);
    json_key(&w, "alert");
    if (row->alert != 0) json_put_i64(&w, row->alert);
    else json_put_null(&w);
    if (row->ended_why.len > 0) json_member_string(&w, "outcome", row->ended_why);
    json_member_string(&w, "undo", row->undo);
    json_member_raw(&w, "evidence", t->c->evidence.len > 0 ? t->c->evidence : SLICE("null"));
    json_object_end(&w);
    return text_of(&out, t->c->arena);
}

static struct action_row row_of(struct taking *t, enum action_state state) {
    const struct action_call *c = t->c;
    return (struct action_row){.kind = (int)t->spec.kind, .scope = t->scope, .state = state, .at_us = c->at_us, .step_us = c->at_us, .alert = c->alert, .firing = c->firing,
                               .rule = c->rule ? c->rule->name : SLICE_NULL, .by = c->who.name, .why = c->why, .evidence = c->evidence,
                               .until_us = t->spec.lasts_us > 0 ? c->at_us + t->spec.lasts_us : 0};
}

static enum fault keep(struct taking *t, struct action_row *row, int64_t *ret_other, struct error *error) {
    struct slice name = arena_printf(t->c->arena, "action.%s", ACTIONS_DONE >> row->state & 1 ? intervention_name(t->spec.kind) : "refused");
    if (row->state == ACTION_WOULD) name = SLICE("action.would");
    const struct audit_entry entry = {.at_us = t->c->at_us, .actor = t->c->who.name, .action = name, .reason = t->c->why, .detail = detail_of(t, row)};
    return action_begin(t->c->registry, row, &entry, ret_other, error);
}

/* Nothing was done, and why: a row and an entry all the same. */
static enum fault not_done(struct taking *t, enum action_state state, struct slice why, struct action_outcome *ret, struct error *error) {
    int64_t other;
    struct action_row row = row_of(t, state);
    row.until_us = 0;
    row.ended_us = t->c->at_us;
    row.ended_why = why;
    enum fault fault = keep(t, &row, &other, error);
    if (fault == FAULT_NONE) *ret = (struct action_outcome){.row = row, .words = why};
    return fault;
}

static struct slice in_force_words(struct taking *t, bool *ret_published, struct slice words) {
    const struct action_services *s = t->c->services;
    struct error error = {.fault = FAULT_NONE};
    *ret_published = false;
    if (s == NULL || s->publish == NULL) return arena_printf(t->c->arena, SLICE_FMT ". No server is running: it is in force when one starts", SLICE_ARG(words));
    *ret_published = s->publish(s->ctx, &error) == FAULT_NONE;
    if (*ret_published) return words;
    return arena_printf(t->c->arena, SLICE_FMT ". It is kept and not in force yet (%s): the next publishing carries it out", SLICE_ARG(words), error.text);
}

/* ---- what is held by the loops ---- */

static struct slice done_words(struct taking *t) {
    struct arena *a = t->c->arena;
    const struct intervention_spec *s = &t->spec;
    struct slice about = t->about;
    switch (s->kind) {
    case INTERVENTION_FAIL_OVER:
        if (s->to.len > 0) return arena_printf(a, "traffic of " SLICE_FMT " goes to " SLICE_FMT " first, and to " SLICE_FMT " last", SLICE_ARG(about), SLICE_ARG(s->to), SLICE_ARG(s->from));
        return arena_printf(a, "traffic of " SLICE_FMT " goes to " SLICE_FMT " last", SLICE_ARG(about), SLICE_ARG(s->from));
    case INTERVENTION_OPEN_BREAKER: return arena_printf(a, "nothing is sent to " SLICE_FMT, SLICE_ARG(about));
    case INTERVENTION_CLOSE_BREAKER: return arena_printf(a, "requests are sent to " SLICE_FMT " whatever its breaker says", SLICE_ARG(about));
    case INTERVENTION_THROTTLE: return arena_printf(a, SLICE_FMT " may send %lld requests a minute", SLICE_ARG(about), (long long)s->per_minute);
    case INTERVENTION_FREEZE: return arena_printf(a, SLICE_FMT " may send no requests", SLICE_ARG(about));
    case INTERVENTION_ROUTE_DOWN:
        return arena_printf(a, SLICE_FMT " answers from %s" SLICE_FMT, SLICE_ARG(about), s->tier.len > 0 ? "its tier " : "its cheapest tier", SLICE_ARG(s->tier));
    case INTERVENTION_DEGRADE: return arena_printf(a, "the stand-in of " SLICE_FMT " is served", SLICE_ARG(about));
    case INTERVENTION_QUARANTINE: return arena_printf(a, "answers kept until now of " SLICE_FMT " are not given again", SLICE_ARG(about));
    case INTERVENTION_PAUSE_BATCH: return arena_printf(a, "lines of %s" SLICE_FMT " wait", s->batch.len > 0 ? "" : "batches of ", SLICE_ARG(about));
    case INTERVENTION_ROLL_BACK:
    case INTERVENTION_ABORT:
    case INTERVENTION_KINDS: break;
    }
    return about;
}

static struct slice until_words(struct taking *t, int64_t until_us) {
    char text[CLOCK_TEXT];
    if (until_us == 0) return SLICE("");
    clock_format(until_us, text);
    return arena_printf(t->c->arena, " until %.10s %.8s UTC", text, text + 11);
}

static struct slice undo_words(struct taking *t, int64_t number) {
    return arena_printf(t->c->arena, "To undo: `quarterdeck action undo %lld`", (long long)number);
}

/* A fail-over so soon after another of the same came back waits as if it had relapsed. */
static enum fault former_relapses(struct taking *t, unsigned *ret, struct error *error) {
    const struct action_call *c = t->c;
    const struct actions_filter f = {.states = 1u << ACTION_RETURNED, .kinds = 1u << INTERVENTION_FAIL_OVER};
    struct action_row *rows;
    unsigned n;
    enum fault fault = actions_list(c->registry, &f, c->arena, &rows, &n, error);
    *ret = 0;
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
        if (slice_eq(rows[i].scope, t->scope) && c->at_us - rows[i].ended_us < RECOVERY_LONGEST_REST_US) {
            *ret = action_relapses(rows[i].evidence, c->arena) + 1;
            break;
        }
    return fault;
}

static struct slice end_words(const struct action_row *row, struct arena *arena) {
    char text[CLOCK_TEXT];
    clock_format(row->ended_us, text);
    return arena_printf(arena, "action %lld is %s since %.10s %.8s UTC%s" SLICE_FMT "%s" SLICE_FMT "%s", (long long)row->number, action_state_name(row->state), text, text + 11,
                        row->ended_by.len > 0 ? ", by " : "", SLICE_ARG(row->ended_by), row->ended_why.len > 0 ? " (" : "", SLICE_ARG(row->ended_why),
                        row->ended_why.len > 0 ? ")" : "");
}

static struct action_outcome already_words(struct taking *t, const struct action_row *row) {
    struct arena *a = t->c->arena;
    if (!(ACTIONS_IN_FORCE >> row->state & 1)) return (struct action_outcome){.row = *row, .already = true, .words = end_words(row, a)};
    return (struct action_outcome){.row = *row, .already = true,
                                   .words = arena_printf(a, SLICE_FMT " already" SLICE_FMT ", by " SLICE_FMT " (action %lld). " SLICE_FMT, SLICE_ARG(done_words(t)),
                                                         SLICE_ARG(until_words(t, row->until_us)), SLICE_ARG(row->by), (long long)row->number, SLICE_ARG(undo_words(t, row->number)))};
}

static enum fault already(struct taking *t, int64_t number, struct action_outcome *ret, struct error *error) {
    const struct actions_filter f = {.number = number};
    struct action_row *rows;
    unsigned n;
    enum fault fault = actions_list(t->c->registry, &f, t->c->arena, &rows, &n, error);
    if (fault != FAULT_NONE) return fault;
    if (n == 0) return error_set(error, FAULT_NOT_FOUND, "no action %lld", (long long)number);
    if (!slice_eq(rows[0].scope, t->scope) && t->c->rule == NULL)
        return error_set(error, FAULT_CONFLICT, "action %lld has throttled " SLICE_FMT " already, at another rate: `quarterdeck action undo %lld`, then again",
                         (long long)number, SLICE_ARG(t->about), (long long)number);
    *ret = already_words(t, &rows[0]);
    return FAULT_NONE;
}

static enum fault hold(struct taking *t, struct action_outcome *ret, struct error *error) {
    int64_t other = 0;
    unsigned relapses = 0;
    struct action_row row = row_of(t, ACTION_IN_FORCE);
    enum fault fault = FAULT_NONE;
    if (t->spec.kind == INTERVENTION_FAIL_OVER) {
        fault = former_relapses(t, &relapses, error);
        row.evidence = action_return_evidence(t->c->evidence, relapses, SLICE_NULL, t->c->arena);
    }
    if (fault == FAULT_NONE) fault = keep(t, &row, &other, error);
    if (fault == FAULT_CONFLICT && other != 0) return already(t, other, ret, error);
    if (fault == FAULT_NO_SPACE)
        return error_set(error, fault, "the disk is full: %s of " SLICE_FMT " cannot be kept and was not done. A rollback works without room: `quarterdeck rollback NAME`",
                         intervention_name(t->spec.kind), SLICE_ARG(t->about));
    if (fault != FAULT_NONE) return fault;
    struct action_outcome o = {.row = row};
    o.row.undo = arena_printf(t->c->arena, "quarterdeck action undo %lld", (long long)row.number);
    o.words = arena_printf(t->c->arena, SLICE_FMT SLICE_FMT ". " SLICE_FMT, SLICE_ARG(done_words(t)), SLICE_ARG(until_words(t, row.until_us)), SLICE_ARG(undo_words(t, row.number)));
    o.words = in_force_words(t, &o.published, o.words);
    *ret = o;
    return FAULT_NONE;
}

/* ---- one step: rollbacks and aborts ---- */

static struct slice undo_of_step(struct taking *t, int64_t production_before, const struct act_outcome *o) {
    struct arena *a = t->c->arena;
    if (production_before != 0 && o->subject.production != production_before)
        return arena_printf(a, "quarterdeck rollback " SLICE_FMT " --to %lld", SLICE_ARG(t->spec.prompt), (long long)production_before);
    if (o->rollout.number != 0) return arena_printf(a, "quarterdeck prompt submit " SLICE_FMT "@%lld", SLICE_ARG(t->spec.prompt), (long long)o->rollout.candidate);
    return SLICE_NULL;
}

/* The same rule did the same just before: its row is there. */
static enum fault has_row(struct taking *t, bool *ret, struct error *error) {
    const struct action_call *c = t->c;
    const struct actions_filter f = {.states = 1u << ACTION_DONE, .kinds = 1u << t->spec.kind, .from_us = c->at_us - SAME_STEP_US};
    struct action_row *rows;
    unsigned n;
    *ret = c->rule == NULL;
    enum fault fault = actions_list(c->registry, &f, c->arena, &rows, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n && !*ret; i++) *ret = slice_eq(rows[i].scope, t->scope);
    return fault;
}

static enum fault emergency(struct taking *t, const struct emergency_entry *e, struct act_outcome *o, struct action_outcome *ret, struct error *error) {
    const struct action_services *s = t->c->services;
    if (s == NULL || s->emergency == NULL) return error_set(error, FAULT_NO_SPACE, "the disk is full, and no server runs that could keep the rollback elsewhere");
    enum fault fault = s->emergency(s->ctx, e, error);
    if (fault != FAULT_NONE) return fault;
    struct action_row row = row_of(t, ACTION_DONE);
    row.ended_us = t->c->at_us;
    if (o->subject.production != 0 && o->subject.production != e->to)
        row.undo = arena_printf(t->c->arena, "quarterdeck rollback " SLICE_FMT " --to %lld", SLICE_ARG(t->spec.prompt), (long long)o->subject.production);
    *ret = (struct action_outcome){.row = row, .published = true,
                                   .words = arena_printf(t->c->arena, SLICE_FMT ". The disk is full: it is in the emergency file, in force, and goes into the registry and its audit log when there is room",
                                                         SLICE_ARG(o->words))};
    return FAULT_NONE;
}

static enum fault one_step(struct taking *t, struct action_outcome *ret, struct error *error) {
    const struct action_call *c = t->c;
    const struct action_services *s = c->services;
    struct act a = {.registry = c->registry, .policy = &c->policy->change, .kind = SLICE("prompt"), .name = t->spec.prompt, .which = t->spec.to,
                    .who = c->who, .why = c->why, .at_us = c->at_us, .arena = c->arena};
    struct act_outcome o = {.already = false};
    struct change_subject before = {.production = 0};
    struct emergency_entry e;
    bool known = false;
    int64_t other;
    if (c->who.automatic) a.who.role = USER_ADMIN; /* it only makes things safer; whose word is needed is said of people */
    if (s != NULL && s->serves != NULL) a.serves = s->serves(s->ctx, a.kind, a.name);
    enum fault fault = changes_subject(c->registry, a.kind, a.name, c->arena, &before, error);
    if (fault == FAULT_NONE) fault = t->spec.kind == INTERVENTION_ABORT ? act_abort(&a, c->evidence, &o, error) : act_roll_back(&a, 0, &o, &e, error);
    if (fault == FAULT_NO_SPACE && t->spec.kind == INTERVENTION_ROLL_BACK) return emergency(t, &e, &o, ret, error);
    if (fault == FAULT_NO_SPACE)
        return error_set(error, fault, "the disk is full: the rollout of " SLICE_FMT " cannot be aborted, but a rollback works without room and ends it: `quarterdeck rollback " SLICE_FMT "`",
                         SLICE_ARG(t->spec.prompt), SLICE_ARG(t->spec.prompt));
    if (fault != FAULT_NONE) return fault;
    if (o.already && (fault = has_row(t, &known, error)) != FAULT_NONE) return fault;
    struct action_row row = row_of(t, ACTION_DONE);
    row.ended_us = c->at_us;
    row.undo = undo_of_step(t, before.production, &o);
    struct action_outcome done = {.row = row, .already = known, .words = o.words};
    if (!known) { /* done, and known to the audit log of changes: that its own row finds no room does not take it back */
        struct error unkept = {.fault = FAULT_NONE};
        fault = keep(t, &done.row, &other, &unkept);
        if (fault != FAULT_NONE) done.words = arena_printf(c->arena, SLICE_FMT ". Its row among the actions could not be kept: %s", SLICE_ARG(done.words), unkept.text);
        done.words = in_force_words(t, &done.published, done.words);
    }
    *ret = done;
    return FAULT_NONE;
}

/* ---- by itself, or by a person ---- */

static enum fault would(struct taking *t, struct action_outcome *ret, struct error *error) {
    struct slice why = arena_printf(t->c->arena, "dry run: nothing was done. It would have been: `" SLICE_FMT "`", SLICE_ARG(command(t)));
    return not_done(t, ACTION_WOULD, why, ret, error);
}

/* True: it may go on. Else *ret_fault, and what was answered. */
static bool is_granted(struct taking *t, struct action_outcome *ret, enum fault *ret_fault, struct error *error) {
    const struct action_call *c = t->c;
    int64_t n = 0;
    t->grant = grant_for(&c->policy->alerts, c->rule, &t->spec);
    if (t->grant == NULL) {
        struct slice why = arena_printf(c->arena, "not granted to the rule " SLICE_FMT ". A person may: `" SLICE_FMT "`", SLICE_ARG(c->rule->name), SLICE_ARG(command(t)));
        *ret_fault = not_done(t, ACTION_NOT_GRANTED, why, ret, error);
        return false;
    }
    if (t->grant->dry_run) t->spec.dry_run = true;
    unsigned counted = ACTIONS_DONE | (t->spec.dry_run ? 1u << ACTION_WOULD : 0);
    *ret_fault = actions_count(c->registry, c->rule->name, (int)t->spec.kind, counted, c->at_us - t->grant->per_us, &n, error);
    if (*ret_fault != FAULT_NONE) return false;
    if (t->grant->at_most > 0 && n >= t->grant->at_most) {
        struct slice why = arena_printf(c->arena, "too often: the rule " SLICE_FMT " has done it %lld times within %lld s, and its grant allows %lld. A person may: `" SLICE_FMT "`",
                                        SLICE_ARG(c->rule->name), (long long)n, (long long)(t->grant->per_us / 1000000), (long long)t->grant->at_most, SLICE_ARG(command(t)));
        *ret_fault = not_done(t, ACTION_TOO_OFTEN, why, ret, error);
        return false;
    }
    return true;
}

/* Of a rule: the same is in force, whoever did it; or this firing had its word already; or a person undid it since. number 0: none of these. */
static enum fault find_same(struct taking *t, struct action_row *ret, struct error *error) {
    const struct action_call *c = t->c;
    const struct actions_filter in_force = {.states = ACTIONS_IN_FORCE, .kinds = 1u << t->spec.kind};
    const struct actions_filter of_firing = {.kinds = 1u << t->spec.kind, .alert = c->alert, .firing = c->firing};
    const struct actions_filter undone = {.states = 1u << ACTION_UNDONE, .kinds = 1u << t->spec.kind, .limit = LIMIT_ACTIONS_IN_FORCE};
    const struct actions_filter *const looks[] = {&in_force, &of_firing, &undone};
    enum fault fault = FAULT_NONE;
    bool known = c->alert != 0 && c->firing != 0;
    *ret = (struct action_row){.number = 0};
    for (unsigned k = 0; fault == FAULT_NONE && ret->number == 0 && k < (known ? 3 : 1); k++) {
        struct action_row *rows = NULL;
        unsigned n = 0;
        fault = actions_list(c->registry, looks[k], c->arena, &rows, &n, error);
        for (unsigned i = 0; fault == FAULT_NONE && i < n && ret->number == 0; i++)
            if (slice_eq(rows[i].scope, t->scope) && (k < 2 || rows[i].ended_us >= c->fired_us)) *ret = rows[i];
    }
    return fault;
}

static enum fault take(struct taking *t, struct action_outcome *ret, struct error *error) {
    enum fault fault = FAULT_NONE;
    struct action_row same;
    if (t->c->rule != NULL) {
        fault = find_same(t, &same, error);
        if (fault == FAULT_NONE && same.number != 0) {
            *ret = already_words(t, &same);
            return FAULT_NONE;
        }
        if (fault != FAULT_NONE || !is_granted(t, ret, &fault, error)) return fault;
    } else if (t->c->who.automatic) {
        return error_set(error, FAULT_NOT_PERMITTED, "nothing is done without a person unless a rule wants it and a grant allows it");
    }
    if (t->spec.dry_run) return would(t, ret, error);
    bool step = t->spec.kind == INTERVENTION_ROLL_BACK || t->spec.kind == INTERVENTION_ABORT;
    return step ? one_step(t, ret, error) : hold(t, ret, error);
}

static struct slice scope_text(const struct intervention_spec *s, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 16 << 10);
    json_start(&w, &out);
    intervention_spec_write(s, &w);
    return text_of(&out, arena);
}

static bool cannot_be(enum fault f) {
    return f == FAULT_BAD_REQUEST || f == FAULT_NOT_FOUND || f == FAULT_CONFLICT || f == FAULT_NOT_PERMITTED;
}

enum fault action_take(const struct action_call *c, struct action_outcome *ret, struct error *error) {
    struct taking t = {.c = c, .spec = c->spec};
    struct error why = {.fault = FAULT_NONE};
    struct action_outcome o = {.already = false};
    enum fault fault = intervention_check(c->policy, c->registry, &t.spec, c->arena, &why);
    unsigned expired;
    (void)!action_expire(c->registry, c->at_us, c->arena, &expired, NULL); /* what has ended keeps nothing from beginning; with no room for it the rest goes on */
    t.scope = scope_text(&t.spec, c->arena);
    t.about = intervention_about(&t.spec, c->arena);
    if (slice_is_null(t.scope)) fault = error_set(&why, FAULT_TOO_LARGE, "the scope of the action is too long");
    if (fault == FAULT_NONE) fault = take(&t, &o, &why);
    if (fault != FAULT_NONE && c->rule != NULL && cannot_be(fault))
        fault = not_done(&t, ACTION_FAILED, arena_printf(c->arena, "it could not be done: %s", why.text), &o, &why);
    if (fault != FAULT_NONE) return error_set(error, fault, "%s", why.text);
    *ret = o;
    return FAULT_NONE;
}

/* ---- its end ---- */

static enum fault nothing_to_undo(const struct action_row *row, struct arena *arena, struct action_outcome *ret, struct error *error) {
    switch (row->state) {
    case ACTION_UNDONE:
    case ACTION_EXPIRED:
    case ACTION_RETURNED: *ret = (struct action_outcome){.row = *row, .already = true, .words = end_words(row, arena)}; return FAULT_NONE;
    case ACTION_DONE:
        if (row->undo.len == 0) return error_set(error, FAULT_CONFLICT, "action %lld was one step, and left nothing to undo", (long long)row->number);
        return error_set(error, FAULT_CONFLICT, "action %lld was one step; what undoes it is `" SLICE_FMT "`", (long long)row->number, SLICE_ARG(row->undo));
    default: return error_set(error, FAULT_CONFLICT, "action %lld is `%s`: nothing was done that could be undone", (long long)row->number, action_state_name(row->state));
    }
}

static struct slice end_detail(const struct action_row *row, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, EVIDENCE_TEXT);
    json_start(&w, &out);
    json_object(&w);
    json_member_text(&w, "action", intervention_name((enum intervention_kind)row->kind));
    json_member_raw(&w, "scope", row->scope);
    json_member_text(&w, "state", action_state_name(row->state));
    json_member_string(&w, "rule", row->rule);
    json_object_end(&w);
    return text_of(&out, arena);
}

enum fault action_undo(const struct action_call *c, int64_t number, struct action_outcome *ret, struct error *error) {
    const struct actions_filter f = {.number = number};
    struct action_row *rows;
    unsigned n;
    enum fault fault = number > 0 ? actions_list(c->registry, &f, c->arena, &rows, &n, error) : FAULT_NOT_FOUND;
    if (fault == FAULT_NOT_FOUND || (fault == FAULT_NONE && n == 0))
        return error_set(error, FAULT_NOT_FOUND, "no action has the number %lld: `quarterdeck action list` has them", (long long)number);
    if (fault != FAULT_NONE) return fault;
    struct action_row row = rows[0];
    enum action_state from = row.state;
    if (!(ACTIONS_IN_FORCE >> from & 1)) return nothing_to_undo(&row, c->arena, ret, error);
    struct taking t = {.c = c, .spec = {.kind = (enum intervention_kind)row.kind}, .scope = row.scope};
    fault = intervention_spec_read(row.scope, c->arena, &t.spec, error);
    if (fault != FAULT_NONE) return fault;
    row.state = ACTION_UNDONE;
    row.ended_us = c->at_us;
    row.ended_by = c->who.name;
    row.ended_why = c->why;
    const struct audit_entry entry = {.at_us = c->at_us, .actor = c->who.name, .action = SLICE("action.undo"), .reason = c->why, .detail = end_detail(&row, c->arena)};
    fault = action_move(c->registry, &row, from, &entry, error);
    if (fault == FAULT_NO_SPACE) return error_set(error, fault, "the disk is full: that action %lld ends cannot be kept, and it goes on", (long long)number);
    if (fault != FAULT_NONE) return fault;
    row.undo = SLICE_NULL;
    struct action_outcome o = {.row = row};
    o.words = arena_printf(c->arena, "%s of " SLICE_FMT " has ended. Again: `" SLICE_FMT "`", intervention_name(t.spec.kind), SLICE_ARG(intervention_about(&t.spec, c->arena)), SLICE_ARG(command(&t)));
    o.words = in_force_words(&t, &o.published, o.words);
    *ret = o;
    return FAULT_NONE;
}

enum fault action_expire(struct registry *r, int64_t now_us, struct arena *arena, unsigned *ret_n, struct error *error) {
    const struct actions_filter f = {.states = ACTIONS_IN_FORCE};
    struct action_row *rows;
    unsigned n, ended = 0;
    enum fault fault = actions_list(r, &f, arena, &rows, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        struct action_row row = rows[i];
        if (row.until_us == 0 || row.until_us > now_us) continue;
        row.state = ACTION_EXPIRED;
        row.ended_us = now_us;
        row.ended_by = SLICE("quarterdeck");
        row.ended_why = SLICE("its time was over");
        const struct audit_entry entry = {.at_us = now_us, .actor = row.ended_by, .action = SLICE("action.expire"), .reason = row.ended_why, .detail = end_detail(&row, arena)};
        fault = action_move(r, &row, rows[i].state, &entry, error);
        if (fault == FAULT_NONE) ended++;
        if (fault == FAULT_CONFLICT) fault = FAULT_NONE; /* a person was faster */
    }
    *ret_n = ended;
    return fault;
}
