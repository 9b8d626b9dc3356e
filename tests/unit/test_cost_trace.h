/* A world of traffic for the cost analyses, drawn from ten-second sums of a real trace and priced as
 * gpt-4o-mini. */
#ifndef TEST_COST_TRACE_H
#define TEST_COST_TRACE_H

#include "cost/cell.h"
#include "stats/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_BLOCKS = 400, FEATURES = 3 };

struct block {
    int64_t requests, input, output;
};
struct trace_blocks {
    struct block at[TRACE_BLOCKS];
    size_t n;
};

/* 10^-15 USD a token: 0.15, 0.075 and 0.60 USD a million */
#define MINI_RATES ((struct cost_rates){150000000, 75000000, COST_RATE_NONE, 600000000})

/* What is done to the traffic; WORLD is nothing. */
struct world {
    double input, output;  /* tokens become this many times as many */
    double feature_output; /* output of the feature "chat" */
    double cached;         /* part of the input that the provider's cache has */
    double price;
    const char *prompt, *system_prompt, *model;
};
#define WORLD ((struct world){1, 1, 1, 0.3, 1, "answer@7", "aa", "openai/gpt-4o-mini"})

static inline void trace_load(struct trace_blocks *t) {
    char line[128];
    FILE *file = fopen("tests/data/azure_trace_blocks.csv", "r");
    t->n = 0;
    if (!file) abort();
    while (fgets(line, sizeof line, file)) {
        struct block b;
        if (sscanf(line, "%ld,%ld,%ld", &b.requests, &b.input, &b.output) == 3) t->at[t->n++] = b;
    }
    (void)fclose(file);
    if (t->n != 351) abort();
}

static inline int64_t times(int64_t n, double factor) {
    return (int64_t)((double)n * factor + 0.5);
}

static inline int64_t tokens_cost(const struct cost_cell *c) {
    __int128 femto = (__int128)(c->input - c->cache_read) * c->rates.input +
                     (__int128)c->cache_read * c->rates.cache_read + (__int128)c->output * c->rates.output;
    return (int64_t)(femto / 1000000);
}

static inline void cell_start(struct cost_cell *c, const struct world *w, unsigned feature,
                              const char *type) {
    static const char *const features[FEATURES] = {"chat", "search", "mail"};
    *c = (struct cost_cell){.rates = MINI_RATES};
    c->rates.input = times(c->rates.input, w->price);
    c->rates.cache_read = times(c->rates.cache_read, w->price);
    c->rates.output = times(c->rates.output, w->price);
    c->by[COST_BY_APPLICATION] = SLICE("helpdesk");
    c->by[COST_BY_REQUEST_TYPE] = slice_of(type);
    c->by[COST_BY_MODEL] = slice_of(w->model);
    c->by[COST_BY_PROMPT] = slice_of(w->prompt);
    c->by[COST_BY_SYSTEM_PROMPT] = slice_of(w->system_prompt);
    c->by[COST_BY_FEATURE] = slice_of(features[feature]);
    c->by[COST_BY_TEAM] = feature == 1 ? SLICE("b") : SLICE("a");
}

/* Adds `n` blocks that chance takes. */
static inline void cell_draw(struct cost_cell *c, const struct trace_blocks *t, const struct world *w,
                             size_t n, struct random *r) {
    bool chat = slice_is(c->by[COST_BY_FEATURE], "chat");
    for (size_t i = 0; i < n; i++) {
        const struct block *b = &t->at[random_below(r, t->n)];
        c->requests += b->requests;
        c->input += times(b->input, w->input);
        c->output += times(b->output, w->output * (chat ? w->feature_output : 1));
    }
    c->cache_read = times(c->input, w->cached);
    c->cost_nano = tokens_cost(c);
}

#endif
