#include "quality/json_value.h"

#include "base/digest.h"

#include <stdlib.h>

#define FARTHEST ((int64_t)1 << 60)

/* ---- numbers ---- */

static int64_t read_exponent(struct slice s) {
    bool negative = s.len > 0 && s.at[0] == '-';
    int64_t n = 0;
    for (size_t i = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+'); i < s.len; i++) {
        if (n < FARTHEST / 10) n = n * 10 + (s.at[i] - '0');
        else n = FARTHEST;
    }
    return negative ? -n : n;
}

struct json_number json_number_read(struct slice text) {
    struct json_number n = {.negative = text.len > 0 && text.at[0] == '-'};
    const char *at = text.at + n.negative, *end = text.at + text.len, *e = at;
    while (e < end && *e != 'e' && *e != 'E') e++;
    if (e < end) n.exponent = read_exponent(slice_make(e + 1, (size_t)(end - e - 1)));
    const char *point = memchr(at, '.', (size_t)(e - at)), *from = at, *to = e;
    while (from < to && (*from == '0' || *from == '.')) from++;
    while (to > from && (to[-1] == '0' || to[-1] == '.')) to--;
    if (from == to) return (struct json_number){.count = 0};
    bool inside = point != NULL && point > from && point < to;
    n.digits = slice_make(from, (size_t)(to - from));
    n.count = (unsigned)(n.digits.len - inside);
    if (point == NULL) n.exponent += e - to;        /* 1200: two zeros were left out */
    else if (point >= to) n.exponent += point - to; /* 1200.0 */
    else n.exponent -= (int64_t)(to - point) - 1;   /* 0.0012, 12.5 */
    return n;
}

bool json_number_is_whole(const struct json_number *n) {
    return n->count == 0 || n->exponent >= 0;
}

/* The next digit of the significand, 0 behind its end. */
static int digit_at(struct slice *rest) {
    if (rest->len > 0 && *rest->at == '.') *rest = slice_make(rest->at + 1, rest->len - 1);
    if (rest->len == 0) return 0;
    int d = *rest->at - '0';
    *rest = slice_make(rest->at + 1, rest->len - 1);
    return d;
}

static int compare_magnitude(const struct json_number *a, const struct json_number *b) {
    if (a->count == 0 || b->count == 0) return (a->count > 0) - (b->count > 0);
    int64_t top_a = a->exponent + a->count, top_b = b->exponent + b->count;
    if (top_a != top_b) return top_a < top_b ? -1 : 1;
    struct slice x = a->digits, y = b->digits;
    while (x.len > 0 || y.len > 0) {
        int p = digit_at(&x), q = digit_at(&y);
        if (p != q) return p < q ? -1 : 1;
    }
    return 0;
}

int json_number_compare(const struct json_number *a, const struct json_number *b) {
    if (a->negative != b->negative) return a->negative ? -1 : 1; /* zero is not negative */
    int magnitude = compare_magnitude(a, b);
    return a->negative ? -magnitude : magnitude;
}

bool json_divisor_read(struct slice text, struct json_divisor *ret) {
    struct json_number n = json_number_read(text);
    struct json_divisor d = {.exponent = n.exponent};
    if (n.negative || n.count == 0 || n.count > 18) return false;
    for (struct slice rest = n.digits; rest.len > 0;) d.digits = d.digits * 10 + (uint64_t)digit_at(&rest);
    *ret = d;
    return true;
}

static uint64_t times(uint64_t a, uint64_t b, uint64_t modulus) {
    return (uint64_t)((unsigned __int128)a * b % modulus);
}

/* n / of is whole: digits * 10^k divides by of->digits, k the difference of the exponents. With k < 0 the
 * digits themselves would have to divide by 10, and they do not end with 0. */
bool json_number_is_multiple(const struct json_number *n, const struct json_divisor *of) {
    if (n->count == 0) return true;
    int64_t k = n->exponent - of->exponent;
    if (k < 0) return false;
    uint64_t left = 0, ten = 10 % of->digits;
    for (struct slice rest = n->digits; rest.len > 0;)
        left = (uint64_t)(((unsigned __int128)left * 10 + (unsigned)digit_at(&rest)) % of->digits);
    for (; k > 0 && left != 0; k >>= 1) {
        if (k & 1) left = times(left, ten, of->digits);
        ten = times(ten, ten, of->digits);
    }
    return left == 0;
}

/* ---- hash ---- */

static uint64_t hash_number(struct slice text) {
    struct json_number n = json_number_read(text);
    uint64_t h = (uint64_t)n.exponent * 0x9E3779B97F4A7C15u + n.negative;
    for (struct slice rest = n.digits; rest.len > 0;) h = (h ^ (uint64_t)digit_at(&rest)) * 0x100000001B3u;
    return h ^ h >> 29;
}

static uint64_t mix(uint64_t h, uint64_t more) {
    h = (h ^ more) * 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

uint64_t json_value_hash(const struct json_doc *d, uint32_t node, struct arena *arena) {
    enum json_type type = json_type(d, node);
    uint32_t cursor = JSON_NONE, key, child;
    uint64_t h = (uint64_t)type;
    if (type == JSON_NUMBER) return mix(h, hash_number(json_raw(d, node)));
    if (type == JSON_STRING) return mix(h, digest_fast(json_string(d, node, arena), 0));
    if (type == JSON_ARRAY)
        while (json_each_item(d, node, &cursor, &child)) h = mix(h, json_value_hash(d, child, arena));
    if (type == JSON_OBJECT) /* a sum, so that the order is all one */
        while (json_each_member(d, node, &cursor, &key, &child))
            h += mix(digest_fast(json_string(d, key, arena), 1), json_value_hash(d, child, arena));
    return mix(h, 0);
}

/* ---- equality ---- */

struct member {
    struct slice key;
    uint32_t value;
};

static int by_key(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    size_t n = x->key.len < y->key.len ? x->key.len : y->key.len;
    int c = n > 0 ? memcmp(x->key.at, y->key.at, n) : 0;
    if (c == 0 && x->key.len != y->key.len) c = x->key.len < y->key.len ? -1 : 1;
    if (c == 0)
        c = x->value < y->value ? -1 : x->value > y->value; /* so that the last of equal keys is last */
    return c;
}

/* Members by key, of equal keys the last one. NULL when the arena is full. */
static struct member *sorted(const struct json_doc *d, uint32_t object, struct arena *arena,
                             uint32_t *ret_n) {
    uint32_t n = 0, kept = 0, cursor = JSON_NONE, key, value;
    struct member *m = arena_new_array(arena, struct member, json_size(d, object));
    if (m == NULL) return NULL;
    for (; json_each_member(d, object, &cursor, &key, &value); n++) {
        m[n] = (struct member){json_string(d, key, arena), value};
        if (slice_is_null(m[n].key)) return NULL;
    }
    qsort(m, n, sizeof *m, by_key);
    for (uint32_t i = 0; i < n; i++)
        if (i + 1 == n || !slice_eq(m[i].key, m[i + 1].key)) m[kept++] = m[i];
    *ret_n = kept;
    return m;
}

static bool equal_objects(const struct json_doc *a, uint32_t x, const struct json_doc *b, uint32_t y,
                          struct arena *arena) {
    uint32_t n = 0, m = 0;
    struct member *p = sorted(a, x, arena, &n), *q = sorted(b, y, arena, &m);
    if (p == NULL || q == NULL || n != m) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!slice_eq(p[i].key, q[i].key) || !json_value_equal(a, p[i].value, b, q[i].value, arena))
            return false;
    return true;
}

static bool equal_strings(const struct json_doc *a, uint32_t x, const struct json_doc *b, uint32_t y,
                          struct arena *arena) {
    if (!a->nodes[x].escaped && !b->nodes[y].escaped) return slice_eq(json_raw(a, x), json_raw(b, y));
    struct slice s = json_string(a, x, arena), t = json_string(b, y, arena);
    return !slice_is_null(s) && !slice_is_null(t) && slice_eq(s, t);
}

bool json_value_equal(const struct json_doc *a, uint32_t x, const struct json_doc *b, uint32_t y,
                      struct arena *arena) {
    enum json_type type = json_type(a, x);
    if (type != json_type(b, y)) return false;
    if (type == JSON_STRING) return equal_strings(a, x, b, y, arena);
    if (type == JSON_OBJECT) return equal_objects(a, x, b, y, arena);
    if (type == JSON_NUMBER) {
        if (slice_eq(json_raw(a, x), json_raw(b, y))) return true;
        struct json_number n = json_number_read(json_raw(a, x)), m = json_number_read(json_raw(b, y));
        return json_number_compare(&n, &m) == 0;
    }
    if (type != JSON_ARRAY) return true;
    uint32_t i = JSON_NONE, j = JSON_NONE, p, q;
    for (;;) {
        bool more = json_each_item(a, x, &i, &p);
        if (more != json_each_item(b, y, &j, &q)) return false;
        if (!more) return true;
        if (!json_value_equal(a, p, b, q, arena)) return false;
    }
}

bool json_value_within(const struct json_doc *part, uint32_t x, const struct json_doc *whole, uint32_t y,
                       struct arena *arena) {
    if (json_type(part, x) != JSON_OBJECT || json_type(whole, y) != JSON_OBJECT)
        return json_value_equal(part, x, whole, y, arena);
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(part, x, &cursor, &key, &value)) {
        struct slice name = json_string(part, key, arena);
        uint32_t at = slice_is_null(name) ? JSON_NONE : json_get_slice(whole, y, name);
        if (at == JSON_NONE || !json_value_within(part, value, whole, at, arena)) return false;
    }
    return true;
}
