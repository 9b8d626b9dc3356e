/* How rollouts stood last: copied in and out, forgotten once they are over, bounded; read while it is written. */
#include "change/standing.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static struct judging judged(struct arena *arena, const char *why, double effect) {
    struct judging j = {.n = 1, .pairs = 3};
    j.answers[0] = (struct guard_answer){.metric = arena_printf(arena, "error_%s", "rate"), .effect = effect};
    j.evidence.why = arena_printf(arena, "%s", why);
    return j;
}

static void copied_and_of_where_it_is(void **state) {
    (void)state;
    struct standings *s = standings_new();
    struct arena one, two;
    struct judging found = {.n = 7};
    struct rollout_row row = {.number = 4, .stage = STAGE_CANARY, .step = 1, .epoch = 2};
    arena_init(&one, 256, 64 << 10);
    arena_init(&two, 256, 64 << 10);
    assert_false(standings_get(s, &row, &two, &found));
    assert_int_equal(found.n, 7);
    struct judging j = judged(&one, "too early", 1.5);
    standings_put(s, &row, &j);
    arena_deinit(&one); /* it has its own texts */
    assert_true(standings_get(s, &row, &two, &found));
    assert_true(found.n == 1 && found.pairs == 3 && slice_is(found.answers[0].metric, "error_rate") && slice_is(found.evidence.why, "too early"));
    row.epoch = 3; /* it moved: what was seen before does not count */
    assert_false(standings_get(s, &row, &two, &found));
    row.epoch = 2;
    standings_keep(s, &row, 1);
    assert_true(standings_get(s, &row, &two, &found));
    standings_keep(s, &row, 0);
    assert_false(standings_get(s, &row, &two, &found));
    for (int64_t i = 1; i <= ROLLOUTS_AT_ONCE + 8; i++) {
        row.number = i;
        standings_put(s, &row, &found);
    }
    assert_false(standings_get(s, &row, &two, &found));
    row.number = ROLLOUTS_AT_ONCE;
    assert_true(standings_get(s, &row, &two, &found));
    arena_deinit(&two);
    standings_free(s);
    standings_free(NULL);
}

struct looker {
    struct standings *s;
    atomic_bool stop;
    unsigned torn;
};

static void *read_on(void *arg) {
    struct looker *r = arg;
    const struct rollout_row row = {.number = 1};
    while (!atomic_load(&r->stop)) {
        struct arena arena;
        struct judging j;
        arena_init(&arena, 256, 64 << 10);
        if (standings_get(r->s, &row, &arena, &j) && !slice_is(j.evidence.why, j.answers[0].effect > 1.5 ? "worse" : "well")) r->torn++;
        arena_deinit(&arena);
    }
    return NULL;
}

static void never_half_of_two(void **state) {
    (void)state;
    struct looker r = {.s = standings_new()};
    const struct rollout_row row = {.number = 1};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
    for (int i = 0; i < 2000; i++) {
        struct arena arena;
        arena_init(&arena, 256, 64 << 10);
        struct judging j = i % 2 ? judged(&arena, "worse", 2) : judged(&arena, "well", 1);
        standings_put(r.s, &row, &j);
        arena_deinit(&arena);
    }
    atomic_store(&r.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(r.torn, 0);
    standings_free(r.s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(copied_and_of_where_it_is), cmocka_unit_test(never_half_of_two)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
