/* What one rule says of property names, as one hash table: so that an object's members are looked up once
 * each. */
#include "quality/schema_private.h"

#include "base/digest.h"

uint64_t schema_key_hash(struct slice key) {
    return digest_fast(key, 0);
}

static struct key_rule *key_of(struct rule *r, struct slice key) {
    uint64_t hash = schema_key_hash(key);
    uint32_t i = (uint32_t)hash & (r->key_slots - 1);
    while (r->keys[i].key.at != NULL && !(r->keys[i].hash == hash && slice_eq(r->keys[i].key, key)))
        i = (i + 1) & (r->key_slots - 1);
    if (r->keys[i].key.at == NULL) {
        r->keys[i] = (struct key_rule){
            .key = key, .hash = hash, .rule = RULE_NONE, .required = RULE_NONE, .dependent = RULE_NONE};
        r->n_keys++;
    }
    return &r->keys[i];
}

static bool read_names(struct schema *s, uint32_t node, struct name_list *ret) {
    uint32_t cursor = JSON_NONE, item;
    ret->n = 0;
    ret->at = arena_new_array(&s->arena, struct slice, json_size(s->doc, node));
    if (ret->at == NULL) return schema_fail(s, node, "the schema does not fit into its memory");
    while (json_each_item(s->doc, node, &cursor, &item))
        ret->at[ret->n++] = json_string(s->doc, item, &s->arena);
    return true;
}

static bool fill(struct schema *s, struct rule *r, uint32_t properties, uint32_t required, uint32_t needs,
                 uint32_t schemas) {
    uint32_t cursor = JSON_NONE, key, value;
    struct name_list names;
    while (json_each_member(s->doc, properties, &cursor, &key, &value))
        key_of(r, json_string(s->doc, key, &s->arena))->rule = schema_rule_at(s, value);
    if (!read_names(s, required, &names)) return false;
    r->required.at = arena_new_array(&s->arena, struct slice, names.n);
    if (r->required.at == NULL) return schema_fail(s, required, "the schema does not fit into its memory");
    for (uint32_t i = 0; i < names.n; i++) {
        struct key_rule *k = key_of(r, names.at[i]);
        if (k->required != RULE_NONE) continue;
        k->required = r->n_required++;
        r->required.at[r->required.n++] = names.at[i];
    }
    cursor = JSON_NONE;
    while (json_each_member(s->doc, needs, &cursor, &key, &value)) {
        r->has_dependent = true;
        if (!read_names(s, value, &key_of(r, json_string(s->doc, key, &s->arena))->needs)) return false;
    }
    cursor = JSON_NONE;
    while (json_each_member(s->doc, schemas, &cursor, &key, &value)) {
        r->has_dependent = true;
        key_of(r, json_string(s->doc, key, &s->arena))->dependent = schema_rule_at(s, value);
    }
    return !arena_is_full(&s->arena) || schema_fail(s, r->node, "the schema does not fit into its memory");
}

static bool make_keys(struct schema *s, struct rule *r) {
    const struct json_doc *d = s->doc;
    uint32_t properties = json_get(d, r->node, "properties"), required = json_get(d, r->node, "required");
    uint32_t needs = json_get(d, r->node, "dependentRequired"),
             schemas = json_get(d, r->node, "dependentSchemas");
    uint32_t most =
        json_size(d, properties) + json_size(d, required) + json_size(d, needs) + json_size(d, schemas);
    if (most == 0) return true;
    for (r->key_slots = 4; r->key_slots < most * 2; r->key_slots *= 2) {
    }
    r->keys = arena_new_array(&s->arena, struct key_rule, r->key_slots);
    if (r->keys == NULL) return schema_fail(s, r->node, "the schema does not fit into its memory");
    return fill(s, r, properties, required, needs, schemas);
}

static bool make_patterns(struct schema *s, uint32_t rule) {
    uint32_t map = json_get(s->doc, s->rules[rule].node, "patternProperties"), cursor = JSON_NONE, key, value;
    struct rule *r = &s->rules[rule];
    if (json_size(s->doc, map) == 0) return true;
    r->patterns = arena_new_array(&s->arena, struct key_pattern, json_size(s->doc, map));
    if (r->patterns == NULL) return schema_fail(s, map, "the schema does not fit into its memory");
    while (json_each_member(s->doc, map, &cursor, &key, &value)) {
        struct pattern *p = schema_pattern(s, key);
        if (p == NULL) return false;
        r->patterns[r->n_patterns++] = (struct key_pattern){p, schema_rule_at(s, value)};
    }
    return true;
}

static bool check_old(struct schema *s, uint32_t node) {
    uint32_t cursor = JSON_NONE, key;
    if (!s->old || json_get(s->doc, node, "$ref") == JSON_NONE) return true;
    while (json_each_member(s->doc, node, &cursor, &key, NULL)) {
        enum schema_form form = schema_form_of(json_string(s->doc, key, &s->arena));
        bool harmless = form == FORM_REF || form == FORM_NOTE || form == FORM_DIALECT ||
                        form == FORM_UNKNOWN || json_is(s->doc, key, "$defs") ||
                        json_is(s->doc, key, "definitions");
        if (!harmless)
            return schema_fail(
                s, key,
                "found " SLICE_FMT
                " beside $ref, which drafts 6 and 7 ignore: declare 2020-12 as $schema, or remove it",
                SLICE_ARG(json_raw(s->doc, key)));
    }
    return true;
}

bool schema_finish(struct schema *s, uint32_t rule) {
    struct rule *r = &s->rules[rule];
    if (!make_keys(s, r) || !make_patterns(s, rule) || !check_old(s, r->node)) return false;
    if (r->condition == RULE_NONE) r->then = r->otherwise = RULE_NONE;
    r->tracks = r->unevaluated_items != RULE_NONE || r->unevaluated_properties != RULE_NONE;
    r->has_array =
        r->has_array || r->unique || r->prefix.n > 0 || r->items != RULE_NONE || r->contains != RULE_NONE;
    r->has_object = r->has_object || r->n_keys > 0 || r->n_patterns > 0 || r->additional != RULE_NONE ||
                    r->property_names != RULE_NONE;
    r->has_more = r->ref != RULE_NONE || r->negated != RULE_NONE || r->condition != RULE_NONE ||
                  r->all.n > 0 || r->any.n > 0 || r->one.n > 0;
    return true;
}
