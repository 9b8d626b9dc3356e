#include "base/clock.h"
#include "base/mem.h"
#include "model/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CENT 10000000LL

static const char head[] = "providers: {p: {dialect: openai, base_url: http://h}}\n"
                           "models: {support-chat: {targets: [{provider: p, model: x}]}}\n";

static struct policy *read(const char *yaml, char *ret_problems, size_t size) {
    static char text[65536];
    struct config_source source = {0};
    struct problems problems;
    struct arena arena;
    struct buffer words;
    struct policy *p = NULL;
    snprintf(text, sizeof text, "%s%s", head, yaml);
    arena_init(&arena, 4096, 1 << 20);
    buffer_init(&words, 65536);
    (void)(config_read(slice_of(text), "q.yaml", &source, NULL, &arena, &p, &problems) == FAULT_NONE);
    problems_write(&problems, &words);
    snprintf(ret_problems, size, "%s", buffer_text(&words));
    buffer_deinit(&words);
    arena_deinit(&arena);
    return p;
}

static struct policy *good(const char *yaml) {
    char problems[8192];
    struct policy *p = read(yaml, problems, sizeof problems);
    assert_string_equal(problems, "");
    return p;
}

/* `wanted` one a line, with lines counted from the text's own first. */
static void expect(const char *yaml, const char *wanted) {
    char problems[8192];
    struct policy *p = read(yaml, problems, sizeof problems);
    assert_null(p);
    assert_string_equal(problems, wanted);
}

/* The issue's own example. */
static void test_contract(void **state) {
    struct policy *p =
        good("budgets:\n"
             "  - {name: helpdesk-month, scope: {application: helpdesk}, limit_usd: 100, window: month, "
             "timezone: Europe/London, mode: hard}\n"
             "  - {name: each-user-day,  scope: {application: helpdesk, user: \"*\"}, limit_usd: 0.50, "
             "window: day, mode: soft, alert_at: [0.5, 0.8, 1.0]}\n"
             "limits:\n"
             "  - {scope: {key: web}, requests_per_minute: 600, tokens_per_minute: 200000, concurrent: 32}\n"
             "applications:\n"
             "  helpdesk: {approve_above_usd: 0.50, unknown_price: block}\n");
    (void)state;
    assert_int_equal(p->n_budgets, 2);
    const struct budget *b = &p->budgets[0];
    assert_string_equal(b->name, "helpdesk-month");
    assert_int_equal(b->scope.n_terms, 1);
    assert_int_equal(b->scope.terms[0].by, SCOPE_BY_APPLICATION);
    assert_string_equal(b->scope.terms[0].value, "helpdesk");
    assert_int_equal(b->limit_nano, 100 * MONEY_USD);
    assert_int_equal(b->window, BUDGET_MONTH);
    assert_string_equal(zone_name(b->zone), "Europe/London");
    assert_int_equal(b->mode, BUDGET_HARD);
    assert_true(b->block_on_error);
    assert_int_equal(b->n_alerts, 2);
    assert_true(b->alert_at[0] == 0.8 && b->alert_at[1] == 1);
    b = &p->budgets[1];
    assert_string_equal(b->scope.text, "application=helpdesk,user=*");
    assert_null(b->scope.terms[1].value);
    assert_int_equal(b->limit_nano, 50 * CENT);
    assert_int_equal(b->window, BUDGET_DAY);
    assert_string_equal(zone_name(b->zone), "UTC");
    assert_int_equal(b->mode, BUDGET_SOFT);
    assert_false(b->block_on_error);
    assert_int_equal(b->n_alerts, 3);
    assert_true(b->alert_at[0] == 0.5 && b->alert_at[2] == 1);
    assert_int_equal(p->n_limits, 1);
    const struct rate_limit *l = &p->limits[0];
    assert_string_equal(l->name, "key=web");
    assert_int_equal(l->requests_per_minute, 600);
    assert_int_equal(l->tokens_per_minute, 200000);
    assert_int_equal(l->concurrent, 32);
    assert_int_equal(l->burst_us, 60000000);
    const struct application *a = &p->applications[0];
    assert_int_equal(a->requests.approve_above_nano, 50 * CENT);
    assert_true(a->block_unknown_price);
    policy_drop(p);
}

static void test_defaults(void **state) {
    struct policy *p = good(
        "applications: {a: }\nbudgets: [{name: b, limit_usd: 0, window: week}]\nlimits: [{concurrent: 1}]\n");
    (void)state;
    const struct application *a = &p->applications[0];
    assert_false(money_is_known(a->requests.approve_above_nano));
    assert_false(a->block_unknown_price);
    assert_int_equal(a->requests.max_output_tokens, -1);
    assert_int_equal(a->requests.history.keep_last, -1);
    assert_int_equal(a->requests.history.max_tokens, -1);
    assert_true(a->requests.history.keep_system);
    assert_false(a->requests.history.keep_first);
    assert_ptr_equal(policy_requests(a, SLICE("any")), &a->requests);
    assert_int_equal(p->budgets[0].mode, BUDGET_HARD);
    assert_int_equal(p->budgets[0].scope.n_terms, 0);
    assert_string_equal(p->budgets[0].scope.text, "");
    assert_int_equal(p->limits[0].requests_per_minute, -1);
    assert_string_equal(p->limits[0].name, "everything");
    assert_false(p->limits[0].block_on_error);
    policy_drop(p);
    p = good("applications: {a: }\n");
    assert_int_equal(p->n_budgets + p->n_limits, 0);
    policy_drop(p);
    p = good("budgets: []\nlimits: []\n");
    assert_int_equal(p->n_budgets + p->n_limits, 0);
    policy_drop(p);
}

static void test_requests(void **state) {
    struct policy *p =
        good("applications:\n"
             "  a:\n"
             "    max_output_tokens: 1000\n"
             "    approve_above_usd: 0.000000001\n"
             "    history: {keep_last: 6, keep_first: true}\n"
             "    request_types:\n"
             "      report: {max_output_tokens: 8000, history: {max_tokens: 4000, keep_system: false}}\n"
             "      short: \n");
    (void)state;
    const struct application *a = &p->applications[0];
    const struct request_policy *report = policy_requests(a, SLICE("report")),
                                *shorter = policy_requests(a, SLICE("short")),
                                *other = policy_requests(a, SLICE_NULL);
    assert_string_equal(report->request_type, "report");
    assert_int_equal(report->max_output_tokens, 8000);
    assert_int_equal(report->approve_above_nano, 1); /* the application's */
    assert_int_equal(report->history.keep_last, 6);
    assert_int_equal(report->history.max_tokens, 4000);
    assert_false(report->history.keep_system);
    assert_true(report->history.keep_first);
    assert_int_equal(shorter->max_output_tokens, 1000);
    assert_true(shorter->history.keep_system);
    assert_ptr_equal(other, &a->requests);
    assert_int_equal(other->history.max_tokens, -1);
    policy_drop(p);
}

static int64_t at(const char *text) {
    int64_t us = 0;
    assert_true(clock_parse(slice_of(text), &us));
    return us;
}

static void test_periods_and_scopes(void **state) {
    struct policy *p = good(
        "applications: {a: }\n"
        "budgets:\n"
        "  - {name: x, limit_usd: 1, window: once, from: 2026-07-01, to: 2026-07-02T12:00:00+02:00, "
        "timezone: Europe/London}\n"
        "  - name: y\n"
        "    limit_usd: 1\n"
        "    window: day\n"
        "    mode: degrade\n"
        "    on_error: block\n"
        "    alert_at: [1, 0.5, 1.0]\n"
        "    scope: {team: red, feature: \"*\", key: web, model: support-chat, request_type: r, tag: \"env = "
        "*\"}\n"
        "limits: [{name: z, scope: {tag: env=prod}, tokens_per_minute: 5, burst: 10s, on_error: block}]\n");
    (void)state;
    assert_int_equal(p->budgets[0].from_us, at("2026-06-30T23:00:00Z")); /* midnight in London */
    assert_int_equal(p->budgets[0].to_us, at("2026-07-02T10:00:00Z"));
    const struct scope *s = &p->budgets[1].scope;
    assert_int_equal(s->n_terms, 6);
    assert_string_equal(s->text, "team=red,feature=*,key=web,model=support-chat,request_type=r,tag=env=*");
    assert_string_equal(s->terms[5].tag, "env");
    assert_null(s->terms[5].value);
    assert_int_equal(p->budgets[1].mode, BUDGET_DEGRADE);
    assert_true(p->budgets[1].block_on_error);
    assert_int_equal(p->budgets[1].n_alerts, 2);
    assert_string_equal(p->limits[0].scope.terms[0].value, "prod");
    assert_string_equal(p->limits[0].scope.text, "tag=env=prod");
    assert_int_equal(p->limits[0].burst_us, 10000000);
    assert_true(p->limits[0].block_on_error);
    policy_drop(p);
}

static void test_problems(void **state) {
    (void)state;
    expect(
        "applications:\n"
        "  helpdesk: {approve_above_usd: a lot, unknown_price: maybe, request_types: {r: {histroy: {}}}}\n"
        "budgets:\n"
        "  - {name: a, limit_usd: -1, window: monthly}\n"
        "  - {nam: b, scope: {usr: \"*\", application: helpdsk, model: suport-chat}, limit_usd: 1, window: "
        "day}\n"
        "  - {name: c, limit_usd: 1, window: day, timezone: Europe/Lodon, alert_at: [0, x, 101]}\n"
        "  - {name: c, limit_usd: 0.0000000001, window: day, timezone: ../x}\n"
        "  - {name: d, limit_usd: 1, window: once, from: 2026-01-02}\n"
        "  - {name: e, limit_usd: 1, window: once, from: 2026-01-02, to: 2026-01-02}\n"
        "  - {name: f, limit_usd: 1, window: once, from: -7d, to: 2026-02-30}\n"
        "  - {name: g, limit_usd: 1, window: day, to: 2026-01-02}\n"
        "  - {name: h, limit_usd: 1, window: day, scope: {tag: env}}\n"
        "  - {name: i, limit_usd: 1, window: day, scope: {tag: \"a=b,c=d\"}}\n"
        "  - j\n"
        "limits:\n"
        "  - {scope: {key: web}}\n"
        "  - {requests_per_minute: 0}\n"
        "  - {name: everything, concurrent: 1}\n"
        "  - {concurrent: 1}\n",
        "q.yaml:4:33: applications.helpdesk.approve_above_usd: expected US dollars such as 100 or 0.50, from "
        "0 to 1000000, found `a lot`\n"
        "q.yaml:4:55: applications.helpdesk.unknown_price: expected one of allow | block, found `maybe`\n"
        "q.yaml:4:82: applications.helpdesk.request_types.r.histroy: unknown key; did you mean `history`?\n"
        "q.yaml:6:26: budgets[0].limit_usd: expected US dollars such as 100 or 0.50, from 0 to 1000000000, "
        "found `-1`\n"
        "q.yaml:6:38: budgets[0].window: expected one of day | week | month | once, found `monthly`\n"
        "q.yaml:7:5: budgets[1].name: this is required (name)\n"
        "q.yaml:7:6: budgets[1].nam: unknown key; did you mean `name`?\n"
        "q.yaml:7:22: budgets[1].scope.usr: unknown key; did you mean `user`?\n"
        "q.yaml:7:45: budgets[1].scope.application: no such application `helpdsk`; did you mean `helpdesk`?\n"
        "q.yaml:7:61: budgets[1].scope.model: no such model `suport-chat`; did you mean `support-chat`?\n"
        "q.yaml:8:52: budgets[2].timezone: no such time zone: `Europe/Lodon`; did you mean `Europe/London`?\n"
        "q.yaml:8:77: budgets[2].alert_at[0]: expected a share of the limit such as 0.8, above 0 and at most "
        "100, found `0`\n"
        "q.yaml:8:80: budgets[2].alert_at[1]: expected a share of the limit such as 0.8, above 0 and at most "
        "100, found `x`\n"
        "q.yaml:8:83: budgets[2].alert_at[2]: expected a share of the limit such as 0.8, above 0 and at most "
        "100, found `101`\n"
        "q.yaml:9:12: budgets[3].name: `c` is taken already\n"
        "q.yaml:9:26: budgets[3].limit_usd: expected US dollars such as 100 or 0.50, from 0 to 1000000000, "
        "found `0.0000000001`\n"
        "q.yaml:9:63: budgets[3].timezone: no such time zone: `../x`\n"
        "q.yaml:10:5: budgets[4].to: this is required with window: once\n"
        "q.yaml:11:65: budgets[5].to: expected a time after `from`\n"
        "q.yaml:12:49: budgets[6].from: expected a date such as 2026-11-21 or a time such as "
        "2026-11-21T09:00:00Z, found `-7d`\n"
        "q.yaml:13:46: budgets[7].to: only a budget with window: once has this\n"
        "q.yaml:14:55: budgets[8].scope.tag: expected one tag as k=v or k=*, found `env`\n"
        "q.yaml:15:55: budgets[9].scope.tag: expected one tag as k=v or k=*, found `a=b,c=d`\n"
        "q.yaml:16:5: budgets[10]: expected a map, found `j`\n"
        "q.yaml:18:5: limits[0]: expected at least one of `requests_per_minute`, `tokens_per_minute`, "
        "`concurrent`\n"
        "q.yaml:19:5: limits[1]: expected at least one of `requests_per_minute`, `tokens_per_minute`, "
        "`concurrent`\n"
        "q.yaml:19:27: limits[1].requests_per_minute: expected a whole number, from 1 to 1000000000, found "
        "`0`\n"
        "q.yaml:20:12: limits[2].name: `everything` is taken already\n"
        "q.yaml:21:5: limits[3].name: `everything` is taken already\n");
}

static void test_too_many(void **state) {
    static char yaml[65536];
    char wanted[128];
    int n = snprintf(yaml, sizeof yaml, "limits:\n");
    (void)state;
    for (int i = 0; i <= LIMIT_RATE_LIMITS; i++)
        n += snprintf(yaml + n, sizeof yaml - (size_t)n, "  - {name: l%d, concurrent: 1}\n", i);
    snprintf(wanted, sizeof wanted, "q.yaml:4:3: limits: expected at most %d, found %d\n", LIMIT_RATE_LIMITS,
             LIMIT_RATE_LIMITS + 1);
    expect(yaml, wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_periods_and_scopes),
        cmocka_unit_test(test_problems), cmocka_unit_test(test_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
