/* The local queue: lines sent one by one through our own listener, and their answers kept. */
#include "cost/batch_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>

#define PAUSE_US 1000000        /* when a limit does not say how long */
#define LONGEST_PAUSE_US 60000000
#define TRIES 4                 /* of one line that fails for a reason that may pass */

/* ---- one request ---- */

static struct slice header_of(void *ctx, const char *name) { return http_transfer_header(ctx, name); }

static void read_head(struct http_call *call) {
    struct batch_http *h = list_item(call, struct batch_http, call);
    struct slice id = http_transfer_header(call->transfer, "x-quarterdeck-id");
    if (id.len == 0) id = http_transfer_header(call->transfer, "x-request-id");
    (void)snprintf(h->request_id, sizeof h->request_id, SLICE_FMT, SLICE_ARG(id));
    h->retry_after_us = dialect_retry_after_us((struct header_source){call->transfer, header_of}, clock_wall_us());
}

void batch_http_init(struct batch_http *h, struct loop *l, size_t max_reply, void (*done)(struct http_call *call)) {
    http_call_init(&h->call, l, max_reply, read_head, done);
}

void batch_http_start(struct batch_http *h, struct http_route *r, const char *const *headers, struct slice body, int64_t timeout_us) {
    h->retry_after_us = -1;
    h->request_id[0] = 0;
    http_call_start(&h->call, r, headers, body, timeout_us);
}

static void free_flight(struct batch_flight *f) {
    struct batch_desk *d = f->batch->desk;
    loop_timer_stop(d->loop, &f->timer);
    http_call_deinit(&f->http.call);
    list_remove(&f->link);
    f->batch->in_flight--;
    d->n_flights--;
    buffer_deinit(&f->body);
    arena_deinit(&f->arena);
    mem_free(f);
}

void batch_queue_free(struct batch_desk *d) {
    while (!list_empty(&d->flights)) free_flight(list_item(d->flights.next, struct batch_flight, link));
}

/* ---- a line's end ---- */

void batch_write_result(struct slice custom_id, struct slice request_id, int status, struct slice body, const char *code,
                        const char *message, struct buffer *out) {
    struct json_writer w;
    char id[40];
    uint8_t random[12];
    digest_random(random, sizeof random);
    int prefix = snprintf(id, sizeof id, "batch_req_");
    digest_hex(random, sizeof random, id + prefix);
    json_start(&w, out);
    json_object(&w);
    json_member_text(&w, "id", id);
    json_member_string(&w, "custom_id", custom_id);
    json_key(&w, "response");
    if (code != NULL) {
        json_put_null(&w);
    } else {
        json_object(&w);
        json_member_i64(&w, "status_code", status);
        json_member_string(&w, "request_id", request_id);
        size_t from = out->len;
        json_member_raw(&w, "body", body);
        for (size_t i = from; i < out->len; i++) /* outside of strings JSON has no other line breaks */
            if (out->at[i] == '\n' || out->at[i] == '\r') out->at[i] = ' ';
        json_object_end(&w);
    }
    json_key(&w, "error");
    if (code == NULL) {
        json_put_null(&w);
    } else {
        json_object(&w);
        json_member_text(&w, "code", code);
        json_member_text(&w, "message", message);
        json_object_end(&w);
    }
    json_object_end(&w);
}

/* Stores what the line came to; it is pending still when that fails, and is sent again after a restart. */
static void keep(struct batch_flight *f, const char *code, const char *message) {
    struct batch_active *a = f->batch;
    struct batch_desk *d = a->desk;
    struct buffer out;
    struct error error = {.fault = FAULT_NONE};
    bool answered = code == NULL && f->http.call.status >= 200 && f->http.call.status < 300;
    buffer_init(&out, 2 * LIMIT_REPLY_BODY);
    batch_write_result(f->line.custom_id, slice_of(f->http.request_id), f->http.call.status, buffer_slice(&f->http.call.reply), code, message, &out);
    enum fault fault = out.overflow ? error_set(&error, FAULT_TOO_LARGE, "the answer is over the limit") : FAULT_NONE;
    if (fault == FAULT_NONE)
        fault = batches_line_result(d->store, a->row.number, f->line.line, answered ? BATCH_LINE_ANSWERED : BATCH_LINE_FAILED,
                                    buffer_slice(&out), &error);
    buffer_deinit(&out);
    if (fault != FAULT_NONE) {
        log_event(LOG_ERROR, "an answer of a batch could not be stored: the line will be sent again", "error", error.text, NULL);
        if (f->line.line <= a->cursor) a->cursor = f->line.line - 1;
        a->all_sent = false;
        a->not_before_us = clock_us() + LONGEST_PAUSE_US;
        return;
    }
    ++*(answered ? &a->row.completed : &a->row.failed);
    batch_count(d, a->row.application, answered);
}

/* ---- what an answer means ---- */

/* The stable name in our own error's body. */
static struct slice code_of(struct batch_flight *f) {
    struct json_doc doc;
    if (json_read(buffer_slice(&f->http.call.reply), &f->arena, 2, &doc, NULL) != FAULT_NONE) return SLICE_NULL;
    return json_string(&doc, json_get(&doc, json_get(&doc, 0, "error"), "code"), &f->arena);
}

/* Nothing is wrong with the line: there is no room for it now. */
static bool has_no_room(struct batch_flight *f) {
    if (f->http.call.status == 503) return true;
    if (f->http.call.status != 429 && f->http.call.status != 403) return false;
    struct slice code = code_of(f);
    if (f->http.call.status == 403) return slice_is(code, fault_name(FAULT_KEY_FROZEN));
    return !slice_is(code, fault_name(FAULT_BUDGET_EXCEEDED)) && !slice_is(code, fault_name(FAULT_UP_QUOTA));
}

static bool may_pass(int status) { return status == 0 || status == 408 || status == 409 || status == 499 || status >= 500; }

/* The batch rests for as long as the limit says; for longer each time, when it says nothing or was wrong three times. What was
 * under way beside the first refusal tells nothing new. */
static void put_back(struct batch_flight *f) {
    struct batch_active *a = f->batch;
    int64_t now = clock_us(), told = f->http.retry_after_us;
    if (f->line.line <= a->cursor) a->cursor = f->line.line - 1;
    a->all_sent = false;
    if (a->not_before_us <= now) {
        int64_t pause = (int64_t)PAUSE_US << (a->refusals < 6 ? a->refusals++ : 6);
        if (told >= 0 && (a->refusals <= 3 || told > pause)) pause = told;
        a->not_before_us = now + (pause < LONGEST_PAUSE_US ? pause : LONGEST_PAUSE_US);
        a->allowed = a->allowed > 1 ? a->allowed / 2 : 1;
    }
}

static void send_again(struct loop_timer *t);

static void done(struct http_call *h) {
    struct batch_flight *f = list_item(h, struct batch_flight, http.call);
    struct batch_desk *d = f->batch->desk;
    struct json_doc doc;
    bool quiet = atomic_load(&d->quiet);
    if (has_no_room(f) || (quiet && may_pass(h->status))) {
        put_back(f);
    } else if (may_pass(h->status) && ++f->tries < TRIES) {
        loop_timer_start(d->loop, &f->timer, (int64_t)PAUSE_US << (f->tries - 1));
        return;
    } else if (h->status == 0) {
        keep(f, "request_failed", h->detail);
    } else if (json_read(buffer_slice(&h->reply), &f->arena, 0, &doc, NULL) != FAULT_NONE) {
        keep(f, "invalid_response", "the answer is not JSON");
    } else {
        if (h->status < 300 && f->batch->allowed < LIMIT_BATCH_CONCURRENT) f->batch->allowed++;
        f->batch->refusals = 0;
        keep(f, NULL, NULL);
    }
    free_flight(f);
    batch_pump(d);
}

/* ---- sending ---- */

static const char *inside_header(struct batch_flight *f, const char *name, struct slice value) {
    struct slice text = arena_printf(&f->arena, "%s: " SLICE_FMT, name, SLICE_ARG(value));
    return arena_text(&f->arena, text);
}

static void make_headers(struct batch_flight *f) {
    const struct batch *row = &f->batch->row;
    char hex[2 * DIGEST_BYTES + 1];
    unsigned n = 0;
    struct slice rest = row->labels, one;
    digest_hex((const uint8_t *)row->key_digest.at, row->key_digest.len == DIGEST_BYTES ? DIGEST_BYTES : 0, hex);
    f->headers[n++] = f->batch->desk->credential;
    f->headers[n++] = inside_header(f, "x-quarterdeck-inside-key", slice_of(hex));
    f->headers[n++] = inside_header(f, "x-quarterdeck-inside-batch", row->id);
    while (rest.len > 0 && n < 15) {
        (void)slice_cut(rest, '\n', &one, &rest);
        if (one.len > 0) f->headers[n++] = arena_text(&f->arena, one);
    }
    f->headers[n] = NULL;
}

static void send_now(struct batch_flight *f) {
    int route = batch_endpoint(f->batch->row.endpoint, NULL);
    batch_http_start(&f->http, f->batch->desk->inside[route], f->headers, f->content, 0);
}

static void send_again(struct loop_timer *t) { send_now(list_item(t, struct batch_flight, timer)); }

static enum fault prepare(struct batch_flight *f, struct error *error) {
    struct batch_active *a = f->batch;
    struct batch_asked q = {.body = SLICE_NULL};
    enum fault fault = blob_read(batches_blobs(a->desk->store), arena_text(&f->arena, a->row.input_file), f->line.at, f->line.len, &f->body, error);
    if (fault != FAULT_NONE) return fault;
    if (!batch_read_line(buffer_slice(&f->body), &f->arena, &q) || slice_is_null(q.body))
        return error_set(error, FAULT_CORRUPT, "the input file is not what it was");
    f->content = q.body;
    make_headers(f);
    return arena_is_full(&f->arena) ? error_set(error, FAULT_TOO_LARGE, "the line is over the limit") : FAULT_NONE;
}

static void start(struct batch_active *a, const struct batch_line *l) {
    struct batch_desk *d = a->desk;
    struct error error = {.fault = FAULT_NONE};
    struct batch_flight *f = mem_new(struct batch_flight);
    f->batch = a;
    arena_init(&f->arena, 4 << 10, LIMIT_ARENA_EXCHANGE);
    buffer_init(&f->body, LIMIT_BODY_CEILING);
    batch_http_init(&f->http, d->loop, LIMIT_REPLY_BODY, done);
    f->timer.fired = send_again;
    f->line = (struct batch_line){.line = l->line, .at = l->at, .len = l->len, .custom_id = arena_slice(&f->arena, l->custom_id)};
    list_push(&d->flights, &f->link);
    d->n_flights++;
    a->in_flight++;
    enum fault fault = prepare(f, &error);
    if (fault == FAULT_NONE) {
        send_now(f);
        return;
    }
    keep(f, fault_name(fault), error.text);
    free_flight(f);
}

/* ---- which line is next ---- */

struct search {
    struct batch_active *a;
    struct batch_line line;
    bool found;
};

static bool is_under_way(const struct batch_active *a, int64_t line) {
    for (const struct list *node = a->desk->flights.next; node != &a->desk->flights; node = node->next) {
        const struct batch_flight *f = list_item(node, struct batch_flight, link);
        if (f->batch == a && f->line.line == line) return true;
    }
    return false;
}

static bool take_line(void *ctx, const struct batch_line *l) {
    struct search *s = ctx;
    if (is_under_way(s->a, l->line)) return true;
    s->line = *l;
    s->found = true;
    return false;
}

static bool may_send(const struct batch_active *a, int64_t mono_us, int64_t wall_us) {
    return a->row.status == BATCH_IN_PROGRESS && a->row.provider.len == 0 && !a->all_sent && a->in_flight < a->allowed &&
           a->not_before_us <= mono_us && wall_us < a->row.expires_us && !batch_is_paused(a);
}

/* False: it has no line left. */
static bool send_one(struct batch_active *a) {
    struct arena arena;
    struct search s = {.a = a};
    struct error error = {.fault = FAULT_NONE};
    arena_init(&arena, 4 << 10, 1 << 20);
    enum fault fault = batches_lines(a->desk->store, a->row.number, a->cursor, true, &arena, take_line, &s, &error);
    if (fault != FAULT_NONE) {
        log_event(LOG_ERROR, "lines of a batch could not be read", "error", error.text, NULL);
        a->not_before_us = clock_us() + LONGEST_PAUSE_US;
    } else if (s.found) {
        a->cursor = s.line.line;
        start(a, &s.line);
    } else {
        a->all_sent = true;
    }
    arena_deinit(&arena);
    return s.found;
}

/* One line of each batch in turn. */
void batch_queue_send(struct batch_desk *d) {
    struct policy *p = d->s.policy(d->s.ctx);
    unsigned most = p->server.batch.concurrent, idle = 0;
    policy_drop(p);
    while (d->n_flights < most && idle < d->n_active) {
        struct batch_active *a = list_item(list_shift(&d->active), struct batch_active, link);
        list_push(&d->active, &a->link);
        idle = may_send(a, clock_us(), clock_wall_us()) && send_one(a) ? 0 : idle + 1;
    }
}
