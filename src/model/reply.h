/* reply.h - a reply in neutral form: whole, or as the events of a stream. */
#ifndef MODEL_REPLY_H
#define MODEL_REPLY_H

#include "base/fault.h"
#include "model/call.h"
#include "model/usage.h"

enum finish { FINISH_UNSET, FINISH_STOP, FINISH_STOP_SEQUENCE, FINISH_LENGTH, FINISH_TOOL_CALLS, FINISH_REFUSAL, FINISH_PAUSE, FINISH_OTHER };
const char *finish_name(enum finish f); /* "stop", "stop_sequence", "length", "tool_calls", "refusal", "pause", "other"; NULL when unset */

struct reply {
    struct slice id, model, fingerprint, service_tier;
    int64_t created;          /* seconds; 0 unknown */
    struct part *parts;       /* TEXT, TOOL_CALL, REFUSAL, THINKING in order; NULL when only metadata was asked for */
    unsigned n_parts;
    enum finish finish;
    struct slice finish_raw;  /* the provider's word */
    struct slice stop_sequence;
    struct usage usage;
    bool has_output;          /* there was any text, tool call or refusal */
};

enum event_type {
    EVENT_START,      /* id, model, created, fingerprint known (each may come again, later ones fill gaps) */
    EVENT_TEXT,       /* text */
    EVENT_THINKING,   /* text; or signature alone */
    EVENT_REFUSAL,    /* text */
    EVENT_TOOL_BEGIN, /* index, id, name */
    EVENT_TOOL_ARGS,  /* index, text = fragment of the arguments */
    EVENT_FINISH,     /* finish, finish_raw, stop_sequence */
    EVENT_USAGE,      /* usage, cumulative */
    EVENT_PING,       /* keep-alive: no content */
    EVENT_ERROR,      /* fault, text: the provider failed inside the stream */
    EVENT_END,        /* the dialect's terminal event */
};

/* What an event means for relaying. Output is what a user would see (text, refusal, thinking, tool pieces). */
static inline bool event_is_output(enum event_type t) { return t >= EVENT_TEXT && t <= EVENT_TOOL_ARGS; }

struct event {
    enum event_type type;
    struct slice id, model, fingerprint, service_tier, name, text, signature;
    int64_t created;
    unsigned index;          /* tool calls are numbered from 0 in the order they begin */
    enum finish finish;
    struct slice finish_raw, stop_sequence;
    struct usage usage;
    enum fault fault;
};

#endif
