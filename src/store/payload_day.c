/* Payloads of one day: writing, reading, expiry. A row is the frame's bytes, compressed. */
#include "base/mem.h"
#include "store/ledger_store.h"
#include "store/migrate.h"

#include <zstd.h>

enum { ZSTD_LEVEL = 3, PACKED_KEPT = 256 << 10, APPLICATIONS_MAX = 4096 };

struct payload_day *payload_day_open(const struct ledger *l, int64_t day, bool sync_each,
                                     enum fault *ret_fault, struct error *error) {
    struct payload_day *d = mem_new(struct payload_day);
    enum fault fault = FAULT_NONE;
    char *path = ledger_path(l, LEDGER_PAYLOADS, day);
    d->day = day;
    buffer_init(&d->packed, ZSTD_COMPRESSBOUND(PAYLOAD_FRAME_MAX));
    d->compressor = ZSTD_createCCtx();
    d->db =
        database_open(path, &(struct database_options){.sync_each = sync_each, .erase = true}, &fault, error);
    if (fault == FAULT_NONE) fault = migrate(d->db, &schema_payload, error);
    mem_free(path);
    if (fault == FAULT_NONE) return d;
    *ret_fault = fault;
    payload_day_close(d);
    return NULL;
}

void payload_day_close(struct payload_day *d) {
    if (d == NULL) return;
    if (d->db != NULL) database_rollback(d->db);
    database_close(d->db);
    buffer_deinit(&d->packed);
    ZSTD_freeCCtx(d->compressor);
    mem_free(d);
}

enum fault payload_day_begin(struct payload_day *d, struct error *error) {
    enum fault fault = database_begin(d->db, error);
    d->in_batch = fault == FAULT_NONE;
    return fault;
}

enum fault payload_day_commit(struct payload_day *d, struct error *error) {
    enum fault fault = database_commit(d->db, error);
    if (fault == FAULT_NONE) d->in_batch = false;
    return fault;
}

/* ---- inserting ---- */

static enum fault pack(struct payload_day *d, struct slice bytes, struct error *error) {
    buffer_clear(&d->packed);
    buffer_shrink(&d->packed, PACKED_KEPT);
    size_t room = ZSTD_compressBound(bytes.len);
    char *at = buffer_reserve(&d->packed, room);
    if (at == NULL)
        return error_set(error, FAULT_TOO_LARGE, "a payload of %zu bytes is over the limit", bytes.len);
    size_t n = ZSTD_compressCCtx(d->compressor, at, room, bytes.at, bytes.len, ZSTD_LEVEL);
    if (ZSTD_isError(n)) return error_set(error, FAULT_INTERNAL, "zstd: %s", ZSTD_getErrorName(n));
    d->packed.len += n;
    return FAULT_NONE;
}

static enum fault application_id(struct payload_day *d, struct slice name, int64_t *ret,
                                 struct error *error) {
    struct statement *add, *get;
    bool row = false;
    enum fault fault = statement_of(d->db, "INSERT OR IGNORE INTO application(name) VALUES(?1)", &add, error);
    if (fault == FAULT_NONE)
        fault = statement_of(d->db, "SELECT id FROM application WHERE name = ?1", &get, error);
    if (fault != FAULT_NONE) return fault;
    if (slice_is_null(name)) name = SLICE("");
    statement_bind_text(get, 1, name);
    fault = statement_step(get, &row, error);
    if (fault == FAULT_NONE && !row) {
        statement_reset(get);
        statement_bind_text(add, 1, name);
        fault = statement_run(add, error);
        statement_bind_text(get, 1, name);
        if (fault == FAULT_NONE) fault = statement_step(get, &row, error);
    }
    if (fault == FAULT_NONE) *ret = statement_i64(get, 0);
    statement_reset(get);
    return fault;
}

static enum fault is_at(struct database *db, int64_t place, const struct record_id *id, bool *ret_row,
                        bool *ret_same, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(db, "SELECT id FROM payload WHERE place = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, place);
    fault = statement_step(s, ret_row, error);
    *ret_same = fault == FAULT_NONE && *ret_row &&
                slice_eq(statement_bytes(s, 0), slice_make((const char *)id->bytes, sizeof id->bytes));
    statement_reset(s);
    return fault;
}

enum fault payload_day_insert(struct payload_day *d, const struct payload *p, struct slice bytes,
                              bool *ret_new, struct error *error) {
    struct statement *s;
    int64_t place = place_of(&p->id), application = 0;
    bool row = true, same = false;
    enum fault fault = FAULT_NONE;
    for (; row && fault == FAULT_NONE; place += row) {
        fault = is_at(d->db, place, &p->id, &row, &same, error);
        if (same) {
            *ret_new = false;
            return FAULT_NONE;
        }
    }
    if (fault == FAULT_NONE) fault = application_id(d, p->application, &application, error);
    if (fault == FAULT_NONE) fault = pack(d, bytes, error);
    if (fault == FAULT_NONE)
        fault = statement_of(
            d->db, "INSERT INTO payload(place, id, application, size, body) VALUES(?1, ?2, ?3, ?4, ?5)", &s,
            error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, place);
    statement_bind_blob(s, 2, slice_make((const char *)p->id.bytes, sizeof p->id.bytes));
    statement_bind_i64(s, 3, application);
    statement_bind_i64(s, 4, (int64_t)bytes.len);
    statement_bind_blob(s, 5, buffer_slice(&d->packed));
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) *ret_new = true;
    return fault;
}

/* ---- reading ---- */

static enum fault unpack(struct slice packed, int64_t size, struct arena *arena, struct payload *ret,
                         struct error *error) {
    if (size < 0 || size > PAYLOAD_FRAME_MAX)
        return error_set(error, FAULT_CORRUPT, "a payload of %lld bytes is stored", (long long)size);
    char *at = arena_alloc(arena, (size_t)size + 1);
    if (at == NULL) return error_set(error, FAULT_TOO_LARGE, "the payload needs %lld bytes", (long long)size);
    size_t n = ZSTD_decompress(at, (size_t)size, packed.at, packed.len);
    if (ZSTD_isError(n) || n != (size_t)size || !payload_decode(slice_make(at, n), ret))
        return error_set(error, FAULT_CORRUPT, "a stored payload cannot be read");
    return FAULT_NONE;
}

/* Of one open day. FAULT_NOT_FOUND: none is kept for it. */
static enum fault payload_in(struct database *db, const struct record_id *id, struct arena *arena,
                             struct payload *ret, struct error *error) {
    struct statement *s = NULL;
    bool row = true, same = false;
    int64_t place = place_of(id);
    enum fault fault = FAULT_NONE;
    while (row && !same && fault == FAULT_NONE) fault = is_at(db, place++, id, &row, &same, error);
    if (fault == FAULT_NONE && !same)
        fault = error_set(error, FAULT_NOT_FOUND, "no payload is kept for this record");
    if (fault == FAULT_NONE)
        fault = statement_of(db, "SELECT body, size FROM payload WHERE place = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, place - 1);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && !row)
        fault = error_set(error, FAULT_NOT_FOUND, "no payload is kept for this record");
    if (fault == FAULT_NONE) fault = unpack(statement_bytes(s, 0), statement_i64(s, 1), arena, ret, error);
    statement_reset(s);
    return fault;
}

enum fault ledger_payload(struct ledger *l, const struct record_id *id, struct arena *arena,
                          struct payload *ret, struct error *error) {
    struct database *db = NULL;
    enum fault fault = ledger_open_day(l, LEDGER_PAYLOADS, place_day(id), &db, error);
    if (fault != FAULT_NONE) return fault;
    if (db == NULL) return error_set(error, FAULT_NOT_FOUND, "no payload is kept for this record");
    fault = payload_in(db, id, arena, ret, error);
    database_close(db);
    return fault;
}

enum fault ledger_payloads(struct ledger *l, const struct record_id *ids, size_t n,
                           bool (*each)(void *ctx, size_t i, const struct payload *p), void *ctx,
                           struct error *error) {
    enum fault fault = FAULT_NONE;
    bool more = true;
    struct arena arena;
    arena_init(&arena, 64 << 10, PAYLOAD_FRAME_MAX + (64 << 10));
    for (size_t i = 0; i < n && more && fault == FAULT_NONE;) {
        struct database *db = NULL;
        int64_t day = place_day(&ids[i]);
        fault = ledger_open_day(l, LEDGER_PAYLOADS, day, &db, error);
        for (; i < n && place_day(&ids[i]) == day && more; i++) {
            struct payload p;
            arena_reset(&arena);
            if (db != NULL && payload_in(db, &ids[i], &arena, &p, NULL) == FAULT_NONE) more = each(ctx, i, &p);
        }
        database_close(db);
    }
    arena_deinit(&arena);
    return fault;
}

/* ---- expiry ---- */

static enum fault delete_before(struct database *db, int64_t application, int64_t place, bool whole_day) {
    struct statement *s;
    enum fault fault =
        statement_of(db, "DELETE FROM payload WHERE application = ?1 AND place < ?2", &s, NULL);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, application);
    statement_bind_i64(s, 2, place);
    fault = statement_run(s, NULL);
    if (fault != FAULT_NONE || !whole_day) return fault;
    fault = statement_of(db, "DELETE FROM application WHERE id = ?1", &s, NULL);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, application);
    return statement_run(s, NULL);
}

struct application {
    int64_t id;
    struct slice name;
};

static enum fault applications(struct database *db, struct arena *arena, struct application *ret,
                               unsigned *ret_n) {
    struct statement *s;
    bool row = false;
    unsigned n = 0;
    enum fault fault = statement_of(db, "SELECT id, name FROM application", &s, NULL);
    if (fault != FAULT_NONE) return fault;
    while (n < APPLICATIONS_MAX && (fault = statement_step(s, &row, NULL)) == FAULT_NONE && row)
        ret[n++] = (struct application){statement_i64(s, 0), statement_copy(s, 1, arena)};
    statement_reset(s);
    if (fault == FAULT_NONE) *ret_n = n;
    return fault;
}

/* Whether there is anything to delete, or nothing left: each hour each day is asked, and few have. */
static bool is_due(struct ledger *l, int64_t day, int64_t now_us, int64_t (*retention_of)(void *, struct slice), void *ctx) {
    struct database *db = NULL;
    struct arena arena;
    unsigned n = 0;
    bool due = true;
    arena_init(&arena, 4096, 4 << 20);
    struct application *all = arena_new_array(&arena, struct application, APPLICATIONS_MAX);
    if (ledger_open_day(l, LEDGER_PAYLOADS, day, &db, NULL) == FAULT_NONE && db != NULL && applications(db, &arena, all, &n) == FAULT_NONE) due = n == 0;
    for (unsigned i = 0; i < n && !due; i++) {
        int64_t keep = retention_of(ctx, all[i].name);
        due = keep > 0 && now_us - keep > day * DAY_US;
    }
    database_close(db);
    arena_deinit(&arena);
    return due;
}

/* True when the day is over and nothing of it is left. */
static bool expire_day(struct ledger *l, int64_t day, int64_t now_us,
                       int64_t (*retention_of)(void *, struct slice), void *ctx) {
    enum fault fault = FAULT_NONE;
    struct arena arena;
    arena_init(&arena, 4096, 4 << 20);
    struct application *all = arena_new_array(&arena, struct application, APPLICATIONS_MAX);
    unsigned n = 0, deleted = 0;
    int64_t left = 1;
    struct payload_day *d = payload_day_open(l, day, false, &fault, NULL);
    if (d != NULL) fault = applications(d->db, &arena, all, &n);
    if (d != NULL && fault == FAULT_NONE) fault = payload_day_begin(d, NULL);
    for (unsigned i = 0; i < n && fault == FAULT_NONE; i++) {
        int64_t keep = retention_of(ctx, all[i].name);
        if (keep <= 0 || now_us - keep <= day * DAY_US) continue;
        fault = delete_before(d->db, all[i].id, place_at(day, now_us - keep),
                              now_us - keep >= (day + 1) * DAY_US);
        deleted++;
    }
    if (fault == FAULT_NONE) fault = database_number(d->db, "SELECT count(*) FROM application", &left, NULL);
    if (fault == FAULT_NONE) fault = payload_day_commit(d, NULL);
    if (fault == FAULT_NONE && deleted > 0) database_vacuum(d->db);
    payload_day_close(d);
    arena_deinit(&arena);
    return fault == FAULT_NONE && left == 0 && (day + 1) * DAY_US <= now_us;
}

void payload_expire(struct ledger *l, int64_t now_us,
                    int64_t (*retention_of)(void *ctx, struct slice application), void *ctx) {
    struct days days = {0};
    if (l->read_only || retention_of == NULL || ledger_days(l, LEDGER_PAYLOADS, &days, NULL) != FAULT_NONE)
        return;
    for (size_t i = 0; i < days.n; i++) {
        if (!is_due(l, days.at[i], now_us, retention_of, ctx)) continue;
        drain_close_days(l->drain);
        if (expire_day(l, days.at[i], now_us, retention_of, ctx)) ledger_delete(l, LEDGER_PAYLOADS, days.at[i]);
    }
    days_deinit(&days);
}
