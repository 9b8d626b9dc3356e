/* zone.h - a named time zone from the system's database: offsets and instants, without any global TZ.
 *
 * Source: TZif files (RFC 8536) of package tzdata under /usr/share/zoneinfo, version 2 or later: the 64-bit
 * block, and for times after its last transition the POSIX rule in its footer, so that future summer times
 * are exact as far as the rule holds. "UTC" needs no file. A zone is immutable, lives in the arena it was
 * made in, and may be read by any number of threads. Times are seconds since 1970-01-01 UTC; local times are
 * counted the same way, as if the clocks on the wall showed UTC. Files that count leap seconds ("right/...")
 * are refused: our wall clock does not. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/arena.h"
#include "base/fault.h"

struct zone;

/* FAULT_CONFIG: no such zone, or a file that is none. FAULT_NO_SPACE: the arena is full. */
enum fault zone_load(struct arena *arena, const char *name, const struct zone **ret,
                     struct error *error) MUST_CHECK;
/* The same from a file's bytes; a pure function. */
enum fault zone_parse(struct arena *arena, const char *name, struct slice tzif, const struct zone **ret,
                      struct error *error) MUST_CHECK;

const char *zone_name(const struct zone *z);
int32_t zone_offset(const struct zone *z, int64_t utc); /* seconds east of UTC */

/* The first instant at which the zone's clocks show `local` or later: of a time that a change skips, the
 * change; of one that comes twice, the first. */
int64_t zone_to_utc(const struct zone *z, int64_t local);

/* The known name nearest to `name` in the database: the same in other letter case, one that ends in "/name",
 * or one at most two letters away. NULL: none, or the database has no list of names. */
const char *zone_nearest(struct arena *arena, const char *name);

#endif
