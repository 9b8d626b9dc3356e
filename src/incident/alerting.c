#include "incident/alerting.h"

#include "base/digest.h"

#include <math.h>

/* Nagios, base/flapping.c: the newest change weighs 1.25, the oldest 0.75, in equal steps. */
#define WEIGHT_OLDEST 0.75
#define WEIGHT_NEWEST 1.25
#define FLAPS_ABOVE 0.5
#define STEADY_BELOW 0.25
#define PERIOD_BITS (((uint32_t)1 << ALERT_PERIODS) - 1)

enum alert_observed alert_observe(const struct alert_when *w, double threshold, double clear, double value, double n) {
    if (isnan(value) || isnan(threshold)) return OBSERVED_NOTHING;
    if (w->test == ALERT_FINDING) return value > 0 ? OBSERVED_BEYOND : OBSERVED_NOT;
    if (w->min_samples > 0 && !(n >= (double)w->min_samples)) return OBSERVED_NOTHING;
    bool below = w->test == ALERT_BELOW;
    if (below ? value < threshold : value > threshold) return OBSERVED_BEYOND;
    return !isnan(clear) && (below ? value < clear : value > clear) ? OBSERVED_BETWEEN : OBSERVED_NOT;
}

int64_t alert_period(const struct alert_rule *r) {
    enum { WINDOW_PARTS = 5 };
    return (r->for_us + r->keep_us + r->when.window_us / WINDOW_PARTS) / 2;
}

double alert_flapping(uint32_t changes) {
    double sum = 0;
    for (unsigned i = 0; i < ALERT_PERIODS; i++)
        if (changes >> i & 1) sum += WEIGHT_NEWEST - (WEIGHT_NEWEST - WEIGHT_OLDEST) * i / (ALERT_PERIODS - 1);
    return sum / ALERT_PERIODS;
}

static bool is_lit(enum alert_state s) { return s == ALERT_FIRING || s == ALERT_ACKNOWLEDGED; }

bool alert_fires(const struct alert_life *life) {
    enum alert_state s = life->state == ALERT_NODATA ? life->before : life->state;
    return is_lit(s) || s == ALERT_FLAPPING;
}

static void enter(struct alert_life *life, enum alert_state s, int64_t now_us) {
    life->state = s;
    life->since_us = now_us;
}

/* ---- the plain machine: what it would be if nothing flapped ---- */

static enum alert_state plain_quiet(const struct alert_rule *r, struct alert_life *life, enum alert_state s, bool beyond, int64_t now_us) {
    life->well_us = 0;
    if (!beyond) {
        life->beyond_us = 0;
        return s == ALERT_PENDING ? ALERT_INACTIVE : s;
    }
    if (life->beyond_us == 0) life->beyond_us = now_us;
    if (now_us - life->beyond_us < r->for_us) return ALERT_PENDING;
    life->beyond_us = 0;
    return ALERT_FIRING;
}

static enum alert_state plain_lit(const struct alert_rule *r, struct alert_life *life, enum alert_state s, bool well, int64_t now_us) {
    life->beyond_us = 0;
    if (!well) {
        life->well_us = 0;
        return s;
    }
    if (life->well_us == 0) life->well_us = now_us;
    if (now_us - life->well_us < r->keep_us) return s;
    life->well_us = 0;
    return ALERT_RESOLVED;
}

static enum alert_state plain(const struct alert_rule *r, struct alert_life *life, enum alert_state s, enum alert_observed seen, int64_t now_us) {
    return is_lit(s) ? plain_lit(r, life, s, seen == OBSERVED_NOT, now_us) : plain_quiet(r, life, s, seen == OBSERVED_BEYOND, now_us);
}

/* ---- no data ---- */

static void fall_silent(struct alert_life *life, int64_t now_us) {
    life->before = life->state;
    enter(life, ALERT_NODATA, now_us);
}

/* The time without data does not count for `for` and `keep_firing_for`. */
static void hear_again(struct alert_life *life, int64_t now_us) {
    int64_t silent_us = now_us - life->since_us;
    if (life->beyond_us > 0) life->beyond_us += silent_us;
    if (life->well_us > 0) life->well_us += silent_us;
    enter(life, life->before, now_us);
    life->before = life->state == ALERT_FLAPPING ? ALERT_FIRING : ALERT_INACTIVE; /* what it would be: the worse */
}

/* ---- flapping ---- */

static void note_change(const struct alert_rule *r, struct alert_life *life, bool changed, int64_t now_us) {
    if (life->period_us == 0 || now_us - life->period_us >= alert_period(r)) {
        life->changes = life->changes << 1 & PERIOD_BITS;
        if (life->evaluations < ALERT_PERIODS) life->evaluations++;
        life->period_us = now_us;
    }
    if (changed) life->changes |= 1;
}

static enum alert_told step_flapping(const struct alert_rule *r, struct alert_life *life, enum alert_observed seen, int64_t now_us) {
    enum alert_state was = life->before, is = plain(r, life, was, seen, now_us);
    note_change(r, life, is_lit(was) != is_lit(is), now_us);
    life->before = is;
    if (alert_flapping(life->changes) >= STEADY_BELOW) return TELL_NOTHING;
    life->before = ALERT_INACTIVE;
    if (is_lit(is)) life->fired_us = now_us;
    enter(life, is_lit(is) ? ALERT_FIRING : is == ALERT_PENDING ? ALERT_PENDING : ALERT_RESOLVED, now_us);
    return is_lit(is) ? TELL_FIRING : TELL_RESOLVED;
}

/* Somebody took up what flapped: nothing is told until it is steady. */
static enum alert_told step_taken_up(const struct alert_rule *r, struct alert_life *life, enum alert_observed seen, int64_t now_us) {
    enum alert_state is = plain(r, life, ALERT_ACKNOWLEDGED, seen, now_us);
    note_change(r, life, false, now_us);
    if (alert_flapping(life->changes) >= STEADY_BELOW) return TELL_NOTHING;
    life->before = ALERT_INACTIVE;
    if (is_lit(is)) return TELL_NOTHING;
    enter(life, is, now_us);
    return TELL_RESOLVED;
}

static enum alert_told step_steady(const struct alert_rule *r, struct alert_life *life, enum alert_observed seen, int64_t now_us) {
    enum alert_state was = life->state, is = plain(r, life, was, seen, now_us);
    bool changed = is_lit(was) != is_lit(is);
    note_change(r, life, changed, now_us);
    if (is == was) return TELL_NOTHING;
    enter(life, is, now_us);
    if (!changed) return TELL_NOTHING;
    if (is_lit(is)) life->fired_us = now_us;
    if (alert_flapping(life->changes) <= FLAPS_ABOVE) return is_lit(is) ? TELL_FIRING : TELL_RESOLVED;
    life->before = is;
    life->state = ALERT_FLAPPING;
    return TELL_FLAPPING;
}

enum alert_told alert_step(const struct alert_rule *r, struct alert_life *life, enum alert_observed seen, int64_t now_us) {
    if (now_us < life->since_us) now_us = life->since_us;
    if (now_us < life->period_us) now_us = life->period_us;
    if (seen == OBSERVED_NOTHING && r->no_data == NO_DATA_FIRES) seen = OBSERVED_BEYOND;
    if (seen == OBSERVED_NOTHING && r->no_data == NO_DATA_OK) seen = OBSERVED_NOT;
    if (seen == OBSERVED_NOTHING) {
        if (life->state == ALERT_NODATA) return TELL_NOTHING;
        fall_silent(life, now_us);
        return TELL_NODATA;
    }
    if (life->state == ALERT_NODATA) hear_again(life, now_us);
    if (life->state == ALERT_FLAPPING) return step_flapping(r, life, seen, now_us);
    if (life->state == ALERT_ACKNOWLEDGED && life->before == ALERT_FLAPPING) return step_taken_up(r, life, seen, now_us);
    return step_steady(r, life, seen, now_us);
}

bool alert_acknowledge(struct alert_life *life, int64_t now_us) {
    enum alert_state s = life->state == ALERT_NODATA ? life->before : life->state;
    if (s != ALERT_FIRING && s != ALERT_FLAPPING) return false;
    if (life->state == ALERT_NODATA) {
        life->before = ALERT_ACKNOWLEDGED;
        return true;
    }
    life->before = s == ALERT_FLAPPING ? ALERT_FLAPPING : ALERT_INACTIVE;
    life->well_us = 0;
    enter(life, ALERT_ACKNOWLEDGED, now_us > life->since_us ? now_us : life->since_us);
    return true;
}

/* ---- its name ---- */

void alert_fingerprint(struct slice rule, struct slice series, char out[17]) {
    enum { BYTES = 8 };
    struct digest digest;
    struct buffer both;
    buffer_init(&both, SIZE_MAX);
    buffer_append(&both, rule);
    buffer_byte(&both, '\0');
    buffer_append(&both, series);
    digest_sha256(buffer_slice(&both), &digest);
    digest_hex(digest.bytes, BYTES, out);
    buffer_deinit(&both);
}
