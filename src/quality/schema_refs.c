#include "quality/schema_private.h"

enum { URI_LONGEST = 8192, RESOURCES = 4096 };

/* ---- RFC 3986: references against a base ---- */

struct uri {
    struct slice scheme, authority, path,
        query; /* SLICE_NULL: absent; scheme with ':', authority with "//", query with '?' */
};

static struct slice take(struct slice *rest, size_t n) {
    struct slice head = slice_make(rest->at, n);
    *rest = slice_make(rest->at + n, rest->len - n);
    return head;
}

static size_t until(struct slice s, const char *stops) {
    size_t n = 0;
    while (n < s.len && strchr(stops, s.at[n]) == NULL) n++;
    return n;
}

static struct uri uri_split(struct slice s) {
    struct uri u = {SLICE_NULL, SLICE_NULL, SLICE_NULL, SLICE_NULL};
    size_t n = until(s, ":/?");
    if (n > 0 && n < s.len && s.at[n] == ':') u.scheme = take(&s, n + 1);
    if (s.len >= 2 && s.at[0] == '/' && s.at[1] == '/')
        u.authority = take(&s, 2 + until(slice_make(s.at + 2, s.len - 2), "/?"));
    u.path = take(&s, until(s, "?"));
    if (s.len > 0) u.query = s;
    return u;
}

/* Section 5.2.4, on a buffer that begins with the path at `from`. */
static void drop_dots(struct buffer *out, size_t from, struct slice in) {
    while (in.len > 0) {
        if (slice_starts(in, SLICE("../"))) (void)take(&in, 3);
        else if (slice_starts(in, SLICE("./")) || slice_starts(in, SLICE("/./"))) (void)take(&in, 2);
        else if (slice_is(in, "/.")) in = SLICE("/");
        else if (slice_starts(in, SLICE("/../")) || slice_is(in, "/..")) {
            in = in.len == 3 ? SLICE("/") : slice_make(in.at + 3, in.len - 3);
            while (out->len > from && out->at[out->len - 1] != '/') out->len--;
            if (out->len > from) out->len--;
        } else if (slice_is(in, ".") || slice_is(in, "..")) {
            return;
        } else {
            size_t n = in.at[0] == '/';
            buffer_append(out, take(&in, n + until(slice_make(in.at + n, in.len - n), "/")));
        }
    }
}

/* Section 5.2.2. SLICE_NULL when it is too long or the arena is full. */
static struct slice uri_join(struct slice base, struct slice reference, struct arena *arena) {
    if (reference.len == 0) return base;
    struct uri b = uri_split(base), r = uri_split(reference);
    struct slice path = r.path, joined = SLICE_NULL;
    struct buffer out, merged;
    buffer_init(&out, URI_LONGEST);
    buffer_init(&merged, URI_LONGEST);
    bool absolute = !slice_is_null(r.scheme), own = absolute || !slice_is_null(r.authority);
    buffer_append(&out, absolute ? r.scheme : b.scheme);
    buffer_append(&out, own ? r.authority : b.authority);
    if (!own && path.len == 0) {
        path = b.path;
    } else if (!own && path.at[0] != '/') { /* behind the base's last slash */
        size_t keep = b.path.len;
        while (keep > 0 && b.path.at[keep - 1] != '/') keep--;
        if (!slice_is_null(b.authority) && b.path.len == 0) buffer_byte(&merged, '/');
        buffer_append(&merged, slice_make(b.path.at, keep));
        buffer_append(&merged, path);
        path = buffer_slice(&merged);
    }
    drop_dots(&out, out.len, path);
    buffer_append(&out, !own && r.path.len == 0 && slice_is_null(r.query) ? b.query : r.query);
    if (!out.overflow && !merged.overflow)
        joined = arena_slice(arena, slice_make(buffer_text(&out), out.len));
    buffer_deinit(&merged);
    buffer_deinit(&out);
    return joined;
}

/* ---- discovery ---- */

static void *grown(struct schema *s, void *old, uint32_t *room, uint32_t n, size_t size) {
    if (n < *room) return old;
    uint32_t want = *room == 0 ? 16 : *room * 2;
    void *at = arena_resize(&s->arena, old, *room * size, want * size);
    if (at != NULL) *room = want;
    return at;
}

static bool add_resource(struct schema *s, uint32_t node, struct slice uri, uint32_t at, uint32_t *ret) {
    for (uint32_t i = 0; i < s->n_resources; i++)
        if (slice_eq(s->resources[i].uri, uri))
            return schema_fail(s, at, "expected an $id of its own, found `" SLICE_FMT "` a second time",
                               SLICE_ARG(uri));
    if (s->n_resources == RESOURCES)
        return schema_fail(s, at, "expected at most %d schemas with an $id", RESOURCES);
    struct resource *more = grown(s, s->resources, &s->resource_room, s->n_resources, sizeof *more);
    if (more == NULL) return schema_fail(s, at, "the schema does not fit into its memory");
    s->resources = more;
    *ret = s->n_resources;
    s->resources[s->n_resources++] = (struct resource){uri, node};
    return true;
}

/* The resource that `node` begins, when it has an $id; the root always is one. */
static bool find_base(struct schema *s, uint32_t node, uint32_t *base) {
    uint32_t at = json_get(s->doc, node, "$id");
    if (at == JSON_NONE) return node != s->root || add_resource(s, node, SLICE(""), node, base);
    struct slice id = json_string(s->doc, at, &s->arena);
    if (slice_is_null(id)) return schema_fail(s, at, "expected a URI as text");
    if (slice_ends(id, SLICE("#"))) id.len--;
    if (memchr(id.at, '#', id.len) != NULL)
        return schema_fail(
            s, at,
            "expected a URI without a fragment (a name within the schema is an $anchor), found `" SLICE_FMT
            "`",
            SLICE_ARG(id));
    if (id.len == 0) return node != s->root || add_resource(s, node, SLICE(""), node, base);
    struct slice uri = uri_join(node == s->root ? SLICE("") : s->resources[*base].uri, id, &s->arena);
    if (slice_is_null(uri)) return schema_fail(s, at, "expected a URI of at most %d bytes", URI_LONGEST);
    return add_resource(s, node, uri, at, base);
}

static struct slice anchor_name(struct schema *s, uint32_t base, struct slice name) {
    return arena_printf(&s->arena, SLICE_FMT "#" SLICE_FMT, SLICE_ARG(s->resources[base].uri),
                        SLICE_ARG(name));
}

static bool find_anchor(struct schema *s, uint32_t node, uint32_t base) {
    uint32_t at = json_get(s->doc, node, "$anchor");
    if (at == JSON_NONE) return true;
    struct slice name = json_string(s->doc, at, &s->arena);
    bool good = name.len > 0 && (name.at[0] == '_' || ((name.at[0] | 32) >= 'a' && (name.at[0] | 32) <= 'z'));
    for (size_t i = 0; i < name.len; i++)
        good = good && (name.at[i] == '-' || name.at[i] == '_' || name.at[i] == '.' ||
                        (name.at[i] >= '0' && name.at[i] <= '9') ||
                        ((name.at[i] | 32) >= 'a' && (name.at[i] | 32) <= 'z'));
    if (!good)
        return schema_fail(
            s, at, "expected a name that begins with a letter or _ and goes on with letters, digits, - _ .");
    uint32_t *place = arena_new(&s->arena, uint32_t);
    if (place == NULL) return schema_fail(s, at, "the schema does not fit into its memory");
    *place = node;
    if (table_put(&s->anchors, anchor_name(s, base, name), place) != NULL)
        return schema_fail(s, at, "expected an $anchor of its own, found `" SLICE_FMT "` a second time",
                           SLICE_ARG(name));
    return true;
}

static bool discover_members(struct schema *s, uint32_t node, uint32_t base) {
    uint32_t cursor = JSON_NONE, key, value, inner, child, rule;
    while (json_each_member(s->doc, node, &cursor, &key, &value)) {
        enum schema_form form = schema_form_of(json_string(s->doc, key, &s->arena));
        enum json_type type = json_type(s->doc, value);
        if (form == FORM_RULE && type == JSON_ARRAY && json_is(s->doc, key, "items"))
            return schema_fail(s, value, "expected a schema, found a list: 2020-12 calls it prefixItems");
        if (form == FORM_RULE && !schema_discover(s, value, base, &rule)) return false;
        if (form == FORM_RULES && (type != JSON_ARRAY || json_size(s->doc, value) == 0))
            return schema_fail(s, value, "expected a list of at least one schema");
        if (form == FORM_RULE_MAP && type != JSON_OBJECT)
            return schema_fail(s, value, "expected a map of schemas");
        inner = JSON_NONE;
        if (form == FORM_RULES)
            while (json_each_item(s->doc, value, &inner, &child))
                if (!schema_discover(s, child, base, &rule)) return false;
        inner = JSON_NONE;
        if (form == FORM_RULE_MAP)
            while (json_each_member(s->doc, value, &inner, NULL, &child))
                if (!schema_discover(s, child, base, &rule)) return false;
    }
    return true;
}

uint32_t schema_rule_at(const struct schema *s, uint32_t node) {
    enum json_type type = json_type(s->doc, node);
    if (type == JSON_TRUE) return RULE_TRUE;
    if (type == JSON_FALSE) return RULE_FALSE;
    return type == JSON_OBJECT && s->rule_of[node - s->root] != 0 ? s->rule_of[node - s->root] - 1
                                                                  : RULE_NONE;
}

bool schema_discover(struct schema *s, uint32_t node, uint32_t base, uint32_t *ret_rule) {
    enum json_type type = json_type(s->doc, node);
    *ret_rule = schema_rule_at(s, node);
    if (*ret_rule != RULE_NONE) return true;
    if (type != JSON_OBJECT) return schema_fail(s, node, "expected a schema: a map, true or false");
    if (!find_base(s, node, &base) || !find_anchor(s, node, base)) return false;
    struct rule *more = grown(s, s->rules, &s->room, s->n_rules, sizeof *more);
    if (more == NULL) return schema_fail(s, node, "the schema does not fit into its memory");
    s->rules = more;
    uint32_t rule = s->n_rules++;
    s->rules[rule] = (struct rule){.node = node, .base = base};
    s->rule_of[node - s->root] = rule + 1;
    *ret_rule = rule;
    return discover_members(s, node, base);
}

/* ---- references ---- */

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Percent-decoded; SLICE_NULL when it is malformed. */
static struct slice decoded(struct slice s, struct arena *arena) {
    char *out = arena_alloc(arena, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; out != NULL && i < s.len; i++) {
        if (s.at[i] != '%') {
            out[n++] = s.at[i];
            continue;
        }
        if (s.len - i < 3 || hex(s.at[i + 1]) < 0 || hex(s.at[i + 2]) < 0) return SLICE_NULL;
        out[n++] = (char)(hex(s.at[i + 1]) << 4 | hex(s.at[i + 2]));
        i += 2;
    }
    return slice_make(out, n);
}

/* One step of a JSON pointer (RFC 6901): ~1 is a slash, ~0 a tilde. */
static uint32_t step_into(struct schema *s, uint32_t node, struct slice token) {
    if (json_type(s->doc, node) == JSON_ARRAY) {
        uint64_t index;
        bool number = slice_to_u64(token, &index) && (token.len == 1 || token.at[0] != '0');
        return number && index < UINT32_MAX ? json_item(s->doc, node, (uint32_t)index) : JSON_NONE;
    }
    char *name = arena_alloc(&s->arena, token.len + 1);
    size_t n = 0;
    for (size_t i = 0; name != NULL && i < token.len; i++) {
        bool escape =
            token.at[i] == '~' && i + 1 < token.len && (token.at[i + 1] == '0' || token.at[i + 1] == '1');
        name[n++] = !escape ? token.at[i] : token.at[++i] == '0' ? '~' : '/';
    }
    return json_get_slice(s->doc, node, slice_make(name, n));
}

static uint32_t follow_pointer(struct schema *s, uint32_t node, struct slice pointer, uint32_t *base) {
    while (pointer.len > 0 && node != JSON_NONE) {
        pointer = slice_make(pointer.at + 1, pointer.len - 1);
        node = step_into(s, node, take(&pointer, until(pointer, "/")));
        uint32_t rule = node != JSON_NONE ? schema_rule_at(s, node) : RULE_NONE;
        if (rule != RULE_NONE && rule >= RULE_FIRST) *base = s->rules[rule].base;
    }
    return node;
}

bool schema_resolve(struct schema *s, uint32_t from, uint32_t node, struct slice reference,
                    uint32_t *ret_rule) {
    size_t n = until(reference, "#");
    struct slice fragment =
        n < reference.len ? slice_make(reference.at + n + 1, reference.len - n - 1) : SLICE("");
    struct slice uri =
        uri_join(s->resources[s->rules[from].base].uri, slice_make(reference.at, n), &s->arena);
    uint32_t base = 0, target = JSON_NONE;
    while (base < s->n_resources && !slice_eq(s->resources[base].uri, uri)) base++;
    if (slice_is_null(uri) || base == s->n_resources)
        return schema_fail(
            s, node, "expected a reference within this document (nothing is fetched), found `" SLICE_FMT "`",
            SLICE_ARG(reference));
    fragment = decoded(fragment, &s->arena);
    if (!slice_is_null(fragment)) {
        if (fragment.len == 0 || fragment.at[0] == '/') {
            target = follow_pointer(s, s->resources[base].node, fragment, &base);
        } else {
            const uint32_t *place = table_get(&s->anchors, anchor_name(s, base, fragment));
            if (place != NULL) target = *place;
        }
    }
    if (target == JSON_NONE)
        return schema_fail(s, node, "expected a reference to a part of this document, found `" SLICE_FMT "`",
                           SLICE_ARG(reference));
    return schema_discover(s, target, base, ret_rule);
}

/* ---- soundness: depth first over the rules that apply at the same place ---- */

static uint32_t neighbour(const struct rule *r, uint32_t i) {
    const uint32_t single[] = {r->ref, r->negated, r->condition, r->then, r->otherwise};
    const struct rule_list *const lists[] = {&r->all, &r->any, &r->one};
    if (i < 5) return single[i];
    i -= 5;
    for (int k = 0; k < 3; k++) {
        if (i < lists[k]->n) return lists[k]->at[i];
        i -= lists[k]->n;
    }
    return i < r->key_slots ? r->keys[i].dependent : RULE_NONE;
}

static uint32_t neighbours(const struct rule *r) {
    return 5 + r->all.n + r->any.n + r->one.n + (r->has_dependent ? r->key_slots : 0);
}

bool schema_is_sound(struct schema *s) {
    struct frame {
        uint32_t rule, next;
    } *stack = arena_new_array(&s->arena, struct frame, s->n_rules + 1);
    uint8_t *seen = arena_alloc(&s->arena, s->n_rules); /* 1: on the stack, 2: done */
    if (stack == NULL || seen == NULL)
        return schema_fail(s, s->root, "the schema does not fit into its memory");
    for (uint32_t first = RULE_FIRST; first < s->n_rules; first++) {
        uint32_t depth = 0;
        if (seen[first] == 0) stack[depth++] = (struct frame){first, 0};
        while (depth > 0) {
            struct frame *f = &stack[depth - 1];
            const struct rule *r = &s->rules[f->rule];
            seen[f->rule] = 1;
            if (f->next == neighbours(r)) {
                seen[f->rule] = 2;
                depth--;
                continue;
            }
            uint32_t to = neighbour(r, f->next++);
            if (to == RULE_NONE || to < RULE_FIRST || seen[to] == 2) continue;
            if (seen[to] == 1)
                return schema_fail(
                    s, r->node,
                    "expected a schema that ends: it comes back to itself at the same place of the value");
            stack[depth++] = (struct frame){to, 0};
        }
    }
    return true;
}
