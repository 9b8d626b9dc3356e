#include "dialect/splice.h"

void splice_start(struct splice *s, struct slice text, struct buffer *out) {
    *s = (struct splice){.text = text, .out = out};
    buffer_reserve(out, text.len < out->max - out->len ? text.len : 0); /* one growth instead of several */
}

void splice_to(struct splice *s, size_t offset, size_t skip) {
    buffer_append(s->out, slice_make(s->text.at + s->at, offset - s->at));
    s->at = offset + skip;
}

void splice_end(struct splice *s) {
    splice_to(s, s->text.len, 0);
}

void splice_model(struct splice *s, const struct call *call, const char *model) {
    const struct json_node *node = &call->doc.nodes[call->model_node];
    splice_to(s, node->start, node->len);
    buffer_byte(s->out, '"');
    json_escape(s->out, slice_of(model));
    buffer_byte(s->out, '"');
}
