/* Actions against a registry of their own and a configuration: what is granted, done, refused, recorded, undone; and what an operator reads. */
#include "test_store_changes_rig.h"

#include "incident/action.h"
#include "model/alert_policy.h"
#include "store/emergency.h"
#define read policy_of /* unistd.h has one */
#include "test_model_config_rig.h"
#undef read

#include <dlfcn.h>
#include <errno.h>

/* The disk, as SQLite writes to it. */
static bool full;
typedef ssize_t pwrite_function(int fd, const void *bytes, size_t n, off_t at);
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at);
static ssize_t put_at(const char *name, int fd, const void *bytes, size_t n, off_t at) {
    pwrite_function *real;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    if (!full) return real(fd, bytes, n, at);
    errno = ENOSPC;
    return -1;
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return put_at("pwrite", fd, bytes, n, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at) { return put_at("pwrite64", fd, bytes, n, at); }

#define RULES                                                                                                                        \
    "alerts:\n"                                                                                                                      \
    "  - {name: slow-chat, when: {metric: latency.p99, window: 5m, above: 2s}, severity: critical, actions: [{fail_over: {model: chat}}]}\n" \
    "  - {name: wrong, when: {metric: errors.rate, window: 5m, above: 5%}, severity: critical,\n"                                  \
    "     actions: [{freeze_key: {application: helpdesk, key: ci}}, {roll_back: {prompt: helpdesk-answer}}]}\n"
static const char *const yaml =
    "providers:\n  one: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}\n  two: {dialect: openai, base_url: 'http://127.0.0.1:2/v1'}\n"
    "models:\n"
    "  chat: {targets: [{provider: one, model: gpt-a}, {provider: two, model: gpt-b}], degraded: {serve: message, message: later}}\n"
    "  lone: {targets: [{provider: one, model: gpt-a}]}\n"
    "  spread: {targets: [{provider: one, model: gpt-a, weight: 1}, {provider: two, model: gpt-b, weight: 1}]}\n"
    "applications:\n  helpdesk:\n    keys: [{name: ci, key: qd-0123456789abcdef0123456789abcdef}, {name: 'büro', key: qd-1123456789abcdef0123456789abcdef}]\n"
    "  shop:\n    keys: [{name: till, key: qd-2123456789abcdef0123456789abcdef}]\n" RULES
    "grants:\n"
    "  - {rule: slow-chat, action: fail_over, scope: {model: chat}, at_most: 2/h}\n"
    "  - {rule: wrong, action: freeze_key, scope: {application: helpdesk, key: ci}, at_most: 4/h, dry_run: true}\n"
    "  - {rule: wrong, action: roll_back, at_most: 4/h}\n";

#define P(text) "{\"prompt\":\"helpdesk-answer\",\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]}"
#define HOUR_US 3600000000LL

struct world {
    struct rig *rig;
    struct registry *r;
    struct arena arena;
    struct policy *policy;
    struct action_services services;
    struct action_outcome out;
    struct error error;
    int64_t at;
    int published;
    bool refuses;                /* to publish */
    int64_t emergency;           /* version that the emergency file got */
};

static enum fault publish(void *ctx, struct error *error) {
    struct world *w = ctx;
    w->published++;
    return w->refuses ? error_set(error, FAULT_IO, "no loop answers") : FAULT_NONE;
}
static enum fault emergency(void *ctx, const struct emergency_entry *e, struct error *error) {
    (void)error;
    ((struct world *)ctx)->emergency = e->to;
    return FAULT_NONE;
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    char problems[4096];
    if (!digest_start() || rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 64 << 10, 64 << 20);
    w->r = open_registry(w->rig);
    w->policy = policy_of(yaml, problems, sizeof problems);
    if (w->policy == NULL) fail_msg("%s", problems);
    w->at = AT;
    w->services = (struct action_services){.ctx = w, .publish = publish, .emergency = emergency};
    *state = w;
    return 0;
}
static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    assert_int_equal(first_bad(w->r), 0);
    registry_close(w->r);
    policy_drop(w->policy);
    arena_deinit(&w->arena);
    test_free(w);
    return rig_teardown(&rig);
}

static struct action_call by(struct world *w, const char *who, enum intervention_kind kind) {
    return (struct action_call){.registry = w->r, .policy = w->policy, .services = &w->services, .spec = {.kind = kind, .per_minute = -1},
                                .who = {.name = slice_of(who), .role = USER_APPROVER}, .why = SLICE("because"), .at_us = w->at += 1000000, .arena = &w->arena};
}
static struct action_call by_rule(struct world *w, const char *rule, int64_t alert, enum intervention_kind kind) {
    struct action_call c = by(w, "quarterdeck", kind);
    c.who.automatic = true;
    c.who.role = USER_VIEWER;
    c.rule = alert_rule_find(&w->policy->alerts, slice_of(rule));
    assert_non_null(c.rule);
    c.alert = alert;
    c.firing = c.fired_us = c.at_us;
    c.evidence = SLICE("{\"value\":2.5,\"n\":120}");
    return c;
}
static void take(struct world *w, const struct action_call *c) {
    if (action_take(c, &w->out, &w->error) != FAULT_NONE) fail_msg("%s", w->error.text);
}
static const char *denied(struct world *w, const struct action_call *c, enum fault fault) { /* what it says */
    w->error.text[0] = 0;
    assert_int_equal(action_take(c, &w->out, &w->error), fault);
    return w->error.text;
}
static struct slice words(struct world *w) { return w->out.words; }
#define assert_words(w, expected) assert_string_equal(arena_text(&(w)->arena, words(w)), expected)

static unsigned rows(struct world *w, unsigned states) {
    const struct actions_filter f = {.states = states};
    struct action_row *all;
    unsigned n;
    assert_int_equal(actions_list(w->r, &f, &w->arena, &all, &n, NULL), FAULT_NONE);
    return n;
}
static struct action_row row(struct world *w, int64_t number) {
    const struct actions_filter f = {.number = number};
    struct action_row *all;
    unsigned n;
    assert_int_equal(actions_list(w->r, &f, &w->arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 1);
    return all[0];
}
/* The newest entry of the audit log. */
static struct audit_entry newest(struct world *w) {
    struct audit_entry *all;
    unsigned n;
    assert_int_equal(registry_audit_list(w->r, 0, 1, &w->arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 1);
    return all[0];
}
static uint64_t entries(struct world *w) {
    struct audit_check check;
    assert_int_equal(registry_audit_check(w->r, NULL, &check, NULL), FAULT_NONE);
    return check.entries;
}

/* ---- what is held by the loops ---- */

static void fails_over_and_back(void **state) {
    struct world *w = *state;
    struct action_call c = by(w, "anna", INTERVENTION_FAIL_OVER);
    c.spec.model = SLICE("chat");
    take(w, &c);
    assert_words(w, "traffic of chat goes to one/gpt-a last. To undo: `quarterdeck action undo 1`");
    assert_true(w->out.published && !w->out.already);
    assert_int_equal(w->published, 1);
    struct action_row kept = row(w, 1);
    assert_int_equal(kept.state, ACTION_IN_FORCE);
    assert_true(slice_is(kept.scope, "{\"model\":\"chat\",\"from\":\"one/gpt-a\"}")); /* the primary is named, whatever the file says later */
    assert_true(slice_is(kept.undo, "quarterdeck action undo 1"));
    struct audit_entry e = newest(w);
    assert_true(slice_is(e.action, "action.fail_over") && slice_is(e.actor, "anna") && slice_is(e.subject, "action:1") && slice_is(e.reason, "because"));
    c = by(w, "bob", INTERVENTION_FAIL_OVER);
    c.spec.model = SLICE("chat");
    take(w, &c);
    assert_true(w->out.already);
    assert_words(w, "traffic of chat goes to one/gpt-a last already, by anna (action 1). To undo: `quarterdeck action undo 1`");
    assert_int_equal(rows(w, 0), 1);
    uint64_t before = entries(w);
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_NONE);
    assert_words(w, "fail_over of chat has ended. Again: `quarterdeck action take fail_over --model chat --from one/gpt-a`");
    assert_int_equal(row(w, 1).state, ACTION_UNDONE);
    assert_true(slice_is(row(w, 1).ended_by, "bob"));
    assert_true(slice_is_null(row(w, 1).undo));
    assert_int_equal(w->published, 2);
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_NONE);
    assert_true(w->out.already);
    assert_int_equal(entries(w), before + 1);
    assert_int_equal(action_undo(&c, 99, &w->out, &w->error), FAULT_NOT_FOUND);
    assert_string_equal(w->error.text, "no action has the number 99: `quarterdeck action list` has them");
}

/* Each kind by a person, and its undo. */
static void each_kind(void **state) {
    static const struct {
        enum intervention_kind kind;
        const char *scope, *words;
    } kinds[] = {
        {INTERVENTION_OPEN_BREAKER, "{\"provider\":\"one\"}", "nothing is sent to one"},
        {INTERVENTION_OPEN_BREAKER, "{\"provider\":\"one\",\"upstream_model\":\"gpt-a\"}", "nothing is sent to one/gpt-a"},
        {INTERVENTION_CLOSE_BREAKER, "{\"provider\":\"two\"}", "requests are sent to two whatever its breaker says"},
        {INTERVENTION_THROTTLE, "{\"application\":\"helpdesk\",\"key\":\"ci\",\"per_minute\":30}", "key ci of helpdesk may send 30 requests a minute"},
        {INTERVENTION_FREEZE, "{\"application\":\"helpdesk\",\"key\":\"büro\"}", "key büro of helpdesk may send no requests"},
        {INTERVENTION_DEGRADE, "{\"model\":\"chat\"}", "the stand-in of chat is served"},
        {INTERVENTION_QUARANTINE, "{\"application\":\"shop\"}", "answers kept until now of shop are not given again"},
        {INTERVENTION_QUARANTINE, "{\"application\":\"shop\",\"model\":\"lone\"}", "answers kept until now of shop, model lone are not given again"},
        {INTERVENTION_PAUSE_BATCH, "{\"application\":\"shop\"}", "lines of batches of shop wait"},
        {INTERVENTION_PAUSE_BATCH, "{\"application\":\"shop\",\"batch\":\"batch_7\"}", "lines of batch batch_7 of shop wait"},
    };
    struct world *w = *state;
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct action_call c = by(w, "anna", kinds[i].kind);
        assert_int_equal(intervention_spec_read(slice_of(kinds[i].scope), &w->arena, &c.spec, &w->error), FAULT_NONE);
        take(w, &c);
        assert_true(slice_is(w->out.row.scope, kinds[i].scope)); /* as it was read, so is it written */
        if (!slice_starts(w->out.words, slice_of(kinds[i].words))) fail_msg("%s", arena_text(&w->arena, w->out.words));
        assert_int_equal(row(w, i + 1).state, ACTION_IN_FORCE);
    }
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct action_call c = by(w, "bob", kinds[i].kind);
        assert_int_equal(action_undo(&c, i + 1, &w->out, &w->error), FAULT_NONE);
        assert_int_equal(row(w, i + 1).state, ACTION_UNDONE);
    }
    assert_int_equal(rows(w, ACTIONS_IN_FORCE), 0);
}

static void scopes_are_checked(void **state) {
    static const struct {
        enum intervention_kind kind;
        const char *scope, *says;
    } wrong[] = {
        {INTERVENTION_FAIL_OVER, "{}", "fail_over: expected its `model`"},
        {INTERVENTION_FAIL_OVER, "{\"model\":\"chatt\"}", "model: there is no `chatt`; did you mean `chat`?"},
        {INTERVENTION_FAIL_OVER, "{\"model\":\"chat\",\"key\":\"ci\"}", "fail_over has no `key`"},
        {INTERVENTION_FAIL_OVER, "{\"model\":\"chat\",\"from\":\"ona\"}", "from: there is no `ona`; did you mean `one`?"},
        {INTERVENTION_FAIL_OVER, "{\"model\":\"chat\",\"to\":\"lonee\"}", "to: there is no `lonee`; did you mean `lone`?"},
        {INTERVENTION_FAIL_OVER, "{\"model\":\"chat\",\"to\":\"one/gpt-a\"}", "to: traffic of chat cannot fail over to where it comes from"},
        {INTERVENTION_FAIL_OVER, "{\"model\":\"lone\"}", "lone has no other target than one/gpt-a: name another model as `to`, or use serve_degraded"},
        {INTERVENTION_FAIL_OVER, "{\"model\":\"spread\"}",
         "from: spread has no first target (it has weights): expected the one that is to be asked last, such as one/gpt-a"},
        {INTERVENTION_OPEN_BREAKER, "{\"provider\":\"too\"}", "provider: there is no `too`; did you mean `two`?"},
        {INTERVENTION_OPEN_BREAKER, "{\"provider\":\"two\",\"upstream_model\":\"gpt-a\"}", "upstream_model: there is no `gpt-a`; did you mean `gpt-b`?"},
        {INTERVENTION_FREEZE, "{\"key\":\"ci\"}", "freeze_key: expected its `application`"},
        {INTERVENTION_FREEZE, "{\"application\":\"shop\",\"key\":\"ci\"}", "key: there is no `ci`"},
        {INTERVENTION_FREEZE, "{\"application\":\"helpdesc\",\"key\":\"ci\"}", "application: there is no `helpdesc`; did you mean `helpdesk`?"},
        {INTERVENTION_THROTTLE, "{\"application\":\"helpdesk\",\"key\":\"ci\"}",
         "throttle_key: expected its `per_minute`, a whole number from 1 to 1000000 (none at all: freeze_key)"},
        {INTERVENTION_FREEZE, "{\"application\":\"helpdesk\",\"key\":\"ci\",\"per_minute\":3}", "freeze_key has no `per_minute`"},
        {INTERVENTION_ROUTE_DOWN, "{\"model\":\"chat\"}", "chat has no tiers: there is none to route down to"},
        {INTERVENTION_DEGRADE, "{\"model\":\"lone\"}", "lone has no stand-in: `degraded` of the model is not set"},
        {INTERVENTION_QUARANTINE, "{\"application\":\"shop\",\"record\":\"x\"}", "record: expected a record's id, found `x`"},
        {INTERVENTION_QUARANTINE, "{\"application\":\"shop\",\"prompt\":\"none@3\"}", NULL},
    };
    struct world *w = *state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct action_call c = by(w, "anna", wrong[i].kind);
        assert_int_equal(intervention_spec_read(slice_of(wrong[i].scope), &w->arena, &c.spec, &w->error), FAULT_NONE);
        const char *says = denied(w, &c, FAULT_BAD_REQUEST);
        if (wrong[i].says != NULL) assert_string_equal(says, wrong[i].says);
    }
    struct action_call c = by(w, "anna", INTERVENTION_ROLL_BACK);
    c.spec.prompt = NAME;
    assert_int_equal(action_take(&c, &w->out, &w->error), FAULT_NOT_FOUND);
    c.spec.lasts_us = HOUR_US;
    assert_string_equal(denied(w, &c, FAULT_BAD_REQUEST), "roll_back is one step and does not end by itself: it has no `for`");
    c = by(w, "anna", INTERVENTION_DEGRADE);
    c.spec.model = SLICE("chat");
    c.spec.lasts_us = 5;
    assert_string_equal(denied(w, &c, FAULT_BAD_REQUEST), "for: expected a duration of 1s to 366d");
    assert_int_equal(rows(w, 0), 0);
    assert_int_equal(entries(w), 0);
    assert_int_equal(w->published, 0);
}

static void one_rate_for_a_key(void **state) {
    struct world *w = *state;
    struct action_call c = by(w, "anna", INTERVENTION_THROTTLE);
    c.spec.application = SLICE("helpdesk"), c.spec.key = SLICE("ci"), c.spec.per_minute = 60;
    take(w, &c);
    c.spec.per_minute = 10;
    assert_string_equal(denied(w, &c, FAULT_CONFLICT), "action 1 has throttled key ci of helpdesk already, at another rate: `quarterdeck action undo 1`, then again");
    c.spec.per_minute = 60;
    take(w, &c);
    assert_true(w->out.already);
    assert_int_equal(rows(w, 0), 1);
}

static void ends_by_itself(void **state) {
    struct world *w = *state;
    unsigned n = 9;
    struct action_call c = by(w, "anna", INTERVENTION_DEGRADE);
    c.spec.model = SLICE("chat");
    c.spec.lasts_us = HOUR_US;
    take(w, &c);
    assert_words(w, "the stand-in of chat is served until 2025-11-21 17:00:04 UTC. To undo: `quarterdeck action undo 1`");
    assert_int_equal(row(w, 1).until_us, c.at_us + HOUR_US);
    assert_int_equal(action_expire(w->r, c.at_us + HOUR_US - 1, &w->arena, &n, &w->error), FAULT_NONE);
    assert_int_equal(n, 0);
    assert_int_equal(action_expire(w->r, c.at_us + HOUR_US, &w->arena, &n, &w->error), FAULT_NONE);
    assert_int_equal(n, 1);
    assert_int_equal(row(w, 1).state, ACTION_EXPIRED);
    assert_true(slice_is(newest(w).action, "action.expire"));
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_NONE);
    assert_true(w->out.already);
    assert_words(w, "action 1 is expired since 2025-11-21 17:00:04 UTC, by quarterdeck (its time was over)");
}

/* Whether or not anybody has written down that the first is over. */
static void again_after_its_end(void **state) {
    struct world *w = *state;
    struct action_call c = by(w, "anna", INTERVENTION_DEGRADE);
    c.spec.model = SLICE("chat");
    c.spec.lasts_us = HOUR_US;
    take(w, &c);
    c.at_us += HOUR_US - 1;
    take(w, &c);
    assert_true(w->out.already);
    c.at_us += 1;
    take(w, &c);
    assert_false(w->out.already);
    assert_int_equal(w->out.row.number, 2);
    assert_int_equal(row(w, 1).state, ACTION_EXPIRED);
}

static void publishing_fails(void **state) {
    struct world *w = *state;
    struct action_call c = by(w, "anna", INTERVENTION_DEGRADE);
    c.spec.model = SLICE("chat");
    w->refuses = true;
    take(w, &c);
    assert_false(w->out.published);
    assert_words(w, "the stand-in of chat is served. To undo: `quarterdeck action undo 1`. It is kept and not in force yet (no loop answers): the next publishing carries it out");
    assert_int_equal(row(w, 1).state, ACTION_IN_FORCE);
    c.services = NULL;
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_NONE);
    assert_true(slice_ends(w->out.words, SLICE(". No server is running: it is in force when one starts")));
}

/* ---- by itself ---- */

static void only_what_is_granted(void **state) {
    struct world *w = *state;
    struct action_call c = by_rule(w, "slow-chat", 7, INTERVENTION_FAIL_OVER);
    c.spec.model = SLICE("chat");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_IN_FORCE);
    struct audit_entry e = newest(w);
    assert_true(slice_contains(e.detail, SLICE("\"rule\":\"slow-chat\",\"alert\":7")) && slice_contains(e.detail, SLICE("\"evidence\":{\"value\":2.5,\"n\":120}")));
    assert_true(slice_contains(row(w, 1).evidence, SLICE("{\"alert\":{\"value\":2.5,\"n\":120},\"relapses\":0,")));
    c = by_rule(w, "slow-chat", 8, INTERVENTION_FAIL_OVER); /* another model */
    c.spec.model = SLICE("spread"), c.spec.from = SLICE("one");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_NOT_GRANTED);
    assert_words(w, "not granted to the rule slow-chat. A person may: `quarterdeck action take fail_over --model spread --from one`");
    assert_true(slice_is(newest(w).action, "action.refused"));
    c = by_rule(w, "slow-chat", 8, INTERVENTION_DEGRADE); /* another kind */
    c.spec.model = SLICE("chat");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_NOT_GRANTED);
    c = by_rule(w, "wrong", 8, INTERVENTION_FAIL_OVER); /* another rule */
    c.spec.model = SLICE("chat"), c.spec.from = SLICE("two");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_NOT_GRANTED);
    assert_int_equal(rows(w, ACTIONS_IN_FORCE), 1);
    assert_int_equal(w->published, 1);
    c = by(w, "quarterdeck", INTERVENTION_DEGRADE); /* without a rule nothing does anything by itself */
    c.spec.model = SLICE("chat");
    c.who.automatic = true;
    (void)denied(w, &c, FAULT_NOT_PERMITTED);
}

static void key_of_a_grant(void **state) {
    struct world *w = *state;
    struct action_call c = by_rule(w, "wrong", 1, INTERVENTION_FREEZE);
    c.spec.application = SLICE("helpdesk"), c.spec.key = SLICE("ci");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_WOULD); /* a grant that is a dry run */
    assert_words(w, "dry run: nothing was done. It would have been: `quarterdeck action take freeze_key --application helpdesk --key ci`");
    c = by_rule(w, "wrong", 2, INTERVENTION_FREEZE);
    c.spec.application = SLICE("helpdesk"), c.spec.key = SLICE("büro");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_NOT_GRANTED);
    assert_true(slice_ends(w->out.words, SLICE("--application helpdesk --key 'büro'`"))); /* as a shell takes it */
    assert_int_equal(w->published, 0);
}

static void no_more_often_than_granted(void **state) {
    struct world *w = *state;
    int64_t begun = w->at;
    for (int i = 1; i <= 3; i++) {
        struct action_call c = by_rule(w, "slow-chat", i, INTERVENTION_FAIL_OVER);
        c.spec.model = SLICE("chat");
        take(w, &c);
        assert_int_equal(w->out.row.state, i <= 2 ? ACTION_IN_FORCE : ACTION_TOO_OFTEN);
        if (i <= 2) assert_int_equal(action_undo(&c, w->out.row.number, &w->out, &w->error), FAULT_NONE);
    }
    assert_words(w, "too often: the rule slow-chat has done it 2 times within 3600 s, and its grant allows 2. A person may: `quarterdeck action take fail_over --model chat --from one/gpt-a`");
    w->at = begun + HOUR_US + 2000000; /* the first is an hour ago */
    struct action_call c = by_rule(w, "slow-chat", 4, INTERVENTION_FAIL_OVER);
    c.spec.model = SLICE("chat");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_IN_FORCE);
}

static void once_for_a_firing(void **state) {
    struct world *w = *state;
    struct action_call c = by_rule(w, "slow-chat", 5, INTERVENTION_FAIL_OVER);
    c.spec.model = SLICE("chat");
    take(w, &c);
    take(w, &c); /* a tick that was taken again */
    assert_true(w->out.already);
    struct action_call person = by(w, "anna", INTERVENTION_FAIL_OVER);
    assert_int_equal(action_undo(&person, 1, &w->out, &w->error), FAULT_NONE);
    take(w, &c); /* a person's word holds while it fires */
    assert_true(w->out.already && w->out.row.state == ACTION_UNDONE);
    struct action_call other = by_rule(w, "slow-chat", 6, INTERVENTION_FAIL_OVER);
    other.spec.model = SLICE("chat");
    other.fired_us = c.fired_us; /* another alert that fired before she said so */
    take(w, &other);
    assert_true(w->out.already && w->out.row.state == ACTION_UNDONE);
    other.fired_us = other.at_us; /* one that fires anew */
    take(w, &other);
    assert_int_equal(w->out.row.state, ACTION_IN_FORCE);
    struct action_call refused_one = by_rule(w, "slow-chat", 9, INTERVENTION_DEGRADE);
    refused_one.spec.model = SLICE("chat");
    take(w, &refused_one);
    unsigned n = rows(w, 0);
    take(w, &refused_one);
    assert_int_equal(rows(w, 0), n);
}

/* A firing is told apart by the alert clock; rows have the wall's time, which may be set. */
static void whatever_the_wall_says(void **state) {
    struct world *w = *state;
    struct action_call c = by_rule(w, "slow-chat", 5, INTERVENTION_FAIL_OVER);
    c.spec.model = SLICE("chat");
    c.at_us -= 2 * HOUR_US; /* set back between the firing and its action: the row is older than what it follows */
    c.fired_us -= 2 * HOUR_US;
    take(w, &c);
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_NONE);
    c.at_us += 2 * HOUR_US; /* and set right, before a restart asks again */
    c.fired_us += 2 * HOUR_US;
    take(w, &c);
    assert_true(w->out.already && w->out.row.number == 1);
    c.at_us += 2 * HOUR_US; /* set forward: done by a wall that is ahead of the alert clock */
    c.firing += 1000000;
    c.fired_us = c.at_us - 1000000;
    take(w, &c);
    assert_false(w->out.already);
    struct action_call person = by(w, "anna", INTERVENTION_FAIL_OVER);
    person.at_us = c.at_us;
    assert_int_equal(action_undo(&person, 2, &w->out, &w->error), FAULT_NONE);
    c.firing += 60000000; /* it fires anew, and this one's action was not done yet */
    c.at_us += 60000000;
    c.fired_us = c.at_us;
    take(w, &c);
    assert_false(w->out.already);
}

static void a_rule_about_nothing(void **state) {
    struct world *w = *state;
    struct action_call c = by_rule(w, "slow-chat", 5, INTERVENTION_FAIL_OVER);
    c.spec.model = SLICE("gone");
    take(w, &c);
    assert_int_equal(w->out.row.state, ACTION_FAILED);
    assert_words(w, "it could not be done: model: there is no `gone`; did you mean `lone`?");
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_CONFLICT);
    assert_string_equal(w->error.text, "action 1 is `failed`: nothing was done that could be undone");
}

/* ---- one step ---- */

static void two_versions(struct world *w) { /* @1 served, @2 does */
    struct change_version v = version_of(P("a"), 0);
    struct change c = change_by("anna", "prompt.apply");
    v.state = VERSION_EVALUATED;
    c.add = &v;
    commit(w->r, &c);
    v = version_of(P("b"), 1), v.state = VERSION_EVALUATED;
    c = change_by("anna", "prompt.apply");
    c.add = &v;
    commit(w->r, &c);
    struct change_policy p;
    change_policy_defaults(&w->arena, &p);
    for (unsigned i = 0; i < CHANGE_CLASSES; i++) p.of[i].gate = false, p.of[i].rollout = ROLLOUT_DIRECT;
    for (int i = 1; i <= 2; i++) {
        const struct act a = {.registry = w->r, .policy = &p, .kind = PROMPT, .name = NAME, .which = i == 1 ? SLICE("1") : SLICE("2"), .arena = &w->arena,
                              .who = {.name = SLICE("anna"), .role = USER_APPROVER}, .why = SLICE("x"), .at_us = w->at += 1000000};
        struct act_outcome o;
        if (act_start(&a, &o, &w->error) != FAULT_NONE) fail_msg("%s", w->error.text);
    }
    assert_int_equal(subject(w->r, &w->arena).production, 2);
}

static void rolls_back(void **state) {
    struct world *w = *state;
    two_versions(w);
    struct action_call c = by_rule(w, "wrong", 3, INTERVENTION_ROLL_BACK); /* whose word is needed is said of people */
    c.spec.prompt = NAME;
    take(w, &c);
    assert_int_equal(subject(w->r, &w->arena).production, 1);
    assert_int_equal(w->out.row.state, ACTION_DONE);
    assert_true(slice_is(w->out.row.undo, "quarterdeck rollback helpdesk-answer --to 2"));
    assert_int_equal(w->published, 1);
    assert_int_equal(rows(w, 0), 1);
    take(w, &c); /* as after a kill */
    assert_true(w->out.already);
    assert_int_equal(rows(w, 0), 1);
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_CONFLICT);
    assert_string_equal(w->error.text, "action 1 was one step; what undoes it is `quarterdeck rollback helpdesk-answer --to 2`");
    assert_int_equal(subject(w->r, &w->arena).production, 1);
}

/* Killed between the rollback and its row: the next tick finds it done, and keeps the row. */
static void killed_before_its_row(void **state) {
    struct world *w = *state;
    two_versions(w);
    struct action_call c = by_rule(w, "wrong", 3, INTERVENTION_ROLL_BACK);
    c.spec.prompt = NAME;
    const struct act a = {.registry = w->r, .policy = &w->policy->change, .kind = PROMPT, .name = NAME, .arena = &w->arena,
                          .who = {.name = SLICE("quarterdeck"), .role = USER_ADMIN, .automatic = true}, .at_us = c.at_us};
    struct act_outcome o;
    struct emergency_entry e;
    assert_int_equal(act_roll_back(&a, 0, &o, &e, &w->error), FAULT_NONE);
    c.at_us += 5000000;
    take(w, &c);
    assert_int_equal(subject(w->r, &w->arena).production, 1);
    assert_false(w->out.already);
    assert_int_equal(rows(w, 1u << ACTION_DONE), 1);
}

static void people_need_the_role(void **state) {
    struct world *w = *state;
    two_versions(w);
    struct action_call c = by(w, "vera", INTERVENTION_ROLL_BACK);
    c.spec.prompt = NAME;
    c.who.role = USER_VIEWER;
    (void)denied(w, &c, FAULT_NOT_PERMITTED);
    assert_int_equal(subject(w->r, &w->arena).production, 2);
    assert_int_equal(rows(w, 0), 0);
}

/* ---- the disk is full ---- */

/* No row without its entry, no action without its row; and a rollback all the same. */
static void a_full_disk(void **state) {
    struct world *w = *state;
    two_versions(w);
    struct action_call c = by(w, "anna", INTERVENTION_DEGRADE), other = by(w, "anna", INTERVENTION_QUARANTINE);
    c.spec.model = SLICE("chat");
    other.spec.application = SLICE("shop");
    take(w, &c);
    full = true;
    assert_string_equal(denied(w, &other, FAULT_NO_SPACE),
                        "the disk is full: quarantine of shop cannot be kept and was not done. A rollback works without room: `quarterdeck rollback NAME`");
    assert_int_equal(action_undo(&c, 1, &w->out, &w->error), FAULT_NO_SPACE);
    assert_string_equal(w->error.text, "the disk is full: that action 1 ends cannot be kept, and it goes on");
    struct action_call back = by_rule(w, "wrong", 3, INTERVENTION_ROLL_BACK);
    back.spec.prompt = NAME;
    take(w, &back);
    assert_int_equal(w->emergency, 1);
    assert_int_equal(w->out.row.number, 0);
    assert_true(w->out.published);
    assert_true(slice_contains(w->out.words, SLICE("The disk is full: it is in the emergency file, in force")));
    full = false;
    assert_int_equal(rows(w, 0), 1);
    assert_int_equal(row(w, 1).state, ACTION_IN_FORCE);
    take(w, &other);
    assert_int_equal(w->out.row.number, 2);
}

static void no_more_than_the_loops_hold(void **state) {
    struct world *w = *state;
    struct action_call c = by(w, "anna", INTERVENTION_PAUSE_BATCH);
    for (int i = 0; i < LIMIT_ACTIONS_IN_FORCE; i++) {
        c.spec.application = SLICE("shop");
        c.spec.batch = arena_printf(&w->arena, "batch_%d", i);
        take(w, &c);
    }
    c.spec.batch = SLICE("one more");
    assert_string_equal(denied(w, &c, FAULT_CONFLICT), "200 actions are in force, the most that the loops hold: undo some first (`quarterdeck action list --in-force`)");
    assert_int_equal(action_undo(&c, 7, &w->out, &w->error), FAULT_NONE);
    take(w, &c);
    assert_true(slice_contains(words(w), SLICE("lines of batch one more of shop wait")));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(fails_over_and_back), TEST(each_kind),      TEST(scopes_are_checked),    TEST(one_rate_for_a_key),   TEST(ends_by_itself), TEST(again_after_its_end),
        TEST(publishing_fails),    TEST(only_what_is_granted), TEST(key_of_a_grant),  TEST(no_more_often_than_granted), TEST(once_for_a_firing),
        TEST(a_rule_about_nothing), TEST(rolls_back),    TEST(killed_before_its_row), TEST(people_need_the_role), TEST(a_full_disk),
        TEST(no_more_than_the_loops_hold), TEST(whatever_the_wall_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
