#include "control/cookie.h"

struct slice cookie_value(struct slice header, const char *name) {
    struct slice found = SLICE_NULL, pair, key, value;
    while (header.len > 0) {
        slice_cut(header, ';', &pair, &header);
        bool has_value = slice_cut(pair, '=', &key, &value);
        if (!has_value || !slice_is(slice_trim(key), name)) continue;
        value = slice_trim(value);
        if (!slice_is_null(found) && !slice_eq(found, value)) return SLICE_NULL;
        found = value;
    }
    return found;
}
