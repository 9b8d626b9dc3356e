/* files.h - the few things store/ does to files and folders. Private to store/. */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include "base/buffer.h"
#include "base/fault.h"

/* Makes `path` and its parents (mode 0700: records are nobody else's business). Existing ones are fine. */
enum fault files_make_dir(const char *path, struct error *error) MUST_CHECK;
bool files_is_dir(const char *path);
bool files_exists(const char *path);

/* Calls `each` with every name in `dir` that begins with `prefix`, in no order. */
enum fault files_list(const char *dir, const char *prefix, void (*each)(void *ctx, const char *name),
                      void *ctx, struct error *error) MUST_CHECK;

/* "DIR/NAME", to be released with mem_free. */
char *files_path(const char *dir, const char *name);
void files_sync_dir(const char *dir); /* so that new names outlive a power failure; best effort */

/* Takes DIR/NAME for this process until the descriptor is closed or the process ends. FAULT_CONFLICT names
 * who has it. */
enum fault files_lock(const char *dir, const char *name, int *ret_fd, struct error *error) MUST_CHECK;

#endif
