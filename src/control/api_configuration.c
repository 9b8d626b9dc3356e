/* The configuration file over the API: what it says, by section and name, and one part of it changed in place. What is secret is
 * neither told nor logged, and stays where it comes back as it was told. */
#include "control/api.h"

#include "base/clock.h"
#include "base/log.h"
#include "change/text_diff.h"
#include "control/config_file.h"
#include "control/config_pending.h"
#include "model/config_edit.h"
#include "model/config_secret.h"

#include <stdio.h>

#define GENERAL "general" /* settings of the root that are in no section */
#define DIFF_MOST (256u << 10)

/* ---- the file as it is ---- */

struct file {
    struct buffer text;
    struct yaml_node *root;
    struct config_mask mask;
    char hash[2 * DIGEST_BYTES + 1];
};

static bool load(struct api_call *c, struct file *f) {
    struct error error;
    struct digest digest;
    int line;
    *f = (struct file){.root = NULL};
    if (c->policy == NULL || c->policy->file == NULL) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no configuration: start the server with one");
        return false;
    }
    buffer_init(&f->text, LIMIT_CONFIG_FILE);
    bool good = api_check(c, config_file_load(c->policy->file, &f->text, &error), &error) &&
                api_check(c, yaml_read(buffer_slice(&f->text), c->arena, &f->root, &line, &error), &error);
    if (good && (f->root == NULL || f->root->type != YAML_MAP)) {
        api_fail(c, FAULT_CONFIG, "%s is empty by now; the policy in force stays until a reload", c->policy->file);
        good = false;
    }
    if (good) {
        digest_sha256(buffer_slice(&f->text), &digest);
        digest_hex(digest.bytes, DIGEST_BYTES, f->hash);
        good = config_mask(buffer_slice(&f->text), f->root, NULL, c->arena, &f->mask);
        if (!good) api_fail(c, FAULT_TOO_LARGE, "%s is too large to be shown", c->policy->file);
    }
    if (!good) buffer_deinit(&f->text);
    return good;
}

static void put_file(struct api_call *c, const struct file *f) {
    struct json_writer *w = &c->json;
    struct error error = {.text = ""};
    struct digest digest;
    bool writable = config_file_writable(c->policy->file, &error);
    digest_sha256(buffer_slice(&f->text), &digest);
    json_member_text(w, "file", c->policy->file);
    json_member_text(w, "hash", f->hash);
    json_member_bool(w, "in_force", digest_eq(&digest, &c->policy->file_digest));
    json_member_bool(w, "writable", writable);
    json_member_text(w, "why_not", writable ? NULL : error.text);
}

static struct slice masked(struct api_call *c, const struct config_mask *m, size_t from, size_t to) {
    struct buffer out;
    buffer_init(&out, LIMIT_CONFIG_FILE);
    config_masked(m, from, to, &out);
    struct slice s = arena_slice(c->arena, out.len > 0 ? buffer_slice(&out) : SLICE(""));
    buffer_deinit(&out);
    return s;
}

static struct slice shown(void *ctx, const struct slice *steps, unsigned n, const struct yaml_node *scalar) {
    (void)ctx;
    return config_is_secret(steps, n, scalar) ? SLICE(CONFIG_KEPT) : SLICE_NULL;
}

static void put_value(struct json_writer *w, const struct yaml_node *node, struct slice *steps, unsigned n) {
    static const struct config_shown how = {.text = shown};
    config_to_json(node, &how, steps, n, w);
}

/* ---- GET /configuration ---- */

static bool is_plain_section(struct slice section) {
    unsigned n;
    const struct config_setting *s = config_settings(&n);
    for (unsigned i = 0; i < n; i++)
        if (slice_starts(slice_of(s[i].path), section) && s[i].path[section.len] == '.' && s[i].path[section.len + 1] != '*') return true;
    return false;
}

static void put_entry(struct api_call *c, const struct file *f, const struct yaml_node *section, const struct yaml_node *node) {
    struct json_writer *w = &c->json;
    struct slice steps[LIMIT_JSON_DEPTH] = {section->key};
    bool list = section->type == YAML_LIST, block = node->type != YAML_SCALAR && !node->flow && node->end > node->begin && node->column > 0;
    struct slice text = node->end > node->begin ? masked(c, &f->mask, node->begin, node->end) : SLICE("");
    json_object(w);
    json_member_string(w, "name", list ? config_item_name(section, node, c->arena) : node->key);
    json_member_i64(w, "line", node->key_line > 0 ? node->key_line : node->line);
    json_member_bool(w, "alias", node->alias);
    json_key(w, "value");
    steps[1] = list ? SLICE("[]") : node->key;
    if (section == node) put_value(w, node, steps, 1);
    else put_value(w, node, steps, 2);
    json_member_string(w, "yaml", block ? arena_printf(c->arena, "%*s" SLICE_FMT, node->column - 1, "", SLICE_ARG(text)) : text);
    json_object_end(w);
}

static void put_general(struct api_call *c, const struct file *f) {
    struct json_writer *w = &c->json;
    json_object(w);
    json_member_text(w, "name", GENERAL);
    json_member_text(w, "kind", "settings");
    json_member_i64(w, "line", 1);
    json_key(w, "entries");
    json_array(w);
    for (const struct yaml_node *s = f->root->first; s != NULL; s = s->next)
        if (s->type == YAML_SCALAR && s->text.len > 0) put_entry(c, f, s, s);
    json_array_end(w);
    json_object_end(w);
}

void api_configuration(struct api_call *c) {
    struct json_writer *w = &c->json;
    struct file f;
    if (!load(c, &f)) return;
    json_object(w);
    put_file(c, &f);
    json_key(w, "sections");
    json_array(w);
    put_general(c, &f);
    for (const struct yaml_node *s = f.root->first; s != NULL; s = s->next) {
        if (s->type == YAML_SCALAR) continue;
        json_object(w);
        json_member_string(w, "name", s->key);
        json_member_text(w, "kind", s->type == YAML_LIST ? "list" : is_plain_section(s->key) ? "settings" : "map");
        json_member_i64(w, "line", s->key_line);
        json_key(w, "entries");
        json_array(w);
        for (const struct yaml_node *n = s->first; n != NULL; n = n->next) put_entry(c, &f, s, n);
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
    buffer_deinit(&f.text);
}

/* ---- GET /settings ---- */

static const struct yaml_node *node_of(const struct file *f, const char *path) {
    struct config_path p = {.n = 0};
    struct slice rest = slice_of(path);
    while (rest.len > 0 && p.n < CONFIG_EDIT_STEPS) slice_cut(rest, '.', &p.steps[p.n++], &rest);
    return config_find(f->root, &p);
}

static void put_setting(struct api_call *c, const struct file *f, const struct config_setting *s) {
    struct json_writer *w = &c->json;
    struct slice path = slice_of(s->path), section, rest, steps[LIMIT_JSON_DEPTH];
    bool one = strpbrk(s->path, "*[|") == NULL && strncmp(s->type, "map", 3) != 0 && strncmp(s->type, "list", 4) != 0;
    bool secret = strncmp(s->type, "secret", 6) == 0 || strncmp(s->type, "PEM", 3) == 0;
    bool inside = slice_cut(path, '.', &section, &rest);
    if (slice_ends(section, SLICE("[]"))) section.len -= 2;
    bool whole = !inside && (strncmp(s->type, "map", 3) == 0 || strncmp(s->type, "list", 4) == 0); /* the section itself */
    const struct yaml_node *node = one ? node_of(f, s->path) : NULL;
    unsigned n = 0;
    for (rest = path; one && rest.len > 0 && n < CONFIG_EDIT_STEPS; n++) slice_cut(rest, '.', &steps[n], &rest);
    json_object(w);
    json_member_string(w, "section", inside || whole ? section : SLICE(GENERAL));
    json_member_text(w, "path", s->path);
    json_member_text(w, "type", s->type);
    json_member_text(w, "default", s->fallback != NULL && s->fallback[0] != 0 ? s->fallback : NULL);
    json_member_bool(w, "required", s->fallback == NULL);
    json_member_text(w, "help", s->help);
    json_member_bool(w, "reloadable", s->reloadable);
    json_member_bool(w, "secret", secret);
    json_member_text(w, "from", !one ? "each" : node != NULL ? "file" : s->fallback != NULL && s->fallback[0] != 0 ? "default" : "nothing");
    json_key(w, "line");
    if (node != NULL) json_put_i64(w, node->line);
    else json_put_null(w);
    json_key(w, "value");
    if (node != NULL) put_value(w, node, steps, n);
    else json_put_text(w, one && s->fallback != NULL && s->fallback[0] != 0 ? s->fallback : NULL);
    json_object_end(w);
}

void api_settings(struct api_call *c) {
    static const struct config_setting *(*const tables[])(unsigned *) = {config_settings, config_change_settings, config_alert_settings};
    struct file f;
    if (!load(c, &f)) return;
    json_object(&c->json);
    put_file(c, &f);
    json_key(&c->json, "settings");
    json_array(&c->json);
    for (unsigned t = 0; t < sizeof tables / sizeof *tables; t++) {
        unsigned n;
        const struct config_setting *s = tables[t](&n);
        for (unsigned i = 0; i < n; i++) put_setting(c, &f, &s[i]);
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
    buffer_deinit(&f.text);
}

/* ---- PUT /configuration/{section}/{name} ---- */

struct change {
    struct file file;
    struct config_path path;
    struct yaml_node *value; /* NULL: taken out */
    struct buffer text;      /* as it is to be */
    struct buffer diff, problems;
    bool changed, needs_restart;
};

static void path_of(struct api_call *c, struct config_path *ret) {
    struct slice section = api_text(c, "section"), name = api_text(c, "name");
    *ret = (struct config_path){.n = 0};
    if (!slice_is(section, GENERAL)) ret->steps[ret->n++] = section;
    if (slice_is(section, GENERAL) || !is_plain_section(section)) {
        ret->steps[ret->n++] = name;
        return;
    }
    while (name.len > 0 && ret->n < CONFIG_EDIT_STEPS) slice_cut(name, '.', &ret->steps[ret->n++], &name); /* tls.cert */
}

/* Steps as secrets are looked up by: an item of a list is "[]". */
static unsigned steps_of(const struct file *f, const struct config_path *p, struct slice *steps) {
    struct config_path above = *p;
    for (unsigned i = 0; i < p->n; i++) {
        above.n = i;
        const struct yaml_node *in = i > 0 ? config_find(f->root, &above) : f->root;
        steps[i] = in != NULL && in->type == YAML_LIST ? SLICE("[]") : p->steps[i];
    }
    return p->n;
}

static bool read_value(struct api_call *c, struct change *ch) {
    struct slice text = api_text(c, "value"), steps[LIMIT_JSON_DEPTH + CONFIG_EDIT_STEPS];
    struct json_doc doc;
    struct error error;
    int line;
    if (slice_is_null(text)) return true;
    if (json_read(text, c->arena, UINT16_MAX, &doc, &error) == FAULT_NONE) ch->value = config_from_json(&doc, 0, c->arena);
    else if (yaml_read(text, c->arena, &ch->value, &line, &error) != FAULT_NONE) {
        api_fail(c, FAULT_BAD_REQUEST, "value: %s", error.text);
        return false;
    }
    if (ch->value == NULL) return true; /* `null` and nothing are the same */
    if (ch->value->type == YAML_SCALAR && ch->value->plain && (ch->value->text.len == 0 || slice_is(ch->value->text, "null"))) {
        ch->value = NULL;
        return true;
    }
    unsigned n = steps_of(&ch->file, &ch->path, steps);
    if (config_keep(ch->value, config_find(ch->file.root, &ch->path), steps, n)) return true;
    api_fail(c, FAULT_BAD_REQUEST, "value: `" CONFIG_KEPT "` stands where there was no secret to be kept: give it, as ${NAME} or file:PATH");
    return false;
}

/* The first item of a list that the file does not have yet. */
static bool begin_list(struct api_call *c, struct change *ch) {
    const struct yaml_node *section = config_find(ch->file.root, &(struct config_path){.steps = {ch->path.steps[0]}, .n = 1});
    unsigned n;
    const struct config_setting *s = config_settings(&n);
    bool list = false;
    for (unsigned i = 0; i < n && !list; i++) list = slice_is(ch->path.steps[0], s[i].path) && strncmp(s[i].type, "list", 4) == 0;
    if (!list || ch->value == NULL || ch->path.n != 2 || (section != NULL && section->count > 0)) return true;
    struct yaml_node *whole = arena_new(c->arena, struct yaml_node);
    if (whole == NULL) return false;
    *whole = (struct yaml_node){.type = YAML_LIST, .first = ch->value, .count = 1};
    ch->value = whole;
    ch->path.n = 1;
    return true;
}

/* Only a restart puts it in force. */
static bool waits_for_restart(const struct config_path *p) {
    char dotted[LIMIT_LABEL * 2] = "";
    unsigned n;
    size_t len = 0;
    const struct config_setting *s = config_settings(&n);
    for (unsigned i = 0; i < p->n && len < sizeof dotted; i++)
        len += (size_t)snprintf(dotted + len, sizeof dotted - len, "%s" SLICE_FMT, i > 0 ? "." : "", SLICE_ARG(p->steps[i]));
    for (unsigned i = 0; i < n; i++)
        if (strcmp(s[i].path, dotted) == 0) return !s[i].reloadable;
    return false;
}

/* What somebody else made of the file that is in force; nothing where it is not known what they saw. */
static void refuse_meanwhile(struct api_call *c, struct slice seen) {
    struct buffer diff;
    struct file now;
    char in_force[2 * DIGEST_BYTES + 1];
    if (!load(c, &now)) return;
    buffer_init(&diff, DIFF_MOST);
    digest_hex(c->policy->file_digest.bytes, DIGEST_BYTES, in_force);
    if (slice_is(seen, in_force)) text_diff_lines(c->policy->file_shown, masked(c, &now.mask, 0, now.text.len), c->arena, &diff);
    const char *words = arena_text(c->arena, arena_printf(c->arena, "%s was changed by somebody else meanwhile%s; look again", c->policy->file,
                                                          diff.len > 0 && !diff.overflow ? ", as said here" : ""));
    api_fail_problems(c, FAULT_CONFLICT, words, diff.len > 0 && !diff.overflow ? buffer_slice(&diff) : SLICE_NULL);
    buffer_deinit(&diff);
    buffer_deinit(&now.text);
}

static bool tell_difference(struct api_call *c, struct change *ch) {
    struct yaml_node *now = NULL;
    struct config_mask after;
    struct error error;
    int line;
    struct slice text = buffer_slice(&ch->text);
    if (!api_check(c, yaml_read(text, c->arena, &now, &line, &error), &error)) return false;
    if (!config_mask(text, now, ch->file.root, c->arena, &after)) {
        api_fail(c, FAULT_TOO_LARGE, "the file is too large to be compared");
        return false;
    }
    text_diff_lines(masked(c, &ch->file.mask, 0, ch->file.text.len), masked(c, &after, 0, text.len), c->arena, &ch->diff);
    return true;
}

/* What would be: the new text, what differs, what is wrong with it. */
static bool prepare(struct api_call *c, struct change *ch, enum fault *ret_fault) {
    struct problems problems = {0};
    struct error error = {.text = ""};
    struct slice hash = api_text(c, "hash");
    path_of(c, &ch->path);
    if (!slice_is_null(hash) && !slice_is(hash, ch->file.hash)) {
        refuse_meanwhile(c, hash);
        return false;
    }
    if (!read_value(c, ch) || !begin_list(c, ch) || !api_check(c, config_edit(buffer_slice(&ch->file.text), &ch->path, ch->value, c->arena, &ch->text, &error), &error)) return false;
    ch->changed = !slice_eq(buffer_slice(&ch->text), buffer_slice(&ch->file.text));
    ch->needs_restart = waits_for_restart(&ch->path);
    *ret_fault = config_file_check(c->policy->file, buffer_slice(&ch->text), c->arena, &problems, &error);
    problems_write(&problems, &ch->problems);
    return tell_difference(c, ch);
}

static void put_lines(struct json_writer *w, const char *key, struct slice text) {
    struct slice line;
    json_key(w, key);
    json_array(w);
    while (text.len > 0) {
        slice_cut(text, '\n', &line, &text);
        json_put_string(w, line);
    }
    json_array_end(w);
}

static void hash_of(const struct buffer *text, char out[2 * DIGEST_BYTES + 1]) {
    struct digest digest;
    digest_sha256(buffer_slice(text), &digest);
    digest_hex(digest.bytes, DIGEST_BYTES, out);
}

static void answer(struct api_call *c, const struct change *ch, bool made, uint64_t revision) {
    struct json_writer *w = &c->json;
    char hash[2 * DIGEST_BYTES + 1];
    hash_of(made ? &ch->text : &ch->file.text, hash);
    json_object(w);
    json_member_bool(w, "changed", ch->changed);
    json_member_bool(w, "made", made);
    json_member_bool(w, "needs_restart", ch->needs_restart);
    put_lines(w, "diff", buffer_slice(&ch->diff));
    put_lines(w, "problems", buffer_slice(&ch->problems));
    json_key(w, "revision");
    if (made && revision > 0) json_put_u64(w, revision);
    else json_put_null(w);
    json_member_text(w, "hash", hash);
    json_object_end(w);
}

static struct slice subject_of(struct api_call *c) {
    return arena_printf(c->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(api_text(c, "section")), SLICE_ARG(api_text(c, "name")));
}

struct making {
    struct api_call *c;
    const struct change *change;
    bool told; /* in the audit log */
};

/* Before the file is another one, so that no change is without its entry, whenever the server is killed. */
static enum fault tell_first(void *ctx, struct error *error) {
    struct making *m = ctx;
    struct buffer detail;
    struct json_writer w;
    char hash[2 * DIGEST_BYTES + 1];
    hash_of(&m->change->text, hash);
    buffer_init(&detail, DIFF_MOST * 2);
    json_start(&w, &detail);
    json_object(&w);
    json_member_text(&w, "file", m->c->policy->file);
    json_member_text(&w, "sha256", hash);
    json_member_text(&w, "before", m->change->file.hash);
    put_lines(&w, "diff", buffer_slice(&m->change->diff));
    json_object_end(&w);
    enum fault fault = detail.overflow ? error_set(error, FAULT_TOO_LARGE, "the difference is too large for the audit log")
                                       : config_pending_begin(m->c->s->registry, slice_of(hash), error);
    if (fault == FAULT_NONE) fault = api_audit(m->c, "configuration.set", subject_of(m->c), buffer_slice(&detail), error);
    m->told = fault == FAULT_NONE;
    if (!m->told) (void)!config_pending_end(m->c->s->registry, NULL); /* nothing is to come: else the next start would say that it was undone */
    buffer_deinit(&detail);
    return fault;
}

static void tell_undone(struct api_call *c, const char *why) {
    struct error error = {.text = ""};
    struct buffer detail;
    struct json_writer w;
    buffer_init(&detail, 8 * LIMIT_ERROR_TEXT);
    json_start(&w, &detail);
    json_object(&w);
    json_member_text(&w, "why", why);
    json_object_end(&w);
    enum fault fault = api_audit(c, "configuration.undone", subject_of(c), buffer_slice(&detail), &error);
    buffer_deinit(&detail);
    if (fault == FAULT_NONE) fault = config_pending_end(c->s->registry, &error);
    if (fault != FAULT_NONE) log_event(LOG_ERROR, "the audit log does not have that a change of the configuration was undone", "error", error.text, NULL);
}

/* Told, written, read again; what cannot be, does not stay. */
static void make(struct api_call *c, const struct change *ch) {
    struct error error = {.text = ""}, back;
    struct buffer problems;
    uint64_t revision = 0;
    struct making m = {.c = c, .change = ch};
    struct slice before = buffer_slice(&ch->file.text), after = buffer_slice(&ch->text);
    if (!api_need_registry(c)) return;
    enum fault fault = config_file_replace(c->policy->file, before, after, &(struct config_file_ready){tell_first, &m}, &error);
    if (fault != FAULT_NONE) {
        if (m.told) tell_undone(c, error.text);
        api_fail(c, fault, "%s", error.text);
        return;
    }
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    fault = c->s->reload != NULL ? c->s->reload(c->s->ctx, &revision, &problems) : FAULT_NONE;
    if (fault == FAULT_NONE) {
        (void)!config_pending_end(c->s->registry, &error); /* else the next start finds it as it was meant to be */
        answer(c, ch, true, revision);
    } else {
        bool undone = config_file_replace(c->policy->file, after, before, NULL, &back) == FAULT_NONE;
        const char *words = arena_text(c->arena, arena_printf(c->arena, "the policy in force stays; the file %s",
                                                              undone ? "is as it was" : "could not be put back: the one before is beside it, as .before"));
        if (undone) tell_undone(c, "with it the policy could not be built");
        api_fail_problems(c, fault, words, buffer_slice(&problems));
    }
    buffer_deinit(&problems);
}

void api_configuration_set(struct api_call *c) {
    struct change ch = {.value = NULL};
    enum fault fault = FAULT_NONE;
    if (!load(c, &ch.file)) return;
    buffer_init(&ch.text, LIMIT_CONFIG_FILE);
    buffer_init(&ch.diff, DIFF_MOST);
    buffer_init(&ch.problems, DIFF_MOST);
    if (prepare(c, &ch, &fault)) {
        if (api_has_choice(c, "dry_run", "true", false) || (!ch.changed && fault == FAULT_NONE)) answer(c, &ch, false, 0);
        else if (fault != FAULT_NONE) api_fail_problems(c, FAULT_BAD_REQUEST, "with this the configuration has problems; nothing was changed", buffer_slice(&ch.problems));
        else make(c, &ch);
    }
    buffer_deinit(&ch.problems);
    buffer_deinit(&ch.diff);
    buffer_deinit(&ch.text);
    buffer_deinit(&ch.file.text);
}
