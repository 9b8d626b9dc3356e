#include "dialect/openai.h"
#include "dialect/address.h"
#include "dialect/failure.h"
#include "dialect/tables.h"

const char *openai_path(enum endpoint e) {
    switch (e) {
    case ENDPOINT_CHAT: return "/chat/completions";
    case ENDPOINT_RESPONSES: return "/responses";
    case ENDPOINT_EMBEDDINGS: return "/embeddings";
    case ENDPOINT_MODELS: return "/models";
    case ENDPOINT_COUNT_TOKENS:
    case ENDPOINT_COUNT: break;
    }
    return NULL;
}

/* Base URLs come as the providers' clients take them, with the API's root (".../v1"); a bare host gets /v1.
 */
static void address(const struct provider *p, enum endpoint e, const char *model, struct arena *arena,
                    struct upstream_address *ret) {
    (void)model; /* stands in the body */
    const char *path = openai_path(e);
    address_start(ret, arena);
    address_url(ret, arena, p->base_url, address_base_has_path(p->base_url) ? "" : "/v1",
                path == NULL ? "" : path);
    if (p->api_key != NULL) address_header(ret, arena, "authorization", "Bearer ", p->api_key);
}

/* ---- errors ---- */

static const char *error_type(enum fault fault) {
    int status = fault_status(fault);
    if (fault == FAULT_UP_QUOTA) return "insufficient_quota";
    if (status == 401) return "authentication_error";
    if (status == 403) return "permission_error";
    if (status == 429) return "rate_limit_error";
    return status >= 500 ? "server_error" : "invalid_request_error";
}

static void put_error(enum fault fault, const char *message, const struct error_notes *notes, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    json_key(&w, "error");
    json_object(&w);
    json_member_text(&w, "message", message == NULL || message[0] == 0 ? fault_text(fault) : message);
    json_member_text(&w, "type", error_type(fault));
    json_member_text(&w, "param", NULL);
    json_member_text(&w, "code", fault_name(fault));
    if (notes != NULL && notes->estimate_usd != NULL) json_member_raw(&w, "estimate_usd", slice_of(notes->estimate_usd));
    json_object_end(&w);
    json_object_end(&w);
}

/* The request's id is in the x-request-id header alone. */
void openai_write_error(enum fault fault, const char *message, const struct error_notes *notes, struct buffer *out) {
    put_error(fault, message, notes, out);
}

void openai_write_stream_error(enum fault fault, const char *message, struct buffer *out) {
    buffer_append(out, SLICE("data: "));
    put_error(fault, message, NULL, out);
    buffer_append(out, SLICE("\n\n"));
}

const struct dialect openai_dialect = {
    .id = DIALECT_OPENAI,
    .wire = WIRE_OPENAI,
    .endpoints =
        1u << ENDPOINT_CHAT | 1u << ENDPOINT_RESPONSES | 1u << ENDPOINT_EMBEDDINGS | 1u << ENDPOINT_MODELS,
    .read_head = openai_read_head,
    .read_tape = openai_read_tape,
    .read_body = openai_read_body,
    .read_message = openai_read_message,
    .write_reply = openai_write_reply,
    .write_event = openai_write_event,
    .write_error = openai_write_error,
    .write_stream_error = openai_write_stream_error,
    .address = address,
    .splice = openai_splice,
    .write_call = openai_write_call,
    .read_reply = openai_read_reply,
    .read_event = openai_read_event,
    .read_error = failure_read,
};
