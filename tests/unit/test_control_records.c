/* Records, latency and totals over the API: filters, paging, numbers. */
#include "test_control_rig.h"

#include <math.h>

#define HOUR (3600 * SECOND)
#define MINUTE (60 * SECOND)

static void keep(struct desk *d, uint64_t number, int64_t ago_us, enum record_status status, const char *model, const char *user) {
    struct record r;
    rig_record(&r, DESK_NOW - ago_us, number);
    r.status = status;
    r.model = slice_of(model);
    r.user = user ? slice_of(user) : SLICE_NULL;
    desk_keep(d, &r);
}

static unsigned rows(struct desk *d, const char *member) { return json_size(&d->doc, json_get(&d->doc, 0, member)); }

static unsigned matching(struct desk *d, const char *query) {
    char target[256];
    snprintf(target, sizeof target, "/api/v1/records?%s", query);
    if (desk_get(d, target) != 200) fail_msg("%s: %s", target, buffer_text(&d->answer.body));
    return rows(d, "records");
}

static void filters(void **state) {
    struct desk *d = *state;
    struct record r;
    keep(d, 1, 3 * HOUR, RECORD_OK, "support-chat", "anna");
    keep(d, 2, 2 * HOUR, RECORD_ERROR, "support-chat", "bob");
    keep(d, 3, HOUR, RECORD_OK, "other", NULL);
    rig_record(&r, DESK_NOW - MINUTE, 4);
    r.application = SLICE("billing"), r.key = SLICE("k2"), r.session = SLICE("s 1"), r.request_type = SLICE("sum&mary");
    r.tags = SLICE("env=prod,beta"), r.provider = SLICE("main"), r.status = RECORD_TRUNCATED;
    desk_keep(d, &r);
    desk_drain(d);
    static const struct {
        const char *query;
        unsigned n;
    } cases[] = {
        {"", 4},                      {"application=support", 3},   {"application=billing", 1}, {"application=nobody", 0},
        {"model=other", 1},           {"user=anna", 1},             {"session=s%201", 1},       {"session=s+1", 1},
        {"status=ok", 2},             {"status=error", 1},          {"status=truncated", 1},    {"status=cancelled", 0},
        {"request_type=sum%26mary", 1}, {"tag=beta", 1},            {"tag=env%3Dprod", 1},      {"tag=env%3Ddev", 0},
        {"key=k2", 1},                {"provider=main", 1},         {"from=-90m", 2},           {"to=-90m", 2},
        {"from=-150m&to=-90m", 1},    {"status=ok&user=anna", 1},   {"status=error&user=anna", 0}, {"limit=2", 2},
        {"from=2025-11-08T07:30:00Z", 3},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (matching(d, cases[i].query) != cases[i].n) fail_msg("%s: %u, wanted %u", cases[i].query, rows(d, "records"), cases[i].n);
    assert_int_equal(matching(d, ""), 4);
    EXPECT(d, "records.0.application", "billing"); /* newest first */
    EXPECT(d, "records.0.tags", "{\"env\":\"prod\",\"beta\":\"\"}");
    EXPECT(d, "records.3.user", "anna");
    EXPECT(d, "next_cursor", "null");
    assert_int_equal(matching(d, "order=oldest"), 4);
    EXPECT(d, "records.0.user", "anna");
}

/* Every record once, in order, whatever the page's size. */
static void pages(void **state) {
    struct desk *d = *state;
    enum { COUNT = 57 };
    for (unsigned i = 0; i < COUNT; i++) keep(d, i, (int64_t)i * 50 * MINUTE, RECORD_OK, "support-chat", NULL); /* over three days */
    desk_drain(d);
    static const unsigned sizes[] = {1, 7, 56, 57, 58};
    static const char *const orders[] = {"newest", "oldest"};
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (unsigned o = 0; o < 2; o++) {
            char target[256], cursor[64] = "", last[64] = "";
            unsigned seen = 0, calls = 0;
            do {
                snprintf(target, sizeof target, "limit=%u&order=%s%s%s", sizes[s], orders[o], cursor[0] ? "&cursor=" : "", cursor);
                unsigned n = matching(d, target);
                assert_true(n <= sizes[s] && ++calls <= COUNT + 1);
                for (unsigned i = 0; i < n; i++) {
                    char path[32];
                    snprintf(path, sizeof path, "records.%u.id", i);
                    const char *id = desk_at(d, path);
                    assert_true(last[0] == 0 || (o ? strcmp(last, id) < 0 : strcmp(last, id) > 0));
                    snprintf(last, sizeof last, "%s", id);
                }
                seen += n;
                snprintf(cursor, sizeof cursor, "%s", desk_at(d, "next_cursor"));
            } while (strcmp(cursor, "null") != 0);
            if (seen != COUNT) fail_msg("%u by %u %s", seen, sizes[s], orders[o]);
        }
}

static void one_record_and_its_payload(void **state) {
    struct desk *d = *state;
    struct record r;
    struct buffer frame;
    char id[RECORD_ID_TEXT], target[96];
    rig_record(&r, DESK_NOW - SECOND, 9);
    r.cost_nano = MONEY_UNKNOWN;
    desk_keep(d, &r);
    struct payload p = {.id = r.id, .application = SLICE("support"), .request = SLICE(" {\"a\":1} "), .reply = SLICE("data: x\n\n"), .reply_cut = true};
    buffer_init(&frame, 4 << 10);
    assert_true(payload_encode(&p, &frame));
    assert_int_equal(recorder_append(d->recorder, 0, FRAME_PAYLOAD, buffer_slice(&frame)), FAULT_NONE);
    buffer_deinit(&frame);
    desk_drain(d);
    record_id_format(&r.id, id);
    snprintf(target, sizeof target, "/api/v1/records/%s", id);
    EXPECT_STATUS(200, desk_get(d, target));
    EXPECT(d, "id", id);
    EXPECT(d, "cost_usd", "null");
    EXPECT(d, "usage.input", "100");
    snprintf(target, sizeof target, "/api/v1/records/%s/payload", id);
    EXPECT_STATUS(200, desk_get(d, target));
    EXPECT(d, "request.json.a", "1");
    EXPECT(d, "request.cut", "false");
    EXPECT(d, "request.text", "absent");
    EXPECT(d, "reply.text", "data: x\n\n");
    EXPECT(d, "reply.cut", "true");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/records/01K9J0QJ8EXAMP0EREC0RD0000"));
    EXPECT(d, "error.code", "not_found");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/records/01K9J0QJ8EXAMP0EREC0RD0000/payload"));
}

/* ---- latency ---- */

static void near(struct desk *d, const char *path, double want) {
    double found = strtod(desk_at(d, path), NULL);
    if (fabs(found - want) > want * 0.03) fail_msg("%s: %g, wanted %g", path, found, want);
}

static void latencies(void **state) {
    struct desk *d = *state;
    for (unsigned i = 1; i <= 100; i++) {
        struct record r;
        rig_record(&r, DESK_NOW - 10 * MINUTE + i * SECOND, i);
        r.duration_us = i * 10000; /* 10 ms to 1 s */
        r.ttft_us = i % 2 ? -1 : (int64_t)i * 1000;
        r.request_type = i <= 50 ? SLICE("short") : SLICE("long");
        desk_keep(d, &r);
    }
    keep(d, 200, 2 * HOUR, RECORD_OK, "old", NULL);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/latency"));
    EXPECT(d, "from", "2025-11-08T09:00:00.000000Z");
    EXPECT(d, "to", "2025-11-08T10:00:00.000000Z");
    EXPECT(d, "by", "[\"model\"]");
    assert_int_equal(rows(d, "rows"), 1);
    EXPECT(d, "rows.0.model", "support-chat");
    EXPECT(d, "rows.0.application", "absent");
    EXPECT(d, "rows.0.n", "100");
    EXPECT(d, "rows.0.total_ms.n", "100");
    EXPECT(d, "rows.0.first_token_ms.n", "50");
    near(d, "rows.0.total_ms.p50", 500);
    near(d, "rows.0.total_ms.p90", 900);
    near(d, "rows.0.total_ms.p95", 950);
    near(d, "rows.0.total_ms.p99", 990);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/latency?by=request_type,application"));
    EXPECT(d, "by", "[\"application\",\"request_type\"]");
    assert_int_equal(rows(d, "rows"), 2);
    EXPECT(d, "rows.0.request_type", "long");
    near(d, "rows.0.total_ms.p50", 750);
    near(d, "rows.1.total_ms.p50", 250);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/latency?request_type=short&model=support-chat&application=support"));
    EXPECT(d, "rows.0.n", "50");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/latency?from=-3h&model=old"));
    EXPECT(d, "from", "2025-11-08T07:00:00.000000Z");
    assert_int_equal(rows(d, "rows"), 1);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/latency?application=billing"));
    assert_int_equal(rows(d, "rows"), 0);
}

static void no_data_is_null(void **state) {
    struct desk *d = *state;
    struct record r;
    rig_record(&r, DESK_NOW - MINUTE, 1);
    r.ttft_us = -1;
    r.usage.output = 1;
    desk_keep(d, &r);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/latency"));
    EXPECT(d, "rows.0.first_token_ms", "null");
    EXPECT(d, "rows.0.per_token_ms", "null");
}

/* ---- totals ---- */

static void sums(void **state) {
    struct desk *d = *state;
    keep(d, 1, 50 * MINUTE, RECORD_OK, "a", NULL);
    keep(d, 2, 49 * MINUTE, RECORD_ERROR, "a", NULL);
    keep(d, 3, 5 * MINUTE, RECORD_OK, "b", NULL);
    struct record r;
    rig_record(&r, DESK_NOW - 4 * MINUTE, 4);
    r.cost_nano = MONEY_UNKNOWN;
    r.model = SLICE("unpriced");
    desk_keep(d, &r);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/totals"));
    EXPECT(d, "count", "4");
    EXPECT(d, "by_status.ok", "3");
    EXPECT(d, "by_status.error", "1");
    EXPECT(d, "by_status.degraded", "0");
    EXPECT(d, "input", "400");
    EXPECT(d, "output", "44");
    EXPECT(d, "cost_nanousd", "3000");
    EXPECT(d, "cost_usd", "0.000003");
    EXPECT(d, "unpriced", "1");
    EXPECT(d, "series", "absent");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/totals?model=unpriced")); /* nothing known is not nothing */
    EXPECT(d, "cost_nanousd", "null");
    EXPECT(d, "cost_usd", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/totals?model=nobody"));
    EXPECT(d, "count", "0");
    EXPECT(d, "cost_usd", "0");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/totals?application=support&step=15m"));
    EXPECT(d, "from", "2025-11-08T09:00:00.000000Z");
    assert_int_equal(rows(d, "series"), 4);
    EXPECT(d, "series.0.start", "2025-11-08T09:00:00.000000Z");
    EXPECT(d, "series.0.count", "2");
    EXPECT(d, "series.1.count", "0");
    EXPECT(d, "series.2.count", "0");
    EXPECT(d, "series.3.count", "2");
    EXPECT(d, "series.3.cost_nanousd", "1000");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/totals?from=2025-11-08T09:07:12Z&to=2025-11-08T10:12:00Z&step=1h")); /* widened to whole steps */
    EXPECT(d, "from", "2025-11-08T09:00:00.000000Z");
    EXPECT(d, "to", "2025-11-08T11:00:00.000000Z");
    assert_int_equal(rows(d, "series"), 2);
    EXPECT(d, "count", "4");
}

static void without_a_ledger(void **state) {
    struct desk *d = *state;
    static const char *const targets[] = {"/api/v1/records", "/api/v1/latency", "/api/v1/totals", "/api/v1/records/01K9J0QJ8EXAMP0EREC0RD0000"};
    struct ledger *l = d->s.ledger;
    d->s.ledger = NULL;
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
        EXPECT_STATUS(503, desk_get(d, targets[i]));
        EXPECT(d, "error.code", "not_running");
    }
    d->s.ledger = l;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(filters),   TEST(pages),           TEST(one_record_and_its_payload), TEST(latencies),
        TEST(no_data_is_null), TEST(sums),      TEST(without_a_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
