/* declared.h - what a person declared, in YAML or in JSON, as one JSON document that knows its lines.
 *
 * So that one reader serves suites in YAML, suites over the API and imported files, and each complaint names a line.
 * Plain YAML scalars become null, true, false and numbers by YAML 1.2's core schema (decimal numbers as JSON writes
 * them; 0x and 0o forms, infinities and NaN stay strings); quoted ones are strings. Everything lies in the arena. */
#ifndef MODEL_DECLARED_H
#define MODEL_DECLARED_H

#include "base/json.h"
#include "base/yaml.h"

struct declared {
    struct json_doc doc;
    const int *lines; /* of each node */
};

/* FAULT_TOO_LARGE and FAULT_BAD_JSON as of json_read. */
enum fault declared_from_yaml(const struct yaml_node *root, struct arena *arena, struct declared *ret,
                              struct error *error) MUST_CHECK;
enum fault declared_from_json(struct slice text, struct arena *arena, struct declared *ret, struct error *error) MUST_CHECK;

int declared_line(const struct declared *d, uint32_t node); /* 1-based; 0 for JSON_NONE */

#endif
