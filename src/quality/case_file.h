/* case_file.h - cases from a table or from lines: CSV and JSONL, as suites name them ("file:cases.csv").
 *
 * CSV: as base/csv.h reads it; parted by commas, semicolons or tabs, whichever the first row has most of. The first row names
 * the columns. These are a case's own:
 *
 *     id  input  expected  context  tags (parted by commas)  weight  threshold
 *     __expected, __expected1 ...  a check in promptfoo's short form: "icontains:reset link", "grade:polite", "42" (equals)
 *     __metric  the metric of those checks       __threshold  as threshold       __description  the id, when there is none
 *     __metadata:KEY  a tag KEY=VALUE; __metadata:KEY[]: one for each value, parted by commas
 *     __prefix, __suffix  variables of these names, so that a prompt may say {{__prefix}}question{{__suffix}}
 *
 * and every other column is a variable. Empty cells of a case's own columns are not there; those of variables are empty texts.
 *
 * JSONL: an object a line is a case as in a suite file. One without `vars` may have its variables beside the case's own
 * members, as texts, numbers, true, false. A file that begins with a bracket is a JSON array of the same.
 *
 * What a file's name ends with decides (.csv, .tsv, .jsonl, .ndjson, .json); else its first character. */
#ifndef QUALITY_CASE_FILE_H
#define QUALITY_CASE_FILE_H

#include "model/problems.h"

/* Appends one JSON array of cases to *ret_json. Each case stands on the line on which it stands in the file (counting from the
 * array's first byte), so that declared_line of a document of this array tells the file's lines. Every bad row is told;
 * FAULT_CONFIG when there is one (then *ret_json is as it was). FAULT_TOO_LARGE: more than LIMIT_SUITE_CASES cases, or arena or
 * buffer are full; told as a problem too. */
enum fault case_file_read(struct slice text, const char *file, struct arena *arena, struct buffer *ret_json,
                          struct problems *problems) MUST_CHECK;

#endif
