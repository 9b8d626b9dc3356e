#include "cost/focus.h"
#include "base/clock.h"

#include <stdio.h>

#define DAY_US 86400000000LL
#define HOUR_US 3600000000LL
enum { TAGS_TEXT = 8 << 10, ID_TEXT = 1 << 10 };

/* What has a column of its own; everything else that is asked for is a tag. */
#define FOCUS_OWN (SPEND_BIT(APPLICATION) | SPEND_BIT(MODEL) | SPEND_BIT(PROVIDER) | SPEND_BIT(TARGET_MODEL))

static const char *const columns[] = {
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
    "x_UnpricedRequests",
};

static const char *const meter_texts[CHARGE_METERS + 1] = {
    [CHARGE_INPUT] = "Input Tokens",
    [CHARGE_OUTPUT] = "Output Tokens",
    [CHARGE_CACHE_READ] = "Cache Read Tokens",
    [CHARGE_CACHE_WRITE] = "Cache Write Tokens",
    [CHARGE_CACHE_WRITE_1H] = "Cache Write 1h Tokens",
    [CHARGE_REASONING] = "Reasoning Tokens",
    [CHARGE_INPUT_AUDIO] = "Input Audio Tokens",
    [CHARGE_OUTPUT_AUDIO] = "Output Audio Tokens",
    [CHARGE_REQUESTS] = "Requests",
    [CHARGE_METERS] = "All Meters", /* recorded without a split */
};

struct focus {
    struct buffer *out;
    const struct cost_report *report;
    unsigned tags; /* bits of enum spend_dimension */
    bool hour;
};

/* One row to be: a meter of a group. */
struct line {
    const struct cost_row *row;
    unsigned meter;
    int64_t nano, quantity; /* MONEY_UNKNOWN: without a price */
    int64_t unpriced;
};

/* ---- cells ---- */

static void text(struct focus *f, struct slice s) {
    cost_csv_cell(f->out, s);
    buffer_byte(f->out, ',');
}

static void word(struct focus *f, const char *s) {
    text(f, slice_of(s));
}

static void money(struct focus *f, int64_t nano) {
    char usd[MONEY_TEXT];
    money_format(nano, usd);
    if (money_is_known(nano)) buffer_append(f->out, slice_of(usd));
    buffer_byte(f->out, ',');
}

static void number(struct focus *f, int64_t n) {
    buffer_i64(f->out, n);
    buffer_byte(f->out, ',');
}

static void moment(struct focus *f, int64_t wall_us) {
    char full[CLOCK_TEXT];
    clock_format(wall_us, full); /* "2026-11-21T04:16:21.000000Z" */
    buffer_append(f->out, slice_make(full, 19));
    if (wall_us % 1000000 != 0) buffer_append(f->out, slice_make(full + 19, 7));
    buffer_append(f->out, SLICE("Z,"));
}

/* The first of the month of a time, or of the month behind it. */
static int64_t month(int64_t wall_us, bool next) {
    char full[CLOCK_TEXT], first[CLOCK_TEXT];
    int64_t ret = 0;
    clock_format(wall_us, full);
    int year = (full[0] - '0') * 1000 + (full[1] - '0') * 100 + (full[2] - '0') * 10 + (full[3] - '0');
    int of_year = (full[5] - '0') * 10 + (full[6] - '0') + next;
    if (of_year > 12) of_year = 1, year++;
    snprintf(first, sizeof first, "%04d-%02d-01", year % 10000, of_year % 100);
    (void)clock_parse(slice_of(first), &ret);
    return ret;
}

/* "provider/model" and, for a price, "/meter". */
static void id(struct focus *f, const struct line *l, bool with_meter) {
    struct slice provider = l->row->names[SPEND_BY_PROVIDER], model = l->row->names[SPEND_BY_TARGET_MODEL];
    const char *meter = l->meter < CHARGE_METERS ? charge_meter_name((enum charge_meter)l->meter) : "all";
    struct buffer b;
    buffer_init(&b, ID_TEXT);
    buffer_append(&b, provider);
    buffer_byte(&b, '/');
    buffer_append(&b, model);
    if (with_meter) buffer_printf(&b, "/%s", meter);
    text(f, buffer_slice(&b));
    buffer_deinit(&b);
}

static void tags(struct focus *f, const struct cost_row *row) {
    struct buffer b;
    struct json_writer w;
    buffer_init(&b, TAGS_TEXT);
    json_start(&w, &b);
    json_object(&w);
    for (int d = 0; d < SPEND_DIMENSIONS; d++)
        if (f->tags >> d & 1 && !slice_is_null(row->names[d]))
            json_member_string(&w, spend_dimension_name((enum spend_dimension)d), row->names[d]);
    json_object_end(&w);
    text(f, buffer_slice(&b));
    buffer_deinit(&b);
}

/* ---- rows ---- */

static void write_times(struct focus *f, const struct line *l, int64_t *ret_from, int64_t *ret_to) {
    const struct cost_report_query *q = &f->report->query;
    int64_t from = l->row->start_us, to = from + (f->hour ? HOUR_US : DAY_US);
    *ret_from = from > q->from_us ? from : q->from_us; /* the window may begin and end inside */
    *ret_to = to < q->to_us ? to : q->to_us;
}

static void write_line(struct focus *f, const struct line *l) {
    const struct cost_row *row = l->row;
    bool requests = l->meter >= CHARGE_REQUESTS;
    int64_t from, to;
    write_times(f, l, &from, &to);
    money(f, l->nano);
    text(f, row->names[SPEND_BY_PROVIDER]); /* a provider is one account of ours there */
    word(f, "USD");
    moment(f, month(from, true));
    moment(f, month(from, false));
    word(f, "Usage");
    word(f, "");
    word(f, money_is_known(l->nano) ? meter_texts[l->meter] : "No price is known");
    word(f, "Usage-Based");
    moment(f, to);
    moment(f, from);
    number(f, l->quantity);
    word(f, requests ? "Requests" : "Tokens");
    money(f, l->nano);
    money(f, l->nano);
    text(f, row->names[SPEND_BY_PROVIDER]);
    money(f, l->nano);
    word(f, "Standard");
    number(f, l->quantity);
    word(f, requests ? "Requests" : "Tokens");
    text(f, row->names[SPEND_BY_PROVIDER]);
    text(f, row->names[SPEND_BY_PROVIDER]);
    text(f, row->names[SPEND_BY_MODEL]);
    text(f, row->names[SPEND_BY_MODEL]);
    word(f, "Model");
    word(f, "AI and Machine Learning");
    text(f, row->names[SPEND_BY_TARGET_MODEL]);
    word(f, "Generative AI");
    id(f, l, false);
    word(f, meter_texts[l->meter]);
    id(f, l, true);
    text(f, row->names[SPEND_BY_APPLICATION]);
    text(f, row->names[SPEND_BY_APPLICATION]);
    tags(f, row);
    buffer_i64(f->out, l->unpriced);
    buffer_append(f->out, SLICE("\r\n"));
}

/* What has no price: its tokens, or where none were reported, its requests. The count stands in the first
 * row. */
static void write_unpriced(struct focus *f, const struct cost_row *row) {
    const struct spend_sums *s = &row->sums;
    struct line l = {.row = row, .nano = MONEY_UNKNOWN, .unpriced = (int64_t)s->unpriced};
    if (s->unpriced_input > 0) {
        l.meter = CHARGE_INPUT, l.quantity = s->unpriced_input;
        write_line(f, &l);
        l.unpriced = 0;
    }
    if (s->unpriced_output > 0) {
        l.meter = CHARGE_OUTPUT, l.quantity = s->unpriced_output;
        write_line(f, &l);
        l.unpriced = 0;
    }
    if (l.unpriced == 0) return;
    l.meter = CHARGE_REQUESTS, l.quantity = l.unpriced;
    write_line(f, &l);
}

static void write_row(struct focus *f, const struct cost_row *row) {
    const struct spend_sums *s = &row->sums;
    for (unsigned m = 0; m <= CHARGE_METERS; m++)
        if (s->nano[m] != 0 || s->quantity[m] != 0)
            write_line(
                f, &(struct line){.row = row, .meter = m, .nano = s->nano[m], .quantity = s->quantity[m]});
    if (s->unpriced > 0) write_unpriced(f, row);
}

static void add(struct cost_report_query *q, int dimension) {
    for (unsigned i = 0; i < q->n_by; i++)
        if (q->by[i] == dimension) return;
    q->by[q->n_by++] = dimension;
}

enum fault cost_focus_write(struct ledger *l, const struct cost_report_query *q, struct buffer *out,
                            struct error *error) {
    static const int own[] = {SPEND_BY_APPLICATION, SPEND_BY_MODEL, SPEND_BY_PROVIDER, SPEND_BY_TARGET_MODEL,
                              SPEND_BY_DAY};
    struct cost_report report;
    struct cost_report_query query = *q;
    struct focus f = {.out = out, .report = &report};
    query.limit = 0;
    for (unsigned i = 0; i < q->n_by; i++) {
        if (q->by[i] < SPEND_DIMENSIONS) f.tags |= 1u << q->by[i] & ~FOCUS_OWN;
        f.hour |= q->by[i] == SPEND_BY_HOUR;
    }
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++) add(&query, own[i]);
    enum fault fault = cost_report_run(l, &query, &report, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < sizeof columns / sizeof *columns; i++)
        buffer_printf(out, "%s%s", i > 0 ? "," : "", columns[i]);
    if (fault == FAULT_NONE) buffer_append(out, SLICE("\r\n"));
    for (size_t i = 0; fault == FAULT_NONE && i < report.n && !out->overflow; i++)
        write_row(&f, &report.rows[i]);
    cost_report_deinit(&report);
    return fault;
}
