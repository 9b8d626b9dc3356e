/* bench/ledger - how fast the flight recorder drains into the ledger, and what a record costs on the disk.
 *
 *   ledger [-n RECORDS] [-s SECONDS] [-l LANES] [-r RATE] [-y] [DIR]
 *
 * RECORDS realistic records (500,000), spread over SECONDS of wall time (one day), are appended to LANES
 * lanes (2) and drained twice over: from a recorder that is already full of them (what draining alone can
 * do), and while they are being appended (at RATE records a second and lane, if given). -y: SYNC_INTERVAL, so
 * that every commit is synced. DIR is removed afterwards; by default a new folder under the current one. */
#include "store/ledger.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATIONS = 6, USERS = 50000, DAY_START = 1763683200 };

struct settings {
    unsigned records, lanes, rate;
    int64_t seconds;
    enum recorder_sync sync;
    char dir[256];
};

static uint64_t next(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static unsigned below(uint64_t *state, unsigned n) {
    return (unsigned)(next(state) % n);
}
/* Small values are common, large ones rare: 2^(bits of a random length). */
static int64_t skewed(uint64_t *state, unsigned bits) {
    return (int64_t)(next(state) & ((1ull << (2 + below(state, bits))) - 1)) + 1;
}

struct texts {
    char user[32], session[40], key[32];
};

static void realistic(struct record *r, struct texts *t, uint64_t *state, int64_t wall_us) {
    static const char *const applications[APPLICATIONS] = {
        "support-assistant", "search", "contract-review", "internal-copilot", "summaries", "onboarding-bot"};
    static const char *const types[] = {"chat-short", "chat-long", "summary"};
    static const char *const features[] = {"reply-draft", "inline-answer", "ticket-triage", "export"};
    static const char *const teams[] = {"growth", "platform", "legal-ops"};
    static const char *const models[][2] = {{"gpt-4o-mini", "gpt-4o-mini-2024-07-18"},
                                            {"gpt-4o", "gpt-4o-2024-11-20"},
                                            {"claude-sonnet-4", "claude-sonnet-4-20250514"}};
    static const char *const tags[] = {"env=prod,region=eu-west-1", "env=prod,region=us-east-1",
                                       "env=staging"};
    unsigned a = below(state, 2) ? below(state, 2) : below(state, APPLICATIONS),
             m = (a + below(state, 5) / 4) % 3;
    bool failed = below(state, 50) == 0;
    record_init(r);
    record_id_new(&r->id, wall_us);
    r->time_us = wall_us + below(state, 20000);
    snprintf(t->user, sizeof t->user, "user-%05u", (unsigned)(skewed(state, 15) * 7919 % USERS));
    snprintf(t->session, sizeof t->session, "sess_%016llx", (unsigned long long)next(state) >> 40);
    snprintf(t->key, sizeof t->key, "%s-%s", applications[a], below(state, 4) ? "prod" : "ci");
    r->application = slice_of(applications[a]);
    r->key = slice_of(t->key);
    r->user = slice_of(t->user);
    r->session = slice_of(t->session);
    r->feature = slice_of(features[a % 4]);
    r->team = slice_of(teams[a % 3]);
    r->request_type = slice_of(types[(a + below(state, 3) / 2) % 3]);
    r->tags = slice_of(tags[below(state, 10) / 9 + (a == 5)]);
    r->dialect = SLICE("openai");
    r->endpoint = ENDPOINT_CHAT;
    r->model = SLICE("support-chat");
    r->provider = m == 2 ? SLICE("anthropic-eu") : SLICE("openai-main");
    r->target_model = slice_of(models[m][0]);
    r->upstream_model = slice_of(models[m][1]);
    r->system_fingerprint = m == 2 ? SLICE_NULL : SLICE("fp_0ba0d124f1");
    r->finish_reason = failed ? SLICE_NULL : below(state, 20) ? SLICE("stop") : SLICE("length");
    r->prompt_name = a < 3 ? SLICE("reply-with-sources") : SLICE_NULL;
    r->prompt_version = a < 3 ? SLICE("7") : SLICE_NULL;
    r->stream = below(state, 3) > 0;
    r->status = failed ? RECORD_ERROR : RECORD_OK;
    r->error = failed ? FAULT_UP_OVERLOADED : FAULT_NONE;
    r->error_text = failed ? SLICE("the provider answered 529: overloaded_error") : SLICE_NULL;
    r->http_status = failed ? 503 : 200;
    r->n_attempts = failed ? 3 : 1;
    for (unsigned i = 0; i < r->n_attempts; i++)
        r->attempts[i] = (struct record_attempt){r->provider, r->target_model, failed ? 529 : 200, r->error,
                                                 700 + below(state, 4000)};
    r->usage.input = 200 + skewed(state, 12);
    r->usage.cache_read = below(state, 2) ? r->usage.input / 2 : 0;
    r->usage.output = failed ? USAGE_NULL : skewed(state, 10);
    r->usage.reasoning = 0;
    r->cost_nano = failed ? MONEY_UNKNOWN : r->usage.input * 150 + r->usage.output * 600;
    r->ttft_us = failed || !r->stream ? -1 : 180000 + (int64_t)below(state, 900000);
    r->duration_us = 400000 + r->usage.output * 12000 + below(state, 300000);
    r->overhead_us = 80 + below(state, 200);
    r->request_bytes = r->usage.input * 5;
    r->response_bytes = 600 + r->usage.output * (r->stream ? 180 : 5);
    r->has_system_prompt = true;
    memset(r->system_prompt_hash, 0x5a + (int)a, sizeof r->system_prompt_hash);
}

struct producer {
    pthread_t thread;
    const struct settings *settings;
    struct recorder *recorder;
    unsigned lane;
    uint64_t encoded_bytes, refused;
    int64_t slowest_us, append_us;
    unsigned over_ms, over_10us;
    bool paced;
};

static void pace(int64_t start, unsigned done, unsigned rate) {
    int64_t ahead = start + (int64_t)done * 1000000 / rate - clock_us();
    if (ahead > 1000) clock_sleep_us(ahead);
}

static void *produce(void *ctx) {
    struct producer *p = ctx;
    const struct settings *o = p->settings;
    uint64_t state = p->lane + 1;
    int64_t start = clock_us();
    struct buffer b;
    buffer_init(&b, LIMIT_RECORD);
    for (unsigned i = p->lane; i < o->records; i += o->lanes) {
        struct record r;
        struct texts t;
        realistic(&r, &t, &state,
                  (DAY_START + (int64_t)0) * 1000000 + (int64_t)i * (o->seconds * 1000000 / o->records));
        buffer_clear(&b);
        if (!record_encode(&r, &b)) abort();
        p->encoded_bytes += b.len;
        int64_t before = clock_us();
        while (recorder_append(p->recorder, p->lane, FRAME_RECORD, buffer_slice(&b)) != FAULT_NONE) {
            p->refused++;
            clock_sleep_us(1000);
        }
        int64_t took = clock_us() - before;
        p->append_us += took;
        if (took > p->slowest_us) p->slowest_us = took;
        p->over_10us += took > 10;
        p->over_ms += took > 1000;
        if (p->paced) pace(start, i / o->lanes + 1, o->rate);
    }
    buffer_deinit(&b);
    return NULL;
}

static struct recorder *open_recorder(const struct settings *o, unsigned max_segments) {
    struct error error = {0};
    struct recorder_options options = {o->dir,       o->lanes, LIMIT_SEGMENT_DEFAULT,
                                       max_segments, o->sync,  200000};
    struct recorder *r = recorder_open(&options, &error);
    if (r == NULL) fprintf(stderr, "%s\n", error.text), exit(3);
    return r;
}

static struct ledger *open_ledger(const struct settings *o) {
    struct error error = {0};
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = o->dir}, &error);
    if (l == NULL) fprintf(stderr, "%s\n", error.text), exit(3);
    return l;
}

/* Sizes of what begins with `prefix`, or removal of everything. */
static uint64_t sweep(const struct settings *o, const char *prefix, bool remove_all) {
    DIR *d = opendir(o->dir);
    uint64_t bytes = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        char path[600];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", o->dir, e->d_name);
        if (remove_all && e->d_name[0] != '.') unlink(path);
        else if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && stat(path, &st) == 0)
            bytes += (uint64_t)st.st_size;
    }
    if (d != NULL) closedir(d);
    return bytes;
}

static void run_producers(const struct settings *o, struct recorder *r, struct producer *p, bool paced) {
    for (unsigned i = 0; i < o->lanes; i++) {
        p[i] = (struct producer){.settings = o, .recorder = r, .lane = i, .paced = paced};
        pthread_create(&p[i].thread, NULL, produce, &p[i]);
    }
}

static void report_producers(const struct settings *o, struct producer *p) {
    uint64_t bytes = 0, refused = 0;
    int64_t slowest = 0, total = 0;
    unsigned over_ms = 0, over_10us = 0;
    for (unsigned i = 0; i < o->lanes; i++) {
        bytes += p[i].encoded_bytes;
        refused += p[i].refused;
        total += p[i].append_us;
        over_ms += p[i].over_ms;
        over_10us += p[i].over_10us;
        if (p[i].slowest_us > slowest) slowest = p[i].slowest_us;
    }
    printf("  appends: %.2f us mean, %u over 10 us, %u over 1 ms, %lld us slowest, %.0f bytes a frame, %llu "
           "refused\n",
           (double)total / o->records, over_10us, over_ms, (long long)slowest, (double)bytes / o->records,
           (unsigned long long)refused);
}

static void report_drain(const struct settings *o, const char *name, int64_t us) {
    printf("%s: %.0f records/s\n", name, o->records / ((double)us / 1e6));
}

static void drain_full(const struct settings *o) {
    struct recorder *r = open_recorder(o, 100000);
    struct ledger *l = open_ledger(o);
    struct producer *p = mem_new_array(struct producer, o->lanes);
    struct error error = {0};
    run_producers(o, r, p, false);
    for (unsigned i = 0; i < o->lanes; i++) pthread_join(p[i].thread, NULL);
    int64_t before = clock_us();
    while (ledger_drain_once(l, r, &error) > 0) continue;
    if (error.fault != FAULT_NONE) printf("  failed: %s\n", error.text);
    report_drain(o, "drain alone", clock_us() - before);
    report_producers(o, p);
    recorder_close(r);
    ledger_close(l);
    mem_free(p);
}

static void drain_live(const struct settings *o) {
    struct recorder *r = open_recorder(o, LIMIT_SEGMENTS_DEFAULT);
    struct ledger *l = open_ledger(o);
    struct producer *p = mem_new_array(struct producer, o->lanes);
    struct error error = {0};
    struct ledger_writer_stats stats;
    int64_t before = clock_us();
    struct ledger_writer *w = ledger_writer_start(l, r, NULL, NULL, &error);
    if (w == NULL) fprintf(stderr, "%s\n", error.text), exit(3);
    run_producers(o, r, p, o->rate > 0);
    for (unsigned i = 0; i < o->lanes; i++) pthread_join(p[i].thread, NULL);
    ledger_writer_drain(w);
    int64_t us = clock_us() - before;
    ledger_writer_stats(w, &stats);
    report_drain(o, "drain while appending (producers on the same cores)", us);
    report_producers(o, p);
    printf("  stored %llu, duplicates %llu, failures %llu %s\n", (unsigned long long)stats.records,
           (unsigned long long)stats.duplicates, (unsigned long long)stats.failures, stats.last_error);
    ledger_writer_stop(w);
    recorder_close(r);
    ledger_close(l);
    mem_free(p);
}

static bool seen(void *ctx, const struct record *r) {
    (void)r;
    ++*(unsigned *)ctx;
    return true;
}
static bool group(void *ctx, const struct rollup *r) {
    *(uint64_t *)ctx += r->count;
    return true;
}

static void queries(const struct settings *o) {
    struct ledger *l = open_ledger(o);
    struct error error = {0};
    struct arena arena;
    struct slice cursor;
    unsigned n = 0;
    uint64_t counted = 0, rolled = 0;
    arena_init(&arena, 4096, 1 << 20);
    struct record_filter f = {.status = -1, .limit = 50};
    int64_t t0 = clock_us();
    if (ledger_list(l, &f, &arena, seen, &n, &cursor, &error) != FAULT_NONE) printf("%s\n", error.text);
    int64_t t1 = clock_us();
    f.user = SLICE("user-07919");
    f.limit = 1000;
    n = 0;
    if (ledger_list(l, &f, &arena, seen, &n, &cursor, &error) != FAULT_NONE) printf("%s\n", error.text);
    int64_t t2 = clock_us();
    unsigned by_user = n;
    f.user = SLICE("user-32423");
    n = 0;
    if (ledger_list(l, &f, &arena, seen, &n, &cursor, &error) != FAULT_NONE) printf("%s\n", error.text);
    int64_t t3 = clock_us();
    f.user = SLICE_NULL;
    f.application = SLICE("search");
    if (ledger_count(l, &f, &counted, &error) != FAULT_NONE) printf("%s\n", error.text);
    int64_t t4 = clock_us();
    struct rollup_query q = {.by = BY_APPLICATION | BY_MODEL};
    if (ledger_rollup(l, &q, group, &rolled, &error) != FAULT_NONE) printf("%s\n", error.text);
    int64_t t5 = clock_us();
    printf("queries: newest 50 %.1f ms; a busy user (%u) %.1f ms; a rare user (%u) %.1f ms; count by "
           "application (%llu) %.1f ms; "
           "rollup of the day (%llu) %.1f ms\n",
           (double)(t1 - t0) / 1e3, by_user, (double)(t2 - t1) / 1e3, n, (double)(t3 - t2) / 1e3,
           (unsigned long long)counted, (double)(t4 - t3) / 1e3, (unsigned long long)rolled,
           (double)(t5 - t4) / 1e3);
    arena_deinit(&arena);
    ledger_close(l);
}

int main(int argc, char **argv) {
    struct settings o = {500000, 2, 0, 86400, RECORDER_SYNC_OS, ""};
    int c;
    while ((c = getopt(argc, argv, "n:s:l:r:y")) != -1) {
        if (c == 'n') o.records = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 's') o.seconds = strtoll(optarg, NULL, 10);
        else if (c == 'l') o.lanes = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'r') o.rate = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'y') o.sync = RECORDER_SYNC_INTERVAL;
        else return 2;
    }
    if (!digest_start()) return 3;
    if (optind < argc) snprintf(o.dir, sizeof o.dir, "%s", argv[optind]);
    else snprintf(o.dir, sizeof o.dir, "bench-ledger-%ld", (long)getpid());
    drain_full(&o);
    printf("size: %.1f bytes a record\n", (double)sweep(&o, "ledger-", false) / o.records);
    queries(&o);
    sweep(&o, "", true);
    drain_live(&o);
    sweep(&o, "", true);
    return rmdir(o.dir) == 0 ? 0 : 3;
}
