/* quarterdeck record score: how good an answer was. */
#include "control/cli_route.h"

#include "control/config_file.h"

#include <stdio.h>

#define USAGE "quarterdeck record score ID --value V [options], or quarterdeck record score --file FILE.jsonl [options]"
#define LIST_USAGE "quarterdeck record scores ID [options]"
#define MOST_FILE (256u << 20)
#define BATCH 500

static int post(struct client *client, struct slice body, bool json) {
    struct client_answer a;
    client_answer_init(&a);
    int code = client_call(client, "POST", "/api/v1/scores", body, &a);
    if (code < 0 && json) cli_print_json(&a);
    client_answer_deinit(&a);
    return code;
}

/* Up to BATCH lines of *rest as a list; the lines that were used in *ret_lines, scores among them as the result. */
static unsigned take_batch(struct slice *rest, struct buffer *body, unsigned *ret_lines) {
    struct slice line;
    unsigned n = 0;
    buffer_clear(body);
    buffer_byte(body, '[');
    while (rest->len > 0 && n < BATCH) {
        slice_cut(*rest, '\n', &line, rest);
        ++*ret_lines;
        line = slice_trim(line);
        if (line.len == 0) continue;
        if (n++ > 0) buffer_byte(body, ',');
        buffer_append(body, line);
    }
    buffer_byte(body, ']');
    return n;
}

static int from_file(struct client *client, const char *path) {
    struct buffer text, body;
    struct error error = {.fault = FAULT_NONE};
    unsigned done = 0, lines = 0;
    int code = -1;
    buffer_init(&text, MOST_FILE);
    buffer_init(&body, MOST_FILE);
    if (config_file_load(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &error) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
        code = 3;
    }
    for (struct slice rest = buffer_slice(&text); code < 0 && rest.len > 0;) {
        unsigned before = lines, n = take_batch(&rest, &body, &lines);
        if (n == 0) break;
        code = post(client, buffer_slice(&body), false);
        if (code >= 0) fprintf(stderr, "quarterdeck: in lines %u to %u of %s; what came before is kept\n", before + 1, lines, path);
        else done += n;
    }
    if (code < 0) printf("%u scores\n", done);
    buffer_deinit(&body);
    buffer_deinit(&text);
    return code;
}

static int one(struct client *client, const char *id, double value, const char *name, const char *source, const char *comment, bool json) {
    struct buffer body;
    struct json_writer w;
    buffer_init(&body, 64 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "record", id);
    json_member_double(&w, "value", value);
    json_member_text(&w, "name", name);
    json_member_text(&w, "source", source);
    json_member_text(&w, "comment", comment);
    json_object_end(&w);
    int code = post(client, buffer_slice(&body), json);
    buffer_deinit(&body);
    return code;
}

int cli_score(int argc, char **argv) {
    struct client_options o = {0};
    const char *name = NULL, *source = NULL, *comment = NULL, *file = NULL;
    double value = 0;
    bool has_value = false;
    const struct option_spec specs[] = {
        {.name = "value", .type = OPTION_NUMBER, .value = &value, .metavar = "V", .given = &has_value, .help = "0 (of no use) to 1 (as good as can be)"},
        {.name = "name", .type = OPTION_TEXT, .value = &name, .metavar = "NAME", .help = "what was judged (default quality)"},
        {.name = "source", .type = OPTION_TEXT, .value = &source, .metavar = "WHO", .help = "eval, feedback, judge or person (the default)"},
        {.name = "comment", .type = OPTION_TEXT, .value = &comment, .metavar = "TEXT", .help = "more"},
        {.name = "file", .type = OPTION_TEXT, .value = &file, .metavar = "FILE.jsonl",
         .help = "many: one {\"record\", \"value\", \"name\", \"source\", \"comment\"} a line; - is standard input"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0 && (file ? n != 0 || has_value : n != 1 || !has_value)) code = cli_expect(USAGE, 1, 0, 0);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    code = file ? from_file(client, file) : one(client, argv[0], value, name, source, comment, o.json);
    client_close(client);
    return code < 0 ? 0 : code;
}

static void write_scores(struct client_answer *a) {
    static const char *const headers[] = {"NAME", "SOURCE", ">VALUE", "GIVEN", "COMMENT"};
    struct sheet s;
    uint32_t at = JSON_NONE, score;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "scores"), &at, &score)) {
        cli_put(&s, a, score, "name");
        cli_put(&s, a, score, "source");
        cli_put(&s, a, score, "value");
        cli_put_time(&s, a, score, "at");
        cli_put(&s, a, score, "comment");
    }
    if (sheet_rows(&s) == 0) printf("nobody has scored this record\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

int cli_scores(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/scores"));
    client_add_query(&path, "record", argv[0]);
    code = cli_get(&o, buffer_text(&path), write_scores, NULL);
    buffer_deinit(&path);
    return code;
}
