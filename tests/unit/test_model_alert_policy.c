/* What the watch is told: as the issue has it, every kind of mistake with the nearest name, secrets never shown, units, defaults. */
#include "model/alert_policy.h"

#include "model/config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* five lines, so that what follows begins in line 6 */
#define HEAD                                                                                                                       \
    "providers: {sim: {dialect: openai, base_url: \"http://127.0.0.1:1\", status_page: \"http://127.0.0.1:2/api/v2/summary.json\", probe: {every: 10s, completion: mini}}}\n" \
    "models:\n  support-chat: {targets: [{provider: sim, model: large}, {provider: sim, model: small}]}\n"                          \
    "  lone: {targets: [{provider: sim, model: one}]}\n"                                                                            \
    "applications: {helpdesk: {request_types: {chat: {latency: {p99: 2s, ttft_p95: 500ms}}}}, studio: {}}\n"
/* As the issue has it, to the letter. */
#define ISSUE                                                                                                                      \
    "alerts:\n"                                                                                                                    \
    "  - name: slow-chat\n"                                                                                                        \
    "    when: {metric: latency.p99, by: [request_type], window: 5m, above: 2s}\n"                                                 \
    "    for: 1m\n"                                                                                                                \
    "    severity: critical\n"                                                                                                     \
    "    notify: [ops]\n"                                                                                                          \
    "    actions: [{fail_over: {model: support-chat}}]\n"                                                                          \
    "    runbook: slow-provider\n"                                                                                                 \
    "grants:\n"                                                                                                                    \
    "  - {rule: slow-chat, action: fail_over, scope: {model: support-chat}, at_most: 4/h}   # what may happen without a person\n"   \
    "receivers:\n"                                                                                                                 \
    "  ops: {webhook: {url: \"http://127.0.0.1:9999/hook\", secret: \"${HOOK_SECRET}\"}}\n"

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
    return strcmp(name, "HOOK_SECRET") == 0 ? "hush-hush" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}
static enum fault file(void *ctx, const char *path, struct buffer *out, struct error *error) {
    (void)ctx;
    if (strcmp(path, "key.txt") != 0) return error_set(error, FAULT_IO, "cannot read %s: no such file", path);
    buffer_append(out, SLICE("routing-key-hush\n"));
    return FAULT_NONE;
}

static const struct alert_policy *read_text(struct world *w, struct slice yaml) {
    const struct config_source source = {.env = env, .file = file};
    policy_drop(w->policy);
    w->policy = NULL;
    w->problems = (struct problems){0};
    enum fault f = config_read(yaml, "quarterdeck.yaml", &source, NULL, &w->arena, &w->policy, &w->problems);
    buffer_clear(&w->told);
    problems_write(&w->problems, &w->told);
    buffer_byte(&w->told, 0);
    assert_true((f == FAULT_NONE) == !problems_any(&w->problems));
    return f == FAULT_NONE ? &w->policy->alerts : NULL;
}

static const struct alert_policy *read_file(struct world *w, const char *yaml) {
    struct buffer text;
    buffer_init(&text, 8 << 20);
    buffer_append(&text, SLICE(HEAD));
    buffer_append(&text, slice_of(yaml));
    const struct alert_policy *p = read_text(w, buffer_slice(&text));
    buffer_deinit(&text);
    return p;
}

/* Exactly this, in this line. */
static void refuses(struct world *w, const char *yaml, const char *problem) {
    assert_null(read_file(w, yaml));
    if (w->problems.count < 1 || w->problems.count > 2 || strcmp(w->told.at, problem) != 0) fail_msg("%s\nexpected %s\nfound %s", yaml, problem, w->told.at);
}
/* A rule's `when` and what is wrong with it. */
static void refuses_when(struct world *w, const char *when, const char *problem) {
    char yaml[1024], expected[1024];
    snprintf(yaml, sizeof yaml, "alerts: [{name: r, when: %s}]\n", when);
    snprintf(expected, sizeof expected, "quarterdeck.yaml:6: alerts[0].when%s\n", problem);
    refuses(w, yaml, expected);
}

static void test_issue(void **state) {
    struct world *w = *state;
    const struct alert_policy *p = read_file(w, ISSUE);
    if (p == NULL) fail_msg("%s", w->told.at);
    const struct alert_rule *r = alert_rule_find(p, SLICE("slow-chat"));
    assert_non_null(r);
    assert_int_equal(r->when.test, ALERT_ABOVE);
    assert_int_equal(r->when.signal, SIGNAL_LATENCY_P99);
    assert_int_equal(r->when.by, SIGNAL_BY_BIT(REQUEST_TYPE));
    assert_true(r->when.threshold == 2 && r->when.clear == 2);
    assert_int_equal(r->when.window_us, 300000000);
    assert_int_equal(r->when.min_samples, 100);
    assert_int_equal(r->for_us, 60000000);
    assert_int_equal(r->keep_us, 0);
    assert_int_equal(r->severity, ALERT_CRITICAL);
    assert_int_equal(r->n_notify, 1);
    assert_int_equal(r->n_actions, 1);
    assert_int_equal(r->actions[0].kind, INTERVENTION_FAIL_OVER);
    assert_true(slice_is(r->actions[0].model, "support-chat") && slice_is(r->runbook, "slow-provider"));
    assert_true(r->calibrate);
    assert_int_equal(r->line, 7);
    assert_int_equal(p->n_grants, 1);
    assert_int_equal(p->grants[0].at_most, 4);
    assert_int_equal(p->grants[0].per_us, 3600000000);
    assert_true(slice_is(p->grants[0].scope.is[SIGNAL_BY_MODEL], "support-chat"));
    const struct alert_receiver *v = alert_receiver_find(p, SLICE("ops"));
    assert_int_equal(v->kind, RECEIVER_WEBHOOK);
    assert_true(slice_is(v->secret, "hush-hush") && slice_is(v->url, "http://127.0.0.1:9999/hook") && v->url.at[v->url.len] == 0);
    assert_true(v->send_resolved && v->timeout_us == 10000000);
    assert_true(p->causes && p->wanted_alarms == 1 && p->grouping.wait_us == 5000000);
    assert_string_equal(w->policy->providers[0].probe.completion, "mini");
    assert_int_equal(w->policy->providers[0].probe.max_cost_nano, 50000000);
    assert_int_equal(w->policy->applications[0].request_types[0].latency.p99, 2000000);
    assert_int_equal(w->policy->applications[0].request_types[0].latency.p50, 0);
}

static void test_nothing_declared(void **state) {
    struct world *w = *state;
    const struct alert_policy *p = read_file(w, "watch: {alarms_per_month: 0.25}\n");
    assert_non_null(p);
    assert_int_equal(p->n_rules + p->n_grants + p->n_receivers + p->n_inhibitions + p->n_people, 0);
    assert_true(p->causes && p->wanted_alarms == 0.25 && p->grouping.by == SIGNAL_BY_BIT(APPLICATION));
    assert_int_equal(w->policy->providers[0].probe.every, 10000000);
    p = read_file(w, "alerts: []\nreceivers: {}\noncall: {}\ninhibit: []\ngrouping: {}\n");
    assert_non_null(p);
    assert_false(p->causes);
}

static void test_units(void **state) {
    struct world *w = *state;
    static const struct { const char *when; double threshold; } rows[] = {
        {"{metric: latency.p99, above: 2s}", 2},          {"{metric: latency.p99, above: 500ms}", 0.5},  {"{metric: ttft.p50, above: 1.5}", 1.5},
        {"{metric: errors.rate, above: 5%}", 0.05},       {"{metric: errors.rate, above: 0.05}", 0.05},  {"{metric: quality.score, below: 0.80}", 0.8},
        {"{metric: quality.score, below: 80%}", 0.8},     {"{metric: cost.per_request, above: $1.50}", 1.5}, {"{metric: cost.total, above: 1.5}", 1.5},
        {"{metric: disk.free, below: 10GiB}", 10737418240.0}, {"{metric: requests, below: 1}", 1},       {"{metric: cost.over_budget, above: 120%}", 1.2},
        {"{metric: recorder.lag, above: 1m30s}", 90},     {"{metric: output_tokens.mean, above: 4000}", 4000},
    };
    char yaml[512];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(yaml, sizeof yaml, "alerts: [{name: r, when: %s}]\n", rows[i].when);
        const struct alert_policy *p = read_file(w, yaml);
        if (p == NULL) fail_msg("%s", w->told.at);
        if (fabs(p->rules[0].when.threshold - rows[i].threshold) > 1e-12) fail_msg("%s: %g", rows[i].when, p->rules[0].when.threshold);
    }
}

static void test_conditions(void **state) {
    struct world *w = *state;
    refuses_when(w, "{metric: latency.p9, above: 2s}", ".metric: no such metric `latency.p9`; did you mean `latency.p90`?");
    refuses_when(w, "{metric: latency.p99, above: 2 s}", ".above: expected a time such as 2s or 500ms (a plain number is seconds), for latency.p99, found \"2 s\"");
    refuses_when(w, "{metric: errors.rate, above: 5}", ".above: expected a share such as 5% or 0.05, for errors.rate, found 5");
    refuses_when(w, "{metric: errors.rate, above: .nan}", ".above: expected a share such as 5% or 0.05, for errors.rate, found \".nan\"");
    refuses_when(w, "{metric: cost.total, above: -1}", ".above: expected US dollars such as $1.50 or 1.5, for cost.total, found -1");
    refuses_when(w, "{metric: latency.p99}", ": expected exactly one of `above`, `below` and `anomaly`, found 0");
    refuses_when(w, "{metric: latency.p99, above: 2s, below: 1s}", ": expected exactly one of `above`, `below` and `anomaly`, found 2");
    refuses_when(w, "{above: 2s}", ": expected either `metric` or `finding`; `quarterdeck alert metrics` lists both");
    refuses_when(w, "{metric: latency.p99, above: 2s, windw: 5m}", ": unknown key \"windw\"; did you mean `window`?");
    refuses_when(w, "{metric: latency.p99, above: 2s, window: 5s}", ".window: expected a duration from 10s to 7d, such as 30s, 5m or 1h, found \"5s\"");
    refuses_when(w, "{metric: latency.p99, above: 2s, clear: 3s}", ".clear: it fires above and ends at `clear`, which has to be on the good side of that");
    refuses_when(w, "{metric: quality.score, below: 0.8, clear: 0.7}", ".clear: it fires below and ends at `clear`, which has to be on the good side of that");
    refuses_when(w, "{metric: quality.score, below: 0.8, by: [model]}",
                 ".by: quality.score cannot be told apart by `model` (it can by application, request_type, upstream_model, prompt)");
    refuses_when(w, "{metric: latency.p99, above: 2s, by: [request_typ]}",
                 ".by: latency.p99 cannot be told apart by `request_typ`; did you mean `request_type`? (it can by application, request_type, model, provider, "
                 "upstream_model, prompt, context, feature, team)");
    refuses_when(w, "{metric: latency.p99, above: 2s, where: {application: helpdesc}}",
                 ".where.application: no such application `helpdesc`; did you mean `helpdesk`?");
    refuses_when(w, "{metric: latency.p99, above: 2s, where: {upstream_model: larg}}",
                 ".where.upstream_model: no such upstream model `larg`; did you mean `large`?");
    refuses_when(w, "{metric: latency.p99, above: 2s, of: x}", ".of: latency.p99 is not made of a metric of scores");
    refuses_when(w, "{metric: recorder.lag, anomaly: true}",
                 ".anomaly: recorder.lag is a reading of this moment, which has no baseline: use `above` or `below`");
    refuses_when(w, "{metric: recorder.lag, above: 5s, window: 1m}",
                 ".window: recorder.lag is a reading of this moment, and has none; `for` says how long it has to hold");
    refuses_when(w, "{metric: latency.p99, anomaly: {alarms_per_month: 0}}", ".anomaly.alarms_per_month: expected a number from 0.01 to 1000, found 0");
    refuses_when(w, "{finding: [rollout_faild]}", ".finding: no such kind of findings `rollout_faild`; did you mean `rollout_failed`?");
    refuses_when(w, "{finding: over_plan, window: 5m}", ": a rule about findings has no `window`: each finding is an alert of its own");
    /* what does not exist yet is fine */
    assert_non_null(read_file(w, "alerts: [{name: r, when: {metric: latency.p99, above: 2s, where: {request_type: never-seen, team: nobody, prompt: none}}}]\n"));
}

static void test_rules(void **state) {
    struct world *w = *state;
    refuses(w, "alerts:\n  - {name: a, when: {metric: requests, above: 1}}\n  - {name: a, when: {metric: requests, above: 2}}\n",
            "quarterdeck.yaml:8: alerts[1].name: `a` is the name of the rule in line 7 too\n");
    refuses(w, "alerts: [{name: a, when: {metric: requests, above: 1}, notify: [opps]}]\nreceivers: {ops: {webhook: {url: 'http://h/'}}}\n",
            "quarterdeck.yaml:6: alerts[0].notify: no such receiver or escalation `opps`; did you mean `ops`?\n");
    refuses(w, "alerts: [{name: a, when: {metric: requests, above: 1}, notify: [x, y]}]\nreceivers: {ops: {webhook: {url: 'http://h/'}}}\n"
               "oncall: {escalations: {x: {steps: [{receiver: ops}]}, y: {steps: [{receiver: ops}]}}}\n",
            "quarterdeck.yaml:6: alerts[0].notify: expected at most one escalation, found 2: its steps say who is called after whom\n");
    refuses(w, "external_url: quarterdeck.example.org\n", "quarterdeck.yaml:6:15: external_url: expected a URL such as https://quarterdeck.example.org\n");
    refuses(w, "alerts: [{name: a, when: {metric: requests, above: 1}, severity: warn}]\n",
            "quarterdeck.yaml:6: alerts[0].severity: expected critical, error, warning or info, found \"warn\"; did you mean `warning`?\n");
    refuses(w, "alerts: [{name: a/b, when: {metric: requests, above: 1}}]\n",
            "quarterdeck.yaml:6: alerts[0].name: expected a name of at most 128 bytes without `/` and `@`, found \"a/b\"\n");
    refuses(w, "alerts: [{name: a, when: {metric: requests, above: 1}, labels: {model: x}}]\n",
            "quarterdeck.yaml:6: alerts[0].labels: expected a name of letters, digits and _, and none that alerts have by themselves (rule, severity, alertname, "
            "dimensions), found `model`\n");
    refuses(w, "alerts: [{name: a, when: {finding: over_plan}, calibrate: {alarms_per_month: 2}}]\n",
            "quarterdeck.yaml:6: alerts[0].calibrate: only rules with `above` or `below` have a threshold to calibrate\n");
    refuses(w, "alerts: {a: 1}\n", "quarterdeck.yaml:6:9: alerts: expected a list, found a map\n");
    const struct alert_policy *p = read_file(w, "alerts: [{name: a, when: {metric: requests, above: 1}, calibrate: never, no_data: fires, labels: {service: desk}}]\n");
    assert_non_null(p);
    assert_true(!p->rules[0].calibrate && p->rules[0].no_data == NO_DATA_FIRES && p->rules[0].n_labels == 1 && p->rules[0].severity == ALERT_WARNING);
}

static void test_digest(void **state) {
    struct world *w = *state;
    struct digest first;
    const struct alert_policy *p = read_file(w, "alerts: [{name: a, when: {metric: errors.rate, above: 5%}}]\n");
    first = p->rules[0].digest;
    p = read_file(w, "alerts: [{name: b, for: 1m, severity: info, when: {window: 300s, above: 0.05, metric: errors.rate}}]\n");
    assert_true(digest_eq(&first, &p->rules[0].digest)); /* the same in other words */
    p = read_file(w, "alerts: [{name: a, when: {metric: errors.rate, above: 6%}}]\n");
    assert_false(digest_eq(&first, &p->rules[0].digest));
    p = read_file(w, "alerts: [{name: a, when: {metric: errors.rate, above: 5%, where: {application: studio}}}]\n");
    assert_false(digest_eq(&first, &p->rules[0].digest));
}

#define ACTION(action) "alerts:\n  - name: a\n    when: {metric: errors.rate, above: 5%}\n    actions: [" action "]\n"
#define TOLD(text) "quarterdeck.yaml:9: alerts[0].actions[0]" text "\n"
static void test_actions(void **state) {
    struct world *w = *state;
    refuses(w, ACTION("{fail_ovr: {model: support-chat}}"), TOLD(": no such action `fail_ovr`; did you mean `fail_over`?"));
    refuses(w, ACTION("fail_over"), TOLD(".fail_over: expected `model`, or a rule that is told apart `by: [model]`"));
    refuses(w, ACTION("{fail_over: {model: support-chap}}"), TOLD(".fail_over.model: no such model `support-chap`; did you mean `support-chat`?"));
    refuses(w, ACTION("{fail_over: {model: lone}}"), TOLD(".fail_over: the model `lone` has one target: there is nothing to fail over to"));
    refuses(w, ACTION("{fail_over: {model: support-chat, to: sim/smal}}"), TOLD(".fail_over.to: no such target of this model `sim/smal`; did you mean `sim/small`?"));
    refuses(w, ACTION("{route_down: {model: support-chat}}"), TOLD(".route_down: the model `support-chat` has no `tiers` to route down to"));
    refuses(w, ACTION("{freeze_key: {application: helpdesk}}"), TOLD(".freeze_key: expected `key`"));
    refuses(w, ACTION("{throttle_key: {application: helpdesk, key: web}}"),
            TOLD(".throttle_key.per_minute: this is required: how many requests a minute the key may still send"));
    refuses(w, ACTION("{open_breaker: {provider: simm}}"), TOLD(".open_breaker.provider: no such provider `simm`; did you mean `sim`?"));
    refuses(w, ACTION("{serve_degraded: {model: lone, provider: sim}}"), TOLD(".serve_degraded: unknown key \"provider\""));
    assert_non_null(read_file(w, ACTION("{throttle_key: {application: helpdesk, key: web, per_minute: 10, lasts: 1h, dry_run: true}}")));
    assert_non_null(read_file(w, "alerts: [{name: a, when: {finding: provider_failing}, actions: [open_breaker]}]\n"));
    const struct alert_policy *p = read_file(w, "alerts: [{name: a, when: {metric: errors.rate, by: [model], above: 5%}, actions: [fail_over, {serve_degraded: }]}]\n");
    assert_non_null(p);
    assert_true(slice_is_null(p->rules[0].actions[0].model) && p->rules[0].actions[1].kind == INTERVENTION_DEGRADE);
}

#define GRANT(grant) "alerts:\n  - {name: slow, when: {metric: errors.rate, by: [model], above: 5%}, actions: [fail_over]}\ngrants: [" grant "]\n"
#define GRANT_TOLD(text) "quarterdeck.yaml:8: grants[0]" text "\n"
static void test_grants(void **state) {
    struct world *w = *state;
    refuses(w, GRANT("{rule: slwo, action: fail_over, at_most: 4/h}"), GRANT_TOLD(".rule: no such rule `slwo`; did you mean `slow`?"));
    refuses(w, GRANT("{rule: slow, action: roll_back, at_most: 4/h}"), GRANT_TOLD(".action: the rule `slow` has no action roll_back: there is nothing to allow"));
    refuses(w, GRANT("{rule: slow, action: fail_over, at_most: 4}"), GRANT_TOLD(".at_most: expected how often, such as 4/h: 1 to 1000 in each m, h, d or w, found 4"));
    refuses(w, GRANT("{rule: slow, action: fail_over}"),
            GRANT_TOLD(": `action` and `at_most` are required, such as {rule: slow-chat, action: fail_over, at_most: 4/h}"));
    refuses(w, GRANT("{action: fail_over, at_most: 1/d, scope: {modle: lone}}"), GRANT_TOLD(".scope: unknown key \"modle\"; did you mean `model`?"));
    const struct alert_policy *p = read_file(w, GRANT("{action: freeze_key, at_most: 2/w, scope: {key: web}, dry_run: true}"));
    assert_non_null(p);
    assert_true(slice_is_null(p->grants[0].rule) && slice_is(p->grants[0].key, "web") && p->grants[0].dry_run && p->grants[0].per_us == 7 * 86400000000LL);
}

#define RECEIVER(v) "receivers:\n  ops: " v "\n"
#define RECEIVER_TOLD(text) "quarterdeck.yaml:7: receivers.ops" text "\n"
static void test_receivers(void **state) {
    struct world *w = *state;
    refuses(w, RECEIVER("{webhok: {url: 'http://h/'}}"), RECEIVER_TOLD(": no such kind of receivers `webhok`; did you mean `webhook`?"));
    refuses(w, RECEIVER("{webhook: {}}"), RECEIVER_TOLD(".webhook.url: this is required"));
    refuses(w, RECEIVER("{webhook: {url: 'ftp://user:hush@h/'}}"),
            RECEIVER_TOLD(".webhook.url: expected a URL as http(s)://HOST[:PORT]/PATH (what was found is not shown)"));
    refuses(w, RECEIVER("{email: {url: 'http://h', from: a@b.c, to: [d@e.f]}}"),
            RECEIVER_TOLD(".email.url: expected a URL as smtp://HOST:PORT or smtps://HOST:PORT (what was found is not shown)"));
    refuses(w, RECEIVER("{email: {url: 'smtp://h:25', from: a@b.c, to: [nobody]}}"), RECEIVER_TOLD(".email.to: expected an address such as ops@example.org, found `nobody`"));
    refuses(w, RECEIVER("{pagerduty: {}}"), RECEIVER_TOLD(".pagerduty.routing_key: this is required"));
    refuses(w, RECEIVER("{slack: {url: 'http://h/', secret: x}}"), RECEIVER_TOLD(".slack: unknown key \"secret\""));
    refuses(w, RECEIVER("{webhook: {url: 'http://h/', secret: 'file:none.txt'}}"),
            "quarterdeck.yaml:7:45: receivers.ops.webhook.secret: cannot read none.txt: no such file\n");
    const struct alert_policy *p = read_file(w, "receivers:\n  pager: {pagerduty: {routing_key: file:key.txt}}\n  mail: {email: {url: 'smtp://h:25', from: a@b.c, to: [d@e.f, g@h.i]}}\n"
                                                "  bare: {webhook: {url: 'http://h/x?y=1', secret: '${EMPTY:-}', send_resolved: false, timeout: 3s}}\n");
    if (p == NULL) fail_msg("%s", w->told.at);
    assert_true(slice_is(p->receivers[0].secret, "routing-key-hush") && slice_is(p->receivers[0].url, "https://events.pagerduty.com/v2/enqueue"));
    assert_true(slice_is(p->receivers[1].to, "d@e.f,g@h.i"));
    assert_true(slice_is_null(p->receivers[2].secret) && !p->receivers[2].send_resolved && p->receivers[2].timeout_us == 3000000);
    /* what a variable or a file holds is shown nowhere, wherever it stands */
    assert_null(read_file(w, "alerts:\n  - {name: r, when: {metric: '${HOOK_SECRET}', above: '${HOOK_SECRET}'}}\n  - {name: s, severity: '${HOOK_SECRET}', when: {metric: requests, above: '${HOOK_SECRET}'}}\n"
                            "receivers:\n  ops: {webhook: {url: '${HOOK_SECRET}', timeout: '${HOOK_SECRET}', send_resolved: file:key.txt}}\n"));
    assert_true(w->problems.count >= 5);
    assert_null(strstr(w->told.at, "hush"));
}

#define ONCALL(people, schedule, escalation)                                                                                       \
    "receivers: {ops: {webhook: {url: 'http://h/'}}}\noncall:\n  people: " people "\n  schedules: " schedule "\n  escalations: " escalation "\n"
#define TEAM "{anna: {receiver: ops}, ben: {receiver: ops, email: ben@example.org}}"
static void test_oncall(void **state) {
    struct world *w = *state;
    const struct alert_policy *p = read_file(
        w, ONCALL(TEAM, "{primary: {timezone: Europe/London, rotations: [{people: [anna, ben], starts: 2026-01-05T09:00, turn: 7d, weekdays: [mon-thu, sun], hours: 18:00-08:00}]}}",
                  "{pager: {steps: [{schedule: primary, wait: 10m}, {person: ben}, {receiver: ops, wait: 1h}], repeat: 2}}"));
    if (p == NULL) fail_msg("%s", w->told.at);
    const struct oncall_schedule *s = schedule_find(p, SLICE("primary"));
    const struct oncall_rotation *r = &s->rotations[0];
    assert_int_equal(r->starts_s, 1767603600); /* 2026-01-05T09:00, as UTC would show it */
    assert_int_equal(r->turn_s, 7 * 86400);
    assert_int_equal(r->weekdays, 0x4F);
    assert_true(r->from_minute == 18 * 60 && r->to_minute == 8 * 60 && r->n_people == 2);
    assert_string_equal(zone_name(s->zone), "Europe/London");
    const struct escalation *e = escalation_find(p, SLICE("pager"));
    assert_true(e->n_steps == 3 && e->repeat == 2 && e->steps[1].kind == ESCALATE_PERSON && e->steps[1].wait_us == 300000000);
    assert_true(slice_is(person_find(p, SLICE("ben"))->email, "ben@example.org"));
    refuses(w, ONCALL("{anna: {receiver: opps}}", "{}", "{}"), "quarterdeck.yaml:8: oncall.people.anna.receiver: no such receiver `opps`; did you mean `ops`?\n");
    refuses(w, ONCALL(TEAM, "{p: {timezone: Europe/Londn, rotations: [{people: anna, starts: 2026-01-05}]}}", "{}"),
            "quarterdeck.yaml:9: oncall.schedules.p.timezone: no such time zone: `Europe/Londn`; did you mean `Europe/London`?\n");
    refuses(w, ONCALL(TEAM, "{p: {rotations: [{people: [ana], starts: 2026-01-05}]}}", "{}"),
            "quarterdeck.yaml:9: oncall.schedules.p.rotations[0].people: no such person of oncall.people `ana`; did you mean `anna`?\n");
    refuses(w, ONCALL(TEAM, "{p: {rotations: [{people: [anna], starts: 2026-02-29}]}}", "{}"),
            "quarterdeck.yaml:9: oncall.schedules.p.rotations[0].starts: expected a local date and time such as 2026-01-05T09:00, found \"2026-02-29\"\n");
    refuses(w, ONCALL(TEAM, "{p: {rotations: [{people: [anna], starts: 2026-01-05, turn: 30m}]}}", "{}"),
            "quarterdeck.yaml:9: oncall.schedules.p.rotations[0].turn: expected a duration from 1h to 366d, such as 30s, 5m or 1h, found \"30m\"\n");
    refuses(w, ONCALL(TEAM, "{p: {rotations: [{people: [anna], starts: 2026-01-05, hours: 9-17}]}}", "{}"),
            "quarterdeck.yaml:9: oncall.schedules.p.rotations[0].hours: expected hours such as 09:00-17:00, or over midnight 18:00-08:00, found \"9-17\"\n");
    refuses(w, ONCALL(TEAM, "{p: {rotations: [{people: [anna], starts: 2026-01-05, weekdays: monday}]}}", "{}"),
            "quarterdeck.yaml:9: oncall.schedules.p.rotations[0].weekdays: expected days such as [sat, sun] or mon-fri, found \"monday\"\n");
    refuses(w, ONCALL(TEAM, "{p: {rotations: [{people: [], starts: 2026-01-05}]}}", "{}"),
            "quarterdeck.yaml:9: oncall.schedules.p.rotations[0].people: expected 1 to 200 people, found 0\n");
    refuses(w, ONCALL(TEAM, "{p: {rotations: []}}", "{}"), "quarterdeck.yaml:9: oncall.schedules.p.rotations: expected a list of 1 to 20\n");
    refuses(w, ONCALL(TEAM, "{}", "{e: {steps: [{schedul: p}]}}"), "quarterdeck.yaml:10: oncall.escalations.e.steps[0]: unknown key \"schedul\"; did you mean `schedule`?\n"
            "quarterdeck.yaml:10: oncall.escalations.e.steps[0]: expected exactly one of `receiver`, `schedule` and `person`, such as {schedule: primary, wait: 10m}\n");
    refuses(w, ONCALL(TEAM, "{}", "{ops: {steps: [{receiver: ops}]}}"),
            "quarterdeck.yaml:10: oncall.escalations: `ops` is the name of a receiver too: `notify` could not tell them apart\n");
}

#define TWO_RULES "alerts: [{name: model-a, when: {metric: requests, above: 1}}, {name: model-b, when: {metric: requests, above: 1}}]\n"
static void test_inhibitions_and_groups(void **state) {
    struct world *w = *state;
    refuses(w, TWO_RULES "inhibit: [{source: model-c, target: model-b}]\n", "quarterdeck.yaml:7: inhibit[0].source: no such rule `model-c`; did you mean `model-a`?\n");
    refuses(w, TWO_RULES "inhibit: [{source: model-a, target: modle-*}]\n", "quarterdeck.yaml:7: inhibit[0].target: no rule's name begins with `modle-`\n");
    refuses(w, "inhibit: [all]\n", "quarterdeck.yaml:6: inhibit[0]: expected causes, or {source: RULE, target: RULE, equal: [model]}, found \"all\"\n");
    refuses(w, "grouping: {repeat: 10s}\n", "quarterdeck.yaml:6: grouping.repeat: expected 0 (never) or at least 1m\n");
    const struct alert_policy *p = read_file(w, TWO_RULES "inhibit: [causes, {source: model-a, target: model-*, equal: [model, team]}]\ngrouping: {by: [], wait: 0s, repeat: 0}\n");
    if (p == NULL) fail_msg("%s", w->told.at);
    assert_true(p->causes && p->n_inhibitions == 1 && p->inhibitions[0].equal == (SIGNAL_BY_BIT(MODEL) | SIGNAL_BY_BIT(TEAM)));
    assert_true(p->grouping.by == 0 && p->grouping.repeat_us == 0);
    assert_false(read_file(w, TWO_RULES "inhibit: [{source: model-a, target: model-b}]\n")->causes);
}

static void test_words(void **state) {
    struct world *w = *state;
    static const struct { const char *when, *words; } rows[] = {
        {"{metric: latency.p99, by: [request_type], window: 5m, above: 2s}", "latency.p99 by request_type over 5m above 2 s"},
        {"{metric: errors.rate, by: [application, model], where: {application: helpdesk}, above: 5%}",
         "errors.rate by application, model where application is helpdesk over 5m above 5 %"},
        {"{metric: quality.score, of: helpful, below: 0.8, window: 2h}", "quality.score of helpful over 2h below 0.8"},
        {"{metric: recorder.lag, above: 500ms}", "recorder.lag above 500 ms"},
        {"{metric: disk.free, below: 1KiB}", "disk.free below 1024 B"},
        {"{metric: latency.slow_share, anomaly: {alarms_per_month: 2}}", "latency.slow_share over 5m unlike its baseline (2 false alarms a month)"},
        {"{finding: [rollout_failed, over_plan]}", "an open finding: over_plan, rollout_failed"},
    };
    struct buffer out;
    char yaml[512];
    buffer_init(&out, 4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(yaml, sizeof yaml, "alerts: [{name: r, when: %s}]\n", rows[i].when);
        const struct alert_policy *p = read_file(w, yaml);
        assert_non_null(p);
        buffer_clear(&out);
        alert_when_words(&p->rules[0].when, &out);
        buffer_byte(&out, 0);
        assert_string_equal(out.at, rows[i].words);
    }
    buffer_deinit(&out);
}

static void test_many(void **state) {
    struct world *w = *state;
    struct buffer yaml;
    buffer_init(&yaml, 8 << 20);
    buffer_append(&yaml, SLICE("alerts:\n"));
    for (int i = 0; i < LIMIT_ALERT_RULES; i++) buffer_printf(&yaml, "  - {name: r%d, when: {metric: errors.rate, by: [model], above: 5%%}, actions: [fail_over]}\n", i);
    buffer_byte(&yaml, 0);
    const struct alert_policy *p = read_file(w, yaml.at);
    if (p == NULL) fail_msg("%s", w->told.at);
    assert_int_equal(p->n_rules, LIMIT_ALERT_RULES);
    yaml.len--;
    buffer_append(&yaml, SLICE("  - {name: more, when: {metric: errors.rate, above: 5%}}\n"));
    buffer_byte(&yaml, 0);
    assert_null(read_file(w, yaml.at));
    buffer_deinit(&yaml);
}

/* Bytes put out of place break nothing. */
static void test_mutations(void **state) {
    struct world *w = *state;
    static const char bytes[] = "{}[]:,-'\"x0%$*\n ~#&!|";
    const char all[] = HEAD ISSUE "oncall:\n  people: " TEAM "\n  schedules: {p: {rotations: [{people: [anna, ben], starts: 2026-01-05T09:00, hours: 18:00-08:00}]}}\n"
                       "  escalations: {e: {steps: [{schedule: p, wait: 10m}]}}\ninhibit: [causes, {source: slow-*, target: slow-chat}]\ngrouping: {by: [model]}\n";
    uint64_t seed = 1;
    static char text[sizeof all];
    for (unsigned i = 0; i < 3000; i++) {
        memcpy(text, all, sizeof all);
        for (unsigned k = 0; k < 1 + i % 3; k++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            text[sizeof HEAD + (seed >> 33) % (sizeof all - sizeof HEAD - 1)] = bytes[(seed >> 20) % (sizeof bytes - 1)];
        }
        (void)read_text(w, slice_of(text));
        assert_null(strstr(w->told.at, "hush-hush"));
        arena_reset(&w->arena);
    }
}

static void values_are_for_people(void **state) {
    static const struct { const char *unit; double value; const char *text; } rows[] = {
        {"USD", 0.0123456, "$0.01235"}, {"USD", 12345.678, "$12346"}, {"share", 0.123456, "12.35 %"}, {"s", 0.0123456, "12.35 ms"}, {"s", 2.7154, "2.715 s"}, {"B", 1073741824.0 * 7.25, "7.25 GiB"},
        {"B", 5 << 20, "5 MiB"}, {"B", 1000, "1000 B"}, {"tokens", 1234567, "1234567 tokens"}, {"1", 0.0123456, "0.01235"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer b;
        buffer_init(&b, 256);
        alert_value_write(&(struct signal_info){.unit = rows[i].unit}, rows[i].value, &b);
        assert_string_equal(buffer_text(&b), rows[i].text);
        buffer_deinit(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_for_people), 
        cmocka_unit_test_setup_teardown(test_issue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_declared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_units, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_actions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receivers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oncall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inhibitions_and_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mutations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
