/* wire_downgrade.c - see wire_downgrade.h. */
#include "wire_downgrade.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "cost/downgrade_draw.h"
#include "cost/downgrade_kept.h"
#include "cost/downgrade_regular.h"

#include <pthread.h>
#include <stdio.h>

#define SAMPLE_SPAN_US (7 * 86400 * 1000000LL)
#define PROGRAM_TIMEOUT_US 60000000LL
#define AGAIN_US (600 * 1000000LL) /* after a failure, or too few exchanges: and first after half a minute */
#define SOON_US (30 * 1000000LL)
#define CREDENTIAL_MOST 128

struct downgrade_wire {
    struct downgrade_sources s;
    struct registry *registry; /* of its thread */
    struct mailbox *wake;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    char url[32], credential[CREDENTIAL_MOST];
    struct downgrade_kept kept;
    int64_t not_before_us; /* monotonic */
    char said[LIMIT_ERROR_TEXT];
};

static const struct api_key *key_of(const struct policy *p, const struct downgrade_setting *s) {
    size_t cursor = 0;
    struct slice digest;
    void *value;
    while (table_next(&p->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        if (strcmp(k->name, s->key) == 0 && strcmp(k->application->name, s->application) == 0) return k;
    }
    return NULL;
}

/* Once, until something else is to be said. */
static void say(struct downgrade_wire *d, const struct model_route *m, const char *why) {
    if (strcmp(d->said, why) == 0) return;
    (void)snprintf(d->said, sizeof d->said, "%s", why);
    log_event(LOG_WARN, "no downgrade test was made; it is tried again", "model", m->name, "why", why, NULL);
}

/* False: it is to be tried again, later. */
static bool look_at(struct downgrade_wire *d, const struct policy *p, const struct model_route *m) {
    const struct downgrade_setting *s = &m->tiering->downgrade;
    const struct api_key *key = key_of(p, s);
    char who[CREDENTIAL_MOST + 32], hex[2 * DIGEST_BYTES + 1], as[sizeof hex + 32];
    struct error error = {.fault = FAULT_NONE};
    enum downgrade_step step = DOWNGRADE_NOT_DUE;
    struct downgrade_world world;
    if (key == NULL) {
        say(d, m, "the application has no valid key of that name");
        return false;
    }
    digest_hex(key->digest.bytes, DIGEST_BYTES, hex);
    (void)snprintf(who, sizeof who, "authorization: Bearer %s", d->credential);
    (void)snprintf(as, sizeof as, "x-quarterdeck-inside-key: %s", hex);
    struct downgrade_ask ask = {.url = d->url, .who = {who, as}, .judge = s->judge, .program = s->program,
                                .program_timeout_us = PROGRAM_TIMEOUT_US, .cheapest = slice_of(m->tiering->tiers[0].name),
                                .stop = &d->stopping};
    downgrade_kept_world(&d->kept, &world);
    enum fault fault = downgrade_regular(&world, m, &ask, &step, &error);
    if (fault == FAULT_SHUTTING_DOWN) return true;
    if (fault != FAULT_NONE) say(d, m, error.text);
    if (step == DOWNGRADE_TOO_FEW) say(d, m, "too few captured exchanges of its most capable tier in the last 7 days");
    if (step == DOWNGRADE_GIVEN_UP)
        log_event(LOG_ERROR, "a downgrade test was begun three times and never ended; the next one is made when it is due", "model",
                  m->name, NULL);
    if (step == DOWNGRADE_DONE) {
        d->said[0] = 0;
        log_event(LOG_INFO, "a downgrade test was made", "model", m->name, "run", ask.run, NULL);
        if (d->s.kept != NULL) d->s.kept(d->s.ctx);
    }
    return fault == FAULT_NONE && step != DOWNGRADE_TOO_FEW;
}

static void look(struct downgrade_wire *d) {
    struct policy *p = d->s.policy(d->s.ctx);
    bool good = true;
    for (unsigned i = 0; i < p->n_models && !atomic_load(&d->stopping); i++)
        if (p->models[i].tiering != NULL && p->models[i].tiering->downgrade.every_us > 0) good = look_at(d, p, &p->models[i]) && good;
    policy_drop(p);
    d->not_before_us = good ? 0 : clock_us() + (d->not_before_us == 0 ? SOON_US : AGAIN_US);
}

static void *downgrade_main(void *arg) {
    struct downgrade_wire *d = arg;
    while (!atomic_load(&d->stopping)) {
        (void)mailbox_wait(d->wake, -1);
        if (!atomic_load(&d->stopping) && clock_us() >= d->not_before_us) look(d);
    }
    return NULL;
}

void downgrade_wire_look(void *ctx) {
    struct downgrade_wire *d = ctx;
    if (d != NULL) (void)!mailbox_post(d->wake, d); /* full: it is awake, or about to be */
}

/* ---- birth and end ---- */

struct downgrade_wire *downgrade_wire_new(const struct downgrade_sources *s, struct error *error) {
    struct downgrade_wire *d = mem_new(struct downgrade_wire);
    d->s = *s;
    d->wake = mailbox_new(4);
    d->registry = registry_open(s->data_dir, error);
    d->kept = (struct downgrade_kept){.ledger = s->ledger, .writer = s->writer, .registry = d->registry, .span_us = SAMPLE_SPAN_US};
    if (d->registry != NULL) return d;
    downgrade_wire_free(d);
    return NULL;
}

enum fault downgrade_wire_start(struct downgrade_wire *d, uint16_t port, struct slice credential, struct error *error) {
    (void)snprintf(d->url, sizeof d->url, "http://127.0.0.1:%u", port);
    (void)snprintf(d->credential, sizeof d->credential, SLICE_FMT, SLICE_ARG(credential));
    d->running = pthread_create(&d->thread, NULL, downgrade_main, d) == 0;
    return d->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of downgrade tests");
}

void downgrade_wire_stop(struct downgrade_wire *d) {
    if (d == NULL || !d->running) return;
    atomic_store(&d->stopping, true);
    downgrade_wire_look(d);
    pthread_join(d->thread, NULL);
    d->running = false;
}

void downgrade_wire_free(struct downgrade_wire *d) {
    if (d == NULL) return;
    downgrade_wire_stop(d);
    registry_close(d->registry);
    mailbox_free(d->wake);
    mem_free(d);
}
