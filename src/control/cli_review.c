/* `quarterdeck review`: answers that wait for people. */
#include "control/cli_review.h"

#include "base/clock.h"
#include "control/config_file.h"
#include "model/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CREATE_USAGE "quarterdeck review create --rubric TEXT --reviewers NAME,NAME (--run RUN | --items FILE.jsonl) [options]"
#define LIST_USAGE "quarterdeck review list [options]"
#define SHOW_USAGE "quarterdeck review show ID [options]"
#define NEXT_USAGE "quarterdeck review next ID [options]"
#define LABEL_USAGE "quarterdeck review label ID ITEM LABEL [options]"
#define UNLABEL_USAGE "quarterdeck review unlabel ID ITEM [options]"
#define DISPUTED_USAGE "quarterdeck review disputed ID [options]"
#define ADJUDICATE_USAGE "quarterdeck review adjudicate ID ITEM LABEL [options]"
#define LABELS_USAGE "quarterdeck review labels ID [options]"
#define MOST_ITEMS_FILE (256u << 20)
#define REVIEWER_OPTION(v) \
    {.name = "reviewer", .letter = 'r', .type = OPTION_TEXT, .value = &(v), .metavar = "NAME", .help = "as whom (default: the token's name)"}

void cli_review_path(struct buffer *path, const char *id, const char *more) {
    buffer_init(path, 64 << 10);
    buffer_append(path, SLICE("/api/v1/reviews"));
    client_add_segment(path, id);
    buffer_append(path, slice_of(more));
}

/* Texts of clients and models: nothing in them may reach the terminal as control characters, but line breaks. */
static void print_text(const char *title, struct client_answer *a, uint32_t node) {
    struct buffer out;
    struct slice rest = cli_value(a, node, ""), line;
    if (slice_is_null(rest) || rest.len == 0) return;
    printf("%s%s%s\n", sheet_color_on(stdout, SHEET_DIM), title, sheet_color_off(stdout));
    buffer_init(&out, LIMIT_REPLY_BODY);
    while (rest.len > 0) {
        slice_cut(rest, '\n', &line, &rest);
        buffer_append(&out, SLICE("  "));
        sheet_clean(&out, line);
        buffer_byte(&out, '\n');
    }
    fwrite(out.at, 1, out.len, stdout);
    buffer_deinit(&out);
}

static void print_shown(struct client_answer *a, uint32_t node) {
    uint32_t at = JSON_NONE, answer, message, input = cli_at(a, node, "input");
    unsigned n = json_size(&a->doc, cli_at(a, node, "answers")), i = 0;
    if (json_type(&a->doc, input) != JSON_ARRAY) print_text("asked", a, input);
    else
        while (json_each_item(&a->doc, input, &at, &message))
            print_text(slice_is(cli_value(a, message, "role"), "user") ? "asked" : slice_is(cli_value(a, message, "role"), "assistant") ? "answered before" : "from a tool",
                       a, cli_at(a, message, "content"));
    at = JSON_NONE;
    print_text("context", a, cli_at(a, node, "context"));
    print_text("expected", a, cli_at(a, node, "expected"));
    while (json_each_item(&a->doc, cli_at(a, node, "answers"), &at, &answer))
        print_text(n == 1 ? "answer" : i++ == 0 ? "first answer" : "second answer", a, answer);
}

/* ---- create ---- */

struct asked {
    const char *rubric, *reviewers, *run, *items, *against, *verdict, *scale, *adjudicator, *due, *name;
    int64_t per_item, sample;
};

static bool put_items(struct json_writer *w, const char *file, struct buffer *text, struct error *error) {
    struct slice line;
    if (file == NULL) return true;
    if (config_file_load(strcmp(file, "-") == 0 ? "/dev/stdin" : file, text, error) != FAULT_NONE) return false;
    json_key(w, "items");
    json_array(w);
    for (struct slice rest = buffer_slice(text); rest.len > 0;) {
        slice_cut(rest, '\n', &line, &rest);
        line = slice_trim(line);
        if (line.len > 0) json_put_raw(w, line);
    }
    json_array_end(w);
    return true;
}

/* -1, or the exit code after having said why. */
static int write_review(const struct asked *o, struct buffer *body, struct buffer *text) {
    struct json_writer w;
    struct error error = {.fault = FAULT_NONE};
    struct slice rest = slice_of(o->reviewers), name;
    json_start(&w, body);
    json_object(&w);
    json_member_text(&w, "rubric", o->rubric);
    json_key(&w, "reviewers");
    json_array(&w);
    while (rest.len > 0) {
        slice_cut(rest, ',', &name, &rest);
        json_put_string(&w, slice_trim(name));
    }
    json_array_end(&w);
    json_member_text(&w, "name", o->name);
    json_member_text(&w, "adjudicator", o->adjudicator);
    if (o->scale) json_member_text(&w, "scale", o->scale);
    json_member_i64(&w, "per_item", o->per_item);
    if (o->run) json_member_text(&w, "run", o->run);
    if (o->against) json_member_text(&w, "against", o->against);
    if (o->verdict) json_member_text(&w, "verdict", o->verdict);
    if (o->sample > 0) json_member_i64(&w, "sample", o->sample);
    if (o->due) json_member_text(&w, "due", o->due);
    if (!put_items(&w, o->items, text, &error)) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
        return 3;
    }
    json_object_end(&w);
    return -1;
}

static void say_created(struct client_answer *a) {
    uint32_t at = JSON_NONE, name;
    struct slice id = cli_value(a, 0, "review");
    printf(SLICE_FMT ": " SLICE_FMT " of " SLICE_FMT " items, " SLICE_FMT " of the reviewers each\n", SLICE_ARG(id), SLICE_ARG(cli_value(a, 0, "items")),
           SLICE_ARG(cli_value(a, 0, "drawn_from")), SLICE_ARG(cli_value(a, 0, "per_item")));
    if (!slice_is(cli_value(a, 0, "left_out"), "0"))
        printf("left out: " SLICE_FMT " results without an answer, or without one to pair it with\n", SLICE_ARG(cli_value(a, 0, "left_out")));
    while (json_each_item(&a->doc, cli_at(a, 0, "reviewers"), &at, &name))
        printf("   quarterdeck review next " SLICE_FMT " --reviewer '" SLICE_FMT "'\n", SLICE_ARG(id), SLICE_ARG(cli_value(a, name, "")));
}

static int create(int argc, char **argv) {
    struct client_options o = {0};
    struct asked q = {.per_item = 1};
    const struct option_spec specs[] = {
        {.name = "rubric", .type = OPTION_TEXT, .required = true, .value = &q.rubric, .metavar = "TEXT", .help = "what reviewers are to look for"},
        {.name = "reviewers", .type = OPTION_TEXT, .required = true, .value = &q.reviewers, .metavar = "NAME,NAME", .help = "who; with tokens: the tokens' names"},
        {.name = "run", .type = OPTION_TEXT, .value = &q.run, .metavar = "RUN", .help = "the answers of this run"},
        {.name = "against", .type = OPTION_TEXT, .value = &q.against, .metavar = "RUN", .help = "pairs: the answers of this run are the baseline"},
        {.name = "verdict", .type = OPTION_TEXT, .value = &q.verdict, .metavar = "VERDICT", .help = "only results that are pass or fail"},
        {.name = "sample", .type = OPTION_INTEGER, .value = &q.sample, .metavar = "N", .help = "so many of them, drawn at random"},
        {.name = "items", .type = OPTION_TEXT, .value = &q.items, .metavar = "FILE.jsonl", .help = "one {input, context, expected, output} a line; - is standard input"},
        {.name = "scale", .type = OPTION_TEXT, .value = &q.scale, .metavar = "SCALE", .help = "binary (default), 1-5 or pairwise"},
        {.name = "per-item", .type = OPTION_INTEGER, .value = &q.per_item, .metavar = "N", .help = "reviewers of each item (1); 2 shows how far they agree"},
        {.name = "adjudicator", .type = OPTION_TEXT, .value = &q.adjudicator, .metavar = "NAME", .help = "who decides where reviewers differ"},
        {.name = "due", .type = OPTION_TEXT, .value = &q.due, .metavar = "TIME", .help = "when it is to be done: 2d, a date, RFC 3339"},
        {.name = "name", .type = OPTION_TEXT, .value = &q.name, .metavar = "NAME", .help = "what people call it"},
        CLIENT_OPTIONS(o)};
    struct buffer body, text;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, CREATE_USAGE, &n);
    if (code < 0) code = cli_expect(CREATE_USAGE, n, 0, 0);
    if (code < 0 && !q.run == !q.items) {
        fprintf(stderr, "quarterdeck: expected --run or --items, and one of them\n");
        code = 2;
    }
    if (code >= 0) return code;
    buffer_init(&body, 2 * MOST_ITEMS_FILE);
    buffer_init(&text, MOST_ITEMS_FILE);
    code = write_review(&q, &body, &text);
    if (code < 0) code = cli_send(&o, "POST", "/api/v1/reviews", buffer_slice(&body), say_created);
    buffer_deinit(&body);
    buffer_deinit(&text);
    return code;
}

/* ---- list and show ---- */

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {"REVIEW", "NAME", "SOURCE", "SCALE", ">ITEMS", ">LABELS", ">OF", "DUE", "STATE"};
    struct sheet s;
    uint32_t r, at = JSON_NONE;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "reviews"), &at, &r)) {
        static const char *const cells[] = {"review", "name", "source", "scale", "items", "labels_given", "labels_expected"};
        bool overdue = slice_is(cli_value(a, r, "overdue"), "true"), closed = !slice_is_null(cli_value(a, r, "closed_at"));
        for (unsigned i = 0; i < sizeof cells / sizeof *cells; i++) cli_put(&s, a, r, cells[i]);
        cli_put_time(&s, a, r, "due");
        sheet_put(&s, overdue ? SLICE("overdue") : closed ? SLICE("closed") : SLICE("open"));
        sheet_paint(&s, overdue ? SHEET_BAD : closed ? SHEET_DIM : SHEET_PLAIN);
    }
    if (sheet_rows(&s) == 0) printf("no reviews; `quarterdeck review create` makes one, `--all` shows closed ones\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const char *reviewer = NULL;
    bool all = false;
    const struct option_spec specs[] = {
        {.name = "all", .type = OPTION_FLAG, .value = &all, .help = "closed ones too"},
        {.name = "reviewer", .letter = 'r', .type = OPTION_TEXT, .value = &reviewer, .metavar = "NAME", .help = "only those of this reviewer"},
        CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/reviews"));
    client_add_query(&path, "state", all ? "all" : NULL);
    client_add_query(&path, "reviewer", reviewer);
    code = cli_get(&o, buffer_text(&path), write_list, NULL);
    buffer_deinit(&path);
    return code;
}

static void print_agreement(struct client_answer *a) {
    struct slice items = cli_value(a, 0, "agreement.items"), alpha = cli_value(a, 0, "agreement.alpha");
    uint32_t interval = cli_at(a, 0, "agreement.interval");
    double value, low, high;
    if (slice_is(items, "0")) {
        printf("agreement: nothing was labelled twice yet\n");
        return;
    }
    printf("agreement: " SLICE_FMT " of " SLICE_FMT " items labelled alike", SLICE_ARG(cli_value(a, 0, "agreement.agreed")), SLICE_ARG(items));
    if (json_get_double(&a->doc, cli_at(a, 0, "agreement.alpha"), &value)) printf(", Krippendorff's alpha %.2f", value);
    else if (slice_is_null(alpha)) printf("; alpha says nothing when all labels are the same");
    if (json_get_double(&a->doc, json_item(&a->doc, interval, 0), &low) && json_get_double(&a->doc, json_item(&a->doc, interval, 1), &high))
        printf(" (95 %%: %.2f to %.2f)", low, high);
    printf("; 1 is full agreement, 0 is chance\n");
}

static void print_rate(struct client_answer *a) {
    uint32_t rate = cli_at(a, 0, "people_would_say"), interval = cli_at(a, rate, "interval");
    double value, low, high;
    struct slice why_not = cli_value(a, rate, "why_not");
    if (json_get_double(&a->doc, cli_at(a, rate, "pass_rate"), &value) && json_get_double(&a->doc, json_item(&a->doc, interval, 0), &low) &&
        json_get_double(&a->doc, json_item(&a->doc, interval, 1), &high))
        printf("people would pass %.1f %% of the run (95 %%: %.1f to %.1f %%), by " SLICE_FMT " labels and the checks' word on the other " SLICE_FMT "%s\n",
               100 * value, 100 * low, 100 * high, SLICE_ARG(cli_value(a, rate, "labelled")), SLICE_ARG(cli_value(a, rate, "unlabelled")),
               slice_is(cli_value(a, rate, "few_labels"), "true") ? "; with fewer than 100 labels the range may be a little too narrow" : "");
    else if (!slice_is_null(why_not)) printf("what people would say of the whole run is not known: " SLICE_FMT "\n", SLICE_ARG(why_not));
}

static void write_review_of(struct client_answer *a) {
    static const char *const headers[] = {"REVIEWER", ">DONE", ">OF"};
    struct sheet s;
    struct slice id = cli_value(a, 0, "review");
    uint32_t r, at = JSON_NONE, key, value;
    printf(SLICE_FMT ", " SLICE_FMT ", of " SLICE_FMT ": " SLICE_FMT " settled, " SLICE_FMT " waiting, " SLICE_FMT " disputed\n", SLICE_ARG(id),
           SLICE_ARG(cli_value(a, 0, "scale")), SLICE_ARG(cli_value(a, 0, "source")), SLICE_ARG(cli_value(a, 0, "settled")),
           SLICE_ARG(cli_value(a, 0, "waiting")), SLICE_ARG(cli_value(a, 0, "disputed")));
    print_text("rubric", a, cli_at(a, 0, "rubric"));
    if (slice_is(cli_value(a, 0, "overdue"), "true"))
        printf("%sdue since " SLICE_FMT "%s\n", sheet_color_on(stdout, SHEET_BAD), SLICE_ARG(cli_value(a, 0, "due")), sheet_color_off(stdout));
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "reviewers"), &at, &r)) {
        cli_put(&s, a, r, "name");
        cli_put(&s, a, r, "done");
        cli_put(&s, a, r, "items");
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
    printf("labels that stand:");
    at = JSON_NONE;
    while (json_each_member(&a->doc, cli_at(a, 0, "labels"), &at, &key, &value))
        printf(" " SLICE_FMT " " SLICE_FMT, SLICE_ARG(cli_value(a, key, "")), SLICE_ARG(cli_value(a, value, "")));
    putchar('\n');
    print_agreement(a);
    print_rate(a);
    if (!slice_is(cli_value(a, 0, "disputed"), "0")) printf("next: quarterdeck review disputed " SLICE_FMT "\n", SLICE_ARG(id));
    else if (slice_is(cli_value(a, 0, "waiting"), "0"))
        printf("next: quarterdeck review labels " SLICE_FMT " --jsonl >labels.jsonl\n", SLICE_ARG(id));
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    cli_review_path(&path, argv[0], "");
    code = cli_get(&o, buffer_text(&path), write_review_of, NULL);
    buffer_deinit(&path);
    return code;
}

/* ---- one item after the other ---- */

static bool put_label(struct client *client, const char *id, struct slice item, const char *reviewer, struct slice label, struct slice comment,
                      bool undo, int *ret_code) {
    struct buffer path, body;
    struct json_writer w;
    struct client_answer a;
    cli_review_path(&path, id, "/labels");
    buffer_init(&body, 64 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_raw(&w, "item", item);
    if (reviewer) json_member_text(&w, "reviewer", reviewer);
    json_member_string(&w, "label", label);
    if (!slice_is_null(comment)) json_member_string(&w, "comment", comment);
    json_object_end(&w);
    if (undo) {
        buffer_printf(&path, "/" SLICE_FMT, SLICE_ARG(item));
        client_add_query(&path, "reviewer", reviewer);
    }
    client_answer_init(&a);
    *ret_code = client_call(client, undo ? "DELETE" : "POST", buffer_text(&path), undo ? SLICE_NULL : buffer_slice(&body), &a);
    client_answer_deinit(&a);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return *ret_code < 0;
}

/* What was typed: a label and, behind a blank, a comment. False: enough for now. A line that is too long is no label, nor is its rest. */
static bool read_line(struct slice *ret_word, struct slice *ret_comment, char *text, size_t size) {
    struct slice rest;
    for (;;) {
        printf("> ");
        fflush(stdout);
        if (!fgets(text, (int)size, stdin)) return false;
        if (strchr(text, '\n') != NULL || feof(stdin)) break;
        for (int c = 0; c != EOF && c != '\n';) c = getchar();
        fprintf(stderr, "quarterdeck: that line is over %zu bytes: nothing was taken\n", size - 2);
    }
    struct slice line = slice_trim(slice_of(text));
    *ret_comment = SLICE_NULL;
    if (slice_cut(line, ' ', ret_word, &rest)) *ret_comment = slice_trim(rest);
    return !slice_is(*ret_word, "q");
}

static int get_next(struct client *client, const char *id, const char *reviewer, struct client_answer *ret) {
    struct buffer path;
    cli_review_path(&path, id, "/next");
    client_add_query(&path, "reviewer", reviewer);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, ret);
    buffer_deinit(&path);
    return code;
}

static int ask_again(struct client *client, const char *id, const char *reviewer) {
    char text[4096], last[24] = "";
    int code = -1;
    for (bool more = true; more && code < 0;) {
        struct client_answer a;
        struct slice word, comment, item;
        client_answer_init(&a);
        code = get_next(client, id, reviewer, &a);
        item = code < 0 ? cli_value(&a, 0, "item") : SLICE_NULL;
        if (code < 0 && slice_is_null(item)) printf("all " SLICE_FMT " are done\n", SLICE_ARG(cli_value(&a, 0, "items")));
        more = code < 0 && !slice_is_null(item);
        if (more) {
            printf("\nitem " SLICE_FMT ", " SLICE_FMT " of " SLICE_FMT " done\n", SLICE_ARG(item), SLICE_ARG(cli_value(&a, 0, "done")),
                   SLICE_ARG(cli_value(&a, 0, "items")));
            print_shown(&a, 0);
            print_text("rubric", &a, cli_at(&a, 0, "rubric"));
            printf(SLICE_FMT " (and a comment behind it), u takes the last label back, q ends\n", SLICE_ARG(cli_value(&a, 0, "say")));
            more = read_line(&word, &comment, text, sizeof text);
        }
        if (more && slice_is(word, "u")) {
            if (last[0]) (void)put_label(client, id, slice_of(last), reviewer, SLICE_NULL, SLICE_NULL, true, &code);
            last[0] = 0;
        } else if (more && put_label(client, id, item, reviewer, word, comment, false, &code)) {
            (void)snprintf(last, sizeof last, SLICE_FMT, SLICE_ARG(item));
        }
        if (more && code == 2) code = -1; /* was told: the same item is shown again */
        client_answer_deinit(&a);
    }
    return code < 0 ? 0 : code;
}

static int next(int argc, char **argv) {
    struct client_options o = {0};
    const char *reviewer = NULL;
    const struct option_spec specs[] = {REVIEWER_OPTION(reviewer), CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, NEXT_USAGE, &n);
    if (code < 0) code = cli_expect(NEXT_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    if (o.json) {
        struct client_answer a;
        client_answer_init(&a);
        code = get_next(client, argv[0], reviewer, &a);
        if (code < 0) cli_print_json(&a);
        client_answer_deinit(&a);
        code = code < 0 ? 0 : code;
    } else {
        code = ask_again(client, argv[0], reviewer);
    }
    client_close(client);
    return code;
}

/* ---- one label ---- */

static int label_of(int argc, char **argv, const char *usage, bool undo) {
    struct client_options o = {0};
    const char *reviewer = NULL, *comment = NULL;
    const struct option_spec specs[] = {
        REVIEWER_OPTION(reviewer), CLIENT_OPTIONS(o),
        {.name = "comment", .type = OPTION_TEXT, .value = &comment, .metavar = "TEXT", .help = "why"}};
    int64_t item;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs - undo, usage, &n);
    if (code < 0) code = cli_expect(usage, n, undo ? 2 : 3, undo ? 2 : 3);
    if (code < 0 && !slice_to_i64(slice_of(argv[1]), &item)) {
        fprintf(stderr, "quarterdeck: expected the item's number, found `%s`\n", argv[1]);
        code = 2;
    }
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    (void)put_label(client, argv[0], slice_of(argv[1]), reviewer, undo ? SLICE_NULL : slice_of(argv[2]), slice_of(comment), undo, &code);
    client_close(client);
    return code < 0 ? 0 : code;
}

static int label(int argc, char **argv) { return label_of(argc, argv, LABEL_USAGE, false); }
static int unlabel(int argc, char **argv) { return label_of(argc, argv, UNLABEL_USAGE, true); }

/* ---- where reviewers differ ---- */

static void write_disputed(struct client_answer *a) {
    uint32_t at = JSON_NONE, item, of, one;
    print_text("rubric", a, cli_at(a, 0, "rubric"));
    while (json_each_item(&a->doc, cli_at(a, 0, "disputed"), &at, &item)) {
        printf("\nitem " SLICE_FMT "\n", SLICE_ARG(cli_value(a, item, "item")));
        print_shown(a, item);
        of = JSON_NONE;
        while (json_each_item(&a->doc, cli_at(a, item, "labels"), &of, &one)) {
            printf("   said: " SLICE_FMT "%s", SLICE_ARG(cli_value(a, one, "label")),
                   slice_is(cli_value(a, one, "turned"), "true") ? ", having seen them the other way round" : "");
            struct slice comment = cli_value(a, one, "comment");
            if (comment.len > 0) {
                struct buffer out;
                buffer_init(&out, 64 << 10);
                sheet_clean(&out, comment);
                printf(" (" SLICE_FMT ")", SLICE_ARG(buffer_slice(&out)));
                buffer_deinit(&out);
            }
            putchar('\n');
        }
    }
    if (json_size(&a->doc, cli_at(a, 0, "disputed")) == 0) printf("no item on which reviewers differ\n");
}

static int any_disputed(struct client_answer *a) { return json_size(&a->doc, cli_at(a, 0, "disputed")) > 0; }

static int disputed(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, DISPUTED_USAGE, &n);
    if (code < 0) code = cli_expect(DISPUTED_USAGE, n, 1, 1);
    if (code >= 0) return code;
    cli_review_path(&path, argv[0], "/disputed");
    code = cli_get(&o, buffer_text(&path), write_disputed, any_disputed);
    buffer_deinit(&path);
    return code;
}

static void say_decided(struct client_answer *a) {
    printf("item " SLICE_FMT " is " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "item")), SLICE_ARG(cli_value(a, 0, "label")));
}

static int adjudicate(int argc, char **argv) {
    struct client_options o = {0};
    const char *comment = NULL;
    const struct option_spec specs[] = {
        {.name = "comment", .type = OPTION_TEXT, .value = &comment, .metavar = "TEXT", .help = "why"}, CLIENT_OPTIONS(o)};
    struct buffer path, body;
    struct json_writer w;
    int64_t item;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, ADJUDICATE_USAGE, &n);
    if (code < 0) code = cli_expect(ADJUDICATE_USAGE, n, 3, 3);
    if (code < 0 && !slice_to_i64(slice_of(argv[1]), &item)) {
        fprintf(stderr, "quarterdeck: expected the item's number, found `%s`\n", argv[1]);
        code = 2;
    }
    if (code >= 0) return code;
    cli_review_path(&path, argv[0], "/adjudications");
    buffer_init(&body, 64 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_i64(&w, "item", item);
    json_member_text(&w, "label", argv[2]);
    if (comment) json_member_text(&w, "comment", comment);
    json_object_end(&w);
    code = cli_send(&o, "POST", buffer_text(&path), buffer_slice(&body), say_decided);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return code;
}

/* ---- what stands ---- */

static void write_labels(struct client_answer *a) {
    static const char *const headers[] = {">ITEM", "STATE", "LABEL", "CASE", "SAID"};
    struct sheet s;
    uint32_t at = JSON_NONE, item, of, one;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "items"), &at, &item)) {
        struct buffer said;
        buffer_init(&said, 64 << 10);
        cli_put(&s, a, item, "item");
        cli_put(&s, a, item, "state");
        if (slice_is(cli_value(a, item, "state"), "disputed")) sheet_paint(&s, SHEET_WARN);
        cli_put(&s, a, item, "label");
        cli_put(&s, a, item, "case");
        of = JSON_NONE;
        while (json_each_item(&a->doc, cli_at(a, item, "labels"), &of, &one))
            buffer_printf(&said, "%s" SLICE_FMT ": " SLICE_FMT, said.len > 0 ? ", " : "", SLICE_ARG(cli_value(a, one, "reviewer")),
                          SLICE_ARG(cli_value(a, one, "label")));
        sheet_put(&s, buffer_slice(&said));
        buffer_deinit(&said);
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void write_jsonl(struct client_answer *a) {
    struct buffer out;
    buffer_init(&out, LIMIT_BODY_CEILING);
    cli_review_lines(a, &out);
    fwrite(out.at, 1, out.len, stdout);
    buffer_deinit(&out);
}

static int labels(int argc, char **argv) {
    struct client_options o = {0};
    bool jsonl = false;
    const struct option_spec specs[] = {
        {.name = "jsonl", .type = OPTION_FLAG, .value = &jsonl, .help = "what stands, a line an item, for `eval judge calibrate --labels`"},
        CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LABELS_USAGE, &n);
    if (code < 0) code = cli_expect(LABELS_USAGE, n, 1, 1);
    if (code >= 0) return code;
    cli_review_path(&path, argv[0], "/labels");
    code = cli_get(&o, buffer_text(&path), jsonl ? write_jsonl : write_labels, NULL);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_review_parts[] = {
    {"create", "review create [options]", "give answers of a run, or of a file, to reviewers", create},
    {"list", "review list [options]", "open reviews, and how far they are", list},
    {"show", "review show ID [options]", "one review: who is how far, how far reviewers agree", show},
    {"next", "review next ID [options]", "look at one answer after the other and label it", next},
    {"label", "review label ID ITEM LABEL [options]", "label one item; again changes it", label},
    {"unlabel", "review unlabel ID ITEM [options]", "take a label back", unlabel},
    {"disputed", "review disputed ID [options]", "items on which reviewers differ; exit 1 when there are any", disputed},
    {"adjudicate", "review adjudicate ID ITEM LABEL [options]", "decide where reviewers differ", adjudicate},
    {"labels", "review labels ID [options]", "what was said, and what stands", labels},
    {"close", "review close ID --why TEXT [options]", "take no more labels", cli_review_close},
    {"reassign", "review reassign ID --from NAME --to NAME [options]", "give what a reviewer has not labelled to another", cli_review_reassign},
    {NULL, NULL, NULL, NULL},
};

int cli_review(int argc, char **argv) { return cli_dispatch("review", cli_review_parts, argc, argv); }
