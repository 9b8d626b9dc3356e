/* A suite's pass rate over time. */
#include "control/cli_eval.h"

#include <stdio.h>

#define USAGE "quarterdeck eval history SUITE [options]"
#define WIDTH 50 /* characters from the chart's left end to 100 % */

struct chart {
    double from; /* the rate at its left end */
    double reference; /* < 0: none */
};

static bool numbers_of(struct client_answer *a, uint32_t run, double *rate, double *low, double *high) {
    uint32_t interval = cli_at(a, run, "interval");
    return json_get_double(&a->doc, cli_at(a, run, "pass_rate"), rate) && json_get_double(&a->doc, json_item(&a->doc, interval, 0), low) &&
           json_get_double(&a->doc, json_item(&a->doc, interval, 1), high);
}

static unsigned column_of(const struct chart *c, double x) {
    double at = (x - c->from) / (1 - c->from) * (WIDTH - 1) + 0.5;
    return at < 0 ? 0 : at > WIDTH - 1 ? WIDTH - 1 : (unsigned)at;
}

/* "   |  ---o----  ": the interval, the rate, and the reference's rate behind them. */
static void draw(const struct chart *c, double rate, double low, double high, char out[WIDTH + 1]) {
    memset(out, ' ', WIDTH);
    out[WIDTH] = 0;
    for (unsigned i = column_of(c, low); i <= column_of(c, high); i++) out[i] = '-';
    if (c->reference >= 0) out[column_of(c, c->reference)] = '|';
    out[column_of(c, rate)] = 'o';
}

static void find_scale(struct client_answer *a, struct chart *c) {
    uint32_t at = JSON_NONE, run;
    struct slice reference = cli_value(a, 0, "reference");
    double rate, low, high, lowest = 1;
    c->reference = -1;
    while (json_each_item(&a->doc, cli_at(a, 0, "runs"), &at, &run)) {
        if (!numbers_of(a, run, &rate, &low, &high)) continue;
        if (low < lowest) lowest = low;
        if (!slice_is_null(reference) && slice_eq(cli_value(a, run, "run"), reference)) c->reference = rate;
    }
    c->from = (double)(int)(lowest * 10) / 10;
    if (c->from > 0.9) c->from = 0.9;
}

static void put_run(struct sheet *s, struct client_answer *a, uint32_t run, const struct chart *c) {
    double rate, low, high;
    char line[WIDTH + 1] = "", percent[CLI_EVAL_PERCENT];
    bool known = numbers_of(a, run, &rate, &low, &high), reference = slice_eq(cli_value(a, run, "run"), cli_value(a, 0, "reference"));
    sheet_print_cell(s, SLICE_FMT "%s", SLICE_ARG(cli_value(a, run, "run")), reference ? " (reference)" : "");
    cli_put_time(s, a, run, "started_at");
    cli_put(s, a, run, "suite_version");
    cli_put(s, a, run, "prompt");
    struct slice verdict = cli_value(a, run, "verdict");
    sheet_put(s, slice_is_null(verdict) ? cli_value(a, run, "state") : verdict);
    sheet_paint(s, cli_eval_color(verdict));
    if (known) sheet_put(s, slice_of(cli_eval_percent(rate, percent)));
    else sheet_put(s, SLICE_NULL);
    if (known) draw(c, rate, low, high, line);
    sheet_print_cell(s, "%s", known ? line : " ");
}

static void write_history(struct client_answer *a) {
    char scale[WIDTH + 16], left[16];
    struct chart c;
    find_scale(a, &c);
    snprintf(left, sizeof left, "%.0f %%", 100 * c.from);
    snprintf(scale, sizeof scale, "%-*s100 %%", WIDTH - 5, left);
    const char *const headers[] = {"RUN", "STARTED", ">VERSION", "PROMPT", "VERDICT", ">PASS RATE", scale};
    uint32_t at = JSON_NONE, run;
    struct sheet s;
    sheet_init(&s, headers, 7);
    while (json_each_item(&a->doc, cli_at(a, 0, "runs"), &at, &run)) put_run(&s, a, run, &c);
    if (sheet_rows(&s) == 0) printf("no runs of this suite\n");
    else {
        sheet_write(&s, stdout, true);
        printf("\no pass rate, - its 95 %% interval%s\n", c.reference >= 0 ? ", | the reference's rate" : "; name a reference: quarterdeck eval reference SUITE RUN");
        if (c.reference >= 0) printf("whether two runs differ: quarterdeck eval compare " SLICE_FMT " RUN\n", SLICE_ARG(cli_value(a, 0, "reference")));
    }
    sheet_deinit(&s);
}

int cli_eval_history(int argc, char **argv) {
    struct client_options o = {0};
    int64_t limit = 30;
    char number[24];
    const struct option_spec specs[] = {
        {.name = "limit", .type = OPTION_INTEGER, .value = &limit, .metavar = "N", .help = "the newest so many runs"},
        CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/evals"));
    snprintf(number, sizeof number, "%lld", (long long)limit);
    client_add_query(&path, "suite", argv[0]);
    client_add_query(&path, "limit", number);
    code = cli_get(&o, buffer_text(&path), write_history, NULL);
    buffer_deinit(&path);
    return code;
}
