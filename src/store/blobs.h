/* blobs.h - whole files that are written once: `DIR/NAME`, known by a checksum.
 *
 * A file is written under another name, synced, and renamed: it is there whole or not at all. The checksum is XXH3-64 of
 * each MiB, seeded with that of the one before: against damage, not against people. Never on a data-plane thread. */
#ifndef STORE_BLOBS_H
#define STORE_BLOBS_H

#include "base/buffer.h"
#include "base/fault.h"

struct blobs;
struct blob_writer;

struct blobs *blobs_open(const char *dir, struct error *error) MUST_CHECK; /* makes the folder */
void blobs_close(struct blobs *b);
/* Removes what `is_known` denies: the rests of a crash. */
void blobs_sweep(struct blobs *b, bool (*is_known)(void *ctx, struct slice name), void *ctx);

struct blob_writer *blob_create(struct blobs *b, const char *name, struct error *error) MUST_CHECK; /* NULL: it failed */
enum fault blob_write(struct blob_writer *w, struct slice bytes, struct error *error) MUST_CHECK;
int64_t blob_size(const struct blob_writer *w);
/* Durable, then in its place. Frees the writer, also when it fails. */
enum fault blob_finish(struct blob_writer *w, uint64_t *ret_checksum, struct error *error) MUST_CHECK;
void blob_abandon(struct blob_writer *w); /* accepts NULL */

/* `len` bytes from `at`, appended to `out`. FAULT_NOT_FOUND; FAULT_CORRUPT: it is shorter; FAULT_TOO_LARGE: no room. */
enum fault blob_read(struct blobs *b, const char *name, int64_t at, int64_t len, struct buffer *out, struct error *error) MUST_CHECK;
/* The whole, checked. FAULT_CORRUPT: it is not what was written. */
enum fault blob_load(struct blobs *b, const char *name, int64_t size, uint64_t checksum, struct buffer *out,
                     struct error *error) MUST_CHECK;
void blob_remove(struct blobs *b, const char *name); /* one that is not there is fine */

#endif
