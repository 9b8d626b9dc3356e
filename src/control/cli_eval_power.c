/* `quarterdeck eval power`: how large a suite has to be, from what is expected of it, or from what a run showed. */
#include "control/cli_eval.h"

#include "base/mem.h"
#include "quality/plan.h"
#include "stats/mean.h"

#include <math.h>
#include <stdio.h>

#define USAGE "quarterdeck eval power [--suite SUITE | --runs RUN] [options]"
#define POWER 0.8
#define PAGE 500
#define RESULTS_MOST 1000000

/* ---- what a run showed ---- */

struct seen {
    double *score;
    uint32_t *of;
    size_t n, capacity;
    uint32_t cases;
};

static bool see(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    struct seen *s = ctx;
    (void)d, (void)node;
    if (r->verdict == CHECK_ERROR) return true;
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 1024;
        s->score = mem_resize(s->score, s->capacity * sizeof *s->score);
        s->of = mem_resize(s->of, s->capacity * sizeof *s->of);
    }
    s->score[s->n] = r->verdict == CHECK_PASS;
    s->of[s->n++] = r->case_at;
    if (r->case_at >= s->cases) s->cases = r->case_at + 1;
    return s->n < RESULTS_MOST;
}

struct basis {
    const char *run;    /* NULL: assumed */
    double rate, within; /* within NAN: each case was run once */
    size_t cases, results;
};

static void measure(const struct seen *s, struct basis *ret) {
    double *mean = mem_new_array(double, s->cases + 1), *runs = mem_new_array(double, s->cases + 1), sum = 0;
    mean_by_case(s->score, s->of, s->n, mean, runs, s->cases);
    ret->within = mean_within_case(s->score, s->of, s->n, mean, runs, s->cases);
    ret->cases = 0;
    for (uint32_t i = 0; i < s->cases; i++) {
        if (!(runs[i] > 0)) continue;
        sum += mean[i];
        ret->cases++;
    }
    ret->results = s->n;
    ret->rate = sum / (double)ret->cases;
    mem_free(mean);
    mem_free(runs);
}

static int read_run(struct client *client, const char *run, struct basis *ret) {
    struct seen seen = {.n = 0};
    int code = cli_eval_results(client, run, NULL, PAGE, see, &seen);
    if (code < 0 && seen.n == 0) {
        fprintf(stderr, "quarterdeck: %s has no answer to plan from\n", run);
        code = 3;
    }
    if (code < 0) {
        ret->run = run;
        measure(&seen, ret);
    }
    mem_free(seen.score);
    mem_free(seen.of);
    return code;
}

/* ---- telling ---- */

static void put_count(struct json_writer *w, const char *key, double n) {
    json_key(w, key);
    if (isfinite(n)) json_put_i64(w, (int64_t)n);
    else json_put_null(w);
}

struct wish {
    struct plan_question q;
    struct basis basis;
    bool has_suite;
    struct suite suite;
};

static void put_plan(struct json_writer *w, const struct plan_question *q, const struct plan *p) {
    json_member_double(w, "expected", q->expected);
    json_member_double(w, "at_least", q->at_least);
    json_member_double(w, "confidence", q->confidence);
    json_member_double(w, "power", q->power);
    json_member_i64(w, "repeat", q->repeat);
    put_count(w, "cases", p->cases);
    put_count(w, "cases_at_best", p->cases_at_best);
    put_count(w, "fewest", p->fewest);
}

static struct plan_question required(const struct wish *h, const struct suite_requirement *r) {
    struct plan_question q = h->q;
    q.at_least = r->bound;
    q.confidence = r->confidence;
    return q;
}

/* Cases of the suite that a requirement is about. */
static unsigned cases_of(const struct suite *s, const struct suite_requirement *r) {
    unsigned n = 0;
    for (unsigned i = 0; i < s->n_cases; i++) n += slice_is_null(r->tag) || suite_case_has_tag(&s->cases[i], r->tag);
    return n;
}

static bool can_be_planned(const struct suite_requirement *r) {
    return r->measure == SUITE_PASS_RATE && !r->at_most && r->confidence > 0 && r->bound < 1;
}

static void put_suite(struct json_writer *w, const struct wish *h) {
    json_key(w, "suite");
    json_object(w);
    json_member_string(w, "suite", h->suite.name);
    json_member_i64(w, "cases", h->suite.n_cases);
    json_key(w, "requirements");
    json_array(w);
    for (unsigned i = 0; i < h->suite.n_requirements; i++) {
        const struct suite_requirement *r = &h->suite.requirements[i];
        if (!can_be_planned(r)) continue;
        struct plan_question q = required(h, r);
        struct plan p = plan_suite(&q);
        unsigned has = cases_of(&h->suite, r);
        json_object(w);
        json_member_string(w, "tag", r->tag);
        json_member_i64(w, "has", has);
        put_plan(w, &q, &p);
        put_count(w, "missing", isfinite(p.cases) ? fmax(0, p.cases - has) : p.cases);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void write_json(const struct wish *h, const struct plan *p) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 16 << 20);
    json_start(&w, &out);
    json_object(&w);
    put_plan(&w, &h->q, p);
    json_member_text(&w, "run", h->basis.run);
    json_member_double(&w, "within", h->basis.run ? h->basis.within : NAN);
    json_member_double(&w, "correlation", p->correlation);
    json_key(&w, "difference");
    if (isnan(h->q.difference)) json_put_null(&w);
    else {
        json_object(&w);
        json_member_double(&w, "difference", h->q.difference);
        put_count(&w, "cases", p->difference_cases);
        put_count(&w, "cases_at_best", p->difference_at_best);
        json_object_end(&w);
    }
    if (h->has_suite) {
        put_suite(&w, h);
        json_member_double(&w, "minimum_detectable", plan_detectable(&h->q, h->suite.n_cases));
    }
    json_object_end(&w);
    printf("%s\n", buffer_text(&out));
    buffer_deinit(&out);
}

static void say_basis(const struct wish *h, const struct plan *p) {
    char text[CLI_EVAL_PERCENT];
    if (h->basis.run == NULL) {
        if (h->q.repeat > 1)
            printf("Nothing is known of how much repeats of a case differ: plan with the first number, and measure with --runs RUN.\n");
        return;
    }
    printf("By %s: %zu cases, %zu answers, pass rate %s", h->basis.run, h->basis.cases, h->basis.results, cli_eval_percent(h->basis.rate, text));
    if (isnan(h->basis.within)) printf("; each case was run once, so it does not tell what repeats are worth");
    else if (!isnan(p->correlation))
        printf("; repeats of a case resemble each other by %.2f (1: they always agree, and a second one says nothing new)", p->correlation);
    printf(".\n");
}

static void say_cases(double cases, double best) {
    if (isinf(cases)) printf("no reasonable number of cases");
    else if (cases == best) printf("%.0f cases", cases);
    else printf("%.0f cases (%.0f where repeats differ as cases do)", cases, best);
}

static void say_requirements(const struct wish *h) {
    for (unsigned i = 0; i < h->suite.n_requirements; i++) {
        const struct suite_requirement *r = &h->suite.requirements[i];
        if (!can_be_planned(r)) continue;
        struct plan_question q = required(h, r);
        struct plan p = plan_suite(&q);
        unsigned has = cases_of(&h->suite, r);
        printf("  " SLICE_FMT "%s pass rate at least %g %% at %g %% confidence: needs ", SLICE_ARG(r->tag), slice_is_null(r->tag) ? "all cases:" : ":",
               100 * r->bound, 100 * r->confidence);
        say_cases(p.cases, p.cases_at_best);
        printf(", has %u%s\n", has, isfinite(p.cases) && has >= p.cases ? ": enough" : "");
    }
}

static void write_words(const struct wish *h, const struct plan *p) {
    const struct plan_question *q = &h->q;
    say_basis(h, p);
    printf("To show that a pass rate is %s %g %% (confidence %g %%), when it is really %.4g %%, takes ",
           q->expected < q->at_least ? "not at least" : "at least", 100 * q->at_least, 100 * q->confidence, 100 * q->expected);
    say_cases(p->cases, p->cases_at_best);
    printf(", each run %u time%s; the chance that so many show it is %g %%.\n", q->repeat, q->repeat == 1 ? "" : "s", 100 * q->power);
    if (p->fewest > 0)
        printf("Fewer than %.0f cases cannot show it even if none fails%s.\n", p->fewest, q->these_cases ? "" : ", however often each is run");
    if (!isnan(q->difference)) {
        printf("To see a difference of %g points between two versions on the same cases takes ", 100 * q->difference);
        say_cases(p->difference_cases, p->difference_at_best);
        printf(", if it all comes from cases that go one way.\n");
    }
    if (!h->has_suite) return;
    double least = plan_detectable(q, h->suite.n_cases);
    printf("\nThe suite " SLICE_FMT " has %u cases", SLICE_ARG(h->suite.name), h->suite.n_cases);
    if (isnan(least)) printf(": too few for any difference between two versions.\n");
    else printf(": two versions that differ by less than %.1f points would probably look alike.\n", 100 * least);
    say_requirements(h);
}

/* ---- the verb ---- */

static int refuse(const char *what) {
    fprintf(stderr, "quarterdeck: %s\n", what);
    return 2;
}

static int check(const struct plan_question *q) {
    if (!(q->expected >= 0 && q->expected <= 1)) return refuse("--expected: expected a share from 0 to 1, such as 0.95");
    if (!(q->at_least > 0 && q->at_least < 1)) return refuse("--at-least: expected a share between 0 and 1, such as 0.9");
    if (!(q->confidence > 0.5 && q->confidence < 1)) return refuse("--confidence: expected a share between 0.5 and 1, such as 0.95");
    if (!isnan(q->difference) && !(q->difference > 0 && q->difference < 1)) return refuse("--difference: expected a share between 0 and 1, such as 0.05");
    return -1;
}

static int answer(struct client *client, const char *suite, const char *run, bool expected_given, bool json, struct wish *h, struct arena *arena) {
    int code = -1;
    if (suite) {
        code = cli_eval_load_suite(client, suite, arena, &h->suite);
        h->has_suite = code < 0;
        h->q.these_cases = h->suite.scope == RATE_THESE_CASES;
    }
    if (code < 0 && run) code = read_run(client, run, &h->basis);
    if (code >= 0) return code;
    if (run) {
        h->q.within = h->basis.within;
        if (!expected_given) h->q.expected = h->basis.rate;
    }
    if (suite && h->q.repeat == 0) h->q.repeat = h->suite.repeat;
    if (h->q.repeat == 0) h->q.repeat = 1;
    struct plan p = plan_suite(&h->q);
    if (json) write_json(h, &p);
    else write_words(h, &p);
    return 0;
}

int cli_eval_power(int argc, char **argv) {
    struct client_options o = {.offline = true};
    const char *suite = NULL, *run = NULL;
    struct wish h = {.q = {.expected = 0.95, .at_least = 0.9, .confidence = 0.95, .power = POWER, .difference = NAN, .within = NAN}};
    int64_t repeat = 0;
    bool given = false;
    const struct option_spec specs[] = {
        {.name = "suite", .type = OPTION_TEXT, .value = &suite, .metavar = "SUITE", .help = "a file or a name: is it large enough for what it requires?"},
        {.name = "runs", .type = OPTION_TEXT, .value = &run, .metavar = "RUN", .help = "plan from the pass rate and the variances of this run"},
        {.name = "expected", .type = OPTION_NUMBER, .value = &h.q.expected, .given = &given, .metavar = "SHARE", .help = "the pass rate it probably has, unless a run tells it"},
        {.name = "at-least", .type = OPTION_NUMBER, .value = &h.q.at_least, .metavar = "SHARE", .help = "what is to be shown"},
        {.name = "confidence", .type = OPTION_NUMBER, .value = &h.q.confidence, .metavar = "SHARE", .help = "how sure"},
        {.name = "difference", .type = OPTION_NUMBER, .value = &h.q.difference, .metavar = "SHARE", .help = "also: to see so large a difference between two versions"},
        {.name = "repeat", .type = OPTION_INTEGER, .value = &repeat, .metavar = "N", .help = "runs of each case (the suite's, or 1)"},
        CLIENT_OPTIONS(o)};
    struct arena arena;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 0, 0);
    if (code < 0) code = check(&h.q);
    if (code < 0 && (repeat < 0 || repeat > LIMIT_SUITE_REPEAT)) code = refuse("--repeat: expected a number from 1 to 1000");
    if (code >= 0) return code;
    h.q.repeat = (unsigned)repeat;
    o.offline = run == NULL;
    struct client *client = client_open(&o, &code);
    if (client == NULL) return code;
    arena_init(&arena, 1 << 20, 8 * (size_t)LIMIT_SUITE_FILE);
    code = answer(client, suite, run, given, o.json, &h, &arena);
    suite_deinit(&h.suite);
    arena_deinit(&arena);
    client_close(client);
    return code;
}
