/* config.h - quarterdeck.yaml to a policy: one table of settings, all problems at once.
 *
 * Reading touches nothing outside but the system's time zones (base/zone.h): environment and files come through
 * `config_source`. In every value
 * ${NAME} is the environment variable (unset is a problem), ${NAME:-default} has a default for one unset or empty,
 * and $${ is a plain ${. A secret or PEM may be file:PATH as a whole. Problems show what stands in the file, never
 * what a variable or file holds, and no secret at all. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "base/buffer.h"
#include "model/policy.h"
#include "model/problems.h"

struct config_source {
    void *ctx;
    const char *(*env)(void *ctx, const char *name); /* NULL: not set */
    /* A file named in the configuration (relative to it), into `out`. */
    enum fault (*file)(void *ctx, const char *path, struct buffer *out, struct error *error);
};

/* A key that the registry holds, to be merged in. Left out: those of applications that the file does not have, and
 * those that the file holds itself. */
struct config_registry_key {
    const char *application, *name;
    struct digest digest;
};
/* A budget, limit or approval that the registry holds: `body` is its JSON object. Left out with a word in
 * policy.left_out when it no longer holds, as when its application is gone. */
struct config_registry_allowance {
    const char *kind, *name, *body; /* kind: "budget", "limit", "approval" */
};
/* What the registry lends to the policy. Zeroed: nothing. */
struct config_registry {
    const struct config_registry_key *keys;
    unsigned n_keys;
    const struct config_registry_allowance *allowances;
    unsigned n_allowances;
    uint8_t pseudonym_key[DIGEST_KEY];
};

/* *ret_policy on success (one reference); `registry` may be NULL. On FAULT_CONFIG, `problems` (in `arena`) has every one, in the order of
 * the file. `file` is the name to print. */
enum fault config_read(struct slice yaml, const char *file, const struct config_source *source,
                       const struct config_registry *registry, struct arena *arena,
                       struct policy **ret_policy, struct problems *problems) MUST_CHECK;

/* Budgets and limits alone, with the checks of the configuration: one object, a list of them, or a map with
 * `budgets` and `limits`. What is neither is of `kind` ("budget" or "limit"). Names of applications and models are
 * looked up in `names` (NULL: not at all). `name` is that of a single object that has none (NULL: it must). A
 * member `reason` of a single object is passed over. On success *ret (one reference) has nothing but its budgets and limits; their
 * texts are its own. Nothing of the environment is read. */
enum fault config_read_allowances(struct slice text, const char *file, const char *kind, const char *name,
                                  const struct policy *names, struct arena *arena, struct policy **ret, struct problems *problems) MUST_CHECK;

/* Every setting as rows for the reference documentation: path, type, default, bounds, meaning. */
struct config_setting {
    const char *path;    /* "models.*.timeouts.connect" */
    const char *type;    /* "duration", "bytes", "text", "integer", "one of a | b", ... */
    const char *fallback; /* default, as text; NULL: required; "": nothing unless given */
    const char *help;
    bool reloadable;     /* takes effect without a restart */
};
const struct config_setting *config_settings(unsigned *ret_count);
const struct config_setting *config_change_settings(unsigned *ret_count); /* below `change_policy` and `rollouts`, which have a reader of their own */
const struct config_setting *config_alert_settings(unsigned *ret_count);  /* the same of `alerts` and what belongs to them */

#endif
