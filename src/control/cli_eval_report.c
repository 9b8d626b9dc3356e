/* A run as a file (quality/report.h), from what the server keeps of it. */
#include "control/cli_eval.h"

#include "base/clock.h"
#include "quality/report.h"

#include <stdio.h>

struct source {
    struct client *client;
    const char *run;
    bool (*give)(void *to, const struct result *r);
    void *to;
};

bool cli_eval_report_known(const char *file) {
    struct error error;
    return report_check(file, &error) == FAULT_NONE;
}

static bool give_one(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    struct source *s = ctx;
    (void)d;
    (void)node;
    return s->give(s->to, r);
}

static enum fault give_all(void *ctx, bool (*give)(void *to, const struct result *r), void *to, struct error *error) {
    struct source *s = ctx;
    s->give = give;
    s->to = to;
    int code = cli_eval_results(s->client, s->run, NULL, 500, give_one, s);
    return code < 0 ? FAULT_NONE : error_set(error, FAULT_IO, "the results could not be read");
}

static int64_t time_of(struct client_answer *a, const char *path) {
    int64_t at = 0;
    return clock_parse(cli_value(a, 0, path), &at) ? at : 0;
}

static int write_it(struct client *client, struct client_answer *a, const struct suite *suite, const char *file) {
    struct json_doc summary;
    struct error error;
    struct slice run = cli_value(a, 0, "run");
    struct source source = {.client = client, .run = arena_text(&a->arena, run)};
    struct report r = {.suite = suite, .run = run, .prompt = cli_value(a, 0, "prompt"), .model = cli_value(a, 0, "model"),
                       .started_us = time_of(a, "started_at"), .ended_us = time_of(a, "ended_at"), .summary = &summary, .each = give_all, .ctx = &source};
    (void)json_get_i64(&a->doc, cli_at(a, 0, "suite_version"), &r.suite_version);
    enum fault fault = json_read(json_raw(&a->doc, cli_at(a, 0, "summary")), &a->arena, UINT16_MAX, &summary, &error);
    if (fault == FAULT_NONE && !source.run) fault = error_set(&error, FAULT_TOO_LARGE, "there is no room for the report");
    if (fault == FAULT_NONE) fault = report_write(&r, file, &error);
    if (fault == FAULT_NONE) return -1;
    fprintf(stderr, "quarterdeck: %s\n", error.text);
    return 3;
}

int cli_eval_report(struct client *client, const char *run, const struct suite *suite, const char *file) {
    struct client_answer a;
    struct buffer path;
    struct suite kept = {.n_cases = 0};
    struct arena arena;
    cli_eval_path(&path, run, "");
    client_answer_init(&a);
    arena_init(&arena, 1 << 20, 8 * (size_t)LIMIT_SUITE_FILE);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    bool over = code < 0 && json_type(&a.doc, cli_at(&a, 0, "summary")) == JSON_OBJECT;
    if (code < 0 && !over) {
        fprintf(stderr, "quarterdeck: %s is not over yet: there is no report\n", run);
        code = 3;
    }
    if (code < 0 && !suite) code = cli_eval_load_version(client, cli_value(&a, 0, "suite"), json_raw(&a.doc, cli_at(&a, 0, "suite_version")), &arena, &kept);
    if (code < 0) code = write_it(client, &a, suite ? suite : &kept, file);
    suite_deinit(&kept);
    arena_deinit(&arena);
    client_answer_deinit(&a);
    buffer_deinit(&path);
    return code;
}
