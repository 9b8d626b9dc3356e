#include "store/registry_cache.h"

#include "store/registry_store.h"

enum fault registry_cache_verify(struct registry *r, const struct cache_verification *v,
                                 struct error *error) {
    struct statement *s;
    const int64_t numbers[] = {v->threshold, v->precision, v->confidence, v->bound,
                               v->n,         v->right,     v->embedding,  v->at_us};
    enum fault fault = statement_of(
        r->db,
        "INSERT OR REPLACE INTO cache_verification(application, method, by, threshold, precision, confidence,"
        " bound, n, right, embedding, at_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, v->application);
    statement_bind_text(s, 2, v->method);
    statement_bind_text(s, 3, v->by);
    for (int i = 0; i < 8; i++) statement_bind_i64(s, 4 + i, numbers[i]);
    return statement_run(s, error);
}

enum fault registry_cache_withdraw(struct registry *r, struct slice application, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "DELETE FROM cache_verification WHERE application = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0)
        return error_set(error, FAULT_NOT_FOUND, "no calibration has verified a threshold of " SLICE_FMT,
                         SLICE_ARG(application));
    return fault;
}

static void read_row(struct statement *s, struct arena *arena, struct cache_verification *ret) {
    *ret = (struct cache_verification){.application = statement_copy(s, 0, arena),
                                       .method = statement_copy(s, 1, arena),
                                       .by = statement_copy(s, 2, arena),
                                       .threshold = (int32_t)statement_i64(s, 3),
                                       .precision = (int32_t)statement_i64(s, 4),
                                       .confidence = (int32_t)statement_i64(s, 5),
                                       .bound = (int32_t)statement_i64(s, 6),
                                       .n = statement_i64(s, 7),
                                       .right = statement_i64(s, 8),
                                       .embedding = statement_i64(s, 9),
                                       .at_us = statement_i64(s, 10)};
}

enum fault registry_cache_verifications(struct registry *r, struct arena *arena,
                                        struct cache_verification **ret, unsigned *ret_n,
                                        struct error *error) {
    struct statement *s = NULL;
    struct cache_verification *all = NULL;
    int64_t count = 0;
    unsigned n = 0;
    bool row = false;
    enum fault fault = database_begin_read(r->db, error);
    if (fault == FAULT_NONE)
        fault = database_number(r->db, "SELECT count(*) FROM cache_verification", &count, error);
    if (fault == FAULT_NONE) all = arena_new_array(arena, struct cache_verification, (size_t)count + 1);
    if (fault == FAULT_NONE && all != NULL)
        fault =
            statement_of(r->db,
                         "SELECT application, method, by, threshold, precision, confidence, bound, n, right,"
                         " embedding, at_us FROM cache_verification ORDER BY application",
                         &s, error);
    while (s != NULL && n < count && (fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        read_row(s, arena, &all[n++]);
    statement_reset(s);
    database_end_read(r->db);
    if (fault == FAULT_NONE && arena_is_full(arena))
        fault = error_set(error, FAULT_TOO_LARGE, "no room for %u verifications", n);
    if (fault != FAULT_NONE) return fault;
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}
