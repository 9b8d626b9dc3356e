/* A declaration in YAML, a line "---", and an answer. A declaration is refused with a line and words, or its
 * check says pass, fail or error, with a score and words; and turned round with not- it says the contrary. */
#include "fuzz.h"
#include "quality/check.h"
#include "quality/json_find.h"

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfyaml\n"; /* 0.7 leaks some scalars when the text has a syntax error behind them */
}

static void found_json(struct slice text) {
    struct json_finder f;
    struct json_doc d;
    struct arena arena;
    size_t last = 0;
    arena_init(&arena, 4096, FUZZ_ARENA);
    json_finder_init(&f, text, text.len % 2);
    while (json_find(&f, &arena, &d) == JSON_FOUND) {
        size_t at = (size_t)(d.text.at - text.at);
        MUST(at >= last && at + d.text.len == f.at && (json_type(&d, 0) == JSON_OBJECT || f.lists));
        last = f.at;
    }
    arena_deinit(&arena);
}

static void run(struct check *c, struct slice text) {
    static const struct template_var vars[] = {{{"a", 1}, {"\xC3\x84 1", 4}}, {{"b", 1}, {"", 0}}};
    static const struct check_case with = {.vars = vars, .n_vars = 2, .expected = {"Expected: 1.5 a-b", 17}};
    struct check_tool_call calls[] = {{SLICE("refund"), text}, {text, SLICE("{\"a\":1}")}};
    struct check_answer a;
    struct check_outcome o, negated;
    struct arena arena;
    arena_init(&arena, 4096, FUZZ_ARENA);
    check_answer_init(&a);
    a.text = text;
    a.calls = calls;
    a.n_calls = (unsigned)(text.len % 3);
    a.latency_us = (int64_t)text.len;
    check_run(c, &a, &with, &arena, &o);
    MUST(o.reason.len > 0 && slice_is_utf8(o.reason) && o.score >= 0 && o.score <= 1);
    arena_reset(&arena);
    c->negated = !c->negated;
    check_run(c, &a, &with, &arena, &negated);
    if (o.verdict == CHECK_ERROR) MUST(negated.verdict == CHECK_ERROR);
    else MUST(o.verdict != negated.verdict && negated.verdict != CHECK_ERROR);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice all = fuzz_text(data, size), declaration = all, text = SLICE("");
    struct error error = {.fault = FAULT_NONE};
    struct yaml_node *root = NULL;
    struct declared d;
    struct check c;
    struct arena arena;
    int line = 0;
    if (size > 20000) return 0;
    const char *cut = size > 5 ? memmem(data, size, "\n---\n", 5) : NULL;
    if (cut != NULL) {
        declaration = slice_make(all.at, (size_t)(cut - all.at));
        text = slice_make(cut + 5, all.len - declaration.len - 5);
    }
    found_json(text);
    arena_init(&arena, 4096, FUZZ_ARENA);
    if (yaml_read(declaration, &arena, &root, &line, &error) == FAULT_NONE &&
        declared_from_yaml(root, &arena, &d, &error) == FAULT_NONE) {
        if (check_read(&d, 0, &arena, &c, &line, &error) == FAULT_NONE) {
            run(&c, text);
            check_deinit(&c);
        } else {
            MUST(error.fault == FAULT_CONFIG && error.text[0] != 0 && slice_is_utf8(slice_of(error.text)) &&
                 line > 0);
        }
    }
    arena_deinit(&arena);
    return 0;
}
