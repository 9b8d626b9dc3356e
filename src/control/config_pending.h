/* config_pending.h - a change of the configuration file that the audit log has and the file perhaps not yet: kept from before the entry is
 * written until the file is known to be as it says, so that a server which was killed in between tells how it ended. */
#ifndef CONTROL_CONFIG_PENDING_H
#define CONTROL_CONFIG_PENDING_H

#include "store/registry.h"

enum fault config_pending_begin(struct registry *r, struct slice sha256, struct error *error) MUST_CHECK; /* what the file is to be, in hex digits */
enum fault config_pending_end(struct registry *r, struct error *error) MUST_CHECK;

/* At a start: the file is `sha256`. Where a change was begun and the file is something else, the audit log gets `configuration.undone`. */
enum fault config_pending_settle(struct registry *r, struct slice sha256, struct error *error) MUST_CHECK;

#endif
