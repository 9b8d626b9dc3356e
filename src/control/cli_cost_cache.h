/* cli_cost_cache.h - the part of `cost` that measures the semantic cache. Private to control/. */
#ifndef CONTROL_CLI_COST_CACHE_H
#define CONTROL_CLI_COST_CACHE_H

int cli_cost_cache_calibrate(int argc, char **argv);

#endif
