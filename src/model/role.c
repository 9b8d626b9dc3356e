#include "model/role.h"

static const char *const names[] = {
#define ROLE(symbol, name) name,
    USER_ROLE_TABLE(ROLE)
#undef ROLE
};

const char *user_role_name(enum user_role role) { return names[role]; }

bool user_role_from(struct slice name, enum user_role *ret) {
    if (slice_is(name, "editor")) {
        *ret = USER_APPROVER;
        return true;
    }
    for (unsigned i = 0; i < USER_ROLES; i++)
        if (slice_is(name, names[i])) {
            *ret = (enum user_role)i;
            return true;
        }
    return false;
}
