/* console_tail.h - exchanges on their way to the consoles that follow them, and how many of them a console is shown.
 *
 * A batch is filled by the loop that settled them, and from then on only read, by any loop, without a lock. Labels, names and numbers are
 * in it; of questions and answers nothing. */
#ifndef CONTROL_CONSOLE_TAIL_H
#define CONTROL_CONSOLE_TAIL_H

#include "model/record.h"

struct console_exchange { /* its texts lie in the batch; SLICE_NULL as in the record */
    struct record_id id;
    int64_t time_us, cost_nano, duration_us, ttft_us; /* as in the record */
    enum record_status status;
    enum fault error;
    struct slice application, model, provider, request_type, user, prompt, version;
};
/* {id, time, application, model, provider, request_type, status, cost_usd, duration_ms, ttft_ms, user, prompt (NAME@VERSION), error} */
void console_exchange_write(const struct console_exchange *x, struct json_writer *w);

struct console_filter {
    struct slice application, model, request_type; /* SLICE_NULL: any */
    int status;                                    /* enum record_status; -1: any */
};
bool console_filter_takes(const struct console_filter *f, const struct console_exchange *x);

/* ---- a batch: at most LIMIT_CONSOLE_BATCH bytes ---- */
struct console_batch;
struct console_batch *console_batch_new(void); /* with one reference */
struct console_batch *console_batch_hold(struct console_batch *b);
void console_batch_drop(struct console_batch *b); /* accepts NULL */
/* Before anybody else has it. What is too much is counted in `skipped`. */
void console_batch_add(struct console_batch *b, const struct record *r);
unsigned console_batch_count(const struct console_batch *b);
uint64_t console_batch_skipped(const struct console_batch *b);
/* From *at 0 on; false: there are no more. */
bool console_batch_next(const struct console_batch *b, size_t *at, struct console_exchange *ret);

/* ---- what one console is shown: at most LIMIT_CONSOLE_SHOWN in any CONSOLE_TICKS ticks that follow each other, spread over them while there are
 * more, and every one that passed its filter is counted ---- */
#define CONSOLE_TICKS 4 /* in a second */
struct console_meter {
    unsigned lately[CONSOLE_TICKS], tick; /* shown in each of the last ticks */
    bool flooded;                         /* the last second had more than may be shown */
    uint64_t seen, shown, skipped;        /* since it was told last; skipped: of any filter, there was no time to look at them */
    int64_t since_us;
};
void console_meter_start(struct console_meter *m, int64_t now_us);
/* One tick, in which `matching` passed the filter: how many of them are to be shown. All are counted as seen, these as shown. */
unsigned console_meter_tick(struct console_meter *m, uint64_t matching);
/* Is the i-th of `matching` among the `showing` that are shown? Evenly spread. */
bool console_meter_picks(uint64_t i, uint64_t matching, unsigned showing);
/* A second is over: true with the counts of it when some were left out; they begin anew. `blocked`: the console takes nothing now, and is told later of
 * all that it missed. */
bool console_meter_tell(struct console_meter *m, int64_t now_us, bool blocked, struct console_meter *ret);

#endif
