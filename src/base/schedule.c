#include "base/schedule.h"

#include "base/virtual_time.h"

#define SECOND_US 1000000LL
#define DAY_S 86400

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && a < 0);
}

void schedule_init(struct schedule *s, const struct schedule_job *jobs, struct schedule_row *rows, unsigned n,
                   int64_t mono_us) {
    *s = (struct schedule){jobs, rows, n};
    for (unsigned i = 0; i < n; i++) {
        rows[i].due_us = mono_us + jobs[i].first_us;
        rows[i].ended_us = mono_us;
        rows[i].day = SCHEDULE_NO_DAY;
        rows[i].ran = false;
        atomic_init(&rows[i].asked, false);
    }
}

int64_t schedule_day(const struct zone *z, int64_t wall_us) {
    int64_t utc = floor_div(wall_us - SCHEDULE_SETTLE_US, SECOND_US);
    return floor_div(utc + zone_offset(z, utc), DAY_S);
}

/* When it is due by itself or by having been asked for; INT64_MAX: not at a time that the monotonic clock
 * knows. */
static int64_t due_of(const struct schedule *s, unsigned i, int64_t today) {
    const struct schedule_row *r = &s->rows[i];
    int64_t due = s->jobs[i].daily && r->day == today ? INT64_MAX : r->due_us;
    if (!atomic_load(&r->asked)) return due;
    int64_t asked = r->ran ? r->ended_us + s->jobs[i].least_us : r->ended_us;
    return asked < due ? asked : due;
}

int schedule_due(const struct schedule *s, int64_t mono_us, const struct zone *z, int64_t wall_us) {
    int found = -1;
    int64_t first = INT64_MAX, today = schedule_day(z, wall_us);
    for (unsigned i = 0; i < s->n; i++) {
        int64_t due = due_of(s, i, today);
        if (due > mono_us || due >= first) continue;
        first = due;
        found = (int)i;
    }
    return found;
}

int64_t schedule_wait(const struct schedule *s, int64_t mono_us, const struct zone *z, int64_t wall_us) {
    int64_t wait = SCHEDULE_LONGEST_US, today = schedule_day(z, wall_us);
    for (unsigned i = 0; i < s->n; i++) {
        int64_t due = due_of(s, i, today);
        int64_t left = due <= mono_us ? 0 : due - mono_us;
        if (left < wait) wait = left;
    }
    return wait;
}

void schedule_begin(struct schedule *s, unsigned job) {
    atomic_store(&s->rows[job].asked, false);
}

void schedule_end(struct schedule *s, unsigned job, int64_t mono_us, int64_t day, bool good) {
    struct schedule_row *r = &s->rows[job];
    r->ran = true;
    r->ended_us = mono_us;
    r->due_us = mono_us + virtual_time_cadence(s->jobs[job].cadence_us);
    if (s->jobs[job].daily && good) {
        r->day = day;
        r->due_us = mono_us; /* the next day's turn comes with the day */
    }
}

bool schedule_ask(struct schedule *s, unsigned job) {
    return !atomic_exchange(&s->rows[job].asked, true);
}
