/* cli_review.h - what a review found, as a judge's calibration reads it. Private to control/. */
#ifndef CONTROL_CLI_REVIEW_H
#define CONTROL_CLI_REVIEW_H

#include "control/cli_verbs.h"

/* The labels that stand, of an answer of the API (schema ReviewLabels), a line of quality/label_file.h each. Of a pair `output` is the
 * candidate's answer and `expected` the baseline's. */
void cli_review_lines(struct client_answer *a, struct buffer *out);

#endif
