/* A call is walked twice: once to see how much text it has, and once to count it, in full or by windows. */
#include "cost/token_count.h"

enum { PER_MESSAGE = 3, PER_NAME = 1, PER_ANSWER = 3, DECODED_FIRST = 16 << 10, WORD = 64 };

struct tally {
    struct token_counter *counter;
    enum bpe_encoding encoding;
    bool counting;         /* the second walk */
    uint64_t bytes;        /* text of the call, as it is written */
    uint64_t stride;       /* from window to window; 0: all is counted */
    uint64_t seen, window; /* bytes walked past, and where the next window begins */
    uint64_t sampled, tokens;
    int64_t fixed; /* tokens that are no text */
    bool exact, only_text;
};

void token_counter_init(struct token_counter *c, size_t longest, size_t whole,
                        const struct token_calibration *calibration) {
    *c = (struct token_counter){.calibration = calibration, .whole = whole};
    bpe_work_init(&c->work, longest);
    arena_init(&c->decoded, DECODED_FIRST,
               whole < LIMIT_BODY_CEILING ? whole + DECODED_FIRST : LIMIT_BODY_CEILING);
}

void token_counter_deinit(struct token_counter *c) {
    if (!c) return;
    bpe_work_deinit(&c->work);
    arena_deinit(&c->decoded);
}

/* ---- text ---- */

static bool continues(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* One window: from the next word on, or at least from a character on. */
static void count_window(struct tally *t, struct slice text, size_t at) {
    size_t begin = at, end = text.len - at > TOKEN_SAMPLE_BYTES ? at + TOKEN_SAMPLE_BYTES : text.len;
    if (at > 0)
        while (begin < end && begin - at < WORD && text.at[begin] != ' ' && text.at[begin] != '\n') begin++;
    if (begin == end || begin - at == WORD) begin = at;
    while (begin < end && continues(text.at[begin])) begin++;
    while (end > begin && end < text.len && continues(text.at[end])) end--;
    bool exact = true;
    t->tokens += bpe_count(t->encoding, slice_make(text.at + begin, end - begin), &t->counter->work, &exact);
    t->sampled += end - begin;
}

static void add(struct tally *t, struct slice text) {
    if (!t->counting) {
        t->bytes += text.len;
    } else if (t->stride == 0) {
        t->tokens += bpe_count(t->encoding, text, &t->counter->work, &t->exact);
    } else {
        for (; t->window < t->seen + text.len; t->window += t->stride)
            count_window(t, text, t->window - t->seen);
        t->seen += text.len;
    }
}

/* A string of the document; anything else is nothing. */
static void add_string(struct tally *t, const struct json_doc *d, uint32_t node) {
    if (json_type(d, node) != JSON_STRING) return;
    struct slice raw = json_raw(d, node), text;
    raw = slice_make(raw.at + 1, raw.len - 2);
    if (!t->counting || t->stride != 0 || !d->nodes[node].escaped) {
        add(t, raw);
        return;
    }
    text = json_string(d, node, &t->counter->decoded);
    if (slice_is_null(text)) t->exact = false; /* too long to decode; the escapes are counted as they stand */
    add(t, slice_is_null(text) ? raw : text);
    arena_reset(&t->counter->decoded);
}

/* JSON that the provider renders in a way of its own. */
static void add_json(struct tally *t, const struct json_doc *d, uint32_t node) {
    if (node == JSON_NONE || json_type(d, node) == JSON_NULL) return;
    t->exact = false;
    add(t, json_raw(d, node));
}

/* ---- the request's document ---- */

static void walk_content(struct tally *t, const struct json_doc *d, uint32_t content) {
    uint32_t cursor = JSON_NONE, part, inner = JSON_NONE, block;
    add_string(t, d, content);
    while (json_each_item(d, content, &cursor, &part)) {
        uint32_t text = json_get(d, part, "text");
        if (json_type(d, text) != JSON_STRING) t->exact = false;
        add_string(t, d, text);
        add_string(t, d, json_get(d, part, "refusal"));
        add_string(t, d, json_get(d, part, "thinking"));
        add_json(t, d, json_get(d, part, "input")); /* Anthropic's tool_use */
        uint32_t result = json_get(d, part, "content");
        add_string(t, d, result);
        for (inner = JSON_NONE; json_each_item(d, result, &inner, &block);)
            add_string(t, d, json_get(d, block, "text"));
    }
}

static void walk_messages(struct tally *t, const struct call *call, uint32_t messages) {
    static const char *const called[] = {"tool_calls", "function_call", "arguments", "output"};
    const struct json_doc *d = &call->doc;
    uint32_t cursor = JSON_NONE, m, index = 0;
    while (json_each_item(d, messages, &cursor, &m)) {
        if (messages == call->messages_node && call_drops(call, index++)) continue;
        uint32_t role = json_get(d, m, "role"), name = json_get(d, m, "name");
        t->fixed += PER_MESSAGE;
        if (json_is(d, role, "tool") || json_is(d, role, "function")) t->exact = false;
        add_string(t, d, role);
        if (json_type(d, name) == JSON_STRING) t->fixed += PER_NAME;
        add_string(t, d, name);
        walk_content(t, d, json_get(d, m, "content"));
        for (unsigned i = 0; i < sizeof called / sizeof called[0]; i++)
            add_json(t, d, json_get(d, m, called[i]));
    }
}

/* A text, texts, token numbers, or lists of these. */
static void walk_embeddings(struct tally *t, const struct json_doc *d, uint32_t input) {
    uint32_t end = input == JSON_NONE ? 0 : d->nodes[input].next;
    for (uint32_t i = input; i < end; i++) {
        if (json_type(d, i) == JSON_NUMBER) t->fixed++;
        add_string(t, d, i);
    }
}

static void walk_document(struct tally *t, const struct call *call) {
    static const char *const schemas[] = {"tools", "functions", "response_format", "tool_choice",
                                          "function_call"};
    const struct json_doc *d = &call->doc;
    uint32_t input = json_get(d, 0, "input");
    if (call->endpoint == ENDPOINT_EMBEDDINGS) {
        walk_embeddings(t, d, input);
        return;
    }
    if (call->endpoint != ENDPOINT_CHAT) t->exact = false;
    add_string(t, d, json_get(d, 0, "instructions"));
    walk_content(t, d, json_get(d, 0, "system"));
    walk_messages(t, call, json_get(d, 0, "messages"));
    walk_messages(t, call, input);
    add_string(t, d, input);
    for (unsigned i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
        add_json(t, d, json_get(d, 0, schemas[i]));
    t->fixed += PER_ANSWER;
}

/* ---- a body without a document ---- */

static void walk_part(struct tally *t, const struct part *p) {
    if (p->type != PART_TEXT) t->exact = false;
    add(t, p->text);
    add(t, p->name);
    add(t, p->arguments);
}

static void walk_body(struct tally *t, const struct call *call) {
    static const char *const roles[] = {
        [ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant", [ROLE_TOOL] = "tool"};
    for (unsigned i = 0; i < call->n_messages; i++) {
        const struct message *m = &call->messages[i];
        t->fixed += PER_MESSAGE;
        add(t, slice_of(roles[m->role]));
        for (unsigned p = 0; p < m->n_parts; p++) walk_part(t, &m->parts[p]);
    }
    for (unsigned i = 0; i < call->n_tools; i++) {
        add(t, call->tools[i].name);
        add(t, call->tools[i].description);
        add(t, call->tools[i].schema);
    }
    add(t, call->schema);
    if (call->n_tools > 0 || call->schema.len > 0) t->exact = false;
    t->fixed += PER_ANSWER;
}

static void walk(struct tally *t, const struct call *call) {
    if (call->doc.count > 0) walk_document(t, call);
    else walk_body(t, call);
    t->fixed += (int64_t)call->n_images_total * TOKEN_PER_IMAGE;
    t->only_text = call->n_images_total == 0;
    if (!t->only_text) t->exact = false;
}

/* ---- results ---- */

static struct tally begin(struct token_counter *c, enum token_encoding e) {
    enum bpe_encoding encoding = e == TOKEN_CL100K ? BPE_CL100K : BPE_O200K;
    return (struct tally){.counter = c, .encoding = encoding, .exact = true, .only_text = true};
}

/* Between the walks. */
static void turn(struct tally *t) {
    t->counting = true;
    t->fixed = 0;
    t->exact = true;
    if (t->bytes > t->counter->whole) {
        t->stride = t->bytes / TOKEN_SAMPLE_WINDOWS;
        if (t->stride < TOKEN_SAMPLE_BYTES) t->stride = TOKEN_SAMPLE_BYTES;
    }
}

static struct token_count result(const struct tally *t, enum token_encoding e, struct slice model) {
    struct token_count r = {.encoding = e, .exact = t->exact && e != TOKEN_ESTIMATE && t->stride == 0};
    double tokens = (double)t->tokens, factor = 1;
    if (t->stride != 0 && t->sampled > 0) tokens *= (double)t->bytes / (double)t->sampled;
    r.plain = (int64_t)(tokens + 0.5) + t->fixed;
    if (e == TOKEN_ESTIMATE && t->counter->calibration)
        factor = token_calibration_factor(t->counter->calibration, model, NULL);
    r.tokens = factor == 1 ? r.plain : (int64_t)((double)r.plain * factor + 0.5);
    r.whole = t->stride == 0 && t->only_text;
    return r;
}

struct token_count token_count_text(struct token_counter *c, struct slice provider, struct slice model,
                                    struct slice text) {
    enum token_encoding e = token_encoding_of(provider, model);
    struct tally t = begin(c, e);
    add(&t, text);
    turn(&t);
    add(&t, text);
    return result(&t, e, model);
}

struct token_count token_count_call(struct token_counter *c, struct slice provider, struct slice model,
                                    const struct call *call) {
    enum token_encoding e = token_encoding_of(provider, model);
    struct tally t = begin(c, e);
    walk(&t, call);
    turn(&t);
    walk(&t, call);
    return result(&t, e, model);
}
