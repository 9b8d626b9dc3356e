/* gate.h - who is inside: lets shared memory be taken away under threads that never wait.
 *
 * A reader enters, follows pointers, leaves; it must not wait inside. Whoever unlinks memory frees it only
 * after it has seen every slot of the gate empty once since, because a reader that entered later cannot have
 * met it. Entering costs one uncontended atomic addition: slots are by processor, each on a cache line of its
 * own. */
#ifndef COST_GATE_H
#define COST_GATE_H

#include <stdatomic.h>
#include <stdbool.h>

#define GATE_SLOTS 32

struct gate_slot {
    atomic_uint inside;
    char apart[124]; /* two lines: processors fetch them in pairs */
};
struct gate {
    struct gate_slot slots[GATE_SLOTS];
};

/* One wait for all who were inside at its start: zeroed to begin. */
struct gate_wait {
    bool seen_empty[GATE_SLOTS];
};

unsigned gate_enter(struct gate *g);            /* the slot to leave by */
void gate_leave(struct gate *g, unsigned slot); /* after the last use of what was found inside */
/* Looks at the slots once; true when each has been seen empty since the wait began. Never waits. */
bool gate_passed(struct gate *g, struct gate_wait *wait);

#endif
