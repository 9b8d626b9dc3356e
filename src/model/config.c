/* Reading: problems with their places, ${ENV} and file:, and filling structs by the settings table. */
#include "model/config_table.h"

#include "base/limits.h"
#include "model/config_secret.h"

#include <stdio.h>

enum { MOST_SHOWN = 60, MOST_DISTANCE = 2, MOST_NEIGHBOURS = 64 };

/* ===== problems ===== */

void config_complain(struct config_reader *r, int line, int column, const char *format, ...) {
    va_list args;
    va_start(args, format);
    problems_add_list(r->problems, r->out, r->file, line, column, format, args);
    va_end(args);
}

bool config_is_null(const struct yaml_node *node) {
    return node == NULL || (node->type == YAML_SCALAR && node->plain &&
                            (node->text.len == 0 || slice_is(node->text, "~") || slice_is(node->text, "null")));
}

const char *config_place(struct config_reader *r, const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *place = arena_text(&r->temp, slice_of(text));
    return place != NULL ? place : "";
}

/* What stands in the file, never what a variable holds. */
static const char *shown(struct config_reader *r, const struct yaml_node *node) {
    if (node->type == YAML_LIST) return "a list";
    if (node->type == YAML_MAP) return "a map";
    size_t len = node->text.len;
    if (len > MOST_SHOWN)
        for (len = MOST_SHOWN; len > 0 && ((unsigned char)node->text.at[len] & 0xC0) == 0x80;) len--;
    return config_place(r, "`" SLICE_FMT "%s`", (int)len, node->text.at ? node->text.at : "", len < node->text.len ? "…" : "");
}

const char *config_nearest(struct slice word, const char *const *names, unsigned n) {
    const char *best = NULL;
    unsigned least = MOST_DISTANCE + 1;
    for (unsigned i = 0; i < n; i++) {
        struct slice name = slice_of(names[i]);
        unsigned d = slice_distance(word, name);
        /* a short word is two edits from any other: at least half of it must be right */
        if (d >= least || 2 * d > (word.len > name.len ? word.len : name.len)) continue;
        least = d;
        best = names[i];
    }
    for (unsigned i = 0; i < n && best == NULL; i++) {
        struct slice name = slice_of(names[i]);
        if (word.len > 1 && name.len > 1 && (slice_starts(name, word) || slice_starts(word, name))) best = names[i];
    }
    return best;
}

/* ===== ${ENV} and file: ===== */

static void append_variable(struct config_reader *r, const char *place, const struct yaml_node *node, struct slice inside,
                            struct buffer *out, bool *good) {
    struct slice name, fallback;
    size_t n = 0;
    while (n < inside.len && (inside.at[n] == '_' || (inside.at[n] >= 'A' && inside.at[n] <= 'Z') || (inside.at[n] >= 'a' && inside.at[n] <= 'z') ||
                              (n > 0 && inside.at[n] >= '0' && inside.at[n] <= '9')))
        n++;
    name = slice_make(inside.at, n);
    fallback = slice_make(inside.at + n, inside.len - n);
    bool has_fallback = slice_starts(fallback, SLICE(":-"));
    if (n == 0 || (fallback.len > 0 && !has_fallback)) {
        config_complain(r, node->line, node->column, "%s: expected ${NAME} or ${NAME:-default}, found `${" SLICE_FMT "}`", place, SLICE_ARG(inside));
        *good = false;
        return;
    }
    const char *text = arena_text(&r->temp, name);
    const char *value = text != NULL && r->source->env != NULL ? r->source->env(r->source->ctx, text) : NULL;
    /* as in a shell, an empty variable takes the default too */
    if (value != NULL && (value[0] != 0 || !has_fallback)) {
        buffer_append(out, slice_of(value));
    } else if (has_fallback) {
        buffer_append(out, slice_make(fallback.at + 2, fallback.len - 2));
    } else {
        config_complain(r, node->line, node->column, "%s: the environment variable " SLICE_FMT " is not set", place, SLICE_ARG(name));
        *good = false;
    }
}

/* The text with ${NAME}, ${NAME:-default} filled in and $${ as ${; in r->temp. False after a problem. */
static bool expand(struct config_reader *r, const char *place, const struct yaml_node *node, struct slice *ret) {
    struct buffer out;
    struct slice rest = node->text;
    bool good = true;
    if (!slice_contains(rest, SLICE("${"))) {
        *ret = rest;
        return true;
    }
    buffer_init(&out, LIMIT_CONFIG_FILE);
    while (rest.len > 0) {
        bool escaped = slice_starts(rest, SLICE("$${"));
        const char *end = !escaped && slice_starts(rest, SLICE("${")) ? memchr(rest.at, '}', rest.len) : NULL;
        size_t used = escaped ? 3 : 1;
        if (escaped) {
            buffer_append(&out, SLICE("${"));
        } else if (end != NULL) {
            used = (size_t)(end - rest.at) + 1;
            append_variable(r, place, node, slice_make(rest.at + 2, used - 3), &out, &good);
        } else if (slice_starts(rest, SLICE("${"))) {
            config_complain(r, node->line, node->column, "%s: expected } behind ${", place);
            good = false;
        } else {
            buffer_byte(&out, rest.at[0]);
        }
        rest = slice_make(rest.at + used, rest.len - used);
    }
    *ret = arena_slice(&r->temp, good && out.len > 0 ? buffer_slice(&out) : SLICE(""));
    good = good && !out.overflow;
    buffer_deinit(&out);
    return good;
}

static bool read_file(struct config_reader *r, const char *place, const struct yaml_node *node, bool trim, struct slice *text) {
    struct buffer content;
    struct error error = {0};
    const char *path = arena_text(&r->temp, slice_make(text->at + 5, text->len - 5));
    buffer_init(&content, LIMIT_CONFIG_FILE);
    enum fault fault = path == NULL || r->source->file == NULL ? error_set(&error, FAULT_IO, "files cannot be read here")
                                                               : r->source->file(r->source->ctx, path, &content, &error);
    if (fault != FAULT_NONE) config_complain(r, node->line, node->column, "%s: %s", place, error.text[0] ? error.text : fault_text(fault));
    struct slice s = buffer_slice(&content);
    if (trim && s.len > 0 && s.at[s.len - 1] == '\n') s.len--;
    if (trim && s.len > 0 && s.at[s.len - 1] == '\r') s.len--;
    *text = arena_slice(&r->temp, s.at != NULL ? s : SLICE(""));
    buffer_deinit(&content);
    return fault == FAULT_NONE;
}

static bool is_secret(enum config_kind kind) {
    return kind == KIND_SECRET || kind == KIND_PEM;
}

/* The scalar's text as it is meant; false after a problem. */
static bool scalar(struct config_reader *r, const char *place, const struct yaml_node *node, enum config_kind kind, struct slice *ret) {
    if (node->type != YAML_SCALAR) {
        config_complain(r, node->line, node->column, "%s: expected a single value, found %s", place, shown(r, node));
        return false;
    }
    if (!expand(r, place, node, ret)) return false;
    if (is_secret(kind) && slice_starts(*ret, SLICE("file:")) && !read_file(r, place, node, kind == KIND_SECRET, ret)) return false;
    if (ret->len > 0 && memchr(ret->at, 0, ret->len) != NULL) {
        config_complain(r, node->line, node->column, "%s: expected text, found a zero byte", place);
        return false;
    }
    return true;
}

const char *config_text(struct config_reader *r, const char *place, struct yaml_node *node, enum config_kind kind) {
    const char *text = NULL;
    const struct config_row row = {.kind = kind, .offset = 0, .size = sizeof text};
    char expected[LIMIT_ERROR_TEXT];
    struct slice s;
    if (!scalar(r, place, node, kind, &s)) return NULL;
    if (!config_store(&r->policy->arena, &row, "", s, &text, expected))
        config_complain(r, node->line, node->column, "%s: expected %s, found %s", place, expected, shown(r, node));
    return text;
}

/* ===== structs ===== */

static void store_node(struct config_reader *r, const struct config_row *row, const char *place, struct yaml_node *node, void *raw) {
    enum yaml_type type = row->kind == KIND_LIST ? YAML_LIST : YAML_MAP;
    if (node->type == type)
        *(struct yaml_node **)(void *)((char *)raw + row->offset) = node;
    else
        config_complain(r, node->line, node->column, "%s: expected a %s, found %s", place, type == YAML_LIST ? "list" : "map",
                        shown(r, node));
}

static void store_value(struct config_reader *r, const struct config_row *row, const struct config_setting *setting, const char *place,
                        struct yaml_node *node, void *raw) {
    char expected[LIMIT_ERROR_TEXT] = "";
    struct slice text;
    /* keys and tokens live on only as digests */
    bool passing = row->kind == KIND_SECRET && (row->scope == SCOPE_KEY || row->scope == SCOPE_TOKEN);
    struct arena *arena = passing ? &r->temp : &r->policy->arena;
    if (row->kind == KIND_LIST || row->kind == KIND_MAP) {
        store_node(r, row, place, node, raw);
    } else if (scalar(r, place, node, row->kind, &text) &&
               !config_store(arena, row, setting->type, text, raw, expected)) {
        if (is_secret(row->kind))
            config_complain(r, node->line, node->column, "%s: expected %s, found something else (not shown)", place, expected);
        else
            config_complain(r, node->line, node->column, "%s: expected %s, found %s", place, expected, shown(r, node));
    }
}

/* "timeouts.connect" in a map of maps; NULL when it or a map on the way is absent. */
static struct yaml_node *node_at(const struct yaml_node *map, const char *name) {
    struct slice rest = slice_of(name), step;
    struct yaml_node *node = NULL;
    while (map != NULL && map->type == YAML_MAP && rest.len > 0) {
        slice_cut(rest, '.', &step, &rest);
        for (node = map->first; node != NULL && !slice_eq(node->key, step);) node = node->next;
        map = node;
    }
    return rest.len == 0 ? node : NULL;
}

/* The row's next step behind `section` ("" or "timeouts."): "connect". SLICE_NULL when it is elsewhere. */
static struct slice step_behind(const struct config_row *row, enum config_scope scope, struct slice section, bool *ret_last) {
    struct slice step, rest, name = slice_of(row->name);
    if (row->scope != scope || !slice_starts(name, section)) return SLICE_NULL;
    *ret_last = !slice_cut(slice_make(name.at + section.len, name.len - section.len), '.', &step, &rest);
    return step;
}

static void complain_of_key(struct config_reader *r, enum config_scope scope, struct slice section, const char *place, const struct yaml_node *node) {
    const char *names[MOST_NEIGHBOURS], *list = "";
    unsigned n_rows, n = 0;
    const struct config_row *rows = config_rows(&n_rows);
    bool last;
    for (unsigned i = 0; i < n_rows && n < MOST_NEIGHBOURS; i++) {
        struct slice step = step_behind(&rows[i], scope, section, &last);
        if (slice_is_null(step) || (n > 0 && slice_is(step, names[n - 1]))) continue;
        names[n] = config_place(r, SLICE_FMT, SLICE_ARG(step));
        list = config_place(r, "%s%s`%s`", list, n > 0 ? ", " : "", names[n]);
        n++;
    }
    const char *near = config_nearest(node->key, names, n);
    const char *hint = near != NULL ? config_place(r, "did you mean `%s`?", near) : config_place(r, "expected one of %s", list);
    config_complain(r, node->key_line, node->key_column, "%s" SLICE_FMT SLICE_FMT ": unknown key; %s", place, SLICE_ARG(section),
                    SLICE_ARG(node->key), hint);
}

/* Keys that no row knows, here and in the sections below. */
static void check_keys(struct config_reader *r, enum config_scope scope, struct slice section, const char *place, struct yaml_node *map) {
    unsigned n_rows;
    const struct config_row *rows = config_rows(&n_rows);
    for (struct yaml_node *node = map->first; node != NULL; node = node->next) {
        bool known = false, last = false;
        for (unsigned i = 0; i < n_rows && !known; i++) {
            struct slice step = step_behind(&rows[i], scope, section, &last);
            known = !slice_is_null(step) && slice_eq(step, node->key);
        }
        if (!known) {
            complain_of_key(r, scope, section, place, node);
        } else if (!last && node->type == YAML_MAP) {
            check_keys(r, scope, slice_of(config_place(r, SLICE_FMT SLICE_FMT ".", SLICE_ARG(section), SLICE_ARG(node->key))), place, node);
        } else if (!last && !config_is_null(node)) {
            config_complain(r, node->line, node->column, "%s" SLICE_FMT SLICE_FMT ": expected a map, found %s", place, SLICE_ARG(section),
                            SLICE_ARG(node->key), shown(r, node));
        }
    }
}

void config_fill(struct config_reader *r, enum config_scope scope, const char *place, struct yaml_node *map, void *raw) {
    unsigned n_rows;
    const struct config_row *rows = config_rows(&n_rows);
    const struct config_setting *settings = config_settings(&n_rows);
    char expected[LIMIT_ERROR_TEXT];
    if (map->type != YAML_MAP && !config_is_null(map)) {
        int len = (int)strlen(place) - 1; /* without its dot */
        if (len < 0)
            config_complain(r, map->line, map->column, "expected a map of settings, found %s", shown(r, map));
        else
            config_complain(r, map->line, map->column, "%.*s: expected a map, found %s", len, place, shown(r, map));
        return;
    }
    for (unsigned i = 0; i < n_rows; i++) {
        if (rows[i].scope != scope) continue;
        const char *fallback = settings[i].fallback;
        bool plain = rows[i].kind != KIND_LIST && rows[i].kind != KIND_MAP;
        struct yaml_node *node = node_at(map, rows[i].name);
        if (plain && fallback != NULL && fallback[0] != 0)
            (void)config_store(&r->policy->arena, &rows[i], settings[i].type, slice_of(fallback), raw, expected);
        if (!config_is_null(node))
            store_value(r, &rows[i], &settings[i], config_place(r, "%s%s", place, rows[i].name), node, raw);
        else if (fallback == NULL)
            config_complain(r, map->line, map->column, "%s%s: this is required (%s)", place, rows[i].name, settings[i].type);
    }
    check_keys(r, scope, SLICE(""), place, map);
}

/* ===== the whole ===== */

/* "line 3, column 5: words" has its place in front already. */
static void complain_of_syntax(struct config_reader *r, int line, const char *text) {
    int column = 1, used = 0;
    if (sscanf(text, "line %d, column %d: %n", &line, &column, &used) < 2) used = 0;
    config_complain(r, line, column, "%s", text + used);
}

static enum fault finish(struct config_reader *r, struct policy **ret) {
    if (arena_is_full(&r->temp) || arena_is_full(&r->policy->arena)) config_complain(r, 1, 1, "the configuration is too large");
    arena_deinit(&r->temp);
    if (r->problems->count > 0 || r->problems->more) {
        policy_drop(r->policy);
        return FAULT_CONFIG;
    }
    *ret = r->policy;
    return FAULT_NONE;
}

static void keep_shown(struct config_reader *r, struct slice yaml, const struct yaml_node *root) {
    struct config_mask mask;
    struct buffer shown;
    buffer_init(&shown, 2 * (size_t)LIMIT_CONFIG_FILE);
    if (config_mask(yaml, root, NULL, &r->temp, &mask)) config_masked(&mask, 0, yaml.len, &shown);
    if (shown.len > 0 && !shown.overflow) r->policy->file_shown = arena_slice(&r->policy->arena, buffer_slice(&shown));
    buffer_deinit(&shown);
}

enum fault config_read(struct slice yaml, const char *file, const struct config_source *source, const struct config_registry *registry,
                       struct arena *arena, struct policy **ret_policy, struct problems *problems) {
    static const struct config_registry nothing;
    struct config_reader r = {.file = file, .source = source, .out = arena, .problems = problems};
    struct error error = {0};
    struct yaml_node *root = NULL;
    int line = 1;
    *problems = (struct problems){0};
    arena_init(&r.temp, 64u << 10, 16 * (size_t)LIMIT_CONFIG_FILE);
    r.policy = policy_new();
    r.names = r.policy;
    r.policy->file = arena_text(&r.policy->arena, slice_of(file));
    digest_sha256(yaml, &r.policy->file_digest);
    if (yaml.len > LIMIT_CONFIG_FILE)
        config_complain(&r, 1, 1, "expected at most %u bytes, found %zu", LIMIT_CONFIG_FILE, yaml.len);
    else if (yaml_read(yaml, &r.temp, &root, &line, &error) != FAULT_NONE)
        complain_of_syntax(&r, line, error.text);
    else if (config_is_null(root))
        config_complain(&r, 1, 1, "the file is empty; expected settings such as `listen` and `providers`");
    else {
        keep_shown(&r, yaml, root);
        config_build(&r, root, registry != NULL ? registry : &nothing);
    }
    return finish(&r, ret_policy);
}

/* ===== budgets and limits alone ===== */

static void take_out(struct yaml_node *map, const char *key) {
    for (struct yaml_node **at = &map->first; *at != NULL; at = &(*at)->next) {
        if (!slice_is((*at)->key, key)) continue;
        *at = (*at)->next;
        map->count--;
        return;
    }
}

static void give_name(struct config_reader *r, struct yaml_node *map, const char *name) {
    struct yaml_node *node = yaml_get(map, "name") == NULL ? arena_new(&r->temp, struct yaml_node) : NULL;
    if (node == NULL) return;
    *node = (struct yaml_node){.type = YAML_SCALAR, .line = map->line, .column = map->column, .text = slice_of(name), .key = SLICE("name"),
                               .key_line = map->line, .key_column = map->column, .next = map->first};
    map->first = node;
    map->count++;
}

static void read_rows(struct config_reader *r, const char *kind, const char *name, struct yaml_node *root) {
    bool limits = strcmp(kind, "limit") == 0;
    struct yaml_node *node;
    if (root->type == YAML_MAP) take_out(root, "reason"); /* why it is set is no part of what is set */
    bool whole_file = root->type == YAML_MAP && root->count > 0;
    for (node = root->first; node != NULL && whole_file; node = node->next)
        whole_file = slice_is(node->key, "budgets") || slice_is(node->key, "limits");
    if (whole_file) {
        for (node = root->first; node != NULL; node = node->next) {
            if (node->type != YAML_LIST)
                config_complain(r, node->line, node->column, SLICE_FMT ": expected a list, found %s", SLICE_ARG(node->key), shown(r, node));
            else if (slice_is(node->key, "limits"))
                config_limits(r, node, 0);
            else
                config_budgets(r, node, 0);
        }
        return;
    }
    if (root->type == YAML_MAP && name != NULL) give_name(r, root, name);
    if (root->type == YAML_LIST) {
        if (limits) config_limits(r, root, 0);
        else config_budgets(r, root, 0);
    } else if (limits) {
        config_limits(r, NULL, 1);
        config_limit(r, "", root);
    } else {
        config_budgets(r, NULL, 1);
        config_budget(r, "", root);
    }
}

enum fault config_read_allowances(struct slice text, const char *file, const char *kind, const char *name, const struct policy *names,
                                  struct arena *arena, struct policy **ret, struct problems *problems) {
    static const struct config_source nothing;
    struct config_reader r = {.file = file, .source = &nothing, .out = arena, .problems = problems, .names = names};
    struct error error = {0};
    struct yaml_node *root = NULL;
    int line = 1;
    *problems = (struct problems){0};
    arena_init(&r.temp, 16u << 10, 16 * (size_t)LIMIT_CONFIG_FILE);
    r.policy = policy_new();
    if (text.len > LIMIT_CONFIG_FILE)
        config_complain(&r, 1, 1, "expected at most %u bytes, found %zu", LIMIT_CONFIG_FILE, text.len);
    else if (yaml_read(text, &r.temp, &root, &line, &error) != FAULT_NONE)
        complain_of_syntax(&r, line, error.text);
    else if (config_is_null(root) || (root->type != YAML_MAP && root->type != YAML_LIST))
        config_complain(&r, 1, 1, "expected a %s, a list of them, or a map with `budgets` and `limits`", kind);
    else
        read_rows(&r, kind, name, root);
    if (problems->count == 0 && r.policy->n_budgets + r.policy->n_limits == 0)
        config_complain(&r, 1, 1, "no %s stands here", kind);
    return finish(&r, ret);
}
