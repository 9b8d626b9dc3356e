/* wire_probe.h - asks providers whether they are there, and vendors what they say: one thread, its own event loop.
 *
 * A probe is the provider's model listing, which costs nothing, every providers.*.probe.every (30 s; 5 s while it fails); where `probe.completion` names a model, a
 * completion of one token too, as long as probe.max_cost_usd a day lasts. Status pages (providers.*.status_page) every minute. What was seen last is
 * lent to whoever asks; nothing here decides anything. */
#ifndef WIRE_PROBE_H
#define WIRE_PROBE_H

#include "base/metric.h"
#include "incident/watch_provider.h"

struct probe_sources {
    void *ctx;
    struct policy *(*policy)(void *ctx);
    bool (*rests)(void *ctx, struct slice provider); /* nothing is to be sent to it now, so no completion is asked; NULL: always false */
    struct metric_set *metrics;
};
struct probe_wire;
struct probe_wire *probe_wire_new(const struct probe_sources *s, struct error *error) MUST_CHECK;
enum fault probe_wire_start(struct probe_wire *w, struct error *error) MUST_CHECK;
void probe_wire_each(void *w, void (*each)(void *arg, const struct provider_seen *s), void *arg); /* any thread */
void probe_wire_stop(struct probe_wire *w);
void probe_wire_free(struct probe_wire *w);

#endif
