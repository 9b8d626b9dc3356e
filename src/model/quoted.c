#include "model/quoted.h"

#include "base/digest.h"

/* A digest of the texts' digests: their borders count, and none is copied. */
void quoted_mark(const struct quoted *texts, unsigned n, char ret[QUOTED_MARK]) {
    struct digest both[2] = {{{0}}, {{0}}};
    for (unsigned i = 0; i < n; i++) {
        digest_sha256(texts[i].text, &both[1]);
        digest_sha256(slice_make((const char *)both, sizeof both), &both[0]);
    }
    digest_hex(both[0].bytes, (QUOTED_MARK - 1) / 2, ret);
}

void quoted_write(const struct quoted *q, const char *mark, struct buffer *out) {
    struct slice text = q->text;
    bool cut = text.len > q->most;
    if (slice_is_null(text)) return;
    for (text.len = cut ? q->most : text.len; cut && text.len > 0 && ((unsigned char)text.at[text.len] & 0xC0) == 0x80;) text.len--;
    (void)buffer_printf(out, "<%s %s>\n", q->what, mark);
    (void)buffer_append(out, text);
    (void)buffer_printf(out, "%s\n</%s %s>\n", cut ? "\n[cut here]" : "", q->what, mark);
}
