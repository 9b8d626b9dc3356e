#include "gateway/exchange.h"

#include "base/mem.h"

struct binding *binding_new(struct gateway *g, struct policy *p) {
    struct binding *b = mem_new(struct binding);
    b->references = 1;
    b->policy = policy_hold(p);
    b->targets = mem_new_array(struct bound_target, p->n_targets + 1);
    for (unsigned m = 0; m < p->n_models; m++)
        for (unsigned t = 0; t < p->models[m].n_targets; t++) {
            const struct target *target = &p->models[m].targets[t];
            b->targets[target->index].health = health_of(g->shared->health, target->health_key);
        }
    return b;
}

void binding_drop(struct binding *b) {
    if (!b || --b->references > 0) return;
    for (unsigned t = 0; t < b->policy->n_targets; t++)
        for (unsigned e = 0; e < ENDPOINT_COUNT; e++) http_route_free(b->targets[t].routes[e]);
    policy_drop(b->policy);
    mem_free(b->targets);
    mem_free(b);
}

struct http_route *binding_route(struct gateway *g, struct binding *b, const struct target *t, enum endpoint e, struct error *error) {
    struct http_route **slot = &b->targets[t->index].routes[e];
    if (*slot) return *slot;

    struct arena arena;
    arena_init(&arena, 1024, 64 << 10);
    struct upstream_address address = {0};
    dialect_of(t->provider->dialect)->address(t->provider, e, t->model, &arena, &address);

    const char *headers[64];
    unsigned n = 0;
    for (unsigned i = 0; address.headers[i] && n < 60; i++) headers[n++] = address.headers[i];
    for (unsigned i = 0; t->provider->headers && t->provider->headers[i] && n < 60; i++)
        headers[n++] = t->provider->headers[i];
    headers[n++] = "content-type: application/json";
    headers[n] = NULL;

    int64_t connect = 0;
    for (unsigned m = 0; m < b->policy->n_models; m++) {
        const struct model_route *route = &b->policy->models[m];
        if (t >= route->targets && t < route->targets + route->n_targets) connect = route->timeouts.connect;
    }
    *slot = http_route_new(g->client,
                           &(struct http_route_options){.url = arena_text(&arena, address.url),
                                                        .method = "POST",
                                                        .headers = headers,
                                                        .connect_timeout_us = connect,
                                                        .proxy = t->provider->proxy,
                                                        .ca_file = t->provider->ca_file,
                                                        .http2 = t->provider->http2},
                           error);
    arena_deinit(&arena);
    return *slot;
}
