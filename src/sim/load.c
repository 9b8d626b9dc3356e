/* Arrivals are planned ahead and kept: a request starts when its time comes, whatever became of those
 * before it. The ticker looks after what has no event of its own: the signal, deadlines, progress. */
#include "sim/load.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/money.h"
#include "io/http_client.h"
#include "sim/load_prompt.h"
#include "sim/load_reply.h"
#include "sim/prose.h"
#include "sim/trace.h"

#include <math.h>
#include <stdio.h>

enum {
    TICK_US = 200 * 1000,
    TICKS_PER_SECOND = 5,
    TIMEOUT_US = 120 * 1000 * 1000,
    CONNECT_US = 10 * 1000 * 1000,
    IN_FLIGHT = 20000,
    FILLER_BYTES = 256 * 1024, /* of prose, from which prompts are cut */
    BYTES_PER_TOKEN = 4,
    BODY_MAX = 512 << 20,
    SCRATCH_FIRST = 65536,
    SCRATCH_MAX = 256 << 20,
};

struct load {
    struct loop *loop;
    const struct load_options *options;
    struct load_result *result;
    volatile int *stop;
    void (*progress)(void *ctx, const struct load_result *so_far);
    void *ctx;
    struct http_client *client;
    struct http_route *route;
    struct trace trace;
    struct dice dice, users;
    struct load_lines variables;
    struct buffer filler;
    struct arena scratch;
    struct list in_flight; /* oldest first */
    unsigned n_in_flight, max_in_flight;
    uint64_t index; /* arrivals so far */
    int64_t start_us, next_us, timeout_us;
    struct loop_timer arrival, tick;
    unsigned ticks;
    bool over; /* no more arrivals */
};

/* One request under way. */
struct sending {
    struct load *load;
    struct list link;
    struct http_transfer *transfer;
    struct buffer body;
    struct load_reply reply;
    char user[LOAD_USER];
    const char *headers[2];
    int64_t planned_us, started_us, cost;
    uint32_t input, output; /* asked for */
};

/* ---- results ---- */

struct load_bucket *load_bucket_of(struct load_result *r, uint64_t input) {
    static const uint64_t bounds[] = {256, 1024, 4096, 16384, 65536};
    unsigned i = 0;
    while (i < LOAD_CONTEXT_BUCKETS - 1 && input >= bounds[i]) i++;
    return &r->by_context[i];
}

static void count_error(struct load_result *r, const char *name) {
    enum { KINDS = sizeof r->errors / sizeof r->errors[0] };
    unsigned i = 0;
    while (i < r->n_errors && strcmp(r->errors[i].name, name) != 0) i++;
    if (i == KINDS) i--;
    else if (i == r->n_errors) {
        snprintf(r->errors[i].name, sizeof r->errors[i].name, "%s", i == KINDS - 1 ? "other" : name);
        r->n_errors++;
    }
    r->errors[i].count++;
}

static void add_sample(struct load_bucket *b, const struct sending *s, int64_t now_us) {
    const struct load_reply *p = &s->reply;
    b->requests++;
    b->errors += p->failed;
    if (p->input >= 0) b->input_tokens += p->input;
    if (p->output >= 0) b->output_tokens += p->output;
    if (money_is_known(s->cost)) b->cost_nano = money_add(b->cost_nano, s->cost);
    else b->unpriced++;
    if (p->failed) return;
    histogram_add(&b->total, now_us - s->planned_us);
    if (p->first_us > 0 && p->stream) histogram_add(&b->first_token, p->first_us - s->planned_us);
    if (p->pieces > 1) histogram_add(&b->per_token, (p->last_us - p->first_us) / (int64_t)(p->pieces - 1));
}

static void finish_if_over(struct load *l) {
    if (!l->over || l->n_in_flight > 0) return;
    loop_timer_stop(l->loop, &l->arrival);
    loop_timer_stop(l->loop, &l->tick);
    loop_stop(l->loop);
}

static void conclude(struct sending *s) {
    struct load *l = s->load;
    int64_t now = clock_us();
    struct load_result *r = l->result;
    r->seconds = (double)(now - l->start_us) / 1e6;
    if (s->reply.failed) {
        r->failed++;
        count_error(r, s->reply.error);
    } else {
        r->ok++;
    }
    add_sample(&r->all, s, now);
    add_sample(load_bucket_of(r, s->input), s, now);
    list_remove(&s->link);
    l->n_in_flight--;
    load_reply_deinit(&s->reply);
    buffer_deinit(&s->body);
    mem_free(s);
    finish_if_over(l);
}

/* ---- one request ---- */

static void on_head(void *ctx, struct http_transfer *t, int status) {
    struct sending *s = ctx;
    struct slice type = http_transfer_header(t, "content-type");
    load_reply_head(&s->reply, status, slice_starts(type, SLICE("text/event-stream")));
    struct slice cost = http_transfer_header(t, "x-quarterdeck-cost-usd");
    if (!money_parse(slice_trim(cost), 9, &s->cost)) s->cost = MONEY_UNKNOWN;
}

static enum http_flow on_body(void *ctx, struct http_transfer *t, struct slice bytes) {
    struct sending *s = ctx;
    (void)t;
    load_reply_feed(&s->reply, bytes, clock_us(), &s->load->scratch);
    return HTTP_GO_ON;
}

static void on_done(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
    static const char *const names[] = {
        [HTTP_CONNECT_FAILED] = "connect_failed",
        [HTTP_CONNECT_TIMEOUT] = "connect_timeout",
        [HTTP_RESET] = "reset",
        [HTTP_CUT] = "cut",
        [HTTP_BAD] = "bad_http",
    };
    struct sending *s = ctx;
    (void)t;
    (void)detail;
    if (result == HTTP_OK) load_reply_end(&s->reply, clock_us(), &s->load->scratch);
    else load_reply_fail(&s->reply, names[result]);
    conclude(s);
}

static void give_up(struct sending *s, const char *why) {
    http_transfer_cancel(s->transfer);
    load_reply_fail(&s->reply, why);
    conclude(s);
}

static void put_prompt(struct load *l, struct sending *s) {
    struct buffer *b = &s->body;
    size_t start = b->len, want = (size_t)s->input * BYTES_PER_TOKEN;
    if (l->options->exact) buffer_printf(b, "[sim input=%u output=%u] ", s->input, s->output);
    buffer_printf(b, "Question %llu. ", (unsigned long long)l->index);
    size_t at = (size_t)(l->index * 7919 % l->filler.len);
    while (b->len - start < want && !b->overflow) {
        size_t n = want - (b->len - start);
        if (n > l->filler.len - at) n = l->filler.len - at;
        buffer_append(b, slice_make(l->filler.at + at, n));
        at = 0;
    }
}

static void make_body(struct load *l, struct sending *s) {
    const struct load_options *o = l->options;
    struct buffer *b = &s->body;
    buffer_init(b, BODY_MAX);
    if (o->prompt != NULL) {
        load_prompt_body(&l->variables, l->index - 1, o->anthropic, o->stream, b);
        return;
    }
    buffer_append(b, SLICE("{\"model\":\""));
    json_escape(b, slice_of(o->model));
    buffer_append(b, SLICE("\",\"messages\":[{\"role\":\"user\",\"content\":\""));
    put_prompt(l, s);
    buffer_printf(b, "\"}],\"max_tokens\":%u", s->output > 0 ? s->output : 1);
    if (o->stream)
        buffer_append(b, o->anthropic
                             ? SLICE(",\"stream\":true")
                             : SLICE(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    buffer_byte(b, '}');
}

static void send_one(struct load *l, int64_t planned_us, uint32_t input, uint32_t output) {
    static const struct http_transfer_events events = {on_head, on_body, on_done};
    struct load_result *r = l->result;
    int64_t now = clock_us();
    if (now - planned_us > r->late_us_max) r->late_us_max = now - planned_us;
    r->planned++;
    if (l->n_in_flight >= l->max_in_flight) {
        r->not_sent++;
        return;
    }
    struct sending *s = mem_new(struct sending);
    *s = (struct sending){.load = l,
                          .planned_us = planned_us,
                          .started_us = now,
                          .cost = MONEY_UNKNOWN,
                          .input = input,
                          .output = output};
    load_reply_init(&s->reply, l->options->anthropic, l->options->stream);
    make_body(l, s);
    list_push(&l->in_flight, &s->link);
    l->n_in_flight++;
    r->sent++;
    r->expected_input_tokens += input;
    r->expected_output_tokens += output;
    if (l->options->users > 0) {
        load_user(&l->users, l->options->users, s->user);
        s->headers[0] = s->user;
    }
    s->transfer = http_transfer_start(l->route, l->options->users > 0 ? s->headers : NULL, buffer_slice(&s->body), &events, s);
    if (s->transfer != NULL) return;
    load_reply_fail(&s->reply, "no_handle");
    conclude(s);
}

/* ---- the plan ---- */

static int64_t gap_us(struct load *l) {
    return (int64_t)(-log(1 - dice_unit(&l->dice)) / l->options->rate * 1e6);
}

/* The time of the next arrival, or the end of all. */
static void plan_next(struct load *l) {
    const struct load_options *o = l->options;
    if (o->requests > 0 && l->index >= o->requests) l->over = true;
    if (l->trace.n > 0 && l->index >= l->trace.n) l->over = true;
    if (l->over) return;
    if (l->trace.n > 0)
        l->next_us = l->start_us + (int64_t)((double)l->trace.rows[l->index].at_us / o->speed);
    else l->next_us += gap_us(l);
    if (o->duration_us > 0 && l->next_us - l->start_us > o->duration_us) l->over = true;
}

static uint32_t drawn(struct load *l, int64_t fixed, double median, double sigma) {
    double n = dice_spread(&l->dice, (struct spread){median, sigma});
    if (fixed > 0) return (uint32_t)fixed;
    return n < 1 ? 1 : n > 200000 ? 200000 : (uint32_t)n;
}

static void arrive(struct load *l) {
    const struct load_options *o = l->options;
    uint32_t input, output;
    if (l->trace.n > 0) {
        input = l->trace.rows[l->index].input;
        output = l->trace.rows[l->index].output;
    } else {
        input = drawn(l, o->input_tokens, 600, 1);
        output = drawn(l, o->output_tokens, 120, 0.6);
    }
    input = (uint32_t)fmin((double)input * o->context_growth + 0.5, 1e8);
    l->index++;
    send_one(l, l->next_us, input, output);
}

static void arrival_fired(struct loop_timer *t) {
    struct load *l = list_item(t, struct load, arrival);
    while (!l->over && l->next_us <= clock_us()) {
        arrive(l);
        plan_next(l);
    }
    if (!l->over) loop_timer_start(l->loop, &l->arrival, l->next_us - clock_us());
    else finish_if_over(l);
}

static void tick_fired(struct loop_timer *t) {
    struct load *l = list_item(t, struct load, tick);
    int64_t now = clock_us();
    loop_timer_start(l->loop, &l->tick, TICK_US);
    if (l->stop != NULL && *l->stop) {
        l->over = true;
        loop_timer_stop(l->loop, &l->arrival);
        while (!list_empty(&l->in_flight))
            give_up(list_item(l->in_flight.next, struct sending, link), "interrupted");
        finish_if_over(l);
        return;
    }
    while (!list_empty(&l->in_flight)) {
        struct sending *oldest = list_item(l->in_flight.next, struct sending, link);
        if (now - oldest->started_us < l->timeout_us) break;
        give_up(oldest, "timeout");
    }
    l->result->seconds = (double)(now - l->start_us) / 1e6;
    if (++l->ticks % TICKS_PER_SECOND == 0 && l->progress != NULL) l->progress(l->ctx, l->result);
}

/* ---- the run ---- */

static enum fault make_route(struct load *l, struct error *error) {
    const struct load_options *o = l->options;
    struct arena *a = &l->scratch;
    const char *headers[9];
    unsigned n = 0;
    headers[n++] = "content-type: application/json";
    if (o->anthropic) headers[n++] = "anthropic-version: 2023-06-01";
    if (o->key != NULL)
        headers[n++] =
            arena_printf(a, o->anthropic ? "x-api-key: %s" : "authorization: Bearer %s", o->key).at;
    if (o->request_type != NULL)
        headers[n++] = arena_printf(a, "x-quarterdeck-request-type: %s", o->request_type).at;
    if (o->prompt != NULL) headers[n++] = arena_printf(a, "x-quarterdeck-prompt: %s", o->prompt).at;
    if (o->user != NULL) headers[n++] = arena_printf(a, "x-quarterdeck-user: %s", o->user).at;
    headers[n] = NULL;
    struct slice base = slice_of(o->url);
    while (slice_ends(base, SLICE("/"))) base.len--;
    if (slice_ends(base, SLICE("/v1"))) base.len -= 3;
    struct http_route_options r = {
        .url = arena_printf(a, SLICE_FMT "%s", SLICE_ARG(base),
                            o->anthropic ? "/v1/messages" : "/v1/chat/completions")
                   .at,
        .method = "POST",
        .headers = headers,
        .connect_timeout_us = CONNECT_US,
        .http2 = true,
    };
    l->route = http_route_new(l->client, &r, error);
    return l->route != NULL ? FAULT_NONE : error != NULL ? error->fault : FAULT_IO;
}

/* Prose without line breaks, so that it needs no escapes. */
static void make_filler(struct load *l) {
    struct echo none = {0};
    buffer_init(&l->filler, FILLER_BYTES * 2);
    prose_write(&l->dice, &none, FILLER_BYTES / BYTES_PER_TOKEN, false, 0, &l->filler);
    for (size_t i = 0; i < l->filler.len; i++)
        if (l->filler.at[i] == '\n') l->filler.at[i] = ' ';
}

static void result_init(struct load_result *r) {
    *r = (struct load_result){0};
    for (unsigned i = 0; i <= LOAD_CONTEXT_BUCKETS; i++) {
        struct load_bucket *b = i == 0 ? &r->all : &r->by_context[i - 1];
        histogram_init(&b->total);
        histogram_init(&b->first_token);
        histogram_init(&b->per_token);
    }
}

void load_result_deinit(struct load_result *r) {
    if (r == NULL) return;
    for (unsigned i = 0; i <= LOAD_CONTEXT_BUCKETS; i++) {
        struct load_bucket *b = i == 0 ? &r->all : &r->by_context[i - 1];
        histogram_deinit(&b->total);
        histogram_deinit(&b->first_token);
        histogram_deinit(&b->per_token);
    }
}

static enum fault prepare(struct load *l, struct error *error) {
    const struct load_options *o = l->options;
    enum fault f = FAULT_NONE;
    arena_init(&l->scratch, SCRATCH_FIRST, SCRATCH_MAX);
    if (o->context_growth <= 0 || o->speed <= 0 || (slice_is_null(o->trace) && !(o->rate > 0)))
        return error_set(error, FAULT_BAD_REQUEST,
                         "a load needs a trace or a rate, and a speed and growth above 0");
    if (!slice_is_null(o->trace)) f = trace_read(o->trace, o->trace_name, &l->trace, error);
    if (f == FAULT_NONE && !slice_is_null(o->variables)) f = load_lines_read(o->variables, o->variables_name, &l->variables, error);
    if (f != FAULT_NONE) return f;
    l->max_in_flight = o->max_in_flight > 0 ? o->max_in_flight : IN_FLIGHT;
    l->timeout_us = o->timeout_us > 0 ? o->timeout_us : TIMEOUT_US;
    l->dice = dice_of(o->seed, 0);
    l->users = dice_of(o->seed, 1);
    make_filler(l);
    l->client = http_client_new(l->loop, l->max_in_flight);
    return make_route(l, error);
}

enum fault load_run(struct loop *l, const struct load_options *o, volatile int *stop,
                    void (*progress)(void *ctx, const struct load_result *so_far), void *ctx,
                    struct load_result *ret, struct error *error) {
    struct load load = {.loop = l, .options = o, .stop = stop, .progress = progress, .ctx = ctx};
    struct load_result result;
    result_init(&result);
    load.result = &result;
    list_init(&load.in_flight);
    enum fault f = prepare(&load, error);
    if (f == FAULT_NONE) {
        load.start_us = load.next_us = clock_us();
        load.arrival.fired = arrival_fired;
        load.tick.fired = tick_fired;
        plan_next(&load);
        loop_timer_start(l, &load.arrival, 0);
        loop_timer_start(l, &load.tick, TICK_US);
        loop_run(l);
        *ret = result;
    } else {
        load_result_deinit(&result);
    }
    http_client_free(load.client);
    trace_deinit(&load.trace);
    load_lines_deinit(&load.variables);
    buffer_deinit(&load.filler);
    arena_deinit(&load.scratch);
    return f;
}
