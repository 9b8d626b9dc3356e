/* Prompts of live traffic: grouped, counted with the place in the ledger, told and cleared, private where nothing may be kept. */
#include "change/live.h"
#include "change/prompt_groups.h"
#include "store/findings.h"
#include "store/live_prompts.h"
#include "test_store_changes_rig.h"

#define HOUR 3600000000LL

struct desk {
    struct rig *rig;
    struct registry *r;
    struct live *l;
    struct arena arena;
    int64_t now_us;
    bool keep;
    unsigned opened;
};

static void begin_live(struct desk *d) {
    struct error error;
    d->l = live_new();
    assert_int_equal(live_load(d->l, d->r, &error), FAULT_NONE);
}
static void desk_init(struct desk *d) {
    *d = (struct desk){.now_us = AT, .keep = true};
    void *state = NULL;
    assert_int_equal(rig_setup(&state), 0);
    d->rig = state;
    d->r = open_registry(d->rig);
    arena_init(&d->arena, 1 << 16, 1 << 26);
    begin_live(d);
}
static void desk_deinit(struct desk *d) {
    live_free(d->l);
    registry_close(d->r);
    arena_deinit(&d->arena);
    void *state = d->rig;
    assert_int_equal(rig_teardown(&state), 0);
}

static void count(struct desk *d, const char *text, const char *type) {
    struct record r;
    record_init(&r);
    r.application = SLICE("support");
    r.request_type = slice_of(type);
    r.status = RECORD_OK;
    r.has_system_prompt = true;
    r.time_us = d->now_us += 1000;
    digest_fast128(slice_of(text), r.system_prompt_hash);
    live_count(d->l, &r);
}
static void meet(struct desk *d, const char *text, const char *type) {
    struct live_met m = {.application = SLICE("support"), .request_type = slice_of(type), .text = slice_of(text), .keep = d->keep, .at_us = d->now_us};
    digest_fast128(m.text, m.hash);
    live_meet(d->l, &m);
}
static void use(struct desk *d, const char *text, unsigned times) {
    meet(d, text, "chat");
    for (unsigned i = 0; i < times; i++) count(d, text, "chat");
}
static void count_opened(void *ctx, const struct finding *f) {
    struct desk *d = ctx;
    assert_int_equal(f->kind, FINDING_PROMPT_UNREGISTERED);
    d->opened++;
}
static void step(struct desk *d) {
    struct error error = {0};
    if (live_registered(d->l, d->r, &error) != FAULT_NONE || live_step(d->l, d->r, SLICE("1:1"), &error) != FAULT_NONE ||
        live_tell(d->l, d->r, d->now_us, count_opened, d, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
}
static unsigned open_findings(struct desk *d, struct finding **ret) {
    unsigned n = 0;
    struct error error;
    assert_int_equal(findings_list(d->r, &(struct findings_filter){.kinds = FINDING_BIT(PROMPT_UNREGISTERED), .states = 1u << FINDING_OPEN, .limit = 100}, &d->arena, ret, &n, &error), FAULT_NONE);
    return n;
}

#define FIRST "You are the assistant of Acme. Be polite and keep your answers short. Say so when you do not know."
#define SECOND "You are the assistant of Acme. Be polite and keep your answers long. Say so when you do not know."

static void a_change_is_told_and_cleared(void **state) {
    (void)state;
    struct desk d;
    struct finding *f;
    desk_init(&d);
    use(&d, FIRST, 50);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 0); /* the first one is no change */
    use(&d, SECOND, PROMPT_ANSWERS - 1);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 0);
    use(&d, SECOND, 1);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 1);
    assert_int_equal(d.opened, 1);
    assert_true(slice_contains(f[0].evidence, SLICE("short")));
    assert_true(slice_contains(f[0].evidence, SLICE("\"answers\":20,\"of\":20")));
    assert_true(slice_contains(f[0].evidence, SLICE("\"answers\":20,\"of\":70")));
    assert_true(slice_starts(f[0].command, SLICE("quarterdeck prompt adopt ")));
    step(&d);
    assert_int_equal(d.opened, 1); /* once */
    live_free(d.l); /* over a restart: nothing is new, nothing is counted twice */
    begin_live(&d);
    use(&d, SECOND, 2);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 1);
    assert_int_equal(d.opened, 1);
    d.now_us += LIVE_GONE_US + HOUR;
    step(&d);
    assert_int_equal(open_findings(&d, &f), 0);
    use(&d, SECOND, 1);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 1);
    /* registered: no finding */
    (void)add(d.r, "{\"messages\":[{\"role\":\"system\",\"content\":\"You are the assistant of {{company}}. Be polite and keep your answers long. Say so when you do not know.\"}]}", 0);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 0);
    struct live_group *groups;
    unsigned n;
    struct error error;
    assert_int_equal(live_groups(d.r, SLICE("support"), &d.arena, &groups, &n, &error), FAULT_NONE);
    assert_int_equal(n, 2);
    step(&d);
    assert_int_equal(groups[1].answers, 23);
    desk_deinit(&d);
}

#define PLAN "You are the assistant of Acme. The customer has the plan %s and wants a %s answer."

static void use_plan(struct desk *d, const char *plan, const char *how, unsigned times) {
    char text[256];
    (void)snprintf(text, sizeof text, PLAN, plan, how);
    use(d, text, times);
    step(d);
}

static void variable_parts_turn_out(void **state) {
    (void)state;
    struct desk d;
    struct finding *f;
    desk_init(&d);
    use_plan(&d, "Basic", "short", 30); /* three values, one after the other, each often: told as a person's edits would be */
    use_plan(&d, "Plus", "short", 30);
    use_plan(&d, "Gold", "short", 30);
    assert_int_equal(open_findings(&d, &f), 2);
    use_plan(&d, "Max", "short", 1);
    use_plan(&d, "Team", "short", 1);
    assert_int_equal(open_findings(&d, &f), 2);
    use_plan(&d, "Solo", "short", 1); /* the fourth of one template: it is a variable part, and was no change */
    assert_int_equal(open_findings(&d, &f), 0);
    use_plan(&d, "Duo", "short", 30);
    assert_int_equal(open_findings(&d, &f), 0);
    assert_int_equal(d.opened, 2);
    use_plan(&d, "Basic", "long", 30); /* an instruction is still told */
    assert_int_equal(open_findings(&d, &f), 1);
    desk_deinit(&d);
}

static void a_group_that_was_merged_stays_merged(void **state) {
    (void)state;
    struct desk d;
    struct live_group *groups;
    struct error error;
    char text[256];
    unsigned n, alive = 0;
    desk_init(&d);
    for (unsigned i = 0; i < 8; i++) {
        (void)snprintf(text, sizeof text, "You are the assistant of Acme. You talk to %s and are to give a short answer.", (const char *[]){"Ann", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal"}[i]);
        use(&d, text, 2);
        step(&d); /* each in a look of its own */
    }
    live_free(d.l);
    begin_live(&d);
    use(&d, "You are the assistant of Acme. You talk to Ida and are to give a short answer.", 1);
    count(&d, "You are the assistant of Acme. You talk to Ann and are to give a short answer.", "chat");
    step(&d);
    assert_int_equal(live_groups(d.r, SLICE_NULL, &d.arena, &groups, &n, &error), FAULT_NONE);
    for (unsigned i = 0; i < n; i++) {
        if (groups[i].answers == 0) continue;
        alive++;
        assert_int_equal(groups[i].answers, 18);
        assert_false(slice_contains(groups[i].template_json, SLICE("Ann"))); /* what stood in the gaps is not kept with the template */
    }
    assert_int_equal(alive, 1);
    desk_deinit(&d);
}

static void nothing_of_the_text_is_kept(void **state) {
    (void)state;
    struct desk d;
    struct finding *f;
    struct live_group *groups;
    struct live_text *texts;
    struct error error;
    unsigned n;
    desk_init(&d);
    d.keep = false;
    use(&d, FIRST, 50);
    step(&d);
    use(&d, SECOND, 30);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 1); /* that it changed is told */
    assert_false(slice_contains(f[0].evidence, SLICE("short")));
    assert_true(slice_contains(f[0].evidence, SLICE("\"diff\":null,\"no_diff\":\"texts of this application are not kept")));
    assert_int_equal(live_groups(d.r, SLICE_NULL, &d.arena, &groups, &n, &error), FAULT_NONE);
    for (unsigned i = 0; i < n; i++) {
        assert_false(slice_contains(groups[i].template_json, SLICE("polite")));
        unsigned n_texts;
        assert_int_equal(live_texts(d.r, groups[i].number, 10, &d.arena, &texts, &n_texts, &error), FAULT_NONE);
        for (unsigned k = 0; k < n_texts; k++) assert_true(slice_is_null(texts[k].text));
    }
    live_free(d.l); /* after a start templates are learned again of the texts that come */
    begin_live(&d);
    use(&d, FIRST, 5);
    use(&d, SECOND, 5);
    step(&d);
    assert_int_equal(open_findings(&d, &f), 1);
    assert_int_equal(live_groups(d.r, SLICE_NULL, &d.arena, &groups, &n, &error), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_int_equal(groups[0].answers, 55);
    desk_deinit(&d);
}

static void many_new_ones_are_one_finding(void **state) {
    (void)state;
    struct desk d;
    struct finding *f;
    char text[256];
    desk_init(&d);
    use(&d, FIRST, 50);
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(text, sizeof text, "w%ua w%ub w%uc w%ud w%ue w%uf w%ug", i, i, i, i, i, i, i);
        use(&d, text, 30);
    }
    step(&d);
    assert_int_equal(open_findings(&d, &f), 1);
    assert_true(slice_contains(f[0].title, SLICE("20 system prompts")));
    desk_deinit(&d);
}

static void records_before_their_text(void **state) {
    (void)state;
    struct desk d;
    struct live_group *groups;
    struct error error;
    unsigned n;
    desk_init(&d);
    for (unsigned i = 0; i < 7; i++) count(&d, FIRST, "chat");
    step(&d);
    meet(&d, FIRST, "chat");
    step(&d);
    count(&d, FIRST, "chat");
    step(&d);
    assert_int_equal(live_groups(d.r, SLICE_NULL, &d.arena, &groups, &n, &error), FAULT_NONE);
    assert_int_equal(n, 1);
    assert_int_equal(groups[0].answers, 8);
    struct live_text *texts;
    assert_int_equal(live_texts(d.r, groups[0].number, 10, &d.arena, &texts, &n, &error), FAULT_NONE);
    assert_int_equal(texts[0].answers, 8);
    assert_int_equal(live_forget_texts(d.r, SLICE("support"), d.now_us + 1, &error), FAULT_NONE);
    assert_int_equal(live_texts(d.r, groups[0].number, 10, &d.arena, &texts, &n, &error), FAULT_NONE);
    assert_true(slice_is_null(texts[0].text));
    desk_deinit(&d);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_told_and_cleared), cmocka_unit_test(variable_parts_turn_out), cmocka_unit_test(a_group_that_was_merged_stays_merged),
        cmocka_unit_test(nothing_of_the_text_is_kept), cmocka_unit_test(many_new_ones_are_one_finding), cmocka_unit_test(records_before_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
