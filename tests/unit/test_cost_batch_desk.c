/* A batch from its creation to its end as far as no provider is needed: what is reserved for it, when it expires, what is too much. */
#include "test_store_rig.h"

#include "cost/batch_private.h"
#include "cost/governor.h"
#include "model/config.h"

#define NOW 1795000000000000LL /* 2026-11-18 */
#define HOUR 3600000000LL
#define LINE(id, more)                                                                                         \
    "{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"chat\"," more               \
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}}\n"
#define WORST 84000 /* of one line with max_tokens 10: 1 * 4000 + 10 * 8000 nano-dollars */

/* One process: what it lends to the desk. `provider`: what its setting has beside dialect and address. */
struct process {
    struct policy *policy;
    struct governor *governor;
    struct metric_set *metrics;
    struct batch_desk *desk;
    unsigned records;
    bool paused; /* the batches of "app" */
};

static enum fault give_prices(void *ctx, const char *path, struct buffer *out, struct error *error) {
    (void)ctx, (void)path, (void)error;
    (void)buffer_append(out, SLICE("{\"models\": [{\"provider\": \"openai\", \"id\": \"m\", \"prices\": {\"input_mtok\": 4, \"output_mtok\": 8}}]}"));
    return FAULT_NONE;
}

static struct policy *read_policy(const char *provider) {
    struct config_source source = {.file = give_prices};
    struct problems problems;
    struct arena arena;
    struct policy *p = NULL;
    char yaml[2048];
    snprintf(yaml, sizeof yaml,
             "providers: {p: {dialect: openai, base_url: \"http://127.0.0.1:1/v1\"%s}}\n"
             "models: {chat: {targets: [{provider: p, model: m}]}}\n"
             "applications:\n"
             "  app: {keys: [{name: k, key: qd-0123456789abcdef}], max_output_tokens: 10, request_types: {report: {max_output_tokens: 12}}}\n"
             "  strict: {keys: [{name: s, key: qd-0123456789abcdeg}], unknown_price: block}\n"
             "prices: {files: [p.json]}\n"
             "budgets: [{name: b, scope: {application: app}, limit_usd: 0.0002, window: month, mode: hard}]\n",
             provider);
    arena_init(&arena, 4096, 1 << 20);
    if (config_read(slice_of(yaml), "test", &source, NULL, &arena, &p, &problems) != FAULT_NONE)
        fail_msg("line %d: %s", problems.items[0].line, problems.items[0].text);
    arena_deinit(&arena);
    return p;
}

static struct policy *policy_of(void *ctx) { return policy_hold(((struct process *)ctx)->policy); }

static bool is_paused(void *ctx, struct slice application, struct slice batch) {
    assert_true(batch.len > 0);
    return ((struct process *)ctx)->paused && slice_is(application, "app");
}

static enum fault keep_record(void *ctx, const struct record *r) {
    (void)r;
    ((struct process *)ctx)->records++;
    return FAULT_NONE;
}

static enum fault no_records(void *ctx, int64_t from_us, void (*take)(void *arg, const struct record *r), void *arg, struct error *error) {
    (void)ctx, (void)from_us, (void)take, (void)arg, (void)error;
    return FAULT_NONE;
}

static void begin(struct process *p, struct rig *rig, const char *provider) {
    struct error error = {.fault = FAULT_NONE};
    clock_fake(1000000000, NOW);
    *p = (struct process){.policy = read_policy(provider), .metrics = metric_set_new(), .governor = governor_new(NULL)};
    assert_true(governor_install(p->governor, p->policy));
    assert_int_equal(governor_fill(p->governor, NOW, &(struct record_source){p, no_records}, &error), FAULT_NONE);
    p->desk = batch_desk_new(&(struct batch_services){.ctx = p, .policy = policy_of, .paused = is_paused, .record = keep_record,
                                                      .admission = governor_calls(p->governor), .metrics = p->metrics,
                                                      .data_dir = rig->dir, .inside = SLICE("x")},
                             &error);
    if (p->desk == NULL) fail_msg("%s", error.text);
}

static void end(struct process *p) {
    batch_desk_free(p->desk);
    governor_free(p->governor);
    policy_drop(p->policy);
    metric_set_free(p->metrics);
}

/* Answers one request of an application's; the answer's `id`, "" when it was refused. */
static int ask(struct process *p, const char *application, const char *path, const char *type, const char *labels, struct slice body,
               char ret_id[64]) {
    struct batch_job j = {.desk = p->desk, .method = SLICE("POST"), .path = slice_of(path), .body = body, .content_type = slice_of(type),
                          .labels = slice_of(labels), .application = slice_of(application), .key = SLICE("k"), .approved_nano = -1};
    struct json_doc d;
    arena_init(&j.arena, 4096, 1 << 20);
    buffer_init(&j.answer, 1 << 20);
    batch_door_answer(&j);
    ret_id[0] = 0;
    if (j.status == 200) {
        assert_int_equal(json_read(buffer_slice(&j.answer), &j.arena, UINT16_MAX, &d, NULL), FAULT_NONE);
        snprintf(ret_id, 64, SLICE_FMT, SLICE_ARG(json_string(&d, json_get(&d, 0, "id"), &j.arena)));
    }
    buffer_deinit(&j.answer);
    arena_deinit(&j.arena);
    return j.status;
}

static int create(struct process *p, const char *application, const char *labels, const char *lines, char ret_id[64]) {
    char body[4096], file[64];
    snprintf(body, sizeof body, "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\ncontent-disposition: form-data;"
                                " name=\"file\"; filename=\"q\"\r\n\r\n%s\r\n--x--\r\n", lines);
    assert_int_equal(ask(p, application, "/v1/files", "multipart/form-data; boundary=x", labels, slice_of(body), file), 200);
    snprintf(body, sizeof body, "{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\"}", file);
    return ask(p, application, "/v1/batches", "application/json", labels, slice_of(body), ret_id);
}

/* Made and checked; what is under way, or NULL. */
static struct batch_active *make(struct process *p, const char *application, const char *labels, const char *lines, char ret_id[64]) {
    assert_int_equal(create(p, application, labels, lines, ret_id), 200);
    batch_check(batch_find_active(p->desk, slice_of(ret_id)));
    return batch_find_active(p->desk, slice_of(ret_id));
}

static void check_end(struct process *p, const char *id, enum batch_status status, const char *words) {
    struct batch row;
    struct arena arena;
    arena_init(&arena, 4096, 1 << 20);
    assert_null(batch_find_active(p->desk, slice_of(id)));
    assert_int_equal(batches_find(p->desk->store, SLICE_NULL, slice_of(id), &arena, &row, NULL), FAULT_NONE);
    assert_string_equal(batch_status_name((enum batch_status)row.status), batch_status_name(status));
    if (!slice_contains(row.errors, slice_of(words))) fail_msg("errors: " SLICE_FMT, SLICE_ARG(row.errors));
    arena_deinit(&arena);
}

static void view_budget(void *ctx, const struct budget_view *v) { *(struct budget_view *)ctx = *v; }

static void check_reserved(struct process *p, int64_t wanted) {
    struct budget_view v = {0};
    governor_each_budget(p->governor, clock_wall_us(), view_budget, &v);
    assert_int_equal(v.reserved_nano, wanted);
    assert_int_equal(v.spent_nano, 0);
}

static const char two[] = LINE("a", "\"max_tokens\":10,") LINE("b", "\"max_tokens\":10,");
static const char three[] = LINE("a", "\"max_tokens\":10,") LINE("b", "\"max_tokens\":10,") LINE("c", "\"max_tokens\":10,");

/* Without a batch price the ordinary one bounds a batch; with a declared discount that is its price. */
static void test_bound(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true");
    assert_non_null(make(&p, "app", "", two, id));
    check_reserved(&p, 2 * WORST);
    assert_null(make(&p, "app", "", three, id));
    check_end(&p, id, BATCH_FAILED, "budget_exceeded");
    check_reserved(&p, 2 * WORST);
    assert_null(make(&p, "strict", "", two, id)); /* the records would have no cost */
    check_end(&p, id, BATCH_FAILED, "unknown_price");
    end(&p);
}

static void test_discount(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true, batch_discount: 0.5");
    assert_int_equal(p.policy->providers[0].batch_discount_ppm, 500000);
    assert_non_null(make(&p, "app", "", three, id));
    check_reserved(&p, 3 * WORST / 2);
    assert_non_null(make(&p, "strict", "", two, id));
    end(&p);
}

/* The cap of the request type that the batch was made with holds, not the application's other one. */
static void test_request_type(void **state) {
    static const char one[] = LINE("a", "\"max_tokens\":50,");
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true");
    assert_non_null(make(&p, "app", "", one, id));
    check_reserved(&p, WORST);
    assert_non_null(make(&p, "app", "x-quarterdeck-request-type: report\n", one, id));
    check_reserved(&p, WORST + WORST + 2 * 8000);
    end(&p);
}

/* What operators are shown, once a second. */
static void test_view(void **state) {
    struct batch_queue_view v;
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true");
    assert_non_null(make(&p, "app", "", two, id));
    assert_int_equal(create(&p, "app", "", three, id), 200);
    p.desk->quiet = true; /* nothing is sent or checked here */
    p.desk->tick.fired(&p.desk->tick);
    batch_desk_view(p.desk, &v);
    assert_int_equal(v.batches, 2);
    assert_int_equal(v.at_provider, 2);
    assert_int_equal(v.waiting, 0); /* the other is not checked yet */
    assert_int_equal(v.sent, 0);
    assert_true(v.file_bytes >= (int64_t)(sizeof two + sizeof three - 2));
    end(&p);
}

/* ---- expiry ---- */

static void check_error_file(struct process *p, const char *id, unsigned lines) {
    struct batch row;
    struct batch_file f;
    struct buffer text;
    struct arena arena;
    struct slice rest, one;
    unsigned n = 0;
    arena_init(&arena, 4096, 1 << 20);
    buffer_init(&text, 1 << 20);
    assert_int_equal(batches_find(p->desk->store, SLICE_NULL, slice_of(id), &arena, &row, NULL), FAULT_NONE);
    assert_int_equal(row.output_file.len, 0);
    assert_int_equal(row.failed, lines);
    assert_int_equal(batches_file_find(p->desk->store, row.application, row.error_file, &arena, &f, NULL), FAULT_NONE);
    assert_int_equal(blob_load(batches_blobs(p->desk->store), arena_text(&arena, f.id), f.bytes, f.checksum, &text, NULL), FAULT_NONE);
    for (rest = buffer_slice(&text); rest.len > 0; n++) {
        (void)slice_cut(rest, '\n', &one, &rest);
        assert_true(slice_contains(one, SLICE("\"batch_expired\"")));
    }
    assert_int_equal(n, lines);
    buffer_deinit(&text);
    arena_deinit(&arena);
}

/* The local queue: a microsecond before its time it waits, then each line that has no answer is told to be expired. */
static void test_expired(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, "");
    struct batch_active *a = make(&p, "app", "", two, id);
    assert_int_equal(a->row.provider.len, 0);
    a->not_before_us = INT64_MAX; /* a limit lets nothing through */
    clock_fake(1000000000, NOW + 24 * HOUR - 1);
    batch_pump(p.desk);
    assert_int_equal(a->row.status, BATCH_IN_PROGRESS);
    clock_fake(1000000000, NOW + 24 * HOUR);
    batch_pump(p.desk);
    check_end(&p, id, BATCH_EXPIRED, "");
    check_error_file(&p, id, 2);
    end(&p);
}

/* At a provider that could not be reached until then: nothing is sent any more, and its reservation is free again. */
static void test_expired_before_sent(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true");
    struct batch_active *a = make(&p, "app", "", two, id);
    check_reserved(&p, 2 * WORST);
    clock_fake(1000000000, NOW + 24 * HOUR);
    batch_pass_next(a); /* over */
    batch_pass_next(a); /* its lines */
    check_end(&p, id, BATCH_EXPIRED, "");
    check_error_file(&p, id, 2);
    check_reserved(&p, 0);
    assert_int_equal(p.records, 2);
    end(&p);
}

/* ---- what goes wrong ---- */

static void change_store(struct rig *rig, const char *sql) {
    enum fault fault = FAULT_NONE;
    char path[128];
    snprintf(path, sizeof path, "%s/batches.db", rig->dir);
    struct database *db = database_open(path, &(struct database_options){.sync_each = true}, &fault, NULL);
    assert_non_null(db);
    assert_int_equal(database_exec(db, sql, NULL), FAULT_NONE);
    database_close(db);
}

/* No record of a line before the time of all of them is stored: a restart would make its id anew. */
static void test_end_not_stored(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true");
    struct batch_active *a = make(&p, "app", "", two, id);
    clock_fake(1000000000, NOW + 24 * HOUR);
    change_store(*state, "CREATE TRIGGER full BEFORE INSERT ON batch BEGIN SELECT RAISE(ABORT, 'full'); END");
    batch_pass_next(a);
    batch_pass_next(a);
    assert_int_equal(p.records, 0);
    change_store(*state, "DROP TRIGGER full");
    batch_pass_next(a);
    batch_pass_next(a);
    assert_int_equal(p.records, 2);
    check_end(&p, id, BATCH_EXPIRED, "");
    end(&p);
}

/* A batch whose provider is not configured any more waits for it, until somebody cancels it. */
static void test_provider_gone(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true");
    struct batch_active *a = make(&p, "app", "", two, id);
    a->row.upstream_file = SLICE("file");
    a->row.upstream_batch = SLICE("batch");
    a->row.provider = SLICE("gone");
    batch_pass_next(a);
    assert_non_null(batch_find_active(p.desk, slice_of(id)));
    check_reserved(&p, 2 * WORST);
    batch_cancel(a);
    batch_pass_next(a);
    check_end(&p, id, BATCH_FAILED, "provider_gone");
    check_reserved(&p, 0);
    end(&p);
}

/* Lines of a paused batch wait, those of another application's do not; those at a provider are not asked for, but may be cancelled. */
static void test_paused(void **state) {
    struct process p;
    char id[64], other[64];
    begin(&p, *state, "");
    struct batch_active *a = make(&p, "app", "", two, id), *b = make(&p, "strict", "", two, other);
    p.paused = true;
    batch_pump(p.desk);
    assert_int_equal(a->in_flight, 0);
    assert_int_equal(b->in_flight, 1); /* one, until answers say that there is room for more */
    p.paused = false;
    batch_pump(p.desk);
    assert_int_equal(a->in_flight, 1);
    end(&p);
}

static void test_paused_at_provider(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, ", batch: true");
    struct batch_active *a = make(&p, "app", "", two, id);
    p.paused = true;
    batch_pass_next(a);
    assert_false(http_call_is_open(&a->http.call));
    assert_true(a->timer.on); /* it is looked at again */
    p.paused = false;
    batch_pass_next(a);
    assert_true(http_call_is_open(&a->http.call)); /* the upload */
    http_call_deinit(&a->http.call);
    memset(&a->http, 0, sizeof a->http);
    a->row.upstream_file = SLICE("file");
    a->row.upstream_batch = SLICE("batch");
    p.paused = true;
    batch_pass_next(a);
    assert_false(http_call_is_open(&a->http.call)); /* nor is it asked for */
    batch_cancel(a);
    batch_pass_next(a);
    assert_true(http_call_is_open(&a->http.call)); /* but cancelled */
    end(&p);
}

/* Nobody can delete a batch, so those of an application are counted. */
static void test_too_many(void **state) {
    struct process p;
    char id[64];
    begin(&p, *state, "");
    assert_int_equal(batches_begin(p.desk->store, NULL), FAULT_NONE);
    for (int i = 0; i < LIMIT_BATCHES - 1; i++) {
        snprintf(id, sizeof id, "old-%d", i);
        struct batch row = {.id = slice_of(id), .application = SLICE("app"), .status = BATCH_FAILED};
        assert_int_equal(batches_save(p.desk->store, &row, NULL), FAULT_NONE);
    }
    assert_int_equal(batches_commit(p.desk->store, NULL), FAULT_NONE);
    assert_int_equal(create(&p, "app", "", two, id), 200);
    assert_int_equal(create(&p, "app", "", two, id), 507);
    assert_int_equal(create(&p, "strict", "", two, id), 200); /* another's do not count */
    end(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_bound),          TEST(test_discount),      TEST(test_request_type),
                                       TEST(test_view), TEST(test_expired),        TEST(test_expired_before_sent), TEST(test_end_not_stored),
                                       TEST(test_provider_gone),  TEST(test_too_many), TEST(test_paused), TEST(test_paused_at_provider)};
    return cmocka_run_group_tests_name("cost_batch_desk", tests, NULL, NULL);
}
