#include "control/desk.h"

#include "control/consoles.h"
#include "control/shared_answers.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/mailbox.h"
#include "base/list.h"
#include "base/mem.h"
#include "control/console.h"

#include <pthread.h>
#include <stdatomic.h>

#define BACKLOG 1024 /* jobs that may wait */
#define PATHS 256    /* of which is known how long they take; two that share a place are taken for one */
#define HOP_US 50    /* what any job costs */
#define DOOR_BACKLOG 16 /* of those that hash a password: a second's work, and nobody waits longer */

struct clerk { /* one thread */
    const struct control_services *services;
    struct mailbox *jobs;
    pthread_t thread;
    bool running;
    _Atomic int64_t load_us, since_us; /* what its jobs are expected to take; when the one under way began, 0: none is */
};
struct desk {
    struct clerk usual, urgent, door, patient; /* the latter three: without a thread where there are no services for them */
    struct clerk readers[DESK_READERS];
    unsigned n_readers;
    struct consoles *consoles;
    _Atomic int64_t took_us[PATHS]; /* lately, by path */
};

/* A request to answer, a console to ask about, or something to run; with none of them, the end. */
struct job {
    struct shared_waiter waiter;
    struct desk *desk;
    uint64_t console;
    bool allowed;
    int64_t expected_us;
    _Atomic int64_t *took_us; /* NULL: nobody learns from it */
    struct loop *loop;
    struct http_request *request;
    struct api_request api; /* borrows from the request, which stays until it is concluded */
    struct api_response answer;
    struct arena arena;
    void (*run)(void *arg);
    void *arg;
};

static void job_free(struct job *j) {
    buffer_deinit(&j->answer.body);
    arena_deinit(&j->arena);
    mem_free(j);
}

static void deliver_checked(void *arg) {
    struct job *j = arg;
    consoles_checked(j->desk->consoles, j->loop, j->console, j->allowed);
    job_free(j);
}

static void deliver(void *arg) {
    struct job *j = arg;
    struct http_header headers[3 + API_HEADERS / 2 + CONSOLE_HEADERS];
    unsigned n = 0;
    bool kept = false; /* it says for how long itself */
    if (j->answer.stream) {
        consoles_open(j->desk->consoles, j->loop, j->request, j->answer.stream, &j->api);
        job_free(j);
        return;
    }
    if (j->answer.body.len > 0) headers[n++] = (struct http_header){SLICE("content-type"), slice_of(j->answer.content_type)};
    for (unsigned i = 0; i + 1 < API_HEADERS && j->answer.extra_header[i]; i += 2)
        headers[n++] = (struct http_header){slice_of(j->answer.extra_header[i]), slice_of(j->answer.extra_header[i + 1])};
    for (unsigned i = 0; i < n; i++) kept |= slice_is(headers[i].name, "cache-control");
    if (j->answer.etag[0] != '\0') headers[n++] = (struct http_header){SLICE("etag"), slice_of(j->answer.etag)};
    if (j->desk->usual.services->demo) headers[n++] = (struct http_header){SLICE("x-quarterdeck-demo"), SLICE("true")};
    n += console_headers(kept, headers + n);
    http_respond_take(j->request, j->answer.status, headers, n, &j->answer.body);
    job_free(j);
}

static void send(struct job *j) {
    if (loop_post(j->loop, deliver, j)) return;
    j->answer.stream = NULL; /* the loop has ended: nobody else holds the request, and it begins no stream */
    deliver(j);
}

/* On the thread that computed it. */
static void give(struct shared_waiter *w, const struct api_response *answer) {
    struct job *j = list_item(w, struct job, waiter);
    control_share(&j->api, answer, &j->answer);
    send(j);
}

static void learn(_Atomic int64_t *took_us, int64_t us) {
    int64_t before = took_us ? atomic_load(took_us) : 0;
    if (took_us) atomic_store(took_us, before == 0 ? us : (3 * before + us) / 4);
}

static void answer(struct clerk *c, struct job *j) {
    int64_t begun_us = clock_us(), expected_us = j->expected_us;
    _Atomic int64_t *took_us = j->took_us;
    atomic_store(&c->since_us, begun_us);
    if (j->console != 0) {
        j->allowed = control_allows(c->services, &j->api, &j->arena);
        if (!loop_post(j->loop, deliver_checked, j)) job_free(j);
    } else if (control_answer(c->services, &j->api, &j->arena, &j->answer)) {
        learn(took_us, clock_us() - begun_us);
        send(j);
    } /* else it is not ours any more */
    atomic_store(&c->since_us, 0);
    atomic_fetch_sub(&c->load_us, expected_us);
}

static void *desk_main(void *arg) {
    struct clerk *d = arg;
    for (;;) {
        struct job *j = mailbox_wait(d->jobs, -1);
        if (!j) continue;
        if (j->request || j->console != 0) {
            answer(d, j);
            continue;
        }
        void (*run)(void *) = j->run;
        if (run) run(j->arg);
        job_free(j);
        if (!run) return NULL;
    }
}

static bool begin(struct clerk *c, const struct control_services *services, size_t backlog) {
    c->services = services;
    c->jobs = mailbox_new(backlog);
    c->running = services && pthread_create(&c->thread, NULL, desk_main, c) == 0;
    return c->running || !services;
}

struct desk *desk_new(const struct control_services *services, const struct control_services *urgent, const struct control_services *door) {
    struct desk *d = mem_new(struct desk);
    bool begun = begin(&d->usual, services, BACKLOG);
    begun = begin(&d->urgent, urgent, BACKLOG) && begun;
    if (begin(&d->door, door, DOOR_BACKLOG) && begun) return d;
    desk_free(d);
    return NULL;
}

bool desk_add_patient(struct desk *d, const struct control_services *services) { return begin(&d->patient, services, BACKLOG); }

bool desk_add_reader(struct desk *d, const struct control_services *services) {
    if (d->n_readers == DESK_READERS || !begin(&d->readers[d->n_readers], services, BACKLOG)) return false;
    d->n_readers++;
    return true;
}

static void check(void *ctx, struct loop *l, const struct api_request *who, uint64_t console);

void desk_lend(struct desk *d, struct consoles *consoles) {
    d->consoles = consoles;
    consoles_check_with(consoles, check, d);
}

static int64_t waits_us(struct clerk *c, int64_t now_us) {
    int64_t since_us = atomic_load(&c->since_us);
    return atomic_load(&c->load_us) + (since_us != 0 ? now_us - since_us : 0);
}

/* Who is expected to be free first; of two, the one that reports leave to the others. */
static struct clerk *reader_for(struct desk *d, int64_t expected_us) {
    unsigned n = d->n_readers;
    int64_t now_us = clock_us();
    if (expected_us > DESK_HEAVY_US && n > 1) n--;
    struct clerk *best = &d->readers[n - 1];
    for (unsigned i = n - 1; i > 0; i--)
        if (waits_us(&d->readers[i - 1], now_us) < waits_us(best, now_us)) best = &d->readers[i - 1];
    return best;
}

static struct clerk *clerk_for(struct desk *d, struct job *j) {
    const struct http_request *r = j->request;
    bool reads = slice_is(r->method, "GET") || slice_is(r->method, "HEAD");
    if (d->door.running && control_is_slow(r->method, r->path)) return &d->door;
    bool back = slice_is(r->method, "POST") && slice_ends(r->path, SLICE("/rollback"));
    bool again = slice_is(r->method, "POST") && slice_starts(r->path, SLICE("/api/v1/records/")) && slice_ends(r->path, SLICE("/again"));
    if (again && d->patient.running) return &d->patient;
    if (!reads || d->n_readers == 0) return back && d->urgent.running ? &d->urgent : &d->usual;
    j->took_us = &d->took_us[digest_fast(r->path, 0) % PATHS];
    j->expected_us = atomic_load(j->took_us);
    return reader_for(d, j->expected_us);
}

static bool hand(struct clerk *c, struct job *j) {
    j->expected_us += HOP_US;
    int64_t expected_us = j->expected_us; /* it may be done when it was posted */
    atomic_fetch_add(&c->load_us, expected_us);
    if (mailbox_post(c->jobs, j)) return true;
    atomic_fetch_sub(&c->load_us, expected_us);
    return false;
}

static struct slice bearer(const struct http_request *r) {
    struct slice v = slice_trim(http_request_header(r, "authorization"));
    if (v.len <= 7 || !slice_eq_nocase(slice_make(v.at, 7), SLICE("bearer "))) return SLICE_NULL;
    return slice_trim(slice_make(v.at + 7, v.len - 7));
}

static bool takes_a_moment_old(const struct http_request *r) { return slice_starts(slice_trim(http_request_header(r, "cache-control")), SLICE("max-age=")); }

static bool has(const struct http_request *r, const char *name) { return !slice_is_null(http_request_header(r, name)); }

static struct job *job_new(void) {
    struct job *j = mem_new(struct job);
    arena_init(&j->arena, 16 << 10, LIMIT_REPLY_BODY);
    return j;
}

/* Texts of the head are copied: while another thread reads them the client may go, and they with it. */
static void copy_request(const struct http_request *r, struct arena *a, struct api_request *ret) {
    struct slice token = bearer(r);
    *ret = (struct api_request){.method = arena_slice(a, r->method), .path = r->path, .query = r->query, .body = r->body,
                                .token = arena_slice(a, token), .peer = arena_text(a, slice_of(r->peer)),
                                .if_none_match = arena_slice(a, http_request_header(r, "if-none-match")),
                                .host = arena_slice(a, http_request_header(r, "host")), .origin = arena_slice(a, http_request_header(r, "origin")),
                                .cookie = arena_slice(a, http_request_header(r, "cookie")),
                                .csrf = arena_slice(a, http_request_header(r, "x-quarterdeck-csrf")),
                                .user_agent = arena_slice(a, http_request_header(r, "user-agent")),
                                .accept = arena_slice(a, http_request_header(r, "accept")),
                                .accept_encoding = arena_slice(a, http_request_header(r, "accept-encoding")),
                                .background = has(r, "x-quarterdeck-background"),
                                .forwarded = has(r, "forwarded") || has(r, "x-forwarded-for") || has(r, "via")};
}

void desk_take(struct desk *d, struct loop *loop, struct http_request *r) {
    struct job *j = job_new();
    j->desk = d;
    j->loop = loop;
    j->request = r;
    copy_request(r, &j->arena, &j->api);
    if (control_is_quick(r->path) || control_misses(r->method, r->path, j->api.accept)) {
        control_answer(d->usual.services, &j->api, &j->arena, &j->answer);
        deliver(j);
        return;
    }
    j->api.may_be_shared = takes_a_moment_old(r);
    j->waiter.give = give;
    j->api.waiter = &j->waiter;
    if (hand(clerk_for(d, j), j)) return;
    job_free(j);
    struct http_header headers[2 + CONSOLE_HEADERS] = {{SLICE("retry-after"), SLICE("1")}, {SLICE("content-type"), SLICE("application/json")}};
    http_respond(r, 503, headers, 2 + console_headers(false, headers + 2), SLICE("{\"error\":{\"code\":\"overloaded\",\"message\":\"too many API requests wait\"}}"));
}

/* When too much waits, the consoles ask again. */
static void check(void *ctx, struct loop *l, const struct api_request *who, uint64_t console) {
    struct desk *d = ctx;
    struct job *j = job_new();
    j->desk = d;
    j->loop = l;
    j->console = console;
    api_request_copy(who, &j->arena, &j->api);
    if (!hand(d->n_readers > 0 ? reader_for(d, 0) : &d->usual, j)) job_free(j);
}

static bool post(struct clerk *c, void (*run)(void *arg), void *arg) {
    struct job *j = job_new();
    j->run = run;
    j->arg = arg;
    if (mailbox_post(c->jobs, j)) return true;
    job_free(j);
    return false;
}

bool desk_run(struct desk *d, void (*run)(void *arg), void *arg) { return post(&d->usual, run, arg); }

static void stop(struct clerk *c) {
    if (!c->running) return;
    while (!post(c, NULL, NULL)) clock_sleep_us(1000);
    pthread_join(c->thread, NULL);
    c->running = false;
}

void desk_stop(struct desk *d) {
    if (!d) return;
    for (unsigned i = 0; i < d->n_readers; i++) stop(&d->readers[i]);
    stop(&d->door);
    stop(&d->patient);
    stop(&d->urgent);
    stop(&d->usual);
}

static void end(struct clerk *c) {
    if (!c->jobs) return;
    for (struct job *j; (j = mailbox_take(c->jobs)) != NULL;) {
        if (j->request) http_abandon(j->request);
        job_free(j);
    }
    mailbox_free(c->jobs);
}

void desk_free(struct desk *d) {
    if (!d) return;
    desk_stop(d);
    for (unsigned i = 0; i < d->n_readers; i++) end(&d->readers[i]);
    end(&d->patient);
    end(&d->urgent);
    end(&d->door);
    end(&d->usual);
    mem_free(d);
}
