#include "control/setup.h"

#include "store/findings.h"
#include "store/users.h"

#define KEPT "set-up link"

void setup_random(char out[SETUP_SECRET]) {
    uint8_t bits[DIGEST_BYTES];
    char text[SETUP_SECRET + 4];
    digest_random(bits, sizeof bits);
    (void)digest_base64(slice_make((const char *)bits, sizeof bits), text, sizeof text);
    for (unsigned i = 0; i < SETUP_SECRET - 1; i++) out[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    out[SETUP_SECRET - 1] = 0;
}

enum fault setup_offer(struct registry *r, int64_t now_us, bool *ret_needed, char secret[SETUP_SECRET], struct error *error) {
    struct digest digest;
    bool any = false;
    enum fault fault = users_any(r, &any, error);
    if (fault != FAULT_NONE) return fault;
    *ret_needed = !any;
    if (any) return FAULT_NONE;
    setup_random(secret);
    digest_sha256(slice_of(secret), &digest);
    return registry_keep(r, SLICE(KEPT), slice_make((const char *)digest.bytes, sizeof digest.bytes), now_us, error);
}

enum fault setup_check(struct registry *r, struct slice secret, int64_t now_us, bool *ret, struct error *error) {
    struct arena arena;
    struct digest given, kept = {{0}};
    struct slice body = SLICE_NULL;
    int64_t made_us = 0;
    bool any = true;
    arena_init(&arena, 256, 4096);
    enum fault fault = users_any(r, &any, error);
    if (fault == FAULT_NONE) fault = registry_kept(r, SLICE(KEPT), &arena, &body, &made_us, error);
    if (fault == FAULT_NONE) {
        bool offered = !any && body.len == sizeof kept.bytes;
        if (offered) memcpy(kept.bytes, body.at, sizeof kept.bytes);
        digest_sha256(secret, &given);
        *ret = offered && digest_eq(&given, &kept) && now_us < made_us + SETUP_LASTS_US && made_us < now_us + SETUP_LASTS_US;
    }
    arena_deinit(&arena);
    return fault;
}
