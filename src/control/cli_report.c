/* `quarterdeck record latency|totals`. */
#include "control/cli_report.h"

#include "control/cli_verbs.h"

#define LATENCY_USAGE "quarterdeck record latency [options]"
#define TOTALS_USAGE "quarterdeck record totals [options]"
#define MOST_COLUMNS 24

struct report {
    struct client_options client;
    const char *from, *to, *application, *request_type, *model, *by, *step;
};

#define REPORT_OPTIONS(r)                                                                                     \
    {.name = "from", .type = OPTION_TEXT, .value = &(r).from, .metavar = "TIME", .help = "begin: RFC 3339, a date, or -1d (default -1h)"}, \
    {.name = "to", .type = OPTION_TEXT, .value = &(r).to, .metavar = "TIME", .help = "end (default now)"},    \
    {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &(r).application, .metavar = "NAME", .help = "only this application"}, \
    {.name = "request-type", .type = OPTION_TEXT, .value = &(r).request_type, .metavar = "LABEL", .help = "only this kind of work"}, \
    {.name = "model", .letter = 'm', .type = OPTION_TEXT, .value = &(r).model, .metavar = "NAME", .help = "only this model"}

/* Asks and hands a 2xx answer to `write`, unless it is to be printed as it is. */
static int ask(const struct report *r, const char *base, void (*write)(struct client_answer *a)) {
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, slice_of(base));
    client_add_query(&path, "from", r->from);
    client_add_query(&path, "to", r->to);
    client_add_query(&path, "application", r->application);
    client_add_query(&path, "request_type", r->request_type);
    client_add_query(&path, "model", r->model);
    client_add_query(&path, "by", r->by);
    client_add_query(&path, "step", r->step);
    int code = cli_get(&r->client, buffer_text(&path), write, NULL);
    buffer_deinit(&path);
    return code;
}

static void print_window(struct client_answer *a) {
    struct slice from = cli_value(a, 0, "from"), to = cli_value(a, 0, "to");
    if (from.len < 19 || to.len < 19) return;
    printf("%.10s %.5s to %.10s %.5s UTC\n\n", from.at, from.at + 11, to.at, to.at + 11);
}

/* ---- latency ---- */

static const struct {
    const char *header, *path;
} measures[] = {
    {">N", "n"},
    {">TOTAL p50", "total_ms.p50"},      {">p90", "total_ms.p90"},      {">p95", "total_ms.p95"},       {">p99 (ms)", "total_ms.p99"},
    {">FIRST p50", "first_token_ms.p50"}, {">p95", "first_token_ms.p95"}, {">p99 (ms)", "first_token_ms.p99"},
    {">TOKEN p50", "per_token_ms.p50"},  {">p95", "per_token_ms.p95"},  {">p99 (ms)", "per_token_ms.p99"},
};
#define MEASURES (sizeof measures / sizeof *measures)

/* "REQUEST TYPE" of request_type. */
static const char *header_of(struct arena *arena, const char *name) {
    char *text = arena_text(arena, slice_of(name));
    for (char *c = text; c && *c; c++) *c = *c == '_' ? ' ' : *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    return text ? text : "";
}

static void write_latency(struct client_answer *a) {
    const char *headers[MOST_COLUMNS], *names[MOST_COLUMNS];
    unsigned n = 0;
    uint32_t by = cli_at(a, 0, "by"), item, row, at = JSON_NONE;
    while (n + MEASURES < MOST_COLUMNS && json_each_item(&a->doc, by, &at, &item)) {
        names[n] = arena_text(&a->arena, json_string(&a->doc, item, &a->arena));
        headers[n] = header_of(&a->arena, names[n]);
        n++;
    }
    unsigned columns = n;
    for (unsigned i = 0; i < MEASURES; i++) headers[columns++] = measures[i].header;
    struct sheet s;
    sheet_init(&s, headers, columns);
    for (at = JSON_NONE; json_each_item(&a->doc, cli_at(a, 0, "rows"), &at, &row);) {
        for (unsigned i = 0; i < n; i++) cli_put(&s, a, row, names[i]);
        for (unsigned i = 0; i < MEASURES; i++) cli_put(&s, a, row, measures[i].path);
    }
    print_window(a);
    if (sheet_rows(&s) == 0) printf("no exchanges in this window; look further back with --from -1d\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

int cli_latency(int argc, char **argv) {
    struct report r = {0};
    const struct option_spec specs[] = {
        REPORT_OPTIONS(r),
        {.name = "by", .type = OPTION_TEXT, .value = &r.by, .metavar = "NAMES",
         .help = "rows: application,request_type,model,prompt,feature,team (default model)"},
        CLIENT_OPTIONS(r.client),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LATENCY_USAGE, &n);
    if (code < 0) code = cli_expect(LATENCY_USAGE, n, 0, 0);
    return code >= 0 ? code : ask(&r, "/api/v1/latency", write_latency);
}

/* ---- totals ---- */

static void print_statuses(struct client_answer *a) {
    uint32_t at = JSON_NONE, key, value;
    while (json_each_member(&a->doc, cli_at(a, 0, "by_status"), &at, &key, &value)) {
        struct slice name = json_string(&a->doc, key, &a->arena), count = json_raw(&a->doc, value);
        if (!slice_is(count, "0")) printf("  %-18s " SLICE_FMT "\n", arena_text(&a->arena, name), SLICE_ARG(count));
    }
}

static void write_series(struct client_answer *a) {
    static const char *const headers[] = {"START (UTC)", ">EXCHANGES", ">OK", ">ERROR", ">IN (tok)", ">OUT (tok)", ">COST (USD)", ">UNPRICED"};
    static const char *const paths[] = {"count", "by_status.ok", "by_status.error", "input", "output", "cost_usd", "unpriced"};
    uint32_t at = JSON_NONE, point, series = cli_at(a, 0, "series");
    struct sheet s;
    if (series == JSON_NONE) return;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, series, &at, &point)) {
        cli_put_time(&s, a, point, "start");
        for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) cli_put(&s, a, point, paths[i]);
    }
    putchar('\n');
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void write_totals(struct client_answer *a) {
    static const struct {
        const char *label, *path;
    } rows[] = {{"input tokens", "input"}, {"  cache read", "cache_read"}, {"  cache write", "cache_write"},
                {"output tokens", "output"}, {"  reasoning", "reasoning"}};
    struct slice cost = cli_value(a, 0, "cost_usd"), unpriced = cli_value(a, 0, "unpriced");
    print_window(a);
    printf("%-20s " SLICE_FMT "\n", "exchanges", SLICE_ARG(cli_value(a, 0, "count")));
    print_statuses(a);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        printf("%-20s " SLICE_FMT "\n", rows[i].label, SLICE_ARG(cli_value(a, 0, rows[i].path)));
    printf("%-20s " SLICE_FMT "\n", "cost (USD)", SLICE_ARG(slice_is_null(cost) ? SLICE("unknown") : cost));
    if (!slice_is(unpriced, "0"))
        printf("%-20s " SLICE_FMT " (their cost is unknown and not in the sum; `quarterdeck model list` shows which prices are missing)\n",
               "  without a price", SLICE_ARG(unpriced));
    write_series(a);
}

int cli_totals(int argc, char **argv) {
    struct report r = {0};
    const struct option_spec specs[] = {
        REPORT_OPTIONS(r),
        {.name = "step", .type = OPTION_TEXT, .value = &r.step, .metavar = "TIME", .help = "also a row for each 1m, 15m, 1h or 1d"},
        CLIENT_OPTIONS(r.client),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, TOTALS_USAGE, &n);
    if (code < 0) code = cli_expect(TOTALS_USAGE, n, 0, 0);
    return code >= 0 ? code : ask(&r, "/api/v1/totals", write_totals);
}
