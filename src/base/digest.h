/* digest.h - hashes, random bytes, constant-time compare. A thin face over libsodium and xxHash.
 * digest_start must have been called once before threads start. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/slice.h"

#define DIGEST_BYTES 32
struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

bool digest_start(void) __attribute__((warn_unused_result)); /* false: the system has no random source */
void digest_sha256(struct slice data, struct digest *ret);
bool digest_eq(const struct digest *a, const struct digest *b); /* constant time */
void digest_hex(const uint8_t *bytes, size_t n, char *out);     /* writes 2n characters and a NUL */
bool digest_from_hex(struct slice hex, uint8_t *out, size_t n); /* exactly 2n hex digits */
void digest_random(void *out, size_t n);
uint64_t digest_fast(struct slice data, uint64_t seed);         /* XXH3-64: tables and checksums, not secrets */
/* A hash of 64 bits, as fast as digest_fast (SipHash-2-4 of a seeded XXH3-128): equal for equal data; who has not the key cannot test a guess. */
#define DIGEST_KEY 32
uint64_t digest_keyed_fast(struct slice data, const uint8_t key[DIGEST_KEY]);
void digest_fast128(struct slice data, uint8_t out[16]);        /* XXH3-128, canonical: content fingerprints */
/* Poly1305: two contents of up to 1 MiB meet with a probability below 2^-80, whoever chose them, while `key` is random and
 * neither it nor any result is shown to anyone (Bernstein 2005, theorem 3.3: 8 ceil(length / 16) / 2^106). */
void digest_secret128(struct slice data, const uint8_t key[DIGEST_KEY], uint8_t out[16]);
/* BLAKE2b-256 with a key: nobody without it can make or test a guess (RFC 7693). */
void digest_keyed(struct slice data, const uint8_t key[DIGEST_KEY], struct digest *ret);
/* HMAC-SHA-256 (RFC 2104) over `head` and `body`, one behind the other; a key of any length. */
void digest_hmac256(struct slice key, struct slice head, struct slice body, struct digest *ret);
size_t digest_base64(struct slice data, char *out, size_t cap); /* standard alphabet, padded; 0: no room */
bool digest_from_base64(struct slice text, uint8_t *out, size_t cap, size_t *ret_len); /* the same, strictly */

#endif
