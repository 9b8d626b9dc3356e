/* named.h - faults chosen by the model's name, for tests that have nothing else to set.
 *
 * "sim-429-ra2-then-ok": words behind "sim-" are faults, "then" leads to what the next request gets, the last
 * step stays for ever, "x3" repeats a step. A provider's prefix ("openai/sim-503") and whatever stands behind
 * '@' are passed over, so that every test can have counters of its own. docs/simulator.md lists the words.
 * "fb-s01-..." to "fb-s16-...", "fb-ok" and "fb-ok-noprefill" are the faults of failoverbench's 16 scenarios.
 */
#ifndef SIM_NAMED_H
#define SIM_NAMED_H

#include "sim/act.h"
#include "sim/ask.h"
#include "sim/profile.h"

/* True for a name that chooses faults. */
bool named_is(struct slice model);

/* Adds what the name says to *act and *profile. `nth` counts the requests with this name and key from 1,
 * `since_first_us` is the time since the first of them. False: no such word; *ret_word is it. */
bool named_act(const struct ask *ask, uint64_t nth, int64_t since_first_us, struct act *act,
               struct profile *profile, struct slice *ret_word) MUST_CHECK;

#endif
