/* alike.h - which kept answers belong to questions in other words: for the semantic cache. Shared by all
 * loops, thread-safe.
 *
 * Questions that may be compared at all lie in one class, whose key is a digest of everything but their
 * wording; a class belongs to an application, whatever the key's bytes say. A look-up compares with every
 * entry of its class, so a class holds LIMIT_CACHE_ALIKE of them, and a new one takes the place of the
 * oldest. Only vectors and the keys of answers are in here: whoever finds a key asks `answers` for it, and
 * forgets it when nothing is there.
 *
 * Bounded by bytes over all applications: when they do not suffice, the application that holds most gives up
 * its least recently used classes, so none loses any while another holds more. */
#ifndef GATEWAY_ALIKE_H
#define GATEWAY_ALIKE_H

#include "base/fault.h"
#include "gateway/answers.h"
#include "model/embedding.h"

struct alike;

struct alike *alike_new(size_t max_bytes, unsigned shards);
void alike_free(struct alike *a);
void alike_bound(struct alike *a, size_t max_bytes); /* a new bound, at once */
size_t alike_bytes(struct alike *a);
/* The question of this wording has the answer of `answer` (of the class's application); kept_us is monotonic.
 */
void alike_keep(struct alike *a, const struct answer_key *class, const struct embedding *wording,
                const struct answer_key *answer, int64_t kept_us);
/* The answer of the most alike question that was kept at `since_us` or later, where it reaches `least`
 * (millionths). *ret_answer has the class's application. */
bool alike_find(struct alike *a, const struct answer_key *class, const struct embedding *wording,
                int64_t since_us, int32_t least, struct answer_key *ret_answer,
                int32_t *ret_similarity) MUST_CHECK;
void alike_forget(struct alike *a, const struct answer_key *class, const struct answer_key *answer);

#endif
