/* watch_output_private.h - what is remembered of one signal of one request type and prompt version. Private to quality/watch_output*.c. */
#ifndef QUALITY_WATCH_OUTPUT_PRIVATE_H
#define QUALITY_WATCH_OUTPUT_PRIVATE_H

#include "base/table.h"
#include "quality/watch_output.h"
#include "stats/detect.h"

/* OUT(symbol, the signal, smallest rise that is looked for, what a value of 1 is) */
#define WATCH_OUTPUT_TABLE(OUT)                                                                    \
    OUT(SCORE, QUALITY_SCORE, 0.03, "1 - score of quality")                                        \
    OUT(UNSUPPORTED, UNSUPPORTED, 0.02, "an answer whose claims its context does not support")     \
    OUT(FORMAT, FORMAT_VALID, 0.02, "an answer that is not of the form that was asked for")        \
    OUT(REFUSAL, REFUSALS, 0.02, "a refusal, by the model or a content filter")                    \
    OUT(LENGTH, LENGTH_UNUSUAL, 0.02, "an answer of a length that was rare among its like")        \
    OUT(FEEDBACK, FEEDBACK_NEGATIVE, 0.05, "feedback under 0.5")
enum watch_output_signal {
#define OUT(symbol, signal, margin, is) OUT_##symbol,
    WATCH_OUTPUT_TABLE(OUT)
#undef OUT
        OUT_SIGNALS
};
#define OUTPUT_DAYS 22
#define OUTPUT_EXAMPLES 5

struct output_series {
    char *names[4];              /* application, request type, prompt, version; "" */
    enum watch_output_signal signal;
    struct { int64_t day; double n, bad; } days[OUTPUT_DAYS]; /* by day % OUTPUT_DAYS */
    double normal, n_normal;     /* mean badness of the baseline, and of how many; n 0: none yet */
    double held, held_of, held_n; /* what that baseline is held against, as it was computed last, of which normal and n_normal */
    bool inherited;              /* of the version before */
    int64_t first_us, last_us, learned_day;
    int64_t had_us;              /* last_us as it was kept: of values of before the start those up to it have been had */
    struct detector rise;
    bool ready;
    double lately;               /* mean of about the last 50 */
    int64_t worse_us;            /* found since; 0 */
    struct record_id examples[OUTPUT_EXAMPLES]; /* of the worst, newest last */
    unsigned n_examples;
};
struct watch_output { struct table by_name; };

struct output_series *output_series_of(struct watch_output *w, const struct slice names[4], enum watch_output_signal signal); /* made if need be; NULL: no room */

#endif
