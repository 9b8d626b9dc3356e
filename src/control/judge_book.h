/* judge_book.h - what is known of a judge from all sittings of labelling: each sitting is a row of store/calibrations.h.
 *
 * All labels of one identity since it last drifted count together, an example that was labelled again by its newer label. A sitting in
 * which the judge agrees with people less than before, beyond chance, is a drift: from then on only that sitting and later ones count. */
#ifndef CONTROL_JUDGE_BOOK_H
#define CONTROL_JUDGE_BOOK_H

#include "quality/calibration.h"
#include "store/calibrations.h"

struct judge_sitting {
    struct slice judge, check;   /* JSON objects: the declaration, and {type, rubric, threshold} */
    enum calibration_scale scale;
    struct calibration_pair *pairs;
    size_t n;
    int64_t errors, contested;   /* examples without a verdict; on which people differ */
};

/* Members `judge`, `check`, `scale`, `pairs`, `errors`, `contested`. pairs: [["1f2e3d4c5b6a7988", label, verdict, should_pass, passes], ...].
 * FAULT_BAD_REQUEST: *error says which. */
enum fault judge_sitting_read(const struct json_doc *d, uint32_t node, struct arena *arena, struct judge_sitting *ret, struct error *error) MUST_CHECK;
void judge_sitting_write_pairs(const struct judge_sitting *s, struct json_writer *w);
/* What the declaration and the check of a sitting are; FAULT_BAD_REQUEST. Texts lie in the arena. */
enum fault judge_sitting_judge(const struct judge_sitting *s, struct slice name, struct arena *arena, struct judge *ret_judge,
                               struct check *ret_check, struct error *error) MUST_CHECK;
/* A check from {type, rubric, threshold}: of a type that judges decide, with or without `not-`. */
enum fault judge_check_read(const struct json_doc *d, uint32_t node, struct arena *arena, struct check *ret, struct error *error) MUST_CHECK;
void judge_check_write(const struct check *c, struct json_writer *w);

/* Adds a sitting to what is known: fills in c->body and c->pairs from `s` and the earlier rows of c->identity, and stores it. */
enum fault judge_book_add(struct evaluations *e, const struct judge_sitting *s, struct calibration_row *c, struct arena *arena,
                          struct error *error) MUST_CHECK;

/* For a summary: what counts now. n 0: nothing is known of this identity. */
enum fault judge_book_find(struct evaluations *e, const struct digest *identity, struct arena *arena, struct judge_calibration *ret,
                           struct error *error) MUST_CHECK;

#endif
