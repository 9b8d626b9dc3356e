#include "base/clock.h"
#include "base/date.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define SECOND 1000000LL
#define DAY (86400 * SECOND)

/* The test clock. `fake_on` is set last and read first, so whoever sees it sees both times. */
static atomic_bool fake_on;
static _Atomic int64_t fake_mono, fake_wall;
static _Atomic int64_t ahead_mono, ahead_wall; /* of the real clocks, since clock_flow */

static int64_t read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

int64_t clock_real_us(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_real_wall_us(void) {
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_us(void) {
    return atomic_load(&fake_on) ? atomic_load(&fake_mono)
                                 : read_clock(CLOCK_MONOTONIC) + atomic_load_explicit(&ahead_mono, memory_order_relaxed);
}

int64_t clock_wall_us(void) {
    return atomic_load(&fake_on) ? atomic_load(&fake_wall)
                                 : read_clock(CLOCK_REALTIME) + atomic_load_explicit(&ahead_wall, memory_order_relaxed);
}

void clock_flow(int64_t mono_us, int64_t wall_us) {
    atomic_store(&ahead_mono, mono_us - read_clock(CLOCK_MONOTONIC));
    atomic_store(&ahead_wall, wall_us - read_clock(CLOCK_REALTIME));
    atomic_store(&fake_on, false);
}

void clock_fake(int64_t mono_us, int64_t wall_us) {
    atomic_store(&fake_mono, mono_us);
    atomic_store(&fake_wall, wall_us);
    atomic_store(&fake_on, true);
}

void clock_advance(int64_t us) {
    if (!atomic_load(&fake_on)) clock_fake(clock_us(), clock_wall_us());
    atomic_fetch_add(&fake_mono, us);
    atomic_fetch_add(&fake_wall, us);
}

void clock_sleep_us(int64_t us) {
    if (us <= 0) return;
    struct timespec left = {us / SECOND, us % SECOND * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

void clock_format(int64_t wall_us, char out[CLOCK_TEXT]) {
    int64_t days = wall_us / DAY, rest = wall_us % DAY;
    if (rest < 0) rest += DAY, days--;
    struct date date = date_of_days(days);
    int seconds = (int)(rest / SECOND);
    char text[80]; /* the compiler cannot know that a date of int64 microseconds is short */
    snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d.%06dZ", (long long)date.year, date.month, date.day,
             seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(rest % SECOND));
    memcpy(out, text, CLOCK_TEXT);
    out[CLOCK_TEXT - 1] = 0;
}

void clock_words(int64_t wall_us, char out[CLOCK_TEXT]) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    snprintf(out, CLOCK_TEXT, "%.10s %.5s UTC", text, text + 11);
}

/* ---- reading ---- */

/* Exactly n digits from the front. */
static bool take_number(struct slice *s, size_t n, int *ret) {
    uint64_t value;
    if (s->len < n || !slice_to_u64(slice_make(s->at, n), &value)) return false;
    *s = slice_make(s->at + n, s->len - n);
    *ret = (int)value;
    return true;
}

static bool take_any(struct slice *s, const char *set) {
    if (s->len == 0 || s->at[0] == 0 || strchr(set, s->at[0]) == NULL) return false;
    *s = slice_make(s->at + 1, s->len - 1);
    return true;
}

static bool is_date(int year, int month, int day) {
    return month >= 1 && month <= 12 && day >= 1 && day <= date_month_days(year, month);
}

/* "04:16:21" as seconds; a leap second (":60") is the first of the next minute. */
static bool take_time(struct slice *s, int64_t *ret_seconds) {
    int hour, minute, second;
    if (!take_number(s, 2, &hour) || !take_any(s, ":") || !take_number(s, 2, &minute) || !take_any(s, ":") ||
        !take_number(s, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60) return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* ".123456789" as microseconds, cut, not rounded. */
static bool take_fraction(struct slice *s, int64_t *ret_us) {
    int64_t us = 0, unit = SECOND;
    size_t n = 0;
    for (; n < s->len && s->at[n] >= '0' && s->at[n] <= '9'; n++) us += (unit /= 10) * (s->at[n] - '0');
    *s = slice_make(s->at + n, s->len - n);
    *ret_us = us;
    return n > 0;
}

static bool take_offset(struct slice *s, int64_t *ret_seconds) {
    int hour, minute;
    *ret_seconds = 0;
    if (take_any(s, "Zz")) return true;
    bool west = s->len > 0 && s->at[0] == '-';
    if (!take_any(s, "+-") || !take_number(s, 2, &hour) || !take_any(s, ":") || !take_number(s, 2, &minute))
        return false;
    if (hour > 23 || minute > 59) return false;
    *ret_seconds = (hour * 3600 + minute * 60) * (west ? -1 : 1);
    return true;
}

static bool parse_relative(struct slice text, int64_t *ret) {
    static const struct {
        char unit;
        int64_t us;
    } units[] = {{'s', SECOND}, {'m', 60 * SECOND}, {'h', 3600 * SECOND}, {'d', DAY}};
    if (text.len < 3) return false;
    int64_t n, now = clock_wall_us();
    struct slice digits = slice_make(text.at + 1, text.len - 2);
    if (digits.at[0] == '-' || !slice_to_i64(digits, &n)) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text.at[text.len - 1] == units[i].unit)
            return !__builtin_mul_overflow(n, units[i].us, &n) && !__builtin_sub_overflow(now, n, ret);
    return false;
}

bool clock_parse(struct slice text, int64_t *ret_wall_us) {
    int year, month, day;
    int64_t seconds = 0, us = 0, offset = 0;
    if (text.len > 0 && text.at[0] == '-') {
        int64_t at = 0;
        if (!parse_relative(text, &at)) return false;
        *ret_wall_us = at;
        return true;
    }
    if (!take_number(&text, 4, &year) || !take_any(&text, "-") || !take_number(&text, 2, &month) ||
        !take_any(&text, "-") || !take_number(&text, 2, &day) || !is_date(year, month, day))
        return false;
    if (text.len > 0) {
        if (!take_any(&text, "Tt ") || !take_time(&text, &seconds)) return false;
        if (take_any(&text, ".") && !take_fraction(&text, &us)) return false;
        if (!take_offset(&text, &offset) || text.len > 0) return false;
    }
    *ret_wall_us = date_to_days((struct date){year, month, day}) * DAY + (seconds - offset) * SECOND + us;
    return true;
}

/* Which of the three-letter names in `names` the text begins with; -1 for none. */
static int take_name(struct slice *s, const char *names) {
    for (int i = 0; names[3 * i] != 0; i++)
        if (slice_starts(*s, slice_make(names + 3 * i, 3))) {
            *s = slice_make(s->at + 3, s->len - 3);
            return i;
        }
    return -1;
}

static bool take_text(struct slice *s, const char *text) {
    struct slice want = slice_of(text);
    if (!slice_starts(*s, want)) return false;
    *s = slice_make(s->at + want.len, s->len - want.len);
    return true;
}

bool clock_parse_http_date(struct slice text, int64_t *ret_wall_us) {
    int year, month, day;
    int64_t seconds;
    if (take_name(&text, "MonTueWedThuFriSatSun") < 0 || !take_text(&text, ", ")) return false;
    if (!take_number(&text, 2, &day) || !take_text(&text, " ")) return false;
    month = take_name(&text, "JanFebMarAprMayJunJulAugSepOctNovDec") + 1;
    if (!take_text(&text, " ") || !take_number(&text, 4, &year) || !take_text(&text, " ")) return false;
    if (!is_date(year, month, day) || !take_time(&text, &seconds) || !slice_is(text, " GMT")) return false;
    *ret_wall_us = date_to_days((struct date){year, month, day}) * DAY + seconds * SECOND;
    return true;
}
