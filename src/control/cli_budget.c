/* `quarterdeck budget list`. */
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

static void write_budgets(struct client_answer *a) {
    static const char *const headers[] = {"BUDGET", "SCOPE",    "MODE",     "FROM (UTC)", "LIMIT USD",
                                          "SPENT",  "RESERVED", "FORECAST", "P(BREACH)",  "OUTLOOK"};
    uint32_t budget, at = JSON_NONE;
    struct sheet s;
    struct buffer room;
    buffer_init(&room, 64 << 10);
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "budgets"), &at, &budget)) {
        cli_put(&s, a, budget, "name");
        sheet_put(&s, scope_text(a, budget, &room));
        cli_put(&s, a, budget, "mode");
        cli_put_time(&s, a, budget, "window_start");
        cli_put(&s, a, budget, "limit_usd");
        cli_put(&s, a, budget, "spent_usd");
        cli_put(&s, a, budget, "reserved_usd");
        cli_put(&s, a, budget, "forecast_usd");
        cli_put(&s, a, budget, "breach_probability");
        cli_put(&s, a, budget, "outlook");
        sheet_paint(&s, paint_of(cli_value(a, budget, "outlook")));
    }
    if (sheet_rows(&s) == 0) printf("no budgets; they stand under `budgets:` in the configuration\n");
    else sheet_write(&s, stdout, true);
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
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 1);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/budgets"));
    client_add_query(&path, "name", n > 0 ? argv[0] : NULL);
    bool json = o.json;
    o.json = false;
    code = cli_get(&o, buffer_text(&path), json ? write_array : write_budgets, any_breached);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_budget_parts[] = {
    {"list", "budget list [NAME]",
     "what each budget has spent, holds, and will have spent; exit 1 when one is used up", list},
    {NULL, NULL, NULL, NULL},
};

int cli_budget(int argc, char **argv) {
    return cli_dispatch("budget", cli_budget_parts, argc, argv);
}
