/* Which alert explains which: the order of causes, names that must be alike, and providers behind models and applications. */
#include "incident/cause.h"

#include "model/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONFIG                                                                                                                     \
    "providers: {one: {dialect: openai, base_url: \"http://127.0.0.1:1\"}, two: {dialect: openai, base_url: \"http://127.0.0.1:2\"}}\n" \
    "models: {chat: {targets: [{provider: one, model: x}, {provider: two, model: y}]}, draw: {targets: [{provider: two, model: z}]}}\n" \
    "applications: {helpdesk: {models: [chat]}, studio: {models: [draw]}}\n"

static struct arena arena;
static struct policy *policy;

static int setup(void **state) {
    const struct config_source source = {.env = NULL};
    struct problems problems;
    (void)state;
    arena_init(&arena, 64 << 10, 16 << 20);
    return digest_start() && config_read(SLICE(CONFIG), "quarterdeck.yaml", &source, NULL, &arena, &policy, &problems) == FAULT_NONE ? 0 : -1;
}
static int teardown(void **state) {
    (void)state;
    policy_drop(policy);
    arena_deinit(&arena);
    return 0;
}

/* "model=chat,provider=one" */
static struct alert_identity alert(const char *labels) {
    struct alert_label *all = arena_new_array(&arena, struct alert_label, ALERT_LABELS);
    struct alert_identity a = {.rule = SLICE("r"), .labels = all};
    struct slice rest = slice_of(labels), one;
    while (rest.len > 0) {
        slice_cut(rest, ',', &one, &rest);
        slice_cut(one, '=', &all[a.n_labels].name, &all[a.n_labels].value);
        a.n_labels++;
    }
    return a;
}

static bool explains(enum alert_about c, const char *cause, enum alert_about e, const char *effect) {
    const struct alert_identity x = alert(cause), y = alert(effect);
    return cause_explains(policy, c, &x, e, &y);
}

static void test_order(void **state) {
    (void)state;
    for (int c = ABOUT_PROVIDER; c <= ABOUT_ELSE; c++)
        for (int e = ABOUT_PROVIDER; e <= ABOUT_ELSE; e++)
            assert_int_equal(explains((enum alert_about)c, "", (enum alert_about)e, "application=helpdesk"), c < e && e != ABOUT_ELSE);
}

static void test_names(void **state) {
    (void)state;
    assert_true(explains(ABOUT_ERRORS, "model=chat", ABOUT_LATENCY, "model=chat,request_type=q"));
    assert_false(explains(ABOUT_ERRORS, "model=chat", ABOUT_LATENCY, "model=draw"));
    assert_false(explains(ABOUT_ERRORS, "model=chat,request_type=q", ABOUT_LATENCY, "model=chat")); /* one type does not explain all */
    assert_false(explains(ABOUT_ERRORS, "model=chat", ABOUT_LATENCY, "application=helpdesk"));
    assert_true(explains(ABOUT_LATENCY, "application=helpdesk", ABOUT_MONEY, "application=helpdesk,budget=b"));
    assert_false(explains(ABOUT_LATENCY, "application=helpdesk", ABOUT_MONEY, "budget=b"));
    assert_false(explains(ABOUT_PROVIDER, "finding=provider_failing", ABOUT_ERRORS, "model=chat"));
    assert_true(explains(ABOUT_PROVIDER, "finding=provider_failing,provider=one", ABOUT_ERRORS, "model=chat"));
    assert_true(explains(ABOUT_ERRORS, "service=desk", ABOUT_LATENCY, "model=chat")); /* a rule's own label names nothing */
}

static void test_providers(void **state) {
    (void)state;
    static const struct { const char *cause, *effect; bool is; } rows[] = {
        {"provider=one", "model=chat", true},
        {"provider=one", "model=draw", false},
        {"provider=one", "model=gone", false},
        {"provider=one", "application=helpdesk,request_type=q", true},
        {"provider=one", "application=studio", false},
        {"provider=two", "application=studio", true},
        {"provider=one", "application=gone", false},
        {"provider=one", "request_type=q", true},
        {"provider=gone", "request_type=q", false},
        {"provider=one", "model=chat,provider=one", true},
        {"provider=one", "model=chat,provider=two", false},
        {"provider=two,upstream_model=y", "model=chat", true},
        {"provider=two,upstream_model=z", "model=chat", false},
        {"provider=two,upstream_model=z", "upstream_model=z", true},
        {"provider=one", "upstream_model=z", false},
        {"upstream_model=x", "model=chat", true},
        {"provider=one,application=helpdesk", "model=chat", false},
        {"provider=one,application=helpdesk", "model=chat,application=helpdesk", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (explains(ABOUT_PROVIDER, rows[i].cause, ABOUT_ERRORS, rows[i].effect) != rows[i].is)
            fail_msg("%s and %s: expected %d", rows[i].cause, rows[i].effect, rows[i].is);
    const struct alert_identity cause = alert("provider=one"), by_name = alert("provider=one,model=chat"), by_model = alert("model=chat");
    assert_true(cause_explains(NULL, ABOUT_PROVIDER, &cause, ABOUT_MONEY, &by_name));
    assert_false(cause_explains(NULL, ABOUT_PROVIDER, &cause, ABOUT_MONEY, &by_model));
}

static void test_about(void **state) {
    (void)state;
    struct alert_rule rule = {.when = {.test = ALERT_ABOVE, .signal = SIGNAL_PROVIDER_ERRORS}};
    struct alert_identity a = alert("finding=provider_failing,provider=one"), b = alert("finding=budget_refusing"), c = alert("finding=over_plan"), d = alert("");
    assert_int_equal(cause_about(&rule, &d), ABOUT_PROVIDER);
    rule.when.signal = SIGNAL_ERRORS;
    assert_int_equal(cause_about(&rule, &a), ABOUT_ERRORS); /* only a rule about findings goes by that label */
    rule.when.test = ALERT_FINDING;
    assert_int_equal(cause_about(&rule, &a), ABOUT_PROVIDER);
    assert_int_equal(cause_about(&rule, &b), ABOUT_ELSE);
    assert_int_equal(cause_about(&rule, &c), ABOUT_MONEY);
    assert_int_equal(cause_about(&rule, &d), ABOUT_ELSE);
    static const struct { enum signal s; enum alert_about is; } signals[] = {
        {SIGNAL_REQUESTS, ABOUT_ELSE},          {SIGNAL_TRUNCATED, ABOUT_ERRORS},    {SIGNAL_REFUSED, ABOUT_ELSE},      {SIGNAL_TTFT_P95, ABOUT_LATENCY},
        {SIGNAL_LATENCY_SLOW, ABOUT_LATENCY},   {SIGNAL_GAVE_UP, ABOUT_LATENCY},     {SIGNAL_OUTPUT_TOKENS, ABOUT_ELSE}, {SIGNAL_QUALITY_SCORE, ABOUT_ELSE},
        {SIGNAL_COST_OVER, ABOUT_MONEY},        {SIGNAL_PROVIDER_TTFT_P95, ABOUT_PROVIDER}, {SIGNAL_PROVIDER_REQUESTS, ABOUT_ELSE}, {SIGNAL_RECORDER_LAG, ABOUT_ELSE},
    };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) assert_int_equal(alert_about_signal(signals[i].s), signals[i].is);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_names), cmocka_unit_test(test_providers), cmocka_unit_test(test_about)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
