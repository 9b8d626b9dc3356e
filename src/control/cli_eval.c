/* `quarterdeck eval`. */
#include "control/cli_eval.h"
#include "control/cli_judge.h"

#include <stdio.h>

#define LIST_USAGE "quarterdeck eval list [--suite NAME] [options]"
#define STOP_USAGE "quarterdeck eval stop RUN [options]"
#define REFERENCE_USAGE "quarterdeck eval reference SUITE RUN [options]"

void cli_eval_path(struct buffer *path, const char *run, const char *rest) {
    buffer_init(path, 64 << 10);
    buffer_append(path, SLICE("/api/v1/evals"));
    client_add_segment(path, run);
    buffer_append(path, slice_of(rest));
}

bool cli_eval_take_several(struct several *s, int *argc, char **argv) {
    int kept = 0, n = *argc;
    size_t len = strlen(s->name);
    for (int i = 0; i < n; i++) {
        const char *word = argv[i], *name = word + 2;
        bool ours = strncmp(word, "--", 2) == 0 && strncmp(name, s->name, len) == 0 && (name[len] == 0 || name[len] == '=');
        if (strcmp(word, "--") == 0) n = i; /* what follows is no option */
        if (!ours) {
            argv[kept++] = argv[i];
            continue;
        }
        const char *value = name[len] == '=' ? name + len + 1 : i + 1 < n ? argv[++i] : "";
        if (!*value || s->n == CLI_EVAL_SEVERAL) {
            fprintf(stderr, "quarterdeck: --%s: expected a value, at most %d times\n", s->name, CLI_EVAL_SEVERAL);
            return false;
        }
        s->values[s->n++] = value;
    }
    for (int i = n + 1; i < *argc; i++) argv[kept++] = argv[i];
    *argc = kept;
    return true;
}

/* ---- results ---- */

static int read_page(struct client_answer *a, bool (*each)(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node), void *ctx,
                     bool *ret_on) {
    uint32_t at = JSON_NONE, node;
    struct result r;
    struct error error;
    while (*ret_on && json_each_item(&a->doc, cli_at(a, 0, "results"), &at, &node)) {
        if (result_read(&a->doc, node, &a->arena, &r, &error) != FAULT_NONE) {
            fprintf(stderr, "quarterdeck: a result cannot be read: %s\n", error.text);
            return 3;
        }
        *ret_on = each(ctx, &r, &a->doc, node);
    }
    return -1;
}

int cli_eval_results(struct client *client, const char *run, const char *verdict, unsigned page,
                     bool (*each)(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node), void *ctx) {
    char after[64] = "", limit[16];
    int code = -1;
    snprintf(limit, sizeof limit, "%u", page);
    for (bool on = true; on && code < 0;) {
        struct buffer path;
        struct client_answer a;
        cli_eval_path(&path, run, "/results");
        client_add_query(&path, "limit", limit);
        client_add_query(&path, "verdict", verdict);
        client_add_query(&path, "after", after[0] ? after : NULL);
        client_answer_init(&a);
        code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
        if (code < 0) code = read_page(&a, each, ctx, &on);
        struct slice next = code < 0 ? cli_value(&a, 0, "next") : SLICE_NULL;
        if (slice_is_null(next)) on = false;
        snprintf(after, sizeof after, SLICE_FMT, SLICE_ARG(next));
        client_answer_deinit(&a);
        buffer_deinit(&path);
    }
    return code;
}

/* ---- list ---- */

static const char *const headers[] = {"RUN", "SUITE", ">VERSION", "STATE", "VERDICT", ">PASS RATE", "95 %", ">DONE", ">ERRORS", ">COST USD", "STARTED", "BY"};

static void put_percent(struct sheet *s, struct client_answer *a, uint32_t node, const char *path) {
    double x;
    if (json_get_double(&a->doc, cli_at(a, node, path), &x)) sheet_print_cell(s, "%.1f %%", 100 * x);
    else sheet_put(s, SLICE_NULL);
}

static void put_interval(struct sheet *s, struct client_answer *a, uint32_t node) {
    uint32_t list = cli_at(a, node, "interval");
    double low, high;
    if (json_get_double(&a->doc, json_item(&a->doc, list, 0), &low) && json_get_double(&a->doc, json_item(&a->doc, list, 1), &high))
        sheet_print_cell(s, "%.1f to %.1f", 100 * low, 100 * high);
    else sheet_put(s, SLICE_NULL);
}

static void put_run(struct sheet *s, struct client_answer *a, uint32_t run) {
    struct slice done = cli_value(a, run, "done"), planned = cli_value(a, run, "planned");
    cli_put(s, a, run, "run");
    cli_put(s, a, run, "suite");
    cli_put(s, a, run, "suite_version");
    cli_put(s, a, run, "state");
    cli_put(s, a, run, "verdict");
    sheet_paint(s, cli_eval_color(cli_value(a, run, "verdict")));
    put_percent(s, a, run, "pass_rate");
    put_interval(s, a, run);
    if (slice_eq(done, planned)) sheet_put(s, done);
    else sheet_print_cell(s, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(done), SLICE_ARG(planned));
    cli_put(s, a, run, "errors");
    cli_put(s, a, run, "cost_usd");
    cli_put_time(s, a, run, "started_at");
    cli_put(s, a, run, "by");
}

static void write_list(struct client_answer *a) {
    uint32_t run, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "runs"), &at, &run)) put_run(&s, a, run);
    if (sheet_rows(&s) == 0) printf("no runs yet: `quarterdeck eval run SUITE`\n");
    else sheet_write(&s, stdout, true);
    struct slice next = cli_value(a, 0, "next");
    if (!slice_is_null(next)) printf("older ones: --before " SLICE_FMT "\n", SLICE_ARG(next));
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const char *suite = NULL, *before = NULL;
    int64_t limit = 20;
    char number[24];
    const struct option_spec specs[] = {
        {.name = "suite", .letter = 's', .type = OPTION_TEXT, .value = &suite, .metavar = "NAME", .help = "only of this suite"},
        {.name = "before", .type = OPTION_TEXT, .value = &before, .metavar = "RUN", .help = "only runs before this one"},
        {.name = "limit", .type = OPTION_INTEGER, .value = &limit, .metavar = "N", .help = "at most so many, newest first"},
        CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/evals"));
    snprintf(number, sizeof number, "%lld", (long long)limit);
    client_add_query(&path, "limit", number);
    client_add_query(&path, "suite", suite);
    client_add_query(&path, "before", before);
    code = cli_get(&o, buffer_text(&path), write_list, NULL);
    buffer_deinit(&path);
    return code;
}

/* ---- stop, reference ---- */

static void say_stopped(struct client_answer *a) {
    struct slice run = cli_value(a, 0, "run");
    bool over = slice_is(cli_value(a, 0, "state"), "stopped");
    printf(SLICE_FMT "%s\n", SLICE_ARG(run), over ? " is stopped; its process was gone" : " is being stopped: what is under way is finished");
}

static int stop(int argc, char **argv) {
    struct client_options o = {0};
    const char *reason = NULL;
    const struct option_spec specs[] = {
        {.name = "reason", .type = OPTION_TEXT, .value = &reason, .metavar = "TEXT", .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, STOP_USAGE, &n);
    if (code < 0) code = cli_expect(STOP_USAGE, n, 1, 1);
    if (code >= 0) return code;
    return cli_post_reason(&o, "/api/v1/evals", argv[0], "/stop", reason, say_stopped);
}

static void say_reference(struct client_answer *a) {
    printf(SLICE_FMT " is the reference of " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "reference")), SLICE_ARG(cli_value(a, 0, "suite")));
}

static int reference(int argc, char **argv) {
    struct client_options o = {0};
    const char *reason = NULL;
    const struct option_spec specs[] = {
        {.name = "reason", .type = OPTION_TEXT, .value = &reason, .metavar = "TEXT", .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REFERENCE_USAGE, &n);
    if (code < 0) code = cli_expect(REFERENCE_USAGE, n, 2, 2);
    if (code >= 0) return code;
    struct buffer path, body;
    struct json_writer w;
    cli_eval_path(&path, argv[1], "/reference");
    buffer_init(&body, 64 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "suite", argv[0]);
    json_member_text(&w, "reason", reason);
    json_object_end(&w);
    code = cli_send(&o, "POST", buffer_text(&path), buffer_slice(&body), say_reference);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_eval_parts[] = {
    {"run", "eval run SUITE [options]", "run a suite: exit 0 passed, 1 failed or not enough evidence", cli_eval_run},
    {"list", "eval list [options]", "runs, newest first", list},
    {"show", "eval show RUN [options]", "one run: its verdict and why, what failed, as a report too", cli_eval_show},
    {"compare", "eval compare RUN_A RUN_B [options]", "is the second run better: the paired difference, what flipped", cli_eval_compare},
    {"power", "eval power [options]", "how many cases a suite needs, from what is expected or from a run", cli_eval_power},
    {"stop", "eval stop RUN [options]", "end a run early, with what it has", stop},
    {"history", "eval history SUITE [options]", "the pass rate over time against the reference", cli_eval_history},
    {"reference", "eval reference SUITE RUN", "the run that others of the suite are compared with", reference},
    {"judge", "eval judge calibrate|list|show", "judges, and how far each says what people say", cli_eval_judge},
    {"online", "eval online list|show|report|pause|resume", "scores of production traffic", cli_eval_online},
    {"schedule", "eval schedule list [options]", "what the server runs by itself, and when", cli_eval_schedule},
    {NULL, NULL, NULL, NULL},
};

int cli_eval(int argc, char **argv) { return cli_dispatch("eval", cli_eval_parts, argc, argv); }
