#include "wire_tiers.h"

#include "base/log.h"
#include "model/tiers.h"
#include "store/registry_tiering.h"

enum fault wire_tiers(struct registry *r, struct policy **p, struct arena *arena, struct error *error) {
    struct registry_tiering *all = NULL;
    unsigned n = 0;
    enum fault fault = r ? registry_tierings(r, arena, &all, &n, error) : FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        struct tier_state state = {.model = all[i].model, .on = all[i].on, .trained = all[i].trained};
        if (!tiers_install(*p, &state) && all[i].on)
            log_event(LOG_WARN, "routing by difficulty is in shadow: its model has no tiers now, or others than it was trained for",
                      "model", arena_text(arena, all[i].model), NULL);
    }
    if (fault == FAULT_NONE) return FAULT_NONE;
    policy_drop(*p);
    *p = NULL;
    return fault;
}
