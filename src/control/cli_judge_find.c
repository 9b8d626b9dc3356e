/* Which judge is meant, and by which check: from a suite's file, from options, or as it was calibrated last. */
#include "control/cli_judge.h"

#include "base/yaml.h"
#include "control/config_file.h"
#include "control/judge_book.h"
#include "control/suggest.h"

#include <math.h>
#include <stdio.h>

#define CHOICES 64 /* different checks of one judge in one suite */

struct found {
    struct check checks[CHOICES];
    struct digest identities[CHOICES];
    unsigned n;
};

static int complain(const struct error *error) {
    fprintf(stderr, "quarterdeck: %s\n", error->text);
    return 3;
}

/* ---- a suite's file ---- */

static void take(struct judge_choice *c, const struct check *check, struct found *f) {
    struct digest id;
    judge_identity(&c->judge, check, &id);
    for (unsigned i = 0; i < f->n; i++)
        if (digest_eq(&f->identities[i], &id)) return;
    if (f->n == CHOICES) return;
    f->identities[f->n] = id;
    f->checks[f->n++] = *check;
}

static void take_checks(struct judge_choice *c, const struct json_doc *d, uint32_t list, bool only_judge, struct arena *arena, struct found *f) {
    uint32_t cursor = JSON_NONE, item;
    while (json_each_item(d, list, &cursor, &item)) {
        struct check check;
        struct error error;
        uint32_t judge = json_get(d, item, "judge");
        if (judge == JSON_NONE ? !only_judge : !json_is(d, judge, c->name)) continue;
        if (judge_check_read(d, item, arena, &check, &error) == FAULT_NONE) take(c, &check, f);
    }
}

static int no_judge(const struct judge_choice *c, const struct json_doc *d, uint32_t judges, struct arena *arena) {
    struct suggestion near;
    char hint[SUGGESTION_TEXT];
    uint32_t cursor = JSON_NONE, key, value;
    suggestion_start(&near, slice_of(c->name));
    while (json_each_member(d, judges, &cursor, &key, &value)) {
        const char *name = arena_text(arena, json_string(d, key, arena));
        if (name != NULL) suggestion_offer(&near, name);
    }
    fprintf(stderr, "quarterdeck: %s has no judge `%s` under `judges`%s\n", c->suite, c->name, suggestion_text(&near, "", hint));
    return 2;
}

static int read_suite(struct judge_choice *c, struct slice text, struct arena *arena, struct found *f) {
    struct problems problems = {.count = 0};
    struct error error = {.fault = FAULT_NONE};
    struct yaml_node *root = NULL;
    struct declared d;
    int line = 0;
    if (yaml_read(text, arena, &root, &line, &error) != FAULT_NONE || declared_from_yaml(root, arena, &d, &error) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s:%d: %s\n", c->suite, line, error.text);
        return 2;
    }
    uint32_t judges = json_get(&d.doc, 0, "judges"), node = json_get(&d.doc, judges, c->name), cursor = JSON_NONE, one;
    if (node == JSON_NONE) return no_judge(c, &d.doc, judges, arena);
    if (judge_read(&d, node, slice_of(c->name), c->suite, arena, &c->judge, &problems) != FAULT_NONE) {
        fprintf(stderr, "%s:%d: %s\n", c->suite, problems.items[0].line, problems.items[0].text);
        return 2;
    }
    bool only = json_size(&d.doc, judges) == 1;
    take_checks(c, &d.doc, json_get(&d.doc, 0, "checks"), only, arena, f);
    while (json_each_item(&d.doc, json_get(&d.doc, 0, "cases"), &cursor, &one))
        take_checks(c, &d.doc, json_get(&d.doc, one, "checks"), only, arena, f);
    return -1;
}

static int from_suite(struct judge_choice *c, struct arena *arena, struct found *f) {
    struct error error = {.fault = FAULT_NONE};
    struct buffer text;
    buffer_init(&text, LIMIT_SUITE_FILE);
    int code = config_file_load(c->suite, &text, &error) == FAULT_NONE ? read_suite(c, arena_slice(arena, buffer_slice(&text)), arena, f) : complain(&error);
    buffer_deinit(&text);
    return code;
}

/* ---- options, and what is known ---- */

static int from_options(struct judge_choice *c, struct arena *arena) {
    struct problems problems = {.count = 0};
    struct buffer text;
    struct json_writer w;
    struct declared d;
    int code = -1;
    buffer_init(&text, 64 << 10);
    json_start(&w, &text);
    json_object(&w);
    json_member_text(&w, "model", c->model);
    if (c->scale != NULL) json_member_text(&w, "scale", c->scale);
    json_object_end(&w);
    if (declared_from_json(arena_slice(arena, buffer_slice(&text)), arena, &d, NULL) != FAULT_NONE ||
        judge_read(&d, 0, slice_of(c->name), "options", arena, &c->judge, &problems) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s\n", problems.count > 0 ? problems.items[0].text : "the options cannot be read");
        code = 2;
    }
    buffer_deinit(&text);
    return code;
}

/* As it was labelled last: the answer's texts are copied. */
static int from_server(struct client *client, struct judge_choice *c, struct arena *arena, struct found *f) {
    struct buffer path;
    struct client_answer a;
    struct error error = {.fault = FAULT_NONE};
    uint32_t cursor = JSON_NONE, row;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/judges"));
    client_add_query(&path, "name", c->name);
    client_answer_init(&a);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    while (code < 0 && json_each_item(&a.doc, cli_at(&a, 0, "judges"), &cursor, &row)) {
        struct judge_sitting s = {.judge = arena_slice(arena, json_raw(&a.doc, cli_at(&a, row, "judge"))),
                                  .check = arena_slice(arena, json_raw(&a.doc, cli_at(&a, row, "check")))};
        struct judge judge;
        struct check check;
        if (judge_sitting_judge(&s, slice_of(c->name), arena, &judge, &check, &error) != FAULT_NONE) continue;
        if (f->n == 0) c->judge = judge; /* the newest one's */
        struct digest mine, theirs;
        judge_identity(&c->judge, &check, &mine);
        judge_identity(&judge, &check, &theirs);
        if (digest_eq(&mine, &theirs)) take(c, &check, f);
    }
    if (code < 0 && f->n == 0) {
        fprintf(stderr, "quarterdeck: no judge `%s` was ever calibrated here: name the suite that declares it (--suite FILE), or its --model\n", c->name);
        code = 2;
    }
    client_answer_deinit(&a);
    buffer_deinit(&path);
    return code;
}

/* ---- one check of them ---- */

static bool is_wanted(const struct judge_choice *c, const struct check *check) {
    char type[32];
    (void)snprintf(type, sizeof type, "%s%s", check->negated ? "not-" : "", check_kinds[check->type].name);
    if (c->type != NULL && strcmp(c->type, type) != 0) return false;
    if (!isnan(c->threshold) && !(check->threshold == c->threshold)) return false;
    return c->rubric == NULL || slice_is(judge_rubric(&c->judge, check), c->rubric);
}

static int too_many(const struct judge_choice *c, const struct found *f) {
    fprintf(stderr, "quarterdeck: `%s` is used in different ways, each of which is calibrated by itself; say which one:\n", c->name);
    for (unsigned i = 0; i < f->n; i++) {
        struct slice rubric = judge_rubric(&c->judge, &f->checks[i]);
        if (!is_wanted(c, &f->checks[i])) continue;
        fprintf(stderr, "  --check %s%s", f->checks[i].negated ? "not-" : "", check_kinds[f->checks[i].type].name);
        if (!isnan(f->checks[i].threshold)) fprintf(stderr, " --threshold %g", f->checks[i].threshold);
        if (f->checks[i].type == CHECK_TYPE_JUDGE) fprintf(stderr, " --rubric \"" SLICE_FMT "\"", SLICE_ARG(rubric));
        fputc('\n', stderr);
    }
    return 2;
}

static int as_typed(struct judge_choice *c, struct arena *arena) {
    struct buffer text;
    struct json_writer w;
    struct json_doc d;
    struct error error = {.fault = FAULT_NONE};
    buffer_init(&text, LIMIT_CASE_TEXT);
    json_start(&w, &text);
    json_object(&w);
    json_member_text(&w, "type", c->type != NULL ? c->type : "judge");
    json_member_text(&w, "rubric", c->rubric);
    json_member_double(&w, "threshold", c->threshold);
    json_object_end(&w);
    bool good = json_read(arena_slice(arena, buffer_slice(&text)), arena, UINT16_MAX, &d, &error) == FAULT_NONE &&
                judge_check_read(&d, 0, arena, &c->check, &error) == FAULT_NONE;
    buffer_deinit(&text);
    if (good) return -1;
    fprintf(stderr, "quarterdeck: %s\n", error.text);
    return 2;
}

int cli_judge_find(struct client *client, struct judge_choice *c, struct arena *arena) {
    struct found *f = arena_new(arena, struct found);
    unsigned wanted = 0;
    if (f == NULL) return 3;
    int code = c->suite != NULL ? from_suite(c, arena, f) : c->model != NULL ? from_options(c, arena) : from_server(client, c, arena, f);
    for (unsigned i = 0; code < 0 && i < f->n; i++) {
        if (!is_wanted(c, &f->checks[i])) continue;
        c->check = f->checks[i];
        wanted++;
    }
    if (code >= 0) return code;
    if (wanted > 1) return too_many(c, f);
    return wanted == 1 ? -1 : as_typed(c, arena);
}
