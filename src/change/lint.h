/* lint.h - what is wrong with a prompt before anybody asks it: contradictory and duplicated instructions (heuristics, told as such),
 * variables that are declared and not used or used and not declared, secrets, personal data, growth over the launched version. Pure. */
#ifndef CHANGE_LINT_H
#define CHANGE_LINT_H

#include "model/prompt.h"

#define LINT_TABLE(RULE)                                                                                      \
    RULE(CONTRADICTION, "contradiction")                                                                      \
    RULE(DUPLICATE, "duplicate")                                                                              \
    RULE(UNUSED_VARIABLE, "unused-variable")                                                                  \
    RULE(UNDECLARED_VARIABLE, "undeclared-variable")                                                          \
    RULE(SECRET, "secret")                                                                                    \
    RULE(PERSONAL_DATA, "personal-data")                                                                      \
    RULE(GROWTH, "growth")
enum lint_rule {
#define RULE(symbol, name) LINT_##symbol,
    LINT_TABLE(RULE)
#undef RULE
};
struct lint_note {
    enum lint_rule rule;
    bool error;                  /* secrets: the version is refused unless --allow-secrets says that it is none */
    unsigned message;            /* which, from 0; of a variable: UINT_MAX */
    struct slice words;          /* never the secret itself: "an AWS access key (AKIA…)" */
};
/* `launched` NULL: none; tokens of both as the caller counted them (-1: unknown). */
enum fault lint_prompt(const struct prompt *p, int64_t tokens, int64_t launched_tokens, struct arena *arena, struct lint_note **ret,
                       unsigned *ret_n) MUST_CHECK;
void lint_write(const struct lint_note *notes, unsigned n, struct json_writer *w); /* an array */

#endif
