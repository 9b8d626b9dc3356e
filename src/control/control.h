/* control.h - the HTTP API as one synchronous function over the services that the server is made of.
 *
 * It runs on the control thread (or in a command-line verb beside a stopped server), never on a loop thread. Routes
 * are one table: method, path, least role, handler, summary, parameters; the OpenAPI document is made
 * from it. Also here: /metrics, /healthz, /readyz, and the console's files (console.h). */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "base/metric.h"
#include "cost/batch.h"
#include "cost/governor.h"
#include "model/policy.h"
#include "store/emergency.h"
#include "store/evaluations.h"
#include "store/ledger.h"
#include "store/recorder.h"
#include "store/registry.h"

#include <stdatomic.h>

/* State of one target right now. */
struct target_state {
    const char *model, *provider, *upstream_model;
    const char *breaker;            /* "closed", "open", "half-open" */
    double failure_rate;            /* in the breaker's window; -1: no requests */
    uint64_t requests;              /* in the window */
    int64_t opens_again_us;         /* wall time of the next probe; 0 unless open */
    int64_t held_by;                /* the action that holds it open, or closed; 0: none */
};

/* A job of the scheduler, and how its last run went. */
struct job_state {
    const char *name;
    int64_t runs, failures;
    int64_t started_us, succeeded_us; /* wall, of the last one; 0: none */
    int64_t took_us;
    int64_t every_s, age_s;         /* how often it is to succeed; since it did, or since the start */
    bool overdue;
    char error[LIMIT_ERROR_TEXT];   /* of the last run; "" when it was good */
};

/* What a rule saw at the last tick of the watch (incident/watching.h). */
struct rule_view {
    char name[LIMIT_LABEL + 1];
    unsigned series, pending, firing, silent;
    double worst, threshold, clear; /* NAN: not known */
    int64_t threshold_number;       /* accepted; 0: of the rule */
    int64_t at_us;                  /* wall, of the tick */
    char idle[160];                 /* why it cannot be evaluated; "": it can */
};

struct rollout_row;    /* store/rollouts.h */
struct judging;        /* change/judging.h */
struct consoles;       /* control/consoles.h */
struct console_wish;
struct shared_answers; /* control/shared_answers.h */
struct shared_waiter;

/* What the server lends. Members that a stopped server cannot have are NULL; the API then says so. */
struct control_services {
    void *ctx;
    struct policy *(*policy)(void *ctx);                                 /* a held reference */
    /* Reads the configuration again. FAULT_CONFIG: the old one stays and `ret_problems` has one line a problem. */
    enum fault (*reload)(void *ctx, uint64_t *ret_revision, struct buffer *ret_problems);
    bool (*ready)(void *ctx, const char **ret_why_not);
    void (*targets)(void *ctx, void (*each)(void *arg, const struct target_state *t), void *arg);
    /* The current window of each budget; NULL: no server is running. A view is valid inside the call. */
    void (*budgets)(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg);
    /* The scheduler's own, with its own context. */
    void *watch_ctx;
    void (*jobs)(void *watch_ctx, void (*each)(void *arg, const struct job_state *j), void *arg);
    void (*findings_changed)(void *watch_ctx); /* by a person */
    void (*batch_queue)(void *ctx, struct batch_queue_view *ret);        /* NULL: no server is running */
    void (*cancel_batch)(void *ctx, struct slice id);                    /* in its own time; NULL: no server is running */
    /* Of change, with its own context; NULL: no server is running, and what is changed is in force when one starts. */
    void *change_ctx;
    enum fault (*deployments_changed)(void *change_ctx, struct error *error); /* in force on every loop from the next exchange on */
    enum fault (*emergency)(void *change_ctx, const struct emergency_entry *e, struct error *error); /* a rollback that the registry has no room for */
    int64_t (*serves)(void *change_ctx, struct slice kind, struct slice name); /* by such a rollback; 0: what the registry says */
    /* How a rollout under way stood when it was judged last (change/standing.h); false: judge it. NULL: no server is running. */
    bool (*standing)(void *change_ctx, const struct rollout_row *row, struct arena *arena, struct judging *ret);
    void (*gates_wanted)(void *change_ctx);                              /* a version waits for its gate, or a rollout began */
    void *notify_ctx;
    void (*notices_left)(void *notify_ctx);                              /* something is to be delivered; NULL: no server is running */
    /* Of the watch, with its own context; NULL: no server is running. */
    void *alert_ctx;
    void (*rules_seen)(void *alert_ctx, void (*each)(void *arg, const struct rule_view *v), void *arg); /* at the last tick */
    /* Items of an array: each provider (SLICE_NULL: all) and its models, as of the last look; how many. */
    unsigned (*providers)(void *alert_ctx, struct slice only, struct json_writer *out);
    void (*alerts_changed)(void *alert_ctx);                             /* by a person: look soon */
    struct attempts *attempts;      /* to sign in (control/attempts.h), of one thread; NULL: nobody counts */
    bool demo;                      /* the server is one, and says so; who may sign in is listed */
    struct slice (*inside)(void *ctx, uint16_t *ret_port);               /* our own inside listener (gateway.h) and its credential; NULL: no server is running */
    const atomic_bool *leaving;     /* true: who waits for a provider gives up */
    struct batches *batches;        /* NULL: no server is running */
    struct ledger *ledger;
    struct registry *registry;
    struct evaluations *evaluations;
    struct recorder *recorder;
    struct ledger_writer *writer;
    struct metric_set *metrics;
    struct consoles *consoles;      /* NULL: no server is running */
    struct shared_answers *shared;  /* NULL: each answer is computed */
    int64_t started_us;             /* wall */
};

struct api_request {
    struct slice method, path, query, body;
    struct slice token;             /* bearer token as sent; SLICE_NULL: none */
    bool trusted;                   /* in-process: full rights, actor is the operating system's user */
    const char *peer;               /* numeric address */
    struct slice if_none_match;     /* header; SLICE_NULL: none */
    struct slice cookie, csrf, accept, accept_encoding, user_agent; /* headers; SLICE_NULL: none. csrf: x-quarterdeck-csrf */
    struct slice host, origin;      /* headers; SLICE_NULL: none. Where a loopback peer needs no token, they tell a web page */
    bool background;                /* nobody waits for it (x-quarterdeck-background): it is no use of the session */
    bool may_be_shared;             /* the client takes what another was told within the last moment (cache-control: max-age=1) */
    struct shared_waiter *waiter;   /* NULL: it cannot wait for what another call computes */
    bool forwarded;                 /* came through a proxy (forwarded, x-forwarded-for or via): the peer proves nothing */
};

#define API_HEADERS 10
struct api_response {
    int status;
    const char *content_type;
    struct buffer body;             /* the caller frees it */
    const char *extra_header[API_HEADERS]; /* name, value, name, value; in the request's arena or static; NULL ends */
    char etag[40];                  /* with its quotes; "": it has none */
    const struct console_wish *stream; /* in the request's arena: it is an event stream that consoles_open begins; NULL: it is a whole answer */
};

/* True for paths that belong to the control plane (/api/v1/..., /metrics, /healthz, /readyz, and the console's). */
bool control_owns(struct slice path);
/* A browser's request for a page that does not exist, which a page tells it: neither under /v1 nor under /api, and it takes text/html. */
bool control_misses(struct slice method, struct slice path, struct slice accept);
/* Of these, what an orchestrator asks whether to kill us (/healthz and /readyz), and the console's files; what is missed too. control_answer reads only what is
 * atomic or never changes for them (no policy, no registry), so any thread may call it, a loop thread too, and services->ready must never wait. */
bool control_is_quick(struct slice path);
/* Of these, what hashes a password or may: some 60 ms each, so a thread of its own does it, and nobody else's request waits behind a sign-in. */
bool control_is_slow(struct slice method, struct slice path);
/* False: q->waiter is given the answer by whoever computes it, and may have been already, so that nothing of the call may be touched any more. */
bool control_answer(const struct control_services *s, const struct api_request *q, struct arena *arena,
                    struct api_response *ret);
/* What another call of the same key was answered, as the answer to this one. */
void control_share(const struct api_request *q, const struct api_response *from, struct api_response *ret);
/* May whoever sent it read what it asks for still? It asks for nothing. */
bool control_allows(const struct control_services *s, const struct api_request *q, struct arena *arena);
/* All that control_allows looks at, copied. */
void api_request_copy(const struct api_request *q, struct arena *arena, struct api_request *ret);

#endif
