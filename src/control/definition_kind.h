/* definition_kind.h - what can be defined in files and registered: suites, judges, scoring rules, prompts, knowledge bases. One table;
 * `apply` knows no kind by itself. Prompts and knowledge bases are kept apart from the others (store/changes.h): their versions have states. */
#ifndef CONTROL_DEFINITION_KIND_H
#define CONTROL_DEFINITION_KIND_H

#include "model/reader.h"
#include "store/definitions.h"

struct definition_text {
    struct slice name, body; /* canonical JSON */
    struct digest digest;    /* SHA-256 of the body */
};

struct definition_kind {
    const char *name;        /* "suite": the kind, and the key that holds a file's name */
    const char *collection;  /* "/api/v1/suites" */
    /* Every problem is told; FAULT_CONFIG when there is one. */
    enum fault (*read)(struct slice text, const char *file, const struct file_source *files, struct arena *arena, struct definition_text *ret,
                       struct problems *problems);
};

extern const struct definition_kind definition_kinds[]; /* ends with a NULL name */

const struct definition_kind *definition_kind_of_path(const char *path);   /* that of a route; NULL */
/* That of a file's text: its first key. NULL: none of these; *ret_key is the key. */
const struct definition_kind *definition_kind_of_text(struct slice text, struct slice *ret_key);

struct api_call;
/* For handlers: `body` read and checked, `file` being what problems call it. False after having answered all that is wrong with it. */
bool api_definition_read(struct api_call *c, const struct definition_kind *kind, struct slice body, struct slice file, struct definition_text *ret);

#endif
