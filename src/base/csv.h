/* csv.h - comma-separated text, as spreadsheets and providers write it (RFC 4180 and what is common beyond
 * it).
 *
 * A byte order mark is skipped; lines end in LF, CRLF or CR; quoted fields may hold commas, line ends and
 * doubled quotes; empty lines are skipped; spaces around unquoted fields are removed. Fields are borrowed
 * from the text, or from the reader's arena when quotes had to be taken out. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/arena.h"
#include "base/fault.h"

#define CSV_COLUMNS 128 /* of one row; providers' exports have some 30 */

struct csv {
    struct slice rest;
    struct arena *arena;
    size_t line; /* of the row that was read last, 1 is the first; 0 before */
    size_t next_line;
    char separator; /* ',' unless set after csv_init: ';' or '\t' */
};
struct csv_row {
    struct slice fields[CSV_COLUMNS];
    unsigned n;
};

void csv_init(struct csv *c, struct slice text, struct arena *arena);
/* Of ',', ';' and tab the one that stands most often in the first line, outside quotes; ',' when none does. */
char csv_separator(struct slice text);

/* *ret_end: no row was left. FAULT_BAD_REQUEST: a quote that does not close, or text behind one that did;
 * FAULT_TOO_LARGE: more than CSV_COLUMNS fields, or the arena is full. Messages name the line. After a fault,
 * csv_skip_line goes on behind the next line end. */
enum fault csv_next(struct csv *c, struct csv_row *ret, bool *ret_end, struct error *error) MUST_CHECK;
void csv_skip_line(struct csv *c);

#endif
