#include "quality/asker.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/utf8.h"
#include "dialect/dialect.h"

#include <stdio.h>

#define FIRST_PAUSE_US 1000000
#define LONGEST_PAUSE_US 30000000
#define CONNECT_TIMEOUT_US 10000000
#define STAND_IN "{\"error\": {\"code\": \"no_target_available\", \"message\": \"no target answered; a stand-in was given (degraded)\"}}"
#define KEEP_REPLY (64u << 10)
#define PATHS 4          /* told apart; a caller has two */
#define HEADER 1024      /* one header: LIMIT_TAGS of two labels do not fit, ours do */
#define HEADERS 6

struct asker_route {
    char path[64];
    struct http_route *route;
};

struct asker {
    struct loop *loop;
    struct http_client *client;
    struct asker_options o;
    char *url;
    const char **who;    /* content-type and whose key, NULL-terminated; the texts are the caller's */
    struct asker_route routes[PATHS];
    unsigned n_routes;
    struct list waiting, under_way, idle;
    unsigned n_waiting, n_under_way;
    bool hurry, no_more;
};

/* One request under way, its pauses included. */
struct asker_call {
    struct list link;
    struct asker *asker;
    struct ask *ask;
    struct http_call http;
    struct loop_timer pause;
    bool pauses, in_vain, cut_short;
    char text[HEADERS][HEADER];
    const char *headers[HEADERS + ASK_HEADERS + 1];
    int64_t first_us, try_us;
    /* of the last head */
    bool answered;
    bool is_replay, is_stand_in;
    int64_t retry_after_us, replayed_us, cost_nano;
    enum fault last_error; /* FAULT_NONE: not said */
    char record[64], target[LIMIT_LABEL + 1];
};

/* ---- the answer ---- */

static struct slice header_of(void *ctx, const char *name) { return http_transfer_header(ctx, name); }

static void keep_text(struct http_transfer *t, const char *name, char *out, size_t size) {
    struct slice s = http_transfer_header(t, name);
    (void)snprintf(out, size, SLICE_FMT, SLICE_ARG(s));
}

static int64_t keep_money(struct http_transfer *t, const char *name) {
    int64_t nano;
    return money_parse(slice_trim(http_transfer_header(t, name)), 9, &nano) ? nano : MONEY_UNKNOWN;
}

static void forget(struct asker_call *c) {
    c->answered = c->is_replay = c->is_stand_in = false;
    c->retry_after_us = c->replayed_us = -1;
    c->cost_nano = MONEY_UNKNOWN;
    c->last_error = FAULT_NONE;
    c->record[0] = c->target[0] = 0;
}

static void read_head(struct http_call *h) {
    struct asker_call *c = list_item(h, struct asker_call, http);
    struct http_transfer *t = h->transfer;
    c->answered = true;
    c->retry_after_us = dialect_retry_after_us((struct header_source){t, header_of}, clock_wall_us());
    c->cost_nano = keep_money(t, "x-quarterdeck-cost-usd");
    if (slice_is(slice_trim(http_transfer_header(t, "x-quarterdeck-cache")), "once")) { /* as the first one told it */
        c->cost_nano = keep_money(t, "x-quarterdeck-once-usd");
        c->is_replay = true;
        if (!slice_to_i64(slice_trim(http_transfer_header(t, "x-quarterdeck-once-us")), &c->replayed_us)) c->replayed_us = -1;
    }
    if (!fault_from_name(slice_trim(http_transfer_header(t, "x-quarterdeck-last-error")), &c->last_error)) c->last_error = FAULT_NONE;
    c->is_stand_in = !slice_is_null(http_transfer_header(t, "x-quarterdeck-degraded"));
    keep_text(t, "x-quarterdeck-id", c->record, sizeof c->record);
    keep_text(t, "x-quarterdeck-model", c->target, sizeof c->target);
}

/* ---- what it means ---- */

/* How many tries it is worth. */
enum hope { HOPE_NONE = 1, HOPE_SOME = ASK_TRIES, HOPE_RESTING = ASK_TRIES_RESTING, HOPE_PATIENT = 1 << 30 };

/* The stable name in the gateway's own error. */
static enum fault fault_of(struct asker_call *c) {
    struct json_doc d;
    struct arena arena;
    enum fault fault = FAULT_NONE;
    arena_init(&arena, 4 << 10, 1 << 20);
    if (json_read(buffer_slice(&c->http.reply), &arena, 2, &d, NULL) == FAULT_NONE &&
        !fault_from_name(json_string(&d, json_get(&d, json_get(&d, 0, "error"), "code"), &arena), &fault))
        fault = FAULT_NONE;
    arena_deinit(&arena);
    return fault;
}

static enum hope hope_of_provider(enum fault last) {
    switch (last) {
    case FAULT_NONE: /* not said: nobody was asked */
    case FAULT_UP_OVERLOADED: return HOPE_RESTING;
    case FAULT_UP_RATE_LIMITED: return HOPE_PATIENT;
    case FAULT_UP_AUTH:
    case FAULT_UP_QUOTA:
    case FAULT_UP_NOT_FOUND:
    case FAULT_UP_TOO_LARGE: return HOPE_NONE;
    default: return HOPE_SOME;
    }
}

static enum hope hope_of(struct asker_call *c) {
    int status = c->http.status;
    if (c->is_stand_in) return HOPE_RESTING;
    if (status == 0) return c->http.reply.overflow ? HOPE_NONE : HOPE_PATIENT;
    if (status == 408) return HOPE_PATIENT;
    if (status == 409) return c->retry_after_us >= 0 ? HOPE_PATIENT : HOPE_NONE;
    if (status != 429 && status < 500) return HOPE_NONE;
    enum fault fault = fault_of(c);
    if (fault == FAULT_BUDGET_EXCEEDED || fault == FAULT_UP_QUOTA || fault == FAULT_NO_SPACE || fault == FAULT_RECORDER_FULL) return HOPE_NONE;
    if (fault == FAULT_NO_TARGET) return hope_of_provider(c->last_error);
    return status == 429 || status == 503 ? HOPE_PATIENT : HOPE_SOME;
}

/* How long to wait before another try; -1: that was the last one. */
static int64_t pause_of(const struct asker_call *c, enum hope hope) {
    unsigned doublings = c->ask->tries > 0 ? c->ask->tries - 1 : 0;
    int64_t pause = doublings < 5 ? (int64_t)FIRST_PAUSE_US << doublings : LONGEST_PAUSE_US;
    if (c->http.status == 409) pause = FIRST_PAUSE_US; /* the gateway answers as soon as it can */
    if (pause > LONGEST_PAUSE_US) pause = LONGEST_PAUSE_US;
    if (c->retry_after_us > pause) pause = c->retry_after_us;
    if (c->ask->tries >= (unsigned)hope || (c->asker->hurry && hope < HOPE_PATIENT)) return -1;
    return clock_us() - c->first_us + pause > c->asker->o.patience_us ? -1 : pause;
}

/* ---- sending ---- */

static struct http_route *route_of(struct asker *a, const char *path) {
    for (unsigned i = 0; i < a->n_routes; i++)
        if (strcmp(a->routes[i].path, path) == 0) return a->routes[i].route;
    if (a->n_routes == PATHS) return NULL;
    struct asker_route *r = &a->routes[a->n_routes];
    char url[LIMIT_ERROR_TEXT];
    if (snprintf(url, sizeof url, "%s%s", a->url, path) >= (int)sizeof url || strlen(path) >= sizeof r->path) return NULL;
    r->route = http_route_new(a->client, &(struct http_route_options){.url = url, .method = "POST", .headers = a->who,
                                                                      .connect_timeout_us = CONNECT_TIMEOUT_US}, NULL);
    if (r->route == NULL) return NULL;
    (void)snprintf(r->path, sizeof r->path, "%s", path);
    a->n_routes++;
    return r->route;
}

static void put_header(struct asker_call *c, unsigned *n, const char *name, const char *value) {
    if (value == NULL) return;
    size_t len = (size_t)snprintf(c->text[*n], HEADER, "%s: %s", name, value);
    if (len >= HEADER) c->text[*n][utf8_cut(slice_make(c->text[*n], HEADER - 1), HEADER - 1)] = 0;
    c->headers[*n] = c->text[*n];
    ++*n;
}

static void make_headers(struct asker_call *c) {
    const struct ask *q = c->ask;
    unsigned n = 0;
    put_header(c, &n, "x-quarterdeck-feature", q->feature);
    put_header(c, &n, "x-quarterdeck-request-type", q->request_type);
    put_header(c, &n, "x-quarterdeck-tags", q->tags);
    put_header(c, &n, "x-quarterdeck-once", q->once);
    put_header(c, &n, "x-quarterdeck-cache", q->may_cache ? NULL : "no-store");
    for (unsigned i = 0; q->more != NULL && i < ASK_HEADERS && q->more[i] != NULL; i++) c->headers[n++] = q->more[i];
    c->headers[n] = NULL;
}

static void try_now(struct asker_call *c) {
    forget(c);
    c->try_us = clock_us();
    c->ask->tries++;
    http_call_start(&c->http, route_of(c->asker, c->ask->path), c->headers, c->ask->body, c->asker->o.timeout_us);
}

static void finish(struct asker_call *c);
static void done(struct http_call *h);

static void pause_over(struct loop_timer *t) {
    struct asker_call *c = list_item(t, struct asker_call, pause);
    c->pauses = false;
    if (c->cut_short) finish(c);
    else try_now(c);
}

static struct asker_call *take(struct asker *a) {
    struct list *node = list_shift(&a->idle);
    if (node != NULL) return list_item(node, struct asker_call, link);
    struct asker_call *c = mem_new(struct asker_call);
    c->asker = a;
    list_init(&c->link);
    http_call_init(&c->http, a->loop, LIMIT_REPLY_BODY, read_head, done);
    c->pause.fired = pause_over;
    return c;
}

static void free_call(struct asker_call *c) {
    loop_timer_stop(c->asker->loop, &c->pause);
    http_call_deinit(&c->http);
    list_remove(&c->link);
    mem_free(c);
}

static void pump(struct asker *a) {
    struct list *node;
    while (a->n_under_way < a->o.concurrency && (node = list_shift(&a->waiting)) != NULL) {
        struct asker_call *c = list_item(node, struct asker_call, link);
        a->n_waiting--;
        a->n_under_way++;
        list_push(&a->under_way, &c->link);
        c->first_us = clock_us();
        make_headers(c);
        try_now(c);
    }
}

/* ---- the end ---- */

static void finish(struct asker_call *c) {
    struct asker *a = c->asker;
    struct ask *q = c->ask;
    int64_t took_us = clock_us() - c->try_us;
    q->status = c->http.status;
    q->reply = q->status != 0 ? buffer_slice(&c->http.reply) : SLICE_NULL;
    if (c->is_stand_in) { /* the operator's words for when nobody can answer: no model said them */
        q->status = 503;
        q->reply = SLICE(STAND_IN);
    }
    q->detail = c->http.detail;
    q->record = slice_of(c->record);
    q->target = slice_of(c->target);
    q->cost_nano = c->cost_nano;
    q->latency_us = q->status == 0 ? -1 : c->is_replay ? c->replayed_us : took_us;
    q->unreachable = q->status == 0 && !c->answered && (a->o.timeout_us <= 0 || took_us < a->o.timeout_us);
    q->in_vain = c->in_vain;
    q->cut_short = c->cut_short;
    q->call = NULL;
    c->ask = NULL;
    list_remove(&c->link);
    a->n_under_way--;
    q->done(q);
    buffer_clear(&c->http.reply);
    buffer_shrink(&c->http.reply, KEEP_REPLY);
    list_push(&a->idle, &c->link);
    pump(a);
}

static void done(struct http_call *h) {
    struct asker_call *c = list_item(h, struct asker_call, http);
    enum hope hope = h->status == 200 && !c->is_stand_in ? HOPE_NONE : hope_of(c);
    int64_t pause = hope == HOPE_NONE ? -1 : pause_of(c, hope);
    c->in_vain = hope != HOPE_NONE;
    c->cut_short = pause >= 0 && c->asker->no_more && h->status != 409;
    c->pauses = pause >= 0 && !c->cut_short;
    if (!c->pauses) finish(c);
    else loop_timer_start(c->asker->loop, &c->pause, pause);
}

void asker_hurry(struct asker *a, bool on) { a->hurry = on; }

void asker_no_more(struct asker *a) {
    a->no_more = true;
    for (struct list *node = a->under_way.next; node != &a->under_way; node = node->next) {
        struct asker_call *c = list_item(node, struct asker_call, link);
        if (!c->pauses || c->http.status == 409) continue;
        c->cut_short = true;
        loop_timer_start(a->loop, &c->pause, 0); /* not here: who calls may be in the middle of something */
    }
}

void asker_send(struct asker *a, struct ask *q) {
    struct asker_call *c = take(a);
    c->ask = q;
    q->call = c;
    q->tries = 0;
    c->pauses = c->in_vain = c->cut_short = false;
    list_push(&a->waiting, &c->link);
    a->n_waiting++;
    pump(a);
}

unsigned asker_room(const struct asker *a) {
    unsigned taken = a->n_under_way + a->n_waiting;
    return taken < a->o.concurrency ? a->o.concurrency - taken : 0;
}

/* ---- life ---- */

struct asker *asker_new(struct loop *l, const struct asker_options *o, struct error *error) {
    struct asker *a = mem_new(struct asker);
    unsigned n = 0;
    a->loop = l;
    a->o = *o;
    a->url = mem_text(o->url);
    for (size_t len = strlen(a->url); len > 0 && a->url[len - 1] == '/'; len--) a->url[len - 1] = 0;
    list_init(&a->waiting);
    list_init(&a->under_way);
    list_init(&a->idle);
    while (o->who != NULL && o->who[n] != NULL) n++;
    a->who = mem_new_array(const char *, n + 2);
    a->who[0] = "content-type: application/json";
    for (unsigned i = 0; i < n; i++) a->who[i + 1] = o->who[i];
    a->client = http_client_new(l, o->concurrency);
    if (o->concurrency > 0 && route_of(a, "/v1/chat/completions") != NULL) return a;
    (void)!error_set(error, FAULT_BAD_REQUEST, "%s: cannot be the gateway's address", o->url);
    asker_free(a);
    return NULL;
}

static void free_all(struct list *calls) {
    while (!list_empty(calls)) free_call(list_item(calls->next, struct asker_call, link));
}

void asker_free(struct asker *a) {
    if (a == NULL) return;
    free_all(&a->under_way);
    free_all(&a->waiting);
    free_all(&a->idle);
    http_client_free(a->client);
    mem_free(a->who);
    mem_free(a->url);
    mem_free(a);
}
