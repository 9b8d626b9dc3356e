/* wire_watch.c - see wire_watch.h. */
#include "wire_watch.h"
#include "wire_downgrade.h"
#include "wire_eval.h"
#include "wire_review.h"
#include "wire_score.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/schedule.h"
#include "control/console_topic.h"
#include "base/virtual_time.h"
#include "cost/watch.h"
#include "incident/watch_rules.h"
#include "store/runs.h"
#include "store/scored.h"

#include <pthread.h>
#include <stdio.h>

#define SECOND_US 1000000LL
#define KEEP_FINDINGS_US (400 * 86400 * SECOND_US)
#define DAILY_SLACK_S (2 * 3600) /* a daily job is overdue when it is this late */
#define LAST_DAY SLICE("cost.anomalies")

struct watch_wire {
    struct watch_sources s;
    struct registry *registry;              /* of the scheduler's thread, as the next */
    struct evaluations *results;
    struct outlook_memory *outlooks;
    struct metric_shard *shard, *age_shard; /* of this thread, of the one that publishes */
    struct downgrade_wire *downgrades;
    struct score_wire *scoring;
    struct eval_wire *evaluations;
    struct mailbox *wake;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    struct schedule schedule;
    struct schedule_row rows[WATCH_JOBS];
    pthread_mutex_t lock; /* of states, held for copies alone */
    struct job_state states[WATCH_JOBS];
    int64_t succeeded_us[WATCH_JOBS]; /* monotonic; of the start until then */
    int64_t open[FINDING_KINDS];      /* findings, when they were counted last */
};

static const struct schedule_job jobs[WATCH_JOBS] = {
#define JOB(symbol, name, first, cadence, least, daily)                                                      \
    {name, (first)*SECOND_US, (cadence)*SECOND_US, (least)*SECOND_US, daily},
    WATCH_JOB_TABLE(JOB)
#undef JOB
};

/* ---- what the watchers call ---- */

static struct policy *policy(void *ctx) {
    struct watch_wire *w = ctx;
    return w->s.policy(w->s.ctx);
}

static void each_budget(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    struct watch_wire *w = ctx;
    cost_wire_each_budget(w->s.cost, each, arg);
}

static bool is_stopping(void *ctx) {
    return atomic_load(&((struct watch_wire *)ctx)->stopping);
}

void watch_wire_opened(void *ctx, const struct finding *f) {
    struct arena arena;
    char id[24];
    (void)ctx;
    arena_init(&arena, 4 << 10, 1 << 20);
    snprintf(id, sizeof id, "%lld", (long long)f->id);
    log_event(LOG_WARN, "finding opened", "id", id, "kind", finding_kind_name(f->kind), "application",
              slice_is_null(f->application) ? "" : arena_text(&arena, f->application), "title",
              arena_text(&arena, f->title), "next", arena_text(&arena, f->command), NULL);
    arena_deinit(&arena);
}

static void opened(void *ctx, const struct finding *f) {
    const struct watch_wire *w = ctx;
    w->s.opened(w->s.ctx, f);
}

static void changed(void *ctx, unsigned topics) {
    const struct watch_wire *w = ctx;
    if (w->s.changed != NULL) w->s.changed(w->s.ctx, topics);
}

/* ---- the jobs ---- */

static enum fault run_retention(struct watch_wire *w, struct error *error) {
    struct policy *p = policy(w);
    int64_t keep_us = p->server.evaluation.keep, now_us = clock_wall_us();
    policy_drop(p);
    enum fault fault = findings_prune(w->registry, now_us - KEEP_FINDINGS_US, error);
    if (keep_us == 0 || fault != FAULT_NONE) return fault;
    fault = run_results_prune(w->results, now_us - keep_us, error);
    return fault == FAULT_NONE ? scored_prune(w->results, now_us - keep_us, error) : fault;
}

static enum fault run_rules(struct watch_wire *w, struct error *error) {
    struct policy *p = policy(w);
    struct history_ledger from = {w->s.ledger, w->results};
    struct history history = history_of(&from);
    struct watch_rules look = {w->registry, &history, &p->alerts, is_stopping, opened, w};
    enum fault fault = watch_rules(&look, clock_wall_us(), error);
    policy_drop(p);
    return fault;
}

static enum fault run(struct watch_wire *w, enum watch_job job, struct error *error) {
    struct watch watch = {w, policy, each_budget, is_stopping, opened, w->s.ledger, w->registry, w->outlooks};
    int64_t now_us = clock_wall_us();
    if (job == WATCH_PRICES || job == WATCH_PACE || job == WATCH_ANOMALIES) ledger_writer_drain(w->s.writer);
    switch (job) {
    case WATCH_THRESHOLDS: return watch_thresholds(&watch, now_us, error);
    case WATCH_PRICES: return watch_prices(&watch, now_us, error);
    case WATCH_PACE: return watch_pace(&watch, now_us, error);
    case WATCH_ANOMALIES: return watch_anomalies(&watch, now_us, error);
    case WATCH_DOWNGRADE_TESTS: downgrade_wire_look(w->downgrades); return FAULT_NONE;
    case WATCH_DOWNGRADES: return watch_downgrades(&watch, now_us, error);
    case WATCH_SCORING: score_wire_look(w->scoring); return FAULT_NONE;
    case WATCH_EVALUATION: eval_wire_look(w->evaluations); return FAULT_NONE;
    case WATCH_REVIEWS: return review_wire_look(w->results, w->registry, now_us, opened, w, error);
    case WATCH_RULES: return run_rules(w, error);
    case WATCH_LEARNED: return cost_wire_save(w->s.cost, w->registry, error);
    case WATCH_RETENTION: return run_retention(w, error);
    case WATCH_JOBS: break;
    }
    return error_set(error, FAULT_INTERNAL, "no such job");
}

/* The day that was looked at last is kept, so that a restart does not look again, and one that came late
 * does. */
static void load_day(struct watch_wire *w) {
    struct arena arena;
    struct slice body = SLICE_NULL;
    int64_t at_us, day;
    struct error error;
    arena_init(&arena, 256, 4 << 10);
    if (registry_kept(w->registry, LAST_DAY, &arena, &body, &at_us, &error) == FAULT_NONE &&
        slice_to_i64(body, &day))
        w->rows[WATCH_ANOMALIES].day = day;
    arena_deinit(&arena);
}

static enum fault keep_day(struct watch_wire *w, int64_t day, struct error *error) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)day);
    return registry_keep(w->registry, LAST_DAY, slice_of(text), clock_wall_us(), error);
}

static void count(struct watch_wire *w, enum watch_job job, bool good) {
    const char *labels[METRIC_LABELS] = {jobs[job].name, good ? "ok" : "failed"};
    int64_t open[FINDING_KINDS];
    struct error error;
    metric_add(metric_cell(w->shard, METRIC_JOB_RUNS, labels), 1);
    if (findings_count_open(w->registry, open, &error) != FAULT_NONE)
        return; /* the job that follows says why */
    for (unsigned k = 0; k < FINDING_KINDS; k++)
        metric_set(metric_cell(w->shard, METRIC_FINDINGS_OPEN,
                               (const char *[METRIC_LABELS]){finding_kind_name((enum finding_kind)k)}),
                   open[k]);
    if (memcmp(open, w->open, sizeof open) == 0) return;
    memcpy(w->open, open, sizeof open);
    changed(w, CONSOLE_FINDINGS); /* whoever opened or cleared them */
}

/* Once when it begins to fail (or fails in another way), once when it is well again. */
static void tell(const struct job_state *before, const struct job_state *now) {
    if (now->error[0] != 0 && strcmp(before->error, now->error) != 0)
        log_event(LOG_ERROR, "a job failed; it is tried again", "job", now->name, "error", now->error, NULL);
    if (now->error[0] == 0 && before->error[0] != 0)
        log_event(LOG_INFO, "a job is well again", "job", now->name, NULL);
}

static void run_job(struct watch_wire *w, enum watch_job job, int64_t day) {
    struct error error = {.fault = FAULT_NONE};
    struct job_state now = w->states[job], before = now; /* only this thread writes them */
    int64_t begun = clock_us();
    now.started_us = clock_wall_us();
    schedule_begin(&w->schedule, job);
    enum fault fault = run(w, job, &error);
    bool good = fault == FAULT_NONE;
    if (good && job == WATCH_ANOMALIES) fault = keep_day(w, day, &error);
    int64_t ended = clock_us();
    schedule_end(&w->schedule, job, ended, day, good);
    if (fault == FAULT_SHUTTING_DOWN) return; /* neither done nor failed */
    now.runs++;
    now.took_us = ended - begun;
    now.failures += !good;
    if (good) now.succeeded_us = clock_wall_us();
    snprintf(now.error, sizeof now.error, "%s", fault == FAULT_NONE ? "" : error.text);
    pthread_mutex_lock(&w->lock);
    w->states[job] = now;
    if (good) w->succeeded_us[job] = ended;
    pthread_mutex_unlock(&w->lock);
    tell(&before, &now);
    count(w, job, good);
}

static void *watch_main(void *arg) {
    struct watch_wire *w = arg;
    load_day(w);
    while (!atomic_load(&w->stopping)) {
        struct policy *p = policy(w);
        const struct zone *zone = p->server.watch.zone;
        int64_t mono = clock_us(), wall = clock_wall_us(), day = schedule_day(zone, wall);
        int due = schedule_due(&w->schedule, mono, zone, wall);
        int64_t wait = schedule_wait(&w->schedule, mono, zone, wall);
        policy_drop(p);
        if (due >= 0) run_job(w, (enum watch_job)due, day);
        else (void)mailbox_wait(w->wake, wait > 0 ? virtual_time_lazily(wait) : 1);
    }
    return NULL;
}

/* ---- from other threads ---- */

void watch_wire_ask(struct watch_wire *w, enum watch_job job) {
    if (w == NULL || !schedule_ask(&w->schedule, job)) return;
    if (!mailbox_post(w->wake, w)) return; /* full: it is awake, or about to be */
}

/* A threshold was crossed (on a loop's thread), or a person dismissed a finding. */
static void look_again(void *ctx) {
    watch_wire_ask(ctx, WATCH_THRESHOLDS);
}

static void downgrade_kept(void *ctx) {
    watch_wire_ask(ctx, WATCH_DOWNGRADES);
}

static void each_job(void *ctx, void (*each)(void *arg, const struct job_state *j), void *arg) {
    struct watch_wire *w = ctx;
    for (unsigned i = 0; i < WATCH_JOBS; i++) {
        pthread_mutex_lock(&w->lock);
        struct job_state j = w->states[i];
        int64_t age = (clock_us() - w->succeeded_us[i]) / SECOND_US;
        pthread_mutex_unlock(&w->lock);
        int64_t cadence = virtual_time_patience(jobs[i].cadence_us) / SECOND_US;
        j.every_s = jobs[i].daily ? 86400 : cadence;
        j.age_s = age;
        j.overdue =
            age > (jobs[i].daily ? 86400 + DAILY_SLACK_S : 2 * cadence + jobs[i].first_us / SECOND_US);
        each(arg, &j);
    }
}

void watch_wire_lend(struct watch_wire *w, struct control_services *services) {
    services->watch_ctx = w;
    services->jobs = each_job;
    services->findings_changed = look_again;
}

static void set_age(void *arg, const struct job_state *j) {
    metric_set(metric_cell(arg, METRIC_JOB_AGE, (const char *[METRIC_LABELS]){j->name}), j->age_s);
}

void watch_wire_publish(struct watch_wire *w) {
    each_job(w, set_age, w->age_shard);
}

/* ---- birth and end ---- */

struct watch_wire *watch_wire_new(const struct watch_sources *s, struct error *error) {
    struct watch_wire *w = mem_new(struct watch_wire);
    w->s = *s;
    w->registry = registry_open(s->data_dir, error);
    w->shard = metric_shard_new(s->metrics);
    w->age_shard = metric_shard_new(s->metrics);
    cost_wire_on_threshold(s->cost, look_again, w);
    w->wake = mailbox_new(4);
    w->outlooks = outlook_memory_new();
    pthread_mutex_init(&w->lock, NULL);
    schedule_init(&w->schedule, jobs, w->rows, WATCH_JOBS, clock_us());
    for (unsigned i = 0; i < WATCH_JOBS; i++) {
        w->states[i].name = jobs[i].name;
        w->succeeded_us[i] = clock_us();
    }
    if (w->registry != NULL) w->results = evaluations_open(s->data_dir, error);
    if (w->results != NULL)
        w->downgrades = downgrade_wire_new(
            &(struct downgrade_sources){w, policy, s->ledger, s->writer, s->data_dir, downgrade_kept}, error);
    if (w->downgrades != NULL) w->scoring = score_wire_new(&(struct score_sources){w, policy, s->ledger, s->writer, s->data_dir, changed}, error);
    if (w->scoring != NULL) w->evaluations = eval_wire_new(&(struct eval_sources){w, policy, s->ledger, s->data_dir, opened, changed}, error);
    if (w->evaluations != NULL) return w;
    watch_wire_free(w);
    return NULL;
}

enum fault watch_wire_start(struct watch_wire *w, struct error *error) {
    w->running = pthread_create(&w->thread, NULL, watch_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the scheduler's thread");
}

enum fault watch_wire_listen(struct watch_wire *w, uint16_t port, struct slice credential,
                             struct error *error) {
    enum fault fault = downgrade_wire_start(w->downgrades, port, credential, error);
    if (fault == FAULT_NONE) fault = score_wire_start(w->scoring, port, credential, error);
    return fault == FAULT_NONE ? eval_wire_start(w->evaluations, port, credential, error) : fault;
}

void watch_wire_quiesce(struct watch_wire *w) {
    if (w == NULL) return;
    downgrade_wire_stop(w->downgrades);
    score_wire_stop(w->scoring);
    eval_wire_stop(w->evaluations);
}

void watch_wire_stop(struct watch_wire *w) {
    if (w == NULL || !w->running) return;
    atomic_store(&w->stopping, true);
    (void)!mailbox_post(w->wake, w);
    pthread_join(w->thread, NULL);
    w->running = false;
    struct error error;
    if (cost_wire_save(w->s.cost, w->registry, &error) != FAULT_NONE)
        log_event(LOG_ERROR, "what was learned could not be kept", "error", error.text, NULL);
}

void watch_wire_free(struct watch_wire *w) {
    if (w == NULL) return;
    watch_wire_stop(w);
    downgrade_wire_free(w->downgrades);
    score_wire_free(w->scoring);
    eval_wire_free(w->evaluations);
    evaluations_close(w->results);
    registry_close(w->registry);
    outlook_memory_free(w->outlooks);
    mailbox_free(w->wake);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}
