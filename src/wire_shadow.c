/* wire_shadow.c - see wire_shadow.h. The loops post copies; this thread decides which are still wanted, and asks. */
#include "wire_shadow.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "change/gate.h"
#include "change/lifecycle.h"
#include "change/shadow_evidence.h"
#include "model/declared.h"
#include "store/definitions.h"
#include "wire_shadow_job.h"

#include <pthread.h>
#include <stdio.h>

#define TIMEOUT_US 120000000LL
#define PATIENCE_US 20000000LL /* what may pass: rate limits, no connection */
#define LOOK_US 1000000LL      /* how long what is known of a rollout is believed */
enum { CREDENTIAL_MOST = 128, AT_ONCE = 8, WAITING = 64, ROLLOUTS = 32, QUEUE = 256, CHECKS_MOST = 64 };

/* One exchange on its way from a loop. */
struct drawn {
    struct list link;
    struct slice record, request, reply;
    size_t size;
    char bytes[];
};

/* What is known of one rollout; kept for as long as this thread runs, a few hundred bytes each. */
struct shadowed {
    int64_t number;              /* 0: free */
    struct arena arena;
    char prompt[2 * LIMIT_LABEL]; /* "NAME@V" of the candidate */
    struct slice name;
    struct rollout_plan plan;
    struct judge judge;
    struct check *checks;
    unsigned n_checks;
    bool has_judge, wanted, told_over;
    uint64_t pairs;
    int64_t spent_nano, read_us; /* spent: what is known of it */
    unsigned under_way;
};

struct shadow_wire {
    struct change_sources s;
    struct mailbox *box;
    _Atomic size_t held;         /* bytes of what the loops gave and nobody has looked at yet, */
    atomic_uint n_held;          /* and how many */
    _Atomic uint64_t dropped;    /* on the loops; the thread adds it to the metric */
    atomic_bool stopping, running;
    pthread_t thread;
    char url[64], who[CREDENTIAL_MOST + 32];
    /* of its thread */
    struct registry *registry;
    struct evaluations *evaluations;
    struct metric_shard *shard;
    struct loop *loop;
    struct loop_watch mail;
    struct loop_timer tick;
    struct asker *asker, *judges;
    struct list jobs, waiting;
    unsigned n_jobs, n_waiting;
    uint64_t dropped_told;
    struct shadowed rollouts[ROLLOUTS];
};

/* ---- on a loop ---- */

static struct drawn *copy_of(const struct record *r, struct slice request, struct slice reply) {
    struct buffer record;
    buffer_init(&record, LIMIT_RECORD);
    if (!record_encode(r, &record)) {
        buffer_deinit(&record);
        return NULL;
    }
    size_t size = record.len + request.len + reply.len;
    struct drawn *d = mem_alloc(sizeof *d + size);
    list_init(&d->link);
    memcpy(d->bytes, record.at, record.len);
    if (request.len > 0) memcpy(d->bytes + record.len, request.at, request.len);
    if (reply.len > 0) memcpy(d->bytes + record.len + request.len, reply.at, reply.len);
    d->record = slice_make(d->bytes, record.len);
    d->request = slice_make(d->bytes + record.len, request.len);
    d->reply = slice_make(d->bytes + record.len + request.len, reply.len);
    buffer_deinit(&record);
    return d;
}

static void let_go(struct shadow_wire *w, size_t size) {
    atomic_fetch_sub(&w->held, size);
    atomic_fetch_sub(&w->n_held, 1);
}

/* What is too much is known before anything is copied: then it costs a loop three additions. */
void shadow_wire_take(struct shadow_wire *w, const struct record *r, struct slice request, struct slice reply) {
    size_t size = LIMIT_RECORD + request.len + reply.len;
    bool room = atomic_fetch_add(&w->n_held, 1) < QUEUE;
    bool fits = atomic_fetch_add(&w->held, size) + size <= LIMIT_SHADOW_BYTES && request.len <= LIMIT_PAYLOAD;
    struct drawn *d = room && fits && atomic_load(&w->running) ? copy_of(r, request, reply) : NULL;
    if (d != NULL) d->size = size;
    if (d != NULL && mailbox_post(w->box, d)) return;
    let_go(w, size);
    atomic_fetch_add(&w->dropped, 1);
    mem_free(d);
}

static void drawn_free(struct shadow_wire *w, struct drawn *d) {
    let_go(w, d->size);
    mem_free(d);
}

/* ---- its rollouts ---- */

static void count(struct shadow_wire *w, const char *outcome, int64_t n) {
    if (n > 0) metric_add(metric_cell(w->shard, METRIC_SHADOW, (const char *[METRIC_LABELS]){outcome}), n);
}

static void warn(const struct shadowed *k, const char *what, const char *why) {
    log_event(LOG_WARN, what, "candidate", k->prompt, "why", why, NULL);
}

static void find_judge(struct shadow_wire *w, struct shadowed *k) {
    struct definition found;
    struct declared d;
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    struct slice name = k->plan.shadow.judge;
    k->has_judge = false;
    if (name.len == 0) return;
    enum fault fault = definition_find(w->evaluations, SLICE("judge"), name, SLICE_NULL, &k->arena, &found, &error);
    if (fault == FAULT_NONE) fault = declared_from_json(found.body, &k->arena, &d, &error);
    if (fault == FAULT_NONE && judge_read(&d, 0, name, "judge", &k->arena, &k->judge, &problems) != FAULT_NONE)
        fault = error_set(&error, FAULT_CORRUPT, "%s", problems.count > 0 ? problems.items[0].text : "it cannot be read");
    if (fault == FAULT_NONE && k->judge.scale != JUDGE_PAIRWISE) fault = error_set(&error, FAULT_CONFIG, "its scale is not pairwise");
    k->has_judge = fault == FAULT_NONE;
    if (!k->has_judge) warn(k, "the judge of a shadow cannot be asked; pairs are not judged", error.text);
}

/* Of one suite: its checks of every case that an answer alone can tell. */
static enum fault add_checks(struct shadow_wire *w, struct shadowed *k, struct slice suite, struct arena *room, struct error *error) {
    struct definition found = {.body = SLICE_NULL};
    struct json_doc whole;
    struct declared *d = arena_new(&k->arena, struct declared);
    uint32_t cursor = JSON_NONE, item;
    int line;
    enum fault fault = d ? definition_find(w->evaluations, SLICE("suite"), suite, SLICE_NULL, room, &found, error) : error_set(error, FAULT_TOO_LARGE, "no room");
    if (fault == FAULT_NONE) fault = json_read(found.body, room, 1, &whole, error);
    if (fault != FAULT_NONE || json_get(&whole, 0, "checks") == JSON_NONE) return fault;
    fault = declared_from_json(arena_slice(&k->arena, json_raw(&whole, json_get(&whole, 0, "checks"))), &k->arena, d, error);
    while (fault == FAULT_NONE && json_each_item(&d->doc, 0, &cursor, &item) && k->n_checks < CHECKS_MOST) {
        struct check *c = &k->checks[k->n_checks];
        fault = check_read(d, item, &k->arena, c, &line, error);
        if (fault == FAULT_NONE && check_by(c) == CHECK_BY_ANSWER && c->type != CHECK_TYPE_LATENCY && c->type != CHECK_TYPE_COST) k->n_checks++;
        else check_deinit(c);
    }
    return fault;
}

/* A suite that is gone or cannot be read leaves the others' checks. */
static void find_checks(struct shadow_wire *w, struct shadowed *k, const struct change_version *v) {
    struct arena room;
    struct slice suites[GATE_SUITES];
    struct error error = {.fault = FAULT_NONE};
    struct policy *p = w->s.policy(w->s.ctx);
    arena_init(&room, 64 << 10, 4 * (size_t)LIMIT_SUITE_FILE);
    k->checks = arena_new_array(&k->arena, struct check, CHECKS_MOST);
    unsigned n = k->checks ? gate_suites(v->facts, &p->change.of[lifecycle_class(v)], &room, suites) : 0;
    for (unsigned i = 0; i < n; i++)
        if (add_checks(w, k, suites[i], &room, &error) != FAULT_NONE) warn(k, "the checks of a suite are not part of the shadow", error.text);
    arena_deinit(&room);
    policy_drop(p);
}

/* Is it still in shadow. */
static enum fault look_at(struct shadow_wire *w, struct shadowed *k, struct slice name, struct rollout_row *row, struct arena *arena,
                          struct error *error) {
    enum fault fault = rollout_find(w->registry, SLICE("prompt"), name, arena, row, error);
    k->wanted = fault == FAULT_NONE && row->number == k->number && row->stage == STAGE_SHADOW && rollout_under_way(row->state);
    k->read_us = clock_us();
    return fault;
}

static enum fault learn(struct shadow_wire *w, struct shadowed *k, const struct record *r, struct error *error) {
    struct rollout_row row;
    struct shadow_evidence evidence;
    arena_init(&k->arena, 8 << 10, 1 << 20);
    k->number = r->rollout;
    enum fault fault = look_at(w, k, r->prompt_name, &row, &k->arena, error);
    if (fault == FAULT_NONE && !k->wanted) return FAULT_NONE;
    if (fault == FAULT_NONE) fault = plan_read(row.plan, &k->arena, &k->plan, error);
    if (fault == FAULT_NONE) fault = shadow_evidence_read(w->registry, k->number, &k->plan, &evidence, error);
    if (fault != FAULT_NONE) return fault;
    k->name = row.name;
    k->pairs = evidence.pairs;
    k->spent_nano = evidence.spent_nano;
    (void)snprintf(k->prompt, sizeof k->prompt, SLICE_FMT "@%lld", SLICE_ARG(k->name), (long long)row.candidate);
    find_judge(w, k);
    struct change_version v;
    fault = changes_version(w->registry, SLICE("prompt"), k->name, slice_of(strchr(k->prompt + k->name.len, '@') + 1), &k->arena, &v, error);
    if (fault == FAULT_NONE) find_checks(w, k, &v);
    return fault;
}

static void forget(struct shadowed *k) {
    for (unsigned i = 0; i < k->n_checks; i++) check_deinit(&k->checks[i]);
    arena_deinit(&k->arena);
    *k = (struct shadowed){.number = 0};
}

/* NULL: none of this thread's business, or it cannot be found out now. */
static struct shadowed *known(struct shadow_wire *w, const struct record *r) {
    struct shadowed *place = NULL;
    struct rollout_row row;
    struct arena arena;
    struct error error = {.fault = FAULT_NONE};
    for (unsigned i = 0; i < ROLLOUTS; i++) {
        struct shadowed *k = &w->rollouts[i];
        if (k->number == r->rollout && k->number != 0) {
            arena_init(&arena, 4 << 10, 1 << 20);
            if (k->wanted && clock_us() - k->read_us > LOOK_US) (void)!look_at(w, k, r->prompt_name, &row, &arena, &error);
            arena_deinit(&arena);
            return k;
        }
        if (k->under_way == 0 && (place == NULL || k->read_us < place->read_us)) place = k;
    }
    if (place == NULL) return NULL;
    if (place->number != 0) forget(place);
    if (learn(w, place, r, &error) == FAULT_NONE) return place;
    log_event(LOG_WARN, "a rollout's shadow cannot be read; its exchanges are passed over", "error", error.text, NULL);
    forget(place);
    return NULL;
}

static bool is_wanted(struct shadowed *k) {
    bool over = k->plan.shadow.max_cost_nano >= 0 && k->spent_nano >= k->plan.shadow.max_cost_nano;
    bool enough = k->wanted && k->pairs + k->under_way >= (uint64_t)k->plan.shadow.min_samples;
    if (k->wanted && over && !enough && !k->told_over) {
        warn(k, "the shadow's budget is over", "rollouts.shadow.max_cost_usd is spent");
        k->told_over = true;
    }
    return k->wanted && !over && !enough;
}

/* ---- one exchange ---- */

static void pump(struct shadow_wire *w);

static void keep(struct shadow_wire *w, struct shadowed *k, const struct shadow_job *j) {
    char id[RECORD_ID_TEXT];
    struct buffer body;
    struct json_writer out;
    struct error error = {.fault = FAULT_NONE};
    buffer_init(&body, 16 << 10);
    json_start(&out, &body);
    shadow_pair_write(&j->measure, &out);
    record_id_format(&j->record.id, id);
    const struct shadow_pair pair = {.rollout = k->number, .record = slice_of(id), .at_us = clock_wall_us(), .cost_nano = j->spent_nano,
                                     .body = buffer_slice(&body)};
    enum fault fault = shadow_pair_put(w->registry, &pair, &error);
    if (fault != FAULT_NONE) warn(k, "a pair of the shadow could not be kept", error.text);
    else k->pairs++;
    count(w, fault == FAULT_NONE ? "pair" : "lost", 1);
    buffer_deinit(&body);
}

static void done(struct shadow_job *j) {
    struct shadow_wire *w = j->owner;
    struct shadowed *k = j->of;
    k->under_way--;
    w->n_jobs--;
    if (money_is_known(j->spent_nano)) k->spent_nano = money_add(k->spent_nano, j->spent_nano);
    if (j->is_pair) keep(w, k, j);
    else {
        warn(k, "the candidate could not be asked", j->why);
        count(w, "unasked", 1);
    }
    shadow_job_free(j);
    pump(w);
}

static const struct api_key *key_of(const struct policy *p, const struct record *r) {
    size_t cursor = 0;
    struct slice digest;
    void *value;
    while (table_next(&p->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        if (slice_is(r->key, k->name) && slice_is(r->application, k->application->name)) return k;
    }
    return NULL;
}

/* False: nothing comes of it. */
static bool begin(struct shadow_wire *w, struct shadowed *k, const struct record *r, const struct drawn *d) {
    char hex[2 * DIGEST_BYTES + 1];
    struct shadow_job *j;
    struct policy *p = w->s.policy(w->s.ctx);
    const struct api_key *key = key_of(p, r);
    if (key != NULL) digest_hex(key->digest.bytes, DIGEST_BYTES, hex);
    policy_drop(p);
    const struct shadow_job_way way = {.asker = w->asker, .judges = w->judges, .prompt = k->prompt, .rollout = k->number,
                                       .judge = k->has_judge ? &k->judge : NULL, .checks = k->checks, .n_checks = k->n_checks, .key_hex = hex, .done = done};
    if (key == NULL || shadow_job_start(&way, d->record, d->request, d->reply, &j, NULL) != FAULT_NONE) return false;
    j->owner = w;
    j->of = k;
    list_push(&w->jobs, &j->link);
    w->n_jobs++;
    k->under_way++;
    return true;
}

static void consider(struct shadow_wire *w, const struct drawn *d) {
    struct arena arena;
    struct record r;
    arena_init(&arena, 4 << 10, 4 * LIMIT_RECORD);
    struct shadowed *k = record_decode(d->record, &arena, &r) && r.rollout > 0 ? known(w, &r) : NULL;
    bool wanted = k != NULL && is_wanted(k);
    if (!wanted) count(w, "not_wanted", 1);
    else if (!begin(w, k, &r, d)) count(w, "unasked", 1);
    arena_deinit(&arena);
}

static void pump(struct shadow_wire *w) {
    struct list *node;
    while (w->n_jobs < AT_ONCE && !atomic_load(&w->stopping) && (node = list_shift(&w->waiting)) != NULL) {
        struct drawn *d = list_item(node, struct drawn, link);
        w->n_waiting--;
        consider(w, d);
        drawn_free(w, d);
    }
}

/* ---- its thread ---- */

static void take_mail(struct shadow_wire *w) {
    struct drawn *d;
    while (w->n_waiting < WAITING && (d = mailbox_take(w->box)) != NULL) {
        list_push(&w->waiting, &d->link);
        w->n_waiting++;
    }
    pump(w);
}

static void on_mail(struct loop_watch *m, unsigned events) {
    struct shadow_wire *w = list_item(m, struct shadow_wire, mail);
    (void)events;
    mailbox_ack(w->box);
    if (atomic_load(&w->stopping)) loop_stop(w->loop);
    take_mail(w);
}

/* The mailbox tells once: what did not fit then is taken now. */
static void on_tick(struct loop_timer *t) {
    struct shadow_wire *w = list_item(t, struct shadow_wire, tick);
    uint64_t dropped = atomic_load(&w->dropped);
    count(w, "dropped", (int64_t)(dropped - w->dropped_told));
    w->dropped_told = dropped;
    take_mail(w);
    loop_timer_start(w->loop, t, virtual_time_lazily(LOOK_US / 5));
}

static void *shadow_main(void *arg) {
    struct shadow_wire *w = arg;
    loop_run(w->loop);
    return NULL;
}

/* ---- birth and end ---- */

struct shadow_wire *shadow_wire_new(const struct change_sources *s, struct error *error) {
    struct shadow_wire *w = mem_new(struct shadow_wire);
    w->s = *s;
    list_init(&w->jobs);
    list_init(&w->waiting);
    w->box = mailbox_new(QUEUE);
    w->shard = metric_shard_new(s->metrics);
    w->loop = loop_new(error);
    if (w->loop != NULL) w->registry = registry_open(s->data_dir, error);
    if (w->registry != NULL) w->evaluations = evaluations_open(s->data_dir, error);
    if (w->evaluations != NULL) return w;
    shadow_wire_free(w);
    return NULL;
}

static struct asker *make_asker(struct shadow_wire *w, struct error *error) {
    const char *headers[] = {w->who, NULL};
    return asker_new(w->loop, &(struct asker_options){.url = w->url, .who = headers, .concurrency = AT_ONCE, .timeout_us = TIMEOUT_US,
                                                      .patience_us = PATIENCE_US}, error);
}

enum fault shadow_wire_start(struct shadow_wire *w, uint16_t port, struct slice credential, struct error *error) {
    (void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u", port);
    (void)snprintf(w->who, sizeof w->who, "authorization: Bearer " SLICE_FMT, SLICE_ARG(credential));
    w->asker = make_asker(w, error);
    if (w->asker != NULL) w->judges = make_asker(w, error);
    if (w->judges == NULL) return FAULT_IO;
    asker_hurry(w->asker, true); /* what failed once is a failure of the candidate's */
    w->mail = (struct loop_watch){.fd = mailbox_fd(w->box), .events = LOOP_READ, .ready = on_mail};
    w->tick.fired = on_tick;
    if (loop_watch_start(w->loop, &w->mail, error) != FAULT_NONE) return FAULT_IO;
    loop_timer_start(w->loop, &w->tick, virtual_time_lazily(LOOK_US / 5));
    if (pthread_create(&w->thread, NULL, shadow_main, w) != 0) return error_set(error, FAULT_IO, "cannot start the thread of shadows");
    atomic_store(&w->running, true);
    return FAULT_NONE;
}

void shadow_wire_stop(struct shadow_wire *w) {
    if (w == NULL || !atomic_load(&w->running)) return;
    atomic_store(&w->running, false);
    atomic_store(&w->stopping, true);
    loop_stop(w->loop);
    pthread_join(w->thread, NULL);
}

static void free_work(struct shadow_wire *w) {
    struct list *node;
    struct drawn *d;
    while (!list_empty(&w->jobs)) shadow_job_free(list_item(w->jobs.next, struct shadow_job, link));
    while ((node = list_shift(&w->waiting)) != NULL) drawn_free(w, list_item(node, struct drawn, link));
    while ((d = mailbox_take(w->box)) != NULL) drawn_free(w, d);
    for (unsigned i = 0; i < ROLLOUTS; i++)
        if (w->rollouts[i].number != 0) forget(&w->rollouts[i]);
}

void shadow_wire_free(struct shadow_wire *w) {
    if (w == NULL) return;
    shadow_wire_stop(w);
    asker_free(w->asker);
    asker_free(w->judges);
    free_work(w);
    if (w->loop != NULL) {
        loop_watch_stop(w->loop, &w->mail);
        loop_timer_stop(w->loop, &w->tick);
    }
    loop_free(w->loop);
    evaluations_close(w->evaluations);
    registry_close(w->registry);
    mailbox_free(w->box);
    mem_free(w);
}
