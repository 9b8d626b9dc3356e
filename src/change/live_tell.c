/* What of the prompts in live traffic is registered, and what is a finding; see live.h. */
#include "change/live_parts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "change/text_diff.h"
#include "store/changes.h"
#include "store/findings.h"
#include "store/live_prompts.h"

#include <math.h>
#include <stdio.h>

enum { VERSIONS = 16, LEAST_WORDS = 3, VERSIONS_MOST = 4096 };
#define DIFF_MOST (16u << 10)

/* ---- registered versions ---- */

static void drop_versions(struct live *l, struct slice name) {
    unsigned kept = 0;
    for (unsigned i = 0; i < l->n_versions; i++) {
        struct slice head, tail;
        bool of_it = slice_cut(slice_of(l->versions[i]->prompt), '@', &head, &tail) && slice_eq(head, name);
        if (!of_it) {
            l->versions[kept++] = l->versions[i];
            continue;
        }
        arena_deinit(&l->versions[i]->arena);
        mem_free(l->versions[i]);
    }
    l->n_versions = kept;
}

/* The system's messages of a version's body, one after the other, as the gateway reads them of a request. */
static struct slice system_of(struct slice body, struct arena *arena) {
    struct json_doc d;
    struct buffer out;
    uint32_t at = JSON_NONE, message;
    if (json_read(body, arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return SLICE_NULL;
    buffer_init(&out, LIVE_TEXT_MOST);
    while (json_each_item(&d, json_get(&d, 0, "messages"), &at, &message)) {
        uint32_t role = json_get(&d, message, "role");
        if (!json_is(&d, role, "system") && !json_is(&d, role, "developer")) continue;
        if (out.len > 0) (void)buffer_append(&out, SLICE("\n\n"));
        (void)buffer_append(&out, json_string(&d, json_get(&d, message, "content"), arena));
    }
    struct slice text = out.overflow || out.len == 0 ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static void add_version(struct live *l, const struct change_version *v) {
    struct live_version *x = mem_new(struct live_version);
    arena_init(&x->arena, 16u << 10, 64u << 20);
    arena_reset(&l->scratch);
    struct slice text = system_of(v->body, &l->scratch);
    bool good = !slice_is_null(text) && l->n_versions < VERSIONS_MOST && fingerprint_of_template(text, &x->arena, &x->template) == FAULT_NONE &&
                fingerprint_words(x->template) >= LEAST_WORDS;
    if (!good) { /* nothing of its own to be known by */
        arena_deinit(&x->arena);
        mem_free(x);
        return;
    }
    (void)snprintf(x->prompt, sizeof x->prompt, SLICE_FMT "@%lld", SLICE_ARG(v->name), (long long)v->version);
    l->versions = mem_resize(l->versions, (l->n_versions + 1) * sizeof(struct live_version *));
    l->versions[l->n_versions++] = x;
    l->look_again = true;
}

static enum fault read_versions(struct live *l, struct registry *r, const struct change_subject *s, struct error *error) {
    struct arena arena;
    struct change_version *all;
    unsigned n = 0;
    arena_init(&arena, 64u << 10, 256u << 20);
    enum fault fault = changes_versions(r, s->kind, s->name, VERSIONS, &arena, &all, &n, error);
    if (fault == FAULT_NONE) drop_versions(l, s->name);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
        if (all[i].state != VERSION_REJECTED) add_version(l, &all[i]);
    arena_deinit(&arena);
    return fault;
}

static const struct live_version *version_for(struct live *l, const struct prompt_group *x) {
    for (unsigned i = 0; x->template != NULL && i < l->n_versions; i++) {
        arena_reset(&l->scratch);
        if (fingerprint_covers(l->versions[i]->template, x->template, &l->scratch)) return l->versions[i];
    }
    return NULL;
}

static void match_all(struct live *l) {
    size_t at = 0;
    struct slice key;
    void *value;
    while (table_next(&l->applications, &at, &key, &value)) {
        struct prompt_groups *g = &((struct live_application *)value)->groups;
        for (unsigned i = 0; i < g->n; i++) {
            struct prompt_group *x = g->at[i];
            const struct live_version *v = x->same_as == NULL && x->registered[0] == 0 ? version_for(l, x) : NULL;
            if (v == NULL) continue;
            memcpy(x->registered, v->prompt, sizeof x->registered);
            x->changed = l->news = true;
        }
    }
    l->look_again = false;
}

enum fault live_registered(struct live *l, struct registry *r, struct error *error) {
    struct arena arena;
    struct change_subject *all = NULL;
    unsigned n = 0;
    arena_init(&arena, 16u << 10, 64u << 20);
    enum fault fault = changes_subjects(r, SLICE("prompt"), &arena, &all, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        uint64_t *seen = table_get(&l->revisions, all[i].name);
        if (seen != NULL && *seen == all[i].revision) continue;
        fault = read_versions(l, r, &all[i], error);
        if (fault != FAULT_NONE) break;
        if (seen == NULL) (void)table_put(&l->revisions, all[i].name, seen = mem_new(uint64_t));
        *seen = all[i].revision;
    }
    arena_deinit(&arena);
    if (fault == FAULT_NONE && l->look_again) match_all(l);
    return fault;
}

/* ---- findings ---- */

struct telling {
    struct live *l;
    struct registry *registry;
    struct arena arena;
    struct finding *seen;
    unsigned n;
    int64_t now_us;
};

static struct slice write_key(struct arena *arena, const char *application, int64_t group) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4u << 10);
    json_start(&w, &out);
    json_array(&w);
    json_put_text(&w, finding_kind_name(FINDING_PROMPT_UNREGISTERED));
    json_put_text(&w, application);
    if (group != 0) json_put_i64(&w, group);
    json_array_end(&w);
    struct slice key = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return key;
}

static struct slice hash_of(struct telling *t, const struct prompt_group *x) {
    struct live_text *texts;
    struct error error;
    unsigned n = 0;
    char hex[33];
    if (live_texts(t->registry, x->number, 1, &t->arena, &texts, &n, &error) != FAULT_NONE || n == 0) return SLICE_NULL;
    digest_hex(texts[0].hash, sizeof texts[0].hash, hex);
    return arena_slice(&t->arena, slice_of(hex));
}

static void put_time(struct json_writer *w, const char *key, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    json_member_text(w, key, wall_us > 0 ? text : NULL);
}

static void put_share(struct json_writer *w, const char *key, int64_t answers, int64_t of) {
    json_key(w, key);
    json_object(w);
    json_member_i64(w, "answers", answers);
    json_member_i64(w, "of", of);
    json_member_double(w, "share", of > 0 ? (double)answers / (double)of : NAN);
    json_object_end(w);
}

static void put_traffic(const struct telling *t, const struct live_application *a, const struct prompt_group *x, struct json_writer *w) {
    int64_t hour = 0;
    for (unsigned i = 0; i < a->groups.n; i++)
        if (a->groups.at[i]->same_as == NULL) hour += prompt_group_last_hour(a->groups.at[i], t->now_us);
    put_time(w, "first_seen", x->first_us);
    put_time(w, "last_seen", x->last_us);
    put_share(w, "last_hour", prompt_group_last_hour(x, t->now_us), hour);
    put_share(w, "since_first_seen", x->answers, prompt_groups_answers(&a->groups) - x->others_before);
    put_time(w, "last_hour_counted_since", t->l->since_us > t->now_us - 3600 * 1000000LL ? t->l->since_us : 0);
}

static void put_diff(struct telling *t, const struct live_application *a, const struct prompt_group *x, struct json_writer *w) {
    const char *why = !a->keep                         ? "texts of this application are not kept (payloads.capture)"
                      : x->before == NULL              ? "it is like none that was used before"
                      : x->before->template == NULL    ? "the template before it is not known any more"
                                                       : NULL;
    struct buffer out;
    json_key(w, "diff");
    if (why != NULL) {
        json_put_null(w);
        json_member_text(w, "no_diff", why);
        return;
    }
    buffer_init(&out, 8u << 20);
    arena_reset(&t->l->scratch);
    struct slice before = fingerprint_template(x->before->template, &t->l->scratch), after = fingerprint_template(x->template, &t->l->scratch);
    text_diff_lines(before, after, &t->l->scratch, &out);
    if (out.len > DIFF_MOST) {
        out.len = DIFF_MOST;
        (void)buffer_append(&out, SLICE("\n... and more: see `quarterdeck prompt live HASH`\n"));
    }
    json_put_string(w, buffer_slice(&out));
    buffer_deinit(&out);
}

static struct slice evidence_of(struct telling *t, const struct live_application *a, const struct prompt_group *x, struct slice hash) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4u << 20);
    json_start(&w, &out);
    json_object(&w);
    json_member_string(&w, "hash", hash);
    json_member_i64(&w, "group", x->number);
    json_member_text(&w, "request_type", x->request_type[0] != 0 ? x->request_type : NULL);
    json_member_i64(&w, "texts", x->texts);
    json_member_i64(&w, "told_from_answers", PROMPT_ANSWERS);
    put_traffic(t, a, x, &w);
    json_member_text(&w, "before", x->before != NULL && x->before->registered[0] != 0 ? x->before->registered : NULL);
    if (x->before != NULL) json_member_i64(&w, "before_group", x->before->number);
    put_diff(t, a, x, &w);
    json_object_end(&w);
    struct slice json = out.overflow ? SLICE("{}") : arena_slice(&t->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return json;
}

/* What to call it: as the one before it, else as the application. */
static struct slice name_for(const struct live_application *a, const struct prompt_group *x) {
    struct slice name, version;
    for (const struct prompt_group *b = x->before; b != NULL; b = b->before)
        if (slice_cut(slice_of(b->registered), '@', &name, &version)) return name;
    return slice_of(a->name);
}

static void tell_one(struct telling *t, const struct live_application *a, const struct prompt_group *x) {
    struct slice hash = hash_of(t, x);
    const char *registered = x->before != NULL ? x->before->registered : "";
    struct slice title = x->before == NULL ? arena_printf(&t->arena, "application %s uses a system prompt that is new and that nobody registered", a->name)
                                           : arena_printf(&t->arena, "application %s uses a changed system prompt that nobody registered%s%s", a->name,
                                                          registered[0] != 0 ? "; before it was " : "", registered);
    struct slice name = name_for(a, x);
    struct slice command = !a->keep ? arena_printf(&t->arena, "quarterdeck prompt live %.12s", slice_is_null(hash) ? "" : hash.at)
                                    : arena_printf(&t->arena, "quarterdeck prompt adopt %.12s --name " SLICE_FMT " --why TEXT", slice_is_null(hash) ? "" : hash.at, SLICE_ARG(name));
    t->seen[t->n++] = (struct finding){.kind = FINDING_PROMPT_UNREGISTERED, .key = write_key(&t->arena, a->name, x->number), .application = slice_of(a->name),
                                       .title = title, .evidence = evidence_of(t, a, x, hash), .command = command};
}

static void tell_many(struct telling *t, const struct live_application *a, unsigned n) {
    t->seen[t->n++] = (struct finding){.kind = FINDING_PROMPT_UNREGISTERED, .key = write_key(&t->arena, a->name, 0), .application = slice_of(a->name),
                                       .title = arena_printf(&t->arena, "application %s uses %u system prompts that came after others and that nobody registered", a->name, n),
                                       .evidence = arena_printf(&t->arena, "{\"templates\": %u, \"told_one_by_one_up_to\": %d}", n, LIVE_TOLD),
                                       .command = arena_printf(&t->arena, "quarterdeck prompt live --application %s", a->name)};
}

static bool is_told(const struct telling *t, const struct prompt_group *x) {
    return prompt_group_is_news(x) && x->number != 0 && x->registered[0] == 0 && x->last_us > t->now_us - LIVE_GONE_US;
}

static void tell_application(struct telling *t, const struct live_application *a) {
    unsigned n = 0;
    for (unsigned i = 0; i < a->groups.n; i++) n += is_told(t, a->groups.at[i]);
    if (n > LIVE_TOLD) tell_many(t, a, n);
    for (unsigned i = 0; n <= LIVE_TOLD && i < a->groups.n; i++)
        if (is_told(t, a->groups.at[i])) tell_one(t, a, a->groups.at[i]);
}

enum fault live_tell(struct live *l, struct registry *r, int64_t now_us, void (*opened)(void *ctx, const struct finding *f), void *ctx,
                     struct error *error) {
    struct telling t = {.l = l, .registry = r, .now_us = now_us};
    struct findings_change change;
    size_t at = 0;
    struct slice key;
    void *value;
    arena_init(&t.arena, 64u << 10, 256u << 20);
    t.seen = arena_new_array(&t.arena, struct finding, l->applications.count * LIVE_TOLD + 1);
    while (table_next(&l->applications, &at, &key, &value)) tell_application(&t, value);
    int64_t *ids = arena_new_array(&t.arena, int64_t, t.n + 1);
    enum fault fault = arena_is_full(&t.arena) ? error_set(error, FAULT_TOO_LARGE, "no room for findings about prompts") : FAULT_NONE;
    if (fault == FAULT_NONE)
        fault = findings_put(r, &(struct findings_look){.kinds = FINDING_BIT(PROMPT_UNREGISTERED), .seen = t.seen, .n_seen = t.n}, now_us, ids, &change, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < t.n; i++) {
        t.seen[i].id = ids[i];
        if (ids[i] != 0 && opened != NULL) opened(ctx, &t.seen[i]);
    }
    arena_deinit(&t.arena);
    return fault;
}
