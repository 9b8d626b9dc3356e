#include "quality/case_file.h"

#include "base/csv.h"
#include "base/json.h"
#include "quality/case_row.h"

/* ---- what both kinds share ---- */

struct cases {
    const char *file;
    struct arena *arena;
    struct buffer *out;
    size_t start;        /* of the array in `out` */
    int line;            /* of the array on which `out` ends */
    unsigned n;
    struct problems *problems;
    unsigned bad;
    enum fault fault;    /* FAULT_TOO_LARGE ends it */
};

static void bad(struct cases *c, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void bad(struct cases *c, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    problems_add_list(c->problems, c->arena, c->file, line, 0, format, args);
    va_end(args);
    c->bad++;
}

/* One case, which stands on that line. */
static void put(struct cases *c, int line, struct slice json) {
    if (c->n == LIMIT_SUITE_CASES) {
        bad(c, line, "more than %d cases", LIMIT_SUITE_CASES);
        c->fault = FAULT_TOO_LARGE;
        return;
    }
    if (c->n++ > 0) buffer_byte(c->out, ',');
    for (; c->line < line; c->line++) buffer_byte(c->out, '\n');
    buffer_append(c->out, json);
}

/* ---- JSONL ---- */

static bool is_own(struct slice name) {
    static const char *const own[] = {"id", "input", "expected", "context", "tags", "weight", "threshold", "cluster", "checks", "vars"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (slice_is(name, own[i])) return true;
    return false;
}

static bool is_scalar(enum json_type t) {
    return t == JSON_STRING || t == JSON_NUMBER || t == JSON_TRUE || t == JSON_FALSE;
}

/* With members that are no case's own as variables. Lists and maps stay where they are: they may be a mistyped `checks`. */
static void write_case(const struct json_doc *d, uint32_t node, struct arena *arena, struct buffer *out) {
    struct json_writer w;
    uint32_t cursor = JSON_NONE, key, value;
    bool variables = json_get(d, node, "vars") == JSON_NONE;
    json_start(&w, out);
    json_object(&w);
    for (int pass = 0; pass < 2; pass++) {
        bool any = false;
        for (cursor = JSON_NONE; json_each_member(d, node, &cursor, &key, &value);) {
            struct slice name = json_string(d, key, arena);
            bool is_variable = variables && !is_own(name) && is_scalar(json_type(d, value));
            if (is_variable != (pass == 1)) continue;
            if (pass == 1 && !any) {
                json_key(&w, "vars");
                json_object(&w);
                any = true;
            }
            json_key_slice(&w, name);
            json_put_raw(&w, json_raw(d, value));
        }
        if (any) json_object_end(&w);
    }
    json_object_end(&w);
}

/* The text of a value of a document that spans lines, on one line: strings hold none. */
static void flatten(struct buffer *b) {
    for (size_t i = 0; i < b->len; i++)
        if (b->at[i] == '\n' || b->at[i] == '\r') b->at[i] = ' ';
}

static void put_object(struct cases *c, int line, const struct json_doc *d, uint32_t node, struct arena *arena) {
    struct buffer one;
    if (json_type(d, node) != JSON_OBJECT) {
        bad(c, line, "expected a case: an object");
        return;
    }
    buffer_init(&one, LIMIT_SUITE_FILE);
    write_case(d, node, arena, &one);
    flatten(&one);
    put(c, line, buffer_slice(&one));
    buffer_deinit(&one);
}

/* json_read counts lines in what it was given: one. */
static const char *in_line(const char *text) {
    return strncmp(text, "line 1, ", 8) == 0 ? text + 8 : text;
}

static void read_lines(struct cases *c, struct slice text) {
    struct arena arena;
    arena_init(&arena, 64 << 10, LIMIT_SUITE_FILE);
    struct slice line, rest = text;
    for (int n = 1; rest.len > 0 && c->fault == FAULT_NONE; n++) {
        struct json_doc d;
        struct error error = {.fault = FAULT_NONE};
        (void)slice_cut(rest, '\n', &line, &rest);
        line = slice_trim(line);
        if (line.len == 0) continue;
        arena_reset(&arena);
        if (json_read(line, &arena, UINT16_MAX, &d, &error) != FAULT_NONE) bad(c, n, "expected a case as JSON on one line: %s", in_line(error.text));
        else put_object(c, n, &d, 0, &arena);
    }
    arena_deinit(&arena);
}

static void read_array(struct cases *c, struct slice text) {
    struct arena arena;
    struct json_doc d;
    struct error error = {.fault = FAULT_NONE};
    uint32_t cursor = JSON_NONE, item;
    arena_init(&arena, 64 << 10, 4 * (size_t)LIMIT_SUITE_FILE);
    if (json_read(text, &arena, UINT16_MAX, &d, &error) != FAULT_NONE) {
        bad(c, 1, "expected a list of cases as JSON: %s", error.text);
    } else if (json_type(&d, 0) != JSON_ARRAY) {
        put_object(c, 1, &d, 0, &arena);
    } else {
        int line = 1;
        for (uint32_t at = 0; json_each_item(&d, 0, &cursor, &item) && c->fault == FAULT_NONE;) {
            for (; at < d.nodes[item].start; at++) line += text.at[at] == '\n';
            put_object(c, line, &d, item, &arena);
        }
    }
    arena_deinit(&arena);
}

/* ---- CSV ---- */

static void read_csv(struct cases *c, struct slice text) {
    struct csv csv;
    struct csv_row *header = arena_new(c->arena, struct csv_row), *row = arena_new(c->arena, struct csv_row);
    struct case_row r;
    struct error error = {.fault = FAULT_NONE};
    bool end = false;
    if (header == NULL || row == NULL) return;
    csv_init(&csv, text, c->arena);
    csv.separator = csv_separator(csv.rest);
    if (csv_next(&csv, header, &end, &error) != FAULT_NONE || end) {
        bad(c, csv.line > 0 ? (int)csv.line : 1, "%s", end ? "expected a first row that names the columns" : case_row_words(error.text));
        return;
    }
    case_row_init(&r, header, c->arena);
    case_row_check(&r, c->file, (int)csv.line, c->problems, &c->bad);
    struct buffer one;
    buffer_init(&one, LIMIT_CASE_TEXT * 2);
    while (c->fault == FAULT_NONE) {
        if (csv_next(&csv, row, &end, &error) != FAULT_NONE) {
            bad(c, (int)csv.line, "%s", case_row_words(error.text));
            csv_skip_line(&csv);
            continue;
        }
        if (end) break;
        buffer_clear(&one);
        unsigned before = c->bad;
        case_row_write(&r, row, c->file, (int)csv.line, &one, c->problems, &c->bad);
        if (c->bad == before && one.overflow) bad(c, (int)csv.line, "the case is larger than %u MiB", LIMIT_CASE_TEXT * 2 >> 20);
        if (c->bad == before && one.len > 0) put(c, (int)csv.line, buffer_slice(&one));
    }
    case_row_deinit(&r);
    buffer_deinit(&one);
}

/* ---- the file ---- */

static bool is_csv(struct slice text, struct slice file) {
    if (slice_ends(file, SLICE(".csv")) || slice_ends(file, SLICE(".tsv"))) return true;
    if (slice_ends(file, SLICE(".jsonl")) || slice_ends(file, SLICE(".ndjson")) || slice_ends(file, SLICE(".json"))) return false;
    return text.len > 0 && *text.at != '{' && *text.at != '[';
}

enum fault case_file_read(struct slice text, const char *file, struct arena *arena, struct buffer *ret_json,
                          struct problems *problems) {
    struct cases c = {.file = file, .arena = arena, .out = ret_json, .start = ret_json->len, .line = 1, .problems = problems};
    if (slice_starts(text, SLICE("\xEF\xBB\xBF"))) text = slice_make(text.at + 3, text.len - 3);
    struct slice begin = slice_trim(text);
    buffer_byte(ret_json, '[');
    if (!slice_is_utf8(text)) bad(&c, 1, "expected UTF-8");
    else if (is_csv(begin, slice_of(file))) read_csv(&c, text);
    else if ((begin.len > 0 && *begin.at == '[') || slice_ends(slice_of(file), SLICE(".json"))) read_array(&c, text);
    else read_lines(&c, text);
    buffer_byte(ret_json, ']');
    if (c.fault == FAULT_NONE && (ret_json->overflow || arena_is_full(arena))) {
        bad(&c, 1, "the file needs more memory than it may have");
        c.fault = FAULT_TOO_LARGE;
    }
    if (c.bad == 0) return FAULT_NONE;
    ret_json->len = c.start;
    return c.fault != FAULT_NONE ? c.fault : FAULT_CONFIG;
}
