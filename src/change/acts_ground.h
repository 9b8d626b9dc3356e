/* acts_ground.h - what the acts on rollouts and on what serves share: what they stand on, and how they commit. Private to change/. */
#ifndef CHANGE_ACTS_GROUND_H
#define CHANGE_ACTS_GROUND_H

#include "change/acts.h"

struct ground {
    struct change_subject subject;
    struct rollout_row last;     /* the newest rollout; number 0: there was none */
};
/* FAULT_CONFLICT when the caller has seen another revision. */
enum fault ground_find(const struct act *a, struct ground *ret, struct error *error) MUST_CHECK;
bool ground_under_way(const struct ground *g);
/* "anna at 2026-11-21 18:00:01 UTC: rolled back to 2" of the subject's last change; "nobody" where there was none. */
struct slice ground_last(const struct act *a, const struct change_subject *s);
struct slice ground_when(const struct act *a, int64_t wall_us);
struct slice ground_weight(const struct act *a, uint32_t ppm);
/* Begins a change: what it is about, the revision it stands on, its audit entry. `version` 0: of the subject. */
struct change ground_change(const struct act *a, const struct ground *g, const char *action, struct slice how, struct slice evidence);
void ground_move(struct change *c, int64_t version, enum version_state from, enum version_state to);
enum fault ground_commit(const struct act *a, struct change *c, int64_t version, struct act_outcome *ret, struct error *error) MUST_CHECK;
enum fault ground_version(const struct act *a, int64_t version, struct change_version *ret, struct error *error) MUST_CHECK;
/* May it be tried on traffic, or serve? `beside`: beside what serves. FAULT_CONFLICT: its gate was about something else, or no request can be
 * right for both; *ret_warning: ". It ..." of clients that will be refused, or "". */
enum fault ground_ready(const struct act *a, const struct ground *g, const struct change_version *v, bool beside, struct slice *ret_warning,
                        struct error *error) MUST_CHECK;

#endif
