/* docs/reference says what the tables say. `scripts/gen_reference` writes it anew; its --check also covers the page of the
 * command line, which needs the whole program. Runs in the project's folder. */
#include "test_store_rig.h"

#include "control/cli_verbs.h"

#define MOST (256 << 10)

static char *text_of(FILE *f) {
    char *text = test_calloc(1, MOST);
    rewind(f);
    assert_true(fread(text, 1, MOST - 1, f) > 0);
    fclose(f);
    return text;
}

static char *generated(const char *page) {
    char name[16];
    char *arguments[] = {name, NULL};
    FILE *f = tmpfile();
    assert_non_null(f);
    snprintf(name, sizeof name, "%s", page);
    fflush(stdout);
    int saved = dup(1);
    dup2(fileno(f), 1);
    int code = cli_reference(1, arguments, NULL);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    assert_int_equal(code, 0);
    return text_of(f);
}

static void pages_are_up_to_date(void **state) {
    static const char *const pages[] = {"settings", "faults", "metrics", "api", "record", "checks"};
    (void)state;
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) {
        char path[64];
        snprintf(path, sizeof path, "docs/reference/%s.md", pages[i]);
        FILE *f = fopen(path, "r");
        if (!f) fail_msg("%s is missing: run scripts/gen_reference", path);
        char *have = text_of(f), *want = generated(pages[i]);
        if (strcmp(have, want) != 0) fail_msg("%s is out of date: run scripts/gen_reference", path);
        test_free(have);
        test_free(want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages_are_up_to_date)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
