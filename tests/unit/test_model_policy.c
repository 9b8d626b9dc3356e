#include "model/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_references(void **state) {
    (void)state;
    struct policy *p = policy_new();
    assert_int_equal(p->references, 1);
    assert_non_null(arena_text(&p->arena, SLICE("kept")));
    table_put(&p->model_by_name, SLICE("m"), p);
    assert_ptr_equal(policy_hold(p), p);
    policy_drop(p);
    assert_int_equal(p->references, 1);
    assert_ptr_equal(table_get(&p->model_by_name, SLICE("m")), p);
    policy_drop(p); /* the sanitizers see whether all is released */
    policy_drop(NULL);
}

static void test_dialects(void **state) {
    (void)state;
    for (unsigned i = 0; i < DIALECT_COUNT; i++) {
        enum dialect_id id = DIALECT_COUNT;
        assert_true(dialect_from_name(slice_of(dialect_name((enum dialect_id)i)), &id));
        assert_int_equal(id, i);
    }
    enum dialect_id id = DIALECT_AZURE;
    assert_false(dialect_from_name(SLICE("OpenAI"), &id));
    assert_int_equal(id, DIALECT_AZURE);
    assert_string_equal(dialect_name(DIALECT_COUNT), "unknown");
}

static void test_allows(void **state) {
    (void)state;
    struct model_route a = {.name = "a"}, b = {.name = "b"};
    const struct model_route *some[] = {&a};
    struct application app = {.models = some, .n_models = 1};
    assert_true(policy_allows(&app, &a));
    assert_false(policy_allows(&app, &b));
    app.all_models = true;
    assert_true(policy_allows(&app, &b));
}

static void test_prices_as(void **state) {
    (void)state;
    struct arena arena;
    struct price_list *list;
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(price_list_new(&arena, NULL, NULL, 0, &list, NULL), FAULT_NONE);
    struct provider p = {.name = "local", .dialect = DIALECT_OPENAI};
    assert_string_equal(policy_prices_as(&p, list), "openai"); /* by dialect */
    p.name = "groq";
    assert_string_equal(policy_prices_as(&p, list), "groq"); /* by name */
    p.prices_as = "mistral";
    assert_string_equal(policy_prices_as(&p, list), "mistral"); /* as told */
    assert_string_equal(policy_prices_as(&p, NULL), "mistral");
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_allows),
        cmocka_unit_test(test_prices_as),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
