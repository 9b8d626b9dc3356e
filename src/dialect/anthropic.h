/* anthropic.h - the pieces of Anthropic's wire, for the table of anthropic.c.
 *
 * anthropic_head.c reads a request's head and splices, anthropic_body.c reads its body, anthropic_call.c
 * writes a request, anthropic_reply.c reads and writes whole replies, anthropic_stream.c reads stream events,
 * anthropic_events.c writes them. The functions have the contracts of struct dialect. */
#ifndef DIALECT_ANTHROPIC_H
#define DIALECT_ANTHROPIC_H

#include "dialect/dialect.h"

enum fault anthropic_read_head(struct slice body, struct arena *arena, struct call *call,
                               struct error *error) MUST_CHECK;
enum fault anthropic_read_tape(const struct json_doc *body, struct arena *arena, struct call *call,
                            struct error *error) MUST_CHECK;
enum fault anthropic_read_body(struct arena *arena, struct call *call, struct error *error) MUST_CHECK;
bool anthropic_read_message(const struct call *call, uint32_t item, struct arena *arena,
                            struct dialect_message *ret);
enum fault anthropic_splice(const struct call *call, const struct target *target, bool want_usage,
                            struct buffer *out) MUST_CHECK;
enum fault anthropic_write_call(const struct call *call, const struct target *target, struct buffer *out,
                                struct error *error) MUST_CHECK;

enum fault anthropic_read_reply(struct slice body, enum endpoint e, bool with_parts, struct arena *arena,
                                struct reply *ret, struct upstream_error *ret_error) MUST_CHECK;
void anthropic_write_reply(const struct reply *r, struct buffer *out);

enum fault anthropic_read_event(struct stream_reader *r, struct slice name, struct slice data,
                                struct event *events, unsigned *ret_n, bool *ret_usage_only) MUST_CHECK;
void anthropic_write_event(struct stream_writer *w, const struct event *e, struct buffer *out);

/* A usage object. `uncached` keeps input_tokens between the partial reports of a stream (USAGE_NULL before
 * the first): input is the sum of it and the cached ones. False when the node is no object. */
bool anthropic_read_usage(const struct json_doc *d, uint32_t node, int64_t *uncached,
                          struct usage *cumulative);
void anthropic_put_usage(struct json_writer *w, const struct usage *u);
enum finish anthropic_finish(struct slice word);
const char *anthropic_finish_word(enum finish f);

#endif
