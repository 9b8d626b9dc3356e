/* One keyword of a rule: is its value of the right form, and what does it come to. What a rule says of
 * property names is brought together in schema_keys.c, after all of its keywords. */
#include "quality/schema_private.h"

#include <stdlib.h>

static const struct {
    struct slice name;
    enum schema_form form;
} keywords[] = {
#define KEYWORD(name, form) {{name, sizeof(name) - 1}, FORM_##form},
    SCHEMA_KEYWORDS(KEYWORD)
#undef KEYWORD
};

enum schema_form schema_form_of(struct slice keyword) {
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (slice_eq(keywords[i].name, keyword)) return keywords[i].form;
    return FORM_UNKNOWN;
}

/* Two letters changed or swapped, one in short words. `example` is OpenAPI's, and means no `examples`. */
const char *schema_near_keyword(struct slice word) {
    const char *best = NULL;
    unsigned nearest = word.len < 3 ? 1 : word.len < 8 ? 2 : 3;
    if (slice_is(word, "example") || slice_starts(word, SLICE("x-"))) return NULL;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        unsigned d = slice_distance(word, keywords[i].name);
        if (d >= nearest) continue;
        nearest = d;
        best = keywords[i].name.at;
    }
    return best;
}

static bool is(const struct schema *s, uint32_t key, const char *name) {
    return json_is(s->doc, key, name);
}

/* ---- schemas in it ---- */

static bool put_rule(struct schema *s, struct rule *r, uint32_t key, uint32_t rule) {
    static const struct {
        const char *name;
        size_t at;
    } places[] = {
        {"not", offsetof(struct rule, negated)},
        {"if", offsetof(struct rule, condition)},
        {"then", offsetof(struct rule, then)},
        {"else", offsetof(struct rule, otherwise)},
        {"items", offsetof(struct rule, items)},
        {"contains", offsetof(struct rule, contains)},
        {"unevaluatedItems", offsetof(struct rule, unevaluated_items)},
        {"additionalProperties", offsetof(struct rule, additional)},
        {"propertyNames", offsetof(struct rule, property_names)},
        {"unevaluatedProperties", offsetof(struct rule, unevaluated_properties)},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (is(s, key, places[i].name)) *(uint32_t *)((char *)r + places[i].at) = rule;
    return true;
}

static bool put_rules(struct schema *s, struct rule *r, uint32_t key, uint32_t value) {
    uint32_t cursor = JSON_NONE, item;
    struct rule_list list = {arena_new_array(&s->arena, uint32_t, json_size(s->doc, value)), 0};
    if (list.at == NULL) return schema_fail(s, value, "the schema does not fit into its memory");
    while (json_each_item(s->doc, value, &cursor, &item)) list.at[list.n++] = schema_rule_at(s, item);
    if (is(s, key, "allOf")) r->all = list;
    if (is(s, key, "anyOf")) r->any = list;
    if (is(s, key, "oneOf")) r->one = list;
    if (is(s, key, "prefixItems")) r->prefix = list;
    return true;
}

static bool put_reference(struct schema *s, uint32_t rule, uint32_t value) {
    struct slice text = json_string(s->doc, value, &s->arena);
    uint32_t to;
    if (slice_is_null(text)) return schema_fail(s, value, "expected a reference as text");
    if (!schema_resolve(s, rule, value, text, &to)) return false;
    s->rules[rule].ref = to; /* resolving may have moved the rules */
    return true;
}

/* ---- values ---- */

static uint16_t type_bits(struct slice name) {
    static const struct {
        const char *name;
        uint16_t bits;
    } types[] = {
        {"null", 1u << JSON_NULL},     {"boolean", 1u << JSON_TRUE | 1u << JSON_FALSE},
        {"number", 1u << JSON_NUMBER}, {"integer", TYPE_INTEGER},
        {"string", 1u << JSON_STRING}, {"array", 1u << JSON_ARRAY},
        {"object", 1u << JSON_OBJECT},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (slice_is(name, types[i].name)) return types[i].bits;
    return 0;
}

static bool put_type(struct schema *s, struct rule *r, uint32_t value) {
    bool list = json_type(s->doc, value) == JSON_ARRAY;
    uint32_t cursor = JSON_NONE, item = value;
    if (list && json_size(s->doc, value) == 0) return schema_fail(s, value, "expected at least one type");
    while (!list || json_each_item(s->doc, value, &cursor, &item)) {
        uint16_t bits = type_bits(json_string(s->doc, item, &s->arena));
        if (bits == 0)
            return schema_fail(
                s, item, "expected null, boolean, object, array, number, integer or string, found " SLICE_FMT,
                SLICE_ARG(json_raw(s->doc, item)));
        r->types |= bits;
        if (!list) break;
    }
    if (r->types & 1u << JSON_NUMBER) r->types &= (uint16_t)~TYPE_INTEGER;
    return true;
}

static int by_hash(const void *a, const void *b) {
    const struct choice *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static bool put_enum(struct schema *s, struct rule *r, uint32_t value) {
    uint32_t cursor = JSON_NONE, item;
    if (json_type(s->doc, value) != JSON_ARRAY) return schema_fail(s, value, "expected a list of values");
    struct choice *at = arena_new_array(&s->arena, struct choice, json_size(s->doc, value));
    if (at == NULL) return schema_fail(s, value, "the schema does not fit into its memory");
    while (json_each_item(s->doc, value, &cursor, &item))
        at[r->n_choices++] = (struct choice){json_value_hash(s->doc, item, &s->arena), item};
    qsort(at, r->n_choices, sizeof *at, by_hash);
    r->choices = at;
    return true;
}

static bool put_const(struct schema *s, struct rule *r, uint32_t value) {
    r->only = arena_new(&s->arena, struct choice);
    if (r->only == NULL) return schema_fail(s, value, "the schema does not fit into its memory");
    *r->only = (struct choice){json_value_hash(s->doc, value, &s->arena), value};
    return true;
}

static bool put_bound(struct schema *s, struct rule *r, uint32_t key, uint32_t value) {
    if (json_type(s->doc, value) != JSON_NUMBER) return schema_fail(s, value, "expected a number");
    struct bound b = {
        .text = json_raw(s->doc, value), .number = json_number_read(json_raw(s->doc, value)), .given = true};
    b.is_small = json_get_i64(s->doc, value, &b.small);
    if (is(s, key, "minimum")) r->minimum = b;
    if (is(s, key, "maximum")) r->maximum = b;
    if (is(s, key, "exclusiveMinimum")) r->above = b;
    if (is(s, key, "exclusiveMaximum")) r->below = b;
    r->has_number = true;
    return true;
}

static bool put_divisor(struct schema *s, struct rule *r, uint32_t value) {
    if (json_type(s->doc, value) != JSON_NUMBER || !json_divisor_read(json_raw(s->doc, value), &r->divisor))
        return schema_fail(s, value, "expected a number above 0 of at most 18 significant digits");
    r->divisor_text = json_raw(s->doc, value);
    r->has_number = true;
    return true;
}

static bool put_count(struct schema *s, struct rule *r, uint32_t key, uint32_t value) {
    static const struct {
        const char *name;
        size_t at;
        size_t group;
    } places[] = {
        {"minLength", offsetof(struct rule, min_length), offsetof(struct rule, has_string)},
        {"maxLength", offsetof(struct rule, max_length), offsetof(struct rule, has_string)},
        {"minItems", offsetof(struct rule, min_items), offsetof(struct rule, has_array)},
        {"maxItems", offsetof(struct rule, max_items), offsetof(struct rule, has_array)},
        {"minContains", offsetof(struct rule, min_contains), offsetof(struct rule, has_array)},
        {"maxContains", offsetof(struct rule, max_contains), offsetof(struct rule, has_array)},
        {"minProperties", offsetof(struct rule, min_properties), offsetof(struct rule, has_object)},
        {"maxProperties", offsetof(struct rule, max_properties), offsetof(struct rule, has_object)},
    };
    int64_t n;
    if (!json_get_i64(s->doc, value, &n) || n < 0)
        return schema_fail(s, value, "expected a whole number of at least 0");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!is(s, key, places[i].name)) continue;
        *(uint64_t *)((char *)r + places[i].at) = (uint64_t)n;
        *(bool *)((char *)r + places[i].group) = true;
    }
    return true;
}

static bool put_pattern(struct schema *s, struct rule *r, uint32_t value) {
    if (json_type(s->doc, value) != JSON_STRING)
        return schema_fail(s, value, "expected a regular expression as text");
    r->pattern_text = json_string(s->doc, value, &s->arena);
    r->pattern = schema_pattern(s, value);
    r->has_string = true;
    return r->pattern != NULL;
}

static bool put_format(struct schema *s, struct rule *r, uint32_t value) {
    if (json_type(s->doc, value) != JSON_STRING)
        return schema_fail(s, value, "expected the name of a format");
    if ((s->flags & SCHEMA_ASSERT_FORMATS) == 0) return true;
    for (enum schema_format f = FORMAT_DATE_TIME; f <= FORMAT_IPV4; f++)
        if (json_is(s->doc, value, schema_format_name(f))) r->format = f;
    if (r->format == FORMAT_ANY)
        return schema_fail(s, value,
                           "expected one of the formats that can be asserted (date-time, date, email, uri, "
                           "uuid, ipv4), found " SLICE_FMT,
                           SLICE_ARG(json_raw(s->doc, value)));
    r->has_string = true;
    return true;
}

static bool put_flag(struct schema *s, struct rule *r, uint32_t value) {
    if (!json_get_bool(s->doc, value, &r->unique)) return schema_fail(s, value, "expected true or false");
    return true;
}

static bool are_names(struct schema *s, uint32_t value) {
    uint32_t cursor = JSON_NONE, item;
    if (json_type(s->doc, value) != JSON_ARRAY) return schema_fail(s, value, "expected a list of names");
    while (json_each_item(s->doc, value, &cursor, &item))
        if (json_type(s->doc, item) != JSON_STRING) return schema_fail(s, item, "expected a name as text");
    return true;
}

static bool are_name_lists(struct schema *s, uint32_t value) {
    uint32_t cursor = JSON_NONE, item;
    if (json_type(s->doc, value) != JSON_OBJECT)
        return schema_fail(s, value, "expected a map of lists of names");
    while (json_each_member(s->doc, value, &cursor, NULL, &item))
        if (!are_names(s, item)) return false;
    return true;
}

/* Names of what is near but not supported. */
static bool refuse(struct schema *s, uint32_t key) {
    static const char *const words[][2] = {
        {"additionalItems", "2020-12 says `items` for what comes behind `prefixItems`"},
        {"dependencies", "2020-12 says `dependentRequired` or `dependentSchemas`"},
        {"$vocabulary", "it belongs to meta-schemas"},
    };
    const char *hint = "references that depend on the way to them are not supported; say $ref";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(s, key, words[i][0])) hint = words[i][1];
    return schema_fail(s, key, "found the keyword " SLICE_FMT ": %s", SLICE_ARG(json_raw(s->doc, key)), hint);
}

static bool check_dialect(struct schema *s, uint32_t value) {
    static const char *const known[] = {"draft/2020-12/schema", "draft/2019-09/schema", "draft-07/schema",
                                        "draft-06/schema"};
    struct slice text = json_string(s->doc, value, &s->arena), rest = text;
    if (slice_ends(rest, SLICE("#"))) rest.len--;
    struct slice secure = SLICE("https://json-schema.org/"), plain = SLICE("http://json-schema.org/");
    struct slice *site = slice_starts(rest, secure) ? &secure : slice_starts(rest, plain) ? &plain : NULL;
    for (size_t i = 0; site != NULL && i < sizeof known / sizeof *known; i++) {
        if (!slice_is(slice_make(rest.at + site->len, rest.len - site->len), known[i])) continue;
        if (i >= 2) s->old = true;
        return true;
    }
    return schema_fail(s, value, "expected https://json-schema.org/draft/2020-12/schema, found " SLICE_FMT,
                       SLICE_ARG(json_raw(s->doc, value)));
}

static bool unknown(struct schema *s, uint32_t key) {
    const char *near = schema_near_keyword(json_string(s->doc, key, &s->arena));
    return near == NULL || schema_fail(s, key, "found the unknown keyword " SLICE_FMT ", did you mean `%s`?",
                                       SLICE_ARG(json_raw(s->doc, key)), near);
}

bool schema_keyword(struct schema *s, uint32_t rule, uint32_t key, uint32_t value, enum schema_form form) {
    struct rule *r = &s->rules[rule];
    switch (form) {
    case FORM_UNKNOWN: return unknown(s, key);
    case FORM_REFUSED: return refuse(s, key);
    case FORM_DIALECT: return check_dialect(s, value);
    case FORM_REF: return put_reference(s, rule, value);
    case FORM_RULE: return put_rule(s, r, key, schema_rule_at(s, value));
    case FORM_RULES: return put_rules(s, r, key, value);
    case FORM_TYPE: return put_type(s, r, value);
    case FORM_ENUM: return put_enum(s, r, value);
    case FORM_CONST: return put_const(s, r, value);
    case FORM_NUMBER: return put_bound(s, r, key, value);
    case FORM_DIVISOR: return put_divisor(s, r, value);
    case FORM_COUNT: return put_count(s, r, key, value);
    case FORM_PATTERN: return put_pattern(s, r, value);
    case FORM_FORMAT: return put_format(s, r, value);
    case FORM_FLAG: return put_flag(s, r, value);
    case FORM_NAMES: return are_names(s, value);
    case FORM_NAMES_MAP: return are_name_lists(s, value);
    case FORM_NOTE:
    case FORM_ID:
    case FORM_RULE_MAP: break; /* said all when they were discovered */
    }
    return true;
}
