/* People's reviews: a fair share for everyone, an order of their own, labels as they are shown, and agreement. */
#include "quality/review.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

static int setup(void **state) {
    struct arena *a = test_calloc(1, sizeof *a);
    arena_init(a, 4096, 64 << 20);
    *state = a;
    return 0;
}

static int teardown(void **state) {
    arena_deinit(*state);
    test_free(*state);
    return 0;
}

/* Every item its reviewers, none twice, loads at most one apart, positions 0.. of each reviewer. */
static void shares(void **state) {
    static const uint32_t worlds[][3] = {{1, 1, 1}, {7, 3, 2}, {100, 4, 2}, {10, 5, 5}, {3, 7, 2}, {1000, 9, 3}};
    for (unsigned w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        uint32_t items = worlds[w][0], people = worlds[w][1], per = worlds[w][2], total = items * per;
        struct review_assignment *a = review_assign(items, people, per, 7, *state);
        uint32_t *load = test_calloc(people, sizeof *load), *seen = test_calloc(items, sizeof *seen);
        bool *has = test_calloc((size_t)items * people, sizeof *has);
        assert_non_null(a);
        for (uint32_t i = 0; i < total; i++) {
            assert_true(a[i].item < items && a[i].reviewer < people);
            assert_false(has[a[i].item * people + a[i].reviewer]);
            has[a[i].item * people + a[i].reviewer] = true;
            assert_int_equal(a[i].position, load[a[i].reviewer]);
            if (i > 0) assert_true(a[i].reviewer >= a[i - 1].reviewer);
            load[a[i].reviewer]++;
            seen[a[i].item]++;
        }
        for (uint32_t i = 0; i < items; i++) assert_int_equal(seen[i], per);
        for (uint32_t r = 0; r < people; r++) assert_true(load[r] >= total / people && load[r] <= (total + people - 1) / people);
        test_free(load), test_free(seen), test_free(has);
    }
}

/* Each item as likely as any other, in order, none twice. */
static void drawn(void **state) {
    unsigned count[10] = {0};
    for (uint64_t seed = 0; seed < 10000; seed++) {
        uint32_t *d = review_draw(10, 3, seed, *state);
        assert_non_null(d);
        assert_true(d[0] < d[1] && d[1] < d[2] && d[2] < 10);
        for (unsigned i = 0; i < 3; i++) count[d[i]]++;
    }
    for (unsigned i = 0; i < 10; i++) assert_true(count[i] > 2800 && count[i] < 3200); /* 3000, sd 46 */
    uint32_t *all = review_draw(10, 10, 1, *state);
    for (uint32_t i = 0; i < 10; i++) assert_int_equal(all[i], i);
}

static void repeatable_and_mixed(void **state) {
    struct review_assignment *a = review_assign(200, 2, 2, 1, *state), *b = review_assign(200, 2, 2, 1, *state),
                             *c = review_assign(200, 2, 2, 2, *state);
    unsigned same_place = 0, flipped = 0, like_c = 0;
    for (unsigned i = 0; i < 400; i++) {
        assert_true(a[i].item == b[i].item && a[i].flipped == b[i].flipped);
        flipped += a[i].flipped;
        like_c += a[i].item == c[i].item;
    }
    for (unsigned i = 0; i < 200; i++) same_place += a[i].item == a[200 + i].item;
    assert_true(same_place < 10 && like_c < 20);      /* about one each by chance */
    assert_true(flipped > 150 && flipped < 250);
}

static void labels(void **state) {
    int32_t label = 9;
    (void)state;
    assert_true(review_label_read(REVIEW_BINARY, true, SLICE("pass"), &label) && label == 1);
    assert_true(review_label_read(REVIEW_BINARY, false, SLICE("fail"), &label) && label == 0);
    assert_true(review_label_read(REVIEW_1_TO_5, false, SLICE("4"), &label) && label == 4);
    assert_true(review_label_read(REVIEW_PAIRWISE, false, SLICE("first"), &label) && label == -1);
    assert_true(review_label_read(REVIEW_PAIRWISE, true, SLICE("first"), &label) && label == 1);
    assert_true(review_label_read(REVIEW_PAIRWISE, true, SLICE("second"), &label) && label == -1);
    assert_true(review_label_read(REVIEW_PAIRWISE, true, SLICE("tie"), &label) && label == 0);
    assert_string_equal(review_label_name(REVIEW_PAIRWISE, -1), "baseline");
    label = 7;
    assert_false(review_label_read(REVIEW_BINARY, false, SLICE("4"), &label));
    assert_false(review_label_read(REVIEW_1_TO_5, false, SLICE("6"), &label));
    assert_false(review_label_read(REVIEW_1_TO_5, false, SLICE(""), &label));
    assert_false(review_label_read(REVIEW_PAIRWISE, false, SLICE("pass"), &label));
    assert_int_equal(label, 7);
}

static void settling(void **state) {
    int32_t two[] = {1, 1}, other[] = {1, 0}, ret = 5;
    (void)state;
    assert_int_equal(review_settle(two, 0, 2, &ret), REVIEW_WAITING);
    assert_int_equal(review_settle(two, 1, 2, &ret), REVIEW_WAITING);
    assert_int_equal(review_settle(other, 2, 3, &ret), REVIEW_DISPUTED); /* no need to wait for the third */
    assert_int_equal(ret, 5);
    assert_int_equal(review_settle(two, 2, 2, &ret), REVIEW_SETTLED);
    assert_int_equal(ret, 1);
}

#define N REVIEW_NONE
/* Krippendorff's own example (reference: nominal .691358): three raters, 15 units. */
static void agreement(void **state) {
    static const int32_t said[3][15] = {{N, N, N, N, N, 3, 4, 1, 2, 1, 1, 3, 3, N, 3},
                                        {1, N, 2, 1, 3, 3, 4, 3, N, N, N, N, N, N, N},
                                        {N, N, 2, 1, 3, 4, 4, N, 2, 1, 1, 3, 3, N, 4}};
    struct review_agreement a;
    assert_int_equal(review_agree(&said[0][0], 3, 15, REVIEW_BINARY, 1, *state, &a), FAULT_NONE);
    assert_int_equal(a.items, 12);
    assert_int_equal(a.agreed, 9);
    assert_true(fabs(a.alpha.alpha - 0.691358) < 1e-6);
    assert_true(a.alpha.interval.low < 0.69 && a.alpha.interval.high > 0.69);
    assert_int_equal(review_agree(&said[0][0], 1, 15, REVIEW_BINARY, 1, *state, &a), FAULT_NONE);
    assert_true(a.items == 0 && isnan(a.alpha.alpha)); /* one rater agrees with nobody */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shares, setup, teardown), cmocka_unit_test_setup_teardown(drawn, setup, teardown),   cmocka_unit_test_setup_teardown(repeatable_and_mixed, setup, teardown),
        cmocka_unit_test(labels),                                   cmocka_unit_test(settling),
        cmocka_unit_test_setup_teardown(agreement, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
