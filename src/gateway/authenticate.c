#include "gateway/exchange.h"

enum fault authenticate(struct exchange *x, struct slice credential, struct error *error) {
    if (credential.len == 0)
        return error_set(error, FAULT_UNAUTHENTICATED,
                         "no API key: send `authorization: Bearer qd-...` or `x-api-key: qd-...`");
    struct digest digest;
    digest_sha256(credential, &digest);
    struct api_key *key = table_get(&x->binding->policy->key_by_digest,
                                    slice_make((const char *)digest.bytes, sizeof digest.bytes));
    if (!key || !digest_eq(&key->digest, &digest))
        return error_set(error, FAULT_UNAUTHENTICATED, "unknown API key");
    x->key = key;
    x->record.application = slice_of(key->application->name);
    x->record.key = slice_of(key->name);
    return FAULT_NONE;
}
