/* config_file.h - the configuration from disk and environment: what config_read may not touch itself.
 *
 * Used by the server and by the command line, so that both see the same configuration. */
#ifndef CONTROL_CONFIG_FILE_H
#define CONTROL_CONFIG_FILE_H

#include "model/config.h"

/* A whole file, at most what `out` may hold. FAULT_NOT_FOUND, FAULT_TOO_LARGE, FAULT_IO; `error` names the file. */
enum fault config_file_load(const char *path, struct buffer *out, struct error *error) MUST_CHECK;

/* Reads `path`, the files that it names (relative ones beside it) and the environment into a policy; `registry` is
 * what that one lends (NULL: nothing). FAULT_CONFIG: *ret_problems (in `arena`) has what is wrong. Any other fault: the file itself
 * could not be read, and `error` says why. `path` must outlive the problems. */
enum fault config_file_read(const char *path, const struct config_registry *registry, struct arena *arena,
                            struct policy **ret, struct problems *ret_problems,
                            struct error *error) MUST_CHECK;

#endif
