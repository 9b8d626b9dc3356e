/* wire_live.c - see wire_live.h. What is known of prompts is change/live.h's. */
#include "wire_live.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "change/live.h"
#include "store/follow.h"
#include "store/live_prompts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define WAITING_MOST (32u << 20)   /* bytes of texts that wait */
#define LOOK_US 5000000LL          /* between two looks when there is no more */
#define AT_ONCE_US 100000LL        /* of texts, and of the ledger, before it is kept: so long a stop waits, too */
#define TELL_US 10000000LL         /* least time between two looks for findings */
#define FORGET_US 3600000000LL     /* between two looks for texts that are kept too long */
enum { WAITING = 1024 };

struct live_waiting { /* a text on its way; its bytes follow */
    uint8_t hash[16];
    int64_t at_us;
    size_t application, request_type, text; /* lengths */
    char bytes[];
};

struct live_wire {
    struct change_sources s;
    struct registry *registry;       /* of its thread, as all below but what is atomic */
    struct mailbox *wake, *waiting;
    pthread_t thread;
    bool running, failing;
    atomic_bool stopping;
    atomic_size_t waiting_bytes;
    atomic_ullong dropped;
    uint64_t dropped_told;
    struct live *live;               /* NULL: to be read from the registry */
    struct follow follow;
    char kept[FOLLOW_TEXT];          /* the place that was kept last */
    bool met;                        /* texts, since then */
    int64_t told_us, forgot_us;
};

struct live_wire *live_wire_new(const struct change_sources *s, struct error *error) {
    struct live_wire *w = mem_new(struct live_wire);
    w->s = *s;
    w->wake = mailbox_new(4);
    w->waiting = mailbox_new(WAITING);
    w->registry = registry_open(s->data_dir, error);
    if (w->registry != NULL) return w;
    live_wire_free(w);
    return NULL;
}

void live_wire_take(struct live_wire *w, const struct record *r, struct slice text) {
    size_t n = r->application.len + r->request_type.len + text.len;
    if (text.len > LIVE_TEXT_MOST || atomic_load(&w->waiting_bytes) + n > WAITING_MOST) {
        atomic_fetch_add(&w->dropped, 1);
        return;
    }
    struct live_waiting *x = mem_alloc(sizeof *x + n);
    memcpy(x->hash, r->system_prompt_hash, sizeof x->hash);
    x->at_us = r->time_us;
    x->application = r->application.len;
    x->request_type = r->request_type.len;
    x->text = text.len;
    char *at = x->bytes;
    if (x->application > 0) memcpy(at, r->application.at, x->application);
    if (x->request_type > 0) memcpy(at + x->application, r->request_type.at, x->request_type);
    if (x->text > 0) memcpy(at + x->application + x->request_type, text.at, x->text);
    atomic_fetch_add(&w->waiting_bytes, n);
    if (mailbox_post(w->waiting, x)) return;
    atomic_fetch_sub(&w->waiting_bytes, n);
    atomic_fetch_add(&w->dropped, 1);
    mem_free(x);
}

static bool keeps_texts(const struct policy *p, struct slice application) {
    const struct application *a = table_get(&p->application_by_name, application);
    return a != NULL && a->payloads.capture == CAPTURE_FULL;
}

static void tell_dropped(struct live_wire *w) {
    uint64_t dropped = atomic_load(&w->dropped);
    char n[24];
    if (dropped == w->dropped_told) return;
    (void)snprintf(n, sizeof n, "%llu", (unsigned long long)(dropped - w->dropped_told));
    log_event(LOG_INFO, "system prompts were not looked at: too many or too long", "texts", n, NULL);
    w->dropped_told = dropped;
}

/* True: others wait. */
static bool meet_waiting(struct live_wire *w) {
    struct live_waiting *x;
    struct policy *p = NULL;
    const int64_t until_us = clock_us() + AT_ONCE_US;
    bool more = false;
    while (!more && (x = mailbox_take(w->waiting)) != NULL) {
        if (p == NULL) p = w->s.policy(w->s.ctx);
        const char *type = x->bytes + x->application;
        struct live_met m = {.application = {x->bytes, x->application}, .request_type = {type, x->request_type},
                             .text = {type + x->request_type, x->text}, .at_us = x->at_us};
        memcpy(m.hash, x->hash, sizeof m.hash);
        m.keep = keeps_texts(p, m.application);
        live_meet(w->live, &m);
        w->met = true;
        atomic_fetch_sub(&w->waiting_bytes, x->application + x->request_type + x->text);
        mem_free(x);
        more = clock_us() >= until_us;
    }
    policy_drop(p);
    tell_dropped(w);
    return more;
}

/* The first time, what came before is not looked at: its texts are not known. */
static enum fault begin(struct live_wire *w, struct error *error) {
    struct arena arena;
    struct slice position = SLICE_NULL;
    arena_init(&arena, 1 << 10, 64 << 10);
    w->live = live_new();
    w->follow = (struct follow){.n = 0};
    enum fault fault = live_load(w->live, w->registry, error);
    if (fault == FAULT_NONE) fault = live_position(w->registry, &arena, &position, error);
    if (fault == FAULT_NONE && slice_is_null(position)) fault = ledger_follow_end(w->s.ledger, &w->follow, error);
    else if (fault == FAULT_NONE && !follow_parse(position, &w->follow)) fault = error_set(error, FAULT_CORRUPT, "registry.db: the place in the ledger up to which prompts were counted cannot be read");
    arena_deinit(&arena);
    return fault;
}

static void count_record(void *ctx, const struct record *r) { live_count(ctx, r); }

static enum fault follow_steps(struct live_wire *w, bool *ret_more, struct error *error) {
    char position[FOLLOW_TEXT];
    const int64_t until_us = clock_us() + AT_ONCE_US;
    bool any = true;
    enum fault fault = FAULT_NONE;
    while (fault == FAULT_NONE && any && clock_us() < until_us) fault = ledger_follow(w->s.ledger, &w->follow, count_record, w->live, &any, error);
    follow_format(&w->follow, position);
    *ret_more |= any;
    if (fault == FAULT_NONE) fault = live_registered(w->live, w->registry, error);
    if (fault != FAULT_NONE || (!w->met && strcmp(position, w->kept) == 0 && !live_has_news(w->live))) return fault;
    fault = live_step(w->live, w->registry, slice_of(position), error);
    if (fault != FAULT_NONE) return fault;
    memcpy(w->kept, position, sizeof w->kept);
    w->met = false;
    return FAULT_NONE;
}

/* Texts of people's are kept no longer than their payloads. */
static enum fault forget(struct live_wire *w, int64_t now_us, struct error *error) {
    enum fault fault = FAULT_NONE;
    struct policy *p = w->s.policy(w->s.ctx);
    for (unsigned i = 0; fault == FAULT_NONE && i < p->n_applications; i++) {
        const struct application *a = &p->applications[i];
        bool keeps = a->payloads.capture == CAPTURE_FULL;
        if (!keeps || a->payloads.retention > 0) fault = live_forget_texts(w->registry, slice_of(a->name), keeps ? now_us - a->payloads.retention : now_us, error);
    }
    policy_drop(p);
    return fault;
}

/* Follows the ledger, groups what is new, opens and clears findings. True: there is more. */
static bool look(struct live_wire *w, int64_t now_us) {
    struct error error = {.fault = FAULT_NONE};
    bool more = false;
    enum fault fault = w->live == NULL ? begin(w, &error) : FAULT_NONE;
    if (fault == FAULT_NONE) more = meet_waiting(w);
    if (fault == FAULT_NONE) fault = follow_steps(w, &more, &error);
    if (fault == FAULT_NONE && (now_us - w->told_us >= TELL_US || now_us < w->told_us)) {
        fault = live_tell(w->live, w->registry, now_us, w->s.opened, w->s.ctx, &error);
        w->told_us = now_us;
    }
    if (fault == FAULT_NONE && (now_us - w->forgot_us >= FORGET_US || now_us < w->forgot_us)) {
        fault = forget(w, now_us, &error);
        w->forgot_us = now_us;
    }
    bool tell = fault != FAULT_NONE && !w->failing;
    w->failing = fault != FAULT_NONE;
    if (fault == FAULT_NONE) return more;
    if (tell) log_event(LOG_ERROR, "prompts of live traffic could not be looked at; it is tried again", "why", error.text, NULL);
    live_free(w->live); /* what it counted may not have been kept: from the last place on again */
    w->live = NULL;
    w->kept[0] = 0;
    return false;
}

/* ---- its thread ---- */

static void *live_main(void *arg) {
    struct live_wire *w = arg;
    while (!atomic_load(&w->stopping)) {
        bool more = look(w, clock_wall_us());
        if (!more && !atomic_load(&w->stopping)) (void)mailbox_wait(w->wake, virtual_time_lazily(LOOK_US));
    }
    return NULL;
}

enum fault live_wire_start(struct live_wire *w, struct error *error) {
    w->running = pthread_create(&w->thread, NULL, live_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of live prompts");
}

void live_wire_stop(struct live_wire *w) {
    if (w == NULL || !w->running) return;
    atomic_store(&w->stopping, true);
    (void)!mailbox_post(w->wake, w); /* full: it is awake, or about to be */
    pthread_join(w->thread, NULL);
    w->running = false;
}

void live_wire_free(struct live_wire *w) {
    struct live_waiting *x;
    if (w == NULL) return;
    live_wire_stop(w);
    while ((x = mailbox_take(w->waiting)) != NULL) mem_free(x);
    mailbox_free(w->waiting);
    mailbox_free(w->wake);
    live_free(w->live);
    registry_close(w->registry);
    mem_free(w);
}
