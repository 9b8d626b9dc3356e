/* certificate.h - until when an X.509 certificate is valid: of the first one in a PEM text. Nothing else is read, and nothing verified. */
#ifndef BASE_CERTIFICATE_H
#define BASE_CERTIFICATE_H

#include "base/slice.h"

/* False: there is none, or it cannot be read; *ret is untouched. */
bool certificate_expires(struct slice pem, int64_t *ret_wall_us) __attribute__((warn_unused_result));

#endif
