#include "quality/import_promptfoo.h"

#include "base/table.h"
#include "quality/case_row.h"
#include "quality/import_private.h"

#include <stdio.h>

/* ---- notes and files ---- */

void import_left(struct promptfoo *p, const struct import_layer *at, uint32_t node, const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    import_note(p->m, IMPORT_LEFT_OUT, at->file, node == JSON_NONE ? 1 : declared_line(at->d, node), at->where, "%s", text);
}

static struct slice folder_of(const char *file) {
    const char *slash = strrchr(file, '/');
    return slice_make(file, slash != NULL ? (size_t)(slash - file) + 1 : 0);
}

bool import_load(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name, struct slice *ret_path, struct slice *ret) {
    const struct import_files *files = p->m->files;
    struct error error = {.fault = FAULT_NONE}, again = {.fault = FAULT_NONE};
    struct slice path = import_behind_scheme(name);
    bool any;
    if (slice_contains(path, SLICE("{{")) || !template_check(path, &any, &error)) {
        import_left(p, at, node, "the file `" SLICE_FMT "`: its name is a template", SLICE_ARG(name));
        return false;
    }
    if (files == NULL || path.len == 0) {
        import_left(p, at, node, "the file `" SLICE_FMT "`: no files may be named here", SLICE_ARG(name));
        return false;
    }
    enum fault f = files->source.read(files->source.ctx, path, p->m->arena, ret, &error);
    if (f != FAULT_NONE && at->file != p->file && *path.at != '/') { /* relative to the file that names it */
        struct slice folder = folder_of(at->file), near = arena_printf(p->m->arena, SLICE_FMT SLICE_FMT, SLICE_ARG(folder), SLICE_ARG(path));
        f = files->source.read(files->source.ctx, near, p->m->arena, ret, &again);
        if (f == FAULT_NONE) path = near;
    }
    if (f == FAULT_NONE && slice_starts(*ret, SLICE("\xEF\xBB\xBF"))) *ret = slice_make(ret->at + 3, ret->len - 3);
    if (f != FAULT_NONE) import_left(p, at, node, "the file `" SLICE_FMT "`: %s", SLICE_ARG(name), error.text);
    *ret_path = path;
    return f == FAULT_NONE;
}

bool import_load_declared(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name, struct slice *ret_path,
                          struct declared **ret) {
    struct slice text;
    struct yaml_node *root = NULL;
    struct error error = {.fault = FAULT_NONE};
    struct declared *d = arena_new(p->m->arena, struct declared);
    int line = 0;
    if (d == NULL || !import_load(p, at, node, name, ret_path, &text)) return false;
    if (yaml_read(text, p->m->arena, &root, &line, &error) == FAULT_NONE && declared_from_yaml(root, p->m->arena, d, &error) == FAULT_NONE) {
        *ret = d;
        return true;
    }
    import_left(p, at, node, "the file `" SLICE_FMT "` is neither YAML nor JSON: %s", SLICE_ARG(name), error.text);
    return false;
}

/* ---- what else a configuration has ---- */

static void note_top(struct promptfoo *p) {
    static const char *const known[][2] = {
        {"description", NULL}, {"prompts", NULL}, {"providers", NULL}, {"targets", NULL}, {"tests", NULL}, {"defaultTest", NULL},
        {"scenarios", NULL}, {"assertionTemplates", NULL}, {"evaluateOptions", NULL}, {"$schema", NULL},
        {"outputPath", "`eval run --out` says where reports go"},
        {"env", "the gateway's configuration has credentials"},
        {"extensions", "hooks are not run"},
        {"derivedMetrics", "metrics are means of scores, and not computed with"},
        {"nunjucksFilters", "templates have no filters"},
        {"commandLineOptions", "options of `eval run` say this"},
        {"tags", "cases have tags, suites have none"},
        {"redteam", "no attacks are made up"},
        {"sharing", "nothing is shared"},
    };
    const struct json_doc *d = &p->root.doc;
    uint32_t cursor = JSON_NONE, key, value;
    struct import_layer at = {&p->root, 0, p->file, SLICE("configuration")};
    while (json_each_member(d, 0, &cursor, &key, &value)) {
        struct slice name = json_string(d, key, p->m->arena);
        const char *why = "it has no counterpart";
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (slice_is(name, known[i][0])) why = known[i][1];
        if (why != NULL) import_left(p, &at, key, "`" SLICE_FMT "`: %s", SLICE_ARG(name), why);
    }
    at.where = SLICE("evaluateOptions");
    for (cursor = JSON_NONE; json_each_member(d, json_get(d, 0, "evaluateOptions"), &cursor, &key, &value);)
        if (!json_is(d, key, "repeat"))
            import_left(p, &at, key, "`" SLICE_FMT "`: options of `eval run` say this, or nothing does", SLICE_ARG(json_string(d, key, p->m->arena)));
}

/* ---- one suite ---- */

struct group { /* providers that ask alike */
    const struct import_target *first;
    struct slice *others;
    unsigned n_others;
};

/* A member of both is the prompt's. */
static void put_parameters(struct promptfoo *p, struct slice provider, struct slice prompt, struct json_writer *w) {
    struct json_doc a, b;
    uint32_t cursor = JSON_NONE, key, value;
    struct arena *arena = p->m->arena;
    if (provider.at == NULL && prompt.at == NULL) return;
    if (json_read(provider.at ? provider : SLICE("{}"), arena, UINT16_MAX, &a, NULL) != FAULT_NONE ||
        json_read(prompt.at ? prompt : SLICE("{}"), arena, UINT16_MAX, &b, NULL) != FAULT_NONE)
        return;
    json_key(w, "parameters");
    json_object(w);
    while (json_each_member(&a, 0, &cursor, &key, &value)) {
        struct slice name = json_string(&a, key, arena);
        if (json_get_slice(&b, 0, name) != JSON_NONE) continue;
        json_key_slice(w, name);
        json_put_raw(w, json_raw(&a, value));
    }
    for (cursor = JSON_NONE; json_each_member(&b, 0, &cursor, &key, &value);) {
        json_key_slice(w, json_string(&b, key, arena));
        json_put_raw(w, json_raw(&b, value));
    }
    json_object_end(w);
}

static void put_messages(struct promptfoo *p, const struct import_prompt *prompt, const struct import_cases *c, struct json_writer *w) {
    json_key(w, "messages");
    if (prompt->text.at == NULL) {
        json_put_raw(w, prompt->messages);
        return;
    }
    struct slice text = prompt->text;
    if (c->varying_affixes) text = arena_printf(p->m->arena, "{{__prefix}}" SLICE_FMT "{{__suffix}}", SLICE_ARG(text));
    else if (c->prefix.len + c->suffix.len > 0)
        text = arena_printf(p->m->arena, SLICE_FMT SLICE_FMT SLICE_FMT, SLICE_ARG(c->prefix), SLICE_ARG(text), SLICE_ARG(c->suffix));
    json_array(w);
    json_object(w);
    json_member_text(w, "role", "user");
    json_member_string(w, "content", text);
    json_object_end(w);
    json_array_end(w);
}

static void put_judges(struct promptfoo *p, struct json_writer *w) {
    if (p->m->n_judges == 0) return;
    json_key(w, "judges");
    json_object(w);
    for (unsigned i = 0; i < p->m->n_judges; i++) {
        json_key_slice(w, p->m->judges[i].name);
        json_object(w);
        json_member_string(w, "model", p->m->judges[i].model);
        json_member_text(w, "scale", p->m->judges[i].scale);
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_default_checks(struct promptfoo *p) {
    struct buffer out;
    struct json_writer w;
    p->default_checks = SLICE_NULL;
    if (p->defaults.node == JSON_NONE || p->defaults_in_cases) return;
    buffer_init(&out, LIMIT_CASE_TEXT);
    json_start(&w, &out);
    json_array(&w);
    (void)import_asserts(p, &p->defaults, import_grader(p, &p->defaults, 1), &w);
    json_array_end(&w);
    if (out.len > 2) p->default_checks = arena_slice(p->m->arena, buffer_slice(&out));
    buffer_deinit(&out);
}

static bool names_file(struct slice text) {
    return slice_starts(text, SLICE("file:")) || slice_contains(text, SLICE("\"file:"));
}

static void write_suite(struct promptfoo *p, const struct import_prompt *prompt, const struct group *g, struct import_suite *s, struct json_writer *w) {
    struct import_cases cases;
    const struct json_doc *d = &p->root.doc;
    const struct import_target *t = g->first;
    int64_t repeat = 1;
    struct slice description = json_string(d, json_get(d, 0, "description"), p->m->arena);
    p->m->n_judges = 0;
    write_default_checks(p);
    import_write_cases(p, prompt, t, &cases);
    json_object(w);
    json_member_string(w, "suite", s->name);
    if (description.len > 0) json_member_string(w, "description", description);
    if (cases.names_files || names_file(prompt->text) || names_file(prompt->messages)) json_member_bool(w, "files", false);
    if (s->model.at != NULL) json_member_string(w, "model", s->model);
    put_messages(p, prompt, &cases, w);
    put_parameters(p, t != NULL ? t->parameters : SLICE_NULL, prompt->parameters, w);
    struct slice tools = prompt->tools.at != NULL ? prompt->tools : t != NULL ? t->tools : SLICE_NULL;
    if (tools.at != NULL) json_member_raw(w, "tools", tools);
    if (json_get_i64(d, json_get(d, json_get(d, 0, "evaluateOptions"), "repeat"), &repeat) && repeat > 1) json_member_i64(w, "repeat", repeat);
    put_judges(p, w);
    if (p->default_checks.at != NULL) json_member_raw(w, "checks", p->default_checks);
    json_key(w, "cases");
    json_array(w);
    json_put_raw(w, buffer_slice(&cases.json));
    json_array_end(w);
    json_object_end(w);
    s->n_cases = cases.n;
    if (cases.json.overflow) p->m->full = true;
    buffer_deinit(&cases.json);
}

static void keep_suite(struct promptfoo *p, const struct import_prompt *prompt, const struct group *g, struct import_suite *s) {
    struct buffer out;
    struct json_writer w;
    struct json_doc d;
    buffer_init(&out, LIMIT_SUITE_FILE);
    json_start(&w, &out);
    write_suite(p, prompt, g, s, &w);
    s->json = arena_slice(p->m->arena, buffer_slice(&out));
    if (out.overflow || s->json.at == NULL || json_read(s->json, p->m->arena, UINT16_MAX, &d, NULL) != FAULT_NONE) {
        p->m->full = true;
    } else {
        buffer_clear(&out);
        buffer_append(&out, SLICE("# Imported from "));
        buffer_append(&out, slice_of(p->file));
        buffer_append(&out, SLICE(", a configuration of promptfoo.\n"));
        import_write_yaml(&d, 0, p->m->arena, &out);
        s->yaml = arena_slice(p->m->arena, buffer_slice(&out));
        p->m->full = p->m->full || out.overflow;
    }
    buffer_deinit(&out);
}

/* ---- which suites ---- */

static bool asks_alike(const struct import_target *a, const struct import_target *b) {
    return slice_eq(a->parameters, b->parameters) && slice_eq(a->tools, b->tools);
}

static unsigned make_groups(struct promptfoo *p, struct group *groups) {
    unsigned n = 0;
    if (p->n_targets == 0) groups[n++] = (struct group){.first = NULL};
    for (unsigned i = 0; i < p->n_targets; i++) {
        const struct import_target *t = &p->targets[i];
        unsigned g = 0;
        while (g < n && (p->per_target || !asks_alike(groups[g].first, t))) g++;
        if (g == n) {
            groups[n++] = (struct group){.first = t};
            continue;
        }
        struct slice *grown = import_grow(p->m, groups[g].others, groups[g].n_others, sizeof *grown);
        if (grown == NULL || slice_eq(t->model, groups[g].first->model)) continue;
        groups[g].others = grown;
        groups[g].others[groups[g].n_others++] = t->model;
    }
    return n;
}

static struct slice base_name(struct promptfoo *p, struct slice name) {
    const struct json_doc *d = &p->root.doc;
    struct slice description = json_string(d, json_get(d, 0, "description"), p->m->arena);
    if (name.len > 0) return name;
    struct slice slug = description.at != NULL && description.len <= 60 ? case_row_slug(description, p->m->arena) : SLICE_NULL;
    if (slug.len > 0) return slug;
    const char *slash = strrchr(p->file, '/');
    struct slice file = slice_of(slash != NULL ? slash + 1 : p->file), ext = import_extension(file);
    slug = case_row_slug(slice_make(file.at, file.len - ext.len), p->m->arena);
    return slug.len > 0 ? slug : SLICE("imported");
}

static struct slice suite_name(struct promptfoo *p, struct table *names, struct slice base, unsigned prompt, const struct group *g, bool grouped) {
    struct arena *arena = p->m->arena;
    struct slice part = p->prompts[prompt].name.at != NULL ? case_row_slug(p->prompts[prompt].name, arena) : SLICE_NULL;
    struct slice name = base;
    if (p->n_prompts > 1 && part.len > 0) name = arena_printf(arena, SLICE_FMT "-" SLICE_FMT, SLICE_ARG(name), SLICE_ARG(part));
    else if (p->n_prompts > 1) name = arena_printf(arena, SLICE_FMT "-%u", SLICE_ARG(name), prompt + 1);
    if (grouped && g->first != NULL) {
        part = case_row_slug(g->first->label.at != NULL ? g->first->label : g->first->model, arena);
        name = arena_printf(arena, SLICE_FMT "-" SLICE_FMT, SLICE_ARG(name), SLICE_ARG(part));
    }
    struct slice unique = name;
    for (int n = 2; table_get(names, unique) != NULL; n++) unique = arena_printf(arena, SLICE_FMT "-%d", SLICE_ARG(name), n);
    (void)table_put(names, unique, p);
    return unique;
}

static bool takes(struct promptfoo *p, const struct group *g, const struct import_prompt *prompt) {
    return g->first == NULL || g->first->prompts == JSON_NONE ||
           import_matches(&g->first->at.d->doc, g->first->prompts, prompt->id, prompt->label, p->m->arena);
}

static void note_grader(struct promptfoo *p) {
    for (unsigned i = 0; i < p->m->n_judges; i++)
        if (slice_is(p->m->judges[i].model, "grader"))
            import_note(p->m, IMPORT_DIFFERS, p->file, 1, SLICE("judges"),
                        "no provider is said to grade: the judge asks a model `grader`; --map grader=MODEL names yours");
}

static unsigned write_suites(struct promptfoo *p, struct slice name, struct import_suite *all) {
    struct group *groups = arena_new_array(p->m->arena, struct group, p->n_targets + 1);
    struct table names;
    struct import_cases whole;
    struct slice base = base_name(p, name);
    unsigned n = 0, n_groups = groups != NULL ? make_groups(p, groups) : 0;
    write_default_checks(p); /* with notes, once */
    import_write_cases(p, NULL, NULL, &whole);
    buffer_deinit(&whole.json);
    note_grader(p);
    table_init(&names);
    for (unsigned i = 0; i < p->n_prompts; i++)
        for (unsigned g = 0; g < n_groups; g++) {
            if (!takes(p, &groups[g], &p->prompts[i])) continue;
            struct import_suite *s = &all[n];
            *s = (struct import_suite){.name = suite_name(p, &names, base, i, &groups[g], n_groups > 1)};
            if (groups[g].first != NULL) s->model = groups[g].first->model;
            s->others = groups[g].others;
            s->n_others = groups[g].n_others;
            p->m->quiet = true;
            keep_suite(p, &p->prompts[i], &groups[g], s);
            p->m->quiet = false;
            if (s->n_cases > 0) n++;
        }
    table_deinit(&names);
    return n;
}

enum fault import_promptfoo(struct import *m, struct slice text, const char *file, struct slice name, struct import_suite **ret,
                            unsigned *ret_n, struct problems *problems) {
    struct yaml_node *root = NULL;
    struct error error = {.fault = FAULT_NONE};
    struct promptfoo p = {.m = m, .file = file, .problems = problems};
    int line = 1;
    m->names_judges = true;
    if (yaml_read(text, m->arena, &root, &line, &error) != FAULT_NONE || declared_from_yaml(root, m->arena, &p.root, &error) != FAULT_NONE) {
        problems_add(problems, m->arena, file, line, 0, "%s", error.text);
        return FAULT_CONFIG;
    }
    const struct json_doc *d = &p.root.doc;
    if (json_type(d, 0) != JSON_OBJECT || (json_get(d, 0, "prompts") == JSON_NONE && json_get(d, 0, "tests") == JSON_NONE && json_get(d, 0, "scenarios") == JSON_NONE)) {
        problems_add(problems, m->arena, file, 1, 0, "expected a configuration of promptfoo: a map with `prompts`, `providers` and `tests`");
        return FAULT_CONFIG;
    }
    note_top(&p);
    import_read_prompts(&p);
    import_read_targets(&p);
    import_read_tests(&p);
    if (p.defaults.node != JSON_NONE) import_note_layer(&p, &p.defaults);
    struct import_suite *all = arena_new_array(m->arena, struct import_suite, (size_t)p.n_prompts * (p.n_targets + 1) + 1);
    table_init(&p.missing);
    unsigned n = all != NULL ? write_suites(&p, name, all) : 0;
    table_deinit(&p.missing);
    if (m->full || arena_is_full(m->arena)) {
        problems_add(problems, m->arena, file, 1, 0, "the configuration needs more memory than it may have");
        return FAULT_TOO_LARGE;
    }
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}
