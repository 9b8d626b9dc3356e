/* Budgets: what each has spent, holds and will have spent. */
#include "control/allowance_json.h"
#include "control/api.h"

#include "base/clock.h"
#include "cost/outlook.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_BUDGETS 10000 /* values of "*" in one answer */
#define MOST_FORECASTS 100 /* of these unless asked for; each reads four weeks of sums, and the API waits */

/* The views are only valid while they are handed over; so they are copied, and the ledger is asked
 * afterwards. */
struct views {
    struct api_call *c;
    struct budget_view *at;
    size_t n, left_off;
    struct slice name;
};

static void keep(void *arg, const struct budget_view *v) {
    struct views *all = arg;
    if (all->name.len > 0 && !slice_is(all->name, v->budget->name)) return;
    if (all->n >= MOST_BUDGETS) {
        all->left_off++;
        return;
    }
    struct budget_view *copy = &all->at[all->n++];
    *copy = *v;
    for (unsigned i = 0; i < v->budget->scope.n_terms; i++)
        copy->values[i] = slice_is_null(v->values[i]) ? SLICE_NULL : arena_slice(all->c->arena, v->values[i]);
}

static void put_scope(struct json_writer *w, const struct budget_view *v) {
    const struct scope *s = &v->budget->scope;
    json_key(w, "scope");
    json_object(w);
    for (unsigned i = 0; i < s->n_terms; i++) {
        const char *by = scope_dimension_name(s->terms[i].by);
        if (s->terms[i].by != SCOPE_BY_TAG) {
            json_key(w, by);
            json_put_string(w, slice_is_null(v->values[i]) ? SLICE("*") : v->values[i]);
            continue;
        }
        char tag[2 * LIMIT_LABEL + 2]; /* as it is declared: k=v */
        struct slice value = slice_is_null(v->values[i]) ? SLICE("*") : v->values[i];
        snprintf(tag, sizeof tag, "%s=" SLICE_FMT, s->terms[i].tag, SLICE_ARG(value));
        json_member_text(w, by, tag);
    }
    json_object_end(w);
}

static bool put_budget(struct api_call *c, const struct budget_view *v, bool forecast, int64_t now_us) {
    struct json_writer *w = &c->json;
    struct budget_outlook o;
    struct error error;
    if (!api_check(c, outlook_of_budget(forecast ? c->s->ledger : NULL, NULL, v, now_us, &o, &error), &error))
        return false;
    json_object(w);
    json_member_text(w, "name", v->budget->name);
    put_scope(w, v);
    json_member_text(w, "source", v->budget->line > 0 ? "configuration" : "registry");
    json_member_text(w, "mode", allowance_mode_name(v->budget->mode));
    api_put_time(w, "window_start", v->window.start_us);
    api_put_time(w, "window_end", v->window.end_us);
    json_member_text(w, "timezone", zone_name(v->budget->zone));
    api_put_usd(w, "limit_usd", v->budget->limit_nano);
    api_put_usd(w, "spent_usd", v->spent_nano);
    api_put_usd(w, "reserved_usd", v->reserved_nano);
    json_key(w, "unpriced");
    json_put_u64(w, v->unpriced);
    json_key(w, "refused");
    json_put_u64(w, v->refused);
    api_put_usd(w, "forecast_usd", o.expected_nano);
    api_put_usd(w, "forecast_low_usd", o.p10_nano);
    api_put_usd(w, "forecast_high_usd", o.p90_nano);
    json_key(w, "breach_probability");
    json_put_double(w, o.breach); /* NaN: null */
    json_member_text(w, "outlook", v->refused > 0 ? "refusing" : outlook_name(o.alert));
    json_object_end(w);
    return true;
}

static void put_left_out(struct api_call *c) {
    json_key(&c->json, "not_in_force");
    json_array(&c->json);
    for (unsigned i = 0; c->policy && i < c->policy->n_left_out; i++) {
        struct slice name = slice_of(c->policy->left_out[i].name), before, after;
        json_object(&c->json);
        json_member_text(&c->json, "kind", c->policy->left_out[i].kind);
        if (slice_cut(name, '\n', &before, &after)) /* an approval: application and request type */
            name = arena_printf(c->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(before), SLICE_ARG(after));
        json_member_string(&c->json, "name", name);
        json_member_text(&c->json, "why", c->policy->left_out[i].why);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
}

/* Of spent and limit, the larger share first: those are forecast whose end is in doubt. */
static int by_share(const void *a, const void *b) {
    const struct budget_view *x = *(const struct budget_view *const *)a, *y = *(const struct budget_view *const *)b;
    __int128 p = (__int128)x->spent_nano * y->budget->limit_nano, q = (__int128)y->spent_nano * x->budget->limit_nano;
    return p != q ? (p > q ? -1 : 1) : (x > y) - (x < y);
}

/* Marks by index whose end is forecast; how many are not. */
static size_t choose(const struct views *all, size_t most, bool *chosen) {
    const struct budget_view **order = arena_new_array(all->c->arena, const struct budget_view *, all->n + 1);
    if (!order) return all->n;
    for (size_t i = 0; i < all->n; i++) order[i] = &all->at[i];
    if (all->n > most) qsort(order, all->n, sizeof *order, by_share);
    for (size_t i = 0; i < all->n && i < most; i++) chosen[order[i] - all->at] = true;
    return all->n > most ? all->n - most : 0;
}

void api_budgets(struct api_call *c) {
    if (!c->s->budgets || !c->s->ledger) {
        api_fail(c, FAULT_NOT_RUNNING,
                 "what is reserved and spent is known to the running server only: start it");
        return;
    }
    struct views all = {.c = c,
                        .at = arena_new_array(c->arena, struct budget_view, MOST_BUDGETS),
                        .name = api_text(c, "name")};
    int64_t now_us = clock_wall_us();
    c->s->budgets(c->s->ctx, keep, &all);
    bool known = all.name.len == 0;
    for (unsigned i = 0; !known && c->policy && i < c->policy->n_budgets; i++)
        known = slice_is(all.name, c->policy->budgets[i].name);
    if (!known) {
        api_fail(c, FAULT_NOT_FOUND, "no budget `" SLICE_FMT "` is configured", SLICE_ARG(all.name));
        return;
    }
    bool *chosen = arena_new_array(c->arena, bool, all.n + 1);
    size_t not_forecast = chosen ? choose(&all, (size_t)api_number(c, "forecasts", MOST_FORECASTS), chosen) : 0;
    json_object(&c->json);
    json_key(&c->json, "budgets");
    json_array(&c->json);
    for (size_t i = 0; i < all.n && chosen; i++)
        if (!put_budget(c, &all.at[i], chosen[i], now_us)) return;
    json_array_end(&c->json);
    json_member_i64(&c->json, "not_forecast", (int64_t)not_forecast);
    json_key(&c->json, "left_off");
    json_put_u64(&c->json, all.left_off);
    put_left_out(c);
    json_object_end(&c->json);
}
