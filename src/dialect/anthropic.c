#include "dialect/anthropic.h"
#include "dialect/address.h"
#include "dialect/emit.h"
#include "dialect/failure.h"
#include "dialect/tables.h"

static const char *path_of(enum endpoint e) {
    switch (e) {
    case ENDPOINT_CHAT: return "/messages";
    case ENDPOINT_COUNT_TOKENS: return "/messages/count_tokens";
    case ENDPOINT_MODELS: return "/models";
    case ENDPOINT_RESPONSES:
    case ENDPOINT_EMBEDDINGS:
    case ENDPOINT_COUNT: break;
    }
    return "";
}

/* Base URLs come as Anthropic's clients take them, without /v1; one that has it is right too. */
static void address(const struct provider *p, enum endpoint e, const char *model, struct arena *arena,
                    struct upstream_address *ret) {
    (void)model; /* stands in the body */
    address_start(ret, arena);
    address_url(ret, arena, p->base_url, address_ends(p->base_url, "/v1") ? "" : "/v1", path_of(e));
    if (p->api_key != NULL) address_header(ret, arena, "x-api-key", "", p->api_key);
    address_header(ret, arena, "anthropic-version", "",
                   p->api_version != NULL ? p->api_version : "2023-06-01");
}

/* ---- errors ---- */

static const char *error_type(enum fault fault) {
    switch (fault_status(fault)) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503: return "overloaded_error";
    case 504: return "timeout_error";
    default: return fault_status(fault) >= 500 ? "api_error" : "invalid_request_error";
    }
}

static void put_error(struct json_writer *w, enum fault fault, const char *message, const struct error_notes *notes) {
    json_object(w);
    json_member_text(w, "type", "error");
    json_key(w, "error");
    json_object(w);
    json_member_text(w, "type", error_type(fault));
    json_member_text(w, "message", message == NULL || message[0] == 0 ? fault_text(fault) : message);
    json_member_text(w, "code", fault_name(fault));
    if (notes != NULL && notes->estimate_usd != NULL) json_member_raw(w, "estimate_usd", slice_of(notes->estimate_usd));
    json_object_end(w);
    if (notes != NULL && notes->request_id != NULL) json_member_text(w, "request_id", notes->request_id);
    json_object_end(w);
}

static void write_error(enum fault fault, const char *message, const struct error_notes *notes, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    put_error(&w, fault, message, notes);
}

static void write_stream_error(enum fault fault, const char *message, struct buffer *out) {
    struct json_writer w;
    emit_frame(&w, out, "error");
    put_error(&w, fault, message, NULL);
    emit_frame_end(&w);
}

const struct dialect anthropic_dialect = {
    .id = DIALECT_ANTHROPIC,
    .wire = WIRE_ANTHROPIC,
    .endpoints = 1u << ENDPOINT_CHAT | 1u << ENDPOINT_COUNT_TOKENS | 1u << ENDPOINT_MODELS,
    .read_head = anthropic_read_head,
    .read_tape = anthropic_read_tape,
    .read_body = anthropic_read_body,
    .read_message = anthropic_read_message,
    .write_reply = anthropic_write_reply,
    .write_event = anthropic_write_event,
    .write_error = write_error,
    .write_stream_error = write_stream_error,
    .address = address,
    .splice = anthropic_splice,
    .write_call = anthropic_write_call,
    .read_reply = anthropic_read_reply,
    .read_event = anthropic_read_event,
    .read_error = failure_read,
};
