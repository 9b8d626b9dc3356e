/* The worked example of docs/evaluation.md, computed again: each sentence and number that the page shows is what the program says. */
#include "quality/compare.h"
#include "quality/plan.h"
#include "test_quality_summary_rig.h"

static struct buffer page;

static int read_page(void **state) {
    (void)state;
    FILE *in = fopen("docs/evaluation.md", "rb");
    if (in == NULL) return -1;
    buffer_init(&page, 4 << 20);
    char *room = buffer_reserve(&page, 2 << 20);
    page.len = fread(room, 1, 2 << 20, in);
    fclose(in);
    size_t n = 0; /* sentences go over lines, and quoted lines begin with '> ' */
    for (size_t i = 0; i < page.len; i++) {
        bool ends = page.at[i] == '\n', quoted = ends && i + 2 < page.len && page.at[i + 1] == '>' && page.at[i + 2] == ' ';
        page.at[n++] = ends ? ' ' : page.at[i];
        if (quoted) i += 2;
    }
    page.len = n;
    return 0;
}

static int forget_page(void **state) {
    (void)state;
    buffer_deinit(&page);
    return 0;
}

static void page_says(struct slice text) {
    if (!slice_contains(buffer_slice(&page), text)) fail_msg("docs/evaluation.md does not say \"" SLICE_FMT "\"", SLICE_ARG(text));
}

/* `passed` of n cases of the example; its `why` stands on the page. */
static void example(unsigned passed, unsigned n, enum summary_verdict verdict) {
    struct rig *r = rig_new(n);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct summary *s = summary_new(&r->suite, 1, n);
    for (unsigned i = 0; i < n; i++) rig_give(s, i, 0, i < passed ? CHECK_PASS : CHECK_FAIL);
    assert_int_equal(rig_write(r, s), verdict);
    page_says(json_string(&r->doc, rig_at(r, "why"), &r->arena));
    summary_free(s);
    rig_free(r);
}

static void gate(void **state) {
    (void)state;
    example(4, 5, SUMMARY_INCONCLUSIVE);
    example(5, 5, SUMMARY_INCONCLUSIVE);
    example(38, 40, SUMMARY_INCONCLUSIVE);
    example(29, 29, SUMMARY_PASSED);
    example(30, 40, SUMMARY_FAILED);
}

static void judged(void **state) {
    (void)state;
    struct rig *r = rig_new(200);
    struct judge_calibration k = {.judge = SLICE("support-judge"), .n = 100, .sensitivity = 0.9, .sensitivity_n = 60, .specificity = 0.75,
                                  .specificity_n = 40};
    rig_require(r, SUITE_PASS_RATE, false, 0.8, 0.95);
    struct summary *s = summary_new(&r->suite, 1, 200);
    summary_calibration(s, &k);
    for (unsigned i = 0; i < 200; i++) {
        struct result_check check = {.type = SLICE("judge"), .weight = 1, .verdict = i < 160 ? CHECK_PASS : CHECK_FAIL, .score = i < 160,
                                     .judge = SLICE("support-judge"), .by_judge = true};
        struct result result = rig_result(i, 0, check.verdict);
        result.checks = &check;
        result.n_checks = 1;
        summary_add(s, &result);
    }
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    near(rig_number(r, "corrected.pass_rate"), 0.55 / 0.65, 1e-9); /* (.8 + .75 - 1) / (.9 + .75 - 1) */
    page_says(json_string(&r->doc, rig_at(r, "why"), &r->arena));
    summary_free(s);
    rig_free(r);
}

static void compared(void **state) {
    (void)state;
    struct rig *r = rig_new(40);
    struct compare *c = compare_new(&r->suite, &r->suite, 0.95);
    for (unsigned i = 0; i < 40; i++) {
        struct result before = rig_result(i, 0, i < 5 ? CHECK_FAIL : CHECK_PASS), after = rig_result(i, 0, i == 9 || i == 4 ? CHECK_FAIL : CHECK_PASS);
        compare_add(c, false, &before);
        compare_add(c, true, &after);
    }
    struct json_writer w;
    struct error error;
    json_start(&w, &r->text);
    json_object(&w);
    assert_int_equal(compare_write(c, &w), 0);
    json_object_end(&w);
    assert_int_equal(json_read(buffer_slice(&r->text), &r->arena, UINT16_MAX, &r->doc, &error), FAULT_NONE);
    near(rig_number(r, "p_value"), 0.375, 1e-12); /* 4 against 1: 2 * (1 + 5) / 32 */
    page_says(json_string(&r->doc, rig_at(r, "why"), &r->arena));
    compare_free(c);
    rig_free(r);
}

static void planned(void **state) {
    (void)state;
    struct plan_question q = {.expected = 0.95, .at_least = 0.9, .confidence = 0.95, .power = 0.8, .difference = 0.05, .repeat = 1, .within = NAN};
    char text[128];
    struct plan p = plan_suite(&q);
    snprintf(text, sizeof text, "takes %.0f cases, each run 1 time", p.cases);
    page_says(slice_of(text));
    snprintf(text, sizeof text, "Fewer than %.0f cases cannot show it", p.fewest);
    page_says(slice_of(text));
    snprintf(text, sizeof text, "on the same cases takes %.0f cases", p.difference_cases);
    page_says(slice_of(text));
    q.expected = 0.98;
    snprintf(text, sizeof text, "| 98 %% | %.0f |", plan_suite(&q).cases);
    page_says(slice_of(text));
    q.expected = 0.92;
    snprintf(text, sizeof text, "| 92 %% | %.0f |", plan_suite(&q).cases);
    page_says(slice_of(text));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gate), cmocka_unit_test(judged), cmocka_unit_test(compared), cmocka_unit_test(planned)};
    return cmocka_run_group_tests(tests, read_page, forget_page);
}
