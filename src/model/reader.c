/* See reader.h. */
#include "model/reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 60, LONGEST_NAME = 128 };

/* The text is copied into the arena: what is read borrows from it. YAML's tree is not needed behind this. */
enum fault reader_open(struct reader *r, struct slice text, struct declared *ret) {
    struct slice head = slice_trim(text);
    struct error error = {.fault = FAULT_NONE};
    int line = 1;
    enum fault f = FAULT_BAD_JSON;
    if (head.len > 0 && (head.at[0] == '{' || head.at[0] == '[')) {
        struct slice copy = arena_slice(r->arena, text);
        f = copy.at != NULL ? declared_from_json(copy, r->arena, ret, &error) : FAULT_TOO_LARGE;
    }
    if (f == FAULT_BAD_JSON) {
        struct arena tree;
        struct yaml_node *root = NULL;
        arena_init(&tree, 64 << 10, r->arena->max);
        f = yaml_read(text, &tree, &root, &line, &error);
        if (f == FAULT_NONE) f = declared_from_yaml(root, r->arena, ret, &error);
        arena_deinit(&tree);
    }
    if (f == FAULT_NONE) {
        r->d = ret;
        return f;
    }
    const char *words = error.text[0] ? error.text : "the text does not fit into its memory", *behind = strstr(words, ": ");
    if (strncmp(words, "line ", 5) == 0 && behind != NULL) words = behind + 2; /* it has its line already */
    problems_add(r->problems, r->arena, r->file, line, 0, "%s", words);
    return FAULT_CONFIG;
}

static struct slice shown(const struct reader *r, uint32_t node) {
    struct slice raw = json_raw(&r->d->doc, node);
    size_t n = SHOWN;
    if (raw.len <= SHOWN) return raw;
    while (n > 0 && ((unsigned char)raw.at[n] & 0xC0) == 0x80) n--;
    return slice_make(raw.at, n);
}

void reader_problem(const struct reader *r, uint32_t node, const char *format, ...) {
    va_list args;
    va_start(args, format);
    problems_add_list(r->problems, r->arena, r->file, declared_line(r->d, node), 0, format, args);
    va_end(args);
}

void reader_expected(const struct reader *r, uint32_t node, const char *what, const char *expected) {
    struct slice raw = shown(r, node);
    reader_problem(r, node, "%s: expected %s, found " SLICE_FMT, what, expected, SLICE_ARG(raw));
}

const char *reader_hint(struct slice word, const char *const *names, char out[READER_HINT]) {
    const char *best = NULL;
    unsigned nearest = word.len < 3 ? 2 : (unsigned)word.len / 3 + 1;
    for (; *names != NULL; names++) {
        unsigned d = slice_distance(word, slice_of(*names));
        if (word.len > 2 && d > 1 && slice_starts(slice_of(*names), word)) d = 1;
        if (d >= nearest) continue;
        nearest = d;
        best = *names;
    }
    out[0] = 0;
    if (best != NULL) snprintf(out, READER_HINT, "; did you mean `%s`?", best);
    return out;
}

bool reader_map(const struct reader *r, uint32_t node, const char *what, const char *const *names, uint32_t *at) {
    const struct json_doc *d = &r->d->doc;
    uint32_t cursor = JSON_NONE, key, value;
    char hint[READER_HINT];
    for (int i = 0; names[i] != NULL; i++) at[i] = JSON_NONE;
    if (json_type(d, node) != JSON_OBJECT) {
        reader_expected(r, node, what, "a map");
        return false;
    }
    while (json_each_member(d, node, &cursor, &key, &value)) {
        struct slice name = json_string(d, key, r->arena);
        int i = 0;
        while (names[i] != NULL && !slice_is(name, names[i])) i++;
        if (names[i] == NULL) {
            struct slice raw = shown(r, key);
            reader_problem(r, key, "%s: unknown key " SLICE_FMT "%s", what, SLICE_ARG(raw), reader_hint(name, names, hint));
        } else if (at[i] != JSON_NONE) {
            reader_problem(r, key, "%s: `%s` is declared twice", what, names[i]);
        } else {
            at[i] = value;
        }
    }
    for (int i = 0; names[i] != NULL; i++)
        if (json_type(d, at[i]) == JSON_NULL) at[i] = JSON_NONE;
    return true;
}

void reader_text(const struct reader *r, uint32_t node, const char *what, struct slice *ret) {
    if (node == JSON_NONE) return;
    struct slice text = reader_scalar(r, node);
    if (text.len > 0) *ret = text;
    else reader_expected(r, node, what, "a text that is not empty");
}

struct slice reader_scalar(const struct reader *r, uint32_t node) {
    switch (json_type(&r->d->doc, node)) {
    case JSON_STRING: return json_string(&r->d->doc, node, r->arena);
    case JSON_NUMBER:
    case JSON_TRUE:
    case JSON_FALSE: return json_raw(&r->d->doc, node);
    default: return SLICE_NULL;
    }
}

void reader_name(const struct reader *r, uint32_t node, const char *what, struct slice *ret) {
    if (node == JSON_NONE) return;
    struct slice name = reader_scalar(r, node);
    bool good = name.len > 0 && name.len <= LONGEST_NAME && slice_trim(name).len == name.len;
    for (size_t i = 0; good && i < name.len; i++)
        good = (unsigned char)name.at[i] >= ' ' && name.at[i] != 0x7F && name.at[i] != '/' && name.at[i] != '@';
    if (good) *ret = name;
    else reader_expected(r, node, what, "a name of at most 128 bytes without `/` and `@`");
}

void reader_number(const struct reader *r, uint32_t node, const char *what, double least, double most, double *ret) {
    char words[96];
    double n;
    if (node == JSON_NONE) return;
    if (json_get_double(&r->d->doc, node, &n) && n >= least && n <= most) {
        *ret = n;
        return;
    }
    if (isinf(most)) snprintf(words, sizeof words, "a number of at least %g", least);
    else snprintf(words, sizeof words, "a number from %g to %g", least, most);
    reader_expected(r, node, what, words);
}

void reader_count(const struct reader *r, uint32_t node, const char *what, int64_t least, int64_t most, int64_t *ret) {
    char words[96];
    int64_t n;
    if (node == JSON_NONE) return;
    if (json_get_i64(&r->d->doc, node, &n) && n >= least && n <= most) {
        *ret = n;
        return;
    }
    if (most == INT64_MAX) snprintf(words, sizeof words, "a whole number of at least %lld", (long long)least);
    else snprintf(words, sizeof words, "a whole number from %lld to %lld", (long long)least, (long long)most);
    reader_expected(r, node, what, words);
}

void reader_flag(const struct reader *r, uint32_t node, const char *what, bool *ret) {
    if (node != JSON_NONE && !json_get_bool(&r->d->doc, node, ret)) reader_expected(r, node, what, "true or false");
}

void reader_texts(const struct reader *r, uint32_t node, const char *what, struct slice **ret, unsigned *ret_n) {
    const struct json_doc *d = &r->d->doc;
    uint32_t cursor = JSON_NONE, item;
    unsigned n = 0;
    bool list = json_type(d, node) == JSON_ARRAY;
    if (node == JSON_NONE) return;
    struct slice *texts = arena_new_array(r->arena, struct slice, list ? json_size(d, node) + 1 : 1);
    if (texts == NULL) return;
    if (!list) reader_text(r, node, what, &texts[n]);
    if (!list && texts[n].len > 0) n++;
    while (list && json_each_item(d, node, &cursor, &item)) {
        texts[n] = SLICE_NULL;
        reader_text(r, item, what, &texts[n]);
        if (texts[n].len > 0) n++;
    }
    *ret = texts;
    *ret_n = n;
}

/* ---- files ---- */

struct reader_file {
    struct slice path, text;
    struct reader_file *next;
};

struct slice reader_file_path(const struct reader *r, uint32_t node) {
    struct slice prefix = SLICE("file:"), text = json_string(&r->d->doc, node, r->arena);
    if (r->plain_texts || !slice_starts(text, prefix)) return SLICE_NULL;
    return slice_make(text.at + prefix.len, text.len - prefix.len);
}

struct slice reader_file(struct reader *r, uint32_t node, struct slice path) {
    struct error error = {.fault = FAULT_NONE};
    struct slice text = SLICE_NULL;
    for (struct reader_file *f = r->kept; f != NULL; f = f->next)
        if (slice_eq(f->path, path)) return f->text;
    if (r->files == NULL || r->files->read == NULL) {
        reader_problem(r, node, "file:" SLICE_FMT ": no file can be read here: put its text in its place, or declare `files: false`", SLICE_ARG(path));
        return SLICE_NULL;
    }
    if (path.len == 0 || r->files->read(r->files->ctx, path, r->arena, &text, &error) != FAULT_NONE) {
        reader_problem(r, node, "file:" SLICE_FMT ": %s", SLICE_ARG(path), path.len == 0 ? "expected the path of a file" : error.text);
        return SLICE_NULL;
    }
    struct reader_file *f = arena_new(r->arena, struct reader_file);
    if (!slice_is_utf8(text)) {
        reader_problem(r, node, "file:" SLICE_FMT ": expected UTF-8", SLICE_ARG(path));
        return SLICE_NULL;
    }
    if (f != NULL) *f = (struct reader_file){path, text, r->kept};
    if (f != NULL) r->kept = f;
    return text;
}

struct slice reader_file_text(struct reader *r, uint32_t node, const char *what, bool may_be_other) {
    struct slice path = reader_file_path(r, node), text;
    if (path.at != NULL) return reader_file(r, node, path);
    text = reader_scalar(r, node);
    if (text.at == NULL && !may_be_other) reader_expected(r, node, what, "a text");
    return text;
}

/* ---- one form ---- */

struct member {
    struct slice key;
    uint32_t value;
};

static int by_key(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    size_t n = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = n > 0 ? memcmp(x->key.at, y->key.at, n) : 0;
    if (order == 0) order = (x->key.len > y->key.len) - (x->key.len < y->key.len);
    return order != 0 ? order : (x->value > y->value) - (x->value < y->value);
}

static void write_text(struct slice text, struct buffer *out) {
    buffer_byte(out, '"');
    json_escape(out, text);
    buffer_byte(out, '"');
}

static void write_map(const struct json_doc *d, uint32_t node, unsigned depth, struct arena *arena, struct buffer *out) {
    uint32_t cursor = JSON_NONE, key, n = 0;
    struct member *members = arena_new_array(arena, struct member, json_size(d, node) + 1);
    if (members == NULL) {
        out->overflow = true;
        return;
    }
    while (json_each_member(d, node, &cursor, &key, &members[n].value)) members[n++].key = json_string(d, key, arena);
    if (depth > 0 && n > 1) qsort(members, n, sizeof *members, by_key);
    buffer_byte(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) buffer_byte(out, ',');
        write_text(members[i].key, out);
        buffer_byte(out, ':');
        reader_write(d, members[i].value, depth > 0 ? depth - 1 : 0, arena, out);
    }
    buffer_byte(out, '}');
}

void reader_write(const struct json_doc *d, uint32_t node, unsigned depth, struct arena *arena, struct buffer *out) {
    uint32_t cursor = JSON_NONE, item;
    bool first = true;
    switch (json_type(d, node)) {
    case JSON_OBJECT: write_map(d, node, depth, arena, out); break;
    case JSON_ARRAY:
        buffer_byte(out, '[');
        for (; json_each_item(d, node, &cursor, &item); first = false) {
            if (!first) buffer_byte(out, ',');
            reader_write(d, item, depth, arena, out);
        }
        buffer_byte(out, ']');
        break;
    case JSON_STRING: write_text(json_string(d, node, arena), out); break;
    case JSON_ABSENT: buffer_append(out, SLICE("null")); break;
    default: buffer_append(out, json_raw(d, node)); break;
    }
}
