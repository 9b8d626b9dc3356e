/* A provider's usage export, sent as the body, against the records: what `quarterdeck cost reconcile --json` answers. */
#include "control/api.h"

#include "cost/invoice.h"
#include "cost/report.h"

#define DAY_US 86400000000LL
#define TOLERANCE_PERCENT 0.5

/* The provider whose invoice it is, where one of ours has its very name; else all. */
static struct slice provider_of(struct api_call *c, const struct invoice *invoice, const struct cost_report *report) {
    struct slice given = api_text(c, "provider"), own = invoice->kind == INVOICE_OPENAI ? SLICE("openai") : SLICE("anthropic");
    if (!slice_is_null(given)) return given;
    for (size_t i = 0; i < report->n; i++)
        if (slice_eq(report->rows[i].names[SPEND_BY_PROVIDER], own)) return own;
    return SLICE_NULL;
}

static struct invoice_row recorded_row(const struct cost_row *row) {
    const struct spend_sums *s = &row->sums;
    return (struct invoice_row){.day = row->start_us / DAY_US,
                                .model = row->names[SPEND_BY_TARGET_MODEL],
                                .sums = {.requests = (int64_t)s->requests,
                                         .input = s->usage.input,
                                         .cache_read = s->usage.cache_read,
                                         .cache_write = s->usage.cache_write,
                                         .output = s->usage.output,
                                         .cost_nano = s->unpriced == 0 ? cost_known(s) : MONEY_UNKNOWN}};
}

static void compare(struct api_call *c, const struct invoice *invoice, const struct cost_report *report, double tolerance) {
    struct invoice_report result;
    struct price_list *prices = c->policy ? c->policy->prices : NULL;
    struct slice provider = provider_of(c, invoice, report);
    struct invoice_row *rows = arena_new_array(c->arena, struct invoice_row, report->n + 1);
    struct error error;
    size_t n = 0;
    for (size_t i = 0; rows && i < report->n; i++) {
        const struct cost_row *row = &report->rows[i];
        if (slice_is_null(row->names[SPEND_BY_TARGET_MODEL])) continue; /* nobody answered */
        if (slice_is_null(provider) || slice_eq(row->names[SPEND_BY_PROVIDER], provider)) rows[n++] = recorded_row(row);
    }
    if (!prices && !api_check(c, price_list_new(c->arena, NULL, NULL, 0, &prices, &error), &error)) return;
    if (api_check(c, invoice_reconcile(invoice, rows, n, tolerance / 100, prices, c->arena, &result, &error), &error))
        invoice_write_json(invoice, &result, &c->json);
}

void api_cost_reconcile(struct api_call *c) {
    struct slice text = api_text(c, "tolerance");
    double tolerance = TOLERANCE_PERCENT;
    struct invoice invoice;
    struct cost_report report;
    struct error error;
    if (!c->s->ledger) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
        return;
    }
    if (!slice_is_null(text) && (!slice_to_double(text, &tolerance) || !(tolerance >= 0 && tolerance <= 100))) {
        api_fail(c, FAULT_BAD_REQUEST, "tolerance: expected percent from 0 to 100, such as 0.5, found '" SLICE_FMT "'", SLICE_ARG(text));
        return;
    }
    if (!api_check(c, invoice_read(c->q->body, c->arena, &invoice, &error), &error)) return;
    struct cost_report_query q = {.from_us = invoice.first_day * DAY_US,
                                  .to_us = (invoice.last_day + 1) * DAY_US,
                                  .by = {SPEND_BY_DAY, SPEND_BY_PROVIDER, SPEND_BY_TARGET_MODEL},
                                  .n_by = 3};
    if (api_check(c, cost_report_run(c->s->ledger, &q, &report, &error), &error)) compare(c, &invoice, &report, tolerance);
    cost_report_deinit(&report);
}
