/* cli_route.h - the parts of `model` about routing by difficulty, and `record score`. Private to control/. */
#ifndef CONTROL_CLI_ROUTE_H
#define CONTROL_CLI_ROUTE_H

#include "control/cli_verbs.h"

int cli_route_show(int argc, char **argv);
int cli_route_train(int argc, char **argv);
int cli_route_on(int argc, char **argv);
int cli_route_off(int argc, char **argv);
int cli_downgrade(int argc, char **argv); /* cli_downgrade.c */
int cli_score(int argc, char **argv); /* cli_score.c */
int cli_scores(int argc, char **argv);
int cli_again(int argc, char **argv); /* cli_again.c */

/* "/api/v1/models/MODEL" and `rest`; the buffer is to be released. */
void cli_route_path(struct buffer *path, const char *model, const char *rest);

#endif
