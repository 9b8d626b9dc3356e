/* wire.h - the simulated provider's bytes: one table of functions for each API, and a cursor that takes an
 * answer through its stream one token at a time.
 *
 * Frames are written with LF line ends; whoever sends them may change that (act.framing). */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "sim/answer.h"

/* A failed request. Empty members get what the API says for that status. */
struct wire_error {
    int status;
    struct act_error words;
    struct slice request_id;
    struct slice model;
};

/* A stream being written. All but `out` is set by frames_open. */
struct frames {
    const struct wire *wire;
    const struct ask *ask;
    const struct act *act;
    const struct answer *answer;
    struct buffer *out;
    struct slice head;     /* the bytes that every chunk starts with */
    unsigned choice, part; /* where the stream is */
    size_t at;             /* in the part's text */
    uint64_t sent;         /* tokens so far */
    uint64_t sequence;     /* Responses: numbers every event */
};

struct wire {
    void (*write_answer)(const struct ask *ask, const struct act *act, const struct answer *a,
                         struct buffer *out);
    void (*write_error)(const struct wire_error *e, struct buffer *out);
    /* a stream, in the order they are called */
    void (*open)(struct frames *f, struct arena *arena);
    void (*begin_part)(struct frames *f, const struct answer_part *p);
    void (*token)(struct frames *f, const struct answer_part *p, struct slice token);
    void (*end_part)(struct frames *f, const struct answer_part *p);
    void (*end_choice)(struct frames *f, const struct answer_choice *c);
    void (*close)(struct frames *f);
    /* on the way */
    void (*fail)(struct frames *f, const struct wire_error *e);
    void (*comment)(struct frames *f);
};

extern const struct wire wire_chat, wire_responses, wire_messages;
const struct wire *wire_of(enum ask_api api);

void frames_open(struct frames *f, const struct ask *ask, const struct act *act, const struct answer *a,
                 struct arena *arena, struct buffer *out);
bool frames_next(
    struct frames *f); /* writes the next token; false when there is none, and then nothing is written */
void frames_close(struct frames *f);
void frames_malformed(struct frames *f);

/* ---- shared by the APIs ---- */
struct wire_default {
    int status;
    const char *type, *code; /* OpenAI's; code may be NULL */
    const char *anthropic_type;
    const char *message;
};
const struct wire_default *
wire_default_of(int status); /* the closest for a status that is not in the table */
/* The words, or those that go with the code or the status. `text` has room for what is made up. */
struct slice wire_message(const struct wire_error *e, bool anthropic, char text[256]);
void wire_member_id(struct json_writer *w, const char *key, const char *prefix, struct slice id);
void wire_write_models(bool anthropic, struct buffer *out);
/* False: the input is not what the API takes. */
bool wire_write_embeddings(const struct ask *ask, const struct answer *a, uint64_t seed, struct arena *arena,
                           struct buffer *out);

#endif
