/* wire_notify.h - delivers notices: one thread with its own registry connection. Each receiver is on its own: one that hangs keeps no other waiting (a
 * request of each at a time, on one event loop; e-mail on a thread of its own that lives while one is sent).
 *
 * It also watches the watch: where no tick has succeeded for WATCH_SILENT_US, or twice `watch.every` where that is longer, it tells the receivers of critical alerts so, once, by itself. */
#ifndef WIRE_NOTIFY_H
#define WIRE_NOTIFY_H

#include "base/metric.h"
#include "model/policy.h"

#define WATCH_SILENT_US 120000000LL

struct notify_sources {
    void *ctx;
    struct policy *(*policy)(void *ctx);
    int64_t (*watch_age_us)(void *ctx);
    bool (*watch_acts)(void *ctx); /* what it did is not recorded yet: what is due waits, since it tells that. NULL: never */
    struct metric_set *metrics;
    const char *data_dir;
};
struct notify_wire;
struct notify_wire *notify_wire_new(const struct notify_sources *s, struct error *error) MUST_CHECK;
enum fault notify_wire_start(struct notify_wire *w, struct error *error) MUST_CHECK;
void notify_wire_ask(struct notify_wire *w); /* there is something to deliver. Any thread */
void notify_wire_stop(struct notify_wire *w); /* what is under way is left for the next start */
void notify_wire_free(struct notify_wire *w);

#endif
