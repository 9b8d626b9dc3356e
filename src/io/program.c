#include "io/program.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PIECE = 16 << 10, LOOK_MS = 100 /* how often it is asked whether to stop */ };

struct run {
    int in, out; /* our ends; -1: closed */
    pid_t pid;
    struct slice input;
    int64_t until_us;
    const atomic_bool *stop;
};

static void shut(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool is_stopped(const struct run *r) { return r->stop != NULL && atomic_load(r->stop); }

static bool start(struct run *r, const char *const *argv) {
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipes;
    if (pipe2(to, O_CLOEXEC) != 0) return false;
    if (pipe2(from, O_CLOEXEC) != 0) {
        shut(&to[0]);
        shut(&to[1]);
        return false;
    }
    sigemptyset(&none);
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipes);
    bool good = posix_spawnp(&r->pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ) == 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    shut(&to[0]);
    shut(&from[1]);
    r->in = to[1];
    r->out = from[0];
    if (good && fcntl(r->in, F_SETFL, O_NONBLOCK) == 0) return true;
    shut(&r->in);
    shut(&r->out);
    return false;
}

/* A program that does not want all of its input may close it. */
static void feed(struct run *r) {
    ssize_t n = r->input.len > 0 ? write(r->in, r->input.at, r->input.len) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) r->input = slice_make(r->input.at + n, r->input.len - (size_t)n);
    if (n < 0 || r->input.len == 0) shut(&r->in);
}

static enum fault take(struct run *r, struct buffer *out) {
    char piece[PIECE];
    ssize_t n = read(r->out, piece, sizeof piece);
    if (n < 0 && errno == EINTR) return FAULT_NONE;
    if (n <= 0) shut(&r->out);
    else if (!buffer_append(out, slice_make(piece, (size_t)n))) return FAULT_UP_TOO_LARGE;
    return FAULT_NONE;
}

static enum fault talk(struct run *r, struct buffer *out) {
    enum fault fault = FAULT_NONE;
    while (r->out >= 0 && fault == FAULT_NONE) {
        struct pollfd fds[] = {{.fd = r->out, .events = POLLIN}, {.fd = r->in, .events = POLLOUT}};
        int64_t left = r->until_us - clock_us();
        int wait_ms = (int)(left / 1000 + 1);
        if (left <= 0) return FAULT_UP_TIMEOUT;
        if (is_stopped(r)) return FAULT_SHUTTING_DOWN;
        if (poll(fds, 2, r->stop != NULL && wait_ms > LOOK_MS ? LOOK_MS : wait_ms) < 0 && errno != EINTR) return FAULT_IO;
        if (r->in >= 0 && fds[1].revents != 0) feed(r);
        if (fds[0].revents != 0) fault = take(r, out);
    }
    return fault;
}

/* Its end: at once after a failure, else as soon as its output is closed, and no later than the limit. */
static int reap(const struct run *r, bool kill_it, bool *ret_late) {
    int status = 0;
    if (kill_it) kill(-r->pid, SIGKILL);
    while (waitpid(r->pid, &status, kill_it ? 0 : WNOHANG) == 0) {
        if (clock_us() < r->until_us && !is_stopped(r)) {
            clock_sleep_us(1000);
            continue;
        }
        kill_it = *ret_late = true;
        kill(-r->pid, SIGKILL);
    }
    return status;
}

enum fault program_call(const struct program_call *c, struct buffer *ret_out, struct error *error) {
    struct run r = {.in = -1, .out = -1, .input = c->input, .until_us = clock_us() + c->timeout_us, .stop = c->stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    const char *path = c->argv[0];
    bool late = false;
    if (!start(&r, c->argv)) return error_set(error, FAULT_IO, "%s cannot be started", path);
    sigaction(SIGPIPE, &ignore, &before);
    enum fault fault = talk(&r, ret_out);
    shut(&r.in);
    shut(&r.out);
    int status = reap(&r, fault != FAULT_NONE, &late);
    sigaction(SIGPIPE, &before, NULL);
    if (is_stopped(&r) && (fault != FAULT_NONE || late)) return error_set(error, FAULT_SHUTTING_DOWN, "%s was stopped", path);
    if (fault == FAULT_UP_TIMEOUT || late)
        return error_set(error, FAULT_UP_TIMEOUT, "%s took longer than %lld s", path, (long long)(c->timeout_us / 1000000));
    if (fault != FAULT_NONE) return error_set(error, fault, "%s: %s", path, fault_text(fault));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return FAULT_NONE;
    return error_set(error, FAULT_IO, "%s ended with %s %d", path, WIFEXITED(status) ? "status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

enum fault program_run(const char *path, struct slice input, int64_t timeout_us, struct buffer *ret_out, struct error *error) {
    const char *const argv[] = {path, NULL};
    return program_call(&(struct program_call){.argv = argv, .input = input, .timeout_us = timeout_us}, ret_out, error);
}
