/* FOCUS: the columns, one row a meter, and costs that sum to the report's total exactly. */
#include "test_cost_rig.h"

#include "base/json.h"
#include "cost/focus.h"

enum { MOST_COLUMNS = 64 };

/* A CSV file read by its own rules. */
struct sheet {
    struct buffer text;
    struct slice rest;
    char cells[MOST_COLUMNS][512];
    char names[MOST_COLUMNS][512];
    unsigned n, columns;
};

static bool read_row(struct sheet *s) {
    s->n = 0;
    if (s->rest.len == 0) return false;
    for (bool more = true; more; s->n++) {
        char *out = s->cells[s->n];
        bool quoted = s->rest.at[0] == '"';
        size_t at = quoted, n = 0;
        for (;; at++) {
            char c = s->rest.at[at];
            assert_true(at < s->rest.len && n < sizeof *s->cells - 1 && s->n < MOST_COLUMNS);
            if (quoted && c == '"' && s->rest.at[at + 1] == '"') at++;
            else if (quoted ? c == '"' : c == ',' || c == '\r') break;
            out[n++] = c;
        }
        out[n] = 0;
        at += quoted;
        more = s->rest.at[at] == ',';
        if (!more) assert_memory_equal(s->rest.at + at, "\r\n", 2);
        at += more ? 1 : 2;
        s->rest = slice_make(s->rest.at + at, s->rest.len - at);
    }
    return true;
}

static const char *cell(const struct sheet *s, const char *name) {
    for (unsigned i = 0; i < s->columns; i++)
        if (strcmp(s->names[i], name) == 0) return s->cells[i];
    fail_msg("no column %s", name);
    return NULL;
}

static int64_t money(const struct sheet *s, const char *name) {
    int64_t nano = 0;
    assert_true(money_parse(slice_of(cell(s, name)), 9, &nano));
    return nano;
}

static void open_sheet(struct sheet *s, struct ledger *l, const struct cost_report_query *q) {
    struct error error = {0};
    buffer_init(&s->text, 64 << 20);
    if (cost_focus_write(l, q, &s->text, &error) != FAULT_NONE) fail_msg("%s", error.text);
    s->rest = buffer_slice(&s->text);
    assert_true(read_row(s));
    s->columns = s->n;
    memcpy(s->names, s->cells, sizeof s->names);
}

static void costs_sum_to_the_total(void **state) {
    static const char *const by[] = {"", "team", "team,feature,hour", "user,key"};
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct record *all = cost_fill(rig, l);
    for (unsigned i = 0; i < sizeof by / sizeof *by; i++) {
        static struct sheet s;
        struct cost_report r;
        struct cost_report_query q =
            cost_by(by[i], RIG_START + 90000001, RIG_START + 2 * RIG_DAY + 5 * COST_HOUR);
        int64_t sum = 0, unpriced = 0, input = 0;
        unsigned rows = 0;
        cost_run(l, &q, &r);
        open_sheet(&s, l, &q);
        for (; read_row(&s); rows++) {
            assert_int_equal(s.n, s.columns);
            unpriced += strtoll(cell(&s, "x_UnpricedRequests"), NULL, 10);
            assert_string_equal(cell(&s, "ConsumedQuantity"), cell(&s, "PricingQuantity"));
            if (cell(&s, "BilledCost")[0] == 0) continue; /* unknown */
            sum += money(&s, "BilledCost");
            assert_true(money(&s, "EffectiveCost") == money(&s, "ListCost") &&
                        money(&s, "ListCost") == money(&s, "BilledCost"));
            if (strcmp(cell(&s, "SkuMeter"), "Input Tokens") == 0)
                input += strtoll(cell(&s, "ConsumedQuantity"), NULL, 10);
        }
        assert_true(rows > 20);
        assert_true(sum == r.total.cost_nano && sum > 0);
        assert_true(unpriced == (int64_t)r.total.unpriced && unpriced > 0);
        assert_true(input == r.total.quantity[CHARGE_INPUT]);
        buffer_deinit(&s.text);
        cost_report_deinit(&r);
    }
    test_free(all);
    ledger_close(l);
}

static void a_row_says_what_it_is(void **state) {
    static struct sheet s;
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    struct record one;
    rig_record(&one, RIG_START + 10 * COST_HOUR, 1);
    one.team = SLICE("legal, \"ops\"");
    one.provider = SLICE("main"), one.target_model = SLICE("gpt-4o-mini");
    one.usage.input = 1000, one.usage.cache_read = 400, one.usage.output = 50;
    one.charge =
        (struct charge){1u << CHARGE_INPUT | 1u << CHARGE_CACHE_READ | 1u << CHARGE_OUTPUT,
                        {[CHARGE_INPUT] = 90000, [CHARGE_CACHE_READ] = 30000, [CHARGE_OUTPUT] = 30000}};
    one.cost_nano = 150000;
    rig_append_record(recorder, 0, &one);
    rig_drain(l, recorder);
    recorder_close(recorder);
    struct cost_report_query q =
        cost_by("team", RIG_START + 9 * COST_HOUR + 500000, RIG_START + 20 * RIG_DAY);
    open_sheet(&s, l, &q);
    assert_true(read_row(&s));
    static const char *const want[][2] = {{"BilledCost", "0.00009"},
                                          {"BillingCurrency", "USD"},
                                          {"BillingPeriodStart", "2025-11-01T00:00:00Z"},
                                          {"BillingPeriodEnd", "2025-12-01T00:00:00Z"},
                                          {"ChargeCategory", "Usage"},
                                          {"ChargePeriodStart", "2025-11-08T09:00:00.500000Z"},
                                          {"ChargePeriodEnd", "2025-11-09T00:00:00Z"},
                                          {"ConsumedQuantity", "600"},
                                          {"ConsumedUnit", "Tokens"},
                                          {"ProviderName", "main"},
                                          {"ServiceCategory", "AI and Machine Learning"},
                                          {"ServiceName", "gpt-4o-mini"},
                                          {"SkuId", "main/gpt-4o-mini"},
                                          {"SkuMeter", "Input Tokens"},
                                          {"SkuPriceId", "main/gpt-4o-mini/input"},
                                          {"SubAccountId", "support"},
                                          {"ResourceId", "support-chat"},
                                          {"Tags", "{\"team\":\"legal, \\\"ops\\\"\"}"},
                                          {"x_UnpricedRequests", "0"}};
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++)
        assert_string_equal(cell(&s, want[i][0]), want[i][1]);
    assert_true(read_row(&s));
    assert_string_equal(cell(&s, "SkuMeter"), "Output Tokens");
    assert_true(read_row(&s));
    assert_string_equal(cell(&s, "SkuMeter"), "Cache Read Tokens");
    assert_string_equal(cell(&s, "ConsumedQuantity"), "400");
    assert_string_equal(cell(&s, "BilledCost"), "0.00003");
    assert_false(read_row(&s));
    buffer_deinit(&s.text);
    ledger_close(l);
}

static void unknown_prices_have_no_cost(void **state) {
    static struct sheet s;
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    struct record one;
    rig_record(&one, RIG_START + 31 * RIG_DAY, 1); /* in December: the billing period ends in another year */
    one.provider = SLICE("main"), one.target_model = SLICE("new"), one.cost_nano = MONEY_UNKNOWN;
    rig_append_record(recorder, 0, &one);
    rig_record(&one, RIG_START + 31 * RIG_DAY + 5, 2);
    one.provider = SLICE("main"), one.target_model = SLICE("silent"), one.cost_nano = MONEY_UNKNOWN;
    usage_init(&one.usage);
    rig_append_record(recorder, 0, &one);
    rig_drain(l, recorder);
    recorder_close(recorder);
    struct cost_report_query q = cost_by("", RIG_START, RIG_START + 40 * RIG_DAY);
    static const char *const want[][4] = {{"Input Tokens", "100", "1", "new"},
                                          {"Output Tokens", "11", "0", "new"},
                                          {"Requests", "1", "1", "silent"}};
    open_sheet(&s, l, &q);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(read_row(&s));
        assert_string_equal(cell(&s, "BilledCost"), "");
        assert_string_equal(cell(&s, "SkuMeter"), want[i][0]);
        assert_string_equal(cell(&s, "ConsumedQuantity"), want[i][1]);
        assert_string_equal(cell(&s, "x_UnpricedRequests"), want[i][2]);
        assert_string_equal(cell(&s, "ServiceName"), want[i][3]);
        assert_string_equal(cell(&s, "BillingPeriodEnd"), "2026-01-01T00:00:00Z");
    }
    assert_false(read_row(&s));
    buffer_deinit(&s.text);
    ledger_close(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(costs_sum_to_the_total, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_row_says_what_it_is, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(unknown_prices_have_no_cost, rig_setup, rig_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
