/* Every state of a version and every step of a promotion, killed and starved of space at every write: the store is as it was before the change
 * or as it is after it, never between; the audit log is whole; and who goes on gets exactly one outcome.
 *
 * What the store writes goes through the functions below, which this program puts in place of the C library's: at the wanted write the
 * process kills itself (before it, or with half of it written), or the disk is full from there on. Nothing waits for the disk: a kill loses nothing
 * that was written. */
#include "test_store_changes_rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static struct arena arena;

/* ---- writes that fail ---- */

enum ending { ENDS_WELL, KILLED_BEFORE, KILLED_WITHIN, DISK_FULL };
static enum ending ending;
static unsigned countdown; /* writes until then; 0: now */

static void die(void) { kill(getpid(), SIGKILL); }

/* How many of `n` bytes are written; -1: the disk is full. */
static ssize_t allowed(size_t n) {
    if (ending == ENDS_WELL) return (ssize_t)n;
    if (countdown > 0) {
        countdown--;
        return (ssize_t)n;
    }
    if (ending == KILLED_BEFORE) die();
    if (ending == KILLED_WITHIN) return (ssize_t)(n / 2);
    errno = ENOSPC;
    return -1;
}

#define REAL(name, type) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))
typedef ssize_t pwrite_function(int fd, const void *bytes, size_t n, off_t at);
typedef ssize_t write_function(int fd, const void *bytes, size_t n);

static ssize_t put_at(const char *name, int fd, const void *bytes, size_t n, off_t at) {
    ssize_t most = allowed(n);
    if (most < 0) return -1;
    ssize_t done = REAL(name, pwrite_function *)(fd, bytes, (size_t)most, at);
    if (ending == KILLED_WITHIN && (size_t)most < n) die();
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at);
ssize_t write(int fd, const void *bytes, size_t n);
int ftruncate(int fd, off_t size);
int ftruncate64(int fd, off_t size);
int fsync(int fd);
int fdatasync(int fd);

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return put_at("pwrite", fd, bytes, n, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at) { return put_at("pwrite64", fd, bytes, n, at); }
ssize_t write(int fd, const void *bytes, size_t n) {
    ssize_t most = fd > STDERR_FILENO ? allowed(n) : (ssize_t)n;
    if (most < 0) return -1;
    ssize_t done = REAL("write", write_function *)(fd, bytes, (size_t)most);
    if (ending == KILLED_WITHIN && (size_t)most < n) die();
    return done;
}
int ftruncate(int fd, off_t size) { return allowed(1) <= 0 && ending == DISK_FULL ? -1 : REAL("ftruncate", int (*)(int, off_t))(fd, size); }
int ftruncate64(int fd, off_t size) { return allowed(1) <= 0 && ending == DISK_FULL ? -1 : REAL("ftruncate64", int (*)(int, off_t))(fd, size); }
int fsync(int fd) {
    (void)fd;
    (void)allowed(1); /* between two writes */
    return 0;
}
int fdatasync(int fd) { return fsync(fd); }

/* ---- the walk ---- */

struct step {
    const char *action;
    const char *add;             /* body of a new version */
    struct change_move moves[2];
    unsigned n_moves;
    int64_t production;
    const char *verdict;         /* of an approval of version `of` */
    int64_t of;
    const char *gate;            /* of version `of` */
    int raise;                   /* class of version `of` */
    const char *label;           /* to version `of` */
    enum { NO_ROLLOUT, BEGINS, CHANGES } rollout;
    enum rollout_stage stage;
    enum rollout_state state;
    unsigned epoch;
    uint32_t weight_ppm;
};
#define MOVE(v, a, b) .moves = {{v, VERSION_##a, VERSION_##b}}, .n_moves = 1
#define MOVES(v, a, b, w, c, d) .moves = {{v, VERSION_##a, VERSION_##b}, {w, VERSION_##c, VERSION_##d}}, .n_moves = 2
#define ROLLOUT(how, in, is, at, ppm) .rollout = how, .stage = STAGE_##in, .state = ROLLOUT_##is, .epoch = at, .weight_ppm = ppm

static const struct step steps[] = {
    {"apply, the first", .add = "{\"v\":1}"},
    {"submit, raised", MOVE(1, DRAFT, IN_REVIEW), .of = 1, .raise = 2},
    {"the gate runs", .of = 1, .gate = "{\"state\":\"running\"}"},
    {"approve", .of = 1, .verdict = "approve"},
    {"evaluated", MOVE(1, IN_REVIEW, EVALUATED), .of = 1, .gate = "{\"verdict\":\"yes\"}"},
    {"the first serves at once", MOVE(1, EVALUATED, PRODUCTION), .production = 1},
    {"apply", .add = "{\"v\":2}"},
    {"label", .of = 2, .label = "staging"},
    {"submit", MOVE(2, DRAFT, IN_REVIEW)},
    {"reject", MOVE(2, IN_REVIEW, REJECTED), .of = 2, .verdict = "reject"},
    {"submit again", MOVE(2, REJECTED, IN_REVIEW)},
    {"override", MOVE(2, IN_REVIEW, EVALUATED), .of = 2, .verdict = "override"},
    {"start in shadow", MOVE(2, EVALUATED, SHADOW), ROLLOUT(BEGINS, SHADOW, PROGRESSING, 0, 0)},
    {"shadow to canary", MOVE(2, SHADOW, CANARY), ROLLOUT(CHANGES, CANARY, PROGRESSING, 1, 50000)},
    {"pause", ROLLOUT(CHANGES, CANARY, PAUSED, 1, 50000)},
    {"resume", ROLLOUT(CHANGES, CANARY, PROGRESSING, 1, 50000)},
    {"a step", ROLLOUT(CHANGES, CANARY, PROGRESSING, 2, 250000)},
    {"promote", MOVES(2, CANARY, PRODUCTION, 1, PRODUCTION, SUPERSEDED), .production = 2, ROLLOUT(CHANGES, CANARY, PROMOTED, 3, 1000000)},
    {"rollback by hand", MOVES(2, PRODUCTION, ROLLED_BACK, 1, SUPERSEDED, PRODUCTION), .production = 1, ROLLOUT(CHANGES, CANARY, ROLLED_BACK, 4, 0)},
    {"submit what was rolled back", MOVE(2, ROLLED_BACK, IN_REVIEW)},
    {"reject, evaluated", MOVE(2, IN_REVIEW, EVALUATED)},
    {"start a canary", MOVE(2, EVALUATED, CANARY), ROLLOUT(BEGINS, CANARY, PROGRESSING, 0, 50000)},
    {"a guardrail fails", MOVE(2, CANARY, ROLLED_BACK), ROLLOUT(CHANGES, CANARY, ROLLED_BACK, 1, 0)},
    {"apply the fix", .add = "{\"v\":3}"},
    {"submit, evaluated", MOVE(3, DRAFT, EVALUATED)},
    {"start directly", MOVES(3, EVALUATED, PRODUCTION, 1, PRODUCTION, SUPERSEDED), .production = 3, ROLLOUT(BEGINS, DIRECT, PROMOTED, 0, 1000000)},
    {"back to the first", MOVES(3, PRODUCTION, ROLLED_BACK, 1, SUPERSEDED, PRODUCTION), .production = 1},
    {"submit the second", MOVES(2, ROLLED_BACK, SHADOW, 3, ROLLED_BACK, IN_REVIEW), ROLLOUT(BEGINS, SHADOW, PROGRESSING, 0, 0)},
    {"abort", MOVE(2, SHADOW, ROLLED_BACK), ROLLOUT(CHANGES, SHADOW, ABORTED, 1, 0)},
};
enum { STEPS = sizeof steps / sizeof *steps };

struct parts { /* what a change points at */
    struct change change;
    struct change_version version;
    struct change_approval approval;
    struct rollout_row rollout;
};

/* A copy points at its own. */
static void own(struct parts *p) {
    if (p->change.add != NULL) p->change.add = &p->version;
    if (p->change.approval != NULL) p->change.approval = &p->approval;
    if (p->change.rollout != NULL) p->change.rollout = &p->rollout;
}

static void compose(struct registry *r, const struct step *s, struct parts *p) {
    struct change *c = &p->change;
    *p = (struct parts){.change = change_by("anna", s->action)};
    c->audit.reason = SLICE("the reason of it, long enough to be seen");
    c->if_revision = s == steps ? 0 : subject(r, &arena).revision;
    if (s->add != NULL) {
        p->version = version_of(s->add, s == steps ? 0 : 1);
        c->add = &p->version;
    }
    memcpy(c->moves, s->moves, sizeof s->moves);
    c->n_moves = s->n_moves;
    c->production = s->production;
    p->approval = (struct change_approval){s->of, SLICE("bob"), slice_of(s->verdict), SLICE("because"), AT};
    if (s->verdict != NULL) c->approval = &p->approval;
    if (s->gate != NULL) c->gate_version = s->of;
    c->gate = slice_of(s->gate);
    if (s->raise > 0) c->raise_version = s->of;
    c->raise_to = s->raise;
    c->label = slice_of(s->label);
    c->label_version = s->label != NULL ? s->of : 0;
    if (s->rollout == NO_ROLLOUT) return;
    if (s->rollout == BEGINS) p->rollout = (struct rollout_row){.candidate = 2, .control = 1, .plan = SLICE("{}"), .salt = 7, .started_us = AT};
    else assert_int_equal(rollout_find(r, PROMPT, NAME, &arena, &p->rollout, NULL), FAULT_NONE);
    p->rollout.stage = s->stage;
    p->rollout.state = s->state;
    p->rollout.epoch = s->epoch;
    p->rollout.weight_ppm = s->weight_ppm;
    p->rollout.verdict = SLICE("Inconclusive");
    c->rollout = &p->rollout;
}

/* All that changes change, as one text. */
static const char *content(const struct rig *rig) {
    static char text[64 << 10];
    static const char *const tables[] = {"change_subject", "change_version", "change_label", "change_approval", "rollout", "audit"};
    static const char *const columns[] = {"name || revision || newest || production || launched || changed_by || changed_how",
                                          "version || state || state_by || state_us || parent || class_raised || ifnull(gate, '-') || body",
                                          "label || version", "version || verdict || by", "number || candidate || stage || state || epoch || weight_ppm || ended_us",
                                          "number || action || subject || detail || hex(chain)"};
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    size_t n = 0;
    text[0] = 0;
    struct database *db = database_open(rig_path(rig, "registry.db"), &(struct database_options){0}, &fault, &error);
    if (db == NULL) fail_msg("%s", error.text);
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[300];
        struct statement *s;
        bool row = true;
        snprintf(sql, sizeof sql, "CREATE TEMP VIEW one%u AS SELECT %s AS line FROM %s ORDER BY 1", i, columns[i], tables[i]);
        assert_int_equal(database_exec(db, sql, &error), FAULT_NONE);
        static const char *const reads[] = {"SELECT line FROM one0", "SELECT line FROM one1", "SELECT line FROM one2", "SELECT line FROM one3", "SELECT line FROM one4", "SELECT line FROM one5"};
        assert_int_equal(statement_of(db, reads[i], &s, &error), FAULT_NONE);
        while (statement_step(s, &row, &error) == FAULT_NONE && row)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s: " SLICE_FMT "\n", tables[i], SLICE_ARG(statement_bytes(s, 0)));
        statement_reset(s);
        assert_true(n < sizeof text);
    }
    database_close(db);
    return text;
}

/* The folder as it was kept before the step. */
static void restore(const struct rig *rig) {
    char kept[200];
    unlink(rig_path(rig, "registry.db-wal"));
    unlink(rig_path(rig, "registry.db-shm"));
    snprintf(kept, sizeof kept, "%s/kept.db", rig->dir);
    rig_copy_file(kept, rig_path(rig, "registry.db"));
}

/* In a process of its own; its exit status, or -1 where it was killed. */
static int in_a_child(const struct rig *rig, const struct step *s, enum ending how, unsigned after) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct parts p;
        bool fresh;
        struct registry *r = open_registry(rig);
        compose(r, s, &p);
        ending = how;
        countdown = after;
        enum fault fault = changes_commit(r, &p.change, &fresh, NULL);
        bool met = how == ENDS_WELL || countdown > 0;
        registry_close(r); /* the log is brought home */
        _exit(fault == FAULT_NONE ? (met && countdown > 0 ? 0 : 1) : fault == FAULT_NO_SPACE ? 2 : 3);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return -1;
    }
    return WEXITSTATUS(status);
}

struct walk {
    struct parts parts;      /* as composed from what was there before */
    char *before, *after;
    unsigned befores, afters, starved;
};

/* One outcome; the text has the chain of the audit log. Where `again` is, whoever goes on with what it had read gets it, or is told. */
static void check(const struct rig *rig, const struct step *s, struct walk *w, bool again, const char *where) {
    const char *found = content(rig);
    bool is_before = strcmp(found, w->before) == 0, is_after = strcmp(found, w->after) == 0, fresh;
    if (!is_before && !is_after) fail_msg("%s, %s: between:\n%s\nbefore:\n%s\nafter:\n%s", s->action, where, found, w->before, w->after);
    w->befores += is_before;
    w->afters += is_after;
    if (!again) return;
    struct registry *r = open_registry(rig);
    struct parts p = w->parts;
    struct change *c = &p.change;
    own(&p);
    fresh = false;
    enum fault fault = changes_commit(r, c, &fresh, NULL);
    if (fault != (is_before || (c->if_revision == 0 && !fresh) ? FAULT_NONE : FAULT_CONFLICT)) fail_msg("%s, %s, again: %s", s->action, where, fault_name(fault));
    assert_int_equal(first_bad(r), 0);
    registry_close(r);
    assert_string_equal(content(rig), w->after);
}

/* Children are slow under a sanitizer, and what it looks for is in each of them: every fourth write will do there. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { EACH = 4, SOME = 9 };
#else
enum { EACH = 1, SOME = 3 };
#endif

static void walk_step(const struct rig *rig, const struct step *s, struct walk *w, enum ending how) {
    enum { MOST = 400, AGAIN = 5 };
    char where[64];
    unsigned by = how == KILLED_BEFORE ? EACH : SOME, first = how == KILLED_BEFORE ? 0 : (unsigned)(s - steps) % by;
    for (unsigned k = first; k < MOST; k += by) {
        restore(rig);
        int status = in_a_child(rig, s, how, k);
        snprintf(where, sizeof where, "ending %d at write %u: %d", how, k, status);
        if (status == 3) fail_msg("%s, %s: another fault", s->action, where);
        w->starved += status == 2;
        check(rig, s, w, k % AGAIN == 0, where);
        if (status == 0) return; /* it ended before that many writes */
    }
    fail_msg("%s writes without an end", s->action);
}

static void every_step_is_before_or_after(void **state) {
    struct rig *rig = *state;
    char kept[200], *texts[2];
    snprintf(kept, sizeof kept, "%s/kept.db", rig->dir);
    registry_close(open_registry(rig));
    for (unsigned i = 0; i < STEPS; i++) {
        struct walk w = {0};
        rig_copy_file(rig_path(rig, "registry.db"), kept);
        texts[0] = strdup(content(rig));
        struct registry *r = open_registry(rig);
        compose(r, &steps[i], &w.parts);
        struct parts p = w.parts; /* numbers are filled in */
        own(&p);
        commit(r, &p.change);
        registry_close(r);
        texts[1] = strdup(content(rig));
        w.before = texts[0];
        w.after = texts[1];
        assert_string_not_equal(w.before, w.after);
        for (enum ending how = KILLED_BEFORE; how <= DISK_FULL; how++) walk_step(rig, &steps[i], &w, how);
        /* it would show nothing if there were not both, and a disk that was full */
        if (w.befores < 3 || w.afters < 3 || w.starved == 0)
            fail_msg("%s: %u times before, %u after, %u without space", steps[i].action, w.befores, w.afters, w.starved);
        free(texts[0]);
        free(texts[1]);
        arena_reset(&arena);
    }
}

/* ---- two at once ---- */

static int race(const struct rig *rig, int go, uint64_t seen, enum version_state to) {
    char byte;
    struct registry *r = open_registry(rig);
    struct change c = change_by(to == VERSION_REJECTED ? "bob" : "carl", "race");
    struct error error = {0};
    bool fresh;
    c.if_revision = seen;
    c.moves[c.n_moves++] = (struct change_move){1, VERSION_IN_REVIEW, to};
    if (read(go, &byte, 1) < 0) return 9;
    enum fault fault = changes_commit(r, &c, &fresh, &error);
    registry_close(r);
    if (fault == FAULT_NONE) return 0;
    return fault == FAULT_CONFLICT && strstr(error.text, to == VERSION_REJECTED ? "race by carl" : "race by bob") != NULL ? 1 : 2;
}

static void one_of_two_processes_wins(void **state) {
    enum { ROUNDS = 15 };
    struct rig *rig = *state;
    struct registry *r = open_registry(rig);
    add(r, "{}", 0);
    move(r, 1, VERSION_DRAFT, VERSION_IN_REVIEW);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t seen = subject(r, &arena).revision;
        int64_t entries = rig_number(rig, "registry.db", "SELECT count(*) FROM audit");
        registry_close(r); /* no connection is carried over a fork */
        int go[2], won = 0, told = 0, status;
        assert_int_equal(pipe(go), 0);
        for (int k = 0; k < 2; k++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                close(go[1]);
                _exit(race(rig, go[0], seen, k ? VERSION_REJECTED : VERSION_EVALUATED));
            }
        }
        close(go[0]);
        close(go[1]); /* both go */
        for (int k = 0; k < 2; k++) {
            assert_true(wait(&status) > 0);
            assert_true(WIFEXITED(status));
            won += WEXITSTATUS(status) == 0;
            told += WEXITSTATUS(status) == 1;
        }
        assert_true(won == 1 && told == 1);
        r = open_registry(rig);
        assert_int_equal(subject(r, &arena).revision, seen + 1);
        assert_int_equal(rig_number(rig, "registry.db", "SELECT count(*) FROM audit"), entries + 1);
        enum version_state now = version(r, &arena, "1").state;
        assert_true(now == VERSION_REJECTED || now == VERSION_EVALUATED);
        move(r, 1, now, VERSION_IN_REVIEW);
        arena_reset(&arena);
    }
    assert_int_equal(first_bad(r), 0);
    registry_close(r);
}

/* ---- a disk that is really full ---- */

static void fill_a_disk(struct rig *rig) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", rig->dir, "tmpfs", 0, "size=4m") != 0)
        _exit(77);
    char bytes[4096] = {1};
    struct error error = {0};
    bool fresh;
    struct registry *r = open_registry(rig);
    add(r, "{}", 0);
    move(r, 1, VERSION_DRAFT, VERSION_PRODUCTION);
    uint64_t before = subject(r, &arena).revision;
    int fd = open(rig_path(rig, "filler"), O_CREAT | O_WRONLY, 0600);
    while (write(fd, bytes, sizeof bytes) > 0) continue;
    unsigned done = 0;
    for (enum fault fault = FAULT_NONE; fault == FAULT_NONE; done++) { /* the write-ahead log may have a page or two of its own */
        struct change c = change_by("anna", "prompt.label");
        if (done > 1000) _exit(1);
        c.label = SLICE("staging");
        c.label_version = 1;
        fault = changes_commit(r, &c, &fresh, &error);
        if (fault != FAULT_NONE && fault != FAULT_NO_SPACE) _exit(2);
    }
    if (subject(r, &arena).revision != before + done - 1 || first_bad(r) != 0) _exit(3);
    if (version(r, &arena, "").version != 1) _exit(4); /* reading goes on */
    if (ftruncate(fd, 0) != 0) _exit(5);
    struct change c = change_by("anna", "prompt.label");
    c.label = SLICE("staging");
    c.label_version = 1;
    if (changes_commit(r, &c, &fresh, &error) != FAULT_NONE) _exit(6);
    registry_close(r);
}

static void a_full_disk_changes_nothing(void **state) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fill_a_disk(*state);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip(); /* needs the right to mount a small file system of its own */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int setup(void **state) {
    arena_init(&arena, 4096, 8 << 20);
    return rig_setup(state);
}
static int teardown(void **state) {
    arena_deinit(&arena);
    return rig_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Some 1,500 times a registry is put back and opened: in memory, where there is such a folder. */
int main(void) {
    if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {TEST(every_step_is_before_or_after), TEST(one_of_two_processes_wins), TEST(a_full_disk_changes_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
