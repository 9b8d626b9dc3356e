#include "base/digest.h"

#include <sodium.h>
#include <xxhash.h>

static const void *bytes_of(struct slice s) {
    return s.len > 0 ? s.at : "";
}

bool digest_start(void) {
    return sodium_init() >= 0;
}

void digest_sha256(struct slice data, struct digest *ret) {
    crypto_hash_sha256(ret->bytes, bytes_of(data), data.len);
}

bool digest_eq(const struct digest *a, const struct digest *b) {
    return sodium_memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

void digest_hex(const uint8_t *bytes, size_t n, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = 0;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool digest_from_hex(struct slice hex, uint8_t *out, size_t n) {
    if (hex.len % 2 != 0 || hex.len / 2 != n) return false;
    for (size_t i = 0; i < hex.len; i++)
        if (nibble(hex.at[i]) < 0) return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((unsigned)nibble(hex.at[2 * i]) << 4 | (unsigned)nibble(hex.at[2 * i + 1]));
    return true;
}

void digest_random(void *out, size_t n) {
    randombytes_buf(out, n);
}

uint64_t digest_fast(struct slice data, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes_of(data), data.len, seed);
}

uint64_t digest_keyed_fast(struct slice data, const uint8_t key[DIGEST_KEY]) {
    uint64_t seed, hash;
    uint8_t out[crypto_shorthash_BYTES];
    memcpy(&seed, key + crypto_shorthash_KEYBYTES, sizeof seed);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(bytes_of(data), data.len, seed));
    (void)crypto_shorthash(out, canonical.digest, sizeof canonical.digest, key);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

void digest_fast128(struct slice data, uint8_t out[16]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes_of(data), data.len));
    memcpy(out, canonical.digest, sizeof canonical.digest);
}

void digest_secret128(struct slice data, const uint8_t key[DIGEST_KEY], uint8_t out[16]) {
    (void)crypto_onetimeauth(out, bytes_of(data), data.len, key);
}

/* Room for the NUL is part of `cap`. */
void digest_hmac256(struct slice key, struct slice head, struct slice body, struct digest *ret) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, bytes_of(key), key.len);
    crypto_auth_hmacsha256_update(&state, bytes_of(head), head.len);
    crypto_auth_hmacsha256_update(&state, bytes_of(body), body.len);
    crypto_auth_hmacsha256_final(&state, ret->bytes);
    sodium_memzero(&state, sizeof state);
}

size_t digest_base64(struct slice data, char *out, size_t cap) {
    if (data.len > SIZE_MAX / 2) return 0;
    size_t need = sodium_base64_encoded_len(data.len, sodium_base64_VARIANT_ORIGINAL);
    if (cap < need) return 0;
    sodium_bin2base64(out, cap, bytes_of(data), data.len, sodium_base64_VARIANT_ORIGINAL);
    return need - 1;
}

bool digest_from_base64(struct slice text, uint8_t *out, size_t cap, size_t *ret_len) {
    size_t len;
    if (sodium_base642bin(out, cap, text.at, text.len, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) return false;
    *ret_len = len;
    return true;
}

void digest_keyed(struct slice data, const uint8_t key[DIGEST_KEY], struct digest *ret) {
    crypto_generichash(ret->bytes, sizeof ret->bytes, (const unsigned char *)data.at, data.len, key, DIGEST_KEY);
}
