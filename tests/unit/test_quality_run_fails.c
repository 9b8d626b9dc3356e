/* Runs much of which fails: what ends, what is left for another life. */
#include "test_quality_run_rig.h"

static void play_down(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)r;
    (void)g;
    gate_refuses(a, 503, "no_target_available", "the provider failed");
    gate_header(a, "x-quarterdeck-last-error", "provider_error");
}

static void play_down_later(struct gate *g, struct http_request *r, struct gate_answer *a) {
    if (g->asked == 1) gate_says(a, "\"good\"", "0");
    else play_down(g, r, a);
}

static void play_down_for_long(struct gate *g, struct http_request *r, struct gate_answer *a) {
    play_down_later(g, r, a);
    if (g->asked == 400) clock_advance(RUN_IN_VAIN_US);
}

#define LONG "suite: s\nmodel: m\nrepeat: 300\nmessages: [{role: user, content: x}]\ncases: [{id: a}]\n"

/* What was asked in vain has its error; the rest waits for another life. */
static void stops_when_a_provider_is_down(void **state) {
    (void)state;
    struct world w;
    setup(&w, LONG, 16, play_down);
    go(&w);
    assert_non_null(strstr(w.stopped, "100 cases one after the other got no answer, the last: no_target_available: the provider failed"));
    assert_true(run_is_cut_off(w.run));
    assert_true(w.n_kept >= RUN_IN_VAIN && w.n_kept <= RUN_IN_VAIN + 16);
    teardown(&w);
}

/* All of the second half may fail: each is an error, and tried less and less, but the run ends. */
static void ends_though_many_fail(void **state) {
    (void)state;
    struct world w;
    setup(&w, LONG, 16, play_down_later);
    go(&w);
    assert_string_equal(w.stopped, "");
    assert_false(run_is_cut_off(w.run));
    assert_int_equal(w.n_kept, 300);
    assert_true(w.g.asked > 299 && w.g.asked < 1 + 299 + (ASK_TRIES - 1) * (RUN_IN_VAIN + 2 * 16));
    teardown(&w);
}

static void stops_when_a_provider_stays_down(void **state) {
    (void)state;
    struct world w;
    setup(&w, LONG, 16, play_down_for_long);
    go(&w);
    assert_non_null(strstr(w.stopped, "cases one after the other got no answer"));
    assert_true(run_is_cut_off(w.run));
    assert_true(w.n_kept > RUN_IN_VAIN && w.n_kept < 280);
    teardown(&w);
}

static void play_limited(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)r;
    if (g->asked > 4) run_stop(((struct world *)g->ctx)->run, "enough");
    gate_refuses(a, 429, "rate_limited", "slower");
}

/* Who stops a run does not wait until a rate limit is over. */
static void stops_while_it_waits(void **state) {
    (void)state;
    struct world w;
    setup(&w, LONG, 2, play_limited);
    int64_t begin = clock_us();
    go(&w);
    assert_string_equal(w.stopped, "enough");
    assert_int_equal(w.n_kept, 0);
    assert_true(clock_us() - begin < 10000000);
    teardown(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_when_a_provider_is_down),
        cmocka_unit_test(ends_though_many_fail),
        cmocka_unit_test(stops_when_a_provider_stays_down),
        cmocka_unit_test(stops_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
