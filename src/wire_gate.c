/* wire_gate.c - see wire_gate.h. */
#include "wire_gate_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "control/console_topic.h"

#include <pthread.h>
#include <stdio.h>

#define AGAIN_US 30000000LL /* after what may pass */
enum { CREDENTIAL_MOST = 128, TURNS = 5 };
#define ROOM_MAX (64 * (size_t)LIMIT_SUITE_FILE)

struct gate_wire {
    struct change_sources s;
    struct change_wire *change;
    struct evaluations *evaluations; /* of its thread, as the registry */
    struct registry *registry;
    struct mailbox *wake;
    pthread_t thread;
    bool running, overrides_told;
    atomic_bool stopping;
    char url[64], credential[CREDENTIAL_MOST];
};

static void say(enum log_level level, const char *what, const struct change_version *v, const char *why) {
    struct arena arena;
    arena_init(&arena, 1 << 10, 64 << 10);
    log_event(level, what, "version", arena_text(&arena, arena_printf(&arena, SLICE_FMT "@%lld", SLICE_ARG(v->name), (long long)v->version)), "why", why, NULL);
    arena_deinit(&arena);
}

/* When it was asked: the runs of an earlier one do not count. */
static int64_t begun_of(const struct change_version *v, struct arena *arena) {
    struct json_doc d;
    int64_t us;
    if (slice_is_null(v->gate) || json_read(v->gate, arena, 1, &d, NULL) != FAULT_NONE) return v->state_us;
    return clock_parse(json_string(&d, json_get(&d, 0, "begun"), arena), &us) ? us : v->state_us;
}

static bool is_wanted(const struct change_version *v, const struct class_policy *p) {
    struct review_state s;
    lifecycle_review(v, NULL, 0, p, &s);
    return s.gate == GATE_WAITING || s.gate == GATE_RUNNING;
}

/* The version as it is now, when it still waits for this very gate: neither rejected nor overridden, nor asked again since. FAULT_CONFLICT. */
static enum fault wanted(struct registry *r, const struct change_version *v, struct arena *arena, uint64_t *ret_revision, struct error *error) {
    struct change_subject subject;
    struct change_version now;
    enum fault fault = changes_subject(r, v->kind, v->name, arena, &subject, error);
    if (fault == FAULT_NONE) fault = changes_version(r, v->kind, v->name, arena_printf(arena, "%lld", (long long)v->version), arena, &now, error);
    if (fault != FAULT_NONE) return fault;
    if (now.state != VERSION_IN_REVIEW || begun_of(&now, arena) != begun_of(v, arena))
        return error_set(error, FAULT_CONFLICT, "it is %s, by " SLICE_FMT, version_state_name(now.state), SLICE_ARG(now.state_by));
    *ret_revision = subject.revision;
    return FAULT_NONE;
}

struct waiting {
    struct registry *registry;
    const struct change_version *version;
};
static bool still_wanted(void *ctx) {
    const struct waiting *k = ctx;
    struct arena arena;
    struct error error;
    uint64_t revision;
    arena_init(&arena, 64 << 10, ROOM_MAX);
    enum fault fault = wanted(k->registry, k->version, &arena, &revision, &error);
    arena_deinit(&arena);
    return fault != FAULT_CONFLICT; /* what could not be read says nothing */
}

/* The gate's word into the registry; where that puts a first version into production, it serves from the next exchange on. */
static enum fault keep(struct gate_wire *w, const struct policy *policy, const struct change_version *v, struct slice json, struct slice why,
                       struct arena *arena, struct error *error) {
    struct act_outcome out;
    struct act a = {.registry = w->registry, .policy = &policy->change, .kind = v->kind, .name = v->name,
                    .which = arena_printf(arena, "%lld", (long long)v->version), .who = {SLICE("quarterdeck"), USER_APPROVER, true},
                    .why = why, .at_us = clock_wall_us(), .arena = arena};
    enum fault fault = FAULT_CONFLICT;
    for (int i = 0; i < TURNS && fault == FAULT_CONFLICT; i++) { /* an approval that came meanwhile loses no gate */
        fault = wanted(w->registry, v, arena, &a.seen, error);
        if (fault != FAULT_NONE) break;
        fault = act_gate(&a, json, &out, error);
    }
    if (fault == FAULT_CONFLICT || fault == FAULT_NOT_FOUND) {
        say(LOG_INFO, "a gate ended, and nobody waits for it", v, error->text);
        return FAULT_NONE;
    }
    if (fault != FAULT_NONE) return fault;
    say(LOG_INFO, "a gate ended", v, arena_text(arena, out.words));
    if (w->s.changed != NULL) w->s.changed(w->s.ctx, CONSOLE_ROLLOUTS | CONSOLE_EVALUATIONS | CONSOLE_AUDIT);
    return out.version.state == VERSION_PRODUCTION && w->change != NULL ? change_wire_publish(w->change, error) : FAULT_NONE;
}

static enum fault one(struct gate_wire *w, const struct change_version *v, struct error *error) {
    struct arena arena;
    struct change_subject subject;
    struct change_version control;
    struct slice json = SLICE_NULL, why = SLICE_NULL;
    struct policy *policy = w->s.policy(w->s.ctx);
    const struct class_policy *class = &policy->change.of[lifecycle_class(v)];
    enum fault fault = FAULT_NONE;
    arena_init(&arena, 1 << 20, ROOM_MAX);
    if (is_wanted(v, class)) {
        fault = changes_subject(w->registry, v->kind, v->name, &arena, &subject, error);
        bool any = fault == FAULT_NONE && subject.production != 0;
        if (any) fault = changes_version(w->registry, v->kind, v->name, SLICE("production"), &arena, &control, error);
        struct waiting waiting = {w->registry, v};
        const struct gate_order o = {.evaluations = w->evaluations, .registry = w->registry, .policy = policy, .url = w->url, .credential = w->credential, .subject = &subject,
                                     .candidate = v, .control = any ? &control : NULL, .class = class, .begun_us = begun_of(v, &arena),
                                     .now_us = clock_wall_us(), .stop = &w->stopping,
                                     .wanted = still_wanted, .ctx = &waiting};
        if (fault == FAULT_NONE) fault = gate_make(&o, &arena, &json, &why, error);
        if (fault == FAULT_NONE) fault = keep(w, policy, v, json, why, &arena, error);
        if (fault == FAULT_CONFLICT) { /* rejected, overridden, or asked anew, which woke us */
            say(LOG_INFO, "a gate was given up", v, error->text);
            fault = FAULT_NONE;
        }
    }
    if (fault != FAULT_NONE && fault != FAULT_SHUTTING_DOWN) say(LOG_WARN, "a gate could not be held; it is tried again", v, error->text);
    arena_deinit(&arena);
    policy_drop(policy);
    return fault;
}

/* False: something could not be done, now. */
static bool look(struct gate_wire *w) {
    struct arena arena;
    struct error error = {.fault = FAULT_NONE};
    struct change_version *waiting = NULL;
    unsigned n = 0;
    bool good = true;
    arena_init(&arena, 256 << 10, ROOM_MAX);
    if (!w->overrides_told) w->overrides_told = act_tell_overrides(w->registry, clock_wall_us(), &error) == FAULT_NONE;
    enum fault fault = changes_in_states(w->registry, 1u << VERSION_IN_REVIEW, &arena, &waiting, &n, &error);
    if (fault != FAULT_NONE) log_event(LOG_ERROR, "versions in review could not be looked at; it is tried again", "why", error.text, NULL);
    for (unsigned i = 0; i < n && !atomic_load(&w->stopping); i++) good &= one(w, &waiting[i], &error) == FAULT_NONE;
    arena_deinit(&arena);
    return good && fault == FAULT_NONE && w->overrides_told;
}

static void *gate_main(void *arg) {
    struct gate_wire *w = arg;
    while (!atomic_load(&w->stopping)) {
        bool good = look(w); /* at the start too: what a kill cut short */
        if (!atomic_load(&w->stopping)) (void)mailbox_wait(w->wake, good ? -1 : AGAIN_US);
    }
    return NULL;
}

void gate_wire_look(struct gate_wire *w) {
    if (w != NULL) (void)!mailbox_post(w->wake, w); /* full: it is awake, or about to be */
}

/* ---- birth and end ---- */

struct gate_wire *gate_wire_new(const struct change_sources *s, struct change_wire *change, struct error *error) {
    struct gate_wire *w = mem_new(struct gate_wire);
    w->s = *s;
    w->change = change;
    w->wake = mailbox_new(4);
    w->evaluations = evaluations_open(s->data_dir, error);
    if (w->evaluations != NULL) w->registry = registry_open(s->data_dir, error);
    if (w->registry != NULL) return w;
    gate_wire_free(w);
    return NULL;
}

enum fault gate_wire_start(struct gate_wire *w, uint16_t port, struct slice credential, struct error *error) {
    (void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u", port);
    (void)snprintf(w->credential, sizeof w->credential, SLICE_FMT, SLICE_ARG(credential));
    w->running = pthread_create(&w->thread, NULL, gate_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of gates");
}

void gate_wire_stop(struct gate_wire *w) {
    if (w == NULL || !w->running) return;
    atomic_store(&w->stopping, true);
    gate_wire_look(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void gate_wire_free(struct gate_wire *w) {
    if (w == NULL) return;
    gate_wire_stop(w);
    registry_close(w->registry);
    evaluations_close(w->evaluations);
    mailbox_free(w->wake);
    mem_free(w);
}
