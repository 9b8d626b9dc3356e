/* Training: a world whose truth is known gives it back; the three answers; nothing is claimed of too little. */
#include "cost/route_fit.h"
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 4000 };
static struct route_example all[MOST];
static const struct route_wish wish = {.good = 0.7, .most_loss = 0.02, .least_quality = NAN};

/* Half of the requests are hard: x[QUESTION] tells which. The best tier scores 0.9; the cheapest `easy` and `hard`. */
static void world(size_t n, double easy, double hard, bool tells, uint64_t seed) {
    struct random random = {seed};
    for (size_t i = 0; i < n; i++) {
        struct route_example *e = &all[i];
        bool is_hard = random_below(&random, 2);
        *e = (struct route_example){.cheap = i % 2, .own = true, .cost_nano = i % 2 ? 1000 : 20000, .fold = (unsigned)(i / 2 % ROUTE_FOLDS)};
        for (unsigned f = 0; f < DIFFICULTY_FEATURES; f++) e->d.x[f] = random_unit(&random);
        if (tells) e->d.x[DIFFICULTY_QUESTION] = (is_hard ? 8 : 4) + random_unit(&random);
        e->score = random_unit(&random) < (!e->cheap ? 0.9 : is_hard ? hard : easy) ? 1 : 0;
    }
}

static struct route_fit train(size_t n, const struct route_wish *w) {
    struct arena arena;
    struct error error;
    struct route_fit fit;
    arena_init(&arena, 64 << 10, 64 << 20);
    assert_int_equal(route_fit_run(all, n, w, &arena, &fit, &error), FAULT_NONE);
    arena_deinit(&arena);
    return fit;
}

static void the_truth_is_found(void **state) {
    (void)state;
    world(MOST, 0.92, 0.2, true, 1);
    struct route_fit f = train(MOST, &wish);
    assert_int_equal(f.answer, ROUTE_TRAINED);
    assert_true(f.auc > 0.8 && f.auc_low > 0.75);
    assert_true(f.curve[f.chosen].share >= 0.4 && f.curve[f.chosen].share <= 0.55); /* the easy half */
    assert_true(f.curve[f.chosen].change.low >= -0.02 && fabs(f.curve[f.chosen].quality - 0.9) < 0.03);
    const struct route_point *none = &f.curve[0], *last = &f.curve[f.n_curve - 1];
    assert_true(none->share == 0 && none->cost_nano == 20000 * 1000LL);
    assert_true(last->share == 1 && last->cost_nano == 1000 * 1000LL && fabs(last->quality - 0.56) < 0.04);
    assert_true(!f.all_cheap.allowed && fabs(f.all_cheap.change.mean + 0.34) < 0.05);
    unsigned heaviest = 0;
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++)
        if (fabs(f.weights.weight[i]) > fabs(f.weights.weight[heaviest])) heaviest = i;
    assert_true(heaviest == DIFFICULTY_QUESTION && f.weights.weight[heaviest] < 0);
    struct difficulty easy = all[0].d, hard = all[0].d;
    easy.x[DIFFICULTY_QUESTION] = 4.5, hard.x[DIFFICULTY_QUESTION] = 8.5;
    assert_true(difficulty_good_enough(&f.weights, &easy) >= f.weights.threshold);
    assert_true(difficulty_good_enough(&f.weights, &hard) < f.weights.threshold);
    for (unsigned i = 1; i < f.n_curve; i++) assert_true(f.curve[i].share > f.curve[i - 1].share);
    struct route_fit again = train(MOST, &wish);
    assert_memory_equal(&again.weights, &f.weights, sizeof f.weights);
}

/* Each look at a share is a chance to be wrong: none is taken behind one that failed. */
static void no_share_is_taken_behind_one_that_failed(void **state) {
    unsigned ragged = 0;
    (void)state;
    for (uint64_t seed = 100; seed < 160; seed++) {
        world(600, 0.86, 0.8, true, seed);
        struct route_fit f = train(600, &wish);
        unsigned failed = 0, passed = 0;
        for (unsigned i = f.n_curve; i-- > 0;) {
            const struct route_point *p = &f.curve[i];
            if (p->share > 0 && p->judged && !p->allowed) failed = i;
            if (p->share > 0 && p->allowed && i > passed) passed = i;
        }
        ragged += failed > 0 && passed > failed;
        assert_true(f.chosen == 0 || failed == 0 || f.chosen < failed);
    }
    assert_true(ragged > 0); /* else this tests nothing */
}

static void no_model_is_needed(void **state) {
    (void)state;
    world(MOST, 0.93, 0.93, true, 2);
    struct route_fit f = train(MOST, &wish);
    assert_int_equal(f.answer, ROUTE_NOT_BETTER); /* the cheapest does for all */
    assert_true(f.all_cheap.allowed);
    world(MOST, 0.5, 0.5, true, 3);
    f = train(MOST, &wish);
    assert_int_equal(f.answer, ROUTE_NOT_BETTER); /* it never does */
    assert_int_equal(f.chosen, 0);
    world(MOST, 0.92, 0.2, true, 4);
    for (size_t i = 0; i < MOST; i++) all[i].by_rules = all[i].d.x[DIFFICULTY_QUESTION] < 6.9;
    struct route_wish same = wish;
    f = train(MOST, &same);
    assert_true(f.rules.allowed && f.rules.share > 0.45);
    if (f.answer == ROUTE_NOT_BETTER) assert_true(f.rules.share >= f.curve[f.chosen].share);
    else assert_true(f.curve[f.chosen].share > f.rules.share);
}

/* Features that tell nothing: over 20 worlds it is never `trained` (the bound on the AUC alone lets one in twenty by). */
static void noise_is_not_learned(void **state) {
    (void)state;
    for (uint64_t seed = 10; seed < 30; seed++) {
        world(800, 0.55, 0.55, false, seed);
        assert_int_not_equal(train(800, &wish).answer, ROUTE_TRAINED);
    }
}

static void too_little_is_said(void **state) {
    (void)state;
    struct route_fit f = train(0, &wish);
    assert_true(f.answer == ROUTE_NOT_ENOUGH && f.needed_cheap == ROUTE_LEAST_CHEAP && f.needed_premium == ROUTE_LEAST_PREMIUM);
    assert_true(isnan(f.all_cheap.quality) && isnan(f.auc) && !money_is_known(f.all_cheap.cost_nano));
    world(100, 0.92, 0.2, true, 5);
    f = train(100, &wish);
    assert_true(f.answer == ROUTE_NOT_ENOUGH && f.needed_cheap >= 60);
    world(300, 0.92, 0.2, true, 6); /* enough to fit, too little for a loss of 0.001 */
    struct route_wish narrow = wish;
    narrow.most_loss = 0.001;
    f = train(300, &narrow);
    if (!(f.answer == ROUTE_NOT_ENOUGH && f.needed_cheap > 150)) fail_msg("%s", f.why);
    struct route_wish wide = wish;
    wide.most_loss = 0.1;
    assert_int_equal(train(300, &wide).answer, ROUTE_TRAINED);
    wide.least_quality = 0.95;
    assert_int_not_equal(train(300, &wide).answer, ROUTE_TRAINED);
}

/* Shares are those of the model's own traffic, whatever else was scored. */
static void shares_are_of_own_traffic(void **state) {
    (void)state;
    world(MOST, 0.92, 0.2, true, 7);
    for (size_t i = 0; i < MOST; i++) all[i].own = !all[i].cheap && (all[i].d.x[DIFFICULTY_QUESTION] > 6.9 || i % 20 == 0);
    struct route_fit f = train(MOST, &wish); /* nine in ten of its own are hard */
    assert_true(f.n_own > 1000 && f.n_own < 1200);
    for (unsigned i = 0; i < f.n_curve; i++)
        if (f.curve[i].share > 0.15) assert_true(f.curve[i].threshold < 0.5);
    assert_true(f.all_cheap.share == 1 && f.rules.share == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_truth_is_found), cmocka_unit_test(no_share_is_taken_behind_one_that_failed),
                                       cmocka_unit_test(no_model_is_needed),
                                       cmocka_unit_test(noise_is_not_learned), cmocka_unit_test(too_little_is_said),
                                       cmocka_unit_test(shares_are_of_own_traffic)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
