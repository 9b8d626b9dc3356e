/* dialect.h - bytes <-> model, for one wire protocol each. Pure functions: no sockets, no clock, no
 * memory but the arena and buffer they are given.
 *
 * A dialect serves both sides: as the client's (read_call, write_reply, write_event, write_error) and as
 * the upstream's (write_call, read_reply, read_event, read_error). Two dialects with the same `wire`
 * exchange bytes unchanged but for spliced fields (azure is OpenAI's wire at another address).
 * What one side cannot say is FAULT_UNTRANSLATABLE naming the field, never a silent drop. */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "model/call.h"
#include "model/history.h"
#include "model/policy.h"
#include "model/reply.h"

enum wire { WIRE_OPENAI, WIRE_ANTHROPIC };

/* What an upstream's failure means, and when to come back. */
struct upstream_error {
    enum fault fault;
    struct slice message;      /* the provider's words, in the arena; may be empty */
    struct slice code;         /* its code or type */
    int64_t retry_after_us;    /* -1: not said */
    int should_retry;          /* x-should-retry: 1, 0, -1 not said */
};

/* Header lookup handed in by the caller: lower-case name -> value or SLICE_NULL. */
struct header_source {
    void *ctx;
    struct slice (*get)(void *ctx, const char *name);
};

#define STREAM_TOOLS 128 /* tool calls and blocks of one stream that are told apart; 128 tools is OpenAI's own limit */

/* State of reading one upstream stream. Zeroed at its start, then `arena` and `endpoint` set. */
struct stream_reader {
    struct arena *arena;       /* scratch for one event; the caller resets it between events */
    enum endpoint endpoint;
    bool finished;             /* a finish reason was seen (n > 1: for every choice that began) */
    bool failed;
    unsigned n_tools;          /* tool calls begun */
    int tool_of_block[STREAM_TOOLS]; /* Anthropic: block index -> tool index + 1; OpenAI: tool index seen + 1 */
    struct usage usage;        /* cumulative; meaningful from the first event read on */
    /* private */
    bool begun, ended, refused;
    unsigned known;                  /* what EVENT_START has told, one bit each */
    uint64_t choices, choices_done;  /* OpenAI: bit per choice index */
    uint32_t tool_ids[STREAM_TOOLS]; /* OpenAI: hash of the id that a tool index began with */
    int64_t uncached_input;          /* Anthropic: input_tokens as reported, without the cached ones */
};

/* Anthropic clients: one tool call's block. `depth` and the rest follow its JSON, to know when it is whole. */
struct stream_tool {
    int block;
    unsigned depth;
    bool open, whole, in_string, escaped;
};

/* State of writing one stream to a client. Zeroed at its start, then the first four set. */
struct stream_writer {
    struct slice id, model;    /* stable for the stream */
    int64_t created;
    bool include_usage;        /* OpenAI clients: a usage chunk at the end */
    bool started, finished, ended; /* the first event, the finish reason, the terminal event is out */
    /* private */
    bool has_usage, refused;
    bool finishing;            /* Anthropic: the finish reason is known, message_delta waits for usage or the end */
    enum finish finish;
    char stop_sequence[64];    /* a longer one is not told */
    unsigned stop_sequence_len;
    struct usage usage;
    int n_blocks;              /* Anthropic: content blocks begun */
    bool block_open;           /* the newest block is open */
    int block;                 /* its index */
    enum part_type block_type;
    unsigned block_tool;       /* its tool, when it is one */
    unsigned n_tools;
    struct stream_tool tools[STREAM_TOOLS];
};

/* How a request reaches a provider of this dialect. The provider's own extra headers are the caller's to add. */
struct upstream_address {
    struct slice url;                 /* in the arena */
    const char *headers[8];           /* "name: value", in the arena, NULL-terminated */
};

/* What an error says beside its name and words. */
struct error_notes {
    const char *request_id; /* NULL: none */
    const char *estimate_usd; /* what the refused request may cost, a JSON number (money_format); NULL: not said */
};

/* An item of a call's messages, as the history policy sees it. */
struct dialect_message {
    struct history_message as; /* its tokens are the caller's to set */
    uint64_t text_bytes;
    unsigned n_images;
    struct slice system_text;  /* decoded; SLICE_NULL: it is no system message of this call's system_text */
};

struct dialect {
    enum dialect_id id;
    enum wire wire;
    unsigned endpoints;               /* bit per enum endpoint that it has */

    /* ---- as the client's ---- */
    /* The head of `call` (endpoint set by the caller), from a body. */
    enum fault (*read_head)(struct slice body, struct arena *arena, struct call *call, struct error *error);
    /* The same from a body that was read before, or put together with its tape (prompted.h). */
    enum fault (*read_tape)(const struct json_doc *body, struct arena *arena, struct call *call, struct error *error);
    /* The body; read_head came first. */
    enum fault (*read_body)(struct arena *arena, struct call *call, struct error *error);
    /* False: no shape that is known here, or one with a field given twice. */
    bool (*read_message)(const struct call *call, uint32_t item, struct arena *arena, struct dialect_message *ret);
    void (*write_reply)(const struct reply *r, struct buffer *out);
    void (*write_event)(struct stream_writer *w, const struct event *e, struct buffer *out); /* whole SSE frames */
    /* The shape of a failed request; content type is application/json. `notes` may be NULL. */
    void (*write_error)(enum fault fault, const char *message, const struct error_notes *notes, struct buffer *out);
    void (*write_stream_error)(enum fault fault, const char *message, struct buffer *out); /* SSE frames; last of the stream */

    /* ---- as the upstream's ---- */
    void (*address)(const struct provider *p, enum endpoint e, const char *model, struct arena *arena,
                    struct upstream_address *ret);
    /* Same wire: the client's bytes with model (and stream_options.include_usage when `want_usage`) spliced, limits
     * lowered to output_cap and dropped messages left out. */
    enum fault (*splice)(const struct call *call, const struct target *target, bool want_usage, struct buffer *out);
    /* Other wire: from the neutral body. */
    enum fault (*write_call)(const struct call *call, const struct target *target, struct buffer *out, struct error *error);
    /* `with_parts` false: metadata only. A 200 whose body is an error gives that error's fault. Vectors and counts are
     * output too; a token count is no usage. */
    enum fault (*read_reply)(struct slice body, enum endpoint e, bool with_parts, struct arena *arena, struct reply *ret,
                             struct upstream_error *ret_error);
    /* One SSE event into at most LIMIT_EVENTS_PER_CHUNK neutral ones. FAULT_UP_MALFORMED: the event is no JSON of
     * this dialect; the stream may go on without it. `usage_only` is set for OpenAI's extra usage chunk. With n > 1 the
     * index of text events is their choice, and EVENT_FINISH is the first choice's. */
    enum fault (*read_event)(struct stream_reader *r, struct slice name, struct slice data, struct event *events,
                             unsigned *ret_n, bool *ret_usage_only);
    void (*read_error)(int status, struct header_source headers, struct slice body, int64_t now_wall_us, struct arena *arena,
                       struct upstream_error *ret);
};

const struct dialect *dialect_of(enum dialect_id id);

/* Shared by the dialects. */
/* retry-after-ms, x-ms-retry-after-ms, retry-after as seconds or HTTP date, in that order; -1: none. */
int64_t dialect_retry_after_us(struct header_source headers, int64_t now_wall_us);
/* A message that tells of a context overflow, whoever wrote it. */
bool dialect_is_context_overflow(struct slice message);
/* Fault of a status code alone. */
enum fault dialect_fault_of_status(int status);
/* Checks before sending that this target can say what the call holds (a target of another wire). */
bool dialect_same_wire(const struct dialect *a, const struct dialect *b);

#endif
