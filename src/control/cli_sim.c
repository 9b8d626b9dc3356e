/* quarterdeck sim: the simulated provider. */
#include "base/digest.h"
#include "base/mem.h"
#include "control/cli_verbs.h"
#include "sim/simulator.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { SCRIPT_MAX = 1 << 20 };

struct worker {
    struct loop *loop;
    struct simulator *simulator;
    pthread_t thread;
    bool started;
};

struct run {
    struct worker workers[LIMIT_WORKERS];
    unsigned n;
    struct loop_watch signals;
};

static void on_signal(struct loop_watch *w, unsigned events) {
    struct run *run = (struct run *)((char *)w - offsetof(struct run, signals));
    (void)events;
    for (unsigned i = 0; i < run->n; i++) loop_stop(run->workers[i].loop);
}

static bool read_file(const char *path, struct buffer *out) {
    FILE *file = fopen(path, "rb");
    char *at = file != NULL ? buffer_reserve(out, SCRIPT_MAX) : NULL;
    if (at == NULL) {
        fprintf(stderr, "quarterdeck sim: %s: %s\n", path, strerror(errno));
        if (file != NULL) fclose(file);
        return false;
    }
    out->len += fread(at, 1, SCRIPT_MAX, file);
    bool whole = feof(file) != 0 && ferror(file) == 0;
    fclose(file);
    if (!whole) fprintf(stderr, "quarterdeck sim: %s: unreadable or over 1 MiB\n", path);
    return whole;
}

/* "4010", ":4010", "127.0.0.1:4010", "[::1]:4010" */
static bool read_address(const char *text, char host[64], uint16_t *ret_port) {
    const char *colon = strrchr(text, ':');
    struct slice name = colon == NULL ? SLICE("127.0.0.1") : slice_make(text, (size_t)(colon - text));
    uint64_t port;
    if (!slice_to_u64(slice_of(colon == NULL ? text : colon + 1), &port) || port > 65535) return false;
    if (name.len >= 2 && name.at[0] == '[') name = slice_make(name.at + 1, name.len - 2);
    if (name.len >= 64) return false;
    memcpy(host, name.at, name.len);
    host[name.len] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

static void *run_worker(void *arg) {
    struct worker *w = arg;
    loop_run(w->loop);
    return NULL;
}

static enum fault start(struct run *run, struct simulator_options *o, unsigned workers, struct error *error) {
    for (; run->n < workers; run->n++) {
        struct worker *w = &run->workers[run->n];
        w->loop = loop_new(error);
        if (w->loop == NULL) return error->fault;
        w->simulator = simulator_new(w->loop, o, error);
        if (w->simulator == NULL) {
            loop_free(w->loop);
            return error->fault;
        }
        o->first = run->workers[0].simulator;
        o->port = simulator_port(o->first);
    }
    return loop_watch_interrupts(run->workers[0].loop, &run->signals, on_signal, error);
}

static void stop(struct run *run) {
    for (unsigned i = 0; i < run->n; i++)
        if (run->workers[i].started) pthread_join(run->workers[i].thread, NULL);
    if (run->n > 0 && run->signals.ready != NULL) {
        loop_watch_stop(run->workers[0].loop, &run->signals);
        close(run->signals.fd);
    }
    for (unsigned i = run->n; i-- > 0;) {
        simulator_free(run->workers[i].simulator);
        loop_free(run->workers[i].loop);
    }
}

static int serve(struct simulator_options *o, unsigned workers) {
    struct error error = {0};
    struct run *run = mem_new(struct run);
    enum fault f = start(run, o, workers, &error);
    for (unsigned i = 1; f == FAULT_NONE && i < workers; i++) {
        struct worker *w = &run->workers[i];
        w->started = pthread_create(&w->thread, NULL, run_worker, w) == 0;
        if (!w->started) f = error_set(&error, FAULT_IO, "no thread for worker %u", i);
    }
    if (f == FAULT_NONE) {
        bool wide = strchr(o->host, ':') != NULL;
        printf("simulator ready on http://%s%s%s:%u (seed %llu)\n", wide ? "[" : "",
               o->host[0] ? o->host : "127.0.0.1", wide ? "]" : "", simulator_port(run->workers[0].simulator),
               (unsigned long long)o->seed);
        fflush(stdout);
        loop_run(run->workers[0].loop);
    } else {
        fprintf(stderr, "quarterdeck sim: %s\n", error.text);
        for (unsigned i = 0; i < run->n; i++) loop_stop(run->workers[i].loop);
    }
    stop(run);
    mem_free(run);
    return f == FAULT_NONE ? 0 : 3;
}

/* One option: name, letter, type, where its value goes, what stands for the value, what it is. */
#define ROW(n, l, t, v, m, h)                                                                                \
    { .name = (n), .letter = (l), .type = OPTION_##t, .value = (v), .metavar = (m), .help = (h) }

int cli_sim(int argc, char **argv) {
    const char *listen = "127.0.0.1:4010", *script = NULL;
    int64_t seed = 1, workers = 1;
    double speed = 1;
    const struct option_spec specs[] = {
        ROW("listen", 'l', TEXT, &listen, "ADDR", "address and port; port 0 takes any"),
        ROW("seed", 's', INTEGER, &seed, "N", "answers are a function of this and the request"),
        ROW("script", 0, TEXT, &script, "FILE", "models and faults (docs/simulator.md)"),
        ROW("speed", 0, NUMBER, &speed, "X", "divides all times; 0 answers at once"),
        ROW("workers", 'w', INTEGER, &workers, "N", "threads that listen"),
    };
    char host[64];
    int positional;
    struct simulator_options o = {.seed = 0};
    struct buffer text;
    int code = options_parse(argc, argv, specs, sizeof specs / sizeof specs[0], "quarterdeck sim [options]",
                             &positional);
    if (code >= 0) return code;
    if (positional > 0 || workers < 1 || workers > LIMIT_WORKERS || speed < 0 ||
        !read_address(listen, host, &o.port)) {
        fprintf(stderr,
                "quarterdeck sim: expected an address such as 127.0.0.1:4010, 1 to %d workers and a speed "
                "from 0\n",
                LIMIT_WORKERS);
        return 2;
    }
    if (!digest_start()) return 3;
    buffer_init(&text, SCRIPT_MAX + 1);
    code = 3;
    if (script == NULL || read_file(script, &text)) {
        o.host = host;
        o.seed = (uint64_t)seed;
        o.speed = speed;
        o.reuse_port = workers > 1;
        if (script != NULL) o.script = buffer_slice(&text);
        o.script_name = script;
        code = serve(&o, (unsigned)workers);
    }
    buffer_deinit(&text);
    return code;
}
