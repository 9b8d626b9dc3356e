#include "model/finding.h"

static const struct {
    const char *domain, *name, *meaning;
} kinds[] = {
#define KIND(symbol, domain, name, meaning) {domain, name, meaning},
    FINDING_KIND_TABLE(KIND)
#undef KIND
};

static const char *const states[] = {
#define STATE(symbol, name) name,
    FINDING_STATE_TABLE(STATE)
#undef STATE
};

const char *finding_kind_name(enum finding_kind k) {
    return kinds[k].name;
}

const char *finding_kind_domain(enum finding_kind k) {
    return kinds[k].domain;
}

const char *finding_kind_meaning(enum finding_kind k) {
    return kinds[k].meaning;
}

bool finding_kind_from(struct slice name, enum finding_kind *ret) {
    for (unsigned i = 0; i < FINDING_KINDS; i++)
        if (slice_is(name, kinds[i].name)) {
            *ret = (enum finding_kind)i;
            return true;
        }
    return false;
}

const char *finding_state_name(enum finding_state s) {
    return states[s];
}

bool finding_state_from(struct slice name, enum finding_state *ret) {
    for (unsigned i = 0; i < FINDING_STATES; i++)
        if (slice_is(name, states[i])) {
            *ret = (enum finding_state)i;
            return true;
        }
    return false;
}
