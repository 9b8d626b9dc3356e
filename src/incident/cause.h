/* cause.h - which alert explains which: the order of causes that mutes by itself (docs/watch.md), so that one outage is told once. Pure.
 *
 *   provider  >  errors  >  latency  >  money          enum alert_about; what is about anything else neither mutes nor is muted
 *
 * A cause that fires mutes an alert further down when all that the cause names, the alert names alike: the model, the application, the request
 * type. So a cause without names explains everything (but an alert of a finding, which is always about something), and none explains what it names nothing of. A provider (or its upstream model) is alike
 * where the alert names it, or a model with a target there, or an application that may use such a model, or neither of these. Labels that a
 * rule gives by itself do not matter.
 *
 * Never muted: answers that are worse, rollouts, a budget that refuses or is used up, Quarterdeck itself: each needs a remedy of its own. */
#ifndef INCIDENT_CAUSE_H
#define INCIDENT_CAUSE_H

#include "incident/alerting.h"
#include "model/policy.h"

/* What an alert is about: by its rule's signal, or by its label "finding" (the kind's name) where the rule is about findings. */
enum alert_about cause_about(const struct alert_rule *rule, const struct alert_identity *a);
/* Is `effect` muted by `cause`, which fires? `p`: whose models have targets where; NULL: a provider explains only what names it. */
bool cause_explains(const struct policy *p, enum alert_about cause_about, const struct alert_identity *cause, enum alert_about effect_about,
                    const struct alert_identity *effect);

#endif
