/* See import_private.h: the cases that tests are, one for each combination of their variables. */
#include "base/table.h"
#include "quality/case_row.h"
#include "quality/import_private.h"

#define MOST_VARS 256 /* of one test */

struct variable {
    struct slice name;
    struct slice *values; /* alternatives */
    unsigned n;
};

struct making {
    struct promptfoo *p;
    const struct import_prompt *prompt; /* NULL: all are looked at, to note what is left out */
    const struct import_target *target;
    struct import_cases *ret;
    const struct import_test *test;
    struct table ids;
    struct variable vars[MOST_VARS];
    unsigned n_vars;
    struct json_writer w;
};

/* ---- what the layers say ---- */

static uint32_t member(const struct import_layer *l, const char *key) {
    uint32_t n = json_get(&l->d->doc, l->node, key);
    return json_type(&l->d->doc, n) == JSON_NULL ? JSON_NONE : n;
}

/* Of the last layer that has it. */
static uint32_t find(const struct import_test *t, const char *key, const struct import_layer **ret) {
    for (unsigned i = t->n_layers; i > 0; i--) {
        uint32_t n = member(&t->layers[i - 1], key);
        if (n == JSON_NONE) continue;
        *ret = &t->layers[i - 1];
        return n;
    }
    return JSON_NONE;
}

static uint32_t find_option(const struct import_layer *layers, unsigned n, const char *key, const struct import_layer **ret) {
    for (unsigned i = n; i > 0; i--) {
        uint32_t at = json_get(&layers[i - 1].d->doc, member(&layers[i - 1], "options"), key);
        if (at == JSON_NONE) continue;
        *ret = &layers[i - 1];
        return at;
    }
    return JSON_NONE;
}

static struct slice option_text(struct making *k, const struct import_test *t, const char *key) {
    const struct import_layer *at;
    uint32_t node = find_option(t->layers, t->n_layers, key, &at);
    return node == JSON_NONE ? SLICE_NULL : json_string(&at->d->doc, node, k->p->m->arena);
}

struct slice import_grader(struct promptfoo *p, const struct import_layer *layers, unsigned n) {
    const struct import_layer *at;
    uint32_t node = find_option(layers, n, "provider", &at), text;
    if (node == JSON_NONE) return SLICE_NULL;
    text = json_get(&at->d->doc, node, "text"); /* one for texts, one for embeddings */
    return import_provider(&at->d->doc, text != JSON_NONE ? text : node, p->m->arena);
}

/* ---- notes of what a test has and a case has not ---- */

static void note_option(struct promptfoo *p, const struct import_layer *at, uint32_t key, struct slice name) {
    static const char *const known[][2] = {
        {"prefix", NULL}, {"suffix", NULL}, {"provider", NULL}, {"disableVarExpansion", NULL}, {"disableDefaultAsserts", NULL},
        {"disableConversationVar", NULL},
        {"transform", "checks see the answer as it is"},
        {"postprocess", "checks see the answer as it is"},
        {"transformVars", "variables come over as they are"},
        {"rubricPrompt", "judges ask in words of their own"},
        {"storeOutputAs", "an answer is no other case's variable"},
        {"runSerially", "cases are asked side by side"},
    };
    const char *why = "it has no counterpart";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(name, known[i][0])) why = known[i][1];
    if (why != NULL) import_left(p, at, key, "`" SLICE_FMT "` of options: %s", SLICE_ARG(name), why);
}

void import_note_layer(struct promptfoo *p, const struct import_layer *l) {
    static const char *const known[] = {"description", "vars", "assert", "options", "threshold", "metadata", "prompts", "providers"};
    static const char *const whole[] = {"providerOutput", "provider"};
    const struct json_doc *d = &l->d->doc;
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(d, l->node, &cursor, &key, &value)) {
        struct slice name = json_string(d, key, p->m->arena);
        bool found = json_type(d, value) == JSON_NULL;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) found = found || slice_is(name, known[i]);
        for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
            if (slice_is(name, whole[i]) && !found) {
                import_left(p, l, key, "the test: it has a `%s`, and a suite's cases are all asked of the run's model", whole[i]);
                found = true;
            }
        if (!found) import_left(p, l, key, "`" SLICE_FMT "` of a test: it has no counterpart", SLICE_ARG(name));
    }
    for (cursor = JSON_NONE; json_each_member(d, json_get(d, l->node, "options"), &cursor, &key, &value);)
        note_option(p, l, key, json_string(d, key, p->m->arena));
}

/* ---- variables ---- */

static struct variable *variable(struct making *k, struct slice name) {
    for (unsigned i = 0; i < k->n_vars; i++)
        if (slice_eq(k->vars[i].name, name)) return &k->vars[i];
    if (k->n_vars == MOST_VARS) return NULL;
    k->vars[k->n_vars] = (struct variable){.name = name};
    return &k->vars[k->n_vars++];
}

static bool put_value(struct making *k, struct variable *v, struct slice value) {
    struct slice *grown = import_grow(k->p->m, v->values, v->n, sizeof value);
    if (grown == NULL) return false;
    v->values = grown;
    v->values[v->n++] = value;
    return true;
}

static void put_one(struct making *k, struct slice name, struct slice value) {
    struct variable *v = variable(k, name);
    if (v == NULL) return;
    v->n = 0;
    v->values = NULL;
    (void)put_value(k, v, value);
}

/* A file's text: promptfoo trims it, and gives YAML as JSON. */
static void put_file(struct making *k, struct variable *v, const struct import_layer *at, uint32_t node, struct slice name) {
    struct slice path, text, ext = import_extension(name);
    struct declared *d;
    if (slice_is(ext, ".yaml") || slice_is(ext, ".yml")) {
        if (import_load_declared(k->p, at, node, name, &path, &d)) (void)put_value(k, v, json_raw(&d->doc, 0));
    } else if (slice_is(ext, ".js") || slice_is(ext, ".cjs") || slice_is(ext, ".mjs") || slice_is(ext, ".ts") || slice_is(ext, ".py")) {
        import_left(k->p, at, node, "the variable `" SLICE_FMT "` comes from code, which is not run", SLICE_ARG(v->name));
    } else if (import_load(k->p, at, node, name, &path, &text)) {
        if (slice_is_utf8(text)) (void)put_value(k, v, slice_trim(text));
        else import_left(k->p, at, node, "the variable `" SLICE_FMT "` is no text: " SLICE_FMT, SLICE_ARG(v->name), SLICE_ARG(path));
    }
}

static void put_text(struct making *k, struct variable *v, const struct import_layer *at, uint32_t node, struct slice text) {
    struct slice *names = NULL;
    struct error error = {.fault = FAULT_NONE};
    unsigned n = 0;
    const struct import_files *files = k->p->m->files;
    if (!slice_starts(text, SLICE("file://"))) (void)put_value(k, v, text);
    else if (!import_is_pattern(text)) put_file(k, v, at, node, text);
    else if (files == NULL || files->glob(files->source.ctx, import_behind_scheme(text), k->p->m->arena, &names, &n, &error) != FAULT_NONE || n == 0)
        import_left(k->p, at, node, "no file matches `" SLICE_FMT "`", SLICE_ARG(text));
    for (unsigned i = 0; i < n; i++) put_file(k, v, at, node, names[i]);
}

/* {{user.name}} of a map `user` is a variable of that name. */
static void put_parts(struct making *k, struct slice name, const struct json_doc *d, uint32_t map) {
    uint32_t cursor = JSON_NONE, key, value;
    struct arena *arena = k->p->m->arena;
    while (json_each_member(d, map, &cursor, &key, &value)) {
        struct slice part = arena_printf(arena, SLICE_FMT "." SLICE_FMT, SLICE_ARG(name), SLICE_ARG(json_string(d, key, arena)));
        if (json_type(d, value) == JSON_OBJECT) put_parts(k, part, d, value);
        else put_one(k, part, json_type(d, value) == JSON_STRING ? json_string(d, value, arena) : json_raw(d, value));
    }
}

static void read_variable(struct making *k, const struct import_layer *at, uint32_t key, uint32_t value, bool expand) {
    const struct json_doc *d = &at->d->doc;
    struct slice name = json_string(d, key, k->p->m->arena);
    struct variable *v = variable(k, name);
    uint32_t cursor = JSON_NONE, item;
    if (v == NULL) {
        import_left(k->p, at, key, "the variable `" SLICE_FMT "`: more than %d", SLICE_ARG(name), MOST_VARS);
        return;
    }
    v->values = NULL;
    v->n = 0;
    switch (json_type(d, value)) {
    case JSON_STRING: put_text(k, v, at, value, json_string(d, value, k->p->m->arena)); break;
    case JSON_NULL: (void)put_value(k, v, SLICE("")); break;
    case JSON_ARRAY: /* of texts: alternatives; of anything else promptfoo makes one value */
        if (!expand || json_type(d, json_item(d, value, 0)) != JSON_STRING) {
            (void)put_value(k, v, json_raw(d, value));
            break;
        }
        while (json_each_item(d, value, &cursor, &item))
            if (json_type(d, item) == JSON_STRING) put_text(k, v, at, item, json_string(d, item, k->p->m->arena));
            else (void)put_value(k, v, json_raw(d, item));
        break;
    case JSON_OBJECT:
        (void)put_value(k, v, json_raw(d, value));
        put_parts(k, name, d, value);
        break;
    default: (void)put_value(k, v, json_raw(d, value));
    }
}

/* `vars` may be a file, or several. */
static void read_variables(struct making *k, const struct import_layer *at, bool expand) {
    const struct json_doc *d = &at->d->doc;
    uint32_t vars = member(at, "vars"), cursor = JSON_NONE, key, value;
    struct slice path, name = json_string(d, vars, k->p->m->arena);
    struct declared *file;
    if (name.at != NULL) {
        if (!import_load_declared(k->p, at, vars, name, &path, &file)) return;
        struct import_layer in = {file, 0, arena_text(k->p->m->arena, path), at->where};
        for (cursor = JSON_NONE; json_each_member(&file->doc, 0, &cursor, &key, &value);) read_variable(k, &in, key, value, expand);
        return;
    }
    if (vars != JSON_NONE && json_type(d, vars) != JSON_OBJECT) import_left(k->p, at, vars, "`vars`: expected a map or a file");
    while (json_each_member(d, vars, &cursor, &key, &value)) read_variable(k, at, key, value, expand);
}

/* ---- names that templates use ---- */

static bool is_named(const struct template_var *vars, unsigned n, struct slice name) {
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(vars[i].name, name)) return true;
    return false;
}

/* A variable that nobody declares is an empty text to promptfoo, and an error to a suite. */
static void note_missing(struct making *k, struct slice name) {
    const struct import_layer *l = k->test->n_layers > 0 ? &k->test->layers[k->test->n_layers - 1] : &k->p->defaults;
    int line = l->node == JSON_NONE ? 1 : declared_line(l->d, l->node);
    struct slice key = arena_printf(k->p->m->arena, "%s:%d " SLICE_FMT " " SLICE_FMT, l->file, line, SLICE_ARG(l->where), SLICE_ARG(name));
    bool quiet = k->p->m->quiet;
    if (table_put(&k->p->missing, key, k->p) != NULL) return;
    k->p->m->quiet = false; /* told once, by whichever suite has it first */
    import_note(k->p->m, IMPORT_DIFFERS, l->file, line, l->where, "`{{" SLICE_FMT "}}` has no value in this test: it is an empty text, as in promptfoo",
                SLICE_ARG(name));
    k->p->m->quiet = quiet;
}

static void fill_missing(struct making *k, struct slice text, struct template_var *vars, unsigned *n) {
    struct slice rest = text;
    const char *open;
    while (rest.len > 4 && (open = memmem(rest.at, rest.len, "{{", 2)) != NULL) {
        rest = slice_make(open + 2, rest.len - (size_t)(open - rest.at) - 2);
        const char *close = rest.len > 0 ? memmem(rest.at, rest.len, "}}", 2) : NULL;
        if (close == NULL) return;
        struct slice name = slice_trim(slice_make(rest.at, (size_t)(close - rest.at)));
        rest = slice_make(close + 2, rest.len - (size_t)(close - rest.at) - 2);
        bool any;
        if (name.len > LIMIT_LABEL || *n >= MOST_VARS || is_named(vars, *n, name)) continue;
        if (!template_check(arena_printf(k->p->m->arena, "{{" SLICE_FMT "}}", SLICE_ARG(name)), &any, NULL)) continue;
        vars[(*n)++] = (struct template_var){arena_slice(k->p->m->arena, name), SLICE("")};
        if (k->prompt != NULL) note_missing(k, name);
    }
}

/* Templates in variables' values, as promptfoo renders them. */
static struct slice rendered(struct making *k, struct slice name, struct slice value, const struct template_var *vars, unsigned n) {
    struct error error = {.fault = FAULT_NONE};
    struct slice missing = SLICE_NULL, filled;
    bool any = false;
    if (!slice_contains(value, SLICE("{{")) && !slice_contains(value, SLICE("{%"))) return value;
    const struct import_layer *l = k->test->n_layers > 0 ? &k->test->layers[k->test->n_layers - 1] : &k->p->defaults;
    if (template_check(value, &any, &error) && !any) return value;
    filled = any && error.fault == FAULT_NONE ? template_fill(value, vars, n, k->p->m->arena, &missing) : SLICE_NULL;
    if (filled.at != NULL) return filled;
    import_note(k->p->m, IMPORT_DIFFERS, l->file, l->node == JSON_NONE ? 1 : declared_line(l->d, l->node), l->where,
                "the template in the variable `" SLICE_FMT "` stays as it is: %s", SLICE_ARG(name),
                error.fault != FAULT_NONE ? error.text : "it names a variable that is not there");
    return value;
}

/* ---- a case ---- */

static void put_id(struct making *k, struct slice description) {
    struct slice slug = description.at != NULL ? case_row_slug(description, k->p->m->arena) : SLICE_NULL, id = slug;
    for (int n = 2; id.len > 0 && table_get(&k->ids, id) != NULL; n++) id = arena_printf(k->p->m->arena, SLICE_FMT "-%d", SLICE_ARG(slug), n);
    if (id.len == 0) return;
    (void)table_put(&k->ids, id, k);
    json_member_string(&k->w, "id", id);
}

static void put_tag(struct making *k, struct slice key, const struct json_doc *d, uint32_t value, bool *any) {
    struct slice text = json_type(d, value) == JSON_STRING ? json_string(d, value, k->p->m->arena) : json_raw(d, value);
    if (!*any) json_key(&k->w, "tags");
    if (!*any) json_array(&k->w);
    *any = true;
    json_put_string(&k->w, arena_printf(k->p->m->arena, SLICE_FMT "=" SLICE_FMT, SLICE_ARG(key), SLICE_ARG(text)));
}

static void put_tags(struct making *k) {
    bool any = false;
    for (unsigned i = 0; i < k->test->n_layers; i++) {
        const struct import_layer *l = &k->test->layers[i];
        const struct json_doc *d = &l->d->doc;
        uint32_t cursor = JSON_NONE, key, value, item;
        while (json_each_member(d, member(l, "metadata"), &cursor, &key, &value)) {
            struct slice name = json_string(d, key, k->p->m->arena);
            bool later = false;
            for (unsigned j = i + 1; j < k->test->n_layers; j++)
                later = later || json_get_slice(&k->test->layers[j].d->doc, member(&k->test->layers[j], "metadata"), name) != JSON_NONE;
            if (later || json_type(d, value) == JSON_NULL) continue;
            if (json_type(d, value) == JSON_OBJECT) {
                import_left(k->p, l, key, "`" SLICE_FMT "` of metadata: tags are texts", SLICE_ARG(name));
                continue;
            }
            if (json_type(d, value) != JSON_ARRAY) put_tag(k, name, d, value, &any);
            for (uint32_t at = JSON_NONE; json_each_item(d, value, &at, &item);)
                if (json_type(d, item) != JSON_OBJECT && json_type(d, item) != JSON_ARRAY) put_tag(k, name, d, item, &any);
        }
    }
    if (any) json_array_end(&k->w);
}

/* The checks of this case, as JSON without brackets. */
static void write_checks(struct making *k, struct buffer *out) {
    struct json_writer w;
    const struct import_test *t = k->test;
    struct slice grader = import_grader(k->p, t->layers, t->n_layers);
    const struct import_layer *at;
    bool off = false;
    uint32_t node = find_option(t->layers, t->n_layers, "disableDefaultAsserts", &at);
    if (node != JSON_NONE) (void)json_get_bool(&at->d->doc, node, &off);
    json_start(&w, out);
    json_array(&w);
    for (unsigned i = 0; i < t->n_layers; i++) {
        bool is_default = i == 0 && k->p->defaults.node != JSON_NONE;
        if (!is_default || (k->p->defaults_in_cases && !off)) (void)import_asserts(k->p, &t->layers[i], grader, &w);
    }
    json_array_end(&w);
}

static void put_vars(struct making *k, const struct template_var *vars, unsigned n) {
    if (n == 0) return;
    json_key(&k->w, "vars");
    json_object(&k->w);
    for (unsigned i = 0; i < n; i++) {
        json_key_slice(&k->w, vars[i].name);
        json_put_string(&k->w, vars[i].value);
        k->ret->names_files = k->ret->names_files || slice_starts(vars[i].value, SLICE("file:"));
    }
    json_object_end(&k->w);
}

static void put_case(struct making *k, const unsigned *chosen, struct slice checks, struct slice cluster) {
    struct template_var vars[MOST_VARS + 2], raw[MOST_VARS];
    const struct import_layer *at;
    const struct import_test *t = k->test;
    unsigned n = 0;
    double threshold;
    struct slice description = SLICE_NULL;
    for (unsigned i = 0; i < k->n_vars; i++)
        if (k->vars[i].n > 0) raw[n++] = (struct template_var){k->vars[i].name, k->vars[i].values[chosen[i]]};
    const unsigned given = n;
    for (unsigned i = 0; i < n; i++) vars[i] = (struct template_var){raw[i].name, rendered(k, raw[i].name, raw[i].value, raw, given)};
    if (k->prompt != NULL) {
        if (k->ret->varying_affixes) {
            struct slice prefix = option_text(k, t, "prefix"), suffix = option_text(k, t, "suffix");
            vars[n++] = (struct template_var){SLICE("__prefix"), rendered(k, SLICE("__prefix"), prefix.at ? prefix : SLICE(""), raw, given)};
            vars[n++] = (struct template_var){SLICE("__suffix"), rendered(k, SLICE("__suffix"), suffix.at ? suffix : SLICE(""), raw, given)};
        }
        fill_missing(k, k->prompt->text.at != NULL ? k->prompt->text : k->prompt->messages, vars, &n);
        fill_missing(k, k->ret->prefix, vars, &n);
        fill_missing(k, k->ret->suffix, vars, &n);
    }
    fill_missing(k, checks, vars, &n);
    fill_missing(k, k->p->default_checks, vars, &n);
    uint32_t node = find(t, "description", &at);
    if (node != JSON_NONE) description = json_string(&at->d->doc, node, k->p->m->arena);
    if (k->ret->n++ > 0) buffer_byte(&k->ret->json, ',');
    json_start(&k->w, &k->ret->json);
    json_object(&k->w);
    put_id(k, description);
    put_vars(k, vars, n);
    if (slice_contains(checks, SLICE("\"faithful\"")) || slice_contains(k->p->default_checks, SLICE("\"faithful\"")) ||
        slice_contains(checks, SLICE("not-faithful")))
        for (unsigned i = 0; i < n; i++)
            if (slice_is(vars[i].name, "context")) json_member_string(&k->w, "context", vars[i].value);
    put_tags(k);
    node = find(t, "threshold", &at);
    if (node != JSON_NONE && json_get_double(&at->d->doc, node, &threshold)) json_member_double(&k->w, "threshold", threshold);
    if (cluster.at != NULL) json_member_string(&k->w, "cluster", cluster);
    if (checks.len > 2) json_member_raw(&k->w, "checks", checks);
    json_object_end(&k->w);
}

/* Each combination of the variables' alternatives. */
static void put_combinations(struct making *k) {
    const struct import_layer *l = k->test->n_layers > 0 ? &k->test->layers[k->test->n_layers - 1] : &k->p->defaults;
    unsigned chosen[MOST_VARS] = {0};
    uint64_t product = 1;
    struct buffer checks;
    for (unsigned i = 0; i < k->n_vars; i++) product *= k->vars[i].n > 1 ? k->vars[i].n : 1, product = product > UINT32_MAX ? UINT32_MAX : product;
    if (product + k->ret->n > LIMIT_SUITE_CASES) {
        import_left(k->p, l, l->node, "the test: its variables make %llu combinations, a suite has at most %d cases", (unsigned long long)product,
                    LIMIT_SUITE_CASES);
        return;
    }
    struct slice cluster = product > 1 ? arena_printf(k->p->m->arena, SLICE_FMT, SLICE_ARG(l->where)) : SLICE_NULL;
    buffer_init(&checks, LIMIT_SUITE_FILE);
    write_checks(k, &checks);
    for (bool more = true; more;) {
        put_case(k, chosen, buffer_slice(&checks), cluster);
        more = false;
        for (unsigned i = k->n_vars; i > 0 && !more; i--) { /* the last one turns fastest */
            if (++chosen[i - 1] < k->vars[i - 1].n) more = true;
            else chosen[i - 1] = 0;
        }
    }
    buffer_deinit(&checks);
}

/* ---- all tests ---- */

static bool is_asked(struct making *k, const struct import_test *t) {
    const struct import_layer *at;
    uint32_t node;
    if (find(t, "providerOutput", &at) != JSON_NONE || find(t, "provider", &at) != JSON_NONE) return false;
    node = find(t, "prompts", &at);
    if (node != JSON_NONE && k->prompt != NULL && !import_matches(&at->d->doc, node, k->prompt->id, k->prompt->label, k->p->m->arena)) return false;
    node = find(t, "providers", &at);
    return node == JSON_NONE || k->target == NULL || import_matches(&at->d->doc, node, k->target->id, k->target->label, k->p->m->arena);
}

/* promptfoo puts them around the text of a chat as well, which makes no JSON of it. */
static void note_affixes(struct making *k) {
    struct slice name = k->prompt->label.len > 0 ? k->prompt->label : k->prompt->id;
    bool quiet = k->p->m->quiet;
    if (table_put(&k->p->missing, arena_printf(k->p->m->arena, "prefix of " SLICE_FMT, SLICE_ARG(name)), k->p) != NULL) return;
    k->p->m->quiet = false; /* told once, by whichever suite has it first */
    import_note(k->p->m, IMPORT_LEFT_OUT, k->p->file, 1, SLICE("tests"),
                "`prefix` and `suffix` of options: the prompt " SLICE_FMT " is a list of messages; put them into one of these", SLICE_ARG(name));
    k->p->m->quiet = quiet;
}

static void look_at_affixes(struct making *k) {
    struct promptfoo *p = k->p;
    struct import_cases *c = k->ret;
    for (unsigned i = 0; i < p->n_tests; i++) {
        struct slice prefix = option_text(k, &p->tests[i], "prefix"), suffix = option_text(k, &p->tests[i], "suffix");
        if (i == 0) c->prefix = prefix, c->suffix = suffix;
        c->varying_affixes = c->varying_affixes || !slice_eq(c->prefix, prefix) || !slice_eq(c->suffix, suffix);
    }
    if (c->varying_affixes) c->prefix = c->suffix = SLICE_NULL;
    if (k->prompt == NULL || k->prompt->text.at != NULL || (!c->varying_affixes && c->prefix.len + c->suffix.len == 0)) return;
    note_affixes(k);
    c->varying_affixes = false;
    c->prefix = c->suffix = SLICE_NULL;
}

void import_write_cases(struct promptfoo *p, const struct import_prompt *prompt, const struct import_target *target, struct import_cases *ret) {
    struct making *k = arena_new(p->m->arena, struct making);
    *ret = (struct import_cases){.n = 0};
    buffer_init(&ret->json, LIMIT_SUITE_FILE);
    if (k == NULL) return;
    *k = (struct making){.p = p, .prompt = prompt, .target = target, .ret = ret};
    table_init(&k->ids);
    look_at_affixes(k);
    for (unsigned i = 0; i < p->n_tests; i++) {
        const struct import_layer *at;
        const struct import_test *t = &p->tests[i];
        bool off = false;
        if (prompt == NULL)
            for (unsigned l = p->defaults.node != JSON_NONE; l < t->n_layers; l++) import_note_layer(p, &t->layers[l]);
        if (!is_asked(k, t)) continue;
        k->test = t;
        k->n_vars = 0;
        uint32_t node = find_option(t->layers, t->n_layers, "disableVarExpansion", &at);
        if (node != JSON_NONE) (void)json_get_bool(&at->d->doc, node, &off);
        for (unsigned l = 0; l < t->n_layers; l++) read_variables(k, &t->layers[l], !off);
        put_combinations(k);
    }
    table_deinit(&k->ids);
}
