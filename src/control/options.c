#include "control/options.h"

#include "control/suggest.h"
#include "model/quantity.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define HELP_COLUMN 28 /* where the words of --help begin */

/* One parse under way. */
struct parse {
    int argc, at; /* `at`: the argument being read */
    char **argv;
    const struct option_spec *specs;
    unsigned n_specs;
    const char *usage;
    uint64_t seen[4]; /* by spec index: for required ones */
};

/* The words of the usage before the first that is no command word: "quarterdeck record list". */
static struct slice command_of(const char *usage) {
    size_t len = 0;
    for (size_t i = 0;; i++) {
        if (usage[i] != 0 && usage[i] != ' ') continue;
        len = i;
        if (usage[i] == 0 || usage[i + 1] < 'a' || usage[i + 1] > 'z') break;
    }
    return slice_make(usage, len);
}

static int __attribute__((format(printf, 2, 3))) mistake(const struct parse *p, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct slice command = command_of(p->usage);
    fprintf(stderr, SLICE_FMT ": %s (see " SLICE_FMT " --help)\n", SLICE_ARG(command), text, SLICE_ARG(command));
    return 2;
}

/* ---- help ---- */

/* What the environment gave for these is nobody's to read in a help text or a CI log. */
static bool is_secret(const struct option_spec *s) {
    return strcmp(s->name, "key") == 0 || strcmp(s->name, "token") == 0;
}

/* " (default X)" where the value is worth telling: zero and negative stand for "not given". */
static void print_default(const struct option_spec *s) {
    if (is_secret(s)) return;
    char text[QUANTITY_TEXT];
    if (s->required) {
        printf(" (required)");
    } else if (s->type == OPTION_TEXT) {
        const char *value = *(const char **)s->value;
        if (value && *value) printf(" (default %s)", value);
    } else if (s->type == OPTION_NUMBER) {
        if (*(double *)s->value > 0) printf(" (default %g)", *(double *)s->value);
    } else if (s->type != OPTION_FLAG && *(int64_t *)s->value > 0) {
        if (s->type == OPTION_DURATION) duration_format(*(int64_t *)s->value, text);
        else snprintf(text, sizeof text, "%lld", (long long)*(int64_t *)s->value);
        printf(" (default %s)", text);
    }
}

static void print_help(const struct parse *p) {
    printf("usage: %s\n\n", p->usage);
    for (unsigned i = 0; i < p->n_specs; i++) {
        const struct option_spec *s = &p->specs[i];
        char left[64], letter[4] = "";
        if (s->letter) snprintf(letter, sizeof letter, "-%c,", s->letter);
        bool flag = s->type == OPTION_FLAG;
        snprintf(left, sizeof left, "  %3s --%s%s%s", letter, s->name, flag ? "" : " ",
                 flag ? "" : s->metavar ? s->metavar : "VALUE");
        printf("%-*s ", HELP_COLUMN - 1, left);
        printf("%s", s->help);
        print_default(s);
        printf("\n");
    }
    printf("%-*s show this help\n", HELP_COLUMN - 1, "      --help");
}

/* ---- values ---- */

static int set_value(struct parse *p, const struct option_spec *s, const char *text) {
    static const char *const expected[] = {
        [OPTION_INTEGER] = "a whole number",
        [OPTION_NUMBER] = "a number",
        [OPTION_DURATION] = "a duration such as 250ms, 30s, 5m, 1h or 7d",
    };
    struct slice value = slice_of(text);
    bool good = true;
    switch (s->type) {
    case OPTION_FLAG: *(bool *)s->value = true; break;
    case OPTION_TEXT: *(const char **)s->value = text; break;
    case OPTION_INTEGER: good = slice_to_i64(value, s->value); break;
    case OPTION_DURATION: good = duration_parse(value, s->value); break;
    case OPTION_NUMBER: {
        double n;
        good = slice_to_double(value, &n) && isfinite(n);
        if (good) *(double *)s->value = n;
        break;
    }
    }
    if (!good) return mistake(p, "--%s: expected %s, found '%.80s'", s->name, expected[s->type], text);
    unsigned i = (unsigned)(s - p->specs);
    p->seen[i / 64] |= 1ull << (i % 64);
    if (s->given) *s->given = true;
    return -1;
}

/* ---- the walk ---- */

static const struct option_spec *by_letter(const struct parse *p, const char *arg) {
    if (arg[0] != '-' || arg[1] == 0 || arg[2] != 0) return NULL;
    for (unsigned i = 0; i < p->n_specs; i++)
        if (p->specs[i].letter == arg[1]) return &p->specs[i];
    return NULL;
}

static const struct option_spec *by_name(const struct parse *p, struct slice name) {
    for (unsigned i = 0; i < p->n_specs; i++)
        if (slice_is(name, p->specs[i].name)) return &p->specs[i];
    return NULL;
}

static bool is_help(const struct parse *p, const char *arg) {
    return strcmp(arg, "--help") == 0 || (strcmp(arg, "-h") == 0 && !by_letter(p, arg));
}

/* The next argument is taken as the value whatever it is ("-1h" is one), unless it is plainly an option. */
static int take_value(struct parse *p, const struct option_spec *s, const char *spelled) {
    const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;
    if (!next) return mistake(p, "%s needs a value (%s)", spelled, s->metavar ? s->metavar : "VALUE");
    if (strncmp(next, "--", 2) == 0 || by_letter(p, next))
        return mistake(p, "%s needs a value, found '%.40s' (write --%s=%.40s if it is meant)", spelled, next, s->name, next);
    p->at++;
    return set_value(p, s, next);
}

static int read_long(struct parse *p, const char *arg) {
    struct slice name, value;
    bool with_value = slice_cut(slice_of(arg + 2), '=', &name, &value);
    const struct option_spec *s = by_name(p, name);
    if (!s) {
        struct suggestion near;
        char hint[SUGGESTION_TEXT];
        suggestion_start(&near, name);
        for (unsigned i = 0; i < p->n_specs; i++) suggestion_offer(&near, p->specs[i].name);
        return mistake(p, "unknown option '--%.*s'%s", (int)(name.len < 60 ? name.len : 60), name.at,
                       suggestion_text(&near, "--", hint));
    }
    if (s->type == OPTION_FLAG) return with_value ? mistake(p, "--%s takes no value", s->name) : set_value(p, s, "");
    return with_value ? set_value(p, s, value.at) : take_value(p, s, arg);
}

static int read_letter(struct parse *p, const char *arg) {
    const struct option_spec *s = by_letter(p, arg);
    if (!s) return mistake(p, "unknown option '%.60s'", arg);
    return s->type == OPTION_FLAG ? set_value(p, s, "") : take_value(p, s, arg);
}

/* "-", "-1" and "-0.5" are no options. */
static bool is_option(const char *arg) { return arg[0] == '-' && arg[1] != 0 && !(arg[1] >= '0' && arg[1] <= '9'); }

int options_parse(int argc, char **argv, const struct option_spec *specs, unsigned n_specs, const char *usage,
                  int *ret_positional) {
    struct parse p = {.argc = argc, .argv = argv, .specs = specs, .n_specs = n_specs, .usage = usage};
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(&p, argv[i])) {
            print_help(&p);
            return 0;
        }
    int positional = 0;
    bool ended = false;
    for (; p.at < argc; p.at++) {
        char *arg = argv[p.at];
        int code = -1;
        if (ended || !is_option(arg))
            argv[positional++] = arg;
        else if (strcmp(arg, "--") == 0)
            ended = true;
        else
            code = arg[1] == '-' ? read_long(&p, arg) : read_letter(&p, arg);
        if (code >= 0) return code;
    }
    for (unsigned i = 0; i < n_specs; i++)
        if (specs[i].required && !(p.seen[i / 64] >> (i % 64) & 1)) return mistake(&p, "--%s is required", specs[i].name);
    *ret_positional = positional;
    return -1;
}
