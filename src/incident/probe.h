/* probe.h - what a provider is asked to see whether it is there, and what its answer means. Pure. */
#ifndef INCIDENT_PROBE_H
#define INCIDENT_PROBE_H

#include "incident/watch_provider.h"
#include "io/http_client.h"

#define PROBE_HEADERS 64
struct probe_request {           /* texts in the arena; the provider's credential is in the headers: for its own URL alone */
    const char *url;
    const char *headers[PROBE_HEADERS];
    struct slice body;           /* SLICE_NULL: GET */
};
void probe_listing(const struct provider *p, struct arena *arena, struct probe_request *ret);    /* the dialect's model listing: costs nothing */
void probe_completion(const struct provider *p, struct arena *arena, struct probe_request *ret); /* p->probe.completion answers one token */
/* What such a completion may cost; MONEY_UNKNOWN: nobody knows, and it is not to be asked. */
int64_t probe_completion_cost(const struct policy *policy, const struct provider *p, int64_t wall_us);

struct probe_reply {
    int status;                  /* 0: none came */
    enum http_result result;     /* then: why; HTTP_OK: not in time */
    const char *detail;
    bool cut;                    /* it is longer than what is kept of it */
    struct slice body;
};
/* Well is what answered as a model API does: also 404 and the like, where it is there and has no listing. at_us and took_us are the caller's. */
void probe_judge(const struct probe_reply *r, bool completion, struct arena *arena, struct provider_probe *ret);

/* When the next one is due: `every`, or PROBE_FAILING_US while it fails; up to a tenth earlier or later, by `random`. */
#define PROBE_EVERY_US 30000000LL
#define PROBE_FAILING_US 5000000LL
int64_t probe_pause(const struct provider *p, bool failing, uint64_t random);

#endif
