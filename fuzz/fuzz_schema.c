/* A line that is a JSON Schema, and behind it a value: refused in words, or compiled; and then the same
 * answer twice, with words when it is no. A value equals itself, and has one hash. */
#include "fuzz.h"
#include "quality/json_value.h"
#include "quality/schema.h"

static void hold(const struct schema *s, const struct json_doc *value) {
    struct schema_problem first = {.node = JSON_NONE}, second = {.node = JSON_NONE};
    struct arena arena;
    arena_init(&arena, 4096, FUZZ_ARENA);
    enum schema_verdict v = schema_check(s, value, 0, &arena, &first);
    arena_reset(&arena);
    MUST(schema_check(s, value, 0, &arena, &second) == v);
    if (v != SCHEMA_VALID)
        MUST(second.node < value->count && second.text.len > 0 && slice_is_utf8(second.text));
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice schema_text, value_text;
    struct json_doc schema_doc, value;
    struct schema *s = NULL;
    struct error error = {.fault = FAULT_NONE};
    uint32_t where = JSON_NONE;
    struct arena arena;
    if (size > 20000 || !slice_cut(fuzz_text(data, size), '\n', &schema_text, &value_text)) return 0;
    arena_init(&arena, 4096, FUZZ_ARENA);
    if (json_read(schema_text, &arena, UINT16_MAX, &schema_doc, NULL) == FAULT_NONE) {
        unsigned flags = size % 2 ? SCHEMA_ASSERT_FORMATS : 0;
        bool has_value = json_read(value_text, &arena, UINT16_MAX, &value, NULL) == FAULT_NONE;
        if (has_value) {
            MUST(json_value_equal(&value, 0, &value, 0, &arena));
            MUST(json_value_hash(&value, 0, &arena) == json_value_hash(&value, 0, &arena));
        }
        if (schema_new(&schema_doc, 0, flags, &s, &where, &error) != FAULT_NONE) {
            MUST(s == NULL && error.fault == FAULT_CONFIG && where < schema_doc.count);
            MUST(error.text[0] != 0 && slice_is_utf8(slice_of(error.text)));
        } else {
            hold(s, &schema_doc);
            if (has_value) hold(s, &value);
        }
        schema_free(s);
    }
    arena_deinit(&arena);
    return 0;
}
