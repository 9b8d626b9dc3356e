/* `quarterdeck prompt live|adopt` and `quarterdeck model changes|accept|hold|release`. */
#include "control/cli_live.h"

/* ---- prompts ---- */

#define LIVE_USAGE "quarterdeck prompt live [HASH] [options]"
#define ADOPT_USAGE "quarterdeck prompt adopt HASH [--name NAME] --why TEXT"

static void write_prompts(struct client_answer *a) {
    static const char *const headers[] = {"HASH", "APPLICATION", "REQUEST TYPE", ">ANSWERS", ">SHARE", ">TEXTS", ">GAPS", "FIRST SEEN", "LAST SEEN", "REGISTERED AS"};
    uint32_t p, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "prompts"), &at, &p)) {
        double share;
        struct slice hash = cli_value(a, p, "hash");
        sheet_print_cell(&s, "%.12s", hash.len >= 12 ? hash.at : "");
        cli_put(&s, a, p, "application");
        cli_put(&s, a, p, "request_type");
        cli_put(&s, a, p, "answers");
        if (json_get_double(&a->doc, cli_at(a, p, "share"), &share)) sheet_print_cell(&s, "%.1f %%", 100 * share);
        else sheet_put(&s, SLICE_NULL);
        cli_put(&s, a, p, "texts");
        cli_put(&s, a, p, "variable_parts");
        cli_put_time(&s, a, p, "first_seen");
        cli_put_time(&s, a, p, "last_seen");
        cli_put(&s, a, p, "registered_as");
    }
    if (sheet_rows(&s) == 0) printf("no system prompt came without a version yet\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void print_clean(const char *head, struct slice text) {
    struct buffer out;
    buffer_init(&out, 4u << 20);
    while (text.len > 0) { /* line by line: ends of lines stay */
        struct slice line, rest;
        if (!slice_cut(text, '\n', &line, &rest)) line = text, rest = SLICE_NULL;
        buffer_clear(&out);
        sheet_clean(&out, line);
        printf("%s" SLICE_FMT "\n", head, SLICE_ARG(buffer_slice(&out)));
        text = rest;
    }
    buffer_deinit(&out);
}

static void write_prompt(struct client_answer *a) {
    uint32_t piece, at = JSON_NONE;
    struct slice template = cli_value(a, 0, "template"), as = cli_value(a, 0, "registered_as"), before = cli_value(a, 0, "change_of_group");
    printf("application " SLICE_FMT ", " SLICE_FMT " answers, %s" SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "application")), SLICE_ARG(cli_value(a, 0, "answers")),
           slice_is_null(as) ? "registered by nobody" : "registered as ", SLICE_ARG(as));
    if (slice_is_null(template)) {
        printf("its text is not kept\n");
        return;
    }
    printf("\n");
    print_clean("", template);
    if (json_type(&a->doc, cli_at(a, 0, "diff")) != JSON_ARRAY) return;
    printf("\nagainst what it seems to be a change of (group " SLICE_FMT "):\n", SLICE_ARG(before));
    while (json_each_item(&a->doc, cli_at(a, 0, "diff"), &at, &piece)) {
        struct slice op = cli_value(a, piece, "op");
        if (!slice_is(op, "same")) print_clean(slice_is(op, "add") ? "+ " : "- ", cli_value(a, piece, "text"));
    }
}

int cli_prompt_live(int argc, char **argv) {
    struct client_options o = {0};
    const char *application = NULL;
    const struct option_spec specs[] = {
        {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &application, .metavar = "NAME", .help = "only this application"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIVE_USAGE, &n);
    if (code < 0) code = cli_expect(LIVE_USAGE, n, 0, 1);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/live-prompts"));
    if (n == 1) client_add_segment(&path, argv[0]);
    else client_add_query(&path, "application", application);
    code = cli_get(&o, buffer_text(&path), n == 1 ? write_prompt : write_prompts, NULL);
    buffer_deinit(&path);
    return code;
}

/* `members`: names and values; NULL: not said. */
static int post(const struct client_options *o, const char *path, const char *id, const char *verb, const char *const members[][2], void (*write)(struct client_answer *a)) {
    struct buffer to, body;
    struct json_writer w;
    buffer_init(&to, 16 << 10);
    buffer_init(&body, 64 << 10);
    buffer_append(&to, slice_of(path));
    client_add_segment(&to, id);
    buffer_append(&to, slice_of(verb));
    json_start(&w, &body);
    json_object(&w);
    for (; (*members)[0] != NULL; members++)
        if ((*members)[1] != NULL) json_member_text(&w, (*members)[0], (*members)[1]);
    json_object_end(&w);
    int code = cli_send(o, "POST", buffer_text(&to), buffer_slice(&body), write);
    buffer_deinit(&to);
    buffer_deinit(&body);
    return code;
}

static void say_adopted(struct client_answer *a) {
    bool already = slice_is(cli_value(a, 0, "already"), "true");
    printf("it is " SLICE_FMT "%s\n", SLICE_ARG(cli_value(a, 0, "registered_as")), already ? " already" : ", in production, because it is what serves");
}

int cli_prompt_adopt(int argc, char **argv) {
    struct client_options o = {0};
    const char *name = NULL, *why = NULL, *owner = NULL;
    const struct option_spec specs[] = {
        {.name = "name", .type = OPTION_TEXT, .value = &name, .metavar = "NAME", .help = "of the prompt (default: that of the one before it, else the application's)"},
        {.name = "owner", .type = OPTION_TEXT, .value = &owner, .metavar = "WHO", .help = "whose prompt it is"},
        {.name = "why", .type = OPTION_TEXT, .required = true, .value = &why, .metavar = "TEXT", .help = "why it is good as it is; kept with it and in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, ADOPT_USAGE, &n);
    if (code < 0) code = cli_expect(ADOPT_USAGE, n, 1, 1);
    if (code >= 0) return code;
    const char *const members[][2] = {{"reason", why}, {"name", name}, {"owner", owner}, {NULL, NULL}};
    return post(&o, "/api/v1/live-prompts", argv[0], "/adopt", members, say_adopted);
}

/* ---- versions of models ---- */

#define CHANGES_USAGE "quarterdeck model changes [options]"

static void write_changes(struct client_answer *a) {
    static const char *const headers[] = {">CHANGE", "MODEL", "TARGET", "BEFORE", "AFTER", ">ANSWERS", "SEEN", "STATE", "ANSWERED BY"};
    uint32_t m, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "changes"), &at, &m)) {
        static const char *const paths[] = {"number", "model", "target", "before", "after", "answers"};
        for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) cli_put(&s, a, m, paths[i]);
        cli_put_time(&s, a, m, "seen");
        cli_put(&s, a, m, "state");
        cli_put(&s, a, m, "held_to");
    }
    if (sheet_rows(&s) == 0) printf("no provider's model has answered as another version than before\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int any_waits(struct client_answer *a) {
    uint32_t m, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "changes"), &at, &m))
        if (slice_is(cli_value(a, m, "state"), "open")) return 1;
    return 0;
}

int cli_model_changes(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, CHANGES_USAGE, &n);
    if (code < 0) code = cli_expect(CHANGES_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/model-changes", write_changes, any_waits);
}

static void say_decided(struct client_answer *a) {
    struct slice to = cli_value(a, 0, "held_to");
    printf("change " SLICE_FMT " of " SLICE_FMT " is " SLICE_FMT "%s" SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "number")), SLICE_ARG(cli_value(a, 0, "model")),
           SLICE_ARG(cli_value(a, 0, "state")), slice_is_null(to) ? "" : "; meanwhile answers ", SLICE_ARG(to));
}

static int decide(int argc, char **argv, const char *verb, const char *usage, bool with_to) {
    struct client_options o = {0};
    const char *why = NULL, *to = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .required = true, .value = &why, .metavar = "TEXT", .help = "why; kept with it and in the audit log"},
        CLIENT_OPTIONS(o),
        {.name = "to", .type = OPTION_TEXT, .required = true, .value = &to, .metavar = "MODEL", .help = "the model that answers meanwhile"},
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs - !with_to, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    const char *const members[][2] = {{"reason", why}, {"to", to}, {NULL, NULL}};
    return post(&o, "/api/v1/model-changes", argv[0], verb, members, say_decided);
}

int cli_model_accept(int argc, char **argv) { return decide(argc, argv, "/accept", "quarterdeck model accept N --why TEXT", false); }
int cli_model_hold(int argc, char **argv) { return decide(argc, argv, "/hold", "quarterdeck model hold N --to MODEL --why TEXT", true); }
int cli_model_release(int argc, char **argv) { return decide(argc, argv, "/release", "quarterdeck model release N --why TEXT", false); }
