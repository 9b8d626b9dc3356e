/* Labels from a file: JSON lines, or a table whose first row names the columns. */
#include "control/cli_judge.h"

#include "control/config_file.h"
#include "base/csv.h"

#include <stdio.h>

#define MOST_FILE LIMIT_SUITE_FILE

static void put_cell(struct json_writer *w, struct slice name, struct slice value) {
    if (value.len == 0 && !slice_is(name, "output")) return; /* an empty cell is no value */
    json_key_slice(w, name);
    json_put_string(w, value);
}

/* The table as a JSON array of objects of texts, each on the line of its row. */
static enum fault from_csv(struct slice text, struct arena *arena, struct buffer *out, struct error *error) {
    struct csv csv;
    struct csv_row *names = arena_new(arena, struct csv_row), *row = arena_new(arena, struct csv_row);
    bool end = false, first = true;
    size_t line = 1;
    if (names == NULL || row == NULL) return error_set(error, FAULT_TOO_LARGE, "the labels do not fit into their memory");
    csv_init(&csv, text, arena);
    enum fault fault = csv_next(&csv, names, &end, error);
    buffer_byte(out, '[');
    while (fault == FAULT_NONE && !end) {
        struct json_writer w;
        fault = csv_next(&csv, row, &end, error);
        if (fault != FAULT_NONE || end) break;
        if (row->n > names->n) return error_set(error, FAULT_BAD_REQUEST, "line %zu: expected %u columns, found %u", csv.line, names->n, row->n);
        if (!first) buffer_byte(out, ',');
        for (first = false; line < csv.line; line++) buffer_byte(out, '\n');
        json_start(&w, out);
        json_object(&w);
        for (unsigned i = 0; i < row->n; i++) put_cell(&w, names->fields[i], row->fields[i]);
        json_object_end(&w);
    }
    buffer_byte(out, ']');
    return fault == FAULT_NONE && out->overflow ? error_set(error, FAULT_TOO_LARGE, "the labels do not fit into their memory") : fault;
}

static int print_problems(const struct problems *problems) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(problems, &text);
    fprintf(stderr, SLICE_FMT, SLICE_ARG(buffer_slice(&text)));
    buffer_deinit(&text);
    return 2;
}

int cli_judge_labels(const char *path, struct arena *arena, struct label_set *ret) {
    struct problems problems = {.count = 0};
    struct error error = {.fault = FAULT_NONE};
    struct buffer text, json;
    int code = -1;
    buffer_init(&text, MOST_FILE);
    buffer_init(&json, 4 * (size_t)MOST_FILE);
    enum fault fault = config_file_load(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &error);
    struct slice own = fault == FAULT_NONE ? buffer_slice(&text) : SLICE_NULL;
    if (fault != FAULT_NONE) code = 3;
    if (fault == FAULT_NONE && (slice_ends(slice_of(path), SLICE(".csv")) || slice_ends(slice_of(path), SLICE(".CSV")))) {
        if (from_csv(own, arena, &json, &error) != FAULT_NONE) code = 2;
        own = buffer_slice(&json);
    }
    if (code >= 0) fprintf(stderr, "quarterdeck: %s%s%s\n", code == 2 ? path : "", code == 2 ? ": " : "", error.text);
    else if (label_file_read(arena_slice(arena, own), path, arena, ret, &problems) != FAULT_NONE) code = print_problems(&problems);
    buffer_deinit(&json);
    buffer_deinit(&text);
    return code;
}
