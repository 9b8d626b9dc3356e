/* Reviews of versions: submit, approve, reject, override, the look at an override, the gate; and how one stands. */
#include "control/api_change.h"

#include "base/clock.h"
#include "store/runs.h"
#include "store/users.h"

#include <stdio.h>

/* ---- what people do ---- */

/* Who may review it: a refusal names them. */
static struct slice who_may(struct api_call *c, const struct change_version *v) {
    struct slice list = SLICE("");
    for (unsigned i = 0; c->policy != NULL && i < c->policy->n_tokens; i++) {
        const struct operator_token *t = &c->policy->tokens[i];
        if (t->role < USER_APPROVER || lifecycle_is_author(v, slice_of(t->name))) continue;
        list = arena_printf(c->arena, SLICE_FMT "%s%s", SLICE_ARG(list), list.len > 0 ? ", " : "", t->name);
    }
    struct user *users;
    unsigned n = 0;
    struct error error;
    if (c->s->registry == NULL || users_list(c->s->registry, clock_wall_us(), c->arena, &users, &n, &error) != FAULT_NONE) n = 0;
    for (unsigned i = 0; i < n; i++) {
        if (users[i].role < USER_APPROVER || !users[i].enabled || lifecycle_is_author(v, users[i].name)) continue;
        list = arena_printf(c->arena, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(list), list.len > 0 ? ", " : "", SLICE_ARG(users[i].name));
    }
    return list;
}

static void fail_with_names(struct api_call *c, const struct act *a, const struct error *error) {
    struct change_version v;
    bool known = changes_version(a->registry, a->kind, a->name, a->which, a->arena, &v, NULL) == FAULT_NONE;
    struct slice names = known ? who_may(c, &v) : SLICE("");
    if (names.len > 0) api_fail(c, FAULT_NOT_PERMITTED, "%s: " SLICE_FMT, error->text, SLICE_ARG(names));
    else api_fail(c, FAULT_NOT_PERMITTED, "%s", error->text);
}

static void answer(struct api_call *c, const struct act *a, enum fault fault, const struct act_outcome *o, const struct error *error) {
    if (fault == FAULT_NOT_PERMITTED) {
        fail_with_names(c, a, error);
        return;
    }
    bool first = fault == FAULT_NONE && o->version.state == VERSION_PRODUCTION && !o->already;
    bool waits = fault == FAULT_NONE && o->version.state == VERSION_IN_REVIEW;
    if (api_change_answer(c, a, fault, o, first, error) && waits && c->s->gates_wanted != NULL) c->s->gates_wanted(c->s->change_ctx);
}

enum { TURNS = 3 };

static void run(struct api_call *c, enum fault (*act)(const struct act *a, struct act_outcome *ret, struct error *error)) {
    struct act a;
    struct act_outcome o = {.already = false};
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = FAULT_CONFLICT;
    if (!api_change_act(c, &a)) return;
    for (int i = 0; i < TURNS && fault == FAULT_CONFLICT; i++) { /* a gate that ended meanwhile is no reason to refuse who did not say what was seen */
        fault = act(&a, &o, &error);
        if (a.seen != 0) break;
    }
    answer(c, &a, fault, &o, &error);
}

void api_change_approve(struct api_call *c) { run(c, act_approve); }
void api_change_reject(struct api_call *c) { run(c, act_reject); }
void api_change_review_override(struct api_call *c) { run(c, act_review_override); }
void api_change_gate(struct api_call *c) { run(c, act_gate_again); }
void api_change_override(struct api_call *c) {
    run(c, act_override);
    if (!c->failed && c->s->findings_changed != NULL) c->s->findings_changed(c->s->watch_ctx);
}

void api_change_submit(struct api_call *c) {
    struct act a;
    struct act_outcome o = {.already = false};
    struct error error = {.fault = FAULT_NONE};
    enum change_class raise = CHANGE_MINOR;
    bool raised = change_class_from(api_text(c, "class"), &raise);
    if (api_change_act(c, &a)) answer(c, &a, act_submit(&a, raised ? (int)raise : -1, &o, &error), &o, &error);
}

/* ---- how it stands ---- */

struct progress {
    struct api_call *c;
    struct slice labels[2]; /* of the candidate's runs, of production's */
    unsigned n;
    int64_t since_us;
};
static bool put_run(void *ctx, const struct run_row *r) {
    struct progress *p = ctx;
    struct json_writer *w = &p->c->json;
    char run_name[32];
    bool ours = slice_eq(r->prompt, p->labels[0]) || slice_eq(r->prompt, p->labels[1]);
    if (r->started_us < p->since_us) return false;
    if (r->state != RUN_RUNNING || !ours || !slice_is(r->trigger, "gate")) return true;
    snprintf(run_name, sizeof run_name, "run-%lld", (long long)r->number);
    json_object(w);
    json_member_text(w, "run", run_name);
    json_member_string(w, "suite", r->suite);
    json_member_string(w, "of", r->prompt);
    json_member_i64(w, "done", r->done);
    json_member_i64(w, "planned", r->planned);
    json_object_end(w);
    p->n++;
    return true;
}

static struct slice label_of(struct api_call *c, const struct change_version *v, int64_t version) {
    return arena_printf(c->arena, "%s" SLICE_FMT "@%lld", slice_is(v->kind, "knowledge") ? "knowledge " : "", SLICE_ARG(v->name), (long long)version);
}

bool api_change_progress(struct api_call *c, const struct change_version *v, int64_t production) {
    struct error error = {.fault = FAULT_NONE};
    struct progress p = {.c = c, .labels = {label_of(c, v, v->version), label_of(c, v, production)}, .since_us = v->state_us};
    struct arena rows;
    enum fault fault = FAULT_NONE;
    json_key(&c->json, "progress");
    json_array(&c->json);
    arena_init(&rows, 64 << 10, 64 << 20);
    if (v->state == VERSION_IN_REVIEW && c->s->evaluations != NULL) fault = run_list(c->s->evaluations, SLICE_NULL, INT64_MAX, &rows, put_run, &p, &error);
    arena_deinit(&rows);
    json_array_end(&c->json);
    return api_check(c, fault, &error);
}

static const char *gate_name(int gate) {
    static const char *const names[] = {"not asked", "waiting", "running", "yes", "no", "not enough evidence"};
    return names[gate];
}

void api_change_review(struct api_call *c) {
    struct act a;
    struct change_subject subject = {.production = 0};
    struct change_version v = {.version = 0};
    struct change_approval *said = NULL;
    struct review_state s;
    struct error error = {.fault = FAULT_NONE};
    unsigned n = 0;
    if (!api_change_act(c, &a)) return;
    enum fault fault = changes_subject(a.registry, a.kind, a.name, c->arena, &subject, &error);
    if (fault == FAULT_NONE) fault = changes_version(a.registry, a.kind, a.name, a.which, c->arena, &v, &error);
    if (fault == FAULT_NONE) fault = changes_approvals(a.registry, a.kind, a.name, v.version, c->arena, &said, &n, &error);
    if (!api_check(c, fault, &error)) return;
    struct json_writer *w = &c->json;
    lifecycle_review(&v, said, n, &a.policy->of[lifecycle_class(&v)], &s);
    json_object(w);
    json_member_string(w, "kind", a.kind);
    json_member_string(w, "name", a.name);
    json_member_i64(w, "version", v.version);
    json_member_text(w, "state", version_state_name(v.state));
    json_member_text(w, "class", change_class_name(lifecycle_class(&v)));
    json_member_i64(w, "approvals_needed", s.needed);
    json_member_i64(w, "approvals", s.approvals);
    json_member_string(w, "author", v.author);
    json_member_string(w, "applied_by", v.applied_by);
    json_member_text(w, "gate_says", gate_name(s.gate));
    json_member_raw(w, "gate", slice_is_null(v.gate) ? SLICE("null") : v.gate);
    if (api_change_progress(c, &v, subject.production)) json_object_end(w);
}
