#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "store/files.h"
#include "store/recorder_lane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0600, NAME_TEXT = 64 };

uint64_t frame_check(const struct segment *s, uint64_t offset, enum frame_kind kind, struct slice bytes) {
    return digest_fast(bytes, s->salt + offset * 0x9e3779b97f4a7c15u + (uint64_t)kind);
}

static uint64_t header_check(const struct segment_header *h) {
    return digest_fast(slice_make((const char *)h, offsetof(struct segment_header, check)), 0);
}

static uint64_t salt_of(const struct segment_header *h) {
    uint64_t salt;
    memcpy(&salt, h->id.bytes + sizeof h->id.bytes - sizeof salt, sizeof salt);
    return salt;
}

static struct segment *wrap(void *map, size_t bytes, const char *path) {
    struct segment *s = mem_new(struct segment);
    s->map = map;
    s->bytes = bytes;
    s->path = mem_text(path);
    s->references = 1;
    s->salt = salt_of(s->map);
    return s;
}

/* Writes the header in one go, so that a file is either untouched or whole. */
static void fill_header(struct segment_header *h, unsigned lane, uint64_t number, size_t bytes) {
    struct segment_header new = {.version = SEGMENT_VERSION, .lane = lane, .number = number, .bytes = bytes};
    memcpy(new.magic, SEGMENT_MAGIC, sizeof new.magic);
    record_id_new(&new.id, clock_wall_us());
    digest_random(new.id.bytes + 8, 8); /* the salt */
    new.check = header_check(&new);
    atomic_init(&new.released, SEGMENT_FIRST);
    memcpy(h, &new, sizeof new);
}

void segment_make_ready(struct segment *s) {
    s->ready = true;
#ifdef MADV_POPULATE_WRITE
    madvise(s->map, s->bytes, MADV_POPULATE_WRITE); /* an older kernel declines */
#endif
}

struct segment *segment_new(struct recorder *r, unsigned lane, struct error *error) {
    uint64_t number = atomic_fetch_add(&r->next_number, 1);
    char name[NAME_TEXT];
    struct segment *s = NULL;
    size_t bytes = r->options.segment_bytes;
    snprintf(name, sizeof name, "lane-%02u-%08llu.seg", lane, (unsigned long long)number);
    char *path = files_path(r->dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        (void)error_set(error, errno == ENOSPC ? FAULT_NO_SPACE : FAULT_IO, "cannot make %s: %s", path,
                        strerror(errno));
        goto done;
    }
    int failed = posix_fallocate(fd, 0, (off_t)bytes);
    if (failed != 0) {
        (void)error_set(error, FAULT_NO_SPACE, "no room for %zu bytes at %s: %s", bytes, path,
                        strerror(failed));
        goto remove;
    }
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        (void)error_set(error, FAULT_NO_SPACE, "cannot map %s: %s", path, strerror(errno));
        goto remove;
    }
    fill_header(map, lane, number, bytes);
    s = wrap(map, bytes, path);
    atomic_init(&s->written, SEGMENT_FIRST);
    if (r->options.sync != RECORDER_SYNC_OS) {
        fsync(fd);
        files_sync_dir(r->dir);
        s->synced = SEGMENT_FIRST;
    }
    goto close;
remove:
    unlink(path);
close:
    close(fd);
done:
    mem_free(path);
    return s;
}

static bool is_blank(const char *at, size_t n) {
    return n == 0 || (at[0] == 0 && memcmp(at, at + 1, n - 1) == 0);
}

static bool header_is_good(const struct segment_header *h, size_t bytes) {
    return memcmp(h->magic, SEGMENT_MAGIC, sizeof h->magic) == 0 && h->version == SEGMENT_VERSION &&
           h->check == header_check(h) && h->released >= SEGMENT_FIRST && h->released <= bytes &&
           h->released % FRAME_ALIGN == 0;
}

enum fault segment_open(const char *path, struct segment **ret, struct error *error) {
    enum fault fault = FAULT_NONE;
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fault = error_set(error, FAULT_IO, "cannot open %s: %s", path, strerror(errno));
        goto close;
    }
    if (st.st_size < SEGMENT_FIRST) { /* the process ended between making and allocating it */
        unlink(path);
        fault = FAULT_NOT_FOUND;
        goto close;
    }
    size_t bytes = (size_t)st.st_size;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        fault = error_set(error, FAULT_IO, "cannot map %s: %s", path, strerror(errno));
    } else if (header_is_good(map, bytes)) {
        struct segment *s = wrap(map, bytes, path);
        s->leftover = true;
        s->cut_short = bytes < s->map->bytes;
        atomic_init(&s->written, bytes & ~(size_t)(FRAME_ALIGN - 1));
        *ret = s;
    } else {
        bool blank = is_blank(map, bytes); /* allocated, never used */
        fault = blank ? FAULT_NOT_FOUND : error_set(error, FAULT_CORRUPT, "%s has a damaged header", path);
        if (blank) unlink(path);
        munmap(map, bytes);
    }
close:
    if (fd >= 0) close(fd);
    return fault;
}

void segment_drop(struct recorder *r, struct segment *s) {
    if (s == NULL) return;
    pthread_mutex_lock(&r->lock);
    bool last = --s->references == 0;
    pthread_mutex_unlock(&r->lock);
    if (!last) return;
    munmap(s->map, s->bytes);
    mem_free(s->path);
    mem_free(s);
}

void segment_sync(struct recorder *r, struct segment *s, uint64_t from, uint64_t to) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    from -= from % page;
    if (to > from && msync((char *)s->map + from, to - from, MS_SYNC) != 0)
        atomic_fetch_add(&r->sync_failures, 1);
}
