#include "dialect/question.h"

#include <stdlib.h>

enum { MOST_MEMBERS = 64 };

struct member {
    struct slice key, value; /* as they are written */
};

/* Members that no model sees. OpenAI: who asks, and which of the provider's prompt caches is tried first.
 * Anthropic's metadata has nothing but user_id. */
static bool is_about_caller(const struct dialect *client, const struct json_doc *d, uint32_t key) {
    if (client->wire == WIRE_ANTHROPIC) return json_is(d, key, "metadata");
    return json_is(d, key, "user") || json_is(d, key, "safety_identifier") ||
           json_is(d, key, "prompt_cache_key");
}

bool question_has_state(const struct call *call) {
    const struct json_doc *d = &call->doc;
    return json_get(d, 0, "conversation") != JSON_NONE ||
           json_get(d, 0, "previous_response_id") != JSON_NONE || json_get(d, 0, "background") != JSON_NONE;
}

/* ---- the wording ---- */

/* A text, or a list of one text part. */
static uint32_t only_text(const struct json_doc *d, uint32_t content, const char *type) {
    if (json_type(d, content) == JSON_STRING) return content;
    if (json_type(d, content) != JSON_ARRAY || json_size(d, content) != 1) return JSON_NONE;
    uint32_t part = json_item(d, content, 0), text = json_get(d, part, "text");
    bool good = json_is(d, json_get(d, part, "type"), type) && json_count_key(d, part, "type") == 1 &&
                json_count_key(d, part, "text") == 1 && json_type(d, text) == JSON_STRING;
    return good ? text : JSON_NONE;
}

static uint32_t last_item(const struct json_doc *d, uint32_t list) {
    uint32_t n = json_type(d, list) == JSON_ARRAY ? json_size(d, list) : 0;
    return n > 0 ? json_item(d, list, n - 1) : JSON_NONE;
}

uint32_t question_wording(const struct call *call) {
    const struct json_doc *d = &call->doc;
    bool responses = call->endpoint == ENDPOINT_RESPONSES;
    const char *name = responses ? "input" : "messages";
    if (!responses && call->endpoint != ENDPOINT_CHAT) return JSON_NONE;
    if (call->n_images_total > 0 || (responses && question_has_state(call))) return JSON_NONE;
    if (json_count_key(d, 0, name) != 1) return JSON_NONE;
    uint32_t list = json_get(d, 0, name);
    if (responses && json_type(d, list) == JSON_STRING) return list;
    uint32_t message = last_item(d, list), type = json_get(d, message, "type");
    bool good = json_count_key(d, message, "role") == 1 && json_count_key(d, message, "content") == 1 &&
                json_is(d, json_get(d, message, "role"), "user") &&
                (type == JSON_NONE || (responses && json_is(d, type, "message")));
    if (!good) return JSON_NONE;
    return only_text(d, json_get(d, message, "content"), responses ? "input_text" : "text");
}

/* ---- the question ---- */

void question_put(struct buffer *out, struct slice s) {
    (void)buffer_append(out, slice_make((const char *)&(uint64_t){s.len}, sizeof(uint64_t)));
    (void)buffer_append(out, s);
}

/* Repeated keys stay in their order: which of them counts is the provider's business. */
static int by_key(const void *a, const void *b) {
    const struct member *l = a, *r = b;
    size_t common = l->key.len < r->key.len ? l->key.len : r->key.len;
    int order = memcmp(l->key.at, r->key.at, common);
    if (order == 0 && l->key.len != r->key.len) order = l->key.len < r->key.len ? -1 : 1;
    return order != 0 ? order : l->key.at < r->key.at ? -1 : l->key.at > r->key.at;
}

/* `hole` lies in `s`, or nowhere near it. */
static void put_around(struct buffer *out, struct slice s, struct slice hole) {
    if (hole.at < s.at || hole.at >= s.at + s.len) {
        question_put(out, s);
        return;
    }
    question_put(out, slice_make(s.at, (size_t)(hole.at - s.at)));
    question_put(out, slice_make(hole.at + hole.len, (size_t)(s.at + s.len - hole.at) - hole.len));
}

void question_write(const struct dialect *client, const struct call *call, bool with_caller, uint32_t without,
                    struct buffer *out) {
    const struct json_doc *d = &call->doc;
    struct member members[MOST_MEMBERS];
    struct slice hole = without == JSON_NONE ? SLICE_NULL : json_raw(d, without);
    unsigned n = 0;
    for (uint32_t cursor = JSON_NONE, key, value; json_each_member(d, 0, &cursor, &key, &value);) {
        if (!with_caller && is_about_caller(client, d, key)) continue;
        if (n == MOST_MEMBERS) { /* no API has so many: as it is */
            put_around(out, d->text, hole);
            return;
        }
        members[n++] = (struct member){json_raw(d, key), json_raw(d, value)};
    }
    if (n > 1) qsort(members, n, sizeof members[0], by_key);
    for (unsigned i = 0; i < n; i++) {
        question_put(out, members[i].key);
        put_around(out, members[i].value, hole);
    }
}
