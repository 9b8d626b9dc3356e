/* prompt.c - x-quarterdeck-prompt: which version serves this exchange, and the request that the two make together; and what change
 * (change/) is told of exchanges that have none.
 *
 * The version and its arm are chosen when the body is whole, by what the loop holds then. Nothing of the deployments is referred to
 * afterwards: what the record says of them is copied, so that they may be replaced while the exchange goes on. */
#include "gateway/exchange.h"

#include "base/mem.h"
#include "dialect/prompted.h"

/* ---- with a prompt ---- */

/* What is asked once stays in its arm when it is asked again. */
static struct deployment_unit unit_of(const struct exchange *x) {
    const struct record *r = &x->record;
    struct slice id = slice_make((const char *)r->id.bytes, sizeof r->id.bytes);
    return (struct deployment_unit){r->application, r->user, r->session, x->once.len > 0 ? x->once : id};
}

/* This process's own requests are no evidence about its users; lines of batches are theirs. */
static bool is_own(const struct exchange *x) { return x->inside && x->record.batch.len == 0; }

static void note(struct exchange *x, const struct deployment_choice *c) {
    struct record *r = &x->record;
    bool counts = x->call.endpoint != ENDPOINT_COUNT_TOKENS && !is_own(x);
    r->prompt_name = arena_slice(&x->arena, c->prompt->name);
    r->prompt_version = arena_slice(&x->arena, slice_of(c->version->text));
    if (!c->rollout || !counts) return;
    r->rollout = c->rollout->id;
    r->rollout_step = c->rollout->step;
    r->arm = c->arm;
    x->to_shadow = c->shadow && !x->inside && x->gateway->sinks.shadow;
}

enum fault prompt_read_request(struct exchange *x, struct error *error) {
    const struct policy *policy = x->binding->policy;
    struct record *r = &x->record;
    struct deployment_choice c;
    struct prompted p;
    struct json_doc doc;
    if (x->asked_prompt.len == 0) return x->client->read_head(x->body, &x->arena, &x->call, error);
    enum fault fault = prompted_read(x->client, x->call.endpoint, x->body, &x->arena, &p, error);
    if (fault != FAULT_NONE) return fault;
    if (!r->user.len) r->user = label_cut(p.end_user);
    struct deployment_unit unit = unit_of(x);
    fault = deployment_choose(x->gateway->deployments, x->asked_prompt, &unit, &c, error);
    if (fault != FAULT_NONE) return fault;
    note(x, &c);
    x->prompted.max = policy->server.max_body > 0 ? (size_t)policy->server.max_body : LIMIT_BODY_DEFAULT;
    fault = prompted_write(&p, c.version, r->prompt_name, &x->arena, &x->prompted, &doc, error);
    if (fault != FAULT_NONE) return fault;
    x->body = doc.text;
    return x->client->read_tape(&doc, &x->arena, &x->call, error);
}

/* ---- for change ---- */

enum { MET = 1024, BURST = 200 };
#define MET_US (10 * 60 * 1000000LL)  /* after so long a text is handed on again: what took it may have lost it */
#define REFILL_US 50000               /* one more text that was not met: 20 a second */

/* Texts are known by their hash, each in its place; another text in the same place takes it, and both are met again. */
struct system_texts {
    struct {
        uint64_t key;
        int64_t since_us;
    } met[MET];
    int64_t full_us;                  /* when the bucket is full again */
};

struct system_texts *system_texts_new(void) { return mem_new(struct system_texts); }

static bool is_new(struct system_texts *s, uint64_t key, int64_t now_us) {
    unsigned at = (unsigned)(key % MET);
    if (s->met[at].key == key && now_us - s->met[at].since_us < MET_US) return false;
    if (s->full_us < now_us) s->full_us = now_us;
    if (s->full_us - now_us > (int64_t)(BURST - 1) * REFILL_US) return false; /* texts that are all different; it is not counted as met */
    s->full_us += REFILL_US;
    s->met[at].key = key;
    s->met[at].since_us = now_us;
    return true;
}

static void tell_system_text(struct exchange *x) {
    const struct gateway_sinks *sinks = &x->gateway->sinks;
    const struct record *r = &x->record;
    uint64_t key;
    /* a record that has no hash is of an application that keeps nothing of content */
    if (!sinks->system_text || !r->has_system_prompt || x->asked_prompt.len > 0 || r->status == RECORD_REFUSED || is_own(x)) return;
    memcpy(&key, r->system_prompt_hash, sizeof key);
    key ^= (x->key->application->index + 1) * UINT64_C(0x9E3779B97F4A7C15);
    if (is_new(x->gateway->system_texts, key, loop_now_us(x->gateway->loop))) sinks->system_text(sinks->change_ctx, r, x->call.system_text);
}

void prompt_settle(struct exchange *x) {
    const struct gateway_sinks *sinks = &x->gateway->sinks;
    const struct record *r = &x->record;
    bool whole = r->status == RECORD_OK && r->http_status == 200 && x->copy.len > 0 && x->copy.len <= LIMIT_PAYLOAD;
    tell_system_text(x);
    if (x->to_shadow && whole && r->cache.len == 0) sinks->shadow(sinks->change_ctx, r, x->request->body, buffer_slice(&x->copy));
}
