#include "quality/case_row.h"

#include "base/json.h"
#include "quality/import_assert.h"

#include <math.h>

static const struct {
    const char *name;
    enum case_column column;
} own[] = {
    {"id", COLUMN_ID},
    {"input", COLUMN_INPUT},
    {"expected", COLUMN_EXPECTED},
    {"context", COLUMN_CONTEXT},
    {"tags", COLUMN_TAGS},
    {"weight", COLUMN_WEIGHT},
    {"threshold", COLUMN_THRESHOLD},
    {"__threshold", COLUMN_THRESHOLD},
    {"__metric", COLUMN_METRIC},
    {"__description", COLUMN_DESCRIPTION},
    {"__prefix", COLUMN_PREFIX},
    {"__suffix", COLUMN_SUFFIX},
};

static bool is_digits(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9') return false;
    return true;
}

static struct slice from(struct slice s, const char *prefix) {
    return slice_make(s.at + strlen(prefix), s.len - strlen(prefix));
}

static bool is_check(struct slice name) {
    return slice_starts(name, SLICE("__expected")) && is_digits(from(name, "__expected"));
}

/* __config:__expected2:threshold */
static bool read_config(struct slice name, unsigned *ret_check) {
    struct slice which, what;
    uint64_t n = 1;
    if (!slice_starts(name, SLICE("__config:"))) return false;
    if (!slice_cut(from(name, "__config:"), ':', &which, &what) || !slice_is(what, "threshold") || !is_check(which)) return false;
    struct slice digits = from(which, "__expected");
    if (digits.len > 0 && (!slice_to_u64(digits, &n) || n == 0 || n > CSV_COLUMNS)) return false;
    *ret_check = (unsigned)n - 1;
    return true;
}

void case_row_init(struct case_row *r, const struct csv_row *header, struct arena *arena) {
    *r = (struct case_row){.arena = arena, .header = header};
    table_init(&r->ids);
    for (unsigned i = 0; i < header->n; i++) {
        struct slice name = slice_trim(header->fields[i]);
        enum case_column c = slice_starts(name, SLICE("__")) ? COLUMN_UNKNOWN : COLUMN_VARIABLE;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            if (slice_is(name, own[k].name)) c = own[k].column;
        r->columns[i].key = name;
        if (is_check(name)) c = COLUMN_CHECK;
        if (read_config(name, &r->columns[i].check)) c = COLUMN_CHECK_THRESHOLD;
        if (slice_starts(name, SLICE("__metadata:"))) {
            struct slice key = from(name, "__metadata:");
            bool list = slice_ends(key, SLICE("[]"));
            if (list) key.len -= 2;
            c = list ? COLUMN_METADATA_LIST : COLUMN_METADATA;
            r->columns[i].key = key;
        }
        r->columns[i].column = c;
    }
}

void case_row_deinit(struct case_row *r) {
    table_deinit(&r->ids);
}

const char *case_row_words(const char *text) {
    const char *colon = strncmp(text, "line ", 5) == 0 ? strstr(text, ": ") : NULL;
    return colon != NULL ? colon + 2 : text;
}

/* ---- the header ---- */

static const char *nearest(struct slice name) {
    static const char *const more[] = {"__expected", "__metadata:KEY"};
    const char *best = NULL;
    unsigned least = (unsigned)name.len / 3 + 1;
    for (size_t i = 0; i < sizeof own / sizeof *own + sizeof more / sizeof *more; i++) {
        size_t behind = i - sizeof own / sizeof *own;
        const char *known = i < sizeof own / sizeof *own ? own[i].name : more[behind];
        unsigned d = slice_distance(name, slice_of(known));
        if (d < least && slice_starts(slice_of(known), SLICE("_"))) {
            best = known;
            least = d;
        }
    }
    return best;
}

void case_row_check(const struct case_row *r, const char *file, int line, struct problems *problems, unsigned *bad) {
    for (unsigned i = 0; i < r->header->n; i++) {
        struct slice name = slice_trim(r->header->fields[i]);
        const char *near = nearest(name);
        unsigned before = 0;
        while (before < i && !slice_eq(slice_trim(r->header->fields[before]), name)) before++;
        bool broken = true;
        if (name.len == 0)
            problems_add(problems, r->arena, file, line, 0, "column %u has no name", i + 1);
        else if (before < i)
            problems_add(problems, r->arena, file, line, 0, "columns %u and %u are both named `%.*s`", before + 1, i + 1, (int)name.len, name.at);
        else if (slice_is(name, "__providerOutput"))
            problems_add(problems, r->arena, file, line, 0, "`__providerOutput` has no counterpart: a run asks the model");
        else if (r->columns[i].column == COLUMN_UNKNOWN)
            problems_add(problems, r->arena, file, line, 0, "unknown column `%.*s`%s%s%s", (int)name.len, name.at,
                         near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        else if (r->columns[i].column == COLUMN_VARIABLE && *name.at == '_' && near && slice_eq(from(slice_of(near), "_"), name))
            problems_add(problems, r->arena, file, line, 0, "unknown column `%.*s`; did you mean `%s`?", (int)name.len, name.at, near);
        else broken = false;
        *bad += broken;
    }
}

/* ---- a row ---- */

struct slice case_row_slug(struct slice text, struct arena *arena) {
    char out[64];
    size_t n = 0;
    for (size_t i = 0; i < text.len && n < sizeof out; i++) {
        char c = text.at[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c | 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out[n++] = c;
        else if (n > 0 && out[n - 1] != '-') out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-') n--;
    return arena_slice(arena, slice_make(out, n));
}

struct writing {
    struct case_row *r;
    const struct csv_row *row;
    const char *file;
    int line;
    struct json_writer w;
    struct problems *problems;
    unsigned *bad;
};

static struct slice cell(const struct writing *x, enum case_column c) {
    for (unsigned i = 0; i < x->row->n; i++)
        if (x->r->columns[i].column == c && slice_trim(x->row->fields[i]).len > 0) return x->row->fields[i];
    return SLICE_NULL;
}

static void put_text(struct writing *x, const char *key, enum case_column c) {
    struct slice text = cell(x, c);
    if (!slice_is_null(text)) json_member_string(&x->w, key, text);
}

static bool read_number(struct writing *x, unsigned column, double *ret) {
    struct slice text = slice_trim(x->row->fields[column]);
    if (slice_to_double(text, ret) && isfinite(*ret) && *ret >= 0) return true;
    if (text.len > 40) text.len = 40;
    while (!slice_is_utf8(text)) text.len--;
    problems_add(x->problems, x->r->arena, x->file, x->line, 0, "`" SLICE_FMT "`: expected a number of at least 0, found `" SLICE_FMT "`",
                 SLICE_ARG(x->r->columns[column].key), SLICE_ARG(text));
    ++*x->bad;
    return false;
}

static void put_number(struct writing *x, const char *key, enum case_column c) {
    double number;
    for (unsigned i = 0; i < x->row->n; i++)
        if (x->r->columns[i].column == c && slice_trim(x->row->fields[i]).len > 0) {
            if (read_number(x, i, &number)) json_member_double(&x->w, key, number);
            return;
        }
}

/* The id declared, or a description that no row before had. */
static void put_id(struct writing *x) {
    struct slice id = cell(x, COLUMN_ID), description = cell(x, COLUMN_DESCRIPTION), slug;
    if (id.at == NULL && description.at != NULL) {
        slug = id = case_row_slug(description, x->r->arena);
        for (int n = 2; id.len > 0 && table_get(&x->r->ids, id) != NULL; n++)
            id = arena_printf(x->r->arena, SLICE_FMT "-%d", SLICE_ARG(slug), n);
    }
    if (id.len == 0) return;
    table_put(&x->r->ids, id, x->r);
    json_member_string(&x->w, "id", id);
}

static void put_variables(struct writing *x) {
    bool any = false;
    for (unsigned i = 0; i < x->row->n; i++) {
        enum case_column c = x->r->columns[i].column;
        if (c != COLUMN_VARIABLE && c != COLUMN_PREFIX && c != COLUMN_SUFFIX) continue;
        if (!any) json_key(&x->w, "vars");
        if (!any) json_object(&x->w);
        any = true;
        json_key_slice(&x->w, x->r->columns[i].key);
        json_put_string(&x->w, x->row->fields[i]);
    }
    if (any) json_object_end(&x->w);
}

static void put_tag(struct writing *x, struct slice key, struct slice value, bool *any) {
    value = slice_trim(value);
    if (value.len == 0) return;
    if (!*any) json_key(&x->w, "tags");
    if (!*any) json_array(&x->w);
    *any = true;
    if (key.len > 0) value = arena_printf(x->r->arena, SLICE_FMT "=" SLICE_FMT, SLICE_ARG(key), SLICE_ARG(value));
    json_put_string(&x->w, value);
}

/* At commas; a comma behind a backslash is one. */
static void put_tag_list(struct writing *x, struct slice key, struct slice list, bool *any) {
    struct buffer one;
    buffer_init(&one, list.len + 1);
    for (size_t i = 0; i <= list.len; i++) {
        if (i < list.len && list.at[i] == '\\' && i + 1 < list.len && list.at[i + 1] == ',') buffer_byte(&one, list.at[++i]);
        else if (i < list.len && list.at[i] != ',') buffer_byte(&one, list.at[i]);
        else {
            put_tag(x, key, buffer_slice(&one), any);
            buffer_clear(&one);
        }
    }
    buffer_deinit(&one);
}

static void put_tags(struct writing *x) {
    bool any = false;
    for (unsigned i = 0; i < x->row->n; i++) {
        struct slice key = x->r->columns[i].key, value = x->row->fields[i];
        if (x->r->columns[i].column == COLUMN_TAGS) put_tag_list(x, SLICE_NULL, value, &any);
        if (x->r->columns[i].column == COLUMN_METADATA) put_tag(x, key, value, &any);
        if (x->r->columns[i].column == COLUMN_METADATA_LIST) put_tag_list(x, key, value, &any);
    }
    if (any) json_array_end(&x->w);
}

/* Of the n-th check that this row declares, as promptfoo counts them. */
static double check_threshold(struct writing *x, unsigned n) {
    double number = NAN;
    for (unsigned i = 0; i < x->row->n; i++)
        if (x->r->columns[i].column == COLUMN_CHECK_THRESHOLD && x->r->columns[i].check == n &&
            slice_trim(x->row->fields[i]).len > 0 && !read_number(x, i, &number))
            return NAN;
    return number;
}

static void put_checks(struct writing *x) {
    struct import m;
    unsigned n = 0;
    import_init(&m, x->r->arena);
    for (unsigned i = 0; i < x->row->n; i++) {
        struct slice text = slice_trim(x->row->fields[i]);
        if (x->r->columns[i].column != COLUMN_CHECK || text.len == 0) continue;
        if (n == 0) json_key(&x->w, "checks");
        if (n == 0) json_array(&x->w);
        import_assert_short(&m, text, cell(x, COLUMN_METRIC), check_threshold(x, n), x->file, x->line, x->r->columns[i].key, &x->w);
        n++;
    }
    if (n > 0) json_array_end(&x->w);
    for (const struct import_note *note = m.first; note != NULL; note = note->next)
        if (note->loss == IMPORT_LEFT_OUT) {
            problems_add(x->problems, x->r->arena, x->file, x->line, 0, "`" SLICE_FMT "`: " SLICE_FMT, SLICE_ARG(note->where),
                         SLICE_ARG(note->why));
            ++*x->bad;
        }
}

void case_row_write(struct case_row *r, const struct csv_row *row, const char *file, int line, struct buffer *out,
                    struct problems *problems, unsigned *bad) {
    struct writing x = {.r = r, .row = row, .file = file, .line = line, .problems = problems, .bad = bad};
    bool any = false;
    if (row->n != r->header->n) {
        problems_add(problems, r->arena, file, line, 0, "expected %u fields as in the first row, found %u", r->header->n, row->n);
        ++*bad;
        return;
    }
    for (unsigned i = 0; i < row->n; i++) any |= row->fields[i].len > 0;
    if (!any) return;
    json_start(&x.w, out);
    json_object(&x.w);
    put_id(&x);
    put_variables(&x);
    put_text(&x, "input", COLUMN_INPUT);
    put_text(&x, "expected", COLUMN_EXPECTED);
    put_text(&x, "context", COLUMN_CONTEXT);
    put_tags(&x);
    put_number(&x, "weight", COLUMN_WEIGHT);
    put_number(&x, "threshold", COLUMN_THRESHOLD);
    put_checks(&x);
    json_object_end(&x.w);
}
