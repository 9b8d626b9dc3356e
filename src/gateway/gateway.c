/* gateway.c - the front door: which request is whose, and the life of a gateway. */
#include "gateway/exchange.h"

#include "base/clock.h"
#include "base/mem.h"

/* ---- routes of the data plane ---- */

static const struct door {
    const char *method, *path;
    enum dialect_id dialect;
    enum endpoint endpoint;
} doors[] = {
    {"POST", "/v1/chat/completions", DIALECT_OPENAI, ENDPOINT_CHAT},
    {"POST", "/v1/messages", DIALECT_ANTHROPIC, ENDPOINT_CHAT},
    {"POST", "/v1/responses", DIALECT_OPENAI, ENDPOINT_RESPONSES},
    {"POST", "/v1/embeddings", DIALECT_OPENAI, ENDPOINT_EMBEDDINGS},
    {"POST", "/v1/messages/count_tokens", DIALECT_ANTHROPIC, ENDPOINT_COUNT_TOKENS},
    {"GET", "/v1/models", DIALECT_OPENAI, ENDPOINT_MODELS},
};
#define N_DOORS (sizeof doors / sizeof doors[0])
#define MODELS_PREFIX "/v1/models/"

static const struct door *find_door(struct slice path) {
    for (unsigned i = 0; i < N_DOORS; i++)
        if (slice_is(path, doors[i].path)) return &doors[i];
    return slice_starts(path, SLICE(MODELS_PREFIX)) ? &doors[N_DOORS - 1] : NULL;
}

static const struct dialect *dialect_at(const struct http_request *r) {
    const struct door *door = find_door(r->path);
    bool anthropic = door && door->dialect == DIALECT_ANTHROPIC;
    /* /v1/models is everyone's: Anthropic's clients say their version */
    if (door && door->endpoint == ENDPOINT_MODELS) anthropic = !slice_is_null(http_request_header(r, "anthropic-version"));
    return dialect_of(anthropic ? DIALECT_ANTHROPIC : DIALECT_OPENAI);
}

/* ---- refusals before there is an exchange ---- */

static void refuse(struct gateway *g, struct http_request *r, enum fault fault, const char *text) {
    struct buffer body;
    buffer_init(&body, LIMIT_ERROR_BODY);
    dialect_at(r)->write_error(fault, text ? text : fault_text(fault), NULL, &body);
    struct http_header headers[] = {{SLICE("content-type"), SLICE("application/json")}, {SLICE("retry-after"), SLICE("1")}};
    metric_add(metric_cell(g->metrics, METRIC_REFUSED, (const char *[METRIC_LABELS]){fault_name(fault)}), 1);
    http_respond_take(r, fault_status(fault), headers, fault_status(fault) == 503 ? 2 : 1, &body);
    buffer_deinit(&body);
}

static const char *write_refusal(void *ctx, struct http_request *r, enum fault fault, struct buffer *out) {
    struct gateway *g = ctx;
    metric_add(metric_cell(g->metrics, METRIC_REFUSED, (const char *[METRIC_LABELS]){fault_name(fault)}), 1);
    const struct dialect *d = r ? dialect_at(r) : dialect_of(DIALECT_OPENAI);
    char id[RECORD_ID_TEXT] = "";
    if (r && r->owner) {
        struct exchange *x = r->owner;
        record_id_format(&x->record.id, id);
        exchange_upload_ended(x, RECORD_REFUSED, fault);
    }
    d->write_error(fault, fault_text(fault), &(struct error_notes){.request_id = id}, out);
    return "application/json";
}

/* ---- requests ---- */

static bool is_control(const struct gateway *g, const struct http_request *r) {
    return g->sinks.control_owns && g->sinks.control && g->sinks.control_owns(r);
}

/* Files and batches are nobody's exchange: they are answered off the loops. */
static bool is_filed(const struct gateway *g, struct slice path) {
    static const char *const roots[] = {"/v1/files", "/v1/batches"};
    for (unsigned i = 0; g->sinks.filed && i < sizeof roots / sizeof roots[0]; i++) {
        struct slice root = slice_of(roots[i]);
        if (slice_starts(path, root) && (path.len == root.len || path.at[root.len] == '/')) return true;
    }
    return false;
}

static const struct api_key *filed_key(struct gateway *g, struct http_request *r) {
    const struct api_key *key = NULL;
    struct error denied;
    enum fault fault = authenticate_request(g, r, &key, &denied);
    if (fault == FAULT_NONE && gateway_intervenes(g)) fault = intervene_key(g, key, &denied);
    if (fault == FAULT_NONE) return key;
    refuse(g, r, fault, denied.text);
    return NULL;
}

/* Who calls is settled before the body is read: a stranger's 32 MiB are not worth reading. */
static void on_head(void *ctx, struct http_request *r) {
    struct gateway *g = ctx;
    const struct door *door = find_door(r->path);
    if (!door && is_filed(g, r->path)) {
        (void)filed_key(g, r);
        return;
    }
    if (!door) {
        if (!is_control(g, r)) refuse(g, r, FAULT_NOT_FOUND, "no such path; the API is under /v1/");
        return;
    }
    if (!slice_is(r->method, door->method)) {
        refuse(g, r, FAULT_BAD_METHOD, door->endpoint == ENDPOINT_MODELS ? "expected GET" : "expected POST");
        return;
    }
    if (g->sinks.may_record && !g->sinks.may_record(g->sinks.ctx, g->lane)) {
        refuse(g, r, FAULT_RECORDER_FULL, NULL);
        return;
    }
    struct exchange *x = exchange_begin(g, r, dialect_at(r), door->endpoint);
    struct slice credential = SLICE_NULL;
    struct error error = {.fault = FAULT_NONE};
    enum fault labels = labels_read(x, &credential, &error);
    struct error denied;
    enum fault fault = authenticate(x, credential, &denied);
    if (fault == FAULT_NONE && labels == FAULT_NONE && door->endpoint != ENDPOINT_MODELS && gateway_intervenes(g)) labels = intervene_key(g, x->key, &error);
    if (fault != FAULT_NONE) { /* nobody's: no exchange, no record */
        x->state = EXCHANGE_DONE;
        x->concluded = true;
        refuse(g, r, fault, denied.text);
    } else if (labels != FAULT_NONE) {
        exchange_refuse(x, RECORD_REFUSED, labels, error.text);
    } else {
        exchange_waits(x); /* for the body */
    }
}

static void on_request(void *ctx, struct http_request *r) {
    struct gateway *g = ctx;
    struct exchange *x = r->owner;
    if (!x && is_filed(g, r->path)) {
        const struct api_key *key = filed_key(g, r); /* it may have been revoked since its head came */
        if (key) g->sinks.filed(g->sinks.filed_ctx, g->lane, r, key);
    } else if (!x) {
        g->sinks.control(g->sinks.ctx, g->lane, r);
    } else if (x->call.endpoint == ENDPOINT_MODELS) {
        struct slice prefix = SLICE(MODELS_PREFIX);
        bool one = slice_starts(r->path, prefix);
        models_answer(x, one ? slice_make(r->path.at + prefix.len, r->path.len - prefix.len) : SLICE_NULL);
    } else {
        exchange_request(x);
    }
}

static void on_gone(void *ctx, struct http_request *r) {
    struct gateway *g = ctx;
    if (r->owner) exchange_client_gone(r->owner);
    else if (g->sinks.control_gone) g->sinks.control_gone(g->sinks.ctx, g->lane, r);
}

static void on_drained(void *ctx, struct http_request *r) {
    (void)ctx;
    if (r->owner) relay_resume(r->owner);
}

static void on_finished(void *ctx, struct http_request *r, bool sent) {
    (void)ctx;
    (void)sent;
    struct exchange *x = r->owner;
    if (!x) return;
    exchange_upload_ended(x, RECORD_CANCELLED, FAULT_CANCELLED);
    x->request = NULL;
    exchange_release(x);
}

/* ---- life ---- */

#define ANSWER_SHARDS 16 /* locks of a store of answers; the least bound leaves each room for four of the largest */

#define ALIKE_SHARE 4      /* wordings may take this part of the answers' bound, on top of it: 300 bytes for each of 1 KiB and more */
#define ALIKE_SHARDS 4     /* the least bound leaves each room for one class of the largest */

struct gateway_shared *gateway_shared_new(void) {
    struct gateway_shared *s = mem_new(struct gateway_shared);
    s->health = health_table_new();
    s->answers = answers_new(LIMIT_CACHE_BYTES, ANSWER_SHARDS);
    s->exact = answers_new(LIMIT_CACHE_BYTES, ANSWER_SHARDS);
    s->alike = alike_new(LIMIT_CACHE_BYTES / ALIKE_SHARE, ALIKE_SHARDS);
    s->once = once_new();
    digest_random(s->question_key, sizeof s->question_key);
    return s;
}

void gateway_shared_free(struct gateway_shared *s) {
    if (!s) return;
    health_table_free(s->health);
    answers_free(s->answers);
    answers_free(s->exact);
    alike_free(s->alike);
    once_free(s->once);
    mem_free(s);
}

void gateway_health_view(struct gateway_shared *s, const struct model_route *m, const struct target *t, struct health_view *ret) {
    health_view(health_of(s->health, t->health_key), m, clock_us(), ret);
}

struct gateway *gateway_new(struct loop *l, unsigned lane, struct gateway_shared *shared, struct metric_set *metrics,
                            const struct gateway_sinks *sinks) {
    struct gateway *g = mem_new(struct gateway);
    g->loop = l;
    g->lane = lane;
    g->shared = shared;
    g->sinks = *sinks;
    g->metrics = metric_shard_new(metrics);
    const char *none[METRIC_LABELS] = {NULL};
    g->active_cell = metric_cell(g->metrics, METRIC_ACTIVE, none);
    g->overhead_cell = metric_cell(g->metrics, METRIC_OVERHEAD, none);
    g->client = http_client_new(l, 0);
    g->system_texts = system_texts_new();
    list_init(&g->idle);
    list_init(&g->active);
    return g;
}

void gateway_install(struct gateway *g, struct policy *p) {
    struct binding *old = g->binding;
    g->binding = binding_new(g, p);
    if (p->server.cache.max_bytes > 0) {
        answers_bound(g->shared->exact, (size_t)p->server.cache.max_bytes);
        alike_bound(g->shared->alike, (size_t)p->server.cache.max_bytes / ALIKE_SHARE);
    }
    binding_drop(old);
}

void gateway_deploy(struct gateway *g, struct deployments *d) {
    struct deployments *old = g->deployments;
    g->deployments = deployments_hold(d); /* an exchange keeps what it took of the former: its texts are copied */
    deployments_drop(old);
}

static struct http_server *listen_at(struct gateway *g, const struct http_server_options *o, struct error *error) {
    struct http_handler h = {.ctx = g, .on_head = on_head, .on_request = on_request, .on_gone = on_gone,
                             .on_drained = on_drained, .on_finished = on_finished, .write_refusal = write_refusal};
    return http_server_new(g->loop, o, &h, error);
}

enum fault gateway_listen(struct gateway *g, const struct http_server_options *o, struct error *error) {
    g->server = listen_at(g, o, error);
    return g->server ? FAULT_NONE : error->fault;
}

#define INSIDE_CONNECTIONS 1024
#define INSIDE_TIMEOUT_US 60000000

enum fault gateway_listen_inside(struct gateway *g, size_t max_body, uint16_t *port, struct error *error) {
    struct http_server_options o = {.host = "127.0.0.1", .port = *port, .reuse_port = true, .max_body = max_body,
                                    .max_header = LIMIT_HEADER_DEFAULT, .head_timeout_us = INSIDE_TIMEOUT_US,
                                    .body_timeout_us = INSIDE_TIMEOUT_US, .idle_timeout_us = INSIDE_TIMEOUT_US,
                                    .max_connections = INSIDE_CONNECTIONS};
    g->inside = listen_at(g, &o, error);
    if (!g->inside) return error->fault;
    *port = http_server_port(g->inside);
    return FAULT_NONE;
}

uint16_t gateway_port(const struct gateway *g) { return http_server_port(g->server); }

unsigned gateway_active(const struct gateway *g) { return g->n_active; }

void gateway_publish(struct gateway *g) {
    metric_set(metric_cell(g->metrics, METRIC_CONNECTIONS, (const char *[METRIC_LABELS]){NULL}), http_server_connections(g->server));
    if (g->lane == 0) /* gauges are summed over lanes, and all share the cache */
        metric_set(metric_cell(g->metrics, METRIC_CACHE_BYTES, (const char *[METRIC_LABELS]){NULL}),
                   (int64_t)(answers_bytes(g->shared->exact) + alike_bytes(g->shared->alike)));
}

void gateway_quiesce(struct gateway *g) {
    http_server_quiesce(g->server);
    if (g->inside) http_server_quiesce(g->inside);
}

void gateway_end(struct gateway *g) {
    for (struct list *node = g->active.next, *next; node != &g->active; node = next) {
        struct exchange *x = list_item(node, struct exchange, link);
        next = node->next;
        if (x->state != EXCHANGE_NEW) exchange_abort(x, FAULT_SHUTTING_DOWN);
    }
}

void gateway_free(struct gateway *g) {
    if (!g) return;
    struct list *node;
    gateway_end(g);
    http_server_free(g->server);
    http_server_free(g->inside);
    while ((node = list_shift(&g->active))) { /* what was draining its upstream */
        struct exchange *x = list_item(node, struct exchange, link);
        attempt_cancel(x);
        binding_drop(x->binding);
        exchange_free(x);
    }
    while ((node = list_shift(&g->idle))) exchange_free(list_item(node, struct exchange, link));
    deployments_drop(g->deployments);
    mem_free(g->system_texts);
    binding_drop(g->binding); /* its routes, while their client still is there */
    http_client_free(g->client);
    mem_free(g);
}
