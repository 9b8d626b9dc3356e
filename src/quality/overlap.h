/* overlap.h - how much of a reference's wording an answer has: ROUGE-N and BLEU.
 *
 * ROUGE-N (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"): n-grams matched, each at most as often
 * as it stands in both. Recall is matched / of the reference (the original definition), precision matched / of the
 * answer, F1 their harmonic mean (what promptfoo's js-rouge scores with). Words as in Google's rouge_score, but not
 * for ASCII alone: lower case, runs of text_is_word, each ideograph by itself; no stemming. js-rouge keeps case and
 * counts punctuation, so its scores differ in the second digit.
 *
 * BLEU (Papineni et al. 2002) as sacreBLEU 2.x computes it: 13a tokens, case kept, clipped over all references, the
 * closest reference's length (of two as close, the shorter) for the brevity penalty, exponential smoothing. Of one
 * sentence with effective order, as its sentence_bleu; but 0..1 where sacreBLEU says 0..100. Not promptfoo's: that one
 * folds case, parts at spaces only, and its brevity penalty exp(1 - answer / reference) exceeds 1.
 *
 * N-grams are compared by 64-bit hashes: of a million different ones some two meet in one of 10^7 texts. */
#ifndef QUALITY_OVERLAP_H
#define QUALITY_OVERLAP_H

#include "base/arena.h"

struct rouge {
    double precision, recall, f1;
};
bool rouge_n(struct slice answer, struct slice reference, int n, struct arena *arena, struct rouge *ret); /* false: arena full */

#define BLEU_ORDER 4
struct bleu {
    uint64_t matched[BLEU_ORDER], total[BLEU_ORDER], length, reference_length;
};
/* Adds one answer's counts (so that a corpus can be summed). n_references >= 1. False: the arena is full. */
bool bleu_add(struct bleu *b, struct slice answer, const struct slice *references, unsigned n_references, struct arena *arena);
double bleu_score(const struct bleu *b, bool effective_order); /* 0..1 */

#endif
