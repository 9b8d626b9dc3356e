/* acts_ground.c - see acts_ground.h. */
#include "change/acts_ground.h"

#include "base/clock.h"

struct slice ground_when(const struct act *a, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    return arena_printf(a->arena, "%.10s %.8s UTC", text, text + 11);
}

struct slice ground_weight(const struct act *a, uint32_t ppm) { return arena_printf(a->arena, "%g %%", ppm / 1e4); }

struct slice ground_last(const struct act *a, const struct change_subject *s) {
    if (s->changed_us == 0) return SLICE("nobody changed it");
    return arena_printf(a->arena, SLICE_FMT " at " SLICE_FMT ": " SLICE_FMT, SLICE_ARG(s->changed_by), SLICE_ARG(ground_when(a, s->changed_us)),
                        SLICE_ARG(s->changed_how));
}

enum fault ground_find(const struct act *a, struct ground *ret, struct error *error) {
    struct ground g = {.last = {.number = 0}};
    enum fault fault = changes_subject(a->registry, a->kind, a->name, a->arena, &g.subject, error);
    if (fault == FAULT_NONE && a->seen != 0 && a->seen != g.subject.revision) {
        struct slice last = ground_last(a, &g.subject);
        return error_set(error, FAULT_CONFLICT, SLICE_FMT " is at revision %llu, not at %llu any more. The last change: " SLICE_FMT, SLICE_ARG(a->name),
                         (unsigned long long)g.subject.revision, (unsigned long long)a->seen, SLICE_ARG(last));
    }
    if (fault == FAULT_NONE) {
        struct error none;
        enum fault found = rollout_find(a->registry, a->kind, a->name, a->arena, &g.last, &none);
        if (found == FAULT_NOT_FOUND) g.last = (struct rollout_row){.number = 0};
        else if (found != FAULT_NONE) fault = error_set(error, found, "%s", none.text);
    }
    if (fault == FAULT_NONE) *ret = g;
    return fault;
}

bool ground_under_way(const struct ground *g) { return g->last.number != 0 && rollout_under_way(g->last.state); }

enum fault ground_version(const struct act *a, int64_t version, struct change_version *ret, struct error *error) {
    return changes_version(a->registry, a->kind, a->name, arena_printf(a->arena, "%lld", (long long)version), a->arena, ret, error);
}

struct change ground_change(const struct act *a, const struct ground *g, const char *action, struct slice how, struct slice evidence) {
    return (struct change){.kind = a->kind, .name = a->name, .if_revision = g->subject.revision, .how = how,
                           .audit = {.at_us = a->at_us, .actor = a->who.name, .action = slice_of(action), .reason = a->why, .detail = evidence}};
}

void ground_move(struct change *c, int64_t version, enum version_state from, enum version_state to) {
    if (version != 0 && from != to) c->moves[c->n_moves++] = (struct change_move){version, from, to};
}

enum fault ground_commit(const struct act *a, struct change *c, int64_t version, struct act_outcome *ret, struct error *error) {
    bool is_new;
    struct act_outcome o = {.already = false};
    enum fault fault = changes_commit(a->registry, c, &is_new, error);
    if (fault == FAULT_NONE) fault = changes_subject(a->registry, a->kind, a->name, a->arena, &o.subject, error);
    if (fault == FAULT_NONE && version != 0) fault = ground_version(a, version, &o.version, error);
    if (fault == FAULT_NONE && c->rollout) o.rollout = *c->rollout;
    if (fault == FAULT_NONE) *ret = o;
    return fault;
}
