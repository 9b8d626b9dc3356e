/* token.h - how the simulator counts tokens; simple, documented, and the same for input and output.
 *
 * A token is any white space in front (16 bytes at most) and then the first that fits of: up to 6 ASCII
 * letters, up to 3 digits, one character outside ASCII, up to 3 other characters. English comes out at a
 * little over 4 bytes a token, as with real tokenizers. Cutting a text behind a token changes nothing
 * before the cut, so a stream's chunks are its tokens. */
#ifndef SIM_TOKEN_H
#define SIM_TOKEN_H

#include "base/slice.h"

size_t token_length(struct slice text); /* bytes of the first token; 0 for an empty text */
uint64_t token_count(struct slice text);
size_t token_cut(struct slice text, uint64_t tokens); /* bytes of the first `tokens` tokens */

#endif
