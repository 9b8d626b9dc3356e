/* Users and sessions: an admin is always left, what takes rights away signs out, and each change is one with its entry in the audit log. */
#include "test_store_rig.h"

#include "base/password.h"
#include "store/sessions.h"

#define NOW (RIG_START + 5 * 3600 * 1000000LL)
#define HOUR (3600 * 1000000LL)

struct world {
    struct rig *rig;
    struct registry *r;
    struct arena arena;
    struct error error;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 4096, 4 << 20);
    w->r = registry_open(w->rig->dir, &w->error);
    *state = w;
    return w->r ? 0 : -1;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    registry_close(w->r);
    arena_deinit(&w->arena);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

static struct audit_entry entry_of(const char *action) {
    return (struct audit_entry){.at_us = NOW, .actor = SLICE("ada"), .action = slice_of(action), .subject = SLICE("user:x")};
}

static enum fault put(struct world *w, const char *name, enum user_role role) {
    struct user u = {.name = slice_of(name), .role = role, .enabled = true, .made_us = NOW, .made_by = SLICE("ada"), .hash = SLICE("$hash")};
    struct audit_entry entry = entry_of("user.add");
    return users_put(w->r, &u, false, &entry, &w->error);
}

static enum fault change(struct world *w, const char *name, struct user_change c) {
    struct audit_entry entry = entry_of("user.change");
    c.at_us = NOW + 1;
    return users_change(w->r, slice_of(name), &c, &entry, &w->error);
}
static enum fault role(struct world *w, const char *name, enum user_role to) { return change(w, name, (struct user_change){.role = &to}); }
static enum fault enabled(struct world *w, const char *name, bool to) { return change(w, name, (struct user_change){.enabled = &to}); }

static unsigned entries(struct world *w) {
    struct audit_entry *all;
    unsigned n = 0;
    assert_int_equal(registry_audit_list(w->r, 0, 1000, &w->arena, &all, &n, &w->error), FAULT_NONE);
    return n;
}

static struct digest digest_of(const char *text) {
    struct digest d;
    digest_sha256(slice_of(text), &d);
    return d;
}

static enum fault sign_in(struct world *w, const char *user, const char *secret, int64_t at_us) {
    struct session s = {.digest = digest_of(secret), .user = slice_of(user), .made_us = at_us, .hash = SLICE("$hash")};
    struct audit_entry entry = entry_of("session.begin");
    return sessions_begin(w->r, &s, &entry, &w->error);
}

static bool is_in(struct world *w, const char *secret, int64_t at_us, struct session *ret) {
    struct digest d = digest_of(secret);
    struct session s;
    bool found = false;
    assert_int_equal(sessions_find(w->r, &d, at_us, &w->arena, &s, &found, &w->error), FAULT_NONE);
    if (found && ret) *ret = s;
    return found;
}

static void an_admin_is_always_left(void **state) {
    struct world *w = *state;
    bool any = true;
    assert_int_equal(users_any(w->r, &any, &w->error), FAULT_NONE);
    assert_false(any);
    assert_int_equal(put(w, "vera", USER_VIEWER), FAULT_CONFLICT); /* the first one */
    assert_int_equal(put(w, "ada", USER_ADMIN), FAULT_NONE);
    assert_int_equal(put(w, "ada", USER_VIEWER), FAULT_CONFLICT);
    assert_int_equal(put(w, "vera", USER_VIEWER), FAULT_NONE);
    assert_int_equal(role(w, "ada", USER_APPROVER), FAULT_CONFLICT);
    assert_int_equal(enabled(w, "ada", false), FAULT_CONFLICT);
    assert_int_equal(change(w, "ada", (struct user_change){.remove = true}), FAULT_CONFLICT);
    assert_int_equal(put(w, "eve", USER_ADMIN), FAULT_NONE);
    assert_int_equal(enabled(w, "eve", false), FAULT_NONE);
    assert_int_equal(role(w, "ada", USER_VIEWER), FAULT_CONFLICT); /* eve may not sign in */
    assert_int_equal(enabled(w, "eve", true), FAULT_NONE);
    assert_int_equal(change(w, "ada", (struct user_change){.remove = true}), FAULT_NONE);
    assert_int_equal(role(w, "nobody", USER_ADMIN), FAULT_NOT_FOUND);
    assert_int_equal(entries(w), 6); /* what was refused left none */
    struct user *all;
    unsigned n;
    assert_int_equal(users_list(w->r, NOW, &w->arena, &all, &n, &w->error), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_true(slice_is(all[0].name, "eve") && all[0].role == USER_ADMIN && slice_is(all[1].name, "vera"));
    struct user second = {.name = SLICE("zoe"), .role = USER_ADMIN, .enabled = true, .hash = SLICE("$")};
    struct audit_entry entry = entry_of("user.add");
    assert_int_equal(users_put(w->r, &second, true, &entry, &w->error), FAULT_CONFLICT); /* only the first */
}

static void a_session_ends_by_itself(void **state) {
    struct world *w = *state;
    struct session s;
    assert_int_equal(put(w, "ada", USER_ADMIN), FAULT_NONE);
    assert_int_equal(sign_in(w, "ada", "one", NOW), FAULT_NONE);
    assert_false(is_in(w, "another", NOW, NULL));
    assert_true(is_in(w, "one", NOW, &s));
    assert_true(slice_is(s.user, "ada") && s.role == USER_ADMIN && session_ends_us(&s) == NOW + SESSION_IDLE_US);
    assert_true(is_in(w, "one", NOW + SESSION_IDLE_US - 1, NULL));
    assert_false(is_in(w, "one", NOW + SESSION_IDLE_US, NULL));
    for (int64_t at = NOW; at < NOW + SESSION_LIFE_US; at += 11 * HOUR) {
        assert_true(is_in(w, "one", at, NULL));
        struct digest d = digest_of("one");
        assert_int_equal(sessions_touch(w->r, &d, at, &w->error), FAULT_NONE);
    }
    assert_false(is_in(w, "one", NOW + SESSION_LIFE_US, NULL)); /* however often it was used */
    assert_false(is_in(w, "one", NOW - SESSION_SLACK_US - 1, NULL)); /* the clock was set back by more */
    assert_int_equal(sign_in(w, "ada", "two", NOW + SESSION_LIFE_US), FAULT_NONE);
    assert_false(is_in(w, "one", NOW + 1, NULL)); /* forgotten */
}

static void what_takes_rights_away_signs_out(void **state) {
    struct world *w = *state;
    struct session s;
    assert_int_equal(put(w, "ada", USER_ADMIN), FAULT_NONE);
    assert_int_equal(put(w, "olga", USER_OPERATOR), FAULT_NONE);
    assert_int_equal(sign_in(w, "ada", "ada-1", NOW), FAULT_NONE);
    assert_int_equal(sign_in(w, "olga", "o-1", NOW), FAULT_NONE);
    assert_int_equal(role(w, "olga", USER_APPROVER), FAULT_NONE);
    assert_true(is_in(w, "o-1", NOW, &s) && s.role == USER_APPROVER); /* more: at once */
    assert_int_equal(role(w, "olga", USER_VIEWER), FAULT_NONE);
    assert_false(is_in(w, "o-1", NOW, NULL));
    assert_int_equal(sign_in(w, "olga", "o-2", NOW), FAULT_NONE);
    assert_int_equal(enabled(w, "olga", false), FAULT_NONE);
    assert_false(is_in(w, "o-2", NOW, NULL));
    assert_int_equal(sign_in(w, "olga", "o-3", NOW), FAULT_NOT_FOUND); /* disabled while the password was looked at */
    assert_int_equal(enabled(w, "olga", true), FAULT_NONE);
    assert_false(is_in(w, "o-2", NOW, NULL)); /* it does not come back */
    assert_int_equal(sign_in(w, "olga", "o-4", NOW), FAULT_NONE);
    assert_int_equal(change(w, "olga", (struct user_change){.hash = SLICE("$other")}), FAULT_NONE);
    assert_false(is_in(w, "o-4", NOW, NULL));
    assert_int_equal(sign_in(w, "olga", "o-5", NOW), FAULT_NOT_FOUND); /* by the password before */
    assert_int_equal(change(w, "olga", (struct user_change){.remove = true}), FAULT_NONE);
    struct digest d = digest_of("ada-1");
    assert_true(is_in(w, "ada-1", NOW, NULL)); /* nobody else's */
    assert_int_equal(sessions_end(w->r, &d, &w->error), FAULT_NONE);
    assert_int_equal(sessions_end(w->r, &d, &w->error), FAULT_NONE);
    assert_false(is_in(w, "ada-1", NOW, NULL));
}

static void old_sessions_make_room(void **state) {
    struct world *w = *state;
    char secret[24];
    assert_int_equal(put(w, "ada", USER_ADMIN), FAULT_NONE);
    for (int i = 0; i < LIMIT_SESSIONS + 3; i++) {
        snprintf(secret, sizeof secret, "s%d", i);
        assert_int_equal(sign_in(w, "ada", secret, NOW + i), FAULT_NONE);
    }
    assert_false(is_in(w, "s2", NOW + HOUR, NULL));
    assert_true(is_in(w, "s3", NOW + HOUR, NULL));
    struct user *all;
    unsigned n;
    assert_int_equal(users_list(w->r, NOW + HOUR, &w->arena, &all, &n, &w->error), FAULT_NONE);
    assert_int_equal(all[0].sessions, LIMIT_SESSIONS);
    struct session of_token = {.digest = digest_of("t"), .token = digest_of("token"), .role = USER_OPERATOR, .made_us = NOW}, s;
    struct audit_entry entry = entry_of("session.begin");
    assert_int_equal(sessions_begin(w->r, &of_token, &entry, &w->error), FAULT_NONE);
    assert_true(is_in(w, "t", NOW, &s) && slice_is_null(s.user) && digest_eq(&s.token, &of_token.token) && s.role == USER_OPERATOR);
    assert_true(is_in(w, "s3", NOW + HOUR, NULL));
}

static void names_and_passwords(void **state) {
    struct world *w = *state;
    static const char *const good[] = {"a", "ada", "ada.lovelace+x@example.org", "0-1_2"};
    static const char *const bad[] = {"", "Ada", "-a", ".a", "a b", "a/b", "ä", "local", "nobody", "quarterdeck", "a\n", "a'b",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) assert_true(user_name_is_good(slice_of(good[i])));
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        if (user_name_is_good(slice_of(bad[i]))) fail_msg("%s", bad[i]);
    char long_one[PASSWORD_MOST + 2];
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = 0;
    assert_true(password_is_long_enough(SLICE("twelve chars")) && password_is_long_enough(SLICE("äöüäöüäöüäöü")));
    assert_false(password_is_long_enough(SLICE("eleven char")) || password_is_long_enough(SLICE("äöüäöü")) || password_is_long_enough(slice_of(long_one)));
    assert_false(password_is_long_enough(SLICE("twelve \xff bytes")));
    struct user u;
    assert_int_equal(users_add(w->r, SLICE("ada"), USER_ADMIN, SLICE("correct horse battery"), SLICE("set up"), &w->error), FAULT_NONE);
    assert_int_equal(users_find(w->r, SLICE("ada"), &w->arena, &u, &w->error), FAULT_NONE);
    assert_true(slice_starts(u.hash, SLICE("$argon2id$")) && !slice_contains(u.hash, SLICE("correct")));
    assert_true(password_is(SLICE("correct horse battery"), u.hash));
    assert_false(password_is(SLICE("correct horse batterx"), u.hash) || password_is(SLICE("correct horse battery"), SLICE_NULL));
    assert_int_equal(users_add(w->r, SLICE("eve"), USER_ADMIN, SLICE("short"), SLICE("x"), &w->error), FAULT_BAD_REQUEST);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {T(an_admin_is_always_left), T(a_session_ends_by_itself), T(what_takes_rights_away_signs_out), T(old_sessions_make_room), T(names_and_passwords)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
