/* The downgrade tests that the server makes by itself: tree to policy. Which key asks is known at run time alone: keys of the
 * registry come and go, and none of them may keep a configuration from being read. */
#include "model/config_table.h"

#include "base/limits.h"

static const char *const *read_program(struct config_reader *r, const char *place, const struct yaml_node *list) {
    const char **argv = arena_new_array(&r->policy->arena, const char *, list->count + 1);
    unsigned n = 0;
    if (list->count == 0 || list->count > LIMIT_PROGRAM_WORDS) {
        config_complain(r, list->line, list->column, "%sdowngrade_test.exec: expected a program and its arguments, 1 to %d texts",
                        place, LIMIT_PROGRAM_WORDS);
        return NULL;
    }
    for (struct yaml_node *node = list->first; node != NULL && argv != NULL; node = node->next) {
        argv[n] = config_text(r, config_place(r, "%sdowngrade_test.exec[%u]", place, n), node, KIND_TEXT);
        if (argv[n++] == NULL) return NULL;
    }
    if (argv != NULL) argv[n] = NULL;
    return argv;
}

void config_downgrade_program(struct config_reader *r, const char *place, const struct raw_model *raw, struct model_route *m,
                              const struct yaml_node *node) {
    const struct downgrade_setting *d = &raw->downgrade;
    const struct yaml_node *at = yaml_get(node, "downgrade_test");
    if (at == NULL) return;
    if (m->tiering == NULL) {
        config_complain(r, at->line, at->column, "%sdowngrade_test: only a model with `tiers` has one", place);
        return;
    }
    if (d->every_us == 0)
        config_complain(r, at->line, at->column, "%sdowngrade_test.every: this is required (duration 1m..366d)", place);
    if ((d->judge != NULL) == (raw->downgrade_exec != NULL))
        config_complain(r, at->line, at->column, "%sdowngrade_test: expected one of `judge` and `exec`", place);
    if (d->application == NULL || d->key == NULL)
        config_complain(r, at->line, at->column, "%sdowngrade_test: `application` and `key` are required: who asks, and pays", place);
    m->tiering->downgrade = *d;
    if (raw->downgrade_exec != NULL) m->tiering->downgrade.program = read_program(r, place, raw->downgrade_exec);
}

static void may_use(struct config_reader *r, const char *place, const struct yaml_node *at, const struct application *a,
                    const char *what, const char *name) {
    const struct model_route *m = table_get(&r->policy->model_by_name, slice_of(name));
    if (m == NULL)
        config_complain(r, at->line, at->column, "%sdowngrade_test.%s: no such model `%s`", place, what, name);
    else if (!policy_allows(a, m))
        config_complain(r, at->line, at->column, "%sdowngrade_test.application: `%s` may not use `%s`, the %s", place, a->name, name,
                        what);
}

void config_downgrades(struct config_reader *r, const struct yaml_node *models) {
    for (const struct yaml_node *node = models != NULL ? models->first : NULL; node != NULL; node = node->next) {
        const struct model_route *m = table_get(&r->policy->model_by_name, node->key);
        const struct yaml_node *at = yaml_get(node, "downgrade_test");
        const char *place = config_place(r, "models." SLICE_FMT ".", SLICE_ARG(node->key));
        if (m == NULL || m->tiering == NULL || m->tiering->downgrade.application == NULL || at == NULL) continue;
        const struct downgrade_setting *d = &m->tiering->downgrade;
        const struct application *a = table_get(&r->policy->application_by_name, slice_of(d->application));
        if (a == NULL) {
            config_complain(r, at->line, at->column, "%sdowngrade_test.application: no such application `%s`", place, d->application);
            continue;
        }
        if (m->tiering->n_tiers > 0) may_use(r, place, at, a, "cheapest tier", m->tiering->tiers[0].name);
        if (d->judge != NULL) may_use(r, place, at, a, "judge", d->judge);
    }
}
