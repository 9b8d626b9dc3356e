#include "cost/factors.h"

#include "base/mem.h"
#include "stats/shapley.h"

#include <math.h>

const char *cost_dimension_name(enum cost_dimension d) {
    static const char *const names[] = {
#define DIMENSION(symbol, name) name,
        COST_DIMENSION_TABLE(DIMENSION)
#undef DIMENSION
    };
    return names[d];
}

const char *cost_factor_name(enum cost_factor f) {
    static const char *const names[] = {
#define FACTOR(symbol, name) name,
        COST_FACTOR_TABLE(FACTOR)
#undef FACTOR
    };
    return names[f];
}

void factor_side_init(struct factor_side *s) {
    *s = (struct factor_side){.rates = COST_RATES_UNKNOWN};
}

static bool is_usable(const struct cost_rates *r) {
    return r->input >= 0 || r->output >= 0;
}

static void keep_rate(int64_t *known, int64_t rate) {
    if (*known < 0) *known = rate;
}

void factor_side_add(struct factor_side *s, const struct cost_cell *c) {
    if (c->requests <= c->unpriced) return;
    s->requests += (double)(c->requests - c->unpriced);
    s->hits += (double)c->cache_hits;
    s->input += (double)c->input;
    s->cache_read += (double)c->cache_read;
    s->cache_write += (double)c->cache_write;
    s->output += (double)c->output;
    s->cost += (double)c->cost_nano;
    keep_rate(&s->rates.input, c->rates.input);
    keep_rate(&s->rates.cache_read, c->rates.cache_read);
    keep_rate(&s->rates.cache_write, c->rates.cache_write);
    keep_rate(&s->rates.output, c->rates.output);
}

/* What a factor's setting stands for, in one window. */
struct state {
    double share;
    double input;             /* tokens a paid request */
    double paid, read, write; /* parts: of requests, of input, of input */
    double output;            /* tokens a paid request */
    double p_input, p_read, p_write, p_output, p_request;
};
struct pair {
    struct state at[2];
};
struct model {
    const struct pair *cells;
    size_t n;
    double volume[2];
};

/* Hits cost nothing as a rule; where nothing but hits has a cost (an embedding that found them), they are
 * what paid. */
static double paid_requests(const struct factor_side *s) {
    double paid = fmax(s->requests - s->hits, 0);
    return paid > 0 || s->cost <= 0 ? paid : s->requests;
}

static double part(double of, double whole) {
    return fmin(fmax(of / whole, 0), 1);
}

/* A rate that this window does not know, because none of these tokens were charged in it, moves with the
 * input rate from where the other window has it. */
static double rate_of(int64_t own, int64_t other, const struct cost_rates *r, const struct cost_rates *o) {
    if (own >= 0) return (double)own;
    if (other < 0) return -1;
    return r->input > 0 && o->input > 0 ? (double)other * ((double)r->input / (double)o->input)
                                        : (double)other;
}

static void set_rates(struct state *t, const struct cost_rates *r, const struct cost_rates *o) {
    t->p_input = fmax(rate_of(r->input, o->input, r, o), 0);
    t->p_output = fmax(rate_of(r->output, o->output, r, o), 0);
    t->p_read = rate_of(r->cache_read, o->cache_read, r, o);
    t->p_write = rate_of(r->cache_write, o->cache_write, r, o);
    if (t->p_read < 0) t->p_read = t->p_input;
    if (t->p_write < 0) t->p_write = t->p_input;
    t->p_request = 0;
}

static double unit_cost(const struct state *tokens, const struct state *cache, const struct state *output,
                        const struct state *price) {
    double rest = 1 - cache->read - cache->write;
    double input = rest * price->p_input + cache->read * price->p_read + cache->write * price->p_write;
    return tokens->input * input + output->output * price->p_output + price->p_request;
}

/* Rates, scaled so that the recorded cost comes out. */
static void set_price(struct state *t, const struct factor_side *own, const struct factor_side *other) {
    static const struct cost_rates same = {1, 1, 1, 1};
    bool known = is_usable(&own->rates) || is_usable(&other->rates);
    set_rates(t, known ? &own->rates : &same, known ? &other->rates : &same);
    double actual = own->cost / paid_requests(own), listed = unit_cost(t, t, t, t);
    if (listed > 0) {
        double scale = actual / listed;
        t->p_input *= scale;
        t->p_read *= scale;
        t->p_write *= scale;
        t->p_output *= scale;
    } else {
        t->p_request = actual;
    }
}

/* One window of a cell, as far as it can tell by itself; `lived` says whether it had a paid request. */
static bool set_state(struct state *t, const struct factor_side *own, const struct factor_side *other,
                      double volume) {
    double paid = paid_requests(own);
    t->share = volume > 0 ? own->requests / volume : 0;
    t->paid = own->requests > 0 ? paid / own->requests : 1;
    if (paid <= 0) return false;
    t->input = own->input / paid;
    t->output = own->output / paid;
    if (own->input > 0) {
        t->read = part(own->cache_read, own->input);
        t->write = fmin(part(own->cache_write, own->input), 1 - t->read);
    }
    set_price(t, own, other);
    return true;
}

static void borrow(struct state *t, const struct state *from) {
    struct state own = *t;
    *t = *from;
    t->share = own.share;
    t->paid = own.paid;
}

static void set_pair(struct pair *p, const struct factor_cell *c, const double volume[2]) {
    struct state *b = &p->at[0], *a = &p->at[1];
    bool before = set_state(b, &c->before, &c->after, volume[0]);
    bool after = set_state(a, &c->after, &c->before, volume[1]);
    if (!before && after) borrow(b, a);
    if (!after && before) borrow(a, b);
    if (c->before.requests <= 0) b->paid = a->paid;
    if (c->after.requests <= 0) a->paid = b->paid;
    if (c->before.input <= 0) b->read = a->read, b->write = a->write;
    if (c->after.input <= 0) a->read = b->read, a->write = b->write;
    if (volume[0] <= 0) b->share = a->share;
    if (volume[1] <= 0) a->share = b->share;
}

static double value(void *ctx, unsigned moved) {
    const struct model *m = ctx;
    unsigned at[COST_FACTORS];
    double sum = 0;
    for (unsigned f = 0; f < COST_FACTORS; f++) at[f] = moved >> f & 1;
    for (size_t i = 0; i < m->n; i++) {
        const struct state *s = m->cells[i].at;
        const struct state *cache = &s[at[COST_FACTOR_CACHED_SHARE]];
        sum += s[at[COST_FACTOR_MIX]].share * cache->paid *
               unit_cost(&s[at[COST_FACTOR_INPUT_TOKENS]], cache, &s[at[COST_FACTOR_OUTPUT_TOKENS]],
                         &s[at[COST_FACTOR_PRICE]]);
    }
    return m->volume[at[COST_FACTOR_VOLUME]] * sum;
}

void factors_share(const struct factor_cell *cells, size_t n, bool per_request, double ret[COST_FACTORS]) {
    struct pair *pairs = mem_new_array(struct pair, n + 1);
    struct model m = {.cells = pairs, .n = n};
    for (size_t i = 0; i < n; i++) {
        m.volume[0] += cells[i].before.requests;
        m.volume[1] += cells[i].after.requests;
    }
    for (size_t i = 0; i < n; i++) set_pair(&pairs[i], &cells[i], m.volume);
    if (per_request) m.volume[0] = m.volume[1] = 1;
    shapley_exact(COST_FACTORS, value, &m, ret);
    mem_free(pairs);
}
