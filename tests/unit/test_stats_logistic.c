/* Logistic regression against closed forms and against a slower method of another kind. */
#include "stats/logistic.h"
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b, e) assert_true(fabs((a) - (b)) <= (e))

/* Without a penalty, a 2x2 table's coefficient is its log odds ratio: here 30/10 against 12/28. */
static void a_table_gives_its_odds_ratio(void **state) {
    (void)state;
    double x[80];
    bool y[80];
    struct logistic m;
    for (int i = 0; i < 80; i++) {
        x[i] = i < 40;
        y[i] = i < 40 ? i < 30 : i < 52;
    }
    assert_true(logistic_fit(x, y, 80, 1, 0, &m));
    NEAR(m.weight[0] / m.scale[0], log(30.0 / 10 / (12.0 / 28)), 1e-9);
    NEAR(logistic_probability(&m, (double[]){1}), 0.75, 1e-9);
    NEAR(logistic_probability(&m, (double[]){0}), 0.3, 1e-9);
}

/* x = -1, 1 and separable: by symmetry the weight solves n * sigmoid(-w) = lambda * w; found by bisection. */
static void separable_data_have_the_ridge_answer(void **state) {
    (void)state;
    double x[20];
    bool y[20];
    struct logistic m = {.n_features = 99};
    for (int i = 0; i < 20; i++) {
        y[i] = i % 2;
        x[i] = y[i] ? 1 : -1;
    }
    for (double lambda = 0.01; lambda < 200; lambda *= 10) {
        double lo = 0, hi = 100;
        for (int i = 0; i < 200; i++) {
            double w = (lo + hi) / 2;
            if (20 / (1 + exp(w)) > lambda * w) lo = w;
            else hi = w;
        }
        assert_true(logistic_fit(x, y, 20, 1, lambda, &m));
        NEAR(m.weight[0], lo, 1e-7);
        NEAR(m.intercept, 0, 1e-9);
    }
    m.n_features = 99;
    assert_false(logistic_fit(x, y, 20, 1, 0, &m)); /* no finite answer without a penalty */
    assert_int_equal(m.n_features, 99);
}

/* Plain gradient descent on the same objective, in its own words. */
static void descend(const double *x, const bool *y, size_t n, size_t k, double lambda, const struct logistic *m, double *b) {
    for (int round = 0; round < 60000; round++) {
        double g[8] = {0};
        for (size_t j = 1; j <= k; j++) g[j] = lambda * b[j];
        for (size_t i = 0; i < n; i++) {
            double z = b[0];
            for (size_t j = 0; j < k; j++) z += b[j + 1] * ((x[i * k + j] - m->mean[j]) / m->scale[j]);
            double e = 1 / (1 + exp(-z)) - (y[i] ? 1 : 0);
            g[0] += e;
            for (size_t j = 0; j < k; j++) g[j + 1] += e * ((x[i * k + j] - m->mean[j]) / m->scale[j]);
        }
        for (size_t j = 0; j <= k; j++) b[j] -= 0.02 * g[j];
    }
}

static void as_gradient_descent_finds_it(void **state) {
    (void)state;
    enum { N = 120, K = 4 };
    struct random random = {7};
    static double x[N * K];
    static bool y[N];
    double b[K + 1] = {0};
    struct logistic m;
    for (int i = 0; i < N; i++) {
        double z = -0.4;
        for (int j = 0; j < K - 1; j++) {
            x[i * K + j] = 100 * j + (j + 1) * (random_unit(&random) + random_unit(&random) - 1);
            z += (j - 1) * 2 * (x[i * K + j] - 100 * j) / (j + 1);
        }
        x[i * K + K - 1] = 42; /* says nothing */
        y[i] = random_unit(&random) < 1 / (1 + exp(-z));
    }
    assert_true(logistic_fit(x, y, N, K, 1, &m));
    assert_true(m.weight[K - 1] == 0);
    descend(x, y, N, K, 1, &m, b);
    NEAR(m.intercept, b[0], 1e-6);
    for (int j = 0; j < K; j++) NEAR(m.weight[j], b[j + 1], 1e-6);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    struct logistic m;
    double x[4] = {1, 2, 3, NAN};
    bool y[4] = {true, true, true, true};
    assert_false(logistic_fit(x, y, 0, 1, 1, &m));
    assert_false(logistic_fit(x, y, 3, 1, 1, &m)); /* of one kind alone */
    y[0] = false;
    assert_false(logistic_fit(x, y, 4, 1, 1, &m));
    assert_true(logistic_fit(x, y, 3, 1, 1, &m));
    assert_false(logistic_fit(x, y, 3, LOGISTIC_FEATURES + 1, 1, &m));
    x[2] = 1e300;
    assert_false(logistic_fit(x, y, 3, 1, 1, &m) && !isfinite(m.weight[0]));
}

/* 3 positives, 2 negatives: of 6 pairs 4 are won and 1 is a tie. */
static void order_is_judged(void **state) {
    (void)state;
    double p[] = {0.9, 0.8, 0.3, 0.8, 0.1}, deviation;
    bool y[] = {true, true, true, false, false};
    NEAR(logistic_auc(p, y, 5, &deviation), 4.5 / 6, 1e-12);
    double a = 0.75, q1 = a / 1.25, q2 = 2 * a * a / 1.75;
    NEAR(deviation, sqrt((a * 0.25 + 2 * (q1 - a * a) + (q2 - a * a)) / 6), 1e-12);
    assert_true(isnan(logistic_auc(p, y, 3, &deviation)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_gives_its_odds_ratio), cmocka_unit_test(separable_data_have_the_ridge_answer),
        cmocka_unit_test(as_gradient_descent_finds_it), cmocka_unit_test(nonsense_is_refused), cmocka_unit_test(order_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
