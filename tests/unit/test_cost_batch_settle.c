/* A provider's results become records, budgets and lines exactly once, wherever the process ends in between. */
#include "test_store_rig.h"

#include "cost/batch_private.h"
#include "cost/governor.h"
#include "model/config.h"

#define LINES 5
#define NOW 1795000000000000LL /* 2026-11-18 */
#define ID "batch_000000000000000000000001"

static const char prices[] = "{\"models\": [{\"provider\": \"openai\", \"id\": \"m\", \"prices\": {\"input_mtok\": 4, \"output_mtok\": 8},"
                             " \"batch_prices\": {\"input_mtok\": 2, \"output_mtok\": 4}}]}";
static const char yaml[] = "providers: {p: {dialect: openai, base_url: \"http://127.0.0.1:1/v1\", batch: true}}\n"
                           "models: {chat: {targets: [{provider: p, model: m}]}}\n"
                           "applications: {app: {keys: [{name: k, key: qd-0123456789abcdef}]}}\n"
                           "prices: {files: [p.json]}\n"
                           "budgets: [{name: b, scope: {application: app}, limit_usd: 1, window: month, mode: hard}]\n";

/* One process: what it lends to the desk, and when it ends. */
struct process {
    struct rig *rig;
    struct policy *policy;
    struct governor *governor;
    struct recorder *recorder;
    struct ledger *ledger;
    struct ledger_writer *writer;
    struct metric_set *metrics;
    struct batch_desk *desk;
    struct buffer frame;
    int ends_at;      /* with this record, -1: not */
    bool after, none; /* after it was kept; or it never is: the recorder is full once */
};

static enum fault give_prices(void *ctx, const char *path, struct buffer *out, struct error *error) {
    (void)ctx, (void)path, (void)error;
    (void)buffer_append(out, slice_of(prices));
    return FAULT_NONE;
}

static struct policy *read_policy(void) {
    struct config_source source = {.file = give_prices};
    struct problems problems;
    struct arena arena;
    struct policy *p = NULL;
    arena_init(&arena, 4096, 1 << 20);
    if (config_read(slice_of(yaml), "test", &source, NULL, &arena, &p, &problems) != FAULT_NONE)
        fail_msg("line %d: %s", problems.items[0].line, problems.items[0].text);
    arena_deinit(&arena);
    return p;
}

static struct policy *policy_of(void *ctx) { return policy_hold(((struct process *)ctx)->policy); }

static enum fault keep_record(void *ctx, const struct record *r) {
    struct process *p = ctx;
    bool ends = p->ends_at-- == 0;
    if (ends && !p->after) return FAULT_NO_SPACE;
    buffer_clear(&p->frame);
    assert_true(record_encode(r, &p->frame));
    assert_int_equal(recorder_append(p->recorder, 0, FRAME_RECORD, buffer_slice(&p->frame)), FAULT_NONE);
    return ends ? FAULT_NO_SPACE : FAULT_NONE;
}

/* ---- what budgets have, from the ledger ---- */

struct sums {
    void (*take)(void *arg, const struct record *r);
    void *arg;
    int64_t cost;
    unsigned records;
};

static bool take_one(void *ctx, const struct record *r) {
    struct sums *s = ctx;
    if (s->take != NULL) s->take(s->arg, r);
    s->cost += r->cost_nano;
    s->records++;
    assert_true(slice_is(r->batch, ID));
    assert_true(slice_is(r->team, "growth"));
    return true;
}

static enum fault each_record(void *ctx, int64_t from_us, void (*take)(void *arg, const struct record *r), void *arg, struct error *error) {
    struct process *p = ctx;
    struct record_filter f = {.from_us = from_us, .status = -1, .limit = LIMIT_PAGE};
    struct sums s = {.take = take, .arg = arg};
    struct slice next;
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    enum fault fault = ledger_list(p->ledger, &f, &arena, take_one, &s, &next, error);
    arena_deinit(&arena);
    return fault;
}

static void begin(struct process *p, struct rig *rig) {
    struct error error = {.fault = FAULT_NONE};
    static char dir[128];
    *p = (struct process){.rig = rig, .policy = read_policy(), .ends_at = -1};
    snprintf(dir, sizeof dir, "%s/recorder", rig->dir);
    buffer_init(&p->frame, LIMIT_RECORD);
    p->metrics = metric_set_new();
    p->governor = governor_new(NULL);
    p->ledger = ledger_open(&(struct ledger_options){.dir = rig->dir}, &error);
    assert_non_null(p->ledger);
    p->recorder = recorder_open(&(struct recorder_options){.dir = dir, .lanes = 1, .segment_bytes = 65536, .max_segments = 8}, &error);
    assert_non_null(p->recorder);
    p->writer = ledger_writer_start(p->ledger, p->recorder, NULL, NULL, &error);
    assert_non_null(p->writer);
    ledger_writer_drain(p->writer);
    assert_true(governor_install(p->governor, p->policy));
    assert_int_equal(governor_fill(p->governor, NOW, &(struct record_source){p, each_record}, &error), FAULT_NONE);
    p->desk = batch_desk_new(&(struct batch_services){.ctx = p, .policy = policy_of, .record = keep_record,
                                                      .admission = governor_calls(p->governor), .ledger = p->ledger, .writer = p->writer,
                                                      .metrics = p->metrics, .data_dir = rig->dir, .inside = SLICE("x")},
                             &error);
    if (p->desk == NULL) fail_msg("%s", error.text);
}

static void end(struct process *p) {
    batch_desk_free(p->desk);
    ledger_writer_stop(p->writer);
    recorder_close(p->recorder);
    ledger_close(p->ledger);
    governor_free(p->governor);
    policy_drop(p->policy);
    metric_set_free(p->metrics);
    buffer_deinit(&p->frame);
}

/* ---- the batch ---- */

static void make_batch(struct process *p) {
    struct batch row = {.id = SLICE(ID), .application = SLICE("app"), .key = SLICE("k"), .labels = SLICE("x-quarterdeck-team: growth\n"),
                        .endpoint = SLICE("/v1/chat/completions"), .provider = SLICE("p"), .model = SLICE("chat"), .target_model = SLICE("m"),
                        .status = BATCH_FINALIZING, .ends_as = BATCH_EXPIRED, .total = LINES, .worst_nano = 500000, .approved_nano = -1,
                        .in_progress_us = NOW - 1000, .settle_us = NOW};
    char id[16];
    assert_int_equal(batches_save(p->desk->store, &row, NULL), FAULT_NONE);
    for (int i = 1; i <= LINES; i++) {
        snprintf(id, sizeof id, "l%d", i);
        struct batch_line l = {.line = i, .custom_id = slice_of(id)};
        assert_int_equal(batches_line_add(p->desk->store, row.number, &l, NULL), FAULT_NONE);
    }
}

/* Line 4 was refused by the provider, line 5 never answered; line 2 is told twice. */
static const char results[] =
#define ANSWER(id, in, out)                                                                                    \
    "{\"custom_id\":\"" id "\",\"response\":{\"status_code\":200,\"request_id\":\"r\",\"body\":{\"id\":\"x\",\"model\":\"m\",\"choices\":" \
    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":" in \
    ",\"completion_tokens\":" out "}}},\"error\":null}\n"
    ANSWER("l2", "10", "20") ANSWER("l1", "100", "1") ANSWER("nobody", "1", "1") "no JSON\n" ANSWER("l2", "77", "77") ANSWER("l3", "7", "8")
    "{\"custom_id\":\"l4\",\"response\":{\"status_code\":400,\"request_id\":\"r\",\"body\":{\"error\":{}}},\"error\":null}\n";
#define COST (int64_t)(2000 * (10 + 100 + 7) + 4000 * (20 + 1 + 8))

static bool adopt(void *ctx, const struct batch *row) {
    (void)batch_adopt(ctx, row);
    return false;
}

/* A new desk has taken up, with its reservation, what stood there already. */
static struct batch_active *take_up(struct process *p) {
    struct arena arena;
    struct verdict verdict;
    if (batch_find_active(p->desk, SLICE(ID)) != NULL) return batch_find_active(p->desk, SLICE(ID));
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(batches_list(p->desk->store, SLICE_NULL, true, INT64_MAX, &arena, adopt, p->desk, NULL), FAULT_NONE);
    arena_deinit(&arena);
    struct batch_active *a = batch_find_active(p->desk, SLICE(ID));
    assert_non_null(a);
    a->may_be_recorded = true;
    assert_true(batch_reserve(a, p->policy, SPEND_AGAIN, &verdict));
    return a;
}

static void view_budget(void *ctx, const struct budget_view *v) { *(struct budget_view *)ctx = *v; }

static void check_budget(struct process *p, int64_t spent, int64_t reserved) {
    struct budget_view v = {0};
    governor_each_budget(p->governor, NOW, view_budget, &v);
    assert_int_equal(v.spent_nano, spent);
    assert_int_equal(v.reserved_nano, reserved);
}

static bool note_line(void *ctx, const struct batch_line *l) {
    char *text = ctx;
    snprintf(text + strlen(text), 64, SLICE_FMT "=%d ", SLICE_ARG(l->custom_id), (int)l->state);
    return true;
}

static void check_lines(struct process *p, const struct batch_active *a) {
    char text[256] = "";
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(batches_lines(p->desk->store, a->row.number, 0, false, &arena, note_line, text, NULL), FAULT_NONE);
    assert_string_equal(text, "l1=1 l2=1 l3=1 l4=2 l5=2 ");
    arena_deinit(&arena);
}

static enum fault settle_all(struct batch_active *a) {
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = batch_settle(a, slice_of(results), &error);
    return fault == FAULT_NONE ? batch_settle_rest(a, &error) : fault;
}

static void check_all(struct process *p, struct batch_active *a) {
    struct sums s = {.cost = 0};
    struct record_filter f = {.status = -1, .limit = LIMIT_PAGE};
    struct slice next;
    struct arena arena;
    check_lines(p, a);
    check_budget(p, COST, 500000);
    batch_drop(a);
    check_budget(p, COST, 0); /* its reservation goes with it */
    ledger_writer_drain(p->writer);
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(ledger_list(p->ledger, &f, &arena, take_one, &s, &next, NULL), FAULT_NONE);
    arena_deinit(&arena);
    assert_int_equal(s.records, LINES);
    assert_int_equal(s.cost, COST);
}

static void test_settled(void **state) {
    struct process p;
    begin(&p, *state);
    make_batch(&p);
    struct batch_active *a = take_up(&p);
    assert_int_equal(settle_all(a), FAULT_NONE);
    assert_int_equal(a->row.completed, 3);
    assert_int_equal(a->row.failed, 2);
    check_all(&p, a);
    end(&p);
}

/* The recorder refuses the n-th record, once before and once after having kept it; the same process tries again. */
static void try_again(struct rig *rig, int at, bool after) {
    struct process p;
    begin(&p, rig);
    make_batch(&p);
    struct batch_active *a = take_up(&p);
    a->may_be_recorded = false; /* it is this process's own batch */
    p.ends_at = at;
    p.after = after;
    assert_int_equal(settle_all(a), FAULT_NO_SPACE);
    assert_int_equal(settle_all(a), FAULT_NONE);
    check_all(&p, a);
    end(&p);
}

/* The process ends at the n-th record, and the next one goes on. */
static void end_and_go_on(struct rig *rig, int at, bool after) {
    struct process p;
    begin(&p, rig);
    make_batch(&p);
    p.ends_at = at;
    p.after = after;
    assert_int_equal(settle_all(take_up(&p)), FAULT_NO_SPACE);
    end(&p);
    begin(&p, rig);
    struct batch_active *a = take_up(&p);
    assert_int_equal(settle_all(a), FAULT_NONE);
    check_all(&p, a);
    end(&p);
}

static void everywhere(void (*run)(struct rig *rig, int at, bool after)) {
    for (int at = 0; at < LINES; at++)
        for (int after = 0; after < 2; after++) {
            void *rig = NULL;
            assert_int_equal(rig_setup(&rig), 0);
            run(rig, at, after == 1);
            (void)rig_teardown(&rig);
        }
}

static void test_tried_again(void **state) {
    (void)state;
    everywhere(try_again);
}

static void test_ended(void **state) {
    (void)state;
    everywhere(end_and_go_on);
}

/* A provider's answer that cannot be read was charged, though nobody knows how much: unknown, in the record and in the budget. */
static void test_unreadable(void **state) {
    static const char odd[] = "{\"custom_id\":\"l1\",\"response\":{\"status_code\":200,\"request_id\":\"r\",\"body\":{}},\"error\":null}\n";
    struct error error = {.fault = FAULT_NONE};
    struct budget_view v = {0};
    struct record_filter f = {.status = -1, .limit = LIMIT_PAGE};
    struct sums s = {.cost = 0};
    struct process p;
    struct slice next;
    struct arena arena;
    begin(&p, *state);
    make_batch(&p);
    struct batch_active *a = take_up(&p);
    assert_int_equal(batch_settle(a, slice_of(odd), &error), FAULT_NONE);
    governor_each_budget(p.governor, NOW, view_budget, &v);
    assert_int_equal(v.unpriced, 1);
    assert_int_equal(v.spent_nano, 0);
    ledger_writer_drain(p.writer);
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(ledger_list(p.ledger, &f, &arena, take_one, &s, &next, NULL), FAULT_NONE);
    assert_int_equal(s.records, 1);
    assert_int_equal(s.cost, MONEY_UNKNOWN);
    arena_deinit(&arena);
    end(&p);
}

/* What a former process left holds its worst case as soon as there is a desk: before anybody listens. */
static void test_taken_up(void **state) {
    struct process p;
    begin(&p, *state);
    make_batch(&p);
    end(&p);
    begin(&p, *state);
    check_budget(&p, 0, 500000);
    end(&p);
}

/* What may be reserved: everything at its creation, within the budget; without asking at a restart. */
static void test_reserved(void **state) {
    struct process p;
    struct verdict verdict;
    begin(&p, *state);
    make_batch(&p);
    struct batch_active *a = take_up(&p);
    batch_drop(a);
    a = batch_adopt(p.desk, &(struct batch){.id = SLICE("big"), .application = SLICE("app"), .endpoint = SLICE("/v1/chat/completions"),
                                            .worst_nano = 2 * MONEY_USD, .approved_nano = -1});
    assert_false(batch_reserve(a, p.policy, SPEND_BATCH, &verdict));
    assert_int_equal(verdict.fault, FAULT_BUDGET_EXCEEDED);
    check_budget(&p, 0, 0);
    assert_true(batch_reserve(a, p.policy, SPEND_AGAIN, &verdict));
    check_budget(&p, 0, 2 * MONEY_USD);
    batch_drop(a);
    check_budget(&p, 0, 0);
    end(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_settled), TEST(test_tried_again), TEST(test_ended), TEST(test_unreadable), TEST(test_taken_up), TEST(test_reserved)};
    clock_fake(1000000000, NOW);
    return cmocka_run_group_tests_name("cost_batch_settle", tests, NULL, NULL);
}
