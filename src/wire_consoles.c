#include "wire_consoles.h"

#include "control/shared_answers.h"

void console_wire_init(struct console_wire *w, unsigned n_loops) {
    w->shared = shared_answers_new();
    w->open = consoles_new(n_loops, w->shared);
}

enum fault console_wire_start(struct console_wire *w, struct desk *d, const struct control_services *services, const char *data_dir,
                              struct error *error) {
    for (unsigned i = 0; i < DESK_READERS; i++) {
        struct control_services *r = &w->reading[i];
        *r = *services;
        r->batches = NULL;
        r->evaluations = NULL;
        r->registry = registry_open(data_dir, error);
        if (r->registry) r->batches = batches_open(data_dir, error);
        if (r->batches) r->evaluations = evaluations_open(data_dir, error);
        if (!r->evaluations) return error->fault;
        if (!desk_add_reader(d, r)) return error_set(error, FAULT_IO, "cannot start a thread that reads");
    }
    desk_lend(d, w->open);
    return FAULT_NONE;
}

void console_wire_publish(const struct console_wire *w, struct metric_shard *to) {
    struct shared_stats stats;
    shared_answers_stats(w->shared, &stats);
    metric_set(metric_cell(to, METRIC_CONSOLES, (const char *[METRIC_LABELS]){NULL}), consoles_count(w->open));
    metric_set(metric_cell(to, METRIC_SHARED_ANSWERS, (const char *[METRIC_LABELS]){"computed"}), (int64_t)stats.computed);
    metric_set(metric_cell(to, METRIC_SHARED_ANSWERS, (const char *[METRIC_LABELS]){"given"}), (int64_t)stats.given);
    metric_set(metric_cell(to, METRIC_SHARED_ANSWERS, (const char *[METRIC_LABELS]){"waited"}), (int64_t)stats.waited);
}

void console_wire_deinit(struct console_wire *w) {
    for (unsigned i = 0; i < DESK_READERS; i++) {
        registry_close(w->reading[i].registry);
        batches_close(w->reading[i].batches);
        evaluations_close(w->reading[i].evaluations);
    }
    consoles_free(w->open);
    shared_answers_free(w->shared);
}
