/* password.h - passwords as argon2id hashes: libsodium's crypto_pwhash_str with its interactive limits (2 passes over 64 MiB), which take
 * some 60 ms of one core, so never on a loop thread. digest_start must have been called. */
#ifndef BASE_PASSWORD_H
#define BASE_PASSWORD_H

#include "base/slice.h"

#define PASSWORD_LEAST 12  /* characters */
#define PASSWORD_MOST 256  /* bytes */
#define PASSWORD_HASH 128  /* bytes of a hash with its NUL: method, costs, salt and hash as text */

/* At least PASSWORD_LEAST characters of UTF-8, at most PASSWORD_MOST bytes. */
bool password_is_long_enough(struct slice password);
bool password_hash(struct slice password, char out[PASSWORD_HASH]) __attribute__((warn_unused_result)); /* false: there are no 64 MiB */
/* Is it the password behind `hash`? Without one (SLICE_NULL) it is not, and the answer takes as long. */
bool password_is(struct slice password, struct slice hash) __attribute__((warn_unused_result));

#endif
