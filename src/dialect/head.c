#include "dialect/head.h"

static void reset(struct call *call) {
    *call = (struct call){.endpoint = call->endpoint,
                          .model_node = JSON_NONE,
                          .stream_options_node = JSON_NONE,
                          .limit_nodes = {JSON_NONE, JSON_NONE},
                          .messages_node = JSON_NONE,
                          .max_tokens = -1, .choices = 1,
                          .output_cap = -1,
                          .tokens_saved = -1};
}

enum fault head_once(uint64_t twice, const struct field *fields, struct error *error) {
    unsigned i = 0;
    if (twice == 0) return FAULT_NONE;
    while ((twice >> i & 1) == 0) i++;
    return error_set(error, FAULT_BAD_REQUEST, "%s: given twice; which one counts is not defined",
                     fields[i].name);
}

enum fault head_begin(const struct json_doc *doc, struct arena *arena, struct call *call, const struct field *fields,
                      unsigned n, uint32_t *ret_nodes, struct error *error) {
    reset(call);
    call->doc = *doc;
    if (json_type(&call->doc, 0) != JSON_OBJECT)
        return fields_expected(&call->doc, 0, "an object", arena, error);
    enum fault f = head_once(fields_find(&call->doc, 0, fields, n, ret_nodes), fields, error);
    if (f != FAULT_NONE) return f;
    return head_model(call, ret_nodes[0], arena, error);
}

enum fault head_model(struct call *call, uint32_t node, struct arena *arena, struct error *error) {
    if (node == JSON_NONE) return error_set(error, FAULT_BAD_REQUEST, "model: missing; expected a string");
    if (json_type(&call->doc, node) != JSON_STRING)
        return fields_expected(&call->doc, node, "a string", arena, error);
    call->model = json_string(&call->doc, node, arena);
    call->model_node = node;
    if (call->model.len == 0)
        return error_set(error, FAULT_BAD_REQUEST, "model: expected a model's name, found an empty string");
    return FAULT_NONE;
}

enum fault head_stream(struct call *call, uint32_t node, struct arena *arena, struct error *error) {
    if (fields_is_null(&call->doc, node) || json_get_bool(&call->doc, node, &call->stream)) return FAULT_NONE;
    return fields_expected(&call->doc, node, "a boolean", arena, error);
}

enum fault head_max_tokens(struct call *call, uint32_t node, struct arena *arena, struct error *error) {
    int64_t n;
    if (fields_is_null(&call->doc, node)) return FAULT_NONE;
    if (!json_get_i64(&call->doc, node, &n))
        return fields_expected(&call->doc, node, "a whole number", arena, error);
    if (n > call->max_tokens) call->max_tokens = n; /* below 0 is "no limit"; of two that are given the larger is feared */
    return FAULT_NONE;
}

enum fault head_choices(struct call *call, uint32_t node, struct arena *arena, struct error *error) {
    int64_t n;
    if (fields_is_null(&call->doc, node)) return FAULT_NONE;
    if (!json_get_i64(&call->doc, node, &n)) return fields_expected(&call->doc, node, "a whole number", arena, error);
    call->choices = n > 1 ? n : 1;
    return FAULT_NONE;
}

/* Room for `more` bytes behind the text, in memory of our own; doubled, so that many pieces stay linear. */
static bool own_room(struct head_text *t, size_t more) {
    size_t need = t->text.len + more;
    if (t->own != NULL && need <= t->cap) return true;
    size_t cap = need < 128 ? 256 : need * 2;
    char *own = arena_alloc(t->arena, cap);
    if (own == NULL) return false;
    memcpy(own, t->text.at, t->text.len);
    t->own = own;
    t->cap = cap;
    return true;
}

void head_text_add(struct head_text *t, struct slice piece, struct slice separator) {
    if (slice_is_null(piece)) return;
    if (slice_is_null(t->text)) {
        t->text = piece;
        return;
    }
    if (!own_room(t, separator.len + piece.len)) return;
    char *at = t->own + t->text.len;
    if (separator.len > 0) memcpy(at, separator.at, separator.len);
    if (piece.len > 0) memcpy(at + separator.len, piece.at, piece.len);
    t->text = slice_make(t->own, t->text.len + separator.len + piece.len);
}

uint64_t head_string_bytes(const struct json_doc *d, uint32_t node) {
    return json_type(d, node) == JSON_STRING ? json_raw(d, node).len - 2 : 0;
}

enum fault head_check_arena(const struct arena *arena, struct error *error) {
    if (!arena_is_full(arena)) return FAULT_NONE;
    return error_set(error, FAULT_TOO_LARGE,
                     "the request needs more than the %zu bytes that one exchange may hold", arena->max);
}
