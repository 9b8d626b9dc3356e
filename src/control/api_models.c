/* Models with their targets, and what tokens cost. */
#include "control/api.h"

#include "base/clock.h"

#include <stdio.h>

/* ---- prices ---- */

/* What one token of a meter costs by itself, or -1: a rate of 10^-15 USD a token is as many nano-dollars a million. */
static int64_t rate_of(const struct price_model *m, const char *meter, const struct usage *one, int64_t at_us) {
    struct price_quote q;
    price_quote(m, one, at_us, false, &q);
    for (unsigned i = 0; i < q.n_lines; i++)
        if (strcmp(q.lines[i].meter, meter) == 0) return q.lines[i].rate;
    return -1;
}

static void put_rates(struct json_writer *w, const struct price_model *m, int64_t at_us) {
    static const struct {
        const char *name;
        struct usage one;
    } meters[] = {
        {"input", {.input = 1}},
        {"cache_read", {.input = 1, .cache_read = 1}},
        {"cache_write", {.input = 1, .cache_write = 1}},
        {"output", {.output = 1}},
    };
    json_key(w, "usd_per_mtok");
    if (!m) {
        json_put_null(w);
        return;
    }
    json_object(w);
    for (unsigned i = 0; i < sizeof meters / sizeof *meters; i++) {
        int64_t rate = rate_of(m, meters[i].name, &meters[i].one, at_us);
        api_put_usd(w, meters[i].name, rate >= 0 ? rate : MONEY_UNKNOWN);
    }
    json_object_end(w);
}

/* Exact decimal of n * 10^-15 USD; n is not negative. */
#define EXACT_TEXT 64
static void format_exact(__int128 n, char out[EXACT_TEXT]) {
    const __int128 unit = 1000000000000000;
    int len = snprintf(out, EXACT_TEXT, "%llu.%015llu", (unsigned long long)(n / unit), (unsigned long long)(n % unit));
    while (out[len - 1] == '0') out[--len] = 0;
    if (out[len - 1] == '.') out[--len] = 0;
}

static void put_lines(struct json_writer *w, const struct price_quote *q) {
    __int128 sum = 0;
    char text[EXACT_TEXT];
    json_key(w, "lines");
    json_array(w);
    for (unsigned i = 0; i < q->n_lines; i++) {
        const struct price_line *l = &q->lines[i];
        __int128 cost = (__int128)l->tokens * l->rate;
        sum += cost;
        format_exact(cost, text);
        json_object(w);
        json_member_text(w, "meter", l->meter);
        json_member_i64(w, "tokens", l->tokens);
        api_put_usd(w, "usd_per_mtok", l->rate);
        json_member_bool(w, "tiered", l->tiered);
        json_member_raw(w, "usd", slice_of(text));
        json_object_end(w);
    }
    json_array_end(w);
    format_exact(sum, text);
    json_member_raw(w, "exact_usd", money_is_known(q->cost_nano) ? slice_of(text) : SLICE("null"));
}

/* The provider in the price table behind a name that may be one of the configuration. */
static struct slice price_provider(const struct api_call *c, struct slice name, const struct price_list *list) {
    for (unsigned i = 0; c->policy && !slice_is_null(name) && i < c->policy->n_providers; i++)
        if (slice_is(name, c->policy->providers[i].name)) {
            const char *as = policy_prices_as(&c->policy->providers[i], list);
            return as ? slice_of(as) : name;
        }
    return name;
}

static const struct model_route *find_model(const struct api_call *c, struct slice name) {
    return c->policy ? table_get(&c->policy->model_by_name, name) : NULL;
}

static const struct price_model *find_price(struct api_call *c) {
    const struct price_list *list = c->policy ? c->policy->prices : NULL;
    struct price_list *built_in = NULL;
    struct error error;
    if (!list) {
        if (!api_check(c, price_list_new(c->arena, NULL, NULL, 0, &built_in, &error), &error)) return NULL;
        list = built_in;
    }
    struct slice model = api_text(c, "model"), provider = api_text(c, "provider"), head, tail;
    if (slice_is_null(provider) && slice_cut(model, '/', &head, &tail)) {
        struct slice known = price_provider(c, head, list);
        if (price_has_provider(list, known)) provider = known, model = tail;
    }
    const struct price_model *m = price_find(list, price_provider(c, provider, list), model);
    const struct model_route *route = m ? NULL : find_model(c, model);
    if (route)
        api_fail(c, FAULT_NOT_FOUND, "model: `%.80s` is a model of the configuration; ask for a target of it, such as %.60s/%.80s",
                 route->name, route->targets[0].provider->name, route->targets[0].model);
    else if (!m)
        api_fail(c, FAULT_NOT_FOUND, "model: no price for `%.*s`%s; a price file of your own (`prices.files`) may add one",
                 (int)(model.len < 80 ? model.len : 80), model.at,
                 slice_is_null(provider) ? ", or several providers price it differently: write PROVIDER/MODEL" : " of this provider");
    return m;
}

void api_quote(struct api_call *c) {
    const struct price_model *m = find_price(c);
    if (!m) return;
    struct json_writer *w = &c->json;
    struct price_quote quote;
    int64_t at = api_number(c, "at", clock_wall_us());
    struct usage usage = {.input = api_number(c, "input", 0), .output = api_number(c, "output", 0),
                          .cache_read = api_number(c, "cache_read", 0), .cache_write = api_number(c, "cache_write", 0)};
    long long cached = usage.cache_read + usage.cache_write;
    if (cached > usage.input) {
        api_fail(c, FAULT_BAD_REQUEST, "input: expected all input tokens, cached ones included (at least %lld), found %lld", cached,
                 (long long)usage.input);
        return;
    }
    price_quote(m, &usage, at, false, &quote);
    json_object(w);
    json_member_text(w, "provider", price_model_provider(m));
    json_member_text(w, "model", price_model_id(m));
    api_put_time(w, "at", at);
    json_member_text(w, "price_since", quote.since);
    put_rates(w, m, at);
    put_lines(w, &quote);
    api_put_cost(w, quote.cost_nano);
    json_member_text(w, "why_unknown", quote.why);
    json_object_end(w);
}

/* ---- models ---- */

struct states {
    struct arena *arena;
    struct target_state *at;
    unsigned n, capacity;
};

static void add_state(void *arg, const struct target_state *t) {
    struct states *s = arg;
    if (s->n == s->capacity) {
        unsigned capacity = s->capacity ? 2 * s->capacity : 32;
        struct target_state *at = arena_resize(s->arena, s->at, s->capacity * sizeof *at, capacity * sizeof *at);
        if (!at) return;
        s->at = at;
        s->capacity = capacity;
    }
    s->at[s->n] = *t;
    /* the texts may belong to a policy that the server drops after the walk */
    s->at[s->n].model = arena_text(s->arena, slice_of(t->model));
    s->at[s->n].provider = arena_text(s->arena, slice_of(t->provider));
    s->at[s->n].upstream_model = arena_text(s->arena, slice_of(t->upstream_model));
    if (!arena_is_full(s->arena)) s->n++;
}

static const struct target_state *state_of(const struct states *s, const struct model_route *m, const struct target *t) {
    for (unsigned i = 0; i < s->n; i++)
        if (strcmp(s->at[i].model, m->name) == 0 && strcmp(s->at[i].provider, t->provider->name) == 0 &&
            strcmp(s->at[i].upstream_model, t->model) == 0)
            return &s->at[i];
    return NULL;
}

static void put_breaker(struct json_writer *w, const struct target_state *s) {
    json_key(w, "breaker");
    if (!s) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_text(w, "state", s->breaker);
    json_member_i64(w, "requests", (int64_t)s->requests);
    json_key(w, "failure_rate");
    if (s->failure_rate >= 0) json_put_double(w, s->failure_rate);
    else json_put_null(w);
    api_put_time(w, "next_probe", s->opens_again_us);
    json_key(w, "held_by");
    if (s->held_by != 0) json_put_i64(w, s->held_by);
    else json_put_null(w);
    json_object_end(w);
}

static void put_target(struct json_writer *w, const struct model_route *m, const struct target *t, const struct states *states) {
    json_object(w);
    json_member_text(w, "provider", t->provider->name);
    json_member_text(w, "model", t->model);
    json_member_text(w, "dialect", dialect_name(t->provider->dialect));
    json_member_i64(w, "weight", t->weight);
    json_key(w, "context_window");
    if (t->context_window >= 0) json_put_i64(w, t->context_window);
    else json_put_null(w);
    put_rates(w, t->price, clock_wall_us());
    put_breaker(w, state_of(states, m, t));
    json_object_end(w);
}

void api_models(struct api_call *c) {
    struct states states = {.arena = c->arena};
    struct json_writer *w = &c->json;
    if (!c->policy) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no configuration to read models from: name it with -c FILE");
        return;
    }
    if (c->s->targets) c->s->targets(c->s->ctx, add_state, &states);
    json_object(w);
    json_key(w, "models");
    json_array(w);
    for (unsigned i = 0; i < c->policy->n_models; i++) {
        const struct model_route *m = &c->policy->models[i];
        json_object(w);
        json_member_text(w, "name", m->name);
        json_member_text(w, "order", m->weighted ? "weighted" : "listed");
        json_member_bool(w, "tiered", m->tiering != NULL);
        json_key(w, "targets");
        json_array(w);
        for (unsigned t = 0; t < m->n_targets; t++) put_target(w, m, &m->targets[t], &states);
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}
