/* probe.c - see probe.h. */
#include "incident/probe.h"

#include "base/json.h"
#include "dialect/dialect.h"

#define PING_TOKENS 32           /* "ping" as one message, in any tokenizer and chat form */

static void start(const struct provider *p, enum endpoint e, const char *model, struct arena *arena, struct probe_request *ret) {
    struct upstream_address address = {0};
    unsigned n = 0;
    dialect_of(p->dialect)->address(p, e, model, arena, &address);
    *ret = (struct probe_request){.url = arena_text(arena, address.url)};
    for (unsigned i = 0; address.headers[i] != NULL && n < PROBE_HEADERS - 1; i++) ret->headers[n++] = address.headers[i];
    for (unsigned i = 0; p->headers != NULL && p->headers[i] != NULL && n < PROBE_HEADERS - 1; i++) ret->headers[n++] = arena_text(arena, slice_of(p->headers[i]));
}

void probe_listing(const struct provider *p, struct arena *arena, struct probe_request *ret) { start(p, ENDPOINT_MODELS, "", arena, ret); }

void probe_completion(const struct provider *p, struct arena *arena, struct probe_request *ret) {
    struct buffer b;
    struct json_writer w;
    start(p, ENDPOINT_CHAT, p->probe.completion, arena, ret);
    buffer_init(&b, 4096);
    json_start(&w, &b);
    json_object(&w);
    json_member_text(&w, "model", p->probe.completion);
    json_member_i64(&w, "max_tokens", 1);
    json_key(&w, "messages");
    json_array(&w);
    json_object(&w);
    json_member_text(&w, "role", "user");
    json_member_text(&w, "content", "ping");
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
    ret->body = arena_slice(arena, buffer_slice(&b));
    buffer_deinit(&b);
}

int64_t probe_completion_cost(const struct policy *policy, const struct provider *p, int64_t wall_us) {
    const struct price_model *price = NULL;
    struct usage usage;
    for (unsigned m = 0; m < policy->n_models && price == NULL; m++)
        for (unsigned t = 0; t < policy->models[m].n_targets; t++) {
            const struct target *x = &policy->models[m].targets[t];
            if (x->provider == p && strcmp(x->model, p->probe.completion) == 0) price = x->price;
        }
    if (price == NULL && policy->prices != NULL)
        price = price_find(policy->prices, slice_of(policy_prices_as(p, policy->prices)), slice_of(p->probe.completion));
    usage_init(&usage);
    usage.input = PING_TOKENS;
    usage.output = 1;
    return price_cost(price, &usage, wall_us);
}

/* ---- answers ---- */

static enum fault fault_of_result(enum http_result r) {
    switch (r) {
    case HTTP_CONNECT_FAILED:
    case HTTP_CONNECT_TIMEOUT: return FAULT_UP_CONNECT;
    case HTTP_RESET: return FAULT_UP_RESET;
    case HTTP_CUT: return FAULT_UP_TRUNCATED;
    case HTTP_BAD: return FAULT_UP_MALFORMED;
    case HTTP_OK: break;
    }
    return FAULT_UP_TIMEOUT;
}

/* A page that stands in the way (a portal's, a proxy's) answers 200 too. */
static bool is_json(struct slice body) {
    body = slice_trim(body);
    return body.len > 0 && (body.at[0] == '{' || body.at[0] == '[');
}

static enum fault fault_of_status(const struct probe_reply *r, bool completion) {
    int s = r->status;
    if (s >= 200 && s < 300) return is_json(r->body) ? FAULT_NONE : FAULT_UP_MALFORMED;
    if (s == 401 || s == 403) return FAULT_UP_AUTH;
    if (s == 407 || s < 400) return FAULT_UP_MALFORMED; /* somebody else's answer: a proxy's, a portal's */
    if (s == 429) return FAULT_UP_RATE_LIMITED;
    if (s == 402) return FAULT_UP_QUOTA;
    if (s == 408) return FAULT_UP_TIMEOUT;
    if (s == 501 && !completion) return FAULT_NONE;
    return s >= 500 ? FAULT_UP_SERVER : FAULT_NONE;
}

void probe_judge(const struct probe_reply *r, bool completion, struct arena *arena, struct provider_probe *ret) {
    const char *what = completion ? "completion: " : "";
    ret->fault = r->status == 0 ? fault_of_result(r->result) : fault_of_status(r, completion);
    ret->ok = ret->fault == FAULT_NONE;
    if (r->status == 0) ret->why = arena_printf(arena, "%s%.200s", what, r->detail);
    else if (ret->fault == FAULT_UP_MALFORMED && r->status < 300) ret->why = arena_printf(arena, "%s%d, and the body is not JSON", what, r->status);
    else ret->why = arena_printf(arena, "%s%d%s", what, r->status, r->cut ? ", longer than is read" : ret->ok && r->status >= 400 ? ", it answers; this is not offered" : "");
}

int64_t probe_pause(const struct provider *p, bool failing, uint64_t random) {
    int64_t every = p->probe.every > 0 ? p->probe.every : PROBE_EVERY_US;
    if (failing && every > PROBE_FAILING_US) every = PROBE_FAILING_US;
    int64_t spread = every / 5;
    return every - spread / 2 + (spread > 0 ? (int64_t)(random % (uint64_t)spread) : 0);
}
