/* splice.h - a text copied but for a few spans, which are written anew.
 *
 * Spans are visited in ascending order: splice_to copies up to one and skips it, the caller writes what
 * stands in its place straight to `out`, splice_end copies the rest. Every other byte stays as it was. */
#ifndef DIALECT_SPLICE_H
#define DIALECT_SPLICE_H

#include "model/call.h"

struct splice {
    struct slice text;
    struct buffer *out;
    size_t at; /* of text: copied or skipped up to here */
};

void splice_start(struct splice *s, struct slice text, struct buffer *out);
void splice_to(struct splice *s, size_t offset, size_t skip); /* offset is not before an earlier one */
void splice_end(struct splice *s);

/* The value of the call's model in its text becomes `model`. */
void splice_model(struct splice *s, const struct call *call, const char *model);
/* A limit of the output above the call's cap (or negative: none) becomes the cap; null becomes `added`, unless that
 * is -1. */
void splice_limit(struct splice *s, const struct call *call, uint32_t node, int64_t added);
/* The items of messages_node that the policy dropped go, each with its comma. */
void splice_messages(struct splice *s, const struct call *call);

/* Puts nodes in the order of the text, which is the order of their numbers; JSON_NONE come last. */
void splice_order(uint32_t *nodes, unsigned n);

#endif
