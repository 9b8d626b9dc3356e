/* cli_suite_import.h - parts of `suite` that have files of their own. Private to control/. */
#ifndef CONTROL_CLI_SUITE_IMPORT_H
#define CONTROL_CLI_SUITE_IMPORT_H

int cli_suite_import(int argc, char **argv);
int cli_suite_add_case(int argc, char **argv); /* cli_again.c */

#endif
