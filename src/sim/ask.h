/* ask.h - one request as the simulated provider understands it, whichever API it came by.
 *
 * Read on purpose without dialect/: a simulator that used the gateway's own readers would share their
 * mistakes. Slices point into the body or the arena. */
#ifndef SIM_ASK_H
#define SIM_ASK_H

#include "base/json.h"
#include "sim/bounds.h"

enum ask_api { ASK_CHAT, ASK_RESPONSES, ASK_MESSAGES, ASK_COUNT_TOKENS, ASK_EMBEDDINGS };
enum ask_choice { ASK_TOOL_AUTO, ASK_TOOL_NONE, ASK_TOOL_REQUIRED, ASK_TOOL_NAMED };
enum ask_format { ASK_FORMAT_TEXT, ASK_FORMAT_OBJECT, ASK_FORMAT_SCHEMA };

struct ask_tool {
    struct slice name;
    uint32_t schema; /* node; JSON_NONE: no parameters */
};

struct ask {
    enum ask_api api;
    struct json_doc doc;
    struct slice model;    /* as asked, or Azure's deployment */
    struct slice question; /* the last user text, without a hint; empty when there is none */
    struct slice system;   /* all texts of the system (and the developer), a line each; empty likewise */
    bool stream, include_usage;
    bool after_tool;    /* the last message is a tool's result */
    bool prefill;       /* the last message is the assistant's */
    int64_t max_tokens; /* -1: not given */
    unsigned n;         /* answers wanted */
    struct slice stops[SIM_STOPS];
    unsigned n_stops;
    struct ask_tool *tools;
    unsigned n_tools;
    enum ask_choice choice;
    struct slice choice_name;
    bool parallel;
    enum ask_format format;
    uint32_t schema;       /* ASK_FORMAT_SCHEMA */
    uint64_t content;      /* hash of what shapes the answer; the same in every API, streamed or not */
    uint64_t input_tokens; /* counted by token.h, or the hint's */
    int64_t hint_output;   /* "[sim input=374 output=44 cached=128]" before the last user text; -1: none */
    int64_t hint_cached;
};

/* What was wrong: a message and the parameter's name (NULL: none), for the provider's error body. */
struct ask_problem {
    char text[LIMIT_ERROR_TEXT];
    const char *param;
};

/* `model` overrides the body's (Azure's deployment); SLICE_NULL: from the body. False fills *ret_problem. */
bool ask_read(enum ask_api api, struct slice body, struct slice model, uint64_t seed, struct arena *arena,
              struct ask *ret, struct ask_problem *ret_problem) __attribute__((warn_unused_result));

#endif
