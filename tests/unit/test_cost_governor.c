/* What is admitted, refused and told. test_cost_books.c has the books: windows, reloads, restarts, threads.
 */
#include "test_cost_governor_rig.h"

static const char nested[] =
    "applications: {a: , b: }\n"
    "budgets:\n"
    "  - {name: whole, scope: {application: a}, limit_usd: 1, window: month, timezone: Europe/London}\n"
    "  - {name: users, scope: {application: a, user: \"*\"}, limit_usd: 0.30, window: day}\n";

static void test_nested(void **state) {
    struct rig r;
    struct reservation one, two;
    (void)state;
    rig_open(&r, nested);
    assert_int_equal(admit(&r, by("ann", NULL), 20 * CENT, &one), VERDICT_ADMIT);
    check_view(&r, "whole", NULL, 0, 20 * CENT);
    check_view(&r, "users", "ann", 0, 20 * CENT);
    assert_int_equal(admit(&r, by("ann", NULL), 11 * CENT, &two), VERDICT_REFUSE); /* over ann's */
    assert_int_equal(r.verdict.fault, FAULT_BUDGET_EXCEEDED);
    assert_string_equal(
        r.verdict.text,
        "budget `users` of 0.3 USD: 0 spent and 0.2 reserved since 2026-11-21T00:00:00.000000Z; "
        "this request may cost 0.11 USD");
    assert_int_equal(r.verdict.retry_after_us, 16 * HOUR);
    check_view(&r, "whole", NULL, 0, 20 * CENT); /* and the other one never saw it */
    settle(&r, by("ann", NULL), &one, 5 * CENT);
    check_view(&r, "whole", NULL, 5 * CENT, 0);
    assert_int_equal(one.n, 0);
    for (int i = 0; i < 3; i++) {
        static const char *const others[] = {"u0", "u1", "u2"};
        assert_int_equal(spend(&r, by(others[i], NULL), 30 * CENT), VERDICT_ADMIT);
    }
    assert_int_equal(admit(&r, by("ann", NULL), 6 * CENT, &two),
                     VERDICT_REFUSE); /* over the whole: ann's is given back */
    assert_non_null(strstr(r.verdict.text, "`whole`"));
    check_view(&r, "users", "ann", 5 * CENT, 0);
    assert_int_equal(admit(&r, by("ann", NULL), 5 * CENT, &two), VERDICT_ADMIT);
    check_view(&r, "whole", NULL, 95 * CENT, 5 * CENT);
    governor_release(r.governor, &two);
    check_view(&r, "whole", NULL, 95 * CENT, 0);
    governor_release(r.governor, &two); /* empty now */
    check_view(&r, "whole", NULL, 95 * CENT, 0);
    struct admission_labels other = {.application = SLICE("b"), .user = SLICE("ann")};
    assert_int_equal(spend(&r, other, 1000 * CENT), VERDICT_ADMIT);
    struct budget_view v = look(&r, "whole", NULL);
    assert_int_equal(v.window.start_us, at("2026-11-01T00:00:00Z"));
    assert_int_equal(v.window.end_us, at("2026-12-01T00:00:00Z"));
    rig_close(&r);
}

static void test_scopes(void **state) {
    static const char yaml[] = "applications: {a: , b: }\n"
                               "budgets:\n"
                               "  - {name: everything, limit_usd: 100, window: day}\n"
                               "  - {name: team, scope: {team: red}, limit_usd: 100, window: day}\n"
                               "  - {name: feature, scope: {feature: \"*\"}, limit_usd: 100, window: day}\n"
                               "  - {name: key, scope: {key: web}, limit_usd: 100, window: day}\n"
                               "  - {name: model, scope: {model: chat}, limit_usd: 100, window: day}\n"
                               "  - {name: type, scope: {request_type: \"*\"}, limit_usd: 100, window: day}\n"
                               "  - {name: tag, scope: {tag: \"env=prod\"}, limit_usd: 100, window: day}\n"
                               "  - {name: customers, scope: {application: \"*\", tag: \"customer=*\"}, "
                               "limit_usd: 100, window: day}\n";
    struct rig r;
    (void)state;
    rig_open(&r, yaml);
    struct admission_labels l = {.application = SLICE("a"),
                                 .team = SLICE("red"),
                                 .feature = SLICE("search"),
                                 .key = SLICE("web"),
                                 .model = SLICE("chat"),
                                 .request_type = SLICE("short"),
                                 .tags = SLICE("env=prod,customer=x")};
    assert_int_equal(spend(&r, l, CENT), VERDICT_ADMIT);
    const struct {
        const char *name, *value;
    } all[] = {{"everything", NULL}, {"team", "red"},   {"feature", "search"}, {"key", "web"},
               {"model", "chat"},    {"type", "short"}, {"tag", "prod"},       {"customers", "x"}};
    for (unsigned i = 0; i < 8; i++) check_view(&r, all[i].name, all[i].value, CENT, 0);
    l = (struct admission_labels){.application = SLICE("a"),
                                  .team = SLICE("redder"),
                                  .key = SLICE("we"),
                                  .model = SLICE("other"),
                                  .tags = SLICE("prod=env,customer=,env=production")};
    assert_int_equal(spend(&r, l, CENT), VERDICT_ADMIT); /* what has no value is in no "*" */
    check_view(&r, "everything", NULL, 2 * CENT, 0);
    for (unsigned i = 1; i < 8; i++) check_view(&r, all[i].name, all[i].value, CENT, 0);
    /* two "*" are counted by their pair, and "ab" + "c" is not "a" + "bc" */
    l = (struct admission_labels){.application = SLICE("b"), .tags = SLICE("customer=x")};
    assert_int_equal(spend(&r, l, 3 * CENT), VERDICT_ADMIT);
    struct look found = {.name = "customers", .value = "x"};
    governor_each_budget(r.governor, r.wall_us, look_at, &found);
    assert_int_equal(found.found, 2);
    rig_close(&r);
}

static void test_long_and_odd_values(void **state) {
    static const char yaml[] = "applications: {a: }\nbudgets: [{name: u, scope: {team: \"*\", user: \"*\"}, "
                               "limit_usd: 1, window: day}]\n";
    char longer[LIMIT_LABEL + 10], longest[LIMIT_LABEL + 10];
    struct rig r;
    (void)state;
    memset(longer, 'x', sizeof longer);
    memset(longest, 'x', sizeof longest);
    longer[LIMIT_LABEL + 1] = longest[LIMIT_LABEL + 9] = 0;
    rig_open(&r, yaml);
    assert_int_equal(spend(&r, by(longer, longer), 60 * CENT), VERDICT_ADMIT);
    assert_int_equal(spend(&r, by(longest, longest), 60 * CENT),
                     VERDICT_REFUSE); /* the same first 256 bytes */
    assert_int_equal(spend(&r, by("ab", "c"), 60 * CENT), VERDICT_ADMIT);
    assert_int_equal(spend(&r, by("b", "ca"), 60 * CENT), VERDICT_ADMIT);
    assert_int_equal(spend(&r, by("ab", "c"), 60 * CENT), VERDICT_REFUSE);
    struct governor_stats s;
    governor_stats(r.governor, &s);
    assert_int_equal(s.budget_counters, 3);
    rig_close(&r);
}

static void test_soft_and_alerts(void **state) {
    static const char yaml[] = "applications: {a: }\nbudgets: [{name: each-user-day, scope: {application: a, "
                               "user: \"*\"}, limit_usd: 0.50, window: day, mode: "
                               "soft, alert_at: [1.0, 0.5, 0.8]}]\n";
    struct rig r;
    (void)state;
    rig_open(&r, yaml);
    assert_int_equal(spend(&r, by("ann", NULL), 24 * CENT), VERDICT_ADMIT);
    assert_int_equal(r.n_alerts, 0);
    assert_int_equal(spend(&r, by("ann", NULL), 1 * CENT), VERDICT_ADMIT);
    assert_int_equal(r.n_alerts, 1);
    assert_string_equal(r.alerts[0].name, "each-user-day");
    assert_string_equal(r.alerts[0].value, "ann");
    assert_true(r.alerts[0].share == 0.5);
    assert_int_equal(r.alerts[0].spent, 25 * CENT);
    assert_false(r.alerts[0].replayed);
    assert_int_equal(spend(&r, by("bob", NULL), 100 * CENT), VERDICT_ADMIT); /* soft: far over, all three */
    assert_int_equal(r.n_alerts, 4);
    assert_int_equal(spend(&r, by("bob", NULL), 100 * CENT), VERDICT_ADMIT);
    assert_int_equal(r.n_alerts, 4);
    r.wall_us += DAY; /* another window: told anew */
    assert_int_equal(spend(&r, by("bob", NULL), 40 * CENT), VERDICT_ADMIT);
    assert_int_equal(r.n_alerts, 6);
    assert_true(r.alerts[5].share == 0.8);
    rig_close(&r);
}

static void test_degrade(void **state) {
    static const char yaml[] = "applications: {a: }\nbudgets: [{name: d, scope: {application: a}, limit_usd: "
                               "1, window: day, mode: degrade}]\n";
    struct rig r;
    struct reservation one;
    (void)state;
    rig_open(&r, yaml);
    assert_int_equal(spend(&r, by(NULL, NULL), 90 * CENT), VERDICT_ADMIT);
    assert_int_equal(admit(&r, by(NULL, NULL), 20 * CENT, &one), VERDICT_DEGRADE);
    assert_non_null(strstr(r.verdict.text, "budget `d` of 1 USD"));
    check_view(&r, "d", NULL, 90 * CENT, 20 * CENT);
    settle(&r, by(NULL, NULL), &one, 2 * CENT); /* the cheaper target */
    check_view(&r, "d", NULL, 92 * CENT, 0);
    assert_int_equal(spend(&r, by(NULL, NULL), 8 * CENT), VERDICT_ADMIT);
    assert_int_equal(spend(&r, by(NULL, NULL), 1), VERDICT_DEGRADE);
    rig_close(&r);
}

static void test_approval(void **state) {
    static const char yaml[] =
        "applications: {a: {approve_above_usd: 0.50, request_types: {report: {approve_above_usd: 3}}}}\n";
    static const struct {
        const char *type;
        int64_t worst, approved;
        bool refused;
    } cases[] = {
        {NULL, 50 * CENT, -1, false},           {NULL, 50 * CENT + 1, -1, true},
        {NULL, 60 * CENT, 60 * CENT - 1, true}, {NULL, 60 * CENT, 60 * CENT, false},
        {"chat", 60 * CENT, -1, true},          {"report", 300 * CENT, -1, false},
        {"report", 300 * CENT + 1, -1, true},   {"report", 400 * CENT, 400 * CENT, false},
        {NULL, MONEY_UNKNOWN, -1, false},
    };
    struct rig r;
    struct reservation one;
    (void)state;
    rig_open(&r, yaml);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct admission_request q = ask(&r, by(NULL, NULL), cases[i].worst);
        q.labels.request_type = slice_of(cases[i].type);
        q.approved_nano = cases[i].approved;
        governor_admit(r.governor, &q, &r.verdict, &one);
        assert_int_equal(r.verdict.outcome, cases[i].refused ? VERDICT_REFUSE : VERDICT_ADMIT);
        assert_int_equal(r.verdict.estimate_nano, cases[i].worst);
        if (cases[i].refused) assert_int_equal(r.verdict.fault, FAULT_APPROVAL_REQUIRED);
    }
    struct admission_request q = ask(&r, by(NULL, NULL), 60 * CENT);
    governor_admit(r.governor, &q, &r.verdict, &one);
    assert_string_equal(r.verdict.text, "this request may cost 0.6 USD, and above 0.5 USD it needs approval: "
                                        "send x-quarterdeck-approve-cost: 0.6");
    assert_int_equal(r.verdict.retry_after_us, -1);
    rig_close(&r);
}

/* An operator's approval: the larger counts, until its end, judged by the request's own time. */
static void test_operator_approval(void **state) {
    struct rig r;
    struct reservation one;
    (void)state;
    rig_open(&r, "applications: {a: {approve_above_usd: 0.50, request_types: {report: {}, big: {approve_above_usd: 9}}}}\n");
    for (unsigned i = 0; i < 2; i++) {
        r.policy->applications[0].request_types[i].approved_nano = 200 * CENT;
        r.policy->applications[0].request_types[i].approved_until_us = r.wall_us;
    }
    struct admission_request q = ask(&r, by(NULL, NULL), 200 * CENT);
    q.labels.request_type = SLICE("report");
    q.wall_us = r.wall_us - 1;
    governor_admit(r.governor, &q, &r.verdict, &one);
    assert_int_equal(r.verdict.outcome, VERDICT_ADMIT);
    q.worst_cost_nano++;
    governor_admit(r.governor, &q, &r.verdict, &one);
    assert_int_equal(r.verdict.fault, FAULT_APPROVAL_REQUIRED);
    assert_non_null(strstr(r.verdict.text, "above 2 USD"));
    assert_non_null(strstr(r.verdict.text, "quarterdeck budget approve --application a --request-type report --up-to 2.000000001 --why"));
    q.worst_cost_nano = 51 * CENT;
    q.wall_us = r.wall_us; /* it has ended */
    governor_admit(r.governor, &q, &r.verdict, &one);
    assert_int_equal(r.verdict.fault, FAULT_APPROVAL_REQUIRED);
    q.labels.request_type = SLICE("big"); /* the configuration's own is the larger, and does not end */
    q.worst_cost_nano = 900 * CENT;
    governor_admit(r.governor, &q, &r.verdict, &one);
    assert_int_equal(r.verdict.outcome, VERDICT_ADMIT);
    q.labels.request_type = SLICE("x; rm -rf /"); /* a label that is no word does not go into a command */
    governor_admit(r.governor, &q, &r.verdict, &one);
    assert_null(strstr(r.verdict.text, "--request-type"));
    rig_close(&r);
}

static void test_unknown_price(void **state) {
    static const char block[] = "applications: {a: {unknown_price: block}}\n";
    static const char allow[] =
        "applications: {a: }\nbudgets: [{name: h, scope: {application: a}, limit_usd: 1, window: day}]\n";
    struct rig r;
    struct reservation one;
    (void)state;
    rig_open(&r, block);
    assert_int_equal(admit(&r, by(NULL, NULL), MONEY_UNKNOWN, &one), VERDICT_REFUSE);
    assert_int_equal(r.verdict.fault, FAULT_UNKNOWN_PRICE);
    assert_string_equal(
        r.verdict.text,
        "the price of model `chat` is not known, and application `a` has unknown_price: block");
    assert_int_equal(admit(&r, by(NULL, NULL), 0, &one), VERDICT_ADMIT); /* free is known */
    rig_close(&r);

    rig_open(&r, allow);
    assert_int_equal(admit(&r, by(NULL, NULL), MONEY_UNKNOWN, &one), VERDICT_ADMIT);
    settle(&r, by(NULL, NULL), &one, MONEY_UNKNOWN);
    check_view(&r, "h", NULL, 0, 0);
    assert_int_equal(look(&r, "h", NULL).unpriced, 1);
    assert_int_equal(admit(&r, by(NULL, NULL), MONEY_UNKNOWN, &one), VERDICT_ADMIT);
    settle(&r, by(NULL, NULL), &one, 30 * CENT); /* answered by a target with a price */
    check_view(&r, "h", NULL, 30 * CENT, 0);
    assert_int_equal(admit(&r, by(NULL, NULL), 50 * CENT, &one), VERDICT_ADMIT);
    settle(&r, by(NULL, NULL), &one, MONEY_UNKNOWN); /* and the other way */
    check_view(&r, "h", NULL, 30 * CENT, 0);
    assert_int_equal(look(&r, "h", NULL).unpriced, 2);
    assert_int_equal(spend(&r, by(NULL, NULL), 70 * CENT), VERDICT_ADMIT);
    assert_int_equal(admit(&r, by(NULL, NULL), MONEY_UNKNOWN, &one), VERDICT_REFUSE); /* nothing is left */
    assert_non_null(strstr(r.verdict.text, "may cost an unknown sum"));
    assert_int_equal(admit(&r, by(NULL, NULL), 0, &one), VERDICT_ADMIT);
    rig_close(&r);
}

static void test_limits(void **state) {
    static const char yaml[] =
        "applications: {a: }\n"
        "limits:\n"
        "  - {scope: {application: a}, requests_per_minute: 600, tokens_per_minute: 1000}\n"
        "  - {name: by-user, scope: {user: \"*\"}, requests_per_minute: 3, concurrent: 2}\n"
        "budgets: [{name: h, scope: {application: a}, limit_usd: 1, window: day}]\n";
    struct rig r;
    struct reservation one, two, three;
    (void)state;
    rig_open(&r, yaml);
    struct admission_request q = ask(&r, by("ann", NULL), CENT);
    q.tokens = 400;
    governor_admit(r.governor, &q, &r.verdict, &one);
    assert_int_equal(r.verdict.outcome, VERDICT_ADMIT);
    assert_int_equal(r.verdict.requests.limit, 3); /* the one nearest its end */
    assert_int_equal(r.verdict.requests.remaining, 2);
    assert_int_equal(r.verdict.requests.reset_us, 20 * SECOND);
    assert_int_equal(r.verdict.tokens.limit, 1000);
    assert_int_equal(r.verdict.tokens.remaining, 600);
    assert_int_equal(r.verdict.tokens.reset_us, 24 * SECOND);
    assert_int_equal(admit(&r, by("ann", NULL), CENT, &two), VERDICT_ADMIT);
    assert_int_equal(admit(&r, by("ann", NULL), CENT, &three), VERDICT_REFUSE);
    assert_int_equal(r.verdict.fault, FAULT_RATE_LIMITED);
    assert_string_equal(r.verdict.text, "limit `by-user`: 2 requests at once are reached");
    governor_release(r.governor, &two);
    assert_int_equal(admit(&r, by("ann", NULL), CENT, &two), VERDICT_ADMIT); /* the third of three */
    governor_release(r.governor, &two);
    assert_int_equal(admit(&r, by("ann", NULL), CENT, &two), VERDICT_REFUSE);
    assert_string_equal(r.verdict.text, "limit `by-user`: 3 requests a minute are reached");
    assert_int_equal(r.verdict.retry_after_us, 20 * SECOND);
    assert_int_equal(r.verdict.requests.remaining, 0);
    /* what was refused took nothing: 600 - 3 are left of the other limit, and all money but what `one` holds
     */
    assert_int_equal(admit(&r, by(NULL, NULL), CENT, &two), VERDICT_ADMIT);
    assert_int_equal(r.verdict.requests.remaining, 596);
    check_view(&r, "h", NULL, 0, 2 * CENT);
    governor_release(r.governor, &two);

    q = ask(&r, by("bob", NULL), CENT);
    q.tokens = 700;
    governor_admit(r.governor, &q, &r.verdict, &two);
    assert_int_equal(r.verdict.fault, FAULT_RATE_LIMITED);
    assert_string_equal(
        r.verdict.text,
        "limit `application=a`: 1000 tokens a minute, 600 left; this request takes up to 700");
    assert_int_equal(r.verdict.retry_after_us, 6 * SECOND);
    struct settlement s = {.labels = by("ann", NULL), .wall_us = r.wall_us, .cost_nano = CENT, .tokens = 100};
    governor_settle(r.governor, &one, &s); /* 100, not 400 */
    governor_admit(r.governor, &q, &r.verdict, &two);
    assert_int_equal(r.verdict.outcome, VERDICT_ADMIT);
    assert_int_equal(r.verdict.tokens.remaining, 200);
    governor_release(r.governor, &two);

    /* a budget's refusal gives the limits back */
    q = ask(&r, by("cat", NULL), 1000 * CENT);
    q.tokens = 900;
    for (int i = 0; i < 5; i++) {
        governor_admit(r.governor, &q, &r.verdict, &two);
        assert_int_equal(r.verdict.fault, FAULT_BUDGET_EXCEEDED);
    }
    q.worst_cost_nano = CENT;
    governor_admit(r.governor, &q, &r.verdict, &two);
    assert_int_equal(r.verdict.outcome, VERDICT_ADMIT);
    assert_int_equal(r.verdict.requests.remaining, 2);
    governor_release(r.governor, &two);
    q.tokens = 1001;
    governor_admit(r.governor, &q, &r.verdict, &two);
    assert_int_equal(r.verdict.retry_after_us, -1);
    assert_non_null(strstr(r.verdict.text, "more than it ever allows at once"));
    rig_close(&r);
}

static void test_nothing_applies(void **state) {
    struct rig r;
    struct reservation one;
    (void)state;
    rig_open(&r, "applications: {a: }\n");
    assert_int_equal(admit(&r, by("ann", NULL), CENT, &one), VERDICT_ADMIT);
    assert_int_equal(r.verdict.requests.limit, -1);
    assert_int_equal(r.verdict.tokens.limit, -1);
    settle(&r, by("ann", NULL), &one, CENT);
    rig_close(&r);
    struct governor *g = governor_new(NULL); /* before the first policy */
    struct admission_request q = {.labels = by("ann", NULL), .worst_cost_nano = CENT};
    struct settlement s = {.labels = q.labels, .cost_nano = CENT};
    governor_admit(g, &q, &r.verdict, &one);
    assert_int_equal(r.verdict.outcome, VERDICT_ADMIT);
    governor_settle(g, &one, &s);
    governor_sweep(g, 0, 0);
    governor_free(g);
    governor_free(NULL);
}

static void test_too_many_rules(void **state) {
    struct rig r;
    struct reservation one;
    char yaml[8192];
    (void)state;
    for (int block = 0; block < 2; block++) {
        int n = snprintf(yaml, sizeof yaml, "applications: {a: }\nbudgets:\n");
        for (int i = 0; i <= LIMIT_HOLDS; i++)
            n += snprintf(yaml + n, sizeof yaml - (size_t)n,
                          "  - {name: b%d, limit_usd: 1, window: day, on_error: %s}\n", i,
                          block ? "block" : "allow");
        rig_open(&r, yaml);
        enum verdict_outcome outcome = admit(&r, by(NULL, NULL), CENT, &one);
        if (block) {
            assert_int_equal(outcome, VERDICT_REFUSE);
            assert_int_equal(r.verdict.fault, FAULT_OVERLOADED);
            assert_string_equal(r.verdict.text,
                                "budget `b16` cannot be checked: too many budgets and limits match");
            check_view(&r, "b0", NULL, 0, 0);
        } else { /* the one too many is not reserved in, but it is booked */
            assert_int_equal(outcome, VERDICT_ADMIT);
            check_view(&r, "b15", NULL, 0, CENT);
            check_view(&r, "b16", NULL, 0, 0);
            settle(&r, by(NULL, NULL), &one, CENT);
            check_view(&r, "b15", NULL, CENT, 0);
            check_view(&r, "b16", NULL, CENT, 0);
        }
        rig_close(&r);
    }
}

static void test_full(void **state) {
    static const char yaml[] =
        "applications: {a: }\nbudgets:\n"
        "  - {name: hard, scope: {user: \"*\"}, limit_usd: 1, window: day}\n"
        "  - {name: soft, scope: {team: \"*\"}, limit_usd: 1, window: day, mode: soft}\n";
    struct rig r;
    struct governor_stats s;
    struct reservation one;
    char user[16];
    (void)state;
    rig_open(&r, yaml);
    for (unsigned i = 0; i < LIMIT_BUDGET_COUNTERS; i++) {
        snprintf(user, sizeof user, "u%u", i);
        assert_int_equal(spend(&r, by(user, NULL), CENT), VERDICT_ADMIT);
    }
    assert_int_equal(spend(&r, by("one-more", NULL), CENT), VERDICT_REFUSE);
    assert_int_equal(r.verdict.fault, FAULT_OVERLOADED);
    assert_int_equal(spend(&r, by("u7", NULL), CENT), VERDICT_ADMIT); /* who is known goes on */
    governor_stats(r.governor, &s);
    assert_int_equal(s.budget_counters, LIMIT_BUDGET_COUNTERS);
    assert_int_equal(s.unbooked, 0);
    assert_int_equal(admit(&r, by(NULL, "red"), CENT, &one), VERDICT_ADMIT); /* soft: on_error is allow */
    settle(&r, by(NULL, "red"), &one, CENT);
    governor_stats(r.governor, &s);
    assert_int_equal(s.unbooked, 1); /* and it is said */
    r.wall_us += 3 * DAY;
    governor_sweep(r.governor, r.wall_us, r.mono_us);
    governor_sweep(r.governor, r.wall_us, r.mono_us + DAY);
    governor_stats(r.governor, &s);
    assert_int_equal(s.budget_counters, 0);
    assert_int_equal(spend(&r, by("one-more", NULL), CENT), VERDICT_ADMIT);
    rig_close(&r);
}

static int start(void **state) {
    (void)state;
    return digest_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nested),
                                       cmocka_unit_test(test_scopes),
                                       cmocka_unit_test(test_long_and_odd_values),
                                       cmocka_unit_test(test_soft_and_alerts),
                                       cmocka_unit_test(test_degrade),
                                       cmocka_unit_test(test_approval), cmocka_unit_test(test_operator_approval),
                                       cmocka_unit_test(test_unknown_price),
                                       cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_nothing_applies),
                                       cmocka_unit_test(test_too_many_rules),
                                       cmocka_unit_test(test_full)};
    return cmocka_run_group_tests(tests, start, NULL);
}
