#include "store/follow.h"

#include "base/mem.h"
#include "store/ledger_store.h"
#include "store/varint.h"

#include <stdio.h>

enum { AT_ONCE = 256 /* records: a server with little traffic has a transaction for each */, ARRIVALS_SINCE = 4, NAMES_FIRST = 64 << 10, NAMES_MAX = 64 << 20, RECORD_FIRST = 32 << 10, RECORD_MAX = 1 << 20 };

/* ---- what was had ---- */

static int64_t had(const struct follow *f, int64_t day) {
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].day == day) return f->at[i].batch;
    return 0;
}

/* Gets no more. While fewer are known, any may be new: of a long exchange, or since the clock was ahead and is not any more. */
static bool is_over(const struct follow *f, int64_t day) { return f->n == FOLLOW_DAYS && day < f->at[0].day; }

static void put(struct follow *f, int64_t day, int64_t batch) {
    unsigned at = 0;
    while (at < f->n && f->at[at].day < day) at++;
    if (at < f->n && f->at[at].day == day) {
        f->at[at].batch = batch;
        return;
    }
    if (f->n == FOLLOW_DAYS) { /* the oldest goes; `day` is newer, or it would not have been looked at */
        memmove(&f->at[0], &f->at[1], (FOLLOW_DAYS - 1) * sizeof f->at[0]);
        f->n--;
        at = at > 0 ? at - 1 : 0;
    }
    memmove(&f->at[at + 1], &f->at[at], (f->n - at) * sizeof f->at[0]);
    f->at[at].day = day;
    f->at[at].batch = batch;
    f->n++;
}

void follow_format(const struct follow *f, char out[FOLLOW_TEXT]) {
    size_t n = 0;
    out[0] = 0;
    for (unsigned i = 0; i < f->n; i++)
        n += (size_t)snprintf(out + n, FOLLOW_TEXT - n, "%s%lld:%lld", i > 0 ? "," : "", (long long)f->at[i].day, (long long)f->at[i].batch);
}

bool follow_parse(struct slice text, struct follow *ret) {
    struct follow f = {.n = 0};
    struct slice rest = text, one, day, batch;
    while (rest.len > 0) {
        int64_t d, b;
        slice_cut(rest, ',', &one, &rest);
        if (f.n == FOLLOW_DAYS || !slice_cut(one, ':', &day, &batch) || !slice_to_i64(day, &d) || !slice_to_i64(batch, &b)) return false;
        put(&f, d, b);
    }
    *ret = f;
    return true;
}

bool follow_resume(struct slice text, struct follow *f) {
    char is[FOLLOW_TEXT];
    follow_format(f, is);
    return slice_is(text, is) || follow_parse(text, f);
}

/* ---- one day ---- */

static enum fault newest(struct database *db, int64_t *ret, struct error *error) {
    int64_t version = 0;
    *ret = 0;
    enum fault fault = database_number(db, "PRAGMA user_version", &version, error);
    if (fault != FAULT_NONE || version < ARRIVALS_SINCE) return fault;
    return database_number(db, "SELECT ifnull(max(batch), 0) FROM arrival", ret, error);
}

struct step {
    void (*each)(void *ctx, const struct record *r);
    void *ctx;
    unsigned told;
    struct name_list names;
    struct arena names_arena, record;
};

static enum fault tell(struct step *s, struct database *db, int64_t place, struct error *error) {
    struct statement *q;
    struct record r;
    bool row = false;
    enum fault fault = statement_of(db, "SELECT body FROM record WHERE place = ?1", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(q, 1, place);
    fault = statement_step(q, &row, error);
    arena_reset(&s->record);
    if (fault == FAULT_NONE && row) {
        if (row_decode(&s->names, statement_bytes(q, 0), &s->record, &r)) s->each(s->ctx, &r);
        else fault = error_set(error, FAULT_CORRUPT, "%s: a record cannot be read", database_name(db));
    }
    statement_reset(q);
    return fault;
}

/* The first transaction behind `after`; *ret_batch 0: there is none. */
static enum fault read_batch(struct step *s, struct database *db, int64_t after, int64_t *ret_batch, struct error *error) {
    struct statement *q;
    bool row = false;
    uint64_t delta;
    int64_t place = 0;
    *ret_batch = 0;
    enum fault fault = statement_of(db, "SELECT batch, places FROM arrival WHERE batch > ?1 ORDER BY batch LIMIT 1", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(q, 1, after);
    fault = statement_step(q, &row, error);
    if (fault == FAULT_NONE && row) {
        struct slice places = statement_bytes(q, 1);
        *ret_batch = statement_i64(q, 0);
        while (fault == FAULT_NONE && places.len > 0) {
            if (!varint_take(&places, &delta)) fault = error_set(error, FAULT_CORRUPT, "%s: an arrival cannot be read", database_name(db));
            else fault = tell(s, db, place += varint_to_signed(delta), error);
            s->told++;
        }
    }
    statement_reset(q);
    return fault;
}

static enum fault follow_day(struct step *s, struct database *db, int64_t day, struct follow *f, bool *ret_any, struct error *error) {
    int64_t last = 0, batch = 0, before = had(f, day), after = before;
    enum fault fault = database_begin_read(db, error);
    if (fault == FAULT_NONE) fault = newest(db, &last, error);
    if (after > last) before = after = 0; /* it was replaced */
    if (fault == FAULT_NONE && last > after) fault = name_list_load(&s->names, db, &s->names_arena, error);
    while (fault == FAULT_NONE && last > after && s->told < AT_ONCE) {
        fault = read_batch(s, db, after, &batch, error);
        if (fault != FAULT_NONE || batch == 0) break;
        after = batch;
    }
    database_end_read(db);
    if (fault != FAULT_NONE) return fault;
    put(f, day, after); /* of an older program's file: that it has nothing */
    *ret_any |= after != before;
    return FAULT_NONE;
}

/* ---- which days ---- */

void ledger_brought(struct ledger *l, int64_t day) {
    struct brought *b = &l->brought;
    unsigned at = 0, oldest = 0;
    pthread_mutex_lock(&b->lock);
    while (at < b->n && b->at[at].day != day) at++;
    if (at == BROUGHT_DAYS) {
        for (unsigned i = 1; i < b->n; i++)
            if (b->at[i].time < b->at[oldest].time) oldest = i;
        at = oldest;
        b->forgotten = b->at[at].time;
    } else if (at == b->n) {
        b->n++;
    }
    b->at[at].day = day;
    b->at[at].time = ++b->times;
    pthread_mutex_unlock(&b->lock);
}

static void put_day(struct days *d, int64_t day) {
    size_t at = d->n++;
    for (; at > 0 && d->at[at - 1] > day; at--) d->at[at] = d->at[at - 1];
    d->at[at] = day;
}

/* Those that may have got something since that time; all, where that is not known any more. */
static enum fault days_since(struct ledger *l, uint64_t since, struct days *ret, uint64_t *ret_now, struct error *error) {
    struct brought *b = &l->brought;
    pthread_mutex_lock(&b->lock);
    bool known = since != 0 && since >= b->forgotten;
    *ret_now = b->times;
    if (known) ret->at = mem_new_array(int64_t, BROUGHT_DAYS);
    for (unsigned i = 0; known && i < b->n; i++)
        if (b->at[i].time > since) put_day(ret, b->at[i].day);
    pthread_mutex_unlock(&b->lock);
    return known ? FAULT_NONE : ledger_days(l, LEDGER_RECORDS, ret, error);
}

bool ledger_follow_is_due(struct ledger *l, const struct follow *f) {
    pthread_mutex_lock(&l->brought.lock);
    bool due = f->drained == 0 || f->drained != l->brought.times;
    pthread_mutex_unlock(&l->brought.lock);
    return due;
}

/* ---- all days ---- */

enum fault ledger_follow(struct ledger *l, struct follow *f, void (*each)(void *ctx, const struct record *r), void *ctx, bool *ret_any,
                         struct error *error) {
    struct step s = {.each = each, .ctx = ctx};
    struct days days = {0};
    uint64_t now = 0;
    *ret_any = false;
    enum fault fault = days_since(l, f->drained, &days, &now, error);
    arena_init(&s.names_arena, NAMES_FIRST, NAMES_MAX);
    arena_init(&s.record, RECORD_FIRST, RECORD_MAX);
    for (size_t i = 0; i < days.n && fault == FAULT_NONE && !*ret_any; i++) {
        struct database *db = NULL;
        if (is_over(f, days.at[i])) continue;
        fault = ledger_open_day(l, LEDGER_RECORDS, days.at[i], &db, error);
        if (fault == FAULT_NONE && db != NULL) fault = follow_day(&s, db, days.at[i], f, ret_any, error);
        database_close(db);
    }
    if (fault == FAULT_NONE && !*ret_any) f->drained = now;
    days_deinit(&days);
    arena_deinit(&s.names_arena);
    arena_deinit(&s.record);
    return fault;
}

enum fault ledger_follow_end(struct ledger *l, struct follow *f, struct error *error) {
    struct follow end = *f;
    struct days days = {0};
    enum fault fault = days_since(l, f->drained, &days, &end.drained, error);
    for (size_t i = days.n > FOLLOW_DAYS ? days.n - FOLLOW_DAYS : 0; i < days.n && fault == FAULT_NONE; i++) {
        struct database *db = NULL;
        int64_t last = 0;
        if (is_over(&end, days.at[i])) continue;
        fault = ledger_open_day(l, LEDGER_RECORDS, days.at[i], &db, error);
        if (fault == FAULT_NONE && db != NULL) fault = newest(db, &last, error);
        database_close(db);
        if (fault == FAULT_NONE) put(&end, days.at[i], last);
    }
    days_deinit(&days);
    if (fault == FAULT_NONE) *f = end;
    return fault;
}
