/* Shapes of answers about alerts, rules and silences. */
#include "control/api.h"
#include "model/alert_state.h"

#define OR_STATE(symbol, name) "|" name
#define STATES (&(ALERT_STATE_TABLE(OR_STATE))[1])
#define ALERT(S)                                                                                                       \
    {S, "number", "integer", "its number: one for each rule and series, for all time"}, {S, "rule", "string", "whose"},  \
        {S, "state", STATES, "where it is in its life"}, {S, "severity", "critical|error|warning|info", "the rule's"},    \
        {S, "summary", "string?", "one line"}, {S, "application", "string?", "null: it is not about one"},               \
        {S, "labels", "{string}", "as receivers get them"}, {S, "series", "json", "what the rule tells apart: {application, model, ...}, or {finding, kind}"}, \
        {S, "fingerprint", "string", "of rule and series: what PagerDuty is told as dedup_key"}, {S, "since", "time?", "in this state"}, \
        {S, "fired", "time?", "when it last began to fire"}, {S, "resolved", "time?", "when that was over; null: it is not"}, \
        {S, "times", "integer", "how often it has fired"}, {S, "value", "number?", "at the last change of state; null: unknown"}, \
        {S, "n", "number?", "of how many exchanges, attempts or scores"}, {S, "threshold", "number?", "that it was held against"}, \
        {S, "acknowledged", "AlertAcknowledged?", "who has it"}, {S, "silence", "integer?", "the silence that mutes it"}, \
        {S, "muted_by", "string?", "the rule whose alert explains it, and mutes it"}, {S, "told", "time?", "when receivers were told last"}, \
        {S, "owed", "string?", "what they are still to be told"}, {S, "escalation", "string?", "that was begun"},        \
        {S, "next_call", "time?", "when its next step is taken"}, {S, "useful", "string?", "of the last firing: acted, ignored, noise"}, \
        {S, "runbook", "string?", "the rule's"},                                                                         \
        {S, "evidence", "json", "value, n, interval, threshold and where it is from, chart, examples; or the finding"}

const struct api_field api_fields_watch_alerts[] = {
    {"Alerts", "alerts", "[Alert]", "firing ones first, by severity, then the newest"},
    {"Alerts", "watching", "boolean", "a server is running and looks; false: this is what was"},
    ALERT("Alert"),
    {"AlertAcknowledged", "by", "string", "who"},
    {"AlertAcknowledged", "why", "string?", "in their words"},
    {"AlertAcknowledged", "at", "time", "when"},
    ALERT("AlertShown"),
    {"AlertShown", "history", "[AlertTransition]", "newest first"},
    {"AlertTransition", "at", "time", "when"},
    {"AlertTransition", "from", STATES, "it was"},
    {"AlertTransition", "to", STATES, "it became"},
    {"AlertTransition", "by", "string?", "a person; null: by itself"},
    {"AlertTransition", "why", "string?", "more"},
    {"AlertShown", "changes", "[AlertChange]", "what was changed in the two hours before it fired, newest first"},
    {"AlertChange", "entry", "integer", "of the audit log"},
    {"AlertChange", "at", "time", "when"},
    {"AlertChange", "by", "string?", "who"},
    {"AlertChange", "action", "string", "what: prompt.promote, rollout.begin, policy.reload, ..."},
    {"AlertChange", "subject", "string?", "to what"},
    {"AlertChange", "why", "string?", "in their words"},
    {"AlertShown", "actions", "[AlertAction]", "what was done for it, newest first"},
    {"AlertAction", "number", "integer", "its number"},
    {"AlertAction", "kind", "string", "fail_over, roll_back, ..."},
    {"AlertAction", "state", "string", "in force, done, not granted, ..."},
    {"AlertAction", "at", "time", "when"},
    {"AlertAction", "why", "string?", "more"},
    {"AlertAction", "undo", "string?", "the command that undoes it"},
    {"AlertShown", "commands", "[AlertCommand]", "what to type, exactly"},
    {"AlertCommand", "command", "string", "a line"},
    {"AlertCommand", "what", "string", "what it is for"},
    {"AlertRules", "rules", "[AlertRule]", "as in the configuration"},
    {"AlertRule", "name", "string", "its name"},
    {"AlertRule", "condition", "string", "its `when`, in words"},
    {"AlertRule", "for_s", "number", "seconds that it has to hold"},
    {"AlertRule", "keep_firing_for_s", "number", "seconds that it has to be well"},
    {"AlertRule", "severity", "critical|error|warning|info", "how urgent"},
    {"AlertRule", "state", "firing|pending|well|idle|not watched", "of its series the worst; idle: there is nothing to judge by"},
    {"AlertRule", "idle", "string?", "why it cannot be judged"},
    {"AlertRule", "calibrates", "boolean", "it has a number, and does not say `calibrate: never`"},
    {"AlertRule", "series", "integer", "that were seen in the last hour"},
    {"AlertRule", "firing", "integer", "alerts"},
    {"AlertRule", "pending", "integer", "alerts"},
    {"AlertRule", "without_data", "integer", "series with no data, or too little, in the window"},
    {"AlertRule", "metric", "string?", "whose unit `worst`, `threshold` and `clear` are in: see `quarterdeck alert metrics`; null of a finding"},
    {"AlertRule", "worst", "number?", "value of the series that is worst"},
    {"AlertRule", "threshold", "number?", "in force"},
    {"AlertRule", "clear", "number?", "firing ends when the value is not beyond this"},
    {"AlertRule", "threshold_from", "rule|calibrated|promise|baseline|finding", "where the threshold is from; rule: it was never calibrated; promise: it is not to be"},
    {"AlertRule", "threshold_number", "integer?", "of the accepted calibration"},
    {"AlertRule", "notify", "[string]", "receivers and escalations"},
    {"AlertRule", "runbook", "string?", "what to read"},
    {"AlertRule", "precision", "AlertPrecision?", "of the last 90 days; null: it has not fired"},
    {"AlertPrecision", "fired", "integer", "times"},
    {"AlertPrecision", "acted", "integer", "somebody took it up, or an action followed"},
    {"AlertPrecision", "ignored", "integer", "it was over without a word of anybody's"},
    {"AlertPrecision", "noise", "integer", "somebody said that it was of no use"},
    {"Silences", "silences", "[Silence]", "newest first"},
    {"Silence", "number", "integer", "its number"},
    {"Silence", "matchers", "[string]", "all have to fit: rule=slow-*, application!=helpdesk, model=~gpt.*"},
    {"Silence", "state", "in force|waiting|over|ended", "ended: before its time"},
    {"Silence", "from", "time", "when it begins"},
    {"Silence", "to", "time", "when it is over by itself"},
    {"Silence", "by", "string?", "who made it"},
    {"Silence", "why", "string?", "in their words"},
    {"Silence", "made", "time", "when"},
    {"Silence", "ended", "time?", "when somebody ended it"},
    {"SilenceEnded", "number", "integer", "its number"},
    {"SilenceEnded", "state", "ended", "as it is now"},
    {NULL, NULL, NULL, NULL},
};
