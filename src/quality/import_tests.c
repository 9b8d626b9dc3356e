/* See import_private.h: where the tests of a promptfoo configuration come from. */
#include "base/csv.h"
#include "quality/case_row.h"
#include "quality/import_private.h"

#include <math.h>

static void add(struct promptfoo *p, const struct import_layer *data, const struct import_layer *test) {
    struct import_test *grown = import_grow(p->m, p->tests, p->n_tests, sizeof *p->tests), *t;
    if (grown == NULL || p->n_tests == LIMIT_SUITE_CASES) return;
    p->tests = grown;
    t = &p->tests[p->n_tests++];
    *t = (struct import_test){.n_layers = 0};
    if (p->defaults.node != JSON_NONE) t->layers[t->n_layers++] = p->defaults;
    if (data != NULL) t->layers[t->n_layers++] = *data;
    if (test != NULL) t->layers[t->n_layers++] = *test;
    for (unsigned i = 0; i < t->n_layers; i++) {
        const struct json_doc *d = &t->layers[i].d->doc;
        bool off = false;
        (void)json_get_bool(d, json_get(d, json_get(d, t->layers[i].node, "options"), "disableDefaultAsserts"), &off);
        p->defaults_in_cases = p->defaults_in_cases || off;
        p->per_target = p->per_target || json_get(d, t->layers[i].node, "providers") != JSON_NONE;
    }
}

/* ---- tables ---- */

struct table_reading {
    const struct csv_row *header, *row;
    struct arena *arena;
    struct json_writer w;
    int line;
};

static struct slice cell(const struct table_reading *r, const char *name) {
    for (unsigned i = 0; i < r->header->n && i < r->row->n; i++)
        if (slice_is(slice_trim(r->header->fields[i]), name)) return r->row->fields[i];
    return SLICE_NULL;
}

static void put_text(struct table_reading *r, const char *column, const char *key) {
    struct slice text = cell(r, column);
    if (text.len > 0) json_member_string(&r->w, key, text);
}

static double config_threshold(const struct table_reading *r, unsigned n) {
    double number = NAN;
    struct slice name = arena_printf(r->arena, "__config:__expected%u:threshold", n + 1), text = cell(r, arena_text(r->arena, name));
    if (n == 0 && text.at == NULL) text = cell(r, "__config:__expected:threshold");
    return text.len > 0 && slice_to_double(slice_trim(text), &number) ? number : NAN;
}

static void put_asserts(struct table_reading *r) {
    unsigned n = 0;
    json_key(&r->w, "assert");
    json_array(&r->w);
    for (unsigned i = 0; i < r->row->n && i < r->header->n; i++) {
        struct slice text = slice_trim(r->row->fields[i]);
        if (!slice_starts(slice_trim(r->header->fields[i]), SLICE("__expected")) || text.len == 0) continue;
        import_short_json(text, cell(r, "__metric"), config_threshold(r, n++), &r->w);
    }
    json_array_end(&r->w);
}

static void put_metadata(struct table_reading *r) {
    json_key(&r->w, "metadata");
    json_object(&r->w);
    for (unsigned i = 0; i < r->row->n && i < r->header->n; i++) {
        struct slice name = slice_trim(r->header->fields[i]), value = r->row->fields[i], one;
        if (!slice_starts(name, SLICE("__metadata:")) || slice_trim(value).len == 0) continue;
        name = slice_make(name.at + 11, name.len - 11);
        bool list = slice_ends(name, SLICE("[]"));
        if (list) name.len -= 2;
        json_key_slice(&r->w, name);
        if (list) json_array(&r->w);
        for (bool more = list; more;) {
            more = slice_cut(value, ',', &one, &value);
            if (slice_trim(one).len > 0) json_put_string(&r->w, slice_trim(one));
        }
        if (list) json_array_end(&r->w);
        else json_put_string(&r->w, value);
    }
    json_object_end(&r->w);
}

/* A row as the test that promptfoo makes of it. */
static void put_test(struct table_reading *r) {
    double threshold;
    json_object(&r->w);
    put_text(r, "__description", "description");
    put_text(r, "__providerOutput", "providerOutput");
    if (slice_to_double(slice_trim(cell(r, "__threshold")), &threshold) && isfinite(threshold)) json_member_double(&r->w, "threshold", threshold);
    json_key(&r->w, "vars");
    json_object(&r->w);
    for (unsigned i = 0; i < r->row->n && i < r->header->n; i++) {
        struct slice name = slice_trim(r->header->fields[i]);
        if (slice_starts(name, SLICE("__")) || name.len == 0) continue;
        json_key_slice(&r->w, name);
        json_put_string(&r->w, r->row->fields[i]);
    }
    json_object_end(&r->w);
    put_asserts(r);
    json_key(&r->w, "options");
    json_object(&r->w);
    put_text(r, "__prefix", "prefix");
    put_text(r, "__suffix", "suffix");
    json_object_end(&r->w);
    put_metadata(r);
    json_object_end(&r->w);
}

static void note_columns(struct promptfoo *p, const struct import_layer *at, const char *file, const struct csv_row *header) {
    static const char *const known[] = {"__prefix", "__suffix", "__description", "__providerOutput", "__metric", "__threshold"};
    for (unsigned i = 0; i < header->n; i++) {
        struct slice name = slice_trim(header->fields[i]);
        bool good = !slice_starts(name, SLICE("__")) || slice_starts(name, SLICE("__expected")) ||
                    slice_starts(name, SLICE("__metadata:")) || slice_starts(name, SLICE("__config:"));
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) good = good || slice_is(name, known[k]);
        if (!good || name.len == 0)
            import_note(p->m, IMPORT_LEFT_OUT, file, 1, at->where, "column %u, `" SLICE_FMT "`: %s", i + 1, SLICE_ARG(name),
                        name.len == 0 ? "it has no name" : "no such column is known");
    }
}

static bool read_rows(struct promptfoo *p, const struct import_layer *at, const char *file, struct slice text, struct buffer *out) {
    struct csv csv;
    struct error error = {.fault = FAULT_NONE};
    struct csv_row *header = arena_new(p->m->arena, struct csv_row), *row = arena_new(p->m->arena, struct csv_row);
    struct table_reading r = {.header = header, .row = row, .arena = p->m->arena};
    bool end = false;
    int line = 1;
    if (header == NULL || row == NULL) return false;
    csv_init(&csv, text, p->m->arena);
    csv.separator = csv_separator(csv.rest);
    if (csv_next(&csv, header, &end, &error) != FAULT_NONE || end) {
        import_note(p->m, IMPORT_LEFT_OUT, file, 1, at->where, "%s", end ? "the table is empty" : case_row_words(error.text));
        return false;
    }
    note_columns(p, at, file, header);
    json_start(&r.w, out);
    json_array(&r.w);
    while (!end) {
        bool bad = csv_next(&csv, row, &end, &error) != FAULT_NONE;
        if (end) break;
        if (bad || row->n != header->n) {
            import_note(p->m, IMPORT_LEFT_OUT, file, (int)csv.line, at->where, "the row: %s",
                        bad ? case_row_words(error.text) : "it has not as many fields as the first one");
            if (bad) csv_skip_line(&csv);
            continue;
        }
        for (; line < (int)csv.line; line++) buffer_byte(out, '\n');
        put_test(&r);
    }
    json_array_end(&r.w);
    return !out->overflow;
}

static void read_table(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name) {
    struct slice path, text;
    struct buffer json;
    uint32_t cursor = JSON_NONE, item;
    struct error error = {.fault = FAULT_NONE};
    struct declared *d = arena_new(p->m->arena, struct declared);
    if (d == NULL || !import_load(p, at, node, name, &path, &text)) return;
    const char *file = arena_text(p->m->arena, path);
    buffer_init(&json, LIMIT_SUITE_FILE);
    struct slice kept = file != NULL && read_rows(p, at, file, text, &json) ? arena_slice(p->m->arena, buffer_slice(&json)) : SLICE_NULL;
    buffer_deinit(&json);
    if (kept.at == NULL) return;
    if (declared_from_json(kept, p->m->arena, d, &error) != FAULT_NONE) {
        import_note(p->m, IMPORT_LEFT_OUT, file, 1, at->where, "%s", error.text);
        return;
    }
    for (unsigned i = 0; json_each_item(&d->doc, 0, &cursor, &item); i++) {
        struct import_layer test = {d, item, file, arena_printf(p->m->arena, "row %u", i + 1)};
        add(p, NULL, &test);
    }
}

/* ---- files and lists ---- */

static void read_list(struct promptfoo *p, const struct import_layer *at, uint32_t list, const struct import_layer *data, const char *what);

static void read_lines(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name) {
    struct slice path, text, line;
    if (!import_load(p, at, node, name, &path, &text)) return;
    const char *file = arena_text(p->m->arena, path);
    unsigned i = 0;
    int n = 0;
    for (bool more = file != NULL; more;) {
        struct declared *d = arena_new(p->m->arena, struct declared);
        struct error error = {.fault = FAULT_NONE};
        more = slice_cut(text, '\n', &line, &text);
        n++;
        if (d == NULL || slice_trim(line).len == 0) continue;
        if (declared_from_json(line, p->m->arena, d, &error) != FAULT_NONE) {
            import_note(p->m, IMPORT_LEFT_OUT, file, n, at->where, "the line is no JSON: %s", error.text);
            continue;
        }
        import_set_lines(p->m, d, n);
        struct import_layer test = {d, 0, file, arena_printf(p->m->arena, "line %u", ++i)};
        add(p, NULL, &test);
    }
}

static void read_path(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name) {
    struct slice ext = import_extension(name), path;
    struct declared *d;
    if (slice_starts(name, SLICE("http")) || slice_starts(name, SLICE("huggingface:")) || slice_starts(name, SLICE("az:"))) {
        import_left(p, at, node, "tests at `" SLICE_FMT "`: only files are read", SLICE_ARG(name));
    } else if (slice_is(ext, ".csv") || slice_is(ext, ".tsv")) {
        read_table(p, at, node, name);
    } else if (slice_is(ext, ".jsonl")) {
        read_lines(p, at, node, name);
    } else if (slice_is(ext, ".yaml") || slice_is(ext, ".yml") || slice_is(ext, ".json")) {
        if (!import_load_declared(p, at, node, name, &path, &d)) return;
        struct import_layer in = {d, 0, arena_text(p->m->arena, path), SLICE("tests")};
        if (json_type(&d->doc, 0) == JSON_ARRAY) read_list(p, &in, 0, NULL, "tests");
        else if (json_type(&d->doc, 0) == JSON_OBJECT) add(p, NULL, &in);
        else import_left(p, at, node, "tests at `" SLICE_FMT "`: expected a list of tests", SLICE_ARG(name));
    } else {
        import_left(p, at, node, "tests at `" SLICE_FMT "`: expected a .yaml, .json, .jsonl or .csv file; code is not run", SLICE_ARG(name));
    }
}

static void read_named(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name) {
    struct slice *names = NULL;
    unsigned n = 0;
    struct error error = {.fault = FAULT_NONE};
    if (!import_is_pattern(name) || slice_starts(name, SLICE("http"))) {
        read_path(p, at, node, name);
    } else if (p->m->files == NULL ||
               p->m->files->glob(p->m->files->source.ctx, import_behind_scheme(name), p->m->arena, &names, &n, &error) != FAULT_NONE || n == 0) {
        import_left(p, at, node, "no file matches `" SLICE_FMT "`", SLICE_ARG(name));
    } else {
        for (unsigned i = 0; i < n; i++) read_path(p, at, node, names[i]);
    }
}

static void read_list(struct promptfoo *p, const struct import_layer *at, uint32_t list, const struct import_layer *data, const char *what) {
    const struct json_doc *d = &at->d->doc;
    uint32_t cursor = JSON_NONE, item;
    for (unsigned i = 0; json_each_item(d, list, &cursor, &item); i++) {
        struct import_layer test = {at->d, item, at->file, arena_printf(p->m->arena, "%s[%u]", what, i)};
        if (json_type(d, item) == JSON_STRING) read_named(p, &test, item, json_string(d, item, p->m->arena));
        else if (json_type(d, item) != JSON_OBJECT) import_left(p, &test, item, "a test: expected a map");
        else if (json_get(d, item, "path") != JSON_NONE && json_get(d, item, "vars") == JSON_NONE)
            read_named(p, &test, item, json_string(d, json_get(d, item, "path"), p->m->arena));
        else add(p, data, &test);
    }
}

/* Each row of `config` with each of its tests. */
static void read_scenarios(struct promptfoo *p, const struct import_layer *at, uint32_t list) {
    const struct json_doc *d = &at->d->doc;
    uint32_t cursor = JSON_NONE, item;
    for (unsigned i = 0; json_each_item(d, list, &cursor, &item); i++) {
        struct import_layer here = {at->d, item, at->file, arena_printf(p->m->arena, "scenarios[%u]", i)};
        uint32_t config = json_get(d, item, "config"), tests = json_get(d, item, "tests"), at_row = JSON_NONE, row;
        struct slice path, name = json_string(d, item, p->m->arena);
        struct declared *file;
        if (name.at != NULL) {
            if (!import_load_declared(p, &here, item, name, &path, &file)) continue;
            struct import_layer in = {file, 0, arena_text(p->m->arena, path), here.where};
            read_scenarios(p, &in, 0);
            continue;
        }
        if (json_type(d, config) != JSON_ARRAY || (tests != JSON_NONE && json_type(d, tests) != JSON_ARRAY)) {
            import_left(p, &here, item, "a scenario: expected `config` and `tests` as lists");
            continue;
        }
        for (unsigned k = 0; json_each_item(d, config, &at_row, &row); k++) {
            struct import_layer data = {at->d, row, at->file, arena_printf(p->m->arena, SLICE_FMT ".config[%u]", SLICE_ARG(here.where), k)};
            if (json_type(d, row) != JSON_OBJECT) import_left(p, &data, row, "expected a map");
            else if (tests == JSON_NONE) add(p, &data, NULL);
            else read_list(p, &here, tests, &data, arena_text(p->m->arena, arena_printf(p->m->arena, SLICE_FMT ".tests", SLICE_ARG(here.where))));
        }
    }
}

static void read_defaults(struct promptfoo *p) {
    const struct json_doc *d = &p->root.doc;
    uint32_t node = json_get(d, 0, "defaultTest");
    struct slice name = json_string(d, node, p->m->arena), path;
    struct declared *file;
    p->defaults = (struct import_layer){&p->root, JSON_NONE, p->file, SLICE("defaultTest")};
    if (name.at != NULL) {
        if (!import_load_declared(p, &p->defaults, node, name, &path, &file)) return;
        p->defaults = (struct import_layer){file, 0, arena_text(p->m->arena, path), SLICE("defaultTest")};
    } else if (json_type(d, node) == JSON_OBJECT) {
        p->defaults.node = node;
    }
}

void import_read_tests(struct promptfoo *p) {
    const struct json_doc *d = &p->root.doc;
    uint32_t tests = json_get(d, 0, "tests"), scenarios = json_get(d, 0, "scenarios");
    struct import_layer at = {&p->root, tests, p->file, SLICE("tests")};
    read_defaults(p);
    if (json_type(d, tests) == JSON_STRING) read_named(p, &at, tests, json_string(d, tests, p->m->arena));
    else if (json_type(d, tests) == JSON_OBJECT) read_named(p, &at, tests, json_string(d, json_get(d, tests, "path"), p->m->arena));
    else read_list(p, &at, tests, NULL, "tests");
    at.node = scenarios;
    if (json_type(d, scenarios) == JSON_ARRAY) read_scenarios(p, &at, scenarios);
    if (p->n_tests == 0 && tests == JSON_NONE && scenarios == JSON_NONE) add(p, NULL, NULL); /* each prompt as it is */
}
