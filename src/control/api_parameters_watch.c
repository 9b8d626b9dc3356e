/* What the routes of the watch take: alerts, silences, actions, receivers, thresholds, on-call. */
#include "control/api_parameters.h"
#include "model/intervention.h"
#include "store/actions.h"

#define WATCH_NUMBER(h) {.name = "number", .place = API_PATH, .type = API_INTEGER, .required = true, .low = 1, .high = INT64_MAX, .help = h}
#define WATCH_WHY {.name = "reason", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_ERROR_TEXT, .help = "why; kept with it and in the audit log"}
const struct api_parameter api_parameters_alerts[] = {
    {.name = "state", .place = API_QUERY, .type = API_CHOICE, .choices = "active|inactive|pending|firing|acknowledged|resolved|flapping|nodata", .help = "only in this state; active: firing, acknowledged or flapping"},
    TEXT_QUERY("rule", "only of this rule"), TEXT_QUERY("application", "only about this application"),
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "alerts at most"},
    {.name = "skip", .place = API_QUERY, .type = API_INTEGER, .low = 0, .high = 1000000, .fallback = "0", .help = "so many are left out before"},
    END};
const struct api_parameter api_parameters_alert_number[] = {WATCH_NUMBER("the alert"), END};
const struct api_parameter api_parameters_alert_acknowledge[] = {WATCH_NUMBER("the alert"), WATCH_WHY, END};
const struct api_parameter api_parameters_alert_judge[] = {
    WATCH_NUMBER("the alert"),
    {.name = "useful", .place = API_BODY, .type = API_CHOICE, .required = true, .choices = "acted|ignored|noise", .help = "what its last firing came to"},
    WATCH_WHY, END};
const struct api_parameter api_parameters_silences[] = {
    {.name = "all", .place = API_QUERY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "also those that are over"},
    END};
const struct api_parameter api_parameters_silence_add[] = {
    {.name = "matchers", .place = API_BODY, .type = API_TEXT, .required = true, .high = 8192, .help = "one a line, all have to fit: rule=slow-*, application!=helpdesk, model=~gpt.*"},
    {.name = "lasts", .place = API_BODY, .type = API_TEXT, .required = true, .high = 16, .help = "30m, 2h, 1d; at most 90d"},
    {.name = "from", .place = API_BODY, .type = API_TIME, .help = "when it begins; now unless given"},
    WATCH_WHY, END};
const struct api_parameter api_parameters_silence_end[] = {WATCH_NUMBER("the silence"), WATCH_WHY, END};

/* actions on live traffic */
#define OR_ACTION(symbol, name, needs, meaning) "|" name
#define OR_ACTION_STATE(symbol, name) "|" name
#define ACTION_NUMBER {.name = "number", .place = API_PATH, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .required = true, .help = "of the action"}
#define ACTION_SCOPE(n, h) {.name = n, .place = API_BODY, .type = API_TEXT, .high = LIMIT_LABEL, .help = h}
const struct api_parameter api_parameters_action_list[] = {
    {.name = "in_force", .place = API_QUERY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "only those that the loops hold"},
    {.name = "state", .place = API_QUERY, .type = API_CHOICE, .choices = &(ACTION_STATE_TABLE(OR_ACTION_STATE))[1], .help = "only these"},
    TEXT_QUERY("rule", "only those that follow its alerts"),
    {.name = "alert", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .help = "only those that follow this alert"},
    TIME_QUERY("from", NULL, "only those begun since"),
    {.name = "before", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .help = "only numbers below: the next page"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "newest first, at most so many"}, END};
const struct api_parameter api_parameters_action_one[] = {ACTION_NUMBER, END};
const struct api_parameter api_parameters_action_take[] = {
    {.name = "kind", .place = API_BODY, .type = API_CHOICE, .required = true, .choices = &(INTERVENTION_TABLE(OR_ACTION))[1], .help = "what is done"},
    ACTION_SCOPE("application", "of a key, of kept answers, of batches"), ACTION_SCOPE("model", "whose traffic"),
    ACTION_SCOPE("provider", "of a breaker"), ACTION_SCOPE("upstream_model", "of the provider, as it names it"),
    ACTION_SCOPE("prompt", "to roll back, or whose kept answers"), ACTION_SCOPE("key", "the name of the application's key"),
    ACTION_SCOPE("from", "of a fail-over: PROVIDER/MODEL or PROVIDER that is asked last; the model's first target"),
    ACTION_SCOPE("to", "of a fail-over: who is asked first, another model too; of a rollback: the version"),
    ACTION_SCOPE("tier", "of route_down; the cheapest"), ACTION_SCOPE("record", "of a quarantine: the record of the one answer"),
    ACTION_SCOPE("batch", "of pause_batch: only this one"),
    {.name = "per_minute", .place = API_BODY, .type = API_INTEGER, .low = 1, .high = 1000000, .help = "of throttle_key: requests that the key may send"},
    {.name = "for", .place = API_BODY, .type = API_TEXT, .fallback = "until it is undone", .help = "it ends by itself after this long: 1h, 30m"},
    {.name = "dry_run", .place = API_BODY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "say what would be done, and keep that it was asked"},
    REASON(API_BODY), {.name = "as", .place = API_BODY, .type = API_TEXT, .help = "who does it, where no tokens are configured"}, END};
const struct api_parameter api_parameters_action_undo[] = {
    ACTION_NUMBER, REASON(API_BODY), {.name = "as", .place = API_BODY, .type = API_TEXT, .help = "who does it, where no tokens are configured"}, END};

/* receivers and notices */
const struct api_parameter api_parameters_receiver_test[] = {
    {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the receiver"}, REASON(API_BODY), END};
const struct api_parameter api_parameters_notices[] = {
    TEXT_QUERY("receiver", "only for this one"),
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "50", .help = "so many"}, END};

/* thresholds of alert rules */
#define RULE_PATH {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the rule"}
#define PAST_BODY \
    {.name = "from", .place = API_BODY, .type = API_TIME, .fallback = "28 days before `to`", .help = "begin of the history; RFC 3339, a date, or back from now: -14d"}, \
    {.name = "to", .place = API_BODY, .type = API_TIME, .fallback = "now", .help = "its end"}
const struct api_parameter api_parameters_rule_calibrate[] = {
    RULE_PATH, PAST_BODY,
    {.name = "alarms_per_month", .place = API_BODY, .type = API_TEXT, .help = "false alarms of all series together; without it the rule's own, else 1"},
    REASON(API_BODY), END};
const struct api_parameter api_parameters_rule_replay[] = {
    RULE_PATH, PAST_BODY,
    {.name = "threshold", .place = API_BODY, .type = API_TEXT, .help = "to try, such as 2.5s, 5% or 0.8; without it the one in force"},
    {.name = "points", .place = API_BODY, .type = API_INTEGER, .low = 0, .high = 500, .fallback = "0", .help = "also the series themselves, in about so many points each"}, END};
const struct api_parameter api_parameters_thresholds[] = {
    TEXT_QUERY("rule", "only this rule's"),
    {.name = "state", .place = API_QUERY, .type = API_CHOICE, .choices = "proposed|accepted|refused|replaced", .help = "only those"}, END};
const struct api_parameter api_parameters_threshold_decide_it[] = {
    {.name = "number", .place = API_PATH, .type = API_INTEGER, .required = true, .low = 1, .high = INT64_MAX, .help = "the threshold"}, REASON(API_BODY), END};
/* who is on call */
#define SCHEDULE_PATH {.name = "schedule", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the schedule"}
const struct api_parameter api_parameters_oncall_now[] = {TEXT_QUERY("schedule", "only this schedule"), TIME_QUERY("at", "now", "the time that is asked for"), END};
const struct api_parameter api_parameters_oncall_show[] = {
    SCHEDULE_PATH, TIME_QUERY("from", "now", "begin of the turns that are listed"), TIME_QUERY("to", "14 days behind `from`", "their end"), END};
const struct api_parameter api_parameters_oncall_override_new[] = {
    SCHEDULE_PATH,
    {.name = "person", .place = API_BODY, .type = API_TEXT, .required = true, .help = "who takes the time; one of oncall.people"},
    {.name = "from", .place = API_BODY, .type = API_TIME, .fallback = "now", .help = "its begin"},
    {.name = "to", .place = API_BODY, .type = API_TIME, .required = true, .help = "its end"},
    REASON(API_BODY), END};
const struct api_parameter api_parameters_oncall_remove[] = {
    {.name = "number", .place = API_PATH, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .required = true, .help = "the override"}, REASON(API_BODY), END};
