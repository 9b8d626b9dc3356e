/* sieve.h - which values occur in a run of records, so that a search for a rare user reads a few runs instead
 * of a day. Private to store/.
 *
 * A run is some thousand rows in the order they came; it keeps the places it spans and, sorted and as
 * differences, a 23-bit mark of every (field, value) in it. A mark that is missing proves that the value is.
 */
#ifndef STORE_SIEVE_H
#define STORE_SIEVE_H

#include "model/record.h"
#include "store/database.h"

enum sieve_field {
    SIEVE_APPLICATION,
    SIEVE_MODEL,
    SIEVE_USER,
    SIEVE_SESSION,
    SIEVE_REQUEST_TYPE,
    SIEVE_KEY,
    SIEVE_PROVIDER,
    SIEVE_TAG,
    SIEVE_STATUS
};
uint32_t sieve_mark(enum sieve_field field, struct slice value);
uint32_t sieve_status_mark(enum record_status status);
/* Calls `each` with every tag of "k=v,k=v", whole and by its key alone. */
void sieve_tags(struct slice tags, void (*each)(void *ctx, struct slice tag), void *ctx);

/* ---- the writer's side: one open run ---- */
struct sieve {
    int64_t id, lo, hi;
    unsigned n;
    uint32_t *slots; /* open addressing; SIEVE_FREE where there is none */
    unsigned count;
    bool everything; /* too many marks: the run says that it may hold anything */
    bool changed;
};
enum fault sieve_load(struct sieve *s, struct database *db,
                      struct error *error) MUST_CHECK; /* goes on with the last run */
void sieve_deinit(struct sieve *s);
enum fault sieve_add(struct sieve *s, struct database *db, int64_t place, const struct record *r,
                     struct error *error) MUST_CHECK;
enum fault sieve_save(struct sieve *s, struct database *db,
                      struct error *error) MUST_CHECK; /* before each commit */

/* ---- the readers' side ---- */
/* Are all of `wanted` in the run? Damaged bytes hold everything: reading too much is harmless. */
bool sieve_may_hold(struct slice marks, const uint32_t *wanted, unsigned n);

#endif
