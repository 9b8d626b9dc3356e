#include "store/happenings.h"

#include "base/buffer.h"
#include "store/changes_store.h"
#include "store/evaluations_store.h"
#include "store/registry_store.h"

static enum fault read_firing(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    struct firing_seen *f = into;
    *f = (struct firing_seen){.alert = statement_i64(s, 0),
                              .at_us = statement_i64(s, 1),
                              .until_us = statement_i64(s, 2),
                              .severity = (int)statement_i64(s, 3),
                              .rule = statement_copy(s, 4, arena),
                              .application = statement_copy(s, 5, arena),
                              .summary = statement_copy(s, 6, arena),
                              .state = statement_copy(s, 7, arena)};
    if (f->until_us != 0) f->state = SLICE("resolved");
    return FAULT_NONE;
}

static void bind_window(struct statement *s, int64_t from_us, int64_t to_us, struct slice application, unsigned limit) {
    statement_bind_i64(s, 1, from_us);
    statement_bind_i64(s, 2, to_us);
    statement_bind_text(s, 3, application);
    statement_bind_i64(s, 4, limit);
}

enum fault happened_firings(struct registry *r, struct slice application, int64_t from_us, int64_t to_us, unsigned limit, struct arena *arena,
                            struct firing_seen **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        r->db,
        "SELECT t.alert, t.at_us, ifnull((SELECT min(u.at_us) FROM alert_transition u WHERE u.alert = t.alert AND u.number > t.number"
        " AND u.to_state IN ('resolved', 'inactive')), 0), a.severity, t.rule, a.application, a.summary, a.state FROM alert_transition t JOIN alert a"
        " ON a.number = t.alert WHERE t.to_state = 'firing' AND t.at_us >= ?1 AND t.at_us < ?2 AND (?3 IS NULL OR a.application IS NULL OR a.application = ?3)"
        " ORDER BY t.at_us DESC LIMIT ?4",
        &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_window(s, from_us, to_us, application, limit);
    return rows_read(s, arena, sizeof **ret, read_firing, (void **)ret, ret_n, error);
}

static enum fault read_finding(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct finding *f = into;
    *f = (struct finding){.id = statement_i64(s, 0),
                          .application = statement_copy(s, 2, arena),
                          .title = statement_copy(s, 3, arena),
                          .first_seen_us = statement_i64(s, 5),
                          .cleared_us = statement_i64(s, 6)};
    if (finding_kind_from(statement_bytes(s, 1), &f->kind) && finding_state_from(statement_bytes(s, 4), &f->state)) return FAULT_NONE;
    return error_set(error, FAULT_CORRUPT, "registry.db: finding %lld is damaged", (long long)f->id);
}

enum fault happened_findings(struct registry *r, struct slice application, int64_t from_us, int64_t to_us, unsigned limit, struct arena *arena,
                             struct finding **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT id, kind, application, title, state, first_seen_us, cleared_us FROM finding WHERE first_seen_us >= ?1 AND first_seen_us < ?2"
                                    " AND (?3 IS NULL OR application IS NULL OR application = ?3) ORDER BY first_seen_us DESC LIMIT ?4",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_window(s, from_us, to_us, application, limit);
    return rows_read(s, arena, sizeof **ret, read_finding, (void **)ret, ret_n, error);
}

static enum fault read_run(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct run_seen *)into = (struct run_seen){.number = statement_i64(s, 0),
                                                 .started_us = statement_i64(s, 1),
                                                 .ended_us = statement_i64(s, 2),
                                                 .state = (enum run_state)statement_i64(s, 3),
                                                 .suite = statement_copy(s, 4, arena),
                                                 .trigger = statement_copy(s, 5, arena),
                                                 .by = statement_copy(s, 6, arena),
                                                 .verdict = statement_copy(s, 7, arena)};
    return FAULT_NONE;
}

enum fault happened_runs(struct evaluations *e, int64_t from_us, int64_t to_us, unsigned limit, struct arena *arena, struct run_seen **ret,
                         unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "SELECT number, started_us, ended_us, state, suite, \"trigger\", by, verdict FROM run WHERE started_us >= ?1 AND started_us < ?2"
                                    " ORDER BY number DESC LIMIT ?3",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, from_us);
    statement_bind_i64(s, 2, to_us);
    statement_bind_i64(s, 3, limit);
    return rows_read(s, arena, sizeof **ret, read_run, (void **)ret, ret_n, error);
}

static enum fault read_waiting(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct version_waiting *v = into;
    *v = (struct version_waiting){.kind = statement_copy(s, 0, arena),
                                  .name = statement_copy(s, 1, arena),
                                  .author = statement_copy(s, 2, arena),
                                  .version = statement_i64(s, 3),
                                  .since_us = statement_i64(s, 4)};
    if (version_state_from(statement_bytes(s, 5), &v->state)) return FAULT_NONE;
    return error_set(error, FAULT_CORRUPT, "registry.db: the state of a version is damaged");
}

enum fault versions_waiting(struct registry *r, unsigned states, unsigned limit, struct arena *arena, struct version_waiting **ret, unsigned *ret_n,
                            struct error *error) {
    struct statement *s;
    struct buffer names;
    buffer_init(&names, 256);
    for (unsigned i = 0; i < VERSION_STATES; i++)
        if (states >> i & 1) buffer_printf(&names, ",%s,", version_state_name((enum version_state)i));
    enum fault fault = statement_of(r->db,
                                    "SELECT kind, name, author, version, state_us, state FROM change_version WHERE instr(?1, ',' || state || ',') > 0"
                                    " ORDER BY state_us LIMIT ?2",
                                    &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_text(s, 1, buffer_slice(&names));
        statement_bind_i64(s, 2, limit);
        fault = rows_read(s, arena, sizeof **ret, read_waiting, (void **)ret, ret_n, error);
    }
    buffer_deinit(&names);
    return fault;
}

enum fault subjects_count(struct registry *r, struct slice kind, int64_t *ret_n, int64_t *ret_production, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT count(*), ifnull(sum(production > 0), 0) FROM change_subject WHERE kind = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        *ret_n = statement_i64(s, 0);
        *ret_production = statement_i64(s, 1);
    }
    statement_reset(s);
    return fault;
}

enum fault version_class(struct registry *r, struct slice kind, struct slice name, int64_t version, int *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT class_raised FROM change_version WHERE kind = ?1 AND name = ?2 AND version = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, version);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE) *ret = row ? (int)statement_i64(s, 0) : -1;
    statement_reset(s);
    return fault;
}
