/* watch_tell.c - see watch_tell.h. */
#include "quality/watch_tell.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "stats/special.h"

#include <math.h>

#define TEXT_MOST (256u << 10)
#define HISTOGRAM_MOST (64u << 10)

void watch_tell_begin(struct watch_tell *t, struct arena *arena) {
    *t = (struct watch_tell){.arena = arena};
    buffer_init(&t->text, TEXT_MOST);
}
void watch_tell_end(struct watch_tell *t) { buffer_deinit(&t->text); }

struct buffer *watch_tell_text(struct watch_tell *t) {
    buffer_clear(&t->text);
    return &t->text;
}
struct json_writer *watch_tell_json(struct watch_tell *t) {
    buffer_clear(&t->text);
    json_start(&t->json, &t->text);
    return &t->json;
}
struct slice watch_tell_take(struct watch_tell *t) {
    if (t->text.overflow) t->arena->full = true;
    return arena_slice(t->arena, slice_make(t->text.len > 0 ? t->text.at : "", t->text.len));
}

struct slice watch_tell_key(struct watch_tell *t, enum finding_kind kind, const struct slice *parts, unsigned n) {
    struct json_writer *w = watch_tell_json(t);
    json_array(w);
    json_put_text(w, finding_kind_name(kind));
    for (unsigned i = 0; i < n; i++) json_put_string(w, slice_is_null(parts[i]) ? SLICE("") : parts[i]);
    json_array_end(w);
    return watch_tell_take(t);
}

/* Room for one more of `size` bytes behind `n`; NULL: the arena is full. */
static void *room(struct watch_tell *t, void *all, unsigned n, unsigned *cap, size_t size) {
    if (n < *cap) return all;
    unsigned more = *cap == 0 ? 16 : 2 * *cap;
    void *grown = arena_resize(t->arena, all, *cap * size, more * size);
    if (grown != NULL) *cap = more;
    return grown;
}

void watch_tell_finding(struct watch_tell *t, const struct finding *f) {
    struct finding *all = room(t, t->seen, t->n_seen, &t->cap_seen, sizeof *all);
    if (all == NULL) return;
    t->seen = all;
    t->seen[t->n_seen++] = *f;
}
void watch_tell_unsure(struct watch_tell *t, struct slice key) {
    struct slice *all = room(t, t->unsure, t->n_unsure, &t->cap_unsure, sizeof *all);
    if (all == NULL) return;
    t->unsure = all;
    t->unsure[t->n_unsure++] = key;
}
enum fault watch_tell_done(const struct watch_tell *t, struct error *error) {
    return arena_is_full(t->arena) ? error_set(error, FAULT_TOO_LARGE, "a look of the watch found more than fits into its memory") : FAULT_NONE;
}

static bool is_plain(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("._/:@-", c) == NULL)) return false;
    }
    return s.len > 0 && s.at[0] != '-';
}
void watch_tell_argument(struct buffer *out, struct slice value) {
    bool plain = is_plain(value);
    buffer_append(out, plain ? SLICE(" ") : SLICE(" '"));
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] == '\'') buffer_append(out, SLICE("'\\''"));
        else buffer_byte(out, value.at[i]);
    if (!plain) buffer_byte(out, '\'');
}
void watch_tell_option(struct buffer *out, const char *option, struct slice value) {
    if (slice_is_null(value)) return;
    buffer_printf(out, " --%s", option);
    watch_tell_argument(out, value);
}
void watch_tell_share(struct buffer *out, double share) {
    double p = 100 * share;
    buffer_printf(out, p >= 9.95 || p == 0 ? "%.0f %%" : p >= 0.095 ? "%.1f %%" : "%.3f %%", p);
}
void watch_tell_time(struct buffer *out, double seconds) {
    if (seconds > 0 && seconds < 0.0009995) buffer_printf(out, "%.0f us", 1e6 * seconds);
    else if (seconds < 1) buffer_printf(out, "%.0f ms", 1000 * seconds);
    else if (seconds < 119.5) buffer_printf(out, seconds < 99.5 ? "%.1f s" : "%.0f s", seconds);
    else if (seconds < 7170) buffer_printf(out, "%.0f min", seconds / 60);
    else buffer_printf(out, seconds < 171000 ? "%.0f h" : "%.0f days", seconds < 171000 ? seconds / 3600 : seconds / 86400);
}
void watch_tell_clock(struct buffer *out, int64_t wall_us) {
    char at[CLOCK_TEXT];
    clock_words(wall_us, at);
    buffer_append(out, slice_of(at));
}

void watch_histogram_write(const struct histogram *h, struct json_writer *w) {
    struct buffer bytes;
    buffer_init(&bytes, HISTOGRAM_MOST);
    histogram_encode(h, &bytes);
    char *text = mem_alloc(2 * bytes.len + 1);
    if (bytes.len > 0) digest_hex((const uint8_t *)bytes.at, bytes.len, text);
    json_put_text(w, text);
    mem_free(text);
    buffer_deinit(&bytes);
}
bool watch_histogram_read(struct slice hex, struct histogram *into) {
    size_t n = hex.len / 2;
    if (slice_is_null(hex) || n > HISTOGRAM_MOST) return false;
    uint8_t *bytes = mem_alloc(n + 1);
    bool good = digest_from_hex(hex, bytes, n) && histogram_decode(slice_make((const char *)bytes, n), into);
    mem_free(bytes);
    return good;
}

void watch_detector_write(const struct detector *d, struct json_writer *w) {
    json_object(w);
    json_member_double(w, "normal", d->normal);
    json_member_double(w, "threshold", d->threshold);
    json_member_i64(w, "n", (int64_t)d->n);
    json_member_i64(w, "since", (int64_t)d->since);
    json_member_double(w, "sum_since", d->sum_since);
    json_member_double(w, "log_since", d->log_since);
    json_key(w, "r");
    json_array(w);
    for (unsigned i = 0; i < DETECT_BETS; i++) json_put_double(w, d->r[i]);
    json_array_end(w);
    json_object_end(w);
}
bool watch_detector_read(const struct json_doc *doc, uint32_t at, struct detector *ret) {
    struct detector d;
    double normal, threshold;
    int64_t n, since;
    uint32_t r = json_get(doc, at, "r");
    if (!json_get_double(doc, json_get(doc, at, "normal"), &normal) || !json_get_double(doc, json_get(doc, at, "threshold"), &threshold) ||
        !json_get_i64(doc, json_get(doc, at, "n"), &n) || !json_get_i64(doc, json_get(doc, at, "since"), &since) || n < 0 || since < 0 ||
        json_size(doc, r) != DETECT_BETS)
        return false;
    detector_begin(&d, normal, 0, threshold);
    d.n = (uint64_t)n;
    d.since = (uint64_t)since;
    if (!json_get_double(doc, json_get(doc, at, "sum_since"), &d.sum_since) || !json_get_double(doc, json_get(doc, at, "log_since"), &d.log_since)) return false;
    for (unsigned i = 0; i < DETECT_BETS; i++)
        if (!json_get_double(doc, json_item(doc, r, i), &d.r[i]) || d.r[i] < 0) return false;
    *ret = d;
    return true;
}

double watch_tail(double hits, double n, double chance) {
    if (hits <= 0) return 1;
    if (hits > n) return 0;
    return special_beta_cdf(chance, hits, n - hits + 1);
}
