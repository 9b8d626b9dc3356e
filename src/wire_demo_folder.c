/* wire_demo_folder.c - see wire_demo_folder.h. */
#include "wire_demo_folder.h"

#include "base/buffer.h"
#include "control/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FILE_MOST = 8 << 20, OPEN_MOST = 16 };

#define EMBEDDED "examples/demo/"
#define NAME "quarterdeck-demo-"
#define MEMORY "/dev/shm"
#define ROOM (1ull << 30) /* four weeks take a fraction of it */

struct embedded_file {
    const char *name, *at;
    size_t size;
};
extern const struct embedded_file embedded_files[]; /* scripts/gen_embed */

static enum fault failed(struct error *error, const char *what, const char *path) {
    return error_set(error, FAULT_IO, "%s %.200s: %s", what, path, strerror(errno));
}

/* ---- the root ---- */

static bool is_empty(const char *path) {
    DIR *dir = opendir(path);
    bool empty = dir != NULL;
    for (struct dirent *e; empty && (e = readdir(dir)) != NULL;) empty = e->d_name[0] == '.' && (e->d_name[1] == 0 || e->d_name[1] == '.');
    if (dir != NULL) closedir(dir);
    return empty;
}

/* What is thrown away at the end is not worth a disk's syncs, which would take longer than all else. */
static const char *place(void) {
    const char *tmp = getenv("TMPDIR");
    struct statvfs room;
    if (tmp != NULL && *tmp != 0) return tmp;
    return statvfs(MEMORY, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize >= ROOM && access(MEMORY, W_OK) == 0 ? MEMORY : "/tmp";
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

/* -1: another process holds it, there is none (and `make` is 0), or it is nothing that could be held. */
static int lock_of(const char *root, int make) {
    char path[4160];
    snprintf(path, sizeof path, "%s/lock", root);
    int fd = open(path, O_RDWR | make | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* Only folders of this user's, so that nobody has us remove theirs. */
static void sweep(const char *in) {
    DIR *dir = opendir(in);
    struct stat st;
    char root[4096];
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (strncmp(e->d_name, NAME, sizeof NAME - 1) != 0 || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode) ||
            st.st_uid != geteuid() || snprintf(root, sizeof root, "%s/%s", in, e->d_name) >= (int)sizeof root)
            continue;
        int lock = lock_of(root, 0);
        if (lock < 0) continue;
        (void)nftw(root, remove_one, OPEN_MOST, FTW_DEPTH | FTW_PHYS);
        close(lock);
        fprintf(stderr, "quarterdeck demo: removed %s, which a demo that was killed had left\n", root);
    }
    if (dir != NULL) closedir(dir);
}

/* One that is being made has no lock for a moment, in which somebody who sweeps may take it: then another one is made. */
static bool make_root(struct demo_folder *f) {
    struct stat st;
    for (unsigned tries = 0; tries < 8; tries++) {
        snprintf(f->root, sizeof f->root, "%s/" NAME "XXXXXX", place());
        if (mkdtemp(f->root) == NULL) return false;
        f->lock = lock_of(f->root, O_CREAT);
        if (f->lock >= 0 && fstat(f->lock, &st) == 0 && st.st_nlink > 0) return true;
        if (f->lock >= 0) close(f->lock);
    }
    errno = EBUSY;
    return false;
}

enum fault demo_folder_make(struct demo_folder *f, const char *data, struct error *error) {
    f->kept = data != NULL;
    f->lock = -1;
    sweep(place());
    if (data != NULL) {
        if (mkdir(data, 0700) != 0 && errno != EEXIST) return failed(error, "cannot make", data);
        if (!is_empty(data)) return error_set(error, FAULT_IO, "%.200s is not an empty folder: a demo begins its own history", data);
        if (realpath(data, f->root) == NULL) return failed(error, "cannot use", data);
    } else {
        if (!make_root(f)) {
            enum fault fault = failed(error, "cannot make", f->root);
            f->root[0] = 0;
            return fault;
        }
    }
    snprintf(f->config, sizeof f->config, "%s/world/quarterdeck.yaml", f->root);
    snprintf(f->data, sizeof f->data, "%s/data", f->root);
    return FAULT_NONE;
}

void demo_folder_remove(struct demo_folder *f) {
    if (f->root[0] == 0 || f->kept) return;
    (void)nftw(f->root, remove_one, OPEN_MOST, FTW_DEPTH | FTW_PHYS);
    close(f->lock);
    f->root[0] = 0;
}

/* ---- its files ---- */

bool demo_folder_file(void *ctx, const char *name, struct slice *ret) {
    struct demo_folder *f = ctx;
    if (f->world != NULL) {
        struct buffer text;
        struct slice path = arena_printf(f->arena, "%s/%s", f->world, name);
        buffer_init(&text, FILE_MOST);
        bool good = path.at != NULL && config_file_load(path.at, &text, NULL) == FAULT_NONE;
        if (good) *ret = slice_of(arena_text(f->arena, buffer_slice(&text)));
        buffer_deinit(&text);
        return good && ret->at != NULL;
    }
    for (const struct embedded_file *e = embedded_files; e->name != NULL; e++)
        if (strncmp(e->name, EMBEDDED, sizeof EMBEDDED - 1) == 0 && strcmp(e->name + sizeof EMBEDDED - 1, name) == 0) {
            *ret = slice_make(e->at, e->size);
            return true;
        }
    return false;
}

static enum fault make_parents(char *path, struct error *error) {
    for (char *p = path + 1; *p != 0; p++) {
        if (*p != '/') continue;
        *p = 0;
        int code = mkdir(path, 0700);
        *p = '/';
        if (code != 0 && errno != EEXIST) return failed(error, "cannot make", path);
    }
    return FAULT_NONE;
}

static enum fault put_file(struct demo_folder *f, const struct world_options *o, const char *name, struct error *error) {
    char path[8192];
    struct buffer text;
    snprintf(path, sizeof path, "%s/world/%s", f->root, name);
    buffer_init(&text, FILE_MOST);
    enum fault fault = world_fill_in(o, name, &text, error);
    if (fault == FAULT_NONE) fault = make_parents(path, error);
    FILE *file = fault == FAULT_NONE ? fopen(path, "wbe") : NULL;
    if (fault == FAULT_NONE && file == NULL) fault = failed(error, "cannot write", path);
    if (file != NULL && fwrite(text.at != NULL ? text.at : "", 1, text.len, file) != text.len) fault = failed(error, "cannot write", path);
    if (file != NULL && fclose(file) != 0 && fault == FAULT_NONE) fault = failed(error, "cannot write", path);
    buffer_deinit(&text);
    return fault;
}

/* `under` is "" or "folder/". */
static enum fault put_folder(struct demo_folder *f, const struct world_options *o, const char *under, struct error *error) {
    enum fault fault = FAULT_NONE;
    struct slice path = arena_printf(f->arena, "%s/%s", f->world, under);
    DIR *dir = path.at != NULL ? opendir(path.at) : NULL;
    if (dir == NULL) return failed(error, "cannot read", f->world);
    for (struct dirent *e; fault == FAULT_NONE && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        struct slice name = arena_printf(f->arena, "%s%s", under, e->d_name), below = arena_printf(f->arena, "%s%s/", under, e->d_name);
        struct stat st;
        if (name.at == NULL || below.at == NULL || fstatat(dirfd(dir), e->d_name, &st, 0) != 0) fault = failed(error, "cannot read", e->d_name);
        else fault = S_ISDIR(st.st_mode) ? put_folder(f, o, below.at, error) : put_file(f, o, name.at, error);
    }
    closedir(dir);
    return fault;
}

enum fault demo_folder_fill(struct demo_folder *f, const struct world_options *o, struct error *error) {
    enum fault fault = FAULT_NONE;
    if (f->world != NULL) return put_folder(f, o, "", error);
    for (const struct embedded_file *e = embedded_files; e->name != NULL && fault == FAULT_NONE; e++)
        if (strncmp(e->name, EMBEDDED, sizeof EMBEDDED - 1) == 0) fault = put_file(f, o, e->name + sizeof EMBEDDED - 1, error);
    return fault;
}
