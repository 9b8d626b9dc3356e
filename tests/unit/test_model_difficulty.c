/* Features of requests in every dialect, and how rules and weights choose a tier. */
#include "dialect/dialect.h"
#include "model/tiers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;
#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static struct difficulty read(enum dialect_id id, enum endpoint e, const char *body) {
    struct call call = {.endpoint = e};
    struct difficulty d;
    struct error error = {.fault = FAULT_NONE};
    if (dialect_of(id)->read_head(slice_of(body), &arena, &call, &error) != FAULT_NONE) fail_msg("%s", error.text);
    difficulty_read(&call, &d);
    return d;
}

static void a_chat_is_read(void **state) {
    (void)state;
    struct difficulty d = read(DIALECT_OPENAI, ENDPOINT_CHAT,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"abc\"},{\"role\":\"user\",\"content\":\"```old```\"},"
        "{\"role\":\"assistant\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"Why 12?\\nHow?\"}],"
        "\"tools\":[{\"type\":\"function\"}],\"response_format\":{\"type\":\"json_object\"}}");
    NEAR(d.x[DIFFICULTY_QUESTION], log2(1 + 13)); /* \n is two bytes as it is written */
    NEAR(d.x[DIFFICULTY_SYSTEM], 2);
    NEAR(d.x[DIFFICULTY_TURNS], 1);
    NEAR(d.x[DIFFICULTY_NUMBERS], sqrt(2.0 / 13));
    NEAR(d.x[DIFFICULTY_QUESTIONS], log2(3));
    NEAR(d.x[DIFFICULTY_LINES], 1);
    NEAR(d.x[DIFFICULTY_WORDS], 3);
    assert_true(d.x[DIFFICULTY_TOOLS] == 1 && d.x[DIFFICULTY_FORMAT] == 1 && d.x[DIFFICULTY_IMAGES] == 0);
    assert_int_equal(d.turns, 2);
    assert_true(d.has_tools && !d.has_code && !d.has_images); /* the fence is in an earlier message */
}

/* The same conversation has the same features whoever's words it is in. */
static void dialects_agree(void **state) {
    (void)state;
    struct difficulty o = read(DIALECT_OPENAI, ENDPOINT_CHAT,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"is 7 ```prime```?\"}]}]}");
    struct difficulty a = read(DIALECT_ANTHROPIC, ENDPOINT_CHAT,
        "{\"model\":\"m\",\"max_tokens\":9,\"system\":\"be brief\",\"messages\":[{\"role\":\"user\",\"content\":\"is 7 ```prime```?\"}]}");
    struct difficulty r = read(DIALECT_OPENAI, ENDPOINT_RESPONSES,
        "{\"model\":\"m\",\"instructions\":\"be brief\",\"input\":\"is 7 ```prime```?\"}");
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++) {
        if (o.x[i] != a.x[i] || o.x[i] != r.x[i]) fail_msg("%s: %f %f %f", difficulty_feature_name(i), o.x[i], a.x[i], r.x[i]);
    }
    assert_true(o.has_code && a.has_code && r.has_code && o.turns == 1 && r.turns == 1);
}

static void odd_bodies_have_features_too(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"m\"}", "{\"model\":\"m\",\"messages\":[]}", "{\"model\":\"m\",\"messages\":[1,null,\"x\",{\"role\":7,\"content\":{}}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}", "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\\\\\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":null}],\"tools\":\"x\",\"response_format\":3}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct difficulty d = read(DIALECT_OPENAI, ENDPOINT_CHAT, bodies[i]);
        for (unsigned f = 0; f < DIFFICULTY_FEATURES; f++) assert_true(isfinite(d.x[f]));
    }
}

/* Of a very long history the end is read; what came before counts as half of it the user's. */
static void long_histories_are_bounded(void **state) {
    (void)state;
    enum { PAIRS = 1000 };
    struct buffer body;
    buffer_init(&body, 1 << 20);
    buffer_append(&body, SLICE("{\"model\":\"m\",\"messages\":["));
    for (int i = 0; i < PAIRS; i++) buffer_append(&body, SLICE("{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"a\"},"));
    buffer_append(&body, SLICE("{\"role\":\"user\",\"content\":\"last?\"}]}"));
    struct difficulty d = read(DIALECT_OPENAI, ENDPOINT_CHAT, buffer_text(&body));
    assert_int_equal(d.turns, PAIRS + 1);
    NEAR(d.x[DIFFICULTY_QUESTION], log2(6));
    buffer_deinit(&body);
}

static struct tiering two(void) {
    struct tiering t = {.n_tiers = 2, .weights = NULL};
    t.tiers[0].name = "small";
    t.tiers[1].name = "large";
    return t;
}

static void rules_come_first(void **state) {
    (void)state;
    struct tier_rule rules[] = {{-1, -1, -1, 1, -1, -1, NULL, NULL, 1}, {-1, 100, -1, -1, -1, 0, "chat", NULL, 0}, {50, -1, 3, -1, -1, -1, NULL, "f", 0}};
    struct difficulty_weights w = {.threshold = 0.5};
    struct tiering t = two();
    struct difficulty d = {.input_chars = 10, .turns = 1};
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++) w.scale[i] = 1;
    struct tier_choice c = tiers_choose(&t, &d, SLICE("chat"), SLICE_NULL);
    assert_true(c.tier == 1 && c.rule == -1 && c.difficulty_ppm == 1000000); /* nothing says otherwise: the best */
    t.rules = rules;
    t.n_rules = 3;
    c = tiers_choose(&t, &d, SLICE("chat"), SLICE_NULL);
    assert_true(c.tier == 0 && c.rule == 1 && c.difficulty_ppm == 0);
    assert_int_equal(tiers_choose(&t, &d, SLICE("other"), SLICE_NULL).rule, -1);
    d.has_tools = true;
    assert_int_equal(tiers_choose(&t, &d, SLICE("chat"), SLICE_NULL).rule, -1);
    d.input_chars = 50, d.turns = 3;
    assert_int_equal(tiers_choose(&t, &d, SLICE_NULL, SLICE("f")).rule, 2);
    d.turns = 2;
    assert_int_equal(tiers_choose(&t, &d, SLICE_NULL, SLICE("f")).rule, -1);
    d.has_code = true, d.turns = 3;
    c = tiers_choose(&t, &d, SLICE_NULL, SLICE("f"));
    assert_true(c.rule == 0 && c.tier == 1);
    t.weights = &w; /* P(good enough) = 1/2: at the threshold it is enough; rules still come first */
    assert_int_equal(tiers_choose(&t, &d, SLICE_NULL, SLICE("f")).tier, 1);
    d.has_code = false, d.turns = 0;
    c = tiers_choose(&t, &d, SLICE_NULL, SLICE_NULL);
    assert_true(c.tier == 0 && c.rule == -1 && c.difficulty_ppm == 500000);
    w.threshold = 0.51;
    assert_int_equal(tiers_choose(&t, &d, SLICE_NULL, SLICE_NULL).tier, 1);
}

static void weights_are_kept_as_json(void **state) {
    (void)state;
    struct difficulty_weights w = {.intercept = -1.25, .threshold = 0.8}, back;
    struct buffer out;
    struct json_writer writer;
    struct json_doc doc;
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++) w.weight[i] = 0.1 * i, w.mean[i] = i, w.scale[i] = 1 + i;
    buffer_init(&out, 64 << 10);
    json_start(&writer, &out);
    difficulty_write_json(&w, &writer);
    assert_int_equal(json_read(buffer_slice(&out), &arena, UINT16_MAX, &doc, NULL), FAULT_NONE);
    assert_true(difficulty_read_json(&doc, 0, &back));
    assert_memory_equal(&w, &back, sizeof w);
    static const char *const bad[] = {"{}", "{\"intercept\":1}", "{\"intercept\":1,\"threshold\":0.5,\"features\":[{\"name\":\"astrology\",\"weight\":1,\"mean\":0,\"scale\":1}]}",
                                      "{\"intercept\":1,\"threshold\":0.5,\"features\":[{\"name\":\"length\",\"weight\":1,\"mean\":0,\"scale\":0}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(json_read(slice_of(bad[i]), &arena, UINT16_MAX, &doc, NULL), FAULT_NONE);
        assert_false(difficulty_read_json(&doc, 0, &back));
    }
    buffer_deinit(&out);
}

/* What was trained for other tiers stays in shadow. */
static void a_state_must_fit(void **state) {
    (void)state;
    struct policy *p = policy_new();
    struct tiering t = two();
    struct model_route m = {.name = "smart", .tiering = &t};
    struct tier_state s = {.model = SLICE("smart"), .on = true, .trained = SLICE_NULL};
    table_put(&p->model_by_name, SLICE("smart"), &m);
    assert_true(tiers_install(p, &s) && t.on && !t.weights);
    t.on = false;
    s.trained = SLICE("{\"tiers\":[\"small\",\"huge\"],\"weights\":{\"intercept\":0,\"threshold\":0.5,\"features\":[]}}");
    assert_false(tiers_install(p, &s));
    assert_true(!t.on && !t.weights);
    s.trained = SLICE("{\"tiers\":[\"small\"],\"weights\":{\"intercept\":0,\"threshold\":0.5,\"features\":[]}}");
    assert_false(tiers_install(p, &s));
    s.trained = SLICE("{\"tiers\":[\"small\",\"large\"],\"weights\":{\"intercept\":0,\"threshold\":0.5,\"features\":[]}}");
    assert_true(tiers_install(p, &s) && t.on && t.weights);
    s.model = SLICE("none");
    assert_false(tiers_install(p, &s));
    policy_drop(p);
}

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, 16 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_chat_is_read), cmocka_unit_test(dialects_agree),
                                       cmocka_unit_test(odd_bodies_have_features_too), cmocka_unit_test(long_histories_are_bounded),
                                       cmocka_unit_test(rules_come_first), cmocka_unit_test(weights_are_kept_as_json),
                                       cmocka_unit_test(a_state_must_fit)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
