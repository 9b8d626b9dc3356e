/* The desk's life, and what moves batches on. */
#include "cost/batch_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/virtual_time.h"

#include <pthread.h>
#include <stdio.h>

#define TICK_US 1000000
#define HOUSEKEEPING_TICKS 60

static const struct {
    const char *path;
    enum endpoint endpoint;
} endpoints[BATCH_ENDPOINTS] = {
    [BATCH_CHAT] = {"/v1/chat/completions", ENDPOINT_CHAT},
    [BATCH_EMBEDDINGS] = {"/v1/embeddings", ENDPOINT_EMBEDDINGS},
    [BATCH_RESPONSES] = {"/v1/responses", ENDPOINT_RESPONSES},
};

int batch_endpoint(struct slice path, enum endpoint *ret) {
    for (int i = 0; i < BATCH_ENDPOINTS; i++) {
        if (!slice_is(path, endpoints[i].path)) continue;
        if (ret != NULL) *ret = endpoints[i].endpoint;
        return i;
    }
    return -1;
}

struct slice batch_new_id(const char *prefix, struct arena *arena) {
    uint8_t random[12];
    char hex[2 * sizeof random + 1];
    digest_random(random, sizeof random);
    digest_hex(random, sizeof random, hex);
    return arena_printf(arena, "%s%s", prefix, hex);
}

/* ---- batches under way ---- */

static void pass_timer(struct loop_timer *t) { batch_pass_next(list_item(t, struct batch_active, timer)); }

struct batch_active *batch_adopt(struct batch_desk *d, const struct batch *row) {
    struct batch_active *a = mem_new(struct batch_active);
    a->desk = d;
    arena_init(&a->arena, 4 << 10, 1 << 20);
    a->row = *row;
#define TEXT(field) a->row.field = arena_slice(&a->arena, row->field);
#define NUMBER(field)
    BATCH_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
    a->allowed = 1;
    a->timer.fired = pass_timer;
    buffer_init(&a->body, LIMIT_BATCH_FILE);
    list_push(&d->active, &a->link);
    d->n_active++;
    return a;
}

void batch_drop(struct batch_active *a) {
    struct batch_desk *d = a->desk;
    if (a->reserved) d->s.admission.release(d->s.admission.ctx, &a->reservation);
    loop_timer_stop(d->loop, &a->timer);
    http_call_deinit(&a->http.call);
    buffer_deinit(&a->body);
    list_remove(&a->link);
    d->n_active--;
    arena_deinit(&a->arena);
    mem_free(a);
}

struct batch_active *batch_find_active(struct batch_desk *d, struct slice id) {
    for (struct list *node = d->active.next; node != &d->active; node = node->next) {
        struct batch_active *a = list_item(node, struct batch_active, link);
        if (slice_eq(a->row.id, id)) return a;
    }
    return NULL;
}

bool batch_store(struct batch_active *a) {
    struct error error = {.fault = FAULT_NONE};
    char id[64];
    if (batches_save(a->desk->store, &a->row, &error) == FAULT_NONE) return true;
    (void)snprintf(id, sizeof id, SLICE_FMT, SLICE_ARG(a->row.id));
    log_event(LOG_ERROR, "a batch could not be stored", "batch", id, "error", error.text, NULL);
    return false;
}

void batch_count(struct batch_desk *d, struct slice application, bool answered) {
    struct policy *p = d->s.policy(d->s.ctx);
    const struct application *known = table_get(&p->application_by_name, application); /* only configured names are labels */
    const char *labels[METRIC_LABELS] = {known ? known->name : "", answered ? "answered" : "failed"};
    metric_add(metric_cell(d->metrics, METRIC_BATCH_LINES, labels), 1);
    policy_drop(p);
}

void batch_cancel(struct batch_active *a) {
    if (a->row.status == BATCH_CANCELLING || a->row.status == BATCH_FINALIZING) return;
    a->row.status = BATCH_CANCELLING;
    a->row.cancelling_us = clock_wall_us();
    (void)batch_store(a);
    if (a->row.provider.len > 0 && !http_call_is_open(&a->http.call)) batch_pass_later(a, 0);
}

/* ---- moving on ---- */

static void end_local(struct batch_active *a, enum batch_status as) {
    a->row.status = BATCH_FINALIZING;
    a->row.ends_as = as;
    a->row.finalizing_us = clock_wall_us();
    if (batch_store(a)) batch_finish(a);
}

static void step(struct batch_active *a) {
    bool quiet = atomic_load(&a->desk->quiet), local = a->row.provider.len == 0;
    if (a->row.status == BATCH_VALIDATING && !quiet) batch_check(a);
    else if (a->row.status == BATCH_FINALIZING && local) batch_finish(a);
    else if (!local || a->in_flight > 0) return;
    else if (a->row.status == BATCH_CANCELLING) end_local(a, BATCH_CANCELLED);
    else if (a->row.status == BATCH_IN_PROGRESS && a->all_sent) end_local(a, BATCH_COMPLETED);
    else if (a->row.status == BATCH_IN_PROGRESS && clock_wall_us() >= a->row.expires_us) end_local(a, BATCH_EXPIRED);
}

/* A batch that cannot go on (a full disk) is left to the next tick. */
static void step_all(struct batch_desk *d) {
    for (struct list *node = d->active.next, *next; node != &d->active; node = next) {
        next = node->next;
        step(list_item(node, struct batch_active, link));
    }
}

void batch_pump(struct batch_desk *d) {
    step_all(d);
    if (atomic_load(&d->quiet)) return;
    batch_queue_send(d);
    step_all(d); /* those that turned out to have nothing left */
}

static void gauge(struct batch_desk *d, const char *state, int64_t n) {
    metric_set(metric_cell(d->metrics, METRIC_BATCH_QUEUE, (const char *[METRIC_LABELS]){state}), n);
}

static void publish(struct batch_desk *d) {
    int64_t waiting = 0, away = 0;
    for (struct list *node = d->active.next; node != &d->active; node = node->next) {
        struct batch_active *a = list_item(node, struct batch_active, link);
        int64_t left = a->row.total - a->row.completed - a->row.failed - a->in_flight;
        *(a->row.provider.len > 0 ? &away : &waiting) += left > 0 ? left : 0;
    }
    gauge(d, "waiting", waiting);
    gauge(d, "sent", d->n_flights);
    gauge(d, "at_provider", away);
    atomic_store(&d->shown.batches, d->n_active);
    atomic_store(&d->shown.waiting, waiting);
    atomic_store(&d->shown.sent, d->n_flights);
    atomic_store(&d->shown.at_provider, away);
}

void batch_desk_view(const struct batch_desk *d, struct batch_queue_view *ret) {
    *ret = (struct batch_queue_view){.batches = atomic_load(&d->shown.batches),
                                     .waiting = atomic_load(&d->shown.waiting),
                                     .sent = atomic_load(&d->shown.sent),
                                     .at_provider = atomic_load(&d->shown.at_provider),
                                     .file_bytes = atomic_load(&d->shown.file_bytes)};
}

bool batch_is_paused(const struct batch_active *a) {
    const struct batch_services *s = &a->desk->s;
    return s->paused && s->paused(s->ctx, a->row.application, a->row.id);
}

/* What is over its retention goes, and what was deleted is counted no more. */
static void keep_house(struct batch_desk *d) {
    struct arena arena;
    struct slice id;
    int64_t bytes = 0, files = 0, now = clock_wall_us();
    struct policy *p = d->s.policy(d->s.ctx);
    enum fault fault = batches_forget(d->store, now - p->server.batch.retention, NULL);
    policy_drop(p);
    arena_init(&arena, 1024, 64 << 10);
    while (fault == FAULT_NONE && batches_file_expired(d->store, now, &arena, &id, NULL) == FAULT_NONE) {
        fault = batches_file_remove(d->store, id, NULL);
        arena_reset(&arena);
    }
    if (fault == FAULT_NONE) fault = batches_file_totals(d->store, SLICE_NULL, &bytes, &files, NULL);
    if (fault == FAULT_NONE) metric_set(metric_cell(d->metrics, METRIC_BATCH_FILES, (const char *[METRIC_LABELS]){NULL}), bytes);
    if (fault == FAULT_NONE) atomic_store(&d->shown.file_bytes, bytes);
    else log_event(LOG_ERROR, "files of batches could not be cleared", "fault", fault_name(fault), NULL);
    arena_deinit(&arena);
}

static void ticked(struct loop_timer *t) {
    struct batch_desk *d = list_item(t, struct batch_desk, tick);
    if (d->ticks++ % HOUSEKEEPING_TICKS == 0) keep_house(d);
    batch_pump(d);
    publish(d);
    loop_timer_start(d->loop, &d->tick, virtual_time_lazily(TICK_US));
}

/* ---- birth ---- */

static bool resume(void *ctx, const struct batch *row) {
    struct batch_desk *d = ctx;
    struct batch_active *a = batch_adopt(d, row);
    if (a->row.status == BATCH_VALIDATING) return true;
    list_remove(&a->link); /* listed newest first */
    list_unshift(&d->active, &a->link);
    return true;
}

/* Counts, and for what is passed on its reservation. */
static enum fault take_up(struct batch_active *a, const struct policy *p, struct error *error) {
    struct batch_desk *d = a->desk;
    enum fault fault = batches_lines_count(d->store, a->row.number, BATCH_LINE_ANSWERED, &a->row.completed, error);
    if (fault == FAULT_NONE) fault = batches_lines_count(d->store, a->row.number, BATCH_LINE_FAILED, &a->row.failed, error);
    if (fault != FAULT_NONE || a->row.provider.len == 0) return fault;
    struct verdict verdict;
    (void)batch_reserve(a, p, SPEND_AGAIN, &verdict);
    a->may_be_recorded = true;
    batch_pass_later(a, 0);
    return FAULT_NONE;
}

static enum fault take_up_all(struct batch_desk *d, struct error *error) {
    struct arena arena;
    arena_init(&arena, 64 << 10, 256 << 20);
    batches_sweep(d->store);
    enum fault fault = batches_list(d->store, SLICE_NULL, true, INT64_MAX, &arena, resume, d, error);
    arena_deinit(&arena);
    struct policy *p = d->s.policy(d->s.ctx);
    for (struct list *node = d->active.next; fault == FAULT_NONE && node != &d->active; node = node->next)
        fault = take_up(list_item(node, struct batch_active, link), p, error);
    policy_drop(p);
    return fault;
}

struct batch_desk *batch_desk_new(const struct batch_services *s, struct error *error) {
    struct batch_desk *d = mem_new(struct batch_desk);
    d->s = *s;
    list_init(&d->active);
    list_init(&d->flights);
    d->tick.fired = ticked;
    d->metrics = metric_shard_new(s->metrics);
    struct buffer line;
    buffer_init(&line, 1024);
    (void)buffer_printf(&line, "authorization: Bearer " SLICE_FMT, SLICE_ARG(s->inside));
    d->credential = mem_text(buffer_text(&line));
    buffer_deinit(&line);
    d->loop = loop_new(error);
    if (d->loop != NULL) d->store = batches_open(s->data_dir, error);
    if (d->store == NULL) {
        batch_desk_free(d);
        return NULL;
    }
    d->client = http_client_new(d->loop, 0);
    if (take_up_all(d, error) == FAULT_NONE) return d;
    batch_desk_free(d);
    return NULL;
}

static void *desk_main(void *arg) {
    struct batch_desk *d = arg;
    loop_run(d->loop);
    return NULL;
}

enum fault batch_desk_start(struct batch_desk *d, uint16_t port, struct error *error) {
    static const char *const headers[] = {"content-type: application/json", NULL};
    char url[96];
    for (unsigned i = 0; i < BATCH_ENDPOINTS; i++) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, endpoints[i].path);
        d->inside[i] = http_route_new(d->client, &(struct http_route_options){.url = url, .method = "POST", .headers = headers,
                                                                              .connect_timeout_us = 5000000}, error);
        if (d->inside[i] == NULL) return error->fault;
    }
    loop_timer_start(d->loop, &d->tick, 0);
    bool running = pthread_create(&d->thread, NULL, desk_main, d) == 0;
    atomic_store(&d->running, running);
    return running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the batch thread");
}

/* ---- the end ---- */

void batch_desk_quiesce(struct batch_desk *d) {
    if (d != NULL) atomic_store(&d->quiet, true);
}

static void stop_here(void *arg) {
    struct batch_desk *d = arg;
    batch_queue_free(d);
    loop_stop(d->loop);
}

void batch_desk_stop(struct batch_desk *d) {
    if (d == NULL || !d->running) return;
    atomic_store(&d->quiet, true);
    atomic_store(&d->closed, true);
    while (atomic_load(&d->jobs) > 0) clock_sleep_us(1000); /* the lanes still run */
    if (!loop_post(d->loop, stop_here, d)) loop_stop(d->loop);
    pthread_join(d->thread, NULL);
    d->running = false;
}

void batch_desk_free(struct batch_desk *d) {
    if (d == NULL) return;
    batch_desk_stop(d);
    if (d->client != NULL) batch_queue_free(d);
    while (!list_empty(&d->active)) batch_drop(list_item(d->active.next, struct batch_active, link));
    if (d->client != NULL) http_client_free(d->client);
    batches_close(d->store);
    if (d->loop != NULL) loop_free(d->loop);
    mem_free(d->credential);
    mem_free(d);
}

static void pass(void *arg) {
    struct batch_desk *d = arg;
    atomic_fetch_add(&d->passed, 1);
}

void batch_desk_let_pass(struct batch_desk *d, int64_t longest_us) {
    uint64_t before = atomic_load(&d->passed);
    int64_t until = clock_us() + longest_us;
    if (!d->running || !loop_post(d->loop, pass, d)) return;
    while (atomic_load(&d->passed) == before && clock_us() < until) clock_sleep_us(200);
}

struct cancelling {
    struct batch_desk *desk;
    char id[64];
};

static void cancel_here(void *arg) {
    struct cancelling *c = arg;
    struct batch_active *a = batch_find_active(c->desk, slice_of(c->id));
    if (a != NULL) batch_cancel(a);
    batch_pump(c->desk);
    mem_free(c);
}

void batch_desk_cancel(struct batch_desk *d, struct slice id) {
    struct cancelling *c = mem_new(struct cancelling);
    c->desk = d;
    (void)snprintf(c->id, sizeof c->id, SLICE_FMT, SLICE_ARG(id));
    if (!loop_post(d->loop, cancel_here, c)) mem_free(c);
}
