#include "control/cli_eval_send.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_RESULTS 1000           /* the API takes no more */
#define BATCH_BYTES (4u << 20)       /* a batch ends behind this much */
#define WAITING_BYTES (64u << 20)    /* more on its way: who adds waits */
#define LIFE_US 4000000LL            /* a sign of life, when nothing else was sent for so long */
#define TIMEOUT_US 30000000LL
#define PAUSE_LEAST_US 200000LL
#define PAUSE_MOST_US 3000000LL

struct piece {
    struct piece *next;
    size_t len;
    char text[];
};

struct message {
    struct eval_sender *s;
    enum eval_word word;
    char text[LIMIT_ERROR_TEXT];
};

struct eval_sender {
    struct eval_sender_options o;
    struct message stop, end; /* at most one of each is said */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct piece *first, **last;
    size_t waiting;      /* bytes in the list */
    bool finish, ended, stop_said, good;
    atomic_bool give_up;
    struct error error;  /* why it is not good */
};

static void deliver(void *arg) {
    struct message *m = arg;
    m->s->o.said(m->s->o.ctx, m->word, m->text);
}

static void say(struct eval_sender *s, enum eval_word word, const char *text) {
    struct message *m = word == EVAL_STOP ? &s->stop : &s->end;
    m->s = s;
    m->word = word;
    snprintf(m->text, sizeof m->text, "%s", text);
    (void)loop_post(s->o.loop, deliver, m);
}

/* ---- one request ---- */

static enum fault post(const char *server, const char *run, const char *verb, struct slice body, int64_t timeout_us, const atomic_bool *stop,
                       int *ret_status, struct buffer *ret_body, struct error *error) {
    const char *token = getenv("QUARTERDECK_TOKEN"), *headers[3] = {"content-type: application/json"};
    struct buffer url, bearer;
    buffer_init(&url, 64 << 10);
    buffer_init(&bearer, 4 << 10);
    buffer_printf(&url, "%s/api/v1/evals/%s/%s", server, run, verb);
    if (token && *token) {
        buffer_printf(&bearer, "authorization: Bearer %s", token);
        headers[1] = buffer_text(&bearer);
    }
    *ret_status = 0;
    enum fault fault = http_fetch_watched("POST", buffer_text(&url), headers, body, timeout_us, &(struct http_fetch_watch){.stop = stop},
                                          ret_status, ret_body, error);
    buffer_deinit(&url);
    buffer_deinit(&bearer);
    return fault;
}

enum fault eval_post(const char *server, const char *run, const char *verb, struct slice body, int64_t timeout_us, int *ret_status,
                     struct buffer *ret_body, struct error *error) {
    return post(server, run, verb, body, timeout_us, NULL, ret_status, ret_body, error);
}

/* What a refusal says. */
static void read_refusal(struct slice body, int status, struct error *error) {
    struct arena arena;
    struct json_doc d;
    arena_init(&arena, 4 << 10, 1 << 20);
    struct slice words = SLICE_NULL;
    if (json_read(body, &arena, UINT16_MAX, &d, NULL) == FAULT_NONE) words = json_string(&d, json_get(&d, json_get(&d, 0, "error"), "message"), &arena);
    if (slice_is_null(words)) (void)!error_set(error, FAULT_IO, "the server answered %d", status);
    else (void)!error_set(error, FAULT_CONFLICT, SLICE_FMT, SLICE_ARG(words));
    arena_deinit(&arena);
}

static void read_answer(struct eval_sender *s, struct slice body) {
    struct arena arena;
    struct json_doc d;
    bool stop = false;
    arena_init(&arena, 4 << 10, 1 << 20);
    if (json_read(body, &arena, UINT16_MAX, &d, NULL) == FAULT_NONE && json_get_bool(&d, json_get(&d, 0, "stop"), &stop) && stop && !s->stop_said) {
        char text[LIMIT_ERROR_TEXT];
        struct slice by = json_string(&d, json_get(&d, 0, "stop_by"), &arena);
        snprintf(text, sizeof text, "stopped by " SLICE_FMT, SLICE_ARG(by));
        s->stop_said = true;
        say(s, EVAL_STOP, text);
    }
    arena_deinit(&arena);
}

static bool may_pass(int status) { return status == 0 || status == 408 || status == 429 || status >= 500; }

/* Until the server has it, refuses it, or is lost. */
static bool deliver_batch(struct eval_sender *s, struct slice body) {
    int64_t until = clock_us() + s->o.patience_us, pause = PAUSE_LEAST_US;
    struct buffer answer;
    int status = 0;
    bool good = false;
    buffer_init(&answer, 1 << 20);
    for (;;) {
        buffer_clear(&answer);
        enum fault fault = post(s->o.server, s->o.run, "results", body, TIMEOUT_US, &s->give_up, &status, &answer, &s->error);
        good = fault == FAULT_NONE && status >= 200 && status < 300;
        if (good || atomic_load(&s->give_up) || (fault == FAULT_NONE && !may_pass(status)) || clock_us() + pause > until) break;
        clock_sleep_us(pause);
        pause = pause * 2 < PAUSE_MOST_US ? pause * 2 : PAUSE_MOST_US;
    }
    if (good) read_answer(s, buffer_slice(&answer));
    else if (status != 0) read_refusal(buffer_slice(&answer), status, &s->error);
    if (!good && !atomic_load(&s->give_up)) say(s, may_pass(status) ? EVAL_LOST : EVAL_REFUSED, s->error.text);
    buffer_deinit(&answer);
    return good;
}

/* ---- the thread ---- */

static void wait_a_while(struct eval_sender *s) {
    int64_t until = clock_wall_us() + LIFE_US;
    struct timespec at = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    while (!s->first && !s->finish)
        if (pthread_cond_timedwait(&s->changed, &s->lock, &at) != 0) return;
}

/* Takes what goes out next from the list; under the lock. */
static struct piece *take(struct eval_sender *s) {
    struct piece *first = s->first, **end = &s->first;
    size_t n = 0, bytes = 0;
    for (; *end && n < BATCH_RESULTS && bytes < BATCH_BYTES; end = &(*end)->next) {
        n++;
        bytes += (*end)->len;
    }
    struct piece *rest = *end;
    if (n > 0) *end = NULL;
    if (n > 0) s->first = rest;
    if (!rest) s->last = &s->first;
    s->waiting -= bytes;
    pthread_cond_broadcast(&s->changed);
    return n > 0 ? first : NULL;
}

static void free_pieces(struct piece *p) {
    while (p) {
        struct piece *next = p->next;
        mem_free(p);
        p = next;
    }
}

static void write_batch(const struct eval_sender *s, const struct piece *p, struct buffer *out) {
    struct json_writer w;
    buffer_clear(out);
    json_start(&w, out);
    json_object(&w);
    json_member_text(&w, "owner", s->o.owner);
    json_key(&w, "results");
    json_array(&w);
    for (; p; p = p->next) json_put_raw(&w, slice_make(p->text, p->len));
    json_array_end(&w);
    json_object_end(&w);
}

static void *send_all(void *arg) {
    struct eval_sender *s = arg;
    struct buffer body;
    bool good = true, more = true;
    buffer_init(&body, 2 * (size_t)LIMIT_REPLY_BODY);
    while (good && more && !atomic_load(&s->give_up)) {
        pthread_mutex_lock(&s->lock);
        wait_a_while(s);
        struct piece *batch = take(s);
        more = batch || !s->finish;
        pthread_mutex_unlock(&s->lock);
        if (!more) break;
        write_batch(s, batch, &body);
        free_pieces(batch);
        good = deliver_batch(s, buffer_slice(&body));
    }
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    s->good = good && !atomic_load(&s->give_up);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    buffer_deinit(&body);
    return NULL;
}

/* ---- the face ---- */

struct eval_sender *eval_sender_start(const struct eval_sender_options *o, struct error *error) {
    struct eval_sender *s = mem_new(struct eval_sender);
    s->o = *o;
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (pthread_create(&s->thread, NULL, send_all, s) == 0) return s;
    (void)!error_set(error, FAULT_IO, "cannot start a thread");
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    return NULL;
}

void eval_sender_add(struct eval_sender *s, struct slice result) {
    struct piece *p = mem_alloc(sizeof *p + result.len);
    p->len = result.len;
    memcpy(p->text, result.at, result.len);
    pthread_mutex_lock(&s->lock);
    while (!s->ended && s->waiting > WAITING_BYTES) pthread_cond_wait(&s->changed, &s->lock);
    *s->last = p;
    s->last = &p->next;
    s->waiting += p->len;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

bool eval_sender_finish(struct eval_sender *s, struct error *error) {
    pthread_mutex_lock(&s->lock);
    s->finish = true;
    pthread_cond_broadcast(&s->changed);
    while (!s->ended) pthread_cond_wait(&s->changed, &s->lock);
    bool good = s->good;
    if (!good) *error = s->error;
    pthread_mutex_unlock(&s->lock);
    return good;
}

void eval_sender_free(struct eval_sender *s) {
    if (!s) return;
    atomic_store(&s->give_up, true);
    pthread_mutex_lock(&s->lock);
    s->finish = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    free_pieces(s->first);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}
