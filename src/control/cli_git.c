/* Where a change comes from: the last commit of the Git repository that touched its files. */
#include "control/cli_definition.h"

#include "io/program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GIT_TIME_US 5000000
#define PARTED '\x1f'

/* Git is not asked (and does not complain) where there is no repository. */
static bool in_repository(char *path) {
    for (;;) {
        char git[PATH_MAX + 8];
        int n = snprintf(git, sizeof git, "%s/.git", path);
        if (n > 0 && (size_t)n < sizeof git && access(git, F_OK) == 0) return true;
        char *slash = strrchr(path, '/');
        if (slash == NULL || path[0] == 0) return false;
        *slash = 0;
    }
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

/* Names of standards and models that look like tickets. */
static bool is_known(struct slice word) {
    static const char *const words[] = {"UTF-", "SHA-", "ISO-", "RFC-", "GPT-", "CVE-"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_starts(word, slice_of(words[i]))) return true;
    return false;
}

struct slice cli_find_ticket(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        bool begins = i == 0 || strchr(" \t\n([:,", text.at[i - 1]) != NULL;
        size_t end = i;
        if (!begins) continue;
        if (text.at[i] == '#') end++;
        else {
            while (end < text.len && (is_upper(text.at[end]) || (end > i && is_digit(text.at[end])))) end++;
            if (end - i < 2 || end >= text.len || text.at[end] != '-' || is_known(slice_make(text.at + i, end + 1 - i))) continue;
            end++;
        }
        size_t digits = end;
        while (end < text.len && is_digit(text.at[end])) end++;
        if (end > digits && (end == text.len || strchr(" \t\n)]:,.;", text.at[end]) != NULL)) return slice_make(text.at + i, end - i);
    }
    return SLICE_NULL;
}

/* What a Git command prints; SLICE_NULL: it failed. `argv` is completed by the files. */
static struct slice git(const char *folder, const char *const *words, const char *const *files, unsigned n, struct arena *arena) {
    enum { WORDS = 12 };
    struct buffer out;
    struct slice said = SLICE_NULL;
    const char **argv = arena_new_array(arena, const char *, WORDS + n + 1);
    unsigned at = 0;
    if (argv == NULL) return SLICE_NULL;
    argv[at++] = "git", argv[at++] = "-C", argv[at++] = folder;
    while (*words != NULL) argv[at++] = *words++;
    if (n > 0) argv[at++] = "--";
    for (unsigned i = 0; i < n; i++) argv[at++] = files[i];
    buffer_init(&out, 64 << 10);
    if (program_call(&(struct program_call){.argv = argv, .timeout_us = GIT_TIME_US}, &out, NULL) == FAULT_NONE)
        said = arena_slice(arena, slice_trim(slice_make(buffer_text(&out), out.len)));
    buffer_deinit(&out);
    return said;
}

/* Where the files are kept: all by their whole names, so that Git finds them from wherever it is started. */
static bool find_places(const char *const *files, unsigned n, struct arena *arena, char *folder, const char **places) {
    char place[PATH_MAX], walk[PATH_MAX];
    for (unsigned i = 0; i < n; i++) {
        if (realpath(files[i], place) == NULL) return false;
        places[i] = arena_text(arena, slice_of(place));
        if (places[i] == NULL) return false;
    }
    snprintf(folder, PATH_MAX, "%s", places[0]);
    if (strrchr(folder, '/') != NULL) *strrchr(folder, '/') = 0;
    if (folder[0] == 0) memcpy(folder, "/", sizeof "/");
    memcpy(walk, folder, sizeof walk);
    return in_repository(walk);
}

void cli_git_origin(const char *const *files, unsigned n, struct arena *arena, struct definition_origin *ret) {
    static const char *const any[] = {"rev-parse", "-q", "--verify", "HEAD", NULL}; /* says nothing where nothing is committed yet */
    static const char *const status[] = {"status", "--porcelain", NULL}, *const user[] = {"var", "GIT_AUTHOR_IDENT", NULL};
    static const char *const last[] = {"log", "-1", "--format=%an <%ae>%x1f%s (%h)%x1f%H%x1f%B", NULL};
    char folder[PATH_MAX];
    struct slice author, rest, subject, commit, body;
    const char **places = arena_new_array(arena, const char *, n + 1);
    *ret = (struct definition_origin){.author = SLICE_NULL};
    if (n == 0 || places == NULL || !find_places(files, n, arena, folder, places) || git(folder, any, NULL, 0, arena).at == NULL) return;
    if (git(folder, status, places, n, arena).len > 0) {
        struct slice ident = git(folder, user, NULL, 0, arena); /* "Ann <ann@example.org> 1763744400 +0000" */
        const char *end = ident.len > 0 ? memchr(ident.at, '>', ident.len) : NULL;
        *ret = (struct definition_origin){.author = end != NULL ? slice_make(ident.at, (size_t)(end - ident.at) + 1) : SLICE_NULL, .changed = true};
        return;
    }
    struct slice all = git(folder, last, places, n, arena);
    if (all.len > 0 && slice_is_utf8(all) && slice_cut(all, PARTED, &author, &rest) && slice_cut(rest, PARTED, &subject, &rest) && slice_cut(rest, PARTED, &commit, &body))
        *ret = (struct definition_origin){author, subject, cli_find_ticket(body), commit, false};
}
