#include "io/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=xx"
#define HEAD(name) "--xx\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static enum fault read_parts(const char *type, const char *body, struct multipart_part *parts, unsigned max, unsigned *n) {
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = multipart_read(slice_of(type), slice_of(body), parts, max, n, &error);
    if (fault != FAULT_NONE) assert_true(error.text[0] != 0);
    return fault;
}

static void assert_slice(struct slice found, const char *wanted) {
    if (!slice_is(found, wanted)) fail_msg("`" SLICE_FMT "` is not `%s`", SLICE_ARG(found), wanted);
}

static void test_parts(void **state) {
    struct multipart_part p[4];
    unsigned n = 0;
    (void)state;
    assert_int_equal(read_parts(TYPE, HEAD("purpose") "batch\r\n--xx\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; "
                                      "filename=\"a; b.jsonl\"; name=file\r\n\r\none\r\n--x\r\ntwo\r\n\r\n--xx--\r\nrest",
                                p, 4, &n),
                     FAULT_NONE);
    assert_int_equal(n, 2);
    assert_slice(p[0].name, "purpose");
    assert_slice(p[0].content, "batch");
    assert_true(slice_is_null(p[0].filename));
    assert_slice(p[1].name, "file");
    assert_slice(p[1].filename, "a; b.jsonl");
    assert_slice(p[1].content, "one\r\n--x\r\ntwo\r\n"); /* what only looks like the mark */
    assert_int_equal(read_parts("Multipart/Form-Data; charset=x; boundary=\"xx\"", "preamble\r\n" HEAD("a") "\r\n--xx--", p, 4, &n), FAULT_NONE);
    assert_int_equal(n, 1);
    assert_slice(p[0].content, "");
    assert_int_equal(read_parts(TYPE, "--xx\r\ncontent-disposition: form-data; name=a\r\n\r\n--xx--", p, 4, &n), FAULT_NONE);
    assert_slice(p[0].content, "");
}

static void test_malformed(void **state) {
    static const struct {
        const char *type, *body;
    } cases[] = {
        {"application/json", "{}"},
        {"multipart/form-data", HEAD("a") "1\r\n--xx--"},
        {"multipart/form-data; boundary=", HEAD("a") "1\r\n--xx--"},
        {"multipart/form-data; boundary=\"xx", HEAD("a") "1\r\n--xx--"},
        {"multipart/form-data; boundary=yy", HEAD("a") "1\r\n--xx--"},
        {TYPE, ""},
        {TYPE, "--xx"},
        {TYPE, "--xx\r\n"},
        {TYPE, HEAD("a")},
        {TYPE, HEAD("a") "1"},
        {TYPE, HEAD("a") "1\r\n--xx"},
        {TYPE, "--xx\r\ncontent-type: x\r\n\r\n1\r\n--xx--"},         /* no name */
        {TYPE, "--xx\r\ncontent-disposition: form-data; name=\"a\r\n\r\n1\r\n--xx--"},
        {TYPE, HEAD("a") "1\r\n" HEAD("b") "2\r\n" HEAD("c") "3\r\n--xx--"}, /* more than there is room for */
        {"multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", HEAD("a") "1\r\n--xx--"},
    };
    struct multipart_part p[2];
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned n = 77;
        if (read_parts(cases[i].type, cases[i].body, p, 2, &n) != FAULT_BAD_REQUEST) fail_msg("case %u was taken", i);
        assert_int_equal(n, 77);
    }
}

/* Whatever is cut off, nothing behind the end is read (the sanitizers see to it) and nothing but the whole is good. */
static void test_cut(void **state) {
    static const char whole[] = HEAD("purpose") "batch\r\n" HEAD("file") "1\n2\r\n--xx--";
    struct multipart_part p[2];
    (void)state;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char *copy = test_malloc(len + 1);
        unsigned n;
        memcpy(copy, whole, len);
        assert_int_equal(multipart_read(SLICE(TYPE), slice_make(copy, len), p, 2, &n, NULL), FAULT_BAD_REQUEST);
        test_free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_malformed), cmocka_unit_test(test_cut)};
    return cmocka_run_group_tests_name("io_multipart", tests, NULL, NULL);
}
