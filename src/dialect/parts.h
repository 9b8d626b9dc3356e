/* parts.h - the small things that reading and writing messages, replies and events share between dialects. */
#ifndef DIALECT_PARTS_H
#define DIALECT_PARTS_H

#include "base/json.h"
#include "model/call.h"
#include "model/usage.h"

/* Parts of one message or reply; the array is made for `most` of them. */
struct parts {
    struct part *at;
    unsigned n, most;
    struct part spill; /* handed out when there is no room, so that callers need not check */
};
void parts_start(struct parts *p, struct arena *arena, unsigned most);
struct part *parts_add(struct parts *p, enum part_type type);

/* The text of all parts of one type, one after the other; SLICE_NULL when there are none. */
struct slice parts_text(const struct part *parts, unsigned n, enum part_type type, struct arena *arena);
bool parts_have(const struct part *parts, unsigned n, enum part_type type);

bool parts_is_media_type(struct slice s); /* "image/png"; nothing that could end it inside a data: URL */

/* "data:image/png;base64,AAAA" into its two fields. False for anything else. */
bool parts_read_data_url(struct slice url, struct slice *ret_media_type, struct slice *ret_data);

bool parts_is_json_object(struct slice text, struct arena *arena);

/* Tool arguments as a JSON object: empty ones are {}, what a model wrote that is no object is wrapped as
 * {"malformed_arguments": "..."} for the tool's own check to refuse. */
void parts_put_arguments(struct json_writer *w, struct slice arguments);

/* {"type": "text", "text": ...}, which both wires have. */
void parts_put_text(struct json_writer *w, struct slice text);

/* Member `key`: an id in the client's style, "chatcmpl-" or "msg_": the other style's prefix is exchanged, so
 * it stays as unique as it came. */
void parts_put_reply_id(struct json_writer *w, const char *key, const char *prefix, struct slice id);

/* A reported counter: whole, not negative and below 2^50, so that sums cannot overflow; else unchanged. */
void parts_count(const struct json_doc *d, uint32_t node, int64_t *ret);

#endif
