#include "wire_cache.h"

#include "base/log.h"
#include "model/embedding.h"
#include "store/registry_cache.h"

#include <stdio.h>

enum fault wire_cache_verify(struct policy *p, struct registry *r, struct error *error) {
    struct cache_verification *all = NULL;
    struct arena arena;
    unsigned n = 0;
    arena_init(&arena, 4 << 10, LIMIT_CONFIG_FILE);
    enum fault fault = registry_cache_verifications(r, &arena, &all, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
        if (all[i].embedding == EMBEDDING_VERSION)
            policy_verify_cache(p, all[i].application, all[i].threshold);
    arena_deinit(&arena);
    return fault;
}

static void tell(const struct application *a, const struct request_policy *r) {
    const struct cache_policy *c = &r->cache;
    char verified[32], given[32];
    if (c->semantic.ttl <= 0 || c->semantic.least_ppm > 0) return;
    snprintf(verified, sizeof verified, "%.6f", a->cache_verified_ppm / 1e6);
    snprintf(given, sizeof given, "%.6f", c->semantic.threshold);
    if (a->cache_verified_ppm > 0)
        log_event(LOG_WARN, "the semantic cache is off: its threshold is below the verified one",
                  "application", a->name, "request_type", r->request_type ? r->request_type : "", "threshold",
                  given, "verified", verified, NULL);
    else
        log_event(LOG_WARN,
                  "the semantic cache is off: no calibration has verified a threshold; run quarterdeck cost "
                  "cache-calibrate",
                  "application", a->name, "request_type", r->request_type ? r->request_type : "", NULL);
}

void wire_cache_tell(const struct policy *p) {
    for (unsigned i = 0; i < p->n_applications; i++) {
        const struct application *a = &p->applications[i];
        tell(a, &a->requests);
        for (unsigned t = 0; t < a->n_request_types; t++)
            if (a->request_types[t].cache.semantic.ttl != a->requests.cache.semantic.ttl ||
                a->request_types[t].cache.semantic.least_ppm != a->requests.cache.semantic.least_ppm)
                tell(a, &a->request_types[t]);
    }
}
