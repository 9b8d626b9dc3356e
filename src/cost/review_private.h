/* review_private.h - between reading the sums (review.c) and finding actions in them (review_find.c). */
#ifndef COST_REVIEW_PRIVATE_H
#define COST_REVIEW_PRIVATE_H

#include "cost/review.h"

#define REVIEW_HOUR_US 3600000000LL
#define REVIEW_LENGTHS_LEAST 200 /* answers, for a 99th percentile with two beyond it */
#define REVIEW_REPEATS_LEAST 200 /* captured exchanges in a row */
#define REVIEW_ASKED_LEAST 50    /* captured exchanges of a prompt or feature */

struct review_lengths;
struct review_prompt;
struct review_chunks;

struct review_row { /* sums of one combination of names */
    struct slice names[SPEND_DIMENSIONS];
    struct spend_sums sums;
    double least_input; /* by system prompt: the least daily mean of input tokens an answer; INFINITY: none */
    double *hours;      /* by hour: nano-dollars, from the window's first hour on; mem_ */
    /* From a sample (review_sample.h); NULL: not looked at. */
    struct review_lengths *lengths; /* of `types` */
    struct review_prompt *prompt;   /* of `prompts` */
    struct review_chunks *chunks;   /* of `features` */
};
struct review_rows {
    struct review_row *at; /* mem_ */
    size_t n, capacity;
};

struct review_build {
    const struct policy *policy;
    struct registry *registry; /* NULL: none */
    struct arena *arena;
    struct review *out;
    size_t capacity;                          /* of out->actions, mem_ until it is done */
    struct review_rows work, prompts, models; /* by work: application, request type, model, target */
    struct review_rows types, features;       /* by application and request type; and feature */
    struct spend_sums total;
    size_t n_hours;    /* that row.hours holds */
    uint64_t *requests_by_hour; /* mem_ */
    double to_a_month; /* factor */
};

int review_compare_rows(const void *a, const void *b); /* by names: the order of all rows */
/* Requests that were answered upstream and have a price; at least 0. */
int64_t review_paid(const struct spend_sums *s);
/* Texts in the arena. The setting under its application and request type; a command with its names as
 * options; a model of its own for one target. */
struct slice review_setting(struct review_build *b, const struct review_action *a, const char *text);
struct slice review_command(struct review_build *b, const struct review_action *a, const char *verb,
                            const char *more);
struct slice review_second_model(struct review_build *b, const char *route, const struct target *t);
void review_find(struct review_build *b);

/* ---- for the finders ---- */
double review_monthly(const struct review_build *b, double n);
struct review_action *review_add(struct review_build *b, enum review_kind kind, const struct review_row *row,
                                 double month_nano, double concerns); /* NAN: unknown */
void review_fact(struct review_action *a, const char *name, double value);
/* True when an amount is large enough; otherwise it is counted as left off. */
bool review_is_worth(struct review_build *b, double month_nano);
const struct request_policy *review_requests_of(const struct review_build *b, const struct review_row *row);
/* What a token of input cost on average, cached ones too, in nano-dollars; NAN: not known. */
double review_input_rate(const struct spend_sums *s);
/* "applications: {NAME: {payloads: {capture: full}}}" */
struct slice review_capture(struct review_build *b, const struct review_row *row);
const struct target *review_target_of(const struct review_build *b, const struct review_row *row);
struct usage review_priced_usage(const struct spend_sums *s); /* of the priced requests */
/* What the tokens of a row cost at a price, in nano-dollars: the rates are those of its mean request, the
 * tokens all of them. NAN: unknown. */
double review_cost_at(const struct price_model *price, const struct spend_sums *s, int64_t at_us);
/* `m` has tiers. */
void review_find_tier(struct review_build *b, const struct review_row *row, const struct model_route *m);
void review_find_prefix(struct review_build *b, const struct review_row *row);
void review_find_shorter(struct review_build *b, const struct review_row *row);
void review_find_chunks(struct review_build *b, const struct review_row *row);

#endif
