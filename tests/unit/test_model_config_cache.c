/* What the configuration says of the exact cache. */
#include "test_model_config_rig.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_off_unless_declared(void **state) {
    char problems[1024];
    struct policy *p = read("applications: {a: {}}\n", problems, sizeof problems);
    (void)state;
    assert_string_equal(problems, "");
    assert_int_equal(p->server.cache.max_bytes, 64 << 20);
    assert_int_equal(p->applications[0].requests.cache.ttl, 0);
    assert_false(p->applications[0].requests.cache.per_user);
    policy_drop(p);
}

static void test_request_types_differ(void **state) {
    char problems[1024];
    struct policy *p = read("cache: {max_bytes: 1GiB}\n"
                            "applications:\n"
                            "  a:\n"
                            "    cache: {exact: {ttl: 1h, per_user: true}}\n"
                            "    request_types:\n"
                            "      live: {cache: {exact: {ttl: 0s}}}\n"
                            "      shared: {cache: {exact: {ttl: 7d, per_user: false}}}\n"
                            "      capped: {max_output_tokens: 50}\n",
                            problems, sizeof problems);
    (void)state;
    assert_string_equal(problems, "");
    assert_int_equal(p->server.cache.max_bytes, 1 << 30);
    const struct application *a = &p->applications[0];
    const struct cache_policy *live = &policy_requests(a, SLICE("live"))->cache,
                              *shared = &policy_requests(a, SLICE("shared"))->cache,
                              *capped = &policy_requests(a, SLICE("capped"))->cache,
                              *own = &policy_requests(a, SLICE("x"))->cache;
    assert_true(live->ttl == 0 && live->per_user);
    assert_true(shared->ttl == 7 * 86400000000LL && !shared->per_user);
    assert_true(capped->ttl == 3600000000LL && capped->per_user);
    assert_true(own->ttl == 3600000000LL && own->per_user);
    policy_drop(p);
}

static void test_problems(void **state) {
    char problems[2048];
    (void)state;
    assert_null(read("cache: {max_bytes: 1MiB}\n"
                     "applications: {a: {cache: {exact: {ttl: soon, tll: 1h, per_user: maybe}}}}\n",
                     problems, sizeof problems));
    assert_string_equal(
        problems,
        "q.yaml:1:20: cache.max_bytes: expected a size such as 64KiB or 32MiB, from 16MiB to 64GiB, found "
        "`1MiB`\n"
        "q.yaml:2:41: applications.a.cache.exact.ttl: expected a duration such as 250ms, 30s or 2m, from 0s "
        "to 366d, found `soon`\n"
        "q.yaml:2:47: applications.a.cache.exact.tll: unknown key; did you mean `ttl`?\n"
        "q.yaml:2:66: applications.a.cache.exact.per_user: expected true or false, found `maybe`\n");
}

static void test_semantic_is_off_until_verified(void **state) {
    char problems[1024];
    struct policy *p = read("applications:\n"
                            "  a:\n"
                            "    cache: {semantic: {ttl: 1h, per_user: true}}\n"
                            "    request_types:\n"
                            "      above: {cache: {semantic: {threshold: 0.95}}}\n"
                            "      below: {cache: {semantic: {threshold: 0.85, per_user: false}}}\n"
                            "  b: {cache: {semantic: {ttl: 1h, threshold: 0.99}}}\n",
                            problems, sizeof problems);
    const struct application *a = &p->applications[0];
    (void)state;
    assert_string_equal(problems, "");
    assert_int_equal(a->requests.cache.ttl, 0);
    assert_int_equal(a->requests.cache.semantic.ttl, 3600000000LL);
    assert_int_equal(a->requests.cache.semantic.least_ppm, 0);
    assert_int_equal(policy_caches_off(p), 4);
    policy_verify_cache(p, SLICE("unknown"), 900000);
    policy_verify_cache(p, SLICE("a"), 0);
    assert_int_equal(a->requests.cache.semantic.least_ppm, 0);
    policy_verify_cache(p, SLICE("a"), 900000);
    assert_int_equal(a->requests.cache.semantic.least_ppm, 900000);
    assert_int_equal(policy_requests(a, SLICE("above"))->cache.semantic.least_ppm, 950000);
    assert_int_equal(policy_requests(a, SLICE("below"))->cache.semantic.least_ppm, 0);
    assert_true(policy_requests(a, SLICE("above"))->cache.semantic.per_user);
    assert_false(policy_requests(a, SLICE("below"))->cache.semantic.per_user);
    assert_int_equal(p->applications[1].requests.cache.semantic.least_ppm, 0); /* another's */
    assert_int_equal(policy_caches_off(p), 2);
    policy_drop(p);
    p = read("applications: {a: {cache: {semantic: {ttl: 1h, threshold: 1.5}}}}\n", problems, sizeof problems);
    assert_null(p);
    assert_non_null(strstr(problems, "cache.semantic.threshold: expected a number from 0 to 1, found `1.5`"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_semantic_is_off_until_verified),
        cmocka_unit_test(test_off_unless_declared),
                                       cmocka_unit_test(test_request_types_differ),
                                       cmocka_unit_test(test_problems)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
