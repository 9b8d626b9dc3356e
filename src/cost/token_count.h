/* token_count.h - how many tokens a text or a whole call is, for a model, and whether that is exact.
 *
 * Exact where the model's encoding is public (bpe.h) and every token is text: OpenAI's rule for chats is 3
 * tokens a message besides its role and content, 1 more for a name, and 3 that prime the answer (OpenAI
 * Cookbook, "How to count tokens with tiktoken"). An estimate, and marked as one: other models (o200k_base
 * times what calibration.h has learned), tools and tool calls (their JSON, which providers render in their
 * own way), images, Anthropic's and Gemini's wrapping, and texts above `whole`, which are counted by a
 * sample.
 *
 * A counter is one thread's. It takes no lock, and its scratch is bounded: the work of bpe.h and one decoded
 * text. */
#ifndef COST_TOKEN_COUNT_H
#define COST_TOKEN_COUNT_H

#include "base/arena.h"
#include "cost/bpe.h"
#include "cost/calibration.h"
#include "model/call.h"

enum token_encoding { TOKEN_O200K, TOKEN_CL100K, TOKEN_ESTIMATE };
const char *token_encoding_name(enum token_encoding e); /* "o200k_base", "cl100k_base", "estimate" */

/* `model` as upstream calls it; "openai/gpt-4o", "ft:gpt-4o-mini:…" and Azure's "gpt-35-turbo" are
 * understood. `provider` may be SLICE_NULL; names of providers with tokenizers of their own make it an
 * estimate. */
enum token_encoding token_encoding_of(struct slice provider, struct slice model);

struct token_count {
    int64_t tokens;
    int64_t plain; /* before the learned factor: `ours` of token_calibration_update, when `whole` */
    enum token_encoding encoding;
    bool exact;
    bool whole; /* nothing was sampled and nothing but text was there */
};

#define TOKEN_WHOLE_LOOP (256u << 10) /* bytes of a call that a loop thread counts in full */
#define TOKEN_WHOLE_TOOL SIZE_MAX     /* the command line has the time */
#define TOKEN_SAMPLE_WINDOWS 64u      /* a larger call: this many windows, evenly spread over all its text, */
#define TOKEN_SAMPLE_BYTES (2u << 10) /* each of this many bytes */
#define TOKEN_PER_IMAGE 800 /* as for what a provider did not get to count: 512 to 1024 px squares */

struct token_counter {
    struct bpe_work work;
    struct arena decoded;                        /* one text without its JSON escapes */
    const struct token_calibration *calibration; /* borrowed; NULL: every factor is 1 */
    size_t whole;
};

/* For a loop thread: BPE_LONGEST_LOOP and TOKEN_WHOLE_LOOP; for a tool, the _TOOL ones. */
void token_counter_init(struct token_counter *c, size_t longest, size_t whole,
                        const struct token_calibration *calibration);
void token_counter_deinit(struct token_counter *c);

/* The text alone, with nothing around it. */
struct token_count token_count_text(struct token_counter *c, struct slice provider, struct slice model,
                                    struct slice text);

/* The whole input of `call` for that target. Reads the request's document; without one (count 0), its body.
 */
struct token_count token_count_call(struct token_counter *c, struct slice provider, struct slice model,
                                    const struct call *call);

#endif
