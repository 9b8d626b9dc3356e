/* downgrade_ask.h - the requests of a downgrade test: through the gateway as any application's, and so in its records and budgets.
 *
 * Each has the feature `downgrade-test`, asks no cache, and carries tags: a replay `downgrade-test=RUN,downgrade-of=ID`, a
 * judge's `downgrade-judge=RUN`. A judge sees both answers in both orders (cost/judge_pair.h); a program gets {record, which,
 * request, answer} and says {"score": 0..1}. Blocking: for command-line verbs and job threads. */
#ifndef COST_DOWNGRADE_ASK_H
#define COST_DOWNGRADE_ASK_H

#include "cost/downgrade.h"

#include <stdatomic.h>

#define DOWNGRADE_RUN_TEXT 17
#define DOWNGRADE_HEADERS 2

struct downgrade_ask {
    const char *url;                      /* of the gateway, without a path */
    const char *who[DOWNGRADE_HEADERS];   /* headers that say whose key it is; NULL: none */
    const char *judge;                    /* a model; NULL: `program` scores */
    const char *const *program;           /* and its arguments, NULL-terminated */
    int64_t program_timeout_us;
    struct slice cheapest;                /* a model */
    char run[DOWNGRADE_RUN_TEXT];         /* tells this test's records from others */
    const atomic_bool *stop;              /* NULL: none. True, from any thread: FAULT_SHUTTING_DOWN, soon */
    /* counted: what the gateway said that its answers cost */
    int64_t spent_nano;
    unsigned unpriced;                    /* answers whose cost is unknown */
};

void downgrade_ask_new_run(struct downgrade_ask *a);
/* As downgrade_calls.send and .score want them. */
enum fault downgrade_ask_send(struct downgrade_ask *a, const struct downgrade_case *c, struct arena *arena, struct slice *ret,
                              struct error *error) MUST_CHECK;
enum fault downgrade_ask_score(struct downgrade_ask *a, const struct downgrade_case *c, struct slice answer, double *ret_before,
                               double *ret_after, struct error *error) MUST_CHECK;
/* What was found out of one answer, as a score for `model route-train`: a program's as `quality`, a judge's as `not_worse`. */
double downgrade_ask_value(const struct downgrade_ask *a, const struct downgrade_pair *p, bool after);
const char *downgrade_ask_name(const struct downgrade_ask *a);
const char *downgrade_ask_source(const struct downgrade_ask *a);
/* The whole result as it is kept. `seed`: of the sample. */
void downgrade_ask_write(const struct downgrade_ask *a, const char *model, const struct downgrade_result *r, int64_t seed,
                         struct json_writer *w);

#endif
