/* cookie.h - one value of a cookie header (RFC 6265, section 5.4). Private to control/. */
#ifndef CONTROL_COOKIE_H
#define CONTROL_COOKIE_H

#include "base/slice.h"

/* The value of `name`, of the header's memory; SLICE_NULL: it is not there, or several times with different values: then nobody can say
 * which of them is ours, as a neighbour under the same host name may have set the other one. */
struct slice cookie_value(struct slice header, const char *name);

#endif
