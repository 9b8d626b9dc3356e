/* bpe_split.h - the split patterns of the encodings, by hand. Private to the bpe_ files.
 *
 * What each alternative of the patterns matches is stated in bpe_split.c, beside its function. */
#ifndef COST_BPE_SPLIT_H
#define COST_BPE_SPLIT_H

#include "cost/bpe_table.h"

struct bpe_split {
    struct bpe_classes classes;
    const unsigned char *end; /* of the text */
    bool broken;              /* set once a broken UTF-8 sequence was met */
};

/* End of the piece that begins at `at`, which is before the text's end. Pieces leave nothing out. */
const unsigned char *bpe_split_o200k(struct bpe_split *s, const unsigned char *at);
const unsigned char *bpe_split_cl100k(struct bpe_split *s, const unsigned char *at);

#endif
