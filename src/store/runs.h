/* runs.h - runs of suites and their results.
 *
 * A run is RUNNING from run_add until run_end; one whose owner died stays so, and whoever asks for the same again (`wanted`) goes on with it. */
#ifndef STORE_RUNS_H
#define STORE_RUNS_H

#include "store/evaluations.h"

enum run_state { RUN_RUNNING, RUN_FINISHED, RUN_STOPPED };

/* TEXT, NUMBER and DIGEST are the columns. */
#define RUN_TABLE(TEXT, NUMBER, DIGEST)                                                                       \
    TEXT(suite)                                                                                               \
    NUMBER(definition)      /* of the suite's exact version (definitions.h) */                                \
    NUMBER(suite_version)                                                                                     \
    DIGEST(suite_digest)                                                                                      \
    TEXT(prompt)            /* name, or null */                                                               \
    TEXT(prompt_body)       /* canonical JSON, when it is not the suite's own; null */                        \
    DIGEST(prompt_digest)                                                                                     \
    TEXT(model)             /* asked for, in place of the suite's; null */                                    \
    TEXT(chosen)            /* the filter as typed; null */                                                   \
    NUMBER(repeat)                                                                                            \
    NUMBER(max_cost_nano)   /* -1: none */                                                                    \
    DIGEST(wanted)          /* of all that makes two runs the same: suite, prompt, model, repeat, filter */   \
    TEXT(trigger)           /* "person", "schedule", "model-change", ... */                                   \
    TEXT(by)                                                                                                  \
    TEXT(owner)             /* "host pid start": who runs it; null once ended */                              \
    TEXT(stop_by)           /* a person who asked it to end early, or null */                                 \
    NUMBER(state)           /* enum run_state */                                                              \
    NUMBER(started_us)                                                                                        \
    NUMBER(seen_us)         /* the owner's last word */                                                       \
    NUMBER(ended_us)                                                                                          \
    NUMBER(planned)         /* results that it will have */                                                   \
    NUMBER(done)                                                                                              \
    NUMBER(cost_nano)       /* exchanges and judges, what is known */                                         \
    TEXT(verdict)           /* once ended: passed, failed, inconclusive */                                    \
    TEXT(summary)           /* JSON; null while it runs */

struct run_row {
    int64_t number; /* "run-12" */
#define TEXT(field) struct slice field;
#define NUMBER(field) int64_t field;
#define DIGEST(field) struct digest field;
    RUN_TABLE(TEXT, NUMBER, DIGEST)
#undef TEXT
#undef NUMBER
#undef DIGEST
};

enum fault run_add(struct evaluations *e, struct run_row *r, struct error *error) MUST_CHECK; /* sets number */
enum fault run_find(struct evaluations *e, int64_t number, struct arena *arena, struct run_row *ret, struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
/* The newest RUNNING one of `wanted`. FAULT_NOT_FOUND. */
enum fault run_find_unended(struct evaluations *e, const struct digest *wanted, struct arena *arena, struct run_row *ret,
                            struct error *error) MUST_CHECK;
/* Newest first, those before `before` (INT64_MAX: all); suite SLICE_NULL: any. */
enum fault run_list(struct evaluations *e, struct slice suite, int64_t before, struct arena *arena,
                    bool (*each)(void *ctx, const struct run_row *r), void *ctx, struct error *error) MUST_CHECK;
/* FAULT_NOT_FOUND: there is none; FAULT_CONFLICT: it is over. So do those below that change a run. */
enum fault run_own(struct evaluations *e, int64_t number, struct slice owner, int64_t seen_us, struct error *error) MUST_CHECK;
/* Asks its owner to end it. */
enum fault run_ask_to_stop(struct evaluations *e, int64_t number, struct slice by, struct error *error) MUST_CHECK;

struct run_result {
    unsigned case_at, repeat;
    unsigned verdict;   /* enum check_verdict: 0 pass, 1 fail, 2 error */
    int64_t cost_nano;  /* with judges; MONEY_UNKNOWN */
    struct slice body;  /* JSON of quality/result.h */
};
/* All in one transaction; one that is there already stays as it is (the first answer counts). Updates done, cost and seen_us. `owner`: whose
 * they are; FAULT_CONFLICT when that is no longer who runs it, SLICE_NULL: not asked. n = 0: a sign of life. */
enum fault run_results_add(struct evaluations *e, int64_t number, struct slice owner, const struct run_result *results, size_t n,
                           int64_t seen_us, struct error *error) MUST_CHECK;
/* By case and repeat, behind (after_case, after_repeat) (-1, -1: all); verdict < 0: any. `each` returns false to stop. Bodies are copied into
 * the arena; NULL: valid inside the call. */
enum fault run_results(struct evaluations *e, int64_t number, int64_t after_case, int64_t after_repeat, int verdict, struct arena *arena,
                       bool (*each)(void *ctx, const struct run_result *r), void *ctx, struct error *error) MUST_CHECK;
/* The same without bodies (SLICE_NULL), of all of them. */
enum fault run_results_done(struct evaluations *e, int64_t number, bool (*each)(void *ctx, const struct run_result *r), void *ctx,
                            struct error *error) MUST_CHECK;
enum fault run_end(struct evaluations *e, int64_t number, enum run_state state, struct slice verdict, struct slice summary, int64_t at_us,
                   struct error *error) MUST_CHECK;

/* Forgets the results of runs that are over, or that nobody has gone on with, since `before_us`; not those of a reference. The runs and their
 * summaries stay. */
enum fault run_results_prune(struct evaluations *e, int64_t before_us, struct error *error) MUST_CHECK;

/* The run that others of the suite are compared with; *ret 0: none was named. */
enum fault run_reference(struct evaluations *e, struct slice suite, int64_t *ret, struct error *error) MUST_CHECK;
enum fault run_set_reference(struct evaluations *e, struct slice suite, int64_t number, int64_t at_us, struct error *error) MUST_CHECK;

#endif
