/* cron.h - times by the five fields of cron(5): minute, hour, day of month, month, day of week. Pure.
 *
 * A field is `*`, a number, a range `a-b`, either with a step `/n`, or a list of these. Months and days of the week have
 * their English names too (jan, mon; three letters, any case); 0 and 7 are Sunday. Where both day fields are given (neither begins
 * with `*`), a day that meets either is one (POSIX).
 *
 * The fields are what the zone's clocks show. Of a time that a change of clocks skips, it is the change; of one that comes twice, the
 * first. But where every hour counts (`*` or `*` with a step of 1), an hour that is skipped has no turns, and minutes go on through one that comes
 * twice: "every five minutes" stays that. */
#ifndef BASE_CRON_H
#define BASE_CRON_H

#include "base/zone.h"

struct cron {
    uint64_t minutes;         /* a bit each */
    uint32_t hours, days, months; /* days 1..31, months 1..12 */
    uint8_t weekdays;         /* bit 0: Sunday */
    bool every_hour;
    bool either_day;          /* both day fields are given */
};

/* FAULT_CONFIG: *error names the field, what was expected and what was found; also for one that never comes (30 February). */
enum fault cron_parse(struct slice text, struct cron *ret, struct error *error) MUST_CHECK;

#define CRON_NEVER INT64_MAX
/* The first time after `after` (seconds since 1970, UTC). CRON_NEVER: none within ten years. */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after);

#endif
