/* `quarterdeck model list|price`. */
#include "control/cli_live.h"
#include "control/cli_route.h"

#define LIST_USAGE "quarterdeck model list [options]"
#define PRICE_USAGE "quarterdeck model price [PROVIDER/]MODEL [options]"

static enum sheet_color breaker_color(struct slice state) {
    if (slice_is(state, "closed")) return SHEET_GOOD;
    return slice_is(state, "open") ? SHEET_BAD : slice_is_null(state) ? SHEET_DIM : SHEET_WARN;
}

static void put_breaker(struct sheet *s, struct client_answer *a, uint32_t target) {
    int64_t action;
    if (!json_get_i64(&a->doc, cli_at(a, target, "breaker.held_by"), &action)) cli_put(s, a, target, "breaker.state");
    else sheet_print_cell(s, SLICE_FMT " (action %lld)", SLICE_ARG(cli_value(a, target, "breaker.state")), (long long)action);
}

static void write_models(struct client_answer *a) {
    static const char *const headers[] = {"MODEL", "PROVIDER", "TARGET", ">WEIGHT", ">WINDOW (tok)", ">IN (USD/Mtok)", ">CACHE READ",
                                          ">CACHE WRITE", ">OUT (USD/Mtok)", "BREAKER", ">FAILURES"};
    static const char *const paths[] = {"provider", "model", "weight", "context_window", "usd_per_mtok.input", "usd_per_mtok.cache_read",
                                        "usd_per_mtok.cache_write", "usd_per_mtok.output"};
    uint32_t model, target, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "models"), &at, &model)) {
        uint32_t inner = JSON_NONE;
        while (json_each_item(&a->doc, cli_at(a, model, "targets"), &inner, &target)) {
            double rate;
            cli_put(&s, a, model, "name");
            for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) cli_put(&s, a, target, paths[i]);
            put_breaker(&s, a, target);
            sheet_paint(&s, breaker_color(cli_value(a, target, "breaker.state")));
            if (json_get_double(&a->doc, cli_at(a, target, "breaker.failure_rate"), &rate)) sheet_print_cell(&s, "%.0f %%", 100 * rate);
            else sheet_put(&s, SLICE_NULL);
        }
    }
    if (sheet_rows(&s) == 0) printf("no models are configured; add some under `models` in quarterdeck.yaml\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    if (code >= 0) return code;
    return cli_get(&o, "/api/v1/models", write_models, NULL);
}

/* ---- price ---- */

static void write_quote(struct client_answer *a) {
    static const char *const headers[] = {"METER", ">TOKENS", ">USD/Mtok", ">USD"};
    static const char *const rates[] = {"input", "cache_read", "cache_write", "output"};
    uint32_t lines = cli_at(a, 0, "lines"), at = JSON_NONE, row;
    struct slice cost = cli_value(a, 0, "cost_usd"), since = cli_value(a, 0, "price_since"), why = cli_value(a, 0, "why_unknown");
    struct sheet s;
    printf(SLICE_FMT "/" SLICE_FMT "%s" SLICE_FMT "\n\n", SLICE_ARG(cli_value(a, 0, "provider")), SLICE_ARG(cli_value(a, 0, "model")),
           slice_is_null(since) ? "" : ", price since ", SLICE_ARG(since));
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, lines, &at, &row)) {
        bool tiered = slice_is(cli_value(a, row, "tiered"), "true");
        sheet_print_cell(&s, SLICE_FMT "%s", SLICE_ARG(cli_value(a, row, "meter")), tiered ? " (higher tier)" : "");
        cli_put(&s, a, row, "tokens");
        cli_put(&s, a, row, "usd_per_mtok");
        cli_put(&s, a, row, "usd");
    }
    bool only_rates = sheet_rows(&s) == 0;
    for (unsigned i = 0; only_rates && i < sizeof rates / sizeof *rates; i++) {
        char path[48];
        snprintf(path, sizeof path, "usd_per_mtok.%s", rates[i]);
        sheet_put(&s, slice_of(rates[i]));
        sheet_put(&s, SLICE_NULL);
        cli_put(&s, a, 0, path);
        sheet_put(&s, SLICE_NULL);
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
    if (!slice_is_null(why)) printf("\nthe cost is unknown: " SLICE_FMT "\n", SLICE_ARG(why));
    else if (only_rates) printf("\nsay --input N --output N for a cost\n");
    else printf("\ncost " SLICE_FMT " USD (exactly " SLICE_FMT ")\n", SLICE_ARG(cost), SLICE_ARG(cli_value(a, 0, "exact_usd")));
}

static void add_count(struct buffer *path, const char *name, int64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    if (n != 0) client_add_query(path, name, text);
}

static int price(int argc, char **argv) {
    struct client_options o = {.offline = true};
    int64_t input = 0, output = 0, cache_read = 0, cache_write = 0;
    const char *when = NULL;
    const struct option_spec specs[] = {
        {.name = "input", .letter = 'i', .type = OPTION_INTEGER, .value = &input, .metavar = "N", .help = "all input tokens, cached ones included"},
        {.name = "output", .letter = 'o', .type = OPTION_INTEGER, .value = &output, .metavar = "N", .help = "output tokens"},
        {.name = "cache-read", .type = OPTION_INTEGER, .value = &cache_read, .metavar = "N", .help = "of the input: read from the cache"},
        {.name = "cache-write", .type = OPTION_INTEGER, .value = &cache_write, .metavar = "N", .help = "of the input: written to the cache"},
        {.name = "at", .type = OPTION_TEXT, .value = &when, .metavar = "DATE", .help = "with the prices of this time (default now)"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, PRICE_USAGE, &n);
    if (code < 0) code = cli_expect(PRICE_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    struct client_answer a;
    struct buffer path;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/prices/quote"));
    client_add_query(&path, "model", argv[0]);
    add_count(&path, "input", input);
    add_count(&path, "output", output);
    add_count(&path, "cache_read", cache_read);
    add_count(&path, "cache_write", cache_write);
    client_add_query(&path, "at", when);
    client_answer_init(&a);
    code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    bool unknown = code < 0 && !slice_is_null(cli_value(&a, 0, "why_unknown"));
    if (code < 0 && o.json) cli_print_json(&a);
    else if (code < 0) write_quote(&a);
    client_answer_deinit(&a);
    buffer_deinit(&path);
    client_close(client);
    return code >= 0 ? code : unknown ? 1 : 0;
}

const struct cli_verb cli_model_parts[] = {
    {"list", "model list [options]", "models, their targets, prices and breakers", list},
    {"price", "model price [PROVIDER/]MODEL [options]", "what a usage costs, with the computation; needs no server", price},
    {"changes", "model changes", "versions of providers' models that came in the place of others; exit 1 when one waits for a word", cli_model_changes},
    {"accept", "model accept N --why TEXT", "the new version is good", cli_model_accept},
    {"hold", "model hold N --to MODEL --why TEXT", "another model answers until it is", cli_model_hold},
    {"release", "model release N --why TEXT", "the end of a hold; the change waits again", cli_model_release},
    {"route", "model route MODEL [options]", "routing by difficulty: rules, weights, what it chose", cli_route_show},
    {"route-train", "model route-train MODEL [options]", "learn from scores when the cheapest tier is good enough", cli_route_train},
    {"route-on", "model route-on MODEL --why TEXT", "let it decide who answers", cli_route_on},
    {"downgrade-test", "model downgrade-test MODEL --judge M|--exec P", "ask the cheapest tier what the best one answered", cli_downgrade},
    {"route-off", "model route-off MODEL [options]", "back into shadow: the most capable tier answers", cli_route_off},
    {NULL, NULL, NULL, NULL},
};

int cli_model(int argc, char **argv) { return cli_dispatch("model", cli_model_parts, argc, argv); }
