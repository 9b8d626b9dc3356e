/* `quarterdeck key create|list|revoke`. */
#include "control/cli_verbs.h"

#define CREATE_USAGE "quarterdeck key create APPLICATION NAME [options]"
#define LIST_USAGE "quarterdeck key list [APPLICATION] [options]"
#define REVOKE_USAGE "quarterdeck key revoke APPLICATION NAME [options]"

static void warn_unless_in_force(struct client_answer *a) {
    struct slice why = cli_value(a, 0, "why_not");
    if (!slice_is_null(why)) fprintf(stderr, "not in force yet: " SLICE_FMT "\n", SLICE_ARG(slice_trim(why)));
}

static int create(int argc, char **argv) {
    struct client_options o = {0};
    const char *reason = NULL;
    const struct option_spec specs[] = {
        {.name = "reason", .type = OPTION_TEXT, .value = &reason, .metavar = "TEXT", .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, CREATE_USAGE, &n);
    if (code < 0) code = cli_expect(CREATE_USAGE, n, 2, 2);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    struct client_answer a;
    struct buffer body;
    struct json_writer w;
    buffer_init(&body, 16 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "application", argv[0]);
    json_member_text(&w, "name", argv[1]);
    json_member_text(&w, "reason", reason);
    json_object_end(&w);
    client_answer_init(&a);
    code = client_call(client, "POST", "/api/v1/keys", buffer_slice(&body), &a);
    if (code < 0 && o.json) {
        cli_print_json(&a);
    } else if (code < 0) { /* the key alone on standard output: KEY=$(quarterdeck key create ...) */
        printf(SLICE_FMT "\n", SLICE_ARG(cli_value(&a, 0, "key")));
        fprintf(stderr, "this is the only time that the key `%s` of %s is shown: keep it now\n", argv[1], argv[0]);
        warn_unless_in_force(&a);
    }
    client_answer_deinit(&a);
    buffer_deinit(&body);
    client_close(client);
    return code < 0 ? 0 : code;
}

static void write_keys(struct client_answer *a) {
    static const char *const headers[] = {"APPLICATION", "NAME", "STATE", "HINT", "SOURCE", "CREATED (UTC)", "BY"};
    uint32_t key, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "keys"), &at, &key)) {
        bool revoked = !slice_is_null(cli_value(a, key, "revoked_at"));
        cli_put(&s, a, key, "application");
        cli_put(&s, a, key, "name");
        sheet_put(&s, revoked ? SLICE("revoked") : SLICE("valid"));
        sheet_paint(&s, revoked ? SHEET_DIM : SHEET_GOOD);
        cli_put(&s, a, key, "hint");
        cli_put(&s, a, key, "source");
        cli_put_time(&s, a, key, "created_at");
        cli_put(&s, a, key, "created_by");
    }
    if (sheet_rows(&s) == 0) printf("no keys; make one with `quarterdeck key create APPLICATION NAME`\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 1);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/keys"));
    if (n == 1) client_add_query(&path, "application", argv[0]);
    code = cli_get(&o, buffer_text(&path), write_keys, NULL);
    buffer_deinit(&path);
    return code;
}

static int revoke(int argc, char **argv) {
    struct client_options o = {0};
    const char *reason = NULL;
    const struct option_spec specs[] = {
        {.name = "reason", .type = OPTION_TEXT, .value = &reason, .metavar = "TEXT", .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REVOKE_USAGE, &n);
    if (code < 0) code = cli_expect(REVOKE_USAGE, n, 2, 2);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    struct client_answer a;
    struct buffer path;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/keys"));
    client_add_segment(&path, argv[0]);
    client_add_segment(&path, argv[1]);
    client_add_query(&path, "reason", reason);
    client_answer_init(&a);
    code = client_call(client, "DELETE", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0 && o.json) {
        cli_print_json(&a);
    } else if (code < 0) {
        printf("the key `%s` of %s is revoked\n", argv[1], argv[0]);
        warn_unless_in_force(&a);
    }
    client_answer_deinit(&a);
    buffer_deinit(&path);
    client_close(client);
    return code < 0 ? 0 : code;
}

const struct cli_verb cli_key_parts[] = {
    {"create", "key create APPLICATION NAME [options]", "make a key; it is shown once", create},
    {"list", "key list [APPLICATION] [options]", "keys, revoked ones included", list},
    {"revoke", "key revoke APPLICATION NAME [options]", "no longer accept a key", revoke},
    {NULL, NULL, NULL, NULL},
};

int cli_key(int argc, char **argv) { return cli_dispatch("key", cli_key_parts, argc, argv); }
