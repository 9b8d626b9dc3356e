/* bench/spend - how fast cost reports are answered.
 *
 *   spend [-n RECORDS] [-d DAYS] [-k] [DIR]
 *
 * Fills a ledger with RECORDS synthetic records (1,000,000) over DAYS days (10) through the flight recorder
 * and the real drain, then times reports by two dimensions over all of it: whole hours, a window that begins
 * and ends within an hour, by user (from records), FOCUS, and reading the cells that `cost explain` takes for
 * two windows. -k keeps DIR. Each report is checked against the sum of what was generated. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "cost/cell_read.h"
#include "cost/explain.h"
#include "cost/focus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY_US 86400000000LL
#define START (20400 * DAY_US)
enum { APPLICATIONS = 8, TEAMS = 6, FEATURES = 12, USERS = 20000, BATCH = 4096 };

struct settings {
    unsigned records, days;
    bool keep;
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

struct texts {
    char application[16], team[16], feature[16], user[16], key[24];
};

static void synthetic(struct record *r, struct texts *t, uint64_t *state, int64_t wall_us) {
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

static void stop(const struct error *error) {
    fprintf(stderr, "%s\n", error->text);
    exit(3);
}

/* The sum of what was generated. */
static int64_t fill(const struct settings *o, struct ledger *l) {
    struct error error = {0};
    struct recorder *recorder =
        recorder_open(&(struct recorder_options){o->dir, 1, LIMIT_SEGMENT_DEFAULT, LIMIT_SEGMENTS_DEFAULT,
                                                 RECORDER_SYNC_OS, 0},
                      &error);
    if (recorder == NULL) stop(&error);
    struct buffer b;
    uint64_t state = 1;
    int64_t sum = 0, draining = 0;
    buffer_init(&b, LIMIT_RECORD);
    for (unsigned i = 0; i < o->records;) {
        for (unsigned end = i + BATCH; i < end && i < o->records; i++) {
            struct record r;
            struct texts t;
            synthetic(&r, &t, &state, START + (int64_t)((double)i / o->records * o->days * (double)DAY_US));
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
    printf("%u records over %u days drained at %.0f records/s\n", o->records, o->days,
           o->records / ((double)draining / 1e6));
    buffer_deinit(&b);
    recorder_close(recorder);
    return sum;
}

static void time_report(struct ledger *l, const char *name, const char *by, int64_t from, int64_t to,
                        int64_t want) {
    struct cost_report_query q = {.from_us = from, .to_us = to};
    struct cost_report r;
    struct error error = {0};
    if (!cost_report_parse_by(slice_of(by), &q, &error)) stop(&error);
    int64_t before = clock_us();
    if (cost_report_run(l, &q, &r, &error) != FAULT_NONE) stop(&error);
    int64_t us = clock_us() - before;
    printf("%s by %s: %.1f ms, %zu rows from %llu sums and %llu records%s\n", name, by, (double)us / 1e3, r.n,
           (unsigned long long)r.source.cells, (unsigned long long)r.source.records,
           want >= 0 && r.total.cost_nano != want ? "; WRONG SUM" : "");
    cost_report_deinit(&r);
}

static void time_focus(struct ledger *l, int64_t to) {
    struct cost_report_query q = {.from_us = START, .to_us = to, .by = {SPEND_BY_TEAM}, .n_by = 1};
    struct error error = {0};
    struct buffer out;
    buffer_init(&out, LIMIT_REPLY_BODY);
    int64_t before = clock_us();
    if (cost_focus_write(l, &q, &out, &error) != FAULT_NONE) stop(&error);
    printf("focus by team: %.1f ms, %zu bytes\n", (double)(clock_us() - before) / 1e3, out.len);
    buffer_deinit(&out);
}

/* `off`: windows that begin and end within an hour. */
static void time_explain(struct ledger *l, int64_t middle, int64_t to, int64_t off) {
    struct cell_query windows[2] = {{.from_us = START + off, .to_us = middle + off},
                                    {.from_us = middle + off, .to_us = to - off}};
    struct cost_cell *cells[2];
    struct explain_result result;
    struct error error = {0};
    struct arena arena;
    size_t n[2];
    arena_init(&arena, 1 << 20, 1 << 28);
    int64_t before = clock_us();
    for (int i = 0; i < 2; i++)
        if (cell_read(l, &windows[i], &arena, &cells[i], &n[i], &error) != FAULT_NONE) stop(&error);
    int64_t read = clock_us();
    if (explain_cost(cells[0], n[0], cells[1], n[1], &result, &error) != FAULT_NONE) stop(&error);
    printf("explain, %s: %.1f ms reading %zu and %zu cells, %.1f ms explaining\n",
           off ? "ends within hours" : "whole hours", (double)(read - before) / 1e3, n[0], n[1],
           (double)(clock_us() - read) / 1e3);
    arena_deinit(&arena);
}

static void sweep(const char *dir) {
    DIR *d = opendir(dir);
    for (struct dirent *e = d ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.') unlink(path);
    }
    if (d != NULL) closedir(d);
    rmdir(dir);
}

int main(int argc, char **argv) {
    struct settings o = {1000000, 10, false, ""};
    struct error error = {0};
    int c;
    while ((c = getopt(argc, argv, "n:d:k")) != -1) {
        if (c == 'n') o.records = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'd') o.days = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'k') o.keep = true;
        else return 2;
    }
    if (!digest_start() || o.days == 0) return 3;
    if (optind < argc) snprintf(o.dir, sizeof o.dir, "%s", argv[optind]);
    else snprintf(o.dir, sizeof o.dir, "bench-spend-%ld", (long)getpid());
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = o.dir}, &error);
    if (l == NULL) stop(&error);
    int64_t sum = fill(&o, l), to = START + o.days * DAY_US, off = 1234567890;
    time_report(l, "whole hours", "team,feature", START, to, sum);
    time_report(l, "whole hours", "key,target_model", START, to, sum);
    time_report(l, "whole hours", "application,hour", START, to, sum);
    time_report(l, "ends within hours", "team,feature", START + off, to - off, -1);
    time_report(l, "from records", "user", START, START + DAY_US, -1);
    time_focus(l, to);
    time_explain(l, START + o.days / 2 * DAY_US, to, 0);
    time_explain(l, START + o.days / 2 * DAY_US, to, off);
    ledger_close(l);
    if (!o.keep) sweep(o.dir);
    return 0;
}
