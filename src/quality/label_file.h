/* label_file.h - what people said of answers, from a file: the cases a judge is calibrated on. Pure.
 *
 *     {"input": "How do I reset it?", "output": "Use the link.", "context": "...", "expected": "...", "label": true, "labeller": "ann"}
 *
 * an object a line. `output` is what was answered, `label` what a person said of it: true or false (pass, fail); 1 to 5; or of a pair A (the output is
 * better than `expected`), B, tie. All labels of a file are of one kind. `input` is a text or a list of messages. Other members
 * that are texts or numbers, and those of `vars`, are variables of the rubric.
 *
 * The same example labelled by several people counts once, as most of them said; where there is no majority it is left out and counted. */
#ifndef QUALITY_LABEL_FILE_H
#define QUALITY_LABEL_FILE_H

#include "model/declared.h"
#include "model/problems.h"
#include "quality/calibration.h"

struct label {
    struct check_case about;
    struct slice asked;   /* the messages, as JSON; SLICE_NULL: no input */
    struct slice output;
    uint64_t example;     /* a digest of all that the judge is shown */
    uint8_t level;        /* of the scale */
    unsigned people;      /* who labelled it */
    int line;             /* of the first */
};

struct label_set {
    enum calibration_scale scale;
    struct label *items;
    size_t n;
    size_t lines;         /* labels read */
    size_t contested;     /* examples that people differ on: not among the items */
};

/* JSON lines, or a JSON array. Every problem is told with its line; FAULT_CONFIG when there is one. Texts borrow from the arena. */
enum fault label_file_read(struct slice text, const char *file, struct arena *arena, struct label_set *ret, struct problems *problems) MUST_CHECK;
/* The same of a document that is read: an array of objects. */
enum fault label_file_read_list(const struct declared *d, uint32_t list, const char *file, struct arena *arena, struct label_set *ret,
                            struct problems *problems) MUST_CHECK;

/* What a label means for the check, and what an outcome is on the labels' scale. */
bool label_passes(enum calibration_scale scale, uint8_t level, const struct judge *j, const struct check *c);
uint8_t label_level(enum calibration_scale scale, const struct check *c, const struct check_outcome *o);
/* Can a judge's verdicts be held against labels of this scale? Else *error says what is expected. */
bool label_suits(enum calibration_scale scale, const struct judge *j, const struct check *c, struct error *error) MUST_CHECK;

#endif
