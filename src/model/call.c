#include "model/call.h"

static const char *const endpoint_names[ENDPOINT_COUNT] = {
    [ENDPOINT_CHAT] = "chat",           [ENDPOINT_COUNT_TOKENS] = "count_tokens",
    [ENDPOINT_RESPONSES] = "responses", [ENDPOINT_EMBEDDINGS] = "embeddings",
    [ENDPOINT_MODELS] = "models",
};

const char *endpoint_name(enum endpoint e) {
    return (unsigned)e < ENDPOINT_COUNT ? endpoint_names[e] : "unknown";
}

bool endpoint_from_name(struct slice name, enum endpoint *ret) {
    for (unsigned e = 0; e < ENDPOINT_COUNT; e++)
        if (slice_is(name, endpoint_names[e])) {
            *ret = (enum endpoint)e;
            return true;
        }
    return false;
}
