/* budget.c - what admission costs: reserve and settle pairs a second, all threads together.
 *
 *   budget [SECONDS [THREADS]]
 *
 * Rows: one hard budget that all threads share (the worst case: one counter); that one and a budget for each
 * of 1,000 users; those two and a rate limit. Prints a JSON array: pairs a second in sum, processor time of
 * one of them (which others on the machine do not lengthen), and nanoseconds of one pair on one thread alone.
 */
#include "common.h"

#include "base/digest.h"
#include "cost/governor.h"
#include "model/config.h"

#include <pthread.h>

#define USERS 1000
#define MOST_THREADS 64

static const char *const scopes[] = {"budgets:\n  - {name: all, scope: {application: a}, limit_usd: 1000000, "
                                     "window: month, timezone: Europe/London}\n",
                                     "budgets:\n  - {name: all, scope: {application: a}, limit_usd: 1000000, "
                                     "window: month, timezone: Europe/London}\n"
                                     "  - {name: users, scope: {application: a, user: \"*\"}, limit_usd: "
                                     "1000000, window: day, timezone: Europe/London}\n",
                                     "budgets:\n  - {name: all, scope: {application: a}, limit_usd: 1000000, "
                                     "window: month, timezone: Europe/London}\n"
                                     "  - {name: users, scope: {application: a, user: \"*\"}, limit_usd: "
                                     "1000000, window: day, timezone: Europe/London}\n"
                                     "limits:\n  - {scope: {application: a}, requests_per_minute: "
                                     "1000000000, tokens_per_minute: 1000000000, burst: 1h}\n"};
static const char *const names[] = {"one budget", "two budgets", "two budgets and a limit"};

struct bench {
    struct governor *g;
    const struct application *application;
    int64_t wall_us;
    atomic_bool stop;
};

struct worker {
    struct bench *b;
    pthread_t thread;
    unsigned number;
    uint64_t pairs, refused;
};

static void *work(void *arg) {
    struct worker *w = arg;
    struct verdict v;
    struct reservation r;
    char user[16];
    while (!atomic_load_explicit(&w->b->stop, memory_order_relaxed)) {
        int n = snprintf(user, sizeof user, "u%u", (unsigned)((w->pairs * 7 + w->number) % USERS));
        struct admission_labels labels = {.application = SLICE("a"), .user = slice_make(user, (size_t)n)};
        for (unsigned i = 0; i < 64; i++) {
            int64_t mono_us = (int64_t)(w->pairs + i);
            struct admission_request q = {labels, w->b->application, w->b->wall_us, mono_us, 2000, 0, -1};
            struct settlement s = {
                .labels = labels, .wall_us = w->b->wall_us, .cost_nano = 1000, .tokens = -1};
            governor_admit(w->b->g, &q, &v, &r);
            w->refused += v.outcome == VERDICT_REFUSE;
            governor_settle(w->b->g, &r, &s);
        }
        w->pairs += 64;
    }
    return NULL;
}

static struct policy *policy_of(const char *budgets) {
    static const char head[] = "providers: {p: {dialect: openai, base_url: http://h}}\n"
                               "models: {m: {targets: [{provider: p, model: x}]}}\napplications: {a: }\n";
    char yaml[2048];
    struct config_source source = {0};
    struct problems problems;
    struct arena arena;
    struct policy *p;
    snprintf(yaml, sizeof yaml, "%s%s", head, budgets);
    arena_init(&arena, 4096, 1 << 20);
    if (config_read(slice_of(yaml), "bench", &source, NULL, &arena, &p, &problems) != FAULT_NONE) {
        fprintf(stderr, "budget: %s\n", problems.items[0].text);
        exit(3);
    }
    arena_deinit(&arena);
    return p;
}

static enum fault no_records(void *ctx, int64_t from_us, void (*take)(void *arg, const struct record *r),
                             void *arg, struct error *error) {
    (void)ctx, (void)from_us, (void)take, (void)arg, (void)error;
    return FAULT_NONE;
}

static double processor_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Pairs a second; refusals end the benchmark, for they are cheaper. */
static double run(const char *budgets, unsigned threads, double seconds, double *ret_cpu_ns) {
    struct policy *p = policy_of(budgets);
    struct bench b = {
        .g = governor_new(NULL), .application = &p->applications[0], .wall_us = 1795000000000000};
    struct worker *workers = calloc(threads, sizeof *workers);
    uint64_t pairs = 0, refused = 0, began, took;
    if (!workers) die("calloc");
    governor_install(b.g, p);
    if (governor_fill(b.g, b.wall_us, &(struct record_source){.each = no_records}, NULL) != FAULT_NONE)
        exit(3);
    began = now_ns();
    double cpu = processor_ns();
    for (unsigned i = 0; i < threads; i++) {
        workers[i].b = &b;
        workers[i].number = i;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) die("pthread_create");
    }
    usleep((useconds_t)(seconds * 1e6));
    atomic_store(&b.stop, true);
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        pairs += workers[i].pairs;
        refused += workers[i].refused;
    }
    took = now_ns() - began;
    *ret_cpu_ns = (processor_ns() - cpu) / (double)(pairs > 0 ? pairs : 1);
    if (refused > 0) {
        fprintf(stderr, "budget: %llu of %llu refused\n", (unsigned long long)refused,
                (unsigned long long)pairs);
        exit(3);
    }
    governor_free(b.g);
    policy_drop(p);
    free(workers);
    return (double)pairs * 1e9 / (double)took;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 8;
    if (seconds <= 0 || threads == 0 || threads > MOST_THREADS || !digest_start()) return 2;
    printf("[");
    for (unsigned i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        double cpu_alone, cpu;
        (void)run(scopes[i], 1, seconds, &cpu_alone);
        double together = run(scopes[i], threads, seconds, &cpu);
        printf("%s{\"row\":\"%s\",\"threads\":%u,\"pairs_per_s\":%.0f,\"cpu_ns_per_pair\":%.1f,"
               "\"ns_per_pair_alone\":%.1f}",
               i > 0 ? ",\n " : "", names[i], threads, together, cpu, cpu_alone);
        fflush(stdout);
    }
    printf("]\n");
    return 0;
}
