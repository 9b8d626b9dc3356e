/* What receivers are told: each shape by its fields, what may not get through, what came back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "incident/notice.h"

#include <stdio.h>

#define MADE_US 1795294696123456LL /* 2026-11-21T20:58:16.123456Z */
#define NOW_US (MADE_US + 5000000)

struct world {
    struct arena arena;
    struct alert_receiver r;
    struct noticed_alert alerts[NOTICE_ALERTS];
    struct notice_alerts n;
    struct notice_request *requests;
    unsigned n_requests;
    struct json_doc d;
    struct error error;
};

#define T(text) {text, sizeof(text) - 1}
static const struct noticed_alert slow = {
    .alert = 7, .rule = T("slow-chat"), .series = T("{\"request_type\":\"chat\"}"), .fingerprint = T("0123456789abcdef"),
    .summary = T("P99 of chat is 3.1 s, above 2 s"), .runbook = T("slow-provider"), .commands = T("quarterdeck alert ack 7 --why TEXT\nquarterdeck provider list"),
    .labels = T("{\"application\":\"helpdesk\",\"request-type\":\"chat\",\"empty\":\"\"}"), .evidence = T("{\"value\":3.1,\"n\":512}"),
    .severity = ALERT_CRITICAL, .state = ALERT_FIRING, .starts_us = MADE_US - 60000000};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    arena_init(&w->arena, 64 << 10, 64 << 20);
    w->r = (struct alert_receiver){.name = SLICE("ops"), .url = SLICE("http://127.0.0.1:9/hook"), .secret = SLICE("s3cret")};
    w->alerts[0] = slow;
    w->n = (struct notice_alerts){.alerts = w->alerts, .n = 1, .status = SLICE("firing"), .group = SLICE("{\"alertname\":\"slow-chat\",\"application\":\"helpdesk\"}"), .why = SLICE("first")};
    *state = w;
    return digest_start() ? 0 : -1;
}

static int teardown(void **state) {
    struct world *w = *state;
    arena_deinit(&w->arena);
    test_free(w);
    return 0;
}

static void make(struct world *w, enum receiver_kind kind) {
    w->r.kind = kind;
    if (notice_requests(&w->r, &w->n, SLICE("5f1c"), SLICE("http://qd:4000"), MADE_US, NOW_US, &w->arena, &w->requests, &w->n_requests, &w->error) != FAULT_NONE)
        fail_msg("%s", w->error.text);
    if (kind != RECEIVER_EMAIL) assert_int_equal(json_read(w->requests[0].body, &w->arena, UINT16_MAX, &w->d, &w->error), FAULT_NONE);
}

/* The value at "alerts.0.labels.severity": text decoded, the rest as written; "" when it is not there. */
static const char *at(struct world *w, const char *path) {
    struct slice rest = slice_of(path), part;
    uint32_t node = 0;
    uint64_t index;
    for (bool more = true; more;) {
        more = slice_cut(rest, '.', &part, &rest);
        node = json_type(&w->d, node) == JSON_ARRAY && slice_to_u64(part, &index) ? json_item(&w->d, node, (uint32_t)index) : json_get_slice(&w->d, node, part);
    }
    struct slice value = json_type(&w->d, node) == JSON_STRING ? json_string(&w->d, node, &w->arena) : json_raw(&w->d, node);
    return arena_text(&w->arena, value.at == NULL ? SLICE("") : value);
}

static const char *header(struct world *w, const char *name) {
    for (const char *const *h = w->requests[0].headers; *h != NULL; h++)
        if (strncmp(*h, name, strlen(name)) == 0) return *h + strlen(name);
    return "";
}

/* ---- kept and read ---- */

static void is_read_as_it_was_written(void **state) {
    struct world *w = *state;
    struct buffer out;
    struct notice_alerts read;
    buffer_init(&out, 1 << 20);
    w->alerts[0].acknowledged_by = SLICE("Änne");
    w->n.called = SLICE("anna");
    w->n.left_out = 3;
    notice_write(&w->n, &out);
    assert_int_equal(notice_read(buffer_slice(&out), &w->arena, &read, &w->error), FAULT_NONE);
    assert_int_equal(read.n, 1);
    assert_int_equal(read.left_out, 3);
    assert_true(slice_is(read.called, "anna") && slice_is(read.why, "first") && slice_is(read.status, "firing") && slice_eq(read.group, w->n.group));
    const struct noticed_alert *a = &read.alerts[0], *b = &w->alerts[0];
    assert_int_equal(a->alert, 7);
    assert_true(slice_eq(a->rule, b->rule) && slice_eq(a->series, b->series) && slice_eq(a->labels, b->labels) && slice_eq(a->evidence, b->evidence));
    assert_true(slice_eq(a->commands, b->commands) && slice_eq(a->acknowledged_by, b->acknowledged_by) && slice_eq(a->fingerprint, b->fingerprint));
    assert_true(a->severity == ALERT_CRITICAL && a->state == ALERT_FIRING && a->starts_us == b->starts_us && a->ends_us == 0);
    static const char *const broken[] = {"", "[]", "{}", "{\"status\":\"firing\",\"left_out\":0,\"alerts\":[]}", "{\"status\":\"firing\",\"left_out\":0,\"alerts\":[{}]}", "{\"status\":\"fir"};
    for (unsigned i = 0; i < sizeof broken / sizeof *broken; i++)
        if (notice_read(slice_of(broken[i]), &w->arena, &read, &w->error) == FAULT_NONE) fail_msg("%s was read", broken[i]);
    buffer_deinit(&out);
}

/* ---- shapes ---- */

static void webhook_is_alertmanagers_version_4(void **state) {
    static const char *const fields[][2] = {
        {"version", "4"}, {"status", "firing"}, {"receiver", "ops"}, {"externalURL", "http://qd:4000"}, {"truncatedAlerts", "4"}, {"notification_reason", "first"},
        {"groupKey", "{}:{alertname=\"slow-chat\", application=\"helpdesk\"}"}, {"groupLabels.alertname", "slow-chat"}, {"groupLabels.application", "helpdesk"},
        {"commonLabels.alertname", "slow-chat"}, {"commonLabels.severity", "critical"}, {"commonLabels.request_type", ""}, {"commonAnnotations.runbook", "slow-provider"},
        {"alerts.0.status", "firing"}, {"alerts.0.fingerprint", "0123456789abcdef"}, {"alerts.0.startsAt", "2026-11-21T20:57:16.123456Z"},
        {"alerts.0.endsAt", "0001-01-01T00:00:00Z"}, {"alerts.0.generatorURL", "http://qd:4000/api/v1/alerts/7"}, {"alerts.0.labels.request_type", "chat"},
        {"alerts.0.labels.empty", ""}, {"alerts.0.labels.application", "helpdesk"}, {"alerts.0.annotations.summary", "P99 of chat is 3.1 s, above 2 s"},
        {"alerts.0.annotations.commands", "quarterdeck alert ack 7 --why TEXT\nquarterdeck provider list"}, {"alerts.0.annotations.evidence", "{\"value\":3.1,\"n\":512}"},
        {"alerts.1.status", "resolved"}, {"alerts.1.endsAt", "2026-11-21T20:58:16.123456Z"}, {"alerts.1.labels.request_type", "summary"}};
    struct world *w = *state;
    w->alerts[1] = slow;
    w->alerts[1].state = ALERT_RESOLVED;
    w->alerts[1].ends_us = MADE_US;
    w->alerts[1].labels = SLICE("{\"application\":\"helpdesk\",\"request-type\":\"summary\"}");
    w->n.n = 2;
    w->n.left_out = 4;
    make(w, RECEIVER_WEBHOOK);
    assert_int_equal(w->n_requests, 1);
    assert_int_equal(json_size(&w->d, 0), 11);
    assert_int_equal(json_size(&w->d, json_item(&w->d, json_get(&w->d, 0, "alerts"), 0)), 7);
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) assert_string_equal(at(w, fields[i][0]), fields[i][1]);
    assert_string_equal(header(w, "x-quarterdeck-notice: "), "5f1c");
    assert_string_equal(header(w, "content-type: "), "application/json");
    w->n.n = 1;
    w->n.alerts = &w->alerts[1];
    make(w, RECEIVER_WEBHOOK);
    assert_string_equal(at(w, "status"), "resolved");
}

static void alertmanager_takes_an_array(void **state) {
    struct world *w = *state;
    w->r.url = SLICE("http://127.0.0.1:9093/am/");
    w->alerts[1] = slow;
    w->alerts[1].state = ALERT_RESOLVED;
    w->alerts[1].ends_us = MADE_US - 1000000;
    w->n.n = 2;
    make(w, RECEIVER_ALERTMANAGER);
    assert_string_equal(w->requests[0].url.at, "http://127.0.0.1:9093/am/api/v2/alerts");
    assert_string_equal(at(w, "0.labels.alertname"), "slow-chat");
    assert_string_equal(at(w, "0.labels.severity"), "critical");
    assert_string_equal(at(w, "0.startsAt"), "2026-11-21T20:57:16.123456Z");
    assert_string_equal(at(w, "0.endsAt"), "2026-11-21T21:13:21.123456Z"); /* a quarter of an hour from now: it is told again before that */
    assert_string_equal(at(w, "1.endsAt"), "2026-11-21T20:58:15.123456Z");
    assert_string_equal(at(w, "0.annotations.summary"), "P99 of chat is 3.1 s, above 2 s");
    w->r.url = SLICE("http://127.0.0.1:9093/api/v2/alerts");
    make(w, RECEIVER_ALERTMANAGER);
    assert_string_equal(w->requests[0].url.at, "http://127.0.0.1:9093/api/v2/alerts");
}

static void pagerduty_has_an_event_for_each_alert(void **state) {
    struct world *w = *state;
    w->alerts[1] = w->alerts[2] = slow;
    w->alerts[1].state = ALERT_ACKNOWLEDGED;
    w->alerts[2].state = ALERT_RESOLVED;
    w->n.n = 3;
    w->r.url = SLICE_NULL;
    make(w, RECEIVER_PAGERDUTY);
    assert_int_equal(w->n_requests, 3);
    assert_string_equal(w->requests[0].url.at, "https://events.pagerduty.com/v2/enqueue");
    static const char *const fields[][2] = {
        {"routing_key", "s3cret"}, {"event_action", "trigger"}, {"dedup_key", "0123456789abcdef"}, {"payload.summary", "P99 of chat is 3.1 s, above 2 s"},
        {"payload.source", "helpdesk"}, {"payload.severity", "critical"}, {"payload.timestamp", "2026-11-21T20:57:16.123456Z"}, {"payload.class", "slow-chat"},
        {"payload.custom_details.evidence.n", "512"}, {"links.0.href", "http://qd:4000/api/v1/alerts/7"}, {"client", "Quarterdeck"}};
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) assert_string_equal(at(w, fields[i][0]), fields[i][1]);
    static const char *const acts[] = {"trigger", "acknowledge", "resolve"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(json_read(w->requests[i].body, &w->arena, UINT16_MAX, &w->d, NULL), FAULT_NONE);
        assert_string_equal(at(w, "event_action"), acts[i]);
        assert_string_equal(at(w, "dedup_key"), "0123456789abcdef");
    }
    w->n.n = 1;
    w->n.status = SLICE("test");
    make(w, RECEIVER_PAGERDUTY);
    assert_int_equal(w->n_requests, 2); /* opened and closed */
    assert_int_equal(json_read(w->requests[1].body, &w->arena, UINT16_MAX, &w->d, NULL), FAULT_NONE);
    assert_string_equal(at(w, "event_action"), "resolve");
}

static size_t characters(const char *text) {
    size_t n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static struct slice filled(struct world *w, const char *head, const char *unit, size_t bytes, const char *tail) {
    struct buffer out;
    buffer_init(&out, 8 << 20);
    buffer_append(&out, slice_of(head));
    while (out.len < bytes) buffer_append(&out, slice_of(unit));
    buffer_append(&out, slice_of(tail));
    struct slice s = arena_slice(&w->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return s;
}

static void pagerduty_keeps_its_limits(void **state) {
    struct world *w = *state;
    w->alerts[0].summary = filled(w, "", "ü", 5000, "");
    w->alerts[0].fingerprint = filled(w, "", "€", 2000, "");
    w->alerts[0].evidence = filled(w, "{\"x\":\"", "0123456789", 600000, "\"}");
    make(w, RECEIVER_PAGERDUTY);
    assert_true(w->requests[0].body.len <= 512000);
    assert_int_equal(characters(at(w, "payload.summary")), 1024);
    assert_int_equal(characters(at(w, "dedup_key")), 255);
    assert_string_equal(at(w, "payload.custom_details.evidence"), ""); /* it did not fit */
    assert_true(slice_is_utf8(w->requests[0].body));
    w->alerts[0].summary = filled(w, "", "x", 1024, "");
    make(w, RECEIVER_PAGERDUTY);
    assert_string_equal(at(w, "payload.summary"), arena_text(&w->arena, w->alerts[0].summary)); /* to the character */
}

static void annotations_have_the_numbers_alone(void **state) {
    struct world *w = *state;
    w->alerts[0].evidence = SLICE("{\"value\":3.1,\"chart\":{\"values\":[1,2]},\"examples\":[\"a\"],\"finding\":{\"id\":7,\"title\":\"t\",\"evidence\":{\"n\":1}}}");
    make(w, RECEIVER_WEBHOOK);
    assert_string_equal(at(w, "alerts.0.annotations.evidence"), "{\"value\":3.1,\"finding\":{\"id\":7,\"title\":\"t\"}}");
    make(w, RECEIVER_ALERTMANAGER);
    assert_string_equal(at(w, "0.annotations.evidence"), "{\"value\":3.1,\"finding\":{\"id\":7,\"title\":\"t\"}}");
}

static void a_large_notice_goes_without_its_evidence(void **state) {
    struct world *w = *state;
    for (unsigned i = 0; i < NOTICE_ALERTS; i++) {
        w->alerts[i] = slow;
        w->alerts[i].summary = filled(w, "", "0123456789", 4500, "");
        w->alerts[i].evidence = filled(w, "{\"n\":", "0123456789", 190, "}");
    }
    w->n.n = NOTICE_ALERTS;
    w->r.to = SLICE("anna@example.org");
    make(w, RECEIVER_WEBHOOK);
    assert_true(w->requests[0].body.len <= LIMIT_NOTICE_BODY);
    assert_string_equal(at(w, "alerts.199.annotations.evidence"), "");
    assert_string_equal(at(w, "alerts.199.labels.alertname"), "slow-chat");
    make(w, RECEIVER_SLACK);
    assert_true(w->requests[0].body.len < 64 << 10);
    assert_non_null(strstr(at(w, "attachments.0.text"), "and 190 more"));
    make(w, RECEIVER_EMAIL);
    assert_true(w->requests[0].body.len <= LIMIT_NOTICE_BODY);
}

static void slack_lets_no_text_act(void **state) {
    struct world *w = *state;
    w->r.channel = SLICE("#ops");
    w->alerts[0].summary = SLICE("<!channel> & <https://evil|click>\r\n*now*");
    w->alerts[0].commands = SLICE("quarterdeck alert ack 7\n```<@U1>");
    make(w, RECEIVER_SLACK);
    assert_string_equal(at(w, "channel"), "#ops");
    assert_string_equal(at(w, "text"), "[firing] slow-chat: &lt;!channel&gt; &amp; &lt;https://evil|click&gt;  *now*");
    assert_string_equal(at(w, "attachments.0.color"), "danger");
    assert_string_equal(at(w, "attachments.0.title_link"), "http://qd:4000/api/v1/alerts/7");
    assert_string_equal(at(w, "attachments.0.ts"), "1795294696");
    const char *text = at(w, "attachments.0.text");
    assert_non_null(strstr(text, "```quarterdeck alert ack 7\n'''&lt;@U1&gt;```\n"));
    assert_null(strchr(text, '<'));
    w->alerts[0].state = ALERT_RESOLVED;
    make(w, RECEIVER_SLACK);
    assert_string_equal(at(w, "attachments.0.color"), "good");
}

/* ---- e-mail ---- */

static struct slice message(struct world *w, struct slice *ret_head) {
    struct slice body;
    make(w, RECEIVER_EMAIL);
    size_t n = 0;
    while (memcmp(w->requests[0].body.at + n, "\r\n\r\n", 4) != 0) n++;
    *ret_head = slice_make(w->requests[0].body.at, n + 2);
    body = slice_make(w->requests[0].body.at + n + 4, w->requests[0].body.len - n - 4);
    return body;
}

static void mail_is_a_message(void **state) {
    struct world *w = *state;
    struct slice head, body;
    w->r.from = SLICE("Quarterdeck <qd@example.org>");
    w->r.to = SLICE("anna@example.org, ben@example.org");
    w->alerts[0].summary = SLICE("Täglich 3,1 s – für „chat“, und noch viel mehr davon, damit es über ein Wort hinausgeht");
    w->alerts[0].commands = SLICE(".\nFrom here\n..quarterdeck alert ack 7");
    body = message(w, &head);
    assert_string_equal(w->requests[0].headers[0], "anna@example.org");
    assert_string_equal(w->requests[0].headers[1], "ben@example.org");
    assert_null(w->requests[0].headers[2]);
    assert_true(slice_contains(head, SLICE("From: Quarterdeck <qd@example.org>\r\n")));
    assert_true(slice_contains(head, SLICE("To: anna@example.org, ben@example.org\r\n")));
    assert_true(slice_contains(head, SLICE("Date: Sat, 21 Nov 2026 20:58:16 +0000\r\n")));
    assert_true(slice_contains(head, SLICE("Message-ID: <5f1c@example.org>\r\n")));
    assert_true(slice_contains(head, SLICE("Subject: =?UTF-8?B?W2ZpcmluZ10gc2xvdy1jaGF0OiBUw6RnbGljaCAz")));
    for (struct slice line, rest = w->requests[0].body; rest.len > 0;) { /* ASCII, CRLF, short, no dot, no blank at the end */
        assert_true(slice_cut(rest, '\n', &line, &rest));
        assert_true(line.len > 0 && line.at[line.len - 1] == '\r' && line.len <= 77 && line.at[0] != '.');
        assert_true(line.len < 2 || line.at[line.len - 2] != ' ');
        for (size_t i = 0; i + 1 < line.len; i++) assert_true(line.at[i] >= ' ' && line.at[i] <= '~');
    }
    assert_true(slice_contains(body, SLICE("T=C3=A4glich")));
}

static void nobody_adds_a_header(void **state) {
    struct world *w = *state;
    struct slice head;
    w->r.from = SLICE("qd@example.org");
    w->r.to = SLICE("anna@example.org");
    w->alerts[0].rule = SLICE("x\r\nBcc: eve@example.org");
    w->alerts[0].summary = SLICE("y\nBcc: eve@example.org\r\n\r\nbody\xE2\x80\xA8\x7F\xC2\x85z");
    w->n.status = SLICE("firing");
    (void)message(w, &head);
    assert_false(slice_contains(head, SLICE("\nBcc")));
    assert_true(slice_contains(head, SLICE("Subject: [firing] x  Bcc: eve@example.org: y Bcc: eve@example.org    body   z\r\n")));
    unsigned lines = 0;
    for (size_t i = 0; i < head.len; i++) lines += head.at[i] == '\n';
    assert_int_equal(lines, 11);
    w->r.to = SLICE("anna@example.org\r\nRCPT TO:<eve@example.org>");
    assert_int_equal(notice_requests(&w->r, &w->n, SLICE("5f1c"), SLICE("u"), MADE_US, NOW_US, &w->arena, &w->requests, &w->n_requests, &w->error), FAULT_CONFIG);
    w->r.kind = RECEIVER_WEBHOOK;
    assert_int_equal(notice_requests(&w->r, &w->n, SLICE("5f\r\nx: y"), SLICE("u"), MADE_US, NOW_US, &w->arena, &w->requests, &w->n_requests, &w->error), FAULT_NONE);
    assert_string_equal(header(w, "x-quarterdeck-notice: "), "5f  x: y");
}

/* ---- signing, answers, patience ---- */

/* hmac.new("s3cret-ä".encode(), b'1763757256.{"a":1}', hashlib.sha256).hexdigest(), and of 200 times "k" over b"0.": by Python. */
static void signs(void **state) {
    char out[NOTICE_SIGNATURE];
    struct world *w = *state;
    notice_sign(SLICE("s3cret-ä"), 1763757256, SLICE("{\"a\":1}"), out);
    assert_string_equal(out, "t=1763757256,v1=912a25ed0a324a3897f91443c0d482ae622fdf414a06a2f3539c3dde93a776ae");
    notice_sign(filled(w, "", "k", 200, ""), 0, SLICE(""), out);
    assert_string_equal(out, "t=0,v1=76a82ba859636cc3081c72aa270fd66ac81a202f8182404e7752795c6e7ba88f");
    make(w, RECEIVER_WEBHOOK);
    notice_sign(w->r.secret, NOW_US / 1000000, w->requests[0].body, out); /* of the try, over exactly what is sent */
    assert_string_equal(header(w, "x-quarterdeck-signature: "), out);
    w->r.secret = SLICE_NULL;
    make(w, RECEIVER_WEBHOOK);
    assert_string_equal(header(w, "x-quarterdeck-signature: "), "");
}

static void answers(void **state) {
    static const struct { enum receiver_kind kind; int status; const char *after; enum notice_answer want; int64_t after_us; } cases[] = {
        {RECEIVER_WEBHOOK, 204, NULL, NOTICE_TAKEN, -1},          {RECEIVER_WEBHOOK, 0, NULL, NOTICE_AGAIN, -1},
        {RECEIVER_WEBHOOK, 500, NULL, NOTICE_AGAIN, -1},          {RECEIVER_WEBHOOK, 302, NULL, NOTICE_AGAIN, -1},
        {RECEIVER_WEBHOOK, 401, NULL, NOTICE_AGAIN, -1},          {RECEIVER_WEBHOOK, 400, NULL, NOTICE_REFUSED, -1},
        {RECEIVER_WEBHOOK, 429, "17", NOTICE_AGAIN, 17000000},    {RECEIVER_WEBHOOK, 429, "999999999999999999999", NOTICE_AGAIN, -1},
        {RECEIVER_WEBHOOK, 503, "99999", NOTICE_AGAIN, NOTICE_RETRY_AFTER_MOST_US}, {RECEIVER_WEBHOOK, 429, "soon", NOTICE_AGAIN, -1},
        {RECEIVER_WEBHOOK, 429, "-5", NOTICE_AGAIN, -1},          {RECEIVER_WEBHOOK, 503, "Sat, 21 Nov 2026 20:58:31 GMT", NOTICE_AGAIN, 10000000 - 123456},
        {RECEIVER_WEBHOOK, 503, "Sat, 21 Nov 2020 20:58:31 GMT", NOTICE_AGAIN, 0},
        {RECEIVER_WEBHOOK, 410, NULL, NOTICE_REFUSED, -1},        {RECEIVER_WEBHOOK, 404, NULL, NOTICE_AGAIN, -1},
        {RECEIVER_PAGERDUTY, 202, NULL, NOTICE_TAKEN, -1},        {RECEIVER_PAGERDUTY, 400, NULL, NOTICE_REFUSED, -1},
        {RECEIVER_SLACK, 404, NULL, NOTICE_REFUSED, -1},          {RECEIVER_ALERTMANAGER, 400, NULL, NOTICE_REFUSED, -1},
        {RECEIVER_EMAIL, 250, NULL, NOTICE_TAKEN, -1},            {RECEIVER_EMAIL, 451, NULL, NOTICE_AGAIN, -1},
        {RECEIVER_EMAIL, 535, NULL, NOTICE_AGAIN, -1},            {RECEIVER_EMAIL, 550, NULL, NOTICE_REFUSED, -1},
        {RECEIVER_EMAIL, 0, NULL, NOTICE_AGAIN, -1}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t after = 42;
        enum notice_answer got = notice_answer(cases[i].kind, cases[i].status, slice_of(cases[i].after), NOW_US, &after);
        if (got != cases[i].want || after != cases[i].after_us) fail_msg("case %u: %d, %lld", i, got, (long long)after);
    }
}

static void waits_longer_each_time_up_to_a_bound(void **state) {
    (void)state;
    for (int64_t tries = 0, plain = 1000000; tries < 4000; tries++) {
        int64_t us = notice_backoff(tries);
        assert_true(us >= plain && us <= plain + plain / 4);
        if (tries > 0) plain = plain >= 150000000 ? 300000000 : 2 * plain;
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(is_read_as_it_was_written), TEST(webhook_is_alertmanagers_version_4), TEST(alertmanager_takes_an_array),
        TEST(pagerduty_has_an_event_for_each_alert), TEST(pagerduty_keeps_its_limits), TEST(annotations_have_the_numbers_alone), TEST(a_large_notice_goes_without_its_evidence),
        TEST(slack_lets_no_text_act), TEST(mail_is_a_message), TEST(nobody_adds_a_header), TEST(signs), TEST(answers), TEST(waits_longer_each_time_up_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
