/* See manifest.h. */
#include "change/manifest.h"

#include "base/csv.h"

#include <stdlib.h>

enum { LONGEST_ID = 1024, LONGEST_HASH = 256, LONGEST_SOURCE = 2048, LONGEST_DATE = 64 };

static const char *const columns[] = {"id", "hash", "source", "date", NULL};
enum { COLUMNS = 4 };

/* ---- one document ---- */

static void read_part(const struct reader *r, uint32_t node, const char *what, size_t most, struct slice *ret) {
    struct slice text = SLICE_NULL;
    if (node == JSON_NONE) return;
    reader_text(r, node, what, &text);
    if (text.len > most) reader_problem(r, node, "%s: expected at most %zu bytes, found %zu", what, most, text.len);
    else *ret = text;
}

static void read_document(const struct reader *r, uint32_t node, struct document *ret) {
    uint32_t at[COLUMNS];
    *ret = (struct document){.id = SLICE_NULL};
    if (!reader_map(r, node, "document", columns, at)) return;
    if (at[0] == JSON_NONE || at[1] == JSON_NONE) reader_problem(r, node, "document: expected `id` and `hash`");
    read_part(r, at[0], "id", LONGEST_ID, &ret->id);
    read_part(r, at[1], "hash", LONGEST_HASH, &ret->hash);
    read_part(r, at[2], "source", LONGEST_SOURCE, &ret->source);
    read_part(r, at[3], "date", LONGEST_DATE, &ret->date);
}

static void read_documents(const struct reader *r, uint32_t list, struct manifest *m) {
    uint32_t cursor = JSON_NONE, item, n = json_size(&r->d->doc, list);
    if (json_type(&r->d->doc, list) != JSON_ARRAY) {
        reader_expected(r, list, "documents", "a list of documents, or \"file:...\" with JSON lines or CSV");
        return;
    }
    if (n > LIMIT_MANIFEST_DOCUMENTS) {
        reader_problem(r, list, "documents: expected at most %d, found %u", LIMIT_MANIFEST_DOCUMENTS, n);
        return;
    }
    m->documents = arena_new_array(r->arena, struct document, (size_t)n + 1);
    while (m->documents != NULL && json_each_item(&r->d->doc, list, &cursor, &item)) read_document(r, item, &m->documents[m->n_documents++]);
}

/* ---- a file of documents: as one list of which each item stands on its line ---- */

static void put_lines(struct slice text, struct buffer *out) {
    struct slice line;
    for (bool any = false; text.len > 0;) {
        bool more = slice_cut(text, '\n', &line, &text);
        line = slice_trim(line);
        if (line.len > 0 && any) buffer_byte(out, ',');
        buffer_append(out, line);
        any = any || line.len > 0;
        if (more) buffer_byte(out, '\n');
    }
}

static void put_row(const struct csv_row *head, const struct csv_row *row, struct json_writer *w) {
    json_object(w);
    for (unsigned i = 0; i < row->n && i < head->n; i++) {
        if (row->fields[i].len == 0) continue;
        json_key_slice(w, head->fields[i]);
        json_put_string(w, row->fields[i]);
    }
    json_object_end(w);
}

static bool put_table(const struct reader *r, const char *file, struct slice text, struct buffer *out) {
    struct csv c;
    struct csv_row *head = arena_new(r->arena, struct csv_row), *row = arena_new(r->arena, struct csv_row);
    struct error error = {.fault = FAULT_NONE};
    struct json_writer w;
    size_t at = 1;
    bool end = false;
    if (head == NULL || row == NULL) return false;
    csv_init(&c, text, r->arena);
    c.separator = csv_separator(text);
    enum fault fault = csv_next(&c, head, &end, &error);
    for (bool any = false; fault == FAULT_NONE && !end; any = true) {
        fault = csv_next(&c, row, &end, &error);
        if (fault != FAULT_NONE || end) break;
        if (any) buffer_byte(out, ',');
        for (; at < c.line; at++) buffer_byte(out, '\n');
        json_start(&w, out);
        put_row(head, row, &w);
    }
    if (fault != FAULT_NONE) problems_add(r->problems, r->arena, file, (int)c.line, 0, "%s", error.text);
    return fault == FAULT_NONE;
}

static void read_listed(struct reader *r, uint32_t node, struct slice path, struct manifest *m) {
    struct slice text = reader_file(r, node, path);
    struct buffer out;
    struct declared d;
    struct error error = {.fault = FAULT_NONE};
    const char *file = text.at != NULL ? arena_text(r->arena, path) : NULL;
    if (file == NULL) return; /* it was told */
    buffer_init(&out, r->arena->max);
    buffer_byte(&out, '[');
    bool lines = slice_ends(path, SLICE(".jsonl")) || slice_ends(path, SLICE(".ndjson")), table = slice_ends(path, SLICE(".csv")) || slice_ends(path, SLICE(".tsv"));
    bool good = true;
    if (lines) put_lines(text, &out);
    else if (table) good = put_table(r, file, text, &out);
    else reader_problem(r, node, "documents: expected a file of JSON lines (.jsonl) or CSV (.csv), found `" SLICE_FMT "`", SLICE_ARG(path));
    buffer_byte(&out, ']');
    struct slice json = out.overflow ? SLICE_NULL : arena_slice(r->arena, buffer_slice(&out));
    buffer_deinit(&out);
    if (!good || (!lines && !table)) return;
    enum fault fault = json.at != NULL ? declared_from_json(json, r->arena, &d, &error) : FAULT_TOO_LARGE;
    if (fault != FAULT_NONE) {
        problems_add(r->problems, r->arena, file, 1, 0, "%s", error.text[0] ? error.text : "the documents do not fit into their memory");
        return;
    }
    struct reader inside = {.d = &d, .file = file, .arena = r->arena, .problems = r->problems, .plain_texts = true};
    read_documents(&inside, 0, m);
}

/* ---- the whole ---- */

static int compare_texts(struct slice a, struct slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.at, b.at, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_id(const void *a, const void *b) { return compare_texts(((const struct document *)a)->id, ((const struct document *)b)->id); }

static void put_in_order(const struct reader *r, uint32_t node, struct manifest *m) {
    if (m->n_documents == 0) return;
    qsort(m->documents, m->n_documents, sizeof *m->documents, by_id);
    for (size_t i = 1; i < m->n_documents; i++) {
        struct slice id = m->documents[i].id;
        if (id.len > 0 && slice_eq(id, m->documents[i - 1].id))
            reader_problem(r, node, "documents: `" SLICE_FMT "` is declared twice", (int)(id.len < 80 ? id.len : 80), id.at);
    }
}

static enum fault take_digest(struct manifest *m, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, arena->max);
    json_start(&w, &out);
    manifest_write(m, &w);
    digest_sha256(buffer_slice(&out), &m->digest);
    enum fault fault = out.overflow ? FAULT_TOO_LARGE : FAULT_NONE;
    buffer_deinit(&out);
    return fault;
}

enum fault manifest_read_file(struct slice text, const char *file, const struct file_source *files, struct arena *arena,
                              struct manifest *ret, struct problems *problems) {
    static const char *const keys[] = {"knowledge", "version", "documents", "suites", "owner", NULL};
    struct reader r = {.file = file, .arena = arena, .problems = problems, .files = files};
    struct manifest m = {.name = SLICE_NULL};
    struct declared d;
    unsigned before = problems->count;
    uint32_t at[5];
    if (!slice_is_utf8(text)) {
        problems_add(problems, arena, file, 1, 0, "expected UTF-8");
        return FAULT_CONFIG;
    }
    if (reader_open(&r, text, &d) != FAULT_NONE) return FAULT_CONFIG;
    if (!reader_map(&r, 0, "knowledge base", keys, at)) return FAULT_CONFIG;
    if (at[0] == JSON_NONE) reader_problem(&r, 0, "expected the key `knowledge`, its name");
    reader_name(&r, at[0], "knowledge", &m.name);
    reader_text(&r, at[1], "version", &m.version);
    reader_texts(&r, at[3], "suites", &m.suites, &m.n_suites);
    reader_text(&r, at[4], "owner", &m.owner);
    struct slice path = at[2] != JSON_NONE ? reader_file_path(&r, at[2]) : SLICE_NULL;
    if (at[2] == JSON_NONE) reader_problem(&r, 0, "knowledge base: expected `documents`");
    else if (path.at != NULL) read_listed(&r, at[2], path, &m);
    else read_documents(&r, at[2], &m);
    put_in_order(&r, at[2], &m);
    if (arena_is_full(arena)) reader_problem(&r, 0, "the manifest does not fit into its memory");
    if (problems->count > before || problems->more) return FAULT_CONFIG;
    enum fault fault = take_digest(&m, arena);
    if (fault == FAULT_NONE) *ret = m;
    return fault;
}

void manifest_write(const struct manifest *m, struct json_writer *w) {
    json_object(w);
    json_member_string(w, "knowledge", m->name);
    json_key(w, "documents");
    json_array(w);
    for (size_t i = 0; i < m->n_documents; i++) {
        const struct document *d = &m->documents[i];
        json_object(w);
        json_member_string(w, "id", d->id);
        json_member_string(w, "hash", d->hash);
        if (d->source.at != NULL) json_member_string(w, "source", d->source);
        if (d->date.at != NULL) json_member_string(w, "date", d->date);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

/* ---- comparing ---- */

static bool same_document(const struct document *a, const struct document *b) {
    return slice_eq(a->hash, b->hash) && slice_eq(a->source, b->source) && slice_eq(a->date, b->date);
}

enum fault manifest_compare(const struct manifest *before, const struct manifest *after, struct arena *arena, struct manifest_difference *ret) {
    struct manifest_difference d = {.added = arena_new_array(arena, const struct document *, after->n_documents + 1),
                                    .removed = arena_new_array(arena, const struct document *, before->n_documents + 1),
                                    .changed = arena_new_array(arena, const struct document *, after->n_documents + 1)};
    if (d.added == NULL || d.removed == NULL || d.changed == NULL) return FAULT_TOO_LARGE;
    for (size_t i = 0, j = 0; i < before->n_documents || j < after->n_documents;) {
        const struct document *x = &before->documents[i], *y = &after->documents[j];
        int order = i == before->n_documents ? 1 : j == after->n_documents ? -1 : compare_texts(x->id, y->id);
        if (order < 0) d.removed[d.n_removed++] = x;
        else if (order > 0) d.added[d.n_added++] = y;
        else if (!same_document(x, y)) d.changed[d.n_changed++] = y;
        i += order <= 0;
        j += order >= 0;
    }
    *ret = d;
    return FAULT_NONE;
}
