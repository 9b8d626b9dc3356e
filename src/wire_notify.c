/* wire_notify.c - see wire_notify.h. */
#include "wire_notify_parts.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "control/cli_client.h"
#include "incident/oncall.h"

#include <stdio.h>

#define LOOK_US 5000000LL  /* at least so often: receivers are removed, and the watch falls silent, without a word */
#define ACTING_US 50000LL  /* the watch asks when it has acted; this is for when it takes too long */
enum { AT_ONCE = 20, ROOM = 64 << 20 };

/* ---- time ---- */

int64_t notify_now_us(struct notify_wire *w, int64_t made_us) {
    int64_t mono = clock_us(), wall = clock_wall_us(), moved = w->clock_us + (mono - w->clock_mono_us);
    w->clock_us = w->clock_us == 0 || wall > moved ? wall : moved;
    if (made_us > w->clock_us) w->clock_us = made_us;
    w->clock_mono_us = mono;
    return w->clock_us;
}

/* ---- doors ---- */

static struct notify_door *door_of(struct notify_wire *w, struct slice name) {
    for (struct notify_door *d = w->doors; d != NULL; d = d->following)
        if (slice_is(name, d->name)) return d;
    struct notify_door *d = notify_door_new(w, name);
    d->following = w->doors;
    w->doors = d;
    return d;
}

void notify_count(struct notify_door *d, const char *outcome) {
    metric_add(metric_cell(d->w->shard, METRIC_NOTICES, (const char *[METRIC_LABELS]){d->name, outcome}), 1);
}

static void complain(struct notify_wire *w, const char *why) {
    if (strcmp(w->said, why) != 0) log_event(LOG_ERROR, "notices cannot be read; it is tried again", "error", why, NULL);
    (void)snprintf(w->said, sizeof w->said, "%s", why);
}

/* ---- the silence of the watch ---- */

static void tell_person(struct notify_wire *w, const struct policy *p, struct slice name) {
    const struct oncall_person *who = person_find(&p->alerts, name);
    if (who != NULL && alert_receiver_find(&p->alerts, who->receiver) != NULL) door_of(w, who->receiver)->urgent = URGENT_SILENT;
}

/* Whose turn it is, by the rotations alone where the store cannot be read; where that is nobody, everybody. */
static void tell_schedule(struct notify_wire *w, const struct policy *p, struct slice name, int64_t now_us) {
    const struct oncall_schedule *s = schedule_find(&p->alerts, name);
    struct arena arena;
    struct oncall_override *overrides = NULL;
    struct oncall_turn turn = {.person = SLICE_NULL};
    unsigned n = 0;
    arena_init(&arena, 16 << 10, ROOM);
    if (oncall_overrides(w->registry, now_us, now_us + 1, &arena, &overrides, &n, NULL) != FAULT_NONE) n = 0;
    if (s != NULL) oncall_at(s, overrides, n, now_us, &turn);
    if (!slice_is_null(turn.person)) tell_person(w, p, turn.person);
    for (unsigned i = 0; slice_is_null(turn.person) && i < p->alerts.n_people; i++) tell_person(w, p, p->alerts.people[i].name);
    arena_deinit(&arena);
}

/* All steps at once: nobody is left who would take the next one. */
static void tell_urgently(struct notify_wire *w, const struct policy *p, struct slice name, int64_t now_us) {
    const struct escalation *e = escalation_find(&p->alerts, name);
    if (alert_receiver_find(&p->alerts, name) != NULL) door_of(w, name)->urgent = URGENT_SILENT;
    for (unsigned i = 0; e != NULL && i < e->n_steps; i++) {
        const struct escalation_step *step = &e->steps[i];
        if (step->kind == ESCALATE_SCHEDULE) tell_schedule(w, p, step->name, now_us);
        else if (step->kind == ESCALATE_PERSON) tell_person(w, p, step->name);
        else if (alert_receiver_find(&p->alerts, step->name) != NULL) door_of(w, step->name)->urgent = URGENT_SILENT;
    }
}

static void fall_silent(struct notify_wire *w, const struct policy *p, int64_t age_us, int64_t now_us) {
    bool any = false;
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)(age_us / 1000000));
    log_event(LOG_ERROR, "the watch is silent: no rule has been looked at", "seconds", seconds, "next", "quarterdeck policy show", NULL);
    for (unsigned i = 0; i < p->alerts.n_rules; i++) {
        const struct alert_rule *r = &p->alerts.rules[i];
        if (r->severity != ALERT_CRITICAL) continue;
        for (unsigned k = 0; k < r->n_notify; k++) tell_urgently(w, p, r->notify[k], now_us);
        any |= r->n_notify > 0;
    }
    for (unsigned i = 0; !any && i < p->alerts.n_receivers; i++) door_of(w, p->alerts.receivers[i].name)->urgent = URGENT_SILENT;
}

static void look_at_the_watch(struct notify_wire *w, const struct policy *p, int64_t now_us) {
    int64_t age_us = w->s.watch_age_us != NULL ? w->s.watch_age_us(w->s.ctx) : 0;
    int64_t ticks_us = 2 * p->server.watch.every_us; /* rules that are held rarely are not silent between two ticks */
    bool silent = age_us >= (ticks_us > WATCH_SILENT_US ? ticks_us : WATCH_SILENT_US);
    if (silent == w->silent) return;
    w->silent = silent;
    if (silent) {
        w->silent_us = now_us - age_us;
        fall_silent(w, p, age_us, now_us);
        return;
    }
    log_event(LOG_INFO, "the watch looks again", NULL);
    for (struct notify_door *d = w->doors; d != NULL; d = d->following)
        d->urgent = d->told_silent || (d->busy && d->telling == URGENT_SILENT) ? URGENT_OVER : URGENT_NOTHING;
}

/* From memory: the store may be what keeps the watch. */
static void send_urgent(struct notify_door *d, const struct alert_receiver *r, int64_t now_us) {
    struct notify_wire *w = d->w;
    struct buffer body;
    char id[64], hex[17];
    bool over = d->urgent == URGENT_OVER;
    buffer_init(&body, 64 << 10);
    alert_fingerprint(SLICE("watch-silent"), slice_of(w->external_url), hex);
    (void)snprintf(id, sizeof id, "watch-silent-%lld-%s", (long long)(w->silent_us / 1000000), over ? "over" : "begin");
    const struct noticed_alert alert = {
        .rule = SLICE("watch-silent"), .series = SLICE("{}"), .fingerprint = slice_of(hex), .severity = ALERT_CRITICAL, .state = over ? ALERT_RESOLVED : ALERT_FIRING,
        .summary = over ? SLICE("the watch of Quarterdeck looks again") : SLICE("the watch of Quarterdeck is silent: no rule has been looked at for two minutes; nothing else will be told"),
        .commands = SLICE("quarterdeck policy show\nquarterdeck alert rules"), .labels = SLICE("{\"alertname\":\"watch-silent\",\"severity\":\"critical\"}"),
        .starts_us = w->silent_us, .ends_us = over ? now_us : 0};
    notice_write(&(struct notice_alerts){.alerts = &alert, .n = 1, .status = over ? SLICE("resolved") : SLICE("firing"), .group = SLICE("{\"alertname\":\"watch-silent\"}"),
                                         .why = SLICE("the thread that delivers watches the watch")},
                 &body);
    notify_door_send(d, r, &(struct notice){.id = slice_of(id), .body = buffer_slice(&body), .made_us = w->silent_us, .tries = d->failures}, d->urgent);
    buffer_deinit(&body);
}

/* ---- one look ---- */

static bool acts(const struct notify_wire *w) { return w->s.watch_acts != NULL && w->s.watch_acts(w->s.ctx); }

/* Nothing, but tests, goes to a receiver that rests. *next_us: when another is due, by now_us; 0: none. */
static enum fault open_door(struct notify_door *d, const struct alert_receiver *r, const struct policy *p, int64_t now_us, int64_t *next_us, struct error *error) {
    struct arena arena;
    struct notice *due;
    unsigned n = 0, i = 0;
    bool rests = clock_us() < d->rest_until_us;
    if (d->busy || !notify_door_mark(d)) return FAULT_NONE;
    if (d->urgent != URGENT_NOTHING && !rests) {
        send_urgent(d, r, now_us);
        return FAULT_NONE;
    }
    arena_init(&arena, 64 << 10, ROOM);
    enum fault fault = notices_due(d->w->registry, now_us, r->name, AT_ONCE, &arena, &due, &n, next_us, error);
    while (fault == FAULT_NONE && i < n && !slice_is(due[i].status, "test")) i++; /* somebody waits for that */
    if (fault == FAULT_NONE && n > 0 && i == n && acts(d->w)) { /* asked after the read: a notice that is seen has its actions begun */
        n = i = 0;
        *next_us = now_us + ACTING_US;
    }
    if (fault == FAULT_NONE && n > 0 && (i < n || !rests)) notify_door_send(d, r, &due[i < n ? i : 0], URGENT_NOTHING);
    arena_deinit(&arena);
    return fault == FAULT_NONE && n == 0 && *next_us == 0 && !rests ? notify_refresh(d, r, p, now_us, error) : fault;
}

/* Of receivers that nobody knows any more. */
static enum fault drop_orphans(struct notify_wire *w, struct slice receiver, int64_t now_us, struct error *error) {
    struct arena arena;
    struct notice *due;
    unsigned n = 0;
    int64_t next_us;
    arena_init(&arena, 64 << 10, ROOM);
    struct notify_door *d = door_of(w, receiver);
    enum fault fault = d->busy ? FAULT_NONE : notices_due(w->registry, now_us, receiver, AT_ONCE, &arena, &due, &n, &next_us, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        fault = notice_failed(w->registry, due[i].number, SLICE("no such receiver is configured any more"), now_us, true, error);
        if (fault == FAULT_NONE) notify_count(d, "given_up");
    }
    if (fault == FAULT_NONE && n > 0) {
        if (!d->said_gone) log_event(LOG_ERROR, "notices were given up: no such receiver is configured any more", "receiver", d->name, NULL);
        d->said_gone = true;
        notify_look_soon(w);
    }
    arena_deinit(&arena);
    return fault;
}

static void set_gauges(struct notify_wire *w, const struct notice_queue *queues, unsigned n, int64_t now_us) {
    for (struct notify_door *d = w->doors; d != NULL; d = d->following) {
        const struct notice_queue *q = NULL;
        for (unsigned i = 0; i < n && q == NULL; i++)
            if (slice_is(queues[i].receiver, d->name)) q = &queues[i];
        const char *labels[METRIC_LABELS] = {d->name};
        metric_set(metric_cell(w->shard, METRIC_NOTICES_WAITING, labels), q != NULL ? q->waiting : 0);
        metric_set(metric_cell(w->shard, METRIC_NOTICES_AGE, labels), q != NULL && q->oldest_us < now_us ? (now_us - q->oldest_us) / 1000000 : 0);
    }
}

/* Returns when to look again, in microseconds. */
static int64_t look_with(struct notify_wire *w, const struct policy *p, struct arena *arena, struct error *error) {
    struct notice_queue *queues = NULL;
    unsigned n = 0;
    int64_t wait_us = virtual_time_lazily(LOOK_US), next_us, newest_us = 0;
    enum fault fault = notices_queues(w->registry, arena, &queues, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
        if (queues[i].newest_us > newest_us) newest_us = queues[i].newest_us;
    int64_t now_us = notify_now_us(w, newest_us);
    look_at_the_watch(w, p, now_us);
    for (struct notify_door *d = w->doors; d != NULL; d = d->following) d->known = false;
    for (unsigned i = 0; i < p->alerts.n_receivers; i++) {
        struct notify_door *d = door_of(w, p->alerts.receivers[i].name);
        struct error own = {.fault = FAULT_NONE};
        d->known = true;
        d->said_gone = false;
        next_us = 0;
        enum fault its = open_door(d, &p->alerts.receivers[i], p, now_us, &next_us, &own);
        if (its != FAULT_NONE && fault == FAULT_NONE) fault = error_set(error, its, "%s", own.text);
        if (next_us > 0 && next_us - now_us < wait_us) wait_us = next_us - now_us;
        int64_t rest_us = d->rest_until_us - clock_us();
        if (rest_us > 0 && rest_us < wait_us) wait_us = rest_us;
    }
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
        if (!door_of(w, queues[i].receiver)->known) fault = drop_orphans(w, queues[i].receiver, now_us, error);
    if (fault == FAULT_NONE) set_gauges(w, queues, n, now_us);
    return fault == FAULT_NONE ? wait_us : -1;
}

static void look(struct notify_wire *w) {
    struct arena arena;
    struct error error = {.fault = FAULT_NONE};
    struct policy *p = w->s.policy(w->s.ctx);
    char *url = p->server.external_url != NULL ? mem_text(p->server.external_url) : client_url_of(&p->server, true);
    atomic_store(&w->asked, false);
    w->looking = false;
    if (strcmp(url, w->external_url) != 0) {
        mem_free(w->external_url);
        w->external_url = mem_text(url);
    }
    mem_free(url);
    arena_init(&arena, 16 << 10, ROOM);
    int64_t wait_us = look_with(w, p, &arena, &error);
    if (wait_us < 0) complain(w, error.text);
    else w->said[0] = 0;
    arena_deinit(&arena);
    policy_drop(p);
    if (!w->looking) loop_timer_start(w->loop, &w->timer, wait_us < 0 ? LOOK_US : wait_us < 1000 ? 1000 : wait_us);
}

static void on_timer(struct loop_timer *t) { look(list_item(t, struct notify_wire, timer)); }

void notify_look_soon(struct notify_wire *w) {
    w->looking = true;
    loop_timer_start(w->loop, &w->timer, 0);
}

static void on_asked(void *arg) { notify_look_soon(arg); }

void notify_wire_ask(struct notify_wire *w) {
    if (w == NULL || w->loop == NULL || atomic_exchange(&w->asked, true)) return;
    (void)loop_post(w->loop, on_asked, w);
}

/* ---- birth and end ---- */

static void *notify_main(void *arg) {
    struct notify_wire *w = arg;
    (void)pthread_setname_np(pthread_self(), "qd-notify");
    notify_look_soon(w);
    loop_run(w->loop);
    return NULL;
}

struct notify_wire *notify_wire_new(const struct notify_sources *s, struct error *error) {
    struct notify_wire *w = mem_new(struct notify_wire);
    w->s = *s;
    w->timer.fired = on_timer;
    w->external_url = mem_text("");
    w->shard = metric_shard_new(s->metrics);
    w->registry = registry_open(s->data_dir, error);
    w->loop = w->registry != NULL ? loop_new(error) : NULL;
    if (w->loop != NULL) {
        w->client = http_client_new(w->loop, 0);
        return w;
    }
    notify_wire_free(w);
    return NULL;
}

enum fault notify_wire_start(struct notify_wire *w, struct error *error) {
    w->running = pthread_create(&w->thread, NULL, notify_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread that delivers notices");
}

void notify_wire_stop(struct notify_wire *w) {
    if (w == NULL || !w->running) return;
    atomic_store(&w->stopping, true);
    loop_stop(w->loop);
    pthread_join(w->thread, NULL);
    w->running = false;
    for (struct notify_door *d = w->doors; d != NULL; d = d->following) notify_door_end(d);
}

void notify_wire_free(struct notify_wire *w) {
    if (w == NULL) return;
    notify_wire_stop(w);
    for (struct notify_door *d = w->doors, *following; d != NULL; d = following) {
        following = d->following;
        notify_door_free(d);
    }
    if (w->client != NULL) http_client_free(w->client);
    if (w->loop != NULL) loop_free(w->loop);
    registry_close(w->registry);
    mem_free(w->external_url);
    mem_free(w);
}
