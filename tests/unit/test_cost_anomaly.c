#include "cost/anomaly.h"
#include "test_cost_trace.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { DAYS = 120, MOST = DAYS * FEATURES * 2, FIRST = 20500 /* Monday, 2026-02-16 */ };

static struct trace_blocks trace;
static struct arena arena;

static int load(void **state) {
    (void)state;
    trace_load(&trace);
    arena_init(&arena, 1 << 16, 16 << 20);
    return 0;
}

static int unload(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

struct life {
    struct anomaly_cell cells[MOST];
    size_t n;
};

/* Days of two request types and three features: quiet week-ends with shorter answers, traffic that grows all
 * the time. From day `from` on "summary" lives in `then`. */
static void live(struct life *l, unsigned days, unsigned from, const struct world *then, struct random *r) {
    l->n = 0;
    for (unsigned d = 0; d < days; d++)
        for (unsigned i = 0; i < FEATURES * 2; i++) {
            struct world w = i < FEATURES && d >= from ? *then : WORLD;
            bool weekend = d % 7 >= 5;
            if (weekend) w.output *= 0.8;
            struct anomaly_cell *c = &l->cells[l->n++];
            c->day = FIRST + d;
            cell_start(&c->cell, &w, i % FEATURES, i < FEATURES ? "summary" : "chat-short");
            cell_draw(&c->cell, &trace, &w, (weekend ? 8 : 20) + d / 4, r);
        }
}

static struct anomaly_report find(const struct life *l, struct anomaly_options o) {
    struct anomaly_report r;
    struct error e = {0};
    arena_reset(&arena);
    enum fault f = anomaly_find(l->cells, l->n, &o, &arena, &r, &e);
    if (f) fail_msg("%s", e.text);
    return r;
}

static const struct anomaly_type *type_of(const struct anomaly_report *r, const char *name) {
    for (size_t i = 0; i < r->n_types; i++)
        if (slice_is(r->types[i].request_type, name)) return &r->types[i];
    fail();
    return NULL;
}

static void clean(void **state) {
    (void)state;
    static struct life l;
    const struct world plain = WORLD;
    struct random r = {31};
    for (unsigned i = 0; i < 30; i++) {
        live(&l, 60, 0, &plain, &r);
        struct anomaly_report found = find(&l, ANOMALY_DEFAULTS);
        assert_int_equal(found.n_types, 2);
        for (unsigned t = 0; t < 2; t++) {
            assert_int_equal(found.types[t].verdict, ANOMALY_NONE);
            assert_int_equal(found.types[t].n_shifts, 0);
            assert_int_equal(found.types[t].days, 60);
            assert_true(found.types[t].detectable < 0.2);
            assert_true(found.types[t].threshold == 730);
        }
    }
}

/* One thing is done to "summary" from day 40 on, and that is what is found, in that type alone. */
static void injected(struct world then, enum anomaly_meter meter, double month_low, double month_high) {
    static struct life l;
    struct random r = {97};
    unsigned exact = 0;
    for (unsigned i = 0; i < 40; i++) {
        live(&l, 60, 40, &then, &r);
        struct anomaly_report found = find(&l, ANOMALY_DEFAULTS);
        assert_int_equal(type_of(&found, "chat-short")->verdict, ANOMALY_NONE);
        const struct anomaly_type *t = type_of(&found, "summary");
        assert_int_equal(t->verdict, ANOMALY_SHIFTED);
        assert_int_equal(t->n_shifts, 1);
        const struct anomaly_shift *s = &t->shifts[0];
        if (s->meter != meter) fail_msg("world %u: %s", i, anomaly_meter_name(s->meter));
        exact += s->first_day == FIRST + 40;
        assert_in_range(s->first_day, FIRST + 39, FIRST + 41);
        assert_true(s->alarm_day <= FIRST + 43);
        assert_true(s->after_nano > s->before_nano);
        double sum = 0;
        for (unsigned f = 0; f < COST_FACTORS; f++) sum += s->contributions[f];
        assert_true(fabs(sum - (s->after_nano - s->before_nano)) < 1e-6 * s->after_nano);
        assert_true(s->contributions[COST_FACTOR_VOLUME] == 0);
        double month = (double)s->month_nano / 1e9;
        if (month < month_low || month > month_high) fail_msg("world %u: %g USD a month", i, month);
    }
    assert_true(exact >= 36);
}

/* Some 72 blocks of 55 requests a day: 3,900 requests at 0.00027 USD are some 32 USD a month. */
static void injected_causes(void **state) {
    (void)state;
    struct world input = WORLD, output = WORLD, cache = WORLD, price = WORLD, model = WORLD;
    input.input = 1.3;
    injected(input, ANOMALY_CONTEXT, 3, 8);
    input.prompt = "answer@8";
    injected(input, ANOMALY_PROMPT, 3, 8);
    output.feature_output = 1.5;
    injected(output, ANOMALY_ANSWERS, 1, 5);
    cache.cached = 0;
    injected(cache, ANOMALY_CACHE, 1, 5);
    price.price = 1.25;
    injected(price, ANOMALY_PRICE, 5, 11);
    model.price = 2;
    model.model = "openai/gpt-4o";
    injected(model, ANOMALY_MODEL, 20, 45);
}

static void what_came_with_it(void **state) {
    (void)state;
    static struct life l;
    struct world w = WORLD;
    struct random r = {13};
    w.input = 1.4;
    w.system_prompt = "bb";
    live(&l, 50, 45, &w, &r);
    struct anomaly_report found = find(&l, ANOMALY_DEFAULTS);
    const struct anomaly_shift *s = &type_of(&found, "summary")->shifts[0];
    assert_int_equal(s->meter, ANOMALY_PROMPT);
    assert_string_equal(anomaly_words(s), "the prompt grew");
    assert_true(slice_is(s->system_prompt.value, "bb"));
    assert_true(s->system_prompt.share_before == 0 && s->system_prompt.share_after == 1);
    assert_true(slice_is_null(s->prompt.value) && slice_is_null(s->model.value));
    /* a version that came weeks later has nothing to do with it */
    struct world later = WORLD;
    later.input = 1.4;
    live(&l, 60, 30, &later, &r);
    for (size_t i = 0; i < l.n; i++)
        if (l.cells[i].day >= FIRST + 45) l.cells[i].cell.by[COST_BY_PROMPT] = SLICE("answer@9");
    found = find(&l, ANOMALY_DEFAULTS);
    s = &type_of(&found, "summary")->shifts[0];
    assert_int_equal(s->meter, ANOMALY_CONTEXT);
    assert_true(slice_is_null(s->prompt.value));
}

/* Savings are told too, and going back is a second shift. */
static void down_and_back(void **state) {
    (void)state;
    static struct life l;
    struct world w = WORLD;
    struct random r = {41};
    w.output = 0.5;
    live(&l, 90, 40, &w, &r);
    static struct life again;
    const struct world plain = WORLD;
    live(&again, 90, 0, &plain, &r);
    for (size_t i = 0; i < l.n; i++)
        if (l.cells[i].day >= FIRST + 70) l.cells[i] = again.cells[i];
    struct anomaly_report found = find(&l, ANOMALY_DEFAULTS);
    const struct anomaly_type *t = type_of(&found, "summary");
    assert_int_equal(t->n_shifts, 2);
    assert_string_equal(anomaly_words(&t->shifts[0]), "answers shrank");
    assert_true(t->shifts[0].month_nano < 0);
    assert_int_equal(t->shifts[0].first_day, FIRST + 40);
    assert_string_equal(anomaly_words(&t->shifts[1]), "answers grew");
    assert_int_equal(t->shifts[1].first_day, FIRST + 70);
}

/* Three times the traffic at the same cost a request is no shift; nor is one below min_effect. */
static void no_finding(void **state) {
    (void)state;
    static struct life l;
    const struct world plain = WORLD;
    struct world slight = WORLD;
    struct random r = {53};
    live(&l, 60, 0, &plain, &r);
    for (size_t i = 0; i < l.n; i++) {
        struct cost_cell *c = &l.cells[i].cell;
        if (l.cells[i].day < FIRST + 30) continue;
        c->requests *= 3, c->input *= 3, c->cache_read *= 3, c->output *= 3, c->cost_nano *= 3;
    }
    struct anomaly_report found = find(&l, ANOMALY_DEFAULTS);
    assert_int_equal(type_of(&found, "summary")->n_shifts, 0);
    slight.price = 1.03;
    live(&l, DAYS, 60, &slight, &r);
    found = find(&l, ANOMALY_DEFAULTS);
    assert_int_equal(type_of(&found, "summary")->n_shifts, 0);
}

static void little_data(void **state) {
    (void)state;
    static struct life l;
    const struct world plain = WORLD;
    struct random r = {3};
    live(&l, 8, 0, &plain, &r);
    struct anomaly_report found = find(&l, ANOMALY_DEFAULTS);
    assert_int_equal(found.types[0].verdict, ANOMALY_NOT_ENOUGH);
    struct anomaly_options picky = ANOMALY_DEFAULTS;
    picky.min_requests = 1000000;
    found = find(&l, picky);
    assert_int_equal(found.types[0].verdict, ANOMALY_NOT_ENOUGH);
    assert_int_equal(found.types[0].days, 0);
    for (size_t i = 0; i < l.n; i++) l.cells[i].cell.unpriced = l.cells[i].cell.requests;
    found = find(&l, ANOMALY_DEFAULTS);
    assert_int_equal(found.types[0].verdict, ANOMALY_NOT_ENOUGH);
    assert_true(found.types[0].unpriced > 0);
    l.n = 0;
    assert_int_equal(find(&l, ANOMALY_DEFAULTS).n_types, 0);
    struct error e;
    picky.false_alarm_days = 0;
    assert_int_equal(anomaly_find(l.cells, 0, &picky, &arena, &found, &e), FAULT_BAD_REQUEST);
}

/* Clean lives of 90 days at 300 days between false alarms: P(one within 90 days) <= 0.3, whatever the day's
 * noise. Days carry a shock of 10 % of their own beyond the trace's. */
static void false_alarm_rate(void **state) {
    (void)state;
    enum { RUNS = 200 };
    static struct life l;
    const struct world plain = WORLD;
    struct random r = {2026};
    unsigned alarmed = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        live(&l, 90, 0, &plain, &r);
        double shock = 1;
        for (size_t j = 0; j < l.n; j++) {
            if (j % FEATURES == 0)
                shock = exp(0.1 * sqrt(-2 * log(random_unit(&r))) * cos(6.2831853 * random_unit(&r)));
            struct cost_cell *c = &l.cells[j].cell;
            c->output = times(c->output, shock);
            c->input = times(c->input, shock);
            c->cache_read = times(c->cache_read, shock);
            c->cost_nano = tokens_cost(c);
        }
        struct anomaly_report found = find(&l, (struct anomaly_options){300, 0, 20});
        alarmed += found.types[0].n_shifts + found.types[1].n_shifts > 0;
    }
    if (alarmed > RUNS * 3 / 10) fail_msg("%u of %u lives had a false alarm", alarmed, (unsigned)RUNS);
    assert_true(alarmed >= 3); /* it does look */
}

static void json(void **state) {
    (void)state;
    static struct life l;
    struct world w = WORLD;
    struct random r = {97};
    w.output = 2;
    w.prompt = "answer@8";
    live(&l, 50, 45, &w, &r);
    struct anomaly_report found = find(&l, ANOMALY_DEFAULTS);
    struct buffer out;
    struct json_writer writer;
    buffer_init(&out, 1 << 16);
    json_start(&writer, &out);
    anomaly_write_json(&found, &writer);
    struct json_doc d;
    struct error e;
    assert_int_equal(json_read(buffer_slice(&out), &arena, UINT16_MAX, &d, &e), FAULT_NONE);
    uint32_t calm = json_item(&d, 0, 0), moved = json_item(&d, 0, 1), shift;
    assert_true(json_is(&d, json_get(&d, calm, "verdict"), "none"));
    assert_true(json_is(&d, json_get(&d, moved, "request_type"), "summary"));
    assert_true(json_is(&d, json_get(&d, moved, "verdict"), "shifted"));
    shift = json_item(&d, json_get(&d, moved, "shifts"), 0);
    assert_true(json_is(&d, json_get(&d, shift, "text"), "answers grew"));
    assert_true(json_is(&d, json_get(&d, shift, "first_day"), "2026-04-02"));
    assert_true(json_is(&d, json_get(&d, json_get(&d, shift, "prompt"), "value"), "answer@8"));
    assert_int_equal(json_type(&d, json_get(&d, shift, "model")), JSON_NULL);
    double days;
    assert_true(
        json_get_double(&d, json_get(&d, json_get(&d, moved, "evidence"), "false_alarm_days"), &days));
    assert_true(days == 365);
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean),
        cmocka_unit_test(injected_causes),
        cmocka_unit_test(what_came_with_it),
        cmocka_unit_test(down_and_back),
        cmocka_unit_test(no_finding),
        cmocka_unit_test(little_data),
        cmocka_unit_test(json),
        cmocka_unit_test(false_alarm_rate),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
