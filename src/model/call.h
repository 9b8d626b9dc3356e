/* call.h - one client call in neutral form: what every dialect's request body can be read into and
 * written from.
 *
 * Two depths. The HEAD is read from every request, passed on or translated: where the bytes to splice
 * are and what routing needs. The BODY (messages, tools, sampling) is read only when the target speaks
 * another dialect. Slices point into the request's text or the exchange's arena. Numbers stay as they
 * were written (raw JSON), so that nothing is lost on the way. SLICE_NULL is "not given". */
#ifndef MODEL_CALL_H
#define MODEL_CALL_H

#include "base/json.h"

enum endpoint {
    ENDPOINT_CHAT,         /* POST /v1/chat/completions, and Anthropic's /v1/messages */
    ENDPOINT_COUNT_TOKENS, /* POST /v1/messages/count_tokens */
    ENDPOINT_RESPONSES,    /* POST /v1/responses */
    ENDPOINT_EMBEDDINGS,   /* POST /v1/embeddings */
    ENDPOINT_MODELS,       /* GET /v1/models */
    ENDPOINT_COUNT
};
const char *endpoint_name(enum endpoint e); /* "chat", "count_tokens", "responses", "embeddings", "models" */
bool endpoint_from_name(struct slice name, enum endpoint *ret);

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

enum part_type { PART_TEXT, PART_IMAGE, PART_TOOL_CALL, PART_TOOL_RESULT, PART_REFUSAL, PART_THINKING };

struct part {
    enum part_type type;
    struct slice text;       /* TEXT, REFUSAL, THINKING; TOOL_RESULT: its text (parts joined) */
    struct slice media_type; /* IMAGE as data: "image/png" */
    struct slice data;       /* IMAGE: base64, or SLICE_NULL when url is set */
    struct slice url;        /* IMAGE by address */
    struct slice detail;     /* IMAGE: OpenAI's detail; dropped where it has no counterpart (a hint only) */
    struct slice id;         /* TOOL_CALL: its id. TOOL_RESULT: the call it answers */
    struct slice name;       /* TOOL_CALL */
    struct slice arguments;  /* TOOL_CALL: the JSON object as text */
    bool is_error;           /* TOOL_RESULT */
    struct part *images;     /* TOOL_RESULT: images in it */
    unsigned n_images;
    struct slice signature;  /* THINKING */
};

struct message {
    enum role role;
    struct part *parts;
    unsigned n_parts;
};

struct tool {
    struct slice name, description;
    struct slice schema; /* raw JSON Schema object */
    struct slice strict; /* raw true/false, or null slice */
};

enum tool_choice { TOOL_CHOICE_UNSET, TOOL_CHOICE_AUTO, TOOL_CHOICE_NONE, TOOL_CHOICE_REQUIRED, TOOL_CHOICE_NAMED };
enum response_format { FORMAT_UNSET, FORMAT_TEXT, FORMAT_JSON_OBJECT, FORMAT_JSON_SCHEMA };

struct call {
    /* ---- head ---- */
    enum endpoint endpoint;
    struct json_doc doc;          /* the request's body */
    struct slice model;           /* decoded */
    uint32_t model_node;          /* its value in doc */
    bool stream;
    bool include_usage;           /* the client asked for usage in the stream itself */
    uint32_t stream_options_node; /* OpenAI: JSON_NONE when absent */
    int64_t max_tokens;           /* -1: not given; of two names that are given, the larger */
    int64_t choices;              /* answers asked for at once: OpenAI's n */
    uint32_t limit_nodes[2];      /* where it may stand: max_tokens, max_completion_tokens; or max_output_tokens alone */
    uint32_t messages_node;       /* the list of messages or input items; JSON_NONE: none, or a text */
    struct slice end_user;        /* OpenAI user, Anthropic metadata.user_id */
    struct slice system_text;     /* all system text, decoded and joined with "\n\n"; SLICE_NULL: none */
    uint64_t text_bytes;          /* text in messages and tools: for estimates and window checks */
    unsigned n_images_total;

    /* ---- what the application's policy takes from it; see dialect/trim.h ---- */
    int64_t output_cap;           /* limits above it are lowered, and one is set where none is given; -1: none is needed */
    int64_t tokens_saved;         /* estimate, of the messages dropped; -1: no policy was applied */
    const bool *dropped;          /* by item of messages_node; NULL: none is */

    /* ---- body (chat only) ---- */
    bool has_body;
    struct message *messages;     /* system ones included, in order */
    unsigned n_messages;
    struct tool *tools;
    unsigned n_tools;
    enum tool_choice tool_choice;
    struct slice tool_choice_name;
    struct slice parallel_tools;  /* raw true/false */
    struct slice temperature, top_p, top_k, seed, frequency_penalty, presence_penalty, n; /* raw numbers */
    struct slice *stop;           /* decoded */
    unsigned n_stop;
    enum response_format format;
    struct slice schema_name, schema, schema_strict; /* FORMAT_JSON_SCHEMA; schema raw */
    struct slice thinking_budget; /* raw number: Anthropic thinking.budget_tokens */
    struct slice reasoning_effort;/* decoded: OpenAI reasoning_effort */
};

static inline bool call_drops(const struct call *c, uint32_t item) { return c->dropped != NULL && c->dropped[item]; }

#endif
