/* findings.h - what watchers noticed, in the registry's database: kept over restarts, bounded, told once.
 *
 * A watcher hands over all that it saw in one look, and the store makes of it what is new, what is still so
 * and what has gone, in one short transaction. Who writes has a registry of its own (registry.h): SQLite
 * orders the writers, each waits at most ten seconds for another. */
#ifndef STORE_FINDINGS_H
#define STORE_FINDINGS_H

#include "model/finding.h"
#include "store/registry.h"

#define LIMIT_FINDINGS                                                                                       \
    20000 /* kept; some 2 KiB each. The oldest that are not open make room, open ones do not */

/* One look. Open findings of `kinds` (and `application`, unless it is null) that were not seen are cleared,
 * but for those whose keys are in `unsure`: about them nothing is known now, which is no good news. */
struct findings_look {
    uint64_t kinds; /* bits of enum finding_kind */
    struct slice application;
    const struct finding *seen; /* of these kinds; kind, key and the texts are read */
    size_t n_seen;
    const struct slice *unsure;
    size_t n_unsure;
};
struct findings_change {
    unsigned opened, cleared, left_off; /* left_off: seen, and no room to keep it */
};
/* ret_ids[i] (may be NULL): the id of seen[i] when it has just opened (new, or here again), else 0. */
enum fault findings_put(struct registry *r, const struct findings_look *look, int64_t now_us,
                        int64_t *ret_ids, struct findings_change *ret, struct error *error) MUST_CHECK;

/* For good: it is not told again. A second time changes nothing. FAULT_NOT_FOUND. */
enum fault findings_dismiss(struct registry *r, int64_t id, struct slice by, struct slice reason,
                            int64_t now_us, struct error *error) MUST_CHECK;
/* By the entry's actor, reason and time; with the entry in the audit log, or not at all. */
enum fault findings_dismiss_audited(struct registry *r, int64_t id, const struct audit_entry *entry, struct error *error) MUST_CHECK;

struct findings_filter {
    uint64_t kinds;           /* bits; 0: any */
    unsigned states;          /* bits 1u << enum finding_state; 0: any */
    struct slice application; /* SLICE_NULL: any */
    int64_t id;               /* 0: any */
    unsigned limit;           /* 1..LIMIT_PAGE */
};
/* Open ones first, then by when they were last seen, newest first. Texts live in `arena`. */
enum fault findings_list(struct registry *r, const struct findings_filter *f, struct arena *arena,
                         struct finding **ret, unsigned *ret_n, struct error *error) MUST_CHECK;

/* All open ones, by id. */
enum fault findings_open(struct registry *r, struct arena *arena, struct finding **ret, unsigned *ret_n, struct error *error) MUST_CHECK;

/* *ret_found false: there is none with this key. */
enum fault findings_state(struct registry *r, struct slice key, bool *ret_found, enum finding_state *ret,
                          struct error *error) MUST_CHECK;
enum fault findings_count_open(struct registry *r, int64_t ret[FINDING_KINDS],
                               struct error *error) MUST_CHECK;
/* Forgets those that are not open and were last seen before. */
enum fault findings_prune(struct registry *r, int64_t before_us, struct error *error) MUST_CHECK;

/* ---- what the program itself remembers over a restart: a few blobs by name ---- */
enum fault registry_keep(struct registry *r, struct slice name, struct slice body, int64_t at_us,
                         struct error *error) MUST_CHECK;
/* *ret is SLICE_NULL when nothing was kept. */
enum fault registry_kept(struct registry *r, struct slice name, struct arena *arena, struct slice *ret,
                         int64_t *ret_at_us, struct error *error) MUST_CHECK;

#endif
