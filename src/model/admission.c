#include "model/admission.h"

struct admission_labels admission_labels_of(const struct record *r) {
    return (struct admission_labels){.application = r->application,
                                     .team = r->team,
                                     .user = r->user,
                                     .feature = r->feature,
                                     .key = r->key,
                                     .model = r->model,
                                     .request_type = r->request_type,
                                     .tags = r->tags};
}

#define OUTPUT_UNKNOWN 4096 /* tokens: what an answer may be when nobody said and nothing was learned */

int64_t admission_most_output(const struct call *call, int64_t expected, const struct target *t, const struct request_policy *asked) {
    if (call->endpoint == ENDPOINT_EMBEDDINGS || call->endpoint == ENDPOINT_COUNT_TOKENS) return 0;
    int64_t most = call->max_tokens >= 0 ? call->max_tokens : expected;
    if (most < 0) most = t->max_output > 0 ? t->max_output : OUTPUT_UNKNOWN;
    if (asked->max_output_tokens >= 0 && asked->max_output_tokens < most) most = asked->max_output_tokens;
    if (most > LIMIT_COUNTED_TOKENS)
        most = LIMIT_COUNTED_TOKENS; /* a number nobody can mean must not become an unknown price */
    int64_t choices = call->choices > 1 ? call->choices : 1;
    return most > LIMIT_COUNTED_TOKENS / choices ? LIMIT_COUNTED_TOKENS : most * choices;
}
