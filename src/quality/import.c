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
