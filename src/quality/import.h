/* import.h - what the readers of other tools' evaluations share: where they are, what they may name, and the list of what did
 * not come along.
 *
 * Nothing is dropped in silence: whatever has no counterpart is a note with its file, line, place and why. */
#ifndef QUALITY_IMPORT_H
#define QUALITY_IMPORT_H

#include "model/prompt.h"

enum import_loss {
    IMPORT_LEFT_OUT, /* it is not in the suite */
    IMPORT_DIFFERS,  /* it is, but may say something else, or needs something from you */
};
const char *import_loss_name(enum import_loss l); /* "left out", "differs" */

struct import_note {
    enum import_loss loss;
    const char *file;
    int line;          /* 0: not known */
    struct slice where; /* "tests[3].assert[0]" */
    struct slice why;
    struct import_note *next;
};

/* One name for another: --map "openai:gpt-5=support-chat". */
struct import_map {
    struct slice from, to;
};

/* Files beside the imported one. */
struct import_files {
    struct file_source source;
    /* Names of files that match, sorted; as `source` reads them. */
    enum fault (*glob)(void *ctx, struct slice pattern, struct arena *arena, struct slice **ret, unsigned *ret_n, struct error *error);
};

#define IMPORT_JUDGES 32 /* of one suite */
struct import_judge {
    struct slice name, model;
    const char *scale;
};

struct import {
    struct arena *arena;              /* of all that is kept; has a maximum */
    const struct import_files *files; /* NULL: none may be named */
    const struct import_map *maps;
    unsigned n_maps;
    struct import_note *first, **last; /* notes, in the order in which they were made */
    unsigned n_left_out, n_differs;
    struct import_judge judges[IMPORT_JUDGES];
    unsigned n_judges;
    bool names_judges;                /* checks say whom they ask (`judges`); false: the suite's only judge */
    bool quiet;                       /* what is noted has been noted before */
    bool told_descriptions;           /* once for all of them: they say nothing to a check */
    bool full;                        /* the arena was: the import is not whole */
};

void import_init(struct import *m, struct arena *arena);
void import_note(struct import *m, enum import_loss loss, const char *file, int line, struct slice where, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* What a provider's id is called here: as mapped, else what is behind its kind: "openai:chat:gpt-5" is gpt-5. */
struct slice import_model(const struct import *m, struct slice provider);
/* A JSON document as YAML that people edit: what yaml_read makes the same document of. */
void import_write_yaml(const struct json_doc *d, uint32_t node, struct arena *arena, struct buffer *out);
/* The name of a judge that asks the provider on that scale; SLICE_NULL when there are too many. */
struct slice import_judge(struct import *m, struct slice provider, const char *scale);

#endif
