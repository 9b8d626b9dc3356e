/* wire_change_tell.h - what the findings say of rollouts: failed, waiting for a person, arms that do not get their shares. Private to
 * wire_change*.c. */
#ifndef WIRE_CHANGE_TELL_H
#define WIRE_CHANGE_TELL_H

#include "change/judging.h"
#include "wire_change.h"

struct change_tell;
struct change_tell *change_tell_new(const struct change_sources *s);
void change_tell_free(struct change_tell *t);
/* How one that is under way stands: remembered until it is judged again. */
void change_tell_judged(struct change_tell *t, const struct rollout_row *row, const struct judging *j, const struct rollout_decision *d);
/* One that cannot be judged at all. False: it was told before. */
bool change_tell_unwatched(struct change_tell *t, const struct rollout_row *row, struct slice why);
/* Which are under way now: told at once when others began or ended. */
void change_tell_under_way(struct change_tell *t, const struct rollout_row *rows, unsigned n);
/* Into the registry, when something is new or a minute has passed. */
enum fault change_tell_findings(struct change_tell *t, struct registry *r, bool changed, struct error *error) MUST_CHECK;

#endif
