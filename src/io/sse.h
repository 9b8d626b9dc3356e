/* sse.h - server-sent events, read in any split and written.
 *
 * Reading follows the WHATWG event-stream grammar: lines end in LF, CRLF or CR; several `data:` lines
 * join with LF; a comment starts with ':'; one leading space behind the colon goes; a BOM at the start
 * goes. An event is complete at its empty line, or at sse_reader_end (providers forget the last one).
 * One event may hold at most LIMIT_SSE_EVENT bytes. `raw` is the event's exact bytes, terminator
 * included, so that it can be passed on unchanged: the raws of all events, one after the other, are the input
 * (an empty line or a comment alone is an event without data). An event whose empty line ends in CR is given
 * out when the next byte is known, because an LF would belong to it. */
#ifndef IO_SSE_H
#define IO_SSE_H

#include "base/buffer.h"
#include "base/fault.h"

struct sse_event {
    struct slice name; /* empty without an `event:` line */
    struct slice data; /* joined */
    struct slice raw;  /* comments and unknown fields included */
    bool has_data;
};

struct sse_reader {
    struct buffer pending; /* private, as all that follows: bytes as received, not yet taken */
    struct buffer data;    /* joined data, when it is more than one line */
    size_t start;          /* of pending: the unfinished event */
    size_t line;           /* of pending: the line that is being searched for its end */
    size_t scanned;        /* of pending: searched up to here */
    bool started;          /* the first event was taken: no BOM can follow */
};

void sse_reader_init(struct sse_reader *r);
void sse_reader_deinit(struct sse_reader *r);
void sse_reader_reset(struct sse_reader *r);

/* Feeds bytes. Then call sse_reader_next until it says false. The slices of an event are valid until the
 * next call of feed, next or end. FAULT_UP_TOO_LARGE: an event is over its limit; the reader is of no more use. */
enum fault sse_reader_feed(struct sse_reader *r, struct slice bytes) MUST_CHECK;
bool sse_reader_next(struct sse_reader *r, struct sse_event *ret);
/* End of input: the unfinished event, if it has one. */
bool sse_reader_end(struct sse_reader *r, struct sse_event *ret);

/* Writes one event: "event: NAME\n" unless name is empty, "data: ...\n" for each line, "\n". */
void sse_write(struct buffer *out, struct slice name, struct slice data);

#endif
