/* Which judge is meant, and by which check: from a suite's file, from options, or as it was calibrated last. */
#include "control/cli_judge.h"

#include "base/yaml.h"
#include "control/cli_eval.h"
#include "control/config_file.h"
#include "control/judge_book.h"
#include "control/judge_uses.h"
#include "control/suggest.h"

#include <math.h>
#include <stdio.h>

static int complain(const struct error *error) {
    fprintf(stderr, "quarterdeck: %s\n", error->text);
    return 3;
}

/* ---- a suite's file ---- */

static int no_judge(const struct judge_choice *c, const struct json_doc *d, uint32_t judges, struct arena *arena) {
    struct suggestion near;
    char hint[SUGGESTION_TEXT];
    uint32_t cursor = JSON_NONE, key, value;
    suggestion_start(&near, slice_of(c->name));
    while (json_each_member(d, judges, &cursor, &key, &value)) {
        const char *name = arena_text(arena, json_string(d, key, arena));
        if (name != NULL) suggestion_offer(&near, name);
    }
    fprintf(stderr, "quarterdeck: %s has no judge `%s` under `judges`, and none is registered%s\n", c->suite, c->name, suggestion_text(&near, "", hint));
    return 2;
}

static int read_suite(struct client *client, struct judge_choice *c, struct slice text, struct arena *arena, struct judge_uses *f) {
    struct problems problems = {.count = 0};
    struct error error = {.fault = FAULT_NONE};
    struct yaml_node *root = NULL;
    struct declared d;
    int line = 0;
    if (yaml_read(text, arena, &root, &line, &error) != FAULT_NONE || declared_from_yaml(root, arena, &d, &error) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s:%d: %s\n", c->suite, line, error.text);
        return 2;
    }
    uint32_t judges = json_get(&d.doc, 0, "judges"), node = json_get(&d.doc, judges, c->name);
    if (node == JSON_NONE) {
        int code = cli_eval_registered_judge(client, slice_of(c->name), arena, &c->judge);
        if (code < 0) judge_uses_of(f, &c->judge, &d, slice_of(c->suite), arena);
        return code == 2 ? no_judge(c, &d.doc, judges, arena) : code;
    }
    if (judge_read(&d, node, slice_of(c->name), c->suite, arena, &c->judge, &problems) != FAULT_NONE) {
        fprintf(stderr, "%s:%d: %s\n", c->suite, problems.items[0].line, problems.items[0].text);
        return 2;
    }
    return judge_uses_add(f, &d, c->suite, slice_of(c->suite), slice_of(c->name), arena, &problems) == FAULT_NONE ? -1 : 2;
}

static int from_suite(struct client *client, struct judge_choice *c, struct arena *arena, struct judge_uses *f) {
    struct error error = {.fault = FAULT_NONE};
    struct buffer text;
    if (!slice_is_null(c->suite_text)) return read_suite(client, c, c->suite_text, arena, f);
    buffer_init(&text, LIMIT_SUITE_FILE);
    int code = config_file_load(c->suite, &text, &error) == FAULT_NONE ? read_suite(client, c, arena_slice(arena, buffer_slice(&text)), arena, f) : complain(&error);
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

/* As it is registered, else as it was labelled last; with the checks by which it was. The answer's texts are copied. */
static int from_server(struct client *client, struct judge_choice *c, struct arena *arena, struct judge_uses *f) {
    struct buffer path;
    struct client_answer a;
    struct error error = {.fault = FAULT_NONE};
    uint32_t cursor = JSON_NONE, row;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/calibrations"));
    client_add_query(&path, "name", c->name);
    client_answer_init(&a);
    int code = cli_eval_registered_judge(client, slice_of(c->name), arena, &c->judge);
    bool registered = code < 0;
    if (code < 0 || code == 2) code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    while (code < 0 && json_each_item(&a.doc, cli_at(&a, 0, "judges"), &cursor, &row)) {
        struct judge_sitting s = {.judge = arena_slice(arena, json_raw(&a.doc, cli_at(&a, row, "judge"))),
                                  .check = arena_slice(arena, json_raw(&a.doc, cli_at(&a, row, "check")))};
        struct judge judge;
        struct check check;
        if (judge_sitting_judge(&s, slice_of(c->name), arena, &judge, &check, &error) != FAULT_NONE) continue;
        if (f->n == 0 && !registered) c->judge = judge; /* the newest one's */
        struct digest mine, theirs;
        judge_identity(&c->judge, &check, &mine);
        judge_identity(&judge, &check, &theirs);
        bool known = !registered && !digest_eq(&mine, &theirs);
        for (unsigned i = 0; i < f->n; i++) known |= digest_eq(&f->items[i].identity, &mine);
        if (!known && f->n < JUDGE_USES) f->items[f->n++] = (struct judge_use){c->judge, check, mine, SLICE_NULL};
    }
    if (code < 0 && f->n == 0 && !registered) {
        fprintf(stderr, "quarterdeck: no judge `%s` is registered or was ever calibrated here: name the suite that declares it (--suite FILE), or its --model\n", c->name);
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

static int too_many(const struct judge_choice *c, const struct judge_uses *f) {
    fprintf(stderr, "quarterdeck: `%s` is used in different ways, each of which is calibrated by itself; say which one:\n", c->name);
    for (unsigned i = 0; i < f->n; i++) {
        struct slice rubric = judge_rubric(&c->judge, &f->items[i].check);
        if (!is_wanted(c, &f->items[i].check)) continue;
        fprintf(stderr, "  --check %s%s", f->items[i].check.negated ? "not-" : "", check_kinds[f->items[i].check.type].name);
        if (!isnan(f->items[i].check.threshold)) fprintf(stderr, " --threshold %g", f->items[i].check.threshold);
        if (f->items[i].check.type == CHECK_TYPE_JUDGE) fprintf(stderr, " --rubric \"" SLICE_FMT "\"", SLICE_ARG(rubric));
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
    struct judge_uses *f = arena_new(arena, struct judge_uses);
    unsigned wanted = 0;
    if (f == NULL) return 3;
    int code = c->suite != NULL ? from_suite(client, c, arena, f) : c->model != NULL ? from_options(c, arena) : from_server(client, c, arena, f);
    for (unsigned i = 0; code < 0 && i < f->n; i++) {
        if (!is_wanted(c, &f->items[i].check)) continue;
        c->check = f->items[i].check;
        wanted++;
    }
    if (code >= 0) return code;
    if (wanted > 1) return too_many(c, f);
    return wanted == 1 ? -1 : as_typed(c, arena);
}
