#include "sim/schema.h"

#include <math.h>

enum { OPTIONAL_DEPTH = 6, REF_HOPS = 16, SHORT_ARRAY = 2, ALL_OF_PARTS = 16, STRING_MAX = 4096 };

struct making {
    const struct json_doc *doc;
    uint32_t root; /* what "#" means */
    struct dice *dice;
    const struct echo *echo;
    struct arena *arena;
    struct json_writer *w;
};

static void write_value(struct making *m, uint32_t schema, unsigned depth, struct slice name);

/* "#/$defs/step" to its node; "~1" and "~0" are '/' and '~'. */
static uint32_t resolve(struct making *m, struct slice ref) {
    uint32_t node = m->root;
    struct slice head, rest = ref;
    if (!slice_starts(ref, SLICE("#"))) return JSON_NONE;
    slice_cut(ref, '/', &head, &rest);
    while (rest.len > 0 && node != JSON_NONE) {
        char key[256];
        size_t n = 0;
        struct slice tail;
        slice_cut(rest, '/', &head, &tail);
        for (size_t i = 0; i < head.len && n < sizeof key; i++) {
            bool escape = head.at[i] == '~' && i + 1 < head.len;
            key[n++] = !escape ? head.at[i] : head.at[++i] == '1' ? '/' : '~';
        }
        uint64_t index;
        if (json_type(m->doc, node) == JSON_ARRAY && slice_to_u64(slice_make(key, n), &index))
            node = json_item(m->doc, node, (uint32_t)index);
        else node = json_get_slice(m->doc, node, slice_make(key, n));
        rest = tail;
    }
    return node;
}

static uint32_t follow(struct making *m, uint32_t schema) {
    for (int hop = 0; hop < REF_HOPS; hop++) {
        uint32_t ref = json_get(m->doc, schema, "$ref");
        if (ref == JSON_NONE) return schema;
        schema = resolve(m, json_string(m->doc, ref, m->arena));
    }
    return JSON_NONE;
}

static double number_of(struct making *m, uint32_t schema, const char *key, double otherwise) {
    double n = otherwise;
    json_get_double(m->doc, json_get(m->doc, schema, key), &n);
    return n;
}

static uint64_t count_of(struct making *m, uint32_t schema, const char *key, uint64_t otherwise) {
    int64_t n;
    if (!json_get_i64(m->doc, json_get(m->doc, schema, key), &n) || n < 0) return otherwise;
    return (uint64_t)n;
}

/* ---- numbers ---- */

static void write_number(struct making *m, uint32_t schema, bool whole) {
    double step = number_of(m, schema, "multipleOf", whole ? 1 : 0), n;
    double low = number_of(m, schema, "minimum", -INFINITY), high = number_of(m, schema, "maximum", INFINITY);
    double above = number_of(m, schema, "exclusiveMinimum", -INFINITY);
    double below = number_of(m, schema, "exclusiveMaximum", INFINITY);
    if (!(step > 0)) step = 0.01;
    if (whole && step != floor(step)) step = 1;
    /* in steps from here on */
    double first = fmax(ceil(low / step), floor(above / step) + 1);
    double last = fmin(floor(high / step), ceil(below / step) - 1);
    if (isinf(first)) first = isinf(last) ? 1 : fmin(last, 1);
    if (isinf(last)) last = first + (whole ? 99 : 9999);
    if (last < first) { /* no step fits between the bounds: the middle, for numbers */
        n = (fmax(low, above) + fmin(high, below)) / 2;
        json_put_double(m->w, n);
        return;
    }
    double span = fmin(last - first, 1e9);
    n = (first + (double)dice_below(m->dice, (uint64_t)span + 1)) * step;
    if (whole && fabs(n) < 9e15) json_put_i64(m->w, (int64_t)n);
    else json_put_double(m->w, round(n / step) * step);
}

/* ---- strings ---- */

static void write_format(struct making *m, struct slice format, struct buffer *out) {
    struct dice *d = m->dice;
    unsigned a = (unsigned)dice_below(d, 12), b = (unsigned)dice_below(d, 28),
             c = (unsigned)dice_below(d, 24);
    if (slice_is(format, "date")) buffer_printf(out, "2026-%02u-%02u", a + 1, b + 1);
    else if (slice_is(format, "date-time")) buffer_printf(out, "2026-%02u-%02uT%02u:30:00Z", a + 1, b + 1, c);
    else if (slice_is(format, "time")) buffer_printf(out, "%02u:%02u:00Z", c, a);
    else if (slice_is(format, "duration")) buffer_printf(out, "PT%uM", b + 1);
    else if (slice_is(format, "email")) buffer_printf(out, "customer%u@example.com", b);
    else if (slice_is(format, "uri") || slice_is(format, "url"))
        buffer_printf(out, "https://example.com/%u", b);
    else if (slice_is(format, "hostname")) buffer_printf(out, "host%u.example.com", b);
    else if (slice_is(format, "ipv4")) buffer_printf(out, "192.0.2.%u", b + 1);
    else if (slice_is(format, "ipv6")) buffer_printf(out, "2001:db8::%u", b + 1);
    else if (slice_is(format, "uuid"))
        buffer_printf(out, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)dice_below(d, UINT32_MAX),
                      (unsigned)dice_below(d, 0x10000), (unsigned)dice_below(d, 0x1000),
                      (unsigned)dice_below(d, 0x1000), (unsigned long long)dice_below(d, 1ull << 48));
}

/* Length counts code points, as the schema does; what is added is ASCII. */
static uint64_t code_points(struct slice s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += (s.at[i] & 0xC0) != 0x80;
    return n;
}

static void fit_length(struct buffer *out, uint64_t least, uint64_t most) {
    uint64_t n = code_points(buffer_slice(out));
    while (n > most && out->len > 0) {
        if ((out->at[out->len - 1] & 0xC0) != 0x80) n--;
        out->len--;
    }
    for (; n < least && !out->overflow; n++) buffer_byte(out, (char)('a' + n % 26));
}

static void write_string(struct making *m, uint32_t schema, struct slice name) {
    struct buffer out;
    buffer_init(&out, STRING_MAX);
    struct slice format = json_string(m->doc, json_get(m->doc, schema, "format"), m->arena);
    write_format(m, format, &out);
    if (out.len == 0 && slice_contains_nocase(name, SLICE("email"))) write_format(m, SLICE("email"), &out);
    if (out.len == 0 && slice_ends(name, SLICE("_id")))
        buffer_printf(&out, "A-%u", 1000 + (unsigned)dice_below(m->dice, 9000));
    if (out.len == 0) prose_phrase(m->dice, m->echo, &out);
    fit_length(&out, count_of(m, schema, "minLength", 0), count_of(m, schema, "maxLength", STRING_MAX));
    json_put_string(m->w, buffer_slice(&out));
    buffer_deinit(&out);
}

/* ---- arrays and objects ---- */

static void write_array(struct making *m, uint32_t schema, unsigned depth, struct slice name) {
    uint32_t items = json_get(m->doc, schema, "items"), prefix = json_get(m->doc, schema, "prefixItems");
    uint64_t least = count_of(m, schema, "minItems", 0),
             most = count_of(m, schema, "maxItems", SIM_ARRAY_ITEMS);
    uint64_t n = depth >= OPTIONAL_DEPTH ? 0 : 1 + dice_below(m->dice, SHORT_ARRAY);
    bool unique = false;
    json_get_bool(m->doc, json_get(m->doc, schema, "uniqueItems"), &unique);
    if (unique) n = 1;
    if (n < json_size(m->doc, prefix)) n = json_size(m->doc, prefix);
    if (n < least) n = least;
    if (n > most) n = most;
    uint32_t choices = json_get(m->doc, follow(m, items), "enum");
    json_array(m->w);
    for (uint64_t i = 0; i < n && i < SIM_ARRAY_ITEMS && !m->w->out->overflow; i++) {
        uint32_t fixed = json_item(m->doc, prefix, (uint32_t)i);
        if (fixed != JSON_NONE) write_value(m, fixed, depth + 1, name);
        else if (unique && choices != JSON_NONE)
            json_put_raw(m->w, json_raw(m->doc, json_item(m->doc, choices, (uint32_t)i)));
        else write_value(m, items, depth + 1, name);
    }
    json_array_end(m->w);
}

static bool is_required(struct making *m, uint32_t schema, struct slice key) {
    uint32_t cursor = JSON_NONE, item;
    uint32_t required = json_get(m->doc, schema, "required");
    while (json_each_item(m->doc, required, &cursor, &item))
        if (slice_eq(json_string(m->doc, item, m->arena), key)) return true;
    return false;
}

static void write_members(struct making *m, uint32_t schema, unsigned depth) {
    uint32_t cursor = JSON_NONE, key_node, value;
    uint32_t properties = json_get(m->doc, schema, "properties");
    while (json_each_member(m->doc, properties, &cursor, &key_node, &value)) {
        struct slice key = json_string(m->doc, key_node, m->arena);
        if (depth >= OPTIONAL_DEPTH && !is_required(m, schema, key)) continue;
        json_key_slice(m->w, key);
        write_value(m, value, depth + 1, key);
    }
    /* required but not described: any value will do */
    uint32_t required = json_get(m->doc, schema, "required"), item;
    for (cursor = JSON_NONE; json_each_item(m->doc, required, &cursor, &item);) {
        struct slice key = json_string(m->doc, item, m->arena);
        if (json_get_slice(m->doc, properties, key) != JSON_NONE) continue;
        json_key_slice(m->w, key);
        json_put_string(m->w, prose_noun(m->dice));
    }
}

static void write_object(struct making *m, uint32_t schema, unsigned depth) {
    uint32_t all = json_get(m->doc, schema, "allOf"), cursor = JSON_NONE, part;
    json_object(m->w);
    write_members(m, schema, depth);
    while (json_each_item(m->doc, all, &cursor, &part)) write_members(m, follow(m, part), depth);
    json_object_end(m->w);
}

/* ---- any value ---- */

/* The branch to take: the first that is not null, but null far down where there is one. */
static uint32_t choose_branch(struct making *m, uint32_t branches, unsigned depth) {
    uint32_t cursor = JSON_NONE, item, first = JSON_NONE, null = JSON_NONE;
    while (json_each_item(m->doc, branches, &cursor, &item)) {
        if (json_is(m->doc, json_get(m->doc, follow(m, item), "type"), "null")) null = item;
        else if (first == JSON_NONE) first = item;
    }
    if (null != JSON_NONE && (first == JSON_NONE || depth >= OPTIONAL_DEPTH)) return null;
    return first;
}

static struct slice type_of(struct making *m, uint32_t schema, unsigned depth) {
    uint32_t type = json_get(m->doc, schema, "type"), cursor = JSON_NONE, item;
    struct slice chosen = SLICE_NULL;
    if (json_type(m->doc, type) == JSON_STRING) return json_string(m->doc, type, m->arena);
    while (json_each_item(m->doc, type, &cursor, &item)) {
        struct slice t = json_string(m->doc, item, m->arena);
        bool null = slice_is(t, "null");
        if (slice_is_null(chosen) || (null && depth >= OPTIONAL_DEPTH)) chosen = t;
        else if (slice_is(chosen, "null") && depth < OPTIONAL_DEPTH) chosen = t;
    }
    if (!slice_is_null(chosen)) return chosen;
    if (json_get(m->doc, schema, "properties") != JSON_NONE || json_get(m->doc, schema, "allOf") != JSON_NONE)
        return SLICE("object");
    if (json_get(m->doc, schema, "items") != JSON_NONE ||
        json_get(m->doc, schema, "prefixItems") != JSON_NONE)
        return SLICE("array");
    if (json_get(m->doc, schema, "minimum") != JSON_NONE || json_get(m->doc, schema, "maximum") != JSON_NONE)
        return SLICE("number");
    return SLICE("string");
}

static bool write_fixed(struct making *m, uint32_t schema) {
    uint32_t value = json_get(m->doc, schema, "const"), choices = json_get(m->doc, schema, "enum");
    uint32_t n = json_size(m->doc, choices);
    if (value == JSON_NONE && n > 0) value = json_item(m->doc, choices, (uint32_t)dice_below(m->dice, n));
    if (value == JSON_NONE) return false;
    json_put_raw(m->w, json_raw(m->doc, value));
    return true;
}

static void write_value(struct making *m, uint32_t schema, unsigned depth, struct slice name) {
    if (m->w->out->overflow) return; /* a schema that branches without end stops here */
    if (depth > SIM_SCHEMA_DEPTH) {
        json_put_null(m->w);
        return;
    }
    schema = follow(m, schema);
    if (write_fixed(m, schema)) return;
    uint32_t branches = json_get(m->doc, schema, "anyOf");
    if (branches == JSON_NONE) branches = json_get(m->doc, schema, "oneOf");
    if (json_size(m->doc, branches) > 0 && json_get(m->doc, schema, "properties") == JSON_NONE) {
        write_value(m, choose_branch(m, branches, depth), depth + 1, name);
        return;
    }
    struct slice type = type_of(m, schema, depth);
    if (slice_is(type, "object")) write_object(m, schema, depth);
    else if (slice_is(type, "array")) write_array(m, schema, depth, name);
    else if (slice_is(type, "integer")) write_number(m, schema, true);
    else if (slice_is(type, "number")) write_number(m, schema, false);
    else if (slice_is(type, "boolean")) json_put_bool(m->w, dice_chance(m->dice, 0.5));
    else if (slice_is(type, "null")) json_put_null(m->w);
    else write_string(m, schema, name);
}

void schema_write(const struct json_doc *doc, uint32_t schema, struct dice *d, const struct echo *echo,
                  struct arena *arena, struct json_writer *w) {
    struct making m = {doc, schema, d, echo, arena, w};
    if (schema != JSON_NONE && json_type(doc, schema) == JSON_OBJECT) {
        write_value(&m, schema, 0, SLICE(""));
        return;
    }
    json_object(w);
    json_key(w, "answer");
    write_string(&m, JSON_NONE, SLICE(""));
    json_object_end(w);
}
