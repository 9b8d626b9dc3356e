/* overrides.h - versions that went past review and gate by somebody's word, and that nobody else has looked at since. */
#ifndef STORE_OVERRIDES_H
#define STORE_OVERRIDES_H

#include "store/changes.h"

struct open_override {
    struct slice kind, name;
    struct change_approval said; /* verdict "override" */
};
/* Oldest first, of all subjects; texts in the arena. */
enum fault overrides_open(struct registry *r, struct arena *arena, struct open_override **ret, unsigned *ret_n, struct error *error) MUST_CHECK;

#endif
