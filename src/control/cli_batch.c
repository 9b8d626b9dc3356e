/* `quarterdeck batch`. */
#include "control/cli_verbs.h"

#define LIST_USAGE "quarterdeck batch list [options]"
#define SHOW_USAGE "quarterdeck batch show ID [options]"
#define CANCEL_USAGE "quarterdeck batch cancel ID [options]"

static enum sheet_color paint_of(struct slice status) {
    if (slice_is(status, "failed") || slice_is(status, "expired")) return SHEET_BAD;
    return slice_is(status, "completed") ? SHEET_GOOD : SHEET_DIM;
}

static void put_row(struct sheet *s, struct client_answer *a, uint32_t batch) {
    cli_put(s, a, batch, "id");
    cli_put(s, a, batch, "application");
    cli_put(s, a, batch, "endpoint");
    cli_put(s, a, batch, "provider");
    cli_put(s, a, batch, "status");
    sheet_paint(s, paint_of(cli_value(a, batch, "status")));
    cli_put(s, a, batch, "request_counts.total");
    cli_put(s, a, batch, "request_counts.completed");
    cli_put(s, a, batch, "request_counts.failed");
}

static const char *const headers[] = {"BATCH", "APPLICATION", "ENDPOINT", "PROVIDER", "STATUS", ">LINES", ">ANSWERED", ">FAILED"};

static void write_list(struct client_answer *a) {
    uint32_t batch, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "batches"), &at, &batch)) put_row(&s, a, batch);
    if (sheet_rows(&s) == 0) printf("no batches\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void write_one(struct client_answer *a) {
    struct sheet s;
    uint32_t error, at = JSON_NONE;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    put_row(&s, a, 0);
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
    while (json_each_item(&a->doc, cli_at(a, 0, "errors.data"), &at, &error))
        printf("line " SLICE_FMT ": " SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(cli_value(a, error, "line")),
               SLICE_ARG(cli_value(a, error, "code")), SLICE_ARG(cli_value(a, error, "message")));
}

/* Exit 1: it failed or expired. */
static int went_wrong(struct client_answer *a) {
    struct slice status = cli_value(a, 0, "status");
    return slice_is(status, "failed") || slice_is(status, "expired") ? 1 : 0;
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const char *application = NULL;
    bool unfinished = false;
    const struct option_spec specs[] = {
        {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &application, .metavar = "NAME", .help = "only this application's"},
        {.name = "unfinished", .type = OPTION_FLAG, .value = &unfinished, .help = "only those that are not over"},
        CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/batches"));
    client_add_query(&path, "application", application);
    client_add_query(&path, "unfinished", unfinished ? "true" : NULL);
    code = cli_get(&o, buffer_text(&path), write_list, NULL);
    buffer_deinit(&path);
    return code;
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/batches"));
    client_add_segment(&path, argv[0]);
    code = cli_get(&o, buffer_text(&path), write_one, went_wrong);
    buffer_deinit(&path);
    return code;
}

static void say_cancelled(struct client_answer *a) {
    printf("batch " SLICE_FMT " is being cancelled: lines under way are finished\n", SLICE_ARG(cli_value(a, 0, "id")));
}

static int cancel(int argc, char **argv) {
    struct client_options o = {0};
    const char *reason = NULL;
    const struct option_spec specs[] = {
        {.name = "reason", .type = OPTION_TEXT, .value = &reason, .metavar = "TEXT", .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, CANCEL_USAGE, &n);
    if (code < 0) code = cli_expect(CANCEL_USAGE, n, 1, 1);
    if (code >= 0) return code;
    return cli_post_reason(&o, "/api/v1/batches", argv[0], "/cancel", reason, say_cancelled);
}

const struct cli_verb cli_batch_parts[] = {
    {"list", "batch list [options]", "batches of all applications, newest first", list},
    {"show", "batch show ID [options]", "one batch and its mistakes; exit 1 when it failed or expired", show},
    {"cancel", "batch cancel ID [options]", "cancel a batch; lines under way are finished", cancel},
    {NULL, NULL, NULL, NULL},
};

int cli_batch(int argc, char **argv) { return cli_dispatch("batch", cli_batch_parts, argc, argv); }
