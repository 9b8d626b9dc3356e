/* Files of definitions: which kind one is, what the registry keeps of it, where its prompt is, where it comes from. */
#include "control/cli_definition.h"
#include "control/suite_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static char folder[] = "/tmp/quarterdeck-definition-XXXXXX";

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, 64 << 20);
    return digest_start() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static const char *kind(const char *text) {
    struct slice key;
    const struct definition_kind *k = definition_kind_of_text(slice_of(text), &key);
    return k ? k->name : "none";
}

static void test_kinds(void **state) {
    (void)state;
    assert_string_equal(kind("suite: x\n"), "suite");
    assert_string_equal(kind("# a comment\n\n---\n  judge: x\n"), "judge");
    assert_string_equal(kind("\xEF\xBB\xBF{\n \"scoring\" : 1}"), "scoring");
    assert_string_equal(kind("---\nprompt: x\n---\ntext"), "prompt");
    assert_string_equal(kind("suites: x\n"), "none");
    assert_string_equal(kind("cases: []\nsuite: x\n"), "none");
    assert_string_equal(kind(""), "none");
    assert_string_equal(kind("# only a comment"), "none");
    assert_string_equal(kind("---"), "none");
    assert_string_equal(definition_kind_of_path("/api/v1/suites/{name}")->name, "suite");
    assert_string_equal(definition_kind_of_path("/api/v1/judges/{name}")->name, "judge");
    assert_null(definition_kind_of_path("/api/v1/evals"));
}

static struct definition_text read_it(const char *text) {
    struct definition_text ret = {.name = SLICE_NULL};
    struct problems problems = {0};
    struct slice key;
    const struct definition_kind *k = definition_kind_of_text(slice_of(text), &key);
    if (k->read(slice_of(text), "f.yaml", NULL, &arena, &ret, &problems) != FAULT_NONE) fail_msg("%s", problems.items[0].text);
    return ret;
}

static void test_canonical(void **state) {
    (void)state;
    static const char *const texts[] = {"judge: j\nmodel: m\nscale: 1-5\nrubric: 'h\xc3\xb6" "flich'\n", "suite: s\nmodel: m\ncases: [{input: x}]\n"};
    for (int i = 0; i < 2; i++) { /* what is kept is read back to the same */
        struct definition_text a = read_it(texts[i]), b = read_it(arena_text(&arena, a.body));
        assert_true(digest_eq(&a.digest, &b.digest) && slice_eq(a.body, b.body) && slice_eq(a.name, b.name));
    }
    struct problems problems = {0};
    struct definition_text ret;
    assert_int_equal(definition_kinds[1].read(SLICE("judge: j\nmodle: m\n"), "f.yaml", NULL, &arena, &ret, &problems), FAULT_CONFIG);
    assert_true(problems.count >= 1 && problems.items[0].line > 0);
}

static void test_ticket(void **state) {
    (void)state;
    static const char *const texts[][2] = {{"Refs: OPS-17", "OPS-17"}, {"Fix (#12)", "#12"}, {"AB1-3: x", "AB1-3"}, {"see [QD-9]", "QD-9"},
                                           {"UTF-8 for GPT-4, OPS-3", "OPS-3"}, {"a-1 x #", ""}, {"X-1", ""}, {"", ""}, {"OPS-", ""}, {"2026-11-21", ""}, {"fooOPS-1", ""}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!slice_is(cli_find_ticket(slice_of(texts[i][0])), texts[i][1])) fail_msg("%s: " SLICE_FMT, texts[i][0], SLICE_ARG(cli_find_ticket(slice_of(texts[i][0]))));
}

static void write_file(const char *name, const char *text) {
    struct slice path = arena_printf(&arena, "%s/%s", folder, name);
    FILE *f = fopen(arena_text(&arena, path), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_files(void **state) {
    (void)state;
    struct error error;
    struct slice text;
    const char *found = NULL;
    assert_non_null(mkdtemp(folder));
    const char *suite = arena_text(&arena, arena_printf(&arena, "%s/s.yaml", folder));
    assert_int_equal(suite_files_prompt(suite, SLICE("p"), &arena, &found, &error), FAULT_NOT_FOUND);
    assert_non_null(strstr(error.text, "p.yaml"));
    assert_int_equal(mkdir(arena_text(&arena, arena_printf(&arena, "%s/prompts", folder)), 0700), 0);
    write_file("prompts/p.md", "there");
    assert_int_equal(suite_files_prompt(suite, SLICE("p"), &arena, &found, &error), FAULT_NONE);
    write_file("p.yaml", "here");
    assert_int_equal(suite_files_prompt(suite, SLICE("p"), &arena, &found, &error), FAULT_NONE);
    assert_true(slice_ends(slice_of(found), SLICE("/p.yaml")) && !slice_contains(slice_of(found), SLICE("prompts")));
    struct file_source files = suite_files_beside(suite);
    assert_int_equal(files.read(files.ctx, SLICE("./prompts/p.md"), &arena, &text, &error), FAULT_NONE);
    assert_true(slice_is(text, "there"));
    assert_int_equal(files.read(files.ctx, SLICE("none"), &arena, &text, &error), FAULT_NOT_FOUND);
    assert_int_equal(files.read(files.ctx, slice_make("a\0b", 3), &arena, &text, &error), FAULT_BAD_REQUEST);
    static const char *const names[] = {"prompts/p.md", "p.yaml"};
    for (int i = 0; i < 2; i++) unlink(arena_text(&arena, arena_printf(&arena, "%s/%s", folder, names[i])));
    rmdir(arena_text(&arena, arena_printf(&arena, "%s/prompts", folder)));
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_canonical, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ticket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
