/* One change, whole or not at all: all that it asks for is checked against what is there inside one writing transaction, its entry in the
 * audit log is written from what was found and done, and then it is committed. */
#include "store/changes.h"

#include "base/json.h"
#include "base/money.h"
#include "store/changes_store.h"

#include <stdio.h>

enum { DETAIL_MAX = 4 << 20, HEX = 2 * DIGEST_BYTES + 1, SUBJECT_MAX = 2 * LIMIT_LABEL };

struct commit {
    struct registry *r;
    struct change *c;
    struct buffer detail;
    struct json_writer w;
    int64_t newest, production, launched; /* of the subject */
    uint64_t revision;
    bool exists, fresh, changes;          /* of the subject; `add` was not there; anything else is asked for */
    int64_t added;                        /* number of `add` */
    enum version_state added_state;
    int64_t rollout;
};

/* ---- the subject ---- */

static enum fault read_subject(struct commit *k, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(k->r->db, "SELECT revision, newest, production, launched FROM change_subject WHERE kind = ?1 AND name = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, k->c->kind);
    statement_bind_text(s, 2, k->c->name);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        k->exists = true;
        k->revision = (uint64_t)statement_i64(s, 0);
        k->newest = statement_i64(s, 1);
        k->production = statement_i64(s, 2);
        k->launched = statement_i64(s, 3);
    }
    statement_reset(s);
    return fault;
}

/* Who was faster, and what with. */
static enum fault changed_since(struct commit *k, struct error *error) {
    struct statement *s;
    char at[CLOCK_TEXT];
    bool row = false;
    enum fault fault =
        statement_of(k->r->db, "SELECT changed_by, changed_how, changed_why, changed_us FROM change_subject WHERE kind = ?1 AND name = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, k->c->kind);
    statement_bind_text(s, 2, k->c->name);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        struct slice why = statement_bytes(s, 2);
        changes_time(statement_i64(s, 3), at);
        fault = error_set(error, FAULT_CONFLICT,
                          SLICE_FMT " has changed since you read it: " SLICE_FMT " by " SLICE_FMT " at %s%s" SLICE_FMT "%s; it is at revision %llu, you read %llu",
                          SLICE_ARG(k->c->name), SLICE_ARG(statement_bytes(s, 1)), SLICE_ARG(statement_bytes(s, 0)), at, why.len > 0 ? " (" : "",
                          SLICE_ARG(why), why.len > 0 ? ")" : "", (unsigned long long)k->revision, (unsigned long long)k->c->if_revision);
    }
    statement_reset(s);
    return fault;
}

static enum fault check_subject(struct commit *k, struct error *error) {
    const struct change *c = k->c;
    if (c->name.len == 0 || c->name.len > LIMIT_LABEL || !(slice_is(c->kind, "prompt") || slice_is(c->kind, "knowledge")))
        return error_set(error, FAULT_BAD_REQUEST, "expected a kind of " CHANGE_KINDS " and a name of 1 to %d bytes", LIMIT_LABEL);
    enum fault fault = read_subject(k, error);
    if (fault != FAULT_NONE) return fault;
    if (!k->exists && c->add == NULL) return changes_no_subject(k->r, c->kind, c->name, error);
    return k->exists && c->if_revision != 0 && c->if_revision != k->revision ? changed_since(k, error) : FAULT_NONE;
}

/* ---- one version ---- */

static enum fault no_version(const struct commit *k, int64_t version, struct error *error) {
    return error_set(error, FAULT_NOT_FOUND, SLICE_FMT " has no version %lld; the newest is %lld", SLICE_ARG(k->c->name), (long long)version,
                     (long long)k->newest);
}

/* Bound to kind, name and version as ?1 to ?3; changes one row or the version is not there. */
static enum fault on_version(struct commit *k, const char *sql, int64_t version, struct statement **ret, struct error *error) {
    enum fault fault = statement_of(k->r->db, sql, ret, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(*ret, 1, k->c->kind);
    statement_bind_text(*ret, 2, k->c->name);
    statement_bind_i64(*ret, 3, version);
    return FAULT_NONE;
}

static enum fault update_version(struct commit *k, struct statement *s, int64_t version, struct error *error) {
    enum fault fault = statement_run(s, error);
    return fault == FAULT_NONE && database_changes(k->r->db) == 0 ? no_version(k, version, error) : fault;
}

static enum fault need_version(struct commit *k, int64_t version, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = on_version(k, "SELECT 1 FROM change_version WHERE kind = ?1 AND name = ?2 AND version = ?3", version, &s, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_step(s, &row, error);
    statement_reset(s);
    return fault == FAULT_NONE && !row ? no_version(k, version, error) : fault;
}

/* ---- a new version ---- */

static enum fault find_same(struct commit *k, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(k->r->db, "SELECT version, state FROM change_version WHERE kind = ?1 AND name = ?2 AND digest = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, k->c->kind);
    statement_bind_text(s, 2, k->c->name);
    statement_bind_blob(s, 3, slice_make((const char *)k->c->add->digest.bytes, DIGEST_BYTES));
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        k->added = statement_i64(s, 0);
        if (!version_state_from(statement_bytes(s, 1), &k->added_state))
            fault = error_set(error, FAULT_CORRUPT, "registry.db: a version's state is damaged");
    }
    statement_reset(s);
    return fault;
}

static enum fault check_human(struct commit *k, struct error *error) {
    struct statement *s;
    char at[CLOCK_TEXT];
    bool row = false;
    const struct change_version *v = k->c->add;
    if (slice_is_null(v->human)) return FAULT_NONE;
    enum fault fault = statement_of(k->r->db, "SELECT version, author, created_us FROM change_version WHERE kind = ?1 AND name = ?2 AND human = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, k->c->kind);
    statement_bind_text(s, 2, k->c->name);
    statement_bind_text(s, 3, v->human);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        changes_time(statement_i64(s, 2), at);
        fault = error_set(error, FAULT_CONFLICT, SLICE_FMT " has other content as `" SLICE_FMT "` already (version %lld, by " SLICE_FMT " at %s): give the new content a name of its own",
                          SLICE_ARG(k->c->name), SLICE_ARG(v->human), (long long)statement_i64(s, 0), SLICE_ARG(statement_bytes(s, 1)), at);
    }
    statement_reset(s);
    return fault;
}

static void bind_known(struct statement *s, int at, bool known, int64_t value) {
    if (known) statement_bind_i64(s, at, value);
    else statement_bind_text(s, at, SLICE_NULL);
}

static enum fault insert_version(struct commit *k, struct error *error) {
    struct statement *s;
    const struct change_version *v = k->c->add;
    enum fault fault = statement_of(k->r->db,
                                    "INSERT INTO change_version(kind, name, version, digest, human, state, state_by, state_why, state_us, parent, class_computed,"
                                    " class_raised, author, applied_by, why, ticket, commit_id, owner, created_us, tokens, cost_nano, facts, gate, body)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    const struct slice texts[] = {v->author, v->applied_by, v->why, v->ticket, v->commit, v->owner};
    statement_bind_text(s, 1, k->c->kind);
    statement_bind_text(s, 2, k->c->name);
    statement_bind_i64(s, 3, k->added);
    statement_bind_blob(s, 4, slice_make((const char *)v->digest.bytes, DIGEST_BYTES));
    statement_bind_text(s, 5, v->human);
    statement_bind_text(s, 6, slice_of(version_state_name(v->state)));
    statement_bind_text(s, 7, k->c->audit.actor);
    statement_bind_text(s, 8, k->c->audit.reason);
    statement_bind_i64(s, 9, k->c->audit.at_us);
    statement_bind_i64(s, 10, v->parent);
    statement_bind_i64(s, 11, v->class_computed);
    statement_bind_i64(s, 12, v->class_raised);
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++) statement_bind_text(s, 13 + i, texts[i]);
    statement_bind_i64(s, 19, v->created_us);
    bind_known(s, 20, v->tokens >= 0, v->tokens);
    bind_known(s, 21, money_is_known(v->cost_nano), v->cost_nano);
    statement_bind_text(s, 22, v->facts);
    statement_bind_text(s, 23, v->gate);
    statement_bind_text(s, 24, v->body);
    return statement_run(s, error);
}

static enum fault add_version(struct commit *k, struct error *error) {
    const struct change_version *v = k->c->add;
    char hex[HEX];
    if (v == NULL) return FAULT_NONE;
    enum fault fault = find_same(k, error);
    if (fault != FAULT_NONE || k->added != 0) return fault;
    if (v->parent == 0 && k->newest != 0) return changed_since(k, error);
    if (v->parent > k->newest) return no_version(k, v->parent, error);
    k->fresh = true;
    k->added = ++k->newest;
    k->added_state = v->state;
    fault = check_human(k, error);
    if (fault == FAULT_NONE) fault = insert_version(k, error);
    digest_hex(v->digest.bytes, DIGEST_BYTES, hex);
    json_key(&k->w, "added");
    json_object(&k->w);
    json_member_i64(&k->w, "version", k->added);
    json_member_text(&k->w, "hash", hex);
    json_member_string(&k->w, "human", v->human);
    json_member_text(&k->w, "state", version_state_name(v->state));
    json_member_i64(&k->w, "parent", v->parent);
    json_object_end(&k->w);
    return fault;
}

/* ---- states ---- */

/* What state it is in instead, and who put it there. */
static enum fault in_another_state(struct commit *k, const struct change_move *m, struct error *error) {
    struct statement *s;
    char at[CLOCK_TEXT];
    bool row = false;
    enum fault fault = on_version(k, "SELECT state, state_by, state_why, state_us FROM change_version WHERE kind = ?1 AND name = ?2 AND version = ?3",
                                  m->version, &s, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        struct slice why = statement_bytes(s, 2);
        changes_time(statement_i64(s, 3), at);
        fault = error_set(error, FAULT_CONFLICT, SLICE_FMT "@%lld is not %s but " SLICE_FMT ", since %s by " SLICE_FMT "%s" SLICE_FMT "%s",
                          SLICE_ARG(k->c->name), (long long)m->version, version_state_name(m->from), SLICE_ARG(statement_bytes(s, 0)), at,
                          SLICE_ARG(statement_bytes(s, 1)), why.len > 0 ? " (" : "", SLICE_ARG(why), why.len > 0 ? ")" : "");
    }
    statement_reset(s);
    return fault == FAULT_NONE ? no_version(k, m->version, error) : fault;
}

static enum fault move_one(struct commit *k, const struct change_move *m, struct error *error) {
    struct statement *s;
    enum fault fault = on_version(k,
                                  "UPDATE change_version SET state = ?5, state_by = ?6, state_why = ?7, state_us = ?8"
                                  " WHERE kind = ?1 AND name = ?2 AND version = ?3 AND state = ?4",
                                  m->version, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 4, slice_of(version_state_name(m->from)));
    statement_bind_text(s, 5, slice_of(version_state_name(m->to)));
    statement_bind_text(s, 6, k->c->audit.actor);
    statement_bind_text(s, 7, k->c->audit.reason);
    statement_bind_i64(s, 8, k->c->audit.at_us);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(k->r->db) == 0) return in_another_state(k, m, error);
    json_object(&k->w);
    json_member_i64(&k->w, "version", m->version);
    json_member_text(&k->w, "from", version_state_name(m->from));
    json_member_text(&k->w, "to", version_state_name(m->to));
    json_object_end(&k->w);
    return fault;
}

static enum fault move_versions(struct commit *k, struct error *error) {
    enum fault fault = FAULT_NONE;
    if (k->c->n_moves == 0) return FAULT_NONE;
    json_key(&k->w, "states");
    json_array(&k->w);
    for (unsigned i = 0; fault == FAULT_NONE && i < k->c->n_moves; i++) fault = move_one(k, &k->c->moves[i], error);
    json_array_end(&k->w);
    return fault;
}

static enum fault put_production(struct commit *k, struct error *error) {
    int64_t to = k->c->production;
    if (to == 0) return FAULT_NONE;
    enum fault fault = need_version(k, to, error);
    json_key(&k->w, "production");
    json_object(&k->w);
    json_member_i64(&k->w, "from", k->production);
    json_member_i64(&k->w, "to", to);
    json_object_end(&k->w);
    k->production = to;
    if (k->launched == 0) k->launched = to;
    return fault;
}

/* What serves is the one version in production: a change that would leave it otherwise is a mistake of this program. */
static enum fault check_production(struct commit *k, struct error *error) {
    struct statement *s;
    bool row = false;
    if (k->c->n_moves == 0 && k->c->production == 0 && !k->fresh) return FAULT_NONE;
    enum fault fault = on_version(k,
                                  "SELECT count(*), ifnull(max(version), 0) FROM change_version WHERE kind = ?1 AND name = ?2 AND ?3 = ?3"
                                  " AND state = 'production'",
                                  0, &s, error);
    if (fault != FAULT_NONE) return fault;
    fault = statement_step(s, &row, error);
    int64_t n = statement_i64(s, 0), version = statement_i64(s, 1);
    statement_reset(s);
    if (fault != FAULT_NONE || (n == (k->production != 0) && version == k->production)) return fault;
    return error_set(error, FAULT_INTERNAL, "the change of " SLICE_FMT " would leave %lld versions in production (%lld) while %lld serves",
                     SLICE_ARG(k->c->name), (long long)n, (long long)version, (long long)k->production);
}

/* ---- the rest of a change ---- */

static enum fault put_label(struct commit *k, struct error *error) {
    const struct change *c = k->c;
    struct statement *s;
    if (slice_is_null(c->label)) return FAULT_NONE;
    if (c->label.len == 0 || c->label.len > LIMIT_LABEL || slice_is(c->label, "production"))
        return error_set(error, FAULT_BAD_REQUEST, "expected a label of 1 to %d bytes, not production: a rollout makes that", LIMIT_LABEL);
    enum fault fault = c->label_version != 0 ? need_version(k, c->label_version, error) : FAULT_NONE;
    if (fault == FAULT_NONE)
        fault = on_version(k,
                           c->label_version != 0 ? "INSERT OR REPLACE INTO change_label(kind, name, version, label) VALUES(?1, ?2, ?3, ?4)"
                                                 : "DELETE FROM change_label WHERE kind = ?1 AND name = ?2 AND ?3 = ?3 AND label = ?4",
                           c->label_version, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 4, c->label);
    json_key(&k->w, "label");
    json_object(&k->w);
    json_member_string(&k->w, "label", c->label);
    json_member_i64(&k->w, "to", c->label_version);
    json_object_end(&k->w);
    return statement_run(s, error);
}

static enum fault put_approval(struct commit *k, struct error *error) {
    const struct change_approval *a = k->c->approval;
    struct statement *s;
    if (a == NULL) return FAULT_NONE;
    enum fault fault = need_version(k, a->version, error);
    if (fault == FAULT_NONE)
        fault = on_version(k, "INSERT INTO change_approval(kind, name, version, by, verdict, why, at_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", a->version,
                           &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 4, a->by);
    statement_bind_text(s, 5, a->verdict);
    statement_bind_text(s, 6, a->why);
    statement_bind_i64(s, 7, a->at_us);
    json_key(&k->w, "review");
    json_object(&k->w);
    json_member_i64(&k->w, "version", a->version);
    json_member_string(&k->w, "verdict", a->verdict);
    json_object_end(&k->w);
    return statement_run(s, error);
}

static enum fault put_class(struct commit *k, struct error *error) {
    struct statement *s;
    const struct change *c = k->c;
    if (c->raise_version == 0) return FAULT_NONE;
    enum fault fault = need_version(k, c->raise_version, error);
    if (fault == FAULT_NONE)
        fault = on_version(k,
                           "UPDATE change_version SET class_raised = ?4 WHERE kind = ?1 AND name = ?2 AND version = ?3"
                           " AND max(class_raised, class_computed) <= ?4",
                           c->raise_version, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 4, c->raise_to);
    json_key(&k->w, "class");
    json_object(&k->w);
    json_member_i64(&k->w, "version", c->raise_version);
    json_member_i64(&k->w, "to", c->raise_to);
    json_object_end(&k->w);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(k->r->db) == 0)
        return error_set(error, FAULT_CONFLICT, "the class of " SLICE_FMT "@%lld is higher already: it may be raised, never lowered", SLICE_ARG(c->name),
                         (long long)c->raise_version);
    return fault;
}

static enum fault put_gate(struct commit *k, struct error *error) {
    struct statement *s;
    if (k->c->gate_version == 0) return FAULT_NONE;
    enum fault fault = on_version(k, "UPDATE change_version SET gate = ?4 WHERE kind = ?1 AND name = ?2 AND version = ?3", k->c->gate_version, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 4, k->c->gate);
    json_key(&k->w, "gate");
    json_object(&k->w);
    json_member_i64(&k->w, "version", k->c->gate_version);
    json_member_raw(&k->w, "gate", slice_is_null(k->c->gate) ? SLICE("null") : k->c->gate);
    json_object_end(&k->w);
    return update_version(k, s, k->c->gate_version, error);
}

static enum fault put_facts(struct commit *k, struct error *error) {
    struct statement *s;
    const struct change *c = k->c;
    if (c->facts_version == 0) return FAULT_NONE;
    enum fault fault = on_version(k, "UPDATE change_version SET facts = ?4, owner = ?5 WHERE kind = ?1 AND name = ?2 AND version = ?3", c->facts_version, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 4, c->facts);
    statement_bind_text(s, 5, c->owner);
    return update_version(k, s, c->facts_version, error);
}

static enum fault put_rollout(struct commit *k, struct error *error) {
    const struct rollout_row *row = k->c->rollout;
    enum { PERCENT = 10000 };
    if (row == NULL) return FAULT_NONE;
    struct rollout_row own = *row;
    own.kind = k->c->kind;
    own.name = k->c->name;
    enum fault fault = rollout_write(k->r, &own, k->c->audit.actor, k->c->audit.at_us, &k->rollout, error);
    json_key(&k->w, "rollout");
    json_object(&k->w);
    json_member_i64(&k->w, "number", k->rollout);
    json_member_i64(&k->w, "candidate", row->candidate);
    json_member_i64(&k->w, "control", row->control);
    json_member_text(&k->w, "stage", rollout_stage_name(row->stage));
    json_member_text(&k->w, "state", rollout_state_name(row->state));
    json_member_i64(&k->w, "step", row->step);
    json_member_i64(&k->w, "epoch", row->epoch);
    json_member_double(&k->w, "weight", (double)row->weight_ppm / PERCENT);
    json_member_string(&k->w, "verdict", row->verdict);
    json_member_string(&k->w, "why", row->why);
    json_object_end(&k->w);
    return fault;
}

/* ---- whole ---- */

static enum fault put_subject(struct commit *k, struct error *error) {
    struct statement *s;
    const struct audit_entry *a = &k->c->audit;
    enum fault fault = statement_of(k->r->db,
                                    "INSERT OR REPLACE INTO change_subject(kind, name, revision, newest, production, launched, changed_us, changed_by,"
                                    " changed_how, changed_why) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, k->c->kind);
    statement_bind_text(s, 2, k->c->name);
    statement_bind_i64(s, 3, (int64_t)++k->revision);
    statement_bind_i64(s, 4, k->newest);
    statement_bind_i64(s, 5, k->production);
    statement_bind_i64(s, 6, k->launched);
    statement_bind_i64(s, 7, a->at_us);
    statement_bind_text(s, 8, a->actor);
    statement_bind_text(s, 9, slice_is_null(k->c->how) ? a->action : k->c->how);
    statement_bind_text(s, 10, a->reason);
    return statement_run(s, error);
}

/* The one version that it is about; 0: none, or several. */
static int64_t about(const struct commit *k) {
    const struct change *c = k->c;
    return c->add != NULL ? k->added : c->approval != NULL ? c->approval->version : c->n_moves > 0 ? c->moves[0].version : c->gate_version != 0 ? c->gate_version : c->facts_version;
}

static enum fault put_audit(struct commit *k, struct error *error) {
    struct audit_entry entry = k->c->audit;
    struct slice evidence = entry.detail;
    char subject[SUBJECT_MAX];
    int64_t version = about(k);
    if (slice_is_null(evidence) && k->c->rollout != NULL) evidence = k->c->rollout->evidence;
    json_member_i64(&k->w, "revision", (int64_t)k->revision);
    if (evidence.len > 0) json_member_raw(&k->w, "evidence", evidence);
    json_object_end(&k->w);
    if (k->detail.overflow) return error_set(error, FAULT_TOO_LARGE, "the evidence of a change may have %d bytes", DETAIL_MAX);
    entry.detail = buffer_slice(&k->detail);
    if (slice_is_null(entry.subject)) {
        int n = version != 0 ? snprintf(subject, sizeof subject, SLICE_FMT ":" SLICE_FMT "@%lld", SLICE_ARG(k->c->kind), SLICE_ARG(k->c->name), (long long)version)
                             : snprintf(subject, sizeof subject, SLICE_FMT ":" SLICE_FMT, SLICE_ARG(k->c->kind), SLICE_ARG(k->c->name));
        entry.subject = slice_make(subject, (size_t)n);
    }
    return audit_append(k->r, &entry, error);
}

static bool asks_for_more(const struct change *c) {
    return c->n_moves > 0 || c->production != 0 || !slice_is_null(c->label) || c->approval != NULL || c->raise_version != 0 || c->gate_version != 0 || c->facts_version != 0 ||
           c->rollout != NULL;
}

static enum fault apply(struct commit *k, struct error *error) {
    static enum fault (*const parts[])(struct commit *, struct error *) = {add_version, move_versions, put_production, check_production, put_label,
                                                                           put_approval, put_class, put_gate, put_facts, put_rollout};
    enum fault fault = check_subject(k, error);
    json_object(&k->w);
    for (unsigned i = 0; fault == FAULT_NONE && i < sizeof parts / sizeof *parts; i++) fault = parts[i](k, error);
    if (fault != FAULT_NONE || !(k->changes || k->fresh)) return fault;
    fault = put_subject(k, error);
    return fault == FAULT_NONE ? put_audit(k, error) : fault;
}

static enum fault check_json(const struct change *c, struct error *error) {
    const struct slice parts[] = {c->audit.detail, c->gate, c->rollout != NULL ? c->rollout->evidence : SLICE_NULL};
    enum { ROOM = 4096 };
    struct arena arena;
    struct json_doc doc;
    enum fault fault = FAULT_NONE;
    arena_init(&arena, ROOM, ROOM);
    for (unsigned i = 0; fault == FAULT_NONE && i < sizeof parts / sizeof *parts; i++) {
        arena_reset(&arena);
        if (parts[i].len > 0) fault = json_read(parts[i], &arena, 0, &doc, error);
    }
    arena_deinit(&arena);
    return fault;
}

enum fault changes_commit(struct registry *r, struct change *c, bool *ret_new, struct error *error) {
    struct commit k = {.r = r, .c = c, .changes = asks_for_more(c)};
    if (c->n_moves > CHANGE_MOVES) return error_set(error, FAULT_BAD_REQUEST, "a change moves at most %d versions", CHANGE_MOVES);
    enum fault fault = check_json(c, error);
    if (fault == FAULT_NONE) fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    buffer_init(&k.detail, DETAIL_MAX);
    json_start(&k.w, &k.detail);
    fault = apply(&k, error);
    if (fault == FAULT_NONE && (k.changes || k.fresh)) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE || !(k.changes || k.fresh)) database_rollback(r->db);
    buffer_deinit(&k.detail);
    if (fault != FAULT_NONE) return fault;
    if (c->add != NULL) {
        c->add->version = k.added;
        c->add->state = k.added_state;
    }
    if (c->rollout != NULL) c->rollout->number = k.rollout;
    c->revision = k.revision;
    *ret_new = k.fresh;
    return FAULT_NONE;
}
