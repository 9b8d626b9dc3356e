#include "cost/limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define START (1000 * SECOND)

static struct rate_limit limit(int64_t requests, int64_t tokens, int64_t concurrent) {
    return (struct rate_limit){.requests_per_minute = requests,
                               .tokens_per_minute = tokens,
                               .concurrent = concurrent,
                               .burst_us = MINUTE};
}

static enum limit_answer take(struct limit_counter *c, const struct rate_limit *l, int64_t tokens,
                              int64_t now, int64_t wait) {
    int64_t found = -2;
    enum limit_answer answer = limit_take(c, l, tokens, false, now, &found);
    if (answer != LIMIT_FITS) assert_int_equal(found, wait);
    return answer;
}

static void check_requests(const struct limit_counter *c, const struct rate_limit *l, int64_t now,
                           int64_t remaining, int64_t reset) {
    struct rate_state s = limit_requests(c, l, now);
    assert_int_equal(s.limit, l->requests_per_minute);
    assert_int_equal(s.remaining, remaining);
    assert_int_equal(s.reset_us, reset);
}

static void test_requests(void **state) {
    const struct rate_limit l = limit(6, -1, -1); /* one every ten seconds */
    struct limit_counter c = {0};
    (void)state;
    check_requests(&c, &l, START, 6, 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(take(&c, &l, 0, START, 0), LIMIT_FITS);
        check_requests(&c, &l, START, 5 - i, (i + 1) * 10 * SECOND);
    }
    assert_int_equal(take(&c, &l, 0, START, 10 * SECOND), LIMIT_REQUESTS);
    assert_int_equal(take(&c, &l, 0, START + 4 * SECOND, 6 * SECOND), LIMIT_REQUESTS);
    assert_int_equal(take(&c, &l, 0, START + 10 * SECOND - 1, 1), LIMIT_REQUESTS);
    assert_int_equal(take(&c, &l, 0, START + 10 * SECOND, 0), LIMIT_FITS); /* refilled continuously */
    assert_int_equal(take(&c, &l, 0, START + 10 * SECOND, 10 * SECOND), LIMIT_REQUESTS);
    check_requests(&c, &l, START + 500 * SECOND, 6, 0); /* never more than full */
    assert_int_equal(limit_tokens(&c, &l, START).limit, -1);
}

/* Rates that do not divide a minute: exactly the burst, and exactly the rate after it. */
static void test_odd_rates(void **state) {
    static const int64_t rates[] = {1, 7, 59, 600, 977, 10007};
    (void)state;
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        const struct rate_limit l = limit(rates[i], -1, -1);
        struct limit_counter c = {0};
        int64_t admitted = 0, wait;
        for (int64_t n = 0; n < 2 * rates[i]; n++) {
            assert_int_equal(limit_requests(&c, &l, START).remaining, n < rates[i] ? rates[i] - n : 0);
            admitted += limit_take(&c, &l, 0, false, START, &wait) == LIMIT_FITS;
        }
        assert_int_equal(admitted, rates[i]);
        for (int64_t t = 1; t <= 10 * 60 * 100; t++) /* ten minutes, asked often enough */
            for (int n = 0; n < 3; n++)
                admitted += limit_take(&c, &l, 0, false, START + t * 10000, &wait) == LIMIT_FITS;
        assert_int_equal(admitted, 11 * rates[i]);
    }
}

/* Work that can wait leaves half of the bucket, and of the places, to others; but it is not shut out of small ones. */
static void test_idle(void **state) {
    const struct rate_limit l = limit(6, 600, 4), one = limit(1, -1, 1);
    struct limit_counter c = {0}, small = {0}, tokens = {0};
    int64_t wait;
    (void)state;
    for (int i = 0; i < 2; i++) assert_int_equal(limit_take(&c, &l, 0, true, START, &wait), LIMIT_FITS);
    assert_int_equal(limit_take(&c, &l, 0, true, START, &wait), LIMIT_CONCURRENT); /* two of four */
    for (int i = 0; i < 2; i++) limit_finish(&c, l.tokens_per_minute, 0, 0);
    assert_int_equal(limit_take(&c, &l, 0, true, START, &wait), LIMIT_FITS); /* the third of six */
    limit_finish(&c, l.tokens_per_minute, 0, 0);
    assert_int_equal(limit_take(&c, &l, 0, true, START, &wait), LIMIT_REQUESTS);
    assert_int_equal(wait, 10 * SECOND);
    for (int i = 0; i < 3; i++) assert_int_equal(limit_take(&c, &l, 0, false, START, &wait), LIMIT_FITS); /* there for others */
    assert_int_equal(limit_take(&c, &l, 0, true, START + 39 * SECOND, &wait), LIMIT_CONCURRENT); /* others have three places */
    assert_int_equal(limit_take(&small, &one, 0, true, START, &wait), LIMIT_FITS); /* half of one place is one */
    limit_finish(&small, -1, 0, 0);
    assert_int_equal(limit_take(&small, &one, 0, true, START + 59 * SECOND, &wait), LIMIT_REQUESTS);
    assert_int_equal(limit_take(&small, &one, 0, true, START + 60 * SECOND, &wait), LIMIT_FITS);
    assert_int_equal(limit_take(&tokens, &l, 500, true, START, &wait), LIMIT_FITS); /* more than half, of a full bucket */
    limit_finish(&tokens, l.tokens_per_minute, 500, 500);
    assert_int_equal(limit_take(&tokens, &l, 10, true, START + 20 * SECOND, &wait), LIMIT_TOKENS);
    assert_int_equal(limit_take(&tokens, &l, 10, false, START + 20 * SECOND, &wait), LIMIT_FITS);
}

static void test_burst(void **state) {
    struct rate_limit l = limit(600, -1, -1);
    struct limit_counter c = {0};
    (void)state;
    l.burst_us = SECOND; /* ten at once */
    for (int i = 0; i < 10; i++) assert_int_equal(take(&c, &l, 0, START, 0), LIMIT_FITS);
    assert_int_equal(take(&c, &l, 0, START, 100000), LIMIT_REQUESTS);
    const struct rate_limit slow = {
        .requests_per_minute = 1, .tokens_per_minute = -1, .concurrent = -1, .burst_us = SECOND};
    struct limit_counter d = {0};
    assert_int_equal(take(&d, &slow, 0, START, 0), LIMIT_FITS); /* one always fits a full bucket */
    assert_int_equal(take(&d, &slow, 0, START, MINUTE), LIMIT_REQUESTS);
}

static void test_tokens(void **state) {
    const struct rate_limit l = limit(600, 6000, -1); /* 100 a second */
    struct limit_counter c = {0};
    (void)state;
    assert_int_equal(take(&c, &l, 6001, START, -1), LIMIT_TOKENS); /* never, however long one waits */
    check_requests(&c, &l, START, 600, 0);                         /* and the request was given back */
    assert_int_equal(take(&c, &l, 5000, START, 0), LIMIT_FITS);
    assert_int_equal(limit_tokens(&c, &l, START).remaining, 1000);
    assert_int_equal(limit_tokens(&c, &l, START).reset_us, 50 * SECOND);
    assert_int_equal(take(&c, &l, 2000, START, 10 * SECOND), LIMIT_TOKENS);
    limit_finish(&c, l.tokens_per_minute, 5000, 1500); /* counted: less than was thought */
    assert_int_equal(limit_tokens(&c, &l, START).remaining, 4500);
    assert_int_equal(take(&c, &l, 2000, START, 0), LIMIT_FITS);
    limit_finish(&c, l.tokens_per_minute, 2000, -1); /* not counted: the estimate stands */
    assert_int_equal(limit_tokens(&c, &l, START).remaining, 2500);
    assert_int_equal(take(&c, &l, 100, START, 0), LIMIT_FITS);
    limit_finish(&c, l.tokens_per_minute, 100, 9000); /* more than there was: it has to be waited for */
    assert_int_equal(limit_tokens(&c, &l, START).remaining, 0);
    assert_int_equal(take(&c, &l, 1, START, 65 * SECOND + 10000), LIMIT_TOKENS);
    assert_int_equal(take(&c, &l, 0, START, 65 * SECOND), LIMIT_TOKENS);
    assert_int_equal(limit_tokens(&c, &l, START + 66 * SECOND).remaining, 100);
}

static void test_absurd_counts(void **state) {
    const struct rate_limit l = limit(-1, 1000000, -1);
    struct limit_counter c = {0};
    (void)state;
    assert_int_equal(take(&c, &l, 10, START, 0), LIMIT_FITS);
    limit_finish(&c, l.tokens_per_minute, 10, INT64_MAX);
    assert_int_equal(limit_tokens(&c, &l, START + LIMIT_COUNTED_TOKENS * 60).remaining,
                     1000000); /* bounded */
    assert_int_equal(take(&c, &l, INT64_MAX, START, -1), LIMIT_TOKENS);
    const struct rate_limit slow = limit(-1, 1, -1);
    for (int64_t n = 150000000; n < 151000000; n += 1009) assert_int_equal(take(&c, &slow, n, START, -1), LIMIT_TOKENS);
}

static void test_concurrent(void **state) {
    const struct rate_limit l = limit(10, -1, 2);
    struct limit_counter c = {0};
    (void)state;
    assert_int_equal(take(&c, &l, 0, START, 0), LIMIT_FITS);
    assert_int_equal(take(&c, &l, 0, START, 0), LIMIT_FITS);
    assert_int_equal(take(&c, &l, 0, START, -1), LIMIT_CONCURRENT);
    check_requests(&c, &l, START, 8, 12 * SECOND);
    limit_finish(&c, l.tokens_per_minute, 0, 0);
    assert_int_equal(take(&c, &l, 0, START, 0), LIMIT_FITS);
    limit_give_back(&c, &l, 0);
    check_requests(&c, &l, START, 8, 12 * SECOND);
}

static void test_end(void **state) {
    const struct rate_limit l = limit(6, -1, -1);
    struct limit_counter c = {0};
    (void)state;
    assert_int_equal(take(&c, &l, 0, START, 0), LIMIT_FITS);
    assert_false(limit_end(&c, START + MINUTE)); /* under way */
    limit_finish(&c, l.tokens_per_minute, 0, 0);
    assert_false(limit_end(&c, START + 9 * SECOND)); /* not full yet */
    assert_true(limit_end(&c, START + 10 * SECOND));
    assert_int_equal(take(&c, &l, 0, START + MINUTE, -1), LIMIT_GONE);
}

/* ===== threads ===== */

static const struct rate_limit crowded = {
    .requests_per_minute = 600, .tokens_per_minute = 60000, .concurrent = -1, .burst_us = MINUTE};

static void *crowd(void *arg) {
    struct limit_counter *c = arg;
    uintptr_t admitted = 0;
    int64_t wait;
    for (unsigned i = 0; i < 5000; i++) {
        if (limit_take(c, &crowded, 100, false, START, &wait) != LIMIT_FITS) continue;
        if (i % 3 == 0) limit_give_back(c, &crowded, 100);
        else admitted++, limit_finish(c, crowded.tokens_per_minute, 100, 100);
    }
    return (void *)admitted;
}

static void test_threads(void **state) {
    struct limit_counter c = {0};
    pthread_t threads[8];
    int64_t admitted = 0;
    void *n;
    (void)state;
    for (unsigned i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, crowd, &c), 0);
    for (unsigned i = 0; i < 8; i++) {
        pthread_join(threads[i], &n);
        admitted += (int64_t)(uintptr_t)n;
    }
    assert_int_equal(admitted, 600);
    assert_int_equal(atomic_load(&c.head.hold), 0);
    check_requests(&c, &crowded, START, 0, MINUTE);
    assert_int_equal(limit_tokens(&c, &crowded, START).remaining, 0);
    assert_int_equal(limit_tokens(&c, &crowded, START).reset_us, MINUTE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),      cmocka_unit_test(test_idle), cmocka_unit_test(test_odd_rates),
        cmocka_unit_test(test_burst),         cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_absurd_counts), cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_end),           cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
