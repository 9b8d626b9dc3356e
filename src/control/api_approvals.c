/* Approvals of expensive requests: an operator says up to what one kind of work of an application may cost, and until when.
 * The policy has them beside approve_above_usd, whichever is larger counts; when they end is judged at each request. */
#include "control/api.h"

#include "base/clock.h"
#include "store/registry_allowances.h"

#define KIND "approval"
#define BETWEEN '\n' /* of application and request type in the registry's name: neither can have it */

static struct slice name_of(struct api_call *c) {
    return arena_printf(c->arena, SLICE_FMT "%c" SLICE_FMT, SLICE_ARG(api_text(c, "application")), BETWEEN,
                        SLICE_ARG(api_text(c, "request_type")));
}

static struct slice subject_of(struct api_call *c) {
    return arena_printf(c->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(api_text(c, "application")), SLICE_ARG(api_text(c, "request_type")));
}

static bool read_stored(struct api_call *c, struct registry_allowance **ret, unsigned *ret_n) {
    struct error error;
    return api_check(c, registry_allowances(c->s->registry, c->arena, ret, ret_n, &error), &error);
}

/* ---- list ---- */

static const char *why_not(const struct api_call *c, struct slice application, int64_t until_us) {
    if (until_us != 0 && until_us <= clock_wall_us()) return "it has ended";
    if (c->policy && !table_get(&c->policy->application_by_name, application)) return "there is no such application";
    return NULL;
}

static void put_approval(struct api_call *c, const struct registry_allowance *a) {
    struct json_writer *w = &c->json;
    struct json_doc d;
    int64_t until_us = 0;
    if (json_read(a->body, c->arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return;
    struct slice application = json_string(&d, json_get(&d, 0, "application"), c->arena),
                 until = json_string(&d, json_get(&d, 0, "until"), c->arena);
    if (until.len > 0) (void)clock_parse(until, &until_us);
    const char *why = why_not(c, application, until_us);
    json_object(w);
    json_member_string(w, "application", application);
    json_member_string(w, "request_type", json_string(&d, json_get(&d, 0, "request_type"), c->arena));
    json_member_raw(w, "up_to_usd", json_raw(&d, json_get(&d, 0, "up_to_usd")));
    api_put_time(w, "until", until_us);
    api_put_time(w, "set_at", a->set_us);
    json_member_string(w, "set_by", a->set_by);
    json_member_string(w, "reason", a->reason);
    json_member_bool(w, "in_force", !why);
    json_member_text(w, "why_not", why);
    json_object_end(w);
}

void api_approvals(struct api_call *c) {
    struct registry_allowance *all;
    unsigned n;
    if (!api_need_registry(c) || !read_stored(c, &all, &n)) return;
    json_object(&c->json);
    json_key(&c->json, "approvals");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++)
        if (slice_is(all[i].kind, KIND)) put_approval(c, &all[i]);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* ---- approve, revoke ---- */

static struct slice object_of(struct api_call *c) {
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, 8 * LIMIT_LABEL + 1024);
    json_start(&w, &text);
    json_object(&w);
    json_member_string(&w, "application", api_text(c, "application"));
    json_member_string(&w, "request_type", api_text(c, "request_type"));
    api_put_usd(&w, "up_to_usd", api_number(c, "up_to_usd", 0));
    api_put_time(&w, "until", api_number(c, "until", 0));
    json_object_end(&w);
    struct slice copy = arena_slice(c->arena, buffer_slice(&text));
    buffer_deinit(&text);
    return copy;
}

/* `after` SLICE_NULL: it is taken away. */
static void change(struct api_call *c, struct slice before, struct slice after) {
    struct error error;
    int64_t now_us = clock_wall_us();
    struct slice reason = api_text(c, "reason"), none = SLICE("null");
    struct registry_allowance row = {.kind = SLICE(KIND), .name = name_of(c), .body = after, .set_us = now_us,
                                     .set_by = slice_of(c->actor), .reason = reason};
    struct audit_entry entry = {.at_us = now_us, .actor = slice_of(c->actor), .subject = subject_of(c), .reason = reason,
                                .action = slice_is_null(after) ? SLICE("approval.revoke") : SLICE("approval.set"),
                                .detail = arena_printf(c->arena, "{\"before\":" SLICE_FMT ",\"after\":" SLICE_FMT "}",
                                                       SLICE_ARG(slice_is_null(before) ? none : before),
                                                       SLICE_ARG(slice_is_null(after) ? none : after))};
    if (!api_check(c, registry_allowances_change(c->s->registry, &row, &entry, 1, &error), &error)) return;
    struct buffer problems;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    bool in_force = api_put_in_force(c, &problems);
    json_object(&c->json);
    json_member_raw(&c->json, "before", slice_is_null(before) ? none : before);
    json_member_raw(&c->json, "after", slice_is_null(after) ? none : after);
    json_member_bool(&c->json, "in_force", in_force);
    json_member_string(&c->json, "why_not", in_force ? SLICE_NULL : buffer_slice(&problems));
    json_object_end(&c->json);
    buffer_deinit(&problems);
}

static bool find_stored(struct api_call *c, struct slice *ret_body) {
    struct registry_allowance *all;
    struct slice name = name_of(c);
    unsigned n;
    *ret_body = SLICE_NULL;
    if (!read_stored(c, &all, &n)) return false;
    unsigned approvals = 0;
    for (unsigned i = 0; i < n; i++) {
        approvals += slice_is(all[i].kind, KIND);
        if (slice_is(all[i].kind, KIND) && slice_eq(all[i].name, name)) *ret_body = all[i].body;
    }
    if (!slice_is_null(*ret_body) || approvals < LIMIT_APPROVALS || slice_is(c->q->method, "DELETE")) return true;
    api_fail(c, FAULT_CONFLICT, "expected at most %d approvals: revoke what has ended", LIMIT_APPROVALS);
    return false;
}

void api_approve(struct api_call *c) {
    struct slice before;
    int64_t until_us = api_number(c, "until", 0);
    if (!api_need_registry(c) || !api_knows_application(c, api_text(c, "application"))) return;
    if (until_us != 0 && until_us <= clock_wall_us()) {
        api_fail(c, FAULT_BAD_REQUEST, "until: expected a time to come");
        return;
    }
    if (find_stored(c, &before)) change(c, before, object_of(c));
}

void api_approval_revoke(struct api_call *c) {
    struct slice before;
    if (!api_need_registry(c) || !find_stored(c, &before)) return;
    if (slice_is_null(before)) api_fail(c, FAULT_NOT_FOUND, "nothing is approved for " SLICE_FMT, SLICE_ARG(subject_of(c)));
    else change(c, before, SLICE_NULL);
}
