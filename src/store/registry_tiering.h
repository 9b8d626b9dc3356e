/* registry_tiering.h - what is remembered of a model's routing by difficulty: whether it is on, the weights it was trained,
 * and the last downgrade test. One row a model, made when first written; the audit log says who did what. The JSON
 * texts are their writers' (cost/route_train.h, cost/downgrade.h). */
#ifndef STORE_REGISTRY_TIERING_H
#define STORE_REGISTRY_TIERING_H

#include "store/registry.h"

struct registry_tiering {
    struct slice model;
    bool on;
    int64_t changed_us;            /* of `on`; 0: it never was changed */
    struct slice changed_by, why;
    struct slice trained;          /* JSON; SLICE_NULL: never */
    int64_t trained_us;
    struct slice trained_by;
    struct slice downgrade;        /* JSON; SLICE_NULL: never */
    int64_t downgrade_us;
    struct slice downgrade_by;
};

/* In the order of names. */
enum fault registry_tierings(struct registry *r, struct arena *arena, struct registry_tiering **ret, unsigned *ret_n,
                             struct error *error) MUST_CHECK;
/* All empty for a model that nothing was written of. */
enum fault registry_tiering_find(struct registry *r, struct slice model, struct arena *arena, struct registry_tiering *ret,
                                 struct error *error) MUST_CHECK;
enum fault registry_tiering_switch(struct registry *r, struct slice model, bool on, struct slice by, struct slice why, int64_t at_us,
                                   struct error *error) MUST_CHECK;
/* New weights always begin in shadow. */
enum fault registry_tiering_train(struct registry *r, struct slice model, struct slice json, struct slice by, int64_t at_us,
                                  struct error *error) MUST_CHECK;
enum fault registry_tiering_downgrade(struct registry *r, struct slice model, struct slice json, struct slice by, int64_t at_us,
                                      struct error *error) MUST_CHECK;

#endif
