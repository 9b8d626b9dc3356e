#include "cost/invoice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int open_arena(void **state) {
    (void)state;
    arena_init(&arena, 1 << 16, 8 << 20);
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct invoice read_all(const char *text) {
    struct invoice i;
    struct error e = {0};
    enum fault f = invoice_read(slice_of(text), &arena, &i, &e);
    if (f) fail_msg("%s", e.text);
    return i;
}

static const char *refused(const char *text) {
    static struct error e;
    struct invoice i = {.n = 77};
    assert_int_equal(invoice_read(slice_of(text), &arena, &i, &e), FAULT_BAD_REQUEST);
    assert_int_equal(i.n, 77);
    return e.text;
}

/* 2026-03-01 is day 20513. Two projects of one day and model are one row; 1772323200 is 2026-03-01T00:00Z. */
static void openai(void **state) {
    (void)state;
    struct invoice i =
        read_all("\xEF\xBB\xBFstart_time,end_time,project_id,num_model_requests,model,input_tokens,"
                 "output_tokens,input_cached_tokens\r\n"
                 "1772323200,1772409600,\"proj, a\",10,gpt-4o-mini-2024-07-18,\"12,000\",300,4000\r\n"
                 "1772323200,1772409600,proj_b,5,gpt-4o-mini-2024-07-18,3000,100,\r\n"
                 "1772409600,1772496000,proj_b,1,gpt-4o,50,5,0\r\n");
    assert_int_equal(i.kind, INVOICE_OPENAI);
    assert_int_equal(i.n, 2);
    assert_int_equal(i.first_day, 20513);
    assert_int_equal(i.last_day, 20514);
    assert_true(slice_is(i.rows[0].model, "gpt-4o-mini-2024-07-18"));
    assert_int_equal(i.rows[0].sums.requests, 15);
    assert_int_equal(i.rows[0].sums.input, 15000);
    assert_int_equal(i.rows[0].sums.cache_read, 4000);
    assert_int_equal(i.rows[0].sums.cache_write, INVOICE_UNKNOWN);
    assert_int_equal(i.rows[0].sums.output, 400);
    assert_int_equal(i.rows[0].sums.cost_nano, MONEY_UNKNOWN);
    i = read_all("start_time_iso,model,input_tokens,output_tokens,amount_value,amount_currency\n"
                 "2026-03-01T23:30:00-02:00,gpt-4o,10,1,0.0012345678915,usd\n"
                 "2026-03-02,gpt-4o,10,1,1.5,USD\n");
    assert_int_equal(i.n, 1); /* half past one of the second, in UTC */
    assert_int_equal(i.rows[0].sums.cost_nano, 1501234568);
    i = read_all(
        "aggregation_timestamp,n_requests,snapshot_id,n_context_tokens_total,n_generated_tokens_total\n"
        "1772323200,2,gpt-4-0613,100,20\n");
    assert_int_equal(i.rows[0].sums.input, 100);
}

/* Input is the sum of what was not cached, read and written. */
static void anthropic(void **state) {
    (void)state;
    struct invoice i = read_all(
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_"
        "cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
        "usage_output_tokens,web_search_count,inference_geo,speed\n"
        "2026-03-01,claude-sonnet-4-20250514,k,Default,standard,\xE2\x89\xA4 "
        "200k,1000,200,50,700,90,0,global,\n");
    assert_int_equal(i.kind, INVOICE_ANTHROPIC);
    assert_int_equal(i.n, 1);
    assert_int_equal(i.rows[0].sums.input, 1950);
    assert_int_equal(i.rows[0].sums.cache_write, 250);
    assert_int_equal(i.rows[0].sums.cache_read, 700);
    assert_int_equal(i.rows[0].sums.output, 90);
    assert_int_equal(i.rows[0].sums.requests, INVOICE_UNKNOWN);
}

static void mistakes(void **state) {
    (void)state;
    assert_string_equal(refused(""), "the file is empty; expected a head of column names");
    assert_non_null(strstr(refused("a,b\n1,2\n"), "not a usage export that is known"));
    assert_string_equal(refused("start_time,model,input_tokens\n"),
                        "the column output_tokens of an OpenAI usage export is missing");
    assert_string_equal(refused("start_time,input_tokens,output_tokens\n"),
                        "the column model of an OpenAI usage export is missing");
    assert_string_equal(refused("usage_date_utc,model_version,usage_input_tokens_no_cache\n"),
                        "the column usage_output_tokens of an Anthropic usage export is missing");
    assert_string_equal(refused("start_time,model,input_tokens,output_tokens\n"),
                        "the export has a head but no rows");
    assert_string_equal(
        refused("start_time,model,input_tokens,output_tokens\n2026-03-01,m,1,2\n2026-03-01,m,x,2\n"),
        "line 3, column input_tokens: expected a number of tokens or requests, found \"x\"");
    assert_non_null(
        strstr(refused("start_time,model,input_tokens,output_tokens\n2026-03-01,m,-1,2\n"), "line 2"));
    assert_non_null(
        strstr(refused("start_time,model,input_tokens,output_tokens\n2026-03-01,m,1e15,2\n"), "line 2"));
    assert_string_equal(refused("start_time,model,input_tokens,output_tokens\n-1h,m,1,2\n"),
                        "line 2, column start_time: expected a date or unix time, found \"-1h\"");
    assert_string_equal(refused("start_time,model,input_tokens,output_tokens\n2026-03-01,,1,2\n"),
                        "line 2: no model; export the usage grouped by model");
    assert_string_equal(
        refused("date,model,input_tokens,output_tokens,amount,currency\n2026-03-01,m,1,2,3,eur\n"),
        "line 2, column currency: expected usd, found \"eur\"");
    assert_non_null(strstr(refused("date,model,input_tokens,output_tokens\n2026-03-01\n"), "no model"));
}

static void families(void **state) {
    (void)state;
    static const char *const of[][2] = {{"gpt-4o-mini-2024-07-18", "gpt-4o-mini"},
                                        {"openai/GPT-4o", "gpt-4o"},
                                        {"claude-3-5-haiku-20241022", "claude-3-5-haiku"},
                                        {"claude-3-5-haiku-latest", "claude-3-5-haiku"},
                                        {"claude-3-opus@20240229", "claude-3-opus"},
                                        {"gpt-4-0613", "gpt-4"},
                                        {"o1", "o1"},
                                        {"-latest", "-latest"}};
    for (unsigned i = 0; i < sizeof of / sizeof *of; i++) {
        struct slice family = invoice_family(slice_of(of[i][0]), &arena);
        if (!slice_is(family, of[i][1])) fail_msg("%s: " SLICE_FMT, of[i][0], SLICE_ARG(family));
    }
}

static struct invoice_report compare(const struct invoice *i, const struct invoice_row *rows, size_t n,
                                     double tolerance, const struct price_list *prices) {
    struct invoice_report r;
    struct error e = {0};
    if (invoice_reconcile(i, rows, n, tolerance, prices, &arena, &r, &e)) fail_msg("%s", e.text);
    return r;
}

static const char *const march = "date,model,num_model_requests,input_tokens,output_tokens,amount_value\n"
                                 "2026-03-01,gpt-4o-2024-08-06,10,1000,100,0.5\n"
                                 "2026-03-02,gpt-4o-2024-08-06,20,2000,200,1\n"
                                 "2026-03-03,o1,1,10,10,0.25\n";

static void gaps(void **state) {
    (void)state;
    struct invoice i = read_all(march);
    const struct invoice_row ours[] = {
        {20513, SLICE("openai/gpt-4o"), {4, 400, 0, 0, 40, 200000000}},
        {20513, SLICE("gpt-4o-2024-11-20"), {6, 600, 0, 0, 60, 300000000}},
        {20514, SLICE("gpt-4o"), {19, 1900, 0, 0, 190, 950000000}},
        {20515, SLICE("gpt-4o-mini"), {3, 30, 0, 0, 3, 40000000}},
        {20516, SLICE("gpt-4o"), {3, 30, 0, 0, 3, 40000000}}, /* the invoice ends before */
        {20512, SLICE("gpt-4o"), {3, 30, 0, 0, 3, 40000000}},
    };
    struct invoice_report r = compare(&i, ours, 6, 0, NULL);
    assert_int_equal(r.n_compared, 4);
    assert_int_equal(r.n_gaps, 3);
    assert_int_equal(r.gaps[0].kind, GAP_DIFFERS);
    assert_int_equal(r.gaps[0].day, 20514);
    assert_int_equal(r.gaps[0].invoiced.input - r.gaps[0].recorded.input, 100);
    assert_int_equal(r.gaps[0].nano, 50000000);
    assert_false(r.gaps[0].nano_by_price);
    assert_int_equal(r.gaps[1].kind, GAP_NOT_INVOICED);
    assert_int_equal(r.gaps[1].nano, -40000000);
    assert_int_equal(r.gaps[2].kind, GAP_NOT_RECORDED);
    assert_true(slice_is(r.gaps[2].model, "o1"));
    assert_int_equal(r.gaps[2].nano, 250000000);
    assert_int_equal(r.nano, 260000000);
    assert_int_equal(r.invoiced.input, 3010);
    assert_int_equal(r.recorded.input, 2930);
    assert_int_equal(r.invoiced.cost_nano - r.recorded.cost_nano, 260000000);
    r = compare(&i, ours, 6, 0.06, NULL);
    assert_int_equal(r.n_gaps, 2); /* 5 % is within */
}

static void amounts_alone(void **state) {
    (void)state;
    struct invoice i =
        read_all("date,model,input_tokens,output_tokens,amount_value\n2026-03-01,gpt-4o,1000,100,0.5\n");
    struct invoice_row ours = {20513, SLICE("gpt-4o"), {10, 1000, 400, 0, 100, 491000000}};
    assert_int_equal(compare(&i, &ours, 1, 0, NULL).n_gaps, 0); /* below a cent */
    ours.sums.cost_nano = 480000000;
    struct invoice_report r = compare(&i, &ours, 1, 0, NULL); /* a wrong price: the tokens agree */
    assert_int_equal(r.n_gaps, 1);
    assert_int_equal(r.gaps[0].nano, 20000000);
    ours.sums.cost_nano = MONEY_UNKNOWN; /* a model without a price */
    ours.sums.output = 90;
    r = compare(&i, &ours, 1, 0, NULL);
    assert_int_equal(r.n_gaps, 1);
    assert_int_equal(r.gaps[0].nano, MONEY_UNKNOWN);
    assert_int_equal(r.n_nano_unknown, 1);
}

/* Without amounts in the export a gap's tokens are priced: gpt-4o-mini, 0.15 / 0.075 / 0.60 USD a million. */
static void by_list_price(void **state) {
    (void)state;
    struct price_list *prices;
    struct error e;
    struct arena list;
    arena_init(&list, 1 << 16, 16 << 20);
    assert_int_equal(price_list_new(&list, NULL, NULL, 0, &prices, &e), FAULT_NONE);
    struct invoice i = read_all("date,model,input_tokens,output_tokens,input_cached_tokens\n"
                                "2026-03-01,gpt-4o-mini-2024-07-18,3000000,1000000,1000000\n"
                                "2026-03-01,nobody-knows-it,10,10,0\n");
    struct invoice_row ours[] = {{20513, SLICE("gpt-4o-mini"), {10, 1000000, 0, 0, 0, 150000000}},
                                 {20513, SLICE("nobody-knows-it"), {1, 5, 0, 0, 5, MONEY_UNKNOWN}}};
    struct invoice_report r = compare(&i, ours, 2, 0, prices);
    assert_int_equal(r.n_gaps, 2);
    assert_true(r.gaps[0].nano_by_price);
    assert_int_equal(r.gaps[0].nano, 150000000 + 75000000 + 600000000);
    assert_int_equal(r.gaps[1].nano, MONEY_UNKNOWN);
    assert_int_equal(r.nano, r.gaps[0].nano);
    arena_deinit(&list);
}

static void json(void **state) {
    (void)state;
    struct invoice i =
        read_all("usage_date_utc,model_version,usage_input_tokens_no_cache,usage_output_tokens\n"
                 "2026-03-01,claude-x,7,2\n");
    struct invoice_report r = compare(&i, NULL, 0, 0, NULL);
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 14);
    json_start(&w, &out);
    invoice_write_json(&i, &r, &w);
#define NOTHING                                                                                              \
    "{\"requests\":0,\"input_tokens\":0,\"cache_read_tokens\":0,\"cache_write_tokens\":0,\"output_tokens\":" \
    "0,\"usd\":0}"
#define SEVEN                                                                                                \
    "{\"requests\":null,\"input_tokens\":7,\"cache_read_tokens\":null,\"cache_write_tokens\":null,\"output_" \
    "tokens\":2,\"usd\":null}"
    assert_string_equal(
        buffer_text(&out),
        "{\"provider\":\"anthropic\",\"first_day\":\"2026-03-01\",\"last_day\":\"2026-03-01\","
        "\"compared\":1,\"invoiced\":" SEVEN ",\"recorded\":" NOTHING ",\"gap_usd\":0,"
        "\"gaps_without_usd\":1,\"gaps\":[{\"day\":\"2026-03-01\",\"model\":\"claude-x\","
        "\"gap\":\"not_recorded\",\"invoiced\":" SEVEN ",\"recorded\":" NOTHING ",\"usd\":null,"
        "\"usd_by_list_price\":false}]}");
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openai),        cmocka_unit_test(anthropic), cmocka_unit_test(mistakes),
        cmocka_unit_test(families),      cmocka_unit_test(gaps),      cmocka_unit_test(amounts_alone),
        cmocka_unit_test(by_list_price), cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
