/* deployment.h - which version of a prompt serves whom: an immutable snapshot that each loop holds, as it holds the policy.
 *
 * Apart from the policy, because teams change it daily and operators' file must not be read again, nor be sound, for a rollback.
 * A new one is built from the registry and swapped in by pointer; exchanges under way keep theirs. Versions are shared between
 * snapshots, so that a new one costs what changed. Any thread may hold and drop. */
#ifndef MODEL_DEPLOYMENT_H
#define MODEL_DEPLOYMENT_H

#include "base/table.h"
#include "model/change_policy.h"
#include "model/prompt.h"
#include "model/record.h"

#include <stdatomic.h>

struct served_version { /* immutable, reference-counted */
    atomic_uint references;
    struct arena arena;
    struct prompt prompt;
    int64_t number;
    char text[24];                 /* "7": prompt_version of the record */
    struct slice human;            /* "v1.2.3"; SLICE_NULL */
};
/* `body` is prompt_write's. FAULT_CORRUPT: it cannot be read. */
enum fault served_version_new(int64_t number, struct slice human, struct slice body, struct served_version **ret, struct error *error) MUST_CHECK;
struct served_version *served_version_hold(struct served_version *v);
void served_version_drop(struct served_version *v); /* accepts NULL */

struct deployed_rollout {
    int64_t id;                    /* of the rollout; its exchanges' records have it */
    unsigned step;                 /* grows with each change of weights: records of one step were drawn with one weight */
    const struct served_version *candidate;
    uint32_t weight_ppm;           /* of the candidate; 0 in shadow and after an abort */
    uint32_t shadow_ppm;           /* of exchanges that are also handed to sinks.shadow */
    enum sticky sticky;
    uint64_t salt;                 /* of this rollout: another one draws others */
};

struct deployed_label {
    struct slice label;            /* "staging"; production is not among them */
    const struct served_version *version;
};

struct deployed {
    struct slice name;
    const struct served_version *production; /* NULL: none yet */
    const struct served_version *const *versions; /* that may be asked for by name@V, newest first */
    unsigned n_versions;
    const struct deployed_label *labels;
    unsigned n_labels;
    const struct deployed_rollout *rollout;  /* NULL: none is under way */
};

struct held_model {                /* a model whose traffic waits elsewhere (change/model_change.h) */
    struct slice model, to;
};

struct deployments {
    atomic_uint references;
    struct arena arena;
    uint64_t revision;
    struct table by_name;          /* struct deployed */
    struct held_model *held;
    unsigned n_held;
    struct served_version **kept;  /* one reference each */
    unsigned n_kept;
};

/* One reference; empty. To be filled by whoever makes it, before it is shared. */
struct deployments *deployments_new(void);
struct deployments *deployments_hold(struct deployments *d);
void deployments_drop(struct deployments *d); /* accepts NULL */

/* `asked`: "name", "name@7", "name@1f3a..." (8 or more digits of the hash), "name@v1.2.3", "name@staging". */
struct deployment_choice {
    const struct deployed *prompt;
    const struct served_version *version;
    enum arm arm;                  /* NONE but for a bare name, or @production, while a rollout is under way */
    bool shadow;                   /* to be handed to sinks.shadow as well */
};
struct deployment_unit {           /* of whom the arm is drawn */
    struct slice application, user, session, request; /* request: the record's id */
};
/* FAULT_NOT_FOUND with words: no such prompt (the nearest name), version or label, or no version in production yet. */
enum fault deployment_choose(const struct deployments *d, struct slice asked, const struct deployment_unit *who,
                             struct deployment_choice *ret, struct error *error) MUST_CHECK;

/* u in 0..1 of the unit, uniform, the same for the same salt and unit: [0, w) candidate, [w, w + min(w, 1 - w)) control, rest rest. */
double deployment_draw(const struct deployed_rollout *r, const struct deployment_unit *who);
enum arm deployment_arm(double u, uint32_t weight_ppm);

#endif
