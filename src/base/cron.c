#include "base/cron.h"

#include "base/date.h"

#define DAY_S 86400LL
#define SEARCH_DAYS 3660       /* 29 February may be eight years off */
#define AGAIN_S (3 * 3600LL)   /* more than any change of clocks */

struct field {
    const char *name;
    int least, most;
    const char *const *words; /* of least, least + 1, ...; NULL: numbers alone */
};
static const char *const month_words[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };
static const struct field fields[FIELDS] = {
    {"minute", 0, 59, NULL}, {"hour", 0, 23, NULL}, {"day of month", 1, 31, NULL}, {"month", 1, 12, month_words}, {"day of week", 0, 7, weekday_words},
};

/* ---- reading ---- */

static bool read_value(const struct field *f, struct slice text, int *ret) {
    uint64_t n;
    if (text.len <= 2 && slice_to_u64(text, &n) && n >= (uint64_t)f->least && n <= (uint64_t)f->most) {
        *ret = (int)n;
        return true;
    }
    for (int i = 0; f->words != NULL && f->words[i] != NULL; i++)
        if (slice_eq_nocase(text, slice_of(f->words[i]))) {
            *ret = f->least + i;
            return true;
        }
    return false;
}

/* One part of a list: its bits into *bits. */
static bool read_part(const struct field *f, struct slice part, uint64_t *bits) {
    struct slice range, step, low, high;
    uint64_t by = 1;
    int from = f->least, to = f->most;
    bool stepped = slice_cut(part, '/', &range, &step);
    if (stepped && (!slice_to_u64(step, &by) || by == 0 || by > (uint64_t)f->most)) return false;
    if (!slice_is(range, "*")) {
        bool is_range = slice_cut(range, '-', &low, &high);
        if (!read_value(f, low, &from)) return false;
        if (is_range) {
            if (!read_value(f, high, &to)) return false;
            if (f->most == 7 && to == 0 && from > 0) to = 7; /* fri-sun */
            if (to < from) return false;
        } else if (!stepped) to = from;
    }
    if (from < 0 || to > 63) return false;
    for (unsigned i = (unsigned)from; i <= (unsigned)to; i += (unsigned)by) *bits |= 1ULL << i;
    return true;
}

static enum fault read_field(const struct field *f, struct slice text, uint64_t *ret, struct error *error) {
    struct slice rest = text, part;
    uint64_t bits = 0;
    bool more = true;
    while (more) {
        more = slice_cut(rest, ',', &part, &rest);
        if (!read_part(f, part, &bits))
            return error_set(error, FAULT_CONFIG, "%s: expected *, a number from %d to %d%s, a range or a list, with /step; found `%.*s`", f->name,
                             f->least, f->most, f->words != NULL ? ", a name" : "", (int)(text.len < 40 ? text.len : 40), text.at);
    }
    *ret = bits;
    return FAULT_NONE;
}

static bool next_word(struct slice *rest, struct slice *ret) {
    size_t n = 0;
    *rest = slice_trim(*rest);
    while (n < rest->len && rest->at[n] != ' ' && rest->at[n] != '\t') n++;
    *ret = slice_make(rest->at, n);
    *rest = slice_make(rest->at + n, rest->len - n);
    return n > 0;
}

/* Is there a date of it in any year? */
static bool ever(const struct cron *c) {
    for (int month = 1; month <= 12; month++)
        for (int day = 1; (c->months >> month & 1) && day <= date_month_days(2024, month); day++)
            if (c->days >> day & 1) return true;
    return c->either_day;
}

enum fault cron_parse(struct slice text, struct cron *ret, struct error *error) {
    struct slice rest = text, words[FIELDS + 1];
    uint64_t bits[FIELDS];
    unsigned n = 0;
    while (n <= FIELDS && next_word(&rest, &words[n])) n++;
    if (n != FIELDS)
        return error_set(error, FAULT_CONFIG, "expected five fields (minute, hour, day of month, month, day of week) such as `0 6 * * 1-5`, found `%.*s`",
                         (int)(text.len < 60 ? text.len : 60), text.at != NULL ? text.at : "");
    for (unsigned i = 0; i < FIELDS; i++) {
        enum fault fault = read_field(&fields[i], words[i], &bits[i], error);
        if (fault != FAULT_NONE) return fault;
    }
    struct cron c = {.minutes = bits[MINUTE], .hours = (uint32_t)bits[HOUR], .days = (uint32_t)bits[DAY], .months = (uint32_t)bits[MONTH]};
    c.weekdays = (uint8_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7F);
    c.every_hour = c.hours == 0xFFFFFF;
    c.either_day = words[DAY].at[0] != '*' && words[WEEKDAY].at[0] != '*';
    if (!ever(&c)) return error_set(error, FAULT_CONFIG, "no month that is named has such a day: it would never come");
    *ret = c;
    return FAULT_NONE;
}

/* ---- the next time ---- */

static bool day_counts(const struct cron *c, int64_t day) {
    struct date d = date_of_days(day);
    bool in_month = c->days >> d.day & 1, in_week = c->weekdays >> date_weekday(day) & 1;
    return (c->months >> d.month & 1) && (c->either_day ? in_month || in_week : in_month && in_week);
}

static int64_t day_of(int64_t local) { return local >= 0 ? local / DAY_S : -((-local + DAY_S - 1) / DAY_S); }

static bool counts(const struct cron *c, int64_t local) {
    int64_t day = day_of(local), minute = (local - day * DAY_S) / 60;
    return (c->minutes >> (minute % 60) & 1) && (c->hours >> (minute / 60) & 1) && day_counts(c, day);
}

/* The first of a day that is after `after`; CRON_NEVER: none. */
static int64_t in_day(const struct cron *c, const struct zone *z, int64_t day, int64_t after) {
    for (int hour = 0; hour < 24; hour++) {
        if (!(c->hours >> hour & 1) || zone_to_utc(z, day * DAY_S + hour * 3600LL + 3599) <= after) continue;
        for (int minute = 0; minute < 60; minute++) {
            if (!(c->minutes >> minute & 1)) continue;
            int64_t local = day * DAY_S + hour * 3600LL + minute * 60LL, at = zone_to_utc(z, local);
            bool skipped = at + zone_offset(z, at) != local;
            if (at > after && !(skipped && c->every_hour)) return at; /* the hour after it has its own */
        }
    }
    return CRON_NEVER;
}

int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after) {
    int64_t first = day_of(after + zone_offset(z, after)), at = CRON_NEVER;
    for (int64_t day = first - 1; at == CRON_NEVER && day <= first + SEARCH_DAYS; day++) /* a change may set the date back */
        if (day_counts(c, day)) at = in_day(c, z, day, after);
    if (!c->every_hour) return at;
    int64_t minute = after - (((after % 60) + 60) % 60); /* an hour that comes twice: minute by minute */
    for (int64_t t = minute + 60; t < at && t <= after + AGAIN_S; t += 60)
        if (counts(c, t + zone_offset(z, t))) return t;
    return at;
}
