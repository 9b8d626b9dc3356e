/* simulator.h - a model provider that never was: OpenAI and Anthropic dialects, deterministic answers from a
 * seed, realistic token counts and times, and faults on demand. The demo's provider, every test's
 * upstream, and what users load-test their staging with. docs/simulator.md has the script language. */
#ifndef SIM_SIMULATOR_H
#define SIM_SIMULATOR_H

#include "io/http_server.h"

struct simulator;

struct simulator_options {
    const char *host;
    uint16_t port; /* 0: any */
    uint64_t seed;
    struct slice script; /* YAML text; SLICE_NULL: none */
    const char *script_name;
    double speed;            /* divides all times; 0: answers at once */
    bool reuse_port;         /* for several workers */
    struct simulator *first; /* share its script, counters and statistics (several workers); NULL: its own */
};

struct simulator *simulator_new(struct loop *l, const struct simulator_options *o,
                                struct error *error) MUST_CHECK;
uint16_t simulator_port(const struct simulator *s);
void simulator_free(struct simulator *s);

#endif
