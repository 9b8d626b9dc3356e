/* tiers.h - a model that stands for others, from the cheapest to the most capable, and how one of them is chosen.
 *
 * The first rule that matches names the tier. Without one, weights that were trained choose between the cheapest and the most
 * capable tier; without these it is the most capable. While `on` is false (shadow) the choice is only recorded, and the
 * most capable tier serves. Part of the policy: immutable once it is in force. */
#ifndef MODEL_TIERS_H
#define MODEL_TIERS_H

#include "model/difficulty.h"
#include "model/policy.h"

struct tier {
    const char *name; /* the model's */
    unsigned first, n; /* its targets in those of the model with tiers */
    bool weighted;
};

struct tier_rule { /* all that is given must hold */
    int64_t min_input_chars, max_input_chars, min_turns; /* -1: not given */
    int has_code, has_images, has_tools;                 /* 0, 1; -1: not given */
    const char *request_type, *feature;                  /* NULL: not given */
    unsigned tier;
};

/* A downgrade test (cost/downgrade.h) that the server makes by itself. */
struct downgrade_setting {
    int64_t every_us;           /* 0: none */
    unsigned sample;
    const char *judge;          /* a model; NULL: `program` scores */
    const char *const *program; /* and its arguments, NULL-terminated; NULL: the judge */
    const char *application, *key; /* who asks, and pays */
    double most_loss;
    int64_t max_cost_nano;
};

struct tiering {
    struct tier tiers[LIMIT_TARGETS];
    unsigned n_tiers; /* at least 2 */
    struct tier_rule *rules;
    unsigned n_rules;
    bool fall_back_any; /* to less capable tiers too, after the more capable ones */
    bool on;
    const struct difficulty_weights *weights; /* NULL: none */
    struct downgrade_setting downgrade;
};

struct tier_choice {
    unsigned tier;
    int rule;               /* -1: none matched */
    int32_t difficulty_ppm; /* 1 - P(the cheapest is good enough); without weights the chosen tier's place: 0 cheapest, 10^6 last */
};
struct tier_choice tiers_choose(const struct tiering *t, const struct difficulty *d, struct slice request_type,
                                struct slice feature);

/* What the registry keeps of one model's routing. */
struct tier_state {
    struct slice model;
    bool on;
    struct slice trained; /* JSON with "tiers" (names) and "weights"; SLICE_NULL: none */
};
/* Puts a state into a policy that nobody uses yet. False: it is not for this policy (no such model, other tiers than it was
 * trained for, unreadable), and the model stays in shadow. */
bool tiers_install(struct policy *p, const struct tier_state *s) MUST_CHECK;

#endif
