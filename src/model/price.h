/* price.h - token counts to money, exactly.
 *
 * A price list is immutable once built. Rates are integers of 10^-15 USD per token (a table rate of
 * 0.15 USD per million tokens is 150,000,000), products are 128-bit, and the sum is rounded once, half
 * to even, to nano-dollars: the result equals decimal arithmetic on the published table.
 *
 * Finding a model: the provider's own entries by exact id, then by the table's match rules, then the same
 * with a trailing date removed (-2024-07-18, -20241022, @20241022, -0613), then with a "provider/" prefix taken
 * as the provider. A bare name that two providers price differently is ambiguous, hence unknown. A model with
 * only part of its rates needed by a usage is unknown for that usage: never zero. */
#ifndef MODEL_PRICE_H
#define MODEL_PRICE_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/money.h"
#include "model/usage.h"

struct price_list; /* lives in an arena */
struct price_model;

/* The built-in table (generated at build time from data/prices.json), then `overlays` in order: texts of the same JSON
 * shape ({"models": [...]}), later entries win over earlier ones with the same provider and id. `names` are
 * for error messages. */
enum fault price_list_new(struct arena *arena, const struct slice *overlays, const char *const *names, unsigned n_overlays,
                          struct price_list **ret, struct error *error) MUST_CHECK;
/* The built-in table alone is made once and shared; overlays refer to it. */

const struct price_model *price_find(const struct price_list *list, struct slice provider, struct slice model);
bool price_has_provider(const struct price_list *list, struct slice provider);
const char *price_model_id(const struct price_model *m);
const char *price_model_provider(const struct price_model *m);
int64_t price_context_window(const struct price_model *m); /* tokens; -1 unknown */

/* One line of an explanation: tokens * rate. */
struct price_line {
    const char *meter;     /* "input", "cache_read", "cache_write", "output", ... */
    int64_t tokens;
    int64_t rate;          /* 10^-15 USD per token */
    bool tiered;           /* the rate is that of a higher tier */
};
#define PRICE_LINES 10

struct price_quote {
    int64_t cost_nano;     /* MONEY_UNKNOWN when a rate is missing; `why` says which */
    struct price_line lines[PRICE_LINES];
    unsigned n_lines;
    const char *why;       /* static text; NULL when known */
    const char *since;     /* start date of the dated price that applied, or NULL */
};

/* Cost of `usage` at `at_wall_us` (dated prices). `batch`: the provider's batch rate where one is in the table. */
void price_quote(const struct price_model *m, const struct usage *usage, int64_t at_wall_us, bool batch,
                 struct price_quote *ret);
int64_t price_cost(const struct price_model *m, const struct usage *usage, int64_t at_wall_us); /* NULL m: unknown */

#endif
