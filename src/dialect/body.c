#include "dialect/body.h"
#include "dialect/head.h"

enum fault body_read_sampling(struct body *b) {
    struct call *c = b->call;
    const struct {
        const char *key;
        struct slice *ret;
    } numbers[] = {
        {"temperature", &c->temperature},
        {"top_p", &c->top_p},
        {"top_k", &c->top_k},
        {"seed", &c->seed},
        {"frequency_penalty", &c->frequency_penalty},
        {"presence_penalty", &c->presence_penalty},
        {"n", &c->n},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        enum fault f =
            fields_number(b->d, json_get(b->d, 0, numbers[i].key), b->arena, numbers[i].ret, b->error);
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

enum fault body_read_stop(struct body *b, uint32_t node, bool single) {
    struct call *c = b->call;
    uint32_t cursor = JSON_NONE, item, n = json_size(b->d, node);
    enum fault f;
    if (fields_is_null(b->d, node)) return FAULT_NONE;
    bool one = single && json_type(b->d, node) == JSON_STRING;
    if (!one && json_type(b->d, node) != JSON_ARRAY)
        return fields_expected(b->d, node, single ? "a string or an array" : "an array", b->arena, b->error);
    c->stop = arena_new_array(b->arena, struct slice, one ? 1 : n);
    if (c->stop == NULL) return FAULT_NONE; /* full: found at the end */
    if (one) c->stop[c->n_stop++] = json_string(b->d, node, b->arena);
    while (!one && json_each_item(b->d, node, &cursor, &item)) {
        c->stop[c->n_stop] = SLICE_NULL;
        if ((f = fields_string(b->d, item, b->arena, &c->stop[c->n_stop], b->error)) != FAULT_NONE) return f;
        if (slice_is_null(c->stop[c->n_stop]))
            return fields_expected(b->d, item, "a string", b->arena, b->error);
        c->n_stop++;
    }
    return FAULT_NONE;
}

/* Room for the items of a list of objects; *ret_n stays 0. */
static enum fault start_list(struct body *b, uint32_t list, size_t size, void **ret) {
    uint32_t cursor = JSON_NONE, item;
    if (json_type(b->d, list) != JSON_ARRAY)
        return fields_expected(b->d, list, "an array", b->arena, b->error);
    while (json_each_item(b->d, list, &cursor, &item))
        if (json_type(b->d, item) != JSON_OBJECT)
            return fields_expected(b->d, item, "an object", b->arena, b->error);
    *ret = arena_alloc(b->arena,
                       size * (json_size(b->d, list) + 1)); /* Anthropic: one more, for the system text */
    return head_check_arena(b->arena, b->error);
}

enum fault body_start_messages(struct body *b, uint32_t messages) {
    void *room = NULL;
    if (fields_is_null(b->d, messages)) return fields_missing(b->d, 0, "messages", b->arena, b->error);
    enum fault f = start_list(b, messages, sizeof(struct message), &room);
    if (f == FAULT_NONE) b->call->messages = room;
    return f;
}

enum fault body_start_tools(struct body *b, uint32_t tools) {
    void *room = NULL;
    if (fields_is_null(b->d, tools)) return FAULT_NONE;
    enum fault f = start_list(b, tools, sizeof(struct tool), &room);
    if (f == FAULT_NONE) b->call->tools = room;
    return f;
}

enum fault body_read_schema(struct body *b, uint32_t node, struct slice *ret) {
    if (fields_is_null(b->d, node)) return FAULT_NONE;
    if (json_type(b->d, node) != JSON_OBJECT)
        return fields_expected(b->d, node, "an object", b->arena, b->error);
    *ret = json_raw(b->d, node);
    return FAULT_NONE;
}

enum fault body_read_image_url(struct body *b, uint32_t node, struct part *part) {
    struct slice url = json_string(b->d, node, b->arena);
    if (json_type(b->d, node) != JSON_STRING)
        return fields_expected(b->d, node, "a string", b->arena, b->error);
    if (parts_read_data_url(url, &part->media_type, &part->data)) return FAULT_NONE;
    if (!slice_starts(url, SLICE("http://")) && !slice_starts(url, SLICE("https://")))
        return fields_expected(b->d, node, "a base64 data: URL or an http(s) URL", b->arena, b->error);
    part->url = url;
    return FAULT_NONE;
}

enum fault body_check_endpoint(const struct body *b) {
    if (b->call->endpoint == ENDPOINT_CHAT) return FAULT_NONE;
    return error_set(b->error, FAULT_UNTRANSLATABLE, "the endpoint %s has no counterpart at the target",
                     endpoint_name(b->call->endpoint));
}

enum fault body_read_result(struct body *b, uint32_t content, struct part *result,
                            enum fault (*read_item)(struct body *b, uint32_t item, struct parts *p)) {
    struct head_text text = {.arena = b->arena};
    uint32_t cursor = JSON_NONE, item;
    struct parts p;
    result->text = SLICE("");
    if (fields_is_null(b->d, content)) return FAULT_NONE;
    if (json_type(b->d, content) != JSON_ARRAY)
        return fields_string(b->d, content, b->arena, &result->text, b->error);
    parts_start(&p, b->arena, json_size(b->d, content));
    while (json_each_item(b->d, content, &cursor, &item)) {
        enum fault f = read_item(b, item, &p);
        if (f != FAULT_NONE) return f;
    }
    result->images = p.at;
    for (unsigned i = 0; i < p.n; i++) {
        if (p.at[i].type == PART_IMAGE) result->images[result->n_images++] = p.at[i];
        else head_text_add(&text, p.at[i].text, SLICE("\n"));
    }
    if (!slice_is_null(text.text)) result->text = text.text;
    return FAULT_NONE;
}
