#include "store/triggers.h"

#include "store/evaluations_store.h"

static struct slice known(struct slice s) { return slice_is_null(s) ? SLICE("") : s; }

/* ---- turns ---- */

enum fault trigger_find(struct evaluations *e, struct slice suite, struct slice what, struct arena *arena, struct trigger_state *ret,
                        struct error *error) {
    struct statement *s;
    bool row = false;
    *ret = (struct trigger_state){0};
    enum fault fault = statement_of(e->db, "SELECT last_us, wanted_us, run, note FROM suite_trigger WHERE suite = ?1 AND what = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, suite);
    statement_bind_text(s, 2, what);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row)
        *ret = (struct trigger_state){statement_i64(s, 0), statement_i64(s, 1), statement_i64(s, 2), statement_copy(s, 3, arena)};
    statement_reset(s);
    return fault;
}

enum fault trigger_put(struct evaluations *e, struct slice suite, struct slice what, const struct trigger_state *t, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(e->db, "REPLACE INTO suite_trigger(suite, what, last_us, wanted_us, run, note) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, suite);
    statement_bind_text(s, 2, what);
    statement_bind_i64(s, 3, t->last_us);
    statement_bind_i64(s, 4, t->wanted_us);
    statement_bind_i64(s, 5, t->run);
    statement_bind_text(s, 6, t->note);
    return statement_run(s, error);
}

/* ---- versions of models ---- */

static void bind_target(struct statement *s, const struct model_answer *a) {
    statement_bind_text(s, 1, known(a->model));
    statement_bind_text(s, 2, known(a->provider));
    statement_bind_text(s, 3, known(a->target));
}

static void bind_version(struct statement *s, const struct model_answer *a) {
    bind_target(s, a);
    statement_bind_text(s, 4, known(a->version));
    statement_bind_text(s, 5, known(a->fingerprint));
}

/* Of the target: *ret_any: was it ever seen? */
static enum fault answers_of_target(struct evaluations *e, const struct model_answer *a, bool *ret_any, int64_t *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault =
        statement_of(e->db, "SELECT count(*), ifnull(sum(answers), 0) FROM model_seen WHERE model = ?1 AND provider = ?2 AND target = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_target(s, a);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        *ret_any = statement_i64(s, 0) > 0;
        *ret = statement_i64(s, 1);
    }
    statement_reset(s);
    return fault;
}

static enum fault count_answers(struct evaluations *e, const struct model_answer *a, unsigned answers, bool *ret_known, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "UPDATE model_seen SET answers = answers + ?6 WHERE model = ?1 AND provider = ?2 AND target = ?3 AND version = ?4"
                                    " AND fingerprint = ?5",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_version(s, a);
    statement_bind_i64(s, 6, answers);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) *ret_known = database_changes(e->db) > 0;
    return fault;
}

enum fault model_seen(struct evaluations *e, const struct model_answer *a, unsigned answers, int64_t at_us, enum model_news *ret, struct error *error) {
    struct statement *s;
    bool known_already = false, any = false;
    int64_t before = 0;
    enum fault fault = count_answers(e, a, answers, &known_already, error);
    if (fault == FAULT_NONE && known_already) *ret = MODEL_KNOWN;
    if (fault != FAULT_NONE || known_already) return fault;
    fault = answers_of_target(e, a, &any, &before, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(e->db,
                         "INSERT INTO model_seen(model, provider, target, version, fingerprint, first_us, answers, before)"
                         " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                         &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_version(s, a);
    statement_bind_i64(s, 6, at_us);
    statement_bind_i64(s, 7, answers);
    statement_bind_i64(s, 8, before);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) *ret = any ? MODEL_NEW : MODEL_FIRST;
    return fault;
}

enum fault model_former(struct evaluations *e, const struct model_answer *a, struct arena *arena, struct slice *ret_version, struct slice *ret_fingerprint,
                        struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(e->db,
                                    "SELECT version, fingerprint FROM model_seen WHERE model = ?1 AND provider = ?2 AND target = ?3"
                                    " AND NOT (version = ?4 AND fingerprint = ?5) ORDER BY first_us DESC LIMIT 1",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_version(s, a);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        *ret_version = statement_copy(s, 0, arena);
        *ret_fingerprint = statement_copy(s, 1, arena);
    }
    statement_reset(s);
    return fault == FAULT_NONE && !row ? error_set(error, FAULT_NOT_FOUND, "no other version of this model has answered") : fault;
}

enum fault model_share(struct evaluations *e, const struct model_answer *a, struct model_share *ret, struct error *error) {
    struct statement *s;
    bool row = false, any = false;
    int64_t all = 0, before = 0;
    struct model_share found = {0};
    enum fault fault = answers_of_target(e, a, &any, &all, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_of(e->db,
                         "SELECT first_us, answers, before FROM model_seen WHERE model = ?1 AND provider = ?2 AND target = ?3 AND version = ?4"
                         " AND fingerprint = ?5",
                         &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_version(s, a);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        found = (struct model_share){.first_us = statement_i64(s, 0), .answers = statement_i64(s, 1)};
        before = statement_i64(s, 2);
    }
    statement_reset(s);
    if (fault == FAULT_NONE && !row) return error_set(error, FAULT_NOT_FOUND, "this version of the model has not answered");
    found.of = all - before;
    if (fault == FAULT_NONE) *ret = found;
    return fault;
}

enum fault model_step_begin(struct evaluations *e, struct error *error) { return database_begin(e->db, error); }
void model_step_undo(struct evaluations *e) { database_rollback(e->db); }

enum fault model_step_end(struct evaluations *e, struct slice position, struct error *error) {
    struct trigger_state s = {.note = position};
    enum fault fault = trigger_put(e, SLICE(""), SLICE("position"), &s, error);
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    return fault;
}

enum fault model_position(struct evaluations *e, struct arena *arena, struct slice *ret, struct error *error) {
    struct trigger_state s;
    enum fault fault = trigger_find(e, SLICE(""), SLICE("position"), arena, &s, error);
    if (fault == FAULT_NONE) *ret = s.note;
    return fault;
}
