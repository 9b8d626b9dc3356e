/* 64 slots of a page each, so that a torn write damages one: empty (all zero), or an entry under its checksum. */
#include "store/emergency.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0600, PAGE = 4096, WHY_MOST = 400, TEXTS = 4, TEXT_BYTES = 3 * LIMIT_LABEL + WHY_MOST, FILE_BYTES = EMERGENCY_ENTRIES * PAGE };
#define FILE_NAME "emergency.log"
#define MAGIC 0x31676d656e6b4451ull

struct slot {
    uint64_t magic, check; /* check: of all behind it */
    uint64_t sequence, revision;
    int64_t to, rollout, at_us;
    uint16_t len[TEXTS];   /* kind, name, actor, why */
    char text[TEXT_BYTES];
};
union page {
    struct slot slot;
    char bytes[PAGE];
};
_Static_assert(sizeof(union page) == PAGE, "a slot is a page");

struct emergency {
    char *path;
    int fd;
    uint64_t told; /* the last sequence that emergency_list told */
};

enum slot_state { SLOT_EMPTY, SLOT_WHOLE, SLOT_DAMAGED };

static enum fault failed(const struct emergency *e, const char *what, struct error *error) {
    return error_set(error, errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? FAULT_NO_SPACE : FAULT_IO, "cannot %s %s: %s", what, e->path,
                     strerror(errno));
}

static enum fault put_page(struct emergency *e, int fd, unsigned at, const union page *p, struct error *error) {
    for (size_t done = 0; done < PAGE;) {
        ssize_t n = pwrite(fd, p->bytes + done, PAGE - done, (off_t)at * PAGE + (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return failed(e, "write", error);
        done += (size_t)n;
    }
    return FAULT_NONE;
}

static enum fault get_page(struct emergency *e, unsigned at, union page *ret, struct error *error) {
    memset(ret, 0, sizeof *ret);
    for (size_t done = 0; done < PAGE;) {
        ssize_t n = pread(e->fd, ret->bytes + done, PAGE - done, (off_t)at * PAGE + (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(e, "read", error);
        if (n == 0) break;
        done += (size_t)n;
    }
    return FAULT_NONE;
}

static uint64_t check_of(const union page *p, unsigned at) {
    enum { BEHIND = 2 * sizeof(uint64_t) };
    return digest_fast(slice_make(p->bytes + BEHIND, PAGE - BEHIND), MAGIC + at);
}

static enum slot_state state_of(const union page *p, unsigned at) {
    static const union page empty;
    size_t len = 0;
    if (memcmp(p->bytes, empty.bytes, PAGE) == 0) return SLOT_EMPTY;
    for (unsigned i = 0; i < TEXTS; i++) len += p->slot.len[i];
    return p->slot.magic == MAGIC && p->slot.check == check_of(p, at) && len <= TEXT_BYTES ? SLOT_WHOLE : SLOT_DAMAGED;
}

/* ---- the file ---- */

/* Beside it and then renamed: it is there whole or not at all. */
static enum fault make_file(struct emergency *e, const char *dir, struct error *error) {
    static const union page empty;
    char *part = files_path(dir, FILE_NAME ".part");
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    enum fault fault = fd < 0 ? failed(e, "make", error) : FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < EMERGENCY_ENTRIES; i++) fault = put_page(e, fd, i, &empty, error);
    if (fault == FAULT_NONE && (fsync(fd) != 0 || rename(part, e->path) != 0)) fault = failed(e, "make", error);
    if (fd >= 0) close(fd);
    if (fault != FAULT_NONE) (void)unlink(part);
    else files_sync_dir(dir);
    mem_free(part);
    return fault;
}

struct emergency *emergency_open(const char *data_dir, struct error *error) {
    struct emergency *e = mem_new(struct emergency);
    struct stat st;
    e->path = files_path(data_dir, FILE_NAME);
    enum fault fault = files_exists(e->path) ? FAULT_NONE : make_file(e, data_dir, error);
    e->fd = fault == FAULT_NONE ? open(e->path, O_RDWR | O_DSYNC | O_CLOEXEC) : -1;
    if (fault == FAULT_NONE && e->fd < 0) fault = failed(e, "open", error);
    if (fault == FAULT_NONE && fstat(e->fd, &st) != 0) fault = failed(e, "look at", error);
    if (fault == FAULT_NONE && st.st_size != FILE_BYTES)
        fault = error_set(error, FAULT_CORRUPT, "%s has %lld bytes, expected %d: move it away, and read what is in it", e->path, (long long)st.st_size, FILE_BYTES);
    if (fault == FAULT_NONE) return e;
    emergency_close(e);
    return NULL;
}

void emergency_close(struct emergency *e) {
    if (e == NULL) return;
    if (e->fd >= 0) close(e->fd);
    mem_free(e->path);
    mem_free(e);
}

/* ---- entries ---- */

static enum fault fill(union page *p, const struct emergency_entry *n, unsigned at, uint64_t sequence, struct error *error) {
    struct slice why = slice_make(n->why.at, utf8_cut(n->why, WHY_MOST));
    const struct slice texts[TEXTS] = {n->kind, n->name, n->actor, why};
    char *to = p->slot.text;
    memset(p, 0, sizeof *p);
    p->slot = (struct slot){.magic = MAGIC, .sequence = sequence, .revision = n->revision, .to = n->to, .rollout = n->rollout, .at_us = n->at_us};
    for (unsigned i = 0; i < TEXTS; i++) {
        if (i < TEXTS - 1 && texts[i].len > LIMIT_LABEL)
            return error_set(error, FAULT_TOO_LARGE, "kind, name and actor of a rollback have at most %d bytes", LIMIT_LABEL);
        p->slot.len[i] = (uint16_t)texts[i].len;
        if (texts[i].len > 0) memcpy(to, texts[i].at, texts[i].len);
        to += texts[i].len;
    }
    p->slot.check = check_of(p, at);
    return FAULT_NONE;
}

enum fault emergency_add(struct emergency *e, const struct emergency_entry *n, struct error *error) {
    union page p;
    unsigned free_at = EMERGENCY_ENTRIES;
    uint64_t last = e->told;
    enum fault fault = FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < EMERGENCY_ENTRIES; i++) {
        fault = get_page(e, i, &p, error);
        enum slot_state state = state_of(&p, i);
        if (state == SLOT_EMPTY && free_at == EMERGENCY_ENTRIES) free_at = i;
        if (state == SLOT_WHOLE && p.slot.sequence > last) last = p.slot.sequence;
    }
    if (fault == FAULT_NONE && free_at == EMERGENCY_ENTRIES)
        fault = error_set(error, FAULT_NO_SPACE, "%s holds %d rollbacks that the registry has had no room for: give it room", e->path, EMERGENCY_ENTRIES);
    if (fault == FAULT_NONE) fault = fill(&p, n, free_at, last + 1, error);
    return fault == FAULT_NONE ? put_page(e, e->fd, free_at, &p, error) : fault;
}

static bool read_slot(const struct slot *s, struct arena *arena, struct emergency_entry *ret) {
    struct slice *texts[TEXTS] = {&ret->kind, &ret->name, &ret->actor, &ret->why};
    const char *at = s->text;
    *ret = (struct emergency_entry){.to = s->to, .rollout = s->rollout, .at_us = s->at_us, .revision = s->revision};
    for (unsigned i = 0; i < TEXTS; i++) {
        *texts[i] = arena_slice(arena, slice_make(at, s->len[i]));
        at += s->len[i];
    }
    return !arena_is_full(arena);
}

enum fault emergency_list(struct emergency *e, struct arena *arena, struct emergency_entry **ret, unsigned *ret_n, unsigned *ret_damaged,
                          struct error *error) {
    struct emergency_entry *all = arena_new_array(arena, struct emergency_entry, EMERGENCY_ENTRIES), one;
    uint64_t sequences[EMERGENCY_ENTRIES];
    unsigned n = 0, damaged = 0;
    union page p;
    if (all == NULL) return error_set(error, FAULT_TOO_LARGE, "no room for rollbacks");
    for (unsigned i = 0; i < EMERGENCY_ENTRIES; i++) {
        enum fault fault = get_page(e, i, &p, error);
        if (fault != FAULT_NONE) return fault;
        enum slot_state state = state_of(&p, i);
        damaged += state == SLOT_DAMAGED;
        if (state != SLOT_WHOLE) continue;
        if (!read_slot(&p.slot, arena, &one)) return error_set(error, FAULT_TOO_LARGE, "no room for rollbacks");
        unsigned at = n++;
        for (; at > 0 && sequences[at - 1] > p.slot.sequence; at--) { /* slots are used again: not in their order */
            sequences[at] = sequences[at - 1];
            all[at] = all[at - 1];
        }
        sequences[at] = p.slot.sequence;
        all[at] = one;
    }
    if (n > 0) e->told = sequences[n - 1];
    *ret = all;
    *ret_n = n;
    *ret_damaged = damaged;
    return FAULT_NONE;
}

enum fault emergency_clear(struct emergency *e, struct error *error) {
    static const union page empty;
    union page p;
    enum fault fault = FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < EMERGENCY_ENTRIES; i++) {
        fault = get_page(e, i, &p, error);
        enum slot_state state = state_of(&p, i);
        bool done = state == SLOT_DAMAGED || (state == SLOT_WHOLE && p.slot.sequence <= e->told);
        if (fault == FAULT_NONE && done) fault = put_page(e, e->fd, i, &empty, error);
    }
    return fault;
}
