#include "stats/sequence.h"

#include "stats/special.h"

#include <math.h>

double mixture_rho(double v_opt, double alpha) {
    double wanted = 2 * log(1 / alpha);
    return v_opt / (wanted + log1p(wanted));
}

double mixture_log(double s, double v, double rho, double g, double h) {
    double r = fmax(rho - g * h, 1e-3 * g * h), range = g + h, below = g * range, above = h * range;
    return v / (g * h) * log(range) - (v + h * s) / above * log(g) - (v - g * s) / below * log(h) +
           special_log_beta((r + v - g * s) / below, (r + v + h * s) / above) - special_log_beta(r / below, r / above);
}

/* Of `hits` of n against a chance of p. */
static double chance_log(double hits, double n, double p, double n_opt, double alpha) {
    double spread = p * (1 - p);
    return mixture_log(hits - p * n, spread * n, mixture_rho(spread * n_opt, alpha), p, 1 - p);
}

struct interval rate_sequence(uint64_t hits, uint64_t n, double n_opt, double alpha) {
    if (hits > n || !(n_opt > 0) || !interval_confidence(alpha)) return (struct interval){NAN, NAN};
    if (n == 0) return (struct interval){0, 1};
    double k = (double)hits, m = (double)n, limit = -log(alpha), ends[2] = {0, 1};
    for (int end = 0; end < 2; end++) {
        double outside = end, inside = k / m;
        if (outside == inside) continue;
        for (int i = 0; i < 40; i++) { /* to 1e-12 */
            double middle = (outside + inside) / 2;
            if (chance_log(k, m, middle, n_opt, alpha) < limit) inside = middle;
            else outside = middle;
        }
        ends[end] = fabs(inside - end) < 1e-11 ? end : inside;
    }
    return (struct interval){ends[0], ends[1]};
}

/* ---- means ---- */

enum { LEAST_VALUES = 100 }; /* an arm: before that the central limit theorem is no promise */

struct moments {
    double mean, variance_of_mean;
};

static struct moments moments_of(const struct mean_sums *s) {
    double n = (double)s->n, mean = s->sum / n, variance = (s->squares - n * mean * mean) / (n - 1);
    return (struct moments){mean, fmax(variance, 0) / n};
}

/* ln of the one-sided normal mixture, from below where a closed form is to be had: for a difference of z standard errors, in time
 * t = n rho^2. */
static double one_sided(double z, double t) {
    double x = z * z * t / (2 * (t + 1)), start = -log1p(t) / 2;
    if (z < 0) { /* e^x times the tail of the normal: its own size beyond what a double holds */
        double y = sqrt(2 * x);
        return start + M_LN2 + (y > 30 ? -log(y * sqrt(2 * M_PI)) : x + log(special_normal_cdf(-y)));
    }
    return start + fmax(0, M_LN2 + x + log1p(-exp(-x)));
}

static double spread_rho2(double n_opt, double alpha) {
    double wanted = -2 * log(alpha);
    return (wanted + log1p(wanted)) / n_opt;
}

struct sequence_estimate difference_sequence(const struct mean_sums *candidate, const struct mean_sums *control, bool relative,
                                             double above, double n_opt, double alpha) {
    struct sequence_estimate e = {NAN, NAN, {-INFINITY, INFINITY}, NAN};
    if (candidate->n < 2 || control->n < 2 || !(n_opt > 0) || !interval_confidence(alpha)) return e;
    struct moments c = moments_of(candidate), b = moments_of(control);
    if (relative && !(b.mean > 0)) return e;
    double n = (double)candidate->n + (double)control->n, variance = c.variance_of_mean + b.variance_of_mean;
    e.value = c.mean - b.mean;
    if (relative) { /* the delta method */
        double ratio = c.mean / b.mean;
        e.value = ratio - 1;
        variance = (c.variance_of_mean + ratio * ratio * b.variance_of_mean) / (b.mean * b.mean);
    }
    e.se = sqrt(variance);
    if (candidate->n < LEAST_VALUES || control->n < LEAST_VALUES) return e;
    double t = n * spread_rho2(n_opt, alpha), half = e.se * sqrt((t + 1) / t * (log1p(t) - 2 * log(alpha)));
    e.interval = (struct interval){e.value - half, e.value + half};
    double difference = e.value - above; /* equal values everywhere: se is 0, and any difference is one */
    double z = e.se > 0 ? difference / e.se : difference > 0 ? 1e9 : difference < 0 ? -1e9 : 0;
    e.log_e = one_sided(z, n * spread_rho2(n_opt, 2 * alpha));
    return e;
}

/* ---- quantiles ----
 *
 * Were the candidate's quantile at most `ratio` times control's, some x (control's quantile) would have F_control(x) <= q up to it and
 * F_candidate(ratio x) >= q. So what refutes both for the x that it refutes least, refutes it. Each arm's evidence at the true x is at
 * most a two-sided mixture's, and the product of the two arms' is what Ville's inequality is used on. */

struct quantile_case {
    const struct histogram *candidate, *control;
    double q, n_opt, alpha, design;
};

/* Of an arm of which `hits` of n lie at or below a point: that the point's rank is above q (side > 0), or below it. */
static double rank_log(const struct quantile_case *t, uint64_t hits, uint64_t n, int side) {
    double m = (double)n / t->design, k = (double)hits / t->design, even = t->q * m;
    double log_e = chance_log(k, m, t->q, t->n_opt, t->alpha);
    if (side > 0 ? k > even : k < even) return log_e;
    return fmin(log_e, chance_log(even, m, t->q, t->n_opt, t->alpha));
}

struct walk { /* how many values lie at or below the upper edge of a bucket; asked for buckets in rising order */
    const struct histogram *h;
    uint32_t at;
    uint64_t below;
};

static uint64_t walk_to(struct walk *w, int64_t index) {
    while (w->at < w->h->used && w->h->buckets[w->at].index <= index) w->below += w->h->buckets[w->at++].count;
    return w->below;
}

/* `shift` in buckets: what ratio times a bucket's upper edge reaches. For x in bucket k: F_control is at least what it is at the
 * bucket's lower edge, F_candidate at most what it is at the upper edge of bucket k + shift. */
static double quantile_shifted(const struct quantile_case *t, int64_t shift) {
    const struct histogram *c = t->candidate, *b = t->control;
    if (c->count == 0 || b->count == 0) return 0;
    double least = INFINITY, even_c = t->q * (double)c->count, even_b = t->q * (double)b->count;
    struct walk candidate = {c, 0, c->zero}, control = {b, 0, b->zero};
    if ((double)b->zero > even_b) least = rank_log(t, c->zero, c->count, -1) + rank_log(t, 0, b->count, 1); /* x = 0 */
    int64_t k = b->used > 0 ? b->buckets[0].index : 0, last = b->used > 0 ? b->buckets[b->used - 1].index + 1 : 1;
    uint64_t below_b = control.below;
    for (; k <= last; k++) {
        uint64_t next_b = walk_to(&control, k), below_c = k < last ? walk_to(&candidate, k + shift) : c->count; /* the last: all above */
        bool still = (double)next_b <= even_b && k < last; /* a later x refutes no more of control, and less of the candidate */
        if (!still) {
            least = fmin(least, rank_log(t, below_c, c->count, -1) + rank_log(t, below_b, b->count, 1));
            if ((double)below_c >= even_c) break; /* the candidate refutes none of what is later */
        }
        below_b = next_b;
    }
    return least;
}

static struct quantile_case quantile_case_of(const struct histogram *candidate, const struct histogram *control, double q, double n_opt,
                                             double alpha, double design) {
    return (struct quantile_case){candidate, control, q, n_opt, alpha, fmax(design, 1)};
}

static bool is_sound(const struct quantile_case *t) {
    return t->q > 0 && t->q < 1 && t->n_opt > 0 && interval_confidence(t->alpha) && isfinite(t->design);
}

#define BUCKETS ((double)(1 << HISTOGRAM_SCALE))

double quantile_log_e_grouped(const struct histogram *candidate, const struct histogram *control, double q, double ratio, double n_opt,
                              double alpha, double design) {
    struct quantile_case t = quantile_case_of(candidate, control, q, n_opt, alpha, design);
    if (!is_sound(&t) || !(ratio > 0) || !isfinite(ratio)) return NAN;
    return quantile_shifted(&t, (int64_t)ceil(log2(ratio) * BUCKETS - 1e-9));
}

double quantile_log_e(const struct histogram *candidate, const struct histogram *control, double q, double ratio, double n_opt, double alpha) {
    return quantile_log_e_grouped(candidate, control, q, ratio, n_opt, alpha, 1);
}

static int64_t quantile_bucket(const struct histogram *h, double q) {
    double below = (double)h->zero;
    for (uint32_t i = 0; i < h->used; i++) {
        below += (double)h->buckets[i].count;
        if (below >= q * (double)h->count) return h->buckets[i].index;
    }
    return 0;
}

/* The largest shift that is refuted; INT64_MIN: none is. The evidence falls as the shift grows, from where the arms' own quantiles lie
 * there is none. */
static int64_t refuted_shift(const struct quantile_case *t) {
    int64_t high = quantile_bucket(t->candidate, t->q) - quantile_bucket(t->control, t->q) + 1, step = 1;
    double limit = -log(t->alpha);
    while (quantile_shifted(t, high - step) < limit) {
        step *= 2;
        if (step > 128 * (int64_t)BUCKETS) return INT64_MIN;
    }
    int64_t low = high - step;
    high -= step / 2;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (quantile_shifted(t, middle) >= limit) low = middle;
        else high = middle;
    }
    return low;
}

struct interval quantile_ratio_grouped(const struct histogram *candidate, const struct histogram *control, double q, double n_opt, double alpha,
                                       double design) {
    struct quantile_case t = quantile_case_of(candidate, control, q, n_opt, alpha, design);
    struct quantile_case other = quantile_case_of(control, candidate, q, n_opt, alpha, design);
    struct interval i = {0, INFINITY};
    if (!is_sound(&t)) return (struct interval){NAN, NAN};
    int64_t low = refuted_shift(&t), high = refuted_shift(&other);
    if (low != INT64_MIN) i.low = exp2((double)low / BUCKETS);
    if (high != INT64_MIN) i.high = exp2(-(double)high / BUCKETS);
    return i;
}

struct interval quantile_ratio(const struct histogram *candidate, const struct histogram *control, double q, double n_opt, double alpha) {
    return quantile_ratio_grouped(candidate, control, q, n_opt, alpha, 1);
}
