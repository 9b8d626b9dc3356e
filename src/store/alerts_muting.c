/* Silences, thresholds and overrides of the rota (alerts.h): what people decide about the watch. */
#include "store/alerts.h"

#include "store/alerts_store.h"

/* ---- one change and its audit entry ---- */

static enum fault finish(struct registry *r, enum fault fault, const struct audit_entry *entry, struct error *error) {
    if (fault == FAULT_NONE && entry != NULL) fault = audit_append(r, entry, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

/* After the change of one row that has to be as it was asked for: why it is not. */
static enum fault changed_one(struct registry *r, const char *exists, int64_t number, const char *what, const char *else_is, struct error *error) {
    struct statement *s;
    bool row = false;
    if (database_changes(r->db) > 0) return FAULT_NONE;
    enum fault fault = statement_of(r->db, exists, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    fault = statement_step(s, &row, error);
    statement_reset(s);
    if (fault != FAULT_NONE) return fault;
    if (!row) return error_set(error, FAULT_NOT_FOUND, "there is no %s %lld", what, (long long)number);
    return error_set(error, FAULT_CONFLICT, "%s %lld %s", what, (long long)number, else_is);
}

/* ---- silences ---- */

enum fault silence_add(struct registry *r, struct silence *silence, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(r->db, "INSERT INTO silence(matchers, from_us, to_us, by, why, made_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_text(s, 1, silence->matchers);
        statement_bind_i64(s, 2, silence->from_us);
        statement_bind_i64(s, 3, silence->to_us);
        statement_bind_text(s, 4, silence->by);
        statement_bind_text(s, 5, silence->why);
        statement_bind_i64(s, 6, silence->made_us);
        fault = statement_run(s, error);
    }
    int64_t number = 0;
    if (fault == FAULT_NONE) fault = database_number(r->db, "SELECT last_insert_rowid()", &number, error);
    fault = finish(r, fault, entry, error);
    if (fault == FAULT_NONE) silence->number = number;
    return fault;
}

enum fault silence_end(struct registry *r, int64_t number, int64_t now_us, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(r->db, "UPDATE silence SET ended_us = ?2 WHERE number = ?1 AND ended_us = 0 AND to_us > ?2", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_i64(s, 1, number);
        statement_bind_i64(s, 2, now_us);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE) fault = changed_one(r, "SELECT 1 FROM silence WHERE number = ?1", number, "silence", "has ended already", error);
    return finish(r, fault, entry, error);
}

static enum fault read_silence(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct silence *)into = (struct silence){.number = statement_i64(s, 0),
                                               .matchers = statement_copy(s, 1, arena),
                                               .from_us = statement_i64(s, 2),
                                               .to_us = statement_i64(s, 3),
                                               .by = statement_copy(s, 4, arena),
                                               .why = statement_copy(s, 5, arena),
                                               .made_us = statement_i64(s, 6),
                                               .ended_us = statement_i64(s, 7)};
    return FAULT_NONE;
}

enum fault silences_list(struct registry *r, bool in_force, int64_t now_us, struct arena *arena, struct silence **ret, unsigned *ret_n,
                         struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT number, matchers, from_us, to_us, by, why, made_us, ended_us FROM silence"
                                    " WHERE NOT ?1 OR (ended_us = 0 AND to_us > ?2) ORDER BY number DESC LIMIT ?3",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, in_force);
    statement_bind_i64(s, 2, now_us);
    statement_bind_i64(s, 3, LIMIT_PAGE);
    return rows_read(s, arena, sizeof **ret, read_silence, (void **)ret, ret_n, error);
}

/* ---- thresholds ---- */

enum fault threshold_put(struct registry *r, struct threshold *t, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    int64_t number = 0;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(r->db, "UPDATE threshold SET state = 'replaced' WHERE rule = ?1 AND series IS ?2 AND state = 'proposed'", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_text(s, 1, t->rule);
        statement_bind_text(s, 2, t->series);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE)
        fault = statement_of(r->db,
                             "INSERT INTO threshold(rule, condition, series, value, clear, rationale, state, by, why, made_us)"
                             " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 'proposed', ?7, ?8, ?9)",
                             &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_text(s, 1, t->rule);
        statement_bind_blob(s, 2, slice_make((const char *)t->of.bytes, DIGEST_BYTES));
        statement_bind_text(s, 3, t->series);
        statement_bind_f64(s, 4, t->value);
        statement_bind_f64(s, 5, t->clear);
        statement_bind_text(s, 6, t->rationale);
        statement_bind_text(s, 7, t->by);
        statement_bind_text(s, 8, t->why);
        statement_bind_i64(s, 9, t->made_us);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE) fault = database_number(r->db, "SELECT last_insert_rowid()", &number, error);
    fault = finish(r, fault, entry, error);
    if (fault != FAULT_NONE) return fault;
    t->number = number;
    t->state = SLICE("proposed");
    return FAULT_NONE;
}

/* The one that was accepted before, of the same rule and series, is replaced. */
static enum fault replace_former(struct registry *r, int64_t number, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE threshold SET state = 'replaced' WHERE state = 'accepted' AND number <> ?1 AND EXISTS(SELECT 1 FROM threshold n"
                                    " WHERE n.number = ?1 AND n.rule = threshold.rule AND n.series IS threshold.series)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    return statement_run(s, error);
}

enum fault threshold_decide(struct registry *r, int64_t number, bool accept, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(r->db, "UPDATE threshold SET state = ?2, by = ?3, why = ?4, decided_us = ?5 WHERE number = ?1 AND state = 'proposed'", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_i64(s, 1, number);
        statement_bind_text(s, 2, accept ? SLICE("accepted") : SLICE("refused"));
        statement_bind_text(s, 3, entry->actor);
        statement_bind_text(s, 4, entry->reason);
        statement_bind_i64(s, 5, entry->at_us);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE)
        fault = changed_one(r, "SELECT 1 FROM threshold WHERE number = ?1", number, "threshold", "is not proposed any more", error);
    if (fault == FAULT_NONE && accept) fault = replace_former(r, number, error);
    return finish(r, fault, entry, error);
}

static enum fault read_threshold(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct threshold *t = into;
    *t = (struct threshold){.number = statement_i64(s, 0),
                            .rule = statement_copy(s, 1, arena),
                            .series = statement_copy(s, 3, arena),
                            .value = statement_f64(s, 4),
                            .clear = statement_f64(s, 5),
                            .rationale = statement_copy(s, 6, arena),
                            .state = statement_copy(s, 7, arena),
                            .by = statement_copy(s, 8, arena),
                            .why = statement_copy(s, 9, arena),
                            .made_us = statement_i64(s, 10),
                            .decided_us = statement_i64(s, 11)};
    return read_digest(s, 2, &t->of, error);
}

enum fault thresholds_list(struct registry *r, struct slice rule, struct slice state, struct arena *arena, struct threshold **ret, unsigned *ret_n,
                           struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT number, rule, condition, series, value, clear, rationale, state, by, why, made_us, decided_us FROM threshold"
                                    " WHERE (?1 IS NULL OR rule = ?1) AND (?2 IS NULL OR state = ?2) ORDER BY number DESC LIMIT ?3",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_text(s, 2, state);
    statement_bind_i64(s, 3, LIMIT_ALERT_ROWS);
    return rows_read(s, arena, sizeof **ret, read_threshold, (void **)ret, ret_n, error);
}

/* ---- who is on call ---- */

enum fault oncall_override_add(struct registry *r, struct oncall_override *o, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    int64_t number = 0;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(r->db, "INSERT INTO oncall_override(schedule, person, from_us, to_us, by, why, made_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_text(s, 1, o->schedule);
        statement_bind_text(s, 2, o->person);
        statement_bind_i64(s, 3, o->from_us);
        statement_bind_i64(s, 4, o->to_us);
        statement_bind_text(s, 5, o->by);
        statement_bind_text(s, 6, o->why);
        statement_bind_i64(s, 7, o->made_us);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE) fault = database_number(r->db, "SELECT last_insert_rowid()", &number, error);
    fault = finish(r, fault, entry, error);
    if (fault == FAULT_NONE) o->number = number;
    return fault;
}

enum fault oncall_override_remove(struct registry *r, int64_t number, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(r->db, "UPDATE oncall_override SET removed = 1 WHERE number = ?1 AND removed = 0", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_i64(s, 1, number);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE)
        fault = changed_one(r, "SELECT 1 FROM oncall_override WHERE number = ?1", number, "override", "was removed already", error);
    return finish(r, fault, entry, error);
}

static enum fault read_override(struct statement *s, struct arena *arena, void *into, struct error *error) {
    (void)error;
    *(struct oncall_override *)into = (struct oncall_override){.number = statement_i64(s, 0),
                                                               .schedule = statement_copy(s, 1, arena),
                                                               .person = statement_copy(s, 2, arena),
                                                               .from_us = statement_i64(s, 3),
                                                               .to_us = statement_i64(s, 4),
                                                               .by = statement_copy(s, 5, arena),
                                                               .why = statement_copy(s, 6, arena),
                                                               .made_us = statement_i64(s, 7)};
    return FAULT_NONE;
}

enum fault oncall_overrides(struct registry *r, int64_t from_us, int64_t to_us, struct arena *arena, struct oncall_override **ret, unsigned *ret_n,
                            struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT number, schedule, person, from_us, to_us, by, why, made_us FROM oncall_override"
                                    " WHERE removed = 0 AND to_us > ?1 AND from_us < ?2 ORDER BY number LIMIT ?3",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, from_us);
    statement_bind_i64(s, 2, to_us);
    statement_bind_i64(s, 3, LIMIT_PAGE);
    return rows_read(s, arena, sizeof **ret, read_override, (void **)ret, ret_n, error);
}
