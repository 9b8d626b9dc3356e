/* The verdict of a result from its checks, and its way through JSON and back. */
#include "quality/result.h"

#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define P CHECK_PASS
#define F CHECK_FAIL
#define E CHECK_ERROR

static void concludes(void **state) {
    (void)state;
    static const struct {
        struct result_check checks[3];
        unsigned n;
        double threshold;
        enum check_verdict verdict;
        double score;
    } rows[] = {
        {{{.weight = 0}}, 0, NAN, P, 1},
        {{{.weight = 1, .verdict = P, .score = 1}}, 1, NAN, P, 1},
        {{{.weight = 1, .verdict = P, .score = 1}, {.weight = 3, .verdict = F, .score = 0.2}}, 2, NAN, F, 0.4},
        {{{.weight = 1, .verdict = E}, {.weight = 1, .verdict = F, .score = 0}}, 2, NAN, F, 0}, /* a failure beats what could not tell */
        {{{.weight = 1, .verdict = E}, {.weight = 1, .verdict = P, .score = 1}}, 2, NAN, E, 1},
        {{{.weight = 0, .verdict = F}, {.weight = 1, .verdict = P, .score = 1}}, 2, NAN, P, 1}, /* weight 0 counts for nothing */
        {{{.weight = 0, .verdict = E}}, 1, NAN, P, 1},
        {{{.weight = 1, .verdict = E}}, 1, NAN, E, 0},
        /* a threshold of the case: what failed may be outweighed */
        {{{.weight = 1, .verdict = P, .score = 1}, {.weight = 1, .verdict = F, .score = 0}}, 2, 0.5, P, 0.5},
        {{{.weight = 1, .verdict = P, .score = 1}, {.weight = 1, .verdict = F, .score = 0}}, 2, 0.51, F, 0.5},
        {{{.weight = 1, .verdict = P, .score = 0.7}, {.weight = 1, .verdict = P, .score = 0.7}, {.weight = 1, .verdict = P, .score = 0.7}}, 3, 0.7, P, 0.7},
        /* what could not tell decides only where it matters */
        {{{.weight = 3, .verdict = P, .score = 1}, {.weight = 1, .verdict = E}}, 2, 0.7, P, 1},
        {{{.weight = 1, .verdict = F, .score = 0}, {.weight = 1, .verdict = E}}, 2, 0.7, F, 0},
        {{{.weight = 1, .verdict = P, .score = 1}, {.weight = 1, .verdict = E}}, 2, 0.7, E, 1},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct result r = {.checks = (struct result_check *)rows[i].checks, .n_checks = rows[i].n};
        result_conclude(&r, rows[i].threshold);
        if (r.verdict != rows[i].verdict || fabs(r.score - rows[i].score) > 1e-12) fail_msg("row %u: %d %g", i, r.verdict, r.score);
        r.error = SLICE("provider_error: gone");
        result_conclude(&r, rows[i].threshold);
        assert_int_equal(r.verdict, E); /* without an answer nothing else counts */
        assert_true(r.score == 0);
    }
}

/* ---- JSON ---- */

static struct slice made_up(struct arena *arena, uint64_t *seed, size_t most) {
    static const char *const pieces[] = {"a", "\"", "\\", "\n", "é", "日本", "\xF0\x9F\x98\x80", "\xE2\x80\xA8", "\x01", "</script>", ",", "\xEF\xBF\xBD"};
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    if (*seed >> 60 == 0) return SLICE_NULL;
    size_t n = (size_t)(*seed >> 33) % (most + 1), len = 0;
    char *text = arena_alloc(arena, n * 9 + 1);
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
        const char *piece = pieces[(*seed >> 33) % (sizeof pieces / sizeof pieces[0])];
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return slice_make(text, len);
}

static void same(struct slice a, struct slice b) {
    assert_int_equal(slice_is_null(a), slice_is_null(b));
    assert_true(slice_eq(a, b));
}

static void same_checks(const struct result *a, const struct result *b) {
    assert_int_equal(a->n_checks, b->n_checks);
    for (unsigned i = 0; i < a->n_checks; i++) {
        const struct result_check *x = &a->checks[i], *y = &b->checks[i];
        same(x->type, y->type);
        same(x->metric, y->metric);
        same(x->reason, y->reason);
        assert_int_equal(x->verdict, y->verdict);
        assert_true(x->weight == y->weight && x->score == y->score);
        assert_int_equal(x->by_judge, y->by_judge);
        if (!x->by_judge) continue;
        same(x->judge, y->judge);
        assert_memory_equal(&x->judge_identity, &y->judge_identity, sizeof x->judge_identity);
    }
}

static void comes_back(const struct result *r, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    struct json_doc d;
    struct result back = {.case_at = 0};
    struct error error = {.fault = FAULT_NONE};
    buffer_init(&out, 64 << 20);
    json_start(&w, &out);
    result_write(r, &w);
    assert_false(out.overflow);
    assert_int_equal(json_read(buffer_slice(&out), arena, UINT16_MAX, &d, &error), FAULT_NONE);
    if (result_read(&d, 0, arena, &back, &error) != FAULT_NONE) fail_msg("%s", error.text);
    same(r->case_id, back.case_id);
    same(r->output, back.output);
    same(r->calls, back.calls);
    same(r->finish, back.finish);
    same(r->record, back.record);
    same(r->target, back.target);
    same(r->error, back.error);
    assert_int_equal(r->case_at, back.case_at);
    assert_int_equal(r->repeat, back.repeat);
    assert_int_equal(r->verdict, back.verdict);
    assert_int_equal(r->refused, back.refused);
    assert_true(r->score == back.score);
    assert_int_equal(r->latency_us, back.latency_us);
    assert_int_equal(r->cost_nano, back.cost_nano);
    assert_int_equal(r->judge_cost_nano, back.judge_cost_nano);
    assert_int_equal(r->input_tokens, back.input_tokens);
    assert_int_equal(r->output_tokens, back.output_tokens);
    same_checks(r, &back);
    buffer_deinit(&out);
}

static void reads_what_it_wrote(void **state) {
    (void)state;
    for (uint64_t round = 1; round <= 300; round++) {
        uint64_t seed = round * 2654435761u;
        struct arena arena;
        arena_init(&arena, 64 << 10, 64 << 20);
        size_t most = round % 50 == 0 ? 100000 : 40;
        struct result_check checks[4];
        for (unsigned i = 0; i < 4; i++) {
            checks[i] = (struct result_check){.type = SLICE("not-contains"), .metric = made_up(&arena, &seed, 5), .weight = (double)(seed >> 50) / 7,
                                              .verdict = (enum check_verdict)(seed >> 40) % 3, .score = (double)(seed >> 11) / 9007199254740992.0,
                                              .reason = made_up(&arena, &seed, 30), .judge = SLICE("a judge"), .by_judge = seed >> 63};
            memset(&checks[i].judge_identity, (int)(seed & 255), sizeof checks[i].judge_identity);
        }
        struct result r = {.case_id = SLICE("Fälle/1"), .case_at = (unsigned)round, .repeat = (unsigned)(seed >> 60), .verdict = (enum check_verdict)(round % 3),
                           .score = (double)(seed >> 11) / 9007199254740992.0, .refused = seed & 1, .output = made_up(&arena, &seed, most),
                           .calls = round % 2 ? SLICE("[{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}]") : SLICE_NULL,
                           .finish = SLICE("stop"), .record = made_up(&arena, &seed, 3), .target = made_up(&arena, &seed, 3),
                           .latency_us = round % 5 ? (int64_t)(seed >> 20) : -1, .cost_nano = round % 7 ? (int64_t)(seed >> 20) : MONEY_UNKNOWN,
                           .judge_cost_nano = round % 3 ? 0 : MONEY_UNKNOWN, .input_tokens = round % 4 ? 0 : -1, .output_tokens = 7,
                           .error = made_up(&arena, &seed, 9), .checks = checks, .n_checks = (unsigned)(round % 5)};
        comes_back(&r, &arena);
        arena_deinit(&arena);
    }
}

static void a_megabyte_comes_back(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 64 << 10, 64 << 20);
    char *text = mem_alloc(1 << 20);
    for (unsigned i = 0; i + 4 <= 1 << 20; i += 4) memcpy(text + i, "\xF0\x9F\x98\x80", 4);
    comes_back(&(struct result){.case_id = SLICE("big"), .output = slice_make(text, 1 << 20), .latency_us = -1, .input_tokens = -1, .output_tokens = -1}, &arena);
    mem_free(text);
    arena_deinit(&arena);
}

static void says_what_is_wrong(void **state) {
    (void)state;
    static const char *const good = "{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"pass\",\"score\":1,\"refused\":false,\"checks\":[]}";
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"{}", "case: expected a text"},
        {"[]", "case: expected a text"},
        {"{\"case\":\"a\",\"case_at\":-1,\"repeat\":0}", "case_at: expected a whole number"},
        {"{\"case\":\"a\",\"case_at\":4294967296,\"repeat\":0}", "case_at: expected a whole number"},
        {"{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"good\"}", "verdict: expected pass, fail or error"},
        {"{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"pass\",\"score\":1.5}", "score: expected a number"},
        {"{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"pass\",\"score\":1,\"output\":7,\"refused\":true,\"checks\":[]}", "output: expected a text"},
        {"{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"pass\",\"score\":1,\"checks\":[]}", "refused: expected true or false"},
        {"{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"pass\",\"score\":1,\"refused\":false}", "checks: expected a list"},
        {"{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"pass\",\"score\":1,\"refused\":false,\"checks\":[{}]}", "type: expected a text"},
        {"{\"case\":\"a\",\"case_at\":0,\"repeat\":0,\"verdict\":\"pass\",\"score\":1,\"refused\":false,\"checks\":[{\"type\":\"x\",\"weight\":1,\"verdict\":\"pass\","
         "\"score\":1,\"judge_identity\":\"12\"}]}", "judge_identity: expected 64"},
    };
    struct arena arena;
    struct json_doc d;
    struct error error;
    arena_init(&arena, 4096, 1 << 20);
    struct result r = {.case_at = 77};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(json_read(slice_of(rows[i].text), &arena, UINT16_MAX, &d, &error), FAULT_NONE);
        assert_int_equal(result_read(&d, 0, &arena, &r, &error), FAULT_BAD_REQUEST);
        if (strstr(error.text, rows[i].words) == NULL) fail_msg("row %u: %s", i, error.text);
        assert_int_equal(r.case_at, 77);
    }
    assert_int_equal(json_read(slice_of(good), &arena, UINT16_MAX, &d, &error), FAULT_NONE);
    assert_int_equal(result_read(&d, 0, &arena, &r, &error), FAULT_NONE);
    assert_int_equal(r.cost_nano, MONEY_UNKNOWN);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concludes),
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(a_megabyte_comes_back),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
