/* cli_cost_file.h - the parts of `cost` that read a file of the operator's. Private to control/. */
#ifndef CONTROL_CLI_COST_FILE_H
#define CONTROL_CLI_COST_FILE_H

int cli_cost_count(int argc, char **argv);
int cli_cost_reconcile(int argc, char **argv);

#endif
