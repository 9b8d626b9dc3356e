#include "base/password.h"

#include <sodium.h>

#define OF_NOBODY /* of 256 random bits that were thrown away */ \
    "$argon2id$v=19$m=65536,t=2,p=1$eI3ZvLBfShOPpYvIeVsZtQ$HmJAzlEBb59Ji2aS5Duhi+c7V+K1BWOUHB6sRTw7rCg"

_Static_assert(PASSWORD_HASH == crypto_pwhash_STRBYTES, "a hash fits");

bool password_is_long_enough(struct slice password) {
    size_t characters = 0;
    for (size_t i = 0; i < password.len; i++) characters += ((unsigned char)password.at[i] & 0xC0) != 0x80;
    return characters >= PASSWORD_LEAST && password.len <= PASSWORD_MOST && slice_is_utf8(password);
}

bool password_hash(struct slice password, char out[PASSWORD_HASH]) {
    return crypto_pwhash_str(out, password.at, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0;
}

bool password_is(struct slice password, struct slice hash) {
    char text[PASSWORD_HASH] = OF_NOBODY;
    bool known = !slice_is_null(hash) && hash.len < sizeof text;
    if (known) {
        memcpy(text, hash.at, hash.len);
        text[hash.len] = 0;
    }
    bool same = crypto_pwhash_str_verify(text, password.len > 0 ? password.at : "", password.len) == 0;
    sodium_memzero(text, sizeof text);
    return same && known;
}
