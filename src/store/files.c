#include "store/files.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIR_MODE = 0700, FILE_MODE = 0600 };

bool files_is_dir(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

bool files_exists(const char *path) {
    return access(path, F_OK) == 0;
}

enum fault files_make_dir(const char *path, struct error *error) {
    char *text = mem_text(path);
    enum fault fault = FAULT_NONE;
    for (char *at = text + 1; text[0] != 0; at++) {
        bool end = *at == 0;
        if (!end && *at != '/') continue;
        *at = 0;
        if (mkdir(text, DIR_MODE) != 0 && errno != EEXIST) {
            fault = error_set(error, errno == ENOSPC ? FAULT_NO_SPACE : FAULT_IO, "cannot make folder %s: %s",
                              text, strerror(errno));
            break;
        }
        if (end) break;
        *at = '/';
    }
    mem_free(text);
    if (fault == FAULT_NONE && !files_is_dir(path))
        fault = error_set(error, FAULT_IO, "%s is not a folder", path);
    return fault;
}

enum fault files_list(const char *dir, const char *prefix, void (*each)(void *ctx, const char *name),
                      void *ctx, struct error *error) {
    DIR *d = opendir(dir);
    if (d == NULL)
        return error_set(error, errno == ENOENT ? FAULT_NOT_FOUND : FAULT_IO, "cannot read folder %s: %s",
                         dir, strerror(errno));
    size_t len = strlen(prefix);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (strncmp(e->d_name, prefix, len) == 0) each(ctx, e->d_name);
    closedir(d);
    return FAULT_NONE;
}

char *files_path(const char *dir, const char *name) {
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = mem_alloc(size);
    snprintf(path, size, "%s/%s", dir, name);
    return path;
}

void files_sync_dir(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

enum fault files_lock(const char *dir, const char *name, int *ret_fd, struct error *error) {
    enum fault fault = FAULT_NONE;
    char *path = files_path(dir, name), owner[24] = "";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        fault = error_set(error, FAULT_IO, "cannot open %s: %s", path, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(fd, owner, sizeof owner - 1, 0);
        owner[n > 0 ? n : 0] = 0;
        fault = error_set(error, FAULT_CONFLICT,
                          "%s is in use by another process (%s): one server to one data_dir", dir,
                          owner[0] ? owner : "unknown");
        close(fd);
    } else {
        /* the number is only for the message above: a failed write costs nothing */
        int n = snprintf(owner, sizeof owner, "%ld", (long)getpid());
        if (ftruncate(fd, 0) == 0 && pwrite(fd, owner, (size_t)n, 0) == n) fault = FAULT_NONE;
        *ret_fd = fd;
    }
    mem_free(path);
    return fault;
}
