/* intervention.c - see intervention.h. */
#include "model/intervention.h"

#include "model/signal.h"

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

static const char *const member_names[] = {
#define TEXT(field) #field,
    INTERVENTION_SCOPE(TEXT)
#undef TEXT
};

const char *intervention_member_name(enum intervention_member m) { return member_names[m]; }

struct slice *intervention_member(struct intervention_spec *s, enum intervention_member m) {
    struct slice *const members[] = {
#define TEXT(field) &s->field,
        INTERVENTION_SCOPE(TEXT)
#undef TEXT
    };
    return members[m];
}

#define OF(field) (1u << INTERVENTION_MEMBER_##field)
static const struct {
    unsigned needs, may;
} scopes[] = {
    [INTERVENTION_ROLL_BACK] = {OF(prompt), OF(to)},
    [INTERVENTION_ABORT] = {OF(prompt), 0},
    [INTERVENTION_FAIL_OVER] = {OF(model), OF(from) | OF(to)},
    [INTERVENTION_OPEN_BREAKER] = {OF(provider), OF(upstream_model)},
    [INTERVENTION_CLOSE_BREAKER] = {OF(provider), OF(upstream_model)},
    [INTERVENTION_THROTTLE] = {OF(application) | OF(key), 0},
    [INTERVENTION_FREEZE] = {OF(application) | OF(key), 0},
    [INTERVENTION_ROUTE_DOWN] = {OF(model), OF(tier)},
    [INTERVENTION_DEGRADE] = {OF(model), 0},
    [INTERVENTION_QUARANTINE] = {OF(application), OF(model) | OF(prompt) | OF(record)},
    [INTERVENTION_PAUSE_BATCH] = {OF(application), OF(batch)},
};

bool intervention_knows(enum intervention_kind k, enum intervention_member m) { return (scopes[k].needs | scopes[k].may) >> m & 1; }
bool intervention_needs(enum intervention_kind k, enum intervention_member m) { return scopes[k].needs >> m & 1; }

void intervention_fill(struct intervention_spec *s, const struct signal_series *from) {
    static const struct {
        enum intervention_member member;
        enum signal_by by;
    } same[] = {
        {INTERVENTION_MEMBER_application, SIGNAL_BY_APPLICATION},       {INTERVENTION_MEMBER_model, SIGNAL_BY_MODEL},
        {INTERVENTION_MEMBER_provider, SIGNAL_BY_PROVIDER},             {INTERVENTION_MEMBER_upstream_model, SIGNAL_BY_UPSTREAM_MODEL},
        {INTERVENTION_MEMBER_prompt, SIGNAL_BY_PROMPT},
    };
    for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
        struct slice *member = intervention_member(s, same[i].member), told = from->is[same[i].by], rest;
        bool tells = (from->by >> same[i].by & 1) && told.len > 0 && !slice_is(told, "(other)");
        if (!tells || member->len > 0 || !intervention_knows(s->kind, same[i].member)) continue;
        if (same[i].member == INTERVENTION_MEMBER_prompt) (void)slice_cut(told, '@', &told, &rest);
        *member = told;
    }
}
