#include "change/lifecycle.h"

#include <stdio.h>

#define NOWHERE VERSION_STATES

/* What is asked for, as a word and as what was done to it; `by_people`: somebody can type it. */
static const struct action {
    const char *name, *done;
    bool by_people;
} actions[ACT_COUNT] = {
    [ACT_SUBMIT] = {"submit", "submitted", true},
    [ACT_APPROVE] = {"approve", "approved", true},
    [ACT_REJECT] = {"reject", "rejected", true},
    [ACT_OVERRIDE] = {"override", "put past review and gate", true},
    [ACT_EVALUATED] = {"evaluated", "evaluated", false},
    [ACT_START] = {"rollout start", "rolled out", true},
    [ACT_TO_CANARY] = {"canary", "tried as a canary", false},
    [ACT_PROMOTE] = {"rollout promote", "promoted", true},
    [ACT_FAIL] = {"fail", "rolled back by its guardrails", false},
    [ACT_ABORT] = {"rollout abort", "aborted", true},
    [ACT_ROLL_BACK] = {"rollback", "rolled back", true},
    [ACT_RESTORE] = {"rollback --to", "rolled back to", true},
    [ACT_SUPERSEDE] = {"supersede", "superseded", false},
    [ACT_GATE] = {"gate", "put before its gate again", true},
};

/* Where each action leads; what is not here is refused. START leads to the first stage of a long way; shorter ways begin with
 * TO_CANARY or PROMOTE from EVALUATED. */
static const struct transition {
    enum version_state from;
    enum change_action action;
    enum version_state to;
} transitions[] = {
    {VERSION_DRAFT, ACT_SUBMIT, VERSION_IN_REVIEW},
    {VERSION_IN_REVIEW, ACT_APPROVE, VERSION_IN_REVIEW},
    {VERSION_IN_REVIEW, ACT_REJECT, VERSION_REJECTED},
    {VERSION_IN_REVIEW, ACT_OVERRIDE, VERSION_EVALUATED},
    {VERSION_IN_REVIEW, ACT_EVALUATED, VERSION_EVALUATED},
    {VERSION_IN_REVIEW, ACT_GATE, VERSION_IN_REVIEW},
    {VERSION_EVALUATED, ACT_GATE, VERSION_IN_REVIEW},
    {VERSION_EVALUATED, ACT_REJECT, VERSION_REJECTED},
    {VERSION_EVALUATED, ACT_START, VERSION_SHADOW},
    {VERSION_EVALUATED, ACT_TO_CANARY, VERSION_CANARY},
    {VERSION_EVALUATED, ACT_PROMOTE, VERSION_PRODUCTION},
    {VERSION_SHADOW, ACT_TO_CANARY, VERSION_CANARY},
    {VERSION_SHADOW, ACT_FAIL, VERSION_ROLLED_BACK},
    {VERSION_SHADOW, ACT_ABORT, VERSION_ROLLED_BACK},
    {VERSION_CANARY, ACT_PROMOTE, VERSION_PRODUCTION},
    {VERSION_CANARY, ACT_FAIL, VERSION_ROLLED_BACK},
    {VERSION_CANARY, ACT_ABORT, VERSION_ROLLED_BACK},
    {VERSION_PRODUCTION, ACT_ROLL_BACK, VERSION_ROLLED_BACK},
    {VERSION_PRODUCTION, ACT_SUPERSEDE, VERSION_SUPERSEDED},
    {VERSION_REJECTED, ACT_SUBMIT, VERSION_IN_REVIEW},
    {VERSION_ROLLED_BACK, ACT_SUBMIT, VERSION_IN_REVIEW},
    {VERSION_ROLLED_BACK, ACT_RESTORE, VERSION_PRODUCTION},
    {VERSION_SUPERSEDED, ACT_RESTORE, VERSION_PRODUCTION},
};

const char *change_action_name(enum change_action a) { return (unsigned)a < ACT_COUNT ? actions[a].name : "unknown"; }

static enum version_state next_of(enum version_state from, enum change_action a) {
    for (unsigned i = 0; i < sizeof transitions / sizeof *transitions; i++)
        if (transitions[i].from == from && transitions[i].action == a) return transitions[i].to;
    return NOWHERE;
}

enum fault lifecycle_next(enum version_state from, enum change_action a, enum version_state *ret, struct error *error) {
    enum version_state to = (unsigned)a < ACT_COUNT ? next_of(from, a) : NOWHERE;
    char possible[160] = "";
    size_t used = 0;
    if (to != NOWHERE) {
        *ret = to;
        return FAULT_NONE;
    }
    for (unsigned i = 0; i < ACT_COUNT && used < sizeof possible; i++)
        if (actions[i].by_people && next_of(from, (enum change_action)i) != NOWHERE)
            used += (size_t)snprintf(possible + used, sizeof possible - used, "%s%s", used > 0 ? ", " : "", actions[i].name);
    return error_set(error, FAULT_CONFLICT, "it is %s%s and cannot be %s; possible now: %s", from == VERSION_DRAFT ? "a " : "", version_state_name(from),
                     (unsigned)a < ACT_COUNT ? actions[a].done : "changed", used > 0 ? possible : "nothing");
}

/* ---- who is who ---- */

/* "Anna B <anna@example.org>", "anna@example.org", "anna" */
struct person {
    struct slice whole, name, mail, local;
};

static struct person person_of(struct slice text) {
    struct person p = {.whole = slice_trim(text)};
    struct slice name, rest, mail, behind, domain;
    if (slice_cut(p.whole, '<', &name, &rest) && slice_cut(rest, '>', &mail, &behind)) {
        p.name = slice_trim(name);
        p.mail = slice_trim(mail);
    } else if (p.whole.len > 0 && memchr(p.whole.at, '@', p.whole.len) != NULL) {
        p.mail = p.whole;
    } else {
        p.name = p.whole;
    }
    if (p.mail.len > 0) slice_cut(p.mail, '@', &p.local, &domain);
    return p;
}

static bool same_text(struct slice a, struct slice b) { return a.len > 0 && slice_eq_nocase(a, b); }

/* In doubt the same: a review too many is the smaller loss. Two mail addresses of different places are two people, though. */
static bool same_person(struct slice one, struct slice other) {
    struct person a = person_of(one), b = person_of(other);
    if (same_text(a.whole, b.whole) || same_text(a.name, b.name) || same_text(a.mail, b.mail)) return true;
    return (a.mail.len == 0 && same_text(a.name, b.local)) || (b.mail.len == 0 && same_text(b.name, a.local));
}

bool lifecycle_is_author(const struct change_version *v, struct slice person) {
    return same_person(v->author, person) || same_person(v->applied_by, person);
}

/* ---- review ---- */

static int gate_of(const struct change_version *v) {
    struct arena arena;
    struct json_doc d;
    int state = GATE_WAITING;
    if (slice_is_null(v->gate)) return state;
    arena_init(&arena, 4 << 10, 4 << 20);
    if (json_read(v->gate, &arena, 1, &d, NULL) == FAULT_NONE) {
        uint32_t verdict = json_get(&d, 0, "verdict");
        if (json_is(&d, json_get(&d, 0, "state"), "running")) state = GATE_RUNNING;
        if (json_is(&d, json_get(&d, 0, "state"), "done"))
            state = json_is(&d, verdict, "yes") ? GATE_YES : json_is(&d, verdict, "no") ? GATE_NO : GATE_UNDECIDED;
    }
    arena_deinit(&arena);
    return state;
}

void lifecycle_review(const struct change_version *v, const struct change_approval *approvals, unsigned n, const struct class_policy *p,
                      struct review_state *ret) {
    unsigned first = 0;
    struct review_state s = {.needed = p->reviewers};
    for (unsigned i = 0; i < n; i++)
        if (slice_is(approvals[i].verdict, "submit")) first = i + 1; /* what was said of an earlier round is over */
    for (unsigned i = first; i < n; i++) {
        bool counts = slice_is(approvals[i].verdict, "approve") && !lifecycle_is_author(v, approvals[i].by);
        s.rejected |= slice_is(approvals[i].verdict, "reject");
        for (unsigned k = first; k < i && counts; k++)
            counts = !slice_is(approvals[k].verdict, "approve") || !same_person(approvals[k].by, approvals[i].by);
        s.approvals += counts;
    }
    s.gate = p->gate ? gate_of(v) : GATE_NOT_ASKED;
    *ret = s;
}

bool lifecycle_is_evaluated(const struct review_state *s) {
    return !s->rejected && s->approvals >= s->needed && (s->gate == GATE_NOT_ASKED || s->gate == GATE_YES);
}

enum rollout_way lifecycle_way(const struct change_version *v, const struct change_subject *s, const struct change_policy *p) {
    return s->production == 0 || s->production == v->version ? ROLLOUT_DIRECT : p->of[lifecycle_class(v)].rollout;
}
