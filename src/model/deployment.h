/* deployment.h - which version of a prompt serves whom: an immutable snapshot that each loop holds, as it holds the policy.
 *
 * Apart from the policy, because teams change it daily and operators' file must not be read again, nor be sound, for a rollback.
 * A new one is built from the registry and swapped in by pointer; exchanges under way keep theirs. Versions are shared between
 * snapshots, so that a new one costs what changed. Any thread may hold and drop. */
#ifndef MODEL_DEPLOYMENT_H
#define MODEL_DEPLOYMENT_H

#include "base/table.h"
#include "model/change_policy.h"
#include "model/intervention.h"
#include "model/record.h"
#include "model/served.h"

struct deployed_rollout {
    int64_t id;                    /* of the rollout; its exchanges' records have it */
    unsigned step;                 /* grows with each change of weights: records of one step were drawn with one weight */
    const struct served_version *candidate;
    uint32_t weight_ppm;           /* of the candidate; 0 in shadow and after an abort: all are served as ever, and arm is NONE */
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
    struct intervention *interventions; /* in force, by kind and number; each has one reference to its throttle */
    unsigned n_interventions;
    unsigned of_kind[INTERVENTION_KINDS + 1]; /* where those of a kind begin; set by deployments_arrange */
    struct served_version **kept;  /* one reference each */
    unsigned n_kept;
};

/* One reference; empty. To be filled by whoever makes it, before it is shared. */
struct deployments *deployments_new(void);
struct deployments *deployments_hold(struct deployments *d);
void deployments_drop(struct deployments *d); /* accepts NULL */
/* After the last intervention was put in, in any order. */
void deployments_arrange(struct deployments *d);
/* Those of one kind: `*ret_n` of them. */
static inline const struct intervention *deployments_of_kind(const struct deployments *d, enum intervention_kind k, unsigned *ret_n) {
    *ret_n = d->of_kind[k + 1] - d->of_kind[k];
    return d->interventions + d->of_kind[k];
}
/* The one that holds this target's breaker open, or closed where there is none. NULL: the breaker does as it sees fit. */
const struct intervention *deployments_on_breaker(const struct deployments *d, struct slice provider, struct slice upstream_model, int64_t wall_us);
/* Lines of this batch shall wait. `d` NULL: nothing is in force. */
bool deployments_pause(const struct deployments *d, struct slice application, struct slice batch, int64_t wall_us);

/* `asked`: "name", "name@7", "name@1f3a..." (8 or more digits of the hash), "name@v1.2.3", "name@staging". */
struct deployment_choice {
    const struct deployed *prompt;
    const struct served_version *version;
    const struct deployed_rollout *rollout; /* for a bare name, or @production, while one is under way; else NULL */
    enum arm arm;                  /* NONE without a rollout, and where its weight is 0 */
    bool shadow;                   /* to be handed to sinks.shadow as well */
};
struct deployment_unit {           /* of whom the arm is drawn */
    struct slice application, user, session; /* as the client said them, not pseudonyms */
    struct slice request;          /* the record's id, or the name of what is asked once (x-quarterdeck-once): a retry stays in its arm */
};
/* FAULT_NO_SUCH_PROMPT (with the nearest name), FAULT_NO_SUCH_VERSION (nor label; or none is in production yet). A number is looked for
 * first, then a hash, a human version, a label. `d` NULL: no prompt is registered. */
enum fault deployment_choose(const struct deployments *d, struct slice asked, const struct deployment_unit *who,
                             struct deployment_choice *ret, struct error *error) MUST_CHECK;

/* u in 0..1 of the unit, uniform, the same for the same salt and unit: [0, w) candidate, [w, w + min(w, 1 - w)) control, rest rest.
 * weight 0: none. What is handed to shadow is drawn for each request, whatever its arm. */
double deployment_draw(const struct deployed_rollout *r, const struct deployment_unit *who);
enum arm deployment_arm(double u, uint32_t weight_ppm);

#endif
