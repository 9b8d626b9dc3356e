/* check_run.h - one check on one answer, under way. Shared by check*.c only.
 *
 * Each type sets `wanted` (what the answer should do, "contain `x`") and ends with one of check_score, check_measured
 * and check_cannot. */
#ifndef QUALITY_CHECK_RUN_H
#define QUALITY_CHECK_RUN_H

#include "quality/check.h"

struct check_run {
    const struct check *c;
    const struct check_answer *a;
    const struct check_case *k;
    struct arena *arena;
    struct slice wanted;
    struct check_outcome *out;
    bool failed;
};

void check_score(struct check_run *run, double score, struct slice found);   /* held against the threshold */
void check_measured(struct check_run *run, bool holds, struct slice found);  /* was held against it already */
void check_cannot(struct check_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct slice check_quote(struct check_run *run, struct slice text);
/* The i-th declared text with its variables filled in, or the case's `expected`. False: check_cannot was said. */
bool check_text_at(struct check_run *run, unsigned i, struct slice *ret);

/* check_text.c */
void check_run_equals(struct check_run *run);
void check_run_contains(struct check_run *run);
void check_run_contains_many(struct check_run *run);
void check_run_regex(struct check_run *run);
void check_run_levenshtein(struct check_run *run);
void check_run_rouge(struct check_run *run);
void check_run_bleu(struct check_run *run);
void check_run_similar(struct check_run *run);
void check_run_words(struct check_run *run);

/* check_json.c */
void check_run_equals_json(struct check_run *run);
void check_run_is_json(struct check_run *run);
void check_run_contains_json(struct check_run *run);
void check_run_tool_call(struct check_run *run);
void check_run_tool_f1(struct check_run *run);

#endif
