#include "sim/named.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct outcome {
    struct act act;
    struct profile profile;
    struct slice bad_word;
    bool good;
};

static struct outcome nth_of(const char *model, uint64_t nth, int64_t since_us) {
    struct ask ask = {.model = slice_of(model)};
    struct outcome o = {.bad_word = SLICE_NULL};
    act_init(&o.act);
    profile_init(&o.profile);
    o.good = named_act(&ask, nth, since_us, &o.act, &o.profile, &o.bad_word);
    return o;
}

static void names(void **state) {
    (void)state;
    assert_true(named_is(SLICE("sim-503")));
    assert_true(named_is(SLICE("openai/sim-503")));
    assert_true(named_is(SLICE("fb-ok@x")));
    assert_false(named_is(SLICE("gpt-4o")));
    assert_false(named_is(SLICE("simulated")));
    assert_false(named_is(SLICE("sim-a/gpt-4o")));
}

static void steps(void **state) {
    (void)state;
    static const int64_t want[] = {429, 500, 500, 0, 0};
    for (uint64_t i = 0; i < 5; i++) {
        struct outcome o = nth_of("a/b/sim-429-ra2-then-500-x2-then-ok@case7", i + 1, 0);
        assert_true(o.good);
        assert_int_equal(o.act.status, want[i]);
        assert_int_equal(o.act.retry_after, i == 0 ? 2000000 : -1);
    }
    assert_int_equal(nth_of("sim-503", 99, 0).act.status, 503);
    assert_int_equal(nth_of("sim-ok-then-503", 1, 0).act.status, 0);
    assert_int_equal(nth_of("sim-ok-then-503", 99, 0).act.status, 503);
}

static void words(void **state) {
    (void)state;
    assert_int_equal(nth_of("sim-reset", 1, 0).act.reset, ACT_HEAD);
    assert_int_equal(nth_of("sim-reset0", 1, 0).act.reset, 0);
    assert_int_equal(nth_of("sim-stall20-reset20", 1, 0).act.stall, 20);
    assert_int_equal(nth_of("sim-stall20-reset20", 1, 0).act.reset, 20);
    assert_int_equal(nth_of("sim-cut7-crlf", 1, 0).act.cut, 7);
    assert_int_equal(nth_of("sim-cut7-crlf", 1, 0).act.framing, ACT_FRAMING_CRLF);
    assert_int_equal(nth_of("sim-cr", 1, 0).act.framing, ACT_FRAMING_CR);
    assert_int_equal(nth_of("sim-flood", 1, 0).act.flood, 100000000);
    assert_int_equal(nth_of("sim-slow1500", 1, 0).act.first_token, 1500000);
    assert_true(nth_of("sim-fast", 1, 0).profile.per_token.median == 0);
    assert_true(slice_is(nth_of("sim-context", 1, 0).act.error.code, "context_length_exceeded"));
    assert_int_equal(nth_of("sim-quota", 1, 0).act.status, 429);
    struct outcome o = nth_of("sim-429-then-rest", 2, 0);
    assert_false(o.good);
    assert_true(slice_is(o.bad_word, "rest"));
    assert_false(nth_of("sim-399", 1, 0).good);
    assert_false(nth_of("sim-crlf5", 1, 0).good);
    assert_true(nth_of("sim-", 1, 0).good);
}

static void failoverbench(void **state) {
    (void)state;
    struct outcome o = nth_of("fb-s01-429-retry-after", 1, 0);
    assert_int_equal(o.act.status, 429);
    assert_int_equal(o.act.retry_after, 2000000);
    assert_int_equal(nth_of("fb-s01-429-retry-after", 2, 0).act.status, 0);
    o = nth_of("fb-s02-429-persistent", 50, 0);
    assert_int_equal(o.act.status, 429);
    assert_int_equal(o.act.retry_after, -1);
    assert_int_equal(nth_of("fb-s03-500-then-200", 1, 0).act.status, 500);
    assert_int_equal(nth_of("fb-s03-500-then-200", 2, 0).act.status, 0);
    assert_int_equal(nth_of("fb-s04-503-persistent", 9, 0).act.status, 503);
    assert_int_equal(nth_of("fb-s05-reset", 1, 0).act.reset, ACT_HEAD);
    assert_int_equal(nth_of("fb-s05-reset", 2, 0).act.reset, ACT_NEVER);
    o = nth_of("fb-s06-no-response", 3, 0);
    assert_int_equal(o.act.stall, ACT_HEAD);
    assert_int_equal(o.act.stall_for, 120000000);
    assert_int_equal(nth_of("fb-s07-slow-ttft", 1, 0).act.first_token, 20000000);
    assert_true(nth_of("fb-s07-slow-ttft", 1, 0).act.early_head);
    assert_int_equal(nth_of("fb-s08-stream-cut", 1, 0).act.reset, 40);
    o = nth_of("fb-s09-stream-stall", 1, 0);
    assert_int_equal(o.act.stall, 20);
    assert_int_equal(o.act.stall_for, 30000000);
    assert_int_equal(nth_of("fb-s10-malformed-chunk", 1, 0).act.malformed, 8);
    assert_true(nth_of("fb-s11-no-done", 1, 0).act.no_done);
    assert_true(slice_is(nth_of("fb-s12-context-length", 1, 0).act.error.code, "context_length_exceeded"));
    assert_true(slice_is(nth_of("fb-s13-content-filter", 1, 0).act.error.code, "content_policy_violation"));
    assert_int_equal(nth_of("fb-s14-stream-cut", 1, 0).act.reset, 40);
    assert_int_equal(nth_of("fb-s15-flap", 9, 59999999).act.status, 503);
    assert_int_equal(nth_of("fb-s15-flap", 10, 60000000).act.status, 0);
    assert_int_equal(nth_of("fb-s16-503-persistent", 1, 0).act.status, 503);
    assert_int_equal(nth_of("fb-ok", 1, 0).act.status, 0);
    assert_false(nth_of("fb-s17-more", 1, 0).good);
    struct ask prefilled = {.model = SLICE("fb-ok-noprefill"), .prefill = true};
    struct slice word;
    act_init(&o.act);
    assert_true(named_act(&prefilled, 1, 0, &o.act, &o.profile, &word));
    assert_int_equal(o.act.status, 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(steps),
        cmocka_unit_test(words),
        cmocka_unit_test(failoverbench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
