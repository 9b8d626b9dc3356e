/* A rule at a place of the value, and what it applies at the same place. */
#include "quality/schema_run.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* Nested applications: 128 levels of the value times a few schemas each, within a thread's stack. Work: about
 * a second at the worst. Marks: 64 MiB. */
enum { DEEPEST = 1200, MOST_WORK = 1 << 24, MOST_MARKS = 8 << 20, SHOWN = 60, PATH_SHOWN = 200 };

bool schema_give_up(struct schema_run *run, const char *why) {
    if (run->gave_up == NULL) run->gave_up = why;
    return false;
}

/* The beginning of a value, not cut within a character. */
static int shown(struct slice s, int most) {
    if (s.len <= (size_t)most) return (int)s.len;
    while (most > 0 && ((unsigned char)s.at[most] & 0xC0) == 0x80) most--;
    return most;
}

bool schema_invalid(struct schema_run *run, uint32_t node, const char *keyword, const char *expected, ...) {
    if (run->quiet > 0 || run->gave_up != NULL || run->problem.keyword != NULL) return false;
    char words[LIMIT_ERROR_TEXT];
    va_list list;
    va_start(list, expected);
    vsnprintf(words, sizeof words, expected, list);
    va_end(list);
    struct slice path = json_path(run->d, node, run->arena), raw = json_raw(run->d, node);
    int n = shown(raw, SHOWN);
    run->problem.node = node;
    run->problem.keyword = keyword;
    run->problem.text = arena_printf(
        run->arena, "%.*s: expected %s (%s), found %.*s%s", path.len > 0 ? shown(path, PATH_SHOWN) : 9,
        path.len > 0 ? path.at : "the value", words, keyword, n, raw.at, (size_t)n < raw.len ? "..." : "");
    return false;
}

bool schema_matches(struct schema_run *run, const struct pattern *p, struct slice text) {
    const char *why = NULL;
    uint64_t work = 1 + text.len / 64;
    if (work > run->work) return schema_give_up(run, "the schema asks for too much work on this value");
    run->work -= work;
    enum pattern_answer answer = pattern_find(p, text, &why);
    if (answer == PATTERN_GAVE_UP) return schema_give_up(run, why);
    return answer == PATTERN_YES;
}

/* ---- marks ---- */

size_t schema_marks_push(struct schema_run *run, uint32_t n) {
    size_t words = (size_t)n / 64 + 1, from = run->n_marks;
    if (run->marks == NULL || from + words > run->marks_room) {
        run->marks_room = (from + words) * 2;
        run->marks = mem_resize(run->marks, run->marks_room * sizeof *run->marks);
    }
    memset(run->marks + from, 0, words * sizeof *run->marks);
    run->n_marks += words;
    return from;
}

/* ---- at the same place ---- */

static bool holds(struct schema_run *run, uint32_t rule, uint32_t node, size_t marks) {
    run->quiet++;
    bool good = schema_apply(run, rule, node, marks);
    run->quiet--;
    return good;
}

static uint32_t count_holding(struct schema_run *run, const struct rule_list *list, uint32_t node,
                              size_t marks, uint32_t enough) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->n && n < enough && run->gave_up == NULL; i++)
        n += holds(run, list->at[i], node, marks);
    return n;
}

static bool apply_more(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks) {
    if (r->ref != RULE_NONE && !schema_apply(run, r->ref, node, marks)) return false;
    for (uint32_t i = 0; i < r->all.n; i++)
        if (!schema_apply(run, r->all.at[i], node, marks)) return false;
    /* every branch that holds leaves its marks */
    if (r->any.n > 0 && count_holding(run, &r->any, node, marks, marks == MARKS_NONE ? 1 : UINT32_MAX) == 0)
        return schema_invalid(run, node, "anyOf", "a value that one of %u schemas allows", r->any.n);
    if (r->one.n > 0) {
        uint32_t n = count_holding(run, &r->one, node, marks, 2);
        if (n != 1)
            return schema_invalid(run, node, "oneOf", "a value that just one of %u schemas allows (%s does)",
                                  r->one.n, n == 0 ? "none" : "more than one");
    }
    if (r->negated != RULE_NONE && holds(run, r->negated, node, MARKS_NONE))
        return schema_invalid(run, node, "not", "a value that the schema of `not` does not allow");
    if (r->condition == RULE_NONE) return true;
    uint32_t next = holds(run, r->condition, node, marks) ? r->then : r->otherwise;
    return next == RULE_NONE || schema_apply(run, next, node, marks);
}

static bool apply_unevaluated(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks) {
    uint32_t cursor = JSON_NONE, value, i = 0;
    bool object = json_type(run->d, node) == JSON_OBJECT;
    uint32_t rule = object ? r->unevaluated_properties : r->unevaluated_items;
    if (rule == RULE_NONE) return true;
    for (;; i++) {
        if (!(object ? json_each_member(run->d, node, &cursor, NULL, &value)
                     : json_each_item(run->d, node, &cursor, &value)))
            return true;
        if (schema_is_marked(run, marks, i)) continue;
        if (rule == RULE_FALSE)
            return schema_invalid(run, value, object ? "unevaluatedProperties" : "unevaluatedItems",
                                  object ? "no member of this name" : "no further item");
        if (rule != RULE_TRUE && !schema_apply(run, rule, value, MARKS_NONE)) return false;
        schema_mark(run, marks, i);
    }
}

/* ---- a rule ---- */

static bool has_type(struct schema_run *run, uint16_t types, uint32_t node) {
    enum json_type type = json_type(run->d, node);
    if (types & 1u << type) return true;
    if (type != JSON_NUMBER || !(types & TYPE_INTEGER)) return false;
    struct json_number n = json_number_read(json_raw(run->d, node));
    return json_number_is_whole(&n);
}

static void type_words(uint16_t types, char out[128]) {
    static const struct {
        uint16_t bits;
        const char *name;
    } names[] = {{TYPE_INTEGER, "integer"},    {1u << JSON_NUMBER, "number"}, {1u << JSON_STRING, "string"},
                 {1u << JSON_TRUE, "boolean"}, {1u << JSON_NULL, "null"},     {1u << JSON_ARRAY, "array"},
                 {1u << JSON_OBJECT, "object"}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (types & names[i].bits)
            n += (size_t)snprintf(out + n, 128 - n, "%s%s", n > 0 ? " or " : "", names[i].name);
}

static bool is_chosen(struct schema_run *run, const struct rule *r, uint32_t node) {
    const struct schema *s = run->s;
    if (r->only != NULL && !json_value_equal(s->doc, r->only->node, run->d, node, run->arena))
        return schema_invalid(run, node, "const", "%.*s", shown(json_raw(s->doc, r->only->node), SHOWN),
                              json_raw(s->doc, r->only->node).at);
    if (r->choices == NULL) return true;
    uint64_t hash = json_value_hash(run->d, node, run->arena);
    uint32_t low = 0, high = r->n_choices;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->choices[middle].hash < hash) low = middle + 1;
        else high = middle;
    }
    for (; low < r->n_choices && r->choices[low].hash == hash; low++)
        if (json_value_equal(s->doc, r->choices[low].node, run->d, node, run->arena)) return true;
    struct slice list = json_raw(s->doc, json_get(s->doc, r->node, "enum"));
    return schema_invalid(run, node, "enum", "one of %.*s%s", shown(list, 4 * SHOWN), list.at,
                          list.len > 4 * SHOWN ? "..." : "");
}

static bool apply_rule(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks) {
    enum json_type type = json_type(run->d, node);
    if (r->types != 0 && !has_type(run, r->types, node)) {
        char words[128] = "";
        if (run->quiet == 0) type_words(r->types, words);
        return schema_invalid(run, node, "type", "%s", words);
    }
    if ((r->only != NULL || r->choices != NULL) && !is_chosen(run, r, node)) return false;
    if (type == JSON_OBJECT  ? r->has_object && !schema_apply_object(run, r, node, marks)
        : type == JSON_ARRAY ? r->has_array && !schema_apply_array(run, r, node, marks)
                             : !schema_apply_scalar(run, r, node))
        return false;
    return !r->has_more || apply_more(run, r, node, marks);
}

bool schema_apply(struct schema_run *run, uint32_t rule, uint32_t node, size_t marks) {
    const struct rule *r = &run->s->rules[rule];
    if (run->gave_up != NULL) return false;
    if (rule == RULE_TRUE) return true;
    if (rule == RULE_FALSE) return schema_invalid(run, node, "false", "no value at all");
    if (run->work-- == 0) return schema_give_up(run, "the schema asks for too much work on this value");
    if (run->depth == DEEPEST) return schema_give_up(run, "the schema nests too deep on this value");
    enum json_type type = json_type(run->d, node);
    size_t top = run->n_marks, own = MARKS_NONE;
    bool many = type == JSON_OBJECT || type == JSON_ARRAY;
    uint32_t n = 0;
    if (many && (r->tracks || marks != MARKS_NONE)) {
        if (top > MOST_MARKS) return schema_give_up(run, "the value does not fit into its memory");
        n = json_size(run->d, node);
        own = schema_marks_push(run, n);
    }
    run->depth++;
    bool good = apply_rule(run, r, node, own) &&
                (own == MARKS_NONE || !r->tracks || apply_unevaluated(run, r, node, own));
    run->depth--;
    for (size_t i = 0; good && marks != MARKS_NONE && own != MARKS_NONE && i < n / 64 + 1; i++)
        run->marks[marks + i] |= run->marks[own + i];
    run->n_marks = top;
    return good;
}

enum schema_verdict schema_check(const struct schema *s, const struct json_doc *value, uint32_t node,
                                 struct arena *arena, struct schema_problem *ret_problem) {
    struct schema_run run = {.s = s, .d = value, .arena = arena, .work = MOST_WORK};
    bool valid = schema_apply(&run, s->root_rule, node, MARKS_NONE);
    mem_free(run.marks);
    if (arena_is_full(arena)) schema_give_up(&run, "the value does not fit into its memory");
    if (run.gave_up != NULL) run.problem = (struct schema_problem){node, "", slice_of(run.gave_up)};
    if ((!valid || run.gave_up != NULL) && ret_problem != NULL) *ret_problem = run.problem;
    return run.gave_up != NULL ? SCHEMA_GAVE_UP : valid ? SCHEMA_VALID : SCHEMA_INVALID;
}
