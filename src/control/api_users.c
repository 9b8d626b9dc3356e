/* Users, by an admin. What takes rights away ends the user's sessions at once (store/users.h). */
#include "control/api.h"

#include "base/clock.h"
#include "base/password.h"
#include "store/users.h"

static void put_user(struct json_writer *w, const struct user *u) {
    json_object(w);
    json_member_string(w, "name", u->name);
    json_member_text(w, "role", user_role_name(u->role));
    json_member_bool(w, "enabled", u->enabled);
    api_put_time(w, "created_at", u->made_us);
    json_member_string(w, "created_by", u->made_by);
    api_put_time(w, "password_at", u->password_us);
    api_put_time(w, "signed_in_at", u->signed_in_us);
    json_member_i64(w, "sessions", u->sessions);
    json_object_end(w);
}

static bool read_users(struct api_call *c, struct user **ret, unsigned *ret_n) {
    struct error error;
    return api_need_registry(c) && api_check(c, users_list(c->s->registry, clock_wall_us(), c->arena, ret, ret_n, &error), &error);
}

void api_users_list(struct api_call *c) {
    struct user *users;
    unsigned n;
    if (!read_users(c, &users, &n)) return;
    json_object(&c->json);
    json_key(&c->json, "users");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) put_user(&c->json, &users[i]);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* As it stands now. */
static void answer(struct api_call *c, struct slice name) {
    struct user *users;
    unsigned n;
    if (!read_users(c, &users, &n)) return;
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(users[i].name, name)) {
            put_user(&c->json, &users[i]);
            return;
        }
    api_fail(c, FAULT_NOT_FOUND, "there is no user `" SLICE_FMT "` any more", SLICE_ARG(name));
}

static bool hash_of(struct api_call *c, char out[PASSWORD_HASH]) {
    struct slice password = api_text(c, "password");
    if (!password_is_long_enough(password)) {
        api_fail(c, FAULT_BAD_REQUEST, "password: expected at least %d characters and at most %d bytes", PASSWORD_LEAST, PASSWORD_MOST);
        return false;
    }
    if (password_hash(password, out)) return true;
    api_fail(c, FAULT_OVERLOADED, "there is no memory to hash a password");
    return false;
}

static struct audit_entry entry_of(struct api_call *c, const char *action, struct slice name, struct slice detail) {
    return (struct audit_entry){.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = slice_of(action), .reason = api_text(c, "reason"),
                                .subject = arena_printf(c->arena, "user:" SLICE_FMT, SLICE_ARG(name)), .detail = detail};
}

void api_user_add(struct api_call *c) {
    struct slice name = api_text(c, "name");
    struct user u = {.name = name, .enabled = true, .made_us = clock_wall_us(), .made_by = slice_of(c->actor)};
    struct error error;
    char hash[PASSWORD_HASH];
    if (!api_need_registry(c)) return;
    if (!user_name_is_good(name) || !user_role_from(api_text(c, "role"), &u.role)) {
        api_fail(c, FAULT_BAD_REQUEST, "name: expected a letter or digit, then a-z 0-9 - _ . @ +, at most %d, found '" SLICE_FMT "'", LIMIT_USER_NAME, SLICE_ARG(name));
        return;
    }
    if (!hash_of(c, hash)) return;
    u.hash = slice_of(hash);
    struct audit_entry entry = entry_of(c, "user.add", name, arena_printf(c->arena, "{\"role\":\"%s\"}", user_role_name(u.role)));
    if (api_check(c, users_put(c->s->registry, &u, false, &entry, &error), &error)) answer(c, name);
}

static bool change(struct api_call *c, struct user_change *what, const char *action, struct slice detail) {
    struct error error;
    struct slice name = api_text(c, "name");
    if (!api_need_registry(c)) return false;
    struct audit_entry entry = entry_of(c, action, name, detail);
    what->at_us = entry.at_us;
    return api_check(c, users_change(c->s->registry, name, what, &entry, &error), &error);
}

void api_user_role(struct api_call *c) {
    struct user u;
    struct error error;
    enum user_role role = USER_VIEWER;
    if (!user_role_from(api_text(c, "role"), &role) || !api_need_registry(c)) return; /* the table has checked the word */
    if (!api_check(c, users_find(c->s->registry, api_text(c, "name"), c->arena, &u, &error), &error)) return;
    struct slice detail = arena_printf(c->arena, "{\"role\":\"%s\",\"before\":\"%s\"}", user_role_name(role), user_role_name(u.role));
    if (change(c, &(struct user_change){.role = &role}, "user.role", detail)) answer(c, u.name);
}

void api_user_password(struct api_call *c) {
    char hash[PASSWORD_HASH];
    if (!api_need_registry(c) || !hash_of(c, hash)) return;
    if (change(c, &(struct user_change){.hash = slice_of(hash)}, "user.password", SLICE_NULL)) answer(c, api_text(c, "name"));
}

static void set_enabled(struct api_call *c, bool enabled) {
    if (change(c, &(struct user_change){.enabled = &enabled}, enabled ? "user.enable" : "user.disable", SLICE_NULL)) answer(c, api_text(c, "name"));
}
void api_user_disable(struct api_call *c) { set_enabled(c, false); }
void api_user_enable(struct api_call *c) { set_enabled(c, true); }

void api_user_remove(struct api_call *c) {
    if (!change(c, &(struct user_change){.remove = true}, "user.remove", SLICE_NULL)) return;
    json_object(&c->json);
    json_member_string(&c->json, "name", api_text(c, "name"));
    json_object_end(&c->json);
}
