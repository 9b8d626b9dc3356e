/* Where a provider is reached, and by which headers. */
#include "test_dialect_support.h"

static void reaches(enum dialect_id id, struct provider p, enum endpoint e, const char *model,
                    const char *url, const char *auth) {
    struct kit k;
    struct upstream_address a;
    bool found = auth == NULL;
    kit_start(&k);
    p.dialect = id;
    dialect_of(id)->address(&p, e, model, &k.arena, &a);
    assert_text(a.url, url);
    assert_string_equal(a.headers[0], "content-type: application/json");
    for (int i = 0; a.headers[i] != NULL; i++) found = found || strcmp(a.headers[i], auth) == 0;
    assert_true(found);
    kit_end(&k);
}

static void test_openai(void **state) {
    (void)state;
    struct provider p = {.base_url = "https://api.openai.com/v1", .api_key = "sk-1"};
    reaches(DIALECT_OPENAI, p, ENDPOINT_CHAT, "m", "https://api.openai.com/v1/chat/completions",
            "authorization: Bearer sk-1");
    reaches(DIALECT_OPENAI, p, ENDPOINT_RESPONSES, "m", "https://api.openai.com/v1/responses", NULL);
    reaches(DIALECT_OPENAI, p, ENDPOINT_EMBEDDINGS, "m", "https://api.openai.com/v1/embeddings", NULL);
    reaches(DIALECT_OPENAI, p, ENDPOINT_MODELS, "m", "https://api.openai.com/v1/models", NULL);
    p.base_url = "http://127.0.0.1:8000";
    p.api_key = NULL;
    reaches(DIALECT_OPENAI, p, ENDPOINT_CHAT, "m", "http://127.0.0.1:8000/v1/chat/completions", NULL);
    p.base_url = "https://x.example/openai";
    reaches(DIALECT_OPENAI, p, ENDPOINT_CHAT, "m", "https://x.example/openai/chat/completions", NULL);
}

static void test_anthropic(void **state) {
    (void)state;
    struct provider p = {.base_url = "https://api.anthropic.com", .api_key = "sk-2"};
    reaches(DIALECT_ANTHROPIC, p, ENDPOINT_CHAT, "m", "https://api.anthropic.com/v1/messages",
            "x-api-key: sk-2");
    reaches(DIALECT_ANTHROPIC, p, ENDPOINT_COUNT_TOKENS, "m",
            "https://api.anthropic.com/v1/messages/count_tokens", "anthropic-version: 2023-06-01");
    p.base_url = "https://x.example/anthropic/v1";
    p.api_version = "2025-01-01";
    reaches(DIALECT_ANTHROPIC, p, ENDPOINT_MODELS, "m", "https://x.example/anthropic/v1/models",
            "anthropic-version: 2025-01-01");
}

static void test_azure(void **state) {
    (void)state;
    struct provider p = {.base_url = "https://r.openai.azure.com", .api_key = "az"};
    reaches(
        DIALECT_AZURE, p, ENDPOINT_CHAT, "my gpt/4",
        "https://r.openai.azure.com/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21",
        "api-key: az");
    reaches(DIALECT_AZURE, p, ENDPOINT_RESPONSES, "m",
            "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview", NULL);
    p.api_version = "2025-01-01-preview";
    reaches(DIALECT_AZURE, p, ENDPOINT_EMBEDDINGS, "e",
            "https://r.openai.azure.com/openai/deployments/e/embeddings?api-version=2025-01-01-preview",
            NULL);
    p.base_url = "https://r.openai.azure.com/openai";
    reaches(DIALECT_AZURE, p, ENDPOINT_MODELS, "e",
            "https://r.openai.azure.com/openai/models?api-version=2025-01-01-preview", NULL);
    p.base_url = "https://r.openai.azure.com/openai/v1";
    reaches(DIALECT_AZURE, p, ENDPOINT_CHAT, "m",
            "https://r.openai.azure.com/openai/v1/chat/completions?api-version=2025-01-01-preview", NULL);
    p.api_version = NULL;
    reaches(DIALECT_AZURE, p, ENDPOINT_CHAT, "m", "https://r.openai.azure.com/openai/v1/chat/completions",
            "api-key: az");
}

static void test_tables(void **state) {
    (void)state;
    for (unsigned id = 0; id < DIALECT_COUNT; id++) assert_int_equal(dialect_of((enum dialect_id)id)->id, id);
    assert_true(dialect_same_wire(dialect_of(DIALECT_OPENAI), dialect_of(DIALECT_AZURE)));
    assert_false(dialect_same_wire(dialect_of(DIALECT_OPENAI), dialect_of(DIALECT_ANTHROPIC)));
    assert_true(dialect_of(DIALECT_ANTHROPIC)->endpoints >> ENDPOINT_COUNT_TOKENS & 1);
    assert_false(dialect_of(DIALECT_ANTHROPIC)->endpoints >> ENDPOINT_EMBEDDINGS & 1);
    assert_false(dialect_of(DIALECT_OPENAI)->endpoints >> ENDPOINT_COUNT_TOKENS & 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openai),
        cmocka_unit_test(test_anthropic),
        cmocka_unit_test(test_azure),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
