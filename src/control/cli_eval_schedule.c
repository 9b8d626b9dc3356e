/* `quarterdeck eval schedule`: what the server runs by itself. */
#include "control/cli_eval.h"

#include <stdio.h>

#define LIST_USAGE "quarterdeck eval schedule list [options]"

static void write_triggers(struct client_answer *a) {
    static const char *const headers[] = {"SUITE", "TRIGGER", "WHEN", "NEXT (UTC)", "LAST RUN", "VERDICT", "ENDED (UTC)", "NOTE"};
    struct sheet s;
    uint32_t at = JSON_NONE, t;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "triggers"), &at, &t)) {
        struct slice zone = cli_value(a, t, "zone"), verdict = cli_value(a, t, "last_run.verdict");
        cli_put(&s, a, t, "suite");
        cli_put(&s, a, t, "trigger");
        if (slice_is_null(zone)) sheet_put(&s, SLICE_NULL);
        else sheet_print_cell(&s, SLICE_FMT " " SLICE_FMT, SLICE_ARG(cli_value(a, t, "schedule")), SLICE_ARG(zone));
        if (slice_is_null(cli_value(a, t, "wanted_since"))) cli_put_time(&s, a, t, "next");
        else sheet_put(&s, SLICE("under way, or waiting"));
        cli_put(&s, a, t, "last_run.run");
        sheet_put(&s, verdict);
        sheet_paint(&s, cli_eval_color(verdict));
        cli_put_time(&s, a, t, "last_run.ended_at");
        cli_put(&s, a, t, "note");
    }
    if (sheet_rows(&s) == 0) printf("no registered suite has triggers\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/eval-schedule", write_triggers, NULL);
}

static const struct cli_verb parts[] = {
    {"list", "eval schedule list [options]", "each trigger: its next turn, its last run and verdict", list},
    {NULL, NULL, NULL, NULL},
};
int cli_eval_schedule(int argc, char **argv) { return cli_dispatch("eval schedule", parts, argc, argv); }
