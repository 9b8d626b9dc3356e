/* Azure OpenAI: OpenAI's wire at an address of its own. What differs in the bodies (a first chunk without
 * choices, choices without a delta, content_filter and DeploymentNotFound as codes) is read by openai_*.c and
 * failure.c for everyone. */
#include "dialect/address.h"
#include "dialect/failure.h"
#include "dialect/openai.h"
#include "dialect/tables.h"

static const char *default_version(enum endpoint e) {
    return e == ENDPOINT_RESPONSES ? "2025-04-01-preview" : "2024-10-21";
}

/* The deployment stands in the path: BASE/openai/deployments/MODEL/chat/completions?api-version=V. Responses
 * have the model in the body. A base URL that ends in /openai/v1 is the newer API, shaped as OpenAI's. */
static void address(const struct provider *p, enum endpoint e, const char *model, struct arena *arena,
                    struct upstream_address *ret) {
    const char *path = openai_path(e), *root = address_ends(p->base_url, "/openai") ? "" : "/openai";
    const char *version = p->api_version != NULL ? p->api_version : default_version(e);
    address_start(ret, arena);
    if (p->api_key != NULL) address_header(ret, arena, "api-key", "", p->api_key);
    if (path == NULL) path = "";
    if (address_ends(p->base_url, "/openai/v1")) {
        address_url(ret, arena, p->base_url, "", path);
        if (p->api_version != NULL)
            ret->url =
                arena_printf(arena, "%s%s?api-version=%s", p->base_url, path, address_escape(arena, version));
    } else if (e == ENDPOINT_CHAT || e == ENDPOINT_EMBEDDINGS) {
        ret->url = arena_printf(arena, "%s%s/deployments/%s%s?api-version=%s", p->base_url, root,
                                address_escape(arena, model), path, address_escape(arena, version));
    } else {
        ret->url = arena_printf(arena, "%s%s%s?api-version=%s", p->base_url, root, path,
                                address_escape(arena, version));
    }
}

const struct dialect azure_dialect = {
    .id = DIALECT_AZURE,
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
