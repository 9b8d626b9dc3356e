/* Passing a request on: the new model stands in it, usage is asked for where it should be, and every other
 * member has the bytes that it had. */
#include "dialect/trim.h"
#include "fuzz.h"

#define MODEL "gpt \"4\"\n\xC3\xA9"

static const struct provider somewhere = {.name = "p", .base_url = "http://models.example"};

static void check_options(const struct call *call, const struct json_doc *after, bool asked) {
    bool usage = false;
    uint32_t options = json_get(after, 0, "stream_options"), was = json_get(&call->doc, 0, "stream_options");
    MUST(json_get_bool(after, json_get(after, options, "include_usage"), &usage) || !asked);
    MUST(usage || !asked);
    if (!asked) MUST(slice_eq(json_raw(after, options), json_raw(&call->doc, was)));
}

static void check(const struct call *call, const struct json_doc *after, bool asked) {
    const struct json_doc *before = &call->doc;
    uint32_t a = JSON_NONE, b = JSON_NONE, key_a, key_b, value_a, value_b;
    bool added = asked && call->stream_options_node == JSON_NONE;
    MUST(json_size(after, 0) == json_size(before, 0) + added);
    MUST(json_is(after, json_get(after, 0, "model"), MODEL));
    check_options(call, after, asked);
    while (json_each_member(before, 0, &a, &key_a, &value_a)) {
        MUST(json_each_member(after, 0, &b, &key_b, &value_b));
        MUST(slice_eq(json_raw(before, key_a), json_raw(after, key_b)));
        if (value_a == call->model_node && added) MUST(json_each_member(after, 0, &b, NULL, NULL));
        if (value_a != call->model_node && value_a != call->stream_options_node)
            MUST(slice_eq(json_raw(before, value_a), json_raw(after, value_b)));
    }
}

/* With a policy: what is sent is JSON with the messages that stay, each as it was, and no limit above the
 * cap. */
static void check_trimmed(const struct dialect *d, struct call *call, struct arena *arena,
                          struct buffer *out) {
    static const struct request_policy asked = {
        .max_output_tokens = 77, .history = {.keep_last = 2, .max_tokens = 40, .keep_first = true}};
    uint32_t a = JSON_NONE, b = JSON_NONE, was, is, index = 0;
    trim_call(d, &asked, arena, call);
    buffer_clear(out);
    MUST(d->splice(call, &(struct target){.provider = &somewhere, .model = MODEL}, true, out) == FAULT_NONE);
    struct json_doc after = fuzz_json(buffer_slice(out), arena);
    const char *list = call->endpoint == ENDPOINT_RESPONSES ? "input" : "messages";
    uint32_t messages = call->messages_node == JSON_NONE ? JSON_NONE : json_get(&after, 0, list);
    for (; json_each_item(&call->doc, call->messages_node, &a, &was); index++) {
        if (call_drops(call, index)) continue;
        MUST(json_each_item(&after, messages, &b, &is));
        MUST(slice_eq(json_raw(&call->doc, was), json_raw(&after, is)));
    }
    MUST(!json_each_item(&after, messages, &b, &is));
    struct call again = {.endpoint = call->endpoint};
    MUST(d->read_head(buffer_slice(out), arena, &again, NULL) == FAULT_NONE);
    MUST(again.text_bytes == call->text_bytes && again.n_images_total == call->n_images_total);
    MUST(again.max_tokens <= asked.max_output_tokens || call->output_cap < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (unsigned id = 0; id < DIALECT_COUNT; id++)
        for (unsigned e = 0; e < ENDPOINT_MODELS; e++) {
            const struct dialect *d = dialect_of((enum dialect_id)id);
            struct arena arena;
            struct buffer out;
            struct call call = {.endpoint = (enum endpoint)e};
            arena_init(&arena, 4096, FUZZ_ARENA);
            buffer_init(&out, 16u << 20);
            if ((d->endpoints >> e & 1) != 0 &&
                d->read_head(fuzz_text(data, size), &arena, &call, NULL) == FAULT_NONE) {
                MUST(d->splice(&call, &(struct target){.provider = &somewhere, .model = MODEL}, true, &out) ==
                     FAULT_NONE);
                struct json_doc after = fuzz_json(buffer_slice(&out), &arena);
                check(&call, &after,
                      d->wire == WIRE_OPENAI && e == ENDPOINT_CHAT && call.stream && !call.include_usage);
                buffer_clear(
                    &out); /* its own name back gives the very bytes, unless it was written with escapes */
                const char *own = arena_text(&arena, call.model);
                if (memchr(call.model.at, 0, call.model.len) == NULL) {
                    MUST(d->splice(&call, &(struct target){.provider = &somewhere, .model = own}, false,
                                   &out) == FAULT_NONE);
                    MUST(call.doc.nodes[call.model_node].escaped ||
                         slice_eq(buffer_slice(&out), call.doc.text));
                }
                check_trimmed(d, &call, &arena, &out);
            }
            buffer_deinit(&out);
            arena_deinit(&arena);
        }
    return 0;
}
