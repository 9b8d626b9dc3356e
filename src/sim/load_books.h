/* load_books.h - what the gateway's own books say of a load test: sums from /api/v1/totals, costs by context
 * from /api/v1/records. Blocking; for command-line verbs. */
#ifndef SIM_LOAD_BOOKS_H
#define SIM_LOAD_BOOKS_H

#include "sim/load.h"

/* Which exchanges are meant. */
struct load_books_query {
    const char *server, *token; /* token may be NULL */
    const char *model, *request_type;
    int64_t from_us; /* wall time; sums are for whole minutes, records from exactly here */
};

struct load_books {
    int64_t count, input, output, unpriced;
    int64_t cost_nano; /* MONEY_UNKNOWN: nothing had a price */
};

enum fault load_books_sums(const struct load_books_query *q, struct load_books *ret,
                           struct error *error) MUST_CHECK;
/* The sums less `before`, once they hold `count` exchanges or after 20 s: the ledger follows its recorder. */
enum fault load_books_settled(const struct load_books_query *q, const struct load_books *before,
                              uint64_t count, struct load_books *ret, struct error *error) MUST_CHECK;
/* Replaces cost and unpriced of every bucket of *r by what the records say; *r is unchanged on failure. */
enum fault load_books_costs(const struct load_books_query *q, struct load_result *r,
                            struct error *error) MUST_CHECK;

#endif
