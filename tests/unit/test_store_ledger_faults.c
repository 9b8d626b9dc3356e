/* Draining when things go wrong: full disks, damaged files, frames that nobody can read. */
#include "test_store_rig.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define TODAY "2025-11-08" /* RIG_START */

/* ---- a full disk ---- */

static void a_failing_disk_loses_nothing(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct error error = {0};
    struct rlimit small = {100000, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    rig_append_many(recorder, 3000);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct ledger_writer *w = ledger_writer_start(l, recorder, NULL, NULL, &error);
    struct ledger_writer_stats stats;
    assert_non_null(w);
    ledger_writer_drain(w); /* comes back after two failures */
    ledger_writer_stats(w, &stats);
    assert_int_equal(stats.records, 0);
    assert_true(stats.failures >= 2);
    assert_non_null(strstr(stats.last_error, "ledger-" TODAY ".db"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    ledger_writer_drain(w);
    ledger_writer_stats(w, &stats);
    assert_int_equal(stats.records, 3000);
    ledger_writer_stop(w);
    assert_int_equal(rig_count(l), 3000);
    recorder_close(recorder);
    ledger_close(l);
}

static void fill_a_disk(struct rig *rig) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", rig->dir, "tmpfs", 0, "size=1m") != 0)
        _exit(77);
    struct recorder_options o = {rig->dir, 2, 64 << 10, 100, RECORDER_SYNC_OS, 0};
    struct recorder *recorder = recorder_open(&o, NULL);
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = rig->dir}, NULL);
    struct error error = {0};
    struct recorder_stats stats;
    struct buffer b;
    unsigned kept = 0;
    buffer_init(&b, LIMIT_RECORD);
    if (recorder == NULL || l == NULL) _exit(1);
    for (unsigned i = 0;; i++) { /* until the recorder has taken the whole disk */
        struct record r;
        rig_record(&r, RIG_START + i, i);
        buffer_clear(&b);
        if (!record_encode(&r, &b)) _exit(2);
        if (recorder_append(recorder, 0, FRAME_RECORD, buffer_slice(&b)) != FAULT_NONE) break;
        kept++;
    }
    if (!recorder_is_full(recorder, 0) || kept < 1000) _exit(3);
    if (ledger_drain_once(l, recorder, &error) != 0 || error.fault == FAULT_NONE) _exit(4);
    if (mount("tmpfs", rig->dir, "tmpfs", MS_REMOUNT, "size=16m") != 0) _exit(5);
    error.fault = FAULT_NONE;
    while (ledger_drain_once(l, recorder, &error) > 0) continue;
    recorder_stats(recorder, &stats);
    if (error.fault != FAULT_NONE || stats.lost != 1) _exit(6);
    struct record_filter all = {.status = -1};
    uint64_t n = 0;
    if (ledger_count(l, &all, &n, NULL) != FAULT_NONE || n != kept) _exit(7);
    recorder_close(recorder);
    ledger_close(l);
}

static void a_full_disk_is_waited_out(void **state) {
    struct rig *rig = *state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fill_a_disk(rig);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip(); /* needs the right to mount a small file system of its own */
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- damage ---- */

static void spoil(const struct rig *rig, const char *file, off_t at, size_t n) {
    int fd = open(rig_path(rig, file), O_RDWR);
    char byte = 0x5A;
    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++) assert_int_equal(pwrite(fd, &byte, 1, at + (off_t)i), 1);
    close(fd);
}

static void a_damaged_day_is_moved_aside(void **state) {
    struct rig *rig = *state;
    static const struct {
        off_t at;
        size_t n;
    } cases[] = {{0, 100}, {100, 20000}};
    for (unsigned i = 0; i < 2; i++) {
        struct recorder *recorder = rig_recorder(rig);
        struct ledger *l = rig_ledger(rig);
        struct error error = {0};
        rig_append_many(recorder, 500);
        rig_drain(l, recorder);
        ledger_close(l);
        spoil(rig, "ledger-" TODAY ".db", cases[i].at, cases[i].n);
        l = rig_ledger(rig);
        struct record r;
        rig_record(&r, RIG_START, 100000);
        rig_append_record(recorder, 0, &r);
        assert_int_equal(ledger_drain_once(l, recorder, &error), 0);
        assert_int_equal(error.fault, FAULT_CORRUPT);
        assert_non_null(strstr(error.text, "ledger-" TODAY ".db"));
        assert_non_null(strstr(error.text, "moved aside"));
        assert_int_equal(ledger_drain_once(l, recorder, &error), 1);
        assert_int_equal(rig_count(l), 1);
        assert_int_equal(
            rig_number(rig, "ledger-" TODAY ".db", "SELECT count(*) FROM note WHERE kind = 'damaged'"), 1);
        assert_true(rig_files(rig, "ledger-" TODAY ".db.damaged-", "") > i);
        ledger_close(l);
        recorder_close(recorder);
        assert_int_equal(unlink(rig_path(rig, "ledger-" TODAY ".db")), 0);
    }
}

static void a_reader_names_the_damaged_file(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct error error = {0};
    struct record_filter all = {.status = -1};
    uint64_t n;
    rig_append_many(recorder, 500);
    rig_drain(l, recorder);
    ledger_close(l);
    spoil(rig, "ledger-" TODAY ".db", 0, 100);
    l = rig_ledger(rig);
    assert_int_equal(ledger_count(l, &all, &n, &error), FAULT_CORRUPT);
    assert_non_null(strstr(error.text, "ledger-" TODAY ".db"));
    assert_int_equal(rig_files(rig, "ledger-", ""), 1);
    ledger_close(l);
    recorder_close(recorder);
}

static void unreadable_frames_are_kept_as_notes(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    clock_fake(0, RIG_START + 1000);
    assert_int_equal(recorder_append(recorder, 0, FRAME_RECORD, SLICE("from the future")), FAULT_NONE);
    assert_int_equal(recorder_append(recorder, 0, FRAME_PAYLOAD, SLICE("too")), FAULT_NONE);
    rig_append_many(recorder, 10);
    struct ledger_writer *w = ledger_writer_start(l, recorder, NULL, NULL, NULL);
    struct ledger_writer_stats stats;
    assert_non_null(w);
    ledger_writer_drain(w);
    ledger_writer_stats(w, &stats);
    assert_int_equal(stats.damaged, 2);
    assert_int_equal(stats.records, 10);
    ledger_writer_stop(w);
    assert_int_equal(
        rig_number(rig, "ledger-" TODAY ".db", "SELECT count(*) FROM note WHERE kind = 'unreadable'"), 2);
    recorder_close(recorder);
    ledger_close(l);
}

static void losses_are_noted_once(void **state) {
    struct rig *rig = *state;
    clock_fake(0, RIG_START + 1000);
    struct recorder *recorder = rig_recorder_with(rig, 1, 4096, 2);
    while (recorder_append(recorder, 0, FRAME_RECORD, SLICE("0123456789012345678901234567890123456789")) ==
           FAULT_NONE)
        continue;
    assert_int_equal(
        recorder_append(recorder, 0, FRAME_PAYLOAD, SLICE("01234567890123456789012345678901234567890")),
        FAULT_NO_SPACE);
    recorder_close(recorder); /* not even the loss may have had room: it is in the header then */
    rig_copy_segments(rig, false);
    for (int i = 0; i < 2; i++) {
        recorder = rig_recorder(rig);
        struct ledger *l = rig_ledger(rig);
        rig_drain(l, recorder);
        recorder_close(recorder);
        ledger_close(l);
        assert_int_equal(
            rig_number(rig, "ledger-" TODAY ".db", "SELECT sum(count) FROM note WHERE kind = 'lost'"), 2);
        rig_copy_segments(rig, true);
    }
}

static void a_newer_file_is_refused_and_waited_for(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    rig_append_many(recorder, 10);
    struct database *db =
        database_open(rig_path(rig, "ledger-" TODAY ".db"), &(struct database_options){0}, &fault, &error);
    assert_non_null(db);
    assert_int_equal(database_exec(db, "PRAGMA user_version=99", &error), FAULT_NONE);
    assert_int_equal(ledger_drain_once(l, recorder, &error), 0);
    assert_int_equal(error.fault, FAULT_CONFLICT);
    assert_non_null(strstr(error.text, "version 99"));
    struct record_filter all = {.status = -1};
    uint64_t n;
    assert_int_equal(ledger_count(l, &all, &n, &error), FAULT_CONFLICT);
    assert_int_equal(database_exec(db, "PRAGMA user_version=0", &error), FAULT_NONE);
    database_close(db);
    assert_int_equal(rig_drain(l, recorder), 10);
    ledger_close(l);
    recorder_close(recorder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_failing_disk_loses_nothing),
        TEST(a_full_disk_is_waited_out),
        TEST(a_damaged_day_is_moved_aside),
        TEST(a_reader_names_the_damaged_file),
        TEST(a_newer_file_is_refused_and_waited_for),
        TEST(unreadable_frames_are_kept_as_notes), /* from here on the clock is the test's */
        TEST(losses_are_noted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
