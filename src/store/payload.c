/* FRAME_PAYLOAD: version, flags, id, then application, request and reply with their lengths (0: null, else
 * length + 1); then what was asked, which older programs neither write nor read. */
#include "store/ledger.h"
#include "store/varint.h"

enum { PAYLOAD_VERSION = 1, FLAG_REQUEST_CUT = 1, FLAG_REPLY_CUT = 2 };

static void put(struct buffer *b, struct slice s) {
    varint_put(b, slice_is_null(s) ? 0 : s.len + 1);
    buffer_append(b, s);
}

static bool take(struct slice *s, struct slice *ret) {
    uint64_t len;
    if (!varint_take(s, &len) || (len > 0 && len - 1 > s->len)) return false;
    *ret = len > 0 ? slice_make(s->at, (size_t)len - 1) : SLICE_NULL;
    s->at += ret->len, s->len -= ret->len;
    return true;
}

/* Cut where a character begins. */
static bool cut(struct slice *s) {
    if (s->len <= LIMIT_PAYLOAD) return false;
    size_t n = LIMIT_PAYLOAD;
    while (n > LIMIT_PAYLOAD - 4 && ((unsigned char)s->at[n] & 0xc0) == 0x80) n--;
    s->len = n;
    return true;
}

bool payload_encode(const struct payload *p, struct buffer *out) {
    struct slice request = p->request, reply = p->reply, asked = p->asked;
    size_t before = out->len;
    int flags = 0;
    if (cut(&request) || p->request_cut) flags |= FLAG_REQUEST_CUT;
    if (cut(&reply) || p->reply_cut) flags |= FLAG_REPLY_CUT;
    if (asked.len > 2 * (size_t)LIMIT_PAYLOAD - request.len - reply.len) asked = SLICE_NULL; /* whole or not at all, in the room that there is */
    if (buffer_reserve(out, sizeof p->id + p->application.len + request.len + reply.len + asked.len + 5 * VARINT_MAX) ==
        NULL)
        return false;
    buffer_byte(out, PAYLOAD_VERSION);
    buffer_byte(out, (char)flags);
    buffer_append(out, slice_make((const char *)p->id.bytes, sizeof p->id.bytes));
    put(out, p->application);
    put(out, request);
    put(out, reply);
    if (!slice_is_null(asked)) put(out, asked);
    if (!out->overflow) return true;
    out->len = before;
    return false;
}

bool payload_decode(struct slice bytes, struct payload *ret) {
    struct payload p = {0};
    if (bytes.len < 2 + sizeof p.id.bytes || bytes.at[0] != PAYLOAD_VERSION) return false;
    p.request_cut = bytes.at[1] & FLAG_REQUEST_CUT;
    p.reply_cut = bytes.at[1] & FLAG_REPLY_CUT;
    memcpy(p.id.bytes, bytes.at + 2, sizeof p.id.bytes);
    bytes.at += 2 + sizeof p.id.bytes, bytes.len -= 2 + sizeof p.id.bytes;
    if (!take(&bytes, &p.application) || !take(&bytes, &p.request) || !take(&bytes, &p.reply)) return false;
    if (bytes.len > 0 && !take(&bytes, &p.asked)) return false;
    *ret = p;
    return true;
}
