/* `quarterdeck cost reconcile INVOICE.csv`. */
#include "control/cli_cost_file.h"

#include "base/clock.h"
#include "control/cli_verbs.h"
#include "control/suggest.h"
#include "cost/invoice.h"

#define RECONCILE_USAGE "quarterdeck cost reconcile INVOICE.csv [options]"
#define DAY_US 86400000000LL
#define TOLERANCE_PERCENT 0.5

struct reconcile {
    struct client_options client;
    const char *file, *provider;
    double tolerance;
    struct arena arena;
    struct invoice invoice;
    struct invoice_row *recorded;
    size_t n;
};

static int complain(const char *file, const struct error *e) {
    fprintf(stderr, "quarterdeck: %s: %s\n", file, e->text);
    return e->fault == FAULT_BAD_REQUEST ? 2 : 3;
}

static int64_t count_of(struct client_answer *a, uint32_t row, const char *path) {
    int64_t n = 0;
    (void)json_get_i64(&a->doc, cli_at(a, row, path), &n);
    return n;
}

static void take_row(struct reconcile *r, struct client_answer *a, uint32_t row) {
    int64_t day_us = 0, cost;
    struct slice model = cli_value(a, row, "target_model");
    if (slice_is_null(model) || !clock_parse(cli_value(a, row, "day"), &day_us)) return; /* nobody answered */
    bool known =
        json_get_i64(&a->doc, cli_at(a, row, "cost_nanousd"), &cost) && count_of(a, row, "unpriced") == 0;
    r->recorded[r->n++] = (struct invoice_row){.day = day_us / DAY_US,
                                               .model = arena_slice(&r->arena, model),
                                               .sums = {.requests = count_of(a, row, "count"),
                                                        .input = count_of(a, row, "input"),
                                                        .cache_read = count_of(a, row, "cache_read"),
                                                        .cache_write = count_of(a, row, "cache_write"),
                                                        .output = count_of(a, row, "output"),
                                                        .cost_nano = known ? cost : MONEY_UNKNOWN}};
}

/* The provider whose invoice it is, where one of ours has its very name; else all. */
static struct slice provider_of(const struct reconcile *r, struct client_answer *a) {
    uint32_t at = JSON_NONE, row;
    struct slice own = r->invoice.kind == INVOICE_OPENAI ? SLICE("openai") : SLICE("anthropic");
    if (r->provider) return slice_of(r->provider);
    while (json_each_item(&a->doc, cli_at(a, 0, "rows"), &at, &row))
        if (slice_eq(cli_value(a, row, "provider"), own)) return own;
    return SLICE_NULL;
}

/* A provider that answered nothing here is a slip of the pen sooner than an invoice out of nowhere. */
static void note_provider(const struct reconcile *r, struct client_answer *a) {
    struct suggestion near;
    char hint[SUGGESTION_TEXT];
    uint32_t at = JSON_NONE, row;
    if (!r->provider) return;
    suggestion_start(&near, slice_of(r->provider));
    while (json_each_item(&a->doc, cli_at(a, 0, "rows"), &at, &row)) {
        struct slice name = cli_value(a, row, "provider");
        if (slice_is(name, r->provider)) return;
        if (!slice_is_null(name)) suggestion_offer(&near, arena_text(&a->arena, name));
    }
    fprintf(stderr, "quarterdeck: note: no record of these days is of provider `%s`%s\n", r->provider,
            suggestion_text(&near, "", hint));
}

static int read_recorded(struct reconcile *r) {
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    struct client_answer a;
    struct buffer path;
    uint32_t at = JSON_NONE, row;
    int code = 0;
    struct client *client = client_open(&r->client, &code);
    if (!client) return code;
    clock_format(r->invoice.first_day * DAY_US, from);
    clock_format((r->invoice.last_day + 1) * DAY_US, to);
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/cost/report?by=day,provider,target_model"));
    client_add_query(&path, "from", from);
    client_add_query(&path, "to", to);
    client_answer_init(&a);
    code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) {
        uint32_t rows = cli_at(&a, 0, "rows");
        struct slice provider = provider_of(r, &a);
        note_provider(r, &a);
        r->recorded = arena_new_array(&r->arena, struct invoice_row, json_size(&a.doc, rows) + 1);
        while (r->recorded && json_each_item(&a.doc, rows, &at, &row))
            if (slice_is_null(provider) || slice_eq(cli_value(&a, row, "provider"), provider))
                take_row(r, &a, row);
    }
    client_answer_deinit(&a);
    buffer_deinit(&path);
    client_close(client);
    return code;
}

static void put_pair(struct sheet *s, int64_t invoiced, int64_t recorded) {
    if (invoiced == INVOICE_UNKNOWN) sheet_print_cell(s, "- / %lld", (long long)recorded);
    else sheet_print_cell(s, "%lld / %lld", (long long)invoiced, (long long)recorded);
}

static void print_gaps(const struct invoice_report *report) {
    static const char *const headers[] = {"DAY",          "MODEL",         "GAP", ">REQUESTS (theirs / ours)",
                                          ">INPUT (tok)", ">OUTPUT (tok)", ">USD"};
    static const char *const kinds[] = {"not recorded", "not invoiced", "differs"};
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    for (size_t i = 0; i < report->n_gaps; i++) {
        const struct invoice_gap *g = &report->gaps[i];
        char day[CLOCK_TEXT], usd[MONEY_TEXT];
        clock_format(g->day * DAY_US, day);
        money_format(g->nano, usd);
        sheet_print_cell(&s, "%.10s", day);
        sheet_put(&s, g->model);
        sheet_put(&s, slice_of(kinds[g->kind]));
        put_pair(&s, g->invoiced.requests, g->recorded.requests);
        put_pair(&s, g->invoiced.input, g->recorded.input);
        put_pair(&s, g->invoiced.output, g->recorded.output);
        if (money_is_known(g->nano))
            sheet_print_cell(&s, "%s%s", usd, g->nano_by_price ? " (by list price)" : "");
        else sheet_put(&s, SLICE("unknown"));
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void print_report(const struct reconcile *r, const struct invoice_report *report) {
    char first[CLOCK_TEXT], last[CLOCK_TEXT], usd[MONEY_TEXT];
    clock_format(r->invoice.first_day * DAY_US, first);
    clock_format(r->invoice.last_day * DAY_US, last);
    money_format(report->nano, usd);
    printf("%.10s to %.10s UTC: %zu %s compared, %zu with gaps\n", first, last,
           report->n_compared, report->n_compared == 1 ? "day and model" : "days and models", report->n_gaps);
    if (report->n_gaps == 0) return;
    putchar('\n');
    print_gaps(report);
    printf("\ntheirs less ours: %s USD", usd);
    if (report->n_nano_unknown > 0) printf(", and %zu %s of unknown amount", report->n_nano_unknown, report->n_nano_unknown == 1 ? "gap" : "gaps");
    putchar('\n');
}

static int compare(struct reconcile *r) {
    struct invoice_report report;
    struct price_list *prices = NULL;
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = price_list_new(&r->arena, NULL, NULL, 0, &prices, &error);
    if (fault == FAULT_NONE)
        fault = invoice_reconcile(&r->invoice, r->recorded, r->n, r->tolerance / 100, prices, &r->arena,
                                  &report, &error);
    if (fault != FAULT_NONE) return complain(r->file, &error);
    if (r->client.json) {
        struct buffer out;
        struct json_writer w;
        buffer_init(&out, LIMIT_REPLY_BODY);
        json_start(&w, &out);
        invoice_write_json(&r->invoice, &report, &w);
        printf("%s\n", buffer_text(&out));
        buffer_deinit(&out);
    } else {
        print_report(r, &report);
    }
    return report.n_gaps > 0 ? 1 : 0;
}

int cli_cost_reconcile(int argc, char **argv) {
    struct reconcile r = {.tolerance = TOLERANCE_PERCENT};
    const struct option_spec specs[] = {
        {.name = "provider",
         .type = OPTION_TEXT,
         .value = &r.provider,
         .metavar = "NAME",
         .help = "our provider whose invoice it is (default: openai or anthropic where there is one of that "
                 "name, else all)"},
        {.name = "tolerance",
         .type = OPTION_NUMBER,
         .value = &r.tolerance,
         .metavar = "PERCENT",
         .help = "smaller differences are none"},
        CLIENT_OPTIONS(r.client),
    };
    struct buffer text;
    struct error error = {.fault = FAULT_NONE};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, RECONCILE_USAGE, &n);
    if (code < 0) code = cli_expect(RECONCILE_USAGE, n, 1, 1);
    if (code >= 0) return code;
    if (!(r.tolerance >= 0 && r.tolerance <= 100)) {
        fprintf(stderr, "quarterdeck cost reconcile: --tolerance: expected percent from 0 to 100, found %g\n", r.tolerance);
        return 2;
    }
    r.file = argv[0];
    buffer_init(&text, COST_FILE_MOST);
    arena_init(&r.arena, 64 << 10, 4 * (size_t)COST_FILE_MOST);
    code = cli_load_file(r.file, &text) ? -1 : 3;
    if (code < 0 && invoice_read(buffer_slice(&text), &r.arena, &r.invoice, &error) != FAULT_NONE)
        code = complain(r.file, &error);
    if (code < 0) code = read_recorded(&r);
    if (code < 0) code = compare(&r);
    arena_deinit(&r.arena);
    buffer_deinit(&text);
    return code;
}
