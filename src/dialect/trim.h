/* trim.h - what an application's policy takes from a call before it is sent: a limit of the output that is
 * above the cap, and the turns that its history policy leaves out.
 *
 * The call is marked, not changed: `splice` and `read_body` pass over what it dropped, and its text stays the
 * client's. Only chats and Responses are trimmed. A conversation that goes on from one the provider keeps
 * (previous_response_id, conversation), or of a shape that is not known, keeps all its messages. */
#ifndef DIALECT_TRIM_H
#define DIALECT_TRIM_H

#include "dialect/dialect.h"

/* After read_head, before anything is written. Sets the call's output_cap, tokens_saved and dropped, lowers
 * max_tokens to the cap where it was given, and takes the dropped messages out of text_bytes, n_images_total
 * and system_text. */
void trim_call(const struct dialect *client, const struct request_policy *asked, struct arena *arena,
               struct call *call);

/* The request goes on from a conversation that the provider keeps. */
bool trim_goes_on_elsewhere(const struct json_doc *d);

#endif
