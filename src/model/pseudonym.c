#include "model/pseudonym.h"

#include "base/limits.h"

enum { SHOWN_BYTES = 6 };

void pseudonym_of(const uint8_t key[DIGEST_KEY], const char *tag, struct slice value, char out[PSEUDONYM_TEXT]) {
    /* NUL stands in no label, so no two of these are the same text */
    char text[2 * LIMIT_LABEL + 2];
    struct digest digest;
    size_t n = 0, tag_len = tag != NULL ? strlen(tag) : 0;
    if (tag_len > LIMIT_LABEL) tag_len = LIMIT_LABEL;
    if (value.len > LIMIT_LABEL) value.len = LIMIT_LABEL;
    memcpy(text, tag != NULL ? tag : "", tag_len);
    n = tag_len;
    text[n++] = 0;
    text[n++] = tag != NULL ? 't' : 'u';
    if (value.len > 0) memcpy(text + n, value.at, value.len);
    digest_keyed(slice_make(text, n + value.len), key, &digest);
    out[0] = '~';
    digest_hex(digest.bytes, SHOWN_BYTES, out + 1);
}
