/* cli_change.h - verbs that change versions, for `prompt` and `knowledge`. Private to control/. */
#ifndef CONTROL_CLI_CHANGE_H
#define CONTROL_CLI_CHANGE_H

#include "control/cli_versions.h"

int cli_change_submit(const struct version_noun *n, int argc, char **argv);
int cli_change_approve(const struct version_noun *n, int argc, char **argv);
int cli_change_reject(const struct version_noun *n, int argc, char **argv);
int cli_change_override(const struct version_noun *n, int argc, char **argv);
int cli_change_review_override(const struct version_noun *n, int argc, char **argv);
int cli_change_gate(const struct version_noun *n, int argc, char **argv);
/* A call that was refused (403, 409) is an answer, no: 1; else `code`. */
int cli_change_code(int code, const struct client_answer *a);

#endif
