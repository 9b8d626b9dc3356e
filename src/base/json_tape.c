/* See json_tape.h. */
#include "base/json_tape.h"

enum { LEAST_NODES = 16 };

void tape_start(struct json_tape *t, struct buffer *out, struct arena *arena, uint32_t nodes) {
    *t = (struct json_tape){.out = out, .arena = arena, .capacity = nodes > LEAST_NODES ? nodes : LEAST_NODES};
    t->nodes = arena_alloc(arena, t->capacity * sizeof *t->nodes);
    if (t->nodes == NULL) t->full = true;
}

enum fault tape_end(struct json_tape *t, struct json_doc *ret, struct error *error) {
    if (t->full || t->out->overflow || t->count > LIMIT_JSON_NODES || t->out->len >= UINT32_MAX)
        return error_set(error, FAULT_TOO_LARGE, "the request does not fit into the memory of one exchange");
    *ret = (struct json_doc){buffer_slice(t->out), t->nodes, t->count};
    return FAULT_NONE;
}

static bool room(struct json_tape *t, uint32_t more) {
    if (t->full || more <= t->capacity - t->count) return !t->full;
    size_t had = t->capacity, want = (had + more) * 2;
    struct json_node *nodes = want <= UINT32_MAX ? arena_resize(t->arena, t->nodes, had * sizeof *nodes, want * sizeof *nodes) : NULL;
    t->full = nodes == NULL;
    if (t->full) return false;
    t->nodes = nodes;
    t->capacity = (uint32_t)want;
    return true;
}

static void separate(struct json_tape *t) {
    if (!t->after_key && t->any) (void)buffer_byte(t->out, ',');
    t->after_key = false;
    t->any = true;
}

static void add(struct json_tape *t, enum json_type type) {
    if (!room(t, 1)) return;
    t->nodes[t->count] = (struct json_node){.start = (uint32_t)t->out->len, .next = t->count + 1, .type = (uint8_t)type, .depth = (uint16_t)t->depth};
    t->count++;
}

static void open_container(struct json_tape *t, enum json_type type) {
    separate(t);
    if (t->depth == LIMIT_JSON_DEPTH) t->full = true;
    if (t->full) return;
    t->open[t->depth] = t->count;
    add(t, type);
    t->depth++;
    t->any = false;
    (void)buffer_byte(t->out, type == JSON_OBJECT ? '{' : '[');
}

void tape_object(struct json_tape *t) {
    open_container(t, JSON_OBJECT);
}

void tape_array(struct json_tape *t) {
    open_container(t, JSON_ARRAY);
}

void tape_close(struct json_tape *t) {
    if (t->full || t->depth == 0) return;
    struct json_node *n = &t->nodes[t->open[--t->depth]];
    (void)buffer_byte(t->out, n->type == JSON_OBJECT ? '}' : ']');
    n->len = (uint32_t)t->out->len - n->start;
    n->next = t->count;
    t->any = true;
}

void tape_string(struct json_tape *t) {
    separate(t);
    add(t, JSON_STRING);
    (void)buffer_byte(t->out, '"');
}

void tape_piece(struct json_tape *t, struct slice inside, bool escaped) {
    (void)buffer_append(t->out, inside);
    if (escaped && t->count > 0) t->nodes[t->count - 1].escaped = true;
}

void tape_string_end(struct json_tape *t) {
    (void)buffer_byte(t->out, '"');
    if (t->count == 0) return;
    struct json_node *n = &t->nodes[t->count - 1];
    n->len = (uint32_t)t->out->len - n->start;
}

void tape_text(struct json_tape *t, struct slice text) {
    tape_string(t);
    tape_piece(t, text, false);
    tape_string_end(t);
}

void tape_key(struct json_tape *t, struct slice name) {
    tape_text(t, name);
    (void)buffer_byte(t->out, ':');
    t->after_key = true;
}

/* The text from `from` and the nodes [first, end) that lie in it. */
static void take(struct json_tape *t, const struct json_doc *d, uint32_t first, uint32_t end, struct slice text, int deeper) {
    uint32_t moved = (uint32_t)t->out->len - (uint32_t)(text.at - d->text.at), later = t->count - first;
    if (!room(t, end - first)) return;
    (void)buffer_append(t->out, text);
    for (uint32_t i = first; i < end; i++) {
        struct json_node n = d->nodes[i];
        n.start += moved;
        n.next += later;
        n.depth = (uint16_t)(n.depth + deeper);
        t->nodes[t->count++] = n;
    }
}

void tape_copy(struct json_tape *t, const struct json_doc *d, uint32_t node) {
    separate(t);
    take(t, d, node, d->nodes[node].next, json_raw(d, node), (int)t->depth - d->nodes[node].depth);
}

void tape_copy_key(struct json_tape *t, const struct json_doc *d, uint32_t key) {
    tape_copy(t, d, key);
    (void)buffer_byte(t->out, ':');
    t->after_key = true;
}

void tape_copy_member(struct json_tape *t, const struct json_doc *d, uint32_t key) {
    tape_copy_key(t, d, key);
    tape_copy(t, d, key + 1);
}

void tape_copy_items(struct json_tape *t, const struct json_doc *d, uint32_t array) {
    uint32_t first = array + 1, end = d->nodes[array].next, last = first;
    if (first == end) return;
    while (d->nodes[last].next < end) last = d->nodes[last].next;
    const char *from = d->text.at + d->nodes[first].start, *to = d->text.at + d->nodes[last].start + d->nodes[last].len;
    separate(t);
    take(t, d, first, end, slice_make(from, (size_t)(to - from)), (int)t->depth - d->nodes[first].depth);
}
