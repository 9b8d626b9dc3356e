/* `prompt submit|approve|reject|override|review-override|gate NAME@V`, and the same of `knowledge`. Exit 1: the answer is no. */
#include "control/cli_change.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define POLL_US 500000

struct asked {
    const struct version_noun *noun;
    const char *verb, *why, *as, *class;
    int64_t revision;
    bool wait;
    struct client_options client;
};

static void write_body(const struct asked *q, struct buffer *body) {
    struct json_writer w;
    buffer_init(body, 64 << 10);
    json_start(&w, body);
    json_object(&w);
    json_member_text(&w, "reason", q->why);
    if (q->as) json_member_text(&w, "as", q->as);
    if (q->class) json_member_text(&w, "class", q->class);
    if (q->revision > 0) json_member_i64(&w, "if_revision", q->revision);
    json_object_end(&w);
}

static void say_words(struct client_answer *a) {
    struct buffer out;
    buffer_init(&out, 64 << 10);
    sheet_clean(&out, cli_value(a, 0, "words"));
    printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

int cli_change_code(int code, const struct client_answer *a) {
    return code == 3 && (a->status == 403 || a->status == 409) ? 1 : code;
}

/* ---- waiting ---- */

static void say_progress(struct client_answer *a, struct buffer *before) {
    uint32_t run, at = JSON_NONE;
    struct buffer line;
    buffer_init(&line, 64 << 10);
    while (json_each_item(&a->doc, cli_at(a, 0, "progress"), &at, &run)) {
        if (line.len > 0) buffer_append(&line, SLICE("; "));
        buffer_append(&line, SLICE("suite "));
        sheet_clean(&line, cli_value(a, run, "suite"));
        buffer_append(&line, SLICE(": "));
        buffer_printf(&line, SLICE_FMT " of " SLICE_FMT " (", SLICE_ARG(cli_value(a, run, "done")), SLICE_ARG(cli_value(a, run, "planned")));
        sheet_clean(&line, cli_value(a, run, "of"));
        buffer_byte(&line, ')');
    }
    if (line.len > 0 && !slice_eq(buffer_slice(&line), buffer_slice(before))) {
        fprintf(stderr, SLICE_FMT "\n", SLICE_ARG(buffer_slice(&line)));
        buffer_clear(before);
        buffer_append(before, buffer_slice(&line));
    }
    buffer_deinit(&line);
}

/* -1: it is to be asked again. */
static int judge(struct client_answer *a, const struct asked *q) {
    struct slice state = cli_value(a, 0, "state"), gate = cli_value(a, 0, "gate_says"), why = cli_value(a, 0, "gate.why");
    bool passed = slice_is(state, "evaluated") || slice_is(state, "production") || slice_is(state, "shadow") || slice_is(state, "canary") || slice_is(state, "superseded");
    if (slice_is(state, "in review") && (slice_is(gate, "waiting") || slice_is(gate, "running"))) return -1;
    if (q->client.json) {
        cli_print_json(a);
        return passed ? 0 : 1;
    }
    struct buffer out;
    buffer_init(&out, 256 << 10);
    buffer_append(&out, state);
    if (!slice_is(gate, "not asked")) buffer_printf(&out, ": the gate says " SLICE_FMT "%s", SLICE_ARG(gate), why.len > 0 ? ": " : "");
    if (!slice_is(gate, "not asked")) sheet_clean(&out, why);
    printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&out)));
    if (slice_is(state, "in review") && (slice_is(gate, "yes") || slice_is(gate, "not asked")))
        printf("approvals: " SLICE_FMT " of " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "approvals")), SLICE_ARG(cli_value(a, 0, "approvals_needed")));
    buffer_deinit(&out);
    return passed ? 0 : 1;
}

static int wait_for(struct client *c, const char *path, const struct asked *q) {
    struct buffer before;
    int code = -1;
    buffer_init(&before, 64 << 10);
    while (code < 0) {
        struct client_answer a;
        client_answer_init(&a);
        code = client_call(c, "GET", path, SLICE_NULL, &a);
        if (code < 0) say_progress(&a, &before);
        if (code < 0) code = judge(&a, q);
        client_answer_deinit(&a);
        if (code < 0) clock_sleep_us(POLL_US);
    }
    buffer_deinit(&before);
    return code;
}

/* ---- the verbs ---- */

static int send(const struct asked *q, struct buffer *base) {
    struct buffer path, body;
    struct client_answer a;
    int code;
    struct client *c = client_open(&q->client, &code);
    if (c == NULL) return code;
    client_answer_init(&a);
    buffer_init(&path, 64 << 10);
    buffer_append(&path, buffer_slice(base));
    client_add_segment(&path, q->verb);
    write_body(q, &body);
    code = client_call(c, "POST", buffer_text(&path), buffer_slice(&body), &a);
    if (code >= 0) code = cli_change_code(code, &a);
    else if (q->wait && !q->client.json) say_words(&a);
    else if (!q->wait && q->client.json) cli_print_json(&a);
    else if (!q->wait) say_words(&a);
    client_answer_deinit(&a);
    if (code < 0 && q->wait) {
        client_add_segment(base, "review");
        code = wait_for(c, buffer_text(base), q);
    }
    buffer_deinit(&path);
    buffer_deinit(&body);
    client_close(c);
    return code < 0 ? 0 : code;
}

static int change(const struct version_noun *noun, const char *verb, int argc, char **argv) {
    struct asked q = {.noun = noun, .verb = verb};
    char usage[160];
    bool submits = strcmp(verb, "submit") == 0, waits = submits || strcmp(verb, "gate") == 0, version = false;
    struct buffer path;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .required = true, .value = &q.why, .metavar = "TEXT", .help = "kept in the audit log"},
        {.name = "as", .type = OPTION_TEXT, .value = &q.as, .metavar = "NAME", .help = "who you are, where no tokens are configured"},
        {.name = "if-revision", .type = OPTION_INTEGER, .value = &q.revision, .metavar = "N", .help = "only when nobody changed it since"},
        CLIENT_OPTIONS(q.client),
        {.name = "wait", .type = OPTION_FLAG, .value = &q.wait, .help = "until its gate has said something; exit 1 unless it is evaluated then"},
        {.name = "class", .type = OPTION_TEXT, .value = &q.class, .metavar = "CLASS", .help = "raise it to moderate or major; it is never lowered"},
    };
    unsigned n_specs = sizeof specs / sizeof *specs - (submits ? 0 : waits ? 1 : 2);
    snprintf(usage, sizeof usage, "quarterdeck %s %s NAME@V --why TEXT [options]", noun->noun, verb);
    int n, code = options_parse(argc, argv, specs, n_specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 64 << 10);
    cli_versions_path(noun, argv[0], &path, &version);
    if (!version) {
        fprintf(stderr, "quarterdeck: expected NAME@V, which version; `quarterdeck %s show %s` lists them\n", noun->noun, argv[0]);
        buffer_deinit(&path);
        return 2;
    }
    code = send(&q, &path);
    buffer_deinit(&path);
    return code;
}

int cli_change_submit(const struct version_noun *n, int argc, char **argv) { return change(n, "submit", argc, argv); }
int cli_change_approve(const struct version_noun *n, int argc, char **argv) { return change(n, "approve", argc, argv); }
int cli_change_reject(const struct version_noun *n, int argc, char **argv) { return change(n, "reject", argc, argv); }
int cli_change_override(const struct version_noun *n, int argc, char **argv) { return change(n, "override", argc, argv); }
int cli_change_review_override(const struct version_noun *n, int argc, char **argv) { return change(n, "review-override", argc, argv); }
int cli_change_gate(const struct version_noun *n, int argc, char **argv) { return change(n, "gate", argc, argv); }
