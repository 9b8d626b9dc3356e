/* A cost by meter: sums exactly, whatever the rates. */
#include "model/charge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static const struct price_model *model_of(struct price_list *list, const char *provider, const char *name) {
    const struct price_model *m = price_find(list, slice_of(provider), slice_of(name));
    assert_non_null(m);
    return m;
}

static struct price_list *list_of(struct arena *arena, const char *overlay) {
    struct price_list *list = NULL;
    struct error error = {0};
    struct slice text = slice_of(overlay ? overlay : "");
    const char *name = "overlay";
    if (price_list_new(arena, &text, &name, overlay != NULL, &list, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
    return list;
}

static int64_t sum(const struct charge *c) {
    int64_t total = 0;
    for (int m = 0; m < CHARGE_METERS; m++) {
        assert_true(c->nano[m] == 0 || c->meters >> m & 1);
        total += c->nano[m];
    }
    return total;
}

static void rests_go_to_the_largest(void **state) {
    struct arena arena;
    struct price_quote q;
    struct charge c;
    struct usage u;
    (void)state;
    arena_init(&arena, 1 << 10, 1 << 20);
    const struct price_model *m = model_of(
        list_of(&arena, "{\"models\":[{\"provider\":\"own\",\"id\":\"m\",\"prices\":"
                        "{\"input_mtok\":0.0004,\"cache_read_mtok\":0.0003,\"output_mtok\":0.0008}}]}"),
        "own", "m");
    usage_init(&u);
    u.input = 3, u.cache_read = 2, u.output = 1; /* 0.4 + 0.6 + 0.8 nano-dollars = 1.8, rounded to 2 */
    price_quote(m, &u, 0, false, &q);
    charge_of_quote(&q, &c);
    assert_int_equal(q.cost_nano, 2);
    assert_int_equal(c.nano[CHARGE_OUTPUT], 1);
    assert_int_equal(c.nano[CHARGE_CACHE_READ], 1);
    assert_int_equal(c.nano[CHARGE_INPUT], 0); /* charged, and nothing was left for it */
    assert_int_equal(c.meters, 1u << CHARGE_INPUT | 1u << CHARGE_CACHE_READ | 1u << CHARGE_OUTPUT);
    arena_deinit(&arena);
}

static void any_usage(struct usage *u) {
    usage_init(u);
    u->input = rand() % 300000;
    u->output = rand() % 5000;
    if (rand() % 2) u->cache_read = rand() % (int)(u->input + 1);
    if (rand() % 3 == 0)
        u->cache_write = rand() % (int)(u->input - (u->cache_read > 0 ? u->cache_read : 0) + 1);
    if (u->cache_write > 0 && rand() % 2) u->cache_write_1h = rand() % (int)(u->cache_write + 1);
    if (rand() % 3 == 0) u->reasoning = rand() % (int)(u->output + 1);
}

/* For every usage: parts sum to the cost, each is within a nano-dollar of its line, and quantities are the
 * lines'. */
static void parts_are_the_lines(void **state) {
    static const char *const names[][2] = {{"openai", "gpt-4o-mini"},
                                           {"openai", "gpt-5.1"},
                                           {"anthropic", "claude-sonnet-4-5"},
                                           {"google", "gemini-2.5-pro"},
                                           {"anthropic", "claude-haiku-4-5"}};
    struct arena arena;
    unsigned known = 0;
    (void)state;
    srand(7);
    arena_init(&arena, 1 << 10, 1 << 20);
    struct price_list *list = list_of(&arena, NULL);
    for (unsigned i = 0; i < 20000; i++) {
        struct price_quote q;
        struct charge c;
        struct usage u;
        int64_t quantities[CHARGE_METERS];
        unsigned at = i % (sizeof names / sizeof *names);
        any_usage(&u);
        price_quote(model_of(list, names[at][0], names[at][1]), &u, 1763700000000000, false, &q);
        charge_of_quote(&q, &c);
        if (!money_is_known(q.cost_nano)) {
            assert_int_equal(c.meters, 0);
            continue;
        }
        known++;
        charge_quantities(&c, &u, quantities);
        assert_true(sum(&c) == q.cost_nano);
        for (int m = 0; m < CHARGE_METERS; m++) assert_true(c.meters >> m & 1 || quantities[m] == 0);
        for (unsigned l = 0; l < q.n_lines; l++) {
            int m = 0;
            while (strcmp(charge_meter_name((enum charge_meter)m), q.lines[l].meter) != 0) m++;
            __int128 exact = (__int128)q.lines[l].tokens * q.lines[l].rate,
                     part = (__int128)c.nano[m] * 1000000;
            assert_true(part > exact - 1000000 && part < exact + 1000000);
            assert_true(c.meters >> m & 1);
            assert_int_equal(quantities[m], q.lines[l].tokens);
        }
    }
    assert_true(known > 15000);
    arena_deinit(&arena);
}

static void without_a_price_there_are_no_meters(void **state) {
    struct price_quote q;
    struct charge c;
    struct usage u;
    int64_t quantities[CHARGE_METERS];
    (void)state;
    usage_init(&u);
    u.input = 10, u.output = 5;
    price_quote(NULL, &u, 0, false, &q);
    charge_of_quote(&q, &c);
    assert_int_equal(c.meters, 0);
    charge_quantities(&c, &u, quantities);
    assert_int_equal(quantities[CHARGE_INPUT], 10);
    assert_int_equal(quantities[CHARGE_OUTPUT], 5);
    assert_int_equal(quantities[CHARGE_REQUESTS], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rests_go_to_the_largest),
                                       cmocka_unit_test(parts_are_the_lines),
                                       cmocka_unit_test(without_a_price_there_are_no_meters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
