/* `quarterdeck alert receivers|notices|test`. */
#include "control/cli_alert.h"

#include "base/clock.h"
#include "control/cli_verbs.h"

#define RECEIVERS_USAGE "quarterdeck alert receivers [options]"
#define NOTICES_USAGE "quarterdeck alert notices [options]"
#define TEST_USAGE "quarterdeck alert test RECEIVER [options]"
#define ASK_US 200000LL
#define GRACE_US 5000000LL /* behind the receiver's own limit: the thread that delivers may be at work */

/* ---- receivers ---- */

static void put_list(struct sheet *s, struct client_answer *a, uint32_t list) {
    struct buffer out;
    uint32_t item, at = JSON_NONE;
    buffer_init(&out, 64 << 10);
    while (json_each_item(&a->doc, list, &at, &item)) buffer_printf(&out, "%s" SLICE_FMT, out.len > 0 ? ", " : "", SLICE_ARG(cli_value(a, item, "")));
    sheet_put(s, buffer_slice(&out));
    buffer_deinit(&out);
}

static void write_receivers(struct client_answer *a) {
    static const char *const headers[] = {"NAME", "KIND", "TO", ">WAITING", "LAST TAKEN", "RULES", "LAST ERROR"};
    uint32_t r, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "receivers"), &at, &r)) {
        cli_put(&s, a, r, "name");
        cli_put(&s, a, r, "kind");
        cli_put(&s, a, r, "to");
        cli_put(&s, a, r, "waiting");
        cli_put_time(&s, a, r, "last_taken");
        put_list(&s, a, cli_at(a, r, "rules"));
        cli_put(&s, a, r, "last_error");
    }
    if (sheet_rows(&s) == 0) printf("no receiver is configured: nobody is told of any alert; `receivers` in the configuration names them\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int any_fails(struct client_answer *a) {
    uint32_t r, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "receivers"), &at, &r))
        if (!slice_is_null(cli_value(a, r, "last_error"))) return 1;
    return 0;
}

int cli_alert_receivers(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, RECEIVERS_USAGE, &n);
    if (code < 0) code = cli_expect(RECEIVERS_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/receivers", write_receivers, any_fails);
}

/* ---- notices ---- */

static bool is_troubled(struct client_answer *a, uint32_t n) {
    struct slice state = cli_value(a, n, "state"), error = cli_value(a, n, "last_error");
    return slice_is(state, "given up") || (slice_is(state, "waiting") && !slice_is_null(error));
}

static void write_notices(struct client_answer *a) {
    static const char *const headers[] = {">NO", "MADE", "RECEIVER", "STATUS", "STATE", ">TRIES", ">ALERTS", "SUMMARY", "LAST ERROR"};
    uint32_t n, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "notices"), &at, &n)) {
        int64_t left_out = 0;
        (void)json_get_i64(&a->doc, cli_at(a, n, "left_out"), &left_out);
        cli_put(&s, a, n, "number");
        cli_put_time(&s, a, n, "made");
        cli_put(&s, a, n, "receiver");
        cli_put(&s, a, n, "status");
        cli_put(&s, a, n, "state");
        cli_put(&s, a, n, "tries");
        sheet_print_cell(&s, "%lld", (long long)json_size(&a->doc, cli_at(a, n, "alerts")) + (long long)left_out);
        cli_put(&s, a, n, "summary");
        cli_put(&s, a, n, "last_error");
    }
    if (sheet_rows(&s) == 0) printf("nobody was told of anything yet\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int any_troubled(struct client_answer *a) {
    uint32_t n, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "notices"), &at, &n))
        if (is_troubled(a, n)) return 1;
    return 0;
}

int cli_alert_notices(int argc, char **argv) {
    struct client_options o = {0};
    const char *receiver = NULL, *limit = NULL;
    const struct option_spec specs[] = {
        {.name = "receiver", .letter = 'r', .type = OPTION_TEXT, .value = &receiver, .metavar = "NAME", .help = "only for this one"},
        {.name = "limit", .letter = 'n', .type = OPTION_TEXT, .value = &limit, .metavar = "N", .help = "so many (50)"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, NOTICES_USAGE, &n);
    if (code < 0) code = cli_expect(NOTICES_USAGE, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/notices"));
    client_add_query(&path, "receiver", receiver);
    client_add_query(&path, "limit", limit);
    code = cli_get(&o, buffer_text(&path), write_notices, any_troubled);
    buffer_deinit(&path);
    return code;
}

/* ---- a test ---- */

static uint32_t find(struct client_answer *a, struct slice id) {
    uint32_t n, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "notices"), &at, &n))
        if (slice_eq(cli_value(a, n, "id"), id)) return n;
    return JSON_NONE;
}

static int say_came_back(struct client_answer *a, uint32_t n, const char *receiver, bool json) {
    bool taken = slice_is(cli_value(a, n, "state"), "taken");
    if (json) printf(SLICE_FMT "\n", SLICE_ARG(json_raw(&a->doc, n)));
    else if (taken) printf("%s took it (notice " SLICE_FMT ")\n", receiver, SLICE_ARG(cli_value(a, n, "id")));
    else printf("%s did not take it: " SLICE_FMT "\n", receiver, SLICE_ARG(cli_value(a, n, "last_error")));
    return taken ? 0 : 1;
}

/* Asks until it is over. -1: it is not, in time. */
static int await(struct client *c, struct slice id, const char *receiver, int64_t until_us, bool json) {
    struct buffer path;
    int code = -1;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/notices"));
    client_add_query(&path, "receiver", receiver);
    while (code < 0 && clock_us() < until_us) {
        struct client_answer a;
        client_answer_init(&a);
        code = client_call(c, "GET", buffer_text(&path), SLICE_NULL, &a);
        uint32_t n = code < 0 ? find(&a, id) : JSON_NONE;
        if (n != JSON_NONE && !slice_is(cli_value(&a, n, "state"), "waiting")) code = say_came_back(&a, n, receiver, json);
        client_answer_deinit(&a);
        if (code < 0) clock_sleep_us(ASK_US);
    }
    buffer_deinit(&path);
    return code;
}

static int send_test(struct client *c, const char *receiver, const char *why, bool json) {
    struct buffer path, body;
    struct json_writer w;
    struct client_answer a;
    int64_t within_ms = 10000;
    buffer_init(&path, 16 << 10);
    buffer_init(&body, 16 << 10);
    client_answer_init(&a);
    buffer_append(&path, SLICE("/api/v1/receivers"));
    client_add_segment(&path, receiver);
    buffer_append(&path, SLICE("/test"));
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "reason", why);
    json_object_end(&w);
    int code = client_call(c, "POST", buffer_text(&path), buffer_slice(&body), &a);
    if (code < 0) {
        (void)json_get_i64(&a.doc, cli_at(&a, 0, "answer_within_ms"), &within_ms);
        code = await(c, cli_value(&a, 0, "notice"), receiver, clock_us() + within_ms * 1000 + GRACE_US, json);
        if (code < 0) {
            fprintf(stderr, "quarterdeck: nothing came back in time; `quarterdeck alert notices --receiver %s` tells what becomes of it\n", receiver);
            code = 3;
        }
    }
    client_answer_deinit(&a);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

int cli_alert_test(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, TEST_USAGE, &n);
    if (code < 0) code = cli_expect(TEST_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct client *c = client_open(&o, &code);
    if (c == NULL) return code;
    code = send_test(c, argv[0], why, o.json);
    client_close(c);
    return code;
}
