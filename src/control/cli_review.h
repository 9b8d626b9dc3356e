/* cli_review.h - what a review found, as a judge's calibration reads it. Private to control/. */
#ifndef CONTROL_CLI_REVIEW_H
#define CONTROL_CLI_REVIEW_H

#include "control/cli_verbs.h"

/* The labels that stand, of an answer of the API (schema ReviewLabels), a line of quality/label_file.h each. Of a pair `output` is the
 * candidate's answer and `expected` the baseline's. */
void cli_review_lines(struct client_answer *a, struct buffer *out);

/* "/api/v1/reviews/ID" and `more`. */
void cli_review_path(struct buffer *path, const char *id, const char *more);

int cli_review_close(int argc, char **argv); /* cli_review_close.c */
int cli_review_reassign(int argc, char **argv);

#endif
