/* What the tests of control share: a server's services without a server, records in a folder of their own, one call of
 * the API and its answer. The clock stands at DESK_NOW. */
#ifndef TEST_CONTROL_RIG_H
#define TEST_CONTROL_RIG_H

#include "test_store_rig.h"

#include "base/metric.h"
#include "control/api.h"
#include "model/config.h"

#define DESK_NOW (RIG_START + 10 * 3600 * 1000000LL)
#define SECOND 1000000LL

struct desk {
    struct rig *rig;
    struct arena arena;
    struct policy *policy;
    struct recorder *recorder;
    struct control_services s;
    struct api_request q;
    struct api_response answer;
    struct json_doc doc;
    enum fault reload_fault;
    unsigned reloads;
    bool ready;
};

#define DESK_CONFIG                                                                                           \
    "providers:\n  main: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', prices_as: openai}\n"           \
    "  spare: {dialect: anthropic, base_url: 'http://127.0.0.1:1/v1'}\n"                                      \
    "models:\n  support-chat:\n    targets:\n      - {provider: main, model: gpt-4o-mini}\n"                  \
    "      - {provider: spare, model: no-such-model}\n"                                                       \
    "  small: {targets: [{provider: main, model: gpt-4.1-nano}]}\n"                                            \
    "  tiered: {tiers: [small, support-chat], rules: [{when: {max_input_chars: 9}, tier: small}]}\n"           \
    "applications:\n  support:\n    keys: [{name: file-key, key: 'qd-0123456789abcdef'}]\n  billing: {}\n"   \
    "budgets: [{name: growth-month, scope: {team: growth}, limit_usd: 5, window: month, timezone: UTC}]\n"
#define DESK_TOKENS                                                                                           \
    "tokens:\n  - {name: vera, role: viewer, token: 'viewer-token-0000'}\n"                                   \
    "  - {name: olga, role: operator, token: 'operator-token-00'}\n"                                            \
    "  - {name: ed, role: editor, token: 'editor-token-0000'}\n"                                              \
    "  - {name: ada, role: admin, token: 'admin-token-00000'}\n"

static inline struct policy *desk_policy(void *ctx) { return policy_hold(((struct desk *)ctx)->policy); }

static inline enum fault desk_reload(void *ctx, uint64_t *ret_revision, struct buffer *problems) {
    struct desk *d = ctx;
    d->reloads++;
    if (d->reload_fault != FAULT_NONE) buffer_append(problems, SLICE("quarterdeck.yaml:3:1: lisen: unknown key\nand:4:1: more\n"));
    else *ret_revision = 1 + d->reloads;
    return d->reload_fault;
}

static inline bool desk_ready(void *ctx, const char **ret_why_not) {
    *ret_why_not = "starting or stopping";
    return ((struct desk *)ctx)->ready;
}

static inline void desk_targets(void *ctx, void (*each)(void *arg, const struct target_state *t), void *arg) {
    (void)ctx;
    each(arg, &(struct target_state){"support-chat", "main", "gpt-4o-mini", "open", 0.75, 20, DESK_NOW + 15 * SECOND});
}

/* One budget with 1.5 of its 5 USD spent; the window is the fifth of the month until the next. */
static inline void desk_budgets(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    struct desk *d = ctx;
    struct budget_view v = {.budget = d->policy->budgets, .values = {SLICE("growth")}, .spent_nano = 1500000000, .reserved_nano = 250000000};
    v.window = (struct window){DESK_NOW - 100 * 3600 * SECOND, DESK_NOW + 500 * 3600 * SECOND};
    if (d->policy->n_budgets > 0) each(arg, &v);
}

static inline void desk_configure(struct desk *d, const char *yaml) {
    struct config_source source = {0};
    struct problems problems = {0};
    struct buffer text;
    buffer_init(&text, 64 << 10);
    policy_drop(d->policy);
    d->policy = NULL;
    if (config_read(slice_of(yaml), "desk.yaml", &source, NULL, &d->arena, &d->policy, &problems) != FAULT_NONE) {
        problems_write(&problems, &text);
        fail_msg("%s", buffer_text(&text));
    }
    buffer_deinit(&text);
    d->policy->revision = 1;
}

static inline int desk_setup(void **state) {
    struct desk *d = test_calloc(1, sizeof *d);
    struct error error = {0};
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    d->rig = rig;
    clock_fake(1000 * SECOND, DESK_NOW);
    arena_init(&d->arena, 64 << 10, 64 << 20);
    buffer_init(&d->answer.body, 1);
    desk_configure(d, DESK_CONFIG);
    d->recorder = rig_recorder(d->rig);
    d->s = (struct control_services){.ctx = d, .policy = desk_policy, .reload = desk_reload, .ready = desk_ready, .targets = desk_targets, .budgets = desk_budgets,
                                     .ledger = rig_ledger(d->rig), .registry = registry_open(d->rig->dir, &error), .evaluations = evaluations_open(d->rig->dir, &error),
                                     .recorder = d->recorder, .metrics = metric_set_new(), .started_us = DESK_NOW - 60 * SECOND};
    d->ready = true;
    *state = d;
    return d->s.registry ? 0 : -1;
}

static inline int desk_teardown(void **state) {
    struct desk *d = *state;
    void *rig = d->rig;
    buffer_deinit(&d->answer.body);
    ledger_close(d->s.ledger);
    recorder_close(d->recorder);
    registry_close(d->s.registry);
    evaluations_close(d->s.evaluations);
    metric_set_free(d->s.metrics);
    policy_drop(d->policy);
    arena_deinit(&d->arena);
    rig_teardown(&rig);
    test_free(d);
    return 0;
}

#include "test_control_shapes.h"

/* One call with the request's other members as they stand in d->q; the status. A good answer has the shape that its route states. */
static inline int desk_send(struct desk *d, const char *method, const char *target, const char *body) {
    buffer_deinit(&d->answer.body);
    d->q.method = slice_of(method);
    slice_cut(slice_of(target), '?', &d->q.path, &d->q.query);
    d->q.body = slice_of(body);
    control_answer(&d->s, &d->q, &d->arena, &d->answer);
    d->doc = (struct json_doc){.count = 0};
    if (strcmp(d->answer.content_type, "application/json") == 0) {
        struct error error;
        if (json_read(buffer_slice(&d->answer.body), &d->arena, UINT16_MAX, &d->doc, &error) != FAULT_NONE)
            fail_msg("%s %s: %s: %s", method, target, error.text, buffer_text(&d->answer.body));
        if (d->answer.status >= 200 && d->answer.status < 300) check_shape(d, method, target);
    }
    return d->answer.status;
}

/* In-process, so that all is allowed. */
static inline int desk_get(struct desk *d, const char *target) {
    d->q = (struct api_request){.trusted = true};
    return desk_send(d, "GET", target, "");
}
static inline int desk_do(struct desk *d, const char *method, const char *target, const char *body) {
    d->q = (struct api_request){.trusted = true};
    return desk_send(d, method, target, body);
}

/* A member by path ("error.code", "rows.0.n") as it is written, strings without quotes; "absent" without one. */
static inline const char *desk_at(struct desk *d, const char *path) {
    struct slice rest = slice_of(path), name;
    uint32_t node = d->doc.count ? 0 : JSON_NONE;
    uint64_t index;
    while (rest.len > 0) {
        slice_cut(rest, '.', &name, &rest);
        node = slice_to_u64(name, &index) ? json_item(&d->doc, node, (uint32_t)index) : json_get_slice(&d->doc, node, name);
    }
    if (json_type(&d->doc, node) == JSON_ABSENT) return "absent";
    struct slice value = json_type(&d->doc, node) == JSON_STRING ? json_string(&d->doc, node, &d->arena) : json_raw(&d->doc, node);
    return arena_text(&d->arena, value);
}

#define EXPECT(d, path, want) assert_string_equal(desk_at(d, path), want)
#define EXPECT_STATUS(want, call)                                                                             \
    do {                                                                                                      \
        int status_ = (call);                                                                                 \
        if (status_ != (want)) fail_msg("wanted %d, found %d: %s", want, status_, buffer_text(&d->answer.body)); \
    } while (0)
#define EXPECT_MESSAGE(d, words)                                                                              \
    do {                                                                                                      \
        const char *message_ = desk_at(d, "error.message");                                                   \
        if (!strstr(message_, words)) fail_msg("wanted \"%s\" in: %s", words, message_);                      \
    } while (0)

static inline void desk_keep(struct desk *d, const struct record *r) { rig_append_record(d->recorder, 0, r); }
static inline void desk_drain(struct desk *d) { rig_drain(d->s.ledger, d->recorder); }

#endif
