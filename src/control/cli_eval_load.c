/* Suites and prompts by file or by name. */
#include "control/cli_eval.h"

#include "control/config_file.h"

#include <stdio.h>
#include <unistd.h>

/* ---- files ---- */

struct folder {
    const char *of; /* the file that names others */
};

static enum fault read_whole(const char *path, size_t most, struct arena *arena, struct slice *ret, struct error *error) {
    struct buffer text;
    buffer_init(&text, most);
    enum fault fault = config_file_load(path, &text, error);
    char *kept = fault == FAULT_NONE ? arena_text(arena, buffer_slice(&text)) : NULL;
    if (fault == FAULT_NONE && !kept) fault = error_set(error, FAULT_TOO_LARGE, "%s: there is no room for it", path);
    if (fault == FAULT_NONE) *ret = slice_make(kept, text.len);
    buffer_deinit(&text);
    return fault;
}

/* Beside the file that names it. */
static enum fault read_named(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error) {
    const struct folder *f = ctx;
    const char *slash = strrchr(f->of, '/');
    bool absolute = path.len > 0 && path.at[0] == '/';
    struct slice whole = absolute || !slash ? arena_slice(arena, path)
                                            : arena_printf(arena, "%.*s/" SLICE_FMT, (int)(slash - f->of), f->of, SLICE_ARG(path));
    const char *text = arena_text(arena, whole);
    return text ? read_whole(text, LIMIT_SUITE_FILE, arena, ret, error) : error_set(error, FAULT_TOO_LARGE, "the path has no room");
}

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
    struct folder folder = {word};
    const struct file_source files = {&folder, read_named};
    *ret = (struct suite){.n_cases = 0};
    if (looks_like_a_file(word)) {
        enum fault fault = read_whole(word, LIMIT_SUITE_FILE, arena, &text, &error);
        return fault == FAULT_NONE ? read_suite(text, word, &files, arena, ret) : complain(fault, &error);
    }
    slice_cut(slice_of(word), '@', &name, &version);
    const char *named = arena_text(arena, name), *which = version.len > 0 ? arena_text(arena, version) : NULL;
    int code = named ? fetch(client, named, which, arena, &text) : 3;
    if (code == 2) fprintf(stderr, "quarterdeck: `%s` is neither a file here nor a registered suite\n", word);
    return code >= 0 ? code : read_suite(text, word, NULL, arena, ret);
}

/* ---- prompts ---- */

/* The first of the places that has such a file; NULL: none has. */
static const char *find_prompt(const char *name, const char *suite, struct arena *arena) {
    static const char *const places[] = {"", "prompts/", "../prompts/"}, *const ends[] = {"yaml", "yml", "md"};
    const char *slash = strrchr(suite, '/');
    size_t folder = slash ? (size_t)(slash - suite) + 1 : 0;
    for (unsigned p = 0; p < sizeof places / sizeof *places; p++)
        for (unsigned e = 0; e < sizeof ends / sizeof *ends; e++) {
            struct slice path = arena_printf(arena, "%.*s%s%s.%s", (int)folder, suite, places[p], name, ends[e]);
            const char *text = arena_text(arena, path);
            if (text && access(text, R_OK) == 0) return text;
        }
    return NULL;
}

int cli_eval_load_prompt(const char *word, const char *suite, struct arena *arena, struct prompt *ret) {
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    struct slice text = SLICE_NULL;
    bool by_name = !looks_like_a_file(word);
    const char *file = by_name ? find_prompt(word, suite, arena) : word;
    if (!file) {
        fprintf(stderr, "quarterdeck: there is no file of the prompt `%s`: expected %s.yaml or .md beside the suite, or in prompts/ there; "
                        "or say --prompt FILE\n", word, word);
        return 2;
    }
    struct folder folder = {file};
    const struct file_source files = {&folder, read_named};
    enum fault fault = read_whole(file, LIMIT_CONFIG_FILE, arena, &text, &error);
    if (fault != FAULT_NONE) return complain(fault, &error);
    if (prompt_read_file(text, file, &files, arena, ret, &problems) != FAULT_NONE) return tell(&problems);
    if (!by_name || slice_is(ret->name, word)) return -1;
    fprintf(stderr, "quarterdeck: %s: expected the prompt `%s`, found `" SLICE_FMT "`\n", file, word, SLICE_ARG(ret->name));
    return 2;
}
