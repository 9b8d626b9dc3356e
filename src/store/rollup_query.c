/* Reading rollups: rows of the day files, merged into the groups that were asked for.
 *
 * Time goes in windows, so that memory holds the groups of one window only: with BY_TIME a window is at least
 * one step, otherwise all windows add to one set of groups. Whole hours are read from rollup_hour where the
 * step allows, the rest from rollup_minute; of the views that tell apart what is asked for the first that is kept (rollup.h). A window looks at the files of its day and of the days beside it,
 * as a record's time is within a day of its id's. */
#include "base/mem.h"
#include "store/ledger_store.h"
#include "store/varint.h"

#include <stdlib.h>

enum {
    GROUPS_MAX = 100000, /* of one window; more is a question for a smaller one */
    FILES_OPEN = 3,
    KEY_TEXT = 16 << 10
};

enum unit { MINUTES, HOURS, DAYS, UNITS };

struct group {
    struct rollup sums; /* names point into `text` */
    char *text;
};

/* A dimension row's texts, by id, and whether the query wants it. */
struct dimension {
    struct slice texts[ROLLUP_TEXTS];
    bool wanted;
};

struct file {
    int64_t day;
    struct database *db; /* NULL: there is no such file */
    struct span span;
    struct arena arena;
    struct dimension *dimensions;
    int64_t n_dimensions;
    unsigned views[UNITS]; /* that are read of each unit */
    bool days;             /* it has sums by the day */
};

struct rollup_scan {
    struct ledger *ledger;
    const struct rollup_query *query;
    int64_t from_us, to_us; /* whole minutes */
    struct file files[FILES_OPEN];
    struct table groups;
};

/* ---- files ---- */

static void close_file(struct file *f) {
    database_close(f->db);
    arena_deinit(&f->arena);
    *f = (struct file){.day = -1};
}

static bool is_wanted(const struct rollup_query *q, const struct slice *texts) {
    if (!slice_is_null(q->application) && (slice_is_null(texts[0]) || !slice_eq(q->application, texts[0])))
        return false;
    if (!slice_is_null(q->request_type) && (slice_is_null(texts[1]) || !slice_eq(q->request_type, texts[1])))
        return false;
    if (!slice_is_null(q->model) && (slice_is_null(texts[2]) || !slice_eq(q->model, texts[2]))) return false;
    if (!slice_is_null(q->provider) && (slice_is_null(texts[6]) || !slice_eq(q->provider, texts[6]))) return false;
    return rollup_is_prompt(q->prompt, texts[3]);
}

/* Dimensions that group or filter. */
static unsigned needed_of(const struct rollup_query *q) {
    unsigned needed = q->by & ~(unsigned)BY_TIME;
    if (!slice_is_null(q->application)) needed |= BY_APPLICATION;
    if (!slice_is_null(q->request_type)) needed |= BY_REQUEST_TYPE;
    if (!slice_is_null(q->model)) needed |= BY_MODEL;
    if (!slice_is_null(q->provider)) needed |= BY_PROVIDER;
    if (!slice_is_null(q->prompt)) needed |= BY_PROMPT;
    return needed;
}

/* The smallest that tells apart what is asked for; the first always does. */
static unsigned view_for(const struct rollup_query *q, enum unit unit) {
    static const unsigned char by_size[] = {1, 2, 4, 3};
    unsigned needed = needed_of(q);
    for (unsigned i = 0; i < sizeof by_size; i++) {
        const struct rollup_view *v = &rollup_views[by_size[i]];
        if ((needed & ~v->by) == 0 && (v->minutes || unit != MINUTES)) return by_size[i];
    }
    return 0;
}

static enum fault choose_views(const struct rollup_query *q, struct file *f, int64_t version, struct error *error) {
    int64_t whole = 0, days = 0;
    enum fault fault = FAULT_NONE;
    if (version >= ROLLUP_VIEW_SCHEMA) fault = database_number(f->db, "SELECT whole FROM view_state", &whole, error);
    if (fault == FAULT_NONE && version >= ROLLUP_DAY_SCHEMA) fault = database_number(f->db, "SELECT days FROM view_state", &days, error);
    for (unsigned unit = 0; unit < UNITS; unit++) f->views[unit] = whole ? view_for(q, (enum unit)unit) : 0;
    f->days = days != 0;
    return fault;
}

/* The names are read once per file and query: within one view of the file, so that no row misses its name. */
static enum fault load_dimensions(struct rollup_scan *s, struct file *f, struct error *error) {
    struct statement *q;
    bool row = false;
    int64_t last = 0, version = 0;
    unsigned needed = needed_of(s->query);
    enum fault fault = database_number(f->db, "PRAGMA user_version", &version, error);
    if (fault == FAULT_NONE) fault = choose_views(s->query, f, version, error);
    if (fault == FAULT_NONE) fault = database_number(f->db, "SELECT max(id) FROM dimension", &last, error);
    f->dimensions = arena_new_array(&f->arena, struct dimension, (size_t)last + 1);
    f->n_dimensions = last + 1;
    if (fault == FAULT_NONE)
        fault = version < ROLLUP_VIEW_SCHEMA
                    ? statement_of(f->db, "SELECT id, application, request_type, model, prompt, feature, team, NULL FROM dimension", &q, error)
                    : statement_of(f->db,
                                   "SELECT id, application, request_type, model, prompt, feature, team, provider FROM dimension"
                                   " WHERE view IN (?1, ?2, ?3)",
                                   &q, error);
    if (fault != FAULT_NONE) return fault;
    for (int unit = 0; version >= ROLLUP_VIEW_SCHEMA && unit < UNITS; unit++) statement_bind_i64(q, 1 + unit, f->views[unit]);
    while ((fault = statement_step(q, &row, error)) == FAULT_NONE && row) {
        int64_t id = statement_i64(q, 0);
        if (f->dimensions == NULL || id < 0 || id > last) continue;
        struct dimension *d = &f->dimensions[id];
        for (int i = 0; i < ROLLUP_TEXTS; i++)
            if (needed & rollup_bits[i]) d->texts[i] = statement_copy(q, i + 1, &f->arena);
        d->wanted = is_wanted(s->query, d->texts);
    }
    statement_reset(q);
    if (fault == FAULT_NONE && arena_is_full(&f->arena))
        fault = error_set(error, FAULT_TOO_LARGE, "%s: too many dimensions", database_name(f->db));
    return fault;
}

static enum fault open_file(struct rollup_scan *s, struct file *f, int64_t day, struct error *error) {
    close_file(f);
    arena_init(&f->arena, 16 << 10, 64 << 20);
    enum fault fault = ledger_open_day(s->ledger, LEDGER_RECORDS, day, &f->db, error);
    if (fault == FAULT_NONE && f->db != NULL) {
        fault = database_begin_read(f->db, error);
        if (fault == FAULT_NONE) fault = span_load(&f->span, f->db, error);
        if (fault == FAULT_NONE) fault = load_dimensions(s, f, error);
    }
    if (fault != FAULT_NONE) {
        close_file(f);
        return fault;
    }
    f->day = day;
    return FAULT_NONE;
}

/* ---- groups ---- */

static struct slice *name_of(struct rollup *r, int i) {
    struct slice *names[ROLLUP_TEXTS] = {&r->application, &r->request_type, &r->model,   &r->prompt,
                                         &r->feature,     &r->team,         &r->provider};
    return names[i];
}

/* start, then each text that is asked for with its length + 1, or 0 for null. */
static void put_key(struct buffer *key, unsigned by, int64_t start, const struct dimension *d) {
    buffer_clear(key);
    buffer_append(key, slice_make((const char *)&start, sizeof start));
    for (int i = 0; i < ROLLUP_TEXTS; i++) {
        struct slice text = (by & rollup_bits[i]) ? d->texts[i] : SLICE_NULL;
        varint_put(key, slice_is_null(text) ? 0 : text.len + 1);
        buffer_append(key, text);
    }
}

static struct group *new_group(struct slice key) {
    struct group *g = mem_new(struct group);
    rollup_init(&g->sums);
    g->text = mem_copy(key.at, key.len);
    memcpy(&g->sums.start_us, g->text, sizeof g->sums.start_us);
    struct slice rest = {g->text + sizeof g->sums.start_us, key.len - sizeof g->sums.start_us};
    for (int i = 0; i < ROLLUP_TEXTS; i++) {
        uint64_t len = 0;
        if (!varint_take(&rest, &len) || len == 0) continue;
        *name_of(&g->sums, i) = slice_make(rest.at, (size_t)len - 1);
        rest.at += len - 1, rest.len -= (size_t)len - 1;
    }
    return g;
}

static void clear_groups(struct rollup_scan *s) {
    size_t cursor = 0;
    void *value;
    while (table_next(&s->groups, &cursor, NULL, &value)) {
        struct group *g = value;
        rollup_deinit(&g->sums);
        mem_free(g->text);
        mem_free(g);
    }
    table_deinit(&s->groups);
    table_init(&s->groups);
}

static int by_text(struct slice a, struct slice b) {
    if (slice_is_null(a) || slice_is_null(b)) return slice_is_null(b) - slice_is_null(a);
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least > 0 ? memcmp(a.at, b.at, least) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_time_and_names(const void *a, const void *b) {
    struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    int order = (x->sums.start_us > y->sums.start_us) - (x->sums.start_us < y->sums.start_us);
    for (int i = 0; i < ROLLUP_TEXTS && order == 0; i++)
        order = by_text(*name_of(&x->sums, i), *name_of(&y->sums, i));
    return order;
}

/* Gives all groups and forgets them. False: `each` has enough. */
static bool give_groups(struct rollup_scan *s, bool (*each)(void *ctx, const struct rollup *r), void *ctx) {
    struct group **all = mem_new_array(struct group *, s->groups.count + 1);
    size_t n = 0, cursor = 0;
    void *value;
    bool more = true;
    while (table_next(&s->groups, &cursor, NULL, &value)) all[n++] = value;
    qsort(all, n, sizeof *all, by_time_and_names);
    for (size_t i = 0; i < n && more; i++) more = each(ctx, &all[i]->sums);
    mem_free(all);
    clear_groups(s);
    return more;
}

/* ---- reading ---- */

static enum fault add_row(struct rollup_scan *s, struct file *f, struct statement *q, struct buffer *key,
                          struct error *error) {
    const struct rollup_query *query = s->query;
    int64_t start = statement_i64(q, 0), id = statement_i64(q, 1);
    if (id < 0 || id >= f->n_dimensions || !f->dimensions[id].wanted) return FAULT_NONE;
    put_key(key, query->by, query->by & BY_TIME ? start - start % query->step_us : 0, &f->dimensions[id]);
    struct group *g = table_get(&s->groups, buffer_slice(key));
    if (g == NULL) {
        if (s->groups.count >= GROUPS_MAX)
            return error_set(error, FAULT_TOO_LARGE,
                             "more than %d groups: ask for fewer dimensions or a larger step", GROUPS_MAX);
        g = new_group(buffer_slice(key));
        table_put(&s->groups, buffer_slice(key), g);
    }
    if (!rollup_decode(statement_bytes(q, 2), query->without, &g->sums))
        return error_set(error, FAULT_CORRUPT, "%s: a rollup cannot be read", database_name(f->db));
    return FAULT_NONE;
}

#define SELECT_DAYS "SELECT start, dimension, body FROM view_day WHERE view = ?3 AND start >= ?1 AND start < ?2"
static const char *const select_rows[UNITS][2] = {
    {"SELECT start, dimension, body FROM rollup_minute WHERE start >= ?1 AND start < ?2 AND ?3 = 0",
     "SELECT start, dimension, body FROM view_minute WHERE view = ?3 AND start >= ?1 AND start < ?2"},
    {"SELECT start, dimension, body FROM rollup_hour WHERE start >= ?1 AND start < ?2 AND ?3 = 0",
     "SELECT start, dimension, body FROM view_hour WHERE view = ?3 AND start >= ?1 AND start < ?2"},
    {SELECT_DAYS, SELECT_DAYS},
};

static enum fault read_file(struct rollup_scan *s, struct file *f, enum unit unit, int64_t from, int64_t to,
                            struct error *error) {
    struct statement *q;
    struct buffer key;
    bool row = false;
    if (f->db == NULL || f->span.records == 0 || f->span.to_us < from || f->span.from_us >= to)
        return FAULT_NONE;
    if (unit == DAYS && !f->days) unit = HOURS;
    enum fault fault = statement_of(f->db, select_rows[unit][f->views[unit] > 0], &q, error);
    if (fault != FAULT_NONE) return fault;
    buffer_init(&key, KEY_TEXT);
    statement_bind_i64(q, 1, from);
    statement_bind_i64(q, 2, to);
    statement_bind_i64(q, 3, f->views[unit]);
    while ((fault = statement_step(q, &row, error)) == FAULT_NONE && row)
        if ((fault = add_row(s, f, q, &key, error)) != FAULT_NONE) break;
    statement_reset(q);
    buffer_deinit(&key);
    return fault;
}

/* `from` and `to` lie in one day. */
static enum fault read_part(struct rollup_scan *s, enum unit unit, int64_t from, int64_t to,
                            struct error *error) {
    enum fault fault = FAULT_NONE;
    if (from >= to) return FAULT_NONE;
    int64_t today = from / DAY_US;
    for (int64_t day = today > 0 ? today - 1 : 0; day <= today + 1 && fault == FAULT_NONE; day++) {
        struct file *f = &s->files[day % FILES_OPEN];
        if (f->day != day) fault = open_file(s, f, day, error);
        if (fault == FAULT_NONE) fault = read_file(s, f, unit, from, to, error);
    }
    return fault;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static int64_t up(int64_t t, int64_t unit) {
    return (t + unit - 1) / unit * unit;
}

/* One window, day by day: a whole day at once; else minutes up to the first whole hour, hours, minutes behind the last. */
static enum fault read_window(struct rollup_scan *s, int64_t from, int64_t to, struct error *error) {
    bool by_time = s->query->by & BY_TIME, hours = !by_time || s->query->step_us % HOUR_US == 0;
    bool days = !by_time || s->query->step_us % DAY_US == 0;
    enum fault fault = FAULT_NONE;
    while (from < to && fault == FAULT_NONE) {
        int64_t end = least(to, (from / DAY_US + 1) * DAY_US);
        int64_t first = hours ? least(up(from, HOUR_US), end) : end, last = hours ? end - end % HOUR_US : end;
        if (last < first) last = first;
        if (days && from % DAY_US == 0 && end - from == DAY_US) {
            fault = read_part(s, DAYS, from, end, error);
            from = end;
            continue;
        }
        fault = read_part(s, MINUTES, from, first, error);
        if (fault == FAULT_NONE) fault = read_part(s, HOURS, first, last, error);
        if (fault == FAULT_NONE) fault = read_part(s, MINUTES, last, end, error);
        from = end;
    }
    return fault;
}

/* What the files can hold at all narrows an open query. False: nothing. */
static enum fault clip(struct rollup_scan *s, bool *ret_any, struct error *error) {
    const struct rollup_query *q = s->query;
    struct days days = {0};
    enum fault fault = ledger_days(s->ledger, LEDGER_RECORDS, &days, error);
    if (fault != FAULT_NONE) return fault;
    *ret_any = days.n > 0;
    if (days.n > 0) {
        int64_t first = (days.at[0] > 0 ? days.at[0] - 1 : 0) * DAY_US,
                last = (days.at[days.n - 1] + 2) * DAY_US;
        s->from_us = q->from_us > first ? q->from_us - q->from_us % MINUTE_US : first;
        s->to_us = q->to_us > 0 && q->to_us < last ? up(q->to_us, MINUTE_US) : last;
    }
    days_deinit(&days);
    return FAULT_NONE;
}

enum fault ledger_rollup(struct ledger *l, const struct rollup_query *q,
                         bool (*each)(void *ctx, const struct rollup *r), void *ctx, struct error *error) {
    struct rollup_scan s = {.ledger = l, .query = q};
    bool any = false, more = true, by_time = q->by & BY_TIME;
    if (by_time && (q->step_us <= 0 || q->step_us % MINUTE_US != 0))
        return error_set(error, FAULT_BAD_REQUEST, "expected a step of whole minutes, found %lld us",
                         (long long)q->step_us);
    enum fault fault = clip(&s, &any, error);
    if (fault != FAULT_NONE || !any) return fault;
    for (int i = 0; i < FILES_OPEN; i++) s.files[i].day = -1;
    table_init(&s.groups);
    /* a window is a whole number of steps and about an hour or more */
    int64_t window = by_time ? up(HOUR_US, q->step_us) : DAY_US;
    for (int64_t from = s.from_us; from < s.to_us && more && fault == FAULT_NONE;) {
        int64_t end = least(s.to_us, (from / window + 1) * window);
        fault = read_window(&s, from, end, error);
        if (by_time && fault == FAULT_NONE) more = give_groups(&s, each, ctx);
        from = end;
    }
    if (!by_time && fault == FAULT_NONE) give_groups(&s, each, ctx);
    clear_groups(&s);
    table_deinit(&s.groups);
    for (int i = 0; i < FILES_OPEN; i++) close_file(&s.files[i]);
    return fault;
}

enum fault ledger_oldest(struct ledger *l, int64_t *ret_us, struct error *error) {
    struct days days = {0};
    enum fault fault = ledger_days(l, LEDGER_RECORDS, &days, error);
    if (fault == FAULT_NONE) *ret_us = days.n > 0 ? days.at[0] * DAY_US : 0;
    days_deinit(&days);
    return fault;
}
