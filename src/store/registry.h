/* registry.h - what people change and the server must remember: keys and the audit log, in
 * `data_dir/registry.db` (SQLite, WAL). Schema changes are numbered and run forward at open.
 *
 * Called from the control thread and from command-line verbs, never from a loop thread. */
#ifndef STORE_REGISTRY_H
#define STORE_REGISTRY_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/fault.h"

struct registry;

struct registry *registry_open(const char *data_dir, struct error *error) MUST_CHECK;
void registry_close(struct registry *r);

struct registry_key {
    struct slice application, name;
    struct digest digest;
    struct slice hint; /* first characters, "qd-3f9a…", to recognise it by */
    int64_t created_us;
    struct slice created_by;
    int64_t revoked_us; /* 0: valid */
};
enum fault registry_key_add(struct registry *r, const struct registry_key *key,
                            struct error *error) MUST_CHECK; /* FAULT_CONFLICT */
enum fault registry_key_revoke(struct registry *r, struct slice application, struct slice name,
                               struct slice by, int64_t at_us,
                               struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
enum fault registry_keys(struct registry *r, struct arena *arena, struct registry_key **ret, unsigned *ret_n,
                         struct error *error) MUST_CHECK; /* revoked ones included */

/* The audit log: append-only, each entry hashed over the one before, so that a change of the past shows. */
struct audit_entry {
    uint64_t number;
    int64_t at_us;
    struct slice actor, action, subject, reason, detail; /* detail: JSON */
    struct digest chain;                                 /* SHA-256(previous chain, this entry) */
};
enum fault registry_audit(struct registry *r, const struct audit_entry *e,
                          struct error *error) MUST_CHECK; /* number and chain are filled in */
enum fault registry_audit_list(struct registry *r, uint64_t before, unsigned limit, struct arena *arena,
                               struct audit_entry **ret, unsigned *ret_n,
                               struct error *error) MUST_CHECK; /* newest first */
enum fault registry_audit_verify(struct registry *r, uint64_t *ret_first_bad,
                                 struct error *error) MUST_CHECK; /* 0: whole */

#endif
