/* What the console draws from: series, hours of the day, the timeline; against values reckoned by hand. */
#include "stats/quantile.h"
#include "store/alerts.h"
#include "store/findings.h"
#include "store/live_prompts.h"
#include "store/scored.h"
#include "store/score.h"
#include "store/scored_sums.h"
#include "test_control_rig.h"

#include <math.h>

#define HOUR (3600 * SECOND)
#define BEGIN (DESK_NOW - 2 * HOUR) /* a whole hour: 08:00 */

static uint64_t number;

/* An exchange of `application` that lasted `ms`. */
static struct record exchange(int64_t at_us, const char *application, int64_t ms) {
    struct record r;
    rig_record(&r, at_us, number++);
    r.application = slice_of(application);
    r.request_type = SLICE("chat");
    r.model = SLICE("support-chat");
    r.provider = SLICE("main");
    r.prompt_name = SLICE("reply");
    r.prompt_version = SLICE("7");
    r.status = RECORD_OK;
    r.duration_us = ms * 1000;
    r.ttft_us = -1;
    r.cost_nano = 2000000;
    r.usage.input = 100, r.usage.output = 10;
    return r;
}

static void keep(struct desk *d, int64_t at_us, const char *application, int64_t ms) {
    struct record r = exchange(at_us, application, ms);
    desk_keep(d, &r);
}

static double at(struct desk *d, const char *path) {
    const char *text = desk_at(d, path);
    return strcmp(text, "null") == 0 ? NAN : strtod(text, NULL);
}
#define NEAR(d, path, want) assert_true(fabs(at(d, path) - (want)) < 1e-6)

static void an_empty_ledger_is_not_zero(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=requests,error_rate,quality&from=-1h&step=1h"));
    EXPECT(d, "series.0.points.0.1", "null"); /* there were no records yet: not known */
    EXPECT(d, "series.2.points.0.1", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=requests&by=model"));
    EXPECT(d, "series.0", "absent");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/hours?metric=latency.p95"));
    EXPECT(d, "cells.0", "absent");
    EXPECT(d, "by_hour.23.1", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/timeline"));
    EXPECT(d, "events.0", "absent");
}

/* 08:00: 3 exchanges of two labels; 09:00: none; 10:00 has not come. */
static void steps_gaps_and_intervals(void **state) {
    struct desk *d = *state;
    struct record r = exchange(BEGIN + 61 * SECOND, "support", 300);
    r.status = RECORD_ERROR;
    r.cost_nano = 6000000;
    r.model = SLICE("small");
    desk_keep(d, &r);
    keep(d, BEGIN + SECOND, "support", 100);
    keep(d, BEGIN + 2 * SECOND, "billing", 200);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=requests,errors,error_rate,cost,cost_per_request,latency.p50,input_tokens,cache_hits&from=2025-11-08T08:00:00Z&to=2025-11-08T12:00:00Z&step=1h"));
    EXPECT(d, "step_chosen", "false");
    EXPECT(d, "series.0.points.0.1", "3");
    EXPECT(d, "series.0.points.1.1", "0"); /* known: nothing came */
    EXPECT(d, "series.0.points.3.1", "null"); /* 11:00 has not come */
    EXPECT(d, "series.1.points.0.1", "1");
    EXPECT(d, "series.2.unit", "share");
    NEAR(d, "series.2.points.0.1", 1 / 3.0);
    NEAR(d, "series.2.points.0.3", 0.0614919447); /* Wilson's of 1 in 3 */
    NEAR(d, "series.2.points.0.4", 0.7923403992);
    EXPECT(d, "series.2.points.1.1", "null"); /* a rate of nothing */
    EXPECT(d, "series.3.points.0.1", "0.01");
    NEAR(d, "series.4.points.0.1", 0.01 / 3);
    NEAR(d, "series.4.points.0.4", 0.01 / 3 + 4.302652729749 * 0.004 / sqrt(3) / sqrt(3)); /* t of 2 degrees; s = 0.004 / sqrt(3) */
    EXPECT(d, "series.4.points.0.3", "0"); /* no cost is negative */
    assert_true(fabs(at(d, "series.5.points.0.1") - 200) < 200 * 0.023);
    EXPECT(d, "series.5.points.0.3", "null"); /* three values bound no median with 95 % */
    EXPECT(d, "series.6.points.0.1", "300");
    EXPECT(d, "series.7.points.0.1", "0");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=requests&from=2025-11-08T08:00:00Z&to=2025-11-08T10:00:00Z&by=model"));
    EXPECT(d, "step_s", "60");
    EXPECT(d, "step_chosen", "true");
    EXPECT(d, "series.0.label", "support-chat");
    EXPECT(d, "series.0.points.0.1", "2");
    EXPECT(d, "series.1.label", "small");
    EXPECT(d, "series.1.points.0.1", "0");
    EXPECT(d, "series.1.points.1.1", "1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=requests&from=2025-11-08T08:00:00Z&to=2025-11-08T10:00:00Z&by=model&limit=1&application=support&step=2h"));
    EXPECT(d, "left_off", "1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=requests&from=2025-11-08T08:00:00Z&to=2025-11-08T10:00:00Z&step=2h&prompt=reply&provider=main&model=small"));
    EXPECT(d, "series.0.points.0.1", "1");
}

static void what_cannot_be_asked_is_said(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(400, desk_get(d, "/api/v1/series?metrics=latency.p42"));
    EXPECT_MESSAGE(d, "latency.p95");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/series?metrics="));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/series?metrics=quality."));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/series?metrics=cost&from=-2d&step=1m"));
    EXPECT_MESSAGE(d, "at most 500 steps");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/series?metrics=cost&from=-1d&to=-2d"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/series?metrics=cost&by=user"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/series?metrics=cost&application=suport"));
    EXPECT_MESSAGE(d, "support");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/hours?metric=cost&timezone=Europe/Berlinn"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/hours?metric=cost&from=-100d"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/timeline?kinds=alerts"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=cost&from=1970-01-01&to=2290-01-01")); /* any window has a step */
}

/* Berlin put its clocks back at 01:00 UTC on 2025-10-26: 00:30 and 01:30 UTC are both 02:30 there. */
static void hours_by_the_clock_of_a_zone(void **state) {
    struct desk *d = *state;
    int64_t day = 20387 * RIG_DAY;
    keep(d, day + HOUR / 2, "support", 100);
    keep(d, day + HOUR + HOUR / 2, "support", 100);
    keep(d, day + HOUR + HOUR / 2, "support", 100);
    keep(d, day + 2 * HOUR, "support", 100);
    keep(d, day + RIG_DAY + HOUR + 1, "support", 100); /* a day later 02:00 */
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/hours?metric=requests&timezone=Europe/Berlin"));
    EXPECT(d, "cells.0.0", "2025-10-26");
    EXPECT(d, "cells.0.1", "2");
    EXPECT(d, "cells.0.2", "3");
    EXPECT(d, "cells.1.1", "3");
    EXPECT(d, "cells.1.2", "1");
    EXPECT(d, "cells.2.0", "2025-10-27");
    EXPECT(d, "cells.2.1", "2");
    EXPECT(d, "cells.3", "absent");
    EXPECT(d, "by_hour.2.1", "4");
    EXPECT(d, "by_hour.3.1", "1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/hours?metric=requests"));
    EXPECT(d, "cells.0.1", "0");
    EXPECT(d, "cells.0.2", "1");
    EXPECT(d, "cells.1.2", "2");
}

static void score(struct desk *d, int64_t at_us, int64_t chance_e15, const char *body) {
    struct error error;
    struct scored one = {.rule = SLICE("rule"), .time_us = at_us, .application = SLICE("support"), .request_type = SLICE("chat"), .prompt = SLICE("reply"),
                         .version = SLICE("7"), .model = SLICE("gpt"), .chance_e15 = chance_e15, .state = SCORED_WAITING};
    record_id_new(&one.record, at_us);
    struct scored_step step = {.rule = one.rule, .position = SLICE("1:1"), .counts = {1, 1, 0}, .taken = &one, .n_taken = 1};
    assert_int_equal(scored_keep(d->s.evaluations, &step, &error), FAULT_NONE);
    one.state = SCORED_DONE;
    one.body = slice_of(body);
    for (int again = 0; again < 2; again++) /* concluded twice is counted once */
        if (scored_conclude(d->s.evaluations, &one, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

/* Drawn with 1 and with 1/4: weights 1 and 4. (1 * 1 + 4 * 0.5) / 5 = 0.6. */
static void quality_is_of_the_traffic_and_not_of_the_sample(void **state) {
    struct desk *d = *state;
    keep(d, BEGIN, "support", 100);
    desk_drain(d);
    score(d, BEGIN + 1, SCORED_CHANCE_ONE, "[{\"metric\":\"tone\",\"verdict\":\"pass\",\"score\":1},{\"metric\":\"format\",\"verdict\":\"error\",\"score\":0}]");
    score(d, BEGIN + 2, SCORED_CHANCE_ONE / 4, "[{\"metric\":\"tone\",\"verdict\":\"pass\",\"score\":1},{\"metric\":\"format\",\"verdict\":\"fail\",\"score\":0}]");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=quality,quality.tone,quality.format,quality.none&from=2025-11-08T08:00:00Z&to=2025-11-08T10:00:00Z&step=1h&application=support"));
    EXPECT(d, "series.0.unit", "score");
    NEAR(d, "series.0.points.0.1", 0.6);
    EXPECT(d, "series.0.points.0.2", "2");
    EXPECT(d, "series.0.points.1.1", "null");
    /* V = 2/1 (1 * 0.16 + 16 * 0.01) / 25: se 0.16; 12.706 of them is beyond the scale */
    EXPECT(d, "series.0.points.0.3", "0");
    EXPECT(d, "series.0.points.0.4", "1");
    EXPECT(d, "series.1.points.0.1", "1");
    EXPECT(d, "series.2.points.0.2", "1"); /* what ended in error is left out */
    EXPECT(d, "series.3.points.0.1", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/series?metrics=quality&from=2025-11-08T08:00:00Z&to=2025-11-08T09:00:00Z&by=prompt&prompt=reply"));
    EXPECT(d, "series.0.label", "reply@7");
    NEAR(d, "series.0.points.0.1", 0.6);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/hours?metric=quality&from=-1d"));
    EXPECT(d, "cells.0.1", "8");
    NEAR(d, "cells.0.2", 0.6);
    struct error error;
    struct slice names[4];
    unsigned n = 0;
    assert_int_equal(scored_metrics(d->s.evaluations, SLICE("support"), 0, INT64_MAX, &d->arena, names, 4, &n, &error), FAULT_NONE);
    assert_true(n == 2 && slice_is(names[0], "format") && slice_is(names[1], "tone"));
    assert_int_equal(scored_prune(d->s.evaluations, DESK_NOW, &error), FAULT_NONE);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/hours?metric=quality&from=-1d"));
    EXPECT(d, "cells.0", "absent");
}

/* Order statistics: of ten values the second and the ninth hold the median with 97.9 %, the third and the eighth with less than 95 %. */
static void ranks_that_hold_a_quantile(void **state) {
    uint64_t low = 0, high = 0;
    (void)state;
    assert_true(quantile_ranks(10, 0.5, 0.95, &low, &high));
    assert_true(low == 2 && high == 9);
    assert_false(quantile_ranks(5, 0.5, 0.95, &low, &high)); /* 1 - 2 / 32 is less than 95 % */
    assert_true(quantile_ranks(6, 0.5, 0.95, &low, &high));
    assert_true(low == 1 && high == 6);
    assert_false(quantile_ranks(71, 0.95, 0.95, &low, &high)); /* 0.95^71 > 0.025: all of them may lie below it */
    assert_true(quantile_ranks(120, 0.95, 0.95, &low, &high));
    assert_true(quantile_ranks(1000000, 0.99, 0.95, &low, &high));
    assert_true(low == 989804 && high == 990197); /* 990000 -+ 1.96 sqrt(9900) */
}

static void audit(struct desk *d, int64_t at_us, const char *actor, const char *action, const char *subject, const char *why) {
    struct error error;
    struct audit_entry e = {.at_us = at_us, .actor = slice_of(actor), .action = slice_of(action), .subject = slice_of(subject), .reason = slice_of(why),
                            .detail = SLICE("{\"secret\":\"s3cr3t\"}")};
    assert_int_equal(registry_audit(d->s.registry, &e, &error), FAULT_NONE);
}

static void a_firing_of(struct desk *d, int64_t at_us, const char *series, const char *fingerprint) {
    struct error error;
    struct alert_row row = {.added = true, .rule = SLICE("slow"), .series = slice_of(series), .application = SLICE("support"), .state = ALERT_FIRING, .severity = ALERT_CRITICAL,
                            .since_us = at_us, .fired_us = at_us, .value = 2, .n = 3, .threshold = 1, .summary = SLICE("p95 is 2 s"), .fingerprint = slice_of(fingerprint)};
    struct alert_transition moves[] = {{.alert = 0, .at_us = at_us, .from = ALERT_INACTIVE, .to = ALERT_FIRING}, {.alert = 0, .at_us = at_us + HOUR, .from = ALERT_FIRING, .to = ALERT_RESOLVED}};
    int64_t numbers[1];
    assert_int_equal(alerts_commit(d->s.registry, &(struct alerts_look){.rows = &row, .n_rows = 1, .transitions = moves, .n_transitions = 2, .now_us = at_us}, numbers, &error), FAULT_NONE);
}

static void a_firing(struct desk *d, int64_t at_us) { a_firing_of(d, at_us, "{}", "f"); }

static void the_timeline_says_who_did_what(void **state) {
    struct desk *d = *state;
    struct record r = exchange(BEGIN, "support", 100);
    desk_keep(d, &r);
    r = exchange(BEGIN + 1, "billing", 100);
    r.prompt_name = SLICE("invoice");
    desk_keep(d, &r);
    desk_drain(d);
    audit(d, BEGIN + 1, "ben", "prompt.apply", "prompt:reply@7", "shorter answers");
    audit(d, BEGIN + 2, "ben", "prompt.apply", "prompt:invoice@2", "taxes");
    audit(d, BEGIN + 3, "ada", "budget.set", "growth", "<script>alert(1)</script>");
    audit(d, BEGIN + 4, "ada", "never.heard_of", "thing:one", "");
    audit(d, BEGIN + 5, "ada", "alert.judge", "alert:1", "noise");
    a_firing(d, BEGIN + 6);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/timeline?from=-1d"));
    EXPECT(d, "events.0.title", "p95 is 2 s (alert 1 of rule slow)");
    EXPECT(d, "events.0.state", "resolved");
    EXPECT(d, "events.0.severity", "bad");
    EXPECT(d, "events.0.href", "/alerts/1");
    EXPECT(d, "events.1.title", "ada did never.heard_of to thing one");
    EXPECT(d, "events.2.kind", "budget");
    EXPECT(d, "events.3.title", "ben applied invoice version 2: taxes");
    EXPECT(d, "events.4.href", "/prompts/reply");
    EXPECT(d, "events.5", "absent");
    assert_null(strstr(buffer_text(&d->answer.body), "s3cr3t"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/timeline?from=-1d&application=support&kinds=prompt"));
    EXPECT(d, "events.0.subject", "prompt:reply@7"); /* the other one is billing's */
    EXPECT(d, "events.1", "absent");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/timeline?from=-1d&limit=2"));
    EXPECT(d, "more", "true");
    EXPECT(d, "events.2", "absent");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/timeline?from=-1d&application=billing&kinds=alert"));
    EXPECT(d, "events.0", "absent");
}

/* ---- the overview ---- */

#define RULES                                                                                                                 \
    "receivers: {ops: {webhook: {url: 'http://127.0.0.1:1/'}}}\n"                                                           \
    "alerts:\n  - {name: good-answers, when: {metric: quality.score, where: {application: support}, window: 1h, below: 0.5}, severity: warning, notify: [ops]}\n"

static void watched(void *ctx, void (*each)(void *arg, const struct rule_view *v), void *arg) {
    (void)ctx;
    each(arg, &(struct rule_view){.name = "good-answers", .threshold = 0.5, .clear = 0.5, .worst = NAN});
}

#define DOMAIN(row, domain, member) "applications." row ".domains." domain "." member

static void nothing_known_is_not_good(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/overview"));
    EXPECT(d, "applications.0.application", "null");
    EXPECT(d, "applications.0.requests", "0");
    for (int domain = 0; domain < 5; domain++) {
        char path[64];
        snprintf(path, sizeof path, "applications.0.domains.%d.state", domain);
        EXPECT(d, path, "unknown");
    }
    assert_non_null(strstr(desk_at(d, DOMAIN("0", "0", "headline")), "quarterdeck apply -f DIR"));
    EXPECT(d, DOMAIN("0", "0", "trend_metric"), "latency.p95");
    EXPECT(d, DOMAIN("0", "0", "numbers.0.value"), "null");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/overview?application=suport"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/overview?from=-1h&to=-2h"));
}

/* Twelve answers of support, of which two score 0 and the others `value`. */
static void scored_traffic(struct desk *d, const char *value) {
    char body[128];
    for (int i = 0; i < 12; i++) {
        snprintf(body, sizeof body, "[{\"metric\":\"tone\",\"verdict\":\"pass\",\"score\":%s}]", i < 2 ? "0" : value);
        score(d, BEGIN + i, SCORED_CHANCE_ONE, body);
    }
}

static void evidence_decides_against_the_threshold(void **state) {
    struct desk *d = *state;
    desk_configure(d, DESK_CONFIG RULES);
    d->s.rules_seen = watched;
    keep(d, BEGIN, "support", 100);
    keep(d, BEGIN, "billing", 100);
    desk_drain(d);
    scored_traffic(d, "1"); /* 0.83, and surely more than 0.5 */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/overview?application=support"));
    EXPECT(d, "applications.0.application", "support");
    EXPECT(d, DOMAIN("0", "0", "state"), "good");
    EXPECT(d, DOMAIN("0", "0", "numbers.0.n"), "12");
    EXPECT(d, DOMAIN("0", "0", "trend_metric"), "quality");
    assert_non_null(strstr(desk_at(d, DOMAIN("0", "0", "numbers.0.note")), "rule good-answers"));
    EXPECT(d, DOMAIN("0", "2", "state"), "good"); /* it uses a prompt, and nothing waits */
    EXPECT(d, DOMAIN("0", "3", "state"), "good");
    EXPECT(d, DOMAIN("0", "4", "state"), "unknown");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/overview?application=billing"));
    EXPECT(d, DOMAIN("0", "0", "state"), "unknown"); /* of billing nothing was scored */
    struct error error;
    assert_int_equal(scored_prune(d->s.evaluations, DESK_NOW, &error), FAULT_NONE);
    scored_traffic(d, "0.6"); /* 0.5, of which nobody knows */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/overview?application=support"));
    EXPECT(d, DOMAIN("0", "0", "state"), "unknown");
    assert_non_null(strstr(desk_at(d, DOMAIN("0", "0", "headline")), "not enough evidence"));
    assert_int_equal(scored_prune(d->s.evaluations, DESK_NOW, &error), FAULT_NONE);
    scored_traffic(d, "0.1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/overview?application=support"));
    EXPECT(d, DOMAIN("0", "0", "state"), "bad");
}

static void what_needs_a_person_comes_worst_first(void **state) {
    struct desk *d = *state;
    struct error error;
    struct findings_change change;
    keep(d, BEGIN, "support", 100);
    desk_drain(d);
    struct finding found[] = {
        {.kind = FINDING_COST_ANOMALY, .key = SLICE("[\"a\"]"), .application = SLICE("support"), .title = SLICE("a call costs 40 % more"), .evidence = SLICE("{}"), .command = SLICE("quarterdeck cost explain")},
        {.kind = FINDING_BUDGET_REFUSING, .key = SLICE("[\"b\"]"), .application = SLICE("billing"), .title = SLICE("budget x refuses"), .evidence = SLICE("{}"), .command = SLICE("quarterdeck budget list")}};
    struct findings_look look = {.kinds = FINDING_BIT(COST_ANOMALY) | FINDING_BIT(BUDGET_REFUSING), .seen = found, .n_seen = 2};
    assert_int_equal(findings_put(d->s.registry, &look, BEGIN, NULL, &change, &error), FAULT_NONE);
    struct model_change m = {.model = SLICE("support-chat"), .provider = SLICE("main"), .target = SLICE("t"), .before = SLICE("v1"), .after = SLICE("v2"), .seen_us = BEGIN, .answers = 5, .state = SLICE("open")};
    assert_int_equal(model_change_put(d->s.registry, &m, NULL, &error), FAULT_NONE);
    a_firing(d, BEGIN + 6);
    a_firing_of(d, BEGIN + 7, "{\"finding\":2,\"kind\":\"budget_refusing\"}", "g");
    struct score f = {.record = rig_id(BEGIN, number - 1), .name = SLICE("quality"), .source = SLICE("feedback"), .value_ppm = 0, .at_us = 5};
    size_t bad;
    assert_int_equal(ledger_scores_put(d->s.ledger, &f, 1, &bad, &error), FAULT_NONE);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/overview"));
    EXPECT(d, DOMAIN("0", "1", "state"), "bad");
    EXPECT(d, DOMAIN("0", "1", "needs.0.title"), "budget x refuses");
    EXPECT(d, DOMAIN("0", "1", "needs.1.command"), "quarterdeck cost explain");
    EXPECT(d, DOMAIN("0", "3", "state"), "bad");
    EXPECT(d, DOMAIN("0", "3", "needs.0.href"), "/alerts/1");
    EXPECT(d, DOMAIN("0", "3", "needs.0.about"), "alert 1");
    EXPECT(d, DOMAIN("0", "3", "needs.1.href"), "/alerts/2");
    EXPECT(d, DOMAIN("0", "3", "needs.1.about"), "finding 2"); /* which it follows */
    EXPECT(d, DOMAIN("0", "1", "needs.0.about"), "finding 2");
    EXPECT(d, DOMAIN("0", "1", "needs.1.about"), "finding 1");
    EXPECT(d, DOMAIN("0", "4", "numbers.0.value"), "1");
    EXPECT(d, "applications.1.application", "support"); /* those with most exchanges first */
    EXPECT(d, DOMAIN("1", "1", "state"), "warn");
    EXPECT(d, DOMAIN("1", "1", "needs.1"), "absent"); /* the other one is billing's */
    EXPECT(d, DOMAIN("1", "2", "state"), "warn");
    assert_non_null(strstr(desk_at(d, DOMAIN("1", "2", "needs.0.command")), "quarterdeck model accept 1"));
    EXPECT(d, "applications.2.application", "billing");
    EXPECT(d, DOMAIN("2", "2", "needs.0"), "absent"); /* it does not use that model */
    EXPECT(d, DOMAIN("2", "1", "state"), "bad");
}

/* In the unit of its rule, but once that watches something else nobody can tell which unit it was. */
static void a_proposed_threshold_says_its_unit(void **state) {
    static const char *const rules[] = {"alerts: [{name: slow, when: {metric: latency.p99, window: 5m, above: 2s}}]\n", "alerts: [{name: slow, when: {metric: errors.rate, window: 5m, above: 2%}}]\n"};
    static const char *const told[] = {"a threshold of 2.84 s is proposed for rule slow", "a threshold of 2.84 is proposed for rule slow"};
    struct desk *d = *state;
    struct error error;
    for (unsigned i = 0; i < 2; i++) {
        char config[1 << 13];
        (void)snprintf(config, sizeof config, "%s%s", DESK_CONFIG, rules[i]);
        desk_configure(d, config);
        struct threshold t = {.rule = SLICE("slow"), .of = d->policy->alerts.rules[0].digest, .value = 2.84, .clear = 2.5, .why = SLICE("r"), .rationale = SLICE("{}"),
                              .state = SLICE("proposed"), .by = SLICE("ada"), .made_us = DESK_NOW};
        struct audit_entry entry = {.at_us = DESK_NOW, .actor = SLICE("ada"), .action = SLICE("threshold.propose"), .subject = SLICE("rule:slow")};
        if (i == 0) assert_int_equal(threshold_put(d->s.registry, &t, &entry, &error), FAULT_NONE);
        EXPECT_STATUS(200, desk_get(d, "/api/v1/overview"));
        EXPECT(d, DOMAIN("0", "3", "needs.0.title"), told[i]);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_ledger_is_not_zero),
        TEST(steps_gaps_and_intervals),
        TEST(what_cannot_be_asked_is_said),
        TEST(hours_by_the_clock_of_a_zone),
        TEST(quality_is_of_the_traffic_and_not_of_the_sample),
        cmocka_unit_test(ranks_that_hold_a_quantile),
        TEST(the_timeline_says_who_did_what),
        TEST(nothing_known_is_not_good),
        TEST(evidence_decides_against_the_threshold),
        TEST(what_needs_a_person_comes_worst_first),
        TEST(a_proposed_threshold_says_its_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
