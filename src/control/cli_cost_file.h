/* cli_cost_file.h - the parts of `cost` that read a file of the operator's. Private to control/. */
#ifndef CONTROL_CLI_COST_FILE_H
#define CONTROL_CLI_COST_FILE_H

#include "base/buffer.h"

#define COST_FILE_MOST (256u << 20) /* a month of usage of one organisation by key and hour is some 50 MB */

/* A whole file; "-" is the standard input. False after having said why. */
bool cli_load_file(const char *path, struct buffer *out);
int cli_cost_count(int argc, char **argv);
int cli_cost_reconcile(int argc, char **argv);

#endif
