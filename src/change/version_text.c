/* See version_text.h. */
#include "change/version_text.h"

#include "change/text_diff.h"

#include <stdlib.h>

/* ---- prompts ---- */

static void put_members(struct slice object, const char *what, struct arena *arena, struct buffer *out) {
    struct json_doc d;
    uint32_t cursor = JSON_NONE, key, value;
    if (object.at == NULL || json_read(object, arena, 1, &d, NULL) != FAULT_NONE) return;
    while (json_each_member(&d, 0, &cursor, &key, &value))
        buffer_printf(out, "%s " SLICE_FMT ": " SLICE_FMT "\n", what, SLICE_ARG(json_string(&d, key, arena)), SLICE_ARG(json_raw(&d, value)));
}

static void put_tools(struct slice list, struct arena *arena, struct buffer *out) {
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    if (list.at == NULL || json_read(list, arena, 1, &d, NULL) != FAULT_NONE) return;
    while (json_each_item(&d, 0, &cursor, &item)) {
        buffer_append(out, SLICE("tool "));
        buffer_append(out, json_raw(&d, item));
        buffer_byte(out, '\n');
    }
}

static void put_variables(const struct prompt *p, struct buffer *out) {
    for (unsigned i = 0; i < p->n_variables; i++) {
        const struct prompt_variable *v = &p->variables[i];
        buffer_printf(out, "variable " SLICE_FMT "%s", SLICE_ARG(v->name), v->required ? ", required" : "");
        if (v->max_chars >= 0) buffer_printf(out, ", at most %lld characters", (long long)v->max_chars);
        if (v->fallback.at != NULL) {
            buffer_append(out, SLICE(", else "));
            buffer_append(out, v->fallback);
        }
        buffer_byte(out, '\n');
    }
}

static struct slice render(const struct prompt *p, struct arena *arena) {
    struct buffer out;
    buffer_init(&out, arena->max);
    if (p->model.at != NULL) buffer_printf(&out, "model " SLICE_FMT "\n", SLICE_ARG(p->model));
    put_members(p->parameters, "parameter", arena, &out);
    put_variables(p, &out);
    put_tools(p->tools, arena, &out);
    for (unsigned i = 0; i < p->n_messages; i++) {
        const struct prompt_message *m = &p->messages[i];
        buffer_printf(&out, "[" SLICE_FMT "]\n", SLICE_ARG(m->role));
        buffer_append(&out, m->raw.at != NULL ? m->raw : m->content);
        buffer_byte(&out, '\n');
    }
    struct slice text = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

void version_diff_prompts(const struct prompt *before, const struct prompt *after, struct arena *arena, struct buffer *out) {
    text_diff_lines(before != NULL ? render(before, arena) : SLICE(""), render(after, arena), arena, out);
}

void version_write_messages(const struct prompt *before, const struct prompt *after, struct arena *arena, struct json_writer *w) {
    unsigned most = before->n_messages > after->n_messages ? before->n_messages : after->n_messages;
    static const struct prompt_message none;
    json_array(w);
    for (unsigned i = 0; i < most; i++) {
        const struct prompt_message *x = i < before->n_messages ? &before->messages[i] : &none, *y = i < after->n_messages ? &after->messages[i] : &none;
        struct slice a = x->raw.at != NULL ? x->raw : x->content, b = y->raw.at != NULL ? y->raw : y->content;
        struct text_piece *p;
        unsigned n;
        if (slice_eq(a, b) && slice_eq(x->role, y->role)) continue;
        if (text_diff(a, b, arena, &p, &n) != FAULT_NONE) continue;
        json_object(w);
        json_member_i64(w, "message", i);
        json_member_string(w, "role", y->role.at != NULL ? y->role : x->role);
        json_key(w, "pieces");
        text_diff_write(p, n, w);
        json_object_end(w);
    }
    json_array_end(w);
}

/* ---- knowledge bases ---- */

static int by_id(const void *key, const void *item) {
    struct slice a = *(const struct slice *)key, b = ((const struct document *)item)->id;
    size_t n = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.at, b.at, n);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static struct slice former_hash(const struct manifest *before, const struct document *d) {
    const struct document *was = before->n_documents > 0 ? bsearch(&d->id, before->documents, before->n_documents, sizeof *before->documents, by_id) : NULL;
    return was != NULL ? was->hash : SLICE_NULL;
}

struct part {
    const char *name;
    char mark;
    const struct document **at;
    size_t n;
};
enum { PARTS = 3 };

static void parts_of(const struct manifest_difference *d, struct part out[PARTS]) {
    out[0] = (struct part){"removed", '-', d->removed, d->n_removed};
    out[1] = (struct part){"added", '+', d->added, d->n_added};
    out[2] = (struct part){"changed", '~', d->changed, d->n_changed};
}

void version_diff_manifests(const struct manifest *before, const struct manifest_difference *d, struct buffer *out) {
    struct part parts[PARTS];
    parts_of(d, parts);
    for (int p = 0; p < PARTS; p++) {
        for (size_t i = 0; i < parts[p].n && i < VERSION_TEXT_DOCUMENTS; i++) {
            const struct document *x = parts[p].at[i];
            struct slice was = parts[p].mark == '~' ? former_hash(before, x) : SLICE_NULL;
            buffer_printf(out, "%c " SLICE_FMT " ", parts[p].mark, SLICE_ARG(x->id));
            if (was.at != NULL) buffer_printf(out, SLICE_FMT " -> ", SLICE_ARG(was));
            buffer_printf(out, SLICE_FMT "\n", SLICE_ARG(x->hash));
        }
        if (parts[p].n > VERSION_TEXT_DOCUMENTS) buffer_printf(out, "%c ... and %zu more %s\n", parts[p].mark, parts[p].n - VERSION_TEXT_DOCUMENTS, parts[p].name);
    }
}

void version_write_documents(const struct manifest *before, const struct manifest_difference *d, struct json_writer *w) {
    struct part parts[PARTS];
    parts_of(d, parts);
    json_object(w);
    for (int p = 0; p < PARTS; p++) json_member_i64(w, parts[p].name, (int64_t)parts[p].n);
    json_key(w, "documents");
    json_array(w);
    for (int p = 0; p < PARTS; p++)
        for (size_t i = 0; i < parts[p].n && i < VERSION_TEXT_DOCUMENTS; i++) {
            const struct document *x = parts[p].at[i];
            json_object(w);
            json_member_text(w, "change", parts[p].name);
            json_member_string(w, "id", x->id);
            json_member_string(w, "hash", x->hash);
            json_member_string(w, "before", parts[p].mark == '~' ? former_hash(before, x) : SLICE_NULL);
            json_member_string(w, "source", x->source);
            json_member_string(w, "date", x->date);
            json_object_end(w);
        }
    json_array_end(w);
    json_object_end(w);
}
