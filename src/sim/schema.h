/* schema.h - a JSON value that is valid for a JSON Schema, made with dice.
 *
 * Understood: type (also a list), enum, const, properties, required, items, prefixItems, minItems, maxItems,
 * uniqueItems of scalars, minimum, maximum, exclusive bounds, multipleOf, minLength, maxLength, the common
 * formats, $ref into the same schema ($defs, definitions, "#"), anyOf, oneOf, allOf of objects. `pattern`
 * and conditions (if, not, dependent...) are passed over. Optional members are written except far down, so
 * recursive schemas end. */
#ifndef SIM_SCHEMA_H
#define SIM_SCHEMA_H

#include "base/json.h"
#include "sim/prose.h"

/* `schema` is a node of `doc`, or JSON_NONE for "any object". */
void schema_write(const struct json_doc *doc, uint32_t schema, struct dice *d, const struct echo *echo,
                  struct arena *arena, struct json_writer *w);

#endif
