/* cli_judge.h - the parts of `quarterdeck eval judge`. Private to control/. */
#ifndef CONTROL_CLI_JUDGE_H
#define CONTROL_CLI_JUDGE_H

#include "control/cli_verbs.h"
#include "quality/judging.h"
#include "quality/label_file.h"

int cli_eval_judge(int argc, char **argv);
int cli_judge_calibrate(int argc, char **argv); /* cli_judge_calibrate.c */
extern const struct cli_verb cli_judge_parts[];

/* ---- which judge is meant (cli_judge_find.c) ---- */
struct judge_choice {
    const char *name, *suite, *model, *scale, *rubric, *type; /* as typed; NULL: not given */
    struct slice suite_text;                                  /* instead of a file, `suite` being its name; SLICE_NULL */
    double threshold;                                         /* NAN: not given */
    struct judge judge;                                       /* as found; texts in the arena */
    struct check check;
};
/* From the suite's file, from --model, as it is registered, or as it was calibrated last. -1, or the exit code after having said why not. */
int cli_judge_find(struct client *client, struct judge_choice *c, struct arena *arena) MUST_CHECK;

/* ---- telling (cli_judge.c) ---- */
/* A judge of the API (schema Judge) in full. */
void cli_judge_tell(struct client_answer *a, uint32_t node);

/* Labels from JSON lines, or CSV when the file's name says so. -1, or the exit code after all problems were printed. */
int cli_judge_labels(const char *path, struct arena *arena, struct label_set *ret) MUST_CHECK; /* cli_judge_labels.c */

/* The labels of a review, and the verdicts that its runs have already; where nothing says which judge is meant, the run's version of the
 * suite does. An item that is not `settled` has no verdict of this judge. -1 or the exit code. */
int cli_judge_review(struct client *client, const char *review, struct judge_choice *c, struct arena *arena, struct label_set *ret_labels,
                     struct judging_item **ret_items) MUST_CHECK; /* cli_judge_review.c */

#endif
