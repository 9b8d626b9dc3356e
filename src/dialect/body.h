/* body.h - what reading a request's body has in common between the dialects: the reader's state and the
 * pieces that both wires have in the same shape. */
#ifndef DIALECT_BODY_H
#define DIALECT_BODY_H

#include "dialect/fields.h"
#include "dialect/parts.h"

struct body {
    struct call *call;
    const struct json_doc *d;
    struct arena *arena;
    struct error *error;
};

/* Number and text fields of the root that both wires give the same name. */
enum fault body_read_sampling(struct body *b) MUST_CHECK;
/* A list of texts, or with `single` one text alone: the stop sequences. */
enum fault body_read_stop(struct body *b, uint32_t node, bool single) MUST_CHECK;
/* Makes call->messages for the items of `messages`, and checks that it is a list of objects. */
enum fault body_start_messages(struct body *b, uint32_t messages) MUST_CHECK;
/* Makes call->tools. */
enum fault body_start_tools(struct body *b, uint32_t tools) MUST_CHECK;
/* A schema: an object, kept raw. */
enum fault body_read_schema(struct body *b, uint32_t node, struct slice *ret) MUST_CHECK;
/* A URL of an image: data: or an address. */
enum fault body_read_image_url(struct body *b, uint32_t node, struct part *part) MUST_CHECK;
/* FAULT_UNTRANSLATABLE unless the call is a chat. */
enum fault body_check_endpoint(const struct body *b) MUST_CHECK;
/* A tool result's content: a text or a list of items that `read_item` reads, into its text and images. */
enum fault body_read_result(struct body *b, uint32_t content, struct part *result,
                            enum fault (*read_item)(struct body *b, uint32_t item,
                                                    struct parts *p)) MUST_CHECK;

#endif
