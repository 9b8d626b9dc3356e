/* registry_allowances.h - budgets, limits and approvals that were set while the server ran, each as the JSON
 * object of its kind; and secrets of this installation that are made here and shown to nobody.
 *
 * What an object means is not known here (model/config.h reads it). A change and its entry in the audit log
 * stand or fall together. */
#ifndef STORE_REGISTRY_ALLOWANCES_H
#define STORE_REGISTRY_ALLOWANCES_H

#include "store/registry.h"

struct registry_allowance {
    struct slice kind, name; /* "budget", "limit", "approval" */
    struct slice body;       /* JSON; in a change SLICE_NULL: remove it */
    int64_t set_us;
    struct slice set_by, reason;
};

/* All of them or none; entries[i] is the audit log's for changes[i]. FAULT_NOT_FOUND: nothing to remove. */
enum fault registry_allowances_change(struct registry *r, const struct registry_allowance *changes,
                                      const struct audit_entry *entries, unsigned n,
                                      struct error *error) MUST_CHECK;
/* By kind and name. */
enum fault registry_allowances(struct registry *r, struct arena *arena, struct registry_allowance **ret,
                               unsigned *ret_n, struct error *error) MUST_CHECK;

/* The secret of that name; the first call ever draws it. */
enum fault registry_secret(struct registry *r, const char *name, uint8_t ret[DIGEST_KEY],
                           struct error *error) MUST_CHECK;

#endif
