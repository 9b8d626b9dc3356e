#include "base/clock.h"
#include "base/mem.h"
#include "model/price.h"
#include "model/price_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static const struct price_list *list;

static int setup(void **state) {
    (void)state;
    struct price_list *made;
    arena_init(&arena, 4096, 16u << 20);
    if (price_list_new(&arena, NULL, NULL, 0, &made, NULL) != FAULT_NONE) return 1;
    list = made;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static const struct price_model *find(const char *provider, const char *model) {
    return price_find(list, slice_of(provider), slice_of(model));
}

static const char *id_of(const char *provider, const char *model) {
    const struct price_model *m = find(provider, model);
    return m != NULL ? price_model_id(m) : "nothing";
}

static struct usage usage(int64_t input, int64_t output) {
    struct usage u;
    usage_init(&u);
    u.input = input;
    u.output = output;
    return u;
}

static int64_t wall(const char *date) {
    int64_t at = 0;
    assert_true(clock_parse(slice_of(date), &at));
    return at;
}

/* ===== the whole table against decimal arithmetic ===== */

static int64_t cell(struct slice *rest) {
    struct slice text;
    int64_t n = USAGE_NULL;
    slice_cut(*rest, ',', &text, rest);
    if (text.len > 0) assert_true(slice_to_i64(text, &n));
    return n;
}

static void check_vector(struct slice line) {
    struct slice provider, model, rest = line, whole = line;
    struct usage u;
    usage_init(&u);
    slice_cut(rest, ',', &provider, &rest);
    slice_cut(rest, ',', &model, &rest);
    int64_t at = cell(&rest);
    int64_t *const counters[] = {&u.input, &u.cache_read, &u.cache_write, &u.cache_write_1h, &u.input_audio, &u.output, &u.reasoning, &u.output_audio};
    for (unsigned i = 0; i < USAGE_FIELDS; i++) *counters[i] = cell(&rest);
    const struct price_model *m = price_find(list, provider, model);
    assert_non_null(m);
    assert_true(slice_is(model, price_model_id(m)));
    struct price_quote q;
    price_quote(m, &u, at, false, &q);
    int64_t want = MONEY_UNKNOWN;
    if (!slice_is(rest, "null")) assert_true(slice_to_i64(rest, &want));
    if (q.cost_nano != want) fail_msg("%.*s: found %lld (%s)", SLICE_ARG(whole), (long long)q.cost_nano, q.why ? q.why : "");
    assert_true((q.why == NULL) == money_is_known(want));
    assert_int_equal(price_cost(m, &u, at), want);
    __int128 sum = 0; /* the explanation adds up */
    for (unsigned i = 0; i < q.n_lines; i++) sum += (__int128)q.lines[i].tokens * q.lines[i].rate;
    if (money_is_known(want)) assert_true((sum + 500000) / 1000000 - want <= 1 && want - sum / 1000000 <= 1);
}

static void test_vectors(void **state) {
    (void)state;
    FILE *file = fopen("tests/data/price_vectors.csv", "r");
    char line[512], models[512][80];
    unsigned n = 0, n_models = 0;
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file)); /* the heading */
    while (fgets(line, sizeof line, file) != NULL) {
        struct slice s = slice_trim(slice_of(line)), provider, rest, model;
        check_vector(s);
        n++;
        slice_cut(s, ',', &provider, &rest);
        slice_cut(rest, ',', &model, &rest);
        char name[80];
        snprintf(name, sizeof name, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(provider), SLICE_ARG(model));
        if (n_models == 0 || strcmp(models[n_models - 1], name) != 0) memcpy(models[n_models++], name, sizeof name);
    }
    fclose(file);
    assert_int_equal(n_models, 512);
    assert_true(n > 2000);
}

/* ===== names ===== */

static void test_find(void **state) {
    (void)state;
    assert_string_equal(id_of("openai", "gpt-4o-mini"), "gpt-4o-mini");
    assert_string_equal(id_of("openai", "gpt-4o-mini-2024-07-18"), "gpt-4o-mini");
    assert_string_equal(id_of("openai", "GPT-4o-Mini"), "gpt-4o-mini"); /* any case */
    assert_string_equal(id_of("anthropic", "claude-3-5-haiku-20241022"), "claude-3-5-haiku-latest");
    assert_string_equal(id_of("openai", "gpt-5.6-sol-2026-08-21"), "gpt-5.6-sol"); /* by pattern */
    assert_string_equal(id_of("openai", "gpt-5.6-sol-20260821"), "gpt-5.6-sol");   /* by taking the date off */
    assert_string_equal(id_of("google", "gemini-2.5-pro-preview-tts"), "gemini-2.5-pro-tts"); /* the other's pattern looks ahead */
    assert_string_equal(id_of("openai", "gpt-99"), "nothing");
    assert_string_equal(id_of("openai", ""), "nothing");
    assert_null(price_find(list, SLICE("openai"), SLICE_NULL));
    assert_null(price_find(NULL, SLICE("openai"), SLICE("gpt-4o")));
    char longer[300];
    memset(longer, 'g', sizeof longer);
    assert_null(price_find(list, SLICE("openai"), slice_make(longer, sizeof longer)));
}

static void test_find_provider(void **state) {
    (void)state;
    assert_true(price_has_provider(list, SLICE("openai")));
    assert_true(price_has_provider(list, SLICE("bedrock")));
    assert_false(price_has_provider(list, SLICE("local")));
    assert_false(price_has_provider(list, SLICE("")));
    assert_string_equal(id_of("xai", "grok-4.3-20260401"), "grok-4.3"); /* another name of x-ai */
    assert_string_equal(price_model_provider(find("azure", "gpt-4o")), "openai"); /* Azure asks what OpenAI asks … */
    assert_string_equal(price_model_provider(find("azure", "text-embedding-3-small")), "azure"); /* … where it says nothing itself */
    /* the provider in front of the name */
    assert_string_equal(price_model_provider(find("local", "anthropic/claude-3-5-haiku-latest")), "anthropic");
    assert_string_equal(price_model_provider(find("openai", "anthropic/claude-3-5-haiku-latest")), "anthropic");
    assert_null(find("local", "gpt-4o"));
    assert_null(find("local", "nobody/gpt-4o"));
    /* without a provider: only where nobody differs */
    assert_string_equal(price_model_id(price_find(list, SLICE_NULL, SLICE("gpt-4o-mini"))), "gpt-4o-mini");
    assert_null(price_find(list, SLICE_NULL, SLICE("claude-3-5-haiku-latest"))); /* Google has no one-hour rate */
}

static void test_context_window(void **state) {
    (void)state;
    assert_int_equal(price_context_window(find("openai", "gpt-3.5-turbo")), 16385);
    assert_int_equal(price_context_window(find("openai", "ada")), -1);
}

/* ===== quotes ===== */

static void test_lines(void **state) {
    (void)state;
    struct price_quote q;
    struct usage u = usage(1000, 100);
    u.cache_read = 400;
    price_quote(find("openai", "gpt-4o-mini"), &u, 0, false, &q);
    /* 600 * 0.15 + 400 * 0.075 + 100 * 0.6, in millionths of a dollar */
    assert_int_equal(q.cost_nano, 180000);
    assert_null(q.why);
    assert_null(q.since);
    assert_int_equal(q.n_lines, 3);
    assert_string_equal(q.lines[0].meter, "cache_read");
    assert_int_equal(q.lines[0].tokens, 400);
    assert_int_equal(q.lines[0].rate, 75000000);
    assert_string_equal(q.lines[1].meter, "input");
    assert_int_equal(q.lines[1].tokens, 600);
    assert_int_equal(q.lines[1].rate, 150000000);
    assert_string_equal(q.lines[2].meter, "output");
    assert_false(q.lines[2].tiered);
}

static void test_tiers(void **state) {
    (void)state;
    struct price_quote q;
    const struct price_model *m = find("openai", "gpt-5.6-sol");
    struct usage u = usage(271999, 1000);
    price_quote(m, &u, wall("2026-08-20T23:59:59.999999Z"), false, &q);
    assert_int_equal(q.cost_nano, 271999 * 5000LL + 1000 * 30000LL);
    assert_false(q.lines[0].tiered);
    u.input++; /* the whole request takes the higher rates */
    price_quote(m, &u, wall("2026-08-20T23:59:59.999999Z"), false, &q);
    assert_int_equal(q.cost_nano, 272000 * 10000LL + 1000 * 45000LL);
    assert_true(q.lines[0].tiered && q.lines[1].tiered);
    assert_null(q.since);
    price_quote(m, &u, wall("2026-08-21"), false, &q);
    assert_int_equal(q.cost_nano, 272000 * 8000LL + 1000 * 30000LL);
    assert_string_equal(q.since, "2026-08-21");
}

static const char *why(const char *provider, const char *model, struct usage u) {
    struct price_quote q;
    price_quote(find(provider, model), &u, wall("2026-11-21"), false, &q);
    assert_false(money_is_known(q.cost_nano));
    return q.why;
}

static void test_unknown(void **state) {
    (void)state;
    struct usage u = usage(10, 5), none;
    usage_init(&none);
    assert_string_equal(why("openai", "gpt-99", u), "the model is not in the price table");
    assert_string_equal(why("openai", "gpt-4o", none), "the provider reported no usage");
    assert_string_equal(why("openai", "gpt-4o", usage(-1, 5)), "input tokens were not reported");
    assert_string_equal(why("openai", "gpt-4o", usage(5, -1)), "output tokens were not reported");
    assert_string_equal(why("openai", "text-embedding-3-small", u), "the table has no output rate");
    assert_string_equal(why("openai", "whisper-1", u), "the table prices this model by something other than tokens");
    u.cache_read = 11;
    assert_string_equal(why("openai", "gpt-4o", u), "the counters contradict each other: parts exceed their whole");
    u = usage(10, 5);
    u.input_audio = u.cache_read = 5;
    assert_string_equal(why("openai", "gpt-realtime", u), "cached and audio input are priced apart and may overlap");
    assert_string_equal(why("openai", "gpt-4o", usage(INT64_MAX, 5)), "the cost is out of range");
    assert_int_equal(price_cost(NULL, &u, 0), MONEY_UNKNOWN);
}

static void test_known_without_all(void **state) {
    (void)state;
    struct usage none, u = usage(1000000, -1);
    usage_init(&none);
    assert_int_equal(price_cost(find("openai", "text-embedding-3-small"), &u, 0), MONEY_USD / 50);
    assert_int_equal(price_cost(find("openai", "moderation"), &none, 0), 0); /* {}: the table says it is free */
    u = usage(1000, 0);
    u.cache_write = 1000; /* no rate of its own: input */
    assert_int_equal(price_cost(find("openai", "gpt-4o-mini"), &u, 0), 150000);
    u = usage(1000, 100);
    assert_int_equal(price_cost(find("perplexity", "sonar"), &u, 0), 1100000 + 12000000); /* and 12 USD for 1000 requests */
}

static void test_rounding(void **state) {
    (void)state;
    static const char text[] = "{\"models\": [{\"provider\": \"p\", \"id\": \"m\", \"prices\": {\"input_mtok\": 0.0005, \"output_mtok\": 1e-9}}]}";
    const struct slice overlay = SLICE(text);
    const char *name = "test";
    struct price_list *l;
    assert_int_equal(price_list_new(&arena, &overlay, &name, 1, &l, NULL), FAULT_NONE);
    const struct price_model *m = price_find(l, SLICE("p"), SLICE("m"));
    static const int64_t want[][3] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 1}, {3, 0, 2}, {5, 0, 2}, {7, 0, 4}, {1, 1, 1}, {5, 1, 3}, {1, 0, 0}};
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct usage u = usage(want[i][0], want[i][1]);
        assert_int_equal(price_cost(m, &u, 0), want[i][2]); /* half a nano goes to the even side, and no more than half up */
    }
}

/* ===== overlays ===== */

static struct price_list *overlay_of(const char *text) {
    const struct slice s = slice_of(text);
    const char *name = "mine.json";
    struct price_list *l = NULL;
    struct error e = {0};
    if (price_list_new(&arena, &s, &name, 1, &l, &e) != FAULT_NONE) fail_msg("%s", e.text);
    return l;
}

static void test_overlay(void **state) {
    (void)state;
    struct usage u = usage(1000000, 1000000);
    struct price_list *l = overlay_of("{\"models\": ["
                                      "{\"provider\": \"openai\", \"id\": \"gpt-4o-mini\", \"prices\": {\"input_mtok\": 1, \"output_mtok\": 1}},"
                                      "{\"provider\": \"openai\", \"id\": \"gpt-4o-mini\", \"prices\": {\"input_mtok\": 2, \"output_mtok\": 2}},"
                                      "{\"provider\": \"local\", \"id\": \"llama\", \"match\": {\"starts_with\": \"LLAMA-\"}, \"context_window\": 99, \"prices\": {\"input_mtok\": 0, \"output_mtok\": 0}}]}");
    /* the later entry wins, takes over the names of the one it replaces, and that one is gone */
    assert_int_equal(price_cost(price_find(l, SLICE("openai"), SLICE("gpt-4o-mini")), &u, 0), 4 * MONEY_USD);
    assert_int_equal(price_cost(price_find(l, SLICE("openai"), SLICE("gpt-4o-mini-2024-07-18")), &u, 0), 4 * MONEY_USD);
    assert_int_equal(price_context_window(price_find(l, SLICE("openai"), SLICE("gpt-4o-mini"))), price_context_window(find("openai", "gpt-4o-mini")));
    assert_int_equal(price_cost(price_find(l, SLICE("openai"), SLICE("gpt-4o")), &u, 0), price_cost(find("openai", "gpt-4o"), &u, 0));
    assert_true(price_has_provider(l, SLICE("local")));
    assert_false(price_has_provider(list, SLICE("local")));
    assert_int_equal(price_cost(price_find(l, SLICE("local"), SLICE("llama-3")), &u, 0), 0); /* a rate of 0 is a price */
    assert_int_equal(price_context_window(price_find(l, SLICE("local"), SLICE("llama-3"))), 99);
}

static void test_batch(void **state) {
    (void)state;
    struct usage u = usage(1000000, 1000000);
    struct price_quote q;
    struct price_list *l = overlay_of("{\"models\": [{\"provider\": \"p\", \"id\": \"m\", \"prices\": {\"input_mtok\": 4, \"output_mtok\": 8}, \"batch_prices\": {\"input_mtok\": 2}}]}");
    const struct price_model *m = price_find(l, SLICE("p"), SLICE("m"));
    price_quote(m, &u, 0, false, &q);
    assert_int_equal(q.cost_nano, 12 * MONEY_USD);
    price_quote(m, &u, 0, true, &q); /* what the batch table leaves out costs as usual */
    assert_int_equal(q.cost_nano, 10 * MONEY_USD);
    price_quote(find("openai", "gpt-4o"), &u, 0, true, &q);
    assert_int_equal(q.cost_nano, MONEY_UNKNOWN);
    assert_string_equal(q.why, "the table has no batch rates for this model");
    price_quote_batch(m, &u, 0, 500000, &q); /* the table's own rates are what they are */
    assert_int_equal(q.cost_nano, 10 * MONEY_USD);
    price_quote_batch(find("openai", "gpt-4o"), &u, 0, -1, &q);
    assert_int_equal(q.cost_nano, MONEY_UNKNOWN);
}

/* A declared discount is taken off each rate, and that rounded half to even to 10^-15 USD, the tiers' too. */
static void test_batch_discount(void **state) {
    (void)state;
    struct usage u = usage(1000000, 1000000);
    struct price_quote q, usual;
    const struct price_model *m = find("openai", "gpt-4o");
    price_quote(m, &u, 0, false, &usual);
    price_quote_batch(m, &u, 0, 500000, &q);
    assert_int_equal(2 * q.cost_nano, usual.cost_nano);
    assert_null(q.why);
    price_quote_batch(m, &u, 0, 0, &q);
    assert_int_equal(q.cost_nano, usual.cost_nano);
    price_quote_batch(m, &u, 0, 1000000, &q);
    assert_int_equal(q.cost_nano, 0);
    struct price_list *l = overlay_of("{\"models\": [{\"provider\": \"p\", \"id\": \"m\", \"prices\": {\"output_mtok\": 0.000000003,"
                                      " \"input_mtok\": {\"base\": 0.000000001, \"tiers\": [{\"start\": 1000, \"price\": 0.000000007}]}}}]}");
    m = price_find(l, SLICE("p"), SLICE("m"));
    price_quote_batch(m, &u, 0, 500000, &q);
    assert_int_equal(q.lines[0].rate, 4); /* 3.5 */
    assert_int_equal(q.lines[1].rate, 2); /* 1.5 */
    u.input = 10;
    price_quote_batch(m, &u, 0, 500000, &q);
    assert_int_equal(q.lines[0].rate, 0); /* 0.5 */
    price_quote_batch(m, &u, 0, 499999, &q);
    assert_int_equal(q.lines[0].rate, 1); /* 0.500001 */
}

static void refuse(const char *text, const char *words) {
    const struct slice s = slice_of(text);
    const char *name = "mine.json";
    struct price_list *l = NULL;
    struct error e = {0};
    assert_int_equal(price_list_new(&arena, &s, &name, 1, &l, &e), FAULT_CONFIG);
    assert_null(l);
    assert_string_equal(e.text, words);
}

#define MODEL(rest) "{\"models\": [{\"provider\": \"p\", \"id\": \"m\", " rest "}]}"

static void test_refused(void **state) {
    (void)state;
    refuse("[]", "mine.json: expected {\"models\": [...]}");
    refuse("{\"models\": [{\"id\": \"m\"}]}", "mine.json: models[0]: `provider` is required");
    refuse("{\"models\": [{\"provider\": \"p\", \"id\": \"m\"}]}", "mine.json: models[0]: `prices` is required");
    refuse("{\"models\": [{\"provider\": \"p\", \"id\": \"\", \"prices\": {}}]}", "mine.json: models[0].id: expected the name of a model, found `\"\"`");
    refuse(MODEL("\"prices\": {\"input_mtok\": -1}"), "mine.json: models[0].prices.input_mtok: expected a number from 0 with at most 9 decimals, found `-1`");
    refuse(MODEL("\"prices\": {\"input_mtok\": 0.0000000001}"),
           "mine.json: models[0].prices.input_mtok: expected a number from 0 with at most 9 decimals, found `0.0000000001`");
    refuse(MODEL("\"prices\": {\"input_mtk\": 1}"),
           "mine.json: models[0].prices.input_mtk: expected the name of a price such as input_mtok, found `\"input_mtk\"`");
    refuse(MODEL("\"prices\": {\"input_mtok\": {\"tiers\": []}}"), "mine.json: models[0].prices.input_mtok: `base` is required");
    refuse(MODEL("\"prices\": {\"input_mtok\": {\"base\": 1, \"tiers\": [{\"start\": -1, \"price\": 1}]}}"),
           "mine.json: models[0].prices.input_mtok.tiers[0]: expected a tier with `start`, whole tokens from 0, found `{\"start\": -1, \"price\": 1}`");
    refuse(MODEL("\"prices\": [{\"constraint\": {\"type\": \"start_date\", \"start_date\": \"soon\"}, \"prices\": {}}]"),
           "mine.json: models[0].prices[0].constraint.start_date: expected a date such as 2026-07-30, found `\"soon\"`");
    refuse(MODEL("\"prices\": []"), "mine.json: models[0].prices: expected at least one price, found `[]`");
    refuse(MODEL("\"match\": {\"regex\": \"(\"}, \"prices\": {}"), "mine.json: models[0].match.regex: expected a regular expression, found `\"(\"`");
    refuse(MODEL("\"match\": {\"like\": \"x\"}, \"prices\": {}"),
           "mine.json: models[0].match: expected one of equals, starts_with, ends_with, contains, regex, or, and, found `{\"like\": \"x\"}`");
}

/* A pattern that would take for ever stops, and is then no match. */
static void test_bounded_pattern(void **state) {
    (void)state;
    struct price_list *l = overlay_of("{\"models\": [{\"provider\": \"p\", \"id\": \"m\", \"match\": {\"regex\": \"^(a+)+$\"}, \"prices\": {}}]}");
    char name[128];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '!';
    assert_null(price_find(l, SLICE("p"), slice_make(name, sizeof name)));
    assert_non_null(price_find(l, SLICE("p"), slice_make(name, 20)));
}

static void test_daily(void **state) {
    (void)state;
    struct price_list *l = overlay_of(MODEL("\"prices\": [{\"prices\": {\"input_mtok\": 1}}, {\"constraint\": {\"type\": \"time_of_date\", \"start_time\": "
                                            "\"22:00:00Z\", \"end_time\": \"06:00:00Z\"}, \"prices\": {\"input_mtok\": 2}}]"));
    const struct price_model *m = price_find(l, SLICE("p"), SLICE("m"));
    struct usage u = usage(1000000, 0);
    assert_int_equal(price_cost(m, &u, wall("2026-11-21T21:59:59.999999Z")), MONEY_USD);
    assert_int_equal(price_cost(m, &u, wall("2026-11-21T22:00:00Z")), 2 * MONEY_USD); /* over midnight */
    assert_int_equal(price_cost(m, &u, wall("2026-11-22T05:59:59.999999Z")), 2 * MONEY_USD);
    assert_int_equal(price_cost(m, &u, wall("2026-11-22T06:00:00Z")), MONEY_USD);
    assert_int_equal(price_cost(m, &u, wall("1969-12-31T23:00:00Z")), 2 * MONEY_USD); /* days before 1970 are days */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_find),    cmocka_unit_test(test_find_provider), cmocka_unit_test(test_context_window),
        cmocka_unit_test(test_lines),   cmocka_unit_test(test_tiers),   cmocka_unit_test(test_unknown),       cmocka_unit_test(test_known_without_all),
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_overlay), cmocka_unit_test(test_batch), cmocka_unit_test(test_batch_discount),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounded_pattern), cmocka_unit_test(test_daily),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
