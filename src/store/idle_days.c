#include "store/idle_days.h"

#include "base/mem.h"

#include <pthread.h>
#include <string.h>

enum { KEPT = IDLE_DAYS_KEPT, WARM = 8 }; /* warm, with pages in memory: today's, for each of those who follow it */

struct idle_days {
    pthread_mutex_t lock;
    struct database *kept[KEPT]; /* the newest last */
    unsigned n;
};

struct idle_days *idle_days_new(void) {
    struct idle_days *d = mem_new(struct idle_days);
    pthread_mutex_init(&d->lock, NULL);
    return d;
}

static void close_for_good(struct database *db) {
    if (db == NULL) return;
    database_set_home(db, NULL, NULL);
    database_close(db);
}

static struct database *take_at(struct idle_days *d, unsigned i) {
    struct database *db = d->kept[i];
    memmove(d->kept + i, d->kept + i + 1, (--d->n - i) * sizeof *d->kept);
    return db;
}

static struct database *find(struct idle_days *d, const char *path) {
    struct database *db = NULL;
    pthread_mutex_lock(&d->lock);
    for (unsigned i = d->n; i-- > 0 && db == NULL;)
        if (strcmp(database_path(d->kept[i]), path) == 0) db = take_at(d, i);
    pthread_mutex_unlock(&d->lock);
    return db;
}

struct database *idle_days_take(struct idle_days *d, const char *path) {
    struct database *db = find(d, path);
    if (db == NULL || database_is_there(db)) return db;
    close_for_good(db);
    return NULL;
}

static void put(void *ctx, struct database *db) {
    struct idle_days *d = ctx;
    if (!database_is_there(db)) { /* deleted while it was lent: kept, it would keep the file's room on the disk */
        close_for_good(db);
        return;
    }
    pthread_mutex_lock(&d->lock);
    struct database *oldest = d->n == KEPT ? take_at(d, 0) : NULL;
    d->kept[d->n++] = db;
    if (d->n > WARM) database_cool(d->kept[d->n - 1 - WARM]);
    pthread_mutex_unlock(&d->lock);
    close_for_good(oldest);
}

void idle_days_adopt(struct idle_days *d, struct database *db) { database_set_home(db, put, d); }

void idle_days_forget(struct idle_days *d, const char *path) {
    for (struct database *db; (db = find(d, path)) != NULL;) close_for_good(db);
}

void idle_days_free(struct idle_days *d) {
    if (d == NULL) return;
    while (d->n > 0) close_for_good(take_at(d, 0));
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}
