#include "model/price_table.h"

#include <pthread.h>

#define FEMTO_PER_NANO 1000000
#define MILLION 1000000
#define DAY_US (86400LL * 1000000)

/* Built from data/prices.json by build.mk. */
extern const char embed_data_prices_json[];
extern const uint64_t embed_data_prices_json_size;

static const struct {
    const char *name;
    enum price_meter parent;
    size_t counter; /* in struct usage */
} meters[METER_TOKENS] = {
#define METER(symbol, name, key, digits, parent, counter) {name, METER_##parent, offsetof(struct usage, counter)},
    PRICE_METER_TABLE(METER)
#undef METER
};

/* ===== the list ===== */

/* The built-in table, read once and never changed or released. */
static struct {
    pthread_once_t once;
    struct arena arena;
    const struct price_layer *layer;
    struct error error;
} built_in = {.once = PTHREAD_ONCE_INIT};

static void read_built_in(void) {
    struct slice text = slice_make(embed_data_prices_json, embed_data_prices_json_size);
    arena_init(&built_in.arena, 256u << 10, 16u << 20);
    if (price_layer_read(text, "built-in prices", NULL, &built_in.arena, &built_in.layer, &built_in.error) != FAULT_NONE)
        built_in.layer = NULL;
}

enum fault price_list_new(struct arena *arena, const struct slice *overlays, const char *const *names, unsigned n_overlays,
                          struct price_list **ret, struct error *error) {
    pthread_once(&built_in.once, read_built_in);
    if (built_in.layer == NULL) return error_set(error, FAULT_INTERNAL, "%s", built_in.error.text);
    const struct price_layer *layer = built_in.layer;
    for (unsigned i = 0; i < n_overlays; i++) {
        enum fault fault = price_layer_read(overlays[i], names[i], layer, arena, &layer, error);
        if (fault != FAULT_NONE) return fault;
    }
    struct price_list *list = arena_new(arena, struct price_list);
    if (list == NULL) return error_set(error, FAULT_TOO_LARGE, "the price list is too large");
    list->newest = layer;
    *ret = list;
    return FAULT_NONE;
}

const char *price_model_id(const struct price_model *m) {
    return m->id;
}

const char *price_model_provider(const struct price_model *m) {
    return m->provider;
}

int64_t price_context_window(const struct price_model *m) {
    return m->context_window;
}

/* ===== quotes ===== */

static bool period_holds(const struct price_period *p, int64_t at_us) {
    if (p->type == PERIOD_ALWAYS) return true;
    if (p->type == PERIOD_SINCE) return at_us >= p->from;
    int64_t of_day = at_us % DAY_US;
    if (of_day < 0) of_day += DAY_US;
    if (p->until < p->from) return of_day >= p->from || of_day < p->until; /* over midnight */
    return of_day >= p->from && of_day < p->until;
}

static const struct price_period *period_at(const struct price_periods *periods, int64_t at_us) {
    for (unsigned i = periods->n; i-- > 0;)
        if (period_holds(&periods->at[i], at_us)) return &periods->at[i];
    return &periods->at[0];
}

struct work {
    const struct price_set *standard, *batch; /* batch: NULL when not asked for */
    int64_t discount_ppm;                     /* off each rate */
    int64_t input;                            /* decides about tiers */
    int64_t left[METER_COUNT];                /* what is charged at the meter's own rate */
    bool null[METER_COUNT];
    __int128 sum;                             /* 10^-15 USD */
    struct price_quote *quote;
};

static const struct price_rate *rate_of(const struct work *w, enum price_meter m) {
    const struct price_rate *r = w->batch != NULL ? &w->batch->rates[m] : NULL;
    if (r == NULL || r->base == RATE_NONE) r = &w->standard->rates[m];
    return r->base != RATE_NONE ? r : NULL;
}

static bool is_charged(const struct work *w, enum price_meter m) {
    return w->left[m] > 0 && rate_of(w, m) != NULL;
}

/* Every counter less its parts that have a rate of their own; parts without one stay in the whole. */
static const char *split(struct work *w, const struct usage *u) {
    for (unsigned m = 0; m < METER_TOKENS; m++) {
        int64_t n;
        memcpy(&n, (const char *)u + meters[m].counter, sizeof n);
        w->null[m] = n < 0;
        w->left[m] = n < 0 ? 0 : n;
    }
    w->input = w->left[METER_INPUT];
    /* nobody reports how many audio tokens were cached, or reasoned */
    if (is_charged(w, METER_INPUT_AUDIO) &&
        (is_charged(w, METER_CACHE_READ) || is_charged(w, METER_CACHE_WRITE) || is_charged(w, METER_CACHE_WRITE_1H)))
        return "cached and audio input are priced apart and may overlap";
    if (is_charged(w, METER_OUTPUT_AUDIO) && is_charged(w, METER_REASONING))
        return "reasoning and audio output are priced apart and may overlap";
    for (unsigned m = 0; m < METER_TOKENS; m++) {
        if (w->left[m] < 0) return "the counters contradict each other: parts exceed their whole";
        if (!is_charged(w, (enum price_meter)m)) continue;
        for (unsigned child = m; meters[child].parent != child;) {
            child = meters[child].parent;
            if (__builtin_sub_overflow(w->left[child], w->left[m], &w->left[child])) return "a counter is out of range";
        }
    }
    return NULL;
}

/* Why the rates and the counters do not make a price; NULL when they do. */
static const char *gap(const struct work *w) {
    const struct price_rate *input = rate_of(w, METER_INPUT), *output = rate_of(w, METER_OUTPUT);
    bool any = false;
    for (unsigned m = 0; m < METER_TOKENS; m++) any = any || rate_of(w, (enum price_meter)m) != NULL;
    if (!any) return "the table prices this model by something other than tokens";
    if (w->null[METER_INPUT] && w->null[METER_OUTPUT]) return "the provider reported no usage";
    if (input == NULL && w->left[METER_INPUT] > 0) return "the table has no input rate";
    if (output == NULL && w->left[METER_OUTPUT] > 0) return "the table has no output rate";
    if (input != NULL && input->base > 0 && w->null[METER_INPUT]) return "input tokens were not reported";
    if (output != NULL && output->base > 0 && w->null[METER_OUTPUT]) return "output tokens were not reported";
    return NULL;
}

/* Half to even; nothing is below zero here. */
static __int128 divide_half_even(__int128 n, int64_t by) {
    __int128 whole = n / by;
    int64_t rest = (int64_t)(n % by);
    return whole + (rest > by / 2 || (rest == by / 2 && whole % 2 != 0));
}

static int64_t discounted(int64_t rate, int64_t ppm) {
    return ppm > 0 ? (int64_t)divide_half_even((__int128)rate * (MILLION - ppm), MILLION) : rate;
}

static bool charge(struct work *w, enum price_meter m, const char *name, int64_t n) {
    const struct price_rate *r = rate_of(w, m);
    if (r == NULL || n <= 0) return true;
    struct price_line line = {.meter = name, .tokens = n, .rate = r->base};
    for (unsigned i = 0; i < r->n_tiers && w->input > r->tiers[i].start; i++) {
        line.rate = r->tiers[i].rate;
        line.tiered = true;
    }
    line.rate = discounted(line.rate, w->discount_ppm);
    w->quote->lines[w->quote->n_lines++] = line;
    return !__builtin_add_overflow(w->sum, (__int128)n * line.rate, &w->sum);
}

static int64_t round_half_even(__int128 femto) {
    __int128 nano = divide_half_even(femto, FEMTO_PER_NANO);
    return nano > INT64_MAX ? MONEY_UNKNOWN : (int64_t)nano;
}

static void quote(struct work *w, const struct usage *usage) {
    const char *why = split(w, usage);
    if (why == NULL) why = gap(w);
    bool fits = true;
    for (unsigned m = 0; m < METER_TOKENS && why == NULL; m++)
        fits = charge(w, (enum price_meter)m, meters[m].name, w->left[m]) && fits;
    if (why == NULL) {
        fits = charge(w, METER_REQUESTS, "requests", 1) && fits;
        w->quote->cost_nano = fits ? round_half_even(w->sum) : MONEY_UNKNOWN;
        if (!money_is_known(w->quote->cost_nano)) why = "the cost is out of range";
    }
    w->quote->why = why;
}

_Static_assert(METER_COUNT <= PRICE_LINES, "a line for every meter");

static void quote_at(const struct price_model *m, const struct usage *usage, int64_t at_wall_us, bool batch, int64_t discount_ppm,
                     struct price_quote *ret) {
    *ret = (struct price_quote){.cost_nano = MONEY_UNKNOWN};
    if (m == NULL) {
        ret->why = "the model is not in the price table";
        return;
    }
    if (batch && m->batch.n == 0 && discount_ppm < 0) {
        ret->why = "the table has no batch rates for this model";
        return;
    }
    const struct price_period *p = period_at(&m->standard, at_wall_us);
    struct work w = {.standard = &p->set, .quote = ret};
    ret->since = p->since;
    if (batch && m->batch.n > 0) w.batch = &period_at(&m->batch, at_wall_us)->set;
    else if (batch) w.discount_ppm = discount_ppm;
    if (p->set.empty && (w.batch == NULL || w.batch->empty))
        ret->cost_nano = 0;
    else
        quote(&w, usage);
}

void price_quote(const struct price_model *m, const struct usage *usage, int64_t at_wall_us, bool batch, struct price_quote *ret) {
    quote_at(m, usage, at_wall_us, batch, -1, ret);
}

void price_quote_batch(const struct price_model *m, const struct usage *usage, int64_t at_wall_us, int64_t discount_ppm,
                       struct price_quote *ret) {
    quote_at(m, usage, at_wall_us, true, discount_ppm, ret);
}

int64_t price_cost(const struct price_model *m, const struct usage *usage, int64_t at_wall_us) {
    struct price_quote q;
    price_quote(m, usage, at_wall_us, false, &q);
    return q.cost_nano;
}
