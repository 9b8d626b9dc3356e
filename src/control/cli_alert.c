/* `quarterdeck alert`: the table of its parts. */
#include "control/cli_alert.h"

#include "control/cli_verbs.h"

const struct cli_verb cli_alert_parts[] = {
    {"list", "alert list [options]", "what is wrong now; exit 1 when something fires", cli_alert_list},
    {"show", "alert show NUMBER [options]", "what, since when, of how much, what changed before, what to type; exit 1 while it fires", cli_alert_show},
    {"ack", "alert ack NUMBER --why TEXT [options]", "you have it: nobody else is called", cli_alert_ack},
    {"judge", "alert judge NUMBER acted|ignored|noise --why TEXT [options]", "what its last firing came to", cli_alert_judge},
    {"rules", "alert rules [options]", "how rules stand, by which thresholds, how precise they were; exit 1 when one cannot be judged", cli_alert_rules},
    {"silence", "alert silence MATCHER... --for TIME --why TEXT [options]", "tells nobody of alerts that fit, for a time", cli_alert_silence},
    {"silences", "alert silences [options]", "what is silenced, until when, and why", cli_alert_silences},
    {"unsilence", "alert unsilence NUMBER --why TEXT [options]", "ends a silence before its time", cli_alert_unsilence},
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
