/* The compact form, version 3. Integers are LEB128 varints; signed ones are zigzag first.
 *
 *   version (1 byte) · id (16) · flags · which texts are present · time less the id's time
 *   texts in the order of `fields` · status · endpoint · [error] · http status
 *   which counters are present (1) · counters · [cost] · [charge] · [ttft] · duration · overhead · bytes in · bytes out
 *   [system prompt hash (16)] · [dropped events] · attempts: count, then provider, model, [error], status, ms each
 *
 * The charge: which meters, then the cost of each but the last, which has the rest. Version 1 has none, and is still
 * written for a record without one. Version 3 has more in front of it: which follow, the charge among them, then each
 * in the order of `enum extra`; it is written for a record that has any but the charge.
 *
 * A text is either `length << 1` and its bytes, or `index << 1 | 1`: the same as text number `index`, counted from
 * the fixed words through all texts of this record that were spelled out. Names of faults, states and endpoints are
 * kept as texts, so that a table may grow or be reordered without making old records wrong. */
#include "model/record.h"

enum { VERSION_PLAIN = 1, VERSION_CHARGED = 2, VERSION_EXTRAS = 3, MOST_TAGS = 3072, MOST_PROVIDER = 128, MOST_PPM = 1000000 };

/* What not all records have. Only ever appended to: a reader refuses what it does not know. */
enum extra {
    EXTRA_CHARGE = 1,
    EXTRA_SAVED = 2,
    EXTRA_HISTORY = 4,
    EXTRA_OUTPUT_CAP = 8,
    EXTRA_SIMILARITY = 16,
    EXTRA_TIER = 32,
    EXTRA_BATCH = 64,
    EXTRA_ROLLOUT = 128,
    EXTRA_KNOWLEDGE = 256,
    EXTRA_INPUT = 512,
    EXTRA_KNOWN = 1023,
};

enum flag {
    FLAG_STREAM = 1,
    FLAG_COST = 2,
    FLAG_TTFT = 4,
    FLAG_SYSTEM_PROMPT = 8,
    FLAG_BACK = 16,
    FLAG_ERROR = 32,
    FLAG_ESTIMATED = 64, /* seven flags are one byte */
    FLAG_DROPPED = 128,
};

/* Words that most records hold. Part of the format: only ever appended to, and with the version's number. */
#define WORD(text) {text, sizeof text - 1}
static const struct slice words[] = {
    WORD("openai"), WORD("anthropic"), WORD("azure"), WORD("google"), WORD("stop"), WORD("length"),
    WORD("tool_calls"), WORD("end_turn"), WORD("max_tokens"), WORD("tool_use"), WORD("hit"), WORD("degraded"),
    WORD("chat"), WORD("count_tokens"), WORD("responses"), WORD("embeddings"), WORD("models"), WORD("ok"),
    WORD("truncated"), WORD("refused"), WORD("error"), WORD("cancelled"), WORD("default"), WORD("refusal"),
    WORD("production"), WORD("staging"), WORD("stop_sequence"), WORD("content_filter"),
};
enum { N_WORDS = sizeof words / sizeof words[0] };

/* Texts that may be null, in the order they are stored: at most 32. Part of the format. */
#define TEXT(field, most) {offsetof(struct record, field), most}
static const struct {
    size_t offset, most;
} fields[] = {
    TEXT(application, LIMIT_LABEL),    TEXT(key, LIMIT_LABEL),          TEXT(request_type, LIMIT_LABEL),
    TEXT(dialect, LIMIT_LABEL),        TEXT(model, LIMIT_LABEL),        TEXT(target_model, LIMIT_LABEL),
    TEXT(finish_reason, LIMIT_LABEL),  TEXT(user, LIMIT_LABEL),         TEXT(provider, MOST_PROVIDER),
    TEXT(upstream_model, LIMIT_LABEL), TEXT(session, LIMIT_LABEL),      TEXT(feature, LIMIT_LABEL),
    TEXT(team, LIMIT_LABEL),           TEXT(system_fingerprint, LIMIT_LABEL), TEXT(prompt_name, LIMIT_LABEL),
    TEXT(prompt_version, LIMIT_LABEL), TEXT(tags, MOST_TAGS),           TEXT(cache, LIMIT_LABEL),
    TEXT(error_text, LIMIT_ERROR_TEXT),
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

/* Texts that may be referred to: words, fields, status, endpoint, error, tier, batch, knowledge, and three of each attempt. */
enum { MOST_TEXTS = N_WORDS + N_FIELDS + 6 + 3 * LIMIT_ATTEMPTS };

struct texts {
    struct slice at[MOST_TEXTS];
    unsigned n;
};

static const char *const status_names[RECORD_STATUS_COUNT] = {
#define STATUS(symbol, name) [RECORD_##symbol] = name,
    RECORD_STATUS_TABLE(STATUS)
#undef STATUS
};

const char *record_status_name(enum record_status s) {
    return (unsigned)s < RECORD_STATUS_COUNT ? status_names[s] : "unknown";
}

bool record_status_from_name(struct slice name, enum record_status *ret) {
    for (unsigned s = 0; s < RECORD_STATUS_COUNT; s++)
        if (slice_is(name, status_names[s])) {
            *ret = (enum record_status)s;
            return true;
        }
    return false;
}

const char *arm_name(enum arm a) {
    static const char *const names[] = {[ARM_REST] = "rest", [ARM_CONTROL] = "control", [ARM_CANDIDATE] = "candidate"};
    return (unsigned)a < ARMS ? names[a] : NULL;
}

void record_init(struct record *r) {
    memset(r, 0, sizeof *r);
    usage_init(&r->usage);
    r->cost_nano = r->saved_nano = MONEY_UNKNOWN;
    r->history_tokens_saved = r->output_cap = r->ttft_us = -1;
    r->cache_similarity_ppm = r->difficulty_ppm = -1;
}

static void texts_init(struct texts *t) {
    memcpy(t->at, words, sizeof words);
    t->n = N_WORDS;
}

/* Cut at a character's end; tags at a comma, so that no pair is left in half. */
static struct slice cut(struct slice s, size_t most) {
    if (s.len <= most) return s;
    size_t len = most;
    while (len > 0 && ((unsigned char)s.at[len] & 0xC0) == 0x80) len--;
    if (most == MOST_TAGS)
        while (len > 0 && s.at[len] != ',') len--;
    return slice_make(s.at, len);
}

/* ===== writing ===== */

struct out {
    struct texts texts;
    size_t len;
    bool full;
    uint8_t at[LIMIT_RECORD];
};

static void put_bytes(struct out *o, const void *at, size_t n) {
    if (n > sizeof o->at - o->len) o->full = true;
    if (o->full || n == 0) return;
    memcpy(o->at + o->len, at, n);
    o->len += n;
}

static void put_u64(struct out *o, uint64_t n) {
    uint8_t bytes[10];
    size_t len = 0;
    for (; n >= 0x80; n >>= 7) bytes[len++] = (uint8_t)(n | 0x80);
    bytes[len++] = (uint8_t)n;
    put_bytes(o, bytes, len);
}

static void put_i64(struct out *o, int64_t n) {
    put_u64(o, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void put_text(struct out *o, struct slice s) {
    for (unsigned i = 0; i < o->texts.n; i++) {
        const struct slice *t = &o->texts.at[i];
        if (s.len > 0 && t->len == s.len && t->at[0] == s.at[0] && memcmp(t->at, s.at, s.len) == 0) {
            put_u64(o, (uint64_t)i << 1 | 1);
            return;
        }
    }
    put_u64(o, (uint64_t)s.len << 1);
    put_bytes(o, s.at, s.len);
    o->texts.at[o->texts.n++] = s;
}

static unsigned flags_of(const struct record *r) {
    return (r->stream ? FLAG_STREAM : 0) | (money_is_known(r->cost_nano) ? FLAG_COST : 0) |
           (r->ttft_us >= 0 ? FLAG_TTFT : 0) | (r->has_system_prompt ? FLAG_SYSTEM_PROMPT : 0) |
           (r->back_to_primary ? FLAG_BACK : 0) | (r->error != FAULT_NONE ? FLAG_ERROR : 0) |
           (r->usage.estimated ? FLAG_ESTIMATED : 0) | (r->dropped_events > 0 ? FLAG_DROPPED : 0);
}

static struct slice field_of(const struct record *r, unsigned i) {
    struct slice s;
    memcpy(&s, (const char *)r + fields[i].offset, sizeof s);
    return s;
}

static void put_fields(struct out *o, const struct record *r) {
    uint32_t present = 0;
    for (unsigned i = 0; i < N_FIELDS; i++)
        if (!slice_is_null(field_of(r, i))) present |= 1u << i;
    put_u64(o, present);
    put_i64(o, (int64_t)((uint64_t)r->time_us - (uint64_t)record_id_time_us(&r->id)));
    for (unsigned i = 0; i < N_FIELDS; i++)
        if (present >> i & 1) put_text(o, cut(field_of(r, i), fields[i].most));
}

static void put_usage(struct out *o, const struct usage *u) {
    unsigned present = 0, bit = 0;
#define USAGE(field) present |= (u->field >= 0 ? 1u : 0u) << bit++;
    USAGE_TABLE(USAGE)
#undef USAGE
    put_u64(o, present);
#define USAGE(field)                                                                                         \
    if (u->field >= 0) put_u64(o, (uint64_t)u->field);
    USAGE_TABLE(USAGE)
#undef USAGE
}

static bool has_charge(const struct record *r) {
    return money_is_known(r->cost_nano) && r->charge.meters > 0;
}

static void put_charge(struct out *o, const struct charge *c) {
    put_u64(o, c->meters);
    for (unsigned m = 0; m < CHARGE_METERS && c->meters >> m > 1; m++)
        if (c->meters >> m & 1) put_i64(o, c->nano[m]);
}

static unsigned extras_of(const struct record *r) {
    return (has_charge(r) ? EXTRA_CHARGE : 0) | (money_is_known(r->saved_nano) ? EXTRA_SAVED : 0) |
           (r->history_tokens_saved >= 0 ? EXTRA_HISTORY : 0) | (r->output_cap >= 0 ? EXTRA_OUTPUT_CAP : 0) |
           (r->cache_similarity_ppm >= 0 ? EXTRA_SIMILARITY : 0) | (r->difficulty_ppm >= 0 ? EXTRA_TIER : 0) |
           (!slice_is_null(r->batch) ? EXTRA_BATCH : 0) | (r->rollout > 0 ? EXTRA_ROLLOUT : 0) |
           (!slice_is_null(r->knowledge) ? EXTRA_KNOWLEDGE : 0) | (r->input_hash != 0 ? EXTRA_INPUT : 0);
}

static uint8_t version_of(unsigned extras) {
    return extras == 0 ? VERSION_PLAIN : extras == EXTRA_CHARGE ? VERSION_CHARGED : VERSION_EXTRAS;
}

static void put_hash(struct out *o, uint64_t hash) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(hash >> 8 * i);
    put_bytes(o, bytes, sizeof bytes);
}

static void put_extras(struct out *o, const struct record *r) {
    unsigned extras = extras_of(r);
    if (version_of(extras) == VERSION_EXTRAS) put_u64(o, extras);
    if (extras & EXTRA_CHARGE) put_charge(o, &r->charge);
    if (extras & EXTRA_SAVED) put_i64(o, r->saved_nano);
    if (extras & EXTRA_HISTORY) put_u64(o, (uint64_t)r->history_tokens_saved);
    if (extras & EXTRA_OUTPUT_CAP) put_u64(o, (uint64_t)r->output_cap);
    if (extras & EXTRA_SIMILARITY) put_u64(o, (uint64_t)r->cache_similarity_ppm);
    if (extras & EXTRA_TIER) {
        put_u64(o, (uint64_t)r->difficulty_ppm << 1 | r->tier_applied);
        put_text(o, cut(r->tier, LIMIT_LABEL));
    }
    if (extras & EXTRA_BATCH) put_text(o, cut(r->batch, LIMIT_LABEL));
    if (extras & EXTRA_ROLLOUT) {
        put_u64(o, (uint64_t)r->rollout);
        put_u64(o, r->arm); /* its number is part of the format */
        put_u64(o, r->rollout_step);
    }
    if (extras & EXTRA_KNOWLEDGE) put_text(o, cut(r->knowledge, LIMIT_LABEL));
    if (extras & EXTRA_INPUT) put_hash(o, r->input_hash);
}

static void put_attempts(struct out *o, const struct record *r) {
    unsigned n = r->n_attempts < LIMIT_ATTEMPTS ? r->n_attempts : LIMIT_ATTEMPTS;
    put_u64(o, n);
    for (unsigned i = 0; i < n; i++) {
        const struct record_attempt *a = &r->attempts[i];
        put_text(o, cut(a->provider, MOST_PROVIDER));
        put_text(o, cut(a->model, LIMIT_LABEL));
        put_i64(o, (int64_t)a->http_status * 2 + (a->error != FAULT_NONE));
        if (a->error != FAULT_NONE) put_text(o, slice_of(fault_name(a->error)));
        put_u64(o, a->ms);
    }
}

static void put_record(struct out *o, const struct record *r) {
    unsigned flags = flags_of(r);
    put_bytes(o, &(uint8_t){version_of(extras_of(r))}, 1);
    put_bytes(o, r->id.bytes, sizeof r->id.bytes);
    put_u64(o, flags);
    put_fields(o, r);
    put_text(o, slice_of(record_status_name(r->status)));
    put_text(o, slice_of(endpoint_name(r->endpoint)));
    if (flags & FLAG_ERROR) put_text(o, slice_of(fault_name(r->error)));
    put_i64(o, r->http_status);
    put_usage(o, &r->usage);
    if (flags & FLAG_COST) put_i64(o, r->cost_nano);
    put_extras(o, r);
    if (flags & FLAG_TTFT) put_i64(o, r->ttft_us);
    put_i64(o, r->duration_us);
    put_i64(o, r->overhead_us);
    put_i64(o, r->request_bytes);
    put_i64(o, r->response_bytes);
    if (flags & FLAG_SYSTEM_PROMPT) put_bytes(o, r->system_prompt_hash, sizeof r->system_prompt_hash);
    if (flags & FLAG_DROPPED) put_u64(o, r->dropped_events);
    put_attempts(o, r);
}

bool record_encode(const struct record *r, struct buffer *out) {
    struct out o;
    o.len = 0;
    o.full = false;
    texts_init(&o.texts);
    put_record(&o, r);
    return !o.full && buffer_append(out, slice_make((const char *)o.at, o.len));
}

/* ===== reading ===== after the first damage `bad` stays, and what is read means nothing */

struct in {
    struct slice rest; /* of the arena's copy */
    struct texts texts;
    bool bad;
};

static const char *get_bytes(struct in *in, size_t n) {
    if (n > in->rest.len) in->bad = true;
    if (in->bad) return NULL;
    const char *at = in->rest.at;
    in->rest = slice_make(at + n, in->rest.len - n);
    return at;
}

static uint64_t get_u64(struct in *in) {
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const char *at = get_bytes(in, 1);
        if (at == NULL) return 0;
        uint64_t seven = (uint8_t)*at & 0x7F;
        if (shift == 63 && seven > 1) break; /* past 64 bits */
        n |= seven << shift;
        if (((uint8_t)*at & 0x80) == 0) return n;
    }
    in->bad = true;
    return 0;
}

static int64_t get_i64(struct in *in) {
    uint64_t n = get_u64(in);
    return (int64_t)(n >> 1 ^ (0 - (n & 1)));
}

static uint64_t get_below(struct in *in, uint64_t limit) {
    uint64_t n = get_u64(in);
    if (n < limit) return n;
    in->bad = true;
    return 0;
}

static int get_status(struct in *in) {
    int64_t n = get_i64(in);
    if (n < INT32_MIN || n > INT32_MAX) in->bad = true;
    return in->bad ? 0 : (int)n;
}

static struct slice get_text(struct in *in) {
    uint64_t code = get_u64(in);
    if (code & 1) {
        if (code >> 1 < in->texts.n) return in->texts.at[code >> 1];
        in->bad = true;
        return SLICE_NULL;
    }
    const char *at = get_bytes(in, code >> 1);
    if (at == NULL) return SLICE_NULL;
    struct slice s = slice_make(at, code >> 1);
    in->texts.at[in->texts.n++] = s; /* as many texts are read as were counted for MOST_TEXTS */
    return s;
}

/* A fault that a newer version named is still a fault. */
static enum fault get_fault(struct in *in) {
    enum fault f = FAULT_INTERNAL;
    if (!fault_from_name(get_text(in), &f)) return FAULT_INTERNAL;
    return f;
}

static void get_fields(struct in *in, struct record *r) {
    uint64_t present = get_below(in, 1u << N_FIELDS);
    uint64_t time = (uint64_t)record_id_time_us(&r->id) + (uint64_t)get_i64(in);
    r->time_us = (int64_t)time;
    for (unsigned i = 0; i < N_FIELDS; i++)
        if (present >> i & 1) {
            struct slice s = get_text(in);
            memcpy((char *)r + fields[i].offset, &s, sizeof s);
        }
}

static int64_t get_counter(struct in *in) {
    return (int64_t)get_below(in, (uint64_t)INT64_MAX + 1);
}

static void get_usage(struct in *in, struct usage *u) {
    uint64_t present = get_below(in, 1u << USAGE_FIELDS);
    unsigned bit = 0;
#define USAGE(field)                                                                                         \
    if (present >> bit++ & 1) u->field = get_counter(in);
    USAGE_TABLE(USAGE)
#undef USAGE
}

static void get_charge(struct in *in, int64_t cost_nano, struct charge *c) {
    c->meters = (unsigned)get_below(in, 1u << CHARGE_METERS);
    if (c->meters == 0) in->bad = true;
    uint64_t rest = (uint64_t)cost_nano; /* damaged bytes may wrap, and must not trap */
    for (unsigned m = 0; m < CHARGE_METERS && !in->bad; m++) {
        if (!(c->meters >> m & 1)) continue;
        c->nano[m] = c->meters >> m > 1 ? get_i64(in) : (int64_t)rest;
        rest -= (uint64_t)c->nano[m];
    }
}

static uint64_t get_hash(struct in *in) {
    const char *at = get_bytes(in, 8);
    uint64_t hash = 0;
    for (unsigned i = 0; at != NULL && i < 8; i++) hash |= (uint64_t)(uint8_t)at[i] << 8 * i;
    return hash;
}

static void get_extras(struct in *in, int version, struct record *r) {
    uint64_t extras = version == VERSION_CHARGED ? EXTRA_CHARGE : 0;
    if (version == VERSION_EXTRAS) extras = get_below(in, EXTRA_KNOWN + 1);
    if (extras & EXTRA_CHARGE) get_charge(in, r->cost_nano, &r->charge);
    if (extras & EXTRA_SAVED) r->saved_nano = get_i64(in);
    if (extras & EXTRA_HISTORY) r->history_tokens_saved = get_counter(in);
    if (extras & EXTRA_OUTPUT_CAP) r->output_cap = get_counter(in);
    if (extras & EXTRA_SIMILARITY) r->cache_similarity_ppm = (int32_t)get_below(in, MOST_PPM + 1);
    if (extras & EXTRA_TIER) {
        uint64_t n = get_below(in, 2 * (MOST_PPM + 1));
        r->difficulty_ppm = (int32_t)(n >> 1);
        r->tier_applied = n & 1;
        r->tier = get_text(in);
    }
    if (extras & EXTRA_BATCH) r->batch = get_text(in);
    if (extras & EXTRA_ROLLOUT) {
        r->rollout = get_counter(in);
        r->arm = (enum arm)get_below(in, ARMS);
        r->rollout_step = (uint32_t)get_below(in, (uint64_t)UINT32_MAX + 1);
    }
    if (extras & EXTRA_KNOWLEDGE) r->knowledge = get_text(in);
    if (extras & EXTRA_INPUT) r->input_hash = get_hash(in);
}

static void get_attempts(struct in *in, struct record *r) {
    r->n_attempts = (unsigned)get_below(in, LIMIT_ATTEMPTS + 1);
    for (unsigned i = 0; i < r->n_attempts; i++) {
        struct record_attempt *a = &r->attempts[i];
        a->provider = get_text(in);
        a->model = get_text(in);
        int status = get_status(in);
        a->http_status = status >> 1;
        if (status & 1) a->error = get_fault(in);
        a->ms = (uint32_t)get_below(in, (uint64_t)UINT32_MAX + 1);
    }
}

static void get_record(struct in *in, int version, struct record *r) {
    const char *at = get_bytes(in, sizeof r->id.bytes);
    if (at != NULL) memcpy(r->id.bytes, at, sizeof r->id.bytes);
    uint64_t flags = get_below(in, FLAG_DROPPED * 2);
    get_fields(in, r);
    if (!record_status_from_name(get_text(in), &r->status)) in->bad = true;
    if (!endpoint_from_name(get_text(in), &r->endpoint)) in->bad = true;
    if (flags & FLAG_ERROR) r->error = get_fault(in);
    r->http_status = get_status(in);
    get_usage(in, &r->usage);
    if (flags & FLAG_COST) r->cost_nano = get_i64(in);
    get_extras(in, version, r);
    if (flags & FLAG_TTFT) r->ttft_us = get_i64(in);
    r->duration_us = get_i64(in);
    r->overhead_us = get_i64(in);
    r->request_bytes = get_i64(in);
    r->response_bytes = get_i64(in);
    if (flags & FLAG_SYSTEM_PROMPT) {
        at = get_bytes(in, sizeof r->system_prompt_hash);
        if (at != NULL) memcpy(r->system_prompt_hash, at, sizeof r->system_prompt_hash);
    }
    if (flags & FLAG_DROPPED) r->dropped_events = (uint32_t)get_below(in, (uint64_t)UINT32_MAX + 1);
    get_attempts(in, r);
    r->stream = flags & FLAG_STREAM;
    r->has_system_prompt = flags & FLAG_SYSTEM_PROMPT;
    r->back_to_primary = flags & FLAG_BACK;
    r->usage.estimated = flags & FLAG_ESTIMATED;
}

bool record_decode(struct slice bytes, struct arena *arena, struct record *ret) {
    struct in in;
    struct record r;
    if (bytes.len < 1 || bytes.len > LIMIT_RECORD) return false;
    int version = (uint8_t)bytes.at[0];
    if (version < VERSION_PLAIN || version > VERSION_EXTRAS) return false;
    in.rest = arena_slice(arena, slice_make(bytes.at + 1, bytes.len - 1));
    in.bad = slice_is_null(in.rest);
    texts_init(&in.texts);
    record_init(&r);
    if (!in.bad) get_record(&in, version, &r);
    if (in.bad || in.rest.len > 0) return false;
    *ret = r;
    return true;
}
