/* child.c - the life of one program. child_birth.c makes its process.
 *
 * Invariants while one runs (pid != 0): `over` watches its pidfd, and the process is not reaped, so that neither its id nor its
 * group's can be another's; in.fd, out.fd and err.fd are our ends, -1 once closed. */
#include "io/child.h"

#include "base/list.h"
#include "io/child_birth.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PIECE = 64 << 10,
    PIECES = 16,         /* taken from one pipe before others have their turn */
    TAKE_DOWN_MS = 2000, /* child_deinit does not wait longer for the kernel */
};

static void shut(struct child *c, struct loop_watch *w) {
    if (w->fd < 0) return;
    loop_watch_stop(c->loop, w);
    close(w->fd);
    w->fd = -1;
}

static void kill_group(struct child *c, enum child_end why) {
    if (c->pid == 0) return;
    if (!c->is_killed) c->end = why;
    c->is_killed = true;
    kill(-c->pid, SIGKILL);
}

/* ---- what it is told ---- */

/* SIGPIPE is kept from the process without touching what others do with it: blocked here, and taken back when it came. */
static ssize_t write_quietly(int fd, const char *at, size_t len) {
    const struct timespec now = {.tv_sec = 0};
    sigset_t pipes, before, pending;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipes, &before);
    ssize_t n = write(fd, at, len);
    int saved = errno;
    if (n < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipes, NULL, &now) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return n;
}

static void feed(struct child *c) {
    while (c->untold.len > 0) {
        ssize_t n = write_quietly(c->in.fd, c->untold.at, c->untold.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) { /* it does not want the rest */
            buffer_clear(&c->untold);
            shut(c, &c->in);
            return;
        }
        buffer_consume(&c->untold, (size_t)n);
    }
    if (c->untold.len == 0 && c->is_told) shut(c, &c->in);
    else if (loop_watch_change(c->loop, &c->in, c->untold.len > 0 ? LOOP_WRITE : LOOP_HANGUP) != FAULT_NONE) shut(c, &c->in);
}

static void can_tell(struct loop_watch *w, unsigned events) {
    struct child *c = list_item(w, struct child, in);
    if (c->untold.len == 0 && (events & LOOP_HANGUP)) shut(c, w);
    else feed(c);
}

void child_tell(struct child *c, struct slice bytes) {
    if (c->pid == 0 || c->in.fd < 0) return;
    (void)buffer_append(&c->untold, bytes);
    feed(c);
}

void child_end_input(struct child *c) {
    c->is_told = true;
    if (c->pid != 0 && c->in.fd >= 0) feed(c);
}

/* ---- what it says ---- */

/* False: there is nothing more, now or ever. */
static bool take(struct child *c, struct loop_watch *w, char *piece, ssize_t *ret_n) {
    do *ret_n = read(w->fd, piece, PIECE);
    while (*ret_n < 0 && errno == EINTR);
    if (*ret_n == 0 || (*ret_n < 0 && errno != EAGAIN)) shut(c, w);
    return *ret_n > 0;
}

static bool listen_out(struct child *c) {
    char piece[PIECE];
    bool any = false;
    ssize_t n;
    for (int i = 0; i < PIECES && c->out.fd >= 0 && take(c, &c->out, piece, &n); i++) {
        any = true;
        if (buffer_append(&c->said, slice_make(piece, (size_t)n))) continue;
        kill_group(c, CHILD_LOUD);
        shut(c, &c->out);
    }
    return any;
}

static void keep_complaint(struct child *c, const char *at, size_t n) {
    for (size_t i = n > CHILD_COMPLAINT ? n - CHILD_COMPLAINT : 0; i < n; i++) c->complaint[(c->complained + i) % CHILD_COMPLAINT] = at[i];
    c->complained += n;
}

static void listen_err(struct child *c) {
    char piece[PIECE];
    ssize_t n;
    for (int i = 0; i < PIECES && c->err.fd >= 0 && take(c, &c->err, piece, &n); i++) keep_complaint(c, piece, (size_t)n);
}

static void can_hear(struct loop_watch *w, unsigned events) {
    struct child *c = list_item(w, struct child, out);
    (void)events;
    if (listen_out(c) && c->heard != NULL && !c->is_killed) c->heard(c);
}

static void can_hear_complaint(struct loop_watch *w, unsigned events) {
    (void)events;
    listen_err(list_item(w, struct child, err));
}

/* ---- its end ---- */

static void close_all(struct child *c) {
    loop_timer_stop(c->loop, &c->timer);
    shut(c, &c->in);
    shut(c, &c->out);
    shut(c, &c->err);
    shut(c, &c->over);
    buffer_deinit(&c->untold);
}

/* What it had said before it ended is in the pipes by now. */
static void is_over(struct loop_watch *w, unsigned events) {
    struct child *c = list_item(w, struct child, over);
    siginfo_t how = {.si_pid = 0};
    (void)events;
    if (waitid(P_PID, (id_t)c->pid, &how, WEXITED | WNOHANG | WNOWAIT) != 0 || how.si_pid == 0) return;
    kill(-c->pid, SIGKILL); /* its children, before its id is free */
    while (c->out.fd >= 0 && listen_out(c)) continue;
    listen_err(c);
    (void)waitid(P_PID, (id_t)c->pid, &how, WEXITED | WNOHANG);
    c->pid = 0;
    c->status = how.si_status;
    if (!c->is_killed) c->end = how.si_code == CLD_EXITED ? CHILD_EXITED : CHILD_SIGNALLED;
    close_all(c);
    c->ended(c);
}

static void time_is_up(struct loop_timer *t) { kill_group(list_item(t, struct child, timer), CHILD_LATE); }

void child_limit(struct child *c, int64_t us) {
    if (c->pid == 0 || us <= 0) loop_timer_stop(c->loop, &c->timer);
    else loop_timer_start(c->loop, &c->timer, us);
}

void child_kill(struct child *c) { kill_group(c, CHILD_STOPPED); }

void child_deinit(struct child *c) {
    if (c->loop == NULL) return;
    if (c->pid != 0) {
        siginfo_t how;
        struct pollfd over = {.fd = c->over.fd, .events = POLLIN};
        kill(-c->pid, SIGKILL);
        while (poll(&over, 1, TAKE_DOWN_MS) < 0 && errno == EINTR) continue;
        kill(-c->pid, SIGKILL); /* what it may have begun meanwhile */
        (void)waitid(P_PID, (id_t)c->pid, &how, WEXITED | WNOHANG);
        c->pid = 0;
    }
    close_all(c);
    buffer_deinit(&c->said);
    c->loop = NULL;
}

/* ---- its start ---- */

static enum fault watch(struct child *c, struct loop_watch *w, int fd, unsigned events, void (*ready)(struct loop_watch *, unsigned),
                        struct error *error) {
    *w = (struct loop_watch){.fd = fd, .events = events, .ready = ready};
    return loop_watch_start(c->loop, w, error);
}

enum fault child_start(struct child *c, struct loop *l, const struct child_options *o, struct error *error) {
    struct birth b;
    enum fault f = birth_give(o, &b, error);
    if (f != FAULT_NONE) return f;
    if (c->loop == NULL) buffer_init(&c->said, o->max_said);
    buffer_clear(&c->said);
    buffer_init(&c->untold, SIZE_MAX);
    c->loop = l;
    c->pid = b.pid;
    c->max_said = o->max_said;
    c->is_told = c->is_killed = false;
    c->complained = 0;
    c->timer.fired = time_is_up;
    c->in.fd = c->out.fd = c->err.fd = c->over.fd = -1;
    enum fault faults[] = {watch(c, &c->in, b.in, LOOP_HANGUP, can_tell, error), watch(c, &c->out, b.out, LOOP_READ, can_hear, error),
                           watch(c, &c->err, b.err, LOOP_READ, can_hear_complaint, error),
                           watch(c, &c->over, b.over, LOOP_READ, is_over, error)};
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i] != FAULT_NONE) {
            child_deinit(c);
            return faults[i];
        }
    return FAULT_NONE;
}

void child_describe(const struct child *c, const char *name, struct buffer *out) {
    size_t n = c->complained < CHILD_COMPLAINT ? c->complained : CHILD_COMPLAINT, from = c->complained - n;
    char text[CHILD_COMPLAINT];
    for (size_t i = 0; i < n; i++) text[i] = c->complaint[(from + i) % CHILD_COMPLAINT];
    struct slice words = slice_trim(slice_make(text, n));
    switch (c->end) {
    case CHILD_EXITED: buffer_printf(out, "%s ended with status %d", name, c->status); break;
    case CHILD_SIGNALLED: buffer_printf(out, "%s ended by signal %d (%s)", name, c->status, strsignal(c->status)); break;
    case CHILD_LATE: buffer_printf(out, "%s took too long and was killed", name); break;
    case CHILD_LOUD: buffer_printf(out, "%s said more than %zu bytes and was killed", name, c->max_said); break;
    case CHILD_STOPPED: buffer_printf(out, "%s was stopped", name); break;
    }
    if (words.len > 0) buffer_printf(out, "; its last words: " SLICE_FMT, SLICE_ARG(words));
}
