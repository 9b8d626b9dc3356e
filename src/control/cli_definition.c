/* `quarterdeck apply`: files of suites, judges, scoring rules, prompts and knowledge bases into the registry. */
#include "control/cli_definition.h"

#include "control/cli_versions.h"
#include "control/suite_files.h"

#include "base/mem.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#define DEEPEST 16
#define MOST_FILES 10000
#define MOST_PARTS 32 /* files that one names and whose commits count */
#define ARENA (1024u << 20)

struct file {
    const char *path;
    const struct definition_kind *kind; /* NULL: none of ours */
    struct slice key;                   /* its first key */
    struct definition_text text;
    bool named;                         /* on the command line, not found in a folder */
    const char *parts[MOST_PARTS];      /* itself, and the files that it names */
    unsigned n_parts;
    struct definition_origin origin;
};

struct work {
    const struct definition_options *o;
    struct arena arena;
    struct problems problems;
    struct file *files;
    unsigned n;
    struct sheet sheet;
    struct buffer said; /* of versions, below the sheet */
    struct buffer json;
    struct json_writer w;
};

void cli_tell_problems(const struct problems *problems) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(problems, &text);
    fprintf(stderr, SLICE_FMT, SLICE_ARG(buffer_slice(&text)));
    buffer_deinit(&text);
}

/* ---- which files ---- */

static bool is_ours(const char *name) {
    struct slice s = slice_of(name);
    return slice_ends(s, SLICE(".yaml")) || slice_ends(s, SLICE(".yml")) || slice_ends(s, SLICE(".json")) || slice_ends(s, SLICE(".md"));
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }
static bool is_shown(const char *name) { return name[0] != '.' && strcmp(name, "node_modules") != 0; }

static int complain(const char *path, const char *words) {
    fprintf(stderr, "quarterdeck: %s: %s\n", path, words);
    return 3;
}

static int add(struct work *k, const char *path, bool named) {
    if (k->n == MOST_FILES) return complain(path, "expected at most 10000 files");
    k->files[k->n++] = (struct file){.path = arena_text(&k->arena, slice_of(path)), .named = named};
    return -1;
}

static int gather(struct work *k, const char *path, int depth);

/* In the order of names. */
static int gather_folder(struct work *k, const char *path, int depth) {
    const char **names = arena_new_array(&k->arena, const char *, MOST_FILES);
    struct dirent *e;
    size_t n = 0;
    int code = -1;
    DIR *folder = opendir(path);
    if (folder == NULL || names == NULL) return complain(path, "the folder cannot be read");
    while (n < MOST_FILES && (e = readdir(folder)) != NULL)
        if (is_shown(e->d_name)) names[n++] = arena_text(&k->arena, arena_printf(&k->arena, "%s/%s", path, e->d_name));
    closedir(folder);
    if (n == MOST_FILES || arena_is_full(&k->arena)) return complain(path, "expected less than 10000 files");
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; code < 0 && i < n; i++) code = gather(k, names[i], depth + 1);
    return code;
}

/* Links to folders are not followed: they may lead back. */
static int gather(struct work *k, const char *path, int depth) {
    struct stat s = {0};
    int failed = depth == 0 ? stat(path, &s) : lstat(path, &s);
    if (failed) return complain(path, "no such file or folder");
    if (!S_ISDIR(s.st_mode)) return depth == 0 || (is_ours(path) && S_ISREG(s.st_mode)) ? add(k, path, depth == 0) : -1;
    return depth < DEEPEST ? gather_folder(k, path, depth) : -1;
}

/* ---- what is in them ---- */

/* Notes which files a file names, for a change of one of them is a change of it. */
struct noting {
    struct file *file;
    struct file_source source;
};

static enum fault read_noted(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error) {
    struct noting *n = ctx;
    struct file *f = n->file;
    const char *slash = strrchr(f->path, '/');
    enum fault fault = n->source.read(n->source.ctx, path, arena, ret, error);
    if (fault != FAULT_NONE || f->n_parts == MOST_PARTS) return fault;
    bool whole = path.len > 0 && path.at[0] == '/';
    struct slice beside = whole || slash == NULL ? path : arena_printf(arena, "%.*s/" SLICE_FMT, (int)(slash - f->path), f->path, SLICE_ARG(path));
    const char *name = arena_text(arena, beside);
    if (name != NULL) f->parts[f->n_parts++] = name;
    return fault;
}

static int read_one(struct work *k, struct file *f) {
    struct error error = {.fault = FAULT_NONE};
    struct slice text;
    struct noting noting = {f, suite_files_beside(f->path)};
    struct file_source files = {&noting, read_noted};
    f->parts[f->n_parts++] = f->path;
    if (suite_files_load(f->path, &k->arena, &text, &error) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
        return 3;
    }
    f->kind = definition_kind_of_text(text, &f->key);
    bool wanted = f->kind != NULL && (k->o->only == NULL || strcmp(f->kind->name, k->o->only) == 0);
    if (!wanted && f->named) {
        problems_add(&k->problems, &k->arena, f->path, 1, 0, "expected a file that begins with `%s`, found `%.40s`", k->o->only ? k->o->only : "suite`, `judge`, `scoring`, `prompt` or `knowledge",
                     f->key.len > 0 ? arena_text(&k->arena, f->key) : "");
        return -1;
    }
    if (!wanted) return -1;
    if (f->kind->read(text, f->path, &files, &k->arena, &f->text, &k->problems) != FAULT_NONE) return -1;
    for (struct file *other = k->files; other < f; other++)
        if (other->kind == f->kind && slice_eq(other->text.name, f->text.name))
            problems_add(&k->problems, &k->arena, f->path, 1, 0, "the %s `" SLICE_FMT "` is in %s as well", f->kind->name, SLICE_ARG(f->text.name), other->path);
    return -1;
}

/* ---- sending ---- */

static const char *text_of(struct arena *a, struct slice s) { return s.len > 0 ? arena_text(a, s) : NULL; }

static bool is_versioned(const struct file *f) { return strcmp(f->kind->name, "prompt") == 0 || strcmp(f->kind->name, "knowledge") == 0; }

static void path_of(struct work *k, const struct file *f, bool dry_run, struct buffer *path) {
    const char *slash = strrchr(f->path, '/');
    struct arena *a = &k->arena;
    const struct definition_origin *from = &f->origin;
    buffer_clear(path);
    buffer_append(path, slice_of(f->kind->collection));
    client_add_query(path, "dry_run", dry_run ? "true" : NULL);
    client_add_query(path, "file", strlen(slash ? slash + 1 : f->path) <= LIMIT_LABEL ? (slash ? slash + 1 : f->path) : NULL);
    client_add_query(path, "author", k->o->author ? k->o->author : text_of(a, from->author));
    client_add_query(path, "reason", k->o->why ? k->o->why : text_of(a, from->why));
    client_add_query(path, "ticket", k->o->ticket ? k->o->ticket : text_of(a, from->ticket));
    if (!is_versioned(f)) return;
    client_add_query(path, "commit", text_of(a, from->commit));
    client_add_query(path, "allow_secrets", k->o->allow_secrets ? "true" : NULL);
}

static void note(struct work *k, struct client_answer *a, const struct file *f) {
    struct slice version = cli_value(a, 0, "version"), change = cli_value(a, 0, "change");
    sheet_put(&k->sheet, change);
    sheet_paint(&k->sheet, slice_is(change, "same") ? SHEET_PLAIN : SHEET_GOOD);
    sheet_put(&k->sheet, slice_of(f->kind->name));
    sheet_put(&k->sheet, f->text.name);
    sheet_put(&k->sheet, slice_is(version, "0") ? SLICE("") : version);
    sheet_put(&k->sheet, slice_of(f->path));
    json_put_raw(&k->w, json_raw(&a->doc, 0));
    if (!is_versioned(f) || slice_is(change, "same")) return;
    buffer_printf(&k->said, "\n" SLICE_FMT "%s" SLICE_FMT "\n", SLICE_ARG(f->text.name), k->o->dry_run ? "" : "@", SLICE_ARG(k->o->dry_run ? SLICE("") : version));
    cli_version_say(a, 0, &k->said);
    cli_diff_say(cli_value(a, 0, "diff"), &k->said);
}

/* First all of them dry, so that what the server refuses is known before anything is changed. */
static int send(struct work *k, struct client *client, bool dry_run, bool tell) {
    struct buffer path;
    int code = -1;
    buffer_init(&path, 64 << 10);
    for (unsigned i = 0; code < 0 && i < k->n; i++) {
        const struct file *f = &k->files[i];
        struct client_answer a;
        if (f->text.body.at == NULL) continue;
        path_of(k, f, dry_run, &path);
        client_answer_init(&a);
        code = client_call(client, "POST", buffer_text(&path), f->text.body, &a);
        if (code < 0 && tell) note(k, &a, f);
        client_answer_deinit(&a);
    }
    buffer_deinit(&path);
    return code;
}

static void tell(struct work *k) {
    sheet_write(&k->sheet, stdout, true);
    printf(SLICE_FMT, SLICE_ARG(buffer_slice(&k->said)));
}

static int carry_out(struct work *k) {
    int code;
    struct client *client = client_open(&k->o->client, &code);
    if (client == NULL) return code;
    static const char *const headers[] = {"CHANGE", "KIND", "NAME", ">VERSION", "FILE"};
    sheet_init(&k->sheet, headers, sizeof headers / sizeof *headers);
    buffer_init(&k->json, LIMIT_REPLY_BODY);
    buffer_init(&k->said, LIMIT_REPLY_BODY);
    json_start(&k->w, &k->json);
    json_object(&k->w);
    json_member_bool(&k->w, "dry_run", k->o->dry_run);
    json_key(&k->w, "changes");
    json_array(&k->w);
    code = send(k, client, true, k->o->dry_run);
    if (code < 0 && !k->o->dry_run) code = send(k, client, false, true);
    json_array_end(&k->w);
    json_object_end(&k->w);
    if (code < 0 && k->o->client.json) printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&k->json)));
    else if (code < 0 && sheet_rows(&k->sheet) == 0) printf("there is nothing to apply: no file begins with `suite`, `judge`, `scoring`, `prompt` or `knowledge`\n");
    else if (code < 0) tell(k);
    if (code < 0 && k->o->dry_run && !k->o->client.json) printf("nothing was changed: a dry run\n");
    buffer_deinit(&k->json);
    buffer_deinit(&k->said);
    sheet_deinit(&k->sheet);
    client_close(client);
    return code < 0 ? 0 : code;
}

static void ask_git(struct work *k, struct file *f) {
    if (f->text.body.at == NULL) return;
    cli_git_origin(f->parts, f->n_parts, &k->arena, &f->origin);
    if (f->origin.changed && is_versioned(f) && k->o->why == NULL)
        fprintf(stderr, "note: %s is not as it was committed, so no commit says why it is changed: commit it, or say --why\n", f->path);
}

int cli_definitions_apply(const struct definition_options *o, char **paths, int n) {
    struct work k = {.o = o};
    int code = digest_start() ? -1 : complain("quarterdeck", "the system has no random source");
    arena_init(&k.arena, 64 << 10, ARENA);
    k.files = mem_new_array(struct file, MOST_FILES);
    for (int i = 0; code < 0 && i < n; i++) code = gather(&k, paths[i], 0);
    for (unsigned i = 0; code < 0 && i < k.n; i++) code = read_one(&k, &k.files[i]);
    if (code < 0 && problems_any(&k.problems)) {
        cli_tell_problems(&k.problems);
        fprintf(stderr, "nothing was changed\n");
        code = 1;
    }
    if (code < 0) {
        for (unsigned i = 0; i < k.n; i++) ask_git(&k, &k.files[i]);
        code = carry_out(&k);
    }
    mem_free(k.files);
    arena_deinit(&k.arena);
    return code;
}

int cli_apply(int argc, char **argv) {
    static const char usage[] = "quarterdeck apply -f DIR|FILE [options]";
    struct definition_options o = {.author = NULL};
    const char *path = NULL;
    const struct option_spec specs[] = {
        {.name = "file", .letter = 'f', .required = true, .type = OPTION_TEXT, .value = &path, .metavar = "PATH", .help = "a file, or a folder whose YAML, JSON and Markdown files are looked at"},
        DEFINITION_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 0, 0);
    return code >= 0 ? code : cli_definitions_apply(&o, (char **)(uintptr_t)&path, 1);
}
