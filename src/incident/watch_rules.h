/* watch_rules.h - the watcher of rules: which cry wolf, and whose calibrated threshold rests on what is not usual any more. Once a day.
 *
 * It proposes; nothing is changed by itself. A shift is looked for since the threshold was made, in daily medians of the rule's signal
 * (stats/shift.h, at most one false alarm in 365 days a rule); of a rule whose threshold is not in force there is none. */
#ifndef INCIDENT_WATCH_RULES_H
#define INCIDENT_WATCH_RULES_H

#include "incident/history.h"
#include "model/alert_policy.h"
#include "store/findings.h"

#define WATCH_RULES_SHIFTS 50 /* rules whose history is read in one look: those calibrated longest ago */
struct watch_rules {
    struct registry *registry;
    const struct history *history;
    const struct alert_policy *policy;
    bool (*stopping)(void *ctx);                        /* asked between two rules */
    void (*opened)(void *ctx, const struct finding *f);
    void *ctx;
};
/* FAULT_SHUTTING_DOWN: it was stopped on its way, and nothing was changed. */
enum fault watch_rules(const struct watch_rules *w, int64_t now_us, struct error *error) MUST_CHECK;

#endif
