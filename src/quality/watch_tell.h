/* watch_tell.h - what one look of a watcher found, being put together: findings and their texts, in the look's arena. */
#ifndef QUALITY_WATCH_TELL_H
#define QUALITY_WATCH_TELL_H

#include "base/histogram.h"
#include "base/json.h"
#include "model/finding.h"
#include "model/signal.h"
#include "stats/detect.h"

/* Of `wanted` false alarms a month of all watchers together each watcher that rests on chance has its share. */
#define WATCH_SHARE_PROVIDER 0.25
#define WATCH_SHARE_LATENCY 0.25
#define WATCH_SHARE_OUTPUT 0.5
#define WATCH_MONTH_US (30 * 86400000000LL)

struct watch_tell {
    struct arena *arena;
    struct buffer text;          /* of the one text that is being written */
    struct json_writer json;
    struct finding *seen;
    struct slice *unsure;        /* keys */
    unsigned n_seen, n_unsure, cap_seen, cap_unsure;
};
void watch_tell_begin(struct watch_tell *t, struct arena *arena);
void watch_tell_end(struct watch_tell *t); /* what was found stays in the arena */

/* A text is begun, written, and taken into the arena. */
struct buffer *watch_tell_text(struct watch_tell *t);
struct json_writer *watch_tell_json(struct watch_tell *t);
struct slice watch_tell_take(struct watch_tell *t);
/* ["latency_worse", a, b, ...]. */
struct slice watch_tell_key(struct watch_tell *t, enum finding_kind kind, const struct slice *parts, unsigned n);

void watch_tell_finding(struct watch_tell *t, const struct finding *f);
void watch_tell_unsure(struct watch_tell *t, struct slice key);
/* FAULT_TOO_LARGE when the arena was full: then nothing of the look is of any account. */
enum fault watch_tell_done(const struct watch_tell *t, struct error *error) MUST_CHECK;

void watch_tell_argument(struct buffer *out, struct slice value); /* " openai", quoted for the shell where it must be */
void watch_tell_option(struct buffer *out, const char *option, struct slice value); /* " --team 'it''s'", quoted for the shell; SLICE_NULL: nothing */
void watch_tell_share(struct buffer *out, double share);  /* "0.42 %" */
void watch_tell_time(struct buffer *out, double seconds); /* "40 us", "830 ms", "2.4 s", "5 min", "3 h", "12 days" */
void watch_tell_clock(struct buffer *out, int64_t wall_us); /* "2026-11-21 14:02 UTC" */

/* Histograms (as hex text) and detectors over a restart. Reading a histogram adds to *into. */
void watch_histogram_write(const struct histogram *h, struct json_writer *w);
bool watch_histogram_read(struct slice hex, struct histogram *into) MUST_CHECK;
void watch_detector_write(const struct detector *d, struct json_writer *w);
bool watch_detector_read(const struct json_doc *doc, uint32_t at, struct detector *ret) MUST_CHECK;

/* P(X >= hits) of n independent trials that hit with `chance`: exact. 1 when hits is 0. */
double watch_tail(double hits, double n, double chance);

#endif
