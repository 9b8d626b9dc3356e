/* changes_store.h - what the files of changes share. Private to store/. */
#ifndef STORE_CHANGES_STORE_H
#define STORE_CHANGES_STORE_H

#include "store/changes.h"
#include "store/registry_store.h"
#include "store/rollouts.h"

#include "base/clock.h"

/* All rows of a bound statement, which is reset; texts and array in the arena. *ret and *ret_n are untouched on a failure. */
typedef enum fault rows_read_one(struct statement *s, struct arena *arena, void *row, struct error *error);
enum fault rows_read(struct statement *s, struct arena *arena, size_t size, rows_read_one *read, void **ret, unsigned *ret_n,
                     struct error *error) MUST_CHECK;

struct digest;
enum fault read_digest(struct statement *s, int column, struct digest *ret, struct error *error) MUST_CHECK;

/* "2026-11-21T17:20:03Z" */
void changes_time(int64_t wall_us, char out[CLOCK_TEXT]);

/* FAULT_NOT_FOUND with the nearest name. */
enum fault changes_no_subject(struct registry *r, struct slice kind, struct slice name, struct error *error);

/* Inside changes_commit's transaction. rollout_write: begins it or changes it; *ret_number. */
enum fault rollout_write(struct registry *r, const struct rollout_row *row, struct slice by, int64_t at_us, int64_t *ret_number,
                         struct error *error) MUST_CHECK;

#endif
