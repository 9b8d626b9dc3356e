/* A request type of a model with tiers, moved down to the cheapest: the money by its prices, the quality by the downgrade test
 * that is kept. */
#include "base/clock.h"
#include "cost/downgrade_read.h"
#include "cost/review_private.h"

#include <math.h>

static bool read_test(struct review_build *b, const struct model_route *m, struct downgrade_read *ret) {
    struct registry_tiering state;
    struct error error;
    return b->registry != NULL && registry_tiering_find(b->registry, slice_of(m->name), b->arena, &state, &error) == FAULT_NONE &&
           downgrade_read(&state, m, b->arena, ret);
}

static struct slice measured(struct review_build *b, const struct downgrade_read *d) {
    char at[CLOCK_TEXT];
    clock_format(d->at_us, at);
    if (isnan(d->change)) return arena_printf(b->arena, "The downgrade test of %.10s scored nothing", at);
    return arena_printf(b->arena,
                        "Measured on %.10s over all request types: the mean score changes by %+.4f (%+.4f to %+.4f, 95 %%, %lld pairs), %s",
                        at, d->change, d->low, d->high, (long long)d->scored,
                        d->answer == DOWNGRADE_WITHIN ? "surely within the loss allowed"
                                                      : "and whether that is within the loss allowed cannot be told yet");
}

/* A rule of its own for this request type, or the command that measures first. */
static struct slice act_of(struct review_build *b, const struct model_route *m, const struct review_action *a, bool known_good) {
    if (!known_good) return arena_printf(b->arena, "quarterdeck model downgrade-test %s --judge MODEL", m->name);
    if (slice_is_null(a->request_type)) return arena_printf(b->arena, "quarterdeck model route-train %s", m->name);
    return arena_printf(b->arena, "models: {%s: {rules: [{when: {request_type: " SLICE_FMT "}, tier: %s}]}}", m->name,
                        SLICE_ARG(a->request_type), m->tiering->tiers[0].name);
}

void review_find_tier(struct review_build *b, const struct review_row *row, const struct model_route *m) {
    const struct tier *tier = &m->tiering->tiers[0];
    const struct target *now = review_target_of(b, row), *t = &m->targets[tier->first];
    struct downgrade_read d = {.answer = DOWNGRADE_NOT_ENOUGH};
    double own = (double)row->sums.cost_nano, cost = t->price != NULL ? review_cost_at(t->price, &row->sums, b->out->to_us) : NAN;
    if (now == NULL || now < t + tier->n || !(cost < own)) return; /* unknown, or the cheapest tier's already */
    bool known = read_test(b, m, &d);
    if (known && d.answer == DOWNGRADE_WORSE) return; /* measured: it is not good enough */
    if (!review_is_worth(b, review_monthly(b, own - cost))) return;
    struct review_action *a = review_add(b, REVIEW_CHEAPER_TARGET, row, review_monthly(b, own - cost), review_monthly(b, own));
    struct slice quality = known ? measured(b, &d) : SLICE("Whether its answers are good enough was not measured");
    a->why = arena_printf(b->arena,
                          "%lld requests cost %.6f USD; their own tokens cost %.6f at %s/%s, the cheapest tier `%s`, as the present "
                          "target counts them and with cached input priced as cached. " SLICE_FMT,
                          (long long)review_paid(&row->sums), own / (double)MONEY_USD, cost / (double)MONEY_USD, t->provider->name,
                          t->model, tier->name, SLICE_ARG(quality));
    a->act = act_of(b, m, a, known && d.answer == DOWNGRADE_WITHIN);
    review_fact(a, "requests", (double)review_paid(&row->sums));
    review_fact(a, "cost_usd", own / (double)MONEY_USD);
    review_fact(a, "cost_there_usd", cost / (double)MONEY_USD);
    if (!known || isnan(d.change)) return;
    review_fact(a, "score_change", d.change);
    review_fact(a, "score_change_low", d.low);
    review_fact(a, "score_change_high", d.high);
    review_fact(a, "scored_pairs", (double)d.scored);
}
