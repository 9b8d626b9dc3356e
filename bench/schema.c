/* schema - how fast values are held against a JSON Schema, as MB/s of the value's text.
 *
 *   schema [SECONDS]    three typical values: what an extraction, a tool call and a list of records look
 * like. `read` is json_read alone, `check` the schema alone, `both` what a check of an answer costs */
#include "common.h"

#include "quality/schema.h"

static const char extraction_schema[] =
    "{\"type\":\"object\",\"properties\":{\"invoice\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}-\\\\d{4,}$"
    "\"},"
    "\"issued\":{\"type\":\"string\",\"format\":\"date\"},\"currency\":{\"enum\":[\"EUR\",\"USD\",\"CHF\","
    "\"GBP\"]},"
    "\"total\":{\"type\":\"number\",\"minimum\":0,\"multipleOf\":0.01},\"vendor\":{\"$ref\":\"#/$defs/"
    "party\"},"
    "\"customer\":{\"$ref\":\"#/$defs/"
    "party\"},\"lines\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/line\"}}},"
    "\"required\":[\"invoice\",\"issued\",\"total\",\"lines\"],\"additionalProperties\":false,"
    "\"$defs\":{\"party\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1}"
    ",\"vat\":"
    "{\"type\":[\"string\",\"null\"]},\"address\":{\"type\":\"string\",\"maxLength\":200}},\"required\":["
    "\"name\"]},"
    "\"line\":{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"},\"quantity\":{\"type\":"
    "\"integer\",\"minimum\":1},"
    "\"price\":{\"type\":\"number\",\"minimum\":0}},\"required\":[\"text\",\"price\"],"
    "\"additionalProperties\":false}}}";

static const char call_schema[] = "{\"type\":\"object\",\"properties\":{\"action\":{\"const\":\"refund\"},"
                                  "\"order\":{\"type\":\"integer\"},\"reason\":{\"type\":\"string\","
                                  "\"maxLength\":500},\"notify\":{\"type\":\"boolean\"}},\"required\":["
                                  "\"action\",\"order\"],\"unevaluatedProperties\":false}";

static const char records_schema[] =
    "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":"
    "\"user\"},\"name\":{\"type\":\"string\"}},"
    "\"required\":[\"kind\",\"name\"]},{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"event\"},"
    "\"at\":{\"type\":\"integer\"},"
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}},\"required\":["
    "\"kind\",\"at\"]}]}}";

static void extraction(struct buffer *b) {
    buffer_printf(
        b, "{\"invoice\":\"AB-20261\",\"issued\":\"2026-11-21\",\"currency\":\"CHF\",\"total\":1249.95,"
           "\"vendor\":{\"name\":\"Zürcher Büro AG\",\"vat\":null,\"address\":\"Bahnhofstrasse 1, 8001 "
           "Zürich\"},"
           "\"customer\":{\"name\":\"Example Ltd\",\"vat\":\"GB123456789\"},\"lines\":[");
    for (int i = 0; i < 12; i++)
        buffer_printf(
            b, "%s{\"text\":\"Office chair, model %d, with arm rests\",\"quantity\":%d,\"price\":%d.50}",
            i ? "," : "", i, i + 1, 90 + i);
    buffer_append(b, SLICE("]}"));
}

static void call(struct buffer *b) {
    buffer_append(b, SLICE("{\"action\":\"refund\",\"order\":1048576,\"reason\":\"The parcel arrived late "
                           "and the customer asked for the "
                           "shipping costs back, as our terms allow.\",\"notify\":true}"));
}

static void records(struct buffer *b) {
    for (int i = 0; i < 2000; i++)
        if (i % 2)
            buffer_printf(b, ",{\"kind\":\"event\",\"at\":17637000%02d,\"tags\":[\"a\",\"b\",\"c\"]}",
                          i % 100);
        else buffer_printf(b, "%s{\"kind\":\"user\",\"name\":\"User number %d\"}", i ? "," : "[", i);
    buffer_append(b, SLICE("]"));
}

static double rate(uint64_t bytes, uint64_t ns) {
    return (double)bytes * 1e3 / (double)ns;
}

static void measure(const char *name, const char *text, struct slice value, double seconds) {
    struct arena schema_arena, arena;
    struct json_doc schema_doc, d;
    struct schema *s = NULL;
    struct error e = {.fault = FAULT_NONE};
    uint32_t where;
    arena_init(&schema_arena, 65536, 1 << 24);
    arena_init(&arena, 1 << 20, 1 << 26);
    if (json_read(slice_of(text), &schema_arena, UINT16_MAX, &schema_doc, &e) ||
        schema_new(&schema_doc, 0, 0, &s, &where, &e)) {
        fprintf(stderr, "%s: %s\n", name, e.text);
        exit(3);
    }
    uint64_t rounds = 0, reading = 0, checking = 0, begun = now_ns();
    while (now_ns() - begun < (uint64_t)(seconds * 1e9)) {
        struct schema_problem problem = {.node = JSON_NONE};
        uint64_t a = now_ns(), b, c;
        arena_reset(&arena);
        if (json_read(value, &arena, UINT16_MAX, &d, &e) != FAULT_NONE) exit(3);
        b = now_ns();
        if (schema_check(s, &d, 0, &arena, &problem) != SCHEMA_VALID) {
            fprintf(stderr, "%s: " SLICE_FMT "\n", name, SLICE_ARG(problem.text));
            exit(3);
        }
        c = now_ns();
        reading += b - a;
        checking += c - b;
        rounds++;
    }
    uint64_t bytes = rounds * value.len;
    printf("{\"value\":\"%s\",\"bytes\":%zu,\"rounds\":%llu,\"read_mb_per_s\":%.0f,\"check_mb_per_s\":%.0f,"
           "\"both_mb_per_s\":%.0f}\n",
           name, value.len, (unsigned long long)rounds, rate(bytes, reading), rate(bytes, checking),
           rate(bytes, reading + checking));
    schema_free(s);
    arena_deinit(&arena);
    arena_deinit(&schema_arena);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
    struct buffer b;
    buffer_init(&b, 1 << 24);
    extraction(&b);
    measure("extraction", extraction_schema, buffer_slice(&b), seconds);
    buffer_clear(&b);
    call(&b);
    measure("call", call_schema, buffer_slice(&b), seconds);
    buffer_clear(&b);
    records(&b);
    measure("records", records_schema, buffer_slice(&b), seconds);
    buffer_deinit(&b);
    return 0;
}
