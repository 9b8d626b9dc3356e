/* The optimisation review on a ledger of ten days whose every amount is known by hand. */
#include "test_cost_rig.h"

#include "cost/review.h"
#include "model/config.h"
#include "store/registry_tiering.h"

#define DAYS 10
#define MONTHS 3.04375 /* 365.25 / 12 days over the ten that were observed */
#define WINDOW_END (RIG_START + DAYS * RIG_DAY)

static const char config[] =
    "providers:\n"
    "  main: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', prices_as: openai}\n"
    "  spare: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', prices_as: openai}\n"
    "models:\n"
    "  chat: {targets: [{provider: main, model: gpt-4o}, {provider: main, model: gpt-4o-mini},"
    " {provider: spare, model: no-such-model}]}\n"
    "applications:\n"
    "  support: {}\n"
    "  capped: {max_output_tokens: 500, cache: {exact: {ttl: 1h}}}\n";

struct context {
    struct rig *rig;
    struct ledger *ledger;
    struct recorder *recorder;
    struct arena arena;
    struct policy *policy;
    struct review review;
    uint64_t number;
};

static int setup(void **state) {
    struct context *x = test_calloc(1, sizeof *x);
    struct config_source source = {0};
    struct problems problems = {0};
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    x->rig = rig;
    x->ledger = rig_ledger(x->rig);
    x->recorder = rig_recorder(x->rig);
    arena_init(&x->arena, 64 << 10, 64 << 20);
    *state = x;
    return config_read(slice_of(config), "review.yaml", &source, NULL, &x->arena, &x->policy, &problems) !=
           FAULT_NONE;
}

static int teardown(void **state) {
    struct context *x = *state;
    void *rig = x->rig;
    recorder_close(x->recorder);
    ledger_close(x->ledger);
    policy_drop(x->policy);
    arena_deinit(&x->arena);
    rig_teardown(&rig);
    test_free(x);
    return 0;
}

/* ---- records ---- */

struct kind {
    const char *application, *type, *target;
    int64_t input, cached, output, input_rate, cached_rate, output_rate; /* nano-dollars a token */
    bool system_prompt;
};
#define GPT_4O 2500, 1250, 10000
#define MINI 150, 75, 600
static const struct kind summary = {"support", "summary", "gpt-4o", 3000, 0, 100, GPT_4O, true};
static const struct kind draft = {"support", "draft's", "gpt-4o-mini", 1000, 0, 5000, MINI, false};

static struct record record_of(struct context *x, const struct kind *k, int64_t at_us) {
    struct record r;
    rig_record(&r, at_us, x->number++);
    r.application = slice_of(k->application);
    r.request_type = k->type ? slice_of(k->type) : SLICE_NULL;
    r.model = SLICE("chat");
    r.provider = SLICE("main");
    r.target_model = slice_of(k->target);
    r.has_system_prompt = k->system_prompt;
    memset(r.system_prompt_hash, 0xab, sizeof r.system_prompt_hash);
    r.usage.input = k->input;
    r.usage.cache_read = k->cached;
    r.usage.output = k->output;
    r.charge.meters =
        1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT | (k->cached > 0 ? 1u << CHARGE_CACHE_READ : 0);
    r.charge.nano[CHARGE_INPUT] = (k->input - k->cached) * k->input_rate;
    r.charge.nano[CHARGE_CACHE_READ] = k->cached * k->cached_rate;
    r.charge.nano[CHARGE_OUTPUT] = k->output * k->output_rate;
    r.cost_nano =
        r.charge.nano[CHARGE_INPUT] + r.charge.nano[CHARGE_CACHE_READ] + r.charge.nano[CHARGE_OUTPUT];
    return r;
}

static void keep(struct context *x, const struct record *r) {
    rig_append_record(x->recorder, 0, r);
}

/* One an hour; on the sixth day the input is `short_day` tokens. */
static void keep_hourly(struct context *x, struct kind k, int64_t short_day) {
    int64_t input = k.input;
    for (int64_t h = 0; h < DAYS * 24; h++) {
        k.input = h / 24 == 5 ? short_day : input;
        struct record r = record_of(x, &k, RIG_START + h * COST_HOUR);
        keep(x, &r);
    }
}

static void keep_drafts(struct context *x) {
    for (int64_t i = 0; i < 48; i++) {
        struct record r = record_of(x, &draft, RIG_START + i * COST_HOUR + 1);
        r.status = i % 2 ? RECORD_TRUNCATED : RECORD_OK;
        keep(x, &r);
    }
}

static void keep_unpriced(struct context *x) {
    for (int64_t i = 0; i < 5; i++) {
        struct record r = record_of(x, &draft, RIG_START + i * COST_HOUR + 2);
        r.provider = SLICE("spare"), r.target_model = SLICE("no-such-model");
        r.cost_nano = MONEY_UNKNOWN;
        r.charge = (struct charge){0};
        keep(x, &r);
    }
}

static void run(struct context *x, const struct policy *policy, const char *application) {
    struct review_query q = {RIG_START, WINDOW_END, application ? slice_of(application) : SLICE_NULL};
    struct error error = {0};
    rig_drain(x->ledger, x->recorder);
    if (review_run(x->ledger, policy, &q, &x->arena, &x->review, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
}

static const struct review_action *find(const struct context *x, enum review_kind kind, const char *type) {
    for (size_t i = 0; i < x->review.n; i++) {
        const struct review_action *a = &x->review.actions[i];
        if (a->kind == kind && (type == NULL || slice_is(a->request_type, type))) return a;
    }
    return NULL;
}

static double fact_of(const struct review_action *a, const char *name) {
    for (unsigned i = 0; i < a->n_facts; i++)
        if (strcmp(a->facts[i].name, name) == 0) return a->facts[i].value;
    fail_msg("no fact %s", name);
    return 0;
}

static const char *text_of(struct context *x, struct slice s) {
    return arena_text(&x->arena, s);
}

static int64_t month(int64_t nano) {
    return (int64_t)((double)nano * MONTHS);
}

/* ---- amounts ---- */

/* summary: 216 of 3,000 tokens and 24 of 2,000, each with 100 of output, at gpt-4o: 1.98 USD.
 * draft: 48 of 1,000 and 5,000 at gpt-4o-mini: 0.1512 USD, half of them cut off. */
static void amounts(void **state) {
    struct context *x = *state;
    const struct review_action *a;
    keep_hourly(x, summary, 2000);
    keep_drafts(x);
    run(x, x->policy, NULL);
    assert_int_equal(x->review.verdict, REVIEW_ACTIONS);
    assert_int_equal(x->review.first_us, RIG_START);
    assert_int_equal(x->review.month_nano, month(1980000000 + 151200000));

    a = find(x, REVIEW_CACHE_PREFIX, NULL); /* 2,000 shared at most, 240 times, for half the price */
    assert_non_null(a);
    assert_int_equal(a->month_nano, month(480000 * 1250));
    assert_true(a->at_most);
    assert_true(fact_of(a, "prefix_tokens_at_most") == 2000);
    assert_string_equal(text_of(x, a->system_prompt), "abababababababababababababababab");

    a = find(x, REVIEW_CHEAPER_TARGET, NULL); /* 696,000 in and 24,000 out at 0.15 and 0.60 */
    assert_non_null(a);
    assert_int_equal(a->month_nano, month(1980000000 - 696000 * 150 - 24000 * 600));
    assert_false(a->at_most);
    assert_string_equal(text_of(x, a->act), "models: {chat-cheaper: {targets: [{provider: main, model: "
                                            "gpt-4o-mini}]}}, and this request type asks for it");
    assert_null(find(x, REVIEW_CHEAPER_TARGET, "draft's")); /* the other target is dearer */

    a = find(x, REVIEW_LOST_SPEND, NULL);
    assert_non_null(a);
    assert_int_equal(a->month_nano, month(24 * 3150000));
    assert_true(fact_of(a, "truncated") == 24 && fact_of(a, "failed") == 0);
    assert_string_equal(text_of(x, a->act), "quarterdeck record list --application support --request-type "
                                            "'draft'\\''s' --provider main --status truncated");
}

/* Known amounts first, the largest first; lengths, repeats and discounts are never made up. */
static void rank(void **state) {
    struct context *x = *state;
    static const enum review_kind order[] = {REVIEW_CHEAPER_TARGET, REVIEW_CACHE_PREFIX, REVIEW_LOST_SPEND,
                                             REVIEW_UNPRICED,       REVIEW_EXACT_CACHE,  REVIEW_STEADY_LOAD,
                                             REVIEW_EXACT_CACHE,    REVIEW_CAP_OUTPUT};
    keep_hourly(x, summary, 2000);
    keep_drafts(x);
    keep_unpriced(x);
    run(x, x->policy, NULL);
    assert_int_equal(x->review.n, sizeof order / sizeof *order);
    for (size_t i = 0; i < x->review.n; i++) {
        assert_int_equal(x->review.actions[i].kind, order[i]);
        assert_int_equal(money_is_known(x->review.actions[i].month_nano), i < 3);
    }
    const struct review_action *a = find(x, REVIEW_UNPRICED, NULL);
    assert_true(fact_of(a, "unpriced") == 5 && fact_of(a, "unpriced_output_tokens") == 25000);
    assert_string_equal(text_of(x, a->target_model), "no-such-model");
    a = find(x, REVIEW_STEADY_LOAD, NULL); /* a tenth of the hours are those of the cheap day */
    assert_float_equal(fact_of(a, "base_usd_month"), 0.006 * 240 * MONTHS, 1e-9);
    a = find(x, REVIEW_CAP_OUTPUT, NULL);
    assert_string_equal(text_of(x, a->act),
                        "applications: {support: {request_types: {\"draft's\": {max_output_tokens: N}}}}");
    assert_non_null(strstr(text_of(x, a->why), "5000.0 tokens an answer on average"));
}

/* A prefix that is cached already, one that is too short, and one that some request does not share. */
static void prefixes(void **state) {
    struct context *x = *state;
    struct kind cached = summary, brief = summary, uneven = summary;
    cached.type = "cached", cached.cached = 2500;
    brief.type = "brief", brief.input = 1023;
    uneven.type = "uneven";
    keep_hourly(x, cached, 3000);
    keep_hourly(x, brief, 1023);
    keep_hourly(x, uneven, 1023);
    run(x, x->policy, NULL);
    assert_null(find(x, REVIEW_CACHE_PREFIX, "brief"));
    assert_null(find(x, REVIEW_CACHE_PREFIX, "uneven"));
    const struct review_action *a = find(x, REVIEW_CACHE_PREFIX, "cached"); /* 500 tokens each are left */
    assert_non_null(a);
    assert_int_equal(a->month_nano, month(240 * 500 * 1250));
    a = find(x, REVIEW_CHEAPER_TARGET, "cached"); /* what was read from the cache is priced so there too */
    assert_non_null(a);
    assert_float_equal(fact_of(a, "cost_there_usd"), (120000 * 150 + 600000 * 75 + 24000 * 600) / 1e9, 1e-9);
}

/* A hundredth of the spend is not worth a line, and is counted. */
static void small_amounts(void **state) {
    struct context *x = *state;
    struct kind cached = summary;
    cached.cached = 2990;
    keep_hourly(x, cached, 3000);
    run(x, x->policy, NULL);
    assert_null(find(x, REVIEW_CACHE_PREFIX, NULL));
    assert_int_equal(x->review.n_left_off, 1);
}

/* What the configuration does already is no action. */
static void done_already(void **state) {
    struct context *x = *state;
    struct kind k = draft;
    k.application = "capped", k.type = NULL;
    keep_hourly(x, k, 1000);
    run(x, x->policy, NULL);
    assert_null(find(x, REVIEW_CAP_OUTPUT, NULL));
    assert_null(find(x, REVIEW_EXACT_CACHE, NULL));
    run(x, x->policy, "support"); /* it has none */
    assert_int_equal(x->review.verdict, REVIEW_NOT_ENOUGH);
    assert_int_equal(x->review.n, 0);
}

static void not_enough(void **state) {
    struct context *x = *state;
    struct record r = record_of(x, &summary, WINDOW_END - 23 * COST_HOUR);
    keep(x, &r);
    run(x, x->policy, NULL);
    assert_int_equal(x->review.verdict, REVIEW_NOT_ENOUGH);
    assert_int_equal(x->review.month_nano, MONEY_UNKNOWN);
    assert_int_equal(x->review.n, 0);
}

/* Without a configuration only what needs none is said, and that it is so. */
static void without_policy(void **state) {
    struct context *x = *state;
    struct buffer out;
    struct json_writer w;
    keep_hourly(x, summary, 2000);
    keep_drafts(x);
    run(x, NULL, NULL);
    for (size_t i = 0; i < x->review.n; i++)
        assert_true(x->review.actions[i].kind == REVIEW_LOST_SPEND ||
                    x->review.actions[i].kind == REVIEW_STEADY_LOAD);
    assert_int_equal(x->review.n, 2);
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    review_write_json(&x->review, &w);
    assert_non_null(strstr(buffer_text(&out), "{\"question\":\"caches, caps and cheaper targets\""));
    assert_non_null(strstr(buffer_text(&out), "\"usd_month\":null,\"at_most\":false"));
    buffer_deinit(&out);
}

static void bad_windows(void **state) {
    struct context *x = *state;
    struct error error;
    struct review_query q = {WINDOW_END, WINDOW_END, SLICE_NULL};
    assert_int_equal(review_run(x->ledger, NULL, &q, &x->arena, &x->review, &error), FAULT_BAD_REQUEST);
    q.from_us = WINDOW_END - 401 * RIG_DAY;
    assert_int_equal(review_run(x->ledger, NULL, &q, &x->arena, &x->review, &error), FAULT_BAD_REQUEST);
}

/* What was measured of a model with tiers stands in the action: not when it is worse, and not of another tier. */
static void a_measured_tier(void **state) {
    static const struct {
        const char *test, *why, *act;
    } cases[] = {
        {NULL, "was not measured", "quarterdeck model downgrade-test chat --judge MODEL"},
        {"{\"answer\":\"within\",\"cheapest\":\"mini\",\"scored\":50,\"change\":-0.01,\"change_low\":-0.03,\"change_high\":0.01,\"most_loss\":0.05}",
         "changes by -0.0100 (-0.0300 to +0.0100, 95 %, 50 pairs), surely within",
         "models: {chat: {rules: [{when: {request_type: summary}, tier: mini}]}}"},
        {"{\"answer\":\"not_enough_evidence\",\"cheapest\":\"mini\",\"scored\":12,\"change\":-0.01,\"change_low\":-0.3,\"change_high\":0.1,\"most_loss\":0.05}",
         "cannot be told yet", "quarterdeck model downgrade-test chat --judge MODEL"},
        {"{\"answer\":\"worse\",\"cheapest\":\"mini\",\"scored\":50,\"change\":-0.2,\"change_low\":-0.3,\"change_high\":-0.1,\"most_loss\":0.05}", NULL, NULL},
        {"{\"answer\":\"worse\",\"cheapest\":\"other\",\"scored\":50,\"change\":-0.2,\"change_low\":-0.3,\"change_high\":-0.1,\"most_loss\":0.05}",
         "was not measured", "quarterdeck model downgrade-test chat --judge MODEL"},
    };
    struct context *x = *state;
    struct config_source source = {0};
    struct problems problems = {0};
    struct error error = {0};
    struct policy *p = NULL;
    assert_int_equal(config_read(SLICE("providers: {main: {dialect: openai, base_url: http://h}}\nmodels:\n"
                                       "  mini: {targets: [{provider: main, model: gpt-4o-mini}]}\n"
                                       "  full: {targets: [{provider: main, model: gpt-4o}]}\n"
                                       "  chat: {tiers: [mini, full]}\napplications: {support: {}}\n"),
                                 "t.yaml", &source, NULL, &x->arena, &p, &problems),
                     FAULT_NONE);
    struct registry *r = registry_open(x->rig->dir, &error);
    assert_non_null(r);
    keep_hourly(x, summary, 2000);
    keep_hourly(x, draft, 1000); /* at the cheapest tier already */
    rig_drain(x->ledger, x->recorder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct review_query q = {.from_us = RIG_START, .to_us = WINDOW_END, .registry = r};
        if (cases[i].test != NULL)
            assert_int_equal(registry_tiering_downgrade(r, SLICE("chat"), slice_of(cases[i].test), SLICE("t"), RIG_START, &error), FAULT_NONE);
        assert_int_equal(review_run(x->ledger, p, &q, &x->arena, &x->review, &error), FAULT_NONE);
        const struct review_action *a = find(x, REVIEW_CHEAPER_TARGET, "summary");
        assert_null(find(x, REVIEW_CHEAPER_TARGET, "draft's"));
        assert_true((a != NULL) == (cases[i].why != NULL));
        if (a == NULL) continue;
        assert_non_null(strstr(text_of(x, a->why), cases[i].why));
        assert_string_equal(text_of(x, a->act), cases[i].act);
        assert_int_equal(a->month_nano, month(1980000000 - 696000 * 150 - 24000 * 600));
    }
    registry_close(r);
    policy_drop(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(amounts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_measured_tier, setup, teardown),
        cmocka_unit_test_setup_teardown(rank, setup, teardown),
        cmocka_unit_test_setup_teardown(prefixes, setup, teardown),
        cmocka_unit_test_setup_teardown(small_amounts, setup, teardown),
        cmocka_unit_test_setup_teardown(done_already, setup, teardown),
        cmocka_unit_test_setup_teardown(not_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(without_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_windows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
