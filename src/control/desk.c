#include "control/desk.h"

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"

#include <pthread.h>

#define BACKLOG 1024 /* jobs that may wait */

struct clerk { /* one thread */
    const struct control_services *services;
    struct mailbox *jobs;
    pthread_t thread;
    bool running;
};
struct desk {
    struct clerk usual, urgent; /* urgent: without a thread where there are no services for it */
};

/* A request to answer, or (without one) something to run; without either, the end. */
struct job {
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

static void deliver(void *arg) {
    struct job *j = arg;
    struct http_header headers[4];
    unsigned n = 0;
    if (j->answer.body.len > 0) headers[n++] = (struct http_header){SLICE("content-type"), slice_of(j->answer.content_type)};
    for (unsigned i = 0; i + 1 < 4 && j->answer.extra_header[i]; i += 2)
        headers[n++] = (struct http_header){slice_of(j->answer.extra_header[i]), slice_of(j->answer.extra_header[i + 1])};
    http_respond_take(j->request, j->answer.status, headers, n, &j->answer.body);
    job_free(j);
}

static void *desk_main(void *arg) {
    struct clerk *d = arg;
    for (;;) {
        struct job *j = mailbox_wait(d->jobs, -1);
        if (!j) continue;
        if (j->request) {
            control_answer(d->services, &j->api, &j->arena, &j->answer);
            if (!loop_post(j->loop, deliver, j)) deliver(j); /* the loop has ended: nobody else holds the request */
            continue;
        }
        void (*run)(void *) = j->run;
        if (run) run(j->arg);
        job_free(j);
        if (!run) return NULL;
    }
}

static bool begin(struct clerk *c, const struct control_services *services) {
    c->services = services;
    c->jobs = mailbox_new(BACKLOG);
    c->running = services && pthread_create(&c->thread, NULL, desk_main, c) == 0;
    return c->running || !services;
}

struct desk *desk_new(const struct control_services *services, const struct control_services *urgent) {
    struct desk *d = mem_new(struct desk);
    bool begun = begin(&d->usual, services);
    if (begin(&d->urgent, urgent) && begun) return d;
    desk_free(d);
    return NULL;
}

static struct clerk *clerk_for(struct desk *d, const struct http_request *r) {
    bool back = slice_is(r->method, "POST") && slice_ends(r->path, SLICE("/rollback"));
    return back && d->urgent.running ? &d->urgent : &d->usual;
}

static struct slice bearer(const struct http_request *r) {
    struct slice v = slice_trim(http_request_header(r, "authorization"));
    if (v.len <= 7 || !slice_eq_nocase(slice_make(v.at, 7), SLICE("bearer "))) return SLICE_NULL;
    return slice_trim(slice_make(v.at + 7, v.len - 7));
}

static bool has(const struct http_request *r, const char *name) { return !slice_is_null(http_request_header(r, name)); }

static struct job *job_new(void) {
    struct job *j = mem_new(struct job);
    arena_init(&j->arena, 16 << 10, LIMIT_REPLY_BODY);
    return j;
}

void desk_take(struct desk *d, struct loop *loop, struct http_request *r) {
    struct job *j = job_new();
    j->loop = loop;
    j->request = r;
    j->api = (struct api_request){.method = r->method, .path = r->path, .query = r->query, .body = r->body,
                                  .token = bearer(r), .peer = r->peer,
                                  .if_none_match = http_request_header(r, "if-none-match"), .host = http_request_header(r, "host"), .origin = http_request_header(r, "origin"),
                                  .forwarded = has(r, "forwarded") || has(r, "x-forwarded-for") || has(r, "via")};
    if (control_is_probe(r->path)) {
        control_answer(d->usual.services, &j->api, &j->arena, &j->answer);
        deliver(j);
        return;
    }
    if (mailbox_post(clerk_for(d, r)->jobs, j)) return;
    job_free(j);
    struct http_header retry = {SLICE("retry-after"), SLICE("1")};
    http_respond(r, 503, &retry, 1, SLICE("{\"error\":{\"code\":\"overloaded\",\"message\":\"too many API requests wait\"}}"));
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
    end(&d->urgent);
    end(&d->usual);
    mem_free(d);
}
