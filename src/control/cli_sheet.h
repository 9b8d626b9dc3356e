/* cli_sheet.h - a table for people: headers with units, aligned columns, colours only on a terminal.
 *
 * Cells are filled row by row. A header that begins with '>' is set to the right, as its column. What a peer may
 * have put into a label cannot control the terminal: control characters are shown as '?'. */
#ifndef CONTROL_CLI_SHEET_H
#define CONTROL_CLI_SHEET_H

#include "base/buffer.h"

#include <stdio.h>

enum sheet_color { SHEET_PLAIN, SHEET_GOOD, SHEET_WARN, SHEET_BAD, SHEET_DIM };

struct sheet_cell;
struct sheet {
    const char *const *headers;
    unsigned columns;
    struct sheet_cell *cells;
    size_t n, capacity;
    unsigned *widths; /* the widest so far: rows that are written later stay below the former ones */
    struct buffer text;
};

void sheet_init(struct sheet *s, const char *const *headers, unsigned columns); /* headers outlive it */
void sheet_deinit(struct sheet *s);
void sheet_put(struct sheet *s, struct slice text);  /* the next cell; empty or null shows as "-" */
void sheet_print_cell(struct sheet *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sheet_paint(struct sheet *s, enum sheet_color color); /* the last cell */
size_t sheet_rows(const struct sheet *s);
void sheet_write(struct sheet *s, FILE *out, bool with_headers); /* and forgets the rows */

/* Escape sequences where `out` is a terminal and NO_COLOR is not set; "" elsewhere. */
const char *sheet_color_on(FILE *out, enum sheet_color color);
const char *sheet_color_off(FILE *out);
/* The text with control characters replaced, onto `out`. */
void sheet_clean(struct buffer *out, struct slice text);

#endif
