/* A judge held against a review: people labelled answers of a run, and the judge's verdicts on these answers are kept with the run. */
#include "control/cli_judge.h"

#include "control/cli_eval.h"
#include "control/cli_review.h"
#include "quality/result.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the labels ---- */

static int read_lines(struct client_answer *a, const char *review, struct arena *arena, struct label_set *ret) {
    struct problems problems = {.count = 0};
    struct buffer lines;
    buffer_init(&lines, 2 * (size_t)LIMIT_SUITE_FILE);
    cli_review_lines(a, &lines);
    bool any = lines.len > 0, whole = !lines.overflow;
    struct slice text = whole ? arena_slice(arena, buffer_slice(&lines)) : SLICE_NULL;
    buffer_deinit(&lines);
    if (!any) {
        fprintf(stderr, "quarterdeck: no label of %s stands yet: `quarterdeck review show %s` tells how far it is\n", review, review);
        return 2;
    }
    if (!slice_is_null(text) && label_file_read(text, review, arena, ret, &problems) == FAULT_NONE) return -1;
    fprintf(stderr, "quarterdeck: %s: %s\n", review, problems.count > 0 ? problems.items[0].text : "its labels do not fit into their memory");
    return 2;
}

static int fetch_labels(struct client *client, const char *review, struct arena *arena, struct label_set *ret) {
    struct buffer path;
    struct client_answer a;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/reviews"));
    client_add_segment(&path, review);
    buffer_append(&path, SLICE("/labels"));
    client_answer_init(&a);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) code = read_lines(&a, review, arena, ret);
    client_answer_deinit(&a);
    buffer_deinit(&path);
    return code;
}

/* ---- which result each is of ---- */

struct place {
    struct slice run, case_id;
    int64_t repeat;
    size_t at; /* of the label */
};

static int by_text(struct slice a, struct slice b) {
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int by_place(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    int order = by_text(x->run, y->run);
    if (order == 0) order = by_text(x->case_id, y->case_id);
    return order != 0 ? order : x->repeat < y->repeat ? -1 : x->repeat > y->repeat;
}

static struct slice var_of(const struct label *l, const char *name) {
    for (unsigned i = 0; i < l->about.n_vars; i++)
        if (slice_is(l->about.vars[i].name, name)) return l->about.vars[i].value;
    return SLICE_NULL;
}

static size_t places_of(const struct label_set *labels, struct place *places) {
    size_t n = 0;
    for (size_t i = 0; i < labels->n; i++) {
        struct place p = {.run = var_of(&labels->items[i], "run"), .case_id = var_of(&labels->items[i], "case"), .at = i};
        if (slice_starts(p.run, SLICE("run-")) && !slice_is_null(p.case_id) && slice_to_i64(var_of(&labels->items[i], "repeat"), &p.repeat))
            places[n++] = p;
    }
    if (n > 0) qsort(places, n, sizeof *places, by_place);
    return n;
}

/* ---- the suite that the run is of ---- */

static int read_suite_of(struct client *client, const char *run, struct judge_choice *c, struct arena *arena) {
    struct buffer path;
    struct client_answer a, b;
    cli_eval_path(&path, run, "");
    client_answer_init(&a);
    client_answer_init(&b);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) {
        const char *suite = arena_text(arena, cli_value(&a, 0, "suite")), *digest = arena_text(arena, cli_value(&a, 0, "suite_digest"));
        buffer_clear(&path);
        buffer_append(&path, SLICE("/api/v1/suites"));
        client_add_segment(&path, suite ? suite : "");
        client_add_query(&path, "version", digest);
        code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &b);
        if (code < 0) c->suite_text = arena_slice(arena, json_raw(&b.doc, cli_at(&b, 0, "definition")));
        if (code < 0) c->suite = suite;
    }
    client_answer_deinit(&b);
    client_answer_deinit(&a);
    buffer_deinit(&path);
    return code;
}

/* ---- its verdicts ---- */

struct matching {
    struct place *places;
    size_t n;
    struct slice run;
    struct digest identity;
    struct judging_item *items;
    struct arena *arena;
};

static bool see(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    struct matching *m = ctx;
    const struct place wanted = {.run = m->run, .case_id = r->case_id, .repeat = r->repeat}, *found;
    (void)d, (void)node;
    found = bsearch(&wanted, m->places, m->n, sizeof *m->places, by_place);
    for (unsigned i = 0; found != NULL && i < r->n_checks; i++) {
        const struct result_check *check = &r->checks[i];
        if (!check->by_judge || !digest_eq(&check->judge_identity, &m->identity)) continue;
        m->items[found->at].settled = true;
        m->items[found->at].outcome = (struct check_outcome){check->verdict, check->score, arena_slice(m->arena, check->reason)};
        break;
    }
    return true;
}

static int read_verdicts(struct client *client, struct matching *m) {
    int code = -1;
    for (size_t i = 0; i < m->n && code < 0; i++) {
        if (i > 0 && slice_eq(m->places[i].run, m->places[i - 1].run)) continue;
        const char *run = arena_text(m->arena, m->places[i].run);
        m->run = m->places[i].run;
        code = run != NULL ? cli_eval_results(client, run, NULL, 1000, see, m) : 3;
    }
    return code;
}

int cli_judge_review(struct client *client, const char *review, struct judge_choice *c, struct arena *arena, struct label_set *ret_labels,
                     struct judging_item **ret_items) {
    struct matching m = {.arena = arena};
    int code = fetch_labels(client, review, arena, ret_labels);
    if (code >= 0) return code;
    m.places = arena_new_array(arena, struct place, ret_labels->n + 1);
    m.items = arena_new_array(arena, struct judging_item, ret_labels->n + 1);
    if (m.places == NULL || m.items == NULL) return 3;
    memset(m.items, 0, ret_labels->n * sizeof *m.items);
    m.n = places_of(ret_labels, m.places);
    if (m.n == 0) {
        fprintf(stderr, "quarterdeck: the answers of %s are not from runs, so no judge has said anything of them: `quarterdeck review labels %s --jsonl` "
                        "gives a file for --labels\n", review, review);
        return 2;
    }
    const char *first = arena_text(arena, m.places[0].run);
    if (c->suite == NULL && c->model == NULL) code = first != NULL ? read_suite_of(client, first, c, arena) : 3;
    if (code < 0) code = cli_judge_find(client, c, arena);
    if (code >= 0) return code;
    judge_identity(&c->judge, &c->check, &m.identity);
    *ret_items = m.items;
    return read_verdicts(client, &m);
}
