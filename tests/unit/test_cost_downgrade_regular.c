/* The downgrade test that the server makes by itself: when it is due, its cap, restarts. */
#include "base/digest.h"
#include "cost/downgrade_regular.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define WEEK (7 * 86400 * 1000000LL)
#define CASES 40

struct world {
    struct downgrade_world calls;
    int64_t now, each_nano, spent_before;
    struct downgrade_memory memory;
    unsigned asked, kept, stop_after, fail_remember;
    size_t captured;
    bool was_kept, unpriced;
    char run[DOWNGRADE_RUN_TEXT], kept_run[DOWNGRADE_RUN_TEXT], why[LIMIT_ERROR_TEXT];
    struct downgrade_result result;
    atomic_bool stop;
    struct downgrade_case cases[CASES];
};
static struct world *world; /* of the calls that get no context */

static int64_t now_us(void *ctx) { return ((struct world *)ctx)->now; }

static enum fault recall(void *ctx, const char *model, struct downgrade_memory *ret, struct error *error) {
    (void)error;
    assert_string_equal(model, "smart");
    *ret = ((struct world *)ctx)->memory;
    return FAULT_NONE;
}

static enum fault remember(void *ctx, const char *model, const struct downgrade_memory *m, struct error *error) {
    struct world *w = ctx;
    (void)model;
    if (w->fail_remember > 0 && w->fail_remember-- > 0) return error_set(error, FAULT_IO, "no disk");
    w->memory = *m;
    return FAULT_NONE;
}

static enum fault draw(void *ctx, const struct model_route *m, size_t want, int64_t seed, struct arena *arena,
                       struct downgrade_case **ret, size_t *ret_n, struct error *error) {
    struct world *w = ctx;
    (void)m, (void)seed, (void)arena, (void)error;
    *ret = w->cases;
    *ret_n = want < w->captured ? want : w->captured;
    return FAULT_NONE;
}

static enum fault resume(void *ctx, const struct model_route *m, const struct downgrade_memory *of, int64_t *ret_spent, bool *ret_kept,
                         struct error *error) {
    struct world *w = ctx;
    (void)m, (void)error;
    assert_string_equal(of->run, w->run);
    *ret_spent = w->spent_before;
    *ret_kept = w->was_kept;
    return FAULT_NONE;
}

static enum fault send(struct downgrade_ask *a, const struct downgrade_case *c, struct arena *arena, struct slice *ret,
                       struct error *error) {
    (void)c, (void)arena, (void)error;
    snprintf(world->run, sizeof world->run, "%s", a->run);
    assert_true(world->memory.begun_us > 0); /* remembered before anything is spent */
    if (++world->asked == world->stop_after) atomic_store(&world->stop, true);
    a->spent_nano += world->each_nano;
    a->unpriced += world->unpriced;
    *ret = SLICE("an answer");
    return FAULT_NONE;
}

static enum fault score(struct downgrade_ask *a, const struct downgrade_case *c, struct slice answer, double *before, double *after,
                        struct error *error) {
    (void)a, (void)c, (void)answer, (void)error;
    *before = *after = 0.9;
    return FAULT_NONE;
}

static enum fault keep(void *ctx, const struct model_route *m, const struct downgrade_ask *a, const struct downgrade_result *r, int64_t seed,
                       struct error *error) {
    struct world *w = ctx;
    (void)m, (void)seed, (void)error;
    w->kept++;
    w->result = *r;
    snprintf(w->why, sizeof w->why, "%s", r->why);
    snprintf(w->kept_run, sizeof w->kept_run, "%s", a->run);
    return FAULT_NONE;
}

static void make(struct world *w) {
    *w = (struct world){.now = 100 * WEEK, .each_nano = 1000, .captured = CASES};
    w->calls = (struct downgrade_world){.ctx = w, .now_us = now_us, .recall = recall, .remember = remember, .draw = draw, .resume = resume,
                                        .send = send, .score = score, .keep = keep};
    for (int i = 0; i < CASES; i++) w->cases[i] = (struct downgrade_case){.id = SLICE("id"), .cost_nano = MONEY_UNKNOWN};
    world = w;
}

static enum fault look(struct world *w, int64_t cap, enum downgrade_step *step) {
    struct tiering t = {.downgrade = {.every_us = WEEK, .sample = CASES, .most_loss = 0.2, .max_cost_nano = cap}};
    struct model_route m = {.name = "smart", .tiering = &t};
    struct downgrade_ask ask = {.stop = &w->stop};
    struct error error;
    return downgrade_regular(&w->calls, &m, &ask, step, &error);
}

static void due_once_a_week(void **state) {
    struct world w;
    enum downgrade_step step;
    (void)state;
    make(&w);
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_true(step == DOWNGRADE_DONE && w.kept == 1 && w.asked == CASES && w.result.answer == DOWNGRADE_WITHIN);
    assert_true(w.memory.done_us == w.now && w.memory.begun_us == 0);
    w.now += WEEK - 1;
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_true(step == DOWNGRADE_NOT_DUE && w.kept == 1);
    w.now += 1;
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_true(step == DOWNGRADE_DONE && w.kept == 2);
    w.now -= 3600000000LL; /* an hour back: not again */
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_int_equal(step, DOWNGRADE_NOT_DUE);
    w.now -= 50 * WEEK; /* it had been far ahead */
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_int_equal(step, DOWNGRADE_DONE);
}

static void stops_at_its_cap(void **state) {
    struct world w;
    enum downgrade_step step;
    (void)state;
    make(&w);
    assert_int_equal(look(&w, 12500, &step), FAULT_NONE); /* a thirteenth might pass it */
    assert_true(step == DOWNGRADE_DONE && w.asked == 12 && w.result.n == 12 && w.result.errors == 0);
    assert_non_null(strstr(w.why, "ended after 12 pairs: the next pair might have passed max_cost_usd"));
    make(&w);
    assert_int_equal(look(&w, 12000, &step), FAULT_NONE);
    assert_int_equal(w.asked, 12);
    make(&w);
    assert_int_equal(look(&w, 0, &step), FAULT_NONE);
    assert_int_equal(w.asked, 0);
    make(&w);
    w.unpriced = true; /* nobody knows what was spent */
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_true(w.asked == 1 && w.result.answer == DOWNGRADE_NOT_ENOUGH);
}

static void a_stop_is_no_end(void **state) {
    struct world w;
    enum downgrade_step step;
    (void)state;
    make(&w);
    w.stop_after = 7;
    assert_int_equal(look(&w, 20000, &step), FAULT_SHUTTING_DOWN);
    assert_true(w.asked == 7 && w.kept == 0 && w.memory.begun_us > 0 && w.memory.tries == 1);
    atomic_store(&w.stop, false);
    w.stop_after = 0;
    w.spent_before = 7000; /* what its records say */
    assert_int_equal(look(&w, 20000, &step), FAULT_NONE);
    assert_true(step == DOWNGRADE_DONE && w.asked == 20 && w.kept == 1);
    assert_string_equal(w.kept_run, w.run);
    assert_true(w.memory.begun_us == 0 && w.memory.done_us == w.now);
}

static void killed_between_result_and_memory(void **state) {
    struct world w;
    enum downgrade_step step;
    (void)state;
    make(&w);
    snprintf(w.run, sizeof w.run, "00000000000000ab");
    w.memory = (struct downgrade_memory){.begun_us = w.now, .tries = 1, .run = "00000000000000ab"};
    w.was_kept = true;
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_true(step == DOWNGRADE_DONE && w.asked == 0 && w.kept == 0 && w.memory.done_us == w.now);
    w.memory = (struct downgrade_memory){.begun_us = w.now, .tries = DOWNGRADE_TRIES, .run = "00000000000000ab"};
    w.was_kept = false;
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_true(step == DOWNGRADE_GIVEN_UP && w.asked == 0 && w.memory.begun_us == 0);
}

static void nothing_is_spent_in_vain(void **state) {
    struct world w;
    enum downgrade_step step;
    (void)state;
    make(&w);
    w.captured = DOWNGRADE_LEAST - 1;
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_NONE);
    assert_true(step == DOWNGRADE_TOO_FEW && w.asked == 0 && w.memory.begun_us == 0 && w.memory.done_us == 0);
    make(&w);
    w.fail_remember = 1; /* a full disk: it would be made again and again */
    assert_int_equal(look(&w, MONEY_USD, &step), FAULT_IO);
    assert_int_equal(w.asked, 0);
}

static int start(void **state) {
    (void)state;
    return digest_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_once_a_week),
        cmocka_unit_test(stops_at_its_cap),
        cmocka_unit_test(a_stop_is_no_end),
        cmocka_unit_test(killed_between_result_and_memory),
        cmocka_unit_test(nothing_is_spent_in_vain),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
