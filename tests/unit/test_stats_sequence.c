/* Numbers with a source: statistics.md 1b, B2 (confseq's uniform_boundaries_unittest.cpp), B3 (GrowthBook's tests of its frequentist engine)
 * and B4 (Howard and Ramdas 2022, arms of whole numbers). Digits are those given there, which are cut rather than rounded in places. */
#include "stats/sequence.h"
#include "test_stats_rig.h"

static void rates(void **state) {
    (void)state;
    near(mixture_rho(100, 0.05), 12.60056, 5e-6);
    near(mixture_log(10, 100, mixture_rho(100, 0.05), 0.2, 0.8), -.6941012, 1e-7);
    near_interval(rate_sequence(700, 1000, 100, 0.05), .651629, .745949, 1e-6);
    near_interval(rate_sequence(15, 50, 50, 0.05), .129556, .511896, 1e-6);
    near_interval(rate_sequence(5, 50, 50, 0.05), .013021, .269264, 1e-6);
    near_interval(rate_sequence(1, 50, 50, 0.05), 0, .13489, 2e-6);
    near_interval(rate_sequence(100, 200, 1, 0.05), .328923, .671076, 1e-6);
    near_interval(rate_sequence(0, 0, 50, 0.05), 0, 1, 0);
    struct interval none = rate_sequence(0, 1000, 500, 0.01), all = rate_sequence(1000, 1000, 500, 0.01);
    assert_true(none.low == 0 && none.high < 0.01 && all.high == 1);
    near(all.low, 1 - none.high, 1e-12);
    assert_true(is_unknown(rate_sequence(2, 1, 50, 0.05)) && is_unknown(rate_sequence(1, 2, 50, 0)));
}

static void means(void **state) {
    (void)state;
    struct mean_sums a = {3000, 1396.87, 52377.9767}, b = {3461, 2422.7, 134698.29};
    struct sequence_estimate e = difference_sequence(&b, &a, true, 0, 1000, 0.05);
    near(e.value, .50336, 5e-6);
    near(e.se, .33341, 5e-6);
    near_interval(e.interval, -.55844, 1.56516, 5e-6);
    assert_true(e.log_e < 0); /* the published p is 1 */
    struct mean_sums c = {3000, 1396, 1396}, d = {3461, 2422, 2422};
    e = difference_sequence(&d, &c, true, 0, 5000, 0.05);
    near(e.value, .50386, 5e-6);
    near_interval(e.interval, .40098, .60675, 2e-5); /* given from rounded bounds: .400962, .606765 */
    /* the published one-sided lower end is where the evidence is ln(1/alpha) */
    e = difference_sequence(&b, &a, false, -.12656844, 5000, 0.05);
    near(e.log_e, log(20), 1e-6);
}

static void means_at_the_edges(void **state) {
    (void)state;
    struct mean_sums few = {99, 99, 198}, many = {100, 100, 200}, zero = {200, 0, 0}, same = {500, 500, 500}, more = {500, 1000, 2000};
    assert_true(isnan(difference_sequence(&few, &many, false, 0, 5000, 0.01).log_e));
    assert_true(!isnan(difference_sequence(&many, &many, false, 0, 5000, 0.01).log_e));
    assert_true(isnan(difference_sequence(&many, &zero, true, 0, 5000, 0.01).value)); /* no share of nothing */
    assert_true(difference_sequence(&same, &same, true, 0.2, 5000, 0.01).log_e < 0);
    assert_true(difference_sequence(&more, &same, true, 0.2, 5000, 0.01).log_e > log(100)); /* values that never vary */
    struct mean_sums low = {1000, 500, 350}, high = {1000, 700, 590};
    double last = -INFINITY; /* the evidence grows with the difference, without a step at nothing */
    for (int i = -400; i <= 400; i++) {
        double log_e = difference_sequence(&high, &low, false, 0.2 - i * 0.0005, 5000, 0.01).log_e;
        assert_true(log_e >= last && (i == -400 || log_e - last < 1));
        last = log_e;
    }
}

/* ---- quantiles ---- */

/* Rank of x, or of just before it, whichever is nearer to p: how many of 1 + shift .. 1000 + shift. */
static double rank_near(int x, int shift, double p) {
    double upto = fmax(0, fmin(1000, x - shift)), before = x - shift >= 1 && x - shift <= 1000 ? upto - 1 : upto, even = 1000 * p;
    return even < before ? before : even > upto ? upto : even;
}

static double published_p(double p, int shift) {
    double least = INFINITY, rho = mixture_rho(p * (1 - p) * 100, 0.05), v = p * (1 - p) * 1000;
    for (int x = 1; x <= 1000 + shift; x++)
        least = fmin(least, mixture_log(rank_near(x, 0, p) - 1000 * p, v, rho, p, 1 - p) +
                                mixture_log(rank_near(x, shift, p) - 1000 * p, v, rho, p, 1 - p));
    return fmin(1, exp(-least));
}

static void quantiles(void **state) {
    (void)state;
    near(published_p(0.5, 70), .814704, 5e-7);
    near(published_p(0.5, 85), .0838055, 5e-8);
    near(published_p(0.5, 100), .0054947, 5e-8);
    near(published_p(0.9, 55), .0340463, 5e-8);
}

static void add_all(struct histogram *h, const int64_t *v, unsigned n) {
    for (unsigned i = 0; i < n; i++) histogram_add(h, v[i]);
}

/* The same from the values themselves, with no buckets: every x, one-sided. */
static double exact(const int64_t *c, const int64_t *b, unsigned n, double q, double ratio) {
    double rho = mixture_rho(q * (1 - q) * 200, 0.01), v = q * (1 - q) * n;
    double least = mixture_log(0, v, rho, q, 1 - q) + mixture_log(n - q * n, v, rho, q, 1 - q); /* x above all of them */
    for (unsigned i = 0; i < n; i++) {
        double x = (double)b[i], below = 0, upto = 0;
        for (unsigned k = 0; k < n; k++) {
            below += (double)b[k] < x;
            upto += (double)c[k] <= ratio * x;
        }
        least = fmin(least, mixture_log(fmin(upto - q * n, 0), v, rho, q, 1 - q) + mixture_log(fmax(below - q * n, 0), v, rho, q, 1 - q));
    }
    return least;
}

static void quantiles_of_buckets(void **state) {
    (void)state;
    enum { N = 600 };
    struct random random = {11};
    int64_t slow[N], base[N];
    for (unsigned run = 0; run < 20; run++) {
        struct histogram c, b;
        histogram_init(&c);
        histogram_init(&b);
        double factor = 1 + 0.1 * run;
        for (unsigned i = 0; i < N; i++) {
            base[i] = (int64_t)(1e6 * exp(0.5 * draw_normal(&random)));
            slow[i] = (int64_t)(factor * 1e6 * exp(0.5 * draw_normal(&random)));
        }
        add_all(&c, slow, N);
        add_all(&b, base, N);
        for (double ratio = 0.8; ratio < 2; ratio += 0.17) {
            double found = quantile_log_e(&c, &b, 0.9, ratio, 200, 0.01);
            /* never more than the values themselves refute, and no less than they refute of a ratio two buckets higher */
            assert_true(found <= exact(slow, base, N, 0.9, ratio) + 1e-9);
            assert_true(found >= exact(slow, base, N, 0.9, ratio * exp2(2.0 / 32)) - 1e-9);
        }
        struct interval i = quantile_ratio(&c, &b, 0.9, 200, 0.01);
        assert_true(i.low < i.high && quantile_log_e(&c, &b, 0.9, i.low, 200, 0.01) >= log(100));
        assert_true(quantile_log_e(&c, &b, 0.9, i.low * exp2(1.0 / 32), 200, 0.01) < log(100));
        struct interval loose = quantile_ratio_grouped(&c, &b, 0.9, 200, 0.01, 3);
        assert_true(loose.low <= i.low && loose.high >= i.high && loose.high > loose.low);
        histogram_deinit(&c);
        histogram_deinit(&b);
    }
}

static void quantiles_at_the_edges(void **state) {
    (void)state;
    struct histogram c, b;
    histogram_init(&c);
    histogram_init(&b);
    assert_true(quantile_log_e(&c, &b, 0.95, 1.2, 2000, 0.01) == 0);
    struct interval i = quantile_ratio(&c, &b, 0.95, 2000, 0.01);
    assert_true(i.low == 0 && isinf(i.high));
    for (int k = 0; k < 5000; k++) {
        histogram_add(&c, k % 2 ? 100 : 0);
        histogram_add(&b, 0);
    }
    assert_true(quantile_log_e(&c, &b, 0.9, 10, 2000, 0.01) > 50); /* 0 times anything is 0, and half of the candidate's are 100 */
    assert_true(quantile_log_e(&b, &c, 0.9, 1, 2000, 0.01) < 0);
    for (int k = 0; k < 20000; k++) histogram_add(&b, INT64_MAX);
    assert_true(quantile_log_e(&b, &c, 0.5, 1000, 2000, 0.01) > 50);
    assert_true(isnan(quantile_log_e(&c, &b, 0, 1.2, 2000, 0.01)) && isnan(quantile_log_e(&c, &b, 0.5, 0, 2000, 0.01)));
    assert_true(isnan(quantile_log_e(&c, &b, 0.5, INFINITY, 2000, 0.01)));
    histogram_deinit(&c);
    histogram_deinit(&b);
}

/* ---- every look ---- */

/* Looked at after every value: the share of runs in which it ever misses is at most alpha. */
static void rates_hold_at_every_look(void **state) {
    (void)state;
    enum { RUNS = 1000, LONGEST = 1000 };
    struct random random = {5};
    unsigned missed = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        double p = 0.02 + 0.1 * random_unit(&random);
        uint64_t hits = 0;
        bool out = false;
        double rho = mixture_rho(p * (1 - p) * 200, 0.05);
        for (unsigned n = 1; n <= LONGEST && !out; n++) {
            hits += draw(&random, p);
            double log_e = mixture_log((double)hits - p * n, p * (1 - p) * n, rho, p, 1 - p);
            out = log_e >= log(20);
            if (out || n % 250 == 0) assert_true(out == !holds(rate_sequence(hits, n, 200, 0.05), p)); /* the interval says the same */
        }
        missed += out;
    }
    at_most(missed, RUNS, 0.05);
    assert_true(missed > RUNS / 200); /* a test that cannot fail shows nothing */
}

static void means_hold_at_every_look(void **state) {
    (void)state;
    enum { RUNS = 1000, LONGEST = 3000 };
    struct random random = {6};
    unsigned missed = 0, worse = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        struct mean_sums c = {0}, b = {0};
        bool out = false, above = false;
        for (unsigned n = 1; n <= LONGEST; n++) {
            double x = -log(random_unit(&random)), y = -log(random_unit(&random)); /* exponential: skewed */
            c = (struct mean_sums){n, c.sum + x, c.squares + x * x};
            b = (struct mean_sums){n, b.sum + y, b.squares + y * y};
            if (n < 100 || n % 5 != 0) continue;
            struct sequence_estimate e = difference_sequence(&c, &b, true, 0, 5000, 0.05);
            out = out || !holds(e.interval, 0);
            above = above || e.log_e >= log(20);
        }
        missed += out;
        worse += above;
    }
    at_most(missed, RUNS, 0.05);
    at_most(worse, RUNS, 0.05);
    assert_true(missed > 0 && worse > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates),
        cmocka_unit_test(means),
        cmocka_unit_test(means_at_the_edges),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(quantiles_of_buckets),
        cmocka_unit_test(quantiles_at_the_edges),
        cmocka_unit_test(rates_hold_at_every_look),
        cmocka_unit_test(means_hold_at_every_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
