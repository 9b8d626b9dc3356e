/* bpe.h - exact token counts of OpenAI's byte pair encodings.
 *
 * A text is split into pieces by the encoding's pattern; each piece is a token of the vocabulary or is
 * merged, lowest rank first, until no pair is one. The count is that of npm's gpt-tokenizer (the version in
 * mk/npm) for the text as JavaScript decodes it: each broken UTF-8 sequence stands for one U+FFFD, special
 * tokens are plain text, and U+FEFF is white space and hides the tokens that begin with it, as it does there.
 * The tables are read where they lie in the binary: nothing is built at start, and what is never counted is
 * never paged in.
 *
 * Time is linear in the text but for pieces (words, runs of white space or marks) longer than a token, which
 * take n log n. A piece longer than the work's `longest` is cut, each cut may shift the count by a token
 * or two, and the count says so. docs/decisions/005-token-counting.md has the measurements. */
#ifndef COST_BPE_H
#define COST_BPE_H

#include "base/slice.h"

enum bpe_encoding { BPE_O200K, BPE_CL100K, BPE_ENCODINGS };
const char *bpe_name(enum bpe_encoding e); /* "o200k_base", "cl100k_base" */

/* Scratch of one thread, made when it is first needed: 32 KiB of pieces, and some 7 bytes for each byte of
 * the longest piece met so far that has more than 256. */
struct bpe_work {
    size_t longest;        /* bytes of a piece that is merged in one go */
    struct bpe_memo *memo; /* pieces met lately, with their counts */
    unsigned char *merge;  /* the arrays of the merge */
    size_t merge_size;
    unsigned char *repair; /* a piece with U+FFFD in the place of what was broken */
    size_t repair_size;
};

#define BPE_LONGEST_LOOP (32u << 10) /* for loop threads: 0.25 MiB of scratch at the most */
#define BPE_LONGEST_TOOL (16u << 20) /* for the command line: 120 MiB */

void bpe_work_init(struct bpe_work *w, size_t longest); /* at least 256 */
void bpe_work_deinit(struct bpe_work *w);

/* Tokens in `text`. *ret_exact becomes false when a piece had to be cut, and is else left alone. */
uint64_t bpe_count(enum bpe_encoding e, struct slice text, struct bpe_work *w, bool *ret_exact);

#endif
