#include "dialect/fields.h"

static inline bool key_is(const struct json_doc *d, uint32_t key, const struct field *f) {
    const struct json_node *k = &d->nodes[key];
    if (k->escaped) return json_is(d, key, f->name); /* "mod\u0065l" is model too */
    const char *at = d->text.at + k->start + 1;
    return k->len == f->len + 2u && *at == f->name[0] && memcmp(at, f->name, f->len) == 0;
}

/* Walks the tape itself (a key is one node, its value follows): every event of every stream comes through
 * here. */
uint64_t fields_find(const struct json_doc *d, uint32_t object, const struct field *fields, unsigned n,
                     uint32_t *ret_nodes) {
    uint64_t twice = 0;
    for (unsigned i = 0; i < n; i++) ret_nodes[i] = JSON_NONE;
    if (json_type(d, object) != JSON_OBJECT) return 0;
    for (uint32_t key = object + 1, end = d->nodes[object].next; key < end; key = d->nodes[key + 1].next)
        for (unsigned i = 0; i < n; i++)
            if (key_is(d, key, &fields[i])) {
                if (ret_nodes[i] != JSON_NONE) twice |= UINT64_C(1) << i;
                ret_nodes[i] = key + 1;
                break;
            }
    return twice;
}

bool fields_is_null(const struct json_doc *d, uint32_t node) {
    return json_type(d, node) <= JSON_NULL;
}

const char *fields_type_name(enum json_type t) {
    switch (t) {
    case JSON_ABSENT: return "nothing";
    case JSON_NULL: return "null";
    case JSON_FALSE:
    case JSON_TRUE: return "boolean";
    case JSON_NUMBER: return "number";
    case JSON_STRING: return "string";
    case JSON_ARRAY: return "array";
    case JSON_OBJECT: return "object";
    }
    return "nothing";
}

enum fault fields_expected(const struct json_doc *d, uint32_t node, const char *expected, struct arena *arena,
                           struct error *error) {
    struct slice path = json_path(d, node, arena);
    if (path.len == 0) path = SLICE("body");
    return error_set(error, FAULT_BAD_REQUEST, SLICE_FMT ": expected %s, found %s", SLICE_ARG(path), expected,
                     fields_type_name(json_type(d, node)));
}

enum fault fields_unsupported(const struct json_doc *d, uint32_t node, struct arena *arena,
                              struct error *error) {
    enum { VALUE_SHOWN = 40 }; /* longer is no type word, and may be the user's text */
    struct slice path = json_path(d, node, arena), value = json_raw(d, node);
    if (json_type(d, node) == JSON_STRING && value.len <= VALUE_SHOWN)
        return error_set(error, FAULT_UNTRANSLATABLE,
                         SLICE_FMT ": " SLICE_FMT " has no counterpart at the target", SLICE_ARG(path),
                         SLICE_ARG(value));
    return error_set(error, FAULT_UNTRANSLATABLE, SLICE_FMT ": has no counterpart at the target",
                     SLICE_ARG(path));
}

enum fault fields_missing(const struct json_doc *d, uint32_t object, const char *key, struct arena *arena,
                          struct error *error) {
    struct slice path = json_path(d, object, arena);
    return error_set(error, FAULT_BAD_REQUEST, SLICE_FMT "%s%s: missing", SLICE_ARG(path),
                     path.len > 0 ? "." : "", key);
}

/* `only` against a value; an array of one text counts as that text (modalities: ["text"]). */
static bool says_nothing(const struct json_doc *d, uint32_t node, const char *only) {
    double have, want;
    switch (json_type(d, node)) {
    case JSON_ABSENT:
    case JSON_NULL: return true;
    case JSON_FALSE: return strcmp(only, "false") == 0;
    case JSON_TRUE: return strcmp(only, "true") == 0;
    case JSON_NUMBER:
        return json_get_double(d, node, &have) && slice_to_double(slice_of(only), &want) && have - want == 0;
    case JSON_STRING: return json_is(d, node, only);
    case JSON_ARRAY:
        if (json_size(d, node) == 1) return only[0] != 0 && json_is(d, json_item(d, node, 0), only);
        return json_size(d, node) == 0;
    case JSON_OBJECT: return json_size(d, node) == 0;
    }
    return false;
}

static const struct field_rule *rule_of(const struct json_doc *d, uint32_t key,
                                        const struct field_rule *rules, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (json_is(d, key, rules[i].name)) return &rules[i];
    return NULL;
}

enum fault fields_check(const struct json_doc *d, uint32_t object, const struct field_rule *rules, unsigned n,
                        struct arena *arena, struct error *error) {
    uint32_t cursor = JSON_NONE, key, value;
    if (json_type(d, object) != JSON_OBJECT) return fields_expected(d, object, "an object", arena, error);
    while (json_each_member(d, object, &cursor, &key, &value)) {
        const struct field_rule *rule = rule_of(d, key, rules, n);
        if (fields_is_null(d, value)) continue;
        if (rule == NULL || (rule->fate == FIELD_ONLY && !says_nothing(d, value, rule->only)))
            return fields_unsupported(d, value, arena, error);
    }
    return FAULT_NONE;
}

enum fault fields_string(const struct json_doc *d, uint32_t node, struct arena *arena, struct slice *ret,
                         struct error *error) {
    if (fields_is_null(d, node)) return FAULT_NONE;
    if (json_type(d, node) != JSON_STRING) return fields_expected(d, node, "a string", arena, error);
    *ret = json_string(d, node, arena);
    return FAULT_NONE;
}

enum fault fields_required(const struct json_doc *d, uint32_t object, const char *key, struct arena *arena,
                           struct slice *ret, struct error *error) {
    uint32_t node = json_get(d, object, key);
    if (fields_is_null(d, node)) return fields_missing(d, object, key, arena, error);
    return fields_string(d, node, arena, ret, error);
}

enum fault fields_number(const struct json_doc *d, uint32_t node, struct arena *arena, struct slice *ret_raw,
                         struct error *error) {
    if (fields_is_null(d, node)) return FAULT_NONE;
    if (json_type(d, node) != JSON_NUMBER) return fields_expected(d, node, "a number", arena, error);
    *ret_raw = json_raw(d, node);
    return FAULT_NONE;
}

enum fault fields_bool(const struct json_doc *d, uint32_t node, struct arena *arena, struct slice *ret_raw,
                       struct error *error) {
    bool unused;
    if (fields_is_null(d, node)) return FAULT_NONE;
    if (!json_get_bool(d, node, &unused)) return fields_expected(d, node, "a boolean", arena, error);
    *ret_raw = json_raw(d, node);
    return FAULT_NONE;
}
