/* The heads of answers: what OpenAI and Anthropic send, and what the script sets. */
#include "base/clock.h"
#include "sim/play.h"

#include <time.h>

enum { TOKEN_LIMIT = 2000000 }; /* a minute, as the headers say */

static void put(struct play_head *h, struct slice name, struct slice value) {
    for (unsigned i = 0; i < h->n; i++) {
        if (!slice_eq_nocase(h->headers[i].name, name)) continue;
        h->headers[i].value = value;
        return;
    }
    if (h->n < PLAY_HEADERS) h->headers[h->n++] = (struct http_header){name, value};
}

static void put_openai(struct play_head *h, int64_t processing_us, struct slice id, uint64_t left,
                       struct arena *a) {
    put(h, SLICE("x-request-id"), id);
    put(h, SLICE("openai-organization"), SLICE("simulator"));
    put(h, SLICE("openai-version"), SLICE("2020-10-01"));
    put(h, SLICE("openai-processing-ms"), arena_printf(a, "%lld", (long long)(processing_us / 1000)));
    put(h, SLICE("x-ratelimit-limit-requests"), SLICE("10000"));
    put(h, SLICE("x-ratelimit-limit-tokens"), SLICE("2000000"));
    put(h, SLICE("x-ratelimit-remaining-requests"), SLICE("9999"));
    put(h, SLICE("x-ratelimit-remaining-tokens"), arena_printf(a, "%llu", (unsigned long long)left));
    put(h, SLICE("x-ratelimit-reset-requests"), SLICE("6ms"));
    put(h, SLICE("x-ratelimit-reset-tokens"), SLICE("1s"));
}

static void put_anthropic(struct play_head *h, struct slice id, uint64_t left, struct arena *a) {
    char time[CLOCK_TEXT];
    clock_format(clock_wall_us() + 1000000, time);
    struct slice reset = arena_slice(a, slice_of(time));
    put(h, SLICE("request-id"), id);
    put(h, SLICE("anthropic-organization-id"), SLICE("simulator"));
    put(h, SLICE("anthropic-ratelimit-requests-limit"), SLICE("10000"));
    put(h, SLICE("anthropic-ratelimit-requests-remaining"), SLICE("9999"));
    put(h, SLICE("anthropic-ratelimit-requests-reset"), reset);
    put(h, SLICE("anthropic-ratelimit-tokens-limit"), SLICE("2000000"));
    put(h, SLICE("anthropic-ratelimit-tokens-remaining"), arena_printf(a, "%llu", (unsigned long long)left));
    put(h, SLICE("anthropic-ratelimit-tokens-reset"), reset);
}

static struct slice http_date(int64_t wall_us, struct arena *a) {
    char text[40];
    time_t seconds = (time_t)((wall_us + 999999) / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return arena_slice(a, slice_make(text, n));
}

static void put_retry_after(struct play_head *h, const struct act *act, struct arena *a) {
    long long ms = act->retry_after / 1000;
    switch (act->retry_form) {
    case ACT_RETRY_SECONDS: {
        struct slice whole = arena_printf(a, "%lld", ms / 1000);
        put(h, SLICE("retry-after"),
            ms % 1000 == 0 ? whole : arena_printf(a, "%lld.%03lld", ms / 1000, ms % 1000));
        return;
    }
    case ACT_RETRY_DATE:
        put(h, SLICE("retry-after"), http_date(clock_wall_us() + act->retry_after, a));
        return;
    case ACT_RETRY_MS: put(h, SLICE("retry-after-ms"), arena_printf(a, "%lld", ms)); return;
    case ACT_RETRY_AZURE_MS: put(h, SLICE("x-ms-retry-after-ms"), arena_printf(a, "%lld", ms)); return;
    }
}

void play_head_make(struct play_head *h, const struct ask *ask, const struct act *act, bool stream,
                    int64_t processing_us, struct slice request_id, uint64_t input_tokens,
                    struct arena *arena) {
    uint64_t left = input_tokens < TOKEN_LIMIT ? TOKEN_LIMIT - input_tokens : 0;
    h->n = 0;
    put(h, SLICE("content-type"),
        stream ? SLICE("text/event-stream; charset=utf-8") : SLICE("application/json"));
    if (stream) put(h, SLICE("cache-control"), SLICE("no-cache"));
    if (wire_of(ask->api) == &wire_messages) put_anthropic(h, request_id, left, arena);
    else put_openai(h, processing_us, request_id, left, arena);
    if (act->retry_after >= 0) put_retry_after(h, act, arena);
    for (unsigned i = 0; i < act->n_headers; i++) put(h, act->headers[i].name, act->headers[i].value);
}
