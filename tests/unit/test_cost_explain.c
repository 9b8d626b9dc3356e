#include "cost/explain.h"
#include "test_cost_trace.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct trace_blocks trace;

static int load(void **state) {
    (void)state;
    trace_load(&trace);
    return 0;
}

static void near(double a, double b, double within) {
    if (!(fabs(a - b) <= within)) fail_msg("found %.17g, expected %.17g", a, b);
}

static int64_t nano_of(const struct explain_result *r, enum cost_factor f) {
    for (unsigned i = 0; i < COST_FACTORS; i++)
        if (r->contributions[i].factor == f) return r->contributions[i].nano;
    fail();
    return 0;
}

static void check_sum(const struct explain_result *r) {
    int64_t sum = 0;
    for (unsigned i = 0; i < COST_FACTORS; i++) {
        sum += r->contributions[i].nano;
        if (i > 0) assert_true(llabs(r->contributions[i - 1].nano) >= llabs(r->contributions[i].nano));
    }
    assert_int_equal(sum, r->after_nano - r->before_nano);
}

static struct explain_result explained(const struct cost_cell *before, size_t n_before,
                                       const struct cost_cell *after, size_t n_after) {
    struct explain_result r;
    struct error e = {0};
    enum fault f = explain_cost(before, n_before, after, n_after, &r, &e);
    if (f) fail_msg("%s", e.text);
    check_sum(&r);
    return r;
}

/* 10000 -> 12000 requests, 1000 -> 1500 in, 200 -> 250 out, cached .5 -> .3, 3 / .3 / 15 USD a million. */
static void worked_vector(void **state) {
    (void)state;
    const struct cost_rates rates = {3000000000, 300000000, COST_RATE_NONE, 15000000000};
    struct cost_cell before = {.requests = 10000,
                               .input = 10000000,
                               .cache_read = 5000000,
                               .output = 2000000,
                               .cost_nano = 46500000000,
                               .rates = rates};
    struct cost_cell after = {.requests = 12000,
                              .input = 18000000,
                              .cache_read = 5400000,
                              .output = 3000000,
                              .cost_nano = 84420000000,
                              .rates = rates};
    struct explain_result r = explained(&before, 1, &after, 1);
    near((double)nano_of(&r, COST_FACTOR_VOLUME), 11595000000, 1);
    near((double)nano_of(&r, COST_FACTOR_INPUT_TOKENS), 10605000000, 1);
    near((double)nano_of(&r, COST_FACTOR_OUTPUT_TOKENS), 8250000000, 1);
    near((double)nano_of(&r, COST_FACTOR_CACHED_SHARE), 7470000000, 1);
    near((double)nano_of(&r, COST_FACTOR_PRICE), 0, 1);
    assert_int_equal(nano_of(&r, COST_FACTOR_MIX), 0);
    assert_int_equal(r.n_where, 0); /* no names */
}

enum { WINDOW_CELLS = FEATURES * 2, BLOCKS_A_CELL = 400 };

static void draw_window(struct cost_cell cells[WINDOW_CELLS], const struct world *w, struct random *r) {
    for (unsigned i = 0; i < WINDOW_CELLS; i++) {
        cell_start(&cells[i], w, i % FEATURES, i < FEATURES ? "summary" : "chat-short");
        cell_draw(&cells[i], &trace, w, BLOCKS_A_CELL, r);
    }
}

/* One thing is done to the real trace; chance does the rest. It is named first in each of 200 worlds. */
static void injected_first(struct world w, enum cost_factor expected) {
    const struct world plain = WORLD;
    struct random r = {1234};
    for (unsigned i = 0; i < 200; i++) {
        struct cost_cell before[WINDOW_CELLS], after[WINDOW_CELLS];
        draw_window(before, &plain, &r);
        draw_window(after, &w, &r);
        struct explain_result e = explained(before, WINDOW_CELLS, after, WINDOW_CELLS);
        if (e.contributions[0].factor != expected)
            fail_msg("world %u: %s first", i, cost_factor_name(e.contributions[0].factor));
        assert_true(e.contributions[0].nano > 0);
        if (w.feature_output > 1) {
            assert_int_equal(e.where[0].dimension, COST_BY_FEATURE);
            assert_true(slice_is(e.where[0].value, "chat"));
            assert_true(e.where[0].share > 0.6);
        }
    }
}

static void injected_causes(void **state) {
    (void)state;
    struct world input = WORLD, output = WORLD, cache = WORLD, price = WORLD;
    input.input = 1.3;
    output.feature_output = 1.5;
    cache.cached = 0;
    price.price = 1.25;
    injected_first(input, COST_FACTOR_INPUT_TOKENS);
    injected_first(output, COST_FACTOR_OUTPUT_TOKENS);
    injected_first(cache, COST_FACTOR_CACHED_SHARE);
    injected_first(price, COST_FACTOR_PRICE);
}

/* With the same requests in both windows nothing but the cause may have a part. */
static void single_cause(void **state) {
    (void)state;
    const struct world plain = WORLD;
    struct world cache = WORLD;
    cache.cached = 0;
    struct cost_cell before[WINDOW_CELLS], after[WINDOW_CELLS];
    struct random r = {5}, same = {5};
    draw_window(before, &plain, &r);
    draw_window(after, &cache, &same);
    for (unsigned i = 0; i < WINDOW_CELLS; i++)
        after[i].rates.cache_read = COST_RATE_NONE; /* none was charged */
    struct explain_result e = explained(before, WINDOW_CELLS, after, WINDOW_CELLS);
    assert_int_equal(e.contributions[0].factor, COST_FACTOR_CACHED_SHARE);
    for (unsigned i = 1; i < COST_FACTORS; i++) /* costs are rounded to the nano-dollar a cell */
        assert_true(llabs(e.contributions[i].nano) <= WINDOW_CELLS);
    assert_int_equal(nano_of(&e, COST_FACTOR_VOLUME), 0);
    assert_int_equal(nano_of(&e, COST_FACTOR_MIX), 0);
    assert_int_equal(nano_of(&e, COST_FACTOR_INPUT_TOKENS), 0);
    assert_int_equal(nano_of(&e, COST_FACTOR_OUTPUT_TOKENS), 0);
}

static struct cost_cell simple(const char *model, int64_t requests, int64_t rate) {
    struct cost_cell c = {.requests = requests,
                          .input = requests * 1000,
                          .output = requests * 100,
                          .rates = {rate, COST_RATE_NONE, COST_RATE_NONE, 4 * rate}};
    c.by[COST_BY_MODEL] = slice_of(model);
    c.cost_nano = tokens_cost(&c);
    return c;
}

static void models_come_and_go(void **state) {
    (void)state;
    struct cost_cell small = simple("small", 1000, 150000000), large = simple("large", 1000, 2500000000);
    struct explain_result r = explained(&small, 1, &large, 1);
    assert_int_equal(r.contributions[0].factor, COST_FACTOR_MIX);
    assert_int_equal(r.contributions[0].nano, r.after_nano - r.before_nano);
    for (unsigned i = 1; i < COST_FACTORS; i++) assert_int_equal(r.contributions[i].nano, 0);
    assert_int_equal(r.n_where, 1);
    assert_true(slice_is(r.where[0].value, "large"));
    /* all traffic new, or gone: volume alone */
    r = explained(NULL, 0, &large, 1);
    assert_int_equal(r.contributions[0].factor, COST_FACTOR_VOLUME);
    assert_int_equal(r.contributions[0].nano, large.cost_nano);
    r = explained(&large, 1, NULL, 0);
    assert_int_equal(r.contributions[0].nano, -large.cost_nano);
    r = explained(NULL, 0, NULL, 0);
    assert_int_equal(r.contributions[0].nano, 0);
}

/* Our own cache is turned off: what it served for nothing is paid for, and that is the cached share. */
static void own_cache_off(void **state) {
    (void)state;
    struct cost_cell before = simple("m", 700, 150000000), after = simple("m", 1000, 150000000);
    before.requests = 1000;
    before.cache_hits = 300;
    struct explain_result r = explained(&before, 1, &after, 1);
    assert_int_equal(r.contributions[0].factor, COST_FACTOR_CACHED_SHARE);
    assert_int_equal(r.contributions[0].nano, after.cost_nano - before.cost_nano);
}

/* No rates at all: the cost of a token stands for them. Free is a price too. */
static void without_rates(void **state) {
    (void)state;
    struct cost_cell before = simple("m", 1000, 150000000), after = simple("m", 1000, 150000000);
    before.rates = after.rates = COST_RATES_UNKNOWN;
    after.cost_nano *= 2;
    struct explain_result r = explained(&before, 1, &after, 1);
    assert_int_equal(r.contributions[0].factor, COST_FACTOR_PRICE);
    assert_int_equal(r.contributions[0].nano, before.cost_nano);
    after.cost_nano = 0;
    r = explained(&before, 1, &after, 1);
    assert_int_equal(nano_of(&r, COST_FACTOR_PRICE), -before.cost_nano);
    struct cost_cell calls = {.requests = 10, .cost_nano = 50}, more = {.requests = 10, .cost_nano = 70};
    calls.rates = more.rates = COST_RATES_UNKNOWN; /* by the request, without tokens */
    r = explained(&calls, 1, &more, 1);
    assert_int_equal(nano_of(&r, COST_FACTOR_PRICE), 20);
}

static void unpriced_is_said(void **state) {
    (void)state;
    struct cost_cell known = simple("m", 1000, 150000000), unknown = simple("new", 500, 150000000);
    unknown.unpriced = unknown.requests;
    unknown.cost_nano = 0;
    struct cost_cell after[] = {known, unknown};
    struct explain_result r = explained(&known, 1, after, 2);
    assert_int_equal(r.after_nano, r.before_nano);
    assert_int_equal(r.contributions[0].nano, 0); /* it is not taken for free traffic */
    assert_int_equal(r.unpriced_after, 500);
    assert_true(r.too_small_to_place);
    after[1].by[COST_BY_MODEL] =
        SLICE("m"); /* nor are its tokens counted with the priced ones of its model */
    r = explained(&known, 1, after, 2);
    for (unsigned i = 0; i < COST_FACTORS; i++) assert_int_equal(r.contributions[i].nano, 0);
}

static void refusals(void **state) {
    (void)state;
    struct explain_result r;
    struct error e;
    struct cost_cell bad = simple("m", 10, 1000000);
    bad.output = -1;
    assert_int_equal(explain_cost(&bad, 1, NULL, 0, &r, &e), FAULT_BAD_REQUEST);
    bad = simple("m", 10, 1000000);
    bad.unpriced = 10;
    assert_int_equal(explain_cost(&bad, 1, NULL, 0, &r, &e), FAULT_BAD_REQUEST);
    struct cost_cell huge[2] = {simple("m", 10, 1000000), simple("m", 10, 1000000)};
    huge[0].cost_nano = huge[1].cost_nano = INT64_MAX / 2 + 1;
    assert_int_equal(explain_cost(huge, 2, NULL, 0, &r, &e), FAULT_TOO_LARGE);
}

/* Any cells whatever: contributions sum to the difference; a change of order changes nothing; swapping the
 * windows turns every sign. */
static void properties(void **state) {
    (void)state;
    struct random r = {77};
    static const char *const models[] = {"a", "b", "c", "d", "e"};
    for (unsigned round = 0; round < 500; round++) {
        struct cost_cell cells[2][8], turned[8];
        for (unsigned side = 0; side < 2; side++)
            for (unsigned i = 0; i < 8; i++) {
                struct cost_cell *c = &cells[side][i];
                *c = simple(models[random_below(&r, 5)], 1 + (int64_t)random_below(&r, 5000),
                            (int64_t)random_below(&r, 4) * 150000000);
                c->input = (int64_t)random_below(&r, 3) * (int64_t)random_below(&r, 10000000);
                c->cache_read = (int64_t)((double)c->input * random_unit(&r));
                c->cost_nano = (int64_t)random_below(&r, 1u << (round % 31));
                if (round % 5 == 0) c->rates = COST_RATES_UNKNOWN;
                c->by[COST_BY_TEAM] = i % 3 ? slice_of(models[i % 3]) : SLICE_NULL;
            }
        struct explain_result e = explained(cells[0], 8, cells[1], 8),
                              back = explained(cells[1], 8, cells[0], 8);
        for (unsigned f = 0; f < COST_FACTORS; f++)
            near((double)nano_of(&e, (enum cost_factor)f), -(double)nano_of(&back, (enum cost_factor)f), 2);
        for (unsigned i = 0; i < 8; i++) turned[i] = cells[1][7 - i];
        if (round % 5) continue; /* else the first rate of a model holds */
        struct explain_result t = explained(cells[0], 8, turned, 8);
        for (unsigned f = 0; f < COST_FACTORS; f++)
            near((double)nano_of(&e, (enum cost_factor)f), (double)nano_of(&t, (enum cost_factor)f), 2);
    }
}

static void json(void **state) {
    (void)state;
    struct cost_cell before = simple("small", 1000, 150000000), after = simple("large", 1000, 2500000000);
    before.by[COST_BY_FEATURE] = after.by[COST_BY_FEATURE] = SLICE("one \"f\"");
    struct explain_result r = explained(&before, 1, &after, 1);
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 16);
    json_start(&w, &out);
    explain_write_json(&r, &w);
    assert_string_equal(buffer_text(&out),
                        "{\"before_usd\":0.21,\"after_usd\":3.5,\"contributions\":["
                        "{\"factor\":\"mix\",\"usd\":3.29},{\"factor\":\"volume\",\"usd\":0},"
                        "{\"factor\":\"input_tokens\",\"usd\":0},{\"factor\":\"cached_share\",\"usd\":0},"
                        "{\"factor\":\"output_tokens\",\"usd\":0},{\"factor\":\"price\",\"usd\":0}],"
                        "\"where\":[{\"dimension\":\"model\",\"value\":\"large\",\"usd\":3.5,"
                        "\"share\":1.0638297872340425,\"surprise\":0.34657359027997264}],"
                        "\"unpriced_before\":0,\"unpriced_after\":0}");
    buffer_deinit(&out);
}

static void an_empty_where_says_why(void **state) {
    (void)state;
    struct cost_cell none = simple("m", 0, 0), one = simple("m", 1000, 150000000), more = simple("m", 1000, 300000000);
    const struct {
        const struct cost_cell *before, *after;
        const char *words;
    } cases[] = {{&none, &none, "nothing was spent"}, {&one, &one, "too small"}, {&one, &more, "no name tells it apart"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct explain_result r = explained(cases[i].before, 1, cases[i].after, 1);
        struct buffer out;
        struct json_writer w;
        buffer_init(&out, 1 << 16);
        json_start(&w, &out);
        explain_write_json(&r, &w);
        if (!strstr(buffer_text(&out), cases[i].words)) fail_msg("%s is not in %s", cases[i].words, buffer_text(&out));
        buffer_deinit(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_vector),    cmocka_unit_test(injected_causes),
        cmocka_unit_test(single_cause),     cmocka_unit_test(models_come_and_go),
        cmocka_unit_test(own_cache_off),    cmocka_unit_test(without_rates),
        cmocka_unit_test(unpriced_is_said), cmocka_unit_test(refusals),
        cmocka_unit_test(properties),       cmocka_unit_test(json),
        cmocka_unit_test(an_empty_where_says_why),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
