#include "dialect/trim.h"

#include "base/limits.h"
#include "dialect/fields.h"
#include "dialect/head.h"

static void cap_output(int64_t cap, struct call *call) {
    bool given = false, above = false;
    if (cap < 0) return;
    for (unsigned i = 0; i < 2; i++) {
        int64_t n;
        if (!json_get_i64(&call->doc, call->limit_nodes[i], &n)) continue;
        given = true;
        above = above || n < 0 || n > cap; /* negative: no limit */
    }
    if (given && !above) return;
    call->output_cap = cap;
    if (given && (call->max_tokens < 0 || call->max_tokens > cap)) call->max_tokens = cap;
}

bool trim_goes_on_elsewhere(const struct json_doc *d) {
    return !fields_is_null(d, json_get(d, 0, "previous_response_id")) ||
           !fields_is_null(d, json_get(d, 0, "conversation"));
}

struct conversation {
    struct history_message *messages;
    struct dialect_message *more;
    uint32_t n;
};

/* The table is the work's; text that outlives it, the exchange's. */
static bool read_all(const struct dialect *client, const struct call *call, struct arena *arena,
                     struct arena *work, struct conversation *c) {
    uint32_t cursor = JSON_NONE, item, n = json_size(&call->doc, call->messages_node);
    c->n = 0;
    c->messages = arena_new_array(work, struct history_message, n);
    c->more = arena_new_array(work, struct dialect_message, n);
    if (n == 0 || c->messages == NULL || c->more == NULL) return false;
    for (; json_each_item(&call->doc, call->messages_node, &cursor, &item); c->n++) {
        struct dialect_message *m = &c->more[c->n];
        if (!client->read_message(call, item, arena, m)) return false;
        m->as.tokens = history_estimate(m->text_bytes, m->n_images);
        c->messages[c->n] = m->as;
    }
    return true;
}

/* The head counted all messages. */
static void take_out(const struct conversation *c, struct arena *arena, struct call *call) {
    struct head_text system = {.arena = arena};
    bool dropped_system = false;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct dialect_message *m = &c->more[i];
        if (!call_drops(call, i)) {
            head_text_add(&system, m->system_text, SLICE("\n\n"));
            continue;
        }
        call->text_bytes -= m->text_bytes;
        call->n_images_total -= m->n_images;
        dropped_system = dropped_system || !slice_is_null(m->system_text);
    }
    if (dropped_system && call->endpoint == ENDPOINT_CHAT) call->system_text = system.text;
}

static void mark(const struct conversation *c, int64_t saved, struct arena *arena, struct call *call) {
    bool *dropped = arena_new_array(arena, bool, c->n), any = false;
    if (dropped == NULL) return;
    for (uint32_t i = 0; i < c->n; i++) any = (dropped[i] = c->messages[i].dropped) || any;
    call->tokens_saved = saved;
    if (!any) return;
    call->dropped = dropped;
    take_out(c, arena, call);
}

static void cut_history(const struct dialect *client, const struct history_policy *h, struct arena *arena,
                        struct call *call) {
    struct conversation c;
    struct arena work; /* of its own, so that a call which just fits into the exchange's goes on fitting */
    int64_t saved;
    if (call->messages_node == JSON_NONE || trim_goes_on_elsewhere(&call->doc)) return;
    arena_init(&work, 16u << 10, LIMIT_ARENA_EXCHANGE);
    if (read_all(client, call, arena, &work, &c) && history_cut(h, c.messages, c.n, &saved))
        mark(&c, saved, arena, call);
    arena_deinit(&work);
}

void trim_call(const struct dialect *client, const struct request_policy *asked, struct arena *arena,
               struct call *call) {
    if (call->endpoint != ENDPOINT_CHAT && call->endpoint != ENDPOINT_RESPONSES) return;
    cap_output(asked->max_output_tokens, call);
    if (history_is_declared(&asked->history)) cut_history(client, &asked->history, arena, call);
}
