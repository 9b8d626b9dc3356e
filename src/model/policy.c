#include "model/policy.h"

#include "base/mem.h"

/* A policy holds a small multiple of its configuration: texts, and tables that are bounded by the file. */
#define POLICY_FIRST (64u << 10)
#define POLICY_MOST (16 * (size_t)LIMIT_CONFIG_FILE)

static const char *const dialect_names[DIALECT_COUNT] = {
    [DIALECT_OPENAI] = "openai",
    [DIALECT_ANTHROPIC] = "anthropic",
    [DIALECT_AZURE] = "azure",
};

const char *dialect_name(enum dialect_id id) {
    return (unsigned)id < DIALECT_COUNT ? dialect_names[id] : "unknown";
}

bool dialect_from_name(struct slice name, enum dialect_id *ret) {
    for (unsigned id = 0; id < DIALECT_COUNT; id++)
        if (slice_is(name, dialect_names[id])) {
            *ret = (enum dialect_id)id;
            return true;
        }
    return false;
}

struct policy *policy_new(void) {
    struct policy *p = mem_new(struct policy);
    atomic_init(&p->references, 1);
    arena_init(&p->arena, POLICY_FIRST, POLICY_MOST);
    table_init(&p->model_by_name);
    table_init(&p->application_by_name);
    table_init(&p->key_by_digest);
    table_init(&p->token_by_digest);
    return p;
}

struct policy *policy_hold(struct policy *p) {
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

void policy_drop(struct policy *p) {
    /* the last one to let go must see what all others did before they let go */
    if (p == NULL || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1) return;
    table_deinit(&p->model_by_name);
    table_deinit(&p->application_by_name);
    table_deinit(&p->key_by_digest);
    table_deinit(&p->token_by_digest);
    arena_deinit(&p->arena);
    mem_free(p);
}

bool policy_allows(const struct application *a, const struct model_route *m) {
    if (a->all_models) return true;
    for (unsigned i = 0; i < a->n_models; i++)
        if (a->models[i] == m) return true;
    return false;
}

const struct target *policy_pinned(const struct policy *p, const struct application *a, struct slice name, const struct model_route **ret_route) {
    for (unsigned i = 0; i < p->n_models; i++) {
        const struct model_route *m = &p->models[i];
        if (m->tiering || (a && !policy_allows(a, m))) continue;
        for (unsigned t = 0; t < m->n_targets; t++)
            if (slice_is(name, m->targets[t].health_key)) {
                *ret_route = m;
                return &m->targets[t];
            }
    }
    return NULL;
}

bool target_is(const struct target *t, struct slice name) { return slice_is(name, t->health_key) || slice_is(name, t->provider->name); }

const struct model_route *policy_fails_over_to(const struct policy *p, const struct intervention_spec *s) {
    const struct model_route *m = table_get(&p->model_by_name, s->model), *to = s->to.len > 0 ? table_get(&p->model_by_name, s->to) : NULL;
    for (unsigned t = 0; to && m && t < m->n_targets; t++)
        if (target_is(&m->targets[t], s->to)) return NULL;
    return to == m ? NULL : to;
}

const struct request_policy *policy_requests(const struct application *a, struct slice request_type) {
    for (unsigned i = 0; i < a->n_request_types; i++)
        if (slice_is(request_type, a->request_types[i].request_type)) return &a->request_types[i];
    return &a->requests;
}

static void verify_cache(struct cache_policy *c, int32_t verified_ppm) {
    int32_t given = (int32_t)(c->semantic.threshold * 1e6 + 0.5);
    c->semantic.least_ppm = given == 0 ? verified_ppm : given >= verified_ppm ? given : 0;
}

void policy_verify_cache(struct policy *p, struct slice application, int32_t verified_ppm) {
    struct application *a = table_get(&p->application_by_name, application);
    if (a == NULL || verified_ppm <= 0) return;
    a->cache_verified_ppm = verified_ppm;
    verify_cache(&a->requests.cache, verified_ppm);
    for (unsigned i = 0; i < a->n_request_types; i++) verify_cache(&a->request_types[i].cache, verified_ppm);
}

static bool is_off(const struct cache_policy *c) {
    return c->semantic.ttl > 0 && c->semantic.least_ppm <= 0;
}

unsigned policy_caches_off(const struct policy *p) {
    unsigned n = 0;
    for (unsigned i = 0; i < p->n_applications; i++) {
        n += is_off(&p->applications[i].requests.cache);
        for (unsigned t = 0; t < p->applications[i].n_request_types; t++)
            n += is_off(&p->applications[i].request_types[t].cache);
    }
    return n;
}

const char *scope_dimension_name(enum scope_dimension d) {
    static const char *const names[] = {"application", "team", "user", "feature", "key", "model", "request_type", "tag"};
    return (unsigned)d < SCOPE_DIMENSIONS ? names[d] : "unknown";
}

const char *policy_prices_as(const struct provider *p, const struct price_list *list) {
    if (p->prices_as != NULL) return p->prices_as;
    if (list != NULL && price_has_provider(list, slice_of(p->name))) return p->name;
    return dialect_name(p->dialect);
}
