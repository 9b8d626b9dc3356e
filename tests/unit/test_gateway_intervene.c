/* Actions in force where an exchange meets them: who is asked last, first, or not at all; who may ask; what is given again. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "gateway/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MOST 4

struct fixture {
    struct policy policy;
    struct binding binding;
    struct target targets[4], other_target;
    struct tiering tiering;
    struct model_route model, other;
    struct application application;
    struct api_key key;
    struct gateway gateway;
    struct deployments *d;
    struct exchange *x;
    char order[64];
};

static struct fixture *fixture(void) {
    static struct provider providers[] = {{.name = "eu"}, {.name = "us"}};
    static const char *const keys[] = {"eu/a", "eu/b", "us/a", "us/c"};
    struct fixture *f = mem_new(struct fixture);
    for (unsigned i = 0; i < 4; i++)
        f->targets[i] = (struct target){.provider = &providers[i / 2], .model = keys[i] + 3, .health_key = keys[i], .index = i, .weight = 1};
    f->other_target = (struct target){.provider = &providers[1], .model = "z", .health_key = "us/z", .index = 4};
    f->model = (struct model_route){.name = "chat", .targets = f->targets, .n_targets = 4};
    f->other = (struct model_route){.name = "spare", .targets = &f->other_target, .n_targets = 1};
    f->application = (struct application){.name = "app", .all_models = true};
    f->key = (struct api_key){.name = "ci", .application = &f->application};
    table_init(&f->policy.model_by_name);
    (void)table_put(&f->policy.model_by_name, SLICE("chat"), &f->model);
    (void)table_put(&f->policy.model_by_name, SLICE("spare"), &f->other);
    f->binding.policy = &f->policy;
    f->d = deployments_new();
    f->d->interventions = arena_new_array(&f->d->arena, struct intervention, MOST);
    f->gateway.deployments = f->d;
    f->gateway.metrics = NULL;
    f->x = mem_new(struct exchange);
    f->x->gateway = &f->gateway;
    f->x->binding = &f->binding;
    f->x->key = &f->key;
    f->x->call.model = SLICE("chat");
    f->x->record.application = SLICE("app");
    f->x->record.time_us = 1000;
    return f;
}

static void drop(struct fixture *f) {
    deployments_drop(f->d);
    table_deinit(&f->policy.model_by_name);
    mem_free(f->x);
    mem_free(f);
}

static struct intervention *put(struct fixture *f, struct intervention i) {
    struct intervention *at = &f->d->interventions[f->d->n_interventions++];
    *at = i;
    at->number = f->d->n_interventions;
    deployments_arrange(f->d);
    return at;
}

static void clear(struct fixture *f) {
    f->d->n_interventions = 0;
    deployments_arrange(f->d);
}

/* "eu/a eu/b us/a us/c" */
static const char *order(struct fixture *f) {
    struct error error;
    size_t n = 0;
    f->x->stands_in = 0;
    f->x->model = NULL;
    f->x->tier = NULL;
    f->x->retry_after_us = -1;
    assert_int_equal(resolve(f->x, &error), FAULT_NONE);
    f->order[0] = 0;
    for (unsigned i = 0; i < f->x->n_order; i++) n += (size_t)snprintf(f->order + n, sizeof f->order - n, "%s%s", i ? " " : "", f->x->order[i]->health_key);
    return f->order;
}

#define FAIL_OVER(...) ((struct intervention){.spec = {.kind = INTERVENTION_FAIL_OVER, .model = SLICE("chat"), __VA_ARGS__}})

static void the_first_is_asked_last(void **state) {
    (void)state;
    struct fixture *f = fixture();
    assert_string_equal(order(f), "eu/a eu/b us/a us/c");
    put(f, FAIL_OVER(.from = SLICE_NULL));
    assert_string_equal(order(f), "eu/b us/a us/c eu/a");
    f->d->interventions[0].until_us = f->x->record.time_us; /* its time is over, though nobody told the loops */
    assert_string_equal(order(f), "eu/a eu/b us/a us/c");
    clear(f);
    put(f, FAIL_OVER(.from = SLICE("eu")));
    assert_string_equal(order(f), "us/a us/c eu/a eu/b");
    clear(f);
    put(f, FAIL_OVER(.from = SLICE("us/a"), .to = SLICE("us/c")));
    assert_string_equal(order(f), "us/c eu/a eu/b us/a");
    put(f, FAIL_OVER(.from = SLICE("eu/b"))); /* and one more, after the first */
    assert_string_equal(order(f), "us/c eu/a us/a eu/b");
    clear(f);
    put(f, FAIL_OVER(.from = SLICE("gone"), .to = SLICE("gone"))); /* the file changed since */
    assert_string_equal(order(f), "eu/a eu/b us/a us/c");
    f->x->call.model = SLICE("spare"); /* another model's action is not its own */
    put(f, FAIL_OVER(.from = SLICE("us")));
    assert_string_equal(order(f), "us/z");
    drop(f);
}

static void a_share_comes_back(void **state) {
    (void)state;
    struct fixture *f = fixture();
    struct intervention *i = put(f, FAIL_OVER(.from = SLICE("eu/a")));
    static const uint32_t shares[] = {0, 10000, 100000, 500000, 1000000};
    enum { N = 20000 };
    static bool was[N];
    for (unsigned s = 0; s < sizeof shares / sizeof *shares; s++) {
        int back = 0;
        i->share_ppm = shares[s];
        for (int n = 0; n < N; n++) {
            memcpy(f->x->record.id.bytes, &n, sizeof n);
            bool is = strncmp(order(f), "eu/a", 4) == 0;
            if (s > 0) assert_true(is || !was[n]); /* who is back stays back in the next step */
            was[n] = is;
            back += is;
        }
        double p = shares[s] / 1e6, most = 5 * 0.5 / 141; /* five standard errors, at the most */
        assert_true((double)back / N >= p - most && (double)back / N <= p + most);
        if (p == 0 || p == 1) assert_int_equal(back, p * N);
    }
    i->share_ppm = 500000; /* a session is on one side */
    f->x->record.session = SLICE("anna");
    bool anna = strncmp(order(f), "eu/a", 4) == 0;
    for (int n = 0; n < 50; n++) {
        digest_random(f->x->record.id.bytes, sizeof f->x->record.id.bytes);
        assert_int_equal(strncmp(order(f), "eu/a", 4) == 0, anna);
    }
    drop(f);
}

static void sessions_elsewhere_stay(void **state) {
    (void)state;
    struct fixture *f = fixture();
    char session[32], before[64];
    f->model.weighted = true;
    for (int n = 0; n < 200; n++) {
        snprintf(session, sizeof session, "session-%d", n);
        f->x->record.session = slice_of(session);
        clear(f);
        snprintf(before, sizeof before, "%s", order(f));
        put(f, FAIL_OVER(.from = SLICE("us/a")));
        const char *after = order(f);
        if (strncmp(before, "us/a", 4) != 0) assert_memory_equal(before, after, 4);
        else assert_memory_equal(before + 5, after, 4); /* its next one */
        assert_string_equal(after + 15, "us/a");
    }
    drop(f);
}

static void another_model_takes_it(void **state) {
    (void)state;
    struct fixture *f = fixture();
    struct held_model held = {SLICE("chat"), SLICE("chat2")};
    struct intervention *i = put(f, FAIL_OVER(.from = SLICE("eu/a"), .to = SLICE("spare")));
    assert_string_equal(order(f), "us/z");
    assert_ptr_equal(f->x->model, &f->other);
    f->d->held = &held; /* a hold is not followed beside it: one step */
    f->d->n_held = 1;
    assert_string_equal(order(f), "us/z");
    f->d->n_held = 0;
    i->share_ppm = 1000000;
    assert_string_equal(order(f), "eu/a eu/b us/a us/c");
    assert_ptr_equal(f->x->model, &f->model);
    i->share_ppm = 0;
    const struct model_route *allowed[] = {&f->model};
    f->application.all_models = false;
    f->application.models = allowed;
    f->application.n_models = 1;
    assert_string_equal(order(f), "eu/b us/a us/c eu/a"); /* it may not use the other: its own, the primary last */
    f->application.all_models = true;
    f->x->unheld = true; /* who examines the model itself gets it itself */
    assert_ptr_equal((order(f), f->x->model), &f->model);
    f->x->unheld = false;
    i->spec.to = SLICE("eu"); /* a model may have a provider's name: the target is meant */
    (void)table_put(&f->policy.model_by_name, SLICE("eu"), &f->other);
    i->spec.from = SLICE("eu/a");
    assert_string_equal(order(f), "eu/b us/a us/c eu/a");
    drop(f);
}

static void tiers_go_down(void **state) {
    (void)state;
    struct fixture *f = fixture();
    struct metric_set *metrics = metric_set_new();
    f->gateway.metrics = metric_shard_new(metrics);
    f->tiering = (struct tiering){.tiers = {{"small", 0, 1, false}, {"middle", 1, 2, false}, {"large", 3, 1, false}}, .n_tiers = 3};
    f->model.tiering = &f->tiering;
    assert_string_equal(order(f), "us/c"); /* in shadow: the most capable one */
    struct intervention *i = put(f, (struct intervention){.spec = {.kind = INTERVENTION_ROUTE_DOWN, .model = SLICE("chat")}});
    assert_string_equal(order(f), "eu/a eu/b us/a us/c");
    assert_true(slice_is(f->x->record.tier, "small"));
    assert_true(f->x->record.tier_applied);
    i->spec.tier = SLICE("middle");
    assert_string_equal(order(f), "eu/b us/a us/c");
    f->tiering.on = true; /* the rules choose a cheaper one: it is never dearer by an action */
    f->tiering.rules = &(struct tier_rule){-1, -1, -1, -1, -1, -1, NULL, NULL, 0};
    f->tiering.n_rules = 1;
    assert_string_equal(order(f), "eu/a eu/b us/a us/c");
    put(f, FAIL_OVER(.from = SLICE_NULL)); /* the first of the tier goes behind all that may serve */
    assert_string_equal(order(f), "eu/b us/a us/c eu/a");
    clear(f);
    f->tiering.on = false;
    put(f, FAIL_OVER(.from = SLICE("us/c")));
    assert_string_equal(order(f), "us/c"); /* it has nothing behind it, */
    f->d->interventions[0].spec.to = SLICE("us/a");
    assert_string_equal(order(f), "us/a us/c"); /* unless another tier's is named */
    metric_set_free(metrics);
    drop(f);
}

static void breakers_are_forced(void **state) {
    (void)state;
    struct fixture *f = fixture();
    int64_t in = -1;
    struct intervention *open, *closed = put(f, (struct intervention){.spec = {.kind = INTERVENTION_CLOSE_BREAKER, .provider = SLICE("eu")}});
    (void)order(f);
    assert_int_equal(intervene_breaker(f->x, &f->targets[0], &in), BREAKER_FORCED_CLOSED);
    assert_int_equal(intervene_breaker(f->x, &f->targets[2], &in), BREAKER_FREE);
    open = put(f, (struct intervention){.spec = {.kind = INTERVENTION_OPEN_BREAKER, .provider = SLICE("eu"), .upstream_model = SLICE("a")}});
    (void)closed;
    open = (struct intervention *)deployments_of_kind(f->d, INTERVENTION_OPEN_BREAKER, &(unsigned){0});
    assert_int_equal(intervene_breaker(f->x, &f->targets[0], &in), BREAKER_FORCED_OPEN); /* both: the safer one */
    assert_true(in > 0);
    assert_int_equal(intervene_breaker(f->x, &f->targets[1], &in), BREAKER_FORCED_CLOSED);
    open->until_us = clock_wall_us() + 5000000;
    assert_int_equal(intervene_breaker(f->x, &f->targets[0], &in), BREAKER_FORCED_OPEN);
    assert_in_range(in, 1, 5000000);
    open->until_us = clock_wall_us() - 1; /* of now, not of when the exchange began */
    assert_int_equal(intervene_breaker(f->x, &f->targets[0], &in), BREAKER_FORCED_CLOSED);
    drop(f);
}

static void keys_are_frozen(void **state) {
    (void)state;
    struct fixture *f = fixture();
    struct error error;
    struct intervention *i = put(f, (struct intervention){.spec = {.kind = INTERVENTION_FREEZE, .application = SLICE("app"), .key = SLICE("ci")}});
    assert_int_equal(intervene_key(&f->gateway, &f->key, &error), FAULT_KEY_FROZEN);
    assert_non_null(strstr(error.text, "action 1"));
    f->key.name = "prod";
    assert_int_equal(intervene_key(&f->gateway, &f->key, &error), FAULT_NONE);
    f->key.name = "ci";
    f->application.name = "app2"; /* a namesake */
    assert_int_equal(intervene_key(&f->gateway, &f->key, &error), FAULT_NONE);
    f->application.name = "app";
    i->until_us = 1;
    assert_int_equal(intervene_key(&f->gateway, &f->key, &error), FAULT_NONE);
    drop(f);
}

static void a_model_stands_in(void **state) {
    (void)state;
    struct fixture *f = fixture();
    put(f, (struct intervention){.spec = {.kind = INTERVENTION_DEGRADE, .model = SLICE("chat")}});
    put(f, FAIL_OVER(.from = SLICE_NULL, .to = SLICE("spare")));
    (void)order(f);
    assert_true(f->x->stands_in > 0);
    assert_ptr_equal(f->x->model, &f->model); /* its own stand-in, not the other's */
    assert_true(f->x->retry_after_us > 0);
    f->x->call.model = SLICE("spare");
    (void)order(f);
    assert_int_equal(f->x->stands_in, 0);
    drop(f);
}

static void answers_are_quarantined(void **state) {
    (void)state;
    struct fixture *f = fixture();
    char id[RECORD_ID_TEXT], other[RECORD_ID_TEXT];
    struct answer_origin o;
    struct record *r = &f->x->record;
    struct record_id another;
    (void)order(f);
    f->x->begin_us = 1000;
    r->time_us = 999999; /* the wall was ahead, and was set right since */
    r->model = SLICE("chat");
    r->prompt_name = SLICE("greeting");
    r->prompt_version = SLICE("3");
    record_id_new(&r->id, r->time_us);
    record_id_new(&another, r->time_us);
    record_id_format(&r->id, id);
    record_id_format(&another, other);
    cache_origin(f->x, &o);
    const struct {
        struct intervention_spec s;
        int64_t since_us;
        bool is;
    } cases[] = {
        {{.application = SLICE("app")}, 1000, true},
        {{.application = SLICE("app")}, 999, false}, /* asked later */
        {{.application = SLICE("app2")}, 2000, false},
        {{.application = SLICE("app"), .model = SLICE("chat")}, 2000, true},
        {{.application = SLICE("app"), .model = SLICE("spare")}, 2000, false},
        {{.application = SLICE("app"), .prompt = SLICE("greeting")}, 2000, true},
        {{.application = SLICE("app"), .prompt = SLICE("greeting@3")}, 2000, true},
        {{.application = SLICE("app"), .prompt = SLICE("greeting@4")}, 2000, false},
        {{.application = SLICE("app"), .model = SLICE("chat"), .prompt = SLICE("bye")}, 2000, false},
        {{.application = SLICE("app"), .record = slice_of(id)}, 0, true},
        {{.application = SLICE("app"), .record = slice_of(other)}, 2000, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        clear(f);
        struct intervention *q = put(f, (struct intervention){.spec = cases[i].s, .since_us = cases[i].since_us});
        q->spec.kind = INTERVENTION_QUARANTINE;
        deployments_arrange(f->d);
        assert_int_equal(intervene_quarantined(&f->gateway, SLICE("app"), &o), cases[i].is);
        q->until_us = 1;
        assert_false(intervene_quarantined(&f->gateway, SLICE("app"), &o));
    }
    f->x->model = &f->other; /* asked as chat, answered by spare: quarantined under both names */
    cache_origin(f->x, &o);
    clear(f);
    put(f, (struct intervention){.spec = {.kind = INTERVENTION_QUARANTINE, .application = SLICE("app"), .model = SLICE("spare")}, .since_us = 2000});
    assert_true(intervene_quarantined(&f->gateway, SLICE("app"), &o));
    drop(f);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_asked_last), cmocka_unit_test(a_share_comes_back),      cmocka_unit_test(sessions_elsewhere_stay),
        cmocka_unit_test(another_model_takes_it),  cmocka_unit_test(tiers_go_down),           cmocka_unit_test(breakers_are_forced),
        cmocka_unit_test(keys_are_frozen),         cmocka_unit_test(a_model_stands_in),       cmocka_unit_test(answers_are_quarantined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
