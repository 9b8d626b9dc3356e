/* shelf.h - OpenAI's files and batches, as the simulated provider keeps them: in memory, shared by all workers, thread-safe.
 *
 * A batch's lines are answered when it is made, as the same requests would be answered alone, and shown when it has been
 * asked for often enough. */
#ifndef SIM_SHELF_H
#define SIM_SHELF_H

#include "io/http_server.h"
#include "sim/book.h"

struct shelf;

struct shelf *shelf_new(struct book *b, uint64_t seed); /* one holder; the book must outlive it */
struct shelf *shelf_hold(struct shelf *s);
void shelf_free(struct shelf *s); /* accepts NULL */

/* Answers what is below /files and /batches (`path` without /v1). False: it is something else. */
bool shelf_answer(struct shelf *s, struct http_request *r, struct slice path);

#endif
