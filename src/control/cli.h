/* cli.h - the command line: one verb a noun.
 *
 * Exit codes: 0 good, 1 the answer is "no", 2 usage, 3 could not. Verbs that ask or change something
 * speak to the running server's API (--server, QUARTERDECK_URL, QUARTERDECK_TOKEN), or, when none answers, open
 * the data folder and answer with the same code in this process. */
#ifndef CONTROL_CLI_H
#define CONTROL_CLI_H

struct cli_verb {
    const char *name;
    const char *usage;   /* "record list|show|latency [options]" */
    const char *summary; /* one line */
    int (*run)(int argc, char **argv); /* arguments behind the verb */
};

/* Every verb but those of wire.c. Ends with a NULL name. */
extern const struct cli_verb cli_verbs[];

/* argv of the program; `wired` are wire's verbs, ended by a NULL name. Prints help for none, "help" and "--help". */
int cli_main(int argc, char **argv, const struct cli_verb *wired);

#endif
