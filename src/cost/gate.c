#include "cost/gate.h"

#include <sched.h>

/* All orders are sequentially consistent: either the look at a slot sees the reader, or the reader, whose
 * loads come after its entry, sees what was unlinked before the look. */

unsigned gate_enter(struct gate *g) {
    int cpu = sched_getcpu();
    unsigned slot = cpu > 0 ? (unsigned)cpu % GATE_SLOTS : 0;
    atomic_fetch_add(&g->slots[slot].inside, 1);
    return slot;
}

void gate_leave(struct gate *g, unsigned slot) {
    atomic_fetch_sub_explicit(&g->slots[slot].inside, 1, memory_order_release);
}

bool gate_passed(struct gate *g, struct gate_wait *wait) {
    bool all = true;
    for (unsigned i = 0; i < GATE_SLOTS; i++) {
        if (!wait->seen_empty[i]) wait->seen_empty[i] = atomic_load(&g->slots[i].inside) == 0;
        all = all && wait->seen_empty[i];
    }
    return all;
}
