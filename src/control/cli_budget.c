/* `quarterdeck budget list|show|set|remove`; approvals are in cli_approval.c. */
#include "control/cli_allowance.h"
#include "control/cli_verbs.h"

#define LIST_USAGE "quarterdeck budget list [NAME] [options]"

static struct slice scope_text(struct client_answer *a, uint32_t budget, struct buffer *room) {
    buffer_clear(room);
    struct slice raw = json_raw(&a->doc, cli_at(a, budget, "scope"));
    for (size_t i = 0; i < raw.len; i++) /* {"application":"helpdesk"} reads as application=helpdesk */
        if (raw.at[i] == ':') (void)buffer_byte(room, '=');
        else if (strchr("{}\" ", raw.at[i]) == NULL) (void)buffer_byte(room, raw.at[i]);
    return room->len > 0 ? buffer_slice(room) : SLICE("everything");
}

static enum sheet_color paint_of(struct slice outlook) {
    if (slice_is(outlook, "breached") || slice_is(outlook, "refusing") || slice_is(outlook, "forecast"))
        return SHEET_BAD;
    return slice_is(outlook, "holds") ? SHEET_GOOD : SHEET_DIM;
}

/* With so many decimals, that a column can be read downwards; --json has all of them. */
static void put_number(struct sheet *s, struct client_answer *a, uint32_t node, const char *path, int decimals) {
    double n;
    if (json_get_double(&a->doc, cli_at(a, node, path), &n)) sheet_print_cell(s, "%.*f", decimals, n);
    else sheet_put(s, SLICE_NULL);
}

static void write_budgets(struct client_answer *a) {
    static const char *const headers[] = {"BUDGET", "SCOPE",    "MODE",     "FROM (UTC)", ">LIMIT (USD)",
                                          ">SPENT", ">RESERVED", ">FORECAST", ">P(BREACH)", "OUTLOOK"};
    uint32_t budget, at = JSON_NONE;
    struct sheet s;
    struct buffer room;
    buffer_init(&room, 64 << 10);
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "budgets"), &at, &budget)) {
        cli_put(&s, a, budget, "name");
        sheet_put(&s, scope_text(a, budget, &room));
        cli_put(&s, a, budget, "mode");
        struct slice from = cli_value(a, budget, "window_start");
        if (from.len >= 16) sheet_print_cell(&s, "%.10s %.5s", from.at, from.at + 11);
        else sheet_put(&s, from);
        cli_put(&s, a, budget, "limit_usd");
        put_number(&s, a, budget, "spent_usd", 6);
        put_number(&s, a, budget, "reserved_usd", 6);
        put_number(&s, a, budget, "forecast_usd", 2);
        put_number(&s, a, budget, "breach_probability", 3);
        cli_put(&s, a, budget, "outlook");
        sheet_paint(&s, paint_of(cli_value(a, budget, "outlook")));
    }
    if (sheet_rows(&s) == 0) printf("no budgets; they stand under `budgets:` in the configuration, or are set with `quarterdeck budget set`\n");
    else sheet_write(&s, stdout, true);
    if (!slice_is(cli_value(a, 0, "not_forecast"), "0"))
        printf("\n" SLICE_FMT " further from their limit are not forecast: --forecasts N\n", SLICE_ARG(cli_value(a, 0, "not_forecast")));
    for (at = JSON_NONE; json_each_item(&a->doc, cli_at(a, 0, "not_in_force"), &at, &budget);)
        printf("not in force: " SLICE_FMT " " SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(cli_value(a, budget, "kind")),
               SLICE_ARG(cli_value(a, budget, "name")), SLICE_ARG(cli_value(a, budget, "why")));
    sheet_deinit(&s);
    buffer_deinit(&room);
}

/* The list alone: what scripts want to walk over. */
static void write_array(struct client_answer *a) {
    printf(SLICE_FMT "\n", SLICE_ARG(json_raw(&a->doc, cli_at(a, 0, "budgets"))));
}

/* Exit 1: a budget is used up. */
static int any_breached(struct client_answer *a) {
    uint32_t budget, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "budgets"), &at, &budget))
        if (slice_is(cli_value(a, budget, "outlook"), "breached") ||
            slice_is(cli_value(a, budget, "outlook"), "refusing"))
            return 1;
    return 0;
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const char *forecasts = NULL;
    const struct option_spec specs[] = {
        {.name = "forecasts", .type = OPTION_TEXT, .value = &forecasts, .metavar = "N",
         .help = "how many are forecast, those nearest to their limit; 100 unless given, at most 1000"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 1);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/budgets"));
    client_add_query(&path, "name", n > 0 ? argv[0] : NULL);
    client_add_query(&path, "forecasts", forecasts);
    bool json = o.json;
    o.json = false;
    code = cli_get(&o, buffer_text(&path), json ? write_array : write_budgets, any_breached);
    buffer_deinit(&path);
    return code;
}

static int show(int argc, char **argv) { return allowance_show("budget", argc, argv); }
static int remove_one(int argc, char **argv) { return allowance_remove("budget", argc, argv); }

static int set(int argc, char **argv) {
    struct allowance_options a = {.kind = "budget", .limit_usd = NULL};
    const struct option_spec specs[] = {
        {.name = "limit-usd", .type = OPTION_TEXT, .value = &a.limit_usd, .metavar = "USD", .help = "what may be spent in one window"},
        {.name = "window", .type = OPTION_TEXT, .value = &a.window, .metavar = "WINDOW", .help = "day, week, month or once"},
        {.name = "mode", .type = OPTION_TEXT, .value = &a.mode, .metavar = "MODE", .help = "hard (default), soft or degrade"},
        {.name = "timezone", .type = OPTION_TEXT, .value = &a.timezone, .metavar = "ZONE", .help = "whose calendar, such as Europe/London; UTC unless given"},
        {.name = "from", .type = OPTION_TEXT, .value = &a.from, .metavar = "TIME", .help = "with --window once: its start"},
        {.name = "to", .type = OPTION_TEXT, .value = &a.to, .metavar = "TIME", .help = "with --window once: its end"},
        ALLOWANCE_OPTIONS(a),
        CLIENT_OPTIONS(a.client),
    };
    return allowance_set(&a, specs, sizeof specs / sizeof *specs,
                         "quarterdeck budget set FILE|- [options], or --name NAME --limit-usd USD --window WINDOW [options]", argc, argv);
}

const struct cli_verb cli_budget_parts[] = {
    {"list", "budget list [NAME]",
     "what each budget has spent, holds, and will have spent; exit 1 when one is used up", list},
    {"show", "budget show NAME", "one budget as it is declared, where, and by whom", show},
    {"set", "budget set FILE|- | --name NAME --limit-usd USD --window WINDOW [options]",
     "set budgets while the server runs: those of a file, or one by its flags", set},
    {"remove", "budget remove NAME [--reason TEXT]", "remove a budget that was set so", remove_one},
    {"approve", "budget approve --application A --request-type T --up-to USD [--until TIME] [--why TEXT]",
     "let one kind of work cost more than approve_above_usd; --revoke takes it back", cli_approve},
    {"approvals", "budget approvals", "what is approved, up to what and until when", cli_approvals},
    {NULL, NULL, NULL, NULL},
};

int cli_budget(int argc, char **argv) {
    return cli_dispatch("budget", cli_budget_parts, argc, argv);
}
