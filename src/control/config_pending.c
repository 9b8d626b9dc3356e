#include "control/config_pending.h"

#include "base/clock.h"
#include "store/findings.h"

#define PENDING "configuration to be in force"
#define NONE "none"

static enum fault keep(struct registry *r, struct slice what, struct error *error) {
    return registry_keep(r, SLICE(PENDING), what, clock_wall_us(), error);
}

enum fault config_pending_begin(struct registry *r, struct slice sha256, struct error *error) { return keep(r, sha256, error); }

enum fault config_pending_end(struct registry *r, struct error *error) { return keep(r, SLICE(NONE), error); }

static enum fault settle(struct registry *r, struct slice now, struct arena *arena, struct error *error) {
    struct slice wanted = SLICE_NULL;
    int64_t at_us;
    enum fault fault = registry_kept(r, SLICE(PENDING), arena, &wanted, &at_us, error);
    if (fault != FAULT_NONE || slice_is_null(wanted) || slice_is(wanted, NONE)) return fault;
    const struct audit_entry e = {.at_us = clock_wall_us(), .actor = SLICE("quarterdeck"), .action = SLICE("configuration.undone"), .subject = SLICE("policy"),
                                  .reason = SLICE("the server ended before the file was what the change before says"),
                                  .detail = arena_printf(arena, "{\"sha256\":\"" SLICE_FMT "\",\"wanted\":\"" SLICE_FMT "\"}", SLICE_ARG(now), SLICE_ARG(wanted))};
    if (!slice_eq(wanted, now)) fault = registry_audit(r, &e, error);
    return fault == FAULT_NONE ? config_pending_end(r, error) : fault;
}

enum fault config_pending_settle(struct registry *r, struct slice sha256, struct error *error) {
    struct arena arena;
    arena_init(&arena, 1024, 16 << 10);
    enum fault fault = settle(r, sha256, &arena, error);
    arena_deinit(&arena);
    return fault;
}
