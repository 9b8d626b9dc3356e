/* `quarterdeck alert`: the table of its parts. */
#include "control/cli_alert.h"

#include "control/cli_verbs.h"

const struct cli_verb cli_alert_parts[] = {
    {"receivers", "alert receivers [options]", "who is told, by which rules, and whether they take it; exit 1 when one does not", cli_alert_receivers},
    {"notices", "alert notices [options]", "what receivers were told, newest first; exit 1 when one was given up or is tried again", cli_alert_notices},
    {"test", "alert test RECEIVER [options]", "sends it a notice and says what came back; exit 1 when it was not taken", cli_alert_test},
    {"metrics", "alert metrics [WORD] [--json]", "what rules can watch, or what of it has this in its name; exit 1 when nothing has. No server is needed", cli_alert_metrics},
    {"calibrate", "alert calibrate RULE|--all [options]", "proposes a threshold from the rule's own history; exit 1 when there is too little of it", cli_alert_calibrate},
    {"replay", "alert replay RULE [options]", "what the rule would have done on past data, as it is or with another threshold", cli_alert_replay},
    {"thresholds", "alert thresholds [options]", "learned thresholds and what they rest on; exit 1 when one waits for a person", cli_alert_thresholds},
    {"accept", "alert accept NUMBER [options]", "puts a proposed threshold in force", cli_alert_accept},
    {"refuse", "alert refuse NUMBER [options]", "the rule stays as it is", cli_alert_refuse},
    {NULL, NULL, NULL, NULL},
};

int cli_alert(int argc, char **argv) { return cli_dispatch("alert", cli_alert_parts, argc, argv); }
