/* wire_change_build.c - from the registry to what the loops hold. */
#include "wire_change_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "change/ab.h"
#include "incident/action.h"
#include "store/live_prompts.h"
#include "store/servable.h"

#include <stdio.h>

#define NEWEST 16               /* versions of a prompt that may be asked for by name@V, beside those that serve */
#define READING (256u << 20)    /* most memory of one building: of what the registry says, not of what is kept */

struct built {                  /* a value of by_name */
    struct deployed d;
    uint64_t revision;          /* of the subject; 0: an emergency is on top, it is not taken over */
};

struct building {
    struct registry *registry;
    const struct deployments *before;
    struct deployments *d;
    unsigned kept_capacity;
    const struct emergency_entry *emergencies;
    unsigned n_emergencies;
    struct rollout_row *rollouts; /* under way */
    unsigned n_rollouts;
    struct change_label *labels;
    unsigned n_labels;
    struct arena *arena;        /* of this building */
};

static enum fault full(struct error *error) { return error_set(error, FAULT_TOO_LARGE, "no room for what the registry says that serves"); }

/* ---- versions ---- */

static bool keep(struct building *b, struct served_version *v) { /* takes the reference */
    struct deployments *d = b->d;
    if (d->n_kept == b->kept_capacity) {
        unsigned capacity = b->kept_capacity ? 2 * b->kept_capacity : 64;
        struct served_version **grown = arena_resize(&d->arena, d->kept, b->kept_capacity * sizeof *grown, capacity * sizeof *grown);
        if (!grown) {
            served_version_drop(v);
            return false;
        }
        d->kept = grown;
        b->kept_capacity = capacity;
    }
    d->kept[d->n_kept++] = v;
    return true;
}

static struct served_version *in_former(const struct built *former, const struct change_servable *s) {
    for (unsigned i = 0; former && i < former->d.n_versions; i++) {
        const struct served_version *v = former->d.versions[i];
        if (v->number == s->version && digest_eq(&v->prompt.digest, &s->digest) && slice_eq(v->human, s->human)) return (struct served_version *)v;
    }
    return NULL;
}

/* *ret NULL: it cannot be read, which is said; the rest serves. */
static enum fault version_of(struct building *b, const struct built *former, const struct change_servable *s, struct served_version **ret,
                             struct error *error) {
    struct served_version *v = in_former(former, s);
    struct slice body;
    *ret = NULL;
    if (v) {
        (void)served_version_hold(v);
    } else {
        enum fault fault = changes_body(b->registry, SLICE("prompt"), s->name, s->version, b->arena, &body, error);
        if (fault == FAULT_NONE) fault = served_version_new(s->version, s->human, body, &v, error);
        if (fault == FAULT_CORRUPT || fault == FAULT_NOT_FOUND) {
            log_event(LOG_ERROR, "a version of a prompt cannot be read and does not serve", "prompt", arena_text(b->arena, s->name), "error", error->text, NULL);
            return FAULT_NONE;
        }
        if (fault != FAULT_NONE) return fault;
    }
    if (!keep(b, v)) return full(error);
    *ret = v;
    return FAULT_NONE;
}

static const struct served_version *by_number(const struct deployed *d, int64_t number) {
    for (unsigned i = 0; i < d->n_versions; i++)
        if (d->versions[i]->number == number) return d->versions[i];
    return NULL;
}

static enum fault put_versions(struct building *b, const struct built *former, struct deployed *to, struct error *error) {
    struct change_servable *all;
    unsigned n, used = 0;
    enum fault fault = changes_servable(b->registry, SLICE("prompt"), to->name, NEWEST, b->arena, &all, &n, error);
    if (fault != FAULT_NONE) return fault;
    const struct served_version **versions = arena_new_array(&b->d->arena, const struct served_version *, n + 1);
    if (!versions) return full(error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        struct served_version *v = NULL;
        fault = version_of(b, former, &all[i], &v, error);
        if (v) versions[used++] = v;
    }
    to->versions = versions;
    to->n_versions = used;
    return fault;
}

/* An emergency may go back further than the newest. */
static enum fault version_for(struct building *b, const struct built *former, struct deployed *to, int64_t number, struct error *error) {
    struct change_version row;
    char text[24];
    struct served_version *v = NULL;
    to->production = by_number(to, number);
    if (to->production || number == 0) return FAULT_NONE;
    snprintf(text, sizeof text, "%lld", (long long)number);
    enum fault fault = changes_version(b->registry, SLICE("prompt"), to->name, slice_of(text), b->arena, &row, error);
    if (fault != FAULT_NONE) return fault;
    const struct change_servable s = {.name = to->name, .version = number, .digest = row.digest, .human = row.human};
    const struct served_version **versions = arena_new_array(&b->d->arena, const struct served_version *, to->n_versions + 1);
    if (!versions) return full(error);
    fault = version_of(b, former, &s, &v, error);
    if (!v) return fault;
    if (to->n_versions > 0) memcpy(versions, to->versions, to->n_versions * sizeof *versions);
    versions[to->n_versions++] = v;
    to->versions = versions;
    to->production = v;
    return FAULT_NONE;
}

/* ---- labels and rollouts ---- */

static enum fault put_labels(struct building *b, struct deployed *to, struct error *error) {
    unsigned n = 0;
    for (unsigned i = 0; i < b->n_labels; i++) n += slice_is(b->labels[i].kind, "prompt") && slice_eq(b->labels[i].name, to->name);
    if (n == 0) return FAULT_NONE;
    struct deployed_label *labels = arena_new_array(&b->d->arena, struct deployed_label, n);
    if (!labels) return full(error);
    to->labels = labels;
    for (unsigned i = 0; i < b->n_labels; i++) {
        if (!slice_is(b->labels[i].kind, "prompt") || !slice_eq(b->labels[i].name, to->name)) continue;
        const struct served_version *v = by_number(to, b->labels[i].version);
        if (v) labels[to->n_labels++] = (struct deployed_label){arena_slice(&b->d->arena, b->labels[i].label), v};
    }
    return FAULT_NONE;
}

static enum fault put_rollout(struct building *b, struct deployed *to, const struct rollout_row *row, struct error *error) {
    struct rollout_plan plan = {.sticky = STICKY_USER};
    struct deployed_rollout *r = arena_new(&b->d->arena, struct deployed_rollout);
    const struct served_version *candidate = by_number(to, row->candidate);
    if (!r) return full(error);
    if (row->stage != STAGE_AB && plan_read(row->plan, b->arena, &plan, error) != FAULT_NONE) {
        log_event(LOG_ERROR, "the plan of a rollout cannot be read: its candidate does not serve", "prompt", arena_text(b->arena, to->name), "error", error->text, NULL);
        return FAULT_NONE;
    }
    if (!candidate || !to->production) return FAULT_NONE;
    *r = (struct deployed_rollout){.id = row->number, .step = row->epoch, .candidate = candidate, .weight_ppm = row->stage == STAGE_SHADOW ? 0 : row->weight_ppm,
                                   .shadow_ppm = row->stage == STAGE_SHADOW && row->state == ROLLOUT_PROGRESSING ? plan.shadow.share_ppm : 0,
                                   .sticky = plan.sticky, .salt = row->salt};
    to->rollout = r;
    return FAULT_NONE;
}

/* ---- subjects ---- */

static const struct rollout_row *rollout_of(const struct building *b, struct slice name) {
    for (unsigned i = 0; i < b->n_rollouts; i++)
        if (slice_eq(b->rollouts[i].name, name)) return &b->rollouts[i];
    return NULL;
}

/* The last one that stands on what the registry says now: a newer change in it has overtaken the others. */
static const struct emergency_entry *emergency_of(const struct building *b, const struct change_subject *s) {
    const struct emergency_entry *found = NULL;
    for (unsigned i = 0; i < b->n_emergencies; i++)
        if (slice_is(b->emergencies[i].kind, "prompt") && slice_eq(b->emergencies[i].name, s->name) && b->emergencies[i].revision == s->revision)
            found = &b->emergencies[i];
    return found;
}

/* As it was: only the references are new. */
static enum fault take_over(struct building *b, const struct built *former, struct built *to, struct error *error) {
    const struct deployed *from = &former->d;
    const struct served_version **versions = arena_new_array(&b->d->arena, const struct served_version *, from->n_versions + 1);
    struct deployed_label *labels = arena_new_array(&b->d->arena, struct deployed_label, from->n_labels + 1);
    struct deployed_rollout *rollout = from->rollout ? arena_new(&b->d->arena, struct deployed_rollout) : NULL;
    if (!versions || !labels || (from->rollout && !rollout)) return full(error);
    for (unsigned i = 0; i < from->n_versions; i++) {
        versions[i] = from->versions[i];
        if (!keep(b, served_version_hold((struct served_version *)from->versions[i]))) return full(error);
    }
    for (unsigned i = 0; i < from->n_labels; i++)
        labels[i] = (struct deployed_label){arena_slice(&b->d->arena, from->labels[i].label), from->labels[i].version};
    if (rollout) *rollout = *from->rollout;
    to->d.production = from->production;
    to->d.versions = versions;
    to->d.n_versions = from->n_versions;
    to->d.labels = labels;
    to->d.n_labels = from->n_labels;
    to->d.rollout = rollout;
    return FAULT_NONE;
}

static enum fault put_subject(struct building *b, const struct change_subject *s, struct error *error) {
    const struct built *former = b->before ? table_get(&b->before->by_name, s->name) : NULL;
    const struct emergency_entry *e = emergency_of(b, s);
    const struct rollout_row *row = e ? NULL : rollout_of(b, s->name);
    struct built *to = arena_new(&b->d->arena, struct built);
    if (!to) return full(error);
    *to = (struct built){.d = {.name = arena_slice(&b->d->arena, s->name)}, .revision = e ? 0 : s->revision};
    enum fault fault;
    if (!e && former && former->revision == s->revision) {
        fault = take_over(b, former, to, error);
    } else {
        fault = put_versions(b, former, &to->d, error);
        if (fault == FAULT_NONE) fault = version_for(b, former, &to->d, e ? e->to : s->production, error);
        if (fault == FAULT_NONE) fault = put_labels(b, &to->d, error);
        if (fault == FAULT_NONE && row) fault = put_rollout(b, &to->d, row, error);
    }
    if (fault == FAULT_NONE) (void)table_put(&b->d->by_name, to->d.name, to);
    return fault;
}

static enum fault put_held(struct building *b, struct error *error) {
    struct model_change *all;
    unsigned n;
    enum fault fault = model_changes(b->registry, SLICE("held"), b->arena, &all, &n, error);
    if (fault != FAULT_NONE || n == 0) return fault;
    b->d->held = arena_new_array(&b->d->arena, struct held_model, n);
    if (!b->d->held) return full(error);
    for (unsigned i = 0; i < n; i++)
        if (all[i].held_to.len > 0)
            b->d->held[b->d->n_held++] = (struct held_model){arena_slice(&b->d->arena, all[i].model), arena_slice(&b->d->arena, all[i].held_to)};
    return FAULT_NONE;
}

/* ---- actions in force ---- */

/* One throttle goes on counting where its action does. */
static struct throttle *throttle_of(const struct deployments *before, int64_t number) {
    unsigned n = 0;
    const struct intervention *all = before ? deployments_of_kind(before, INTERVENTION_THROTTLE, &n) : NULL;
    for (unsigned i = 0; i < n; i++)
        if (all[i].number == number) return throttle_hold(all[i].throttle);
    return throttle_new();
}

/* False: it cannot be read or lacks what it needs, and holds nowhere, rather than everywhere. */
static bool scope_of(struct building *b, const struct action_row *row, struct intervention_spec *ret) {
    struct error error = {.fault = FAULT_NONE};
    struct intervention_spec s = {.kind = (enum intervention_kind)row->kind};
    char number[24];
    bool whole = intervention_spec_read(row->scope, b->arena, &s, &error) == FAULT_NONE;
    for (unsigned m = 0; whole && m < INTERVENTION_MEMBERS; m++) {
        struct slice *member = intervention_member(&s, (enum intervention_member)m);
        if (member->len == 0 && intervention_needs(s.kind, (enum intervention_member)m))
            whole = error_set(&error, FAULT_CORRUPT, "its scope has no %s", intervention_member_name((enum intervention_member)m)) == FAULT_NONE;
        *member = member->len > 0 ? arena_slice(&b->d->arena, *member) : SLICE_NULL;
    }
    if (whole) *ret = s;
    snprintf(number, sizeof number, "%lld", (long long)row->number);
    if (!whole) log_event(LOG_ERROR, "an action that should be in force cannot be read, and is not", "action", number, "error", error.text, NULL);
    return whole;
}

/* When a row's action began, by the clock that is not set. What it was goes on; before this process nothing was kept. */
static int64_t since_of(const struct deployments *before, const struct action_row *row, int64_t wall_us, int64_t mono_us) {
    for (unsigned i = 0; before && i < before->n_interventions; i++)
        if (before->interventions[i].number == row->number) return before->interventions[i].since_us;
    return row->at_us < wall_us ? mono_us - (wall_us - row->at_us) : mono_us;
}

static bool is_on_loops(const struct action_row *row, int64_t now_us) {
    return row->kind != INTERVENTION_ROLL_BACK && row->kind != INTERVENTION_ABORT && (row->until_us == 0 || row->until_us > now_us);
}

static enum fault put_interventions(struct building *b, struct error *error) {
    const struct actions_filter in_force = {.states = ACTIONS_IN_FORCE};
    struct deployments *d = b->d;
    struct action_row *all;
    unsigned n;
    int64_t now = clock_wall_us(), mono_us = clock_us();
    enum fault fault = actions_list(b->registry, &in_force, b->arena, &all, &n, error);
    if (fault != FAULT_NONE || n == 0) return fault;
    d->interventions = arena_new_array(&d->arena, struct intervention, n);
    if (!d->interventions) return full(error);
    for (unsigned i = 0; i < n; i++) {
        struct intervention_spec spec;
        if (!is_on_loops(&all[i], now) || !scope_of(b, &all[i], &spec)) continue;
        d->interventions[d->n_interventions++] = (struct intervention){
            .number = all[i].number, .spec = spec, .share_ppm = all[i].share_ppm, .since_us = since_of(b->before, &all[i], now, mono_us), .until_us = all[i].until_us,
            .throttle = spec.kind == INTERVENTION_THROTTLE ? throttle_of(b->before, all[i].number) : NULL};
    }
    deployments_arrange(d);
    return FAULT_NONE;
}

enum fault change_build(struct registry *r, const struct emergency_entry *emergencies, unsigned n, const struct deployments *before,
                        struct deployments **ret, struct error *error) {
    struct arena arena;
    struct change_subject *subjects = NULL;
    unsigned n_subjects = 0;
    arena_init(&arena, 64 << 10, READING);
    struct building b = {.registry = r, .before = before, .d = deployments_new(), .emergencies = emergencies, .n_emergencies = n, .arena = &arena};
    b.d->revision = before ? before->revision + 1 : 1;
    enum fault fault = changes_view(r, error);
    bool viewing = fault == FAULT_NONE;
    if (fault == FAULT_NONE) fault = changes_subjects(r, SLICE("prompt"), &arena, &subjects, &n_subjects, error);
    if (fault == FAULT_NONE) fault = rollouts_list(r, SLICE("prompt"), SLICE_NULL, true, 0, &arena, &b.rollouts, &b.n_rollouts, error);
    if (fault == FAULT_NONE) fault = changes_labels(r, &arena, &b.labels, &b.n_labels, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n_subjects; i++) fault = put_subject(&b, &subjects[i], error);
    if (fault == FAULT_NONE) fault = put_held(&b, error);
    if (fault == FAULT_NONE) fault = put_interventions(&b, error);
    if (viewing) changes_view_end(r);
    if (fault == FAULT_NONE && arena_is_full(&b.d->arena)) fault = full(error);
    if (fault == FAULT_NONE) *ret = b.d;
    else deployments_drop(b.d);
    arena_deinit(&arena);
    return fault;
}
