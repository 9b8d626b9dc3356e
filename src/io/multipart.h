/* multipart.h - a whole multipart/form-data body (RFC 7578) into its parts. Slices point into the body. */
#ifndef IO_MULTIPART_H
#define IO_MULTIPART_H

#include "base/fault.h"

struct multipart_part {
    struct slice name, filename; /* as sent, without quotes; filename SLICE_NULL: it is no file */
    struct slice content;
};

/* At most `max` parts. FAULT_BAD_REQUEST: another content type, no boundary, a part without an end or a name, too many. */
enum fault multipart_read(struct slice content_type, struct slice body, struct multipart_part *ret, unsigned max,
                          unsigned *ret_n, struct error *error) MUST_CHECK;

#endif
