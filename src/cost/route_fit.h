/* route_fit.h - from scored exchanges to weights that say when the cheapest tier is good enough, with what that costs in
 * quality. Pure.
 *
 * Of each exchange one tier's answer is known. P(good enough) is fitted on those of the cheapest tier (stats/logistic.h,
 * lambda 1) and judged out of fold: ROUTE_FOLDS parts, each predicted by the others' fit. At a threshold, the requests at or
 * above it would go to the cheapest tier; what that changes is their share times the difference between the cheapest
 * tier's mean score and the most capable one's among just these (intervals of 95 % after Agresti and Caffo). So the curve
 * assumes that which tier answered says no more about a request than the features do, and that requests of one probability are
 * alike, whether asked of the model or of a tier by its name. Shares are those of the model's own traffic, where there is some.
 * The threshold is chosen on the curve that is shown: slightly hopeful. It is the largest share before the first that fails (shares that rise
 * are a fixed sequence), not the largest that happens to pass. */
#ifndef COST_ROUTE_FIT_H
#define COST_ROUTE_FIT_H

#include "model/tiers.h"
#include "stats/difference.h"

#define ROUTE_FOLDS 5
#define ROUTE_POINTS 21          /* shares of 0, 5, ... 100 % */
#define ROUTE_LEAST_CHEAP 60     /* scored answers of the cheapest tier */
#define ROUTE_LEAST_RARER 15     /* of them good, and not good */
#define ROUTE_LEAST_PREMIUM 30   /* of the most capable one */
#define ROUTE_LEAST_REGION 10    /* of each, for a point of the curve to be judged */

struct route_example {
    struct difficulty d;
    bool cheap;          /* answered by the cheapest tier; else by the most capable one */
    bool own;            /* asked of the model itself, not of a tier by its name */
    bool by_rules;       /* the rules alone send it to the cheapest tier */
    double score;        /* 0..1 */
    int64_t cost_nano;   /* MONEY_UNKNOWN: null */
    unsigned fold;       /* 0..ROUTE_FOLDS-1; alike for what belongs together (a session) */
    double p;            /* filled: P(good enough), out of fold */
};

struct route_point {
    double threshold, share;
    size_t n_cheap, n_premium; /* scored answers among the requests that would go to the cheapest tier */
    bool judged;               /* false: too few of them; what follows is NAN then */
    struct difference change;      /* of the mean score, against all to the most capable tier */
    double quality, quality_low, quality_high;
    int64_t cost_nano;         /* of a thousand requests; MONEY_UNKNOWN: null */
    bool allowed;              /* within what was asked for */
};

enum route_answer { ROUTE_TRAINED, ROUTE_NOT_BETTER, ROUTE_NOT_ENOUGH };
const char *route_answer_name(enum route_answer a);

struct route_wish {
    double good;          /* a score from which an answer is good enough */
    double most_loss;     /* of the mean score, against all to the most capable tier */
    double least_quality; /* NAN: none */
};

struct route_fit {
    enum route_answer answer;
    char why[LIMIT_ERROR_TEXT];
    size_t n, n_cheap, n_good, n_premium, n_own;
    size_t needed_cheap, needed_premium; /* ROUTE_NOT_ENOUGH: about so many scored answers in all */
    double auc, auc_low;                 /* out of fold; its lower bound of 95 %, one-sided; NAN: not fitted */
    struct route_point curve[ROUTE_POINTS];
    unsigned n_curve;
    struct route_point all_cheap, rules; /* what needs no training */
    unsigned chosen;                     /* in curve; 0, which sends nothing to the cheapest tier: none */
    struct difficulty_weights weights;   /* ROUTE_TRAINED */
};

/* Fills in p of the examples. FAULT_TOO_LARGE: the arena has no room for the work. */
enum fault route_fit_run(struct route_example *all, size_t n, const struct route_wish *wish, struct arena *arena,
                         struct route_fit *ret, struct error *error) MUST_CHECK;

/* Members of an object that is open. */
void route_fit_write_json(const struct route_fit *f, const struct route_wish *wish, struct json_writer *w);

#endif
