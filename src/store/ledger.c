/* The ledger's files: names, days, retention. */
#include "store/ledger.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/files.h"
#include "store/ledger_store.h"
#include "store/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_TEXT = 128, DATE_TEXT = 10 };

static const char *prefix_of(enum ledger_kind kind) {
    return kind == LEDGER_RECORDS ? "ledger-" : "payload-";
}

struct ledger *ledger_open(const struct ledger_options *o, struct error *error) {
    if (o->read_only && !files_is_dir(o->dir)) {
        (void)error_set(error, FAULT_NOT_FOUND, "data_dir %s does not exist: no server has run with it",
                        o->dir);
        return NULL;
    }
    if (!o->read_only && files_make_dir(o->dir, error) != FAULT_NONE) return NULL;
    struct ledger *l = mem_new(struct ledger);
    l->dir = mem_text(o->dir);
    l->retention_us = o->retention_us;
    l->read_only = o->read_only;
    l->idle = idle_days_new();
    l->idle_writing = idle_days_new();
    pthread_mutex_init(&l->brought.lock, NULL);
    return l;
}

void ledger_close(struct ledger *l) {
    if (l == NULL) return;
    drain_free(l->drain);
    idle_days_free(l->idle);
    idle_days_free(l->idle_writing);
    pthread_mutex_destroy(&l->brought.lock);
    mem_free(l->dir);
    mem_free(l);
}

/* ---- names ---- */

static void file_name(enum ledger_kind kind, int64_t day, char out[NAME_TEXT]) {
    char date[CLOCK_TEXT];
    clock_format(day * DAY_US, date);
    snprintf(out, NAME_TEXT, "%s%.*s.db", prefix_of(kind), DATE_TEXT, date);
}

char *ledger_path(const struct ledger *l, enum ledger_kind kind, int64_t day) {
    char name[NAME_TEXT];
    file_name(kind, day, name);
    return files_path(l->dir, name);
}

struct finds {
    enum ledger_kind kind;
    bool any_suffix;
    struct days days;
    char **names; /* with any_suffix */
};

static void find(void *ctx, const char *name) {
    struct finds *f = ctx;
    const char *date = name + strlen(prefix_of(f->kind));
    int64_t us;
    if (strlen(date) < DATE_TEXT || !clock_parse(slice_make(date, DATE_TEXT), &us)) return;
    if (strncmp(date + DATE_TEXT, ".db", 3) != 0) return;
    if (!f->any_suffix && date[DATE_TEXT + 3] != 0) return;
    f->days.at = mem_resize(f->days.at, (f->days.n + 1) * sizeof *f->days.at);
    if (f->any_suffix) {
        f->names = mem_resize(f->names, (f->days.n + 1) * sizeof *f->names);
        f->names[f->days.n] = mem_text(name);
    }
    f->days.at[f->days.n++] = us / DAY_US;
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

enum fault ledger_days(const struct ledger *l, enum ledger_kind kind, struct days *ret, struct error *error) {
    struct finds f = {.kind = kind};
    enum fault fault = files_list(l->dir, prefix_of(kind), find, &f, error);
    if (fault != FAULT_NONE) {
        days_deinit(&f.days);
        return fault;
    }
    if (f.days.n > 0) qsort(f.days.at, f.days.n, sizeof *f.days.at, by_number);
    *ret = f.days;
    return FAULT_NONE;
}

void days_deinit(struct days *d) {
    mem_free(d->at);
    *d = (struct days){0};
}

/* ---- deleting and moving ---- */

static const char *const suffixes[] = {"", "-wal", "-shm"};
enum { N_SUFFIXES = sizeof suffixes / sizeof *suffixes, PATH_TEXT = 4096 };

static void forget(struct ledger *l, const char *path) {
    idle_days_forget(l->idle, path);
    idle_days_forget(l->idle_writing, path);
}

void ledger_delete(struct ledger *l, enum ledger_kind kind, int64_t day) {
    char *path = ledger_path(l, kind, day), with[PATH_TEXT];
    forget(l, path);
    for (int i = 0; i < N_SUFFIXES; i++)
        if (snprintf(with, sizeof with, "%s%s", path, suffixes[i]) < PATH_TEXT) unlink(with);
    mem_free(path);
}

void ledger_set_aside(const struct ledger *l, enum ledger_kind kind, int64_t day) {
    char *path = ledger_path(l, kind, day), from[PATH_TEXT], to[PATH_TEXT];
    long long now = clock_wall_us();
    for (int i = 0; i < N_SUFFIXES; i++)
        if (snprintf(from, sizeof from, "%s%s", path, suffixes[i]) < PATH_TEXT &&
            snprintf(to, sizeof to, "%s.damaged-%lld%s", path, now, suffixes[i]) < PATH_TEXT)
            rename(from, to);
    mem_free(path);
}

/* `only`: what the name goes on with after the date. */
static void expire_kind(struct ledger *l, enum ledger_kind kind, const char *only, int64_t before_us) {
    struct finds f = {.kind = kind, .any_suffix = true};
    bool listed = files_list(l->dir, prefix_of(kind), find, &f, NULL) == FAULT_NONE, closed = false;
    for (size_t i = 0; i < f.days.n; i++) {
        const char *rest = f.names[i] + strlen(prefix_of(kind)) + DATE_TEXT;
        if (listed && (f.days.at[i] + 1) * DAY_US <= before_us && strncmp(rest, only, strlen(only)) == 0) {
            if (!closed) drain_close_days(l->drain); /* it may have the day open */
            closed = true;
            char *path = files_path(l->dir, f.names[i]);
            forget(l, path);
            unlink(path);
            mem_free(path);
        }
        mem_free(f.names[i]);
    }
    mem_free(f.names);
    days_deinit(&f.days);
}

void ledger_expire(struct ledger *l, int64_t now_us) {
    if (l->retention_us <= 0 || l->read_only) return;
    expire_kind(l, LEDGER_RECORDS, "", now_us - l->retention_us);
    expire_kind(l, LEDGER_PAYLOADS, ".db.damaged-",
                now_us - l->retention_us); /* nobody can tell whose rows they hold */
}

/* ---- one day, for reading ---- */

enum fault ledger_open_day(const struct ledger *l, enum ledger_kind kind, int64_t day, struct database **ret,
                           struct error *error) {
    char *path = ledger_path(l, kind, day);
    enum fault fault = FAULT_NONE;
    int64_t version = 0;
    struct database *db = idle_days_take(l->idle, path);
    bool checked = db != NULL;
    if (!checked) db = database_open(path, &(struct database_options){.read_only = true}, &fault, error);
    mem_free(path);
    if (checked) {
        *ret = db;
        return FAULT_NONE;
    }
    if (db == NULL) {
        if (fault != FAULT_NOT_FOUND) return fault;
        *ret = NULL;
        return FAULT_NONE;
    }
    fault = database_number(db, "PRAGMA user_version", &version, error);
    /* a file of an older program only lacks what was added since: who reads that, looks at the version */
    if (fault == FAULT_NONE && version > (kind == LEDGER_RECORDS ? schema_ledger.n : schema_payload.n))
        fault = migrate_check(db, kind == LEDGER_RECORDS ? &schema_ledger : &schema_payload, error);
    if (fault != FAULT_NONE || version == 0) { /* 0: the writer is just making it */
        database_close(db);
        db = NULL;
    }
    if (db != NULL) idle_days_adopt(l->idle, db);
    if (fault == FAULT_NONE) *ret = db;
    return fault;
}
