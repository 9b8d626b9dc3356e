#include "base/digest.h"
#include "sim/schema.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A second reading of the part of JSON Schema that schema.h promises, written from the specification. */
struct check {
    const struct json_doc *schema, *value;
    struct arena *arena;
    char why[128];
};

static bool valid(struct check *c, uint32_t schema, uint32_t value);

static bool no(struct check *c, const char *why) {
    if (c->why[0] == '\0') (void)snprintf(c->why, sizeof c->why, "%s", why);
    return false;
}

static uint32_t of(struct check *c, uint32_t schema, const char *key) {
    return json_get(c->schema, schema, key);
}

static bool has_type(struct check *c, struct slice type, uint32_t value) {
    static const char *const names[] = {"",       "null",   "boolean", "boolean",
                                        "number", "string", "array",   "object"};
    int64_t whole;
    if (slice_is(type, "integer")) return json_get_i64(c->value, value, &whole);
    return slice_is(type, names[json_type(c->value, value)]);
}

static bool type_fits(struct check *c, uint32_t schema, uint32_t value) {
    uint32_t type = of(c, schema, "type"), cursor = JSON_NONE, item;
    if (type == JSON_NONE) return true;
    if (json_type(c->schema, type) == JSON_STRING)
        return has_type(c, json_string(c->schema, type, c->arena), value);
    while (json_each_item(c->schema, type, &cursor, &item))
        if (has_type(c, json_string(c->schema, item, c->arena), value)) return true;
    return false;
}

static bool number_fits(struct check *c, uint32_t schema, uint32_t value) {
    double n, bound;
    if (!json_get_double(c->value, value, &n)) return true;
    if (json_get_double(c->schema, of(c, schema, "minimum"), &bound) && n < bound) return no(c, "minimum");
    if (json_get_double(c->schema, of(c, schema, "maximum"), &bound) && n > bound) return no(c, "maximum");
    if (json_get_double(c->schema, of(c, schema, "exclusiveMinimum"), &bound) && n <= bound)
        return no(c, "exclusiveMinimum");
    if (json_get_double(c->schema, of(c, schema, "exclusiveMaximum"), &bound) && n >= bound)
        return no(c, "exclusiveMaximum");
    if (json_get_double(c->schema, of(c, schema, "multipleOf"), &bound) &&
        fabs(n / bound - round(n / bound)) > 1e-9)
        return no(c, "multipleOf");
    return true;
}

static bool size_fits(struct check *c, uint32_t schema, const char *least, const char *most, int64_t size) {
    int64_t bound;
    if (json_get_i64(c->schema, of(c, schema, least), &bound) && size < bound) return no(c, least);
    if (json_get_i64(c->schema, of(c, schema, most), &bound) && size > bound) return no(c, most);
    return true;
}

static bool string_fits(struct check *c, uint32_t schema, uint32_t value) {
    struct slice text = json_string(c->value, value, c->arena);
    int64_t points = 0;
    for (size_t i = 0; i < text.len; i++) points += (text.at[i] & 0xC0) != 0x80;
    return slice_is_null(text) || size_fits(c, schema, "minLength", "maxLength", points);
}

static bool object_fits(struct check *c, uint32_t schema, uint32_t value) {
    uint32_t cursor = JSON_NONE, item, key, member;
    while (json_each_item(c->schema, of(c, schema, "required"), &cursor, &item))
        if (json_get_slice(c->value, value, json_string(c->schema, item, c->arena)) == JSON_NONE)
            return no(c, "required");
    for (cursor = JSON_NONE; json_each_member(c->value, value, &cursor, &key, &member);) {
        struct slice name = json_string(c->value, key, c->arena);
        uint32_t property = json_get_slice(c->schema, of(c, schema, "properties"), name);
        if (property != JSON_NONE && !valid(c, property, member)) return false;
    }
    return true;
}

static bool array_fits(struct check *c, uint32_t schema, uint32_t value) {
    uint32_t cursor = JSON_NONE, item, i = 0;
    if (!size_fits(c, schema, "minItems", "maxItems", json_size(c->value, value))) return false;
    for (; json_each_item(c->value, value, &cursor, &item); i++) {
        uint32_t fixed = json_item(c->schema, of(c, schema, "prefixItems"), i);
        if (!valid(c, fixed != JSON_NONE ? fixed : of(c, schema, "items"), item)) return false;
    }
    return true;
}

static bool enum_fits(struct check *c, uint32_t schema, uint32_t value) {
    uint32_t cursor = JSON_NONE, item, constant = of(c, schema, "const"), choices = of(c, schema, "enum");
    if (constant != JSON_NONE && !slice_eq(json_raw(c->schema, constant), json_raw(c->value, value)))
        return no(c, "const");
    if (choices == JSON_NONE) return true;
    while (json_each_item(c->schema, choices, &cursor, &item))
        if (slice_eq(json_raw(c->schema, item), json_raw(c->value, value))) return true;
    return no(c, "enum");
}

static bool some_fit(struct check *c, uint32_t branches, uint32_t value) {
    uint32_t cursor = JSON_NONE, item;
    if (branches == JSON_NONE) return true;
    while (json_each_item(c->schema, branches, &cursor, &item)) {
        struct check quiet = *c;
        if (valid(&quiet, item, value)) return true;
    }
    return no(c, "anyOf");
}

static bool valid(struct check *c, uint32_t schema, uint32_t value) {
    uint32_t cursor = JSON_NONE, item, ref = of(c, schema, "$ref");
    if (schema == JSON_NONE) return true;
    if (ref != JSON_NONE) { /* only "#" and "#/$defs/NAME" in these tests */
        struct slice text = json_string(c->schema, ref, c->arena);
        struct slice name = text.len > 8 ? slice_make(text.at + 8, text.len - 8) : SLICE("");
        return valid(c, name.len == 0 ? 0 : json_get_slice(c->schema, of(c, 0, "$defs"), name), value);
    }
    if (!type_fits(c, schema, value)) return no(c, "type");
    for (cursor = JSON_NONE; json_each_item(c->schema, of(c, schema, "allOf"), &cursor, &item);)
        if (!valid(c, item, value)) return false;
    bool is_object = json_type(c->value, value) == JSON_OBJECT,
         is_array = json_type(c->value, value) == JSON_ARRAY;
    return enum_fits(c, schema, value) && number_fits(c, schema, value) && string_fits(c, schema, value) &&
           some_fit(c, of(c, schema, "anyOf"), value) && some_fit(c, of(c, schema, "oneOf"), value) &&
           (!is_object || object_fits(c, schema, value)) && (!is_array || array_fits(c, schema, value));
}

/* ---- cases ---- */

static const char *const schemas[] = {
    "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"unit\":{\"type\":\"string\","
    "\"enum\":[\"C\",\"F\"]}},\"required\":[\"city\"]}",
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":-3,\"maximum\":-1},\"x\":{"
    "\"type\":\"number\",\"exclusiveMinimum\":0,"
    "\"exclusiveMaximum\":0.05},\"m\":{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":100},\"o\":{"
    "\"type\":\"integer\",\"minimum\":5,\"maximum\":5}}}",
    "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"ok\":"
    "{\"type\":\"boolean\"}},"
    "\"required\":[\"id\",\"ok\"]},\"minItems\":4,\"maxItems\":6}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"minLength\":40},\"b\":{\"type\":"
    "\"string\",\"maxLength\":3},"
    "\"c\":{\"type\":[\"string\",\"null\"]},\"d\":{\"const\":\"fixed\"},\"e\":{\"const\":12}},\"required\":["
    "\"a\",\"b\",\"c\",\"d\",\"e\"]}",
    "{\"$defs\":{\"step\":{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"},\"next\":{"
    "\"anyOf\":[{\"$ref\":\"#/$defs/step\"},"
    "{\"type\":\"null\"}]}},\"required\":[\"text\",\"next\"]}},\"type\":\"object\",\"properties\":{\"steps\":"
    "{\"type\":\"array\",\"minItems\":2,"
    "\"items\":{\"$ref\":\"#/$defs/step\"}}},\"required\":[\"steps\"]}",
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"children\":{\"type\":\"array\","
    "\"items\":{\"$ref\":\"#\"}}},"
    "\"required\":[\"name\",\"children\"]}",
    "{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]},{"
    "\"type\":\"object\",\"properties\":"
    "{\"b\":{\"type\":\"string\"}},\"required\":[\"b\"]}]}",
    "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}],\"items\":{\"type\":"
    "\"boolean\"},\"minItems\":3}",
    "{\"type\":\"object\",\"required\":[\"undescribed\"]}",
    "{\"type\":\"array\",\"uniqueItems\":true,\"minItems\":2,\"items\":{\"enum\":[1,2,3]}}",
    "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"properties\":{\"when\":{\"type\":\"string\","
    "\"format\":\"date-time\"}},\"required\":[\"when\"]}]}",
    "{\"type\":\"integer\"}",
    "{\"enum\":[null,{\"a\":[1,2]},\"x\"]}",
};

static void every_value_is_valid(void **state) {
    (void)state;
    struct arena arena;
    struct echo echo;
    arena_init(&arena, 4096, 64 << 20);
    echo_of(SLICE("What is the weather in Zürich tomorrow?"), &echo);
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
        for (uint64_t seed = 0; seed < 200; seed++) {
            struct json_doc schema, value;
            struct error error;
            struct json_writer w;
            struct buffer out;
            struct dice d = dice_of(seed, 1);
            buffer_init(&out, 1 << 20);
            arena_reset(&arena);
            assert_int_equal(json_read(slice_of(schemas[i]), &arena, UINT16_MAX, &schema, &error),
                             FAULT_NONE);
            json_start(&w, &out);
            schema_write(&schema, 0, &d, &echo, &arena, &w);
            if (json_read(buffer_slice(&out), &arena, UINT16_MAX, &value, &error) != FAULT_NONE)
                fail_msg("%s: " SLICE_FMT, error.text, SLICE_ARG(buffer_slice(&out)));
            struct check c = {&schema, &value, &arena, ""};
            if (!valid(&c, 0, 0))
                fail_msg("%s of %s: " SLICE_FMT, c.why, schemas[i], SLICE_ARG(buffer_slice(&out)));
            buffer_deinit(&out);
        }
    arena_deinit(&arena);
}

/* Whatever a schema asks for, the writer ends, in depth and in size. */
static void endless_schemas_end(void **state) {
    (void)state;
    static const char *const endless[] = {
        "{\"$ref\":\"#\"}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"},\"b\":{\"$ref\":\"#\"},\"c\":{\"$ref\":"
        "\"#\"}},\"required\":[\"a\",\"b\",\"c\"]}",
        "{\"type\":\"array\",\"minItems\":1000000000,\"items\":{\"$ref\":\"#\"}}",
        "{\"anyOf\":[{\"$ref\":\"#\"}]}",
        "{\"$ref\":\"#/no/such/place\"}",
        "{\"$ref\":\"http://elsewhere/\"}",
        "{\"type\":\"number\",\"minimum\":5,\"maximum\":1}",
        "{\"type\":\"integer\",\"minimum\":1e300}",
        "{\"type\":\"string\",\"minLength\":100000000}",
    };
    struct arena arena;
    struct echo echo = {0};
    arena_init(&arena, 4096, 64 << 20);
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        struct json_doc schema;
        struct json_writer w;
        struct buffer out;
        struct dice d = dice_of(1, 1);
        buffer_init(&out, 1 << 16);
        assert_int_equal(json_read(slice_of(endless[i]), &arena, UINT16_MAX, &schema, NULL), FAULT_NONE);
        json_start(&w, &out);
        schema_write(&schema, 0, &d, &echo, &arena, &w);
        buffer_deinit(&out);
    }
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_valid),
        cmocka_unit_test(endless_schemas_end),
    };
    return digest_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
