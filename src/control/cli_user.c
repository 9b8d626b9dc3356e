/* `quarterdeck user list|add|role|password|disable|enable|remove`. Passwords are read from the terminal without showing them, or as the first line of standard
 * input; never from the command line, which others on the machine can see. */
#include "control/cli_verbs.h"

#include "base/password.h"

#include <termios.h>
#include <unistd.h>

#define LINE_MOST 1100

static const char roles_help[] = "viewer (reads), operator (runs it), approver (says yes or no) or admin";

/* ---- passwords ---- */

/* Without the line's end; false: there is none. */
static bool read_line(char line[LINE_MOST]) {
    if (!fgets(line, LINE_MOST, stdin)) return false;
    size_t n = strlen(line);
    bool whole = n > 0 && line[n - 1] == '\n';
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
    return whole || feof(stdin);
}

static bool ask_hidden(const char *what, char line[LINE_MOST]) {
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0) return false;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", what);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool read = read_line(line);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return read;
}

/* False after having said why. */
static bool read_password(char password[LINE_MOST]) {
    char again[LINE_MOST] = "";
    bool typed = isatty(STDIN_FILENO) == 1;
    if (typed ? !ask_hidden("new password", password) : !read_line(password)) {
        fprintf(stderr, "quarterdeck: expected a password on standard input\n");
        return false;
    }
    if (!password_is_long_enough(slice_of(password))) {
        fprintf(stderr, "quarterdeck: expected a password of at least %d characters and at most %d bytes\n", PASSWORD_LEAST, PASSWORD_MOST);
        return false;
    }
    if (typed && (!ask_hidden("the same again", again) || strcmp(password, again) != 0)) {
        fprintf(stderr, "quarterdeck: the two differ\n");
        return false;
    }
    return true;
}

/* ---- telling ---- */

static void write_users(struct client_answer *a) {
    static const char *const headers[] = {"NAME", "ROLE", "STATE", "CREATED (UTC)", "BY", "SIGNED IN (UTC)", ">SESSIONS"};
    uint32_t user, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "users"), &at, &user)) {
        bool enabled = slice_is(cli_value(a, user, "enabled"), "true");
        cli_put(&s, a, user, "name");
        cli_put(&s, a, user, "role");
        sheet_put(&s, enabled ? SLICE("enabled") : SLICE("disabled"));
        sheet_paint(&s, enabled ? SHEET_GOOD : SHEET_DIM);
        cli_put_time(&s, a, user, "created_at");
        cli_put(&s, a, user, "created_by");
        cli_put_time(&s, a, user, "signed_in_at");
        cli_put(&s, a, user, "sessions");
    }
    if (sheet_rows(&s) == 0) printf("no users; make the first admin with `quarterdeck user add NAME --role admin`, or by the link that the server printed\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void write_user(struct client_answer *a) {
    struct slice name = cli_value(a, 0, "name"), role = cli_value(a, 0, "role");
    if (slice_is_null(role)) printf("the user `" SLICE_FMT "` is removed\n", SLICE_ARG(name));
    else
        printf("the user `" SLICE_FMT "` has the role " SLICE_FMT " and is %s\n", SLICE_ARG(name), SLICE_ARG(role),
               slice_is(cli_value(a, 0, "enabled"), "true") ? "enabled" : "disabled");
}

/* ---- the parts ---- */

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, "quarterdeck user list [options]", &n);
    if (code < 0) code = cli_expect("quarterdeck user list [options]", n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/users", write_users, NULL);
}

/* POSTs what is not NULL to /users, or to /users/NAME/verb. */
static int post(const struct client_options *o, const char *name, const char *verb, const char *role, const char *password, const char *reason) {
    struct buffer path, body;
    struct json_writer w;
    buffer_init(&path, 4 << 10);
    buffer_init(&body, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/users"));
    if (verb) {
        client_add_segment(&path, name);
        buffer_append(&path, slice_of(verb));
    }
    json_start(&w, &body);
    json_object(&w);
    if (!verb) json_member_text(&w, "name", name);
    if (role) json_member_text(&w, "role", role);
    if (password) json_member_text(&w, "password", password);
    json_member_text(&w, "reason", reason);
    json_object_end(&w);
    int code = cli_send(o, "POST", buffer_text(&path), buffer_slice(&body), write_user);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

struct given {
    struct client_options o;
    const char *role, *reason;
};
#define REASON_OPTION(g) {.name = "reason", .type = OPTION_TEXT, .value = &(g).reason, .metavar = "TEXT", .help = "why; kept in the audit log"}

/* NAME, and --reason; -1: go on. */
static int parse(int argc, char **argv, const char *usage, bool with_role, struct given *g) {
    const struct option_spec specs[] = {
        REASON_OPTION(*g),
        CLIENT_OPTIONS(g->o),
        {.name = "role", .type = OPTION_TEXT, .value = &g->role, .metavar = "ROLE", .help = roles_help, .required = true},
    };
    unsigned n_specs = sizeof specs / sizeof *specs;
    int n, code = options_parse(argc, argv, specs, with_role ? n_specs : n_specs - 1, usage, &n);
    return code < 0 ? cli_expect(usage, n, 1, 1) : code;
}

static int add(int argc, char **argv) {
    struct given g = {.role = NULL};
    char password[LINE_MOST];
    int code = parse(argc, argv, "quarterdeck user add NAME --role ROLE [options]", true, &g);
    if (code >= 0) return code;
    return read_password(password) ? post(&g.o, argv[0], NULL, g.role, password, g.reason) : 2;
}

static int password_part(int argc, char **argv) {
    struct given g = {.role = NULL};
    char password[LINE_MOST];
    int code = parse(argc, argv, "quarterdeck user password NAME [options]", false, &g);
    if (code >= 0) return code;
    return read_password(password) ? post(&g.o, argv[0], "/password", NULL, password, g.reason) : 2;
}

static int role_part(int argc, char **argv) {
    static const char usage[] = "quarterdeck user role NAME ROLE [options]";
    struct given g = {.role = NULL};
    const struct option_spec specs[] = {REASON_OPTION(g), CLIENT_OPTIONS(g.o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 2, 2);
    return code >= 0 ? code : post(&g.o, argv[0], "/role", argv[1], NULL, g.reason);
}

static int disable(int argc, char **argv) {
    struct given g = {.role = NULL};
    int code = parse(argc, argv, "quarterdeck user disable NAME [options]", false, &g);
    return code >= 0 ? code : post(&g.o, argv[0], "/disable", NULL, NULL, g.reason);
}

static int enable(int argc, char **argv) {
    struct given g = {.role = NULL};
    int code = parse(argc, argv, "quarterdeck user enable NAME [options]", false, &g);
    return code >= 0 ? code : post(&g.o, argv[0], "/enable", NULL, NULL, g.reason);
}

static int remove_part(int argc, char **argv) {
    struct given g = {.role = NULL};
    struct buffer path;
    int code = parse(argc, argv, "quarterdeck user remove NAME [options]", false, &g);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/users"));
    client_add_segment(&path, argv[0]);
    client_add_query(&path, "reason", g.reason);
    code = cli_send(&g.o, "DELETE", buffer_text(&path), SLICE_NULL, write_user);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_user_parts[] = {
    {"list", "user list [options]", "who may sign in to the console", list},
    {"add", "user add NAME --role ROLE [options]", "add a user; the password comes from the terminal or standard input", add},
    {"role", "user role NAME ROLE [options]", "give another role; a lower one signs out", role_part},
    {"password", "user password NAME [options]", "set a password, and sign out", password_part},
    {"disable", "user disable NAME [options]", "let a user sign in no more, and sign out", disable},
    {"enable", "user enable NAME [options]", "let a user sign in again", enable},
    {"remove", "user remove NAME [options]", "remove a user, and sign out", remove_part},
    {NULL, NULL, NULL, NULL},
};

int cli_user(int argc, char **argv) { return cli_dispatch("user", cli_user_parts, argc, argv); }
