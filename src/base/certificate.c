/* certificate.c - see certificate.h. The way to notAfter is short (RFC 5280, 4.1): Certificate, TBSCertificate, then version, serial number,
 * algorithm and issuer, and Validity, whose second time it is. DER (X.690): a tag, a length, the content. */
#include "base/certificate.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"

#include <stdio.h>

#define CERTIFICATE_MOST (64u << 10)
enum { SEQUENCE = 0x30, INTEGER = 0x02, EXPLICIT_0 = 0xa0, UTC_TIME = 0x17, GENERALIZED_TIME = 0x18 };

/* The next value of `from`, which moves behind it. */
static bool take(struct slice *from, int tag, struct slice *ret) {
    const uint8_t *at = (const uint8_t *)from->at;
    size_t len, head = 2;
    if (from->len < 2 || at[0] != tag) return false;
    len = at[1];
    if (len > 0x80) {
        size_t n = len - 0x80;
        if (n > 3 || from->len < 2 + n) return false;
        for (len = 0; head < 2 + n; head++) len = len << 8 | at[head];
    } else if (len == 0x80) return false;
    if (len > from->len - head) return false;
    *ret = slice_make(from->at + head, len);
    *from = slice_make(from->at + head + len, from->len - head - len);
    return true;
}

/* "491231235959Z" (years until 2049), "20501231235959Z" */
static bool read_time(struct slice *from, int64_t *ret) {
    struct slice t;
    char text[32];
    const char *century = "";
    if (take(from, UTC_TIME, &t) && t.len == 13) century = t.at[0] < '5' ? "20" : "19";
    else if (!take(from, GENERALIZED_TIME, &t) || t.len != 15) return false;
    const char *d = t.at + (t.len - 13); /* year within the century, or its last two digits */
    int n = snprintf(text, sizeof text, "%s%.*s%.2s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century, t.len == 15 ? 2 : 0, t.at, d, d + 2, d + 4, d + 6, d + 8, d + 10);
    return n == 20 && d[12] == 'Z' && clock_parse(slice_make(text, 20), ret);
}

static bool read_der(struct slice der, int64_t *ret) {
    struct slice certificate, tbs, skipped, validity;
    int64_t begins, ends;
    if (!take(&der, SEQUENCE, &certificate) || !take(&certificate, SEQUENCE, &tbs)) return false;
    (void)take(&tbs, EXPLICIT_0, &skipped); /* a first version has none */
    if (!take(&tbs, INTEGER, &skipped) || !take(&tbs, SEQUENCE, &skipped) || !take(&tbs, SEQUENCE, &skipped) || !take(&tbs, SEQUENCE, &validity)) return false;
    if (!read_time(&validity, &begins) || !read_time(&validity, &ends)) return false;
    *ret = ends;
    return true;
}

bool certificate_expires(struct slice pem, int64_t *ret_wall_us) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const char *from = pem.len == 0 ? NULL : memmem(pem.at, pem.len, begin, sizeof begin - 1), *to;
    if (from == NULL) return false;
    from += sizeof begin - 1;
    to = memmem(from, (size_t)(pem.at + pem.len - from), end, sizeof end - 1);
    if (to == NULL || (size_t)(to - from) > CERTIFICATE_MOST) return false;
    char *text = mem_alloc((size_t)(to - from) + 1);
    size_t n = 0, len = 0;
    for (; from < to; from++)
        if (*from != '\n' && *from != '\r' && *from != ' ' && *from != '\t') text[n++] = *from;
    uint8_t *der = mem_alloc(n + 1);
    bool good = digest_from_base64(slice_make(text, n), der, n, &len) && read_der(slice_make((const char *)der, len), ret_wall_us);
    mem_free(der);
    mem_free(text);
    return good;
}
