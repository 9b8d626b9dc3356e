/* cli_cost_watch.h - the parts of `cost` that look for something. Private to control/. */
#ifndef CONTROL_CLI_COST_WATCH_H
#define CONTROL_CLI_COST_WATCH_H

int cli_cost_anomalies(int argc, char **argv);
int cli_cost_review(int argc, char **argv);
int cli_cost_findings(int argc, char **argv); /* cli_findings.c */
int cli_cost_dismiss(int argc, char **argv);

#endif
