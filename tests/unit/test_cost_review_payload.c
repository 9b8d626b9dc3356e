/* The review of captured exchanges: what they share, repeat and use, each known by hand. */
#include "test_cost_rig.h"

#include "cost/review.h"
#include "cost/review_exchange.h"
#include "cost/token_count.h"
#include "cost/words.h"
#include "model/config.h"

#include <math.h>

#define DAYS 10
#define MONTHS 3.04375 /* 365.25 / 12 days over the ten that are observed */
#define WINDOW_END (RIG_START + DAYS * RIG_DAY)
#define MINUTE (60 * 1000000LL)

static const char config[] =
    "providers: {main: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', prices_as: openai}}\n"
    "models: {chat: {targets: [{provider: main, model: gpt-4o}]}}\n"
    "applications: {support: {payloads: {capture: full}}}\n";

struct context {
    struct rig *rig;
    struct ledger *ledger;
    struct recorder *recorder;
    struct arena arena;
    struct policy *policy;
    struct review review;
    struct buffer system;
};

#define VAULTS " vaulting, tumbling, balancing, somersaulting, cartwheeling, backflipping, handstanding,"
#define UNUSED_LINE "- Mention gymnastics tournaments and trampolines:" VAULTS VAULTS VAULTS VAULTS

/* Lines 1 to 4; then some 1,500 tokens that are met by every question. */
static void make_system(struct buffer *out) {
    buffer_init(out, 64 << 10);
    buffer_append(
        out,
        SLICE(
            "You help customers of a bicycle workshop.\n"
            "- Quote the warranty of derailleurs and cassettes when customers mention shifting.\n" UNUSED_LINE
            "\n"
            "Decline horoscopes, astrology and tarot politely.\n"));
    for (int i = 0; i < 250; i++) buffer_printf(out, "Bicycle fact %d. ", i);
}

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
    make_system(&x->system);
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
    buffer_deinit(&x->system);
    arena_deinit(&x->arena);
    rig_teardown(&rig);
    test_free(x);
    return 0;
}

/* ---- exchanges ---- */

static void put_chunk(struct buffer *b, const char *word, unsigned n) {
    buffer_printf(b, "The %sone%u and the %stwo%u are described here at length:", word, n, word, n);
    for (int i = 0; i < 30; i++) buffer_append(b, SLICE(" filling"));
    if (n > 0) buffer_append(b, SLICE(" filed together"));
    buffer_append(b, SLICE("\n\n"));
}

/* Three chunks, of which the answer uses the first; `number` makes the question one of its own. */
static void put_request(struct context *x, struct buffer *out, unsigned number, const char *user) {
    struct json_writer w;
    struct buffer text;
    buffer_init(&text, 16 << 10);
    for (unsigned i = 0; i < 3; i++) put_chunk(&text, i == 0 ? "alpha" : i == 1 ? "bravo" : "charlie", i);
    buffer_printf(&text, "How is the shifting of bicycle %u?", number);
    json_start(&w, out);
    json_object(&w);
    json_member_text(&w, "model", "chat");
    json_member_text(&w, "user", user);
    json_key(&w, "messages");
    json_array(&w);
    json_object(&w);
    json_member_text(&w, "role", "system");
    json_member_string(&w, "content", buffer_slice(&x->system));
    json_object_end(&w);
    json_object(&w);
    json_member_text(&w, "role", "user");
    json_member_string(&w, "content", buffer_slice(&text));
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
    buffer_deinit(&text);
}

static const char whole[] =
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{"
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"By alphaone0 and alphatwo0, "
    "yes, filed "
    "together.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":"
    "1,\"total_tokens\":2}}";
static const char stream[] =
    "data: "
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{"
    "\"index\":0,"
    "\"delta\":{\"role\":\"assistant\",\"content\":\"By alphaone0 and \"},\"finish_reason\":null}]}\n\n"
    "data: "
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{"
    "\"index\":0,"
    "\"delta\":{\"content\":\"alphatwo0, yes, filed together.\"},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

static void keep_payload(struct context *x, const struct record *r, unsigned question, bool cut) {
    struct buffer request, frame;
    buffer_init(&request, 64 << 10);
    buffer_init(&frame, 256 << 10);
    put_request(x, &request, question, r->id.bytes[15] % 2 ? "ann" : "bob");
    struct payload p = {.id = r->id, .application = r->application, .request_cut = cut};
    p.request = buffer_slice(&request);
    p.reply = question % 2 ? SLICE(whole) : SLICE(stream);
    assert_true(payload_encode(&p, &frame));
    assert_int_equal(recorder_append(x->recorder, 0, FRAME_PAYLOAD, buffer_slice(&frame)), FAULT_NONE);
    buffer_deinit(&request);
    buffer_deinit(&frame);
}

/* Pairs of requests two minutes apart, a pair an hour: 480 of 3,000 tokens in and 1,000 out, of which 8 have
 * 5,000 out. Every fourth pair asks one thing twice. */
enum { PAIRS = DAYS * 24, ANSWERS = 2 * PAIRS, LONG = 4 };
static void keep_all(struct context *x, bool payloads) {
    for (unsigned i = 0; i < ANSWERS; i++) {
        struct record r;
        bool again = i % 8 == 1;
        rig_record(&r, RIG_START + i / 2 * COST_HOUR + i % 2 * 2 * MINUTE, i);
        r.model = SLICE("chat"), r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o");
        r.feature = SLICE("advice"), r.request_type = SLICE("repair");
        r.has_system_prompt = true;
        r.usage.input = 3000, r.usage.output = i % (ANSWERS / LONG) == 0 ? 5000 : 1000;
        r.charge.meters = 1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT;
        r.charge.nano[CHARGE_INPUT] = r.usage.input * 2500;
        r.charge.nano[CHARGE_OUTPUT] = r.usage.output * 10000;
        r.cost_nano = r.charge.nano[CHARGE_INPUT] + r.charge.nano[CHARGE_OUTPUT];
        rig_append_record(x->recorder, 0, &r);
        if (payloads) keep_payload(x, &r, again ? i - 1 : i, false);
    }
    rig_drain(x->ledger, x->recorder);
}

static void run(struct context *x) {
    struct review_query q = {RIG_START, WINDOW_END, SLICE_NULL};
    struct error error = {0};
    if (review_run(x->ledger, x->policy, &q, &x->arena, &x->review, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
}

static const struct review_action *find(const struct context *x, enum review_kind kind) {
    for (size_t i = 0; i < x->review.n; i++)
        if (x->review.actions[i].kind == kind) return &x->review.actions[i];
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

static int64_t tokens_of(struct slice text) {
    struct token_counter c;
    token_counter_init(&c, BPE_LONGEST_LOOP, TOKEN_WHOLE_TOOL, NULL);
    int64_t n = token_count_text(&c, SLICE("main"), SLICE("gpt-4o"), text).tokens;
    token_counter_deinit(&c);
    return n;
}

static void near(double found, double expected, double part) {
    if (fabs(found - expected) > part * fabs(expected)) fail_msg("found %g, expected %g", found, expected);
}

/* ---- what is found ---- */

/* Everything up to the number in the question is shared; half of the requests come two minutes after another,
 * the others an hour after. */
static void prefix(void **state) {
    struct context *x = *state;
    keep_all(x, true);
    run(x);
    assert_int_equal(x->review.n_sampled, ANSWERS);
    const struct review_action *a = find(x, REVIEW_CACHE_PREFIX);
    assert_non_null(a);
    int64_t system = tokens_of(buffer_slice(&x->system));
    assert_true(system > 1024);
    assert_true(fact_of(a, "prefix_tokens") > (double)system + 100 &&
                fact_of(a, "prefix_tokens") < (double)system + 200);
    assert_true(fact_of(a, "sampled") == 200);
    near(fact_of(a, "within_five_minutes"), 240.0 / 479, 1e-9);
    assert_false(a->at_most);
    double missed = fact_of(a, "prefix_tokens") * ANSWERS * 240 / 479;
    near(fact_of(a, "missed_tokens"), missed, 1e-3);
    near((double)a->month_nano, missed * 1250 * MONTHS, 1e-3);
    assert_int_equal(x->review.n_prefixes, 1);
    assert_int_equal(x->review.prefixes[0].month_nano, a->month_nano);
}

/* Lines 1, 3 and 4 are met by nothing; line 2 is met by "shifting"; the facts have no words of their own. */
static void instructions(void **state) {
    struct context *x = *state;
    keep_all(x, true);
    run(x);
    const struct review_action *a = find(x, REVIEW_SHORTEN_PROMPT);
    assert_non_null(a);
    assert_true(fact_of(a, "never_referenced") == 3);
    assert_non_null(strstr(text_of(x, a->why), "lines 1, 3, 4)"));
    assert_non_null(strstr(text_of(x, a->why), "heuristic"));
    int64_t tokens = tokens_of(SLICE("You help customers of a bicycle workshop.")) +
                     tokens_of(SLICE(UNUSED_LINE)) +
                     tokens_of(SLICE("Decline horoscopes, astrology and tarot politely."));
    near(fact_of(a, "never_referenced_tokens"), (double)tokens, 0);
    near((double)a->month_nano, (double)(tokens * ANSWERS * 2500) * MONTHS, 1e-6);
    assert_true(a->at_most);
}

static void chunks(void **state) {
    struct context *x = *state;
    keep_all(x, true);
    run(x);
    const struct review_action *a = find(x, REVIEW_FEWER_CHUNKS);
    assert_non_null(a);
    assert_string_equal(text_of(x, a->feature), "advice");
    assert_true(fact_of(a, "chunks") == 3 && fact_of(a, "chunks_used") == 1 &&
                fact_of(a, "chunks_enough") == 1);
    assert_true(a->at_most);
    near((double)a->month_nano, fact_of(a, "tokens_beyond") * ANSWERS * 2500 * MONTHS, 1e-6);
}

/* 4 of 480 answers are of 5,000 tokens: the 99th percentile is 1,000, and what is beyond it is theirs. */
static void lengths(void **state) {
    struct context *x = *state;
    keep_all(x, false);
    run(x);
    const struct review_action *a = find(x, REVIEW_CAP_OUTPUT);
    assert_non_null(a);
    assert_true(fact_of(a, "output_p99") == 1000 && fact_of(a, "output_longest") == 5000);
    assert_true(fact_of(a, "cut_answers") == LONG);
    near((double)a->month_nano, LONG * 4000 * 10000.0 * MONTHS, 1e-6);
    assert_false(a->at_most);
    assert_string_equal(text_of(x, a->act),
                        "applications: {support: {request_types: {repair: {max_output_tokens: 1000}}}}");
}

/* The user is no part of the question; 60 pairs ask one thing twice. */
static void repeats(void **state) {
    struct context *x = *state;
    keep_all(x, true);
    run(x);
    const struct review_action *a = find(x, REVIEW_EXACT_CACHE);
    assert_non_null(a);
    assert_true(fact_of(a, "sampled") == ANSWERS && fact_of(a, "repeated") == 60);
    near((double)a->month_nano, 60 * (3000 * 2500 + 1000 * 10000.0) * MONTHS, 1e-6);
}

/* Without payloads what they would show is unknown or at most, and the setting that would tell is named. */
static void without_payloads(void **state) {
    struct context *x = *state;
    struct buffer out;
    struct json_writer w;
    keep_all(x, false);
    run(x);
    assert_int_equal(x->review.n_exchanges, 0);
    assert_null(find(x, REVIEW_SHORTEN_PROMPT));
    assert_null(find(x, REVIEW_FEWER_CHUNKS));
    assert_true(find(x, REVIEW_CACHE_PREFIX)->at_most);
    assert_non_null(strstr(text_of(x, find(x, REVIEW_CACHE_PREFIX)->why),
                           "applications: {support: {payloads: {capture: full}}}"));
    assert_int_equal(find(x, REVIEW_EXACT_CACHE)->month_nano, MONEY_UNKNOWN);
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    review_write_json(&x->review, &w);
    assert_non_null(strstr(buffer_text(&out), "no payload is captured"));
    assert_non_null(strstr(buffer_text(&out), "\"sample\":{\"records\":480,\"exchanges\":0}"));
    buffer_deinit(&out);
}

/* What was cut or is no request of its dialect is left out, and the rest is read. */
static void unreadable(void **state) {
    struct context *x = *state;
    struct review_exchange e;
    static const char *const bad[] = {"", "{", "[]", "{\"model\":\"chat\",\"messages\":[{\"role\":", "null"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(review_exchange_read(DIALECT_OPENAI, ENDPOINT_CHAT, slice_of(bad[i]), SLICE(whole),
                                          &x->arena, &e));
    static const char request[] =
        "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"hello there\"}]}";
    static const char *const replies[] = {"", "{", "data: {\n\n", "data: [DONE]\n\n", "nonsense"};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        assert_true(review_exchange_read(DIALECT_OPENAI, ENDPOINT_CHAT, SLICE(request), slice_of(replies[i]),
                                         &x->arena, &e));
        assert_true(slice_is_null(e.answer));
        assert_true(slice_is(e.prefix, "user\nhello there\n"));
    }
    struct record r;
    keep_all(x, true);
    rig_record(&r, RIG_START + MINUTE, 9999);
    r.model = SLICE("chat"), r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o");
    r.request_type = SLICE("repair");
    rig_append_record(x->recorder, 0, &r);
    keep_payload(x, &r, 7, true);
    rig_drain(x->ledger, x->recorder);
    run(x);
    assert_int_equal(x->review.n_sampled, ANSWERS + 1);
    assert_int_equal(x->review.n_exchanges, ANSWERS);
}

/* Anthropic's wire, whole and as a stream, with a tool's result; Responses by their instructions and input.
 */
static void other_wires(void **state) {
    struct context *x = *state;
    struct review_exchange e;
    static const char request[] = "{\"model\":\"m\",\"max_tokens\":9,\"system\":\"be "
                                  "brief\",\"messages\":[{\"role\":\"user\",\"content\":\"where?\"},"
                                  "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\","
                                  "\"name\":\"look\",\"input\":{}}]},"
                                  "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
                                  "\"t\",\"content\":\"in the shed\"}]}]}";
    static const char reply[] =
        "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":"
        "\"text\",\"text\":"
        "\"the shed\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}";
    static const char events[] =
        "event: message_start\ndata: "
        "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}"
        "\n\n"
        "event: content_block_start\ndata: "
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\"}}\n\nevent: content_block_delta\ndata: "
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"text_delta\",\"text\":\"the shed\"}}\n\nevent: content_block_stop\ndata: "
        "{\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: message_delta\ndata: "
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
        "\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    assert_true(
        review_exchange_read(DIALECT_ANTHROPIC, ENDPOINT_CHAT, SLICE(request), SLICE(reply), &x->arena, &e));
    assert_true(slice_is(e.system, "be brief") && slice_is(e.answer, "the shed\n"));
    assert_true(slice_is(e.question, "where?\nin the shed\n"));
    assert_true(slice_starts(e.prefix, SLICE("system\nbe brief\nuser\nwhere?\nassistant\nlook\n")));
    assert_true(
        review_exchange_read(DIALECT_ANTHROPIC, ENDPOINT_CHAT, SLICE(request), SLICE(events), &x->arena, &e));
    assert_true(slice_is(e.answer, "the shed"));
    static const char plain[] =
        "{\"model\":\"m\",\"instructions\":\"be brief\",\"input\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    assert_true(
        review_exchange_read(DIALECT_OPENAI, ENDPOINT_RESPONSES, SLICE(plain), SLICE_NULL, &x->arena, &e));
    assert_true(slice_is(e.system, "be brief") && slice_is_null(e.answer));
    assert_true(slice_starts(e.prefix, SLICE("be brief\n[")));
}

/* More records than are read: runs of them from the whole window, none twice. */
static void spread(void **state) {
    struct context *x = *state;
    enum { ALL = 64000, PART = 16000 /* 64 runs of 250 */ };
    for (unsigned i = 0; i < ALL; i++) {
        struct record r;
        rig_record(&r, RIG_START + (int64_t)i * (DAYS * RIG_DAY / ALL), i);
        r.model = SLICE("chat"), r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o");
        r.request_type = SLICE("repair");
        r.usage.input = 10,
        r.usage.output = i / 100 % 1000 == 0 ? 900 : 1 + i / 640; /* grows from 1 to 100 */
        r.charge.meters = 1u << CHARGE_OUTPUT;
        r.cost_nano = r.charge.nano[CHARGE_OUTPUT] = r.usage.output * 10000;
        rig_append_record(x->recorder, 0, &r);
        if (i % 4096 == 0) rig_drain(x->ledger, x->recorder);
    }
    rig_drain(x->ledger, x->recorder);
    run(x);
    assert_true(x->review.n_sampled > PART - 250 && x->review.n_sampled <= PART);
    const struct review_action *a = find(x, REVIEW_CAP_OUTPUT);
    assert_non_null(a);
    assert_true(fact_of(a, "sampled") == (double)x->review.n_sampled);
    near(fact_of(a, "output_p99"), 100, 0.02);
}

/* ---- words ---- */

static bool join(void *ctx, struct slice stem) {
    buffer_append(ctx, stem);
    buffer_byte(ctx, ' ');
    return true;
}

static void pieces(void **state) {
    (void)state;
    struct buffer out;
    struct slice text, rest = SLICE("Be kind. Ask first!\n\n  1. One thing. Still it\n- two\nLast? ");
    unsigned line = 0;
    static const struct {
        const char *text;
        unsigned line;
    } want[] = {
        {"Be kind.", 1}, {"Ask first!", 1}, {"1. One thing. Still it", 3}, {"- two", 4}, {"Last?", 5}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(words_instruction(&rest, &text, &line));
        assert_true(slice_is(text, want[i].text));
        assert_int_equal(line, want[i].line);
    }
    assert_false(words_instruction(&rest, &text, &line));
    rest = SLICE("a\nb\n \n\nc");
    assert_true(words_paragraph(&rest, &text) && slice_is(text, "a\nb"));
    assert_true(words_paragraph(&rest, &text) && slice_is(text, "c"));
    assert_false(words_paragraph(&rest, &text));
    buffer_init(&out, 256);
    words_each(SLICE("The Refunds, of which caf\xc3\xa9s knew: 2026!"), join, &out);
    assert_string_equal(buffer_text(&out), "refund caf\xc3\xa9s knew 2026 ");
    buffer_deinit(&out);
    assert_true(words_are_told_apart(SLICE("plain words are told apart")));
    char long_one[200];
    memset(long_one, 'x', sizeof long_one);
    assert_false(words_are_told_apart(slice_make(long_one, sizeof long_one)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prefix, setup, teardown),
        cmocka_unit_test_setup_teardown(instructions, setup, teardown),
        cmocka_unit_test_setup_teardown(chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(repeats, setup, teardown),
        cmocka_unit_test_setup_teardown(without_payloads, setup, teardown),
        cmocka_unit_test_setup_teardown(unreadable, setup, teardown),
        cmocka_unit_test_setup_teardown(other_wires, setup, teardown),
        cmocka_unit_test_setup_teardown(spread, setup, teardown),
        cmocka_unit_test(pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
