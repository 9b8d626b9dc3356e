#include "store/registry_tiering.h"

#include "store/registry_store.h"

#define COLUMNS                                                                                                               \
    "model, is_on, changed_us, changed_by, why, trained, trained_us, trained_by, downgrade, downgrade_us, downgrade_by"

static void read_row(struct statement *s, struct arena *arena, struct registry_tiering *ret) {
    *ret = (struct registry_tiering){.model = statement_copy(s, 0, arena),
                                     .on = statement_i64(s, 1) != 0,
                                     .changed_us = statement_i64(s, 2),
                                     .changed_by = statement_copy(s, 3, arena),
                                     .why = statement_copy(s, 4, arena),
                                     .trained = statement_copy(s, 5, arena),
                                     .trained_us = statement_i64(s, 6),
                                     .trained_by = statement_copy(s, 7, arena),
                                     .downgrade = statement_copy(s, 8, arena),
                                     .downgrade_us = statement_i64(s, 9),
                                     .downgrade_by = statement_copy(s, 10, arena)};
}

enum fault registry_tierings(struct registry *r, struct arena *arena, struct registry_tiering **ret, unsigned *ret_n,
                             struct error *error) {
    struct statement *s = NULL;
    struct registry_tiering *rows = NULL;
    int64_t count = 0;
    unsigned n = 0;
    bool row = false;
    enum fault fault = database_begin_read(r->db, error);
    if (fault == FAULT_NONE) fault = database_number(r->db, "SELECT count(*) FROM tiering", &count, error);
    if (fault == FAULT_NONE) rows = arena_new_array(arena, struct registry_tiering, (size_t)count + 1);
    if (rows != NULL) fault = statement_of(r->db, "SELECT " COLUMNS " FROM tiering ORDER BY model", &s, error);
    while (s != NULL && fault == FAULT_NONE && n < (unsigned)count && (fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        read_row(s, arena, &rows[n++]);
    statement_reset(s);
    database_end_read(r->db);
    if (fault == FAULT_NONE && arena_is_full(arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for what models were trained");
    if (fault != FAULT_NONE) return fault;
    *ret = rows;
    *ret_n = n;
    return FAULT_NONE;
}

enum fault registry_tiering_find(struct registry *r, struct slice model, struct arena *arena, struct registry_tiering *ret,
                                 struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT " COLUMNS " FROM tiering WHERE model = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, model);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) read_row(s, arena, ret);
    else if (fault == FAULT_NONE) *ret = (struct registry_tiering){.model = model};
    statement_reset(s);
    return fault;
}

static enum fault run(struct statement *s, struct slice model, struct slice text, struct slice by, int64_t at_us, struct error *error) {
    statement_bind_text(s, 1, model);
    statement_bind_text(s, 2, text);
    statement_bind_text(s, 3, by);
    statement_bind_i64(s, 4, at_us);
    return statement_run(s, error);
}

enum fault registry_tiering_switch(struct registry *r, struct slice model, bool on, struct slice by, struct slice why, int64_t at_us,
                                   struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO tiering(model, why, changed_by, changed_us, is_on) VALUES(?1, ?2, ?3, ?4, ?5)"
                                    " ON CONFLICT(model) DO UPDATE SET why = ?2, changed_by = ?3, changed_us = ?4, is_on = ?5",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 5, on);
    return run(s, model, why, by, at_us, error);
}

enum fault registry_tiering_train(struct registry *r, struct slice model, struct slice json, struct slice by, int64_t at_us,
                                  struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO tiering(model, trained, trained_by, trained_us) VALUES(?1, ?2, ?3, ?4)"
                                    " ON CONFLICT(model) DO UPDATE SET trained = ?2, trained_by = ?3, trained_us = ?4, is_on = 0",
                                    &s, error);
    return fault != FAULT_NONE ? fault : run(s, model, json, by, at_us, error);
}

enum fault registry_tiering_downgrade(struct registry *r, struct slice model, struct slice json, struct slice by, int64_t at_us,
                                      struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO tiering(model, downgrade, downgrade_by, downgrade_us) VALUES(?1, ?2, ?3, ?4)"
                                    " ON CONFLICT(model) DO UPDATE SET downgrade = ?2, downgrade_by = ?3, downgrade_us = ?4",
                                    &s, error);
    return fault != FAULT_NONE ? fault : run(s, model, json, by, at_us, error);
}
