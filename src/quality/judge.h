/* judge.h - a model that is asked how good an answer is: its declaration, its questions, the reading of what it says. Pure.
 *
 *     judges:
 *       support-judge: {model: large, scale: 1-5, rubric: "polite and correct", temperature: 0}
 *       panel:         {models: [a, b, c], scale: binary}
 *
 * A verdict is a number in 0..1: binary 0 or 1; 1-5 (v - 1) / 4; pairwise (against the case's `expected`, asked in both orders) 1
 * better, 0.5 as good, 0 worse. Each call asks for structured output and is read strictly: prose, a value off the scale or a
 * missing member is an error of the check, never a pass. A panel's score is the mean of its verdicts; it passes by majority
 * (or by the check's threshold on the mean), and is an error when fewer than all but one answered. */
#ifndef QUALITY_JUDGE_H
#define QUALITY_JUDGE_H

#include "base/digest.h"
#include "model/declared.h"
#include "model/problems.h"
#include "quality/check.h"

enum judge_scale { JUDGE_BINARY, JUDGE_1_TO_5, JUDGE_PAIRWISE };
const char *judge_scale_name(enum judge_scale s); /* "binary", "1-5", "pairwise" */

#define JUDGE_PANEL 9 /* models of one judge, at most */

struct judge {
    struct slice name;
    struct slice models[JUDGE_PANEL];
    unsigned n_models;
    enum judge_scale scale;
    struct slice rubric;   /* unless a check has its own; SLICE_NULL */
    double temperature;    /* NAN: not sent */
    int64_t max_tokens;    /* of its answer; -1: not sent */
    int line;
};

/* The map at `node`, whose key is `name`; a `judge` in it must say the same (a judge in a file of its own). Not declared: binary,
 * temperature 0, 2048 tokens. `temperature: null` and `max_tokens: null` are not sent: some models refuse them. */
enum fault judge_read(const struct declared *d, uint32_t node, struct slice name, const char *file, struct arena *arena,
                      struct judge *ret, struct problems *problems) MUST_CHECK;
void judge_write(const struct judge *j, struct json_writer *w); /* canonical; judge_read reads it back */

/* What calibration is of: models, scale, temperature, the rubric that the check uses, the type of check and its `not-`, the score from
 * which the check passes, and this file's own wording of the question (JUDGE_WORDING). Any change of these is another judge,
 * without a calibration; the name is none. */
#define JUDGE_WORDING 1
void judge_identity(const struct judge *j, const struct check *c, struct digest *ret);
/* The rubric that this check uses, as declared; SLICE_NULL: none. `relevant` and pairs have one of their own, `faithful` needs none. */
struct slice judge_rubric(const struct judge *j, const struct check *c);
/* The score from which the check counts as passed (before `not-`): of one model the least that it can give and that passes; of a panel
 * the declared threshold, NAN: the majority passes. */
double judge_cut(const struct judge *j, const struct check *c);
/* What its verdicts are in: `faithful` counts claims whatever the judge's scale. */
enum judge_form { JUDGE_FORM_BINARY, JUDGE_FORM_1_TO_5, JUDGE_FORM_PAIRWISE, JUDGE_FORM_CLAIMS };
enum judge_form judge_form(const struct judge *j, const struct check *c);

/* The calls that one check of one answer takes: a model each, twice for pairwise. */
unsigned judge_calls(const struct judge *j, const struct check *c);
struct judge_question {
    const struct check *check;
    const struct check_answer *answer;
    const struct check_case *about;
    struct slice asked; /* what the application was asked: the messages, as JSON */
};
/* The body of call i, a chat completion. A rubric may name the case's variables, {{output}}, {{expected}} and {{context}}: all of them are shown
 * as quoted material (model/quoted.h), never as part of the instruction. FAULT_CONFIG: the rubric is missing or has an unknown
 * variable, a pair has no `expected`, faithful no context or one over LIMIT_JUDGE_CONTEXT. */
enum fault judge_write_call(const struct judge *j, const struct judge_question *q, unsigned i, struct arena *arena, struct buffer *out,
                            struct error *error) MUST_CHECK;

struct judge_verdict {
    bool good;           /* false: `reason` says what was wrong with the call or its answer */
    double score;        /* 0..1 */
    bool pass;           /* binary's word; of 1-5 at least 4, of a pair at least as good, of claims all of them */
    struct slice reason; /* in the arena */
};
/* Reads the answer's text of call i. Never fails: what cannot be read is a verdict that is not good. */
void judge_read_verdict(const struct judge *j, const struct check *c, unsigned i, struct slice answer, struct arena *arena,
                        struct judge_verdict *ret);
/* All calls' verdicts to the check's outcome. */
void judge_conclude(const struct judge *j, const struct check *c, const struct judge_verdict *verdicts, unsigned n, struct arena *arena,
                    struct check_outcome *ret);

#endif
