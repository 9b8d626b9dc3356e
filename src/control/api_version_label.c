/* Labels beside production: what name@staging stands for. */
#include "control/api_versions.h"

#include "base/clock.h"

/* A label must not be taken for a number, a hash or what people call a version. */
static bool check_label(struct api_call *c, struct slice kind, struct slice name, struct slice label) {
    uint64_t number;
    struct change_version *all = NULL;
    unsigned n = 0;
    struct error error = {.fault = FAULT_NONE};
    bool hex = label.len >= 8, good = !slice_is(label, "production") && !slice_to_u64(label, &number) && slice_trim(label).len == label.len;
    for (size_t i = 0; i < label.len; i++) {
        hex = hex && strchr("0123456789abcdefABCDEF", label.at[i]) != NULL;
        good = good && (unsigned char)label.at[i] >= ' ' && label.at[i] != '@' && label.at[i] != '/';
    }
    if (slice_is(label, "production")) api_fail(c, FAULT_BAD_REQUEST, "what is in production is a rollout's to say: `quarterdeck rollout start NAME@V`, or `quarterdeck rollback NAME`");
    else if (!good || hex) api_fail(c, FAULT_BAD_REQUEST, "label: expected a name that is no number and no hash, without `@` and `/`");
    if (c->failed || !api_check(c, changes_heads(c->s->registry, kind, name, c->arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++)
        if (all[i].human.at != NULL && slice_eq(all[i].human, label)) {
            api_fail(c, FAULT_BAD_REQUEST, "label: version %lld is called `" SLICE_FMT "`; a label needs another name", (long long)all[i].version, SLICE_ARG(label));
            return false;
        }
    return true;
}

static bool find_former(struct api_call *c, struct slice kind, struct slice name, struct slice label, int64_t *ret) {
    struct change_label *all = NULL;
    unsigned n = 0;
    struct error error = {.fault = FAULT_NONE};
    if (!api_check(c, changes_labels(c->s->registry, c->arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(all[i].kind, kind) && slice_eq(all[i].name, name) && slice_eq(all[i].label, label)) *ret = all[i].version;
    return true;
}

static void put_version(struct json_writer *w, const char *key, int64_t version) {
    json_key(w, key);
    if (version > 0) json_put_i64(w, version);
    else json_put_null(w);
}

void api_version_label(struct api_call *c) {
    struct slice kind = api_version_kind(c), name = api_text(c, "name"), label = api_text(c, "label"), version = api_text(c, "version");
    struct change_version v = {.version = 0};
    struct error error = {.fault = FAULT_NONE};
    int64_t former = 0;
    bool fresh = false;
    if (!api_need_registry(c) || !check_label(c, kind, name, label) || !find_former(c, kind, name, label, &former)) return;
    if (version.at != NULL && !api_check(c, changes_version(c->s->registry, kind, name, version, c->arena, &v, &error), &error)) return;
    struct change change = {.kind = kind, .name = name, .if_revision = (uint64_t)api_number(c, "if_revision", 0), .label = label, .label_version = v.version};
    change.how = v.version > 0 ? arena_printf(c->arena, "label " SLICE_FMT " -> %lld", SLICE_ARG(label), (long long)v.version)
                               : arena_printf(c->arena, "label " SLICE_FMT " taken away", SLICE_ARG(label));
    change.audit = (struct audit_entry){.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = SLICE("label"), .reason = api_text(c, "reason")};
    if (!api_check(c, changes_commit(c->s->registry, &change, &fresh, &error), &error)) return;
    if (c->s->deployments_changed && !api_check(c, c->s->deployments_changed(c->s->change_ctx, &error), &error)) return;
    json_object(&c->json);
    json_member_string(&c->json, "name", name);
    json_member_string(&c->json, "label", label);
    put_version(&c->json, "version", v.version);
    put_version(&c->json, "before", former);
    json_member_i64(&c->json, "revision", (int64_t)change.revision);
    json_object_end(&c->json);
}
