/* The OpenAPI 3.1 document, made from the tables of routes and shapes. */
#include "control/api.h"

#include <stdio.h>

/* ---- types ---- */

static void put_type(struct json_writer *w, struct slice type);

static void put_choices(struct json_writer *w, struct slice choices, bool nullable) {
    struct slice one;
    json_key(w, "enum");
    json_array(w);
    while (choices.len > 0) {
        slice_cut(choices, '|', &one, &choices);
        json_put_string(w, one);
    }
    if (nullable) json_put_null(w);
    json_array_end(w);
}

static void put_type_name(struct json_writer *w, const char *name, bool nullable) {
    json_key(w, "type");
    if (!nullable) {
        json_put_text(w, name);
        return;
    }
    json_array(w);
    json_put_text(w, name);
    json_put_text(w, "null");
    json_array_end(w);
}

static void put_reference(struct json_writer *w, struct slice name) {
    char text[96];
    snprintf(text, sizeof text, "#/components/schemas/" SLICE_FMT, SLICE_ARG(name));
    json_object(w);
    json_member_text(w, "$ref", text);
    json_object_end(w);
}

/* A schema's name: alone it is a reference, nullable it is one of two. */
static void put_named(struct json_writer *w, struct slice name, bool nullable) {
    if (!nullable) {
        put_reference(w, name);
        return;
    }
    json_object(w);
    json_key(w, "oneOf");
    json_array(w);
    put_reference(w, name);
    json_object(w);
    json_member_text(w, "type", "null");
    json_object_end(w);
    json_array_end(w);
    json_object_end(w);
}

static void put_container(struct json_writer *w, struct slice inner, bool is_array) {
    json_object(w);
    put_type_name(w, is_array ? "array" : "object", false);
    json_key(w, is_array ? "items" : "additionalProperties");
    put_type(w, inner);
    json_object_end(w);
}

static void put_type(struct json_writer *w, struct slice type) {
    bool nullable = slice_ends(type, SLICE("?"));
    if (nullable) type.len--;
    if (type.at[0] == '[' || type.at[0] == '{') {
        put_container(w, slice_make(type.at + 1, type.len - 2), type.at[0] == '[');
        return;
    }
    if (type.at[0] >= 'A' && type.at[0] <= 'Z') {
        put_named(w, type, nullable);
        return;
    }
    json_object(w);
    if (slice_is(type, "time")) {
        put_type_name(w, "string", nullable);
        json_member_text(w, "format", "date-time");
    } else if (slice_is(type, "string") || slice_is(type, "integer") || slice_is(type, "number") || slice_is(type, "boolean")) {
        char name[16];
        snprintf(name, sizeof name, SLICE_FMT, SLICE_ARG(type));
        put_type_name(w, name, nullable);
    } else if (!slice_is(type, "json")) {
        put_choices(w, type, nullable);
    }
    json_object_end(w);
}

/* ---- shapes ---- */

static bool is_optional(const struct api_field *f) { return f->type[0] == '~'; }

static void put_property(struct json_writer *w, const struct api_field *f) {
    struct slice type = slice_of(f->type + is_optional(f));
    json_key(w, f->name);
    json_object(w);
    json_member_text(w, "description", f->help);
    json_key(w, "allOf"); /* beside a description, whatever the type is */
    json_array(w);
    put_type(w, type);
    json_array_end(w);
    json_object_end(w);
}

/* All rows of one schema; returns the first row behind them. */
static const struct api_field *put_schema(struct json_writer *w, const struct api_field *first) {
    const struct api_field *f, *end = first;
    while (end->schema && strcmp(end->schema, first->schema) == 0) end++;
    json_key(w, first->schema);
    json_object(w);
    json_member_text(w, "type", "object");
    json_key(w, "required");
    json_array(w);
    for (f = first; f < end; f++)
        if (!is_optional(f)) json_put_text(w, f->name);
    json_array_end(w);
    json_key(w, "properties");
    json_object(w);
    for (f = first; f < end; f++) put_property(w, f);
    json_object_end(w);
    json_object_end(w);
    return end;
}

static void put_components(struct json_writer *w) {
    json_key(w, "components");
    json_object(w);
    json_key(w, "securitySchemes");
    json_put_raw(w, SLICE("{\"operator\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
                          "\"an operator's token; not needed on the same machine while none is configured\"}}"));
    json_key(w, "schemas");
    json_object(w);
    for (const struct api_field *const *all = api_schemas; *all; all++)
        for (const struct api_field *f = *all; f->schema;) f = put_schema(w, f);
    json_object_end(w);
    json_object_end(w);
}

/* ---- parameters ---- */

static void put_parameter_schema(struct json_writer *w, const struct api_parameter *p) {
    json_object(w);
    switch (p->type) {
    case API_INTEGER:
        json_member_text(w, "type", "integer");
        json_member_i64(w, "minimum", p->low);
        json_member_i64(w, "maximum", p->high);
        break;
    case API_CHOICE:
        json_member_text(w, "type", "string");
        put_choices(w, slice_of(p->choices), false);
        break;
    case API_CHOICES:
        json_member_text(w, "type", "array");
        json_key(w, "items");
        json_object(w);
        put_choices(w, slice_of(p->choices), false);
        json_object_end(w);
        break;
    case API_STEP:
        json_member_text(w, "type", "string");
        json_member_text(w, "pattern", "^[0-9]+(s|m|h|d)$");
        break;
    case API_TIME: json_member_text(w, "type", "string"); break;
    case API_USD:
        json_member_text(w, "type", "number");
        json_member_i64(w, "exclusiveMinimum", 0);
        break;
    case API_SECRET:
    case API_TEXT:
        json_member_text(w, "type", "string");
        if (p->type == API_SECRET) json_member_text(w, "format", "password");
        json_member_i64(w, "minLength", 1);
        json_member_i64(w, "maxLength", p->high > 0 ? p->high : LIMIT_LABEL);
        break;
    }
    json_object_end(w);
}

static void put_help(struct json_writer *w, const struct api_parameter *p) {
    char text[256];
    snprintf(text, sizeof text, "%s%s%s%s", p->help, p->fallback ? " (default: " : "", p->fallback ? p->fallback : "",
             p->fallback ? ")" : "");
    json_member_text(w, "description", text);
}

static bool has_place(const struct api_route *r, enum api_place place) {
    for (const struct api_parameter *p = r->parameters; p && p->name; p++)
        if (p->place == place) return true;
    return false;
}

static void put_parameters(struct json_writer *w, const struct api_route *r) {
    if (!has_place(r, API_PATH) && !has_place(r, API_QUERY)) return;
    json_key(w, "parameters");
    json_array(w);
    for (const struct api_parameter *p = r->parameters; p->name; p++) {
        if (p->place == API_BODY) continue;
        json_object(w);
        json_member_text(w, "name", p->name);
        json_member_text(w, "in", p->place == API_PATH ? "path" : "query");
        json_member_bool(w, "required", p->required);
        put_help(w, p);
        if (p->type == API_CHOICES) {
            json_member_text(w, "style", "form");
            json_member_bool(w, "explode", false);
        }
        json_key(w, "schema");
        put_parameter_schema(w, p);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_body(struct json_writer *w, const struct api_route *r) {
    bool required = false;
    if (!has_place(r, API_BODY)) return;
    for (const struct api_parameter *p = r->parameters; p->name; p++) required |= p->place == API_BODY && p->required;
    json_key(w, "requestBody");
    json_object(w);
    json_member_bool(w, "required", required);
    json_key(w, "content");
    json_object(w);
    json_key(w, "application/json");
    json_object(w);
    json_key(w, "schema");
    json_object(w);
    json_member_text(w, "type", "object");
    json_member_bool(w, "additionalProperties", false);
    json_key(w, "required");
    json_array(w);
    for (const struct api_parameter *p = r->parameters; p->name; p++)
        if (p->place == API_BODY && p->required) json_put_text(w, p->name);
    json_array_end(w);
    json_key(w, "properties");
    json_object(w);
    for (const struct api_parameter *p = r->parameters; p->name; p++) {
        if (p->place != API_BODY) continue;
        json_key(w, p->name);
        json_object(w);
        put_help(w, p);
        json_key(w, "allOf");
        json_array(w);
        put_parameter_schema(w, p);
        json_array_end(w);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

/* ---- operations ---- */

static void put_response(struct json_writer *w, const char *status, const char *description, const char *content_type,
                         const char *schema) {
    json_key(w, status);
    json_object(w);
    json_member_text(w, "description", description);
    json_key(w, "content");
    json_object(w);
    json_key(w, content_type);
    json_object(w);
    if (schema) {
        json_key(w, "schema");
        put_reference(w, slice_of(schema));
    }
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

/* "getRecordsId" of GET /api/v1/records/{id}. */
static void put_operation_id(struct json_writer *w, const struct api_route *r) {
    char text[96];
    size_t n = 0;
    for (const char *m = r->method; *m; m++) text[n++] = (char)(*m | 0x20);
    bool upper = true;
    const char *path = strncmp(r->path, "/api/v1", 7) == 0 ? r->path + 7 : r->path;
    for (; *path && n + 1 < sizeof text; path++) {
        char a = *path;
        bool letter = a >= 'a' && a <= 'z';
        if (letter) text[n++] = (char)(upper ? a & ~0x20 : a);
        upper = !letter;
    }
    json_member_string(w, "operationId", n > strlen(r->method) ? slice_make(text, n) : SLICE("getHome"));
}

static void put_operation(struct json_writer *w, const struct api_route *r) {
    char method[12], status[8], role[96];
    size_t n = 0;
    for (; r->method[n]; n++) method[n] = (char)(r->method[n] | 0x20);
    method[n] = 0;
    json_key(w, method);
    json_object(w);
    put_operation_id(w, r);
    json_member_text(w, "summary", r->summary);
    snprintf(role, sizeof role, "Role: %s.", api_access_name(r->access));
    json_member_text(w, "description",
                     r->access == API_OPEN    ? "No token is needed."
                     : r->access == API_LOCAL ? "No token is needed on the same machine; elsewhere the role viewer."
                     : r->access == API_KEY   ? "An application's own key, or the role viewer."
                                              : role);
    json_member_raw(w, "security", r->access == API_OPEN    ? SLICE("[]")
                                   : r->access == API_LOCAL ? SLICE("[{},{\"operator\":[]}]")
                                                            : SLICE("[{\"operator\":[]}]"));
    put_parameters(w, r);
    put_body(w, r);
    json_key(w, "responses");
    json_object(w);
    snprintf(status, sizeof status, "%d", r->status);
    put_response(w, status, "Success", r->content_type ? r->content_type : "application/json", r->answer);
    if (strcmp(r->path, "/readyz") == 0) put_response(w, "503", "Not ready", "application/json", r->answer);
    if (r->access != API_OPEN) put_response(w, "default", "An error", "application/json", "Error");
    json_object_end(w);
    json_object_end(w);
}

static bool is_first_of_path(const struct api_route *r) {
    for (const struct api_route *o = api_routes; o < r; o++)
        if (strcmp(o->path, r->path) == 0) return false;
    return true;
}

void api_openapi(struct api_call *c) {
    struct json_writer *w = &c->json;
    json_object(w);
    json_member_text(w, "openapi", "3.1.0");
    json_key(w, "info");
    json_object(w);
    json_member_text(w, "title", "Quarterdeck control API");
    json_member_text(w, "version", VERSION);
    json_member_text(w, "description", "What operators and tools ask of a running gateway. Times are RFC 3339 in UTC.");
    json_object_end(w);
    json_member_raw(w, "servers", SLICE("[{\"url\":\"/\"}]"));
    json_key(w, "paths");
    json_object(w);
    for (const struct api_route *r = api_routes; r->method; r++) {
        if (!is_first_of_path(r)) continue;
        json_key(w, r->path);
        json_object(w);
        for (const struct api_route *o = r; o->method; o++)
            if (strcmp(o->path, r->path) == 0) put_operation(w, o);
        json_object_end(w);
    }
    json_object_end(w);
    put_components(w);
    json_object_end(w);
}
