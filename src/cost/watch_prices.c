/* Models that were used and whose cost nobody knows; and such that would have been, where an application blocks them. */
#include "cost/watch_private.h"
#include "store/ledger_spend.h"

#define HOUR_US 3600000000LL

static const struct target *target_of(const struct policy *p, struct slice provider, struct slice model) {
    for (unsigned m = 0; m < p->n_models; m++)
        for (unsigned t = 0; t < p->models[m].n_targets; t++) {
            const struct target *target = &p->models[m].targets[t];
            if (slice_is(provider, target->provider->name) && slice_is(model, target->model)) return target;
        }
    return NULL;
}

static struct slice evidence_of(struct watch_look *l, const struct spend_group *g, enum finding_kind kind,
                                int64_t from_us) {
    struct json_writer *w = watch_json(l);
    json_object(w);
    json_member_string(w, "provider", g->names[SPEND_BY_PROVIDER]);
    json_member_string(w, "model", g->names[SPEND_BY_TARGET_MODEL]);
    watch_put_time(w, "from", from_us);
    watch_put_time(w, "to", l->now_us);
    json_member_i64(w, "statistic", (int64_t)g->sums.unpriced);
    json_member_text(w, "statistic_is", "requests whose cost is unknown");
    json_member_i64(w, "n", (int64_t)g->sums.requests);
    json_member_text(w, "n_is", "requests that it answered");
    json_member_i64(w, "input_tokens", g->sums.unpriced_input);
    json_member_i64(w, "output_tokens", g->sums.unpriced_output);
    json_member_i64(w, "threshold", 1);
    json_member_text(w, "threshold_from", "any request");
    json_member_i64(w, "false_alarm_rate", 0);
    json_member_text(
        w, "would_change_it",
        kind == FINDING_UNKNOWN_PRICE
            ? "a price: an entry in one of prices.files, or the provider's prices_as; then reload"
            : "token counts in the provider's answers");
    json_object_end(w);
    return watch_take(l);
}

static struct slice title_of(struct watch_look *l, const struct spend_group *g, enum finding_kind kind) {
    struct buffer *t = watch_text(l);
    buffer_printf(t, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(g->names[SPEND_BY_PROVIDER]),
                  SLICE_ARG(g->names[SPEND_BY_TARGET_MODEL]));
    buffer_printf(t, kind == FINDING_UNKNOWN_PRICE ? " has no known price"
                                                   : " gives no token counts that its price needs");
    buffer_printf(t, ": %llu request%s of " SLICE_FMT " in %d days", (unsigned long long)g->sums.unpriced,
                  g->sums.unpriced == 1 ? "" : "s", SLICE_ARG(g->names[SPEND_BY_APPLICATION]),
                  WATCH_PRICE_DAYS);
    if (kind == FINDING_UNKNOWN_PRICE)
        buffer_printf(t, " (%lld input, %lld output tokens)", (long long)g->sums.unpriced_input,
                      (long long)g->sums.unpriced_output);
    buffer_append(t, SLICE(", in no budget and no sum"));
    return watch_take(l);
}

static struct slice command_of(struct watch_look *l, const struct spend_group *g, enum finding_kind kind) {
    struct buffer name, *t;
    buffer_init(&name, 4 * LIMIT_LABEL + 2);
    buffer_printf(&name, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(g->names[SPEND_BY_PROVIDER]),
                  SLICE_ARG(g->names[SPEND_BY_TARGET_MODEL]));
    t = watch_text(l);
    if (kind == FINDING_UNKNOWN_PRICE) {
        buffer_append(t, SLICE("quarterdeck model price"));
        watch_print_option(t, "", buffer_slice(&name));
    } else {
        buffer_append(t, SLICE("quarterdeck record list"));
        watch_print_option(t, "--application", g->names[SPEND_BY_APPLICATION]);
        watch_print_option(t, "--provider", g->names[SPEND_BY_PROVIDER]);
    }
    buffer_deinit(&name);
    return watch_take(l);
}

struct prices {
    struct watch_look *look;
    int64_t from_us;
};

static const struct application *application_of(const struct policy *p, struct slice name) {
    for (unsigned i = 0; i < p->n_applications; i++)
        if (slice_is(name, p->applications[i].name)) return &p->applications[i];
    return NULL;
}

static struct slice key_of(struct watch_look *l, enum finding_kind kind, struct slice application, struct slice provider,
                           struct slice model, struct slice asked_for) {
    struct json_writer *w = watch_json(l);
    json_array(w);
    json_put_text(w, finding_kind_name(kind));
    json_put_string(w, application);
    json_put_string(w, provider);
    json_put_string(w, model);
    if (!slice_is_null(asked_for)) json_put_string(w, asked_for);
    json_array_end(w);
    return watch_take(l);
}

static bool look_at(void *ctx, const struct spend_group *g) {
    struct prices *p = ctx;
    struct watch_look *l = p->look;
    if (g->sums.unpriced == 0 || slice_is_null(g->names[SPEND_BY_TARGET_MODEL])) return true;
    const struct target *t =
        target_of(l->policy, g->names[SPEND_BY_PROVIDER], g->names[SPEND_BY_TARGET_MODEL]);
    bool counted = g->sums.unpriced_input > 0 || g->sums.unpriced_output > 0;
    if (t == NULL || (t->price != NULL && counted))
        return true; /* it is gone, or was given its price meanwhile */
    enum finding_kind kind = t->price == NULL ? FINDING_UNKNOWN_PRICE : FINDING_USAGE_MISSING;
    struct finding f = {.kind = kind, .application = arena_slice(&l->arena, g->names[SPEND_BY_APPLICATION])};
    const struct application *a = application_of(l->policy, f.application);
    if (kind == FINDING_UNKNOWN_PRICE && a != NULL && a->block_unknown_price) return true; /* look_at_blocked tells it */
    f.key = key_of(l, kind, f.application, g->names[SPEND_BY_PROVIDER], g->names[SPEND_BY_TARGET_MODEL], SLICE_NULL);
    f.title = title_of(l, g, kind);
    f.evidence = evidence_of(l, g, kind, p->from_us);
    f.command = command_of(l, g, kind);
    watch_saw(l, &f);
    return true;
}

/* ---- what `unknown_price: block` keeps from being used ---- */

static void saw_blocked(struct prices *p, const struct spend_group *g, const struct target *t) {
    struct watch_look *l = p->look;
    struct spend_group asked = *g; /* the target that would have answered */
    struct buffer *text = watch_text(l);
    struct finding f = {.kind = FINDING_UNKNOWN_PRICE, .application = arena_slice(&l->arena, g->names[SPEND_BY_APPLICATION])};
    asked.names[SPEND_BY_PROVIDER] = slice_of(t->provider->name);
    asked.names[SPEND_BY_TARGET_MODEL] = slice_of(t->model);
    buffer_printf(text, "%s/%s has no known price, and unknown_price is block: " SLICE_FMT " asked %llu time%s for " SLICE_FMT " in %d days, "
                  "and it never answers", t->provider->name, t->model, SLICE_ARG(f.application), (unsigned long long)g->sums.requests,
                  g->sums.requests == 1 ? "" : "s", SLICE_ARG(g->names[SPEND_BY_MODEL]), WATCH_PRICE_DAYS);
    f.title = watch_take(l);
    struct json_writer *w = watch_json(l);
    json_object(w);
    json_member_text(w, "provider", t->provider->name);
    json_member_text(w, "model", t->model);
    json_member_string(w, "asked_for", g->names[SPEND_BY_MODEL]);
    watch_put_time(w, "from", p->from_us);
    watch_put_time(w, "to", l->now_us);
    json_member_i64(w, "statistic", (int64_t)g->sums.requests);
    json_member_text(w, "statistic_is", "requests for a model of which this is a target");
    json_member_i64(w, "n", (int64_t)g->sums.requests);
    json_member_i64(w, "refused", (int64_t)g->sums.by_status[RECORD_REFUSED]);
    json_member_i64(w, "threshold", 1);
    json_member_text(w, "threshold_from", "any request");
    json_member_i64(w, "false_alarm_rate", 0);
    json_member_text(w, "would_change_it", "a price: an entry in one of prices.files, or the provider's prices_as; then reload");
    json_object_end(w);
    f.evidence = watch_take(l);
    f.key = key_of(l, f.kind, f.application, asked.names[SPEND_BY_PROVIDER], asked.names[SPEND_BY_TARGET_MODEL],
                   g->names[SPEND_BY_MODEL]);
    f.command = command_of(l, &asked, f.kind);
    watch_saw(l, &f);
}

static bool is_seen_before(const struct model_route *m, unsigned t) {
    for (unsigned i = 0; i < t; i++)
        if (m->targets[i].provider == m->targets[t].provider && strcmp(m->targets[i].model, m->targets[t].model) == 0) return true;
    return false;
}

static bool look_at_blocked(void *ctx, const struct spend_group *g) {
    struct prices *p = ctx;
    const struct policy *policy = p->look->policy;
    const struct application *a = application_of(policy, g->names[SPEND_BY_APPLICATION]);
    if (a == NULL || !a->block_unknown_price || slice_is_null(g->names[SPEND_BY_MODEL])) return true;
    for (unsigned m = 0; m < policy->n_models; m++) {
        const struct model_route *route = &policy->models[m];
        if (!slice_is(g->names[SPEND_BY_MODEL], route->name)) continue;
        for (unsigned t = 0; t < route->n_targets; t++)
            if (route->targets[t].price == NULL && !is_seen_before(route, t)) saw_blocked(p, g, &route->targets[t]);
    }
    return true;
}

enum fault watch_prices(const struct watch *w, int64_t now_us, struct error *error) {
    struct watch_look l;
    int64_t from_us = now_us - now_us % HOUR_US - WATCH_PRICE_DAYS * 24 * HOUR_US;
    struct spend_query q = {.from_us = from_us,
                            .to_us = now_us + HOUR_US, /* a clock that was ahead has left some there */
                            .by = SPEND_BIT(APPLICATION) | SPEND_BIT(PROVIDER) | SPEND_BIT(TARGET_MODEL)};
    q.to_us -= q.to_us % HOUR_US; /* whole hours: sums alone are read */
    watch_look_begin(&l, w, now_us);
    struct prices p = {&l, from_us};
    enum fault fault = ledger_spend(w->ledger, &q, look_at, &p, NULL, error);
    q.by = SPEND_BIT(APPLICATION) | SPEND_BIT(MODEL);
    if (fault == FAULT_NONE) fault = ledger_spend(w->ledger, &q, look_at_blocked, &p, NULL, error);
    if (fault == FAULT_NONE)
        fault =
            watch_look_put(&l, FINDING_BIT(UNKNOWN_PRICE) | FINDING_BIT(USAGE_MISSING), SLICE_NULL, error);
    watch_look_end(&l);
    return fault;
}
