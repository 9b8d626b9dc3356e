/* An input file's lines, each checked before the first is sent; and where they go. */
#include "cost/batch_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "dialect/trim.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_ARENA (64u << 20)

struct check {
    struct batch_active *a;
    const struct policy *policy;
    const struct application *application;
    const struct request_policy *asked;
    enum endpoint endpoint;
    struct arena arena; /* of one line */
    struct table seen;  /* custom ids */
    struct buffer errors;
    struct json_writer w;
    unsigned n_errors;
    int64_t n_lines, line;
    /* while every line so far could be passed on together */
    bool passable;
    const struct model_route *model;
    int64_t worst_nano;
};

bool batch_read_line(struct slice text, struct arena *arena, struct batch_asked *ret) {
    struct json_doc d;
    if (json_read(text, arena, 1, &d, NULL) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return false;
    ret->custom_id = json_string(&d, json_get(&d, 0, "custom_id"), arena);
    ret->method = json_string(&d, json_get(&d, 0, "method"), arena);
    ret->url = json_string(&d, json_get(&d, 0, "url"), arena);
    uint32_t body = json_get(&d, 0, "body");
    ret->body = json_type(&d, body) == JSON_OBJECT ? json_raw(&d, body) : SLICE_NULL;
    return true;
}

/* ---- mistakes ---- */

static void put_error(struct json_writer *w, const char *code, const char *message, const char *param, int64_t line) {
    json_object(w);
    json_member_text(w, "code", code);
    json_member_text(w, "message", message);
    json_member_text(w, "param", param);
    json_key(w, "line");
    if (line > 0) json_put_i64(w, line);
    else json_put_null(w);
    json_object_end(w);
}

static bool complain(struct check *c, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool complain(struct check *c, const char *code, const char *param, const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (c->n_errors++ < LIMIT_BATCH_ERRORS) put_error(&c->w, code, text, param, c->line);
    return false;
}

/* The batch and its lines change together; when they cannot, it stays as it was. */
static enum fault store_failed(struct batch_active *a, struct error *error) {
    struct batches *store = a->desk->store;
    enum fault fault = batches_begin(store, error);
    if (fault != FAULT_NONE) return fault;
    fault = batches_lines_drop(store, a->row.number, error);
    if (fault == FAULT_NONE) fault = batches_save(store, &a->row, error);
    if (fault == FAULT_NONE) return batches_commit(store, error);
    batches_rollback(store);
    return fault;
}

static void fail(struct batch_active *a, struct slice errors) {
    struct error error = {.fault = FAULT_NONE};
    struct batch before = a->row;
    a->row.status = BATCH_FAILED;
    a->row.errors = arena_slice(&a->arena, errors);
    a->row.ended_us = clock_wall_us();
    if (store_failed(a, &error) == FAULT_NONE) {
        batch_drop(a);
        return;
    }
    a->row = before;
    log_event(LOG_ERROR, "a batch that failed could not be stored; trying again", "error", error.text, NULL);
    if (a->row.provider.len > 0) batch_pass_later(a, 5000000);
}

void batch_fail(struct batch_active *a, const char *code, const char *message) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 8 * LIMIT_ERROR_TEXT);
    json_start(&w, &out);
    json_array(&w);
    put_error(&w, code, message, NULL, 0);
    json_array_end(&w);
    fail(a, buffer_slice(&out));
    buffer_deinit(&out);
}

/* ---- one line ---- */

/* Lines go to a provider together when they ask for one model, whose first target takes batches and has no other beside it. What
 * one may cost at most is added up on the way. */
static void see_target(struct check *c, const struct model_route *m, struct call *call) {
    const struct target *t = &m->targets[0];
    if (!c->passable) return;
    c->passable = t->provider->batch && !trim_goes_on_elsewhere(&call->doc) && /* what such a call reads cannot be bounded here */
                  t->provider->dialect == DIALECT_OPENAI && !m->weighted && m->tiering == NULL &&
                  (c->model == NULL || (c->model->targets[0].provider == t->provider && strcmp(c->model->targets[0].model, t->model) == 0));
    if (!c->passable) return;
    c->model = m;
    const struct batch_services *s = &c->a->desk->s;
    struct input_count counted = {.tokens = -1};
    struct record record;
    struct usage most;
    struct price_quote quote;
    record_init(&record);
    record.application = slice_of(c->application->name);
    record.model = slice_of(m->name);
    record.request_type = batch_request_type(&c->a->row);
    if (s->tokens.count_input != NULL) s->tokens.count_input(s->tokens.ctx, s->lane, t, call, &counted);
    usage_init(&most);
    most.input = counted.tokens >= 0 ? counted.tokens : (int64_t)(call->text_bytes + 3) / 4;
    int64_t expected = call->max_tokens < 0 && s->tokens.expect_output != NULL ? s->tokens.expect_output(s->tokens.ctx, &record) : -1;
    most.output = admission_most_output(call, expected, t, c->asked);
    most.cache_read = most.cache_write = most.reasoning = 0;
    price_quote_batch(t->price, &most, clock_wall_us(), t->provider->batch_discount_ppm, &quote);
    if (!money_is_known(quote.cost_nano) && !c->application->block_unknown_price) /* no provider's batch costs more than its ordinary price */
        price_quote(t->price, &most, clock_wall_us(), false, &quote);
    c->worst_nano = money_add(c->worst_nano, quote.cost_nano);
}

static bool check_body(struct check *c, struct slice body) {
    const struct dialect *openai = dialect_of(DIALECT_OPENAI);
    struct call call = {.endpoint = c->endpoint};
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = openai->read_head(body, &c->arena, &call, &error);
    if (fault != FAULT_NONE) return complain(c, "invalid_request", "body", "%s", error.text[0] ? error.text : fault_text(fault));
    if (call.stream) return complain(c, "invalid_request", "body.stream", "a line of a batch cannot be a stream");
    const struct model_route *m = table_get(&c->policy->model_by_name, call.model);
    if (m == NULL)
        return complain(c, "model_not_found", "body.model", "no model `" SLICE_FMT "` is configured; GET /v1/models lists yours", SLICE_ARG(call.model));
    if (!policy_allows(c->application, m))
        return complain(c, "model_not_allowed", "body.model", "application `%s` may not use model `%s`", c->application->name, m->name);
    trim_call(openai, c->asked, &c->arena, &call);
    see_target(c, m, &call);
    return true;
}

static bool check_line(struct check *c, struct slice text, struct batch_asked *q) {
    if (!batch_read_line(text, &c->arena, q)) return complain(c, "invalid_json_line", NULL, "this line is not parseable as a JSON object");
    if (q->custom_id.len == 0) return complain(c, "missing_required_parameter", "custom_id", "expected a custom_id");
    if (q->custom_id.len > LIMIT_LABEL) return complain(c, "invalid_request", "custom_id", "a custom_id has at most %d bytes", LIMIT_LABEL);
    if (table_put(&c->seen, q->custom_id, c) != NULL)
        return complain(c, "duplicate_custom_id", "custom_id", "the custom_id `" SLICE_FMT "` was used before", SLICE_ARG(q->custom_id));
    if (!slice_is(q->method, "POST")) return complain(c, "invalid_method", "method", "expected the method POST");
    if (!slice_eq(q->url, c->a->row.endpoint))
        return complain(c, "invalid_url", "url", "expected the batch's endpoint, " SLICE_FMT, SLICE_ARG(c->a->row.endpoint));
    if (slice_is_null(q->body)) return complain(c, "missing_required_parameter", "body", "expected a body, as an object");
    return check_body(c, q->body);
}

static enum fault check_all(struct check *c, struct slice text, struct error *error) {
    struct slice rest = text, one;
    enum fault fault = FAULT_NONE;
    for (c->line = 1; rest.len > 0 && fault == FAULT_NONE; c->line++) {
        (void)slice_cut(rest, '\n', &one, &rest);
        struct batch_asked q = {.custom_id = SLICE_NULL};
        struct batch_line l = {.line = c->line, .at = one.at - text.at, .len = (int64_t)one.len};
        if (slice_trim(one).len == 0) continue;
        if (++c->n_lines > LIMIT_BATCH_LINES || c->line >= 1 << 20) {
            (void)complain(c, "too_many_lines", NULL, "expected at most %d lines", LIMIT_BATCH_LINES);
            break;
        }
        if (check_line(c, one, &q) && c->n_errors == 0) {
            l.custom_id = q.custom_id;
            fault = batches_line_add(c->a->desk->store, c->a->row.number, &l, error);
        }
        arena_reset(&c->arena);
    }
    c->line = 0;
    if (fault == FAULT_NONE && c->n_lines == 0) (void)complain(c, "empty_file", NULL, "the input file has no lines");
    return fault;
}

/* ---- the whole ---- */

static void pass_on(struct check *c) {
    struct batch *row = &c->a->row;
    const struct target *t = &c->model->targets[0];
    row->provider = arena_slice(&c->a->arena, slice_of(t->provider->name));
    row->model = arena_slice(&c->a->arena, slice_of(c->model->name));
    row->target_model = arena_slice(&c->a->arena, slice_of(t->model));
    row->worst_nano = c->worst_nano;
}

/* After all lines: which way, and whether its budgets hold it. */
static void judge(struct check *c) {
    struct verdict verdict;
    if (c->n_errors > 0) return;
    if (c->passable) pass_on(c);
    if (c->a->row.provider.len == 0 || batch_reserve(c->a, c->policy, SPEND_BATCH, &verdict)) return;
    (void)complain(c, fault_name(verdict.fault), NULL, "%s", verdict.text[0] ? verdict.text : fault_text(verdict.fault));
    c->a->row.provider = SLICE_NULL;
}

static enum fault check_stored(struct check *c, struct slice text, struct error *error) {
    struct batches *store = c->a->desk->store;
    enum fault fault = batches_begin(store, error);
    if (fault != FAULT_NONE) return fault;
    fault = check_all(c, text, error);
    if (fault == FAULT_NONE) judge(c);
    json_array_end(&c->w);
    if (fault == FAULT_NONE && c->n_errors == 0) {
        struct batch *row = &c->a->row;
        row->status = BATCH_IN_PROGRESS;
        row->in_progress_us = clock_wall_us();
        row->total = c->n_lines;
        fault = batches_save(store, row, error);
        if (fault == FAULT_NONE) fault = batches_commit(store, error);
        if (fault != FAULT_NONE) row->status = BATCH_VALIDATING;
    }
    batches_rollback(store);
    return fault;
}

static void check_text(struct batch_active *a, const struct policy *p, const struct application *application, struct slice text) {
    struct check c = {.a = a, .policy = p, .application = application, .passable = true,
                      .asked = policy_requests(application, batch_request_type(&a->row))};
    struct error error = {.fault = FAULT_NONE};
    int64_t number = a->row.number;
    (void)batch_endpoint(a->row.endpoint, &c.endpoint);
    arena_init(&c.arena, 64 << 10, LINE_ARENA);
    table_init(&c.seen);
    buffer_init(&c.errors, LIMIT_BATCH_ERRORS * 8 * LIMIT_ERROR_TEXT);
    json_start(&c.w, &c.errors);
    json_array(&c.w);
    enum fault fault = check_stored(&c, text, &error);
    if (fault == FAULT_NONE && c.n_errors > 0) fail(a, buffer_slice(&c.errors));
    else if (fault == FAULT_NONE && a->row.provider.len > 0) batch_pass_later(a, 0);
    if (fault != FAULT_NONE) { /* a full disk, say: again at the next tick */
        char text_of_number[24];
        (void)snprintf(text_of_number, sizeof text_of_number, "%lld", (long long)number);
        log_event(LOG_ERROR, "a batch could not be checked", "number", text_of_number, "error", error.text, NULL);
        if (a->reserved) a->desk->s.admission.release(a->desk->s.admission.ctx, &a->reservation);
        a->reserved = false;
        a->row.provider = SLICE_NULL;
    }
    buffer_deinit(&c.errors);
    table_deinit(&c.seen);
    arena_deinit(&c.arena);
}

void batch_check(struct batch_active *a) {
    struct batch_desk *d = a->desk;
    struct policy *p = d->s.policy(d->s.ctx);
    const struct application *application = table_get(&p->application_by_name, a->row.application);
    struct error error = {.fault = FAULT_NONE};
    struct batch_file f;
    struct buffer text;
    buffer_init(&text, LIMIT_BATCH_FILE);
    enum fault fault = batches_file_find(d->store, a->row.application, a->row.input_file, &a->arena, &f, &error);
    if (fault == FAULT_NONE) fault = blob_load(batches_blobs(d->store), arena_text(&a->arena, f.id), f.bytes, f.checksum, &text, &error);
    if (fault != FAULT_NONE) batch_fail(a, fault_name(fault), error.text);
    else if (application == NULL) batch_fail(a, "not_found", "the application is not configured any more");
    else check_text(a, p, application, buffer_slice(&text));
    buffer_deinit(&text);
    policy_drop(p);
}
