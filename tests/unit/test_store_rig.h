/* What the store's tests share: a folder of their own, seeded numbers, records. */
#ifndef TEST_STORE_RIG_H
#define TEST_STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/digest.h"
#include "store/database.h"
#include "store/ledger.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RIG_DAY 86400000000LL
#define RIG_START (20400 * RIG_DAY) /* 2025-11-08 */

struct rig {
    char dir[64];
    uint64_t seed;
};

static inline int rig_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline int rig_setup(void **state) {
    struct rig *rig = test_calloc(1, sizeof *rig);
    const char *tmp = getenv("TMPDIR");
    snprintf(rig->dir, sizeof rig->dir, "%.30s/quarterdeck-store-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!digest_start() || mkdtemp(rig->dir) == NULL) return -1;
    rig->seed = 20251121;
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state) {
    struct rig *rig = *state;
    nftw(rig->dir, rig_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    test_free(rig);
    return 0;
}

static inline uint64_t rig_next(struct rig *rig) { /* splitmix64 */
    uint64_t z = (rig->seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static inline unsigned rig_below(struct rig *rig, unsigned n) {
    return (unsigned)(rig_next(rig) % n);
}

static inline const char *rig_path(const struct rig *rig, const char *name) {
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", rig->dir, name);
    return path;
}

/* How many names in the folder begin with `prefix` and end with `suffix`. */
static inline unsigned rig_files(const struct rig *rig, const char *prefix, const char *suffix) {
    DIR *d = opendir(rig->dir);
    unsigned n = 0;
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct slice name = slice_of(e->d_name);
        n += slice_starts(name, slice_of(prefix)) && slice_ends(name, slice_of(suffix));
    }
    closedir(d);
    return n;
}

static inline struct recorder *rig_recorder_with(const struct rig *rig, unsigned lanes, size_t segment_bytes,
                                                 unsigned max_segments) {
    struct error error = {0};
    struct recorder_options o = {rig->dir, lanes, segment_bytes, max_segments, RECORDER_SYNC_OS, 0};
    struct recorder *r = recorder_open(&o, &error);
    if (r == NULL) fail_msg("%s", error.text);
    return r;
}
static inline struct recorder *rig_recorder(const struct rig *rig) {
    return rig_recorder_with(rig, 2, 256 << 10, 1000);
}

static inline struct ledger *rig_ledger(const struct rig *rig) {
    struct error error = {0};
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = rig->dir}, &error);
    if (l == NULL) fail_msg("%s", error.text);
    return l;
}

/* An id at a time with given random part: tests need to know their ids. */
static inline struct record_id rig_id(int64_t wall_us, uint64_t number) {
    struct record_id id;
    record_id_new(&id, wall_us);
    uint64_t mixed = number * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < 8; i++) id.bytes[6 + i] = (uint8_t)(mixed >> (56 - 8 * i));
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static inline void rig_record(struct record *r, int64_t wall_us, uint64_t number) {
    record_init(r);
    r->id = rig_id(wall_us, number);
    r->time_us = wall_us;
    r->application = SLICE("support");
    r->key = SLICE("support-prod");
    r->dialect = SLICE("openai");
    r->endpoint = ENDPOINT_CHAT;
    r->model = SLICE("support-chat");
    r->status = RECORD_OK;
    r->http_status = 200;
    r->usage.input = 100;
    r->usage.output = 11;
    r->cost_nano = 1000;
    r->ttft_us = 200000;
    r->duration_us = 1200000;
}

static inline void rig_append_record(struct recorder *recorder, unsigned lane, const struct record *r) {
    struct buffer b;
    buffer_init(&b, LIMIT_RECORD);
    assert_true(record_encode(r, &b));
    assert_int_equal(recorder_append(recorder, lane, FRAME_RECORD, buffer_slice(&b)), FAULT_NONE);
    buffer_deinit(&b);
}

/* Drains everything; fails the test when that fails. */
static inline unsigned rig_drain(struct ledger *l, struct recorder *r) {
    struct error error = {0};
    unsigned total = 0, n;
    while ((n = ledger_drain_once(l, r, &error)) > 0) total += n;
    if (error.fault != FAULT_NONE) fail_msg("%s", error.text);
    return total;
}

static inline uint64_t rig_count(struct ledger *l) {
    struct error error = {0};
    struct record_filter all = {.status = -1};
    uint64_t n = 0;
    if (ledger_count(l, &all, &n, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return n;
}

/* A number out of a day file, past the ledger's own queries. */
static inline int64_t rig_number(const struct rig *rig, const char *file, const char *sql) {
    enum fault fault = FAULT_NONE;
    struct error error = {0};
    int64_t n = -1;
    struct database *db =
        database_open(rig_path(rig, file), &(struct database_options){.read_only = true}, &fault, &error);
    if (db == NULL || database_number(db, sql, &n, &error) != FAULT_NONE) fail_msg("%s", error.text);
    database_close(db);
    return n;
}

static inline void rig_copy_file(const char *from, const char *to) {
    char bytes[65536];
    int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ssize_t n;
    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof bytes)) > 0) assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

/* Copies all segments between the rig's folder and DIR/kept. */
static inline void rig_copy_segments(const struct rig *rig, bool back) {
    char kept[128], from[512], to[512];
    snprintf(kept, sizeof kept, "%s/kept", rig->dir);
    mkdir(kept, 0700);
    DIR *d = opendir(back ? kept : rig->dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (!slice_ends(slice_of(e->d_name), SLICE(".seg"))) continue;
        snprintf(from, sizeof from, "%s/%s", back ? kept : rig->dir, e->d_name);
        snprintf(to, sizeof to, "%s/%s", back ? rig->dir : kept, e->d_name);
        rig_copy_file(from, to);
    }
    closedir(d);
}

static inline void rig_append_many(struct recorder *recorder, unsigned n) {
    struct record r;
    char session[64];
    for (unsigned i = 0; i < n; i++) {
        rig_record(&r, RIG_START + i * 1000, i);
        snprintf(session, sizeof session, "session-%016llx%016llx", i * 0x9e3779b97f4a7c15ull,
                 i * 0xbf58476d1ce4e5b9ull);
        r.session = slice_of(session);
        rig_append_record(recorder, i % 2, &r);
    }
}

#endif
