/* definitions.h - suites, judges and scoring rules as they are defined: content-addressed and immutable, each name a line of versions.
 *
 * A definition of the same kind, name and digest is the same one: adding it again makes nothing new. One that was only run from
 * a file is kept too, not registered, so that a run can always name and show what it ran. */
#ifndef STORE_DEFINITIONS_H
#define STORE_DEFINITIONS_H

#include "store/evaluations.h"

struct definition {
    int64_t number;           /* of the row */
    struct slice kind;        /* "suite", "judge", "scoring" */
    struct slice name;
    int64_t version;          /* 1, 2, ... of its kind and name, in the order they were first seen */
    struct digest digest;
    struct slice body;        /* canonical JSON */
    bool registered;          /* was applied: the newest registered one of a name is what the name means */
    int64_t at_us;            /* first seen; of a registered one: when it was last made the current one */
    struct slice by, why, ticket; /* SLICE_NULL */
    int64_t removed_us;       /* 0: not. A removed name has no current version; its versions stay */
};

/* *d (kind, name, digest, body, by, why, ticket, registered, at_us) is added or found; number and version are filled in. *ret_new: it was
 * not there. Adding a registered one makes it current; one that is current already stays as it is, with its former origin. */
enum fault definition_put(struct evaluations *e, struct definition *d, bool *ret_new, struct error *error) MUST_CHECK;
/* `which`: SLICE_NULL or "": the current one; "3": that version; hexadecimal digits (8 or more): its digest. FAULT_NOT_FOUND. */
enum fault definition_find(struct evaluations *e, struct slice kind, struct slice name, struct slice which, struct arena *arena,
                           struct definition *ret, struct error *error) MUST_CHECK;
/* The current one of each name (name SLICE_NULL), or all versions of one, newest first. `each` returns false to stop;
 * d->body is valid inside it only. */
enum fault definition_list(struct evaluations *e, struct slice kind, struct slice name, struct arena *arena,
                           bool (*each)(void *ctx, const struct definition *d), void *ctx, struct error *error) MUST_CHECK;
enum fault definition_remove(struct evaluations *e, struct slice kind, struct slice name, int64_t at_us, struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */

#endif
