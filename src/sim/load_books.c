#include "sim/load_books.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/money.h"
#include "io/http_client.h"

#include <stdio.h>

enum {
    TIMEOUT_US = 30 * 1000 * 1000,
    SETTLE_US = 20 * 1000 * 1000,
    POLL_US = 300 * 1000,
    BODY_MAX = 64 << 20,
    TEXT_MAX = 8192,
    LEEWAY_US = 60 * 1000 * 1000, /* of `to`, for clocks that differ */
};

/* One answer of the API. */
struct answer {
    struct buffer body;
    struct arena arena;
    struct json_doc doc;
};

static void answer_deinit(struct answer *a) {
    buffer_deinit(&a->body);
    arena_deinit(&a->arena);
}

static void put_query(struct buffer *out, const char *name, struct slice value) {
    if (value.len == 0) return;
    buffer_printf(out, "&%s=", name);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain) buffer_byte(out, c);
        else buffer_printf(out, "%%%02X", (unsigned char)c);
    }
}

static void put_url(const struct load_books_query *q, const char *what, struct buffer *out) {
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    struct slice base = slice_of(q->server);
    while (slice_ends(base, SLICE("/"))) base.len--;
    clock_format(q->from_us, from);
    clock_format(clock_wall_us() + LEEWAY_US, to);
    buffer_append(out, base);
    buffer_printf(out, "/api/v1/%s?from=%s&to=%s", what, from, to);
    put_query(out, "model", slice_of(q->model));
    put_query(out, "request_type", slice_of(q->request_type));
}

static enum fault fetch(const struct load_books_query *q, const char *url, struct answer *ret,
                        struct error *error) {
    char header[TEXT_MAX];
    int status = 0;
    snprintf(header, sizeof header, "authorization: Bearer %s", q->token != NULL ? q->token : "");
    const char *headers[] = {q->token != NULL ? header : NULL, NULL};
    buffer_init(&ret->body, BODY_MAX);
    arena_init(&ret->arena, 65536, BODY_MAX);
    enum fault f = http_fetch("GET", url, headers, SLICE_NULL, TIMEOUT_US, &status, &ret->body, error);
    if (f == FAULT_NONE && status != 200)
        f = error_set(error, FAULT_IO, "the gateway's books: status %d: " SLICE_FMT, status,
                      (int)(ret->body.len < 200 ? ret->body.len : 200), ret->body.at ? ret->body.at : "");
    return f == FAULT_NONE ? json_read(buffer_slice(&ret->body), &ret->arena, UINT16_MAX, &ret->doc, error)
                           : f;
}

static int64_t number(const struct json_doc *d, uint32_t object, const char *key, int64_t otherwise) {
    int64_t n = otherwise;
    json_get_i64(d, json_get(d, object, key), &n);
    return n;
}

enum fault load_books_sums(const struct load_books_query *q, struct load_books *ret, struct error *error) {
    struct answer a;
    struct buffer url;
    buffer_init(&url, TEXT_MAX);
    put_url(q, "totals", &url);
    enum fault f = fetch(q, buffer_text(&url), &a, error);
    if (f == FAULT_NONE)
        *ret = (struct load_books){
            .count = number(&a.doc, 0, "count", 0),
            .input = number(&a.doc, 0, "input", 0),
            .output = number(&a.doc, 0, "output", 0),
            .unpriced = number(&a.doc, 0, "unpriced", 0),
            .cost_nano = number(&a.doc, 0, "cost_nanousd", MONEY_UNKNOWN),
        };
    answer_deinit(&a);
    buffer_deinit(&url);
    return f;
}

static void subtract(struct load_books *b, const struct load_books *before) {
    b->count -= before->count;
    b->input -= before->input;
    b->output -= before->output;
    b->unpriced -= before->unpriced;
    if (money_is_known(b->cost_nano) && money_is_known(before->cost_nano)) b->cost_nano -= before->cost_nano;
}

enum fault load_books_settled(const struct load_books_query *q, const struct load_books *before,
                              uint64_t count, struct load_books *ret, struct error *error) {
    int64_t deadline = clock_us() + SETTLE_US;
    for (;;) {
        struct load_books now;
        enum fault f = load_books_sums(q, &now, error);
        if (f != FAULT_NONE) return f;
        subtract(&now, before);
        *ret = now;
        if (now.count >= (int64_t)count || clock_us() > deadline) return FAULT_NONE;
        clock_sleep_us(POLL_US);
    }
}

/* ---- costs by context ---- */

struct costs {
    int64_t nano;
    uint64_t priced;
};

/* Sums a page's records; the next cursor, in the answer's arena, or SLICE_NULL. */
static struct slice add_page(struct answer *a, struct load_result *r, struct costs *costs) {
    uint32_t records = json_get(&a->doc, 0, "records"), cursor = JSON_NONE, record;
    while (json_each_item(&a->doc, records, &cursor, &record)) {
        int64_t input = number(&a->doc, json_get(&a->doc, record, "usage"), "input", -1);
        int64_t cost = number(&a->doc, record, "cost_nanousd", MONEY_UNKNOWN);
        if (input < 0 || !money_is_known(cost)) continue;
        struct costs *c = &costs[load_bucket_of(r, (uint64_t)input) - r->by_context];
        c->nano = money_add(c->nano, cost);
        c->priced++;
    }
    return json_string(&a->doc, json_get(&a->doc, 0, "next_cursor"), &a->arena);
}

static void replace_cost(struct load_bucket *b, int64_t nano, uint64_t priced) {
    b->cost_nano = nano;
    b->unpriced = b->requests > priced ? b->requests - priced : 0;
}

enum fault load_books_costs(const struct load_books_query *q, struct load_result *r, struct error *error) {
    struct costs costs[LOAD_CONTEXT_BUCKETS] = {0};
    struct buffer url;
    struct answer a;
    enum fault f;
    bool more;
    buffer_init(&url, TEXT_MAX);
    put_url(q, "records", &url);
    buffer_printf(&url, "&order=oldest&limit=%d", LIMIT_PAGE);
    size_t plain = url.len;
    do {
        f = fetch(q, buffer_text(&url), &a, error);
        struct slice cursor = f == FAULT_NONE ? add_page(&a, r, costs) : SLICE_NULL;
        url.len = plain;
        put_query(&url, "cursor", cursor);
        more = cursor.len > 0;
        answer_deinit(&a);
    } while (more);
    int64_t nano = 0;
    uint64_t priced = 0;
    for (unsigned i = 0; f == FAULT_NONE && i < LOAD_CONTEXT_BUCKETS; i++) {
        replace_cost(&r->by_context[i], costs[i].nano, costs[i].priced);
        nano = money_add(nano, costs[i].nano);
        priced += costs[i].priced;
    }
    if (f == FAULT_NONE) replace_cost(&r->all, nano, priced);
    buffer_deinit(&url);
    return f;
}
