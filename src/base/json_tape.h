/* json_tape.h - JSON written together with its tape, so that nobody has to read what was just put together: values of other
 * documents are taken over, nodes and all, and what is new gets its nodes as it is written.
 *
 * The document is what json_read would make of the text, node by node. Strings and keys are given as the inside of a JSON string,
 * escaped already (json_escape); `escaped` says that they hold a backslash. Commas are kept here. */
#ifndef BASE_JSON_TAPE_H
#define BASE_JSON_TAPE_H

#include "base/json.h"

struct json_tape {
    struct buffer *out;
    struct arena *arena;
    struct json_node *nodes;
    uint32_t count, capacity;
    unsigned depth;
    bool full;                   /* no room for a node, or nested too deep */
    bool after_key, any;         /* any: the open container has an item */
    uint32_t open[LIMIT_JSON_DEPTH];
};

/* The buffer is empty. `nodes`: how many are expected. */
void tape_start(struct json_tape *t, struct buffer *out, struct arena *arena, uint32_t nodes);
/* FAULT_TOO_LARGE: the buffer, the arena or LIMIT_JSON_NODES is full. The text is the buffer's. */
enum fault tape_end(struct json_tape *t, struct json_doc *ret, struct error *error) MUST_CHECK;

void tape_object(struct json_tape *t);
void tape_array(struct json_tape *t);
void tape_close(struct json_tape *t);
void tape_key(struct json_tape *t, struct slice name);   /* holds nothing to escape */
/* A string in pieces. */
void tape_string(struct json_tape *t);
void tape_piece(struct json_tape *t, struct slice inside, bool escaped);
void tape_string_end(struct json_tape *t);
void tape_text(struct json_tape *t, struct slice text);  /* a string that holds nothing to escape */

void tape_copy(struct json_tape *t, const struct json_doc *d, uint32_t node);        /* a value, as it is written */
void tape_copy_key(struct json_tape *t, const struct json_doc *d, uint32_t key);
void tape_copy_member(struct json_tape *t, const struct json_doc *d, uint32_t key);  /* a key and its value */
void tape_copy_items(struct json_tape *t, const struct json_doc *d, uint32_t array); /* all items, with what stands between them */

#endif
