/* test_quality_summary_rig.h - suites and results made by hand, for the tests of summary, compare and reports. */
#ifndef TEST_QUALITY_SUMMARY_RIG_H
#define TEST_QUALITY_SUMMARY_RIG_H

#include "base/mem.h"
#include "quality/summary.h"
#include "test_stats_rig.h"

#include <stdio.h>
#include <string.h>

enum { RIG_CASES = 600 };

struct rig {
    struct suite suite;
    struct suite_case cases[RIG_CASES];
    char ids[RIG_CASES][16];
    struct slice tags[RIG_CASES];
    struct suite_requirement require[8];
    struct buffer text;
    struct arena arena;
    struct json_doc doc;
};

/* Heap: it is large. */
static inline struct rig *rig_new(unsigned n) {
    struct rig *r = mem_new(struct rig);
    r->suite = (struct suite){.name = SLICE("s"), .repeat = 1, .max_errors = 0.05, .cases = r->cases, .n_cases = n, .requirements = r->require};
    for (unsigned i = 0; i < n; i++) {
        snprintf(r->ids[i], sizeof r->ids[i], "case-%u", i + 1);
        r->cases[i] = (struct suite_case){.id = slice_of(r->ids[i]), .weight = 1, .threshold = NAN};
    }
    buffer_init(&r->text, 64 << 20);
    arena_init(&r->arena, 64 << 10, 64 << 20);
    return r;
}

static inline void rig_free(struct rig *r) {
    buffer_deinit(&r->text);
    arena_deinit(&r->arena);
    mem_free(r);
}

static inline void rig_require(struct rig *r, enum suite_measure m, bool at_most, double bound, double confidence) {
    r->require[r->suite.n_requirements++] =
        (struct suite_requirement){.measure = m, .at_most = at_most, .bound = bound, .confidence = confidence};
}

static inline void rig_tag(struct rig *r, unsigned at, const char *tag) {
    r->tags[at] = slice_of(tag);
    r->cases[at].tags = &r->tags[at];
    r->cases[at].n_tags = 1;
}

static inline struct result rig_result(unsigned at, unsigned repeat, enum check_verdict v) {
    return (struct result){.case_at = at, .repeat = repeat, .verdict = v, .score = v == CHECK_PASS, .latency_us = -1,
                           .cost_nano = MONEY_UNKNOWN, .judge_cost_nano = MONEY_UNKNOWN, .input_tokens = -1, .output_tokens = -1};
}

static inline void rig_give(struct summary *s, unsigned at, unsigned repeat, enum check_verdict v) {
    struct result r = rig_result(at, repeat, v);
    summary_add(s, &r);
}

/* Writes it and reads it back. */
static inline enum summary_verdict rig_write(struct rig *r, struct summary *s) {
    struct json_writer w;
    struct error error;
    buffer_clear(&r->text);
    arena_reset(&r->arena);
    json_start(&w, &r->text);
    json_object(&w);
    enum summary_verdict v = summary_write(s, &w);
    json_object_end(&w);
    assert_false(r->text.overflow);
    assert_int_equal(json_read(buffer_slice(&r->text), &r->arena, UINT16_MAX, &r->doc, &error), FAULT_NONE);
    return v;
}

/* "requirements.0.low" */
static inline uint32_t rig_at(const struct rig *r, const char *path) {
    struct slice left = slice_of(path), head;
    uint32_t node = 0;
    while (left.len > 0) {
        uint64_t index;
        if (!slice_cut(left, '.', &head, &left)) left = SLICE("");
        node = json_type(&r->doc, node) == JSON_ARRAY && slice_to_u64(head, &index) ? json_item(&r->doc, node, (uint32_t)index)
                                                                                   : json_get_slice(&r->doc, node, head);
    }
    return node;
}

static inline double rig_number(const struct rig *r, const char *path) {
    double x = NAN;
    uint32_t node = rig_at(r, path);
    if (node == JSON_NONE) fail_msg("no member %s", path);
    (void)json_get_double(&r->doc, node, &x);
    return x;
}

static inline void rig_says(struct rig *r, const char *path, const char *text) {
    struct slice found = json_string(&r->doc, rig_at(r, path), &r->arena);
    if (!slice_is(found, text)) fail_msg("%s: found \"" SLICE_FMT "\"", path, SLICE_ARG(found));
}

static inline bool rig_is_null(const struct rig *r, const char *path) {
    return json_type(&r->doc, rig_at(r, path)) == JSON_NULL;
}

#endif
