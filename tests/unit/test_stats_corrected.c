#include "stats/corrected.h"
#include "stats/proportion.h"
#include "test_stats_rig.h"

static struct estimate rate(double p, double n, double q0, double m0, double q1, double m1) {
    return corrected_rate((struct corrected_part){p, n}, (struct corrected_part){q0, m0},
                          (struct corrected_part){q1, m1}, 0.95);
}

static void rogan_gladen(void **state) {
    (void)state;
    struct estimate e = rate(0.4, 1000, 0.7, 200, 0.9, 200);
    near(e.value, .1667, 5e-5);
    near_interval(e.interval, .0564, .2627, 5e-5);
    e = rate(0.7, 1000, 0.85, 100, 0.9, 100);
    near(e.value, .7333, 5e-5);
    near_interval(e.interval, .6644, .8163, 5e-5);
    near(rate(0.25, 1e9, 1, 1e9, 1, 1e9).value, 0.25, 0); /* a judge without fault */
    near_interval(rate(0.25, 1e4, 1, 1e12, 1, 1e12).interval, proportion_wilson(2500, 1e4, 0.95).low,
                  proportion_wilson(2500, 1e4, 0.95).high, 1e-4);
    e = rate(0.18, 100, 0.8, 100, 0.9, 100); /* rather fewer passes than the judge gives by mistake */
    near(e.value, 0, 0);
    near(e.interval.low, 0, 0);
    assert_true(e.interval.high > 0 && e.interval.high < 0.2);
    near(rate(0.95, 100, 0.8, 100, 0.9, 100).value, 1, 0);
}

static void rogan_gladen_refuses(void **state) {
    (void)state;
    const double bad[][6] = {{0.5, 100, 0.6, 100, 0.59, 100},
                             {0.5, 100, 0.4, 100, 0.4, 100},
                             {0.5, 100, 0.6, 10, 0.61, 10}, /* not with so few labels */
                             {0.5, 0, 0.9, 100, 0.9, 100},
                             {0.05, 100, 0.8, 100, 0.9, 100},
                             /* far too few passes for such a judge */ {1, 200, 0.8, 100, 0.9, 100},
                             {0.5, 100, 0.9, 0, 0.9, 100},
                             {0.5, 100, 0.9, 100, 0.9, 0},
                             {1.1, 100, 0.9, 100, 0.9, 100},
                             {NAN, 100, 0.9, 100, 0.9, 100},
                             {0.5, 100, NAN, 100, 0.9, 100},
                             {0.5, 100, 0.9, 100, -0.9, 100},
                             {0.5, INFINITY, 0.9, 100, 0.9, 100},
                             {0.5, 100, 0.9, NAN, 0.9, 100}};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        const double *b = bad[i];
        struct estimate e = rate(b[0], b[1], b[2], b[3], b[4], b[5]);
        assert_true(isnan(e.value) && isnan(e.se) && is_unknown(e.interval));
    }
    assert_false(isnan(rate(0.5, 100, 0.62, 100, 0.6, 100).value));
}

static double share(struct random *r, double chance, unsigned n) {
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++) k += draw(r, chance);
    return (double)k / n;
}

/* Poor judges and good ones, rare and common passes. The interval is made to keep its level ("at least"), and
 * the judge's own rate, taken for the truth, is far off: the test would see an uncorrected one. A sample of
 * labels that by chance is refused counts as held. */
static void rogan_gladen_coverage(void **state) {
    (void)state;
    enum { RUNS = 2000, N = 400, M = 100 };
    const double worlds[][3] = {/* theta, specificity, sensitivity */
                                {0.9, 0.7, 0.7},
                                {0.9, 0.95, 0.97},
                                {0.02, 0.7, 0.9},
                                {0.5, 0.6, 0.99},
                                {0.99, 0.9, 0.8}};
    for (unsigned w = 0; w < COUNT_OF(worlds); w++) {
        double theta = worlds[w][0], q0 = worlds[w][1], q1 = worlds[w][2],
               p = theta * q1 + (1 - theta) * (1 - q0);
        struct random r = {100 + w};
        unsigned hits = 0, naive = 0;
        for (unsigned run = 0; run < RUNS; run++) {
            double found = share(&r, p, N);
            struct estimate e = rate(found, N, share(&r, q0, M), M, share(&r, q1, M), M);
            hits += isnan(e.value) || holds(e.interval, theta);
            naive += holds(proportion_wilson(found * N, N, 0.95), theta);
        }
        at_least(hits, RUNS, 0.95);
        if (fabs(p - theta) > 0.1) assert_true(naive < 0.1 * RUNS);
    }
}

static const double Y[] = {1, 0, 1, 1, 0, 1, 0, 1}, F[] = {1, 0, 1, 0, 0, 1, 1, 1};
static const double U[] = {1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1};

/* As ppi_py computes them. */
static void ppi(void **state) {
    (void)state;
    struct corrected_sample s = {Y, F, NULL, 8, U, NULL, 16, 0, 1};
    struct corrected_mean m = corrected_mean(&s, NAN, 0.95);
    near(m.lambda, .314453, 1e-6);
    near(m.estimate.value, .644653, 1e-6);
    near(m.estimate.se, .157871, 1e-6);
    m = corrected_mean(&s, 1, 0.95);
    near(m.estimate.value, .6875, 1e-12);
    near(m.estimate.se, .211371, 1e-6);
    m = corrected_mean(&s, 0, 0.95);
    near(m.estimate.value, .625, 1e-12);
    near(m.estimate.se, .171163, 1e-6);
    near(m.estimate.df, 7, 0);
    near(m.estimate.interval.low, .625 - 2.3646242510102993 * m.estimate.se, 1e-9);
    near(m.estimate.interval.high, 1, 0); /* cut */
}

/* A label of weight 2 is the label twice: same mean, and the same lambda but for the effective sizes. */
static void ppi_weighted(void **state) {
    (void)state;
    double even[8], many[16];
    for (unsigned i = 0; i < 8; i++) even[i] = 0.1;
    for (unsigned i = 0; i < 16; i++) many[i] = 7;
    struct corrected_sample plain = {Y, F, NULL, 8, U, NULL, 16, 0, 1},
                            same = {Y, F, even, 8, U, many, 16, 0, 1};
    struct corrected_mean a = corrected_mean(&plain, NAN, 0.95), b = corrected_mean(&same, NAN, 0.95);
    near(b.estimate.value, a.estimate.value, 1e-12);
    near(b.estimate.se, a.estimate.se, 1e-12);
    near(b.lambda, a.lambda, 1e-12);
    const double weight[] = {2, 1, 1, 1, 1, 1, 1, 1};
    same.weight = weight;
    b = corrected_mean(&same, 0, 0.95);
    near(b.estimate.value, 6.0 / 9, 1e-12);
    near(b.estimate.se, sqrt(4.0 / 9 + 4.0 / 9 + 3 * 4.0 / 9) / 9, 1e-12); /* of w^2 (y - 2/3)^2 */
}

struct world {
    double truth[3000], judged[3000], weight[3000];
};

static const double PASSES = 0.8;

/* quality: how often the judge follows the truth instead of a coin. */
static void live(struct world *w, unsigned n, double quality, struct random *r) {
    for (unsigned i = 0; i < n; i++) {
        w->truth[i] = draw(r, PASSES);
        w->judged[i] = draw(r, quality) ? w->truth[i] : draw(r, 0.5);
    }
}

/* A judge that is always right, a fair one and a coin: 300 labels and 1,200 verdicts. The interval holds the
 * true rate; a good judge makes it much narrower, a coin hardly wider than the labels alone. The means of the
 * SEs are compared with those of labels alone. */
static void ppi_coverage(void **state) {
    (void)state;
    enum { RUNS = 1500, N = 300, M = 1200 };
    const double quality[] = {1, 0.8, 0};
    for (unsigned w = 0; w < COUNT_OF(quality); w++) {
        static struct world world;
        struct random r = {200 + w};
        unsigned hits = 0;
        double se = 0, alone = 0, lambda = 0;
        for (unsigned run = 0; run < RUNS; run++) {
            live(&world, N + M, quality[w], &r);
            struct corrected_sample s = {world.truth, world.judged, NULL, N, world.judged + N, NULL, M, 0, 1};
            struct corrected_mean m = corrected_mean(&s, NAN, 0.95);
            hits += holds(m.estimate.interval, PASSES);
            se += m.estimate.se;
            alone += corrected_mean(&s, 0, 0.95).estimate.se;
            lambda += m.lambda / RUNS;
        }
        near((double)hits / RUNS, 0.95, 0.01 + band(0.95, RUNS)); /* 0.01 is lost to 1/n, see corrected.h */
        assert_true(w == 0 ? se < 0.5 * alone : w == 1 ? se < 0.85 * alone : se < 1.01 * alone);
        if (w == 0) near(lambda, 1 / (1 + (double)N / M), 0.02); /* a verdict is worth a label */
        if (w == 2) assert_true(lambda < 0.05);
    }
}

/* Labels taken by verdict: every failed one, a fifth of the passed. Weighted it holds, unweighted it is lost.
 */
static void ppi_coverage_weighted(void **state) {
    (void)state;
    enum { RUNS = 2000, N = 400, M = 1500 };
    static struct world world;
    struct random r = {300};
    unsigned hits = 0, naive = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        double label[N], judged[N], weight[N];
        size_t n = 0;
        live(&world, N + M, 0.6, &r);
        for (unsigned i = 0; i < N; i++) {
            double chance = world.judged[i] == 0 ? 1 : 0.2;
            if (!draw(&r, chance)) continue;
            label[n] = world.truth[i];
            judged[n] = world.judged[i];
            weight[n++] = 1 / chance;
        }
        struct corrected_sample s = {label, judged, weight, n, world.judged + N, NULL, M, 0, 1};
        hits += holds(corrected_mean(&s, NAN, 0.95).estimate.interval, PASSES);
        s.weight = NULL;
        naive += holds(corrected_mean(&s, 0, 0.95).estimate.interval, PASSES);
    }
    near((double)hits / RUNS, 0.95, 0.01 + band(0.95, RUNS));
    assert_true(naive < 0.2 * RUNS);
}

static void ppi_edges(void **state) {
    (void)state;
    const double ones[] = {1, 1, 1, 1, 1, 1, 1, 1}, mixed[] = {1, 0, 1, 1, 1, 1, 1, 1};
    struct corrected_sample s = {ones, mixed, NULL, 8, U, NULL, 16, 0, 1};
    struct corrected_mean m =
        corrected_mean(&s, NAN, 0.95); /* all labels pass: the judge has nothing to add */
    near(m.lambda, 0, 0);
    near(m.estimate.value, 1, 0);
    near_interval(m.estimate.interval, proportion_exact(8, 8, 0.95).low, 1, 1e-12);
    s = (struct corrected_sample){Y, ones, NULL, 8, ones, NULL, 8, 0, 1};
    near(corrected_mean(&s, NAN, 0.95).lambda, 0, 0); /* a judge that always says the same */
    s = (struct corrected_sample){ones, F, NULL, 8, ones,
                                  NULL, 8, 0,    1}; /* 1 + what the judge was off: cut */
    m = corrected_mean(&s, 1, 0.95);
    near(m.estimate.value, 1, 0);
    near(m.estimate.interval.high, 1, 0);
    assert_true(m.estimate.interval.low <= 1);
    const double nan[] = {1, NAN, 1, 1, 1, 1, 1, 1}, off[] = {1, 2, 1, 1, 1, 1, 1, 1},
                 zero[] = {1, 0, 1, 1, 1, 1, 1, 1};
    struct corrected_sample bad[] = {
        {nan, F, NULL, 8, U, NULL, 16, 0, 1}, {Y, nan, NULL, 8, U, NULL, 16, 0, 1},
        {Y, F, NULL, 8, nan, NULL, 8, 0, 1},  {off, F, NULL, 8, U, NULL, 16, 0, 1},
        {Y, F, zero, 8, U, NULL, 16, 0, 1},   {Y, F, NULL, 8, U, zero, 8, 0, 1},
        {Y, F, NULL, 1, U, NULL, 16, 0, 1},   {Y, F, NULL, 0, U, NULL, 16, 0, 1},
        {Y, F, NULL, 8, U, NULL, 1, 0, 1}};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        m = corrected_mean(&bad[i], NAN, 0.95);
        assert_true(isnan(m.lambda) && isnan(m.estimate.value) && is_unknown(m.estimate.interval));
    }
    s = (struct corrected_sample){Y, F, NULL, 8, U, NULL, 16, 0, 1};
    assert_true(isnan(corrected_mean(&s, 1.1, 0.95).lambda) && isnan(corrected_mean(&s, NAN, 1).lambda));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rogan_gladen),          cmocka_unit_test(rogan_gladen_refuses),
        cmocka_unit_test(rogan_gladen_coverage), cmocka_unit_test(ppi),
        cmocka_unit_test(ppi_weighted),          cmocka_unit_test(ppi_coverage),
        cmocka_unit_test(ppi_coverage_weighted), cmocka_unit_test(ppi_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
