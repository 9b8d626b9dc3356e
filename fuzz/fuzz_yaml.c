/* A configuration of any text: a policy, or problems that say where. No file is there to read, and of the
 * environment every second variable. */
#include "fuzz.h"
#include "model/config.h"

/* libfyaml 0.7 leaks some scalars when the text has a syntax error behind them. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfyaml\n";
}

static const char *env(void *ctx, const char *name) {
    (void)ctx;
    return strlen(name) % 2 ? "x" : NULL;
}

static enum fault no_file(void *ctx, const char *path, struct buffer *out, struct error *error) {
    (void)ctx;
    (void)out;
    return error_set(error, FAULT_IO, "no file %s", path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config_source source = {.env = env, .file = no_file};
    struct problems problems = {.count = 0};
    struct policy *policy = NULL;
    struct arena arena;
    struct buffer out;
    arena_init(&arena, 4096, FUZZ_ARENA);
    buffer_init(&out, 1u << 20);
    enum fault f =
        config_read(fuzz_text(data, size), "quarterdeck.yaml", &source, NULL, &arena, &policy, &problems);
    if (f == FAULT_NONE) {
        MUST(policy != NULL && problems.count == 0);
        for (unsigned i = 0; i < policy->n_models; i++) MUST(policy->models[i].n_targets > 0);
        for (unsigned i = 0; i < policy->n_providers; i++) MUST(policy->providers[i].base_url != NULL);
    } else {
        MUST(policy == NULL);
        MUST(f != FAULT_CONFIG || problems.count > 0);
        problems_write(&problems, &out);
        MUST(slice_is_utf8(buffer_slice(&out)));
    }
    policy_drop(policy);
    policy = NULL;
    f = config_read_allowances(fuzz_text(data, size), "body", "budget", "x", NULL, &arena, &policy, &problems);
    if (f == FAULT_NONE) MUST(policy != NULL && policy->n_budgets + policy->n_limits > 0 && problems.count == 0);
    else MUST(policy == NULL && problems.count > 0);
    policy_drop(policy);
    buffer_deinit(&out);
    arena_deinit(&arena);
    return 0;
}
