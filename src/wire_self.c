/* wire_self.c - see wire_self.h. */
#include "wire_self.h"

#include "base/certificate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "cost/outlook.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SLOWLY_US 60000000LL     /* the folder, the file, the certificate */
#define BUDGETS_US 300000000LL
#define STEP_KEPT_US 3600000000LL
#define STEP_COUNTS_S 0.1        /* less is how the two clocks are read one after the other */
enum { MARKS = 64, STEPS = 16, WATCHERS = 64, BUDGETS = 500 };

struct self_wire {
    struct self_sources s;
    struct { int64_t at_us; uint64_t appended; } marks[MARKS]; /* how much had been appended when, oldest first */
    unsigned n_marks;
    int64_t mono_us, wall_us;    /* of the last look; 0: the first */
    struct { int64_t mono_us; double by_s; } steps[STEPS];
    unsigned n_steps;
    uint64_t revision;           /* of the policy whose file's digest is `in_force` */
    struct digest in_force;
    bool known;
    int64_t stale_us, slow_us, budgets_us; /* monotonic; 0: not stale, never */
    int64_t ledger_bytes, disk_free;
    double stale_s, certificate_left_s;
    struct outlook_memory *outlooks;
};

struct self_wire *self_wire_new(const struct self_sources *s) {
    struct self_wire *w = mem_new(struct self_wire);
    w->s = *s;
    w->disk_free = -1;
    w->outlooks = outlook_memory_new();
    w->certificate_left_s = INFINITY;
    return w;
}
void self_wire_free(struct self_wire *w) {
    if (w == NULL) return;
    outlook_memory_free(w->outlooks);
    mem_free(w);
}

/* Age of the oldest frame that is not drained: since the last look at which all that is drained now had been appended. */
static double lag(struct self_wire *w, const struct recorder_stats *r, int64_t mono_us) {
    unsigned gone = 0;
    while (gone < w->n_marks && w->marks[gone].appended <= r->drained) gone++;
    memmove(w->marks, w->marks + gone, (w->n_marks - gone) * sizeof *w->marks);
    w->n_marks -= gone;
    if (r->appended > r->drained) {
        if (w->n_marks == MARKS) memmove(w->marks + 1, w->marks + 2, (--w->n_marks - 1) * sizeof *w->marks); /* the oldest stays: it has the age */
        w->marks[w->n_marks].at_us = mono_us;
        w->marks[w->n_marks++].appended = r->appended;
    }
    return w->n_marks > 0 ? (double)(mono_us - w->marks[0].at_us) / 1e6 : 0;
}

static double step(struct self_wire *w, int64_t mono_us, int64_t wall_us) {
    double by = w->mono_us == 0 ? 0 : (double)((wall_us - w->wall_us) - (mono_us - w->mono_us)) / 1e6, largest = 0;
    unsigned kept = 0;
    w->mono_us = mono_us;
    w->wall_us = wall_us;
    for (unsigned i = 0; i < w->n_steps; i++)
        if (mono_us - w->steps[i].mono_us < STEP_KEPT_US) w->steps[kept++] = w->steps[i];
    w->n_steps = kept;
    if (fabs(by) >= STEP_COUNTS_S && w->n_steps == STEPS) memmove(w->steps, w->steps + 1, --w->n_steps * sizeof *w->steps);
    if (fabs(by) >= STEP_COUNTS_S) {
        w->steps[w->n_steps].mono_us = mono_us;
        w->steps[w->n_steps++].by_s = by;
    }
    for (unsigned i = 0; i < w->n_steps; i++)
        if (fabs(w->steps[i].by_s) > fabs(largest)) largest = w->steps[i].by_s;
    return largest;
}

static int64_t ledger_size(const char *dir) {
    int64_t bytes = 0;
    DIR *d = opendir(dir);
    struct stat st;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if ((strncmp(e->d_name, "ledger-", 7) == 0 || strncmp(e->d_name, "payload-", 8) == 0) && fstatat(dirfd(d), e->d_name, &st, 0) == 0) bytes += st.st_size;
    if (d != NULL) closedir(d);
    return bytes;
}

/* False: it cannot be read now, which a reload would say. */
static bool file_digest(const char *path, struct digest *ret) {
    struct buffer b;
    buffer_init(&b, LIMIT_CONFIG_FILE + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? 1 : -1;
    while (n > 0) {
        char *at = buffer_reserve(&b, 64 << 10);
        n = at == NULL ? 0 : read(fd, at, 64 << 10);
        if (n > 0) b.len += (size_t)n;
    }
    if (fd >= 0) close(fd);
    if (n == 0) digest_sha256(buffer_slice(&b), ret);
    buffer_deinit(&b);
    return n == 0;
}

static void look_slowly(struct self_wire *w, const struct policy *p, int64_t mono_us, int64_t wall_us) {
    struct statvfs v;
    int64_t expires;
    w->ledger_bytes = ledger_size(w->s.data_dir);
    w->disk_free = statvfs(w->s.data_dir, &v) == 0 ? (int64_t)(v.f_bavail * v.f_frsize) : -1;
    w->certificate_left_s = p->server.tls_cert == NULL ? INFINITY : certificate_expires(slice_of(p->server.tls_cert), &expires) ? (double)(expires - wall_us) / 1e6 : NAN;
    w->slow_us = mono_us;
}

static void look_at_file(struct self_wire *w, const struct policy *p, int64_t mono_us) {
    struct digest now;
    if (w->s.config == NULL || !file_digest(w->s.config, &now)) return;
    if (!w->known || w->revision != p->revision) { /* it has just been read */
        w->known = true;
        w->revision = p->revision;
        w->in_force = now;
    }
    if (digest_eq(&now, &w->in_force)) w->stale_us = 0;
    else if (w->stale_us == 0) w->stale_us = mono_us;
    w->stale_s = w->stale_us == 0 ? 0 : (double)(mono_us - w->stale_us) / 1e6;
}

/* ---- watchers ---- */

struct jobs { struct self_watcher all[WATCHERS]; unsigned n; struct arena *arena; struct signals *signals; };

static void add_job(void *arg, const struct job_state *j) {
    struct jobs *x = arg;
    if (x->n == WATCHERS) return;
    int64_t late = j->overdue ? (j->age_s - j->every_s) * 1000000 : 0;
    struct slice name = arena_slice(x->arena, slice_of(j->name)), error = arena_slice(x->arena, slice_make(j->error, strlen(j->error) + 1));
    if (slice_is_null(name) || slice_is_null(error)) return;
    x->all[x->n++] = (struct self_watcher){arena_text(x->arena, name), late > 0 ? late : 0, j->every_s * 1000000, error.at};
    struct signal_series s = {.by = SIGNAL_BY_BIT(WATCHER)};
    s.is[SIGNAL_BY_WATCHER] = name;
    if (x->signals != NULL) signals_read(x->signals, SIGNAL_WATCH_SILENT, &s, late > 0 ? (double)late / 1e6 : 0);
}

/* ---- budgets ---- */

struct budgets { struct budget_view all[BUDGETS]; unsigned n; struct arena *arena; };

static void add_budget(void *arg, const struct budget_view *v) {
    struct budgets *b = arg;
    if (b->n == BUDGETS) return;
    struct budget_view *copy = &b->all[b->n++];
    *copy = *v;
    for (unsigned i = 0; i < v->budget->scope.n_terms; i++) copy->values[i] = arena_slice(b->arena, v->values[i]);
}

/* A budget that is told apart by values has one reading: its worst. */
static void read_budgets(struct self_wire *w, struct signals *signals, struct arena *arena, int64_t wall_us) {
    struct budgets *b = mem_new(struct budgets);
    b->arena = arena;
    struct policy *p = w->s.policy(w->s.ctx); /* budgets of a policy that has gone are not looked at */
    w->s.budgets(w->s.ctx, add_budget, b);
    for (unsigned k = 0; k < p->n_budgets; k++) {
        struct signal_series s = {.by = SIGNAL_BY_BIT(BUDGET) | SIGNAL_BY_BIT(APPLICATION)};
        double over = NAN;
        s.is[SIGNAL_BY_BUDGET] = slice_of(p->budgets[k].name);
        s.is[SIGNAL_BY_APPLICATION] = SLICE("");
        for (unsigned i = 0; i < b->n; i++) {
            const struct budget_view *v = &b->all[i];
            struct budget_outlook o = {.plan_ratio = NAN};
            struct error error;
            if (v->budget != &p->budgets[k] || v->budget->limit_nano <= 0) continue;
            double now = (double)v->spent_nano / (double)v->budget->limit_nano - 1;
            if (w->s.ledger != NULL && v->spent_nano > 0 && outlook_of_budget(w->s.ledger, w->outlooks, v, wall_us, &o, &error) == FAULT_NONE && o.plan_ratio - 1 > now) now = o.plan_ratio - 1;
            for (unsigned t = 0; t < v->budget->scope.n_terms; t++)
                if (v->budget->scope.terms[t].by == SCOPE_BY_APPLICATION && !(over >= now)) s.is[SIGNAL_BY_APPLICATION] = v->values[t];
            if (!(over >= now)) over = now;
        }
        signals_read(signals, SIGNAL_COST_OVER, &s, over);
    }
    policy_drop(p);
    mem_free(b);
}

/* ---- a look ---- */

static void put(struct signals *s, enum signal which, double value) {
    const struct signal_series none = {.by = 0};
    if (s != NULL) signals_read(s, which, &none, value);
}

enum fault self_wire_look(struct self_wire *w, struct signals *signals, struct arena *arena, struct finding **ret, unsigned *ret_n, struct error *error) {
    int64_t mono_us = clock_us(), wall_us = clock_wall_us();
    struct recorder_stats recorded;
    struct ledger_writer_stats written;
    struct jobs *jobs = mem_new(struct jobs);
    struct policy *p = w->s.policy(w->s.ctx);
    recorder_stats(w->s.recorder, &recorded);
    ledger_writer_stats(w->s.writer, &written);
    jobs->arena = arena;
    jobs->signals = signals;
    if (w->slow_us == 0 || mono_us - w->slow_us >= virtual_time_cadence(SLOWLY_US)) look_slowly(w, p, mono_us, wall_us);
    look_at_file(w, p, mono_us);
    policy_drop(p);
    if (w->s.jobs != NULL) w->s.jobs(w->s.jobs_ctx, add_job, jobs);
    if (signals != NULL && w->s.budgets != NULL && (w->budgets_us == 0 || mono_us - w->budgets_us >= virtual_time_cadence(BUDGETS_US))) {
        read_budgets(w, signals, arena, wall_us);
        w->budgets_us = mono_us;
    }
    struct self_readings r = {.recorder_lag_s = lag(w, &recorded, mono_us), .records_lost = recorded.lost, .ledger_failures = written.failures,
                              .ledger_bytes = w->ledger_bytes, .disk_free_bytes = w->disk_free, .clock_step_s = step(w, mono_us, wall_us),
                              .policy_stale_s = w->stale_s, .certificate_left_s = w->certificate_left_s, .recorder_full = recorded.full,
                              .watchers = jobs->all, .n_watchers = jobs->n};
    put(signals, SIGNAL_RECORDER_LAG, r.recorder_lag_s);
    put(signals, SIGNAL_RECORDS_LOST, (double)r.records_lost);
    put(signals, SIGNAL_LEDGER_BYTES, (double)r.ledger_bytes);
    put(signals, SIGNAL_DISK_FREE, r.disk_free_bytes >= 0 ? (double)r.disk_free_bytes : NAN);
    put(signals, SIGNAL_CLOCK_STEP, fabs(r.clock_step_s));
    put(signals, SIGNAL_POLICY_STALE, r.policy_stale_s);
    put(signals, SIGNAL_CERTIFICATE, isinf(r.certificate_left_s) ? NAN : r.certificate_left_s);
    enum fault fault = watch_self_findings(&r, wall_us, arena, ret, ret_n, error);
    mem_free(jobs);
    return fault;
}
