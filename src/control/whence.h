/* whence.h - where a session was begun, in so few words that a person knows their own again and nobody learns more. Private to control/. */
#ifndef CONTROL_WHENCE_H
#define CONTROL_WHENCE_H

#include "base/arena.h"

/* "192.0.2.0/24", "2001:db8:0:7::/64", "this machine"; SLICE_NULL: not known. */
struct slice whence_network(const char *peer, struct arena *arena);
/* "Firefox on Linux", "curl"; "another program" where no known name is in it, SLICE_NULL without one. Never a word of the header's own. */
struct slice whence_agent(struct slice user_agent, struct arena *arena);

#endif
