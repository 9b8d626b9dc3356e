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

static bool is_needed(const struct application *a, struct slice tag, const char **ret) {
    for (unsigned i = 0; i < a->n_needed_tags; i++)
        if (slice_is(tag, a->needed_tags[i])) {
            *ret = a->needed_tags[i];
            return true;
        }
    return false;
}

/* "k=v,k=v": only those that some budget or limit names, each value hidden. */
static struct slice hide_tags(const struct policy *p, const struct application *a, struct arena *arena, struct slice tags) {
    struct slice rest = tags, one, name, value, out = SLICE_NULL;
    char hidden[PSEUDONYM_TEXT];
    const char *tag;
    while (rest.len > 0) {
        slice_cut(rest, ',', &one, &rest);
        if (!slice_cut(one, '=', &name, &value) || value.len == 0 || !is_needed(a, name, &tag)) continue;
        pseudonym_of(p->pseudonym_key, tag, value, hidden);
        out = arena_printf(arena, SLICE_FMT "%s%s=%s", SLICE_ARG(out.at ? out : SLICE("")), out.len > 0 ? "," : "", tag, hidden);
    }
    return out;
}

void pseudonym_hide(const struct policy *p, const struct application *a, struct arena *arena, struct slice *user, struct slice *tags) {
    char hidden[PSEUDONYM_TEXT];
    if (a->needs_user && user->len > 0) {
        pseudonym_of(p->pseudonym_key, NULL, *user, hidden);
        *user = slice_of(arena_text(arena, slice_of(hidden)));
    } else {
        *user = SLICE_NULL;
    }
    *tags = hide_tags(p, a, arena, *tags);
}
