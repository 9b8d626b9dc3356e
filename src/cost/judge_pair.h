/* judge_pair.h - asking a model which of two answers is better, and reading what it says. Pure. */
#ifndef COST_JUDGE_PAIR_H
#define COST_JUDGE_PAIR_H

#include "base/json.h"

#define JUDGE_SHOWN (32u << 10) /* bytes of a request and of each answer that the judge is shown; the rest is cut and said so */

enum judge_verdict { JUDGE_FIRST, JUDGE_SECOND, JUDGE_TIE };

/* The body of a chat request in OpenAI's shape. Each text stands between tags of model/quoted.h, so that an answer cannot end
 * itself and go on as another. */
void judge_pair_ask(struct slice model, struct slice request, struct slice first, struct slice second, struct json_writer *w);
/* Strict: the whole answer is a JSON object whose member `verdict` is "A", "B" or "tie". False: it is none. */
bool judge_pair_read(struct slice answer, struct arena *arena, enum judge_verdict *ret) MUST_CHECK;

#endif
