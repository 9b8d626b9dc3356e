/* What a provider made of a batch: each line's end, its record, and its cost in the budgets; each exactly once. */
#include "cost/batch_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "model/pseudonym.h"

#include <stdio.h>

#define CHUNK 256 /* lines that are stored together */
#define LINE_ARENA (96u << 20)

/* ---- the batch's labels ---- */

/* `labels` holds headers: "x-quarterdeck-team: growth". */
static void read_labels(struct slice labels, struct record *r) {
    struct {
        const char *name;
        struct slice *into;
    } known[] = {{"x-quarterdeck-user", &r->user},       {"x-quarterdeck-session", &r->session}, {"x-quarterdeck-feature", &r->feature},
                 {"x-quarterdeck-team", &r->team},       {"x-quarterdeck-tags", &r->tags},       {"x-quarterdeck-request-type", &r->request_type}};
    struct slice one, name, value;
    while (labels.len > 0) {
        (void)slice_cut(labels, '\n', &one, &labels);
        if (!slice_cut(one, ':', &name, &value)) continue;
        value = slice_trim(value);
        for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
            if (slice_is(name, known[i].name)) *known[i].into = slice_make(value.at, value.len < LIMIT_LABEL ? value.len : LIMIT_LABEL);
    }
}

struct slice batch_request_type(const struct batch *row) {
    struct record r;
    record_init(&r);
    read_labels(row->labels, &r);
    return r.request_type;
}

/* What all records of the batch have in common. */
static void begin_record(const struct batch_active *a, const struct policy *p, struct arena *arena, struct record *r) {
    const struct application *application = table_get(&p->application_by_name, a->row.application);
    const struct batch *row = &a->row;
    record_init(r);
    r->application = row->application;
    r->key = row->key;
    r->batch = row->id;
    r->model = row->model;
    r->dialect = slice_of(dialect_name(DIALECT_OPENAI));
    (void)batch_endpoint(row->endpoint, &r->endpoint);
    read_labels(row->labels, r);
    if (application == NULL || application->payloads.capture != CAPTURE_NONE) return;
    pseudonym_hide(p, application, arena, &r->user, &r->tags);
    r->session = SLICE_NULL;
}

bool batch_reserve(struct batch_active *a, const struct policy *p, enum spending how, struct verdict *ret) {
    const struct admission_calls *calls = &a->desk->s.admission;
    struct record r;
    *ret = (struct verdict){.outcome = VERDICT_ADMIT};
    begin_record(a, p, &a->arena, &r);
    struct admission_request q = {.spending = how, .labels = admission_labels_of(&r),
                                  .application = table_get(&p->application_by_name, a->row.application),
                                  .wall_us = clock_wall_us(), .mono_us = clock_us(), .worst_cost_nano = a->row.worst_nano,
                                  .approved_nano = a->row.approved_nano};
    if (calls->admit == NULL || q.application == NULL) return true;
    calls->admit(calls->ctx, &q, ret, &a->reservation);
    if (ret->outcome == VERDICT_REFUSE) return false;
    a->reserved = true;
    return true;
}

/* ---- one line's record ---- */

/* Made of the batch and the line: the same after a restart. */
static void line_record_id(const struct batch_active *a, int64_t line, struct record_id *ret) {
    char text[128];
    uint8_t hash[16];
    int n = snprintf(text, sizeof text, SLICE_FMT "/%lld", SLICE_ARG(a->row.id), (long long)line);
    record_id_new(ret, a->row.settle_us); /* its time, which is stored; the rest is replaced */
    digest_fast128(slice_make(text, (size_t)n), hash);
    memcpy(ret->bytes + 8, hash, 8);
    ret->bytes[7] = hash[8];
}

static const struct target *target_of(const struct policy *p, const struct batch *row) {
    const struct model_route *m = table_get(&p->model_by_name, row->model);
    for (unsigned i = 0; m != NULL && i < m->n_targets; i++)
        if (slice_is(row->provider, m->targets[i].provider->name) && slice_is(row->target_model, m->targets[i].model)) return &m->targets[i];
    return NULL;
}

struct result {
    int status; /* 0: it has none */
    struct slice custom_id, request_id, body;
    struct slice code, message; /* without a response */
};

static bool read_result(struct slice text, struct arena *arena, struct result *ret) {
    struct json_doc d;
    int64_t status = 0;
    *ret = (struct result){.status = 0};
    if (json_read(text, arena, 2, &d, NULL) != FAULT_NONE) return false;
    uint32_t response = json_get(&d, 0, "response"), error = json_get(&d, 0, "error");
    ret->custom_id = json_string(&d, json_get(&d, 0, "custom_id"), arena);
    if (json_get_i64(&d, json_get(&d, response, "status_code"), &status) && status > 0 && status < 1000) ret->status = (int)status;
    ret->request_id = json_string(&d, json_get(&d, response, "request_id"), arena);
    ret->body = json_raw(&d, json_get(&d, response, "body"));
    ret->code = json_string(&d, json_get(&d, error, "code"), arena);
    ret->message = json_string(&d, json_get(&d, error, "message"), arena);
    return ret->custom_id.len > 0;
}

static void price_record(const struct target *t, struct record *r) {
    struct price_quote quote;
    price_quote_batch(t != NULL ? t->price : NULL, &r->usage, r->time_us, t != NULL ? t->provider->batch_discount_ppm : -1, &quote);
    r->cost_nano = quote.cost_nano;
    charge_of_quote(&quote, &r->charge);
}

static void fill_record(struct batch_active *a, const struct policy *p, const struct result *q, int64_t line, struct arena *arena,
                        struct record *r) {
    const struct batch *row = &a->row;
    begin_record(a, p, arena, r);
    line_record_id(a, line, &r->id);
    r->time_us = row->settle_us;
    r->duration_us = r->time_us - row->in_progress_us;
    r->overhead_us = 0;
    r->http_status = q->status;
    r->response_bytes = (int64_t)q->body.len;
    r->provider = row->provider;
    r->target_model = row->target_model;
    struct reply reply = {0};
    struct upstream_error why = {.retry_after_us = -1};
    enum fault fault = q->status >= 200 && q->status < 300
                           ? dialect_of(DIALECT_OPENAI)->read_reply(q->body, r->endpoint, false, arena, &reply, &why)
                       : q->status > 0 ? dialect_fault_of_status(q->status)
                                       : FAULT_CANCELLED;
    if (fault != FAULT_NONE) {
        r->status = fault == FAULT_CANCELLED ? RECORD_CANCELLED : RECORD_ERROR;
        r->error = fault;
        r->error_text = slice_of(fault_text(fault));
        r->cost_nano = q->status >= 200 && q->status < 300 ? MONEY_UNKNOWN : 0; /* what cannot be read may have been charged */
        return;
    }
    r->status = RECORD_OK;
    r->upstream_model = reply.model;
    r->system_fingerprint = reply.fingerprint;
    r->finish_reason = slice_of(finish_name(reply.finish));
    r->usage = reply.usage;
    price_record(target_of(p, row), r);
}

static bool is_recorded(struct batch_active *a, const struct record_id *id) {
    struct arena arena;
    struct record found;
    if (!a->may_be_recorded) return false;
    arena_init(&arena, 4 << 10, 1 << 20);
    bool there = ledger_find(a->desk->s.ledger, id, &arena, &found, NULL) == FAULT_NONE;
    arena_deinit(&arena);
    return there;
}

/* Booked, then recorded; neither again after a failure in between, nor after a restart. */
static enum fault record_line(struct batch_active *a, const struct record *r, int64_t line) {
    const struct batch_services *s = &a->desk->s;
    if (is_recorded(a, &r->id)) return FAULT_NONE;
    if (a->booked != line && s->admission.settle != NULL) {
        struct reservation none = {.n = 0};
        bool counted = r->usage.input != USAGE_NULL && r->usage.output != USAGE_NULL;
        struct settlement done = {.labels = admission_labels_of(r), .id = r->id, .wall_us = r->time_us, .cost_nano = r->cost_nano,
                                  .tokens = counted ? r->usage.input + r->usage.output : -1};
        if (r->status == RECORD_OK || r->cost_nano != 0) s->admission.settle(s->admission.ctx, &none, &done);
        a->booked = line;
    }
    return s->record(s->ctx, r);
}

/* ---- all of them ---- */

struct settling {
    struct batch_active *a;
    struct policy *policy;
    struct table lines; /* custom id -> number, of those without a result */
    struct arena ids, arena;
    struct buffer out;
    struct error *error;
    enum fault fault;
    unsigned in_chunk;
};

static bool note_line(void *ctx, const struct batch_line *l) {
    struct settling *s = ctx;
    table_put(&s->lines, l->custom_id, (void *)(uintptr_t)l->line);
    return true;
}

static enum fault settle_begin(struct settling *s, struct batch_active *a, struct error *error) {
    *s = (struct settling){.a = a, .error = error};
    table_init(&s->lines);
    arena_init(&s->ids, 64 << 10, 256 << 20);
    arena_init(&s->arena, 64 << 10, LINE_ARENA);
    buffer_init(&s->out, LIMIT_BATCH_FILE);
    s->policy = a->desk->s.policy(a->desk->s.ctx);
    if (a->may_be_recorded) ledger_writer_drain(a->desk->s.writer);
    return batches_lines(a->desk->store, a->row.number, 0, true, &s->ids, note_line, s, error);
}

/* The lines of this chunk have their records: their results are stored with one commit. */
static enum fault store_chunk(struct settling *s, bool last) {
    struct batches *store = s->a->desk->store;
    if (s->in_chunk == 0 || (!last && s->in_chunk < CHUNK)) return FAULT_NONE;
    s->in_chunk = 0;
    enum fault fault = batches_commit(store, s->error);
    return fault;
}

static enum fault settle_end(struct settling *s, enum fault fault) {
    if (fault == FAULT_NONE) fault = store_chunk(s, true);
    if (fault != FAULT_NONE) s->a->may_be_recorded = true; /* the lines of a chunk that is not stored come again */
    batches_rollback(s->a->desk->store);
    policy_drop(s->policy);
    buffer_deinit(&s->out);
    arena_deinit(&s->arena);
    arena_deinit(&s->ids);
    table_deinit(&s->lines);
    return fault;
}

static void settle_line(struct settling *s, const struct result *q, int64_t line) {
    struct batch_active *a = s->a;
    struct record r;
    bool answered = q->status >= 200 && q->status < 300;
    fill_record(a, s->policy, q, line, &s->arena, &r);
    s->fault = record_line(a, &r, line);
    if (s->fault != FAULT_NONE) {
        (void)error_set(s->error, s->fault, "the flight recorder has no room");
        return;
    }
    buffer_clear(&s->out);
    const char *code = arena_text(&s->arena, q->code.len > 0 ? q->code : SLICE("request_failed"));
    batch_write_result(q->custom_id, q->request_id, q->status, q->body, q->status > 0 ? NULL : code,
                       arena_text(&s->arena, q->message), &s->out);
    if (s->in_chunk++ == 0) s->fault = batches_begin(a->desk->store, s->error);
    if (s->fault == FAULT_NONE)
        s->fault = batches_line_result(a->desk->store, a->row.number, line, answered ? BATCH_LINE_ANSWERED : BATCH_LINE_FAILED,
                                       buffer_slice(&s->out), s->error);
    if (s->fault != FAULT_NONE) return;
    ++*(answered ? &a->row.completed : &a->row.failed);
    batch_count(a->desk, a->row.application, answered);
}

enum fault batch_settle(struct batch_active *a, struct slice results, struct error *error) {
    struct settling s;
    struct slice one;
    enum fault fault = settle_begin(&s, a, error);
    while (fault == FAULT_NONE && results.len > 0) {
        struct result q;
        (void)slice_cut(results, '\n', &one, &results);
        arena_reset(&s.arena);
        if (slice_trim(one).len == 0 || !read_result(one, &s.arena, &q)) continue;
        int64_t line = (int64_t)(uintptr_t)table_remove(&s.lines, q.custom_id);
        if (line == 0) continue; /* told twice, or settled before */
        settle_line(&s, &q, line);
        fault = s.fault == FAULT_NONE ? store_chunk(&s, false) : s.fault;
    }
    return settle_end(&s, fault);
}

static bool settle_unanswered(void *ctx, const struct batch_line *l) {
    struct settling *s = ctx;
    bool cancelled = s->a->row.ends_as == BATCH_CANCELLED;
    struct result q = {.custom_id = l->custom_id,
                       .code = cancelled ? SLICE("batch_cancelled") : SLICE("batch_expired"),
                       .message = cancelled ? SLICE("This request was not executed because the batch was cancelled.")
                                            : SLICE("This request could not be executed before the completion window expired.")};
    settle_line(s, &q, l->line);
    return s->fault == FAULT_NONE;
}

enum fault batch_settle_rest(struct batch_active *a, struct error *error) {
    struct settling s;
    size_t cursor = 0;
    struct slice custom_id;
    void *line;
    enum fault fault = settle_begin(&s, a, error);
    while (fault == FAULT_NONE && table_next(&s.lines, &cursor, &custom_id, &line)) {
        arena_reset(&s.arena);
        (void)settle_unanswered(&s, &(struct batch_line){.line = (int64_t)(uintptr_t)line, .custom_id = custom_id});
        fault = s.fault == FAULT_NONE ? store_chunk(&s, false) : s.fault;
    }
    return settle_end(&s, fault);
}
