/* calibrate_tell.c - a calibration in words, and as JSON to be kept. */
#include "incident/calibrate_private.h"

#include "base/date.h"

#include <math.h>
#include <stdio.h>

#define LIMIT_RATIONALE (256u << 10)

void replay_write(const struct replay *r, struct json_writer *w) {
    json_object(w);
    json_member_double(w, "threshold", r->threshold);
    json_member_double(w, "clear", r->clear);
    json_member_i64(w, "alarms", r->alarms);
    json_member_double(w, "days", r->days);
    json_member_double(w, "alarms_per_month", r->per_month);
    json_key(w, "interval");
    json_array(w);
    json_put_double(w, r->low);
    json_put_double(w, r->high);
    json_array_end(w);
    json_member_i64(w, "series", r->series);
    json_member_double(w, "samples", round(r->samples));
    json_key(w, "firings");
    json_array(w);
    for (unsigned i = 0; i < r->n_firings; i++) {
        struct buffer b;
        buffer_init(&b, 8 << 10);
        signal_series_write(&r->firings[i].series, &b);
        json_object(w);
        json_member_raw(w, "series", b.overflow ? SLICE("{}") : buffer_slice(&b));
        json_member_i64(w, "from_us", r->firings[i].from_us);
        json_member_i64(w, "to_us", r->firings[i].to_us);
        json_member_double(w, "worst", r->firings[i].worst);
        json_object_end(w);
        buffer_deinit(&b);
    }
    json_array_end(w);
    json_object_end(w);
}

static struct slice grouped(double n, struct arena *arena) {
    char digits[32], out[48];
    int len = snprintf(digits, sizeof digits, "%.0f", n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    return arena_slice(arena, slice_make(out, (size_t)at));
}

static const char *counted_as(const struct alert_when *w) {
    switch (signal_info(w->signal).source) {
    case SIGNAL_OF_ATTEMPTS: return "attempts";
    case SIGNAL_OF_SCORES: return "scores";
    case SIGNAL_OF_RECORDS: return "exchanges";
    default: return "readings";
    }
}

static struct slice words_of(const struct calibrate_request *q, const struct past_runs *p, const struct calibration_proposal *c, bool by_tail,
                             struct arena *arena) {
    struct signal_info info = signal_info(q->rule->when.signal);
    struct buffer value;
    buffer_init(&value, 256);
    alert_value_write(&info, c->threshold, &value);
    struct slice threshold = arena_slice(arena, buffer_slice(&value)), samples = grouped(p->samples, arena), shifted = SLICE("");
    buffer_deinit(&value);
    if (c->shifted) {
        struct date d = date_of_days(c->shifted_us / DAY_US);
        shifted = arena_printf(arena, ". What is usual shifted about %04d-%02d-%02d: calibrate again with --from that day once there are some days of it",
                               (int)d.year, d.month, d.day);
    }
    return arena_printf(arena,
                        SLICE_FMT ": %.2g alarms a month are expected (at most %.2g, at %d %%), %s, from %.1f days, " SLICE_FMT " %s, %u series%s%s" SLICE_FMT,
                        SLICE_ARG(threshold), c->expected, c->expected_high, by_tail ? 80 : 95, by_tail ? "by its peaks" : "by counting", p->days, SLICE_ARG(samples),
                        counted_as(&q->rule->when), p->n, p->cut ? " (more were left out)" : "",
                        c->extrapolated ? "; it was never reached: the tail was extrapolated" : "", SLICE_ARG(shifted));
}

void calibrate_tell(const struct calibrate_request *q, const struct past_runs *p, struct calibration_proposal *ret, bool by_tail, unsigned peaks,
                    double level) {
    struct buffer b;
    struct json_writer w;
    buffer_init(&b, LIMIT_RATIONALE);
    json_start(&w, &b);
    ret->words = words_of(q, p, ret, by_tail, p->arena);
    json_object(&w);
    json_member_string(&w, "words", ret->words);
    json_member_text(&w, "metric", signal_info(q->rule->when.signal).name);
    json_member_text(&w, "method", by_tail ? "peaks over a threshold" : "counting");
    json_member_i64(&w, "from_us", q->from_us);
    json_member_i64(&w, "to_us", q->to_us);
    json_member_double(&w, "days", p->days);
    json_member_double(&w, "samples", round(p->samples));
    json_member_i64(&w, "series", p->n);
    json_member_bool(&w, "series_left_out", p->cut);
    json_member_i64(&w, "incidents_left_out", q->n_left_out);
    json_member_double(&w, "step_s", (double)p->step_us / 1e6);
    json_member_double(&w, "wanted_per_month", q->alarms_per_month);
    json_member_double(&w, "expected_per_month", ret->expected);
    json_member_double(&w, "expected_at_most", ret->expected_high);
    json_member_double(&w, "at_most_confidence", by_tail ? 0.8 : 0.95);
    json_member_bool(&w, "extrapolated", ret->extrapolated);
    json_member_i64(&w, "peaks", peaks);
    json_member_double(&w, "peaks_beyond", level);
    json_key(&w, "shifted_us");
    if (ret->shifted) json_put_i64(&w, ret->shifted_us);
    else json_put_null(&w);
    json_key(&w, "now");
    replay_write(&ret->now, &w);
    json_key(&w, "then");
    replay_write(&ret->then, &w);
    json_object_end(&w);
    ret->rationale = b.overflow ? SLICE_NULL : arena_slice(p->arena, buffer_slice(&b));
    buffer_deinit(&b);
}
