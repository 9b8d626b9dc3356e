#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void basics(void **state) {
    (void)state;
    unsigned char *p = mem_alloc(1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(p[i], 0);
    memset(p, 'x', 1000);
    p = mem_resize(p, 100000);
    for (int i = 0; i < 1000; i++) assert_int_equal(p[i], 'x');
    mem_free(p);
    mem_free(NULL);
    p = mem_alloc(0);
    assert_non_null(p);
    p = mem_resize(p, 0);
    assert_non_null(p);
    mem_free(p);
    p = mem_copy(NULL, 0);
    assert_non_null(p);
    mem_free(p);
    char *text = mem_text("hello");
    assert_string_equal(text, "hello");
    mem_free(text);
}

/* A child with little memory asks for much: it must say so in one line and abort. */
static void failing(void **state) {
    int ends[2], status;
    char line[256] = "";
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        volatile size_t huge = SIZE_MAX / 2;
        mem_free(mem_alloc(huge));
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    ssize_t n = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    assert_true(n > 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* those stop before us */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_string_equal(line, "quarterdeck: out of memory: no room for 9223372036854775807 bytes\n");
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(basics), cmocka_unit_test(failing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
