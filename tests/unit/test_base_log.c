#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* Standard error goes to a file while a test runs, so what was written can be read back. */
struct capture {
    FILE *file;
    int saved;
    char text[1 << 20];
};

static void begin(struct capture *c) {
    c->file = tmpfile();
    assert_non_null(c->file);
    fflush(stderr);
    c->saved = dup(STDERR_FILENO);
    dup2(fileno(c->file), STDERR_FILENO);
}

static const char *end(struct capture *c) {
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    rewind(c->file);
    size_t n = fread(c->text, 1, sizeof c->text - 1, c->file);
    c->text[n] = 0;
    fclose(c->file);
    return c->text;
}

static void text_lines(void **state) {
    struct capture *c = *state;
    begin(c);
    log_start(LOG_INFO, false);
    log_event(LOG_DEBUG, "not shown", NULL);
    log_event(LOG_WARN, "breaker opened", "provider", "openai", "failures", "7", NULL);
    log_event(LOG_ERROR, "odd\nmessage\x1b[2J", "a", "x y", "b", "q\"\\", "c", "", "d",
              "\xC2\x9B"
              "1m\x7F",
              NULL);
    log_event(LOG_INFO, "broken", "utf8", "\xFFz", "umlaut", "\xC3\xA4", NULL);
    log_event(LOG_INFO, "missing", "key", (char *)NULL, "never", "read", NULL);
    const char *text = end(c);
    assert_string_equal(text,
                        "2026-11-21T04:16:21.000000Z warn  breaker opened provider=openai failures=7\n"
                        "2026-11-21T04:16:21.000000Z error odd\\x0amessage\\x1b[2J a=\"x y\" b=\"q\\\"\\\\\" "
                        "c=\"\" d=\\xc2\\x9b1m\\x7f\n"
                        "2026-11-21T04:16:21.000000Z info  broken utf8=\\xffz umlaut=\xC3\xA4\n"
                        "2026-11-21T04:16:21.000000Z info  missing key=null\n");
}

static void json_lines(void **state) {
    struct capture *c = *state;
    begin(c);
    log_start(LOG_DEBUG, true);
    log_event(LOG_DEBUG, "a \"message\"\n", "key", "\x01\xFF", "none", (char *)NULL, NULL);
    const char *text = end(c);
    assert_string_equal(text, "{\"time\":\"2026-11-21T04:16:21.000000Z\",\"level\":\"debug\",\"message\":"
                              "\"a \\\"message\\\"\\n\",\"key\":\"\\u0001\xEF\xBF\xBD\",\"none\":null}\n");
}

static bool is_json(struct slice line) {
    struct arena a;
    struct json_doc d;
    arena_init(&a, 4096, 1 << 20);
    bool good = json_read(line, &a, UINT16_MAX, &d, NULL) == FAULT_NONE;
    arena_deinit(&a);
    return good;
}

static void long_lines(void **state) {
    struct capture *c = *state;
    static char value[100001];
    memset(value, 1, 100000); /* six characters each when escaped */
    begin(c);
    log_start(LOG_INFO, true);
    log_event(LOG_INFO, "long", "v", value, NULL);
    log_event(LOG_INFO, value, "1", value, "2", value, "3", value, "4", value, "5", value, "6", value, "7",
              value, NULL);
    log_start(LOG_INFO, false);
    log_event(LOG_INFO, value, "1", value, "2", value, "3", value, "4", value, "5", value, "6", value, "7",
              value, "8", value, "9", value, NULL);
    struct slice head, tail = slice_of(end(c));
    assert_true(slice_cut(tail, '\n', &head, &tail));
    assert_true(is_json(head) && head.len > 2000 && head.len < 65536);
    assert_true(slice_cut(tail, '\n', &head, &tail));
    assert_true(is_json(head) && slice_ends(head, SLICE("\"truncated\":\"true\"}")));
    assert_true(slice_cut(tail, '\n', &head, &tail));
    assert_true(head.len < 100000 && tail.len == 0);
}

static void *write_many(void *name) {
    for (int i = 0; i < 500; i++)
        log_event(LOG_INFO, "from a thread", "name", name, "more", "0123456789", NULL);
    return NULL;
}

static void threads(void **state) {
    struct capture *c = *state;
    pthread_t ids[4];
    static char names[4][2] = {"a", "b", "c", "d"};
    begin(c);
    log_start(LOG_INFO, true);
    for (int i = 0; i < 4; i++) pthread_create(&ids[i], NULL, write_many, names[i]);
    for (int i = 0; i < 4; i++) pthread_join(ids[i], NULL);
    struct slice head, tail = slice_of(end(c));
    int lines = 0;
    for (; slice_cut(tail, '\n', &head, &tail); lines++) assert_true(is_json(head));
    assert_int_equal(lines, 2000);
}

static int set_up(void **state) {
    clock_fake(0, 1795234581LL * 1000000);
    *state = mem_new(struct capture);
    return 0;
}

static int tear_down(void **state) {
    log_start(LOG_INFO, false);
    mem_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(text_lines), cmocka_unit_test(json_lines),
                                       cmocka_unit_test(long_lines), cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
