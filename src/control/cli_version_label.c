/* `prompt label NAME@V LABEL`. */
#include "control/cli_versions.h"

static void say(struct client_answer *a) {
    struct slice version = cli_value(a, 0, "version"), before = cli_value(a, 0, "before"), name = cli_value(a, 0, "name"), label = cli_value(a, 0, "label");
    if (version.len > 0) printf(SLICE_FMT "@" SLICE_FMT " is version " SLICE_FMT " now", SLICE_ARG(name), SLICE_ARG(label), SLICE_ARG(version));
    else printf(SLICE_FMT "@" SLICE_FMT " stands for nothing now", SLICE_ARG(name), SLICE_ARG(label));
    if (before.len > 0) printf("; it was version " SLICE_FMT, SLICE_ARG(before));
    printf("\n");
}

static void write_body(const char *version, const char *why, int64_t revision, struct buffer *body) {
    struct json_writer w;
    json_start(&w, body);
    json_object(&w);
    json_member_text(&w, "version", version);
    json_member_text(&w, "reason", why);
    if (revision > 0) json_member_i64(&w, "if_revision", revision);
    json_object_end(&w);
}

int cli_versions_label(const struct version_noun *n, int argc, char **argv) {
    char usage[112];
    struct client_options o = {0};
    const char *why = NULL;
    int64_t revision = 0;
    bool none = false;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "why; kept in the audit log"},
        {.name = "remove", .type = OPTION_FLAG, .value = &none, .help = "the label stands for nothing from now on: NAME LABEL --remove"},
        {.name = "if-revision", .type = OPTION_INTEGER, .value = &revision, .metavar = "N", .help = "refused when somebody changed it since"}, CLIENT_OPTIONS(o)};
    struct buffer path, body;
    snprintf(usage, sizeof usage, "quarterdeck %s label NAME@V LABEL [--why TEXT] [options]", n->noun);
    int found, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &found);
    if (code < 0) code = cli_expect(usage, found, 2, 2);
    if (code >= 0) return code;
    char *version = strchr(argv[0], '@');
    if (version != NULL) *version++ = 0;
    if ((version == NULL) != none) {
        fprintf(stderr, "quarterdeck: expected NAME@V and a label, or NAME, a label and --remove\n");
        return 2;
    }
    buffer_init(&path, 16 << 10);
    buffer_init(&body, 64 << 10);
    buffer_append(&path, slice_of(n->collection));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/labels"));
    client_add_segment(&path, argv[1]);
    write_body(version, why, revision, &body);
    code = cli_send(&o, "POST", buffer_text(&path), buffer_slice(&body), say);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}
