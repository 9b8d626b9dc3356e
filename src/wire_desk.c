#include "wire_desk.h"

static bool lend(struct desk_wire *w, unsigned at, struct control_services *to, const struct control_services *services, const char *data_dir, struct error *error) {
    *to = *services;
    to->registry = w->registries[at] = registry_open(data_dir, error);
    return to->registry != NULL;
}

struct desk *desk_wire_begin(struct desk_wire *w, const struct control_services *services, const char *data_dir, struct error *error) {
    if (!lend(w, 0, &w->urgent, services, data_dir, error) || !lend(w, 1, &w->door, services, data_dir, error) || !lend(w, 2, &w->patient, services, data_dir, error))
        return NULL;
    w->door.attempts = w->attempts = attempts_new();
    w->patient.batches = NULL;
    w->patient.evaluations = NULL;
    struct desk *d = desk_new(services, &w->urgent, &w->door);
    if (d && desk_add_patient(d, &w->patient)) return d;
    desk_free(d);
    (void)error_set(error, FAULT_IO, "cannot start the control thread");
    return NULL;
}

void desk_wire_end(struct desk_wire *w) {
    for (unsigned i = 0; i < sizeof w->registries / sizeof *w->registries; i++) registry_close(w->registries[i]);
    attempts_free(w->attempts);
    *w = (struct desk_wire){0};
}
