/* Budgets, limits, and what an application says of its requests: tree to policy. */
#include "model/config_table.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/limits.h"

#define SECOND_US 1000000LL

static const char *hint(struct config_reader *r, const char *near) {
    return near != NULL ? config_place(r, "; did you mean `%s`?", near) : "";
}

/* The node that `name` ("scope.user") was read from; the row itself when that is absent. */
static const struct yaml_node *node_of(const struct yaml_node *row, const char *name) {
    struct slice first, rest;
    const struct yaml_node *map = row, *node;
    if (slice_cut(slice_of(name), '.', &first, &rest)) {
        map = yaml_get(row, "scope");
        name = rest.at;
    }
    node = yaml_get(map, name);
    return node != NULL ? node : row;
}

/* ===== applications ===== */

void config_requests_init(struct request_policy *r) {
    *r = (struct request_policy){.approve_above_nano = MONEY_UNKNOWN,
                                 .max_output_tokens = -1,
                                 .history = {.keep_last = -1, .max_tokens = -1}};
}

void config_request_types(struct config_reader *r, const char *place, struct yaml_node *map,
                          struct application *a) {
    if (map == NULL) return;
    a->request_types = arena_new_array(&r->policy->arena, struct request_policy, map->count + 1);
    for (struct yaml_node *node = map->first; node != NULL && a->request_types != NULL; node = node->next) {
        struct request_policy one = a->requests;
        const char *here = config_place(r, "%srequest_types." SLICE_FMT ".", place, SLICE_ARG(node->key));
        if (!config_name_is_valid(node->key))
            config_complain(r, node->key_line, node->key_column,
                            "%srequest_types: expected a name of at most 128 printable bytes", place);
        config_fill(r, SCOPE_REQUEST_TYPE, here, node, &one);
        one.request_type = arena_text(&r->policy->arena, node->key);
        a->request_types[a->n_request_types++] = one;
    }
}

/* ===== scopes ===== */

static void check_application(struct config_reader *r, const char *place, const struct yaml_node *row,
                              const char *name) {
    const struct policy *p = r->names;
    const char **names = p != NULL ? arena_new_array(&r->temp, const char *, p->n_applications + 1) : NULL;
    const struct yaml_node *node = node_of(row, "scope.application");
    if (names == NULL || table_get(&p->application_by_name, slice_of(name)) != NULL) return;
    for (unsigned i = 0; i < p->n_applications; i++) names[i] = p->applications[i].name;
    config_complain(r, node->line, node->column, "%sscope.application: no such application `%s`%s", place,
                    name, hint(r, config_nearest(slice_of(name), names, p->n_applications)));
}

static void check_model(struct config_reader *r, const char *place, const struct yaml_node *row,
                        const char *name) {
    const struct policy *p = r->names;
    const char **names = p != NULL ? arena_new_array(&r->temp, const char *, p->n_models + 1) : NULL;
    const struct yaml_node *node = node_of(row, "scope.model");
    if (names == NULL || table_get(&p->model_by_name, slice_of(name)) != NULL) return;
    for (unsigned i = 0; i < p->n_models; i++) names[i] = p->models[i].name;
    config_complain(r, node->line, node->column, "%sscope.model: no such model `%s`%s", place, name,
                    hint(r, config_nearest(slice_of(name), names, p->n_models)));
}

/* "k=v" or "k=*" */
static bool split_tag(struct config_reader *r, const char *place, const struct yaml_node *row,
                      const char *text, struct scope_term *term) {
    struct slice key, value;
    const struct yaml_node *node = node_of(row, "scope.tag");
    bool good = slice_cut(slice_of(text), '=', &key, &value);
    key = slice_trim(key);
    value = slice_trim(value);
    if (!good || key.len == 0 || value.len == 0 || memchr(text, ',', strlen(text)) != NULL) {
        config_complain(r, node->line, node->column,
                        "%sscope.tag: expected one tag as k=v or k=*, found `%s`", place, text);
        return false;
    }
    term->tag = arena_text(&r->policy->arena, key);
    term->value = slice_is(value, "*") ? NULL : arena_text(&r->policy->arena, value);
    return true;
}

static void build_scope(struct config_reader *r, const char *place, const struct yaml_node *row,
                        const struct raw_scope *raw, struct scope *ret) {
    const char *const values[SCOPE_DIMENSIONS] = {raw->application,  raw->team, raw->user,
                                                  raw->feature,      raw->key,  raw->model,
                                                  raw->request_type, raw->tag};
    const char *text = "";
    for (unsigned d = 0; d < SCOPE_DIMENSIONS; d++) {
        struct scope_term term = {.by = (enum scope_dimension)d};
        if (values[d] == NULL) continue;
        if (d == SCOPE_BY_TAG) {
            if (!split_tag(r, place, row, values[d], &term)) continue;
        } else if (strcmp(values[d], "*") != 0) {
            term.value = values[d];
        }
        if (d == SCOPE_BY_APPLICATION && term.value != NULL) check_application(r, place, row, term.value);
        if (d == SCOPE_BY_MODEL && term.value != NULL) check_model(r, place, row, term.value);
        ret->terms[ret->n_terms++] = term;
        text = config_place(r, "%s%s%s=%s%s%s", text, text[0] != 0 ? "," : "", scope_dimension_name(term.by),
                            term.tag != NULL ? term.tag : "", term.tag != NULL ? "=" : "",
                            term.value != NULL ? term.value : "*");
    }
    ret->text = arena_text(&r->policy->arena, slice_of(text));
}

/* ===== budgets ===== */

static void build_zone(struct config_reader *r, const char *place, const struct yaml_node *row,
                       const char *name, struct budget *b) {
    struct error error = {0};
    const struct yaml_node *node = node_of(row, "timezone");
    if (zone_load(&r->policy->arena, name, &b->zone, &error) == FAULT_NONE) return;
    config_complain(r, node->line, node->column, "%stimezone: %s: `%s`%s", place, error.text, name,
                    hint(r, zone_nearest(&r->temp, name)));
}

/* A date is midnight in the budget's zone. */
static bool read_instant(struct config_reader *r, const char *place, const struct yaml_node *row,
                         const char *name, const char *text, const struct zone *zone, int64_t *ret) {
    const struct yaml_node *node = node_of(row, name);
    bool good = text[0] >= '0' && text[0] <= '9' && clock_parse(slice_of(text), ret);
    if (!good)
        config_complain(
            r, node->line, node->column,
            "%s%s: expected a date such as 2026-11-21 or a time such as 2026-11-21T09:00:00Z, found `%s`",
            place, name, text);
    else if (strlen(text) == sizeof "2026-11-21" - 1 && zone != NULL)
        *ret = zone_to_utc(zone, *ret / SECOND_US) * SECOND_US;
    return good;
}

static void build_period(struct config_reader *r, const char *place, const struct yaml_node *row,
                         const struct raw_budget *raw, struct budget *b) {
    bool once = b->window == BUDGET_ONCE;
    if (!once && (raw->from != NULL || raw->to != NULL)) {
        const struct yaml_node *node = node_of(row, raw->from != NULL ? "from" : "to");
        config_complain(r, node->line, node->column, "%s%s: only a budget with window: once has this", place,
                        raw->from != NULL ? "from" : "to");
    } else if (once && (raw->from == NULL || raw->to == NULL)) {
        config_complain(r, row->line, row->column, "%s%s: this is required with window: once", place,
                        raw->from == NULL ? "from" : "to");
    } else if (once && read_instant(r, place, row, "from", raw->from, b->zone, &b->from_us) &&
               read_instant(r, place, row, "to", raw->to, b->zone, &b->to_us) && b->to_us <= b->from_us) {
        const struct yaml_node *node = node_of(row, "to");
        config_complain(r, node->line, node->column, "%sto: expected a time after `from`", place);
    }
}

static void add_alert(struct budget *b, double share) {
    unsigned at = b->n_alerts;
    for (unsigned i = 0; i < b->n_alerts; i++)
        if (b->alert_at[i] == share) return;
    for (; at > 0 && b->alert_at[at - 1] > share; at--) b->alert_at[at] = b->alert_at[at - 1];
    b->alert_at[at] = share;
    b->n_alerts++;
}

static void build_alerts(struct config_reader *r, const char *place, const struct yaml_node *list,
                         struct budget *b) {
    unsigned index = 0;
    if (list == NULL) {
        add_alert(b, 0.8);
        add_alert(b, 1);
        return;
    }
    if (list->count > LIMIT_ALERTS) {
        config_complain(r, list->line, list->column, "%salert_at: expected at most %d numbers, found %u",
                        place, LIMIT_ALERTS, list->count);
        return;
    }
    for (struct yaml_node *node = list->first; node != NULL; node = node->next, index++) {
        double share = 0;
        const char *here = config_place(r, "%salert_at[%u]", place, index);
        const char *text = config_text(r, here, node, KIND_TEXT);
        if (text == NULL) continue;
        if (slice_to_double(slice_of(text), &share) && share > 0 && share <= 100) add_alert(b, share);
        else
            config_complain(
                r, node->line, node->column,
                "%s: expected a share of the limit such as 0.8, above 0 and at most 100, found `%s`", here,
                text);
    }
}

static void complain_of_taken(struct config_reader *r, const char *place, const struct yaml_node *row,
                              const char *name) {
    const struct yaml_node *node = node_of(row, "name");
    config_complain(r, node->line, node->column, "%sname: `%s` is taken already", place, name);
}

static bool is_list_good(struct config_reader *r, const char *name, const struct yaml_node *list,
                         unsigned most) {
    if (list == NULL) return false;
    if (list->count > most)
        config_complain(r, list->line, list->column, "%s: expected at most %u, found %u", name, most,
                        list->count);
    return list->count <= most;
}

void config_budget(struct config_reader *r, const char *place, struct yaml_node *row) {
    struct policy *p = r->policy;
    struct raw_budget raw = {0};
    config_fill(r, SCOPE_BUDGET, place, row, &raw);
    if (row->type != YAML_MAP) return;
    struct budget *b = &p->budgets[p->n_budgets];
    *b = raw.budget;
    b->line = row->line;
    build_scope(r, place, row, &raw.scope, &b->scope);
    build_zone(r, place, row, raw.timezone, b);
    build_period(r, place, row, &raw, b);
    build_alerts(r, place, raw.alert_at, b);
    b->block_on_error = raw.on_error != NULL ? strcmp(raw.on_error, "block") == 0 : b->mode == BUDGET_HARD;
    if (b->name == NULL) return;
    for (unsigned i = 0; i < p->n_budgets; i++)
        if (strcmp(p->budgets[i].name, b->name) == 0) {
            complain_of_taken(r, place, row, b->name);
            return;
        }
    p->n_budgets++;
}

void config_budgets(struct config_reader *r, struct yaml_node *list, unsigned more) {
    struct policy *p = r->policy;
    unsigned index = 0, count = is_list_good(r, "budgets", list, LIMIT_BUDGETS) ? list->count : 0;
    p->budgets = arena_new_array(&p->arena, struct budget, count + more + 1);
    if (count == 0 || p->budgets == NULL) return;
    for (struct yaml_node *row = list->first; row != NULL; row = row->next)
        config_budget(r, config_place(r, "budgets[%u].", index++), row);
}

/* ===== limits ===== */

void config_limit(struct config_reader *r, const char *place, struct yaml_node *row) {
    struct policy *p = r->policy;
    struct raw_limit raw = {.limit = {.requests_per_minute = -1, .tokens_per_minute = -1, .concurrent = -1}};
    config_fill(r, SCOPE_LIMIT, place, row, &raw);
    if (row->type != YAML_MAP) return;
    struct rate_limit *l = &p->limits[p->n_limits];
    *l = raw.limit;
    l->line = row->line;
    build_scope(r, place, row, &raw.scope, &l->scope);
    if (l->requests_per_minute < 0 && l->tokens_per_minute < 0 && l->concurrent < 0)
        config_complain(r, row->line, row->column,
                        "%.*s%sexpected at least one of `requests_per_minute`, `tokens_per_minute`, "
                        "`concurrent`",
                        (int)strlen(place) - (place[0] != 0), place, place[0] != 0 ? ": " : "");
    if (l->name == NULL) l->name = l->scope.text[0] != 0 ? l->scope.text : "everything";
    for (unsigned i = 0; i < p->n_limits; i++)
        if (strcmp(p->limits[i].name, l->name) == 0) {
            complain_of_taken(r, place, row, l->name);
            return;
        }
    p->n_limits++;
}

void config_limits(struct config_reader *r, struct yaml_node *list, unsigned more) {
    struct policy *p = r->policy;
    unsigned index = 0, count = is_list_good(r, "limits", list, LIMIT_RATE_LIMITS) ? list->count : 0;
    p->limits = arena_new_array(&p->arena, struct rate_limit, count + more + 1);
    if (count == 0 || p->limits == NULL) return;
    for (struct yaml_node *row = list->first; row != NULL; row = row->next)
        config_limit(r, config_place(r, "limits[%u].", index++), row);
}

/* ===== watch ===== */

void config_watch(struct config_reader *r, const struct yaml_node *root, const char *timezone) {
    struct error error = {0};
    const struct yaml_node *node = yaml_get(yaml_get(root, "watch"), "timezone");
    if (timezone == NULL || zone_load(&r->policy->arena, timezone, &r->policy->server.watch.zone, &error) == FAULT_NONE) return;
    config_complain(r, node ? node->line : 1, node ? node->column : 1, "watch.timezone: %s: `%s`%s", error.text, timezone,
                    hint(r, zone_nearest(&r->temp, timezone)));
}
