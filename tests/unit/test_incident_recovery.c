/* How a primary comes back: each branch, and what must hold whatever it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "incident/recovery.h"

#include <math.h>
#include <string.h>

#define SECOND 1000000LL
#define START (1763740803LL * SECOND)

static char why[256];

static struct recovery_seen nothing(void) {
    return (struct recovery_seen){.normal_failure_rate = NAN, .value = NAN, .threshold = NAN, .more_is_worse = true};
}
static enum recovery_move at(int step, unsigned relapses, const struct recovery_seen *seen, int64_t after_us) {
    const struct recovery_state s = {.step = step, .step_us = START, .relapses = relapses};
    memset(why, 0, sizeof why);
    enum recovery_move m = recovery_decide(&s, seen, START + after_us, why);
    assert_true(strlen(why) > 0);
    return m;
}

static void rests_first(void **state) {
    struct recovery_seen s = nothing();
    (void)state;
    assert_int_equal(at(0, 0, &s, 59 * SECOND), RECOVERY_STAYS);
    assert_string_equal(why, "it rests for 60 s, of which 59 have passed");
    assert_int_equal(at(0, 0, &s, 60 * SECOND), RECOVERY_NEXT);
    assert_string_equal(why, "it has rested for 60 s; nothing probes it");
    assert_int_equal(at(0, 0, &s, -60 * SECOND), RECOVERY_STAYS); /* the clock went back */
    s.probes_good = 2;
    assert_int_equal(at(0, 0, &s, 100 * SECOND), RECOVERY_STAYS);
    s.probes_good = 3;
    assert_int_equal(at(0, 0, &s, 100 * SECOND), RECOVERY_NEXT);
    assert_int_equal(at(0, 0, &s, 59 * SECOND), RECOVERY_STAYS); /* good probes do not shorten it */
    s = nothing();
    s.probes_bad = 1;
    assert_int_equal(at(0, 0, &s, 100 * SECOND), RECOVERY_STAYS);
    s.probes_bad = 9;
    assert_int_equal(at(0, 0, &s, 100000 * SECOND), RECOVERY_STAYS);
    s = nothing();
    s.attempts = s.failures = 3; /* as the last resort of others */
    assert_int_equal(at(0, 0, &s, 100 * SECOND), RECOVERY_STAYS);
}

static void rest_doubles(void **state) {
    const struct recovery_seen s = nothing();
    (void)state;
    for (unsigned r = 0; r < 40; r++) {
        int64_t rest = r < 6 ? (60LL << r) * SECOND : 3600 * SECOND;
        assert_int_equal(recovery_rest_us(r), rest);
        assert_int_equal(at(0, r, &s, rest - 1), RECOVERY_STAYS);
        assert_int_equal(at(0, r, &s, rest), RECOVERY_NEXT);
    }
    assert_int_equal(recovery_rest_us(UINT32_MAX), 3600 * SECOND);
}

static void goes_on_when_well(void **state) {
    struct recovery_seen s = nothing();
    (void)state;
    s.attempts = 30;
    for (int step = 1; step < RECOVERY_STEPS; step++) {
        enum recovery_move next = step == 3 ? RECOVERY_RETURNED : RECOVERY_NEXT;
        s.attempts = 30;
        assert_int_equal(at(step, 0, &s, 30 * SECOND), next);
        assert_int_equal(at(step, 0, &s, 29 * SECOND), RECOVERY_STAYS);
        s.attempts = 29;
        assert_int_equal(at(step, 0, &s, 299 * SECOND), RECOVERY_STAYS);
        assert_int_equal(at(step, 0, &s, 300 * SECOND), next); /* little traffic */
        s.attempts = 0;
        assert_int_equal(at(step, 0, &s, 3599 * SECOND), RECOVERY_STAYS); /* none at all, and no probes */
        assert_int_equal(at(step, 0, &s, 3600 * SECOND), next);
        s.probes_good = 1;
        assert_int_equal(at(step, 0, &s, 300 * SECOND), next);
        s.probes_good = 0;
    }
    s.attempts = 62;
    s.value = 1.2, s.threshold = 2;
    assert_int_equal(at(2, 0, &s, 60 * SECOND), RECOVERY_NEXT);
    assert_string_equal(why, "62 attempts at 10 %: 0 failed; the rule's signal 1.2 of 2");
    assert_int_equal(at(RECOVERY_STEPS, 0, &s, 0), RECOVERY_RETURNED);
}

static void goes_back_when_not(void **state) {
    struct recovery_seen s = nothing();
    (void)state;
    s.attempts = 1, s.failures = 1; /* 1 % of the time a primary that is as ever fails its first */
    assert_int_equal(at(1, 0, &s, SECOND), RECOVERY_STAYS);
    s.attempts = 2, s.failures = 2; /* 1e-4 */
    assert_int_equal(at(1, 0, &s, SECOND), RECOVERY_BACK);
    assert_string_equal(why, "2 of 2 attempts failed; normal is 1 %");
    s.attempts = 1000, s.failures = 20; /* P(X >= 20 | 1000, 0.01) = 0.0033 */
    assert_int_equal(at(2, 0, &s, 60 * SECOND), RECOVERY_NEXT);
    s.failures = 23; /* 0.00025 */
    assert_int_equal(at(2, 0, &s, 60 * SECOND), RECOVERY_BACK);
    s.normal_failure_rate = 0.02; /* what is normal for it is no relapse */
    assert_int_equal(at(2, 0, &s, 60 * SECOND), RECOVERY_NEXT);
    s.normal_failure_rate = 0; /* a baseline without a failure does not make the first one sure */
    s.attempts = 30, s.failures = 1;
    assert_int_equal(at(2, 0, &s, 60 * SECOND), RECOVERY_NEXT);
    s = nothing();
    s.attempts = 100;
    s.probes_bad = 1;
    assert_int_equal(at(3, 0, &s, 60 * SECOND), RECOVERY_STAYS);
    s.probes_bad = 2;
    assert_int_equal(at(3, 0, &s, 60 * SECOND), RECOVERY_BACK);
    assert_string_equal(why, "its last 2 probes failed");
    s.probes_bad = 0;
    s.value = 2.5, s.threshold = 2;
    assert_int_equal(at(3, 0, &s, 60 * SECOND), RECOVERY_BACK);
    assert_string_equal(why, "the rule's signal is 2.5, above its threshold 2");
    s.more_is_worse = false;
    assert_int_equal(at(3, 0, &s, 60 * SECOND), RECOVERY_RETURNED);
    s.value = 1.5;
    assert_int_equal(at(3, 0, &s, 60 * SECOND), RECOVERY_BACK);
}

/* ---- whatever it is shown ---- */

static uint64_t seed = 20251121;
static double draw(void) { /* splitmix64 */
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* A primary that is broken now and then, at any traffic, looked at every 5 s, with or without probes: while it fails it never gets more, and from a
 * relapse to the next share at least the doubled rest passes. */
static void never_more_while_unwell(void **state) {
    unsigned returned = 0, relapsed = 0;
    (void)state;
    for (int run = 0; run < 2000; run++) {
        struct recovery_state s = {.step_us = START};
        bool probed = draw() < 0.5, broken = true;
        double rate = pow(10, draw() * 4 - 2), n = 0, failed = 0; /* requests a second */
        int good = 0, bad = 0;
        int64_t back_us = START;
        for (int64_t now = START; now < START + 8 * 3600 * SECOND; now += 5 * SECOND) {
            if (draw() < 0.002) broken = !broken;
            double share = recovery_share_ppm[s.step] / 1e6, came = floor(rate * 5 * share + draw());
            n += came;
            failed += broken ? came : 0;
            if (probed) good = broken ? 0 : good + 1, bad = broken ? bad + 1 : 0;
            struct recovery_seen seen = nothing();
            seen.attempts = n, seen.failures = failed, seen.probes_good = good, seen.probes_bad = bad;
            enum recovery_move m = recovery_decide(&s, &seen, now, why);
            bool surely = (n >= 2 && failed == n) || bad >= RECOVERY_PROBES_BAD;
            if (surely) assert_true(m == RECOVERY_BACK || (s.step == 0 && m == RECOVERY_STAYS));
            if (s.step == 0) assert_true(m == RECOVERY_STAYS || m == RECOVERY_NEXT);
            if (m == RECOVERY_NEXT && s.step == 0) assert_true(now - back_us >= recovery_rest_us(s.relapses));
            if (m == RECOVERY_STAYS) continue;
            if (m == RECOVERY_RETURNED) {
                assert_int_equal(s.step, 3);
                returned++;
                break;
            }
            if (m == RECOVERY_BACK) s.relapses++, back_us = now, relapsed++;
            s.step = m == RECOVERY_BACK ? 0 : s.step + 1;
            s.step_us = now;
            n = failed = 0;
        }
    }
    assert_true(returned > 500 && relapsed > 500); /* the simulation has met both */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rests_first),        cmocka_unit_test(rest_doubles),            cmocka_unit_test(goes_on_when_well),
        cmocka_unit_test(goes_back_when_not), cmocka_unit_test(never_more_while_unwell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
