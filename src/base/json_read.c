#include "base/json.h"
#include "base/json_text.h"
#include "base/utf8.h"

#include <stdio.h>

/* What the next token may be. */
enum state {
    WANT_VALUE,
    WANT_ITEM_OR_END, /* behind '[' */
    WANT_KEY_OR_END,  /* behind '{' */
    WANT_KEY,         /* behind ',' in an object */
    WANT_COMMA_OR_END,
    WANT_NOTHING, /* behind the root */
};

struct reader {
    const char *start, *end;
    struct arena *arena;
    struct json_node *nodes;
    uint32_t count, capacity;
    unsigned keep, depth; /* depth: containers that are open, which is the depth of the next value */
    bool full;
    const char *bad, *what; /* where and why it failed */
    uint32_t open[LIMIT_JSON_DEPTH];
    char closer[LIMIT_JSON_DEPTH]; /* '}' or ']' */
};

enum { LEAST_NODES = 16, MOST_FIRST_NODES = 1 << 16, TEXT_PER_NODE = 16 };

static const char *fail(struct reader *r, const char *at, const char *what) {
    r->bad = at;
    r->what = what;
    return NULL;
}

/* ---- nodes ---- */

static bool grow_nodes(struct reader *r) {
    size_t had = r->capacity, room = (r->arena->max - r->arena->used) / sizeof *r->nodes, want;
    if (had == 0) {
        want = (size_t)(r->end - r->start) / TEXT_PER_NODE + LEAST_NODES;
        if (want > MOST_FIRST_NODES) want = MOST_FIRST_NODES;
        if (r->keep == 0) want = 1;
    } else {
        want = had * 2;
    }
    if (want > LIMIT_JSON_NODES) want = LIMIT_JSON_NODES;
    if (want > had + room) want = had + room;
    struct json_node *nodes =
        want > had ? arena_resize(r->arena, r->nodes, had * sizeof *nodes, want * sizeof *nodes) : NULL;
    if (nodes == NULL) {
        r->full = true;
        return false;
    }
    r->nodes = nodes;
    r->capacity = (uint32_t)want;
    return true;
}

/* A node for the value at `at`, finished for scalars of `len` bytes. False when there is no room. */
static inline bool add_node(struct reader *r, enum json_type type, const char *at, size_t len, bool escaped) {
    if (r->depth > r->keep) return true;
    if (r->count == r->capacity && !grow_nodes(r)) return false;
    r->nodes[r->count] = (struct json_node){.start = (uint32_t)(at - r->start),
                                            .len = (uint32_t)len,
                                            .next = r->count + 1,
                                            .type = (uint8_t)type,
                                            .escaped = escaped,
                                            .depth = (uint16_t)r->depth};
    r->count++;
    return true;
}

/* ---- tokens: each takes the position and returns the one behind it, or NULL ---- */

static inline const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

static inline bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *scan_escape(struct reader *r, const char *at) {
    if (++at == r->end || *at == 0 || strchr("\"\\/bfnrtu", *at) == NULL)
        return fail(r, at, "one of \"\\/bfnrtu behind the backslash");
    if (*at++ != 'u') return at;
    for (int i = 0; i < 4; i++, at++)
        if (at == r->end || !is_hex(*at)) return fail(r, at, "four hex digits behind \\u");
    return at;
}

/* `at` is the opening quote. */
static inline const char *scan_string(struct reader *r, const char *at, bool *ret_escaped) {
    const char *end = r->end;
    *ret_escaped = false;
    for (at = json_plain_end(at + 1, end); at < end; at = json_plain_end(at, end)) {
        if (*at == '"') return at + 1;
        if (*at == '\\') {
            *ret_escaped = true;
            if ((at = scan_escape(r, at)) == NULL) return NULL;
            continue;
        }
        if ((unsigned char)*at < 0x80) return fail(r, at, "no bare control character in a string");
        do { /* other scripts come in runs */
            int n = utf8_next(at, (size_t)(end - at));
            if (n < 0) return fail(r, at, "well-formed UTF-8");
            at += n;
        } while (at < end && (unsigned char)*at >= 0x80);
    }
    return fail(r, at, "the closing quote of a string");
}

static inline const char *scan_digits(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at;
}

static const char *scan_number(struct reader *r, const char *at) {
    const char *from = at, *digits, *end = r->end;
    size_t count;
    if (*at == '-') at++;
    digits = at;
    at = scan_digits(at, end);
    if (at == digits) return fail(r, at, "a digit");
    if (*digits == '0' && at > digits + 1) return fail(r, digits + 1, "no digit behind a leading zero");
    count = (size_t)(at - digits);
    if (at < end && *at == '.') {
        digits = ++at;
        at = scan_digits(at, end);
        if (at == digits) return fail(r, at, "a digit behind the decimal point");
        count += (size_t)(at - digits);
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        digits = at;
        at = scan_digits(at, end);
        if (at == digits) return fail(r, at, "a digit in the exponent");
        count += (size_t)(at - digits);
    }
    if (count > LIMIT_JSON_NUMBER) return fail(r, from, "a number of fewer digits");
    return at;
}

static const char *scan_word(struct reader *r, const char *at, enum json_type *ret_type) {
    static const struct {
        struct slice word;
        enum json_type type;
    } words[] = {{{"true", 4}, JSON_TRUE}, {{"false", 5}, JSON_FALSE}, {{"null", 4}, JSON_NULL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_starts(slice_make(at, (size_t)(r->end - at)), words[i].word)) {
            *ret_type = words[i].type;
            return at + words[i].word.len;
        }
    return fail(r, at, "a value");
}

/* ---- structure ---- */

static const char *open_container(struct reader *r, const char *at, enum state *state) {
    bool object = *at == '{';
    if (r->depth == LIMIT_JSON_DEPTH) return fail(r, at, "less nesting");
    uint32_t node = r->depth <= r->keep ? r->count : JSON_NONE;
    if (!add_node(r, object ? JSON_OBJECT : JSON_ARRAY, at, 0, false)) return NULL;
    r->open[r->depth] = node;
    r->closer[r->depth++] = object ? '}' : ']';
    *state = object ? WANT_KEY_OR_END : WANT_ITEM_OR_END;
    return at + 1;
}

static const char *close_container(struct reader *r, const char *at, enum state *state) {
    uint32_t node = r->open[--r->depth];
    if (node != JSON_NONE) {
        r->nodes[node].len = (uint32_t)(at + 1 - r->start) - r->nodes[node].start;
        r->nodes[node].next = r->count;
    }
    *state = r->depth > 0 ? WANT_COMMA_OR_END : WANT_NOTHING;
    return at + 1;
}

static inline const char *read_value(struct reader *r, const char *at, enum state *state) {
    const char *from = at;
    enum json_type type;
    bool escaped = false;
    if (at == r->end) return fail(r, at, "a value");
    if (*at == '"') {
        type = JSON_STRING;
        at = scan_string(r, at, &escaped);
    } else if (*at == '{' || *at == '[') {
        return open_container(r, at, state);
    } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
        type = JSON_NUMBER;
        at = scan_number(r, at);
    } else {
        at = scan_word(r, at, &type);
    }
    if (at == NULL || !add_node(r, type, from, (size_t)(at - from), escaped)) return NULL;
    *state = r->depth > 0 ? WANT_COMMA_OR_END : WANT_NOTHING;
    return at;
}

static inline const char *read_key(struct reader *r, const char *at, enum state *state) {
    const char *from = at;
    bool escaped;
    if (at == r->end || *at != '"')
        return fail(r, at, *state == WANT_KEY ? "a key in quotes" : "a key in quotes or '}'");
    at = scan_string(r, at, &escaped);
    if (at == NULL || !add_node(r, JSON_STRING, from, (size_t)(at - from), escaped)) return NULL;
    at = skip_space(at, r->end);
    if (at == r->end || *at != ':') return fail(r, at, "':' behind a key");
    *state = WANT_VALUE;
    return at + 1;
}

static inline const char *read_separator(struct reader *r, const char *at, enum state *state) {
    char closer = r->closer[r->depth - 1];
    if (at < r->end && *at == ',') {
        *state = closer == '}' ? WANT_KEY : WANT_VALUE;
        return at + 1;
    }
    if (at < r->end && *at == closer) return close_container(r, at, state);
    return fail(r, at, closer == '}' ? "',' or '}'" : "',' or ']'");
}

static bool read_document(struct reader *r) {
    enum state state = WANT_VALUE;
    const char *at = r->start, *end = r->end;
    while (at != NULL && state != WANT_NOTHING) {
        at = skip_space(at, end);
        switch (state) {
        case WANT_COMMA_OR_END: at = read_separator(r, at, &state); break;
        case WANT_KEY_OR_END:
            if (at < end && *at == '}') at = close_container(r, at, &state);
            else at = read_key(r, at, &state);
            break;
        case WANT_KEY: at = read_key(r, at, &state); break;
        case WANT_ITEM_OR_END:
            if (at < end && *at == ']') at = close_container(r, at, &state);
            else at = read_value(r, at, &state);
            break;
        default: at = read_value(r, at, &state);
        }
    }
    if (at != NULL && (at = skip_space(at, end)) < end) at = fail(r, at, "nothing behind the value");
    return at != NULL;
}

/* "line 3, column 7: expected ',' or '}', found 'x'"; columns are characters. */
static enum fault explain(const struct reader *r, struct error *error) {
    size_t line = 1, column = 1, left = (size_t)(r->end - r->bad);
    for (const char *at = r->start; at < r->bad; at++) {
        if (*at == '\n') line++, column = 1;
        else column += ((unsigned char)*at & 0xC0) != 0x80;
    }
    char found[24] = "the end of the text";
    unsigned char c = left > 0 ? (unsigned char)*r->bad : 0;
    if (left >= 3 && memcmp(r->bad, "\xEF\xBB\xBF", 3) == 0) memcpy(found, "a byte order mark", 18);
    else if (left > 0) snprintf(found, sizeof found, c > ' ' && c < 0x7F ? "'%c'" : "byte 0x%02x", c);
    return error_set(error, FAULT_BAD_JSON, "line %zu, column %zu: expected %s, found %s", line, column,
                     r->what, found);
}

enum fault json_read(struct slice text, struct arena *arena, unsigned keep_depth, struct json_doc *ret,
                     struct error *error) {
    if (text.len >= UINT32_MAX)
        return error_set(error, FAULT_TOO_LARGE, "expected JSON below 4 GiB, found %zu bytes", text.len);
    if (text.at == NULL) text.at = "";
    struct reader r = {.start = text.at, .end = text.at + text.len, .arena = arena, .keep = keep_depth};
    bool good = read_document(&r);
    if (r.nodes != NULL) /* what was too much is given back */
        arena_resize(arena, r.nodes, r.capacity * sizeof *r.nodes, (good ? r.count : 0) * sizeof *r.nodes);
    if (r.full && r.capacity < LIMIT_JSON_NODES)
        return error_set(error, FAULT_TOO_LARGE,
                         "expected JSON that fits into the memory of one exchange, found more");
    if (r.full)
        return error_set(error, FAULT_TOO_LARGE, "expected at most %u JSON values, found more",
                         LIMIT_JSON_NODES);
    if (!good) return explain(&r, error);
    *ret = (struct json_doc){text, r.nodes, r.count};
    return FAULT_NONE;
}
