#include "io/multipart.h"

#define BOUNDARY_MAX 70 /* RFC 2046 */

/* The value of `name=value` or `name="value"` among a header's parameters. */
static struct slice parameter(struct slice header, const char *name) {
    struct slice rest = header, one, key, value;
    (void)slice_cut(rest, ';', &one, &rest);
    while (rest.len > 0) {
        rest = slice_trim(rest);
        if (!slice_cut(rest, '=', &key, &value)) break;
        bool quoted = value.len > 0 && value.at[0] == '"';
        size_t end = quoted ? 1 : 0;
        while (end < value.len && value.at[end] != (quoted ? '"' : ';')) end++;
        if (quoted && end == value.len) break;
        struct slice found = slice_make(value.at + quoted, end - quoted);
        if (slice_eq_nocase(slice_trim(key), slice_of(name))) return quoted ? found : slice_trim(found);
        rest = slice_make(value.at + end + quoted, value.len - end - quoted);
        if (rest.len > 0 && rest.at[0] == ';') rest = slice_make(rest.at + 1, rest.len - 1);
    }
    return SLICE_NULL;
}

static const char *find(struct slice in, struct slice what) {
    return in.len >= what.len ? memmem(in.at, in.len, what.at, what.len) : NULL;
}

static struct slice behind(struct slice s, const char *at) {
    return slice_make(at, s.len - (size_t)(at - s.at));
}

/* Head lines until the empty one; *rest is then the content. */
static bool read_head(struct slice *rest, struct multipart_part *ret) {
    for (;;) {
        const char *end = find(*rest, SLICE("\r\n"));
        if (end == NULL) return false;
        struct slice line = slice_make(rest->at, (size_t)(end - rest->at)), name, value;
        *rest = behind(*rest, end + 2);
        if (line.len == 0) return !slice_is_null(ret->name);
        if (!slice_cut(line, ':', &name, &value) || !slice_eq_nocase(slice_trim(name), SLICE("content-disposition"))) continue;
        ret->name = parameter(value, "name");
        ret->filename = parameter(value, "filename");
    }
}

enum fault multipart_read(struct slice content_type, struct slice body, struct multipart_part *ret, unsigned max,
                          unsigned *ret_n, struct error *error) {
    char text[BOUNDARY_MAX + 5] = "\r\n--";
    struct slice kind, ignored, rest = body;
    (void)slice_cut(content_type, ';', &kind, &ignored);
    struct slice boundary = parameter(content_type, "boundary");
    if (!slice_eq_nocase(slice_trim(kind), SLICE("multipart/form-data")) || boundary.len == 0 || boundary.len > BOUNDARY_MAX)
        return error_set(error, FAULT_BAD_REQUEST, "expected multipart/form-data with a boundary");
    memcpy(text + 4, boundary.at, boundary.len);
    struct slice mark = slice_make(text, boundary.len + 4), first = slice_make(text + 2, boundary.len + 2);
    const char *at = slice_starts(body, first) ? body.at - 2 : find(body, mark); /* what comes before it is nobody's */
    unsigned n = 0;
    while (at != NULL) {
        rest = slice_make(at + mark.len, (size_t)(body.at + body.len - at) - mark.len);
        if (slice_starts(rest, SLICE("--"))) {
            *ret_n = n;
            return FAULT_NONE;
        }
        if (n == max) return error_set(error, FAULT_BAD_REQUEST, "expected at most %u parts", max);
        struct multipart_part part = {.name = SLICE_NULL, .filename = SLICE_NULL};
        at = find(rest, SLICE("\r\n"));
        if (at == NULL) break;
        rest = behind(rest, at + 2);
        if (!read_head(&rest, &part)) return error_set(error, FAULT_BAD_REQUEST, "expected a name in each part's content-disposition");
        /* an empty content's line break is the one that ends its head */
        struct slice from = slice_make(rest.at - 2, rest.len + 2);
        at = find(from, mark);
        if (at == NULL) break;
        part.content = at < rest.at ? slice_make(rest.at, 0) : slice_make(rest.at, (size_t)(at - rest.at));
        ret[n++] = part;
    }
    return error_set(error, FAULT_BAD_REQUEST, "the multipart body has no end");
}
