/* setup.h - the one-time link by which the first admin is made from a browser. The secret is in the link's fragment, which no browser sends
 * and no log sees; the registry keeps its digest. It holds for SETUP_LASTS_US and until there is a user; a new one ends the former. */
#ifndef CONTROL_SETUP_H
#define CONTROL_SETUP_H

#include "store/registry.h"

#define SETUP_LASTS_US (24 * 3600 * 1000000LL)
#define SETUP_SECRET 44 /* 43 characters and a NUL */

/* *ret_needed false: there are users, and nothing was made. On a thread that may use the registry. */
enum fault setup_offer(struct registry *r, int64_t now_us, bool *ret_needed, char secret[SETUP_SECRET], struct error *error) MUST_CHECK;
/* Is it the secret of the newest offer, in time? *ret says. */
enum fault setup_check(struct registry *r, struct slice secret, int64_t now_us, bool *ret, struct error *error) MUST_CHECK;

/* 256 random bits in 43 characters that need no encoding anywhere; shared with sessions. */
void setup_random(char out[SETUP_SECRET]);

#endif
