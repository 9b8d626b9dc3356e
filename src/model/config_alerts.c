/* `alerts`, `grants`, `receivers`, `oncall`, `inhibit` and `grouping`: tree to policy, through the reader of model/alert_policy.h. */
#include "model/config_table.h"

#include "base/limits.h"

#include <stdlib.h>

enum { SECTIONS = 6, MOST_FILLED = 4096 };
static const char *const sections[SECTIONS] = {"alerts", "grants", "receivers", "oncall", "inhibit", "grouping"};

/* Lines where something was filled in: what a problem there found is not shown. */
struct filled {
    int lines[MOST_FILLED];
    unsigned n;
};

/* file: and "${X:-}" for nothing in receivers alone: elsewhere these are texts as any others. */
static bool is_private(const char *place) { return slice_starts(slice_of(place), SLICE("receivers.")); }

static void fill_in(struct config_reader *r, const char *place, struct yaml_node *node, struct filled *f) {
    unsigned index = 0;
    for (struct yaml_node *n = node->first; n != NULL; n = n->next) {
        const char *inside = n->key.at != NULL ? config_place(r, "%s." SLICE_FMT, place, SLICE_ARG(n->key)) : config_place(r, "%s[%u]", place, index++);
        fill_in(r, inside, n, f);
    }
    bool file = is_private(place) && slice_starts(node->text, SLICE("file:"));
    if (node->type != YAML_SCALAR || (!slice_contains(node->text, SLICE("${")) && !file)) return;
    const char *text = config_text(r, place, node, is_private(place) ? KIND_SECRET : KIND_TEXT);
    if (f->n < MOST_FILLED) f->lines[f->n++] = node->line;
    if (text == NULL) return;
    node->text = slice_of(text);
    node->plain = !file; /* quotes were needed for the ${ alone; a secret of digits is a text all the same */
}

static bool was_filled(const struct filled *f, int line) {
    for (unsigned i = 0; i < f->n; i++)
        if (f->lines[i] == line) return true;
    return f->n == MOST_FILLED;
}

static void tell(struct config_reader *r, const struct problems *problems, const struct filled *f) {
    for (unsigned i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        const char *found = strstr(p->text, ", found "), *quoted = strchr(p->text, '`');
        if (found == NULL || (quoted != NULL && quoted < found)) found = quoted;
        bool hidden = found != NULL && was_filled(f, p->line);
        int len = hidden ? (int)(found - p->text) : (int)strlen(p->text);
        config_complain(r, p->line, p->column, "%.*s%s", len, p->text, hidden ? " (the rest is not shown: in this line stands a variable or a file)" : "");
    }
}

static struct yaml_node *as_member(struct config_reader *r, struct yaml_node *node, const char *key, struct yaml_node *next) {
    struct yaml_node *copy = arena_new(&r->temp, struct yaml_node);
    if (copy == NULL) return next;
    *copy = *node;
    copy->key = slice_of(key);
    copy->next = next;
    return copy;
}

void config_alerts(struct config_reader *r, const struct raw_root *root) {
    struct yaml_node *const nodes[SECTIONS] = {root->alerts, root->grants, root->receivers, root->oncall, root->inhibit, root->grouping};
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    struct declared d = {.lines = NULL};
    struct reader reader = {.d = &d, .file = r->file, .arena = &r->policy->arena, .problems = &problems, .plain_texts = true};
    struct filled *filled = arena_new(&r->temp, struct filled);
    struct yaml_node whole = {.type = YAML_MAP, .line = 1, .column = 1};
    uint32_t at[SECTIONS];
    alert_policy_defaults(&r->policy->alerts);
    r->policy->alerts.wanted_alarms = root->wanted_alarms;
    if (filled == NULL) return; /* a full arena is seen once, at the end */
    filled->n = 0;
    for (unsigned i = SECTIONS; i-- > 0;) {
        if (nodes[i] == NULL) continue;
        fill_in(r, sections[i], nodes[i], filled);
        whole.first = as_member(r, nodes[i], sections[i], whole.first);
    }
    if (whole.first == NULL) return;
    if (declared_from_yaml(&whole, reader.arena, &d, &error) != FAULT_NONE) {
        config_complain(r, whole.first->line, 1, "%s: %s", sections[0], error.text);
        return;
    }
    for (unsigned i = 0; i < SECTIONS; i++) at[i] = json_get(&d.doc, 0, sections[i]);
    const struct alert_places places = {at[0], at[1], at[2], at[3], at[4], at[5]};
    if (alert_policy_read(&reader, &places, r->policy, &r->policy->alerts) != FAULT_NONE) tell(r, &problems, filled);
}

/* ---- the reference documentation ---- */

#define RULE "alerts[]."
#define WHEN "alerts[].when."
#define RECEIVER "receivers.*."
#define ROTATION "oncall.schedules.*.rotations[]."
#define STEP "oncall.escalations.*.steps[]."
static const struct config_setting settings[] = {
    {RULE "name", "name", NULL, "What alerts, silences and commands call it. Two rules of one name are an error.", true},
    {WHEN "metric", "name of a metric", "", "What is watched; `quarterdeck alert metrics` lists all. Either this or `finding`.", true},
    {WHEN "finding", "kind or list of kinds", "", "Each open finding of these kinds is an alert. With it only `where.application` may stand.", true},
    {WHEN "of", "name", "", "Which metric of scores, for quality.*, format.valid_rate; the metric's own unless given.", true},
    {WHEN "by", "dimension or list of dimensions", "", "What series are told apart by: each is an alert of its own.", true},
    {WHEN "where", "map of dimensions to texts", "", "Only these, such as {application: helpdesk}.", true},
    {WHEN "window", "duration 10s..7d", "5m", "How much of the past counts. Readings (recorder.lag, cost.over_budget) have none.", true},
    {WHEN "above", "value in the metric's unit", "", "2s, 500ms, 5%, 0.05, $1.50, 10GiB. One of `above`, `below` and `anomaly`.", true},
    {WHEN "below", "value in the metric's unit", "", "The same, from the other side.", true},
    {WHEN "anomaly", "true, or {alarms_per_month: 0.01..1000}", "", "Unlike the series' own baseline, with so many false alarms a month (1).", true},
    {WHEN "clear", "value in the metric's unit", "", "Hysteresis: firing ends when the value is not beyond this; the threshold unless given.", true},
    {WHEN "min_samples", "integer 0..1000000000", "",
     "Fewer in the window are no data. Unless given: 10 for shares and means, 1 / (1 - q) for the quantile q but at least 10, 0 for sums and readings.", true},
    {RULE "for", "duration 0s..30d", "0s", "How long it has to hold before it fires.", true},
    {RULE "keep_firing_for", "duration 0s..30d", "0s", "How long it has to be well before it is resolved.", true},
    {RULE "severity", "one of critical | error | warning | info", "warning", "Critical ones do not wait for a group.", true},
    {RULE "labels", "map of at most 16 texts", "", "Labels of its alerts, beside rule, severity and dimensions.", true},
    {RULE "notify", "list of at most 8 names", "", "Receivers and escalations.", true},
    {RULE "actions", "list of at most 4 actions", "", "fail_over, or {fail_over: {model: support-chat, lasts: 1h, dry_run: true}}; what is not said comes from the series. "
     "Nothing happens by itself without a grant.", true},
    {RULE "runbook", "text", "", "What to follow; shown with the alert.", true},
    {RULE "summary", "text", "", "What a person reads first; made from the condition unless given.", true},
    {RULE "no_data", "one of state | fires | ok", "state", "No data is a state of its own that tells nobody; or as if it held; or as if it did not.", true},
    {RULE "calibrate", "never, or {alarms_per_month: 0.01..1000}", "{alarms_per_month: 1}",
     "never: the threshold is a promise to somebody. Else what `quarterdeck alert calibrate` aims at.", true},
    {"grants[].rule", "name", "", "Whose alerts; any rule's unless given.", true},
    {"grants[].action", "one of the actions", NULL, "What may happen without a person.", true},
    {"grants[].scope", "map", "", "To what: application, model, provider, upstream_model, prompt, key, as the action has them; what is not said is any.", true},
    {"grants[].at_most", "NUMBER/UNIT, units m | h | d | w", NULL, "How often, such as 4/h.", true},
    {"grants[].dry_run", "boolean", "false", "It is only said what would have been done.", true},
    {RECEIVER "webhook|slack|pagerduty|alertmanager|email", "map", NULL, "What kind of receiver it is: exactly one of these.", true},
    {RECEIVER "*.url", "URL", "", "http(s); of email smtp:// (STARTTLS where offered) or smtps://. Required but for pagerduty. May be file:PATH, as all of a receiver.", true},
    {RECEIVER "webhook.secret", "secret", "", "Key of the signature in x-quarterdeck-signature; without it none is sent.", true},
    {RECEIVER "pagerduty.routing_key", "secret", NULL, "Integration key of Events API v2.", true},
    {RECEIVER "slack.channel", "text", "", "The webhook's own unless given.", true},
    {RECEIVER "email.user", "text", "", "Who logs in at the mail server.", true},
    {RECEIVER "email.password", "secret", "", "And with what.", true},
    {RECEIVER "email.from", "address", NULL, "Sender.", true},
    {RECEIVER "email.to", "address or list of addresses", NULL, "To whom; a person on call with an address of their own gets it there.", true},
    {RECEIVER "*.proxy", "secret", "", "HTTP or SOCKS proxy as a URL; not for email.", true},
    {RECEIVER "*.ca_file", "text", "", "Certificates to trust instead of the system's.", true},
    {RECEIVER "*.send_resolved", "boolean", "true", "Also tell what is over.", true},
    {RECEIVER "*.timeout", "duration 100ms..2m", "10s", "Of one try.", true},
    {RECEIVER "*.give_up", "duration 1m..7d", "24h", "Retried for so long.", true},
    {"oncall.people.*.receiver", "name", NULL, "Where this person is told: one of `receivers`.", true},
    {"oncall.people.*.email", "address", "", "Instead of `to`, when that receiver is of kind email.", true},
    {"oncall.schedules.*.timezone", "text", "UTC", "Whose clocks: turns keep the local hour over clock changes.", true},
    {"oncall.schedules.*.rotations", "list of 1 to 20 rotations", NULL, "The first that covers a time has it.", true},
    {ROTATION "people", "list of 1 to 200 names", NULL, "In turn.", true},
    {ROTATION "starts", "local date and time", NULL, "Of the first turn, such as 2026-01-05T09:00; nobody before.", true},
    {ROTATION "turn", "duration 1h..366d", "7d", "How long a turn is, by the clocks of the time zone.", true},
    {ROTATION "weekdays", "list of mon..sun, or mon-fri", "", "Only these days; a night counts to the day on which it begins.", true},
    {ROTATION "hours", "HH:MM-HH:MM", "", "Only these hours; 18:00-08:00 goes over midnight.", true},
    {STEP "receiver|schedule|person", "name", NULL, "Who is told: exactly one of these.", true},
    {STEP "wait", "duration 10s..1d", "5m", "Before the next step, unless somebody acknowledges.", true},
    {"oncall.escalations.*.repeat", "integer 0..5", "0", "How often the steps begin anew.", true},
    {"inhibit[].source", "name of a rule", NULL, "While an alert of this rule fires; * at the end is any rest. The word `causes` in the list keeps the order of causes.", true},
    {"inhibit[].target", "name of a rule", NULL, "Alerts of this rule are muted,", true},
    {"inhibit[].equal", "dimension or list of dimensions", "", "where both have the same of these.", true},
    {"grouping.by", "dimension or list of dimensions", "application", "Alerts of one rule that are the same here are told together.", true},
    {"grouping.wait", "duration 0s..1h", "5s", "How long a notice waits for others of its group; critical ones do not.", true},
    {"grouping.repeat", "duration 1m..30d, or 0s", "4h", "Told again while it fires and nobody acknowledged; 0 is never.", true},
};

const struct config_setting *config_alert_settings(unsigned *ret_count) {
    *ret_count = sizeof settings / sizeof settings[0];
    return settings;
}
