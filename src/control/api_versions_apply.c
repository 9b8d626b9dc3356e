/* A version from the text of a file. The work has an arena of its own: a knowledge base may be much larger than an answer. */
#include "control/api_versions.h"

#include "base/clock.h"
#include "change/version_text.h"

static bool fail_with(struct api_call *c, const struct problems *problems, struct slice kind) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(problems, &text);
    const char *message = arena_printf(c->arena, "the %s has %u problem%s; nothing was changed", slice_is(kind, "prompt") ? "prompt" : "knowledge base", problems->count,
                                       problems->count == 1 ? "" : "s").at;
    api_fail_problems(c, FAULT_BAD_REQUEST, message, buffer_slice(&text));
    buffer_deinit(&text);
    return false;
}

static bool read_file(struct api_call *c, struct slice kind, struct arena *arena, struct version_file *ret) {
    struct problems problems = {0};
    struct slice file = api_text(c, "file");
    bool canonical = slice_starts(slice_trim(c->q->body), SLICE("{")) && file.len > 0; /* of whatever file: no text behind front matter */
    const char *name = canonical ? arena_printf(arena, SLICE_FMT " (as sent)", SLICE_ARG(file)).at : file.len > 0 ? arena_text(arena, file) : "body";
    enum fault fault = name != NULL ? version_read(kind, c->q->body, name, NULL, arena, ret, &problems) : FAULT_TOO_LARGE;
    if (fault == FAULT_NONE) return true;
    return problems_any(&problems) ? fail_with(c, &problems, kind) : api_check(c, fault, NULL);
}

static void refuse(struct api_call *c, const struct version_draft *d) {
    struct buffer text;
    struct slice file = api_text(c, "file");
    unsigned n = 0;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    for (unsigned i = 0; i < d->n_notes; i++) {
        if (!d->notes[i].error) continue;
        n++;
        buffer_printf(&text, SLICE_FMT ": ", SLICE_ARG(file.len > 0 ? file : SLICE("body")));
        if (d->notes[i].message < d->file->prompt.n_messages) buffer_printf(&text, "message %u: ", d->notes[i].message + 1);
        buffer_append(&text, d->notes[i].words);
        buffer_byte(&text, '\n');
    }
    const char *message = arena_printf(c->arena, "lint refuses " SLICE_FMT " for %u secret%s; `--allow-secrets` says that it is none", SLICE_ARG(d->file->name), n, n == 1 ? "" : "s").at;
    api_fail_problems(c, FAULT_BAD_REQUEST, message, buffer_slice(&text));
    buffer_deinit(&text);
}

/* The name that it has for people must not be that of another content; the commit says the same, but a dry run does not get there. */
static bool check_human(struct api_call *c, const struct version_draft *d, struct arena *arena) {
    struct change_version other;
    const struct version_file *f = d->file;
    if (d->same || d->first || f->human.at == NULL) return true;
    if (changes_version(c->s->registry, f->kind, f->name, f->human, arena, &other, NULL) != FAULT_NONE || !slice_eq(other.human, f->human)) return true;
    api_fail(c, FAULT_CONFLICT, SLICE_FMT " has other content as `" SLICE_FMT "` already (version %lld): give the new content a name of its own", SLICE_ARG(f->name),
             SLICE_ARG(f->human), (long long)other.version);
    return false;
}

static void put_diff(struct api_call *c, const struct version_draft *d, struct arena *arena) {
    struct buffer text;
    struct prompt before;
    struct manifest documents;
    struct manifest_difference k;
    buffer_init(&text, LIMIT_REPLY_BODY / 4);
    if (d->parent.version != 0 && slice_is(d->file->kind, "prompt") && version_prompt(&d->parent, arena, &before, NULL) == FAULT_NONE)
        version_diff_prompts(&before, &d->file->prompt, arena, &text);
    if (d->parent.version != 0 && slice_is(d->file->kind, "knowledge") && version_manifest(&d->parent, arena, &documents, NULL) == FAULT_NONE &&
        manifest_compare(&documents, &d->file->manifest, arena, &k) == FAULT_NONE)
        version_diff_manifests(&documents, &k, &text);
    json_member_string(&c->json, "diff", text.len > 0 && !text.overflow ? buffer_slice(&text) : SLICE_NULL);
    buffer_deinit(&text);
}

static void answer(struct api_call *c, const struct version_draft *d, bool fresh, bool dry, struct arena *arena) {
    json_object(&c->json);
    json_member_string(&c->json, "kind", d->file->kind);
    json_member_string(&c->json, "name", d->file->name);
    json_member_text(&c->json, "change", d->bound ? "bound" : d->same || (!fresh && !dry) ? "same" : d->first ? "new" : "changed");
    json_member_bool(&c->json, "dry_run", dry);
    api_version_put(c, &d->version);
    json_key(&c->json, "lint");
    lint_write(d->notes, d->n_notes, &c->json);
    struct slice compared = api_version_fact(c, &d->version, "compared");
    json_member_raw(&c->json, "compared", compared.len > 0 ? compared : SLICE("null"));
    if (dry) put_diff(c, d, arena);
    else json_member_string(&c->json, "diff", SLICE_NULL);
    json_object_end(&c->json);
}

static void apply(struct api_call *c, struct arena *arena) {
    struct slice kind = api_version_kind(c);
    struct version_file file;
    struct version_draft draft;
    struct error error = {.fault = FAULT_NONE};
    bool fresh = false, dry = api_has_choice(c, "dry_run", "true", false);
    struct version_work work = {.registry = c->s->registry, .policy = c->policy, .author = api_text(c, "author"), .why = api_text(c, "reason"), .ticket = api_text(c, "ticket"),
                                .commit = api_text(c, "commit"), .actor = c->actor, .allow_secrets = api_has_choice(c, "allow_secrets", "true", false),
                                .at_us = clock_wall_us(), .arena = arena};
    if (!read_file(c, kind, arena, &file) || !api_check(c, version_draft(&work, &file, &draft, &error), &error)) return;
    if (!draft.same && draft.refused) {
        refuse(c, &draft);
        return;
    }
    if (!check_human(c, &draft, arena)) return;
    if (!dry && !api_check(c, version_make(&work, &draft, &fresh, &error), &error)) return;
    if (fresh && c->s->deployments_changed && !api_check(c, c->s->deployments_changed(c->s->change_ctx, &error), &error)) return;
    answer(c, &draft, fresh, dry, arena);
}

void api_versions_apply(struct api_call *c) {
    struct arena arena;
    if (!api_need_registry(c)) return;
    arena_init(&arena, 256 << 10, LIMIT_MANIFEST_MEMORY);
    apply(c, &arena);
    arena_deinit(&arena);
}
