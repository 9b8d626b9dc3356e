#include "cost/cache_calibration.h"

#include "base/money.h"
#include "stats/special.h"

#include <math.h>

enum { MOST_MORE = 1000000 };

const char *cache_verdict_name(enum cache_verdict v) {
    static const char *const names[] = {"verified", "refused", "not_enough_evidence"};
    return names[v];
}

double cache_lower_bound(uint64_t right, uint64_t n, double confidence) {
    if (right == 0) return 0;
    if (right == n) return pow(1 - confidence, 1 / (double)n);
    return special_beta_quantile(1 - confidence, (double)right, (double)(n - right) + 1);
}

double cache_upper_bound(uint64_t right, uint64_t n, double confidence) {
    if (right == n) return 1;
    if (right == 0) return 1 - pow(1 - confidence, 1 / (double)n);
    return special_beta_quantile(confidence, (double)right + 1, (double)(n - right));
}

/* Pairs that are all right and verify `precision`: precision^n <= 1 - confidence. */
static uint64_t least_pairs(double precision, double confidence) {
    return (uint64_t)ceil(log(1 - confidence) / log(precision) - 1e-9);
}

/* The bound grows with each right pair, so the least number is found by halving. */
static int64_t more_pairs(uint64_t right, uint64_t n, double precision, double confidence) {
    int64_t low = -1, high = 1;
    if (cache_lower_bound(right, n, confidence) >= precision) return 0;
    while (high <= MOST_MORE &&
           cache_lower_bound(right + (uint64_t)high, n + (uint64_t)high, confidence) < precision)
        low = high, high *= 2;
    while (high <= MOST_MORE && high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        bool enough =
            cache_lower_bound(right + (uint64_t)middle, n + (uint64_t)middle, confidence) >= precision;
        if (enough) high = middle;
        else low = middle;
    }
    return high <= MOST_MORE ? high : -1;
}

static void count_pairs(const struct cache_calibration_input *in, uint8_t *used,
                        struct cache_threshold *row) {
    memset(used, 0, in->n_questions);
    for (size_t i = 0; i < in->n_pairs; i++) {
        const struct cache_pair *p = &in->pairs[i];
        if (p->similarity < row->threshold || used[p->a] || used[p->b]) continue;
        used[p->a] = used[p->b] = 1;
        row->n++;
        row->right += p->right;
    }
}

static void count_asked(const struct cache_calibration_input *in, struct cache_threshold *row) {
    for (size_t i = 0; i < in->n_asked; i++) {
        if (in->asked[i].nearest < row->threshold) continue;
        row->hits++;
        if (money_is_known(in->asked[i].cost_nano)) row->saved_nano += in->asked[i].cost_nano;
    }
}

static unsigned make_rows(const struct cache_calibration_input *in, struct cache_threshold *rows) {
    unsigned n = 0;
    bool own = in->threshold > 0;
    for (int32_t at = CACHE_GRID_TO; at >= CACHE_GRID_FROM; at -= CACHE_GRID_STEP) {
        if (own && in->threshold >= at) {
            if (in->threshold > at) rows[n++].threshold = in->threshold;
            own = false;
        }
        rows[n++].threshold = at;
    }
    if (own) rows[n++].threshold = in->threshold;
    return n;
}

/* Which rows are tested, and at which confidence each. */
static void plan(const struct cache_calibration_input *in, struct cache_threshold *rows, unsigned n,
                 struct cache_calibration *c) {
    uint64_t least = least_pairs(in->precision, in->confidence);
    unsigned tests = 0;
    for (unsigned i = 0; i < n; i++) {
        rows[i].tested = in->threshold > 0 ? rows[i].threshold == in->threshold : rows[i].n >= least;
        tests += rows[i].tested;
    }
    c->confidence = 1 - (1 - in->confidence) / (tests > 1 ? tests : 1);
    c->least = least_pairs(in->precision, c->confidence);
}

static void bound(const struct cache_calibration_input *in, double confidence, struct cache_threshold *row) {
    row->lower = cache_lower_bound(row->right, row->n, confidence);
    row->upper = cache_upper_bound(row->right, row->n, confidence);
    row->more = more_pairs(row->right, row->n, in->precision, confidence);
}

static void decide(const struct cache_calibration_input *in, struct cache_threshold *rows, unsigned n,
                   struct cache_calibration *c) {
    const struct cache_threshold *verified = NULL, *open = NULL, *best = NULL;
    for (unsigned i = 0; i < n; i++) { /* the highest first */
        const struct cache_threshold *r = &rows[i];
        if (r->tested && r->lower >= in->precision) verified = r;
        if (r->tested && r->upper >= in->precision) open = r;
        if (r->tested && (!best || r->upper > best->upper)) best = r;
    }
    if (verified) {
        c->verdict = CACHE_VERIFIED;
        c->row = verified;
    } else if (best && !open) {
        c->verdict = CACHE_REFUSED;
        c->row = best;
    } else {
        c->verdict = CACHE_NOT_ENOUGH;
        for (unsigned i = 0; i < n; i++) {
            bool counts = in->threshold > 0 ? rows[i].tested : rows[i].n > 0 && rows[i].more >= 0;
            if (counts && (!c->row || rows[i].more < c->row->more)) c->row = &rows[i];
        }
        c->more = c->row ? c->row->more : (int64_t)c->least;
    }
}

static bool is_share(double x) {
    return x >= 0.5 && x <= 0.9999;
}

enum fault cache_calibrate(const struct cache_calibration_input *in, struct arena *arena,
                           struct cache_calibration *ret, struct error *error) {
    if (!is_share(in->precision))
        return error_set(error, FAULT_BAD_REQUEST, "precision: expected 0.5 to 0.9999");
    if (!is_share(in->confidence))
        return error_set(error, FAULT_BAD_REQUEST, "confidence: expected 0.5 to 0.9999");
    if (in->threshold != 0 && (in->threshold < 500000 || in->threshold > 1000000))
        return error_set(error, FAULT_BAD_REQUEST, "threshold: expected 0.5 to 1");
    struct cache_calibration c = {0};
    struct cache_threshold *rows = arena_new_array(arena, struct cache_threshold, CACHE_ROWS_MOST);
    uint8_t *used = arena_alloc(arena, in->n_questions + 1);
    if (!rows || !used) return error_set(error, FAULT_TOO_LARGE, "no room for %u questions", in->n_questions);
    c.n_rows = make_rows(in, rows);
    c.rows = rows;
    for (unsigned i = 0; i < c.n_rows; i++) {
        count_pairs(in, used, &rows[i]);
        count_asked(in, &rows[i]);
    }
    plan(in, rows, c.n_rows, &c);
    for (unsigned i = 0; i < c.n_rows; i++) bound(in, c.confidence, &rows[i]);
    decide(in, rows, c.n_rows, &c);
    *ret = c;
    return FAULT_NONE;
}
