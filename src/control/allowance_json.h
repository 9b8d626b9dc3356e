/* allowance_json.h - a budget or a limit as the object that the configuration and the API take. */
#ifndef CONTROL_ALLOWANCE_JSON_H
#define CONTROL_ALLOWANCE_JSON_H

#include "base/arena.h"
#include "base/json.h"
#include "model/allowance.h"

/* Everything is said, defaults too; reading it again gives the same budget. */
void allowance_put_budget(struct json_writer *w, const struct budget *b);
void allowance_put_limit(struct json_writer *w, const struct rate_limit *l);
struct slice allowance_budget_json(const struct budget *b, struct arena *arena);
struct slice allowance_limit_json(const struct rate_limit *l, struct arena *arena);

const char *allowance_mode_name(enum budget_mode m);

#endif
