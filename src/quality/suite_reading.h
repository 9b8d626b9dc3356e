/* suite_reading.h - a suite while it is read: shared by suite_read*.c. Private to quality/.
 *
 * The canonical form of a case is written while its declaration is at hand, so that nobody has to turn checks back into text. */
#ifndef QUALITY_SUITE_READING_H
#define QUALITY_SUITE_READING_H

#include "quality/suite.h"

#include "base/table.h"

struct suite_reading {
    struct suite *s;
    struct arena *arena;
    struct arena scratch;    /* emptied after each case */
    struct buffer checks, cases, triggers; /* canonical JSON lists without their brackets */
    struct buffer body;      /* a request, made only to see whether it can be */
    struct table ids;        /* to struct suite_case's line, as (void *)(intptr_t) */
    unsigned room;           /* for cases */
    unsigned depth;          /* of files of cases that are being read */
    unsigned problems_before;
    bool names_files;        /* some text begins with "file:": the canonical form must say that it means no file */
};

static inline bool suite_reading_failed(const struct suite_reading *g, const struct problems *p) {
    return p->more || p->count > g->problems_before;
}

/* Checks at `node` (a list, or JSON_NONE), of the suite (c NULL) or a case; their canonical forms, commas between, go to `out`. */
void suite_read_checks(struct suite_reading *g, struct reader *r, uint32_t node, struct check **ret, unsigned *ret_n, struct buffer *out);
/* "file:..." or a list of cases and such files. */
void suite_read_cases(struct suite_reading *g, struct reader *r, uint32_t node);
void suite_read_requirements(struct suite_reading *g, struct reader *r, uint32_t node);
void suite_read_triggers(struct suite_reading *g, struct reader *r, uint32_t node);
/* What a case lacks that the suite's and its own checks need, and the prompt. */
void suite_check_case(struct suite_reading *g, struct reader *r, const struct suite_case *k);
/* Tags and metrics that nothing has. */
void suite_check_requirements(const struct suite *s, struct reader *r);

/* Files that a file at `path` names are relative to it. `ret` borrows from `inner`. */
struct suite_folder {
    const struct file_source *outer;
    struct slice folder; /* with its slash; empty: none */
};
void suite_folder_of(struct slice path, const struct file_source *outer, struct suite_folder *inner, struct file_source *ret);

/* s->canonical and s->digest. */
bool suite_seal(struct suite_reading *g);

#endif
