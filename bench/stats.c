/* bench/stats - what the statistics of an evaluation cost in time.
 *
 *   stats [-n CASES] [-b RESAMPLES]
 *
 * The paired bootstrap of RESAMPLES (10,000) on CASES (5,000) whose scores are means of five runs, the same
 * in families of ten (resampled as clusters of unequal weight), Krippendorff's alpha of three raters with its
 * interval, and one gate. One JSON object a line; seconds are of this process alone. */
#include "common.h"

#include "base/mem.h"
#include "stats/krippendorff.h"
#include "stats/paired.h"
#include "stats/random.h"
#include "stats/rate.h"

static double seconds_since(uint64_t from) {
    return (double)(now_ns() - from) / 1e9;
}

static void bench_paired(size_t n, unsigned resamples, bool families) {
    double *baseline = mem_new_array(double, n), *candidate = mem_new_array(double, n), *weight = NULL;
    uint32_t *family = NULL;
    struct random random = {1};
    for (size_t i = 0; i < n; i++) {
        baseline[i] = (double)random_below(&random, 6) / 5;
        candidate[i] = (double)random_below(&random, 6) / 5;
    }
    if (families) {
        family = mem_new_array(uint32_t, n);
        weight = mem_new_array(double, n);
        for (size_t i = 0; i < n; i++) {
            family[i] = (uint32_t)(i / 10);
            weight[i] = 1 + random_unit(&random);
        }
    }
    struct paired_question q = {baseline, candidate, weight, family, n, 0.95, 0.8, resamples, 1};
    uint64_t from = now_ns();
    struct paired_result r = paired_compare(&q);
    printf("{\"bench\":\"paired\",\"cases\":%zu,\"clusters\":%zu,\"resamples\":%u,\"seconds\":%.3f,"
           "\"difference\":%.4f,\"low\":%.4f,\"high\":%.4f}\n",
           n, r.clusters, resamples, seconds_since(from), r.difference, r.interval.low, r.interval.high);
    mem_free(baseline);
    mem_free(candidate);
    mem_free(weight);
    mem_free(family);
}

static void bench_alpha(size_t units, unsigned resamples, enum krippendorff_level level, const char *name) {
    double *values = mem_new_array(double, 3 * units);
    struct random random = {2};
    for (size_t i = 0; i < 3 * units; i++)
        values[i] = (double)(1 + (i % units + (random_below(&random, 3) == 0)) % 5);
    uint64_t from = now_ns();
    struct krippendorff k = krippendorff_alpha(values, 3, units, level, resamples, 1, 0.95);
    printf("{\"bench\":\"krippendorff %s\",\"units\":%zu,\"resamples\":%u,\"seconds\":%.3f,\"alpha\":%.4f}\n",
           name, units, resamples, seconds_since(from), k.alpha);
    mem_free(values);
}

static void bench_gate(size_t n) {
    double *value = mem_new_array(double, n), *runs = mem_new_array(double, n);
    for (size_t i = 0; i < n; i++) {
        value[i] = i % 10 ? 1 : 0.2;
        runs[i] = 5;
    }
    struct sample s = {.value = value, .n = n};
    uint64_t from = now_ns();
    struct rate r = rate_of_cases(&s, runs, RATE_CASES_LIKE_THESE, 0.95);
    struct rate_gate g = rate_at_least(&r, 0.918, 0.95, 0.8);
    printf("{\"bench\":\"gate\",\"cases\":%zu,\"seconds\":%.6f,\"answer\":%d,\"needed\":%.0f}\n", n,
           seconds_since(from), (int)g.answer, g.needed);
    mem_free(value);
    mem_free(runs);
}

int main(int argc, char **argv) {
    size_t cases = 5000;
    unsigned resamples = BOOTSTRAP_RESAMPLES;
    for (int option; (option = getopt(argc, argv, "n:b:")) != -1;) {
        if (option == 'n') cases = strtoul(optarg, NULL, 10);
        else if (option == 'b') resamples = (unsigned)strtoul(optarg, NULL, 10);
        else return 2;
    }
    bench_paired(cases, resamples, false);
    bench_paired(cases, resamples, true);
    bench_alpha(1000, 1000, KRIPPENDORFF_NOMINAL, "nominal");
    bench_alpha(1000, 1000, KRIPPENDORFF_ORDINAL, "ordinal");
    bench_gate(cases);
    return 0;
}
