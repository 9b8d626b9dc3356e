/* invoice.h - a provider's usage export against our records, by UTC day and model.
 *
 * Read are the usage exports of OpenAI (columns as in its usage API: start_time or start_time_iso, model,
 * input_tokens, output_tokens, and where there are such num_model_requests, input_cached_tokens,
 * amount_value, amount_currency; also the older n_context_tokens_total set) and Anthropic (usage_date_utc,
 * model_version, usage_input_tokens_no_cache, usage_input_tokens_cache_write_5m and _1h,
 * usage_input_tokens_cache_read, usage_output_tokens). Other columns are passed over. Rows of one day and
 * model (keys, workspaces, tiers) are summed.
 *
 * Models are compared by family: without a "provider/" prefix, a trailing date or "-latest", in lower case;
 * snapshots of one family are summed on both sides, as a record may hold the alias and the export the
 * snapshot. */
#ifndef COST_INVOICE_H
#define COST_INVOICE_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/money.h"
#include "model/price.h"

enum invoice_kind { INVOICE_OPENAI, INVOICE_ANTHROPIC };

#define INVOICE_UNKNOWN (-1) /* a count that the export does not have */

struct invoice_sums {
    int64_t requests;                /* INVOICE_UNKNOWN where a column is missing */
    int64_t input;                   /* all input tokens, cached ones included */
    int64_t cache_read, cache_write; /* parts of input */
    int64_t output;
    int64_t cost_nano; /* MONEY_UNKNOWN: the export has no amounts; a record without a price */
};
struct invoice_row {
    int64_t day; /* since 1970-01-01, UTC */
    struct slice model;
    struct invoice_sums sums;
};
struct invoice {
    enum invoice_kind kind;
    struct invoice_row *rows; /* by day and family; model is the family's first name in the file */
    size_t n;
    int64_t first_day, last_day;
};

/* FAULT_BAD_REQUEST: not such an export; a column is missing (named), a value is no number (line and column
 * named), amounts are not in USD. FAULT_TOO_LARGE: the arena is full. Everything lives in `arena`, or is
 * borrowed from `text`. */
enum fault invoice_read(struct slice text, struct arena *arena, struct invoice *ret,
                        struct error *error) MUST_CHECK;

enum invoice_gap_kind { GAP_NOT_RECORDED, GAP_NOT_INVOICED, GAP_DIFFERS };

struct invoice_gap {
    enum invoice_gap_kind kind;
    int64_t day;
    struct slice model;
    struct invoice_sums invoiced, recorded; /* zeros where there is none */
    int64_t nano;       /* invoiced - recorded; MONEY_UNKNOWN: neither amounts nor prices are known */
    bool nano_by_price; /* from the tokens at list prices of the lowest tier: the export has no amounts */
};
struct invoice_report {
    struct invoice_gap *gaps;               /* by day and model */
    size_t n_gaps, n_compared;              /* compared: days and models */
    struct invoice_sums invoiced, recorded; /* totals of what was compared */
    int64_t nano;                           /* of all gaps whose amount is known */
    size_t n_nano_unknown;
};

/* `recorded`: sums by UTC day and model in any order and split; days that the invoice does not span are left
 * out. A gap is a count that differs by more than `tolerance` (0.01 is 1 %) of the larger, or an amount that
 * differs by more than that and by a cent. `prices` may be NULL. */
enum fault invoice_reconcile(const struct invoice *invoice, const struct invoice_row *recorded, size_t n,
                             double tolerance, const struct price_list *prices, struct arena *arena,
                             struct invoice_report *ret, struct error *error) MUST_CHECK;

void invoice_write_json(const struct invoice *i, const struct invoice_report *r, struct json_writer *w);

/* The family's name; in `arena`. */
struct slice invoice_family(struct slice model, struct arena *arena);

#endif
