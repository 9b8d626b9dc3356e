/* `alerts`: what is watched, when it is an alert, and who is told. */
#include "model/alert_reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US 1000000LL
#define DAY_US (86400 * SECOND_US)
enum { LEAST_SAMPLES = 10 };

/* A share or a mean of a few proves nothing, and a quantile none of those above it. */
static int64_t least_samples(const struct signal_info *s) {
    if (s->shape == SIGNAL_SUM || s->shape == SIGNAL_READING) return 0;
    double beyond = s->shape == SIGNAL_QUANTILE ? ceil(1 / (1 - s->quantile) - 1e-9) : 0;
    return beyond > LEAST_SAMPLES ? (int64_t)beyond : LEAST_SAMPLES;
}

static void read_where(const struct alert_reader *a, uint32_t map, const char *place, unsigned may, const char *of, struct signal_series *ret) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, key, value;
    char here[ALERT_PLACE];
    if (map == JSON_NONE) return;
    if (json_type(d, map) != JSON_OBJECT) {
        reader_expected(a->r, map, place, "a map such as {application: helpdesk}");
        return;
    }
    while (json_each_member(d, map, &cursor, &key, &value)) {
        struct slice name = json_string(d, key, a->r->arena), one = SLICE_NULL;
        enum signal_by by;
        unsigned bits = 0;
        alert_dimensions(a, key, place, may, of, &bits);
        if (bits == 0 || !signal_by_from(name, &by)) continue;
        alert_series_member(a, value, alert_place(here, "%s.%s", place, signal_by_name(by)), by, &one);
        if (slice_is_null(one)) continue;
        ret->by |= 1u << by;
        ret->is[by] = one;
    }
}

/* ---- when ---- */

enum { METRIC, OF, BY, WHERE, WINDOW, ABOVE, BELOW, ANOMALY, CLEAR, MIN_SAMPLES, FINDING, WHENS };
static const char *const when_names[] = {"metric", "of", "by", "where", "window", "above", "below", "anomaly", "clear", "min_samples", "finding", NULL};

static void read_findings(const struct alert_reader *a, const uint32_t *at, const char *place, struct alert_when *w) {
    struct slice *names = NULL;
    unsigned n = 0;
    char here[ALERT_PLACE];
    enum finding_kind kind;
    w->test = ALERT_FINDING;
    for (unsigned i = 0; i < WHENS; i++)
        if (i != FINDING && i != WHERE && at[i] != JSON_NONE)
            reader_problem(a->r, at[i], "%s: a rule about findings has no `%s`: each finding is an alert of its own", place, when_names[i]);
    alert_place(here, "%s.finding", place);
    reader_texts(a->r, at[FINDING], here, &names, &n);
    for (unsigned i = 0; i < n; i++)
        if (alert_known(a, at[FINDING], here, "kind of findings", names[i], (const char *const *)a->findings) && finding_kind_from(names[i], &kind))
            w->findings |= (uint64_t)1 << kind;
    read_where(a, at[WHERE], alert_place(here, "%s.where", place), SIGNAL_BY_BIT(APPLICATION), "a finding", &w->where);
}

static void read_anomaly(const struct alert_reader *a, uint32_t node, const char *place, double *ret) {
    static const char *const names[] = {"alarms_per_month", NULL};
    uint32_t at[1];
    char here[ALERT_PLACE];
    bool yes = false;
    if (json_get_bool(&a->r->d->doc, node, &yes) && yes) return;
    if (json_type(&a->r->d->doc, node) != JSON_OBJECT) {
        reader_expected(a->r, node, place, "true or {alarms_per_month: 1}");
        return;
    }
    if (reader_map(a->r, node, place, names, at))
        reader_number(a->r, at[0], alert_place(here, "%s.alarms_per_month", place), 0.01, 1000, ret);
}

static void read_threshold(const struct alert_reader *a, const uint32_t *at, const char *place, const struct signal_info *s, struct alert_when *w) {
    int which = w->test == ALERT_ABOVE ? ABOVE : BELOW;
    char here[ALERT_PLACE];
    if (!alert_value(a, at[which], alert_place(here, "%s.%s", place, when_names[which]), s, &w->threshold)) return;
    w->clear = w->threshold;
    if (at[CLEAR] == JSON_NONE || !alert_value(a, at[CLEAR], alert_place(here, "%s.clear", place), s, &w->clear)) return;
    if (which == ABOVE ? w->clear > w->threshold : w->clear < w->threshold)
        reader_problem(a->r, at[CLEAR], "%s: it fires %s and ends at `clear`, which has to be on the good side of that", here, when_names[which]);
}

static void read_test(const struct alert_reader *a, uint32_t node, const uint32_t *at, const char *place, const struct signal_info *s, struct alert_when *w) {
    int tests = (at[ABOVE] != JSON_NONE) + (at[BELOW] != JSON_NONE) + (at[ANOMALY] != JSON_NONE);
    char here[ALERT_PLACE];
    if (tests != 1) {
        reader_problem(a->r, node, "%s: expected exactly one of `above`, `below` and `anomaly`, found %d", place, tests);
        return;
    }
    w->test = at[ABOVE] != JSON_NONE ? ALERT_ABOVE : at[BELOW] != JSON_NONE ? ALERT_BELOW : ALERT_ANOMALY;
    if (w->test != ALERT_ANOMALY) {
        read_threshold(a, at, place, s, w);
        return;
    }
    w->threshold = w->clear = NAN;
    if (at[CLEAR] != JSON_NONE) reader_problem(a->r, at[CLEAR], "%s.clear: an anomaly ends by its own statistic: only `above` and `below` have this", place);
    if (s->shape == SIGNAL_READING)
        reader_problem(a->r, at[ANOMALY], "%s.anomaly: %s is a reading of this moment, which has no baseline: use `above` or `below`", place, s->name);
    read_anomaly(a, at[ANOMALY], alert_place(here, "%s.anomaly", place), &w->alarms_per_month);
}

static bool has_of(enum signal s) {
    return s == SIGNAL_QUALITY_SCORE || s == SIGNAL_QUALITY_GOOD || s == SIGNAL_UNSUPPORTED || s == SIGNAL_FORMAT_VALID;
}

static void read_when(const struct alert_reader *a, uint32_t node, const char *place, struct alert_when *w) {
    uint32_t at[WHENS];
    char here[ALERT_PLACE];
    struct slice name = SLICE_NULL;
    *w = (struct alert_when){.window_us = 300 * SECOND_US, .threshold = NAN, .clear = NAN, .alarms_per_month = 1};
    if (!reader_map(a->r, node, place, when_names, at)) return;
    if ((at[METRIC] != JSON_NONE) == (at[FINDING] != JSON_NONE)) {
        reader_problem(a->r, node, "%s: expected either `metric` or `finding`; `quarterdeck alert metrics` lists both", place);
        return;
    }
    if (at[FINDING] != JSON_NONE) {
        read_findings(a, at, place, w);
        return;
    }
    alert_place(here, "%s.metric", place);
    reader_text(a->r, at[METRIC], here, &name);
    if (!alert_known(a, at[METRIC], here, "metric", name, (const char *const *)a->signals) || !signal_from(name, &w->signal)) return;
    struct signal_info s = signal_info(w->signal);
    if (at[OF] != JSON_NONE && !has_of(w->signal))
        reader_problem(a->r, at[OF], "%s.of: %s is not made of a metric of scores", place, s.name);
    reader_text(a->r, at[OF], alert_place(here, "%s.of", place), &w->of);
    alert_dimensions(a, at[BY], alert_place(here, "%s.by", place), s.by, s.name, &w->by);
    read_where(a, at[WHERE], alert_place(here, "%s.where", place), s.by, s.name, &w->where);
    alert_duration(a, at[WINDOW], alert_place(here, "%s.window", place), 10 * SECOND_US, 7 * DAY_US, &w->window_us);
    if (at[WINDOW] != JSON_NONE && s.shape == SIGNAL_READING)
        reader_problem(a->r, at[WINDOW], "%s.window: %s is a reading of this moment, and has none; `for` says how long it has to hold", place, s.name);
    w->min_samples = least_samples(&s);
    reader_count(a->r, at[MIN_SAMPLES], alert_place(here, "%s.min_samples", place), 0, 1000000000, &w->min_samples);
    read_test(a, node, at, place, &s, w);
}

/* One text for one meaning: a learned threshold holds for nothing else. */
static void digest_when(const struct alert_when *w, struct digest *ret) {
    struct buffer text;
    char numbers[256];
    buffer_init(&text, 64u << 10);
    snprintf(numbers, sizeof numbers, "%d %s %u %lld %.17g %.17g %lld %.17g %llx ", (int)w->test, w->test == ALERT_FINDING ? "" : signal_info(w->signal).name,
             w->by, (long long)w->window_us, w->threshold, w->clear, (long long)w->min_samples, w->alarms_per_month, (unsigned long long)w->findings);
    buffer_append(&text, slice_of(numbers));
    signal_series_write(&w->where, &text);
    buffer_append(&text, w->of);
    digest_sha256(buffer_slice(&text), ret);
    buffer_deinit(&text);
}

/* ---- labels, and who is told ---- */

static bool may_be_label(struct slice name) {
    enum signal_by by;
    bool good = name.len > 0 && name.len <= 128 && !(name.at[0] >= '0' && name.at[0] <= '9');
    for (size_t i = 0; i < name.len && good; i++)
        good = name.at[i] == '_' || (name.at[i] >= '0' && name.at[i] <= '9') || (name.at[i] >= 'a' && name.at[i] <= 'z') ||
               (name.at[i] >= 'A' && name.at[i] <= 'Z');
    return good && !signal_by_from(name, &by) && !slice_is(name, "rule") && !slice_is(name, "severity") && !slice_is(name, "alertname");
}

static void read_labels(const struct alert_reader *a, uint32_t map, const char *place, struct alert_rule *rule) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, key, value;
    if (map == JSON_NONE) return;
    if (json_type(d, map) != JSON_OBJECT || json_size(d, map) > ALERT_LABELS) {
        reader_problem(a->r, map, "%s: expected a map of at most %d texts", place, ALERT_LABELS);
        return;
    }
    while (json_each_member(d, map, &cursor, &key, &value)) {
        struct alert_label l = {json_string(d, key, a->r->arena), SLICE_NULL};
        reader_text(a->r, value, place, &l.value);
        if (!may_be_label(l.name))
            reader_problem(a->r, key, "%s: expected a name of letters, digits and _, and none that alerts have by themselves (rule, severity, alertname, "
                                      "dimensions), found `" SLICE_FMT "`", place, (int)(l.name.len > 60 ? 60 : l.name.len), l.name.at);
        else if (!slice_is_null(l.value))
            rule->labels[rule->n_labels++] = l;
    }
}

static void read_notify(const struct alert_reader *a, uint32_t node, const char *place, struct alert_rule *rule) {
    struct slice *names = NULL;
    unsigned n = 0, escalations = 0;
    reader_texts(a->r, node, place, &names, &n);
    if (n > ALERT_NOTIFY) reader_problem(a->r, node, "%s: expected at most %d receivers and escalations, found %u", place, ALERT_NOTIFY, n);
    for (unsigned i = 0; i < n && rule->n_notify < ALERT_NOTIFY; i++) {
        if (!alert_known(a, node, place, "receiver or escalation", names[i], (const char *const *)a->called)) continue;
        escalations += escalation_find(a->p, names[i]) != NULL;
        rule->notify[rule->n_notify++] = names[i];
    }
    if (escalations > 1) reader_problem(a->r, node, "%s: expected at most one escalation, found %u: its steps say who is called after whom", place, escalations);
}

/* calibrate: never, or {alarms_per_month: 2} */
static void read_calibrate(const struct alert_reader *a, uint32_t node, const char *place, struct alert_rule *rule) {
    rule->calibrate = rule->when.test != ALERT_FINDING;
    if (node == JSON_NONE) return;
    if (slice_is(reader_scalar(a->r, node), "never")) {
        rule->calibrate = false;
    } else if (json_type(&a->r->d->doc, node) != JSON_OBJECT) {
        reader_expected(a->r, node, place, "never or {alarms_per_month: 1}");
    } else if (rule->when.test != ALERT_ABOVE && rule->when.test != ALERT_BELOW) {
        reader_problem(a->r, node, "%s: only rules with `above` or `below` have a threshold to calibrate", place);
    } else {
        read_anomaly(a, node, place, &rule->when.alarms_per_month);
    }
}

/* ---- rules ---- */

enum { NAME, WHEN, FOR, KEEP, SEVERITY, LABELS, NOTIFY, ACTIONS, RUNBOOK, SUMMARY, NO_DATA, CALIBRATE, MEMBERS };

static bool read_rule(const struct alert_reader *a, uint32_t node, unsigned index, struct alert_rule *rule) {
    static const char *const names[] = {"name",    "when",    "for",     "keep_firing_for", "severity", "labels", "notify",
                                        "actions", "runbook", "summary", "no_data",         "calibrate", NULL};
    static const char *const severities[] = {"critical", "error", "warning", "info", NULL}, *const no_data[] = {"state", "fires", "ok", NULL};
    uint32_t at[MEMBERS];
    char self[ALERT_PLACE], here[ALERT_PLACE];
    int severity = ALERT_WARNING, nothing = NO_DATA_STATE;
    *rule = (struct alert_rule){.line = declared_line(a->r->d, node)};
    if (!reader_map(a->r, node, alert_place(self, "alerts[%u]", index), names, at)) return false;
    if (at[NAME] == JSON_NONE) reader_problem(a->r, node, "%s.name: this is required", self);
    if (at[WHEN] == JSON_NONE) reader_problem(a->r, node, "%s.when: this is required, such as {metric: errors.rate, by: [model], above: 5%%}", self);
    reader_name(a->r, at[NAME], alert_place(here, "%s.name", self), &rule->name);
    if (rule->name.len > 0 && rule->name.at[rule->name.len - 1] == '*')
        reader_problem(a->r, at[NAME], "%s: a name does not end in *, which stands for any rest where rules are named", here);
    if (at[WHEN] != JSON_NONE) read_when(a, at[WHEN], alert_place(here, "%s.when", self), &rule->when);
    alert_duration(a, at[FOR], alert_place(here, "%s.for", self), 0, 30 * DAY_US, &rule->for_us);
    alert_duration(a, at[KEEP], alert_place(here, "%s.keep_firing_for", self), 0, 30 * DAY_US, &rule->keep_us);
    alert_word(a, at[SEVERITY], alert_place(here, "%s.severity", self), severities, &severity);
    alert_word(a, at[NO_DATA], alert_place(here, "%s.no_data", self), no_data, &nothing);
    rule->severity = (enum alert_severity)severity;
    rule->no_data = (enum alert_no_data)nothing;
    read_labels(a, at[LABELS], alert_place(here, "%s.labels", self), rule);
    read_notify(a, at[NOTIFY], alert_place(here, "%s.notify", self), rule);
    reader_text(a->r, at[RUNBOOK], alert_place(here, "%s.runbook", self), &rule->runbook);
    reader_text(a->r, at[SUMMARY], alert_place(here, "%s.summary", self), &rule->summary);
    read_calibrate(a, at[CALIBRATE], alert_place(here, "%s.calibrate", self), rule);
    if (at[ACTIONS] != JSON_NONE) alert_read_actions(a, at[ACTIONS], alert_place(here, "%s.actions", self), rule);
    digest_when(&rule->when, &rule->digest);
    return !slice_is_null(rule->name);
}

void alert_read_rules(struct alert_reader *a, uint32_t list) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, item;
    struct table taken;
    unsigned index = 0, n = json_type(d, list) == JSON_ARRAY ? json_size(d, list) : 0;
    if (list != JSON_NONE && json_type(d, list) != JSON_ARRAY) reader_expected(a->r, list, "alerts", "a list of rules");
    if (n > LIMIT_ALERT_RULES) {
        reader_problem(a->r, list, "alerts: expected at most %d rules, found %u", LIMIT_ALERT_RULES, n);
        return;
    }
    a->p->rules = arena_new_array(a->r->arena, struct alert_rule, n + 1);
    a->rules = alert_names(a, n);
    if (a->p->rules == NULL || a->rules == NULL) return; /* a full arena is seen once, at the end */
    table_init(&taken);
    while (n > 0 && json_each_item(d, list, &cursor, &item)) {
        struct alert_rule *rule = &a->p->rules[a->p->n_rules];
        if (!read_rule(a, item, index++, rule)) continue;
        const struct alert_rule *former = table_put(&taken, rule->name, rule);
        if (former != NULL)
            reader_problem(a->r, item, "alerts[%u].name: `" SLICE_FMT "` is the name of the rule in line %d too", index - 1, SLICE_ARG(rule->name), former->line);
        a->rules[a->p->n_rules++] = arena_text(a->r->arena, rule->name);
        a->rules[a->p->n_rules] = NULL;
    }
    table_deinit(&taken);
}
