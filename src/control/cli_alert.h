/* cli_alert.h - parts of `quarterdeck alert`, one file a subject; the table is in cli_alert.c. Private to control/. */
#ifndef CONTROL_CLI_ALERT_H
#define CONTROL_CLI_ALERT_H

int cli_alert_metrics(int argc, char **argv); /* cli_alert_metrics.c */

/* cli_alert_list.c */
int cli_alert_list(int argc, char **argv);
int cli_alert_show(int argc, char **argv);
int cli_alert_ack(int argc, char **argv);
int cli_alert_judge(int argc, char **argv);
int cli_alert_rules(int argc, char **argv);
int cli_alert_silence(int argc, char **argv);
int cli_alert_silences(int argc, char **argv);
int cli_alert_unsilence(int argc, char **argv);
/* cli_alert_notices.c */
int cli_alert_receivers(int argc, char **argv);
int cli_alert_notices(int argc, char **argv);
int cli_alert_test(int argc, char **argv);
/* cli_alert_calibrate.c */
int cli_alert_calibrate(int argc, char **argv);
int cli_alert_replay(int argc, char **argv);
int cli_alert_thresholds(int argc, char **argv);
int cli_alert_accept(int argc, char **argv);
int cli_alert_refuse(int argc, char **argv);

#endif
