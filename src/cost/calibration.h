/* calibration.h - how many tokens a provider counts for each of ours, learned per model.
 *
 * For models without a public tokenizer our count is that of o200k_base; the provider's own count of the same
 * call says by what factor it is wrong. The factor is the mean of the first observations and then an
 * exponentially weighted one; from then on, one observation pulls with at most half the factor's size, so
 * that a wild one moves it by less than a hundredth and a new tokenizer of the provider is still followed.
 *
 * Any thread may read and update at any time; a reader does one atomic load a probe and never waits. Models
 * are told apart by a 64-bit hash. When the table is full, further models keep the factor 1. */
#ifndef COST_CALIBRATION_H
#define COST_CALIBRATION_H

#include "base/slice.h"

#include <stdatomic.h>

#define TOKEN_CALIBRATION_MODELS 256 /* upstream models of one installation */
#define TOKEN_CALIBRATION_LEAST 50   /* our tokens: below, a provider's fixed overhead outweighs the text */
#define TOKEN_CALIBRATION_LOW 0.25   /* factors beyond these are a provider's error, not a tokenizer */
#define TOKEN_CALIBRATION_HIGH 4.0

struct token_calibration {
    struct token_calibrated {
        _Atomic uint64_t model; /* its hash; 0: free */
        _Atomic uint64_t state; /* the factor as float, above it the number of observations; 0: none */
    } models[TOKEN_CALIBRATION_MODELS];
};

void token_calibration_init(struct token_calibration *c);

/* Provider tokens for one of ours: 1 while nothing is known. *ret_n (NULL allowed): observations behind it.
 */
double token_calibration_factor(const struct token_calibration *c, struct slice model, uint32_t *ret_n);

/* What we counted for a call and what the provider did, both in full (no images, nothing sampled). False: not
 * used, for it is too small, negative, absurd, or the table is full. */
bool token_calibration_update(struct token_calibration *c, struct slice model, int64_t ours,
                              int64_t provider);

/* For keeping it: row `i` of TOKEN_CALIBRATION_MODELS; false: nothing was learned in it. And back, into one that was
 * just initialised; false: no such factor, or no room. */
bool token_calibration_row(const struct token_calibration *c, unsigned i, uint64_t *ret_model, double *ret_factor,
                           uint32_t *ret_n);
bool token_calibration_restore(struct token_calibration *c, uint64_t model, double factor, uint32_t n);

#endif
