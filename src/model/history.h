/* history.h - which messages of a conversation are sent on. Pure: it marks, others cut.
 *
 * A turn is a user's message and everything up to the next one; what comes before the first belongs to the
 * first turn. Turns stay or go as a whole, and none begins while a tool call waits for its result, so that
 * calls and results are never parted. The last turn always stays. System messages belong to no turn while
 * keep_system holds, else to the one they stand in.
 *
 * keep_last counts the last turn. max_tokens bounds the sum over the messages that stay, system ones
 * included; what must stay, stays even above it. What is kept besides is the unbroken end of the
 * conversation. */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include "model/policy.h"

enum history_role { HISTORY_SYSTEM, HISTORY_USER, HISTORY_OTHER };

struct history_message {
    enum history_role role;
    unsigned calls, results; /* of tools. A user's message with results begins no turn */
    int64_t tokens;
    bool dropped; /* by history_cut; false before */
    uint32_t turn;
};

bool history_is_declared(const struct history_policy *h);

/* Marks what is dropped. False, and nothing is marked: the conversation has no user's message, or a result
 * without a call before it, so that no cut is known to be safe. The last message is never dropped. */
bool history_cut(const struct history_policy *h, struct history_message *messages, uint32_t n,
                 int64_t *ret_tokens_saved) MUST_CHECK;

/* An estimate: four bytes of text a token, as common encodings have for English, and 800 an image. */
int64_t history_estimate(uint64_t text_bytes, unsigned n_images);

#endif
