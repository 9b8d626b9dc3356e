/* api.h - the inside of the HTTP API: one call, the table of routes, their parameters. Private to control/.
 *
 * A route is a row: method, path, least role, parameters, shape of the answer. From the rows come dispatch, the
 * checking of every parameter before a handler runs, and the OpenAPI document; so they cannot disagree. */
#ifndef CONTROL_API_H
#define CONTROL_API_H

#include "base/json.h"
#include "control/control.h"

enum api_access {
    API_OPEN,    /* anyone */
    API_LOCAL,   /* this machine without a token; others as API_VIEWER */
    API_KEY,     /* an application with its own key; others as API_VIEWER */
    API_VIEWER,
    API_OPERATOR,
    API_APPROVER,
    API_ADMIN,
};
const char *api_access_name(enum api_access a);

enum api_place { API_PATH, API_QUERY, API_BODY };
enum api_type {
    API_TEXT,    /* at most `high` bytes (0: LIMIT_LABEL) */
    API_INTEGER, /* low..high */
    API_TIME,    /* clock_parse */
    API_STEP,    /* a duration: whole minutes below an hour, whole hours above */
    API_CHOICE,  /* one of `choices` */
    API_CHOICES, /* several, with commas */
    API_USD,     /* above 0; a JSON number or a text; read as nano-dollars */
    API_SECRET,  /* as API_TEXT, of a body; no error repeats it */
};

struct api_parameter {
    const char *name;
    enum api_place place;
    enum api_type type;
    bool required;
    int64_t low, high;
    const char *choices;  /* "asc|desc" */
    const char *fallback; /* as documented; NULL: none */
    const char *help;
};

#define API_PARAMETERS 20 /* most of one route */

struct api_call;
struct api_route {
    const char *method, *path; /* path: "/api/v1/records/{id}" */
    enum api_access access;
    int status; /* of success */
    void (*handle)(struct api_call *c);
    const char *summary;
    const struct api_parameter *parameters; /* ends with a NULL name; NULL: none */
    const char *answer;        /* name of its schema; NULL: not JSON */
    const char *content_type;  /* when it is not JSON */
};
extern const struct api_route api_routes[]; /* ends with a NULL method */

#define API_COOKIE "quarterdeck_session"

/* Who asks; api_identify. */
enum api_origin {
    API_NOBODY,
    API_MACHINE, /* this one, while there are neither tokens nor users: an admin without a name */
    API_PROCESS, /* this one: an admin; the name is the operating system's user's */
    API_TOKEN,   /* an operator's */
    API_SESSION, /* a user's, or of whoever showed a token to the console */
};
struct api_caller {
    enum api_origin by;
    const char *name;
    enum user_role role;
    struct digest session;        /* API_SESSION: */
    bool of_token;                /* no user's */
    const char *csrf;             /* what x-quarterdeck-csrf has to say */
    int64_t ends_us;              /* wall: unless it is used before */
};

struct api_call {
    const struct control_services *s;
    const struct api_request *q;
    struct arena *arena;
    struct api_response *ret;
    const struct api_route *route;
    struct slice values[API_PARAMETERS]; /* decoded; SLICE_NULL: not given */
    int64_t numbers[API_PARAMETERS];     /* of INTEGER, TIME (wall) and STEP (both microseconds) */
    uint64_t change;                     /* the last one before this call (shared_answers.h) */
    struct policy *policy;               /* held for the call; NULL: there is none */
    const char *actor;                   /* for the audit log */
    enum api_access rights;              /* what the caller may do, once it is known who calls */
    struct api_caller who;               /* API_NOBODY where a route is open */
    bool failed;                         /* an error was answered */
    struct json_writer json;             /* onto ret->body */
};

/* ---- parameters, by name; the route must have them ---- */
struct slice api_text(const struct api_call *c, const char *name);   /* SLICE_NULL: not given */
int64_t api_number(const struct api_call *c, const char *name, int64_t fallback);
bool api_has_choice(const struct api_call *c, const char *name, const char *choice, bool fallback);
/* "from" and "to" as a window that is `span` long unless they say otherwise; false: it was refused. */
bool api_window(struct api_call *c, int64_t span_us, int64_t *ret_from, int64_t *ret_to);
/* Of the route's parameters those that narrow exchanges. */
struct record_filter api_record_filter(const struct api_call *c);

/* ---- answers ---- */
void api_fail(struct api_call *c, enum fault fault, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* With "problems": one text a line of `problems`. */
void api_fail_problems(struct api_call *c, enum fault fault, const char *message, struct slice problems);
/* False after having answered the error. */
bool api_check(struct api_call *c, enum fault fault, const struct error *error);
/* Is it in the configuration? False after having answered 404 with the nearest name; true where there is no configuration. */
bool api_knows_application(struct api_call *c, struct slice name);
/* The error object onto an empty buffer. */
void api_write_error(struct buffer *out, const char *code, const char *message, struct slice problems);

/* Members that several answers have. */
void api_put_time(struct json_writer *w, const char *key, int64_t wall_us);           /* 0: null */
void api_put_cost(struct json_writer *w, int64_t nano);                               /* cost_nanousd, cost_usd */
void api_put_usd(struct json_writer *w, const char *key, int64_t nano);               /* a number, or null */

/* Records a change in the audit log; `detail` is JSON or SLICE_NULL. The reason is the parameter "reason". */
enum fault api_audit(struct api_call *c, const char *action, struct slice subject, struct slice detail,
                     struct error *error) MUST_CHECK;

/* False after having answered that there is no registry. */
bool api_need_registry(struct api_call *c);
bool api_need_evaluations(struct api_call *c); /* and the registry, for the audit log */
/* Reads the policy again. True when the change is in force; else `problems` says why not. */
bool api_put_in_force(struct api_call *c, struct buffer *problems);

/* May the caller act as the person of this name: its own name, an admin, or this machine where there are no tokens and no users. */
bool api_speaks_for(const struct api_call *c, struct slice name);

/* Has the caller a name of its own, by a token or a session? */
bool api_is_named(const struct api_call *c);

struct payload;
/* The record and its request as it was captured. False after having answered why there is none. */
bool api_captured_request(struct api_call *c, const struct record_id *id, struct record *ret, struct payload *ret_payload);

/* ---- steps of control_answer, each in its own file ---- */
bool api_authorize(struct api_call *c);       /* api_auth.c */
enum api_share { API_ANSWERED, API_LEFT, API_COMPUTE }; /* LEFT: to the waiter; see control_answer */
struct shared_entry;
/* Is it there already, or being computed? COMPUTE: it is not; then api_shared ends it when *ret_entry is not NULL. */
enum api_share api_share(struct api_call *c, struct shared_entry **ret_entry);
void api_shared(struct api_call *c, struct shared_entry *e);
bool api_is_known(struct slice if_none_match, const char *tag); /* a list of tags, weak or not, or "*" (RFC 9110, 13.1.2) */
/* Fills c->who and c->actor, whatever the route wants; false after having answered that the registry could not say. */
bool api_identify(struct api_call *c);
/* What x-quarterdeck-csrf has to say beside this cookie's value. */
const char *api_csrf(struct slice cookie, struct arena *arena);
/* A page of another origin has it sent (the origin header says so); of no page, and of our own: false. */
bool api_is_foreign(const struct api_call *c);
bool api_read_parameters(struct api_call *c, struct slice *path_values); /* api_parameters.c; path_values in the order of the path */
bool api_decode(struct slice raw, bool plus_is_space, struct arena *arena, struct slice *ret); /* percent-encoding */

/* ---- handlers ---- */
void api_records_list(struct api_call *c);
void api_records_show(struct api_call *c);
void api_records_payload(struct api_call *c);
void api_record_again(struct api_call *c);
void api_suite_case_add(struct api_call *c);
void api_latency(struct api_call *c);
void api_series(struct api_call *c);
void api_hours(struct api_call *c);
void api_timeline(struct api_call *c);
void api_overview(struct api_call *c);
void api_totals(struct api_call *c);
void api_cost_report(struct api_call *c);
void api_cost_explain(struct api_call *c);
void api_cost_anomalies(struct api_call *c);
void api_cost_review(struct api_call *c);
void api_cost_reconcile(struct api_call *c);
void api_cost_tokenizer(struct api_call *c);
void api_cost_cache(struct api_call *c);
void api_cost_cache_calibrate(struct api_call *c);
void api_cost_cache_withdraw(struct api_call *c);
void api_budgets(struct api_call *c);
void api_budget_show(struct api_call *c);
void api_budgets_set(struct api_call *c);
void api_budget_remove(struct api_call *c);
void api_limits(struct api_call *c);
void api_limit_show(struct api_call *c);
void api_limits_set(struct api_call *c);
void api_limit_remove(struct api_call *c);
void api_approvals(struct api_call *c);
void api_approve(struct api_call *c);
void api_approval_revoke(struct api_call *c);
void api_findings(struct api_call *c);
void api_findings_dismiss(struct api_call *c);
void api_batches_list(struct api_call *c);
void api_batches_show(struct api_call *c);
void api_batches_cancel(struct api_call *c);
void api_judges_list(struct api_call *c);
void api_judges_show(struct api_call *c);
void api_judges_calibrate(struct api_call *c);
void api_evals_compare(struct api_call *c);
void api_evals_list(struct api_call *c);
void api_evals_begin(struct api_call *c);
void api_evals_show(struct api_call *c);
void api_evals_results(struct api_call *c);
void api_evals_results_put(struct api_call *c);
void api_evals_end(struct api_call *c);
void api_evals_stop(struct api_call *c);
void api_evals_reference(struct api_call *c);
void api_actions_list(struct api_call *c);
void api_action_show(struct api_call *c);
void api_action_take(struct api_call *c);
void api_action_undo(struct api_call *c);
void api_events(struct api_call *c);
void api_live_prompts(struct api_call *c);
void api_live_prompt_show(struct api_call *c);
void api_live_prompt_adopt(struct api_call *c);
void api_model_changes(struct api_call *c);
void api_model_accept(struct api_call *c);
void api_model_hold(struct api_call *c);
void api_model_release(struct api_call *c);
void api_models(struct api_call *c);
void api_quote(struct api_call *c);
void api_alert_metrics(struct api_call *c);
void api_alert_rule_calibrate(struct api_call *c);
void api_alert_rule_replay(struct api_call *c);
void api_thresholds(struct api_call *c);
void api_threshold_accept(struct api_call *c);
void api_threshold_refuse(struct api_call *c);
void api_providers(struct api_call *c);
void api_receivers(struct api_call *c);
void api_receiver_test(struct api_call *c);
void api_notices(struct api_call *c);
void api_alerts(struct api_call *c);
void api_alert_show(struct api_call *c);
void api_alert_acknowledge(struct api_call *c);
void api_alert_judge(struct api_call *c);
void api_alert_rules(struct api_call *c);
void api_silences(struct api_call *c);
void api_silence_add(struct api_call *c);
void api_silence_end(struct api_call *c);
void api_oncall_now(struct api_call *c);
void api_oncall_show(struct api_call *c);
void api_oncall_override(struct api_call *c);
void api_oncall_remove(struct api_call *c);
void api_route_show(struct api_call *c);
void api_route_switch(struct api_call *c);
void api_route_train(struct api_call *c);
void api_route_sample(struct api_call *c);
void api_route_downgrade(struct api_call *c);
void api_reviews_list(struct api_call *c);
void api_reviews_create(struct api_call *c);
void api_review_show(struct api_call *c);
void api_review_close(struct api_call *c);
void api_review_reassign(struct api_call *c);
void api_review_next(struct api_call *c);
void api_review_label(struct api_call *c);
void api_review_unlabel(struct api_call *c);
void api_review_labels(struct api_call *c);
void api_review_disputed(struct api_call *c);
void api_review_adjudicate(struct api_call *c);
void api_versions_list(struct api_call *c);
void api_versions_apply(struct api_call *c);
void api_versions_show(struct api_call *c);
void api_version_fetch(struct api_call *c);
void api_version_show(struct api_call *c);
void api_version_diff(struct api_call *c);
void api_version_label(struct api_call *c);
void api_change_review(struct api_call *c);
void api_change_submit(struct api_call *c);
void api_change_approve(struct api_call *c);
void api_change_reject(struct api_call *c);
void api_change_override(struct api_call *c);
void api_change_review_override(struct api_call *c);
void api_change_gate(struct api_call *c);
void api_rollouts_list(struct api_call *c);
void api_rollout_start(struct api_call *c);
void api_rollout_show(struct api_call *c);
void api_rollout_history(struct api_call *c);
void api_rollout_promote(struct api_call *c);
void api_rollout_pause(struct api_call *c);
void api_rollout_resume(struct api_call *c);
void api_rollout_abort(struct api_call *c);
void api_roll_back(struct api_call *c);
void api_definitions_list(struct api_call *c);
void api_definitions_versions(struct api_call *c);
void api_definitions_show(struct api_call *c);
void api_definitions_put(struct api_call *c);
void api_definitions_remove(struct api_call *c);
void api_scores_put(struct api_call *c);
void api_scores_list(struct api_call *c);
void api_scoring_states(struct api_call *c);
void api_eval_schedule(struct api_call *c);
void api_scoring_report(struct api_call *c);
void api_scoring_pause(struct api_call *c);
void api_scoring_resume(struct api_call *c);
void api_session_show(struct api_call *c);
void api_session_begin(struct api_call *c);
void api_session_end(struct api_call *c);
void api_session_password(struct api_call *c);
void api_sessions_list(struct api_call *c);
void api_sessions_end_one(struct api_call *c);
void api_sessions_end_others(struct api_call *c);
void api_user_sessions(struct api_call *c);
void api_user_sessions_end(struct api_call *c);
void api_setup(struct api_call *c);
void api_users_list(struct api_call *c);
void api_user_add(struct api_call *c);
void api_user_role(struct api_call *c);
void api_user_password(struct api_call *c);
void api_user_disable(struct api_call *c);
void api_user_enable(struct api_call *c);
void api_user_remove(struct api_call *c);
void api_keys_list(struct api_call *c);
void api_keys_create(struct api_call *c);
void api_keys_revoke(struct api_call *c);
void api_settings(struct api_call *c);
void api_configuration(struct api_call *c);
void api_configuration_set(struct api_call *c);
void api_reload(struct api_call *c);
void api_audit_list(struct api_call *c);
void api_audit_verify(struct api_call *c);
void api_audit_export(struct api_call *c);
void api_status(struct api_call *c);
void api_health(struct api_call *c);
void api_ready(struct api_call *c);
void api_metrics(struct api_call *c);
void api_openapi(struct api_call *c);

/* ---- the shapes of answers, for the OpenAPI document and the reference (api_schema.c) ----
 * type: string, integer, number, boolean, time, json, a schema's name, [T] (array), {T} (map), a|b (one of);
 * behind it `?`: may be null; before it `~`: may be absent. */
struct api_field {
    const char *schema, *name, *type, *help;
};
extern const struct api_field api_fields_review[]; /* api_schema_review.c */
extern const struct api_field api_fields_eval_definition[];
extern const struct api_field api_fields_console_auth[]; /* api_schema_console_auth.c */
extern const struct api_field api_fields_change_versions[];
extern const struct api_field api_fields_change_live[];
extern const struct api_field api_fields_change_review[];
extern const struct api_field api_fields_change_rollouts[];
extern const struct api_field api_fields_console_exchange[];
extern const struct api_field api_fields_cost[]; /* grouped by schema; ends with a NULL schema */
extern const struct api_field api_fields_eval_judges[];
extern const struct api_field api_fields_eval_runs[];
extern const struct api_field api_fields_eval_compare[];
extern const struct api_field api_fields_eval_online[];
extern const struct api_field api_fields_watch_signals[]; /* api_schema_watch_signals.c */
extern const struct api_field api_fields_watch_alerts[]; /* api_schema_watch_alerts.c */
extern const struct api_field api_fields_watch_providers[]; /* api_schema_watch_providers.c */
extern const struct api_field api_fields_watch_notices[]; /* api_schema_watch_notices.c */
extern const struct api_field api_fields_watch_actions[];
extern const struct api_field api_fields_watch_notices[];
extern const struct api_field api_fields_watch_thresholds[]; /* api_schema_watch_notices.c */
extern const struct api_field api_fields_watch_oncall[];
extern const struct api_field api_fields_console_reads[]; /* api_schema_console_reads.c */
extern const struct api_field api_fields_console_settings[]; /* api_schema_console_settings.c */
extern const struct api_field *const api_schemas[]; /* all such tables; ends with NULL */

#endif
