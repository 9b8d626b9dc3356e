/* intervene.c - what was decided about live traffic by the watch or a person (model/intervention.h), where an exchange meets it.
 *
 * What is in force is what the loop holds at that moment, as for prompts: who serves is settled when the body is whole, whether a provider may
 * be asked before each attempt, whether a kept answer may be given when it is found. Every member of a scope that is given must hold. Called
 * only while there are any (gateway_intervenes), so that otherwise an exchange pays one branch. */
#include "gateway/exchange.h"

#include "base/clock.h"

#include <stdio.h>

#define ENDLESS_RETRY_US 30000000LL /* told to clients where nobody knows when it ends */
#define MILLION 1000000

static const struct intervention *of_kind(const struct gateway *g, enum intervention_kind k, unsigned *ret_n) {
    return deployments_of_kind(g->deployments, k, ret_n);
}

/* The model that was asked for, or the one that stands in for it. */
static bool is_about(const struct intervention *i, const struct exchange *x) {
    const struct intervention_spec *s = &i->spec;
    return (s->model.len == 0 || slice_eq(s->model, x->call.model) || (x->model && slice_is(s->model, x->model->name))) &&
           intervention_covers(s->application, slice_of(x->key->application->name)) && intervention_covers(s->prompt, x->record.prompt_name) &&
           intervention_holds(i, x->record.time_us);
}

static int64_t ends_in_us(const struct intervention *i) {
    int64_t in = i->until_us > 0 ? i->until_us - clock_wall_us() : ENDLESS_RETRY_US;
    return in > 0 ? in : 0;
}

/* ---- keys ---- */

static const struct intervention *of_key(const struct gateway *g, enum intervention_kind kind, const struct api_key *key, int64_t wall_us) {
    unsigned n;
    const struct intervention *all = of_kind(g, kind, &n);
    for (unsigned i = 0; i < n; i++)
        if (slice_is(all[i].spec.key, key->name) && intervention_covers(all[i].spec.application, slice_of(key->application->name)) &&
            intervention_holds(&all[i], wall_us))
            return &all[i];
    return NULL;
}

enum fault intervene_key(const struct gateway *g, const struct api_key *key, struct error *error) {
    const struct intervention *i = of_key(g, INTERVENTION_FREEZE, key, clock_wall_us());
    if (!i) return FAULT_NONE;
    return error_set(error, FAULT_KEY_FROZEN, "key `%s` of application `%s` is frozen by action %lld", key->name, key->application->name, (long long)i->number);
}

bool intervene_throttled(struct exchange *x) {
    char text[LIMIT_ERROR_TEXT];
    const struct intervention *i = of_key(x->gateway, INTERVENTION_THROTTLE, x->key, x->record.time_us);
    int64_t wait_us;
    if (!i || throttle_admit(i->throttle, i->spec.per_minute, loop_now_us(x->gateway->loop), &wait_us)) return false;
    x->retry_after_us = wait_us;
    snprintf(text, sizeof text, "key `%s` may send %lld requests a minute by action %lld", x->key->name, (long long)i->spec.per_minute, (long long)i->number);
    exchange_refuse(x, RECORD_REFUSED, FAULT_KEY_THROTTLED, text);
    return true;
}

/* ---- who serves ---- */

/* The drawn share of exchanges that ask the primary as ever while it comes back: a session stays on one side, and those of a smaller
 * share are among those of a larger one. */
static bool is_back(const struct intervention *i, const struct exchange *x) {
    const struct record *r = &x->record;
    struct slice unit = r->session.len > 0 ? r->session : slice_make((const char *)r->id.bytes, sizeof r->id.bytes);
    if (i->share_ppm == 0) return false;
    return digest_fast(unit, digest_fast(r->application, (uint64_t)i->number)) % MILLION < i->share_ppm;
}

void intervene_model(struct exchange *x, struct model_route **m) {
    unsigned n;
    const struct intervention *all = of_kind(x->gateway, INTERVENTION_DEGRADE, &n);
    for (unsigned i = 0; i < n && x->stands_in == 0; i++)
        if (is_about(&all[i], x)) x->stands_in = all[i].number, x->retry_after_us = ends_in_us(&all[i]);
    if (x->stands_in != 0 || x->unheld) return;
    all = of_kind(x->gateway, INTERVENTION_FAIL_OVER, &n);
    for (unsigned i = 0; i < n; i++) {
        const struct model_route *to = is_about(&all[i], x) ? policy_fails_over_to(x->binding->policy, &all[i].spec) : NULL;
        if (!to || is_back(&all[i], x) || !policy_allows(x->key->application, to)) continue;
        *m = (struct model_route *)to;
        return; /* one step, as a hold */
    }
}

unsigned intervene_tier(const struct exchange *x, unsigned lead) {
    const struct tiering *t = x->model->tiering;
    unsigned n;
    const struct intervention *all = of_kind(x->gateway, INTERVENTION_ROUTE_DOWN, &n);
    for (unsigned i = 0; i < n; i++) {
        unsigned most = 0;
        if (!is_about(&all[i], x)) continue;
        for (unsigned k = 0; k < t->n_tiers; k++)
            if (slice_is(all[i].spec.tier, t->tiers[k].name)) most = k;
        if (most < lead) lead = most;
    }
    return lead;
}

/* Who is asked last: `from`, else the provider of the scope, else the first target of the model, or of its tier. */
static bool is_left(const struct intervention_spec *s, const struct exchange *x, const struct target *t) {
    if (s->from.len > 0) return target_is(t, s->from);
    if (s->provider.len > 0) return slice_is(s->provider, t->provider->name) && intervention_covers(s->upstream_model, slice_of(t->model));
    return t == &x->model->targets[x->tier ? x->tier->first : 0];
}

static bool is_preferred(const struct intervention_spec *s, const struct target *t) { return s->to.len > 0 && target_is(t, s->to); }

static bool is_in_order(const struct exchange *x, const struct target *t) {
    for (unsigned i = 0; i < x->n_order; i++)
        if (x->order[i] == t) return true;
    return false;
}

/* A tier's order may lack it. */
static void add_preferred(struct exchange *x, const struct intervention_spec *s) {
    for (unsigned i = 0; i < x->model->n_targets && x->n_order < LIMIT_TARGETS; i++) {
        const struct target *t = &x->model->targets[i];
        if (is_preferred(s, t) && !is_in_order(x, t)) x->order[x->n_order++] = t;
    }
}

/* Each keeps its place among its like. */
static void reorder(struct exchange *x, const struct intervention_spec *s) {
    const struct target *was[LIMIT_TARGETS];
    unsigned at = 0, n = x->n_order;
    memcpy(was, x->order, n * sizeof *was);
    for (unsigned rank = 0; rank < 3; rank++)
        for (unsigned i = 0; i < n; i++) {
            unsigned of = is_left(s, x, was[i]) ? 2 : is_preferred(s, was[i]) ? 0 : 1;
            if (of == rank) x->order[at++] = was[i];
        }
}

void intervene_order(struct exchange *x) {
    unsigned n;
    const struct intervention *all = of_kind(x->gateway, INTERVENTION_FAIL_OVER, &n);
    for (unsigned i = 0; i < n; i++) {
        if (!is_about(&all[i], x) || policy_fails_over_to(x->binding->policy, &all[i].spec) == x->model || is_back(&all[i], x)) continue;
        if (x->model->tiering) add_preferred(x, &all[i].spec);
        reorder(x, &all[i].spec);
    }
}

/* ---- who may be asked ---- */

_Static_assert(INTERVENTION_CLOSE_BREAKER == INTERVENTION_OPEN_BREAKER + 1, "those on breakers are one range");
enum forced_breaker intervene_breaker(const struct exchange *x, const struct target *t, int64_t *ret_opens_in_us) {
    const struct deployments *d = x->gateway->deployments;
    bool any = d->of_kind[INTERVENTION_OPEN_BREAKER] < d->of_kind[INTERVENTION_CLOSE_BREAKER + 1];
    const struct intervention *i = /* now: the exchange may have begun long ago */
        any ? deployments_on_breaker(d, slice_of(t->provider->name), slice_of(t->model), clock_wall_us()) : NULL;
    if (!i) return BREAKER_FREE;
    if (i->spec.kind == INTERVENTION_CLOSE_BREAKER) return BREAKER_FORCED_CLOSED;
    *ret_opens_in_us = ends_in_us(i);
    return BREAKER_FORCED_OPEN;
}

/* ---- what may be given again ---- */

static bool is_model(struct slice given, const struct answer_origin *o) {
    uint64_t hash = answer_name(given);
    return given.len == 0 || hash == o->model || hash == o->served_by;
}

static bool is_prompt(struct slice given, const struct answer_origin *o) { /* NAME, NAME@V */
    struct slice name = given, version = SLICE_NULL;
    if (given.len == 0) return true;
    return slice_cut(given, '@', &name, &version) ? answer_version(name, version) == o->version : answer_name(given) == o->prompt;
}

bool intervene_quarantined(const struct gateway *g, struct slice application, const struct answer_origin *o) {
    unsigned n;
    const struct intervention *all = of_kind(g, INTERVENTION_QUARANTINE, &n);
    int64_t now = n > 0 ? clock_wall_us() : 0;
    char id[RECORD_ID_TEXT];
    for (unsigned i = 0; i < n; i++) {
        const struct intervention_spec *s = &all[i].spec;
        if (!intervention_holds(&all[i], now) || !intervention_covers(s->application, application)) continue;
        if (s->record.len > 0) {
            record_id_format(&o->record, id);
            if (slice_is(s->record, id)) return true;
        } else if (o->asked_us <= all[i].since_us && is_model(s->model, o) && is_prompt(s->prompt, o)) {
            return true;
        }
    }
    return false;
}
