/* wire_downgrade.h - downgrade tests in a running server: one thread that makes those that are due, one after the other, by requests
 * through the inside listener (gateway.h) as the key that models.*.downgrade_test names.
 *
 * It waits for providers, so it has a thread of its own beside the scheduler's, which asks it to look; its registry is its own too. */
#ifndef WIRE_DOWNGRADE_H
#define WIRE_DOWNGRADE_H

#include "base/fault.h"
#include "base/slice.h"
#include "model/policy.h"
#include "store/ledger.h"

struct downgrade_wire;
struct downgrade_sources { /* all of it outlives the thread */
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    struct ledger *ledger;
    struct ledger_writer *writer;
    const char *data_dir;
    void (*kept)(void *ctx); /* on its thread, once a result is kept */
};

struct downgrade_wire *downgrade_wire_new(const struct downgrade_sources *s, struct error *error) MUST_CHECK;
/* Once lanes listen inside, at `port`, to `credential` (copied). */
enum fault downgrade_wire_start(struct downgrade_wire *d, uint16_t port, struct slice credential, struct error *error) MUST_CHECK;
void downgrade_wire_look(void *d); /* from any thread; does not wait; accepts NULL and one that is not started */
/* What is under way is given up within about a second, and made anew at the next start. */
void downgrade_wire_stop(struct downgrade_wire *d);
void downgrade_wire_free(struct downgrade_wire *d);

#endif
