#include "quality/json_find.h"

enum { LEAST_WORK = 64 << 20, WORK_PER_BYTE = 8 };

void json_finder_init(struct json_finder *f, struct slice text, bool lists) {
    *f = (struct json_finder){
        .text = text, .work = LEAST_WORK + (uint64_t)text.len * WORK_PER_BYTE, .lists = lists};
}

/* Behind the bracket that closes the one at `from`; 0: none does. Only brackets and strings are looked at, up
 * to *ret_end. */
static size_t closing(struct slice s, size_t from, size_t *ret_end) {
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = from; i < s.len; i++) {
        char c = s.at[i];
        *ret_end = i + 1;
        if (quoted) {
            if (c == '\\') i++;
            else quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_JSON_DEPTH) return 0;
        } else if (c == '}' || c == ']') {
            if (--depth == 0) return i + 1;
        }
    }
    return 0;
}

enum json_found json_find(struct json_finder *f, struct arena *arena, struct json_doc *ret) {
    for (; f->at < f->text.len; f->at++) {
        char c = f->text.at[f->at];
        if (c != '{' && !(c == '[' && f->lists)) continue;
        size_t from = f->at, looked = from, end = closing(f->text, from, &looked);
        uint64_t work = looked - from;
        if (work > f->work) return JSON_FOUND_TOO_MUCH;
        f->work -= work;
        if (end == 0) continue;
        enum fault fault = json_read(slice_make(f->text.at + from, end - from), arena, UINT16_MAX, ret, NULL);
        if (fault == FAULT_TOO_LARGE) return JSON_FOUND_TOO_MUCH;
        if (fault != FAULT_NONE) continue;
        f->at = end;
        return JSON_FOUND;
    }
    return JSON_FOUND_END;
}
