/* test_control_shapes.h - is an answer of the shape that its route states? */
#ifndef TEST_CONTROL_SHAPES_H
#define TEST_CONTROL_SHAPES_H

static inline void check_type(struct desk *d, uint32_t node, struct slice type, const char *where);

static inline const struct api_field *field_of(const char *schema, struct slice name) {
    for (const struct api_field *const *all = api_schemas; *all; all++)
    for (const struct api_field *f = *all; f->schema; f++)
        if (strcmp(f->schema, schema) == 0 && slice_is(name, f->name)) return f;
    return NULL;
}

static inline void check_object(struct desk *d, uint32_t node, const char *schema, const char *where) {
    uint32_t cursor = JSON_NONE, key, value;
    if (json_type(&d->doc, node) != JSON_OBJECT) fail_msg("%s: no %s", where, schema);
    while (json_each_member(&d->doc, node, &cursor, &key, &value)) {
        struct slice name = json_string(&d->doc, key, &d->arena);
        const struct api_field *f = field_of(schema, name);
        if (!f) fail_msg("%s: %s has no member " SLICE_FMT, where, schema, SLICE_ARG(name));
        else check_type(d, value, slice_of(f->type + (f->type[0] == '~')), f->name);
    }
    for (const struct api_field *const *all = api_schemas; *all; all++)
    for (const struct api_field *f = *all; f->schema; f++)
        if (strcmp(f->schema, schema) == 0 && f->type[0] != '~' && json_get(&d->doc, node, f->name) == JSON_NONE)
            fail_msg("%s: %s without %s", where, schema, f->name);
}

static inline void check_container(struct desk *d, uint32_t node, struct slice inner, bool array, const char *where) {
    uint32_t cursor = JSON_NONE, key, value;
    if (json_type(&d->doc, node) != (array ? JSON_ARRAY : JSON_OBJECT)) fail_msg("%s: no container", where);
    while (array ? json_each_item(&d->doc, node, &cursor, &value) : json_each_member(&d->doc, node, &cursor, &key, &value))
        check_type(d, value, inner, where);
}

static inline bool is_one_of(struct slice value, struct slice choices) {
    struct slice one;
    while (choices.len > 0) {
        slice_cut(choices, '|', &one, &choices);
        if (slice_eq(one, value)) return true;
    }
    return false;
}

static inline void check_type(struct desk *d, uint32_t node, struct slice type, const char *where) {
    enum json_type found = json_type(&d->doc, node);
    int64_t integer, time;
    bool nullable = slice_ends(type, SLICE("?")), good;
    if (nullable) type.len--;
    if (found == JSON_NULL && (nullable || slice_is(type, "json"))) return;
    if (type.at[0] == '[' || type.at[0] == '{') {
        check_container(d, node, slice_make(type.at + 1, type.len - 2), type.at[0] == '[', where);
        return;
    }
    if (type.at[0] >= 'A' && type.at[0] <= 'Z') {
        check_object(d, node, arena_text(&d->arena, type), where);
        return;
    }
    struct slice text = json_string(&d->doc, node, &d->arena);
    if (slice_is(type, "string")) good = found == JSON_STRING;
    else if (slice_is(type, "integer")) good = found == JSON_NUMBER && json_get_i64(&d->doc, node, &integer);
    else if (slice_is(type, "number")) good = found == JSON_NUMBER;
    else if (slice_is(type, "boolean")) good = found == JSON_TRUE || found == JSON_FALSE;
    else if (slice_is(type, "time")) good = found == JSON_STRING && clock_parse(text, &time);
    else good = slice_is(type, "json") || (found == JSON_STRING && is_one_of(text, type));
    if (!good) fail_msg("%s: " SLICE_FMT " is no " SLICE_FMT, where, SLICE_ARG(json_raw(&d->doc, node)), SLICE_ARG(type));
}

/* "/api/v1/keys/a/b" of "/api/v1/keys/{application}/{name}"; what is written out goes before a parameter. */
static inline int path_matches(struct slice path, struct slice pattern) {
    int literal = 1;
    while (path.len > 0 && pattern.len > 0) {
        struct slice a, b;
        slice_cut(path, '/', &a, &path);
        slice_cut(pattern, '/', &b, &pattern);
        if (b.len > 0 && b.at[0] == '{') continue;
        if (!slice_eq(a, b)) return 0;
        literal++;
    }
    return path.len == 0 && pattern.len == 0 ? literal : 0;
}

static inline void check_shape(struct desk *d, const char *method, const char *target) {
    const struct api_route *found = NULL;
    struct slice path, query;
    int best = 0;
    slice_cut(slice_of(target), '?', &path, &query);
    for (const struct api_route *r = api_routes; r->method; r++) {
        int match = strcmp(r->method, method) == 0 ? path_matches(path, slice_of(r->path)) : 0;
        if (match > best) best = match, found = r;
    }
    if (found && found->answer) check_object(d, 0, found->answer, target);
}

#endif
