/* bench/reads - how fast what the console asks is answered.
 *
 *   reads [-n RECORDS] [-d DAYS] [-r ROUNDS] [-p PATH] [-e SECONDS] [-k] [DIR]
 *
 * Fills a ledger with RECORDS synthetic records (1,000,000) over DAYS days (28), through the flight recorder and the real drain, and a registry
 * with 100 prompts of 10 versions each, alerts, findings and scores of traffic; then asks the API, in this process, each path that a page of the
 * console asks, ROUNDS times (5), and prints one line a path: status, milliseconds (median and slowest; of processor time the median), bytes. -k keeps
 * DIR; a DIR that is kept is asked as it is. -p: only paths that begin so. -e: the records end in the hour before this
 * (UNIX seconds; asked is as of then). */
#include "base/digest.h"
#include "base/mem.h"
#include "control/control.h"
#include "model/config.h"
#include "model/problems.h"
#include "store/alerts.h"
#include "store/changes.h"
#include "store/evaluations_store.h"
#include "store/findings.h"
#include "store/happenings.h"

#include "synthetic.h"

#include <getopt.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>

enum { PROMPTS = 100, VERSIONS = 10, ROUNDS_MOST = 50, DAYS_OF_VERSION = 3 };

static long long start_us = START;

/* Eight applications with some 12 prompts each; every prompt has a new version each three days, and a twentieth of its traffic is the next one's. */
static void make(struct record *r, struct texts *t, uint64_t *state, int64_t wall_us) {
    synthetic(r, t, state, wall_us);
    unsigned a = (unsigned)strtoul(t->application + 4, NULL, 10), p = below(state, PROMPTS / APPLICATIONS + 1) * APPLICATIONS + a;
    p %= PROMPTS;
    unsigned v = 1 + (unsigned)((wall_us - start_us) / DAY_US + p % DAYS_OF_VERSION) / DAYS_OF_VERSION + (below(state, 20) == 0);
    snprintf(t->prompt, sizeof t->prompt, "prompt-%u", p);
    snprintf(t->version, sizeof t->version, "%u", v > VERSIONS ? VERSIONS : v);
    snprintf(t->feature, sizeof t->feature, "feature-%u", p % FEATURES);
    r->feature = slice_of(t->feature);
    r->prompt_name = slice_of(t->prompt), r->prompt_version = slice_of(t->version);
    unsigned dice = below(state, 1000);
    r->status = dice < 4 ? RECORD_ERROR : dice < 6 ? RECORD_REFUSED : dice < 8 ? RECORD_CANCELLED : dice < 9 ? RECORD_TRUNCATED : RECORD_OK;
    double slow = (wall_us / 3600000000LL) % 24 == 8 ? 2 : 1; /* the mornings */
    r->duration_us = (int64_t)(slow * (double)(300000 + below(state, 1500000) + (below(state, 50) == 0 ? 6000000 : 0)));
    r->ttft_us = r->duration_us / 4;
    if (below(state, 100000) == 0) r->tags = SLICE("case=rare");
}

/* ---- the registry ---- */

static void put_version(struct registry *r, unsigned prompt, unsigned version, int64_t at_us) {
    struct error error = {0};
    char name[16], body[256];
    bool fresh;
    snprintf(name, sizeof name, "prompt-%u", prompt);
    int n = snprintf(body, sizeof body, "{\"messages\":[{\"content\":\"You answer politely. Edition %u of %u.\",\"role\":\"system\"}],\"model\":\"support-chat\"}", version, prompt);
    struct change_version v = {.body = slice_make(body, (size_t)n), .state = VERSION_DRAFT, .parent = (int64_t)version - 1, .author = SLICE("anna"), .applied_by = SLICE("anna"),
                               .why = SLICE("shorter answers"), .created_us = at_us, .tokens = 12, .cost_nano = 2000000};
    digest_sha256(v.body, &v.digest);
    struct change c = {.kind = SLICE("prompt"), .name = slice_of(name), .add = &v, .audit = {.actor = SLICE("anna"), .action = SLICE("prompt.apply"), .reason = v.why, .at_us = at_us}};
    if (changes_commit(r, &c, &fresh, &error) != FAULT_NONE) stop(&error);
    struct change serve = {.kind = c.kind, .name = c.name, .production = v.version, .audit = {.actor = SLICE("ben"), .action = SLICE("rollout.promote"), .reason = SLICE("guardrails held"), .at_us = at_us + 1}};
    serve.moves[serve.n_moves++] = (struct change_move){v.version, VERSION_DRAFT, VERSION_PRODUCTION};
    if (version > 1) serve.moves[serve.n_moves++] = (struct change_move){v.version - 1, VERSION_PRODUCTION, VERSION_SUPERSEDED};
    if (changes_commit(r, &serve, &fresh, &error) != FAULT_NONE) stop(&error);
}

static void put_alerts(struct registry *r, unsigned days) {
    enum { ALERTS = 500 };
    struct error error = {0};
    static struct alert_row rows[ALERTS];
    static struct alert_transition moves[2 * ALERTS];
    static char texts[ALERTS][64];
    int64_t numbers[ALERTS];
    for (unsigned i = 0; i < ALERTS; i++) {
        int64_t at = start_us + (int64_t)i * days * DAY_US / ALERTS;
        bool over = i < ALERTS - 5;
        snprintf(texts[i], sizeof texts[i], "{\"application\":\"app-%u\",\"n\":%u}", i % APPLICATIONS, i);
        rows[i] = (struct alert_row){.added = true, .rule = SLICE("slow"), .series = slice_of(texts[i]), .fingerprint = slice_of(texts[i]), .application = SLICE("app-1"), .state = over ? ALERT_RESOLVED : ALERT_FIRING,
                                     .severity = ALERT_ERROR, .since_us = at, .fired_us = at, .value = 2, .n = 100, .threshold = 1, .summary = SLICE("latency.p95 is 2.1 s, above 1.5 s")};
        moves[2 * i] = (struct alert_transition){.alert = i, .at_us = at, .from = ALERT_PENDING, .to = ALERT_FIRING};
        moves[2 * i + 1] = (struct alert_transition){.alert = i, .at_us = at + 600000000, .from = ALERT_FIRING, .to = over ? ALERT_RESOLVED : ALERT_FIRING};
    }
    if (alerts_commit(r, &(struct alerts_look){.rows = rows, .n_rows = ALERTS, .transitions = moves, .n_transitions = 2 * ALERTS, .now_us = start_us}, numbers, &error) != FAULT_NONE) stop(&error);
}

static void put_findings(struct registry *r, unsigned days) {
    enum { FINDINGS = 2000, OPEN = 60 };
    struct error error = {0};
    struct findings_change change;
    static char keys[FINDINGS][32];
    static struct finding all[FINDINGS];
    for (unsigned i = 0; i < FINDINGS; i++) {
        snprintf(keys[i], sizeof keys[i], "[\"cost_anomaly\",%u]", i);
        all[i] = (struct finding){.kind = FINDING_COST_ANOMALY, .key = slice_of(keys[i]), .application = SLICE("app-2"), .title = SLICE("a call of chat-short costs 38 % more since Tuesday"), .evidence = SLICE("{}"),
                                  .command = SLICE("quarterdeck cost explain --application app-2")};
    }
    struct findings_look look = {.kinds = FINDING_BIT(COST_ANOMALY), .seen = all, .n_seen = FINDINGS};
    if (findings_put(r, &look, start_us + days * DAY_US / 2, NULL, &change, &error) != FAULT_NONE) stop(&error);
    look.n_seen = OPEN;
    if (findings_put(r, &look, start_us + days * DAY_US, NULL, &change, &error) != FAULT_NONE) stop(&error);
}

/* As scoring would have left them: two metrics of each hour, prompt and version. */
static void put_scores(struct evaluations *e, unsigned days) {
    struct error error = {0};
    char sql[1200];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE hour(h) AS (SELECT 0 UNION ALL SELECT h + 1 FROM hour WHERE h < %u), prompt(p) AS (SELECT 0 UNION ALL SELECT p + 1 FROM prompt WHERE p < %d)"
             " INSERT INTO scored_hour SELECT %lld + h * 3600000000, m.column1, 'app-' || (p %% %d), 'chat-short', 'prompt-' || p, 1 + h / 72, 'gpt-4o', 10, 500, 430, 25000, 21000, 18500"
             " FROM hour, prompt, (VALUES (''), ('tone')) m",
             days * 24 - 1, PROMPTS - 1, start_us, APPLICATIONS);
    if (database_exec(e->db, sql, &error) != FAULT_NONE) stop(&error);
}

static void fill_registry(struct registry *r, struct evaluations *e, unsigned days) {
    for (unsigned v = 1; v <= VERSIONS; v++)
        for (unsigned p = 0; p < PROMPTS; p++) put_version(r, p, v, start_us + (int64_t)(v - 1) * DAYS_OF_VERSION * DAY_US + p * 1000000);
    put_alerts(r, days);
    put_findings(r, days);
    put_scores(e, days);
}

/* ---- asking ---- */

static const char config[] =
    "providers:\n  openai: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}\n  anthropic: {dialect: anthropic, base_url: 'http://127.0.0.1:1/v1'}\n"
    "models:\n  support-chat:\n    targets: [{provider: openai, model: gpt-4o-mini}, {provider: anthropic, model: claude-haiku-4-5}]\n"
    "applications: {app-0: {}, app-1: {}, app-2: {}, app-3: {}, app-4: {}, app-5: {}, app-6: {}, app-7: {}}\n"
    "receivers: {ops: {webhook: {url: 'http://127.0.0.1:1/'}}}\n"
    "alerts:\n  - {name: slow, when: {metric: latency.p95, window: 5m, above: 1.5s}, severity: error, notify: [ops]}\n"
    "budgets:\n  - {name: everything, limit_usd: 100000, window: month, timezone: UTC}\n  - {name: one, scope: {application: app-1}, limit_usd: 10000, window: month, timezone: UTC}\n";

struct serving {
    struct arena arena;
    struct policy *policy;
    struct control_services s;
    int64_t now_us;
};

static struct policy *held(void *ctx) { return policy_hold(((struct serving *)ctx)->policy); }

static void budgets(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    struct serving *s = ctx;
    for (unsigned i = 0; i < s->policy->n_budgets; i++) {
        struct budget_view v = {.budget = &s->policy->budgets[i], .values = {SLICE("app-1")}, .spent_nano = 1000000000000};
        v.window = (struct window){s->now_us - 10 * DAY_US, s->now_us + 20 * DAY_US};
        each(arg, &v);
    }
}

static void configure(struct serving *s) {
    struct config_source source = {0};
    struct problems problems = {0};
    struct buffer text;
    buffer_init(&text, 64 << 10);
    if (config_read(slice_of(config), "reads.yaml", &source, NULL, &s->arena, &s->policy, &problems) != FAULT_NONE) {
        problems_write(&problems, &text);
        fprintf(stderr, "%s\n", buffer_text(&text));
        exit(3);
    }
    buffer_deinit(&text);
}

/* Each path that a page asks, with the filters of the page; %F and %W stand for the begin of all and of the last week. */
static const char *const paths[] = {
    "/api/v1/records", "/api/v1/records?application=app-3&status=error", "/api/v1/records?user=user-00042", "/api/v1/records?user=nobody-at-all", "/api/v1/records?tag=case=rare",
    "/api/v1/records?session=none", "/api/v1/records?provider=anthropic&request_type=summary", "/api/v1/records?key=app-3-ci&status=truncated", "/api/v1/records?from=%F&order=oldest",
    "/api/v1/latency", "/api/v1/latency?from=-24h&by=request_type", "/api/v1/latency?from=%F&by=request_type", "/api/v1/latency?from=%F&by=model", "/api/v1/latency?from=%F&by=prompt",
    "/api/v1/totals?from=-24h&step=5m", "/api/v1/totals?from=%F&step=1h", "/api/v1/totals?from=%F&step=1d&application=app-1",
    "/api/v1/series?metrics=requests,latency.p50,latency.p95,cost,quality,error_rate", "/api/v1/series?metrics=requests,latency.p50,latency.p95,cost,quality,error_rate&application=app-1",
    "/api/v1/series?metrics=requests,latency.p95,cost,quality&from=%F", "/api/v1/series?metrics=requests,latency.p95,cost,quality&from=%F&application=app-1",
    "/api/v1/series?metrics=latency.p50,latency.p95&from=%F&by=request_type&application=app-1", "/api/v1/series?metrics=latency.p95,error_rate&from=-24h&by=provider",
    "/api/v1/series?metrics=latency.p95,error_rate&from=%F&by=provider", "/api/v1/series?metrics=latency.p95&from=%F&by=model", "/api/v1/series?metrics=cost_per_request,quality&from=%F&by=prompt&application=app-1",
    "/api/v1/series?metrics=cost_per_request,quality&from=%F&by=prompt&prompt=prompt-9", "/api/v1/series?metrics=latency.p95&from=%F&by=prompt", "/api/v1/series?metrics=latency.p95&from=%F&request_type=summary&provider=openai",
    "/api/v1/series?metrics=latency.p95&from=%W&application=app-1&by=request_type", "/api/v1/hours?metric=latency.p95&from=%F&timezone=Europe/Berlin",
    "/api/v1/hours?metric=latency.p95&from=%F&application=app-1&request_type=summary", "/api/v1/overview", "/api/v1/overview?from=%F", "/api/v1/overview?application=app-1&from=%W",
    "/api/v1/timeline", "/api/v1/timeline?from=%F", "/api/v1/timeline?from=%F&application=app-1&kinds=prompt,alert", "/api/v1/cost/report?by=application,request_type&from=%F",
    "/api/v1/cost/report?by=team,feature&from=%F", "/api/v1/cost/report?by=prompt,day&from=%F", "/api/v1/cost/report?by=application,hour&from=%W", "/api/v1/cost/report?by=user&from=-1h", "/api/v1/cost/report?by=user&from=-24h",
    "/api/v1/cost/explain?from=%W", "/api/v1/cost/explain?application=app-1&from=%W", "/api/v1/cost/anomalies?application=app-1", "/api/v1/cost/anomalies?timezone=Europe/Berlin", "/api/v1/cost/review", "/api/v1/cost/review?application=app-1", "/api/v1/budgets",
    "/api/v1/limits", "/api/v1/prompts", "/api/v1/prompts/prompt-9", "/api/v1/prompts/prompt-9/versions/3", "/api/v1/rollouts", "/api/v1/findings", "/api/v1/findings?state=open&domain=cost", "/api/v1/alerts",
    "/api/v1/alerts?state=active", "/api/v1/alerts/7", "/api/v1/alert-rules", "/api/v1/alert-metrics", "/api/v1/silences", "/api/v1/thresholds", "/api/v1/oncall", "/api/v1/notices", "/api/v1/actions",
    "/api/v1/model-changes", "/api/v1/live-prompts", "/api/v1/evals", "/api/v1/reviews", "/api/v1/scoring-states", "/api/v1/models", "/api/v1/keys", "/api/v1/audit", "/api/v1/audit?subject=prompt:prompt-9",
    "/api/v1/audit?actor=nobody", "/api/v1/audit/verify", "/api/v1/status",
};

static void expand(const char *path, int64_t now_us, unsigned days, char *out, size_t size) {
    const char *mark = strchr(path, '%');
    char at[CLOCK_TEXT];
    if (mark == NULL) {
        snprintf(out, size, "%s", path);
        return;
    }
    clock_format(mark[1] == 'F' ? start_us : now_us - 7 * DAY_US, at);
    (void)days;
    snprintf(out, size, "%.*s%s%s", (int)(mark - path), path, at, mark + 2);
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(struct serving *s, const char *path, unsigned rounds, unsigned days) {
    double took[ROUNDS_MOST], cpu[ROUNDS_MOST];
    char target[512];
    size_t bytes = 0;
    int status = 0;
    expand(path, s->now_us, days, target, sizeof target);
    for (unsigned i = 0; i < rounds; i++) {
        struct arena arena;
        struct api_response answer;
        struct api_request q = {.method = SLICE("GET"), .trusted = true};
        slice_cut(slice_of(target), '?', &q.path, &q.query);
        arena_init(&arena, 64 << 10, 64 << 20);
        int64_t before = clock_real_us();
        double spent = cpu_ms();
        control_answer(&s->s, &q, &arena, &answer);
        took[i] = (double)(clock_real_us() - before) / 1e3;
        cpu[i] = cpu_ms() - spent;
        bytes = answer.body.len;
        status = answer.status;
        if (status != 200 && i == 0) fprintf(stderr, "%s: %.200s\n", target, buffer_text(&answer.body));
        buffer_deinit(&answer.body);
        arena_deinit(&arena);
    }
    qsort(took, rounds, sizeof *took, by_value);
    qsort(cpu, rounds, sizeof *cpu, by_value);
    printf("{\"path\":\"%s\",\"status\":%d,\"p50_ms\":%.1f,\"max_ms\":%.1f,\"cpu_ms\":%.1f,\"bytes\":%zu}\n", path, status, took[rounds / 2], took[rounds - 1], cpu[rounds / 2], bytes);
    fflush(stdout);
}

int main(int argc, char **argv) {
    unsigned records = 1000000, days = 28, rounds = 5;
    bool keep = false;
    char dir[256] = "bench-reads";
    const char *only = "";
    struct error error = {0};
    struct stat there;
    struct serving s = {0};
    int64_t subjects = 0, served = 0, end_us = 0;
    for (int c; (c = getopt(argc, argv, "n:d:r:p:e:k")) != -1;) {
        if (c == 'n') records = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'd') days = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'r') rounds = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'p') only = optarg;
        else if (c == 'e') end_us = strtoll(optarg, NULL, 10) * 1000000;
        else if (c == 'k') keep = true;
        else return 2;
    }
    if (!digest_start() || days == 0 || rounds == 0 || rounds > ROUNDS_MOST) return 3;
    if (optind < argc) snprintf(dir, sizeof dir, "%s", argv[optind]);
    bool filled = stat(dir, &there) == 0;
    if (end_us > 0) start_us = end_us / 3600000000 * 3600000000 - days * DAY_US;
    s.now_us = start_us + days * DAY_US;
    arena_init(&s.arena, 64 << 10, 16 << 20);
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = dir}, &error);
    if (l == NULL) stop(&error);
    if (!filled) synthetic_fill(dir, l, records, start_us, days, make);
    s.s = (struct control_services){.ctx = &s, .policy = held, .budgets = budgets, .ledger = l, .registry = registry_open(dir, &error), .evaluations = evaluations_open(dir, &error),
                                    .metrics = metric_set_new(), .started_us = s.now_us - DAY_US};
    if (s.s.registry == NULL || s.s.evaluations == NULL) stop(&error);
    if (subjects_count(s.s.registry, SLICE("prompt"), &subjects, &served, &error) != FAULT_NONE) stop(&error);
    if (subjects == 0) fill_registry(s.s.registry, s.s.evaluations, days);
    while (ledger_fold(l, s.now_us)) continue; /* as the writer would have, hour by hour */
    configure(&s);
    clock_fake(1000000, s.now_us);
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
        if (slice_starts(slice_of(paths[i]), slice_of(only))) ask(&s, paths[i], rounds, days);
    ledger_close(l);
    registry_close(s.s.registry);
    evaluations_close(s.s.evaluations);
    metric_set_free(s.s.metrics);
    policy_drop(s.policy);
    if (!keep) synthetic_sweep(dir);
    return 0;
}
