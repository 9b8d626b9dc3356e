/* See cause.h. */
#include "incident/cause.h"

static struct slice label(const struct alert_identity *a, struct slice name) {
    for (unsigned i = 0; i < a->n_labels; i++)
        if (slice_eq(a->labels[i].name, name)) return a->labels[i].value;
    return SLICE("");
}

static struct slice named(const struct alert_identity *a, enum signal_by by) { return label(a, slice_of(signal_by_name(by))); }

enum alert_about cause_about(const struct alert_rule *rule, const struct alert_identity *a) {
    enum finding_kind kind;
    if (rule->when.test != ALERT_FINDING) return alert_about_signal(rule->when.signal);
    return finding_kind_from(label(a, SLICE("finding")), &kind) ? alert_about_finding(kind) : ABOUT_ELSE;
}

/* ---- where a model's answers come from ---- */

static bool reaches(const struct model_route *m, struct slice provider, struct slice upstream) {
    for (unsigned i = 0; i < m->n_targets; i++)
        if ((provider.len == 0 || slice_is(provider, m->targets[i].provider->name)) && (upstream.len == 0 || slice_is(upstream, m->targets[i].model)))
            return true;
    return false;
}

static bool may_reach(const struct policy *p, const struct application *a, struct slice provider, struct slice upstream) {
    for (unsigned i = 0; i < p->n_models; i++)
        if ((a == NULL || policy_allows(a, &p->models[i])) && reaches(&p->models[i], provider, upstream)) return true;
    return false;
}

/* Does what the alert names rest on this provider, or on this upstream model of its? */
static bool rests_on(const struct policy *p, const struct alert_identity *effect, struct slice provider, struct slice upstream) {
    struct slice own_provider = named(effect, SIGNAL_BY_PROVIDER), own_upstream = named(effect, SIGNAL_BY_UPSTREAM_MODEL);
    struct slice model = named(effect, SIGNAL_BY_MODEL), application = named(effect, SIGNAL_BY_APPLICATION);
    if (provider.len > 0 && own_provider.len > 0 && !slice_eq(provider, own_provider)) return false;
    if (upstream.len > 0 && own_upstream.len > 0 && !slice_eq(upstream, own_upstream)) return false;
    bool all_named = (provider.len == 0 || own_provider.len > 0) && (upstream.len == 0 || own_upstream.len > 0);
    if (all_named) return true;
    if (p == NULL) return false;
    if (provider.len == 0) provider = own_provider;
    if (upstream.len == 0) upstream = own_upstream;
    const struct model_route *m = model.len > 0 ? table_get(&p->model_by_name, model) : NULL;
    const struct application *a = application.len > 0 ? table_get(&p->application_by_name, application) : NULL;
    if (model.len > 0) return m != NULL && reaches(m, provider, upstream);
    return (application.len == 0 || a != NULL) && may_reach(p, a, provider, upstream);
}

/* A finding is always about something: one whose alert does not say what explains nothing. */
static bool says_nothing(const struct alert_identity *a) {
    bool any = label(a, SLICE("finding")).len == 0;
    for (unsigned i = 0; i < SIGNAL_BYS && !any; i++) any = named(a, (enum signal_by)i).len > 0;
    return !any;
}

bool cause_explains(const struct policy *p, enum alert_about cause_about, const struct alert_identity *cause, enum alert_about effect_about,
                    const struct alert_identity *effect) {
    if (cause_about >= effect_about || effect_about == ABOUT_ELSE || says_nothing(cause)) return false;
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        enum signal_by by = (enum signal_by)i;
        struct slice name = named(cause, by);
        if (name.len == 0 || by == SIGNAL_BY_PROVIDER || by == SIGNAL_BY_UPSTREAM_MODEL) continue;
        if (!slice_eq(name, named(effect, by))) return false;
    }
    struct slice provider = named(cause, SIGNAL_BY_PROVIDER), upstream = named(cause, SIGNAL_BY_UPSTREAM_MODEL);
    return (provider.len == 0 && upstream.len == 0) || rests_on(p, effect, provider, upstream);
}
