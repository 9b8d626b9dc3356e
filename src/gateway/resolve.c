#include "gateway/exchange.h"

#include "base/digest.h"

#include <math.h>

/* Weighted rendezvous hashing (Schindelhauer and Schomaker, 2005): the target with the largest -w/ln(u), u drawn
 * from the hash of session and target, is first in proportion to its weight, always the same for one
 * session, and removing a target moves only its own sessions. */
static double score(const struct target *t, uint64_t seed) {
    uint64_t h = digest_fast(slice_of(t->health_key), seed);
    double u = ((double)(h >> 11) + 0.5) / 9007199254740992.0;
    return -(double)t->weight / log(u);
}

/* Those behind `from`. */
static void order_by_weight(struct exchange *x, unsigned from, uint64_t seed) {
    double scores[LIMIT_TARGETS];
    for (unsigned i = from; i < x->n_order; i++) scores[i] = score(x->order[i], seed);
    for (unsigned i = from + 1; i < x->n_order; i++) /* insertion sort, largest first */
        for (unsigned j = i; j > from && scores[j] > scores[j - 1]; j--) {
            double s = scores[j];
            scores[j] = scores[j - 1];
            scores[j - 1] = s;
            const struct target *t = x->order[j];
            x->order[j] = x->order[j - 1];
            x->order[j - 1] = t;
        }
}

static void add_targets(struct exchange *x, const struct target *targets, unsigned n, bool weighted) {
    unsigned from = x->n_order;
    for (unsigned i = 0; i < n && x->n_order < LIMIT_TARGETS; i++) x->order[x->n_order++] = &targets[i];
    if (!weighted) return;
    struct slice session = x->record.session;
    bool sticky = session.len > 0;
    struct slice draw = sticky ? session : slice_make((const char *)x->record.id.bytes, sizeof x->record.id.bytes);
    order_by_weight(x, from, digest_fast(draw, sticky ? digest_fast(x->record.application, 0) : 0));
}

static void add_tier(struct exchange *x, unsigned i) {
    const struct tier *t = &x->model->tiering->tiers[i];
    add_targets(x, &x->model->targets[t->first], t->n, t->weighted);
}

/* The chosen tier, then the more capable ones; in shadow the most capable one alone. */
static void order_tiers(struct exchange *x) {
    const struct tiering *t = x->model->tiering;
    struct record *r = &x->record;
    struct difficulty d;
    difficulty_read(&x->call, &d);
    struct tier_choice choice = tiers_choose(t, &d, r->request_type, r->feature);
    unsigned lead = t->on ? choice.tier : t->n_tiers - 1, down = gateway_intervenes(x->gateway) ? intervene_tier(x, lead) : lead;
    r->difficulty_ppm = choice.difficulty_ppm;
    r->tier_applied = t->on || down != lead;
    if (down != lead) lead = choice.tier = down;
    r->tier = slice_of(t->tiers[choice.tier].name);
    x->tier = &t->tiers[lead];
    for (unsigned i = lead; i < t->n_tiers; i++) add_tier(x, i);
    for (unsigned i = lead; t->fall_back_any && i-- > 0;) add_tier(x, i);
    metric_add(metric_cell(x->gateway->metrics, METRIC_TIERS,
                           (const char *[METRIC_LABELS]){x->model->name, t->tiers[choice.tier].name, r->tier_applied ? "yes" : "no"}),
               1);
}

void resolve_any_tier(struct exchange *x) {
    if (!x->model->tiering) return;
    x->n_order = 0;
    for (unsigned i = x->model->tiering->n_tiers; i-- > 0;) add_tier(x, i);
}

/* Who answers in the stead of a model whose new version waits for a person (model/deployment.h): its targets, times, tiers and prices are used;
 * the record's model stays what was asked for. One step only: a model that holds for another is not held itself. */
static enum fault follow_hold(struct exchange *x, struct model_route **m, struct error *error) {
    const struct deployments *d = x->gateway->deployments;
    if (x->unheld && slice_is(x->record.feature, "eval")) return FAULT_NONE; /* its judges ask what serves */
    for (unsigned i = 0; d != NULL && i < d->n_held; i++) {
        if (!slice_is(d->held[i].model, (*m)->name)) continue;
        struct model_route *to = table_get(&x->binding->policy->model_by_name, d->held[i].to);
        if (!to)
            return error_set(error, FAULT_NO_SUCH_MODEL, "model `%s` is held to `" SLICE_FMT "`, which is not configured; `quarterdeck model changes` lists what is held",
                             (*m)->name, SLICE_ARG(d->held[i].to));
        if (!policy_allows(x->key->application, to))
            return error_set(error, FAULT_FORBIDDEN, "model `%s` is held to `%s`, which application `%s` may not use", (*m)->name, to->name, x->key->application->name);
        *m = to;
        return FAULT_NONE;
    }
    return FAULT_NONE;
}

enum fault resolve(struct exchange *x, struct error *error) {
    const struct policy *p = x->binding->policy;
    struct model_route *m = table_get(&p->model_by_name, x->call.model);
    if (!m && x->record.prompt_name.len > 0) { /* a version may pin its target */
        const struct target *pinned = policy_pinned(p, x->key->application, x->call.model, &x->model);
        if (pinned) {
            x->n_order = 0;
            add_targets(x, pinned, 1, false);
            return FAULT_NONE;
        }
    }
    if (!m)
        return error_set(error, FAULT_NO_SUCH_MODEL, "no model `" SLICE_FMT "` is configured; GET /v1/models lists yours",
                         SLICE_ARG(x->call.model));
    if (!policy_allows(x->key->application, m))
        return error_set(error, FAULT_FORBIDDEN, "application `%s` may not use model `%s`", x->key->application->name, m->name);
    struct model_route *asked = m;
    if (gateway_intervenes(x->gateway)) intervene_model(x, &m);
    enum fault fault = m == asked && x->stands_in == 0 ? follow_hold(x, &m, error) : FAULT_NONE;
    if (fault != FAULT_NONE) return fault;
    x->model = m;
    x->n_order = 0;
    if (m->tiering) order_tiers(x);
    else add_targets(x, m->targets, m->n_targets, m->weighted);
    if (gateway_intervenes(x->gateway)) intervene_order(x);
    return FAULT_NONE;
}
