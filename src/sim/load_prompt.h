/* load_prompt.h - load that names a prompt: variables from a file of JSON lines, taken in turn, and users drawn from so many. */
#ifndef SIM_LOAD_PROMPT_H
#define SIM_LOAD_PROMPT_H

#include "base/buffer.h"
#include "base/fault.h"
#include "sim/dice.h"

struct load_lines { /* one JSON object a line; borrows from the text */
    struct slice *lines;
    size_t n;
};
/* FAULT_BAD_JSON: the line that is none is named. Empty lines are passed over; a file without any is FAULT_BAD_REQUEST. */
enum fault load_lines_read(struct slice text, const char *name, struct load_lines *ret, struct error *error) MUST_CHECK;
void load_lines_deinit(struct load_lines *l);

/* A request's body: the variables of line `index`, and no messages of its own. */
void load_prompt_body(const struct load_lines *l, uint64_t index, bool anthropic, bool stream, struct buffer *out);

#define LOAD_USER 48
void load_user(struct dice *dice, uint64_t users, char out[LOAD_USER]); /* "x-quarterdeck-user: user-17" */

#endif
