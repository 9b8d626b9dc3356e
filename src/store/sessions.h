/* sessions.h - who is signed in: one row a session, found by the SHA-256 of a secret that only the browser has.
 *
 * A session is a user's, or of whoever showed an operator's token, which it names by its digest. It ends SESSION_IDLE_US after it was last used,
 * SESSION_LIFE_US after it began, and when its user signs out, gets another password or a lower role, is disabled or removed. */
#ifndef STORE_SESSIONS_H
#define STORE_SESSIONS_H

#include "store/users.h"

#define SESSION_IDLE_US (12 * 3600 * 1000000LL)
#define SESSION_LIFE_US (7 * 24 * 3600 * 1000000LL)
#define SESSION_TOUCH_US (60 * 1000000LL)    /* a use is written down so often at most */
#define SESSION_SLACK_US (600 * 1000000LL)   /* one that began so far in the future is of a clock that was wrong: it is over */
#define LIMIT_SESSIONS 256                   /* open ones of one user or token; the oldest make room */

struct session {
    struct digest digest;    /* of the secret */
    struct slice user;       /* SLICE_NULL: a token's */
    struct digest token;     /* as in the policy */
    enum user_role role;     /* of a user: now; of a token: when it was shown */
    int64_t made_us, seen_us;
    struct slice network, agent; /* whence it was begun, shortened (whence.h); SLICE_NULL: not known */
    struct slice hash;       /* sessions_begin: of the password that was shown; it has to be the user's still */
};

/* Begins it, forgets those that are over, notes when its user signed in. FAULT_NOT_FOUND: the user was removed or disabled meanwhile, or has
 * another password. */
enum fault sessions_begin(struct registry *r, const struct session *s, const struct audit_entry *entry, struct error *error) MUST_CHECK;
/* *ret_found false: there is none, it is over, or its user is disabled. Texts in the arena. */
enum fault sessions_find(struct registry *r, const struct digest *digest, int64_t now_us, struct arena *arena, struct session *ret, bool *ret_found, struct error *error) MUST_CHECK;
enum fault sessions_touch(struct registry *r, const struct digest *digest, int64_t now_us, struct error *error) MUST_CHECK;
enum fault sessions_end(struct registry *r, const struct digest *digest, struct error *error) MUST_CHECK; /* also when there is none */

/* Those of the same user or token as `whose` that are open, last used first; LIMIT_SESSIONS at most. */
enum fault sessions_list(struct registry *r, const struct session *whose, int64_t now_us, struct arena *arena, struct session **ret, unsigned *ret_n,
                         struct error *error) MUST_CHECK;
/* Ends these of them, in one transaction with the entry: `only` (NULL: all) but not `keep` (NULL: none). *ret_n may be 0: then there is no entry. */
enum fault sessions_end_those(struct registry *r, const struct session *whose, const struct digest *only, const struct digest *keep,
                              const struct audit_entry *entry, unsigned *ret_n, struct error *error) MUST_CHECK;
int64_t session_ends_us(const struct session *s); /* unless it is used before */

#endif
