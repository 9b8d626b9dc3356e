/* clock.h - the only reader of time.
 *
 * Two times: the monotonic one for durations and timers, the wall one for records. Both are int64
 * microseconds. Tests step them with clock_advance; after the first call the real clocks are no longer
 * read (one process-wide test clock, which the running program never uses but for base/virtual_time.h). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/slice.h"

int64_t clock_us(void);                      /* monotonic */
int64_t clock_real_us(void);                 /* monotonic, even under the test clock: deadlines of real waits */
int64_t clock_real_wall_us(void);            /* likewise */
int64_t clock_wall_us(void);                 /* since 1970-01-01 UTC */
void clock_fake(int64_t mono_us, int64_t wall_us);
void clock_advance(int64_t us);
void clock_flow(int64_t mono_us, int64_t wall_us); /* from these on, as the real clocks do: the end of clock_fake */
void clock_sleep_us(int64_t us);             /* real sleep; for job threads, never a loop thread */

/* RFC 3339 in UTC with microseconds, "2026-11-21T04:16:21.000000Z". `out` holds CLOCK_TEXT bytes. */
#define CLOCK_TEXT 32
void clock_format(int64_t wall_us, char out[CLOCK_TEXT]);
void clock_words(int64_t wall_us, char out[CLOCK_TEXT]); /* for people, to the minute: "2026-11-21 04:16 UTC" */

/* Reads RFC 3339 (any offset, optional fraction), a bare date (midnight UTC), or, relative to now,
 * "-1h", "-30m", "-7d". False leaves *ret untouched. */
bool clock_parse(struct slice text, int64_t *ret_wall_us);

/* IMF-fixdate of RFC 9110 ("Sun, 06 Nov 1994 08:49:37 GMT"), as in retry-after. */
bool clock_parse_http_date(struct slice text, int64_t *ret_wall_us);

#endif
