/* See alert_policy.h. */
#include "model/alert_policy.h"

#include "model/alert_reading.h"
#include "model/quantity.h"

#include <math.h>
#include <stdio.h>

#define SECOND_US 1000000LL

static const char *const severities[ALERT_SEVERITIES] = {"critical", "error", "warning", "info"};
const char *alert_severity_name(enum alert_severity s) { return (unsigned)s < ALERT_SEVERITIES ? severities[s] : "unknown"; }

bool alert_severity_from(struct slice name, enum alert_severity *ret) {
    for (unsigned i = 0; i < ALERT_SEVERITIES; i++)
        if (slice_is(name, severities[i])) {
            *ret = (enum alert_severity)i;
            return true;
        }
    return false;
}

/* ---- what an alert is about ---- */

enum alert_about alert_about_signal(enum signal s) {
    struct signal_info i = signal_info(s);
    if (i.source == SIGNAL_OF_ATTEMPTS) return s == SIGNAL_PROVIDER_REQUESTS ? ABOUT_ELSE : ABOUT_PROVIDER;
    if (s == SIGNAL_ERRORS || s == SIGNAL_TRUNCATED) return ABOUT_ERRORS;
    if (i.source == SIGNAL_OF_RECORDS && strcmp(i.unit, "s") == 0) return ABOUT_LATENCY;
    if (s == SIGNAL_LATENCY_SLOW || s == SIGNAL_RETRIES || s == SIGNAL_GAVE_UP) return ABOUT_LATENCY;
    if (s == SIGNAL_COST_PER_REQUEST || s == SIGNAL_COST_TOTAL || s == SIGNAL_COST_OVER) return ABOUT_MONEY;
    return ABOUT_ELSE;
}

/* A budget that refuses needs its own remedy whatever the cause, and so does a limit that is used up. */
enum alert_about alert_about_finding(enum finding_kind k) {
    switch (k) {
    case FINDING_PROVIDER_FAILING:
    case FINDING_PROVIDER_SLOW: return ABOUT_PROVIDER;
    case FINDING_LATENCY_OVER_BUDGET:
    case FINDING_LATENCY_WORSE:
    case FINDING_USERS_GAVE_UP: return ABOUT_LATENCY;
    case FINDING_COST_ANOMALY:
    case FINDING_BUDGET_FORECAST:
    case FINDING_BUDGET_BURN:
    case FINDING_OVER_PLAN: return ABOUT_MONEY;
    default: return ABOUT_ELSE;
    }
}

/* ---- finding by name ---- */

#define FIND(of, list, n)                                                                                                          \
    for (unsigned i = 0; i < (of)->n; i++)                                                                                         \
        if (slice_eq((of)->list[i].name, name)) return &(of)->list[i];                                                             \
    return NULL
const struct alert_rule *alert_rule_find(const struct alert_policy *p, struct slice name) { FIND(p, rules, n_rules); }
const struct alert_receiver *alert_receiver_find(const struct alert_policy *p, struct slice name) { FIND(p, receivers, n_receivers); }
const struct escalation *escalation_find(const struct alert_policy *p, struct slice name) { FIND(p, escalations, n_escalations); }
const struct oncall_schedule *schedule_find(const struct alert_policy *p, struct slice name) { FIND(p, schedules, n_schedules); }
const struct oncall_person *person_find(const struct alert_policy *p, struct slice name) { FIND(p, people, n_people); }

/* ---- names for hints ---- */

static const char **of_table(const char *(*name)(unsigned i), unsigned n, const struct alert_reader *a) {
    const char **names = alert_names(a, n);
    for (unsigned i = 0; names != NULL && i < n; i++) names[i] = name(i);
    if (names != NULL) names[n] = NULL;
    return names;
}
static const char *signal_at(unsigned i) { return signal_info((enum signal)i).name; }
static const char *finding_at(unsigned i) { return finding_kind_name((enum finding_kind)i); }
static const char *kind_at(unsigned i) { return intervention_name((enum intervention_kind)i); }

static void list_names(struct alert_reader *a) {
    const struct policy *p = a->names;
    unsigned n = 0;
    a->signals = of_table(signal_at, SIGNALS, a);
    a->findings = of_table(finding_at, FINDING_KINDS, a);
    a->kinds = of_table(kind_at, INTERVENTION_KINDS, a);
    if (p == NULL) return;
    a->applications = alert_names(a, p->n_applications);
    a->models = alert_names(a, p->n_models);
    a->providers = alert_names(a, p->n_providers);
    a->upstream_models = alert_names(a, p->n_targets);
    if (a->applications == NULL || a->models == NULL || a->providers == NULL || a->upstream_models == NULL) return;
    for (n = 0; n < p->n_applications; n++) a->applications[n] = p->applications[n].name;
    a->applications[n] = NULL;
    for (n = 0; n < p->n_providers; n++) a->providers[n] = p->providers[n].name;
    a->providers[n] = NULL;
    n = 0;
    for (unsigned m = 0; m < p->n_models; m++) {
        a->models[m] = p->models[m].name;
        for (unsigned t = 0; t < p->models[m].n_targets && n < p->n_targets; t++) a->upstream_models[n++] = p->models[m].targets[t].model;
    }
    a->models[p->n_models] = NULL;
    a->upstream_models[n] = NULL;
}

/* ---- grouping and inhibition ---- */

static void read_grouping(const struct alert_reader *a, uint32_t node, struct alert_grouping *g) {
    static const char *const names[] = {"by", "wait", "repeat", NULL};
    uint32_t at[3];
    if (node == JSON_NONE || !reader_map(a->r, node, "grouping", names, at)) return;
    alert_dimensions(a, at[0], "grouping.by", (1u << SIGNAL_BYS) - 1, "a group", &g->by);
    alert_duration(a, at[1], "grouping.wait", 0, 3600 * SECOND_US, &g->wait_us);
    alert_duration(a, at[2], "grouping.repeat", 0, 30 * 86400 * SECOND_US, &g->repeat_us);
    if (g->repeat_us > 0 && g->repeat_us < 60 * SECOND_US) reader_problem(a->r, at[2], "grouping.repeat: expected 0 (never) or at least 1m");
}

static void check_pattern(const struct alert_reader *a, uint32_t node, const char *place, struct slice name) {
    if (name.len > 0 && name.at[name.len - 1] == '*') {
        struct slice head = slice_make(name.at, name.len - 1);
        for (unsigned i = 0; i < a->p->n_rules; i++)
            if (slice_starts(a->p->rules[i].name, head)) return;
        reader_problem(a->r, node, "%s: no rule's name begins with `" SLICE_FMT "`", place, SLICE_ARG(head));
        return;
    }
    (void)alert_known(a, node, place, "rule", name, (const char *const *)a->rules);
}

static void read_inhibition(struct alert_reader *a, uint32_t node, unsigned index) {
    static const char *const names[] = {"source", "target", "equal", NULL};
    uint32_t at[3];
    char self[ALERT_PLACE], here[ALERT_PLACE];
    struct alert_inhibition i = {.equal = 0};
    if (slice_is(reader_scalar(a->r, node), "causes")) {
        a->p->causes = true;
        return;
    }
    alert_place(self, "inhibit[%u]", index);
    if (json_type(&a->r->d->doc, node) != JSON_OBJECT) {
        reader_expected(a->r, node, self, "causes, or {source: RULE, target: RULE, equal: [model]}");
        return;
    }
    if (!reader_map(a->r, node, self, names, at)) return;
    if (at[0] == JSON_NONE || at[1] == JSON_NONE) reader_problem(a->r, node, "%s: `source` and `target` are required: names of rules", self);
    alert_place(here, "%s.source", self);
    reader_text(a->r, at[0], here, &i.source);
    check_pattern(a, at[0], here, i.source);
    alert_place(here, "%s.target", self);
    reader_text(a->r, at[1], here, &i.target);
    check_pattern(a, at[1], here, i.target);
    alert_dimensions(a, at[2], alert_place(here, "%s.equal", self), (1u << SIGNAL_BYS) - 1, "alerts", &i.equal);
    a->p->inhibitions[a->p->n_inhibitions++] = i;
}

static void read_inhibitions(struct alert_reader *a, uint32_t list) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, item;
    unsigned index = 0;
    if (list == JSON_NONE) return;
    if (json_type(d, list) != JSON_ARRAY) {
        reader_expected(a->r, list, "inhibit", "a list of `causes` and {source: RULE, target: RULE}; [] mutes nothing");
        return;
    }
    a->p->causes = false;
    a->p->inhibitions = arena_new_array(a->r->arena, struct alert_inhibition, json_size(d, list) + 1);
    while (a->p->inhibitions != NULL && json_each_item(d, list, &cursor, &item)) read_inhibition(a, item, index++);
}

/* ---- all of it ---- */

void alert_policy_defaults(struct alert_policy *ret) {
    *ret = (struct alert_policy){.grouping = {.by = SIGNAL_BY_BIT(APPLICATION), .wait_us = 5 * SECOND_US, .repeat_us = 4 * 3600 * SECOND_US},
                                 .causes = true,
                                 .wanted_alarms = 1};
}

enum fault alert_policy_read(struct reader *r, const struct alert_places *at, const struct policy *names, struct alert_policy *ret) {
    unsigned before = r->problems->count;
    struct alert_policy p;
    struct alert_reader a = {.r = r, .p = &p, .names = names};
    alert_policy_defaults(&p);
    p.wanted_alarms = ret->wanted_alarms > 0 ? ret->wanted_alarms : p.wanted_alarms;
    list_names(&a);
    alert_read_receivers(&a, at->receivers);
    alert_read_oncall(&a, at->oncall);
    alert_read_rules(&a, at->alerts);
    alert_read_grants(&a, at->grants);
    read_grouping(&a, at->grouping, &p.grouping);
    read_inhibitions(&a, at->inhibit);
    if (arena_is_full(r->arena)) reader_problem(r, at->alerts, "what the watch is told does not fit into its memory");
    if (r->problems->count != before || r->problems->more) return FAULT_CONFIG;
    *ret = p;
    return FAULT_NONE;
}

/* ---- words ---- */

void alert_value_write(const struct signal_info *s, double value, struct buffer *out) {
    bool bytes = strcmp(s->unit, "B") == 0, gib = bytes && value >= 1 << 30, mib = bytes && !gib && value >= 1 << 20;
    char text[64], usd[MONEY_TEXT];
    money_words(llround(value * MONEY_USD), usd);
    if (strcmp(s->unit, "share") == 0) snprintf(text, sizeof text, "%.4g %%", 100 * value);
    else if (strcmp(s->unit, "USD") == 0) snprintf(text, sizeof text, "$%s", usd);
    else if (strcmp(s->unit, "s") == 0 && value > 0 && value < 1) snprintf(text, sizeof text, "%.4g ms", 1000 * value);
    else if (strcmp(s->unit, "s") == 0) snprintf(text, sizeof text, value < 10000 ? "%.4g s" : "%.0f s", value);
    else if (gib || mib) snprintf(text, sizeof text, "%.4g %s", value / (gib ? 1 << 30 : 1 << 20), gib ? "GiB" : "MiB");
    else snprintf(text, sizeof text, fabs(value) < 1000 ? "%.4g" : "%.0f", value);
    buffer_append(out, slice_of(text));
    if ((bytes && !gib && !mib) || strcmp(s->unit, "tokens") == 0) buffer_printf(out, " %s", s->unit);
}

static void write_where(const struct signal_series *w, struct buffer *out) {
    const char *between = " where ";
    for (unsigned b = 0; b < SIGNAL_BYS; b++) {
        if (!(w->by >> b & 1)) continue;
        buffer_printf(out, "%s%s is " SLICE_FMT, between, signal_by_name((enum signal_by)b), SLICE_ARG(w->is[b]));
        between = " and ";
    }
}

void alert_when_words(const struct alert_when *w, struct buffer *out) {
    char window[QUANTITY_TEXT];
    const char *between = "";
    if (w->test == ALERT_FINDING) {
        buffer_append(out, SLICE("an open finding: "));
        for (unsigned k = 0; k < FINDING_KINDS; k++) {
            if (!(w->findings >> k & 1)) continue;
            buffer_printf(out, "%s%s", between, finding_kind_name((enum finding_kind)k));
            between = ", ";
        }
        write_where(&w->where, out);
        return;
    }
    struct signal_info s = signal_info(w->signal);
    buffer_append(out, slice_of(s.name));
    if (w->of.len > 0) buffer_printf(out, " of " SLICE_FMT, SLICE_ARG(w->of));
    for (unsigned b = 0, n = 0; b < SIGNAL_BYS; b++)
        if (w->by >> b & 1) buffer_printf(out, "%s%s", n++ == 0 ? " by " : ", ", signal_by_name((enum signal_by)b));
    write_where(&w->where, out);
    if (s.shape != SIGNAL_READING) {
        duration_format(w->window_us, window);
        buffer_printf(out, " over %s", window);
    }
    if (w->test == ALERT_ANOMALY) {
        buffer_printf(out, " unlike its baseline (%.4g false alarms a month)", w->alarms_per_month);
        return;
    }
    buffer_append(out, w->test == ALERT_ABOVE ? SLICE(" above ") : SLICE(" below "));
    alert_value_write(&s, w->threshold, out);
}
