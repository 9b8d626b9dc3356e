/* Reading records: list, count, find.
 *
 * A query goes through the day files one by one, newest or oldest first. In a day, the sieve tells which
 * stretches of places may hold what is asked for; these are read in order and every record is checked
 * exactly. */
#include "base/mem.h"
#include "store/ledger_store.h"

#include <stdlib.h>

enum {
    WANTED_MAX = 9,
    NAMES_FIRST = 64 << 10,
    NAMES_MAX = 64 << 20, /* far above LIMIT_NAMES_PER_FIELD times all fields */
    RECORD_FIRST = 32 << 10,
    RECORD_MAX = 1 << 20,
    LOOKED_AT_MOST = 250000 /* records for one page: some 0.2 s. A rare pair of common values is in every stretch */
};

struct stretch {
    int64_t lo, hi;
};

/* One query under way. */
struct scan {
    const struct ledger *ledger;
    const struct record_filter *filter;
    int64_t from_us, to_us; /* to_us INT64_MAX: open */
    uint32_t wanted[WANTED_MAX];
    unsigned n_wanted;
    bool has_cursor;
    int64_t cursor_day, cursor_place;
    struct arena record;
    bool (*match)(void *ctx, const struct record *r, int64_t day, int64_t place); /* false: enough */
    void *ctx;
    bool enough;
    unsigned left; /* records that may yet be looked at; 0 from the start: any number */
    bool cut;      /* there were more: (day, place) is the last one */
    int64_t cut_day, cut_place;
};

/* ---- the filter ---- */

static bool parse_cursor(struct slice text, int64_t *ret_day, int64_t *ret_place) {
    struct slice day, place;
    return slice_cut(text, '.', &day, &place) && slice_to_i64(day, ret_day) &&
           slice_to_i64(place, ret_place) && *ret_day >= 0 && *ret_place >= 0;
}

static void want(struct scan *s, enum sieve_field field, struct slice value) {
    if (!slice_is_null(value)) s->wanted[s->n_wanted++] = sieve_mark(field, value);
}

static enum fault scan_init(struct scan *s, const struct ledger *l, const struct record_filter *f,
                            struct error *error) {
    *s = (struct scan){
        .ledger = l, .filter = f, .from_us = f->from_us, .to_us = f->to_us > 0 ? f->to_us : INT64_MAX};
    if (!slice_is_null(f->cursor)) {
        if (!parse_cursor(f->cursor, &s->cursor_day, &s->cursor_place))
            return error_set(error, FAULT_BAD_REQUEST, "the cursor is not one that a former page gave");
        s->has_cursor = true;
    }
    want(s, SIEVE_APPLICATION, f->application);
    want(s, SIEVE_MODEL, f->model);
    want(s, SIEVE_USER, f->user);
    want(s, SIEVE_SESSION, f->session);
    want(s, SIEVE_REQUEST_TYPE, f->request_type);
    want(s, SIEVE_KEY, f->key);
    want(s, SIEVE_PROVIDER, f->provider);
    want(s, SIEVE_TAG, f->tag);
    if (f->status >= 0) s->wanted[s->n_wanted++] = sieve_status_mark((enum record_status)f->status);
    arena_init(&s->record, RECORD_FIRST, RECORD_MAX);
    return FAULT_NONE;
}

struct tag_search {
    struct slice wanted;
    bool found;
};
static void look_at_tag(void *ctx, struct slice tag) {
    struct tag_search *t = ctx;
    t->found |= slice_eq(tag, t->wanted);
}

static bool is(struct slice wanted, struct slice value) {
    return slice_is_null(wanted) || (!slice_is_null(value) && slice_eq(wanted, value));
}

/* "name", or "name@version"; a name may have an @ of its own. */
static bool is_prompt(struct slice wanted, const struct record *r) {
    struct slice name = r->prompt_name, version = r->prompt_version;
    if (slice_is_null(wanted)) return true;
    if (slice_is_null(name)) return false;
    if (slice_eq(wanted, name)) return true;
    return !slice_is_null(version) && wanted.len == name.len + 1 + version.len && slice_starts(wanted, name) && wanted.at[name.len] == '@' && slice_ends(wanted, version);
}

static bool matches(const struct scan *s, const struct record *r) {
    const struct record_filter *f = s->filter;
    int64_t time = ledger_time(r);
    if (time < s->from_us || time >= s->to_us) return false;
    if (f->status >= 0 && (int)r->status != f->status) return false;
    if (!is(f->application, r->application) || !is(f->model, r->model) || !is(f->user, r->user)) return false;
    if (!is(f->session, r->session) || !is(f->request_type, r->request_type)) return false;
    if (!is(f->key, r->key) || !is(f->provider, r->provider)) return false;
    if (!is_prompt(f->prompt, r) || (f->arm != ARM_NONE && f->arm != r->arm)) return false;
    if (slice_is_null(f->tag)) return true;
    struct tag_search t = {f->tag, false};
    sieve_tags(r->tags, look_at_tag, &t);
    return t.found;
}

/* ---- stretches ---- */

/* The places of this day that the times and the cursor leave. False: none. */
static bool bounds_of(const struct scan *s, const struct span *span, int64_t day, struct stretch *ret) {
    struct stretch b = {0, INT64_MAX};
    if (span->records == 0 || span->to_us < s->from_us || span->from_us >= s->to_us) return false;
    /* times that are days off bound nothing, and must not overflow */
    if (s->from_us > (day - 3) * DAY_US) b.lo = place_at(day, s->from_us - span->skew_to_us);
    if (s->to_us < (day + 3) * DAY_US)
        b.hi = place_at(day, s->to_us - span->skew_from_us) | ((1 << PLACE_BITS) - 1);
    if (s->has_cursor && day == s->cursor_day) {
        if (s->filter->oldest_first && b.lo <= s->cursor_place) b.lo = s->cursor_place + 1;
        if (!s->filter->oldest_first && b.hi >= s->cursor_place) b.hi = s->cursor_place - 1;
    }
    *ret = b;
    return b.lo <= b.hi;
}

static int by_lo(const void *a, const void *b) {
    const struct stretch *x = a, *y = b;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Runs may overlap (lanes, late records): merged, so that nothing is read twice. */
static size_t merge(struct stretch *at, size_t n) {
    size_t kept = 0;
    if (n > 1) qsort(at, n, sizeof *at, by_lo);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && at[i].lo <= at[kept - 1].hi + 1) {
            if (at[i].hi > at[kept - 1].hi) at[kept - 1].hi = at[i].hi;
        } else {
            at[kept++] = at[i];
        }
    }
    return kept;
}

/* What of `bounds` may hold the wanted values; *ret is released with mem_free. */
static enum fault sieve(const struct scan *s, struct database *db, struct stretch bounds,
                        struct stretch **ret, size_t *ret_n, struct error *error) {
    struct stretch *at = NULL;
    struct statement *q = NULL;
    size_t n = 0, capacity = 0;
    bool row = false;
    enum fault fault =
        statement_of(db, "SELECT lo, hi, marks FROM sieve WHERE hi >= ?1 AND lo <= ?2", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(q, 1, bounds.lo);
    statement_bind_i64(q, 2, bounds.hi);
    while ((fault = statement_step(q, &row, error)) == FAULT_NONE && row) {
        if (!sieve_may_hold(statement_bytes(q, 2), s->wanted, s->n_wanted)) continue;
        if (n == capacity) {
            capacity = capacity > 0 ? 2 * capacity : 64;
            at = mem_resize(at, capacity * sizeof *at);
        }
        int64_t lo = statement_i64(q, 0), hi = statement_i64(q, 1);
        at[n++] = (struct stretch){lo > bounds.lo ? lo : bounds.lo, hi < bounds.hi ? hi : bounds.hi};
    }
    statement_reset(q);
    if (fault != FAULT_NONE) {
        mem_free(at);
        return fault;
    }
    *ret_n = merge(at, n);
    *ret = at;
    return FAULT_NONE;
}

/* ---- reading ---- */

static enum fault corrupt(struct database *db, struct error *error) {
    return error_set(error, FAULT_CORRUPT, "%s: a record cannot be read", database_name(db));
}

static enum fault read_stretch(struct scan *s, struct database *db, const struct name_list *names,
                               int64_t day, struct stretch stretch, struct error *error) {
    struct statement *q;
    bool row = false;
    enum fault fault =
        s->filter->oldest_first
            ? statement_of(db, "SELECT place, body FROM record WHERE place BETWEEN ?1 AND ?2 ORDER BY place",
                           &q, error)
            : statement_of(db,
                           "SELECT place, body FROM record WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC",
                           &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(q, 1, stretch.lo);
    statement_bind_i64(q, 2, stretch.hi);
    while (!s->enough && (fault = statement_step(q, &row, error)) == FAULT_NONE && row) {
        struct record r;
        arena_reset(&s->record);
        if (!row_decode(names, statement_bytes(q, 1), &s->record, &r)) {
            fault = corrupt(db, error);
            break;
        }
        if (matches(s, &r)) s->enough = !s->match(s->ctx, &r, day, statement_i64(q, 0));
        if (s->left > 0 && --s->left == 0 && !s->enough) {
            s->enough = s->cut = true;
            s->cut_day = day;
            s->cut_place = statement_i64(q, 0);
        }
    }
    statement_reset(q);
    return fault;
}

/* Inside a read transaction. */
static enum fault read_records(struct scan *s, struct database *db, int64_t day, struct error *error) {
    struct span span;
    struct stretch bounds, *at = NULL;
    struct name_list names;
    struct arena arena;
    size_t n = 0;
    arena_init(&arena, NAMES_FIRST, NAMES_MAX);
    enum fault fault = span_load(&span, db, error);
    if (fault == FAULT_NONE && bounds_of(s, &span, day, &bounds)) {
        fault = name_list_load(&names, db, &arena, error);
        if (fault == FAULT_NONE && s->n_wanted > 0) fault = sieve(s, db, bounds, &at, &n, error);
        if (s->n_wanted == 0) {
            at = mem_copy(&bounds, sizeof bounds);
            n = 1;
        }
        for (size_t i = 0; at != NULL && i < n && fault == FAULT_NONE && !s->enough; i++)
            fault = read_stretch(s, db, &names, day, at[s->filter->oldest_first ? i : n - 1 - i], error);
    }
    mem_free(at);
    arena_deinit(&arena);
    return fault;
}

static enum fault read_day(struct scan *s, struct database *db, int64_t day, struct error *error) {
    enum fault fault = database_begin_read(db, error);
    if (fault == FAULT_NONE) fault = read_records(s, db, day, error);
    database_end_read(db);
    return fault;
}

/* Days whose records may be within the times: a record is at most a day from its id. */
static bool day_counts(const struct scan *s, int64_t day) {
    if ((day + 2) * DAY_US <= s->from_us || (day - 1) * DAY_US >= s->to_us) return false;
    if (!s->has_cursor) return true;
    return s->filter->oldest_first ? day >= s->cursor_day : day <= s->cursor_day;
}

static enum fault scan_run(struct scan *s, struct error *error) {
    struct days days = {0};
    enum fault fault = ledger_days(s->ledger, LEDGER_RECORDS, &days, error);
    for (size_t i = 0; i < days.n && fault == FAULT_NONE && !s->enough; i++) {
        int64_t day = days.at[s->filter->oldest_first ? i : days.n - 1 - i];
        struct database *db = NULL;
        if (!day_counts(s, day)) continue;
        fault = ledger_open_day(s->ledger, LEDGER_RECORDS, day, &db, error);
        if (fault == FAULT_NONE && db != NULL) fault = read_day(s, db, day, error);
        database_close(db);
    }
    days_deinit(&days);
    arena_deinit(&s->record);
    return fault;
}

/* ---- list ---- */

struct page {
    bool (*each)(void *ctx, const struct record *r);
    void *ctx;
    unsigned left;
    int64_t day, place; /* of the last record given */
    bool given, more;
};

static bool give(void *ctx, const struct record *r, int64_t day, int64_t place) {
    struct page *p = ctx;
    if (p->left == 0) {
        p->more = true;
        return false;
    }
    p->left--;
    p->day = day;
    p->place = place;
    p->given = true;
    if (p->each(p->ctx, r)) return true;
    p->more = true;
    return false;
}

enum fault ledger_list(struct ledger *l, const struct record_filter *f, struct arena *arena,
                       bool (*each)(void *ctx, const struct record *r), void *ctx, struct slice *ret_cursor,
                       struct error *error) {
    struct scan s;
    struct page page = {.each = each, .ctx = ctx, .left = f->limit};
    if (f->limit == 0 || f->limit > LIMIT_PAGE)
        return error_set(error, FAULT_BAD_REQUEST, "expected a limit of 1 to %d, found %u", LIMIT_PAGE,
                         f->limit);
    enum fault fault = scan_init(&s, l, f, error);
    if (fault != FAULT_NONE) return fault;
    s.match = give;
    s.ctx = &page;
    s.left = l->looked_at_most > 0 ? l->looked_at_most : LOOKED_AT_MOST;
    fault = scan_run(&s, error);
    if (fault != FAULT_NONE) return fault;
    if (s.cut) page.more = page.given = true, page.day = s.cut_day, page.place = s.cut_place;
    struct slice cursor = SLICE_NULL;
    if (page.more && page.given)
        cursor = arena_printf(arena, "%lld.%lld", (long long)page.day, (long long)page.place);
    if (page.more && slice_is_null(cursor))
        return error_set(error, FAULT_TOO_LARGE, "no room for the cursor");
    *ret_cursor = cursor;
    return FAULT_NONE;
}

/* ---- all of one day ---- */

struct every {
    bool (*each)(void *ctx, const struct record *r);
    void *ctx;
};

static bool give_plainly(void *ctx, const struct record *r, int64_t day, int64_t place) {
    const struct every *e = ctx;
    (void)day, (void)place;
    return e->each(e->ctx, r);
}

enum fault ledger_scan_day(struct database *db, int64_t day, const struct record_filter *f,
                           bool (*each)(void *ctx, const struct record *r), void *ctx, struct error *error) {
    struct record_filter filter = *f;
    struct every every = {each, ctx};
    struct scan s;
    filter.cursor = SLICE_NULL;
    enum fault fault = scan_init(&s, NULL, &filter, error);
    if (fault != FAULT_NONE) return fault;
    s.match = give_plainly;
    s.ctx = &every;
    fault = read_records(&s, db, day, error);
    arena_deinit(&s.record);
    return fault;
}

/* ---- count ---- whole minutes by rollups where the filter allows, the rest record by record */

static bool count_one(void *ctx, const struct record *r, int64_t day, int64_t place) {
    (void)r, (void)day, (void)place;
    ++*(uint64_t *)ctx;
    return true;
}

static enum fault count_records(struct ledger *l, const struct record_filter *f, int64_t from_us,
                                int64_t to_us, uint64_t *n, struct error *error) {
    struct record_filter part = *f;
    struct scan s;
    part.from_us = from_us;
    part.to_us = to_us;
    part.cursor = SLICE_NULL;
    enum fault fault = scan_init(&s, l, &part, error);
    if (fault != FAULT_NONE) return fault;
    s.match = count_one;
    s.ctx = n;
    return scan_run(&s, error);
}

struct summing {
    const struct record_filter *filter;
    uint64_t n;
    bool folded; /* some records are summed under "(other)" and cannot be told apart */
};

static bool sum_group(void *ctx, const struct rollup *r) {
    struct summing *s = ctx;
    const struct record_filter *f = s->filter;
    s->folded |= slice_eq(r->model, ROLLUP_OTHER);
    if (is(f->model, r->model) && is(f->request_type, r->request_type))
        s->n += f->status >= 0 && f->status < RECORD_STATUS_COUNT ? r->by_status[f->status]
                : f->status < 0                                   ? r->count
                                                                  : 0;
    return true;
}

static bool rollups_know(const struct record_filter *f) {
    return slice_is_null(f->user) && slice_is_null(f->session) && slice_is_null(f->key) &&
           slice_is_null(f->provider) && slice_is_null(f->tag);
}

enum fault ledger_count(struct ledger *l, const struct record_filter *f, uint64_t *ret, struct error *error) {
    uint64_t n = 0;
    int64_t from = f->from_us > 0 ? f->from_us : 0, last = INT64_MAX - INT64_MAX % MINUTE_US - MINUTE_US;
    int64_t first = from < last ? (from + MINUTE_US - 1) / MINUTE_US * MINUTE_US : last;
    int64_t end = f->to_us > 0 && f->to_us < last ? f->to_us - f->to_us % MINUTE_US : last;
    struct summing s = {.filter = f};
    struct rollup_query q = {
        .from_us = first, .to_us = end, .by = BY_MODEL | BY_REQUEST_TYPE, .application = f->application};
    enum fault fault = FAULT_NONE;
    bool whole = rollups_know(f) && first < end;
    if (whole) fault = ledger_rollup(l, &q, sum_group, &s, error);
    if (fault != FAULT_NONE) return fault;
    if (whole && !s.folded) {
        n = s.n;
        if (from < first) fault = count_records(l, f, from, first, &n, error);
        if (fault == FAULT_NONE && f->to_us > end) fault = count_records(l, f, end, f->to_us, &n, error);
    } else {
        fault = count_records(l, f, f->from_us, f->to_us, &n, error);
    }
    if (fault == FAULT_NONE) *ret = n;
    return fault;
}

/* ---- find ---- */

/* A copy that depends on nothing but `arena`. */
static bool copy_record(const struct record *r, struct arena *arena, struct record *ret) {
    struct buffer bytes;
    buffer_init(&bytes, LIMIT_RECORD);
    struct slice copy = record_encode(r, &bytes) ? arena_slice(arena, buffer_slice(&bytes)) : SLICE_NULL;
    bool good = !slice_is_null(copy) && record_decode(copy, arena, ret);
    buffer_deinit(&bytes);
    return good;
}

/* The row of `id`, which is at its place or, where ids share one, at a place behind it. */
static enum fault find_row(struct database *db, const struct record_id *id, struct arena *scratch,
                           struct slice *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(db, "SELECT body FROM record WHERE place = ?1", &s, error);
    for (int64_t place = place_of(id); fault == FAULT_NONE; place++) {
        struct record_id there;
        statement_bind_i64(s, 1, place);
        fault = statement_step(s, &row, error);
        if (fault != FAULT_NONE) break;
        if (!row) return error_set(error, FAULT_NOT_FOUND, "no such record");
        *ret = statement_bytes(s, 0);
        if (!row_id(*ret, scratch, &there)) return corrupt(db, error);
        if (memcmp(&there, id, sizeof there) == 0)
            return FAULT_NONE; /* the row is borrowed until the connection closes */
        arena_reset(scratch);
        statement_reset(s);
    }
    return fault;
}

static enum fault find_in(struct database *db, const struct record_id *id, struct arena *arena,
                          struct record *ret, struct error *error) {
    struct arena own, scratch;
    struct name_list names;
    struct slice body = SLICE_NULL;
    struct record r;
    arena_init(&own, NAMES_FIRST, NAMES_MAX);
    arena_init(&scratch, RECORD_FIRST, RECORD_MAX);
    enum fault fault = name_list_load(&names, db, &own, error);
    if (fault == FAULT_NONE) fault = find_row(db, id, &scratch, &body, error);
    if (fault == FAULT_NONE && !row_decode(&names, body, &scratch, &r)) fault = corrupt(db, error);
    if (fault == FAULT_NONE && !copy_record(&r, arena, ret))
        fault = error_set(error, FAULT_TOO_LARGE, "no room for the record");
    arena_deinit(&scratch);
    arena_deinit(&own);
    return fault;
}

enum fault ledger_find(struct ledger *l, const struct record_id *id, struct arena *arena, struct record *ret,
                       struct error *error) {
    struct database *db = NULL;
    enum fault fault = ledger_open_day(l, LEDGER_RECORDS, place_day(id), &db, error);
    if (fault != FAULT_NONE) return fault;
    if (db == NULL) return error_set(error, FAULT_NOT_FOUND, "no such record");
    fault = database_begin_read(db, error);
    if (fault == FAULT_NONE) fault = find_in(db, id, arena, ret, error);
    database_close(db);
    return fault;
}
