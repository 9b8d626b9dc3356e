/* acts_rollback.c - what serves, by one command: rollback and labels. See acts.h. */
#include "change/acts_ground.h"
#include "store/emergency.h"

#define ALL_PPM 1000000u
#define SAME_ROLLBACK_US (15 * 60000000LL) /* a bare rollback so soon after another is the same one, by somebody else */
#define ROWS 200                           /* of rollouts that are looked through for what served before */

static enum fault may(const struct act *a, int severity, struct error *error) {
    unsigned at = severity >= 1 && severity <= SEVERITIES ? (unsigned)severity - 1 : SEVERITIES - 1;
    int least = a->policy->rollback[at];
    if ((int)a->who.role >= least) return FAULT_NONE;
    return error_set(error, FAULT_NOT_PERMITTED, "a rollback %s%.0d needs the role %s (change_policy.rollback); " SLICE_FMT " has the role %s",
                     severity > 0 ? "with SEV-" : "without a severity", severity, user_role_name((enum user_role)least), SLICE_ARG(a->who.name), user_role_name(a->who.role));
}

/* What served before `version`: the control of the newest rollout that brought it into production; 0: not known. */
static enum fault former_of(const struct act *a, int64_t version, int64_t *ret, struct error *error) {
    struct rollout_row *rows;
    unsigned n;
    enum fault fault = rollouts_list(a->registry, a->kind, a->name, false, ROWS, a->arena, &rows, &n, error);
    *ret = 0;
    for (unsigned i = 0; fault == FAULT_NONE && i < n && *ret == 0; i++)
        if (rows[i].candidate == version && rows[i].weight_ppm == ALL_PPM && rows[i].control != version) *ret = rows[i].control;
    return fault;
}

/* FAULT_CONFLICT where a version was taken back before it ever served everybody: what its guardrails or a person said still holds. */
static enum fault has_served(const struct act *a, const struct ground *g, const struct change_version *v, struct error *error) {
    struct rollout_row *rows;
    unsigned n;
    if (v->state != VERSION_ROLLED_BACK || v->version == g->subject.launched) return FAULT_NONE;
    enum fault fault = rollouts_list(a->registry, a->kind, a->name, false, 0, a->arena, &rows, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
        if ((rows[i].candidate == v->version && rows[i].weight_ppm == ALL_PPM) || rows[i].control == v->version) return FAULT_NONE;
    if (fault != FAULT_NONE) return fault;
    return error_set(error, FAULT_CONFLICT, SLICE_FMT "@%lld was never in production: its rollout was ended before. `quarterdeck prompt submit " SLICE_FMT "@%lld` begins anew",
                     SLICE_ARG(a->name), (long long)v->version, SLICE_ARG(a->name), (long long)v->version);
}

struct plan_back {
    int64_t to;                  /* what serves then */
    bool already;
    struct slice words;
};

static bool just_now(const struct act *a, int64_t then_us) {
    return then_us > 0 && a->at_us - then_us < SAME_ROLLBACK_US && then_us - a->at_us < SAME_ROLLBACK_US;
}

/* Somebody has gone back already; what else was changed of the prompt since, or before, is no rollback. */
static bool back_just_now(const struct act *a, const struct ground *g) {
    const struct rollout_row *r = &g->last;
    if (r->number == 0 || r->state == ROLLOUT_PROMOTED || r->candidate == g->subject.production) return false;
    return just_now(a, r->ended_us) || (slice_starts(g->subject.changed_how, SLICE("rolled back")) && just_now(a, g->subject.changed_us));
}

static enum fault decide_bare(const struct act *a, const struct ground *g, struct plan_back *ret, struct error *error) {
    int64_t former;
    const struct rollout_row *r = &g->last;
    *ret = (struct plan_back){.to = g->subject.production};
    if (a->serves != 0) {
        ret->already = true;
        ret->words = arena_printf(a->arena, SLICE_FMT "@%lld serves already, by a rollback that waits for room on the disk. Another: `quarterdeck rollback " SLICE_FMT " --to V`",
                                  SLICE_ARG(a->name), (long long)a->serves, SLICE_ARG(a->name));
        ret->to = a->serves;
        return FAULT_NONE;
    }
    if (ground_under_way(g)) return FAULT_NONE; /* ends it: what was in production still is */
    if (g->subject.production == 0) return error_set(error, FAULT_CONFLICT, "nothing of " SLICE_FMT " is in production: there is nothing to go back from", SLICE_ARG(a->name));
    enum fault fault = former_of(a, g->subject.production, &former, error);
    if (fault != FAULT_NONE) return fault;
    if (back_just_now(a, g)) {
        ret->already = true;
        ret->words = arena_printf(a->arena, SLICE_FMT "@%lld serves already, @%lld was taken back. The last change: " SLICE_FMT, SLICE_ARG(a->name),
                                  (long long)g->subject.production, (long long)r->candidate, SLICE_ARG(ground_last(a, &g->subject)));
        if (former != 0)
            ret->words = arena_printf(a->arena, SLICE_FMT ". Further back: `quarterdeck rollback " SLICE_FMT " --to %lld`", SLICE_ARG(ret->words), SLICE_ARG(a->name), (long long)former);
        return FAULT_NONE;
    }
    ret->to = former;
    if (g->subject.production == 0)
        return error_set(error, FAULT_CONFLICT, "nothing of " SLICE_FMT " is in production: there is nothing to take back", SLICE_ARG(a->name));
    if (former == 0)
        return error_set(error, FAULT_CONFLICT, "nothing is known to have been in production before " SLICE_FMT "@%lld; `quarterdeck rollback " SLICE_FMT " --to V` says where to",
                         SLICE_ARG(a->name), (long long)g->subject.production, SLICE_ARG(a->name));
    return FAULT_NONE;
}

static enum fault decide_to(const struct act *a, const struct ground *g, struct plan_back *ret, struct error *error) {
    struct change_version v;
    enum version_state next;
    enum fault fault = changes_version(a->registry, a->kind, a->name, a->which, a->arena, &v, error);
    if (fault != FAULT_NONE) return fault;
    *ret = (struct plan_back){.to = v.version};
    if (v.version != g->subject.production) fault = lifecycle_next(v.state, ACT_RESTORE, &next, error);
    if (v.version != g->subject.production && fault == FAULT_NONE) fault = has_served(a, g, &v, error);
    if (v.version != (a->serves != 0 ? a->serves : g->subject.production)) return fault;
    ret->already = a->serves != 0 || !ground_under_way(g);
    ret->words = arena_printf(a->arena, SLICE_FMT "@%lld serves already. The last change: " SLICE_FMT, SLICE_ARG(a->name), (long long)v.version,
                              SLICE_ARG(ground_last(a, &g->subject)));
    return FAULT_NONE;
}

/* A bare one ends a rollout and leaves production: whoever meant that, too, gets the command. */
static struct slice say_ended(const struct act *a, const struct ground *g, int64_t to) {
    struct error none;
    int64_t former;
    struct slice words = arena_printf(a->arena, SLICE_FMT "@%lld serves everybody, as it did beside the rollout of @%lld, which is aborted", SLICE_ARG(a->name),
                                      (long long)to, (long long)g->last.candidate);
    if (former_of(a, to, &former, &none) != FAULT_NONE || former == 0) return words;
    return arena_printf(a->arena, SLICE_FMT ". Was @%lld wrong too: `quarterdeck rollback " SLICE_FMT " --to %lld`", SLICE_ARG(words), (long long)to,
                        SLICE_ARG(a->name), (long long)former);
}

/* What it did, and how to undo it. */
static struct slice say(const struct act *a, const struct ground *g, int64_t to) {
    if (to == g->subject.production && ground_under_way(g)) return say_ended(a, g, to);
    struct slice words = arena_printf(a->arena, SLICE_FMT "@%lld serves", SLICE_ARG(a->name), (long long)to);
    if (to != g->subject.production)
        words = arena_printf(a->arena, SLICE_FMT ", in place of @%lld", SLICE_ARG(words), (long long)g->subject.production);
    if (ground_under_way(g)) words = arena_printf(a->arena, SLICE_FMT "; the rollout of @%lld is aborted", SLICE_ARG(words), (long long)g->last.candidate);
    if (to != g->subject.production)
        words = arena_printf(a->arena, SLICE_FMT ". To undo: `quarterdeck rollback " SLICE_FMT " --to %lld%s`", SLICE_ARG(words), SLICE_ARG(a->name),
                             (long long)g->subject.production, slice_is(a->kind, "knowledge") ? " --knowledge" : "");
    if (slice_is(a->kind, "knowledge") && to != g->subject.production)
        words = arena_printf(a->arena, SLICE_FMT ". Documents to restore: `quarterdeck knowledge diff " SLICE_FMT "@%lld --to %lld`", SLICE_ARG(words), SLICE_ARG(a->name),
                             (long long)g->subject.production, (long long)to);
    return words;
}

static enum fault change_back(const struct act *a, const struct ground *g, int64_t to, struct act_outcome *ret, struct error *error) {
    int64_t from = g->subject.production;
    struct rollout_row row = g->last;
    struct change_version v;
    struct slice how = to == from && !ground_under_way(g) ? arena_printf(a->arena, "went back to @%lld", (long long)to)
                       : to == from ? arena_printf(a->arena, "aborted the rollout of @%lld by a rollback", (long long)row.candidate)
                                  : arena_printf(a->arena, "rolled back from @%lld to @%lld", (long long)from, (long long)to);
    struct change c = ground_change(a, g, "rollback", how, SLICE_NULL);
    enum fault fault = ground_version(a, to, &v, error);
    if (fault != FAULT_NONE) return fault;
    if (to != from) {
        ground_move(&c, from, VERSION_PRODUCTION, VERSION_ROLLED_BACK);
        ground_move(&c, to, v.state, VERSION_PRODUCTION);
        c.production = to;
    }
    if (ground_under_way(g)) {
        ground_move(&c, row.candidate, row.stage == STAGE_SHADOW ? VERSION_SHADOW : VERSION_CANARY, VERSION_ROLLED_BACK);
        row.state = ROLLOUT_ABORTED;
        row.weight_ppm = 0;
        row.ended_us = a->at_us;
        c.rollout = &row;
    } else if (row.number != 0 && row.candidate == from && row.state == ROLLOUT_PROMOTED) {
        row.state = ROLLOUT_ROLLED_BACK; /* its weight stays: it was in production */
        row.ended_us = a->at_us;
        c.rollout = &row;
    }
    if (c.rollout) row.why = a->why.len > 0 ? a->why : how;
    return ground_commit(a, &c, to, ret, error);
}

enum fault act_roll_back(const struct act *a, int severity, struct act_outcome *ret, struct emergency_entry *ret_emergency,
                         struct error *error) {
    struct ground g;
    struct plan_back p = {.to = 0};
    enum fault fault = may(a, severity, error);
    if (fault == FAULT_NONE) fault = ground_find(a, &g, error);
    if (fault == FAULT_NONE) fault = slice_is_null(a->which) || a->which.len == 0 ? decide_bare(a, &g, &p, error) : decide_to(a, &g, &p, error);
    if (fault != FAULT_NONE) return fault;
    struct act_outcome o = {.subject = g.subject, .rollout = g.last, .already = p.already, .words = p.words};
    if (p.already) {
        fault = ground_version(a, p.to, &o.version, error);
    } else {
        fault = change_back(a, &g, p.to, &o, error);
        o.words = say(a, &g, p.to);
    }
    if (fault == FAULT_NO_SPACE)
        *ret_emergency = (struct emergency_entry){.kind = a->kind, .name = a->name, .actor = a->who.name, .why = a->why, .to = p.to, .at_us = a->at_us,
                                                  .rollout = ground_under_way(&g) ? g.last.number : 0, .revision = g.subject.revision};
    if (fault == FAULT_NONE || fault == FAULT_NO_SPACE) *ret = o;
    return fault;
}

/* ---- labels ---- */

static bool is_label(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '-' || s.at[i] == '_' || s.at[i] == '.')) return false;
    return s.len > 0 && s.len <= LIMIT_LABEL && s.at[0] >= 'a';
}

enum fault act_label(const struct act *a, struct slice label, struct act_outcome *ret, struct error *error) {
    struct ground g;
    struct change_version v = {.version = 0};
    struct change_label *labels;
    unsigned n;
    bool none = slice_is_null(a->which) || a->which.len == 0;
    if (!is_label(label)) return error_set(error, FAULT_BAD_REQUEST, "label: expected a lower-case letter, then letters, digits, - _ . ; found '" SLICE_FMT "'", SLICE_ARG(label));
    if (slice_is(label, "production"))
        return error_set(error, FAULT_CONFLICT, "production is no label to set: `quarterdeck rollout start` and `quarterdeck rollback` decide what it is");
    enum fault fault = ground_find(a, &g, error);
    if (fault == FAULT_NONE && !none) fault = changes_version(a->registry, a->kind, a->name, a->which, a->arena, &v, error);
    if (fault == FAULT_NONE) fault = changes_labels(a->registry, a->arena, &labels, &n, error);
    if (fault != FAULT_NONE) return fault;
    int64_t now = 0;
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(labels[i].kind, a->kind) && slice_eq(labels[i].name, a->name) && slice_eq(labels[i].label, label)) now = labels[i].version;
    struct slice words = none ? arena_printf(a->arena, "no version of " SLICE_FMT " is " SLICE_FMT, SLICE_ARG(a->name), SLICE_ARG(label))
                              : arena_printf(a->arena, SLICE_FMT "@%lld is " SLICE_FMT, SLICE_ARG(a->name), (long long)v.version, SLICE_ARG(label));
    struct act_outcome o = {.subject = g.subject, .version = v, .already = true};
    if (now != v.version) {
        struct change c = ground_change(a, &g, "label", words, SLICE_NULL);
        c.label = label;
        c.label_version = v.version;
        fault = ground_commit(a, &c, v.version, &o, error);
    }
    o.words = words;
    if (fault == FAULT_NONE) *ret = o;
    return fault;
}
