/* schema_private.h - what a compiled schema consists of. Shared by schema_*.c only.
 *
 * A rule is one schema object; rules name each other by index, RULE_NONE is "not given". Rules 0 and 1 are the schemas
 * true and false. Everything but patterns lies in the schema's arena. Invariant: no rule reaches itself through
 * $ref, allOf, anyOf, oneOf, not, if, then, else and dependentSchemas alone, so validation always gets deeper into
 * the value, whose nesting is bounded. */
#ifndef QUALITY_SCHEMA_PRIVATE_H
#define QUALITY_SCHEMA_PRIVATE_H

#include "base/table.h"
#include "quality/json_value.h"
#include "quality/pattern.h"
#include "quality/schema.h"

enum { RULE_TRUE, RULE_FALSE, RULE_FIRST };
#define RULE_NONE UINT32_MAX

/* How a keyword is compiled. FORM(symbol): one function each in schema_keyword.c. */
#define SCHEMA_KEYWORDS(KEYWORD)                                                                              \
    KEYWORD("$id", ID) KEYWORD("$anchor", ID) KEYWORD("$schema", DIALECT) KEYWORD("$ref", REF)                \
    KEYWORD("$defs", RULE_MAP) KEYWORD("definitions", RULE_MAP) KEYWORD("$comment", NOTE)                     \
    KEYWORD("$dynamicRef", REFUSED) KEYWORD("$dynamicAnchor", REFUSED) KEYWORD("$recursiveRef", REFUSED)      \
    KEYWORD("$recursiveAnchor", REFUSED) KEYWORD("$vocabulary", REFUSED) KEYWORD("additionalItems", REFUSED)  \
    KEYWORD("dependencies", REFUSED)                                                                          \
    KEYWORD("allOf", RULES) KEYWORD("anyOf", RULES) KEYWORD("oneOf", RULES) KEYWORD("prefixItems", RULES)     \
    KEYWORD("not", RULE) KEYWORD("if", RULE) KEYWORD("then", RULE) KEYWORD("else", RULE)                      \
    KEYWORD("items", RULE) KEYWORD("contains", RULE) KEYWORD("unevaluatedItems", RULE)                        \
    KEYWORD("additionalProperties", RULE) KEYWORD("propertyNames", RULE) KEYWORD("unevaluatedProperties", RULE) \
    KEYWORD("properties", RULE_MAP) KEYWORD("patternProperties", RULE_MAP) KEYWORD("dependentSchemas", RULE_MAP) \
    KEYWORD("type", TYPE) KEYWORD("enum", ENUM) KEYWORD("const", CONST)                                       \
    KEYWORD("minimum", NUMBER) KEYWORD("maximum", NUMBER) KEYWORD("exclusiveMinimum", NUMBER)                 \
    KEYWORD("exclusiveMaximum", NUMBER) KEYWORD("multipleOf", DIVISOR)                                        \
    KEYWORD("minLength", COUNT) KEYWORD("maxLength", COUNT) KEYWORD("minItems", COUNT) KEYWORD("maxItems", COUNT) \
    KEYWORD("minContains", COUNT) KEYWORD("maxContains", COUNT) KEYWORD("minProperties", COUNT)               \
    KEYWORD("maxProperties", COUNT) KEYWORD("pattern", PATTERN) KEYWORD("format", FORMAT)                     \
    KEYWORD("uniqueItems", FLAG) KEYWORD("required", NAMES) KEYWORD("dependentRequired", NAMES_MAP)           \
    KEYWORD("title", NOTE) KEYWORD("description", NOTE) KEYWORD("default", NOTE) KEYWORD("deprecated", NOTE)  \
    KEYWORD("readOnly", NOTE) KEYWORD("writeOnly", NOTE) KEYWORD("examples", NOTE)                            \
    KEYWORD("contentEncoding", NOTE) KEYWORD("contentMediaType", NOTE) KEYWORD("contentSchema", NOTE)

enum schema_form {
    FORM_UNKNOWN, FORM_NOTE, FORM_ID, FORM_DIALECT, FORM_REF, FORM_REFUSED, FORM_RULE, FORM_RULES, FORM_RULE_MAP,
    FORM_TYPE, FORM_ENUM, FORM_CONST, FORM_NUMBER, FORM_DIVISOR, FORM_COUNT, FORM_PATTERN, FORM_FORMAT, FORM_FLAG,
    FORM_NAMES, FORM_NAMES_MAP,
};
enum schema_form schema_form_of(struct slice keyword);
const char *schema_near_keyword(struct slice word); /* the known one that it looks like, or NULL */

struct rule_list {
    uint32_t *at;
    uint32_t n;
};

struct name_list {
    struct slice *at;
    uint32_t n;
};

/* What is known of one property name: from properties, required, dependentRequired and dependentSchemas. */
struct key_rule {
    struct slice key;
    uint64_t hash;
    uint32_t rule;       /* of properties */
    uint32_t required;   /* its number among the required ones, RULE_NONE: it is not */
    uint32_t dependent;  /* of dependentSchemas */
    struct name_list needs; /* of dependentRequired */
};

struct key_pattern {
    struct pattern *pattern;
    uint32_t rule;
};

struct choice { /* of enum and const */
    uint64_t hash;
    uint32_t node;
};

struct bound {
    struct json_number number;
    struct slice text;
    int64_t small;   /* the number itself, when it is whole and below 2^62 */
    bool is_small, given;
};

enum schema_format { FORMAT_ANY, FORMAT_DATE_TIME, FORMAT_DATE, FORMAT_EMAIL, FORMAT_URI, FORMAT_UUID, FORMAT_IPV4 };

/* Bits of `types`: 1 << enum json_type, and integer where only whole numbers are. */
#define TYPE_INTEGER (1u << 15)

struct rule {
    uint32_t node;    /* where it stands */
    uint32_t base;    /* index of its resource */
    uint16_t types;   /* 0: any */
    bool unique, tracks; /* tracks: it has unevaluated... */
    bool has_number, has_string, has_array, has_object, has_more; /* groups below that hold anything */

    struct choice *choices; /* by hash */
    uint32_t n_choices;     /* enum; const is an enum of one */
    struct choice *only;

    struct bound minimum, maximum, above, below;
    struct json_divisor divisor;
    struct slice divisor_text;

    uint64_t min_length, max_length;
    struct pattern *pattern;
    struct slice pattern_text;
    enum schema_format format;

    struct rule_list prefix;
    uint32_t items, contains, unevaluated_items;
    uint64_t min_contains, max_contains, min_items, max_items;

    struct key_rule *keys; /* a hash table of key_slots, a power of two; unused slots have no key */
    uint32_t key_slots, n_keys, n_required;
    struct name_list required;
    bool has_dependent;
    struct key_pattern *patterns;
    uint32_t n_patterns, additional, property_names, unevaluated_properties;
    uint64_t min_properties, max_properties;

    uint32_t ref, negated, condition, then, otherwise;
    struct rule_list all, any, one;
};

struct resource { /* a schema with an $id, or the root */
    struct slice uri; /* absolute, without fragment; "" for a root that has none */
    uint32_t node;
};

struct schema {
    struct arena arena;
    const struct json_doc *doc;
    uint32_t root, root_rule;
    unsigned flags;
    struct rule *rules;
    uint32_t n_rules, room;
    uint32_t *rule_of;  /* by node of doc, from `root` on: rule + 1, 0: not seen as a schema */
    struct resource *resources;
    uint32_t n_resources, resource_room;
    struct table anchors; /* uri + '#' + name -> its node */
    struct pattern **patterns;
    uint32_t n_patterns, pattern_room;
    bool old;           /* by $schema of draft 6 or 7 */
    uint32_t bad;       /* where compiling failed */
    struct error *error;
};

/* ---- compiling ---- each returns false after schema_fail */
bool schema_fail(struct schema *s, uint32_t node, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool schema_keyword(struct schema *s, uint32_t rule, uint32_t key, uint32_t value, enum schema_form form);
uint32_t schema_rule_at(const struct schema *s, uint32_t node); /* of a schema already discovered */
bool schema_finish(struct schema *s, uint32_t rule);             /* after all keywords of a rule */
struct pattern *schema_pattern(struct schema *s, uint32_t node); /* compiled and kept; NULL after schema_fail */

/* schema_refs.c: discover a schema and those in it (rule numbers, resources, anchors); find what a reference names. */
bool schema_discover(struct schema *s, uint32_t node, uint32_t base, uint32_t *ret_rule);
bool schema_resolve(struct schema *s, uint32_t rule, uint32_t node, struct slice reference, uint32_t *ret_rule);
bool schema_is_sound(struct schema *s); /* no rule reaches itself at the same place of the value */

uint64_t schema_key_hash(struct slice key);
bool schema_format_holds(enum schema_format f, struct slice text);
const char *schema_format_name(enum schema_format f);

#endif
