/* A captured request once more: to the model that it was for, or to another one; or with a version of a prompt, where what is kept is free of the text
 * of another one.
 *
 * It goes through our own inside listener as the key of the exchange, or another one of its application, so that its budget and its
 * limits hold; it has the feature `again` and the tag again-of=ID. It waits for a provider, so it has a thread of its own (desk.h). */
#include "control/api.h"

#include "base/clock.h"
#include "control/suggest.h"
#include "dialect/dialect.h"
#include "io/http_client.h"
#include "quality/captured.h"

#include <stdio.h>

#define AGAIN_TIMEOUT_US 120000000LL
#define HEADER 512

struct again {
    struct record record;      /* of the exchange that is run again */
    struct slice request;
    const struct api_key *key;
    struct slice prompt;       /* "NAME@V", beside its own messages; SLICE_NULL: none */
    const char *path;
    char id[RECORD_ID_TEXT];
};

static bool need_server(struct api_call *c) {
    if (c->s->inside != NULL && c->policy != NULL && c->s->ledger != NULL && c->s->registry != NULL) return true;
    api_fail(c, FAULT_NOT_RUNNING, "nothing can be asked without a running server: start it, then type this again");
    return false;
}

static const char *path_of(const struct record *r) {
    if (r->endpoint == ENDPOINT_RESPONSES) return "/v1/responses";
    if (r->endpoint == ENDPOINT_EMBEDDINGS) return "/v1/embeddings";
    if (r->endpoint != ENDPOINT_CHAT) return NULL;
    return slice_is(r->dialect, "anthropic") ? "/v1/messages" : "/v1/chat/completions";
}

/* Its own key while that is valid, else any of its application's: it pays in either case. */
static const struct api_key *key_of(const struct policy *p, const struct record *r) {
    const struct api_key *any = NULL;
    size_t cursor = 0;
    struct slice digest;
    void *value;
    while (table_next(&p->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        if (!slice_is(r->application, k->application->name)) continue;
        if (slice_is(r->key, k->name)) return k;
        any = k;
    }
    return any;
}

bool api_captured_request(struct api_call *c, const struct record_id *id, struct record *ret, struct payload *ret_payload) {
    struct error error;
    char text[RECORD_ID_TEXT];
    record_id_format(id, text);
    if (!api_check(c, ledger_find(c->s->ledger, id, c->arena, ret, &error), &error)) return false;
    const struct application *a = c->policy != NULL && !slice_is_null(ret->application) ? table_get(&c->policy->application_by_name, ret->application) : NULL;
    if (a != NULL && a->payloads.capture != CAPTURE_FULL) {
        api_fail(c, FAULT_CONFLICT, "nothing of what `%s` sends is kept (payloads.capture is not `full`), so there is no request to take", a->name);
        return false;
    }
    enum fault fault = ledger_payload(c->s->ledger, id, c->arena, ret_payload, &error);
    if (fault != FAULT_NONE && fault != FAULT_NOT_FOUND) return api_check(c, fault, &error);
    if (fault == FAULT_NOT_FOUND || slice_is_null(ret_payload->request))
        api_fail(c, FAULT_CONFLICT, "the request of %s is not kept (any more): see payloads.retention of its application", text);
    else if (ret_payload->request_cut)
        api_fail(c, FAULT_CONFLICT, "the request of %s is longer than the %u KiB that are kept", text, LIMIT_PAYLOAD >> 10);
    return !c->failed;
}

/* A line of a head holds no other one. */
static bool is_line(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f) return false;
    return s.len < HEADER - 64;
}

static bool read_what(struct api_call *c, struct again *a) {
    struct record_id id;
    struct payload payload;
    struct slice text = api_text(c, "id"), prompt = api_text(c, "prompt");
    if (!record_id_parse(text, &id)) {
        api_fail(c, FAULT_BAD_REQUEST, "id: expected the 26 characters of a record's id");
        return false;
    }
    if (!is_line(prompt)) {
        api_fail(c, FAULT_BAD_REQUEST, "prompt: expected NAME@VERSION on one line");
        return false;
    }
    if (!api_captured_request(c, &id, &a->record, &payload)) return false;
    a->request = payload.request;
    a->path = path_of(&a->record);
    a->key = key_of(c->policy, &a->record);
    record_id_format(&id, a->id);
    a->prompt = prompt; /* without one the text of its own version stays in it */
    if (a->path == NULL) api_fail(c, FAULT_BAD_REQUEST, "only chats, responses and embeddings can be run again");
    else if (a->key == NULL) api_fail(c, FAULT_CONFLICT, "`" SLICE_FMT "` has no valid key that could pay for it", SLICE_ARG(a->record.application));
    else if (!slice_is_null(prompt) && !slice_is_null(a->record.prompt_name) && slice_is_null(payload.asked))
        api_fail(c, FAULT_CONFLICT, "of %s only the request with the text of `" SLICE_FMT "` filled in is kept, without its variables: it is of an older program, or was too long. "
                                    "Take a newer exchange, or ask with `x-quarterdeck-prompt: " SLICE_FMT "` and the variables yourself",
                 a->id, SLICE_ARG(a->record.prompt_name), SLICE_ARG(prompt));
    else if (!slice_is_null(prompt) && !slice_is_null(a->record.prompt_name)) a->request = payload.asked;
    return !c->failed;
}

/* As it was sent, but not as a stream, and to `model` where one is named. */
static bool write_body(struct api_call *c, struct slice request, struct slice model, struct buffer *out) {
    struct json_doc d;
    struct json_writer w;
    uint32_t cursor = JSON_NONE, key, value;
    if (json_read(request, c->arena, UINT16_MAX, &d, NULL) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return false;
    json_start(&w, out);
    json_object(&w);
    if (!slice_is_null(model)) json_member_string(&w, "model", model);
    while (json_each_member(&d, 0, &cursor, &key, &value)) {
        if (json_is(&d, key, "stream") || json_is(&d, key, "stream_options") || (json_is(&d, key, "model") && !slice_is_null(model))) continue;
        json_key_slice(&w, json_string(&d, key, c->arena));
        json_put_raw(&w, json_raw(&d, value));
    }
    json_object_end(&w);
    return !out->overflow;
}

/* ---- asking ---- */

struct headers {
    char who[HEADER], as[2 * DIGEST_BYTES + 64], tags[HEADER], prompt[HEADER], type[HEADER];
    const char *all[10];
};

static void write_headers(struct headers *h, const struct again *a, struct slice credential) {
    char hex[2 * DIGEST_BYTES + 1];
    unsigned n = 0;
    digest_hex(a->key->digest.bytes, DIGEST_BYTES, hex);
    (void)snprintf(h->who, sizeof h->who, "authorization: Bearer " SLICE_FMT, SLICE_ARG(credential));
    (void)snprintf(h->as, sizeof h->as, "x-quarterdeck-inside-key: %s", hex);
    (void)snprintf(h->tags, sizeof h->tags, "x-quarterdeck-tags: again-of=%s", a->id);
    h->all[n++] = "content-type: application/json";
    h->all[n++] = "x-quarterdeck-feature: again";
    h->all[n++] = "x-quarterdeck-cache: no-store";
    h->all[n++] = h->who;
    h->all[n++] = h->as;
    h->all[n++] = h->tags;
    if (!slice_is_null(a->prompt)) {
        (void)snprintf(h->prompt, sizeof h->prompt, "x-quarterdeck-prompt: " SLICE_FMT, SLICE_ARG(a->prompt));
        h->all[n++] = h->prompt;
    }
    if (!slice_is_null(a->record.request_type) && is_line(a->record.request_type)) {
        (void)snprintf(h->type, sizeof h->type, "x-quarterdeck-request-type: " SLICE_FMT, SLICE_ARG(a->record.request_type));
        h->all[n++] = h->type;
    }
    h->all[n] = NULL;
}

static bool send(struct api_call *c, const struct again *a, struct slice body, char id[RECORD_ID_TEXT], int *ret_status, struct buffer *ret_reply) {
    struct headers *h = arena_new(c->arena, struct headers);
    struct error error = {.fault = FAULT_NONE};
    uint16_t port = 0;
    char url[128];
    if (h == NULL) return api_check(c, FAULT_TOO_LARGE, NULL);
    struct slice credential = c->s->inside(c->s->ctx, &port);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, a->path);
    write_headers(h, a, credential);
    const struct http_fetch_watch watch = {c->s->leaving, "x-quarterdeck-id", id, RECORD_ID_TEXT};
    return api_check(c, http_fetch_watched("POST", url, h->all, body, AGAIN_TIMEOUT_US, &watch, ret_status, ret_reply, &error), &error);
}

/* ---- the answer ---- */

static void put_output(struct api_call *c, const struct record *asked, int status, struct slice reply) {
    struct check_answer answer;
    struct json_doc d;
    bool good = status == 200 && asked->endpoint != ENDPOINT_EMBEDDINGS && captured_answer(asked, reply, c->arena, &answer);
    bool is_json = json_read(reply, c->arena, UINT16_MAX, &d, NULL) == FAULT_NONE;
    json_member_string(&c->json, "output", good ? answer.text : SLICE_NULL);
    json_member_i64(&c->json, "tool_calls", good ? answer.n_calls : 0);
    json_member_string(&c->json, "error", is_json && status != 200 ? json_string(&d, json_get(&d, json_get(&d, 0, "error"), "code"), c->arena) : SLICE_NULL);
    json_member_string(&c->json, "error_text", is_json && status != 200 ? json_string(&d, json_get(&d, json_get(&d, 0, "error"), "message"), c->arena) : SLICE_NULL);
    json_key(&c->json, "reply");
    if (is_json) json_put_raw(&c->json, slice_trim(reply));
    else json_put_null(&c->json);
}

/* What came of it is the new record's to say; without one (refused before it had an id) only the status is known. */
static void put_answer(struct api_call *c, const struct again *a, const char *id, int status, struct slice reply) {
    struct record_id new_id;
    struct record r;
    struct error error;
    bool known = record_id_parse(slice_of(id), &new_id);
    record_init(&r);
    if (known && c->s->writer != NULL) ledger_writer_drain(c->s->writer);
    known = known && ledger_find(c->s->ledger, &new_id, c->arena, &r, &error) == FAULT_NONE;
    json_object(&c->json);
    json_member_text(&c->json, "of", a->id);
    json_member_text(&c->json, "record", id[0] ? id : NULL);
    json_member_text(&c->json, "status", known ? record_status_name(r.status) : NULL);
    json_member_i64(&c->json, "http_status", status);
    json_member_string(&c->json, "model", known ? r.model : SLICE_NULL);
    json_member_string(&c->json, "provider", known ? r.provider : SLICE_NULL);
    json_member_string(&c->json, "target_model", known ? r.target_model : SLICE_NULL);
    json_member_string(&c->json, "prompt", a->prompt);
    json_member_text(&c->json, "key", a->key->name);
    api_put_cost(&c->json, known ? r.cost_nano : MONEY_UNKNOWN);
    json_key(&c->json, "duration_ms");
    if (known) json_put_double(&c->json, (double)r.duration_us / 1000);
    else json_put_null(&c->json);
    put_output(c, &a->record, status, reply);
    json_object_end(&c->json);
}

/* Before it is sent: what is paid for stands in the log, whatever comes of it. */
static bool note(struct api_call *c, const struct again *a) {
    struct buffer detail;
    struct json_writer w;
    struct error error;
    buffer_init(&detail, 4 << 10);
    json_start(&w, &detail);
    json_object(&w);
    json_member_text(&w, "application", a->key->application->name);
    json_member_string(&w, "model", api_text(c, "model"));
    json_member_string(&w, "prompt", a->prompt);
    json_object_end(&w);
    bool good = api_check(c, api_audit(c, "record.again", arena_printf(c->arena, "record:%s", a->id), buffer_slice(&detail), &error), &error);
    buffer_deinit(&detail);
    return good;
}

void api_record_again(struct api_call *c) {
    struct again a = {.path = NULL};
    struct buffer body, reply;
    char id[RECORD_ID_TEXT] = "";
    int status = 0;
    if (!need_server(c) || !read_what(c, &a)) return;
    buffer_init(&body, LIMIT_BODY_CEILING);
    buffer_init(&reply, LIMIT_REPLY_BODY);
    if (!write_body(c, a.request, api_text(c, "model"), &body)) api_fail(c, FAULT_CONFLICT, "the captured request cannot be read");
    else if (note(c, &a) && send(c, &a, buffer_slice(&body), id, &status, &reply)) put_answer(c, &a, id, status, buffer_slice(&reply));
    buffer_deinit(&body);
    buffer_deinit(&reply);
}
