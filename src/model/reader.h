/* reader.h - reading maps that people declared: members by name, each complaint with its file and line and the nearest valid name.
 *
 * A function that gets JSON_NONE (not declared) leaves *ret as it is and is content. One that finds something else than it expects
 * tells it in `problems`, leaves *ret as it is and goes on, so that all problems are found at once. */
#ifndef MODEL_READER_H
#define MODEL_READER_H

#include "model/declared.h"
#include "model/problems.h"

/* Files that a declaration names as "file:./x", relative to it. NULL function: none may be named. */
struct file_source {
    void *ctx;
    enum fault (*read)(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error);
};

struct reader_file;
struct reader {
    const struct declared *d;
    const char *file;
    struct arena *arena;
    struct problems *problems;
    const struct file_source *files; /* NULL: none may be named */
    bool plain_texts;                /* "file:..." is a text as any other: in data files, and where `files: false` is declared */
    struct reader_file *kept;        /* files that were read: once each */
};

/* YAML or JSON of any text, which is not kept. FAULT_CONFIG: told as a problem. */
enum fault reader_open(struct reader *r, struct slice text, struct declared *ret) MUST_CHECK;

void reader_problem(const struct reader *r, uint32_t node, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "..., found 17" */
void reader_expected(const struct reader *r, uint32_t node, const char *what, const char *expected);

/* Members of the map at `node` in the order of `names` (NULL-terminated): at[i] is a value or JSON_NONE; null counts as not declared.
 * Unknown keys and keys that come twice are problems. False: it is no map, which is told with `what` it should be. */
bool reader_map(const struct reader *r, uint32_t node, const char *what, const char *const *names, uint32_t *at);
/* "; did you mean `x`?" or "": the nearest of `names` (NULL-terminated). */
#define READER_HINT 160
const char *reader_hint(struct slice word, const char *const *names, char out[READER_HINT]);

void reader_text(const struct reader *r, uint32_t node, const char *what, struct slice *ret);   /* not empty */
/* A text, a number or a truth value; or what stands in the file that "file:PATH" names. SLICE_NULL when it is none of these, which is
 * told unless `may_be_other`. */
struct slice reader_file_text(struct reader *r, uint32_t node, const char *what, bool may_be_other);
/* The path that the text names; SLICE_NULL: it names none. */
struct slice reader_file_path(const struct reader *r, uint32_t node);
/* SLICE_NULL: it cannot be read, which is told. */
struct slice reader_file(struct reader *r, uint32_t node, struct slice path);
/* A text, a number or a truth value as it is written; else, and for null, SLICE_NULL. */
struct slice reader_scalar(const struct reader *r, uint32_t node);
/* Up to 128 bytes of UTF-8 without control characters, `/`, `@` and white space at its ends: what can stand in a path and in NAME@V. */
void reader_name(const struct reader *r, uint32_t node, const char *what, struct slice *ret);
void reader_number(const struct reader *r, uint32_t node, const char *what, double least, double most, double *ret);
void reader_count(const struct reader *r, uint32_t node, const char *what, int64_t least, int64_t most, int64_t *ret);
void reader_flag(const struct reader *r, uint32_t node, const char *what, bool *ret);
/* A text or a list of texts. */
void reader_texts(const struct reader *r, uint32_t node, const char *what, struct slice **ret, unsigned *ret_n);

/* The value in one form: no white space, one way of escaping, numbers as they were written, members in the order of their keys down
 * to `depth` levels of maps (0: all as they were written). */
#define READER_ALL_SORTED 1000u
void reader_write(const struct json_doc *d, uint32_t node, unsigned depth, struct arena *arena, struct buffer *out);

#endif
