#include "control/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (64 << 10)

static enum fault read_all(int fd, const char *path, struct buffer *out, struct error *error) {
    char one_more = 0; /* the byte that shows that the file is longer */
    for (;;) {
        size_t room = out->max - out->len < CHUNK ? out->max - out->len : CHUNK;
        char *at = room > 0 ? buffer_reserve(out, room) : &one_more;
        if (!at) return error_set(error, FAULT_TOO_LARGE, "%s: over %zu bytes", path, out->max);
        ssize_t n = read(fd, at, room > 0 ? room : 1);
        if (n == 0) return FAULT_NONE;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return error_set(error, FAULT_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (room == 0) return error_set(error, FAULT_TOO_LARGE, "%s: over %zu bytes", path, out->max);
        out->len += (size_t)n;
    }
}

enum fault config_file_load(const char *path, struct buffer *out, struct error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return error_set(error, FAULT_NOT_FOUND, "%s: no such file", path);
    if (fd < 0) return error_set(error, FAULT_IO, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat st;
    enum fault fault;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        fault = error_set(error, FAULT_IO, "%s: expected a file, found a folder", path);
    else
        fault = read_all(fd, path, out, error);
    close(fd);
    return fault;
}

static const char *source_env(void *ctx, const char *name) {
    (void)ctx;
    return getenv(name);
}

/* `ctx` is the configuration file's path. */
static enum fault source_file(void *ctx, const char *path, struct buffer *out, struct error *error) {
    const char *config = ctx, *slash = strrchr(config, '/');
    if (path[0] == '/' || !slash) return config_file_load(path, out, error);
    char beside[4096];
    int n = snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - config), config, path);
    if (n < 0 || (size_t)n >= sizeof beside) return error_set(error, FAULT_TOO_LARGE, "%s: the path is too long", path);
    return config_file_load(beside, out, error);
}

enum fault config_file_read(const char *path, const struct config_registry *registry, struct arena *arena,
                            struct policy **ret, struct problems *ret_problems,
                            struct error *error) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    enum fault fault = config_file_load(path, &text, error);
    if (fault == FAULT_NONE) {
        struct config_source source = {.ctx = (void *)(uintptr_t)path, .env = source_env, .file = source_file};
        fault = config_read(buffer_slice(&text), path, &source, registry, arena, ret, ret_problems);
        if (fault == FAULT_CONFIG)
            error_set(error, fault, "%s has %u%s problem%s", path, ret_problems->count, ret_problems->more ? " or more" : "",
                      ret_problems->count == 1 ? "" : "s");
    }
    buffer_deinit(&text);
    return fault;
}
