/* What differs between two versions. */
#include "control/api_versions.h"

#include "change/version_text.h"

static bool find_other(struct api_call *c, const struct change_version *v, struct change_version *before, struct change_version *after) {
    struct error error = {.fault = FAULT_NONE};
    struct slice to = api_text(c, "to"), parent = arena_printf(c->arena, "%lld", (long long)v->parent);
    *before = *after = *v;
    if (to.at != NULL) return api_check(c, changes_version(c->s->registry, v->kind, v->name, to, c->arena, after, &error), &error);
    if (v->parent == 0) {
        api_fail(c, FAULT_NOT_FOUND, SLICE_FMT "@%lld is the first version: say with --to which to compare it with", SLICE_ARG(v->name), (long long)v->version);
        return false;
    }
    return api_check(c, changes_version(c->s->registry, v->kind, v->name, parent, c->arena, before, &error), &error);
}

static void put_class(struct api_call *c, const struct classification *k) {
    json_member_text(&c->json, "class", change_class_name(k->class));
    json_key(&c->json, "class_reasons");
    json_array(&c->json);
    for (unsigned i = 0; i < k->n_reasons; i++) json_put_string(&c->json, k->reasons[i]);
    json_array_end(&c->json);
}

static void put_text(struct api_call *c, struct buffer *text) {
    json_member_string(&c->json, "text", text->overflow ? SLICE("the difference is too long to be shown\n") : text->len > 0 ? buffer_slice(text) : SLICE(""));
}

static bool compare_prompts(struct api_call *c, const struct change_version *a, const struct change_version *b, struct arena *arena, struct buffer *text) {
    struct prompt before, after;
    struct classification k;
    struct error error = {.fault = FAULT_NONE};
    if (!api_check(c, version_prompt(a, arena, &before, &error), &error) || !api_check(c, version_prompt(b, arena, &after, &error), &error) ||
        !api_check(c, classify_prompt(&before, &after, arena, &k), NULL))
        return false;
    put_class(c, &k);
    version_diff_prompts(&before, &after, arena, text);
    put_text(c, text);
    json_key(&c->json, "messages");
    version_write_messages(&before, &after, arena, &c->json);
    json_key(&c->json, "documents");
    json_put_null(&c->json);
    return true;
}

static bool compare_manifests(struct api_call *c, const struct change_version *a, const struct change_version *b, struct arena *arena, struct buffer *text) {
    struct manifest before, after;
    struct manifest_difference d;
    struct classification k;
    struct error error = {.fault = FAULT_NONE};
    if (!api_check(c, version_manifest(a, arena, &before, &error), &error) || !api_check(c, version_manifest(b, arena, &after, &error), &error) ||
        !api_check(c, classify_manifest(&before, &after, arena, &k), NULL) || !api_check(c, manifest_compare(&before, &after, arena, &d), NULL))
        return false;
    put_class(c, &k);
    version_diff_manifests(&before, &d, text);
    put_text(c, text);
    json_key(&c->json, "messages");
    json_put_null(&c->json);
    json_key(&c->json, "documents");
    version_write_documents(&before, &d, &c->json);
    return true;
}

void api_version_diff(struct api_call *c) {
    struct change_version v = {.version = 0}, before, after;
    struct arena arena;
    struct buffer text;
    if (!api_version_find(c, &v) || !find_other(c, &v, &before, &after)) return;
    arena_init(&arena, 256 << 10, LIMIT_MANIFEST_MEMORY);
    buffer_init(&text, LIMIT_REPLY_BODY / 4);
    json_object(&c->json);
    json_member_string(&c->json, "kind", v.kind);
    json_member_string(&c->json, "name", v.name);
    json_member_i64(&c->json, "from", before.version);
    json_member_i64(&c->json, "to", after.version);
    bool good = slice_is(v.kind, "prompt") ? compare_prompts(c, &before, &after, &arena, &text) : compare_manifests(c, &before, &after, &arena, &text);
    if (good) json_object_end(&c->json);
    buffer_deinit(&text);
    arena_deinit(&arena);
}
