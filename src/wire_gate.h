/* wire_gate.h - the gates of versions in review: their suites are run with the candidate and with what is in production, as the server runs
 * suites by itself (wire_eval.h), one at a time on a thread of its own. A run that a kill cut short goes on after the next start; the same
 * suite, version and prompt that was run for this gate already is not run again. */
#ifndef WIRE_GATE_H
#define WIRE_GATE_H

#include "wire_change.h"

struct gate_wire;
struct gate_wire *gate_wire_new(const struct change_sources *s, struct change_wire *change, struct error *error) MUST_CHECK;
enum fault gate_wire_start(struct gate_wire *w, uint16_t port, struct slice credential, struct error *error) MUST_CHECK;
void gate_wire_look(struct gate_wire *w); /* a version was submitted. Any thread; accepts NULL */
void gate_wire_stop(struct gate_wire *w);
void gate_wire_free(struct gate_wire *w);

#endif
