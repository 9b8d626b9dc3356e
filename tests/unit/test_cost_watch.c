/* The watchers of cost: what they see becomes a finding once, goes when it is gone, and stays when nobody can
 * tell. */
#include "cost/watch.h"

#include "test_store_rig.h"

#include "incident/notice.h"
#include "incident/watching.h"
#include "model/config.h"

#define SECOND 1000000LL
#define HOUR (3600 * SECOND)
#define USD 1000000000LL
#define NOW (RIG_START + 10 * HOUR + 600 * SECOND) /* 2025-11-08 10:10 UTC */
#define MONTH_START (RIG_START - 7 * RIG_DAY)
#define MONTH_END (MONTH_START + 30 * RIG_DAY)
#define MOST_VIEWS 64

static const char yaml[] =
    "providers:\n  main: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', prices_as: openai}\n"
    "  spare: {dialect: anthropic, base_url: 'http://127.0.0.1:1/v1'}\n"
    "models:\n  chat:\n    targets:\n      - {provider: main, model: gpt-4o-mini}\n"
    "      - {provider: spare, model: no-such-model}\n"
    "applications: {support: {}, billing: {}}\n"
    "budgets:\n  - {name: month, scope: {application: support}, limit_usd: 300, window: month, mode: soft, "
    "alert_at: [0.5, 0.8]}\n"
    "  - {name: users, scope: {user: '*'}, limit_usd: 1, window: day, alert_at: [0.5, 0.8, 1]}\n";

struct world {
    struct rig *rig;
    struct watch w;
    struct recorder *recorder;
    struct policy *policy;
    struct arena arena;
    struct budget_view views[MOST_VIEWS];
    unsigned n_views, n_opened;
    bool stop;
    uint64_t number;
    struct finding *found;
    unsigned n;
};

static struct policy *read_policy(const char *text) {
    struct config_source source = {0};
    struct problems problems = {0};
    struct arena arena;
    struct policy *p = NULL;
    arena_init(&arena, 4096, 1 << 20);
    if (config_read(slice_of(text), "test", &source, NULL, &arena, &p, &problems) != FAULT_NONE)
        fail_msg("line %d: %s", problems.items[0].line, problems.items[0].text);
    arena_deinit(&arena);
    return p;
}

static struct policy *hold(void *ctx) {
    return policy_hold(((struct world *)ctx)->policy);
}
static bool stopping(void *ctx) {
    return ((struct world *)ctx)->stop;
}

static void each_view(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    struct world *x = ctx;
    for (unsigned i = 0; i < x->n_views; i++) each(arg, &x->views[i]);
}

static void opened(void *ctx, const struct finding *f) {
    struct world *x = ctx;
    assert_true(f->id > 0 && f->title.len > 0 && slice_starts(f->command, SLICE("quarterdeck ")));
    x->n_opened++;
}

static int setup(void **state) {
    struct world *x = test_calloc(1, sizeof *x);
    struct error error = {0};
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    x->rig = rig;
    arena_init(&x->arena, 16 << 10, 64 << 20);
    x->policy = read_policy(yaml);
    x->recorder = rig_recorder(x->rig);
    x->w = (struct watch){x, hold, each_view, stopping, opened, rig_ledger(x->rig), registry_open(x->rig->dir, &error), outlook_memory_new()};
    *state = x;
    return x->w.registry != NULL ? 0 : -1;
}

static int teardown(void **state) {
    struct world *x = *state;
    void *rig = x->rig;
    registry_close(x->w.registry);
    outlook_memory_free(x->w.outlooks);
    ledger_close(x->w.ledger);
    recorder_close(x->recorder);
    policy_drop(x->policy);
    arena_deinit(&x->arena);
    rig_teardown(&rig);
    test_free(x);
    return 0;
}

typedef enum fault watcher(const struct watch *w, int64_t now_us, struct error *error);

/* How many have opened. */
static unsigned look(struct world *x, watcher *watch, int64_t now_us) {
    struct error error = {0};
    x->n_opened = 0;
    rig_drain(x->w.ledger, x->recorder);
    if (watch(&x->w, now_us, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return x->n_opened;
}

static void list(struct world *x, unsigned states) {
    struct findings_filter f = {.states = states, .limit = 1000};
    assert_int_equal(findings_list(x->w.registry, &f, &x->arena, &x->found, &x->n, NULL), FAULT_NONE);
}

/* The only open one of this kind; every evidence is JSON with its statistic, threshold and origin. */
static const struct finding *only(struct world *x, enum finding_kind kind) {
    const struct finding *found = NULL;
    list(x, 1u << FINDING_OPEN);
    for (unsigned i = 0; i < x->n; i++) {
        struct json_doc d;
        assert_int_equal(json_read(x->found[i].evidence, &x->arena, UINT16_MAX, &d, NULL), FAULT_NONE);
        assert_int_equal(json_type(&d, json_get(&d, 0, "statistic")), JSON_NUMBER);
        assert_int_equal(json_type(&d, json_get(&d, 0, "threshold")), JSON_NUMBER);
        assert_int_equal(json_type(&d, json_get(&d, 0, "threshold_from")), JSON_STRING);
        assert_true(json_type(&d, json_get(&d, 0, "false_alarm_rate")) != JSON_ABSENT);
        if (x->found[i].kind != kind) continue;
        if (found != NULL) fail_msg("two: " SLICE_FMT, SLICE_ARG(x->found[i].title));
        found = &x->found[i];
    }
    return found;
}

#define EXPECT_TEXT(found_, words)                                                                           \
    do {                                                                                                     \
        struct slice text_ = (found_);                                                                       \
        if (!slice_contains(text_, slice_of(words)))                                                         \
            fail_msg("wanted \"%s\" in: " SLICE_FMT, words, SLICE_ARG(text_));                               \
    } while (0)

/* ---- thresholds ---- */

static struct budget_view *view(struct world *x, unsigned budget, const char *value, int64_t spent) {
    struct budget_view *v = &x->views[x->n_views++];
    *v = (struct budget_view){.budget = &x->policy->budgets[budget], .spent_nano = spent};
    v->values[0] = slice_of(value);
    v->window = budget == 0 ? (struct window){MONTH_START, MONTH_END}
                            : (struct window){RIG_START, RIG_START + RIG_DAY};
    return v;
}

static void thresholds(void **state) {
    struct world *x = *state;
    struct budget_view *v = view(x, 0, "support", 149 * USD);
    assert_int_equal(look(x, watch_thresholds, NOW), 0);
    v->spent_nano = 150 * USD;
    assert_int_equal(look(x, watch_thresholds, NOW), 1);
    assert_int_equal(look(x, watch_thresholds, NOW + HOUR), 0);
    const struct finding *f = only(x, FINDING_BUDGET_THRESHOLD);
    EXPECT_TEXT(f->title,
                "budget month (application=support) reached 50 %: 150 of 300 USD until 2025-12-01 00:00 UTC");
    EXPECT_TEXT( f->command, "quarterdeck cost report --by feature,model --application support --from 2025-11-01T00:00:00Z");
    EXPECT_TEXT(f->evidence, "\"statistic\":0.5");
    assert_true(slice_is(f->application, "support"));
    v->spent_nano = 250 * USD; /* the next threshold is told, the former is no longer the highest */
    assert_int_equal(look(x, watch_thresholds, NOW + 2 * HOUR), 1);
    EXPECT_TEXT(only(x, FINDING_BUDGET_THRESHOLD)->title, "reached 80 %");
    v->spent_nano = 300 * USD; /* the limit is one, though alert_at does not name it */
    assert_int_equal(look(x, watch_thresholds, NOW + 3 * HOUR), 1);
    EXPECT_TEXT(only(x, FINDING_BUDGET_THRESHOLD)->title, "reached 100 %");
    v->window = (struct window){MONTH_END, MONTH_END + 31 * RIG_DAY};
    v->spent_nano = 0;
    assert_int_equal(look(x, watch_thresholds, MONTH_END + HOUR), 0);
    assert_null(only(x, FINDING_BUDGET_THRESHOLD));
    v->spent_nano = 151 * USD; /* another month, another finding */
    assert_int_equal(look(x, watch_thresholds, MONTH_END + HOUR), 1);
}

static void refusals(void **state) {
    struct world *x = *state;
    struct budget_view *v = view(x, 1, "it's; rm -rf $HOME", USD * 99 / 100);
    v->refused = 3;
    assert_int_equal(look(x, watch_thresholds, NOW), 2);
    EXPECT_TEXT(only(x, FINDING_BUDGET_REFUSING)->title, "has refused 3 requests: 0.99 of 1 USD");
    EXPECT_TEXT(only(x, FINDING_BUDGET_REFUSING)->command, "quarterdeck budget list users");
    EXPECT_TEXT(only(x, FINDING_BUDGET_THRESHOLD)->command, "--user 'it'\\''s; rm -rf $HOME' --from");
    v->refused = 400;
    assert_int_equal(look(x, watch_thresholds, NOW), 0);
}

static void many_values_are_one_finding(void **state) {
    struct world *x = *state;
    static char names[40][16];
    for (unsigned i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "user-%u", i);
        view(x, 1, names[i], USD * 6 / 10);
    }
    x->n_views = WATCH_VALUES;
    assert_int_equal(look(x, watch_thresholds, NOW), WATCH_VALUES);
    x->n_views = 40;
    assert_int_equal(look(x, watch_thresholds, NOW), 1);
    EXPECT_TEXT(only(x, FINDING_BUDGET_THRESHOLD)->title,
                "40 values of budget users have reached 50 % or more: 1 USD each");
    x->n_views = 39;
    assert_int_equal(look(x, watch_thresholds, NOW), 0);
    EXPECT_TEXT(only(x, FINDING_BUDGET_THRESHOLD)->title, "39 values");
}

/* A reload came between: the books show budgets of another policy. What stands is not gone for that. */
static void a_reload_clears_nothing(void **state) {
    struct world *x = *state;
    struct policy *other = read_policy(yaml);
    struct budget_view *v = view(x, 0, "support", 200 * USD);
    assert_int_equal(look(x, watch_thresholds, NOW), 1);
    v->budget = &other->budgets[0];
    assert_int_equal(look(x, watch_thresholds, NOW), 0);
    assert_non_null(only(x, FINDING_BUDGET_THRESHOLD));
    policy_drop(other);
    x->n_views = 0; /* and one that took the budget away does */
    assert_int_equal(look(x, watch_thresholds, NOW), 0);
    assert_null(only(x, FINDING_BUDGET_THRESHOLD));
}

/* ---- prices ---- */

static void keep(struct world *x, int64_t time_us, const char *provider, const char *model, int64_t cost,
                 int64_t input) {
    struct record r;
    rig_record(&r, time_us, x->number++);
    r.provider = slice_of(provider);
    r.target_model = slice_of(model);
    r.cost_nano = cost;
    r.usage.input = input;
    r.usage.output = input < 0 ? -1 : 11;
    if (money_is_known(cost)) r.charge = (struct charge){1u << CHARGE_INPUT, {[CHARGE_INPUT] = cost}};
    rig_append_record(x->recorder, 0, &r);
}

static void prices(void **state) {
    struct world *x = *state;
    assert_int_equal(look(x, watch_prices, NOW), 0);
    keep(x, NOW - HOUR, "main", "gpt-4o-mini", 1000, 100);
    keep(x, NOW - HOUR, "main", "gpt-4o-mini", MONEY_UNKNOWN, 100); /* from before its price was known */
    keep(x, NOW - HOUR, "gone", "some-model", MONEY_UNKNOWN, 100);  /* no longer configured */
    assert_int_equal(look(x, watch_prices, NOW), 0);
    keep(x, NOW - SECOND, "spare", "no-such-model", MONEY_UNKNOWN, 100);
    keep(x, NOW - SECOND, "spare", "no-such-model", MONEY_UNKNOWN, 200);
    assert_int_equal(look(x, watch_prices, NOW), 1);
    const struct finding *f = only(x, FINDING_UNKNOWN_PRICE);
    EXPECT_TEXT(f->title, "spare/no-such-model has no known price: 2 requests of support in 7 days (300 "
                          "input, 22 output tokens)");
    assert_true(slice_is(f->command, "quarterdeck model price spare/no-such-model"));
    keep(x, NOW + HOUR, "spare", "no-such-model", MONEY_UNKNOWN, 100);
    assert_int_equal(look(x, watch_prices, NOW + 2 * HOUR), 0);
    EXPECT_TEXT(only(x, FINDING_UNKNOWN_PRICE)->title, "3 requests");
    assert_int_equal(look(x, watch_prices, NOW + 8 * RIG_DAY), 0); /* not used for a week */
    assert_null(only(x, FINDING_UNKNOWN_PRICE));
    keep(x, NOW + 8 * RIG_DAY, "spare", "no-such-model", MONEY_UNKNOWN, 100);
    assert_int_equal(look(x, watch_prices, NOW + 8 * RIG_DAY), 1);
    policy_drop(x->policy);
    x->policy = read_policy("providers: {main: {dialect: openai, base_url: 'http://h'}}\n"
                            "models: {chat: {targets: [{provider: main, model: gpt-4o-mini}]}}\n");
    assert_int_equal(look(x, watch_prices, NOW + 8 * RIG_DAY), 0);
    assert_null(only(x, FINDING_UNKNOWN_PRICE));
}

static void blocked_for_want_of_a_price(void **state) {
    struct world *x = *state;
    struct record r;
    policy_drop(x->policy);
    x->policy = read_policy("providers:\n  main: {dialect: openai, base_url: 'http://h', prices_as: openai}\n"
                            "models:\n  chat:\n    targets:\n      - {provider: main, model: gpt-4o-mini}\n"
                            "      - {provider: main, model: no-such-model}\n"
                            "  plain: {targets: [{provider: main, model: gpt-4o-mini}]}\n"
                            "applications: {support: {unknown_price: block}, billing: {}}\n");
    assert_int_equal(look(x, watch_prices, NOW), 0); /* nobody asked */
    rig_record(&r, NOW - SECOND, x->number++);
    r.application = SLICE("support"), r.model = SLICE("chat"), r.provider = r.target_model = SLICE_NULL;
    r.status = RECORD_REFUSED, r.error = FAULT_UNKNOWN_PRICE, r.cost_nano = 0;
    rig_append_record(x->recorder, 0, &r);
    assert_int_equal(look(x, watch_prices, NOW), 1);
    const struct finding *f = only(x, FINDING_UNKNOWN_PRICE);
    EXPECT_TEXT(f->title, "main/no-such-model has no known price, and unknown_price is block: support asked 1 time for chat");
    EXPECT_TEXT(f->evidence, "\"refused\":1");
    assert_true(slice_is(f->command, "quarterdeck model price main/no-such-model"));
    assert_int_equal(look(x, watch_prices, NOW), 0);
    assert_int_equal(look(x, watch_prices, NOW + 8 * RIG_DAY), 0);
    assert_null(only(x, FINDING_UNKNOWN_PRICE));
}

static void usage_that_is_not_told(void **state) {
    struct world *x = *state;
    keep(x, NOW - SECOND, "main", "gpt-4o-mini", MONEY_UNKNOWN, -1);
    assert_int_equal(look(x, watch_prices, NOW), 1);
    EXPECT_TEXT(only(x, FINDING_USAGE_MISSING)->title, "main/gpt-4o-mini gives no token counts");
    EXPECT_TEXT(only(x, FINDING_USAGE_MISSING)->command,
                "quarterdeck record list --application support --provider main");
}

/* ---- pace ---- */

/* 28 days of a dollar an hour, until NOW. */
static void spend_evenly(struct world *x, int64_t days) {
    for (int64_t h = days * 24; h > 0; h--) keep(x, NOW - h * HOUR, "main", "gpt-4o-mini", USD, 100);
}

static void forecasts(void **state) {
    struct world *x = *state;
    spend_evenly(x, 28);
    struct budget_view *v = view(x, 0, "support", 178 * USD); /* 542 hours are left, and 122 dollars */
    struct budget *b = &x->policy->budgets[0];
    b->limit_nano = 10000 * USD;
    assert_int_equal(look(x, watch_pace, NOW), 0);
    b->limit_nano = 300 * USD;
    assert_int_equal(look(x, watch_pace, NOW), 1);
    const struct finding *f = only(x, FINDING_BUDGET_FORECAST);
    EXPECT_TEXT(f->title, "will be used up with a probability of more than 99 %, likeliest in 5 days");
    EXPECT_TEXT(f->title, "178 of 300 USD until 2025-12-01 00:00 UTC");
    EXPECT_TEXT(
        f->command,
        "quarterdeck cost explain --from -1d --baseline-from -8d --baseline-to -7d --application support");
    EXPECT_TEXT(f->evidence, "\"n\":28");
    assert_int_equal(look(x, watch_pace, NOW), 0);
    v->spent_nano = 301 * USD; /* then the threshold says so */
    assert_int_equal(look(x, watch_pace, NOW), 0);
    assert_null(only(x, FINDING_BUDGET_FORECAST));
    v->spent_nano = 178 * USD;
    b->limit_nano = 2000 * USD;
    assert_int_equal(look(x, watch_pace, NOW), 0);
}

/* A dollar a minute for the last six hours. */
static void burns(void **state) {
    struct world *x = *state;
    spend_evenly(x, 28);
    struct budget *b = &x->policy->budgets[0];
    b->limit_nano = 2000 * USD;
    view(x, 0, "support", 400 * USD);
    for (int64_t m = 360; m > 0; m -= 3)
        keep(x, NOW - m * 60 * SECOND + SECOND, "main", "gpt-4o-mini", 3 * USD, 100);
    assert_int_equal(look(x, watch_pace, NOW), 1);
    const struct finding *f = only(x, FINDING_BUDGET_BURN);
    assert_non_null(f);
    EXPECT_TEXT(f->title, "budget month (application=support) burns: over the last hour what is left went");
    EXPECT_TEXT(f->command, "quarterdeck cost explain --from -1h --application support");
    EXPECT_TEXT(f->evidence, "\"threshold\":14.4");
    assert_int_equal(look(x, watch_pace, NOW + 3 * HOUR), 0); /* all short windows are quiet again */
    assert_null(only(x, FINDING_BUDGET_BURN));
}

/* What a hundredth of the limit hides: a burst that is nothing. */
static void a_cent_does_not_burn(void **state) {
    struct world *x = *state;
    for (int64_t h = 28 * 24; h > 0; h--) keep(x, NOW - h * HOUR, "main", "gpt-4o-mini", USD / 1000, 100);
    x->policy->budgets[0].limit_nano = 2000 * USD;
    view(x, 0, "support", 1990 * USD); /* little is left, so that any pace is many times too fast */
    keep(x, NOW - 60 * SECOND, "main", "gpt-4o-mini", 2 * USD, 100);
    (void)look(x, watch_pace, NOW);
    assert_null(only(x, FINDING_BUDGET_BURN));
}

static void plans(void **state) {
    struct world *x = *state;
    spend_evenly(x, 28);
    struct budget_view *v = view(x, 0, "support", 0);
    x->policy->budgets[0].limit_nano = 3000 * USD; /* the plan until now is 178 of 720 hours: 742 USD */
    v->spent_nano = 880 * USD;
    assert_int_equal(look(x, watch_pace, NOW), 0); /* 19 % */
    v->spent_nano = 900 * USD;
    assert_int_equal(look(x, watch_pace, NOW), 1);
    EXPECT_TEXT(only(x, FINDING_OVER_PLAN)->title, "is 21 % over plan: 900 of 3000 USD");
    v->spent_nano = 830 * USD; /* 12 %: it stands until it is below 10 */
    assert_int_equal(look(x, watch_pace, NOW), 0);
    assert_non_null(only(x, FINDING_OVER_PLAN));
    v->spent_nano = 800 * USD;
    assert_int_equal(look(x, watch_pace, NOW), 0);
    assert_null(only(x, FINDING_OVER_PLAN));
    v->spent_nano = 870 * USD;
    assert_int_equal(look(x, watch_pace, NOW), 0); /* and does not open again between */
    x->policy->server.watch.plan_over = 0.1;
    assert_int_equal(look(x, watch_pace, NOW), 1);
}

/* Without history nothing is known, and that ends nothing. */
static void no_history_is_no_good_news(void **state) {
    struct world *x = *state;
    spend_evenly(x, 1);
    struct budget_view *v = view(x, 0, "support", 178 * USD);
    struct json_writer w;
    struct buffer key;
    buffer_init(&key, 1 << 10);
    json_start(&w, &key);
    json_array(&w);
    json_put_text(&w, "budget_forecast");
    json_put_text(&w, "month");
    json_put_i64(&w, MONTH_START / SECOND);
    json_put_i64(&w, 0);
    json_put_text(&w, "support");
    json_array_end(&w);
    struct finding f = { .kind = FINDING_BUDGET_FORECAST, .key = buffer_slice(&key), .application = SLICE("support"), .title = SLICE("t"), .evidence = SLICE("{\"statistic\":1,\"threshold\":1,\"threshold_from\":\"x\",\"false_alarm_rate\":0}"), .command = SLICE("c")};
    struct findings_change change;
    assert_int_equal(findings_put(x->w.registry, &(struct findings_look){.seen = &f, .n_seen = 1}, NOW, NULL,
                                  &change, NULL),
                     FAULT_NONE);
    assert_int_equal(look(x, watch_pace, NOW), 0);
    assert_non_null(only(x, FINDING_BUDGET_FORECAST));
    v->spent_nano = 0; /* a window in which nothing was spent */
    assert_int_equal(look(x, watch_pace, NOW), 0);
    assert_null(only(x, FINDING_BUDGET_FORECAST));
    buffer_deinit(&key);
}

/* ---- anomalies ---- */

#define DAY_REQUESTS 24

/* Answers of about 100 tokens, from day `since` on about `output`. */
static void keep_days(struct world *x, const char *type, int64_t from, int64_t to, int64_t since,
                      int64_t output) {
    for (int64_t day = from; day < to; day++)
        for (int64_t i = 0; i < DAY_REQUESTS; i++) {
            struct record r;
            rig_record(&r, day * RIG_DAY + i * RIG_DAY / DAY_REQUESTS, x->number++);
            r.request_type = slice_of(type);
            r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o-mini");
            r.usage.input = 1000;
            r.usage.output = (day >= since ? output : 100) + (int64_t)rig_below(x->rig, 21) - 10;
            r.charge = (struct charge){
                1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT,
                {[CHARGE_INPUT] = r.usage.input * 150, [CHARGE_OUTPUT] = r.usage.output * 600}};
            r.cost_nano = r.charge.nano[CHARGE_INPUT] + r.charge.nano[CHARGE_OUTPUT];
            rig_append_record(x->recorder, 0, &r);
        }
}

#define TODAY (RIG_START / RIG_DAY)
#define MIDNIGHT(day) ((day)*RIG_DAY + HOUR)

static void anomalies(void **state) {
    struct world *x = *state;
    keep_days(x, "draft", TODAY - 70, TODAY, TODAY - 1, 200); /* answers doubled yesterday */
    keep_days(x, NULL, TODAY - 70, TODAY, INT64_MAX, 0);
    assert_int_equal(look(x, watch_anomalies, MIDNIGHT(TODAY - 1)), 0);
    assert_int_equal(look(x, watch_anomalies, MIDNIGHT(TODAY)), 1); /* heard of within a day */
    const struct finding *f = only(x, FINDING_COST_ANOMALY);
    EXPECT_TEXT(f->title, "support, draft: answers grew on 2025-11-07, +0.04");
    EXPECT_TEXT(
        f->command,
        "quarterdeck cost explain --application support --request-type draft --from 2025-11-07T00:00:00Z "
        "--to "
        "2025-11-08T00:00:00Z --baseline-from 2025-10-31T00:00:00Z --baseline-to 2025-11-01T00:00:00Z");
    EXPECT_TEXT(f->evidence, "quarterdeck cost anomalies --application support --from 2025-09-09T00:00:00Z");
    assert_true(slice_is(f->application, "support"));
    keep_days(x, "draft", TODAY, TODAY + 10, 0, 200);
    for (int64_t day = TODAY + 1; day <= TODAY + 10; day++)
        assert_int_equal(look(x, watch_anomalies, MIDNIGHT(day)), 0);
    assert_non_null(only(x, FINDING_COST_ANOMALY));
    assert_int_equal(look(x, watch_anomalies, MIDNIGHT(TODAY + 200)), 0); /* no data: neither so nor gone */
    assert_non_null(only(x, FINDING_COST_ANOMALY));
}

/* What the rules make of it, an hour after midnight. */
static void tick(struct world *x, struct watching *w, struct signals *signals, int64_t now_us) {
    struct error error = {0};
    struct watching_result result;
    struct finding *open = NULL;
    unsigned n = 0;
    int64_t numbers[4];
    assert_int_equal(findings_open(x->w.registry, &x->arena, &open, &n, &error), FAULT_NONE);
    struct watching_sources s = {.policy = &x->policy->alerts, .names = x->policy, .signals = signals, .findings = open, .n_findings = n, .now_us = now_us, .clock_us = now_us, .complete = true};
    if (watching_is_stale(w)) assert_int_equal(watching_load(w, x->w.registry, &error), FAULT_NONE);
    if (watching_tick(w, &s, &x->arena, &result, &error) != FAULT_NONE) fail_msg("%s", error.text);
    assert_true(result.look.n_rows < 4);
    assert_int_equal(alerts_commit(x->w.registry, &result.look, numbers, &error), FAULT_NONE);
    watching_kept(w, &result, numbers);
}

/* Answers double from one day on: after one day's traffic it is a finding, by its rule an alert, and the notice says what grew and what to type. */
static void a_creep_is_told_after_a_day(void **state) {
    struct world *x = *state;
    char text[sizeof yaml + 200];
    struct notice *all = NULL;
    unsigned n = 0;
    struct notice_alerts told;
    struct error error = {0};
    snprintf(text, sizeof text, "%salerts: [{name: creep, when: {finding: cost_anomaly}, notify: [finance]}]\nreceivers: {finance: {webhook: {url: 'http://127.0.0.1:9/'}}}\n", yaml);
    policy_drop(x->policy);
    x->policy = read_policy(text);
    struct watching *w = watching_new();
    struct signals *signals = signals_new();
    keep_days(x, "draft", TODAY - 70, TODAY, TODAY - 1, 200);
    for (int64_t day = TODAY - 1; day <= TODAY; day++) {
        (void)look(x, watch_anomalies, MIDNIGHT(day));
        tick(x, w, signals, MIDNIGHT(day));
        tick(x, w, signals, MIDNIGHT(day) + 60 * SECOND); /* the group's wait is over */
        assert_int_equal(notices_list(x->w.registry, SLICE_NULL, 10, &x->arena, &all, &n, &error), FAULT_NONE);
        assert_int_equal(n, day == TODAY);
    }
    assert_true(slice_is(all[0].receiver, "finance"));
    assert_int_equal(notice_read(all[0].body, &x->arena, &told, &error), FAULT_NONE);
    EXPECT_TEXT(told.alerts[0].summary, "support, draft: answers grew on 2025-11-07, +0.04");
    EXPECT_TEXT(told.alerts[0].commands, "quarterdeck cost explain --application support --request-type draft");
    watching_free(w);
    signals_free(signals);
}

/* More days move the day of an alarm by one or two (here: the former look said the day before). It is the
 * same finding, and what a person said of it holds; another type of work has its own. */
static void the_same_shift_a_day_apart(void **state) {
    struct world *x = *state;
    char key[100];
    struct findings_change change;
    int64_t id;
    snprintf(key, sizeof key, "[\"cost_anomaly\",\"support\",\"draft\",%lld]", (long long)(TODAY - 6));
    struct finding f = {.kind = FINDING_COST_ANOMALY, .key = slice_of(key), .application = SLICE("support"), .title = SLICE("t"), .evidence = SLICE("{}"), .command = SLICE("c")};
    assert_int_equal(findings_put(x->w.registry, &(struct findings_look){.seen = &f, .n_seen = 1}, NOW, &id, &change, NULL), FAULT_NONE);
    assert_int_equal(findings_dismiss(x->w.registry, id, SLICE("ann"), SLICE("launch"), NOW, NULL),
                     FAULT_NONE);
    keep_days(x, "draft", TODAY - 30, TODAY, TODAY - 5, 300);
    assert_int_equal(look(x, watch_anomalies, MIDNIGHT(TODAY)), 0);
    keep_days(x, "other", TODAY - 30, TODAY, TODAY - 5, 300);
    assert_int_equal(look(x, watch_anomalies, MIDNIGHT(TODAY)), 1);
    EXPECT_TEXT(only(x, FINDING_COST_ANOMALY)->title, "support, other: answers grew");
}

/* Day after day over a whole segment and into the next, nothing that chance did is told. */
static void quiet_days_are_quiet(void **state) {
    struct world *x = *state;
    int64_t from = TODAY - TODAY % WATCH_SEGMENT;
    keep_days(x, "draft", from - 60, from + 70, INT64_MAX, 0);
    for (int64_t day = from; day < from + 70; day += 7)
        assert_int_equal(look(x, watch_anomalies, MIDNIGHT(day)), 0);
}

/* A stop on the way is no look at all; and the days of another zone are its own. */
static void stopped_on_the_way(void **state) {
    struct world *x = *state;
    struct error error = {0};
    x->stop = true;
    view(x, 0, "support", USD);
    assert_int_equal(watch_anomalies(&x->w, NOW, &error), FAULT_SHUTTING_DOWN);
    assert_int_equal(watch_pace(&x->w, NOW, &error), FAULT_SHUTTING_DOWN);
}

static void days_of_another_zone(void **state) {
    struct world *x = *state;
    char text[4096];
    snprintf(text, sizeof text, "%swatch: {timezone: Asia/Tokyo}\n", yaml);
    policy_drop(x->policy);
    x->policy = read_policy(text);
    keep_days(x, "draft", TODAY - 30, TODAY, TODAY - 5, 300);
    assert_int_equal(look(x, watch_anomalies, MIDNIGHT(TODAY)), 1);
    const struct finding *f = only(x, FINDING_COST_ANOMALY);
    EXPECT_TEXT(f->command, "T15:00:00Z --to 2025-11-07T15:00:00Z");
    EXPECT_TEXT(f->evidence, "--timezone Asia/Tokyo");
}

/* ---- when the registry cannot be written ---- */

static void a_failure_is_said(void **state) {
    struct world *x = *state;
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    view(x, 0, "support", 200 * USD);
    struct database *db =
        database_open(rig_path(x->rig, "registry.db"), &(struct database_options){0}, &fault, &error);
    assert_int_equal(database_exec(db, "DROP TABLE finding", &error), FAULT_NONE);
    database_close(db);
    assert_int_not_equal(watch_thresholds(&x->w, NOW, &error), FAULT_NONE);
    assert_non_null(strstr(error.text, "finding"));
    assert_int_equal(x->n_opened, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(thresholds),
        TEST(refusals),
        TEST(many_values_are_one_finding),
        TEST(a_reload_clears_nothing),
        TEST(prices),
        TEST(blocked_for_want_of_a_price),
        TEST(usage_that_is_not_told),
        TEST(forecasts),
        TEST(burns),
        TEST(a_cent_does_not_burn),
        TEST(plans),
        TEST(no_history_is_no_good_news),
        TEST(anomalies),
        TEST(a_creep_is_told_after_a_day),
        TEST(the_same_shift_a_day_apart),
        TEST(quiet_days_are_quiet),
        TEST(stopped_on_the_way),
        TEST(days_of_another_zone),
        TEST(a_failure_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
