#include "store/score.h"

#include "base/mem.h"
#include "store/ledger_store.h"
#include "store/migrate.h"

enum { SCORES_SINCE = 3 }; /* schema step of the day files that brought them */

/* ---- writing ---- */

static enum fault put(struct database *db, const struct score *s, struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(db,
                                    "REPLACE INTO score(record, name, source, value_ppm, at_us, comment)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                                    &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(q, 1, slice_make((const char *)s->record.bytes, sizeof s->record.bytes));
    statement_bind_text(q, 2, s->name);
    statement_bind_text(q, 3, s->source);
    statement_bind_i64(q, 4, s->value_ppm);
    statement_bind_i64(q, 5, s->at_us);
    statement_bind_text(q, 6, s->comment);
    return statement_run(q, error);
}

static enum fault has_record(struct database *db, const struct record_id *id, struct arena *scratch, bool *ret, struct error *error) {
    enum fault fault = FAULT_NONE;
    bool row = true;
    *ret = false;
    for (int64_t place = place_of(id); row && !*ret && fault == FAULT_NONE; place++) {
        struct statement *q;
        struct record_id there;
        fault = statement_of(db, "SELECT body FROM record WHERE place = ?1", &q, error);
        if (fault != FAULT_NONE) return fault;
        statement_bind_i64(q, 1, place);
        fault = statement_step(q, &row, error);
        arena_reset(scratch);
        if (fault == FAULT_NONE && row && !row_id(statement_bytes(q, 0), scratch, &there))
            fault = error_set(error, FAULT_CORRUPT, "%s: a record cannot be read", database_name(db));
        statement_reset(q);
        *ret = fault == FAULT_NONE && row && memcmp(&there, id, sizeof there) == 0;
    }
    return fault;
}

/* Those of one day: FAULT_NOT_FOUND with the first that has no record. */
static enum fault check_day(const struct ledger *l, int64_t day, const struct score *s, size_t n, size_t *ret_bad, struct error *error) {
    struct database *db = NULL;
    struct arena scratch;
    bool found = true;
    enum fault fault = ledger_open_day(l, LEDGER_RECORDS, day, &db, error);
    arena_init(&scratch, 8 << 10, 1 << 20);
    for (size_t i = 0; i < n && fault == FAULT_NONE; i++) {
        if (place_day(&s[i].record) != day) continue;
        found = false;
        if (db != NULL) fault = has_record(db, &s[i].record, &scratch, &found, error);
        if (fault == FAULT_NONE && !found) {
            *ret_bad = i;
            fault = error_set(error, FAULT_NOT_FOUND, "there is no such record");
        }
    }
    arena_deinit(&scratch);
    database_close(db);
    return fault;
}

/* Scores come one at a time, and opening takes longer than all else. */
static enum fault open_for_writing(const struct ledger *l, int64_t day, struct database **ret, struct error *error) {
    enum fault fault = FAULT_NONE;
    char *path = ledger_path(l, LEDGER_RECORDS, day);
    struct database *db = idle_days_take(l->idle_writing, path);
    if (db == NULL) {
        db = database_open(path, &(struct database_options){.sync_each = true}, &fault, error);
        if (fault == FAULT_NONE) fault = migrate(db, &schema_ledger, error);
        if (fault == FAULT_NONE) idle_days_adopt(l->idle_writing, db);
    }
    mem_free(path);
    *ret = db;
    return fault;
}

static enum fault put_day(const struct ledger *l, int64_t day, const struct score *s, size_t n, struct error *error) {
    struct database *db = NULL;
    enum fault fault = open_for_writing(l, day, &db, error);
    if (fault == FAULT_NONE) fault = database_begin(db, error);
    for (size_t i = 0; i < n && fault == FAULT_NONE; i++)
        if (place_day(&s[i].record) == day) fault = put(db, &s[i], error);
    if (fault == FAULT_NONE) fault = database_commit(db, error);
    if (db != NULL && fault != FAULT_NONE) { /* what is wrong with it is seen anew */
        database_rollback(db);
        database_set_home(db, NULL, NULL);
    }
    database_close(db);
    return fault;
}

/* Is this the first score of its day? */
static bool is_first(const struct score *s, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (place_day(&s[k].record) == place_day(&s[i].record)) return false;
    return true;
}

enum fault ledger_scores_put(struct ledger *l, const struct score *s, size_t n, size_t *ret_bad, struct error *error) {
    enum fault fault = FAULT_NONE;
    for (size_t i = 0; i < n && fault == FAULT_NONE; i++)
        if (is_first(s, i)) fault = check_day(l, place_day(&s[i].record), s, n, ret_bad, error);
    for (size_t i = 0; i < n && fault == FAULT_NONE; i++)
        if (is_first(s, i)) fault = put_day(l, place_day(&s[i].record), s, n, error);
    return fault;
}

/* ---- reading ---- */

struct asked {
    int64_t from_us, to_us;
    const struct record_id *only;
    struct slice name;
    bool (*each)(void *ctx, const struct score *s);
    void *ctx;
    bool stopped;
};

static enum fault tell(struct statement *q, struct asked *a, struct error *error) {
    struct slice id = statement_bytes(q, 0);
    struct score s = {.value_ppm = (int32_t)statement_i64(q, 3), .at_us = statement_i64(q, 4)};
    if (id.len != sizeof s.record.bytes) return error_set(error, FAULT_CORRUPT, "a score cannot be read");
    memcpy(s.record.bytes, id.at, sizeof s.record.bytes);
    int64_t time_us = record_id_time_us(&s.record);
    if ((a->from_us != 0 && time_us < a->from_us) || (a->to_us != 0 && time_us >= a->to_us)) return FAULT_NONE;
    s.name = statement_bytes(q, 1);
    s.source = statement_bytes(q, 2);
    s.comment = statement_bytes(q, 5);
    a->stopped = !a->each(a->ctx, &s);
    return FAULT_NONE;
}

/* Ids begin with their time in milliseconds, the most first. */
static void id_of_time(int64_t time_us, uint8_t out[ID_TIME_BYTES]) {
    for (int i = 0; i < ID_TIME_BYTES; i++) out[i] = (uint8_t)((uint64_t)(time_us / 1000) >> (8 * (ID_TIME_BYTES - 1 - i)));
}

/* Those of one record, or of a time: they stand side by side. */
static void bind_range(struct statement *q, const struct asked *a, uint8_t first[ID_TIME_BYTES], uint8_t last[ID_TIME_BYTES]) {
    id_of_time(a->from_us, first);
    id_of_time(a->to_us + 1000, last); /* a prefix is before all that begin with it */
    if (a->to_us == 0) memset(last, 0xff, ID_TIME_BYTES);
    struct slice only = a->only != NULL ? slice_make((const char *)a->only->bytes, sizeof a->only->bytes) : SLICE_NULL;
    statement_bind_blob(q, 1, a->only != NULL ? only : slice_make((const char *)first, ID_TIME_BYTES));
    statement_bind_blob(q, 2, a->only != NULL ? only : slice_make((const char *)last, ID_TIME_BYTES));
}

static enum fault scan(struct database *db, struct asked *a, struct error *error) {
    uint8_t first[ID_TIME_BYTES], last[ID_TIME_BYTES];
    struct statement *q;
    bool row = false;
    int64_t version = 0;
    enum fault fault = database_number(db, "PRAGMA user_version", &version, error);
    if (fault != FAULT_NONE || version < SCORES_SINCE) return fault; /* an older program's file: it has none */
    fault = statement_of(db,
                         "SELECT record, name, source, value_ppm, at_us, comment FROM score"
                         " WHERE record >= ?1 AND record <= ?2 AND (?3 IS NULL OR name = ?3) ORDER BY record, name, source",
                         &q, error);
    if (fault != FAULT_NONE) return fault;
    bind_range(q, a, first, last);
    statement_bind_text(q, 3, a->name);
    while (!a->stopped && (fault = statement_step(q, &row, error)) == FAULT_NONE && row)
        if ((fault = tell(q, a, error)) != FAULT_NONE) break;
    statement_reset(q);
    return fault;
}

static bool is_in(const struct asked *a, int64_t day) {
    if (a->only) return place_day(a->only) == day;
    return (a->from_us == 0 || (day + 1) * DAY_US > a->from_us) && (a->to_us == 0 || day * DAY_US < a->to_us);
}

enum fault ledger_scores(struct ledger *l, int64_t from_us, int64_t to_us, const struct record_id *only, struct slice name,
                         bool (*each)(void *ctx, const struct score *s), void *ctx, struct error *error) {
    struct asked a = {.from_us = from_us, .to_us = to_us, .only = only, .name = name, .each = each, .ctx = ctx};
    struct days days = {0};
    enum fault fault = ledger_days(l, LEDGER_RECORDS, &days, error);
    for (size_t i = 0; i < days.n && fault == FAULT_NONE && !a.stopped; i++) {
        struct database *db = NULL;
        if (!is_in(&a, days.at[i])) continue;
        fault = ledger_open_day(l, LEDGER_RECORDS, days.at[i], &db, error);
        if (fault == FAULT_NONE && db != NULL) fault = scan(db, &a, error);
        database_close(db);
    }
    days_deinit(&days);
    return fault;
}

static enum fault count_feedback(struct database *db, const uint8_t *first, const uint8_t *end, uint64_t *n, uint64_t *negative, struct error *error) {
    struct statement *q;
    int64_t version = 0;
    bool row = false;
    enum fault fault = database_number(db, "PRAGMA user_version", &version, error);
    if (fault != FAULT_NONE || version < SCORES_SINCE) return fault;
    fault = statement_of(db, "SELECT count(*), ifnull(sum(value_ppm < 500000), 0) FROM score WHERE source = 'feedback' AND record >= ?1 AND record < ?2", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(q, 1, slice_make((const char *)first, ID_TIME_BYTES));
    statement_bind_blob(q, 2, slice_make((const char *)end, ID_TIME_BYTES));
    fault = statement_step(q, &row, error);
    if (fault == FAULT_NONE && row) {
        *n += (uint64_t)statement_i64(q, 0);
        *negative += (uint64_t)statement_i64(q, 1);
    }
    statement_reset(q);
    return fault;
}

enum fault ledger_feedback(struct ledger *l, int64_t from_us, int64_t to_us, uint64_t *ret_n, uint64_t *ret_negative, struct error *error) {
    struct asked a = {.from_us = from_us, .to_us = to_us};
    struct days days = {0};
    uint8_t first[ID_TIME_BYTES], end[ID_TIME_BYTES];
    uint64_t n = 0, negative = 0;
    id_of_time(from_us, first);
    id_of_time(to_us, end);
    enum fault fault = ledger_days(l, LEDGER_RECORDS, &days, error);
    for (size_t i = 0; i < days.n && fault == FAULT_NONE; i++) {
        struct database *db = NULL;
        if (!is_in(&a, days.at[i])) continue;
        fault = ledger_open_day(l, LEDGER_RECORDS, days.at[i], &db, error);
        if (fault == FAULT_NONE && db != NULL) fault = count_feedback(db, first, end, &n, &negative, error);
        database_close(db);
    }
    days_deinit(&days);
    if (fault != FAULT_NONE) return fault;
    *ret_n = n;
    *ret_negative = negative;
    return FAULT_NONE;
}
