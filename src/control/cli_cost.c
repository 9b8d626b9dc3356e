/* `quarterdeck cost report|explain`. */
#include "control/cli_cost_cache.h"
#include "control/cli_cost_file.h"
#include "control/cli_cost_watch.h"
#include "control/cli_verbs.h"

#define REPORT_USAGE "quarterdeck cost report [options]"
#define EXPLAIN_USAGE "quarterdeck cost explain [options]"
#define MOST_COLUMNS 20

struct cost_options {
    struct client_options client;
    const char *from, *to, *by, *application, *team, *feature, *user, *key, *model, *provider, *target_model;
    const char *request_type, *prompt, *system_prompt, *baseline_from, *baseline_to;
    int64_t limit;
    bool csv, focus;
};

#define FILTER(o, option, field, what)                                                                       \
    { .name = option, .type = OPTION_TEXT, .value = &(o).field, .metavar = "NAME", .help = "only this " what }
#define FILTERS(o)                                                                                           \
    FILTER(o, "application", application, "application"), FILTER(o, "team", team, "team"),                   \
        FILTER(o, "feature", feature, "feature"), FILTER(o, "key", key, "key"),                              \
        FILTER(o, "model", model, "model that was asked for"), FILTER(o, "provider", provider, "provider"),  \
        FILTER(o, "target-model", target_model, "model at the provider"),                                    \
        FILTER(o, "request-type", request_type, "kind of work"),                                             \
        FILTER(o, "prompt", prompt, "prompt, as name@version, or a name for all of its versions"),                                              \
        FILTER(o, "system-prompt", system_prompt, "system prompt, by its hash"),                             \
        FILTER(o, "user", user, "end user (read from records)")

static void add_filters(struct buffer *path, const struct cost_options *o) {
    client_add_query(path, "application", o->application);
    client_add_query(path, "team", o->team);
    client_add_query(path, "feature", o->feature);
    client_add_query(path, "user", o->user);
    client_add_query(path, "key", o->key);
    client_add_query(path, "model", o->model);
    client_add_query(path, "provider", o->provider);
    client_add_query(path, "target_model", o->target_model);
    client_add_query(path, "request_type", o->request_type);
    client_add_query(path, "prompt", o->prompt);
    client_add_query(path, "system_prompt", o->system_prompt);
    client_add_query(path, "from", o->from);
    client_add_query(path, "to", o->to);
}

/* CSV, as it came. */
static void write_raw(struct client_answer *a) { fwrite(a->body.at, 1, a->body.len, stdout); }

/* 09:30:00, or 09:30:00.25 where it begins or ends so. */
static void print_clock(struct slice time) {
    size_t end = time.len > 23 ? 23 : time.len - 1; /* milliseconds, or the Z */
    while (end > 19 && time.at[end - 1] == '0') end--;
    if (end == 20) end = 19;
    printf("%.*s", (int)(end - 11), time.at + 11);
}

static void print_window(struct client_answer *a, const char *from_key, const char *to_key,
                         const char *word) {
    struct slice from = cli_value(a, 0, from_key), to = cli_value(a, 0, to_key);
    if (from.len < 19 || to.len < 19) return;
    printf("%s%.10s ", word, from.at);
    print_clock(from);
    printf(" to %.10s ", to.at);
    print_clock(to);
    printf(" UTC\n");
}

/* Dollars to the millionth: a column of one width. "unknown" where no price is known. */
static void put_usd(struct sheet *s, struct client_answer *a, uint32_t node, const char *path, bool sign) {
    double usd;
    uint32_t at = cli_at(a, node, path);
    if (json_get_double(&a->doc, at, &usd)) sheet_print_cell(s, sign ? "%+.6f" : "%.6f", usd);
    else sheet_put(s, SLICE("unknown"));
}

static void put_percent(struct sheet *s, struct client_answer *a, uint32_t node, const char *path) {
    double share;
    if (json_get_double(&a->doc, cli_at(a, node, path), &share)) sheet_print_cell(s, "%.1f", 100 * share);
    else sheet_put(s, SLICE_NULL);
}

/* ---- report ---- */

/* Columns. Those that may be left out are where their total is 0: so most tables fit a terminal. */
enum measure_kind { IN_COUNT, IN_USD, IN_PERCENT };
static const struct {
    const char *header, *path;
    enum measure_kind kind;
    bool may_be_left_out;
} measures[] = {
    {">COST (USD)", "cost_usd", IN_USD, false},       {">SHARE (%)", "share", IN_PERCENT, false},
    {">REQUESTS", "count", IN_COUNT, false},          {">USD/REQUEST", "cost_per_request_usd", IN_USD, false},
    {">INPUT (tok)", "input", IN_COUNT, false},       {">CACHED", "cache_read", IN_COUNT, true},
    {">OUTPUT", "output", IN_COUNT, false},           {">UNPRICED", "unpriced", IN_COUNT, true},
    {">LOST (USD)", "lost_usd", IN_USD, true},        {">SAVED (USD)", "saved_usd", IN_USD, true},
};
#define MEASURES (sizeof measures / sizeof *measures)

static bool is_shown(struct client_answer *a, unsigned measure) {
    double total = 1;
    if (!measures[measure].may_be_left_out) return true;
    return !json_get_double(&a->doc, cli_at(a, cli_at(a, 0, "total"), measures[measure].path), &total) || total != 0;
}

static void put_measures(struct sheet *s, struct client_answer *a, uint32_t row) {
    for (unsigned i = 0; i < MEASURES; i++) {
        const char *path = measures[i].path;
        if (!is_shown(a, i)) continue;
        if (measures[i].kind == IN_USD) put_usd(s, a, row, path, false);
        else if (measures[i].kind == IN_PERCENT) put_percent(s, a, row, path);
        else cli_put(s, a, row, path);
        if (strcmp(path, "unpriced") == 0 && !slice_is(cli_value(a, row, path), "0")) sheet_paint(s, SHEET_WARN);
    }
}

/* "REQUEST TYPE" of request_type. */
static const char *header_of(struct arena *arena, struct slice name) {
    char *text = arena_text(arena, name);
    for (char *c = text; c && *c; c++) *c = *c == '_' ? ' ' : *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    return text ? text : "";
}

static void put_summary(struct sheet *s, struct client_answer *a, uint32_t sums, unsigned names,
                        const char *word) {
    for (unsigned i = 0; i < names; i++) sheet_put(s, i == 0 ? slice_of(word) : SLICE_NULL);
    put_measures(s, a, sums);
}

static void print_notes(struct client_answer *a) {
    struct slice unpriced = cli_value(a, 0, "total.unpriced");
    if (!slice_is(unpriced, "0"))
        printf("\n" SLICE_FMT
               " %s no known price and %s in no sum (`quarterdeck model list` shows which prices are missing)\n",
               SLICE_ARG(unpriced), slice_is(unpriced, "1") ? "request has" : "requests have",
               slice_is(unpriced, "1") ? "is" : "are");
}

static void write_report(struct client_answer *a) {
    const char *headers[MOST_COLUMNS], *names[MOST_COLUMNS];
    unsigned n = 0, columns;
    uint32_t item, row, at = JSON_NONE, rest = cli_at(a, 0, "rest");
    while (n + MEASURES < MOST_COLUMNS && json_each_item(&a->doc, cli_at(a, 0, "by"), &at, &item)) {
        names[n] = arena_text(&a->arena, json_string(&a->doc, item, &a->arena));
        headers[n] = header_of(&a->arena, slice_of(names[n]));
        n++;
    }
    columns = n;
    for (unsigned i = 0; i < MEASURES; i++)
        if (is_shown(a, i)) headers[columns++] = measures[i].header;
    struct sheet s;
    sheet_init(&s, headers, columns);
    for (at = JSON_NONE; json_each_item(&a->doc, cli_at(a, 0, "rows"), &at, &row);) {
        for (unsigned i = 0; i < n; i++) cli_put(&s, a, row, names[i]);
        put_measures(&s, a, row);
    }
    print_window(a, "from", "to", "");
    if (sheet_rows(&s) == 0) {
        printf("\nno exchanges in this window; look further back with --from -30d, or are the filters as meant?\n");
    } else {
        if (json_type(&a->doc, rest) == JSON_OBJECT) put_summary(&s, a, rest, n, "(rest)");
        put_summary(&s, a, cli_at(a, 0, "total"), n, "TOTAL");
        putchar('\n');
        sheet_write(&s, stdout, true);
        print_notes(a);
    }
    sheet_deinit(&s);
}

static int report(int argc, char **argv) {
    struct cost_options o = {0};
    const struct option_spec specs[] = {
        {.name = "by",
         .type = OPTION_TEXT,
         .value = &o.by,
         .metavar = "NAMES",
         .help = "up to four of "
                 "application,team,feature,user,key,model,provider,target_model,request_type,prompt,system_"
                 "prompt,day,hour"},
        {.name = "from",
         .type = OPTION_TEXT,
         .value = &o.from,
         .metavar = "TIME",
         .help = "begin: RFC 3339, a date, or -30d (default -7d)"},
        {.name = "to", .type = OPTION_TEXT, .value = &o.to, .metavar = "TIME", .help = "end (default now)"},
        {.name = "limit",
         .type = OPTION_INTEGER,
         .value = &o.limit,
         .metavar = "N",
         .help = "the N rows that cost most; the rest is summed in one"},
        {.name = "csv", .type = OPTION_FLAG, .value = &o.csv, .help = "as CSV, in full precision"},
        {.name = "focus",
         .type = OPTION_FLAG,
         .value = &o.focus,
         .help = "as CSV with the columns of FOCUS 1.2, one row a meter"},
        FILTERS(o),
        CLIENT_OPTIONS(o.client),
    };
    char limit[24];
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REPORT_USAGE, &n);
    if (code < 0) code = cli_expect(REPORT_USAGE, n, 0, 0);
    if (code >= 0) return code;
    if (o.csv + o.focus + o.client.json > 1) {
        fprintf(stderr, "quarterdeck cost report: expected one of --csv, --focus and --json\n");
        return 2;
    }
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/cost/report"));
    snprintf(limit, sizeof limit, "%lld", (long long)o.limit);
    client_add_query(&path, "by", o.by);
    client_add_query(&path, "limit", o.limit != 0 ? limit : NULL);
    client_add_query(&path, "format", o.csv ? "csv" : o.focus ? "focus" : NULL);
    add_filters(&path, &o);
    bool table = o.csv || o.focus; /* what it is printed as, also with --json */
    if (table) o.client.json = false;
    code = cli_get(&o.client, buffer_text(&path), table ? write_raw : write_report, NULL);
    buffer_deinit(&path);
    return code;
}

/* ---- explain ---- */

static void write_where(struct client_answer *a) {
    static const char *const headers[] = {"WHERE", "VALUE", ">CHANGE (USD)", ">SHARE (%)", "WITHIN"};
    uint32_t at = JSON_NONE, row;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "where"), &at, &row)) {
        cli_put(&s, a, row, "dimension");
        cli_put(&s, a, row, "value");
        put_usd(&s, a, row, "usd", true);
        put_percent(&s, a, row, "share");
        cli_put(&s, a, row, "inside.value");
    }
    if (sheet_rows(&s) > 0) {
        putchar('\n');
        sheet_write(&s, stdout, true);
    }
    struct slice note = cli_value(a, 0, "where_note");
    if (note.len > 0) printf("\n" SLICE_FMT "\n", SLICE_ARG(note));
    sheet_deinit(&s);
}

static void write_explain(struct client_answer *a) {
    static const char *const headers[] = {"WHY", ">CHANGE (USD)"};
    uint32_t at = JSON_NONE, row;
    double before = 0, after = 0;
    struct sheet s;
    (void)json_get_double(&a->doc, cli_at(a, 0, "before_usd"), &before);
    (void)json_get_double(&a->doc, cli_at(a, 0, "after_usd"), &after);
    print_window(a, "baseline_from", "baseline_to", "before: ");
    print_window(a, "from", "to", "after:  ");
    printf("\n%.6f USD before, %.6f USD after: %+.6f", before, after, after - before);
    if (before > 0) printf(" (%+.1f %%)", 100 * (after / before - 1));
    printf("\n\n");
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "contributions"), &at, &row)) {
        cli_put(&s, a, row, "factor");
        put_usd(&s, a, row, "usd", true);
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
    write_where(a);
    struct slice unpriced[] = {cli_value(a, 0, "unpriced_before"), cli_value(a, 0, "unpriced_after")};
    if (!slice_is(unpriced[0], "0") || !slice_is(unpriced[1], "0"))
        printf("\nwithout a known price, and in none of this: " SLICE_FMT " requests before, " SLICE_FMT
               " after\n",
               SLICE_ARG(unpriced[0]), SLICE_ARG(unpriced[1]));
}

static int explain(int argc, char **argv) {
    struct cost_options o = {0};
    const struct option_spec specs[] = {
        {.name = "from",
         .type = OPTION_TEXT,
         .value = &o.from,
         .metavar = "TIME",
         .help = "begin: RFC 3339, a date, or -1d (default -1d)"},
        {.name = "to", .type = OPTION_TEXT, .value = &o.to, .metavar = "TIME", .help = "end (default now)"},
        {.name = "baseline-from",
         .type = OPTION_TEXT,
         .value = &o.baseline_from,
         .metavar = "TIME",
         .help = "begin of what it is compared with (default: as long before its end)"},
        {.name = "baseline-to",
         .type = OPTION_TEXT,
         .value = &o.baseline_to,
         .metavar = "TIME",
         .help = "its end (default: --from)"},
        FILTERS(o),
        CLIENT_OPTIONS(o.client),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, EXPLAIN_USAGE, &n);
    if (code < 0) code = cli_expect(EXPLAIN_USAGE, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/cost/explain"));
    client_add_query(&path, "baseline_from", o.baseline_from);
    client_add_query(&path, "baseline_to", o.baseline_to);
    add_filters(&path, &o);
    code = cli_get(&o.client, buffer_text(&path), write_explain, NULL);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_cost_parts[] = {
    {"report", "cost report [options]", "where the money went, by any dimensions; --csv, --focus", report},
    {"explain", "cost explain [options]", "why cost differs between two windows, and where", explain},
    {"anomalies", "cost anomalies [options]",
     "has the cost of a request shifted, since when, and what moved it; exit 1 on a finding",
     cli_cost_anomalies},
    {"review", "cost review [options]", "what would lower the cost, by USD a month", cli_cost_review},
    {"cache-calibrate", "cost cache-calibrate [options]",
     "how alike two questions must be for one answer, measured; exit 1 when no threshold is verified",
     cli_cost_cache_calibrate},
    {"findings", "cost findings [options]", "what the watch over cost has noticed; exit 1 while one is open", cli_cost_findings},
    {"dismiss", "cost dismiss ID --why TEXT", "a finding needs no answer: it is not told again", cli_cost_dismiss},
    {"count", "cost count FILE --model M", "how many tokens a text is; - is the standard input",
     cli_cost_count},
    {"reconcile", "cost reconcile INVOICE.csv",
     "a provider's usage export against the records, day by day; exit 1 on gaps", cli_cost_reconcile},
    {NULL, NULL, NULL, NULL},
};

int cli_cost(int argc, char **argv) {
    return cli_dispatch("cost", cli_cost_parts, argc, argv);
}
