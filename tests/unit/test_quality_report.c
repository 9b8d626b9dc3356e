#include "quality/report.h"
#include "test_quality_summary_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char nasty[] = "</script></pre><img src=x onerror=alert(1)> & \"quotes\" 'too' \x01\x1b[31m\xff \xe2\x82\xac \xf0\x9f\x98\x80 ]]> | `code` @everyone";

struct source {
    struct result *results;
    size_t n, times;
    bool fails;
};

static enum fault each(void *ctx, bool (*give)(void *to, const struct result *r), void *to, struct error *error) {
    struct source *s = ctx;
    s->times++;
    for (size_t i = 0; i < s->n; i++) {
        if (s->fails && i == 1) return error_set(error, FAULT_CORRUPT, "a result cannot be read");
        if (!give(to, &s->results[i])) break;
    }
    return FAULT_NONE;
}

struct file {
    char folder[64], path[128];
    struct buffer text;
};

static void begin(struct file *f) {
    snprintf(f->folder, sizeof f->folder, "/tmp/quarterdeck-report-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    buffer_init(&f->text, 64 << 20);
}

static void forget(struct file *f) {
    unlink(f->path);
    assert_int_equal(rmdir(f->folder), 0); /* and nothing else is in it */
    buffer_deinit(&f->text);
}

static struct slice read_back(struct file *f) {
    FILE *in = fopen(f->path, "rb");
    assert_non_null(in);
    buffer_clear(&f->text);
    char *room = buffer_reserve(&f->text, 32 << 20);
    f->text.len = fread(room, 1, 32 << 20, in);
    fclose(in);
    return buffer_slice(&f->text);
}

/* Three cases: passes, fails with a nasty answer, an error; a judge that nobody calibrated. */
struct world {
    struct rig *rig;
    struct result results[3];
    struct result_check checks[2];
    struct template_var var;
    struct source source;
    struct report report;
    struct summary *summary;
};

static void build(struct world *w) {
    struct slice text = slice_make(nasty, sizeof nasty - 1);
    *w = (struct world){.rig = rig_new(3)};
    w->rig->suite.name = SLICE("tür & <b>");
    w->rig->suite.max_errors = 0.5;
    w->var = (struct template_var){SLICE("question"), text};
    w->rig->cases[1].about.vars = &w->var;
    w->rig->cases[1].about.n_vars = 1;
    rig_tag(w->rig, 1, "a|b");
    rig_require(w->rig, SUITE_PASS_RATE, false, 0.9, 0.95);
    w->checks[0] = (struct result_check){.type = SLICE("equals"), .weight = 1, .verdict = CHECK_FAIL, .reason = text};
    w->checks[1] = (struct result_check){.type = SLICE("judge"), .weight = 1, .verdict = CHECK_PASS, .score = 1, .reason = SLICE("polite"),
                                         .judge = SLICE("support-judge"), .by_judge = true};
    w->results[0] = rig_result(0, 0, CHECK_PASS);
    w->results[1] = rig_result(1, 0, CHECK_FAIL);
    w->results[1].output = text;
    w->results[1].checks = w->checks;
    w->results[1].n_checks = 2;
    w->results[2] = rig_result(2, 0, CHECK_ERROR);
    w->results[2].error = SLICE("provider_timeout: nothing came");
    w->summary = summary_new(&w->rig->suite, 1, 3);
    for (unsigned i = 0; i < 3; i++) {
        w->results[i].case_id = w->rig->cases[i].id;
        summary_add(w->summary, &w->results[i]);
    }
    rig_write(w->rig, w->summary);
    w->source = (struct source){.results = w->results, .n = 3};
    w->report = (struct report){.suite = &w->rig->suite, .run = SLICE("run-7"), .suite_version = 2, .summary = &w->rig->doc, .each = each,
                                .ctx = &w->source, .started_us = 1764000000000000};
}

static void tear_down(struct world *w) {
    summary_free(w->summary);
    rig_free(w->rig);
}

static struct slice write_kind(struct world *w, struct file *f, const char *name) {
    struct error error = {0};
    snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
    if (report_write(&w->report, f->path, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return read_back(f);
}

static void has(struct slice text, const char *what) {
    if (!slice_contains(text, slice_of(what))) fail_msg("\"%s\" is not in " SLICE_FMT, what, SLICE_ARG(text));
}

static void has_not(struct slice text, const char *what) {
    if (slice_contains(text, slice_of(what))) fail_msg("\"%s\" is in " SLICE_FMT, what, SLICE_ARG(text));
}

static bool has_controls(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 && text.at[i] != '\n' && text.at[i] != '\t') return true;
    return false;
}

static void html(void **state) {
    (void)state;
    struct world w;
    struct file f;
    build(&w);
    begin(&f);
    struct slice page = write_kind(&w, &f, "out.html");
    assert_true(slice_is_utf8(page) && !has_controls(page));
    has_not(page, "<img");
    has_not(page, "<script");
    has_not(page, "</script");
    has_not(page, "http:");
    has_not(page, "https:");
    has(page, "default-src 'none'");
    has(page, "tür &amp; &lt;b&gt;");
    has(page, "&lt;/script&gt;");
    has(page, "\xf0\x9f\x98\x80");
    has(page, "neither shown nor excluded");
    has(page, "uncalibrated (0 labels)");
    has(page, "Failing answers (1)");
    has(page, "Errors (1)");
    has(page, "provider_timeout: nothing came");
    has(page, "judge (support-judge)");
    unlink(f.path);
    forget(&f);
    tear_down(&w);
}

static void junit(void **state) {
    (void)state;
    struct world w;
    struct file f;
    build(&w);
    begin(&f);
    struct slice xml = write_kind(&w, &f, "out.junit.xml");
    assert_true(slice_is_utf8(xml) && !has_controls(xml));
    has(xml, "<testsuites tests=\"5\" failures=\"3\" errors=\"1\">"); /* three cases, a requirement, the verdict */
    has(xml, "type=\"not_enough\" message=\"1 of 2 cases passed (50 %), counting what an uncalibrated judge says; ");
    has(xml, "<error type=\"error\" message=\"provider_timeout: nothing came\"/>");
    has(xml, "name=\"interval_low\" value=\"");
    has(xml, "&lt;img");
    assert_int_equal((int)w.source.times, 2);
    forget(&f);
    tear_down(&w);
}

static void markdown(void **state) {
    (void)state;
    struct world w;
    struct file f;
    build(&w);
    begin(&f);
    struct slice md = write_kind(&w, &f, "out.md");
    has(md, "inconclusive");
    has(md, "not enough evidence");
    has(md, "a&#124;b");
    has(md, "&#64;everyone");
    has_not(md, "<img");
    forget(&f);
    tear_down(&w);
}

/* However many fail: a comment on GitHub has 65,536 characters. */
static void markdown_fits(void **state) {
    (void)state;
    struct world w;
    struct file f;
    build(&w);
    begin(&f);
    struct result *many = mem_new_array(struct result, 5000);
    for (unsigned i = 0; i < 5000; i++) many[i] = w.results[1];
    w.source.results = many;
    w.source.n = 5000;
    struct slice md = write_kind(&w, &f, "out.md");
    assert_true(md.len < 60000);
    has(md, " more\n");
    struct slice page = write_kind(&w, &f, "out.md.html");
    has(page, "4500 more are not shown here");
    unlink(f.path);
    snprintf(f.path, sizeof f.path, "%s/out.md", f.folder);
    mem_free(many);
    forget(&f);
    tear_down(&w);
}

static void json(void **state) {
    (void)state;
    struct world w;
    struct file f;
    struct error error;
    struct arena arena;
    struct json_doc d;
    build(&w);
    begin(&f);
    arena_init(&arena, 64 << 10, 16 << 20);
    struct slice text = write_kind(&w, &f, "out.json");
    assert_int_equal(json_read(text, &arena, UINT16_MAX, &d, &error), FAULT_NONE);
    assert_true(json_is(&d, json_get(&d, 0, "verdict"), "inconclusive") && json_is(&d, json_get(&d, 0, "run"), "run-7"));
    assert_int_equal((int)json_size(&d, json_get(&d, 0, "results")), 3);
    assert_int_equal((int)json_size(&d, json_get(&d, 0, "interval")), 2);
    unlink(f.path);
    text = write_kind(&w, &f, "out.jsonl");
    struct slice line, rest = text;
    unsigned lines = 0;
    while (rest.len > 0) {
        assert_true(slice_cut(rest, '\n', &line, &rest));
        assert_int_equal(json_read(line, &arena, UINT16_MAX, &d, &error), FAULT_NONE);
        lines++;
    }
    assert_int_equal(lines, 3);
    arena_deinit(&arena);
    forget(&f);
    tear_down(&w);
}

/* Whole or not at all: what was there stays when the new one cannot be written. */
static void whole_or_not(void **state) {
    (void)state;
    struct world w;
    struct file f;
    struct error error;
    build(&w);
    begin(&f);
    (void)write_kind(&w, &f, "out.html");
    w.source.fails = true;
    assert_int_equal(report_write(&w.report, f.path, &error), FAULT_CORRUPT);
    assert_string_equal(error.text, "a result cannot be read");
    has(read_back(&f), "</html>");
    forget(&f);
    assert_int_equal(report_write(&w.report, "/nonexistent-folder/x.html", &error), FAULT_IO);
    assert_int_equal(report_write(&w.report, "x.pdf", &error), FAULT_BAD_REQUEST);
    assert_int_equal(report_check("x.pdf", &error), FAULT_BAD_REQUEST);
    assert_int_equal(report_check("x.junit.xml", &error), FAULT_NONE);
    tear_down(&w);
}

/* A full disk, as /dev/full plays it, behind a link: the part file's own name leads there. */
static void full_disk(void **state) {
    (void)state;
    struct world w;
    struct file f;
    struct error error;
    char part[200];
    build(&w);
    begin(&f);
    snprintf(f.path, sizeof f.path, "%s/out.html", f.folder);
    snprintf(part, sizeof part, "%s.part-%ld", f.path, (long)getpid());
    if (symlink("/dev/full", part) != 0) fail_msg("no link");
    assert_int_equal(report_write(&w.report, f.path, &error), FAULT_NO_SPACE);
    assert_int_equal(access(f.path, F_OK), -1);
    forget(&f);
    tear_down(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html), cmocka_unit_test(junit),        cmocka_unit_test(markdown),  cmocka_unit_test(markdown_fits),
        cmocka_unit_test(json), cmocka_unit_test(whole_or_not), cmocka_unit_test(full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
