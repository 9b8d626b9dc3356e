/* eval_owner.h - which process runs an evaluation, and whether it still does.
 *
 * "HOST PID START": the host's name and its process namespace, the process, and when that one was started (clock ticks since the
 * boot), so that a number that was given again is not taken for the same process. */
#ifndef CONTROL_EVAL_OWNER_H
#define CONTROL_EVAL_OWNER_H

#include "base/slice.h"

#define EVAL_OWNER_TEXT 400
#define EVAL_OWNER_SILENCE_US 30000000LL /* after which one on another host counts as gone; it gives a sign of life every few seconds */

void eval_owner_self(char out[EVAL_OWNER_TEXT]);
/* On this host: does the process live; elsewhere: was it heard of within EVAL_OWNER_SILENCE_US. */
bool eval_owner_is_alive(struct slice owner, int64_t seen_us, int64_t now_us);

#endif
