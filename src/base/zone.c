#include "base/zone.h"

#include "base/buffer.h"
#include "base/date.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER "/usr/share/zoneinfo"

enum {
    HOUR = 3600,
    DAY = 86400,
    MOST_OFFSET = 26 * HOUR, /* RFC 8536 3.2: -25 h < offset < 26 h */
    HEADER = 44,
    LOCAL_TYPE = 6, /* bytes of one local time type */
};

/* When a year's change happens, in the local time before it. */
struct rule {
    char kind; /* 'M' month, week, weekday; 'J' day 1..365, never 29 February; 'n' day 0..365 */
    int month, week, day;
    int32_t time; /* seconds after midnight; may be negative or over a day */
};

struct zone {
    const char *name;
    int64_t *at;     /* transitions, ascending */
    int32_t *offset; /* from at[i] on */
    unsigned n;
    int32_t before; /* offset before the first transition */
    bool has_tail;  /* the footer rules after the last transition */
    int32_t standard, summer;
    bool has_summer;
    struct rule begin, end; /* of summer time */
};

struct span {
    int64_t until; /* excluded */
    int32_t offset;
};

/* ===== the footer: POSIX TZ, with the extensions of RFC 8536 ===== */

static bool take(struct slice *s, char c) {
    if (s->len == 0 || s->at[0] != c) return false;
    *s = slice_make(s->at + 1, s->len - 1);
    return true;
}

static bool take_int(struct slice *s, int least, int most, int *ret) {
    int n = 0;
    size_t used = 0;
    for (; used < s->len && used < 4 && s->at[used] >= '0' && s->at[used] <= '9'; used++)
        n = n * 10 + s->at[used] - '0';
    if (used == 0 || n < least || n > most) return false;
    *s = slice_make(s->at + used, s->len - used);
    *ret = n;
    return true;
}

static bool take_abbreviation(struct slice *s) {
    size_t n = 0;
    if (take(s, '<')) {
        while (n < s->len && s->at[n] != '>') n++;
        if (n == s->len) return false;
        *s = slice_make(s->at + n + 1, s->len - n - 1);
        return true;
    }
    while (n < s->len && ((s->at[n] | 0x20) >= 'a' && (s->at[n] | 0x20) <= 'z')) n++;
    *s = slice_make(s->at + n, s->len - n);
    return n >= 3;
}

/* [+-]h[hh][:mm[:ss]] in seconds */
static bool take_time(struct slice *s, int most_hours, int32_t *ret) {
    int hours, minutes = 0, seconds = 0;
    bool minus = take(s, '-');
    if (!minus) (void)take(s, '+');
    if (!take_int(s, 0, most_hours, &hours)) return false;
    if (take(s, ':')) {
        if (!take_int(s, 0, 59, &minutes)) return false;
        if (take(s, ':') && !take_int(s, 0, 59, &seconds)) return false;
    }
    *ret = (hours * HOUR + minutes * 60 + seconds) * (minus ? -1 : 1);
    return true;
}

static bool take_rule(struct slice *s, struct rule *ret) {
    struct rule r = {.kind = 'n', .time = 2 * HOUR};
    if (take(s, 'M')) {
        r.kind = 'M';
        if (!take_int(s, 1, 12, &r.month) || !take(s, '.') || !take_int(s, 1, 5, &r.week) || !take(s, '.') ||
            !take_int(s, 0, 6, &r.day))
            return false;
    } else if (take(s, 'J')) {
        r.kind = 'J';
        if (!take_int(s, 1, 365, &r.day)) return false;
    } else if (!take_int(s, 0, 365, &r.day)) {
        return false;
    }
    if (take(s, '/') && !take_time(s, 167, &r.time)) return false;
    *ret = r;
    return true;
}

static bool parse_tail(struct slice s, struct zone *z) {
    int32_t west;
    if (s.len == 0) return true;
    if (!take_abbreviation(&s) || !take_time(&s, 24, &west)) return false;
    z->standard = -west;
    z->has_tail = true;
    if (s.len == 0) return true;
    z->has_summer = true;
    z->summer = z->standard + HOUR;
    if (!take_abbreviation(&s)) return false;
    if (s.len > 0 && s.at[0] != ',') {
        if (!take_time(&s, 24, &west)) return false;
        z->summer = -west;
    }
    return take(&s, ',') && take_rule(&s, &z->begin) && take(&s, ',') && take_rule(&s, &z->end) && s.len == 0;
}

/* Local seconds, by the clock before the change. */
static int64_t rule_at(const struct rule *r, int64_t year) {
    int64_t first = date_to_days((struct date){year, 1, 1}), day;
    if (r->kind == 'M') {
        int64_t month = date_to_days((struct date){year, r->month, 1});
        int ahead = (r->day - date_weekday(month) + 7) % 7, of_month = ahead + 7 * (r->week - 1);
        while (of_month >= date_month_days(year, r->month)) of_month -= 7; /* week 5 is the last */
        day = month + of_month;
    } else if (r->kind == 'J') {
        day = first + r->day - 1 + (date_is_leap(year) && r->day >= 60);
    } else {
        day = first + r->day;
    }
    return day * DAY + r->time;
}

/* The latest change of the years around decides; of two at once, the begin of summer time does. */
static struct span tail_at(const struct zone *z, int64_t utc) {
    struct span s = {INT64_MAX, z->standard};
    if (!z->has_summer) return s;
    int64_t year = date_of_days((utc + z->standard) / DAY - ((utc + z->standard) % DAY < 0)).year,
            latest = INT64_MIN;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        const struct span changes[] = {{rule_at(&z->end, y) - z->summer, z->standard},
                                       {rule_at(&z->begin, y) - z->standard, z->summer}};
        for (unsigned i = 0; i < 2; i++) {
            int64_t at = changes[i].until;
            if (at > utc) {
                if (at < s.until) s.until = at;
            } else if (at > latest || (at == latest && i == 1)) {
                latest = at;
                s.offset = changes[i].offset;
            }
        }
    }
    return s;
}

/* ===== instants ===== */

static struct span span_at(const struct zone *z, int64_t utc) {
    unsigned low = 0, high = z->n; /* the number of transitions at or before utc */
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (z->at[middle] <= utc) low = middle + 1;
        else high = middle;
    }
    if (low == z->n && z->has_tail) return tail_at(z, utc);
    return (struct span){low < z->n ? z->at[low] : INT64_MAX, low > 0 ? z->offset[low - 1] : z->before};
}

int32_t zone_offset(const struct zone *z, int64_t utc) {
    return span_at(z, utc).offset;
}

int64_t zone_to_utc(const struct zone *z, int64_t local) {
    for (int64_t t = local - MOST_OFFSET;;) { /* no clock shows `local` earlier */
        struct span s = span_at(z, t);
        int64_t at = local - s.offset;
        if (at < t) at = t;
        if (at < s.until) return at;
        t = s.until;
    }
}

const char *zone_name(const struct zone *z) {
    return z->name;
}

/* ===== TZif ===== */

static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static int64_t be64(const unsigned char *p) {
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
    size_t size; /* of the block behind the header */
};

static bool read_header(struct slice file, size_t at, size_t time_size, struct counts *ret) {
    const unsigned char *p = (const unsigned char *)file.at + at;
    if (file.len < at + HEADER || memcmp(p, "TZif", 4) != 0) return false;
    struct counts c = {be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40), 0};
    if (c.isut > file.len || c.isstd > file.len || c.leap > file.len || c.time > file.len ||
        c.type > file.len || c.chars > file.len || c.type == 0)
        return false;
    c.size = c.time * (time_size + 1) + c.type * LOCAL_TYPE + c.chars + c.leap * (time_size + 4) + c.isstd +
             c.isut;
    *ret = c;
    return file.len - at - HEADER >= c.size;
}

static bool read_types(const unsigned char *types, const struct counts *c, unsigned index, int32_t *ret) {
    if (index >= c->type) return false;
    *ret = (int32_t)be32(types + (size_t)index * LOCAL_TYPE);
    return *ret > -MOST_OFFSET && *ret < MOST_OFFSET;
}

static bool read_block(struct arena *arena, struct slice file, size_t at, const struct counts *c,
                       struct zone *z) {
    const unsigned char *times = (const unsigned char *)file.at + at,
                        *indices = times + c->time * sizeof(int64_t), *types = indices + c->time;
    z->at = arena_new_array(arena, int64_t, c->time + 1);
    z->offset = arena_new_array(arena, int32_t, c->time + 1);
    if (z->at == NULL || z->offset == NULL || !read_types(types, c, 0, &z->before)) return false;
    for (uint32_t i = 0; i < c->time; i++) {
        z->at[i] = be64(times + i * sizeof(int64_t));
        if ((i > 0 && z->at[i] <= z->at[i - 1]) || !read_types(types, c, indices[i], &z->offset[i]))
            return false;
    }
    z->n = c->time;
    return true;
}

enum fault zone_parse(struct arena *arena, const char *name, struct slice file, const struct zone **ret,
                      struct error *error) {
    struct counts first, second;
    struct slice footer, line, rest;
    struct zone *z = arena_new(arena, struct zone);
    if (z == NULL) return error_set(error, FAULT_NO_SPACE, "no room for time zone %s", name);
    z->name = arena_text(arena, slice_of(name));
    if (!read_header(file, 0, 4, &first) || file.at[4] < '2') goto none;
    size_t at = HEADER + first.size;
    if (!read_header(file, at, sizeof(int64_t), &second) || !read_block(arena, file, at + HEADER, &second, z))
        goto none;
    if (second.leap > 0)
        return error_set(error, FAULT_CONFIG,
                         "time zone %s counts leap seconds, which no server's clock does", name);
    at += HEADER + second.size;
    footer = slice_make(file.at + at, file.len - at);
    if (!take(&footer, '\n') || !slice_cut(footer, '\n', &line, &rest) || !parse_tail(line, z)) goto none;
    if (z->standard <= -MOST_OFFSET || z->standard >= MOST_OFFSET || z->summer <= -MOST_OFFSET ||
        z->summer >= MOST_OFFSET)
        goto none;
    if (arena_is_full(arena)) return error_set(error, FAULT_NO_SPACE, "no room for time zone %s", name);
    *ret = z;
    return FAULT_NONE;
none:
    if (arena_is_full(arena)) return error_set(error, FAULT_NO_SPACE, "no room for time zone %s", name);
    return error_set(error, FAULT_CONFIG, "the file of time zone %s is not a TZif file of version 2 or later",
                     name);
}

/* ===== the system's database ===== */

static bool read_whole(const char *path, size_t most, struct buffer *out) {
    char piece[4096];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    while ((got = read(fd, piece, sizeof piece)) != 0 && out->len <= most)
        if (got > 0) buffer_append(out, slice_make(piece, (size_t)got));
        else if (errno != EINTR) break;
    close(fd);
    return got == 0 && !out->overflow;
}

/* "Europe/London": words of letters, digits, _ + -, never a way out of the folder. */
static bool is_name(const char *name) {
    size_t len = strlen(name);
    if (len == 0 || len > LIMIT_ZONE_NAME || name[0] == '/' || name[len - 1] == '/') return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i], low = (char)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && strchr("_+-/", c) == NULL) return false;
    }
    return true;
}

enum fault zone_load(struct arena *arena, const char *name, const struct zone **ret, struct error *error) {
    char path[sizeof FOLDER + 1 + LIMIT_ZONE_NAME];
    struct buffer file;
    if (strcmp(name, "UTC") == 0) {
        struct zone *z = arena_new(arena, struct zone);
        if (z == NULL) return error_set(error, FAULT_NO_SPACE, "no room for time zone UTC");
        z->name = "UTC";
        *ret = z;
        return FAULT_NONE;
    }
    if (!is_name(name)) return error_set(error, FAULT_CONFIG, "no such time zone");
    snprintf(path, sizeof path, FOLDER "/%s", name);
    buffer_init(&file, LIMIT_ZONE_FILE);
    enum fault fault =
        read_whole(path, LIMIT_ZONE_FILE, &file) ? zone_parse(arena, name, buffer_slice(&file), ret, error)
        : access(FOLDER, R_OK) != 0
            ? error_set(error, FAULT_CONFIG, "the system has no time zones: install package tzdata")
            : error_set(error, FAULT_CONFIG, "no such time zone");
    buffer_deinit(&file);
    return fault;
}

/* 0: the same but for case; 1: ends in "/name"; 2, 3: one or two letters away; 4: none of it. */
static unsigned rank(struct slice known, struct slice wanted) {
    if (slice_eq_nocase(known, wanted)) return 0;
    if (known.len > wanted.len && known.at[known.len - wanted.len - 1] == '/' &&
        slice_eq_nocase(slice_make(known.at + known.len - wanted.len, wanted.len), wanted))
        return 1;
    return wanted.len < 5 ? 4 : slice_distance(known, wanted) + 1;
}

const char *zone_nearest(struct arena *arena, const char *name) {
    struct buffer list;
    struct slice rest, line, best = SLICE_NULL;
    unsigned least = 4;
    buffer_init(&list, LIMIT_ZONE_LIST);
    (void)read_whole(FOLDER "/tzdata.zi", LIMIT_ZONE_LIST, &list);
    for (rest = buffer_slice(&list); rest.len > 0 && least > 0;) {
        struct slice word, known;
        slice_cut(rest, '\n', &line, &rest);
        if (!slice_cut(line, ' ', &word, &known)) continue;
        if (slice_is(word, "L")) /* "L target name" */
            slice_cut(known, ' ', &word, &known);
        else if (slice_is(word, "Z")) /* "Z name rules" */ slice_cut(known, ' ', &known, &word);
        else continue;
        unsigned r = rank(known, slice_of(name));
        if (r < least) {
            least = r;
            best = known;
        }
    }
    const char *found = slice_is_null(best) ? NULL : arena_text(arena, best);
    buffer_deinit(&list);
    return found;
}
