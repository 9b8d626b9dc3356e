/* wire_eval.c - see wire_eval.h. */
#include "wire_eval.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "control/console_topic.h"
#include "control/eval_runs.h"
#include "quality/scoring.h"
#include "quality/trigger.h"
#include "store/changes.h"
#include "store/definitions.h"
#include "store/follow.h"
#include "store/triggers.h"

#include <pthread.h>
#include <stdio.h>

#define AGAIN_US 60000000LL /* after a run that could not be made */
enum { CREDENTIAL_MOST = 128, PLANS = 256, SCHEDULES = 8, WHAT = 160 };

struct schedule_of { /* one `schedule` trigger */
    struct cron cron;
    const struct zone *zone;
    char what[WHAT]; /* "schedule 0 6 * * * Europe/London" */
};

/* What is known of a registered suite; read again when another version is current. */
struct plan {
    int64_t definition;
    struct arena arena;
    struct slice name, application, key, model, prompt; /* model: the suite's or its prompt's; prompt: its name; SLICE_NULL: not known */
    struct schedule_of schedules[SCHEDULES];
    unsigned n_schedules;
    bool on_model_change, on_prompt_change, by_name, programs, seen; /* by_name: its prompt is in the registry */
    int64_t told_us;    /* of the change of its model that was told last */
    const char *cannot; /* why it is not run; NULL */
};

struct eval_wire {
    struct eval_sources s;
    struct evaluations *evaluations; /* of its thread, as all that follows */
    struct registry *registry;
    struct mailbox *wake;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    char url[64], credential[CREDENTIAL_MOST];
    struct follow follow;
    struct plan *plans[PLANS];
    unsigned n_plans;
    int64_t not_before_us; /* monotonic */
    struct error *error;   /* of a step under way */
    enum fault fault;
    int64_t now_us;
};

static void warn(const struct plan *p, const char *what, const char *why) {
    struct arena arena;
    arena_init(&arena, 1 << 10, 64 << 10);
    log_event(LOG_WARN, what, "suite", arena_text(&arena, p->name), "why", why, NULL);
    arena_deinit(&arena);
}

/* ---- what is registered ---- */

static const char *read_schedule(struct plan *p, const struct suite_trigger *t) {
    struct schedule_of *s = &p->schedules[p->n_schedules];
    struct error error;
    const char *zone = slice_is_null(t->zone) ? "UTC" : arena_text(&p->arena, t->zone);
    if (p->n_schedules == SCHEDULES) return "it has more schedules than are looked at";
    if (cron_parse(t->schedule, &s->cron, &error) != FAULT_NONE) return "its schedule cannot be read";
    if (zone == NULL || zone_load(&p->arena, zone, &s->zone, &error) != FAULT_NONE) return "the zone of its schedule is not known";
    (void)snprintf(s->what, sizeof s->what, "schedule " SLICE_FMT " %s", SLICE_ARG(t->schedule), zone);
    p->n_schedules++;
    return NULL;
}

static bool asks_programs(const struct suite *s) {
    for (unsigned c = 0; c < s->n_cases; c++)
        for (unsigned i = 0; i < suite_check_count(s, &s->cases[c]); i++)
            if (check_by(suite_check_at(s, &s->cases[c], i)) == CHECK_BY_PROGRAM) return true;
    return false;
}

static void read_plan(struct plan *p, const struct suite *s) {
    p->name = arena_slice(&p->arena, s->name);
    p->application = slice_is_null(s->run_as_application) ? SLICE_NULL : arena_slice(&p->arena, s->run_as_application);
    p->key = slice_is_null(s->run_as_key) ? SLICE_NULL : arena_slice(&p->arena, s->run_as_key);
    struct slice model = slice_is_null(s->model) && s->has_prompt ? s->prompt.model : s->model;
    p->model = slice_is_null(model) ? model : arena_slice(&p->arena, model);
    struct slice prompt = s->has_prompt ? s->prompt.name : s->prompt_name;
    p->prompt = slice_is_null(prompt) ? prompt : arena_slice(&p->arena, prompt);
    p->by_name = !s->has_prompt;
    for (unsigned i = 0; i < s->n_triggers && p->cannot == NULL; i++) {
        if (s->triggers[i].type == SUITE_ON_SCHEDULE) p->cannot = read_schedule(p, &s->triggers[i]);
        p->on_model_change |= s->triggers[i].type == SUITE_ON_MODEL_CHANGE;
        p->on_prompt_change |= s->triggers[i].type == SUITE_ON_PROMPT_CHANGE;
    }
    if (s->n_triggers > 0 && slice_is_null(p->key)) p->cannot = "it has triggers and no `run_as`: whose key is it to be run with?";
    p->programs = asks_programs(s);
    if (s->n_triggers > 0 && p->cannot != NULL) warn(p, "a suite's triggers are not followed", p->cannot);
}

static void plan_free(struct plan *p) {
    arena_deinit(&p->arena);
    mem_free(p);
}

static bool see_definition(void *ctx, const struct definition *d) {
    struct eval_wire *w = ctx;
    unsigned at = 0;
    while (at < w->n_plans && !slice_eq(w->plans[at]->name, d->name)) at++;
    if (at < w->n_plans && w->plans[at]->definition == d->number) {
        w->plans[at]->seen = true;
        return true;
    }
    if (at == PLANS) return false;
    struct plan *p = mem_new(struct plan);
    struct suite suite = {.n_cases = 0};
    struct problems problems = {0};
    struct arena room;
    arena_init(&p->arena, 4 << 10, 1 << 20);
    arena_init(&room, 1 << 20, 8 * (size_t)LIMIT_SUITE_FILE);
    p->name = arena_slice(&p->arena, d->name);
    p->definition = d->number;
    p->seen = true;
    if (suite_read(d->body, "suite", NULL, &room, &suite, &problems) == FAULT_NONE) read_plan(p, &suite);
    suite_deinit(&suite);
    arena_deinit(&room);
    if (at < w->n_plans) plan_free(w->plans[at]);
    else w->n_plans++;
    w->plans[at] = p;
    return true;
}

static enum fault read_plans(struct eval_wire *w, struct error *error) {
    struct arena arena;
    unsigned kept = 0;
    for (unsigned i = 0; i < w->n_plans; i++) w->plans[i]->seen = false;
    arena_init(&arena, 1 << 20, 8 * (size_t)LIMIT_SUITE_FILE);
    enum fault fault = definition_list(w->evaluations, SLICE("suite"), SLICE_NULL, &arena, see_definition, w, error);
    arena_deinit(&arena);
    for (unsigned i = 0; i < w->n_plans; i++) {
        if (w->plans[i]->seen || fault != FAULT_NONE) w->plans[kept++] = w->plans[i];
        else plan_free(w->plans[i]);
    }
    w->n_plans = kept;
    return fault;
}

/* ---- triggers ---- */

static enum fault want(struct eval_wire *w, const struct plan *p, const char *what, struct slice note, struct error *error) {
    struct arena arena;
    struct trigger_state t;
    arena_init(&arena, 1 << 10, 1 << 20);
    enum fault fault = trigger_find(w->evaluations, p->name, slice_of(what), &arena, &t, error);
    t.wanted_us = t.last_us = w->now_us;
    if (!slice_is_null(note)) t.note = note;
    if (fault == FAULT_NONE) fault = trigger_put(w->evaluations, p->name, slice_of(what), &t, error);
    arena_deinit(&arena);
    return fault;
}

static enum fault look_at_schedule(struct eval_wire *w, const struct plan *p, const struct schedule_of *s, struct error *error) {
    struct arena arena;
    struct trigger_state t;
    arena_init(&arena, 1 << 10, 1 << 20);
    enum fault fault = trigger_find(w->evaluations, p->name, slice_of(s->what), &arena, &t, error);
    int64_t before = t.last_us;
    if (fault == FAULT_NONE && trigger_is_due(&s->cron, s->zone, &t.last_us, w->now_us) && t.wanted_us == 0) t.wanted_us = w->now_us;
    if (fault == FAULT_NONE && t.last_us != before) fault = trigger_put(w->evaluations, p->name, slice_of(s->what), &t, error);
    arena_deinit(&arena);
    return fault;
}

/* The first look only remembers what is in production: it is no change. */
static enum fault look_at_prompt(struct eval_wire *w, const struct plan *p, struct error *error) {
    struct arena arena;
    struct trigger_state t;
    struct change_subject subject = {.production = 0};
    if (!p->on_prompt_change || slice_is_null(p->prompt)) return FAULT_NONE;
    arena_init(&arena, 4 << 10, 1 << 20);
    enum fault fault = changes_subject(w->registry, SLICE("prompt"), p->prompt, &arena, &subject, error);
    if (fault == FAULT_NOT_FOUND) fault = FAULT_NONE; /* nothing of it is in production */
    if (fault == FAULT_NONE) fault = trigger_find(w->evaluations, p->name, SLICE("prompt-change"), &arena, &t, error);
    struct slice serves = subject.production == 0 ? SLICE("nothing is in production") : arena_printf(&arena, "@%lld is in production", (long long)subject.production);
    if (fault == FAULT_NONE && !slice_eq(t.note, serves)) {
        if (t.last_us != 0 && subject.production != 0) t.wanted_us = w->now_us;
        t.last_us = w->now_us;
        t.note = serves;
        fault = trigger_put(w->evaluations, p->name, SLICE("prompt-change"), &t, error);
    }
    arena_deinit(&arena);
    return fault;
}

static struct slice write_change(const struct record *r, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 64 << 10);
    json_start(&w, &out);
    json_object(&w);
    json_member_string(&w, "model", r->model);
    json_member_string(&w, "provider", r->provider);
    json_member_string(&w, "target_model", r->target_model);
    json_member_string(&w, "upstream_model", r->upstream_model);
    json_member_string(&w, "system_fingerprint", r->system_fingerprint);
    json_object_end(&w);
    struct slice change = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return change;
}

static void see_record(void *ctx, const struct record *r) {
    struct eval_wire *w = ctx;
    enum model_news news = MODEL_KNOWN;
    struct arena arena;
    if (w->fault != FAULT_NONE || r->status != RECORD_OK || r->cache.len > 0 || r->target_model.len == 0 || r->upstream_model.len == 0) return;
    const struct model_answer a = {r->model, r->provider, r->target_model, r->upstream_model, r->system_fingerprint};
    w->fault = model_seen(w->evaluations, &a, !scoring_is_own_traffic(r), r->time_us, &news, w->error);
    if (w->fault != FAULT_NONE || news != MODEL_NEW) return;
    w->fault = eval_model_new(w->evaluations, w->registry, r, w->error);
    arena_init(&arena, 1 << 10, 1 << 20);
    struct slice change = write_change(r, &arena);
    for (unsigned i = 0; i < w->n_plans && w->fault == FAULT_NONE; i++)
        if (w->plans[i]->on_model_change && slice_eq(w->plans[i]->model, r->model)) w->fault = want(w, w->plans[i], "model-change", change, w->error);
    arena_deinit(&arena);
}

/* A step's versions, what they want, and the position: together or not at all. */
static enum fault follow_step(struct eval_wire *w, struct follow *f, bool *ret_any, struct error *error) {
    char position[FOLLOW_TEXT];
    w->error = error;
    w->fault = FAULT_NONE;
    enum fault fault = model_step_begin(w->evaluations, error);
    if (fault != FAULT_NONE) return fault;
    fault = ledger_follow(w->s.ledger, f, see_record, w, ret_any, error);
    if (fault == FAULT_NONE) fault = w->fault;
    follow_format(f, position);
    if (fault == FAULT_NONE && *ret_any) return model_step_end(w->evaluations, slice_of(position), error);
    model_step_undo(w->evaluations);
    return fault;
}

/* Versions are remembered whether or not a suite wants them: a suite that comes later knows what is new. */
static enum fault follow_models(struct eval_wire *w, struct error *error) {
    struct arena arena;
    struct slice position = SLICE_NULL;
    bool any = true;
    if (!ledger_follow_is_due(w->s.ledger, &w->follow)) return FAULT_NONE;
    arena_init(&arena, 1 << 10, 64 << 10);
    enum fault fault = model_position(w->evaluations, &arena, &position, error);
    if (fault == FAULT_NONE && !follow_resume(slice_is_null(position) ? SLICE("") : position, &w->follow))
        fault = error_set(error, FAULT_CORRUPT, "evaluations.db: the position in the ledger cannot be read");
    while (fault == FAULT_NONE && any && !atomic_load(&w->stopping)) fault = follow_step(w, &w->follow, &any, error);
    if (fault != FAULT_NONE) w->follow = (struct follow){.n = 0}; /* it may be ahead of what was kept */
    arena_deinit(&arena);
    return fault;
}

/* ---- runs ---- */

static const struct api_key *key_of(const struct policy *p, const struct plan *plan) {
    size_t cursor = 0;
    struct slice digest;
    void *value;
    while (table_next(&p->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        if (slice_is(plan->key, k->name) && slice_is(plan->application, k->application->name)) return k;
    }
    return NULL;
}

/* Production's version, for a suite that names its prompt, and for one that is run because of it. */
static enum fault find_prompt(struct eval_wire *w, const struct plan *p, const char *trigger, struct arena *arena, struct eval_run_order *o,
                              struct error *error) {
    struct change_version v;
    if (slice_is_null(p->prompt) || (!p->by_name && strcmp(trigger, "prompt-change") != 0)) return FAULT_NONE;
    enum fault fault = changes_version(w->registry, SLICE("prompt"), p->prompt, SLICE("production"), arena, &v, error);
    if (fault != FAULT_NONE) return fault;
    o->prompt = v.body;
    o->label = arena_printf(arena, SLICE_FMT "@%lld", SLICE_ARG(p->prompt), (long long)v.version);
    return FAULT_NONE;
}

static enum fault make(struct eval_wire *w, const struct plan *p, const char *trigger, const struct trigger_state *t, struct arena *arena,
                       struct run_row *ret, struct error *error) {
    struct slice change = strcmp(trigger, "model-change") == 0 ? t->note : SLICE_NULL;
    char who[CREDENTIAL_MOST + 32], hex[2 * DIGEST_BYTES + 1], as[sizeof hex + 32];
    /* else a hold that begins meanwhile would have the suite judge the model that answers instead */
    const char *headers[] = {who, as, slice_is_null(change) ? NULL : "x-quarterdeck-inside-hold: ignore", NULL};
    struct suite suite = {.n_cases = 0};
    unsigned turns = 0;
    int64_t baseline = 0;
    int answer = 0;
    struct policy *policy = w->s.policy(w->s.ctx);
    const struct api_key *key = key_of(policy, p);
    if (key != NULL) digest_hex(key->digest.bytes, DIGEST_BYTES, hex);
    bool allowed = policy->server.evaluation.programs || !p->programs;
    unsigned concurrent = policy->server.evaluation.concurrent;
    int64_t most_nano = policy->server.evaluation.max_cost_nano;
    policy_drop(policy);
    if (!allowed) return error_set(error, FAULT_CONFIG, "it has checks by programs, which the server starts only with `evaluation: {programs: allow}`");
    if (key == NULL) return error_set(error, FAULT_UNAUTHENTICATED, "`run_as`: the application has no valid key of that name");
    (void)snprintf(who, sizeof who, "authorization: Bearer %s", w->credential);
    (void)snprintf(as, sizeof as, "x-quarterdeck-inside-key: %s", hex);
    struct eval_run_order o = {.evaluations = w->evaluations, .url = w->url, .who = headers, .suite = p->name, .trigger = trigger,
                                     .since_us = t->wanted_us, .concurrent = concurrent, .max_cost_nano = most_nano, .stop = &w->stopping};
    enum fault fault = find_prompt(w, p, trigger, arena, &o, error);
    if (fault == FAULT_NONE) fault = eval_run_make(&o, arena, ret, error);
    if (fault == FAULT_NONE) fault = eval_kept_suite(w->evaluations, ret, arena, &suite, error);
    for (unsigned i = 0; i < p->n_schedules; i++) turns += trigger_turns_a_month(&p->schedules[i].cron, p->schedules[i].zone, w->now_us);
    if (fault == FAULT_NONE)
        fault = eval_tell(w->evaluations, w->registry, &(struct eval_told){&suite, ret, trigger, turns, change, &baseline, &answer}, clock_wall_us(), w->s.opened, w->s.ctx, error);
    if (fault == FAULT_NONE && !slice_is_null(change)) fault = eval_model_run(w->registry, change, ret, baseline, answer, error);
    suite_deinit(&suite);
    return fault;
}

/* Makes the run when this trigger wants one. False: it could not be made, now. */
static bool serve(struct eval_wire *w, const struct plan *p, const char *what, const char *trigger) {
    struct arena arena;
    struct trigger_state t = {0};
    struct run_row row = {.number = 0};
    struct error error = {.fault = FAULT_NONE};
    arena_init(&arena, 1 << 20, 16 * (size_t)LIMIT_SUITE_FILE);
    bool schedule = strcmp(trigger, "schedule") == 0; /* others keep in the note what changed */
    enum fault fault = trigger_find(w->evaluations, p->name, slice_of(what), &arena, &t, &error);
    bool wanted = fault == FAULT_NONE && t.wanted_us != 0;
    if (wanted && p->cannot != NULL) fault = error_set(&error, FAULT_CONFIG, "%s", p->cannot);
    else if (wanted) fault = make(w, p, trigger, &t, &arena, &row, &error);
    if (wanted && w->s.changed != NULL) w->s.changed(w->s.ctx, CONSOLE_EVALUATIONS | CONSOLE_FINDINGS | CONSOLE_ROLLOUTS);
    bool asked_in_vain = fault == FAULT_CONFIG || fault == FAULT_NOT_FOUND; /* trying again changes nothing */
    if (wanted && (fault == FAULT_NONE || asked_in_vain)) {
        t.wanted_us = 0;
        t.run = fault == FAULT_NONE ? row.number : t.run;
        if (schedule) t.note = fault == FAULT_NONE ? SLICE_NULL : slice_of(error.text);
        struct error later;
        if (trigger_put(w->evaluations, p->name, slice_of(what), &t, &later) != FAULT_NONE) warn(p, "a turn could not be kept", later.text);
    }
    if (fault != FAULT_NONE && fault != FAULT_SHUTTING_DOWN)
        warn(p, asked_in_vain ? "a suite could not be run" : "a suite could not be run; it is tried again", error.text);
    arena_deinit(&arena);
    return fault == FAULT_NONE || asked_in_vain;
}

/* Once, and once more after a restart, which changes nothing. */
static enum fault tell_change(struct eval_wire *w, struct plan *p, struct error *error) {
    struct arena arena;
    struct trigger_state t = {0};
    if (!p->on_model_change) return FAULT_NONE;
    arena_init(&arena, 1 << 10, 1 << 20);
    enum fault fault = trigger_find(w->evaluations, p->name, SLICE("model-change"), &arena, &t, error);
    if (fault == FAULT_NONE && t.wanted_us != 0 && t.last_us != p->told_us && !slice_is_null(t.note))
        fault = eval_tell_change(w->evaluations, w->registry, p->name, p->application, t.note, w->now_us, w->s.opened, w->s.ctx, error);
    if (fault == FAULT_NONE) p->told_us = t.last_us;
    arena_deinit(&arena);
    return fault;
}

static void look(struct eval_wire *w) {
    struct error error = {.fault = FAULT_NONE};
    bool good = true;
    w->now_us = clock_wall_us();
    enum fault fault = read_plans(w, &error);
    if (fault == FAULT_NONE) fault = follow_models(w, &error);
    struct policy *policy = w->s.policy(w->s.ctx);
    if (fault == FAULT_NONE) fault = eval_model_look(w->evaluations, w->registry, policy, w->now_us, w->s.opened, w->s.ctx, &error);
    policy_drop(policy);
    for (unsigned i = 0; i < w->n_plans && fault == FAULT_NONE; i++) fault = tell_change(w, w->plans[i], &error);
    for (unsigned i = 0; i < w->n_plans && fault == FAULT_NONE; i++)
        for (unsigned k = 0; k < w->plans[i]->n_schedules && fault == FAULT_NONE; k++)
            fault = look_at_schedule(w, w->plans[i], &w->plans[i]->schedules[k], &error);
    for (unsigned i = 0; i < w->n_plans && fault == FAULT_NONE; i++) fault = look_at_prompt(w, w->plans[i], &error);
    if (fault != FAULT_NONE) log_event(LOG_ERROR, "triggers of suites could not be looked at; it is tried again", "why", error.text, NULL);
    if (clock_us() < w->not_before_us) return;
    for (unsigned i = 0; i < w->n_plans && !atomic_load(&w->stopping); i++) {
        const struct plan *p = w->plans[i];
        for (unsigned k = 0; k < p->n_schedules && !atomic_load(&w->stopping); k++) good &= serve(w, p, p->schedules[k].what, "schedule");
        if (p->on_model_change && !atomic_load(&w->stopping)) good &= serve(w, p, "model-change", "model-change");
        if (p->on_prompt_change && !atomic_load(&w->stopping)) good &= serve(w, p, "prompt-change", "prompt-change");
    }
    w->not_before_us = good ? 0 : clock_us() + AGAIN_US;
}

static void *eval_main(void *arg) {
    struct eval_wire *w = arg;
    while (!atomic_load(&w->stopping)) {
        (void)mailbox_wait(w->wake, -1);
        if (!atomic_load(&w->stopping)) look(w);
    }
    return NULL;
}

void eval_wire_look(struct eval_wire *w) {
    if (w != NULL) (void)!mailbox_post(w->wake, w); /* full: it is awake, or about to be */
}

/* ---- birth and end ---- */

struct eval_wire *eval_wire_new(const struct eval_sources *s, struct error *error) {
    struct eval_wire *w = mem_new(struct eval_wire);
    w->s = *s;
    w->wake = mailbox_new(4);
    w->evaluations = evaluations_open(s->data_dir, error);
    if (w->evaluations != NULL) w->registry = registry_open(s->data_dir, error);
    if (w->registry != NULL) return w;
    eval_wire_free(w);
    return NULL;
}

enum fault eval_wire_start(struct eval_wire *w, uint16_t port, struct slice credential, struct error *error) {
    (void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u", port);
    (void)snprintf(w->credential, sizeof w->credential, SLICE_FMT, SLICE_ARG(credential));
    w->running = pthread_create(&w->thread, NULL, eval_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of evaluations");
}

void eval_wire_stop(struct eval_wire *w) {
    if (w == NULL || !w->running) return;
    atomic_store(&w->stopping, true);
    eval_wire_look(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void eval_wire_free(struct eval_wire *w) {
    if (w == NULL) return;
    eval_wire_stop(w);
    for (unsigned i = 0; i < w->n_plans; i++) plan_free(w->plans[i]);
    registry_close(w->registry);
    evaluations_close(w->evaluations);
    mailbox_free(w->wake);
    mem_free(w);
}
