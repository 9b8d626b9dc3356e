/* alert_state.h - the states of an alert (incident/alerting.h says which follows which), as the registry keeps them. */
#ifndef MODEL_ALERT_STATE_H
#define MODEL_ALERT_STATE_H

#include "base/slice.h"

/* STATE(symbol, name) */
#define ALERT_STATE_TABLE(STATE)                                                                                          \
    STATE(INACTIVE, "inactive") STATE(PENDING, "pending") STATE(FIRING, "firing") STATE(ACKNOWLEDGED, "acknowledged")     \
    STATE(RESOLVED, "resolved") STATE(FLAPPING, "flapping") STATE(NODATA, "nodata")
enum alert_state {
#define STATE(symbol, name) ALERT_##symbol,
    ALERT_STATE_TABLE(STATE)
#undef STATE
        ALERT_STATES
};
const char *alert_state_name(enum alert_state s);
bool alert_state_from(struct slice name, enum alert_state *ret);

#define ALERT_BIT(symbol) (1u << ALERT_##symbol)
#define ALERT_ACTIVE (ALERT_BIT(FIRING) | ALERT_BIT(ACKNOWLEDGED) | ALERT_BIT(FLAPPING)) /* something is wrong now */

#endif
