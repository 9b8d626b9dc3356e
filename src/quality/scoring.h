/* scoring.h - a rule by which production traffic is scored: which records, how many of them, with what.
 *
 *     scoring: helpdesk-quality
 *     application: helpdesk
 *     key: scorer                       # whose key judges are asked with
 *     sample: {rate: 0.05, by_request_type: {chat: 0.02, summary: 0.2}, at_most: 500/d}
 *     when: {status: [ok], request_type: [chat], model: [...], min_output_tokens: 1}
 *     take_all: [{finish_reason: refusal}, {status: truncated}]
 *     checks: [{type: is-json, metric: format}, {type: judge, judge: support-judge, rubric: "...", metric: quality}]
 *     judges: {support-judge: {model: large, scale: 1-5}}
 *
 * Each check has a metric, the type's name unless it is declared: a name of 1 to 64 bytes, under which its score is kept beside the
 * record too (store/score.h).
 *
 * Immutable once read, known by its digest. Pure. */
#ifndef QUALITY_SCORING_H
#define QUALITY_SCORING_H

#include "model/problems.h"
#include "model/record.h"
#include "quality/judge.h"

#define LIMIT_SCORING_CHECKS 32 /* of one rule: each judge's is a request for each record that is taken */

/* What a record must meet: all that is given, of each list any. */
struct scoring_condition {
    unsigned status;          /* bits of enum record_status; 0: any */
    struct slice *request_type, *model, *finish_reason, *feature, *prompt; /* none: any */
    unsigned n_request_type, n_model, n_finish_reason, n_feature, n_prompt;
    int64_t min_output_tokens; /* -1: none */
};

struct scoring_rate {
    struct slice request_type;
    double rate;
};

struct scoring {
    struct slice name, application;
    struct slice key;          /* SLICE_NULL: no check needs one */
    double rate;               /* of records whose request type has no rate of its own, 0..1 */
    struct scoring_rate *rates;
    unsigned n_rates;
    int64_t at_most;           /* records in each `per_us`; -1: not bounded */
    int64_t per_us;            /* an hour or a day (UTC) */
    struct scoring_condition when; /* status ok unless given */
    struct scoring_condition *take_all; /* of these every one, whatever `when` says of its status */
    unsigned n_take_all;
    struct check *checks;
    unsigned n_checks;
    struct judge *judges;
    unsigned n_judges;
    uint64_t seed;             /* of the sample, from the name: another version of a rule goes on with the same sample */
    struct slice body;         /* canonical JSON: scoring_read reads it back to the same digest */
    struct digest digest;
};

/* YAML or JSON. Every problem with file and line; FAULT_CONFIG when there is one. All lies in `arena`; scoring_deinit before it. */
enum fault scoring_read(struct slice text, const char *file, struct arena *arena, struct scoring *ret, struct problems *problems) MUST_CHECK;
void scoring_deinit(struct scoring *s); /* accepts one that is all zero */
const struct judge *scoring_judge(const struct scoring *s, const struct check *c); /* NULL: none */
struct slice scoring_metric(const struct check *c);

/* Traffic that is an evaluation itself (features eval..., downgrade-test), which no rule scores. */
bool scoring_is_own_traffic(const struct record *r);
bool scoring_matches(const struct scoring *s, const struct record *r);

/* The chance with which a record that matches is taken when `used` records of this hour or day have been: its type's rate, 1 for
 * take_all; halved when half of at_most is used, again at half of what is left, and so on, so that the cap thins the
 * sample and does not end it; 0 once it is used up. It depends on what came before alone, never on the record's own draw: 1 / chance stays a
 * fair weight. */
double scoring_chance(const struct scoring *s, const struct record *r, int64_t used);
/* The draw itself: the same for the same record and rule, whenever it is made. */
bool scoring_draws(const struct scoring *s, const struct record_id *id, double chance);

#endif
