/* wire_registry.c - see wire_registry.h. */
#include "wire_registry.h"

#include "base/clock.h"
#include "base/log.h"
#include "control/config_pending.h"
#include "store/findings.h"
#include "store/registry_allowances.h"

#define IN_FORCE "configuration in force"
#define PSEUDONYM_SECRET "pseudonyms of users and tags"

static enum fault read_keys(struct registry *r, struct arena *arena, struct config_registry *ret, struct error *error) {
    struct registry_key *stored = NULL;
    unsigned n = 0;
    enum fault fault = registry_keys(r, arena, &stored, &n, error);
    if (fault != FAULT_NONE) return fault;
    struct config_registry_key *keys = arena_new_array(arena, struct config_registry_key, n + 1);
    for (unsigned i = 0; keys && i < n; i++) {
        if (stored[i].revoked_us != 0) continue;
        keys[ret->n_keys++] = (struct config_registry_key){.application = arena_text(arena, stored[i].application),
                                                           .name = arena_text(arena, stored[i].name),
                                                           .digest = stored[i].digest};
    }
    ret->keys = keys;
    return FAULT_NONE;
}

static enum fault read_allowances(struct registry *r, struct arena *arena, struct config_registry *ret, struct error *error) {
    struct registry_allowance *stored = NULL;
    unsigned n = 0;
    enum fault fault = registry_allowances(r, arena, &stored, &n, error);
    if (fault != FAULT_NONE) return fault;
    struct config_registry_allowance *all = arena_new_array(arena, struct config_registry_allowance, n + 1);
    for (unsigned i = 0; all && i < n; i++)
        all[i] = (struct config_registry_allowance){arena_text(arena, stored[i].kind), arena_text(arena, stored[i].name),
                                                    arena_text(arena, stored[i].body)};
    ret->allowances = all;
    ret->n_allowances = all ? n : 0;
    return FAULT_NONE;
}

enum fault wire_registry_read(struct registry *r, struct arena *arena, struct config_registry *ret, struct error *error) {
    *ret = (struct config_registry){.n_keys = 0};
    if (!r) return FAULT_NONE;
    enum fault fault = read_keys(r, arena, ret, error);
    if (fault == FAULT_NONE) fault = read_allowances(r, arena, ret, error);
    if (fault == FAULT_NONE) fault = registry_secret(r, PSEUDONYM_SECRET, ret->pseudonym_key, error);
    if (fault == FAULT_NONE && arena_is_full(arena)) fault = error_set(error, FAULT_TOO_LARGE, "the registry holds more than a policy can");
    return fault;
}

void wire_registry_warn(const struct policy *p) {
    for (unsigned i = 0; i < p->n_left_out; i++)
        log_event(LOG_WARN, "what the registry holds is left out", "kind", p->left_out[i].kind, "name", p->left_out[i].name, "why",
                  p->left_out[i].why, NULL);
}

static enum fault tell(struct registry *r, const struct policy *p, struct arena *arena, struct error *error) {
    char now[2 * DIGEST_BYTES + 1];
    struct slice before = SLICE_NULL;
    int64_t at_us;
    digest_hex(p->file_digest.bytes, sizeof p->file_digest.bytes, now);
    enum fault fault = config_pending_settle(r, slice_of(now), error);
    if (fault == FAULT_NONE) fault = registry_kept(r, SLICE(IN_FORCE), arena, &before, &at_us, error);
    if (fault != FAULT_NONE || slice_is(before, now)) return fault;
    const char *quote = slice_is_null(before) ? "" : "\"";
    if (slice_is_null(before)) before = SLICE("null");
    struct audit_entry e = {.at_us = clock_wall_us(), .actor = SLICE("quarterdeck"), .action = SLICE("policy.change"), .subject = slice_of("policy"),
                            .reason = SLICE("another configuration is in force"),
                            .detail = arena_printf(arena, "{\"sha256\":\"%s\",\"before\":%s" SLICE_FMT "%s}", now, quote, SLICE_ARG(before), quote)};
    fault = registry_audit(r, &e, error);
    return fault == FAULT_NONE ? registry_keep(r, SLICE(IN_FORCE), slice_of(now), e.at_us, error) : fault;
}

void wire_registry_tell(struct registry *r, const struct policy *p) {
    struct arena arena;
    struct error error = {.fault = FAULT_NONE};
    arena_init(&arena, 4096, 64 << 10);
    if (r && tell(r, p, &arena, &error) != FAULT_NONE)
        log_event(LOG_ERROR, "the audit log does not have the change of the configuration", "error", error.text, NULL);
    arena_deinit(&arena);
}
