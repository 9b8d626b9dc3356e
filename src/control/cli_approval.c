/* `quarterdeck budget approve` and `quarterdeck budget approvals`. */
#include "control/cli_allowance.h"
#include "control/cli_verbs.h"

#define APPROVE_USAGE "quarterdeck budget approve --application A --request-type T --up-to USD [--until TIME] [--why TEXT], or --revoke"
#define LIST_USAGE "quarterdeck budget approvals [options]"

struct approval {
    const char *application, *request_type, *up_to, *until, *why;
    bool revoke;
};

static void write_approval(struct client_answer *a, const struct approval *o) {
    struct slice until = cli_value(a, 0, "after.until"), why_not = cli_value(a, 0, "why_not");
    if (o->revoke) printf("no longer approved: %s of %s\n", o->request_type, o->application);
    else
        printf("approved: %s of %s, up to " SLICE_FMT " USD a request, until " SLICE_FMT "\n", o->request_type, o->application,
               SLICE_ARG(cli_value(a, 0, "after.up_to_usd")), SLICE_ARG(until.len > 0 ? until : SLICE("it is revoked")));
    if (why_not.len > 0) fprintf(stderr, "not in force yet: " SLICE_FMT "\n", SLICE_ARG(slice_trim(why_not)));
}

static int send(const struct client_options *client, const struct approval *o) {
    struct buffer path, body;
    struct json_writer w;
    struct client_answer a;
    int code;
    struct client *c = client_open(client, &code);
    if (!c) return code;
    buffer_init(&path, 16 << 10);
    buffer_init(&body, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/approvals"));
    client_add_segment(&path, o->application);
    client_add_segment(&path, o->request_type);
    if (o->revoke) {
        client_add_query(&path, "reason", o->why);
    } else {
        json_start(&w, &body);
        json_object(&w);
        json_member_text(&w, "up_to_usd", o->up_to);
        json_member_text(&w, "until", o->until);
        json_member_text(&w, "reason", o->why);
        json_object_end(&w);
    }
    client_answer_init(&a);
    code = client_call(c, o->revoke ? "DELETE" : "PUT", buffer_text(&path), buffer_slice(&body), &a);
    if (code < 0 && client->json) cli_print_json(&a);
    else if (code < 0) write_approval(&a, o);
    client_answer_deinit(&a);
    buffer_deinit(&body);
    buffer_deinit(&path);
    client_close(c);
    return code < 0 ? 0 : code;
}

int cli_approve(int argc, char **argv) {
    struct client_options client = {0};
    struct approval o = {.revoke = false};
    const struct option_spec specs[] = {
        {.name = "application", .letter = 'a', .required = true, .type = OPTION_TEXT, .value = &o.application, .metavar = "NAME", .help = "the application"},
        {.name = "request-type", .required = true, .type = OPTION_TEXT, .value = &o.request_type, .metavar = "LABEL", .help = "the kind of work"},
        {.name = "up-to", .type = OPTION_TEXT, .value = &o.up_to, .metavar = "USD", .help = "what one request may cost without asking"},
        {.name = "until", .type = OPTION_TEXT, .value = &o.until, .metavar = "TIME", .help = "when it ends: RFC 3339 or a date; else when it is revoked"},
        {.name = "why", .type = OPTION_TEXT, .value = &o.why, .metavar = "TEXT", .help = "why; kept in the audit log"},
        {.name = "revoke", .type = OPTION_FLAG, .value = &o.revoke, .help = "take the approval back"},
        CLIENT_OPTIONS(client),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, APPROVE_USAGE, &n);
    if (code < 0) code = cli_expect(APPROVE_USAGE, n, 0, 0);
    if (code < 0 && !o.revoke && !o.up_to) {
        fprintf(stderr, "quarterdeck: --up-to USD is missing\nusage: %s\n", APPROVE_USAGE);
        code = 2;
    }
    return code >= 0 ? code : send(&client, &o);
}

static void write_approvals(struct client_answer *a) {
    static const char *const headers[] = {"APPLICATION", "REQUEST TYPE", ">UP TO USD", "UNTIL (UTC)", "STATE", "SET (UTC)", "BY", "WHY"};
    uint32_t one, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "approvals"), &at, &one)) {
        struct slice why = cli_value(a, one, "why_not");
        cli_put(&s, a, one, "application");
        cli_put(&s, a, one, "request_type");
        cli_put(&s, a, one, "up_to_usd");
        cli_put_time(&s, a, one, "until");
        sheet_put(&s, why.len > 0 ? why : SLICE("in force"));
        sheet_paint(&s, why.len > 0 ? SHEET_DIM : SHEET_GOOD);
        cli_put_time(&s, a, one, "set_at");
        cli_put(&s, a, one, "set_by");
        cli_put(&s, a, one, "reason");
    }
    if (sheet_rows(&s) == 0) printf("nothing is approved; approve a kind of work with `quarterdeck budget approve`\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

int cli_approvals(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/approvals", write_approvals, NULL);
}
