/* Cases from CSV and JSONL: an array of maps whose lines are the file's, or problems; and a promptfoo configuration of the same
 * text, whose suites are JSON that its YAML says too. */
#include "fuzz.h"

#include "model/declared.h"
#include "quality/case_file.h"
#include "quality/import_promptfoo.h"

/* libfyaml 0.7 leaks some scalars when the text has a syntax error behind them. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfyaml\n";
}

static void read_cases(struct slice text, const char *file) {
    struct arena arena;
    struct buffer json;
    struct problems problems = {.count = 0};
    int lines = 1, last = 0;
    uint32_t cursor = JSON_NONE, item;
    arena_init(&arena, 4096, FUZZ_ARENA);
    buffer_init(&json, 64u << 20);
    for (size_t i = 0; i < text.len; i++) lines += text.at[i] == '\n' || text.at[i] == '\r';
    enum fault f = case_file_read(text, file, &arena, &json, &problems);
    if (f == FAULT_NONE) {
        struct json_doc d = fuzz_json(buffer_slice(&json), &arena);
        MUST(json_type(&d, 0) == JSON_ARRAY && !problems_any(&problems));
        while (json_each_item(&d, 0, &cursor, &item)) {
            int line = 1;
            for (uint32_t i = 0; i < d.nodes[item].start; i++) line += d.text.at[i] == '\n';
            MUST(json_type(&d, item) == JSON_OBJECT && line >= last && line <= lines);
            last = line;
        }
    } else {
        MUST(json.len == 0 && problems_any(&problems));
        for (unsigned i = 0; i < problems.count; i++) MUST(slice_is_utf8(slice_of(problems.items[i].text)) && problems.items[i].line > 0);
    }
    buffer_deinit(&json);
    arena_deinit(&arena);
}

static void read_promptfoo(struct slice text) {
    struct arena arena;
    struct import m;
    struct problems problems = {.count = 0};
    struct import_suite *suites = NULL;
    unsigned n = 0;
    arena_init(&arena, 4096, 2 * FUZZ_ARENA);
    import_init(&m, &arena);
    enum fault f = import_promptfoo(&m, text, "c.yaml", SLICE_NULL, &suites, &n, &problems);
    MUST((f == FAULT_NONE) == !problems_any(&problems));
    for (unsigned i = 0; i < n; i++) {
        struct yaml_node *root = NULL;
        struct declared d;
        struct error error = {.fault = FAULT_NONE};
        int line = 0;
        struct json_doc json = fuzz_json(suites[i].json, &arena);
        if (yaml_read(suites[i].yaml, &arena, &root, &line, &error) != FAULT_NONE && arena_is_full(&arena)) break;
        MUST(root != NULL && declared_from_yaml(root, &arena, &d, &error) == FAULT_NONE);
        MUST(d.doc.count == json.count && suites[i].n_cases > 0);
    }
    for (const struct import_note *note = m.first; note != NULL; note = note->next) MUST(slice_is_utf8(note->why) && note->line > 0);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = fuzz_text(data, size);
    if (size > 20000) return 0;
    read_cases(text, "c.csv");
    read_cases(text, "c.jsonl");
    read_cases(text, "c.json");
    if (slice_contains(text, SLICE("prompts"))) read_promptfoo(text);
    return 0;
}
