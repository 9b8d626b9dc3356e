#include "quality/schema_private.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>

enum { SCHEMA_FIRST = 16 << 10, SCHEMA_MOST = 256 << 20 };

/* "properties.age.minimum: expected a number": the path is from the schema's own root. */
bool schema_fail(struct schema *s, uint32_t node, const char *format, ...) {
    char words[LIMIT_ERROR_TEXT];
    struct arena arena;
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    arena_init(&arena, 8192, 32 << 10);
    struct slice path = json_path(s->doc, node, &arena), root = json_path(s->doc, s->root, &arena);
    if (path.len >= root.len) path = slice_make(path.at + root.len, path.len - root.len);
    if (slice_starts(path, SLICE("."))) path = slice_make(path.at + 1, path.len - 1);
    s->bad = node;
    error_set(s->error, FAULT_CONFIG, "%.*s%s%s", (int)(path.len < 200 ? path.len : 200),
              path.at ? path.at : "", path.len > 0 ? ": " : "", words);
    arena_deinit(&arena);
    return false;
}

struct pattern *schema_pattern(struct schema *s, uint32_t node) {
    struct error why = {.fault = FAULT_NONE};
    if (s->n_patterns == s->pattern_room) {
        s->pattern_room = s->pattern_room == 0 ? 8 : s->pattern_room * 2;
        s->patterns = mem_resize(s->patterns, s->pattern_room * sizeof *s->patterns);
    }
    if (pattern_new(json_string(s->doc, node, &s->arena), &s->patterns[s->n_patterns], &why) != FAULT_NONE) {
        schema_fail(s, node, "%s", why.text);
        return NULL;
    }
    return s->patterns[s->n_patterns++];
}

static void rule_start(struct rule *r, uint32_t node, uint32_t base) {
    *r = (struct rule){.node = node, .base = base, .min_contains = 1};
    r->max_length = r->max_contains = r->max_items = r->max_properties = UINT64_MAX;
    r->items = r->contains = r->unevaluated_items = r->additional = r->property_names = RULE_NONE;
    r->unevaluated_properties = r->ref = r->negated = r->condition = r->then = r->otherwise = RULE_NONE;
}

/* References may bring in further rules while this runs. */
static bool compile_rules(struct schema *s) {
    for (uint32_t rule = RULE_FIRST; rule < s->n_rules; rule++) {
        uint32_t node = s->rules[rule].node, cursor = JSON_NONE, key, value;
        rule_start(&s->rules[rule], node, s->rules[rule].base);
        while (json_each_member(s->doc, node, &cursor, &key, &value)) {
            enum schema_form form = schema_form_of(json_string(s->doc, key, &s->arena));
            if (!schema_keyword(s, rule, key, value, form)) return false;
        }
    }
    for (uint32_t rule = RULE_FIRST; rule < s->n_rules; rule++)
        if (!schema_finish(s, rule)) return false;
    return true;
}

static bool compile(struct schema *s) {
    s->rule_of = arena_new_array(&s->arena, uint32_t, s->doc->nodes[s->root].next - s->root);
    s->rules = arena_new_array(&s->arena, struct rule, 16);
    if (s->rule_of == NULL || s->rules == NULL)
        return schema_fail(s, s->root, "the schema does not fit into its memory");
    s->room = 16;
    s->n_rules = RULE_FIRST;
    rule_start(&s->rules[RULE_TRUE], s->root, 0);
    rule_start(&s->rules[RULE_FALSE], s->root, 0);
    if (!schema_discover(s, s->root, 0, &s->root_rule) || !compile_rules(s) || !schema_is_sound(s))
        return false;
    return !arena_is_full(&s->arena) || schema_fail(s, s->root, "the schema does not fit into its memory");
}

enum fault schema_new(const struct json_doc *doc, uint32_t node, unsigned flags, struct schema **ret,
                      uint32_t *ret_node, struct error *error) {
    struct error own = {.fault = FAULT_NONE};
    struct schema *s = mem_new(struct schema);
    *s = (struct schema){.doc = doc, .root = node, .flags = flags, .error = error != NULL ? error : &own};
    arena_init(&s->arena, SCHEMA_FIRST, SCHEMA_MOST);
    table_init(&s->anchors);
    if (node >= doc->count || !compile(s)) {
        if (ret_node != NULL) *ret_node = s->bad;
        schema_free(s);
        return node < doc->count ? FAULT_CONFIG : error_set(error, FAULT_CONFIG, "expected a schema");
    }
    s->error = NULL;
    *ret = s;
    return FAULT_NONE;
}

void schema_free(struct schema *s) {
    if (s == NULL) return;
    for (uint32_t i = 0; i < s->n_patterns; i++) pattern_free(s->patterns[i]);
    mem_free(s->patterns);
    table_deinit(&s->anchors);
    arena_deinit(&s->arena);
    mem_free(s);
}
