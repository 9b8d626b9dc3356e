#include "store/rollup.h"
#include "store/varint.h"

enum { ROLLUP_PLAIN = 1, ROLLUP_VERSION = 2 }; /* PLAIN: without what stands behind the histograms */

const unsigned rollup_bits[ROLLUP_TEXTS] = {BY_APPLICATION, BY_REQUEST_TYPE, BY_MODEL, BY_PROMPT, BY_FEATURE, BY_TEAM, BY_PROVIDER};
/* The order is that of the files: only ever appended to. */
const struct rollup_view rollup_views[ROLLUP_VIEWS] = {
    {~0u, true},
    {BY_APPLICATION, false},
    {BY_APPLICATION | BY_REQUEST_TYPE, true},
    {BY_APPLICATION | BY_MODEL | BY_PROVIDER, true},
    {BY_APPLICATION | BY_PROMPT, false},
};

/* The plain counters, in the order they are stored. */
#define COUNTERS(COUNTER)                                                                                    \
    COUNTER(cost_nano)                                                                                       \
    COUNTER(input) COUNTER(cache_read) COUNTER(cache_write) COUNTER(output) COUNTER(reasoning)

void rollup_init(struct rollup *r) {
    *r = (struct rollup){0};
    for (int i = 0; i < ROLLUP_HISTOGRAMS; i++) histogram_init(&r->histograms[i]);
}

void rollup_deinit(struct rollup *r) {
    for (int i = 0; i < ROLLUP_HISTOGRAMS; i++) histogram_deinit(&r->histograms[i]);
}

/* Providers report counts: a silly one must not wrap the sum. */
static void add(int64_t *sum, int64_t n) {
    if (__builtin_add_overflow(*sum, n, sum)) *sum = n < 0 ? INT64_MIN : INT64_MAX;
}

static void add_count(int64_t *sum, int64_t n) {
    if (n > 0) add(sum, n); /* USAGE_NULL is negative */
}

void rollup_add(struct rollup *r, const struct record *record) {
    const struct usage *u = &record->usage;
    r->count++;
    if ((unsigned)record->status < RECORD_STATUS_COUNT) r->by_status[record->status]++;
    if (money_is_known(record->cost_nano)) {
        add(&r->cost_nano, record->cost_nano);
        r->cost_square += (double)record->cost_nano * (double)record->cost_nano;
    } else {
        r->unpriced++;
    }
    if (record->cache.len > 0) { /* a kept answer was given */
        r->cache_hits++;
        add_count(&r->saved_nano, record->saved_nano);
    }
    add_count(&r->input, u->input);
    add_count(&r->cache_read, u->cache_read);
    add_count(&r->cache_write, u->cache_write);
    add_count(&r->output, u->output);
    add_count(&r->reasoning, u->reasoning);
    if (record->status != RECORD_REFUSED && record->duration_us >= 0)
        histogram_add(&r->histograms[ROLLUP_DURATION], record->duration_us);
    if (record->ttft_us < 0) return;
    histogram_add(&r->histograms[ROLLUP_FIRST_TOKEN], record->ttft_us);
    if (u->output > 1 && record->duration_us >= record->ttft_us)
        histogram_add(&r->histograms[ROLLUP_PER_TOKEN],
                      (record->duration_us - record->ttft_us) / (u->output - 1));
}

void rollup_merge(struct rollup *into, const struct rollup *from) {
    into->count += from->count;
    into->unpriced += from->unpriced;
    into->plain += from->plain;
    into->cache_hits += from->cache_hits;
    into->cost_square += from->cost_square;
    add(&into->saved_nano, from->saved_nano);
    for (int i = 0; i < RECORD_STATUS_COUNT; i++) into->by_status[i] += from->by_status[i];
#define COUNTER(name) add(&into->name, from->name);
    COUNTERS(COUNTER)
#undef COUNTER
    for (int i = 0; i < ROLLUP_HISTOGRAMS; i++) histogram_merge(&into->histograms[i], &from->histograms[i]);
}

/* version, count, unpriced, number of statuses and each, counters, number of histograms and each; plain, cache hits, saved, and the
 * eight bytes of the sum of squares, the least first. */
void rollup_encode(const struct rollup *r, struct buffer *out) {
    struct buffer histogram;
    buffer_init(&histogram, 1 << 20);
    varint_put(out, ROLLUP_VERSION);
    varint_put(out, r->count);
    varint_put(out, r->unpriced);
    varint_put(out, RECORD_STATUS_COUNT);
    for (int i = 0; i < RECORD_STATUS_COUNT; i++) varint_put(out, r->by_status[i]);
#define COUNTER(name) varint_put(out, varint_from_signed(r->name));
    COUNTERS(COUNTER)
#undef COUNTER
    varint_put(out, ROLLUP_HISTOGRAMS);
    for (int i = 0; i < ROLLUP_HISTOGRAMS; i++) {
        buffer_clear(&histogram);
        if (r->histograms[i].count > 0) histogram_encode(&r->histograms[i], &histogram);
        varint_put_bytes(out, buffer_slice(&histogram));
    }
    buffer_deinit(&histogram);
    varint_put(out, r->plain);
    varint_put(out, r->cache_hits);
    varint_put(out, varint_from_signed(r->saved_nano));
    uint64_t bits;
    memcpy(&bits, &r->cost_square, sizeof bits);
    for (unsigned i = 0; i < sizeof bits; i++) buffer_byte(out, (char)(bits >> (8 * i)));
}

static bool decode_rest(struct slice bytes, struct rollup *into) {
    uint64_t plain, hits, saved, bits = 0;
    double square;
    if (!varint_take(&bytes, &plain) || !varint_take(&bytes, &hits) || !varint_take(&bytes, &saved) || bytes.len < sizeof bits) return false;
    for (unsigned i = 0; i < sizeof bits; i++) bits |= (uint64_t)(unsigned char)bytes.at[i] << (8 * i);
    memcpy(&square, &bits, sizeof square);
    into->plain += plain;
    into->cache_hits += hits;
    add(&into->saved_nano, varint_to_signed(saved));
    into->cost_square += square;
    return true;
}

bool rollup_decode(struct slice bytes, unsigned without, struct rollup *into) {
    uint64_t version, n, value;
    if (!varint_take(&bytes, &version) || version < ROLLUP_PLAIN || version > ROLLUP_VERSION) return false;
    if (!varint_take(&bytes, &value)) return false;
    into->count += value;
    if (version == ROLLUP_PLAIN) into->plain += value;
    if (!varint_take(&bytes, &value)) return false;
    into->unpriced += value;
    if (!varint_take(&bytes, &n)) return false;
    for (uint64_t i = 0; i < n; i++) {
        if (!varint_take(&bytes, &value)) return false;
        if (i < RECORD_STATUS_COUNT) into->by_status[i] += value;
    }
#define COUNTER(name)                                                                                        \
    if (!varint_take(&bytes, &value)) return false;                                                          \
    add(&into->name, varint_to_signed(value));
    COUNTERS(COUNTER)
#undef COUNTER
    if (!varint_take(&bytes, &n)) return false;
    for (uint64_t i = 0; i < n; i++) {
        struct slice histogram;
        if (!varint_take_bytes(&bytes, &histogram)) return false;
        if (i >= ROLLUP_HISTOGRAMS || histogram.len == 0 || (without >> i & 1)) continue;
        if (!histogram_decode(histogram, &into->histograms[i])) return false;
    }
    return version == ROLLUP_PLAIN || decode_rest(bytes, into);
}

struct slice rollup_prompt(const struct record *r, struct buffer *room) {
    if (slice_is_null(r->prompt_name) || slice_is_null(r->prompt_version)) return r->prompt_name;
    buffer_clear(room);
    buffer_append(room, r->prompt_name);
    buffer_byte(room, '@');
    buffer_append(room, r->prompt_version);
    return buffer_slice(room);
}
