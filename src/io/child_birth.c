/* child_birth.c - vfork, so that a large process starts a small one as quickly as a small one does. Between it and execvp the child
 * shares our memory: it calls the kernel and nothing else, and no handler of ours runs in it, as all signals are blocked. */
#include "io/child_birth.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FREE = 16, TOLD = 3, SAYS = 4, TROUBLE = 5, BEHIND = 6 };

struct pipes {
    int in[2], out[2], err[2], trouble[2], nothing;
};

struct plan {
    const struct child_options *o;
    const struct pipes *p;
    pid_t parent;
    const struct sock_fprog *fence; /* NULL: none is known for this machine */
};

/* ---- the fence: setsid and setpgid succeed and do nothing ---- */

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#ifdef MACHINE
static const struct sock_filter fence_code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsid, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setpgid, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static const struct sock_fprog fence = {sizeof fence_code / sizeof *fence_code, (struct sock_filter *)fence_code};
#define FENCE (&fence)
#else
#define FENCE NULL
#endif

/* ---- in the child ---- */

static void limit(int what, rlim_t most) {
    struct rlimit r;
    if (getrlimit(what, &r) != 0) return;
    if (r.rlim_max == RLIM_INFINITY || r.rlim_max > most) r.rlim_max = most;
    if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur > most) r.rlim_cur = most;
    (void)setrlimit(what, &r);
}

/* Ends above what is put in place first, so that none is overwritten before it is read. */
static bool place(const struct plan *plan) {
    const struct pipes *p = plan->p;
    bool apart = plan->o->apart;
    int in = fcntl(p->in[0], F_DUPFD, FIRST_FREE), out = fcntl(p->out[1], F_DUPFD, FIRST_FREE),
        err = fcntl(p->err[1], F_DUPFD, FIRST_FREE), nothing = fcntl(p->nothing, F_DUPFD, FIRST_FREE),
        trouble = fcntl(p->trouble[1], F_DUPFD, FIRST_FREE);
    if (in < 0 || out < 0 || err < 0 || nothing < 0 || trouble < 0) return false;
    if (dup2(apart ? nothing : in, 0) < 0 || dup2(apart ? err : out, 1) < 0 || dup2(err, 2) < 0) return false;
    if (apart && (dup2(in, TOLD) < 0 || dup2(out, SAYS) < 0)) return false;
    if (dup3(trouble, TROUBLE, O_CLOEXEC) < 0) return false;
    if (!apart) (void)syscall(SYS_close_range, TOLD, SAYS, 0);
    return syscall(SYS_close_range, BEHIND, ~0U, 0) == 0;
}

static void live(const struct plan *plan) __attribute__((noreturn));
static void live(const struct plan *plan) {
    const struct child_options *o = plan->o;
    int why, trouble = plan->p->trouble[1];
    sigset_t none;
    sigemptyset(&none);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != plan->parent) _exit(127);
    limit(RLIMIT_CORE, 0);
    if (o->max_memory > 0) limit(RLIMIT_DATA, o->max_memory);
    signal(SIGPIPE, SIG_DFL);
    if (!place(plan)) goto failed;
    trouble = TROUBLE;
    if (o->dir != NULL && chdir(o->dir) != 0) goto failed;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && plan->fence != NULL)
        (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, plan->fence);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(o->argv[0], (char *const *)(uintptr_t)o->argv);
failed:
    why = errno;
    (void)!write(trouble, &why, sizeof why);
    _exit(127);
}

static __attribute__((noinline)) pid_t fork_and_live(const struct plan *plan) {
    pid_t pid = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork): see above
    if (pid == 0) live(plan); // NOLINT(clang-analyzer-unix.Vfork): it calls the kernel alone
    return pid;
}

/* ---- in the parent ---- */

static void shut_both(int fds[2]) {
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) close(fds[i]);
        fds[i] = -1;
    }
}

static void shut_one(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool open_pipes(struct pipes *p) {
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1};
    p->nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    return p->nothing >= 0 && pipe2(p->in, O_CLOEXEC) == 0 && pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->err, O_CLOEXEC) == 0 &&
           pipe2(p->trouble, O_CLOEXEC) == 0 && fcntl(p->in[1], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(p->out[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(p->err[0], F_SETFL, O_NONBLOCK) == 0;
}

static void close_pipes(struct pipes *p) {
    shut_both(p->in);
    shut_both(p->out);
    shut_both(p->err);
    shut_both(p->trouble);
    shut_one(&p->nothing);
}

static enum fault explain(const struct child_options *o, int why, struct error *error) {
    const char *name = o->argv[0];
    if (o->dir != NULL && access(o->dir, X_OK) != 0) return error_set(error, FAULT_IO, "the folder %s cannot be entered: %s", o->dir, strerror(errno));
    if (why == ENOENT && strchr(name, '/') == NULL) return error_set(error, FAULT_NOT_FOUND, "%s was not found in PATH", name);
    if (why == ENOENT) return error_set(error, FAULT_NOT_FOUND, "%s, or the interpreter in its first line, was not found", name);
    if (why == EACCES) return error_set(error, FAULT_IO, "%s may not be executed (chmod +x)", name);
    return error_set(error, FAULT_IO, "%s cannot be started: %s", name, strerror(why));
}

/* 0: it lives. The other end is closed by execvp, or by its end. */
static int read_trouble(struct pipes *p) {
    int why = 0;
    ssize_t n;
    shut_one(&p->trouble[1]);
    do n = read(p->trouble[0], &why, sizeof why);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof why ? why : 0;
}

enum fault birth_give(const struct child_options *o, struct birth *ret, struct error *error) {
    struct pipes p;
    struct plan plan = {.o = o, .p = &p, .parent = getpid(), .fence = FENCE};
    sigset_t all, before;
    int why = 0, over = -1;
    pid_t pid = -1;
    if (open_pipes(&p)) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = fork_and_live(&plan);
        why = pid < 0 ? errno : 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    } else {
        why = errno;
    }
    if (pid > 0) why = read_trouble(&p);
    if (pid > 0 && why == 0) {
        over = pidfd_open(pid, 0);
        if (over < 0) why = errno;
    }
    if (why == 0) {
        *ret = (struct birth){.pid = pid, .in = p.in[1], .out = p.out[0], .err = p.err[0], .over = over};
        p.in[1] = p.out[0] = p.err[0] = -1;
    } else if (pid > 0) {
        kill(-pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    close_pipes(&p);
    return why == 0 ? FAULT_NONE : explain(o, why, error);
}
