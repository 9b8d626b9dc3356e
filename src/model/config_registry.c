/* What the registry lends to a policy: budgets, limits and approvals that were set while the server ran. What does not
 * hold any more is left out and said, and never keeps a policy from coming into force. */
#include "model/config_table.h"

#include "base/clock.h"
#include "model/pseudonym.h"

static void leave_out(struct config_reader *r, const struct config_registry_allowance *a, const char *why) {
    struct policy *p = r->policy;
    p->left_out[p->n_left_out++] = (struct left_out){arena_text(&p->arena, slice_of(a->kind)),
                                                     arena_text(&p->arena, slice_of(a->name)),
                                                     arena_text(&p->arena, slice_of(why))};
}

/* ===== budgets and limits ===== */

static int line_of_budget(const struct policy *p, const char *name) {
    for (unsigned i = 0; i < p->n_budgets; i++)
        if (p->budgets[i].line > 0 && strcmp(p->budgets[i].name, name) == 0) return p->budgets[i].line;
    return 0;
}

static int line_of_limit(const struct policy *p, const char *name) {
    for (unsigned i = 0; i < p->n_limits; i++)
        if (p->limits[i].line > 0 && strcmp(p->limits[i].name, name) == 0) return p->limits[i].line;
    return 0;
}

/* A row of its own problems; the first is why it stays out. NULL: it is in. */
static const char *merge_row(struct config_reader *r, bool limit, struct yaml_node *row) {
    static const struct config_source nothing; /* whoever may set a budget may not read the environment with it */
    struct problems own = {0}, *all = r->problems;
    const struct config_source *source = r->source;
    struct policy *p = r->policy;
    unsigned *n = limit ? &p->n_limits : &p->n_budgets, before = *n;
    r->problems = &own;
    r->source = &nothing;
    if (limit) config_limit(r, "", row);
    else config_budget(r, "", row);
    r->problems = all;
    r->source = source;
    if (own.count == 0 && *n > before) {
        if (limit) p->limits[before].line = 0;
        else p->budgets[before].line = 0;
        return NULL;
    }
    *n = before;
    return own.count > 0 ? own.items[0].text : "it has no name";
}

static const char *merge_allowance(struct config_reader *r, const struct config_registry_allowance *a,
                                   bool limit) {
    const struct policy *p = r->policy;
    struct error error = {0};
    struct yaml_node *row = NULL;
    int line = limit ? line_of_limit(p, a->name) : line_of_budget(p, a->name), bad = 0;
    if (line > 0)
        return config_place(r, "the configuration file has a %s of this name (line %d), and that one holds",
                            a->kind, line);
    if (limit ? p->n_limits >= LIMIT_RATE_LIMITS : p->n_budgets >= LIMIT_BUDGETS)
        return config_place(r, "expected at most %d", limit ? LIMIT_RATE_LIMITS : LIMIT_BUDGETS);
    if (yaml_read(slice_of(a->body), &r->temp, &row, &bad, &error) != FAULT_NONE || row == NULL)
        return "its object is damaged";
    return merge_row(r, limit, row);
}

/* ===== approvals ===== */

static const char *text_at(const struct yaml_node *map, const char *key) {
    const struct yaml_node *node = yaml_get(map, key);
    return node != NULL && node->type == YAML_SCALAR && node->text.len > 0 ? node->text.at : NULL;
}

/* The row of this request type, made where there is none. NULL: no memory. */
static struct request_policy *row_of_type(struct config_reader *r, struct application *a, const char *type) {
    struct arena *arena = &r->policy->arena;
    for (unsigned i = 0; i < a->n_request_types; i++)
        if (strcmp(a->request_types[i].request_type, type) == 0) return &a->request_types[i];
    struct request_policy *more = arena_new_array(arena, struct request_policy, a->n_request_types + 1);
    if (more == NULL) return NULL;
    if (a->n_request_types > 0) memcpy(more, a->request_types, a->n_request_types * sizeof *more);
    struct request_policy *one = &more[a->n_request_types++];
    *one = a->requests;
    one->request_type = arena_text(arena, slice_of(type));
    a->request_types = more;
    return one;
}

static const char *merge_approval(struct config_reader *r, const struct config_registry_allowance *o) {
    struct error error = {0};
    struct yaml_node *row = NULL;
    int line = 0;
    int64_t up_to = 0, until = INT64_MAX;
    if (yaml_read(slice_of(o->body), &r->temp, &row, &line, &error) != FAULT_NONE || row == NULL)
        return "its object is damaged";
    const char *application = text_at(row, "application"), *type = text_at(row, "request_type"),
               *usd = text_at(row, "up_to_usd"), *end = text_at(row, "until");
    if (application == NULL || type == NULL || usd == NULL || !money_parse(slice_of(usd), 9, &up_to) ||
        (end != NULL && strcmp(end, "null") != 0 && !clock_parse(slice_of(end), &until)))
        return "its object is damaged";
    struct application *a = table_get(&r->policy->application_by_name, slice_of(application));
    if (a == NULL) return config_place(r, "no such application `%s`", application);
    struct request_policy *q = row_of_type(r, a, type);
    if (q == NULL) return "there is no memory for it";
    q->approved_nano = up_to;
    q->approved_until_us = until;
    return NULL;
}

void config_merge_allowances(struct config_reader *r, const struct config_registry *g) {
    r->policy->left_out = arena_new_array(&r->policy->arena, struct left_out, g->n_allowances + 1);
    if (r->policy->left_out == NULL || r->policy->budgets == NULL || r->policy->limits == NULL) return;
    for (unsigned i = 0; i < g->n_allowances; i++) {
        const struct config_registry_allowance *a = &g->allowances[i];
        bool approval = strcmp(a->kind, "approval") == 0;
        const char *why = approval ? merge_approval(r, a) : merge_allowance(r, a, strcmp(a->kind, "limit") == 0);
        if (why != NULL) leave_out(r, a, why);
    }
    memcpy(r->policy->pseudonym_key, g->pseudonym_key, sizeof g->pseudonym_key);
}

/* ===== what records must keep ===== */

static void need_tag(struct config_reader *r, struct application *a, const char *tag) {
    for (unsigned i = 0; i < a->n_needed_tags; i++)
        if (strcmp(a->needed_tags[i], tag) == 0) return;
    const char **more = arena_new_array(&r->policy->arena, const char *, a->n_needed_tags + 1);
    if (more == NULL || a->n_needed_tags == LIMIT_TAGS) return;
    if (a->n_needed_tags > 0) memcpy(more, a->needed_tags, a->n_needed_tags * sizeof *more);
    more[a->n_needed_tags++] = tag;
    a->needed_tags = more;
}

static bool concerns(const struct scope *s, const char *application) {
    for (unsigned i = 0; i < s->n_terms; i++)
        if (s->terms[i].by == SCOPE_BY_APPLICATION && s->terms[i].value != NULL &&
            strcmp(s->terms[i].value, application) != 0)
            return false;
    return true;
}

static void need(struct config_reader *r, struct scope *s) {
    struct policy *p = r->policy;
    for (unsigned t = 0; t < s->n_terms; t++) {
        struct scope_term *term = &s->terms[t];
        char alias[PSEUDONYM_TEXT];
        if (term->by != SCOPE_BY_USER && term->by != SCOPE_BY_TAG) continue;
        if (term->value != NULL) {
            pseudonym_of(p->pseudonym_key, term->tag, slice_of(term->value), alias);
            term->alias = arena_text(&p->arena, slice_of(alias));
        }
        for (unsigned i = 0; i < p->n_applications; i++) {
            struct application *a = &p->applications[i];
            if (a->payloads.capture != CAPTURE_NONE || !concerns(s, a->name)) continue;
            if (term->by == SCOPE_BY_USER) a->needs_user = true;
            else need_tag(r, a, term->tag);
        }
    }
}

void config_pseudonyms(struct config_reader *r) {
    for (unsigned i = 0; i < r->policy->n_budgets; i++) need(r, &r->policy->budgets[i].scope);
    for (unsigned i = 0; i < r->policy->n_limits; i++) need(r, &r->policy->limits[i].scope);
}
