/* trace.h - recorded arrivals: CSV with the columns TIMESTAMP,ContextTokens,GeneratedTokens, as Azure
 * publishes its LLM inference traces. Lines that start with '#' and empty lines are passed over; LF or CRLF.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "base/fault.h"

struct trace_row {
    int64_t at_us; /* since the first row */
    uint32_t input, output;
};

struct trace {
    struct trace_row *rows; /* in order of time */
    size_t n;
    uint64_t input, output; /* sums */
};

/* FAULT_BAD_REQUEST names the line; *ret is then untouched. */
enum fault trace_read(struct slice csv, const char *name, struct trace *ret, struct error *error) MUST_CHECK;
void trace_deinit(struct trace *t);

#endif
