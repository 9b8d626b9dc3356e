/* Budgets and limits as objects: set, removed and shown. Those of the configuration file are shown; those of the registry
 * are also changed. A change is checked by the reader of the configuration, kept with its entry in the audit log, and in
 * force when the policy has been read again; when that fails, the answer says so. */
#include "control/allowance_json.h"
#include "control/api.h"

#include "base/clock.h"
#include "model/config.h"
#include "store/registry_allowances.h"

struct change {
    const char *kind;
    struct slice name, before, after; /* objects; SLICE_NULL: there is none */
};
struct changes {
    struct change *at;
    unsigned n;
    struct slice reason;
    struct registry_allowance *stored; /* all that the registry has */
    unsigned n_stored;
};

static bool is_kind(const struct registry_allowance *a, const char *kind) { return slice_is(a->kind, kind); }

static const struct registry_allowance *stored_of(const struct changes *all, const char *kind, struct slice name) {
    for (unsigned i = 0; i < all->n_stored; i++)
        if (is_kind(&all->stored[i], kind) && slice_eq(all->stored[i].name, name)) return &all->stored[i];
    return NULL;
}

static bool read_stored(struct api_call *c, struct changes *all) {
    struct error error;
    return api_check(c, registry_allowances(c->s->registry, c->arena, &all->stored, &all->n_stored, &error), &error);
}

/* The line of the configuration file that has it; 0: none has. */
static int line_of(const struct policy *p, const char *kind, struct slice name) {
    bool limit = strcmp(kind, "limit") == 0;
    for (unsigned i = 0; p && i < (limit ? p->n_limits : p->n_budgets); i++) {
        int line = limit ? p->limits[i].line : p->budgets[i].line;
        if (line > 0 && slice_is(name, limit ? p->limits[i].name : p->budgets[i].name)) return line;
    }
    return 0;
}

static bool refuse_if_in_file(struct api_call *c, const char *kind, struct slice name) {
    int line = line_of(c->policy, kind, name);
    if (line > 0)
        api_fail(c, FAULT_CONFLICT, "%s `" SLICE_FMT "` stands in %s, line %d: change it there and reload", kind, SLICE_ARG(name),
                 c->policy->file, line);
    return line > 0;
}

/* ---- answers ---- */

static const char *change_name(const struct change *a) {
    if (slice_is_null(a->after)) return "removed";
    if (slice_is_null(a->before)) return "added";
    return slice_eq(a->before, a->after) ? "unchanged" : "changed";
}

static void put_json(struct json_writer *w, const char *key, struct slice json) {
    if (slice_is_null(json)) json_member_text(w, key, NULL);
    else json_member_raw(w, key, json);
}

static void answer(struct api_call *c, const struct changes *all, bool dry_run, bool in_force, struct slice why_not) {
    struct json_writer *w = &c->json;
    json_object(w);
    json_key(w, "changes");
    json_array(w);
    for (unsigned i = 0; i < all->n; i++) {
        json_object(w);
        json_member_text(w, "kind", all->at[i].kind);
        json_member_string(w, "name", all->at[i].name);
        json_member_text(w, "change", change_name(&all->at[i]));
        put_json(w, "before", all->at[i].before);
        put_json(w, "after", all->at[i].after);
        json_object_end(w);
    }
    json_array_end(w);
    json_member_bool(w, "dry_run", dry_run);
    json_member_bool(w, "in_force", in_force);
    json_member_string(w, "why_not", why_not);
    json_object_end(w);
}

/* ---- keeping ---- */

static bool store(struct api_call *c, const struct changes *all) {
    struct registry_allowance *rows = arena_new_array(c->arena, struct registry_allowance, all->n + 1);
    struct audit_entry *entries = arena_new_array(c->arena, struct audit_entry, all->n + 1);
    struct error error;
    unsigned n = 0;
    int64_t now_us = clock_wall_us();
    for (unsigned i = 0; rows && entries && i < all->n; i++) {
        const struct change *a = &all->at[i];
        if (slice_eq(a->before, a->after) && !slice_is_null(a->after)) continue;
        rows[n] = (struct registry_allowance){.kind = slice_of(a->kind), .name = a->name, .body = a->after, .set_us = now_us,
                                              .set_by = slice_of(c->actor), .reason = all->reason};
        entries[n] = (struct audit_entry){
            .at_us = now_us, .actor = slice_of(c->actor), .subject = a->name, .reason = all->reason,
            .action = arena_printf(c->arena, "%s.%s", a->kind, slice_is_null(a->after) ? "remove" : "set"),
            .detail = arena_printf(c->arena, "{\"before\":" SLICE_FMT ",\"after\":" SLICE_FMT "}",
                                   SLICE_ARG(slice_is_null(a->before) ? SLICE("null") : a->before),
                                   SLICE_ARG(slice_is_null(a->after) ? SLICE("null") : a->after))};
        n++;
    }
    if (arena_is_full(c->arena)) {
        api_fail(c, FAULT_TOO_LARGE, "too much at once");
        return false;
    }
    return n == 0 || api_check(c, registry_allowances_change(c->s->registry, rows, entries, n, &error), &error);
}

static void carry_out(struct api_call *c, const struct changes *all) {
    if (api_has_choice(c, "dry_run", "true", false)) {
        answer(c, all, true, false, SLICE("nothing was changed: dry_run"));
        return;
    }
    if (!store(c, all)) return;
    struct buffer problems;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    bool in_force = api_put_in_force(c, &problems);
    answer(c, all, false, in_force, in_force ? SLICE_NULL : buffer_slice(&problems));
    buffer_deinit(&problems);
}

/* ---- setting ---- */

/* "reason" of the query, else the body's where it is a JSON object. */
static struct slice reason_of(struct api_call *c) {
    struct json_doc doc;
    struct slice given = api_text(c, "reason");
    if (!slice_is_null(given) || json_read(c->q->body, c->arena, UINT16_MAX, &doc, NULL) != FAULT_NONE) return given;
    struct slice text = json_type(&doc, 0) == JSON_OBJECT ? json_string(&doc, json_get(&doc, 0, "reason"), c->arena) : SLICE_NULL;
    return text.len > 0 && text.len <= LIMIT_ERROR_TEXT ? text : SLICE_NULL;
}

static bool add_change(struct api_call *c, struct changes *all, const char *kind, struct slice name, struct slice after) {
    if (refuse_if_in_file(c, kind, name)) return false;
    const struct registry_allowance *former = stored_of(all, kind, name);
    all->at[all->n++] = (struct change){kind, name, former ? former->body : SLICE_NULL, after};
    return true;
}

/* As many as a policy may have, those of the file included. */
static bool is_room(struct api_call *c, const struct changes *all, const char *kind, unsigned most) {
    bool limit = strcmp(kind, "limit") == 0;
    unsigned n = 0;
    for (unsigned i = 0; i < all->n_stored; i++) n += is_kind(&all->stored[i], kind);
    for (unsigned i = 0; i < all->n; i++) n += strcmp(all->at[i].kind, kind) == 0 && slice_is_null(all->at[i].before);
    for (unsigned i = 0; c->policy && i < (limit ? c->policy->n_limits : c->policy->n_budgets); i++)
        n += (limit ? c->policy->limits[i].line : c->policy->budgets[i].line) > 0;
    if (n <= most) return true;
    api_fail(c, FAULT_CONFLICT, "expected at most %u %ss, found %u with these", most, kind, n);
    return false;
}

static bool gather(struct api_call *c, const struct policy *p, struct slice name, const char *kind, struct changes *all) {
    bool limit = strcmp(kind, "limit") == 0;
    all->at = arena_new_array(c->arena, struct change, p->n_budgets + p->n_limits + 1);
    if (!all->at || !read_stored(c, all)) return false;
    if (!slice_is_null(name) && (p->n_budgets + p->n_limits != 1 || (limit ? p->n_limits : p->n_budgets) != 1 ||
                                 !slice_is(name, limit ? p->limits[0].name : p->budgets[0].name))) {
        api_fail(c, FAULT_BAD_REQUEST, "name: expected one %s, and the name of the path (`" SLICE_FMT "`)", kind, SLICE_ARG(name));
        return false;
    }
    for (unsigned i = 0; i < p->n_budgets; i++)
        if (!add_change(c, all, "budget", arena_slice(c->arena, slice_of(p->budgets[i].name)), allowance_budget_json(&p->budgets[i], c->arena)))
            return false;
    for (unsigned i = 0; i < p->n_limits; i++)
        if (!add_change(c, all, "limit", arena_slice(c->arena, slice_of(p->limits[i].name)), allowance_limit_json(&p->limits[i], c->arena)))
            return false;
    return is_room(c, all, "budget", LIMIT_BUDGETS) && is_room(c, all, "limit", LIMIT_RATE_LIMITS);
}

static void fail_problems(struct api_call *c, const char *kind, const struct problems *problems) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(problems, &text);
    const char *message = arena_printf(c->arena, "the %s has %u problem%s; nothing was changed", kind, problems->count,
                                       problems->count == 1 ? "" : "s").at;
    api_fail_problems(c, FAULT_BAD_REQUEST, message, buffer_slice(&text));
    buffer_deinit(&text);
}

static void set(struct api_call *c, const char *kind, struct slice name) {
    struct problems problems;
    struct changes all = {.n = 0};
    struct policy *p = NULL;
    struct slice file = api_text(c, "file");
    if (!api_need_registry(c)) return;
    enum fault fault = config_read_allowances(c->q->body, slice_is_null(file) ? "body" : arena_text(c->arena, file), kind,
                                              slice_is_null(name) ? NULL : arena_text(c->arena, name), c->policy, c->arena, &p, &problems);
    if (fault != FAULT_NONE) {
        fail_problems(c, kind, &problems);
        return;
    }
    all.reason = reason_of(c);
    if (gather(c, p, name, kind, &all)) carry_out(c, &all);
    policy_drop(p);
}

void api_budgets_set(struct api_call *c) { set(c, "budget", api_text(c, "name")); }
void api_limits_set(struct api_call *c) { set(c, "limit", api_text(c, "name")); }

/* ---- removing ---- */

static void take_away(struct api_call *c, const char *kind) {
    struct slice name = api_text(c, "name");
    struct change one = {.kind = kind, .name = name};
    struct changes all = {.at = &one, .n = 1, .reason = api_text(c, "reason")};
    if (!api_need_registry(c) || refuse_if_in_file(c, kind, name) || !read_stored(c, &all)) return;
    const struct registry_allowance *former = stored_of(&all, kind, name);
    if (!former) {
        api_fail(c, FAULT_NOT_FOUND, "there is no %s `" SLICE_FMT "`", kind, SLICE_ARG(name));
        return;
    }
    one.before = former->body;
    carry_out(c, &all);
}

void api_budget_remove(struct api_call *c) { take_away(c, "budget"); }
void api_limit_remove(struct api_call *c) { take_away(c, "limit"); }

/* ---- showing ---- */

static const struct left_out *left_out_of(const struct policy *p, const char *kind, struct slice name) {
    for (unsigned i = 0; p && i < p->n_left_out; i++)
        if (strcmp(p->left_out[i].kind, kind) == 0 && slice_is(name, p->left_out[i].name)) return &p->left_out[i];
    return NULL;
}

/* The members that tell where an object is from. */
static void put_origin(struct api_call *c, const char *kind, struct slice name, int line, const struct registry_allowance *stored) {
    struct json_writer *w = &c->json;
    const struct left_out *out = line > 0 ? NULL : left_out_of(c->policy, kind, name);
    json_member_text(w, "source", line > 0 ? "configuration" : "registry");
    json_member_string(w, "place", line > 0 ? arena_printf(c->arena, "%s:%d", c->policy->file, line) : SLICE_NULL);
    api_put_time(w, "set_at", stored ? stored->set_us : 0);
    json_member_string(w, "set_by", stored ? stored->set_by : SLICE_NULL);
    json_member_string(w, "reason", stored ? stored->reason : SLICE_NULL);
    json_member_bool(w, "in_force", c->policy && !out);
    json_member_text(w, "why_not", out ? out->why : c->policy ? NULL : "no configuration was read");
}

static void put_object(struct api_call *c, const char *kind, struct slice name, struct slice object, int line,
                       const struct registry_allowance *stored) {
    json_object(&c->json);
    json_member_string(&c->json, "name", name);
    json_member_raw(&c->json, kind, object);
    put_origin(c, kind, name, line, stored);
    json_object_end(&c->json);
}

/* Those of the file first, then those of the registry; `only` NULL: all. The number of them. */
static unsigned put_objects(struct api_call *c, const char *kind, struct slice only, const struct changes *all) {
    bool limit = strcmp(kind, "limit") == 0;
    unsigned n = 0;
    for (unsigned i = 0; c->policy && i < (limit ? c->policy->n_limits : c->policy->n_budgets); i++) {
        int line = limit ? c->policy->limits[i].line : c->policy->budgets[i].line;
        struct slice name = slice_of(limit ? c->policy->limits[i].name : c->policy->budgets[i].name);
        if (line == 0 || (!slice_is_null(only) && !slice_eq(name, only))) continue;
        put_object(c, kind, name,
                   limit ? allowance_limit_json(&c->policy->limits[i], c->arena) : allowance_budget_json(&c->policy->budgets[i], c->arena),
                   line, NULL);
        n++;
    }
    for (unsigned i = 0; i < all->n_stored; i++) {
        const struct registry_allowance *s = &all->stored[i];
        if (!is_kind(s, kind) || (!slice_is_null(only) && !slice_eq(s->name, only)) || (n > 0 && !slice_is_null(only))) continue;
        put_object(c, kind, s->name, s->body, 0, s);
        n++;
    }
    return n;
}

static void show(struct api_call *c, const char *kind) {
    struct changes all = {.n = 0};
    struct slice name = api_text(c, "name");
    if (!api_need_registry(c) || !read_stored(c, &all)) return;
    if (put_objects(c, kind, name, &all) == 0) api_fail(c, FAULT_NOT_FOUND, "there is no %s `" SLICE_FMT "`", kind, SLICE_ARG(name));
}

void api_budget_show(struct api_call *c) { show(c, "budget"); }
void api_limit_show(struct api_call *c) { show(c, "limit"); }

void api_limits(struct api_call *c) {
    struct changes all = {.n = 0};
    if (!api_need_registry(c) || !read_stored(c, &all)) return;
    json_object(&c->json);
    json_key(&c->json, "limits");
    json_array(&c->json);
    (void)put_objects(c, "limit", SLICE_NULL, &all);
    json_array_end(&c->json);
    json_object_end(&c->json);
}
