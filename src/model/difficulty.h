/* difficulty.h - how hard a request looks: cheap features of a call, and what a trained model makes of them.
 *
 * Pure and dialect-neutral; wants a call whose head was read. Text is looked at in the last message of the user's alone, and
 * of it the first DIFFICULTY_TEXT bytes as they are written in JSON; of a longer history than DIFFICULTY_MESSAGES messages,
 * the first ones count as half of them being the user's. Measured: 0.5 us for
 * a short question, 14 us for 8 KiB behind 100 messages, 12 us for 1 MiB of text, 51 us behind 20,000 messages. */
#ifndef MODEL_DIFFICULTY_H
#define MODEL_DIFFICULTY_H

#include "model/call.h"

#define DIFFICULTY_TEXT (8u << 10)
#define DIFFICULTY_MESSAGES 256

/* Lengths and counts as log2(1 + n): a doubling is a step, and nothing huge outweighs all else.
 * FEATURE(symbol, name, what more of it means in words) */
#define DIFFICULTY_TABLE(FEATURE)                                              \
    FEATURE(LENGTH, "length", "all texts together are longer")                 \
    FEATURE(QUESTION, "question", "the last message is longer")                \
    FEATURE(SYSTEM, "system", "the system prompt is longer")                   \
    FEATURE(TURNS, "turns", "more turns came before")                          \
    FEATURE(CODE, "code", "there is code in the last message")                 \
    FEATURE(NUMBERS, "numbers", "more of the last message are digits")         \
    FEATURE(QUESTIONS, "questions", "more question marks in the last message") \
    FEATURE(LINES, "lines", "the last message has more lines")                 \
    FEATURE(WORDS, "words", "words of the last message are longer")            \
    FEATURE(TOOLS, "tools", "tools are offered")                               \
    FEATURE(IMAGES, "images", "more images")                                   \
    FEATURE(FORMAT, "format", "the answer must be JSON")

enum difficulty_feature {
#define FEATURE(symbol, name, words) DIFFICULTY_##symbol,
    DIFFICULTY_TABLE(FEATURE)
#undef FEATURE
        DIFFICULTY_FEATURES
};
const char *difficulty_feature_name(enum difficulty_feature f);
const char *difficulty_feature_words(enum difficulty_feature f);

struct difficulty {
    double x[DIFFICULTY_FEATURES];
    /* the same as rules ask for it */
    uint64_t input_chars;
    unsigned turns; /* messages of the user's, the last among them */
    bool has_code, has_images, has_tools;
};

void difficulty_read(const struct call *call, struct difficulty *ret);

/* Logistic: P(the cheapest tier is good enough) = 1 / (1 + exp(-z)), z = intercept + sum of
 * weight[i] * (x[i] - mean[i]) / scale[i]. Scales are above 0. */
struct difficulty_weights {
    double intercept, weight[DIFFICULTY_FEATURES], mean[DIFFICULTY_FEATURES], scale[DIFFICULTY_FEATURES];
    double threshold; /* from this probability on, the cheapest tier */
};
double difficulty_good_enough(const struct difficulty_weights *w, const struct difficulty *d);

/* {"intercept", "threshold", "features": [{"name", "weight", "mean", "scale"}]}. A feature that is not there weighs
 * nothing; one that is not known here makes it unreadable, as does a number that cannot be. */
void difficulty_write_json(const struct difficulty_weights *w, struct json_writer *out);
bool difficulty_read_json(const struct json_doc *d, uint32_t node, struct difficulty_weights *ret) MUST_CHECK;

#endif
