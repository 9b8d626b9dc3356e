/* wire_lanes.c - see wire_lanes.h. */
#include "wire_lanes.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/ledger.h"

/* ---- their threads ---- */

static void *lane_main(void *arg) {
    struct lane *l = arg;
    loop_run(l->loop);
    return NULL;
}

enum fault lanes_run(struct lane *lanes, unsigned n, struct error *error) {
    for (unsigned i = 0; i < n; i++) {
        if (pthread_create(&lanes[i].thread, NULL, lane_main, &lanes[i]) != 0) return error_set(error, FAULT_IO, "cannot start a loop thread");
        lanes[i].running = true;
    }
    return FAULT_NONE;
}

/* ---- what is new ---- */

struct installation {
    struct lane *lane;
    struct policy *policy;           /* one of the two */
    struct deployments *deployments;
};

static void let_go(struct installation *i) {
    policy_drop(i->policy);
    deployments_drop(i->deployments);
    mem_free(i);
}

static void install(void *arg) {
    struct installation *i = arg;
    if (i->policy) gateway_install(i->lane->gateway, i->policy);
    if (i->deployments) {
        gateway_deploy(i->lane->gateway, i->deployments);
        atomic_store(&i->lane->deployed, i->deployments->revision);
    }
    let_go(i);
}

static bool hand_over(struct lane *l, struct policy *p, struct deployments *d) {
    if (!l->running) return false;
    struct installation *in = mem_new(struct installation);
    *in = (struct installation){l, p ? policy_hold(p) : NULL, d ? deployments_hold(d) : NULL};
    if (loop_post(l->loop, install, in)) return true;
    let_go(in);
    return false;
}

void lanes_install(struct lane *lanes, unsigned n, struct policy *p) {
    for (unsigned i = 0; i < n; i++) (void)hand_over(&lanes[i], p, NULL);
}

static void pass(void *arg) {
    struct lane *l = arg;
    atomic_fetch_add(&l->passed, 1);
}

static void wait_for(struct lane *l, uint64_t before, int64_t until_us) {
    while (atomic_load(&l->passed) == before && clock_us() < until_us) clock_sleep_us(200);
}

/* All are told before any is waited for, and each for what it has in force: that some turn is over says nothing of it, while others wait
 * for turns, too. */
void lanes_deploy(struct lane *lanes, unsigned n, struct deployments *d, int64_t longest_us) {
    int64_t until_us = clock_us() + longest_us;
    for (unsigned i = 0; i < n; i++) (void)hand_over(&lanes[i], NULL, d);
    for (unsigned i = 0; i < n; i++)
        while (lanes[i].running && atomic_load(&lanes[i].deployed) < d->revision && clock_us() < until_us) clock_sleep_us(200);
}

void lanes_let_pass(struct lane *lanes, unsigned n, int64_t longest_us) {
    for (unsigned i = 0; i < n; i++) {
        uint64_t before = atomic_load(&lanes[i].passed);
        int64_t until_us = clock_us() + longest_us;
        if (lanes[i].running && loop_post(lanes[i].loop, pass, &lanes[i])) wait_for(&lanes[i], before, until_us);
    }
}

static void publish(void *arg) {
    struct lane *l = arg;
    gateway_publish(l->gateway);
    atomic_store(&l->active, gateway_active(l->gateway));
}

void lanes_publish(struct lane *lanes, unsigned n) {
    for (unsigned i = 0; i < n; i++) (void)loop_post(lanes[i].loop, publish, &lanes[i]);
}

/* ---- what they captured ---- */

static struct slice cut(struct slice s, bool *ret_cut) {
    *ret_cut = s.len > LIMIT_PAYLOAD;
    return *ret_cut ? slice_make(s.at, LIMIT_PAYLOAD) : s;
}

enum fault lane_payload(struct lane *l, struct recorder *to, const struct record *r, struct slice request, struct slice reply, struct slice asked) {
    struct payload p = {.id = r->id, .application = r->application, .asked = asked};
    p.request = cut(request, &p.request_cut);
    p.reply = cut(reply, &p.reply_cut);
    buffer_clear(&l->frame);
    bool good = payload_encode(&p, &l->frame);
    if (good && !slice_is_null(asked) && l->frame.len > recorder_longest(to)) { /* in segments that are short the bodies go before it */
        p.asked = SLICE_NULL;
        buffer_clear(&l->frame);
        good = payload_encode(&p, &l->frame);
    }
    if (!good) return FAULT_TOO_LARGE;
    return recorder_append(to, l->index, FRAME_PAYLOAD, buffer_slice(&l->frame));
}

/* ---- the end ---- */

static void quiesce(void *arg) {
    struct lane *l = arg;
    gateway_quiesce(l->gateway);
    publish(l);
}

static void end_exchanges(void *arg) {
    struct lane *l = arg;
    gateway_end(l->gateway);
    publish(l);
}

/* Has `first` done on every lane, then waits until none has an exchange left, or the time is over. */
static void run_down(struct lane *lanes, unsigned n, void (*first)(void *arg), int64_t longest_us) {
    int64_t until = clock_us() + longest_us;
    for (unsigned i = 0; i < n; i++) {
        atomic_store(&lanes[i].active, 1);
        if (lanes[i].running) (void)loop_post(lanes[i].loop, first, &lanes[i]);
    }
    for (unsigned active = 1; active > 0 && clock_us() < until;) {
        clock_sleep_us(5000);
        active = 0;
        for (unsigned i = 0; i < n; i++) {
            if (!lanes[i].running) continue;
            active += atomic_load(&lanes[i].active);
            (void)loop_post(lanes[i].loop, publish, &lanes[i]);
        }
    }
}

void lanes_run_down(struct lane *lanes, unsigned n, int64_t grace_us, int64_t farewell_us) {
    if (n == 0 || !lanes[0].running) return;
    run_down(lanes, n, quiesce, grace_us);
    run_down(lanes, n, end_exchanges, farewell_us);
}

void lanes_join(struct lane *lanes, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        if (!lanes[i].running) continue;
        loop_stop(lanes[i].loop);
        pthread_join(lanes[i].thread, NULL);
        lanes[i].running = false;
    }
}

void lanes_deinit(struct lane *lanes, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        gateway_free(lanes[i].gateway);
        loop_free(lanes[i].loop);
        buffer_deinit(&lanes[i].frame);
    }
}
