/* `quarterdeck suite import`: JSONL, CSV and promptfoo configurations as suites, and a list of what did not come along. */
#include "control/cli_suite_import.h"

#include "base/table.h"
#include "control/cli_verbs.h"
#include "quality/case_file.h"
#include "quality/import_promptfoo.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define USAGE "quarterdeck suite import FILE [options]"
#define MAPS 64 /* --map, of one command */

struct importing {
    const char *file, *format, *name, *out, *prompt, *model;
    bool strict, json, force;
    const char *map; /* the last --map: all of them are in `maps` */
    struct import_map maps[MAPS];
    unsigned n_maps;
    struct arena arena;
    char *folder;    /* of the file, with the last slash; "" */
    struct import m;
    struct problems problems;
    struct import_suite *suites;
    unsigned n;
};

/* ---- files ---- */

static enum fault read_whole(const char *path, struct arena *arena, struct slice *ret, struct error *error) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(error, FAULT_IO, "%s: %s", path, strerror(errno));
    enum fault f = FAULT_NONE;
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) f = error_set(error, FAULT_IO, "%s: expected a file", path);
    else if (st.st_size > LIMIT_SUITE_FILE) f = error_set(error, FAULT_TOO_LARGE, "%s: more than %u MiB", path, LIMIT_SUITE_FILE >> 20);
    struct buffer text;
    buffer_init(&text, LIMIT_SUITE_FILE);
    while (f == FAULT_NONE) {
        char *room = buffer_reserve(&text, 64 << 10);
        ssize_t n = room != NULL ? read(fd, room, 64 << 10) : -1;
        if (n < 0) f = error_set(error, FAULT_IO, "%s: %s", path, room != NULL ? strerror(errno) : "too large");
        if (n <= 0) break;
        text.len += (size_t)n;
    }
    close(fd);
    if (f == FAULT_NONE) {
        struct slice kept = arena_slice(arena, slice_make(buffer_text(&text), text.len));
        if (kept.at != NULL) *ret = kept;
        else f = error_set(error, FAULT_TOO_LARGE, "%s: needs more memory than it may have", path);
    }
    buffer_deinit(&text);
    return f;
}

static char *beside(struct importing *c, struct slice path) {
    bool absolute = path.len > 0 && *path.at == '/';
    return arena_text(&c->arena, arena_printf(&c->arena, "%s" SLICE_FMT, absolute ? "" : c->folder, SLICE_ARG(path)));
}

static enum fault read_beside(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error) {
    char *name = beside(ctx, path);
    if (name == NULL) return error_set(error, FAULT_TOO_LARGE, "needs more memory than it may have");
    return read_whole(name, arena, ret, error);
}

#define GLOB_LEVELS 6 /* folders that ** stands for, at most */

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* glob(3) knows no `**`: it is tried as no, one, two ... folders. */
static int glob_levels(struct importing *c, struct slice pattern, glob_t *g) {
    const char *any = memmem(pattern.at, pattern.len, "**/", 3);
    size_t before = any != NULL ? (size_t)(any - pattern.at) : pattern.len;
    int found = GLOB_NOMATCH;
    char levels[2 * GLOB_LEVELS + 1] = "";
    for (int i = 0; i <= (any != NULL ? GLOB_LEVELS : 0); i++) {
        struct slice behind = any != NULL ? slice_make(any + 3, pattern.len - before - 3) : SLICE("");
        char *name = beside(c, arena_printf(&c->arena, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(slice_make(pattern.at, before)), levels, SLICE_ARG(behind)));
        if (name != NULL && glob(name, (found == 0 ? GLOB_APPEND : 0) | GLOB_BRACE, NULL, g) == 0) found = 0;
        if (i < GLOB_LEVELS) memcpy(levels + 2 * i, "*/", 3);
    }
    return found;
}

static enum fault glob_beside(void *ctx, struct slice pattern, struct arena *arena, struct slice **ret, unsigned *ret_n, struct error *error) {
    struct importing *c = ctx;
    glob_t g = {0};
    size_t skip = pattern.len > 0 && *pattern.at == '/' ? 0 : strlen(c->folder);
    if (glob_levels(c, pattern, &g) != 0) return error_set(error, FAULT_NOT_FOUND, "no such file");
    qsort(g.gl_pathv, g.gl_pathc, sizeof *g.gl_pathv, compare);
    struct slice *all = arena_new_array(arena, struct slice, g.gl_pathc);
    for (size_t i = 0; all != NULL && i < g.gl_pathc; i++) all[i] = arena_slice(arena, slice_of(g.gl_pathv[i] + skip));
    *ret = all;
    *ret_n = all != NULL ? (unsigned)g.gl_pathc : 0;
    globfree(&g);
    return FAULT_NONE;
}

/* ---- formats ---- */

static const char *guess(const char *file) {
    struct slice name = slice_of(file);
    if (slice_ends(name, SLICE(".csv")) || slice_ends(name, SLICE(".tsv"))) return "csv";
    if (slice_ends(name, SLICE(".jsonl")) || slice_ends(name, SLICE(".ndjson"))) return "jsonl";
    return "promptfoo";
}

static struct slice stem(struct importing *c) {
    const char *slash = strrchr(c->file, '/');
    struct slice name = slice_of(slash != NULL ? slash + 1 : c->file), head, rest;
    (void)slice_cut(name, '.', &head, &rest);
    return head.len > 0 ? head : name;
}

/* Cases of a table or of lines as a suite. */
static enum fault read_cases(struct importing *c, struct slice text) {
    struct buffer json, cases;
    struct json_writer w;
    struct json_doc d;
    buffer_init(&json, LIMIT_SUITE_FILE);
    buffer_init(&cases, LIMIT_SUITE_FILE);
    enum fault f = case_file_read(text, c->file, &c->arena, &cases, &c->problems);
    json_start(&w, &json);
    json_object(&w);
    json_member_string(&w, "suite", c->name != NULL ? slice_of(c->name) : stem(c));
    if (c->prompt != NULL) json_member_text(&w, "prompt", c->prompt);
    if (c->model != NULL) json_member_text(&w, "model", c->model);
    json_member_raw(&w, "cases", buffer_slice(&cases));
    json_object_end(&w);
    struct import_suite *s = arena_new(&c->arena, struct import_suite);
    struct slice kept = f == FAULT_NONE ? arena_slice(&c->arena, buffer_slice(&json)) : SLICE_NULL;
    if (f == FAULT_NONE && (s == NULL || json.overflow || json_read(kept, &c->arena, UINT16_MAX, &d, NULL) != FAULT_NONE)) {
        problems_add(&c->problems, &c->arena, c->file, 1, 0, "the cases need more memory than a suite may have");
        f = FAULT_TOO_LARGE;
    }
    if (f == FAULT_NONE) {
        s->name = c->name != NULL ? slice_of(c->name) : stem(c);
        if (c->model != NULL) s->model = slice_of(c->model);
        s->n_cases = json_size(&d, json_get(&d, 0, "cases"));
        s->json = kept;
        buffer_clear(&json);
        import_write_yaml(&d, 0, &c->arena, &json);
        s->yaml = arena_slice(&c->arena, buffer_slice(&json));
        c->suites = s;
        c->n = 1;
    }
    buffer_deinit(&cases);
    buffer_deinit(&json);
    return f;
}

static enum fault read_promptfoo(struct importing *c, struct slice text) {
    static struct import_files files = {.source = {.read = read_beside}, .glob = glob_beside};
    struct import_files own = files;
    own.source.ctx = c;
    c->m.files = arena_new(&c->arena, struct import_files);
    if (c->m.files == NULL) return FAULT_TOO_LARGE;
    memcpy((void *)c->m.files, &own, sizeof own);
    c->m.maps = c->maps;
    c->m.n_maps = c->n_maps;
    return import_promptfoo(&c->m, text, c->file, c->name != NULL ? slice_of(c->name) : SLICE_NULL, &c->suites, &c->n, &c->problems);
}

/* ---- what is written ---- */

/* Whole or not at all; a file that is there stays unless --force. */
static bool write_file(const struct importing *c, const char *path, struct slice text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (c->force ? O_TRUNC : O_EXCL), 0666);
    bool good = fd >= 0;
    while (good && text.len > 0) {
        ssize_t n = write(fd, text.at, text.len);
        good = n > 0;
        if (good) text = slice_make(text.at + n, text.len - (size_t)n);
    }
    int why = errno;
    if (fd >= 0) good = close(fd) == 0 && good;
    if (!good && fd < 0 && why == EEXIST) fprintf(stderr, "quarterdeck: %s is there already; --force writes over it\n", path);
    else if (!good) fprintf(stderr, "quarterdeck: %s: %s\n", path, strerror(why));
    return good;
}

static char *path_of(struct importing *c, const struct import_suite *s) {
    struct stat st;
    size_t len = strlen(c->out);
    bool folder = (len > 0 && c->out[len - 1] == '/') || (stat(c->out, &st) == 0 && S_ISDIR(st.st_mode)) || c->n > 1;
    if (!folder) return arena_text(&c->arena, slice_of(c->out));
    return arena_text(&c->arena, arena_printf(&c->arena, "%s%s" SLICE_FMT ".yaml", c->out, len > 0 && c->out[len - 1] == '/' ? "" : "/", SLICE_ARG(s->name)));
}

static bool make_folder(const char *path) {
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    fprintf(stderr, "quarterdeck: %s: %s\n", path, strerror(errno));
    return false;
}

static bool write_files(struct importing *c) {
    const char *slash = strrchr(c->out, '/');
    bool several = c->n > 1 || (slash != NULL && slash[1] == 0);
    if (several && !make_folder(c->out)) return false;
    if (!several && slash != NULL && slash != c->out && !make_folder(arena_text(&c->arena, slice_make(c->out, (size_t)(slash - c->out))))) return false;
    for (unsigned i = 0; i < c->n; i++) {
        const char *path = path_of(c, &c->suites[i]);
        if (path == NULL || !write_file(c, path, c->suites[i].yaml)) return false;
    }
    return true;
}

static void tell_suite(struct importing *c, const struct import_suite *s, FILE *to) {
    fprintf(to, SLICE_FMT ": %u case%s", SLICE_ARG(s->name), s->n_cases, s->n_cases == 1 ? "" : "s");
    if (s->model.at != NULL) fprintf(to, ", model " SLICE_FMT, SLICE_ARG(s->model));
    for (unsigned i = 0; i < s->n_others; i++) fprintf(to, i == 0 ? " (for the others: --model " SLICE_FMT : ", " SLICE_FMT, SLICE_ARG(s->others[i]));
    fprintf(to, "%s", s->n_others > 0 ? ")" : "");
    if (c->out != NULL) fprintf(to, ", in %s", path_of(c, s));
    fputc('\n', to);
}

static void tell_note(const struct import_note *n, uintptr_t more, FILE *to) {
    fprintf(to, "%s: %s:%d: " SLICE_FMT ": " SLICE_FMT, import_loss_name(n->loss), n->file, n->line, SLICE_ARG(n->where), SLICE_ARG(n->why));
    if (more > 0) fprintf(to, " (and at %lu more places, see --json)", (unsigned long)more);
    fputc('\n', to);
}

/* What is left out one by one; what differs in the same way once. */
static void tell_notes(const struct importing *c, FILE *to) {
    struct table same;
    table_init(&same);
    for (const struct import_note *n = c->m.first; n != NULL; n = n->next)
        if (n->loss == IMPORT_DIFFERS) (void)table_put(&same, n->why, (void *)((uintptr_t)table_get(&same, n->why) + 1));
    for (const struct import_note *n = c->m.first; n != NULL; n = n->next) {
        uintptr_t times = n->loss == IMPORT_DIFFERS ? (uintptr_t)table_remove(&same, n->why) : 1;
        if (times > 0) tell_note(n, times - 1, to);
    }
    table_deinit(&same);
    if (c->m.n_left_out + c->m.n_differs > 0)
        fprintf(to, "%u left out, %u that differ%s\n", c->m.n_left_out, c->m.n_differs, c->m.n_differs == 1 ? "s" : "");
}

static void write_json(struct importing *c) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4 * (size_t)LIMIT_SUITE_FILE);
    json_start(&w, &out);
    json_object(&w);
    json_key(&w, "suites");
    json_array(&w);
    for (unsigned i = 0; i < c->n; i++) {
        const struct import_suite *s = &c->suites[i];
        json_object(&w);
        json_member_string(&w, "suite", s->name);
        json_member_i64(&w, "cases", s->n_cases);
        json_member_string(&w, "model", s->model);
        json_key(&w, "other_models");
        json_array(&w);
        for (unsigned k = 0; k < s->n_others; k++) json_put_string(&w, s->others[k]);
        json_array_end(&w);
        json_member_text(&w, "file", c->out != NULL ? path_of(c, s) : NULL);
        json_member_raw(&w, "content", s->json);
        json_object_end(&w);
    }
    json_array_end(&w);
    static const char *const lists[] = {[IMPORT_LEFT_OUT] = "left_out", [IMPORT_DIFFERS] = "differs"};
    for (int loss = 0; loss < 2; loss++) {
        json_key(&w, lists[loss]);
        json_array(&w);
        for (const struct import_note *n = c->m.first; n != NULL; n = n->next) {
            if (n->loss != (enum import_loss)loss) continue;
            json_object(&w);
            json_member_text(&w, "file", n->file);
            json_member_i64(&w, "line", n->line);
            json_member_string(&w, "where", n->where);
            json_member_string(&w, "why", n->why);
            json_object_end(&w);
        }
        json_array_end(&w);
    }
    json_object_end(&w);
    printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static int conclude(struct importing *c) {
    FILE *to = c->out != NULL ? stdout : stderr;
    if (c->n > 1 && c->out == NULL && !c->json) {
        fprintf(stderr, "quarterdeck: %u suites: --out FOLDER says where they go\n", c->n);
        for (unsigned i = 0; i < c->n; i++) tell_suite(c, &c->suites[i], stderr);
        return 2;
    }
    if (c->n > 0 && c->out != NULL && !write_files(c)) return 3;
    if (c->json) write_json(c);
    else if (c->out == NULL && c->n > 0) fwrite(c->suites[0].yaml.at, 1, c->suites[0].yaml.len, stdout);
    for (unsigned i = 0; i < c->n && !c->json; i++) tell_suite(c, &c->suites[i], to);
    if (!c->json) tell_notes(c, to);
    if (c->n == 0) {
        fprintf(stderr, "quarterdeck: %s: nothing is left that makes a suite\n", c->file);
        return 3;
    }
    return c->strict && c->m.n_left_out > 0 ? 1 : 0;
}

static int run(struct importing *c) {
    struct slice text = SLICE_NULL;
    struct error error = {.fault = FAULT_NONE};
    const char *slash = strrchr(c->file, '/');
    c->folder = arena_text(&c->arena, slice_make(c->file, slash != NULL ? (size_t)(slash - c->file) + 1 : 0));
    if (c->folder == NULL || read_whole(c->file, &c->arena, &text, &error) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
        return 3;
    }
    enum fault f = strcmp(c->format, "promptfoo") == 0 ? read_promptfoo(c, text) : read_cases(c, text);
    if (f == FAULT_NONE) return conclude(c);
    struct buffer told;
    buffer_init(&told, 1 << 20);
    problems_write(&c->problems, &told);
    fprintf(stderr, SLICE_FMT, SLICE_ARG(buffer_slice(&told)));
    buffer_deinit(&told);
    return f == FAULT_CONFIG ? 1 : 3;
}

/* --map may stand often: all of them are read here, and the last one by the options. */
static bool read_maps(struct importing *c, int argc, char **argv) {
    for (int i = 0; i < argc && argv[i] != NULL && strcmp(argv[i], "--") != 0; i++) {
        bool apart = strcmp(argv[i], "--map") == 0 && i + 1 < argc;
        const char *word = strncmp(argv[i], "--map=", 6) == 0 ? argv[i] + 6 : apart ? argv[i + 1] : NULL;
        const char *equals = word != NULL ? strrchr(word, '=') : NULL;
        if (word == NULL) continue;
        if (equals == NULL || equals == word || equals[1] == 0 || c->n_maps == MAPS) {
            fprintf(stderr, "quarterdeck: --map %s: expected PROVIDER=MODEL%s\n", word, c->n_maps == MAPS ? ", at most 64 times" : "");
            return false;
        }
        c->maps[c->n_maps++] = (struct import_map){slice_make(word, (size_t)(equals - word)), slice_of(equals + 1)};
    }
    return true;
}

int cli_suite_import(int argc, char **argv) {
    struct importing c = {.format = NULL};
    const struct option_spec specs[] = {
        {.name = "format", .type = OPTION_TEXT, .value = &c.format, .metavar = "FORMAT", .help = "promptfoo, jsonl or csv; unless given, by the file's name"},
        {.name = "name", .type = OPTION_TEXT, .value = &c.name, .metavar = "NAME", .help = "of the suite; of several, what their names begin with"},
        {.name = "out", .letter = 'o', .type = OPTION_TEXT, .value = &c.out, .metavar = "FILE|DIR", .help = "where the YAML goes; several suites need a folder (default: standard output)"},
        {.name = "map", .type = OPTION_TEXT, .value = &c.map, .metavar = "PROVIDER=MODEL", .help = "what a provider is called here, as \"openai:gpt-5=support-chat\"; may stand often"},
        {.name = "prompt", .type = OPTION_TEXT, .value = &c.prompt, .metavar = "NAME", .help = "of jsonl and csv: the prompt that the suite names"},
        {.name = "model", .letter = 'm', .type = OPTION_TEXT, .value = &c.model, .metavar = "NAME", .help = "of jsonl and csv: the model that the suite names"},
        {.name = "strict", .type = OPTION_FLAG, .value = &c.strict, .help = "exit 1 when something was left out"},
        {.name = "force", .type = OPTION_FLAG, .value = &c.force, .help = "write over files that are there"},
        {.name = "json", .type = OPTION_FLAG, .value = &c.json, .help = "suites, and what was left out or differs, as JSON"},
    };
    if (!read_maps(&c, argc, argv)) return 2;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code >= 0) return code;
    c.file = argv[0];
    if (c.format == NULL) c.format = guess(c.file);
    if (strcmp(c.format, "promptfoo") != 0 && strcmp(c.format, "jsonl") != 0 && strcmp(c.format, "csv") != 0) {
        fprintf(stderr, "quarterdeck: --format %s: expected promptfoo, jsonl or csv\n", c.format);
        return 2;
    }
    arena_init(&c.arena, 256 << 10, 16 * (size_t)LIMIT_SUITE_FILE);
    import_init(&c.m, &c.arena);
    code = run(&c);
    arena_deinit(&c.arena);
    return code;
}
