#include "base/histogram.h"
#include "base/digest.h"
#include "base/mem.h"

#include <math.h>

enum {
    STEPS = 1 << HISTOGRAM_SCALE, /* buckets to a doubling */
    INDEX_LEAST = -1,             /* of 1 */
    INDEX_MOST = 63 * STEPS - 1,  /* of INT64_MAX */
    FIRST_CAPACITY = 16,
    FORMAT = 1,
    CHECK_BYTES = 4,
    ROOM = 512,                   /* buckets: 16 doublings */
};

/* floor(2^(63 + j/32)). All but the first are irrational before they are cut, so comparing a value that is
 * shifted to 64 bits with them is exact: no logarithm that rounds, and powers of two lie where they should.
 */
static const uint64_t bounds[STEPS] = {
    0x8000000000000000, 0x82CD8698AC2BA1D7, 0x85AAC367CC487B14, 0x88980E8092DA8527, 0x8B95C1E3EA8BD6E6,
    0x8EA4398B45CD53C0, 0x91C3D373AB11C336, 0x94F4EFA8FEF70961, 0x9837F0518DB8A96F, 0x9B8D39B9D54E5538,
    0x9EF5326091A111AD, 0xA27043030C496818, 0xA5FED6A9B15138EA, 0xA9A15AB4EA7C0EF8, 0xAD583EEA42A14AC6,
    0xB123F581D2AC258F, 0xB504F333F9DE6484, 0xB8FBAF4762FB9EE9, 0xBD08A39F580C36BE, 0xC12C4CCA66709456,
    0xC5672A115506DADD, 0xC9B9BD866E2F27A2, 0xCE248C151F8480E3, 0xD2A81D91F12AE45A, 0xD744FCCAD69D6AF4,
    0xDBFBB797DAF23755, 0xE0CCDEEC2A94E111, 0xE5B906E77C8348A8, 0xEAC0C6E7DD24392E, 0xEFE4B99BDCDAF5CB,
    0xF5257D152486CC2C, 0xFA83B2DB722A033A,
};

static int32_t index_of(uint64_t value) {
    int zeros = __builtin_clzll(value);
    uint64_t wide = value << zeros;
    int step = 0; /* how many bounds are below it */
    for (int half = STEPS / 2; half > 0; half /= 2)
        if (wide > bounds[step + half - 1]) step += half;
    if (wide > bounds[step]) step++;
    return (63 - zeros) * STEPS + step - 1;
}

static double middle_of(int32_t index) {
    return exp2((index + 0.5) / STEPS);
}

void histogram_init(struct histogram *h) {
    *h = (struct histogram){0};
}

void histogram_deinit(struct histogram *h) {
    if (h == NULL) return;
    mem_free(h->buckets);
    *h = (struct histogram){0};
}

static int64_t add_held(int64_t a, int64_t b) { /* values are not negative, so only the top can be passed */
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void reserve(struct histogram *h, uint32_t n) {
    if (n <= h->capacity && h->buckets != NULL) return;
    uint32_t capacity = h->capacity > 0 ? h->capacity : FIRST_CAPACITY;
    while (capacity < n) capacity *= 2;
    h->buckets = mem_resize(h->buckets, capacity * sizeof *h->buckets);
    h->capacity = capacity;
}

/* Adds to a bucket, which is made in its place when it is new. */
static void add_bucket(struct histogram *h, int32_t index, uint64_t count) {
    uint32_t low = 0, high = h->used;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (h->buckets[middle].index < index) low = middle + 1;
        else high = middle;
    }
    if (low == h->used || h->buckets[low].index != index) {
        reserve(h, h->used + 1);
        memmove(h->buckets + low + 1, h->buckets + low, (h->used - low) * sizeof *h->buckets);
        h->buckets[low] = (struct histogram_bucket){.index = index};
        h->used++;
    }
    h->buckets[low].count += count;
}

static void widen(struct histogram *h, int64_t min, int64_t max) {
    if (h->count == 0 || min < h->min) h->min = min;
    if (h->count == 0 || max > h->max) h->max = max;
}

void histogram_add(struct histogram *h, int64_t value) {
    if (value < 0) value = 0;
    widen(h, value, value);
    h->count++;
    h->sum = add_held(h->sum, value);
    if (value == 0) h->zero++;
    else add_bucket(h, index_of((uint64_t)value), 1);
}

static uint32_t union_size(const struct histogram *a, const struct histogram *b) {
    uint32_t i = 0, k = 0, n = 0;
    for (; i < a->used && k < b->used; n++) {
        int32_t x = a->buckets[i].index, y = b->buckets[k].index;
        i += x <= y;
        k += y <= x;
    }
    return n + (a->used - i) + (b->used - k);
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    if (from->count == 0) return;
    uint32_t i = into->used, k = from->used, at = union_size(into, from);
    reserve(into, at);
    into->used = at;
    while (k > 0) { /* from the end, in place: what is left below is as it was. `from` may be `into` */
        struct histogram_bucket b = from->buckets[k - 1];
        if (i > 0 && into->buckets[i - 1].index > b.index) {
            into->buckets[--at] = into->buckets[--i];
            continue;
        }
        if (i > 0 && into->buckets[i - 1].index == b.index) b.count += into->buckets[--i].count;
        into->buckets[--at] = b;
        k--;
    }
    widen(into, from->min, from->max);
    into->sum = add_held(into->sum, from->sum);
    into->count += from->count;
    into->zero += from->zero;
}

double histogram_quantile(const struct histogram *h, double q) {
    if (h->count == 0) return -1;
    double rank = !(q > 0) ? 0 : q < 1 ? q * (double)h->count : (double)h->count;
    double below = (double)h->zero, value = (double)h->max;
    if (h->zero > 0 && rank <= below) return 0;
    for (uint32_t i = 0; i < h->used; i++) {
        below += (double)h->buckets[i].count;
        if (rank > below) continue;
        value = middle_of(h->buckets[i].index);
        break;
    }
    if (value < (double)h->min) return (double)h->min;
    return value > (double)h->max ? (double)h->max : value;
}

static double held(const struct histogram *h, double value) {
    if (value < (double)h->min) return (double)h->min;
    return value > (double)h->max ? (double)h->max : value;
}

void histogram_rank(const struct histogram *h, uint64_t rank, double *ret_low, double *ret_high) {
    uint64_t below = h->zero;
    *ret_low = *ret_high = h->count > 0 && rank > below ? (double)h->max : 0;
    if (rank <= below) return;
    for (uint32_t i = 0; i < h->used; i++) {
        below += h->buckets[i].count;
        if (rank > below) continue;
        *ret_low = held(h, exp2((double)h->buckets[i].index / STEPS));
        *ret_high = held(h, exp2((h->buckets[i].index + 1.0) / STEPS));
        return;
    }
}

/* ---- bytes ----
 * format, count, zero, sum, min, max - min, buckets; then for each its distance to the one before and its
 * count; then the low 32 bits of XXH3 over all that. */

static void put_varint(struct buffer *out, uint64_t n) {
    char bytes[10];
    size_t len = 0;
    for (; n >= 0x80; n >>= 7) bytes[len++] = (char)(n | 0x80);
    bytes[len++] = (char)n;
    buffer_append(out, slice_make(bytes, len));
}

static bool take_varint(struct slice *s, uint64_t *ret) {
    uint64_t n = 0;
    if (s->len > 0 && (unsigned char)s->at[0] < 0x80) { /* nearly all of them */
        *ret = (unsigned char)s->at[0];
        *s = slice_make(s->at + 1, s->len - 1);
        return true;
    }
    for (size_t i = 0; i < s->len && i < 10; i++) {
        uint64_t bits = (unsigned char)s->at[i] & 0x7F;
        if (i == 9 && bits > 1) return false;
        n |= bits << (7 * i);
        if ((unsigned char)s->at[i] >= 0x80) continue;
        if (i > 0 && bits == 0) return false; /* one number has one form */
        *s = slice_make(s->at + i + 1, s->len - i - 1);
        *ret = n;
        return true;
    }
    return false;
}

static void check_of(struct slice bytes, char out[CHECK_BYTES]) {
    uint64_t hash = digest_fast(bytes, FORMAT);
    for (int i = 0; i < CHECK_BYTES; i++) out[i] = (char)(hash >> (8 * i));
}

void histogram_encode(const struct histogram *h, struct buffer *out) {
    struct buffer bytes;
    char check[CHECK_BYTES];
    buffer_init(&bytes, SIZE_MAX / 2);
    put_varint(&bytes, FORMAT);
    put_varint(&bytes, h->count);
    if (h->count > 0) {
        put_varint(&bytes, h->zero);
        put_varint(&bytes, (uint64_t)h->sum);
        put_varint(&bytes, (uint64_t)h->min);
        put_varint(&bytes, (uint64_t)(h->max - h->min));
        put_varint(&bytes, h->used);
        int32_t last = INDEX_LEAST - 1;
        for (uint32_t i = 0; i < h->used; i++) {
            put_varint(&bytes, (uint64_t)(h->buckets[i].index - last));
            put_varint(&bytes, h->buckets[i].count);
            last = h->buckets[i].index;
        }
    }
    check_of(buffer_slice(&bytes), check);
    buffer_append(&bytes, slice_make(check, sizeof check));
    buffer_append(out, buffer_slice(&bytes)); /* whole or not at all */
    buffer_deinit(&bytes);
}

static bool take_buckets(struct slice *s, struct histogram *h) {
    uint64_t used, step, count, total = h->zero;
    int32_t last = INDEX_LEAST - 1;
    if (!take_varint(s, &used) || used > s->len / 2) return false;
    if (used > h->capacity) {
        *h = (struct histogram){h->count, h->zero, h->sum, h->min, h->max, NULL, 0, 0}; /* off the stack */
        reserve(h, (uint32_t)used);
    }
    for (uint64_t i = 0; i < used; i++) {
        if (!take_varint(s, &step) || !take_varint(s, &count)) return false;
        if (step == 0 || step > (uint64_t)(INDEX_MOST - last) || count == 0) return false;
        if (__builtin_add_overflow(total, count, &total)) return false;
        last += (int32_t)step;
        h->buckets[h->used++] = (struct histogram_bucket){last, count};
    }
    return total == h->count;
}

/* The checksum guards against damage; this against a writer that was wrong. */
static bool is_sound(const struct histogram *h) {
    if (h->used == 0) return h->zero > 0 && h->min == 0 && h->max == 0 && h->sum == 0;
    if (h->zero > 0 ? h->min != 0 : h->min < 1 || index_of((uint64_t)h->min) != h->buckets[0].index)
        return false;
    return h->max > 0 && h->sum >= h->max && index_of((uint64_t)h->max) == h->buckets[h->used - 1].index;
}

static bool take_histogram(struct slice s, struct histogram *h) {
    uint64_t format, sum, min, spread;
    if (!take_varint(&s, &format) || format != FORMAT || !take_varint(&s, &h->count)) return false;
    if (h->count == 0) return s.len == 0;
    if (!take_varint(&s, &h->zero) || !take_varint(&s, &sum) || !take_varint(&s, &min) ||
        !take_varint(&s, &spread))
        return false;
    if (h->zero > h->count || sum > INT64_MAX || min > INT64_MAX || spread > INT64_MAX - min) return false;
    h->sum = (int64_t)sum;
    h->min = (int64_t)min;
    h->max = (int64_t)(min + spread);
    return take_buckets(&s, h) && s.len == 0 && is_sound(h);
}

bool histogram_decode(struct slice bytes, struct histogram *into) {
    struct histogram_bucket room[ROOM];
    struct histogram h = {.buckets = room, .capacity = ROOM}; /* nothing is allocated for one of usual size */
    char check[CHECK_BYTES];
    if (bytes.len < CHECK_BYTES) return false;
    bytes.len -= CHECK_BYTES;
    check_of(bytes, check);
    bool good = memcmp(check, bytes.at + bytes.len, sizeof check) == 0 && take_histogram(bytes, &h);
    if (good) histogram_merge(into, &h);
    if (h.buckets != room) histogram_deinit(&h);
    return good;
}
