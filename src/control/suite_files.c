/* See suite_files.h. */
#include "control/suite_files.h"

#include "control/config_file.h"

#include <sys/stat.h>
#include <unistd.h>

enum fault suite_files_load(const char *path, struct arena *arena, struct slice *ret, struct error *error) {
    struct buffer text;
    buffer_init(&text, LIMIT_SUITE_FILE);
    enum fault fault = config_file_load(path, &text, error);
    const char *kept = fault == FAULT_NONE ? arena_text(arena, slice_make(buffer_text(&text), text.len)) : NULL;
    if (fault == FAULT_NONE && kept == NULL) fault = error_set(error, FAULT_TOO_LARGE, "%s: there is no room for it", path);
    if (fault == FAULT_NONE) *ret = slice_make(kept, text.len);
    buffer_deinit(&text);
    return fault;
}

static const char *beside(const char *path, struct slice name, struct arena *arena) {
    const char *slash = strrchr(path, '/');
    int n = slash != NULL && !(name.len > 0 && name.at[0] == '/') ? (int)(slash - path + 1) : 0;
    struct slice whole = arena_printf(arena, "%.*s" SLICE_FMT, n, path, SLICE_ARG(name));
    return whole.at != NULL ? arena_text(arena, whole) : NULL;
}

static enum fault read_beside(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error) {
    const char *whole = beside(ctx, path, arena);
    struct stat s;
    if (whole == NULL || memchr(path.at, 0, path.len) != NULL) return error_set(error, FAULT_BAD_REQUEST, "expected the path of a file");
    if (stat(whole, &s) == 0 && !S_ISREG(s.st_mode)) /* a pipe or a terminal would be waited for */
        return error_set(error, FAULT_IO, "%s: expected a file, found %s", whole, S_ISDIR(s.st_mode) ? "a folder" : "a device or pipe");
    return suite_files_load(whole, arena, ret, error);
}

struct file_source suite_files_beside(const char *path) {
    return (struct file_source){(void *)(uintptr_t)path, read_beside};
}

enum fault suite_files_prompt(const char *suite_path, struct slice name, struct arena *arena, const char **ret_path, struct error *error) {
    static const char *const places[][2] = {{"", ".yaml"}, {"", ".md"}, {"prompts/", ".yaml"}, {"prompts/", ".md"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *path = beside(suite_path, arena_printf(arena, "%s" SLICE_FMT "%s", places[i][0], SLICE_ARG(name), places[i][1]), arena);
        if (path == NULL || access(path, R_OK) != 0) continue;
        *ret_path = path;
        return FAULT_NONE;
    }
    return error_set(error, FAULT_NOT_FOUND, "%s: no file of the prompt `" SLICE_FMT "` is beside it: expected " SLICE_FMT ".yaml, " SLICE_FMT ".md, or either in prompts/",
                     suite_path, SLICE_ARG(name), SLICE_ARG(name), SLICE_ARG(name));
}
