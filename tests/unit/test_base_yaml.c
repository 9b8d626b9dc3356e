#include "base/buffer.h"
#include "base/mem.h"
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct yaml_node *root;
    struct error error;
    int line;
    char *copy;
};

static int set_up(void **state) {
    struct fixture *f = mem_new(struct fixture);
    arena_init(&f->arena, 4096, 64 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    arena_deinit(&f->arena);
    mem_free(f->copy);
    mem_free(f);
    return 0;
}

static enum fault read_slice(struct fixture *f, struct slice text) {
    arena_reset(&f->arena);
    mem_free(f->copy);
    f->copy = mem_copy(text.at, text.len);
    f->root = NULL;
    f->line = -1;
    f->error.text[0] = 0;
    return yaml_read(slice_make(f->copy, text.len), &f->arena, &f->root, &f->line, &f->error);
}

static enum fault read_text(struct fixture *f, const char *text) {
    return read_slice(f, slice_of(text));
}

static void at(const struct yaml_node *n, int line, int column) {
    assert_non_null(n);
    assert_int_equal(n->line, line);
    assert_int_equal(n->column, column);
}

static void scalar(const struct yaml_node *n, const char *text, bool plain) {
    assert_non_null(n);
    assert_int_equal(n->type, YAML_SCALAR);
    assert_true(slice_is(n->text, text));
    assert_int_equal(n->text.at[n->text.len], 0);
    assert_int_equal(n->plain, plain);
}

static void values_and_positions(void **state) {
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "# comment\n"
                                  "listen: 127.0.0.1:8080\n"
                                  "quoted: \"1\\n\"\n"
                                  "single: 'it''s'\n"
                                  "list:\n"
                                  "  - one\n"
                                  "  - {a: 1, b: [x, y]}\n"
                                  "empty:\n"
                                  "block: |\n"
                                  "  two\n"
                                  "  lines\n"
                                  "folded: >-\n"
                                  "  two\n"
                                  "  lines\n"
                                  "\xC3\xA4: \xC3\xB6\n"),
                     FAULT_NONE);
    const struct yaml_node *root = f->root;
    assert_int_equal(root->type, YAML_MAP);
    assert_int_equal(root->count, 8);
    at(root, 2, 1);
    struct yaml_node *n = yaml_get(root, "listen");
    scalar(n, "127.0.0.1:8080", true);
    at(n, 2, 9);
    assert_true(slice_is(n->key, "listen") && n->key_line == 2 && n->key_column == 1);
    scalar(n = yaml_get(root, "quoted"), "1\n", false);
    at(n, 3, 9);
    scalar(yaml_get(root, "single"), "it's", false);
    n = yaml_get(root, "list");
    assert_true(n->type == YAML_LIST && n->count == 2);
    scalar(n->first, "one", true);
    at(n->first, 6, 5);
    n = n->first->next;
    assert_true(n->type == YAML_MAP && n->next == NULL);
    at(n, 7, 5);
    at(yaml_get(n, "b")->first->next, 7, 19);
    scalar(n = yaml_get(root, "empty"), "", true);
    assert_int_equal(n->line, 8);
    scalar(yaml_get(root, "block"), "two\nlines\n", false);
    scalar(yaml_get(root, "folded"), "two lines", false);
    scalar(n = yaml_get(root, "\xC3\xA4"), "\xC3\xB6", true);
    at(n, 15, 4); /* columns are characters */
    assert_null(yaml_get(root, "lis"));
    assert_null(yaml_get(NULL, "a"));
    assert_null(yaml_get(yaml_get(root, "list"), "a"));
}

static void empty_documents(void **state) {
    struct fixture *f = *state;
    static const char *const texts[] = {"",      " \n\n",      "# only a comment\n",
                                        "---\n", "---\n...\n", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_text(f, texts[i]), FAULT_NONE);
        assert_null(f->root);
    }
    assert_int_equal(read_slice(f, SLICE_NULL), FAULT_NONE);
    assert_int_equal(read_text(f, "''"), FAULT_NONE); /* an empty string is no empty document */
    scalar(f->root, "", false);
    assert_int_equal(read_text(f, "\xEF\xBB\xBF"
                                  "a: 1"),
                     FAULT_NONE);
    scalar(yaml_get(f->root, "a"), "1", true);
    assert_int_equal(read_text(f, "{\"a\": [1, \"x\", null]}"), FAULT_NONE); /* JSON is YAML */
    assert_int_equal(yaml_get(f->root, "a")->count, 3);
}

static void anchors_and_merges(void **state) {
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "base: &base {a: 1, b: 2}\n"
                                  "other: &other {b: 3, c: 4}\n"
                                  "copy: *base\n"
                                  "one: {<<: *base, b: own}\n"
                                  "before: {b: own, <<: *base}\n"
                                  "two:\n"
                                  "  <<: [*base, *other]\n"
                                  "inline: {<<: {x: 1}}\n"
                                  "quoted: {'<<': 5}\n"
                                  "name: &n word\n"
                                  "*n : as a key\n"
                                  "again: [&n 1, *n, &n 2, *n]\n"),
                     FAULT_NONE);
    scalar(yaml_get(yaml_get(f->root, "copy"), "a"), "1", true);
    assert_int_equal(yaml_get(f->root, "base")->count, 2);
    scalar(yaml_get(yaml_get(f->root, "one"), "b"), "own", true);
    scalar(yaml_get(yaml_get(f->root, "one"), "a"), "1", true);
    assert_int_equal(yaml_get(f->root, "one")->count, 2);
    scalar(yaml_get(yaml_get(f->root, "before"), "b"), "own", true);
    const struct yaml_node *two = yaml_get(f->root, "two");
    assert_int_equal(two->count, 3);
    scalar(yaml_get(two, "b"), "2", true); /* the earlier source wins */
    scalar(yaml_get(two, "c"), "4", true);
    scalar(yaml_get(yaml_get(f->root, "inline"), "x"), "1", true);
    scalar(yaml_get(yaml_get(f->root, "quoted"), "<<"), "5", true);
    scalar(yaml_get(f->root, "word"), "as a key", true);
    const struct yaml_node *again = yaml_get(f->root, "again")->first;
    scalar(again->next, "1", true);
    scalar(again->next->next->next, "2", true);
}

static void tags(void **state) {
    struct fixture *f = *state;
    assert_int_equal(
        read_text(f, "a: !!str 1\nb: ! 2\nc: !!int 3\nd: !<tag:yaml.org,2002:str> 4\ne: !!map {}\n"),
        FAULT_NONE);
    scalar(yaml_get(f->root, "a"), "1", false);
    scalar(yaml_get(f->root, "b"), "2", false);
    scalar(yaml_get(f->root, "c"), "3", true);
    scalar(yaml_get(f->root, "d"), "4", false);
    assert_int_equal(read_text(f, "a: 1\nb: !env HOME\n"), FAULT_CONFIG);
    assert_int_equal(f->line, 2);
    assert_true(slice_contains(slice_of(f->error.text), SLICE("unknown tag 'env'")));
}

/* Nothing of what libfyaml has to say may reach standard error. */
static int swallow(FILE *file) {
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    return saved;
}

static void errors(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int line;
        const char *words;
    } rows[] = {{"a: 1\nb: 2\na: 3\n", 3, "duplicate key 'a'"},
                {"x:\n  a: 1\n  'a': 2\n", 3, "duplicate key 'a'"},
                {"{a: 1, a: 2}", 1, "duplicate key"},
                {"- a\n- &x [1, *x]\n", 2, "inside its own anchor 'x'"},
                {"a: &a {b: {c: *a}}", 1, "inside its own anchor"},
                {"a: 1\nb: *nope\n", 2, "line 2, column 4: no anchor for the alias 'nope'"},
                {"a: 1\n---\nb: 2\n", 2, "one document"},
                {"? [a]\n: b\n", 1, "scalar key"},
                {"a: 1\n<<: 5\n", 2, "expected a map to merge"},
                {"a: 1\n<<: [{b: 1}, 2]\n", 2, "expected a map to merge"},
                {"a: [1, 2\nb: 3\n", 0, ""},
                {"a: \"open\n", 0, ""},
                {"a: b: c\n", 1, ""},
                {"a: 1\n  b: 2\n", 0, ""},
                {"a: @x\n", 1, ""},
                {"a: 1\nb\n", 0, ""},
                {"a: \x01\n", 1, "line 1, column 4: expected text, found a control character"},
                {"a: 1\nb: \xC3\xA4\xFF\n", 2, "line 2, column 5: expected UTF-8"}};
    FILE *quiet = tmpfile();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int saved = swallow(quiet);
        enum fault fault = read_text(f, rows[i].text);
        dup2(saved, STDERR_FILENO);
        close(saved);
        assert_int_equal(fault, FAULT_CONFIG);
        assert_null(f->root);
        if (rows[i].line > 0) assert_int_equal(f->line, rows[i].line);
        assert_true(f->line > 0 && slice_starts(slice_of(f->error.text), SLICE("line ")));
        if (!slice_contains(slice_of(f->error.text), slice_of(rows[i].words))) fail_msg("%s", f->error.text);
        assert_int_equal(yaml_read(slice_of(rows[i].text), &f->arena, &f->root, NULL, NULL), FAULT_CONFIG);
    }
    assert_int_equal(read_slice(f, SLICE("a: 1\0b")), FAULT_CONFIG);
    fflush(quiet);
    fseek(quiet, 0, SEEK_END);
    assert_int_equal(ftell(quiet), 0);
    fclose(quiet);
}

static void depth(void **state) {
    struct fixture *f = *state;
    char text[3000];
    for (size_t n = LIMIT_JSON_DEPTH - 1; n <= LIMIT_JSON_DEPTH + 1; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        assert_int_equal(read_slice(f, slice_make(text, 2 * n)),
                         n <= LIMIT_JSON_DEPTH ? FAULT_NONE : FAULT_CONFIG);
        for (size_t i = 0; i < n; i++) memcpy(text + 2 * i, "- ", 2);
        assert_int_equal(read_slice(f, slice_make(text, 2 * n)),
                         n <= LIMIT_JSON_DEPTH ? FAULT_NONE : FAULT_CONFIG);
    }
    assert_true(slice_contains(slice_of(f->error.text), SLICE("nested too deep")));
    char *deep = mem_alloc(1000001);
    memset(deep, '[', 1000000);
    assert_int_equal(read_text(f, deep), FAULT_CONFIG);
    memset(deep, '{', 1000000);
    assert_int_equal(read_text(f, deep), FAULT_CONFIG);
    mem_free(deep);

    struct buffer b; /* each line nests the one before two levels deeper, by aliases alone */
    buffer_init(&b, 1 << 20);
    buffer_printf(&b, "a0: &a0 [x]\n");
    for (int i = 1; i < 100; i++) buffer_printf(&b, "a%d: &a%d [[*a%d]]\n", i, i, i - 1);
    assert_int_equal(read_slice(f, buffer_slice(&b)), FAULT_CONFIG);
    assert_true(slice_contains(slice_of(f->error.text), SLICE("nesting too deep")));
    buffer_deinit(&b);
}

static void billion_laughs(void **state) {
    struct fixture *f = *state;
    struct buffer b;
    buffer_init(&b, 1 << 20);
    buffer_printf(&b, "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n");
    for (int i = 1; i < 10; i++) {
        buffer_printf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++) buffer_printf(&b, "*a%d,", i - 1);
        buffer_printf(&b, "]\n");
    }
    assert_int_equal(read_slice(f, buffer_slice(&b)), FAULT_TOO_LARGE);
    assert_true(f->line > 1 && f->line < 10);
    buffer_clear(&b); /* the same with merge keys */
    buffer_printf(&b, "a: &a {");
    for (int i = 0; i < 5000; i++) buffer_printf(&b, "k%d: v, ", i);
    buffer_printf(&b, "}\nlist:\n");
    for (int i = 0; i < 100; i++) buffer_printf(&b, "- <<: *a\n");
    assert_int_equal(read_slice(f, buffer_slice(&b)), FAULT_TOO_LARGE);
    buffer_deinit(&b);
}

static void memory(void **state) {
    struct fixture *f = *state;
    static const char text[] =
        "a: &x [1, 2, {b: c}]\nd: *x\ne: {<<: {q: r}}\nlong: abcdefghijklmnopqrstuvwxyz\n";
    bool once = false;
    for (size_t max = 0; max < 8000; max += 16) {
        struct arena small;
        struct yaml_node *root = NULL;
        arena_init(&small, 64, max);
        enum fault fault = yaml_read(slice_of(text), &small, &root, &f->line, &f->error);
        assert_true(fault == FAULT_NONE || (fault == FAULT_TOO_LARGE && root == NULL && !once));
        once = once || fault == FAULT_NONE;
        arena_deinit(&small);
    }
    assert_true(once);
}

static void check_tree(const struct yaml_node *n, int level) {
    unsigned count = 0;
    assert_true(level <= LIMIT_JSON_DEPTH + 1 && n->line > 0 && n->column > 0);
    for (const struct yaml_node *c = n->first; c != NULL; c = c->next, count++) check_tree(c, level + 1);
    assert_int_equal(count, n->count);
    if (n->type == YAML_SCALAR) assert_true(n->text.at != NULL && n->text.at[n->text.len] == 0 && count == 0);
}

/* Any text gives a sound tree or an error. */
static void random_texts(void **state) {
    struct fixture *f = *state;
    static const char seed_text[] =
        "a: &x {b: [1, 'q', \"e\\n\"], c: |\n  t\n}\nd:\n  - *x\n  - <<: *x\n    !!str k: >-\n"
        "      fold\n  - ? z\n    : y\n...\n# c\n%YAML 1.2\n---\n";
    static const char *const pieces[] = {"&x ", "*x",     "<<: ", "- ",    ": ", "? ", "|\n",      ">", "\n",
                                         "  ",  "{",      "}",    "[",     "]",  ",",  "\"",       "'", "#",
                                         "!",   "!!str ", "%",    "---\n", "\t", "\\", "\xC3\xA4", "a"};
    FILE *quiet = tmpfile();
    int saved = swallow(quiet);
    srand(2);
    for (int i = 0; i < 4000; i++) {
        char text[600];
        size_t len = 0;
        if (i % 2 == 0) {
            for (int k = rand() % 60; k >= 0; k--) {
                const char *p = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
                memcpy(text + len, p, strlen(p));
                len += strlen(p);
            }
        } else {
            len = sizeof seed_text - 1;
            memcpy(text, seed_text, len);
            for (int k = rand() % 4; k >= 0; k--) text[(size_t)rand() % len] = pieces[rand() % 26][0];
            if (i % 3 == 0) len = (size_t)rand() % len;
        }
        enum fault fault = read_slice(f, slice_make(text, len));
        if (fault == FAULT_NONE && f->root != NULL) check_tree(f->root, 1);
        if (fault != FAULT_NONE) assert_true(f->error.text[0] != 0 && f->line > 0);
    }
    dup2(saved, STDERR_FILENO);
    close(saved);
    fflush(quiet);
    fseek(quiet, 0, SEEK_END);
    assert_int_equal(ftell(quiet), 0);
    fclose(quiet);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(values_and_positions),
                                       TEST(empty_documents),
                                       TEST(anchors_and_merges),
                                       TEST(tags),
                                       TEST(errors),
                                       TEST(depth),
                                       TEST(billion_laughs),
                                       TEST(memory),
                                       TEST(random_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
