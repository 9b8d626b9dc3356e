/* allowance.h - what bounds cost, as a policy holds it: budgets, rate limits, and what an application allows its requests.
 *
 * Money is nano-dollars. Texts are NUL-terminated and live in the policy's arena. docs/reference/settings.md has the
 * meaning of every field in the words of `budgets`, `limits` and `applications`. */
#ifndef MODEL_ALLOWANCE_H
#define MODEL_ALLOWANCE_H

#include "base/limits.h"
#include "base/money.h"
#include "base/zone.h"

enum scope_dimension {
    SCOPE_BY_APPLICATION, SCOPE_BY_TEAM, SCOPE_BY_USER, SCOPE_BY_FEATURE, SCOPE_BY_KEY, SCOPE_BY_MODEL,
    SCOPE_BY_REQUEST_TYPE, SCOPE_BY_TAG, SCOPE_DIMENSIONS
};
const char *scope_dimension_name(enum scope_dimension d); /* "application", ..., "tag" */

/* All terms must hold. "*" (value NULL) holds for any value that is not empty, each counted on its own. */
struct scope_term {
    enum scope_dimension by;
    const char *tag;                /* SCOPE_BY_TAG: its key */
    const char *value;              /* NULL: each */
    const char *alias;              /* a user's or tag's pseudonym, which is as good (model/pseudonym.h); NULL: none */
};
struct scope {
    struct scope_term terms[SCOPE_DIMENSIONS];
    unsigned n_terms;               /* 0: everything */
    const char *text;               /* "application=helpdesk,user=*"; "" for everything */
};

enum budget_window { BUDGET_DAY, BUDGET_WEEK, BUDGET_MONTH, BUDGET_ONCE };
enum budget_mode { BUDGET_HARD, BUDGET_SOFT, BUDGET_DEGRADE };

struct budget {
    const char *name;
    struct scope scope;
    int64_t limit_nano;
    enum budget_window window;
    const struct zone *zone;
    int64_t from_us, to_us;         /* BUDGET_ONCE: from <= time < to */
    enum budget_mode mode;
    double alert_at[LIMIT_ALERTS];  /* shares of the limit, ascending */
    unsigned n_alerts;
    bool block_on_error;
    int line;                       /* in the configuration file; 0: the registry's */
};

struct rate_limit {
    const char *name;               /* given, or the scope's text */
    struct scope scope;
    int64_t requests_per_minute, tokens_per_minute, concurrent; /* -1: no limit */
    int64_t burst_us;               /* how much of the rate may be used at once, as time */
    bool block_on_error;
    int line;                       /* as a budget's */
};

/* Earlier messages that are sent on; what is not declared is not applied. */
struct history_policy {
    int64_t keep_last;              /* turns; -1: all */
    int64_t max_tokens;             /* of the messages kept; -1: any */
    bool keep_system, keep_first;   /* these stay whatever is cut: system messages, the first turn */
};

/* Answers that are given again to the same question (gateway/cache.c says when two are the same). */
struct cache_policy {
    int64_t ttl;                    /* 0: none are kept */
    bool per_user;
    struct {                        /* to the same question in other words */
        int64_t ttl;                /* 0: never */
        double threshold;           /* as given; 0: the verified one */
        bool per_user;
        int32_t least_ppm;          /* similarity that is in force; 0: off, for no calibration verifies it */
    } semantic;
};

/* Answers that the exact cache keeps to one user are in no other's words either. */
static inline bool cache_semantic_per_user(const struct cache_policy *c) {
    return c->semantic.per_user || (c->ttl > 0 && c->per_user);
}

/* An application's, or one request type's of it. */
struct request_policy {
    const char *request_type;       /* NULL: the application's own */
    int64_t approve_above_nano;     /* MONEY_UNKNOWN: nothing needs approval */
    int64_t approved_nano;          /* an operator approved this much until approved_until_us; 0: nothing */
    int64_t approved_until_us;      /* wall; INT64_MAX: until it is revoked */
    int64_t max_output_tokens;      /* -1: no cap */
    struct history_policy history;
    struct cache_policy cache;
    struct latency_budget { int64_t p50, p90, p95, p99, ttft_p95, per_token_p95; } latency; /* microseconds; 0: none is declared */
};

#endif
