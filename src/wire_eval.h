/* wire_eval.h - suites that the running server runs by itself: on a schedule, and when a model has another version.
 *
 * One thread with stores of its own. It makes one run at a time, with the engine of quality/run.h on a loop of its own, asking
 * through the inside listener (gateway.h) as the key that the suite's `run_as` names; what a run comes to is kept where people's
 * runs are (store/runs.h), and is told as findings. A run that a stop or a kill cut short goes on after the next start, unless another version
 * of the model came meanwhile: then it begins anew. Suites with checks by programs are run only where `evaluation.programs` allows it. */
#ifndef WIRE_EVAL_H
#define WIRE_EVAL_H

#include "base/fault.h"
#include "base/slice.h"
#include "model/finding.h"
#include "model/policy.h"
#include "quality/suite.h"
#include "store/ledger.h"
#include "store/registry.h"
#include "store/runs.h"

#include <stdatomic.h>

struct eval_sources { /* all of it outlives the thread */
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    struct ledger *ledger;
    const char *data_dir;
    void (*opened)(void *ctx, const struct finding *f); /* on its thread */
    void (*changed)(void *ctx, unsigned topics); /* control/console_topic.h; on the thread that changed it; NULL: nobody listens */
};

struct eval_wire;
struct eval_wire *eval_wire_new(const struct eval_sources *s, struct error *error) MUST_CHECK;
/* Once lanes listen inside, at `port`, to `credential` (copied). */
enum fault eval_wire_start(struct eval_wire *w, uint16_t port, struct slice credential, struct error *error) MUST_CHECK;
void eval_wire_look(struct eval_wire *w); /* from any thread; does not wait; accepts NULL and one that is not started */
void eval_wire_stop(struct eval_wire *w); /* what is under way is given up within about a second */
void eval_wire_free(struct eval_wire *w);

/* ---- its parts ---- */

/* One run to its end (wire_eval_run.c). `stop` gives it up: FAULT_SHUTTING_DOWN, and it goes on when it is asked for again. */
struct eval_run_order {
    struct evaluations *evaluations;
    const char *url;            /* of the inside listener */
    const char *const *who;
    struct slice suite;         /* registered name */
    const char *trigger;        /* "schedule", "model-change", "prompt-change", "gate" */
    struct slice prompt, label, model; /* as of struct eval_wish; SLICE_NULL */
    int64_t since_us;           /* when it was wanted: what began before that is not gone on with */
    unsigned concurrent;        /* requests under way */
    int64_t max_cost_nano;      /* -1: none */
    bool (*wanted)(void *ctx);  /* asked now and then on this thread: does anybody wait for it still? NULL: yes */
    void *ctx;
    const atomic_bool *stop;
};
enum fault eval_run_make(const struct eval_run_order *o, struct arena *arena, struct run_row *ret, struct error *error) MUST_CHECK;

/* Two runs that are over, paired. *out, an empty buffer, gets an object of compare_write's members; *ret its answer: -1 worse, 0 no evidence,
 * 1 better, at 95 %. The suites are those that the runs name (the same pointer when they are one version). */
enum fault eval_compare(struct evaluations *e, int64_t baseline, const struct suite *of, int64_t candidate, const struct suite *with,
                        struct buffer *out, int *ret, struct error *error) MUST_CHECK;

/* What a run that is over means, as findings (wire_eval_tell.c). */
struct eval_told {
    const struct suite *suite;
    const struct run_row *run;
    const char *trigger;
    unsigned runs_a_month;      /* that its triggers make; 0: not known */
    struct slice change;        /* JSON: the new version that it was run for; SLICE_NULL */
    int64_t *ret_baseline;      /* the run that it was compared with, 0: none; NULL: nobody asks */
    int *ret_answer;            /* -1 worse, 0 not enough evidence, 1 better */
};
enum fault eval_tell(struct evaluations *e, struct registry *r, const struct eval_told *t, int64_t now_us,
                     void (*opened)(void *ctx, const struct finding *f), void *ctx, struct error *error) MUST_CHECK;
/* A version of the suite's model that had not answered before has: open from now until a run says that the suite is as good with it. */
enum fault eval_tell_change(struct evaluations *e, struct registry *r, struct slice suite, struct slice application, struct slice change,
                            int64_t now_us, void (*opened)(void *ctx, const struct finding *f), void *ctx, struct error *error) MUST_CHECK;

/* Versions of models as records that wait for a person (wire_eval_models.c; store/live_prompts.h). A record of a version that is new is
 * made at once, and opened when the version has answered EVAL_MODEL_ANSWERS times: one answer may be a provider's rollout that is taken back,
 * or a backend that flickers. A version that was seen once is never new again. */
#define EVAL_MODEL_ANSWERS 5
enum fault eval_model_new(struct evaluations *e, struct registry *r, const struct record *record, struct error *error) MUST_CHECK;
/* Opens those that have answered often enough; holds them where `change_policy.on_model_change` says so; tells findings. */
enum fault eval_model_look(struct evaluations *e, struct registry *r, const struct policy *p, int64_t now_us, void (*opened)(void *ctx, const struct finding *f),
                           void *ctx, struct error *error) MUST_CHECK;
/* What a suite said of it. `change` as in eval_told. */
enum fault eval_model_run(struct registry *r, struct slice change, const struct run_row *run, int64_t baseline, int answer, struct error *error) MUST_CHECK;

#endif
