/* What people do to alerts, and what time does (alerts.h). */
#include "store/alerts.h"

#include "store/alerts_store.h"

#include <stdio.h>

struct as_it_is { struct slice rule; enum alert_state state, before; bool found; };

static enum fault look_up(struct registry *r, int64_t alert, char *room, size_t size, struct as_it_is *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT rule, state, before FROM alert WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, alert);
    fault = statement_step(s, &row, error);
    *ret = (struct as_it_is){.found = row};
    if (fault == FAULT_NONE && row) {
        int n = snprintf(room, size, SLICE_FMT, SLICE_ARG(statement_bytes(s, 0)));
        ret->rule = slice_make(room, n < (int)size ? (size_t)n : size - 1);
        if (!alert_state_from(statement_bytes(s, 1), &ret->state) || !alert_state_from(statement_bytes(s, 2), &ret->before))
            fault = error_set(error, FAULT_CORRUPT, "registry.db: alert %lld is damaged", (long long)alert);
    } else if (fault == FAULT_NONE) {
        fault = error_set(error, FAULT_NOT_FOUND, "there is no alert %lld", (long long)alert);
    }
    statement_reset(s);
    return fault;
}

/* Also while nothing is heard of what fired. */
static bool is_firing(const struct as_it_is *a) {
    enum alert_state s = a->state == ALERT_NODATA ? a->before : a->state;
    return s == ALERT_FIRING || s == ALERT_FLAPPING;
}

static enum fault take_up(struct registry *r, int64_t alert, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE alert SET before = iif(state = 'nodata', 'acknowledged', before), since_us = iif(state = 'nodata', since_us, ?4),"
                                    " state = iif(state = 'nodata', state, 'acknowledged'), acknowledged_by = ?2, acknowledged_why = ?3,"
                                    " acknowledged_us = ?4, escalation_due_us = 0,"
                                    " owed = NULL, owed_us = 0, told_us = ?4, useful = ifnull(useful, 'acted'), touched = touched + 1 WHERE number = ?1",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, alert);
    statement_bind_text(s, 2, entry->actor);
    statement_bind_text(s, 3, entry->reason);
    statement_bind_i64(s, 4, entry->at_us);
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? firing_useful(r, alert, SLICE("acted"), error) : fault;
}

enum fault alert_acknowledged(struct registry *r, int64_t alert, const struct audit_entry *entry, const struct notice *notices, size_t n_notices,
                              struct error *error) {
    struct as_it_is was;
    char rule[LIMIT_LABEL + 1];
    int64_t waiting = -1;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = look_up(r, alert, rule, sizeof rule, &was, error);
    if (fault == FAULT_NONE && !is_firing(&was))
        fault = error_set(error, FAULT_CONFLICT, "alert %lld is %s, not firing: nothing is to be taken up", (long long)alert,
                          alert_state_name(was.state == ALERT_NODATA ? was.before : was.state));
    struct alert_transition t = {.at_us = entry->at_us, .from = was.state, .to = ALERT_ACKNOWLEDGED, .by = entry->actor, .why = entry->reason};
    if (fault == FAULT_NONE) fault = take_up(r, alert, entry, error);
    if (fault == FAULT_NONE) fault = transition_add(r, alert, was.rule, &t, error);
    if (fault == FAULT_NONE) fault = notices_add(r, notices, n_notices, &waiting, error);
    if (fault == FAULT_NONE) fault = audit_append(r, entry, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

enum fault alert_judged(struct registry *r, int64_t alert, struct slice useful, const struct audit_entry *entry, struct error *error) {
    struct statement *s;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(r->db, "UPDATE alert SET useful = ?2, touched = touched + 1 WHERE number = ?1 AND times > 0", &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_i64(s, 1, alert);
        statement_bind_text(s, 2, useful);
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE && database_changes(r->db) == 0)
        fault = error_set(error, FAULT_NOT_FOUND, "there is no alert %lld that has fired", (long long)alert);
    if (fault == FAULT_NONE) fault = firing_useful(r, alert, useful, error);
    if (fault == FAULT_NONE) fault = audit_append(r, entry, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

static enum fault prune_one(struct registry *r, const char *literal, int64_t before_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, literal, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, before_us);
    return statement_run(s, error);
}

enum fault alerts_prune(struct registry *r, int64_t before_us, struct error *error) {
    static const char *const old[] = {
        "DELETE FROM alert_transition WHERE at_us < ?1",
        "DELETE FROM notice WHERE made_us < ?1 AND (taken_us > 0 OR given_up_us > 0)",
        "DELETE FROM alert WHERE since_us < ?1 AND state IN ('inactive', 'resolved') AND owed IS NULL",
        "DELETE FROM silence WHERE to_us < ?1",
        "DELETE FROM oncall_override WHERE to_us < ?1",
    };
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    for (size_t i = 0; fault == FAULT_NONE && i < sizeof old / sizeof *old; i++) fault = prune_one(r, old[i], before_us, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}
