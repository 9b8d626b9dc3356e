/* Versions of prompts and knowledge bases: what differs, and what lint says. */
#include "control/cli_versions.h"

void cli_diff_say(struct slice text, struct buffer *out) {
    struct slice line;
    while (text.len > 0) {
        slice_cut(text, '\n', &line, &text);
        enum sheet_color color = line.len > 0 && line.at[0] == '-' ? SHEET_BAD : line.len > 0 && line.at[0] == '+' ? SHEET_GOOD : SHEET_PLAIN;
        buffer_append(out, slice_of(sheet_color_on(stdout, color)));
        sheet_clean(out, line);
        buffer_append(out, slice_of(color != SHEET_PLAIN ? sheet_color_off(stdout) : ""));
        buffer_byte(out, '\n');
    }
}

static void write_diff(struct client_answer *a) {
    struct buffer out;
    uint32_t reason, at = JSON_NONE;
    buffer_init(&out, LIMIT_REPLY_BODY);
    buffer_printf(&out, SLICE_FMT ", from version " SLICE_FMT " to " SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "name")), SLICE_ARG(cli_value(a, 0, "from")),
                  SLICE_ARG(cli_value(a, 0, "to")), SLICE_ARG(cli_value(a, 0, "class")));
    while (json_each_item(&a->doc, cli_at(a, 0, "class_reasons"), &at, &reason)) {
        buffer_append(&out, SLICE("  "));
        sheet_clean(&out, json_string(&a->doc, reason, &a->arena));
        buffer_byte(&out, '\n');
    }
    buffer_byte(&out, '\n');
    cli_diff_say(cli_value(a, 0, "text"), &out);
    printf(SLICE_FMT, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

int cli_versions_diff(const struct version_noun *n, int argc, char **argv) {
    struct client_options o = {0};
    const char *to = NULL;
    const struct option_spec specs[] = {
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "V", .help = "from the named version to this one; without it from its parent to it"}, CLIENT_OPTIONS(o)};
    struct buffer path;
    bool one = false;
    int code = cli_versions_begin(n, "diff NAME@V [--to V] [options]", specs, sizeof specs / sizeof *specs, argc, argv, &path, &one);
    if (code >= 0) return code;
    if (!one) client_add_segment(&path, "production");
    buffer_append(&path, SLICE("/diff"));
    client_add_query(&path, "to", to);
    code = cli_get(&o, buffer_text(&path), write_diff, NULL);
    buffer_deinit(&path);
    return code;
}

/* ---- lint ---- */

static void write_lint(struct client_answer *a) {
    uint32_t note, at = JSON_NONE;
    struct buffer out;
    buffer_init(&out, LIMIT_REPLY_BODY);
    while (json_each_item(&a->doc, cli_at(a, 0, "lint"), &at, &note)) {
        int64_t message = -1;
        buffer_printf(&out, SLICE_FMT ": ", SLICE_ARG(cli_value(a, note, "rule")));
        if (json_get_i64(&a->doc, cli_at(a, note, "message"), &message)) buffer_printf(&out, "message %lld: ", (long long)message + 1);
        sheet_clean(&out, cli_value(a, note, "words"));
        buffer_byte(&out, '\n');
    }
    if (out.len == 0) buffer_append(&out, SLICE("nothing was noticed\n"));
    printf(SLICE_FMT, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static int clean(struct client_answer *a) { return json_size(&a->doc, cli_at(a, 0, "lint")) > 0 ? 1 : 0; }

int cli_versions_lint(const struct version_noun *n, int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    bool one = false;
    int code = cli_versions_begin(n, "lint NAME@V [options]", specs, sizeof specs / sizeof *specs, argc, argv, &path, &one);
    if (code >= 0) return code;
    if (!one) client_add_segment(&path, "production");
    code = cli_get(&o, buffer_text(&path), write_lint, clean);
    buffer_deinit(&path);
    return code;
}
