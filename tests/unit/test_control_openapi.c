/* The OpenAPI document is whole, and answers have the shapes that it states. */
#include "test_control_rig.h"

#include "store/alerts.h"
#include "store/findings.h"

#define WATCH                                                                                                   \
    "receivers: {ops: {webhook: {url: 'http://127.0.0.1:1/hook'}}}\n"                                           \
    "alerts: [{name: slow, when: {metric: latency.p99, window: 5m, above: 2s}, severity: critical, notify: [ops]}]\n" \
    "oncall: {people: {anna: {receiver: ops}}, schedules: {primary: {rotations: [{people: [anna], starts: 2026-01-05, turn: 7d}]}}}\n"

/* ---- the document ---- */

static const char *const methods[] = {"get", "post", "put", "delete"};

static uint32_t at(struct desk *d, uint32_t node, const char *key) { return json_get(&d->doc, node, key); }

static unsigned references(struct desk *d) {
    uint32_t schemas = at(d, at(d, 0, "components"), "schemas");
    unsigned n = 0;
    for (uint32_t node = 0; node < d->doc.count; node++) {
        uint32_t ref = at(d, node, "$ref");
        if (ref == JSON_NONE) continue;
        struct slice text = json_string(&d->doc, ref, &d->arena), prefix = SLICE("#/components/schemas/");
        assert_true(slice_starts(text, prefix));
        struct slice name = slice_make(text.at + prefix.len, text.len - prefix.len);
        if (json_get_slice(&d->doc, schemas, name) == JSON_NONE) fail_msg("no schema " SLICE_FMT, SLICE_ARG(name));
        n++;
    }
    return n;
}

static void check_parameters(struct desk *d, struct slice path, uint32_t operation) {
    uint32_t cursor = JSON_NONE, p;
    unsigned in_path = 0, placeholders = 0;
    while (json_each_item(&d->doc, at(d, operation, "parameters"), &cursor, &p)) {
        assert_int_equal(json_type(&d->doc, at(d, at(d, p, "schema"), "type")), JSON_STRING);
        assert_int_equal(json_type(&d->doc, at(d, p, "description")), JSON_STRING);
        bool required = false;
        assert_true(json_get_bool(&d->doc, at(d, p, "required"), &required));
        if (!json_is(&d->doc, at(d, p, "in"), "path")) continue;
        assert_true(required);
        struct slice name = arena_printf(&d->arena, "{" SLICE_FMT "}", SLICE_ARG(json_string(&d->doc, at(d, p, "name"), &d->arena)));
        assert_true(slice_contains(path, name));
        in_path++;
    }
    for (size_t i = 0; i < path.len; i++) placeholders += path.at[i] == '{';
    assert_int_equal(in_path, placeholders);
}

static void the_document_is_whole(void **state) {
    struct desk *d = *state;
    uint32_t cursor = JSON_NONE, path, item;
    unsigned operations = 0, routes = 0;
    struct table ids;
    table_init(&ids);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/openapi.json"));
    EXPECT(d, "openapi", "3.1.0");
    EXPECT(d, "info.version", VERSION);
    while (json_each_member(&d->doc, at(d, 0, "paths"), &cursor, &path, &item))
        for (unsigned m = 0; m < sizeof methods / sizeof *methods; m++) {
            uint32_t operation = at(d, item, methods[m]), responses = at(d, operation, "responses");
            if (operation == JSON_NONE) continue;
            struct slice id = json_string(&d->doc, at(d, operation, "operationId"), &d->arena);
            if (id.len == 0 || table_put(&ids, id, d)) fail_msg("operationId " SLICE_FMT, SLICE_ARG(id));
            assert_true(json_size(&d->doc, responses) > 0);
            check_parameters(d, json_string(&d->doc, path, &d->arena), operation);
            operations++;
        }
    for (const struct api_route *r = api_routes; r->method; r++) routes++;
    assert_int_equal(operations, routes);
    assert_true(references(d) > routes);
    table_deinit(&ids);
}

static void rich_record(struct desk *d) {
    struct record r;
    rig_record(&r, DESK_NOW - 5 * SECOND, 1);
    r.request_type = SLICE("x"), r.tags = SLICE("a=b"), r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o-mini");
    r.prompt_name = SLICE("p"), r.prompt_version = SLICE("2"), r.cache = SLICE("hit"), r.status = RECORD_DEGRADED;
    r.usage.cache_write_1h = 3, r.usage.input_audio = 1, r.usage.output_audio = 1;
    r.n_attempts = 2;
    r.attempts[0] = (struct record_attempt){SLICE("main"), SLICE("gpt-4o-mini"), 0, FAULT_UP_CONNECT, 12};
    r.attempts[1] = (struct record_attempt){SLICE("spare"), SLICE("b"), 200, FAULT_NONE, 1};
    desk_keep(d, &r);
    rig_record(&r, DESK_NOW - 4 * SECOND, 2);
    r.cost_nano = MONEY_UNKNOWN, r.status = RECORD_REFUSED, r.error = FAULT_NO_SUCH_MODEL;
    desk_keep(d, &r);
}

static const char *body_of(const struct api_route *r) {
    static const char *const bodies[][3] = {
        {"POST", "/api/v1/keys", "{\"application\":\"support\",\"name\":\"k\"}"},
        {"POST", "/api/v1/cost/reconcile", "start_time_iso,model,input_tokens,output_tokens,amount_value,amount_currency\n2026-01-05T00:00:00Z,gpt-4o,10,5,1.5,usd\n"},
        {"POST", "/api/v1/actions", "{\"kind\":\"freeze_key\",\"application\":\"support\",\"key\":\"file-key\",\"for\":\"1h\",\"reason\":\"r\"}"},
        {"POST", "/api/v1/alerts/{number}/acknowledge", "{\"reason\":\"mine\"}"},
        {"POST", "/api/v1/alerts/{number}/judge", "{\"useful\":\"noise\",\"reason\":\"r\"}"},
        {"POST", "/api/v1/silences", "{\"matchers\":\"rule=slow\",\"lasts\":\"1h\",\"reason\":\"r\"}"},
        {"POST", "/api/v1/silences/{number}/end", "{\"reason\":\"r\"}"},
        {"POST", "/api/v1/oncall/{schedule}/overrides", "{\"person\":\"anna\",\"to\":\"2026-06-01\"}"},
        {"POST", "/api/v1/models/{model}/route", "{\"state\":\"on\",\"reason\":\"r\"}"},
        {"POST", "/api/v1/models/{model}/route/downgrade", "{\"answer\":\"within\"}"},
        {"POST", "/api/v1/cost/cache-calibration", "{\"pairs\":\"question_a,question_b,same\\nwhere is it,where is  it?,1\\n\"}"},
        {"POST", "/api/v1/findings/{id}/dismiss", "{\"reason\":\"known\"}"},
        {"PUT", "/api/v1/budgets", "[{\"name\":\"b\",\"limit_usd\":1,\"window\":\"day\"}]"},
        {"PUT", "/api/v1/budgets/{name}", "{\"limit_usd\":2,\"window\":\"day\"}"},
        {"PUT", "/api/v1/limits", "[{\"name\":\"l\",\"concurrent\":1}]"},
        {"PUT", "/api/v1/limits/{name}", "{\"concurrent\":2}"},
        {"PUT", "/api/v1/approvals/{application}/{request_type}", "{\"up_to_usd\":2.5}"}};
    for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (strcmp(bodies[i][0], r->method) == 0 && strcmp(bodies[i][1], r->path) == 0) return bodies[i][2];
    return "";
}

static void one_finding(struct desk *d) {
    struct finding f = {.kind = FINDING_UNKNOWN_PRICE, .key = SLICE("[1]"), .application = SLICE("support"), .title = SLICE("t"),
                        .evidence = SLICE("{\"n\":1}"), .command = SLICE("quarterdeck version")};
    struct findings_look look = {.seen = &f, .n_seen = 1};
    struct findings_change change;
    assert_int_equal(findings_put(d->s.registry, &look, DESK_NOW, NULL, &change, NULL), FAULT_NONE);
}

static void no_cancel(void *ctx, struct slice id) { (void)ctx, (void)id; }

static void lend_batches(struct desk *d) {
    struct batch row = {.id = SLICE("b"), .application = SLICE("support"), .endpoint = SLICE("/v1/embeddings"), .key = SLICE("k"),
                        .input_file = SLICE("f"), .created_us = DESK_NOW, .status = BATCH_IN_PROGRESS};
    d->s.batches = batches_open(d->rig->dir, NULL);
    d->s.cancel_batch = no_cancel;
    assert_non_null(d->s.batches);
    assert_int_equal(batches_save(d->s.batches, &row, NULL), FAULT_NONE);
}

static bool is_of_evaluation(const char *path) {
    static const char *const beginnings[] = {"/api/v1/suites", "/api/v1/evals", "/api/v1/judges", "/api/v1/calibrations", "/api/v1/reviews", "/api/v1/scoring",
                                             "/api/v1/prompts", "/api/v1/knowledge", "/api/v1/live-prompts", "/api/v1/model-changes", "/api/v1/rollouts",
                                             "/api/v1/session", "/api/v1/setup", "/api/v1/users"};
    for (unsigned i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(path, beginnings[i], strlen(beginnings[i])) == 0) return true;
    return false;
}

/* One alert that fires, one notice of it, and two thresholds that wait for a word. */
static void one_alert(struct desk *d) {
    struct alert_row row = {.rule = SLICE("slow"), .series = SLICE("{}"), .fingerprint = SLICE("0123456789abcdef"), .state = ALERT_FIRING, .before = ALERT_INACTIVE,
                            .since_us = DESK_NOW, .fired_us = DESK_NOW, .times = 1, .value = 3, .n = 300, .threshold = 2, .evidence = SLICE("{}"), .summary = SLICE("slow"),
                            .labels = SLICE("{\"alertname\":\"slow\"}"), .escalation_step = -1};
    struct alert_transition fired = {.at_us = DESK_NOW, .from = ALERT_PENDING, .to = ALERT_FIRING};
    struct notice told = {.id = SLICE("n"), .receiver = SLICE("ops"), .status = SLICE("firing"), .body = SLICE("{\"alerts\":[]}"), .made_us = DESK_NOW, .due_us = DESK_NOW};
    struct alerts_look look = {.rows = &row, .n_rows = 1, .transitions = &fired, .n_transitions = 1, .notices = &told, .n_notices = 1, .now_us = DESK_NOW};
    int64_t number = 0;
    assert_int_equal(alerts_commit(d->s.registry, &look, &number, NULL), FAULT_NONE);
    assert_int_equal(number, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct threshold t = {.rule = SLICE("slow"), .of = d->policy->alerts.rules[0].digest, .series = i == 0 ? SLICE_NULL : SLICE("{}"), .value = 3, .clear = 2, .why = SLICE("r"),
                              .rationale = SLICE("{}"), .state = SLICE("proposed"), .by = SLICE("ada"), .made_us = DESK_NOW};
        struct audit_entry entry = {.at_us = DESK_NOW, .actor = SLICE("ada"), .action = SLICE("threshold.propose"), .subject = SLICE("rule:slow")};
        assert_int_equal(threshold_put(d->s.registry, &t, &entry, NULL), FAULT_NONE);
    }
}

/* What the routes of the watch name in their paths; false: `path` is none of theirs. */
static bool watch_target(const char *path, char *out, size_t size) {
    static const char *const of[][2] = {
        {"/api/v1/alerts/{number}", "/api/v1/alerts/1"}, {"/api/v1/silences/{number}", "/api/v1/silences/1"}, {"/api/v1/actions/{number}", "/api/v1/actions/1"},
        {"/api/v1/thresholds/{number}/refuse", "/api/v1/thresholds/2/refuse"}, {"/api/v1/thresholds/{number}", "/api/v1/thresholds/1"},
        {"/api/v1/alert-rules/{name}", "/api/v1/alert-rules/slow"}, {"/api/v1/receivers/{name}", "/api/v1/receivers/ops"},
        {"/api/v1/oncall/{schedule}", "/api/v1/oncall/primary"}, {"/api/v1/oncall-overrides/{number}", "/api/v1/oncall-overrides/1"}};
    for (unsigned i = 0; i < sizeof of / sizeof *of; i++)
        if (strncmp(path, of[i][0], strlen(of[i][0])) == 0) return snprintf(out, size, "%s%s", of[i][1], path + strlen(of[i][0])) > 0;
    return false;
}

static void told(void *ctx) { (void)ctx; }

static unsigned one_provider(void *ctx, struct slice only, struct json_writer *w) {
    (void)ctx, (void)only;
    json_put_raw(w, SLICE("{\"provider\":\"openai\",\"upstream_model\":null,\"verdict\":\"them\",\"line\":\"openai: THEM\",\"looked\":\"2026-11-21T04:16:21.000000Z\","
                          "\"since\":null,\"evidence\":{}}"));
    return 1;
}

static void answers_have_their_shapes(void **state) {
    struct desk *d = *state;
    char id[RECORD_ID_TEXT];
    struct record_id record = rig_id(DESK_NOW - 5 * SECOND, 1);
    struct buffer frame;
    desk_configure(d, DESK_CONFIG WATCH);
    rich_record(d);
    one_finding(d);
    one_alert(d);
    struct payload p = {.id = record, .application = SLICE("support"), .request = SLICE("{}"), .reply = SLICE("x")};
    buffer_init(&frame, 4 << 10);
    assert_true(payload_encode(&p, &frame));
    assert_int_equal(recorder_append(d->recorder, 0, FRAME_PAYLOAD, buffer_slice(&frame)), FAULT_NONE);
    buffer_deinit(&frame);
    desk_drain(d);
    record_id_format(&record, id);
    lend_batches(d);
    d->s.providers = one_provider;
    d->s.notices_left = told;
    for (const struct api_route *r = api_routes; r->method; r++) {
        char target[256];
        if (strstr(r->path, "/again")) continue; /* it asks a provider: tests/e2e/cli_exchange.py */
        if (is_of_evaluation(r->path)) continue; /* their own tests call them, and every answer is checked (test_control_shapes.h) */
        if (!r->answer) continue;
        if (strstr(r->path, "/v1/configuration") || strstr(r->path, "/v1/settings")) continue; /* of a file on the disk: test_control_configuration */
        if (!watch_target(r->path, target, sizeof target)) snprintf(target, sizeof target, "%s", r->path);
        if (strstr(r->path, "{id}")) snprintf(target, sizeof target, "/api/v1/records/%s%s", id, strstr(r->path, "payload") ? "/payload" : "");
        if (strstr(r->path, "dismiss")) snprintf(target, sizeof target, "/api/v1/findings/1/dismiss");
        if (strstr(r->path, "batches/{id}")) snprintf(target, sizeof target, "/api/v1/batches/b%s", strrchr(r->path, '}') + 1);
        if (strstr(r->path, "keys/{application}")) snprintf(target, sizeof target, "/api/v1/keys/support/k");
        if (strstr(r->path, "budgets/{name}")) snprintf(target, sizeof target, "/api/v1/budgets/b");
        if (strstr(r->path, "limits/{name}")) snprintf(target, sizeof target, "/api/v1/limits/l");
        if (strstr(r->path, "approvals/{")) snprintf(target, sizeof target, "/api/v1/approvals/support/summary");
        if (strstr(r->path, "totals")) snprintf(target, sizeof target, "/api/v1/totals?step=1m");
        if (strstr(r->path, "latency")) snprintf(target, sizeof target, "/api/v1/latency?by=model,team,prompt,feature,application,request_type");
        if (strstr(r->path, "/series")) snprintf(target, sizeof target, "/api/v1/series?metrics=requests,latency.p95,quality&by=model");
        if (strstr(r->path, "/hours")) snprintf(target, sizeof target, "/api/v1/hours?metric=error_rate");
        if (strstr(r->path, "quote")) snprintf(target, sizeof target, "/api/v1/prices/quote?model=openai/gpt-4o-mini&input=7");
        if (strstr(r->path, "tokenizer")) snprintf(target, sizeof target, "/api/v1/cost/tokenizer?model=support-chat");
        if (strstr(r->path, "{model}")) snprintf(target, sizeof target, "/api/v1/models/tiered%s", strrchr(r->path, '}') + 1);
        if (strstr(r->path, "route/sample")) snprintf(target, sizeof target, "/api/v1/models/tiered/route/sample?application=support");
        if (strstr(r->path, "scores")) snprintf(target, sizeof target, "/api/v1/scores%s%s", r->method[0] == 'G' ? "?record=" : "", r->method[0] == 'G' ? id : "");
        if (strstr(r->path, "cache-calibration") && strcmp(r->method, "GET") != 0)
            snprintf(target, sizeof target, "%s?application=support%s", r->path,
                     strcmp(r->method, "POST") == 0 ? "&precision=0.5&confidence=0.5&threshold=0.8" : "");
        char score[96];
        snprintf(score, sizeof score, "{\"record\":\"%s\",\"value\":0.5,\"comment\":\"c\"}", id);
        EXPECT_STATUS(r->status, desk_do(d, r->method, target, strcmp(r->method, "POST") == 0 && strstr(target, "scores") ? score : body_of(r)));
    }
    batches_close(d->s.batches);
    d->s.batches = NULL;
    assert_int_equal(desk_get(d, "/api/v1/none"), 404);
    check_object(d, 0, "Error", "404");
}

/* Types name schemas that are there; every schema is used. */
static void shapes_are_whole(void **state) {
    (void)state;
    for (const struct api_field *const *all = api_schemas; *all; all++)
    for (const struct api_field *f = *all; f->schema; f++) {
        const char *t = f->type + (f->type[0] == '~');
        if (*t == '[' || *t == '{') t++;
        if (*t < 'A' || *t > 'Z') continue;
        bool found = false;
        for (const struct api_field *const *other = api_schemas; *other; other++)
            for (const struct api_field *o = *other; o->schema; o++)
            found |= strncmp(o->schema, t, strlen(o->schema)) == 0 && strspn(t + strlen(o->schema), "]}?") == strlen(t + strlen(o->schema));
        if (!found) fail_msg("%s.%s: no schema for %s", f->schema, f->name, f->type);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(the_document_is_whole), TEST(answers_have_their_shapes), cmocka_unit_test(shapes_are_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
