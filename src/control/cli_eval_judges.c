/* Judges that a suite names and does not declare: the registered ones, put into the suite, so that the run's version of it says who judged. */
#include "control/cli_eval.h"

#include <stdio.h>

/* -1: it is in *ret. 2: there is none. */
static int fetch(struct client *client, struct slice name, struct arena *arena, struct judge *ret) {
    struct client_answer a;
    struct buffer path;
    struct declared d;
    struct problems problems = {0};
    struct error error;
    const char *named = arena_text(arena, name);
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/judges"));
    client_add_segment(&path, named ? named : "");
    client_answer_init(&a);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0 ? cli_at(&a, 0, "definition") == JSON_NONE : a.status == 404) code = 2;
    struct slice text = code < 0 ? arena_slice(arena, json_raw(&a.doc, cli_at(&a, 0, "definition"))) : SLICE_NULL;
    client_answer_deinit(&a);
    buffer_deinit(&path);
    if (code >= 0) return code;
    if (declared_from_json(text, arena, &d, &error) != FAULT_NONE || judge_read(&d, 0, name, named, arena, ret, &problems) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: the registered judge `" SLICE_FMT "` cannot be read\n", SLICE_ARG(name));
        return 3;
    }
    return -1;
}

static int add(struct client *client, const char *file, const struct check *c, struct arena *arena, struct suite *suite) {
    struct judge *all = arena_new_array(arena, struct judge, suite->n_judges + 1);
    if (!all) return 3;
    if (suite->n_judges > 0) memcpy(all, suite->judges, suite->n_judges * sizeof *all);
    int code = slice_is_null(c->judge) ? 2 : fetch(client, c->judge, arena, &all[suite->n_judges]);
    if (code == 2 && slice_is_null(c->judge))
        fprintf(stderr, "%s:%d: a check by a judge names none, and the suite declares %s in `judges`\n", file, c->line,
                suite->n_judges == 0 ? "none" : "several");
    else if (code == 2)
        fprintf(stderr, "%s:%d: judge: `" SLICE_FMT "` is neither declared in the suite's `judges` nor registered\n", file, c->line, SLICE_ARG(c->judge));
    if (code >= 0) return code;
    suite->judges = all;
    suite->n_judges++;
    return -1;
}

/* With what was put in, it is another version. */
static int read_again(const char *file, struct arena *arena, struct suite *suite) {
    struct buffer text;
    struct json_writer w;
    struct problems problems = {0};
    buffer_init(&text, 2 * (size_t)LIMIT_SUITE_FILE);
    json_start(&w, &text);
    suite_write(suite, &w);
    suite_deinit(suite);
    *suite = (struct suite){.n_cases = 0};
    struct slice kept = arena_slice(arena, buffer_slice(&text));
    buffer_deinit(&text);
    if (!slice_is_null(kept) && suite_read(kept, file, NULL, arena, suite, &problems) == FAULT_NONE) return -1;
    fprintf(stderr, "quarterdeck: %s: it cannot be read with its judges put in\n", file);
    return 3;
}

int cli_eval_find_judges(struct client *client, const char *file, struct arena *arena, struct suite *suite) {
    unsigned before = suite->n_judges;
    for (unsigned c = 0; c < suite->n_cases; c++)
        for (unsigned i = 0; i < suite_check_count(suite, &suite->cases[c]); i++) {
            const struct check *check = suite_check_at(suite, &suite->cases[c], i);
            if (check_by(check) != CHECK_BY_JUDGE || suite_judge(suite, check)) continue;
            int code = add(client, file, check, arena, suite);
            if (code >= 0) return code;
        }
    return suite->n_judges > before ? read_again(file, arena, suite) : -1;
}
