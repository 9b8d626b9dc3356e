/* The head of a suite: what it is of, what it asks for, its judges. Cases are in suite_read_case.c. */
#include "base/cron.h"
#include "quality/suite_reading.h"

#include <stdio.h>

enum {
    KEY_SUITE, KEY_DESCRIPTION, KEY_PROMPT, KEY_MESSAGES, KEY_PARAMETERS, KEY_VARIABLES, KEY_TOOLS, KEY_MODEL, KEY_REQUEST_TYPE,
    KEY_REPEAT, KEY_SCOPE, KEY_MAX_ERRORS, KEY_REQUIRE, KEY_CHECKS, KEY_JUDGES, KEY_CASES, KEY_TRIGGERS, KEY_RUN_AS, KEY_FILES, KEY_COUNT
};
static const char *const keys[] = {"suite", "description", "prompt", "messages", "parameters", "variables", "tools", "model", "request_type",
                                   "repeat", "scope", "max_errors", "require", "checks", "judges", "cases", "triggers", "run_as", "files", NULL};

/* ---- files ---- */

static enum fault read_beside(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error) {
    const struct suite_folder *f = ctx;
    bool absolute = path.len > 0 && path.at[0] == '/';
    struct slice whole = absolute ? path : arena_printf(arena, SLICE_FMT SLICE_FMT, SLICE_ARG(f->folder), SLICE_ARG(path));
    return f->outer->read(f->outer->ctx, whole, arena, ret, error);
}

void suite_folder_of(struct slice path, const struct file_source *outer, struct suite_folder *inner, struct file_source *ret) {
    size_t n = path.len;
    while (n > 0 && path.at[n - 1] != '/') n--;
    *inner = (struct suite_folder){outer, slice_make(path.at, n)};
    *ret = (struct file_source){inner, outer != NULL && outer->read != NULL ? read_beside : NULL};
}

/* ---- the prompt ---- */

static void read_prompt_file(struct suite_reading *g, struct reader *r, uint32_t node, struct slice path) {
    struct suite_folder folder;
    struct file_source files;
    struct slice text = reader_file(r, node, path);
    const char *name = arena_text(g->arena, path);
    if (text.at == NULL || name == NULL) return;
    suite_folder_of(path, r->files, &folder, &files);
    g->s->has_prompt = prompt_read_file(text, name, &files, g->arena, &g->s->prompt, r->problems) == FAULT_NONE;
}

static void read_prompt(struct suite_reading *g, struct reader *r, const uint32_t *at) {
    struct prompt_parts parts = {at[KEY_MESSAGES], at[KEY_PARAMETERS], at[KEY_VARIABLES], at[KEY_TOOLS]};
    bool inline_parts = parts.messages != JSON_NONE || parts.parameters != JSON_NONE || parts.variables != JSON_NONE || parts.tools != JSON_NONE;
    uint32_t node = at[KEY_PROMPT];
    struct slice path = reader_file_path(r, node);
    enum json_type type = json_type(&r->d->doc, node);
    if (node != JSON_NONE && inline_parts) {
        reader_problem(r, node, "suite: expected either a `prompt` or its parts (messages, parameters, variables, tools), found both");
    } else if (path.at != NULL) {
        read_prompt_file(g, r, node, path);
    } else if (type == JSON_OBJECT) {
        g->s->has_prompt = prompt_read_in(r, node, &g->s->prompt) == FAULT_NONE;
    } else if (node != JSON_NONE && type != JSON_ARRAY) {
        reader_name(r, node, "prompt", &g->s->prompt_name);
    } else {
        if (node != JSON_NONE) parts.messages = node;
        g->s->has_prompt = prompt_read_parts(r, &parts, &g->s->prompt) == FAULT_NONE;
    }
}

/* ---- what is required ---- */

static void read_bound(struct reader *r, uint32_t node, const char *what, struct suite_requirement *q) {
    static const char *const names[] = {"at_least", "at_most", NULL};
    uint32_t at[2];
    if (json_type(&r->d->doc, node) != JSON_OBJECT) {
        reader_expected(r, node, what, "a map such as {at_least: 0.9}");
        return;
    }
    if (!reader_map(r, node, what, names, at)) return;
    q->at_most = at[1] != JSON_NONE;
    if ((at[0] == JSON_NONE) == (at[1] == JSON_NONE)) reader_problem(r, node, "%s: expected either `at_least` or `at_most`", what);
    reader_number(r, at[q->at_most], what, 0, 1, &q->bound);
}

static void read_requirement(struct reader *r, uint32_t node, struct suite_requirement *q) {
    static const char *const names[] = {"pass_rate", "score", "refusal_rate", "tag", "metric", "confidence", NULL};
    uint32_t at[6];
    unsigned measures = 0;
    q->line = declared_line(r->d, node);
    if (!reader_map(r, node, "require", names, at)) return;
    for (enum suite_measure m = SUITE_PASS_RATE; m <= SUITE_REFUSAL_RATE; m++) {
        if (at[m] == JSON_NONE) continue;
        measures++;
        q->measure = m;
        read_bound(r, at[m], names[m], q);
    }
    if (measures != 1) reader_problem(r, node, "require: expected one of pass_rate, score and refusal_rate, found %s", measures ? "several" : "none");
    reader_text(r, at[3], "tag", &q->tag);
    reader_text(r, at[4], "metric", &q->metric);
    if (at[4] != JSON_NONE && q->measure != SUITE_SCORE) reader_problem(r, at[4], "require: `metric` is of a `score`");
    reader_number(r, at[5], "confidence", 0, 1, &q->confidence);
    if (at[5] != JSON_NONE && (q->confidence <= 0 || q->confidence >= 1)) reader_expected(r, at[5], "confidence", "a number between 0 and 1 such as 0.95");
}

void suite_read_requirements(struct suite_reading *g, struct reader *r, uint32_t node) {
    uint32_t cursor = JSON_NONE, item;
    if (node == JSON_NONE) return;
    if (json_type(&r->d->doc, node) != JSON_ARRAY) {
        reader_expected(r, node, "require", "a list such as [{pass_rate: {at_least: 0.9}}]");
        return;
    }
    g->s->requirements = arena_new_array(g->arena, struct suite_requirement, json_size(&r->d->doc, node) + 1);
    while (g->s->requirements != NULL && json_each_item(&r->d->doc, node, &cursor, &item))
        read_requirement(r, item, &g->s->requirements[g->s->n_requirements++]);
}

/* ---- judges ---- */

static void read_judges(struct suite_reading *g, struct reader *r, uint32_t node) {
    uint32_t cursor = JSON_NONE, key, value;
    const struct json_doc *d = &r->d->doc;
    if (node == JSON_NONE) return;
    if (json_type(d, node) != JSON_OBJECT) {
        reader_expected(r, node, "judges", "a map of names");
        return;
    }
    if (json_size(d, node) > LIMIT_SUITE_JUDGES) {
        reader_problem(r, node, "judges: expected at most %d, found %u", LIMIT_SUITE_JUDGES, json_size(d, node));
        return;
    }
    g->s->judges = arena_new_array(g->arena, struct judge, json_size(d, node) + 1);
    while (g->s->judges != NULL && json_each_member(d, node, &cursor, &key, &value)) {
        struct slice name = SLICE_NULL;
        reader_name(r, key, "judges", &name);
        for (unsigned i = 0; i < g->s->n_judges; i++)
            if (slice_eq(g->s->judges[i].name, name)) reader_problem(r, key, "judges: `" SLICE_FMT "` is declared twice", SLICE_ARG(name));
        struct judge *j = &g->s->judges[g->s->n_judges];
        if (name.len > 0 && judge_read(r->d, value, name, r->file, g->arena, j, r->problems) == FAULT_NONE) g->s->n_judges++;
    }
}

/* ---- when it runs by itself ---- */

static bool read_trigger(struct reader *r, uint32_t node, struct suite_trigger *t) {
    static const char *const names[] = {"schedule", "zone", "on", NULL}, *const events[] = {"model-change", "prompt-change", NULL};
    char hint[READER_HINT];
    uint32_t at[3] = {JSON_NONE, JSON_NONE, node};
    struct error why = {.fault = FAULT_NONE};
    struct cron cron;
    bool map = json_type(&r->d->doc, node) == JSON_OBJECT;
    if (map && !reader_map(r, node, "trigger", names, at)) return false;
    if ((at[0] == JSON_NONE) == (at[2] == JSON_NONE)) {
        reader_problem(r, node, "trigger: expected either a `schedule` or `on`");
        return false;
    }
    if (at[0] != JSON_NONE) {
        t->type = SUITE_ON_SCHEDULE;
        reader_text(r, at[0], "schedule", &t->schedule);
        reader_text(r, at[1], "zone", &t->zone);
        if (t->schedule.len > 0 && cron_parse(t->schedule, &cron, &why) != FAULT_NONE) reader_problem(r, at[0], "schedule: %s", why.text);
        return true;
    }
    struct slice word = reader_scalar(r, at[2]);
    t->type = slice_is(word, events[1]) ? SUITE_ON_PROMPT_CHANGE : SUITE_ON_MODEL_CHANGE;
    if (!slice_is(word, events[0]) && !slice_is(word, events[1]))
        reader_problem(r, at[2], "trigger: expected model-change, prompt-change or a map with a `schedule`%s", reader_hint(word, events, hint));
    return true;
}

void suite_read_triggers(struct suite_reading *g, struct reader *r, uint32_t node) {
    static const char *const events[] = {NULL, "model-change", "prompt-change"};
    uint32_t cursor = JSON_NONE, item;
    struct json_writer w;
    if (node == JSON_NONE) return;
    if (json_type(&r->d->doc, node) != JSON_ARRAY) {
        reader_expected(r, node, "triggers", "a list such as [{schedule: \"0 6 * * *\"}, model-change]");
        return;
    }
    g->s->triggers = arena_new_array(g->arena, struct suite_trigger, json_size(&r->d->doc, node) + 1);
    while (g->s->triggers != NULL && json_each_item(&r->d->doc, node, &cursor, &item)) {
        struct suite_trigger *t = &g->s->triggers[g->s->n_triggers];
        if (!read_trigger(r, item, t)) continue;
        if (g->s->n_triggers++ > 0) buffer_byte(&g->triggers, ',');
        json_start(&w, &g->triggers);
        if (t->type != SUITE_ON_SCHEDULE) {
            json_put_text(&w, events[t->type]);
            continue;
        }
        json_object(&w);
        json_member_string(&w, "schedule", t->schedule);
        if (t->zone.at != NULL) json_member_string(&w, "zone", t->zone);
        json_object_end(&w);
    }
}

static void read_run_as(struct suite_reading *g, struct reader *r, uint32_t node) {
    static const char *const names[] = {"application", "key", NULL};
    uint32_t at[2];
    if (node == JSON_NONE || !reader_map(r, node, "run_as", names, at)) return;
    reader_text(r, at[0], "application", &g->s->run_as_application);
    reader_text(r, at[1], "key", &g->s->run_as_key);
    if (at[0] == JSON_NONE || at[1] == JSON_NONE) reader_problem(r, node, "run_as: expected an `application` and a `key`");
}

/* ---- all of it ---- */

static void read_settings(struct suite_reading *g, struct reader *r, const uint32_t *at) {
    static const char *const scopes[] = {"cases-like-these", "these-cases", NULL};
    struct suite *s = g->s;
    int64_t repeat = 1;
    char hint[READER_HINT];
    reader_name(r, at[KEY_SUITE], "suite", &s->name);
    reader_text(r, at[KEY_DESCRIPTION], "description", &s->description);
    reader_text(r, at[KEY_MODEL], "model", &s->model);
    reader_text(r, at[KEY_REQUEST_TYPE], "request_type", &s->request_type);
    reader_count(r, at[KEY_REPEAT], "repeat", 1, LIMIT_SUITE_REPEAT, &repeat);
    s->repeat = (unsigned)repeat;
    s->max_errors = 0.05;
    reader_number(r, at[KEY_MAX_ERRORS], "max_errors", 0, 1, &s->max_errors);
    struct slice scope = at[KEY_SCOPE] != JSON_NONE ? reader_scalar(r, at[KEY_SCOPE]) : slice_of(scopes[0]);
    s->scope = slice_is(scope, scopes[1]) ? RATE_THESE_CASES : RATE_CASES_LIKE_THESE;
    if (!slice_is(scope, scopes[0]) && !slice_is(scope, scopes[1]))
        reader_problem(r, at[KEY_SCOPE], "scope: expected cases-like-these or these-cases%s", reader_hint(scope, scopes, hint));
    if (at[KEY_FILES] != JSON_NONE) {
        bool files = true;
        reader_flag(r, at[KEY_FILES], "files", &files);
        r->plain_texts = !files;
    }
}

static void read_all(struct suite_reading *g, struct reader *r) {
    uint32_t at[KEY_COUNT];
    if (!reader_map(r, 0, "suite", keys, at)) return;
    if (at[KEY_SUITE] == JSON_NONE) reader_problem(r, 0, "suite: expected the key `suite`, the suite's name");
    if (at[KEY_CASES] == JSON_NONE) reader_problem(r, 0, "suite: expected `cases`");
    read_settings(g, r, at);
    read_prompt(g, r, at);
    suite_read_requirements(g, r, at[KEY_REQUIRE]);
    read_judges(g, r, at[KEY_JUDGES]);
    suite_read_checks(g, r, at[KEY_CHECKS], &g->s->checks, &g->s->n_checks, &g->checks);
    suite_read_cases(g, r, at[KEY_CASES]);
    suite_read_triggers(g, r, at[KEY_TRIGGERS]);
    read_run_as(g, r, at[KEY_RUN_AS]);
    if (!suite_reading_failed(g, r->problems)) suite_check_requirements(g->s, r);
}

enum fault suite_read(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct suite *ret,
                      struct problems *problems) {
    struct suite s = {.repeat = 1};
    struct suite_reading g = {.s = &s, .arena = arena, .problems_before = problems->count};
    struct buffer *const buffers[] = {&g.checks, &g.cases, &g.triggers, &g.body};
    struct reader r = {.file = file, .arena = arena, .problems = problems, .files = files};
    struct declared *d = arena_new(arena, struct declared); /* schemas borrow from it */
    enum fault f = FAULT_CONFIG;
    arena_init(&g.scratch, 64 << 10, LIMIT_SUITE_FILE);
    table_init(&g.ids);
    for (int i = 0; i < 4; i++) buffer_init(buffers[i], LIMIT_SUITE_FILE);
    if (text.len > LIMIT_SUITE_FILE) problems_add(problems, arena, file, 1, 0, "expected at most %u MiB", LIMIT_SUITE_FILE >> 20);
    else if (d == NULL) problems_add(problems, arena, file, 1, 0, "the suite does not fit into its memory");
    else f = reader_open(&r, text, d);
    if (f == FAULT_NONE) read_all(&g, &r);
    if (f == FAULT_NONE && !suite_reading_failed(&g, problems) && (!suite_seal(&g) || arena_is_full(arena)))
        problems_add(problems, arena, file, 1, 0, "the suite with its files is larger than %u MiB", LIMIT_SUITE_FILE >> 20);
    if (suite_reading_failed(&g, problems)) f = FAULT_CONFIG;
    for (int i = 0; i < 4; i++) buffer_deinit(buffers[i]);
    table_deinit(&g.ids);
    arena_deinit(&g.scratch);
    if (f == FAULT_NONE) *ret = s;
    else suite_deinit(&s);
    return f;
}
