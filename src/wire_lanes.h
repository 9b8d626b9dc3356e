/* wire_lanes.h - the loop threads, one gateway each: started, given what is new, and run down together. */
#ifndef WIRE_LANES_H
#define WIRE_LANES_H

#include "base/buffer.h"
#include "gateway/gateway.h"
#include "store/recorder.h"

#include <pthread.h>

struct lane {
    void *server;
    unsigned index;
    pthread_t thread;
    atomic_bool running;
    struct loop *loop;
    struct gateway *gateway;
    struct buffer frame;     /* encoding space, by this lane's thread only */
    atomic_uint active;      /* exchanges under way, as last published */
    _Atomic uint64_t deployed; /* revision of the deployments in force, once some were handed over */
    _Atomic uint64_t passed; /* counts what was posted to see its event loop go round */
};

enum fault lanes_run(struct lane *lanes, unsigned n, struct error *error) MUST_CHECK; /* their threads */
void lanes_install(struct lane *lanes, unsigned n, struct policy *p); /* held for each that runs */
/* In force on every loop when it returns, or longest_us are over (a loop that is in the midst of something takes it in its next turn). */
void lanes_deploy(struct lane *lanes, unsigned n, struct deployments *d, int64_t longest_us);
/* Until every loop has ended what it was in the midst of, each at most longest_us. */
void lanes_let_pass(struct lane *lanes, unsigned n, int64_t longest_us);
void lanes_publish(struct lane *lanes, unsigned n);                   /* gauges */
/* Both bodies of an exchange, each cut to LIMIT_PAYLOAD, and what was asked for with a prompt, into the lane's flight recorder; on its loop. */
enum fault lane_payload(struct lane *l, struct recorder *to, const struct record *r, struct slice request, struct slice reply, struct slice asked);
/* No new exchanges; those under way may end by themselves for the first time, and are ended in the second. */
void lanes_run_down(struct lane *lanes, unsigned n, int64_t grace_us, int64_t farewell_us);
void lanes_join(struct lane *lanes, unsigned n);                      /* their loops end */
void lanes_deinit(struct lane *lanes, unsigned n);

#endif
