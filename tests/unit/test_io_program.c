/* Programs of the operator's: what they are told and say, how they end, and that none outlives its time. */
#include "io/program.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_US 60000000

static char folder[] = "/tmp/quarterdeck-program-XXXXXX", path[64];

static const char *script(const char *body) {
    snprintf(path, sizeof path, "%s/run", folder);
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    fclose(f);
    assert_int_equal(chmod(path, 0700), 0);
    return path;
}

static enum fault run(const char *body, struct slice input, int64_t timeout_us, struct buffer *out, struct error *error) {
    buffer_clear(out);
    return program_run(script(body), input, timeout_us, out, error);
}

static void it_is_told_and_says(void **state) {
    static char large[1 << 20];
    struct buffer out;
    struct error error;
    (void)state;
    buffer_init(&out, 2 << 20);
    assert_int_equal(run("cat", SLICE("hello"), LONG_US, &out, &error), FAULT_NONE);
    assert_true(slice_is(buffer_slice(&out), "hello"));
    for (size_t i = 0; i < sizeof large; i++) large[i] = (char)('a' + i % 26);
    assert_int_equal(run("cat", slice_make(large, sizeof large), LONG_US, &out, &error), FAULT_NONE);
    assert_true(slice_eq(buffer_slice(&out), slice_make(large, sizeof large)));
    assert_int_equal(run("echo done", slice_make(large, sizeof large), LONG_US, &out, &error), FAULT_NONE); /* reads nothing */
    assert_true(slice_is(buffer_slice(&out), "done\n"));
    assert_int_equal(run("exec cat", SLICE(""), LONG_US, &out, &error), FAULT_NONE);
    buffer_deinit(&out);
}

static void failures_are_told(void **state) {
    struct buffer out;
    struct error error;
    (void)state;
    buffer_init(&out, 1000);
    assert_int_equal(run("echo x; exit 3", SLICE(""), LONG_US, &out, &error), FAULT_IO);
    assert_non_null(strstr(error.text, "status 3"));
    assert_int_equal(run("kill -9 $$", SLICE(""), LONG_US, &out, &error), FAULT_IO);
    assert_non_null(strstr(error.text, "signal 9"));
    assert_int_equal(run("yes", SLICE(""), LONG_US, &out, &error), FAULT_UP_TOO_LARGE);
    assert_int_equal(program_run("/none/such", SLICE(""), LONG_US, &out, &error), FAULT_IO);
    buffer_deinit(&out);
}

/* Also one that has closed its output, and one that began another. */
static void none_outlives_its_time(void **state) {
    struct buffer out;
    struct error error;
    (void)state;
    buffer_init(&out, 1000);
    assert_int_equal(run("sleep 600", SLICE(""), 20000, &out, &error), FAULT_UP_TIMEOUT);
    assert_int_equal(run("exec >&-; sleep 600", SLICE(""), 20000, &out, &error), FAULT_UP_TIMEOUT);
    assert_int_equal(run("sleep 600 & wait", SLICE(""), 20000, &out, &error), FAULT_UP_TIMEOUT);
    buffer_deinit(&out);
}

static int setup(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void arguments_and_a_stop(void **state) {
    static const char *const words[] = {"echo", "-n", "two words", NULL}, *const slow[] = {"sleep", "60", NULL};
    atomic_bool stop = false;
    struct buffer out;
    struct error error;
    (void)state;
    buffer_init(&out, 4096);
    struct program_call c = {.argv = words, .input = SLICE(""), .timeout_us = LONG_US, .stop = &stop};
    assert_int_equal(program_call(&c, &out, &error), FAULT_NONE);
    assert_string_equal(buffer_text(&out), "two words");
    c.argv = slow;
    atomic_store(&stop, true);
    assert_int_equal(program_call(&c, &out, &error), FAULT_SHUTTING_DOWN);
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(arguments_and_a_stop), cmocka_unit_test(it_is_told_and_says), cmocka_unit_test(failures_are_told),
                                       cmocka_unit_test(none_outlives_its_time)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
