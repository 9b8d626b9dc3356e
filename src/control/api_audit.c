/* The audit log: who changed what, whether it is whole, and all of it for whoever wants to see for himself. */
#include "control/api.h"

#include "base/clock.h"

enum { PAGE = 100, EXPORT_PAGE = 10000, EXPORT_BYTES = 16 << 20, HEX = 2 * DIGEST_BYTES + 1 };

static void put_digest(struct json_writer *w, const char *key, const struct digest *d) {
    char hex[HEX];
    digest_hex(d->bytes, DIGEST_BYTES, hex);
    json_member_text(w, key, hex);
}

static void put_number(struct json_writer *w, const char *key, uint64_t n) { /* 0: null */
    json_key(w, key);
    if (n != 0) json_put_u64(w, n);
    else json_put_null(w);
}

/* ---- list ---- */

static void put_entry(struct json_writer *w, const struct audit_entry *e) {
    json_object(w);
    json_member_i64(w, "number", (int64_t)e->number);
    api_put_time(w, "at", e->at_us);
    json_member_string(w, "actor", e->actor);
    json_member_string(w, "action", e->action);
    json_member_string(w, "subject", e->subject);
    json_member_string(w, "reason", e->reason);
    json_member_raw(w, "detail", e->detail);
    put_digest(w, "chain", &e->chain);
    json_object_end(w);
}

void api_audit_list(struct api_call *c) {
    struct audit_entry *entries = NULL;
    struct error error;
    unsigned n = 0, limit = (unsigned)api_number(c, "limit", PAGE);
    const struct audit_filter filter = {.subject = api_text(c, "subject"),
                                        .actor = api_text(c, "actor"),
                                        .action = api_text(c, "action"),
                                        .from_us = api_number(c, "from", 0),
                                        .to_us = api_number(c, "to", 0),
                                        .before = (uint64_t)api_number(c, "before", 0)};
    if (!api_need_registry(c)) return;
    if (!api_check(c, registry_audit_find(c->s->registry, &filter, limit, c->arena, &entries, &n, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "entries");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) put_entry(&c->json, &entries[i]);
    json_array_end(&c->json);
    put_number(&c->json, "next_before", n == limit && entries[n - 1].number > 1 ? entries[n - 1].number : 0);
    json_object_end(&c->json);
}

/* ---- verify ---- */

void api_audit_verify(struct api_call *c) {
    struct audit_check check = {0};
    struct digest kept;
    struct slice head = api_text(c, "head");
    struct error error;
    if (!api_need_registry(c)) return;
    if (!slice_is_null(head) && !digest_from_hex(head, kept.bytes, DIGEST_BYTES)) {
        api_fail(c, FAULT_BAD_REQUEST, "head: expected the 64 hex digits that `audit verify` says, found \"" SLICE_FMT "\"", SLICE_ARG(head));
        return;
    }
    if (!api_check(c, registry_audit_check(c->s->registry, slice_is_null(head) ? NULL : &kept, &check, &error), &error)) return;
    bool lost = !slice_is_null(head) && check.kept_at == 0;
    json_object(&c->json);
    json_member_bool(&c->json, "whole", check.first_bad == 0 && !lost);
    put_number(&c->json, "first_bad", check.first_bad);
    json_member_i64(&c->json, "entries", (int64_t)check.entries);
    if (check.first_bad == 0 && check.entries > 0) put_digest(&c->json, "head", &check.head);
    else json_member_text(&c->json, "head", NULL);
    json_member_string(&c->json, "kept_head", head);
    put_number(&c->json, "kept_head_entry", check.kept_at);
    json_object_end(&c->json);
}

/* ---- export ---- */

struct exporting {
    struct api_call *c;
    unsigned left;
};

/* As it is hashed: the time as a number, detail as the text that it is. */
static bool export_one(void *ctx, const struct audit_entry *e) {
    struct exporting *x = ctx;
    struct buffer *out = &x->c->ret->body;
    struct json_writer w;
    char at[CLOCK_TEXT];
    clock_format(e->at_us, at);
    json_start(&w, out);
    json_object(&w);
    json_member_i64(&w, "number", (int64_t)e->number);
    json_member_text(&w, "at", at);
    json_member_i64(&w, "at_us", e->at_us);
    json_member_string(&w, "actor", e->actor);
    json_member_string(&w, "action", e->action);
    json_member_string(&w, "subject", e->subject);
    json_member_string(&w, "reason", e->reason);
    json_member_string(&w, "detail", e->detail);
    put_digest(&w, "chain", &e->chain);
    json_object_end(&w);
    buffer_byte(out, '\n');
    return --x->left > 0 && out->len < EXPORT_BYTES;
}

void api_audit_export(struct api_call *c) {
    struct exporting x = {c, (unsigned)api_number(c, "limit", EXPORT_PAGE)};
    struct error error;
    if (!api_need_registry(c)) return;
    (void)api_check(c, registry_audit_each(c->s->registry, (uint64_t)api_number(c, "after", 0), export_one, &x, &error), &error);
}
