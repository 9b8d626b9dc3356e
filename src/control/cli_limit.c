/* `quarterdeck limit list|show|set|remove`. */
#include "control/cli_allowance.h"
#include "control/cli_verbs.h"

#define LIST_USAGE "quarterdeck limit list [options]"

static void write_limits(struct client_answer *a) {
    static const char *const headers[] = {"LIMIT", "SCOPE", ">REQUESTS/MIN", ">TOKENS/MIN", ">AT ONCE", "SOURCE", "IN FORCE"};
    uint32_t limit, at = JSON_NONE, by, term, label;
    struct sheet s;
    struct buffer scope;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    buffer_init(&scope, 64 << 10);
    while (json_each_item(&a->doc, cli_at(a, 0, "limits"), &at, &limit)) {
        buffer_clear(&scope);
        for (by = JSON_NONE; json_each_member(&a->doc, cli_at(a, limit, "limit.scope"), &by, &label, &term);)
            (void)buffer_printf(&scope, "%s" SLICE_FMT "=" SLICE_FMT, scope.len > 0 ? "," : "",
                                SLICE_ARG(json_string(&a->doc, label, &a->arena)), SLICE_ARG(json_string(&a->doc, term, &a->arena)));
        cli_put(&s, a, limit, "name");
        sheet_put(&s, scope.len > 0 ? buffer_slice(&scope) : SLICE("everything"));
        cli_put(&s, a, limit, "limit.requests_per_minute");
        cli_put(&s, a, limit, "limit.tokens_per_minute");
        cli_put(&s, a, limit, "limit.concurrent");
        cli_put(&s, a, limit, "source");
        bool in_force = slice_is(cli_value(a, limit, "in_force"), "true");
        sheet_put(&s, in_force ? SLICE("yes") : cli_value(a, limit, "why_not"));
        sheet_paint(&s, in_force ? SHEET_GOOD : SHEET_BAD);
    }
    if (sheet_rows(&s) == 0) printf("no limits; they stand under `limits:` in the configuration, or are set with `quarterdeck limit set`\n");
    else sheet_write(&s, stdout, true);
    buffer_deinit(&scope);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/limits", write_limits, NULL);
}

static int set(int argc, char **argv) {
    struct allowance_options a = {.kind = "limit", .name = NULL};
    const struct option_spec specs[] = {
        {.name = "requests-per-minute", .type = OPTION_TEXT, .value = &a.requests_per_minute, .metavar = "N", .help = "requests a minute"},
        {.name = "tokens-per-minute", .type = OPTION_TEXT, .value = &a.tokens_per_minute, .metavar = "N", .help = "input and output tokens a minute"},
        {.name = "concurrent", .type = OPTION_TEXT, .value = &a.concurrent, .metavar = "N", .help = "requests under way at once"},
        ALLOWANCE_OPTIONS(a),
        CLIENT_OPTIONS(a.client),
    };
    return allowance_set(&a, specs, sizeof specs / sizeof *specs, "quarterdeck limit set FILE|- [options], or --name NAME [options]", argc, argv);
}

static int show(int argc, char **argv) { return allowance_show("limit", argc, argv); }
static int remove_one(int argc, char **argv) { return allowance_remove("limit", argc, argv); }

const struct cli_verb cli_limit_parts[] = {
    {"list", "limit list", "all limits, of the configuration and the registry", list},
    {"show", "limit show NAME", "one limit as it is declared, where, and by whom", show},
    {"set", "limit set FILE|- | --name NAME [options]", "set limits while the server runs: those of a file, or one by its flags", set},
    {"remove", "limit remove NAME [--reason TEXT]", "remove a limit that was set so", remove_one},
    {NULL, NULL, NULL, NULL},
};

int cli_limit(int argc, char **argv) { return cli_dispatch("limit", cli_limit_parts, argc, argv); }
