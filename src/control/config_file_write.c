/* Replacing the configuration file: a new one beside it, then rename, so that whoever reads finds the one or the other whole. */
#include "control/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MOST = 4096 };

static const char *env_of(void *ctx, const char *name) {
    (void)ctx;
    return getenv(name);
}

static enum fault file_of(void *ctx, const char *path, struct buffer *out, struct error *error) {
    const char *config = ctx, *slash = strrchr(config, '/');
    char beside[PATH_MOST];
    if (path[0] == '/' || !slash) return config_file_load(path, out, error);
    int n = snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - config), config, path);
    if (n < 0 || (size_t)n >= sizeof beside) return error_set(error, FAULT_TOO_LARGE, "%s: the path is too long", path);
    return config_file_load(beside, out, error);
}

enum fault config_file_check(const char *path, struct slice text, struct arena *arena, struct problems *ret_problems, struct error *error) {
    struct config_source source = {.ctx = (void *)(uintptr_t)path, .env = env_of, .file = file_of};
    struct policy *p = NULL;
    enum fault fault = config_read(text, path, &source, NULL, arena, &p, ret_problems);
    policy_drop(p);
    return fault == FAULT_CONFIG ? error_set(error, fault, "with this, %s has %u problem%s; nothing was changed", path, ret_problems->count,
                                             ret_problems->count == 1 ? "" : "s") : fault;
}

static bool folder_of(const char *path, char out[PATH_MOST]) {
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? snprintf(out, PATH_MOST, ".") : snprintf(out, PATH_MOST, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return n > 0 && n < PATH_MOST;
}

bool config_file_writable(const char *path, struct error *error) {
    struct stat st;
    char folder[PATH_MOST];
    enum fault fault = FAULT_NONE;
    if (lstat(path, &st) != 0)
        fault = error_set(error, FAULT_CONFLICT, "%s: %s", path, strerror(errno));
    else if (S_ISLNK(st.st_mode))
        fault = error_set(error, FAULT_CONFLICT, "%s is a symbolic link: whoever made it owns the file behind it; edit it there, then reload", path);
    else if (!S_ISREG(st.st_mode))
        fault = error_set(error, FAULT_CONFLICT, "%s is no plain file: edit its source, then reload", path);
    else if ((st.st_mode & 0222) == 0 || faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        fault = error_set(error, FAULT_CONFLICT, "%s is read-only for this server: chmod u+w it, or edit it by hand and reload", path);
    else if (!folder_of(path, folder) || faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) != 0)
        fault = error_set(error, FAULT_CONFLICT, "the folder of %s is read-only for this server: make it writable, or edit the file by hand and reload", path);
    return fault == FAULT_NONE;
}

static enum fault failed(const char *what, const char *path, int fd, struct error *error) {
    enum fault fault = error_set(error, FAULT_IO, "%s: cannot be %s: %s; nothing was changed", path, what, strerror(errno));
    if (fd >= 0) close(fd);
    return fault;
}

/* As `path` with `suffix`, whole and on the disk before anybody can find it. */
static enum fault write_beside(const char *path, const char *suffix, struct slice text, const struct stat *like, char out[PATH_MOST], struct error *error) {
    int n = snprintf(out, PATH_MOST, "%s%s", path, suffix);
    if (n < 0 || n >= PATH_MOST) return error_set(error, FAULT_TOO_LARGE, "%s: the path is too long", path);
    if (unlink(out) != 0 && errno != ENOENT) return failed("removed", out, -1, error);
    int fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return failed("made", out, -1, error);
    for (size_t at = 0; at < text.len;) {
        ssize_t w = write(fd, text.at + at, text.len - at);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) {
            enum fault fault = failed("written", out, fd, error);
            unlink(out);
            return fault;
        }
        at += (size_t)w;
    }
    /* another's file stays another's only where we may give it away; the mode stays, but no other group reads what is secret */
    mode_t mode = like->st_mode & 07777, others = mode & S_IRWXO;
    if (fchown(fd, like->st_uid, like->st_gid) != 0 && fchown(fd, (uid_t)-1, like->st_gid) != 0) mode &= ~(mode_t)S_IRWXG | others << 3;
    if (fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        enum fault fault = failed("kept", out, fd, error);
        unlink(out);
        return fault;
    }
    close(fd);
    return FAULT_NONE;
}

static enum fault is_still(const char *path, struct slice before, struct error *error) {
    struct buffer now;
    buffer_init(&now, LIMIT_CONFIG_FILE);
    enum fault fault = config_file_load(path, &now, error);
    if (fault == FAULT_NONE && !slice_eq(buffer_slice(&now), before))
        fault = error_set(error, FAULT_CONFLICT, "%s was changed by somebody else meanwhile: look again", path);
    buffer_deinit(&now);
    return fault;
}

enum fault config_file_replace(const char *path, struct slice before, struct slice text, const struct config_file_ready *ready, struct error *error) {
    char fresh[PATH_MOST], former[PATH_MOST], kept[PATH_MOST], folder[PATH_MOST];
    struct stat st;
    if (!config_file_writable(path, error)) return FAULT_CONFLICT;
    if (stat(path, &st) != 0) return failed("read", path, -1, error);
    int n = snprintf(kept, sizeof kept, "%s.before", path);
    if (n < 0 || (size_t)n >= sizeof kept) return error_set(error, FAULT_TOO_LARGE, "%s: the path is too long", path);
    enum fault fault = write_beside(path, ".before.new", before, &st, former, error);
    if (fault != FAULT_NONE) return fault;
    fault = write_beside(path, ".new", text, &st, fresh, error);
    if (fault == FAULT_NONE) fault = is_still(path, before, error);
    if (fault == FAULT_NONE && ready != NULL) fault = ready->ask(ready->ctx, error);
    if (fault == FAULT_NONE && rename(former, kept) != 0) fault = failed("kept", kept, -1, error);
    if (fault == FAULT_NONE && rename(fresh, path) != 0) fault = failed("replaced", path, -1, error);
    if (fault != FAULT_NONE) {
        unlink(fresh);
        unlink(former);
        return fault;
    }
    int fd = folder_of(path, folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
    return FAULT_NONE;
}
