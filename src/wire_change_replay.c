/* wire_change_replay.c - rollbacks that the registry had no room for, into the registry. */
#include "wire_change_parts.h"

#include "base/log.h"
#include "change/acts.h"

#include <stdio.h>

struct replayed { /* subjects whose revision grew by the replay itself */
    struct slice kind, name;
    uint64_t before, now;
};

static struct replayed *of_subject(struct replayed *all, unsigned n, const struct emergency_entry *e) {
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(all[i].kind, e->kind) && slice_eq(all[i].name, e->name)) return &all[i];
    return NULL;
}

static void say(struct arena *arena, const char *text, const struct emergency_entry *e, const char *why) {
    log_event(LOG_WARN, text, "subject", arena_text(arena, e->name), "by", arena_text(arena, e->actor), "why", why, NULL);
}

/* One that somebody's change has overtaken is passed over: what stands in the registry is newer. */
static enum fault replay(struct registry *r, const struct emergency_entry *e, const struct change_policy *policy, struct replayed *all, unsigned *n,
                         struct arena *arena, struct error *error) {
    struct replayed *former = of_subject(all, *n, e);
    struct act_outcome outcome;
    struct emergency_entry again;
    uint64_t seen = former && former->before == e->revision ? former->now : e->revision;
    const struct act a = {.registry = r, .policy = policy, .kind = e->kind, .name = e->name, .which = arena_printf(arena, "%lld", (long long)e->to), .seen = seen,
                          .who = {.name = e->actor, .role = USER_ADMIN}, .why = e->why, .at_us = e->at_us, .arena = arena};
    enum fault fault = act_roll_back(&a, 0, &outcome, &again, error);
    if (fault == FAULT_CONFLICT || fault == FAULT_NOT_FOUND) {
        say(arena, "a rollback made while the disk was full is not replayed: it was overtaken", e, error->text);
        return FAULT_NONE;
    }
    if (fault != FAULT_NONE) return fault;
    say(arena, "a rollback made while the disk was full is in the registry now", e, "");
    if (!former) all[*n] = (struct replayed){.kind = e->kind, .name = e->name, .before = e->revision}, former = &all[(*n)++];
    former->now = outcome.subject.revision;
    return FAULT_NONE;
}

enum fault change_replay(struct registry *r, struct emergency *e, const struct change_policy *policy, unsigned *ret_n, struct error *error) {
    struct arena arena;
    struct emergency_entry *entries = NULL;
    struct replayed all[EMERGENCY_ENTRIES];
    unsigned n = 0, damaged = 0, n_all = 0;
    arena_init(&arena, 16 << 10, 16 << 20);
    enum fault fault = emergency_list(e, &arena, &entries, &n, &damaged, error);
    if (fault == FAULT_NONE && damaged > 0) log_event(LOG_ERROR, "entries of the emergency file are damaged and are passed over", NULL);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) fault = replay(r, &entries[i], policy, all, &n_all, &arena, error);
    if (fault == FAULT_NONE && n + damaged > 0) fault = emergency_clear(e, error);
    *ret_n = n;
    arena_deinit(&arena);
    return fault;
}
