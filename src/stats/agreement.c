#include "stats/agreement.h"

#include "stats/proportion.h"
#include "stats/special.h"

#include <math.h>

/* Shares of the table and of its margins. */
struct table {
    unsigned k;
    enum agreement_weights weights;
    const double *counts;
    double n, row[AGREEMENT_CATEGORIES], column[AGREEMENT_CATEGORIES];
};

static double share(const struct table *t, unsigned i, unsigned j) {
    return t->counts[(size_t)i * t->k + j] / t->n;
}

static double credit(const struct table *t, unsigned i, unsigned j) {
    double distance = fabs((double)i - (double)j) / (t->k - 1);
    if (t->weights == AGREEMENT_LINEAR) return 1 - distance;
    return t->weights == AGREEMENT_QUADRATIC ? 1 - distance * distance : i == j;
}

static bool fill(struct table *t) {
    for (size_t i = 0; i < (size_t)t->k * t->k; i++) {
        if (!(t->counts[i] >= 0)) return false;
        t->n += t->counts[i];
    }
    if (!(t->n > 0) || isinf(t->n)) return false;
    for (unsigned i = 0; i < t->k; i++) {
        for (unsigned j = 0; j < t->k; j++) {
            t->row[i] += share(t, i, j);
            t->column[j] += share(t, i, j);
        }
    }
    return true;
}

static void variances(const struct table *t, struct agreement_kappa *a) {
    double row[AGREEMENT_CATEGORIES] = {0},
           column[AGREEMENT_CATEGORIES] = {0}; /* mean credit of a category */
    for (unsigned i = 0; i < t->k; i++) {
        for (unsigned j = 0; j < t->k; j++) {
            row[i] += t->column[j] * credit(t, i, j);
            column[j] += t->row[i] * credit(t, i, j);
        }
    }
    double sum = 0, null = 0, rest = 1 - a->expected;
    for (unsigned i = 0; i < t->k; i++) {
        for (unsigned j = 0; j < t->k; j++) {
            double w = credit(t, i, j), mean = row[i] + column[j];
            sum += share(t, i, j) * pow(w - mean * (1 - a->kappa), 2);
            null += t->row[i] * t->column[j] * pow(w - mean, 2);
        }
    }
    sum -= pow(a->kappa - a->expected * (1 - a->kappa), 2);
    null -= a->expected * a->expected;
    a->se = sqrt(fmax(0, sum) / t->n) / rest;
    a->se_null = sqrt(fmax(0, null) / t->n) / rest;
}

struct agreement_kappa agreement_kappa(const double *counts, unsigned k, enum agreement_weights weights,
                                       double confidence) {
    struct agreement_kappa a = {NAN, NAN, NAN, NAN, NAN, {NAN, NAN}, NAN};
    struct table t = {.k = k, .weights = weights, .counts = counts};
    if (k < 2 || k > AGREEMENT_CATEGORIES || !interval_confidence(confidence) || !fill(&t)) return a;
    double same = 0;
    a.n = t.n;
    a.observed = a.expected = 0;
    for (unsigned i = 0; i < k; i++) {
        same += counts[(size_t)i * k + i];
        for (unsigned j = 0; j < k; j++) {
            a.observed += share(&t, i, j) * credit(&t, i, j);
            a.expected += t.row[i] * t.column[j] * credit(&t, i, j);
        }
    }
    if (1 - a.expected < 1e-12) return a;
    a.kappa = (a.observed - a.expected) / (1 - a.expected);
    variances(&t, &a);
    if (same == t.n) {
        a.kappa = a.observed = 1;
        a.se = 0;
        double low = proportion_exact(t.n, t.n, confidence).low;
        a.interval = (struct interval){fmax(-1, (low - a.expected) / (1 - a.expected)), 1};
        return a;
    }
    double half = special_normal_quantile(0.5 + confidence / 2) * a.se;
    a.interval = (struct interval){fmax(-1, a.kappa - half), fmin(1, a.kappa + half)};
    return a;
}

struct agreement_binary agreement_binary(double pass_pass, double pass_fail, double fail_pass,
                                         double fail_fail, double confidence) {
    struct agreement_binary b = {
        .n_pass = pass_pass + pass_fail,
        .n_fail = fail_pass + fail_fail,
        .sensitivity_interval = proportion_wilson(pass_pass, pass_pass + pass_fail, confidence),
        .specificity_interval = proportion_wilson(fail_fail, fail_pass + fail_fail, confidence),
    };
    bool sound = !isnan(b.sensitivity_interval.low) && !isnan(b.specificity_interval.low);
    double n = b.n_pass + b.n_fail;
    b.sensitivity = sound && b.n_pass > 0 ? pass_pass / b.n_pass : NAN;
    b.specificity = sound && b.n_fail > 0 ? fail_fail / b.n_fail : NAN;
    b.prevalence = sound && n > 0 ? b.n_pass / n : NAN;
    b.agreement = sound && n > 0 ? (pass_pass + fail_fail) / n : NAN;
    return b;
}

double agreement_fleiss(const double *counts, size_t cases, unsigned k) {
    if (cases == 0 || k < 2 || k > AGREEMENT_CATEGORIES) return NAN;
    double total[AGREEMENT_CATEGORIES] = {0}, raters = 0, observed = 0, expected = 0;
    for (unsigned j = 0; j < k; j++) raters += counts[j];
    if (!(raters >= 2)) return NAN;
    for (size_t i = 0; i < cases; i++) {
        double sum = 0, pairs = 0;
        for (unsigned j = 0; j < k; j++) {
            double c = counts[i * k + j];
            if (!(c >= 0)) return NAN;
            sum += c;
            pairs += c * (c - 1);
            total[j] += c;
        }
        if (sum != raters) return NAN;
        observed += pairs / (raters * (raters - 1)) / (double)cases;
    }
    for (unsigned j = 0; j < k; j++) expected += pow(total[j] / (raters * (double)cases), 2);
    return 1 - expected < 1e-12 ? NAN : (observed - expected) / (1 - expected);
}
