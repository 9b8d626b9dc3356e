/* json.h - JSON read once into a tape of spans, and written straight onto a buffer.
 *
 * Reading validates the whole text in one pass (RFC 8259; UTF-8 checked; depth, node and number limits
 * from limits.h; duplicate keys are kept and json_get finds the LAST, as most parsers do, while
 * json_count_key lets a caller refuse them) and leaves 16-byte nodes that point into it: so a field's
 * exact bytes are known for splicing, numbers lose nothing, and a subtree is copied as it was written.
 * A document borrows its text and its nodes live in the caller's arena.
 *
 * Nodes are named by index; 0 is the root, JSON_NONE (UINT32_MAX) is "absent" and is accepted by every
 * reading function, which then gives its empty answer. So lookups chain without checks:
 *     json_get_i64(d, json_get(d, json_get(d, 0, "usage"), "prompt_tokens"), &n) */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/fault.h"

enum json_type { JSON_ABSENT, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

#define JSON_NONE UINT32_MAX

struct json_node {
    uint32_t start, len; /* the value's exact bytes in the text, quotes and brackets included */
    uint32_t next;       /* index behind this node's subtree */
    uint8_t type;        /* enum json_type */
    uint8_t escaped;     /* string holds backslashes */
    uint16_t depth;
};

struct json_doc {
    struct slice text;
    struct json_node *nodes;
    uint32_t count;
};

/* Validates `text` and fills *ret. Values nested deeper than `keep_depth` (0 = only the root, UINT16_MAX
 * = all) are validated but get no nodes: cheap metadata of huge replies. FAULT_BAD_JSON names line and
 * column; FAULT_TOO_LARGE when the arena or LIMIT_JSON_NODES is full. */
enum fault json_read(struct slice text, struct arena *arena, unsigned keep_depth, struct json_doc *ret,
                     struct error *error) MUST_CHECK;

enum json_type json_type(const struct json_doc *d, uint32_t node);
uint32_t json_get(const struct json_doc *d, uint32_t object, const char *key);  /* the value */
uint32_t json_get_slice(const struct json_doc *d, uint32_t object, struct slice key);
unsigned json_count_key(const struct json_doc *d, uint32_t object, const char *key);

/* Walk the members of an object or the items of an array: start with *cursor = JSON_NONE. */
bool json_each_member(const struct json_doc *d, uint32_t object, uint32_t *cursor, uint32_t *ret_key, uint32_t *ret_value);
bool json_each_item(const struct json_doc *d, uint32_t array, uint32_t *cursor, uint32_t *ret_item);
uint32_t json_size(const struct json_doc *d, uint32_t node);                    /* items or members */
uint32_t json_item(const struct json_doc *d, uint32_t array, uint32_t index);   /* linear */

struct slice json_raw(const struct json_doc *d, uint32_t node);                 /* exact bytes */
/* Decoded text of a string; borrowed from the document when nothing is escaped, else in `arena`.
 * SLICE_NULL for anything but a string. Lone surrogate escapes become U+FFFD. */
struct slice json_string(const struct json_doc *d, uint32_t node, struct arena *arena);
bool json_is(const struct json_doc *d, uint32_t node, const char *text);        /* string equal to text */
bool json_get_i64(const struct json_doc *d, uint32_t node, int64_t *ret);       /* whole numbers; 1.0 and 1e3 too */
bool json_get_double(const struct json_doc *d, uint32_t node, double *ret);
bool json_get_bool(const struct json_doc *d, uint32_t node, bool *ret);

/* "messages[2].content" of a node, for error messages; in `arena`. */
struct slice json_path(const struct json_doc *d, uint32_t node, struct arena *arena);

/* ---- writing ---- commas and nesting are kept by the writer; the buffer keeps the maximum. */
struct json_writer {
    struct buffer *out;
    uint64_t open_bits; /* per level: has an item been written */
    unsigned depth;     /* at most 63 */
    bool after_key;
};

void json_start(struct json_writer *w, struct buffer *out);
void json_object(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_slice(struct json_writer *w, struct slice key);
void json_put_string(struct json_writer *w, struct slice text); /* escapes; broken UTF-8 becomes U+FFFD */
void json_put_text(struct json_writer *w, const char *text);    /* NULL writes null */
void json_put_i64(struct json_writer *w, int64_t n);
void json_put_u64(struct json_writer *w, uint64_t n);
void json_put_double(struct json_writer *w, double n);          /* shortest that reads back; NaN and Inf: null */
void json_put_bool(struct json_writer *w, bool b);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w, struct slice json);    /* already JSON */
/* key and value in one call */
void json_member_string(struct json_writer *w, const char *key, struct slice text); /* SLICE_NULL: null */
void json_member_text(struct json_writer *w, const char *key, const char *text);
void json_member_i64(struct json_writer *w, const char *key, int64_t n);
void json_member_double(struct json_writer *w, const char *key, double n);
void json_member_bool(struct json_writer *w, const char *key, bool b);
void json_member_raw(struct json_writer *w, const char *key, struct slice json);
/* The escaped inside of a string, without quotes, straight onto a buffer. */
void json_escape(struct buffer *out, struct slice text);

#endif
