/* run.h - one evaluation under way: every case as often as asked, each answer checked, judged and handed over.
 *
 *   case x repeat -> ask -> checks of the answer -> programs -> judges, embeddings -> (consistent: all repeats) -> result
 *
 * On one loop's thread. It keeps no more than what is under way; results leave through `result` in the order they end, the repeats of
 * a case near each other. What was done in an earlier life is told with run_skip before the start.
 *
 * No new case is asked, those under way end, and `stopped` says why:
 *   - once `max_cost_nano` is spent (exchanges and judges, what is under way counted at the mean so far). With such a cap also when the
 *     cost of an exchange is not known;
 *   - when asking on has no use: the gateway is not reached, it does not know the key, its disk or the budget is full. Such
 *     a case gets no result: it is asked when the run is resumed. Or RUN_IN_VAIN cases one after the other got no answer, and none was answered
 *     before or the last was RUN_IN_VAIN_US ago. Until then what fails is tried only once, so that a run of which half fails soon ends.
 *     What waits for another try when the run stops is not tried again, and gets no result.
 * Whatever else goes wrong with a case is its result: an ERROR with the gateway's own words. */
#ifndef QUALITY_RUN_H
#define QUALITY_RUN_H

#include "quality/asker.h"
#include "quality/programs.h"
#include "quality/result.h"
#include "quality/suite.h"

#define RUN_IN_VAIN 100
#define RUN_IN_VAIN_US 120000000LL

struct run;
struct run_options { /* all of it outlives the run */
    const struct suite *suite;
    const struct prompt *prompt;   /* NULL: the suite's own */
    struct slice model;            /* SLICE_NULL: the suite's, or the prompt's */
    unsigned repeat;
    int64_t max_cost_nano;         /* < 0: none */
    struct slice name;             /* "run-12": in tags and in `once`; at most 64 bytes of printable ASCII */
    int64_t begun_us;              /* when it first began: with the name it is unique in all time, in every life the same */
    const uint8_t *chosen;         /* a byte a case, 0: left out by a filter; NULL: all */
};
struct run_calls {
    void *ctx;
    void (*result)(void *ctx, const struct result *r); /* valid inside the call */
    void (*ended)(void *ctx, const char *stopped);      /* NULL: all was run */
};

struct run *run_new(struct loop *l, struct asker *a, struct programs *p, const struct run_options *o, const struct run_calls *c);
void run_free(struct run *r); /* before it has ended: asker_free and programs_free come first */
/* This one has its result already; its cost counts. */
void run_skip(struct run *r, unsigned case_at, unsigned repeat, int64_t cost_nano);
/* Beside run_skip, for cases with a check of type consistent: the answer (result.output), with which the others are compared. Copied. */
void run_skip_answer(struct run *r, unsigned case_at, unsigned repeat, struct slice output);
void run_start(struct run *r);
void run_stop(struct run *r, const char *why); /* no new case; `ended` follows when those under way are done */
/* Was it stopped because asking on has no use? Then what it has is no result yet: it is to be resumed. */
bool run_is_cut_off(const struct run *r);

#endif
