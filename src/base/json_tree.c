#include "base/decimal.h"
#include "base/json.h"
#include "base/utf8.h"

static const struct json_node *node_at(const struct json_doc *d, uint32_t node) {
    return node < d->count ? &d->nodes[node] : NULL;
}

static const struct json_node *node_of(const struct json_doc *d, uint32_t node, enum json_type type) {
    const struct json_node *n = node_at(d, node);
    return n != NULL && n->type == type ? n : NULL;
}

enum json_type json_type(const struct json_doc *d, uint32_t node) {
    const struct json_node *n = node_at(d, node);
    return n != NULL ? (enum json_type)n->type : JSON_ABSENT;
}

struct slice json_raw(const struct json_doc *d, uint32_t node) {
    const struct json_node *n = node_at(d, node);
    return n != NULL ? slice_make(d->text.at + n->start, n->len) : SLICE_NULL;
}

/* ---- strings ---- */

static struct slice inside(const struct json_doc *d, const struct json_node *n) {
    return slice_make(d->text.at + n->start + 1, n->len - 2);
}

static uint32_t hex4(const char *at) {
    uint32_t c = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char h = (unsigned char)at[i];
        c = c << 4 | (uint32_t)(h <= '9' ? h - '0' : (h | 0x20) - 'a' + 10);
    }
    return c;
}

/* Decodes the escape that `*at` (a backslash) begins and moves behind it. The text was validated, and its
 * closing quote stops every look ahead. */
static int unescape(const char **at, char out[4]) {
    const char *s = *at;
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (s[1] != 'u') {
        const char *p = strchr(from, s[1]);
        out[0] = p != NULL ? to[p - from] : s[1];
        *at = s + 2;
        return 1;
    }
    uint32_t c = hex4(s + 2);
    *at = s + 6;
    if (c >= 0xD800 && c <= 0xDBFF && s[6] == '\\' && s[7] == 'u') {
        uint32_t low = hex4(s + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *at = s + 12;
            return utf8_put(out, 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00));
        }
    }
    return utf8_put(out, c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c);
}

struct slice json_string(const struct json_doc *d, uint32_t node, struct arena *arena) {
    const struct json_node *n = node_of(d, node, JSON_STRING);
    if (n == NULL) return SLICE_NULL;
    struct slice raw = inside(d, n);
    if (!n->escaped) return raw;
    char *text = arena_alloc(arena, raw.len + 1); /* no escape is shorter than what it stands for */
    if (text == NULL) return SLICE_NULL;
    size_t len = 0;
    for (const char *at = raw.at, *end = raw.at + raw.len; at < end;) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash != NULL ? slash : end) - at);
        memcpy(text + len, at, plain);
        len += plain;
        at += plain;
        if (slash != NULL) {
            char c[4];
            int size = unescape(&at, c);
            memcpy(text + len, c, (size_t)size);
            len += (size_t)size;
        }
    }
    text[len] = 0;
    return slice_make(arena_resize(arena, text, raw.len + 1, len + 1), len);
}

static bool string_is(const struct json_doc *d, const struct json_node *n, struct slice want) {
    struct slice raw = inside(d, n);
    if (!n->escaped) return slice_eq(raw, want);
    if (want.len >= raw.len) return false;
    for (const char *at = raw.at, *end = raw.at + raw.len; at < end;) {
        char c[4] = {*at};
        int size = 1;
        if (*at == '\\') size = unescape(&at, c);
        else at++;
        if (want.len < (size_t)size || memcmp(want.at, c, (size_t)size) != 0) return false;
        want = slice_make(want.at + size, want.len - (size_t)size);
    }
    return want.len == 0;
}

bool json_is(const struct json_doc *d, uint32_t node, const char *text) {
    const struct json_node *n = node_of(d, node, JSON_STRING);
    return n != NULL && string_is(d, n, slice_of(text));
}

/* ---- walking ---- */

/* The index behind the cursor's subtree, or the container's first child. JSON_NONE at the end. */
static uint32_t step(const struct json_doc *d, uint32_t container, uint32_t cursor, enum json_type type) {
    const struct json_node *n = node_of(d, container, type);
    if (n == NULL) return JSON_NONE;
    uint32_t at = cursor == JSON_NONE ? container + 1 : d->nodes[cursor].next;
    return at < n->next ? at : JSON_NONE;
}

bool json_each_member(const struct json_doc *d, uint32_t object, uint32_t *cursor, uint32_t *ret_key,
                      uint32_t *ret_value) {
    uint32_t key = step(d, object, *cursor, JSON_OBJECT);
    if (key == JSON_NONE) return false;
    *cursor = key + 1; /* a key is one node, its value follows */
    if (ret_key != NULL) *ret_key = key;
    if (ret_value != NULL) *ret_value = key + 1;
    return true;
}

bool json_each_item(const struct json_doc *d, uint32_t array, uint32_t *cursor, uint32_t *ret_item) {
    uint32_t item = step(d, array, *cursor, JSON_ARRAY);
    if (item == JSON_NONE) return false;
    *cursor = item;
    if (ret_item != NULL) *ret_item = item;
    return true;
}

uint32_t json_get_slice(const struct json_doc *d, uint32_t object, struct slice key) {
    uint32_t found = JSON_NONE, cursor = JSON_NONE, name;
    while (json_each_member(d, object, &cursor, &name, NULL))
        if (string_is(d, &d->nodes[name], key)) found = name + 1;
    return found;
}

uint32_t json_get(const struct json_doc *d, uint32_t object, const char *key) {
    return json_get_slice(d, object, slice_of(key));
}

unsigned json_count_key(const struct json_doc *d, uint32_t object, const char *key) {
    struct slice want = slice_of(key);
    uint32_t cursor = JSON_NONE, name;
    unsigned count = 0;
    while (json_each_member(d, object, &cursor, &name, NULL)) count += string_is(d, &d->nodes[name], want);
    return count;
}

uint32_t json_size(const struct json_doc *d, uint32_t node) {
    enum json_type type = json_type(d, node);
    uint32_t cursor = JSON_NONE, count = 0;
    if (type == JSON_OBJECT)
        while (json_each_member(d, node, &cursor, NULL, NULL)) count++;
    if (type == JSON_ARRAY)
        while (json_each_item(d, node, &cursor, NULL)) count++;
    return count;
}

uint32_t json_item(const struct json_doc *d, uint32_t array, uint32_t index) {
    uint32_t cursor = JSON_NONE, item;
    while (json_each_item(d, array, &cursor, &item))
        if (index-- == 0) return item;
    return JSON_NONE;
}

/* ---- values ---- */

bool json_get_i64(const struct json_doc *d, uint32_t node, int64_t *ret) {
    return node_of(d, node, JSON_NUMBER) != NULL && decimal_parse(json_raw(d, node), 0, ret);
}

bool json_get_double(const struct json_doc *d, uint32_t node, double *ret) {
    return node_of(d, node, JSON_NUMBER) != NULL && slice_to_double(json_raw(d, node), ret);
}

bool json_get_bool(const struct json_doc *d, uint32_t node, bool *ret) {
    enum json_type type = json_type(d, node);
    if (type != JSON_TRUE && type != JSON_FALSE) return false;
    *ret = type == JSON_TRUE;
    return true;
}

/* ---- paths ---- */

enum { PATH_MOST = 4096 };

static bool is_plain_name(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && ((c >= '0' && c <= '9') || c == '-'))) return false;
    }
    return s.len > 0;
}

static void path_key(const struct json_doc *d, uint32_t key, struct buffer *out) {
    struct slice name = inside(d, &d->nodes[key]), raw = json_raw(d, key);
    if (is_plain_name(name)) buffer_printf(out, "%s" SLICE_FMT, out->len > 0 ? "." : "", SLICE_ARG(name));
    else buffer_printf(out, "[" SLICE_FMT "]", SLICE_ARG(raw));
}

/* Appends the step from `container` towards `node` and returns the child that holds it. */
static uint32_t path_step(const struct json_doc *d, uint32_t container, uint32_t node, struct buffer *out) {
    uint32_t cursor = JSON_NONE, key, child;
    while (json_each_member(d, container, &cursor, &key, &child)) {
        if (node >= d->nodes[child].next) continue;
        path_key(d, key, out);
        return node == key ? key : child;
    }
    for (uint32_t i = 0; json_each_item(d, container, &cursor, &child); i++) {
        if (node >= d->nodes[child].next) continue;
        buffer_printf(out, "[%u]", i);
        return child;
    }
    return node;
}

struct slice json_path(const struct json_doc *d, uint32_t node, struct arena *arena) {
    struct buffer out;
    if (node >= d->count) return SLICE_NULL;
    buffer_init(&out, PATH_MOST);
    for (uint32_t at = 0; at != node;) at = path_step(d, at, node, &out);
    struct slice path = arena_slice(arena, slice_make(buffer_text(&out), out.len));
    buffer_deinit(&out);
    return path;
}
