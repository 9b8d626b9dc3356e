#include "dialect/emit.h"
#include "dialect/failure.h"
#include "dialect/fields.h"
#include "dialect/openai.h"

/* Nodes are kept down to choices[0].delta.tool_calls[0].function.arguments. */
enum { KEEP_DEPTH = 7 };

/* In the order of a chunk, so that the first comparison mostly hits. */
enum { ID, MODEL, CREATED, CREATED_AT, TIER, FINGERPRINT, OBJECT, CHOICES, USAGE, ERROR, CHUNK_COUNT };
static const struct field chunk_fields[CHUNK_COUNT] = {
    [ID] = FIELD("id"),
    [MODEL] = FIELD("model"),
    [CREATED] = FIELD("created"),
    [CREATED_AT] = FIELD("created_at"),
    [FINGERPRINT] = FIELD("system_fingerprint"),
    [TIER] = FIELD("service_tier"),
    [OBJECT] = FIELD("object"),
    [CHOICES] = FIELD("choices"),
    [USAGE] = FIELD("usage"),
    [ERROR] = FIELD("error"),
};

enum { INDEX, DELTA, FINISH_REASON, CHOICE_COUNT };
static const struct field choice_fields[CHOICE_COUNT] = {
    [INDEX] = FIELD("index"), [DELTA] = FIELD("delta"), [FINISH_REASON] = FIELD("finish_reason")};

enum { CONTENT, TOOL_CALLS, REASONING_CONTENT, REASONING, REFUSAL, FUNCTION_CALL, AUDIO, DELTA_COUNT };
static const struct field delta_fields[DELTA_COUNT] = {
    [CONTENT] = FIELD("content"),
    [TOOL_CALLS] = FIELD("tool_calls"),
    [REASONING_CONTENT] = FIELD("reasoning_content"),
    [REASONING] = FIELD("reasoning"),
    [REFUSAL] = FIELD("refusal"),
    [FUNCTION_CALL] = FIELD("function_call"),
    [AUDIO] = FIELD("audio"),
};

enum { PIECE_INDEX, PIECE_ID, PIECE_FUNCTION, PIECE_COUNT };
static const struct field piece_fields[PIECE_COUNT] = {
    [PIECE_INDEX] = FIELD("index"), [PIECE_ID] = FIELD("id"), [PIECE_FUNCTION] = FIELD("function")};

enum { FUNCTION_NAME, FUNCTION_ARGUMENTS, FUNCTION_COUNT };
static const struct field function_fields[FUNCTION_COUNT] = {
    [FUNCTION_NAME] = FIELD("name"), [FUNCTION_ARGUMENTS] = FIELD("arguments")};

struct reading {
    struct stream_reader *r;
    struct json_doc d;
    struct emit emit;
    int64_t choice; /* index of the one being read */
};

static struct slice text_of(struct reading *x, uint32_t node) {
    return json_string(&x->d, node, x->r->arena);
}

/* ---- chat ---- */

/* "" and 0 are what Azure's first chunk has. */
static bool is_told(const struct json_doc *d, uint32_t node) {
    enum json_type t = json_type(d, node);
    return (t == JSON_STRING && json_raw(d, node).len > 2) ||
           (t == JSON_NUMBER && !slice_is(json_raw(d, node), "0"));
}

/* EVENT_START when the chunk knows something that none before it did. */
static void read_start(struct reading *x, const uint32_t at[CHUNK_COUNT]) {
    unsigned found = 0;
    struct event e = {.type = EVENT_START};
    for (unsigned i = ID; i <= FINGERPRINT; i++)
        if ((x->r->known >> i & 1) == 0 && is_told(&x->d, at[i])) found |= 1u << i;
    if (found == 0) return;
    x->r->known |= found;
    e.id = text_of(x, at[ID]);
    e.model = text_of(x, at[MODEL]);
    e.fingerprint = text_of(x, at[FINGERPRINT]);
    e.service_tier = text_of(x, at[TIER]);
    json_get_i64(&x->d, at[CREATED] != JSON_NONE ? at[CREATED] : at[CREATED_AT], &e.created);
    *emit_add(&x->emit, EVENT_START) = e;
}

static void add_text(struct reading *x, enum event_type type, uint32_t node) {
    struct slice text = text_of(x, node);
    if (text.len == 0) return;
    struct event *e = emit_add(&x->emit, type);
    e->text = text;
    e->index = (unsigned)x->choice;
}

/* Content is a text, or with some servers a list of parts. */
static void read_content(struct reading *x, uint32_t content) {
    uint32_t cursor = JSON_NONE, item;
    add_text(x, EVENT_TEXT, content);
    if (json_type(&x->d, content) != JSON_ARRAY) return;
    while (json_each_item(&x->d, content, &cursor, &item))
        add_text(x, EVENT_TEXT, json_get(&x->d, item, "text"));
}

static uint32_t hash(struct slice s) {
    uint32_t h = 2166136261u; /* FNV-1a: told apart within one stream only */
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.at[i]) * 16777619u;
    return h;
}

/* Does this piece begin a call? The first of an index does, and one with another id: some servers give every
 * call index 0, or none. Others repeat the same id in every piece. */
static bool begins(const struct reading *x, int64_t slot, struct slice id) {
    if (slot < 0 || slot >= STREAM_TOOLS) return id.len > 0 || x->r->n_tools == 0;
    if (x->r->tool_of_block[slot] == 0) return true;
    return id.len > 0 && x->r->tool_ids[slot] != 0 && x->r->tool_ids[slot] != hash(id);
}

static void read_piece(struct reading *x, int64_t slot, struct slice id, uint32_t function) {
    uint32_t at[FUNCTION_COUNT];
    unsigned index;
    bool tracked = slot >= 0 && slot < STREAM_TOOLS;
    fields_find(&x->d, function, function_fields, FUNCTION_COUNT, at);
    if (begins(x, slot, id)) {
        index = emit_tool(&x->emit, x->r, slot, id, text_of(x, at[FUNCTION_NAME]));
        if (tracked && id.len > 0) x->r->tool_ids[slot] = hash(id);
    } else {
        index = tracked ? (unsigned)x->r->tool_of_block[slot] - 1 : x->r->n_tools - 1;
    }
    emit_arguments(&x->emit, index, text_of(x, at[FUNCTION_ARGUMENTS]));
}

static void read_tool_calls(struct reading *x, uint32_t calls) {
    enum { OTHER_CHOICE = STREAM_TOOLS }; /* not tracked: nothing translates n > 1 */
    uint32_t cursor = JSON_NONE, piece, at[PIECE_COUNT];
    if (json_type(&x->d, calls) != JSON_ARRAY) return;
    while (json_each_item(&x->d, calls, &cursor, &piece)) {
        int64_t slot = 0;
        fields_find(&x->d, piece, piece_fields, PIECE_COUNT, at);
        json_get_i64(&x->d, at[PIECE_INDEX], &slot);
        read_piece(x, x->choice == 0 ? slot : OTHER_CHOICE, text_of(x, at[PIECE_ID]), at[PIECE_FUNCTION]);
    }
}

static void read_delta(struct reading *x, uint32_t delta) {
    uint32_t at[DELTA_COUNT];
    if (json_type(&x->d, delta) != JSON_OBJECT) return;
    fields_find(&x->d, delta, delta_fields, DELTA_COUNT, at);
    bool reasoning = json_raw(&x->d, at[REASONING_CONTENT]).len > 2 &&
                     json_type(&x->d, at[REASONING_CONTENT]) == JSON_STRING;
    add_text(x, EVENT_THINKING, reasoning ? at[REASONING_CONTENT] : at[REASONING]);
    read_content(x, at[CONTENT]);
    if (json_type(&x->d, at[REFUSAL]) == JSON_STRING) x->r->refused = true;
    add_text(x, EVENT_REFUSAL, at[REFUSAL]);
    if (json_type(&x->d, at[AUDIO]) ==
        JSON_OBJECT) { /* sound is output, whether or not its words come with it */
        struct event *e = emit_add(&x->emit, EVENT_TEXT);
        e->text = text_of(x, json_get(&x->d, at[AUDIO], "transcript"));
        e->index = (unsigned)x->choice;
    }
    read_tool_calls(x, at[TOOL_CALLS]);
    if (json_type(&x->d, at[FUNCTION_CALL]) == JSON_OBJECT) /* the form that came before tool_calls */
        read_piece(x, STREAM_TOOLS - 1, SLICE(""), at[FUNCTION_CALL]);
}

static void read_finish(struct reading *x, uint32_t reason, uint64_t bit) {
    struct stream_reader *r = x->r;
    struct slice raw = text_of(x, reason);
    enum finish finish = openai_finish(raw);
    if (finish == FINISH_UNSET) return;
    if (finish == FINISH_STOP && r->n_tools > 0) finish = FINISH_TOOL_CALLS; /* a forced tool ends so */
    if (finish == FINISH_STOP && r->refused) finish = FINISH_REFUSAL;
    r->choices_done |= bit;
    r->finished = (r->choices & ~r->choices_done) == 0;
    if (x->choice != 0) return;
    struct event *e = emit_add(&x->emit, EVENT_FINISH);
    e->finish = finish;
    e->finish_raw = raw;
}

static void read_choice(struct reading *x, uint32_t choice) {
    uint32_t at[CHOICE_COUNT];
    fields_find(&x->d, choice, choice_fields, CHOICE_COUNT, at);
    x->choice = 0;
    json_get_i64(&x->d, at[INDEX], &x->choice);
    if (x->choice < 0 || x->choice > 63)
        x->choice = 63; /* OpenAI's n stops at 128; these are told apart no more */
    uint64_t bit = UINT64_C(1) << x->choice;
    if ((x->r->choices & bit) == 0) {
        x->r->choices |= bit;
        x->r->finished = false;
    }
    read_delta(x, at[DELTA]);
    read_finish(x, at[FINISH_REASON], bit);
}

static void read_chunk(struct reading *x, const uint32_t at[CHUNK_COUNT], bool *ret_usage_only) {
    uint32_t cursor = JSON_NONE, choice;
    struct usage usage;
    read_start(x, at);
    while (json_type(&x->d, at[CHOICES]) == JSON_ARRAY &&
           json_each_item(&x->d, at[CHOICES], &cursor, &choice))
        read_choice(x, choice);
    if (!openai_read_usage(&x->d, at[USAGE], &usage)) return;
    emit_usage(&x->emit, x->r, &usage);
    *ret_usage_only = json_size(&x->d, at[CHOICES]) == 0;
}

/* ---- responses ---- */

enum { EV_TYPE, EV_RESPONSE, EV_ITEM, EV_OUTPUT_INDEX, EV_DELTA, EV_COUNT };
static const struct field event_fields[EV_COUNT] = {
    [EV_TYPE] = FIELD("type"),   [EV_RESPONSE] = FIELD("response"),
    [EV_ITEM] = FIELD("item"),   [EV_OUTPUT_INDEX] = FIELD("output_index"),
    [EV_DELTA] = FIELD("delta"),
};

static int64_t output_slot(struct reading *x, const uint32_t at[EV_COUNT]) {
    int64_t slot = 0;
    json_get_i64(&x->d, at[EV_OUTPUT_INDEX], &slot);
    return slot;
}

static void read_response_start(struct reading *x, uint32_t response) {
    uint32_t at[CHUNK_COUNT];
    fields_find(&x->d, response, chunk_fields, CHUNK_COUNT, at);
    read_start(x, at);
}

static void read_item_added(struct reading *x, const uint32_t at[EV_COUNT]) {
    uint32_t item = at[EV_ITEM], type = json_get(&x->d, item, "type");
    if (!json_is(&x->d, type, "function_call") && !json_is(&x->d, type, "custom_tool_call")) return;
    emit_tool(&x->emit, x->r, output_slot(x, at), text_of(x, json_get(&x->d, item, "call_id")),
              text_of(x, json_get(&x->d, item, "name")));
}

static void read_arguments(struct reading *x, const uint32_t at[EV_COUNT]) {
    int64_t slot = output_slot(x, at);
    int tool = slot >= 0 && slot < STREAM_TOOLS ? x->r->tool_of_block[slot] : 0;
    unsigned last = x->r->n_tools > 0 ? x->r->n_tools - 1 : 0;
    emit_arguments(&x->emit, tool > 0 ? (unsigned)tool - 1 : last, text_of(x, at[EV_DELTA]));
}

/* response.completed, .incomplete, .failed, .cancelled: the whole response, with usage, and the end. */
static void read_response_end(struct reading *x, uint32_t response) {
    struct usage usage;
    struct slice raw;
    uint32_t failed = failure_find(&x->d, response);
    read_response_start(x, response);
    if (openai_read_usage(&x->d, json_get(&x->d, response, "usage"), &usage))
        emit_usage(&x->emit, x->r, &usage);
    if (failed != JSON_NONE || json_is(&x->d, json_get(&x->d, response, "status"), "failed")) {
        struct upstream_error error;
        failure_of_node(&x->d, failed, 0, x->r->arena, &error);
        emit_error(&x->emit, x->r, error.fault, error.message);
        return;
    }
    enum finish finish = openai_responses_finish(&x->d, response, x->r->arena, x->r->n_tools > 0, &raw);
    if (finish == FINISH_STOP && x->r->refused) finish = FINISH_REFUSAL;
    struct event *e = emit_add(&x->emit, EVENT_FINISH);
    e->finish = finish == FINISH_UNSET ? FINISH_OTHER : finish;
    e->finish_raw = raw;
    x->r->finished = true;
    emit_end(&x->emit, x->r);
}

enum response_event { RE_START, RE_ITEM, RE_TEXT, RE_ARGUMENTS, RE_THINKING, RE_REFUSAL, RE_END, RE_ERROR };
static const struct {
    const char *type;
    enum response_event what;
} response_events[] = {
    {"response.output_text.delta", RE_TEXT}, /* the frequent one first */
    {"response.function_call_arguments.delta", RE_ARGUMENTS},
    {"response.custom_tool_call_input.delta", RE_ARGUMENTS},
    {"response.reasoning_summary_text.delta", RE_THINKING},
    {"response.reasoning_text.delta", RE_THINKING},
    {"response.refusal.delta", RE_REFUSAL},
    {"response.audio.transcript.delta", RE_TEXT},
    {"response.output_item.added", RE_ITEM},
    {"response.created", RE_START},
    {"response.queued", RE_START},
    {"response.in_progress", RE_START},
    {"response.completed", RE_END},
    {"response.incomplete", RE_END},
    {"response.failed", RE_END},
    {"response.cancelled", RE_END},
    {"error", RE_ERROR},
};

static void read_response_event(struct reading *x, struct slice type, const uint32_t at[EV_COUNT]) {
    enum { ROWS = sizeof response_events / sizeof response_events[0] };
    struct upstream_error error;
    unsigned i = 0;
    while (i < ROWS && !slice_is(type, response_events[i].type)) i++;
    if (i == ROWS) return; /* unknown events are to be ignored */
    switch (response_events[i].what) {
    case RE_START: read_response_start(x, at[EV_RESPONSE]); break;
    case RE_ITEM: read_item_added(x, at); break;
    case RE_TEXT: add_text(x, EVENT_TEXT, at[EV_DELTA]); break;
    case RE_ARGUMENTS: read_arguments(x, at); break;
    case RE_THINKING: add_text(x, EVENT_THINKING, at[EV_DELTA]); break;
    case RE_REFUSAL:
        x->r->refused = true;
        add_text(x, EVENT_REFUSAL, at[EV_DELTA]);
        break;
    case RE_END: read_response_end(x, at[EV_RESPONSE]); break;
    case RE_ERROR:
        failure_of_node(&x->d, 0, 0, x->r->arena, &error);
        emit_error(&x->emit, x->r, error.fault, error.message);
        break;
    }
}

static void read_responses(struct reading *x, struct slice name) {
    uint32_t at[EV_COUNT];
    fields_find(&x->d, 0, event_fields, EV_COUNT, at);
    struct slice type = text_of(x, at[EV_TYPE]);
    read_response_event(x, type.len > 0 ? type : name, at);
}

/* ---- one event ---- */

static bool read_failure(struct reading *x, struct slice name, const uint32_t at[CHUNK_COUNT]) {
    struct upstream_error error;
    uint32_t node = failure_pick(&x->d, 0, at[ERROR], at[OBJECT]);
    if (node == JSON_NONE && x->r->endpoint != ENDPOINT_RESPONSES && slice_is(name, "error")) node = 0;
    if (node == JSON_NONE) return false;
    failure_of_node(&x->d, node, 0, x->r->arena, &error);
    emit_error(&x->emit, x->r, error.fault, error.message);
    return true;
}

static void read_object(struct reading *x, struct slice name, bool *ret_usage_only) {
    uint32_t at[CHUNK_COUNT];
    fields_find(&x->d, 0, chunk_fields, CHUNK_COUNT, at);
    if (read_failure(x, name, at)) return;
    if (x->r->endpoint == ENDPOINT_RESPONSES) read_responses(x, name);
    else read_chunk(x, at, ret_usage_only);
}

enum fault openai_read_event(struct stream_reader *r, struct slice name, struct slice data,
                             struct event *events, unsigned *ret_n, bool *ret_usage_only) {
    struct reading x = {.r = r, .emit = {.events = events}};
    bool usage_only = false;
    if (!r->begun) usage_init(&r->usage);
    r->begun = true;
    data = slice_trim(data);
    if (slice_is(data, "[DONE]")) {
        emit_end(&x.emit, r);
    } else if (data.len > 0) {
        if (json_read(data, r->arena, KEEP_DEPTH, &x.d, NULL) != FAULT_NONE) return FAULT_UP_MALFORMED;
        if (json_type(&x.d, 0) != JSON_OBJECT) return FAULT_UP_MALFORMED;
        read_object(&x, name, &usage_only);
    }
    if (x.emit.overflow || arena_is_full(r->arena)) return FAULT_UP_MALFORMED;
    *ret_n = x.emit.n;
    *ret_usage_only = usage_only;
    return FAULT_NONE;
}
