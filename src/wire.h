/* wire.h - the verb `serve`: the only place that knows every module and connects them. */
#ifndef WIRE_H
#define WIRE_H

#include "control/cli.h"

extern const struct cli_verb wire_serve;

#endif
