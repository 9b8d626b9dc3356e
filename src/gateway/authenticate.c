#include "gateway/exchange.h"

static const struct api_key *key_of(const struct policy *p, const struct digest *digest) {
    struct api_key *key = table_get(&p->key_by_digest, slice_make((const char *)digest->bytes, sizeof digest->bytes));
    return key && digest_eq(&key->digest, digest) ? key : NULL;
}

static enum fault unknown(struct slice credential, struct error *error) {
    return error_set(error, FAULT_UNAUTHENTICATED,
                     credential.len == 0 ? "no API key: send `authorization: Bearer qd-...` or `x-api-key: qd-...`"
                                         : "unknown API key");
}

/* A line of a batch: the key that the batch was made with, as long as that is valid. */
static const struct api_key *inside_key(struct exchange *x) {
    struct digest digest;
    struct slice hex = http_request_header(x->request, "x-quarterdeck-inside-key");
    if (!digest_from_hex(hex, digest.bytes, sizeof digest.bytes)) return NULL;
    x->record.batch = arena_slice(&x->arena, label_cut(http_request_header(x->request, "x-quarterdeck-inside-batch"))); /* a named request outlives its head */
    return key_of(x->binding->policy, &digest);
}

enum fault authenticate(struct exchange *x, struct slice credential, struct error *error) {
    if (credential.len == 0) return unknown(credential, error);
    struct digest digest;
    digest_sha256(credential, &digest);
    bool inside = digest_eq(&digest, &x->gateway->sinks.inside);
    x->inside = inside;
    x->unheld = inside && slice_is(http_request_header(x->request, "x-quarterdeck-inside-hold"), "ignore");
    const struct api_key *key = inside ? inside_key(x) : key_of(x->binding->policy, &digest);
    if (!key) return unknown(credential, error);
    x->key = key;
    x->record.application = slice_of(key->application->name);
    x->record.key = slice_of(key->name);
    return FAULT_NONE;
}

enum fault authenticate_request(struct gateway *g, const struct http_request *r, const struct api_key **ret, struct error *error) {
    struct slice v = slice_trim(http_request_header(r, "authorization")), credential = slice_trim(http_request_header(r, "x-api-key"));
    if (v.len > 7 && slice_eq_nocase(slice_make(v.at, 7), SLICE("bearer "))) credential = slice_trim(slice_make(v.at + 7, v.len - 7));
    if (credential.len == 0) return unknown(credential, error);
    struct digest digest;
    digest_sha256(credential, &digest);
    const struct api_key *key = key_of(g->binding->policy, &digest);
    if (!key) return unknown(credential, error);
    *ret = key;
    return FAULT_NONE;
}
