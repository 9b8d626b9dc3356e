/* The keywords of numbers, strings, arrays and objects. */
#include "quality/schema_run.h"

#include <stdlib.h>

static struct slice text_of(struct schema_run *run, uint32_t node) {
    struct slice s = json_string(run->d, node, run->arena);
    if (slice_is_null(s)) schema_give_up(run, "the value does not fit into its memory");
    return s;
}

/* ---- numbers ---- */

static int compare(const struct json_number *exact, bool is_small, int64_t small, const struct bound *b) {
    if (is_small && b->is_small) return small < b->small ? -1 : small > b->small;
    return json_number_compare(exact, &b->number);
}

static bool apply_number(struct schema_run *run, const struct rule *r, uint32_t node) {
    struct json_number n = json_number_read(json_raw(run->d, node));
    int64_t small = 0;
    bool is_small = json_get_i64(run->d, node, &small);
    if (r->minimum.given && compare(&n, is_small, small, &r->minimum) < 0)
        return schema_invalid(run, node, "minimum", "a number of at least " SLICE_FMT,
                              SLICE_ARG(r->minimum.text));
    if (r->maximum.given && compare(&n, is_small, small, &r->maximum) > 0)
        return schema_invalid(run, node, "maximum", "a number of at most " SLICE_FMT,
                              SLICE_ARG(r->maximum.text));
    if (r->above.given && compare(&n, is_small, small, &r->above) <= 0)
        return schema_invalid(run, node, "exclusiveMinimum", "a number above " SLICE_FMT,
                              SLICE_ARG(r->above.text));
    if (r->below.given && compare(&n, is_small, small, &r->below) >= 0)
        return schema_invalid(run, node, "exclusiveMaximum", "a number below " SLICE_FMT,
                              SLICE_ARG(r->below.text));
    if (r->divisor.digits != 0 && !json_number_is_multiple(&n, &r->divisor))
        return schema_invalid(run, node, "multipleOf", "a multiple of " SLICE_FMT,
                              SLICE_ARG(r->divisor_text));
    return true;
}

/* ---- strings ---- */

static uint64_t length(struct slice s) { /* code points of well-formed UTF-8 */
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += ((unsigned char)s.at[i] & 0xC0) != 0x80;
    return n;
}

static bool apply_string(struct schema_run *run, const struct rule *r, uint32_t node) {
    struct slice text = text_of(run, node);
    if (slice_is_null(text)) return false;
    if (r->min_length > 0 || r->max_length != UINT64_MAX) {
        uint64_t n = length(text);
        if (n < r->min_length)
            return schema_invalid(run, node, "minLength", "at least %llu characters",
                                  (unsigned long long)r->min_length);
        if (n > r->max_length)
            return schema_invalid(run, node, "maxLength", "at most %llu characters",
                                  (unsigned long long)r->max_length);
    }
    if (r->pattern != NULL && !schema_matches(run, r->pattern, text))
        return schema_invalid(run, node, "pattern", "text that matches `%.*s`",
                              (int)(r->pattern_text.len < 120 ? r->pattern_text.len : 120),
                              r->pattern_text.at);
    if (r->format != FORMAT_ANY && !schema_format_holds(r->format, text))
        return schema_invalid(run, node, "format", "text of the format %s", schema_format_name(r->format));
    return true;
}

bool schema_apply_scalar(struct schema_run *run, const struct rule *r, uint32_t node) {
    enum json_type type = json_type(run->d, node);
    if (type == JSON_NUMBER) return !r->has_number || apply_number(run, r, node);
    return type != JSON_STRING || !r->has_string || apply_string(run, r, node);
}

/* ---- arrays ---- */

static int by_hash(const void *a, const void *b) {
    const struct choice *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash ? 1 : x->node < y->node ? -1 : x->node > y->node;
}

static bool are_unique(struct schema_run *run, uint32_t node, uint32_t n) {
    uint32_t cursor = JSON_NONE, item, i = 0;
    struct choice *items = arena_new_array(run->arena, struct choice, n);
    if (items == NULL) return schema_give_up(run, "the value does not fit into its memory");
    for (; i < n && json_each_item(run->d, node, &cursor, &item); i++)
        items[i] = (struct choice){json_value_hash(run->d, item, run->arena), item};
    qsort(items, n, sizeof *items, by_hash);
    for (i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n && items[j].hash == items[i].hash; j++) {
            if (run->work-- == 0)
                return schema_give_up(run, "the schema asks for too much work on this value");
            if (json_value_equal(run->d, items[i].node, run->d, items[j].node, run->arena))
                return schema_invalid(run, items[j].node, "uniqueItems", "items that are all different");
        }
    return true;
}

static bool apply_items(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks,
                        uint32_t *ret_n) {
    uint32_t cursor = JSON_NONE, item, i = 0;
    uint64_t held = 0;
    for (; json_each_item(run->d, node, &cursor, &item); i++) {
        uint32_t rule = i < r->prefix.n ? r->prefix.at[i] : r->items;
        if (rule != RULE_NONE) {
            if (rule != RULE_TRUE && !schema_apply(run, rule, item, MARKS_NONE)) return false;
            schema_mark(run, marks, i);
        }
        if (r->contains == RULE_NONE) continue;
        run->quiet++;
        bool holds = schema_apply(run, r->contains, item, MARKS_NONE);
        run->quiet--;
        if (holds) schema_mark(run, marks, i);
        held += holds;
    }
    *ret_n = i;
    if (r->contains != RULE_NONE && held < r->min_contains)
        return schema_invalid(
            run, node, r->min_contains == 1 ? "contains" : "minContains",
            "at least %llu items that the schema of `contains` allows, of which there are %llu",
            (unsigned long long)r->min_contains, (unsigned long long)held);
    if (r->contains != RULE_NONE && held > r->max_contains)
        return schema_invalid(
            run, node, "maxContains",
            "at most %llu items that the schema of `contains` allows, of which there are %llu",
            (unsigned long long)r->max_contains, (unsigned long long)held);
    return true;
}

bool schema_apply_array(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks) {
    uint32_t n = 0;
    if (!apply_items(run, r, node, marks, &n)) return false;
    if (n < r->min_items)
        return schema_invalid(run, node, "minItems", "at least %llu items, of which there are %u",
                              (unsigned long long)r->min_items, n);
    if (n > r->max_items)
        return schema_invalid(run, node, "maxItems", "at most %llu items, of which there are %u",
                              (unsigned long long)r->max_items, n);
    return !r->unique || n < 2 || are_unique(run, node, n);
}

/* ---- objects ---- */

static const struct key_rule *find_key(const struct rule *r, struct slice key) {
    if (r->n_keys == 0) return NULL;
    uint64_t hash = schema_key_hash(key);
    for (uint32_t i = (uint32_t)hash & (r->key_slots - 1); r->keys[i].key.at != NULL;
         i = (i + 1) & (r->key_slots - 1))
        if (r->keys[i].hash == hash && slice_eq(r->keys[i].key, key)) return &r->keys[i];
    return NULL;
}

/* The schemas for one member's value; *ret_known: there was one. */
static bool apply_member(struct schema_run *run, const struct rule *r, const struct key_rule *k,
                         struct slice key, uint32_t value, bool *ret_known) {
    bool known = k != NULL && k->rule != RULE_NONE;
    if (known && k->rule != RULE_TRUE && !schema_apply(run, k->rule, value, MARKS_NONE)) return false;
    for (uint32_t i = 0; i < r->n_patterns; i++) {
        if (!schema_matches(run, r->patterns[i].pattern, key)) continue;
        known = true;
        if (!schema_apply(run, r->patterns[i].rule, value, MARKS_NONE)) return false;
    }
    if (!known && r->additional == RULE_FALSE)
        return schema_invalid(run, value, "additionalProperties", "no member of this name");
    if (!known && r->additional != RULE_NONE) {
        known = true;
        if (!schema_apply(run, r->additional, value, MARKS_NONE)) return false;
    }
    *ret_known = known;
    return true;
}

static bool apply_dependent(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks) {
    uint32_t cursor = JSON_NONE, key;
    while (json_each_member(run->d, node, &cursor, &key, NULL)) {
        struct slice name = text_of(run, key);
        const struct key_rule *k = slice_is_null(name) ? NULL : find_key(r, name);
        for (uint32_t i = 0; k != NULL && i < k->needs.n; i++)
            if (json_get_slice(run->d, node, k->needs.at[i]) == JSON_NONE)
                return schema_invalid(run, node, "dependentRequired",
                                      "the member `" SLICE_FMT "` beside `" SLICE_FMT "`",
                                      SLICE_ARG(k->needs.at[i]), SLICE_ARG(name));
        if (k != NULL && k->dependent != RULE_NONE && !schema_apply(run, k->dependent, node, marks))
            return false;
    }
    return run->gave_up == NULL;
}

static bool has_required(struct schema_run *run, const struct rule *r, uint32_t node, size_t seen) {
    for (uint32_t i = 0; i < r->n_required; i++)
        if (!schema_is_marked(run, seen, i))
            return schema_invalid(run, node, "required", "the member `" SLICE_FMT "`",
                                  SLICE_ARG(r->required.at[i]));
    return true;
}

bool schema_apply_object(struct schema_run *run, const struct rule *r, uint32_t node, size_t marks) {
    uint32_t cursor = JSON_NONE, key, value, n = 0;
    size_t top = run->n_marks, seen = r->n_required > 0 ? schema_marks_push(run, r->n_required) : MARKS_NONE;
    bool good = true;
    for (; good && json_each_member(run->d, node, &cursor, &key, &value); n++) {
        struct slice name = text_of(run, key);
        if (slice_is_null(name)) return false;
        const struct key_rule *k = find_key(r, name);
        bool known = false;
        if (k != NULL && k->required != RULE_NONE) schema_mark(run, seen, k->required);
        good = apply_member(run, r, k, name, value, &known) &&
               (r->property_names == RULE_NONE || schema_apply(run, r->property_names, key, MARKS_NONE));
        if (known) schema_mark(run, marks, n);
    }
    good = good && (r->n_required == 0 || has_required(run, r, node, seen));
    run->n_marks = top;
    if (!good || (r->has_dependent && !apply_dependent(run, r, node, marks))) return false;
    if (n < r->min_properties)
        return schema_invalid(run, node, "minProperties", "at least %llu members, of which there are %u",
                              (unsigned long long)r->min_properties, n);
    if (n > r->max_properties)
        return schema_invalid(run, node, "maxProperties", "at most %llu members, of which there are %u",
                              (unsigned long long)r->max_properties, n);
    return true;
}
