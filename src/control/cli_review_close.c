/* `quarterdeck review close` and `reassign`. */
#include "control/cli_review.h"

#include <stdio.h>

#define CLOSE_USAGE "quarterdeck review close ID --why TEXT [options]"
#define REASSIGN_USAGE "quarterdeck review reassign ID --from NAME --to NAME [options]"

struct member {
    const char *key, *text; /* text NULL: it is not sent */
};

static int post(const struct client_options *o, const char *id, const char *more, const struct member *members, unsigned n,
                void (*tell)(struct client_answer *a)) {
    struct buffer path, body;
    struct json_writer w;
    cli_review_path(&path, id, more);
    buffer_init(&body, 64 << 10);
    json_start(&w, &body);
    json_object(&w);
    for (unsigned i = 0; i < n; i++)
        if (members[i].text) json_member_text(&w, members[i].key, members[i].text);
    json_object_end(&w);
    int code = cli_send(o, "POST", buffer_text(&path), buffer_slice(&body), tell);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return code;
}

static void say_closed(struct client_answer *a) {
    printf(SLICE_FMT " is closed\n", SLICE_ARG(cli_value(a, 0, "review")));
    if (slice_is_null(cli_value(a, 0, "scores"))) return;
    printf(SLICE_FMT " records have its labels as scores; left out: " SLICE_FMT " items without a record, " SLICE_FMT " whose record is no longer kept\n",
           SLICE_ARG(cli_value(a, 0, "scores.given")), SLICE_ARG(cli_value(a, 0, "scores.without_record")),
           SLICE_ARG(cli_value(a, 0, "scores.unknown_records")));
}

int cli_review_close(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL, *score = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .required = true, .value = &why, .metavar = "TEXT", .help = "kept in the audit log"},
        {.name = "score", .type = OPTION_TEXT, .value = &score, .metavar = "NAME", .help = "keep the labels that stand as scores of this name of the items' records"},
        CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, CLOSE_USAGE, &n);
    if (code < 0) code = cli_expect(CLOSE_USAGE, n, 1, 1);
    if (code >= 0) return code;
    const struct member members[] = {{"reason", why}, {"score", score}};
    return post(&o, argv[0], "/close", members, 2, say_closed);
}

static void say_moved(struct client_answer *a) {
    printf(SLICE_FMT " items passed on", SLICE_ARG(cli_value(a, 0, "moved")));
    if (!slice_is(cli_value(a, 0, "left"), "0")) printf("; " SLICE_FMT " stay, since the other has them too", SLICE_ARG(cli_value(a, 0, "left")));
    putchar('\n');
}

int cli_review_reassign(int argc, char **argv) {
    struct client_options o = {0};
    const char *from = NULL, *to = NULL, *why = NULL;
    const struct option_spec specs[] = {
        {.name = "from", .type = OPTION_TEXT, .required = true, .value = &from, .metavar = "NAME", .help = "who is away"},
        {.name = "to", .type = OPTION_TEXT, .required = true, .value = &to, .metavar = "NAME", .help = "who takes what that one has not labelled"},
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "kept in the audit log"}, CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REASSIGN_USAGE, &n);
    if (code < 0) code = cli_expect(REASSIGN_USAGE, n, 1, 1);
    if (code >= 0) return code;
    const struct member members[] = {{"from", from}, {"to", to}, {"reason", why}};
    return post(&o, argv[0], "/reassign", members, 3, say_moved);
}
