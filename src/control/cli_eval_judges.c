/* Judges that a suite names and does not declare: the registered ones. Who judged stands in each result (judge_identity). */
#include "control/cli_eval.h"

#include <stdio.h>

int cli_eval_registered_judge(struct client *client, struct slice name, struct arena *arena, struct judge *ret) {
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

/* The line of the first check that names it. */
static int line_of(const struct suite *s, struct slice name) {
    for (unsigned c = 0; c < s->n_cases; c++)
        for (unsigned i = 0; i < suite_check_count(s, &s->cases[c]); i++) {
            const struct check *check = suite_check_at(s, &s->cases[c], i);
            if (check_by(check) == CHECK_BY_JUDGE && slice_eq(check->judge, name)) return check->line;
        }
    return 0;
}

static int lend(struct client *client, const char *file, struct slice name, struct arena *arena, struct suite *suite) {
    struct judge judge;
    int line = line_of(suite, name), code = slice_is_null(name) ? 2 : cli_eval_registered_judge(client, name, arena, &judge);
    if (code < 0) return suite_lend_judge(suite, &judge, arena) ? -1 : 3;
    if (code == 2 && slice_is_null(name))
        fprintf(stderr, "%s:%d: a check by a judge names none, and the suite declares %s in `judges`\n", file, line, suite->n_judges == 0 ? "none" : "several");
    else if (code == 2)
        fprintf(stderr, "%s:%d: judge: `" SLICE_FMT "` is neither declared in the suite's `judges` nor registered\n", file, line, SLICE_ARG(name));
    return code;
}

int cli_eval_find_judges(struct client *client, const char *file, struct arena *arena, struct suite *suite) {
    struct slice name;
    size_t cursor = 0;
    int code = -1;
    while (code < 0 && suite_next_missing_judge(suite, &cursor, &name)) code = lend(client, file, name, arena, suite);
    return code;
}
