/* cli_report.h - the parts of `record` that sum up. Private to control/. */
#ifndef CONTROL_CLI_REPORT_H
#define CONTROL_CLI_REPORT_H

int cli_latency(int argc, char **argv);
int cli_totals(int argc, char **argv);

#endif
