#include "dialect/anthropic.h"
#include "dialect/emit.h"
#include "dialect/failure.h"
#include "dialect/fields.h"

/* Nodes are kept down to message.usage.cache_creation.ephemeral_1h_input_tokens. */
enum { KEEP_DEPTH = 4 };

enum { TYPE, INDEX, DELTA, BLOCK, MESSAGE, USAGE, EVENT_FIELDS };
static const struct field event_fields[EVENT_FIELDS] = {
    [TYPE] = FIELD("type"),           [INDEX] = FIELD("index"),     [DELTA] = FIELD("delta"),
    [BLOCK] = FIELD("content_block"), [MESSAGE] = FIELD("message"), [USAGE] = FIELD("usage"),
};

enum { D_TYPE, D_TEXT, D_PARTIAL_JSON, D_THINKING, D_SIGNATURE, DELTA_FIELDS };
static const struct field delta_fields[DELTA_FIELDS] = {
    [D_TYPE] = FIELD("type"),
    [D_TEXT] = FIELD("text"),
    [D_PARTIAL_JSON] = FIELD("partial_json"),
    [D_THINKING] = FIELD("thinking"),
    [D_SIGNATURE] = FIELD("signature"),
};

struct reading {
    struct stream_reader *r;
    struct json_doc d;
    struct emit emit;
    uint32_t at[EVENT_FIELDS];
};

static struct slice text_of(struct reading *x, uint32_t node) {
    return json_string(&x->d, node, x->r->arena);
}

static void read_usage(struct reading *x, uint32_t node, bool placeholder) {
    struct usage later = x->r->usage;
    if (!anthropic_read_usage(&x->d, node, &x->r->uncached_input, &later)) return;
    if (placeholder) later.output = x->r->usage.output; /* 1 or so, before anything was written */
    emit_usage(&x->emit, x->r, &later);
}

static void read_message_start(struct reading *x) {
    uint32_t message = x->at[MESSAGE], usage = json_get(&x->d, message, "usage");
    struct event *e = emit_add(&x->emit, EVENT_START);
    e->id = text_of(x, json_get(&x->d, message, "id"));
    e->model = text_of(x, json_get(&x->d, message, "model"));
    e->service_tier = text_of(x, json_get(&x->d, usage, "service_tier"));
    read_usage(x, usage, true);
}

static int64_t block_index(struct reading *x) {
    int64_t index = 0;
    json_get_i64(&x->d, x->at[INDEX], &index);
    return index;
}

static void read_block_start(struct reading *x) {
    uint32_t block = x->at[BLOCK], type = json_get(&x->d, block, "type"),
             input = json_get(&x->d, block, "input");
    int64_t slot = block_index(x);
    if (slot >= 0 && slot < STREAM_TOOLS) x->r->tool_of_block[slot] = -1; /* a block, but no tool */
    if (json_is(&x->d, type, "text")) {
        emit_text(&x->emit, EVENT_TEXT, text_of(x, json_get(&x->d, block, "text")));
    } else if (json_is(&x->d, type, "thinking")) {
        emit_text(&x->emit, EVENT_THINKING, text_of(x, json_get(&x->d, block, "thinking")));
    } else if (json_is(&x->d, type, "tool_use")) {
        unsigned index = emit_tool(&x->emit, x->r, slot, text_of(x, json_get(&x->d, block, "id")),
                                   text_of(x, json_get(&x->d, block, "name")));
        if (json_size(&x->d, input) > 0)
            emit_arguments(&x->emit, index, json_raw(&x->d, input)); /* whole at once */
    }
}

static void read_arguments(struct reading *x, uint32_t partial) {
    int64_t slot = block_index(x);
    bool tracked = slot >= 0 && slot < STREAM_TOOLS;
    int tool = tracked ? x->r->tool_of_block[slot] : (int)x->r->n_tools;
    if (tool > 0)
        emit_arguments(&x->emit, (unsigned)tool - 1, text_of(x, partial)); /* else a server tool's */
}

static void read_block_delta(struct reading *x) {
    uint32_t at[DELTA_FIELDS];
    fields_find(&x->d, x->at[DELTA], delta_fields, DELTA_FIELDS, at);
    if (json_is(&x->d, at[D_TYPE], "text_delta")) {
        emit_text(&x->emit, EVENT_TEXT, text_of(x, at[D_TEXT]));
    } else if (json_is(&x->d, at[D_TYPE], "input_json_delta")) {
        read_arguments(x, at[D_PARTIAL_JSON]);
    } else if (json_is(&x->d, at[D_TYPE], "thinking_delta")) {
        emit_text(&x->emit, EVENT_THINKING, text_of(x, at[D_THINKING]));
    } else if (json_is(&x->d, at[D_TYPE], "signature_delta")) {
        struct slice signature = text_of(x, at[D_SIGNATURE]);
        if (signature.len > 0) emit_add(&x->emit, EVENT_THINKING)->signature = signature;
    }
}

static void read_message_delta(struct reading *x) {
    struct slice raw = text_of(x, json_get(&x->d, x->at[DELTA], "stop_reason"));
    if (raw.len > 0) {
        struct event *e = emit_add(&x->emit, EVENT_FINISH);
        e->finish = anthropic_finish(raw);
        e->finish_raw = raw;
        e->stop_sequence = text_of(x, json_get(&x->d, x->at[DELTA], "stop_sequence"));
        x->r->finished = true;
    }
    read_usage(x, x->at[USAGE], false);
}

static void read_failure(struct reading *x) {
    struct upstream_error error;
    uint32_t node = failure_find(&x->d, 0);
    failure_of_node(&x->d, node == JSON_NONE ? 0 : node, 0, x->r->arena, &error);
    emit_error(&x->emit, x->r, error.fault, error.message);
}

/* Unknown events are to be ignored. */
static void read_typed(struct reading *x, struct slice type) {
    if (slice_is(type, "content_block_delta")) read_block_delta(x);
    else if (slice_is(type, "content_block_start")) read_block_start(x);
    else if (slice_is(type, "message_start")) read_message_start(x);
    else if (slice_is(type, "message_delta")) read_message_delta(x);
    else if (slice_is(type, "message_stop")) emit_end(&x->emit, x->r);
    else if (slice_is(type, "ping")) emit_add(&x->emit, EVENT_PING);
    else if (slice_is(type, "error") || failure_find(&x->d, 0) != JSON_NONE) read_failure(x);
}

enum fault anthropic_read_event(struct stream_reader *r, struct slice name, struct slice data,
                                struct event *events, unsigned *ret_n, bool *ret_usage_only) {
    struct reading x = {.r = r, .emit = {.events = events}};
    if (!r->begun) {
        usage_init(&r->usage);
        r->uncached_input = USAGE_NULL;
    }
    r->begun = true;
    data = slice_trim(data);
    if (data.len > 0 && !slice_is(data, "[DONE]")) { /* some servers end every stream with OpenAI's word */
        if (json_read(data, r->arena, KEEP_DEPTH, &x.d, NULL) != FAULT_NONE) return FAULT_UP_MALFORMED;
        if (json_type(&x.d, 0) != JSON_OBJECT) return FAULT_UP_MALFORMED;
        fields_find(&x.d, 0, event_fields, EVENT_FIELDS, x.at);
        struct slice type = text_of(&x, x.at[TYPE]);
        read_typed(&x, type.len > 0 ? type : name);
    }
    if (x.emit.overflow || arena_is_full(r->arena)) return FAULT_UP_MALFORMED;
    *ret_n = x.emit.n;
    *ret_usage_only = false;
    return FAULT_NONE;
}
