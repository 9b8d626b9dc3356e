/* `quarterdeck policy show|reload|audit`: what is in force, and who changed what. */
#include "control/cli_verbs.h"

#define SHOW_USAGE "quarterdeck policy show [options]"
#define RELOAD_USAGE "quarterdeck policy reload [options]"
#define AUDIT_USAGE "quarterdeck policy audit [options]"

/* One call without parameters of its own. */
static int ask(const struct client_options *o, const char *method, const char *path, struct slice body,
               int (*write)(struct client_answer *a)) {
    int code = 0;
    struct client *client = client_open(o, &code);
    if (!client) return code;
    struct client_answer a;
    client_answer_init(&a);
    code = client_call(client, method, path, body, &a);
    if (code < 0 && o->json) {
        cli_print_json(&a);
        code = slice_is(cli_value(&a, 0, "whole"), "false") ? 1 : 0;
    } else if (code < 0) {
        code = write(&a);
    }
    client_answer_deinit(&a);
    client_close(client);
    return code;
}

/* ---- show ---- */

static int write_status(struct client_answer *a) {
    static const struct {
        const char *label, *path, *unit;
    } rows[] = {
        {"version", "version", ""},        {"ready", "ready", ""},            {"why not", "why_not", ""},
        {"started at", "started_at", ""},  {"uptime", "uptime_seconds", " s"}, {"policy revision", "revision", ""},
        {"applications", "applications", ""}, {"models", "models", ""},       {"providers", "providers", ""},
        {"semantic caches off", "semantic_caches_off", ""}, {"records taken", "recorder.appended", ""}, {"  lost", "recorder.lost", ""}, {"  damaged", "recorder.damaged", ""},
        {"  pending", "recorder.pending_bytes", " bytes"}, {"  full", "recorder.full", ""},
        {"batches", "batches.under_way", ""}, {"  lines waiting", "batches.waiting", ""}, {"  sent", "batches.sent", ""},
        {"  at providers", "batches.at_provider", ""},
        {"ledger records", "ledger.records", ""}, {"  duplicates", "ledger.duplicates", ""}, {"  failures", "ledger.failures", ""},
        {"  last error", "ledger.last_error", ""},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice value = cli_value(a, 0, rows[i].path);
        if (!slice_is_null(value)) printf("%-19s " SLICE_FMT "%s\n", rows[i].label, SLICE_ARG(value), rows[i].unit);
    }
    return 0;
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 0, 0);
    return code >= 0 ? code : ask(&o, "GET", "/api/v1/status", SLICE_NULL, write_status);
}

/* ---- reload ---- */

static int write_revision(struct client_answer *a) {
    printf("policy revision " SLICE_FMT " is in force\n", SLICE_ARG(cli_value(a, 0, "revision")));
    return 0;
}

static int reload(int argc, char **argv) {
    struct client_options o = {0};
    const char *reason = NULL;
    const struct option_spec specs[] = {
        {.name = "reason", .type = OPTION_TEXT, .value = &reason, .metavar = "TEXT", .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, RELOAD_USAGE, &n);
    if (code < 0) code = cli_expect(RELOAD_USAGE, n, 0, 0);
    if (code >= 0) return code;
    struct buffer body;
    struct json_writer w;
    buffer_init(&body, 16 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "reason", reason);
    json_object_end(&w);
    code = ask(&o, "POST", "/api/v1/reload", buffer_slice(&body), write_revision);
    buffer_deinit(&body);
    return code == 2 ? 1 : code; /* the configuration's problems are a "no", not a usage mistake */
}

/* ---- audit ---- */

static int write_audit(struct client_answer *a) {
    static const char *const headers[] = {">NO", "TIME (UTC)", "ACTOR", "ACTION", "SUBJECT", "REASON"};
    static const char *const paths[] = {"actor", "action", "subject", "reason"};
    uint32_t entry, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "entries"), &at, &entry)) {
        cli_put(&s, a, entry, "number");
        cli_put_time(&s, a, entry, "at");
        for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) cli_put(&s, a, entry, paths[i]);
    }
    if (sheet_rows(&s) == 0) printf("the audit log is empty: nothing was changed yet\n");
    else sheet_write(&s, stdout, true);
    struct slice before = cli_value(a, 0, "next_before");
    if (!slice_is_null(before)) fprintf(stderr, "there are more: --before " SLICE_FMT "\n", SLICE_ARG(before));
    sheet_deinit(&s);
    return 0;
}

static int write_verdict(struct client_answer *a) {
    if (slice_is(cli_value(a, 0, "whole"), "true")) {
        printf("the audit log is whole\n");
        return 0;
    }
    printf("the audit log was changed: entry " SLICE_FMT " is the first that does not fit\n", SLICE_ARG(cli_value(a, 0, "first_bad")));
    return 1;
}

static int audit(int argc, char **argv) {
    struct client_options o = {0};
    bool verify = false;
    const char *before = NULL, *limit = NULL;
    const struct option_spec specs[] = {
        {.name = "verify", .type = OPTION_FLAG, .value = &verify, .help = "whether it is whole; exit 1 when not"},
        {.name = "before", .type = OPTION_TEXT, .value = &before, .metavar = "NO", .help = "entries before this one"},
        {.name = "limit", .letter = 'n', .type = OPTION_TEXT, .value = &limit, .metavar = "N", .help = "at most so many"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, AUDIT_USAGE, &n);
    if (code < 0) code = cli_expect(AUDIT_USAGE, n, 0, 0);
    if (code >= 0) return code;
    if (verify) return ask(&o, "GET", "/api/v1/audit/verify", SLICE_NULL, write_verdict);
    struct buffer path;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/audit"));
    client_add_query(&path, "before", before);
    client_add_query(&path, "limit", limit);
    code = ask(&o, "GET", buffer_text(&path), SLICE_NULL, write_audit);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_policy_parts[] = {
    {"show", "policy show [options]", "state of the server: revision, recorder, ledger", show},
    {"reload", "policy reload [options]", "read the configuration again; exit 1 when it has problems", reload},
    {"audit", "policy audit [options]", "who changed what; --verify checks the chain", audit},
    {NULL, NULL, NULL, NULL},
};

int cli_policy(int argc, char **argv) { return cli_dispatch("policy", cli_policy_parts, argc, argv); }
