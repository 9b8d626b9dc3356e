/* acts_review.c - from a draft to an evaluated version: see acts.h. Each act is one change_commit; an override's finding follows it. */
#include "change/acts_ground.h"
#include "change/classify.h"
#include "change/gate.h"

#include <math.h>

/* What a review stands on. */
struct review {
    struct ground g;
    struct change_version v;
    struct change_approval *said; /* with room for one more */
    unsigned n;
    enum change_class class;      /* that counts, against what is in production now */
    bool class_grew;              /* over what is kept */
};

static struct slice of_version(const struct act *a, const struct change_version *v) {
    return arena_printf(a->arena, SLICE_FMT "@%lld", SLICE_ARG(a->name), (long long)v->version);
}

static const char *action_of(const struct act *a, const char *what) {
    return arena_text(a->arena, arena_printf(a->arena, SLICE_FMT ".%s", SLICE_ARG(a->kind), what));
}

/* ---- the class, as things stand ---- */

static enum fault read_body(struct slice body, struct arena *arena, struct declared *ret_d, struct prompt *ret, struct error *error) {
    struct problems problems = {0};
    enum fault fault = declared_from_json(body, arena, ret_d, error);
    if (fault == FAULT_NONE && prompt_read(ret_d, 0, "version", NULL, arena, ret, &problems) != FAULT_NONE)
        fault = error_set(error, FAULT_CORRUPT, "a version cannot be read: %s", problems.count > 0 ? problems.items[0].text : "no reason is known");
    return fault;
}

static enum fault class_of_prompts(struct slice before, struct slice after, struct arena *arena, enum change_class *ret, struct error *error) {
    struct declared d[2];
    struct prompt p[2];
    struct classification c;
    enum fault fault = read_body(before, arena, &d[0], &p[0], error);
    if (fault == FAULT_NONE) fault = read_body(after, arena, &d[1], &p[1], error);
    if (fault == FAULT_NONE && (fault = classify_prompt(&p[0], &p[1], arena, &c)) != FAULT_NONE) error_set(error, fault, "no room to compare two versions");
    if (fault == FAULT_NONE) *ret = c.class;
    return fault;
}

static enum fault class_of_manifests(struct slice before, struct slice after, struct arena *arena, enum change_class *ret, struct error *error) {
    struct problems problems = {0};
    struct manifest m[2];
    struct classification c;
    if (manifest_read_file(before, "version", NULL, arena, &m[0], &problems) != FAULT_NONE ||
        manifest_read_file(after, "version", NULL, arena, &m[1], &problems) != FAULT_NONE)
        return error_set(error, FAULT_CORRUPT, "a version cannot be read: %s", problems.count > 0 ? problems.items[0].text : "no reason is known");
    enum fault fault = classify_manifest(&m[0], &m[1], arena, &c);
    if (fault == FAULT_NONE) *ret = c.class;
    return fault == FAULT_NONE ? fault : error_set(error, fault, "no room to compare two versions");
}

/* It was computed against its parent. When another version is in production by now, what it would change is something else; the higher counts. */
static enum fault class_now(const struct act *a, struct review *r, struct error *error) {
    struct change_version production;
    struct arena room;
    enum change_class class = CHANGE_MINOR;
    int64_t serves = r->g.subject.production;
    r->class = lifecycle_class(&r->v);
    r->class_grew = false;
    if (serves == 0 || serves == r->v.parent || serves == r->v.version || r->class == CHANGE_MAJOR) return FAULT_NONE;
    enum fault fault = ground_version(a, serves, &production, error);
    if (fault != FAULT_NONE) return fault;
    arena_init(&room, 64 << 10, 16 * (size_t)LIMIT_SUITE_FILE);
    fault = slice_is(a->kind, "knowledge") ? class_of_manifests(production.body, r->v.body, &room, &class, error)
                                           : class_of_prompts(production.body, r->v.body, &room, &class, error);
    arena_deinit(&room);
    r->class_grew = fault == FAULT_NONE && class > r->class;
    if (r->class_grew) r->class = class;
    return fault;
}

static void raise_class(struct change *c, const struct review *r) {
    if ((int)r->class <= (int)lifecycle_class(&r->v)) return;
    c->raise_version = r->v.version;
    c->raise_to = (int)r->class;
}

/* ---- what a review stands on ---- */

static enum fault find(const struct act *a, struct review *ret, struct error *error) {
    struct review r = {.n = 0};
    struct change_approval *said = NULL;
    enum fault fault = ground_find(a, &r.g, error);
    if (fault == FAULT_NONE) fault = changes_version(a->registry, a->kind, a->name, a->which, a->arena, &r.v, error);
    if (fault == FAULT_NONE) fault = changes_approvals(a->registry, a->kind, a->name, r.v.version, a->arena, &said, &r.n, error);
    if (fault == FAULT_NONE && (r.said = arena_new_array(a->arena, struct change_approval, r.n + 1)) == NULL)
        fault = error_set(error, FAULT_TOO_LARGE, "no room for the reviews of a version");
    for (unsigned i = 0; i < r.n && fault == FAULT_NONE; i++) r.said[i] = said[i];
    if (fault == FAULT_NONE) fault = class_now(a, &r, error);
    if (fault == FAULT_NONE) *ret = r;
    return fault;
}

/* "helpdesk-answer@3: it is rejected and cannot be approved; possible now: submit" */
static enum fault check_state(const struct act *a, const struct review *r, enum change_action action, struct error *error) {
    enum version_state next;
    struct error why = {.fault = FAULT_NONE};
    enum fault fault = lifecycle_next(r->v.state, action, &next, &why);
    return fault == FAULT_NONE ? fault : error_set(error, fault, SLICE_FMT ": %s", SLICE_ARG(of_version(a, &r->v)), why.text);
}

static enum fault need_reason(const struct act *a, const char *what, struct error *error) {
    return slice_trim(a->why).len > 0 ? FAULT_NONE : error_set(error, FAULT_BAD_REQUEST, "%s needs a reason: --why", what);
}

/* What this person says of it, as one more approval. */
static const struct change_approval *say(const struct act *a, struct review *r, const char *verdict) {
    struct change_approval *one = &r->said[r->n++];
    *one = (struct change_approval){.version = r->v.version, .by = a->who.name, .verdict = slice_of(verdict), .why = a->why, .at_us = a->at_us};
    return one;
}

static struct slice waiting_gate(const struct act *a, const struct review *r, struct slice why) {
    const struct gate g = {.max_drop = a->policy->of[r->class].max_drop, .control = r->g.subject.production};
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 64 << 10);
    json_start(&w, &out);
    gate_write(&g, "waiting", GATE_SAYS_NOTHING, why, a->at_us, 0, &w);
    struct slice text = arena_slice(a->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static void set_gate(struct change *c, struct review *r, struct slice gate) {
    c->gate_version = r->v.version;
    c->gate = r->v.gate = gate;
}

/* ---- when review and gate are complete ---- */

static void into_production(struct change *c, const struct review *r) {
    if (r->g.subject.production != 0) return; /* nothing to be compared with: the first one serves at once */
    ground_move(c, r->v.version, VERSION_EVALUATED, VERSION_PRODUCTION);
    c->production = r->v.version;
}

/* Evaluated, when nothing is missing any more; a gate that was about something else is asked again. */
static struct review_state complete(const struct act *a, struct change *c, struct review *r) {
    struct review_state s;
    struct slice why;
    const struct class_policy *p = &a->policy->of[r->class];
    lifecycle_review(&r->v, r->said, r->n, p, &s);
    if (s.gate == GATE_YES && !gate_stands(r->v.gate, r->g.subject.production, r->v.facts, p, a->arena, &why)) {
        set_gate(c, r, waiting_gate(a, r, why));
        s.gate = GATE_WAITING;
    }
    if (!lifecycle_is_evaluated(&s)) return s;
    ground_move(c, r->v.version, VERSION_IN_REVIEW, VERSION_EVALUATED);
    into_production(c, r);
    return s;
}

static struct slice not_by(const struct act *a, const struct change_version *v) {
    bool two = v->author.len > 0 && v->applied_by.len > 0 && !slice_eq_nocase(v->author, v->applied_by);
    struct slice one = v->author.len > 0 ? v->author : v->applied_by;
    return two ? arena_printf(a->arena, SLICE_FMT " nor " SLICE_FMT, SLICE_ARG(one), SLICE_ARG(v->applied_by)) : one;
}

static struct slice gate_words(const struct review_state *s) {
    switch (s->gate) {
    case GATE_NOT_ASKED: return SLICE("no gate is asked");
    case GATE_YES: return SLICE("its gate says yes");
    case GATE_NO: return SLICE("its gate says no");
    case GATE_UNDECIDED: return SLICE("its gate has not enough evidence, which is no pass");
    default: return SLICE("its gate runs");
    }
}

static struct slice words_of(const struct act *a, const struct change_version *v, const struct review_state *s) {
    struct slice name = of_version(a, v), approvals;
    if (v->state == VERSION_PRODUCTION)
        return arena_printf(a->arena, SLICE_FMT " is in production: it is the first, and serves at once", SLICE_ARG(name));
    if (v->state == VERSION_EVALUATED)
        return arena_printf(a->arena, SLICE_FMT " is evaluated: `quarterdeck rollout start " SLICE_FMT "%s` brings it to traffic", SLICE_ARG(name),
                            SLICE_ARG(name), slice_is(a->kind, "knowledge") ? " --knowledge" : "");
    if (v->state != VERSION_IN_REVIEW) return arena_printf(a->arena, SLICE_FMT " is %s", SLICE_ARG(name), version_state_name(v->state));
    unsigned missing = s->approvals < s->needed ? s->needed - s->approvals : 0;
    approvals = missing == 0 ? SLICE("no approval is missing")
                             : arena_printf(a->arena, "%u approval%s needed, not by " SLICE_FMT, missing, missing == 1 ? " is" : "s are",
                                            SLICE_ARG(not_by(a, v)));
    return arena_printf(a->arena, SLICE_FMT " is in review as %s: " SLICE_FMT ", and " SLICE_FMT, SLICE_ARG(name),
                        change_class_name(lifecycle_class(v)), SLICE_ARG(approvals), SLICE_ARG(gate_words(s)));
}

static enum fault commit(const struct act *a, struct change *c, const struct review *r, const struct review_state *s, struct act_outcome *ret,
                         struct error *error) {
    enum fault fault = ground_commit(a, c, r->v.version, ret, error);
    if (fault == FAULT_NONE) ret->words = words_of(a, &ret->version, s);
    return fault;
}

static enum fault already(const struct act *a, const struct review *r, struct act_outcome *ret) {
    struct review_state s;
    lifecycle_review(&r->v, r->said, r->n, &a->policy->of[r->class], &s);
    *ret = (struct act_outcome){.subject = r->g.subject, .version = r->v, .already = true, .words = words_of(a, &r->v, &s)};
    return FAULT_NONE;
}

/* ---- acts ---- */

static struct change begin(const struct act *a, const struct review *r, const char *action, const char *how, struct slice evidence) {
    return ground_change(a, &r->g, action_of(a, action), arena_printf(a->arena, "%s @%lld", how, (long long)r->v.version), evidence);
}

enum fault act_submit(const struct act *a, int raise_to, struct act_outcome *ret, struct error *error) {
    struct review r;
    enum fault fault = find(a, &r, error);
    if (fault == FAULT_NONE) fault = need_reason(a, "submitting", error);
    if (fault != FAULT_NONE) return fault;
    if (raise_to >= 0 && raise_to < (int)r.class)
        return error_set(error, FAULT_CONFLICT, SLICE_FMT " is %s: a person may raise its class, never lower it", SLICE_ARG(of_version(a, &r.v)),
                         change_class_name(r.class));
    if (raise_to > (int)r.class) r.class = (enum change_class)raise_to;
    bool in_review = r.v.state == VERSION_IN_REVIEW;
    if (in_review && r.class == lifecycle_class(&r.v)) return already(a, &r, ret);
    if (!in_review && (fault = check_state(a, &r, ACT_SUBMIT, error)) != FAULT_NONE) return fault;
    struct change c = begin(a, &r, "submit", in_review ? "raised the class of" : "submitted", SLICE_NULL);
    raise_class(&c, &r);
    if (!in_review) {
        c.approval = say(a, &r, "submit");
        ground_move(&c, r.v.version, r.v.state, VERSION_IN_REVIEW);
    }
    if (a->policy->of[r.class].gate) set_gate(&c, &r, waiting_gate(a, &r, SLICE_NULL)); /* suites and bounds are its class's */
    struct review_state s = complete(a, &c, &r);
    return commit(a, &c, &r, &s, ret, error);
}

static enum fault not_the_author(const struct act *a, const struct review *r, struct error *error) {
    if (!lifecycle_is_author(&r->v, a->who.name)) return FAULT_NONE;
    return error_set(error, FAULT_NOT_PERMITTED,
                     SLICE_FMT ": review refused to the author: " SLICE_FMT " made it (author " SLICE_FMT ", applied by " SLICE_FMT
                               "). Anybody else with the role approver or admin may review it",
                     SLICE_ARG(of_version(a, &r->v)), SLICE_ARG(a->who.name), SLICE_ARG(r->v.author), SLICE_ARG(r->v.applied_by));
}

/* How many different people's approvals count. */
static unsigned approvals_of(const struct act *a, const struct review *r) {
    struct review_state s;
    lifecycle_review(&r->v, r->said, r->n, &a->policy->of[r->class], &s);
    return s.approvals;
}

enum fault act_approve(const struct act *a, struct act_outcome *ret, struct error *error) {
    struct review r;
    enum fault fault = find(a, &r, error);
    if (fault == FAULT_NONE) fault = check_state(a, &r, ACT_APPROVE, error);
    if (fault == FAULT_NONE) fault = not_the_author(a, &r, error);
    if (fault != FAULT_NONE) return fault;
    struct change c = begin(a, &r, "approve", "approved", SLICE_NULL);
    unsigned before = approvals_of(a, &r);
    c.approval = say(a, &r, "approve");
    if (approvals_of(a, &r) == before) {
        r.n--;
        return already(a, &r, ret);
    }
    raise_class(&c, &r);
    struct review_state s = complete(a, &c, &r);
    return commit(a, &c, &r, &s, ret, error);
}

enum fault act_reject(const struct act *a, struct act_outcome *ret, struct error *error) {
    struct review r;
    enum fault fault = find(a, &r, error);
    if (fault == FAULT_NONE) fault = need_reason(a, "rejecting", error);
    if (fault == FAULT_NONE && r.v.state == VERSION_REJECTED) return already(a, &r, ret);
    if (fault == FAULT_NONE) fault = check_state(a, &r, ACT_REJECT, error);
    if (fault != FAULT_NONE) return fault;
    struct change c = begin(a, &r, "reject", "rejected", SLICE_NULL);
    struct review_state s = {.needed = 0};
    c.approval = say(a, &r, "reject");
    ground_move(&c, r.v.version, r.v.state, VERSION_REJECTED);
    return commit(a, &c, &r, &s, ret, error);
}

enum fault act_gate_again(const struct act *a, struct act_outcome *ret, struct error *error) {
    struct review r;
    struct review_state s;
    enum fault fault = find(a, &r, error);
    if (fault == FAULT_NONE) fault = check_state(a, &r, ACT_GATE, error);
    if (fault != FAULT_NONE) return fault;
    bool in_review = r.v.state == VERSION_IN_REVIEW;
    lifecycle_review(&r.v, r.said, r.n, &a->policy->of[r.class], &s);
    if (s.gate == GATE_NOT_ASKED || (in_review && (s.gate == GATE_WAITING || s.gate == GATE_RUNNING))) return already(a, &r, ret);
    struct change c = begin(a, &r, "gate", "asked the gate again of", SLICE_NULL);
    raise_class(&c, &r);
    ground_move(&c, r.v.version, r.v.state, VERSION_IN_REVIEW); /* evaluated: until it has said yes again */
    set_gate(&c, &r, waiting_gate(a, &r, SLICE_NULL));
    s = complete(a, &c, &r);
    return commit(a, &c, &r, &s, ret, error);
}

enum fault act_gate(const struct act *a, struct slice gate, struct act_outcome *ret, struct error *error) {
    struct review r;
    enum fault fault = find(a, &r, error);
    if (fault == FAULT_NONE) fault = check_state(a, &r, ACT_EVALUATED, error);
    if (fault != FAULT_NONE) return fault;
    struct change c = begin(a, &r, "gate", "the gate ended of", gate);
    bool grew = (int)r.class > (int)lifecycle_class(&r.v);
    raise_class(&c, &r);
    set_gate(&c, &r, gate);
    if (grew) set_gate(&c, &r, waiting_gate(a, &r, SLICE("its class is higher against what is in production by now"))); /* other suites, other bounds */
    struct review_state s = complete(a, &c, &r);
    return commit(a, &c, &r, &s, ret, error);
}
