#include "sim/trace.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

enum { TOKENS_MAX = 100000000, ROWS_MAX = 50000000 };

static const struct slice header = {"TIMESTAMP,ContextTokens,GeneratedTokens", 39};

/* Times come without a zone; all of one trace are taken as UTC. */
static bool read_time(struct slice text, int64_t *ret) {
    char zoned[48];
    if (text.len == 0 || text.len + 1 >= sizeof zoned || text.at[0] == '-') return false;
    memcpy(zoned, text.at, text.len);
    zoned[text.len] = 'Z';
    return clock_parse(slice_make(zoned, text.len + 1), ret);
}

static bool read_row(struct slice line, struct trace_row *ret) {
    struct slice time, rest, input, output;
    uint64_t in, out;
    if (!slice_cut(line, ',', &time, &rest) || !slice_cut(rest, ',', &input, &output)) return false;
    if (!read_time(slice_trim(time), &ret->at_us)) return false;
    if (!slice_to_u64(slice_trim(input), &in) || !slice_to_u64(slice_trim(output), &out)) return false;
    if (in > TOKENS_MAX || out > TOKENS_MAX) return false;
    ret->input = (uint32_t)in;
    ret->output = (uint32_t)out;
    return true;
}

static int by_time(const void *a, const void *b) {
    const struct trace_row *left = a, *right = b;
    return left->at_us < right->at_us ? -1 : left->at_us > right->at_us;
}

/* Ready for use: sorted, from zero, with its sums. */
static void finish(struct trace *t) {
    qsort(t->rows, t->n, sizeof *t->rows, by_time);
    int64_t first = t->rows[0].at_us;
    for (size_t i = 0; i < t->n; i++) {
        t->rows[i].at_us -= first;
        t->input += t->rows[i].input;
        t->output += t->rows[i].output;
    }
}

static size_t count_lines(struct slice csv) {
    size_t n = 1;
    for (size_t i = 0; i < csv.len; i++) n += csv.at[i] == '\n';
    return n;
}

enum fault trace_read(struct slice csv, const char *name, struct trace *ret, struct error *error) {
    struct slice line, rest = csv;
    unsigned number = 0;
    bool titled = false;
    size_t room = count_lines(csv);
    if (room > ROWS_MAX) return error_set(error, FAULT_TOO_LARGE, "%s: more than %d lines", name, ROWS_MAX);
    struct trace t = {.rows = mem_new_array(struct trace_row, room)};
    while (rest.len > 0) {
        slice_cut(rest, '\n', &line, &rest);
        line = slice_trim(line);
        number++;
        if (line.len == 0 || line.at[0] == '#') continue;
        if (!titled && slice_eq_nocase(line, header)) {
            titled = true;
            continue;
        }
        titled = true; /* the title may be missing, but comes first if at all */
        if (read_row(line, &t.rows[t.n++])) continue;
        trace_deinit(&t);
        return error_set(error, FAULT_BAD_REQUEST,
                         "%s:%u: expected TIMESTAMP,ContextTokens,GeneratedTokens, found \"" SLICE_FMT "\"",
                         name, number, (int)(line.len < 80 ? line.len : 80), line.at);
    }
    if (t.n == 0) {
        trace_deinit(&t);
        return error_set(error, FAULT_BAD_REQUEST, "%s: no rows", name);
    }
    finish(&t);
    *ret = t;
    return FAULT_NONE;
}

void trace_deinit(struct trace *t) {
    if (t == NULL) return;
    mem_free(t->rows);
    *t = (struct trace){0};
}
