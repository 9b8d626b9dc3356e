/* watch - what the watch costs: signals filled with records, then 1,000 rules over 200 series each held against them.
 *
 *   watch [MINUTES]    of 1,000 exchanges a second before the look (10); prints one JSON object */
#include "common.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/mem.h"
#include "incident/watching.h"
#include "store/registry.h"

enum { SERIES = 200, RULES = 1000, PER_SECOND = 1000, TICKS = 5, TICK_SECONDS = 5 };
#define START_US (490000 * 3600000000LL)

static uint64_t seed = 20261121;
static uint64_t next(void) { /* splitmix64 */
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static char types[SERIES][16], users[5000][16];

/* As a gateway would: a stream of some seconds, one in 200 fails, half the traffic in a tenth of the types. */
static void make(struct record *r, int64_t ended_us) {
    static const char *const models[] = {"large", "small"}, *const providers[] = {"openai", "anthropic"};
    uint64_t n = next();
    unsigned target = (unsigned)(n >> 8 & 1), type = (unsigned)(n >> 16) % (n & 1 ? SERIES / 10 : SERIES);
    record_init(r);
    record_id_new(&r->id, ended_us);
    r->application = SLICE("helpdesk");
    r->request_type = slice_of(types[type]);
    r->user = slice_of(users[(n >> 32) % 5000]);
    r->input_hash = next();
    r->model = SLICE("support-chat");
    r->provider = slice_of(providers[target]);
    r->target_model = slice_of(models[target]);
    r->finish_reason = SLICE("stop");
    r->status = next() % 200 ? RECORD_OK : RECORD_ERROR;
    r->duration_us = (int64_t)(800000 + next() % 2000000 + next() % 2000000);
    r->ttft_us = r->duration_us / 4;
    r->usage.input = 500 + (int64_t)(type % 3) * 2000;
    r->usage.output = 50 + (int64_t)(next() % 300);
    r->cost_nano = 1000000 + (int64_t)(next() % 1000000);
    r->time_us = ended_us - r->duration_us;
    r->n_attempts = 1;
    r->attempts[0] = (struct record_attempt){.provider = r->provider, .model = r->target_model, .http_status = 200, .ms = (uint32_t)(r->duration_us / 1000),
                                             .error = r->status == RECORD_OK ? FAULT_NONE : FAULT_UP_SERVER};
}

static double fill(struct signals *s, int64_t from_us, unsigned seconds) {
    double spent = 0;
    struct record *all = mem_new_array(struct record, PER_SECOND);
    for (unsigned second = 0; second < seconds; second++) {
        for (unsigned i = 0; i < PER_SECOND; i++) make(&all[i], from_us + (int64_t)second * 1000000 + (int64_t)i * (1000000 / PER_SECOND));
        double before = cpu_s();
        for (unsigned i = 0; i < PER_SECOND; i++) signals_record(s, &all[i]);
        if (second % TICK_SECONDS == TICK_SECONDS - 1) signals_at(s, from_us + (int64_t)(second + 1) * 1000000);
        spent += cpu_s() - before;
    }
    mem_free(all);
    return spent;
}

/* 20 signals, 10 windows, with and without a condition: 40 ways to look. One of fifty rules fires for every series, so that in the third tick of
 * them some 4,000 alerts begin to fire, are worded, charted and told at once. */
static struct alert_rule *make_rules(struct arena *arena) {
    static const enum signal which[] = {SIGNAL_LATENCY_P50, SIGNAL_LATENCY_P90, SIGNAL_LATENCY_P95, SIGNAL_LATENCY_P99, SIGNAL_TTFT_P50, SIGNAL_TTFT_P95, SIGNAL_TTFT_P99,
                                        SIGNAL_PER_TOKEN_P50, SIGNAL_PER_TOKEN_P95, SIGNAL_ERRORS, SIGNAL_REFUSED, SIGNAL_TRUNCATED, SIGNAL_RETRIES, SIGNAL_REFUSALS,
                                        SIGNAL_OUTPUT_TOKENS, SIGNAL_COST_PER_REQUEST, SIGNAL_REQUESTS, SIGNAL_PROVIDER_ERRORS, SIGNAL_PROVIDER_TIMEOUTS, SIGNAL_PROVIDER_TTFT_P95};
    static const int64_t seconds[] = {10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200};
    struct alert_rule *rules = arena_new_array(arena, struct alert_rule, RULES);
    for (unsigned i = 0; i < RULES; i++) {
        struct alert_rule *r = &rules[i];
        r->name = arena_printf(arena, "rule-%u", i);
        r->when = (struct alert_when){.test = ALERT_ABOVE, .signal = which[i % 20], .by = SIGNAL_BY_BIT(REQUEST_TYPE), .window_us = seconds[i / 20 % 10] * 1000000,
                                      .threshold = i % 50 ? 1e12 : 1e-9, .min_samples = 1};
        r->when.clear = r->when.threshold;
        if (i % 3 == 0) {
            r->when.where.by = SIGNAL_BY_BIT(APPLICATION);
            r->when.where.is[SIGNAL_BY_APPLICATION] = SLICE("helpdesk");
        }
        r->for_us = 10000000;
        r->notify[0] = SLICE("ops");
        r->n_notify = 1;
        r->severity = ALERT_WARNING;
    }
    return rules;
}

struct seen { unsigned series; double sum; };
static bool each(void *ctx, const struct signal_series *series, const struct signal_value *value) {
    struct seen *c = ctx;
    (void)series;
    c->series++;
    c->sum += value->n;
    return true;
}

/* One tick as the watch takes it: rules held, and what came of it kept. */
static bool hold(struct watching *w, struct registry *registry, const struct watching_sources *sources, struct arena *tick, struct watching_result *result,
                 double *ret_held, double *ret_kept) {
    struct error error = {.fault = FAULT_NONE};
    double before = cpu_s();
    bool good = watching_tick(w, sources, tick, result, &error) == FAULT_NONE;
    *ret_held = cpu_s() - before;
    int64_t *numbers = mem_new_array(int64_t, result->look.n_rows + 1);
    good = good && alerts_commit(registry, &result->look, numbers, &error) == FAULT_NONE;
    if (good) watching_kept(w, result, numbers);
    else fprintf(stderr, "%s\n", error.text);
    *ret_kept = cpu_s() - before - *ret_held;
    mem_free(numbers);
    return good;
}

int main(int argc, char **argv) {
    unsigned minutes = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10;
    if (!digest_start()) die("digest_start");
    for (unsigned i = 0; i < SERIES; i++) snprintf(types[i], sizeof types[i], "type-%u", i);
    for (unsigned i = 0; i < 5000; i++) snprintf(users[i], sizeof users[i], "user-%u", i);
    struct arena arena, tick;
    arena_init(&arena, 1 << 20, 64 << 20);
    arena_init(&tick, 1 << 20, 256 << 20);
    struct signals *s = signals_new();
    struct watching *w = watching_new();
    char dir[] = "watch-XXXXXX"; /* here: bench/run.py gives a folder that it removes */
    struct error error = {.fault = FAULT_NONE};
    struct registry *registry = mkdtemp(dir) ? registry_open(dir, &error) : NULL;
    if (!registry || watching_load(w, registry, &error) != FAULT_NONE) {
        fprintf(stderr, "%s\n", error.text);
        return 3;
    }
    struct alert_receiver ops = {.name = SLICE("ops"), .kind = RECEIVER_WEBHOOK, .url = SLICE("http://127.0.0.1:9/"), .send_resolved = true};
    struct alert_policy policy;
    alert_policy_defaults(&policy);
    policy.rules = make_rules(&arena);
    policy.n_rules = RULES;
    policy.receivers = &ops;
    policy.n_receivers = 1;
    double filling = fill(s, START_US, minutes * 60), looking = 0, holding = 0, writing = 0, storm = 0, storm_write = 0;
    int64_t now_us = START_US + (int64_t)minutes * 60000000;
    struct seen seen = {0};
    unsigned evaluated = 0, active = 0, notices = 0;
    for (unsigned t = 0; t < TICKS; t++) {
        filling += fill(s, now_us, TICK_SECONDS);
        now_us += TICK_SECONDS * 1000000LL;
        seen = (struct seen){0};
        double before = cpu_s();
        for (unsigned i = 0; i < RULES; i++) {
            const struct alert_when *c = &policy.rules[i].when;
            signal_view_each(signals_view(s, c->by, &c->where, c->window_us), c->signal, c->of, each, &seen);
        }
        looking += cpu_s() - before;
    }
    for (unsigned t = 0; t < TICKS; t++) {
        struct watching_sources sources = {.policy = &policy, .signals = s, .complete = true};
        struct watching_result result = {.rules = 0};
        filling += fill(s, now_us, TICK_SECONDS);
        sources.now_us = sources.clock_us = now_us += TICK_SECONDS * 1000000LL;
        double held, kept;
        arena_reset(&tick);
        if (!hold(w, registry, &sources, &tick, &result, &held, &kept)) return 3;
        if (held > storm) storm = held;
        if (kept > storm_write) storm_write = kept;
        holding += held;
        writing += kept;
        notices += (unsigned)result.look.n_notices;
        evaluated = result.series;
        active = result.firing;
    }
    struct signals_stats stats;
    signals_stats(s, &stats);
    printf("{\"rules\":%u,\"series_looked_at\":%u,\"views\":%u,\"base_series\":%u,\"late\":%llu,\"bytes\":%zu,\"bytes_per_series\":%zu,"
           "\"fill_us_per_record\":%.3f,\"look_ms\":%.1f,\"tick_ms\":%.1f,\"write_ms\":%.1f,\"worst_tick_ms\":%.1f,\"worst_write_ms\":%.1f,\"tick_series\":%u,\"firing\":%u,\"notices\":%u,\"cores_at_1000_per_s\":%.4f}\n",
           RULES, seen.series, stats.views, stats.series, (unsigned long long)stats.late, stats.bytes, stats.bytes / stats.series,
           filling / (double)stats.records * 1e6, looking / TICKS * 1e3, holding / TICKS * 1e3, writing / TICKS * 1e3, storm * 1e3, storm_write * 1e3, evaluated, active, notices,
           filling / (double)stats.records * PER_SECOND + (holding + writing) / TICKS / TICK_SECONDS);
    watching_free(w);
    registry_close(registry);
    signals_free(s);
    arena_deinit(&arena);
    arena_deinit(&tick);
    return 0;
}
