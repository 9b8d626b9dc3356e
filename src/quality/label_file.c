#include "quality/label_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct reading {
    const struct declared *d;
    const char *file;
    struct arena *arena;
    struct problems *problems;
    struct label_set all;
    bool scale_known;
    int scale_line;
};

static void tell(struct reading *r, uint32_t node, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void tell(struct reading *r, uint32_t node, const char *format, ...) {
    va_list args;
    va_start(args, format);
    problems_add_list(r->problems, r->arena, r->file, declared_line(r->d, node), 0, format, args);
    va_end(args);
}

/* ---- one label ---- */

static const struct {
    const char *word;
    enum calibration_scale scale;
    uint8_t level;
} words[] = {
    {"true", CALIBRATION_PASS, 1}, {"false", CALIBRATION_PASS, 0}, {"pass", CALIBRATION_PASS, 1},    {"fail", CALIBRATION_PASS, 0},
    {"1", CALIBRATION_1_TO_5, 0},  {"2", CALIBRATION_1_TO_5, 1},   {"3", CALIBRATION_1_TO_5, 2},     {"4", CALIBRATION_1_TO_5, 3},
    {"5", CALIBRATION_1_TO_5, 4},  {"B", CALIBRATION_PAIR, 0},     {"tie", CALIBRATION_PAIR, 1},     {"A", CALIBRATION_PAIR, 2},
};

static void read_label(struct reading *r, uint32_t item, uint32_t node, struct label *l) {
    bool text = json_type(&r->d->doc, node) == JSON_STRING;
    struct slice said = text ? slice_trim(json_string(&r->d->doc, node, r->arena)) : json_raw(&r->d->doc, node);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!slice_is(said, words[i].word)) continue;
        l->level = words[i].level;
        if (!r->scale_known) {
            r->scale_known = true;
            r->all.scale = words[i].scale;
            r->scale_line = l->line;
        } else if (r->all.scale != words[i].scale) {
            tell(r, node, "`label`: expected all labels to be of one kind, found " SLICE_FMT " (of %s) and one of %s in line %d", SLICE_ARG(said),
                 calibration_scale_name(words[i].scale), calibration_scale_name(r->all.scale), r->scale_line);
        }
        return;
    }
    if (said.len > 60) said.len = 60;
    if (node == JSON_NONE) tell(r, item, "expected a `label`: true or false, 1 to 5, or A, B or tie");
    else tell(r, node, "`label`: expected true or false, 1 to 5, or A, B or tie, found " SLICE_FMT, SLICE_ARG(said));
}

/* A text, or a number or truth value as it is written; SLICE_NULL for null, absent and anything else. */
static struct slice scalar(struct reading *r, uint32_t node) {
    enum json_type t = json_type(&r->d->doc, node);
    if (t == JSON_STRING) return json_string(&r->d->doc, node, r->arena);
    return t == JSON_NUMBER || t == JSON_TRUE || t == JSON_FALSE ? json_raw(&r->d->doc, node) : SLICE_NULL;
}

static struct slice text_of(struct reading *r, uint32_t item, const char *member) {
    uint32_t node = json_get(&r->d->doc, item, member);
    if (node == JSON_NONE) node = json_get(&r->d->doc, json_get(&r->d->doc, item, "vars"), member);
    struct slice s = scalar(r, node);
    if (node != JSON_NONE && slice_is_null(s) && json_type(&r->d->doc, node) != JSON_NULL) tell(r, node, "`%s`: expected a text", member);
    return s;
}

static struct slice messages_of(struct reading *r, struct slice text) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, LIMIT_BODY_CEILING);
    json_start(&w, &out);
    json_array(&w);
    json_object(&w);
    json_member_text(&w, "role", "user");
    json_member_string(&w, "content", text);
    json_object_end(&w);
    json_array_end(&w);
    struct slice s = arena_slice(r->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return s;
}

static void read_input(struct reading *r, uint32_t item, struct label *l) {
    uint32_t node = json_get(&r->d->doc, item, "input");
    if (json_type(&r->d->doc, node) == JSON_ARRAY) {
        l->asked = json_raw(&r->d->doc, node);
    } else {
        struct slice text = text_of(r, item, "input");
        l->asked = slice_is_null(text) ? SLICE_NULL : messages_of(r, text);
    }
}

static bool is_own(const struct json_doc *d, uint32_t key) {
    static const char *const own[] = {"input", "output", "context", "expected", "label", "labeller", "vars"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (json_is(d, key, own[i])) return true;
    return false;
}

static void read_vars(struct reading *r, uint32_t node, struct template_var *vars, unsigned *n) {
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(&r->d->doc, node, &cursor, &key, &value)) {
        struct slice text = scalar(r, value);
        if (is_own(&r->d->doc, key) || slice_is_null(text)) continue;
        vars[(*n)++] = (struct template_var){json_string(&r->d->doc, key, r->arena), text};
    }
}

static uint64_t example_of(const struct label *l) {
    const struct slice parts[] = {l->asked, l->output, l->about.context, l->about.expected};
    struct digest both[2] = {{{0}}, {{0}}};
    uint64_t out = 0;
    for (size_t i = 0; i < 4 + 2 * (size_t)l->about.n_vars; i++) {
        const struct template_var *v = i < 4 ? NULL : &l->about.vars[(i - 4) / 2];
        digest_sha256(v == NULL ? parts[i] : i % 2 == 0 ? v->name : v->value, &both[1]);
        digest_sha256(slice_make((const char *)both, sizeof both), &both[0]);
    }
    for (int i = 0; i < 8; i++) out = out << 8 | both[0].bytes[i];
    return out;
}

static void read_item(struct reading *r, uint32_t item, struct label *l) {
    const struct json_doc *d = &r->d->doc;
    uint32_t given = json_get(d, item, "vars"), label = json_get(d, item, "label");
    l->line = declared_line(r->d, item);
    if (json_type(d, item) != JSON_OBJECT) {
        tell(r, item, "expected an object with `output` and `label`");
        return;
    }
    struct template_var *vars = arena_new_array(r->arena, struct template_var, json_size(d, item) + json_size(d, given) + 1);
    if (vars == NULL) return; /* the full arena is found at the end */
    l->people = 1;
    l->output = text_of(r, item, "output");
    l->about.context = text_of(r, item, "context");
    l->about.expected = text_of(r, item, "expected");
    read_input(r, item, l);
    read_vars(r, item, vars, &l->about.n_vars);
    read_vars(r, given, vars, &l->about.n_vars);
    l->about.vars = vars;
    if (slice_is_null(l->output)) tell(r, item, "expected an `output`: the answer that was labelled, as text");
    read_label(r, item, label != JSON_NONE ? label : json_get(d, given, "label"), l);
    l->example = example_of(l);
}

/* ---- several people ---- */

static int by_example(const void *a, const void *b) {
    const struct label *x = a, *y = b;
    if (x->example != y->example) return x->example < y->example ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static int by_line(const void *a, const void *b) {
    const struct label *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* More than half of them; false: they differ. */
static bool majority(const struct label *votes, size_t n, uint8_t *ret) {
    size_t count[CALIBRATION_LEVELS] = {0};
    for (size_t i = 0; i < n; i++) count[votes[i].level]++;
    for (uint8_t level = 0; level < CALIBRATION_LEVELS; level++)
        if (2 * count[level] > n) {
            *ret = level;
            return true;
        }
    return false;
}

static void settle(struct label_set *all) {
    size_t kept = 0;
    if (all->n > 0) qsort(all->items, all->n, sizeof *all->items, by_example);
    for (size_t from = 0, to; from < all->n; from = to) {
        uint8_t level = 0;
        for (to = from; to < all->n && all->items[to].example == all->items[from].example;) to++;
        if (!majority(&all->items[from], to - from, &level)) {
            all->contested++;
            continue;
        }
        all->items[kept] = all->items[from];
        all->items[kept].level = level;
        all->items[kept++].people = (unsigned)(to - from);
    }
    all->n = kept;
    if (kept > 0) qsort(all->items, kept, sizeof *all->items, by_line);
}

enum fault label_file_read_list(const struct declared *d, uint32_t list, const char *file, struct arena *arena, struct label_set *ret,
                            struct problems *problems) {
    struct reading r = {.d = d, .file = file, .arena = arena, .problems = problems};
    uint32_t cursor = JSON_NONE, item, n = json_size(&d->doc, list);
    unsigned before = problems->count;
    if (json_type(&d->doc, list) != JSON_ARRAY || n == 0) tell(&r, list, "expected labels, an object a line");
    else if (n > LIMIT_JUDGE_LABELS) tell(&r, list, "expected at most %d labels, found %u", LIMIT_JUDGE_LABELS, n);
    else r.all.items = arena_new_array(arena, struct label, n);
    while (r.all.items != NULL && json_each_item(&d->doc, list, &cursor, &item)) read_item(&r, item, &r.all.items[r.all.n++]);
    if (arena_is_full(arena)) tell(&r, list, "the labels do not fit into their memory");
    if (problems->count > before || problems->more) return FAULT_CONFIG;
    r.all.lines = r.all.n;
    settle(&r.all);
    *ret = r.all;
    return FAULT_NONE;
}

/* Lines as one array on the same lines, so that a node's line is the file's. */
static bool join_lines(struct slice text, const char *file, struct arena *arena, struct problems *problems, struct buffer *out) {
    struct slice line;
    struct error error;
    bool good = true, any = false;
    buffer_byte(out, '[');
    for (int at = 1; text.len > 0; at++) {
        slice_cut(text, '\n', &line, &text);
        line = slice_trim(line);
        struct json_doc d;
        if (line.len > 0 && json_read(line, arena, 0, &d, &error) != FAULT_NONE) {
            problems_add(problems, arena, file, at, 0, "expected a JSON object: %s", error.text);
            good = false;
        }
        if (line.len > 0 && any) buffer_byte(out, ',');
        any = any || line.len > 0;
        buffer_append(out, line);
        buffer_byte(out, '\n');
    }
    buffer_byte(out, ']');
    if (out->overflow) problems_add(problems, arena, file, 1, 0, "the labels do not fit into their memory");
    return good && !out->overflow;
}

enum fault label_file_read(struct slice text, const char *file, struct arena *arena, struct label_set *ret, struct problems *problems) {
    struct declared d;
    struct error error = {.fault = FAULT_NONE};
    struct buffer out;
    enum fault fault = FAULT_CONFIG;
    if (slice_starts(text, SLICE("\xEF\xBB\xBF"))) text = slice_make(text.at + 3, text.len - 3);
    bool list = slice_starts(slice_trim(text), SLICE("["));
    buffer_init(&out, 2 * (size_t)LIMIT_SUITE_FILE);
    struct slice own = SLICE_NULL;
    if (list) own = text;
    else if (join_lines(text, file, arena, problems, &out)) own = arena_slice(arena, buffer_slice(&out));
    if (!slice_is_null(own)) {
        fault = declared_from_json(own, arena, &d, &error);
        if (fault == FAULT_NONE) fault = label_file_read_list(&d, 0, file, arena, ret, problems);
        else problems_add(problems, arena, file, 1, 0, "%s", error.text);
    }
    buffer_deinit(&out);
    return fault == FAULT_NONE ? FAULT_NONE : FAULT_CONFIG;
}

/* ---- against a judge ---- */

bool label_passes(enum calibration_scale scale, uint8_t level, const struct judge *j, const struct check *c) {
    double cut = judge_cut(j, c);
    switch (scale) {
    case CALIBRATION_PASS: return level == 1;
    case CALIBRATION_1_TO_5: return (level / 4.0 >= (isnan(cut) ? 0.75 : cut)) != c->negated;
    case CALIBRATION_PAIR: return (level / 2.0 >= (isnan(cut) ? 0.5 : cut)) != c->negated;
    }
    return false;
}

uint8_t label_level(enum calibration_scale scale, const struct check *c, const struct check_outcome *o) {
    double score = c->negated ? 1 - o->score : o->score;
    if (scale == CALIBRATION_PASS) return o->verdict == CHECK_PASS;
    return (uint8_t)lround(score * (scale == CALIBRATION_1_TO_5 ? 4 : 2));
}

bool label_suits(enum calibration_scale scale, const struct judge *j, const struct check *c, struct error *error) {
    enum judge_form form = judge_form(j, c);
    if (scale == CALIBRATION_PASS) return true;
    if (scale == CALIBRATION_1_TO_5 && form == JUDGE_FORM_1_TO_5) return true;
    if (scale == CALIBRATION_PAIR && form == JUDGE_FORM_PAIRWISE) return true;
    error_set(error, FAULT_CONFIG, "the labels are of the scale %s, and the judge's verdicts are %s: expected labels of true or false%s",
              calibration_scale_name(scale), form == JUDGE_FORM_CLAIMS ? "of claims" : judge_scale_name(j->scale),
              form == JUDGE_FORM_1_TO_5 ? " or 1 to 5" : form == JUDGE_FORM_PAIRWISE ? " or A, B and tie" : "");
    return false;
}
