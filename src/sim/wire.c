#include "sim/wire.h"
#include "base/digest.h"
#include "sim/token.h"

#include <stdio.h>

const struct wire *wire_of(enum ask_api api) {
    if (api == ASK_MESSAGES || api == ASK_COUNT_TOKENS) return &wire_messages;
    return api == ASK_RESPONSES ? &wire_responses : &wire_chat;
}

/* ---- the cursor ---- */

void frames_open(struct frames *f, const struct ask *ask, const struct act *act, const struct answer *a,
                 struct arena *arena, struct buffer *out) {
    *f = (struct frames){.wire = wire_of(ask->api), .ask = ask, .act = act, .answer = a, .out = out};
    f->wire->open(f, arena);
}

static void end_of_part(struct frames *f, const struct answer_choice *c) {
    if (c->n_parts > 0) f->wire->end_part(f, &c->parts[f->part]);
    f->at = 0;
    f->part++;
    if (f->part < c->n_parts) return;
    if (!f->act->no_finish) f->wire->end_choice(f, c);
    f->part = 0;
    f->choice++;
}

bool frames_next(struct frames *f) {
    while (f->choice < f->answer->n_choices) {
        const struct answer_choice *c = &f->answer->choices[f->choice];
        if (c->n_parts == 0) {
            end_of_part(f, c);
            continue;
        }
        const struct answer_part *p = &c->parts[f->part];
        if (f->act->comments) f->wire->comment(f);
        if (f->at == 0) f->wire->begin_part(f, p);
        struct slice rest = slice_make(p->text.at + f->at, p->text.len - f->at);
        size_t len = token_length(rest);
        if (len > 0) f->wire->token(f, p, slice_make(rest.at, len));
        if (len > 0) f->sent++;
        f->at += len;
        if (f->at == p->text.len) end_of_part(f, c);
        if (len > 0) return true;
    }
    return false;
}

void frames_close(struct frames *f) {
    f->wire->close(f);
}

void frames_malformed(struct frames *f) {
    buffer_append(
        f->out, SLICE("data: {\"id\": \"broken\", \"choices\": [{\"delta\": {\"content\": \"half an ev\n\n"));
}

/* ---- errors ---- */

static const struct wire_default defaults[] = {
    {400, "invalid_request_error", NULL, "invalid_request_error", "The request is not valid."},
    {401, "invalid_request_error", "invalid_api_key", "authentication_error", "Incorrect API key provided."},
    {402, "billing_error", "billing_error", "billing_error", "Your credit balance is too low."},
    {403, "permission_error", "permission_denied", "permission_error", "You may not use this resource."},
    {404, "invalid_request_error", "model_not_found", "not_found_error",
     "The model does not exist or you do not have access to it."},
    {405, "invalid_request_error", "method_not_supported", "invalid_request_error", "Method not allowed."},
    {408, "timeout_error", "request_timeout", "timeout_error", "The request took too long."},
    {413, "invalid_request_error", "request_too_large", "request_too_large", "The request is too large."},
    {429, "requests", "rate_limit_exceeded", "rate_limit_error",
     "Rate limit reached. Please try again later."},
    {500, "server_error", NULL, "api_error", "The server had an error while processing your request."},
    {502, "server_error", "bad_gateway", "api_error", "Bad gateway."},
    {503, "server_error", "service_unavailable", "overloaded_error",
     "The engine is currently overloaded, please try again later."},
    {504, "server_error", "timeout", "timeout_error", "The server timed out."},
    {529, "server_error", "overloaded", "overloaded_error", "Overloaded"},
};

const struct wire_default *wire_default_of(int status) {
    const struct wire_default *closest = &defaults[0];
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if (defaults[i].status == status) return &defaults[i];
        if (status >= 500 && defaults[i].status == 500) closest = &defaults[i];
    }
    return closest;
}

struct slice wire_message(const struct wire_error *e, bool anthropic, char text[256]) {
    struct slice code = e->words.code;
    if (!slice_is_null(e->words.message)) return e->words.message;
    if (slice_is(code, "context_length_exceeded"))
        return anthropic ? SLICE("prompt is too long: 213462 tokens > 200000 maximum")
                         : SLICE("This model's maximum context length is 8192 tokens. However, your messages "
                                 "resulted in "
                                 "9000 tokens. Please reduce the length of the messages.");
    if (slice_is(code, "content_policy_violation") || slice_is(code, "content_filter"))
        return anthropic ? SLICE("Output blocked by content filtering policy")
                         : SLICE("Your request was rejected as a result of our safety system.");
    if (slice_is(code, "insufficient_quota"))
        return SLICE("You exceeded your current quota, please check your plan and billing details.");
    if (e->status == 404 && e->model.len > 0) {
        int n =
            snprintf(text, 256, "The model `" SLICE_FMT "` does not exist or you do not have access to it.",
                     (int)(e->model.len < 128 ? e->model.len : 128), e->model.at);
        return slice_make(text, (size_t)n);
    }
    return slice_of(wire_default_of(e->status)->message);
}

void wire_member_id(struct json_writer *w, const char *key, const char *prefix, struct slice id) {
    json_key(w, key);
    json_put_raw(w, SLICE("\""));
    buffer_append(w->out, slice_of(prefix));
    buffer_append(w->out, id);
    buffer_byte(w->out, '"');
}

/* ---- what is not chat ---- */

void wire_write_models(bool anthropic, struct buffer *out) {
    struct json_writer w;
    const char *name;
    json_start(&w, out);
    json_object(&w);
    if (!anthropic) json_member_text(&w, "object", "list");
    json_key(&w, "data");
    json_array(&w);
    for (unsigned i = 0; (name = profile_model(i)) != NULL; i++) {
        bool claude = slice_starts(slice_of(name), SLICE("claude"));
        if (claude != anthropic) continue;
        json_object(&w);
        json_member_text(&w, "id", name);
        json_member_text(&w, anthropic ? "type" : "object", "model");
        if (anthropic) json_member_text(&w, "display_name", name);
        if (anthropic) json_member_text(&w, "created_at", "2026-01-01T00:00:00Z");
        else json_member_i64(&w, "created", 1767225600);
        if (!anthropic) json_member_text(&w, "owned_by", "simulator");
        json_object_end(&w);
    }
    json_array_end(&w);
    if (anthropic) json_member_bool(&w, "has_more", false);
    json_object_end(&w);
}

/* Fixed point with 9 decimals: an embedding's numbers are within -1..1, and printf would be half the cost. */
static void put_float(struct buffer *out, float x) {
    char digits[12];
    uint64_t n = (uint64_t)((x < 0 ? -(double)x : (double)x) * 1e9 + 0.5);
    if (x < 0) buffer_byte(out, '-');
    buffer_u64(out, n / 1000000000u);
    digits[0] = '.';
    n %= 1000000000u;
    for (int i = 9; i > 0; i--, n /= 10) digits[i] = (char)('0' + n % 10);
    buffer_append(out, slice_make(digits, 10));
}

static void put_vector(const float *v, unsigned dimensions, bool base64, struct arena *arena,
                       struct buffer *out) {
    if (base64) {
        size_t size = sizeof *v * dimensions, room = (size + 2) / 3 * 4 + 1;
        char *text = arena_alloc(arena, room);
        if (text == NULL) return;
        size_t n = digest_base64(slice_make((const char *)v, size), text, room);
        buffer_byte(out, '"');
        buffer_append(out, slice_make(text, n));
        buffer_byte(out, '"');
        return;
    }
    buffer_byte(out, '[');
    for (unsigned i = 0; i < dimensions; i++) {
        if (i > 0) buffer_byte(out, ',');
        put_float(out, v[i]);
    }
    buffer_byte(out, ']');
}

struct embedding {
    const struct ask *ask;
    struct arena *arena;
    struct buffer *out;
    float *vector;
    uint64_t seed;
    unsigned dimensions, n;
    bool base64;
};

static void put_embedding(struct embedding *e, uint32_t node) {
    bool is_text = json_type(&e->ask->doc, node) == JSON_STRING;
    struct slice text = is_text ? json_string(&e->ask->doc, node, e->arena) : json_raw(&e->ask->doc, node);
    answer_embedding(text, e->seed, e->dimensions, e->vector);
    if (e->n > 0) buffer_byte(e->out, ',');
    buffer_printf(e->out, "{\"object\":\"embedding\",\"index\":%u,\"embedding\":", e->n++);
    put_vector(e->vector, e->dimensions, e->base64, e->arena, e->out);
    buffer_byte(e->out, '}');
}

bool wire_write_embeddings(const struct ask *ask, const struct answer *a, uint64_t seed, struct arena *arena,
                           struct buffer *out) {
    const struct json_doc *d = &ask->doc;
    uint32_t input = json_get(d, 0, "input"), cursor = JSON_NONE, item;
    int64_t dimensions = slice_contains(ask->model, SLICE("large")) ? 3072 : 1536;
    json_get_i64(d, json_get(d, 0, "dimensions"), &dimensions);
    if (dimensions < 1 || dimensions > SIM_DIMENSIONS || json_size(d, input) > SIM_INPUTS) return false;
    struct embedding e = {ask,  arena,
                          out,  arena_new_array(arena, float, (size_t)dimensions),
                          seed, (unsigned)dimensions,
                          0,    json_is(d, json_get(d, 0, "encoding_format"), "base64")};
    if (e.vector == NULL) return false;
    buffer_append(out, SLICE("{\"object\":\"list\",\"data\":["));
    /* a text, a list of texts, a list of tokens, or a list of lists of tokens */
    bool one = json_type(d, input) == JSON_STRING || json_type(d, json_item(d, input, 0)) == JSON_NUMBER;
    if (one) put_embedding(&e, input);
    while (!one && json_each_item(d, input, &cursor, &item)) put_embedding(&e, item);
    buffer_append(out, SLICE("],\"model\":\""));
    json_escape(out, a->model);
    buffer_printf(out, "\",\"usage\":{\"prompt_tokens\":%llu,\"total_tokens\":%llu}}",
                  (unsigned long long)a->input, (unsigned long long)a->input);
    return true;
}
