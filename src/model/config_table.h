/* config_table.h - inside of the configuration: the settings table, the reader that follows it, and
 * what they share with the building of the policy. Private to the config module. */
#ifndef MODEL_CONFIG_TABLE_H
#define MODEL_CONFIG_TABLE_H

#include "base/yaml.h"
#include "model/config.h"
#include "model/tiers.h"

/* Where a setting stands: what comes before its name in the path, and the struct below that it fills. */
enum config_scope {
    SCOPE_ROOT,
    SCOPE_TOKEN,
    SCOPE_PROVIDER,
    SCOPE_MODEL,
    SCOPE_TARGET,
    SCOPE_RULE,
    SCOPE_APPLICATION,
    SCOPE_KEY,
    SCOPE_REQUEST_TYPE,
    SCOPE_BUDGET,
    SCOPE_LIMIT,
    SCOPE_COUNT
};

struct raw_root {
    struct server_settings server;
    const char *listen, *admin_listen, *watch_timezone;
    struct yaml_node *tokens, *providers, *models, *applications, *price_files, *budgets, *limits, *change_policy, *rollouts;
    struct yaml_node *alerts, *grants, *receivers, *oncall, *inhibit, *grouping;
    double wanted_alarms;
};
struct raw_token {
    const char *name, *token;
    enum user_role role;
};
struct raw_provider {
    struct provider provider;
    double batch_discount;
    struct yaml_node *headers;
};
struct raw_model {
    struct model_route route;
    struct yaml_node *targets, *tiers, *rules, *downgrade_exec;
    bool fall_back_any;
    struct downgrade_setting downgrade;
};
struct raw_rule {
    struct tier_rule rule;
    const char *tier;
};
struct raw_target {
    struct target target;
    const char *provider;
};
struct raw_application {
    struct application application;
    struct yaml_node *models, *keys, *request_types;
};
struct raw_key {
    const char *name, *key;
};
struct raw_scope {
    const char *application, *team, *user, *feature, *key, *model, *request_type, *tag;
};
struct raw_budget {
    struct budget budget;
    struct raw_scope scope;
    const char *timezone, *from, *to, *on_error;
    struct yaml_node *alert_at;
};
struct raw_limit {
    struct rate_limit limit;
    struct raw_scope scope;
};

/* What a value must be: the first word of the type's text; bounds and choices are read from the text too. */
enum config_kind {
    KIND_TEXT,     /* "text" */
    KIND_NAME,     /* "name": printable, at most 128 bytes */
    KIND_SECRET,   /* "secret": never shown; may be file:PATH, whose last line break is dropped */
    KIND_PEM,      /* "PEM": the same, with PEM inside */
    KIND_BOOLEAN,  /* "boolean" */
    KIND_INTEGER,  /* "integer 1..10" */
    KIND_NUMBER,   /* "number 0..1" */
    KIND_DURATION, /* "duration 1ms..1h" */
    KIND_BYTES,    /* "bytes 1KiB..512MiB" */
    KIND_USD,      /* "USD 0..1000000": exact, as nano-dollars */
    KIND_ONE,      /* "one of a | b": the index, or the text when the field is a pointer */
    KIND_ADDRESS,  /* "address": host:port */
    KIND_URL,      /* "URL": http or https */
    KIND_LIST,     /* "list of ...": the node */
    KIND_MAP,      /* "map of ...": the node */
};

struct config_row {
    enum config_scope scope;
    enum config_kind kind;
    const char *name; /* within the scope: "timeouts.connect" */
    size_t offset, size;
};
const struct config_row *config_rows(unsigned *ret_count); /* the same order as config_settings */

struct config_reader {
    const char *file;
    const struct config_source *source;
    struct arena *out;  /* problems */
    struct arena temp;  /* the tree and what is needed while reading */
    struct policy *policy;
    const struct policy *names; /* where applications and models are looked up: policy; NULL: nowhere */
    struct problems *problems;
};

void config_complain(struct config_reader *r, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool config_is_null(const struct yaml_node *node); /* absent, or an empty plain scalar, ~ or null */
const char *config_place(struct config_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills `raw` (zeroed, or with values for what has no default) from `map` by the rows of `scope`. `place` is the path in
 * front, with its dot. Every problem is told; what could not be read keeps its default. */
void config_fill(struct config_reader *r, enum config_scope scope, const char *place, struct yaml_node *map, void *raw);

/* One scalar as `kind` would read it, in the policy's arena; NULL after a problem. */
const char *config_text(struct config_reader *r, const char *place, struct yaml_node *node, enum config_kind kind);

/* Of `names`, the one that `word` was meant to be: at most two edits away, or one begins with the other. NULL: none. */
const char *config_nearest(struct slice word, const char *const *names, unsigned n);
bool config_name_is_valid(struct slice name);

/* config_value.c: a text, with ${...} already filled in, by the row's type into its field. False: `expected` says what
 * would have been right. */
bool config_store(struct arena *arena, const struct config_row *row, const char *type, struct slice text, void *raw,
                  char expected[LIMIT_ERROR_TEXT]);
bool config_address(struct slice text, struct slice *ret_host, uint16_t *ret_port);
bool config_url(struct slice text);

/* config_cost.c: budgets, limits, and what an application says of its requests. The application's must be filled into
 * one that config_requests_init has seen; models and applications are built before budgets and limits. */
void config_requests_init(struct request_policy *r);
void config_request_types(struct config_reader *r, const char *place, struct yaml_node *map, struct application *a);
void config_budgets(struct config_reader *r, struct yaml_node *list, unsigned more); /* room for `more` behind it */
void config_limits(struct config_reader *r, struct yaml_node *list, unsigned more);
/* One more at the end, where there is room; `place` with its dot, or "". */
void config_budget(struct config_reader *r, const char *place, struct yaml_node *row);
void config_limit(struct config_reader *r, const char *place, struct yaml_node *row);

/* config_registry.c: what the registry lends, behind all that the file has; then what records must keep. */
void config_merge_allowances(struct config_reader *r, const struct config_registry *registry);
void config_pseudonyms(struct config_reader *r);

/* config_tiers.c: what a model with `tiers` stands for. After all models are built, those without tiers whole. */
void config_tiers(struct config_reader *r, const char *place, const struct yaml_node *node, const struct raw_model *raw,
                  struct model_route *m);
/* config_downgrade.c: models.*.downgrade_test; the program at the time of its model, the rest once applications are built. */
void config_downgrade_program(struct config_reader *r, const char *place, const struct raw_model *raw, struct model_route *m,
                              const struct yaml_node *node);
void config_downgrades(struct config_reader *r, const struct yaml_node *models);
/* config_change.c: `change_policy` and `rollouts`, over the defaults; after models and applications. */
void config_change(struct config_reader *r, struct yaml_node *policy, struct yaml_node *rollouts);
/* config_alerts.c: what the watch is told, after all that it names. */
void config_alerts(struct config_reader *r, const struct raw_root *root);
/* Whose days the watchers take. */
void config_watch(struct config_reader *r, const struct yaml_node *root, const char *timezone);

/* config_build.c: the tree to r->policy. */
void config_build(struct config_reader *r, struct yaml_node *root, const struct config_registry *registry);

#endif
