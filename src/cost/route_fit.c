#include "cost/route_fit.h"

#include "stats/logistic.h"
#include "stats/special.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LAMBDA 1.0
#define CONFIDENCE 0.95
#define THOUSAND 1000

_Static_assert((int)DIFFICULTY_FEATURES <= (int)LOGISTIC_FEATURES, "every feature has a weight");

const char *route_answer_name(enum route_answer a) {
    static const char *const names[] = {"trained", "not_better", "not_enough_evidence"};
    return (unsigned)a <= ROUTE_NOT_ENOUGH ? names[a] : "unknown";
}

/* ---- fitting ---- */

struct work {
    struct route_example *all;
    size_t n;
    const struct route_wish *wish;
    double *x;    /* rows of the fit */
    bool *y;
    double *ps;   /* p of the model's own, falling */
    size_t n_ps;
};

/* On the cheapest tier's answers outside of `fold` (ROUTE_FOLDS: all). */
static bool fit(struct work *w, unsigned fold, struct logistic *ret) {
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct route_example *e = &w->all[i];
        if (!e->cheap || e->fold == fold) continue;
        memcpy(&w->x[n * DIFFICULTY_FEATURES], e->d.x, sizeof e->d.x);
        w->y[n++] = e->score >= w->wish->good;
    }
    return logistic_fit(w->x, w->y, n, DIFFICULTY_FEATURES, LAMBDA, ret);
}

static bool predict(struct work *w) {
    struct logistic m;
    for (unsigned fold = 0; fold < ROUTE_FOLDS; fold++) {
        if (!fit(w, fold, &m)) return false;
        for (size_t i = 0; i < w->n; i++)
            if (w->all[i].fold == fold) w->all[i].p = logistic_probability(&m, w->all[i].d.x);
    }
    return true;
}

static void judge_order(struct work *w, struct route_fit *ret) {
    size_t n = 0;
    double deviation;
    for (size_t i = 0; i < w->n; i++) {
        if (!w->all[i].cheap) continue;
        w->x[n] = w->all[i].p;
        w->y[n++] = w->all[i].score >= w->wish->good;
    }
    ret->auc = logistic_auc(w->x, w->y, n, &deviation);
    ret->auc_low = ret->auc - special_normal_quantile(CONFIDENCE) * deviation;
}

/* ---- a point of the curve ---- */

enum region { BY_THRESHOLD, BY_RULES, ALL };

struct mean_cost {
    double sum, n;
};

static void add_score(struct difference_group *g, double score) {
    g->n++;
    g->sum += score;
    g->squares += score * score;
}

static bool goes_cheap(const struct route_example *e, enum region by, double threshold) {
    return by == ALL || (by == BY_RULES ? e->by_rules : e->p >= threshold);
}

static double variance(const struct difference_group *g) {
    double mean = (g->sum + 1) / (g->n + 2);
    return ((g->squares + 1) / (g->n + 2) - mean * mean) / (g->n + 2);
}

static int64_t cost_of(double share, const struct mean_cost *cheap, const struct mean_cost *premium) {
    if ((share > 0 && cheap->n == 0) || (share < 1 && premium->n == 0)) return MONEY_UNKNOWN;
    double each = (share > 0 ? share * cheap->sum / cheap->n : 0) + (share < 1 ? (1 - share) * premium->sum / premium->n : 0);
    return (int64_t)llround(each * THOUSAND);
}

static void scale(struct difference *p, double by) {
    p->mean *= by;
    p->low *= by;
    p->high *= by;
}

static struct route_point point_of(const struct work *w, enum region by, double threshold) {
    struct route_point p = {.threshold = threshold};
    struct difference_group cheap = {0}, premium = {0}, rest = {0};
    struct mean_cost there = {0}, here = {0};
    size_t own = 0, goes = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct route_example *e = &w->all[i];
        bool in = goes_cheap(e, by, threshold);
        own += e->own;
        goes += e->own && in;
        if (e->cheap && in) add_score(&cheap, e->score);
        if (!e->cheap) add_score(in ? &premium : &rest, e->score);
        struct mean_cost *m = e->cheap && in ? &there : !e->cheap && !in ? &here : NULL;
        if (m && money_is_known(e->cost_nano)) {
            m->sum += (double)e->cost_nano;
            m->n++;
        }
    }
    p.share = own > 0 ? (double)goes / (double)own : 0;
    p.n_cheap = (size_t)cheap.n;
    p.n_premium = (size_t)premium.n;
    p.cost_nano = cost_of(p.share, &there, &here);
    p.judged = goes == 0 ? rest.n >= ROUTE_LEAST_REGION : (p.n_cheap >= ROUTE_LEAST_REGION && p.n_premium >= ROUTE_LEAST_REGION);
    p.change = (struct difference){.mean = NAN, .low = NAN, .high = NAN};
    p.quality = p.quality_low = p.quality_high = NAN;
    if (!p.judged) return p;
    p.change = goes > 0 ? difference_grouped(&cheap, &premium, CONFIDENCE) : (struct difference){.n = 0};
    scale(&p.change, p.share);
    double s = p.share, z = special_normal_quantile((1 + CONFIDENCE) / 2);
    double half = z * sqrt((s > 0 ? s * s * variance(&cheap) : 0) + (rest.n > 0 ? (1 - s) * (1 - s) * variance(&rest) : 0));
    p.quality = (s > 0 ? s * cheap.sum / cheap.n : 0) + (rest.n > 0 ? (1 - s) * rest.sum / rest.n : 0);
    p.quality_low = fmax(p.quality - half, 0);
    p.quality_high = fmin(p.quality + half, 1);
    p.allowed = p.change.low >= -w->wish->most_loss && !(p.quality_low < w->wish->least_quality);
    return p;
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x > y ? -1 : x < y;
}

/* Half-way to the next one, so that what is a little unlike the last that goes still goes. Above 1: nothing goes. */
static double threshold_behind(const struct work *w, size_t goes) {
    if (goes == 0) return 1.5;
    return goes < w->n_ps ? (w->ps[goes - 1] + w->ps[goes]) / 2 : 0;
}

static void draw_curve(struct work *w, struct route_fit *ret) {
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].own) w->ps[w->n_ps++] = w->all[i].p;
    qsort(w->ps, w->n_ps, sizeof *w->ps, falling);
    for (unsigned k = 0; k < ROUTE_POINTS; k++) {
        size_t goes = (w->n_ps * k + (ROUTE_POINTS - 1) / 2) / (ROUTE_POINTS - 1);
        double threshold = threshold_behind(w, goes);
        if (ret->n_curve > 0 && ret->curve[ret->n_curve - 1].threshold == threshold) continue;
        ret->curve[ret->n_curve++] = point_of(w, BY_THRESHOLD, threshold);
    }
}

/* ---- the answer ---- */

static void say(struct route_fit *f, enum route_answer answer, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(struct route_fit *f, enum route_answer answer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
    f->answer = answer;
}

/* How many scored answers there would have to be, were more of the kind that there is. */
static void too_few(struct route_fit *f) {
    size_t rarer = f->n_good < f->n_cheap - f->n_good ? f->n_good : f->n_cheap - f->n_good;
    f->needed_cheap = ROUTE_LEAST_CHEAP;
    if (rarer < ROUTE_LEAST_RARER) /* with none of a kind, at least half as rare again as could be seen */
        f->needed_cheap = (size_t)ceil(ROUTE_LEAST_RARER * (double)(f->n_cheap + 1) / ((double)rarer + 0.5));
    if (f->needed_cheap < ROUTE_LEAST_CHEAP) f->needed_cheap = ROUTE_LEAST_CHEAP;
    f->needed_premium = f->n_premium > ROUTE_LEAST_PREMIUM ? f->n_premium : ROUTE_LEAST_PREMIUM;
    say(f, ROUTE_NOT_ENOUGH,
        "%zu scored answers of the cheapest tier (%zu good) and %zu of the most capable one; about %zu and %zu are needed, with at "
        "least %d of the first good and %d not",
        f->n_cheap, f->n_good, f->n_premium, f->needed_cheap, f->needed_premium, ROUTE_LEAST_RARER, ROUTE_LEAST_RARER);
}

/* The interval's half shrinks with the root of n. */
static void too_wide(struct route_fit *f, const struct route_wish *wish) {
    double least = INFINITY;
    for (unsigned i = 0; i < f->n_curve; i++) {
        const struct route_point *p = &f->curve[i];
        double room = p->change.mean + wish->most_loss, half = p->change.mean - p->change.low;
        if (p->share > 0 && p->judged && room > 0) least = fmin(least, half / room * (half / room));
    }
    if (isinf(least)) {
        say(f, ROUTE_NOT_BETTER, "at every share the cheapest tier loses more than %.3f of the mean score: keep the most capable tier",
            wish->most_loss);
        return;
    }
    least = fmax(fmin(least, 1e6), 1.05);
    f->needed_cheap = (size_t)ceil(least * (double)f->n_cheap);
    f->needed_premium = (size_t)ceil(least * (double)f->n_premium);
    say(f, ROUTE_NOT_ENOUGH, "no share is surely within a loss of %.3f; about %zu and %zu scored answers of the two tiers would show it",
        wish->most_loss, f->needed_cheap, f->needed_premium);
}

static void decide(struct work *w, struct route_fit *f) {
    for (unsigned i = 0; i < f->n_curve; i++) { /* shares rise: a fixed sequence, which ends where one fails */
        const struct route_point *p = &f->curve[i];
        if (p->share > 0 && p->judged && !p->allowed) break;
        if (p->share > 0 && p->allowed) f->chosen = i;
    }
    if (f->chosen == 0) {
        too_wide(f, w->wish);
    } else if (f->all_cheap.allowed) {
        say(f, ROUTE_NOT_BETTER, "the cheapest tier is within the loss for all requests: no model is needed to choose");
    } else if (!(f->auc_low > 0.5)) {
        say(f, ROUTE_NOT_BETTER, "the features do not tell which answers of the cheapest tier are good (AUC %.3f, at least %.3f)", f->auc,
            f->auc_low);
    } else if (f->rules.allowed && f->rules.share >= f->curve[f->chosen].share) {
        say(f, ROUTE_NOT_BETTER, "the rules send %.0f %% to the cheapest tier within the loss, the best of these weights %.0f %%",
            100 * f->rules.share, 100 * f->curve[f->chosen].share);
    } else {
        say(f, ROUTE_TRAINED, "%.0f %% of the requests to the cheapest tier change the mean score by %.4f (%.4f to %.4f, out of fold)",
            100 * f->curve[f->chosen].share, f->curve[f->chosen].change.mean, f->curve[f->chosen].change.low, f->curve[f->chosen].change.high);
    }
}

static bool keep_weights(struct work *w, struct route_fit *f) {
    struct logistic m;
    if (!fit(w, ROUTE_FOLDS, &m)) return false;
    f->weights = (struct difficulty_weights){.intercept = m.intercept, .threshold = f->curve[f->chosen].threshold};
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++) {
        f->weights.weight[i] = m.weight[i];
        f->weights.mean[i] = m.mean[i];
        f->weights.scale[i] = m.scale[i];
    }
    return true;
}

static void count(const struct work *w, struct route_fit *f) {
    f->n = w->n;
    for (size_t i = 0; i < w->n; i++) {
        const struct route_example *e = &w->all[i];
        f->n_cheap += e->cheap;
        f->n_good += e->cheap && e->score >= w->wish->good;
        f->n_premium += !e->cheap;
        f->n_own += e->own;
    }
    for (size_t i = 0; f->n_own == 0 && i < w->n; i++) w->all[i].own = true; /* then shares are those of what there is */
}

enum fault route_fit_run(struct route_example *all, size_t n, const struct route_wish *wish, struct arena *arena,
                         struct route_fit *ret, struct error *error) {
    struct work w = {.all = all, .n = n, .wish = wish};
    *ret = (struct route_fit){.auc = NAN, .auc_low = NAN};
    w.x = arena_new_array(arena, double, (n + 1) * DIFFICULTY_FEATURES);
    w.y = arena_new_array(arena, bool, n + 1);
    w.ps = arena_new_array(arena, double, n + 1);
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room to train on %zu exchanges", n);
    count(&w, ret);
    ret->all_cheap = point_of(&w, ALL, 0);
    ret->rules = point_of(&w, BY_RULES, 0);
    size_t bad = ret->n_cheap - ret->n_good, rarer = ret->n_good < bad ? ret->n_good : bad;
    bool enough = ret->n_cheap >= ROUTE_LEAST_CHEAP && ret->n_premium >= ROUTE_LEAST_PREMIUM;
    if (enough && rarer < ROUTE_LEAST_RARER && ret->all_cheap.allowed)
        say(ret, ROUTE_NOT_BETTER, "the cheapest tier is within the loss for all requests: no model is needed to choose");
    else if (!enough || rarer < ROUTE_LEAST_RARER || !predict(&w))
        too_few(ret);
    else {
        judge_order(&w, ret);
        draw_curve(&w, ret);
        decide(&w, ret);
    }
    if (ret->answer == ROUTE_TRAINED && !keep_weights(&w, ret)) too_few(ret);
    return FAULT_NONE;
}
