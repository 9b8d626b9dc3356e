/* case_row.h - one row of a table of cases as the JSON of a case. Private to case_file.c and the import of CSV. */
#ifndef QUALITY_CASE_ROW_H
#define QUALITY_CASE_ROW_H

#include "base/csv.h"
#include "base/table.h"
#include "model/problems.h"

enum case_column {
    COLUMN_VARIABLE, COLUMN_ID, COLUMN_INPUT, COLUMN_EXPECTED, COLUMN_CONTEXT, COLUMN_TAGS, COLUMN_WEIGHT, COLUMN_THRESHOLD,
    COLUMN_CHECK,       /* __expected, __expected1 ... */
    COLUMN_METRIC, COLUMN_DESCRIPTION, COLUMN_PREFIX, COLUMN_SUFFIX,
    COLUMN_METADATA, COLUMN_METADATA_LIST, /* `key` is behind the colon, without [] */
    COLUMN_CHECK_THRESHOLD, /* __config:__expected1:threshold; `check` says of which */
    COLUMN_UNKNOWN,
};

struct case_row {
    struct arena *arena;
    const struct csv_row *header; /* borrowed */
    struct { enum case_column column; struct slice key; unsigned check; } columns[CSV_COLUMNS];
    struct table ids;             /* of descriptions that became ids */
};

void case_row_init(struct case_row *r, const struct csv_row *header, struct arena *arena);
void case_row_deinit(struct case_row *r);
/* The header's mistakes; adds their number to *bad. */
void case_row_check(const struct case_row *r, const char *file, int line, struct problems *problems, unsigned *bad);
/* Appends the case to `out`, nothing for a row whose cells are all empty. */
void case_row_write(struct case_row *r, const struct csv_row *row, const char *file, int line, struct buffer *out,
                    struct problems *problems, unsigned *bad);

/* Lower-case ASCII words parted by hyphens: "Resets the password!" is resets-the-password; empty when there are none. */
struct slice case_row_slug(struct slice text, struct arena *arena);
/* As csv_next said it, without "line 7: ". */
const char *case_row_words(const char *text);

#endif
