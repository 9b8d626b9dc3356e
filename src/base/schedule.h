/* schedule.h - when jobs run: a table of them, and which is due at given times. No clock, no thread of its
 * own.
 *
 * A job's cadence goes by the monotonic clock, from the end of one run to the start of the next, so no step
 * of the wall clock hurries or stops it and a slow job never runs into itself. A daily job is due once for
 * each day of the zone, SCHEDULE_SETTLE after the day began; the day is told apart by its number alone, so a
 * clock that is set back to another day asks again (jobs must bear that), and one set back within the day
 * does not. After a failure it is tried again at its cadence. Any thread may ask for a run (schedule_ask);
 * all else belongs to the one thread that runs the jobs. */
#ifndef BASE_SCHEDULE_H
#define BASE_SCHEDULE_H

#include "base/zone.h"

#include <stdatomic.h>

#define SCHEDULE_SETTLE_US 300000000LL /* into the day: exchanges that began in the last one have ended */
#define SCHEDULE_LONGEST_US 30000000LL /* longest wait, so that a step of the wall clock is seen within it   \
                                        */
#define SCHEDULE_NO_DAY INT64_MIN

struct schedule_job {
    const char *name;
    int64_t first_us;   /* after the start */
    int64_t cadence_us; /* daily: between tries */
    int64_t least_us;   /* between the end of a run and one that was asked for */
    bool daily;
};
struct schedule_row { /* what is known of one job */
    int64_t due_us;   /* monotonic */
    int64_t ended_us;
    int64_t
        day; /* daily: the last one for which it succeeded; SCHEDULE_NO_DAY: none. Local, since 1970-01-01 */
    bool ran;
    atomic_bool asked;
};
struct schedule {
    const struct schedule_job *jobs;
    struct schedule_row *rows;
    unsigned n;
};

void schedule_init(struct schedule *s, const struct schedule_job *jobs, struct schedule_row *rows, unsigned n,
                   int64_t mono_us);
int64_t schedule_day(const struct zone *z,
                     int64_t wall_us); /* the day whose turn it is: a new one begins after SETTLE */
/* The job that has been due for longest; -1: none. */
int schedule_due(const struct schedule *s, int64_t mono_us, const struct zone *z, int64_t wall_us);
int64_t schedule_wait(const struct schedule *s, int64_t mono_us, const struct zone *z,
                      int64_t wall_us);                /* microseconds, until one may be due */
void schedule_begin(struct schedule *s, unsigned job); /* what is asked for from now on is another run */
void schedule_end(struct schedule *s, unsigned job, int64_t mono_us, int64_t day,
                  bool good); /* day: as of the beginning */
/* From any thread. True: nobody had asked, so wake the one who runs them. */
bool schedule_ask(struct schedule *s, unsigned job);

#endif
