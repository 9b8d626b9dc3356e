/* A batch at a provider that has OpenAI's /files and /batches. What is next follows from what is stored:
 *
 *   no upstream_file ──upload──> upstream_file ──create──> upstream_batch ──poll until it is over──> settle_us
 *   ──output file, error file, the lines without a result──> FINALIZING ──> batch_finish
 *
 * `creating` is stored before the creation is asked for: whoever finds it without an upstream_batch asks for the
 * provider's batches first, and takes the one with our id in its metadata. */
#include "cost/batch_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "dialect/trim.h"

#include <stdio.h>

#define TIMEOUT_US 600000000LL       /* of one request: an upload of a large file */
#define FIRST_RETRY_US 1000000LL
#define LONGEST_RETRY_US 300000000LL
#define PAUSED_US 1000000LL          /* how soon it is seen that a pause is over */
#define METADATA_KEY "quarterdeck_batch"
#define BOUNDARY "quarterdeck-6f1d0f3a9c5e4b27" /* no line of JSON begins with it */

enum pass_step { PASS_UPLOAD, PASS_LOOK, PASS_CREATE, PASS_CANCEL, PASS_POLL, PASS_OUTPUT, PASS_ERRORS, PASS_REST };

static enum pass_step step_of(const struct batch_active *a) {
    const struct batch *row = &a->row;
    if (row->settle_us > 0) return row->upstream_output.len > 0 ? PASS_OUTPUT : row->upstream_errors.len > 0 ? PASS_ERRORS : PASS_REST;
    if (row->upstream_batch.len > 0) return row->status == BATCH_CANCELLING && !a->asked_to_cancel ? PASS_CANCEL : PASS_POLL;
    if (row->upstream_file.len == 0) return PASS_UPLOAD;
    return row->creating ? PASS_LOOK : PASS_CREATE;
}

void batch_pass_later(struct batch_active *a, int64_t delay_us) { loop_timer_start(a->desk->loop, &a->timer, delay_us); }

static void retry(struct batch_active *a, const char *why) {
    int64_t pause = FIRST_RETRY_US << (a->failures < 9 ? a->failures : 9);
    char id[64];
    (void)snprintf(id, sizeof id, SLICE_FMT, SLICE_ARG(a->row.id));
    log_event(LOG_WARN, "a provider could not be reached for a batch; trying again", "batch", id, "error", why, NULL);
    a->failures++;
    if (a->http.retry_after_us > pause) pause = a->http.retry_after_us;
    batch_pass_later(a, pause < LONGEST_RETRY_US ? pause : LONGEST_RETRY_US);
}

static void go_on(struct batch_active *a) {
    a->failures = 0;
    batch_pass_later(a, 0);
}

/* ---- requests ---- */

struct sending {
    struct batch_active *a;
    const struct provider *provider;
    struct arena arena;
    const char *headers[64];
    unsigned n;
};

static void done(struct http_call *h);

static bool sending_begin(struct sending *s, struct batch_active *a, const struct policy *p) {
    struct upstream_address address = {0};
    *s = (struct sending){.a = a};
    for (unsigned i = 0; i < p->n_providers; i++)
        if (slice_is(a->row.provider, p->providers[i].name)) s->provider = &p->providers[i];
    if (s->provider == NULL || s->provider->dialect != DIALECT_OPENAI) return false;
    arena_init(&s->arena, 4 << 10, 1 << 20);
    dialect_of(DIALECT_OPENAI)->address(s->provider, ENDPOINT_CHAT, arena_text(&s->arena, a->row.target_model), &s->arena, &address);
    for (unsigned i = 0; address.headers[i] != NULL && s->n < 60; i++)
        if (!slice_starts(slice_of(address.headers[i]), SLICE("content-type:"))) s->headers[s->n++] = address.headers[i];
    for (unsigned i = 0; s->provider->headers != NULL && s->provider->headers[i] != NULL && s->n < 60; i++)
        s->headers[s->n++] = s->provider->headers[i];
    return true;
}

/* `type` NULL: nothing is sent. */
static void send_to(struct sending *s, const char *method, const char *type, const char *before, struct slice name, const char *behind) {
    struct batch_active *a = s->a;
    struct error error = {.fault = FAULT_NONE};
    struct slice url = arena_printf(&s->arena, "%s%s" SLICE_FMT "%s", s->provider->base_url, before, SLICE_ARG(name), behind);
    if (type != NULL) s->headers[s->n++] = type;
    s->headers[s->n] = NULL;
    struct http_route *route = http_route_new(a->desk->client,
                                              &(struct http_route_options){.url = arena_text(&s->arena, url), .method = method,
                                                                           .headers = s->headers, .connect_timeout_us = 10000000,
                                                                           .proxy = s->provider->proxy, .ca_file = s->provider->ca_file,
                                                                           .http2 = s->provider->http2},
                                              &error);
    if (a->http.call.loop == NULL) batch_http_init(&a->http, a->desk->loop, LIMIT_BATCH_FILE, done);
    batch_http_start(&a->http, route, NULL, type != NULL ? buffer_slice(&a->body) : SLICE_NULL, TIMEOUT_US);
    if (route != NULL) http_route_free(route); /* it goes with its transfer */
}

/* ---- the input file as the provider shall have it ---- */

struct upload {
    struct batch_active *a;
    const struct policy *policy;
    const struct target *target;
    const struct application *application;
    struct slice text;
    struct arena arena;
    struct buffer body; /* of one line */
    enum endpoint endpoint;
    bool whole;
};

static bool splice_body(struct upload *u, struct slice body) {
    const struct dialect *openai = dialect_of(DIALECT_OPENAI);
    struct call call = {.endpoint = u->endpoint};
    buffer_clear(&u->body);
    if (openai->read_head(body, &u->arena, &call, NULL) != FAULT_NONE) return false;
    trim_call(openai, policy_requests(u->application, batch_request_type(&u->a->row)), &u->arena, &call);
    return openai->splice(&call, u->target, false, &u->body) == FAULT_NONE;
}

static bool upload_line(void *ctx, const struct batch_line *l) {
    struct upload *u = ctx;
    struct batch_asked q = {.body = SLICE_NULL};
    struct json_writer w;
    struct buffer *out = &u->a->body;
    u->whole = batch_read_line(slice_make(u->text.at + l->at, (size_t)l->len), &u->arena, &q) && splice_body(u, q.body);
    if (u->whole) {
        json_start(&w, out);
        json_object(&w);
        json_member_string(&w, "custom_id", q.custom_id);
        json_member_text(&w, "method", "POST");
        json_member_string(&w, "url", q.url);
        size_t from = out->len;
        json_member_raw(&w, "body", buffer_slice(&u->body));
        for (size_t i = from; i < out->len; i++)
            if (out->at[i] == '\n' || out->at[i] == '\r') out->at[i] = ' ';
        json_object_end(&w);
        (void)buffer_byte(out, '\n');
    }
    arena_reset(&u->arena);
    return u->whole;
}

static const struct target *target_of(const struct policy *p, const struct batch *row) {
    const struct model_route *m = table_get(&p->model_by_name, row->model);
    for (unsigned i = 0; m != NULL && i < m->n_targets; i++)
        if (slice_is(row->provider, m->targets[i].provider->name) && slice_is(row->target_model, m->targets[i].model)) return &m->targets[i];
    return NULL;
}

static enum fault write_upload(struct batch_active *a, const struct policy *p, struct error *error) {
    struct batches *store = a->desk->store;
    struct upload u = {.a = a, .policy = p, .target = target_of(p, &a->row), .whole = true};
    struct batch_file f;
    struct buffer text;
    struct arena arena; /* custom ids */
    u.application = table_get(&p->application_by_name, a->row.application);
    if (u.target == NULL || u.application == NULL)
        return error_set(error, FAULT_NO_SUCH_MODEL, "the model, its target or the application is not configured any more");
    (void)batch_endpoint(a->row.endpoint, &u.endpoint);
    arena_init(&arena, 64 << 10, 256 << 20);
    arena_init(&u.arena, 64 << 10, LIMIT_ARENA_EXCHANGE);
    buffer_init(&u.body, LIMIT_BODY_CEILING);
    buffer_init(&text, LIMIT_BATCH_FILE);
    buffer_clear(&a->body);
    (void)buffer_printf(&a->body, "--" BOUNDARY "\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--" BOUNDARY
                                  "\r\ncontent-disposition: form-data; name=\"file\"; filename=\"" SLICE_FMT ".jsonl\"\r\n"
                                  "content-type: application/jsonl\r\n\r\n",
                        SLICE_ARG(a->row.id));
    enum fault fault = batches_file_find(store, a->row.application, a->row.input_file, &arena, &f, error);
    if (fault == FAULT_NONE) fault = blob_load(batches_blobs(store), arena_text(&arena, f.id), f.bytes, f.checksum, &text, error);
    u.text = buffer_slice(&text);
    if (fault == FAULT_NONE) fault = batches_lines(store, a->row.number, 0, false, &arena, upload_line, &u, error);
    (void)buffer_append(&a->body, SLICE("\r\n--" BOUNDARY "--\r\n"));
    if (fault == FAULT_NONE && (!u.whole || a->body.overflow)) fault = error_set(error, FAULT_TOO_LARGE, "the file could not be written for the provider");
    buffer_deinit(&text);
    buffer_deinit(&u.body);
    arena_deinit(&u.arena);
    arena_deinit(&arena);
    return fault;
}

static void write_creation(struct batch_active *a) {
    struct json_writer w;
    buffer_clear(&a->body);
    json_start(&w, &a->body);
    json_object(&w);
    json_member_string(&w, "input_file_id", a->row.upstream_file);
    json_member_string(&w, "endpoint", a->row.endpoint);
    json_member_text(&w, "completion_window", "24h");
    json_key(&w, "metadata");
    json_object(&w);
    json_member_string(&w, METADATA_KEY, a->row.id);
    json_object_end(&w);
    json_object_end(&w);
}

/* ---- its end ---- */

static void end_as(struct batch_active *a, enum batch_status as) {
    struct batch before = a->row;
    a->row.status = BATCH_FINALIZING;
    a->row.ends_as = as;
    a->row.finalizing_us = clock_wall_us();
    if (a->row.settle_us == 0) a->row.settle_us = a->row.finalizing_us;
    if (batch_store(a)) {
        go_on(a);
        return;
    }
    a->row = before; /* no line is recorded under a time that is not stored: a restart would record it under another */
    retry(a, "the batch could not be stored");
}

static void settled(struct batch_active *a, enum fault fault, const struct error *error) {
    if (fault == FAULT_NONE) return;
    log_event(LOG_ERROR, "results of a batch could not be settled; trying again", "error", error->text, NULL);
    int64_t answered = a->row.completed, failed = a->row.failed;
    if (batches_lines_count(a->desk->store, a->row.number, BATCH_LINE_ANSWERED, &answered, NULL) == FAULT_NONE &&
        batches_lines_count(a->desk->store, a->row.number, BATCH_LINE_FAILED, &failed, NULL) == FAULT_NONE) {
        a->row.completed = answered;
        a->row.failed = failed;
    }
    batch_pass_later(a, FIRST_RETRY_US * 5);
}

/* The lines that the provider said nothing of, then our own files. */
static void rest(struct batch_active *a) {
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = batch_settle_rest(a, &error);
    if (fault != FAULT_NONE) {
        settled(a, fault, &error);
        return;
    }
    batch_pass_later(a, FIRST_RETRY_US * 5); /* should the disk be full now */
    batch_finish(a);
}

/* ---- what was answered ---- */

static struct slice text_at(const struct json_doc *d, const char *key, struct arena *arena) {
    return arena_slice(arena, json_string(d, json_get(d, 0, key), arena));
}

static void uploaded(struct batch_active *a, const struct json_doc *d) {
    a->row.upstream_file = text_at(d, "id", &a->arena);
    if (a->row.upstream_file.len > 0 && batch_store(a)) go_on(a);
    else retry(a, "the provider did not say under which id it has the file");
}

static void created(struct batch_active *a, const struct json_doc *d) {
    a->row.upstream_batch = text_at(d, "id", &a->arena);
    if (a->row.upstream_batch.len > 0 && batch_store(a)) go_on(a);
    else retry(a, "the provider did not say under which id it has the batch");
}

/* A page of the provider's batches: ours, the next page, or it has none. */
static void looked(struct batch_active *a, const struct json_doc *d, struct arena *arena) {
    uint32_t data = json_get(d, 0, "data"), cursor = JSON_NONE, item;
    bool more = false;
    struct slice last = SLICE_NULL;
    while (json_each_item(d, data, &cursor, &item)) {
        last = json_string(d, json_get(d, item, "id"), arena);
        if (!slice_eq(json_string(d, json_get(d, json_get(d, item, "metadata"), METADATA_KEY), arena), a->row.id)) continue;
        a->row.upstream_batch = arena_slice(&a->arena, last);
        if (batch_store(a)) go_on(a);
        else retry(a, "the batch could not be stored");
        return;
    }
    (void)json_get_bool(d, json_get(d, 0, "has_more"), &more);
    a->looked_to = more ? arena_slice(&a->arena, last) : SLICE_NULL;
    if (a->looked_to.len == 0) a->row.creating = 0;
    batch_pass_later(a, 0); /* failures count on: each creation that got lost is tried again later than the one before */
}

static void end_failed(struct batch_active *a, const struct json_doc *d, struct arena *arena) {
    uint32_t first = json_item(d, json_get(d, json_get(d, 0, "errors"), "data"), 0);
    struct slice code = json_string(d, json_get(d, first, "code"), arena), message = json_string(d, json_get(d, first, "message"), arena);
    batch_fail(a, code.len > 0 ? arena_text(arena, code) : "provider_failed",
               message.len > 0 ? arena_text(arena, message) : "the provider failed the batch");
}

static void polled(struct batch_active *a, const struct json_doc *d, struct arena *arena) {
    struct slice status = text_at(d, "status", arena);
    bool completed = slice_is(status, "completed"), expired = slice_is(status, "expired"), cancelled = slice_is(status, "cancelled");
    if (slice_is(status, "failed")) {
        end_failed(a, d, arena);
        return;
    }
    if (!completed && !expired && !cancelled) {
        struct policy *p = a->desk->s.policy(a->desk->s.ctx);
        a->failures = 0;
        batch_pass_later(a, p->server.batch.poll);
        policy_drop(p);
        return;
    }
    a->row.upstream_output = text_at(d, "output_file_id", &a->arena);
    a->row.upstream_errors = text_at(d, "error_file_id", &a->arena);
    end_as(a, completed ? BATCH_COMPLETED : expired ? BATCH_EXPIRED : BATCH_CANCELLED);
}

static void fetched(struct batch_active *a, struct slice *which) {
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = batch_settle(a, buffer_slice(&a->http.call.reply), &error);
    if (fault != FAULT_NONE) {
        settled(a, fault, &error);
        return;
    }
    *which = SLICE_NULL; /* stored with the end: after a restart it is fetched again, and finds nothing to do */
    go_on(a);
}

/* Asking again does not change it. What the provider has is given up only when it says that it has it not: a credential
 * may be put right. */
static bool is_final(int status, enum pass_step step) {
    if (step == PASS_UPLOAD || step == PASS_CREATE || step == PASS_CANCEL)
        return status >= 400 && status < 500 && status != 408 && status != 409 && status != 429;
    return step != PASS_LOOK && (status == 404 || status == 410);
}

static void refused(struct batch_active *a, enum pass_step step) {
    char text[LIMIT_ERROR_TEXT];
    int status = a->http.call.status;
    bool final = is_final(status, step);
    (void)snprintf(text, sizeof text, "provider `" SLICE_FMT "`: HTTP %d " SLICE_FMT, SLICE_ARG(a->row.provider), status,
                   (int)(a->http.call.reply.len < 300 ? a->http.call.reply.len : 300), a->http.call.reply.at ? a->http.call.reply.at : a->http.call.detail);
    if (status == 0) (void)snprintf(text, sizeof text, "%s", a->http.call.detail);
    if (step == PASS_CANCEL && final) { /* it is over already: the next poll says how */
        a->asked_to_cancel = true;
        go_on(a);
    } else if (!final) {
        retry(a, text);
    } else {
        batch_fail(a, "provider_refused", text);
    }
}

static void done(struct http_call *h) {
    struct batch_active *a = list_item(h, struct batch_active, http.call);
    enum pass_step step = (enum pass_step)a->asking;
    struct json_doc d;
    struct arena arena;
    if (h->status < 200 || h->status >= 300) {
        refused(a, step);
        return;
    }
    if (step == PASS_OUTPUT || step == PASS_ERRORS) {
        fetched(a, step == PASS_OUTPUT ? &a->row.upstream_output : &a->row.upstream_errors);
        return;
    }
    arena_init(&arena, 64 << 10, 64 << 20);
    if (json_read(buffer_slice(&h->reply), &arena, UINT16_MAX, &d, NULL) != FAULT_NONE) retry(a, "the provider's answer is not JSON");
    else if (step == PASS_UPLOAD) uploaded(a, &d);
    else if (step == PASS_LOOK) looked(a, &d, &arena);
    else if (step == PASS_CREATE) created(a, &d);
    else if (step == PASS_POLL) polled(a, &d, &arena);
    else if (step == PASS_CANCEL) {
        a->asked_to_cancel = true;
        go_on(a);
    }
    arena_deinit(&arena);
}

/* ---- the next step ---- */

/* Nothing is at the provider yet, and it is too late or not wanted any more. */
static bool ended_before(struct batch_active *a, enum pass_step step) {
    if (step != PASS_UPLOAD && step != PASS_CREATE) return false;
    if (a->row.status == BATCH_CANCELLING) end_as(a, BATCH_CANCELLED);
    else if (clock_wall_us() >= a->row.expires_us) end_as(a, BATCH_EXPIRED);
    else return false;
    return true;
}

static void send_step(struct sending *s, enum pass_step step) {
    struct batch_active *a = s->a;
    const struct batch *row = &a->row;
    static const char json[] = "content-type: application/json";
    switch (step) {
    case PASS_UPLOAD: send_to(s, "POST", "content-type: multipart/form-data; boundary=" BOUNDARY, "/files", SLICE_NULL, ""); break;
    case PASS_LOOK:
        send_to(s, "GET", NULL, a->looked_to.len > 0 ? "/batches?limit=100&after=" : "/batches?limit=100", a->looked_to, "");
        break;
    case PASS_CREATE: send_to(s, "POST", json, "/batches", SLICE_NULL, ""); break;
    case PASS_CANCEL:
        buffer_clear(&a->body);
        send_to(s, "POST", json, "/batches/", row->upstream_batch, "/cancel");
        break;
    case PASS_POLL: send_to(s, "GET", NULL, "/batches/", row->upstream_batch, ""); break;
    case PASS_OUTPUT: send_to(s, "GET", NULL, "/files/", row->upstream_output, "/content"); break;
    case PASS_ERRORS: send_to(s, "GET", NULL, "/files/", row->upstream_errors, "/content"); break;
    case PASS_REST: break;
    }
}

/* What must stand before the step is taken. */
static enum fault prepare(struct batch_active *a, const struct policy *p, enum pass_step step, struct error *error) {
    if (step == PASS_UPLOAD) return write_upload(a, p, error);
    if (step != PASS_CREATE) return FAULT_NONE;
    write_creation(a);
    a->row.creating = 1;
    return batches_save(a->desk->store, &a->row, error);
}

void batch_pass_next(struct batch_active *a) {
    struct error error = {.fault = FAULT_NONE};
    enum pass_step step = step_of(a);
    struct sending s;
    if (http_call_is_open(&a->http.call)) return;
    if (atomic_load(&a->desk->quiet)) { /* the next process goes on */
        return;
    }
    if (step == PASS_REST) {
        rest(a);
        return;
    }
    if (ended_before(a, step)) return;
    if (a->row.status != BATCH_CANCELLING && batch_is_paused(a)) {
        batch_pass_later(a, PAUSED_US);
        return;
    }
    struct policy *p = a->desk->s.policy(a->desk->s.ctx);
    enum fault fault = prepare(a, p, step, &error);
    if (fault == FAULT_NO_SUCH_MODEL || fault == FAULT_CORRUPT || fault == FAULT_TOO_LARGE) {
        batch_fail(a, fault_name(fault), error.text);
    } else if (fault != FAULT_NONE) {
        retry(a, error.text);
    } else if (!sending_begin(&s, a, p)) {
        if (a->row.status == BATCH_CANCELLING) batch_fail(a, "provider_gone", "its provider is not configured any more");
        else retry(a, "its provider is not configured any more");
    } else {
        a->asking = (int)step;
        send_step(&s, step);
        arena_deinit(&s.arena);
    }
    policy_drop(p);
}
