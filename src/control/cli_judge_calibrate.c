/* quarterdeck eval judge calibrate: a judge is asked about answers that people have labelled, and held against them. */
#include "control/cli_judge.h"

#include "base/clock.h"
#include "base/mem.h"
#include "control/judge_book.h"
#include "io/http_client.h"
#include "quality/judging.h"
#include "quality/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define USAGE "quarterdeck eval judge calibrate JUDGE (--labels FILE | --from-review REVIEW) [options]"
#define SHOWN 20 /* disagreements that are told; --json has all */

struct work {
    struct judge_choice choice;
    struct client_options o;
    const char *labels_path, *review, *key, *gateway;
    int64_t concurrency, timeout_us;
    double max_cost_usd;
    bool capped;
    struct client *client;
    struct arena arena;
    struct label_set labels;
    struct judging_item *items;
    struct judging_counts counts;
    struct loop *loop;
    const char *stopped;
    bool terminal;
};

/* ---- asking ---- */

static void progress(void *ctx, const struct judging_counts *c) {
    const struct work *w = ctx;
    char cost[MONEY_TEXT];
    if (!w->terminal) return;
    money_format(c->cost_nano, cost);
    fprintf(stderr, "\rjudged %zu of %zu, %zu without a verdict, %s USD ", c->done, w->labels.n, c->errors, cost);
}

static void ended(void *ctx, const char *stopped) {
    struct work *w = ctx;
    w->stopped = stopped;
    loop_stop(w->loop);
}

static int complain(const struct error *error) {
    fprintf(stderr, "quarterdeck: %s\n", error->text);
    return 3;
}

#define LOOK_US 5000000LL      /* for a sign of life of the gateway */
#define PATIENCE_US 60000000LL /* of one request, as in eval run */

/* Where applications connect: what was named, else as the client's server says. NULL after having said that nothing answers there. */
static char *data_plane(const struct work *w) {
    char *found = w->gateway ? mem_text(w->gateway) : client_gateway(w->client);
    struct buffer url, body;
    struct error error;
    int status;
    size_t n = strlen(found);
    while (n > 0 && found[n - 1] == '/') found[--n] = 0;
    buffer_init(&url, 64 << 10);
    buffer_init(&body, 1 << 20);
    buffer_printf(&url, "%s/healthz", found);
    bool answers = http_fetch("GET", buffer_text(&url), NULL, SLICE_NULL, LOOK_US, &status, &body, &error) == FAULT_NONE;
    buffer_deinit(&url);
    buffer_deinit(&body);
    if (answers) return found;
    fprintf(stderr, "quarterdeck: no server answers at %s, and the judge is asked through one: start it (quarterdeck serve), or say --server URL or -c FILE\n", found);
    mem_free(found);
    return NULL;
}

static int ask_all(struct work *w) {
    struct error error = {.fault = FAULT_NONE};
    uint64_t random;
    char name[32];
    const char *who[] = {arena_text(&w->arena, arena_printf(&w->arena, "authorization: Bearer %s", w->key)), NULL};
    char *url = data_plane(w);
    if (url == NULL) return 3;
    const struct asker_options asking = {.url = url, .who = who, .concurrency = (unsigned)w->concurrency, .timeout_us = w->timeout_us,
                                         .patience_us = PATIENCE_US};
    digest_random(&random, sizeof random);
    (void)snprintf(name, sizeof name, "%016llx", (unsigned long long)random);
    const struct judging_options what = {&w->choice.judge, &w->choice.check, w->capped ? (int64_t)(w->max_cost_usd * (double)MONEY_USD) : -1, name};
    const struct judging_calls calls = {w, progress, ended};
    w->items = arena_new_array(&w->arena, struct judging_item, w->labels.n + 1);
    w->loop = loop_new(&error);
    struct asker *asker = w->loop != NULL && w->items != NULL ? asker_new(w->loop, &asking, &error) : NULL;
    mem_free(url);
    if (asker == NULL) return complain(&error);
    for (size_t i = 0; i < w->labels.n; i++)
        w->items[i] = (struct judging_item){.about = w->labels.items[i].about, .asked = w->labels.items[i].asked, .output = w->labels.items[i].output};
    struct judging *judging = judging_new(w->loop, asker, &what, w->items, w->labels.n, &w->arena, &calls);
    judging_start(judging);
    loop_run(w->loop);
    w->counts = judging_counts(judging);
    asker_free(asker);
    judging_free(judging);
    loop_free(w->loop);
    if (w->terminal) fprintf(stderr, "\r%*s\r", 78, "");
    return -1;
}

/* ---- what they say together ---- */

static size_t pair_up(const struct work *w, struct calibration_pair *pairs) {
    const struct judge_choice *c = &w->choice;
    size_t n = 0;
    for (size_t i = 0; i < w->labels.n; i++) {
        const struct label *l = &w->labels.items[i];
        const struct check_outcome *o = &w->items[i].outcome;
        if (!w->items[i].settled || o->verdict == CHECK_ERROR) continue;
        pairs[n++] = (struct calibration_pair){l->example, l->level, label_level(w->labels.scale, &c->check, o),
                                               label_passes(w->labels.scale, l->level, &c->judge, &c->check), o->verdict == CHECK_PASS};
    }
    return n;
}

static void put_sitting(const struct work *w, const struct judge_sitting *s, struct json_writer *out) {
    char hex[2 * DIGEST_BYTES + 1];
    struct digest id;
    judge_identity(&w->choice.judge, &w->choice.check, &id);
    digest_hex(id.bytes, DIGEST_BYTES, hex);
    json_object(out);
    json_key(out, "judge");
    judge_write(&w->choice.judge, out);
    json_key(out, "check");
    judge_check_write(&w->choice.check, out);
    json_member_text(out, "identity", hex);
    json_member_text(out, "scale", calibration_scale_name(s->scale));
    json_member_text(out, "source", w->review ? w->review : w->labels_path);
    json_member_i64(out, "errors", s->errors);
    json_member_i64(out, "contested", s->contested);
    json_key(out, "pairs");
    judge_sitting_write_pairs(s, out);
    json_object_end(out);
}

static int store(const struct work *w, const struct judge_sitting *s, struct client_answer *a) {
    struct buffer body, path;
    struct json_writer out;
    buffer_init(&body, LIMIT_REPLY_BODY);
    buffer_init(&path, 4 << 10);
    json_start(&out, &body);
    put_sitting(w, s, &out);
    buffer_append(&path, SLICE("/api/v1/judges"));
    client_add_segment(&path, w->choice.name);
    buffer_append(&path, SLICE("/calibrations"));
    int code = client_call(w->client, "POST", buffer_text(&path), buffer_slice(&body), a);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return code;
}

/* ---- where they differ ---- */

struct difference {
    size_t at;
    bool let_through;
    int distance;
};

static int most_useful_first(const void *a, const void *b) {
    const struct difference *x = a, *y = b;
    if (x->let_through != y->let_through) return x->let_through ? -1 : 1;
    if (x->distance != y->distance) return x->distance > y->distance ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* What people fail and the judge lets through comes first: it is what a gate would miss. */
static struct difference *differences(struct work *w, size_t *ret_n) {
    struct difference *all = arena_new_array(&w->arena, struct difference, w->labels.n + 1);
    const struct judge_choice *c = &w->choice;
    *ret_n = 0;
    for (size_t i = 0; all != NULL && i < w->labels.n; i++) {
        const struct check_outcome *o = &w->items[i].outcome;
        const struct label *l = &w->labels.items[i];
        bool should = label_passes(w->labels.scale, l->level, &c->judge, &c->check);
        if (!w->items[i].settled || o->verdict == CHECK_ERROR || should == (o->verdict == CHECK_PASS)) continue;
        all[(*ret_n)++] = (struct difference){i, !should, abs((int)l->level - (int)label_level(w->labels.scale, &c->check, o))};
    }
    if (*ret_n > 0) qsort(all, *ret_n, sizeof *all, most_useful_first);
    return all;
}

static void put_case(const struct work *w, size_t i, struct json_writer *out) {
    const struct label *l = &w->labels.items[i];
    const struct check_outcome *o = &w->items[i].outcome;
    json_object(out);
    json_member_i64(out, "line", l->line);
    json_member_text(out, "label", calibration_level_name(w->labels.scale, l->level));
    if (o->verdict != CHECK_ERROR)
        json_member_text(out, "verdict", calibration_level_name(w->labels.scale, label_level(w->labels.scale, &w->choice.check, o)));
    json_member_string(out, "output", l->output);
    json_member_string(out, "reason", o->reason);
    json_object_end(out);
}

static void print_json(struct work *w, struct client_answer *a, const struct difference *d, size_t n) {
    struct buffer text;
    struct json_writer out;
    buffer_init(&text, LIMIT_BODY_CEILING);
    json_start(&out, &text);
    json_object(&out);
    json_member_raw(&out, "judge", slice_trim(buffer_slice(&a->body)));
    json_member_i64(&out, "lines", (int64_t)w->labels.lines);
    json_member_i64(&out, "examples", (int64_t)w->labels.n);
    json_member_i64(&out, "judged", (int64_t)w->counts.done);
    json_member_text(&out, "stopped", w->stopped);
    json_member_double(&out, "cost_usd", (double)w->counts.cost_nano / (double)MONEY_USD);
    json_member_i64(&out, "unpriced_calls", (int64_t)w->counts.unpriced);
    json_key(&out, "disagreements");
    json_array(&out);
    for (size_t i = 0; i < n; i++) put_case(w, d[i].at, &out);
    json_array_end(&out);
    json_key(&out, "errors");
    json_array(&out);
    for (size_t i = 0; i < w->labels.n; i++)
        if (w->items[i].settled && w->items[i].outcome.verdict == CHECK_ERROR) put_case(w, i, &out);
    json_array_end(&out);
    json_object_end(&out);
    printf("%s\n", buffer_text(&text));
    buffer_deinit(&text);
}

static void print_text(struct work *w, struct client_answer *a, const struct difference *d, size_t n) {
    static const char *const headers[] = {">LINE", "PEOPLE", "JUDGE", "ANSWER", "THE JUDGE'S REASON"};
    char cost[MONEY_TEXT];
    struct sheet s;
    cli_judge_tell(a, 0);
    money_format(w->counts.cost_nano, cost);
    printf("\n%zu of %zu examples judged for %s USD", w->counts.done, w->labels.n, cost);
    if (w->counts.unpriced > 0) printf(" and %zu calls whose cost is not known", w->counts.unpriced);
    if (w->labels.contested > 0) printf("; %zu left out, since people differ on them", w->labels.contested);
    if (w->counts.errors > 0) printf("; %zu without a verdict, which count for nothing (--json has them)", w->counts.errors);
    printf("%s%s\n", w->stopped ? "; stopped: " : "", w->stopped ? w->stopped : "");
    if (n == 0) return;
    printf("\nWhere they differ, what the judge lets through first%s:\n", n > SHOWN ? " (--json has all)" : "");
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        const struct label *l = &w->labels.items[d[i].at];
        const struct check_outcome *o = &w->items[d[i].at].outcome;
        sheet_print_cell(&s, "%d", l->line);
        sheet_put(&s, slice_of(calibration_level_name(w->labels.scale, l->level)));
        sheet_put(&s, slice_of(calibration_level_name(w->labels.scale, label_level(w->labels.scale, &w->choice.check, o))));
        sheet_put(&s, text_excerpt(l->output, 50, &w->arena));
        sheet_put(&s, text_excerpt(o->reason, 70, &w->arena));
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

/* ---- the verb ---- */

static int no_verdict(const struct work *w) {
    struct slice why = SLICE_NULL;
    for (size_t i = 0; i < w->labels.n && slice_is_null(why); i++)
        if (w->items[i].settled) why = w->items[i].outcome.reason;
    fprintf(stderr, "quarterdeck: the judge gave no verdict at all: " SLICE_FMT "\n",
            SLICE_ARG(slice_is_null(why) ? slice_of(w->stopped ? w->stopped : "nothing was asked") : why));
    return 3;
}

/* What was said when the run was made costs nothing again. */
static void count_kept(struct work *w) {
    for (size_t i = 0; i < w->labels.n; i++) {
        w->counts.done += w->items[i].settled;
        w->counts.errors += w->items[i].settled && w->items[i].outcome.verdict == CHECK_ERROR;
    }
    if (w->counts.done == 0) w->stopped = "the runs of the review have no verdict of this judge with this rubric";
}

static int calibrate(struct work *w) {
    struct error error = {.fault = FAULT_NONE};
    struct judge_sitting s = {.n = 0};
    struct client_answer a;
    size_t n = 0;
    int code = w->review ? cli_judge_review(w->client, w->review, &w->choice, &w->arena, &w->labels, &w->items)
                         : cli_judge_labels(w->labels_path, &w->arena, &w->labels);
    if (code < 0 && !w->review) code = cli_judge_find(w->client, &w->choice, &w->arena);
    if (code >= 0) return code;
    if (!label_suits(w->labels.scale, &w->choice.judge, &w->choice.check, &error)) return complain(&error), 2;
    if (w->review) count_kept(w);
    else code = ask_all(w);
    if (code >= 0) return code;
    s = (struct judge_sitting){.scale = w->labels.scale, .errors = (int64_t)w->counts.errors, .contested = (int64_t)w->labels.contested};
    s.pairs = arena_new_array(&w->arena, struct calibration_pair, w->labels.n + 1);
    if (s.pairs == NULL) return 3;
    s.n = pair_up(w, s.pairs);
    if (s.n == 0) return no_verdict(w);
    client_answer_init(&a);
    code = store(w, &s, &a);
    if (code < 0) {
        struct difference *d = differences(w, &n);
        if (w->o.json) print_json(w, &a, d, n);
        else print_text(w, &a, d, n);
        code = slice_is(cli_value(&a, 0, "state"), "calibrated") ? 0 : 1;
    }
    client_answer_deinit(&a);
    return code;
}

int cli_judge_calibrate(int argc, char **argv) {
    struct work w = {.choice = {.threshold = NAN}, .key = getenv("QUARTERDECK_KEY"), .concurrency = 8, .timeout_us = 120000000};
    const struct option_spec specs[] = {
        {.name = "labels", .type = OPTION_TEXT, .value = &w.labels_path, .metavar = "FILE",
         .help = "an object a line, {input, output, context, expected, label, labeller}, or such a table (.csv); - is standard input"},
        {.name = "from-review", .type = OPTION_TEXT, .value = &w.review, .metavar = "REVIEW",
         .help = "the labels of this review, against what the judge said in its runs: nothing is asked again"},
        {.name = "suite", .type = OPTION_TEXT, .value = &w.choice.suite, .metavar = "FILE", .help = "the suite that declares the judge; else as it was calibrated last"},
        {.name = "model", .type = OPTION_TEXT, .value = &w.choice.model, .metavar = "NAME", .help = "or a judge of this model"},
        {.name = "scale", .type = OPTION_TEXT, .value = &w.choice.scale, .metavar = "SCALE", .help = "with --model: binary (the default), 1-5 or pairwise"},
        {.name = "check", .type = OPTION_TEXT, .value = &w.choice.type, .metavar = "TYPE", .help = "judge, faithful or relevant, when the suite has several"},
        {.name = "rubric", .type = OPTION_TEXT, .value = &w.choice.rubric, .metavar = "TEXT", .help = "the check's rubric, when the suite has several or none"},
        {.name = "threshold", .type = OPTION_NUMBER, .value = &w.choice.threshold, .metavar = "SCORE", .help = "the check's threshold, when it has one"},
        {.name = "key", .type = OPTION_TEXT, .value = &w.key, .metavar = "KEY", .help = "of an application that may use the judge's model; QUARTERDECK_KEY"},
        {.name = "max-cost", .type = OPTION_NUMBER, .value = &w.max_cost_usd, .metavar = "USD", .given = &w.capped, .help = "no further answer is judged once this is spent"},
        {.name = "concurrency", .type = OPTION_INTEGER, .value = &w.concurrency, .metavar = "N", .help = "requests at once"},
        {.name = "timeout", .type = OPTION_DURATION, .value = &w.timeout_us, .metavar = "TIME", .help = "of one request"},
        {.name = "gateway", .type = OPTION_TEXT, .value = &w.gateway, .metavar = "URL", .help = "where applications connect, when the control plane is elsewhere"},
        CLIENT_OPTIONS(w.o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code < 0 && (w.concurrency < 1 || w.concurrency > LIMIT_EVAL_CONCURRENT || w.timeout_us <= 0 || w.max_cost_usd < 0)) code = cli_expect(USAGE, 1, 0, 0);
    if (code >= 0) return code;
    if (!w.labels_path == !w.review) {
        fprintf(stderr, "quarterdeck: expected --labels or --from-review, and one of them\n");
        return 2;
    }
    if (!w.review && (!w.key || !*w.key)) {
        fprintf(stderr, "quarterdeck: the requests need an application's key: --key or QUARTERDECK_KEY\n");
        return 2;
    }
    if (!digest_start()) return 3;
    w.choice.name = argv[0];
    w.terminal = isatty(STDERR_FILENO) == 1 && !w.o.json;
    arena_init(&w.arena, 256 << 10, LIMIT_BODY_CEILING);
    w.client = client_open(&w.o, &code);
    if (w.client != NULL) code = calibrate(&w);
    client_close(w.client);
    arena_deinit(&w.arena);
    return code;
}
