/* review_private.h - between reading the sums (review.c) and finding actions in them (review_find.c). */
#ifndef COST_REVIEW_PRIVATE_H
#define COST_REVIEW_PRIVATE_H

#include "cost/review.h"

#define REVIEW_HOUR_US 3600000000LL

struct review_row { /* sums of one combination of names */
    struct slice names[SPEND_DIMENSIONS];
    struct spend_sums sums;
    double least_input; /* by system prompt: the least daily mean of input tokens an answer; INFINITY: none */
    double *hours;      /* by hour: nano-dollars, from the window's first hour on; mem_ */
};
struct review_rows {
    struct review_row *at; /* mem_ */
    size_t n, capacity;
};

struct review_build {
    const struct policy *policy;
    struct arena *arena;
    struct review *out;
    size_t capacity;                          /* of out->actions, mem_ until it is done */
    struct review_rows work, prompts, models; /* by work: application, request type, model, target */
    struct review_rows types;                 /* by application and request type */
    struct spend_sums total;
    size_t n_hours;    /* that row.hours holds */
    double to_a_month; /* factor */
};

/* Requests that were answered upstream and have a price; at least 0. */
int64_t review_paid(const struct spend_sums *s);
/* Texts in the arena. The setting under its application and request type; a command with its names as
 * options; a model of its own for one target. */
struct slice review_setting(struct review_build *b, const struct review_action *a, const char *text);
struct slice review_command(struct review_build *b, const struct review_action *a, const char *verb,
                            const char *more);
struct slice review_second_model(struct review_build *b, const char *route, const struct target *t);
void review_find(struct review_build *b);

#endif
