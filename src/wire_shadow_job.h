/* wire_shadow_job.h - one exchange of a shadow: the candidate is asked what its user asked, both answers are measured, and a judge compares
 * them. On the loop of its askers. */
#ifndef WIRE_SHADOW_JOB_H
#define WIRE_SHADOW_JOB_H

#include "base/list.h"
#include "change/shadow.h"
#include "model/record.h"
#include "quality/asker.h"
#include "quality/judge.h"

struct shadow_job {
    struct list link;            /* its owner's */
    void *owner, *of;            /* its owner's: itself, and the rollout */
    struct record record;        /* of the served exchange */
    struct shadow_measure measure;
    bool is_pair;                /* false: `why`; it is not the candidate's fault, and says nothing of it */
    const char *why;
    int64_t spent_nano;          /* what asking and judging cost; MONEY_UNKNOWN: not all of it is known */
    struct shadow_asking *asking; /* private */
};
struct shadow_job_way {
    struct asker *asker, *judges; /* of the inside listener */
    const char *prompt;          /* "NAME@V" */
    int64_t rollout;
    const struct judge *judge;   /* pairwise; NULL: none. Outlives the job, as the checks */
    const struct check *checks;  /* of the candidate's suites, those of every case */
    unsigned n_checks;
    const char *key_hex;         /* SHA-256 of the exchange's key; copied, as `prompt` */
    /* In a later turn, once; frees the job, then or later. */
    void (*done)(struct shadow_job *j);
};
/* `record` encoded (record.h), the client's body and the whole answer: copied. FAULT_BAD_REQUEST, FAULT_CORRUPT: nothing to compare with; no done. */
enum fault shadow_job_start(const struct shadow_job_way *way, struct slice record, struct slice request, struct slice reply,
                            struct shadow_job **ret, struct error *error) MUST_CHECK;
void shadow_job_free(struct shadow_job *j); /* not while one of its askers may still answer: free the askers first */

#endif
