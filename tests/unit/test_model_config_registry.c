/* What the registry lends: budgets, limits and approvals beside those of the file, and pseudonyms. */
#include "base/clock.h"
#include "base/mem.h"
#include "model/config.h"
#include "model/pseudonym.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define USD MONEY_USD

static const char file_text[] =
    "providers: {p: {dialect: openai, base_url: http://h}}\n"
    "models: {chat: {targets: [{provider: p, model: x}]}}\n"
    "applications:\n"
    "  a: {approve_above_usd: 0.5, max_output_tokens: 9, request_types: {summary: {max_output_tokens: 7}}}\n"
    "  quiet: {payloads: {capture: none}}\n"
    "budgets:\n"
    "  - {name: in-file, limit_usd: 1, window: day}\n";

static const char *env(void *ctx, const char *name) {
    (void)ctx;
    (void)name;
    return "a-secret";
}

static struct policy *lend(const struct config_registry_allowance *at, unsigned n) {
    struct config_source source = {.env = env};
    struct problems problems;
    struct config_registry lent = {.allowances = at, .n_allowances = n, .pseudonym_key = {1, 2, 3}};
    struct arena arena;
    struct policy *p = NULL;
    arena_init(&arena, 4096, 1 << 20);
    if (config_read(slice_of(file_text), "q.yaml", &source, &lent, &arena, &p, &problems) != FAULT_NONE) fail_msg("%s", problems.items[0].text);
    arena_deinit(&arena);
    return p;
}

static void what_holds_is_in(void **state) {
    static const struct config_registry_allowance lent[] = {
        {"budget", "more", "{\"name\":\"more\",\"scope\":{\"application\":\"a\"},\"limit_usd\":2.5,\"window\":\"month\"}"},
        {"limit", "fast", "{\"name\":\"fast\",\"concurrent\":3}"},
        {"approval", "a\nsummary", "{\"application\":\"a\",\"request_type\":\"summary\",\"up_to_usd\":2,\"until\":\"2026-12-01\"}"},
        {"approval", "a\nnew", "{\"application\":\"a\",\"request_type\":\"new\",\"up_to_usd\":3,\"until\":null}"}};
    (void)state;
    struct policy *p = lend(lent, 4);
    assert_int_equal(p->n_left_out, 0);
    assert_int_equal(p->n_budgets, 2);
    assert_int_equal(p->budgets[0].line, 7);
    assert_string_equal(p->budgets[1].name, "more");
    assert_int_equal(p->budgets[1].line, 0);
    assert_int_equal(p->budgets[1].limit_nano, 5 * USD / 2);
    assert_int_equal(p->n_limits, 1);
    assert_int_equal(p->limits[0].concurrent, 3);
    const struct application *a = &p->applications[0];
    const struct request_policy *summary = policy_requests(a, SLICE("summary")), *fresh = policy_requests(a, SLICE("new"));
    int64_t until = 0;
    assert_true(clock_parse(SLICE("2026-12-01"), &until));
    assert_int_equal(summary->approved_nano, 2 * USD);
    assert_int_equal(summary->approved_until_us, until);
    assert_int_equal(summary->max_output_tokens, 7);
    assert_int_equal(fresh->approved_nano, 3 * USD);
    assert_int_equal(fresh->approved_until_us, INT64_MAX);
    assert_int_equal(fresh->max_output_tokens, 9); /* else as the application says */
    assert_int_equal(fresh->approve_above_nano, USD / 2);
    assert_int_equal(a->requests.approved_nano, 0);
    policy_drop(p);
}

static void what_does_not_is_left_out(void **state) {
    static const struct {
        struct config_registry_allowance lent;
        const char *why;
    } rows[] = {
        {{"budget", "in-file", "{\"name\":\"in-file\",\"limit_usd\":2,\"window\":\"day\"}"}, "line 7"},
        {{"budget", "gone", "{\"name\":\"gone\",\"scope\":{\"application\":\"b\"},\"limit_usd\":2,\"window\":\"day\"}"}, "no such application `b`"},
        {{"budget", "zone", "{\"name\":\"zone\",\"limit_usd\":2,\"window\":\"day\",\"timezone\":\"Mars/Base\"}"}, "timezone"},
        {{"budget", "env", "{\"name\":\"${SECRET}\",\"limit_usd\":2,\"window\":\"day\"}"}, "SECRET is not set"},
        {{"budget", "broken", "{\"name\":"}, "damaged"},
        {{"limit", "empty", "{\"name\":\"empty\"}"}, "expected at least one of"},
        {{"approval", "b\nx", "{\"application\":\"b\",\"request_type\":\"x\",\"up_to_usd\":2}"}, "no such application `b`"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct policy *p = lend(&rows[i].lent, 1);
        assert_int_equal(p->n_left_out, 1);
        assert_string_equal(p->left_out[0].name, rows[i].lent.name);
        if (strstr(p->left_out[0].why, rows[i].why) == NULL) fail_msg("wanted %s in: %s", rows[i].why, p->left_out[0].why);
        assert_int_equal(p->n_budgets + p->n_limits, 1);
        assert_int_equal(p->budgets[0].limit_nano, USD);
        policy_drop(p);
    }
}

static void objects_alone(void **state) {
    static const struct {
        const char *text, *name, *problem; /* NULL: good */
        unsigned budgets, limits;
    } rows[] = {
        {"{limit_usd: 1, window: day, reason: because}", "x", NULL, 1, 0},
        {"[{name: a, limit_usd: 1, window: day}, {name: b, limit_usd: 1, window: day}]", NULL, NULL, 2, 0},
        {"budgets: [{name: a, limit_usd: 1, window: day}]\nlimits: [{concurrent: 1}]", NULL, NULL, 1, 1},
        {"{limit_usd: 1, window: day}", NULL, "body:1:1: name: this is required (name)", 0, 0},
        {"- {name: a, limit_usd: 1, window: day}\n- {name: a, limit_usd: 1, window: day}", NULL, "body:2:10: budgets[1].name: `a` is taken already", 0, 0},
        {"{name: a, limit_usd: 1, windo: day}", NULL, "body:1:25: windo: unknown key; did you mean `window`?", 0, 0},
        {"{name: a, limit_usd: 1, window: day, scope: {application: quit}}", NULL, "did you mean `quiet`?", 0, 0},
        {"[]", NULL, "no budget stands here", 0, 0},
        {"seven", NULL, "expected a budget", 0, 0},
        {"", NULL, "expected a budget", 0, 0},
        {"{name: [", NULL, "body:2:1:", 0, 0}};
    struct policy *names = lend(NULL, 0);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct problems problems;
        struct arena arena;
        struct buffer words;
        struct policy *p = NULL;
        arena_init(&arena, 4096, 1 << 20);
        buffer_init(&words, 1 << 16);
        enum fault fault = config_read_allowances(slice_of(rows[i].text), "body", "budget", rows[i].name, names, &arena, &p, &problems);
        problems_write(&problems, &words);
        if (rows[i].problem == NULL) {
            if (fault != FAULT_NONE) fail_msg("%s: %s", rows[i].text, buffer_text(&words));
            assert_int_equal(p->n_budgets, rows[i].budgets);
            assert_int_equal(p->n_limits, rows[i].limits);
            if (rows[i].name != NULL) assert_string_equal(p->budgets[0].name, rows[i].name);
        } else {
            assert_int_equal(fault, FAULT_CONFIG);
            if (strstr(buffer_text(&words), rows[i].problem) == NULL) fail_msg("wanted %s in: %s", rows[i].problem, buffer_text(&words));
        }
        if (fault == FAULT_NONE) policy_drop(p);
        buffer_deinit(&words);
        arena_deinit(&arena);
    }
    policy_drop(names);
}

static void pseudonyms(void **state) {
    static const struct config_registry_allowance lent[] = {
        {"budget", "u", "{\"name\":\"u\",\"scope\":{\"user\":\"ann\"},\"limit_usd\":1,\"window\":\"day\"}"},
        {"limit", "t", "{\"name\":\"t\",\"scope\":{\"application\":\"quiet\",\"tag\":\"plan=*\"},\"concurrent\":3}"},
        {"limit", "s", "{\"name\":\"s\",\"scope\":{\"application\":\"a\",\"tag\":\"tier=*\"},\"concurrent\":3}"}};
    char one[PSEUDONYM_TEXT], two[PSEUDONYM_TEXT];
    (void)state;
    struct policy *p = lend(lent, 3);
    const struct application *a = &p->applications[0], *quiet = &p->applications[1];
    assert_false(a->needs_user); /* it keeps users as they are */
    assert_int_equal(a->n_needed_tags, 0);
    assert_true(quiet->needs_user);
    assert_int_equal(quiet->n_needed_tags, 1);
    assert_string_equal(quiet->needed_tags[0], "plan");
    pseudonym_of(p->pseudonym_key, NULL, SLICE("ann"), one);
    assert_string_equal(p->budgets[1].scope.terms[0].alias, one);
    assert_int_equal(strlen(one), PSEUDONYM_TEXT - 1);
    assert_int_equal(one[0], '~');
    pseudonym_of(p->pseudonym_key, NULL, SLICE("anm"), two);
    assert_string_not_equal(one, two);
    pseudonym_of(p->pseudonym_key, "ann", SLICE("ann"), two);
    assert_string_not_equal(one, two);
    pseudonym_of((uint8_t[DIGEST_KEY]){9}, NULL, SLICE("ann"), two);
    assert_string_not_equal(one, two);
    policy_drop(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_holds_is_in), cmocka_unit_test(what_does_not_is_left_out),
                                       cmocka_unit_test(objects_alone), cmocka_unit_test(pseudonyms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
