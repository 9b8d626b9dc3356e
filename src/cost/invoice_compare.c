/* The comparison of an invoice with the records, and its JSON. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/table.h"
#include "cost/invoice.h"

#include <math.h>
#include <stdlib.h>

#define DAY_US 86400000000LL
static const int64_t CENT = MONEY_USD / 100;
static const __int128 FEMTO_PER_NANO = 1000000;

struct pair {
    int64_t day;
    struct slice model;
    bool is_invoiced, is_recorded;
    struct invoice_sums invoiced, recorded;
};
struct pairs {
    struct pair *at;
    size_t n;
    struct table places; /* day and family -> place + 1 */
    struct arena *arena;
};

static struct pair *pair_of(struct pairs *p, const struct invoice_row *row) {
    struct slice family = invoice_family(row->model, p->arena);
    struct slice key = arena_printf(p->arena, "%lld " SLICE_FMT, (long long)row->day, SLICE_ARG(family));
    if (slice_is_null(key)) return NULL;
    size_t place = (size_t)table_get(&p->places, key);
    if (place == 0) {
        place = ++p->n;
        (void)table_put(&p->places, key, (void *)place);
        p->at[place - 1] = (struct pair){.day = row->day, .model = row->model};
    }
    return &p->at[place - 1];
}

static int64_t known(int64_t count) {
    return count < 0 ? 0 : count;
}

static void add_sums(struct invoice_sums *to, const struct invoice_sums *s) {
    to->requests = s->requests < 0 ? INVOICE_UNKNOWN : known(to->requests) + s->requests;
    to->input += known(s->input);
    to->cache_read = s->cache_read < 0 ? INVOICE_UNKNOWN : known(to->cache_read) + s->cache_read;
    to->cache_write = s->cache_write < 0 ? INVOICE_UNKNOWN : known(to->cache_write) + s->cache_write;
    to->output += known(s->output);
    to->cost_nano = money_add(to->cost_nano, s->cost_nano);
}

/* ---- what a gap costs ---- */

static int64_t tokens_difference(const struct pair *p, int64_t invoiced, int64_t recorded) {
    if (p->is_invoiced && invoiced < 0) return 0;
    return known(invoiced) - known(recorded);
}

/* The rate of a meter; the whole's where the table has none for the part. */
static int64_t rate_of(const struct price_quote *q, const char *meter, int64_t whole) {
    for (unsigned i = 0; i < q->n_lines; i++)
        if (strcmp(q->lines[i].meter, meter) == 0) return q->lines[i].rate;
    return whole;
}

/* The difference in tokens at list prices: one token of each kind shows the rates of the lowest tier. */
static int64_t price_gap(const struct pair *p, enum invoice_kind kind, const struct price_list *prices) {
    struct price_quote quote;
    struct usage one;
    if (!prices) return MONEY_UNKNOWN;
    struct slice provider = kind == INVOICE_OPENAI ? SLICE("openai") : SLICE("anthropic");
    const struct price_model *m = price_find(prices, provider, p->model);
    usage_init(&one);
    one.input = 3;
    one.cache_read = one.cache_write = one.output = 1;
    one.cache_write_1h = one.input_audio = one.reasoning = one.output_audio = 0;
    price_quote(m, &one, p->day * DAY_US, false, &quote);
    if (!money_is_known(quote.cost_nano)) return MONEY_UNKNOWN;
    int64_t input = rate_of(&quote, "input", 0), output = rate_of(&quote, "output", 0);
    int64_t read = tokens_difference(p, p->invoiced.cache_read, p->recorded.cache_read);
    int64_t written = tokens_difference(p, p->invoiced.cache_write, p->recorded.cache_write);
    int64_t rest = p->invoiced.input - p->recorded.input - read - written;
    __int128 femto = (__int128)rest * input + (__int128)read * rate_of(&quote, "cache_read", input) +
                     (__int128)written * rate_of(&quote, "cache_write", input) +
                     (__int128)(p->invoiced.output - p->recorded.output) * output;
    __int128 nano = femto / FEMTO_PER_NANO;
    return nano > INT64_MAX || nano <= INT64_MIN ? MONEY_UNKNOWN : (int64_t)nano;
}

/* ---- gaps ---- */

static bool is_apart(int64_t a, int64_t b, double tolerance) {
    if (a < 0 || b < 0) return false; /* one of them does not know */
    double larger = (double)(a > b ? a : b);
    return fabs((double)a - (double)b) > tolerance * larger;
}

static bool costs_apart(const struct pair *p, double tolerance) {
    int64_t a = p->invoiced.cost_nano, b = p->recorded.cost_nano;
    if (!money_is_known(a) || !money_is_known(b)) return false;
    double off = fabs((double)a - (double)b);
    return off > (double)CENT && off > tolerance * fmax(fabs((double)a), fabs((double)b));
}

static bool find_gap(const struct pair *p, const struct invoice *invoice, double tolerance,
                     const struct price_list *prices, struct invoice_gap *ret) {
    const struct invoice_sums *a = &p->invoiced, *b = &p->recorded;
    bool differs = is_apart(a->requests, b->requests, tolerance) || is_apart(a->input, b->input, tolerance) ||
                   is_apart(a->cache_read, b->cache_read, tolerance) ||
                   is_apart(a->cache_write, b->cache_write, tolerance) ||
                   is_apart(a->output, b->output, tolerance) || costs_apart(p, tolerance);
    if (p->is_invoiced && p->is_recorded && !differs) return false;
    *ret = (struct invoice_gap){.kind = !p->is_recorded   ? GAP_NOT_RECORDED
                                        : !p->is_invoiced ? GAP_NOT_INVOICED
                                                          : GAP_DIFFERS,
                                .day = p->day,
                                .model = p->model,
                                .invoiced = *a,
                                .recorded = *b};
    if (money_is_known(a->cost_nano) && money_is_known(b->cost_nano)) {
        ret->nano = a->cost_nano - b->cost_nano;
        return true;
    }
    ret->nano = price_gap(p, invoice->kind, prices);
    ret->nano_by_price = money_is_known(ret->nano);
    return true;
}

static int by_day_and_model(const void *left, const void *right) {
    const struct invoice_gap *a = left, *b = right;
    if (a->day != b->day) return a->day < b->day ? -1 : 1;
    size_t shorter = a->model.len < b->model.len ? a->model.len : b->model.len;
    int order = memcmp(a->model.at, b->model.at, shorter);
    return order ? order : a->model.len < b->model.len ? -1 : a->model.len > b->model.len;
}

static bool collect(struct pairs *p, const struct invoice *invoice, const struct invoice_row *recorded,
                    size_t n) {
    for (size_t i = 0; i < invoice->n; i++) {
        struct pair *at = pair_of(p, &invoice->rows[i]);
        if (!at) return false;
        add_sums(&at->invoiced, &invoice->rows[i].sums);
        at->is_invoiced = true;
    }
    for (size_t i = 0; i < n; i++) {
        if (recorded[i].day < invoice->first_day || recorded[i].day > invoice->last_day) continue;
        struct pair *at = pair_of(p, &recorded[i]);
        if (!at) return false;
        add_sums(&at->recorded, &recorded[i].sums);
        at->is_recorded = true;
    }
    return true;
}

enum fault invoice_reconcile(const struct invoice *invoice, const struct invoice_row *recorded, size_t n,
                             double tolerance, const struct price_list *prices, struct arena *arena,
                             struct invoice_report *ret, struct error *error) {
    struct invoice_report r = {0};
    struct pairs p = {.at = mem_new_array(struct pair, invoice->n + n + 1), .arena = arena};
    table_init(&p.places);
    bool fits = collect(&p, invoice, recorded, n);
    r.gaps = fits ? arena_new_array(arena, struct invoice_gap, p.n + 1) : NULL;
    r.n_compared = p.n;
    for (size_t i = 0; r.gaps && i < p.n; i++) {
        struct invoice_gap *gap = &r.gaps[r.n_gaps];
        if (p.at[i].is_invoiced) add_sums(&r.invoiced, &p.at[i].invoiced);
        if (p.at[i].is_recorded) add_sums(&r.recorded, &p.at[i].recorded);
        if (!find_gap(&p.at[i], invoice, tolerance, prices, gap)) continue;
        r.n_gaps++;
        if (money_is_known(gap->nano)) r.nano = money_add(r.nano, gap->nano);
        else r.n_nano_unknown++;
    }
    table_deinit(&p.places);
    mem_free(p.at);
    if (!r.gaps)
        return error_set(error, FAULT_TOO_LARGE, "the comparison needs more memory than it may have");
    qsort(r.gaps, r.n_gaps, sizeof *r.gaps, by_day_and_model);
    *ret = r;
    return FAULT_NONE;
}

/* ---- JSON ---- */

static void put_count(struct json_writer *w, const char *key, int64_t n) {
    json_key(w, key);
    if (n < 0) json_put_null(w);
    else json_put_i64(w, n);
}

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

static void put_sums(struct json_writer *w, const char *key, const struct invoice_sums *s) {
    json_key(w, key);
    json_object(w);
    put_count(w, "requests", s->requests);
    put_count(w, "input_tokens", s->input);
    put_count(w, "cache_read_tokens", s->cache_read);
    put_count(w, "cache_write_tokens", s->cache_write);
    put_count(w, "output_tokens", s->output);
    put_usd(w, "usd", s->cost_nano);
    json_object_end(w);
}

static void put_day(struct json_writer *w, const char *key, int64_t day) {
    char text[CLOCK_TEXT];
    clock_format(day * DAY_US, text);
    json_member_string(w, key, slice_make(text, 10));
}

void invoice_write_json(const struct invoice *i, const struct invoice_report *r, struct json_writer *w) {
    static const char *const kinds[] = {"not_recorded", "not_invoiced", "differs"};
    json_object(w);
    json_member_text(w, "provider", i->kind == INVOICE_OPENAI ? "openai" : "anthropic");
    put_day(w, "first_day", i->first_day);
    put_day(w, "last_day", i->last_day);
    json_member_i64(w, "compared", (int64_t)r->n_compared);
    put_sums(w, "invoiced", &r->invoiced);
    put_sums(w, "recorded", &r->recorded);
    put_usd(w, "gap_usd", r->nano);
    json_member_i64(w, "gaps_without_usd", (int64_t)r->n_nano_unknown);
    json_key(w, "gaps");
    json_array(w);
    for (size_t g = 0; g < r->n_gaps; g++) {
        const struct invoice_gap *gap = &r->gaps[g];
        json_object(w);
        put_day(w, "day", gap->day);
        json_member_string(w, "model", gap->model);
        json_member_text(w, "gap", kinds[gap->kind]);
        put_sums(w, "invoiced", &gap->invoiced);
        put_sums(w, "recorded", &gap->recorded);
        put_usd(w, "usd", gap->nano);
        json_member_bool(w, "usd_by_list_price", gap->nano_by_price);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}
