#include "stats/adtributor.h"

#include <math.h>
#include <stdlib.h>

static double half(double p, double q) {
    return p > 0 ? p * log(2 * p / (p + q)) : 0;
}

double adtributor_surprise(double p, double q) {
    double s = (half(p, q) + half(q, p)) / 2;
    return s > 0 ? s : 0; /* never negative but for rounding */
}

static int by_surprise(const void *left, const void *right) {
    const struct adtributor_element *a = left, *b = right;
    if (a->surprise != b->surprise) return a->surprise > b->surprise ? -1 : 1;
    double da = fabs(a->explanatory), db = fabs(b->explanatory);
    if (da != db) return da > db ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

struct adtributor_result adtributor_dimension(struct adtributor_element *elements, size_t n, double min_each,
                                              double min_all) {
    double forecast = 0, actual = 0;
    struct adtributor_result result = {0};
    for (size_t i = 0; i < n; i++) {
        forecast += elements[i].forecast;
        actual += elements[i].actual;
        elements[i].index = i;
    }
    double difference = actual - forecast;
    for (size_t i = 0; i < n; i++) {
        struct adtributor_element *e = &elements[i];
        e->explanatory = difference == 0 ? 0 : (e->actual - e->forecast) / difference;
        e->surprise = adtributor_surprise(forecast > 0 ? e->forecast / forecast : 0,
                                          actual > 0 ? e->actual / actual : 0);
    }
    if (n == 0 || difference == 0) return result;
    qsort(elements, n, sizeof *elements, by_surprise);
    for (size_t i = 0; i < n && result.explanatory <= min_all; i++) {
        if (elements[i].explanatory <= min_each) continue;
        struct adtributor_element candidate = elements[i];
        for (size_t j = i; j > result.n; j--) elements[j] = elements[j - 1];
        elements[result.n++] = candidate;
        result.explanatory += candidate.explanatory;
        result.surprise += candidate.surprise;
    }
    if (result.explanatory <= min_all) return (struct adtributor_result){0};
    return result;
}
