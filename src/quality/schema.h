/* schema.h - JSON Schema 2020-12: compiled once, then any number of values held against it.
 *
 * Supported: every keyword of the core, applicator, unevaluated, validation and metadata vocabularies but those below;
 * $ref, $anchor, $defs and $id within the one document; `definitions` as a place for schemas. `format` is an annotation,
 * unless SCHEMA_ASSERT_FORMATS: then date-time, date, email, uri, uuid and ipv4 are asserted, and another is refused.
 * Numbers are exact (json_value.h), lengths are in code points, patterns are as in pattern.h. In an object with a
 * repeated key every occurrence is held against its schema and counted.
 *
 * Refused by name when the schema is compiled, never ignored: $dynamicRef, $dynamicAnchor, $recursiveRef,
 * $recursiveAnchor, $vocabulary, references out of the document (nothing is fetched, the meta-schema neither), the
 * forms that 2020-12 took away (a list as `items`, additionalItems, dependencies), a reference that comes back to
 * itself without going into the value, a divisor of more than 18 digits, a $schema of draft 4 or older. A $schema of
 * draft 6, 7 or 2019-09 is taken where it means the same: beside $ref those of 6 and 7 ignore other keywords, so
 * such a pair is refused. An unknown keyword is an annotation, as the standard has it; but one that looks like a
 * mistyped keyword is refused with the right one. */
#ifndef QUALITY_SCHEMA_H
#define QUALITY_SCHEMA_H

#include "base/json.h"

struct schema; /* immutable; any number of threads may use one */

#define SCHEMA_ASSERT_FORMATS 1u

/* Compiles the schema at `node` of `doc`, which both must outlive it: `node` is the document that references are within.
 * FAULT_CONFIG: *error says what is wrong and where ("properties.age.minimum: expected a number"), *ret_node
 * is the place. Release with schema_free (NULL is fine). */
enum fault schema_new(const struct json_doc *doc, uint32_t node, unsigned flags, struct schema **ret, uint32_t *ret_node,
                      struct error *error) MUST_CHECK;
void schema_free(struct schema *s);

enum schema_verdict { SCHEMA_VALID, SCHEMA_INVALID, SCHEMA_GAVE_UP };

/* Why not: the first that failed. GAVE_UP: a pattern, the work (2^24 schemas applied) or the memory was too much. */
struct schema_problem {
    uint32_t node;       /* of the value */
    const char *keyword; /* "required"; "false" for the schema false */
    struct slice text;   /* "items[2].price: expected a number of at least 0 (minimum), found -1"; in the arena */
};

enum schema_verdict schema_check(const struct schema *s, const struct json_doc *value, uint32_t node, struct arena *arena,
                                 struct schema_problem *ret_problem) MUST_CHECK;

#endif
