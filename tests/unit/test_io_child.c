/* Programs on a loop: what they are told and say, how they end, and that nothing of them is left. */
#include "test_io_rig.h"

#include "io/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MOST (4 << 20)
#define LONG_US (100 * INT64_C(1000000))

static char folder[] = "/tmp/quarterdeck-child-XXXXXX", fifo[64];
static struct loop *loop;

static void over(struct child *c) {
    assert_int_equal(c->pid, 0);
    loop_stop(loop);
}

static void nothing_is_left(void) {
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* A line of sh, run to its end. */
static void run_limited(struct child *c, const char *line, struct slice input, size_t most, int64_t limit_us) {
    const char *const argv[] = {"sh", "-c", line, NULL};
    struct child_options o = {.argv = argv, .dir = folder, .max_said = most};
    struct error error;
    *c = (struct child){.ended = over};
    if (child_start(c, loop, &o, &error) != FAULT_NONE) fail_msg("%s: %s", line, error.text);
    child_tell(c, input);
    child_end_input(c);
    child_limit(c, limit_us);
    loop_run(loop);
    nothing_is_left();
}

static void run(struct child *c, const char *line, struct slice input) { run_limited(c, line, input, MOST, LONG_US); }

static void expect(int at, const char *line, const char *input, const char *said, enum child_end end, int status, const char *words) {
    struct child c;
    struct buffer b;
    run(&c, line, slice_of(input));
    buffer_init(&b, 4096);
    child_describe(&c, "it", &b);
    if (c.end != end || c.status != status || !slice_is(buffer_slice(&c.said), said) || (words != NULL && strcmp(buffer_text(&b), words) != 0))
        fail_msg("line %d: %d %d `" SLICE_FMT "` %s", at, (int)c.end, c.status, SLICE_ARG(buffer_slice(&c.said)), buffer_text(&b));
    buffer_deinit(&b);
    child_deinit(&c);
    child_deinit(&c);
}
#define EXPECT(...) expect(__LINE__, __VA_ARGS__)

static void it_is_told_says_and_ends(void **state) {
    (void)state;
    EXPECT("cat", "hello \xC3\xA4", "hello \xC3\xA4", CHILD_EXITED, 0, "it ended with status 0");
    EXPECT("exec cat", "", "", CHILD_EXITED, 0, NULL);
    EXPECT("echo done", "nobody reads this", "done\n", CHILD_EXITED, 0, NULL);
    EXPECT("exit 3", "", "", CHILD_EXITED, 3, "it ended with status 3");
    EXPECT("echo 'no such key' >&2; exit 4", "", "", CHILD_EXITED, 4, "it ended with status 4; its last words: no such key");
    EXPECT("kill -11 $$", "", "", CHILD_SIGNALLED, SIGSEGV, "it ended by signal 11 (Segmentation fault)");
    EXPECT("exec >&- 2>&-; exit 0", "", "", CHILD_EXITED, 0, NULL);
    EXPECT("pwd -P >/dev/null && [ -p fifo ] && echo here", "", "here\n", CHILD_EXITED, 0, NULL); /* `dir` */
    void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* ours alone */
    EXPECT("kill -PIPE $$; echo on", "", "", CHILD_SIGNALLED, SIGPIPE, NULL);
    signal(SIGPIPE, before);
}

static void large_both_ways(void **state) {
    static char large[3 << 20];
    struct child c;
    (void)state;
    for (size_t i = 0; i < sizeof large; i++) large[i] = (char)('a' + i % 26);
    run(&c, "cat", slice_make(large, sizeof large));
    assert_true(slice_eq(buffer_slice(&c.said), slice_make(large, sizeof large)));
    child_deinit(&c);
    run(&c, "head -c 10; exec 0<&-; echo; echo end", slice_make(large, sizeof large)); /* closes its input half-way */
    assert_true(slice_is(buffer_slice(&c.said), "abcdefghij\nend\n"));
    child_deinit(&c);
}

static void it_may_not_be_loud(void **state) {
    struct child c;
    (void)state;
    run_limited(&c, "yes", SLICE(""), 100000, 0);
    assert_int_equal(c.end, CHILD_LOUD);
    child_deinit(&c);
    run_limited(&c, "yes no | head -c 300000 >&2", SLICE(""), 100, 0); /* of complaints the last are kept, and none is too long */
    assert_int_equal(c.end, CHILD_EXITED);
    assert_int_equal(c.complained, 300000);
    child_deinit(&c);
}

/* Whoever still has it open keeps the end from being read. */
static void wait_for_writers(int fd) {
    struct pollfd end = {.fd = fd, .events = POLLIN};
    char byte;
    do
        if (read(fd, &byte, 1) == 0) return;
    while (poll(&end, 1, 60000) == 1);
    fail_msg("something that it began is still there");
}

static void none_outlives_it(const char *line, int64_t limit_us, enum child_end end) {
    struct child c;
    int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    run_limited(&c, line, SLICE(""), MOST, limit_us);
    assert_int_equal(c.end, end);
    wait_for_writers(fd);
    close(fd);
    child_deinit(&c);
}

static void nothing_outlives_it(void **state) {
    (void)state;
    none_outlives_it("exec 9>fifo; sleep 1000", 30000, CHILD_LATE);
    none_outlives_it("exec 9>fifo; trap '' TERM; sleep 1000 & wait", 30000, CHILD_LATE);
    none_outlives_it("exec 9>fifo; sleep 1000 & exit 0", LONG_US, CHILD_EXITED);
    none_outlives_it("exec 9>fifo; exec >&- 2>&-; sleep 1000", 30000, CHILD_LATE);
#if defined(__x86_64__) || defined(__aarch64__)
    none_outlives_it("exec 9>fifo; setsid sleep 1000 & exit 0", LONG_US, CHILD_EXITED);
    none_outlives_it("exec 9>fifo; setsid -f sh -c 'setsid -f sleep 1000'; sleep 1000", 100000, CHILD_LATE);
#endif
}

static void it_has_nothing_of_ours(void **state) {
    struct child c;
    int ours = open("/dev/null", O_RDONLY); /* not closed on exec */
    (void)state;
    assert_true(ours >= 0 && dup2(ours, 50) == 50);
    run(&c, "for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 50; do [ -e /proc/$$/fd/$n ] && printf '%s ' $n; done; ulimit -c; cut -d' ' -f5 /proc/$$/stat; echo $$", SLICE(""));
    struct slice first, rest, group, own;
    slice_cut(buffer_slice(&c.said), '\n', &first, &rest);
    slice_cut(rest, '\n', &group, &own);
    if (!slice_is(first, "0 1 2 0")) fail_msg("found " SLICE_FMT, SLICE_ARG(first));
    assert_true(slice_eq(group, slice_trim(own)));
    child_deinit(&c);
    close(ours);
    close(50);
}

static void memory_is_limited(void **state) {
    const char *const argv[] = {"sh", "-c", "ulimit -d", NULL};
    struct child_options o = {.argv = argv, .max_said = MOST, .max_memory = 64 << 20};
    struct child c = {.ended = over};
    (void)state;
    assert_int_equal(child_start(&c, loop, &o, NULL), FAULT_NONE);
    loop_run(loop);
    assert_true(slice_is(buffer_slice(&c.said), "65536\n"));
    child_deinit(&c);
}

static void what_cannot_start(void **state) {
    static const struct {
        const char *argv0, *dir, *words;
        enum fault fault;
    } rows[] = {
        {"no-such-program-here", NULL, "no-such-program-here was not found in PATH", FAULT_NOT_FOUND},
        {"./none", folder, "./none, or the interpreter in its first line, was not found", FAULT_NOT_FOUND},
        {"./fifo", folder, "./fifo may not be executed (chmod +x)", FAULT_IO},
        {"sh", "/none/such", "the folder /none/such cannot be entered: No such file or directory", FAULT_IO},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const argv[] = {rows[i].argv0, NULL};
        struct child_options o = {.argv = argv, .dir = rows[i].dir, .max_said = MOST};
        struct child c = {.ended = over};
        struct error error;
        assert_int_equal(child_start(&c, loop, &o, &error), rows[i].fault);
        assert_string_equal(error.text, rows[i].words);
        assert_false(child_is_running(&c));
        child_deinit(&c);
        nothing_is_left();
    }
}

/* A conversation, apart from what it prints; then it is started again. */
static unsigned n_heard;
static void converse(struct child *c) {
    if (!slice_ends(buffer_slice(&c->said), SLICE("\n"))) return;
    assert_true(slice_is(buffer_slice(&c->said), n_heard == 0 ? "you said one\n" : "you said two\n"));
    buffer_clear(&c->said);
    if (n_heard++ == 0) child_tell(c, SLICE("two\n"));
    else child_end_input(c);
}

static void it_converses(void **state) {
    const char *const argv[] = {"sh", "-c", "echo noise; while read line <&3; do echo \"you said $line\" >&4; done; cat", NULL};
    struct child_options o = {.argv = argv, .max_said = MOST, .apart = true};
    struct child c = {.ended = over, .heard = converse};
    struct buffer b;
    (void)state;
    buffer_init(&b, 4096);
    for (int i = 0; i < 2; i++) {
        n_heard = 0;
        assert_int_equal(child_start(&c, loop, &o, NULL), FAULT_NONE);
        child_tell(&c, SLICE("one\n"));
        loop_run(loop);
        assert_int_equal(n_heard, 2);
        buffer_clear(&b);
        child_describe(&c, "it", &b);
        assert_string_equal(buffer_text(&b), "it ended with status 0; its last words: noise");
    }
    buffer_deinit(&b);
    child_deinit(&c);
    nothing_is_left();
}

/* Given up while it runs: at once, and without a word. */
static void it_is_given_up(void **state) {
    const char *const argv[] = {"sh", "-c", "exec 9>fifo; echo; sleep 1000 & sleep 1000", NULL};
    struct child_options o = {.argv = argv, .dir = folder, .max_said = MOST};
    struct child c = {.ended = over};
    int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    (void)state;
    assert_int_equal(child_start(&c, loop, &o, NULL), FAULT_NONE);
    child_deinit(&c);
    nothing_is_left();
    wait_for_writers(fd);
    close(fd);
    assert_int_equal(child_start(&c, loop, &o, NULL), FAULT_NONE);
    child_kill(&c);
    loop_run(loop);
    assert_int_equal(c.end, CHILD_STOPPED);
    child_deinit(&c);
}

static unsigned n_ended;
static void one_ended(struct child *c) {
    assert_true(slice_is(buffer_slice(&c->said), "x"));
    if (++n_ended == 100) loop_stop(loop);
}

static void many_at_once(void **state) {
    const char *const argv[] = {"cat", NULL};
    struct child_options o = {.argv = argv, .max_said = 10};
    struct child *all = test_calloc(100, sizeof *all);
    (void)state;
    for (int i = 0; i < 100; i++) {
        all[i].ended = one_ended;
        assert_int_equal(child_start(&all[i], loop, &o, NULL), FAULT_NONE);
        child_tell(&all[i], SLICE("x"));
    }
    for (int i = 0; i < 100; i++) child_end_input(&all[i]);
    loop_run(loop);
    nothing_is_left();
    for (int i = 0; i < 100; i++) child_deinit(&all[i]);
    test_free(all);
}

static int setup(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    loop = loop_new(NULL);
    return loop != NULL && mkfifo(fifo, 0600) == 0 ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    loop_free(loop);
    unlink(fifo);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_says_and_ends), cmocka_unit_test(large_both_ways), cmocka_unit_test(it_may_not_be_loud),
        cmocka_unit_test(nothing_outlives_it), cmocka_unit_test(it_has_nothing_of_ours), cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(what_cannot_start), cmocka_unit_test(it_converses), cmocka_unit_test(it_is_given_up),
        cmocka_unit_test(many_at_once),
    };
    return cmocka_run_group_tests_name("io_child", tests, setup, teardown);
}
