/* wire_desk.h - the control thread, and those beside it that have a registry of their own, so that nothing waits for a report. */
#ifndef WIRE_DESK_H
#define WIRE_DESK_H

#include "control/attempts.h"
#include "control/desk.h"

struct desk_wire {
    struct control_services urgent;  /* of rollbacks */
    struct control_services door;    /* of what hashes passwords */
    struct control_services patient; /* of what waits for providers */
    struct registry *registries[3];
    struct attempts *attempts;
};

/* `services`, whole, stay the caller's and outlive the desk, as *w does. NULL on failure, with *error set; *w is to be ended then, too. */
struct desk *desk_wire_begin(struct desk_wire *w, const struct control_services *services, const char *data_dir, struct error *error) MUST_CHECK;
void desk_wire_end(struct desk_wire *w); /* after the desk was freed; one of zeros is no trouble */

#endif
