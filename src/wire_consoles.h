/* wire_consoles.h - what the server keeps for its consoles: their streams, the answers they share, and the stores of the threads that read for them. */
#ifndef WIRE_CONSOLES_H
#define WIRE_CONSOLES_H

#include "control/consoles.h"
#include "control/desk.h"

struct console_wire {
    struct consoles *open;
    struct shared_answers *shared;
    struct control_services reading[DESK_READERS]; /* with stores of their own */
};

void console_wire_init(struct console_wire *w, unsigned n_loops);
/* When `services` are whole: readers of the desk. */
enum fault console_wire_start(struct console_wire *w, struct desk *d, const struct control_services *services, const char *data_dir,
                              struct error *error) MUST_CHECK;
void console_wire_publish(const struct console_wire *w, struct metric_shard *to); /* by one thread, about once a second */
void console_wire_deinit(struct console_wire *w); /* when desk and loops have ended */

#endif
