/* emergency.h - rollbacks that the registry had no room for.
 *
 * A file of a fixed size in data_dir, filled with zeros when the server first starts, so that writing into it needs no space: a rollback
 * is effective and survives a kill while the disk is full. Entries are replayed into the registry at the next start, or as soon as
 * there is room, each once (its subject's revision tells), and stand in the audit log with the time at which they were made.
 * One process at a time, one thread at a time. Where the file system copies on write (btrfs, ZFS) room may be needed all the same. */
#ifndef STORE_EMERGENCY_H
#define STORE_EMERGENCY_H

#include "store/registry.h"

#define EMERGENCY_ENTRIES 64 /* then FAULT_NO_SPACE: something else is very wrong */

struct emergency_entry {
    struct slice kind, name, actor, why; /* why is cut to 400 bytes */
    int64_t to;                          /* version that serves */
    int64_t rollout;                     /* that ends with it; 0: none */
    int64_t at_us;
    uint64_t revision;                   /* of the subject, when it was made */
};
struct emergency;
struct emergency *emergency_open(const char *data_dir, struct error *error) MUST_CHECK; /* makes the file where there is room */
void emergency_close(struct emergency *e); /* accepts NULL */
enum fault emergency_add(struct emergency *e, const struct emergency_entry *n, struct error *error) MUST_CHECK; /* on the disk when it returns */
/* Those not yet replayed, oldest first, in the arena. A damaged entry is passed over and counted. May be called again and again. */
enum fault emergency_list(struct emergency *e, struct arena *arena, struct emergency_entry **ret, unsigned *ret_n, unsigned *ret_damaged,
                          struct error *error) MUST_CHECK;
/* All that emergency_list told last are in the registry. Cut short by a kill it leaves entries that are told, and replayed, again. */
enum fault emergency_clear(struct emergency *e, struct error *error) MUST_CHECK;

#endif
