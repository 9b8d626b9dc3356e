/* role.h - what people and operators' tokens may do to the control plane; each role may also what those before it may.
 *
 *   viewer    reads
 *   operator  runs it: keys, budgets, suites, submitting and rolling out, silences, actions, rollback
 *   approver  says yes or no to what others made: reviews of versions, new versions of models, thresholds
 *   admin     users, the configuration, overrides */
#ifndef MODEL_ROLE_H
#define MODEL_ROLE_H

#include "base/slice.h"

/* ROLE(symbol, name) */
#define USER_ROLE_TABLE(ROLE)                                                                                 \
    ROLE(VIEWER, "viewer") ROLE(OPERATOR, "operator") ROLE(APPROVER, "approver") ROLE(ADMIN, "admin")
enum user_role {
#define ROLE(symbol, name) USER_##symbol,
    USER_ROLE_TABLE(ROLE)
#undef ROLE
        USER_ROLES
};
#define OR_ROLE(symbol, name) "|" name
#define USER_ROLE_NAMES (&(USER_ROLE_TABLE(OR_ROLE))[1]) /* "viewer|operator|approver|admin" */

const char *user_role_name(enum user_role role);
/* Also `editor`, an older name of approver. */
bool user_role_from(struct slice name, enum user_role *ret) __attribute__((warn_unused_result));

#endif
