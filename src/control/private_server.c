#include "control/private_server.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_US 60000000LL   /* budgets may be read from the ledger first */
#define WAIT_US 20000000LL    /* for a former server of this folder, which is ending */
#define STOP_US 15000000LL    /* then it is killed */
#define STEP_US 20000LL
#define SAID_MOST 4096        /* of what it says when it does not start */

extern char **environ;

struct private_server {
    pid_t pid;          /* 0: it has ended */
    int out, log;       /* its output, and a file without a name that has its errors; -1: none */
    char line[512];     /* of its output so far */
    size_t len;
    char url[64];
};

static void shut(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool has_ended(struct private_server *p) {
    if (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) == p->pid) p->pid = 0;
    return p->pid == 0;
}

/* A file of our own that nobody else sees. */
static int log_file(void) {
    const char *dir = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/quarterdeck-XXXXXX", dir && *dir ? dir : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) unlink(path);
    return fd;
}

static const char **environment(char *own) {
    size_t n = 0, at = 0;
    while (environ[n]) n++;
    const char **all = mem_new_array(const char *, n + 2);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], PRIVATE_SERVER_ENV "=", sizeof PRIVATE_SERVER_ENV) != 0) all[at++] = environ[i];
    all[at] = own;
    return all;
}

/* In a group of its own: Ctrl-C is ours to follow. */
static int spawn(struct private_server *p, const char *config, int out) {
    const char *argv[] = {"quarterdeck", "serve", "-c", config, NULL};
    char own[64];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    snprintf(own, sizeof own, PRIVATE_SERVER_ENV "=%ld", (long)getpid());
    const char **env = environment(own);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, p->log, 2);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    int code = posix_spawn(&p->pid, "/proc/self/exe", &actions, &attributes, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    mem_free(env);
    if (code != 0) p->pid = 0;
    return code;
}

/* "quarterdeck ready on http://127.0.0.1:41233" */
static bool read_url(struct private_server *p) {
    ssize_t n = read(p->out, p->line + p->len, sizeof p->line - 1 - p->len);
    if (n > 0) p->len += (size_t)n;
    p->line[p->len] = 0;
    const char *at = strstr(p->line, "ready on "), *end = at ? strchr(at, '\n') : NULL;
    if (!end) return false;
    snprintf(p->url, sizeof p->url, "%.*s", (int)(end - at - 9), at + 9);
    return true;
}

static bool is_ready(const struct private_server *p) {
    char url[96];
    struct buffer body;
    struct error error;
    int status = 0;
    snprintf(url, sizeof url, "%s/readyz", p->url);
    buffer_init(&body, 64 << 10);
    bool good = http_fetch("GET", url, NULL, SLICE_NULL, 2000000, &status, &body, &error) == FAULT_NONE && status == 200;
    buffer_deinit(&body);
    return good;
}

/* What it said last, in place of an error of ours. */
static enum fault its_words(const struct private_server *p, struct error *error) {
    char text[SAID_MOST + 1];
    ssize_t n = pread(p->log, text, SAID_MOST, 0);
    struct slice words = slice_trim(slice_make(text, n > 0 ? (size_t)n : 0)), head = SLICE("quarterdeck: ");
    if (slice_starts(words, head)) words = slice_make(words.at + head.len, words.len - head.len);
    return error_set(error, FAULT_NOT_RUNNING, "a server could not be started: " SLICE_FMT, SLICE_ARG(words));
}

static enum fault start_once(struct private_server *p, const char *config, struct error *error) {
    int ends[2];
    int64_t until = clock_us() + START_US;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return error_set(error, FAULT_IO, "pipe: %s", strerror(errno));
    p->out = ends[0];
    p->log = log_file();
    p->len = 0;
    int code = p->log < 0 ? errno : spawn(p, config, ends[1]);
    close(ends[1]);
    if (code != 0) return error_set(error, FAULT_IO, "a server could not be started: %s", strerror(code));
    bool has_url = false;
    while (!has_ended(p) && clock_us() < until) {
        if (!has_url) has_url = read_url(p);
        if (has_url && is_ready(p)) return FAULT_NONE;
        clock_sleep_us(STEP_US);
    }
    return its_words(p, error);
}

static void end(struct private_server *p) {
    int64_t until = clock_us() + STOP_US;
    if (p->pid > 0) kill(p->pid, SIGTERM);
    while (!has_ended(p) && clock_us() < until) clock_sleep_us(STEP_US);
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        p->pid = 0;
    }
    shut(&p->out);
    shut(&p->log);
}

struct private_server *private_server_start(const char *config, struct error *error) {
    struct private_server *p = mem_new(struct private_server);
    int64_t until = clock_us() + WAIT_US;
    for (;;) {
        enum fault fault = start_once(p, config, error);
        if (fault == FAULT_NONE) return p;
        end(p);
        if (!strstr(error->text, "another process") || clock_us() > until) break;
        clock_sleep_us(10 * STEP_US);
    }
    mem_free(p);
    return NULL;
}

const char *private_server_url(const struct private_server *p) { return p->url; }
bool private_server_lives(struct private_server *p) { return !has_ended(p); }

void private_server_stop(struct private_server *p) {
    if (!p) return;
    end(p);
    mem_free(p);
}
