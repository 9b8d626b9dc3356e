/* The official JSON-Schema-Test-Suite (2020-12, MIT licence), every file of it but those named below. Debian
 * has it in libtest-json-schema-acceptance-perl; JSON_SCHEMA_TESTS names another folder, such as
 * tests/draft2020-12 of a checkout. `./dev test schema` fetches it. Without either the tests are skipped, and
 * say so: what must hold everywhere is in test_quality_schema.c. */
#include "base/buffer.h"
#include "quality/schema.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DEBIAN "/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12"

/* Files that are about what is refused: dynamic scope, and documents that are elsewhere. */
static const char *const skipped_files[] = {"dynamicRef.json", "refRemote.json", "vocabulary.json"};

/* Groups that need what is refused. Here the refusal is what is tested: `refusal` must be in its message. */
static const struct {
    const char *file, *group, *refusal;
} refused[] = {
    {"ref.json", "remote ref, containing refs itself", "nothing is fetched"},
    {"ref.json", "URN base URI with f-component", "nothing is fetched"},
    {"defs.json", "validate definition against metaschema", "nothing is fetched"},
    {"unevaluatedItems.json", "unevaluatedItems with $dynamicRef", "$dynamic"},
    {"unevaluatedProperties.json", "unevaluatedProperties with $dynamicRef", "$dynamic"},
    {"id.json", "Invalid use of fragments in location-independent $id", "nothing is fetched"},
    {"id.json", "Valid use of empty fragments in location-independent $id", "nothing is fetched"},
    {"id.json", "Unnormalized $ids are allowed but discouraged", "nothing is fetched"},
    {"anchor.json", "invalid anchors", "nothing is fetched"},
};

struct tally {
    unsigned groups, tests, refused, failed;
};

static const char *folder(void) {
    const char *own = getenv("JSON_SCHEMA_TESTS");
    return own != NULL ? own : DEBIAN;
}

static bool read_file(const char *dir, const char *name, struct buffer *out) {
    char path[1024], bytes[65536];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) return false;
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;) buffer_append(out, slice_make(bytes, n));
    (void)fclose(f);
    return !out->overflow;
}

static const char *refusal_of(const char *file, struct slice group) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(refused[i].file, file) == 0 && slice_is(group, refused[i].group))
            return refused[i].refusal;
    return NULL;
}

static void run_group(const struct json_doc *d, uint32_t group, const struct schema *s, const char *file,
                      struct slice name, struct tally *t) {
    uint32_t cursor = JSON_NONE, test;
    while (json_each_item(d, json_get(d, group, "tests"), &cursor, &test)) {
        struct arena arena;
        struct schema_problem problem = {.node = JSON_NONE};
        bool valid = false;
        arena_init(&arena, 4096, 16 << 20);
        assert_true(json_get_bool(d, json_get(d, test, "valid"), &valid));
        enum schema_verdict v = schema_check(s, d, json_get(d, test, "data"), &arena, &problem);
        t->tests++;
        if (v != (valid ? SCHEMA_VALID : SCHEMA_INVALID)) {
            t->failed++;
            print_error("%s: " SLICE_FMT ": " SLICE_FMT ": " SLICE_FMT "\n", file, SLICE_ARG(name),
                        SLICE_ARG(json_string(d, json_get(d, test, "description"), &arena)),
                        SLICE_ARG(problem.text));
        }
        if (v != SCHEMA_VALID) assert_true(problem.text.len > 0 && slice_is_utf8(problem.text));
        arena_deinit(&arena);
    }
}

static void run_file(const char *dir, const char *file, unsigned flags, struct tally *t) {
    struct buffer text;
    struct arena arena;
    struct json_doc d;
    struct error error = {.fault = FAULT_NONE};
    uint32_t cursor = JSON_NONE, group, where;
    buffer_init(&text, 8 << 20);
    if (!read_file(dir, file, &text)) { /* not in every release of the suite */
        print_message("%s/%s is not there\n", dir, file);
        buffer_deinit(&text);
        return;
    }
    arena_init(&arena, 65536, 64 << 20);
    assert_int_equal(json_read(buffer_slice(&text), &arena, UINT16_MAX, &d, &error), FAULT_NONE);
    while (json_each_item(&d, 0, &cursor, &group)) {
        struct slice name = json_string(&d, json_get(&d, group, "description"), &arena);
        const char *refusal = refusal_of(file, name);
        struct schema *s = NULL;
        enum fault f = schema_new(&d, json_get(&d, group, "schema"), flags, &s, &where, &error);
        t->groups++;
        if (f == FAULT_NONE) {
            run_group(&d, group, s, file, name, t);
        } else if (refusal != NULL && strstr(error.text, refusal) != NULL) {
            t->refused++;
            print_message("refused, as it should be: %s: " SLICE_FMT ": %s\n", file, SLICE_ARG(name),
                          error.text);
        } else {
            t->failed++;
            print_error("%s: " SLICE_FMT ": refused: %s\n", file, SLICE_ARG(name), error.text);
        }
        schema_free(s);
    }
    arena_deinit(&arena);
    buffer_deinit(&text);
}

static void every_file(void **state) {
    (void)state;
    struct tally t = {0};
    DIR *dir = opendir(folder());
    if (dir == NULL) {
        print_message("no test suite in %s: install libtest-json-schema-acceptance-perl\n", folder());
        skip();
    }
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        bool skipped = strstr(e->d_name, ".json") == NULL;
        for (size_t i = 0; i < sizeof skipped_files / sizeof *skipped_files; i++)
            skipped = skipped || strcmp(e->d_name, skipped_files[i]) == 0;
        if (!skipped) run_file(folder(), e->d_name, 0, &t);
    }
    (void)closedir(dir);
    print_message("%u groups, %u tests, %u groups refused, %u failed\n", t.groups, t.tests, t.refused,
                  t.failed);
    assert_int_equal(t.failed, 0);
    assert_true(t.tests > 1000);
}

/* optional/: big numbers, and the formats that can be asserted. */
static void optional(void **state) {
    (void)state;
    static const char *const files[] = {"bignum.json",        "float-overflow.json", "no-schema.json",
                                        "non-bmp-regex.json", "anchor.json",         "id.json"};
    static const char *const formats[] = {
        "date-time.json", "date.json", "email.json", "uri.json",
        "uuid.json",      "ipv4.json"}; /* format/ecmascript-regex.json is left out: pattern.h says what
                                           differs */
    char path[1024];
    struct tally t = {0};
    DIR *dir = opendir(folder());
    if (dir == NULL) skip();
    if (dir != NULL) (void)closedir(dir);
    (void)snprintf(path, sizeof path, "%s/optional", folder());
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) run_file(path, files[i], 0, &t);
    (void)snprintf(path, sizeof path, "%s/optional/format", folder());
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        run_file(path, formats[i], SCHEMA_ASSERT_FORMATS, &t);
    print_message("optional: %u groups, %u tests, %u failed\n", t.groups, t.tests, t.failed);
    assert_int_equal(t.failed, 0);
    assert_true(t.tests > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file),
        cmocka_unit_test(optional),
    };
    return cmocka_run_group_tests_name("quality_schema_suite", tests, NULL, NULL);
}
