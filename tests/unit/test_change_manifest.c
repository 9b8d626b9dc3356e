/* Manifests: the same documents are the same version however they are listed; what is wrong is told with its line; 100,000 are no trouble. */
#include "change/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, LIMIT_MANIFEST_MEMORY);
    return digest_start() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct slice listed; /* what every file holds */

static enum fault lend(void *ctx, struct slice path, struct arena *a, struct slice *ret, struct error *error) {
    (void)ctx, (void)a, (void)error, (void)path;
    *ret = listed;
    return FAULT_NONE;
}
static const struct file_source source = {NULL, lend};

static struct manifest read_it(const char *text) {
    struct manifest m = {.n_documents = 0};
    struct problems problems = {0};
    if (manifest_read_file(slice_of(text), "kb.yaml", &source, &arena, &m, &problems) != FAULT_NONE) fail_msg("%s: %s", text, problems.items[0].text);
    return m;
}

static void expect_problem(const char *text, const char *file, int line, const char *words) {
    struct manifest m;
    struct problems p = {0};
    assert_int_equal(manifest_read_file(slice_of(text), "kb.yaml", &source, &arena, &m, &p), FAULT_CONFIG);
    for (unsigned i = 0; i < p.count; i++)
        if (strstr(p.items[i].text, words) && p.items[i].line == line && strcmp(p.items[i].file, file) == 0) return;
    fail_msg("%s: expected %s:%d: %s, found %s:%d: %s", text, file, line, words, p.items[0].file, p.items[0].line, p.items[0].text);
}

static void same_however_listed(void **state) {
    (void)state;
    struct manifest m = read_it("knowledge: kb\nversion: v7\nowner: anna\nsuites: [core]\ndocuments:\n- {id: b, hash: '2', date: 2026-11-02}\n- {id: a, hash: '1', source: x}\n");
    assert_int_equal(m.n_documents, 2);
    assert_true(slice_is(m.documents[0].id, "a") && slice_is(m.documents[1].date, "2026-11-02") && m.documents[0].date.at == NULL);
    assert_true(slice_is(m.version, "v7") && slice_is(m.suites[0], "core") && slice_is(m.owner, "anna"));
    listed = SLICE("{\"id\":\"a\",\"hash\":\"1\",\"source\":\"x\"}\n\n{\"id\":\"b\",\"hash\":\"2\",\"date\":\"2026-11-02\"}\n");
    struct manifest lines = read_it("knowledge: kb\ndocuments: file:d.jsonl\n");
    listed = SLICE("id;hash;source;date\r\nb;2;;2026-11-02\r\n\"a\";1;x;\r\n");
    struct manifest table = read_it("knowledge: kb\ndocuments: file:d.csv\n");
    assert_true(digest_eq(&m.digest, &lines.digest) && digest_eq(&m.digest, &table.digest));
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    manifest_write(&m, &w);
    struct manifest again = read_it(buffer_text(&out));
    assert_true(digest_eq(&m.digest, &again.digest));
    buffer_deinit(&out);
    m = read_it("knowledge: kb\ndocuments: [{id: a, hash: '2'}]");
    assert_false(digest_eq(&m.digest, &again.digest));
    assert_int_equal(read_it("knowledge: kb\ndocuments: []").n_documents, 0);
}

static void problems(void **state) {
    (void)state;
    expect_problem("documents: []", "kb.yaml", 1, "expected the key `knowledge`");
    expect_problem("knowledge: kb", "kb.yaml", 1, "expected `documents`");
    expect_problem("knowledge: a/b\ndocuments: []", "kb.yaml", 1, "expected a name");
    expect_problem("knowledge: kb\ndocuments:\n- {id: a}\n", "kb.yaml", 3, "expected `id` and `hash`");
    expect_problem("knowledge: kb\ndocuments:\n- {id: a, hash: x, sorce: y}\n", "kb.yaml", 3, "did you mean `source`?");
    expect_problem("knowledge: kb\ndocuments:\n- {id: a, hash: x}\n- {id: a, hash: y}\n", "kb.yaml", 3, "`a` is declared twice");
    expect_problem("knowledge: kb\ndocuments: 7", "kb.yaml", 2, "expected a list of documents");
    expect_problem("knowledge: kb\ndocuments: file:d.txt", "kb.yaml", 2, "JSON lines (.jsonl) or CSV");
    expect_problem("knowledge: kb\nsuits: [a]\ndocuments: []", "kb.yaml", 2, "did you mean `suites`?");
    listed = SLICE("{\"id\":\"a\",\"hash\":\"1\"}\n\n{\"id\":\"b\",\"hsah\":\"1\"}\n");
    expect_problem("knowledge: kb\ndocuments: file:d.jsonl", "d.jsonl", 3, "did you mean `hash`?");
    listed = SLICE("id,hash\na,1\nb,\n");
    expect_problem("knowledge: kb\ndocuments: file:d.csv", "d.csv", 3, "expected `id` and `hash`");
    listed = SLICE("{\"id\":");
    expect_problem("knowledge: kb\ndocuments: file:d.jsonl", "d.jsonl", 1, "");
}

static void differences(void **state) {
    (void)state;
    struct manifest a = read_it("knowledge: kb\ndocuments: [{id: a, hash: '1'}, {id: b, hash: '1'}, {id: c, hash: '1'}, {id: d, hash: '1'}]");
    struct manifest b = read_it("knowledge: kb\ndocuments: [{id: b, hash: '1'}, {id: c, hash: '2'}, {id: d, hash: '1', source: s}, {id: e, hash: '1'}]");
    struct manifest none = read_it("knowledge: kb\ndocuments: []");
    struct manifest_difference d;
    assert_int_equal(manifest_compare(&a, &b, &arena, &d), FAULT_NONE);
    assert_true(d.n_added == 1 && d.n_removed == 1 && d.n_changed == 2);
    assert_true(slice_is(d.added[0]->id, "e") && slice_is(d.removed[0]->id, "a") && slice_is(d.changed[0]->hash, "2") && slice_is(d.changed[1]->id, "d"));
    assert_int_equal(manifest_compare(&none, &a, &arena, &d), FAULT_NONE);
    assert_true(d.n_added == 4 && d.n_removed == 0);
    assert_int_equal(manifest_compare(&a, &a, &arena, &d), FAULT_NONE);
    assert_true(d.n_added + d.n_removed + d.n_changed == 0);
}

static void a_hundred_thousand(void **state) {
    (void)state;
    struct buffer text;
    struct manifest_difference d;
    buffer_init(&text, 64 << 20);
    for (int i = 0; i < 100000; i++)
        buffer_printf(&text, "{\"id\":\"articles/%06d\",\"hash\":\"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\",\"source\":\"https://kb.example/articles/%06d\",\"date\":\"2026-11-02\"}\n",
                      (i * 7919) % 100000, i);
    listed = buffer_slice(&text);
    struct manifest a = read_it("knowledge: kb\ndocuments: file:d.jsonl\n"), b;
    assert_int_equal(a.n_documents, 100000);
    struct buffer out; /* as the server reads it, with the other at hand */
    struct json_writer w;
    buffer_init(&out, 64 << 20);
    json_start(&w, &out);
    manifest_write(&a, &w);
    assert_true(out.len < LIMIT_BODY_DEFAULT);
    b = read_it(buffer_text(&out));
    assert_true(digest_eq(&a.digest, &b.digest));
    assert_int_equal(manifest_compare(&a, &b, &arena, &d), FAULT_NONE);
    assert_true(d.n_added + d.n_removed + d.n_changed == 0);
    buffer_deinit(&out);
    buffer_deinit(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_however_listed), cmocka_unit_test(problems), cmocka_unit_test(differences), cmocka_unit_test(a_hundred_thousand)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
