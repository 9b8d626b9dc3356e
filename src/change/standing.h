/* standing.h - how each rollout under way stood when it was judged last: put by the thread that judges, read by whoever shows it, so that
 * looking at one does not judge it again (the scores of its records alone may be tens of thousands). Any thread; the lock is held for a copy. */
#ifndef CHANGE_STANDING_H
#define CHANGE_STANDING_H

#include "change/judging.h"

struct standings;
struct standings *standings_new(void);
void standings_free(struct standings *s);
/* Copied. `epoch`, `stage` and `step` of the row are where it was judged. At most ROLLOUTS_AT_ONCE; more are not kept. */
void standings_put(struct standings *s, const struct rollout_row *row, const struct judging *j);
/* Those that are not among `rows` are over: forgotten. */
void standings_keep(struct standings *s, const struct rollout_row *rows, unsigned n);
/* Texts in the arena. False: it was not judged yet, or moved since; *ret is untouched. */
bool standings_get(struct standings *s, const struct rollout_row *row, struct arena *arena, struct judging *ret);

#endif
