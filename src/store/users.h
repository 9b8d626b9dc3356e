/* users.h - people who sign in to the control plane, in the registry's database. Each change and its audit entry are one transaction.
 *
 * Names are lower case, so that two people cannot be told apart by case alone; a user and an operator's token of one name are one person
 * (who made a version may not approve it under either). Whatever is changed, an admin who may sign in is left: FAULT_CONFLICT otherwise, so
 * the first user is an admin. What a user may no longer do ends their sessions (sessions.h) in the same transaction. */
#ifndef STORE_USERS_H
#define STORE_USERS_H

#include "model/role.h"
#include "store/registry.h"

#define LIMIT_USER_NAME 64   /* bytes; longest part of an address */
#define LIMIT_USERS 1000     /* all are listed at once */

struct user {
    struct slice name;
    enum user_role role;
    bool enabled;
    int64_t made_us, password_us; /* wall: of the user, of the password */
    int64_t signed_in_us;         /* last time; 0: never */
    struct slice made_by;
    struct slice hash;            /* of the password; never shown */
    unsigned sessions;            /* open ones; users_list */
};

/* 1 to 64 of a-z 0-9 - _ . @ +, the first a letter or a digit; not one that the program acts under. */
bool user_name_is_good(struct slice name);
enum fault users_any(struct registry *r, bool *ret, struct error *error) MUST_CHECK;
enum fault users_list(struct registry *r, int64_t now_us, struct arena *arena, struct user **ret, unsigned *ret_n, struct error *error) MUST_CHECK; /* by name */
enum fault users_find(struct registry *r, struct slice name, struct arena *arena, struct user *ret, struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */

/* `first`: only while there is no other one. FAULT_CONFLICT: the name is taken, `first` and there is one, LIMIT_USERS. */
enum fault users_put(struct registry *r, const struct user *u, bool first, const struct audit_entry *entry, struct error *error) MUST_CHECK;
/* The same with a password to be hashed (some 60 ms), enabled, now; for whoever sets up a server (the demo, tests). */
enum fault users_add(struct registry *r, struct slice name, enum user_role role, struct slice password, struct slice by, struct error *error) MUST_CHECK;

struct user_change {          /* of what is not given stays what it is */
    bool remove;
    const enum user_role *role;
    const bool *enabled;
    struct slice hash;
    int64_t at_us;
};
enum fault users_change(struct registry *r, struct slice name, const struct user_change *c, const struct audit_entry *entry, struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */

#endif
