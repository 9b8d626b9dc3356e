/* yaml.h - a YAML text as a tree with positions; the only user of libfyaml.
 *
 * Scalars keep their text and whether they were plain (so `"1"` is not a number). Anchors and merge
 * keys are resolved. Duplicate keys are an error. The tree lives in the caller's arena. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/arena.h"
#include "base/fault.h"

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_type type;
    int line, column;          /* 1-based */
    struct slice text;         /* scalars; NUL-terminated behind len */
    bool plain;                /* scalar without quotes */
    struct slice key;          /* in a map: this value's key */
    int key_line, key_column;
    /* Bytes of the text, to edit it in place. Of a scalar or a list or map in brackets: from its first byte (quotes and brackets are
     * part of it; of a block scalar, the text below its `|`) to behind its last. Of another list or map `end` is as far as its last
     * part reaches; of an empty value and of an alias both are where it would stand. Of the key: without quotes. */
    size_t begin, end, key_begin, key_end;
    bool flow;                 /* a list or map in brackets */
    bool block;                /* a scalar below | or > */
    bool alias;                /* it, or what it is in, stands for a value that is written elsewhere */
    struct yaml_node *first, *next; /* children in order; siblings */
    unsigned count;
};

/* *ret_root is NULL for an empty document. On a syntax error *error says line, column and what was
 * expected, and *ret_line its line. */
enum fault yaml_read(struct slice text, struct arena *arena, struct yaml_node **ret_root, int *ret_line,
                     struct error *error) MUST_CHECK;
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL when absent or no map */

#endif
