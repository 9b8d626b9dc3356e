/* See deployment.h. */
#include "model/deployment.h"

#include "base/mem.h"

#include <stdlib.h>

enum { ARENA_FIRST = 16 << 10, LEAST_HASH = 8, MOST_NAMES = 1000, SHOWN = 80 };
#define ARENA_MOST ((size_t)256 << 20) /* 100,000 prompts with ten versions and labels each take some 30 MiB */
#define MILLION 1e6

struct deployments *deployments_new(void) {
    struct deployments *d = mem_new(struct deployments);
    atomic_init(&d->references, 1);
    arena_init(&d->arena, ARENA_FIRST, ARENA_MOST);
    table_init(&d->by_name);
    return d;
}

struct deployments *deployments_hold(struct deployments *d) {
    atomic_fetch_add_explicit(&d->references, 1, memory_order_relaxed);
    return d;
}

void deployments_drop(struct deployments *d) {
    /* the last one to let go must see what all others did before they let go */
    if (d == NULL || atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) != 1) return;
    for (unsigned i = 0; i < d->n_kept; i++) served_version_drop(d->kept[i]);
    for (unsigned i = 0; i < d->n_interventions; i++) throttle_drop(d->interventions[i].throttle);
    table_deinit(&d->by_name);
    arena_deinit(&d->arena);
    mem_free(d);
}

/* ---- interventions ---- */

static int by_kind(const void *a, const void *b) {
    const struct intervention *x = a, *y = b;
    if (x->spec.kind != y->spec.kind) return x->spec.kind < y->spec.kind ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

void deployments_arrange(struct deployments *d) {
    unsigned at = 0;
    if (d->n_interventions > 1) qsort(d->interventions, d->n_interventions, sizeof *d->interventions, by_kind);
    for (unsigned k = 0; k < INTERVENTION_KINDS; k++) {
        d->of_kind[k] = at;
        while (at < d->n_interventions && d->interventions[at].spec.kind == k) at++;
    }
    d->of_kind[INTERVENTION_KINDS] = at;
}

const struct intervention *deployments_on_breaker(const struct deployments *d, struct slice provider, struct slice upstream_model, int64_t wall_us) {
    static const enum intervention_kind kinds[] = {INTERVENTION_OPEN_BREAKER, INTERVENTION_CLOSE_BREAKER}; /* the safer one first */
    for (unsigned k = 0; d && k < 2; k++) {
        unsigned n;
        const struct intervention *all = deployments_of_kind(d, kinds[k], &n);
        for (unsigned i = 0; i < n; i++)
            if (slice_eq(all[i].spec.provider, provider) && intervention_covers(all[i].spec.upstream_model, upstream_model) &&
                intervention_holds(&all[i], wall_us))
                return &all[i];
    }
    return NULL;
}

bool deployments_pause(const struct deployments *d, struct slice application, struct slice batch, int64_t wall_us) {
    unsigned n = 0;
    const struct intervention *all = d ? deployments_of_kind(d, INTERVENTION_PAUSE_BATCH, &n) : NULL;
    for (unsigned i = 0; i < n; i++)
        if (intervention_covers(all[i].spec.application, application) && intervention_covers(all[i].spec.batch, batch) && intervention_holds(&all[i], wall_us))
            return true;
    return false;
}

/* ---- what was asked for ---- */

static int shown(struct slice s) {
    return (int)(s.len < SHOWN ? s.len : SHOWN);
}

static enum fault no_prompt(const struct deployments *d, struct slice name, struct error *error) {
    struct slice near = SLICE_NULL, key;
    unsigned least = name.len < 3 ? 2 : (unsigned)name.len / 3 + 1;
    size_t cursor = 0;
    void *value;
    if (d == NULL || d->by_name.count == 0)
        return error_set(error, FAULT_NO_SUCH_PROMPT, "no prompt is registered; `quarterdeck apply -f FILE` makes a version of one, found `%.*s`",
                         shown(name), name.at ? name.at : "");
    for (unsigned i = 0; i < MOST_NAMES && table_next(&d->by_name, &cursor, &key, &value); i++) {
        unsigned far = slice_distance(name, key);
        if (far >= least) continue;
        least = far;
        near = key;
    }
    if (near.at != NULL)
        return error_set(error, FAULT_NO_SUCH_PROMPT, "no prompt `%.*s` is registered; did you mean `" SLICE_FMT "`?", shown(name),
                         name.at ? name.at : "", SLICE_ARG(near));
    return error_set(error, FAULT_NO_SUCH_PROMPT, "no prompt `%.*s` is registered; GET /api/v1/prompts lists them", shown(name),
                     name.at ? name.at : "");
}

static bool is_hash_of(struct slice which, const struct digest *digest) {
    char hex[2 * DIGEST_BYTES + 1];
    if (which.len < LEAST_HASH || which.len > 2 * DIGEST_BYTES) return false;
    digest_hex(digest->bytes, DIGEST_BYTES, hex);
    return slice_eq_nocase(which, slice_make(hex, which.len));
}

static const struct served_version *find_version(const struct deployed *p, struct slice which) {
    for (unsigned i = 0; i < p->n_versions; i++)
        if (slice_is(which, p->versions[i]->text)) return p->versions[i];
    for (unsigned i = 0; i < p->n_versions; i++)
        if (is_hash_of(which, &p->versions[i]->prompt.digest)) return p->versions[i];
    for (unsigned i = 0; i < p->n_versions; i++)
        if (p->versions[i]->human.at != NULL && slice_eq(which, p->versions[i]->human)) return p->versions[i];
    for (unsigned i = 0; i < p->n_labels; i++)
        if (slice_eq(which, p->labels[i].label)) return p->labels[i].version;
    return NULL;
}

static enum fault no_version(const struct deployed *p, struct slice which, struct error *error) {
    return error_set(error, FAULT_NO_SUCH_VERSION,
                     "prompt `" SLICE_FMT "` has no version or label `%.*s`; expected a number, 8 or more digits of a hash, a version's own name or a "
                     "label; `quarterdeck prompt show " SLICE_FMT "` lists them",
                     SLICE_ARG(p->name), shown(which), which.at ? which.at : "", SLICE_ARG(p->name));
}

/* ---- arms ---- */

/* The top 53 bits, in the middle of their interval: never 0 nor 1. */
static double uniform(uint64_t hash) {
    return ((double)(hash >> 11) + 0.5) / 9007199254740992.0;
}

static double draw(uint64_t salt, struct slice application, struct slice unit) {
    return uniform(digest_fast(unit, digest_fast(application, salt)));
}

double deployment_draw(const struct deployed_rollout *r, const struct deployment_unit *who) {
    struct slice unit = who->request;
    if (r->sticky != STICKY_REQUEST && who->session.len > 0) unit = who->session;
    if (r->sticky == STICKY_USER && who->user.len > 0) unit = who->user;
    return draw(r->salt, who->application, unit);
}

enum arm deployment_arm(double u, uint32_t weight_ppm) {
    double at = u * MILLION, w = weight_ppm, rest = MILLION - w;
    if (weight_ppm == 0) return ARM_NONE;
    if (at < w) return ARM_CANDIDATE;
    return at < w + (w < rest ? w : rest) ? ARM_CONTROL : ARM_REST;
}

/* Another draw than the arm's, so that what is shadowed is a sample of all arms. */
static bool draw_shadow(const struct deployed_rollout *r, const struct deployment_unit *who) {
    return r->shadow_ppm > 0 && draw(~r->salt, who->application, who->request) * MILLION < r->shadow_ppm;
}

enum fault deployment_choose(const struct deployments *d, struct slice asked, const struct deployment_unit *who,
                             struct deployment_choice *ret, struct error *error) {
    struct slice name = asked, which = SLICE_NULL;
    struct deployment_choice c = {.arm = ARM_NONE};
    bool chosen = slice_cut(asked, '@', &name, &which);
    c.prompt = d != NULL ? table_get(&d->by_name, name) : NULL;
    if (c.prompt == NULL) return no_prompt(d, name, error);
    if (chosen && !slice_is(which, "production")) {
        c.version = find_version(c.prompt, which);
        if (c.version == NULL) return no_version(c.prompt, which, error);
        *ret = c;
        return FAULT_NONE;
    }
    c.version = c.prompt->production;
    if (c.version == NULL)
        return error_set(error, FAULT_NO_SUCH_VERSION, "no version of prompt `" SLICE_FMT "` is in production yet; `quarterdeck prompt show " SLICE_FMT "` tells their states",
                         SLICE_ARG(name), SLICE_ARG(name));
    c.rollout = c.prompt->rollout;
    if (c.rollout != NULL) {
        c.arm = deployment_arm(deployment_draw(c.rollout, who), c.rollout->weight_ppm);
        c.shadow = draw_shadow(c.rollout, who);
        if (c.arm == ARM_CANDIDATE) c.version = c.rollout->candidate;
    }
    *ret = c;
    return FAULT_NONE;
}
