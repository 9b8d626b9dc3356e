/* A request that names a prompt: whatever the client sends, what is put together is JSON whose tape is the one that reading it gives, and
 * no value adds a message, a role or a member. */
#include "dialect/prompted.h"
#include "fuzz.h"

static const char content[] =
    "{\"model\":\"m \\\"1\\\"\",\"parameters\":{\"max_tokens\":9,\"stop\":[\"a\"],\"tool_choice\":\"auto\"},"
    "\"messages\":[{\"role\":\"system\",\"content\":\"S {{a}}\\n{{b}}{{a}}\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"{{b}}\"}]},"
    "{\"role\":\"assistant\",\"content\":\"\"}],\"variables\":{\"a\":{\"max_chars\":12},\"b\":{\"default\":\"\\\"\"}},"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}";

static void same_tape(const struct json_doc *d, struct arena *arena) {
    struct json_doc read = fuzz_json(d->text, arena);
    MUST(read.count == d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        const struct json_node *a = &d->nodes[i], *b = &read.nodes[i];
        MUST(a->start == b->start && a->len == b->len && a->next == b->next && a->type == b->type && a->escaped == b->escaped && a->depth == b->depth);
    }
}

static void check(const struct prompted *p, const struct json_doc *d, struct arena *arena) {
    bool responses = p->endpoint == ENDPOINT_RESPONSES;
    unsigned own = p->wire == WIRE_OPENAI && !responses ? 3 : 2; /* system text has a place of its own */
    uint32_t was = p->at[PROMPTED_MESSAGES], list = json_get(d, 0, responses ? "input" : "messages");
    uint32_t given = json_type(&p->doc, was) == JSON_ARRAY ? json_size(&p->doc, was) : json_type(&p->doc, was) == JSON_STRING;
    same_tape(d, arena);
    MUST(json_size(d, list) == own + given);
    MUST(json_is(d, json_get(d, 0, "model"), "m \"1\"") && json_count_key(d, 0, "model") == 1);
    MUST(json_is(d, json_get(d, json_item(d, list, own - 1), "role"), "assistant") && json_size(d, json_item(d, list, own - 1)) == 2);
    MUST(json_is(d, json_get(d, json_item(d, list, own - 2), "role"), "user") && json_size(d, json_item(d, list, own - 2)) == 2);
    MUST(json_count_key(d, 0, "prompt_variables") == 0 && json_count_key(d, 0, "tools") == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct served_version *v;
    if (!v) MUST(served_version_new(1, SLICE_NULL, slice_of(content), &v, NULL) == FAULT_NONE);
    for (unsigned id = 0; id < DIALECT_COUNT; id++)
        for (unsigned e = 0; e < ENDPOINT_MODELS; e++) {
            const struct dialect *d = dialect_of((enum dialect_id)id);
            if ((d->endpoints >> e & 1) == 0) continue;
            struct arena arena;
            struct buffer out;
            struct prompted p;
            struct json_doc doc;
            struct call call = {.endpoint = (enum endpoint)e};
            struct error error = {.fault = FAULT_NONE};
            arena_init(&arena, 4096, FUZZ_ARENA);
            buffer_init(&out, 16u << 20);
            enum fault f = prompted_read(d, (enum endpoint)e, fuzz_text(data, size), &arena, &p, &error);
            if (f == FAULT_NONE) f = prompted_write(&p, v, SLICE("p"), &arena, &out, &doc, &error);
            if (f == FAULT_NONE) {
                check(&p, &doc, &arena);
                (void)d->read_tape(&doc, &arena, &call, NULL);
            }
            MUST((f == FAULT_NONE) == (error.fault == FAULT_NONE) && fault_status(f) < 500);
            buffer_deinit(&out);
            arena_deinit(&arena);
        }
    return 0;
}
