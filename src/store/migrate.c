#include "store/migrate.h"

#include <stdio.h>

enum { PRAGMA_TEXT = 48 };

/* ---- the schemas ---- */

static const char *const registry_steps[] = {
    /* 1 */
    "CREATE TABLE key("
    "  application TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, hint TEXT,"
    "  created_us INTEGER NOT NULL, created_by TEXT, revoked_us INTEGER NOT NULL DEFAULT 0, revoked_by TEXT,"
    "  PRIMARY KEY(application, name)) WITHOUT ROWID;"
    "CREATE TABLE audit("
    "  number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, actor TEXT, action TEXT, subject TEXT, reason "
    "TEXT,"
    "  detail TEXT, chain BLOB NOT NULL);"
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is "
    "append-only'); END;"
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is "
    "append-only'); END;",
    /* budgets, limits and approvals (registry_allowances.h), and what nobody may see */
    "CREATE TABLE allowance("
    "  kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, set_us INTEGER NOT NULL, set_by TEXT, reason "
    "TEXT,"
    "  PRIMARY KEY(kind, name)) WITHOUT ROWID;"
    "CREATE TABLE secret(name TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;",
    /* routing by difficulty (registry_tiering.h) */
    "CREATE TABLE tiering("
    "  model TEXT PRIMARY KEY NOT NULL, is_on INTEGER NOT NULL DEFAULT 0, changed_us INTEGER NOT NULL DEFAULT 0, changed_by TEXT,"
    "  why TEXT, trained TEXT, trained_us INTEGER NOT NULL DEFAULT 0, trained_by TEXT, downgrade TEXT,"
    "  downgrade_us INTEGER NOT NULL DEFAULT 0, downgrade_by TEXT) WITHOUT ROWID;",
    /* what calibrations of the semantic cache have verified (registry_cache.h) */
    "CREATE TABLE cache_verification(application TEXT PRIMARY KEY, method TEXT NOT NULL, by TEXT,"
    "  threshold INTEGER NOT NULL, precision INTEGER NOT NULL, confidence INTEGER NOT NULL, bound INTEGER NOT NULL,"
    "  n INTEGER NOT NULL, right INTEGER NOT NULL, embedding INTEGER NOT NULL, at_us INTEGER NOT NULL) WITHOUT ROWID;",
    /* what watchers noticed (findings.h), and what the program remembers of itself */
    "CREATE TABLE finding("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, domain TEXT NOT NULL, kind TEXT NOT NULL,"
    "  application TEXT, title TEXT NOT NULL, evidence TEXT NOT NULL, command TEXT NOT NULL, state TEXT NOT NULL,"
    "  first_seen_us INTEGER NOT NULL, last_seen_us INTEGER NOT NULL, cleared_us INTEGER NOT NULL DEFAULT 0,"
    "  times INTEGER NOT NULL DEFAULT 1, look INTEGER NOT NULL, dismissed_by TEXT, reason TEXT,"
    "  dismissed_us INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX finding_by_state ON finding(state, last_seen_us);"
    "CREATE INDEX finding_by_look ON finding(look);"
    "CREATE TABLE kept(name TEXT PRIMARY KEY, at_us INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;",
    /* versions and what serves (changes.h), rollouts (rollouts.h), prompts in live traffic and versions of models (live_prompts.h) */
    "CREATE TABLE change_subject("
    "  kind TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, newest INTEGER NOT NULL DEFAULT 0,"
    "  production INTEGER NOT NULL DEFAULT 0, launched INTEGER NOT NULL DEFAULT 0, changed_us INTEGER NOT NULL DEFAULT 0,"
    "  changed_by TEXT, changed_how TEXT, changed_why TEXT, PRIMARY KEY(kind, name)) WITHOUT ROWID;"
    "CREATE TABLE change_version("
    "  kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, human TEXT, state TEXT NOT NULL,"
    "  state_by TEXT, state_why TEXT, state_us INTEGER NOT NULL, parent INTEGER NOT NULL, class_computed INTEGER NOT NULL,"
    "  class_raised INTEGER NOT NULL, author TEXT, applied_by TEXT, why TEXT, ticket TEXT, commit_id TEXT, owner TEXT,"
    "  created_us INTEGER NOT NULL, tokens INTEGER, cost_nano INTEGER, facts TEXT, gate TEXT, body TEXT NOT NULL,"
    "  UNIQUE(kind, name, version), UNIQUE(kind, name, digest));"
    "CREATE UNIQUE INDEX change_version_human ON change_version(kind, name, human) WHERE human IS NOT NULL;"
    "CREATE INDEX change_version_state ON change_version(state, kind, name);"
    "CREATE INDEX change_version_served ON change_version(kind, name, version DESC, digest, human);"
    "CREATE TABLE change_label("
    "  kind TEXT NOT NULL, name TEXT NOT NULL, label TEXT NOT NULL, version INTEGER NOT NULL,"
    "  PRIMARY KEY(kind, name, label)) WITHOUT ROWID;"
    "CREATE TABLE change_approval("
    "  number INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, by TEXT, verdict TEXT NOT NULL,"
    "  why TEXT, at_us INTEGER NOT NULL);"
    "CREATE INDEX change_approval_version ON change_approval(kind, name, version, number);"
    "CREATE TABLE rollout("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, candidate INTEGER NOT NULL,"
    "  control INTEGER NOT NULL, plan TEXT, stage TEXT NOT NULL, state TEXT NOT NULL, step INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    "  weight_ppm INTEGER NOT NULL, salt INTEGER NOT NULL, step_held_us INTEGER NOT NULL, started_us INTEGER NOT NULL,"
    "  ended_us INTEGER NOT NULL, started_by TEXT, changed_by TEXT, verdict TEXT, why TEXT, evidence TEXT);"
    "CREATE INDEX rollout_subject ON rollout(kind, name, number);"
    "CREATE UNIQUE INDEX rollout_under_way ON rollout(kind, name) WHERE state IN ('progressing', 'paused');"
    "CREATE TABLE rollout_sums(number INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE shadow_pair("
    "  rollout INTEGER NOT NULL, record BLOB NOT NULL, at_us INTEGER NOT NULL, cost_nano INTEGER, body TEXT NOT NULL,"
    "  PRIMARY KEY(rollout, record)) WITHOUT ROWID;"
    "CREATE INDEX audit_subject ON audit(subject, number);"
    "CREATE TABLE live_group("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, application TEXT NOT NULL, request_type TEXT, template TEXT, before INTEGER NOT NULL,"
    "  prompt TEXT, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, answers INTEGER NOT NULL, texts INTEGER NOT NULL);"
    "CREATE INDEX live_group_application ON live_group(application, number);"
    "CREATE TABLE live_text("
    "  application TEXT NOT NULL, hash BLOB NOT NULL, group_number INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,"
    "  answers INTEGER NOT NULL, text TEXT, PRIMARY KEY(application, hash));"
    "CREATE INDEX live_text_hash ON live_text(hash);"
    "CREATE INDEX live_text_group ON live_text(group_number, answers);"
    "CREATE TABLE model_change("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, provider TEXT NOT NULL, target TEXT NOT NULL, before TEXT,"
    "  after TEXT, seen_us INTEGER NOT NULL, answers INTEGER NOT NULL, state TEXT NOT NULL, held_to TEXT, runs TEXT, decided_by TEXT,"
    "  why TEXT, decided_us INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX model_change_state ON model_change(state, number);",
    /* alerts, what is told of them, silences, thresholds, who is on call (alerts.h); what was done to live traffic (actions.h) */
    "CREATE TABLE alert("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, series TEXT NOT NULL, fingerprint TEXT NOT NULL, application TEXT,"
    "  state TEXT NOT NULL, before TEXT NOT NULL, severity TEXT NOT NULL, since_us INTEGER NOT NULL, beyond_us INTEGER NOT NULL,"
    "  well_us INTEGER NOT NULL, fired_us INTEGER NOT NULL, resolved_us INTEGER NOT NULL, changes INTEGER NOT NULL,"
    "  evaluations INTEGER NOT NULL, times INTEGER NOT NULL, value REAL, n REAL, threshold REAL, evidence TEXT, summary TEXT, labels TEXT,"
    "  acknowledged_by TEXT, acknowledged_why TEXT, acknowledged_us INTEGER NOT NULL DEFAULT 0, silence INTEGER NOT NULL DEFAULT 0,"
    "  muted_by TEXT, owed TEXT, owed_us INTEGER NOT NULL DEFAULT 0, told_us INTEGER NOT NULL DEFAULT 0, escalation TEXT,"
    "  escalation_step INTEGER NOT NULL DEFAULT -1, escalation_round INTEGER NOT NULL DEFAULT 0,"
    "  escalation_due_us INTEGER NOT NULL DEFAULT 0, useful TEXT, touched INTEGER NOT NULL DEFAULT 0, UNIQUE(rule, series));"
    "CREATE INDEX alert_state ON alert(state, since_us);"
    "CREATE TABLE alert_transition("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, alert INTEGER NOT NULL, rule TEXT NOT NULL, at_us INTEGER NOT NULL,"
    "  from_state TEXT NOT NULL, to_state TEXT NOT NULL, by TEXT, why TEXT, evidence TEXT, useful TEXT);"
    "CREATE INDEX alert_transition_alert ON alert_transition(alert, number);"
    "CREATE INDEX alert_transition_fired ON alert_transition(rule, at_us) WHERE to_state = 'firing';"
    "CREATE INDEX alert_transition_at ON alert_transition(at_us);"
    "CREATE TABLE notice("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, receiver TEXT NOT NULL, group_key TEXT, status TEXT NOT NULL,"
    "  body TEXT NOT NULL, made_us INTEGER NOT NULL, due_us INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
    "  taken_us INTEGER NOT NULL DEFAULT 0, given_up_us INTEGER NOT NULL DEFAULT 0, last_error TEXT, left_out INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX notice_waiting ON notice(receiver, due_us) WHERE taken_us = 0 AND given_up_us = 0;"
    "CREATE INDEX notice_receiver ON notice(receiver, number);"
    "CREATE INDEX notice_group ON notice(receiver, group_key, number) WHERE taken_us = 0 AND given_up_us = 0;"
    "CREATE INDEX notice_made ON notice(made_us);"
    "CREATE TABLE silence("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, matchers TEXT NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, by TEXT,"
    "  why TEXT, made_us INTEGER NOT NULL, ended_us INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX silence_to ON silence(to_us);"
    "CREATE TABLE threshold("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, condition BLOB NOT NULL, series TEXT, value REAL NOT NULL,"
    "  clear REAL NOT NULL, rationale TEXT, state TEXT NOT NULL, by TEXT, why TEXT, made_us INTEGER NOT NULL,"
    "  decided_us INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX threshold_rule ON threshold(rule, number);"
    "CREATE INDEX threshold_state ON threshold(state, number);"
    "CREATE TABLE oncall_override("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, person TEXT NOT NULL, from_us INTEGER NOT NULL,"
    "  to_us INTEGER NOT NULL, by TEXT, why TEXT, made_us INTEGER NOT NULL, removed INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX oncall_override_to ON oncall_override(to_us);"
    "CREATE TABLE action("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, scope TEXT NOT NULL, state TEXT NOT NULL, at_us INTEGER NOT NULL,"
    "  until_us INTEGER NOT NULL DEFAULT 0, ended_us INTEGER NOT NULL DEFAULT 0, rule TEXT, alert INTEGER NOT NULL DEFAULT 0,"
    "  firing INTEGER NOT NULL DEFAULT 0, by TEXT,"
    "  why TEXT, ended_by TEXT, ended_why TEXT, share_ppm INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0,"
    "  step_us INTEGER NOT NULL DEFAULT 0, evidence TEXT, undo TEXT);"
    "CREATE INDEX action_state ON action(state, number);"
    "CREATE UNIQUE INDEX action_in_force ON action(kind, scope) WHERE state IN ('in force', 'returning');"
    "CREATE INDEX action_rule ON action(rule, kind, at_us);"
    "CREATE INDEX action_alert ON action(alert, number);",
    /* how rollouts stood each time that they were judged (rollout_points.h) */
    "CREATE TABLE rollout_point("
    "  rollout INTEGER NOT NULL, number INTEGER NOT NULL, at_us INTEGER NOT NULL, stage TEXT NOT NULL, step INTEGER NOT NULL,"
    "  weight_ppm INTEGER NOT NULL, mark TEXT, body TEXT NOT NULL, PRIMARY KEY(rollout, number)) WITHOUT ROWID;",
    /* who signs in (users.h), and who is signed in (sessions.h) */
    "CREATE TABLE user("
    "  name TEXT PRIMARY KEY NOT NULL, role TEXT NOT NULL, password TEXT NOT NULL, enabled INTEGER NOT NULL, made_us INTEGER NOT NULL,"
    "  made_by TEXT, password_us INTEGER NOT NULL, signed_in_us INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE session("
    "  digest BLOB PRIMARY KEY NOT NULL, user TEXT, token BLOB, role TEXT NOT NULL, made_us INTEGER NOT NULL,"
    "  seen_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX session_user ON session(user, made_us);",
    "ALTER TABLE session ADD COLUMN network TEXT; ALTER TABLE session ADD COLUMN agent TEXT;",
};
const struct schema schema_registry = {registry_steps, sizeof registry_steps / sizeof *registry_steps};

/* One day of records. record.place orders by time (ledger_day.h); names stand for texts that come again and
 * again; sieve says which values occur in a run of records; rollups hang on `dimension`. */
static const char *const ledger_steps[] = {
    /* 1 */
    "CREATE TABLE record(place INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE name(id INTEGER PRIMARY KEY, text BLOB NOT NULL);"
    "CREATE TABLE sieve(id INTEGER PRIMARY KEY, lo INTEGER NOT NULL, hi INTEGER NOT NULL, n INTEGER NOT NULL,"
    "  marks BLOB NOT NULL);"
    "CREATE TABLE dimension(id INTEGER PRIMARY KEY, application TEXT, request_type TEXT, model TEXT, prompt "
    "TEXT,"
    "  feature TEXT, team TEXT);"
    "CREATE TABLE rollup_minute(start INTEGER, dimension INTEGER, body BLOB NOT NULL,"
    "  PRIMARY KEY(start, dimension)) WITHOUT ROWID;"
    "CREATE TABLE rollup_hour(start INTEGER, dimension INTEGER, body BLOB NOT NULL,"
    "  PRIMARY KEY(start, dimension)) WITHOUT ROWID;"
    /* what the records' times span, and how far they are from their ids' */
    "CREATE TABLE span(id INTEGER PRIMARY KEY CHECK(id = 1), records INTEGER NOT NULL, from_us INTEGER NOT "
    "NULL,"
    "  to_us INTEGER NOT NULL, skew_from_us INTEGER NOT NULL, skew_to_us INTEGER NOT NULL);"
    /* losses told by the flight recorder, frames that could not be read, files moved aside: nothing is silent
     */
    "CREATE TABLE note(id BLOB PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, count INTEGER NOT "
    "NULL,"
    "  detail BLOB) WITHOUT ROWID;",
    /* 2: sums of money by hour (spend_cell.h); spend_state.whole: they hold every record of the file */
    "CREATE TABLE spend_dimension(id INTEGER PRIMARY KEY, folded INTEGER NOT NULL, application TEXT,"
    "  request_type TEXT, model TEXT, provider TEXT, target_model TEXT, prompt TEXT, feature TEXT, team TEXT,"
    "  key TEXT, system_prompt BLOB);"
    "CREATE TABLE spend_hour(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE spend_state(id INTEGER PRIMARY KEY CHECK(id = 1), whole INTEGER NOT NULL);"
    "INSERT INTO spend_state(id, whole) SELECT 1, NOT EXISTS(SELECT 1 FROM record);",
    /* 3: how good answers were (score.h) */
    "CREATE TABLE score(record BLOB NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, value_ppm INTEGER NOT NULL,"
    "  at_us INTEGER NOT NULL, comment TEXT, PRIMARY KEY(record, name, source)) WITHOUT ROWID;",
    /* 4: in which order records came: the places of each transaction (follow.h) */
    "CREATE TABLE arrival(batch INTEGER PRIMARY KEY AUTOINCREMENT, places BLOB NOT NULL);",
    /* 5: rollups by few dimensions (rollup.h); view_state.whole: they hold every record of the file */
    "ALTER TABLE dimension ADD COLUMN provider TEXT;"
    "ALTER TABLE dimension ADD COLUMN view INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE view_minute(view INTEGER, start INTEGER, dimension INTEGER, body BLOB NOT NULL,"
    "  PRIMARY KEY(view, start, dimension)) WITHOUT ROWID;"
    "CREATE TABLE view_hour(view INTEGER, start INTEGER, dimension INTEGER, body BLOB NOT NULL,"
    "  PRIMARY KEY(view, start, dimension)) WITHOUT ROWID;"
    "CREATE TABLE view_state(id INTEGER PRIMARY KEY CHECK(id = 1), whole INTEGER NOT NULL);"
    "INSERT INTO view_state(id, whole) SELECT 1, NOT EXISTS(SELECT 1 FROM record);",
    /* 6: and by the day (view 0: by all dimensions); view_state.days: they hold every record of the file */
    "CREATE TABLE view_day(view INTEGER, start INTEGER, dimension INTEGER, body BLOB NOT NULL,"
    "  PRIMARY KEY(view, start, dimension)) WITHOUT ROWID;"
    "ALTER TABLE view_state ADD COLUMN days INTEGER NOT NULL DEFAULT 0;"
    "UPDATE view_state SET days = NOT EXISTS(SELECT 1 FROM record);",
    /* 7: sums of money by longer times and by few dimensions, of days that are over (spend_fold.h) */
    "CREATE TABLE spend_fold(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "ALTER TABLE spend_state ADD COLUMN folded INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE spend_dimension ADD COLUMN few INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX spend_few ON spend_dimension(id) WHERE few = 1;",
};
const struct schema schema_ledger = {ledger_steps, sizeof ledger_steps / sizeof *ledger_steps};

static const char *const payload_steps[] = {
    /* 1 */
    "CREATE TABLE application(id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
    "CREATE TABLE payload(place INTEGER PRIMARY KEY, id BLOB NOT NULL, application INTEGER NOT NULL, size "
    "INTEGER NOT NULL,"
    "  body BLOB NOT NULL);",
};
const struct schema schema_payload = {payload_steps, sizeof payload_steps / sizeof *payload_steps};

/* Files and batches of the data plane; columns as in batches.h. line.id: the batch's number and the line's (batches.h). */
static const char *const batches_steps[] = {
    /* 1 */
    "CREATE TABLE file(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, application TEXT NOT NULL, filename TEXT,"
    "  purpose TEXT NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  checksum INTEGER NOT NULL);"
    "CREATE INDEX file_application ON file(application, number);"
    "CREATE TABLE batch(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, application TEXT NOT NULL, key_digest BLOB,"
    "  key TEXT, labels TEXT, endpoint TEXT, input_file TEXT, output_file TEXT, error_file TEXT, metadata TEXT, errors TEXT,"
    "  provider TEXT, model TEXT, target_model TEXT, upstream_file TEXT, upstream_batch TEXT, upstream_output TEXT,"
    "  upstream_errors TEXT, status INTEGER NOT NULL, ends_as INTEGER, created_us INTEGER NOT NULL, in_progress_us INTEGER,"
    "  finalizing_us INTEGER, cancelling_us INTEGER, ended_us INTEGER, expires_us INTEGER, total INTEGER, completed INTEGER,"
    "  failed INTEGER, creating INTEGER, worst_nano INTEGER, approved_nano INTEGER, settle_us INTEGER);"
    "CREATE INDEX batch_application ON batch(application, number);"
    "CREATE TABLE line(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, len INTEGER NOT NULL, custom_id TEXT NOT NULL,"
    "  state INTEGER NOT NULL DEFAULT 0, result TEXT);",
};
const struct schema schema_batches = {batches_steps, sizeof batches_steps / sizeof *batches_steps};

/* Evaluation (evaluations.h); columns of run as in runs.h. */
static const char *const evaluations_steps[] = {
    /* 1 */
    "CREATE TABLE definition(number INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,"
    "  digest BLOB NOT NULL, body TEXT NOT NULL, registered INTEGER NOT NULL, at_us INTEGER NOT NULL, by TEXT, why TEXT, ticket TEXT,"
    "  removed_us INTEGER NOT NULL DEFAULT 0, UNIQUE(kind, name, digest), UNIQUE(kind, name, version));"
    "CREATE TABLE run(number INTEGER PRIMARY KEY AUTOINCREMENT, suite TEXT NOT NULL, definition INTEGER NOT NULL,"
    "  suite_version INTEGER NOT NULL, suite_digest BLOB NOT NULL, prompt TEXT, prompt_body TEXT, prompt_digest BLOB, model TEXT,"
    "  chosen TEXT, repeat INTEGER NOT NULL, max_cost_nano INTEGER NOT NULL, wanted BLOB NOT NULL, trigger TEXT, by TEXT, owner TEXT,"
    "  stop_by TEXT, state INTEGER NOT NULL, started_us INTEGER NOT NULL, seen_us INTEGER NOT NULL, ended_us INTEGER, planned INTEGER NOT NULL,"
    "  done INTEGER NOT NULL, cost_nano INTEGER NOT NULL, verdict TEXT, summary TEXT);"
    "CREATE INDEX run_by_suite ON run(suite, number);"
    "CREATE INDEX run_by_wanted ON run(wanted, state);"
    "CREATE TABLE result(run INTEGER NOT NULL, case_at INTEGER NOT NULL, repeat INTEGER NOT NULL, verdict INTEGER NOT NULL,"
    "  cost_nano INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(run, case_at, repeat)) WITHOUT ROWID;"
    "CREATE TABLE reference(suite TEXT PRIMARY KEY, run INTEGER NOT NULL, at_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE calibration(number INTEGER PRIMARY KEY, judge TEXT NOT NULL, identity BLOB NOT NULL, at_us INTEGER NOT NULL, by TEXT,"
    "  source TEXT, body TEXT NOT NULL, pairs TEXT NOT NULL);"
    "CREATE INDEX calibration_by_identity ON calibration(identity, number);"
    /* people's reviews (reviews.h) */
    "CREATE TABLE review(number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, rubric TEXT NOT NULL, source TEXT, reviewers TEXT NOT NULL,"
    "  adjudicator TEXT, scale INTEGER NOT NULL, per_item INTEGER NOT NULL, due_us INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    "  closed_us INTEGER NOT NULL DEFAULT 0, by TEXT);"
    "CREATE TABLE review_item(review INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, label INTEGER, comment TEXT, by TEXT,"
    "  at_us INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(review, at)) WITHOUT ROWID;"
    "CREATE TABLE review_label(review INTEGER NOT NULL, item INTEGER NOT NULL, reviewer TEXT NOT NULL, position INTEGER NOT NULL,"
    "  flipped INTEGER NOT NULL, label INTEGER, comment TEXT, by TEXT, at_us INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY(review, item, reviewer)) WITHOUT ROWID;"
    "CREATE INDEX review_label_by_reviewer ON review_label(review, reviewer, position);"
    /* scores of production records (scored.h) */
    "CREATE TABLE scoring_rule(rule TEXT PRIMARY KEY, position TEXT, window INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0,"
    "  paused INTEGER NOT NULL DEFAULT 0, changed_us INTEGER NOT NULL DEFAULT 0, by TEXT, why TEXT) WITHOUT ROWID;"
    "CREATE TABLE scored(record BLOB NOT NULL, rule TEXT NOT NULL, definition INTEGER NOT NULL, time_us INTEGER NOT NULL, application TEXT,"
    "  request_type TEXT, prompt TEXT, version TEXT, model TEXT, chance_e15 INTEGER NOT NULL, length INTEGER NOT NULL, state INTEGER NOT NULL,"
    "  tries INTEGER NOT NULL, body TEXT, PRIMARY KEY(rule, record)) WITHOUT ROWID;"
    "CREATE INDEX scored_by_time ON scored(rule, time_us);"
    "CREATE INDEX scored_waiting ON scored(rule, time_us) WHERE state = 0;"
    "CREATE TABLE scored_count(rule TEXT NOT NULL, day INTEGER NOT NULL, matched INTEGER NOT NULL, taken INTEGER NOT NULL,"
    "  over INTEGER NOT NULL, PRIMARY KEY(rule, day)) WITHOUT ROWID;"
    "CREATE TABLE scored_length(rule TEXT NOT NULL, request_type TEXT NOT NULL, day INTEGER NOT NULL, histogram BLOB NOT NULL,"
    "  PRIMARY KEY(rule, request_type, day)) WITHOUT ROWID;"
    /* suites that the server runs by itself (triggers.h) */
    "CREATE TABLE suite_trigger(suite TEXT NOT NULL, what TEXT NOT NULL, last_us INTEGER NOT NULL, wanted_us INTEGER NOT NULL,"
    "  run INTEGER NOT NULL, note TEXT, PRIMARY KEY(suite, what)) WITHOUT ROWID;"
    "CREATE TABLE model_seen(model TEXT NOT NULL, provider TEXT NOT NULL, target TEXT NOT NULL, version TEXT NOT NULL,"
    "  fingerprint TEXT NOT NULL, first_us INTEGER NOT NULL, PRIMARY KEY(model, provider, target, version, fingerprint)) WITHOUT ROWID;",
    /* 2: answers of a version, and those that its target had given before it */
    "ALTER TABLE model_seen ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE model_seen ADD COLUMN before INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX scored_old ON scored(time_us);",
    /* 3: scores by the hour (scored_sums.h), beginning with those that are there */
    "CREATE TABLE scored_hour(start INTEGER NOT NULL, metric TEXT NOT NULL, application TEXT NOT NULL, request_type TEXT NOT NULL,"
    "  prompt TEXT NOT NULL, version TEXT NOT NULL, model TEXT NOT NULL, n INTEGER NOT NULL, w REAL NOT NULL, wy REAL NOT NULL, w2 REAL NOT NULL,"
    "  w2y REAL NOT NULL, w2y2 REAL NOT NULL, PRIMARY KEY(metric, start, application, request_type, prompt, version, model)) WITHOUT ROWID;"
    "CREATE TEMP TABLE one AS SELECT s.record, s.rule, s.time_us - s.time_us % 3600000000 AS start, json_extract(j.value, '$.metric') AS metric,"
    "  json_extract(j.value, '$.score') AS y, 1e15 / s.chance_e15 AS w FROM scored s,"
    "  json_each(CASE WHEN json_valid(s.body) THEN s.body ELSE '[]' END) j WHERE s.state = 1"
    "  AND json_extract(j.value, '$.verdict') <> 'error' AND json_type(j.value, '$.score') IN ('integer', 'real');"
    "INSERT INTO one SELECT record, rule, start, '', avg(y), w FROM one GROUP BY record, rule;"
    "INSERT INTO scored_hour SELECT o.start, o.metric, ifnull(s.application, ''), ifnull(s.request_type, ''), ifnull(s.prompt, ''),"
    "  ifnull(s.version, ''), ifnull(s.model, ''), count(*), sum(o.w), sum(o.w * o.y), sum(o.w * o.w), sum(o.w * o.w * o.y), sum(o.w * o.w * o.y * o.y)"
    "  FROM one o JOIN scored s ON s.record = o.record AND s.rule = o.rule WHERE o.metric IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7;"
    "DROP TABLE one;",
};
const struct schema schema_evaluations = {evaluations_steps, sizeof evaluations_steps / sizeof *evaluations_steps};

/* ---- running them ---- */

static enum fault version_of(struct database *db, int64_t *ret, struct error *error) {
    return database_number(db, "PRAGMA user_version", ret, error);
}

static enum fault refuse(struct database *db, int64_t version, const struct schema *schema,
                         struct error *error) {
    return error_set(error, FAULT_CONFLICT,
                     "%s has schema version %lld and this program knows version %u: use the %s program",
                     database_name(db), (long long)version, schema->n,
                     version > schema->n ? "newer" : "older");
}

enum fault migrate(struct database *db, const struct schema *schema, struct error *error) {
    int64_t version = 0;
    char sql[PRAGMA_TEXT];
    enum fault fault = version_of(db, &version, error);
    if (fault != FAULT_NONE || version == schema->n) return fault;
    if (version > schema->n || version < 0) return refuse(db, version, schema, error);
    fault = database_begin(db, error);
    if (fault == FAULT_NONE)
        fault = version_of(db, &version, error); /* another process may have been faster */
    for (int64_t i = version; fault == FAULT_NONE && i < schema->n; i++)
        fault = database_exec(db, schema->steps[i], error);
    snprintf(sql, sizeof sql, "PRAGMA user_version=%u", schema->n);
    if (fault == FAULT_NONE) fault = database_exec(db, sql, error);
    if (fault == FAULT_NONE) fault = database_commit(db, error);
    if (fault != FAULT_NONE) database_rollback(db);
    if (fault == FAULT_NONE) fault = database_exec(db, "PRAGMA shrink_memory", error); /* the pages of a new file, which an idle connection would keep */
    return fault;
}

enum fault migrate_check(struct database *db, const struct schema *schema, struct error *error) {
    int64_t version = 0;
    enum fault fault = version_of(db, &version, error);
    if (fault != FAULT_NONE || version == schema->n) return fault;
    return refuse(db, version, schema, error);
}
