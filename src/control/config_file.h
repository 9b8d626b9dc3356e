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

/* The same of a text that is to become the file. */
enum fault config_file_check(const char *path, struct slice text, struct arena *arena, struct problems *ret_problems, struct error *error) MUST_CHECK;

/* Can the file be replaced by this process? False: `error` says why not (a link, no right to write), and what to do. */
bool config_file_writable(const char *path, struct error *error);
/* Asked when all is written beside the file and only the renaming is left; any fault but FAULT_NONE leaves the file as it is. */
struct config_file_ready {
    enum fault (*ask)(void *ctx, struct error *error);
    void *ctx;
};
/* Replaces the file by `text`, with its mode and owner, as long as it is `before`; what was there is kept as PATH.before. FAULT_CONFLICT: it is
 * another one by now, or cannot be replaced. FAULT_IO: nothing was changed. `ready` may be NULL. */
enum fault config_file_replace(const char *path, struct slice before, struct slice text, const struct config_file_ready *ready, struct error *error) MUST_CHECK;

#endif
