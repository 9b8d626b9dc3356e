/* `quarterdeck policy show|reload`: what is in force. `policy audit` is in cli_audit.c. */
#include "control/cli_verbs.h"

#define SHOW_USAGE "quarterdeck policy show [options]"
#define RELOAD_USAGE "quarterdeck policy reload [options]"

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
        code = 0;
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

const struct cli_verb cli_policy_parts[] = {
    {"show", "policy show [options]", "state of the server: revision, recorder, ledger", show},
    {"reload", "policy reload [options]", "read the configuration again; exit 1 when it has problems", reload},
    {"audit", "policy audit [options]", "who changed what; --verify checks the chain: as `audit`", cli_policy_audit},
    {NULL, NULL, NULL, NULL},
};

int cli_policy(int argc, char **argv) { return cli_dispatch("policy", cli_policy_parts, argc, argv); }
