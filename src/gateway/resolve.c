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

static void order_by_weight(struct exchange *x, uint64_t seed) {
    double scores[LIMIT_TARGETS];
    for (unsigned i = 0; i < x->n_order; i++) scores[i] = score(x->order[i], seed);
    for (unsigned i = 1; i < x->n_order; i++) /* insertion sort, largest first */
        for (unsigned j = i; j > 0 && scores[j] > scores[j - 1]; j--) {
            double s = scores[j];
            scores[j] = scores[j - 1];
            scores[j - 1] = s;
            const struct target *t = x->order[j];
            x->order[j] = x->order[j - 1];
            x->order[j - 1] = t;
        }
}

enum fault resolve(struct exchange *x, struct error *error) {
    const struct policy *p = x->binding->policy;
    struct model_route *m = table_get(&p->model_by_name, x->call.model);
    if (!m)
        return error_set(error, FAULT_NO_SUCH_MODEL, "no model `" SLICE_FMT "` is configured; GET /v1/models lists yours",
                         SLICE_ARG(x->call.model));
    if (!policy_allows(x->key->application, m))
        return error_set(error, FAULT_FORBIDDEN, "application `%s` may not use model `%s`", x->key->application->name, m->name);
    x->model = m;
    x->n_order = m->n_targets < LIMIT_TARGETS ? m->n_targets : LIMIT_TARGETS;
    for (unsigned i = 0; i < x->n_order; i++) x->order[i] = &m->targets[i];
    if (m->weighted) {
        struct slice session = x->record.session;
        bool sticky = session.len > 0;
        struct slice draw = sticky ? session : slice_make((const char *)x->record.id.bytes, sizeof x->record.id.bytes);
        order_by_weight(x, digest_fast(draw, sticky ? digest_fast(x->record.application, 0) : 0));
    }
    return FAULT_NONE;
}
