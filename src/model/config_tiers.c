/* Models that stand for others: tree to policy. */
#include "model/config_table.h"

#include "base/limits.h"

static const char *hint(struct config_reader *r, struct slice word, const char *const *names, unsigned n) {
    const char *near = config_nearest(word, names, n);
    return near != NULL ? config_place(r, "; did you mean `%s`?", near) : "";
}

static const char *nearest_model(struct config_reader *r, const char *name) {
    const struct table *all = &r->policy->model_by_name;
    const char **names = arena_new_array(&r->temp, const char *, LIMIT_PROBLEMS);
    size_t cursor = 0;
    unsigned n = 0;
    struct slice key;
    void *value;
    while (names != NULL && n < LIMIT_PROBLEMS && table_next(all, &cursor, &key, &value))
        names[n++] = ((const struct model_route *)value)->name;
    return names != NULL ? hint(r, slice_of(name), names, n) : "";
}

/* ===== tiers ===== */

/* False after a problem. */
static bool take_target(struct config_reader *r, const char *here, const struct yaml_node *node, const struct target *t,
                        struct model_route *m) {
    if (m->n_targets == LIMIT_TARGETS) {
        config_complain(r, node->line, node->column, "%s: expected at most %d targets in all tiers together", here, LIMIT_TARGETS);
        return false;
    }
    for (unsigned i = 0; i < m->n_targets; i++)
        if (strcmp(m->targets[i].health_key, t->health_key) == 0) {
            config_complain(r, node->line, node->column, "%s: its target %s is that of another tier too", here, t->health_key);
            return false;
        }
    m->targets[m->n_targets] = *t;
    m->targets[m->n_targets++].index = r->policy->n_targets++;
    return true;
}

static void add_tier(struct config_reader *r, const char *here, struct yaml_node *node, struct model_route *m) {
    struct tiering *t = m->tiering;
    const char *name = config_text(r, here, node, KIND_TEXT);
    if (name == NULL) return;
    const struct model_route *of = table_get(&r->policy->model_by_name, slice_of(name));
    if (of == NULL) {
        config_complain(r, node->line, node->column, "%s: no such model `%s`%s", here, name, nearest_model(r, name));
        return;
    }
    if (of == m || of->tiering != NULL || of->n_targets == 0) {
        config_complain(r, node->line, node->column, "%s: expected a model with `targets` of its own, found `%s`", here, name);
        return;
    }
    struct tier *tier = &t->tiers[t->n_tiers];
    *tier = (struct tier){.name = of->name, .first = m->n_targets, .weighted = of->weighted};
    for (unsigned i = 0; i < of->n_targets; i++)
        if (!take_target(r, here, node, &of->targets[i], m)) return;
    tier->n = of->n_targets;
    t->n_tiers++;
}

static void build_tiers(struct config_reader *r, const char *place, struct yaml_node *list, struct model_route *m) {
    unsigned index = 0;
    if (list->count < 2 || list->count > LIMIT_TARGETS) {
        config_complain(r, list->line, list->column, "%stiers: expected 2 to %d models, found %u", place, LIMIT_TARGETS, list->count);
        return;
    }
    for (struct yaml_node *node = list->first; node != NULL; node = node->next, index++)
        add_tier(r, config_place(r, "%stiers[%u]", place, index), node, m);
}

/* ===== rules ===== */

static bool find_tier(struct config_reader *r, const char *place, const struct yaml_node *row, const char *name,
                      const struct tiering *t, unsigned *ret) {
    const char *names[LIMIT_TARGETS];
    const struct yaml_node *node = yaml_get(row, "tier");
    for (unsigned i = 0; i < t->n_tiers; i++) {
        names[i] = t->tiers[i].name;
        if (strcmp(name, names[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    config_complain(r, node->line, node->column, "%stier: `%s` is none of the model's tiers%s", place, name,
                    hint(r, slice_of(name), names, t->n_tiers));
    return false;
}

static void build_rules(struct config_reader *r, const char *place, struct yaml_node *list, struct tiering *t) {
    unsigned index = 0;
    if (list == NULL) return;
    if (list->count > LIMIT_TIER_RULES) {
        config_complain(r, list->line, list->column, "%srules: expected at most %d, found %u", place, LIMIT_TIER_RULES, list->count);
        return;
    }
    t->rules = arena_new_array(&r->policy->arena, struct tier_rule, list->count + 1);
    for (struct yaml_node *row = list->first; row != NULL && t->rules != NULL; row = row->next, index++) {
        struct raw_rule raw = {.rule = {-1, -1, -1, -1, -1, -1, NULL, NULL, 0}};
        const char *here = config_place(r, "%srules[%u].", place, index);
        config_fill(r, SCOPE_RULE, here, row, &raw);
        if (raw.tier == NULL || !find_tier(r, here, row, raw.tier, t, &raw.rule.tier)) continue;
        t->rules[t->n_rules++] = raw.rule;
    }
}

void config_tiers(struct config_reader *r, const char *place, const struct yaml_node *node, const struct raw_model *raw,
                  struct model_route *m) {
    if (raw->tiers == NULL) {
        if (raw->rules != NULL)
            config_complain(r, raw->rules->line, raw->rules->column, "%srules: only a model with `tiers` has rules", place);
        config_downgrade_program(r, place, raw, m, node);
        return;
    }
    if (raw->targets != NULL)
        config_complain(r, node->key_line, node->key_column, "%stiers: a model has `targets` or `tiers`, not both", place);
    struct tiering *t = arena_new(&r->policy->arena, struct tiering);
    m->targets = arena_new_array(&r->policy->arena, struct target, LIMIT_TARGETS);
    if (t == NULL || m->targets == NULL) return; /* a full arena is seen once, at the end */
    m->tiering = t;
    t->fall_back_any = raw->fall_back_any;
    build_tiers(r, place, raw->tiers, m);
    build_rules(r, place, raw->rules, t);
    config_downgrade_program(r, place, raw, m, node);
}
