/* downgrade.h - the downgrade test: recorded exchanges of the most capable tier are asked of the cheapest one again, both
 * answers are scored, and the paired difference is judged.
 *
 * The core knows neither network nor clock: whoever runs it (a command, a scheduler) lends it functions. The difference is
 * score after less score before, its interval the BCa bootstrap of the pairs (stats/bootstrap.h), 95 %. A pair whose request
 * failed or that got no score is an error, never a win; with more than one error in five nothing is concluded, since what
 * fails is seldom like the rest. */
#ifndef COST_DOWNGRADE_H
#define COST_DOWNGRADE_H

#include "base/json.h"
#include "base/money.h"
#include "model/policy.h"
#include "stats/difference.h"

#define DOWNGRADE_LEAST 10          /* scored pairs for an answer */
#define DOWNGRADE_MOST_ERRORS 0.2   /* of the sample */
#define DOWNGRADE_SAMPLE 1000       /* at most */

struct downgrade_case {
    struct slice id;           /* of the record, as text */
    enum dialect_id dialect;   /* that the client spoke */
    struct slice request;      /* its body */
    struct slice answer;       /* in text; tool calls as name and arguments */
    int64_t cost_nano;         /* MONEY_UNKNOWN: null */
    int64_t duration_us;
};

struct downgrade_pair {
    const struct downgrade_case *before;
    struct slice answer;       /* the cheapest tier's */
    struct slice id;           /* of its record; SLICE_NULL: not known */
    int64_t cost_nano;         /* MONEY_UNKNOWN: null */
    int64_t duration_us;       /* -1: not known */
    bool scored;
    double score_before, score_after; /* 0..1 */
};

struct downgrade_calls {
    void *ctx;
    /* Asks the cheapest tier: the answer's text, in `arena`. */
    enum fault (*send)(void *ctx, const struct downgrade_case *c, struct arena *arena, struct slice *ret_answer, struct error *error);
    enum fault (*score)(void *ctx, const struct downgrade_case *c, struct slice answer, double *ret_before, double *ret_after,
                        struct error *error);
    /* Once all were sent: ids, costs and durations, as far as they are known. May be NULL. */
    void (*look_up)(void *ctx, struct downgrade_pair *pairs, size_t n);
    /* Before each pair: false ends the test with those that were asked. May be NULL: all are. */
    bool (*more)(void *ctx);
};

enum downgrade_answer { DOWNGRADE_WITHIN, DOWNGRADE_WORSE, DOWNGRADE_NOT_ENOUGH };
const char *downgrade_answer_name(enum downgrade_answer a);

struct downgrade_result {
    enum downgrade_answer answer;
    char why[LIMIT_ERROR_TEXT];
    char first_error[LIMIT_ERROR_TEXT]; /* "": none */
    size_t n, scored, errors, needed;   /* n: that were asked. needed: about so many pairs, with NOT_ENOUGH; 0: not known */
    double most_loss;
    double mean_before, mean_after;     /* NAN: none was scored */
    struct difference difference;
    size_t priced, timed;               /* pairs of which both are known */
    int64_t cost_before_nano, cost_after_nano;
    double seconds_before, seconds_after; /* means; NAN */
    struct downgrade_pair *pairs;       /* in the arena; n */
};

/* FAULT_TOO_LARGE: no room. A case that fails is counted, not returned. */
enum fault downgrade_run(const struct downgrade_case *cases, size_t n, double most_loss, uint64_t seed,
                         const struct downgrade_calls *calls, struct arena *arena, struct downgrade_result *ret,
                         struct error *error) MUST_CHECK;
/* Members of an object that is open; no text of requests or answers. */
void downgrade_write_json(const struct downgrade_result *r, struct json_writer *w);

#endif
