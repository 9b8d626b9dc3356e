/* cli_suite_import.h - the part of `suite` that reads other tools' evaluations. Private to control/. */
#ifndef CONTROL_CLI_SUITE_IMPORT_H
#define CONTROL_CLI_SUITE_IMPORT_H

int cli_suite_import(int argc, char **argv);

#endif
