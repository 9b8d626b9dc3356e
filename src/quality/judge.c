#include "quality/judge.h"

#include <math.h>
#include <stdio.h>

#define MAX_TOKENS 2048 /* a verdict takes some 100; one that lists the claims of a long answer, or thinks first, takes the rest */
#define MAX_TOKENS_LEAST 16
#define MAX_TOKENS_MOST (1 << 20)

static const char *const scales[] = {"binary", "1-5", "pairwise"};
#define SCALES (sizeof scales / sizeof *scales)

const char *judge_scale_name(enum judge_scale s) { return scales[s]; }

/* ---- the declaration ---- */

struct reading {
    const struct declared *d;
    struct slice name;
    const char *file;
    struct arena *arena;
    struct judge *j;
    struct problems *problems;
};

static void tell(struct reading *r, uint32_t node, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void tell(struct reading *r, uint32_t node, const char *format, ...) {
    char words[LIMIT_ERROR_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    problems_add(r->problems, r->arena, r->file, declared_line(r->d, node), 0, "judges." SLICE_FMT ": %s", SLICE_ARG(r->name), words);
}

static struct slice found(struct reading *r, uint32_t node) {
    struct slice raw = json_raw(&r->d->doc, node);
    if (raw.len <= 60) return raw;
    size_t n = 60;
    while (n > 0 && ((unsigned char)raw.at[n] & 0xC0) == 0x80) n--;
    return slice_make(raw.at, n);
}

static void wrong(struct reading *r, uint32_t node, const char *member, const char *expected) {
    tell(r, node, "`%s`: expected %s, found " SLICE_FMT, member, expected, SLICE_ARG(found(r, node)));
}

static void read_model(struct reading *r, uint32_t node, const char *member) {
    struct slice model = json_string(&r->d->doc, node, r->arena);
    if (model.len == 0) wrong(r, node, member, "the name of a model");
    else if (r->j->n_models == JUDGE_PANEL) tell(r, node, "`models`: expected at most %d models", JUDGE_PANEL);
    else r->j->models[r->j->n_models++] = model;
}

static void read_models(struct reading *r, uint32_t node) {
    uint32_t cursor = JSON_NONE, item;
    if (json_type(&r->d->doc, node) != JSON_ARRAY || json_size(&r->d->doc, node) == 0) wrong(r, node, "models", "a list of models");
    else
        while (json_each_item(&r->d->doc, node, &cursor, &item)) read_model(r, item, "models");
}

static void read_scale(struct reading *r, uint32_t node) {
    for (unsigned s = 0; s < SCALES; s++)
        if (json_is(&r->d->doc, node, scales[s])) {
            r->j->scale = (enum judge_scale)s;
            return;
        }
    wrong(r, node, "scale", "binary, 1-5 or pairwise");
}

static void read_rubric(struct reading *r, uint32_t node) {
    struct error why = {.fault = FAULT_NONE};
    bool any = false;
    struct slice text = json_string(&r->d->doc, node, r->arena);
    if (slice_trim(text).len == 0) wrong(r, node, "rubric", "what the judge is to look for, as text");
    else if (!template_check(text, &any, &why)) tell(r, node, "`rubric`: %s", why.text);
    else r->j->rubric = text;
}

static void read_temperature(struct reading *r, uint32_t node) {
    double t = NAN;
    if (json_type(&r->d->doc, node) != JSON_NULL && !(json_get_double(&r->d->doc, node, &t) && t >= 0 && t <= 2))
        wrong(r, node, "temperature", "a number from 0 to 2, or null");
    r->j->temperature = t == 0 ? 0 : t; /* no -0: it would be another identity */
}

static void read_max_tokens(struct reading *r, uint32_t node) {
    int64_t n = -1;
    if (json_type(&r->d->doc, node) != JSON_NULL &&
        !(json_get_i64(&r->d->doc, node, &n) && n >= MAX_TOKENS_LEAST && n <= MAX_TOKENS_MOST))
        wrong(r, node, "max_tokens", "a whole number of at least 16, or null");
    r->j->max_tokens = n;
}

static void read_own_name(struct reading *r, uint32_t node) {
    if (!slice_eq(json_string(&r->d->doc, node, r->arena), r->name)) wrong(r, node, "judge", "its own name");
}

static void read_one_model(struct reading *r, uint32_t node) { read_model(r, node, "model"); }

static const struct member {
    const char *name;
    void (*read)(struct reading *r, uint32_t node);
} members[] = {
    {"judge", read_own_name},  {"model", read_one_model},           {"models", read_models},         {"scale", read_scale},
    {"rubric", read_rubric},   {"temperature", read_temperature},   {"max_tokens", read_max_tokens},
};
#define MEMBERS (sizeof members / sizeof *members)

static void read_member(struct reading *r, uint32_t key, uint32_t value) {
    struct slice name = json_string(&r->d->doc, key, r->arena);
    const char *near = NULL;
    unsigned nearest = name.len < 3 ? 2 : (unsigned)name.len / 3 + 1;
    for (size_t i = 0; i < MEMBERS; i++) {
        unsigned distance = slice_distance(name, slice_of(members[i].name));
        if (distance == 0) {
            members[i].read(r, value);
            return;
        }
        if (distance >= nearest) continue;
        nearest = distance;
        near = members[i].name;
    }
    tell(r, key, "unknown key " SLICE_FMT "%s%s%s", SLICE_ARG(found(r, key)), near ? ", did you mean `" : "", near ? near : "",
         near ? "`?" : "");
}

enum fault judge_read(const struct declared *d, uint32_t node, struct slice name, const char *file, struct arena *arena,
                      struct judge *ret, struct problems *problems) {
    struct judge j = {.name = name, .max_tokens = MAX_TOKENS, .line = declared_line(d, node)};
    struct reading r = {.d = d, .name = name, .file = file, .arena = arena, .j = &j, .problems = problems};
    unsigned before = problems->count;
    uint32_t cursor = JSON_NONE, key, value;
    if (json_type(&d->doc, node) != JSON_OBJECT) {
        tell(&r, node, "expected a judge: a map with a `model`, found " SLICE_FMT, SLICE_ARG(found(&r, node)));
        return FAULT_CONFIG;
    }
    while (json_each_member(&d->doc, node, &cursor, &key, &value)) read_member(&r, key, value);
    for (size_t i = 0; i < MEMBERS; i++)
        if (json_count_key(&d->doc, node, members[i].name) > 1) tell(&r, node, "`%s` is declared twice", members[i].name);
    bool one = json_get(&d->doc, node, "model") != JSON_NONE, many = json_get(&d->doc, node, "models") != JSON_NONE;
    if (one == many) tell(&r, node, "expected `model` or `models`, found %s", one ? "both" : "neither");
    if (arena_is_full(arena)) tell(&r, node, "the declaration does not fit into its memory");
    if (problems->count > before || problems->more) return FAULT_CONFIG;
    *ret = j;
    return FAULT_NONE;
}

void judge_write(const struct judge *j, struct json_writer *w) {
    json_object(w);
    json_key(w, "models");
    json_array(w);
    for (unsigned i = 0; i < j->n_models; i++) json_put_string(w, j->models[i]);
    json_array_end(w);
    json_member_text(w, "scale", scales[j->scale]);
    if (!slice_is_null(j->rubric)) json_member_string(w, "rubric", j->rubric);
    json_member_double(w, "temperature", j->temperature);
    json_key(w, "max_tokens");
    if (j->max_tokens < 0) json_put_null(w);
    else json_put_i64(w, j->max_tokens);
    json_object_end(w);
}

/* ---- what it is ---- */

enum judge_form judge_form(const struct judge *j, const struct check *c) {
    static const enum judge_form of_scale[] = {JUDGE_FORM_BINARY, JUDGE_FORM_1_TO_5, JUDGE_FORM_PAIRWISE};
    return c->type == CHECK_TYPE_FAITHFUL ? JUDGE_FORM_CLAIMS : of_scale[j->scale];
}

unsigned judge_calls(const struct judge *j, const struct check *c) {
    return j->n_models * (judge_form(j, c) == JUDGE_FORM_PAIRWISE ? 2u : 1u);
}

struct slice judge_rubric(const struct judge *j, const struct check *c) {
    if (c->type == CHECK_TYPE_RELEVANT)
        return SLICE("The answer addresses what was asked: all of it, and nothing that has no bearing on it. Whether it is true "
                     "does not matter here.");
    if (c->type == CHECK_TYPE_FAITHFUL) return SLICE_NULL;
    if (slice_is_null(c->rubric) && slice_is_null(j->rubric) && j->scale == JUDGE_PAIRWISE)
        return SLICE("Which answer helps the one who asked more: is it right, does it do what was asked, is it complete.");
    return slice_is_null(c->rubric) ? j->rubric : c->rubric;
}

double judge_cut(const struct judge *j, const struct check *c) {
    static const struct {
        double step, cut;
    } of_form[] = {{1, 1}, {0.25, 0.75}, {0.5, 0.5}, {0, 1}};
    enum judge_form form = judge_form(j, c);
    if (j->n_models > 1 || form == JUDGE_FORM_CLAIMS) return c->threshold;
    return isnan(c->threshold) ? of_form[form].cut : ceil(c->threshold / of_form[form].step) * of_form[form].step;
}

void judge_identity(const struct judge *j, const struct check *c, struct digest *ret) {
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, LIMIT_BODY_CEILING);
    json_start(&w, &text);
    json_object(&w);
    json_member_i64(&w, "wording", JUDGE_WORDING);
    json_member_text(&w, "type", check_kinds[c->type].name);
    json_member_bool(&w, "not", c->negated);
    json_key(&w, "models");
    json_array(&w);
    for (unsigned i = 0; i < j->n_models; i++) json_put_string(&w, j->models[i]);
    json_array_end(&w);
    json_member_text(&w, "scale", c->type == CHECK_TYPE_FAITHFUL ? "claims" : scales[j->scale]);
    json_member_double(&w, "temperature", j->temperature);
    json_member_string(&w, "rubric", judge_rubric(j, c));
    json_member_double(&w, "cut", judge_cut(j, c));
    json_object_end(&w);
    digest_sha256(buffer_slice(&text), ret);
    buffer_deinit(&text);
}
