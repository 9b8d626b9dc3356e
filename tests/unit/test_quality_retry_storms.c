/* Who asks the same again, and who gave up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "quality/retry_storms.h"
#include "quality/signals.h"

#include <stdio.h>

#define SECOND_US 1000000LL
#define START_US (1760000000 * SECOND_US)

static struct record asked(const char *user, uint64_t body, double began_s, double took_s) {
    struct record r;
    record_init(&r);
    r.application = SLICE("helpdesk");
    r.user = slice_of(user);
    r.input_hash = body;
    r.time_us = START_US + (int64_t)(began_s * SECOND_US);
    r.duration_us = (int64_t)(took_s * SECOND_US);
    return r;
}

#define SEE(...)                                                                                                                  \
    retry_storms_see(s, &(struct record[]){asked(__VA_ARGS__)}[0])

static void again_and_gave_up(void **state) {
    (void)state;
    struct retry_storms *s = retry_storms_new();
    assert_false(SEE("ada", 7, 0, 30).again);
    assert_true(SEE("ada", 7, 35, 5).again);       /* five seconds behind the end of the first */
    assert_false(SEE("ada", 8, 36, 5).again);      /* something else */
    assert_false(SEE("bob", 7, 36, 5).again);      /* somebody else */
    struct retried third = SEE("ada", 7, 45, 5);
    assert_true(third.again && third.gave_up);
    third = SEE("ada", 7, 52, 1);
    assert_true(third.again && !third.gave_up);    /* the same storm */
    assert_false(SEE("ada", 7, 500, 1).again);
    assert_true(SEE("ada", 7, 505, 1).again);
    assert_true(SEE("ada", 7, 510, 1).gave_up);    /* another one */
    retry_storms_free(s);
}

static void three_in_more_than_a_minute_is_patience(void **state) {
    (void)state;
    struct retry_storms *s = retry_storms_new();
    assert_false(SEE("ada", 7, 0, 25).gave_up);
    assert_true(SEE("ada", 7, 30, 25).again);
    struct retried third = SEE("ada", 7, 60.5, 1);
    assert_true(third.again && !third.gave_up);
    retry_storms_free(s);
}

static void order_of_coming_does_not_matter(void **state) {
    (void)state;
    struct retry_storms *s = retry_storms_new(); /* the first hangs and is recorded last */
    assert_false(SEE("ada", 7, 10, 1).again);
    assert_true(SEE("ada", 7, 12, 1).again);
    struct retried first = SEE("ada", 7, 0, 40);
    assert_true(first.again && first.gave_up);
    retry_storms_free(s);
}

static void who_is_not_known_is_not_judged(void **state) {
    (void)state;
    struct retry_storms *s = retry_storms_new();
    struct record batch = asked("ada", 7, 0, 1);
    assert_false(SEE("", 7, 0, 1).known);
    assert_false(SEE("ada", 0, 0, 1).known);
    batch.batch = SLICE("batch_1");
    assert_false(retry_storms_see(s, &batch).known);
    batch.batch = SLICE_NULL;
    batch.user = SLICE_NULL;
    batch.session = SLICE("s-1");
    assert_true(retry_storms_see(s, &batch).known);
    retry_storms_free(s);
}

/* More users than are remembered: the newest are, and nothing is said of what is forgotten. */
static void of_many_the_newest_are_remembered(void **state) {
    (void)state;
    struct retry_storms *s = retry_storms_new();
    unsigned again = 0, wrong = 0;
    char user[32];
    for (unsigned i = 0; i < 3 * STORMS_KEPT; i++) {
        snprintf(user, sizeof user, "user-%u", i);
        wrong += SEE(user, 1 + i % 5, i * 1e-3, 0.5).again;
        if (i < 10000) continue;
        snprintf(user, sizeof user, "user-%u", i - 9000); /* nine seconds ago */
        again += SEE(user, 1 + (i - 9000) % 5, i * 1e-3, 0.5).again;
    }
    assert_int_equal(wrong, 0);
    assert_true(again > (3 * STORMS_KEPT - 10000) * 0.99);
    retry_storms_free(s);
}

static void the_signals_say_so(void **state) {
    (void)state;
    struct signals *g = signals_new();
    struct signal_view *v = signals_view(g, SIGNAL_BY_BIT(APPLICATION), NULL, 300 * SECOND_US);
    struct signal_series of = {.by = SIGNAL_BY_BIT(APPLICATION), .is[SIGNAL_BY_APPLICATION] = SLICE("helpdesk")};
    struct record_id id;
    for (unsigned i = 0; i < 8; i++) {
        struct record r = asked(i < 3 ? "ada" : "bob", i < 3 ? 7 : 100 + i, i * 4, 2);
        record_id_new(&r.id, r.time_us);
        if (i == 2) id = r.id;
        signals_record(g, &r);
    }
    signals_at(g, START_US + 40 * SECOND_US);
    struct signal_value again = signal_view_value(v, SIGNAL_RETRIES, SLICE_NULL, &of), gave_up = signal_view_value(v, SIGNAL_GAVE_UP, SLICE_NULL, &of);
    assert_true(again.n == 8 && again.hits == 2 && again.value == 0.25);
    assert_true(gave_up.value == 1);
    struct record_id example[4];
    assert_int_equal(signal_view_examples(v, SIGNAL_GAVE_UP, SLICE_NULL, &of, 4, example), 1);
    assert_memory_equal(&example[0], &id, sizeof id);
    signals_free(g);
}

static int start(void **state) {
    (void)state;
    return digest_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(again_and_gave_up),
        cmocka_unit_test(three_in_more_than_a_minute_is_patience),
        cmocka_unit_test(order_of_coming_does_not_matter),
        cmocka_unit_test(who_is_not_known_is_not_judged),
        cmocka_unit_test(of_many_the_newest_are_remembered),
        cmocka_unit_test(the_signals_say_so),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
