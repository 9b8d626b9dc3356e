/* What alerts have done, and what of it may happen without a person: `alerts[].actions` and `grants`. */
#include "model/alert_reading.h"

#include "model/tiers.h"

#include <stdio.h>

#define SECOND_US 1000000LL
#define DAY_US (86400 * SECOND_US)

enum { MOST_MEMBERS = INTERVENTION_MEMBERS + 4 };

/* A dimension that series are told apart by, or false. */
static bool dimension_of(enum intervention_member m, enum signal_by *ret) { return signal_by_from(slice_of(intervention_member_name(m)), ret); }

static void read_member(const struct alert_reader *a, uint32_t node, const char *self, enum intervention_member m, struct slice *ret) {
    enum signal_by by;
    char here[ALERT_PLACE];
    alert_place(here, "%s.%s", self, intervention_member_name(m));
    if (dimension_of(m, &by)) alert_series_member(a, node, here, by, ret);
    else reader_text(a->r, node, here, ret);
}

/* ---- what cannot be done ---- */

static const struct model_route *model_of(const struct alert_reader *a, const struct intervention_spec *s) {
    return a->names != NULL && s->model.len > 0 ? table_get(&a->names->model_by_name, s->model) : NULL;
}

static void check_target(const struct alert_reader *a, uint32_t node, const char *place, const struct model_route *m, const char *word, struct slice name) {
    const char *known[LIMIT_TARGETS + 1];
    char here[ALERT_PLACE];
    for (unsigned i = 0; i < m->n_targets; i++) known[i] = m->targets[i].health_key;
    known[m->n_targets] = NULL;
    (void)alert_known(a, node, alert_place(here, "%s.%s", place, word), "target of this model", name, known);
}

static void check_model(const struct alert_reader *a, uint32_t node, const char *place, const struct intervention_spec *s) {
    const struct model_route *m = model_of(a, s);
    const char *known[LIMIT_TARGETS + 1];
    char here[ALERT_PLACE];
    if (m == NULL) return;
    if (s->kind == INTERVENTION_FAIL_OVER) {
        if (m->n_targets < 2) reader_problem(a->r, node, "%s: the model `%s` has one target: there is nothing to fail over to", place, m->name);
        check_target(a, node, place, m, "from", s->from);
        check_target(a, node, place, m, "to", s->to);
    } else if (s->kind == INTERVENTION_ROUTE_DOWN) {
        if (m->tiering == NULL) reader_problem(a->r, node, "%s: the model `%s` has no `tiers` to route down to", place, m->name);
        for (unsigned i = 0; m->tiering != NULL && i < m->tiering->n_tiers; i++) known[i] = m->tiering->tiers[i].name;
        if (m->tiering == NULL) return;
        known[m->tiering->n_tiers] = NULL;
        (void)alert_known(a, node, alert_place(here, "%s.tier", place), "tier of this model", s->tier, known);
    }
}

/* What it needs and does not say comes from the series that fires, when that has it. */
static void check_needs(const struct alert_reader *a, uint32_t node, const char *place, struct intervention_spec *s, const struct alert_when *w) {
    if (w->test == ALERT_FINDING) return; /* a finding may know */
    for (unsigned i = 0; i < INTERVENTION_MEMBERS; i++) {
        enum intervention_member m = (enum intervention_member)i;
        const char *name = intervention_member_name(m);
        enum signal_by by;
        bool dimension = dimension_of(m, &by);
        if (!intervention_needs(s->kind, m) || !slice_is_null(*intervention_member(s, m))) continue;
        if (dimension && ((w->by | w->where.by) >> by & 1)) continue;
        if (dimension && (signal_info(w->signal).by >> by & 1))
            reader_problem(a->r, node, "%s: expected `%s`, or a rule that is told apart `by: [%s]`", place, name, name);
        else
            reader_problem(a->r, node, "%s: expected `%s`", place, name);
    }
}

/* ---- actions ---- */

static void read_spec(const struct alert_reader *a, uint32_t map, const char *place, struct intervention_spec *s) {
    const char *names[MOST_MEMBERS];
    enum intervention_member members[INTERVENTION_MEMBERS];
    uint32_t at[MOST_MEMBERS];
    unsigned words = 0, n;
    char here[ALERT_PLACE];
    bool throttle = s->kind == INTERVENTION_THROTTLE;
    for (unsigned i = 0; i < INTERVENTION_MEMBERS; i++)
        if (intervention_knows(s->kind, (enum intervention_member)i)) members[words++] = (enum intervention_member)i;
    for (n = 0; n < words; n++) names[n] = intervention_member_name(members[n]);
    names[n++] = "lasts";
    names[n++] = "dry_run";
    if (throttle) names[n++] = "per_minute";
    names[n] = NULL;
    for (unsigned i = 0; i < n; i++) at[i] = JSON_NONE;
    if (map != JSON_NONE && json_type(&a->r->d->doc, map) != JSON_NULL && !reader_map(a->r, map, place, names, at)) return;
    for (unsigned i = 0; i < words; i++) read_member(a, at[i], place, members[i], intervention_member(s, members[i]));
    alert_duration(a, at[words], alert_place(here, "%s.lasts", place), 10 * SECOND_US, 30 * DAY_US, &s->lasts_us);
    reader_flag(a->r, at[words + 1], alert_place(here, "%s.dry_run", place), &s->dry_run);
    if (!throttle) return;
    reader_count(a->r, at[words + 2], alert_place(here, "%s.per_minute", place), 1, 1000000, &s->per_minute);
    if (s->per_minute < 0) reader_problem(a->r, map, "%s.per_minute: this is required: how many requests a minute the key may still send", place);
}

/* fail_over, {fail_over: {model: support-chat}} or {roll_back: } */
static void read_action(const struct alert_reader *a, uint32_t node, const char *place, struct alert_rule *rule) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, key = node, map = JSON_NONE;
    struct intervention_spec s = {.per_minute = -1};
    char here[ALERT_PLACE];
    bool named = json_type(d, node) == JSON_OBJECT && json_size(d, node) == 1;
    if (!named && json_type(d, node) != JSON_STRING) {
        reader_expected(a->r, node, place, "one action, such as {fail_over: {model: support-chat}}");
        return;
    }
    if (named) (void)json_each_member(d, node, &cursor, &key, &map);
    struct slice name = json_string(d, key, a->r->arena);
    if (!alert_known(a, key, place, "action", name, (const char *const *)a->kinds) || !intervention_from(name, &s.kind)) return;
    alert_place(here, "%s.%s", place, intervention_name(s.kind));
    read_spec(a, map, here, &s);
    check_needs(a, node, here, &s, &rule->when);
    check_model(a, node, here, &s);
    rule->actions[rule->n_actions++] = s;
}

void alert_read_actions(const struct alert_reader *a, uint32_t list, const char *place, struct alert_rule *rule) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, item;
    unsigned index = 0;
    char here[ALERT_PLACE];
    if (json_type(d, list) != JSON_ARRAY || json_size(d, list) > ALERT_ACTIONS) {
        reader_problem(a->r, list, "%s: expected a list of at most %d actions", place, ALERT_ACTIONS);
        return;
    }
    while (json_each_item(d, list, &cursor, &item)) read_action(a, item, alert_place(here, "%s[%u]", place, index++), rule);
}

/* ---- grants ---- */

/* 4/h: so many in any hour */
static bool read_rate(struct slice text, int64_t *ret_n, int64_t *ret_per_us) {
    static const struct { const char *name; int64_t us; } units[] = {{"m", 60 * SECOND_US}, {"h", 3600 * SECOND_US}, {"d", DAY_US}, {"w", 7 * DAY_US}};
    struct slice count, unit;
    int64_t n;
    if (!slice_cut(text, '/', &count, &unit) || !slice_to_i64(slice_trim(count), &n) || n < 1 || n > 1000) return false;
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
        if (slice_is(slice_trim(unit), units[i].name)) {
            *ret_n = n;
            *ret_per_us = units[i].us;
            return true;
        }
    return false;
}

static void read_scope(const struct alert_reader *a, uint32_t map, const char *place, struct alert_grant *g) {
    const char *names[INTERVENTION_MEMBERS + 1];
    enum intervention_member members[INTERVENTION_MEMBERS];
    uint32_t at[INTERVENTION_MEMBERS];
    unsigned n = 0;
    enum signal_by by;
    if (map == JSON_NONE) return;
    for (unsigned i = 0; i < INTERVENTION_MEMBERS; i++) {
        enum intervention_member m = (enum intervention_member)i;
        if (!intervention_knows(g->action, m) || (m != INTERVENTION_MEMBER_key && !dimension_of(m, &by))) continue;
        members[n] = m;
        names[n++] = intervention_member_name(m);
    }
    names[n] = NULL;
    if (!reader_map(a->r, map, place, names, at)) return;
    for (unsigned i = 0; i < n; i++) {
        struct slice one = SLICE_NULL;
        read_member(a, at[i], place, members[i], &one);
        if (slice_is_null(one)) continue;
        if (!dimension_of(members[i], &by)) {
            g->key = one;
        } else {
            g->scope.by |= 1u << by;
            g->scope.is[by] = one;
        }
    }
}

static void check_wanted(const struct alert_reader *a, uint32_t node, const char *place, const struct alert_grant *g) {
    const struct alert_rule *rule = slice_is_null(g->rule) ? NULL : alert_rule_find(a->p, g->rule);
    if (rule == NULL) return;
    for (unsigned i = 0; i < rule->n_actions; i++)
        if (rule->actions[i].kind == g->action) return;
    reader_problem(a->r, node, "%s: the rule `" SLICE_FMT "` has no action %s: there is nothing to allow", place, SLICE_ARG(g->rule), intervention_name(g->action));
}

static void read_grant(struct alert_reader *a, uint32_t node, unsigned index) {
    static const char *const names[] = {"rule", "action", "scope", "at_most", "dry_run", NULL};
    uint32_t at[5];
    char self[ALERT_PLACE], here[ALERT_PLACE];
    struct slice action = SLICE_NULL;
    struct alert_grant g = {.rule = SLICE_NULL};
    if (!reader_map(a->r, node, alert_place(self, "grants[%u]", index), names, at)) return;
    if (at[1] == JSON_NONE || at[3] == JSON_NONE) {
        reader_problem(a->r, node, "%s: `action` and `at_most` are required, such as {rule: slow-chat, action: fail_over, at_most: 4/h}", self);
        return;
    }
    alert_place(here, "%s.rule", self);
    reader_text(a->r, at[0], here, &g.rule);
    if (!slice_is_null(g.rule)) (void)alert_known(a, at[0], here, "rule", g.rule, (const char *const *)a->rules);
    alert_place(here, "%s.action", self);
    reader_text(a->r, at[1], here, &action);
    if (!alert_known(a, at[1], here, "action", action, (const char *const *)a->kinds) || !intervention_from(action, &g.action)) return;
    check_wanted(a, at[1], here, &g);
    read_scope(a, at[2], alert_place(here, "%s.scope", self), &g);
    if (!read_rate(reader_scalar(a->r, at[3]), &g.at_most, &g.per_us))
        reader_expected(a->r, at[3], alert_place(here, "%s.at_most", self), "how often, such as 4/h: 1 to 1000 in each m, h, d or w");
    reader_flag(a->r, at[4], alert_place(here, "%s.dry_run", self), &g.dry_run);
    a->p->grants[a->p->n_grants++] = g;
}

void alert_read_grants(struct alert_reader *a, uint32_t list) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, item;
    unsigned index = 0;
    if (list == JSON_NONE) return;
    if (json_type(d, list) != JSON_ARRAY) {
        reader_expected(a->r, list, "grants", "a list of what may happen without a person");
        return;
    }
    a->p->grants = arena_new_array(a->r->arena, struct alert_grant, json_size(d, list) + 1);
    while (a->p->grants != NULL && json_each_item(d, list, &cursor, &item)) read_grant(a, item, index++);
}
