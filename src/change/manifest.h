/* manifest.h - a knowledge base as a file declares it: which documents answers may rest on.
 *
 *     knowledge: helpdesk-articles
 *     version: 2026-11
 *     documents:
 *       - {id: reset-password, hash: "sha256:9f86...", source: "https://...", date: 2026-11-02}
 *     documents: "file:manifest.jsonl"     # or so: JSON lines, or CSV with these columns
 *     suites: [helpdesk-core]
 *     owner: anna@example.org
 *
 * Order of documents is of no account. The documents themselves are not kept: a rollback names which to restore. */
#ifndef CHANGE_MANIFEST_H
#define CHANGE_MANIFEST_H

#include "base/digest.h"
#include "model/reader.h"

struct document {
    struct slice id, hash, source, date; /* source, date: SLICE_NULL */
};
struct manifest {
    struct slice name, version, owner;
    struct document *documents;  /* by id */
    size_t n_documents;
    struct slice *suites;
    unsigned n_suites;
    struct digest digest;        /* of manifest_write */
};
enum fault manifest_read_file(struct slice text, const char *file, const struct file_source *files, struct arena *arena,
                              struct manifest *ret, struct problems *problems) MUST_CHECK;
void manifest_write(const struct manifest *m, struct json_writer *w); /* canonical: without version, owner, suites */
/* added, changed and removed documents, in the order of ids. */
struct manifest_difference {
    const struct document **added, **removed, **changed; /* changed: as it is after */
    size_t n_added, n_removed, n_changed;
};
enum fault manifest_compare(const struct manifest *before, const struct manifest *after, struct arena *arena, struct manifest_difference *ret) MUST_CHECK;

#endif
