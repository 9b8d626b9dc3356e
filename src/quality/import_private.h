/* What the readers of other tools' evaluations share. Private to import*.c and case_file.c. */
#ifndef QUALITY_IMPORT_PRIVATE_H
#define QUALITY_IMPORT_PRIVATE_H

#include "model/declared.h"
#include "quality/import.h"

/* The id of a provider: a text, {id: ...}, or {text: 's is its config'}; SLICE_NULL for anything else. */
struct slice import_provider(const struct json_doc *d, uint32_t node, struct arena *arena);

#endif
