#include "gateway/exchange.h"

#include "base/clock.h"
#include "base/digest.h"

#include <stdio.h>

static struct health *health_at(const struct exchange *x) {
    return x->binding->targets[x->order[x->at]->index].health;
}

static enum forced_breaker forced_breaker(const struct exchange *x, int64_t *ret_opens_in_us) {
    return gateway_intervenes(x->gateway) ? intervene_breaker(x, x->order[x->at], ret_opens_in_us) : BREAKER_FREE;
}

/* What is sent though the breaker is open says nothing to it: its own probe does. */
static enum admission admit(const struct exchange *x, int64_t now_us) {
    int64_t in;
    enum forced_breaker forced = forced_breaker(x, &in);
    if (forced == BREAKER_FORCED_OPEN) return ADMIT_NO;
    enum admission a = health_admit(health_at(x), x->model, now_us);
    return a == ADMIT_NO && forced == BREAKER_FORCED_CLOSED ? ADMIT_YES : a;
}

/* Can this target serve the call at all? Sets x->cannot when it cannot. */
static bool serves(struct exchange *x) {
    const struct target *t = x->order[x->at];
    if (x->above_window >= 0 && t->context_window <= x->above_window) return false;
    if (!t->price && x->key->application->block_unknown_price) {
        if (x->cannot.fault == FAULT_NONE)
            (void)!error_set(&x->cannot, FAULT_UNKNOWN_PRICE, "no price of %s is known and unknown_price is block", t->health_key);
        return false;
    }
    x->target = t;
    x->upstream = dialect_of(t->provider->dialect);
    x->same_wire = dialect_same_wire(x->client, x->upstream);
    struct error error;
    enum fault fault = attempt_prepare(x, &error);
    if (fault == FAULT_NONE) return true;
    if (x->cannot.fault == FAULT_NONE) x->cannot = error;
    return false;
}

/* When the first of them may be asked again. True: an action has one rest. */
static bool all_rest(struct exchange *x) {
    bool forced = false;
    x->retry_after_us = -1;
    for (x->at = 0; x->at < x->n_order; x->at++) {
        int64_t in = health_opens_in_us(health_at(x), loop_now_us(x->gateway->loop));
        if (forced_breaker(x, &in) == BREAKER_FORCED_OPEN) forced = true;
        if (in > 0 && (x->retry_after_us < 0 || in < x->retry_after_us)) x->retry_after_us = in;
    }
    return forced;
}

static void exhausted(struct exchange *x) {
    struct record *r = &x->record;
    relay_reset(x);
    if (r->n_attempts == 0 && !x->in_passing && x->cannot.fault != FAULT_NONE) {
        exchange_refuse(x, RECORD_REFUSED, x->cannot.fault, x->cannot.text);
        return;
    }
    if (r->n_attempts > 0 && !x->in_passing && fault_retry(x->last.fault) == RETRY_LARGER) {
        exchange_refuse(x, RECORD_ERROR, x->last.fault, "the input exceeds the context window of every target of this model");
        return;
    }
    if (degraded_serve(x)) return;
    char text[LIMIT_ERROR_TEXT];
    if (x->stands_in != 0) {
        snprintf(text, sizeof text, "action %lld serves `%s` degraded, and it has no stand-in for this request", (long long)x->stands_in, x->model->name);
    } else if (r->n_attempts == 0) {
        bool forced = all_rest(x);
        snprintf(text, sizeof text, "every target of `%s` is resting %s", x->model->name, forced ? "by an action" : "after failures");
    } else {
        const struct record_attempt *last = &r->attempts[r->n_attempts - 1];
        /* what a provider says about our credential is not the client's business */
        struct slice words = x->last.fault == FAULT_UP_AUTH ? SLICE_NULL : x->last.message;
        if (words.len > 200) words.len = 200;
        snprintf(text, sizeof text, "no target of `%s` could answer; the last one, " SLICE_FMT "/" SLICE_FMT ": %s%s" SLICE_FMT,
                 x->model->name, SLICE_ARG(last->provider), SLICE_ARG(last->model), fault_text(x->last.fault),
                 words.len ? ": " : "", SLICE_ARG(words));
    }
    if (x->retry_after_us < 0) x->retry_after_us = 1000000;
    exchange_refuse(x, RECORD_ERROR, FAULT_NO_TARGET, text);
}

/* A job asked it, not someone who waits: where all targets rest it tries one all the same, once, so that a job ends though much of what it
 * asks fails. What comes of it says nothing of the target, which goes on resting for others. */
static bool try_though_resting(struct exchange *x) {
    if (!x->once_runs || x->record.n_attempts > 0 || !x->in_passing) return false;
    for (x->at = 0; x->at < x->n_order; x->at++) {
        int64_t in;
        if (forced_breaker(x, &in) == BREAKER_FORCED_OPEN || !serves(x)) continue;
        x->admission = ADMIT_YES;
        x->tries = (unsigned)x->model->retry.attempts;
        attempt_start(x);
        return true;
    }
    return false;
}

void route_next(struct exchange *x) {
    int64_t now = loop_now_us(x->gateway->loop);
    for (; x->at < x->n_order && x->record.n_attempts < LIMIT_ATTEMPTS; x->at++, x->tries = 0) {
        if (!serves(x)) continue;
        x->admission = admit(x, now);
        if (x->admission == ADMIT_NO) {
            x->in_passing = true;
            continue;
        }
        x->tries++;
        attempt_start(x);
        return;
    }
    if (try_though_resting(x)) return;
    exhausted(x);
}

/* Is there any point in waiting less than the current target asks for? */
static bool has_another(const struct exchange *x) { return x->at + 1 < x->n_order; }

static int64_t backoff_us(const struct exchange *x) {
    uint64_t random = digest_fast(slice_make((const char *)x->record.id.bytes, 16), x->record.n_attempts);
    int64_t delay = x->model->retry.backoff;
    for (unsigned i = 1; i < x->tries && delay < x->model->retry.max_wait; i++) delay *= 2;
    /* up to a quarter more, so that callers do not come back in step */
    return delay + (int64_t)(random % 1024) * (delay / 4) / 1024;
}

/* True when a pause for another try at the same target was begun. */
static bool try_again_here(struct exchange *x) {
    if (x->tries >= x->model->retry.attempts || x->record.n_attempts >= LIMIT_ATTEMPTS) return false;
    int64_t delay = backoff_us(x);
    if (x->last.retry_after_us > delay) delay = x->last.retry_after_us;
    if (delay > x->model->retry.max_wait) {
        if (has_another(x)) return false;
        delay = x->model->retry.max_wait;
    }
    exchange_enter(x, EXCHANGE_BACKOFF);
    exchange_phase(x, PHASE_BACKOFF, delay);
    return true;
}

/* The provider refused for a reason of the client's: its own words, where the client speaks its wire. */
static void answer_refusal(struct exchange *x) {
    enum fault fault = x->last.fault;
    bool whole = x->reply_body.len > 0 && x->reply_body.len < LIMIT_ERROR_BODY;
    bool own_words = x->same_wire && x->upstream_status >= 400 && whole;
    if (!own_words) {
        struct slice text = x->last.message.len ? x->last.message : slice_of(fault_text(fault));
        exchange_refuse(x, RECORD_ERROR, fault, arena_text(&x->arena, text));
        return;
    }
    struct slice type = http_transfer_header(x->transfer, "content-type");
    const char *content_type = type.len ? arena_text(&x->arena, type) : "application/json";
    relay_keep_whole(x, content_type, buffer_slice(&x->reply_body));
    settle(x, RECORD_ERROR, x->upstream_status, fault, fault_text(fault));
    exchange_answer(x, x->upstream_status, content_type, &x->reply_body);
}

void route_failed(struct exchange *x, const struct upstream_error *why) {
    x->last = *why;
    enum retry_class retry = fault_retry(why->fault);
    if (why->should_retry == 0 && retry == RETRY_SAME) retry = RETRY_NEXT;
    if (why->should_retry == 1 && (retry == RETRY_NEVER || retry == RETRY_NEXT)) retry = RETRY_SAME;
    if (why->retry_after_us >= 0 && (x->retry_after_us < 0 || why->retry_after_us < x->retry_after_us))
        x->retry_after_us = why->retry_after_us;
    switch (retry) {
    case RETRY_NEVER: answer_refusal(x); return;
    case RETRY_SAME:
        if (try_again_here(x)) return;
        break;
    case RETRY_LARGER: x->above_window = x->target->context_window > 0 ? x->target->context_window : 0; break;
    case RETRY_NEXT: break;
    }
    if (retry != RETRY_LARGER) x->in_passing = true;
    x->at++;
    x->tries = 0;
    route_next(x);
}

void route_out_of_time(struct exchange *x) {
    x->last = (struct upstream_error){.fault = FAULT_UP_TIMEOUT, .retry_after_us = -1, .should_retry = -1};
    x->at = x->n_order;
    exhausted(x);
}

void route_to_nobody(struct exchange *x) {
    x->in_passing = true;
    exhausted(x);
}
