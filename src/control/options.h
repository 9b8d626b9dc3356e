/* options.h - command-line options from a table, the same look for every verb.
 *
 * "--name VALUE", "--name=VALUE", "-c VALUE" (short), "--flag"; "--" ends options. Unknown options name the
 * nearest known one. "--help" prints the table and exits 0; a mistake prints one line and exits 2. */
#ifndef CONTROL_OPTIONS_H
#define CONTROL_OPTIONS_H

#include "base/slice.h"

enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_INTEGER, OPTION_NUMBER, OPTION_DURATION };

struct option_spec {
    const char *name;     /* without dashes */
    char letter;          /* 0: none */
    bool required;
    enum option_type type;
    void *value;          /* bool*, const char**, int64_t*, double*, int64_t* (microseconds); holds the default before */
    const char *metavar;  /* "FILE" */
    const char *help;     /* one line */
    bool *given;          /* may be NULL */
};

/* Parses argv (without program and verb names). Positional arguments are moved to the front of argv and counted in
 * *ret_positional. Returns -1 to go on, else the exit code. `usage` is like "quarterdeck record list [options]". */
int options_parse(int argc, char **argv, const struct option_spec *specs, unsigned n_specs, const char *usage,
                  int *ret_positional);

#endif
