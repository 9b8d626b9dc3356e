/* wire.h - the verb `serve`: the only place that knows every module and connects them. */
#ifndef WIRE_H
#define WIRE_H

#include "control/cli.h"

#include <stdbool.h>
#include <stdint.h>

/* The verbs that need all modules: serve, demo. Ends with a NULL name. */
extern const struct cli_verb wire_verbs[];

/* A server, from the configuration file to the last closed store: what `serve` runs, and the demo around its own. On the main thread,
 * which waits for SIGINT or SIGTERM. Each callback may be NULL; they run on that thread. */
struct wire_run {
    const char *config;
    bool demo;                           /* says so in the status */
    void *ctx;
    void (*ready)(void *ctx, uint16_t port); /* it listens */
    void (*each_second)(void *ctx);
    void (*ending)(void *ctx);           /* before anything is taken down */
};
int wire_run(const struct wire_run *r); /* the exit code */

int wire_demo(int argc, char **argv); /* wire_demo.c */

#endif
