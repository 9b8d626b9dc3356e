/* `quarterdeck suite`: evaluation sets, in files and registered. */
#include "control/cli_definition.h"
#include "control/cli_suite_import.h"

#define SUITES "/api/v1/suites"

/* ---- list, show, remove ---- */

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {"SUITE", ">VERSION", "DIGEST", "SINCE", "BY", "WHY", "TICKET"};
    uint32_t item, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "definitions"), &at, &item)) {
        struct slice digest = cli_value(a, item, "digest");
        cli_put(&s, a, item, "name");
        cli_put(&s, a, item, "version");
        sheet_put(&s, slice_make(digest.at, digest.len < 12 ? digest.len : 12));
        cli_put_time(&s, a, item, "at");
        cli_put(&s, a, item, "by");
        cli_put(&s, a, item, "why");
        cli_put(&s, a, item, "ticket");
    }
    if (sheet_rows(&s) == 0) printf("no suite is registered; `quarterdeck suite add FILE` registers one\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    static const char usage[] = "quarterdeck suite list [NAME] [options]";
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 0, 1);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE(SUITES));
    if (n == 1) client_add_segment(&path, argv[0]);
    if (n == 1) buffer_append(&path, SLICE("/versions"));
    code = cli_get(&o, buffer_text(&path), write_list, NULL);
    buffer_deinit(&path);
    return code;
}

static void write_one(struct client_answer *a) {
    static const char *const members[] = {"by", "why", "ticket", "removed_at"};
    printf("suite " SLICE_FMT ", version " SLICE_FMT ", of " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "name")), SLICE_ARG(cli_value(a, 0, "version")),
           SLICE_ARG(cli_value(a, 0, "at")));
    printf("digest " SLICE_FMT "%s\n", SLICE_ARG(cli_value(a, 0, "digest")), slice_is(cli_value(a, 0, "registered"), "true") ? "" : "; not registered, it was only run");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct slice value = cli_value(a, 0, members[i]);
        if (value.len > 0) printf("%s " SLICE_FMT "\n", i == 3 ? "removed" : members[i], SLICE_ARG(value));
    }
    printf(SLICE_FMT "\n", SLICE_ARG(json_raw(&a->doc, cli_at(a, 0, "definition"))));
}

static int show(int argc, char **argv) {
    static const char usage[] = "quarterdeck suite show NAME[@VERSION] [options]";
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    char *version = strchr(argv[0], '@');
    if (version != NULL) *version++ = 0;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE(SUITES));
    client_add_segment(&path, argv[0]);
    client_add_query(&path, "version", version);
    code = cli_get(&o, buffer_text(&path), write_one, NULL);
    buffer_deinit(&path);
    return code;
}

static void say_removed(struct client_answer *a) {
    printf(SLICE_FMT " is removed; its versions stay, and `quarterdeck suite add` brings it back\n", SLICE_ARG(cli_value(a, 0, "name")));
}

static int remove_one(int argc, char **argv) {
    static const char usage[] = "quarterdeck suite remove NAME [--why TEXT] [options]";
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "why; kept in the audit log"}, CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE(SUITES));
    client_add_segment(&path, argv[0]);
    client_add_query(&path, "reason", why);
    code = cli_send(&o, "DELETE", buffer_text(&path), SLICE_NULL, say_removed);
    buffer_deinit(&path);
    return code;
}

static int add(int argc, char **argv) {
    static const char usage[] = "quarterdeck suite add FILE... [options]";
    struct definition_options o = {.only = "suite"};
    const struct option_spec specs[] = {DEFINITION_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1000);
    return code >= 0 ? code : cli_definitions_apply(&o, argv, n);
}

const struct cli_verb cli_suite_parts[] = {
    {"check", "suite check FILE... [--json]", "say everything that is wrong with files of suites, and what a run of them is", cli_suite_check},
    {"add", "suite add FILE... [--why TEXT] [options]", "register suites; the same content again changes nothing", add},
    {"add-case", "suite add-case SUITE RECORD --why TEXT [options]", "make a case of what a captured request asked", cli_suite_add_case},
    {"list", "suite list [NAME]", "registered suites, or all versions of one", list},
    {"show", "suite show NAME[@VERSION]", "one version, in its canonical form", show},
    {"remove", "suite remove NAME [--why TEXT]", "take a suite's name away; its versions stay", remove_one},
    {"import", "suite import FILE [options]", "a suite from JSONL, CSV or a promptfoo configuration", cli_suite_import},
    {NULL, NULL, NULL, NULL},
};

int cli_suite(int argc, char **argv) { return cli_dispatch("suite", cli_suite_parts, argc, argv); }
