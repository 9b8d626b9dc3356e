/* gateway.h - the data plane of one loop thread: from a client's request to its one record.
 *
 *   accept -> authenticate -> prompt -> resolve -> route -> attempt... -> relay -> settle -> record
 *
 * A gateway belongs to its loop's thread. Loops share only what `gateway_shared` holds (health of
 * targets, answers kept for degraded service); the policy is an immutable snapshot that each loop
 * holds by itself and swaps with gateway_install. What the gateway produces leaves through sinks. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/metric.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "model/admission.h"
#include "model/deployment.h"
#include "model/record.h"

struct gateway;
struct gateway_shared;

struct gateway_sinks {
    void *ctx;
    /* Keeps the record; returns once it is safe from the end of this process. */
    enum fault (*record)(void *ctx, unsigned lane, const struct record *r);
    /* Request and reply bodies, for applications that capture them; `asked`: the client's own, where it named a prompt, else SLICE_NULL. */
    enum fault (*payload)(void *ctx, unsigned lane, const struct record *r, struct slice request, struct slice reply, struct slice asked);
    /* Budgets, limits, approvals. admit NULL: everything is admitted. */
    struct admission_calls admission;
    struct token_calls tokens;
    /* False: new exchanges are refused (recorder.on_full: refuse). */
    bool (*may_record)(void *ctx, unsigned lane);
    /* A request that is not for the data plane; the sink concludes it, in any later turn. NULL: 404. */
    bool (*control_owns)(const struct http_request *r);
    void (*control)(void *ctx, unsigned lane, struct http_request *r);
    void (*control_gone)(void *ctx, unsigned lane, struct http_request *r); /* of such a request, the client has hung up; may be NULL */
    /* /v1/files and /v1/batches, by the holder of `key` (valid inside the call): the sink concludes it, in any later
     * turn. NULL: 404. */
    void (*filed)(void *filed_ctx, unsigned lane, struct http_request *r, const struct api_key *key);
    void *filed_ctx;
    /* For change (model/deployment.h); NULL: nobody listens. On the loop: they must not wait, and may drop.
     * A system text that this lane has not met lately, of an exchange that came without a prompt. */
    void (*system_text)(void *change_ctx, const struct record *r, struct slice text);
    /* A settled exchange that its rollout's shadow drew: the body as the client sent it, and the whole answer. */
    void (*shadow)(void *change_ctx, const struct record *r, struct slice request, struct slice reply);
    void *change_ctx;
    struct digest inside; /* of the credential that only this process knows; see gateway_listen_inside */
};

struct gateway_shared *gateway_shared_new(void);
void gateway_shared_free(struct gateway_shared *s); /* after all gateways */

/* State of a target's breaker, for operators; thread-safe. */
struct health_view {
    const char *state;       /* "closed", "open", "half-open" */
    double failure_rate;     /* -1: no requests in the window */
    uint64_t requests;
    int64_t opens_again_us;  /* wall; 0 unless open */
};
void gateway_health_view(struct gateway_shared *s, const struct model_route *m, const struct target *t,
                         struct health_view *ret);

struct gateway *gateway_new(struct loop *l, unsigned lane, struct gateway_shared *shared, struct metric_set *metrics,
                            const struct gateway_sinks *sinks);
void gateway_install(struct gateway *g, struct policy *p);     /* holds it; exchanges under way keep theirs */
void gateway_deploy(struct gateway *g, struct deployments *d); /* the same of which versions of prompts serve */
enum fault gateway_listen(struct gateway *g, const struct http_server_options *o, struct error *error) MUST_CHECK;
/* A second listener, on the loopback, for work that this process sends to itself: so it needs neither TLS nor a place among
 * the clients' connections. A request with the credential of sinks.inside is of the key whose SHA-256 is in
 * x-quarterdeck-inside-key (hexadecimal), a line of the batch in x-quarterdeck-inside-batch, and takes of rate limits only
 * what is idle. With x-quarterdeck-inside-hold: ignore, a suite's cases (feature `eval`) are answered by the model itself while it is held.
 * *port 0: any; then set. */
enum fault gateway_listen_inside(struct gateway *g, size_t max_body, uint16_t *port, struct error *error) MUST_CHECK;
uint16_t gateway_port(const struct gateway *g);
unsigned gateway_active(const struct gateway *g);              /* exchanges under way */
void gateway_publish(struct gateway *g);                       /* brings its gauges up to date */
void gateway_quiesce(struct gateway *g);                       /* accepts no more; exchanges go on */
void gateway_end(struct gateway *g);                           /* answers what is left: shutting down; while the loop runs */
void gateway_free(struct gateway *g);                          /* ends what is left, each with its record */

#endif
