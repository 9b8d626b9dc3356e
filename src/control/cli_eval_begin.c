/* What is run, and the run at the server. */
#include "control/cli_eval_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "control/cli_eval_filter.h"

#include <stdio.h>

/* ---- cases of a former run, for the filter ---- */

struct marking {
    const struct suite *suite;
    uint8_t *marks;
};

static bool mark_one(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    struct marking *m = ctx;
    (void)d;
    (void)node;
    unsigned near = r->case_at < m->suite->n_cases ? r->case_at : 0; /* most often the suite is the same */
    for (unsigned i = 0; i < m->suite->n_cases; i++) {
        unsigned at = (near + i) % m->suite->n_cases;
        if (!slice_eq(m->suite->cases[at].id, r->case_id)) continue;
        m->marks[at] = 1;
        break;
    }
    return true;
}

static int mark(void *ctx, struct slice run, bool errors, const struct suite *suite, uint8_t *marks) {
    struct eval_job *j = ctx;
    struct marking m = {suite, marks};
    struct client_answer a;
    struct buffer path;
    const char *name = arena_text(&j->arena, run);
    if (!name) return 3;
    cli_eval_path(&path, name, "");
    client_answer_init(&a);
    int code = client_call(j->client, "GET", buffer_text(&path), SLICE_NULL, &a);
    bool over = code < 0 && !slice_is_null(cli_value(&a, 0, "verdict"));
    client_answer_deinit(&a);
    buffer_deinit(&path);
    if (code >= 0) return code;
    if (!over) {
        fprintf(stderr, "quarterdeck: --filter: %s is not over yet, so what fails in it may still change\n", name);
        return 2;
    }
    return cli_eval_results(j->client, name, errors ? "error" : "fail", 200, mark_one, &m);
}

static int choose(struct eval_job *j) {
    const struct eval_filter_runs runs = {j, mark};
    j->chosen = mem_alloc(j->suite.n_cases + 1);
    int code = eval_filter_read(j->o.filters.values, j->o.filters.n, &j->suite, &runs, &j->arena, j->chosen, &j->filter, &j->n_chosen);
    if (code < 0 && j->n_chosen == 0) {
        fprintf(stderr, "quarterdeck: none of the %u cases is left by --filter " SLICE_FMT "\n", j->suite.n_cases, SLICE_ARG(j->filter));
        code = 2;
    }
    return code;
}

/* ---- the run ---- */

static void put_suite(const struct suite *s, struct json_writer *w) {
    json_key(w, "suite");
    suite_write(s, w);
}

static void write_wish(struct eval_job *j, struct buffer *out) {
    struct json_writer w;
    char usd[MONEY_TEXT];
    money_format(j->o.max_cost_nano, usd);
    json_start(&w, out);
    json_object(&w);
    put_suite(&j->suite, &w);
    if (j->o.prompt) {
        json_key(&w, "prompt");
        prompt_write(&j->prompt, &w);
    }
    if (!slice_is_null(j->prompt_label)) json_member_string(&w, "prompt_label", j->prompt_label);
    json_member_text(&w, "model", j->o.model);
    if (j->o.repeat > 0) json_member_i64(&w, "repeat", j->o.repeat);
    json_member_string(&w, "chosen", j->filter);
    json_member_i64(&w, "cases", j->n_chosen);
    json_member_raw(&w, "max_cost_usd", j->o.max_cost_nano < 0 ? SLICE("null") : slice_of(usd));
    json_member_text(&w, "owner", j->owner);
    json_member_text(&w, "resume", j->o.fresh ? "never" : j->o.resume ? j->o.resume : "auto");
    json_object_end(&w);
}

static int read_begun(struct eval_job *j) {
    struct client_answer *a = &j->begun;
    int64_t repeat = 0;
    struct slice started = cli_value(a, 0, "started_at");
    j->run = arena_text(&j->arena, cli_value(a, 0, "run"));
    if (!j->run || !clock_parse(started, &j->begun_us) || !json_get_i64(&a->doc, cli_at(a, 0, "repeat"), &repeat) || repeat < 1 ||
        !json_get_i64(&a->doc, cli_at(a, 0, "planned"), &j->planned) || !json_get_bool(&a->doc, cli_at(a, 0, "resumed"), &j->resumed)) {
        fprintf(stderr, "quarterdeck: %s answered as another version of Quarterdeck does\n", j->server);
        return 3;
    }
    j->repeat = (unsigned)repeat;
    return -1;
}

static void say_begun(const struct eval_job *j) {
    unsigned done = json_size(&j->begun.doc, cli_at(&j->begun, 0, "results"));
    struct slice version = json_raw(&j->begun.doc, cli_at(&j->begun, 0, "suite_version"));
    if (j->resumed)
        fprintf(stderr, "going on with %s, which was interrupted: %u of %lld results are there (--new begins another run)\n", j->run, done,
                (long long)j->planned);
    else
        fprintf(stderr, "%s: " SLICE_FMT " version " SLICE_FMT ", %u case%s, %u time%s each\n", j->run, SLICE_ARG(j->suite.name), SLICE_ARG(version),
                j->n_chosen, j->n_chosen == 1 ? "" : "s", j->repeat, j->repeat == 1 ? "" : "s");
}

int eval_begin_run(struct eval_job *j) {
    struct buffer body;
    int code = cli_eval_load_suite(j->client, j->o.suite, &j->arena, &j->suite);
    if (code < 0) code = cli_eval_find_judges(j->client, j->o.suite, &j->arena, &j->suite);
    if (code < 0 && j->o.prompt) code = cli_eval_load_prompt(j->client, j->o.prompt, j->o.suite, &j->arena, &j->prompt, &j->prompt_label);
    if (code < 0 && !j->o.prompt && !slice_is_null(j->suite.prompt_name)) {
        j->o.prompt = arena_text(&j->arena, j->suite.prompt_name); /* the suite names it */
        code = cli_eval_load_prompt(j->client, j->o.prompt, j->o.suite, &j->arena, &j->prompt, &j->prompt_label);
    }
    if (code < 0) code = choose(j);
    if (code >= 0) return code;
    eval_owner_self(j->owner);
    buffer_init(&body, 4 * (size_t)LIMIT_SUITE_FILE);
    write_wish(j, &body);
    client_answer_init(&j->begun);
    code = client_call(j->client, "POST", "/api/v1/evals", buffer_slice(&body), &j->begun);
    buffer_deinit(&body);
    if (code < 0) code = read_begun(j);
    if (code < 0) say_begun(j);
    return code;
}
