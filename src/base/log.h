/* log.h - one structured line per event on standard error, JSON or (on a terminal) readable text.
 * Called from L3 up only; below, functions return faults. Values never hold secrets or payloads. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_start(enum log_level lowest, bool json); /* once, before threads; default: info, text */

/* log_event(LOG_WARN, "breaker opened", "provider", "openai", "failures", "7", NULL): a message, then
 * key and value texts in pairs, ended by NULL. Thread-safe; a line is written in one call. */
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));

#endif
