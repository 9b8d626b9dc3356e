/* wire_score.c - see wire_score.h. */
#include "wire_score.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "control/console_topic.h"
#include "base/virtual_time.h"
#include "dialect/dialect.h"
#include "quality/asker.h"
#include "quality/online.h"
#include "store/definitions.h"

#include <pthread.h>
#include <stdio.h>

#define JUDGE_TIMEOUT_US 120000000LL
#define PATIENCE_US 30000000LL /* what may pass: rate limits, no connection */
#define TICK_US 200000LL
#define AGAIN_US 60000000LL  /* when a judge could not be asked; of one rule */
#define AT_ONCE 50           /* records of one rule, then the next rule has its turn */
enum { CREDENTIAL_MOST = 128, SAID = 16, RULES = 256 };

struct score_wire {
    struct score_sources s;
    struct evaluations *evaluations; /* of its thread */
    struct mailbox *wake;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    char url[64], credential[CREDENTIAL_MOST];
    struct policy *policy;           /* of the look under way */
    struct rest {
        uint64_t rule;               /* 0: free */
        int64_t until_us;            /* monotonic: its judges could not be asked */
        struct follow follow;        /* where it is in the ledger */
    } rests[RULES];
    uint64_t said[SAID];             /* what was told already */
    unsigned n_said;
    bool more;                       /* there is more to do at once */
};

/* Once, until something else was said SAID times. */
static void say(struct score_wire *w, struct slice rule, const char *what, const char *why) {
    struct arena arena;
    uint64_t mark = digest_fast(slice_of(why), digest_fast(rule, 1));
    for (unsigned i = 0; i < SAID; i++)
        if (w->said[i] == mark) return;
    w->said[w->n_said++ % SAID] = mark;
    arena_init(&arena, 1 << 10, 64 << 10);
    log_event(LOG_WARN, what, "rule", arena_text(&arena, rule), "why", why, NULL);
    arena_deinit(&arena);
}

/* ---- judges ---- */

static const struct api_key *key_of(const struct policy *p, const struct scoring *s) {
    size_t cursor = 0;
    struct slice digest;
    void *value;
    while (table_next(&p->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        if (slice_is(s->key, k->name) && slice_is(s->application, k->application->name)) return k;
    }
    return NULL;
}

static enum fault read_answer(struct slice body, struct arena *arena, struct slice *ret, struct error *error) {
    struct reply reply;
    struct check_answer answer;
    struct upstream_error why;
    check_answer_init(&answer);
    if (dialect_of(DIALECT_OPENAI)->read_reply(body, ENDPOINT_CHAT, true, arena, &reply, &why) != FAULT_NONE || !check_answer_of(&reply, arena, &answer))
        return error_set(error, FAULT_UP_MALFORMED, "the gateway's answer cannot be read");
    *ret = slice_is_null(answer.text) ? SLICE("") : answer.text; /* the body is in the arena */
    return FAULT_NONE;
}

/* Questions under way. */
struct asking {
    struct ask ask;
    struct online_question *q;
    struct batch *batch;
    char tags[128];
};
struct batch {
    struct score_wire *w;
    struct loop *loop;
    struct loop_timer tick;
    size_t missing;
};

/* The gateway's own name of what was wrong, so that a budget that is used up is told from what another try may mend. */
static void read_failure(struct asking *a) {
    struct slice body = a->ask.reply;
    struct json_doc d;
    enum fault fault = FAULT_IO;
    if (a->ask.status == 0) {
        error_set(&a->q->why, FAULT_IO, "%s", a->ask.detail != NULL ? a->ask.detail : "no answer");
        return;
    }
    if (json_read(body, a->q->arena, 8, &d, NULL) != FAULT_NONE ||
        !fault_from_name(json_string(&d, json_get(&d, json_get(&d, 0, "error"), "code"), a->q->arena), &fault) || fault == FAULT_NONE)
        fault = FAULT_IO;
    error_set(&a->q->why, fault, "the gateway answered %d: %.*s", a->ask.status, (int)(body.len < 300 ? body.len : 300), body.at);
}

static void answered(struct ask *ask) {
    struct asking *a = (struct asking *)((char *)ask - offsetof(struct asking, ask));
    if (ask->status == 200) (void)!read_answer(arena_slice(a->q->arena, ask->reply), a->q->arena, &a->q->answer, &a->q->why);
    else read_failure(a);
    if (--a->batch->missing == 0) loop_stop(a->batch->loop);
}

static void on_tick(struct loop_timer *t) {
    struct batch *b = (struct batch *)((char *)t - offsetof(struct batch, tick));
    if (atomic_load(&b->w->stopping)) loop_stop(b->loop);
    loop_timer_start(b->loop, t, virtual_time_lazily(TICK_US));
}

static enum fault run_batch(struct score_wire *w, const char *const *who, struct asking *all, size_t n, struct error *error) {
    struct batch b = {.w = w, .missing = n, .tick = {.fired = on_tick}};
    const struct asker_options asking = {.url = w->url, .who = who, .concurrency = w->policy->server.evaluation.concurrent,
                                         .timeout_us = JUDGE_TIMEOUT_US, .patience_us = PATIENCE_US};
    b.loop = loop_new(error);
    if (b.loop == NULL) return FAULT_IO;
    struct asker *asker = asker_new(b.loop, &asking, error);
    enum fault fault = asker == NULL ? FAULT_IO : FAULT_NONE;
    if (asker != NULL) {
        loop_timer_start(b.loop, &b.tick, TICK_US);
        for (size_t i = 0; i < n; i++) {
            all[i].batch = &b;
            asker_send(asker, &all[i].ask);
        }
        loop_run(b.loop);
        loop_timer_stop(b.loop, &b.tick);
        if (b.missing > 0) fault = error_set(error, FAULT_SHUTTING_DOWN, "the server is stopping");
    }
    asker_free(asker);
    loop_free(b.loop);
    return fault;
}

static enum fault ask(void *ctx, const struct scoring *s, struct online_question *const *q, size_t n, struct error *error) {
    struct score_wire *w = ctx;
    const struct api_key *key = key_of(w->policy, s);
    char who[CREDENTIAL_MOST + 32], hex[2 * DIGEST_BYTES + 1], as[sizeof hex + 32];
    const char *headers[] = {who, as, NULL};
    if (key == NULL) {
        for (size_t i = 0; i < n; i++)
            error_set(&q[i]->why, FAULT_UNAUTHENTICATED, "the application has no valid key `" SLICE_FMT "`", SLICE_ARG(s->key));
        return FAULT_NONE;
    }
    digest_hex(key->digest.bytes, DIGEST_BYTES, hex);
    (void)snprintf(who, sizeof who, "authorization: Bearer %s", w->credential);
    (void)snprintf(as, sizeof as, "x-quarterdeck-inside-key: %s", hex);
    struct asking *all = mem_new_array(struct asking, n);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(all[i].tags, sizeof all[i].tags, "eval-of=%s", q[i]->record);
        all[i].q = q[i];
        all[i].ask = (struct ask){.path = "/v1/chat/completions", .body = q[i]->body, .feature = "eval-judge", .tags = all[i].tags,
                                  .once = q[i]->once, .done = answered};
    }
    enum fault fault = run_batch(w, headers, all, n, error);
    mem_free(all);
    return fault;
}

/* ---- one look ---- */

/* Each rule rests on its own: one without a budget does not hold the others up. */
static struct rest *rest_of(struct score_wire *w, struct slice rule) {
    uint64_t mark = digest_fast(rule, 2);
    unsigned oldest = 0;
    for (unsigned i = 0; i < RULES; i++) {
        if (w->rests[i].rule == mark) return &w->rests[i];
        if (w->rests[oldest].rule != 0 && (w->rests[i].rule == 0 || w->rests[i].until_us < w->rests[oldest].until_us)) oldest = i;
    }
    w->rests[oldest] = (struct rest){.rule = mark};
    return &w->rests[oldest];
}

static enum fault work(struct score_wire *w, const struct definition *d, const struct scoring *s, struct error *error) {
    const struct online_ask asks = {w, ask};
    struct online_taken taken;
    struct online_scored scored = {0};
    struct rest *rest = rest_of(w, s->name);
    enum fault fault = online_take(w->s.ledger, w->evaluations, s, d->number, clock_wall_us(), &rest->follow, &w->stopping, &taken, error);
    if (fault == FAULT_NONE && clock_us() >= rest->until_us)
        fault = online_score(w->s.ledger, w->evaluations, s, &asks, AT_ONCE, clock_wall_us(), &w->stopping, &scored, error);
    if (scored.again > 0) {
        rest->until_us = clock_us() + AGAIN_US;
        say(w, s->name, "a judge could not be asked; it is tried again",
            scored.budget ? "the budget of the rule's key is used up: what was taken waits" : "see the records with feature eval-judge");
    }
    if (scored.done > 0 && w->s.changed != NULL) w->s.changed(w->s.ctx, CONSOLE_EVALUATIONS);
    w->more |= scored.done + scored.unreadable == AT_ONCE;
    return fault;
}

static void look_at(struct score_wire *w, const struct definition *d) {
    struct arena arena;
    struct scoring s = {.n_checks = 0};
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    arena_init(&arena, 64 << 10, LIMIT_SUITE_FILE);
    enum fault fault = scoring_read(d->body, "rule", &arena, &s, &problems);
    if (fault != FAULT_NONE) error_set(&error, fault, "%s", problems.count > 0 ? problems.items[0].text : "it cannot be read");
    else fault = work(w, d, &s, &error);
    if (fault != FAULT_NONE && fault != FAULT_SHUTTING_DOWN) say(w, d->name, "a scoring rule could not be worked off; it is tried again", error.text);
    scoring_deinit(&s);
    arena_deinit(&arena);
}

/* All are read before the first is worked off: no view of the store is held open meanwhile. */
struct rules {
    struct arena arena;
    struct definition all[RULES];
    unsigned n;
};

static bool collect(void *ctx, const struct definition *d) {
    struct rules *r = ctx;
    r->all[r->n] = (struct definition){.number = d->number, .name = arena_slice(&r->arena, d->name), .body = arena_slice(&r->arena, d->body)};
    r->n += !slice_is_null(r->all[r->n].body);
    return r->n < RULES;
}

static enum fault read_rules(struct score_wire *w, struct rules *r, struct error *error) {
    struct arena arena;
    arena_init(&arena, 64 << 10, LIMIT_SUITE_FILE);
    enum fault fault = definition_list(w->evaluations, SLICE("scoring"), SLICE_NULL, &arena, collect, r, error);
    arena_deinit(&arena);
    return fault;
}

static void look(struct score_wire *w) {
    struct error error = {.fault = FAULT_NONE};
    struct rules *rules = mem_new(struct rules);
    w->policy = w->s.policy(w->s.ctx);
    w->more = false;
    arena_init(&rules->arena, 64 << 10, LIMIT_SUITE_FILE);
    enum fault fault = read_rules(w, rules, &error);
    if (fault == FAULT_NONE && rules->n > 0) ledger_writer_drain(w->s.writer);
    for (unsigned i = 0; fault == FAULT_NONE && i < rules->n && !atomic_load(&w->stopping); i++) look_at(w, &rules->all[i]);
    if (fault != FAULT_NONE) say(w, SLICE("(all)"), "production traffic could not be scored; it is tried again", error.text);
    arena_deinit(&rules->arena);
    mem_free(rules);
    policy_drop(w->policy);
}

static void *score_main(void *arg) {
    struct score_wire *w = arg;
    while (!atomic_load(&w->stopping)) {
        if (!w->more) (void)mailbox_wait(w->wake, -1);
        if (!atomic_load(&w->stopping)) look(w);
    }
    return NULL;
}

void score_wire_look(struct score_wire *w) {
    if (w != NULL) (void)!mailbox_post(w->wake, w); /* full: it is awake, or about to be */
}

/* ---- birth and end ---- */

struct score_wire *score_wire_new(const struct score_sources *s, struct error *error) {
    struct score_wire *w = mem_new(struct score_wire);
    w->s = *s;
    w->wake = mailbox_new(4);
    w->evaluations = evaluations_open(s->data_dir, error);
    if (w->evaluations != NULL) return w;
    score_wire_free(w);
    return NULL;
}

enum fault score_wire_start(struct score_wire *w, uint16_t port, struct slice credential, struct error *error) {
    (void)snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u", port);
    (void)snprintf(w->credential, sizeof w->credential, SLICE_FMT, SLICE_ARG(credential));
    w->running = pthread_create(&w->thread, NULL, score_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of scoring");
}

void score_wire_stop(struct score_wire *w) {
    if (w == NULL || !w->running) return;
    atomic_store(&w->stopping, true);
    score_wire_look(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void score_wire_free(struct score_wire *w) {
    if (w == NULL) return;
    score_wire_stop(w);
    evaluations_close(w->evaluations);
    mailbox_free(w->wake);
    mem_free(w);
}
