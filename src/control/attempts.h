/* attempts.h - how soon somebody may try to sign in again. By the name that is tried and by the address that tries: the first few failures are
 * free, then each doubles the wait until the next try, up to a maximum; an hour without one forgets them.
 *
 * In memory, of a fixed size, and of one thread. Who tries thousands of names makes room for new ones with the oldest; a restart forgets all. A
 * name waits whether or not there is such a user. Behind a proxy all addresses are the proxy's. Private to control/. */
#ifndef CONTROL_ATTEMPTS_H
#define CONTROL_ATTEMPTS_H

#include "base/slice.h"

#define ATTEMPTS_NAME_FREE 5        /* one mistypes so often */
#define ATTEMPTS_NAME_MOST_S 60     /* longer, and whoever fails on purpose keeps its owner out for as long */
#define ATTEMPTS_PEER_FREE 20       /* an office behind one address mistypes more often */
#define ATTEMPTS_PEER_MOST_S 300
#define ATTEMPTS_FORGET_S 3600
#define ATTEMPTS_NETWORK 48

struct attempts;
struct attempts *attempts_new(void);
void attempts_free(struct attempts *a); /* accepts NULL */

/* Seconds until this name (SLICE_NULL: none is given) may be tried from this address; 0: now. `now_us` is monotonic. An IPv6 address counts by its
 * first 64 bits, which one household has. `a` NULL: nobody counts. */
int64_t attempts_wait_s(const struct attempts *a, struct slice name, const char *peer, int64_t now_us);
void attempts_failed(struct attempts *a, struct slice name, const char *peer, int64_t now_us);
/* It was the right password: the name starts anew. The address does not, else a password of one's own would pay for guesses at others'. */
void attempts_good(struct attempts *a, struct slice name);

/* The first four groups of an IPv6 address, each with its colon ("2001:db8:0:7:"), those that `::` stands for too; other addresses as they are. */
struct slice attempts_network(const char *peer, char out[ATTEMPTS_NETWORK]);

#endif
