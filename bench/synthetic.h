/* synthetic.h - a ledger of synthetic records, through the flight recorder and the real drain: what bench/spend and bench/reads ask. */
#ifndef BENCH_SYNTHETIC_H
#define BENCH_SYNTHETIC_H

#include "base/buffer.h"
#include "base/clock.h"
#include "store/ledger.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_US 86400000000LL
#define START (20400 * DAY_US)
enum { APPLICATIONS = 8, TEAMS = 6, FEATURES = 12, USERS = 20000, BATCH = 4096 };

static inline uint64_t next(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static inline unsigned below(uint64_t *state, unsigned n) {
    return (unsigned)(next(state) % n);
}

struct texts {
    char application[16], team[16], feature[16], user[16], key[24], prompt[16], version[16];
};

static inline void synthetic(struct record *r, struct texts *t, uint64_t *state, int64_t wall_us) {
    static const char *const targets[][2] = {
        {"openai", "gpt-4o-mini"}, {"openai", "gpt-4o"}, {"anthropic", "claude-haiku-4-5"}};
    static const char *const types[] = {"chat-short", "chat-long", "summary"};
    unsigned a = below(state, APPLICATIONS), target = (a + below(state, 6) / 5) % 3;
    record_init(r);
    record_id_new(&r->id, wall_us);
    r->time_us = wall_us;
    snprintf(t->application, sizeof t->application, "app-%u", a);
    snprintf(t->team, sizeof t->team, "team-%u", a % TEAMS);
    snprintf(t->feature, sizeof t->feature, "feature-%u", (a + below(state, 3)) % FEATURES);
    snprintf(t->user, sizeof t->user, "user-%05u", below(state, USERS));
    snprintf(t->key, sizeof t->key, "app-%u-%s", a, below(state, 4) ? "prod" : "ci");
    r->application = slice_of(t->application), r->team = slice_of(t->team), r->feature = slice_of(t->feature);
    r->user = slice_of(t->user), r->key = slice_of(t->key);
    r->request_type = slice_of(types[below(state, 3)]);
    r->dialect = SLICE("openai"), r->endpoint = ENDPOINT_CHAT, r->model = SLICE("support-chat");
    r->provider = slice_of(targets[target][0]), r->target_model = slice_of(targets[target][1]);
    r->prompt_name = SLICE("reply"), r->prompt_version = below(state, 2) ? SLICE("7") : SLICE("8");
    r->http_status = 200;
    r->usage.input = 200 + below(state, 4000), r->usage.output = 20 + below(state, 600);
    r->charge.meters = 1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT;
    r->charge.nano[CHARGE_INPUT] = r->usage.input * 150,
    r->charge.nano[CHARGE_OUTPUT] = r->usage.output * 600;
    r->cost_nano = r->charge.nano[CHARGE_INPUT] + r->charge.nano[CHARGE_OUTPUT];
    r->ttft_us = 200000, r->duration_us = 400000 + r->usage.output * 12000;
    r->has_system_prompt = true;
    memset(r->system_prompt_hash, 0x5a + (int)a, sizeof r->system_prompt_hash);
}

static inline void stop(const struct error *error) {
    fprintf(stderr, "%s\n", error->text);
    exit(3);
}

typedef void synthetic_make(struct record *r, struct texts *t, uint64_t *state, int64_t wall_us);

/* N records over so many days from START_US on; the sum of their costs. Says how fast they were drained. */
static inline int64_t synthetic_fill(const char *dir, struct ledger *l, unsigned n, int64_t start_us, unsigned days, synthetic_make *make) {
    struct error error = {0};
    struct recorder *recorder =
        recorder_open(&(struct recorder_options){dir, 1, LIMIT_SEGMENT_DEFAULT, LIMIT_SEGMENTS_DEFAULT,
                                                 RECORDER_SYNC_OS, 0},
                      &error);
    if (recorder == NULL) stop(&error);
    struct buffer b;
    uint64_t state = 1;
    int64_t sum = 0, draining = 0;
    buffer_init(&b, LIMIT_RECORD);
    for (unsigned i = 0; i < n;) {
        for (unsigned end = i + BATCH; i < end && i < n; i++) {
            struct record r;
            struct texts t;
            make(&r, &t, &state, start_us + (int64_t)((double)i / n * days * (double)DAY_US));
            sum += r.cost_nano;
            buffer_clear(&b);
            if (!record_encode(&r, &b) ||
                recorder_append(recorder, 0, FRAME_RECORD, buffer_slice(&b)) != FAULT_NONE)
                abort();
        }
        int64_t before = clock_us();
        while (ledger_drain_once(l, recorder, &error) > 0) continue;
        if (error.fault != FAULT_NONE) stop(&error);
        draining += clock_us() - before;
    }
    printf("%u records over %u days drained at %.0f records/s\n", n, days,
           n / ((double)draining / 1e6));
    buffer_deinit(&b);
    recorder_close(recorder);
    return sum;
}

static inline void synthetic_sweep(const char *dir) {
    DIR *d = opendir(dir);
    for (struct dirent *e = d ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.') unlink(path);
    }
    if (d != NULL) closedir(d);
    rmdir(dir);
}

#endif
