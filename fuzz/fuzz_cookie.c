/* Cookie headers of any bytes: a value is part of the header, holds no separator, and is found again when it is alone. */
#include "control/cookie.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char name[] = "quarterdeck_session";
    char again[4200];
    if (size > 4000) return 0;
    struct slice header = fuzz_text(data, size), found = cookie_value(header, name);
    if (slice_is_null(found)) return 0;
    MUST(slice_contains(header, SLICE("quarterdeck_session")));
    MUST(found.at >= header.at && found.at + found.len <= header.at + header.len);
    MUST(memchr(found.at, ';', found.len) == NULL);
    int n = snprintf(again, sizeof again, "other=1; %s=%.*s; last", name, (int)found.len, found.at);
    if (memchr(found.at, 0, found.len) == NULL) MUST(slice_eq(cookie_value(slice_make(again, (size_t)n), name), found));
    return 0;
}
