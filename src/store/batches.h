/* batches.h - files and batches of the data plane, in `data_dir/batches.db` and `data_dir/files`.
 *
 * A handle belongs to one thread at a time; several may be open (SQLite, WAL). Every change is on the disk when its call
 * returns. Texts of what is read are copied into the arena; SLICE_NULL is null, and times are wall microseconds, 0 when it
 * has not come to that. Nobody sees another application's: what is asked for by application and id is not found then. */
#ifndef STORE_BATCHES_H
#define STORE_BATCHES_H

#include "base/arena.h"
#include "base/fault.h"
#include "store/blobs.h"

struct batches;

struct batches *batches_open(const char *data_dir, struct error *error) MUST_CHECK;
void batches_close(struct batches *b);
struct blobs *batches_blobs(struct batches *b); /* the files' content, by their id */

/* ---- files ---- */
struct batch_file {
    int64_t number; /* order of creation */
    struct slice id, application, filename, purpose;
    int64_t created_us, expires_us, bytes;
    uint64_t checksum;
};
enum fault batches_file_add(struct batches *b, const struct batch_file *f, struct error *error) MUST_CHECK;
enum fault batches_file_find(struct batches *b, struct slice application, struct slice id, struct arena *arena,
                             struct batch_file *ret, struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
/* Newest first, those before `before` (a number; INT64_MAX: all). `each` returns false to stop. A null purpose is any. */
enum fault batches_file_list(struct batches *b, struct slice application, struct slice purpose, int64_t before, struct arena *arena,
                             bool (*each)(void *ctx, const struct batch_file *f), void *ctx, struct error *error) MUST_CHECK;
/* The row, then the content. */
enum fault batches_file_remove(struct batches *b, struct slice id, struct error *error) MUST_CHECK;
enum fault batches_file_totals(struct batches *b, struct slice application, int64_t *ret_bytes_of_all, int64_t *ret_files,
                               struct error *error) MUST_CHECK;
/* One that is over and that no unfinished batch needs. FAULT_NOT_FOUND: none. */
enum fault batches_file_expired(struct batches *b, int64_t now_us, struct arena *arena, struct slice *ret_id,
                                struct error *error) MUST_CHECK;
void batches_sweep(struct batches *b); /* content without a row; at the start, before anything is written */

/* ---- batches ---- */
#define BATCH_STATUS_TABLE(STATUS)                                                                            \
    STATUS(VALIDATING, "validating") STATUS(IN_PROGRESS, "in_progress") STATUS(FINALIZING, "finalizing")       \
    STATUS(CANCELLING, "cancelling") STATUS(COMPLETED, "completed") STATUS(FAILED, "failed")                   \
    STATUS(EXPIRED, "expired") STATUS(CANCELLED, "cancelled")
enum batch_status {
#define STATUS(symbol, name) BATCH_##symbol,
    BATCH_STATUS_TABLE(STATUS)
#undef STATUS
    BATCH_STATUS_COUNT
};
const char *batch_status_name(enum batch_status s);
static inline bool batch_is_over(int64_t status) { return status >= BATCH_COMPLETED; }

/* TEXT(field) and NUMBER(field) are the columns. */
#define BATCH_TABLE(TEXT, NUMBER)                                                                             \
    TEXT(id)                                                                                                  \
    TEXT(application)                                                                                         \
    TEXT(key_digest)      /* 32 bytes: SHA-256 of the key that it was made with */                            \
    TEXT(key)             /* that key's name */                                                               \
    TEXT(labels)          /* headers of its creation that hold for each line: "name: value", one a line */    \
    TEXT(endpoint)        /* "/v1/chat/completions" */                                                        \
    TEXT(input_file)                                                                                          \
    TEXT(output_file)                                                                                         \
    TEXT(error_file)                                                                                          \
    TEXT(metadata)        /* JSON object */                                                                   \
    TEXT(errors)          /* JSON array of {code, message, param, line} */                                    \
    TEXT(provider)        /* who has it; null: the local queue */                                             \
    TEXT(model)           /* with a provider: the model that all lines ask for */                             \
    TEXT(target_model)    /* and what the provider calls it */                                                \
    TEXT(upstream_file)                                                                                       \
    TEXT(upstream_batch)                                                                                      \
    TEXT(upstream_output)                                                                                     \
    TEXT(upstream_errors)                                                                                     \
    NUMBER(status)        /* enum batch_status */                                                             \
    NUMBER(ends_as)       /* and what it will be: known from FINALIZING on */                                 \
    NUMBER(created_us)                                                                                        \
    NUMBER(in_progress_us)                                                                                    \
    NUMBER(finalizing_us)                                                                                     \
    NUMBER(cancelling_us)                                                                                     \
    NUMBER(ended_us)                                                                                          \
    NUMBER(expires_us)                                                                                        \
    NUMBER(total)                                                                                             \
    NUMBER(completed)                                                                                         \
    NUMBER(failed)                                                                                            \
    NUMBER(creating)      /* the provider may have it, though we do not know under which id */                \
    NUMBER(worst_nano)    /* reserved while the provider has it; MONEY_UNKNOWN: no price */                   \
    NUMBER(approved_nano) /* x-quarterdeck-approve-cost; -1: not given */                                     \
    NUMBER(settle_us)     /* time of its lines' records; 0: not yet known */

struct batch {
    int64_t number; /* order of creation; 0: not stored yet */
#define TEXT(field) struct slice field;
#define NUMBER(field) int64_t field;
    BATCH_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
};
enum fault batches_save(struct batches *b, struct batch *row, struct error *error) MUST_CHECK; /* sets the number of a new one */
enum fault batches_find(struct batches *b, struct slice application, struct slice id, struct arena *arena, struct batch *ret,
                        struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND; null application: anyone's */
/* Newest first; `before`, `each` as for files. A null application is any; `unfinished`: only those. */
enum fault batches_list(struct batches *b, struct slice application, bool unfinished, int64_t before, struct arena *arena,
                        bool (*each)(void *ctx, const struct batch *row), void *ctx, struct error *error) MUST_CHECK;
/* All that are kept, those under way among them. */
enum fault batches_count(struct batches *b, struct slice application, int64_t *ret, struct error *error) MUST_CHECK;
enum fault batches_uses(struct batches *b, struct slice file, int64_t *ret_unfinished, struct error *error) MUST_CHECK;

/* Those that ended before: nobody asks any more. */
enum fault batches_forget(struct batches *b, int64_t before_us, struct error *error) MUST_CHECK;

/* ---- lines ---- numbered from 1, as in the input file */
enum batch_line_state { BATCH_LINE_PENDING, BATCH_LINE_ANSWERED, BATCH_LINE_FAILED };
struct batch_line {
    int64_t line, at, len; /* where it stands in the input file */
    struct slice custom_id;
    int64_t state;
    struct slice result;   /* the line of the output or error file, without its line break */
};
/* All changes between the two are one. */
enum fault batches_begin(struct batches *b, struct error *error) MUST_CHECK;
enum fault batches_commit(struct batches *b, struct error *error) MUST_CHECK; /* rolled back when it fails */
void batches_rollback(struct batches *b);
enum fault batches_line_add(struct batches *b, int64_t batch, const struct batch_line *l, struct error *error) MUST_CHECK;
enum fault batches_line_result(struct batches *b, int64_t batch, int64_t line, enum batch_line_state state, struct slice result,
                               struct error *error) MUST_CHECK;
/* The lines after `after`, in order; `pending`: those without a result alone. `each` returns false to stop. */
enum fault batches_lines(struct batches *b, int64_t batch, int64_t after, bool pending, struct arena *arena,
                         bool (*each)(void *ctx, const struct batch_line *l), void *ctx, struct error *error) MUST_CHECK;
enum fault batches_lines_count(struct batches *b, int64_t batch, enum batch_line_state state, int64_t *ret, struct error *error) MUST_CHECK;
enum fault batches_lines_drop(struct batches *b, int64_t batch, struct error *error) MUST_CHECK;

#endif
