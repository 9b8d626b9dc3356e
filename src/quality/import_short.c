/* See import_assert.h: the short form of an assertion, as cells of a CSV have it. */
#include "quality/import_private.h"

#include <math.h>

/* "type(0.8):value" of a known type. */
static bool split_short(struct slice text, struct slice *ret_type, double *ret_threshold, struct slice *ret_value) {
    struct slice head, value, name;
    bool colon = slice_cut(text, ':', &head, &value);
    /* names with a colon of their own */
    if (colon && slice_is(head, "similar")) {
        struct slice more, rest;
        (void)slice_cut(value, ':', &more, &rest);
        struct slice whole = slice_make(text.at, head.len + 1 + more.len);
        if (import_knows_assert(whole)) {
            head = whole;
            value = rest;
        }
    }
    name = head;
    *ret_threshold = NAN;
    if (head.len > 0 && head.at[head.len - 1] == ')') {
        struct slice number;
        if (!slice_cut(head, '(', &name, &number)) return false;
        number.len--;
        if (!slice_to_double(number, ret_threshold)) return false;
    }
    struct slice base = slice_starts(name, SLICE("not-")) ? slice_make(name.at + 4, name.len - 4) : name;
    if (!import_knows_assert(base)) return false;
    *ret_type = name;
    *ret_value = colon ? slice_trim(value) : SLICE_NULL;
    return true;
}

static struct slice behind(struct slice text, const char *prefix) {
    return slice_trim(slice_make(text.at + strlen(prefix), text.len - strlen(prefix)));
}

static void read_short(struct slice text, struct slice *ret_type, double *ret_threshold, struct slice *ret_value) {
    static const char *const code[][2] = {
        {"javascript:", "javascript"}, {"fn:", "javascript"}, {"eval:", "javascript"},
        {"grade:", "llm-rubric"},      {"llm-rubric:", "llm-rubric"}, {"python:", "python"},
    };
    *ret_threshold = NAN;
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        if (slice_starts(text, slice_of(code[i][0]))) {
            *ret_type = slice_of(code[i][1]);
            *ret_value = behind(text, code[i][0]);
            return;
        }
    bool file = slice_starts(text, SLICE("file://"));
    if (file && (slice_ends(text, SLICE(".py")) || slice_contains(text, SLICE(".py:")))) {
        *ret_type = SLICE("python");
        *ret_value = text;
        return;
    }
    if (file) {
        *ret_type = SLICE("javascript");
        *ret_value = text;
        return;
    }
    if (split_short(text, ret_type, ret_threshold, ret_value)) return;
    *ret_type = SLICE("equals");
    *ret_value = text;
}

/* Those to which promptfoo gives a threshold of 0.75 (similar: 0.8) in the short form. */
static double short_threshold(struct slice type) {
    static const char *const types[] = {"answer-relevance", "context-faithfulness", "cost", "latency", "levenshtein", "rouge-n"};
    if (slice_starts(type, SLICE("not-"))) type = slice_make(type.at + 4, type.len - 4);
    if (slice_is(type, "similar")) return 0.8;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (slice_is(type, types[i])) return 0.75;
    return NAN;
}

void import_short_json(struct slice text, struct slice metric, double threshold, struct json_writer *w) {
    struct slice type, value = SLICE_NULL;
    double own;
    read_short(slice_trim(text), &type, &own, &value);
    if (isnan(threshold)) threshold = isnan(own) ? short_threshold(type) : own;
    json_object(w);
    json_member_string(w, "type", type);
    if (!slice_is_null(value)) json_member_string(w, "value", value);
    if (!isnan(threshold)) json_member_double(w, "threshold", threshold);
    if (metric.len > 0) json_member_string(w, "metric", metric);
    json_object_end(w);
}

void import_assert_short(struct import *m, struct slice text, struct slice metric, double threshold, const char *file, int line,
                         struct slice where, struct json_writer *w) {
    struct buffer json;
    struct json_writer one;
    struct declared d;
    struct error error = {.fault = FAULT_NONE};
    buffer_init(&json, LIMIT_SUITE_FILE);
    json_start(&one, &json);
    import_short_json(text, metric, threshold, &one);
    struct slice kept = arena_slice(m->arena, buffer_slice(&json));
    buffer_deinit(&json);
    if (kept.at == NULL || declared_from_json(kept, m->arena, &d, &error) != FAULT_NONE) {
        import_note(m, IMPORT_LEFT_OUT, file, line, where, "%s", kept.at == NULL ? "the file needs more memory than it may have" : error.text);
        return;
    }
    import_set_lines(m, &d, line);
    const struct import_assert a = {.d = &d, .file = file, .where = where, .scale_weight = 1};
    import_assert(m, &a, w);
}
