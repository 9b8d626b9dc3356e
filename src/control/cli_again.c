/* `record again`: a captured request once more. `suite add-case`: what it asked, as a case. */
#include "control/cli_route.h"
#include "control/cli_suite_import.h"

#include <stdio.h>

#define AGAIN_USAGE "quarterdeck record again ID --why TEXT [options]"
#define CASE_USAGE "quarterdeck suite add-case SUITE RECORD --why TEXT [options]"

static void say(const char *label, struct slice value) {
    struct buffer clean;
    if (value.len == 0) return;
    buffer_init(&clean, 2 * LIMIT_REPLY_BODY);
    sheet_clean(&clean, value);
    printf("%-14s " SLICE_FMT "\n", label, SLICE_ARG(buffer_slice(&clean)));
    buffer_deinit(&clean);
}

static void write_again(struct client_answer *a) {
    static const char *const facts[][2] = {{"record", "record"}, {"status", "status"}, {"model", "model"}, {"provider", "provider"}, {"target", "target_model"},
                                           {"prompt", "prompt"}, {"key", "key"}, {"error", "error"}, {"because", "error_text"}, {"cost (USD)", "cost_usd"}, {"total (ms)", "duration_ms"}};
    struct slice output = cli_value(a, 0, "output");
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) say(facts[i][0], cli_value(a, 0, facts[i][1]));
    if (output.len > 0) printf("\n");
    for (struct slice line; output.len > 0;) {
        struct buffer clean;
        slice_cut(output, '\n', &line, &output);
        buffer_init(&clean, 2 * LIMIT_REPLY_BODY);
        sheet_clean(&clean, line);
        printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&clean)));
        buffer_deinit(&clean);
    }
}

int cli_again(int argc, char **argv) {
    struct client_options o = {0};
    const char *model = NULL, *prompt = NULL, *why = NULL;
    const struct option_spec specs[] = {
        {.name = "model", .letter = 'm', .type = OPTION_TEXT, .value = &model, .metavar = "NAME", .help = "another model than it was for"},
        {.name = "prompt", .type = OPTION_TEXT, .value = &prompt, .metavar = "NAME@V", .help = "with this version in place of the one that it came with, or in front of its messages"},
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "why; kept in the audit log"}, CLIENT_OPTIONS(o)};
    struct buffer path, body;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, AGAIN_USAGE, &n);
    if (code < 0) code = cli_expect(AGAIN_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_init(&body, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/records"));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/again"));
    json_start(&w, &body);
    json_object(&w);
    if (model != NULL) json_member_text(&w, "model", model);
    if (prompt != NULL) json_member_text(&w, "prompt", prompt);
    if (why != NULL) json_member_text(&w, "reason", why);
    json_object_end(&w);
    code = cli_send(&o, "POST", buffer_text(&path), buffer_slice(&body), write_again);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return code;
}

static void write_case(struct client_answer *a) {
    printf("%.*s is version %.*s, with the case %.*s; run it with `quarterdeck eval run %.*s`\n", SLICE_ARG(cli_value(a, 0, "suite")), SLICE_ARG(cli_value(a, 0, "version")),
           SLICE_ARG(cli_value(a, 0, "case")), SLICE_ARG(cli_value(a, 0, "suite")));
}

int cli_suite_add_case(int argc, char **argv) {
    struct client_options o = {0};
    const char *id = NULL, *expected = NULL, *checks = NULL, *why = NULL;
    const struct option_spec specs[] = {
        {.name = "id", .type = OPTION_TEXT, .value = &id, .metavar = "ID", .help = "of the case; without it record-ID"},
        {.name = "expected", .type = OPTION_TEXT, .value = &expected, .metavar = "TEXT", .help = "what a good answer is"},
        {.name = "checks", .type = OPTION_TEXT, .value = &checks, .metavar = "JSON", .help = "its own checks: [{\"type\":\"icontains\",\"value\":\"refund\"}]"},
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "why; kept with the version and in the audit log"}, CLIENT_OPTIONS(o)};
    struct buffer path, body;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, CASE_USAGE, &n);
    if (code < 0) code = cli_expect(CASE_USAGE, n, 2, 2);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_init(&body, 4 * LIMIT_PAYLOAD);
    buffer_append(&path, SLICE("/api/v1/suites"));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/cases"));
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "record", argv[1]);
    if (id != NULL) json_member_text(&w, "id", id);
    if (expected != NULL) json_member_text(&w, "expected", expected);
    if (checks != NULL) json_member_text(&w, "checks", checks);
    if (why != NULL) json_member_text(&w, "reason", why);
    json_object_end(&w);
    code = cli_send(&o, "POST", buffer_text(&path), buffer_slice(&body), write_case);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return code;
}
