/* evaluations.h - what evaluating leaves behind, in `data_dir/evaluations.db` (SQLite, WAL): definitions, runs and their results,
 * judges' calibrations, people's reviews, scores of production records.
 *
 * A handle belongs to one thread at a time; several may be open. Every change is on the disk when its call returns. The queries are in
 * definitions.h, runs.h, calibrations.h, reviews.h and scored.h. */
#ifndef STORE_EVALUATIONS_H
#define STORE_EVALUATIONS_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/fault.h"

struct evaluations;

struct evaluations *evaluations_open(const char *data_dir, struct error *error) MUST_CHECK;
void evaluations_close(struct evaluations *e);

#endif
