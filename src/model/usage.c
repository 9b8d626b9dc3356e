#include "model/usage.h"

void usage_init(struct usage *u) {
#define USAGE(field) u->field = USAGE_NULL;
    USAGE_TABLE(USAGE)
#undef USAGE
    u->estimated = false;
}

bool usage_is_null(const struct usage *u) {
#define USAGE(field)                                                                                         \
    if (u->field >= 0) return false;
    USAGE_TABLE(USAGE)
#undef USAGE
    return true;
}

void usage_update(struct usage *u, const struct usage *later) {
    bool kept = false; /* a counter of ours that `later` does not replace */
#define USAGE(field)                                                                                         \
    if (later->field >= 0) u->field = later->field;                                                          \
    else if (u->field >= 0) kept = true;
    USAGE_TABLE(USAGE)
#undef USAGE
    u->estimated = later->estimated || (u->estimated && kept);
}
