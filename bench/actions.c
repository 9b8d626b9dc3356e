/* actions - what actions in force add to an exchange that none of them is about: everything that gateway/intervene.c is asked on its way.
 *
 *   actions [SECONDS]    CPU nanoseconds with 0, 20 and 200 actions of the kinds that are asked of every exchange */
#include "common.h"

#include "base/digest.h"
#include "base/mem.h"
#include "gateway/exchange.h"

enum { BATCH = 2000, MOST = 200 };

static const struct provider provider = {.name = "bench"};
static struct target targets[] = {{.provider = &provider, .model = "a", .health_key = "bench/a"}, {.provider = &provider, .model = "b", .health_key = "bench/b", .index = 1}};
static struct model_route model = {.name = "bench", .targets = targets, .n_targets = 2};
static const struct application application = {.name = "bench", .all_models = true};
static const struct api_key key = {.name = "bench", .application = &application};

static struct deployments *in_force(unsigned n) {
    static const enum intervention_kind kinds[] = {INTERVENTION_FREEZE, INTERVENTION_FAIL_OVER, INTERVENTION_THROTTLE, INTERVENTION_OPEN_BREAKER};
    struct deployments *d = deployments_new();
    d->interventions = arena_new_array(&d->arena, struct intervention, MOST);
    for (unsigned i = 0; i < n; i++) {
        struct slice spare = arena_printf(&d->arena, "spar%u", i % 10); /* as long as what it is compared with */
        struct intervention *a = &d->interventions[d->n_interventions++];
        *a = (struct intervention){.number = i + 1, .spec = {.kind = kinds[i % 4]}};
        if (a->spec.kind == INTERVENTION_FAIL_OVER) a->spec.model = a->spec.from = spare;
        else if (a->spec.kind == INTERVENTION_OPEN_BREAKER) a->spec.provider = spare;
        else a->spec.application = slice_of("bench"), a->spec.key = spare;
        if (a->spec.kind == INTERVENTION_THROTTLE) a->throttle = throttle_new();
    }
    deployments_arrange(d);
    return d;
}

/* As gateway.c, exchange.c, resolve.c and route.c ask. */
static unsigned ask(struct exchange *x) {
    struct gateway *g = x->gateway;
    struct model_route *m = &model;
    struct error error;
    int64_t in;
    unsigned found = 0;
    if (gateway_intervenes(g)) found += intervene_key(g, &key, &error) != FAULT_NONE;
    if (gateway_intervenes(g)) found += intervene_key(g, &key, &error) != FAULT_NONE;
    if (gateway_intervenes(g)) intervene_model(x, &m);
    if (gateway_intervenes(g)) intervene_order(x);
    if (gateway_intervenes(g)) found += intervene_throttled(x);
    if (gateway_intervenes(g)) found += intervene_breaker(x, x->order[0], &in) != BREAKER_FREE;
    return found + (m != &model);
}

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure(unsigned n, double seconds) {
    struct policy *p = policy_new();
    struct binding binding = {.policy = p};
    struct gateway *g = mem_new(struct gateway);
    struct exchange *x = mem_new(struct exchange);
    struct deployments *d = in_force(n);
    uint64_t rounds = 0, used = 0, begun = now_ns();
    unsigned found = 0;
    (void)table_put(&p->model_by_name, slice_of(model.name), &model);
    g->deployments = d;
    *x = (struct exchange){.gateway = g, .binding = &binding, .key = &key, .model = &model, .call.model = slice_of(model.name), .order = {&targets[0], &targets[1]}, .n_order = 2};
    x->record.application = slice_of(application.name);
    while (now_ns() - begun < (uint64_t)(seconds * 1e9)) {
        uint64_t a = cpu_ns();
        for (unsigned i = 0; i < BATCH; i++) found += ask(x);
        used += cpu_ns() - a;
        rounds += BATCH;
    }
    printf("{\"actions\":%u,\"rounds\":%llu,\"ns\":%.1f,\"found\":%u}\n", n, (unsigned long long)rounds, (double)used / (double)rounds, found);
    deployments_drop(d);
    policy_drop(p);
    mem_free(x);
    mem_free(g);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
    if (!digest_start()) return 3;
    measure(0, seconds);
    measure(20, seconds);
    measure(MOST, seconds);
    return 0;
}
