/* quoted.h - texts that nobody vouches for, shown to a model as material: each between tags that it cannot close.
 *
 *     <answer 5f0c1d2e3a4b5c6d>
 *     ...
 *     </answer 5f0c1d2e3a4b5c6d>
 *
 * The number is a digest of all texts that are shown together (SHA-256, cut to 64 bits), so a text that holds its own closing tag
 * would have to be its own preimage. The instruction that goes with it says that a text ends only at the tag with its number. */
#ifndef MODEL_QUOTED_H
#define MODEL_QUOTED_H

#include "base/buffer.h"

struct quoted {
    const char *what;  /* the tag's name */
    struct slice text; /* SLICE_NULL: absent, nothing is written */
    size_t most;       /* bytes shown; the rest is cut at a character boundary, and the text says so */
};

#define QUOTED_MARK 17
void quoted_mark(const struct quoted *texts, unsigned n, char ret[QUOTED_MARK]);
void quoted_write(const struct quoted *q, const char *mark, struct buffer *out);

#endif
