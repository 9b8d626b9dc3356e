/* The simulator's addresses. A request to a model becomes a play; everything else is answered here. */
#include "sim/simulator.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "sim/play.h"
#include "sim/shelf.h"

#include <stdio.h>

struct simulator {
    struct play_stage stage;
    struct book *book;
    struct shelf *shelf;
    struct http_server *server;
};

/* ---- addresses ---- */

static const struct {
    const char *path;
    enum ask_api api;
} apis[] = {
    {"/chat/completions", ASK_CHAT},
    {"/responses", ASK_RESPONSES},
    {"/embeddings", ASK_EMBEDDINGS},
    {"/messages", ASK_MESSAGES},
    {"/messages/count_tokens", ASK_COUNT_TOKENS},
};

/* "/openai/deployments/NAME/chat/completions" leaves "/chat/completions" and the name. */
static bool cut_deployment(struct slice *path, struct slice *ret_name) {
    struct slice prefix = SLICE("/openai/deployments/"), rest;
    if (!slice_starts(*path, prefix)) return false;
    if (!slice_cut(slice_make(path->at + prefix.len, path->len - prefix.len), '/', ret_name, &rest))
        return false;
    *path = slice_make(rest.at - 1, rest.len + 1);
    return true;
}

static struct slice without(struct slice path, struct slice prefix) {
    return slice_starts(path, prefix) ? slice_make(path.at + prefix.len, path.len - prefix.len) : path;
}

static void respond_json(struct http_request *r, int status, struct slice body) {
    struct http_header h = {SLICE("content-type"), SLICE("application/json")};
    http_respond(r, status, &h, 1, body);
}

static void respond_error(struct http_request *r, int status, bool anthropic, struct slice message) {
    struct wire_error e = {.status = status, .words.message = message, .request_id = SLICE("req_none")};
    struct buffer out;
    buffer_init(&out, 4096);
    (anthropic ? wire_messages : wire_chat).write_error(&e, &out);
    respond_json(r, status, buffer_slice(&out));
    buffer_deinit(&out);
}

/* ---- the simulator's own ---- */

static void answer_stats(struct simulator *s, struct http_request *r) {
    struct buffer out;
    buffer_init(&out, 4 << 20);
    book_write_stats(s->book, &out);
    respond_json(r, 200, buffer_slice(&out));
    buffer_deinit(&out);
}

static void answer_script(struct simulator *s, struct http_request *r) {
    struct error error;
    char text[96];
    struct script *script = script_new(r->body, "script", &error);
    if (script == NULL) {
        respond_error(r, 400, false, slice_of(error.text));
        return;
    }
    int n = snprintf(text, sizeof text, "{\"models\":%u,\"rules\":%u}", script_profiles(script),
                     script_rules(script));
    book_load(s->book, script);
    log_event(LOG_INFO, "script replaced", "by", r->peer, NULL);
    respond_json(r, 200, slice_make(text, (size_t)n));
}

static struct slice header_of(void *ctx, const char *name) {
    return http_request_header(ctx, name);
}

static void answer_models(struct simulator *s, struct http_request *r) {
    struct script_request request = {.path = r->path, .model = SLICE(""), .ctx = r, .header = header_of, .wall_us = clock_wall_us()};
    int64_t status = book_listing(s->book, &request, play_credential(r));
    struct buffer out;
    if (status >= 400) {
        respond_error(r, (int)status, false, SLICE("The model listing is not available."));
        return;
    }
    buffer_init(&out, 65536);
    wire_write_models(!slice_is_null(http_request_header(r, "anthropic-version")), &out);
    respond_json(r, 200, buffer_slice(&out));
    buffer_deinit(&out);
}

static void answer_status(struct simulator *s, struct http_request *r) {
    struct buffer out;
    buffer_init(&out, 65536);
    book_write_status(s->book, &out);
    respond_json(r, 200, buffer_slice(&out));
    buffer_deinit(&out);
}

static bool answer_own(struct simulator *s, struct http_request *r) {
    bool get = slice_is(r->method, "GET"), post = slice_is(r->method, "POST");
    if (slice_is(r->path, "/sim/stats") && get) answer_stats(s, r);
    else if (slice_is(r->path, "/sim/inbox") && post) respond_json(r, 200, SLICE("{}"));
    else if (slice_is(r->path, "/sim/status.json") && get) answer_status(s, r);
    else if (slice_is(r->path, "/sim/script") && post) answer_script(s, r);
    else if (slice_is(r->path, "/sim/reset") && post) {
        book_reset(s->book);
        respond_json(r, 200, SLICE("{}"));
    } else if (slice_is(r->path, "/healthz") && get) respond_json(r, 200, SLICE("{\"status\":\"ok\"}"));
    else if (slice_is(without(r->path, SLICE("/v1")), "/models") && get) answer_models(s, r);
    else return false;
    return true;
}

/* ---- the server's events ---- */

static void on_request(void *ctx, struct http_request *r) {
    struct simulator *s = ctx;
    struct slice path = r->path, model = SLICE_NULL;
    if (answer_own(s, r)) return;
    bool azure = cut_deployment(&path, &model);
    path = without(without(path, SLICE("/openai")), SLICE("/v1"));
    if (shelf_answer(s->shelf, r, path)) return;
    for (size_t i = 0; i < sizeof apis / sizeof apis[0]; i++) {
        if (!slice_is(path, apis[i].path)) continue;
        if (slice_is(r->method, "POST")) play_start(&s->stage, r, apis[i].api, model, azure);
        else respond_error(r, 405, apis[i].api == ASK_MESSAGES, SLICE("expected POST"));
        return;
    }
    respond_error(r, 404, slice_starts(path, SLICE("/messages")),
                  SLICE("no such address; docs/simulator.md lists them"));
}

static void on_gone(void *ctx, struct http_request *r) {
    (void)ctx;
    play_gone(r);
}

static void on_drained(void *ctx, struct http_request *r) {
    (void)ctx;
    play_drained(r);
}

static void on_finished(void *ctx, struct http_request *r, bool sent) {
    (void)ctx;
    (void)sent;
    play_finished(r);
}

/* ---- life ---- */

static bool start_server(struct simulator *s, struct loop *l, const struct simulator_options *o,
                         struct error *error) {
    enum {
        MINUTE = 60 * 1000000,
        HEADER_MAX = 16 << 10
    }; /* the server keeps that much for every connection */
    struct http_server_options options = {
        .host = o->host,
        .port = o->port,
        .reuse_port = o->reuse_port,
        .max_body = SIM_BODY,
        .max_header = HEADER_MAX,
        .head_timeout_us = MINUTE,
        .body_timeout_us = 5ll * MINUTE,
        .idle_timeout_us = 5ll * MINUTE,
        .max_connections = 60000,
    };
    struct http_handler handler = {
        .ctx = s,
        .on_request = on_request,
        .on_gone = on_gone,
        .on_drained = on_drained,
        .on_finished = on_finished,
    };
    s->server = http_server_new(l, &options, &handler, error);
    return s->server != NULL;
}

struct simulator *simulator_new(struct loop *l, const struct simulator_options *o, struct error *error) {
    struct script *script = NULL;
    if (o->first == NULL && !slice_is_null(o->script)) {
        script = script_new(o->script, o->script_name, error);
        if (script == NULL) return NULL;
    }
    struct simulator *s = mem_new(struct simulator);
    s->book = o->first != NULL ? book_hold(o->first->book) : book_new(o->seed, o->speed);
    s->shelf = o->first != NULL ? shelf_hold(o->first->shelf) : shelf_new(s->book, o->seed);
    if (script != NULL) book_load(s->book, script);
    play_stage_init(&s->stage, l, s->book, o->seed, o->speed);
    if (start_server(s, l, o, error)) return s;
    simulator_free(s);
    return NULL;
}

uint16_t simulator_port(const struct simulator *s) {
    return http_server_port(s->server);
}

void simulator_free(struct simulator *s) {
    if (s == NULL) return;
    http_server_free(s->server);
    play_stage_deinit(&s->stage);
    shelf_free(s->shelf);
    book_free(s->book);
    mem_free(s);
}
