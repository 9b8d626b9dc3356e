#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void sha256(void **state) {
    struct digest a, b;
    char hex[2 * DIGEST_BYTES + 1];
    (void)state;
    digest_sha256(SLICE("abc"), &a);
    digest_hex(a.bytes, DIGEST_BYTES, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256(SLICE_NULL, &b);
    digest_hex(b.bytes, DIGEST_BYTES, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_false(digest_eq(&a, &b));
    b = a;
    assert_true(digest_eq(&a, &b));
    for (int i = 0; i < DIGEST_BYTES; i++) {
        b = a;
        b.bytes[i] ^= 0x80;
        assert_false(digest_eq(&a, &b));
    }
}

static void hex_digits(void **state) {
    uint8_t bytes[256], back[256];
    char hex[513];
    (void)state;
    for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
    digest_hex(bytes, 256, hex);
    assert_int_equal(strlen(hex), 512);
    assert_true(digest_from_hex(slice_of(hex), back, 256));
    assert_memory_equal(bytes, back, 256);
    assert_true(digest_from_hex(SLICE("aBCd"), back, 2));
    assert_true(back[0] == 0xAB && back[1] == 0xCD);
    back[0] = back[1] = 7;
    static const char *const bad[] = {"",     "a",    "abc",  "abcdef", "abg0",
                                      "0x12", " abc", "ab:d", "ab@d",   "ab`d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(digest_from_hex(slice_of(bad[i]), back, 2));
    assert_true(back[0] == 7 && back[1] == 7);
    assert_true(digest_from_hex(SLICE_NULL, back, 0));
    digest_hex(bytes, 0, hex);
    assert_string_equal(hex, "");
}

static void fast_hashes(void **state) {
    uint8_t out[16];
    char hex[33];
    (void)state;
    /* the test vectors of xxHash: XXH3-64 and XXH3-128 of nothing */
    assert_true(digest_fast(SLICE_NULL, 0) == 0x2D06800538D394C2u);
    assert_true(digest_fast(SLICE(""), 0) == digest_fast(SLICE_NULL, 0));
    assert_true(digest_fast(SLICE("a"), 0) != digest_fast(SLICE("a"), 1));
    digest_fast128(SLICE_NULL, out);
    digest_hex(out, 16, hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
}

static void keyed_fast_hash(void **state) {
    uint8_t key[DIGEST_KEY] = {1}, other[DIGEST_KEY] = {1};
    (void)state;
    uint64_t hash = digest_keyed_fast(SLICE("what is asked"), key);
    assert_true(hash == digest_keyed_fast(SLICE("what is asked"), key));
    assert_true(hash != digest_keyed_fast(SLICE("what is asked?"), key));
    other[5] = 1; /* of SipHash */
    assert_true(hash != digest_keyed_fast(SLICE("what is asked"), other));
    other[5] = 0;
    other[20] = 1; /* of XXH3 */
    assert_true(hash != digest_keyed_fast(SLICE("what is asked"), other));
    assert_true(digest_keyed_fast(SLICE_NULL, key) == digest_keyed_fast(SLICE(""), key));
}

/* RFC 8439, 2.5.2 */
static void secret_hash(void **state) {
    uint8_t key[DIGEST_KEY], out[16];
    char hex[33];
    (void)state;
    assert_true(digest_from_hex(SLICE("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"), key, sizeof key));
    digest_secret128(SLICE("Cryptographic Forum Research Group"), key, out);
    digest_hex(out, 16, hex);
    assert_string_equal(hex, "a8061dc1305136c6c22b8baf0c0127a9");
}

static void random_bytes(void **state) {
    uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};
    (void)state;
    digest_random(a, sizeof a);
    digest_random(b, sizeof b);
    digest_random(zero, 0);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof zero; i++) assert_int_equal(zero[i], 0);
}

static void base64(void **state) {
    char out[16];
    (void)state;
    assert_int_equal(digest_base64(SLICE("f"), out, sizeof out), 4);
    assert_string_equal(out, "Zg==");
    assert_int_equal(digest_base64(SLICE("\xFB\xFF\xFE"), out, sizeof out), 4);
    assert_string_equal(out, "+//+");
    assert_int_equal(digest_base64(SLICE("foobar"), out, 9), 8); /* the NUL needs room too */
    assert_string_equal(out, "Zm9vYmFy");
    assert_int_equal(digest_base64(SLICE("foobar"), out, 8), 0);
    assert_int_equal(digest_base64(SLICE("f"), out, 0), 0);
}

static int start(void **state) {
    (void)state;
    return digest_start() && digest_start() ? 0 : -1; /* twice is harmless */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sha256), cmocka_unit_test(hex_digits),
                                       cmocka_unit_test(fast_hashes), cmocka_unit_test(keyed_fast_hash), cmocka_unit_test(secret_hash), cmocka_unit_test(random_bytes),
                                       cmocka_unit_test(base64)};
    return cmocka_run_group_tests(tests, start, NULL);
}
