#include "model/alert_policy.h"

static const char *const severities[] = {"critical", "error", "warning", "info"};

const char *alert_severity_name(enum alert_severity s) { return severities[s]; }

bool alert_severity_from(struct slice name, enum alert_severity *ret) {
    for (unsigned i = 0; i < ALERT_SEVERITIES; i++)
        if (slice_is(name, severities[i])) {
            *ret = (enum alert_severity)i;
            return true;
        }
    return false;
}
