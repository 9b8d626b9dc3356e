/* Weighted routing: in proportion, and sticky by session. */
#include "base/digest.h"
#include "base/mem.h"
#include "gateway/exchange.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct policy policy;
    struct binding binding;
    struct target targets[3];
    struct model_route model;
    struct application application;
    struct api_key key;
    struct gateway gateway;
    struct exchange *x;
};

static struct fixture *fixture(void) {
    static struct provider provider = {.name = "p"};
    static const char *const keys[] = {"p/a", "p/b", "p/c"};
    static const uint32_t weights[] = {70, 20, 10};
    struct fixture *f = mem_new(struct fixture);
    for (unsigned i = 0; i < 3; i++)
        f->targets[i] = (struct target){.provider = &provider, .model = keys[i] + 2, .health_key = keys[i], .index = i, .weight = weights[i]};
    f->model = (struct model_route){.name = "m", .targets = f->targets, .n_targets = 3, .weighted = true};
    f->application = (struct application){.name = "app", .all_models = true};
    f->key = (struct api_key){.name = "k", .application = &f->application};
    table_init(&f->policy.model_by_name);
    table_put(&f->policy.model_by_name, SLICE("m"), &f->model);
    f->binding.policy = &f->policy;
    f->x = mem_new(struct exchange);
    f->x->gateway = &f->gateway;
    f->x->binding = &f->binding;
    f->x->key = &f->key;
    f->x->call.model = SLICE("m");
    f->x->record.application = SLICE("app");
    return f;
}

static void drop(struct fixture *f) {
    table_deinit(&f->policy.model_by_name);
    mem_free(f->x);
    mem_free(f);
}

static const struct target *first(struct fixture *f) {
    struct error error;
    assert_int_equal(resolve(f->x, &error), FAULT_NONE);
    assert_int_equal(f->x->n_order, 3);
    return f->x->order[0];
}

static void shares_follow_weights(void **state) {
    (void)state;
    struct fixture *f = fixture();
    const int n = 20000;
    int counts[3] = {0};
    for (int i = 0; i < n; i++) {
        char session[32];
        snprintf(session, sizeof session, "session-%d", i);
        f->x->record.session = slice_of(session);
        counts[first(f)->index]++;
    }
    const double expected[] = {0.7, 0.2, 0.1};
    for (int i = 0; i < 3; i++) { /* within five standard errors: sessions are fixed, so this never flickers */
        double p = expected[i], error = 5 * sqrt(p * (1 - p) / n);
        assert_true(fabs((double)counts[i] / n - p) < error);
    }
    drop(f);
}

static void a_session_stays(void **state) {
    (void)state;
    struct fixture *f = fixture();
    f->x->record.session = SLICE("anna");
    const struct target *t = first(f);
    for (int i = 0; i < 50; i++) {
        digest_random(f->x->record.id.bytes, sizeof f->x->record.id.bytes);
        assert_ptr_equal(first(f), t);
    }
    /* taking another target away does not move it */
    for (unsigned i = 0; i < 3; i++)
        if (&f->targets[i] != t) f->targets[i].weight = 0;
    assert_ptr_equal(first(f), t);
    drop(f);
}

static void order_of_the_file_without_weights(void **state) {
    (void)state;
    struct fixture *f = fixture();
    f->model.weighted = false;
    for (int i = 0; i < 10; i++) assert_int_equal(first(f)->index, 0);
    drop(f);
}

static void unknown_and_forbidden(void **state) {
    (void)state;
    struct fixture *f = fixture();
    struct error error;
    f->x->call.model = SLICE("nope");
    assert_int_equal(resolve(f->x, &error), FAULT_NO_SUCH_MODEL);
    f->x->call.model = SLICE("m");
    f->application.all_models = false;
    assert_int_equal(resolve(f->x, &error), FAULT_FORBIDDEN);
    drop(f);
}

/* Another model answers, with all that is its own; what the application may use and what is configured still holds. */
static void a_held_model_is_answered_by_another(void **state) {
    (void)state;
    struct fixture *f = fixture();
    struct error error;
    struct target pinned = {.provider = f->targets[0].provider, .model = "pinned", .health_key = "p/pinned"};
    struct model_route other = {.name = "other", .targets = &pinned, .n_targets = 1};
    struct held_model held[] = {{SLICE("somebody"), SLICE("m")}, {SLICE("m"), SLICE("other")}, {SLICE("other"), SLICE("m")}};
    struct deployments *d = deployments_new();
    (void)table_put(&f->policy.model_by_name, SLICE("other"), &other);
    f->gateway.deployments = d;
    assert_string_equal(first(f)->provider->name, "p"); /* nothing is held */
    d->held = held;
    d->n_held = 3;
    assert_int_equal(resolve(f->x, &error), FAULT_NONE);
    assert_ptr_equal(f->x->model, &other); /* one step, though the other is held, too */
    assert_int_equal(f->x->n_order, 1);
    assert_ptr_equal(f->x->order[0], &pinned);
    assert_true(slice_is(f->x->call.model, "m"));
    f->x->unheld = true; /* the suite that is run for the version that waits */
    f->x->record.feature = SLICE("eval-judge");
    assert_int_equal(resolve(f->x, &error), FAULT_NONE);
    assert_ptr_equal(f->x->model, &other);
    f->x->record.feature = SLICE("eval");
    assert_string_equal(first(f)->provider->name, "p");
    assert_ptr_equal(f->x->model, &f->model);
    f->x->unheld = false;
    held[1].to = SLICE("gone");
    assert_int_equal(resolve(f->x, &error), FAULT_NO_SUCH_MODEL);
    assert_non_null(strstr(error.text, "held to `gone`"));
    held[1].to = SLICE("other");
    const struct model_route *allowed[] = {&f->model};
    f->application.all_models = false;
    f->application.models = allowed;
    f->application.n_models = 1;
    assert_int_equal(resolve(f->x, &error), FAULT_FORBIDDEN);
    assert_non_null(strstr(error.text, "held to `other`"));
    d->n_held = 0;
    deployments_drop(d);
    drop(f);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_follow_weights),
        cmocka_unit_test(a_session_stays),
        cmocka_unit_test(order_of_the_file_without_weights),
        cmocka_unit_test(unknown_and_forbidden),
        cmocka_unit_test(a_held_model_is_answered_by_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
