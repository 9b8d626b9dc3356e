/* Prompts of live traffic that came with no version, and adopting one: what serves becomes a version in production. */
#include "control/api_versions.h"

#include "base/clock.h"
#include "change/fingerprint.h"
#include "change/live.h"
#include "change/text_diff.h"
#include "store/live_prompts.h"

#include <stdio.h>

#define ROOM (256u << 20)

struct live_view {
    struct live_group group;
    struct live_kept kept;
    struct live_text text;   /* its most used one; hash of zeros: none is known any more */
};

static void put_group(struct api_call *c, const struct live_view *v, int64_t all) {
    struct json_writer *w = &c->json;
    const struct live_group *g = &v->group;
    char hex[33];
    digest_hex(v->text.hash, sizeof v->text.hash, hex);
    json_member_text(w, "hash", hex);
    json_member_i64(w, "group", g->number);
    json_member_string(w, "application", g->application);
    json_member_string(w, "request_type", g->request_type);
    json_member_string(w, "registered_as", g->prompt);
    json_key(w, "change_of_group");
    if (g->before != 0) json_put_i64(w, g->before);
    else json_put_null(w);
    json_member_i64(w, "answers", g->answers);
    json_member_double(w, "share", all > 0 ? (double)g->answers / (double)all : 0);
    json_member_i64(w, "texts", g->texts);
    json_key(w, "variable_parts");
    if (v->kept.template != NULL) json_put_i64(w, fingerprint_gaps(v->kept.template));
    else json_put_null(w);
    api_put_time(w, "first_seen", g->first_us);
    api_put_time(w, "last_seen", g->last_us);
}

static bool read_view(struct api_call *c, const struct live_group *g, struct arena *arena, struct live_view *ret) {
    struct live_text *texts;
    unsigned n = 0;
    struct error error;
    *ret = (struct live_view){.group = *g};
    if (live_kept_read(g->template_json, arena, &ret->kept, &error) != FAULT_NONE) ret->kept = (struct live_kept){.same_as = 0};
    if (!api_check(c, live_texts(c->s->registry, g->number, 1, arena, &texts, &n, &error), &error)) return false;
    if (n > 0) ret->text = texts[0];
    return true;
}

void api_live_prompts(struct api_call *c) {
    struct arena arena;
    struct live_group *all = NULL;
    struct live_view v;
    struct error error;
    unsigned n = 0;
    if (!api_need_registry(c)) return;
    arena_init(&arena, 64u << 10, ROOM);
    bool good = api_check(c, live_groups(c->s->registry, api_text(c, "application"), &arena, &all, &n, &error), &error);
    json_object(&c->json);
    json_key(&c->json, "prompts");
    json_array(&c->json);
    for (unsigned i = 0; good && i < n; i++) {
        int64_t sum = 0;
        for (unsigned k = 0; k < n; k++) sum += slice_eq(all[k].application, all[i].application) ? all[k].answers : 0;
        good = read_view(c, &all[i], &arena, &v);
        if (!good || v.kept.same_as != 0) continue;
        json_object(&c->json);
        put_group(c, &v, sum);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
    arena_deinit(&arena);
}

/* The group of the path's text; false: it was answered. */
static bool find(struct api_call *c, struct arena *arena, struct live_view *ret) {
    struct live_text text;
    struct live_group g;
    struct error error;
    if (!api_need_registry(c) || !api_check(c, live_text_find(c->s->registry, api_text(c, "hash"), arena, &text, &error), &error) ||
        !api_check(c, live_group_find(c->s->registry, text.group, arena, &g, &error), &error) || !read_view(c, &g, arena, ret))
        return false;
    ret->text = text;
    return true;
}

static void put_texts(struct api_call *c, const struct live_view *v, struct arena *arena) {
    struct live_group former;
    struct live_kept before = {.same_as = 0};
    struct text_piece *pieces;
    struct error error;
    unsigned n = 0;
    struct slice template = v->kept.template != NULL ? fingerprint_template(v->kept.template, arena) : SLICE_NULL;
    json_member_string(&c->json, "text", v->text.text);
    json_member_string(&c->json, "template", template);
    json_key(&c->json, "diff");
    bool known = v->kept.template != NULL && v->group.before != 0 && live_group_find(c->s->registry, v->group.before, arena, &former, &error) == FAULT_NONE &&
                 live_kept_read(former.template_json, arena, &before, &error) == FAULT_NONE && before.template != NULL &&
                 text_diff(fingerprint_template(before.template, arena), template, arena, &pieces, &n) == FAULT_NONE;
    if (known) text_diff_write(pieces, n, &c->json);
    else json_put_null(&c->json);
}

void api_live_prompt_show(struct api_call *c) {
    struct arena arena;
    struct live_view v;
    arena_init(&arena, 64u << 10, ROOM);
    if (find(c, &arena, &v)) {
        json_object(&c->json);
        put_group(c, &v, 0);
        put_texts(c, &v, &arena);
        json_object_end(&c->json);
    }
    arena_deinit(&arena);
}

/* ---- adopting ---- */

/* As a file of a prompt: the template is its system's message, the gaps are its variables. */
static struct slice write_file(struct slice name, struct slice owner, const struct fingerprint *f, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    char gap[24];
    buffer_init(&out, 8u << 20);
    json_start(&w, &out);
    json_object(&w);
    json_member_string(&w, "prompt", name);
    json_member_bool(&w, "files", false);
    json_member_string(&w, "owner", owner);
    json_key(&w, "messages");
    json_array(&w);
    json_object(&w);
    json_member_text(&w, "role", "system");
    json_member_string(&w, "content", fingerprint_template(f, arena));
    json_object_end(&w);
    json_array_end(&w);
    json_key(&w, "variables");
    json_object(&w);
    for (unsigned i = 0; i < fingerprint_gaps(f); i++) {
        (void)snprintf(gap, sizeof gap, "gap_%u", i + 1);
        json_key(&w, gap);
        json_object(&w);
        json_member_bool(&w, "required", true);
        json_object_end(&w);
    }
    json_object_end(&w);
    json_object_end(&w);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

/* It serves already: the version begins in production, and what was there before is superseded. */
static enum fault commit(struct api_call *c, struct version_draft *d, struct slice hash, struct arena *arena, bool *ret_new, struct error *error) {
    struct change_subject s = {.revision = 0};
    struct change change = {.kind = d->version.kind, .name = d->version.name, .add = &d->version, .how = SLICE("adopted from live traffic"),
                            .audit = {.actor = slice_of(c->actor), .action = SLICE("prompt.adopt"), .reason = api_text(c, "reason"), .at_us = clock_wall_us()}};
    enum fault fault = changes_subject(c->s->registry, change.kind, change.name, arena, &s, error);
    if (fault != FAULT_NONE && fault != FAULT_NOT_FOUND) return fault;
    d->version.state = VERSION_PRODUCTION;
    change.if_revision = s.revision;
    change.production = s.newest + 1;
    if (s.production != 0) change.moves[change.n_moves++] = (struct change_move){s.production, VERSION_PRODUCTION, VERSION_SUPERSEDED};
    change.audit.detail = arena_printf(arena, "{\"live_prompt\": \"" SLICE_FMT "\"}", SLICE_ARG(hash));
    return changes_commit(c->s->registry, &change, ret_new, error);
}

static bool draft(struct api_call *c, const struct live_view *v, struct slice name, struct arena *arena, struct version_file *file, struct version_draft *ret) {
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    struct slice why = api_text(c, "reason"), owner = api_text(c, "owner");
    struct version_work work = {.registry = c->s->registry, .policy = c->policy, .author = slice_of(c->actor), .why = why, .actor = c->actor, .at_us = clock_wall_us(), .arena = arena};
    struct slice text = write_file(name, owner, v->kept.template, arena);
    if (version_read(SLICE("prompt"), text, "live prompt", NULL, arena, file, &problems) != FAULT_NONE) {
        api_fail(c, FAULT_BAD_REQUEST, "the template cannot be a prompt: %s", problems_any(&problems) ? problems.items[0].text : "it is too large");
        return false;
    }
    return api_check(c, version_draft(&work, file, ret, &error), &error);
}

static struct slice name_of(struct api_call *c, const struct live_view *v, struct arena *arena) {
    struct slice name = api_text(c, "name"), version;
    struct live_group former;
    struct error error;
    if (name.len > 0) return name;
    if (v->group.before != 0 && live_group_find(c->s->registry, v->group.before, arena, &former, &error) == FAULT_NONE && slice_cut(former.prompt, '@', &name, &version)) return name;
    return v->group.application;
}

static void adopt(struct api_call *c, struct arena *arena) {
    struct live_view v;
    struct version_file file;
    struct version_draft d;
    struct error error = {.fault = FAULT_NONE};
    bool fresh = false;
    char hash[33];
    if (!find(c, arena, &v)) return;
    bool registered = !slice_is_null(v.group.prompt);
    if (!registered && v.kept.template == NULL) {
        api_fail(c, FAULT_CONFLICT, "application " SLICE_FMT " keeps no texts (payloads.capture), so that there is none to adopt: apply its prompt from a file", SLICE_ARG(v.group.application));
        return;
    }
    if (!registered) {
        struct slice name = name_of(c, &v, arena);
        digest_hex(v.text.hash, sizeof v.text.hash, hash);
        if (!draft(c, &v, name, arena, &file, &d)) return;
        if (!d.same && !api_check(c, commit(c, &d, slice_of(hash), arena, &fresh, &error), &error)) return;
        if (fresh && c->s->deployments_changed != NULL && !api_check(c, c->s->deployments_changed(c->s->change_ctx, &error), &error)) return;
        v.group.prompt = arena_printf(arena, SLICE_FMT "@%lld", SLICE_ARG(name), (long long)d.version.version);
    }
    json_object(&c->json);
    json_member_bool(&c->json, "already", registered || !fresh);
    put_group(c, &v, 0);
    json_object_end(&c->json);
}

void api_live_prompt_adopt(struct api_call *c) {
    struct arena arena;
    arena_init(&arena, 64u << 10, ROOM);
    adopt(c, &arena);
    arena_deinit(&arena);
}
