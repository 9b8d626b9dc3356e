/* wire.c - builds the server from its modules, connects them, and takes it down again.
 *
 * Threads: N loop threads (one gateway each), the ledger writer, the control thread (API requests that change something, one after
 * the other), its readers, the scheduler, and this one, which waits for signals and keeps house once a second. Loop threads share
 * with the others only what is posted to them and what is atomic. */
#include "wire.h"
#include "wire_alert.h"
#include "wire_batch.h"
#include "wire_cache.h"
#include "wire_change.h"
#include "wire_consoles.h"
#include "wire_cost.h"
#include "wire_desk.h"
#include "wire_house.h"
#include "wire_lanes.h"
#include "wire_notify.h"
#include "wire_probe.h"
#include "wire_ready.h"
#include "wire_registry.h"
#include "wire_tiers.h"
#include "wire_process.h"
#include "wire_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/config_file.h"
#include "control/console.h"
#include "control/control.h"
#include "control/options.h"
#include "gateway/gateway.h"
#include "store/ledger.h"
#include "store/recorder.h"
#include "store/registry.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define GRACE_US 10000000     /* at the end, exchanges under way get this long */
#define DEPLOY_US 1000000     /* until which time what serves is in force on every loop, else it is in the next turn of those that are late */
#define FAREWELL_US 1000000   /* and then, to send the error that ends them */

struct server {
    const char *config;
    const struct wire_run *run;
    pthread_mutex_t policy_lock;
    struct policy *policy; /* in force; held */
    struct policy *first; /* held to the end: what changes only with a restart, such as the data folder's name, is lent from it */
    struct registry *registry;
    struct recorder *recorder;
    struct ledger *ledger;
    struct ledger_writer *writer;
    struct gateway_shared *shared;
    struct cost_wire *cost;
    struct watch_wire *watch; /* the scheduler's thread */
    struct change_wire *change; /* its thread */
    struct alert_wire *alerts; /* its thread: the watch */
    struct notify_wire *notify; /* its thread */
    struct probe_wire *probes; /* its thread */
    struct batch_wire *batches; /* its thread is lane n_lanes of the recorder and of the token counters */
    struct batches *batches_read; /* the control thread's view of them */
    struct evaluations *evaluations; /* likewise */
    struct metric_set *metrics;
    struct metric_shard *shard, *control_shard; /* of this thread and the control thread */
    struct lane *lanes;
    unsigned n_lanes;
    struct http_server *admin; /* on lane 0's loop; NULL without admin_listen */
    struct desk *desk; /* the control thread */
    struct control_services services;
    struct desk_wire beside; /* threads that wait for no report */
    struct console_wire consoles;
    struct house house;
    atomic_bool ready, refuse_when_full; /* the latter from the policy in force */
    atomic_bool leaving; /* who waits for a provider gives up */
    atomic_bool deploying; /* deployments are posted to them */
    atomic_bool fill_due; /* budgets are in force that do not know what was spent */
};

/* ---- policy ---- */

static struct policy *policy_in_force(void *ctx) {
    struct server *s = ctx;
    pthread_mutex_lock(&s->policy_lock);
    struct policy *p = policy_hold(s->policy);
    pthread_mutex_unlock(&s->policy_lock);
    return p;
}

/* The configuration file and, once it is open, what the registry lends. */
static enum fault read_policy(struct server *s, struct policy **ret, struct buffer *problems_text, struct error *error) {
    struct arena arena;
    arena_init(&arena, 16 << 10, LIMIT_CONFIG_FILE);
    struct config_registry lent;
    struct problems problems = {0};
    enum fault fault = wire_registry_read(s->registry, &arena, &lent, error);
    if (fault == FAULT_NONE) fault = config_file_read(s->config, &lent, &arena, ret, &problems, error);
    if (fault == FAULT_NONE) wire_registry_warn(*ret);
    if (fault == FAULT_CONFIG) problems_write(&problems, problems_text);
    if (fault == FAULT_NONE) fault = wire_tiers(s->registry, ret, &arena, error);
    if (fault == FAULT_NONE && s->registry) {
        fault = wire_cache_verify(*ret, s->registry, error);
        if (fault != FAULT_NONE) policy_drop(*ret);
    }
    arena_deinit(&arena);
    return fault;
}

static void adopt(struct server *s, struct policy *p) { /* takes the reference; policy_lock is held */
    p->revision = s->policy ? s->policy->revision + 1 : 1;
    policy_drop(s->policy);
    s->policy = p;
    atomic_store(&s->refuse_when_full, p->server.recorder.refuse_when_full);
    lanes_install(s->lanes, s->n_lanes, p);
}

/* New budgets learn what was spent before they come into force, from the ledger; what is settled meanwhile is counted once.
 * Not under policy_lock, which the ledger writer may want before it is drained. On the control thread. */
static void fill_budgets(struct server *s) {
    struct error error = {.fault = FAULT_NONE};
    lanes_let_pass(s->lanes, s->n_lanes, GRACE_US); /* whoever settled has also recorded */
    batch_wire_let_pass(s->batches, GRACE_US);
    if (cost_wire_fill(s->cost, s->ledger, s->writer, &error) != FAULT_NONE)
        log_event(LOG_ERROR, "budgets do not know yet what was spent before this reload; trying again", "error", error.text, NULL);
}

static void fill_again(void *arg) {
    struct server *s = arg;
    struct policy *p = policy_in_force(s);
    if (cost_wire_prepare(s->cost, p)) fill_budgets(s);
    atomic_store(&s->fill_due, cost_wire_install(s->cost, p));
    policy_drop(p);
}

static enum fault reload(void *ctx, uint64_t *ret_revision, struct buffer *problems) {
    struct server *s = ctx;
    struct policy *p = NULL;
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = read_policy(s, &p, problems, &error);
    if (fault == FAULT_NONE && cost_wire_prepare(s->cost, p)) fill_budgets(s);
    pthread_mutex_lock(&s->policy_lock);
    if (fault == FAULT_NONE) {
        if (process_needs_restart(&s->policy->server, &p->server))
            log_event(LOG_WARN, "listen, workers and data_dir change only with a restart", NULL);
        atomic_store(&s->fill_due, cost_wire_install(s->cost, p));
        adopt(s, p);
        *ret_revision = p->revision;
    } else if (problems->len == 0) {
        buffer_append(problems, slice_of(error.text));
    }
    consoles_changed(s->consoles.open, CONSOLE_CONFIGURATION | CONSOLE_PEOPLE);
    if (fault != FAULT_NONE) metric_add(metric_cell(s->control_shard, METRIC_POLICY_FAILURES, (const char *[METRIC_LABELS]){NULL}), 1);
    pthread_mutex_unlock(&s->policy_lock);
    if (fault == FAULT_NONE) {
        char revision[24];
        snprintf(revision, sizeof revision, "%llu", (unsigned long long)*ret_revision);
        log_event(LOG_INFO, "policy reloaded", "revision", revision, NULL);
        struct policy *now = policy_in_force(s);
        wire_cache_tell(now);
        wire_registry_tell(s->registry, now);
        policy_drop(now);
    } else {
        log_event(LOG_ERROR, "the configuration has errors; the policy in force stays", "problems", buffer_text(problems), NULL);
    }
    return fault;
}

static void each_target(void *ctx, void (*each)(void *arg, const struct target_state *t), void *arg) {
    struct server *s = ctx;
    struct policy *p = policy_in_force(s);
    struct deployments *d = change_wire_deployments(s->change);
    int64_t now = clock_wall_us();
    for (unsigned m = 0; m < p->n_models; m++)
        for (unsigned t = 0; t < p->models[m].n_targets; t++) {
            const struct target *target = &p->models[m].targets[t];
            struct health_view view;
            const struct intervention *held = deployments_on_breaker(d, slice_of(target->provider->name), slice_of(target->model), now);
            gateway_health_view(s->shared, &p->models[m], target, &view);
            if (held) view.state = held->spec.kind == INTERVENTION_OPEN_BREAKER ? "open" : "closed", view.opens_again_us = 0;
            each(arg, &(struct target_state){.model = p->models[m].name,
                                             .provider = target->provider->name,
                                             .upstream_model = target->model,
                                             .breaker = view.state,
                                             .failure_rate = view.failure_rate,
                                             .requests = view.requests,
                                             .opens_again_us = view.opens_again_us,
                                             .held_by = held ? held->number : 0});
        }
    deployments_drop(d);
    policy_drop(p);
}

static void each_budget(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    struct server *s = ctx;
    cost_wire_each_budget(s->cost, each, arg);
}

/* A loop that is in the midst of something takes it in its next turn: nobody waits for that for ever. */
static void install_deployments(void *ctx, struct deployments *d) {
    struct server *s = ctx;
    if (atomic_load(&s->deploying)) lanes_deploy(s->lanes, s->n_lanes, d, DEPLOY_US);
    consoles_changed(s->consoles.open, CONSOLE_ROLLOUTS | CONSOLE_ACTIONS | CONSOLE_AUDIT);
}

static enum fault deployments_changed(void *change, struct error *error) { return change_wire_publish(change, error); }
static enum fault emergency(void *change, const struct emergency_entry *e, struct error *error) { return change_wire_emergency(change, e, error); }
static bool standing(void *change, const struct rollout_row *row, struct arena *arena, struct judging *ret) { return change_wire_standing(change, row, arena, ret); }
static int64_t serves(void *change, struct slice kind, struct slice name) { return change_wire_serves(change, kind, name); }
static void gates_wanted(void *change) { change_wire_gates(change); }

/* Rules on findings need not wait for the next tick. */
static void finding_opened(void *ctx, const struct finding *f) {
    watch_wire_opened(NULL, f);
    alert_wire_ask(((struct server *)ctx)->alerts);
    consoles_changed(((struct server *)ctx)->consoles.open, CONSOLE_FINDINGS);
}

static void something_changed(void *ctx, unsigned topics) { consoles_changed(((struct server *)ctx)->consoles.open, topics); }

static void notices_left(void *notify) { notify_wire_ask(notify); }
static int64_t watch_age_us(void *ctx) { return alert_wire_age_us(((struct server *)ctx)->alerts); }
static bool watch_acts(void *ctx) { return alert_wire_acts(((struct server *)ctx)->alerts); }
static void watch_has_notices(void *ctx) { notify_wire_ask(((struct server *)ctx)->notify); }
static void each_probed(void *ctx, void (*each)(void *arg, const struct provider_seen *s), void *arg) { probe_wire_each(((struct server *)ctx)->probes, each, arg); }
static void each_job_of_watch(void *ctx, void (*each)(void *arg, const struct job_state *j), void *arg) {
    struct control_services *lent = &((struct server *)ctx)->services;
    lent->jobs(lent->watch_ctx, each, arg);
}
/* A breaker that the watch, or a person, holds open: no probe that costs anything goes there. */
static bool provider_rests(void *ctx, struct slice provider) {
    struct deployments *d = change_wire_deployments(((struct server *)ctx)->change);
    bool rests = false;
    for (unsigned i = 0; d != NULL && i < d->n_interventions; i++)
        rests |= d->interventions[i].spec.kind == INTERVENTION_OPEN_BREAKER && slice_eq(d->interventions[i].spec.provider, provider);
    deployments_drop(d);
    return rests;
}

static void cancel_batch(void *ctx, struct slice id) { batch_wire_cancel(((struct server *)ctx)->batches, id); }
static void batch_queue(void *ctx, struct batch_queue_view *ret) { batch_wire_view(((struct server *)ctx)->batches, ret); }

static struct slice inside(void *ctx, uint16_t *ret_port) { return batch_wire_inside(((struct server *)ctx)->batches, ret_port); }

static bool is_ready(void *ctx, const char **ret_why_not) {
    struct server *s = ctx;
    struct recorder_stats stats;
    recorder_stats(s->recorder, &stats);
    bool full = stats.full && atomic_load(&s->refuse_when_full);
    const char *why_not = !atomic_load(&s->ready) ? "starting or stopping" : full ? "the flight recorder is full" : NULL;
    if (why_not) *ret_why_not = why_not;
    return !why_not;
}

/* ---- sinks of the gateways ---- */

static enum fault sink_record(void *ctx, unsigned lane, const struct record *r) {
    struct server *s = ctx;
    struct buffer *frame = &s->lanes[lane].frame;
    buffer_clear(frame);
    if (!record_encode(r, frame)) return FAULT_TOO_LARGE;
    enum fault fault = recorder_append(s->recorder, lane, FRAME_RECORD, buffer_slice(frame));
    if (!money_is_known(r->cost_nano) || r->error == FAULT_UNKNOWN_PRICE) watch_wire_ask(s->watch, WATCH_PRICES);
    if (r->error == FAULT_BUDGET_EXCEEDED) watch_wire_ask(s->watch, WATCH_THRESHOLDS);
    consoles_settled(s->consoles.open, lane, r);
    return fault;
}

static enum fault sink_payload(void *ctx, unsigned lane, const struct record *r, struct slice request, struct slice reply, struct slice asked) {
    struct server *s = ctx;
    return lane_payload(&s->lanes[lane], s->recorder, r, request, reply, asked);
}

static bool sink_may_record(void *ctx, unsigned lane) {
    struct server *s = ctx;
    return !atomic_load(&s->refuse_when_full) || !recorder_is_full(s->recorder, lane);
}

/* ---- the control plane's requests ---- */

static void sink_control(void *ctx, unsigned lane, struct http_request *r) {
    struct server *s = ctx;
    desk_take(s->desk, s->lanes[lane].loop, r);
}

static void sink_control_gone(void *ctx, unsigned lane, struct http_request *r) {
    struct server *s = ctx;
    consoles_gone(s->consoles.open, s->lanes[lane].loop, r);
}

static struct loop *loop_of_lane(void *ctx, unsigned lane) {
    struct server *s = ctx;
    return s->lanes[lane].loop;
}

static bool control_takes(const struct http_request *r) { return control_owns(r->path) || control_misses(r->method, r->path, http_request_header(r, "accept")); }

static void admin_request(void *ctx, struct http_request *r) {
    struct http_header headers[CONSOLE_HEADERS];
    if (control_takes(r))
        sink_control(ctx, 0, r);
    else
        http_respond(r, 404, headers, console_headers(false, headers), SLICE("{\"error\":{\"code\":\"not_found\",\"message\":\"no such path\"}}"));
}

/* The desk holds it and will conclude it, unless it is a console's. */
static void admin_gone(void *ctx, struct http_request *r) { sink_control_gone(ctx, 0, r); }

/* ---- lanes ---- */

static struct deployments *deployments_in_force(void *ctx) { return change_wire_deployments(((struct server *)ctx)->change); }

static void deploy_first(struct server *s, struct lane *l) {
    struct deployments *d = change_wire_deployments(s->change);
    gateway_deploy(l->gateway, d);
    deployments_drop(d);
}

static enum fault start_lanes(struct server *s, struct error *error) {
    const struct server_settings *o = &s->policy->server;
    struct http_server_options listen = process_listen_options(o);
    struct gateway_sinks sinks = {.ctx = s, .record = sink_record, .payload = sink_payload, .may_record = sink_may_record,
                                  .control_owns = o->admin_host ? NULL : control_takes, /* or it has an address of its own */
                                  .control = sink_control, .control_gone = sink_control_gone,
                                  .system_text = change_wire_system_text, .shadow = change_wire_shadow, .change_ctx = s->change};
    cost_wire_sinks(s->cost, &sinks);
    s->batches = batch_wire_new(&(struct batch_wire_parts){.ctx = s, .policy = policy_in_force, .deployments = deployments_in_force, .loop_of = loop_of_lane, .recorder = s->recorder,
                                                           .lane = s->n_lanes, .ledger = s->ledger, .writer = s->writer,
                                                           .metrics = s->metrics, .data_dir = o->data_dir},
                                &sinks, error);
    if (!s->batches) return error->fault;
    batch_wire_sinks(s->batches, &sinks);
    for (unsigned i = 0; i < s->n_lanes; i++) {
        struct lane *l = &s->lanes[i];
        *l = (struct lane){.server = s, .index = i};
        buffer_init(&l->frame, 3 * LIMIT_PAYLOAD);
        l->loop = loop_new(error);
        if (!l->loop) return error->fault;
        l->gateway = gateway_new(l->loop, i, s->shared, s->metrics, &sinks);
        consoles_add_loop(s->consoles.open, i, l->loop);
        gateway_install(l->gateway, s->policy);
        deploy_first(s, l);
        enum fault fault = gateway_listen(l->gateway, &listen, error);
        if (fault == FAULT_NONE) fault = batch_wire_listen(s->batches, l->gateway, listen.max_body, error);
        if (fault != FAULT_NONE) return fault;
        listen.port = gateway_port(l->gateway); /* port 0: the rest listen where the first one does */
    }
    if (o->admin_host) {
        struct http_server_options admin = process_listen_options(o);
        admin.host = o->admin_host;
        admin.port = o->admin_port;
        struct http_handler h = {.ctx = s, .on_request = admin_request, .on_gone = admin_gone};
        s->admin = http_server_new(s->lanes[0].loop, &admin, &h, error);
        if (!s->admin) return error->fault;
    }
    pthread_mutex_lock(&s->policy_lock); /* no reload finds half of them running */
    enum fault fault = lanes_run(s->lanes, s->n_lanes, error);
    pthread_mutex_unlock(&s->policy_lock);
    uint16_t port = 0;
    struct slice credential = batch_wire_inside(s->batches, &port);
    if (fault == FAULT_NONE) fault = batch_wire_start(s->batches, error);
    atomic_store(&s->deploying, fault == FAULT_NONE);
    if (fault == FAULT_NONE) fault = change_wire_publish(s->change, error); /* what was changed while they started */
    if (fault == FAULT_NONE) fault = change_wire_start(s->change, port, credential, error);
    if (fault == FAULT_NONE) fault = probe_wire_start(s->probes, error);
    if (fault == FAULT_NONE) fault = alert_wire_start(s->alerts, error);
    return fault == FAULT_NONE ? watch_wire_listen(s->watch, port, credential, error) : fault;
}

/* ---- up and down ---- */

static int64_t payload_retention(void *ctx, struct slice application) {
    struct policy *p = policy_in_force(ctx);
    struct application *a = table_get(&p->application_by_name, application);
    int64_t retention = a ? a->payloads.retention : 0;
    policy_drop(p);
    return retention;
}

static enum fault open_stores(struct server *s, struct error *error) {
    const struct server_settings *o = &s->policy->server;
    s->ledger = ledger_open(&(struct ledger_options){.dir = o->data_dir, .retention_us = o->ledger.retention}, error);
    if (!s->ledger) return error->fault;
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/recorder", o->data_dir);
    s->recorder = recorder_open(&(struct recorder_options){.dir = dir, .lanes = s->n_lanes + 1, .slow_lanes = 1,
                                                           .segment_bytes = (size_t)o->recorder.segment_bytes,
                                                           .max_segments = o->recorder.max_segments,
                                                           .sync = (enum recorder_sync)o->recorder.sync,
                                                           .interval_us = o->recorder.interval},
                                error);
    if (!s->recorder) return error->fault;
    s->writer = ledger_writer_start(s->ledger, s->recorder, payload_retention, s, error);
    return s->writer ? FAULT_NONE : error->fault;
}

static void close_stores(struct server *s) {
    if (s->writer) ledger_writer_stop(s->writer);
    recorder_close(s->recorder);
    ledger_close(s->ledger);
    registry_close(s->registry);
    desk_wire_end(&s->beside);
    batches_close(s->batches_read);
    evaluations_close(s->evaluations);
}

/* The first policy. It is read twice: its data folder holds the registry, whose keys belong into it. */
static enum fault first_policy(struct server *s, struct error *error) {
    struct buffer problems;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    struct policy *p = NULL;
    enum fault fault = read_policy(s, &p, &problems, error);
    if (fault == FAULT_NONE) {
        s->registry = registry_open(p->server.data_dir, error);
        fault = s->registry ? FAULT_NONE : error->fault;
        policy_drop(p);
        if (fault == FAULT_NONE) fault = read_policy(s, &p, &problems, error);
    }
    if (fault == FAULT_NONE) adopt(s, process_private(p));
    if (fault == FAULT_NONE) s->first = policy_hold(s->policy);
    if (problems.len > 0) {
        fprintf(stderr, SLICE_FMT, SLICE_ARG(buffer_slice(&problems)));
        error->text[0] = '\0'; /* said */
    }
    buffer_deinit(&problems);
    return fault;
}

static enum fault start(struct server *s, struct error *error) {
    enum fault fault = first_policy(s, error);
    if (fault != FAULT_NONE) return fault;
    const struct server_settings *o = &s->policy->server;
    log_start(process_log_level(o->log_level), o->log_json);
    wire_cache_tell(s->policy);
    wire_registry_tell(s->registry, s->policy);
    s->n_lanes = o->workers ? o->workers : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    s->lanes = mem_new_array(struct lane, s->n_lanes);
    fault = open_stores(s, error);
    if (fault != FAULT_NONE) return fault;
    console_wire_init(&s->consoles, s->n_lanes);
    s->cost = cost_wire_new(s->n_lanes + 1);
    cost_wire_restore(s->cost, s->registry);
    s->watch = watch_wire_new(&(struct watch_sources){s, policy_in_force, s->cost, s->ledger, s->writer, s->metrics, o->data_dir, finding_opened, something_changed}, error);
    if (!s->watch) return error->fault;
    if (cost_wire_install(s->cost, s->policy)) fault = cost_wire_fill(s->cost, s->ledger, s->writer, error);
    if (fault != FAULT_NONE) return fault;
    s->change = change_wire_new(&(struct change_sources){.ctx = s, .policy = policy_in_force, .install = install_deployments, .ledger = s->ledger,
                                                         .writer = s->writer, .metrics = s->metrics, .data_dir = o->data_dir, .opened = finding_opened,
                                                         .changed = something_changed}, error);
    if (!s->change) return error->fault;
    s->notify = notify_wire_new(&(struct notify_sources){.ctx = s, .policy = policy_in_force, .watch_age_us = watch_age_us, .watch_acts = watch_acts, .metrics = s->metrics, .data_dir = o->data_dir}, error);
    if (!s->notify) return error->fault;
    s->probes = probe_wire_new(&(struct probe_sources){.ctx = s, .policy = policy_in_force, .rests = provider_rests, .metrics = s->metrics}, error);
    if (!s->probes) return error->fault;
    s->batches_read = batches_open(o->data_dir, error);
    s->evaluations = s->batches_read ? evaluations_open(o->data_dir, error) : NULL;
    if (!s->evaluations) return error->fault;
    s->services = (struct control_services){.ctx = s, .policy = policy_in_force, .reload = reload, .ready = is_ready,
                                            .targets = each_target, .budgets = each_budget,
                                            .cancel_batch = cancel_batch, .batch_queue = batch_queue, .batches = s->batches_read, .ledger = s->ledger, .registry = s->registry, .evaluations = s->evaluations,
                                            .recorder = s->recorder, .writer = s->writer, .metrics = s->metrics, .consoles = s->consoles.open, .shared = s->consoles.shared,
                                            .change_ctx = s->change, .deployments_changed = deployments_changed, .emergency = emergency, .serves = serves, .standing = standing, .gates_wanted = gates_wanted,
                                            .notify_ctx = s->notify, .notices_left = notices_left, .inside = inside, .leaving = &s->leaving,
                                            .started_us = clock_wall_us(), .demo = s->run->demo};
    watch_wire_lend(s->watch, &s->services);
    s->alerts = alert_wire_new(&(struct alert_sources){.ctx = s, .policy = policy_in_force,
                                                       .actions = {.ctx = s->change, .publish = deployments_changed, .emergency = emergency, .serves = serves},
                                                       .budgets = each_budget, .jobs = each_job_of_watch, .probes = each_probed, .notices_left = watch_has_notices, .changed = something_changed,
                                                       .ledger = s->ledger, .writer = s->writer, .recorder = s->recorder, .metrics = s->metrics, .data_dir = o->data_dir, .config = s->config},
                               error);
    if (!s->alerts) return error->fault;
    alert_wire_lend(s->alerts, &s->services);
    s->desk = desk_wire_begin(&s->beside, &s->services, o->data_dir, error);
    if (!s->desk) return error->fault;
    fault = console_wire_start(&s->consoles, s->desk, &s->services, o->data_dir, error);
    if (fault == FAULT_NONE) fault = watch_wire_start(s->watch, error);
    if (fault == FAULT_NONE) fault = notify_wire_start(s->notify, error);
    return fault == FAULT_NONE ? start_lanes(s, error) : fault;
}

static void stop(struct server *s) {
    atomic_store(&s->ready, false);
    probe_wire_stop(s->probes);
    cost_wire_stop(s->cost);
    batch_wire_quiesce(s->batches);
    watch_wire_quiesce(s->watch);
    consoles_close(s->consoles.open);
    lanes_run_down(s->lanes, s->lanes ? s->n_lanes : 0, GRACE_US, FAREWELL_US);
    atomic_store(&s->leaving, true);
    desk_stop(s->desk);
    alert_wire_stop(s->alerts);
    change_wire_stop(s->change);
    notify_wire_stop(s->notify);
    batch_wire_stop(s->batches);
    watch_wire_stop(s->watch);
    lanes_join(s->lanes, s->lanes ? s->n_lanes : 0);
    desk_free(s->desk);
    batch_wire_free(s->batches);
    http_server_free(s->admin);
    lanes_deinit(s->lanes, s->lanes ? s->n_lanes : 0);
    alert_wire_free(s->alerts);
    watch_wire_free(s->watch);
    probe_wire_free(s->probes);
    change_wire_free(s->change);
    notify_wire_free(s->notify);
    close_stores(s);
    mem_free(s->lanes);
    console_wire_deinit(&s->consoles);
    gateway_shared_free(s->shared);
    cost_wire_free(s->cost);
    policy_drop(s->policy);
    policy_drop(s->first);
    metric_set_free(s->metrics);
    pthread_mutex_destroy(&s->policy_lock);
}

/* ---- until it is stopped ---- */

/* On the control thread, which alone uses the registry. */
static void reload_on_signal(void *arg) {
    struct buffer problems;
    uint64_t revision;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    (void)reload(arg, &revision, &problems);
    buffer_deinit(&problems);
}

static void serve_until_stopped(struct server *s, const sigset_t *signals) {
    struct timespec second = {.tv_sec = 1};
    for (;;) {
        house_keep(&s->house, &s->services);
        if (atomic_load(&s->fill_due) && !desk_run(s->desk, fill_again, s)) log_event(LOG_WARN, "budgets are still to be filled", NULL);
        if (s->run->each_second) s->run->each_second(s->run->ctx);
        int signal = sigtimedwait(signals, NULL, &second);
        if (signal == SIGHUP && !desk_run(s->desk, reload_on_signal, s))
            log_event(LOG_ERROR, "too many API requests wait: the signal to reload is not followed", NULL);
        if (signal > 0 && signal != SIGHUP) return;
    }
}

static int serve(int argc, char **argv) {
    const char *config = "quarterdeck.yaml";
    const struct option_spec specs[] = {
        {.name = "config", .letter = 'c', .type = OPTION_TEXT, .value = &config, .metavar = "FILE", .help = "the configuration"},
    };
    int positional = 0;
    int code = options_parse(argc, argv, specs, 1, "quarterdeck serve [-c FILE]", &positional);
    return code >= 0 ? code : wire_run(&(struct wire_run){.config = config});
}

int wire_run(const struct wire_run *r) {
    sigset_t signals;
    process_block_signals(&signals);
    process_allow_many_files();
    bool private = process_is_private();
    if (!digest_start()) {
        fprintf(stderr, "quarterdeck: the system has no random source\n");
        return 3;
    }
    struct server s = {.config = r->config, .run = r, .policy_lock = PTHREAD_MUTEX_INITIALIZER};
    s.metrics = metric_set_new();
    s.shard = metric_shard_new(s.metrics);
    s.control_shard = metric_shard_new(s.metrics);
    s.shared = gateway_shared_new();
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = start(&s, &error);
    if (fault == FAULT_NONE) {
        atomic_store(&s.ready, true);
        s.house = (struct house){.shard = s.shard, .watch = s.watch, .cost = s.cost, .consoles = &s.consoles, .lanes = s.lanes, .n_lanes = s.n_lanes};
        if (r->ready) r->ready(r->ctx, gateway_port(s.lanes[0].gateway));
        else wire_tell_ready(&s.policy->server, gateway_port(s.lanes[0].gateway), s.admin ? http_server_port(s.admin) : 0, !private);
        serve_until_stopped(&s, &signals);
        log_event(LOG_INFO, "stopping", NULL);
    } else if (error.text[0] && fault != FAULT_SHUTTING_DOWN) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
    }
    if (r->ending) r->ending(r->ctx);
    stop(&s);
    return fault == FAULT_NONE || fault == FAULT_SHUTTING_DOWN ? 0 : 3;
}

const struct cli_verb wire_verbs[] = {
    {.name = "serve", .usage = "serve [-c FILE]", .summary = "run the gateway", .run = serve},
    {.name = "demo", .usage = "demo [options]", .summary = "four weeks of a gateway's life in minutes, then the console", .run = wire_demo},
    {.name = NULL},
};
