#include "dialect/parts.h"
#include "dialect/head.h"

void parts_start(struct parts *p, struct arena *arena, unsigned most) {
    *p = (struct parts){.at = arena_new_array(arena, struct part, most), .most = most};
    if (p->at == NULL) p->most = 0; /* the arena says that it is full */
}

struct part *parts_add(struct parts *p, enum part_type type) {
    struct part *part = p->n < p->most ? &p->at[p->n++] : &p->spill;
    *part = (struct part){.type = type};
    return part;
}

struct slice parts_text(const struct part *parts, unsigned n, enum part_type type, struct arena *arena) {
    struct head_text text = {.arena = arena};
    for (unsigned i = 0; i < n; i++)
        if (parts[i].type == type) head_text_add(&text, parts[i].text, SLICE(""));
    return text.text;
}

bool parts_have(const struct part *parts, unsigned n, enum part_type type) {
    for (unsigned i = 0; i < n; i++)
        if (parts[i].type == type) return true;
    return false;
}

bool parts_is_media_type(struct slice s) {
    struct slice type, subtype;
    if (!slice_cut(s, '/', &type, &subtype) || type.len == 0 || subtype.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("/+-._", c) == NULL)) return false;
    }
    return true;
}

bool parts_read_data_url(struct slice url, struct slice *ret_media_type, struct slice *ret_data) {
    struct slice head, data, type, rest;
    if (!slice_starts(url, SLICE("data:")) || !slice_cut(url, ',', &head, &data)) return false;
    if (!slice_ends(head, SLICE(";base64"))) return false;
    head = slice_make(head.at + 5, head.len - 5);
    slice_cut(head, ';', &type, &rest);
    if (!parts_is_media_type(type)) return false;
    *ret_media_type = type;
    *ret_data = data;
    return true;
}

bool parts_is_json_object(struct slice text, struct arena *arena) {
    struct json_doc d;
    return json_read(text, arena, 0, &d, NULL) == FAULT_NONE && json_type(&d, 0) == JSON_OBJECT;
}

void parts_put_arguments(struct json_writer *w, struct slice arguments) {
    struct arena scratch;
    struct slice text = slice_trim(arguments);
    arena_init(&scratch, 1024, LIMIT_ARENA_EXCHANGE);
    if (text.len == 0) {
        json_put_raw(w, SLICE("{}"));
    } else if (parts_is_json_object(text, &scratch)) {
        json_put_raw(w, text);
    } else {
        json_object(w);
        json_member_string(w, "malformed_arguments", arguments);
        json_object_end(w);
    }
    arena_deinit(&scratch);
}

void parts_put_text(struct json_writer *w, struct slice text) {
    json_object(w);
    json_member_text(w, "type", "text");
    json_member_string(w, "text", text);
    json_object_end(w);
}

void parts_put_reply_id(struct json_writer *w, const char *key, const char *prefix, struct slice id) {
    static const char *const styles[] = {"chatcmpl-", "msg_"};
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        struct slice style = slice_of(styles[i]);
        if (slice_starts(id, style)) id = slice_make(id.at + style.len, id.len - style.len);
    }
    json_key(w, key);
    json_put_raw(w, SLICE("\"")); /* the string is written in two pieces, so that no copy is needed */
    json_escape(w->out, slice_of(prefix));
    if (id.len > 0) json_escape(w->out, id);
    buffer_byte(w->out, '"');
}

void parts_count(const struct json_doc *d, uint32_t node, int64_t *ret) {
    int64_t n;
    if (json_get_i64(d, node, &n) && n >= 0 && n < INT64_C(1) << 50) *ret = n;
}
