#include "store/blobs.h"

#include "base/digest.h"
#include "base/mem.h"
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_MODE = 0600, BLOCK = 1 << 20 };
#define UNFINISHED ".part"

struct blobs {
    char *dir;
};

struct blob_writer {
    char *dir, *name, *part;
    int fd;
    struct buffer block; /* not yet written */
    uint64_t checksum;
    int64_t size;
};

static enum fault failed(const char *what, const char *path, struct error *error) {
    enum fault fault = errno == ENOSPC || errno == EDQUOT ? FAULT_NO_SPACE : errno == ENOENT ? FAULT_NOT_FOUND : FAULT_IO;
    return error_set(error, fault, "cannot %s %s: %s", what, path, strerror(errno));
}

struct blobs *blobs_open(const char *dir, struct error *error) {
    if (files_make_dir(dir, error) != FAULT_NONE) return NULL;
    struct blobs *b = mem_new(struct blobs);
    b->dir = mem_text(dir);
    return b;
}

void blobs_close(struct blobs *b) {
    if (b == NULL) return;
    mem_free(b->dir);
    mem_free(b);
}

struct sweep {
    struct blobs *blobs;
    bool (*is_known)(void *ctx, struct slice name);
    void *ctx;
};

static void sweep_one(void *ctx, const char *name) {
    struct sweep *s = ctx;
    if (name[0] != '.' && !s->is_known(s->ctx, slice_of(name))) blob_remove(s->blobs, name);
}

void blobs_sweep(struct blobs *b, bool (*is_known)(void *ctx, struct slice name), void *ctx) {
    struct sweep s = {b, is_known, ctx};
    enum fault fault = files_list(b->dir, "", sweep_one, &s, NULL);
    (void)fault; /* what stays is tried again at the next start */
}

/* ---- writing ---- */

static void writer_free(struct blob_writer *w) {
    if (w->fd >= 0) close(w->fd);
    buffer_deinit(&w->block);
    mem_free(w->dir);
    mem_free(w->name);
    mem_free(w->part);
    mem_free(w);
}

struct blob_writer *blob_create(struct blobs *b, const char *name, struct error *error) {
    char part[256];
    struct blob_writer *w = mem_new(struct blob_writer);
    (void)snprintf(part, sizeof part, "%s" UNFINISHED, name);
    w->dir = mem_text(b->dir);
    w->name = files_path(b->dir, name);
    w->part = files_path(b->dir, part);
    buffer_init(&w->block, BLOCK);
    w->fd = open(w->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (w->fd >= 0) return w;
    (void)failed("make", w->part, error);
    writer_free(w);
    return NULL;
}

static enum fault write_block(struct blob_writer *w, struct error *error) {
    for (size_t at = 0; at < w->block.len;) {
        ssize_t n = write(w->fd, w->block.at + at, w->block.len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed("write", w->part, error);
        at += (size_t)n;
    }
    w->checksum = digest_fast(buffer_slice(&w->block), w->checksum);
    w->size += (int64_t)w->block.len;
    buffer_clear(&w->block);
    return FAULT_NONE;
}

enum fault blob_write(struct blob_writer *w, struct slice bytes, struct error *error) {
    while (bytes.len > 0) {
        size_t room = BLOCK - w->block.len, n = bytes.len < room ? bytes.len : room;
        (void)buffer_append(&w->block, slice_make(bytes.at, n));
        bytes = slice_make(bytes.at + n, bytes.len - n);
        enum fault fault = w->block.len == BLOCK ? write_block(w, error) : FAULT_NONE;
        if (fault != FAULT_NONE) return fault;
    }
    return FAULT_NONE;
}

int64_t blob_size(const struct blob_writer *w) { return w->size + (int64_t)w->block.len; }

enum fault blob_finish(struct blob_writer *w, uint64_t *ret_checksum, struct error *error) {
    enum fault fault = w->block.len > 0 ? write_block(w, error) : FAULT_NONE;
    if (fault == FAULT_NONE && fsync(w->fd) != 0) fault = failed("sync", w->part, error);
    if (fault == FAULT_NONE && rename(w->part, w->name) != 0) fault = failed("rename", w->part, error);
    if (fault != FAULT_NONE) {
        blob_abandon(w);
        return fault;
    }
    files_sync_dir(w->dir);
    *ret_checksum = w->checksum;
    writer_free(w);
    return FAULT_NONE;
}

void blob_abandon(struct blob_writer *w) {
    if (w == NULL) return;
    (void)unlink(w->part);
    writer_free(w);
}

/* ---- reading ---- */

static enum fault read_at(int fd, const char *path, int64_t at, int64_t len, struct buffer *out, struct error *error) {
    char *into = buffer_reserve(out, (size_t)len);
    if (into == NULL) return error_set(error, FAULT_TOO_LARGE, "%s: no room for %lld bytes", path, (long long)len);
    for (int64_t done = 0; done < len;) {
        ssize_t n = pread(fd, into + done, (size_t)(len - done), at + done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed("read", path, error);
        if (n == 0) return error_set(error, FAULT_CORRUPT, "%s is shorter than it was", path);
        done += n;
    }
    out->len += (size_t)len;
    return FAULT_NONE;
}

enum fault blob_read(struct blobs *b, const char *name, int64_t at, int64_t len, struct buffer *out, struct error *error) {
    char *path = files_path(b->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum fault fault = fd < 0 ? failed("open", path, error) : read_at(fd, path, at, len, out, error);
    if (fd >= 0) close(fd);
    mem_free(path);
    return fault;
}

enum fault blob_load(struct blobs *b, const char *name, int64_t size, uint64_t checksum, struct buffer *out,
                     struct error *error) {
    size_t before = out->len;
    enum fault fault = blob_read(b, name, 0, size, out, error);
    uint64_t sum = 0;
    for (size_t at = before; fault == FAULT_NONE && at < out->len; at += BLOCK)
        sum = digest_fast(slice_make(out->at + at, out->len - at < BLOCK ? out->len - at : BLOCK), sum);
    if (fault == FAULT_NONE && sum != checksum) fault = error_set(error, FAULT_CORRUPT, "file %s is damaged", name);
    if (fault != FAULT_NONE) out->len = before;
    return fault;
}

void blob_remove(struct blobs *b, const char *name) {
    char *path = files_path(b->dir, name);
    (void)unlink(path);
    mem_free(path);
}
