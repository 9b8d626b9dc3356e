#include "cost/plan.h"

#include "base/mem.h"

#define PLAN_MOST (16u << 20) /* 512 rules, and for each application a list of those that concern it */
#define SECOND_US 1000000LL
#define LENGTH_BITS 23 /* seconds of 97 days; a month has 31 */

/* ===== matching ===== */

static struct slice label(const struct admission_labels *l, enum scope_dimension d) {
    switch (d) {
    case SCOPE_BY_APPLICATION: return l->application;
    case SCOPE_BY_TEAM: return l->team;
    case SCOPE_BY_USER: return l->user;
    case SCOPE_BY_FEATURE: return l->feature;
    case SCOPE_BY_KEY: return l->key;
    case SCOPE_BY_MODEL: return l->model;
    case SCOPE_BY_REQUEST_TYPE: return l->request_type;
    default: return SLICE_NULL;
    }
}

/* Of "k=v,k=v", the first value of `key`. */
static struct slice tag_value(struct slice tags, const char *key) {
    struct slice one, k, v;
    while (tags.len > 0) {
        slice_cut(tags, ',', &one, &tags);
        if (slice_cut(one, '=', &k, &v) && slice_is(k, key)) return v;
    }
    return SLICE_NULL;
}

bool plan_match(const struct rule *r, const struct admission_labels *l, char *room,
                struct slice *ret_values) {
    size_t used = 0;
    for (unsigned i = 0; i < r->scope->n_terms; i++) {
        const struct scope_term *t = &r->scope->terms[i];
        struct slice v = t->by == SCOPE_BY_TAG ? tag_value(l->tags, t->tag) : label(l, t->by);
        if (v.len == 0) return false;
        if (t->value != NULL) {
            if (!slice_is(v, t->value) && (t->alias == NULL || !slice_is(v, t->alias))) return false;
            continue;
        }
        if (v.len > LIMIT_LABEL) v.len = LIMIT_LABEL;
        room[used++] = (char)(v.len & 0xFF);
        room[used++] = (char)(v.len >> 8);
        memcpy(room + used, v.at, v.len);
        used += v.len;
    }
    *ret_values = slice_make(room, used);
    return true;
}

bool plan_window(struct rule *r, int64_t wall_us, struct window *ret) {
    if (r->budget->window == BUDGET_ONCE) return window_at(r->budget, wall_us, ret);
    uint64_t packed = atomic_load_explicit(&r->window, memory_order_relaxed);
    int64_t start = (int64_t)(packed >> LENGTH_BITS) * SECOND_US,
            length = (int64_t)(packed & ((1u << LENGTH_BITS) - 1)) * SECOND_US;
    if (wall_us >= start && wall_us - start < length) {
        *ret = (struct window){start, start + length};
        return true;
    }
    bool holds = window_at(r->budget, wall_us, ret);
    if (ret->start_us >= 0)
        atomic_store_explicit(&r->window,
                              (uint64_t)(ret->start_us / SECOND_US) << LENGTH_BITS |
                                  (uint64_t)((ret->end_us - ret->start_us) / SECOND_US),
                              memory_order_relaxed);
    return holds;
}

const struct rule_list *plan_rules(const struct plan *p, struct slice application) {
    const struct rule_list *own = table_get(&p->by_application, application);
    return own != NULL ? own : &p->others;
}

static struct slice owner_key(const uint64_t *owner) {
    return slice_make((const char *)owner, sizeof *owner);
}

struct rule *plan_rule_of(const struct plan *p, uint64_t owner) {
    return table_get(&p->by_owner, owner_key(&owner));
}

/* ===== building ===== */

static bool concerns(const struct rule *r, const char *application) {
    for (unsigned i = 0; i < r->scope->n_terms; i++) {
        const struct scope_term *t = &r->scope->terms[i];
        if (t->by == SCOPE_BY_APPLICATION && t->value != NULL)
            return application != NULL && strcmp(t->value, application) == 0;
    }
    return true;
}

/* The budget that most requests share comes last, so that what a narrower one refuses never touches it. */
static void list_rules(struct plan *p, const char *application, struct rule_list *list) {
    list->rules = arena_new_array(&p->arena, struct rule *, p->n_rules + 1);
    for (unsigned i = 0; i < p->n_rules && p->rules[i].limit != NULL; i++)
        if (concerns(&p->rules[i], application)) list->rules[list->n++] = &p->rules[i];
    list->n_limits = list->n;
    for (int terms = SCOPE_DIMENSIONS; terms >= 0; terms--)
        for (unsigned i = 0; i < p->n_rules; i++) {
            struct rule *r = &p->rules[i];
            if (r->budget != NULL && r->scope->n_terms == (unsigned)terms && concerns(r, application))
                list->rules[list->n++] = r;
        }
}

static void add_rule(struct plan *p, struct rule rule, const char *identity, const struct plan *former,
                     uint64_t *last_owner) {
    struct rule *r = &p->rules[p->n_rules++];
    *r = rule;
    r->identity = identity;
    for (unsigned i = 0; i < r->scope->n_terms; i++) r->n_each += r->scope->terms[i].value == NULL;
    for (unsigned i = 0; former != NULL && i < former->n_rules && r->owner == 0; i++)
        if (former->rules[i].filled && strcmp(former->rules[i].identity, identity) == 0) {
            r->owner = former->rules[i].owner;
            r->filled = true;
        }
    if (r->owner == 0) r->owner = ++*last_owner;
    table_put(&p->by_owner, owner_key(&r->owner), r);
}

static const char *budget_identity(struct arena *arena, const struct budget *b) {
    return arena_printf(arena, "budget\n%s\n%s\n%d\n%s\n%lld\n%lld", b->name, b->scope.text, (int)b->window,
                        zone_name(b->zone), (long long)b->from_us, (long long)b->to_us)
        .at;
}

static void count_in_journal(struct plan *p) {
    bool all = true;
    p->only_new = arena_new_array(&p->arena, int64_t, p->n_rules + 1);
    for (unsigned i = 0; i < p->n_rules; i++) {
        all = all && p->rules[i].filled;
        p->only_new[i] = p->rules[i].filled ? INT64_MAX : INT64_MIN;
    }
    atomic_init(&p->journaling, !all);
}

struct plan *plan_new(struct policy *policy, const struct plan *former, uint64_t id, uint64_t *last_owner) {
    struct plan *p = mem_new(struct plan);
    p->id = id;
    p->policy = policy_hold(policy);
    arena_init(&p->arena, 64u << 10, PLAN_MOST);
    table_init(&p->by_application);
    table_init(&p->by_owner);
    p->rules = arena_new_array(&p->arena, struct rule, policy->n_limits + policy->n_budgets + 1);
    for (unsigned i = 0; i < policy->n_limits; i++) {
        const struct rate_limit *l = &policy->limits[i];
        const char *identity = arena_printf(&p->arena, "limit\n%s\n%s", l->name, l->scope.text).at;
        /* rates are memory only: there is nothing to fill */
        add_rule(p, (struct rule){.limit = l, .scope = &l->scope, .filled = true}, identity, former,
                 last_owner);
    }
    for (unsigned i = 0; i < policy->n_budgets; i++) {
        const struct budget *b = &policy->budgets[i];
        add_rule(p, (struct rule){.budget = b, .scope = &b->scope}, budget_identity(&p->arena, b), former,
                 last_owner);
    }
    for (unsigned i = 0; i < policy->n_applications; i++) {
        struct rule_list *list = arena_new(&p->arena, struct rule_list);
        list_rules(p, policy->applications[i].name, list);
        table_put(&p->by_application, slice_of(policy->applications[i].name), list);
    }
    list_rules(p, NULL, &p->others);
    count_in_journal(p);
    return p;
}

void plan_free(struct plan *p) {
    if (p == NULL) return;
    for (struct journal_entry *e = atomic_load(&p->journal), *next; e != NULL; e = next) {
        next = e->next;
        mem_free(e);
    }
    table_deinit(&p->by_application);
    table_deinit(&p->by_owner);
    arena_deinit(&p->arena);
    policy_drop(p->policy);
    mem_free(p);
}

void plan_note(struct plan *p, const struct record_id *id) {
    if (atomic_fetch_add(&p->n_journal, 1) >= LIMIT_FILL_JOURNAL)
        return; /* the fill sees the number, and fails */
    struct journal_entry *e = mem_new(struct journal_entry);
    e->id = *id;
    e->next = atomic_load(&p->journal);
    while (!atomic_compare_exchange_weak(&p->journal, &e->next, e)) continue;
}
