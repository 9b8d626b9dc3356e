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

void splice_limit(struct splice *s, const struct call *call, uint32_t node, int64_t added) {
    const struct json_node *at = &call->doc.nodes[node];
    int64_t n;
    if (call->output_cap < 0) return;
    if (!json_get_i64(&call->doc, node, &n)) {
        if (added < 0) return;
        n = added;
    } else {
        if (n >= 0 && n <= call->output_cap) return;
        n = call->output_cap;
    }
    splice_to(s, at->start, at->len);
    buffer_i64(s->out, n);
}

void splice_messages(struct splice *s, const struct call *call) {
    const struct json_doc *d = &call->doc;
    uint32_t cursor = JSON_NONE, item, index = 0, from = JSON_NONE;
    if (call->dropped == NULL) return;
    for (; json_each_item(d, call->messages_node, &cursor, &item); index++) {
        bool drops = call_drops(call, index);
        if (drops && from == JSON_NONE) from = d->nodes[item].start;
        if (!drops && from != JSON_NONE) { /* the last item stays, so that a run has one behind it */
            splice_to(s, from, d->nodes[item].start - from);
            from = JSON_NONE;
        }
    }
}

void splice_order(uint32_t *nodes, unsigned n) {
    for (unsigned i = 1; i < n; i++)
        for (unsigned j = i; j > 0 && nodes[j] < nodes[j - 1]; j--) {
            uint32_t node = nodes[j];
            nodes[j] = nodes[j - 1];
            nodes[j - 1] = node;
        }
}
