/* openai.h - the pieces of OpenAI's wire, for the tables of openai.c and azure.c.
 *
 * openai_head.c reads a request's head and splices, openai_body.c reads its body, openai_call.c writes a
 * request, openai_reply.c reads and writes whole replies, openai_stream.c reads stream events,
 * openai_events.c writes them. The functions have the contracts of struct dialect. */
#ifndef DIALECT_OPENAI_H
#define DIALECT_OPENAI_H

#include "dialect/dialect.h"

enum fault openai_read_head(struct slice body, struct arena *arena, struct call *call,
                            struct error *error) MUST_CHECK;
enum fault openai_read_tape(const struct json_doc *body, struct arena *arena, struct call *call,
                            struct error *error) MUST_CHECK;
enum fault openai_read_body(struct arena *arena, struct call *call, struct error *error) MUST_CHECK;
/* The name of the output's limit that a target takes for sure. */
const char *openai_limit_key(const struct target *target);
bool openai_read_message(const struct call *call, uint32_t item, struct arena *arena,
                         struct dialect_message *ret);
enum fault openai_splice(const struct call *call, const struct target *target, bool want_usage,
                         struct buffer *out) MUST_CHECK;
enum fault openai_write_call(const struct call *call, const struct target *target, struct buffer *out,
                             struct error *error) MUST_CHECK;

enum fault openai_read_reply(struct slice body, enum endpoint e, bool with_parts, struct arena *arena,
                             struct reply *ret, struct upstream_error *ret_error) MUST_CHECK;
void openai_write_reply(const struct reply *r, struct buffer *out);

enum fault openai_read_event(struct stream_reader *r, struct slice name, struct slice data,
                             struct event *events, unsigned *ret_n, bool *ret_usage_only) MUST_CHECK;
void openai_write_event(struct stream_writer *w, const struct event *e, struct buffer *out);

void openai_write_error(enum fault fault, const char *message, const struct error_notes *notes, struct buffer *out);
void openai_write_stream_error(enum fault fault, const char *message, struct buffer *out);

/* Path of an endpoint below the API's root ("/chat/completions"); NULL when it has none. */
const char *openai_path(enum endpoint e);

/* A usage object of any endpoint. False when it is no object. */
bool openai_read_usage(const struct json_doc *d, uint32_t node, struct usage *ret);
void openai_put_usage(struct json_writer *w, const struct usage *u);
enum finish openai_finish(struct slice word);
const char *openai_finish_word(enum finish f);
/* How a Responses object ended: by its status and incomplete_details. */
enum finish openai_responses_finish(const struct json_doc *d, uint32_t response, struct arena *arena,
                                    bool has_tools, struct slice *ret_raw);

#endif
