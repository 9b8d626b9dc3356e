/* live.c - see live.h: what is met, counted and kept. */
#include "change/live_parts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/live_prompts.h"

#include <stdio.h>

#define SCRATCH_FIRST (1u << 20)
#define SCRATCH_MOST (64u << 20)
enum { KEY_MOST = 256 + 16 };

struct live *live_new(void) {
    struct live *l = mem_new(struct live);
    table_init(&l->applications);
    table_init(&l->known);
    table_init(&l->revisions);
    arena_init(&l->scratch, SCRATCH_FIRST, SCRATCH_MOST);
    return l;
}

static void known_free(struct live_known *k) {
    mem_free(k->text);
    mem_free(k);
}

void live_free(struct live *l) {
    size_t at = 0;
    struct slice key;
    void *value;
    if (l == NULL) return;
    for (at = 0; table_next(&l->known, &at, &key, &value);) known_free(value);
    for (at = 0; table_next(&l->applications, &at, &key, &value);) {
        prompt_groups_deinit(&((struct live_application *)value)->groups);
        mem_free(value);
    }
    for (at = 0; table_next(&l->revisions, &at, &key, &value);) mem_free(value);
    for (unsigned i = 0; i < l->n_versions; i++) {
        arena_deinit(&l->versions[i]->arena);
        mem_free(l->versions[i]);
    }
    mem_free(l->versions);
    table_deinit(&l->known);
    table_deinit(&l->applications);
    table_deinit(&l->revisions);
    arena_deinit(&l->scratch);
    mem_free(l);
}

struct live_application *live_application_of(struct live *l, struct slice name) {
    struct live_application *a = table_get(&l->applications, name);
    if (a != NULL) return a;
    a = mem_new(struct live_application);
    (void)snprintf(a->name, sizeof a->name, SLICE_FMT, SLICE_ARG(name));
    (void)table_put(&l->applications, name, a);
    return a;
}

static struct slice key_of(const struct live_application *a, const uint8_t hash[16], char out[KEY_MOST]) {
    size_t n = strlen(a->name);
    memcpy(out, hash, 16);
    memcpy(out + 16, a->name, n);
    return (struct slice){out, 16 + n};
}

static struct live_known *known_of(struct live *l, struct live_application *a, const uint8_t hash[16]) {
    char text[KEY_MOST];
    struct slice key = key_of(a, hash, text);
    struct live_known *k = table_get(&l->known, key);
    if (k != NULL) return k;
    k = mem_new(struct live_known);
    k->of = a;
    memcpy(k->hash, hash, sizeof k->hash);
    (void)table_put(&l->known, key, k);
    return k;
}

/* ---- what was kept ---- */

enum fault live_kept_read(struct slice json, struct arena *arena, struct live_kept *ret, struct error *error) {
    struct json_doc d;
    *ret = (struct live_kept){.same_as = 0};
    if (slice_is_null(json)) return FAULT_NONE;
    enum fault fault = json_read(json, arena, 1, &d, error);
    if (fault != FAULT_NONE) return fault;
    (void)json_get_i64(&d, json_get(&d, 0, "same_as"), &ret->same_as);
    (void)json_get_i64(&d, json_get(&d, 0, "others_before"), &ret->others_before);
    (void)json_get_bool(&d, json_get(&d, 0, "later"), &ret->later);
    uint32_t template = json_get(&d, 0, "template");
    return json_type(&d, template) != JSON_OBJECT ? FAULT_NONE : fingerprint_read(json_raw(&d, template), arena, &ret->template, error);
}

static struct slice write_kept(const struct live_application *a, const struct prompt_group *x, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 16u << 20);
    json_start(&w, &out);
    json_object(&w);
    if (x->same_as != NULL) json_member_i64(&w, "same_as", prompt_group_now((struct prompt_group *)x)->number);
    json_member_i64(&w, "others_before", x->others_before);
    json_member_bool(&w, "later", x->later);
    if (x->same_as == NULL && x->template != NULL && a->keep) {
        json_key(&w, "template");
        fingerprint_write(x->template, &w);
    }
    json_object_end(&w);
    struct slice json = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return json;
}

static enum fault load_texts(struct live *l, struct live_application *a, struct prompt_group *x, struct registry *r, struct error *error) {
    struct live_text *texts;
    unsigned n = 0;
    arena_reset(&l->scratch);
    enum fault fault = live_texts(r, x->number, LIVE_TEXTS, &l->scratch, &texts, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) known_of(l, a, texts[i].hash)->group = x;
    return fault;
}

static void load_group(struct live *l, const struct live_group *g, int64_t *ret_before) {
    struct live_kept kept;
    struct live_application *a = live_application_of(l, g->application);
    struct prompt_group *x = prompt_groups_add(&a->groups, g->number);
    *ret_before = g->before;
    if (live_kept_read(g->template_json, &x->arena, &kept, NULL) != FAULT_NONE) kept = (struct live_kept){.later = false}; /* learned anew */
    x->template = kept.template;
    a->keep |= kept.template != NULL;
    x->later = kept.later;
    x->others_before = kept.others_before;
    x->first_us = g->first_us;
    x->last_us = g->last_us;
    x->answers = g->answers;
    x->texts = g->texts;
    (void)snprintf(x->request_type, sizeof x->request_type, SLICE_FMT, SLICE_ARG(g->request_type));
    (void)snprintf(x->registered, sizeof x->registered, SLICE_FMT, SLICE_ARG(g->prompt));
}

static bool is_same_as_another(const struct live_group *g, struct arena *scratch) {
    struct live_kept kept;
    arena_reset(scratch);
    return live_kept_read(g->template_json, scratch, &kept, NULL) == FAULT_NONE && kept.same_as != 0;
}

/* The newest of each application: as many as are kept in mind. */
static bool is_wanted(const struct live_group *all, unsigned n, unsigned i) {
    unsigned later = 0;
    for (unsigned k = 0; k < n; k++)
        later += all[k].number != 0 && slice_eq(all[k].application, all[i].application) &&
                 (all[k].last_us > all[i].last_us || (all[k].last_us == all[i].last_us && all[k].number > all[i].number));
    return later < PROMPT_GROUPS;
}

enum fault live_load(struct live *l, struct registry *r, struct error *error) {
    struct arena arena;
    struct live_group *all;
    unsigned n = 0;
    arena_init(&arena, SCRATCH_FIRST, 1u << 30);
    enum fault fault = live_groups(r, SLICE_NULL, &arena, &all, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
        if (is_same_as_another(&all[i], &l->scratch)) all[i].number = 0;
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        int64_t before;
        if (all[i].number == 0 || !is_wanted(all, n, i)) continue;
        load_group(l, &all[i], &before);
        struct live_application *a = live_application_of(l, all[i].application);
        struct prompt_group *x = a->groups.at[a->groups.n - 1];
        x->before = before != 0 ? prompt_groups_find(&a->groups, before) : NULL; /* older ones have lower numbers */
        fault = load_texts(l, a, x, r, error);
    }
    arena_deinit(&arena);
    l->look_again = true;
    l->since_us = clock_wall_us();
    return fault;
}

/* ---- what is met and counted ---- */

/* Texts that are not known any more are met again. */
static void forget_known(struct live *l) {
    size_t at = 0;
    struct slice key;
    void *value;
    while (table_next(&l->known, &at, &key, &value)) known_free(value);
    table_deinit(&l->known);
    table_init(&l->known);
}

void live_meet(struct live *l, const struct live_met *m) {
    struct prompt_group *x;
    if (m->application.len >= sizeof ((struct live_application *)0)->name || m->text.len > LIVE_TEXT_MOST) return;
    struct live_application *a = live_application_of(l, m->application);
    struct live_known *k = known_of(l, a, m->hash);
    a->keep = m->keep;
    if (k->group != NULL && k->group->template != NULL) return;
    if (k->group != NULL) { /* its template was in memory only, and is learned anew */
        struct prompt_group *known = prompt_group_now(k->group);
        if (known->template == NULL && !known->gone && fingerprint_of(m->text, &known->arena, &known->template) != FAULT_NONE) known->template = NULL;
        return;
    }
    if (prompt_groups_meet(&a->groups, m->text, m->request_type, m->at_us, &l->scratch, &x) != FAULT_NONE) return;
    k->group = x;
    k->changed = true;
    k->first_us = k->first_us != 0 ? k->first_us : m->at_us;
    if (k->last_us < m->at_us) k->last_us = m->at_us;
    for (int64_t i = 0; i < k->answers; i++) prompt_group_answered(x, k->last_us); /* they were in the ledger before their text came */
    if (m->keep && m->text.len > 0) {
        k->text = mem_alloc(m->text.len);
        memcpy(k->text, m->text.at, m->text.len);
        k->len = m->text.len;
    }
    l->look_again = true;
}

static bool is_own_traffic(const struct record *r) {
    return slice_is(r->feature, "eval") || slice_starts(r->feature, SLICE("eval-")) || slice_is(r->feature, "downgrade-test");
}

void live_count(struct live *l, const struct record *r) {
    if (!r->has_system_prompt || r->prompt_name.len > 0 || r->status != RECORD_OK || is_own_traffic(r) ||
        r->application.len >= sizeof ((struct live_application *)0)->name)
        return;
    struct live_known *k = known_of(l, live_application_of(l, r->application), r->system_prompt_hash);
    k->answers++;
    k->changed = true;
    if (k->first_us == 0 || r->time_us < k->first_us) k->first_us = r->time_us;
    if (r->time_us > k->last_us) k->last_us = r->time_us;
    if (k->group != NULL) prompt_group_answered(prompt_group_now(k->group), r->time_us);
}

/* ---- a step ---- */

struct writing {
    struct live *l;
    struct live_look look;
    struct prompt_group **made;      /* of look.groups */
    struct live_known **texts;       /* of look.texts */
    struct arena arena;
};

static void put_group(struct writing *w, const struct live_application *a, struct prompt_group *x) {
    struct live_group *g = &w->look.groups[w->look.n_groups];
    w->made[w->look.n_groups++] = x;
    bool other = x->same_as != NULL;
    *g = (struct live_group){.number = x->number, .application = slice_of(a->name), .request_type = x->request_type[0] != 0 ? slice_of(x->request_type) : SLICE_NULL,
                             .template_json = write_kept(a, x, &w->arena), .before = x->before != NULL && !other ? x->before->number : 0,
                             .prompt = x->registered[0] != 0 && !other ? slice_of(x->registered) : SLICE_NULL, .first_us = x->first_us, .last_us = x->last_us,
                             .answers = other ? 0 : x->answers, .texts = other ? 0 : x->texts};
}

static void put_groups(struct writing *w) {
    size_t at = 0, n = 0;
    struct slice key;
    void *value;
    while (table_next(&w->l->applications, &at, &key, &value)) n += ((struct live_application *)value)->groups.n;
    w->look.groups = arena_new_array(&w->arena, struct live_group, n + 1);
    w->made = arena_new_array(&w->arena, struct prompt_group *, n + 1);
    for (at = 0; table_next(&w->l->applications, &at, &key, &value);) {
        struct live_application *a = value;
        for (unsigned i = 0; i < a->groups.n; i++)
            if (a->groups.at[i]->changed && (a->groups.at[i]->number != 0 || a->groups.at[i]->same_as == NULL)) put_group(w, a, a->groups.at[i]);
    }
}

static int64_t reference_to(const struct writing *w, const struct prompt_group *x) {
    for (unsigned i = 0; x->number == 0 && i < w->look.n_groups; i++)
        if (w->made[i] == x) return -1 - (int64_t)i;
    return x->number;
}

static void put_texts(struct writing *w) {
    size_t at = 0;
    struct slice key;
    void *value;
    w->look.texts = arena_new_array(&w->arena, struct live_text, w->l->known.count + 1);
    w->texts = arena_new_array(&w->arena, struct live_known *, w->l->known.count + 1);
    while (table_next(&w->l->known, &at, &key, &value)) {
        struct live_known *k = value;
        struct prompt_group *x = k->group != NULL ? prompt_group_now(k->group) : NULL;
        k->changed |= x != k->group;
        if (x == NULL || x->gone || !k->changed) continue;
        w->texts[w->look.n_texts] = k;
        struct live_text *t = &w->look.texts[w->look.n_texts++];
        *t = (struct live_text){.application = slice_of(k->of->name), .group = reference_to(w, x), .text = k->text != NULL ? (struct slice){k->text, k->len} : SLICE_NULL,
                                .first_us = k->first_us, .last_us = k->last_us, .answers = k->answers};
        if (t->first_us == 0) t->first_us = t->last_us = x->first_us;
        memcpy(t->hash, k->hash, sizeof t->hash);
    }
}

/* It is kept: nothing refers any more to groups that are another's, or were forgotten. */
static void settle(struct writing *w) {
    size_t at = 0;
    struct slice key;
    void *value;
    for (unsigned i = 0; i < w->look.n_groups; i++) {
        w->made[i]->number = w->look.groups[i].number;
        w->made[i]->changed = w->look.groups[i].before == 0 && w->made[i]->before != NULL && w->made[i]->same_as == NULL; /* that had no number yet */
    }
    for (unsigned i = 0; i < w->look.n_texts; i++) {
        struct live_known *k = w->texts[i];
        mem_free(k->text);
        k->text = NULL;
        k->answers = 0;
        k->first_us = k->last_us = 0;
        k->changed = false;
    }
    while (table_next(&w->l->known, &at, &key, &value)) {
        struct live_known *k = value;
        if (k->group != NULL) k->group = prompt_group_now(k->group);
        if (k->group != NULL && k->group->gone) k->group = NULL;
    }
    for (at = 0; table_next(&w->l->applications, &at, &key, &value);) prompt_groups_drop(&((struct live_application *)value)->groups);
    if (w->l->known.count > LIVE_KNOWN) forget_known(w->l);
}

enum fault live_step(struct live *l, struct registry *r, struct slice position, struct error *error) {
    struct writing w = {.l = l, .look = {.position = position}};
    arena_init(&w.arena, SCRATCH_FIRST, 1u << 30);
    put_groups(&w);
    put_texts(&w);
    enum fault fault = arena_is_full(&w.arena) ? error_set(error, FAULT_TOO_LARGE, "no room for the prompts of live traffic") : live_keep(r, &w.look, error);
    if (fault == FAULT_NONE) settle(&w);
    if (fault == FAULT_NONE) l->news = false;
    arena_deinit(&w.arena);
    return fault;
}

bool live_has_news(const struct live *l) { return l->news; }
