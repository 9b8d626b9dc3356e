/* A suite in YAML or JSON: read, or refused with problems that have lines. What was read is written in one form, and that form is
 * read back to the same bytes and the same digest. Files that it names are there and hold the text itself, so that one that
 * names itself is among them. A prompt of the same text is read, too. */
#include "fuzz.h"

#include "quality/suite.h"

/* libfyaml 0.7 leaks some scalars when the text has a syntax error behind them. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfyaml\n";
}

static enum fault read_itself(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error) {
    const struct slice *text = ctx;
    if (slice_ends(path, SLICE("none"))) return error_set(error, FAULT_NOT_FOUND, "no such file");
    *ret = arena_slice(arena, *text);
    return FAULT_NONE;
}

static void check_problems(enum fault f, const struct problems *problems) {
    MUST((f == FAULT_NONE) == !problems_any(problems));
    for (unsigned i = 0; i < problems->count; i++) MUST(slice_is_utf8(slice_of(problems->items[i].text)) && problems->items[i].line > 0);
}

static void read_suite(struct slice text) {
    struct file_source files = {&text, read_itself};
    struct problems problems = {.count = 0};
    struct suite first, second;
    struct arena arena;
    arena_init(&arena, 4096, 2 * FUZZ_ARENA);
    enum fault f = suite_read(text, "s.yaml", &files, &arena, &first, &problems);
    check_problems(f, &problems);
    if (f == FAULT_NONE) {
        (void)fuzz_json(first.canonical, &arena);
        MUST(slice_is_utf8(first.canonical) && first.n_cases > 0 && first.name.len > 0 && first.repeat > 0);
        f = suite_read(first.canonical, "again.json", NULL, &arena, &second, &problems);
        if (f != FAULT_NONE) fprintf(stderr, "%s\n" SLICE_FMT "\n", problems.items[0].text, SLICE_ARG(first.canonical));
        MUST(f == FAULT_NONE && slice_eq(first.canonical, second.canonical) && digest_eq(&first.digest, &second.digest));
        MUST(first.n_cases == second.n_cases && first.n_checks == second.n_checks);
        suite_deinit(&second);
        suite_deinit(&first);
    }
    arena_deinit(&arena);
}

static void read_prompt(struct slice text, const char *file) {
    struct file_source files = {&text, read_itself};
    struct problems problems = {.count = 0};
    struct prompt p;
    struct arena arena;
    arena_init(&arena, 4096, FUZZ_ARENA);
    check_problems(prompt_read_file(text, file, &files, &arena, &p, &problems), &problems);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = fuzz_text(data, size);
    if (size > 20000) return 0;
    if (!digest_start()) abort();
    read_suite(text);
    read_prompt(text, "p.yaml");
    read_prompt(text, "p.md");
    return 0;
}
