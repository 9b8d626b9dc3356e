#include "test_store_rig.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct reading {
    unsigned n, by_kind[4];
    uint64_t sum, lost;
    char last[64];
};

static void note(void *ctx, enum frame_kind kind, struct slice bytes) {
    struct reading *g = ctx;
    g->n++;
    g->by_kind[kind]++;
    for (size_t i = 0; i < bytes.len; i++) g->sum += (unsigned char)bytes.at[i];
    if (kind == FRAME_LOST) {
        uint64_t lost;
        memcpy(&lost, bytes.at, sizeof lost);
        g->lost += lost;
    } else {
        snprintf(g->last, sizeof g->last, SLICE_FMT, SLICE_ARG(bytes));
    }
}

static void append_text(struct recorder *r, unsigned lane, const char *text) {
    assert_int_equal(recorder_append(r, lane, FRAME_RECORD, slice_of(text)), FAULT_NONE);
}

static void append_bytes(struct recorder *r, unsigned lane, size_t n, enum fault expected) {
    char *bytes = test_calloc(1, n);
    memset(bytes, 'x', n);
    assert_int_equal(recorder_append(r, lane, FRAME_PAYLOAD, slice_make(bytes, n)), expected);
    test_free(bytes);
}

static struct recorder_stats stats_of(struct recorder *r) {
    struct recorder_stats s;
    recorder_stats(r, &s);
    return s;
}

static void frames_come_once_and_in_order(void **state) {
    struct rig *rig = *state;
    struct recorder *r = rig_recorder_with(rig, 3, 4096, 100);
    struct reading g = {0};
    char text[32];
    for (unsigned i = 0; i < 900; i++) {
        snprintf(text, sizeof text, "frame %u", i / 3);
        append_text(r, i % 3, text);
    }
    assert_int_equal(recorder_read(r, 100, note, &g), 100);
    recorder_release(r);
    while (recorder_read(r, 64, note, &g) > 0) recorder_release(r);
    assert_int_equal(g.n, 900);
    assert_string_equal(g.last, "frame 299");
    struct recorder_stats s = stats_of(r);
    assert_int_equal(s.appended, 900);
    assert_int_equal(s.drained, 900);
    assert_int_equal(s.pending_bytes, 0);
    assert_int_equal(s.lost, 0);
    recorder_close(r);
    assert_int_equal(rig_files(rig, "lane-", ".seg"), 0); /* nothing was left undrained */
}

static void rewinding_gives_the_same_again(void **state) {
    struct recorder *r = rig_recorder_with(*state, 2, 4096, 100);
    for (unsigned i = 0; i < 300; i++) append_text(r, i % 2, "some forty bytes that fill segments soon.");
    struct reading first = {0}, second = {0}, third = {0};
    assert_int_equal(recorder_read(r, 50, note, &first), 50);
    recorder_release(r);
    while (recorder_read(r, 77, note, &second) > 0) continue;
    recorder_rewind(r);
    while (recorder_read(r, 1000, note, &third) > 0) continue;
    assert_int_equal(second.n, 250);
    assert_int_equal(third.n, 250);
    assert_true(second.sum == third.sum);
    recorder_release(r);
    assert_int_equal(stats_of(r).drained, 300);
    recorder_close(r);
}

static void leftovers_are_read_with_other_lanes(void **state) {
    struct rig *rig = *state;
    struct recorder *r = rig_recorder_with(rig, 5, 4096, 100);
    for (unsigned i = 0; i < 500; i++) append_text(r, i % 5, "from the former run, twenty-odd bytes each");
    struct reading g = {0};
    assert_int_equal(recorder_read(r, 120, note, &g), 120);
    recorder_release(r);
    recorder_close(r);
    r = rig_recorder_with(rig, 1, 8192, 100);
    append_text(r, 0, "from this run");
    g = (struct reading){0};
    while (recorder_read(r, 33, note, &g) > 0) continue;
    assert_int_equal(g.n, 381);
    assert_string_equal(g.last, "from this run");
    recorder_release(r);
    recorder_close(r);
    assert_int_equal(rig_files(rig, "lane-", ".seg"), 0);
}

static void frames_reach_a_segments_size(void **state) {
    struct recorder *r = rig_recorder_with(*state, 1, 65536, 10);
    struct reading g = {0};
    append_text(r, 0, "a");
    assert_int_equal(recorder_longest(r), 65536 - 128 - 16);
    append_bytes(r, 0, 65536 - 128 - 16, FAULT_NONE); /* less its header and the segment's */
    append_text(r, 0, "b");
    append_bytes(r, 0, 65536 - 128 - 15, FAULT_TOO_LARGE);
    append_bytes(r, 0, 0, FAULT_NONE);
    assert_int_equal(recorder_read(r, 10, note, &g), 5);
    assert_int_equal(g.by_kind[FRAME_LOST], 1);
    assert_int_equal(g.by_kind[FRAME_PAYLOAD], 2);
    assert_int_equal(g.lost, 1);
    recorder_close(r);
}

static void full_is_counted_and_told(void **state) {
    struct recorder *r = rig_recorder_with(*state, 2, 32768, 3);
    struct reading g = {0};
    unsigned kept = 0;
    while (recorder_append(r, 0, FRAME_RECORD, SLICE("0123456789012345678901234567890123456789")) ==
           FAULT_NONE)
        kept++;
    for (unsigned i = 0; i < 6; i++) append_bytes(r, 0, 100, FAULT_NO_SPACE);
    assert_true(recorder_is_full(r, 0));
    assert_false(recorder_is_full(r, 1));
    assert_true(stats_of(r).full);
    assert_int_equal(stats_of(r).lost, 7);
    append_text(r, 1, "the other lane has room");
    while (recorder_read(r, 1000, note, &g) > 0) continue;
    assert_int_equal(g.by_kind[FRAME_RECORD], kept + 1);
    recorder_release(r);
    assert_false(recorder_is_full(r, 0));
    append_text(r, 0, "after the gap");
    assert_int_equal(recorder_read(r, 10, note, &g), 2);
    assert_int_equal(g.lost, 7); /* told in one or several frames, as room came up */
    assert_string_equal(g.last, "after the gap");
    recorder_close(r);
}

static void full_is_seen_before_a_record_is_lost(void **state) {
    struct recorder *r = rig_recorder_with(*state, 1, 65536, 2);
    while (!recorder_is_full(r, 0)) append_bytes(r, 0, LIMIT_RECORD, FAULT_NONE);
    assert_int_equal(stats_of(r).lost, 0);
    recorder_close(r);
}

/* In a child that ends without cleaning up, as kill -9 does. */
static void in_child(struct rig *rig, void (*work)(struct rig *)) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        work(rig);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void lose_some(struct rig *rig) {
    struct recorder *r =
        recorder_open(&(struct recorder_options){rig->dir, 1, 4096, 2, RECORDER_SYNC_OS, 0}, NULL);
    if (r == NULL) _exit(1);
    while (recorder_append(r, 0, FRAME_RECORD, SLICE("0123456789")) == FAULT_NONE) continue;
    for (int i = 0; i < 4; i++)
        if (recorder_append(r, 0, FRAME_RECORD, SLICE("0123456789")) == FAULT_NONE) _exit(2);
}

static void a_loss_outlives_the_process(void **state) {
    struct rig *rig = *state;
    in_child(rig, lose_some);
    struct recorder *r = rig_recorder_with(rig, 1, 4096, 10);
    struct reading g = {0};
    while (recorder_read(r, 7, note, &g) > 0) continue;
    assert_int_equal(g.lost, 5);
    recorder_rewind(r);
    g = (struct reading){0};
    while (recorder_read(r, 7, note, &g) > 0) continue;
    assert_int_equal(g.lost, 5);
    recorder_release(r);
    assert_int_equal(stats_of(r).lost, 5);
    recorder_close(r);
}

static void open_again(struct rig *rig) {
    struct error error = {0};
    struct recorder *r =
        recorder_open(&(struct recorder_options){rig->dir, 1, 4096, 4, RECORDER_SYNC_OS, 0}, &error);
    if (r != NULL || error.fault != FAULT_CONFLICT || strstr(error.text, "in use by another process") == NULL)
        _exit(1);
}

static void one_process_to_a_folder(void **state) {
    struct rig *rig = *state;
    struct recorder *r = rig_recorder(rig);
    in_child(rig, open_again);
    append_text(r, 0, "undisturbed");
    recorder_close(r);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state) {
    struct rig *rig = *state;
    struct error error = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/file", rig->dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof path, "%s/file/data", rig->dir);
    assert_null(recorder_open(&(struct recorder_options){path, 1, 4096, 4, RECORDER_SYNC_OS, 0}, &error));
    assert_int_equal(error.fault, FAULT_IO);
    assert_non_null(strstr(error.text, path));
    snprintf(path, sizeof path, "%s/deep/er", rig->dir);
    struct recorder *r =
        recorder_open(&(struct recorder_options){path, 1, 4096, 4, RECORDER_SYNC_OS, 0}, &error);
    assert_non_null(r);
    recorder_close(r);
    assert_null(recorder_open(&(struct recorder_options){path, 0, 4096, 4, RECORDER_SYNC_OS, 0}, &error));
    assert_int_equal(error.fault, FAULT_CONFIG);
}

/* ---- damage ---- */

static const char *only_segment(struct rig *rig) {
    static char path[400];
    DIR *d = opendir(rig->dir);
    assert_non_null(d);
    path[0] = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (slice_ends(slice_of(e->d_name), SLICE(".seg")))
            snprintf(path, sizeof path, "%s/%s", rig->dir, e->d_name);
    closedir(d);
    assert_true(path[0] != 0);
    return path;
}

enum { FRAME = 48, FRAMES = 50, FIRST = 128 }; /* "frame 12" padded to 32 bytes, with a header of 16 */

static void write_fifty(struct rig *rig) {
    struct recorder *r = rig_recorder_with(rig, 1, 16384, 4);
    char text[48];
    for (int i = 0; i < FRAMES; i++) {
        snprintf(text, sizeof text, "frame %02d, with some more bytes.", i);
        append_text(r, 0, text);
    }
    recorder_close(r);
}

static void poke(const char *path, off_t at, const void *bytes, size_t n) {
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

static struct reading read_damaged(struct rig *rig, uint64_t *ret_damaged) {
    struct recorder *r = rig_recorder_with(rig, 1, 16384, 4);
    struct reading g = {0};
    while (recorder_read(r, 1000, note, &g) > 0) continue;
    recorder_release(r);
    *ret_damaged = stats_of(r).damaged;
    recorder_close(r);
    return g;
}

static void damage_costs_the_frame_and_no_other(void **state) {
    struct rig *rig = *state;
    static const struct {
        off_t at;
        unsigned n, left, damaged;
    } cases[] = {
        {FIRST + 10 * FRAME + 20, 1, FRAMES - 1, 1}, /* a byte of the text */
        {FIRST + 10 * FRAME, 4, FRAMES - 1, 1},      /* the length word */
        {FIRST + 10 * FRAME + 4, 12, FRAMES - 1, 1}, /* tag and checksum */
        {FIRST + 10 * FRAME, 5 * FRAME, FRAMES - 5, 1},
        {FIRST + (FRAMES - 1) * FRAME + 17, 1, FRAMES - 1, 1}, /* in the last one */
        {FIRST + FRAMES * FRAME, 4, FRAMES, 1},                /* rubbish behind the last one */
        {FIRST + FRAMES * FRAME + 100, 64, FRAMES, 0},         /* bytes of an append that never returned */
    };
    char rubbish[5 * FRAME];
    memset(rubbish, 0xA7, sizeof rubbish);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t damaged;
        write_fifty(rig);
        poke(only_segment(rig), cases[i].at, rubbish, cases[i].n);
        struct reading g = read_damaged(rig, &damaged);
        assert_int_equal(g.n, cases[i].left);
        assert_int_equal(damaged, cases[i].damaged);
    }
}

static void a_page_that_was_never_written_is_skipped(void **state) {
    struct rig *rig = *state;
    char zeros[4096] = {0};
    uint64_t damaged;
    write_fifty(rig);
    poke(only_segment(rig), FIRST + 10 * FRAME, zeros, 7 * FRAME);
    struct reading g = read_damaged(rig, &damaged);
    assert_int_equal(g.n, FRAMES - 7);
    assert_int_equal(damaged, 1);
    write_fifty(rig); /* cut short: what is there is read */
    assert_int_equal(truncate(only_segment(rig), FIRST + 20 * FRAME + 9), 0);
    g = read_damaged(rig, &damaged);
    assert_int_equal(g.n, 20);
    assert_int_equal(damaged, 1);
}

static void a_damaged_header_is_set_aside(void **state) {
    struct rig *rig = *state;
    uint64_t damaged;
    write_fifty(rig);
    poke(only_segment(rig), 20, "\xff\xff", 2);
    struct reading g = read_damaged(rig, &damaged);
    assert_int_equal(g.n, 0);
    assert_int_equal(damaged, 1);
    assert_int_equal(rig_files(rig, "lane-", ".seg.damaged"), 1);
}

/* Random rubbish in random places: never a crash, never a frame that was not written, and what lies on
 * untouched places is read. */
static void check_known(void *ctx, enum frame_kind kind, struct slice bytes) {
    int number;
    char text[33];
    assert_int_equal(kind, FRAME_RECORD);
    snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(bytes));
    assert_int_equal(sscanf(text, "frame %d, with some more bytes.", &number), 1);
    ((bool *)ctx)[number] = true;
}

static void any_damage_is_survived(void **state) {
    struct rig *rig = *state;
    for (int round = 0; round < 100; round++) {
        bool hurt[FRAMES] = {false}, seen[FRAMES] = {false};
        write_fifty(rig);
        for (unsigned i = 0; i <= (unsigned)round % 7; i++) {
            uint64_t rubbish = rig_next(rig);
            unsigned at = rig_below(rig, FRAMES * FRAME);
            poke(only_segment(rig), FIRST + at, &rubbish, 1 + i);
            for (unsigned k = at; k < at + 1 + i; k++)
                if (k / FRAME < FRAMES) hurt[k / FRAME] = true;
        }
        struct recorder *r = rig_recorder_with(rig, 1, 16384, 4);
        while (recorder_read(r, 1000, check_known, seen) > 0) continue;
        for (int i = 0; i < FRAMES; i++) assert_true(seen[i] || hurt[i]);
        recorder_release(r);
        recorder_close(r);
    }
}

/* ---- threads ---- */

enum { LANES = 3, EACH = 20000 };

struct pusher {
    pthread_t thread;
    struct recorder *r;
    unsigned lane;
    atomic_uint *done;
};

static void *push(void *ctx) {
    struct pusher *p = ctx;
    for (uint32_t i = 0; i < EACH; i++) {
        uint32_t words[12] = {p->lane, i, i ^ 0xffffffff};
        struct slice bytes = {(const char *)words, 12 + i % 37};
        while (recorder_append(p->r, p->lane, FRAME_RECORD, bytes) != FAULT_NONE) sched_yield();
    }
    atomic_fetch_add(p->done, 1);
    recorder_wake(p->r);
    return NULL;
}

static void in_order(void *ctx, enum frame_kind kind, struct slice bytes) {
    uint32_t *expected = ctx, words[3];
    if (kind == FRAME_LOST) return;
    memcpy(words, bytes.at, sizeof words);
    assert_true(words[0] < LANES);
    assert_int_equal(words[1], expected[words[0]]);
    assert_int_equal(words[2], words[1] ^ 0xffffffff);
    assert_int_equal(bytes.len, 12 + words[1] % 37);
    expected[words[0]]++;
}

static void threads_append_while_one_reads(void **state) {
    struct recorder *r = rig_recorder_with(*state, LANES, 16384, 6);
    struct pusher pushers[LANES];
    atomic_uint done = 0;
    uint32_t expected[LANES] = {0};
    for (unsigned i = 0; i < LANES; i++) {
        pushers[i] = (struct pusher){.r = r, .lane = i, .done = &done};
        assert_int_equal(pthread_create(&pushers[i].thread, NULL, push, &pushers[i]), 0);
    }
    for (unsigned turn = 0; expected[0] + expected[1] + expected[2] < LANES * EACH; turn++) {
        unsigned n = recorder_read(r, 500, in_order, expected);
        (void)stats_of(r);
        if (turn % 16 == 0) recorder_sync(r);
        recorder_release(r);
        if (n == 0 && atomic_load(&done) < LANES) recorder_wait(r, 10000);
    }
    for (unsigned i = 0; i < LANES; i++) pthread_join(pushers[i].thread, NULL);
    assert_int_equal(stats_of(r).appended, LANES * EACH);
    recorder_close(r);
}

static void waiting_ends_with_an_append_or_a_wake(void **state) {
    struct recorder *r = rig_recorder(*state);
    struct reading g = {0};
    const int64_t for_ever = 3600 * 1000000LL;
    append_text(r, 0, "x");
    recorder_wait(r, for_ever);
    assert_int_equal(recorder_read(r, 10, note, &g), 1);
    recorder_wake(r);
    recorder_wait(r, for_ever);
    append_text(r, 1, "y");
    recorder_wait(r, for_ever);
    recorder_wait(r, 0);
    recorder_close(r);
}

static void syncing_modes_keep_frames(void **state) {
    struct rig *rig = *state;
    for (int mode = RECORDER_SYNC_INTERVAL; mode <= RECORDER_SYNC_EACH; mode++) {
        struct recorder *r = recorder_open(
            &(struct recorder_options){rig->dir, 2, 8192, 9, (enum recorder_sync)mode, 1000}, NULL);
        struct reading g = {0};
        assert_non_null(r);
        assert_int_equal(recorder_sync_mode(r), mode);
        for (int i = 0; i < 200; i++) append_text(r, (unsigned)i % 2, "synced in one way or the other");
        while (recorder_read(r, 64, note, &g) > 0) recorder_release(r);
        assert_int_equal(g.n, 200);
        recorder_close(r);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(frames_come_once_and_in_order),
        TEST(rewinding_gives_the_same_again),
        TEST(leftovers_are_read_with_other_lanes),
        TEST(frames_reach_a_segments_size),
        TEST(full_is_counted_and_told),
        TEST(full_is_seen_before_a_record_is_lost),
        TEST(a_loss_outlives_the_process),
        TEST(one_process_to_a_folder),
        TEST(a_folder_that_cannot_be_made_is_an_error),
        TEST(damage_costs_the_frame_and_no_other),
        TEST(a_page_that_was_never_written_is_skipped),
        TEST(a_damaged_header_is_set_aside),
        TEST(any_damage_is_survived),
        TEST(threads_append_while_one_reads),
        TEST(waiting_ends_with_an_append_or_a_wake),
        TEST(syncing_modes_keep_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
