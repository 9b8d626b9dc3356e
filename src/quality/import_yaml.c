/* See import_private.h: JSON as YAML in blocks, keys plain where they may be, texts of several lines as `|` blocks. */
#include "quality/import_private.h"

static bool is_word(struct slice s) {
    static const char *const others[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    bool letter = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool alpha = (c | 32) >= 'a' && (c | 32) <= 'z';
        letter |= i == 0 && (alpha || c == '_');
        if (!alpha && !(c >= '0' && c <= '9') && c != '_' && !(i > 0 && (c == '-' || c == '.'))) return false;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (slice_eq_nocase(s, slice_of(others[i]))) return false;
    return letter && s.len < 100;
}

/* A literal block gives back each byte but for what YAML folds or forbids. */
static bool is_block(struct slice s) {
    const char *first = s.len > 0 ? memchr(s.at, '\n', s.len) : NULL;
    if (first == NULL || s.at[0] == ' ' || s.at[0] == '\n' || s.at[0] == '\t' || first == s.at + s.len - 1) return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c < ' ' && c != '\n') return false;
        unsigned char next = i + 1 < s.len ? (unsigned char)s.at[i + 1] : 0, last = i + 2 < s.len ? (unsigned char)s.at[i + 2] : 0;
        if (c == 0x7F || (c == 0xC2 && next < 0xA0) || (c == 0xE2 && next == 0x80 && (last == 0xA8 || last == 0xA9)) ||
            (c == 0xEF && next >= 0xBB)) /* controls, line ends of Unicode's, marks and what is no character */
            return false;
        if (c == '\n' && i > 0 && s.at[i - 1] == ' ') return false;
    }
    return s.at[s.len - 1] != ' ';
}

static void indent(struct buffer *out, unsigned depth) {
    for (unsigned i = 0; i < depth; i++) buffer_append(out, SLICE("  "));
}

static void put_quoted(struct buffer *out, struct slice s) {
    buffer_byte(out, '"');
    json_escape(out, s);
    buffer_byte(out, '"');
}

static void put_string(struct buffer *out, struct slice s, unsigned depth) {
    if (is_word(s)) {
        buffer_append(out, s);
    } else if (is_block(s)) {
        bool ends = s.at[s.len - 1] == '\n', ends_twice = ends && s.len > 1 && s.at[s.len - 2] == '\n';
        buffer_append(out, slice_of(ends_twice ? "|+" : ends ? "|" : "|-"));
        struct slice line, rest = s;
        if (ends) rest.len--;
        for (bool more = true; more;) {
            more = slice_cut(rest, '\n', &line, &rest);
            buffer_byte(out, '\n');
            if (line.len > 0) indent(out, depth);
            buffer_append(out, line);
        }
    } else {
        put_quoted(out, s);
    }
}

static bool is_flat(const struct json_doc *d, uint32_t node) {
    uint32_t end = d->nodes[node].next;
    struct slice raw = json_raw(d, node);
    if (raw.len > 100) return false;
    for (uint32_t i = node + 1; i < end; i++)
        if (d->nodes[i].escaped) return false;
    return true;
}

static void put_flow(const struct json_doc *d, uint32_t node, struct arena *arena, struct buffer *out) {
    uint32_t cursor = JSON_NONE, key, value;
    bool any = false, map = json_type(d, node) == JSON_OBJECT;
    if (!map && json_type(d, node) != JSON_ARRAY) {
        struct slice text = json_string(d, node, arena);
        if (text.at == NULL) buffer_append(out, json_raw(d, node));
        else if (is_word(text)) buffer_append(out, text);
        else put_quoted(out, text);
        return;
    }
    buffer_byte(out, map ? '{' : '[');
    while (map ? json_each_member(d, node, &cursor, &key, &value) : json_each_item(d, node, &cursor, &value)) {
        if (any) buffer_append(out, SLICE(", "));
        any = true;
        if (map) {
            put_flow(d, key, arena, out);
            buffer_append(out, SLICE(": "));
        }
        put_flow(d, value, arena, out);
    }
    buffer_byte(out, map ? '}' : ']');
}

/* What stands behind "key:" (`in_list` false) or "-": on the same line behind a space, or a map or list in lines of its own. */
static void put(const struct json_doc *d, uint32_t node, unsigned depth, bool in_list, struct arena *arena, struct buffer *out) {
    enum json_type type = json_type(d, node);
    uint32_t cursor = JSON_NONE, key, value;
    bool top = depth == 0 || (depth == 1 && json_type(d, json_item(d, node, 0)) == JSON_OBJECT); /* a suite's own lists: an item a line */
    bool flow = (type != JSON_OBJECT && type != JSON_ARRAY) || (!top && is_flat(d, node));
    if (flow || in_list) buffer_byte(out, ' ');
    if (type != JSON_OBJECT && type != JSON_ARRAY) {
        struct slice text = json_string(d, node, arena);
        if (text.at == NULL) buffer_append(out, json_raw(d, node));
        else put_string(out, text, depth);
        return;
    }
    if (flow) {
        put_flow(d, node, arena, out);
        return;
    }
    bool first = true, map = type == JSON_OBJECT;
    while (map ? json_each_member(d, node, &cursor, &key, &value) : json_each_item(d, node, &cursor, &value)) {
        if (!(first && (in_list || depth == 0))) {
            buffer_byte(out, '\n');
            indent(out, depth);
        }
        first = false;
        if (map) {
            struct slice name = json_string(d, key, arena);
            if (is_word(name)) buffer_append(out, name);
            else put_quoted(out, name);
            buffer_byte(out, ':');
        } else {
            buffer_byte(out, '-');
        }
        put(d, value, depth + 1, !map, arena, out);
    }
}

void import_write_yaml(const struct json_doc *d, uint32_t node, struct arena *arena, struct buffer *out) {
    put(d, node, 0, false, arena, out);
    buffer_byte(out, '\n');
}
