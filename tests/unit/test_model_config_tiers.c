/* What the configuration says of models with tiers. */
#include "test_model_config_rig.h"
#include "model/tiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MODELS                                                                                  \
    "providers: {p: {dialect: openai, base_url: http://h}}\nmodels:\n"                          \
    "  smart:\n"                                                                                \
    "    tiers: [small, large]\n"                                                               \
    "    tier_fallback: any\n"                                                                  \
    "    rules:\n"                                                                              \
    "      - {when: {has_code: true, min_turns: 2}, tier: large}\n"                             \
    "      - {when: {max_input_chars: 500, has_tools: false, request_type: chat}, tier: small}\n" \
    "  small: {targets: [{provider: p, model: a, weight: 1}, {provider: p, model: b, weight: 3}]}\n" \
    "  large: {targets: [{provider: p, model: c}]}\n"

static void tiers_lend_their_targets(void **state) {
    char problems[1024];
    struct policy *p = read(MODELS, problems, sizeof problems);
    (void)state;
    assert_string_equal(problems, "");
    const struct model_route *m = table_get(&p->model_by_name, SLICE("smart"));
    const struct tiering *t = m->tiering;
    assert_int_equal(m->n_targets, 3);
    assert_int_equal(p->n_targets, 6);
    assert_string_equal(m->targets[1].health_key, "p/b");
    assert_int_equal(m->targets[1].weight, 3);
    bool seen[6] = {false}; /* every target has an index of its own */
    for (unsigned i = 0; i < p->n_models; i++)
        for (unsigned k = 0; k < p->models[i].n_targets; k++) {
            assert_false(seen[p->models[i].targets[k].index]);
            seen[p->models[i].targets[k].index] = true;
        }
    assert_true(t->n_tiers == 2 && t->fall_back_any && !t->on && !t->weights && !m->weighted);
    assert_true(t->tiers[0].weighted && t->tiers[0].n == 2 && t->tiers[1].first == 2 && !t->tiers[1].weighted);
    assert_int_equal(t->n_rules, 2);
    assert_true(t->rules[0].has_code == 1 && t->rules[0].min_turns == 2 && t->rules[0].has_tools == -1 && t->rules[0].tier == 1);
    assert_true(t->rules[1].has_tools == 0 && t->rules[1].max_input_chars == 500 && t->rules[1].min_input_chars == -1);
    assert_string_equal(t->rules[1].request_type, "chat");
    policy_drop(p);
}

static void mistakes_are_named(void **state) {
    char problems[4096];
    (void)state;
    assert_null(read("providers: {p: {dialect: openai, base_url: http://h}}\nmodels:\n"
                     "  one: {targets: [{provider: p, model: a}], rules: [{tier: one}]}\n"
                     "  twin: {targets: [{provider: p, model: a}]}\n"
                     "  x: {tiers: [one]}\n"
                     "  y: {tiers: [one, tvin]}\n"
                     "  z: {tiers: [one, twin]}\n"
                     "  s: {tiers: [s, one]}\n"
                     "  both: {tiers: [one, other], targets: [{provider: p, model: q}]}\n"
                     "  other: {targets: [{provider: p, model: b}]}\n"
                     "  r: {tiers: [one, other], rules: [{when: {has_code: perhaps, min_turn: 1}, tier: othr}, {when: {}}]}\n",
                     problems, sizeof problems));
    static const char *const wanted[] = {
        "q.yaml:3:52: models.one.rules: only a model with `tiers` has rules\n",
        "models.x.tiers: expected 2 to 16 models, found 1\n",
        "models.y.tiers[1]: no such model `tvin`; did you mean `twin`?\n",
        "models.z.tiers[1]: its target p/a is that of another tier too\n",
        "models.s.tiers[0]: expected a model with `targets` of its own, found `s`\n",
        "models.both.tiers: a model has `targets` or `tiers`, not both\n",
        "models.r.rules[0].when.has_code: expected one of false | true, found `perhaps`\n",
        "models.r.rules[0].when.min_turn: unknown key; did you mean `min_turns`?\n",
        "models.r.rules[0].tier: `othr` is none of the model's tiers; did you mean `other`?\n",
        "models.r.rules[1].tier: this is required (name)\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(problems, wanted[i])) fail_msg("not said: %sbut:\n%s", wanted[i], problems);
}

#define TEST(setting)                                                                                     \
    "providers: {p: {dialect: openai, base_url: http://h}}\nmodels:\n"                                    \
    "  small: {targets: [{provider: p, model: a}]}\n  large: {targets: [{provider: p, model: c}]}\n"      \
    "  smart: {tiers: [small, large], downgrade_test: {" setting "}}\n"                                   \
    "applications: {all: {}, few: {models: [large, smart]}}\n"

static void downgrade_tests_are_checked(void **state) {
    static const struct {
        const char *yaml, *problem;
    } wrong[] = {
        {TEST("sample: 20, judge: large, application: all, key: k"), "downgrade_test.every: this is required"},
        {TEST("every: 7d, application: all, key: k"), "expected one of `judge` and `exec`"},
        {TEST("every: 7d, judge: large, exec: [x], application: all, key: k"), "expected one of `judge` and `exec`"},
        {TEST("every: 7d, exec: [], application: all, key: k"), "expected a program and its arguments"},
        {TEST("every: 7d, judge: large, application: all"), "`application` and `key` are required"},
        {TEST("every: 7d, judge: none, application: all, key: k"), "downgrade_test.judge: no such model `none`"},
        {TEST("every: 7d, judge: large, application: none, key: k"), "no such application `none`"},
        {TEST("every: 7d, judge: large, application: few, key: k"), "`few` may not use `small`, the cheapest tier"},
        {TEST("every: 1s, judge: large, application: all, key: k"), "downgrade_test.every: expected"},
    };
    char problems[2048];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(read(wrong[i].yaml, problems, sizeof problems));
        if (strstr(problems, wrong[i].problem) == NULL) fail_msg("%zu: %s", i, problems);
    }
    struct policy *p = read(TEST("every: 7d, exec: [./score.py, --strict], application: all, key: k, max_cost_usd: 0.25"), problems, sizeof problems);
    assert_string_equal(problems, "");
    const struct model_route *m = table_get(&p->model_by_name, SLICE("smart"));
    const struct downgrade_setting *d = &m->tiering->downgrade;
    assert_true(d->every_us == 7 * 86400 * 1000000LL && d->sample == 50 && d->most_loss == 0.05 && d->max_cost_nano == 250000000);
    assert_string_equal(d->program[1], "--strict");
    assert_null(d->program[2]);
    assert_null(d->judge);
    policy_drop(p);
    p = read(MODELS, problems, sizeof problems);
    m = table_get(&p->model_by_name, SLICE("smart"));
    assert_int_equal(m->tiering->downgrade.every_us, 0); /* none unless declared */
    policy_drop(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tiers_lend_their_targets), cmocka_unit_test(mistakes_are_named),
                                       cmocka_unit_test(downgrade_tests_are_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
