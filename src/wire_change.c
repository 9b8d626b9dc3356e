/* wire_change.c - see wire_change.h. */
#include "wire_change_parts.h"
#include "wire_gate.h"
#include "wire_live.h"
#include "wire_shadow.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "change/standing.h"
#include "store/live_prompts.h"

#include <pthread.h>
#include <stdatomic.h>

#define RETRY_LEAST_US 1000000LL
#define RETRY_MOST_US 5000000LL /* a candidate is on traffic and nobody judges it */
#define IDLE_US 60000000LL
#define HOLDS_US 5000000LL      /* between two looks for holds of models that others made */

struct change_wire {
    struct change_sources s;
    pthread_mutex_t lock;           /* of building: the registry, the emergency file, and who installs last */
    struct registry *building;
    struct emergency *emergency;
    pthread_mutex_t swap;           /* of in_force, never held for long */
    struct deployments *in_force;
    struct registry *registry;      /* the thread's */
    struct change_watch *watch;     /* likewise */
    struct standings *standings;    /* what it saw last; any thread */
    struct shadow_wire *shadow;     /* a thread of its own */
    struct gate_wire *gate;         /* likewise */
    struct live_wire *live;         /* likewise */
    int64_t holds_us;               /* when it looks for them next, monotonic */
    struct mailbox *wake;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    atomic_uint pending;            /* emergencies that are not in the registry yet */
    atomic_bool behind;             /* what is in force is not what the registry says: it could not be built */
};

/* ---- what serves ---- */

static void adopt(struct change_wire *w, struct deployments *d) { /* takes the reference; the lock of building is held */
    pthread_mutex_lock(&w->swap);
    struct deployments *former = w->in_force;
    w->in_force = d;
    pthread_mutex_unlock(&w->swap);
    if (w->s.install) w->s.install(w->s.ctx, d);
    deployments_drop(former);
}

static enum fault build_and_install(struct change_wire *w, struct error *error) { /* the lock is held */
    struct arena arena;
    struct emergency_entry *entries = NULL;
    struct deployments *d;
    unsigned n = 0, damaged = 0;
    arena_init(&arena, 4 << 10, 1 << 20);
    if (w->emergency && emergency_list(w->emergency, &arena, &entries, &n, &damaged, error) != FAULT_NONE) {
        log_event(LOG_ERROR, "the emergency file cannot be read; the registry serves", "error", error->text, NULL);
        n = 0;
    }
    enum fault fault = change_build(w->building, entries, n, w->in_force, &d, error);
    atomic_store(&w->behind, fault != FAULT_NONE);
    if (fault == FAULT_NONE) {
        atomic_store(&w->pending, n);
        adopt(w, d);
    }
    arena_deinit(&arena);
    return fault;
}

enum fault change_wire_publish(struct change_wire *w, struct error *error) {
    pthread_mutex_lock(&w->lock);
    enum fault fault = build_and_install(w, error);
    pthread_mutex_unlock(&w->lock);
    if (fault != FAULT_NONE) change_wire_look(w); /* the thread tries again */
    return fault;
}

enum fault change_wire_emergency(struct change_wire *w, const struct emergency_entry *e, struct error *error) {
    if (!w->emergency) return error_set(error, FAULT_NO_SPACE, "the disk is full, and there was no room for the emergency file when the server started");
    pthread_mutex_lock(&w->lock);
    enum fault fault = emergency_add(w->emergency, e, error);
    if (fault == FAULT_NONE) fault = build_and_install(w, error);
    pthread_mutex_unlock(&w->lock);
    change_wire_look(w);
    return fault;
}

bool change_wire_standing(struct change_wire *w, const struct rollout_row *row, struct arena *arena, struct judging *ret) {
    return standings_get(w->standings, row, arena, ret);
}

int64_t change_wire_serves(struct change_wire *w, struct slice kind, struct slice name) {
    struct arena arena;
    struct emergency_entry *entries = NULL;
    struct error none;
    unsigned n = 0, damaged;
    int64_t serves = 0;
    if (atomic_load(&w->pending) == 0) return 0;
    arena_init(&arena, 4 << 10, 1 << 20);
    pthread_mutex_lock(&w->lock);
    if (emergency_list(w->emergency, &arena, &entries, &n, &damaged, &none) == FAULT_NONE)
        for (unsigned i = 0; i < n; i++)
            if (slice_eq(entries[i].kind, kind) && slice_eq(entries[i].name, name)) serves = entries[i].to;
    pthread_mutex_unlock(&w->lock);
    arena_deinit(&arena);
    return serves;
}

struct deployments *change_wire_deployments(struct change_wire *w) {
    pthread_mutex_lock(&w->swap);
    struct deployments *d = deployments_hold(w->in_force);
    pthread_mutex_unlock(&w->swap);
    return d;
}

/* ---- the thread ---- */

/* The lock is held: nobody adds while entries are read and cleared. */
static enum fault replay(struct change_wire *w, struct error *error) {
    unsigned n;
    if (atomic_load(&w->pending) == 0 || !w->emergency) return FAULT_NONE;
    struct policy *p = w->s.policy(w->s.ctx);
    pthread_mutex_lock(&w->lock);
    enum fault fault = change_replay(w->building, w->emergency, &p->change, &n, error);
    if (fault == FAULT_NONE) fault = build_and_install(w, error);
    pthread_mutex_unlock(&w->lock);
    policy_drop(p);
    return fault;
}

/* Another thread, or a process beside this one, holds a model or lets it go. */
static bool holds_changed(struct change_wire *w) {
    struct arena arena;
    struct error error;
    struct model_change *all = NULL;
    unsigned n = 0;
    arena_init(&arena, 4 << 10, 1 << 20);
    struct deployments *d = change_wire_deployments(w);
    bool changed = model_changes(w->registry, SLICE("held"), &arena, &all, &n, &error) == FAULT_NONE && n != d->n_held;
    for (unsigned i = 0; !changed && i < n && i < d->n_held; i++) changed = !slice_eq(all[i].model, d->held[i].model) || !slice_eq(all[i].held_to, d->held[i].to);
    deployments_drop(d);
    arena_deinit(&arena);
    return changed;
}

static enum fault look(struct change_wire *w, int64_t *ret_wait_us, struct error *error) {
    bool changed = false;
    struct error kept;
    enum fault replayed = replay(w, &kept);
    enum fault fault = change_watch_look(w->watch, &changed, ret_wait_us, error);
    if (clock_us() >= w->holds_us) {
        changed = changed || holds_changed(w);
        w->holds_us = clock_us() + HOLDS_US;
    }
    if (changed || atomic_load(&w->behind)) {
        struct error publishing;
        pthread_mutex_lock(&w->lock);
        enum fault published = build_and_install(w, &publishing);
        pthread_mutex_unlock(&w->lock);
        if (fault == FAULT_NONE && published != FAULT_NONE) fault = error_set(error, published, "%s", publishing.text);
    }
    int64_t holds_us = virtual_time_lazily(HOLDS_US);
    if (*ret_wait_us > holds_us) *ret_wait_us = holds_us;
    if (fault == FAULT_NONE && replayed != FAULT_NONE && replayed != FAULT_NO_SPACE) fault = error_set(error, replayed, "%s", kept.text);
    if (replayed != FAULT_NONE && *ret_wait_us > RETRY_LEAST_US) *ret_wait_us = RETRY_LEAST_US;
    return fault;
}

static void *change_main(void *arg) {
    struct change_wire *w = arg;
    int64_t retry_us = RETRY_LEAST_US;
    bool failing = false;
    while (!atomic_load(&w->stopping)) {
        struct error error = {.fault = FAULT_NONE};
        int64_t wait_us = IDLE_US;
        enum fault fault = look(w, &wait_us, &error);
        if (fault == FAULT_NONE) {
            if (failing) log_event(LOG_INFO, "rollouts are watched again", NULL);
            retry_us = RETRY_LEAST_US;
        } else if (!failing) {
            log_event(LOG_ERROR, "rollouts cannot be watched; it is tried again", "error", error.text, NULL);
        }
        failing = fault != FAULT_NONE;
        if (failing) {
            wait_us = retry_us;
            if ((retry_us *= 2) > RETRY_MOST_US) retry_us = RETRY_MOST_US;
        }
        if (!atomic_load(&w->stopping)) (void)mailbox_wait(w->wake, wait_us);
    }
    return NULL;
}

void change_wire_look(struct change_wire *w) {
    if (w != NULL) (void)!mailbox_post(w->wake, w); /* full: it is awake, or about to be */
}

void change_wire_gates(struct change_wire *w) {
    change_wire_look(w);
    gate_wire_look(w->gate);
}

/* ---- sinks ---- */

void change_wire_system_text(void *w, const struct record *r, struct slice text) {
    live_wire_take(((struct change_wire *)w)->live, r, text);
}

void change_wire_shadow(void *w, const struct record *r, struct slice request, struct slice reply) {
    shadow_wire_take(((struct change_wire *)w)->shadow, r, request, reply);
}

/* ---- birth and end ---- */

struct change_wire *change_wire_new(const struct change_sources *s, struct error *error) {
    struct change_wire *w = mem_new(struct change_wire);
    struct error none;
    w->s = *s;
    pthread_mutex_init(&w->lock, NULL);
    pthread_mutex_init(&w->swap, NULL);
    w->wake = mailbox_new(4);
    w->in_force = deployments_new();
    w->standings = standings_new();
    w->building = registry_open(s->data_dir, error);
    if (w->building) w->registry = registry_open(s->data_dir, error);
    if (w->registry) {
        w->emergency = emergency_open(s->data_dir, &none);
        if (!w->emergency) log_event(LOG_ERROR, "there is no room for the emergency file: a rollback will not work while the disk is full", "error", none.text, NULL);
        w->watch = change_watch_new(&w->s, w->registry, w->standings);
        w->shadow = shadow_wire_new(&w->s, error);
        if (w->shadow) w->gate = gate_wire_new(&w->s, w, error);
        if (w->gate) w->live = live_wire_new(&w->s, error);
        if (w->live && change_wire_publish(w, error) == FAULT_NONE) return w;
    }
    change_wire_free(w);
    return NULL;
}

enum fault change_wire_start(struct change_wire *w, uint16_t port, struct slice credential, struct error *error) {
    enum fault fault = shadow_wire_start(w->shadow, port, credential, error);
    if (fault == FAULT_NONE) fault = gate_wire_start(w->gate, port, credential, error);
    if (fault == FAULT_NONE) fault = live_wire_start(w->live, error);
    if (fault != FAULT_NONE) return fault;
    w->running = pthread_create(&w->thread, NULL, change_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of change");
}

void change_wire_stop(struct change_wire *w) {
    if (w == NULL) return;
    shadow_wire_stop(w->shadow);
    gate_wire_stop(w->gate);
    live_wire_stop(w->live);
    if (!w->running) return;
    atomic_store(&w->stopping, true);
    change_wire_look(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void change_wire_free(struct change_wire *w) {
    if (w == NULL) return;
    change_wire_stop(w);
    shadow_wire_free(w->shadow);
    gate_wire_free(w->gate);
    live_wire_free(w->live);
    change_watch_free(w->watch);
    standings_free(w->standings);
    deployments_drop(w->in_force);
    emergency_close(w->emergency);
    registry_close(w->registry);
    registry_close(w->building);
    mailbox_free(w->wake);
    pthread_mutex_destroy(&w->swap);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}
