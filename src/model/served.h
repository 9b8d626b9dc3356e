/* served.h - a version of a prompt made ready to be served: what of it is JSON already is made once, not for each exchange.
 *
 * A text is cut at its variables into pieces that are escaped for the inside of a JSON string; what goes between them is escaped too, so
 * that no value can end the string that it stands in, and none is looked at for variables. Immutable once made; any thread may hold and
 * drop. All texts are its arena's. */
#ifndef MODEL_SERVED_H
#define MODEL_SERVED_H

#include "model/prompt.h"

#include <stdatomic.h>

struct served_piece {
    struct slice json;               /* escaped */
    int variable;                    /* that stands behind it; -1: none */
};

struct served_text {
    struct served_piece *pieces;
    unsigned n;
    bool escaped;                    /* some piece holds a backslash */
};

struct served_message {
    struct slice role;
    struct served_text text;         /* of content that is a text */
    struct json_doc parts;           /* of content that is a list; count 0: it is a text */
    struct served_text *part_texts;  /* by node of `parts`; n 0: as it is written */
};

struct served_variable {             /* declared ones, and those that some text holds all the same: they are required */
    struct slice name;
    struct slice fallback;           /* escaped */
    bool fallback_escaped;
    bool required;
    int64_t max_chars;               /* code points; -1: not bounded */
};
#define SERVED_VARIABLES 1024        /* most of one prompt */

struct served_version {
    atomic_uint references;
    struct arena arena;
    struct prompt prompt;
    int64_t number;
    char text[24];                   /* "7": prompt_version of the record */
    struct slice human;              /* "v1.2.3"; SLICE_NULL */
    struct served_message *messages; /* as many as prompt.n_messages */
    struct served_variable *variables;
    unsigned n_variables;
    struct slice model;              /* escaped; SLICE_NULL: whoever calls it says */
    bool model_escaped;
    struct json_doc parameters, tools; /* count 0: none */
    size_t bytes;                    /* of its JSON without values, about: to make room once */
    uint32_t nodes;                  /* the same of its nodes */
};

/* `body` is prompt_write's. FAULT_CORRUPT: it cannot be read. */
enum fault served_version_new(int64_t number, struct slice human, struct slice body, struct served_version **ret, struct error *error) MUST_CHECK;
struct served_version *served_version_hold(struct served_version *v);
void served_version_drop(struct served_version *v); /* accepts NULL */

#endif
