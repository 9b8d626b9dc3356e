/* api_parameters.h - how parameters of routes are written down, and those of the watch's routes. Private to control/. */
#ifndef CONTROL_API_PARAMETERS_H
#define CONTROL_API_PARAMETERS_H

#include "control/api.h"

#define END {NULL}
#define TEXT_QUERY(n, h) {.name = n, .place = API_QUERY, .type = API_TEXT, .help = h}
#define TIME_QUERY(n, f, h) {.name = n, .place = API_QUERY, .type = API_TIME, .fallback = f, .help = h}
#define REASON(where) {.name = "reason", .place = where, .type = API_TEXT, .high = LIMIT_ERROR_TEXT, .help = "why; kept in the audit log"}

extern const struct api_parameter api_parameters_events[], api_parameters_alerts[], api_parameters_alert_number[], api_parameters_alert_acknowledge[], api_parameters_alert_judge[],
    api_parameters_silences[], api_parameters_silence_add[], api_parameters_silence_end[], api_parameters_action_list[],
    api_parameters_action_one[], api_parameters_action_take[], api_parameters_action_undo[], api_parameters_receiver_test[],
    api_parameters_notices[], api_parameters_rule_calibrate[], api_parameters_rule_replay[], api_parameters_thresholds[],
    api_parameters_threshold_decide_it[], api_parameters_oncall_now[], api_parameters_oncall_show[], api_parameters_oncall_override_new[],
    api_parameters_oncall_remove[], api_parameters_latency[], api_parameters_totals[], api_parameters_series[], api_parameters_hours[],
    api_parameters_timeline[], api_parameters_overview[];
/* api_parameters_settings.c */
extern const struct api_parameter api_parameters_configuration_set[], api_parameters_reload[], api_parameters_audit_list[], api_parameters_audit_verify[],
    api_parameters_audit_export[];

#endif
