/* act.h - what a script makes the provider do to one request: the `do:` of a rule, as data.
 *
 * One table names every action, its type and its words for docs/simulator.md. Absent actions hold their
 * "nothing" value (act_init). Positions count output tokens: 0 is behind the head and before the first
 * token, ACT_HEAD is before the head. In an answer that is not streamed every position from 0 on means
 * half-way through the body. */
#ifndef SIM_ACT_H
#define SIM_ACT_H

#include "base/fault.h"
#include "base/yaml.h"
#include "sim/bounds.h"

#define ACT_NEVER (-1)
#define ACT_HEAD (-2)

enum act_usage {
    ACT_USAGE_NORMAL,
    ACT_USAGE_NONE,
    ACT_USAGE_ALWAYS,
    ACT_USAGE_FINISH,
    ACT_USAGE_EVERY,
    ACT_USAGE_FIRST
};
enum act_framing { ACT_FRAMING_LF, ACT_FRAMING_CRLF, ACT_FRAMING_CR };
enum act_filter { ACT_FILTER_OFF, ACT_FILTER_PROMPT, ACT_FILTER_OUTPUT };
enum act_retry_form { ACT_RETRY_SECONDS, ACT_RETRY_DATE, ACT_RETRY_MS, ACT_RETRY_AZURE_MS };

/* ACT(name, TYPE, field, help) */
#define ACT_TABLE(ACT)                                                                                       \
    ACT(status, STATUS, status, "answer this status with an error body")                                     \
    ACT(error, ERROR, error, "map of type, code, message, param for that error body")                        \
    ACT(body, TEXT, body, "answer this body as it stands, with `status` or 200")                             \
    ACT(headers, HEADERS, headers, "map of reply headers to set")                                            \
    ACT(retry_after, DURATION, retry_after, "a retry-after header of this length")                           \
    ACT(retry_form, RETRY_FORM, retry_form, "how it is written: seconds, date, ms, azure_ms")                \
    ACT(delay, DURATION, delay, "wait this long before anything else")                                       \
    ACT(first_token, DURATION, first_token, "time to the first token, instead of the model's law")           \
    ACT(early_head, FLAG, early_head, "send a stream's head at once, not with the first token")              \
    ACT(slower, NUMBER, slower, "multiply the model's times")                                                \
    ACT(reset, POSITION, reset, "close the connection at `head` or behind N tokens")                         \
    ACT(stall, POSITION, stall, "fall silent at `head` or behind N tokens")                                  \
    ACT(stall_for, DURATION, stall_for, "go on after this long; otherwise silent until the client leaves")   \
    ACT(cut, POSITION, cut, "end the answer cleanly behind N tokens, without its last events")               \
    ACT(malformed, POSITION, malformed, "an event that is no JSON behind N tokens")                          \
    ACT(stream_error, POSITION, stream_error, "an error inside a 200 answer behind N tokens")                \
    ACT(no_done, FLAG, no_done, "leave out [DONE] (message_stop for Anthropic)")                             \
    ACT(no_finish, FLAG, no_finish, "leave out the finish reason and all behind it but [DONE]")              \
    ACT(version, TEXT, version, "report this model")                                                         \
    ACT(fingerprint, TEXT, fingerprint, "report this system_fingerprint")                                    \
    ACT(longer, NUMBER, longer, "multiply the answer's length")                                              \
    ACT(worse, NUMBER, worse, "share of useless sentences, 0 to 1")                                          \
    ACT(say, TEXT, say, "answer this text")                                                                  \
    ACT(lead, TEXT, lead, "begin the answer with this text")                                                 \
    ACT(empty, FLAG, empty, "answer nothing at all, with finish reason stop")                                \
    ACT(refusal, TEXT, refusal, "refuse with this text")                                                     \
    ACT(content_filter, FILTER, content_filter, "prompt: 400; output: finish reason content_filter")         \
    ACT(azure, FLAG, azure, "Azure's first chunk without choices, with prompt_filter_results")               \
    ACT(flood, SIZE, flood, "send this many bytes without a newline instead of an answer")                   \
    ACT(framing, FRAMING, framing, "line ends of a stream: lf, crlf, cr")                                    \
    ACT(split, FLAG, split, "send a stream byte by byte")                                                    \
    ACT(comments, FLAG, comments, "a comment (ping event for Anthropic) before every token")                 \
    ACT(usage, USAGE, usage, "usage in a stream: normal, none, always, finish, every, first")                \
    ACT(cached, NUMBER, cached, "share of the input read from the prompt cache, 0 to 1")                     \
    ACT(cache_written, NUMBER, cache_written, "share of the input written to the prompt cache, 0 to 1")      \
    ACT(reasoning, INTEGER, reasoning, "reasoning tokens, added to the output")                              \
    ACT(polls, INTEGER, polls, "a batch with this line is complete when it is asked for the N-th time (else the second)")

struct act_error {
    struct slice type, code, message, param;
};

struct act_header {
    struct slice name, value; /* NUL-terminated behind len, as YAML's */
};

struct act {
    int64_t status, reasoning, polls;
    struct act_error error;
    struct slice body, version, fingerprint, say, lead, refusal;
    struct act_header headers[SIM_HEADERS];
    unsigned n_headers;
    int64_t retry_after, delay, first_token, stall_for; /* microseconds; -1: not set */
    int64_t reset, stall, cut, malformed, stream_error; /* positions */
    int64_t flood;                                      /* bytes */
    double slower, longer, worse, cached, cache_written;
    bool early_head, no_done, no_finish, empty, azure, split, comments;
    enum act_usage usage;
    enum act_framing framing;
    enum act_filter content_filter;
    enum act_retry_form retry_form;
};

void act_init(struct act *a);
/* Adds a `do:` map onto *a: what it names replaces what was there. Slices point into the tree. On a mistake
 * FAULT_CONFIG, *ret_at is the node to blame and *error says what was expected. */
enum fault act_read(const struct yaml_node *map, struct act *a, const struct yaml_node **ret_at,
                    struct error *error) MUST_CHECK;

/* "350ms", "2s", "1.5m", "2h", "0"; microseconds. */
bool act_duration(struct slice text, int64_t *ret_us);
/* The closest of `n` names within two edits, or NULL: for hints. */
const char *act_nearest(struct slice word, const char *const *names, unsigned n);

#endif
