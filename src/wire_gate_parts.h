/* wire_gate_parts.h - one gate: the suites of a version, run and compared. Private to wire_gate*.c. */
#ifndef WIRE_GATE_PARTS_H
#define WIRE_GATE_PARTS_H

#include "change/acts.h"
#include "store/evaluations.h"
#include "wire_gate.h"

#include <stdatomic.h>

struct gate_order {
    struct evaluations *evaluations;
    struct registry *registry;
    const struct policy *policy;
    const char *url, *credential;      /* of the inside listener */
    const struct change_subject *subject;
    const struct change_version *candidate, *control; /* control NULL: nothing is in production */
    const struct class_policy *class;
    int64_t begun_us;                  /* when it was asked: runs that began before are of an earlier one */
    int64_t now_us;
    const atomic_bool *stop;
    bool (*wanted)(void *ctx);         /* asked while it runs: does anybody wait for it still? */
    void *ctx;
};
/* *ret_json: gate_write's, done, in the arena. FAULT_SHUTTING_DOWN: stopped, and to be asked again after the next start; FAULT_CONFLICT:
 * nobody waits for it; else what may pass. */
enum fault gate_make(const struct gate_order *o, struct arena *arena, struct slice *ret_json, struct slice *ret_why, struct error *error) MUST_CHECK;

#endif
