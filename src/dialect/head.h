/* head.h - what reading a request's head has in common between the dialects.
 *
 * The fields that the head reads may stand in a body once only: a provider that takes the other one of
 * two would answer a request that nobody checked. */
#ifndef DIALECT_HEAD_H
#define DIALECT_HEAD_H

#include "dialect/fields.h"
#include "model/call.h"

/* Resets `call` but for its endpoint, with the body's tape as call->doc, and finds the fields. FAULT_BAD_REQUEST
 * when one of them is given twice. fields[0] is "model". */
enum fault head_begin(const struct json_doc *doc, struct arena *arena, struct call *call, const struct field *fields,
                      unsigned n, uint32_t *ret_nodes, struct error *error) MUST_CHECK;
/* FAULT_BAD_REQUEST: `twice`, of fields_find, is not empty. */
enum fault head_once(uint64_t twice, const struct field *fields, struct error *error) MUST_CHECK;
enum fault head_model(struct call *call, uint32_t node, struct arena *arena, struct error *error) MUST_CHECK;
enum fault head_stream(struct call *call, uint32_t node, struct arena *arena, struct error *error) MUST_CHECK;
enum fault head_max_tokens(struct call *call, uint32_t node, struct arena *arena,
                           struct error *error) MUST_CHECK;
enum fault head_choices(struct call *call, uint32_t node, struct arena *arena, struct error *error) MUST_CHECK;

/* Text that is gathered from several places and joined; a single piece is borrowed as it is. */
struct head_text {
    struct arena *arena;
    struct slice text;
    char *own; /* NULL while borrowed */
    size_t cap;
};
void head_text_add(struct head_text *t, struct slice piece,
                   struct slice separator); /* SLICE_NULL adds nothing */

/* Bytes of a string's text, about: escapes count as they are written. 0 for anything else. */
uint64_t head_string_bytes(const struct json_doc *d, uint32_t node);

/* FAULT_TOO_LARGE when the arena ran full on the way, else FAULT_NONE. */
enum fault head_check_arena(const struct arena *arena, struct error *error) MUST_CHECK;

#endif
