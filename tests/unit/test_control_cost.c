/* Cost over the API: report in its three forms, and explain. */
#include "test_control_rig.h"

#include "cost/learned.h"
#include "store/findings.h"

#define HOUR (3600 * SECOND)

static void keep(struct desk *d, uint64_t number, int64_t ago_us, const char *team, int64_t input,
                 int64_t output) {
    struct record r;
    rig_record(&r, DESK_NOW - ago_us, number);
    r.team = team ? slice_of(team) : SLICE_NULL;
    r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o-mini");
    r.usage.input = input, r.usage.output = output;
    r.charge = (struct charge){1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT,
                               {[CHARGE_INPUT] = input * 150, [CHARGE_OUTPUT] = output * 600}};
    r.cost_nano = input * 150 + output * 600;
    desk_keep(d, &r);
}

static unsigned rows(struct desk *d, const char *member) {
    return json_size(&d->doc, json_get(&d->doc, 0, member));
}

static void report(void **state) {
    struct desk *d = *state;
    struct record r;
    keep(d, 1, HOUR, "growth", 1000, 100);
    keep(d, 2, 2 * HOUR, "legal", 3000, 500);
    keep(d, 3, 3 * HOUR, NULL, 10, 1);
    rig_record(&r, DESK_NOW - HOUR, 4);
    r.team = SLICE("legal"), r.cost_nano = MONEY_UNKNOWN, r.status = RECORD_ERROR;
    desk_keep(d, &r);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?by=team"));
    assert_int_equal(rows(d, "rows"), 3);
    EXPECT(d, "by", "[\"team\"]");
    EXPECT(d, "from", "2025-11-01T10:00:00.000000Z");
    EXPECT(d, "rows.0.team", "legal");
    EXPECT(d, "rows.0.cost_nanousd", "750000");
    EXPECT(d, "rows.0.cost_usd", "0.00075");
    EXPECT(d, "rows.0.count", "2");
    EXPECT(d, "rows.0.unpriced", "1");
    EXPECT(d, "rows.0.cost_per_request_usd", "0.00075");
    EXPECT(d, "rows.0.charges_nanousd", "{\"input\":450000,\"output\":300000}");
    EXPECT(d, "rows.2.team", "null");
    EXPECT(d, "total.cost_nanousd", "962100");
    EXPECT(d, "total.by_status.error", "1");
    EXPECT(d, "rest", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?limit=1&by=team,day&from=-90m"));
    EXPECT(d, "rows.0.day", "2025-11-08");
    EXPECT(d, "rows.0.team", "growth");
    EXPECT(d, "rest.rows", "1");
    EXPECT(d, "rest.cost_usd", "null"); /* its only request has no price */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/"
                                   "report?by=provider,hour&team=legal&from=2025-11-08T07:59:59.999999Z&to="
                                   "2025-11-08T08:00:00.000001Z"));
    EXPECT(d, "rows.0.hour", "2025-11-08T08:00:00Z");
    EXPECT(d, "total.count", "1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?by=team&status=error"));
    assert_int_equal(rows(d, "rows"), 1);
    EXPECT(d, "rows.0.team", "legal");
    EXPECT(d, "total.count", "1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?by=team&session=nobody's"));
    EXPECT(d, "total.count", "0");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?by=team&tag=no=such"));
    EXPECT(d, "total.count", "0");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?by=team&arm=candidate"));
    EXPECT(d, "total.count", "0");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?from=-1m"));
    assert_int_equal(rows(d, "rows"), 0);
    EXPECT(d, "total.cost_nanousd", "0");
}

static void report_as_csv(void **state) {
    struct desk *d = *state;
    keep(d, 1, HOUR, "a,b", 1000, 100);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?by=team,user&format=csv"));
    assert_string_equal(d->answer.content_type, "text/csv; charset=utf-8");
    assert_string_equal(buffer_text(&d->answer.body),
                        "team,user,cost_usd,share,cost_per_request_usd,requests,unpriced,not_ok,lost_usd,"
                        "input,cache_read,cache_write,output,reasoning,saved_usd,history_tokens_saved\r\n"
                        "\"a,b\",,0.00021,1.000000,0.00021,1,0,0,0,1000,0,0,100,0,0,0\r\n"
                        "(total),,0.00021,1.000000,0.00021,1,0,0,0,1000,0,0,100,0,0,0\r\n");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/report?by=team&format=focus"));
    assert_non_null(strstr(buffer_text(&d->answer.body), "BilledCost,BillingAccountId,"));
    assert_non_null(strstr(buffer_text(&d->answer.body), "\r\n0.00015,main,USD,2025-12-01T00:00:00Z,"));
}

/* An export against the records; another currency is told by column and value. */
static void an_invoice_is_compared(void **state) {
    struct desk *d = *state;
    static const char head[] = "start_time_iso,model,input_tokens,output_tokens,amount_value,amount_currency\n";
    char body[512], day[CLOCK_TEXT];
    keep(d, 1, HOUR, "growth", 1000, 100); /* 0.00021 USD */
    desk_drain(d);
    clock_format(DESK_NOW - HOUR, day);
    snprintf(body, sizeof body, "%s%.10s,gpt-4o-mini,1000,100,0.00021,usd\n", head, day);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/cost/reconcile", body));
    EXPECT(d, "provider", "openai");
    EXPECT(d, "compared", "1");
    EXPECT(d, "gaps", "[]");
    snprintf(body, sizeof body, "%s%.10s,gpt-4o-mini,2000,100,3.00021,USD\n", head, day);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/cost/reconcile?provider=main&tolerance=1", body));
    EXPECT(d, "gaps.0.gap", "differs");
    EXPECT(d, "gaps.0.recorded.input_tokens", "1000");
    EXPECT(d, "gap_usd", "3");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/cost/reconcile?provider=nobody", body));
    EXPECT(d, "gaps.0.gap", "not_recorded");
    snprintf(body, sizeof body, "%s%.10s,gpt-4o-mini,1000,100,0.00021,eur\n", head, day);
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/cost/reconcile", body));
    EXPECT_MESSAGE(d, "amount_currency");
    EXPECT_MESSAGE(d, "eur");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/cost/reconcile?tolerance=much", body));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/cost/reconcile", "a,b\n1,2\n"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/cost/reconcile", ""));
}

/* What a server kept of a provider's counts reaches whoever counts; a model of the configuration is its first target. */
static void tokenizers(void **state) {
    struct desk *d = *state;
    struct token_calibration *learned = arena_new(&d->arena, struct token_calibration);
    struct expect *lengths = expect_new();
    struct buffer bytes;
    struct error e;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/tokenizer?model=no-such-model"));
    EXPECT(d, "encoding", "estimate");
    EXPECT(d, "factor", "null");
    EXPECT(d, "observations", "0");
    EXPECT(d, "learned_until", "null");
    buffer_init(&bytes, LEARNED_MOST);
    token_calibration_init(learned);
    for (unsigned i = 0; i < 3; i++) assert_true(token_calibration_update(learned, SLICE("no-such-model"), 100, 125));
    assert_true(learned_encode(learned, lengths, &bytes));
    assert_int_equal(registry_keep(d->s.registry, SLICE("cost.learned"), buffer_slice(&bytes), DESK_NOW, &e), FAULT_NONE);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/tokenizer?model=no-such-model"));
    EXPECT(d, "factor", "1.25");
    EXPECT(d, "observations", "3");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/tokenizer?model=support-chat"));
    EXPECT(d, "provider", "main");
    EXPECT(d, "upstream_model", "gpt-4o-mini");
    EXPECT(d, "encoding", "o200k_base");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/tokenizer"));
    buffer_clear(&bytes);
    buffer_append(&bytes, SLICE("torn"));
    assert_int_equal(registry_keep(d->s.registry, SLICE("cost.learned"), buffer_slice(&bytes), DESK_NOW, &e), FAULT_NONE);
    EXPECT_STATUS(500, desk_get(d, "/api/v1/cost/tokenizer?model=no-such-model"));
    buffer_deinit(&bytes);
    expect_free(lengths);
}

static void mistakes(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/report?by=colour"));
    EXPECT_MESSAGE(d, "by");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/report?by=team,team"));
    EXPECT_MESSAGE(d, "'team' twice");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/report?by=team,user,key,model,prompt"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/report?from=-1h&to=-2h"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/report?format=xml"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/explain?baseline_from=-1h&baseline_to=-2h"));
    EXPECT_MESSAGE(d, "baseline_from");
    d->s.ledger = (ledger_close(d->s.ledger), NULL);
    EXPECT_STATUS(503, desk_get(d, "/api/v1/cost/report"));
}

/* Twice the output a request, nothing else: all of the change is output, and it happened in one team. */
static void explain(void **state) {
    struct desk *d = *state;
    for (unsigned i = 0; i < 40; i++) {
        keep(d, i, 24 * HOUR + (int64_t)i * HOUR / 2 + 1, i % 2 ? "growth" : "legal", 1000, 100);
        keep(d, 100 + i, (int64_t)i * HOUR / 2 + 1, i % 2 ? "growth" : "legal", 1000, i % 2 ? 300 : 100);
    }
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/explain"));
    EXPECT(d, "before_usd", "0.0084");
    EXPECT(d, "after_usd", "0.0108");
    EXPECT(d, "contributions.0.factor", "output_tokens");
    EXPECT(d, "contributions.0.usd", "0.0024");
    EXPECT(d, "contributions.1.usd", "0");
    EXPECT(d, "where.0.dimension", "team");
    EXPECT(d, "where.0.value", "growth");
    EXPECT(d, "baseline_from", "2025-11-06T10:00:00.000000Z");
    EXPECT(d, "baseline_to", "2025-11-07T10:00:00.000000Z");
    EXPECT(d, "from", "2025-11-07T10:00:00.000000Z");
    /* the same windows, said; times with fractions are answered from records */
    EXPECT_STATUS(
        200,
        desk_get(
            d,
            "/api/v1/cost/"
            "explain?from=-1d&baseline_from=2025-11-06T10:00:00.5Z&baseline_to=2025-11-07T09:59:59.999999Z"));
    EXPECT(d, "before_usd", "0.00819"); /* without the newest: a microsecond before the baseline's end */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/explain?team=legal"));
    EXPECT(d, "after_usd", "0.0042");
    EXPECT(d, "contributions.0.usd", "0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(report, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(report_as_csv, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(an_invoice_is_compared, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(tokenizers, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(mistakes, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(explain, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
