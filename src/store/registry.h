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
/* A number that is another one once somebody else has changed anything: who keeps what was read reads again then. */
enum fault registry_version(struct registry *r, int64_t *ret, struct error *error) MUST_CHECK;

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
/* Newest first. `subject` is also that of its versions ("prompt:x" of "prompt:x@3"), `action` also a group ("prompt" of "prompt.submit"). */
struct audit_filter {                 /* zeroed: everything */
    struct slice subject, actor, action;
    int64_t from_us, to_us;           /* at or after; before. to_us 0: no end */
    uint64_t before;                  /* number; 0: from the newest */
};
enum fault registry_audit_find(struct registry *r, const struct audit_filter *f, unsigned limit, struct arena *arena, struct audit_entry **ret,
                               unsigned *ret_n, struct error *error) MUST_CHECK;
enum fault registry_audit_list(struct registry *r, uint64_t before, unsigned limit, struct arena *arena,
                               struct audit_entry **ret, unsigned *ret_n,
                               struct error *error) MUST_CHECK; /* the same without a filter */
/* Oldest first, those behind `after`, until `each` returns false. Texts are valid inside the call. */
enum fault registry_audit_each(struct registry *r, uint64_t after, bool (*each)(void *ctx, const struct audit_entry *e), void *ctx,
                               struct error *error) MUST_CHECK;

/* Entries changed, taken out or put in show in the chain. That the last ones were cut off does not: for that somebody keeps a head. */
struct audit_check {
    uint64_t entries, first_bad;      /* first_bad 0: the chain is whole */
    struct digest head;               /* chain of the last entry up to which it is whole; zeros: there is none */
    uint64_t kept_at;                 /* the entry whose chain is `kept`, in the part that is whole; 0: none, or it was not asked for */
};
enum fault registry_audit_check(struct registry *r, const struct digest *kept, struct audit_check *ret, struct error *error) MUST_CHECK;
enum fault registry_audit_verify(struct registry *r, uint64_t *ret_first_bad,
                                 struct error *error) MUST_CHECK; /* 0: whole */

#endif
