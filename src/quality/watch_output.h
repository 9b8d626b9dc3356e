/* watch_output.h - are the answers as good as they were: scores, share of good, unsupported claims, format, refusals, lengths, feedback; by request
 * type and prompt version, level and trend.
 *
 * Each series has a baseline (its own last 14 days up to a week ago, or all that there is, at least WATCH_OUTPUT_LEAST values) and one e-detector
 * a signal (stats/detect.h), so that a drop is found with as few scored samples as its size allows, and false alarms keep to what
 * was promised over all series together. A prompt's new version begins with the baseline of the one before. */
#ifndef QUALITY_WATCH_OUTPUT_H
#define QUALITY_WATCH_OUTPUT_H

#include "model/policy.h"
#include "quality/signals.h"
#include "store/findings.h"
#include "store/ledger.h"

#define WATCH_OUTPUT_LEAST 200
struct watch_output;
struct watch_output *watch_output_new(void);
void watch_output_free(struct watch_output *w);
void watch_output_record(struct watch_output *w, const struct record *r);
/* `former`: read again behind a start. Of these a series that was kept (watch_output_read) takes what is newer than all that it had, and nothing twice. */
void watch_output_scored(struct watch_output *w, const struct scored *row, bool former);
struct score;
void watch_output_score(struct watch_output *w, const struct record *of, const struct score *score, bool former);
enum fault watch_output_look(struct watch_output *w, const struct policy *p, double alarms_per_month, int64_t now_us, struct arena *arena,
                             struct finding **ret, unsigned *ret_n, struct slice **ret_unsure, unsigned *ret_n_unsure, struct error *error) MUST_CHECK;
void watch_output_write(const struct watch_output *w, struct json_writer *out);
enum fault watch_output_read(struct watch_output *w, struct slice json, struct error *error) MUST_CHECK;

#endif
