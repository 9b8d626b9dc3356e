#include "quality/import.h"

#include "quality/import_private.h"

#include <stdio.h>

const char *import_loss_name(enum import_loss l) {
    return l == IMPORT_LEFT_OUT ? "left out" : "differs";
}

void import_init(struct import *m, struct arena *arena) {
    *m = (struct import){.arena = arena};
}

void import_note(struct import *m, enum import_loss loss, const char *file, int line, struct slice where,
                 const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    if (m->quiet) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct slice why = slice_of(text);
    while (why.len > 0 && !slice_is_utf8(why)) why.len--; /* cut inside a character */
    if (loss == IMPORT_LEFT_OUT) m->n_left_out++;
    else m->n_differs++;
    struct import_note *n = arena_new(m->arena, struct import_note);
    if (n != NULL) {
        *n = (struct import_note){.loss = loss, .file = file, .line = line};
        n->where = arena_slice(m->arena, where);
        n->why = arena_slice(m->arena, why);
    }
    if (n == NULL || arena_is_full(m->arena)) {
        m->full = true;
        return;
    }
    if (m->first == NULL) m->last = &m->first;
    *m->last = n;
    m->last = &n->next;
}

struct slice import_model(const struct import *m, struct slice provider) {
    for (unsigned i = 0; i < m->n_maps; i++)
        if (slice_eq(m->maps[i].from, provider)) return m->maps[i].to;
    static const char *const kinds[] = {"chat:", "completion:", "responses:", "messages:", "embedding:", "embeddings:"};
    struct slice kind, name;
    if (!slice_cut(provider, ':', &kind, &name)) return provider;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_starts(name, slice_of(kinds[i])))
            return slice_make(name.at + strlen(kinds[i]), name.len - strlen(kinds[i]));
    return name;
}

struct slice import_judge(struct import *m, struct slice provider, const char *scale) {
    struct slice model = import_model(m, provider);
    unsigned same = 0;
    for (unsigned i = 0; i < m->n_judges; i++) {
        if (slice_eq(m->judges[i].model, model) && strcmp(m->judges[i].scale, scale) == 0) return m->judges[i].name;
        same += strcmp(m->judges[i].scale, scale) == 0;
    }
    if (m->n_judges == IMPORT_JUDGES) return SLICE_NULL;
    const char *base = strcmp(scale, "binary") == 0 ? "grader" : "grader-1-5";
    struct import_judge *j = &m->judges[m->n_judges];
    *j = (struct import_judge){.model = model, .scale = scale};
    j->name = same == 0 ? slice_of(base) : arena_printf(m->arena, "%s-%u", base, same + 1);
    m->n_judges++;
    return j->name;
}

struct slice import_provider(const struct json_doc *d, uint32_t node, struct arena *arena) {
    if (json_type(d, node) != JSON_OBJECT) return json_string(d, node, arena);
    uint32_t id = json_get(d, node, "id"), cursor = JSON_NONE, key, value;
    if (id != JSON_NONE) return json_string(d, id, arena);
    if (json_size(d, node) == 1 && json_each_member(d, node, &cursor, &key, &value) && json_type(d, value) == JSON_OBJECT)
        return json_string(d, key, arena);
    return SLICE_NULL;
}

void *import_grow(struct import *m, void *items, unsigned n, size_t size) {
    if (n > 0 && (n & (n - 1)) != 0) return items; /* room is a power of two */
    void *grown = arena_alloc(m->arena, (n > 0 ? 2 * (size_t)n : 1) * size);
    if (grown == NULL) m->full = true;
    else if (n > 0) memcpy(grown, items, n * size);
    return grown;
}

void import_set_lines(struct import *m, struct declared *d, int line) {
    int *lines = arena_new_array(m->arena, int, d->doc.count);
    for (uint32_t i = 0; lines != NULL && i < d->doc.count; i++) lines[i] = line;
    if (lines != NULL) d->lines = lines;
}

struct slice import_behind_scheme(struct slice name) {
    return slice_starts(name, SLICE("file://")) ? slice_make(name.at + 7, name.len - 7) : name;
}

bool import_is_pattern(struct slice name) {
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] == '*' || name.at[i] == '?' || name.at[i] == '[') return true;
    return false;
}

struct slice import_extension(struct slice path) {
    for (size_t i = path.len; i > 0 && path.at[i - 1] != '/'; i--)
        if (path.at[i - 1] == '.') return slice_make(path.at + i - 1, path.len - i + 1);
    return SLICE("");
}

static bool matches(struct slice ref, struct slice name) {
    if (slice_is_null(name)) return false;
    if (slice_ends(ref, SLICE("*"))) return slice_starts(name, slice_make(ref.at, ref.len - 1));
    return slice_eq(ref, name) || (name.len > ref.len && slice_starts(name, ref) && name.at[ref.len] == ':');
}

bool import_matches(const struct json_doc *d, uint32_t list, struct slice id, struct slice label, struct arena *arena) {
    uint32_t cursor = JSON_NONE, item;
    struct slice one = json_string(d, list, arena);
    if (one.at != NULL) return matches(one, id) || matches(one, label);
    while (json_each_item(d, list, &cursor, &item)) {
        struct slice ref = json_string(d, item, arena);
        if (ref.at != NULL && (matches(ref, id) || matches(ref, label))) return true;
    }
    return false;
}
