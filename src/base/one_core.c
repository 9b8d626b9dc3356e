#include "base/one_core.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static cpu_set_t before;
static atomic_bool taken;

void one_core_take(void) {
    cpu_set_t one;
    int here = sched_getcpu();
    CPU_ZERO(&one);
    if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof before, &before) != 0) return;
    CPU_SET(here, &one);
    atomic_store(&taken, sched_setaffinity(0, sizeof one, &one) == 0);
}

static void let_all_go(void) {
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) return;
    for (const struct dirent *t = readdir(tasks); t != NULL; t = readdir(tasks)) {
        long tid = strtol(t->d_name, NULL, 10); /* "." and "..": 0 */
        if (tid > 0) (void)sched_setaffinity((pid_t)tid, sizeof before, &before);
    }
    closedir(tasks);
}

void one_core_leave(void) {
    if (!atomic_exchange(&taken, false)) return;
    for (int i = 0; i < 2; i++) let_all_go(); /* the second time those that one of them began meanwhile */
}
