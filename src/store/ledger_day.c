/* One day's records, for writing. */
#include "base/clock.h"
#include "base/mem.h"
#include "store/ledger_store.h"
#include "store/migrate.h"
#include "store/varint.h"

enum { SCRATCH_FIRST = 8 << 10, SCRATCH_MAX = 1 << 20, PROBES_MAX = 1 << 20, ARRIVED_MAX = 1 << 20 };

int64_t ledger_time(const struct record *r) {
    int64_t id_us = record_id_time_us(&r->id);
    if (r->time_us < id_us - DAY_US) return id_us - DAY_US;
    if (r->time_us > id_us + DAY_US) return id_us + DAY_US;
    return r->time_us;
}

/* ---- the span ---- */

enum fault span_load(struct span *s, struct database *db, struct error *error) {
    struct statement *q;
    bool row = false;
    *s = (struct span){0};
    enum fault fault =
        statement_of(db, "SELECT records, from_us, to_us, skew_from_us, skew_to_us FROM span", &q, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_step(q, &row, error);
    if (fault == FAULT_NONE && row)
        *s = (struct span){statement_i64(q, 0), statement_i64(q, 1), statement_i64(q, 2), statement_i64(q, 3),
                           statement_i64(q, 4)};
    statement_reset(q);
    return fault;
}

static void span_add(struct span *s, int64_t time_us, int64_t skew_us) {
    if (s->records == 0 || time_us < s->from_us) s->from_us = time_us;
    if (s->records == 0 || time_us > s->to_us) s->to_us = time_us;
    if (s->records == 0 || skew_us < s->skew_from_us) s->skew_from_us = skew_us;
    if (s->records == 0 || skew_us > s->skew_to_us) s->skew_to_us = skew_us;
    s->records++;
}

static enum fault span_save(const struct span *s, struct database *db, struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(db,
                                    "REPLACE INTO span(id, records, from_us, to_us, skew_from_us, skew_to_us)"
                                    " VALUES(1, ?1, ?2, ?3, ?4, ?5)",
                                    &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(q, 1, s->records);
    statement_bind_i64(q, 2, s->from_us);
    statement_bind_i64(q, 3, s->to_us);
    statement_bind_i64(q, 4, s->skew_from_us);
    statement_bind_i64(q, 5, s->skew_to_us);
    return statement_run(q, error);
}

/* ---- life ---- */

struct ledger_day *ledger_day_open(const struct ledger *l, int64_t day, bool sync_each, enum fault *ret_fault,
                                   struct error *error) {
    struct ledger_day *d = mem_new(struct ledger_day);
    enum fault fault = FAULT_NONE;
    char *path = ledger_path(l, LEDGER_RECORDS, day);
    d->day = day;
    buffer_init(&d->row, LIMIT_RECORD + 1);
    buffer_init(&d->arrived, ARRIVED_MAX);
    arena_init(&d->scratch, SCRATCH_FIRST, SCRATCH_MAX);
    d->db = database_open(path, &(struct database_options){.sync_each = sync_each}, &fault, error);
    if (fault == FAULT_NONE) fault = migrate(d->db, &schema_ledger, error);
    if (fault == FAULT_NONE) fault = names_load(&d->names, d->db, error);
    if (fault == FAULT_NONE) fault = sieve_load(&d->sieve, d->db, error);
    if (fault == FAULT_NONE) fault = rollups_load(&d->rollups, d->db, error);
    if (fault == FAULT_NONE) fault = spend_cells_load(&d->costs, d->db, error);
    if (fault == FAULT_NONE) fault = span_load(&d->span, d->db, error);
    mem_free(path);
    if (fault == FAULT_NONE) return d;
    *ret_fault = fault;
    ledger_day_close(d);
    return NULL;
}

void ledger_day_close(struct ledger_day *d) {
    if (d == NULL) return;
    if (d->db != NULL) database_rollback(d->db);
    names_deinit(&d->names);
    sieve_deinit(&d->sieve);
    rollups_deinit(&d->rollups);
    spend_cells_deinit(&d->costs);
    buffer_deinit(&d->row);
    buffer_deinit(&d->arrived);
    arena_deinit(&d->scratch);
    database_close(d->db);
    mem_free(d);
}

enum fault ledger_day_begin(struct ledger_day *d, struct error *error) {
    enum fault fault = database_begin(d->db, error);
    buffer_clear(&d->arrived);
    d->arrived_last = 0;
    d->in_batch = fault == FAULT_NONE;
    return fault;
}

/* ---- inserting ---- */

static enum fault insert_at(struct ledger_day *d, int64_t place, bool *ret_inserted, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(d->db, "INSERT OR IGNORE INTO record(place, body) VALUES(?1, ?2)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, place);
    statement_bind_blob(s, 2, buffer_slice(&d->row));
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) *ret_inserted = database_changes(d->db) > 0;
    return fault;
}

static enum fault is_at(struct ledger_day *d, int64_t place, const struct record_id *id, bool *ret_same,
                        struct error *error) {
    struct statement *s;
    struct record_id there;
    bool row = false;
    enum fault fault = statement_of(d->db, "SELECT body FROM record WHERE place = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, place);
    fault = statement_step(s, &row, error);
    arena_reset(&d->scratch);
    if (fault == FAULT_NONE && (!row || !row_id(statement_bytes(s, 0), &d->scratch, &there)))
        fault = error_set(error, FAULT_CORRUPT, "%s: a record cannot be read", database_name(d->db));
    statement_reset(s);
    if (fault == FAULT_NONE) *ret_same = memcmp(&there, id, sizeof there) == 0;
    return fault;
}

enum fault ledger_day_insert(struct ledger_day *d, const struct record *r, struct slice bytes, bool *ret_new,
                             struct error *error) {
    int64_t place = place_of(&r->id), time_us = ledger_time(r);
    bool inserted = false, same = false;
    buffer_clear(&d->row);
    enum fault fault = row_encode(&d->names, d->db, r, bytes, &d->row, error);
    for (unsigned i = 0; fault == FAULT_NONE; i++, place++) {
        if (i == PROBES_MAX)
            return error_set(error, FAULT_INTERNAL, "%s: no free place", database_name(d->db));
        fault = insert_at(d, place, &inserted, error);
        if (fault == FAULT_NONE && !inserted) fault = is_at(d, place, &r->id, &same, error);
        if (inserted || same) break;
    }
    if (fault != FAULT_NONE) return fault;
    *ret_new = inserted;
    if (!inserted) return FAULT_NONE;
    varint_put(&d->arrived, varint_from_signed(place - d->arrived_last));
    d->arrived_last = place;
    span_add(&d->span, time_us, time_us - place_us(d->day, place));
    fault = sieve_add(&d->sieve, d->db, place, r, error);
    if (fault == FAULT_NONE) fault = rollups_add(&d->rollups, d->db, r, time_us, error);
    return fault == FAULT_NONE ? spend_cells_add(&d->costs, d->db, r, time_us, error) : fault;
}

enum fault ledger_day_note(struct ledger_day *d, const struct note *n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(d->db,
                                    "INSERT OR IGNORE INTO note(id, at_us, kind, count, detail)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(s, 1, n->id);
    statement_bind_i64(s, 2, clock_wall_us());
    statement_bind_text(s, 3, slice_of(n->kind));
    statement_bind_i64(s, 4, (int64_t)n->count);
    statement_bind_blob(s, 5, n->detail);
    return statement_run(s, error);
}

static enum fault arrived_save(struct ledger_day *d, struct error *error) {
    struct statement *s;
    if (d->arrived.overflow) return error_set(error, FAULT_INTERNAL, "%s: too many records in one transaction", database_name(d->db));
    if (d->arrived.len == 0) return FAULT_NONE;
    enum fault fault = statement_of(d->db, "INSERT INTO arrival(places) VALUES(?1)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(s, 1, buffer_slice(&d->arrived));
    return statement_run(s, error);
}

enum fault ledger_day_commit(struct ledger_day *d, struct error *error) {
    enum fault fault = sieve_save(&d->sieve, d->db, error);
    if (fault == FAULT_NONE) fault = rollups_save(&d->rollups, d->db, error);
    if (fault == FAULT_NONE) fault = spend_cells_save(&d->costs, d->db, error);
    if (fault == FAULT_NONE && d->span.records > 0) fault = span_save(&d->span, d->db, error);
    if (fault == FAULT_NONE) fault = arrived_save(d, error);
    if (fault == FAULT_NONE) fault = database_commit(d->db, error);
    if (fault == FAULT_NONE) d->in_batch = false;
    return fault;
}
