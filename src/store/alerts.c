/* One look of the watch, and reading alerts. What people do to them is in alerts_people.c, notices in alerts_notices.c. */
#include "store/alerts.h"

#include "model/alert_policy.h"
#include "store/alerts_store.h"
#include "store/findings.h"

#include <stdio.h>

#define MEMORY SLICE("watch")

#define ALERT                                                                                                                  \
    "number, rule, series, fingerprint, application, state, before, severity, since_us, beyond_us, well_us, fired_us, resolved_us," \
    " changes, evaluations, times, value, n, threshold, evidence, summary, labels, acknowledged_by, acknowledged_why, acknowledged_us," \
    " silence, muted_by, owed, owed_us, told_us, escalation, escalation_step, escalation_round, escalation_due_us, useful, touched"

struct slice alert_states_text(unsigned bits, char room[ALERT_STATES_TEXT]) {
    size_t n = 0;
    if (bits == 0) return SLICE_NULL;
    for (unsigned i = 0; i < ALERT_STATES; i++)
        if (bits >> i & 1) n += (size_t)snprintf(room + n, ALERT_STATES_TEXT - n, ",%s", alert_state_name((enum alert_state)i));
    n += (size_t)snprintf(room + n, ALERT_STATES_TEXT - n, ",");
    return slice_make(room, n);
}

/* ---- writing rows ---- */

static void bind_row(struct statement *s, const struct alert_row *a) {
    statement_bind_i64(s, 1, a->number);
    statement_bind_text(s, 2, a->rule);
    statement_bind_text(s, 3, a->series);
    statement_bind_text(s, 4, a->fingerprint);
    statement_bind_text(s, 5, a->application);
    statement_bind_text(s, 6, slice_of(alert_state_name(a->state)));
    statement_bind_text(s, 7, slice_of(alert_state_name(a->before)));
    statement_bind_text(s, 8, slice_of(alert_severity_name((enum alert_severity)a->severity)));
    statement_bind_i64(s, 9, a->since_us);
    statement_bind_i64(s, 10, a->beyond_us);
    statement_bind_i64(s, 11, a->well_us);
    statement_bind_i64(s, 12, a->fired_us);
    statement_bind_i64(s, 13, a->resolved_us);
    statement_bind_i64(s, 14, a->changes);
    statement_bind_i64(s, 15, a->evaluations);
    statement_bind_i64(s, 16, a->times);
    statement_bind_f64(s, 17, a->value);
    statement_bind_f64(s, 18, a->n);
    statement_bind_f64(s, 19, a->threshold);
    statement_bind_text(s, 20, a->evidence);
    statement_bind_text(s, 21, a->summary);
    statement_bind_text(s, 22, a->labels);
    statement_bind_text(s, 23, a->acknowledged_by);
    statement_bind_text(s, 24, a->acknowledged_why);
    statement_bind_i64(s, 25, a->acknowledged_us);
    statement_bind_i64(s, 26, a->silence);
    statement_bind_text(s, 27, a->muted_by);
    statement_bind_text(s, 28, a->owed);
    statement_bind_i64(s, 29, a->owed_us);
    statement_bind_i64(s, 30, a->told_us);
    statement_bind_text(s, 31, a->escalation);
    statement_bind_i64(s, 32, a->escalation_step);
    statement_bind_i64(s, 33, a->escalation_round);
    statement_bind_i64(s, 34, a->escalation_due_us);
    statement_bind_text(s, 35, a->useful);
    statement_bind_i64(s, 36, a->touched);
}

static enum fault insert_row(struct registry *r, const struct alert_row *a, int64_t *ret_number, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO alert(" ALERT ") VALUES(nullif(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
                                    " ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_row(s, a);
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? database_number(r->db, "SELECT last_insert_rowid()", ret_number, error) : fault;
}

static enum fault update_row(struct registry *r, const struct alert_row *a, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db,
                     "UPDATE alert SET rule = ?2, series = ?3, fingerprint = ?4, application = ?5, state = ?6, before = ?7, severity = ?8, since_us = ?9,"
                     " beyond_us = ?10, well_us = ?11, fired_us = ?12, resolved_us = ?13, changes = ?14, evaluations = ?15, times = ?16, value = ?17,"
                     " n = ?18, threshold = ?19, evidence = ?20, summary = ?21, labels = ?22, acknowledged_by = ?23, acknowledged_why = ?24,"
                     " acknowledged_us = ?25, silence = ?26, muted_by = ?27, owed = ?28, owed_us = ?29, told_us = ?30, escalation = ?31,"
                     " escalation_step = ?32, escalation_round = ?33, escalation_due_us = ?34, useful = ?35 WHERE number = ?1 AND touched = ?36",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_row(s, a);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0)
        fault = error_set(error, FAULT_CONFLICT, "alert %lld was changed by somebody while the watch looked", (long long)a->number);
    return fault;
}

/* Room for one more: *n rows there are, -1 not counted yet. */
static enum fault make_room(struct registry *r, int64_t *n, bool *ret, struct error *error) {
    enum fault fault = *n < 0 ? database_number(r->db, "SELECT count(*) FROM alert", n, error) : FAULT_NONE;
    if (fault == FAULT_NONE && *n >= LIMIT_ALERT_ROWS) {
        fault = database_exec(r->db,
                              "DELETE FROM alert WHERE number IN (SELECT number FROM alert WHERE (state IN ('inactive', 'resolved') OR (state = 'nodata' AND"
                              " before IN ('inactive', 'pending', 'resolved'))) AND owed IS NULL ORDER BY since_us LIMIT 100)",
                              error);
        if (fault == FAULT_NONE) *n -= database_changes(r->db);
    }
    *ret = *n < LIMIT_ALERT_ROWS;
    return fault;
}

static enum fault put_row(struct registry *r, const struct alert_row *a, int64_t *n_rows, int64_t *ret_number, struct error *error) {
    bool room = false;
    enum fault fault;
    *ret_number = a->number;
    if (a->number != 0 && !a->added) return update_row(r, a, error);
    *ret_number = 0;
    fault = make_room(r, n_rows, &room, error);
    if (fault != FAULT_NONE || !room) return fault;
    ++*n_rows;
    return insert_row(r, a, ret_number, error);
}

/* ---- transitions ---- */

enum fault transition_add(struct registry *r, int64_t alert, struct slice rule, const struct alert_transition *t, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO alert_transition(alert, rule, at_us, from_state, to_state, by, why, evidence)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, alert);
    statement_bind_text(s, 2, rule);
    statement_bind_i64(s, 3, t->at_us);
    statement_bind_text(s, 4, slice_of(alert_state_name(t->from)));
    statement_bind_text(s, 5, slice_of(alert_state_name(t->to)));
    statement_bind_text(s, 6, t->by);
    statement_bind_text(s, 7, t->why);
    statement_bind_text(s, 8, t->evidence);
    return statement_run(s, error);
}

enum fault firing_useful(struct registry *r, int64_t alert, struct slice useful, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE alert_transition SET useful = ?2 WHERE number = (SELECT max(number) FROM alert_transition"
                                    " WHERE alert = ?1 AND to_state = 'firing')",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, alert);
    statement_bind_text(s, 2, useful);
    return statement_run(s, error);
}

/* ---- one look ---- */

enum fault alerts_commit(struct registry *r, const struct alerts_look *look, int64_t *ret_numbers, struct error *error) {
    int64_t n_rows = -1, waiting = -1;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    for (size_t i = 0; fault == FAULT_NONE && i < look->n_rows; i++) {
        ret_numbers[i] = 0;
        fault = put_row(r, &look->rows[i], &n_rows, &ret_numbers[i], error);
    }
    for (size_t i = 0; fault == FAULT_NONE && i < look->n_transitions; i++) {
        const struct alert_transition *t = &look->transitions[i];
        if (ret_numbers[t->alert] != 0) fault = transition_add(r, ret_numbers[t->alert], look->rows[t->alert].rule, t, error);
    }
    for (size_t i = 0; fault == FAULT_NONE && i < look->n_rows; i++)
        if (!slice_is_null(look->rows[i].useful)) fault = firing_useful(r, ret_numbers[i], look->rows[i].useful, error);
    if (fault == FAULT_NONE) fault = notices_add(r, look->notices, look->n_notices, &waiting, error);
    for (size_t i = 0; fault == FAULT_NONE && i < look->n_audits; i++) fault = audit_append(r, &look->audits[i], error);
    if (fault == FAULT_NONE && !slice_is_null(look->memory)) fault = registry_keep(r, MEMORY, look->memory, look->now_us, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

enum fault alerts_memory(struct registry *r, struct arena *arena, struct slice *ret, struct error *error) {
    int64_t at_us = 0;
    return registry_kept(r, MEMORY, arena, ret, &at_us, error);
}

enum fault alerts_next(struct registry *r, int64_t *ret, struct error *error) {
    return database_number(r->db, "SELECT ifnull(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'alert'", ret, error);
}

/* ---- reading ---- */

static enum fault read_alert(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct alert_row *a = into;
    enum alert_severity severity = ALERT_INFO;
    *a = (struct alert_row){.number = statement_i64(s, 0),
                            .rule = statement_copy(s, 1, arena),
                            .series = statement_copy(s, 2, arena),
                            .fingerprint = statement_copy(s, 3, arena),
                            .application = statement_copy(s, 4, arena),
                            .since_us = statement_i64(s, 8),
                            .beyond_us = statement_i64(s, 9),
                            .well_us = statement_i64(s, 10),
                            .fired_us = statement_i64(s, 11),
                            .resolved_us = statement_i64(s, 12),
                            .changes = (uint32_t)statement_i64(s, 13),
                            .evaluations = (uint32_t)statement_i64(s, 14),
                            .times = statement_i64(s, 15),
                            .value = statement_f64(s, 16),
                            .n = statement_f64(s, 17),
                            .threshold = statement_f64(s, 18),
                            .evidence = statement_copy(s, 19, arena),
                            .summary = statement_copy(s, 20, arena),
                            .labels = statement_copy(s, 21, arena),
                            .acknowledged_by = statement_copy(s, 22, arena),
                            .acknowledged_why = statement_copy(s, 23, arena),
                            .acknowledged_us = statement_i64(s, 24),
                            .silence = statement_i64(s, 25),
                            .muted_by = statement_copy(s, 26, arena),
                            .owed = statement_copy(s, 27, arena),
                            .owed_us = statement_i64(s, 28),
                            .told_us = statement_i64(s, 29),
                            .escalation = statement_copy(s, 30, arena),
                            .escalation_step = (int)statement_i64(s, 31),
                            .escalation_round = (int)statement_i64(s, 32),
                            .escalation_due_us = statement_i64(s, 33),
                            .useful = statement_copy(s, 34, arena),
                            .touched = statement_i64(s, 35)};
    if (!alert_state_from(statement_bytes(s, 5), &a->state) || !alert_state_from(statement_bytes(s, 6), &a->before) ||
        !alert_severity_from(statement_bytes(s, 7), &severity))
        return error_set(error, FAULT_CORRUPT, "registry.db: alert %lld is damaged", (long long)a->number);
    a->severity = (int)severity;
    return FAULT_NONE;
}

enum fault alerts_list(struct registry *r, const struct alerts_filter *f, struct arena *arena, struct alert_row **ret, unsigned *ret_n,
                       struct error *error) {
    struct statement *s;
    char states[ALERT_STATES_TEXT];
    if (f->limit == 0 || f->limit > LIMIT_ALERT_ROWS)
        return error_set(error, FAULT_BAD_REQUEST, "expected a limit of 1 to %d, found %u", LIMIT_ALERT_ROWS, f->limit);
    enum fault fault = statement_of(r->db,
                                    "SELECT " ALERT " FROM alert WHERE (?1 IS NULL OR instr(?1, ',' || state || ',')) AND (?2 IS NULL OR rule = ?2)"
                                    " AND (?3 IS NULL OR application = ?3) AND (?4 = 0 OR number = ?4) AND since_us >= ?5 AND (?6 = 0 OR since_us < ?6)"
                                    " ORDER BY CASE state WHEN 'firing' THEN 0 WHEN 'flapping' THEN 1 WHEN 'acknowledged' THEN 2 WHEN 'pending' THEN 3"
                                    " ELSE 4 END, iif(state IN ('firing', 'flapping', 'acknowledged'), instr('critical error warning info', severity), 0),"
                                    " since_us DESC, number DESC LIMIT ?7 OFFSET ?8",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, alert_states_text(f->states, states));
    statement_bind_text(s, 2, f->rule);
    statement_bind_text(s, 3, f->application);
    statement_bind_i64(s, 4, f->number);
    statement_bind_i64(s, 5, f->from_us);
    statement_bind_i64(s, 6, f->to_us);
    statement_bind_i64(s, 7, f->limit);
    statement_bind_i64(s, 8, f->skip);
    return rows_read(s, arena, sizeof **ret, read_alert, (void **)ret, ret_n, error);
}

static enum fault read_transition(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct alert_transition *t = into;
    *t = (struct alert_transition){.alert = statement_i64(s, 0),
                                   .at_us = statement_i64(s, 1),
                                   .by = statement_copy(s, 4, arena),
                                   .why = statement_copy(s, 5, arena),
                                   .evidence = statement_copy(s, 6, arena),
                                   .useful = statement_copy(s, 7, arena)};
    if (alert_state_from(statement_bytes(s, 2), &t->from) && alert_state_from(statement_bytes(s, 3), &t->to)) return FAULT_NONE;
    return error_set(error, FAULT_CORRUPT, "registry.db: a transition of alert %lld is damaged", (long long)t->alert);
}

enum fault alert_history(struct registry *r, int64_t alert, unsigned limit, struct arena *arena, struct alert_transition **ret,
                         unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT alert, at_us, from_state, to_state, by, why, evidence, useful FROM alert_transition WHERE alert = ?1"
                                    " ORDER BY number DESC LIMIT ?2",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, alert);
    statement_bind_i64(s, 2, limit);
    return rows_read(s, arena, sizeof **ret, read_transition, (void **)ret, ret_n, error);
}

static enum fault read_precision(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct alert_precision *)into = (struct alert_precision){.rule = statement_copy(s, 0, arena),
                                                               .fired = statement_i64(s, 1),
                                                               .acted = statement_i64(s, 2),
                                                               .ignored = statement_i64(s, 3),
                                                               .noise = statement_i64(s, 4)};
    return FAULT_NONE;
}

enum fault alerts_precision(struct registry *r, int64_t from_us, struct arena *arena, struct alert_precision **ret, unsigned *ret_n,
                            struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db,
                     "SELECT t.rule, count(*), sum(t.useful IS 'acted'), sum(t.useful IS 'ignored' OR (t.useful IS NULL AND NOT EXISTS(SELECT 1 FROM"
                     " alert a WHERE a.number = t.alert AND a.fired_us = t.at_us AND (a.state IN ('firing', 'flapping', 'acknowledged') OR"
                     " (a.state = 'nodata' AND a.before IN ('firing', 'flapping', 'acknowledged')))))), sum(t.useful IS 'noise')"
                     " FROM alert_transition t WHERE t.to_state = 'firing' AND t.at_us >= ?1 GROUP BY t.rule ORDER BY t.rule",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, from_us);
    return rows_read(s, arena, sizeof **ret, read_precision, (void **)ret, ret_n, error);
}
