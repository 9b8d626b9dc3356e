/* See definition_kind.h. */
#include "control/definition_kind.h"

#include "change/versions.h"
#include "quality/scoring.h"
#include "quality/suite.h"

static enum fault read_suite(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct definition_text *ret,
                             struct problems *problems) {
    struct suite s;
    enum fault fault = suite_read(text, file, files, arena, &s, problems);
    if (fault != FAULT_NONE) return fault;
    *ret = (struct definition_text){s.name, s.canonical, s.digest};
    suite_deinit(&s);
    return FAULT_NONE;
}

/* The map's own name, and the body as its writer has it. */
static enum fault finish(struct arena *arena, struct slice name, const struct buffer *body, struct definition_text *ret) {
    *ret = (struct definition_text){.name = name, .body = body->overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(body))};
    digest_sha256(ret->body, &ret->digest);
    return ret->body.at != NULL ? FAULT_NONE : FAULT_TOO_LARGE;
}

static enum fault open_named(struct reader *r, struct slice text, struct declared *d, const char *key, struct slice *ret_name) {
    unsigned before = r->problems->count;
    if (reader_open(r, text, d) != FAULT_NONE) return FAULT_CONFIG;
    uint32_t at = json_get(&d->doc, 0, key);
    if (at == JSON_NONE) reader_problem(r, 0, "expected the key `%s`, its name", key);
    reader_name(r, at, key, ret_name);
    return r->problems->count == before && !r->problems->more ? FAULT_NONE : FAULT_CONFIG;
}

static enum fault read_judge(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct definition_text *ret,
                             struct problems *problems) {
    struct reader r = {.file = file, .arena = arena, .problems = problems, .files = files};
    struct declared d;
    struct slice name = SLICE_NULL;
    struct judge j;
    struct buffer body;
    struct json_writer w;
    enum fault fault = open_named(&r, text, &d, "judge", &name);
    if (fault == FAULT_NONE) fault = judge_read(&d, 0, name, file, arena, &j, problems);
    if (fault != FAULT_NONE) return fault;
    struct buffer members; /* those of the judge, to stand behind its name */
    buffer_init(&body, LIMIT_CONFIG_FILE);
    buffer_init(&members, LIMIT_CONFIG_FILE);
    json_start(&w, &members);
    judge_write(&j, &w);
    buffer_append(&body, SLICE("{\"judge\":\""));
    json_escape(&body, name);
    buffer_append(&body, SLICE("\","));
    buffer_append(&body, slice_make(buffer_text(&members) + 1, members.len - 1));
    buffer_deinit(&members);
    fault = finish(arena, name, &body, ret);
    buffer_deinit(&body);
    return fault;
}

static enum fault read_scoring(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct definition_text *ret,
                               struct problems *problems) {
    struct scoring s;
    (void)files; /* it names none */
    enum fault fault = scoring_read(text, file, arena, &s, problems);
    if (fault != FAULT_NONE) return fault;
    *ret = (struct definition_text){s.name, s.body, s.digest};
    scoring_deinit(&s);
    return FAULT_NONE;
}

/* The body is the whole file, for the server keeps version, owner and suites beside what shapes an answer. */
static enum fault read_version(const char *kind, struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct definition_text *ret,
                               struct problems *problems) {
    struct version_file f;
    struct buffer body;
    enum fault fault = version_read(slice_of(kind), text, file, files, arena, &f, problems);
    if (fault != FAULT_NONE) return fault;
    buffer_init(&body, arena->max);
    version_write_file(&f, &body);
    fault = finish(arena, f.name, &body, ret);
    buffer_deinit(&body);
    if (fault == FAULT_NONE) ret->digest = f.digest;
    return fault;
}

static enum fault read_prompt(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct definition_text *ret,
                              struct problems *problems) {
    return read_version("prompt", text, file, files, arena, ret, problems);
}

static enum fault read_knowledge(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct definition_text *ret,
                                 struct problems *problems) {
    return read_version("knowledge", text, file, files, arena, ret, problems);
}

const struct definition_kind definition_kinds[] = {
    {"suite", "/api/v1/suites", read_suite},
    {"judge", "/api/v1/judges", read_judge},
    {"scoring", "/api/v1/scoring", read_scoring},
    {"prompt", "/api/v1/prompts", read_prompt},
    {"knowledge", "/api/v1/knowledge", read_knowledge},
    {NULL, NULL, NULL},
};

const struct definition_kind *definition_kind_of_path(const char *path) {
    for (const struct definition_kind *k = definition_kinds; k->name; k++)
        if (slice_starts(slice_of(path), slice_of(k->collection))) return k;
    return NULL;
}

/* Comments, marks of a document and what JSON has before its first key are passed over. */
const struct definition_kind *definition_kind_of_text(struct slice text, struct slice *ret_key) {
    size_t i = 0, from;
    for (;;) {
        while (i < text.len && strchr(" \t\r\n{\"'\xEF\xBB\xBF", text.at[i]) != NULL && text.at[i] != 0) i++;
        bool dashes = text.len - i >= 3 && memcmp(text.at + i, "---", 3) == 0;
        if (i >= text.len || (text.at[i] != '#' && text.at[i] != '%' && !dashes)) break;
        while (i < text.len && text.at[i] != '\n') i++;
    }
    for (from = i; i < text.len && strchr(":\"' \t\r\n,}", text.at[i]) == NULL; i++) continue;
    *ret_key = slice_make(text.at + from, i - from);
    for (const struct definition_kind *k = definition_kinds; k->name; k++)
        if (slice_is(*ret_key, k->name)) return k;
    return NULL;
}
