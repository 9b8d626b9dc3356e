/* result.h - what came of one case once: the answer, each check's outcome, what it cost. One JSON object on its way to the server, in the
 * store and in a report. */
#ifndef QUALITY_RESULT_H
#define QUALITY_RESULT_H

#include "base/digest.h"
#include "quality/check.h"

struct result_check {
    struct slice type;    /* "not-contains" */
    struct slice metric;  /* SLICE_NULL */
    double weight;
    enum check_verdict verdict;
    double score;
    struct slice reason;
    struct slice judge;   /* the name of the judge; SLICE_NULL: none judged */
    struct digest judge_identity;
    bool by_judge;
};

/* ERROR: there is no answer, or a check could not tell. Never a failure of quality: errors are a column of their own. A check that
 * failed is a FAIL, whatever other checks could not tell. */
struct result {
    struct slice case_id;
    unsigned case_at, repeat;   /* index of the case in the suite, 0-based repeat */
    enum check_verdict verdict;
    double score;               /* weighted mean of the checks that could tell; 1 without checks */
    bool refused;               /* an unwanted refusal */
    struct slice output;        /* the answer's text; SLICE_NULL: none */
    struct slice calls;         /* tool calls as JSON array; SLICE_NULL */
    struct slice finish;
    struct slice record;        /* x-quarterdeck-id; SLICE_NULL */
    struct slice target;        /* x-quarterdeck-model: what answered */
    int64_t latency_us;         /* -1: unknown */
    int64_t cost_nano;          /* of the exchange; MONEY_UNKNOWN */
    int64_t judge_cost_nano;    /* of all judge calls of it; MONEY_UNKNOWN: some are unknown */
    int64_t input_tokens, output_tokens; /* -1: unknown */
    struct slice error;         /* "code: words" of an ERROR; SLICE_NULL */
    struct result_check *checks;
    unsigned n_checks;
};

/* Verdict and score from the checks; `threshold` of the case. Checks of weight 0 are told but count for nothing. */
void result_conclude(struct result *r, double threshold);

void result_write(const struct result *r, struct json_writer *w);
/* FAULT_BAD_REQUEST: *error says which member. Texts borrow from the document or the arena. */
enum fault result_read(const struct json_doc *d, uint32_t node, struct arena *arena, struct result *ret, struct error *error) MUST_CHECK;

#endif
