#include "model/alert_state.h"

static const char *const names[] = {
#define STATE(symbol, name) name,
    ALERT_STATE_TABLE(STATE)
#undef STATE
};

const char *alert_state_name(enum alert_state s) { return names[s]; }

bool alert_state_from(struct slice name, enum alert_state *ret) {
    for (unsigned i = 0; i < ALERT_STATES; i++)
        if (slice_is(name, names[i])) {
            *ret = (enum alert_state)i;
            return true;
        }
    return false;
}
