#include "change/guardrail_private.h"

#include "base/digest.h"
#include "base/mem.h"

#include <math.h>

/* ---- which way is worse ---- */

enum guard_scale guard_scale_of(struct slice metric) {
    if (slice_is(metric, "judge")) return SCALE_SHARE;
    return slice_starts(metric, SLICE("score:")) || slice_is(metric, "tool_calls") ? SCALE_DIFFERENCE : SCALE_RATIO;
}

const char *guard_scale_name(enum guard_scale s) {
    static const char *const names[] = {"ratio", "difference", "share"};
    return names[s];
}

double guard_limit(const struct guard_answer *a) {
    enum guard_scale s = guard_scale_of(a->metric);
    return s == SCALE_RATIO ? a->margin : s == SCALE_SHARE ? 0.5 - a->margin : 0 - a->margin; /* never -0 */
}

/* ---- JSON ---- */

static void put_number(struct json_writer *w, const char *key, double n) {
    json_key(w, key);
    if (isfinite(n) && n == floor(n) && fabs(n) < 1e15) json_put_i64(w, (int64_t)n);
    else json_put_double(w, n);
}

void guardrails_write(const struct guard_answer *a, unsigned n, struct json_writer *w) {
    json_array(w);
    for (; n > 0; n--, a++) {
        json_object(w);
        json_member_string(w, "metric", a->metric);
        json_member_text(w, "verdict", guard_verdict_name(a->verdict));
        json_member_double(w, "effect", a->effect);
        json_key(w, "interval");
        json_array(w);
        json_put_double(w, a->interval.low);
        json_put_double(w, a->interval.high);
        json_array_end(w);
        json_member_double(w, "evidence", a->evidence);
        json_member_double(w, "threshold", a->threshold);
        json_member_double(w, "alpha", a->alpha);
        json_member_double(w, "margin", a->margin);
        json_member_text(w, "scale", guard_scale_name(guard_scale_of(a->metric)));
        json_member_double(w, "limit", guard_limit(a));
        json_key(w, "n_candidate");
        json_put_u64(w, a->n_candidate);
        json_key(w, "n_control");
        json_put_u64(w, a->n_control);
        put_number(w, "needed", a->needed);
        json_member_double(w, "candidate", a->candidate);
        json_member_double(w, "control", a->control);
        json_member_text(w, "why", a->why);
        json_object_end(w);
    }
    json_array_end(w);
}

/* ---- bytes ----
 * Format, hash of the plan, then every member in the order it is declared in; last XXH3 over all that. Numbers are 8 bytes, little-endian. */

enum { FORMAT = 1 };

static void put_u64(struct buffer *out, uint64_t n) {
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)(n >> (8 * i));
    buffer_append(out, slice_make(bytes, sizeof bytes));
}

static void put_double(struct buffer *out, double d) {
    uint64_t n;
    memcpy(&n, &d, sizeof n);
    put_u64(out, n);
}

static void put_set(struct buffer *out, const struct unit_set *s) {
    put_u64(out, s->level);
    put_u64(out, s->n);
    for (uint32_t i = 0; s->slots != NULL && i < 2 * GUARD_UNITS; i++) {
        if (s->slots[i] == 0) continue;
        char bytes[4] = {(char)s->slots[i], (char)(s->slots[i] >> 8), (char)(s->slots[i] >> 16), (char)(s->slots[i] >> 24)};
        buffer_append(out, slice_make(bytes, sizeof bytes));
    }
}

static void put_histogram(struct buffer *out, const struct histogram *h) {
    struct buffer bytes;
    buffer_init(&bytes, SIZE_MAX / 2);
    histogram_encode(h, &bytes);
    put_u64(out, bytes.len);
    buffer_append(out, buffer_slice(&bytes));
    buffer_deinit(&bytes);
}

static void put_sums(struct buffer *out, const struct guard_sums *s, unsigned cells) {
    for (int i = 0; i < GUARD_ARMS; i++) put_u64(out, s->n[i]);
    for (int i = 0; i < GUARD_ARMS; i++) put_u64(out, s->failures[i]);
    for (unsigned i = 0; i < cells; i++) {
        put_u64(out, s->cells[i].candidate);
        put_u64(out, s->cells[i].control);
    }
    put_set(out, &s->failed);
    put_histogram(out, &s->reference);
    for (int side = 0; side < SIDES; side++) {
        put_histogram(out, &s->of[side]);
        put_u64(out, s->sums[side].n);
        put_double(out, s->sums[side].sum);
        put_double(out, s->sums[side].squares);
        for (unsigned i = 0; i < GUARD_GROUPS; i++) {
            put_double(out, s->groups[side][i].n);
            put_double(out, s->groups[side][i].y);
        }
    }
}

void guardrails_encode(const struct guardrails *g, struct buffer *out) {
    struct buffer b;
    buffer_init(&b, SIZE_MAX / 2);
    put_u64(&b, FORMAT);
    put_u64(&b, g->plan);
    put_u64(&b, g->weight_ppm);
    put_u64(&b, g->n_cells);
    for (unsigned i = 0; i < g->n_cells; i++) {
        put_u64(&b, g->cells[i].weight_ppm);
        for (int arm = 0; arm < GUARD_ARMS; arm++) put_u64(&b, g->cells[i].units[arm]);
        for (int arm = 0; arm < GUARD_ARMS; arm++) put_u64(&b, g->cells[i].exchanges[arm]);
    }
    put_set(&b, &g->units);
    for (unsigned i = 0; i < g->n; i++) put_sums(&b, &g->sums[i], g->n_cells);
    put_u64(&b, digest_fast(buffer_slice(&b), FORMAT));
    buffer_append(out, buffer_slice(&b)); /* whole or not at all */
    buffer_deinit(&b);
}

struct cursor {
    struct slice left;
    bool bad;
};

static struct slice take_bytes(struct cursor *c, uint64_t n) {
    if (c->bad || n > c->left.len) {
        c->bad = true;
        return SLICE_NULL;
    }
    struct slice s = {c->left.at, (size_t)n};
    c->left = slice_make(c->left.at + n, c->left.len - (size_t)n);
    return s;
}

static uint64_t take_u64(struct cursor *c) {
    struct slice s = take_bytes(c, 8);
    uint64_t n = 0;
    for (size_t i = s.len; i-- > 0;) n = n << 8 | (unsigned char)s.at[i];
    return n;
}

static double take_double(struct cursor *c) {
    uint64_t n = take_u64(c);
    double d;
    memcpy(&d, &n, sizeof d);
    if (!isfinite(d)) c->bad = true;
    return d;
}

static void take_set(struct cursor *c, struct unit_set *s) {
    uint64_t level = take_u64(c), n = take_u64(c);
    if (level > 31 || n > GUARD_UNITS) c->bad = true;
    if (c->bad) return;
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        struct slice at = take_bytes(c, 4);
        uint64_t hash = 0;
        for (size_t k = at.len; k-- > 0;) hash = hash << 8 | (unsigned char)at.at[k];
        if (hash == 0 || !unit_set_add(s, hash << 32)) c->bad = true;
    }
    s->level = (unsigned)level;
}

static void take_histogram(struct cursor *c, struct histogram *h) {
    struct slice bytes = take_bytes(c, take_u64(c));
    if (c->bad || !histogram_decode(bytes, h)) c->bad = true;
}

static void take_sums(struct cursor *c, struct guard_sums *s, const struct guardrails *g) {
    for (int i = 0; i < GUARD_ARMS; i++) s->n[i] = take_u64(c);
    for (int i = 0; i < GUARD_ARMS; i++) s->failures[i] = take_u64(c);
    for (unsigned i = 0; i < g->n_cells; i++) {
        uint64_t candidate = take_u64(c), control = take_u64(c);
        s->cells[i] = (struct failure_cell){g->cells[i].weight_ppm / 1e6, candidate, control};
    }
    take_set(c, &s->failed);
    take_histogram(c, &s->reference);
    for (int side = 0; side < SIDES; side++) {
        take_histogram(c, &s->of[side]);
        s->sums[side].n = take_u64(c);
        s->sums[side].sum = take_double(c);
        s->sums[side].squares = take_double(c);
        for (unsigned i = 0; i < GUARD_GROUPS; i++) {
            s->groups[side][i].n = take_double(c);
            s->groups[side][i].y = take_double(c);
        }
    }
}

static void take_all(struct cursor *c, struct guardrails *g) {
    g->weight_ppm = (uint32_t)take_u64(c);
    uint64_t cells = take_u64(c);
    if (cells > GUARD_CELLS) c->bad = true;
    g->n_cells = c->bad ? 0 : (unsigned)cells;
    for (unsigned i = 0; i < g->n_cells; i++) {
        g->cells[i].weight_ppm = (uint32_t)take_u64(c);
        for (int arm = 0; arm < GUARD_ARMS; arm++) g->cells[i].units[arm] = take_u64(c);
        for (int arm = 0; arm < GUARD_ARMS; arm++) g->cells[i].exchanges[arm] = take_u64(c);
    }
    take_set(c, &g->units);
    for (unsigned i = 0; i < g->n && !c->bad; i++) take_sums(c, &g->sums[i], g);
    if (c->left.len > 0) c->bad = true;
}

enum fault guardrails_decode(struct slice bytes, struct guardrails *g, struct error *error) {
    struct cursor c = {bytes, bytes.len < 24}, check = {bytes, false};
    if (!c.bad) {
        c.left.len -= 8;
        check.left = slice_make(bytes.at + c.left.len, 8);
        c.bad = take_u64(&check) != digest_fast(c.left, FORMAT);
    }
    if (c.bad || take_u64(&c) != FORMAT) return error_set(error, FAULT_CORRUPT, "the sums of a rollout are damaged");
    if (take_u64(&c) != g->plan) return error_set(error, FAULT_CORRUPT, "the sums of a rollout are of another plan");
    struct rollout_plan plan = {.guardrails = g->rails, .n_guardrails = g->n, .sticky = g->sticky, .alpha = g->alpha,
                                .min_samples = (int64_t)g->min_samples};
    struct guardrails *other = guardrails_new(&plan);
    take_all(&c, other);
    if (!c.bad) {
        struct guardrails former = *g;
        *g = *other;
        *other = former;
    }
    guardrails_free(other);
    return c.bad ? error_set(error, FAULT_CORRUPT, "the sums of a rollout are damaged") : FAULT_NONE;
}
