#include "model/config_secret.h"

#include "base/limits.h"
#include "model/config.h"

enum { SHOWN, KEPT, CHANGED, COMMENT, SHORTEST = 6, STEPS = LIMIT_JSON_DEPTH };

/* ===== which are secret ===== */

/* Does "receivers.*.webhook.secret" name the steps? `[]` behind a name is a step of its own. */
static bool fits(const char *pattern, const struct slice *steps, unsigned n) {
    struct slice rest = slice_of(pattern), one;
    unsigned at = 0;
    while (rest.len > 0) {
        slice_cut(rest, '.', &one, &rest);
        bool items = slice_ends(one, SLICE("[]"));
        if (items) one.len -= 2;
        if (at == n || (!slice_is(one, "*") && !slice_eq(one, steps[at]))) return false;
        at++;
        if (items && (at == n || !slice_is(steps[at++], "[]"))) return false;
    }
    return at == n;
}

static bool is_secret_type(const char *type) { return strncmp(type, "secret", 6) == 0 || strncmp(type, "PEM", 3) == 0; }

/* The setting's type; NULL: no setting has this path. */
static const char *type_of(const struct slice *steps, unsigned n) {
    static const struct config_setting *(*const tables[])(unsigned *) = {config_settings, config_alert_settings, config_change_settings};
    for (unsigned t = 0; t < sizeof tables / sizeof *tables; t++) {
        unsigned count;
        const struct config_setting *s = tables[t](&count);
        for (unsigned i = 0; i < count; i++)
            if (fits(s[i].path, steps, n)) return s[i].type;
    }
    return NULL;
}

static bool called_like_one(struct slice key) {
    static const char *const words[] = {"secret", "password", "token", "api_key", "apikey", "routing_key", "authorization", "credential", "proxy"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_contains_nocase(key, slice_of(words[i]))) return true;
    return false;
}

static bool is_reference(struct slice s) {
    if (slice_starts(s, SLICE("file:"))) return true;
    if (slice_starts(s, SLICE("Bearer "))) s = slice_make(s.at + 7, s.len - 7);
    return slice_starts(s, SLICE("${")) && s.len > 3 && memchr(s.at, '}', s.len) == s.at + s.len - 1 && !slice_contains(s, SLICE(":-"));
}

/* ?key=word: what names an environment variable there is none. */
static bool has_secret_query(struct slice address) {
    struct slice path, query;
    if (!slice_cut(address, '?', &path, &query)) return false;
    bool named = called_like_one(query) || slice_contains_nocase(query, SLICE("key=")) || slice_contains_nocase(query, SLICE("sig="));
    return named && !(slice_contains(query, SLICE("=${")) && !slice_contains(query, SLICE(":-")));
}

/* https://user:word@host, or https://host?key=word */
static bool has_credential(struct slice s) {
    for (size_t i = 0; i + 3 < s.len; i++) {
        if (memcmp(s.at + i, "://", 3) != 0) continue;
        struct slice address = slice_make(s.at + i + 3, s.len - i - 3);
        for (size_t k = 0; k < address.len && address.at[k] != '/'; k++)
            if (address.at[k] == '@') return true;
        return has_secret_query(address);
    }
    return false;
}

bool config_is_secret(const struct slice *steps, unsigned n, const struct yaml_node *scalar) {
    static const char *const more[] = {"providers.*.headers.*", "receivers.*.*.url"};
    if (scalar->type != YAML_SCALAR || scalar->text.len == 0 || n == 0 || is_reference(scalar->text)) return false;
    if (has_credential(scalar->text)) return true;
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++)
        if (fits(more[i], steps, n)) return true;
    const char *type = type_of(steps, n);
    return type != NULL ? is_secret_type(type) : called_like_one(steps[n - 1]);
}

/* ===== the text without them ===== */

struct masking {
    struct config_mask *m;
    struct slice steps[STEPS];
};

static void hide(struct config_mask *m, size_t from, size_t to, unsigned char as) {
    for (; from < to && from < m->text.len; from++)
        if (m->hidden[from] == SHOWN) m->hidden[from] = as;
}

/* The same words elsewhere: in a comment, behind an alias. */
static void hide_all(struct config_mask *m, struct slice secret, unsigned char as) {
    if (secret.len < SHORTEST) return;
    for (size_t i = 0; i + secret.len <= m->text.len; i++) {
        const char *at = memchr(m->text.at + i, secret.at[0], m->text.len - secret.len + 1 - i);
        if (at == NULL) return;
        i = (size_t)(at - m->text.at);
        if (memcmp(at, secret.at, secret.len) == 0) hide(m, i, i + secret.len, as);
    }
}

static const struct yaml_node *twin(const struct yaml_node *in, const struct yaml_node *list, const struct yaml_node *c, unsigned number) {
    if (in == NULL || in->type != list->type) return NULL;
    const struct yaml_node *name = list->type == YAML_LIST ? yaml_get(c, "name") : NULL, *o = in->first;
    for (; o != NULL; o = o->next) {
        const struct yaml_node *other = name != NULL ? yaml_get(o, "name") : NULL;
        if (list->type == YAML_MAP ? slice_eq(o->key, c->key) : name != NULL ? other != NULL && slice_eq(other->text, name->text) : number-- == 0) return o;
    }
    return NULL;
}

static void walk(struct masking *k, const struct yaml_node *node, const struct yaml_node *root, const struct yaml_node *before, unsigned n) {
    unsigned number = 0;
    if (node->type == YAML_SCALAR) {
        if (!config_is_secret(k->steps, n, node)) return;
        unsigned char as = root != NULL && (before == NULL || !slice_eq(before->text, node->text)) ? CHANGED : KEPT;
        size_t end = node->end;
        while (end > node->begin && end <= k->m->text.len && (k->m->text.at[end - 1] == '\n' || k->m->text.at[end - 1] == '\r')) end--;
        hide(k->m, node->begin, end, as);
        hide_all(k->m, node->text, as);
        return;
    }
    for (const struct yaml_node *c = node->first; c != NULL && n < STEPS; c = c->next) {
        k->steps[n] = node->type == YAML_MAP ? c->key : SLICE("[]");
        walk(k, c, root, twin(before, node, c, number++), n + 1);
    }
}

static void hide_comments(struct config_mask *m) {
    size_t start = 0;
    for (size_t i = 0; i <= m->text.len; i++) {
        if (i < m->text.len && m->text.at[i] != '\n') continue;
        for (size_t at = start; at < i; at++) {
            if (m->text.at[at] != '#' || (at > start && m->text.at[at - 1] != ' ' && m->text.at[at - 1] != '\t')) continue;
            struct slice words = slice_make(m->text.at + at, i - at);
            if (called_like_one(words) || slice_contains_nocase(words, SLICE("key:")) || has_credential(words)) hide(m, at, i, COMMENT);
            break;
        }
        start = i + 1;
    }
}

bool config_mask(struct slice text, const struct yaml_node *root, const struct yaml_node *before, struct arena *arena, struct config_mask *ret) {
    struct masking *k = arena_new(arena, struct masking);
    *ret = (struct config_mask){.text = text, .hidden = arena_alloc(arena, text.len + 1)};
    if (k == NULL || ret->hidden == NULL) return false;
    memset(ret->hidden, SHOWN, text.len + 1);
    k->m = ret;
    if (root != NULL) walk(k, root, before, before, 0);
    hide_comments(ret);
    return true;
}

void config_masked(const struct config_mask *m, size_t from, size_t to, struct buffer *out) {
    static const char *const instead[] = {"", CONFIG_KEPT, CONFIG_CHANGED, "# (a comment that is not shown)"};
    for (size_t i = from; i < to; i++) {
        if (m->hidden[i] == SHOWN) {
            buffer_byte(out, m->text.at[i]);
        } else if (i == from || m->hidden[i - 1] != m->hidden[i]) {
            buffer_append(out, slice_of(instead[m->hidden[i]]));
        }
    }
}

/* ===== what is kept ===== */

bool config_keep(struct yaml_node *value, const struct yaml_node *before, struct slice *steps, unsigned n) {
    unsigned number = 0;
    if (value->type == YAML_SCALAR) {
        if (!slice_is(value->text, CONFIG_KEPT)) return true;
        if (before == NULL || before->type != YAML_SCALAR || !config_is_secret(steps, n, before)) return false;
        value->text = before->text;
        value->plain = before->plain;
        return true;
    }
    for (struct yaml_node *c = value->first; c != NULL && n < STEPS; c = c->next) {
        steps[n] = value->type == YAML_MAP ? c->key : SLICE("[]");
        if (!config_keep(c, twin(before, value, c, number++), steps, n + 1)) return false;
    }
    return true;
}
