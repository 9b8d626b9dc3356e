/* Cases and checks, from the suite itself and from files. */
#include "quality/suite_reading.h"

#include "quality/case_file.h"

#include <math.h>

enum {
    KEY_ID, KEY_VARS, KEY_INPUT, KEY_EXPECTED, KEY_CONTEXT, KEY_TAGS, KEY_WEIGHT, KEY_THRESHOLD, KEY_CLUSTER, KEY_CHECKS, KEY_COUNT
};
static const char *const keys[] = {"id", "vars", "input", "expected", "context", "tags", "weight", "threshold", "cluster", "checks", NULL};

/* ---- checks ---- */

/* A check by a judge that names none is of the only one that is declared. */
static void find_judge(struct suite_reading *g, struct reader *r, uint32_t node, struct check *c) {
    const struct suite *s = g->s;
    if (c->judge.at == NULL && s->n_judges == 1) c->judge = s->judges[0].name;
    if (c->judge.at == NULL) {
        reader_problem(r, node, "%s: expected a `judge`, %s", check_kinds[c->type].name,
                       s->n_judges == 0 ? "since the suite declares none" : "since the suite declares several");
        return;
    }
    const struct judge *j = suite_judge(s, c); /* not declared here: perhaps in the registry */
    if (c->type == CHECK_TYPE_JUDGE && c->rubric.at == NULL && j != NULL && j->rubric.at == NULL)
        reader_problem(r, node, "judge: expected a `rubric`, here or at the judge `" SLICE_FMT "`", SLICE_ARG(j->name));
}

/* A check whose code is in a file, with that code in its place, so that what is run is what the version names. False: it cannot be
 * read, which is told. *ret as it is: there is no such file. */
static bool put_code_in(struct suite_reading *g, struct reader *r, uint32_t node, const struct declared **ret) {
    const struct json_doc *d = &r->d->doc;
    uint32_t type = json_get(d, node, "type"), value = json_get(d, node, "value"), cursor = JSON_NONE, key, member;
    struct slice path = reader_file_path(r, value);
    bool code = json_is(d, type, "javascript") || json_is(d, type, "python") || json_is(d, type, "not-javascript") || json_is(d, type, "not-python");
    if (!code || path.at == NULL) return true;
    struct slice text = reader_file(r, value, path);
    struct declared *own = arena_new(g->arena, struct declared);
    struct json_writer w;
    struct buffer out;
    if (text.at == NULL || own == NULL) return false;
    buffer_init(&out, LIMIT_SUITE_FILE);
    json_start(&w, &out);
    json_object(&w);
    while (json_each_member(d, node, &cursor, &key, &member)) {
        json_key_slice(&w, json_string(d, key, g->arena));
        if (member == value) json_put_string(&w, text);
        else json_put_raw(&w, json_raw(d, member));
    }
    json_object_end(&w);
    struct slice whole = out.overflow ? SLICE_NULL : arena_slice(g->arena, buffer_slice(&out));
    buffer_deinit(&out);
    bool good = whole.at != NULL && declared_from_json(whole, g->arena, own, NULL) == FAULT_NONE;
    if (good) *ret = own;
    else reader_problem(r, value, "file:" SLICE_FMT ": the check does not fit into its memory", SLICE_ARG(path));
    return good;
}

static bool read_check(struct suite_reading *g, struct reader *r, uint32_t node, struct check *c, struct buffer *out) {
    struct error error = {.fault = FAULT_NONE};
    const struct declared *d = r->d;
    int line = 0, at = declared_line(r->d, node);
    if (!put_code_in(g, r, node, &d)) return false;
    if (d != r->d) node = 0;
    if (check_read(d, node, g->arena, c, &line, &error) != FAULT_NONE) {
        problems_add(r->problems, g->arena, r->file, d != r->d ? at : line, 0, "%s", error.text);
        return false;
    }
    c->line = at;
    if (check_by(c) == CHECK_BY_JUDGE) find_judge(g, r, node, c);
    if (out->len > 0) buffer_byte(out, ',');
    reader_write(&d->doc, node, READER_ALL_SORTED, &g->scratch, out);
    return true;
}

void suite_read_checks(struct suite_reading *g, struct reader *r, uint32_t node, struct check **ret, unsigned *ret_n, struct buffer *out) {
    uint32_t cursor = JSON_NONE, item, n = json_size(&r->d->doc, node);
    if (node == JSON_NONE || json_type(&r->d->doc, node) == JSON_NULL) return;
    if (json_type(&r->d->doc, node) != JSON_ARRAY) {
        reader_expected(r, node, "checks", "a list of checks");
        return;
    }
    if (n > LIMIT_SUITE_CHECKS - g->s->n_checks) {
        reader_problem(r, node, "checks: expected at most %d of one case, the suite's included, found %u", LIMIT_SUITE_CHECKS, n + g->s->n_checks);
        return;
    }
    *ret = arena_new_array(g->arena, struct check, n + 1);
    while (*ret != NULL && json_each_item(&r->d->doc, node, &cursor, &item)) {
        if (read_check(g, r, item, &(*ret)[*ret_n], out)) (*ret_n)++;
    }
}

/* ---- the parts of a case ---- */

/* Any value as a text: a list or map as its JSON. */
static struct slice text_of(struct reader *r, uint32_t node, const char *what) {
    enum json_type type = json_type(&r->d->doc, node);
    if (type == JSON_NULL) return SLICE("");
    if (type != JSON_ARRAY && type != JSON_OBJECT) return reader_file_text(r, node, what, false);
    struct buffer out;
    buffer_init(&out, LIMIT_CASE_TEXT);
    reader_write(&r->d->doc, node, 0, r->arena, &out);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(r->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static void read_vars(struct reader *r, uint32_t node, bool has_input, struct template_var **ret, unsigned *ret_n) {
    uint32_t cursor = JSON_NONE, key, value;
    const struct json_doc *d = &r->d->doc;
    if (node != JSON_NONE && json_type(d, node) != JSON_OBJECT) {
        reader_expected(r, node, "vars", "a map");
        return;
    }
    if (node != JSON_NONE && json_size(d, node) > LIMIT_CASE_VARS) {
        reader_problem(r, node, "vars: expected at most %d, found %u", LIMIT_CASE_VARS, json_size(d, node));
        return;
    }
    struct template_var *vars = arena_new_array(r->arena, struct template_var, json_size(d, node) + 1); /* `input` too */
    unsigned n = 0;
    while (node != JSON_NONE && vars != NULL && json_each_member(d, node, &cursor, &key, &value)) {
        struct slice name = json_string(d, key, r->arena), text = text_of(r, value, "vars");
        for (unsigned i = 0; i < n; i++)
            if (slice_eq(vars[i].name, name)) reader_problem(r, key, "vars: `" SLICE_FMT "` is declared twice", SLICE_ARG(name));
        if (has_input && slice_is(name, "input")) reader_problem(r, key, "vars: `input` is the case's own `input`: expected one of them");
        if (text.at != NULL) vars[n++] = (struct template_var){name, text};
    }
    *ret = vars;
    *ret_n = n;
}

/* A text, or the messages of a conversation. */
static void read_input(struct reader *r, uint32_t node, struct suite_case *c) {
    uint32_t cursor = JSON_NONE, item;
    const struct json_doc *d = &r->d->doc;
    if (node == JSON_NONE) return;
    if (json_type(d, node) != JSON_ARRAY) {
        c->input = reader_file_text(r, node, "input", false);
        return;
    }
    if (json_size(d, node) == 0) reader_problem(r, node, "input: expected at least one message");
    while (json_each_item(d, node, &cursor, &item))
        if (json_type(d, json_get(d, item, "role")) != JSON_STRING) reader_expected(r, item, "input", "a message with a `role`");
    struct slice list = text_of(r, node, "input");
    if (list.len < 2) return;
    c->input = slice_make(list.at + 1, list.len - 2);
    c->input_is_messages = true;
}

/* One text, or pieces that are put together with an empty line between. */
static struct slice read_context(struct reader *r, uint32_t node) {
    uint32_t cursor = JSON_NONE, item;
    struct buffer out;
    if (json_type(&r->d->doc, node) != JSON_ARRAY) return text_of(r, node, "context");
    buffer_init(&out, LIMIT_CASE_TEXT);
    while (json_each_item(&r->d->doc, node, &cursor, &item)) {
        if (out.len > 0) buffer_append(&out, SLICE("\n\n"));
        buffer_append(&out, text_of(r, item, "context"));
    }
    struct slice text = arena_slice(r->arena, slice_make(buffer_text(&out), out.len));
    if (out.overflow) reader_problem(r, node, "context: expected at most %u MiB", LIMIT_CASE_TEXT >> 20);
    buffer_deinit(&out);
    return text;
}

static void read_id(struct suite_reading *g, struct reader *r, uint32_t node, uint32_t at, struct suite_case *c) {
    reader_text(r, at, "id", &c->id);
    if (c->id.at == NULL) c->id = arena_printf(g->arena, "case-%u", g->s->n_cases + 1);
    for (size_t i = 0; i < c->id.len; i++)
        if ((unsigned char)c->id.at[i] < ' ' || c->id.len > LIMIT_LABEL) {
            reader_problem(r, node, "id: expected at most %d bytes without control characters", LIMIT_LABEL);
            return;
        }
    void *before = table_put(&g->ids, c->id, (void *)(intptr_t)c->line);
    if (before != NULL)
        reader_problem(r, node, "id: `" SLICE_FMT "` is already the case at line %d", SLICE_ARG(c->id), (int)(intptr_t)before);
}

static size_t size_of(const struct suite_case *c) {
    size_t n = c->input.len + c->about.expected.len + c->about.context.len;
    for (unsigned i = 0; i < c->about.n_vars; i++) n += c->about.vars[i].value.len;
    return n;
}

/* ---- the canonical form of a case ---- */

static void write_text(struct suite_reading *g, struct json_writer *w, const char *key, struct slice text) {
    if (text.at == NULL) return;
    json_member_string(w, key, text);
    g->names_files = g->names_files || slice_starts(text, SLICE("file:"));
}

static int by_name(const struct template_var *a, const struct template_var *b) {
    size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = n > 0 ? memcmp(a->name.at, b->name.at, n) : 0;
    return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static void write_vars(struct suite_reading *g, struct json_writer *w, const struct check_case *k) {
    const struct template_var *last = NULL;
    json_key(w, "vars");
    json_object(w);
    for (unsigned i = 0; i < k->n_vars; i++) { /* few: the next by name each time */
        const struct template_var *next = NULL;
        for (unsigned j = 0; j < k->n_vars; j++)
            if ((last == NULL || by_name(&k->vars[j], last) > 0) && (next == NULL || by_name(&k->vars[j], next) < 0)) next = &k->vars[j];
        if (next == NULL) break;
        json_key_slice(w, next->name);
        json_put_string(w, next->value);
        g->names_files = g->names_files || slice_starts(next->value, SLICE("file:"));
        last = next;
    }
    json_object_end(w);
}

static void write_case(struct suite_reading *g, const struct suite_case *c, struct slice checks) {
    struct json_writer w;
    if (g->cases.len > 0) buffer_byte(&g->cases, ',');
    json_start(&w, &g->cases);
    json_object(&w);
    json_member_string(&w, "id", c->id);
    if (c->about.n_vars > 0) write_vars(g, &w, &c->about);
    if (c->input_is_messages) {
        json_key(&w, "input");
        json_array(&w);
        json_put_raw(&w, c->input);
        json_array_end(&w);
    } else {
        write_text(g, &w, "input", c->input);
    }
    write_text(g, &w, "expected", c->about.expected);
    write_text(g, &w, "context", c->about.context);
    if (c->n_tags > 0) {
        json_key(&w, "tags");
        json_array(&w);
        for (unsigned i = 0; i < c->n_tags; i++) json_put_string(&w, c->tags[i]);
        json_array_end(&w);
    }
    if (c->weight != 1) json_member_double(&w, "weight", c->weight);
    if (!isnan(c->threshold)) json_member_double(&w, "threshold", c->threshold);
    if (c->cluster.at != NULL) json_member_string(&w, "cluster", c->cluster);
    if (checks.len > 0) {
        json_key(&w, "checks");
        json_array(&w);
        json_put_raw(&w, checks);
        json_array_end(&w);
    }
    json_object_end(&w);
}

/* ---- a case ---- */

static void read_numbers(struct reader *r, const uint32_t *at, struct suite_case *c) {
    c->weight = 1;
    c->threshold = NAN;
    reader_number(r, at[KEY_WEIGHT], "weight", 0, 1e9, &c->weight);
    if (c->weight == 0) reader_expected(r, at[KEY_WEIGHT], "weight", "a number above 0");
    reader_number(r, at[KEY_THRESHOLD], "threshold", 0, 1, &c->threshold);
}

/* Also of a case with problems a place is taken, so that those behind it keep their numbers. */
static void read_case(struct suite_reading *g, struct reader *r, uint32_t node) {
    uint32_t at[KEY_COUNT];
    struct suite_case *c = &g->s->cases[g->s->n_cases];
    struct buffer checks;
    unsigned before = r->problems->count;
    c->line = declared_line(r->d, node);
    if (!reader_map(r, node, "case", keys, at)) {
        g->s->n_cases++;
        return;
    }
    read_id(g, r, node, at[KEY_ID], c);
    read_input(r, at[KEY_INPUT], c);
    struct template_var *vars = NULL;
    unsigned n_vars = 0;
    read_vars(r, at[KEY_VARS], c->input.at != NULL && !c->input_is_messages, &vars, &n_vars);
    c->about.vars = vars;
    c->about.n_vars = n_vars;
    if (at[KEY_EXPECTED] != JSON_NONE) c->about.expected = text_of(r, at[KEY_EXPECTED], "expected");
    if (at[KEY_CONTEXT] != JSON_NONE) c->about.context = read_context(r, at[KEY_CONTEXT]);
    reader_texts(r, at[KEY_TAGS], "tags", &c->tags, &c->n_tags);
    reader_text(r, at[KEY_CLUSTER], "cluster", &c->cluster);
    read_numbers(r, at, c);
    if (size_of(c) > LIMIT_CASE_TEXT) reader_problem(r, node, "case: expected at most %u MiB of text, found %zu bytes", LIMIT_CASE_TEXT >> 20, size_of(c));
    buffer_init(&checks, LIMIT_SUITE_FILE);
    suite_read_checks(g, r, at[KEY_CHECKS], &c->checks, &c->n_checks, &checks);
    write_case(g, c, buffer_slice(&checks));
    buffer_deinit(&checks);
    if (vars != NULL && c->input.at != NULL && !c->input_is_messages) /* a variable of that name, for checks and prompts */
        vars[c->about.n_vars++] = (struct template_var){SLICE("input"), c->input};
    if (r->problems->count == before && !r->problems->more) suite_check_case(g, r, c);
    arena_reset(&g->scratch);
    g->s->n_cases++;
}

static bool make_room(struct suite_reading *g, struct reader *r, uint32_t node, uint32_t more) {
    struct suite *s = g->s;
    uint64_t want = (uint64_t)s->n_cases + more;
    if (want > LIMIT_SUITE_CASES) {
        reader_problem(r, node, "cases: expected at most %d", LIMIT_SUITE_CASES);
        return false;
    }
    if (want <= g->room) return true;
    struct suite_case *all = arena_new_array(g->arena, struct suite_case, want);
    if (all == NULL) return false;
    if (s->n_cases > 0) memcpy(all, s->cases, s->n_cases * sizeof *all);
    s->cases = all;
    g->room = (unsigned)want;
    return true;
}

/* ---- files of cases ---- */

static void read_list(struct suite_reading *g, struct reader *r, uint32_t node);

/* Data files: no text in them names a file. */
static bool open_data(struct reader *inner, struct slice text, struct declared *d) {
    struct buffer json;
    buffer_init(&json, LIMIT_SUITE_FILE);
    enum fault f = case_file_read(text, inner->file, inner->arena, &json, inner->problems);
    if (f == FAULT_NONE) f = reader_open(inner, buffer_slice(&json), d); /* on the lines of the file */
    buffer_deinit(&json);
    inner->plain_texts = true;
    return f == FAULT_NONE;
}

/* JSON is a declaration, as YAML is. */
static bool is_data(struct slice path) {
    static const char *const ends[] = {".jsonl", ".ndjson", ".csv", ".tsv"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (slice_ends(path, slice_of(ends[i]))) return true;
    return false;
}

static void read_file(struct suite_reading *g, struct reader *r, uint32_t node, struct slice path) {
    struct reader inner = {.file = arena_text(g->arena, path), .arena = g->arena, .problems = r->problems};
    struct declared *d = arena_new(g->arena, struct declared);
    struct suite_folder folder;
    struct file_source files;
    bool data = is_data(path);
    bool declared = slice_ends(path, SLICE(".yaml")) || slice_ends(path, SLICE(".yml")) || slice_ends(path, SLICE(".json"));
    if (!data && !declared) {
        reader_problem(r, node, "cases: expected a file of cases that ends in .jsonl, .csv, .yaml or .json, found " SLICE_FMT, SLICE_ARG(path));
        return;
    }
    if (g->depth == LIMIT_CASE_FILES) {
        reader_problem(r, node, "cases: expected at most %d files that name each other; does one name itself?", LIMIT_CASE_FILES);
        return;
    }
    struct slice text = reader_file(r, node, path);
    if (text.at == NULL || d == NULL || inner.file == NULL) return;
    suite_folder_of(path, r->files, &folder, &files);
    inner.files = &files;
    g->depth++;
    if (data ? open_data(&inner, text, d) : reader_open(&inner, text, d) == FAULT_NONE) {
        if (json_type(&d->doc, 0) != JSON_ARRAY) reader_expected(&inner, 0, "cases", "a list of cases");
        else read_list(g, &inner, 0);
    }
    g->depth--;
}

static void read_list(struct suite_reading *g, struct reader *r, uint32_t node) {
    uint32_t cursor = JSON_NONE, item;
    if (!make_room(g, r, node, json_size(&r->d->doc, node))) return;
    while (json_each_item(&r->d->doc, node, &cursor, &item)) {
        struct slice path = reader_file_path(r, item);
        if (path.at == NULL) {
            if (make_room(g, r, item, 1)) read_case(g, r, item);
        } else {
            read_file(g, r, item, path);
        }
        if (r->problems->more) return;
    }
}

void suite_read_cases(struct suite_reading *g, struct reader *r, uint32_t node) {
    struct slice path = reader_file_path(r, node);
    if (node == JSON_NONE) return;
    if (path.at != NULL) read_file(g, r, node, path);
    else if (json_type(&r->d->doc, node) == JSON_ARRAY) read_list(g, r, node);
    else reader_expected(r, node, "cases", "a list of cases, or \"file:cases.jsonl\"");
    if (g->s->n_cases == 0 && !suite_reading_failed(g, r->problems)) reader_problem(r, node, "cases: expected at least one");
}
