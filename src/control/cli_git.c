/* Where a change comes from: the last commit of the Git repository that its files are in. */
#include "control/cli_definition.h"

#include "io/program.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
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

void cli_git_origin(const char *path, struct arena *arena, struct definition_origin *ret) {
    char folder[PATH_MAX], walk[PATH_MAX];
    struct stat s;
    struct buffer out;
    struct slice author, rest, subject, body;
    *ret = (struct definition_origin){.author = SLICE_NULL};
    if (realpath(path, folder) == NULL || stat(folder, &s) != 0) return;
    if (!S_ISDIR(s.st_mode) && strrchr(folder, '/') != NULL) *strrchr(folder, '/') = 0;
    memcpy(walk, folder, sizeof walk);
    if (!in_repository(walk)) return;
    const char *const any[] = {"git", "-C", folder, "rev-parse", "-q", "--verify", "HEAD", NULL}; /* says nothing where nothing is committed yet */
    const char *const argv[] = {"git", "-C", folder, "log", "-1", "--format=%an <%ae>%x1f%s (%h)%x1f%B", NULL};
    buffer_init(&out, 64 << 10);
    bool known = program_call(&(struct program_call){.argv = any, .timeout_us = GIT_TIME_US}, &out, NULL) == FAULT_NONE;
    buffer_clear(&out);
    if (known && program_call(&(struct program_call){.argv = argv, .timeout_us = GIT_TIME_US}, &out, NULL) == FAULT_NONE) {
        struct slice all = arena_slice(arena, slice_trim(slice_make(buffer_text(&out), out.len)));
        if (slice_is_utf8(all) && slice_cut(all, PARTED, &author, &rest) && slice_cut(rest, PARTED, &subject, &body))
            *ret = (struct definition_origin){author, subject, cli_find_ticket(body)};
    }
    buffer_deinit(&out);
}
