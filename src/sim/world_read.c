/* world_read.c - traffic.yaml and acts.yaml. */
#include "sim/world_private.h"

#include "base/csv.h"
#include "base/json.h"
#include "sim/act.h"

#define TEXT_MOST (1u << 20)

/* ---- what is expected ---- */

struct reading {
    struct world *w;
    const char *file;
    struct error *error;
};

static enum fault expected(struct reading *r, const struct yaml_node *n, const char *what) {
    return error_set(r->error, FAULT_CONFIG, "%s:%d: " SLICE_FMT ": expected %s", r->file, n->line, SLICE_ARG(n->key), what);
}

static enum fault full(struct reading *r) { return error_set(r->error, FAULT_TOO_LARGE, "%s: no memory is left for it", r->file); }

static enum fault text_of(struct reading *r, const struct yaml_node *n, void *ret) {
    if (n->type != YAML_SCALAR) return expected(r, n, "text");
    *(struct slice *)ret = n->text;
    return FAULT_NONE;
}

static enum fault number_of(struct reading *r, const struct yaml_node *n, void *ret) {
    double x;
    if (n->type != YAML_SCALAR || !slice_to_double(n->text, &x) || !(x >= 0) || x > 1e9) return expected(r, n, "a number from 0");
    *(double *)ret = x;
    return FAULT_NONE;
}

static enum fault share_of(struct reading *r, const struct yaml_node *n, void *ret) {
    enum fault f = number_of(r, n, ret);
    return f == FAULT_NONE && *(double *)ret > 1 ? expected(r, n, "a share from 0 to 1") : f;
}

static enum fault count_of(struct reading *r, const struct yaml_node *n, void *ret) {
    uint64_t x;
    if (n->type != YAML_SCALAR || !slice_to_u64(n->text, &x) || x > 1000000) return expected(r, n, "a whole number up to 1,000,000");
    *(int64_t *)ret = (int64_t)x;
    return FAULT_NONE;
}

static enum fault moment_of(struct reading *r, const struct yaml_node *n, void *ret) {
    if (n->type == YAML_SCALAR && world_moment(r->w->o, n->text, ret)) return FAULT_NONE;
    return expected(r, n, "a moment such as \"9 11:40\" or \"9w 11:40\"");
}

static enum fault duration_of(struct reading *r, const struct yaml_node *n, void *ret) {
    int64_t us;
    if (n->type != YAML_SCALAR || !act_duration(n->text, &us) || us > 40 * WORLD_DAY_US) return expected(r, n, "a duration such as 30s or 2h");
    *(int64_t *)ret = us;
    return FAULT_NONE;
}

static enum fault map_of(struct reading *r, const struct yaml_node *n, void *ret) {
    if (n->type != YAML_MAP) return expected(r, n, "a map");
    *(const struct yaml_node **)ret = n;
    return FAULT_NONE;
}

static enum fault numbers_of(struct reading *r, const struct yaml_node *n, double *ret, unsigned count) {
    unsigned i = 0;
    if (n->type != YAML_LIST || n->count != count) return expected(r, n, count == 24 ? "24 numbers" : "7 numbers");
    for (const struct yaml_node *c = n->first; c != NULL; c = c->next, i++) {
        enum fault f = number_of(r, c, &ret[i]);
        if (f != FAULT_NONE) return expected(r, n, "numbers from 0");
    }
    return FAULT_NONE;
}

static enum fault hours_of(struct reading *r, const struct yaml_node *n, void *ret) { return numbers_of(r, n, ret, 24); }
static enum fault weekdays_of(struct reading *r, const struct yaml_node *n, void *ret) { return numbers_of(r, n, ret, 7); }

static enum fault file_of(struct reading *r, const struct yaml_node *n, void *ret) {
    char name[256];
    if (n->type != YAML_SCALAR || n->text.len >= sizeof name) return expected(r, n, "the name of a file beside this one");
    memcpy(name, n->text.at, n->text.len);
    name[n->text.len] = 0;
    if (r->w->o->file(r->w->o->ctx, name, ret)) return FAULT_NONE;
    return expected(r, n, "the name of a file beside this one; there is none of this name");
}

/* A map by a table of its keys. */
struct field {
    const char *key;
    enum fault (*read)(struct reading *r, const struct yaml_node *n, void *ret);
    void *ret;
};

static enum fault read_map(struct reading *r, const struct yaml_node *map, const struct field *fields, unsigned n_fields) {
    if (map->type != YAML_MAP) return expected(r, map, "a map");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        unsigned i = 0;
        while (i < n_fields && !slice_is(n->key, fields[i].key)) i++;
        if (i == n_fields) return error_set(r->error, FAULT_CONFIG, "%s:%d: " SLICE_FMT ": no such key here", r->file, n->line, SLICE_ARG(n->key));
        enum fault f = fields[i].read(r, n, fields[i].ret);
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}
#define READ_MAP(r, map, fields) read_map(r, map, fields, sizeof(fields) / sizeof(fields)[0])

/* Calls `each` for the items of a list, whose number is *ret_n. */
static enum fault read_list(struct reading *r, const struct yaml_node *n, void *first, size_t size,
                            enum fault (*each)(struct reading *r, const struct yaml_node *n, void *item)) {
    char *at = first;
    for (const struct yaml_node *c = n->first; c != NULL; c = c->next, at += size) {
        enum fault f = each(r, c, at);
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

/* ---- rows ---- */

static struct slice without_remarks(struct slice text, struct arena *a) {
    char *at = arena_alloc(a, text.len + 1);
    size_t len = 0;
    if (at == NULL) return SLICE_NULL;
    while (text.len > 0) {
        struct slice line, rest;
        if (!slice_cut(text, '\n', &line, &rest)) line = text, rest = SLICE("");
        if (line.len > 0 && line.at[0] != '#') {
            memcpy(at + len, line.at, line.len);
            len += line.len;
            at[len++] = '\n';
        }
        text = rest;
    }
    return slice_make(at, len);
}

static unsigned lines_of(struct slice text) {
    unsigned n = 0;
    for (size_t i = 0; i < text.len; i++) n += text.at[i] == '\n';
    return n;
}

static enum fault read_rows(struct reading *r, const struct yaml_node *n, struct slice file, struct world_rows *ret) {
    struct arena *a = r->w->o->arena;
    struct slice text = without_remarks(file, a);
    struct csv csv;
    struct csv_row row;
    struct error own;
    bool end = false;
    if (text.at == NULL) return full(r);
    ret->file = n->text;
    ret->at = (struct slice(*)[WORLD_COLUMNS])arena_alloc(a, sizeof *ret->at * lines_of(text));
    if (ret->at == NULL) return full(r);
    csv_init(&csv, text, a);
    for (bool first = true;; first = false) {
        if (csv_next(&csv, &row, &end, &own) != FAULT_NONE || row.n > WORLD_COLUMNS) return expected(r, n, "a CSV file of at most 16 columns");
        if (end) break;
        memcpy(first ? ret->columns : ret->at[ret->n++], row.fields, row.n * sizeof row.fields[0]);
        if (first) ret->n_columns = row.n;
    }
    return ret->n > 0 ? FAULT_NONE : expected(r, n, "a CSV file with rows");
}

static enum fault rows_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world *w = r->w;
    struct slice file = SLICE_NULL;
    enum fault f = file_of(r, n, &file);
    if (f != FAULT_NONE) return f;
    for (unsigned i = 0; i < w->n_kinds; i++)
        if (w->kinds[i].rows != NULL && slice_eq(w->kinds[i].rows->file, n->text)) {
            *(const struct world_rows **)ret = w->kinds[i].rows;
            return FAULT_NONE;
        }
    struct world_rows *rows = arena_new(w->o->arena, struct world_rows);
    if (rows == NULL) return full(r);
    f = read_rows(r, n, file, rows);
    if (f == FAULT_NONE) *(const struct world_rows **)ret = rows;
    return f;
}

static bool is_wanted(const struct yaml_node *values, struct slice field) {
    if (values->type == YAML_SCALAR) return slice_eq(values->text, field);
    for (const struct yaml_node *v = values->first; v != NULL; v = v->next)
        if (slice_eq(v->text, field)) return true;
    return false;
}

static enum fault choose(struct reading *r, const struct yaml_node *only, struct world_kind *k) {
    const struct world_rows *rows = k->rows;
    if (rows == NULL) return FAULT_NONE;
    k->chosen = arena_new_array(r->w->o->arena, unsigned, rows->n);
    if (k->chosen == NULL) return full(r);
    for (unsigned i = 0; i < rows->n; i++) {
        bool wanted = true;
        for (const struct yaml_node *n = only != NULL ? only->first : NULL; n != NULL; n = n->next) {
            unsigned c = 0;
            while (c < rows->n_columns && !slice_eq(rows->columns[c], n->key)) c++;
            if (c == rows->n_columns) return expected(r, n, "a column of its rows");
            wanted = wanted && is_wanted(n, rows->at[i][c]);
        }
        if (wanted) k->chosen[k->n_chosen++] = i;
    }
    return k->n_chosen > 0 || only == NULL ? FAULT_NONE : expected(r, only, "values that some rows have");
}

/* ---- traffic.yaml ---- */

static enum fault history_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_kind *k = ret;
    const struct field fields[] = {{"first", number_of, &k->history.first}, {"last", number_of, &k->history.last}, {"from", moment_of, &k->history.from_us},
                                   {"to", moment_of, &k->history.to_us}, {"answer", text_of, &k->history.answer}};
    k->history.to_us = r->w->o->days * WORLD_DAY_US;
    k->history.answer = SLICE("I will look into it.");
    enum fault f = READ_MAP(r, n, fields);
    if (f == FAULT_NONE && (k->history.first > 100 || k->history.last > 100 || k->history.to_us <= k->history.from_us))
        return expected(r, n, "at most 100 turns, and a `to` behind `from`");
    return f;
}

static enum fault when_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_when *when = ret;
    const struct field fields[] = {{"contains", text_of, &when->contains}, {"good", share_of, &when->good}};
    return READ_MAP(r, n, fields);
}

static enum fault whens_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_taste *t = ret;
    if (n->type != YAML_LIST || n->count > sizeof t->when / sizeof t->when[0]) return expected(r, n, "a list of at most 8");
    t->n_when = n->count;
    return read_list(r, n, t->when, sizeof t->when[0], when_of);
}

static enum fault scores_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_kind *k = ret;
    const struct field fields[] = {{"name", text_of, &k->scores.name}, {"share", share_of, &k->scores.share}, {"good", share_of, &k->scores.taste.good},
                                   {"after", duration_of, &k->scores.after_us}, {"by", text_of, &k->scores.by}, {"when", whens_of, &k->scores.taste}};
    k->scores.name = SLICE("helpful");
    k->scores.taste.good = 1;
    k->scores.after_us = 30000000;
    enum fault f = READ_MAP(r, n, fields);
    return f == FAULT_NONE && k->scores.by.at == NULL ? expected(r, n, "`by`, whose token gives them") : f;
}

static enum fault kind_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_kind *k = ret;
    const struct yaml_node *only = NULL;
    const struct field fields[] = {
        {"name", text_of, &k->name}, {"weight", number_of, &k->weight}, {"from", moment_of, &k->from_us}, {"to", moment_of, &k->to_us},
        {"hours", hours_of, k->hours}, {"key", text_of, &k->key}, {"path", text_of, &k->path}, {"model", text_of, &k->model},
        {"prompt", text_of, &k->prompt}, {"variables", map_of, &k->variables}, {"system", text_of, &k->system}, {"system_file", file_of, &k->system},
        {"user", text_of, &k->user}, {"rows", rows_of, &k->rows}, {"only", map_of, &only}, {"history", history_of, k},
        {"stream", share_of, &k->stream}, {"extra", text_of, &k->extra}, {"request_type", text_of, &k->request_type},
        {"feature", text_of, &k->feature}, {"team", text_of, &k->team}, {"tags", map_of, &k->tags}, {"users", count_of, &k->users},
        {"user_prefix", text_of, &k->user_prefix}, {"scores", scores_of, k}};
    k->weight = 1;
    k->path = SLICE("/v1/chat/completions");
    k->user_prefix = SLICE("user-");
    k->to_us = INT64_MAX;
    for (int i = 0; i < 24; i++) k->hours[i] = 1;
    enum fault f = READ_MAP(r, n, fields);
    if (f != FAULT_NONE) return f;
    if (k->name.at == NULL || k->key.at == NULL) return expected(r, n, "a kind with `name` and `key`");
    r->w->n_kinds++;
    return choose(r, only, k);
}

static enum fault kinds_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world *w = ret;
    if (n->type != YAML_LIST || n->count == 0 || n->count > 100) return expected(r, n, "a list of 1 to 100 kinds of requests");
    w->kinds = arena_new_array(w->o->arena, struct world_kind, n->count);
    return w->kinds == NULL ? full(r) : read_list(r, n, w->kinds, sizeof *w->kinds, kind_of);
}

static enum fault surge_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_surge *s = ret;
    const struct field fields[] = {{"from", moment_of, &s->from_us}, {"to", moment_of, &s->to_us}, {"factor", number_of, &s->factor}};
    return READ_MAP(r, n, fields);
}

static enum fault surges_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world *w = ret;
    if (n->type != YAML_LIST) return expected(r, n, "a list");
    w->n_surges = n->count;
    w->surges = arena_new_array(w->o->arena, struct world_surge, n->count + 1);
    return w->surges == NULL ? full(r) : read_list(r, n, w->surges, sizeof *w->surges, surge_of);
}

static enum fault gaps_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world *w = ret;
    struct slice text = SLICE_NULL, line;
    double sum = 0;
    enum fault f = file_of(r, n, &text);
    if (f != FAULT_NONE) return f;
    text = without_remarks(text, w->o->arena);
    w->gaps = text.at != NULL ? arena_new_array(w->o->arena, double, lines_of(text)) : NULL;
    if (w->gaps == NULL) return full(r);
    while (slice_cut(text, '\n', &line, &text)) {
        double *gap = &w->gaps[w->n_gaps++];
        if (!slice_to_double(slice_trim(line), gap) || !(*gap >= 0)) return expected(r, n, "a file with a number from 0 on each line");
        sum += *gap;
    }
    if (!(sum > 0)) return expected(r, n, "a file with gaps that are not all 0");
    for (unsigned i = 0; i < w->n_gaps; i++) w->gaps[i] *= w->n_gaps / sum;
    return FAULT_NONE;
}

/* ---- acts.yaml ---- */

static enum fault person_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_person *p = ret;
    const struct field fields[] = {{"name", text_of, &p->name}, {"role", text_of, &p->role}, {"password", text_of, &p->password}, {"about", text_of, &p->about}};
    enum fault f = READ_MAP(r, n, fields);
    return f == FAULT_NONE && (p->name.at == NULL || p->role.at == NULL) ? expected(r, n, "a person with `name` and `role`") : f;
}

static enum fault people_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world *w = ret;
    if (n->type != YAML_LIST || n->count > 32) return expected(r, n, "a list of at most 32 people");
    w->n_people = n->count;
    w->people = arena_new_array(w->o->arena, struct world_person, n->count + 1);
    return w->people == NULL ? full(r) : read_list(r, n, w->people, sizeof *w->people, person_of);
}

static bool is_json_word(const struct yaml_node *n) {
    double x;
    return n->plain && (slice_is(n->text, "true") || slice_is(n->text, "false") || slice_is(n->text, "null") || slice_to_double(n->text, &x));
}

static enum fault write_json(struct reading *r, const struct yaml_node *n, struct json_writer *w) {
    enum fault f = FAULT_NONE;
    struct slice text;
    if (n->type == YAML_SCALAR) {
        if (is_json_word(n)) json_put_raw(w, n->text);
        else json_put_string(w, n->text);
    } else if (n->type == YAML_MAP && n->count == 1 && slice_is(n->first->key, "file")) {
        f = file_of(r, n->first, &text);
        if (f == FAULT_NONE) json_put_string(w, text);
    } else {
        bool map = n->type == YAML_MAP;
        if (map) json_object(w);
        else json_array(w);
        for (const struct yaml_node *c = n->first; c != NULL && f == FAULT_NONE; c = c->next) {
            if (map) json_key_slice(w, c->key);
            f = write_json(r, c, w);
        }
        if (map) json_object_end(w);
        else json_array_end(w);
    }
    return f;
}

static enum fault body_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, TEXT_MOST);
    json_start(&w, &out);
    enum fault f = write_json(r, n, &w);
    struct slice text = f == FAULT_NONE && !out.overflow ? arena_slice(r->w->o->arena, buffer_slice(&out)) : SLICE_NULL;
    buffer_deinit(&out);
    if (f == FAULT_NONE && text.at == NULL) return full(r);
    if (f == FAULT_NONE) *(struct slice *)ret = text;
    return f;
}

static enum fault call_of(struct reading *r, const struct yaml_node *n, void *ret) {
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", NULL};
    struct world_act *act = ret;
    struct slice method;
    if (n->type == YAML_SCALAR && slice_cut(n->text, ' ', &method, &act->path))
        for (const char *const *m = methods; *m != NULL; m++)
            if (slice_is(method, *m)) act->method = *m;
    if (act->method == NULL || !slice_starts(act->path, SLICE("/"))) return expected(r, n, "a call such as `POST /api/v1/...`");
    return FAULT_NONE;
}

static enum fault until_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_act *act = ret;
    const struct field fields[] = {{"text", text_of, &act->until}, {"every", duration_of, &act->every_us}, {"within", duration_of, &act->within_us}};
    act->every_us = 10 * WORLD_MINUTE_US;
    act->within_us = WORLD_DAY_US;
    enum fault f = READ_MAP(r, n, fields);
    return f == FAULT_NONE && (act->until.len == 0 || act->every_us <= 0) ? expected(r, n, "a `text`, and `every` over 0") : f;
}

static enum fault label_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_act *act = ret;
    struct world_taste *taste = arena_new(r->w->o->arena, struct world_taste);
    struct slice review = SLICE_NULL;
    if (taste == NULL) return full(r);
    const struct field fields[] = {{"review", text_of, &review}, {"every", duration_of, &act->every_us}, {"good", share_of, &taste->good}, {"when", whens_of, taste}};
    taste->good = 1;
    act->every_us = 3 * WORLD_MINUTE_US;
    enum fault f = READ_MAP(r, n, fields);
    if (f != FAULT_NONE) return f;
    if (review.len == 0) return expected(r, n, "a `review`");
    act->label = taste;
    act->method = "GET";
    act->path = arena_printf(r->w->o->arena, "/api/v1/reviews/" SLICE_FMT "/next", SLICE_ARG(review));
    return act->path.at != NULL ? FAULT_NONE : full(r);
}

static enum fault act_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world_act *act = ret;
    int64_t expect = 0;
    act->at_us = -1;
    const struct field fields[] = {{"at", moment_of, &act->at_us}, {"by", text_of, &act->by}, {"say", text_of, &act->say}, {"call", call_of, act},
                                   {"body", body_of, &act->body}, {"text", text_of, &act->body}, {"file", file_of, &act->body},
                                   {"expect", count_of, &expect}, {"keep", map_of, &act->keep}, {"until", until_of, act},
                                   {"label", label_of, act}, {"verb", text_of, &act->verb}};
    enum fault f = READ_MAP(r, n, fields);
    if (f != FAULT_NONE) return f;
    act->expect = (int)expect;
    if (act->at_us < 0) return expected(r, n, "an act with `at`");
    if ((act->method != NULL || act->verb.at != NULL) && act->by.at == NULL) return expected(r, n, "`by`, whose token it is");
    return FAULT_NONE;
}

static enum fault acts_of(struct reading *r, const struct yaml_node *n, void *ret) {
    struct world *w = ret;
    if (n->type != YAML_LIST || n->count > 1000) return expected(r, n, "a list of at most 1,000 acts");
    w->acts = arena_new_array(w->o->arena, struct world_act, n->count + 1);
    enum fault f = w->acts == NULL ? full(r) : read_list(r, n, w->acts, sizeof *w->acts, act_of);
    if (f != FAULT_NONE) return f;
    w->n_acts = n->count;
    for (unsigned i = 1; i < w->n_acts; i++) { /* those at the same time stay in order */
        struct world_act act = w->acts[i];
        unsigned k = i;
        for (; k > 0 && w->acts[k - 1].at_us > act.at_us; k--) w->acts[k] = w->acts[k - 1];
        w->acts[k] = act;
    }
    return FAULT_NONE;
}

/* ---- the files ---- */

static enum fault read_file(struct reading *r, const char *name, const struct field *fields, unsigned n_fields) {
    struct slice text;
    struct yaml_node *root = NULL;
    struct error own;
    int line = 0;
    r->file = name;
    if (!r->w->o->file(r->w->o->ctx, name, &text)) return error_set(r->error, FAULT_NOT_FOUND, "%s: there is no such file", name);
    if (yaml_read(text, r->w->o->arena, &root, &line, &own) != FAULT_NONE) return error_set(r->error, FAULT_CONFIG, "%s: %s", name, own.text);
    return root == NULL ? FAULT_NONE : read_map(r, root, fields, n_fields);
}

enum fault world_read(struct world *w, struct error *error) {
    struct reading r = {.w = w, .error = error};
    const struct field traffic[] = {{"requests", number_of, &w->requests}, {"live", number_of, &w->live_a_minute}, {"gaps", gaps_of, w}, {"hours", hours_of, w->hours},
                                    {"weekdays", weekdays_of, w->weekdays}, {"growth", number_of, &w->growth},
                                    {"surges", surges_of, w}, {"kinds", kinds_of, w}};
    const struct field acts[] = {{"people", people_of, w}, {"acts", acts_of, w}};
    w->requests = 40000;
    w->growth = 1;
    for (int i = 0; i < 24; i++) w->hours[i] = 1;
    for (int i = 0; i < 7; i++) w->weekdays[i] = 1;
    enum fault f = read_file(&r, "traffic.yaml", traffic, sizeof traffic / sizeof traffic[0]);
    if (f == FAULT_NONE) f = read_file(&r, "acts.yaml", acts, sizeof acts / sizeof acts[0]);
    if (f == FAULT_NONE && w->n_kinds == 0) return error_set(error, FAULT_CONFIG, "traffic.yaml: expected `kinds`");
    return f;
}
