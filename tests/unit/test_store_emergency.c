/* Rollbacks that the registry had no room for: kept when the disk is full, in order, each under its checksum. */
#include "store/emergency.h"
#include "test_store_rig.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { SLOT = 4096 };

static struct arena arena;
static struct emergency_entry *all;
static unsigned n, damaged;

static struct emergency *open_one(const struct rig *rig) {
    struct error error = {0};
    struct emergency *e = emergency_open(rig->dir, &error);
    if (e == NULL) fail_msg("%s", error.text);
    return e;
}

static struct emergency_entry entry(int64_t to) {
    return (struct emergency_entry){SLICE("prompt"), SLICE("helpdesk-answer"), SLICE("ann"), SLICE("answers are wrong"), to, 4, 1000 + to, 7 + (uint64_t)to};
}

static void add(struct emergency *e, int64_t to) {
    struct emergency_entry one = entry(to);
    struct error error = {0};
    if (emergency_add(e, &one, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static void list(struct emergency *e) {
    struct error error = {0};
    arena_reset(&arena);
    if (emergency_list(e, &arena, &all, &n, &damaged, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static void entries_are_kept_until_they_are_cleared(void **state) {
    struct emergency *e = open_one(*state);
    list(e);
    assert_true(n == 0 && damaged == 0);
    add(e, 3);
    add(e, 2);
    emergency_close(e);
    e = open_one(*state);
    list(e);
    assert_int_equal(n, 2);
    assert_true(all[0].to == 3 && all[1].to == 2 && all[1].rollout == 4 && all[1].at_us == 1002 && all[1].revision == 9);
    assert_true(slice_is(all[0].kind, "prompt") && slice_is(all[0].name, "helpdesk-answer") && slice_is(all[0].actor, "ann") &&
                slice_is(all[0].why, "answers are wrong"));
    add(e, 5); /* made while the two were replayed: it stays */
    assert_int_equal(emergency_clear(e, NULL), FAULT_NONE);
    add(e, 6); /* in a slot before it */
    list(e);
    assert_true(n == 2 && all[0].to == 5 && all[1].to == 6);
    assert_int_equal(emergency_clear(e, NULL), FAULT_NONE);
    list(e);
    assert_int_equal(n, 0);
    emergency_close(e);
}

static void it_holds_sixty_four(void **state) {
    struct emergency *e = open_one(*state);
    struct emergency_entry one = entry(99);
    struct error error = {0};
    for (int i = 1; i <= EMERGENCY_ENTRIES; i++) add(e, i);
    assert_int_equal(emergency_add(e, &one, &error), FAULT_NO_SPACE);
    assert_non_null(strstr(error.text, "holds 64 rollbacks"));
    list(e);
    assert_true(n == EMERGENCY_ENTRIES && all[0].to == 1 && all[63].to == 64);
    assert_int_equal(emergency_clear(e, NULL), FAULT_NONE);
    add(e, 99);
    list(e);
    assert_true(n == 1 && all[0].to == 99);
    emergency_close(e);
}

static void texts_are_cut_or_refused(void **state) {
    struct emergency *e = open_one(*state);
    struct emergency_entry one = entry(1);
    char why[600], name[LIMIT_LABEL + 2];
    memset(name, 'n', sizeof name);
    why[0] = 'x';
    for (size_t i = 1; i + 1 < sizeof why; i += 2) memcpy(why + i, "\xc3\xbc", 2);
    one.why = slice_make(why, 599);
    one.actor = SLICE_NULL;
    one.name = slice_make(name, LIMIT_LABEL);
    assert_int_equal(emergency_add(e, &one, NULL), FAULT_NONE);
    one.name.len++;
    assert_int_equal(emergency_add(e, &one, NULL), FAULT_TOO_LARGE);
    list(e);
    assert_int_equal(n, 1);
    assert_true(all[0].name.len == LIMIT_LABEL && all[0].actor.len == 0 && all[0].why.len == 399 && slice_is_utf8(all[0].why));
    emergency_close(e);
}

/* A write that a power failure cut anywhere leaves the others, and is told as damaged or is not there. */
static void a_torn_entry_is_passed_over(void **state) {
    struct rig *rig = *state;
    char former[SLOT], whole[SLOT];
    struct emergency *e = open_one(rig);
    add(e, 1);
    add(e, 2);
    int fd = open(rig_path(rig, "emergency.log"), O_RDWR);
    assert_int_equal(pread(fd, whole, SLOT, SLOT), SLOT);
    memset(former, 0, SLOT);
    for (size_t cut = 0; cut < SLOT; cut += cut < 128 ? 1 : 97) {
        assert_int_equal(pwrite(fd, former, SLOT, SLOT), SLOT);
        assert_int_equal(pwrite(fd, whole, cut, SLOT), (ssize_t)cut);
        list(e);
        bool is_whole = memcmp(whole + cut, former, SLOT - cut) == 0;
        assert_int_equal(n, is_whole ? 2 : 1);
        assert_int_equal(damaged, cut > 0 && !is_whole);
        assert_int_equal(all[0].to, 1);
    }
    whole[100] ^= 1;
    assert_int_equal(pwrite(fd, whole, SLOT, SLOT), SLOT);
    assert_int_equal(pwrite(fd, whole, SLOT, 5 * SLOT), SLOT); /* a slot in another's place is none */
    list(e);
    assert_true(n == 1 && damaged == 2);
    add(e, 3);
    list(e);
    assert_true(n == 2 && all[1].to == 3);
    assert_int_equal(emergency_clear(e, NULL), FAULT_NONE);
    list(e);
    assert_true(n == 0 && damaged == 0);
    assert_int_equal(ftruncate(fd, 5000), 0);
    emergency_close(e);
    struct error error = {0};
    assert_null(emergency_open(rig->dir, &error));
    assert_int_equal(error.fault, FAULT_CORRUPT);
    close(fd);
}

/* ---- a full disk ---- */

static void fill_a_disk(struct rig *rig) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", rig->dir, "tmpfs", 0, "size=1m") != 0)
        _exit(77);
    char bytes[SLOT] = {1};
    struct error error = {0};
    int fd = open(rig_path(rig, "filler"), O_CREAT | O_WRONLY, 0600);
    while (write(fd, bytes, sizeof bytes) > 0) continue;
    if (emergency_open(rig->dir, &error) != NULL || error.fault != FAULT_NO_SPACE) _exit(1); /* and leaves no half of it */
    if (rig_files(rig, "emergency", "") != 0) _exit(2);
    if (ftruncate(fd, 0) != 0) _exit(3);
    struct emergency *e = emergency_open(rig->dir, &error);
    if (e == NULL) _exit(4);
    lseek(fd, 0, SEEK_SET);
    while (write(fd, bytes, sizeof bytes) > 0) continue;
    for (int i = 1; i <= EMERGENCY_ENTRIES; i++) {
        struct emergency_entry one = entry(i);
        if (emergency_add(e, &one, &error) != FAULT_NONE) _exit(5);
    }
    emergency_close(e);
    e = emergency_open(rig->dir, &error);
    if (e == NULL || emergency_list(e, &arena, &all, &n, &damaged, &error) != FAULT_NONE || n != EMERGENCY_ENTRIES || damaged != 0) _exit(6);
    if (emergency_clear(e, &error) != FAULT_NONE) _exit(7);
    emergency_close(e);
}

static void a_full_disk_has_room_for_them(void **state) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fill_a_disk(*state);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip(); /* needs the right to mount a small file system of its own */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void no_file_may_grow(void **state) {
    struct rlimit small = {0, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    struct error error = {0};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_null(emergency_open(((struct rig *)*state)->dir, &error));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(error.fault, FAULT_NO_SPACE);
    assert_int_equal(rig_files(*state, "emergency", ""), 0);
}

static int setup(void **state) {
    arena_init(&arena, 4096, 1 << 20);
    return rig_setup(state);
}
static int teardown(void **state) {
    arena_deinit(&arena);
    return rig_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(entries_are_kept_until_they_are_cleared), TEST(it_holds_sixty_four), TEST(texts_are_cut_or_refused),
                                       TEST(a_torn_entry_is_passed_over), TEST(a_full_disk_has_room_for_them), TEST(no_file_may_grow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
