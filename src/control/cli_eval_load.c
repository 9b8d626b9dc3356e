/* Suites and prompts by file or by name. */
#include "control/cli_eval.h"

#include "control/suite_files.h"

#include <stdio.h>
#include <unistd.h>

/* ---- files ---- */

static int tell(const struct problems *problems) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(problems, &text);
    fprintf(stderr, SLICE_FMT, SLICE_ARG(buffer_slice(&text)));
    buffer_deinit(&text);
    return 2;
}

static int complain(enum fault fault, const struct error *e) {
    fprintf(stderr, "quarterdeck: %s\n", e->text[0] ? e->text : fault_text(fault));
    return fault == FAULT_NOT_FOUND ? 2 : 3;
}

static bool looks_like_a_file(const char *word) {
    struct slice s = slice_of(word);
    return strchr(word, '/') || slice_ends(s, SLICE(".yaml")) || slice_ends(s, SLICE(".yml")) || slice_ends(s, SLICE(".json")) ||
           slice_ends(s, SLICE(".md")) || access(word, F_OK) == 0;
}

/* ---- registered ones ---- */

static int fetch(struct client *client, const char *name, const char *version, struct arena *arena, struct slice *ret) {
    struct client_answer a;
    struct buffer path;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/suites"));
    client_add_segment(&path, name);
    client_add_query(&path, "version", version);
    client_answer_init(&a);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) *ret = arena_slice(arena, json_raw(&a.doc, cli_at(&a, 0, "definition")));
    else if (a.status == 404) code = 2;
    client_answer_deinit(&a);
    buffer_deinit(&path);
    return code;
}

static int read_suite(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct suite *ret) {
    struct problems problems = {0};
    if (suite_read(text, file, files, arena, ret, &problems) == FAULT_NONE) return -1;
    suite_deinit(ret);
    *ret = (struct suite){.n_cases = 0};
    return tell(&problems);
}

int cli_eval_load_version(struct client *client, struct slice name, struct slice version, struct arena *arena, struct suite *ret) {
    struct slice text = SLICE_NULL;
    const char *named = arena_text(arena, name), *which = arena_text(arena, version);
    int code = named && which ? fetch(client, named, which, arena, &text) : 3;
    return code >= 0 ? code : read_suite(text, named, NULL, arena, ret);
}

int cli_eval_load_suite(struct client *client, const char *word, struct arena *arena, struct suite *ret) {
    struct error error = {.fault = FAULT_NONE};
    struct slice text = SLICE_NULL, name, version;
    const struct file_source files = suite_files_beside(word);
    *ret = (struct suite){.n_cases = 0};
    if (looks_like_a_file(word)) {
        enum fault fault = suite_files_load(word, arena, &text, &error);
        return fault == FAULT_NONE ? read_suite(text, word, &files, arena, ret) : complain(fault, &error);
    }
    slice_cut(slice_of(word), '@', &name, &version);
    const char *named = arena_text(arena, name), *which = version.len > 0 ? arena_text(arena, version) : NULL;
    int code = named ? fetch(client, named, which, arena, &text) : 3;
    if (code == 2) fprintf(stderr, "quarterdeck: `%s` is neither a file here nor a registered suite\n", word);
    return code >= 0 ? code : read_suite(text, word, NULL, arena, ret);
}

/* ---- prompts ---- */

/* NAME@V, or NAME for what is in production. */
static int registered_prompt(struct client *client, const char *word, struct arena *arena, struct prompt *ret, struct slice *ret_label) {
    struct client_answer a;
    struct buffer path;
    struct slice name, version, text = SLICE_NULL;
    struct problems problems = {0};
    struct declared *d = arena_new(arena, struct declared);
    struct error error = {.fault = FAULT_NONE};
    (void)slice_cut(slice_of(word), '@', &name, &version);
    const char *named = arena_text(arena, name), *which = version.len > 0 ? arena_text(arena, version) : "production";
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/prompts"));
    client_add_segment(&path, named ? named : "");
    buffer_append(&path, SLICE("/versions"));
    client_add_segment(&path, which ? which : "");
    client_answer_init(&a);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) {
        text = arena_slice(arena, json_raw(&a.doc, cli_at(&a, 0, "content")));
        *ret_label = arena_printf(arena, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(name), SLICE_ARG(cli_value(&a, 0, "version")));
    } else if (a.status == 404) {
        code = 2;
    }
    client_answer_deinit(&a);
    buffer_deinit(&path);
    if (code >= 0) return code;
    enum fault fault = d ? declared_from_json(text, arena, d, &error) : FAULT_TOO_LARGE;
    if (fault != FAULT_NONE) return complain(fault, &error);
    return prompt_read(d, 0, word, NULL, arena, ret, &problems) == FAULT_NONE ? -1 : tell(&problems);
}

int cli_eval_load_prompt(struct client *client, const char *word, const char *suite, struct arena *arena, struct prompt *ret, struct slice *ret_label) {
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    struct slice text = SLICE_NULL;
    bool by_name = !looks_like_a_file(word);
    const char *file = word;
    *ret_label = SLICE_NULL;
    if (by_name && strchr(word, '@') != NULL) return registered_prompt(client, word, arena, ret, ret_label);
    enum fault fault = by_name ? suite_files_prompt(suite, slice_of(word), arena, &file, &error) : FAULT_NONE;
    if (by_name && fault == FAULT_NOT_FOUND) {
        int code = registered_prompt(client, word, arena, ret, ret_label);
        if (code == 2) fprintf(stderr, "quarterdeck: nor is there a file of it: %s\n", error.text);
        return code;
    }
    if (fault == FAULT_NONE) fault = suite_files_load(file, arena, &text, &error);
    if (fault != FAULT_NONE) return complain(fault, &error);
    const struct file_source files = suite_files_beside(file);
    if (prompt_read_file(text, file, &files, arena, ret, &problems) != FAULT_NONE) return tell(&problems);
    if (!by_name || slice_is(ret->name, word)) return -1;
    fprintf(stderr, "quarterdeck: %s: expected the prompt `%s`, found `" SLICE_FMT "`\n", file, word, SLICE_ARG(ret->name));
    return 2;
}
