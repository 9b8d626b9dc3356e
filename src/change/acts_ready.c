/* acts_ready.c - may this version be tried on traffic as things stand now: its gate still stands, and what clients send can be right for it
 * and for what serves. See acts_ground.h. */
#include "change/acts_ground.h"
#include "change/gate.h"
#include "change/versions.h"

/* ---- the gate ---- */

static bool is_overridden(const struct change_approval *said, unsigned n) {
    bool overridden = false;
    for (unsigned i = 0; i < n; i++) overridden = slice_is(said[i].verdict, "override") || (overridden && !slice_is(said[i].verdict, "submit"));
    return overridden;
}

static enum fault gate_ready(const struct act *a, const struct ground *g, const struct change_version *v, struct error *error) {
    const struct class_policy *p = &a->policy->of[lifecycle_class(v)];
    struct change_approval *said = NULL;
    struct review_state s;
    struct slice why = SLICE("it has not said yes");
    unsigned n = 0;
    enum fault fault = changes_approvals(a->registry, a->kind, a->name, v->version, a->arena, &said, &n, error);
    if (fault != FAULT_NONE || !p->gate || is_overridden(said, n)) return fault;
    lifecycle_review(v, said, n, p, &s);
    if (s.gate == GATE_YES && gate_stands(v->gate, g->subject.production, v->facts, p, a->arena, &why)) return FAULT_NONE;
    return error_set(error, FAULT_CONFLICT,
                     SLICE_FMT "@%lld: its gate does not stand any more: " SLICE_FMT ". `quarterdeck " SLICE_FMT " gate " SLICE_FMT "@%lld --why TEXT` asks it again",
                     SLICE_ARG(a->name), (long long)v->version, SLICE_ARG(why), SLICE_ARG(a->kind), SLICE_ARG(a->name), (long long)v->version);
}

/* ---- the variables ---- */

static const struct prompt_variable *variable_of(const struct prompt *p, struct slice name) {
    for (unsigned i = 0; i < p->n_variables; i++)
        if (slice_eq(p->variables[i].name, name)) return &p->variables[i];
    return NULL;
}

/* What `one` requires and `other` does not: *ret_none when `other` has none of that name, and refuses it; else *ret_optional. */
static void missing(const struct prompt *one, const struct prompt *other, struct slice *ret_none, struct slice *ret_optional) {
    *ret_none = *ret_optional = SLICE_NULL;
    for (unsigned i = 0; i < one->n_variables; i++) {
        const struct prompt_variable *x = &one->variables[i], *y = variable_of(other, x->name);
        if (x->required && y == NULL) *ret_none = x->name;
        if (x->required && y != NULL && !y->required) *ret_optional = x->name;
    }
}

/* An optional one that is gone: who sends it still is refused. */
static struct slice gone(const struct prompt *before, const struct prompt *after) {
    for (unsigned i = 0; i < before->n_variables; i++)
        if (variable_of(after, before->variables[i].name) == NULL) return before->variables[i].name;
    return SLICE_NULL;
}

static enum fault variables_ready(const struct act *a, const struct change_version *v, const struct change_version *serves, bool beside, struct slice *ret_warning,
                                  struct error *error) {
    struct prompt before, after;
    struct slice none, optional, lost, unused;
    enum fault fault = version_prompt(serves, a->arena, &before, error);
    if (fault == FAULT_NONE) fault = version_prompt(v, a->arena, &after, error);
    if (fault != FAULT_NONE) return fault;
    missing(&after, &before, &none, &optional);
    missing(&before, &after, &lost, &unused);
    if (beside && none.len > 0)
        return error_set(error, FAULT_CONFLICT,
                         "@%lld requires the variable `" SLICE_FMT "`, and @%lld, which serves, refuses it: no request is right for both. Give it a default first; "
                         "when clients send it, require it", (long long)v->version, SLICE_ARG(none), (long long)serves->version);
    if (beside && lost.len > 0)
        return error_set(error, FAULT_CONFLICT,
                         "@%lld refuses the variable `" SLICE_FMT "`, and @%lld, which serves, requires it: no request is right for both. Give it a default first; "
                         "when no client sends it any more, remove it", (long long)v->version, SLICE_ARG(lost), (long long)serves->version);
    struct slice needs = none.len > 0 ? none : optional, refuses = gone(&before, &after);
    if (needs.len > 0) *ret_warning = arena_printf(a->arena, ". It requires `" SLICE_FMT "`: clients that do not send it are refused (prompt_variable_missing), which no guardrail sees", SLICE_ARG(needs));
    else if (refuses.len > 0) *ret_warning = arena_printf(a->arena, ". It has no `" SLICE_FMT "` any more: clients that send it are refused (prompt_variable_unknown), which no guardrail sees", SLICE_ARG(refuses));
    return FAULT_NONE;
}

enum fault ground_ready(const struct act *a, const struct ground *g, const struct change_version *v, bool beside, struct slice *ret_warning, struct error *error) {
    struct change_version serves;
    *ret_warning = SLICE("");
    enum fault fault = gate_ready(a, g, v, error);
    if (fault != FAULT_NONE || g->subject.production == 0 || !slice_is(a->kind, "prompt")) return fault;
    fault = ground_version(a, g->subject.production, &serves, error);
    return fault == FAULT_NONE ? variables_ready(a, v, &serves, beside, ret_warning, error) : fault;
}
