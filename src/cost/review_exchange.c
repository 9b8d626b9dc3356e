#include "cost/review_exchange.h"

#include "base/digest.h"
#include "cost/words.h"
#include "io/sse.h"

enum { TEXT_MOST = 4 << 20 };

struct reading {
    const struct dialect *dialect;
    struct arena *arena;
    struct call call;
    struct buffer text;
    struct review_exchange *out;
};

static void put(struct buffer *b, struct slice s) {
    if (s.len == 0) return;
    buffer_append(b, s);
    buffer_byte(b, '\n');
}

static struct slice keep(struct reading *x) {
    struct slice s = arena_slice(x->arena, buffer_slice(&x->text));
    buffer_clear(&x->text);
    return s;
}

/* ---- the request ---- */

static void put_part(struct buffer *b, const struct part *p) {
    put(b, p->name);
    put(b, p->arguments);
    put(b, p->text);
    put(b, p->url);
    put(b, p->data);
}

static void render(struct reading *x) {
    static const char *const roles[] = {"system", "user", "assistant", "tool"};
    const struct call *c = &x->call;
    for (unsigned i = 0; i < c->n_tools; i++) {
        put(&x->text, c->tools[i].name);
        put(&x->text, c->tools[i].description);
        put(&x->text, c->tools[i].schema);
    }
    for (unsigned i = 0; i < c->n_messages; i++) {
        put(&x->text, slice_of(roles[c->messages[i].role]));
        for (unsigned p = 0; p < c->messages[i].n_parts; p++) put_part(&x->text, &c->messages[i].parts[p]);
    }
    x->out->prefix = keep(x);
}

static bool is_asked(const struct message *m, const struct part *p) {
    return m->role != ROLE_SYSTEM && m->role != ROLE_ASSISTANT &&
           (p->type == PART_TEXT || p->type == PART_TOOL_RESULT);
}

static void chunks_of(struct review_exchange *out, struct slice text) {
    struct slice chunk;
    while (out->n_chunks < REVIEW_CHUNKS && words_paragraph(&text, &chunk))
        if (chunk.len >= REVIEW_CHUNK_LEAST) out->chunks[out->n_chunks++] = chunk;
}

static void read_question(struct reading *x) {
    const struct call *c = &x->call;
    unsigned newest = 0;
    for (unsigned i = 0; i < c->n_messages; i++)
        for (unsigned p = 0; p < c->messages[i].n_parts; p++)
            if (is_asked(&c->messages[i], &c->messages[i].parts[p])) {
                put(&x->text, c->messages[i].parts[p].text);
                if (c->messages[i].parts[p].type == PART_TEXT) newest = i;
            }
    x->out->question = keep(x);
    for (unsigned i = newest; i < c->n_messages; i++)
        for (unsigned p = 0; p < c->messages[i].n_parts; p++)
            if (is_asked(&c->messages[i], &c->messages[i].parts[p]))
                chunks_of(x->out, c->messages[i].parts[p].text);
}

/* Responses have no neutral body: the prefix and the question are its instructions and input as they stand.
 */
static void read_plain(struct reading *x) {
    x->out->question = json_raw(&x->call.doc, x->call.messages_node);
    put(&x->text, x->call.system_text);
    put(&x->text, x->out->question);
    x->out->prefix = keep(x);
}

static bool says_who(const struct json_doc *d, uint32_t key) {
    return json_is(d, key, "user") || json_is(d, key, "safety_identifier") ||
           json_is(d, key, "prompt_cache_key") || json_is(d, key, "metadata");
}

/* Members in any order, but for those that say who asks. */
static void make_key(struct reading *x) {
    const struct json_doc *d = &x->call.doc;
    uint32_t key, value;
    for (uint32_t at = JSON_NONE; json_each_member(d, 0, &at, &key, &value);) {
        uint8_t one[16];
        if (says_who(d, key)) continue;
        put(&x->text, json_raw(d, key));
        buffer_append(&x->text, json_raw(d, value));
        digest_fast128(buffer_slice(&x->text), one);
        buffer_clear(&x->text);
        for (int i = 0; i < 16; i++) x->out->question_key[i] ^= one[i];
    }
}

static bool read_request(struct reading *x, struct slice body, enum endpoint endpoint) {
    x->call.endpoint = endpoint;
    if (x->dialect->read_head(body, x->arena, &x->call, NULL) != FAULT_NONE) return false;
    x->out->system = x->call.system_text;
    make_key(x);
    if (endpoint == ENDPOINT_CHAT && x->dialect->read_body(x->arena, &x->call, NULL) == FAULT_NONE) {
        render(x);
        read_question(x);
    } else {
        read_plain(x);
    }
    return !x->text.overflow && !arena_is_full(x->arena);
}

/* ---- the reply ---- */

static bool read_event(struct reading *x, struct stream_reader *r, const struct sse_event *e) {
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n = 0;
    bool usage_only;
    if (!e->has_data || x->dialect->read_event(r, e->name, e->data, events, &n, &usage_only) != FAULT_NONE)
        return false;
    bool ended = false;
    for (unsigned i = 0; i < n; i++) {
        if (events[i].type == EVENT_TEXT || events[i].type == EVENT_REFUSAL ||
            events[i].type == EVENT_TOOL_ARGS)
            buffer_append(&x->text, events[i].text);
        ended |= events[i].type == EVENT_END;
    }
    return ended;
}

static bool read_stream(struct reading *x, struct slice body, enum endpoint endpoint) {
    struct sse_reader sse;
    struct sse_event e;
    struct arena scratch;
    bool ended = false;
    arena_init(&scratch, 16 << 10, TEXT_MOST);
    struct stream_reader *r = arena_new(x->arena, struct stream_reader);
    if (r != NULL) *r = (struct stream_reader){.arena = &scratch, .endpoint = endpoint};
    sse_reader_init(&sse);
    if (r != NULL && sse_reader_feed(&sse, body) == FAULT_NONE)
        while (!ended && sse_reader_next(&sse, &e)) {
            ended = read_event(x, r, &e);
            arena_reset(&scratch);
        }
    sse_reader_deinit(&sse);
    arena_deinit(&scratch);
    return ended;
}

static bool read_whole(struct reading *x, struct slice body, enum endpoint endpoint) {
    struct reply reply;
    struct upstream_error failed;
    if (x->dialect->read_reply(body, endpoint, true, x->arena, &reply, &failed) != FAULT_NONE) return false;
    for (unsigned i = 0; i < reply.n_parts; i++) {
        put(&x->text, reply.parts[i].text);
        put(&x->text, reply.parts[i].arguments);
    }
    return true;
}

static void read_answer(struct reading *x, struct slice body, enum endpoint endpoint) {
    struct slice start = slice_trim(body);
    bool whole = start.len > 0 &&
                 (start.at[0] == '{' ? read_whole(x, body, endpoint) : read_stream(x, body, endpoint));
    x->out->answer = whole && x->text.len > 0 ? keep(x) : SLICE_NULL;
}

bool review_exchange_read(enum dialect_id dialect, enum endpoint endpoint, struct slice request,
                          struct slice reply, struct arena *arena, struct review_exchange *ret) {
    struct reading x = {.dialect = dialect_of(dialect), .arena = arena, .out = ret};
    *ret = (struct review_exchange){0};
    buffer_init(&x.text, TEXT_MOST);
    bool good = read_request(&x, request, endpoint);
    buffer_clear(&x.text);
    if (good) read_answer(&x, reply, endpoint);
    buffer_deinit(&x.text);
    return good;
}
