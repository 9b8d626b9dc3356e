/* The API of prompts that nobody registered, and of versions of models. */
#include "change/live.h"
#include "change/prompt_groups.h"
#include "store/changes.h"
#include "store/live_prompts.h"
#include "test_control_rig.h"

#define TEXT "You are the assistant of {{Acme}}. You talk to %s. Be polite and keep your answers %s."

static void hash_of(const char *text, char hex[33]) {
    uint8_t hash[16];
    digest_fast128(slice_of(text), hash);
    digest_hex(hash, sizeof hash, hex);
}

static void use(struct live *l, const char *how, bool keep) {
    static const char *const names[] = {"Ann", "Bo", "Cy", "Di", "Ed"};
    char text[256];
    for (unsigned i = 0; i < 25; i++) {
        struct record r;
        (void)snprintf(text, sizeof text, TEXT, names[i % 5], how);
        struct live_met m = {.application = SLICE("support"), .request_type = SLICE("chat"), .text = slice_of(text), .keep = keep, .at_us = DESK_NOW + i};
        digest_fast128(m.text, m.hash);
        live_meet(l, &m);
        record_init(&r);
        r.application = SLICE("support");
        r.status = RECORD_OK;
        r.has_system_prompt = true;
        r.time_us = DESK_NOW + i;
        memcpy(r.system_prompt_hash, m.hash, sizeof m.hash);
        live_count(l, &r);
    }
}

static void keep(struct desk *d, struct live *l) {
    struct error error;
    assert_int_equal(live_registered(l, d->s.registry, &error), FAULT_NONE);
    assert_int_equal(live_step(l, d->s.registry, SLICE("1:1"), &error), FAULT_NONE);
}

static void a_prompt_is_adopted_once(void **state) {
    struct desk *d = *state;
    struct live *l = live_new();
    struct error error;
    char text[256], hex[33], path[128];
    assert_int_equal(live_load(l, d->s.registry, &error), FAULT_NONE);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/live-prompts"));
    EXPECT(d, "prompts.0", "absent");
    use(l, "short", true);
    keep(d, l);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/live-prompts?application=support"));
    EXPECT(d, "prompts.0.answers", "25");
    EXPECT(d, "prompts.0.variable_parts", "1");
    EXPECT(d, "prompts.0.registered_as", "null");
    (void)snprintf(text, sizeof text, TEXT, "Ann", "short");
    hash_of(text, hex);
    (void)snprintf(path, sizeof path, "/api/v1/live-prompts/%.8s", hex);
    EXPECT_STATUS(200, desk_get(d, path));
    EXPECT(d, "template", "You are the assistant of { {Acme}}. You talk to {{gap_1}}. Be polite and keep your answers short.");
    (void)snprintf(path, sizeof path, "/api/v1/live-prompts/%s/adopt", hex);
    EXPECT_STATUS(400, desk_do(d, "POST", path, "{\"name\": \"helpdesk\"}")); /* no reason */
    EXPECT_STATUS(200, desk_do(d, "POST", path, "{\"name\": \"helpdesk\", \"reason\": \"it serves\", \"owner\": \"anna\"}"));
    EXPECT(d, "registered_as", "helpdesk@1");
    EXPECT(d, "already", "false");
    EXPECT_STATUS(200, desk_do(d, "POST", path, "{\"name\": \"helpdesk\", \"reason\": \"again, before it was looked at\"}"));
    EXPECT(d, "already", "true");
    keep(d, l);
    use(l, "long", true);
    keep(d, l);
    (void)snprintf(text, sizeof text, TEXT, "Cy", "long");
    hash_of(text, hex);
    (void)snprintf(path, sizeof path, "/api/v1/live-prompts/%s/adopt", hex);
    EXPECT_STATUS(200, desk_do(d, "POST", path, "{\"reason\": \"longer\"}")); /* the name of the one before it */
    EXPECT(d, "registered_as", "helpdesk@2");
    struct change_version *all;
    struct change_subject subject;
    unsigned n = 0;
    assert_int_equal(changes_versions(d->s.registry, SLICE("prompt"), SLICE("helpdesk"), 0, &d->arena, &all, &n, &error), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_int_equal(all[0].state, VERSION_PRODUCTION);
    assert_int_equal(all[1].state, VERSION_SUPERSEDED);
    assert_int_equal(all[0].parent, 1);
    assert_int_equal(changes_subject(d->s.registry, SLICE("prompt"), SLICE("helpdesk"), &d->arena, &subject, &error), FAULT_NONE);
    assert_int_equal(subject.production, 2);
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/live-prompts/00000000ffff/adopt", "{\"reason\": \"x\"}"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/live-prompts/xyz"));
    live_free(l);
}

static void nothing_to_adopt_where_texts_are_not_kept(void **state) {
    struct desk *d = *state;
    struct live *l = live_new();
    char text[256], hex[33], path[128];
    use(l, "short", false);
    keep(d, l);
    (void)snprintf(text, sizeof text, TEXT, "Ann", "short");
    hash_of(text, hex);
    (void)snprintf(path, sizeof path, "/api/v1/live-prompts/%s", hex);
    EXPECT_STATUS(200, desk_get(d, path));
    EXPECT(d, "text", "null");
    EXPECT(d, "template", "null");
    (void)snprintf(path, sizeof path, "/api/v1/live-prompts/%s/adopt", hex);
    EXPECT_STATUS(409, desk_do(d, "POST", path, "{\"reason\": \"x\"}"));
    EXPECT_MESSAGE(d, "keeps no texts");
    live_free(l);
}

static void versions_of_models_wait_for_a_word(void **state) {
    struct desk *d = *state;
    struct error error;
    struct model_change m = {.model = SLICE("tiered"), .provider = SLICE("main"), .target = SLICE("t"), .before = SLICE("v1 fp_1"), .after = SLICE("v2 fp_2"),
                             .seen_us = DESK_NOW, .answers = 5, .state = SLICE("open")};
    struct model_change seen = m;
    seen.after = SLICE("v3");
    seen.state = SLICE("seen");
    assert_int_equal(model_change_put(d->s.registry, &m, NULL, &error), FAULT_NONE);
    assert_int_equal(model_change_put(d->s.registry, &seen, NULL, &error), FAULT_NONE);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/model-changes"));
    EXPECT(d, "changes.0.after", "v2 fp_2");
    EXPECT(d, "changes.1", "absent"); /* too few answers yet */
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/model-changes/1/hold", "{\"reason\": \"x\", \"to\": \"tiered\"}"));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/model-changes/1/hold", "{\"reason\": \"x\", \"to\": \"none\"}"));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/model-changes/2/accept", "{\"reason\": \"x\"}"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/model-changes/1/hold", "{\"reason\": \"wait\", \"to\": \"support-chat\"}"));
    EXPECT(d, "held_to", "support-chat");
    EXPECT(d, "already", "false");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/model-changes/1/hold", "{\"reason\": \"wait\", \"to\": \"support-chat\"}"));
    EXPECT(d, "already", "true");
    struct model_change other = {.model = SLICE("support-chat"), .provider = SLICE("main"), .target = SLICE("t"), .before = SLICE("a"), .after = SLICE("b"),
                                 .seen_us = DESK_NOW, .answers = 5, .state = SLICE("open")};
    assert_int_equal(model_change_put(d->s.registry, &other, NULL, &error), FAULT_NONE);
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/model-changes/3/hold", "{\"reason\": \"x\", \"to\": \"tiered\"}")); /* round in a circle */
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/model-changes/1/release", "{\"reason\": \"looked at\"}"));
    EXPECT(d, "state", "open");
    EXPECT(d, "held_to", "null");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/model-changes/1/accept", "{\"reason\": \"good\"}"));
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/model-changes/1/hold", "{\"reason\": \"x\", \"to\": \"support-chat\"}"));
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/model-changes/1/release", "{\"reason\": \"x\"}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(a_prompt_is_adopted_once), TEST(nothing_to_adopt_where_texts_are_not_kept), TEST(versions_of_models_wait_for_a_word)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
