/* The change policy: the defaults are sound, the file says the rest, every mistake is told, and a plan comes back as it was kept. */
#include "model/change_policy.h"

#include "model/config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* As the issue has it, to the letter. */
#define POLICY                                                                                                \
    "change_policy:\n"                                                                                        \
    "  minor:    {reviewers: 0, gate: required, rollout: direct}\n"                                           \
    "  moderate: {reviewers: 1, gate: required, rollout: canary}\n"                                           \
    "  major:    {reviewers: 1, gate: required, rollout: shadow-then-canary}\n"
#define ROLLOUTS                                                                                              \
    "rollouts:\n"                                                                                             \
    "  canary:\n"                                                                                             \
    "    steps: [{setWeight: 5}, {pause: {duration: 24h}}, {setWeight: 25}, {pause: {duration: 24h}}, {setWeight: 100}]\n" \
    "    analysis: {interval: 1m, alpha: 0.01, min_samples: 200,\n"                                           \
    "               guardrails: [{metric: error_rate, margin: 1.5}, {metric: latency_p95, margin: 1.2}, {metric: cost_per_request, margin: 1.2}]}\n"

#define HEAD "providers: {sim: {dialect: openai, base_url: \"http://127.0.0.1:1\"}}\nmodels: {m: {targets: [{provider: sim, model: x}]}}\napplications: {helpdesk: {}}\n"

struct world {
    struct arena arena;
    struct problems problems;
    struct buffer told;
    struct policy *policy;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    arena_init(&w->arena, 64 << 10, 64 << 20);
    buffer_init(&w->told, 1 << 20);
    *state = w;
    return digest_start() ? 0 : -1;
}
static int teardown(void **state) {
    struct world *w = *state;
    policy_drop(w->policy);
    buffer_deinit(&w->told);
    arena_deinit(&w->arena);
    test_free(w);
    return 0;
}

static const char *env(void *ctx, const char *name) {
    (void)ctx;
    return strcmp(name, "REVIEWERS") == 0 ? "3" : NULL;
}

static const struct change_policy *read_file(struct world *w, const char *yaml) {
    const struct config_source source = {.env = env};
    struct buffer text;
    policy_drop(w->policy);
    w->policy = NULL;
    w->problems = (struct problems){0};
    buffer_init(&text, 1 << 20);
    buffer_append(&text, SLICE(HEAD));
    buffer_append(&text, slice_of(yaml));
    enum fault f = config_read(buffer_slice(&text), "quarterdeck.yaml", &source, NULL, &w->arena, &w->policy, &w->problems);
    buffer_deinit(&text);
    buffer_clear(&w->told);
    problems_write(&w->problems, &w->told);
    buffer_byte(&w->told, 0);
    assert_true((f == FAULT_NONE) == !problems_any(&w->problems));
    return f == FAULT_NONE ? &w->policy->change : NULL;
}

static void same_plan(const struct rollout_plan *a, const struct rollout_plan *b) {
    assert_int_equal(a->way, b->way);
    assert_int_equal(a->sticky, b->sticky);
    assert_int_equal(a->interval_us, b->interval_us);
    assert_int_equal(a->min_samples, b->min_samples);
    assert_true(a->alpha == b->alpha);
    assert_int_equal(a->n_steps, b->n_steps);
    for (unsigned i = 0; i < a->n_steps; i++) {
        assert_int_equal(a->steps[i].kind, b->steps[i].kind);
        assert_int_equal(a->steps[i].duration_us, b->steps[i].duration_us);
        if (a->steps[i].kind == STEP_WEIGHT) assert_int_equal(a->steps[i].weight_ppm, b->steps[i].weight_ppm);
    }
    assert_int_equal(a->n_guardrails, b->n_guardrails);
    for (unsigned i = 0; i < a->n_guardrails; i++) {
        const struct guardrail *x = &a->guardrails[i], *y = &b->guardrails[i];
        assert_true(slice_eq(x->metric, y->metric) && slice_eq(x->name, y->name));
        assert_true(x->kind == y->kind && x->on_failure == y->on_failure);
        assert_true(x->quantile == y->quantile && x->margin == y->margin && x->alpha == y->alpha && x->tolerance == y->tolerance);
    }
    assert_int_equal(a->shadow.share_ppm, b->shadow.share_ppm);
    assert_int_equal(a->shadow.min_samples, b->shadow.min_samples);
    assert_int_equal(a->shadow.max_cost_nano, b->shadow.max_cost_nano);
    assert_true(slice_eq(a->shadow.judge, b->shadow.judge));
}

static void same_class(const struct class_policy *a, const struct class_policy *b) {
    assert_int_equal(a->reviewers, b->reviewers);
    assert_int_equal(a->gate, b->gate);
    assert_int_equal(a->rollout, b->rollout);
    assert_int_equal(a->person_promotes, b->person_promotes);
    assert_true(isnan(a->max_drop) == isnan(b->max_drop));
}

/* What the issue prints is what holds without a file, so any part of it changes nothing. */
static void test_defaults_are_the_issue(void **state) {
    struct world *w = *state;
    static const char *const files[] = {"", POLICY, ROLLOUTS, POLICY ROLLOUTS, "change_policy: {}\nrollouts: {}\n", "change_policy:\nrollouts:\n",
                                        "change_policy: {moderate: {reviewers: 1}}\n", "rollouts: {canary: {analysis: {alpha: 0.01}}}\n"};
    struct change_policy defaults;
    change_policy_defaults(&w->arena, &defaults);
    assert_int_equal(defaults.canary.n_steps, 5);
    assert_int_equal(defaults.canary.steps[0].weight_ppm, 50000);
    assert_int_equal(defaults.canary.steps[1].duration_us, 24 * 3600 * 1000000LL);
    assert_int_equal(defaults.canary.steps[4].weight_ppm, 1000000);
    assert_int_equal(defaults.canary.n_guardrails, 3);
    assert_true(defaults.canary.guardrails[0].alpha == 0.01 / 3);
    assert_true(defaults.canary.guardrails[1].quantile == 0.95);
    assert_int_equal(defaults.canary.shadow.share_ppm, 100000);
    assert_int_equal(defaults.canary.shadow.max_cost_nano, 10000000000LL);
    assert_int_equal(defaults.of[CHANGE_MINOR].reviewers, 0);
    assert_int_equal(defaults.of[CHANGE_MAJOR].rollout, ROLLOUT_SHADOW_THEN_CANARY);
    assert_true(defaults.of[CHANGE_MAJOR].person_promotes && !defaults.of[CHANGE_MODERATE].person_promotes);
    assert_int_equal(defaults.ab.longest_us, 14 * 24 * 3600 * 1000000LL);
    assert_false(defaults.model_change.hold);
    for (unsigned i = 0; i < SEVERITIES; i++) assert_int_equal(defaults.rollback[i], USER_OPERATOR);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        const struct change_policy *c = read_file(w, files[i]);
        if (c == NULL) fail_msg("%s", buffer_slice(&w->told).at);
        same_plan(&c->canary, &defaults.canary);
        for (unsigned k = 0; k < CHANGE_CLASSES; k++) same_class(&c->of[k], &defaults.of[k]);
    }
}

static void test_what_the_file_says(void **state) {
    struct world *w = *state;
    const struct change_policy *c = read_file(
        w, "change_policy:\n"
           "  minor: {reviewers: \"${REVIEWERS}\", gate: none, pass_rate: 95%, max_drop: 2%, promote: person, suites: helpdesk-core}\n"
           "  rollback: {SEV-1: admin, SEV-3: editor, else: admin}\n"
           "  on_model_change: {hold: m}\n"
           "  run_as: {application: helpdesk, key: gate}\n"
           "rollouts:\n"
           "  canary:\n"
           "    sticky: session\n"
           "    steps: [{setWeight: 12.5}, {pause: {}}, {setWeight: 50}, {pause: {duration: 1s}}, {pause:}, {setWeight: 100}]\n"
           "    analysis: {interval: 100ms, alpha: 0.05, guardrails: [{metric: \"score:helpful\", on_failure: pause},\n"
           "       {metric: \"check:format\", alpha: 0.001, tolerance: 2%}, {metric: per_token_p50}]}\n"
           "  shadow: {share: 0.25, min_samples: 5, max_cost_usd: 0.50, judge: support-judge}\n"
           "  ab: {metric: \"score:helpful\", min_effect: 0.05, longest: 2h}\n");
    if (c == NULL) fail_msg("%s", buffer_slice(&w->told).at);
    assert_int_equal(c->of[CHANGE_MINOR].reviewers, 3);
    assert_false(c->of[CHANGE_MINOR].gate);
    assert_true(c->of[CHANGE_MINOR].pass_rate == 0.95 && c->of[CHANGE_MINOR].max_drop == 0.02 && c->of[CHANGE_MINOR].person_promotes);
    assert_int_equal(c->of[CHANGE_MINOR].rollout, ROLLOUT_DIRECT);
    assert_int_equal(c->of[CHANGE_MINOR].n_suites, 1);
    assert_int_equal(c->rollback[0], USER_ADMIN);
    assert_int_equal(c->rollback[1], USER_OPERATOR);
    assert_int_equal(c->rollback[2], USER_APPROVER); /* by its other name */
    assert_int_equal(c->rollback[4], USER_ADMIN);
    assert_true(c->model_change.hold && slice_is(c->model_change.to, "m"));
    assert_true(slice_is(c->run_as.key, "gate"));
    const struct rollout_plan *p = &c->canary;
    assert_int_equal(p->sticky, STICKY_SESSION);
    assert_int_equal(p->n_steps, 6);
    assert_int_equal(p->steps[0].weight_ppm, 125000);
    assert_int_equal(p->steps[1].duration_us, -1);
    assert_int_equal(p->steps[3].duration_us, 1000000);
    assert_int_equal(p->steps[4].duration_us, -1);
    assert_int_equal(p->interval_us, 100000);
    assert_int_equal(p->min_samples, 200);
    assert_int_equal(p->n_guardrails, 3);
    assert_int_equal(p->guardrails[0].kind, GUARD_SCORE);
    assert_int_equal(p->guardrails[0].on_failure, GUARD_PAUSE);
    assert_true(slice_is(p->guardrails[0].name, "helpful") && p->guardrails[0].margin == 0.05);
    assert_true(p->guardrails[0].alpha == 0.05 / 3 && p->guardrails[1].alpha == 0.001 && p->guardrails[1].tolerance == 0.02);
    assert_true(p->guardrails[2].kind == GUARD_QUANTILE && p->guardrails[2].quantile == 0.5);
    assert_int_equal(p->shadow.share_ppm, 250000);
    assert_int_equal(p->shadow.max_cost_nano, 500000000);
    assert_true(slice_is(c->ab.metric.name, "helpful") && c->ab.min_effect == 0.05 && c->ab.alpha == 0.05);

    struct buffer json;
    struct json_writer writer;
    struct rollout_plan again = {0};
    struct error error = {.fault = FAULT_NONE};
    buffer_init(&json, 1 << 20);
    json_start(&writer, &json);
    plan_write(p, &writer);
    assert_int_equal(plan_read(buffer_slice(&json), &w->arena, &again, &error), FAULT_NONE);
    same_plan(p, &again);
    assert_int_equal(plan_read(slice_make(buffer_slice(&json).at, buffer_slice(&json).len / 2), &w->arena, &again, &error), FAULT_CORRUPT);
    assert_int_equal(plan_read(SLICE("{}"), &w->arena, &again, &error), FAULT_CORRUPT);
    same_plan(p, &again);
    buffer_deinit(&json);
}

static void test_mistakes(void **state) {
    struct world *w = *state;
    static const struct { const char *yaml, *words; } rows[] = {
        {"change_policy: 7\n", "quarterdeck.yaml:4:16: change_policy: expected a map, found `7`"},
        {"change_policy:\n  modrate: {reviewers: 1}\n", "quarterdeck.yaml:5: change_policy: unknown key \"modrate\"; did you mean `moderate`?"},
        {"change_policy:\n  minor:\n    reviewer: 1\n", ":6: change_policy.minor: unknown key \"reviewer\"; did you mean `reviewers`?"},
        {"change_policy: {minor: {reviewers: -1}}\n", "change_policy.minor.reviewers: expected a whole number from 0 to 20, found -1"},
        {"change_policy: {minor: {gate: requird}}\n", "change_policy.minor.gate: expected none or required, found \"requird\"; did you mean `required`?"},
        {"change_policy: {minor: {rollout: shadow}}\n", "change_policy.minor.rollout: expected direct, canary or shadow-then-canary, found \"shadow\"; did you mean `shadow-then-canary`?"},
        {"change_policy: {minor: {max_drop: 120%}}\n", "change_policy.minor.max_drop: expected a share from 0 to 1, such as 10% or 0.1, found \"120%\""},
        {"change_policy: {rollback: {SEV-1: viewer}}\n", "change_policy.rollback.SEV-1: expected operator, approver, admin or editor, found \"viewer\""},
        {"change_policy: {on_model_change: hold}\n", "change_policy.on_model_change: expected observe, or {hold: MODEL}"},
        {"change_policy: {on_model_change: {hold: nobody}}\n", "change_policy.on_model_change.hold: no such model `nobody`"},
        {"change_policy: {run_as: {application: other, key: k}}\n", "change_policy.run_as.application: no such application `other`"},
        {"change_policy: {run_as: {application: helpdesk}}\n", "change_policy.run_as: `application` and `key` are required"},
        {"rollouts: {canari: {}}\n", "rollouts: unknown key \"canari\"; did you mean `canary`?"},
        {"rollouts: {canary: {steps: []}}\n", "rollouts.canary.steps: expected a list of 1 to 32 steps"},
        {"rollouts: {canary: {steps: [{setWeight: 5}]}}\n", "expected {setWeight: 100} as the last step, which is the promotion"},
        {"rollouts: {canary: {steps: [{setWeight: 5}, {setWeight: 5}, {setWeight: 100}]}}\n", "steps[1]: expected more than 5, the weight before it"},
        {"rollouts: {canary: {steps: [{setWeight: 0}, {setWeight: 100}]}}\n", "steps[0]: expected a number from 1 to 100, found 0"},
        {"rollouts: {canary: {steps: [{setWeight: 101}]}}\n", "steps[0]: expected a number from 1 to 100, found 101"},
        {"rollouts: {canary: {steps: [{pause: {}}, {setWeight: 100}]}}\n", "expected a setWeight as the first step"},
        {"rollouts: {canary: {steps: [{setWeight: 5, pause: {}}, {setWeight: 100}]}}\n", "steps[0]: expected one of {setWeight: 25}"},
        {"rollouts: {canary: {steps: [{setWeight: 5}, {pause: {duration: 24}}, {setWeight: 100}]}}\n", "steps[1]: expected a duration of at least 1ms, such as 24h, 30m or 2s, found 24"},
        {"rollouts: {canary: {steps: [{setweight: 5}, {setWeight: 100}]}}\n", "unknown key \"setweight\"; did you mean `setWeight`?"},
        {"rollouts: {canary: {analysis: {guardrails: [{metric: eror_rate}]}}}\n", "guardrails[0].metric: expected a metric (error_rate, "},
        {"rollouts: {canary: {analysis: {guardrails: [{metric: eror_rate}]}}}\n", "found `eror_rate`; did you mean `error_rate`?"},
        {"rollouts: {canary: {analysis: {guardrails: [{metric: latency_p100}]}}}\n", "latency_p: expected p1 to p99"},
        {"rollouts: {canary: {analysis: {guardrails: [{metric: \"score:\"}]}}}\n", "score:: expected a name"},
        {"rollouts: {canary: {analysis: {guardrails: [{margin: 2}]}}}\n", "guardrails[0].metric: expected a metric, such as error_rate"},
        {"rollouts: {canary: {analysis: {guardrails: [{metric: error_rate, margin: 0.9}]}}}\n", "guardrails[0].margin: expected a number from 1 to 100, found 0.9"},
        {"rollouts: {canary: {analysis: {guardrails: [{metric: \"score:x\", margin: 1.2}]}}}\n", "guardrails[0].margin: expected a number from 0 to 1, found 1.2"},
        {"rollouts: {canary: {analysis: {guardrails: [{metric: error_rate}, {metric: error_rate}]}}}\n", "guardrails[1].metric: there is a guardrail of error_rate already"},
        {"rollouts: {canary: {analysis: {alpha: 0}}}\n", "rollouts.canary.analysis.alpha: expected a number from 1e-09 to 0.5, found 0"},
        {"rollouts: {shadow: {share: 0%}}\n", "rollouts.shadow.share: expected a share from 1e-06 to 1"},
        {"rollouts: {shadow: {max_cost_usd: -1}}\n", "rollouts.shadow.max_cost_usd: expected US dollars such as 10 or 0.50, found -1"},
        {"rollouts: {ab: {power: 1}}\n", "rollouts.ab.power: expected a number from 0.5 to 0.999, found 1"},
        {"change_policy: {minor: {reviewers: \"${NOT_SET}\"}}\n", "the environment variable NOT_SET is not set"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(read_file(w, rows[i].yaml));
        if (strstr(buffer_slice(&w->told).at, rows[i].words) == NULL) fail_msg("%s\nhas not: %s", buffer_slice(&w->told).at, rows[i].words);
    }
    /* all at once */
    assert_null(read_file(w, "change_policy: {minor: {gate: x}, moderate: {gate: y}}\nrollouts: {canary: {sticky: z}}\n"));
    assert_int_equal(w->problems.count, 3);
}

static void test_names(void **state) {
    (void)state;
    enum change_class c = CHANGE_MINOR;
    for (unsigned i = 0; i < CHANGE_CLASSES; i++) {
        assert_true(change_class_from(slice_of(change_class_name((enum change_class)i)), &c));
        assert_int_equal(c, i);
    }
    assert_false(change_class_from(SLICE("huge"), &c));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults_are_the_issue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_file_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
