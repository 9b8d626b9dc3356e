#include "store/calibrations.h"

#include "store/evaluations_store.h"

#define COLUMNS "number, judge, identity, at_us, by, source, body"

static struct slice bytes_of(const struct digest *d) { return slice_make((const char *)d->bytes, DIGEST_BYTES); }

static enum fault read_row(struct statement *s, struct calibration_row *ret, struct error *error) {
    struct slice identity = statement_bytes(s, 2);
    if (identity.len != DIGEST_BYTES) return error_set(error, FAULT_CORRUPT, "evaluations.db: a calibration's identity is damaged");
    *ret = (struct calibration_row){.number = statement_i64(s, 0),
                                    .judge = statement_bytes(s, 1),
                                    .at_us = statement_i64(s, 3),
                                    .by = statement_bytes(s, 4),
                                    .source = statement_bytes(s, 5),
                                    .body = statement_bytes(s, 6),
                                    .pairs = statement_bytes(s, 7)};
    memcpy(ret->identity.bytes, identity.at, DIGEST_BYTES);
    return FAULT_NONE;
}

enum fault calibration_add(struct evaluations *e, struct calibration_row *c, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "INSERT INTO calibration(judge, identity, at_us, by, source, body, pairs)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
                                    &s, error);
    bool row = false;
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, c->judge);
    statement_bind_blob(s, 2, bytes_of(&c->identity));
    statement_bind_i64(s, 3, c->at_us);
    statement_bind_text(s, 4, c->by);
    statement_bind_text(s, 5, c->source);
    statement_bind_text(s, 6, c->body);
    statement_bind_text(s, 7, c->pairs);
    fault = statement_step(s, &row, error);
    int64_t number = fault == FAULT_NONE && row ? statement_i64(s, 0) : 0;
    if (fault == FAULT_NONE && row) fault = statement_step(s, &row, error); /* to its end, which commits it */
    statement_reset(s);
    if (fault == FAULT_NONE) c->number = number;
    return fault;
}

static bool keep(struct calibration_row *c, struct arena *arena) {
    c->judge = arena_slice(arena, c->judge);
    c->by = arena_slice(arena, c->by);
    c->source = arena_slice(arena, c->source);
    c->body = arena_slice(arena, c->body);
    c->pairs = arena_slice(arena, c->pairs);
    return !arena_is_full(arena);
}

enum fault calibration_find(struct evaluations *e, const struct digest *identity, struct arena *arena, struct calibration_row *ret,
                            struct error *error) {
    struct statement *s;
    struct calibration_row found = {0};
    bool row = false;
    enum fault fault = statement_of(
        e->db, "SELECT " COLUMNS ", pairs FROM calibration WHERE identity = ?1 ORDER BY number DESC LIMIT 1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(s, 1, bytes_of(identity));
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && !row) fault = error_set(error, FAULT_NOT_FOUND, "no calibration of this judge");
    if (fault == FAULT_NONE) fault = read_row(s, &found, error);
    if (fault == FAULT_NONE && !keep(&found, arena)) fault = error_set(error, FAULT_TOO_LARGE, "the calibration does not fit into its memory");
    statement_reset(s);
    if (fault == FAULT_NONE) *ret = found;
    return fault;
}

static enum fault walk(struct statement *s, bool (*each)(void *ctx, const struct calibration_row *c), void *ctx, struct error *error) {
    struct calibration_row c;
    bool row = true;
    enum fault fault = FAULT_NONE;
    for (;;) {
        fault = statement_step(s, &row, error);
        if (fault != FAULT_NONE || !row) break;
        fault = read_row(s, &c, error);
        if (fault != FAULT_NONE || !each(ctx, &c)) break;
    }
    statement_reset(s);
    return fault;
}

enum fault calibration_each(struct evaluations *e, const struct digest *identity, bool (*each)(void *ctx, const struct calibration_row *c),
                            void *ctx, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "SELECT " COLUMNS ", pairs FROM calibration WHERE identity = ?1 ORDER BY number", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(s, 1, bytes_of(identity));
    return walk(s, each, ctx, error);
}

enum fault calibration_list(struct evaluations *e, struct slice judge, bool all, bool (*each)(void *ctx, const struct calibration_row *c),
                            void *ctx, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "SELECT " COLUMNS ", NULL FROM calibration WHERE (?1 IS NULL OR judge = ?1)"
                                    " AND (?2 OR number IN (SELECT max(number) FROM calibration GROUP BY identity))"
                                    " ORDER BY number DESC",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, judge);
    statement_bind_i64(s, 2, all);
    return walk(s, each, ctx, error);
}
