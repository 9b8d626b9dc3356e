/* intervention.c - see intervention.h. */
#include "model/intervention.h"

static const char *const names[] = {
#define KIND(symbol, name, needs, meaning) name,
    INTERVENTION_TABLE(KIND)
#undef KIND
};

const char *intervention_name(enum intervention_kind k) { return names[k]; }

bool intervention_from(struct slice name, enum intervention_kind *ret) {
    for (unsigned i = 0; i < INTERVENTION_KINDS; i++)
        if (slice_is(name, names[i])) {
            *ret = (enum intervention_kind)i;
            return true;
        }
    return false;
}
