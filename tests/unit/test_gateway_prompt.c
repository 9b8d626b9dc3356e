/* The stage of prompts: what is asked, what the record says of it, and what change is told. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "gateway/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct policy policy;
    struct binding binding;
    struct application application;
    struct api_key key;
    struct gateway gateway;
    struct deployments *d;
    struct served_version *v[2]; /* 1 in production, 2 the candidate */
    struct deployed_rollout rollout;
    struct deployed prompt;
    struct http_request request;
    struct exchange *x;
    struct error error;
    unsigned texts, shadows;
    char told[256];
};

static void on_text(void *ctx, const struct record *r, struct slice text) {
    struct fixture *f = ctx;
    assert_false(slice_is_null(r->application));
    f->texts++;
    snprintf(f->told, sizeof f->told, SLICE_FMT, SLICE_ARG(text));
}

static void on_shadow(void *ctx, const struct record *r, struct slice request, struct slice reply) {
    struct fixture *f = ctx;
    assert_int_equal(r->rollout, 9);
    f->shadows++;
    snprintf(f->told, sizeof f->told, SLICE_FMT "|" SLICE_FMT, SLICE_ARG(request), SLICE_ARG(reply));
}

static struct served_version *version(int64_t number, const char *text) {
    struct served_version *v = NULL;
    char body[256];
    snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"%s {{x}}\"}],\"variables\":{\"x\":{}}}", text);
    assert_int_equal(served_version_new(number, SLICE_NULL, slice_of(body), &v, NULL), FAULT_NONE);
    return v;
}

static struct fixture *fixture(void) {
    struct fixture *f = mem_new(struct fixture);
    f->application = (struct application){.name = "app", .all_models = true, .payloads.capture = CAPTURE_METADATA};
    f->key = (struct api_key){.name = "k", .application = &f->application};
    f->binding.policy = &f->policy;
    f->d = deployments_new();
    f->v[0] = version(1, "One");
    f->v[1] = version(2, "Two");
    f->d->kept = arena_new_array(&f->d->arena, struct served_version *, 2);
    memcpy(f->d->kept, f->v, sizeof f->v);
    f->d->n_kept = 2;
    f->rollout = (struct deployed_rollout){.id = 9, .step = 4, .candidate = f->v[1], .weight_ppm = 500000, .sticky = STICKY_USER, .salt = 3};
    f->prompt = (struct deployed){.name = SLICE("greeting"), .production = f->v[0], .versions = (const struct served_version *const *)f->d->kept, .n_versions = 2};
    (void)table_put(&f->d->by_name, f->prompt.name, &f->prompt);
    f->gateway.sinks = (struct gateway_sinks){.system_text = on_text, .shadow = on_shadow, .change_ctx = f};
    f->gateway.system_texts = system_texts_new();
    f->gateway.loop = loop_new(NULL);
    assert_non_null(f->gateway.loop);
    gateway_deploy(&f->gateway, f->d);
    f->x = mem_new(struct exchange);
    arena_init(&f->x->arena, 4096, 1 << 20);
    buffer_init(&f->x->prompted, 1 << 20);
    buffer_init(&f->x->copy, LIMIT_PAYLOAD + 1);
    return f;
}

static void drop(struct fixture *f) {
    arena_deinit(&f->x->arena);
    buffer_deinit(&f->x->prompted);
    buffer_deinit(&f->x->copy);
    mem_free(f->x);
    deployments_drop(f->gateway.deployments);
    deployments_drop(f->d);
    mem_free(f->gateway.system_texts);
    loop_free(f->gateway.loop);
    mem_free(f);
}

/* An exchange that asks `body` with the header; *f->x is as its stage left it. */
static enum fault ask(struct fixture *f, const char *asked, const char *user, const char *body) {
    struct exchange *x = f->x;
    struct arena arena = x->arena;
    struct buffer prompted = x->prompted, copy = x->copy;
    arena_reset(&arena);
    buffer_clear(&prompted);
    buffer_clear(&copy);
    *x = (struct exchange){.gateway = &f->gateway, .binding = &f->binding, .key = &f->key, .client = dialect_of(DIALECT_OPENAI), .arena = arena, .prompted = prompted, .copy = copy};
    record_init(&x->record);
    record_id_new(&x->record.id, 1700000000000000);
    x->record.application = SLICE("app");
    if (user) x->record.user = slice_of(user);
    x->asked_prompt = slice_of(asked);
    f->request = (struct http_request){.body = slice_of(body)};
    x->request = &f->request;
    x->body = f->request.body;
    f->error.fault = FAULT_NONE;
    return prompt_read_request(x, &f->error);
}

static void settled(struct fixture *f, const char *reply) {
    struct exchange *x = f->x;
    x->record.status = RECORD_OK;
    x->record.http_status = 200;
    if (x->call.system_text.len) {
        digest_fast128(x->call.system_text, x->record.system_prompt_hash);
        x->record.has_system_prompt = true;
    }
    buffer_append(&x->copy, slice_of(reply));
    prompt_settle(x);
}

static void a_prompt_is_put_in_place(void **state) {
    (void)state;
    struct fixture *f = fixture();
    assert_int_equal(ask(f, "greeting", NULL, "{\"stream\":true,\"prompt_variables\":{\"x\":\"!\"}}"), FAULT_NONE);
    assert_true(slice_is(f->x->body, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"One !\"}],\"stream\":true}"));
    assert_true(slice_is(f->x->call.system_text, "One !"));
    assert_true(slice_is(f->x->call.model, "m"));
    assert_true(f->x->call.stream);
    assert_true(slice_is(f->x->record.prompt_name, "greeting"));
    assert_true(slice_is(f->x->record.prompt_version, "1"));
    assert_int_equal(f->x->record.rollout, 0);
    assert_int_equal(f->x->record.arm, ARM_NONE);
    drop(f);
}

/* What the record says outlives the deployments that it came from. */
static void deployments_may_go(void **state) {
    (void)state;
    struct fixture *f = fixture();
    struct deployments *none = deployments_new();
    assert_int_equal(ask(f, "greeting@2", NULL, "{}"), FAULT_NONE);
    deployments_drop(f->d);
    f->d = NULL;
    gateway_deploy(&f->gateway, none);
    deployments_drop(none);
    assert_true(slice_is(f->x->record.prompt_version, "2"));
    assert_true(slice_is(f->x->call.system_text, "Two "));
    assert_int_equal(ask(f, "greeting", NULL, "{}"), FAULT_NO_SUCH_PROMPT);
    assert_true(slice_is_null(f->x->record.prompt_name)); /* so no reply names it */
    drop(f);
}

static void arms_are_sticky(void **state) {
    (void)state;
    struct fixture *f = fixture();
    unsigned candidates = 0;
    f->prompt.rollout = &f->rollout;
    for (unsigned i = 0; i < 400; i++) {
        char user[16], body[64];
        snprintf(user, sizeof user, "u%u", i);
        assert_int_equal(ask(f, "greeting", user, "{}"), FAULT_NONE);
        enum arm arm = f->x->record.arm;
        assert_true(arm == ARM_CANDIDATE || arm == ARM_CONTROL);
        assert_int_equal(f->x->record.rollout, 9);
        assert_int_equal(f->x->record.rollout_step, 4);
        assert_true(slice_is(f->x->record.prompt_version, arm == ARM_CANDIDATE ? "2" : "1"));
        assert_true(slice_is(f->x->call.system_text, arm == ARM_CANDIDATE ? "Two " : "One "));
        candidates += arm == ARM_CANDIDATE;
        snprintf(body, sizeof body, "{\"user\":\"%s\"}", user); /* the same user, said in the body */
        assert_int_equal(ask(f, "greeting@production", NULL, body), FAULT_NONE);
        assert_int_equal(f->x->record.arm, arm);
    }
    assert_in_range(candidates, 150, 250); /* five standard errors */
    drop(f);
}

/* A request that is asked once stays in its arm though nobody says who asks. */
static void once_stays_in_its_arm(void **state) {
    (void)state;
    struct fixture *f = fixture();
    f->prompt.rollout = &f->rollout;
    bool seen[2] = {false, false};
    for (unsigned i = 0; i < 64; i++) {
        char name[16];
        snprintf(name, sizeof name, "job-%u", i);
        enum arm first = ARM_NONE;
        for (unsigned again = 0; again < 4; again++) {
            assert_int_equal(ask(f, "greeting@1", NULL, "{}"), FAULT_NONE); /* clears the exchange */
            f->x->once = slice_of(name);
            f->x->asked_prompt = SLICE("greeting");
            f->x->body = f->request.body;
            buffer_clear(&f->x->prompted);
            assert_int_equal(prompt_read_request(f->x, &f->error), FAULT_NONE);
            if (again == 0) first = f->x->record.arm;
            assert_int_equal(f->x->record.arm, first);
        }
        seen[first == ARM_CANDIDATE] = true;
    }
    assert_true(seen[0] && seen[1]);
    drop(f);
}

static void counting_is_no_evidence(void **state) {
    (void)state;
    struct fixture *f = fixture();
    f->prompt.rollout = &f->rollout;
    f->rollout.weight_ppm = f->rollout.shadow_ppm = 1000000;
    assert_int_equal(ask(f, "greeting", "u", "{}"), FAULT_NONE);
    assert_int_equal(f->x->record.arm, ARM_CANDIDATE);
    assert_true(f->x->to_shadow);
    f->x->client = dialect_of(DIALECT_ANTHROPIC);
    f->x->call.endpoint = ENDPOINT_COUNT_TOKENS;
    f->x->record.rollout = 0, f->x->record.arm = ARM_NONE, f->x->to_shadow = false;
    f->x->body = f->request.body;
    buffer_clear(&f->x->prompted);
    assert_int_equal(prompt_read_request(f->x, &f->error), FAULT_NONE);
    assert_true(slice_is(f->x->record.prompt_version, "2")); /* what will serve is what is counted */
    assert_int_equal(f->x->record.rollout, 0);
    assert_false(f->x->to_shadow);
    drop(f);
}

static void without_one_variables_are_the_clients(void **state) {
    (void)state;
    struct fixture *f = fixture();
    assert_int_equal(ask(f, "", NULL, "{\"model\":\"m\",\"prompt_variables\":7}"), FAULT_NONE);
    assert_ptr_equal(f->x->body.at, f->request.body.at);
    gateway_deploy(&f->gateway, f->d);
    deployments_drop(f->gateway.deployments);
    f->gateway.deployments = NULL; /* a server that has none */
    assert_int_equal(ask(f, "", NULL, "{\"model\":\"m\"}"), FAULT_NONE);
    assert_int_equal(ask(f, "greeting", NULL, "{}"), FAULT_NO_SUCH_PROMPT);
    assert_non_null(strstr(f->error.text, "no prompt is registered"));
    drop(f);
}

static void too_large_is_refused(void **state) {
    (void)state;
    struct fixture *f = fixture();
    f->policy.server.max_body = 60;
    assert_int_equal(ask(f, "greeting", NULL, "{\"stream\":true,\"prompt_variables\":{\"x\":\"!\"}}"), FAULT_TOO_LARGE);
    f->policy.server.max_body = 0;
    assert_int_equal(ask(f, "greeting", NULL, "{}"), FAULT_NONE);
    drop(f);
}

static const char with_system[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Own text.\"}]}";

static void system_texts_are_told_once(void **state) {
    (void)state;
    struct fixture *f = fixture();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(ask(f, "", NULL, with_system), FAULT_NONE);
        settled(f, "{}");
    }
    assert_int_equal(f->texts, 1);
    assert_string_equal(f->told, "Own text.");
    f->application.index = 1; /* another application's is another's */
    assert_int_equal(ask(f, "", NULL, with_system), FAULT_NONE);
    settled(f, "{}");
    assert_int_equal(f->texts, 2);
    drop(f);
}

static void some_texts_are_not_told(void **state) {
    (void)state;
    struct fixture *f = fixture();
    assert_int_equal(ask(f, "greeting", NULL, "{}"), FAULT_NONE);
    settled(f, "{}"); /* a registered prompt's */
    assert_int_equal(ask(f, "", NULL, with_system), FAULT_NONE);
    f->x->inside = true;
    settled(f, "{}"); /* our own */
    assert_int_equal(ask(f, "", NULL, with_system), FAULT_NONE);
    f->x->record.status = RECORD_REFUSED;
    f->x->record.has_system_prompt = true;
    prompt_settle(f->x);
    assert_int_equal(ask(f, "", NULL, with_system), FAULT_NONE);
    f->x->record.status = RECORD_OK;
    prompt_settle(f->x); /* payloads.capture: none has taken the hash */
    assert_int_equal(f->texts, 0);
    assert_int_equal(ask(f, "", NULL, with_system), FAULT_NONE);
    f->x->inside = true;
    f->x->record.batch = SLICE("batch_1");
    settled(f, "{}"); /* a line of a batch is the application's */
    assert_int_equal(f->texts, 1);
    drop(f);
}

/* Texts that are all different do not fill what takes them. */
static void unknown_texts_are_bounded(void **state) {
    (void)state;
    struct fixture *f = fixture();
    for (unsigned i = 0; i < 5000; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"It is %u.\"}]}", i);
        assert_int_equal(ask(f, "", NULL, body), FAULT_NONE);
        settled(f, "{}"); /* the loop's clock stands still: it does not turn */
    }
    assert_int_equal(f->texts, 200);
    drop(f);
}

static void shadow_gets_whole_answers(void **state) {
    (void)state;
    struct fixture *f = fixture();
    f->prompt.rollout = &f->rollout;
    f->rollout.weight_ppm = 0;
    f->rollout.shadow_ppm = 1000000;
    const char *body = "{\"prompt_variables\":{\"x\":\"!\"}}";
    assert_int_equal(ask(f, "greeting", "u", body), FAULT_NONE);
    assert_true(slice_is(f->x->record.prompt_version, "1"));
    assert_int_equal(f->x->record.arm, ARM_NONE);
    settled(f, "answer");
    assert_int_equal(f->shadows, 1);
    assert_string_equal(f->told, "{\"prompt_variables\":{\"x\":\"!\"}}|answer"); /* as it was sent */

    assert_int_equal(ask(f, "greeting", "u", body), FAULT_NONE);
    f->x->record.cache = SLICE("hit"); /* nobody was asked */
    settled(f, "answer");
    assert_int_equal(ask(f, "greeting", "u", body), FAULT_NONE);
    f->x->record.status = RECORD_TRUNCATED;
    f->x->record.http_status = 200;
    buffer_append(&f->x->copy, SLICE("ans"));
    prompt_settle(f->x);
    assert_int_equal(ask(f, "greeting", "u", body), FAULT_NONE);
    char *large = mem_alloc(LIMIT_PAYLOAD + 2); /* more than was kept: cut */
    memset(large, 'x', LIMIT_PAYLOAD + 1);
    settled(f, large);
    mem_free(large);
    assert_int_equal(ask(f, "greeting@1", "u", body), FAULT_NONE); /* asked for by its number */
    settled(f, "answer");
    assert_int_equal(f->shadows, 1);
    drop(f);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_is_put_in_place),   cmocka_unit_test(deployments_may_go),
        cmocka_unit_test(arms_are_sticky),            cmocka_unit_test(once_stays_in_its_arm),
        cmocka_unit_test(counting_is_no_evidence),    cmocka_unit_test(without_one_variables_are_the_clients),
        cmocka_unit_test(too_large_is_refused),       cmocka_unit_test(system_texts_are_told_once),
        cmocka_unit_test(some_texts_are_not_told),    cmocka_unit_test(unknown_texts_are_bounded),
        cmocka_unit_test(shadow_gets_whole_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
