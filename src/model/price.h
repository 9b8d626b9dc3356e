/* price.h - token counts to money, exactly.
 *
 * A price list is immutable once built. Rates are integers of 10^-15 USD per token (a table rate of
 * 0.15 USD per million tokens is 150,000,000; finer than nine decimals of that is refused), products are 128-bit,
 * and the sum is rounded once, half to even, to nano-dollars: the result equals decimal arithmetic on the published
 * table.
 *
 * What is charged is what genai-prices 0.1.8 charges, whose table is built in (data/prices.json):
 * - `input` is all input and `output` all output. A part (cache_read, cache_write, cache_write_1h inside it,
 *   input_audio; reasoning, output_audio) is taken out of its whole and charged at its own rate where the table has
 *   one, and stays in the whole, at the whole's rate, where it has not.
 * - Tiers: once all input tokens are more than `start`, every meter that has tiers takes that tier's rate for
 *   all its tokens. `start` itself is still below.
 * - Dated prices: of a list, the last entry whose constraint holds (start_date from midnight UTC; time_of_date by the
 *   UTC clock, end excluded, over midnight when it ends before it starts); none holds: the first.
 * - requests_kcount is charged once a request. `"prices": {}` is free of charge: known, and 0.
 * - Batch: `batch_prices` beside `prices`, of the same shape, replaces rate by rate. The built-in table has none,
 *   and then the batch price is unknown: no discount is assumed. Where an operator declares one, each ordinary rate
 *   less that share, rounded half to even to a whole 10^-15 USD, is the batch rate.
 * Unknown, never zero: no such model; no usage; a counter missing that a rate above 0 needs; tokens without
 * a rate; parts larger than their whole; audio and cached (or audio and reasoning) tokens both priced apart in one
 * usage, for nobody reports their overlap. Not in a quote at all: what the usage does not count (images,
 * searches, pages, hours); a model that is priced by nothing else is unknown.
 *
 * Finding a model, in any case of letters: the provider's own entries by exact id, then by the table's match rules
 * (first that fits), then the same with a trailing date removed (-2024-07-18, -20241022, @20241022, -0613), then
 * the entries of providers whose prices it shares (`fallbacks`: Azure takes OpenAI's), then with a "provider/" prefix
 * taken as the provider. Providers have other names too (`aliases`: xai is x-ai). A bare name that two providers
 * price differently is ambiguous, hence unknown. */
#ifndef MODEL_PRICE_H
#define MODEL_PRICE_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/money.h"
#include "model/usage.h"

struct price_list; /* lives in an arena */
struct price_model;

/* The built-in table, then `overlays` in order: texts of the same JSON shape ({"models": [...]}; see price_read.c).
 * A later entry replaces an earlier one with the same provider and id, and takes over its match rules and context
 * window when it has none itself. `names` are for error messages. FAULT_CONFIG on a mistake in an overlay. */
enum fault price_list_new(struct arena *arena, const struct slice *overlays, const char *const *names, unsigned n_overlays,
                          struct price_list **ret, struct error *error) MUST_CHECK;
/* The built-in table alone is made once, on first use by whichever thread, and shared; overlays refer to it. */

/* A null or empty provider means any. NULL: unknown. Some 20 us: for building a policy, not for a request. */
const struct price_model *price_find(const struct price_list *list, struct slice provider, struct slice model);
bool price_has_provider(const struct price_list *list, struct slice provider);
const char *price_model_id(const struct price_model *m);
const char *price_model_provider(const struct price_model *m);
int64_t price_context_window(const struct price_model *m); /* tokens; -1 unknown */

/* One line of an explanation: tokens * rate. */
struct price_line {
    const char *meter;     /* "input", "cache_read", "cache_write", "output", ... */
    int64_t tokens;        /* 1 for "requests" */
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

/* Cost of `usage` at `at_wall_us` (dated prices). `batch`: at the batch rates. NULL m: unknown. */
void price_quote(const struct price_model *m, const struct usage *usage, int64_t at_wall_us, bool batch,
                 struct price_quote *ret);
/* At the batch rates; where the table has none, at the ordinary ones less `discount_ppm` millionths. -1: not known. */
void price_quote_batch(const struct price_model *m, const struct usage *usage, int64_t at_wall_us, int64_t discount_ppm,
                       struct price_quote *ret);
int64_t price_cost(const struct price_model *m, const struct usage *usage, int64_t at_wall_us); /* NULL m: unknown */

#endif
