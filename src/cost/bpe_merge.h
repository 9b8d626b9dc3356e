/* bpe_merge.h - how many tokens a piece becomes. Private to the bpe_ files. */
#ifndef COST_BPE_MERGE_H
#define COST_BPE_MERGE_H

#include "cost/bpe_table.h"

/* Scratch that a piece of n bytes needs, aligned as for uint32_t. */
size_t bpe_merge_size(size_t n);

/* Merges until no pair is a token: lowest rank first, of equal ones the leftmost. n > 0. */
size_t bpe_merge(const struct bpe_table *t, const unsigned char *piece, size_t n, void *scratch);

#endif
